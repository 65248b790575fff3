"""Acts of a person on money: each once, whole, with who and when and why, and nothing is lost."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.adapters.bus import Bus
from escalon.adapters.history import History
from escalon.adapters.table import Table
from escalon.domain.account import Receivable
from escalon.domain.identity import account_id_of
from escalon.domain.payments.ledger import LedgerEntry, charge_extra, whole
from escalon.domain.payments.payment import PaymentNotice, net
from escalon.domain.rules.rulebook import PaymentProvider, Payments
from escalon.domain.storage import Stored
from escalon.usecases.operators.acts import (
    ActRefusedError,
    ApplyCredit,
    Done,
    GiveUp,
    ManualPayment,
    Match,
    Person,
    Problem,
    Return,
    ReverseAllocation,
    Void,
)
from escalon.usecases.payments.ledger_writes import all_open, issue, write
from escalon.usecases.payments.manage_payments import ManagePayments
from escalon.usecases.payments.take_notice import TakeNotice
from escalon.usecases.record_history import RecordHistory
from tests.doubles.aws import Events
from tests.doubles.crashing import Crash, Crashing, Faults
from tests.doubles.dynamodb import DynamoDb
from tests.doubles.world import NOW, TABLE, World, debtor, receivable, rulebook

KEY = b"secret"
WOMPI = PaymentProvider("wompi", "wompi", "sandbox")
ANA = Person("arn:aws:sts::1:assumed-role/Collector/ana", "collector")
EVA = Person("arn:aws:sts::1:assumed-role/Supervisor/eva", "supervisor")
WHY = "the debtor called"
AUTHORITY = {
    "*": {"COP": 5_000_00},
    "collector": {"COP": 20_000_00},
    "supervisor": {"COP": 1_000_000_00},
}
RULES = replace(rulebook(), payments=Payments(authority=AUTHORITY))


def name_of(reference: str) -> str:
    return account_id_of(KEY, reference)


class Desk:
    """A world with somebody at a desk in it."""

    def __init__(self) -> None:
        self.world = World()

    def manage(self, faults: Faults | None = None) -> ManagePayments:
        client = Crashing(self.world.dynamo, faults or Faults())
        table = Table(client, TABLE, 1, pause=lambda _: None)
        return ManagePayments(table, self.world.clock, name_of, lambda _="": RULES)

    def owes(self, *receivables: Receivable, account_id: str = "a1") -> None:
        """An account with these receivables, as the ledger has them."""
        blank = replace(debtor(account_id), receivables=())
        stored = self.world.table.get(account_id) or self.world.put(blank, None)
        for one in receivables:
            stored = issue(self.world.table, stored, one, booked_at=NOW, now=NOW)

    def bears(self, receivable_id: str, **extras: int) -> None:
        """Interest, fees or tax on a receivable."""
        for component, amount in extras.items():
            stored = self.world.table.get("a1")
            assert stored is not None
            before = all_open(self.world.table, stored.account)
            (one,) = [r for r in before if r.receivable_id == receivable_id]
            booking = charge_extra(
                whole(stored.account, before), one, component, amount,  # type: ignore[arg-type]
                booked_at=NOW, cause=f"{component} {receivable_id}",
            )  # fmt: skip
            write(
                self.world.table, stored, booking.account, before, booking.changed,
                booking.entries, now=NOW,
            )  # fmt: skip

    def notice(
        self, payment: str, amount: int, reference: str = "", *, kind: str = "approved",
        currency: str = "COP", at: datetime = NOW,
    ) -> str:  # fmt: skip
        """What a provider tells."""
        if re.fullmatch(r"r\d+", reference):
            self.points(reference)
        take = TakeNotice(self.world.table, self.world.clock, name_of, lambda _="": RULES)
        about = {"amount_minor": amount, "currency": currency, "reference": reference}
        notice = PaymentNotice(
            "wompi", f"{payment}-{kind}-{amount}", kind, payment, occurred_at=at, **about,  # type: ignore[arg-type]
        )  # fmt: skip
        return take(notice, WOMPI)

    def points(self, receivable_id: str, account_id: str = "a1") -> None:
        """The reference finds its account, as an import has written it."""
        about = {"account_id": account_id, "receivable_id": receivable_id}
        put = self.world.table.put_document(f"REF#{name_of(receivable_id)}", "REF", about)
        self.world.table.save(put)

    def unmatched(self) -> dict[str, str]:
        """What is on the list: payment id by the list's id."""
        return {name: one.payment_id for name, one in self.manage().unmatched(100)[0].items()}

    def the_unmatched(self) -> str:
        (found,) = self.unmatched()
        return found

    def open(self, account_id: str = "a1") -> dict[str, int]:
        found = self.world.table.issued_receivables(account_id)
        return {r.receivable_id: r.open_minor for r in found if r.open_minor}

    def entries(self, kind: str = "", account_id: str = "a1") -> list[LedgerEntry]:
        found = self.world.table.entries(account_id)
        return [entry for entry in found if kind in ("", entry.kind)]

    def credits(self, account_id: str = "a1") -> dict[str, int]:
        return self.world.account(account_id).credits

    def adds_up(self, account_id: str = "a1") -> None:
        """Invariant 4, over all that the table has of an account."""
        account = self.world.account(account_id)
        entries = self.entries(account_id=account_id)
        receivables = self.world.table.issued_receivables(account_id)
        for one in receivables:
            own = [e for e in entries if e.receivable_id == one.receivable_id]
            assert one.open_minor == sum(e.amount_minor for e in own)
            for component in ("interest", "fee", "tax"):
                moved = sum(e.amount_minor for e in own if e.component == component)
                assert one.extras.get(component, 0) == moved
        credit: dict[str, int] = {}
        for entry in entries:
            if not entry.receivable_id:
                pot = f"{entry.creditor}|{entry.currency}"
                credit[pot] = credit.get(pot, 0) - entry.amount_minor
        assert account.credits == {pot: minor for pot, minor in credit.items() if minor}
        payments = self.world.table.payments(account_id)
        assert all(p.booked_minor == net(p.state) for p in payments)
        assert sum(account.credits.values()) == sum(
            part.amount_minor for p in payments for part in p.parts if not part.receivable_id
        )
        opened = {r.receivable_id: r.open_minor for r in receivables if r.open_minor}
        embedded = {r.receivable_id: r.open_minor for r in account.receivables}
        assert opened.items() >= embedded.items()
        beyond = sum(b.open_minor for b in account.beyond.values())
        assert sum(embedded.values()) + beyond == sum(opened.values())

    def facts(self, name: str, account_id: str = "a1") -> list[dict[str, Any]]:
        return self.world.facts(account_id, name)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refusal(act: Callable[[], object]) -> tuple[str, tuple[Problem, ...]]:
    with pytest.raises(ActRefusedError) as caught:
        act()
    return caught.value.fault, caught.value.problems


