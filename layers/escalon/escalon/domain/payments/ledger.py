"""The ledger: immutable entries, and the account as their sum (invariant 4).

Per receivable and component (principal, interest, fee, tax), open = the signed sum of its entries;
unapplied credit stands apart, per creditor and currency. Positive raises what is owed, negative
lowers it. Every function here takes the account and the receivables it touches, and returns what
becomes of them together with the entries that say why; the table gateway writes all of it in one
transaction with the key of what caused it. An account with receivables beyond those it embeds is
handed in `whole`.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from escalon.domain.account import (
    EMBEDDED_RECEIVABLES,
    Account,
    Beyond,
    Receivable,
    pot,
)
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.money import Component, MoneyError
from escalon.domain.payments.payment import BookedPayment, Part, Taken, credit_of
from escalon.domain.rules.rulebook import Allocation

# charge: a receivable's own amount · adjustment: its source states another balance · payment: money
# that came, or credit applied · reversal, refund, chargeback: money that went again · interest,
# fee: charged on top · waiver, write_off: given up
EntryKind = Literal[
    "charge",
    "adjustment",
    "payment",
    "reversal",
    "refund",
    "chargeback",
    "interest",
    "fee",
    "waiver",
    "write_off",
]


class LedgerEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One immutable movement of one component of one receivable, or of unapplied credit
    (`receivable_id` empty)."""

    entry_id: str
    account_id: str
    creditor: str
    receivable_id: str
    kind: EntryKind
    amount_minor: int
    currency: str
    booked_at: datetime  # when it happened, as the source says
    cause: str  # what it came from: the import's document, the payment's id, the act's key
    component: Component = "principal"


class Payment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money to allocate. `turn` counts how often the same payment's booking was changed before."""

    payment_id: str
    creditor: str
    amount_minor: int
    currency: str
    paid_at: datetime
    receivable_id: str = ""  # the obligation it names, if any
    turn: int = 0


class Claim(msgspec.Struct, frozen=True):
    """Receivables that are settled together, component by component and in this order, before those
    of the next claim; with so much of the money at most (minor units; None: as much as fits)."""

    receivables: tuple[str, ...]
    most_minor: int | None = None


class Limit(msgspec.Struct, frozen=True):
    """Receivables of which one payment settles so much at most, whatever names or claims them
    (minor units)."""

    receivables: frozenset[str]
    most_minor: int


class Booking(msgspec.Struct, frozen=True):
    """The outcome of one movement: the account, the receivables that changed, the new entries, and
    of a payment what it settles now."""

    account: Account
    changed: tuple[Receivable, ...]
    entries: tuple[LedgerEntry, ...]
    parts: tuple[Part, ...] = ()


def entry_id(*parts: object) -> str:
    """The name of an entry: a function of what caused it, so that booking twice books once."""
    text = "\x1f".join(str(part) for part in parts)
    return "e" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


# ------------------------------------------------------------------------- what is owed


def charge(account: Account, receivable: Receivable, booked_at: datetime) -> Booking:
    """A receivable becomes part of the account: its amount is charged, and what the source says was
    paid on it before we knew it is an adjustment."""
    entries = [_entry(account, receivable, "charge", receivable.amount_minor, booked_at, "issued")]
    paid_before = receivable.open_minor - receivable.amount_minor
    if paid_before:
        entries.append(
            _entry(account, receivable, "adjustment", paid_before, booked_at, "opening balance")
        )
    return Booking(put(account, receivable), (receivable,), tuple(entries))


def adjust(
    account: Account,
    receivable: Receivable,
    *,
    amount_minor: int,
    open_minor: int,
    booked_at: datetime,
    cause: str,
) -> Booking:
    """The source now states another amount or open principal; the difference is an entry. What was
    charged on top is not the source's to state."""
    delta = open_minor - receivable.principal_minor
    changed = replace(
        receivable, amount_minor=amount_minor, open_minor=receivable.open_minor + delta
    )
    entries = (_entry(account, receivable, "adjustment", delta, booked_at, cause),) if delta else ()
    return Booking(put(account, changed), (changed,), entries)


