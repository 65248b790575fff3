"""Plain text made safe and tidy: names from an export, paragraphs of a template, wrapped lines."""

import re
import textwrap
import unicodedata
from collections.abc import Container

import msgspec

NBSP = "\N{NO-BREAK SPACE}"
_WIDTH = 76

_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")
_ITEM = re.compile(r"^[-*] +", re.MULTILINE)


class Paragraph(msgspec.Struct, frozen=True):
    """One paragraph: running text, or the items of a list whose lines begin with "- ", or words
    that lead to an address (`label`, `url`), which are its `text` too."""

    text: str = ""
    items: tuple[str, ...] = ()
    label: str = ""
    url: str = ""


def one_line(text: str) -> str:
    """The text on one line, without control, direction and other invisible characters: an
    imported name must neither break a header nor turn a line around."""
    kept = text
    if not text.replace(NBSP, " ").isprintable():  # nearly always is
        kept = "".join(_visible(char) for char in text)
    return " ".join(part for part in kept.split(" ") if part)


def _visible(char: str) -> str:
    if char == NBSP:
        return char  # holds an amount together; it is turned into a space where that matters
    if char.isspace():
        return " "
    category = unicodedata.category(char)
    if category == "Cc":
        return " "
    return "" if category in {"Cf", "Cs", "Co", "Cn"} else char


def lines_of(text: str) -> tuple[str, ...]:
    """An operator's text line by line: the lines of a bank account stay lines."""
    return tuple(line for line in map(one_line, text.splitlines()) if line)


def paragraphs(source: str, links: Container[str] = ()) -> tuple[Paragraph, ...]:
    """Split at blank lines; line breaks inside a paragraph are the editor's, not the reader's. Of
    `links` one that stands at the end of a paragraph, after a colon, is what its words lead to."""
    found = []
    for chunk in _BLANK_LINES.split(source.strip()):
        if not chunk.strip():
            continue
        if _ITEM.match(chunk):
            items = (one_line(item) for item in _ITEM.split(chunk))
            found.append(Paragraph(items=tuple(item for item in items if item)))
        else:
            text = one_line(chunk)
            label, _, url = text.rpartition(": ")
            if label and url in links:
                found.append(Paragraph(text=text, label=label, url=url))
            else:
                found.append(Paragraph(text=text))
    return tuple(found)


def wrap(text: str, first: str = "", rest: str | None = None) -> str:
    """Fill one paragraph to 76 columns without cutting an address or an amount."""
    return textwrap.fill(
        text,
        width=_WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first) if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def tidy(text: str) -> str:
    """A text part as it is sent: no trailing blanks, no runs of empty lines, plain spaces."""
    lines = [line.rstrip() for line in text.replace(NBSP, " ").splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"
