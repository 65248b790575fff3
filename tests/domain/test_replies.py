"""Which replies act by themselves: the whole message, in whatever spelling, and no sentence."""

import pytest

from escalon.domain.contact.replies import wish_of


@pytest.mark.parametrize(
    "text",
    [
        *("STOP", "stop", " Stop. ", "¡STOP!", "Baja", "BAJA\n", "salir", "Salir!!", "opt-out"),
        *("Opt out", "unsubscribe", "Cancel", "Stop all", "quit", "END", "revoke", "ＳＴＯＰ"),
        *("Cancelar", "PARAR", "sair"),
    ],
)
def test_a_word_that_stops(text: str) -> None:
    assert wish_of(text) == "stop"


@pytest.mark.parametrize("text", ["START", "alta", "¡Alta!", "unstop"])
def test_a_word_that_starts(text: str) -> None:
    assert wish_of(text) == "start"


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "?", "no", "sí", "ok", "1", "🙂"),
        "No me escriban a este número, por favor",  # a person reads it
        *("baja el interés", "stop it or I call my lawyer", "¿me doy de alta?", "el stop"),
    ],
)
def test_what_a_person_reads(text: str) -> None:
    assert wish_of(text) == ""
