"""segments, risk.yaml and experiments.yaml: what may not go live is refused, with its line."""

from pathlib import Path

import pytest

from escalon.authoring.rulebook import RulebookError, load_rulebook
from escalon.domain.rules.rulebook import Arm, Rulebook
from tests.authoring.lean import CONFIG, written

SEGMENTS = """\
segments:
  small: debtor is company and open from COP 20_000
  small-late: segment is small and days past due at least 5
strategies:
  vip:
    for: tag is vip or segment is small-late
"""

EXPERIMENTS = """\
experiments:
  sooner:
    for: debtor is person and country is CO
    enter: 2026-11-01 to 2027-01-31
    arms:
      champion: {ladder: standard, share: 45 %}
      sooner: {ladder: vip, share: 45 %}
      hold-out: {rests: 30 days, share: 10 %}
    measure: recovered within 30 days
    baseline: 60 %
    detects: 5 %
    guard_rails: {complaints: 0.5 %, opt_outs: 3 %}
    guarded_from: 100 debtors
"""


def loaded(folder: Path) -> Rulebook:
    return load_rulebook(folder, try_messages=False)


def refused(folder: Path) -> list[str]:
    with pytest.raises(RulebookError) as error:
        loaded(folder)
    return [f"{Path(p.file).name}:{p.line}: {p.message}" for p in error.value.problems]


def with_segments(tmp_path: Path, *edits: tuple[str, str]) -> Path:
    text = SEGMENTS
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return written(tmp_path, ("strategies:\n  vip:\n    for: tag is vip\n", text))


def with_file(tmp_path: Path, name: str, text: str, *edits: tuple[str, str]) -> Path:
    folder = written(tmp_path)
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


# ----------------------------------------------------------------------------------- segments


def test_a_segment_stands_whole_where_it_is_named(tmp_path: Path) -> None:
    rules = loaded(with_segments(tmp_path))
    small = ["and", ["debtor", "company"], ["open", "from", {"COP": 2_000_000}]]
    late = ["and", small, ["at least", "days_past_due", 5]]
    assert rules.segments == {"small": small, "small-late": late}
    assert rules.strategies[0].condition == ["or", ["tag", "vip"], late]


def test_a_segment_that_there_is_not_is_refused(tmp_path: Path) -> None:
    folder = with_segments(tmp_path, ("or segment is small-late", "or segment is smal-late"))
    assert refused(folder) == ["escalation.yaml:17: there is no segment smal-late"]


def test_a_segment_may_name_those_above_it_only(tmp_path: Path) -> None:
    folder = with_segments(tmp_path, ("debtor is company and", "segment is small-late and"))
    assert refused(folder) == ["escalation.yaml:13: there is no segment small-late"]


def test_a_condition_of_a_segment_is_read_like_any_other(tmp_path: Path) -> None:
    folder = with_segments(tmp_path, ("days past due at least 5", "days past due above 5"))
    assert refused(folder) == ["escalation.yaml:14: expected 'at', found 'above'"]


# --------------------------------------------------------------------------------------- risk


RISK = """\
model: test-1
expected: 35 %
weighs_as: 2
worst_mean: 30 days
weights:
  share_late: 60
  mean_days_late: 20
  trend: 15
  broken_agreements: 20
grades:
  low: below 25 %
  medium: below 45 %
  high: the rest
credit:
  lower: [high]
"""


def test_the_shipped_model_is_read(tmp_path: Path) -> None:
    shipped = (CONFIG / "risk.yaml").read_text(encoding="utf-8")
    model = loaded(with_file(tmp_path, "risk.yaml", shipped)).risk
    assert model is not None
    assert model.grades == {"low": 2_500, "medium": 4_500, "high": 10_001}
    assert (model.expected, model.weighs_as, model.least_settled) == (3_500, 2, 3)


def test_without_a_file_nobody_is_graded(tmp_path: Path) -> None:
    rules = loaded(written(tmp_path))
    assert (rules.risk, rules.credit, rules.experiments) == (None, None, ())


