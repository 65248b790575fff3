"""The statement: what one message to one debtor about one creditor shows (lesson L11)."""

from datetime import date
from typing import Any

import pytest

from escalon.domain.account import Beyond, Hold, Receivable
from escalon.domain.payments.statement import beyond, statement
from escalon.domain.rules.rulebook import Chase, Rulebook
from tests.domain.debts import account, receivable, rulebook, step

RULES = rulebook(step("soon", -5), step("tomorrow", -1), step("friendly", 2))
TODAY = date(2026, 9, 10)


def shown(
    *receivables: Receivable, rules: Rulebook = RULES, **more: Any
) -> tuple[list[str], list[str]]:
    overdue, upcoming = statement(account(*receivables, **more), "andina", rules, TODAY)
    return [r.receivable_id for r in overdue], [r.receivable_id for r in upcoming]


@pytest.mark.parametrize(
    ("due", "overdue", "upcoming"),
    [
        ("2026-09-09", ["r1"], []),  # a day late
        ("2026-09-10", [], ["r1"]),  # due today is not late
        ("2026-09-11", [], ["r1"]),
        ("2026-09-14", [], ["r1"]),
        ("2026-09-15", [], ["r1"]),  # as far as the earliest reminder looks ahead
        ("2026-09-16", [], []),
    ],
)
def test_what_is_late_and_what_comes_due(due: str, overdue: list[str], upcoming: list[str]) -> None:
    assert shown(receivable(due)) == (overdue, upcoming)


def test_all_that_is_late_stands_on_it_whichever_carries_the_step() -> None:
    """L11"""
    assert shown(
        receivable("2026-06-01", receivable_id="old"),
        receivable("2026-09-01", receivable_id="young", open_minor=1),
        receivable("2026-09-01", receivable_id="dollars", currency="USD"),
    ) == (["old", "young", "dollars"], [])


def test_what_rests_or_belongs_to_others_is_not_mentioned() -> None:
    """L20, L13: no due date, a dispute, another creditor, not issued yet."""
    dispute = Hold("h", "dispute", date(2026, 9, 1), date(2026, 9, 20), "disputed")
    assert shown(
        receivable(None, receivable_id="undated"),
        receivable(receivable_id="disputed"),
        receivable(receivable_id="other", creditor="cordillera"),
        receivable("2026-09-12", receivable_id="coming", issued_on=date(2026, 9, 11)),
        receivable(receivable_id="plain"),
        holds=(dispute,),
    ) == (["plain"], [])


@pytest.mark.parametrize(("due", "overdue"), [("2026-08-11", ["r1"]), ("2026-08-10", [])])
def test_what_is_too_old_is_not_mentioned(due: str, overdue: list[str]) -> None:
    rules = rulebook(step("friendly", 2), chase=Chase({"COP": 1}, oldest_debt_days=30))
    assert shown(receivable(due), rules=rules) == (overdue, [])


def test_what_the_document_has_no_room_for_is_summed_by_currency() -> None:
    other = {"cordillera|COP": Beyond(9, 9)}
    rest = {"andina|COP": Beyond(3, 500), "andina|USD": Beyond(1, 7)}
    debt = account(receivable(), beyond=rest | other)
    assert dict(beyond(debt, "andina", RULES, date(2026, 9, 3))) == {
        "COP": Beyond(3, 500),
        "USD": Beyond(1, 7),
    }


@pytest.mark.parametrize(("today", "shown"), [(3, {}), (4, {"COP": Beyond(3, 500)})])
def test_sums_that_may_hold_a_disputed_receivable_are_not_mentioned(
    today: int, shown: dict[str, Beyond]
) -> None:
    held = Hold("h", "dispute", date(2026, 9, 1), date(2026, 9, 4), receivable_id="elsewhere")
    debt = account(receivable(), beyond={"andina|COP": Beyond(3, 500)}, holds=(held,))
    assert dict(beyond(debt, "andina", RULES, date(2026, 9, today))) == shown
