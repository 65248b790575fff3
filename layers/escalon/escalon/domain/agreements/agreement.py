"""Agreements: what a debtor and a creditor settled on, followed as money and time move.

One engine for the promise to pay, the plan, the extension and the settlement with a discount. Pure,
like the decision engine: what became of an agreement is a function of its terms, of the money that
settled its receivables since its debt was added up, and of the day (L14). So it makes no difference
in which order money is told of.

- Money fills the instalments in their order, by the day it was paid on. Money that went again (a
  bounced payment, a refund, a chargeback) fills nothing.
- An instalment is kept if its money, but for the tolerance in amount, was there by its due date or
  within the tolerance in days. Whose money goes again has that tolerance once more, from the day on
  which it went.
- While a debt of it is on hold no time runs out. An instalment whose time would have has the
  tolerance once more, from the day on which the hold ended.
- One instalment that is not kept in time breaks the agreement, whatever comes later. Money that is
  told of late and was there in time mends it.

Nothing is given up when an agreement is made, but when it is fulfilled. So a broken one forfeits
its discount by itself, and the debt is what it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Receivable, StepRecord
from escalon.domain.agreements.agreed import (
    Acceptance,
    Agreement,
    Asked,
    Change,
    Instalment,
    InstalmentState,
    Moved,
    Party,
    State,
    components,
)
from escalon.domain.agreements.bearing import DIGITS, bears
from escalon.domain.facts import Fact
from escalon.domain.local_time import add_days
from escalon.domain.money import Component
from escalon.domain.payments.ledger import open_of
from escalon.domain.payments.payment import BookedPayment
from escalon.domain.rules.rulebook import Step

_ENGINE: frozenset[Party] = frozenset(("engine",))
_PERSON: frozenset[Party] = frozenset(("debtor", "operator"))
_OPERATOR: frozenset[Party] = frozenset(("operator",))

# From which state to which, and who takes it there; docs/agreements.md says when. No other
# transition exists.
TRANSITIONS: Mapping[tuple[State, State], frozenset[Party]] = {
    ("offered", "accepted"): _PERSON,
    ("offered", "cancelled"): _PERSON,
    ("offered", "expired"): _ENGINE,
    ("accepted", "active"): _ENGINE,
    ("accepted", "cancelled"): _PERSON,
    ("accepted", "replaced"): _PERSON,
    ("accepted", "expired"): _ENGINE,
    ("active", "fulfilled"): _ENGINE,
    ("active", "broken"): _ENGINE,
    ("active", "cancelled"): _OPERATOR,
    ("active", "replaced"): _PERSON,
    ("fulfilled", "active"): _ENGINE,
    ("fulfilled", "broken"): _ENGINE,
    ("broken", "active"): _ENGINE,
    ("broken", "fulfilled"): _ENGINE,
    ("broken", "replaced"): _PERSON,
}

ANY_ROLE = "*"  # any operator's

_FOLLOWED = ("active", "fulfilled", "broken")  # in one of these, money and time decide

# What is left open when an agreement is fulfilled is given up in this order, after the components
# of its discount: payments have settled the others first (Colombia: Civil Code 1653).
COMPONENTS: tuple[Component, ...] = ("principal", "interest", "tax", "fee")


class AgreementError(ValueError):
    """Something that may not be done with an agreement; says what and why."""


# ------------------------------------------------------------------------- money that moves


def money_moved(
    agreement: Agreement,
    was: BookedPayment | None,
    payment: BookedPayment,
    *,
    on: date,
    today: date,
    others: Iterable[Agreement] = (),
) -> Agreement:
    """A payment, paid `on` a day, settles from `today` on what its parts say; `was` is what it was
    before. To be told of every payment since the debt was added up, whatever the agreement's state.

    `others` are the account's agreements: what settles a receivable that a later one is about is
    the later one's, but for a payment that has counted here for it. Not even that, if it goes from
    a promise that was kept when the later one was accepted: what would be asked for again, no new
    money could settle here. It is owed beside the later one.
    """
    settled_then, settles = _by_receivable(was), _by_receivable(payment)
    for name in counts_here(agreement, payment, others):
        before, after = settled_then.get(name, 0), settles.get(name, 0)
        if before != after:
            agreement = settled(
                agreement,
                payment.payment_id,
                name,
                on=on,
                before_minor=before,
                after_minor=after,
                today=today,
            )
    return agreement


def counts_here(
    agreement: Agreement, payment: BookedPayment, others: Iterable[Agreement]
) -> tuple[str, ...]:
    """The receivables of which what a payment settles counts for the agreement (see
    `money_moved`)."""
    later: set[str] = set()
    over: set[str] = set()
    for other in others:
        if _is_later(other, agreement):
            later.update(other.debts)
            if _was_kept(agreement, other):
                over.update(other.debts)
    return tuple(
        name
        for name in agreement.debts
        if name not in later or (name not in over and _counts(agreement, payment, name))
    )


def settled(
    agreement: Agreement,
    cause: str,
    receivable_id: str,
    *,
    on: date,
    before_minor: int,
    after_minor: int,
    today: date,
) -> Agreement:
    """What one cause, of a day, settles of a receivable was `before_minor` and is `after_minor`
    from `today` on.

    What it had settled before the agreement is not the agreement's, and no more is it when it goes.
    What goes and comes back (a chargeback that is won) counts from the day it was paid on.
    """
    key = (cause, receivable_id)
    own = [moved for moved in agreement.moved if (moved.cause, moved.receivable_id) == key]
    others = [moved for moved in agreement.moved if (moved.cause, moved.receivable_id) != key]
    noted = agreement.settled_before.get(cause, {})
    not_ours = noted.get(receivable_id, 0 if own else before_minor)
    more = max(0, after_minor - not_ours) - _stayed(own)
    if not more and not_ours == noted.get(receivable_id, 0):
        return agreement
    if more > 0:
        own = _come(own, Moved(cause, receivable_id, on, more))
    else:
        own = _gone(own, -more, today)
    before = agreement.settled_before
    if not_ours:
        before = {**before, cause: {**noted, receivable_id: not_ours}}
    moved = tuple(sorted((*others, *own), key=_when))
    return replace(agreement, moved=moved, settled_before=before)


def given_up_by_people(
    agreement: Agreement,
    cause: str,
    receivable_id: str,
    amounts: Mapping[Component, int],
    *,
    today: date,
) -> Agreement:
    """So much of each component of a receivable was waived or written off by an act. What is given
    up anyway is no money: interest and fees that were charged beside it, then its discount. The
    rest counts like money of that day."""
    gives = agreement.state != "fulfilled"
    beside = agreement.beside_minor if gives and agreement.settles_in_full else 0
    left = discount_left(agreement) if gives else {}
    given = dict(agreement.given_up)
    off_beside = counts = 0
    for component, minor in amounts.items():
        if component in ("interest", "fee"):
            off = min(minor, beside - off_beside)
            off_beside += off
            minor -= off
        off = min(minor, left.get(component, 0))
        if off:
            given[component] = given.get(component, 0) + off
        counts += minor - off
    if off_beside or given != agreement.given_up:
        beside_minor = agreement.beside_minor - off_beside
        agreement = replace(agreement, given_up=given, beside_minor=beside_minor)
    return settled(
        agreement, cause, receivable_id, on=today, before_minor=0, after_minor=counts, today=today
    )


def discount_left(agreement: Agreement) -> dict[Component, int]:
    """Its discount, less what people have given up of it already, by component."""
    given = agreement.given_up
    left = {name: minor - given.get(name, 0) for name, minor in agreement.discount.items()}
    return {name: minor for name, minor in left.items() if minor > 0}


def _by_receivable(payment: BookedPayment | None) -> dict[str, int]:
    """What a payment settles of each receivable, in minor units."""
    settles: dict[str, int] = {}
    for part in payment.parts if payment else ():
        settles[part.receivable_id] = settles.get(part.receivable_id, 0) + part.amount_minor
    return settles


def _is_later(other: Agreement, agreement: Agreement) -> bool:
    """Whether another was accepted after this one was."""
    if other.accepted is None or agreement.accepted is None:
        return False
    return other.accepted.at > agreement.accepted.at


def _was_kept(agreement: Agreement, later: Agreement) -> bool:
    """Whether it was fulfilled when a later one was accepted, and had left debts as they were: one
    that settles in full may have given something up, which its money takes back."""
    if later.accepted is None or agreement.settles_in_full:
        return False
    states = [change.state for change in agreement.history if change.at <= later.accepted.at]
    return states[-1:] == ["fulfilled"]


def _counts(agreement: Agreement, payment: BookedPayment, receivable_id: str) -> bool:
    """Whether the payment has counted for that receivable before."""
    return any(
        moved.cause == payment.payment_id and moved.receivable_id == receivable_id
        for moved in agreement.moved
    )


def _when(moved: Moved) -> tuple[date, str, str, date]:
    return (moved.on, moved.cause, moved.receivable_id, moved.went_on or date.max)


def _come(own: list[Moved], come: Moved) -> list[Moved]:
    """With so much more; what had gone of that day's is back first."""
    minor = come.amount_minor
    kept: list[Moved] = []
    for moved in own:
        back = min(minor, moved.amount_minor) if moved.went_on and moved.on == come.on else 0
        minor -= back
        kept.append(replace(moved, amount_minor=moved.amount_minor - back))
        kept.append(replace(moved, amount_minor=back, went_on=None))
    return _joined([*kept, replace(come, amount_minor=minor)])


