"""`escalon rules preview`: the words of a step, as they are read."""

from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from escalon_cli.rules.preview import PreviewError, page
from tests.rules.books import escalon, shipped

TODAY = date(2026, 11, 23)


def test_every_language_and_channel_is_shown() -> None:
    shown = page(shipped(), "firm", today=TODAY)
    assert shown.index("<h2>es-CO</h2>") < shown.index("<h2>en</h2>")  # its own language first
    assert "Información sobre su cuenta con Almacenes Andina" in shown
    assert "Information about your account with Almacenes Andina" in shown
    assert shown.count('sandbox="" loading="lazy"') == 12  # six debts in two languages
    assert shown.count('class="sms"') == 12
    assert "caracteres en GSM-7" in shown


def test_it_is_in_the_name_of_the_creditor_that_is_asked_for() -> None:
    shown = page(shipped(), "firm", creditor="cordillera", today=TODAY)
    assert "Créditos Cordillera" in shown
    assert "Almacenes Andina" not in shown


def test_a_message_that_cannot_be_written_says_why_in_its_place() -> None:
    broken = replace(
        shipped(), messages={"en": {**shipped().messages["en"], "firm": "{% block subject %}{{ x"}}
    )
    assert "It cannot be written: " in page(broken, "firm", today=TODAY, locale="en")


@pytest.mark.parametrize(
    ("step", "creditor", "says"),
    [
        ("nope", "", "there is no step nope; there are: vip-heads-up"),
        ("firm-call", "", "firm-call is work for a person: nothing is said"),
        ("firm", "nobody", "there is no creditor nobody; there are: andina, cordillera"),
    ],
)
def test_what_cannot_be_shown_says_why(step: str, creditor: str, says: str) -> None:
    with pytest.raises(PreviewError, match=says):
        page(shipped(), step, creditor=creditor, today=TODAY)


def test_the_page_is_written(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "firm.html"
    done = escalon("preview", "firm", "--out", str(file))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip() == file.as_uri()
    assert "default-src 'none'" in file.read_text(encoding="utf-8")
