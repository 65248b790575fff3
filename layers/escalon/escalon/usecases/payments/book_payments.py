"""Book payments on one account: the one place where money that came or went moves a ledger.

Whatever told us (a provider, a bank's file, an operator), a payment is merged into what is known of
it, and the difference between what should be booked and what is booked goes into the ledger, in one
transaction with the key of what told us and the account's version (invariants 4, 5). A payment over
more receivables than a transaction holds is booked as credit first and spread from there, and taken
back in parts; whoever comes next goes on with that, so it can stop anywhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Receivable, SeenPayment, pot
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import resumption, standing
from escalon.domain.agreements.follow_up import (
    follow_all,
    payment_moved,
    with_agreement,
    without_default_interest,
)
from escalon.domain.contact.told import zones_for
from escalon.domain.local_time import local_date
from escalon.domain.payments import ledger
from escalon.domain.payments.allocation import allocation_of, claims, limits, on_hold
from escalon.domain.payments.interest import charge_through, charges_interest
from escalon.domain.payments.ledger import LedgerEntry, Payment
from escalon.domain.payments.payment import (
    BookedPayment,
    Incoming,
    Part,
    PaymentState,
    Taken,
    credit_of,
    merge,
    net,
    no_longer_awaited,
    seen_before,
    why_less,
)
from escalon.domain.ports import Clock, RulebookInForce
from escalon.domain.rules.rulebook import HoldKind, Payments, Rulebook
from escalon.domain.storage import AlreadyDoneError, ConflictError, Stored, instant
from escalon.usecases.agreements.writes import (
    Read,
    brought_in,
    put_out,
    today_of,
    wait_no_longer,
    zones_of,
)
from escalon.usecases.payments.ledger_writes import MOST_ITEMS, all_open, issue, write

if TYPE_CHECKING:
    from escalon.adapters.table import Named, Table

TRIES = 8
# Of one transaction: receivables and entries that one payment may touch, beside the account, the
# payment, its names and the messages it crossed; parts that spread it, two items each; and parts of
# it that may go back, each of which may drive another receivable out of the account's document.
ROOM = 84
SPREAD_AT_ONCE = 42
# Receivables whose interest is charged in the transaction of a payment, two items each; more go
# before it, in transactions of their own.
INTEREST_AT_ONCE = 8
INTEREST_FIRST = 48
BACK_AT_ONCE = 30
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
    may_be: tuple[str, ...] = ()  # payments booked before that it may be, or be about
    became: Literal["", "matched", "returned"] = ""
    account_id: str = ""  # matched to it
    note: str = ""
    by: str = ""
    version: int = 0

    @property
    def payment_id(self) -> str:
        """Its id."""
        return self.money.payment_id

    @property
    def is_listed(self) -> bool:
        """Whether a person has to look at it: while any of it is ours, or if it says something in
        another currency of a payment that is booked."""
        about_another = self.why == "other_currency" and bool(self.may_be)
        return not self.became and (net(self.money.state) > 0 or about_another)


class OfAccount(msgspec.Struct):
    """What is to be booked on one account, and what was read of it."""

    account_id: str
    stored: Stored | None
    money: list[Incoming]
    named: "dict[str, Named]" = {}
    booked: dict[str, BookedPayment] = {}
    # What is kept as unmatched and still to be settled, by payment id; booked, it is "matched".
    on_list: dict[str, UnmatchedMoney] = {}
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
        rulebook: RulebookInForce,
    ) -> None:
        self._table = table
        self._clock = clock
        self._name_of = name_of
        self._rulebook = rulebook

    def __call__(self, own: OfAccount) -> dict[str, Became]:
        """Book all of it, and say what became of each payment but those that were told before.
        Raises ConflictError if the account keeps moving."""
        became: dict[str, Became] = {}
        for _ in range(TRIES):
            try:
                self._issue_named(own)
                while own.money:
                    self._book(own, became)
                if own.stored is not None:
                    own.stored = self.spread(own.stored)
            except (ConflictError, AlreadyDoneError):
                # The account has moved on, or somebody has booked some of it at the same time.
                self._read_again(own)
                continue
            return became
        raise ConflictError(own.account_id)

    def spread(self, stored: Stored) -> Stored:
        """Go on with what was booked in part: see `spread`."""
        if not stored.account.spreading:
            return stored
        return spread(
            self._table, stored, self._rulebook(stored.account.account_id), self._clock.now()
        )

    # ---------------------------------------------------------------- what was read

    def _read_again(self, own: OfAccount) -> None:
        """The account as it is now, without the money that has been told before or that a person
        has settled meanwhile."""
        names = [name for money in own.money for name in money.names]
        kept = {name: self.unmatched_key(name) for name in names}
        found = self._table.load_many(
            [*map(event_key, own.money), *map(payment_key, names), *kept.values()]
        )
        on_list: dict[str, UnmatchedMoney] = {}
        settled: set[str] = set()
        for money in own.money:
            document = next((found[kept[n]] for n in money.names if kept[n] in found), None)
            if document is None:
                continue
            now = msgspec.convert(document, UnmatchedMoney)
            if not now.became:
                was = own.on_list.get(money.payment_id, now)
                on_list[money.payment_id] = replace(was, money=now.money, version=now.version)
            elif now.became == "returned" or own.sure:
                settled.add(money.payment_id)
        own.on_list = on_list
        own.money = [
            money
            for money in own.money
            if event_key(money) not in found and money.payment_id not in settled
        ]
        pointed = [str(found[k]["payment_id"]) for n in names if (k := payment_key(n)) in found]
        around = self._table.around(
            own.account_id, list(own.named), [*own.booked, *names, *pointed]
        )
        own.stored, own.named, own.booked = around.stored, around.named, around.booked

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
            self._put_on_list(own, NowhereError("unknown_reference"), became)
            return
        now = self._clock.now()
        open_before = all_open(self._table, stored.account)
        done = _Writing(stored.account, open_before)
        done.read_agreements(self._table)
        first = done.copy()
        first.charge_interest(
            self._rulebook(own.account_id), own.money[0].paid_at, now, INTEREST_FIRST
        )
        if len(first.changed) > INTEREST_AT_ONCE:
            own.stored = first.write(self._table, stored, open_before, now)
            return
        added: list[Became] = []
        for money in own.money:
            writing = done.copy()
            try:
                result = self._add(own, writing, money, now)
            except NowhereError as nowhere:
                if not added:
                    self._put_on_list(own, nowhere, became)
                    return
                break
            if added and (writing.items > MOST_ITEMS or writing.interest > INTEREST_AT_ONCE):
                break
            done = writing
            added.append(result)
        if done.booked:
            crossed = self._mark_crossed(stored.account, done.crossed)
            own.stored = done.write(self._table, stored, open_before, now, crossed)
            own.booked |= done.booked
        for money, result in zip(own.money, added, strict=False):
            became[money.payment_id] = result
        del own.money[: len(added)]

    def _add(self, own: OfAccount, writing: "_Writing", money: Incoming, now: datetime) -> Became:
        """Merge one payment and book the difference."""
        listed = own.on_list.get(money.payment_id)
        if listed is not None:
            money = replace(money, state=merge(listed.money.state, money.state))
        found = _by_name(own, writing, money)
        twin = None if own.sure else self._twin(own, writing, money, found)
        if twin is not None and found is not None:
            money = replace(money, state=merge(found.state, money.state))
        before = twin or found
        if before is not None and money.currency not in ("", before.currency):
            # Nothing is converted: what is said in another currency is for a person to judge.
            raise NowhereError("other_currency", (before.payment_id,))
        booked = before or self._fresh(own, writing, money)
        merged = merge(booked.state, money.state)
        new_names = tuple(name for name in money.names if name not in booked.names)
        target, was = net(merged), booked.booked_minor
        if before and merged == booked.state and target == was and not new_names:
            return "nothing"
        after = replace(booked, state=merged, seen_as=(*booked.seen_as, *new_names))
        if merged.approved is not None and not booked.turns:
            after = replace(after, paid_at=merged.approved.at)
        kind: Taken | None = None
        crossed: list[str] = []
        if target > was:
            since = money.paid_at if booked.turns else after.paid_at
            crossed = _crossed(writing.account, after.creditor, since)

            def come(ground: _Writing, known: BookedPayment = after) -> BookedPayment:
                rulebook = self._rulebook(own.account_id)
                ground.charge_interest(rulebook, since, now)
                return ground.pay(known, target - was, rulebook, now)

            after = writing.moved(booked, come, self._rulebook(own.account_id), now)
        elif target < was:
            taken = why_less(booked.state, merged) or booked.taking or "reversal"

            def go(ground: _Writing, known: BookedPayment = after) -> BookedPayment:
                ground.charge_interest(self._rulebook(own.account_id), now, now)
                receivables = _going(self._table, own.account_id, known, ground)
                return ground.take_back(known, was - target, taken, receivables, now)

            kind = taken
            after = writing.moved(booked, go, self._rulebook(own.account_id), now)
        if merged.is_settled:
            writing.stop_waiting(after.names, now)
        writing.see(after, money, now)
        writing.crossed[after.payment_id] = crossed
        writing.facts.append(_fact(after, money, target - was, kind, crossed, now))
        writing.booked[after.payment_id] = after
        if money.event:
            writing.more.append(self._table.once(money.event, {"payment_id": after.payment_id}))
        writing.more.extend(self._pointers(own.account_id, after, money, new_names, before is None))
        if listed is not None:
            writing.more.append(self._off_the_list(listed, own.account_id))
        return "booked" if target != was else "nothing"

    def _twin(
        self, own: OfAccount, writing: "_Writing", money: Incoming, found: BookedPayment | None
    ) -> BookedPayment | None:
        """The payment of which another source has told before; also if all that is known so far of
        this one is what was given back of it. Raises NowhereError if nobody can be sure."""
        if not money.amount_minor or (found is not None and found.state.approved is not None):
            return None
        zones = zones_of(writing.account, self._rulebook(own.account_id))
        days = self._payments(own.account_id).same_within_days
        twice = seen_before(writing.account.payments, money, days, zones)
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
            money.meant_for,
            money.reference,
            payer_email=money.payer_email,
        )

    def _pointers(
        self,
        account_id: str,
        booked: BookedPayment,
        money: Incoming,
        new_names: tuple[str, ...],
        is_new: bool,
    ) -> list[_Document]:
        """Where a later notice of this payment finds it, under whatever name. That of its provider
        stands on the list of its day, to be compared with what the provider has settled."""
        told = told_of(account_id, booked, money)

        def listed(name: str) -> dict[str, Any]:
            if not money.by_provider or name != money.payment_id:
                return {}
            day = money.paid_at.astimezone(UTC).date()
            return {"due_shard": paid_list(money.source, day), "look_at": instant(money.paid_at)}

        names = booked.seen_as if is_new else new_names
        pointers = [
            self._table.put_document(*payment_key(name), told, **listed(name)) for name in names
        ]
        if not is_new:
            return pointers
        own = booked.payment_id
        return [self._table.once(f"payment:{own}", told, **listed(own)), *pointers]

    # ---------------------------------------------------------------- rules

    def _payments(self, account_id: str) -> Payments:
        rulebook = self._rulebook(account_id)
        return rulebook.payments if rulebook else Payments()

    # ---------------------------------------------------------------- crossed in the post

    def _mark_crossed(self, account: Account, crossed: Mapping[str, list[str]]) -> list[_Document]:
        """Messages that left although this money was on its way say so (invariant 2). Those to
        co-debtors and guarantors stand with them."""
        others = _told_others(account)
        by_message: dict[str, list[str]] = {}
        for payment_id, message_ids in crossed.items():
            for message_id in message_ids:
                by_message.setdefault(message_id, []).append(payment_id)
        if not by_message:
            return []
        keys = {m: (f"A#{others.get(m, account.account_id)}", f"M#{m}") for m in by_message}
        found = self._table.load_many(list(keys.values()))
        return [
            self._table.put_document(
                *keys[message_id],
                {**message, "crossed_by": [*dict.fromkeys((*message.get("crossed_by", ()), *by))]},
            )
            for message_id, by in by_message.items()
            if (message := found.get(keys[message_id])) is not None
        ]

    # ---------------------------------------------------------------- money nobody can place

    def _put_on_list(
        self, own: OfAccount, nowhere: NowhereError, became: dict[str, Became]
    ) -> None:
        """The next of the money is kept for a person."""
        money = own.money[0]
        if nowhere.why == "other_currency" and nowhere.may_be:
            # What is said of a payment in another currency is kept apart from the payment itself.
            apart = replace(money, payment_id=f"{money.payment_id} in {money.currency}")
            became[money.payment_id] = self.keep_unmatched(apart, nowhere)
        else:
            before = own.on_list.get(money.payment_id)
            became[money.payment_id] = self.keep_unmatched(money, nowhere, before)
        own.money.pop(0)

    def keep_unmatched(
        self, money: Incoming, nowhere: NowhereError, before: UnmatchedMoney | None = None
    ) -> Became:
        """Keep it, and show it while any of it is ours. Every word of the same payment is merged,
        so a refund takes it off the list again. `before` is what is kept of it, if that was read.
        Raises ConflictError if others keep changing it."""
        for _ in range(TRIES):
            if before is None:
                now = self._clock.now()
                after = UnmatchedMoney(money, nowhere.why, now, nowhere.may_be, version=1)
            else:
                state = merge(before.money.state, money.state)
                if before.became == "matched":  # told again, this word finds its account
                    raise ConflictError(money.payment_id)
                if before.became == "returned" or state == before.money.state:
                    return "nothing"
                merged = replace(before.money, state=state, event=money.event)
                after = replace(before, money=merged, version=before.version + 1)
            try:
                self.save_unmatched(after)
            except ConflictError:
                kept = self._table.load(*self.unmatched_key(money.payment_id))
                before = msgspec.convert(kept, UnmatchedMoney) if kept else None
                continue
            is_new = after.is_listed and not (before and before.is_listed)
            return "unmatched" if is_new else "nothing"
        raise ConflictError(money.payment_id)

    def save_unmatched(self, unmatched: UnmatchedMoney) -> None:
        """Write it as the version after the one that was read; ConflictError if that has gone."""
        self._table.replace(self._document(unmatched), unmatched.version - 1)

    def put_unmatched(self, unmatched: UnmatchedMoney) -> _Document:
        """A transaction item: the same."""
        return self._table.versioned(self._document(unmatched), unmatched.version - 1)

    def _document(self, unmatched: UnmatchedMoney) -> _Document:
        pk, sk = self.unmatched_key(unmatched.payment_id)
        if not unmatched.is_listed:
            return self._table.put_document(pk, sk, unmatched)
        since = instant(unmatched.since)
        return self._table.put_document(pk, sk, unmatched, due_shard="unmatched", look_at=since)

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


# ------------------------------------------------------------------------- in several parts


def spread(table: "Table", stored: Stored, rulebook: Rulebook | None, now: datetime) -> Stored:
    """Finish what was booked in part because it settles, or opens again, more receivables than a
    transaction holds: money to be allocated stands as credit of its creditor and currency until
    then, so what is owed is right. Every part is one transaction, so it can stop anywhere and be
    gone on with. Raises ConflictError if the account has moved on."""
    while stored.account.spreading:
        stored = _spread_once(table, stored, rulebook, now)
    return stored


def _spread_once(
    table: "Table", stored: Stored, rulebook: Rulebook | None, now: datetime
) -> Stored:
    """One transaction of it."""
    account_id, payment_id = stored.account.account_id, stored.account.spreading[0]
    open_before = all_open(table, stored.account)
    writing = _Writing(stored.account, open_before)
    writing.read_agreements(table)
    booked = table.around(account_id, (), (payment_id,)).booked.get(payment_id)
    if booked is None:
        writing.is_spread(payment_id)
        return writing.write(table, stored, open_before, now)
    excess = booked.booked_minor - net(booked.state)

    def go_on(ground: _Writing, known: BookedPayment = booked) -> BookedPayment:
        if excess <= 0:
            return ground.apply(known, rulebook, now)
        ground.charge_interest(rulebook, now, now, INTEREST_AT_ONCE)
        receivables = _going(table, account_id, known, ground)
        return ground.take_back(known, excess, known.taking or "reversal", receivables, now)

    writing.booked[payment_id] = writing.moved(booked, go_on, rulebook, now)
    return writing.write(table, stored, open_before, now)


def settle_with_credit(
    table: "Table", stored: Stored, rulebook: Rulebook | None, now: datetime
) -> Stored:
    """Settle what is open with credit of the same creditor and currency, as if it had come today:
    a receivable of which we came to know after the money. But nothing that is on hold, and with no
    credit that a person has set free. One transaction for each payment, the oldest first. Raises
    ConflictError if the account has moved on."""
    for booked in _credit_at_hand(table, stored.account, rulebook, now):
        stored = _settle_with(table, stored, booked, rulebook, now)
    return stored


def _credit_at_hand(
    table: "Table", account: Account, rulebook: Rulebook | None, now: datetime
) -> list[BookedPayment]:
    """The payments whose credit may settle something. None while a booking goes on: what looks like
    credit may be money that is to be spread, or to go back."""
    pots = {key for key, minor in account.credits.items() if minor > 0}
    if not pots or account.spreading:
        return []
    owed = {pot(one.creditor, one.currency) for one in _not_on_hold(table, account, rulebook, now)}
    if pots.isdisjoint(owed):
        return []
    found = [
        booked
        for booked in table.payments(account.account_id)
        if pot(booked.creditor, booked.currency) in pots & owed
        and credit_of(booked.parts)
        and not booked.set_free
    ]
    return sorted(found, key=lambda booked: (booked.paid_at, booked.payment_id))


def _not_on_hold(
    table: "Table", account: Account, rulebook: Rulebook | None, now: datetime
) -> list[Receivable]:
    opened = [one for one in all_open(table, account) if one.open_minor > 0]
    today = today_of(account, rulebook, now)
    held = on_hold(account, [one.receivable_id for one in opened], rulebook, today)
    return [one for one in opened if one.receivable_id not in held]


def _settle_with(
    table: "Table",
    stored: Stored,
    booked: BookedPayment,
    rulebook: Rulebook | None,
    now: datetime,
) -> Stored:
    """One transaction of it; none if nothing is left to be settled."""
    open_before = all_open(table, stored.account)
    writing = _Writing(stored.account, open_before)
    writing.read_agreements(table)

    def settle(ground: _Writing) -> BookedPayment:
        ground.charge_interest(rulebook, now, now, INTEREST_AT_ONCE)
        return ground.apply(booked, rulebook, now, idle=True)

    after = writing.moved(booked, settle, rulebook, now)
    if after is booked:
        return stored
    writing.booked[booked.payment_id] = after
    used = credit_of(booked.parts) - credit_of(after.parts)
    writing.facts.append(
        facts.noted(
            "credit_used",
            now,
            payment_id=booked.payment_id,
            amount_minor=used,
            currency=booked.currency,
        )
    )
    return writing.write(table, stored, open_before, now)


def _going(
    table: "Table", account_id: str, booked: BookedPayment, writing: "_Writing"
) -> dict[str, Receivable]:
    """The receivables from which a transaction may take money back, settled ones included."""
    wanted = {part.receivable_id for part in _last_parts(booked) if part.receivable_id}
    known = {name: writing.opened[name] for name in wanted & writing.opened.keys()}
    known |= {name: writing.changed[name] for name in wanted & writing.changed.keys()}
    missing = [(account_id, name) for name in sorted(wanted - known.keys())]
    if missing:
        found = table.named_receivables(missing)
        known |= {name: one.receivable for (_, name), one in found.items()}
    return known


def _last_parts(booked: BookedPayment) -> list[Part]:
    """What goes first if money of a payment goes: its credit, and so many parts as were settled
    last."""
    settled = [part for part in booked.parts if part.receivable_id]
    credit = [part for part in booked.parts if not part.receivable_id]
    return [*settled[-BACK_AT_ONCE:], *credit]


class _Writing:
    """What several payments make of one account, to be written together."""

    def __init__(self, account: Account, open_before: Sequence[Receivable]) -> None:
        self.before = account
        self.account = ledger.whole(account, open_before)
        self.opened = {r.receivable_id: r for r in open_before}
        self.changed: dict[str, Receivable] = {}
        self.entries: list[LedgerEntry] = []
        self.facts: list[facts.Fact] = []
        self.more: list[_Document] = []
        self.booked: dict[str, BookedPayment] = {}
        self.crossed: dict[str, list[str]] = {}
        self.interest = 0  # receivables whose interest was charged
        self.interest_day: date | None = None  # through which; None: nobody charges any
        self.table: Table | None = None  # from which agreements were read
        self.read = Read()

    def copy(self) -> "_Writing":
        """Another that may go further, or be thrown away."""
        twin = _Writing(self.account, tuple(self.opened.values()))
        twin.before = self.before
        twin.changed, twin.booked = dict(self.changed), dict(self.booked)
        twin.entries, twin.facts, twin.more = [*self.entries], [*self.facts], [*self.more]
        twin.crossed, twin.interest = dict(self.crossed), self.interest
        twin.interest_day = self.interest_day
        twin.table, twin.read = self.table, self.read
        return twin

    @property
    def items(self) -> int:
        """How many items the transaction has: the account, what changed and what drives it out of
        the account's document, its entries, causes, payments, the messages it crossed, and the
        tasks it closes."""
        crossed = len({m for messages in self.crossed.values() for m in messages})
        reopened = len(self.changed.keys() & self.opened.keys())
        written = len(self.changed) + len(self.entries) + len(self.more) + len(self.booked)
        return 1 + written + reopened + crossed + self.closings

    @property
    def closings(self) -> int:
        """How many tasks to approve an agreement it closes."""
        return len(wait_no_longer(self.before, self.account))

    def write(
        self,
        table: "Table",
        stored: Stored,
        open_before: Sequence[Receivable],
        now: datetime,
        more: Sequence[_Document] = (),
    ) -> Stored:
        """Write all of it in one transaction."""
        account_id = stored.account.account_id
        account, leaving = put_out(table, stored.account, self.account, self.read, now)
        return write(
            table,
            stored,
            ledger.embed(account, self.opened.values()),
            open_before,
            list(self.changed.values()),
            self.entries,
            now=now,
            more_facts=self.facts,
            more=[
                *(table.put_payment(account_id, booked) for booked in self.booked.values()),
                *leaving,
                *self.more,
                *more,
            ],
        )

    # ---------------------------------------------------------------- money

    def charge_interest(
        self, rulebook: Rulebook | None, at: datetime, now: datetime, most: int | None = None
    ) -> None:
        """Charge default interest through the day on which money came or went, before it changes
        what bears interest (L16)."""
        if rulebook is None or not charges_interest(rulebook):
            return
        zones = zones_for(rulebook, self.account)
        self.interest_day = local_date(zones, min(at, now))
        booking, _ = charge_through(self.account, rulebook, self.interest_day, now, most)
        self.interest += len(booking.changed)
        self._take(booking)

    def pay(
        self, booked: BookedPayment, amount_minor: int, rulebook: Rulebook | None, now: datetime
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
        zones = zones_of(self.account, rulebook)
        rule = allocation_of(rulebook, booked.creditor)
        on = local_date(zones, booked.paid_at)
        today = local_date(zones, now)
        order = claims(self.account, booked, rulebook, on=on, today=today)
        most = limits(self.account, booked, on=on, today=today)
        booking = ledger.pay(self.account, self.opened.values(), money, rule, order, most)
        if len(booking.changed) + len(booking.entries) > ROOM - 2 * self.interest - self.closings:
            booking = ledger.pay(self.account, (), money, rule)
            self._take(booking)
            self._to_be_spread(booked.payment_id)
        else:
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
        """Take back so much of it, or as much as a transaction holds: then the rest follows. What
        was settled bears interest again from now on: while it was, nobody was late."""
        most = sum(part.amount_minor for part in _last_parts(booked))
        back = min(most, amount_minor)
        booking = ledger.take_back(self.account, receivables, booked, back, kind, at)
        if self.interest_day is not None:
            afresh = (
                r
                if receivables[r.receivable_id].principal_minor
                else replace(r, accrued_through=self.interest_day)
                for r in booking.changed
            )
            booking = replace(booking, changed=tuple(afresh))
        self._take(booking)
        if back < amount_minor:
            self._to_be_spread(booked.payment_id)
        return replace(booked.turned(booking.parts), taking=kind)

    def apply(
        self,
        booked: BookedPayment,
        rulebook: Rulebook | None,
        now: datetime,
        *,
        idle: bool = False,
    ) -> BookedPayment:
        """Settle receivables with its credit, as many as a transaction holds; `idle` if that
        is not money that waits to be spread."""
        zones = zones_of(self.account, rulebook)
        today = local_date(zones, now)
        most = SPREAD_AT_ONCE - self.interest
        booking = ledger.apply_credit(
            self.account,
            self.opened.values(),
            booked,
            rule=allocation_of(rulebook, booked.creditor),
            claims=claims(self.account, booked, rulebook, on=today, today=today, idle=idle),
            limits=limits(self.account, booked, on=local_date(zones, booked.paid_at), today=today),
            most_parts=most,
        )
        self._take(booking)
        spent = all(part.receivable_id for part in booking.parts)
        if spent or len(booking.entries) <= most:  # one of them is the credit's
            self.is_spread(booked.payment_id)
        return booked.turned(booking.parts) if booking.entries else booked

    def is_spread(self, payment_id: str) -> None:
        """Nothing of it is left to be done."""
        spreading = tuple(one for one in self.account.spreading if one != payment_id)
        self.account = replace(self.account, spreading=spreading)

    def _to_be_spread(self, payment_id: str) -> None:
        spreading = dict.fromkeys((*self.account.spreading, payment_id))
        self.account = replace(self.account, spreading=tuple(spreading))

    def _take(self, booking: ledger.Booking) -> None:
        for receivable in booking.changed:
            self.changed[receivable.receivable_id] = receivable
            if receivable.open_minor:
                self.opened[receivable.receivable_id] = receivable
            else:
                self.opened.pop(receivable.receivable_id, None)
        self.entries.extend(booking.entries)
        # The account's document is cut to size once, when all is booked; until then it is whole.
        self.account = ledger.whole(booking.account, self.opened.values())

    # ---------------------------------------------------------------- agreements

    def read_agreements(self, table: "Table") -> None:
        """All agreements of the account are in it from now on."""
        self.table = table
        self.account, self.read = brought_in(table, self.account)

    def moved(
        self,
        was: BookedPayment,
        act: "Callable[[_Writing], BookedPayment]",
        rulebook: Rulebook | None,
        now: datetime,
    ) -> BookedPayment:
        """Do what moves money of one payment, with what it makes of the account's agreements.

        They are followed before, so that what they bear by now is owed, and after. But money that
        is told of late and was there in time keeps an agreement that would be broken without it, or
        is: then nothing is owed as if it were. So it is tried first.
        """
        if not self.account.agreements:
            return act(self)
        zones = zones_of(self.account, rulebook)
        today = local_date(zones, now)
        trial = self.copy()
        kinds = rulebook.holds if rulebook else {}
        trial._tell(was, act(trial), zones, now, kinds)
        stand = {
            one.agreement_id
            for one in trial.account.agreements
            if one.state in ("active", "fulfilled")
        }
        mended = {
            one.agreement_id
            for one in self.account.agreements
            if one.agreement_id in stand and standing(one, today).state == "broken"
        }
        self.follow(now, today, kinds, but=mended)
        for agreement in self.account.agreements:
            if agreement.agreement_id in mended and agreement.state == "broken":
                self._give_back_default_interest(agreement, now, today)
        before = self.account.agreements
        # Its debts rest again, so they bear no default interest while the money is booked.
        rest = (replace(a, state="active") if a.agreement_id in mended else a for a in before)
        self.account = replace(self.account, agreements=tuple(rest))
        after = act(self)
        self.account = replace(self.account, agreements=before)
        self._tell(was, after, zones, now, kinds)
        return after

    def follow(
        self,
        now: datetime,
        today: date,
        kinds: Mapping[str, HoldKind],
        *,
        but: Iterable[str] = (),
    ) -> None:
        """What money and time have made of the agreements, as far as the transaction holds it; the
        next run goes on."""
        closed = {**self.read.closed, **self.changed}
        course = follow_all(self.account, closed, now, today, kinds=kinds, but=but)
        more = 2 * len(course.changed) + len(course.entries)
        more += len(wait_no_longer(self.account, course.account))
        if self.items + more > MOST_ITEMS:
            return
        self._take(ledger.Booking(course.account, course.changed, course.entries))
        self.facts.extend(course.facts)

    def _tell(
        self,
        was: BookedPayment,
        after: BookedPayment,
        zones: Sequence[str],
        now: datetime,
        kinds: Mapping[str, HoldKind],
    ) -> None:
        """The agreements come to know what a payment settles now."""
        today, on = local_date(zones, now), local_date(zones, after.paid_at)
        self.account = payment_moved(self.account, was, after, on=on, today=today)
        self.follow(now, today, kinds)

    def _give_back_default_interest(self, agreement: Agreement, now: datetime, today: date) -> None:
        """What was charged since the agreement was broken is not owed, since it never was."""
        resumed = resumption(agreement, today)
        through = (resumed.interest_through if resumed else None) or agreement.calculated_on
        broken_at = max(one.at for one in agreement.history if one.state == "broken")
        so_far = self.table.entries(self.account.account_id) if self.table else []
        booking, beside = without_default_interest(
            self.account,
            agreement,
            [entry for entry in (*so_far, *self.entries) if entry.booked_at >= broken_at],
            through=through,
            booked_at=now,
            why="stands again",
        )
        self._take(booking)
        if beside:
            after = replace(agreement, beside_minor=agreement.beside_minor + beside)
            self.account = with_agreement(self.account, after)

    # ---------------------------------------------------------------- what is in sight

    def stop_waiting(self, names: frozenset[str], now: datetime) -> None:
        """Money of these names has come, or will not."""
        awaited = no_longer_awaited(self.account.awaited, names, now)
        self.account = replace(self.account, awaited=awaited)

    def see(self, booked: BookedPayment, money: Incoming, now: datetime) -> None:
        """Keep it in sight of other sources for a while."""
        if booked.state.approved is None:
            return
        seen = {one.payment_id: one for one in self.account.payments}
        before = seen.get(booked.payment_id)
        seen_in = before.seen_in if before else ()
        if money.source not in (booked.source, *seen_in):
            seen_in = (*seen_in, money.source)
        seen[booked.payment_id] = SeenPayment(
            booked.payment_id,
            booked.source,
            booked.state.approved.amount_minor,
            booked.currency,
            booked.paid_at,
            booked.receivable_id,
            money.by_provider or bool(before and before.by_provider),
            seen_in,
        )
        latest = sorted(seen.values(), key=lambda one: (one.paid_at, one.payment_id))
        kept = [one for one in latest if now - one.paid_at < timedelta(days=SEEN_DAYS)]
        self.account = replace(self.account, payments=tuple(kept[-SEEN_AT_MOST:]))


def paid_list(provider: str, day: date) -> str:
    """The list of the due index on which a provider's payments of one day (UTC) stand."""
    return f"paid#{provider}#{day}"


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