def _gone(own: list[Moved], minor: int, today: date) -> list[Moved]:
    """With so much less; what was paid last has gone first."""
    kept: list[Moved] = []
    for moved in sorted(own, key=_when, reverse=True):
        gone = min(minor, moved.amount_minor) if moved.went_on is None else 0
        minor -= gone
        kept.append(replace(moved, amount_minor=moved.amount_minor - gone))
        kept.append(replace(moved, amount_minor=gone, went_on=today))
    return _joined(kept)


def _joined(own: Iterable[Moved]) -> list[Moved]:
    """One for what came on a day, and one for what of it went on a day."""
    together: dict[tuple[date, date | None], Moved] = {}
    for moved in own:
        key = (moved.on, moved.went_on)
        before = together.get(key)
        minor = moved.amount_minor + (before.amount_minor if before else 0)
        if minor:
            together[key] = replace(moved, amount_minor=minor)
    return list(together.values())


# -------------------------------------------------------------------------- where it stands


class InstalmentStanding(msgspec.Struct, frozen=True):
    """What became of one instalment as of a day; amounts in minor units."""

    instalment: Instalment
    state: InstalmentState
    paid_minor: int  # what is there of it
    # What is still to be paid of it: nothing of one that is kept, and never more than settles all
    # of the agreement today.
    left_minor: int
    in_time_minor: int  # what was there of it by the last day on which it is kept
    until: date  # that day: with the tolerance, and with what a reversal adds
    # What the tolerance counts from: its due date, or the later day on which a hold ended or its
    # money went; the due date while a hold lasts.
    runs_from: date
    settled_on: date | None = None  # since when it is paid, in time or not


