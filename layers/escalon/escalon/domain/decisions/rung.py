"""What one creditor's ladder says, and which of several ladders goes first. Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Receivable, Role
from escalon.domain.decisions.decision import Action, Outcome, Reason, Refusal
from escalon.domain.decisions.view import PERSON_DAYS, View
from escalon.domain.rules.rulebook import STAGES, Step

_STAGE_RANK = {stage: rank for rank, stage in enumerate(STAGES)}


class Rung(msgspec.Struct, frozen=True):
    """What one creditor's ladder says."""

    outcome: Outcome
    creditor: str
    reasons: tuple[Reason, ...]
    next_look_at: datetime | None = None
    refusals: tuple[Refusal, ...] = ()
    strategy: str = ""
    step: Step | None = None
    stage: str = ""
    action: Action | None = None
    task: str = ""
    about: str = ""
    queue: str = ""
    due_days: int = 0
    channel: str = ""
    point_id: str = ""
    carrying: Receivable | None = None
    attempt: int = 1
    trial: tuple[str, str] | None = None  # the experiment that put the debtor here, and the arm
    reminder: str = ""  # of an instalment (`Reminding.key`); empty for a step of a ladder
    person: str = ""  # the co-debtor or guarantor to whom it goes; empty: the debtor
    role: Role = "debtor"

    @property
    def severity(self) -> tuple[int, int]:
        """Orders steps over all ladders; work without a step comes last."""
        if self.step is None:
            return (-1, 0)
        return (_STAGE_RANK[self.step.stage], self.step.day)

    @property
    def is_closed(self) -> bool:
        """Whether the step is due and waits for nothing but the contact policy to open."""
        return self.outcome == "wait" and bool(self.refusals)


def severest(rungs: Sequence[Rung]) -> Rung | None:
    """What is done now: the severest step that is due. A milder creditor's message does not go
    while a severer step only waits for the contact policy, since it would use up the person's
    contact, as a call or a letter does; other work for a person uses up nothing."""
    if len(rungs) == 1:
        return rungs[0] if rungs[0].outcome == "act" else None
    closed = max((rung.severity for rung in rungs if rung.is_closed), default=(-2, 0))
    acting = (
        rung
        for rung in rungs
        if rung.outcome == "act" and (rung.channel == "task" or rung.severity >= closed)
    )
    return max(acting, key=severity_of, default=None)


def severity_of(rung: Rung) -> tuple[int, int]:
    """As a key to sort by: a plain function costs less than a lambda around the property."""
    return rung.severity


def refusals_of(rungs: Sequence[Rung]) -> tuple[Refusal, ...]:
    """The contacts that the policy has not allowed, of all ladders."""
    return tuple(refusal for rung in rungs for refusal in rung.refusals)


def reason_about(receivable: Receivable, code: str, **params: object) -> Reason:
    """A reason that names the receivable."""
    return Reason(code, {"receivable": receivable.receivable_id, **params})


def ask_a_person(view: View, rung: Rung) -> Rung:
    """The rung as it is, or its hold if a person has been asked about the same and is at it."""
    if rung.about not in view.account.exceptions:
        return rung
    waiting = (*rung.reasons, Reason("waits_for_person", {"task": rung.task}))
    return replace(rung, outcome="hold", reasons=waiting, next_look_at=view.in_days(PERSON_DAYS))
