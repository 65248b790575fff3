"""Money in any order, for as long as one likes: charges, payments, what goes back, what is given up
(invariants 4, 5, lessons L16, L25).

A state machine over the use cases on an in-memory table. Transactions hold very little here, so
that payments are spread and taken back in parts, and processes die in the middle of it.
"""

from datetime import date, timedelta
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from escalon.domain.account import Receivable, pot
from escalon.domain.payments import ledger
from escalon.domain.payments.ledger import Booking, LedgerEntry
from escalon.domain.payments.payment import PaymentNotice, PaymentState, merge, net, state_of
from escalon.domain.storage import AlreadyDoneError, Stored
from escalon.importing.records import PaymentRecord
from escalon.usecases.payments import book_payments
from escalon.usecases.payments.book_payments import UnmatchedMoney, settle_with_credit
from escalon.usecases.payments.ledger_writes import all_open, write
from escalon.usecases.payments.record_payments import RecordPayments
from tests.doubles.crashing import Crash, Faults
from tests.doubles.payments import STRIPE, WOMPI, check_books, notice
from tests.doubles.world import NOW, World

ACCOUNTS = ("a1", "a2")
AMOUNTS = st.integers(1, 2_000)
HOURS = st.integers(0, 6).map(lambda hours: NOW + timedelta(hours=hours))
GOES = ("voided", "refunded", "chargeback_opened", "chargeback_lost")
GOING = st.sampled_from([*GOES, "chargeback_won"])
KINDS = st.sampled_from(["approved"] * 3 + ["pending", "declined", "chargeback_won", *GOES])
LATER = ["later1", "later2"]  # receivables that are paid before anybody knows them
DIES_AT = st.one_of(st.just(0), st.integers(3, 9))  # at which call to the table
# Payments by id, each in its own currency.
PAYMENTS = {"p1": "COP", "p2": "COP", "p3": "USD"}