class Standing(msgspec.Struct, frozen=True):
    """What became of an agreement as of a day; amounts in minor units."""

    state: State
    instalments: tuple[InstalmentStanding, ...]
    paid_minor: int
    left_minor: int  # what is still to be paid, as planned
    payoff_minor: int  # what would settle it today: interest of periods to come is not owed
    overdue_minor: int  # what of it was due before today
    next_due: InstalmentStanding | None  # the first that can still be kept and is not yet
    changes_on: date | None  # the next day on which time alone changes something
    broken_on: date | None = None
    paid_off_on: date | None = None


def standing(agreement: Agreement, today: date) -> Standing:
    """Where the agreement stands on `today`, a date of the debtor's calendar."""
    walk = _walked(agreement)
    paid = _stayed(agreement.moved)
    owed_now = _payoff(agreement, today) if walk.owed_minor is None else walk.owed_minor
    payoff = max(0, owed_now - paid)
    found: list[InstalmentStanding] = []
    before = 0
    for instalment, (since, fell, until) in zip(agreement.instalments, walk.covered, strict=True):
        amount = instalment.amount_minor
        part = min(max(paid - before, 0), amount)
        in_time = min(max(_stayed(agreement.moved, until) - before, 0), amount)
        before += amount
        state: InstalmentState
        if since is not None and since <= until:
            state = "kept"
        elif fell:
            state = "reversed"
        elif today > until:
            state = "part_kept" if in_time else "missed"
        else:
            state = "late" if instalment.due_on < today and until < date.max else "open"
        lasts = until == date.max  # a hold does
        runs_from = instalment.due_on if lasts else add_days(until, -agreement.tolerance_days)
        left = 0 if state == "kept" else min(amount - part, payoff)
        found.append(
            InstalmentStanding(instalment, state, part, left, in_time, until, runs_from, since)
        )
    unkept = [one for one in found if one.state != "kept"]
    broken_on = min((add_days(one.until, 1) for one in unkept if today > one.until), default=None)
    state_now = _state(agreement, unkept, broken_on, today)
    waits = [one for one in unkept if today <= one.until]
    total = agreement.total_minor if walk.owed_minor is None else walk.owed_minor
    return Standing(
        state_now,
        tuple(found),
        paid,
        max(0, total - paid) if unkept else 0,
        payoff if unkept else 0,
        sum(one.left_minor for one in unkept if one.instalment.due_on < today),
        waits[0] if waits and state_now != "broken" else None,
        _changes_on(agreement, state_now, waits, today),
        broken_on if state_now == "broken" else None,
        walk.paid_off_on,
    )


