"""Letters that people post: today's amounts, and none to whoever has nothing to pay any more."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import Account, Consent, ContactPoint, ContactRecord, Hold
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
GRANTED = Consent(date(2024, 1, 1), "form 7")
ADDRESS = ContactPoint("p1", "letter", "Calle 1 # 2-3, Bogotá", GRANTED)


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


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"holds": (Hold("h", "dispute", NOW.date(), receivable_id="r1"),)}, "a dispute is open"),
        ({"holds": (Hold("h", "deceased", NOW.date()),)}, "they have died"),
        ({"refused_channels": ("letter",)}, "does not want"),
        (
            {"points": (replace(ADDRESS, consent=replace(GRANTED, revoked_at=NOW)),)},
            "has withdrawn consent",
        ),
        ({"points": ()}, "there is no contact point"),
        ({"contacts": (ContactRecord("m1", "email", NOW - timedelta(days=1)),)}, "another channel"),
    ],
    ids=["dispute", "deceased", "refused", "revoked", "no address", "another channel this week"],
)
def test_who_must_not_be_written_to_now_gets_no_letter(
    rules: Rulebook, more: dict[str, Any], why: str
) -> None:
    with pytest.raises(NoLetterError, match="do not post it: ") as error:
        letter_of(owing(**more), TASK, rules, NOW)
    assert why in str(error.value)


def test_on_a_sunday_a_letter_waits_for_the_next_day_on_which_it_may_be_posted(
    rules: Rulebook,
) -> None:
    with pytest.raises(NoLetterError, match="opens on Monday 7 September at 07:00"):
        letter_of(owing(), TASK, rules, NOW - timedelta(days=1))


def test_a_step_that_is_gone_from_the_rules_has_no_words(rules: Rulebook) -> None:
    with pytest.raises(NoLetterError, match="no message for the step old-step"):
        letter_of(owing(), {**TASK, "step": "old-step"}, rules, NOW)
