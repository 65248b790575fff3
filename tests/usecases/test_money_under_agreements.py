"""What money does to an account that has agreed on something: where it goes, what "settles in full"
is worth, credit that meets a debt, and who replaces what (L14, L15)."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.adapters.table import Table
from escalon.domain.account import Hold, Receivable
from escalon.domain.agreements.agreed import resting
from escalon.domain.agreements.offers import Terms
from escalon.domain.rules.rulebook import Allocation, PlanInterest
from escalon.domain.storage import Change
from escalon.usecases.agreements.manage_agreements import (
    DEBTOR,
    AgreementRefusedError,
    Debt,
    Done,
    Evidence,
)
from escalon.usecases.operators.acts import (
    ActRefusedError,
    ApplyCredit,
    GiveUp,
    Person,
    ReverseAllocation,
)
from escalon.usecases.payments.book_payments import settle_with_credit
from tests.doubles.crashing import Crash, Crashing, Faults
from tests.doubles.payments import check_books, owed
from tests.doubles.world import NOW, TABLE, OneRulebook, receivable
from tests.usecases.agreeing import AGENT, DEBT, PESOS, PHONE, SUPERVISOR, Agreeing, rules

DAY = timedelta(days=1)
ANA = Person("arn:ana", "manager")


def september(day: int) -> date:
    return date(2026, 9, day)


def hold(world: Agreeing, receivable_id: str, days: int = 40) -> None:
    """A dispute about one debt, from today on."""
    stored = world.table.get("a1")
    assert stored is not None
    dispute = Hold("h1", "dispute", world.today, world.today + days * DAY, receivable_id)
    world.table.update(Change(stored, replace(stored.account, holds=(dispute,)), NOW, ()))


# ---------------------------------------------------------------- where an instalment's money goes


def three_debts() -> Agreeing:
    """An older debt of 400,000 pesos, and two of 50,000 and 250,000 under a plan of three."""
    world = Agreeing()
    world.owe(
        receivable("r0", late=60, open_minor=400_000 * PESOS),
        receivable("r1", late=20, open_minor=50_000 * PESOS),
        receivable("r2", late=15, open_minor=250_000 * PESOS),
    )
    debt = Debt("a1", receivables=("r1", "r2"))
    world.manage().promise("k1", debt, Terms("plan", september(15), 3), PHONE, AGENT)
    return world


@pytest.mark.parametrize("disputed", [True, False])
def test_a_transfer_that_names_nothing_keeps_the_instalment_that_is_due(disputed: bool) -> None:
    """L14"""
    world = three_debts()
    if disputed:
        hold(world, "r0")
    world.pays(100_000 * PESOS, september(15))
    assert owed(world) == {"r0": 400_000 * PESOS, "r2": 200_000 * PESOS}
    assert world.stands().instalments[0].state == "kept"
    world.until(september(25))
    assert world.agreement().state == "active"
    check_books(world)


def test_a_transfer_told_of_when_the_plan_has_broken_keeps_it_if_it_was_there_in_time() -> None:
    world = three_debts()
    world.until(september(25))
    assert world.agreement().state == "broken"
    world.pays(100_000 * PESOS, september(18))
    assert world.agreement().state == "active"
    assert owed(world) == {"r0": 400_000 * PESOS, "r2": 200_000 * PESOS}
    world.bounces()
    assert owed(world)["r1"] == 50_000 * PESOS  # just what it had settled
    check_books(world)


# ------------------------------------------------------------------------------ settled in full


def offered(world: Agreeing, terms: Terms, key: str = "k1") -> str:
    return world.manage().agree(key, DEBT, terms, AGENT).agreement.agreement_id


def settled_after(gap_days: int, part_minor: int, late: int = 15) -> Agreeing:
    """Offered on the 7th, paid in part and accepted so many days later, and paid to the end."""
    world = Agreeing(interest=True)
    world.owe(receivable("r1", late=late, open_minor=30_000_000 * PESOS))
    agreement_id = offered(world, Terms("plan", september(20), 3))
    world.until(september(7) + gap_days * DAY)
    if part_minor:
        world.pays(part_minor, payment="P0")
    world.manage().accept("k2", "a1", agreement_id, PHONE)
    left = world.stands().left_minor
    world.pays(left, september(14), payment="P9")
    return world


def test_what_settles_in_full_leaves_nothing_open_though_a_part_was_paid_before() -> None:
    """The part settles interest of the days since the offer, which the debtor was not told of."""
    world = settled_after(5, 5_000_000 * PESOS)
    agreement = world.agreement()
    assert (agreement.state, agreement.settles_in_full) == ("fulfilled", True)
    assert agreement.beside_minor == 91_730_87
    assert (world.open_minor(), world.account().credits) == (0, {})
    assert world.stands().paid_minor == agreement.total_minor  # and not a peso more was asked for
    check_books(world)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 6), st.sampled_from([0, 1, 50_000, 20_000_000]), st.sampled_from([-3, 5, 40]))
def test_whenever_it_is_accepted_what_settles_in_full_does(
    gap_days: int, part: int, late: int
) -> None:
    world = settled_after(gap_days, part * PESOS, late)
    assert world.agreement().state == "fulfilled"
    assert (world.open_minor(), world.account().credits) == (0, {})
    check_books(world)


def test_what_was_paid_of_interest_that_a_break_had_brought_is_given_up_if_it_never_broke() -> None:
    world = Agreeing(interest=True)
    world.owe(receivable("r1", late=15, open_minor=300_000 * PESOS))
    world.agrees(Terms("plan", september(18), 2))
    first, second = world.agreement().instalments
    world.until(september(26))
    assert world.agreement().state == "broken"
    world.pays(10_000 * PESOS, september(26), payment="P0")  # some of it settles interest
    world.pays(first.amount_minor, september(18), payment="P1")
    assert world.agreement().state == "active"
    world.pays(second.amount_minor - 10_000 * PESOS, september(28), payment="P2")
    assert (world.agreement().state, world.open_minor()) == ("fulfilled", 0)
    assert world.agreement().beside_minor > 0
    world.bounces("P2")
    # What was given up is owed again: the instalment, and what the interest had kept open.
    owed_again = second.amount_minor - 10_000 * PESOS + world.agreement().beside_minor
    assert world.open_minor() == owed_again
    check_books(world)


def test_an_offer_charges_the_interest_that_it_speaks_of_and_none_twice() -> None:
    world = Agreeing(interest=True)
    world.owe(receivable("r1", late=15, open_minor=300_000 * PESOS))
    agreement_id = offered(world, Terms("plan", september(20), 3))
    debt = world.agreement().debts["r1"]
    assert world.account().receivables[0].extras == {"interest": debt["interest"]}
    world.until(september(10))
    world.manage().accept("k2", "a1", agreement_id, PHONE)
    assert world.account().receivables[0].extras == {"interest": debt["interest"]}
    assert world.agreement().beside_minor == 0


def test_days_whose_interest_was_paid_before_a_plan_bear_nothing_again_once_it_breaks() -> None:
    """A part settles interest of the days since the offer; then the plan's days are charged."""
    world = Agreeing(interest=True)
    world.owe(receivable("r1", late=15, open_minor=300_000 * PESOS))
    agreement_id = offered(world, Terms("plan", september(20), 2))
    world.until(september(12))
    world.pays(10_000 * PESOS, payment="P0")
    world.manage().accept("k2", "a1", agreement_id, PHONE)
    world.until(september(26))
    assert world.agreement().state == "broken"
    world.pays(1_000 * PESOS, september(27), payment="P1")
    control = Agreeing(interest=True)
    control.owe(receivable("r1", late=15, open_minor=300_000 * PESOS))
    control.pays(10_000 * PESOS, september(12), payment="P0")
    control.pays(1_000 * PESOS, september(27), payment="P1")
    # 19 pesos less, since the days after the offer bear on what the part had left.
    assert (charged(world), charged(control)) == (6_343_72, 6_363_08)
    check_books(world)


