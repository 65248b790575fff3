"""Record payments: money that came in is booked once on its account, or kept and shown.

A payment counts once by its source's id (invariant 5): the key of what caused it is written in the
same transaction as its entries. All payments of one account that come together are one transaction
as far as that has room. Money that names nobody we know, or of whom nobody can tell for which
creditor it is, is kept on a list for a person, never dropped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from escalon.domain import facts, ledger
from escalon.domain.account import Account, Receivable, pot
from escalon.domain.ledger import LedgerEntry, Payment, entry_id
from escalon.domain.ports import Clock
from escalon.domain.storage import AlreadyDoneError, ConflictError, Stored, instant
from escalon.importing.records import PaymentRecord
from escalon.usecases.ledger_writes import MOST_ITEMS, all_open, issue, write

if TYPE_CHECKING:
    from escalon.adapters.table import Named, Table

TRIES = 8
# A payment settles this many receivables in its own transaction, two items each; what is left of it
# stands as credit for a moment, and further transactions apply it.
RECEIVABLES_AT_ONCE = 40
CROSSED_AT_MOST = 5  # messages that one payment is noted on

type _Document = dict[str, Any]


class Recorded(msgspec.Struct):
    """What became of some payments; `refused` are those whose id other money has used before."""

    booked: int = 0
    unmatched: int = 0
    refused: list[PaymentRecord] = []

    def add(self, other: "Recorded") -> None:
        """Add what became of others."""
        self.booked += other.booked
        self.unmatched += other.unmatched
        self.refused.extend(other.refused)


class RecordPayments:
    """Book payments. `name_of` gives the opaque name of a source's reference; `each` runs a
    function over the accounts, side by side if it likes."""

    def __init__(
        self,
        table: "Table",
        clock: Clock,
        name_of: Callable[[str], str],
        each: "Callable[[Callable[[_OfAccount], Recorded], list[_OfAccount]], Iterable[Recorded]]",
    ) -> None:
        self._table = table
        self._clock = clock
        self._name_of = name_of
        self._each = each

    def __call__(self, payments: Sequence[PaymentRecord]) -> Recorded:
        """Book what is new of these payments, whatever else was tried before."""
        total = Recorded()
        known = self._table.load_many(
            [key for p in payments for key in (_cause_key(p), self._unmatched_key(p))]
        )
        fresh: dict[str, PaymentRecord] = {}
        for payment in payments:
            twin = fresh.get(payment.payment_id)
            before = _told(twin) if twin else known.get(_cause_key(payment))
            before = before or known.get(self._unmatched_key(payment))
            if before is not None and not _same_money(before, payment):
                total.refused.append(payment)
            elif twin is None and _cause_key(payment) not in known:
                fresh[payment.payment_id] = payment
        for found in self._each(self._of_account, self._matched(list(fresh.values()), known)):
            total.add(found)
        return total

    # ---------------------------------------------------------------- whose it is

    def _matched(
        self, payments: Sequence[PaymentRecord], known: dict[tuple[str, str], _Document]
    ) -> "list[_OfAccount]":
        """The payments by account. The account that has the receivable a payment names comes first,
        since somebody else may have paid; then the one that the payer's reference names."""
        pointers = self._table.load_many(
            [self._pointer_key(p.receivable_id) for p in payments if p.receivable_id]
        )
        candidates: dict[str, list[str]] = {}
        for payment in payments:
            candidates[payment.payment_id] = found = []
            if payment.source_ref:
                found.append(self._name_of(payment.source_ref))
            if payment.receivable_id:
                pointer = pointers.get(self._pointer_key(payment.receivable_id))
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
        by_account: dict[str, _OfAccount] = {}
        for payment in payments:
            there = [a for a in candidates[payment.payment_id] if a in accounts]
            having = [a for a in there if (a, payment.receivable_id) in named]
            account_id = (having or there or [""])[0]
            own = by_account.setdefault(
                account_id, _OfAccount(account_id, accounts.get(account_id), [], {}, set())
            )
            own.payments.append(payment)
            if payment.receivable_id and (account_id, payment.receivable_id) in named:
                own.named[payment.receivable_id] = named[account_id, payment.receivable_id]
            if self._unmatched_key(payment) in known:
                own.on_list.add(payment.payment_id)
        return list(by_account.values())

    # ---------------------------------------------------------------- booking

    def _of_account(self, own: "_OfAccount") -> Recorded:
        recorded = Recorded()
        for _ in range(TRIES):
            try:
                self._issue_named(own)
                while own.payments:
                    self._book(own, recorded)
            except (ConflictError, AlreadyDoneError):
                self._read_again(own)
                continue
            return recorded
        raise ConflictError(own.account_id)

    def _read_again(self, own: "_OfAccount") -> None:
        """The account moved on, or somebody booked some of these at the same time."""
        own.stored = self._table.get(own.account_id)
        done = self._table.load_many([_cause_key(payment) for payment in own.payments])
        own.payments = [p for p in own.payments if _cause_key(p) not in done]
        again = self._table.named_receivables([(own.account_id, name) for name in own.named])
        own.named = {receivable_id: found for (_, receivable_id), found in again.items()}

    def _issue_named(self, own: "_OfAccount") -> None:
        """Whoever pays an invoice has it: it is part of the account from now on."""
        for receivable_id, named in own.named.items():
            if named.scheduled and own.stored is not None:
                now = self._clock.now()
                own.stored = issue(
                    self._table, own.stored, named.receivable, booked_at=now, now=now
                )
                own.named[receivable_id] = msgspec.structs.replace(named, scheduled=False)

    def _book(self, own: "_OfAccount", recorded: Recorded) -> None:
        """One transaction with as many of the payments as it holds, and at least one."""
        stored = own.stored
        if stored is None:
            recorded.unmatched += self._keep_unmatched(own.payments.pop(0))
            return
        now = self._clock.now()
        open_before = all_open(self._table, stored.account)
        writing = _Writing(stored.account, open_before)
        booked = 0
        credit: Payment | None = None
        for payment in own.payments:
            money = _money(payment, own.named, writing.opened.values())
            if money is None or (booked and not writing.has_room(money)):
                break
            left = writing.pay(money)
            writing.crossed[payment.payment_id] = _crossed(stored.account, payment.paid_at)
            writing.facts.append(_paid(payment, writing.crossed[payment.payment_id], now))
            writing.more.append(self._table.once(_cause(payment), _told(payment)))
            if payment.payment_id in own.on_list:
                writing.more.append(self._off_the_list(payment, own.account_id))
            booked += 1
            if left:
                credit = msgspec.structs.replace(money, amount_minor=left)
                break
        if not booked:
            recorded.unmatched += self._keep_unmatched(own.payments.pop(0))
            return
        own.stored = write(
            self._table,
            stored,
            writing.account,
            open_before,
            list(writing.changed.values()),
            writing.entries,
            now=now,
            more_facts=writing.facts,
            more=[*writing.more, *self._mark_crossed(own.account_id, writing.crossed)],
        )
        recorded.booked += booked
        del own.payments[:booked]
        if credit is not None:
            self._apply_credit(own, credit, now)

    def _apply_credit(self, own: "_OfAccount", credit: Payment, now: datetime) -> None:
        """The rest of a payment that settles more receivables than one transaction holds. Until it
        is applied it is credit of the same creditor and currency, so what is owed is right."""
        part = 1
        while credit.amount_minor and own.stored is not None:
            part += 1
            stored = own.stored
            open_before = all_open(self._table, stored.account)
            spent = min(
                credit.amount_minor,
                sum(r.open_minor for r in _first(open_before, credit)),
            )
            if not spent:
                return
            key = pot(credit.creditor, credit.currency)
            kept = stored.account.credits.get(key, 0) - spent
            credits = {**stored.account.credits, key: kept}
            account = msgspec.structs.replace(
                stored.account, credits={k: minor for k, minor in credits.items() if minor}
            )
            payment_id = f"{credit.payment_id}/{part}"
            writing = _Writing(account, open_before)
            writing.pay(
                msgspec.structs.replace(
                    credit, payment_id=payment_id, amount_minor=spent, receivable_id=""
                )
            )
            taken = LedgerEntry(
                entry_id(account.account_id, credit.creditor, "", payment_id),
                account.account_id,
                credit.creditor,
                "",
                "payment",
                spent,
                credit.currency,
                credit.paid_at,
                payment_id,
            )
            try:
                own.stored = write(
                    self._table,
                    stored,
                    writing.account,
                    open_before,
                    list(writing.changed.values()),
                    [taken, *writing.entries],
                    now=now,
                    more=[self._table.once(f"payment:{payment_id}", {"amount_minor": spent})],
                )
            except ConflictError:
                own.stored = self._table.get(own.account_id)
                part -= 1
                continue
            credit = msgspec.structs.replace(credit, amount_minor=credit.amount_minor - spent)

    # ---------------------------------------------------------------- crossed in the post

    def _mark_crossed(self, account_id: str, crossed: Mapping[str, list[str]]) -> list[_Document]:
        """Messages that left although this money was on its way say so (invariant 2)."""
        by_message: dict[str, list[str]] = {}
        for payment_id, message_ids in crossed.items():
            for message_id in message_ids:
                by_message.setdefault(message_id, []).append(payment_id)
        pk = f"A#{account_id}"
        found = self._table.load_many([(pk, f"M#{message_id}") for message_id in by_message])
        return [
            self._table.put_document(
                pk,
                f"M#{message_id}",
                {**message, "crossed_by": [*message.get("crossed_by", ()), *by]},
            )
            for message_id, by in by_message.items()
            if (message := found.get((pk, f"M#{message_id}"))) is not None
        ]

    # ---------------------------------------------------------------- money nobody can place

    def _keep_unmatched(self, payment: PaymentRecord) -> int:
        """Keep it and show it; 1 if it is new on the list."""
        pk, sk = self._unmatched_key(payment)
        put = self._table.put_document(
            pk, sk, payment, due_shard="unmatched", look_at=instant(payment.paid_at)
        )
        try:
            self._table.save(put, new=True)
        except AlreadyDoneError:
            return 0
        return 1

    def _off_the_list(self, payment: PaymentRecord, account_id: str) -> _Document:
        """It has found its account since; nobody has to look for it any more."""
        document = {**msgspec.to_builtins(payment), "matched_to": account_id}
        return self._table.put_document(*self._unmatched_key(payment), document)

    def _unmatched_key(self, payment: PaymentRecord) -> tuple[str, str]:
        return f"UNMATCHED#{self._name_of(payment.payment_id)}", "UNMATCHED"

    def _pointer_key(self, receivable_id: str) -> tuple[str, str]:
        return f"REF#{self._name_of(receivable_id)}", "REF"


