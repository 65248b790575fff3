"""What the engine answers: one decision about one account at one instant, with its reasons."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from escalon.domain.account import Role

Outcome = Literal["act", "wait", "hold", "skip"]
# message: say something · task: work for a person · resume: put a planned intent on its queue
# again · unknown: flag a contact whose fate nobody knows
Action = Literal["message", "task", "resume", "unknown"]


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sentence of an explanation as data: a code and what fills its text (explanation.py)."""

    code: str
    params: dict[str, Any] = {}


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """A contact that the contact policy did not allow; it uses up nothing (invariant 3)."""

    creditor: str
    step: str
    channel: str
    rule: str
    source: str
    code: str
    next_allowed_at: datetime | None = None
    params: dict[str, Any] = {}
    person: str = ""  # the account that would have been contacted, if not the debtor's


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """The engine's answer. `next_look_at` is set whenever the account has anything open."""

    account_id: str
    as_of: datetime
    outcome: Outcome
    reasons: tuple[Reason, ...]
    rulebook: str
    next_look_at: datetime | None = None
    action: Action | None = None
    creditor: str = ""
    strategy: str = ""
    step: str = ""
    stage: str = ""
    channel: str = ""  # a contact channel, or "task"
    point_id: str = ""
    task: str = ""
    about: str = ""  # what has to be mended, as the mark the account keeps meanwhile
    queue: str = ""  # whom the ladder hands to at its end
    due_days: int = 0  # days a person has for the task
    gives: tuple[str, ...] = ()  # the statutory notices that the message is
    receivable_id: str = ""  # the receivable that carries the step
    days_past_due: int | None = None
    attempt: int = 1
    reminder: str = ""  # of an instalment: `Reminding.key`
    person: str = ""  # the account of the co-debtor or guarantor to contact; empty: the debtor
    role: Role = "debtor"
    intent_id: str = ""
    refusals: tuple[Refusal, ...] = ()
    trials: dict[str, str] = {}  # experiments that the account enters by it, and its arm of each
