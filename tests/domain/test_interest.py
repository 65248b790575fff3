"""Default interest: by the day, by the month's rate, never above the cap, exact however often."""

from datetime import date, timedelta
from decimal import localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import Account, Hold, Receivable
from escalon.domain.payments.interest import (
    Accrual,
    MissingMonth,
    accruals,
    accrue,
    charge_through,
    give_back,
    missing_months,
)
from escalon.domain.rules.rulebook import (
    Chase,
    Creditor,
    HoldKind,
    InterestTerms,
    Rate,
    RateTable,
    Rulebook,
)
from tests.domain.debts import account, at, receivable, rulebook

SAYS = settings(max_examples=200, deadline=None)

# Minor units of COP 1,000,000. At 25.52 % a year a day bears 62,291.974886 of them.
MILLION_PESOS = 100_000_000


def table(**rates: int) -> RateTable:
    """Effective annual rates in millionths by month, written m2026_03."""
    months = {name[1:].replace("_", "-"): rate for name, rate in rates.items()}
    return RateTable("usura", {m: Rate(m, rate, "test") for m, rate in months.items()})


def every_month(rates: list[int], first: int = 2024) -> RateTable:
    """Rates for each month from January of a year on."""
    months = {f"{first + n // 12}-{n % 12 + 1:02}": rate for n, rate in enumerate(rates)}
    return RateTable("usura", {m: Rate(m, rate, "test") for m, rate in months.items()})


TERMS = InterestTerms("usura", currencies=("COP",))
MARCH = table(m2026_03=255_200)
CERTIFIED = table(m2026_01=243_600, m2026_02=250_000, m2026_03=255_200, m2026_04=255_200)


def debt(due: str | None = "2026-02-28", **more: Any) -> Receivable:
    """COP 1,000,000, known long before it was due."""
    made = {"open_minor": MILLION_PESOS, "amount_minor": MILLION_PESOS, **more}
    return receivable(due, **{"known_on": date(2025, 1, 1), "issued_on": date(2025, 1, 1), **made})


def charged(before: Receivable, accrual: Accrual) -> Receivable:
    """The receivable with the accrual booked."""
    interest = before.extras.get("interest", 0) + accrual.amount_minor
    return replace(
        before,
        open_minor=before.open_minor + accrual.amount_minor,
        extras={"interest": interest} if interest else {},
        accrued_through=accrual.through,
        accrued_rest=accrual.rest,
    )


# --- what a day bears ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("through", "expected"),
    [
        (date(2026, 2, 28), Accrual(0, None, 0)),  # the due date itself
        (date(2026, 3, 1), Accrual(62_291, date(2026, 3, 1), 974_886)),
        (date(2026, 3, 2), Accrual(124_583, date(2026, 3, 2), 949_772)),
        (date(2026, 3, 31), Accrual(1_931_051, date(2026, 3, 31), 221_466)),
    ],
)
def test_each_day_past_due_bears_the_daily_part_of_the_annual_rate(
    through: date, expected: Accrual
) -> None:
    """1.2552 ** (1 / 365) − 1 = 0.000622919748869106114187…"""
    assert accrue(debt(), TERMS, MARCH, through=through) == expected


@pytest.mark.parametrize(
    ("from_day", "through", "days"),
    [
        (1, "2026-02-28", 0), (1, "2026-03-01", 1), (1, "2026-03-02", 2),
        (5, "2026-03-04", 0), (5, "2026-03-05", 1), (5, "2026-03-06", 2),
    ],
)  # fmt: skip
def test_it_begins_on_its_day_past_due_and_does_not_reach_back(
    from_day: int, through: str, days: int
) -> None:
    """L25: a day before, on the day, a day after."""
    terms = replace(TERMS, from_day=from_day)
    accrual = accrue(debt(), terms, MARCH, through=date.fromisoformat(through))
    assert accrual.amount_minor * 10**6 + accrual.rest == days * 62_291_974_886


@pytest.mark.parametrize(
    ("agreed", "amount_minor"),
    [
        (180_000, 45_356),  # 18 %
        (255_199, 62_291),
        (255_200, 62_291),
        (255_201, 62_291),
        (300_000, 62_291),
        (None, 62_291),
    ],
)
def test_the_agreed_rate_counts_up_to_the_table_and_no_further(
    agreed: int | None, amount_minor: int
) -> None:
    accrual = accrue(debt(), replace(TERMS, agreed=agreed), MARCH, through=date(2026, 3, 1))
    assert accrual.amount_minor == amount_minor
    just_below = 756_480 if agreed == 255_199 else 974_886
    assert accrual.rest == (704_544 if agreed == 180_000 else just_below)