def _by_name(own: OfAccount, writing: _Writing, money: Incoming) -> BookedPayment | None:
    """The payment under any of its names. Of two the one that has come: the other is what was given
    back before anybody knew that another source had told of the same money."""
    known = {**own.booked, **writing.booked}.values()
    found = [one for one in known if not one.names.isdisjoint(money.names)]
    return max(found, key=lambda one: one.state.approved is not None, default=None)


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


def _crossed(account: Account, creditor: str, since: datetime) -> list[str]:
    """Messages in the creditor's name that left after the money did, or are leaving right now; the
    latest, to whomever they went."""
    sending = {intent.intent_id for intent in account.intents if intent.state == "sending"}
    crossed = [
        (contact.at, contact.message_id)
        for contact in account.contacts
        if contact.creditor in ("", creditor)
        and (contact.at >= since or contact.message_id in sending)
    ]
    creditors = {r.receivable_id: r.creditor for r in account.receivables}
    crossed += [
        (record.at, record.intent_id)
        for key, record in account.followed.items()
        if record.at >= since
        and creditors.get(key.rsplit("/", 2)[0], creditor) == creditor
        and record.intent_id not in sending
    ]
    crossed += [
        (intent.sending_at or since, intent.intent_id)
        for intent in account.intents
        if intent.person and intent.intent_id in sending and intent.creditor in ("", creditor)
    ]
    crossed.sort(key=lambda one: one[0])
    return [message_id for _, message_id in crossed[-CROSSED_AT_MOST:]]


def _told_others(account: Account) -> dict[str, str]:
    """To whom messages about the account's debts went or go, beside the debtor."""
    followed = {r.intent_id: key.rsplit("/", 1)[1] for key, r in account.followed.items()}
    return followed | {one.intent_id: one.person for one in account.intents if one.person}


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