def charged(world: Agreeing) -> int:
    return sum(e.amount_minor for e in world.table.entries("a1") if e.kind == "interest")


# --------------------------------------------------------- a payment of an older agreement goes


def kept_promise_and_plan() -> Agreeing:
    """A promise of 400,000 pesos that was kept, a plan for the other 600,000; then the money of the
    promise goes."""
    world = Agreeing()
    world.owe(receivable("r1", late=20, open_minor=1_000_000 * PESOS))
    world.agrees(Terms("promise", september(8), amount_minor=400_000 * PESOS))
    world.pays(400_000 * PESOS, payment="P1")
    world.clock.at += timedelta(hours=1)
    world.agrees(Terms("plan", september(14), 2))
    world.until(september(10))
    world.bounces("P1")
    return world


def test_a_promise_that_was_kept_before_a_plan_asks_for_nothing_again() -> None:
    world = kept_promise_and_plan()
    assert [one.state for one in world.account().agreements] == ["fulfilled", "active"]
    assert (world.open_minor(), world.stands().payoff_minor) == (1_000_000 * PESOS, 600_000 * PESOS)
    world.pays(1_000_000 * PESOS, payment="P2")
    assert [one.state for one in world.account().agreements] == ["fulfilled", "fulfilled"]
    assert (world.open_minor(), world.account().credits) == (0, {})
    check_books(world)


