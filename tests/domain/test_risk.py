"""Risk: a grade from the account's own history, every factor shown, in whole numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Behaviour
from escalon.domain.rules.risk import Factor, assess, exposure, grade_of
from escalon.domain.rules.rulebook import RiskModel
from tests.domain.debts import account, receivable

MODEL = RiskModel(
    model="test-1",
    weights={
        "share_late": 60,
        "mean_days_late": 20,
        "trend": 15,
        "broken_agreements": 20,
        "exposure": 5,
    },
    grades={"low": 2_500, "medium": 4_500, "high": 10_001},
    expected=3_500,
)
PAID = Behaviour(settled=8, late=2, late_days=40, recent=(0, 0, 0, 0, 0, 0, 20, 20))


def test_each_factor_is_shown_with_what_it_is_made_of() -> None:
    found = assess(account(behaviour=PAID), MODEL)
    assert found.factors == (
        # (2 × 100 % + 2 × 35 %) ÷ (8 + 2)
        Factor("share_late", 2_700, 60, {"late": 2, "settled": 8}),
        # 40 days over (8 + 2), of 30
        Factor("mean_days_late", 1_333, 20, {"days": 40, "settled": 8}),
        Factor("trend", 2_700, 15, {"late": 2, "settled": 8}),
    )
    assert found.unknown == ("broken_agreements", "exposure")
    assert found.score == (60 * 2_700 + 20 * 1_333 + 15 * 2_700) // 95 == 2_412
    assert (found.model, found.grade) == ("test-1", "low")


def test_what_nobody_knows_does_not_count() -> None:
    known = account(behaviour=replace(PAID, kept=1, broken=3), credit_limits={"COP": 20_000_000})
    found = assess(known, MODEL)
    assert found.unknown == ()
    assert found.factors[3:] == (
        Factor("broken_agreements", 7_500, 20, {"broken": 3, "kept": 1}),
        Factor("exposure", 0, 5, {"open_minor": 0, "limit_minor": 20_000_000}),
    )


def test_who_gets_worse_is_worse_than_their_years() -> None:
    steady = Behaviour(settled=40, late=10, late_days=100, recent=(10, 0, 0, 0, 10, 0, 0, 0))
    worse = replace(steady, recent=(0, 0, 0, 10, 10, 10, 10, 10))
    assert (
        assess(account(behaviour=worse), MODEL).score
        > assess(account(behaviour=steady), MODEL).score
    )


def test_exposure_is_that_of_the_currency_in_which_it_is_most() -> None:
    debts = (receivable(), receivable(receivable_id="r2", currency="USD", open_minor=900))
    limits = {"COP": 100_000_000, "USD": 1_000}
    assert exposure(account(*debts, credit_limits=limits)) == (900, 1_000)
    assert exposure(account(*debts)) is None


@pytest.mark.parametrize(
    ("kept", "broken", "grade"),
    [(7_501, 2_499, "low"), (3, 1, "medium"), (5_501, 4_499, "medium"), (11, 9, "high")],
)
def test_a_grade_begins_at_its_score(kept: int, broken: int, grade: str) -> None:
    """Each threshold below and at it: 24.99 %, 25 %, 44.99 %, 45 %."""
    only = replace(MODEL, weights={"broken_agreements": 1})
    known = Behaviour(settled=3, kept=kept, broken=broken)
    assert assess(account(behaviour=known), only).grade == grade


def test_of_whom_too_little_is_known_nobody_says_a_grade() -> None:
    assert grade_of(account(behaviour=Behaviour(settled=2)), MODEL) == ""
    assert grade_of(account(behaviour=Behaviour(settled=3)), MODEL) == "low"


def test_what_the_source_states_goes_first() -> None:
    assert grade_of(account(behaviour=PAID, risk="high"), MODEL) == "high"
    assert grade_of(account(behaviour=PAID), None) == ""


@settings(max_examples=100, deadline=None)
@given(
    settled=st.integers(0, 1_000),
    late=st.integers(0, 1_000),
    days=st.integers(0, 100_000),
    broken=st.integers(0, 50),
    limit=st.integers(1, 10**12),
)
def test_a_score_is_a_share_whatever_the_history(
    settled: int, late: int, days: int, broken: int, limit: int
) -> None:
    paid = Behaviour(min(late, settled) + settled, min(late, settled), days, (3,) * 8, 0, broken)
    who: Account = account(receivable(), behaviour=paid, credit_limits={"COP": limit})
    found = assess(who, MODEL)
    assert 0 <= found.score <= 10_000
    assert found.grade in ("", *MODEL.grades)
