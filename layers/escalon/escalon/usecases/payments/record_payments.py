"""Record payments of a file: whose each is, and then the one way in which payments are booked.

A payment counts once by its source's id (invariant 5), also when two imports tell of it at the same
time. All payments of one account that come together are one transaction as far as that has room.
Money that names nobody we know, or of which nobody can tell for which creditor it is, is kept on a
list for a person, never dropped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from escalon.domain.payments.payment import Incoming, PaymentState, Said
from escalon.importing.records import PaymentRecord
from escalon.usecases.payments.book_payments import (
    BookPayments,
    OfAccount,
    UnmatchedMoney,
    payment_key,
)

if TYPE_CHECKING:
    from escalon.adapters.table import Table

type _Document = dict[str, Any]
SAME_ID_DAYS = 3  # a source that tells of a payment again may date it so far off


class Recorded(msgspec.Struct):
    """What became of some payments; `refused` are those whose id other money has used before."""

    booked: int = 0
    unmatched: int = 0
    refused: list[str] = []

    def add(self, other: "Recorded") -> None:
        """Add what became of others."""
        self.booked += other.booked
        self.unmatched += other.unmatched
        self.refused.extend(other.refused)


class RecordPayments:
    """Record payments of one source. `name_of` gives the opaque name of a source's reference;
    `each` runs a function over the accounts, side by side if it likes."""

    def __init__(
        self,
        table: "Table",
        book: BookPayments,
        name_of: Callable[[str], str],
        each: Callable[[Callable[[OfAccount], Recorded], list[OfAccount]], Iterable[Recorded]],
    ) -> None:
        self._table = table
        self._book = book
        self._name_of = name_of
        self._each = each

    def __call__(self, payments: Sequence[PaymentRecord], source: str) -> Recorded:
        """Book what is new of these payments, whatever else was tried before."""
        total = Recorded()
        keys = [
            key
            for p in payments
            for key in (payment_key(p.payment_id), self._book.unmatched_key(p.payment_id))
        ]
        known = self._table.load_many(keys)
        fresh: dict[str, Incoming] = {}
        on_list: dict[str, UnmatchedMoney] = {}
        for payment in payments:
            money = _incoming(payment, source)
            before: Incoming | _Document | None = fresh.get(money.payment_id)
            before = before or known.get(payment_key(money.payment_id))
            if kept := known.get(self._book.unmatched_key(money.payment_id)):
                unmatched = msgspec.convert(kept, UnmatchedMoney)
                on_list[money.payment_id] = unmatched
                before = before or unmatched.money
            if before is not None and not _same_money(before, money):
                total.refused.append(money.payment_id)
            elif before is None or money.payment_id in on_list:
                fresh.setdefault(money.payment_id, money)
        waiting = [
            money
            for money in fresh.values()
            if money.payment_id not in on_list or not on_list[money.payment_id].became
        ]
        for found in self._each(self._of_account, self._matched(waiting, on_list)):
            total.add(found)
        return total

    def _matched(
        self, payments: Sequence[Incoming], on_list: Mapping[str, UnmatchedMoney]
    ) -> list[OfAccount]:
        """The payments by account. The account that has the receivable a payment names comes first,
        since somebody else may have paid; then the one that the payer's reference names."""
        pointers = self._table.load_many(
            [self._book.pointer_key(p.receivable_id) for p in payments if p.receivable_id]
        )
        candidates: dict[str, list[str]] = {}
        for payment in payments:
            candidates[payment.payment_id] = found = []
            if payment.source_ref:
                found.append(self._name_of(payment.source_ref))
            if payment.receivable_id:
                pointer = pointers.get(self._book.pointer_key(payment.receivable_id))
                found.extend([str(pointer["account_id"])] if pointer else [])
        accounts = self._table.get_many([a for found in candidates.values() for a in found])
        named = self._table.named_receivables(
            [
                (a, p.receivable_id)
                for p in payments
                if p.receivable_id
                for a in candidates[p.payment_id]
            ]
        )
        by_account: dict[str, OfAccount] = {}
        for payment in payments:
            there = [a for a in candidates[payment.payment_id] if a in accounts]
            having = [a for a in there if (a, payment.receivable_id) in named]
            account_id = (having or there or [""])[0]
            own = by_account.setdefault(
                account_id, OfAccount(account_id, accounts.get(account_id), [])
            )
            own.money.append(payment)
            if payment.receivable_id and (account_id, payment.receivable_id) in named:
                own.named[payment.receivable_id] = named[account_id, payment.receivable_id]
            if payment.payment_id in on_list:
                own.on_list[payment.payment_id] = on_list[payment.payment_id]
        return list(by_account.values())

    def _of_account(self, own: OfAccount) -> Recorded:
        became = self._book(own).values()
        return Recorded(
            sum(1 for one in became if one == "booked"),
            sum(1 for one in became if one == "unmatched"),
        )


def _incoming(payment: PaymentRecord, source: str) -> Incoming:
    return Incoming(
        payment.payment_id,
        f"import {source}",  # a mapping may be named like a provider
        payment.currency,
        payment.paid_at,
        PaymentState(approved=Said(payment.amount_minor, payment.paid_at)),
        receivable_id=payment.receivable_id or "",
        reference=payment.receivable_id or "",
        source_ref=payment.source_ref or "",
    )


def _same_money(before: Incoming | _Document, money: Incoming) -> bool:
    """Whether an id that was used before stands for this very money."""
    if isinstance(before, Incoming):
        was: tuple[Any, ...] = (before.amount_minor, before.currency)
        paid_at = before.paid_at
    else:
        was = (before["amount_minor"], before["currency"])
        paid_at = datetime.fromisoformat(before["paid_at"])
    near = abs(paid_at - money.paid_at) <= timedelta(days=SAME_ID_DAYS)
    return was == (money.amount_minor, money.currency) and near