def fulfilled_by(agreement: Agreement, on: date, today: date) -> int | None:
    """The least money, paid `on` a day and told of `today`, that fulfils an agreement which settles
    in full and still has something to give up for that, in minor units: more would settle what is
    given up. None if it gives up nothing, or if no money of that day fulfils it any more."""
    gives = sum(discount_left(agreement).values()) + agreement.beside_minor
    if not agreement.settles_in_full or not gives:
        return None
    later = {moved.on for moved in agreement.moved if moved.on > on and moved.went_on is None}
    needs = {_payoff(agreement, day) - _stayed(agreement.moved, day) for day in {on, *later}}
    for minor in sorted(max(0, need) for need in needs):
        come = Moved("", next(iter(agreement.debts)), on, minor)
        paid = replace(agreement, state="active", moved=(*agreement.moved, come))
        if standing(paid, today).state == "fulfilled":
            return minor
    return None


def _state(
    agreement: Agreement,
    unkept: Sequence[InstalmentStanding],
    broken_on: date | None,
    today: date,
) -> State:
    if agreement.state in _FOLLOWED:
        return "broken" if broken_on else "active" if unkept else "fulfilled"
    if agreement.state == "accepted" and not agreement.approval:
        return "active"
    expires_on = agreement.expires_on
    if agreement.state in ("offered", "accepted") and expires_on and today >= expires_on:
        return "expired"
    return agreement.state


def _changes_on(
    agreement: Agreement, state: State, waits: Iterable[InstalmentStanding], today: date
) -> date | None:
    if state in ("offered", "accepted"):
        return agreement.expires_on
    if state != "active":
        return None
    timed = [one for one in waits if one.until < date.max]
    days = [add_days(one.until, 1) for one in timed]
    days += [add_days(one.instalment.due_on, 1) for one in timed if one.state == "open"]
    periods = zip(_starts(agreement), agreement.instalments, strict=True)
    days += [add_days(start, 1) for start, one in periods if one.interest_minor and start >= today]
    return min(days, default=None)


class _Walk(msgspec.Struct, frozen=True):
    """The money of an agreement gone through day by day."""

    # Of each instalment: since when it is paid; whether it was kept and is not; until when it can
    # be kept.
    covered: list[tuple[date | None, bool, date]]
    paid_off_on: date | None
    owed_minor: int | None  # what had to be paid in all, once that is known


def _walked(agreement: Agreement) -> _Walk:
    days: dict[date, int] = {}
    for moved in agreement.moved:
        days[moved.on] = days.get(moved.on, 0) + moved.amount_minor
        if moved.went_on is not None:
            went_on = max(moved.on, moved.went_on)
            days[went_on] = days.get(went_on, 0) - moved.amount_minor
    tolerance = agreement.tolerance_days
    since: list[date | None] = [None] * len(agreement.instalments)
    fell = [False] * len(agreement.instalments)
    until = [_until(agreement, one) for one in agreement.instalments]
    paid = 0
    paid_off_on: date | None = None
    owed: int | None = None
    for day in sorted(days):
        paid += days[day]
        total = _payoff(agreement, day) if owed is None else owed
        is_paid_off = paid >= total - agreement.tolerance_minor
        owed, paid_off_on = (total, paid_off_on or day) if is_paid_off else (None, None)
        due = 0
        for index, instalment in enumerate(agreement.instalments):
            due += instalment.amount_minor
            started = since[index]
            if is_paid_off or paid >= due - agreement.tolerance_minor:
                since[index] = started or day
            elif started is not None:
                since[index] = None
                if started <= until[index]:
                    fell[index] = True
                    until[index] = max(until[index], add_days(day, tolerance))
    return _Walk(list(zip(since, fell, until, strict=True)), paid_off_on, owed)


