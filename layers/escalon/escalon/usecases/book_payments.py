"""Book payments on one account: the one place where money that came or went moves a ledger.

Whatever told us (a provider, a bank's file, an operator), a payment is merged into what is known of
it, and the difference between what should be booked and what is booked goes into the ledger, in one
transaction with the key of what told us and the account's version (invariants 4, 5). A payment over
more receivables than a transaction holds is booked as credit first and spread from there; whoever
comes next goes on with that, so it can stop anywhere.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain import facts, ledger
from escalon.domain.account import Account, Receivable, SeenPayment
from escalon.domain.ledger import LedgerEntry, Payment, Taken
from escalon.domain.payment import (
    BookedPayment,
    Incoming,
    PaymentState,
    merge,
    net,
    seen_before,
)
from escalon.domain.ports import Clock
from escalon.domain.rulebook import Allocation, Payments, Rulebook
from escalon.domain.storage import AlreadyDoneError, ConflictError, Stored, instant
from escalon.usecases.ledger_writes import MOST_ITEMS, all_open, issue, write

if TYPE_CHECKING:
    from escalon.adapters.table import Named, Table

TRIES = 8
# Of one transaction: receivables and entries that one payment may touch, beside the account, the
# payment, its names and the messages it crossed; and parts of it that may go back, each of which
# may drive another receivable out of the account's document.
ROOM = 84
PARTS_AT_ONCE = 30
CROSSED_AT_MOST = 5  # messages that one payment is noted on
SEEN_DAYS = 60  # how long a booked payment is kept in sight of other sources
SEEN_AT_MOST = 24

type _Document = dict[str, Any]
type Became = Literal["booked", "nothing", "unmatched"]
# Why nobody can tell where some money belongs.
type Why = Literal["unknown_reference", "other_currency", "which_creditor", "seen_before"]


class UnmatchedMoney(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money of which nobody can tell whose it is, kept for a person; on the list while it counts
    and nobody has settled where it belongs."""

    money: Incoming
    why: Why
    since: datetime
    may_be: tuple[str, ...] = ()  # payments booked before that may be the same money
    became: Literal["", "matched", "returned"] = ""
    account_id: str = ""  # matched to it
    note: str = ""
    by: str = ""
    version: int = 0

    @property
    def payment_id(self) -> str:
        """Its id."""
        return self.money.payment_id


class OfAccount(msgspec.Struct):
    """What is to be booked on one account, and what was read of it."""

    account_id: str
    stored: Stored | None
    money: list[Incoming]
    named: "dict[str, Named]" = {}
    booked: dict[str, BookedPayment] = {}
    on_list: dict[str, UnmatchedMoney] = {}  # what is kept as unmatched, by payment id
    sure: bool = False  # a person has said that this money is this account's, and no other's