def test_what_went_of_a_promise_is_owed_beside_the_plan_and_asked_for_after_it() -> None:
    world = kept_promise_and_plan()
    world.pays(600_000 * PESOS, payment="P2")
    assert [one.state for one in world.account().agreements] == ["fulfilled", "fulfilled"]
    assert (world.open_minor(), resting(world.account().agreements)) == (400_000 * PESOS, {})
    world.pays(400_000 * PESOS, payment="P3")
    assert (world.open_minor(), world.account().credits) == (0, {})
    check_books(world)


# ----------------------------------------------------------- renegotiating what bears interest


def ten_millions() -> Agreeing:
    """10,000,000 pesos and default interest of 91,730.86; plans bear 18 % a year."""
    book = rules(interest=True)
    bears = PlanInterest(180_000, "usura", ("COP",))
    offers = tuple(
        replace(one, interest=bears) if one.offer == "plan" else one
        for one in book.agreements.offers
    )
    world = Agreeing(interest=True)
    dear = replace(book, agreements=replace(book.agreements, offers=offers), version="18 %")
    world.rulebooks = OneRulebook(dear)
    world.owe(receivable("r1", late=15, open_minor=10_000_000 * PESOS))
    return world


def plan_of_four() -> Agreeing:
    """All of it in four instalments."""
    world = ten_millions()
    world.agrees(Terms("plan", september(20), 4))
    return world


def goes_to(world: Agreeing, day: date) -> None:
    """One run, on the morning of that day."""
    if day > world.today:
        world.run(world.clock.at + (day - world.today))


def paid_when_due(world: Agreeing, name: str, through: date = date.max) -> None:
    for number, one in enumerate(world.agreement().instalments):
        if one.due_on <= through:
            goes_to(world, one.due_on)
            world.pays(one.amount_minor, one.due_on, payment=f"{name}{number}")


def test_who_renegotiates_owes_the_interest_of_the_days_so_far() -> None:
    """Five days of the second period, 20 September to 20 October, on 7,560,397.66 pesos."""
    world = plan_of_four()
    old = world.agreement().agreement_id
    paid_when_due(world, "P", september(20))
    assert world.open_minor() == 7_560_397_66
    goes_to(world, september(25))
    assert world.open_minor() == 7_560_397_66 + 103_553_86  # all of the period
    world.agrees(Terms("plan", september(30), 3), replaces=old)
    owed_now = 7_560_397_66 + 17_161_29
    assert sum(world.agreement().debt.values()) == world.open_minor() == owed_now
    assert world.account().receivables[0].accrued_through == september(25)
    paid_when_due(world, "Q")
    assert world.agreement().state == "fulfilled"
    assert (world.open_minor(), world.account().credits) == (0, {})
    check_books(world)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 50), st.integers(2, 4))
