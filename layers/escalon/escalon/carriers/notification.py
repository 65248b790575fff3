"""A notification of SNS, as it stands on a queue, and which carrier's event is in it.

There is nothing to verify in it: the queue takes what its topic brings and nothing else, and so its
policy is what makes a notification genuine. Its topic is looked at all the same.
"""

from typing import Literal

import msgspec

from escalon.carriers import ses, sms
from escalon.domain.contact.feedback import Feedback

type Why = Literal["not_a_notification", "foreign_topic", "not_an_event", "unknown_event"]

# SES says so in words when it is told to publish to a topic.
_GREETING = "Successfully validated SNS topic for Amazon SES event publishing"

UNREADABLE = (msgspec.MsgspecError, ValueError, OverflowError, OSError, RecursionError)


class NotUnderstood(msgspec.Struct, frozen=True):
    """Something arrived that says nothing to us."""

    why: Why
    event_type: str = ""  # what it calls itself


class _Notification(msgspec.Struct, rename="pascal"):
    type: str
    topic_arn: str
    message: str


class _Kind(msgspec.Struct, rename="camel"):
    event_type: str = ""
    notification_type: str = ""  # what SES calls it for an identity without event publishing


def feedback_of(body: str, topic: str) -> tuple[Feedback, ...] | NotUnderstood:
    """What the event in a notification of `topic` (its ARN) says, for each recipient. Total: it
    raises on nothing that anybody could send."""
    try:
        notification = msgspec.json.decode(body, type=_Notification)
    except UNREADABLE:
        return NotUnderstood("not_a_notification")
    if notification.topic_arn != topic:
        return NotUnderstood("foreign_topic")
    if notification.type != "Notification":
        return NotUnderstood("not_a_notification")
    content = notification.message
    if content.startswith(_GREETING):
        return ()
    try:
        kind = msgspec.json.decode(content, type=_Kind)
    except UNREADABLE:
        return NotUnderstood("not_an_event")
    name = _name(kind.event_type or kind.notification_type)
    translate = sms.feedback_of if name.startswith("TEXT_") else ses.feedback_of
    try:
        said = translate(content)
    except UNREADABLE:
        return NotUnderstood("not_an_event", name)
    return NotUnderstood("unknown_event", name) if said is None else said


def _name(text: str) -> str:
    """An event's name as it may be logged: a stranger's text could hold anything."""
    return text if len(text) <= 40 and text.replace("_", "").replace(" ", "").isalnum() else "other"
