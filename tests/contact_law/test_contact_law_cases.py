"""The law of eight countries, case by case. `cases/<country>.yaml` are tables that a lawyer can
read; `golden.yaml` holds the cases by which readings of the law first come apart."""

import pytest
from msgspec.structs import replace

from escalon.domain.contact.policy import Allow
from tests.contact_law.table import Case, answer_of, instant, tables, verdict_of

TABLES = tables()
EVERY = [case for table in TABLES for case in table.cases]
TELLING_WHEN = [case for case in EVERY if case.next not in ("", "never")]


def name(case: Case) -> str:
    """What a report of the tests calls the case: country, rule, what it is."""
    return f"{case.country}: {case.law}: {case.case}"


@pytest.mark.parametrize("case", EVERY, ids=name)
def test_the_policy_answers_as_the_law_says(case: Case) -> None:
    verdict = verdict_of(case)
    assert answer_of(verdict) == case.answer
    if isinstance(verdict, Allow):
        return
    if case.rule:
        assert verdict.rule == case.rule
    if case.next == "never":
        assert verdict.next_allowed_at is None
    elif case.next:
        assert verdict.next_allowed_at == instant(case.next, case.clock)


@pytest.mark.parametrize("case", TELLING_WHEN, ids=name)
def test_at_the_next_instant_that_is_told_the_contact_is_allowed(case: Case) -> None:
    assert answer_of(verdict_of(replace(case, at=case.next))) == "allow"


def test_each_country_has_fifteen_cases_and_more_and_none_stands_twice() -> None:
    counted = {table.country: len(table.cases) for table in TABLES}
    assert set(counted) == {"BR", "CL", "CO", "ES", "GB", "MX", "PE", "US", "*"}
    assert all(count >= 15 for count in counted.values())
    names = [name(case) for case in EVERY]
    assert len(names) == len(set(names))
