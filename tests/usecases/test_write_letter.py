"""Letters that people post: today's amounts, and none to whoever has nothing to pay any more."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import Account, Awaited, Consent, ContactPoint, ContactRecord, Hold
from escalon.domain.contact.brakes import NO_BRAKES, Brake, Brakes
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.tasks import Task
from escalon.papers.paper import Paper, Text
from escalon.papers.pdf import draw
from escalon.usecases.contact.write_letter import NoLetterError, letter_of
from tests.doubles.world import NOW, debtor, receivable

TASK = Task("t1", "a1", "letter", NOW, NOW, "andina", "r1", "last-notice")
GRANTED = Consent(date(2024, 1, 1), "form 7")
ADDRESS = ContactPoint("p1", "letter", "Calle 1 # 2-3, Bogotá", GRANTED)


@pytest.fixture(scope="module")
def rules() -> Rulebook:
    return load_rulebook(Path(__file__).parents[2] / "config", try_messages=False)


def letter(
    account: Account,
    task: Task,
    rules: Rulebook,
    now: datetime = NOW,
    *,
    feeds: dict[str, datetime] | None = None,
    brakes: Brakes = NO_BRAKES,
) -> Paper:
    told = feeds if feeds is not None else dict.fromkeys(rules.payments.feeds, now)
    return letter_of(account, task, rules, now, feeds=told, brakes=brakes)


def owing(open_minor: int = 300_000_00, **more: Any) -> Account:
    account = debtor("a1", receivable("r1", late=80, open_minor=open_minor), points=(ADDRESS,))
    return replace(account, language="es-CO", **more)


def test_a_letter_has_the_words_of_its_step_and_the_amounts_of_today(rules: Rulebook) -> None:
    paper = letter(owing(125_000_00), TASK, rules)
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
    with pytest.raises(NoLetterError, match="do not post it: receivable r1 is not open any more"):
        letter(replace(owing(), receivables=()), TASK, rules)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"holds": (Hold("h", "dispute", NOW.date(), receivable_id="r1"),)}, "a dispute is open"),
        ({"holds": (Hold("h", "deceased", NOW.date()),)}, "they have died"),
        *(
            ({"holds": (Hold("h", kind, NOW.date()),)}, f"the account is on hold ({kind})")
            for kind in ("promise", "absent_from_export", "vulnerable", "insolvency", "excluded")
        ),
        ({"awaited": (Awaited("p", NOW, NOW + timedelta(hours=1)),)}, "a payment to andina is"),
        ({"refused_channels": ("letter",)}, "does not want"),
        (
            {"points": (replace(ADDRESS, consent=replace(GRANTED, revoked_at=NOW)),)},
            "has withdrawn consent",
        ),
        ({"points": ()}, "there is no contact point"),
        ({"contacts": (ContactRecord("m1", "email", NOW - timedelta(days=1)),)}, "another channel"),
    ],
    ids=[
        *("dispute", "deceased", "promised", "absent", "vulnerable", "insolvent", "excluded"),
        *("money under way", "refused", "revoked", "no address", "another channel this week"),
    ],
)
def test_who_must_not_be_written_to_now_gets_no_letter(
    rules: Rulebook, more: dict[str, Any], why: str
) -> None:
    with pytest.raises(NoLetterError, match="do not post it: ") as error:
        letter(owing(**more), TASK, rules)
    assert why in str(error.value)


def test_on_a_sunday_a_letter_waits_for_the_next_day_on_which_it_may_be_posted(
    rules: Rulebook,
) -> None:
    with pytest.raises(NoLetterError, match="opens on Monday 7 September at 07:00"):
        letter(owing(), TASK, rules, NOW - timedelta(days=1))


def test_a_step_that_is_gone_from_the_rules_has_no_words(rules: Rulebook) -> None:
    with pytest.raises(NoLetterError, match="step old-step is not in the rules any more"):
        letter(owing(), replace(TASK, step="old-step"), rules)


def test_letters_that_were_stopped_are_not_printed(rules: Rulebook) -> None:
    brakes = Brakes((Brake("channel", NOW, "ana", "a wrong price", "letter"),))
    with pytest.raises(NoLetterError) as error:
        letter(owing(), TASK, rules, brakes=brakes)
    assert str(error.value) == (
        "do not post it: a person has stopped it (channel:letter) since "
        "Monday 7 September 2026, 10:00: ana; because: a wrong price"
    )


def test_l7_no_letter_is_printed_while_nobody_knows_what_was_paid(rules: Rulebook) -> None:
    andina = replace(rules.creditors["andina"], feeds=("bank",))
    late = replace(
        rules,
        creditors={**rules.creditors, "andina": andina},
        payments=replace(rules.payments, feeds={"bank": 12}),
    )
    with pytest.raises(NoLetterError, match="the payments of bank are not fresh"):
        letter(owing(), TASK, late, feeds={"bank": NOW - timedelta(hours=13)})
    assert letter(owing(), TASK, late, feeds={"bank": NOW - timedelta(hours=12)}).addressee