def test_whatever_the_day_of_a_renegotiation_what_was_agreed_settles_all(
    after: int, count: int
) -> None:
    world = plan_of_four()
    old = world.agreement().agreement_id
    day = september(7) + after * DAY
    paid_when_due(world, "P", day)
    goes_to(world, day)
    offer = world.manage().offers(DEBT, replaces=old)
    world.agrees(Terms("plan", day + 3 * DAY, count), replaces=old)
    new = world.agreement()
    assert offer.debts == new.debts  # what was shown
    assert sum(new.debt.values()) == world.open_minor()
    paid_when_due(world, "Q")
    assert world.agreement().state == "fulfilled"
    assert (world.open_minor(), world.account().credits) == (0, {})
    check_books(world)


def test_interest_that_was_paid_between_the_offer_and_its_acceptance_is_not_asked_for_twice() -> (
    None
):
    """The instalment of 20 October settles two days of interest that the offer leaves out."""
    world = plan_of_four()
    old = world.agreement().agreement_id
    paid_when_due(world, "P", september(20))
    goes_to(world, date(2026, 10, 18))
    terms = Terms("plan", date(2026, 10, 28), 2)
    made = world.manage().agree("k1", DEBT, terms, AGENT, replaces=old).agreement
    world.pays(world.agreement(0).instalments[1].amount_minor, date(2026, 10, 20), payment="P1")
    goes_to(world, date(2026, 10, 21))
    world.manage().accept("k2", "a1", made.agreement_id, PHONE)
    assert world.agreement().beside_minor == 6_947_50
    world.pays(world.stands().payoff_minor, world.today, payment="Q")
    assert world.agreement().state == "fulfilled"
    assert (world.open_minor(), world.account().credits) == (0, {})
    check_books(world)


def test_days_whose_interest_an_agreement_bore_bear_no_default_interest_once_it_is_cancelled() -> (
    None
):
    """L16. Those of the first period, and five of the second."""
    world = plan_of_four()
    paid_when_due(world, "P", september(20))
    goes_to(world, september(25))
    agreement_id = world.agreement().agreement_id
    world.manage().cancel("k2", "a1", agreement_id, SUPERVISOR, why="asked to")
    (debt,) = world.account().receivables
    assert debt.open_minor == 7_560_397_66 + 17_161_29
    assert debt.accrued_through == september(25)
    check_books(world)


def test_what_was_paid_of_days_that_a_plan_bears_is_taken_from_those_after_it() -> None:
    """Default interest of the five days from the offer on was paid before it was accepted."""
    world = ten_millions()
    agreement_id = offered(world, Terms("plan", september(20), 4))
    goes_to(world, september(12))
    world.pays(500_000 * PESOS, payment="P0")
    world.manage().accept("k2", "a1", agreement_id, PHONE)
    assert world.agreement().beside_minor == 30_576_96
    goes_to(world, september(18))
    world.manage().cancel("k3", "a1", agreement_id, SUPERVISOR, why="asked to")
    (debt,) = world.account().receivables
    assert (debt.accrued_through, debt.accrued_rest) == (september(18), -30_576_96_000_000)
    before = charged(world)
    goes_to(world, september(23))
    world.pays(1_000 * PESOS, payment="P1")
    # Five days on the principal that is left bear 29,422.08: of the plan's interest the rest is
    # given back.
    assert before - charged(world) == 1_154_88
    check_books(world)


# ------------------------------------------------------------------- what a discount is worth


def settling(*more: Receivable) -> Agreeing:
    """A debt of 1,000,000 pesos that 800,000 by 15 September settle."""
    world = Agreeing()
    world.owe(receivable("r1", late=60, open_minor=1_000_000 * PESOS), *more)
    debt = Debt("a1", receivables=("r1",))
    terms = Terms("settlement", september(15), discount={"principal": 200_000 * PESOS})
    world.manage().promise("k1", debt, terms, PHONE, AGENT)
    return world


def waived(world: Agreeing) -> int:
    return -sum(e.amount_minor for e in world.table.entries("a1") if e.kind == "waiver")


