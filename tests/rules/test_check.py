"""`escalon rules check`: for a person, a program and a pull request."""

import json
from datetime import date
from pathlib import Path

from escalon.authoring.lint import Finding
from escalon.authoring.yaml_lines import Problem
from escalon_cli.rules.check import as_annotations, as_json, check
from tests.authoring.lean import written
from tests.domain import debts
from tests.rules.books import book_of, escalon, owes

TODAY = date(2026, 11, 23)
NO_LIMIT = ("  oldest_debt: 5 years\n", "")


def test_a_rulebook_that_may_not_go_live_is_told_with_all_its_problems(tmp_path: Path) -> None:
    """Invariant 10, L24: nothing is looked for in what cannot be carried out."""
    checked = check(written(tmp_path, ("when: 60 days after due", "when: 60 days")), today=TODAY)
    assert checked.rulebook is None
    assert [(f.severity, f.rule) for f in checked.findings] == [("error", "refused")]
    told = json.loads(as_json(checked))
    assert (told["rulebook"], told["version"], told["errors"]) == (None, None, 1)
    assert told["findings"][0]["path"] == "strategies.standard.ladder[5].when"


def test_errors_end_with_exit_code_1_and_warnings_do_not(tmp_path: Path) -> None:
    warned = written(tmp_path, NO_LIMIT)
    done = escalon("check", str(warned))
    assert done.exit_code == 0
    assert "no-age-limit" not in done.stderr
    assert "a debt of any age is chased" in done.stderr
    assert "0 errors, 1 warnings" in done.stdout
    wrong = written(tmp_path / "other", ("oldest_debt: 5 years", "oldest_debt: 50 days"))
    done = escalon("check", str(wrong))
    assert done.exit_code == 1
    assert "last-notice is never taken: a debt is chased for 50 days" in done.stderr


def test_for_a_program(tmp_path: Path) -> None:
    done = escalon("check", str(written(tmp_path, NO_LIMIT)), "--json")
    told = json.loads(done.stdout)
    (finding,) = told["findings"]
    assert told["warnings"] == 1
    assert finding == {
        "severity": "warning",
        "rule": "no-age-limit",
        "file": str(tmp_path / "draft" / "escalation.yaml"),
        "line": 8,
        "column": 1,
        "path": "chase",
        "message": "a debt of any age is chased: a forgotten file mails all of history",
        "remedy": "write `oldest_debt: 5 years`",
    }


def test_for_a_pull_request() -> None:
    problem = Problem("config/a,b.yaml", 7, 3, "chase", "100 % wrong:\nvery", "mend it")
    assert as_annotations([Finding(problem, "error", "too-old")]) == [
        "::error file=config/a%2Cb.yaml,line=7,col=3,title=escalon rules%3A too-old::"
        "chase: 100 %25 wrong:%0Avery; mend it"
    ]


def test_annotations_are_printed_one_a_line(tmp_path: Path) -> None:
    folder = written(tmp_path, NO_LIMIT)
    done = escalon("check", str(folder), "--github")
    assert done.stdout.splitlines() == [
        f"::warning file={folder}/escalation.yaml,line=8,col=1,title=escalon rules%3A "
        "no-age-limit::chase: a debt of any age is chased: a forgotten file mails all of history; "
        "write `oldest_debt: 5 years`"
    ]


def test_what_the_rules_will_meet(tmp_path: Path) -> None:
    """E1: a currency without a threshold is a debt that nobody chases."""
    euros = debts.receivable(currency="EUR", open_minor=5_000)
    file = book_of(tmp_path, owes("a1", receivables=(euros,)))
    done = escalon("check", str(written(tmp_path)), "--book", str(file))
    assert "there is 1 account in EUR (EUR 50 open)" in done.stderr


def test_the_length_of_sms_that_is_wanted(tmp_path: Path) -> None:
    by_sms = ("by: [email]\n        say: heads_up", "by: [sms]\n        say: heads_up")
    folder = str(written(tmp_path, by_sms))
    assert "segments for one receivable" not in escalon("check", folder).stderr
    done = escalon("check", folder, "--sms-segments", "1")
    assert done.exit_code == 0
    assert "the SMS takes 2 segments for one receivable; shorten it to 1" in done.stderr


def test_schemas_are_written(tmp_path: Path) -> None:
    escalon("schemas", "--out", str(tmp_path / "s"))
    assert (tmp_path / "s" / "escalation.schema.json").is_file()
