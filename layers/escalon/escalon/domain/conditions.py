"""Conditions as operators write them: `tag is vip or open above COP 50_000_000`.

A condition is parsed once, when the rulebook is compiled, into plain lists that travel as JSON,
and is evaluated without `eval`: total, typed, and without side effects.

    anyone
    tag is vip            country is CO          creditor is andina     language is es
    debtor is company     debtor is person       risk is high
    open above COP 50_000_000, USD 10_000        strictly more, in any of the currencies named
    open from COP 20_000                         that much or more
    receivables at least 2
    not …    … and …    … or …    ( … )          `and` binds closer than `or`

Amounts are major units of a stated currency and are never converted (lesson E1).
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from escalon.domain.money import MoneyError, to_minor

_TOKEN = re.compile(r"\s*(?:(\(|\)|,)|([^\s(),]+))")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+")
_WORD_FIELDS = ("tag", "country", "creditor", "language", "debtor", "risk")
_MARKS = ("(", ")", ",", "and", "or", "not", "is")  # never a value
_MOST_WORDS = 500  # more is a mistake, or an attack on whoever reads it


class ConditionError(ValueError):
    """A condition that cannot be read; the message says what was expected where."""


class ConditionFacts(msgspec.Struct, frozen=True):
    """What a condition may look at: one account towards one creditor."""

    tags: tuple[str, ...]
    country: str
    creditor: str
    language: str
    debtor: str  # person | company
    risk: str
    open_minor: Mapping[str, int]  # net open balance by currency
    receivables: int


def parse_condition(text: str) -> list[Any]:
    """Turn an operator's words into a condition tree; raises ConditionError."""
    tokens = [a or b for a, b in _TOKEN.findall(text)]
    if len(tokens) > _MOST_WORDS:
        raise ConditionError(f"is longer than {_MOST_WORDS} words")
    parser = _Parser(tokens)
    tree = parser.any_of()
    if parser.rest():
        raise ConditionError(f"did not expect {parser.rest()[0]!r} after a complete condition")
    return tree


def creditors_named(condition: list[Any]) -> Iterator[str]:
    """The creditors that a condition tree speaks of."""
    if condition[0] == "creditor":
        yield condition[1]
    for part in condition[1:]:
        if isinstance(part, list):
            yield from creditors_named(part)


def holds(condition: list[Any], facts: ConditionFacts) -> bool:
    """Whether a condition tree holds for the facts."""
    word = condition[0]
    if word == "anyone":
        return True
    if word == "tag":
        return condition[1] in facts.tags
    if word == "open":
        amounts: dict[str, int] = condition[2]
        least = 0 if condition[1] == "from" else 1
        return any(facts.open_minor.get(c, 0) >= minor + least for c, minor in amounts.items())
    if word == "receivables":
        return facts.receivables >= int(condition[1])
    if word == "and":
        return all(holds(part, facts) for part in condition[1:])
    if word == "or":
        return any(holds(part, facts) for part in condition[1:])
    if word == "not":
        return not holds(condition[1], facts)
    return bool(getattr(facts, word) == condition[1])


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def rest(self) -> list[str]:
        return self._tokens[self._at :]

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._peek()
        if not token:
            raise ConditionError(f"ends where {expected or 'a condition'} was expected")
        if expected and token != expected:
            raise ConditionError(f"expected {expected!r}, found {token!r}")
        self._at += 1
        return token

    def any_of(self) -> list[Any]:
        return self._joined("or", self._all_of)

    def _all_of(self) -> list[Any]:
        return self._joined("and", self._one)

    def _joined(self, word: str, part: Any) -> list[Any]:
        parts = [part()]
        while self._peek() == word:
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else [word, *parts]

    def _one(self) -> list[Any]:
        word = self._take()
        if word == "(":
            inner = self.any_of()
            self._take(")")
            return inner
        if word == "not":
            return ["not", self._one()]
        if word == "anyone":
            return ["anyone"]
        if word in _WORD_FIELDS:
            self._take("is")
            value = self._take()
            if value in _MARKS:
                raise ConditionError(f"expected what the {word} is, found {value!r}")
            if word == "country" and not re.fullmatch("[A-Z]{2}", value):
                raise ConditionError(f"a country is two capitals such as CO, not {value!r}")
            if word == "debtor" and value not in ("person", "company"):
                raise ConditionError(f"a debtor is 'person' or 'company', not {value!r}")
            return [word, value]
        if word == "open":
            how = self._take()
            if how not in ("above", "from"):
                raise ConditionError(f"expected 'open above' or 'open from', found 'open {how}'")
            return ["open", how, self._amounts()]
        if word == "receivables":
            self._take("at")
            self._take("least")
            count = self._take()
            if not re.fullmatch("[0-9]{1,6}", count):
                raise ConditionError(f"expected a whole number, found {count!r}")
            return ["receivables", int(count)]
        known = ", ".join(("anyone", "not", "open", "receivables", *_WORD_FIELDS))
        raise ConditionError(f"unknown word {word!r}; a condition begins with one of: {known}")

    def _amounts(self) -> dict[str, int]:
        amounts: dict[str, int] = {}
        while True:
            currency = self._take()
            if not re.fullmatch(r"[A-Z]{3}", currency):
                raise ConditionError(f"expected a currency such as COP, found {currency!r}")
            if currency in amounts:
                raise ConditionError(f"names {currency} twice")
            number = self._take()
            if _GROUPED.fullmatch(number):
                # In Colombia 50.000 is fifty thousand, elsewhere fifty: nobody may have to guess.
                plain = number.replace(".", "_")
                raise ConditionError(f"{number!r} may be read in two ways; write {plain}")
            try:
                amounts[currency] = to_minor(Decimal(number), currency)
            except (InvalidOperation, MoneyError) as error:
                raise ConditionError(f"{number!r} is not an amount of {currency}") from error
            if amounts[currency] < 0:
                raise ConditionError(f"{number!r} is less than nothing")
            if self._peek() != ",":
                return amounts
            self._take(",")
