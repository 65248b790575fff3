"""The doctor: what an operator has to put right before a stack may write to people."""

from datetime import date

import pytest
from msgspec.structs import replace

from escalon.domain.retention import Retention
from escalon_cli.doctor import log_as_said, papers_kept
from tests.doubles.world import rulebook

TODAY = date(2026, 9, 7)
TEN, SIX = Retention(120, "the law of CO"), Retention(72, "the law of ES")


@pytest.mark.parametrize(
    ("kept", "days", "state", "found"),
    [
        (TEN, 3653, "ok", "for 3653 days, as retention.yaml says"),
        (TEN, 3652, "bad", "for 3652 days; retention.yaml wants andina 3653"),
        (TEN, 3684, "ok", "for 3684 days, as retention.yaml says"),
        (TEN, 3685, "warn", "for 3685 days; retention.yaml wants andina 3653"),
        (SIX, 3653, "warn", "for 3653 days; retention.yaml wants andina 2192"),
        (None, 3653, "warn", "for 3653 days; retention.yaml wants andina 0"),
    ],
)
def test_documents_of_agreements_stay_as_long_as_the_retention_of_their_country(
    kept: Retention | None, days: int, state: str, found: str
) -> None:
    andina = replace(rulebook().creditors["andina"], country="ES")
    rules = replace(
        rulebook(),
        creditors={"andina": andina},
        retention={"ES": {"agreements": kept} if kept else {"messages": TEN}},
    )
    (finding,) = papers_kept(rules, days, TODAY)
    assert (finding.state, finding.found) == (state, found)


@pytest.mark.parametrize(
    ("said", "logged", "states"),
    [
        (True, True, []),
        (False, False, []),
        (True, False, ["bad"]),  # no SMS would ever count as delivered
        (False, True, ["warn"]),
    ],
)
def test_the_rulebook_says_of_the_log_of_sms_what_is_the_case(
    said: bool, logged: bool, states: list[str]
) -> None:
    assert [finding.state for finding in log_as_said(said=said, logged=logged)] == states
