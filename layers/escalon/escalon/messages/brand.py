"""The creditor's colour, and colours that can be read on it: in e-mails and on pages alike."""

import re

import msgspec

from escalon.messages.errors import MessageError

# WCAG 2.2, 1.4.3: the contrast that small text needs.
LEAST_CONTRAST = 4.5

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_WHITE, _SLATE, _BLACK = "#ffffff", "#1d2733", "#000000"


class Brand(msgspec.Struct, frozen=True):
    """The creditor's colour, and colours that can be read on it and instead of it on white."""

    colour: str
    ink: str
    text: str


def brand(colour: str) -> Brand:
    """What goes with the colour, written like #1f4e5f; raises MessageError if it is none."""
    if not _COLOUR.fullmatch(colour):
        raise MessageError(f"brand_colour {colour!r} is no colour; write it like #1f4e5f")
    readable = [ink for ink in (_WHITE, _SLATE) if contrast(colour, ink) >= LEAST_CONTRAST]
    return Brand(
        colour=colour,
        # Black can be read on every colour that white cannot be read on.
        ink=readable[0] if readable else _BLACK,
        text=colour if contrast(colour, _WHITE) >= LEAST_CONTRAST else _SLATE,
    )


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2.2 defines it, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