class _OfAccount(msgspec.Struct):
    """The payments that are for one account, and what is known about it."""

    account_id: str
    stored: Stored | None
    payments: list[PaymentRecord]
    named: "dict[str, Named]"
    on_list: set[str]  # those kept as unmatched before


class _Writing:
    """What several payments make of one account, to be written together."""

    def __init__(self, account: Account, open_before: Sequence[Receivable]) -> None:
        self.account = msgspec.structs.replace(account, receivables=tuple(open_before), beyond={})
        self.opened = {r.receivable_id: r for r in open_before}
        self.changed: dict[str, Receivable] = {}
        self.entries: list[LedgerEntry] = []
        self.facts: list[facts.Fact] = []
        self.more: list[_Document] = []
        self.crossed: dict[str, list[str]] = {}

    def has_room(self, money: Payment) -> bool:
        """Whether the transaction holds this payment too: two items a receivable, its credit, its
        cause, its place on the list of unmatched ones and the messages it crossed."""
        crossed = len(self.crossed) * CROSSED_AT_MOST
        items = 1 + len(self.changed) + len(self.entries) + len(self.more) + crossed
        wanted = 2 * len(_first(self.opened.values(), money)) + 3 + CROSSED_AT_MOST
        return items + wanted <= MOST_ITEMS

    def pay(self, money: Payment) -> int:
        """Allocate it, to so many receivables as fit; how much of it should go on to others."""
        fitting = _first(self.opened.values(), money)
        left = money.amount_minor - sum(r.open_minor for r in fitting)
        others = len(_fitting(self.opened.values(), money)) > len(fitting)
        account = msgspec.structs.replace(
            self.account, receivables=tuple(self.opened.values()), beyond={}
        )
        booking = ledger.pay(account, fitting, money)
        self.account = booking.account
        for receivable in booking.changed:
            self.changed[receivable.receivable_id] = receivable
            if receivable.open_minor:
                self.opened[receivable.receivable_id] = receivable
            else:
                del self.opened[receivable.receivable_id]
        self.entries.extend(booking.entries)
        return left if others and left > 0 else 0