def field_of(act: Callable[[], object]) -> tuple[str, str]:
    fault, (problem,) = refusal(act)
    return fault, problem.field


def tried(act: Callable[[], Done]) -> str:
    """What it did, or how it was refused."""
    try:
        return act().did
    except ActRefusedError as error:
        return error.fault


# ------------------------------------------------------------------------- unmatched money


def test_money_that_names_nobody_is_listed_and_matched_to_its_account(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    assert desk.notice("p1", 40_000_00, "unknown") == "unmatched"
    listed, more = desk.manage().unmatched(10)
    (name,) = listed
    assert (listed[name].payment_id, listed[name].why, more) == (
        "wompi:p1", "unknown_reference", False,
    )  # fmt: skip
    done = desk.manage().match(Match("k1", WHY, name, "a1"), ANA)
    assert done == Done(
        "matched",
        False,
        {
            "payment_id": "wompi:p1",
            "account_id": "a1",
            "currency": "COP",
            "settles": [{"receivable_id": "r1", "component": "principal", "amount_minor": 4000000}],
            "credit_minor": 0,
        },
    )
    assert desk.open() == {"r1": 60_000_00}
    assert desk.unmatched() == {}
    desk.adds_up()


def test_invariant_11_a_match_says_who_and_when_and_why(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.notice("p1", 40_000_00, "unknown")
    name = desk.the_unmatched()
    desk.manage().match(Match("k1", WHY, name, "a1"), ANA)
    (fact,) = desk.facts("matched")
    assert fact == {
        "fact": "matched", "at": "2026-09-07T15:00:00Z", "payment_id": "wompi:p1",
        "amount_minor": 4000000, "currency": "COP", "by": ANA.who, "act": "k1",
    }  # fmt: skip
    (paid,) = desk.facts("paid")
    assert paid["payment_id"] == "wompi:p1"
    kept = desk.world.table.load(f"UNMATCHED#{name}", "UNMATCHED")
    assert kept is not None
    assert (kept["became"], kept["account_id"], kept["by"], kept["note"], kept["act"]) == (
        "matched", "a1", ANA.who, WHY, "k1",
    )  # fmt: skip
    assert kept["settled_at"] == "2026-09-07T15:00:00Z"


def test_a_match_may_name_the_receivable_which_then_goes_first(desk: Desk) -> None:
    desk.owes(receivable("r1", late=30), receivable("r2", late=3))
    desk.notice("p1", 40_000_00)
    desk.manage().match(Match("k1", WHY, desk.the_unmatched(), "a1", "r2"), ANA)
    assert desk.open() == {"r1": 100_000_00, "r2": 60_000_00}
    desk.adds_up()


def test_the_same_match_again_says_what_was_done_and_does_nothing(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.notice("p1", 40_000_00)
    order = Match("k1", WHY, desk.the_unmatched(), "a1")
    first = desk.manage().match(order, ANA)
    before = desk.world.all_items()
    again = desk.manage().match(order, ANA)
    assert (again.again, again.result) == (True, first.result)
    assert desk.world.all_items() == before


def test_money_that_was_settled_is_settled_by_nobody_else(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.owes(receivable("r9"), account_id="a2")
    desk.notice("p1", 40_000_00)
    name = desk.the_unmatched()
    desk.manage().match(Match("k1", WHY, name, "a1"), ANA)
    fault, (problem,) = refusal(lambda: desk.manage().match(Match("k2", WHY, name, "a2"), EVA))
    assert fault == "conflict"
    assert problem.problem == f"it was matched by {ANA.who} on 2026-09-07 at 15:00 UTC"
    assert field_of(lambda: desk.manage().give_back(Return("k3", WHY, name), EVA)) == (
        "conflict", "unmatched_id",
    )  # fmt: skip
    assert desk.open("a2") == {"r9": 100_000_00}


def test_a_key_stands_for_one_act(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.owes(receivable("r9"), account_id="a2")
    desk.notice("p1", 40_000_00)
    name = desk.the_unmatched()
    desk.manage().match(Match("k1", WHY, name, "a1"), ANA)
    for act in (
        lambda: desk.manage().match(Match("k1", WHY, name, "a2"), ANA),
        lambda: desk.manage().give_back(Return("k1", WHY, name), ANA),
    ):
        assert field_of(act) == ("conflict", "key")


def test_a_match_that_nobody_could_place_says_which_field_would_tell(desk: Desk) -> None:
    desk.owes(receivable("r1"), receivable("r2", creditor="boreal"))
    desk.notice("p1", 40_000_00)
    desk.notice("p2", 10_00, currency="USD")
    cop, usd = sorted(desk.unmatched(), key=lambda name: desk.unmatched()[name])
    before = desk.world.all_items()

    fault, (problem,) = refusal(lambda: desk.manage().match(Match("k1", WHY, cop, "a1"), ANA))
    assert (fault, problem.field) == ("wrong", "creditor")
    assert problem.remedy == "name the creditor (andina, boreal) or the receivable"
    fault, (problem,) = refusal(lambda: desk.manage().match(Match("k2", WHY, usd, "a1"), ANA))
    assert (fault, problem.field) == ("wrong", "currency")
    assert problem.problem == "the money is in USD; what is owed there is in COP"
    assert field_of(lambda: desk.manage().match(Match("k3", WHY, cop, "a9"), ANA)) == (
        "not_found", "account_id",
    )  # fmt: skip
    assert field_of(lambda: desk.manage().match(Match("k4", WHY, cop, "a1", "r7"), ANA)) == (
        "not_found", "receivable_id",
    )  # fmt: skip
    assert field_of(lambda: desk.manage().match(Match("k5", WHY, "nobody", "a1"), ANA)) == (
        "not_found", "unmatched_id",
    )  # fmt: skip
    fault, (problem,) = refusal(
        lambda: desk.manage().match(Match("k6", WHY, cop, "a1", creditor="acme"), ANA)
    )
    assert (problem.field, problem.remedy) == ("creditor", "they are: andina, boreal")
    assert desk.world.all_items() == before

    desk.manage().match(Match("k7", WHY, cop, "a1", creditor="boreal"), ANA)
    assert desk.open() == {"r1": 100_000_00, "r2": 60_000_00}
    desk.adds_up()


def test_a_person_may_say_that_money_which_looks_booked_is_other_money(desk: Desk) -> None:
    """L25: the same amount from two sources is doubtful; a person decides."""
    desk.owes(receivable("r1"))
    pay(desk, "k0", 40_000_00)
    desk.notice("p1", 40_000_00, "ref-a1")
    put_pointer_to_account(desk)
    assert desk.notice("p2", 40_000_00, "ref-a1") == "unmatched"
    name = next(n for n, payment in desk.unmatched().items() if payment == "wompi:p2")
    kept = desk.manage().unmatched(10)[0][name]
    assert (kept.why, kept.may_be) == ("seen_before", ("manual:k0",))
    desk.manage().match(Match("k1", WHY, name, "a1"), ANA)
    assert desk.open() == {"r1": 20_000_00}
    desk.adds_up()


def test_a_person_may_say_that_it_is_the_payment_that_was_booked(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    pay(desk, "k0", 40_000_00)
    put_pointer_to_account(desk)
    desk.notice("p2", 40_000_00, "ref-a1")
    order = Match("k1", WHY, desk.the_unmatched(), "a1", same_as="manual:k0")
    done = desk.manage().match(order, ANA)
    assert (done.did, done.result["payment_id"]) == ("matched", "manual:k0")
    assert desk.manage().match(order, ANA).again
    assert desk.open() == {"r1": 60_000_00}
    assert desk.unmatched() == {}
    (fact,) = desk.facts("matched")
    assert (fact["payment_id"], fact["by"]) == ("wompi:p2", ANA.who)
    # Whatever the provider tells of it from now on is about that payment.
    assert desk.notice("p2", 40_000_00, kind="refunded") == "booked"
    assert desk.open() == {"r1": 100_000_00}
    desk.adds_up()


def test_money_of_another_amount_is_not_that_payment(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    pay(desk, "k0", 40_000_00)
    desk.notice("p2", 39_999_99)
    order = Match("k1", WHY, desk.the_unmatched(), "a1", same_as="manual:k0")
    fault, (problem,) = refusal(lambda: desk.manage().match(order, ANA))
    assert (fault, problem.field) == ("wrong", "same_as")
    assert problem.problem == "manual:k0 is of 40000.00 COP, this is of 39999.99 COP"
    missing = replace(order, same_as="manual:k9")
    assert field_of(lambda: desk.manage().match(missing, ANA)) == ("not_found", "same_as")


def put_pointer_to_account(desk: Desk) -> None:
    """A reference that finds the account and no receivable, as a payment link's does."""
    put = desk.world.table.put_document(f"REF#{name_of('ref-a1')}", "REF", {"account_id": "a1"})
    desk.world.table.save(put)


def test_money_that_goes_back_is_off_the_list_and_never_booked(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.notice("p1", 40_000_00, "r1x")
    name = desk.the_unmatched()
    order = Return("k1", "the payer's bank asked for it", name)
    done = desk.manage().give_back(order, ANA)
    assert done == Done(
        "returned", False, {"payment_id": "wompi:p1", "amount_minor": 4000000, "currency": "COP"}
    )
    assert desk.unmatched() == {}
    assert desk.manage().give_back(order, ANA) == replace(done, again=True)
    kept = desk.world.table.load(f"UNMATCHED#{name}", "UNMATCHED")
    assert kept is not None
    assert (kept["became"], kept["by"], kept["note"]) == (
        "returned", ANA.who, "the payer's bank asked for it",
    )  # fmt: skip
    # The provider repeats itself, and its account is known now: the money is gone all the same.
    desk.points("r1x")
    desk.notice("p1", 40_000_00, "r1x")
    assert desk.open() == {"r1": 100_000_00}
    fault, _ = refusal(lambda: desk.manage().match(Match("k2", WHY, name, "a1"), ANA))
    assert fault == "conflict"


def test_a_return_reaches_the_history_and_the_bus(desk: Desk) -> None:
    """It has no account; the record itself carries the fact."""
    desk.notice("p1", 40_000_00)
    name = desk.the_unmatched()
    desk.manage().give_back(Return("k1", WHY, name), ANA)
    told = Events()
    history = History(DynamoDb(), "history")
    images = [image for image in desk.world.dynamo.stream if "facts" in image]
    assert RecordHistory(history, Bus(told, "facts"))(images) == 1
    (fact,) = history.of(f"UNMATCHED#{name}")
    assert (fact["fact"], fact["payment_id"], fact["by"]) == ("returned", "wompi:p1", ANA.who)
    assert [entry["DetailType"] for entry in told.entries] == ["returned"]


def test_money_that_its_source_took_back_is_nobodys_to_settle(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.notice("p1", 40_000_00)
    name = desk.the_unmatched()
    desk.notice("p1", 40_000_00, kind="refunded")
    assert desk.unmatched() == {}
    assert field_of(lambda: desk.manage().match(Match("k1", WHY, name, "a1"), ANA)) == (
        "conflict", "unmatched_id",
    )  # fmt: skip


def test_only_what_is_left_of_money_is_matched(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.notice("p1", 40_000_00)
    desk.notice("p1", 15_000_00, kind="refunded")
    done = desk.manage().match(Match("k1", WHY, desk.the_unmatched(), "a1"), ANA)
    assert done.result["settles"][0]["amount_minor"] == 25_000_00
    assert desk.facts("matched")[0]["amount_minor"] == 25_000_00
    desk.adds_up()


def test_a_long_list_is_shown_from_its_oldest(desk: Desk) -> None:
    for number in range(4):
        desk.world.clock.at = NOW + timedelta(minutes=number)
        desk.notice(f"p{number}", 1_00)
    listed, more = desk.manage().unmatched(3)
    assert [one.payment_id for one in listed.values()] == ["wompi:p0", "wompi:p1", "wompi:p2"]
    assert more
    assert not desk.manage().unmatched(4)[1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_refund_that_comes_while_a_person_matches_is_not_lost(desk: Desk, when: Any) -> None:
    probe = Desk()
    probe.owes(receivable("r1"))
    probe.notice("p1", 40_000_00)
    calls = Faults()
    probe.manage(calls).match(Match("k1", WHY, probe.the_unmatched(), "a1"), ANA)
    desk.owes(receivable("r1"))
    desk.notice("p1", 40_000_00)
    order = Match("k1", WHY, desk.the_unmatched(), "a1")
    at = calls.calls.index("transact_write_items") + 1
    faults = Faults(at, when, lambda: desk.notice("p1", 15_000_00, kind="refunded"))
    desk.manage(faults).match(order, ANA)
    assert faults.happened
    assert desk.open() == {"r1": 75_000_00}
    assert desk.unmatched() == {}
    (kept,) = [i for (pk, _), i in desk.world.all_items().items() if pk.startswith("UNMATCHED#")]
    record = msgspec.json.decode(kept["doc"]["S"])
    assert (record["became"], record["by"], record["act"]) == ("matched", ANA.who, "k1")
    desk.adds_up()


@pytest.mark.parametrize("number", range(1, 8))
def test_two_people_settle_the_same_money_and_one_of_them_does(desk: Desk, number: int) -> None:
    """Whoever comes second between any two calls of the first."""
    desk.owes(receivable("r1"))
    desk.notice("p1", 40_000_00)
    name = desk.the_unmatched()
    ended: list[str] = []

    def other() -> None:
        ended.append(tried(lambda: desk.manage().give_back(Return("k2", WHY, name), EVA)))

    faults = Faults(number, "before", other)
    ended.append(tried(lambda: desk.manage(faults).match(Match("k1", WHY, name, "a1"), ANA)))
    if not faults.happened:
        other()
    assert sorted(ended) in (["conflict", "matched"], ["conflict", "returned"])
    assert desk.open() == {"r1": 100_000_00 if "returned" in ended else 60_000_00}
    assert desk.unmatched() == {}
    desk.adds_up()


# ------------------------------------------------------------------------- money by hand


def pay(desk: Desk, key: str, amount: int, receivable_id: str = "", **more: Any) -> Done:
    order = ManualPayment(key, WHY, "a1", amount, "COP", receivable_id=receivable_id, **more)
    return desk.manage().pay(order, ANA)


def test_a_payment_by_hand_is_booked_with_who_entered_it(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    done = pay(desk, "k1", 130_000_00)
    assert done.result == {
        "payment_id": "manual:k1", "account_id": "a1", "currency": "COP",
        "settles": [{"receivable_id": "r1", "component": "principal", "amount_minor": 10000000}],
        "credit_minor": 3000000,
    }  # fmt: skip
    (fact,) = desk.facts("paid")
    assert fact == {
        "fact": "paid", "at": "2026-09-07T15:00:00Z", "payment_id": "manual:k1",
        "source": "manual", "amount_minor": 13000000, "currency": "COP",
        "paid_at": "2026-09-07T15:00:00Z", "by": ANA.who, "act": "k1",
    }  # fmt: skip
    assert act_of(desk, "k1")["why"] == WHY
    assert WHY not in str(desk.facts("paid"))
    desk.adds_up()


def act_of(desk: Desk, key: str) -> dict[str, Any]:
    found = desk.world.table.load(f"CAUSE#act:{key}", "CAUSE")
    assert found is not None
    return found


def test_the_same_payment_by_hand_again_is_booked_once(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    first = pay(desk, "k1", 40_000_00)
    again = pay(desk, "k1", 40_000_00)
    assert again == replace(first, again=True)
    assert desk.open() == {"r1": 60_000_00}
    with pytest.raises(ActRefusedError):
        pay(desk, "k1", 41_000_00)


def test_the_same_cash_entered_by_two_people_is_asked_about(desk: Desk) -> None:
    """Invariant 5 for people: another key is another payment only if somebody says so."""
    desk.owes(receivable("r1"))
    pay(desk, "k1", 40_000_00)
    fault, (problem,) = refusal(lambda: pay(desk, "k2", 40_000_00))
    assert (fault, problem.field) == ("conflict", "sure")
    assert problem.problem == "this may be money that is booked already: manual:k1"
    assert desk.open() == {"r1": 60_000_00}
    pay(desk, "k2", 40_000_00, sure=True)
    assert desk.open() == {"r1": 20_000_00}
    desk.adds_up()


@pytest.mark.parametrize(("days", "asked"), [(2, True), (3, True), (4, False)])
def test_cash_of_another_day_is_other_money(desk: Desk, days: int, asked: bool) -> None:
    desk.owes(receivable("r1"))
    pay(desk, "k1", 40_000_00, paid_at=NOW - timedelta(days=days))
    if asked:
        assert field_of(lambda: pay(desk, "k2", 40_000_00)) == ("conflict", "sure")
    else:
        pay(desk, "k2", 40_000_00)
        assert desk.open() == {"r1": 20_000_00}


def test_a_payment_by_hand_that_makes_no_sense_is_refused(desk: Desk) -> None:
    desk.owes(receivable("r1"), receivable("r2", creditor="boreal"))
    late = NOW + timedelta(minutes=6)
    assert field_of(lambda: pay(desk, "k1", 0)) == ("wrong", "amount_minor")
    assert field_of(lambda: pay(desk, "k1", -5)) == ("wrong", "amount_minor")
    assert field_of(lambda: pay(desk, "k1", 5, paid_at=late)) == ("wrong", "paid_at")
    assert field_of(lambda: pay(desk, "k1", 5)) == ("wrong", "creditor")
    assert field_of(lambda: pay(desk, "k1", 5, "r7")) == ("not_found", "receivable_id")
    pay(desk, "k1", 5, "r2", paid_at=NOW + timedelta(minutes=4))
    assert desk.open() == {"r1": 100_000_00, "r2": 99_999_95}


def test_money_for_an_account_that_owes_nothing_is_credit_of_the_named_creditor(
    desk: Desk,
) -> None:
    desk.owes()
    assert field_of(lambda: pay(desk, "k1", 5)) == ("wrong", "creditor")
    pay(desk, "k1", 5, creditor="boreal")
    assert desk.credits() == {"boreal|COP": 5}
    desk.adds_up()


def void(desk: Desk, key: str, payment_id: str) -> Done:
    return desk.manage().void(Void(key, WHY, "a1", payment_id), EVA)


def test_a_payment_that_was_entered_by_mistake_is_taken_back_once(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    pay(desk, "k1", 130_000_00)
    done = void(desk, "k2", "manual:k1")
    told = {"payment_id": "manual:k1", "currency": "COP", "amount_minor": 13000000}
    assert done == Done("payment_reversed", False, told)
    assert (desk.open(), desk.credits()) == ({"r1": 100_000_00}, {})
    (fact,) = desk.facts("payment_reversed")
    assert (fact["amount_minor"], fact["by"], fact["act"]) == (13000000, EVA.who, "k2")
    assert act_of(desk, "k2")["why"] == WHY
    assert void(desk, "k2", "manual:k1") == replace(done, again=True)
    assert field_of(lambda: void(desk, "k3", "manual:k1")) == ("conflict", "payment_id")
    desk.adds_up()


def test_what_others_have_told_of_is_not_a_persons_to_take_back(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.notice("p1", 40_000_00, "r1")
    pay(desk, "k1", 10_000_00, "r1")
    desk.notice("p2", 10_000_00, "r1")  # the same money, told by its provider
    assert desk.open() == {"r1": 50_000_00}
    for payment_id in ("wompi:p1", "manual:k1"):
        act = lambda name=payment_id: void(desk, "k2", name)  # noqa: E731
        assert field_of(act) == ("conflict", "payment_id")
    assert field_of(lambda: void(desk, "k2", "manual:k9")) == ("not_found", "payment_id")
    assert desk.open() == {"r1": 50_000_00}


# ------------------------------------------------------------------------- money given up


def waive(
    desk: Desk, key: str, person: Person = ANA, kind: Any = "waiver", receivable_id: str = "r1",
    **amounts: int,
) -> Done:  # fmt: skip
    order = GiveUp(key, WHY, kind, "a1", receivable_id, "COP", amounts)  # type: ignore[arg-type]
    return desk.manage().give_up(order, person)


def test_l16_a_waiver_gives_up_components_and_says_who_did_it(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.bears("r1", interest=9_000_00, fee=4_000_00)
    done = waive(desk, "k1", interest=8_000_00, fee=4_000_00)
    assert done.result == {
        "receivable_id": "r1", "currency": "COP", "open_minor": 101_000_00,
        "amounts_minor": {"interest": 800000, "fee": 400000},
    }  # fmt: skip
    assert sorted((e.component, e.amount_minor) for e in desk.entries("waiver")) == [
        ("fee", -400000), ("interest", -800000),
    ]  # fmt: skip
    (fact,) = desk.facts("waived")
    assert fact == {
        "fact": "waived", "at": "2026-09-07T15:00:00Z", "receivable_id": "r1", "currency": "COP",
        "amounts_minor": {"interest": 800000, "fee": 400000}, "by": ANA.who, "act": "k1",
    }  # fmt: skip
    act = act_of(desk, "k1")
    assert (act["by"], act["role"], act["why"], act["at"]) == (
        ANA.who, "collector", WHY, "2026-09-07T15:00:00Z",
    )  # fmt: skip
    assert desk.world.account().receivables[0].extras == {"interest": 1_000_00}
    desk.adds_up()


def test_a_write_off_settles_what_is_given_up(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    done = waive(desk, "k1", EVA, "write_off", principal=100_000_00)
    assert (done.did, done.result["open_minor"]) == ("written_off", 0)
    assert desk.open() == {}
    assert [e.kind for e in desk.entries("write_off")] == ["write_off"]
    assert len(desk.facts("written_off")) == 1
    desk.adds_up()


@pytest.mark.parametrize(
    ("amount", "person", "allowed"),
    [
        (20_000_00 - 1, ANA, True),
        (20_000_00, ANA, True),
        (20_000_00 + 1, ANA, False),
        (5_000_00, Person("user", ""), True),
        (5_000_00 + 1, Person("user", ""), False),
        (5_000_00 + 1, Person("x", "intern"), False),
        (100_000_00, EVA, True),
    ],
)
def test_a_role_gives_up_no_more_at_once_than_it_may(
    desk: Desk, amount: int, person: Person, allowed: bool
) -> None:
    desk.owes(receivable("r1"))
    if allowed:
        waive(desk, "k1", person, principal=amount)
        assert desk.open().get("r1", 0) == 100_000_00 - amount
    else:
        before = desk.world.all_items()
        fault, (problem,) = refusal(lambda: waive(desk, "k1", person, principal=amount))
        assert (fault, problem.field) == ("not_allowed", "amounts_minor")
        assert desk.world.all_items() == before


def test_whoever_may_not_is_told_who_may(desk: Desk) -> None:
    desk.owes(receivable("r1", open_minor=2_000_000_00))
    _, (problem,) = refusal(lambda: waive(desk, "k1", principal=20_000_01))
    assert (
        problem.problem == "20000.01 COP is more than collector may give up at once (20000.00 COP)"
    )
    assert problem.remedy == "ask supervisor"
    _, (problem,) = refusal(lambda: waive(desk, "k1", EVA, principal=1_000_000_01))
    assert problem.remedy.startswith("nobody may")


def test_components_count_together_against_the_limit(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.bears("r1", interest=15_000_00, fee=15_000_00)
    both = {"interest": 10_000_00, "fee": 10_000_01}
    assert field_of(lambda: waive(desk, "k1", **both)) == ("not_allowed", "amounts_minor")


def test_no_more_is_given_up_than_is_open(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.bears("r1", fee=4_000_00)
    fault, problems = refusal(lambda: waive(desk, "k1", fee=4_000_01, interest=1, principal=0))
    assert fault == "wrong"
    assert [p.field for p in problems] == [
        "amounts_minor.fee", "amounts_minor.interest", "amounts_minor.principal",
    ]  # fmt: skip
    assert problems[0].problem == "4000.00 COP of it is open"
    assert field_of(lambda: waive(desk, "k1")) == ("wrong", "amounts_minor")
    assert field_of(lambda: waive(desk, "k1", receivable_id="r7", fee=1)) == (
        "not_found", "receivable_id",
    )  # fmt: skip
    dollars = GiveUp("k1", WHY, "waiver", "a1", "r1", "USD", {"fee": 1})
    assert field_of(lambda: desk.manage().give_up(dollars, ANA)) == ("wrong", "currency")


def test_a_waiver_is_done_once_by_its_key(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    first = waive(desk, "k1", principal=1_000_00)
    before = desk.world.all_items()
    assert waive(desk, "k1", principal=1_000_00) == replace(first, again=True)
    assert desk.world.all_items() == before
    assert field_of(lambda: waive(desk, "k1", principal=2_000_00)) == ("conflict", "key")
    assert field_of(lambda: waive(desk, "k1", kind="write_off", principal=1_000_00)) == (
        "conflict", "key",
    )  # fmt: skip


def test_a_receivable_beyond_the_twenty_oldest_is_waived_too(desk: Desk) -> None:
    desk.owes(*(receivable(f"r{n:02d}", late=60 - n, open_minor=1_000_00) for n in range(25)))
    waive(desk, "k1", receivable_id="r24", principal=400_00)
    waive(desk, "k2", receivable_id="r00", principal=1_000_00)
    assert sum(desk.open().values()) == 25_000_00 - 1_400_00
    assert desk.open()["r24"] == 600_00
    desk.adds_up()


# ------------------------------------------------------------------------- credit


def credit(desk: Desk, key: str, receivable_id: str = "r2", **more: Any) -> Done:
    order = ApplyCredit(key, WHY, "a1", receivable_id, **more)
    return desk.manage().apply_credit(order, ANA)


def test_an_overpayment_is_kept_as_credit_and_applied_to_what_comes_due(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    pay(desk, "k1", 130_000_00)
    desk.owes(receivable("r2"))
    done = credit(desk, "k2")
    assert done.result == {
        "receivable_id": "r2", "currency": "COP", "amount_minor": 3000000,
        "open_minor": 7000000, "credit_minor": 0,
    }  # fmt: skip
    assert (desk.open(), desk.credits()) == ({"r2": 70_000_00}, {})
    (fact,) = desk.facts("credit_applied")
    assert (fact["receivable_id"], fact["amount_minor"], fact["by"], fact["act"]) == (
        "r2", 3000000, ANA.who, "k2",
    )  # fmt: skip
    desk.adds_up()
    assert credit(desk, "k2").again
    # What was applied goes back with the payment that it was of.
    assert [e.cause for e in desk.entries("payment")] == ["manual:k1"] * 4


def test_so_much_credit_as_is_asked_for_is_applied(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    pay(desk, "k1", 130_000_00)
    desk.owes(receivable("r2"))
    done = credit(desk, "k2", amount_minor=10_000_00)
    assert (done.result["open_minor"], done.result["credit_minor"]) == (90_000_00, 20_000_00)
    for wrong in (0, -1, 20_000_01):
        act = lambda amount=wrong: credit(desk, "k3", amount_minor=amount)  # noqa: E731
        assert field_of(act) == ("wrong", "amount_minor")
    credit(desk, "k3", amount_minor=20_000_00)
    assert (desk.open(), desk.credits()) == ({"r2": 70_000_00}, {})
    desk.adds_up()


def test_credit_of_several_payments_goes_the_oldest_first(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    pay(desk, "k1", 110_000_00, paid_at=NOW - timedelta(days=9))
    pay(desk, "k2", 5_000_00, creditor="andina")
    desk.owes(receivable("r2"))
    credit(desk, "k3", amount_minor=12_000_00)
    left = {
        p.payment_id: sum(part.amount_minor for part in p.parts if not part.receivable_id)
        for p in desk.world.table.payments("a1")
    }
    assert left == {"manual:k1": 0, "manual:k2": 3_000_00}
    credit(desk, "k4", payment_id="manual:k2")
    assert desk.credits() == {}
    desk.adds_up()


def test_credit_settles_nothing_of_another_creditor_or_currency(desk: Desk) -> None:
    """E1: nothing is converted, and nobody pays another's debt."""
    desk.owes(receivable("r1"))
    pay(desk, "k1", 130_000_00)
    desk.owes(receivable("r2", creditor="boreal"), receivable("r3", currency="USD"))
    assert field_of(lambda: credit(desk, "k2", "r2")) == ("wrong", "receivable_id")
    assert field_of(lambda: credit(desk, "k2", "r3")) == ("wrong", "receivable_id")
    assert field_of(lambda: credit(desk, "k2", "r1")) == ("not_found", "receivable_id")
    desk.owes(receivable("r4"))
    assert field_of(lambda: credit(desk, "k2", "r4", payment_id="x")) == ("wrong", "payment_id")
    assert desk.credits() == {"andina|COP": 30_000_00}


def test_credit_of_more_payments_than_one_act_holds_is_applied_in_acts(desk: Desk) -> None:
    desk.owes()
    for number in range(15):
        pay(desk, f"k{number:02d}", 1_000_00 + number, creditor="andina")
    desk.owes(*(receivable(f"r{n:02d}", late=60 - n) for n in range(22)))
    done = credit(desk, "c1", "r21")
    assert done.result["amount_minor"] == sum(1_000_00 + n for n in range(12))
    assert credit(desk, "c2", "r21").result["credit_minor"] == 0
    desk.adds_up()


# ------------------------------------------------------------------------- reversals


def reverse(desk: Desk, key: str, payment_id: str, receivable_id: str = "r1") -> Done:
    order = ReverseAllocation(key, WHY, "a1", payment_id, receivable_id)
    return desk.manage().reverse(order, ANA)


def test_an_allocation_that_is_reversed_is_credit_and_the_receivable_open(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.bears("r1", interest=9_000_00)
    pay(desk, "k1", 50_000_00)
    done = reverse(desk, "k2", "manual:k1")
    assert done.result == {
        "payment_id": "manual:k1", "receivable_id": "r1", "currency": "COP",
        "amount_minor": 5000000, "open_minor": 10900000, "credit_minor": 5000000,
    }  # fmt: skip
    assert (desk.open(), desk.credits()) == ({"r1": 109_000_00}, {"andina|COP": 50_000_00})
    assert desk.world.account().receivables[0].extras == {"interest": 9_000_00}
    assert sorted((e.component, e.amount_minor) for e in desk.entries("reversal")) == [
        ("interest", 900000), ("principal", 4100000),
    ]  # fmt: skip
    (fact,) = desk.facts("allocation_reversed")
    assert (fact["payment_id"], fact["amount_minor"], fact["by"]) == (
        "manual:k1", 5000000, ANA.who,
    )  # fmt: skip
    desk.adds_up()


def test_a_settled_receivable_opens_again_and_may_be_settled_with_the_credit(desk: Desk) -> None:
    desk.owes(receivable("r1"), receivable("r2", late=1))
    pay(desk, "k1", 100_000_00, "r1")
    reverse(desk, "k2", "manual:k1")
    assert desk.open() == {"r1": 100_000_00, "r2": 100_000_00}
    credit(desk, "k3", "r2")
    assert desk.open() == {"r1": 100_000_00}
    reverse(desk, "k4", "manual:k1", "r2")
    credit(desk, "k5", "r1")
    assert desk.open() == {"r2": 100_000_00}
    desk.adds_up()


def test_only_what_the_payment_settles_can_be_reversed(desk: Desk) -> None:
    desk.owes(receivable("r1"), receivable("r2", late=1))
    pay(desk, "k1", 40_000_00, "r1")
    assert field_of(lambda: reverse(desk, "k2", "manual:k1", "r2")) == ("wrong", "receivable_id")
    assert field_of(lambda: reverse(desk, "k2", "manual:k9")) == ("not_found", "payment_id")
    first = reverse(desk, "k2", "manual:k1")
    assert reverse(desk, "k2", "manual:k1") == replace(first, again=True)
    assert field_of(lambda: reverse(desk, "k3", "manual:k1")) == ("wrong", "receivable_id")
    desk.adds_up()


def test_a_payment_that_goes_back_after_a_reversal_takes_its_credit(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    desk.notice("p1", 40_000_00, "r1")
    reverse(desk, "k1", "wompi:p1")
    desk.notice("p1", 40_000_00, kind="refunded")
    assert (desk.open(), desk.credits()) == ({"r1": 100_000_00}, {})
    desk.adds_up()


def test_a_reversal_beyond_the_twenty_oldest(desk: Desk) -> None:
    desk.owes(*(receivable(f"r{n:02d}", late=60 - n, open_minor=1_000_00) for n in range(25)))
    pay(desk, "k1", 1_000_00, "r24")
    pay(desk, "k2", 1_000_00, "r00", sure=True)
    reverse(desk, "k3", "manual:k2", "r00")
    reverse(desk, "k4", "manual:k1", "r24")
    assert sum(desk.open().values()) == 25_000_00
    assert desk.credits() == {"andina|COP": 2_000_00}
    desk.adds_up()


def test_what_was_booked_in_part_is_finished_before_an_act(desk: Desk) -> None:
    """A payment over more receivables than a transaction holds, cut short, is spread first."""
    desk.owes(*(receivable(f"r{n:03d}", late=200 - n, open_minor=10_00) for n in range(60)))
    probe = Desk()
    probe.owes(*(receivable(f"r{n:03d}", late=200 - n, open_minor=10_00) for n in range(60)))
    calls = Faults()
    probe.manage(calls).pay(ManualPayment("k1", WHY, "a1", 590_00, "COP"), ANA)
    first = calls.calls.index("transact_write_items") + 1
    with pytest.raises(Crash):
        desk.manage(Faults(first, "after")).pay(ManualPayment("k1", WHY, "a1", 590_00, "COP"), ANA)
    assert desk.world.account().spreading == ("manual:k1",)
    assert desk.credits() == {"andina|COP": 590_00}
    waive(desk, "k2", receivable_id="r059", principal=4_00)
    assert (desk.open(), desk.credits()) == ({"r059": 6_00}, {})
    assert desk.world.account().spreading == ()
    desk.adds_up()


# ------------------------------------------------------------------------- crashes, races, orders

ACTS: dict[str, Callable[[ManagePayments], Done]] = {
    "pay": lambda m: m.pay(ManualPayment("k", WHY, "a1", 30_000_00, "COP", creditor="andina"), ANA),
    "void": lambda m: m.void(Void("k", WHY, "a1", "manual:k0"), ANA),
    "waive": lambda m: m.give_up(
        GiveUp("k", WHY, "waiver", "a1", "r1", "COP", {"interest": 1_000_00, "fee": 500_00}), ANA
    ),
    "credit": lambda m: m.apply_credit(ApplyCredit("k", WHY, "a1", "r2"), ANA),
    "reverse": lambda m: m.reverse(ReverseAllocation("k", WHY, "a1", "manual:k0", "r1"), ANA),
    "match": lambda m: m.match(Match("k", WHY, MATCHED, "a1", creditor="andina"), ANA),
    "return": lambda m: m.give_back(Return("k", WHY, MATCHED), ANA),
}
MATCHED = name_of("wompi:p1")


def ground() -> Desk:
    """Interest and fees, credit, something to match: whatever any of the acts needs."""
    desk = Desk()
    desk.owes(receivable("r1", late=9))
    pay(desk, "k0", 20_000_00, "r1", paid_at=NOW - timedelta(days=20))
    desk.bears("r1", interest=9_000_00, fee=4_000_00)
    paid_too_much = ManualPayment("k00", WHY, "a1", 7_000_00, "COP", NOW - timedelta(days=20))
    desk.owes(receivable("r2", late=5, creditor="boreal"))
    desk.manage().pay(replace(paid_too_much, creditor="boreal", receivable_id="r2"), ANA)
    reverse(desk, "k000", "manual:k00", "r2")
    desk.notice("p1", 12_000_00, "nobody")
    return desk


def ledger_of(desk: Desk) -> Any:
    """What the acts leave behind, but for when things were read."""
    entries = {e.entry_id: e for e in desk.entries()}
    record = desk.world.table.load(f"UNMATCHED#{MATCHED}", "UNMATCHED")
    return desk.open(), desk.credits(), entries, desk.world.account(), record


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_invariant_5_a_crash_at_any_call_and_the_act_again_does_it_once(
    act: str, when: Any
) -> None:
    whole_one, calls = ground(), Faults()
    assert not ACTS[act](whole_one.manage(calls)).again
    expected = ledger_of(whole_one)
    assert "transact_write_items" in calls.calls
    for number in range(1, len(calls.calls) + 1):
        desk = ground()
        with pytest.raises(Crash):
            ACTS[act](desk.manage(Faults(number, when)))
        ACTS[act](desk.manage())
        assert ledger_of(desk) == expected, (number, calls.calls)
        desk.adds_up()
        assert ACTS[act](desk.manage()).again


@pytest.mark.parametrize("number", range(1, 9))
def test_the_same_act_twice_at_once_is_done_once(number: int) -> None:
    order = GiveUp("k", WHY, "waiver", "a1", "r1", "COP", {"interest": 1_000_00})
    desk = ground()
    faults = Faults(number, "before", lambda: desk.manage().give_up(order, ANA))
    done = desk.manage(faults).give_up(order, ANA)
    if faults.happened:
        assert done.again
    assert desk.open()["r1"] == 93_000_00 - 1_000_00
    assert len(desk.facts("waived")) == 1
    desk.adds_up()


@pytest.mark.parametrize("number", range(1, 9))
def test_a_payment_that_comes_between_is_seen_by_the_act(number: int) -> None:
    order = GiveUp("k", WHY, "waiver", "a1", "r1", "COP", {"interest": 1_000_00})
    desk = ground()
    faults = Faults(number, "before", lambda: desk.notice("p9", 2_000_00, "r1"))
    # The payment may have settled the interest meanwhile.
    assert tried(lambda: desk.manage(faults).give_up(order, ANA)) in ("waived", "wrong")
    desk.adds_up()


STEPS = ("pay", "void", "waive", "credit", "reverse", "notice", "refund", "match", "return")
AMOUNTS = (1, 10_00, 55_00, 170_00)
SETTLED = st.tuples(st.sampled_from(STEPS), st.sampled_from(AMOUNTS), st.integers(0, 2))


def step(desk: Desk, number: int, name: str, amount: int, which: int) -> object:
    """One act or notice."""
    key, manage, receivable_id = f"k{number}", desk.manage(), f"r{which}"
    if name == "notice":
        return desk.notice(f"p{number}", amount, "nobody")
    if name == "refund":
        return desk.notice(f"p{number - 1}", amount, kind="refunded")
    if name == "pay":
        order = ManualPayment(key, WHY, "a1", amount, "COP", creditor="andina", sure=True)
        return manage.pay(order, ANA)
    if name == "void":
        return manage.void(Void(key, WHY, "a1", f"manual:k{which}"), EVA)
    if name == "waive":
        given_up = GiveUp(key, WHY, "waiver", "a1", receivable_id, "COP", {"principal": amount})
        return manage.give_up(given_up, EVA)
    if name == "credit":
        return manage.apply_credit(ApplyCredit(key, WHY, "a1", receivable_id), ANA)
    if name == "reverse":
        payments = [p.payment_id for p in desk.world.table.payments("a1")] or ["none"]
        payment_id = payments[number % len(payments)]
        return manage.reverse(ReverseAllocation(key, WHY, "a1", payment_id, receivable_id), ANA)
    listed = next(iter(desk.unmatched()), "none")
    if name == "match":
        return manage.match(Match(key, WHY, listed, "a1", creditor="andina"), ANA)
    return manage.give_back(Return(key, WHY, listed), ANA)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SETTLED, min_size=1, max_size=14))
def test_invariant_4_whatever_people_do_in_whatever_order_it_adds_up(
    steps: list[tuple[str, int, int]],
) -> None:
    """Nothing lost, nothing twice; each act is sent twice, and no entry ever changes."""
    desk = Desk()
    desk.owes(*(receivable(f"r{n}", late=20 - n, open_minor=50_00) for n in range(3)))
    desk.bears("r0", interest=7_00, fee=3_00)
    before: dict[str, LedgerEntry] = {}
    for number, (name, amount, which) in enumerate(steps):
        for _ in range(2):
            with suppress(ActRefusedError):
                step(desk, number, name, amount, which)
            desk.adds_up()
        after = {e.entry_id: e for e in desk.entries()}
        assert after.items() >= before.items()
        before = after


def test_invariant_12_no_fact_carries_the_reason_or_a_name(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    pay(desk, "k1", 40_000_00)
    waive(desk, "k2", principal=1_00)
    reverse(desk, "k3", "manual:k1")
    told = [image["facts"]["S"] for image in desk.world.dynamo.stream if "facts" in image]
    assert WHY not in "".join(told)
    assert "Gómez" not in "".join(told)


def test_a_rulebook_that_is_not_there_lets_nobody_give_up_anything(desk: Desk) -> None:
    desk.owes(receivable("r1"))
    manage = ManagePayments(desk.world.table, desk.world.clock, name_of, lambda _="": None)
    order = GiveUp("k1", WHY, "waiver", "a1", "r1", "COP", {"principal": 1})
    assert field_of(lambda: manage.give_up(order, EVA)) == ("not_allowed", "amounts_minor")


def test_an_account_that_keeps_moving_is_tried_again_by_its_key(desk: Desk) -> None:
    desk.owes(receivable("r1"))

    class Restless(Table):
        def update(self, change: Any, *more: Any) -> Stored:
            stored = self.get("a1")
            assert stored is not None
            desk.world.put(stored.account)
            return super().update(change, *more)

    table = Restless(desk.world.dynamo, TABLE, 1, pause=lambda _: None)
    manage = ManagePayments(table, desk.world.clock, name_of, lambda _="": RULES)
    order = GiveUp("k1", WHY, "waiver", "a1", "r1", "COP", {"principal": 1})
    fault, (problem,) = refusal(lambda: manage.give_up(order, EVA))
    assert (fault, problem.remedy) == ("conflict", "send it again with the same key, k1")
    assert desk.open() == {"r1": 100_000_00}


def test_there_is_no_such_account(desk: Desk) -> None:
    for act in (
        lambda: waive(desk, "k1", principal=1),
        lambda: pay(desk, "k1", 1),
        lambda: credit(desk, "k1"),
        lambda: reverse(desk, "k1", "x"),
    ):
        assert field_of(act) == ("not_found", "account_id")
