"""Work that the system gives to people, and what may become of each kind of it: pure values.

A task stands on a list until somebody says what became of it. What follows from that for the
account is in domain/decisions/by_hand.py.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

import msgspec

type Outcome = Literal[
    "done",
    # a call
    "reached",
    "promised",
    "not_reached",
    "wrong_number",
    # a message that a person sends: a letter, and WhatsApp where the rulebook has not set it up
    "posted",
    "not_posted",
    "sent",
    "not_sent",
    "came_back",
    # what became of a message
    "delivered",
    "not_delivered",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome.__value__)

_DONE: tuple[Outcome, ...] = ("done",)
# What may become of a task that is open, by its kind. A ladder names work of its own besides
# (`task: legal_review`); of that a person says that it is done.
BY_KIND: Mapping[str, tuple[Outcome, ...]] = {
    "call": ("reached", "promised", "not_reached", "wrong_number"),
    "letter": ("posted", "not_posted"),
    "whatsapp": ("sent", "not_sent"),
    "unknown_fate": ("delivered", "not_delivered"),
    **dict.fromkeys(
        (
            "data_repair",
            "review",
            "hand_over",
            "reply",
            "correction",
            "credit_review",
            "approve_agreement",
            "dispute",
            "question",
            "hardship",
            "complaint",
            "wrong_person",
            "declined",
        ),
        _DONE,
    ),
}
# What may still become of a message that a person has sent: a letter comes back, or its receipt
# does. What a carrier has sent by itself is another matter (`unknown_fate`).
_AFTER: Mapping[str, tuple[Outcome, ...]] = {
    "posted": ("delivered", "came_back"),
    "sent": ("delivered", "not_delivered"),
}
# Tasks to send a message by hand: they have the name of its channel.
SENT_BY_HAND = frozenset(("letter", "whatsapp"))


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task as far as closing it asks; its document holds more. Instants are aware."""

    task_id: str
    account_id: str
    kind: str
    opened_at: datetime
    due_at: datetime
    creditor: str = ""
    receivable_id: str = ""
    step: str = ""
    stage: str = ""
    about: str = ""  # what a person is to mend, or the message that it is about
    person: str = ""  # the co-debtor or guarantor to whom that message went
    point_id: str = ""  # the contact point to write to or to call, if one was chosen
    outcome: str = ""  # what became of it; a carrier's event where a carrier said so
    closed_at: datetime | None = None
    sent_at: datetime | None = None  # when a person sent the message


def outcomes(task: Task) -> tuple[Outcome, ...]:
    """What a person may say of the task now; nothing of one that is settled for good."""
    if task.closed_at is None:
        return BY_KIND.get(task.kind, _DONE)
    return _AFTER.get(task.outcome, ()) if task.kind in SENT_BY_HAND else ()