class Ledger(RuleBasedStateMachine):
    """Two accounts, and everything that was ever said about money."""

    receivables = Bundle("receivables")
    notices = Bundle("notices")
    causes = Bundle("causes")

    @initialize(target=receivables)
    def begin(self) -> Any:
        self.small = pytest.MonkeyPatch()
        self.small.setattr(book_payments, "ROOM", 6)
        self.small.setattr(book_payments, "SPREAD_AT_ONCE", 3)
        self.small.setattr(book_payments, "BACK_AT_ONCE", 2)
        self.world = World()
        self.number = 1
        self.known: set[str] = set()
        self.too_early: dict[str, list[PaymentNotice]] = {}
        self.entries: dict[str, LedgerEntry] = {}
        self.said: dict[str, PaymentState] = {}
        self.lines: dict[str, int] = {}
        for account_id in ACCOUNTS[1:]:
            self.world.owe(account_id=account_id)
        return self.charge("a1", [150] * 22, "andina", "COP", 30)

    def teardown(self) -> None:
        self.small.undo()

    # ------------------------------------------------------------------------- owed

    @rule(target=receivables, account_id=st.sampled_from(ACCOUNTS), name=st.sampled_from(LATER))
    def charge_what_was_paid_already(self, account_id: str, name: str) -> Any:
        """One word more of what was paid, and all that was said of it before counts."""
        if name in self.known:
            return multiple()
        charged = self._charged(account_id, {name: 700}, "andina", "COP", 10)
        for told in self.too_early.get(name, [])[-1:]:
            self._take(told, 0)
        return charged

    @rule(
        target=receivables,
        account_id=st.sampled_from(ACCOUNTS),
        amounts=st.lists(AMOUNTS, min_size=1, max_size=8),
        creditor=st.sampled_from(["andina", "andina", "boreal"]),
        currency=st.sampled_from(["COP", "COP", "COP", "USD"]),
        due=st.integers(1, 60),
    )
    def charge(
        self, account_id: str, amounts: list[int], creditor: str, currency: str, due: int
    ) -> Any:
        names = [f"r{self.number + n}" for n in range(len(amounts))]
        self.number += len(amounts)
        return self._charged(
            account_id, dict(zip(names, amounts, strict=True)), creditor, currency, due
        )

    def _charged(
        self, account_id: str, amounts: dict[str, int], creditor: str, currency: str, due: int
    ) -> Any:
        due_on = date(2026, 6, 1) + timedelta(days=due)
        issued_on = date(2026, 5, 1)
        fresh = [
            Receivable(
                name, creditor, "doc", issued_on, due_on, currency, amount, amount, issued_on
            )
            for name, amount in amounts.items()
        ]
        self.world.owe(*fresh, account_id=account_id)
        self.known.update(amounts)
        return multiple(*((account_id, name) for name in amounts))

    @rule(
        target=causes,
        owed=receivables,
        component=st.sampled_from(["interest", "fee", "tax"]),
        amount=AMOUNTS,
    )
    def charge_extra(self, owed: tuple[str, str], component: Any, amount: int) -> Any:
        self.number += 1
        cause = f"natural key {self.number}"
        self._extra(owed, component, amount, cause)
        return owed, component, cause

    @rule(what=causes, amount=AMOUNTS)
    def charge_extra_again(self, what: Any, amount: int) -> None:
        """L1: the step runs twice, and its rule has come to another amount meanwhile."""
        owed, component, cause = what
        with pytest.raises(AlreadyDoneError):
            self._extra(owed, component, amount, cause)

    def _extra(self, owed: tuple[str, str], component: Any, amount: int, cause: str) -> None:
        stored, opened, receivable = self._ground(owed)
        booking = ledger.charge_extra(
            ledger.whole(stored.account, opened), receivable, component, amount, booked_at=NOW,
            cause=cause,
        )  # fmt: skip
        self._write(stored, opened, booking)

    @rule(owed=receivables, amount=st.integers(0, 2_000))
    def restate(self, owed: tuple[str, str], amount: int) -> None:
        """The source states another balance of its principal."""
        self.number += 1
        stored, opened, receivable = self._ground(owed)
        booking = ledger.adjust(
            ledger.whole(stored.account, opened), receivable, amount_minor=receivable.amount_minor,
            open_minor=amount, booked_at=NOW, cause=f"import {self.number}",
        )  # fmt: skip
        self._write(stored, opened, booking)

    @rule(owed=receivables, part=st.integers(1, 4), kind=st.sampled_from(["waiver", "write_off"]))
    def give_up(self, owed: tuple[str, str], part: int, kind: Any) -> None:
        self.number += 1
        stored, opened, receivable = self._ground(owed)
        components: tuple[Any, ...] = ("principal", "interest", "fee", "tax")
        of_each = {c: -(-ledger.open_of(receivable, c) // part) for c in components}
        amounts = {c: minor for c, minor in of_each.items() if minor}
        if not amounts:
            return
        booking = ledger.give_up(
            ledger.whole(stored.account, opened), receivable, kind, amounts, booked_at=NOW,
            cause=f"act {self.number}",
        )  # fmt: skip
        self._write(stored, opened, booking)

    # ------------------------------------------------------------------------ money

    @rule(
        target=notices,
        payment=st.sampled_from(sorted(PAYMENTS)),
        words=st.lists(st.tuples(KINDS, st.integers(1, 3_000), HOURS), min_size=1, max_size=5),
        owed=receivables,
        later=st.sampled_from(["", "", "", "", *LATER]),
        case=st.sampled_from(["d1", "d2"]),
        dies_at=DIES_AT,
    )
    def tell(
        self,
        payment: str,
        words: list[Any],
        owed: tuple[str, str],
        later: str,
        case: str,
        dies_at: int,
    ) -> Any:
        return self._told(payment, words, later or owed[1], case, dies_at)

    @rule(
        target=notices,
        owed=receivables,
        amount=st.integers(500, 3_000),
        words=st.lists(st.tuples(GOING, st.integers(1, 3_000), HOURS), min_size=1, max_size=4),
        dies_at=DIES_AT,
    )
    def tell_of_money_that_came_and_went(
        self, owed: tuple[str, str], amount: int, words: list[Any], dies_at: int
    ) -> Any:
        self.number += 1
        return self._told(
            f"q{self.number}", [("approved", amount, NOW), *words], owed[1], "d1", dies_at
        )

    def _told(self, payment: str, words: list[Any], reference: str, case: str, dies_at: int) -> Any:
        told = [
            notice(
                kind,
                amount,
                payment=payment,
                at=at,
                reference=reference,
                currency=PAYMENTS.get(payment, "COP"),
                provider=WOMPI if payment == "p2" else STRIPE,
                case_key=case if kind.startswith("chargeback") else "",
            )
            for kind, amount, at in words
        ]
        if reference in LATER:
            self.too_early.setdefault(reference, []).extend(told)
        for one in told:
            self._take(one, dies_at)
            self.money_adds_up()
        return multiple(*told)

    @rule(told=notices, dies_at=DIES_AT)
    def tell_again(self, told: PaymentNotice, dies_at: int) -> None:
        self._take(told, dies_at)

    @rule(told=consumes(notices).filter(lambda told: told.reference not in LATER))
    def tell_again_and_nothing_moves(self, told: PaymentNotice) -> None:
        self._finish()
        before = {account_id: self.world.table.entries(account_id) for account_id in ACCOUNTS}
        self._take(told, 0)
        after = {account_id: self.world.table.entries(account_id) for account_id in ACCOUNTS}
        assert before == after

    def _take(self, told: PaymentNotice, dies_at: int) -> None:
        """The provider sends it until it is answered."""
        provider = WOMPI if told.provider == "wompi" else STRIPE
        try:
            self.world.take_notice(Faults(dies_at, "after"))(told, provider)
        except Crash:
            self.world.take_notice()(told, provider)
        if told.kind not in ("pending", "declined"):  # they are not kept of what never came
            name = f"{told.provider}:{told.payment_key}"
            said = self.said.get(name, PaymentState())
            self.said[name] = merge(said, state_of(told, NOW))

    @rule(owed=receivables)
    def bank_line(self, owed: tuple[str, str]) -> None:
        """Of another amount than any other payment: the same money twice has tests of its own."""
        self.number += 1
        amount = 10_000 + self.number
        payment = PaymentRecord(None, owed[1], f"B{self.number}", amount, "COP", NOW)
        record = RecordPayments(
            self.world.table, self.world.book_payments(), self.world.name_of, _one_by_one
        )
        for _ in range(2):
            record([payment], f"bank {self.number}")
        self.lines[payment.payment_id] = amount

    @precondition(lambda self: any(self.world.account(a).credits for a in ACCOUNTS))
    @rule(account_id=st.sampled_from(ACCOUNTS), most=st.none() | AMOUNTS, first=st.booleans())
    def apply_credit(self, account_id: str, most: int | None, first: bool) -> None:
        self._finish()
        stored = self._stored(account_id)
        opened = all_open(self.world.table, stored.account)
        for booked in self.world.table.payments(account_id):
            named = opened[0].receivable_id if first and opened else ""
            booking = ledger.apply_credit(
                ledger.whole(stored.account, opened), opened, booked, most, named, most_parts=9
            )
            if booking.entries:
                after = booked.turned(booking.parts)
                put = self.world.table.put_payment(account_id, after)
                self._write(stored, opened, booking, put)
                return

    @rule()
    def go_on(self) -> None:
        self._finish()

    @rule()
    def runs_settle_with_credit(self) -> None:
        """As many as it takes: then none stands beside what it may settle (L15)."""
        self._finish()
        for account_id in ACCOUNTS:
            before, stored = None, self._stored(account_id)
            while stored is not before:
                before = stored
                stored = settle_with_credit(self.world.table, before, self.world.rulebook(), NOW)
            opened = all_open(self.world.table, stored.account)
            owed = {pot(one.creditor, one.currency) for one in opened if one.open_minor > 0}
            assert owed.isdisjoint(k for k, minor in stored.account.credits.items() if minor > 0)

    # ----------------------------------------------------------------------- inside

    def _stored(self, account_id: str) -> Stored:
        stored = self.world.table.get(account_id)
        assert stored is not None
        return stored

    def _ground(self, owed: tuple[str, str]) -> tuple[Stored, list[Receivable], Receivable]:
        account_id, receivable_id = owed
        stored = self._stored(account_id)
        opened = all_open(self.world.table, stored.account)
        still = {r.receivable_id: r for r in opened}
        known = self.world.table.named_receivables([owed])[owed].receivable
        return stored, opened, still.get(receivable_id, known)

    def _write(
        self, stored: Stored, opened: list[Receivable], booking: Booking, *more: Any
    ) -> None:
        write(
            self.world.table, stored, booking.account, opened, booking.changed, booking.entries,
            now=NOW, more=more,
        )  # fmt: skip

    def _finish(self) -> None:
        for account_id in ACCOUNTS:
            self.world.book_payments().spread(self._stored(account_id))
            assert self.world.account(account_id).spreading == ()

    # ------------------------------------------------------------------- invariants

    @invariant()
    def money_adds_up(self) -> None:
        for account_id in ACCOUNTS:
            check_books(self.world, account_id)

    @invariant()
    def no_entry_ever_changes_or_disappears(self) -> None:
        now = {
            entry.entry_id: entry
            for account_id in ACCOUNTS
            for entry in self.world.table.entries(account_id)
        }
        for entry_id, entry in self.entries.items():
            assert now[entry_id] == entry
        self.entries = now

    @invariant()
    def every_payment_is_somewhere_and_nowhere_twice(self) -> None:
        """What is ours of each is booked on one account or kept as unmatched, to the last unit."""
        found: dict[str, int] = {}
        unfinished: set[str] = set()
        for account_id in ACCOUNTS:
            unfinished.update(self.world.account(account_id).spreading)
            for booked in self.world.table.payments(account_id):
                assert booked.payment_id not in found
                found[booked.payment_id] = booked.booked_minor
        for document in self.world.table.all_documents("UNMATCHED"):
            document.pop("_account_id")
            kept = msgspec.convert(document, UnmatchedMoney)
            if not kept.became:
                assert kept.payment_id not in found
                found[kept.payment_id] = net(kept.money.state)
        expected = {name: net(state) for name, state in self.said.items()} | self.lines
        for name, minor in expected.items():
            if name not in unfinished:
                assert found.get(name, 0) == minor, name


def _one_by_one(work: Any, items: list[Any]) -> list[Any]:
    return [work(item) for item in items]


class TestLedger(Ledger.TestCase):  # type: ignore[name-defined,misc]
    settings: ClassVar[Any] = settings(
        max_examples=80,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
