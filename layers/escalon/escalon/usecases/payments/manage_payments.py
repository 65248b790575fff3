"""Manage payments: the acts of a person on money, each with who, when and why.

Every act has a key of its caller's. Repeated with it, an act does nothing and says what was done,
so whoever lost the answer asks again. Its entries, what is kept of it and the account's next
version are one transaction. Why it was done may name people: it is kept with the act, and no fact
tells it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from escalon.domain import audit, facts
from escalon.domain.account import Account, Receivable, pot
from escalon.domain.agreements.follow_up import follow_all, given_up, payment_moved
from escalon.domain.local_time import local_date
from escalon.domain.money import Component, to_major
from escalon.domain.payments import ledger
from escalon.domain.payments.allocation import allocation_of, limits
from escalon.domain.payments.ledger import LedgerEntry
from escalon.domain.payments.payment import (
    BookedPayment,
    Incoming,
    PaymentState,
    Said,
    credit_of,
    merge,
    net,
)
from escalon.domain.ports import Clock, RulebookInForce
from escalon.domain.rules.rulebook import Payments
from escalon.domain.storage import AlreadyDoneError, ConflictError, Stored
from escalon.usecases.agreements.writes import Read, brought_in, put_out, zones_of
from escalon.usecases.operators.acts import (
    Act,
    ActRefusedError,
    ApplyCredit,
    Did,
    Done,
    GiveUp,
    ManualPayment,
    Match,
    Order,
    Person,
    Problem,
    Return,
    ReverseAllocation,
    Settled,
    Void,
    asked,
    refused,
)
from escalon.usecases.payments.book_by_hand import (
    ActInWrite,
    BookByHand,
    no_account,
    no_receivable,
)
from escalon.usecases.payments.book_payments import TRIES, BookPayments, OfAccount, UnmatchedMoney
from escalon.usecases.payments.ledger_writes import all_open, write

if TYPE_CHECKING:
    from escalon.adapters.table import Table

MANUAL = "manual"  # the source of money that a person has entered
PAYMENTS_AT_ONCE = 12  # whose credit one act applies; each is a credit entry, itself and 4 parts
AHEAD = timedelta(minutes=5)  # by which a person's clock may be ahead of ours

type _Document = dict[str, Any]


class ManagePayments:
    """Do what a person asks for. Every method raises ActRefusedError if it does nothing."""

    def __init__(
        self,
        table: "Table",
        clock: Clock,
        name_of: Callable[[str], str],
        rulebook: RulebookInForce,
    ) -> None:
        self._table = table
        self._clock = clock
        self._rulebook = rulebook
        self._book = BookPayments(table, clock, name_of, rulebook)
        self._by_hand = BookByHand(table, clock, name_of, rulebook)

    # ---------------------------------------------------------------- money nobody could place

    def unmatched(self, most: int) -> tuple[dict[str, Settled], bool]:
        """What is on the list by its id, the oldest first; whether there is more of it."""
        found: dict[str, Settled] = {}
        for document in self._table.listed("unmatched"):
            if len(found) == most:
                return found, True
            found[document["_pk"].removeprefix("UNMATCHED#")] = msgspec.convert(document, Settled)
        return found, False

    def match(self, order: Match, person: Person) -> Done:
        """Unmatched money belongs where a person says, or is a payment that was booked before."""
        kept = self._on_list(order)
        if isinstance(kept, Done):
            return kept
        if net(kept.money.state) <= 0:
            raise refused(
                "conflict",
                "unmatched_id",
                "it is about a payment that is booked, and is no money of its own",
                "return it once it has been dealt with",
            )
        self._by_hand.known_creditor(order.creditor)
        money = replace(
            kept.money,
            receivable_id=order.receivable_id or kept.money.receivable_id,
            creditor=order.creditor or kept.money.creditor,
        )
        own = self._by_hand.own(order.account_id, money, must_have=order.receivable_id)
        own.on_list = {kept.payment_id: kept}
        if order.same_as:
            own.booked = {order.same_as: self._same(order, money)}
            own.money = [replace(money, aliases=(*money.aliases, order.same_as))]
        now = self._clock.now()
        fact = facts.noted("matched", now, **_told(kept), by=person.who, act=order.key)
        told_as = order.same_as or money.payment_id
        logged = _logged("matched", order, person, now, {"account_id": order.account_id})
        act = ActInWrite(
            told_as,
            told=(fact,),
            items=(self._table.put_act(logged),),
            settled=_stamp(order, person, now),
        )
        self._by_hand(own, act)
        done = self._on_list(order)
        if isinstance(done, Done):
            return replace(done, again=False)
        raise _moving(order.key)

    def _same(self, order: Match, money: Incoming) -> BookedPayment:
        """The payment as which the money was booked before."""
        found = self._table.around(order.account_id, (), (order.same_as,))
        booked = found.booked.get(order.same_as)
        if booked is None:
            raise _no_payment("same_as")
        this, that = (money.amount_minor, money.currency), (_approved(booked), booked.currency)
        if this != that or net(merge(booked.state, money.state)) != net(booked.state):
            raise refused(
                "wrong",
                "same_as",
                f"{order.same_as} is of {_money(*that)}, this is of {_money(*this)}",
                "match it as money of its own, or look for another payment",
            )
        return booked

    def give_back(self, order: Return, person: Person) -> Done:
        """Unmatched money is off the list, since it goes back to its payer. The record stays."""
        for _ in range(TRIES):
            kept = self._on_list(order)
            if isinstance(kept, Done):
                return kept
            now = self._clock.now()
            told = _told(kept)
            fact = facts.noted("returned", now, **told, by=person.who, act=order.key)
            settled = Settled(
                **msgspec.structs.asdict(kept)
                | _stamp(order, person, now)
                | {"became": "returned", "version": kept.version + 1}
            )
            # It has no account whose item could carry the fact to the history; its own does.
            put = self._table.put_document(
                *self._book.unmatched_key(kept.payment_id),
                settled,
                facts=msgspec.json.encode([fact]).decode(),
            )
            logged = self._table.put_act(_logged("returned", order, person, now, {}))
            try:
                self._table.transact(self._table.versioned(put, kept.version), logged)
            except (ConflictError, AlreadyDoneError):
                continue
            return Done("returned", False, told)
        raise _moving(order.key)

    def _on_list(self, order: Match | Return) -> Settled | Done:
        """The money as it is kept, still to be settled; or that this very act has settled it."""
        document = self._table.load(f"UNMATCHED#{order.unmatched_id}", "UNMATCHED")
        if document is None:
            raise refused(
                "not_found",
                "unmatched_id",
                "no such money is or was on the list",
                "take the id from the list of unmatched money",
            )
        kept = msgspec.convert(document, Settled)
        if kept.became and kept.act == order.key:
            if isinstance(order, Return) and kept.became == "returned":
                return Done("returned", True, _told(kept))
            if isinstance(order, Match) and order.account_id == kept.account_id:
                placed = self._by_hand.placed(kept.account_id, kept.payment_id)
                return Done("matched", True, placed)
            raise _other_act()
        if kept.became:
            who = f" by {kept.by}" if kept.by else ""
            at = f" on {kept.settled_at:%Y-%m-%d at %H:%M} UTC" if kept.settled_at else ""
            raise refused(
                "conflict",
                "unmatched_id",
                f"it was {kept.became}{who}{at}",
                "look at the list again",
            )
        if not kept.is_listed:
            raise refused(
                "conflict",
                "unmatched_id",
                "its source has taken the money back: nothing of it is left",
                "there is nothing to do",
            )
        return kept

    # ---------------------------------------------------------------- money by hand

    def pay(self, order: ManualPayment, person: Person) -> Done:
        """Book money that a person has seen come."""
        if again := self._again("paid", order):
            return again
        now = self._clock.now()
        paid_at = order.paid_at or now
        if order.amount_minor <= 0:
            raise refused(
                "wrong", "amount_minor", "is not more than nothing", "give what came in minor units"
            )
        if paid_at > now + AHEAD:
            raise refused("wrong", "paid_at", "is still to come", "enter money once it has come")
        self._by_hand.known_creditor(order.creditor)
        money = Incoming(
            f"{MANUAL}:{order.key}",
            MANUAL,
            order.currency,
            paid_at,
            PaymentState(approved=Said(order.amount_minor, paid_at)),
            receivable_id=order.receivable_id,
            reference=order.receivable_id,
            creditor=order.creditor,
        )
        own = self._by_hand.own(order.account_id, money, must_have=order.receivable_id)
        if not order.sure and own.stored:
            self._none_of_those_before(own.stored.account, money)
        result = {"payment_id": money.payment_id}
        act = ActInWrite(
            money.payment_id,
            items=tuple(self._keep(self._act("paid", order, person, now, result))),
            stamp={"by": person.who, "act": order.key},
        )
        self._by_hand(own, act)
        if done := self._again("paid", order):
            return replace(done, again=False)
        raise _moving(order.key)

    def _none_of_those_before(self, account: Account, money: Incoming) -> None:
        """Cash that the bank's file tells of too, or that two people enter, is one payment."""
        near = timedelta(days=self._payments().same_within_days)
        may_be = [
            seen.payment_id
            for seen in account.payments
            if (seen.amount_minor, seen.currency) == (money.amount_minor, money.currency)
            and abs(seen.paid_at - money.paid_at) <= near
            and seen.payment_id != money.payment_id
        ]
        if may_be:
            raise refused(
                "conflict",
                "sure",
                f"this may be money that is booked already: {', '.join(may_be)}",
                "if it is other money, send it again with `sure`",
            )

    def void(self, order: Void, person: Person) -> Done:
        """Take back money that a person has entered, and that is not there: what it settled is open
        again. Money that a file or a provider told of goes when they say so."""
        if again := self._again("payment_reversed", order):
            return again
        found = self._table.around(order.account_id, (), (order.payment_id,))
        if found.stored is None:
            raise no_account()
        booked = found.booked.get(order.payment_id)
        if booked is None:
            raise _no_payment("payment_id")
        if booked.source != MANUAL or booked.seen_as:
            raise refused(
                "conflict",
                "payment_id",
                "others than people have told of it",
                "it goes when its source says so; `reverse` frees what it settles",
            )
        if booked.state.voided:
            raise refused(
                "conflict", "payment_id", "it was taken back before", "there is nothing to do"
            )
        told = {
            "payment_id": booked.payment_id,
            "currency": booked.currency,
            "amount_minor": net(booked.state),
        }
        gone = PaymentState(voided=True)
        money = Incoming(booked.payment_id, MANUAL, booked.currency, booked.paid_at, gone)
        own = OfAccount(
            order.account_id,
            found.stored,
            [money],
            booked={booked.payment_id: booked},
            sure=True,
        )
        kept = self._act("payment_reversed", order, person, self._clock.now(), told)
        stamp = {"by": person.who, "act": order.key}
        self._by_hand(
            own, ActInWrite(booked.payment_id, items=tuple(self._keep(kept)), stamp=stamp)
        )
        if done := self._again("payment_reversed", order):
            return replace(done, again=False)
        raise _moving(order.key)

    # ---------------------------------------------------------------- money given up

    def give_up(self, order: GiveUp, person: Person) -> Done:
        """Waive or write off (L16), within what the person's role may."""

        def change(ground: "_Ground") -> _Move:
            receivable = ground.open_receivable(order.receivable_id)
            if order.currency != receivable.currency:
                raise refused(
                    "wrong",
                    "currency",
                    f"the receivable is in {receivable.currency}",
                    f"give amounts in {receivable.currency}",
                )
            _within_what_is_open(receivable, order.amounts_minor)
            self._allowed(person, sum(order.amounts_minor.values()), receivable.currency)
            booking = ledger.give_up(
                ground.whole(),
                receivable,
                order.kind,
                order.amounts_minor,
                booked_at=ground.now,
                cause=_cause(order.key),
            )
            ground.take(booking)
            ground.account = given_up(
                ground.account,
                _cause(order.key),
                receivable.receivable_id,
                order.amounts_minor,
                today=ground.today,
            )
            told = {
                "receivable_id": receivable.receivable_id,
                "currency": receivable.currency,
                "amounts_minor": dict(order.amounts_minor),
            }
            return _Move(told, told)

        return self._do(
            "waived" if order.kind == "waiver" else "written_off", order, person, change
        )

    def _allowed(self, person: Person, amount_minor: int, currency: str) -> None:
        authority = self._payments().authority
        limit = max(authority.get(role, {}).get(currency, 0) for role in (person.role, "*"))
        if amount_minor <= limit:
            return
        may = sorted(
            role for role, limits in authority.items() if limits.get(currency, 0) >= amount_minor
        )
        raise refused(
            "not_allowed",
            "amounts_minor",
            f"{_money(amount_minor, currency)} is more than {person.role or 'whoever has no role'} "
            f"may give up at once ({_money(limit, currency)})",
            f"ask {' or '.join(may)}"
            if may
            else "nobody may: `authority` in payments.yaml says who may give up how much",
        )

    # ---------------------------------------------------------------- credit

    def apply_credit(self, order: ApplyCredit, person: Person) -> Done:
        """Settle a receivable with unapplied credit of its creditor and currency; under an
        agreement that gives something up, with no more of it than fulfils that (`limits`)."""

        def change(ground: "_Ground") -> _Move:
            receivable = ground.open_receivable(order.receivable_id)
            creditor, currency = receivable.creditor, receivable.currency
            having = [
                booked
                for booked in self._table.payments(order.account_id)
                if (booked.creditor, booked.currency) == (creditor, currency)
                and credit_of(booked.parts)
                and order.payment_id in ("", booked.payment_id)
            ]
            if not having:
                raise refused(
                    "wrong",
                    "payment_id" if order.payment_id else "receivable_id",
                    f"there is no such credit for {creditor} in {currency}",
                    "credit of one creditor and currency settles nothing else",
                )
            having.sort(key=lambda booked: (booked.paid_at, booked.payment_id))
            payments = having[:PAYMENTS_AT_ONCE]
            most = min(sum(credit_of(p.parts) for p in payments), receivable.open_minor)
            wanted = most if order.amount_minor is None else order.amount_minor
            if not 0 < wanted <= most:
                raise refused(
                    "wrong",
                    "amount_minor",
                    f"no more than {_money(most, currency)} can be applied, and no less than a bit",
                    "leave it out to apply all that fits",
                )
            left = wanted
            for booked in payments:
                booking = ledger.apply_credit(
                    ground.whole(),
                    ground.opened.values(),
                    booked,
                    left,
                    receivable.receivable_id,
                    allocation_of(self._rulebook(order.account_id), creditor),
                    limits=ground.limits(booked),
                )
                if booking.entries:
                    left -= credit_of(booked.parts) - credit_of(booking.parts)
                    ground.take(booking)
                    after = replace(booked.turned(booking.parts), set_free=False)
                    ground.rebook(booked, after)
            if left == wanted:
                raise refused(
                    "conflict",
                    "receivable_id",
                    "its agreement gives up what is open of it, and asks for no money for it",
                    "if that is not to be given up, cancel the agreement first",
                )
            told = {
                "receivable_id": receivable.receivable_id,
                "currency": currency,
                "amount_minor": wanted - left,
            }
            return _Move(told, {**told, **ground.credit_left(creditor, currency)})

        return self._do("credit_applied", order, person, change)

    def reverse(self, order: ReverseAllocation, person: Person) -> Done:
        """What a payment settled of a receivable becomes credit, and the receivable is open again.
        The engine sets credit against what is chased, so nobody is asked for it meanwhile."""

        def change(ground: "_Ground") -> _Move:
            found = self._table.around(
                order.account_id, (order.receivable_id,), (order.payment_id,)
            )
            booked = found.booked.get(order.payment_id)
            if booked is None:
                raise _no_payment("payment_id")
            named = found.named.get(order.receivable_id)
            settles = tuple(p for p in booked.parts if p.receivable_id == order.receivable_id)
            if named is None or not settles:
                raise refused(
                    "wrong",
                    "receivable_id",
                    f"{order.payment_id} settles nothing of it",
                    "take the receivable from what the payment settles",
                )
            amount = sum(part.amount_minor for part in settles)
            receivable = ground.opened.get(order.receivable_id, named.receivable)
            reopened = ledger.take_back(
                ground.whole(),
                {order.receivable_id: receivable},
                replace(booked, parts=settles),
                amount,
                "reversal",
                ground.now,
            )
            ground.take(reopened)
            money = ledger.Payment(
                booked.payment_id,
                booked.creditor,
                amount,
                booked.currency,
                ground.now,
                turn=booked.turns,
            )
            credited = ledger.pay(ground.whole(), (), money)
            ground.take(credited)
            others = (part for part in booked.parts if part not in settles)
            after = booked.turned(ledger.joined(others, credited.parts))
            ground.rebook(booked, replace(after, set_free=True))
            told = {
                "payment_id": booked.payment_id,
                "receivable_id": order.receivable_id,
                "currency": booked.currency,
                "amount_minor": amount,
            }
            credit = ground.credit_left(booked.creditor, booked.currency)
            return _Move(told, {**told, **credit})

        return self._do("allocation_reversed", order, person, change)

    # ---------------------------------------------------------------- one act on one account

    def _do(
        self,
        did: Did,
        order: GiveUp | ApplyCredit | ReverseAllocation,
        person: Person,
        change: "Callable[[_Ground], _Move]",
    ) -> Done:
        """Change the account and keep the act, in one transaction, once."""
        for _ in range(TRIES):
            if again := self._again(did, order):
                return again
            stored = self._account(order.account_id)
            try:
                if stored.account.spreading:
                    stored = self._book.spread(stored)
                open_before = all_open(self._table, stored.account)
                account, read = brought_in(self._table, ledger.whole(stored.account, open_before))
                zones = zones_of(account, self._rulebook(order.account_id))
                ground = _Ground(account, open_before, self._clock.now(), zones)
                move = change(ground)
                told = self._follow(ground, read)
                account, items = put_out(
                    self._table, stored.account, ground.whole(), read, ground.now
                )
                result = {**move.result, "open_minor": ground.open_minor(order.receivable_id)}
                act = self._act(did, order, person, ground.now, result)
                by = {"by": person.who, "act": order.key}
                write(
                    self._table,
                    stored,
                    ledger.embed(account, ground.opened.values()),
                    open_before,
                    list(ground.changed.values()),
                    ground.entries,
                    now=ground.now,
                    more_facts=[facts.noted(did, ground.now, **move.told, **by), *told],
                    more=[
                        *self._keep(act),
                        *items,
                        *(self._table.put_payment(order.account_id, p) for p in ground.booked),
                    ],
                )
            except (ConflictError, AlreadyDoneError):
                continue
            except ActRefusedError:
                # It may be refused for what it has itself done, a moment ago, in another request.
                if again := self._again(did, order):
                    return again
                raise
            return Done(did, False, result)
        raise _moving(order.key)

    def _follow(self, ground: "_Ground", read: Read) -> tuple[facts.Fact, ...]:
        """What the act makes of the account's agreements, and what is told of them."""
        rulebook = self._rulebook(ground.account.account_id)
        kinds = rulebook.holds if rulebook else {}
        closed = {**read.closed, **ground.changed}
        course = follow_all(ground.whole(), closed, ground.now, ground.today, kinds=kinds)
        ground.take(ledger.Booking(course.account, course.changed, course.entries))
        return course.facts

    def _act(self, did: Did, order: Order, person: Person, at: datetime, result: _Document) -> Act:
        return Act(
            order.key,
            did,
            order.account_id,
            person.who,
            person.role,
            at,
            order.why,
            asked(order),
            result,
        )

    def _keep(self, act: Act) -> list[_Document]:
        """Transaction items: the act, once, and in the audit log."""
        logged = audit.Act(
            act.key,
            act.at,
            act.by,
            act.did,
            act.why,
            {
                name: act.asked[name]
                for name in ("account_id", "receivable_id", "payment_id")
                if act.asked.get(name)
            },
            act.role,
        )
        once = self._table.once(_cause(act.key), msgspec.to_builtins(act))
        return [once, self._table.put_act(logged)]

    def _again(self, did: Did, order: Order) -> Done | None:
        """What this act did when it was done before."""
        found = self._table.load(f"CAUSE#{_cause(order.key)}", "CAUSE")
        if found is None:
            return None
        act = msgspec.convert(found, Act)
        if (act.did, act.asked) != (did, asked(order)):
            raise _other_act()
        if act.did == "paid":
            return Done(
                "paid", True, self._by_hand.placed(act.account_id, act.result["payment_id"])
            )
        return Done(did, True, act.result)

    def _account(self, account_id: str) -> Stored:
        stored = self._table.get(account_id)
        if stored is None:
            raise no_account()
        return stored

    def _payments(self) -> Payments:
        rulebook = self._rulebook()
        return rulebook.payments if rulebook else Payments()