def _until(agreement: Agreement, instalment: Instalment) -> date:
    """The last day on which an instalment is kept, if no money of it goes again; the calendar's own
    last day while a hold lasts."""
    until = add_days(instalment.due_on, agreement.tolerance_days)
    for pause in agreement.pauses:
        if pause.starts_on <= until:
            ends_on = pause.ends_on
            until = max(until, add_days(ends_on, agreement.tolerance_days)) if ends_on else date.max
    return until


def _stayed(moved: Iterable[Moved], by: date = date.max) -> int:
    """What was paid by a day and has not gone again, in minor units."""
    return sum(one.amount_minor for one in moved if one.went_on is None and one.on <= by)


def _starts(agreement: Agreement) -> list[date]:
    """The days from which on the interest of each instalment runs."""
    due = (instalment.due_on for instalment in agreement.instalments)
    return [agreement.calculated_on, *due][: len(agreement.instalments)]


def _begun(agreement: Agreement, day: date) -> int:
    """The interest of the periods that have begun before `day`, in minor units."""
    periods = zip(_starts(agreement), agreement.instalments, strict=True)
    return sum(one.interest_minor for start, one in periods if day > start)


def _earned(agreement: Agreement, day: date) -> int:
    """The interest of the days through that one, in minor units: of a period that has not ended by
    then, that of its days so far on what was to be left at its beginning."""
    left = agreement.total_minor - agreement.interest_minor
    earned = 0
    for start, one in zip(_starts(agreement), agreement.instalments, strict=True):
        if one.due_on <= day:
            earned += one.interest_minor
        elif start < day:
            so_far = left * bears(agreement.rate, (day - start).days) // 10**DIGITS
            earned += min(so_far, one.interest_minor)
        left -= one.amount_minor - one.interest_minor
    return earned


def _payoff(agreement: Agreement, day: date) -> int:
    """What settles all of it on that day, in minor units: who pays early saves the interest of the
    periods to come."""
    return agreement.total_minor - agreement.interest_minor + _begun(agreement, day)


# ------------------------------------------------------------------------------ transitions


class Followed(msgspec.Struct, frozen=True):
    """An agreement after something became of it: to be written in one transaction with the ledger
    entries that it asks for (their cause is `agreement.cause`) and the facts."""

    agreement: Agreement
    asked: tuple[Asked, ...] = ()
    facts: tuple[Fact, ...] = ()


def moves(agreement: Agreement, today: date) -> bool:
    """Whether time has made something of it since it was followed last."""
    found = standing(agreement, today)
    if found.state != agreement.state:
        return True
    if agreement.state not in ("active", "fulfilled"):
        return False  # of one that is broken no instalment is told of any more
    return _seen(found) != (agreement.seen or ("open",) * len(found.instalments)) or bool(
        _interest(agreement, found, {}, today)
    )


def follow(
    agreement: Agreement, receivables: Mapping[str, Receivable], now: datetime, today: date
) -> Followed:
    """What money and time have made of it; the very same agreement and nothing else if nothing.
    `receivables` are its own as the ledger has them now, settled ones too."""
    after = agreement
    found = standing(after, today)
    while found.state != after.state:
        after = _moved_to(after, found.state, now, "engine")
        found = standing(after, today)
    if after.state in _FOLLOWED and not agreement.state == after.state == "broken":
        seen = _seen(found)
        if seen != (after.seen or ("open",) * len(seen)):
            after = replace(after, seen=seen)
    return _became(agreement, after, receivables, now, today)


def _seen(found: Standing) -> tuple[InstalmentState, ...]:
    return tuple(one.state for one in found.instalments)


def accept(
    agreement: Agreement,
    acceptance: Acceptance,
    today: date,
    others: Iterable[Agreement] = (),
) -> Followed:
    """The debtor agrees. `others` are the account's agreements: none that rests may be about the
    same receivables, but for the one that this replaces (`supersede`). Raises AgreementError."""
    if agreement.expires_on and today >= agreement.expires_on:
        raise AgreementError(f"nobody can accept it since {agreement.expires_on.isoformat()}")
    for other in others:
        apart = other.agreement_id in (agreement.agreement_id, agreement.replaces)
        if other.rests and not apart and not other.debts.keys().isdisjoint(agreement.debts):
            raise AgreementError(f"agreement {other.agreement_id} is about the same receivables")
    after = _moved_to(agreement, "accepted", acceptance.at, acceptance.by, acceptance.who)
    return _became(agreement, replace(after, accepted=acceptance), {}, acceptance.at, today)


