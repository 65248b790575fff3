"""Letters that people post: today's amounts, and none to whoever has nothing to pay any more."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import Account, ContactPoint, Hold
from escalon.domain.rules.rulebook import Rulebook
from escalon.papers.paper import Text
from escalon.papers.pdf import draw
from escalon.usecases.contact.write_letter import NoLetterError, letter_of
from tests.doubles.world import NOW, debtor, receivable

TASK: dict[str, Any] = {
    "task_id": "t1",
    "kind": "letter",
    "creditor": "andina",
    "receivable_id": "r1",
    "step": "last-notice",
}
ADDRESS = ContactPoint("p1", "letter", "Calle 1 # 2-3, Bogotá")


@pytest.fixture(scope="module")
def rules() -> Rulebook:
    return load_rulebook(Path(__file__).parents[2] / "config", try_messages=False)


def owing(open_minor: int = 300_000_00, **more: Any) -> Account:
    account = debtor("a1", receivable("r1", late=80, open_minor=open_minor), points=(ADDRESS,))
    return replace(account, language="es-CO", **more)


def test_a_letter_has_the_words_of_its_step_and_the_amounts_of_today(rules: Rulebook) -> None:
    paper = letter_of(owing(125_000_00), TASK, rules, NOW)
    assert paper.addressee == ("Ana Gómez", "Calle 1 # 2-3", "Bogotá")
    assert paper.dated == "7 de septiembre de 2026"
    texts = [
        block.text
        for section in paper.sections
        for block in section.blocks
        if isinstance(block, Text)
    ]
    assert any("doc-r1" in text for text in texts)
    assert "125.000" in str(paper.sections)
    assert draw(paper).startswith(b"%PDF-")


def test_whoever_has_paid_meanwhile_gets_none(rules: Rulebook) -> None:
    with pytest.raises(NoLetterError, match="settled: do not post it"):
        letter_of(replace(owing(), receivables=()), TASK, rules, NOW)


def test_what_is_disputed_meanwhile_is_not_asked_for(rules: Rulebook) -> None:
    hold = Hold("h1", "dispute", NOW.date(), receivable_id="r1")
    with pytest.raises(NoLetterError, match="nothing is overdue"):
        letter_of(owing(holds=(hold,)), TASK, rules, NOW)


def test_a_step_that_is_gone_from_the_rules_has_no_words(rules: Rulebook) -> None:
    with pytest.raises(NoLetterError, match="no message for the step old-step"):
        letter_of(owing(), {**TASK, "step": "old-step"}, rules, NOW)
