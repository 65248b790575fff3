"""What carriers tell of messages that they took, and what a message is by all that was told: pure.

A carrier tells in any order, late and more than once, so a message's state is the one that weighs
most of all that is known of it, never the one that was told last. Whoever handed the message over
writes down the first of it (released, sending, sent, or failed if it was refused on the spot), a
run writes unknown, and the rest is feedback.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from escalon.domain.account import Channel, StepState

type Event = Literal[
    "sent", "delayed", "unconfirmed", "delivered", "complained", "failed", "rejected", "bounced"
]
type MessageState = Literal["released", "sending", "unknown"] | Event

# From the least weight to the most: a state gives way to those behind it, and to no other.
WEIGHT: tuple[MessageState, ...] = (
    "released",  # given back: the carrier took nothing, as far as we know
    "sending",  # claimed: the carrier may have been called
    "unknown",  # nobody knows whether it left: the answer was lost
    "sent",  # the carrier took it
    "delayed",  # the carrier is still trying
    "unconfirmed",  # it came back for a passing or an untold reason, or the carrier never heard
    "delivered",  # the debtor's mail server or phone took it
    "complained",  # it arrived, and the debtor calls it abuse
    "failed",  # it reached nobody, and the address may be right
    "rejected",  # the carrier would not carry its content
    "bounced",  # it reached nobody, and the address does not work
)
_RANK = {state: rank for rank, state in enumerate(WEIGHT)}

# Within this time a carrier has told what became of a message. SES tries for 14 hours at most
# (`MaxDeliverySeconds`); SMS may take three days.
HEARD_WITHIN = timedelta(hours=72)

# What a message's state makes of the step that it was sent for.
STEP_STATES: dict[Event, StepState] = {
    "sent": "sent",
    "delayed": "delayed",
    "unconfirmed": "unknown",
    "delivered": "delivered",
    "complained": "delivered",
    "failed": "failed",
    "rejected": "failed",
    "bounced": "failed",
}


class Feedback(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of one message for one recipient, in our words.

    With `account_id` and `message_id` the carrier told our own ids; else the message is found by
    the id that the carrier gave it. `recipient` is empty if that is whoever it was sent to.
    """

    channel: Channel
    event: Event
    at: datetime
    provider_message_id: str
    account_id: str = ""
    message_id: str = ""
    recipient: str = ""
    reason: str = ""  # the carrier's code; never an address or a text of a mail server
    address_bad: bool = False  # the address itself does not work
    stops_channel: bool = False  # the debtor wants nothing more by this channel


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """When an event was, as the message keeps it, and why."""

    at: datetime
    reason: str = ""


class Message(msgspec.Struct, frozen=True):
    """What feedback needs to know of a message; its document holds more."""

    message_id: str
    account_id: str
    creditor: str
    channel: Channel
    to: str
    step: str
    stage: str
    rulebook: str
    claimed_at: datetime
    state: MessageState
    run_id: str = ""
    debtor_id: str = ""  # whose debt it is about, if it went to a co-debtor or guarantor
    told: dict[Event, Told] = {}  # all that was told but "sent", which every other implies


def weightier(one: MessageState, other: MessageState) -> MessageState:
    """Which of two states a message is in."""
    return one if _RANK[one] >= _RANK[other] else other


def is_news(message: Message, feedback: Feedback) -> bool:
    """Whether the message does not say so yet."""
    if feedback.event == "sent":
        return weightier(message.state, "sent") != message.state
    return feedback.event not in message.told


def with_feedback(message: Message, feedback: Feedback, at: datetime) -> Message:
    """The message after it was told; `at` is when that was."""
    told = message.told
    if feedback.event != "sent":
        told = {**told, feedback.event: Told(at, feedback.reason)}
    state = weightier(message.state, feedback.event)
    return msgspec.structs.replace(message, state=state, told=told)


def is_known(state: MessageState) -> bool:
    """Whether nobody has to find out what became of the message."""
    return state not in ("released", "sending", "unknown", "unconfirmed")
