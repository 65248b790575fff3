"""What an SMS costs, at every edge, and the spelling that keeps Spanish in one segment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalon.messages.sms import count_segments, is_gsm7, to_gsm7


@pytest.mark.parametrize(
    ("length", "segments"),
    [
        (0, 1), (1, 1), (159, 1), (160, 1), (161, 2),
        (305, 2), (306, 2), (307, 3), (458, 3), (459, 3), (460, 4),
    ],
)  # fmt: skip
def test_gsm_segments_at_each_edge(length: int, segments: int) -> None:
    counted = count_segments("ñ" * length)
    assert (counted.encoding, counted.units, counted.segments) == ("GSM-7", length, segments)


@pytest.mark.parametrize(
    ("length", "segments"),
    [(1, 1), (69, 1), (70, 1), (71, 2), (133, 2), (134, 2), (135, 3), (201, 3), (202, 4)],
)
def test_ucs2_segments_at_each_edge(length: int, segments: int) -> None:
    counted = count_segments("á" * length)
    assert (counted.encoding, counted.units, counted.segments) == ("UCS-2", length, segments)


@pytest.mark.parametrize("char", "^{}\\[~]|€\f")
def test_an_escaped_character_counts_twice(char: str) -> None:
    assert count_segments("a" * 158 + char).segments == 1
    assert count_segments("a" * 159 + char).segments == 2
    assert count_segments(char).units == 2


def test_an_escaped_character_is_not_cut_in_two() -> None:
    # 152 + 2 does not fit the first part of 153, so it begins the second: 306 units need three.
    assert count_segments("a" * 152 + "€" + "a" * 152).segments == 3
    assert count_segments("a" * 151 + "€" + "a" * 153).segments == 2


def test_a_surrogate_pair_is_not_cut_in_two() -> None:
    assert count_segments("😀").units == 2
    assert count_segments("á" * 66 + "😀" + "á" * 66).segments == 3
    assert count_segments("á" * 65 + "😀" + "á" * 67).segments == 2


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Información: si ya pagó, ignórelo.", "Informacion: si ya pago, ignorelo."),
        ("ÁÍÓÚ áíóú", "AIOU aiou"),
        ("Ñáñez, él, pingüino, ¿sí? ¡no!", "Ñañez, él, pingüino, ¿si? ¡no!"),
        ("“Andina” – la tienda… y ‘más’", "\"Andina\" - la tienda... y 'mas'"),
        ("$\N{NO-BREAK SPACE}1.234", "$ 1.234"),
        ("João Conceição, Zoë, Dvořák", "Joao Conceicao, Zoe, Dvorak"),
        ("n.º 1, 2.ª", "n.o 1, 2.a"),
    ],
)
def test_spanish_stays_in_the_gsm_alphabet(written: str, sent: str) -> None:
    assert to_gsm7(written) == sent
    assert count_segments(to_gsm7(written)).encoding == "GSM-7"


def test_a_decomposed_accent_is_one_character() -> None:
    assert to_gsm7("pago\N{COMBINING ACUTE ACCENT}, e\N{COMBINING ACUTE ACCENT}l") == "pago, él"


def test_a_text_that_cannot_be_gsm_keeps_all_its_accents() -> None:
    assert to_gsm7("Información для Иван") == "Información для Иван"


@given(st.text())
def test_the_spelling_is_gsm_or_the_text_itself(text: str) -> None:
    spelled = to_gsm7(text)
    assert spelled == text or is_gsm7(spelled)
    assert to_gsm7(spelled) == spelled


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_segments_never_promise_too_much_room(text: str) -> None:
    counted = count_segments(text)
    alone, joined = (160, 153) if counted.encoding == "GSM-7" else (70, 67)
    assert (counted.segments == 1) == (counted.units <= alone)
    if counted.segments > 1:
        assert counted.units <= counted.segments * joined
        # A part loses at most one unit to a character that is not cut.
        assert counted.units > (counted.segments - 1) * (joined - 1)
