"""What an SMS costs: its alphabet, its segments, and a spelling that keeps Spanish cheap.

GSM 03.38 fits 160 characters into one SMS (153 in each part of a longer one); one character outside
it turns the whole message into UCS-2 with 70 (67). Its alphabet has é, ñ, ü, à, è, ì, ò and ù, but
not á, í, ó and ú: a single "información" would more than double the price and split the text. So
those four lose their accent, which every Spanish reader is used to in an SMS, while é and ñ stay.
"""

import unicodedata
from typing import Literal

import msgspec

Encoding = Literal["GSM-7", "UCS-2"]

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Sent as an escape and a second character, so each counts as two.
_EXTENDED = frozenset("^{}\\[~]|€\f")

# What Unicode's own decomposition (á is a and an accent) does not spell as a person would.
_SPELLINGS = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "‘": "'",
        "’": "'",
        "`": "'",
        "´": "'",
        "–": "-",
        "—": "-",
        "−": "-",
        "‐": "-",
        "‑": "-",
        "•": "-",
        "·": "-",
        "×": "x",
    }
)


class Segments(msgspec.Struct, frozen=True):
    """How a text travels: its alphabet, its length in that alphabet's units, its parts."""

    encoding: Encoding
    units: int
    segments: int


def is_gsm7(text: str) -> bool:
    """Whether the whole text can be sent in the GSM alphabet."""
    return all(char in _BASIC or char in _EXTENDED for char in text)


def to_gsm7(text: str) -> str:
    """Spell the text in the GSM alphabet where that is possible without loss of meaning.

    If one character has no spelling there (Cyrillic, an emoji) the message is UCS-2 whatever is
    done to the others, so the text keeps all its accents.
    """
    spelled = "".join(_spell(char) for char in unicodedata.normalize("NFC", text))
    return spelled if is_gsm7(spelled) else text


def _spell(char: str) -> str:
    if char in _BASIC or char in _EXTENDED:
        return char
    translated = char.translate(_SPELLINGS)
    if translated != char:
        return translated
    if char.isspace():
        return " "
    plain = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
    return plain or char


def count_segments(text: str) -> Segments:
    """Count as the network does: an escaped character or a surrogate pair is never cut in two, so
    a part may carry one unit less than it has room for."""
    if is_gsm7(text):
        widths = [2 if char in _EXTENDED else 1 for char in text]
        return _count("GSM-7", widths, alone=160, joined=153)
    widths = [2 if ord(char) > 0xFFFF else 1 for char in text]
    return _count("UCS-2", widths, alone=70, joined=67)


def _count(encoding: Encoding, widths: list[int], *, alone: int, joined: int) -> Segments:
    units = sum(widths)
    if units <= alone:
        return Segments(encoding, units, 1)
    parts, room = 1, joined
    for width in widths:
        if width > room:
            parts, room = parts + 1, joined
        room -= width
    return Segments(encoding, units, parts)