class _Move(msgspec.Struct, frozen=True):
    """What an act did: as its fact tells it, and as its caller is answered, who is told besides
    what is open of the receivable now."""

    told: _Document
    result: _Document


class _Ground:
    """The account that an act changes, whole and with all of its agreements, and what the act has
    made of it so far; `zones` are those of the debtor's calendar."""

    def __init__(
        self,
        account: Account,
        open_before: Sequence[Receivable],
        now: datetime,
        zones: Sequence[str],
    ) -> None:
        self.account = account
        self.now = now
        self.zones = zones
        self.today = local_date(zones, now)
        self.opened = {r.receivable_id: r for r in open_before}
        self.changed: dict[str, Receivable] = {}
        self.entries: list[LedgerEntry] = []
        self.booked: list[BookedPayment] = []

    def limits(self, booked: BookedPayment) -> tuple[ledger.Limit, ...]:
        """What a payment settles at most, after those that were rebooked before."""
        on = local_date(self.zones, booked.paid_at)
        return limits(self.whole(), booked, on=on, today=self.today)

    def rebook(self, was: BookedPayment, after: BookedPayment) -> None:
        """A payment settles something else now, which the agreements come to know."""
        self.booked.append(after)
        on = local_date(self.zones, after.paid_at)
        self.account = payment_moved(self.account, was, after, on=on, today=self.today)

    def whole(self) -> Account:
        """The account as the ledger takes it."""
        return ledger.whole(self.account, self.opened.values())

    def open_receivable(self, receivable_id: str) -> Receivable:
        """One that is open."""
        if receivable_id not in self.opened:
            raise no_receivable()
        return self.opened[receivable_id]

    def take(self, booking: ledger.Booking) -> None:
        """Go on from what a movement made of it."""
        self.account = booking.account
        for receivable in booking.changed:
            self.changed[receivable.receivable_id] = receivable
            if receivable.open_minor:
                self.opened[receivable.receivable_id] = receivable
            else:
                self.opened.pop(receivable.receivable_id, None)
        self.entries.extend(booking.entries)

    def open_minor(self, receivable_id: str) -> int:
        """What is open of a receivable by now."""
        found = self.opened.get(receivable_id)
        return found.open_minor if found else 0

    def credit_left(self, creditor: str, currency: str) -> dict[str, int]:
        """What credit is left."""
        return {"credit_minor": self.account.credits.get(pot(creditor, currency), 0)}


