"""The agreements of one account, followed together as its money and time move.

Pure: the account is handed in whole (all that is open is in it, and every agreement), with those
receivables of its agreements that are settled. What comes out is to be written in one transaction.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, Receivable, pot
from escalon.domain.agreements.agreed import Agreement, Asked, Pause
from escalon.domain.agreements.agreement import (
    Followed,
    bore_through,
    follow,
    given_up_by_people,
    money_moved,
    settled,
    standing,
)
from escalon.domain.facts import Fact, noted
from escalon.domain.holds import open_hold
from escalon.domain.money import Component
from escalon.domain.payments import ledger
from escalon.domain.payments.interest import MILLIONTHS
from escalon.domain.payments.ledger import Booking, LedgerEntry
from escalon.domain.payments.payment import BookedPayment
from escalon.domain.rules.behaviour import agreements_left
from escalon.domain.rules.rulebook import HoldKind

# Agreements that ended so long ago leave the account's document for an item of their own.
LEAVE_AT_ONCE = 20  # agreements that leave an account's document in one write
ENDED_FOR = timedelta(days=90)


class Course(msgspec.Struct, frozen=True):
    """The account as its agreements leave it, what changed in the ledger, and what is told."""

    account: Account
    changed: tuple[Receivable, ...] = ()
    entries: tuple[LedgerEntry, ...] = ()
    facts: tuple[Fact, ...] = ()


def follow_all(
    account: Account,
    closed: Mapping[str, Receivable],
    now: datetime,
    today: date,
    *,
    kinds: Mapping[str, HoldKind],
    but: Iterable[str] = (),
) -> Course:
    """What money, time and holds have made of an account's agreements, but for those named.
    `closed` are their settled receivables, by id; `kinds` those of holds."""
    course = Course(account)
    left_out = frozenset(but)
    for agreement in account.agreements:
        if agreement.agreement_id in left_out:
            continue
        after = with_pauses(agreement, account, kinds, today)
        if after is not agreement:
            name = "agreement_paused" if after.pauses[-1].ends_on is None else "agreement_goes_on"
            fact = noted(name, now, agreement_id=agreement.agreement_id)
            course = taken(course, Followed(after, (), (fact,)), closed, now, today)
            after = next(
                a for a in course.account.agreements if a.agreement_id == after.agreement_id
            )
        own = own_receivables(after, course, closed)
        course = taken(course, follow(after, own, now, today), closed, now, today)
    return course


def with_pauses(
    agreement: Agreement, account: Account, kinds: Mapping[str, HoldKind], today: date
) -> Agreement:
    """The agreement with the pause that begins or ends today, since a hold on the account or on a
    debt of it has; the very same if none does."""
    lasts = bool(agreement.pauses) and agreement.pauses[-1].ends_on is None
    if agreement.state != "active" and not lasts:
        return agreement
    names = (None, *agreement.debts) if account.holds else ()
    held = [hold for name in names if (hold := open_hold(account, kinds, name, today))]
    if lasts == bool(held):
        return agreement
    if lasts:
        ended = replace(agreement.pauses[-1], ends_on=today)
        return replace(agreement, pauses=(*agreement.pauses[:-1], ended))
    begun = Pause(min(hold.starts_on for hold, _ in held))
    return replace(agreement, pauses=(*agreement.pauses, begun))


def named(account: Account, agreement_id: str) -> Agreement:
    """The agreement of that id."""
    return next(one for one in account.agreements if one.agreement_id == agreement_id)


def own_receivables(
    agreement: Agreement, course: Course, closed: Mapping[str, Receivable]
) -> dict[str, Receivable]:
    """The receivables of an agreement as they are now, open or settled."""
    known = {
        **closed,
        **{one.receivable_id: one for one in course.changed},
        **{one.receivable_id: one for one in course.account.receivables},
    }
    return {name: known[name] for name in agreement.debts if name in known}


def taken(
    course: Course,
    followed: Followed,
    closed: Mapping[str, Receivable],
    now: datetime,
    today: date,
) -> Course:
    """The course after something became of one agreement, which may be new: its entries are booked
    and it counts one version more."""
    after = followed.agreement
    before = next(
        (one for one in course.account.agreements if one.agreement_id == after.agreement_id), None
    )
    if after is before:
        return course
    after = replace(after, version=after.version + 1)
    known = own_receivables(after, course, closed)
    booking = _booked(course.account, known, after, followed.asked, now)
    through = _bore_through(course.account, before, after, today)
    booking = _accrued(booking, {**known, **_named(booking.changed)}, after, through)
    changed = _named(course.changed) | _named(booking.changed)
    return Course(
        with_agreement(booking.account, after),
        tuple(changed.values()),
        (*course.entries, *booking.entries),
        (*course.facts, *followed.facts),
    )


def with_agreement(account: Account, agreement: Agreement) -> Account:
    """The account with this version of an agreement, the newest last."""
    names = [one.agreement_id for one in account.agreements]
    if agreement.agreement_id not in names:
        return replace(account, agreements=(*account.agreements, agreement))
    at = names.index(agreement.agreement_id)
    both = (*account.agreements[:at], agreement, *account.agreements[at + 1 :])
    return replace(account, agreements=both)


# ----------------------------------------------------------------------------- what settles


def payment_moved(
    account: Account,
    was: BookedPayment | None,
    payment: BookedPayment,
    *,
    on: date,
    today: date,
) -> Account:
    """The account whose agreements know what a payment, paid `on` a day, settles from `today` on;
    `was` is what it was before. To be followed next."""
    owed = pot(payment.creditor, payment.currency)
    agreements = tuple(
        _counted(one, money_moved(one, was, payment, on=on, today=today, others=account.agreements))
        if pot(one.creditor, one.currency) == owed
        else one
        for one in account.agreements
    )
    return replace(account, agreements=agreements)


def given_up(
    account: Account,
    cause: str,
    receivable_id: str,
    amounts: Mapping[Component, int],
    *,
    today: date,
) -> Account:
    """The account whose agreements know that somebody gave up so much of each component of a
    receivable, in minor units: nobody owes an instalment for what is not owed, and no discount is
    given twice."""
    agreements = tuple(
        _counted(one, given_up_by_people(one, cause, receivable_id, amounts, today=today))
        if receivable_id in one.debts
        else one
        for one in account.agreements
    )
    return replace(account, agreements=agreements)


def restated(account: Account, receivable_id: str, delta: int, today: date) -> Account:
    """The account whose agreements know that the source of a debt states so much more of it (below
    0: less) from `today` on: what was paid there counts like any payment."""
    cause = f"stated:{receivable_id}"
    agreements = []
    for one in account.agreements:
        if receivable_id in one.debts:
            counted = sum(m.amount_minor for m in one.moved if m.cause == cause and not m.went_on)
            after = settled(
                one,
                cause,
                receivable_id,
                on=today,
                before_minor=counted,
                after_minor=max(0, counted - delta),
                today=today,
            )
            one = _counted(one, after)
        agreements.append(one)
    return replace(account, agreements=tuple(agreements))


def _counted(before: Agreement, after: Agreement) -> Agreement:
    return after if after is before else replace(after, version=after.version + 1)


def without_default_interest(
    account: Account,
    agreement: Agreement,
    entries: Iterable[LedgerEntry],
    *,
    through: date,
    booked_at: datetime,
    why: str,
) -> tuple[Booking, int]:
    """A whole account without the default interest that was charged on an agreement's debts beside
    it, which runs again from the day after `through`; `entries` are those from which on it was.
    What was paid of it was paid in advance. With that, and fees that were charged, in minor units:
    it is not owed under the agreement (`Agreement.beside_minor`)."""
    charged: dict[str, int] = {}
    beside = 0
    for entry in entries:
        if entry.receivable_id not in agreement.debts or entry.cause.startswith("agreement:"):
            continue
        if entry.kind == "interest":
            name = entry.receivable_id
            charged[name] = charged.get(name, 0) + entry.amount_minor
        if entry.kind in ("interest", "fee"):
            beside += entry.amount_minor
    opened = _named(account.receivables)
    changed: dict[str, Receivable] = {}
    booked: list[LedgerEntry] = []
    for name in agreement.debts:
        receivable = opened.get(name)
        if receivable is None:
            continue
        after = receivable
        minor = min(charged.get(name, 0), receivable.extras.get("interest", 0))
        if minor > 0:
            booking = ledger.charge_extra(
                ledger.whole(account, opened.values()),
                receivable,
                "interest",
                -minor,
                booked_at=booked_at,
                cause=f"{agreement.cause} {why}",
            )
            (after,) = booking.changed
            booked.extend(booking.entries)
            beside -= minor
        if after.accrued_through and after.accrued_through > through:
            rest = min(0, after.accrued_rest)
            if charged.get(name, 0) > 0:
                rest = -(charged[name] - minor) * MILLIONTHS
            again = after.accrued_again + 1
            after = replace(after, accrued_through=through, accrued_rest=rest, accrued_again=again)
        if after != receivable:
            changed[name] = after
            opened[name] = after
    opened = {name: one for name, one in opened.items() if one.open_minor}
    whole = ledger.whole(account, opened.values())
    return Booking(whole, tuple(changed.values()), tuple(booked)), max(0, beside)


# ---------------------------------------------------------------------- the account's document


def brought_back(account: Account, ended: Iterable[Agreement]) -> Account:
    """The account with the agreements that have left its document."""
    back = tuple(ended)
    return replace(
        account,
        agreements=(*back, *account.agreements),
        ended=(),
        behaviour=agreements_left(account.behaviour, back, -1),
    )


def put_away(
    account: Account, now: datetime, apart: Collection[str] = ()
) -> tuple[Account, tuple[Agreement, ...]]:
    """The account, which is whole, without the agreements that ended long ago, and those; `apart`
    are ids of those that stood apart before. Of the others only so many leave at once, since each
    is an item of one transaction. A broken one stays while a debt of it is open, since the ladder
    goes on as it says."""
    opened = {receivable.receivable_id for receivable in account.receivables}
    over = [
        one
        for one in account.agreements
        if one.state in ("fulfilled", "broken", "cancelled", "replaced", "expired")
        and now - one.history[-1].at >= ENDED_FOR
        and (one.state != "broken" or opened.isdisjoint(one.debts))
    ]
    fresh = [one for one in over if one.agreement_id not in apart][:LEAVE_AT_ONCE]
    leave = tuple(one for one in over if one.agreement_id in apart or one in fresh)
    if not leave:
        return account, ()
    names = tuple(one.agreement_id for one in leave)
    return replace(
        account,
        agreements=tuple(one for one in account.agreements if one.agreement_id not in names),
        ended=(*account.ended, *names),
        behaviour=agreements_left(account.behaviour, leave),
        reminded={
            key: record
            for key, record in account.reminded.items()
            if key.partition("/")[0] not in names
        },
    ), leave


# ----------------------------------------------------------------------------------- inside


def _named(receivables: Iterable[Receivable]) -> dict[str, Receivable]:
    return {one.receivable_id: one for one in receivables}


def _booked(
    account: Account,
    known: Mapping[str, Receivable],
    agreement: Agreement,
    asked: Iterable[Asked],
    now: datetime,
) -> Booking:
    """The entries that an agreement asks for, booked; the account stays whole."""
    opened = _named(account.receivables)
    changed: dict[str, Receivable] = {}
    entries: list[LedgerEntry] = []
    for kind, name, amounts in _together(asked):
        receivable = changed.get(name) or known[name]
        whole = ledger.whole(account, opened.values())
        cause = agreement.cause
        if kind == "interest":
            minor = amounts["interest"]
            booking = ledger.charge_extra(
                whole, receivable, "interest", minor, booked_at=now, cause=cause
            )
        elif kind == "given up":
            booking = ledger.give_up(
                whole, receivable, "waiver", amounts, booked_at=now, cause=cause
            )
        else:
            booking = ledger.owe_again(whole, receivable, amounts, booked_at=now, cause=cause)
        entries.extend(booking.entries)
        for after in booking.changed:
            changed[name] = after
            if after.open_minor:
                opened[name] = after
            else:
                opened.pop(name, None)
    whole = ledger.whole(account, opened.values())
    return Booking(whole, tuple(changed.values()), tuple(entries))


def _together(asked: Iterable[Asked]) -> list[tuple[str, str, dict[Component, int]]]:
    """What is asked by kind and receivable, in the order in which it was asked; amounts above 0 but
    for interest, which may be given back."""
    found: dict[tuple[str, str], dict[Component, int]] = {}
    for one in asked:
        kind, minor = "interest", one.amount_minor
        if one.kind == "waiver":
            kind = "given up" if minor < 0 else "owed again"
            minor = abs(minor)
        amounts = found.setdefault((kind, one.receivable_id), {})
        amounts[one.component] = amounts.get(one.component, 0) + minor
    return [(kind, name, amounts) for (kind, name), amounts in found.items()]


def _bore_through(
    account: Account, before: Agreement | None, agreement: Agreement, today: date
) -> date | None:
    """The last day whose interest stands in that of an agreement which has just ended; None if it
    has not, or bore none."""
    if before is None or before.state not in ("active", "fulfilled"):
        return None
    if agreement.state == "replaced":
        return bore_through(agreement, named(account, agreement.replaced_by).calculated_on)
    if agreement.state in ("broken", "cancelled"):
        return bore_through(agreement, standing(agreement, today).broken_on or today)
    return None


def _accrued(
    booking: Booking,
    known: Mapping[str, Receivable],
    agreement: Agreement,
    through: date | None,
) -> Booking:
    """No default interest of the days through that one; what was paid in advance still is."""
    if through is None:
        return booking
    opened = _named(booking.account.receivables)
    changed = _named(booking.changed)
    for name in agreement.debts:
        receivable = known.get(name)
        if receivable is None or (receivable.accrued_through or date.min) >= through:
            continue
        after = replace(
            receivable, accrued_through=through, accrued_rest=min(0, receivable.accrued_rest)
        )
        changed[name] = after
        if name in opened:
            opened[name] = after
    whole = ledger.whole(booking.account, opened.values())
    return Booking(whole, tuple(changed.values()), booking.entries)
