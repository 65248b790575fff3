"""A corpus of broken rulebooks: whatever an operator gets wrong, the check points at the line and
says what it is (L1, L8, L24). Whoever meets a further one adds it to corpus/cases.yaml."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from escalon_cli.rules.check import check
from tests.authoring.lean import written
from tests.domain.debts import at

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "corpus" / "cases.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_broken_rulebook_is_refused_with_line_and_words(
    tmp_path: Path, case: dict[str, Any]
) -> None:
    folder = written(tmp_path, (case["find"], case["put"]))
    checked = check(folder, today=at("2026-09-07 09:00").date())
    assert checked.rulebook is None
    problem = checked.findings[0].problem
    assert (problem.line, problem.message[: len(case["says"])]) == (case["line"], case["says"])
    assert problem.file.endswith("escalation.yaml")
    assert problem.remedy


def test_the_corpus_is_large_and_each_mistake_its_own() -> None:
    assert len(CASES) >= 40
    assert len({(case["find"], case["put"]) for case in CASES}) == len(CASES)