def test_each_day_bears_the_rate_of_its_own_month() -> None:
    """31 January at 24.36 % is 59,746.717739; 1 February at 25 % is 61,153.910922."""
    old = debt("2026-01-30")
    january = accrue(old, TERMS, CERTIFIED, through=date(2026, 1, 31))
    both = accrue(old, TERMS, CERTIFIED, through=date(2026, 2, 1))
    assert january == Accrual(59_746, date(2026, 1, 31), 717_739)
    assert both == Accrual(120_900, date(2026, 2, 1), 628_661)


def test_interest_and_fees_bear_no_interest() -> None:
    """L16: components; Colombia, Civil Code 1617."""
    grown = debt(
        open_minor=MILLION_PESOS + 7_000_000, extras={"interest": 5_000_000, "fee": 2_000_000}
    )
    assert accrue(grown, TERMS, MARCH, through=date(2026, 3, 1)).amount_minor == 62_291


def test_a_leap_day_bears_like_any_other_and_a_leap_year_stays_below_the_annual_rate() -> None:
    rates = every_month([255_200] * 12, first=2028)
    old = debt("2027-12-31")
    february = accrue(old, TERMS, rates, through=date(2028, 2, 28))
    leap_day = accrue(charged(old, february), TERMS, rates, through=date(2028, 2, 29))
    assert leap_day.amount_minor in (62_291, 62_292)
    year = accrue(old, TERMS, rates, through=date(2028, 12, 31))
    assert year.amount_minor == 22_798_862  # 366 days; 25.52 % would be 25,520,000


def test_a_small_debt_loses_nothing_to_rounding() -> None:
    """One peso bears 0.0623 of its 100 minor units a day: 16 days make nothing, 17 make one."""
    peso = debt(open_minor=100)
    assert accrue(peso, TERMS, MARCH, through=date(2026, 3, 16)).amount_minor == 0
    assert accrue(peso, TERMS, MARCH, through=date(2026, 3, 17)).amount_minor == 1


def test_what_is_computed_around_it_makes_no_difference() -> None:
    """Invariant 6: whatever precision somebody has set for decimals."""
    odd = replace(TERMS, agreed=123_457)
    with localcontext() as around:
        around.prec = 3
        few_digits = accrue(debt(), odd, MARCH, through=date(2026, 3, 31))
    assert few_digits == accrue(debt(), odd, MARCH, through=date(2026, 3, 31))
    assert few_digits.amount_minor == 988_849


# --- from when -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "days"),
    [("2026-02-27", 10), ("2026-02-28", 10), ("2026-03-01", 9), ("2026-03-05", 5)],
)
def test_what_a_debt_bore_before_its_source_told_of_it_is_the_sources_to_state(
    known: str, days: int
) -> None:
    late = debt(known_on=date.fromisoformat(known))
    accrual = accrue(late, TERMS, MARCH, through=date(2026, 3, 10))
    assert accrual.amount_minor * 10**6 + accrual.rest == days * 62_291_974_886


@pytest.mark.parametrize(
    ("since", "days"),
    [("2026-02-28", 10), ("2026-03-01", 10), ("2026-03-02", 9), ("2026-03-11", 0)],
)
def test_interest_that_a_creditor_begins_to_charge_does_not_reach_back(
    since: str, days: int
) -> None:
    """L8: a new rule does not charge the whole book's past."""
    terms = replace(TERMS, since=date.fromisoformat(since))
    accrual = accrue(debt(), terms, MARCH, through=date(2026, 3, 10))
    assert accrual.amount_minor * 10**6 + accrual.rest == days * 62_291_974_886


def test_twice_through_the_same_day_charges_once() -> None:
    """L1"""
    first = accrue(debt(), TERMS, MARCH, through=date(2026, 3, 10))
    assert first.amount_minor == 622_919
    again = charged(debt(), first)
    for through in (date(2026, 3, 10), date(2026, 3, 9), date(2026, 2, 1)):
        assert accrue(again, TERMS, MARCH, through=through) == Accrual(
            0, date(2026, 3, 10), first.rest
        )


# --- a month that is missing ---------------------------------------------------------------------