@pytest.mark.parametrize("pesos", [(820_000,), (500_000, 320_000), (799_999, 20_001)])
def test_more_than_was_agreed_does_not_pay_what_is_given_up(pesos: tuple[int, ...]) -> None:
    world = settling()
    for number, amount in enumerate(pesos):
        world.pays(amount * PESOS, september(10 + number), payment=f"P{number}")
    assert world.agreement().state == "fulfilled"
    assert (world.open_minor(), waived(world)) == (0, 200_000 * PESOS)
    assert world.account().credits == {"andina|COP": 20_000 * PESOS}
    check_books(world)


def test_it_settles_other_debts_and_a_payment_that_bounces_takes_just_its_part_back() -> None:
    world = settling(receivable("r2", late=-30, open_minor=150_000 * PESOS))
    world.pays(500_000 * PESOS, september(10), payment="P1")
    world.pays(500_000 * PESOS, september(11), payment="P2")
    assert world.account().credits == {"andina|COP": 50_000 * PESOS}
    assert (owed(world), waived(world)) == ({}, 200_000 * PESOS)
    world.bounces("P1")
    assert owed(world) == {"r1": 700_000 * PESOS}
    world.run(world.clock.at + timedelta(hours=1))  # the credit pays what it pays of the 800,000
    assert owed(world) == {"r1": 650_000 * PESOS}
    assert world.stands().payoff_minor == 450_000 * PESOS
    world.pays(450_000 * PESOS, september(12), payment="P3")
    assert (world.agreement().state, owed(world)) == ("fulfilled", {})
    assert (world.account().credits, waived(world)) == ({}, 200_000 * PESOS)
    check_books(world)


@pytest.mark.parametrize("pesos", [(1_000_000,), (500_000, 500_000), (100_000, 900_000)])
def test_credit_that_a_person_applies_does_not_pay_what_is_given_up(pesos: tuple[int, ...]) -> None:
    world = settling(receivable("r2", late=30, open_minor=1_000_000 * PESOS))
    manage = world.manage_payments()
    for number, amount in enumerate(pesos):
        world.pays(amount * PESOS, payment=f"P{number}")
        manage.reverse(ReverseAllocation(f"r{number}", "for r1", "a1", f"P{number}", "r2"), ANA)
    done = manage.apply_credit(ApplyCredit("k", "for r1", "a1", "r1"), ANA)
    assert done.result == {
        "receivable_id": "r1",
        "currency": "COP",
        "amount_minor": 800_000 * PESOS,
        "open_minor": 0,
        "credit_minor": 200_000 * PESOS,
    }
    assert (world.agreement().state, world.stands().paid_minor) == ("fulfilled", 800_000 * PESOS)
    assert (owed(world), waived(world)) == ({"r2": 1_000_000 * PESOS}, 200_000 * PESOS)
    check_books(world)


def test_credit_is_not_applied_to_what_an_agreement_gives_up_once_it_is_approved() -> None:
    world = Agreeing()
    world.owe(
        receivable("r1", late=60, open_minor=1_000_000 * PESOS),
        receivable("r2", late=30, open_minor=1_000_000 * PESOS),
    )
    world.pays(1_000_000 * PESOS, payment="P1")
    world.agrees(Terms("settlement", september(15), discount={"principal": 400_000 * PESOS}))
    world.pays(600_000 * PESOS, payment="P2")
    manage = world.manage_payments()
    manage.reverse(ReverseAllocation("k1", "for r2", "a1", "P1", "r1"), ANA)
    before = world.account()
    with pytest.raises(ActRefusedError) as error:
        manage.apply_credit(ApplyCredit("k2", "for r2", "a1", "r2"), ANA)
    assert (error.value.fault, error.value.problems[0].field) == ("conflict", "receivable_id")
    assert world.account() == before
    assert (world.agreement().state, owed(world)["r2"]) == ("accepted", 400_000 * PESOS)
    world.manage().approve("k3", "a1", world.agreement().agreement_id, SUPERVISOR)
    assert (world.agreement().state, waived(world)) == ("fulfilled", 400_000 * PESOS)
    assert owed(world) == {"r1": 1_000_000 * PESOS}
    check_books(world)


