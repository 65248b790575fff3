"""What the engine asks of an account's agreements: what rests, what is reminded of, when to look
again, and where a ladder goes on after one was broken. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, Receivable
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import (
    Reminding,
    Resumption,
    looks_on,
    moves,
    reminder,
    resumption,
    standing,
)
from escalon.domain.decisions.decision import Reason
from escalon.domain.holds import open_hold
from escalon.domain.local_time import local_date
from escalon.domain.rules.rulebook import Rulebook, Step


class Resumed(msgspec.Struct, frozen=True):
    """A ladder that goes on after a broken agreement: the receivable whose steps from there on
    count as not taken, and by how many days its age is set back."""

    carrying: Receivable
    shift: int


def rest_reason(agreement: Agreement, receivable: Receivable, today: date) -> Reason:
    """Why a receivable is not escalated: its agreement, and what is due next under it."""
    due = standing(agreement, today).next_due
    return Reason(
        "in_agreement",
        {
            "receivable": receivable.receivable_id,
            "agreement": agreement.agreement_id,
            "kind": agreement.kind,
            "on": due.instalment.due_on if due else None,
        },
    )


def look_days(account: Account, rulebook: Rulebook, today: date) -> Iterator[date]:
    """The days on which time changes something about the account's agreements; today if it has and
    nobody has followed them yet."""
    for agreement in account.agreements:
        if moves(agreement, today):
            yield today
            continue
        found = standing(agreement, today)
        day = looks_on(found, rulebook.agreements.reminders, today)
        if day is not None:
            yield day


def reminders(account: Account, rulebook: Rulebook, today: date) -> Iterator[Reminding]:
    """The reminders of instalments that are due today. None while a debt of the agreement is on
    hold: what is disputed is not asked for."""
    for agreement in account.agreements:
        if agreement.state != "active" or any(
            open_hold(account, rulebook.holds, name, today) for name in agreement.debts
        ):
            continue
        due = reminder(
            agreement,
            standing(agreement, today),
            rulebook.agreements.reminders,
            today,
            account.reminded,
        )
        if due is not None:
            yield due


def reminder_reason(due: Reminding) -> Reason:
    """Why an instalment is reminded of."""
    return Reason(
        "instalment_due",
        {
            "step": due.step.step,
            "instalment": due.instalment.number,
            "agreement": due.agreement.agreement_id,
            "on": due.instalment.due_on,
        },
    )


def resumed(
    account: Account, carrying: Receivable, steps: Sequence[Step], today: date, zones: Sequence[str]
) -> Resumed | None:
    """Where the ladder of a receivable goes on if its latest agreement is broken and names a step:
    as if the debt had reached that step's day on the day of the break. What was taken of it before
    that day, from that step on, may be taken again."""
    broken = [
        found
        for agreement in account.agreements
        if agreement.state == "broken" and carrying.receivable_id in agreement.debts
        if (found := resumption(agreement, today)) is not None
    ]
    if not broken or carrying.due_on is None:
        return None
    latest: Resumption = max(broken, key=lambda found: found.on)
    names = [step.step for step in steps]
    if latest.step not in names:
        return None
    at = names.index(latest.step)
    again = {
        name: replace(record, state="failed", tried=())
        for name, record in carrying.steps.items()
        if name in names[at:] and local_date(zones, record.at) < latest.on
    }
    return Resumed(
        replace(carrying, steps={**carrying.steps, **again}),
        (latest.on - carrying.due_on).days - steps[at].day,
    )
