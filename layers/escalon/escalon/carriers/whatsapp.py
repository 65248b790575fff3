"""What AWS End User Messaging Social tells of WhatsApp: what became of a message, and replies.

Sources: AWS End User Messaging Social user guide, "Message and event format" (its header around
Meta's notification, which is JSON in a string); Meta, WhatsApp Cloud API, "Webhooks: messages" and
"Error codes". Nothing tells us who has read a message: that is nobody's business (contact-law,
`core.never`), so "read" says no more than that it arrived.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from escalon.domain.contact.feedback import Event, Feedback
from escalon.domain.contact.replies import Reply

_EVENTS: dict[str, Event] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "failed": "failed",
}

# Meta's codes for a failure that the number is to blame for: it is not on WhatsApp, or cannot take
# messages of this kind.
_NO_SUCH_NUMBER = 131026
# The person has told WhatsApp that they want no such messages from us.
_STOPPED = 131050


class _Header(msgspec.Struct, rename="camel"):
    whats_app_webhook_entry: str


class _Error(msgspec.Struct):
    code: int = 0


class _Status(msgspec.Struct):
    id: str
    status: str
    timestamp: str | int  # seconds of the Unix epoch
    errors: list[_Error] = []
    biz_opaque_callback_data: str = ""


class _Text(msgspec.Struct):
    body: str = ""


class _Message(msgspec.Struct):
    id: str
    timestamp: str | int
    type: str = "unknown"
    sender: str = msgspec.field(name="from", default="")
    text: _Text | None = None
    button: dict[str, Any] = {}


class _Value(msgspec.Struct):
    statuses: list[_Status] = []
    messages: list[_Message] = []


class _Change(msgspec.Struct):
    field: str = ""
    value: Any = None


class _Entry(msgspec.Struct):
    changes: list[_Change] = []


def callback_data(account_id: str, message_id: str) -> str:
    """Our ids, as a message carries them and Meta gives them back with everything it tells."""
    return f"{account_id}:{message_id}"


def said(content: str) -> tuple[tuple[Feedback, ...], tuple[Reply, ...]]:
    """What one notification says: of messages that we sent, and what debtors wrote. What it says
    of our account, our templates or our quality is for the console, and is nothing here. Raises
    msgspec.MsgspecError, ValueError or OverflowError if it is no such notification."""
    header = msgspec.json.decode(content, type=_Header)
    entry = msgspec.json.decode(header.whats_app_webhook_entry, type=_Entry)
    values = [
        msgspec.convert(change.value, _Value)
        for change in entry.changes
        if change.field == "messages"
    ]
    feedback = (_feedback(status) for value in values for status in value.statuses)
    replies = (_reply(message) for value in values for message in value.messages)
    return tuple(found for found in feedback if found is not None), tuple(replies)


def _feedback(status: _Status) -> Feedback | None:
    """None for what a message's sender did themselves (deleted) and what may come to be."""
    event = _EVENTS.get(status.status)
    if event is None:
        return None
    account_id, _, message_id = status.biz_opaque_callback_data.partition(":")
    if not message_id:  # another system's
        account_id = ""
    code = status.errors[0].code if event == "failed" and status.errors else 0
    return Feedback(
        "whatsapp",
        event,
        _instant(status.timestamp),
        status.id,
        account_id,
        message_id,
        reason=f"Meta/{code}" if code else "",
        address_bad=code == _NO_SUCH_NUMBER,
        stops_channel=code == _STOPPED,
    )


def _reply(message: _Message) -> Reply:
    text = message.text.body if message.text is not None else str(message.button.get("text", ""))
    sender = message.sender if message.sender.startswith("+") else f"+{message.sender}"
    at = _instant(message.timestamp)
    return Reply("whatsapp", message.id, at, sender, text, message.type)


def _instant(seconds: str | int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