def is_owed(agreement: Agreement, receivables: Mapping[str, Receivable], today: date) -> bool:
    """Whether as much is open of its debts, of which `receivables` are what there is now, as it
    asks for `today` beside interest that is still to be charged. Less is if another agreement has
    given some of them up since it was offered, or default interest that it speaks of was given
    back."""
    charged = _booked(agreement, "interest")
    asked = agreement.total_minor - agreement.interest_minor + charged
    left = asked - standing(agreement, today).paid_minor
    own = (receivables[name] for name in agreement.debts if name in receivables)
    return left <= sum(one.open_minor for one in own)


def approve(agreement: Agreement, role: str, *, at: datetime, who: str, why: str = "") -> Agreement:
    """An operator of one of the roles that may has approved it. Raises AgreementError."""
    if agreement.state not in ("offered", "accepted") or not agreement.approval:
        raise AgreementError(f"an agreement that is {agreement.state} waits for no approval")
    if role not in agreement.approval and ANY_ROLE not in agreement.approval:
        raise AgreementError(f"only {' or '.join(agreement.approval)} can approve it")
    change = Change(at, agreement.state, "operator", who, why or f"approved as {role}")
    return replace(agreement, approval=(), history=(*agreement.history, change))


def cancel(
    agreement: Agreement,
    receivables: Mapping[str, Receivable],
    *,
    at: datetime,
    today: date,
    by: Party,
    who: str = "",
    why: str = "",
) -> Followed:
    """Take it back; its discount is not given. Raises AgreementError."""
    after = _moved_to(agreement, "cancelled", at, by, who, why)
    return _became(agreement, after, receivables, at, today)


def supersede(
    agreement: Agreement, accepted: Agreement, receivables: Mapping[str, Receivable], today: date
) -> Followed:
    """The agreement that `accepted`, which was just accepted, replaces: the chain is kept. It has
    borne interest through the day on which the other was calculated. Raises AgreementError."""
    evidence = accepted.accepted
    if accepted.replaces != agreement.agreement_id or evidence is None:
        raise AgreementError(f"{accepted.agreement_id} does not replace {agreement.agreement_id}")
    after = _moved_to(agreement, "replaced", evidence.at, evidence.by, evidence.who)
    after = replace(after, replaced_by=accepted.agreement_id)
    back, _ = beyond(agreement, receivables, accepted.calculated_on)
    return _became(agreement, after, receivables, evidence.at, today, back=back)


def beyond(
    agreement: Agreement, receivables: Mapping[str, Receivable], through: date
) -> tuple[int, int]:
    """What it bore of its interest for later days than `through`, in minor units: what of that is
    still open of its oldest receivable and is given back if another replaces it that is calculated
    on that day, and what was paid."""
    bore = _booked(agreement, "interest")
    if agreement.state == "broken":
        broken_on = standing(agreement, date.max).broken_on  # whenever that was
        bore = min(bore, _earned(agreement, broken_on or through))
    oldest = receivables.get(next(iter(agreement.debts)))
    open_minor = open_of(oldest, "interest") if oldest else 0
    charged = max(0, bore - _earned(agreement, through))
    back = min(charged, open_minor)
    return back, charged - back


def paid_beyond(
    agreement: Agreement, old: Agreement, receivables: Mapping[str, Receivable], today: date
) -> int:
    """What of the interest that `old` does not earn, which the agreement is to replace, was paid
    since that was offered, in minor units: it cannot be given back, and the offer did not speak of
    it (`Agreement.beside_minor`)."""
    _, paid = beyond(old, receivables, agreement.calculated_on)
    return min(paid, standing(agreement, today).paid_minor)


def _moved_to(
    agreement: Agreement, state: State, at: datetime, by: Party, who: str = "", why: str = ""
) -> Agreement:
    """One transition of the table; AgreementError if it has none for them."""
    allowed = TRANSITIONS.get((agreement.state, state))
    if allowed is None:
        raise AgreementError(f"an agreement that is {agreement.state} cannot become {state}")
    if by not in allowed:
        raise AgreementError(
            f"only {' or '.join(sorted(allowed))} can take an agreement from "
            f"{agreement.state} to {state}"
        )
    change = Change(at, state, by, who, why)
    return replace(agreement, state=state, history=(*agreement.history, change))


# ------------------------------------------------------- what the ledger is asked, and told


