"""A paper as values: what it says, word for word, and the hash by which that is known again.

The words are made once (`agreement_paper`, `statement_paper`, `letter_paper`); a PDF draws them,
and a page may show them before they are agreed to. Whoever has seen them and whoever reads the PDF
have read the same text if the hash is the same.
"""

import base64
import hashlib
from typing import Literal

import msgspec

Align = Literal["left", "right"]

# Crockford's base 32: what looks like another character is not in it.
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TO_CODE = str.maketrans(_PLAIN, _CROCKFORD)
_READ_AS = str.maketrans("OIL", "011", "- ")
_CODE_BYTES = 10


class Column(msgspec.Struct, frozen=True):
    """A column's heading and to which side its cells stand; amounts stand to the right."""

    heading: str
    align: Align = "left"


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A paragraph; a `strong` one is what has to be seen."""

    text: str
    strong: bool = False


class Pairs(msgspec.Struct, frozen=True, tag="pairs"):
    """Facts as label and text."""

    rows: tuple[tuple[str, str], ...]


class Table(msgspec.Struct, frozen=True, tag="table"):
    """Rows under columns; the last of them is a sum if `totals` says how many such rows there
    are."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    totals: int = 0


type Block = Text | Pairs | Table


class Section(msgspec.Struct, frozen=True):
    """Blocks under a heading; no heading if it is empty."""

    heading: str
    blocks: tuple[Block, ...]


class Letterhead(msgspec.Struct, frozen=True):
    """Who speaks: the creditor's name, lines on who and where it is, and its colour (#rrggbb)."""

    name: str
    lines: tuple[str, ...]
    colour: str


class Paper(msgspec.Struct, frozen=True):
    """Everything that a paper says. `country` is the reader's, by which the sheet is letter or A4.
    `addressee` and `dated` stand above the title, `reference` in the foot of each sheet."""

    kind: Literal["agreement", "statement", "letter"]
    locale: str
    country: str
    letterhead: Letterhead
    title: str
    reference: str
    sections: tuple[Section, ...]
    addressee: tuple[str, ...] = ()
    dated: str = ""

    @property
    def hash(self) -> str:
        """SHA-256 of all that it says, in hexadecimal."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


class Seal(msgspec.Struct, frozen=True):
    """What is added once a paper is issued, and is not part of what was agreed to: how it was
    accepted, and where anybody can have it verified."""

    hash: str
    verify_url: str
    accepted: tuple[str, ...] = ()


def code_of(content_hash: str) -> str:
    """The verification code of a content hash: 16 characters that are told apart by eye and ear, 80
    bits of it."""
    start = bytes.fromhex(content_hash)[:_CODE_BYTES]
    return base64.b32encode(start).decode().translate(_TO_CODE)


def grouped(code: str) -> str:
    """A code as it is printed: XXXX-XXXX-XXXX-XXXX."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def read_code(written: str) -> str:
    """A code as somebody writes it down: dashes, blanks and small letters make no difference."""
    return written.upper().translate(_READ_AS)