def _cause(key: str) -> str:
    return f"act:{key}"


def _logged(
    did: audit.Done, order: Match | Return, person: Person, at: datetime, about: dict[str, str]
) -> audit.Act:
    """What the audit log has of an act on unmatched money."""
    about = {"unmatched_id": order.unmatched_id, **about}
    return audit.Act(order.key, at, person.who, did, order.why, about, person.role)


def _stamp(order: Match | Return, person: Person, at: datetime) -> _Document:
    """What unmatched money keeps of the act that settled it."""
    return {"by": person.who, "note": order.why, "act": order.key, "settled_at": at}


def _told(kept: UnmatchedMoney) -> _Document:
    """What of unmatched money is told: its id and how much of it is ours."""
    return {
        "payment_id": kept.payment_id,
        "amount_minor": net(kept.money.state),
        "currency": kept.money.currency,
    }


def _approved(booked: BookedPayment) -> int:
    return booked.state.approved.amount_minor if booked.state.approved else 0


def _in_sight(account: Account, payment_id: str, source: str) -> Account:
    """The account, on which a payment has now been told of by this source too."""
    payments = tuple(
        replace(seen, seen_in=(*seen.seen_in, source)) if seen.payment_id == payment_id else seen
        for seen in account.payments
    )
    return replace(account, payments=payments)


def _within_what_is_open(receivable: Receivable, amounts: Mapping[Component, int]) -> None:
    problems = [
        Problem(
            f"amounts_minor.{component}",
            f"{_money(most, receivable.currency)} of it is open",
            "give more than nothing, and no more than is open",
        )
        for component, amount_minor in amounts.items()
        if not 0 < amount_minor <= (most := ledger.open_of(receivable, component))
    ]
    if not amounts:
        problems.append(
            Problem("amounts_minor", "is empty", "name a component, such as interest, and how much")
        )
    if problems:
        raise ActRefusedError("wrong", *problems)


def _no_payment(field: str) -> ActRefusedError:
    return refused(
        "not_found",
        field,
        "the account has no such payment",
        "take its id from the account's payments",
    )


def _other_act() -> ActRefusedError:
    return refused(
        "conflict",
        "key",
        "another act has this key",
        "give every act a key of its own, and repeat one as it was",
    )


def _moving(key: str) -> ActRefusedError:
    return refused(
        "conflict",
        "",
        "others keep changing the account",
        f"send it again with the same key, {key}",
    )


def _money(amount_minor: int, currency: str) -> str:
    return f"{to_major(amount_minor, currency):f} {currency}"