def charge_extra(
    account: Account,
    receivable: Receivable,
    component: Component,
    amount_minor: int,
    *,
    booked_at: datetime,
    cause: str,
) -> Booking:
    """Interest, a fee or the tax on it is charged on top of the principal. `cause` is its natural
    key (of a fee: receivable, step and rule), so that a step run twice charges once, even if the
    rule has come to another amount meanwhile (L1). A negative amount gives back what was charged
    too much, never more than is open of it."""
    if component == "principal":
        raise MoneyError("principal is charged by its receivable alone")
    if not amount_minor:
        raise MoneyError("nothing cannot be charged")
    if receivable.extras.get(component, 0) + amount_minor < 0:
        raise MoneyError(f"{receivable.receivable_id} has less {component} than is given back")
    kind: EntryKind = "interest" if component == "interest" else "fee"
    changed = _moved(receivable, component, amount_minor)
    entry = _entry(account, receivable, kind, amount_minor, booked_at, cause, component)
    return Booking(put(account, changed), (changed,), (entry,))


def charge_fee(
    account: Account, receivable_id: str, step: str, fee: Mapping[str, int], booked_at: datetime
) -> Booking:
    """Charge the fee of a step on the receivable that carried it, once in all (L1); nothing if it
    is not open, or its currency has no fee."""
    receivable = next((r for r in account.receivables if r.receivable_id == receivable_id), None)
    amount_minor = fee.get(receivable.currency, 0) if receivable else 0
    if receivable is None or not amount_minor or step in receivable.charged:
        return Booking(account, (), ())
    turn = receivable.charged.count(given_back(step))
    cause = f"fee of {step}, again {turn}" if turn else f"fee of {step}"
    booking = charge_extra(
        account, receivable, "fee", amount_minor, booked_at=booked_at, cause=cause
    )
    (after,) = booking.changed
    after = replace(after, charged=(*after.charged, step))
    return Booking(put(whole(account, account.receivables), after), (after,), booking.entries)


def give_back_fee(
    account: Account, receivable: Receivable, step: str, amount_minor: int, at: datetime, cause: str
) -> Booking:
    """Give back the fee of a step that is taken back, as far as it is open, so that it is charged
    again if the step is taken again. Nothing if it was never charged, or is given back already."""
    if step not in receivable.charged:
        return Booking(account, (), ())
    back = min(amount_minor, receivable.extras.get("fee", 0))
    entries: tuple[LedgerEntry, ...] = ()
    if back > 0:
        booking = charge_extra(account, receivable, "fee", -back, booked_at=at, cause=cause)
        account, (receivable,), entries = booking.account, booking.changed, booking.entries
    names = tuple(given_back(step) if name == step else name for name in receivable.charged)
    after = replace(receivable, charged=names)
    return Booking(put(whole(account, account.receivables), after), (after,), entries)


def given_back(step: str) -> str:
    """What stands among a receivable's charged steps for one whose fee was given back."""
    return f"{step}/given back"


def give_up(
    account: Account,
    receivable: Receivable,
    kind: Literal["waiver", "write_off"],
    amounts: Mapping[Component, int],
    *,
    booked_at: datetime,
    cause: str,
) -> Booking:
    """Waive or write off so much of each component: an explicit, audited act (L16). More than is
    open of a component, or nothing, is a MoneyError."""
    if not amounts:
        raise MoneyError("nothing cannot be given up")
    changed = receivable
    entries: list[LedgerEntry] = []
    for component, amount_minor in amounts.items():
        if not 0 < amount_minor <= open_of(receivable, component):
            raise MoneyError(
                f"{receivable.receivable_id} has {open_of(receivable, component)} minor units of "
                f"{component} open; {amount_minor} cannot be given up"
            )
        changed = _moved(changed, component, -amount_minor)
        entries.append(
            _entry(account, receivable, kind, -amount_minor, booked_at, cause, component)
        )
    given_up = changed.given_up_minor + amounts.get("principal", 0)
    changed = replace(changed, given_up_minor=given_up)
    return Booking(put(account, changed), (changed,), tuple(entries))


def owe_again(
    account: Account,
    receivable: Receivable,
    amounts: Mapping[Component, int],
    *,
    booked_at: datetime,
    cause: str,
) -> Booking:
    """What was waived is owed again, since what it was waived for is no longer so: a waiver with
    the sign of a debt. Nothing, or less, is a MoneyError."""
    changed = receivable
    entries: list[LedgerEntry] = []
    for component, amount_minor in amounts.items():
        if amount_minor <= 0:
            raise MoneyError(f"{amount_minor} minor units of {component} cannot be owed again")
        changed = _moved(changed, component, amount_minor)
        entries.append(
            _entry(account, receivable, "waiver", amount_minor, booked_at, cause, component)
        )
    given_up = max(0, changed.given_up_minor - amounts.get("principal", 0))
    changed = replace(changed, given_up_minor=given_up)
    return Booking(put(account, changed), (changed,), tuple(entries))


