"""The ledger: immutable entries, and the account as their sum (invariant 4).

Per receivable, open = the signed sum of its entries; unapplied credit stands apart, per creditor
and currency. Positive raises what is owed, negative lowers it. Every function here takes the
account and the receivables it touches, and returns what becomes of them together with the entries
that say why; the table gateway writes all of it in one transaction with the key of what caused it.
"""

import hashlib
from collections.abc import Iterable, Sequence
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
from escalon.domain.money import MoneyError

EntryKind = Literal["charge", "adjustment", "payment"]


class LedgerEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One immutable movement of one receivable, or of unapplied credit (`receivable_id` empty)."""

    entry_id: str
    account_id: str
    creditor: str
    receivable_id: str
    kind: EntryKind
    amount_minor: int
    currency: str
    booked_at: datetime  # when it happened, as the source says
    cause: str  # what it came from: the import's document, the payment's id
    component: Literal["principal"] = "principal"


class Payment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money that came in for an account."""

    payment_id: str
    creditor: str
    amount_minor: int
    currency: str
    paid_at: datetime
    receivable_id: str = ""  # the obligation it names, if any


class Booking(msgspec.Struct, frozen=True):
    """The outcome of one movement: the account, the receivables that changed, the new entries."""

    account: Account
    changed: tuple[Receivable, ...]
    entries: tuple[LedgerEntry, ...]


def entry_id(*parts: object) -> str:
    """The name of an entry: a function of what caused it, so that booking twice books once."""
    text = "\x1f".join(str(part) for part in parts)
    return "e" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


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
    """The source now states another amount or open balance; the difference is an entry."""
    delta = open_minor - receivable.open_minor
    changed = replace(receivable, amount_minor=amount_minor, open_minor=open_minor)
    entries = (_entry(account, receivable, "adjustment", delta, booked_at, cause),) if delta else ()
    return Booking(put(account, changed), (changed,), entries)


def pay(account: Account, open_receivables: Sequence[Receivable], payment: Payment) -> Booking:
    """Allocate a payment: to the obligation it names, then oldest first; what is left is credit.

    `open_receivables` are all open ones of the account, embedded or beyond. Money of another
    currency or creditor is never used (lesson E1); it is kept apart, shown, and never dropped.
    Money that goes back is no payment: an amount below 0 is a MoneyError.
    """
    if payment.amount_minor < 0:
        raise MoneyError(f"payment {payment.payment_id} is less than nothing")
    fitting = sorted(
        (
            r
            for r in open_receivables
            if r.creditor == payment.creditor
            and r.currency == payment.currency
            and r.open_minor > 0
        ),
        key=lambda r: (
            r.receivable_id != payment.receivable_id,
            r.due_on or date.max,
            r.receivable_id,
        ),
    )
    left = payment.amount_minor
    changed: list[Receivable] = []
    entries: list[LedgerEntry] = []
    for receivable in fitting:
        if not left:
            break
        part = min(left, receivable.open_minor)
        left -= part
        changed.append(replace(receivable, open_minor=receivable.open_minor - part))
        entries.append(
            _entry(account, receivable, "payment", -part, payment.paid_at, payment.payment_id)
        )
    if left:
        entries.append(
            LedgerEntry(
                entry_id(account.account_id, payment.creditor, "", payment.payment_id),
                account.account_id,
                payment.creditor,
                "",
                "payment",
                -left,
                payment.currency,
                payment.paid_at,
                payment.payment_id,
            )
        )
        key = pot(payment.creditor, payment.currency)
        credits = {**account.credits, key: account.credits.get(key, 0) + left}
        account = replace(account, credits=credits)
    by_id = {r.receivable_id: r for r in (*account.receivables, *open_receivables)}
    by_id |= {r.receivable_id: r for r in changed}
    return Booking(
        embed(account, (r for r in by_id.values() if r.open_minor)), tuple(changed), tuple(entries)
    )


def put(account: Account, receivable: Receivable) -> Account:
    """The account with this version of a receivable that it embeds or now opens."""
    others = (r for r in account.receivables if r.receivable_id != receivable.receivable_id)
    rest = (*others, receivable) if receivable.open_minor else tuple(others)
    return embed(account, rest)


def embed(account: Account, open_receivables: Iterable[Receivable]) -> Account:
    """The account with its twenty oldest open receivables embedded and the rest summed.

    What is handed in is all that is open, if the account had some beyond; else what it embeds. Once
    nothing is open, nothing has to be mended either.
    """
    ordered = sorted(
        open_receivables, key=lambda r: (r.due_on or date.min, r.issued_on, r.receivable_id)
    )
    beyond: dict[str, Beyond] = {}
    for receivable in ordered[EMBEDDED_RECEIVABLES:]:
        key = pot(receivable.creditor, receivable.currency)
        before = beyond.get(key, Beyond(0, 0))
        beyond[key] = Beyond(before.count + 1, before.open_minor + receivable.open_minor)
    return replace(
        account,
        receivables=tuple(ordered[:EMBEDDED_RECEIVABLES]),
        beyond=beyond,
        exceptions=account.exceptions if ordered else (),
    )


def _entry(
    account: Account,
    receivable: Receivable,
    kind: EntryKind,
    amount_minor: int,
    booked_at: datetime,
    cause: str,
) -> LedgerEntry:
    return LedgerEntry(
        entry_id(account.account_id, receivable.receivable_id, kind, cause, amount_minor),
        account.account_id,
        receivable.creditor,
        receivable.receivable_id,
        kind,
        amount_minor,
        receivable.currency,
        booked_at,
        cause,
    )
