"""Holds: what may be placed, for how long, and from which day on it does not count (lesson L13)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Hold
from escalon.domain.holds import (
    _PROBLEMS,
    HoldProblem,
    end_of,
    ended,
    hold_sentence,
    open_hold,
    placed,
    wrong_with,
)
from escalon.domain.rules.rulebook import HoldKind
from tests.doubles.world import debtor

TODAY = date(2026, 9, 7)
KINDS = {"dispute": HoldKind(60, "dispute_open"), "deceased": HoldKind(None, "deceased")}


def hold(kind: str = "dispute", *, starts: int = 0, ends: int | None = 10) -> Hold:
    ends_on = None if ends is None else TODAY + timedelta(days=ends)
    return Hold("h1", kind, TODAY + timedelta(days=starts), ends_on)


def wrong(one: Hold) -> list[HoldProblem]:
    return list(wrong_with(one, KINDS, TODAY))


@pytest.mark.parametrize(
    ("ends", "problems"),
    [
        (0, [HoldProblem("ends_on", "not_after_start", date(2026, 9, 8))]),
        (1, []),
        (59, []),
        (60, []),
        (61, [HoldProblem("ends_on", "too_long", date(2026, 11, 6))]),
        (None, []),
    ],
)
def test_a_hold_lasts_a_day_at_least_and_no_longer_than_its_kind_may(
    ends: int | None, problems: list[HoldProblem]
) -> None:
    assert wrong(hold(ends=ends)) == problems


def test_a_kind_without_a_limit_lasts_as_long_as_it_is_said() -> None:
    assert wrong(hold("deceased", ends=None)) == []
    assert wrong(hold("deceased", ends=4000)) == []


def test_everything_that_is_wrong_is_said_at_once() -> None:
    one = replace(hold("holiday", starts=-1, ends=-1), note="n" * 501, owner="o" * 101)
    assert wrong(one) == [
        HoldProblem("kind", "unknown", "deceased, dispute"),
        HoldProblem("starts_on", "in_the_past", TODAY),
        HoldProblem("ends_on", "not_after_start", date(2026, 9, 7)),
        HoldProblem("note", "too_long", 500),
        HoldProblem("owner", "too_long", 100),
    ]


def test_the_end_that_its_kind_sets_is_stated_when_it_is_placed() -> None:
    account = placed(debtor(), hold(ends=None), KINDS, TODAY)
    assert account.holds == (Hold("h1", "dispute", TODAY, date(2026, 11, 6)),)


def test_a_hold_that_ended_long_ago_leaves_the_account_when_another_comes() -> None:
    old = Hold("old", "deceased", date(2026, 1, 1), date(2026, 6, 9))
    recent = replace(old, hold_id="recent", ends_on=date(2026, 6, 10))
    account = placed(replace(debtor(), holds=(old, recent)), hold(), KINDS, TODAY)
    assert [one.hold_id for one in account.holds] == ["recent", "h1"]


@given(starts=st.integers(0, 40), lasts=st.integers(1, 60), on=st.integers(0, 120))
def test_ended_on_any_day_it_does_not_count_from_that_day_on(
    starts: int, lasts: int, on: int
) -> None:
    one = hold(starts=starts, ends=starts + lasts)
    account = placed(debtor(), one, KINDS, TODAY)
    day = TODAY + timedelta(days=on)
    over = ended(account, account.holds[0], day)
    assert open_hold(over, KINDS, None, day) is None
    assert open_hold(over, KINDS, None, day + timedelta(days=1)) is None
    ends_on = end_of(over.holds[0], KINDS)
    assert ends_on is not None
    assert ends_on >= one.starts_on


@pytest.mark.parametrize(("field", "code"), _PROBLEMS)
def test_every_problem_has_a_sentence_in_both_languages(field: str, code: str) -> None:
    problem = HoldProblem(field, code, TODAY)
    spanish, english = hold_sentence(problem, "es-CO"), hold_sentence(problem, "en")
    assert spanish != english
    assert "{" not in spanish + english


def test_a_problem_names_its_limit() -> None:
    problem = HoldProblem("ends_on", "too_long", date(2026, 11, 6))
    assert hold_sentence(problem, "es") == (
        "una pausa de esta clase puede durar como máximo hasta el 2026-11-06"
    )
    assert hold_sentence(problem, "en") == "a hold of this kind can last until 2026-11-06 at most"