def _fitting(opened: Iterable[Receivable], money: Payment) -> list[Receivable]:
    """What the money may settle, in the order in which `ledger.pay` does."""
    return sorted(
        (r for r in opened if r.creditor == money.creditor and r.currency == money.currency),
        key=lambda r: (
            r.receivable_id != money.receivable_id,
            r.due_on or date.max,
            r.receivable_id,
        ),
    )


def _first(opened: Iterable[Receivable], money: Payment) -> list[Receivable]:
    """Those of them that the money reaches, as many as one transaction takes."""
    reached: list[Receivable] = []
    left = money.amount_minor
    for receivable in _fitting(opened, money):
        if left <= 0 or len(reached) == RECEIVABLES_AT_ONCE:
            break
        reached.append(receivable)
        left -= receivable.open_minor
    return reached


def _money(
    payment: PaymentRecord, named: "Mapping[str, Named]", opened: Iterable[Receivable]
) -> Payment | None:
    """The payment with the creditor it is for: that of the receivable it names, else the account's
    only one; None if nobody can tell."""
    obligation = named.get(payment.receivable_id or "")
    creditors = {obligation.receivable.creditor} if obligation else set()
    if not creditors:
        own = list(opened)
        creditors = {r.creditor for r in own if r.currency == payment.currency}
        creditors = creditors or {r.creditor for r in own}
    if len(creditors) != 1:
        return None
    return Payment(
        payment.payment_id,
        creditors.pop(),
        payment.amount_minor,
        payment.currency,
        payment.paid_at,
        payment.receivable_id or "",
    )


def _crossed(account: Account, paid_at: datetime) -> list[str]:
    """Messages that left after the money did, or that are leaving right now."""
    sending = {intent.intent_id for intent in account.intents if intent.state == "sending"}
    crossed = [c.message_id for c in account.contacts if c.at >= paid_at or c.message_id in sending]
    return crossed[-CROSSED_AT_MOST:]


def _paid(payment: PaymentRecord, crossed: list[str], now: datetime) -> facts.Fact:
    return facts.noted(
        "paid",
        now,
        payment_id=payment.payment_id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        paid_at=msgspec.to_builtins(payment.paid_at),
        **({"crossed": crossed} if crossed else {}),
    )


def _cause(payment: PaymentRecord) -> str:
    return f"payment:{payment.payment_id}"


def _cause_key(payment: PaymentRecord) -> tuple[str, str]:
    return f"CAUSE#{_cause(payment)}", "CAUSE"


def _told(payment: PaymentRecord) -> _Document:
    """What tells one payment from another of the same id."""
    return {
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "paid_at": msgspec.to_builtins(payment.paid_at),
    }


def _same_money(before: _Document, payment: PaymentRecord) -> bool:
    return all(before.get(name) == value for name, value in _told(payment).items())
