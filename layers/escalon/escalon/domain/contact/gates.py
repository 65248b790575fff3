"""Gates and duties: what has to have happened before an action on a debt, and what is owed by when.

Days are calendar days of the debtor. Where zones conflict, the reading that waits longest and ends
soonest holds.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, get_args

from escalon.domain.calendar import Zone
from escalon.domain.contact.facts import Debt
from escalon.domain.contact.rules import Duty, Gate

GateReason = Literal[
    "not_on_file", "debt_unknown", "too_small", "too_old", "notice_missing", "gate_waits"
]
GATE_REASONS: frozenset[str] = frozenset(get_args(GateReason))
# From when to when something is allowed; the end is out, None: for good.
Span = tuple[datetime, datetime | None]


def gate_denial(
    gate: Gate, debt: Debt, zones: Sequence[Zone], at: datetime
) -> tuple[GateReason, dict[str, str]] | None:
    """Why the gate is shut at that instant, or None if it is open."""
    about = {"action": gate.action}
    missing = [need for need in gate.require if need not in debt.on_file]
    if missing:
        return "not_on_file", {**about, "missing": ", ".join(missing)}
    if (gate.max_months or gate.wait_after == "due_date") and debt.due_on is None:
        return "debt_unknown", {**about, "missing": "due_on"}
    if gate.least_principal and not debt.currency:
        return "debt_unknown", {**about, "missing": "principal"}
    if debt.principal_minor < gate.least_principal.get(debt.currency, 0):
        return "too_small", about
    if _notices(gate, debt, zones) < gate.notices:
        given = str(_notices(gate, debt, zones))
        return "notice_missing", {**about, "given": given, "needed": str(gate.notices)}
    opens, closes = _span(gate, debt, zones, at)
    if closes is not None and at >= closes:
        return "too_old", {**about, "months": str(gate.max_months)}
    if at < opens:
        return "gate_waits", {**about, "days": str(gate.wait_days)}
    return None


def gate_span(gate: Gate, debt: Debt, zones: Sequence[Zone], at: datetime) -> Span | None:
    """From when (never before `at`) to when the gate is open; None if not by time alone."""
    denial = gate_denial(gate, debt, zones, at)
    if denial is not None and denial[0] != "gate_waits":
        return None
    return _span(gate, debt, zones, at)


def _span(gate: Gate, debt: Debt, zones: Sequence[Zone], at: datetime) -> Span:
    opens, closes = at, None
    if gate.wait_after == "due_date" and debt.due_on is not None:
        opens = _everywhere(zones, debt.due_on.toordinal() + gate.wait_days, at)
    elif given := _given(gate.notice, debt):
        for zone in zones:
            last = zone.first_instant(_ordinal(zone, given[-1]) + gate.wait_days)
            opens = max(opens, last, given[-1])
    if gate.max_months and debt.due_on is not None:
        last_day = add_months(debt.due_on, gate.max_months).toordinal()
        closes = min(zone.first_instant(last_day + 1) for zone in zones)
    return opens, closes


def _notices(gate: Gate, debt: Debt, zones: Sequence[Zone]) -> int:
    """How many notices count: those that were given with proof, or the days on which they were."""
    given = _given(gate.notice, debt)
    if not gate.distinct_days:
        return len(given)
    return min(len({_ordinal(zone, at) for at in given}) for zone in zones)


def _given(notice: str, debt: Debt) -> list[datetime]:
    """When notices of that name were given, the last one last."""
    return sorted(each.at for each in debt.notices if each.notice == notice and each.proof)


def duty_ends(duty: Duty, debt: Debt, zones: Sequence[Zone]) -> tuple[date, datetime] | None:
    """The last day on which the notice is given in time and the instant at which that day is over,
    or None if nothing is owed: it was given, or what it counts from has not happened."""
    if _given(duty.notice, debt):
        return None
    if duty.after == "first_contact":
        if debt.first_contact_at is None:
            return None
        first = min(_ordinal(zone, debt.first_contact_at) for zone in zones)
    elif debt.due_on is None:
        return None
    else:
        first = debt.due_on.toordinal()
    last = first + duty.within_days
    return date.fromordinal(last), min(zone.first_instant(last + 1) for zone in zones)


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last day of that month if it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + month // 11, (month + 1) % 12 + 1, 1)
    last = date.fromordinal(following.toordinal() - 1).day
    return date(year, month + 1, min(day.day, last))


def _everywhere(zones: Sequence[Zone], ordinal: int, at: datetime) -> datetime:
    return max(at, *(zone.first_instant(ordinal) for zone in zones))


def _ordinal(zone: Zone, at: datetime) -> int:
    return at.astimezone(zone.info).toordinal()