def test_what_is_paid_too_late_for_a_discount_settles_all_that_it_can() -> None:
    world = settling()
    world.until(september(18))
    assert world.agreement().state == "broken"
    world.pays(900_000 * PESOS, september(18), payment="P1")
    assert owed(world) == {"r1": 100_000 * PESOS}
    world.pays(100_000 * PESOS, september(14), payment="P2")  # in time, and not enough
    assert (owed(world), world.account().credits) == ({}, {})
    assert world.agreement().state == "broken"
    check_books(world)


def test_what_a_person_waives_of_a_discount_is_not_given_twice() -> None:
    world = Agreeing(interest=True)
    world.owe(receivable("r1", late=60, open_minor=10_000_000 * PESOS))
    interest = world.manage().offers(DEBT).debts["r1"]["interest"]
    world.agrees(Terms("settlement", september(15), discount={"interest": interest}))

    def waives(key: str, **amounts: int) -> None:
        order = GiveUp(key, "goodwill", "waiver", "a1", "r1", "COP", amounts)  # type: ignore[arg-type] - names of components
        world.manage_payments().give_up(order, ANA)

    waives("w1", interest=interest - 1_00)
    assert (world.stands().paid_minor, world.stands().payoff_minor) == (0, 10_000_000_00)
    waives("w2", interest=1_00, principal=400_00)  # what is beyond the discount counts like money
    assert (world.stands().paid_minor, world.stands().payoff_minor) == (400_00, 9_999_600_00)
    world.pays(9_999_600_00, september(15))
    assert world.agreement().state == "fulfilled"
    assert (world.open_minor(), world.account().credits) == (0, {})
    assert waived(world) == interest + 400_00
    check_books(world)


def test_of_a_discount_that_a_person_has_waived_a_part_of_the_rest_is_given() -> None:
    world = settling()
    order = GiveUp("w1", "goodwill", "waiver", "a1", "r1", "COP", {"principal": 50_000 * PESOS})
    world.manage_payments().give_up(order, ANA)
    world.pays(900_000 * PESOS, september(10))
    assert (world.agreement().state, waived(world)) == ("fulfilled", 200_000 * PESOS)
    assert (world.open_minor(), world.account().credits) == (0, {"andina|COP": 100_000 * PESOS})
    world.bounces()
    assert world.open_minor() == 950_000 * PESOS
    check_books(world)


# ----------------------------------------------------------------------------- unapplied credit


def with_credit(late: int = 10, *, us: bool = False) -> Agreeing:
    """200,000 pesos came for a debt of 199,500; then another of 600,000 became known."""
    world = Agreeing()
    if us:
        book = rules()
        never = {"*": Allocation(held="never")}
        payments = replace(book.payments, allocation=never)
        world.rulebooks = OneRulebook(replace(book, payments=payments))
    world.owe(receivable("r1", late=20, open_minor=199_500 * PESOS))
    world.pays(200_000 * PESOS)
    assert world.account().credits == {"andina|COP": 500 * PESOS}
    world.owe(receivable("r2", late=late, open_minor=600_000 * PESOS))
    return world


def used(world: Agreeing) -> list[tuple[str, int]]:
    return [(fact["payment_id"], fact["amount_minor"]) for fact in world.facts("a1", "credit_used")]


@pytest.mark.parametrize("late", [10, -10])
def test_l15_credit_settles_what_becomes_known_after_it_in_the_next_run(late: int) -> None:
    """What is due as well as what is not yet, like money that comes."""
    world = with_credit(late)
    world.run(NOW + timedelta(hours=1))
    assert (owed(world), world.account().credits) == ({"r2": 599_500 * PESOS}, {})
    assert used(world) == [("P1", 500 * PESOS)]
    world.run(NOW + timedelta(hours=2))
    assert used(world) == [("P1", 500 * PESOS)]
    check_books(world)
    world.bounces()  # all of it goes again, what was credit too
    assert owed(world) == {"r1": 199_500 * PESOS, "r2": 600_000 * PESOS}
    check_books(world)


def test_credit_is_applied_before_anything_is_agreed() -> None:
    world = with_credit()
    done = world.agrees(Terms("plan", september(15), 3))
    assert done.agreement.debt == {"principal": 599_500 * PESOS}
    assert world.account().credits == {}
    check_books(world)