class NowhereError(Exception):
    """Nobody can tell where this money belongs on the account."""

    def __init__(self, why: Why, may_be: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.why: Why = why
        self.may_be = may_be


class BookPayments:
    """Book on one account. `name_of` gives the opaque name of a reference; `rulebook` the rulebook
    in force, None before one is published."""

    def __init__(
        self,
        table: "Table",
        clock: Clock,
        name_of: Callable[[str], str],
        rulebook: Callable[[], Rulebook | None],
    ) -> None:
        self._table = table
        self._clock = clock
        self._name_of = name_of
        self._rulebook = rulebook

    def __call__(self, own: OfAccount) -> dict[str, Became]:
        """Book all of it, and say what became of each payment. Raises ConflictError if the account
        keeps moving, AlreadyDoneError if nothing but what was told before is left."""
        became: dict[str, Became] = {}
        for _ in range(TRIES):
            try:
                self._issue_named(own)
                while own.money:
                    self._book(own, became)
                if own.stored is not None and own.stored.account.spreading:
                    own.stored = self.spread(own.stored)
            except ConflictError:
                self._read_again(own)
                continue
            except AlreadyDoneError:
                # Somebody else has booked some of it at the same time.
                self._read_again(own)
                if not self._is_left(own):
                    return became
                continue
            return became
        raise ConflictError(own.account_id)

    # ---------------------------------------------------------------- what was read

    def _read_again(self, own: OfAccount) -> None:
        """The account has moved on."""
        names = [money.payment_id for money in own.money]
        pointers = self._table.load_many([payment_key(name) for name in names])
        names.extend(str(pointer["payment_id"]) for pointer in pointers.values())
        found = self._table.around(own.account_id, list(own.named), [*own.booked, *names])
        own.stored, own.named, own.booked = found.stored, found.named, found.booked

    def _is_left(self, own: OfAccount) -> bool:
        """Drop what has been told before; whether anything is left."""
        done = self._table.load_many([event_key(money) for money in own.money])
        own.money = [money for money in own.money if event_key(money) not in done]
        return bool(own.money)

    def _issue_named(self, own: OfAccount) -> None:
        """Whoever pays an invoice has it: it is part of the account from now on."""
        for receivable_id, named in own.named.items():
            if named.scheduled and own.stored is not None:
                now = self._clock.now()
                own.stored = issue(
                    self._table, own.stored, named.receivable, booked_at=now, now=now
                )
                own.named[receivable_id] = replace(named, scheduled=False)

    # ---------------------------------------------------------------- booking

    def _book(self, own: OfAccount, became: dict[str, Became]) -> None:
        """One transaction with as many of the payments as it holds, and at least one."""
        stored = own.stored
        if stored is None:
            money = own.money.pop(0)
            became[money.payment_id] = self.keep_unmatched(money, NowhereError("unknown_reference"))
            return
        now = self._clock.now()
        open_before = all_open(self._table, stored.account)
        done = _Writing(stored.account, {r.receivable_id: r for r in open_before})
        count = 0
        for money in own.money:
            writing = done.copy()
            try:
                became[money.payment_id] = self._add(own, writing, money, now)
            except NowhereError as nowhere:
                if count:
                    break
                own.money.pop(0)
                became[money.payment_id] = self.keep_unmatched(
                    money, nowhere, own.on_list.get(money.payment_id)
                )
                return
            if count and writing.items > MOST_ITEMS:
                break
            done = writing
            if writing.partial:
                break
            count += 1
        if done.payments:
            own.stored = write(
                self._table,
                stored,
                done.finished(),
                open_before,
                list(done.changed.values()),
                done.entries,
                now=now,
                more_facts=done.facts,
                more=[
                    *done.payments.values(),
                    *done.more,
                    *self._mark_crossed(own.account_id, done.crossed),
                ],
            )
            own.booked |= done.booked
        del own.money[:count]

    def _add(self, own: OfAccount, writing: "_Writing", money: Incoming, now: datetime) -> Became:
        """Merge one payment and book the difference."""
        before = self._known(own, writing, money)
        merged = merge(before.state, money.state) if before else money.state
        booked = before or self._fresh(own, writing, money)
        target, was = net(merged), booked.booked_minor
        told = booked.payment_id != money.payment_id and money.payment_id not in booked.seen_as
        waited = any(a.payment_id == money.payment_id for a in writing.account.awaited)
        if before and merged == before.state and target == was and not told and not waited:
            return "nothing"
        after = replace(booked, state=merged)
        if told:
            after = replace(after, seen_as=(*after.seen_as, money.payment_id))
        kind: Taken | None = None
        if target > was:
            after = writing.pay(after, target - was, now, self._allocation(booked.creditor))
        elif target < was:
            kind = _why_less(before.state if before else PaymentState(), merged)
            receivables = self._of_parts(own.account_id, after, writing)
            after = writing.take_back(after, was - target, kind, receivables, now)
        writing.settle_waiting(money.payment_id, merged, now)
        writing.see(after, money, now)
        crossed = _crossed(writing.account, money.paid_at) if target > was else []
        writing.crossed[after.payment_id] = crossed
        moved = after.booked_minor - was
        writing.facts.append(_fact(after, money, moved, kind, crossed, now))
        writing.booked[after.payment_id] = after
        writing.payments[after.payment_id] = self._table.put_payment(own.account_id, after)
        if money.event and not writing.partial:
            writing.more.append(self._table.once(money.event, {"payment_id": after.payment_id}))
        if before is None or told:
            writing.more.extend(self._pointers(own, after, money, before is None))
        if money.payment_id in own.on_list:
            writing.more.append(self._off_the_list(own.on_list[money.payment_id], own.account_id))
        return "booked" if moved else "nothing"

    def _known(self, own: OfAccount, writing: "_Writing", money: Incoming) -> BookedPayment | None:
        """The payment as it is booked, under its own id or as another source's word of it."""
        found = writing.booked.get(money.payment_id) or own.booked.get(money.payment_id)
        if found is None:
            for one in (*writing.booked.values(), *own.booked.values()):
                if money.payment_id in one.seen_as:
                    found = writing.booked.get(one.payment_id, one)
        if found is not None or own.sure:
            return found
        twice = seen_before(writing.account.payments, money, self._payments().same_within_days)
        if twice is None:
            return None
        if not twice.sure:
            raise NowhereError("seen_before", twice.payment_ids)
        twin = twice.payment_ids[0]
        if twin not in writing.booked and twin not in own.booked:
            own.booked |= self._table.around(own.account_id, (), (twin,)).booked
        return writing.booked.get(twin) or own.booked.get(twin)

    def _fresh(self, own: OfAccount, writing: "_Writing", money: Incoming) -> BookedPayment:
        creditor = _creditor(writing.account, writing.opened, own.named, money)
        return BookedPayment(
            money.payment_id,
            money.source,
            creditor,
            money.currency,
            money.paid_at,
            PaymentState(),
            money.receivable_id if money.receivable_id in own.named else "",
            money.reference,
            payer_email=money.payer_email,
        )

    def _of_parts(
        self, account_id: str, booked: BookedPayment, writing: "_Writing"
    ) -> dict[str, Receivable]:
        """The receivables that a payment settles, those that are settled included."""
        wanted = {part.receivable_id for part in booked.parts if part.receivable_id}
        known = {name: writing.opened[name] for name in wanted & writing.opened.keys()}
        known |= {name: writing.changed[name] for name in wanted & writing.changed.keys()}
        missing = [(account_id, name) for name in sorted(wanted - known.keys())]
        if missing:
            found = self._table.named_receivables(missing)
            known |= {name: one.receivable for (_, name), one in found.items()}
        return known

    def _pointers(
        self, own: OfAccount, booked: BookedPayment, money: Incoming, new: bool
    ) -> list[_Document]:
        """Where a later notice of this payment finds it, under whatever name."""
        told = told_of(own.account_id, booked, money)
        put = self._table.put_document
        items = [put(*payment_key(alias), told) for alias in money.aliases]
        own_name = f"payment:{money.payment_id}"
        if new:
            return [self._table.once(own_name, told), *items]
        return [put(*payment_key(money.payment_id), told), *items]

    # ---------------------------------------------------------------- spreading

    def spread(self, stored: Stored) -> Stored:
        """Allocate what was booked as credit because it settles more receivables than a transaction
        holds. Until then it is credit of the same creditor and currency, so what is owed is right;
        every part is one transaction, so it can stop anywhere and be gone on with."""
        while stored.account.spreading:
            payment_id = stored.account.spreading[0]
            account_id = stored.account.account_id
            now = self._clock.now()
            open_before = all_open(self._table, stored.account)
            booked = self._table.around(account_id, (), (payment_id,)).booked.get(payment_id)
            writing = _Writing(stored.account, {r.receivable_id: r for r in open_before})
            after = writing.apply(booked, self._allocation(booked.creditor)) if booked else None
            if not writing.entries:
                writing.account = replace(writing.account, spreading=writing.account.spreading[1:])
            stored = write(
                self._table,
                stored,
                writing.finished(),
                open_before,
                list(writing.changed.values()),
                writing.entries,
                now=now,
                more=[self._table.put_payment(account_id, after)] if after else [],
            )
        return stored

    # ---------------------------------------------------------------- rules

    def _payments(self) -> Payments:
        rulebook = self._rulebook()
        return rulebook.payments if rulebook else Payments()

    def _allocation(self, creditor: str) -> Allocation:
        rulebook = self._rulebook()
        return rulebook.allocation_for(creditor) if rulebook else Allocation()

    # ---------------------------------------------------------------- crossed in the post

    def _mark_crossed(self, account_id: str, crossed: Mapping[str, list[str]]) -> list[_Document]:
        """Messages that left although this money was on its way say so (invariant 2)."""
        by_message: dict[str, list[str]] = {}
        for payment_id, message_ids in crossed.items():
            for message_id in message_ids:
                by_message.setdefault(message_id, []).append(payment_id)
        if not by_message:
            return []
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

    def keep_unmatched(
        self, money: Incoming, nowhere: NowhereError, before: UnmatchedMoney | None = None
    ) -> Became:
        """Keep it, and show it while any of it is ours. Every word of the same payment is merged,
        so a refund takes it off the list again. Raises ConflictError if somebody is at it."""
        if before is not None:
            if before.became:
                return "nothing"
            state = merge(before.money.state, money.state)
            merged = replace(before.money, state=state, event=money.event)
            after = replace(before, money=merged, version=before.version + 1)
            if state == before.money.state:
                return "nothing"
        else:
            after = UnmatchedMoney(money, nowhere.why, self._clock.now(), nowhere.may_be, version=1)
        try:
            self.save_unmatched(after)
        except ConflictError:
            if before is not None:
                raise
            return "nothing"
        listed = net(after.money.state) > 0
        return "unmatched" if listed and before is None else "nothing"

    def save_unmatched(self, unmatched: UnmatchedMoney) -> None:
        """Write it as the version after the one that was read."""
        self._table.replace(self.put_unmatched(unmatched), unmatched.version - 1)

    def put_unmatched(self, unmatched: UnmatchedMoney) -> _Document:
        """A transaction item: this version of it, on the list or off it."""
        pk, sk = self.unmatched_key(unmatched.payment_id)
        on_list = not unmatched.became and net(unmatched.money.state) > 0
        keys = {"due_shard": "unmatched", "look_at": instant(unmatched.since)} if on_list else {}
        return self._table.put_document(pk, sk, unmatched, **keys)

    def _off_the_list(self, unmatched: UnmatchedMoney, account_id: str) -> _Document:
        """It has found its account since; nobody has to look for it any more."""
        matched = replace(unmatched, became="matched", account_id=account_id)
        return self.put_unmatched(replace(matched, version=unmatched.version + 1))

    def unmatched_key(self, payment_id: str) -> tuple[str, str]:
        """Where unmatched money is kept."""
        return f"UNMATCHED#{self._name_of(payment_id)}", "UNMATCHED"

    def pointer_key(self, reference: str) -> tuple[str, str]:
        """Where a reference finds its account."""
        return f"REF#{self._name_of(reference)}", "REF"


class _Writing:
    """What several payments make of one account, to be written together."""

    def __init__(self, account: Account, opened: dict[str, Receivable]) -> None:
        self.account = replace(account, receivables=tuple(opened.values()), beyond={})
        self.opened = opened
        self.changed: dict[str, Receivable] = {}
        self.entries: list[LedgerEntry] = []
        self.facts: list[facts.Fact] = []
        self.more: list[_Document] = []
        self.booked: dict[str, BookedPayment] = {}
        self.payments: dict[str, _Document] = {}
        self.crossed: dict[str, list[str]] = {}
        self.partial = False  # whether what is booked last is only a part of what is to be

    def copy(self) -> "_Writing":
        """Another that may go further, or be thrown away."""
        twin = _Writing.__new__(_Writing)
        twin.account = self.account
        twin.opened, twin.changed = dict(self.opened), dict(self.changed)
        twin.entries, twin.facts, twin.more = [*self.entries], [*self.facts], [*self.more]
        twin.booked, twin.payments = dict(self.booked), dict(self.payments)
        twin.crossed = dict(self.crossed)
        twin.partial = False
        return twin

    @property
    def items(self) -> int:
        """How many items the transaction has: the account, what changed and what drives it out of
        the account's document, its entries, causes, payments, and the messages it crossed."""
        crossed = len({m for messages in self.crossed.values() for m in messages})
        reopened = len(self.changed.keys() & self.opened.keys())
        written = len(self.changed) + len(self.entries) + len(self.more) + len(self.payments)
        return 1 + written + reopened + crossed

    # ---------------------------------------------------------------- money

    def pay(
        self, booked: BookedPayment, amount_minor: int, now: datetime, rule: Allocation
    ) -> BookedPayment:
        """Allocate so much more of it; all of it as credit, to be spread, if it alone settles more
        than a transaction holds."""
        money = Payment(
            booked.payment_id,
            booked.creditor,
            amount_minor,
            booked.currency,
            now if booked.turns else booked.paid_at,
            booked.receivable_id,
            booked.turns,
        )
        booking = ledger.pay(self.account, self.opened.values(), money, rule)
        if len(booking.changed) + len(booking.entries) > ROOM:
            booking = ledger.pay(self.account, (), money, rule)
            spreading = (*booking.account.spreading, booked.payment_id)
            booking = replace(booking, account=replace(booking.account, spreading=spreading))
        self._take(booking)
        return booked.turned(ledger.joined(booked.parts, booking.parts))

    def take_back(
        self,
        booked: BookedPayment,
        amount_minor: int,
        kind: Taken,
        receivables: Mapping[str, Receivable],
        at: datetime,
    ) -> BookedPayment:
        """Take back so much of it, or as much as a transaction holds (`partial`)."""
        last = sum(part.amount_minor for part in booked.parts[-PARTS_AT_ONCE:])
        self.partial = last < amount_minor
        booking = ledger.take_back(
            self.account, receivables, booked, min(last, amount_minor), kind, at
        )
        self._take(booking)
        spreading = (p for p in self.account.spreading if p != booked.payment_id)
        self.account = replace(self.account, spreading=tuple(spreading))
        return booked.turned(booking.parts)

    def apply(self, booked: BookedPayment, rule: Allocation) -> BookedPayment:
        """Settle as many receivables with its credit as a transaction holds."""
        room = ROOM
        within: list[Receivable] = []
        order = ledger.fitting(
            self.opened.values(), booked.creditor, booked.currency, booked.receivable_id
        )
        for receivable in order:
            room -= 2 + len(receivable.extras)
            if room < 0:
                break
            within.append(receivable)
        booking = ledger.apply_credit(self.account, within, booked, rule=rule)
        self._take(booking)
        return booked.turned(booking.parts) if booking.entries else booked

    def _take(self, booking: ledger.Booking) -> None:
        self.account = booking.account
        for receivable in booking.changed:
            self.changed[receivable.receivable_id] = receivable
            if receivable.open_minor:
                self.opened[receivable.receivable_id] = receivable
            else:
                self.opened.pop(receivable.receivable_id, None)
        self.entries.extend(booking.entries)
        # The account's document is cut to size once, when all is booked; until then it has room.
        self.account = replace(self.account, receivables=tuple(self.opened.values()), beyond={})

    def finished(self) -> Account:
        """The account as it is written."""
        return ledger.embed(self.account, self.opened.values())

    # ---------------------------------------------------------------- what is in sight

    def settle_waiting(self, payment_id: str, state: PaymentState, now: datetime) -> None:
        """Nobody waits any more for money that has come or will not; nor longer than was said."""
        awaited = tuple(
            one
            for one in self.account.awaited
            if one.until > now and not (one.payment_id == payment_id and state.is_settled)
        )
        self.account = replace(self.account, awaited=awaited)

    def see(self, booked: BookedPayment, money: Incoming, now: datetime) -> None:
        """Keep it in sight of other sources for a while."""
        if not money.amount_minor:
            return
        seen = {one.payment_id: one for one in self.account.payments}
        before = seen.get(booked.payment_id)
        if before is None:
            seen[booked.payment_id] = SeenPayment(
                booked.payment_id,
                booked.source,
                money.amount_minor,
                booked.currency,
                booked.paid_at,
                booked.receivable_id,
            )
        elif money.source not in (before.source, *before.seen_in):
            seen[booked.payment_id] = replace(before, seen_in=(*before.seen_in, money.source))
        latest = sorted(seen.values(), key=lambda one: (one.paid_at, one.payment_id))
        kept = [one for one in latest if now - one.paid_at < timedelta(days=SEEN_DAYS)]
        self.account = replace(self.account, payments=tuple(kept[-SEEN_AT_MOST:]))


def event_key(money: Incoming) -> tuple[str, str]:
    """The item that says that this has been told before."""
    return f"CAUSE#{money.event or f'payment:{money.payment_id}'}", "CAUSE"


def payment_key(payment_id: str) -> tuple[str, str]:
    """The item that says where a payment is booked, under any of its names."""
    return f"CAUSE#payment:{payment_id}", "CAUSE"


def told_of(account_id: str, booked: BookedPayment, money: Incoming) -> _Document:
    """What that item says, and what tells one payment from another of the same id."""
    return {
        "account_id": account_id,
        "payment_id": booked.payment_id,
        "amount_minor": money.amount_minor,
        "currency": money.currency,
        "paid_at": msgspec.to_builtins(money.paid_at),
    }


def _creditor(
    account: Account,
    opened: Mapping[str, Receivable],
    named: "Mapping[str, Named]",
    money: Incoming,
) -> str:
    """Whom the money is for: the creditor of the receivable it names, else the one to whom it came,
    else the account's only one. Money of a currency that nothing is owed in is nobody's (E1)."""
    obligation = named.get(money.receivable_id)
    if obligation is not None:
        if obligation.receivable.currency != money.currency:
            raise NowhereError("other_currency")
        return obligation.receivable.creditor
    own = [r for r in opened.values() if not money.creditor or r.creditor == money.creditor]
    owed_in = {r.creditor for r in own if r.currency == money.currency}
    if own and not owed_in:
        raise NowhereError("other_currency")
    if money.creditor:
        return money.creditor
    creditors = owed_in or set(account.ladders) | {key.partition("|")[0] for key in account.credits}
    if len(creditors) != 1:
        raise NowhereError("which_creditor")
    return creditors.pop()


def _why_less(before: PaymentState, after: PaymentState) -> Taken:
    """What took money away."""
    if after.voided and not before.voided:
        return "reversal"
    if after.chargebacks != before.chargebacks:
        return "chargeback"
    return "refund"


def _crossed(account: Account, paid_at: datetime) -> list[str]:
    """Messages that left after the money did, or that are leaving right now."""
    sending = {intent.intent_id for intent in account.intents if intent.state == "sending"}
    crossed = [c.message_id for c in account.contacts if c.at >= paid_at or c.message_id in sending]
    return crossed[-CROSSED_AT_MOST:]


_FACTS: dict[Taken, str] = {
    "reversal": "payment_reversed",
    "refund": "refunded",
    "chargeback": "charged_back",
}


def _fact(
    booked: BookedPayment,
    money: Incoming,
    moved: int,
    kind: Taken | None,
    crossed: list[str],
    now: datetime,
) -> facts.Fact:
    """What happened, for the account's story."""
    name = _FACTS[kind] if kind else "paid" if moved else "payment_noticed"
    return facts.noted(
        name,
        now,
        payment_id=booked.payment_id,
        source=money.source,
        amount_minor=abs(moved),
        currency=booked.currency,
        paid_at=msgspec.to_builtins(money.paid_at),
        **({"crossed": crossed} if crossed else {}),
    )
