"""SES event publishing: what became of an e-mail, for each of its recipients.

Source: Amazon SES developer guide, "Contents of event data that Amazon SES publishes to Amazon
SNS". SES promises no order, and one event may be about several recipients.
"""

from datetime import datetime
from typing import Annotated

import msgspec

from escalon.domain.contact.feedback import Event, Feedback

# SES names tags by lists of values; these two are ours (adapters/email).
ACCOUNT_TAG, MESSAGE_TAG = "account_id", "message_id"

# By these SES says that it did not even try: the debtor has unsubscribed, or complained before.
_UNSUBSCRIBED = "UnsubscribedRecipient"
_SUPPRESSED = "OnAccountSuppressionList"


type _Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class _Recipient(msgspec.Struct, rename="camel"):
    email_address: str = ""


class _Mail(msgspec.Struct, rename="camel"):
    timestamp: _Instant
    message_id: str
    destination: list[str] = []
    tags: dict[str, list[str]] = {}


class _Bounce(msgspec.Struct, rename="camel"):
    timestamp: _Instant
    bounce_type: str
    bounce_sub_type: str = ""
    bounced_recipients: list[_Recipient] = []


class _Complaint(msgspec.Struct, rename="camel"):
    timestamp: _Instant
    complaint_sub_type: str | None = None
    complaint_feedback_type: str | None = None
    complained_recipients: list[_Recipient] = []


class _Delivery(msgspec.Struct, rename="camel"):
    timestamp: _Instant
    recipients: list[str] = []


class _Delay(msgspec.Struct, rename="camel"):
    timestamp: _Instant
    delay_type: str = ""
    delayed_recipients: list[_Recipient] = []


class _Event(msgspec.Struct, rename="camel"):
    event_type: str
    mail: _Mail
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None
    delivery: _Delivery | None = None
    delivery_delay: _Delay | None = None


class _Said(msgspec.Struct, frozen=True):
    """What an event says of each of its recipients."""

    event: Event
    at: datetime
    recipients: list[str]
    reason: str = ""
    address_bad: bool = False
    stops_channel: bool = False


def feedback_of(content: str) -> tuple[Feedback, ...] | None:
    """What one event says, for each recipient it is about; None if it is of a kind that we do not
    know. Raises msgspec.MsgspecError if it is not an event of SES at all."""
    event = msgspec.json.decode(content, type=_Event)
    said = _said(event)
    if said is None:
        return None
    mail = event.mail
    # A mailbox that forwards may bounce under another name than the one we wrote to.
    about = mail.destination if len(mail.destination) == 1 else said.recipients
    return tuple(
        Feedback(
            "email",
            said.event,
            said.at,
            mail.message_id,
            _tag(mail, ACCOUNT_TAG),
            _tag(mail, MESSAGE_TAG),
            recipient,
            said.reason,
            said.address_bad,
            said.stops_channel,
        )
        for recipient in about or ("",)
    )


def _said(event: _Event) -> _Said | None:
    mail = event.mail
    match event:
        case _Event(event_type="Send"):
            return _Said("sent", mail.timestamp, mail.destination)
        case _Event(event_type="Reject"):
            return _Said("rejected", mail.timestamp, mail.destination, "Reject")
        case _Event(event_type="Rendering Failure"):
            return _Said("failed", mail.timestamp, mail.destination, "RenderingFailure")
        case _Event(event_type="Delivery", delivery=_Delivery() as delivery):
            return _Said("delivered", delivery.timestamp, delivery.recipients)
        case _Event(event_type="DeliveryDelay", delivery_delay=_Delay() as delay):
            recipients = _addresses(delay.delayed_recipients)
            return _Said("delayed", delay.timestamp, recipients, delay.delay_type)
        case _Event(event_type="Bounce", bounce=_Bounce() as bounce):
            return _bounced(bounce)
        case _Event(event_type="Complaint", complaint=_Complaint() as complaint):
            return _complained(complaint)
    return None


def _bounced(bounce: _Bounce) -> _Said:
    """A permanent bounce blames the address. Any other leaves it open: a full mailbox, or somebody
    on holiday whose mailbox answers by itself, which comes after the delivery."""
    recipients = _addresses(bounce.bounced_recipients)
    reason = f"{bounce.bounce_type}/{bounce.bounce_sub_type}"
    if bounce.bounce_type != "Permanent":
        return _Said("unconfirmed", bounce.timestamp, recipients, reason)
    stops = bounce.bounce_sub_type == _UNSUBSCRIBED
    return _Said("bounced", bounce.timestamp, recipients, reason, not stops, stops)


def _complained(complaint: _Complaint) -> _Said:
    recipients = _addresses(complaint.complained_recipients)
    kind = complaint.complaint_feedback_type or ""
    if complaint.complaint_sub_type == _SUPPRESSED:
        # SES did not send it: they have complained before.
        reason = f"Complaint/{_SUPPRESSED}"
        return _Said("failed", complaint.timestamp, recipients, reason, stops_channel=True)
    if kind == "not-spam":  # they have taken it out of the folder for spam
        return _Said("delivered", complaint.timestamp, recipients, kind)
    return _Said("complained", complaint.timestamp, recipients, kind, stops_channel=True)


def _addresses(recipients: list[_Recipient]) -> list[str]:
    return [recipient.email_address for recipient in recipients]


def _tag(mail: _Mail, name: str) -> str:
    values = mail.tags.get(name)
    return values[0] if values else ""
