"""`escalon rules check`: all that is wrong with a rulebook, and what is probably not meant."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from escalon.authoring.lint import Finding, book_facts, lint
from escalon.authoring.rulebook import RulebookError, load_rulebook
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.rules import book


class Checked(msgspec.Struct, frozen=True):
    """What was found. Without a rulebook it may not go live, and only its problems are told."""

    rulebook: Rulebook | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(1 for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.errors


def check(
    folder: Path, *, today: date, most_segments: int = 2, book_file: Path | None = None
) -> Checked:
    """Check a rulebook's folder. `book_file` is an exported book, for what the rules will meet;
    raises BookError if it cannot be read."""
    facts = book_facts(book.accounts(book_file)) if book_file is not None else None
    try:
        rulebook = load_rulebook(folder)
    except RulebookError as error:
        refused = (Finding(problem, "error", "refused") for problem in error.problems)
        return Checked(None, tuple(refused))
    found = lint(folder, rulebook, today=today, most_segments=most_segments, book=facts)
    return Checked(rulebook, tuple(found))


def as_json(checked: Checked) -> str:
    """All of it for a program; `rulebook` and `version` are null if it may not go live."""
    rulebook = checked.rulebook
    told = {
        "rulebook": rulebook.rulebook if rulebook else None,
        "version": rulebook.version if rulebook else None,
        "errors": checked.errors,
        "warnings": checked.warnings,
        "findings": [_plain(finding) for finding in checked.findings],
    }
    return json.dumps(told, ensure_ascii=False, indent=2)


def _plain(finding: Finding) -> dict[str, Any]:
    problem = finding.problem
    return {
        "severity": finding.severity,
        "rule": finding.rule,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "remedy": problem.remedy,
    }


def as_annotations(findings: Sequence[Finding]) -> list[str]:
    """GitHub's workflow commands, which show each finding beside its line in a pull request
    (docs.github.com, "Workflow commands for GitHub Actions")."""
    return [_annotation(finding) for finding in findings]


def _annotation(finding: Finding) -> str:
    problem = finding.problem
    place = f"file={_escaped(problem.file, ',:')},line={problem.line},col={problem.column}"
    what = f"{problem.path}: {problem.message}" if problem.path else problem.message
    text = f"{what}; {problem.remedy}" if problem.remedy else what
    title = f"title={_escaped(f'escalon rules: {finding.rule}', ',:')}"
    return f"::{finding.severity} {place},{title}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