def _became(
    before: Agreement,
    after: Agreement,
    receivables: Mapping[str, Receivable],
    now: datetime,
    today: date,
    *,
    back: int = 0,
) -> Followed:
    """With the entries that the agreement asks for now, and the facts. One that is replaced gives
    so much of its interest `back`."""
    found = standing(after, today)
    is_open = {
        name: {component: open_of(receivables[name], component) for component in COMPONENTS}
        for name in after.debts
        if name in receivables
    }
    changed = before.state != after.state
    ends = changed and before.state in ("active", "fulfilled")
    asked = _interest(after, found, is_open, today, ends=ends, back=back)
    told = [*_instalment_facts(before, after, found, now)]
    told += [
        _fact(after, change, found, is_open, now) for change in after.history[len(before.history) :]
    ]
    if changed and before.state == "fulfilled":
        asked += _taken_back(after)
    elif changed and after.state == "fulfilled" and after.settles_in_full:
        asked += _given_up(after, found, is_open, asked)
    if asked:
        after = replace(after, booked=(*after.booked, *asked))
    return Followed(after, tuple(asked), tuple(told))


def _interest(
    agreement: Agreement,
    found: Standing,
    is_open: Mapping[str, Mapping[Component, int]],
    today: date,
    *,
    ends: bool = False,
    back: int = 0,
) -> list[Asked]:
    """The interest of a period is charged once it begins, on the oldest receivable. An agreement
    that is broken or cancelled has borne that of the days until then: what was charged for later
    ones and is still open is given back."""
    booked = _booked(agreement, "interest")
    oldest = next(iter(agreement.debts))
    more = 0
    if agreement.state in ("active", "fulfilled"):
        more = max(0, _begun(agreement, min(today, found.paid_off_on or today)) - booked)
    elif agreement.state == "replaced":
        more = -back
    elif ends:
        earned = _earned(agreement, found.broken_on or today)
        more = max(earned - booked, -is_open.get(oldest, {}).get("interest", 0))
    return [Asked("interest", oldest, "interest", more)] if more else []


def _given_up(
    agreement: Agreement,
    found: Standing,
    is_open: Mapping[str, Mapping[Component, int]],
    charged: Iterable[Asked],
) -> list[Asked]:
    """What need not be paid of the debts of an agreement that is fulfilled, never more than is
    open: of the components of its discount first, but for what people have given up of it."""
    charges = _booked(agreement, "interest") + sum(one.amount_minor for one in charged)
    charges += agreement.beside_minor
    given = sum(agreement.given_up.values())
    left = sum(agreement.debt.values()) + charges - found.paid_minor - given
    debts = {name: dict(debt) for name, debt in is_open.items()}
    for one in charged:
        if one.receivable_id in debts:
            debts[one.receivable_id][one.component] += one.amount_minor
    asked: dict[tuple[str, Component], int] = {}
    discount = discount_left(agreement)
    for component, most in (*discount.items(), *((one, left) for one in COMPONENTS)):
        for name, debt in debts.items():
            minor = min(left, most, debt[component])
            if minor > 0:
                debt[component] -= minor
                left, most = left - minor, most - minor
                asked[name, component] = asked.get((name, component), 0) - minor
    return [Asked("waiver", *key, minor) for key, minor in asked.items()]


def _taken_back(agreement: Agreement) -> list[Asked]:
    """What was given up by an agreement that is fulfilled no longer is owed again."""
    given: dict[tuple[str, Component], int] = {}
    for one in agreement.booked:
        if one.kind == "waiver":
            key = (one.receivable_id, one.component)
            given[key] = given.get(key, 0) + one.amount_minor
    return [Asked("waiver", *key, -minor) for key, minor in given.items() if minor]


def _booked(agreement: Agreement, kind: str) -> int:
    return sum(one.amount_minor for one in agreement.booked if one.kind == kind)


def _instalment_facts(
    before: Agreement, after: Agreement, found: Standing, now: datetime
) -> list[Fact]:
    """What became of each instalment since it was followed last."""
    if after.seen == before.seen:
        return []
    was = before.seen or ("open",) * len(after.seen)
    return [
        facts.noted(
            f"instalment_{one.state}",
            now,
            agreement_id=after.agreement_id,
            instalment=one.instalment.number,
            amount_minor=one.instalment.amount_minor,
            paid_minor=one.paid_minor,
        )
        for state, one in zip(was, found.instalments, strict=True)
        if state != one.state
    ]