def open_of(receivable: Receivable, component: Component) -> int:
    """What is open of one component, in minor units."""
    if component == "principal":
        return receivable.principal_minor
    return receivable.extras.get(component, 0)


# ------------------------------------------------------------------------ money that comes


def pay(
    account: Account,
    open_receivables: Iterable[Receivable],
    payment: Payment,
    rule: Allocation = Allocation(),  # noqa: B008 - an immutable value
    claims: Sequence[Claim] | None = None,
    limits: Sequence[Limit] = (),
) -> Booking:
    """Allocate a payment by the rule and within the limits; what is left is credit.

    `open_receivables` are those it may settle, embedded or beyond: the one that it names, then what
    the claims say (`allocation.claims`; None: all, the oldest due date first). Money of another
    currency or creditor is never used (lesson E1); it is kept apart, shown, and never dropped.
    Money that goes back is no payment: an amount below 0 is a MoneyError.
    """
    if payment.amount_minor < 0:
        raise MoneyError(f"payment {payment.payment_id} is less than nothing")
    given = list(open_receivables)
    changed, parts, left = _allocated(given, payment, rule, claims, limits)
    of_receivable = {r.receivable_id: r for r in changed.values()}
    entries = [
        _entry(
            account,
            of_receivable[part.receivable_id],
            "payment",
            -part.amount_minor,
            payment.paid_at,
            payment.payment_id,
            part.component,
            payment.turn,
        )
        for part in parts
    ]
    if left:
        parts.append(Part("", "principal", left))
        entries.append(
            _of_credit(account, payment.creditor, payment.currency, "payment", -left, payment)
        )
        account = _with_credit(account, payment.creditor, payment.currency, left)
    return Booking(
        _with_open(account, [*given, *changed.values()]),
        tuple(changed.values()),
        tuple(entries),
        tuple(parts),
    )


def apply_credit(
    account: Account,
    open_receivables: Iterable[Receivable],
    booked: BookedPayment,
    most_minor: int | None = None,
    receivable_id: str = "",
    rule: Allocation = Allocation(),  # noqa: B008 - an immutable value
    *,
    claims: Sequence[Claim] | None = None,
    limits: Sequence[Limit] = (),
    most_parts: int | None = None,
) -> Booking:
    """Settle receivables with what stands as credit of a payment, or with so much of it; a named
    receivable alone if one is named, else as the claims and limits say (see `pay`). `parts` are
    then all of the payment's. After `most_parts` parts it stops; called again, with claims and
    limits as they are by then, it goes on as if it had not stopped."""
    credit = credit_of(booked.parts)
    spend = credit if most_minor is None else min(credit, most_minor)
    given = list(open_receivables)
    wanted = [r for r in given if not receivable_id or r.receivable_id == receivable_id]
    money = Payment(
        booked.payment_id,
        booked.creditor,
        spend,
        booked.currency,
        booked.paid_at,
        receivable_id or booked.receivable_id,
        booked.turns,
    )
    changed, parts, left = _allocated(wanted, money, rule, claims, limits, most_parts)
    spent = spend - left
    if not spent:
        return Booking(account, (), (), booked.parts)
    entries = [
        _of_credit(account, booked.creditor, booked.currency, "payment", spent, money),
        *(
            _entry(
                account,
                changed[part.receivable_id],
                "payment",
                -part.amount_minor,
                booked.paid_at,
                booked.payment_id,
                part.component,
                booked.turns,
            )
            for part in parts
        ),
    ]
    settled = (part for part in booked.parts if part.receivable_id)
    parts = list(joined(settled, parts))
    if credit > spent:
        parts = [*parts, Part("", "principal", credit - spent)]
    account = _with_credit(account, booked.creditor, booked.currency, -spent)
    return Booking(
        _with_open(account, [*given, *changed.values()]),
        tuple(changed.values()),
        tuple(entries),
        tuple(parts),
    )