@pytest.mark.parametrize(
    ("edit", "line", "message"),
    [
        (("medium: below 45 %", "medium: below 20 %"), 12, "no score falls to medium"),
        (("high: the rest", "high: below 90 %"), 10, "the highest scores have no grade"),
        (("lower: [high]", "lower: [hihg]"), 15, "there is no grade hihg"),
        (("expected: 35 %", "expected: 0.35"), 2, "cannot read '0.35'"),
        (("trend: 15", "trent: 15"), 8, "'trent' is not known here, did you mean 'trend'?"),
        (("share_late: 60", "share_late: 0"), 6, "'0' has to be at least 1"),
    ],
)
def test_a_model_that_cannot_grade_is_refused(
    tmp_path: Path, edit: tuple[str, str], line: int, message: str
) -> None:
    found = refused(with_file(tmp_path, "risk.yaml", RISK, edit))
    assert any(one.startswith(f"risk.yaml:{line}: {message}") for one in found), found


def test_a_model_of_rare_factors_alone_is_refused(tmp_path: Path) -> None:
    lines = [
        line
        for line in RISK.splitlines()
        if not line.strip().startswith(("share_late:", "mean_days_late:", "trend:"))
    ]
    found = refused(with_file(tmp_path, "risk.yaml", "\n".join(lines) + "\n"))
    assert found == ["risk.yaml:5: nothing would be known of most debtors"]


# -------------------------------------------------------------------------------- experiments


def test_an_experiment_is_read(tmp_path: Path) -> None:
    (found,) = loaded(with_file(tmp_path, "experiments.yaml", EXPERIMENTS)).experiments
    assert found.arms == (
        Arm("champion", 4_500, "standard"),
        Arm("sooner", 4_500, "vip"),
        Arm("hold-out", 1_000, "standard", 30),
    )
    assert (found.within_days, found.recovered, found.baseline, found.detects) == (
        30, 10_000, 6_000, 500,
    )  # fmt: skip
    assert found.guard_rails == {"complaints": 50, "opt_outs": 300}
    assert found.source == "experiments.yaml:2"


@pytest.mark.parametrize(
    ("edit", "line", "message"),
    [
        (("ladder: vip", "ladder: vpi"), 7, "there is no ladder vpi"),
        (("share: 10 %", "share: 11 %"), 5, "the shares add up to 101.00 %"),
        (("ladder: standard", "rests: 40 days"), 6, "the first arm is the champion's"),
        (("ladder: vip, share", "share"), 7, "an arm climbs a ladder, or rests"),
        (("rests: 30 days", "rests: 29 days"), 8, "it rests for 29 days and is measured after 30"),
        (("detects: 5 %", "detects: 40 %"), 11, "such a difference from the baseline"),
        (("recovered within 30 days", "paid in 30 days"), 9, "cannot read 'paid in 30 days'"),
        (("2026-11-01 to 2027-01-31", "2027-11-01 to 2027-01-31"), 4, "2027-01-31 comes before"),
        (("2027-01-31", "2027-02-31"), 4, "2026-11-01 to 2027-02-31 names a day that there is not"),
        (("for: debtor is person", "for: creditor is andino"), 3, "there is no creditor andino"),
        (("opt_outs: 3 %", "optouts: 3 %"), 12, "'optouts' is not known here"),
        (("detects: 5 %", "minimum: 5 %"), 2, "'detects' is missing"),
    ],
)
def test_an_experiment_that_would_tell_nothing_is_refused(
    tmp_path: Path, edit: tuple[str, str], line: int, message: str
) -> None:
    found = refused(with_file(tmp_path, "experiments.yaml", EXPERIMENTS, edit))
    assert any(one.startswith(f"experiments.yaml:{line}: {message}") for one in found), found


def test_two_experiments_on_one_ladder_at_one_time_are_refused(tmp_path: Path) -> None:
    """The time of the last who could enter the first one ends on 2 March 2027."""
    second = EXPERIMENTS.partition("\n")[2].replace("sooner:", "later:", 1)
    clash = second.replace("2026-11-01 to 2027-01-31", "2027-03-02 to 2027-04-30")
    found = refused(with_file(tmp_path / "one", "experiments.yaml", EXPERIMENTS + clash))
    assert found == ["experiments.yaml:16: runs on ladder standard while sooner does"]
    apart = second.replace("2026-11-01 to 2027-01-31", "2027-03-03 to 2027-04-30")
    folder = with_file(tmp_path / "two", "experiments.yaml", EXPERIMENTS + apart)
    assert len(loaded(folder).experiments) == 2
