"""How much of a step's fee the law lets us charge: Chile's tranches in UF, and when at all."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import StepRecord
from escalon.domain.contact.facts import Debt, Notice
from escalon.domain.contact.policy import Policy
from escalon.domain.contact.rules import FeeCap
from escalon.domain.decisions.forecast import forecast, walk
from escalon.domain.payments.fees import lawful_fee, most
from escalon.domain.rules.rulebook import Chase, Rulebook
from tests.contact_law.table import policy_of
from tests.domain.debts import account, at, receivable, rulebook, step

SANTIAGO = "America/Santiago"
UF = 40_000_00  # a UF of 40,000 pesos, in hundredths of a peso
MONTHS = {f"2026-{month:02}": UF for month in (9, 10, 11)}
DUE = date(2026, 9, 1)
IN_TIME = (Notice("useful_notice", at("2026-09-10 10:00", SANTIAGO), "m1"),)
FEE = step("fee", 22, fee_minor={"CLP": 1_000_000})
NOW = at("2026-09-28 10:00", SANTIAGO)


def chile(**values: int) -> Policy:
    """Chile's law as shipped, with values of the UF."""
    law = policy_of("CL")
    layers = tuple(
        replace(layer, fees=tuple(replace(cap, unit_values=values or MONTHS) for cap in layer.fees))
        for layer in law.layers
    )
    return replace(law, layers=layers)


def rules(*steps: Any, law: Policy | None = None) -> Rulebook:
    return rulebook(
        *(steps or (FEE,)),
        contact_policies={"*": law or chile()},
        chase=Chase({"CLP": 1}),
        default_zone=SANTIAGO,
    )


def owes(pesos: int, **more: Any) -> Any:
    made = {"currency": "CLP", "open_minor": pesos, "notices": IN_TIME, **more}
    return account(receivable("2026-09-01", **made), country="CL", zones=(SANTIAGO,))


def fee(pesos: int, by: Rulebook | None = None, when: Any = NOW, **more: Any) -> int:
    found = lawful_fee(owes(pesos, **more), by or rules(), "r1", FEE, when)
    return found.get("CLP", 0)


@pytest.mark.parametrize(
    ("pesos", "most_pesos"),
    [
        (0, 0),
        (11, 0),  # 99 centavos are no peso
        (12, 1),
        (400_000, 36_000),  # 10 UF: 9 %
        (400_100, 36_006),  # and 6 % of what is above
        (2_000_000, 132_000),  # 50 UF: 36,000 + 6 % of 1,600,000
        (2_000_100, 132_003),  # and 3 % of what is above
        (4_000_000, 192_000),
    ],
)
def test_chile_caps_fees_in_tranches_of_what_is_overdue(pesos: int, most_pesos: int) -> None:
    assert fee(pesos) == most_pesos


def test_a_fee_below_the_cap_is_charged_as_it_is_stated() -> None:
    small = replace(FEE, fee_minor={"CLP": 5_000})
    assert lawful_fee(owes(400_000), rules(small), "r1", small, NOW) == {"CLP": 5_000}


def test_the_cap_falls_by_a_fifth_of_a_uf_without_the_useful_notice_in_time() -> None:
    """Ley 21.320."""
    assert fee(400_000) == 36_000
    assert fee(400_000, notices=()) == 28_000
    last_day = (Notice("useful_notice", at("2026-09-16 23:59", SANTIAGO), "m1"),)
    late = (Notice("useful_notice", at("2026-09-17 00:00", SANTIAGO), "m1"),)
    unproven = (Notice("useful_notice", at("2026-09-10 10:00", SANTIAGO)),)
    found = [fee(400_000, notices=given) for given in (last_day, late, unproven)]
    assert found == [36_000, 28_000, 28_000]
    assert fee(50_000, notices=()) == 0


def test_the_notice_may_be_a_step_of_the_ladder() -> None:
    told = at("2026-09-04 10:00", SANTIAGO)
    delivered = StepRecord(told, "delivered", "email", "m1", gives=("useful_notice",))
    assert fee(400_000, notices=(), steps={"tell": delivered}) == 36_000
    # Of an e-mail the carrier tells; of an SMS that has not failed it says nothing more.
    unheard = replace(delivered, state="sent")
    sms = replace(unheard, channel="sms")
    failed = replace(delivered, state="failed")
    found = [fee(400_000, notices=(), steps={"tell": record}) for record in (unheard, sms, failed)]
    assert found == [28_000, 36_000, 28_000]


@pytest.mark.parametrize(("day", "charged"), [("2026-09-21", 0), ("2026-09-22", 36_000)])
def test_nothing_before_the_21st_day(day: str, charged: int) -> None:
    """Ley 19.496, art. 37: only after twenty days."""
    assert fee(400_000, when=at(f"{day} 12:00", SANTIAGO)) == charged


def test_all_fees_of_a_debt_together_stay_below_the_cap() -> None:
    first = replace(FEE, step="first", fee_minor={"CLP": 30_000})
    by = rules(first, replace(FEE, day=30))
    assert fee(400_000, by, charged=("first",)) == 6_000
    assert fee(400_000, by, charged=("first", "fee")) == 0


def test_a_month_without_a_value_is_charged_nothing() -> None:
    assert fee(400_000, rules(law=chile(**{"2026-08": UF}))) == 0


def test_another_currency_is_never_converted() -> None:
    """E1"""
    dollars = account(receivable("2026-09-01", currency="USD", open_minor=1_000_00), country="CL")
    asked = replace(FEE, fee_minor={"USD": 10_00})
    assert lawful_fee(dollars, rules(asked), "r1", asked, NOW) == {}


def test_where_no_law_says_anything_of_fees_the_rulebook_does() -> None:
    owed = account(receivable("2026-09-01"))
    asked = replace(FEE, fee_minor={"COP": 500_000})
    assert lawful_fee(owed, rulebook(asked), "r1", asked, NOW) == {"COP": 500_000}
    assert lawful_fee(owed, rulebook(asked), "r9", asked, NOW) == {}


def test_a_forecast_charges_what_the_law_allows() -> None:
    tell = step("tell", 2, gives=("useful_notice",), channels=("email",))
    by = rules(tell, replace(FEE, channels=("email",)))
    who = owes(400_000, notices=())
    events = forecast(who, by, at("2026-09-01 00:00"), at("2026-10-01 00:00"))
    assert [event.step for event in events] == ["tell", "fee"]
    *_, last = walk(who, by, at("2026-09-01 00:00"), at("2026-10-30 00:00"))
    assert last.account.receivables[0].extras == {"fee": 36_000}


@given(st.integers(0, 10**10), st.integers(0, 10**10))
def test_more_debt_never_lowers_the_cap_and_no_cap_exceeds_nine_percent(
    one: int, other: int
) -> None:
    (cap,) = (cap for layer in chile().layers for cap in layer.fees)
    debt = Debt(due_on=DUE, notices=IN_TIME)

    def of(pesos: int) -> int:
        return most(cap, receivable(currency="CLP", open_minor=pesos), debt, (SANTIAGO,), NOW)

    low, high = sorted((one, other))
    assert of(low) <= of(high) <= of(low) + (high - low) * 9 // 100 + 1
    assert of(high) * 100 <= high * 9


def test_the_shipped_law_charges_nothing_until_somebody_loads_the_uf() -> None:
    caps: list[FeeCap] = [cap for layer in policy_of("CL").layers for cap in layer.fees]
    assert [cap.unit_values for cap in caps] == [{}]
    assert fee(400_000, rules(law=policy_of("CL"))) == 0