def joined(parts: Iterable[Part], more: Iterable[Part]) -> tuple[Part, ...]:
    """Both, with one part for each component of each receivable."""
    together: dict[tuple[str, str], Part] = {}
    for part in (*parts, *more):
        key = (part.receivable_id, part.component)
        before = together.get(key)
        amount_minor = part.amount_minor + (before.amount_minor if before else 0)
        together[key] = replace(part, amount_minor=amount_minor)
    return tuple(together.values())


# ------------------------------------------------------------------------- money that goes


def take_back(
    account: Account,
    receivables: Mapping[str, Receivable],
    booked: BookedPayment,
    amount_minor: int,
    kind: Taken,
    at: datetime,
) -> Booking:
    """Money of a payment went again: what it settled is open again, its credit first, then what was
    settled last. `receivables` are those of its parts, settled ones too; `parts` of the answer are
    what it still settles. More than is booked of it is a MoneyError."""
    if not 0 < amount_minor <= booked.booked_minor:
        raise MoneyError(
            f"payment {booked.payment_id} has {booked.booked_minor} minor units booked; "
            f"{amount_minor} cannot go back"
        )
    money = Payment(booked.payment_id, booked.creditor, 0, booked.currency, at, turn=booked.turns)
    left = amount_minor
    kept: list[Part] = []
    changed: dict[str, Receivable] = {}
    entries: list[LedgerEntry] = []
    settled = [part for part in booked.parts if part.receivable_id]
    credit = [part for part in booked.parts if not part.receivable_id]
    for part in (*credit, *reversed(settled)):
        back = min(left, part.amount_minor)
        left -= back
        if part.amount_minor > back:
            kept.append(replace(part, amount_minor=part.amount_minor - back))
        if not back:
            continue
        if not part.receivable_id:
            account = _with_credit(account, booked.creditor, booked.currency, -back)
            entries.append(_of_credit(account, booked.creditor, booked.currency, kind, back, money))
            continue
        before = changed.get(part.receivable_id) or receivables[part.receivable_id]
        changed[part.receivable_id] = _moved(before, part.component, back)
        entries.append(
            _entry(account, before, kind, back, at, booked.payment_id, part.component, booked.turns)
        )
    return Booking(
        _with_open(account, list(changed.values())),
        tuple(changed.values()),
        tuple(entries),
        tuple(reversed(kept)),
    )


# ------------------------------------------------------------------- the account's document


def whole(account: Account, open_receivables: Iterable[Receivable]) -> Account:
    """The account with all that is open in it, those beyond too: as the functions here take it."""
    return replace(account, receivables=tuple(open_receivables), beyond={})


def put(account: Account, receivable: Receivable) -> Account:
    """The whole account with this version of a receivable that is open in it, or now opens."""
    if account.beyond:
        raise ValueError("the account has receivables beyond: hand it in whole")
    return _with_open(account, [receivable])


def embed(account: Account, open_receivables: Iterable[Receivable]) -> Account:
    """The account with its twenty oldest open receivables embedded and the rest summed. Of each
    agreement that is kept the oldest is among them, so that its instalments are reminded of.

    What is handed in is all that is open, if the account had some beyond; else what it embeds. Once
    nothing is open, nothing has to be mended either.
    """
    ordered = sorted(
        open_receivables, key=lambda r: (r.due_on or date.min, r.issued_on, r.receivable_id)
    )
    listed = ordered
    beyond: dict[str, Beyond] = {}
    if len(ordered) > EMBEDDED_RECEIVABLES:
        listed, rest = _listed(ordered, account.agreements)
        for receivable in rest:
            key = pot(receivable.creditor, receivable.currency)
            before = beyond.get(key, Beyond(0, 0))
            beyond[key] = Beyond(before.count + 1, before.open_minor + receivable.open_minor)
    return replace(
        account,
        receivables=tuple(listed),
        beyond=beyond,
        exceptions=account.exceptions if ordered else (),
    )


def _listed(
    ordered: Sequence[Receivable], agreements: Iterable[Agreement]
) -> tuple[list[Receivable], list[Receivable]]:
    """The receivables that the document has room for, and the rest; both the oldest first."""
    names = {
        next((one.receivable_id for one in ordered if one.receivable_id in agreement.debts), "")
        for agreement in agreements
        if agreement.rests
    }
    first = sorted(ordered, key=lambda one: one.receivable_id not in names)
    room = {one.receivable_id for one in first[:EMBEDDED_RECEIVABLES]}
    return (
        [one for one in ordered if one.receivable_id in room],
        [one for one in ordered if one.receivable_id not in room],
    )


