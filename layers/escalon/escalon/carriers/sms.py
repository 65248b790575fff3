"""What became of an SMS, by SNS's delivery log in CloudWatch Logs or by AWS End User Messaging.

Sources: Amazon SNS developer guide, "Amazon SNS SMS delivery monitoring" (the log and its reasons
for failure); AWS End User Messaging SMS user guide, "Event types" and "Example event data". Either
may tell as late as 72 hours after the message.
"""

import base64
import binascii
import zlib
from datetime import UTC, datetime
from typing import Literal

import msgspec

from escalon.domain.contact.feedback import Event, Feedback

# The two tags of ours that an SMS of AWS End User Messaging carries in its context.
ACCOUNT_CONTEXT, MESSAGE_CONTEXT = "account_id", "message_id"

_GZIP = 16 + zlib.MAX_WBITS
_MOST_BYTES = 16 * 1024 * 1024  # of a batch of log lines; CloudWatch sends a megabyte at most

# SNS's reasons, as it writes them, by what we make of them. One that is not listed says no more
# than that nobody was reached.
_INVALID_NUMBER = "Invalid phone number"
_OPTED_OUT = "Phone number is opted out"
_REASONS = frozenset(
    {
        _INVALID_NUMBER,
        _OPTED_OUT,
        "Blocked as spam by phone carrier",
        "Destination is on a blocked list",
        "Message body is invalid",
        "Phone carrier has blocked this message",
        "Phone carrier is currently unreachable/unavailable",
        "Phone has blocked SMS",
        "Phone is on a blocked list",
        "Phone is currently unreachable/unavailable",
        "This delivery would exceed max price",
        "Unknown error attempting to reach phone",
    }
)

_EVENTS: dict[str, Event] = {
    "TEXT_QUEUED": "sent",
    "TEXT_PENDING": "sent",
    "TEXT_SENT": "sent",
    "TEXT_SUCCESSFUL": "delivered",  # where the country's carriers tell no more, it is all there is
    "TEXT_DELIVERED": "delivered",
    "TEXT_UNKNOWN": "unconfirmed",
    "TEXT_UNREACHABLE": "failed",
    "TEXT_CARRIER_UNREACHABLE": "failed",
    "TEXT_BLOCKED": "failed",
    "TEXT_CARRIER_BLOCKED": "failed",
    "TEXT_PROTECT_BLOCKED": "failed",
    "TEXT_SPAM": "failed",
    "TEXT_TTL_EXPIRED": "failed",
    "TEXT_INVALID_MESSAGE": "failed",
    "TEXT_INVALID": "failed",
}


class _Notification(msgspec.Struct, rename="camel"):
    message_id: str
    timestamp: str


class _Delivery(msgspec.Struct, rename="camel"):
    destination: str = ""
    provider_response: str = ""


class _Line(msgspec.Struct):
    notification: _Notification
    status: Literal["SUCCESS", "FAILURE"]
    delivery: _Delivery


class _Text(msgspec.Struct, rename="camel"):
    event_type: str
    event_timestamp: int  # milliseconds of the Unix epoch
    message_id: str
    is_final: bool = False
    destination_phone_number: str = ""
    context: dict[str, str] = {}


class _LogEvent(msgspec.Struct):
    message: str


class _LogBatch(msgspec.Struct, rename="camel"):
    message_type: str = ""
    log_events: list[_LogEvent] = []


def log_lines(data: str) -> tuple[str, ...]:
    """The lines that a subscription filter of CloudWatch Logs hands over (base64 of gzip). Its
    control messages have none. Raises ValueError if the bytes are none of its."""
    try:
        packed = base64.b64decode(data, validate=True)
        unpacking = zlib.decompressobj(_GZIP)
        content = unpacking.decompress(packed, _MOST_BYTES)
        batch = msgspec.json.decode(content, type=_LogBatch)
    except (binascii.Error, zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError("no batch of log lines") from error
    if batch.message_type != "DATA_MESSAGE":
        return ()
    return tuple(event.message for event in batch.log_events)


def feedback_of_line(line: str) -> Feedback:
    """What one line of SNS's delivery log says. Raises msgspec.MsgspecError or ValueError if it is
    no such line."""
    said = msgspec.json.decode(line, type=_Line)
    response = said.delivery.provider_response
    failed = said.status == "FAILURE"
    return Feedback(
        "sms",
        "failed" if failed else "delivered",
        datetime.fromisoformat(said.notification.timestamp).replace(tzinfo=UTC),
        said.notification.message_id,
        recipient=said.delivery.destination,
        reason=(response if response in _REASONS else "other") if failed else "",
        address_bad=failed and response == _INVALID_NUMBER,
        stops_channel=failed and response == _OPTED_OUT,
    )


def feedback_of(content: str) -> tuple[Feedback, ...] | None:
    """What one event of AWS End User Messaging says; None if it is of a kind that we do not know.
    Raises msgspec.MsgspecError or ValueError if it is no such event at all."""
    said = msgspec.json.decode(content, type=_Text)
    event = _EVENTS.get(said.event_type)
    if event is None:
        return None
    if not said.is_final and event != "sent":
        # Something may follow; for now the carrier has it.
        event = "sent" if event == "delivered" else "delayed"
    at = datetime.fromtimestamp(said.event_timestamp // 1000, UTC)
    return (
        Feedback(
            "sms",
            event,
            at,
            said.message_id,
            said.context.get(ACCOUNT_CONTEXT, ""),
            said.context.get(MESSAGE_CONTEXT, ""),
            said.destination_phone_number,
            said.event_type if event not in ("sent", "delivered") else "",
            said.event_type == "TEXT_INVALID" and said.is_final,
        ),
    )
