"""What a source states of a balance that something was agreed on, or given up of."""

from datetime import date, timedelta

from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.offers import Terms
from escalon.domain.identity import account_id_of
from escalon.usecases.agreements.manage_agreements import Debt
from escalon.usecases.operators.acts import GiveUp, Person
from tests.doubles.payments import check_books
from tests.usecases.agreeing import AGENT, PESOS, PHONE, Agreeing
from tests.usecases.test_import_receivables import KEY, Inbox, row

ANA = account_id_of(KEY, "900")
MANAGER = Person("arn:manager", "manager")


class Statements(Inbox):
    """Ana owes 300,000 pesos, as her creditor's file says."""

    def __init__(self) -> None:
        super().__init__("changes")
        self.world = Agreeing()
        self.documents = type(self.documents)(self.world.s3, "bucket")
        self.documents.put("mappings/erp.yaml", self.mapping())
        self.states("300000")

    @staticmethod
    def mapping() -> bytes:
        return Inbox("changes").documents.get("mappings/erp.yaml")

    def states(self, open_: str) -> None:
        """The file says that so much is open."""
        self.take(row("900", "F1", "300000", open_=open_, issued="2026-07-01", due="2026-08-20"))

    def agree(self, terms: Terms) -> None:
        assert isinstance(self.world, Agreeing)
        self.world.manage().promise("k1", Debt(ANA), terms, PHONE, AGENT)

    def agreement(self) -> Agreement:
        return self.world.account(ANA).agreements[0]

    def give_up(self, pesos: int, key: str = "act") -> None:
        assert isinstance(self.world, Agreeing)
        amounts = {"principal": pesos * PESOS}
        order = GiveUp(key, "agreed", "waiver", ANA, "F1", "COP", amounts)
        self.world.manage_payments().give_up(order, MANAGER)


def test_what_was_paid_at_the_creditor_counts_for_the_plan() -> None:
    desk = Statements()
    desk.agree(Terms("plan", date(2026, 9, 15), 3))
    desk.states("200000")
    agreement = desk.agreement()
    assert [(m.cause, m.amount_minor) for m in agreement.moved] == [("stated:F1", 100_000 * PESOS)]
    assert agreement.seen[0] == "kept"
    desk.states("150000")
    assert sum(m.amount_minor for m in desk.agreement().moved) == 150_000 * PESOS
    desk.states("0")
    assert desk.agreement().state == "fulfilled"
    check_books(desk.world, ANA)


def test_what_the_creditor_takes_back_is_taken_back() -> None:
    """L14"""
    desk = Statements()
    desk.agree(Terms("promise", date(2026, 9, 15)))
    desk.states("0")
    assert desk.agreement().state == "fulfilled"
    desk.states("300000")
    assert desk.agreement().state == "active"
    check_books(desk.world, ANA)


def test_a_file_that_comes_after_an_offer_has_expired_closes_the_task_to_approve_it() -> None:
    desk = Statements()
    desk.agree(Terms("plan", date(2026, 9, 14), 20))  # a supervisor's to approve
    listed = desk.world.table.listed
    assert [task["kind"] for task in listed("tasks")] == ["approve_agreement"]
    desk.world.clock.at += timedelta(days=8)
    desk.states("200000")
    assert desk.agreement().state == "expired"
    assert list(listed("tasks")) == []
    (task,) = desk.world.tasks()
    assert (task["outcome"], task["closed_by"]) == ("done", "engine")


def test_the_same_file_again_settles_nothing_twice() -> None:
    desk = Statements()
    desk.agree(Terms("plan", date(2026, 9, 15), 3))
    desk.states("200000")
    before = desk.dump()
    desk.states("200000")
    assert desk.dump() == before


def test_what_was_given_up_is_not_owed_again_because_the_source_does_not_know_of_it() -> None:
    desk = Statements()
    desk.give_up(50_000)
    assert desk.open() == {"F1": 250_000 * PESOS}
    desk.states("290000")  # ten thousand were paid there, and nobody told them of the waiver
    assert desk.open() == {"F1": 240_000 * PESOS}
    desk.states("280000")
    assert desk.open() == {"F1": 230_000 * PESOS}
    check_books(desk.world, ANA)


def test_a_source_that_states_no_more_than_is_open_knows_what_was_given_up() -> None:
    desk = Statements()
    desk.give_up(50_000)
    desk.states("250000")
    assert desk.open() == {"F1": 250_000 * PESOS}
    desk.states("200000")
    assert desk.open() == {"F1": 200_000 * PESOS}
    check_books(desk.world, ANA)


def test_a_discount_that_is_forfeited_again_is_owed_again_whatever_was_stated() -> None:
    desk = Statements()
    terms = Terms("settlement", date(2026, 9, 15), discount={"principal": 60_000 * PESOS})
    desk.agree(terms)
    desk.states("60000")  # 240,000 were paid there
    assert (desk.agreement().state, desk.open()) == ("fulfilled", {})
    desk.states("300000")  # and have bounced there
    assert desk.agreement().state == "active"
    assert desk.open() == {"F1": 300_000 * PESOS}
    check_books(desk.world, ANA)
