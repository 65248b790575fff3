"""Plain language, measured: syllables by rule, and texts whose score is known by hand."""

import pytest

from escalon.messages.readability import PLAIN, english_syllables, score, spanish_syllables


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        ("casa", 2), ("día", 2), ("país", 2), ("cuenta", 2), ("ciudad", 2), ("agua", 2),
        ("guitarra", 3), ("pingüino", 3), ("quiere", 2), ("leer", 2), ("ahora", 3), ("ahí", 2),
        ("comunicarse", 5), ("situación", 3), ("aéreo", 4), ("hoy", 1), ("ya", 1), ("y", 1),
        ("búho", 2), ("deuda", 2), ("Ñáñez", 2), ("x", 1),
    ],
)  # fmt: skip
def test_spanish_syllables(word: str, syllables: int) -> None:
    assert spanish_syllables(word) == syllables


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        ("pay", 1), ("made", 1), ("table", 2), ("settled", 2), ("wanted", 2), ("boxes", 2),
        ("please", 1), ("agreement", 3), ("agreed", 2), ("account", 2), ("owed", 1), ("the", 1),
        ("people", 2), ("don't", 1), ("balance", 2),
    ],
)  # fmt: skip
def test_english_syllables(word: str, syllables: int) -> None:
    assert english_syllables(word) == syllables


def test_the_scores_of_texts_worked_out_by_hand() -> None:
    """Spanish: 206.835 - 62.3 * syllables a word - words a sentence; English: 206.835 - 84.6 *
    syllables a word - 1.015 * words a sentence."""
    # 20 words in 2 sentences, 34 syllables: 206.835 - 105.91 - 10
    spanish = (
        "Hoy le escribo para contarle que su pago no llegó. "
        "Si algo no está claro, llame o escriba ya mismo."
    )
    assert score(spanish, "es") == 91
    # 20 words in 2 sentences, 20 syllables: 206.835 - 84.6 - 10.15
    english = "We write to say that your last bill is due. Pay at the desk or by card when you can."
    assert score(english, "en") == 112


def test_long_words_and_long_sentences_are_hard_to_read() -> None:
    stiff = (
        "Mediante la presente comunicación procedemos a notificarle fehacientemente la existencia "
        "de obligaciones pecuniarias exigibles derivadas del incumplimiento contractual, "
        "instándole a regularizar inmediatamente la situación precedentemente mencionada"
    )
    plain = (
        "Su pago no ha llegado. Si ya pagó, no haga nada. "
        "Si no puede pagar, llame y hablamos de ello con calma."
    )
    assert (score(stiff, "es"), score(plain, "es")) == (-35, 100)
    legal = (
        "Notwithstanding any previous correspondence regarding the aforementioned obligation, "
        "immediate regularisation of the outstanding liability is accordingly requested from the "
        "undersigned representative of the organisation"
    )
    assert (score(legal, "en") or 0) < 0 < PLAIN["en"]


def test_addresses_amounts_and_dates_are_no_prose() -> None:
    text = "Su pago no ha llegado. Si ya pagó, no haga nada. Si no puede, llame y hablamos de ello."
    more = f"{text} https://pagos.example.com/abcdefghijklmnopqrstuvwxyz a@b.co 1.234.567"
    assert score(text, "es") == score(more, "es")


def test_what_cannot_be_judged_has_no_score() -> None:
    assert score("Pague hoy.", "es") is None
    assert score("palavra " * 30, "pt") is None