# ----------------------------------------------------------------------------------- inside


def _allocated(
    receivables: Iterable[Receivable],
    payment: Payment,
    rule: Allocation,
    claims: Sequence[Claim] | None,
    limits: Sequence[Limit],
    most_parts: int | None = None,
) -> tuple[dict[str, Receivable], list[Part], int]:
    """What becomes of the receivables, what settles what in the order in which it does (so many
    parts of it at most, one for each component of each receivable), and what is left of the
    payment."""
    fitting = {
        r.receivable_id: r for r in settleable(receivables, payment.creditor, payment.currency)
    }
    named = payment.receivable_id if rule.named_first else ""
    first = Claim((named,))
    changed: dict[str, Receivable] = {}
    parts: dict[tuple[str, Component], Part] = {}
    left = payment.amount_minor
    room = [limit.most_minor for limit in limits]
    for claim in (first, *((Claim(tuple(fitting)),) if claims is None else claims)):
        here = left if claim.most_minor is None else min(left, claim.most_minor)
        left -= here
        own = [name for name in claim.receivables if name in fitting]
        for component, name in ((one, name) for one in rule.order for name in own):
            now = changed.get(name, fitting[name])
            bound = [at for at, limit in enumerate(limits) if name in limit.receivables]
            minor = min(here, open_of(now, component), *(room[at] for at in bound))
            if minor <= 0:
                continue
            before = parts.get((name, component))
            if before is None and len(parts) == most_parts:
                return changed, list(parts.values()), left + here
            here -= minor
            for at in bound:
                room[at] -= minor
            changed[name] = _moved(now, component, -minor)
            whole = minor + (before.amount_minor if before else 0)
            parts[name, component] = Part(name, component, whole)
        left += here
    return changed, list(parts.values()), left


def settleable(receivables: Iterable[Receivable], creditor: str, currency: str) -> list[Receivable]:
    """Those that money of this creditor and currency may settle, the oldest due date first."""
    return sorted(
        (
            r
            for r in receivables
            if r.creditor == creditor and r.currency == currency and r.open_minor > 0
        ),
        key=lambda r: (r.due_on or date.max, r.receivable_id),
    )


def _moved(receivable: Receivable, component: Component, delta: int) -> Receivable:
    """The receivable with so much more (or less) of one component open."""
    moved = replace(receivable, open_minor=receivable.open_minor + delta)
    if component == "principal":
        return moved
    extras = {**receivable.extras, component: receivable.extras.get(component, 0) + delta}
    return replace(moved, extras={name: minor for name, minor in extras.items() if minor})


def _with_open(account: Account, versions: Sequence[Receivable]) -> Account:
    """The account with the last of these versions of each receivable, as far as it is open."""
    latest = {receivable.receivable_id: receivable for receivable in versions}
    kept = {r.receivable_id: r for r in account.receivables} | latest
    return embed(account, (r for r in kept.values() if r.open_minor))


def _with_credit(account: Account, creditor: str, currency: str, delta: int) -> Account:
    key = pot(creditor, currency)
    credits = {**account.credits, key: account.credits.get(key, 0) + delta}
    return replace(account, credits={name: minor for name, minor in credits.items() if minor})


def _of_credit(
    account: Account,
    creditor: str,
    currency: str,
    kind: EntryKind,
    amount_minor: int,
    payment: Payment,
) -> LedgerEntry:
    """A movement of unapplied credit: negative is credit that comes, positive credit that goes."""
    return LedgerEntry(
        entry_id(account.account_id, creditor, "", kind, payment.payment_id, payment.turn),
        account.account_id,
        creditor,
        "",
        kind,
        amount_minor,
        currency,
        payment.paid_at,
        payment.payment_id,
    )


def _entry(
    account: Account,
    receivable: Receivable,
    kind: EntryKind,
    amount_minor: int,
    booked_at: datetime,
    cause: str,
    component: Component = "principal",
    turn: int = 0,
) -> LedgerEntry:
    return LedgerEntry(
        entry_id(account.account_id, receivable.receivable_id, kind, cause, component, turn),
        account.account_id,
        receivable.creditor,
        receivable.receivable_id,
        kind,
        amount_minor,
        receivable.currency,
        booked_at,
        cause,
        component,
    )