def test_a_month_without_a_rate_stops_it_and_says_so() -> None:
    old = debt("2026-01-21")
    rates = table(m2026_01=243_600, m2026_03=255_200)
    accrual = accrue(old, TERMS, rates, through=date(2026, 3, 10))
    assert accrual == Accrual(597_467, date(2026, 1, 31), 177_390, "2026-02")
    stopped = charged(old, accrual)
    again = accrue(stopped, TERMS, rates, through=date(2026, 3, 11))
    assert again == Accrual(0, date(2026, 1, 31), 177_390, "2026-02")


def test_it_goes_on_where_it_stopped_once_the_month_is_there() -> None:
    old = debt("2026-01-21")
    rates = table(m2026_01=243_600, m2026_03=255_200)
    first = accrue(old, TERMS, rates, through=date(2026, 3, 10))
    rest = accrue(charged(old, first), TERMS, CERTIFIED, through=date(2026, 3, 10))
    whole = accrue(old, TERMS, CERTIFIED, through=date(2026, 3, 10))
    assert first.amount_minor + rest.amount_minor == whole.amount_minor == 2_932_696
    assert (rest.through, rest.rest) == (whole.through, whole.rest)


def test_not_even_the_first_day_is_charged_where_its_month_is_missing() -> None:
    accrual = accrue(debt(), TERMS, table(m2026_01=243_600), through=date(2026, 3, 1))
    assert accrual == Accrual(0, None, 0, "2026-03")


# --- exact, however often ------------------------------------------------------------------------

RATES = st.integers(1, 1_000_000)
PRINCIPALS = st.one_of(st.integers(1, 10**5), st.integers(1, 10**13))
OFFSETS = st.integers(0, 700)
SPANS = st.lists(st.integers(1, 200), min_size=1, max_size=8)


@SAYS
@given(PRINCIPALS, st.lists(RATES, min_size=60, max_size=60), OFFSETS, SPANS, RATES | st.none())
def test_accruing_daily_or_at_any_intervals_charges_what_accruing_once_does(
    principal_minor: int, rates: list[int], offset: int, spans: list[int], agreed: int | None
) -> None:
    rates_by_month = every_month(rates)
    terms = replace(TERMS, agreed=agreed)
    due = date(2024, 1, 1) + timedelta(days=offset)
    piecemeal = whole = debt(due.isoformat(), open_minor=principal_minor, known_on=date(2023, 1, 1))
    through = due
    for days in spans:
        through += timedelta(days=days)
        accrual = accrue(piecemeal, terms, rates_by_month, through=through)
        assert 0 <= accrual.rest < 10**6
        piecemeal = charged(piecemeal, accrual)
    assert piecemeal == charged(whole, accrue(whole, terms, rates_by_month, through=through))


@SAYS
@given(PRINCIPALS, RATES, RATES | st.none(), st.integers(1, 366))
def test_it_is_never_above_the_cap_nor_above_what_was_agreed(
    principal_minor: int, certified: int, agreed: int | None, days: int
) -> None:
    """The cap in exact fractions: the highest simple daily rate that a year of compounding does not
    bring above the effective annual rate. Each day's interest is below it by less than the
    millionth of a minor unit to which it is rounded."""
    rates = every_month([certified] * 24)
    old = debt("2023-12-31", open_minor=principal_minor, known_on=date(2023, 1, 1))
    accrual = accrue(
        old, replace(TERMS, agreed=agreed), rates, through=date(2023, 12, 31) + timedelta(days=days)
    )
    a_day = Fraction(accrual.amount_minor * 10**6 + accrual.rest, days)
    assert a_day.denominator == 1
    annual = 1 + Fraction(min(certified, agreed or certified), 10**6)
    assert (1 + a_day / 10**6 / principal_minor) ** 365 <= annual
    assert (1 + (a_day + 1) / 10**6 / principal_minor) ** 365 > annual


