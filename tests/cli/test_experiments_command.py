"""`escalon experiments` and `escalon risk show`: what is stated, known and proposed."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from escalon.domain.account import Account, Behaviour, Trial
from escalon.domain.rules.credit import Proposal
from escalon.domain.rules.rulebook import CreditRules
from escalon_cli.experiments import _print, report
from escalon_cli.risk import _print as print_risk
from escalon_cli.risk import shown
from tests.domain.debts import account, at, receivable, rulebook
from tests.domain.test_experiments import experiment
from tests.domain.test_risk import MODEL

ENTERED = at("2026-09-03T09:00")
NOW = at("2026-11-01T09:00")


def tried(number: int, arm: str, came: int, *, complained: bool = False) -> Account:
    """Somebody who entered with COP 100,000 open, of which so much came."""
    until = ENTERED + timedelta(days=30)
    trial = Trial(arm, ENTERED, until, {"COP": 10_000_000}, {"COP": came}, complained)
    return account(receivable(), account_id=f"a{number}", trials={"sooner": trial})


def said(capsys: pytest.CaptureFixture[str], accounts: list[Account], ended: str = "") -> str:
    tested = experiment(
        guard_rails={"complaints": 100}, guarded_from=10, source="experiments.yaml:2"
    )
    rules = replace(rulebook(), experiments=(tested,))
    told = {"sooner": ended} if ended else {}
    (found,) = report([tested], accounts, rules, NOW, told)
    _print(found, by_cohort=True)
    return " ".join(capsys.readouterr().out.split())


def test_a_report_says_what_was_stated_and_what_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    book = [tried(n, "champion", 10_000_000 if n < 6 else 0) for n in range(10)]
    book += [tried(20 + n, "sooner", 10_000_000 if n < 8 else 0) for n in range(10)]
    text = said(capsys, book)
    assert "to find 5 % from 60 % it needs 1,534 debtors in each arm" in text
    assert "sooner: too early" in text
    assert "recovered within 30 days" in text
    assert "COP 600,000 of 1,000,000" in text.replace(".00", "")


def test_a_broken_guard_rail_and_an_early_end_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    book = [tried(n, "sooner", 0, complained=n < 2) for n in range(10)]
    text = said(capsys, book, "2026-09-10 05:00 UTC, escalon: guard rails broken")
    assert "✗ sooner: complaints 2 of 10 (at most 1 %)" in text
    assert "ended early 2026-09-10 05:00 UTC, escalon: guard rails broken" in text


def test_an_experiment_that_nobody_has_entered_is_shown_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "sooner: too early" in said(capsys, [account(receivable())])


def test_a_grade_is_shown_with_each_factor_and_what_would_be_proposed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    late = Behaviour(settled=20, late=18, late_days=600, recent=(30,) * 8)
    who = account(receivable(), behaviour=late, credit_limits={"COP": 8_000_000})
    rules = replace(rulebook(), risk=MODEL, credit=CreditRules(30, lower=("high",)))
    found = shown(who, rules)
    assert found.grade == "high"
    assert found.proposals == (
        Proposal("limit", 8_000_000, 6_000_000, ("bad_grade", "limit_exceeded"), "COP"),
    )
    print_risk(found, who, "1000")
    text = " ".join(capsys.readouterr().out.split())
    assert "18 of 20 settled" in text
    assert "a limit of COP 60,000.00 instead of 80,000.00" in text
    assert "broken_agreements" in text


def test_without_a_model_nobody_is_graded() -> None:
    with pytest.raises(LookupError, match=r"the rulebook has no risk.yaml"):
        shown(account(), rulebook())