def test_credit_that_settles_a_debt_of_an_agreement_keeps_its_instalment() -> None:
    """It counts from the day on which the money came."""
    world = with_credit(us=True)
    world.agrees(Terms("plan", september(15), 3))
    world.until(september(14))
    hold(world, "r2", days=5)
    world.pays(200_000 * PESOS, september(14), payment="P2")
    assert world.account().credits == {"andina|COP": 200_000 * PESOS}
    world.until(september(19))
    assert world.account().credits == {}
    assert world.stands().instalments[0].state == "kept"
    assert world.stands().instalments[0].settled_on == september(14)
    check_books(world)


@pytest.mark.parametrize("us", [True, False])
def test_credit_waits_while_a_debt_is_disputed_and_settles_it_afterwards(us: bool) -> None:
    world = with_credit(us=us)
    hold(world, "r2", days=5)
    world.until(september(10))
    assert world.account().credits == {"andina|COP": 500 * PESOS}
    world.until(september(13))
    assert (owed(world), world.account().credits) == ({"r2": 599_500 * PESOS}, {})
    check_books(world)


def test_money_that_names_nothing_is_credit_where_all_is_disputed_and_the_law_forbids_more() -> (
    None
):
    world = with_credit(us=True)
    hold(world, "r2", days=5)
    world.pays(50_000 * PESOS, payment="P2")
    assert world.account().credits == {"andina|COP": 50_500 * PESOS}
    world.until(september(13))
    assert owed(world) == {"r2": 549_500 * PESOS}
    assert used(world) == [("P1", 500 * PESOS), ("P2", 50_000 * PESOS)]
    check_books(world)


def test_credit_that_a_person_has_set_free_is_theirs_to_apply() -> None:
    """What they took off one debt does not go back to it before they have said where it belongs."""
    world = Agreeing()
    world.owe(
        receivable("r1", late=20, open_minor=100_000 * PESOS),
        receivable("r2", late=10, open_minor=60_000 * PESOS),
    )
    world.pays(100_000 * PESOS)
    manage = world.manage_payments()
    manage.reverse(ReverseAllocation("k1", "meant for r2", "a1", "P1", "r1"), ANA)
    world.until(september(9))
    assert world.account().credits == {"andina|COP": 100_000 * PESOS}
    manage.apply_credit(ApplyCredit("k2", "meant for r2", "a1", "r2"), ANA)
    world.until(september(10))
    assert (owed(world), world.account().credits) == ({"r1": 60_000 * PESOS}, {})
    check_books(world)


def test_while_a_booking_goes_on_its_money_is_no_credit() -> None:
    """It may have to go back."""
    world = with_credit()
    stored = world.table.get("a1")
    assert stored is not None
    going_on = replace(stored, account=replace(stored.account, spreading=("P1",)))
    assert settle_with_credit(world.table, going_on, world.rulebook(), NOW) is going_on
    assert used(world) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_credit_is_used_once_wherever_the_process_dies(when: str) -> None:
    calls = len(_settling(Faults()).calls)
    assert calls == 2  # the payments are read, and all is written at once
    for number in range(1, calls + 1):
        world = with_credit()
        faults = _settling(Faults(number, "before" if when == "before" else "after"), world)
        assert faults.happened
        world.run(NOW + timedelta(hours=1))
        assert (owed(world), used(world)) == ({"r2": 599_500 * PESOS}, [("P1", 500 * PESOS)])
        check_books(world)


def _settling(faults: Faults, world: Agreeing | None = None) -> Faults:
    world = world or with_credit()
    stored = world.table.get("a1")
    assert stored is not None
    table = Table(Crashing(world.dynamo, faults), TABLE, 1, pause=lambda _: None)
    try:
        settle_with_credit(table, stored, world.rulebook(), NOW)
    except Crash:
        assert faults.happened
    return faults


# ------------------------------------------------------------------------------- who replaces what


def plan(first_on: date, instalments: int = 2) -> Terms:
    return Terms("plan", first_on, instalments)


def one_debt() -> Agreeing:
    world = Agreeing()
    world.owe(receivable("r1", late=15, open_minor=300_000 * PESOS))
    return world


