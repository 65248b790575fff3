"""Conditions: every word of the language does what it says, and nothing else is taken (L24)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.conditions import (
    ConditionError,
    ConditionFacts,
    creditors_named,
    holds,
    parse_condition,
)

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
        ("age above 90", "unknown word 'age'; a condition begins with one of: anyone, not, open"),
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


WORDS = (
    "anyone", "not", "and", "or", "(", ")", "tag", "is", "vip", "open", "above", "from", "COP", "5",
    ",", "receivables", "at", "least", "2",
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
