"""A notification of the topic on which carriers tell what debtors write: SMS and WhatsApp.

Source for SMS: AWS End User Messaging SMS user guide, "Two-way SMS message payload". It names no
instant, so that of the notification stands for it. WhatsApp tells on the same topic what became of
our own messages, since one account of theirs has one destination for everything.
"""

from datetime import datetime

import msgspec

from escalon.carriers import whatsapp
from escalon.carriers.notification import UNREADABLE, NotUnderstood
from escalon.domain.contact.feedback import Feedback
from escalon.domain.contact.replies import Reply


class Inbound(msgspec.Struct, frozen=True):
    """What a notification says."""

    replies: tuple[Reply, ...] = ()
    feedback: tuple[Feedback, ...] = ()  # of messages that we sent


class _Notification(msgspec.Struct, rename="pascal"):
    type: str
    topic_arn: str
    message: str
    timestamp: str


class _Text(msgspec.Struct, rename="camel"):
    origination_number: str
    inbound_message_id: str
    message_body: str = ""


def inbound_of(body: str, topic: str) -> Inbound | NotUnderstood:
    """What stands in a notification of `topic` (its ARN). Total: it raises on nothing that anybody
    could send."""
    try:
        notification = msgspec.json.decode(body, type=_Notification)
        at = datetime.fromisoformat(notification.timestamp)
    except UNREADABLE:
        return NotUnderstood("not_a_notification")
    if notification.topic_arn != topic:
        return NotUnderstood("foreign_topic")
    if notification.type != "Notification" or at.tzinfo is None:
        return NotUnderstood("not_a_notification")
    try:
        if "whatsAppWebhookEntry" in notification.message:
            feedback, replies = whatsapp.said(notification.message)
            return Inbound(replies, feedback)
        text = msgspec.json.decode(notification.message, type=_Text)
    except UNREADABLE:
        return NotUnderstood("not_an_event")
    if not text.origination_number or not text.inbound_message_id:
        return NotUnderstood("not_an_event")
    reply = Reply("sms", text.inbound_message_id, at, text.origination_number, text.message_body)
    return Inbound((reply,))
