"""Conditions: every word of the language does what it says, and nothing else is taken (L24)."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Behaviour, Beyond, Receivable
from escalon.domain.rules.conditions import (
    ConditionError,
    ConditionFacts,
    creditors_named,
    holds,
    parse_condition,
    segments_named,
    with_segments,
)
from escalon.domain.rules.rulebook import RiskModel

FACTS = ConditionFacts(
    tags=("vip", "sme"),
    country="CO",
    creditor="andina",
    language="es-CO",
    debtor="company",
    risk="high",
    open_minor={"COP": 20_000_000, "USD": 5_000},
    receivables=3,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("anyone", True),
        ("tag is vip", True),
        ("tag is sme", True),
        ("tag is consumer", False),
        ("country is CO", True),
        ("country is PE", False),
        ("creditor is andina", True),
        ("creditor is cordillera", False),
        ("language is es-CO", True),
        ("language is es", False),
        ("debtor is company", True),
        ("debtor is person", False),
        ("risk is high", True),
        ("risk is low", False),
        # above: strictly more
        ("open above COP 199_999.99", True),
        ("open above COP 200_000", False),
        ("open above COP 200_000.01", False),
        # from: that much or more
        ("open from COP 199_999.99", True),
        ("open from COP 200_000", True),
        ("open from COP 200_000.01", False),
        # each currency on its own, never converted or added up (E1)
        ("open above USD 49.99", True),
        ("open above USD 50", False),
        ("open above COP 200_000, USD 49", True),
        ("open above COP 200_000, USD 50", False),
        ("open above EUR 0.01", False),
        ("open from EUR 0", True),
        ("receivables at least 2", True),
        ("receivables at least 3", True),
        ("receivables at least 4", False),
        ("not tag is vip", False),
        ("not not tag is vip", True),
        ("tag is vip and country is CO", True),
        ("tag is vip and country is PE", False),
        ("tag is nobody or country is CO", True),
        ("tag is nobody or country is PE", False),
        # `and` binds closer than `or`, `not` closer than both
        ("anyone or anyone and country is PE", True),
        ("(anyone or anyone) and country is PE", False),
        ("not country is CO or anyone", True),
        ("not (country is CO or anyone)", False),
        ("  tag   is  vip  ", True),
        ("(tag is vip)and(country is CO)", True),
    ],
)
def test_a_condition_means_what_it_says(text: str, expected: bool) -> None:
    assert holds(parse_condition(text), FACTS) is expected


def test_a_debt_in_another_currency_does_not_reach_a_threshold() -> None:
    """E1: a great debt in pesos says nothing about dollars."""
    rich = replace(FACTS, open_minor={"COP": 10**15})
    assert not holds(parse_condition("open from USD 1"), rich)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ends where a condition was expected"),
        ("tag", "ends where is was expected"),
        ("tag is", "ends where a condition was expected"),
        ("tag vip", "expected 'is', found 'vip'"),
        ("tag is and", "expected what the tag is, found 'and'"),
        ("tag is (", "expected what the tag is, found '('"),
        ("Tag is vip", "unknown word 'Tag'"),
        ("age above 90", "unknown word 'age'; a condition begins with one of: anyone, nobody, not"),
        ("overdue COP 5", "expected 'overdue above' or 'overdue from', found 'overdue COP'"),
        ("days at least 5", "expected 'past', found 'at'"),
        ("days past due above 5", "expected 'at', found 'above'"),
        ("exposure at exactly 5 %", "expected 'at least' or 'at most', found 'at exactly'"),
        ("exposure at least 80", "ends where % was expected"),
        ("exposure at least much %", "expected a share such as 80 %, found 'much'"),
        ("share late at least 1.234 %", "expected a share such as 80 %, found '1.234'"),
        ("known since 2026-09-01", "expected 'known from' or 'known before', found 'known since'"),
        ("known from 2026-02-30", "expected a day such as 2026-09-01, found '2026-02-30'"),
        ("segment small", "expected 'is', found 'small'"),
        ("risk score above 5", "expected 'at', found 'above'"),
        ("country is co", "a country is two capitals such as CO, not 'co'"),
        ("debtor is firm", "a debtor is 'person' or 'company', not 'firm'"),
        ("open COP 5", "expected 'open above' or 'open from', found 'open COP'"),
        ("open above", "ends where a condition was expected"),
        ("open above 5", "expected a currency such as COP, found '5'"),
        ("open above COP", "ends where a condition was expected"),
        ("open above COP much", "'much' is not an amount of COP"),
        ("open above COP 50,000", "expected a currency such as COP, found '000'"),
        ("open above COP 0.001", "'0.001' is not an amount of COP"),
        ("open above COP NaN", "'NaN' is not an amount of COP"),
        ("open above COP -5", "'-5' is less than nothing"),
        ("open above COP 5, COP 6", "names COP twice"),
        ("open above COP 5,", "ends where a condition was expected"),
        ("receivables 2", "expected 'at', found '2'"),
        ("receivables at least two", "expected a whole number, found 'two'"),
        ("receivables at least ²", "expected a whole number, found '²'"),
        ("(anyone", "ends where ) was expected"),
        ("anyone)", "did not expect ')' after a complete condition"),
        ("anyone anyone", "did not expect 'anyone' after a complete condition"),
        ("anyone and", "ends where a condition was expected"),
        ("or anyone", "unknown word 'or'"),
        ("(" * 600 + "anyone" + ")" * 600, "is longer than 500 words"),
    ],
)
def test_what_cannot_be_executed_is_refused(text: str, message: str) -> None:
    """L24"""
    with pytest.raises(ConditionError) as error:
        parse_condition(text)
    assert message in str(error.value)


MODEL = RiskModel(
    "test", {"share_late": 1}, {"low": 2_500, "high": 10_001}, expected=5_000, weighs_as=2
)


def owing(*due: str, **more: Any) -> ConditionFacts:
    """A debtor with COP 100 due on each of these days, as of 10 September 2026."""
    owed = tuple(
        Receivable(
            f"r{number}",
            "andina",
            "",
            date(2026, 8, 1),
            date.fromisoformat(day),
            "COP",
            10_000,
            10_000,
            date(2026, 8, 1),
        )
        for number, day in enumerate(due)
    )
    account = Account("a1", "", "", receivables=owed, **more)
    return replace(
        FACTS,
        risk="",
        receivables=len(owed),
        account=account,
        owed=owed,
        today=date(2026, 9, 10),
        model=MODEL,
    )


PAID = Behaviour(settled=8, late=2, late_days=20, recent=(0, 10, 10, 0), kept=1, broken=2)


@pytest.mark.parametrize(
    ("text", "facts", "expected"),
    [
        ("nobody", FACTS, False),
        ("receivables at most 3", FACTS, True),
        ("receivables at most 2", FACTS, False),
        # the oldest decides; what is not due yet has a negative age
        ("days past due at least 9", owing("2026-09-01", "2026-09-20"), True),
        ("days past due at least 10", owing("2026-09-01", "2026-09-20"), False),
        ("days past due at most 9", owing("2026-09-01"), True),
        ("days past due at most 8", owing("2026-09-01"), False),
        ("days past due at most 0", owing("2026-09-20"), True),
        ("days past due at least 0", owing(), False),
        # past due alone, and the day itself is not past
        ("overdue from COP 100", owing("2026-09-01", "2026-09-10"), True),
        ("overdue above COP 100", owing("2026-09-01", "2026-09-10"), False),
        ("overdue above COP 100", owing("2026-09-01", "2026-09-09"), True),
        ("overdue from USD 1", owing("2026-09-01"), False),
        # all that is open counts against the limit, less credit
        ("exposure at least 80 %", owing("2026-09-20", credit_limits={"COP": 12_500}), True),
        ("exposure at least 80.01 %", owing("2026-09-20", credit_limits={"COP": 12_500}), False),
        (
            "exposure at least 80 %",
            owing("2026-09-20", credit_limits={"COP": 12_500}, credits={"andina|COP": 1}),
            False,
        ),
        (
            "exposure at least 100 %",
            owing(credit_limits={"COP": 50}, beyond={"andina|COP": Beyond(2, 50)}),
            True,
        ),
        ("exposure at least 1 %", owing("2026-09-20"), False),
        ("exposure at most 100 %", owing("2026-09-20"), False),  # nobody knows
        ("share late at least 25 %", owing(behaviour=PAID), True),
        ("share late at least 25.01 %", owing(behaviour=PAID), False),
        ("share late at most 50%", owing(), False),
        ("mean days late at least 2", owing(behaviour=PAID), True),
        ("mean days late at least 3", owing(behaviour=PAID), False),
        ("mean days late at most 2", owing(behaviour=PAID), False),  # 2.5 is more than 2
        ("mean days late at most 3", owing(behaviour=PAID), True),
        ("settled receivables at least 8", owing(behaviour=PAID), True),
        ("settled receivables at least 9", owing(behaviour=PAID), False),
        ("broken agreements at least 2", owing(behaviour=PAID), True),
        ("broken agreements at least 3", owing(behaviour=PAID), False),
        ("kept agreements at least 1", owing(behaviour=PAID), True),
        ("known from 2026-08-01", owing("2026-09-01"), True),
        ("known from 2026-08-02", owing("2026-09-01"), False),
        ("known before 2026-08-02", owing("2026-09-01"), True),
        ("known before 2026-08-01", owing("2026-09-01", known_on=date(2026, 8, 1)), False),
        ("known from 2026-08-01", owing(), False),
        # (2 late × 100 % + 2 × 50 %) ÷ (8 + 2)
        ("risk score at least 30 %", owing(behaviour=PAID), True),
        ("risk score at least 30.01 %", owing(behaviour=PAID), False),
        ("risk is high", owing(behaviour=PAID), True),
        ("risk is low", owing(behaviour=PAID), False),
        ("risk is high", owing(), False),  # too little is known
        ("risk is low", replace(owing(behaviour=PAID), risk="low"), True),  # its source says so
    ],
)
def test_what_is_asked_of_an_account(text: str, facts: ConditionFacts, expected: bool) -> None:
    assert holds(parse_condition(text), facts) is expected


def test_without_an_account_nothing_is_known_of_it() -> None:
    for text in ("exposure at most 1 %", "settled receivables at most 5", "risk score at least 0 %",
                 "known before 2030-01-01", "days past due at least 0"):  # fmt: skip
        assert not holds(parse_condition(text), FACTS)


def test_a_segment_stands_whole_where_it_is_named() -> None:
    small = parse_condition("open from COP 5 and debtor is company")
    named = parse_condition("tag is vip or not segment is small")
    assert list(segments_named(named)) == ["small"]
    assert with_segments(named, {"small": small}) == ["or", ["tag", "vip"], ["not", small]]
    with pytest.raises(LookupError, match="small"):
        with_segments(named, {})


WORDS = (
    "anyone", "not", "and", "or", "(", ")", "tag", "is", "vip", "open", "above", "from", "COP", "5",
    ",", "receivables", "at", "least", "2", "nobody", "exposure", "80 %", "risk", "score", "known",
    "2026-09-01", "days", "past", "due", "share", "late", "overdue", "segment", "most",
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=30))
def test_any_words_are_read_or_refused_and_what_is_read_has_an_answer(words: list[str]) -> None:
    try:
        tree = parse_condition(" ".join(words))
    except ConditionError:
        return
    assert holds(tree, FACTS) in (True, False)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("anyone", []),
        ("creditor is andina", ["andina"]),
        ("not (creditor is a or tag is creditor and creditor is b)", ["a", "b"]),
    ],
)
def test_the_creditors_of_a_condition_are_found(text: str, named: list[Any]) -> None:
    assert list(creditors_named(parse_condition(text))) == named


def test_an_amount_that_colombia_and_others_read_differently_is_refused() -> None:
    with pytest.raises(ConditionError, match=r"'50\.000' may be read in two ways; write 50_000"):
        parse_condition("open above COP 50.000")
    assert parse_condition("open above USD 50.25") == ["open", "above", {"USD": 5025}]