@SAYS
@given(
    PRINCIPALS,
    st.lists(RATES, min_size=60, max_size=60),
    OFFSETS,
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_giving_back_through_a_day_undoes_what_was_charged_after_it(
    principal_minor: int, rates: list[int], offset: int, early: int, more: int
) -> None:
    rates_by_month = every_month(rates)
    due = date(2024, 1, 1) + timedelta(days=offset)
    paid_on = due + timedelta(days=early)
    old = debt(due.isoformat(), open_minor=principal_minor, known_on=date(2023, 1, 1))
    then = charged(old, accrue(old, TERMS, rates_by_month, through=paid_on))
    late = charged(old, accrue(old, TERMS, rates_by_month, through=paid_on + timedelta(days=more)))
    back = give_back(late, TERMS, rates_by_month, through=paid_on)
    assert back.amount_minor <= 0
    undone = charged(late, back)
    assert (undone.open_minor, undone.accrued_rest) == (then.open_minor, then.accrued_rest)
    assert accrue(undone, TERMS, rates_by_month, through=paid_on + timedelta(days=more)) == accrue(
        then, TERMS, rates_by_month, through=paid_on + timedelta(days=more)
    )


def test_money_told_of_late_is_as_if_it_had_been_told_of_on_its_day() -> None:
    """Paid on 10 March, told of on 12 March: the two days between bear on what was left alone."""
    old = debt()
    late = charged(old, accrue(old, TERMS, MARCH, through=date(2026, 3, 12)))
    back = give_back(late, TERMS, MARCH, through=date(2026, 3, 10))
    assert back == Accrual(-124_584, date(2026, 3, 10), 748_860)
    paid = replace(charged(late, back), open_minor=charged(late, back).open_minor - 60_000_000)
    rest = accrue(paid, TERMS, MARCH, through=date(2026, 3, 12))
    assert rest.amount_minor == 49_834


def test_nothing_is_given_back_that_was_not_charged() -> None:
    untouched = debt()
    assert give_back(untouched, TERMS, MARCH, through=date(2026, 3, 1)) == Accrual(0, None, 0)
    late = charged(untouched, accrue(untouched, TERMS, MARCH, through=date(2026, 3, 12)))
    assert give_back(late, TERMS, MARCH, through=date(2026, 3, 12)).amount_minor == 0
    assert give_back(late, TERMS, MARCH, through=date(2026, 1, 1)) == Accrual(
        -747_503, date(2026, 1, 1), 0
    )
    forgiven = replace(TERMS, since=date(2026, 3, 20))
    assert give_back(late, forgiven, MARCH, through=date(2026, 3, 10)).amount_minor == 0
    without = give_back(late, TERMS, table(m2026_01=243_600), through=date(2026, 3, 10))
    assert without == Accrual(0, date(2026, 3, 12), late.accrued_rest, "2026-03")


# --- a whole account -----------------------------------------------------------------------------


def creditor(name: str = "andina", **more: Any) -> Creditor:
    """A creditor that charges the table's rate, on pesos."""
    made: dict[str, Any] = {"interest": TERMS, **more}
    return Creditor(name, name, name, "NIT 1", "CO", "a@b.co", "a@b.co", "1", **made)


def rules(*creditors: Creditor, **more: Any) -> Rulebook:
    """A rulebook of these creditors; a dispute rests for 60 days at most."""
    made: dict[str, Any] = {
        "creditors": {each.creditor: each for each in creditors or (creditor(),)},
        "rates": {"usura": CERTIFIED},
        "holds": {"dispute": HoldKind(60)},
        **more,
    }
    return rulebook(**made)


TODAY = date(2026, 3, 10)


def borne(debtor: Account, by: Rulebook, today: date = TODAY) -> dict[str, int]:
    """Interest of each receivable, in minor units."""
    found = accruals(debtor, debtor.receivables, by, today)
    return {each.receivable_id: accrual.amount_minor for each, accrual in found}


def test_every_receivable_past_due_bears_by_its_creditors_terms() -> None:
    agreed = replace(TERMS, agreed=180_000)
    by = rules(creditor(), creditor("cordillera", interest=agreed), creditor("free", interest=None))
    debtor = account(
        debt(),
        debt("2026-03-09", receivable_id="r2"),
        debt("2026-03-10", receivable_id="due today"),
        debt(receivable_id="r3", creditor="cordillera"),
        debt(receivable_id="r4", creditor="free"),
        debt(receivable_id="r5", creditor="unheard-of"),
        debt(receivable_id="r6", currency="USD"),
        debt(None, receivable_id="r7"),
    )
    assert borne(debtor, by) == {"r1": 622_919, "r2": 62_291, "r3": 453_567}


def test_nothing_is_to_be_written_twice_on_a_day() -> None:
    debtor = account(debt())
    ((found, accrual),) = accruals(debtor, debtor.receivables, rules(), TODAY)
    again = account(charged(found, accrual))
    assert accruals(again, again.receivables, rules(), TODAY) == []
    assert borne(again, rules(), TODAY + timedelta(days=1)) == {"r1": 62_292}


def test_a_missing_month_is_reported_for_each_receivable_that_stops() -> None:
    by = rules(rates={"usura": table(m2026_01=243_600)})
    debtor = account(debt("2026-01-21"), debt(receivable_id="r2"))
    found = accruals(debtor, debtor.receivables, by, TODAY)
    assert [(each.receivable_id, a.amount_minor, a.missing) for each, a in found] == [
        ("r1", 597_467, "2026-02"),
        ("r2", 0, "2026-03"),
    ]


def test_what_the_creditor_owes_the_debtor_bears_nothing_the_oldest_first() -> None:
    """L15; Colombia, Civil Code 1715: debts of both sides settle each other."""
    debtor = account(
        debt("2026-03-08", receivable_id="young"),
        debt("2026-02-28", receivable_id="old"),
        debt("2026-02-01", receivable_id="note", open_minor=-MILLION_PESOS // 2),
        credits={"andina|COP": MILLION_PESOS, "andina|USD": 10**12, "other|COP": 10**12},
    )
    # 1,500,000 pesos cover the old debt and half of the young one, which bears for two days.
    assert borne(debtor, rules()) == {"old": 0, "young": 62_291}


def test_days_that_credit_covered_are_not_charged_later() -> None:
    covered = account(debt(), credits={"andina|COP": MILLION_PESOS})
    ((found, accrual),) = accruals(covered, covered.receivables, rules(), TODAY)
    assert accrual == Accrual(0, TODAY, 0)
    assert borne(account(charged(found, accrual)), rules(), TODAY + timedelta(days=1)) == {
        "r1": 62_291
    }


@pytest.mark.parametrize("receivable_id", ["r1", None])
def test_what_is_on_hold_does_not_grow_and_its_days_are_charged_when_the_hold_ends(
    receivable_id: str | None,
) -> None:
    """L13: a hold ends by itself, and nothing is lost or charged twice by it."""
    hold = Hold("h", "dispute", date(2026, 3, 5), date(2026, 3, 10), receivable_id)
    start = account(debt(), holds=(hold,))
    (before,) = accruals(start, start.receivables, rules(), date(2026, 3, 4))
    held = replace(start, receivables=(charged(*before),))
    assert borne(held, rules(), date(2026, 3, 5)) == {}
    assert borne(held, rules(), date(2026, 3, 9)) == {}
    (after,) = accruals(held, held.receivables, rules(), date(2026, 3, 10))
    assert before[1].amount_minor + after[1].amount_minor == 622_919


def test_what_a_dispute_took_away_has_borne_nothing() -> None:
    held = account(debt(), holds=(Hold("h", "dispute", date(2026, 2, 28), None, "r1"),))
    assert borne(held, rules(), TODAY) == {}
    decided = account(debt(open_minor=MILLION_PESOS // 2))
    assert borne(decided, rules(), TODAY) == {"r1": 311_459}


def test_a_held_receivable_leaves_the_others_as_they_are() -> None:
    hold = Hold("h", "dispute", date(2026, 2, 28), None, "r1")
    debtor = account(debt(), debt(receivable_id="r2"), holds=(hold,))
    assert borne(debtor, rules()) == {"r2": 622_919}


@pytest.mark.parametrize(("days", "bears"), [(11, True), (10, True), (9, False)])
def test_what_is_too_old_to_be_chased_bears_nothing_more(days: int, bears: bool) -> None:
    """L25: 10 days past due, and no more than `oldest_debt`."""
    by = rules(chase=Chase({"COP": 1}, oldest_debt_days=days))
    assert bool(borne(account(debt()), by)) is bears


def test_what_is_not_issued_yet_bears_nothing_and_covers_nothing() -> None:
    tomorrow = TODAY + timedelta(days=1)
    debtor = account(
        debt(),
        debt(receivable_id="r2", issued_on=tomorrow),
        debt(receivable_id="note", issued_on=tomorrow, open_minor=-MILLION_PESOS),
    )
    assert borne(debtor, rules()) == {"r1": 622_919}


# --- months that are needed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "months"),
    [
        ("2026-04-25", []),
        ("2026-04-26", ["2026-05"]),
        ("2026-05-01", ["2026-05"]),
        ("2026-05-27", ["2026-05", "2026-06"]),
    ],
)
def test_a_month_is_asked_for_a_few_days_ahead(today: str, months: list[str]) -> None:
    by = rules(creditor(interest=replace(TERMS, since=date(2026, 1, 15))))
    found = missing_months(by, date.fromisoformat(today))
    assert found == [MissingMonth("usura", month, ("andina",)) for month in months]


def test_a_month_that_was_never_added_is_asked_for_until_it_is() -> None:
    since = replace(TERMS, since=date(2025, 12, 31))
    shared = creditor("cordillera", interest=replace(TERMS, since=date(2026, 2, 1)))
    by = rules(
        creditor(interest=since), shared, creditor("free", interest=None),
        rates={"usura": table(m2026_01=243_600, m2026_03=255_200)},
    )  # fmt: skip
    assert missing_months(by, TODAY) == [
        MissingMonth("usura", "2025-12", ("andina",)),
        MissingMonth("usura", "2026-02", ("andina", "cordillera")),
    ]


def test_nothing_is_asked_for_before_anybody_charges() -> None:
    later = rules(creditor(interest=replace(TERMS, since=date(2026, 9, 1))))
    assert missing_months(later, date(2026, 8, 26)) == []
    assert missing_months(later, date(2026, 8, 27)) == [
        MissingMonth("usura", "2026-09", ("andina",))
    ]
    shipped = load_rulebook(Path(__file__).parents[2] / "config", try_messages=False)
    assert missing_months(shipped, date(2026, 11, 23)) == []


# ------------------------------------------------------------------------------ charging it


NOON = at("2026-03-10 12:00")


def charged_through(
    debt: Account, day: date
) -> tuple[Account, list[tuple[str, int]], tuple[str, ...]]:
    booking, missing = charge_through(debt, rules(), day, NOON)
    told = [(f"{e.kind} {e.component}", e.amount_minor) for e in booking.entries]
    return booking.account, told, missing


def test_interest_is_an_entry_of_its_own_and_is_charged_once() -> None:
    owing, told, missing = charged_through(account(debt()), date(2026, 3, 10))
    # Ten days of March: 10 × 62,291.974886 minor units.
    assert (told, missing) == ([("interest interest", 622_919)], ())
    (found,) = owing.receivables
    assert (found.open_minor, found.principal_minor, found.extras) == (
        100_622_919,
        100_000_000,
        {"interest": 622_919},
    )
    assert (found.accrued_through, found.accrued_rest) == (date(2026, 3, 10), 748_860)
    assert charged_through(owing, date(2026, 3, 10))[1] == []


def test_what_was_charged_for_later_days_is_given_back_as_far_as_it_is_open() -> None:
    owing, _, _ = charged_through(account(debt()), date(2026, 3, 10))
    back, told, _ = charged_through(owing, date(2026, 3, 4))
    assert told == [("interest interest", -373_752)]  # six of the ten days
    assert back.receivables[0].extras == {"interest": 249_167}
    (some,) = owing.receivables
    paid = replace(some, open_minor=100_000_100, extras={"interest": 100})
    settled, told, _ = charged_through(account(paid), date(2026, 3, 4))
    assert told == [("interest interest", -100)]
    assert settled.receivables[0].extras == {}


def test_interest_that_was_paid_and_is_not_owed_counts_for_the_days_to_come() -> None:
    """All of ten days is paid, then money of the fourth is told of: no day is charged twice."""
    owing, _, _ = charged_through(account(debt()), date(2026, 3, 10))
    (some,) = owing.receivables
    settled = account(replace(some, open_minor=MILLION_PESOS, extras={}))
    back, told, _ = charged_through(settled, date(2026, 3, 4))
    assert told == []
    again, told, _ = charged_through(back, date(2026, 3, 10))
    assert told == []
    (found,) = again.receivables
    assert (found.accrued_through, found.accrued_rest) == (date(2026, 3, 10), 748_860)
    # Eleven days bear 685,211 in all, and 622,919 of them was charged.
    assert charged_through(again, date(2026, 3, 11))[1] == [("interest interest", 62_292)]


def test_interest_paid_in_advance_is_given_back_if_that_payment_goes_again() -> None:
    owing, _, _ = charged_through(account(debt()), date(2026, 3, 10))
    (some,) = owing.receivables
    settled = account(replace(some, open_minor=MILLION_PESOS, extras={}))
    back, _, _ = charged_through(settled, date(2026, 3, 4))
    (early,) = back.receivables
    bounced = replace(early, open_minor=some.open_minor, extras=some.extras)
    now, told, _ = charged_through(account(bounced), date(2026, 3, 5))
    assert told == [("interest interest", -311_460)]  # five days bear 311,459.87
    (found,) = now.receivables
    assert (found.extras, found.accrued_rest) == ({"interest": 311_459}, 874_430)


def paying(owing: Account, minor: int) -> Account:
    """With so much paid: interest first."""
    (before,) = owing.receivables
    interest = before.extras.get("interest", 0)
    left = interest - min(interest, minor)
    extras = {"interest": left} if left else {}
    return account(replace(before, open_minor=before.open_minor - minor, extras=extras))


@SAYS
@given(
    PRINCIPALS,
    st.lists(RATES, min_size=60, max_size=60),
    OFFSETS,
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 10)), max_size=6),
    st.integers(0, 30),
)
def test_however_often_it_is_set_back_and_paid_each_day_is_charged_once(
    principal_minor: int,
    rates: list[int],
    offset: int,
    looks: list[tuple[int, int]],
    more: int,
) -> None:
    due = date(2024, 1, 1) + timedelta(days=offset)
    by = rules(rates={"usura": every_month(rates)})
    first = debt(
        due.isoformat(),
        open_minor=principal_minor,
        known_on=date(2023, 1, 1),
        issued_on=date(2023, 1, 1),
    )
    owing = account(first)
    last = due + timedelta(days=max((late for late, _ in looks), default=0) + more)
    charged_minor = 0
    for day, tenths in [
        *((due + timedelta(days=late), tenths) for late, tenths in looks),
        (last, 0),
    ]:
        booking, _ = charge_through(owing, by, day, NOON)
        charged_minor += sum(entry.amount_minor for entry in booking.entries)
        (after,) = booking.account.receivables
        assert after.principal_minor == principal_minor
        assert after.extras.get("interest", 0) >= 0
        owing = paying(booking.account, after.extras.get("interest", 0) * tenths // 10)
    assert charged_minor == accrue(first, TERMS, every_month(rates), through=last).amount_minor


@SAYS
@given(
    st.integers(1_000_000, 10**12),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 60),
    st.integers(0, 500),
    st.integers(0, 400),
)
def test_money_that_is_told_of_late_never_costs_more_than_what_was_paid_ahead_bears(
    principal_minor: int, early: int, gap: int, later: int, first: int, second: int
) -> None:
    """`first` and `second` are thousandths of the principal: what was paid on the later day and
    told of in time, and what was paid on the earlier and told of after it."""
    by = rules(rates={"usura": every_month([250_000] * 12, 2026)})
    paid_on = date(2026, 2, 28) + timedelta(days=early)
    told_on = paid_on + timedelta(days=gap)
    end = told_on + timedelta(days=later)
    one, two = principal_minor * first // 1000, principal_minor * second // 1000
    start = account(debt(open_minor=principal_minor))

    def course(*acts: tuple[date, int]) -> tuple[list[int], Receivable]:
        owing, charged = start, [0]
        for day, minor in acts:
            booking, _ = charge_through(owing, by, day, NOON)
            charged.append(charged[-1] + sum(entry.amount_minor for entry in booking.entries))
            owing = paying(booking.account, minor)
        return charged, owing.receivables[0]

    charged, late = course((told_on, one), (paid_on, two), (told_on, 0), (end, 0))
    (*_, in_time), known = course((paid_on, two), (told_on, one), (end, 0))
    # What was paid of interest too early did not settle principal, which bears from then on.
    ahead = max(0, late.principal_minor - known.principal_minor)
    bears = accrue(
        debt(told_on.isoformat(), open_minor=ahead), TERMS, by.rates["usura"], through=end
    )
    assert charged[-1] <= max(charged[1], in_time + bears.amount_minor + 1)


def test_a_month_that_the_table_lacks_stops_it_and_is_told() -> None:
    booking, missing = charge_through(
        account(debt()),
        rules(rates={"usura": MARCH}),
        date(2026, 4, 2),
        NOON,
    )
    assert missing == ("2026-04",)
    assert booking.account.receivables[0].accrued_through == date(2026, 3, 31)


def test_who_charges_no_interest_books_nothing() -> None:
    booking, missing = charge_through(
        account(debt()), rules(creditor(interest=None)), date(2026, 3, 10), NOON
    )
    assert (booking.entries, booking.changed, missing) == ((), (), ())
