"""What replies ask for: the word alone in whatever spelling, or a sentence that says it clearly,
which a person reads as well. Nothing but the word alone gives a permission back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalon.domain.contact.replies import Wanted, wanted


@pytest.mark.parametrize(
    "text",
    [
        *("STOP", "stop", " Stop. ", "¡STOP!", "Baja", "BAJA\n", "salir", "Salir!!", "opt-out"),
        *("Opt out", "unsubscribe", "Cancel", "Stop all", "quit", "END", "revoke", "ＳＴＯＰ"),
        *("Cancelar", "PARAR", "sair", "PARE", "detener", "No más", "no más mensajes"),
    ],
)
def test_a_word_that_stops(text: str) -> None:
    assert wanted(text) == Wanted("stop", to_read=False)


@pytest.mark.parametrize("text", ["START", "alta", "¡Alta!", "unstop"])
def test_a_word_that_starts(text: str) -> None:
    assert wanted(text) == Wanted("start", to_read=False)


@pytest.mark.parametrize(
    "text",
    [
        *("BAJA gracias", "Baja, por favor", "baja de esta lista", "STOP texting me"),
        *("Stop, I already paid!", "stop it or I call my lawyer", "unsubscribe please"),
        *("Please unsubscribe", "Pare ya", "PARE de escribirme", "Opt-out from this"),
        *("No me escriban más", "No me escriban a este número, por favor", "detengan esto"),
        *("Ya pagué, no me manden más mensajes", "por favor dejen de molestarme"),
        *("Dejen de escribirme que ese no soy yo", "quiero darme de baja", "Quítenme de la lista"),
        *("no quiero recibir mensajes suyos", "I said do not text this number"),
        *("Don't contact me again", "no more messages ok?", "Remove me from your list"),
        *("leave me alone please", "You have to stop contacting me", "Não me mandem mensagem"),
        "Señores: no me envíen más esto",
    ],
)
def test_a_sentence_that_says_it_clearly_stops_and_a_person_reads_it(text: str) -> None:
    assert wanted(text) == Wanted("stop", to_read=True)


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "?", "no", "sí", "ok", "1", "🙂"),
        *("baja el interés", "¿me doy de alta?", "el stop", "quiero el alta", "start over please"),
        *("No más puedo pagar el lunes", "Para cuándo es el plazo?", "quiero cancelar la deuda"),
        *("no dejen de escribirme", "please don't stop sending the statement"),
        *("I will stop by your office", "pare bolas que ya pagué", "end of the month I pay"),
        *("No me han escrito", "¿A qué número les escribo?", "cancelo mañana"),
    ],
)
def test_what_only_a_person_can_tell(text: str) -> None:
    assert wanted(text) == Wanted("", to_read=True)


@given(st.text(max_size=40), st.sampled_from(["start", "alta", "unstop"]), st.text(max_size=40))
def test_no_sentence_gives_a_permission_back(before: str, word: str, after: str) -> None:
    found = wanted(f"{before} {word} {after}")
    alone = not any(char.isalpha() for char in before + after)
    assert found.wish != "start" or (alone and not found.to_read)