def _fact(
    agreement: Agreement,
    change: Change,
    found: Standing,
    is_open: Mapping[str, Mapping[Component, int]],
    now: datetime,
) -> Fact:
    """One transition; of a broken agreement with what is forfeited and what is owed again."""
    fact = facts.noted(
        f"agreement_{change.state}",
        now,
        agreement_id=agreement.agreement_id,
        kind=agreement.kind,
        by=change.by,
        who=change.who,
        paid_minor=found.paid_minor,
    )
    if change.state != "broken":
        return fact
    owed = {component: minor for component, minor in components(is_open).items() if minor}
    forfeited = discount_left(agreement)
    more = {"forfeited": forfeited, "owed": owed, "resume_at": agreement.resume_at}
    return {**fact, **more}


class Resumption(msgspec.Struct, frozen=True):
    """How the ladder goes on with the receivables of a broken agreement."""

    receivables: tuple[str, ...]
    on: date  # the day on which it broke
    step: str  # at which the ladder goes on, counted from that day; empty: at the one for its age
    # Default interest of the days through this one stands in the agreement's own; None: in no
    # interest, so the days of rest are charged like those of a hold.
    interest_through: date | None


def resumption(agreement: Agreement, today: date) -> Resumption | None:
    """How the ladder goes on if the agreement is broken."""
    found = standing(agreement, today)
    if found.state != "broken" or found.broken_on is None:
        return None
    through = bore_through(agreement, found.broken_on)
    return Resumption(tuple(agreement.debts), found.broken_on, agreement.resume_at, through)


def bore_through(agreement: Agreement, day: date) -> date | None:
    """The last day whose interest is the agreement's own, if it ended on `day`; None if it bore
    none."""
    return min(day, agreement.instalments[-1].due_on) if agreement.rate else None


# -------------------------------------------------------------------------------- reminders


class Reminding(msgspec.Struct, frozen=True):
    """A reminder of one instalment that is due now; `left_minor` of it is still to be paid. `key`
    is what it is remembered by in `Account.reminded`; `record` says how it was tried before, if it
    reached nobody."""

    agreement: Agreement
    step: Step
    instalment: Instalment
    left_minor: int
    key: str
    record: StepRecord | None = None


def reminder(
    agreement: Agreement,
    found: Standing,
    steps: Sequence[Step],
    today: date,
    records: Mapping[str, StepRecord],
) -> Reminding | None:
    """The reminder that is due, if any: of the first instalment that has one, the latest step whose
    day has come. The ones before it are not caught up with, and what is said before the due date,
    or on it, is never said later (L3, L18). What is said after it counts from where the tolerance
    does, so a hold's end brings it, once more if it was said before. While a hold lasts nothing is
    said. `records` are the account's; one that failed is tried again by what channels are left."""
    if found.state != "active":
        return None
    for one in found.instalments:
        if one.state == "kept" or one.until == date.max:
            continue
        age = (today - one.instalment.due_on).days
        come = [
            step
            for step in steps
            if _reminds_on(one, step) <= today and (step.day > 0 or age < 0 or step.day == age)
        ]
        latest = max(come, key=lambda step: step.day, default=None)
        if latest is None:
            continue
        key = _reminder_key(agreement, one, latest)
        record = records.get(key)
        if record is None or not record.is_behind:
            return Reminding(agreement, latest, one.instalment, one.left_minor, key, record)
    return None


def looks_on(found: Standing, steps: Sequence[Step], today: date) -> date | None:
    """The next day, after today, on which to look at an agreement that stands so; None if time
    alone changes nothing any more (invariant 7)."""
    days = [found.changes_on] if found.changes_on else []
    if found.state == "active":
        for one in found.instalments:
            if one.state != "kept":
                days += [day for step in steps if (day := _reminds_on(one, step)) > today]
    return min(days, default=None)


def _reminds_on(one: InstalmentStanding, step: Step) -> date:
    """The day of a reminder."""
    return add_days(one.runs_from if step.day > 0 else one.instalment.due_on, step.day)


def _reminder_key(agreement: Agreement, one: InstalmentStanding, step: Step) -> str:
    """What a reminder is remembered by."""
    key = f"{agreement.agreement_id}/{one.instalment.number}/{step.step}"
    later = step.day > 0 and one.runs_from != one.instalment.due_on
    return f"{key}/{one.runs_from}" if later else key