@pytest.mark.parametrize("act", ["agree", "promise"])
def test_what_moved_since_somebody_saw_it_is_not_replaced(act: str) -> None:
    """Two editors: the version is the one in the transaction."""
    world = one_debt()
    old = world.agrees(plan(september(15), 3)).agreement

    def replaced(key: str, version: int) -> Done:
        manage, about = world.manage(), {"replaces": old.agreement_id, "version": version}
        if act == "agree":
            return manage.agree(key, DEBT, plan(september(16)), SUPERVISOR, **about)  # type: ignore[arg-type] - a test's own words
        return manage.promise(key, DEBT, plan(september(16)), PHONE, SUPERVISOR, **about)  # type: ignore[arg-type] - as above

    world.pays(100_000 * PESOS)
    now = world.agreement()
    assert now.version > old.version
    with pytest.raises(AgreementRefusedError) as refused:
        replaced("k2", old.version)
    assert refused.value.fault == "stale"
    assert [one.agreement_id for one in world.account().agreements] == [old.agreement_id]
    done = replaced("k3", now.version)
    assert done.agreement.replaces == old.agreement_id
    assert replaced("k3", now.version).again


def test_money_that_comes_between_the_look_and_the_write_makes_a_replacement_stale() -> None:
    world = one_debt()
    old = world.agrees(plan(september(15), 3)).agreement
    faults = Faults(3, "after", lambda: world.pays(100_000 * PESOS))
    with pytest.raises(AgreementRefusedError) as refused:
        world.manage(faults).promise(
            "k2",
            DEBT,
            plan(september(16)),
            PHONE,
            SUPERVISOR,
            replaces=old.agreement_id,
            version=old.version,
        )
    assert faults.happened
    assert refused.value.fault == "stale"
    assert world.agreement().state == "active"


def by_the_debtor(world: Agreeing) -> Done:
    made = world.manage().agree("k2", DEBT, plan(world.today + 7 * DAY), DEBTOR)
    evidence = Evidence("portal", code_point="p1")
    return world.manage().accept("k3", "a1", made.agreement.agreement_id, evidence, DEBTOR)


def by_an_agent(world: Agreeing) -> Done:
    return world.agrees(plan(world.today + 7 * DAY))


@pytest.mark.parametrize("make", [by_the_debtor, by_an_agent])
def test_whoever_agrees_again_on_what_was_broken_keeps_the_chain(
    make: Callable[[Agreeing], Done],
) -> None:
    world = one_debt()
    first = world.agrees(plan(september(15), 3)).agreement
    world.until(september(25))
    assert world.agreement().state == "broken"
    second = make(world).agreement
    old, new = world.account().agreements
    assert (old.state, old.replaced_by) == ("replaced", second.agreement_id)
    assert (new.state, new.replaces) == ("active", first.agreement_id)
    # Money of the first one's time mends nothing any more: it counts for the second.
    world.pays(100_000 * PESOS, september(15))
    assert [one.state for one in world.account().agreements] == ["replaced", "active"]
    check_books(world)


@pytest.mark.parametrize(("pesos", "states"), [(299_999, "broken"), (300_000, "replaced")])
def test_a_promise_of_a_part_replaces_nothing(pesos: int, states: str) -> None:
    """For the rest the ladder goes on where the broken plan says."""
    world = one_debt()
    world.agrees(plan(september(15)))
    world.until(september(25))
    world.agrees(Terms("promise", september(30), amount_minor=pesos * PESOS))
    assert [one.state for one in world.account().agreements] == [states, "active"]


def test_a_broken_agreement_stays_while_a_debt_of_it_is_left_out() -> None:
    """The ladder of that debt goes on where the broken one says."""
    world = one_debt()
    world.owe(receivable("r2", late=12, open_minor=200_000 * PESOS))
    first = world.agrees(plan(september(15))).agreement
    world.until(september(25))
    debt = Debt("a1", receivables=("r1",))
    done = world.manage().promise("k2", debt, plan(september(28)), PHONE, AGENT)
    assert done.agreement.replaces == ""
    assert [one.state for one in world.account().agreements] == ["broken", "active"]
    assert world.agreement(0).agreement_id == first.agreement_id
