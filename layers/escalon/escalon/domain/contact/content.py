"""What a message has to show, must not be, and must not let others read along.

The rules are the policy's data. Whoever reviews templates asks `content_of` what to look for and
`read_along` about each text that is seen on a locked screen; `evaluate` asks the same of a message
that says what it contains.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Literal

import msgspec

from escalon.domain.contact.facts import Message
from escalon.domain.contact.rules import Content, Layer, Preview

ContentReason = Literal["content_missing", "content_forbidden", "seen_by_others"]
_Named = tuple[str, str]  # rule and source

_CODES = "cop|mxn|clp|pen|uf|usd|eur|gbp|brl"
_AMOUNT = re.compile(
    rf"(?:\b(?:{_CODES})|[$€£¥]|\b(?:r\$|s/))\s?-?\d[\d.,'’]*"
    rf"|\d[\d.,'’]*\s?(?:[€£¥]|(?:{_CODES}|pesos?|soles|dollars?|dolares|euros?|pounds|reais|mil)\b)"
    r"|(?<![\d.,])\d{1,3}(?:[.,'’]\d{3})+(?!\d)"
)


class Wanted(msgspec.Struct, frozen=True):
    """What a message has to show (Block) and must not be (Wrong), each with its source."""

    require: dict[str, str]
    forbid: dict[str, str]


def content_of(
    layers: Iterable[Layer], *, channel: str, kind: str, first: bool, on: date
) -> Wanted:
    """What binds a message of that kind by that channel on that day; `first` about its debt."""
    require: dict[str, str] = {}
    forbid: dict[str, str] = {}
    for layer in layers:
        for rule in layer.content:
            begun = rule.about.valid_from is None or rule.about.valid_from <= on
            if begun and concerns(rule, channel, kind) and (first or not rule.first_only):
                require |= {word: rule.about.source for word in rule.require if word not in require}
                forbid |= {word: rule.about.source for word in rule.forbid if word not in forbid}
    return Wanted(require, forbid)


def said(
    layers: Iterable[Layer], *, channel: str, kind: str, first: bool, on: date, language: str
) -> dict[str, str]:
    """The law's own words for such a message in that language, by block; a block that is not said
    in it is said in the first language that it has."""
    texts: dict[str, str] = {}
    for layer in layers:
        for rule in layer.content:
            begun = rule.about.valid_from is None or rule.about.valid_from <= on
            if begun and concerns(rule, channel, kind) and (first or not rule.first_only):
                for block, by_language in rule.say.items():
                    words = by_language.get(language) or next(iter(by_language.values()))
                    texts.setdefault(block, words)
    return texts


def concerns(rule: Content, channel: str, kind: str) -> bool:
    """Whether the rule is about messages of that kind by that channel."""
    return (not rule.kinds or kind in rule.kinds) and (
        not rule.channels or channel in rule.channels
    )


def content_denial(
    rules: Sequence[tuple[_Named, Content]],
    previews: Sequence[tuple[_Named, Preview]],
    message: Message,
) -> tuple[str, str, ContentReason, dict[str, str]] | None:
    """The first rule on content that the message breaks."""
    if message.content is not None:
        for named, rule in rules:
            if rule.first_only and not message.first:
                continue
            if missing := [word for word in rule.require if word not in message.content]:
                return *named, "content_missing", {"missing": ", ".join(missing)}
            if wrong := [word for word in rule.forbid if word in message.content]:
                return *named, "content_forbidden", {"found": ", ".join(wrong)}
    for place, text in message.previews.items():
        for named, preview in previews:
            if found := read_along(preview, place, text, message.language):
                return *named, "seen_by_others", {"place": place, "found": found}
    return None


def read_along(rule: Preview, place: str, text: str, language: str) -> str:
    """What others could read in that place and should not, or nothing. A text in a language whose
    words the rule does not have is not fit to be seen: then the language itself is the answer."""
    if place not in rule.places:
        return ""
    seen = folded(text)
    limit = rule.sms_chars if place == "sms_start" and rule.sms_chars else len(seen)
    patterns = [_AMOUNT] if rule.forbid_amounts else []
    if rule.forbid_words:
        words = rule.forbid_words.get(language.partition("-")[0])
        if words is None:
            return language or "?"
        patterns.append(_any_of(words))
    for pattern in patterns:
        match = pattern.search(seen)
        # A word that is cut off is still guessed, so where it begins decides.
        if match is not None and match.start() < limit:
            return match.group()
    return ""


@lru_cache(maxsize=64)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    each = (
        r"\s+".join(re.escape(part) for part in word.removesuffix("*").split())
        + (r"\w*" if word.endswith("*") else "")
        for word in words
    )
    return re.compile(rf"\b(?:{'|'.join(each)})\b")


class _Folding(dict[int, str]):
    """Each character's plain lower-case one, worked out when it is first met."""

    def __missing__(self, char: int) -> str:
        plain = self[char] = unicodedata.normalize("NFD", chr(char))[0].lower()[0]
        return plain


_FOLDING = _Folding()


def folded(text: str) -> str:
    """Lower case without accents, each character for one, so that places stay what they are."""
    return text.translate(_FOLDING)
