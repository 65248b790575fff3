"""Offers: what the rules offer, whether terms are within them, schedules that add up, the words."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.agreements.agreed import Acceptance, Change, Every, Instalment
from escalon.domain.agreements.agreement import AgreementError, accept, approve, follow
from escalon.domain.agreements.offers import (
    Case,
    Problem,
    Proposal,
    Terms,
    a_month,
    agree,
    approvers,
    check,
    debts_of,
    due_days,
    on_offer,
    payday,
    problem_sentence,
    proposal_sentences,
    propose,
    schedule,
)
from escalon.domain.rules.conditions import ConditionFacts, parse_condition
from escalon.domain.rules.rulebook import (
    AgreementRules,
    Limits,
    OfferRule,
    PlanInterest,
    Rate,
    RateTable,
)
from tests.domain.debts import at, receivable

SAYS = settings(max_examples=200, deadline=None)
TODAY = date(2026, 9, 15)
NOW = at("2026-09-15T10:00")
ONE = 100_000  # minor units of COP 1,000
HUNDRED = 100 * ONE
USURY = {
    "usura": RateTable("usura", {"2026-09": Rate("2026-09", 240_000, "test")}),
    "high": RateTable("high", {"2026-09": Rate("2026-09", 900_000, "test")}),
}
EVERY: tuple[Every, ...] = get_args(Every.__value__)

PLAN = OfferRule(
    "plan",
    "plan",
    ["anyone"],
    Limits(15, 6, most_broken=1),
    least_instalments=2,
    show=(2, 3, 6),
    every=("month", "twice_monthly"),
    least_instalment_minor={"COP": 50 * ONE},
    round_minor={"COP": ONE},
    tolerance_days=5,
    tolerance_minor={"COP": ONE},
    resume_at="firm",
    beyond={
        "*": Limits(30, 12, most_broken=2),
        "supervisor": Limits(45, 24, {"principal": 1_000}, most_broken=5),
    },
)
PROMISE = OfferRule("promise", "promise", ["anyone"], Limits(15), least_first=3_000, stands_days=3)
SETTLEMENT = OfferRule(
    "old-debt",
    "settlement",
    ["anyone"],
    Limits(10, 3, {"interest": 10_000, "principal": 1_500}),
    least_first=4_000,
    show=(1, 3),
    least_instalment_minor={"COP": 100 * ONE},
    beyond={
        "supervisor": Limits(most_discount={"principal": 3_000}),
        "manager": Limits(most_discount={"principal": 5_000}),
    },
)


def rules(*offers: OfferRule) -> AgreementRules:
    return AgreementRules(offers)


def case(principal: int = 500 * ONE, interest: int = 0, **more: Any) -> Case:
    """COP 500,000 of a person in Colombia, 60 days past due."""
    debt = {"principal": principal, **({"interest": interest} if interest else {})}
    currency = more.get("currency", "COP")
    facts = ConditionFacts(
        (), "CO", "andina", "es-CO", "person", more.pop("risk", ""), {currency: principal}, 1
    )
    made = {"currency": "COP", "debts": {"r1": debt}, "facts": facts, "today": TODAY}
    return Case("andina", **{**made, "days_past_due": 60, "stage": "firm", **more})


def terms(offer: str = "plan", in_days: int = 15, **more: Any) -> Terms:
    return Terms(offer, TODAY + timedelta(days=in_days), **more)


def problems(
    asked: Terms, rule: OfferRule = PLAN, of: Case | None = None, role: str = ""
) -> list[Problem]:
    return list(check(asked, rules(rule), of or case(), USURY, role))


def amounts(plan: tuple[Instalment, ...]) -> list[int]:
    return [one.amount_minor for one in plan]


# --- what is owed --------------------------------------------------------------------------------


def test_debts_are_by_receivable_and_component_the_oldest_first() -> None:
    younger = receivable(
        "2026-08-01", receivable_id="r1", open_minor=120, extras={"interest": 20, "fee": 5}
    )
    older = receivable("2026-07-01", receivable_id="r2", open_minor=70)
    undated = receivable(None, receivable_id="r0", open_minor=1)
    credit = receivable("2026-01-01", receivable_id="r3", open_minor=-40)
    found = debts_of([younger, undated, credit, older])
    assert list(found.items()) == [
        ("r2", {"principal": 70}),
        ("r1", {"principal": 95, "interest": 20, "fee": 5}),
        ("r0", {"principal": 1}),
    ]


@pytest.mark.parametrize(
    "others",
    [
        [receivable(creditor="cordillera", receivable_id="r2")],
        [receivable(currency="USD", receivable_id="r2")],
    ],
)
def test_debts_of_several_creditors_or_currencies_are_never_agreed_together(others: Any) -> None:
    """E1"""
    with pytest.raises(ValueError, match="one creditor in one currency"):
        debts_of([receivable(), *others])


def test_nothing_open_is_nothing_to_agree_on() -> None:
    with pytest.raises(ValueError, match="open debts"):
        debts_of([receivable(open_minor=0)])


# --- schedules -----------------------------------------------------------------------------------


def test_instalments_are_equal_and_the_last_takes_what_is_left() -> None:
    plan = schedule(100_000, 3, date(2026, 10, 1), since=TODAY)
    assert plan == (
        Instalment(1, date(2026, 10, 1), 33_334),
        Instalment(2, date(2026, 11, 1), 33_334),
        Instalment(3, date(2026, 12, 1), 33_332),
    )


def test_instalments_are_rounded_up_to_what_people_pay() -> None:
    plan = schedule(500 * ONE, 6, TODAY, since=TODAY, round_minor=ONE)
    assert amounts(plan) == [84 * ONE] * 5 + [80 * ONE]


def test_the_first_payment_may_be_another() -> None:
    plan = schedule(500 * ONE, 4, TODAY, since=TODAY, first_minor=200 * ONE)
    assert amounts(plan) == [200 * ONE, 100 * ONE, 100 * ONE, 100 * ONE]


def test_rounding_is_left_out_where_it_would_leave_nothing_for_the_last() -> None:
    assert amounts(schedule(100, 4, TODAY, since=TODAY, round_minor=40)) == [25, 25, 25, 25]


@pytest.mark.parametrize(
    ("principal", "count", "first"), [(0, 1, None), (3, 6, None), (10, 6, None), (100, 3, 100)]
)
def test_what_cannot_be_split_is_refused(principal: int, count: int, first: int | None) -> None:
    with pytest.raises(ValueError, match="cannot be paid in"):
        schedule(principal, count, TODAY, since=TODAY, first_minor=first)


def test_interest_is_that_of_what_is_left_and_falls_with_it() -> None:
    """20 % a year, effective: a period of 30 days bears 1.50982 %, one of 31 days 1.56054 %."""
    plan = schedule(100_000_000, 3, date(2026, 10, 15), since=TODAY, rate=200_000)
    assert plan == (
        Instalment(1, date(2026, 10, 15), 34_356_258, 1_509_817),
        Instalment(2, date(2026, 11, 15), 34_356_258, 1_047_955),
        Instalment(3, date(2026, 12, 15), 34_356_257, 511_001),
    )


def test_a_year_bears_the_annual_rate_exactly() -> None:
    (one,) = schedule(100_000_000, 1, date(2027, 9, 15), since=TODAY, rate=255_200)
    assert (one.amount_minor, one.interest_minor) == (125_520_000, 25_520_000)


def test_what_is_due_on_the_day_itself_bears_nothing() -> None:
    (one,) = schedule(100_000_000, 1, TODAY, since=TODAY, rate=255_200)
    assert (one.amount_minor, one.interest_minor) == (100_000_000, 0)


def test_a_first_payment_that_is_no_more_than_its_interest_is_refused() -> None:
    later = date(2026, 10, 15)
    plan = schedule(100_000_000, 3, later, since=TODAY, rate=200_000, first_minor=1_509_818)
    assert plan[0] == Instalment(1, later, 1_509_818, 1_509_817)
    with pytest.raises(ValueError, match="cannot be paid in"):
        schedule(100_000_000, 3, later, since=TODAY, rate=200_000, first_minor=1_509_817)


@SAYS
@given(
    st.integers(10_000, 10**13),
    st.integers(1, 60),
    st.sampled_from(EVERY),
    st.integers(0, 300),
    st.integers(0, 1_000_000),
    st.none() | st.integers(1, 90),
    st.sampled_from([1, 100, 5_000, ONE]),
)
def test_instalments_add_up_whatever_is_asked(
    principal: int, count: int, every: Every, wait: int, rate: int, first: int | None, rounding: int
) -> None:
    first_minor = principal * first // 100 if first else None
    try:
        plan = schedule(
            principal, count, TODAY + timedelta(days=wait), every,
            since=TODAY, rate=rate, first_minor=first_minor, round_minor=rounding,
        )  # fmt: skip
    except ValueError:
        # Only what bears more than it pays, or has less than enough to share, is refused.
        assert first or rate or principal < count * count
        return
    assert len(plan) == count
    assert sum(one.amount_minor - one.interest_minor for one in plan) == principal
    assert all(0 <= one.interest_minor < one.amount_minor for one in plan)
    assert [one.number for one in plan] == list(range(1, count + 1))
    assert all(a.due_on < b.due_on for a, b in pairwise(plan))
    regular = plan[1:] if first_minor and count > 1 else plan
    assert len({one.amount_minor for one in regular[:-1]}) <= 1
    assert regular[-1].amount_minor <= regular[0].amount_minor
    if not rate:
        assert not any(one.interest_minor for one in plan)


@SAYS
@given(st.integers(10**6, 10**12), st.integers(2, 36), st.integers(1, 900_000))
def test_a_higher_rate_is_never_cheaper(principal: int, count: int, rate: int) -> None:
    def total(at_rate: int) -> int:
        return sum(
            amounts(schedule(principal, count, date(2026, 10, 15), since=TODAY, rate=at_rate))
        )

    assert principal == total(0) <= total(rate) <= total(rate + 100_000)


@pytest.mark.parametrize(
    ("first", "every", "expected"),
    [
        ("2026-01-31", "month", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("2028-01-31", "month", ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]),
        ("2026-11-30", "month", ["2026-11-30", "2026-12-30", "2027-01-30", "2027-02-28"]),
        ("2026-12-28", "week", ["2026-12-28", "2027-01-04", "2027-01-11", "2027-01-18"]),
        ("2026-12-28", "fortnight", ["2026-12-28", "2027-01-11", "2027-01-25", "2027-02-08"]),
        ("2027-01-31", "twice_monthly", ["2027-01-31", "2027-02-15", "2027-02-28", "2027-03-15"]),
        ("2026-12-15", "twice_monthly", ["2026-12-15", "2026-12-31", "2027-01-15", "2027-01-31"]),
    ],
)
def test_due_dates_follow_the_calendar(first: str, every: Every, expected: list[str]) -> None:
    """L18"""
    days = due_days(date.fromisoformat(first), every, 4)
    assert [day.isoformat() for day in days] == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-09-01", "2026-09-15"),
        ("2026-09-15", "2026-09-15"),
        ("2026-09-16", "2026-09-30"),
        ("2026-09-30", "2026-09-30"),
        ("2026-02-28", "2026-02-28"),
        ("2028-02-28", "2028-02-29"),
    ],
)
def test_wages_are_paid_on_the_15th_and_the_last_day(day: str, expected: str) -> None:
    assert payday(date.fromisoformat(day)) == date.fromisoformat(expected)


def test_a_month_is_one_of_the_calendar() -> None:
    """Five weeks fall into October 2026 if the first is the 1st."""
    plan = schedule(700, 7, date(2026, 10, 1), "week", since=TODAY)
    assert a_month(plan) == 500


# --- which rules hold ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "of", "expected"),
    [
        ({}, {}, True),
        ({"strategies": ("standard",)}, {"strategy": "standard"}, True),
        ({"strategies": ("standard",)}, {"strategy": "vip"}, False),
        ({"stages": ("firm", "legal")}, {"stage": "firm"}, True),
        ({"stages": ("firm", "legal")}, {"stage": "reminder"}, False),
        ({"stages": ("firm", "legal")}, {"stage": None}, False),
        ({"from_days": 30}, {"days_past_due": 29}, False),
        ({"from_days": 30}, {"days_past_due": 30}, True),
        ({"to_days": 30}, {"days_past_due": 30}, True),
        ({"to_days": 30}, {"days_past_due": 31}, False),
        ({"from_days": 0}, {"days_past_due": -1}, False),
        ({"condition": parse_condition("risk is high")}, {"risk": "high"}, True),
        ({"condition": parse_condition("risk is high")}, {"risk": "low"}, False),
        ({"condition": parse_condition("open above COP 500_000")}, {}, False),
        ({"condition": parse_condition("open from COP 500_000")}, {}, True),
        ({}, {"currency": "USD"}, False),  # no instalments in a currency that is not listed
    ],
)
def test_a_rule_is_on_offer_to_those_it_picks(more: Any, of: Any, expected: bool) -> None:
    """L24, L25: every word of a rule, below, at and above."""
    assert bool(on_offer(rules(replace(PLAN, **more)), case(**of))) == expected


def test_what_is_not_on_offer_cannot_be_agreed() -> None:
    refused = [Problem("offer", "not_offered")]
    assert problems(terms("nothing")) == refused
    assert problems(terms(instalments=3), replace(PLAN, stages=("legal",))) == refused
    assert approvers(terms("nothing"), rules(PLAN), case(), USURY) == ()


# --- terms within the rules, field by field ------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (terms(instalments=1), [Problem("instalments", "too_few", 2)]),
        (terms(instalments=2), []),
        (terms(instalments=6), []),
        (terms(instalments=7), [Problem("instalments", "too_many", 6, "*")]),
        (terms(instalments=12), [Problem("instalments", "too_many", 6, "*")]),
        (terms(instalments=13), [Problem("instalments", "too_many", 6, "supervisor")]),
        (terms(instalments=25), [Problem("instalments", "too_many", 6)]),
        (terms(instalments=10**9), [Problem("instalments", "too_many", 6)]),
        (terms(in_days=-1, instalments=2), [Problem("first_on", "in_the_past", TODAY)]),
        (terms(in_days=0, instalments=2), []),
        (terms(in_days=15, instalments=2), []),
        (
            terms(in_days=16, instalments=2),
            [Problem("first_on", "too_late", date(2026, 9, 30), "*")],
        ),
        (
            terms(in_days=31, instalments=2),
            [Problem("first_on", "too_late", date(2026, 9, 30), "supervisor")],
        ),
        (terms(in_days=46, instalments=2), [Problem("first_on", "too_late", date(2026, 9, 30))]),
        (terms(instalments=2, every="week"), [Problem("every", "not_offered")]),
        (terms(in_days=15, instalments=2, every="twice_monthly"), []),
        (
            terms(in_days=14, instalments=2, every="twice_monthly"),
            [Problem("first_on", "not_a_payday", date(2026, 9, 30))],
        ),
        (terms(instalments=2, amount_minor=HUNDRED), [Problem("amount_minor", "not_asked")]),
        (terms(instalments=3, first_minor=50 * ONE), []),
        (
            terms(instalments=3, first_minor=50 * ONE - 1),
            [Problem("first_minor", "too_small", 50 * ONE)],
        ),
        (terms(instalments=3, first_minor=0), [Problem("first_minor", "too_small", 50 * ONE)]),
        (
            terms(instalments=3, first_minor=500 * ONE),
            [Problem("first_minor", "too_much", 500 * ONE - 1)],
        ),
        (
            terms(instalments=3, first_minor=450 * ONE),
            [Problem("instalments", "too_small", 50 * ONE)],
        ),
        (
            terms(instalments=2, discount={"principal": 1}),
            [Problem("discount.principal", "too_much", 0, "supervisor")],
        ),
        (
            terms(instalments=2, discount={"principal": 51 * ONE}),
            [Problem("discount.principal", "too_much", 0)],
        ),
        (
            terms(instalments=2, discount={"principal": -1}),
            [Problem("discount.principal", "too_small", 0)],
        ),
    ],
)
def test_each_field_has_its_limit_and_who_may_go_beyond(
    asked: Terms, expected: list[Problem]
) -> None:
    """L25: below, at and above each limit."""
    assert problems(asked) == expected


def test_all_problems_are_told_at_once_in_the_order_of_the_form() -> None:
    asked = terms(in_days=99, instalments=99, every="week", amount_minor=1, discount={"fee": 1})
    assert [(one.field, one.code) for one in problems(asked)] == [
        ("amount_minor", "not_asked"),
        ("first_on", "too_late"),
        ("every", "not_offered"),
        ("instalments", "too_many"),
        ("discount.fee", "too_much"),
    ]


@pytest.mark.parametrize(("debt", "expected"), [(300, []), (295, []), (294, [50]), (240, [50])])
def test_an_instalment_has_a_least_amount_but_for_the_last(debt: int, expected: list[int]) -> None:
    found = problems(terms(instalments=6), of=case(debt * ONE))
    assert found == [Problem("instalments", "too_small", least * ONE) for least in expected]


@pytest.mark.parametrize(
    ("role", "expected"), [("", 6), ("agent", 12), ("supervisor", 24), ("manager", 12)]
)
def test_a_role_may_go_as_far_as_the_rule_says(role: str, expected: int) -> None:
    of = case(5_000 * ONE)
    assert problems(terms(instalments=expected), of=of, role=role) == []
    (problem,) = problems(terms(instalments=expected + 1), of=of, role=role)
    assert (problem.code, problem.limit) == ("too_many", expected)


@pytest.mark.parametrize(
    ("broken", "role", "limit"),
    [(1, "", None), (2, "", 1), (2, "agent", None), (3, "agent", 2), (5, "supervisor", None)],
)
def test_who_broke_their_word_before_is_for_a_person(
    broken: int, role: str, limit: int | None
) -> None:
    """L14, L25"""
    found = problems(terms(instalments=3), of=case(broken=broken), role=role)
    assert [(one.code, one.limit) for one in found] == ([("broken_before", limit)] if limit else [])
    # A rule without such a limit has none for anybody.
    free = replace(PLAN, limits=Limits(15, 6))
    assert problems(terms(instalments=3), free, case(broken=99), role) == []


# --- promises and settlements --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (None, []),
        (500 * ONE, []),
        (150 * ONE, []),
        (150 * ONE - 1, [Problem("amount_minor", "too_small", 150 * ONE)]),
        (0, [Problem("amount_minor", "too_small", 150 * ONE)]),
        (500 * ONE + 1, [Problem("amount_minor", "too_much", 500 * ONE)]),
    ],
)
def test_a_promise_is_to_pay_a_part_that_is_worth_it(
    amount: int | None, expected: list[Problem]
) -> None:
    assert problems(terms("promise", amount_minor=amount), PROMISE) == expected


def test_a_single_payment_has_no_first_instalment() -> None:
    assert problems(terms("promise", first_minor=ONE), PROMISE) == [
        Problem("first_minor", "not_asked")
    ]


@pytest.mark.parametrize(
    ("discount", "expected"),
    [
        ({"interest": 80 * ONE}, []),
        ({"interest": 80 * ONE, "principal": 75 * ONE}, []),
        (
            {"interest": 80 * ONE + 1},
            [Problem("discount.interest", "too_much", 80 * ONE)],
        ),
        (
            {"principal": 75 * ONE + 1},
            [Problem("discount.principal", "too_much", 75 * ONE, "supervisor")],
        ),
        (
            {"principal": 150 * ONE + 1},
            [Problem("discount.principal", "too_much", 75 * ONE, "manager")],
        ),
        (
            {"principal": 250 * ONE + 1},
            [Problem("discount.principal", "too_much", 75 * ONE)],
        ),
        ({"fee": 1}, [Problem("discount.fee", "too_much", 0)]),
        ({}, [Problem("discount", "missing")]),
        ({"principal": 0}, [Problem("discount", "missing")]),
    ],
)
def test_a_discount_has_a_limit_for_each_component_and_role(
    discount: Any, expected: list[Problem]
) -> None:
    asked = terms("old-debt", in_days=10, discount=discount)
    assert problems(asked, SETTLEMENT, case(interest=80 * ONE)) == expected


def test_a_debt_is_never_given_up_whole() -> None:
    free = replace(SETTLEMENT, limits=Limits(10, 3, {"principal": 10_000}))
    asked = terms("old-debt", in_days=10, discount={"principal": 500 * ONE})
    assert problems(asked, free) == [Problem("discount", "nothing_left", 500 * ONE - 1)]


def test_the_first_of_several_payments_of_a_settlement_is_a_share_of_it() -> None:
    asked = terms("old-debt", in_days=10, instalments=3, discount={"principal": 50 * ONE})
    assert problems(asked, SETTLEMENT) == [Problem("first_minor", "too_small", 180 * ONE)]
    assert problems(replace(asked, first_minor=180 * ONE), SETTLEMENT) == []


# --- what a debtor can pay -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capacity", "needed"), [(100 * ONE, None), (99 * ONE, 100 * ONE), (1, 100 * ONE)]
)
def test_a_plan_is_realistic_if_no_month_asks_for_more(capacity: int, needed: int | None) -> None:
    found = problems(terms(instalments=5, capacity_minor=capacity))
    assert found == ([Problem("capacity_minor", "not_realistic", needed)] if needed else [])


def test_nobody_may_agree_to_more_than_the_debtor_can_pay() -> None:
    asked = terms(instalments=5, capacity_minor=99 * ONE)
    assert approvers(asked, rules(PLAN), case(), USURY) == ()


def test_two_instalments_of_a_month_are_counted_together() -> None:
    asked = terms(instalments=5, every="twice_monthly", capacity_minor=199 * ONE)
    assert [one.limit for one in problems(asked)] == [200 * ONE]


def test_a_first_payment_of_its_own_is_not_a_months_income() -> None:
    asked = terms(instalments=5, first_minor=300 * ONE, capacity_minor=50 * ONE)
    assert problems(asked) == []


# --- interest ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interest", "of", "expected"),
    [
        (PlanInterest(180_000, "usura", ("COP",)), {}, 180_000),
        (PlanInterest(300_000, "usura", ("COP",)), {}, 240_000),  # the ceiling of the month
        (PlanInterest(300_000, "high", ("COP",)), {}, 300_000),
        (PlanInterest(180_000, "usura", ("USD",)), {}, 0),
        # A month that nobody has certified bears nothing.
        (PlanInterest(180_000, "usura", ("COP",)), {"today": date(2026, 10, 1)}, 0),
        (None, {}, 0),
    ],
)
def test_an_agreement_bears_what_was_set_and_never_more_than_is_allowed(
    interest: PlanInterest | None, of: Any, expected: int
) -> None:
    """Colombia, Commercial Code 884."""
    made_on = case(**of)
    made = agree(
        "g1",
        Terms("plan", made_on.today, 3),
        rules(replace(PLAN, interest=interest)),
        made_on,
        USURY,
        at=NOW,
        by="debtor",
    )
    assert made.rate == expected
    assert (made.interest_minor > 0) == (expected > 0)
    assert made.total_minor - made.interest_minor == 500 * ONE


# --- proposals -----------------------------------------------------------------------------------


def shapes(found: tuple[Proposal, ...]) -> list[tuple[str, int, list[int]]]:
    return [(one.terms.every, len(one.instalments), amounts(one.instalments)) for one in found]


def test_a_plan_is_proposed_in_the_numbers_that_fit() -> None:
    found = propose(rules(PLAN), case(250 * ONE), USURY)
    assert shapes(found) == [
        ("month", 2, [125 * ONE, 125 * ONE]),
        ("month", 3, [84 * ONE, 84 * ONE, 82 * ONE]),
        ("twice_monthly", 2, [125 * ONE, 125 * ONE]),
        ("twice_monthly", 3, [84 * ONE, 84 * ONE, 82 * ONE]),
    ]
    assert [day.due_on for day in found[0].instalments] == [date(2026, 9, 30), date(2026, 10, 30)]
    assert [day.due_on for day in found[2].instalments] == [date(2026, 9, 30), date(2026, 10, 15)]
    assert {one.expires_on for one in found} == {date(2026, 9, 22)}


def test_a_plan_on_paydays_begins_on_the_last_one_that_is_allowed() -> None:
    found = propose(rules(PLAN), case(today=date(2026, 9, 20)), USURY)
    assert {one.terms.first_on for one in found if one.terms.every == "twice_monthly"} == {
        date(2026, 9, 30)
    }
    soon = replace(PLAN, limits=Limits(5, 6))
    found = propose(rules(soon), case(today=date(2026, 9, 20)), USURY)
    assert {one.terms.every for one in found} == {"month"}


def test_what_a_debtor_can_pay_decides_on_what_is_proposed() -> None:
    """Of 2, 3 and 6 instalments of COP 500,000 two fit into COP 110,000 a month: the fewest, which
    is 5, and 6."""
    only_months = rules(replace(PLAN, every=("month",)))
    found = propose(only_months, case(), USURY, 110 * ONE)
    assert shapes(found) == [
        ("month", 5, [100 * ONE] * 5),
        ("month", 6, [84 * ONE] * 5 + [80 * ONE]),
    ]
    assert propose(only_months, case(), USURY, 50 * ONE) == ()


def test_a_settlement_is_proposed_with_its_whole_discount_and_its_least_first_payment() -> None:
    once, in_three = propose(rules(SETTLEMENT), case(interest=80 * ONE), USURY)
    assert once.terms.discount == {"interest": 80 * ONE, "principal": 75 * ONE}
    assert (once.discount_minor, once.total_minor) == (155 * ONE, 425 * ONE)
    assert (once.terms.first_on, once.expires_on) == (date(2026, 9, 25), date(2026, 9, 22))
    assert amounts(in_three.instalments) == [170 * ONE, 12_750_000, 12_750_000]


def test_a_single_payment_is_proposed_once_however_often_instalments_may_be_due() -> None:
    both = replace(SETTLEMENT, every=("week", "month"))
    found = propose(rules(both), case(), USURY)
    assert [(one.terms.every, one.terms.instalments) for one in found] == [
        ("week", 1),
        ("week", 3),
        ("month", 3),
    ]


def test_a_least_first_payment_is_rounded_up_too() -> None:
    """40 % of COP 425,330 is COP 170,132."""
    rounded = replace(SETTLEMENT, round_minor={"COP": ONE})
    _, in_three = propose(rules(rounded), case(50_038_824), USURY)
    assert in_three.total_minor == 42_533_001
    assert amounts(in_three.instalments) == [17_100_000, 12_800_000, 12_633_001]


def test_an_offer_does_not_outlive_its_first_payment() -> None:
    soon = replace(SETTLEMENT, limits=replace(SETTLEMENT.limits, first_within_days=3))
    assert propose(rules(soon), case(), USURY)[0].expires_on == date(2026, 9, 19)


def test_a_settlement_without_anything_to_give_up_is_not_proposed() -> None:
    of_interest = replace(SETTLEMENT, limits=Limits(10, 1, {"interest": 10_000}), show=())
    assert propose(rules(of_interest), case(), USURY) == ()
    assert len(propose(rules(of_interest), case(interest=1), USURY)) == 1


def test_who_broke_their_word_too_often_is_proposed_nothing() -> None:
    assert propose(rules(PLAN), case(broken=2), USURY) == ()


@SAYS
@given(
    st.integers(1, 10**9),
    st.integers(0, 10**8),
    st.none() | st.integers(1, 10**9),
    st.integers(0, 3),
    st.dates(date(2026, 9, 1), date(2026, 9, 30)),
)
def test_whatever_is_proposed_may_be_agreed_to_at_once(
    principal: int, interest: int, capacity: int | None, broken: int, today: date
) -> None:
    of = case(principal, interest, broken=broken, today=today)
    bearing = replace(PLAN, offer="dear", interest=PlanInterest(200_000, "usura", ("COP",)))
    all_rules = rules(PLAN, bearing, PROMISE, SETTLEMENT)
    for one in propose(all_rules, of, USURY, capacity):
        assert check(one.terms, all_rules, of, USURY) == ()
        made = agree("g1", one.terms, all_rules, of, USURY, at=NOW, by="debtor")
        assert made.instalments == one.instalments
        assert (made.expires_on, made.approval) == (one.expires_on, ())
        owed = sum(made.debt.values()) - sum(made.discount.values())
        assert made.total_minor - made.interest_minor == owed
        assert today < one.expires_on <= one.instalments[0].due_on + timedelta(days=1)
        if capacity is not None:
            own = one.instalments[1:] if one.terms.first_minor else one.instalments
            assert a_month(own) <= capacity


# --- making an agreement -------------------------------------------------------------------------


def test_terms_become_an_agreement_that_is_offered() -> None:
    of = case(interest=80 * ONE)
    asked = terms("old-debt", in_days=10, discount={"interest": 80 * ONE, "fee": 0})
    made = agree("g1", asked, rules(SETTLEMENT), of, USURY, at=NOW, by="debtor", replaces="g0")
    assert (made.state, made.kind, made.offer, made.replaces) == (
        "offered",
        "settlement",
        "old-debt",
        "g0",
    )
    assert made.debts == {"r1": {"principal": 500 * ONE, "interest": 80 * ONE}}
    assert made.discount == {"interest": 80 * ONE}
    assert made.instalments == (Instalment(1, date(2026, 9, 25), 500 * ONE),)
    assert made.calculated_on == TODAY
    assert made.history == (Change(NOW, "offered", "debtor"),)
    assert made.settles_in_full


def test_the_rules_tolerance_travels_with_it_and_is_never_more_than_a_tenth() -> None:
    made = agree("g1", terms(instalments=2), rules(PLAN), case(), USURY, at=NOW, by="debtor")
    assert (made.tolerance_days, made.tolerance_minor, made.resume_at) == (5, ONE, "firm")
    lax = replace(PLAN, tolerance_minor={"COP": 400 * ONE})
    made = agree("g1", terms(instalments=2), rules(lax), case(), USURY, at=NOW, by="debtor")
    assert made.tolerance_minor == 25 * ONE


def test_what_goes_beyond_waits_for_a_role_that_may() -> None:
    asked = terms(instalments=20)
    of = case(5_000 * ONE)
    made = agree(
        "g1", asked, rules(PLAN), of, USURY, at=NOW, by="operator", role="agent", who="luis"
    )
    assert made.approval == ("supervisor",)
    evidence = Acceptance(NOW, "debtor", "phone")
    waiting = accept(made, evidence, TODAY).agreement
    assert follow(waiting, {}, NOW, TODAY).agreement.state == "accepted"
    approved = approve(waiting, "supervisor", at=NOW, who="marta")
    assert follow(approved, {}, NOW, TODAY).agreement.state == "active"
    by_supervisor = agree(
        "g1", asked, rules(PLAN), of, USURY, at=NOW, by="operator", role="supervisor"
    )
    assert by_supervisor.approval == ()


def test_an_operator_without_a_role_of_their_own_is_any() -> None:
    of = case(5_000 * ONE)
    made = agree("g1", terms(instalments=12), rules(PLAN), of, USURY, at=NOW, by="operator")
    assert made.approval == ()
    alone = agree("g1", terms(instalments=12), rules(PLAN), of, USURY, at=NOW, by="debtor")
    assert alone.approval == ("*", "supervisor")


def test_what_nobody_may_agree_to_is_refused() -> None:
    with pytest.raises(AgreementError, match="nobody may agree to this: instalments too_many"):
        agree("g1", terms(instalments=99), rules(PLAN), case(), USURY, at=NOW, by="operator")


# --- in words ------------------------------------------------------------------------------------


class Plain:
    """Amounts in thousands of pesos, dates as they sort."""

    def money(self, amount_minor: int, currency: str) -> str:
        return f"{currency} {amount_minor // ONE}k"

    def day(self, on: date) -> str:
        return on.isoformat()


SAID = [
    (
        Problem("instalments", "too_many", 6, "supervisor"),
        "pueden ser como máximo 6 cuotas (lo puede aprobar: supervisor)",
        "there can be 6 instalments at most (can be approved by: supervisor)",
    ),
    (
        Problem("instalments", "too_many", 6, "*"),
        "pueden ser como máximo 6 cuotas (lo puede aprobar: una persona que le atienda)",
        "there can be 6 instalments at most (can be approved by: a person who attends to you)",
    ),
    (
        Problem("instalments", "too_small", 50 * ONE),
        "las cuotas quedan por debajo del mínimo de COP 50k; elija menos cuotas",
        "the instalments fall below the least of COP 50k; choose fewer",
    ),
    (
        Problem("first_on", "too_late", date(2026, 9, 30)),
        "la fecha puede ser a más tardar el 2026-09-30",
        "the date can be 2026-09-30 at the latest",
    ),
    (
        Problem("discount.interest", "too_much", 80 * ONE),
        "el descuento de intereses puede ser como máximo COP 80k",
        "the discount of interest can be COP 80k at most",
    ),
    (
        Problem("offer", "broken_before", 1),
        "ya se incumplieron más acuerdos de los permitidos (1)",
        "more agreements were broken before than are allowed (1)",
    ),
    (
        Problem("capacity_minor", "not_realistic", 100 * ONE),
        "en un mes habría que pagar COP 100k, más de lo que dijo que puede pagar",
        "COP 100k would have to be paid in a month, more than what was said can be paid",
    ),
    (
        Problem("every", "not_offered"),
        "las cuotas no se pueden pagar con esta frecuencia",
        "instalments cannot be paid this often",
    ),
]


@pytest.mark.parametrize(("problem", "spanish", "english"), SAID)
def test_a_problem_is_said_in_both_languages(problem: Problem, spanish: str, english: str) -> None:
    assert problem_sentence(problem, "COP", locale="es-CO", writer=Plain()) == spanish
    assert problem_sentence(problem, "COP", locale="en", writer=Plain()) == english


def test_every_problem_that_can_be_found_has_its_words() -> None:
    """L24: whatever check says can be said to a person."""
    asked: list[tuple[Terms, OfferRule, Case]] = [
        (terms("nothing"), PLAN, case()),
        (terms(instalments=3), PLAN, case(broken=9)),
        *((terms(instalments=3, amount_minor=amount), PLAN, case()) for amount in (-1, 0, 10**12)),
        *((terms("promise", amount_minor=amount), PROMISE, case()) for amount in (0, 10**12)),
        *((terms(in_days=wait, instalments=2), PLAN, case()) for wait in (-1, 99)),
        (terms(in_days=14, instalments=2, every="twice_monthly"), PLAN, case()),
        (terms(instalments=2, every="week"), PLAN, case()),
        *((terms(instalments=count), PLAN, case()) for count in (1, 99)),
        (terms(instalments=6), PLAN, case(60 * ONE)),
        (terms(instalments=6), PLAN, case(3)),
        (terms(first_minor=1), PLAN, case()),
        *((terms(instalments=2, first_minor=minor), PLAN, case()) for minor in (-1, 10**12)),
        *(
            (terms("old-debt", in_days=10, discount=discount), SETTLEMENT, case(100))
            for discount in ({"tax": 1}, {"fee": -1}, {}, {"principal": 100})
        ),
        (terms(instalments=2, capacity_minor=1), PLAN, case()),
    ]
    found = {
        (problem.field.partition(".")[0], problem.code): problem
        for one, rule, of in asked
        for problem in problems(one, rule, of)
    }
    assert len(found) == 20
    for problem in found.values():
        for locale in ("es-CO", "en"):
            said = problem_sentence(problem, "COP", locale=locale, writer=Plain())
            assert said
            assert "None" not in said
            assert "{" not in said


def said(proposal: Proposal, locale: str) -> list[str]:
    return proposal_sentences(proposal, locale=locale, writer=Plain())


def test_a_plan_is_said_with_its_amounts_and_dates() -> None:
    found = propose(rules(PLAN), case(250 * ONE), USURY)
    assert said(found[1], "es-CO") == [
        "3 cuotas mensuales: 2 de COP 84k y 1 de COP 82k. La primera es el 2026-09-30 y la última "
        "el 2026-11-30; en total COP 250k."
    ]
    assert said(found[2], "en") == [
        "2 twice-monthly instalments: 2 of COP 125k. The first is on 2026-09-30 and the last on "
        "2026-10-15; COP 250k in all."
    ]


def test_a_settlement_is_said_with_what_is_taken_off() -> None:
    once, in_three = propose(rules(SETTLEMENT), case(interest=80 * ONE), USURY)
    assert said(once, "es-CO") == [
        "Pagar COP 425k a más tardar el 2026-09-25 y quedar a paz y salvo por esta deuda.",
        "Si cumple, se le descuentan COP 155k.",
    ]
    assert said(in_three, "en") == [
        "3 monthly instalments: 1 of COP 170k and 2 of COP 127k. The first is on 2026-09-25 and "
        "the last on 2026-11-25; COP 425k in all.",
        "If you keep to it, COP 155k is taken off.",
    ]


def test_a_promise_and_an_extension_are_said_with_their_day() -> None:
    extension = replace(PROMISE, offer="extension", kind="extension")
    found = propose(rules(PROMISE, extension), case(), USURY)
    assert [said(one, "es-CO")[0] for one in found] == [
        "Pagar COP 500k a más tardar el 2026-09-30.",
        "Nueva fecha de pago: COP 500k a más tardar el 2026-09-30.",
    ]
    assert [said(one, "en")[0] for one in found] == [
        "Pay COP 500k by 2026-09-30.",
        "A new date to pay: COP 500k by 2026-09-30.",
    ]


def test_interest_is_said() -> None:
    dear = replace(PLAN, every=("month",), interest=PlanInterest(200_000, "usura", ("COP",)))
    found = propose(rules(dear), case(), USURY)
    assert said(found[0], "es-CO")[1] == "Incluye COP 7k de intereses."
    assert said(found[0], "en")[1] == "This includes COP 7k of interest."


# --- what travels --------------------------------------------------------------------------------


def test_rules_and_terms_say_the_same_when_they_are_read_again() -> None:
    dear = replace(PLAN, interest=PlanInterest(200_000, "usura", ("COP",)))
    for value in (
        rules(dear, PROMISE, SETTLEMENT),
        terms("old-debt", instalments=3, first_minor=5, discount={"fee": 1}, capacity_minor=9),
        Problem("first_on", "too_late", date(2026, 9, 30)),
    ):
        assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value
