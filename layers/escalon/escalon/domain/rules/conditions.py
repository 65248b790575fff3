"""Conditions as operators write them: `tag is vip or open above COP 50_000_000`.

A condition is parsed once, when the rulebook is compiled, into plain lists that travel as JSON,
and is evaluated without `eval`: total, typed, and without side effects.

    anyone
    tag is vip            country is CO          creditor is andina     language is es
    debtor is company     debtor is person       risk is high
    open above COP 50_000_000, USD 10_000        strictly more, in any of the currencies named
    open from COP 20_000                         that much or more
    overdue above COP 1_000_000                  the same of what is past due, credit left aside
    receivables at least 2                       or: at most
    days past due at least 30                    of the oldest receivable
    exposure at least 80 %                       what is open against the credit limit
    share late at least 30 %                     of the receivables that were settled
    mean days late at least 10                   of the same
    settled receivables at least 5
    broken agreements at least 1                 kept agreements at least 1
    risk score at least 60 %                     by the rulebook's risk model
    known from 2026-09-01                        we came to know the debtor on that day or later
    known before 2026-09-01
    segment is small-business                    a condition that has a name
    nobody                                       what only an experiment hands out
    not …    … and …    … or …    ( … )          `and` binds closer than `or`

Amounts are major units of a stated currency and are never converted (lesson E1). What nobody knows
of a debtor is neither at least nor at most anything: no exposure without a limit, no share late
before anything was settled.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from escalon.domain.account import Account, Receivable
from escalon.domain.money import MoneyError, to_minor
from escalon.domain.rules import risk
from escalon.domain.rules.behaviour import agreements_ended
from escalon.domain.rules.rulebook import Condition, RiskModel

_TOKEN = re.compile(r"\s*(?:(\(|\)|,)|([^\s(),]+))")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+")
_WORD_FIELDS = ("tag", "country", "creditor", "language", "debtor", "risk")
_MARKS = ("(", ")", ",", "and", "or", "not", "is")  # never a value
# What is counted: its words -> its name in the tree, and whether it is a share.
_COUNTS: dict[tuple[str, ...], tuple[str, bool]] = {
    ("receivables",): ("receivables", False),
    ("days", "past", "due"): ("days_past_due", False),
    ("exposure",): ("exposure", True),
    ("share", "late"): ("share_late", True),
    ("mean", "days", "late"): ("mean_days_late", False),
    ("settled", "receivables"): ("settled", False),
    ("broken", "agreements"): ("broken", False),
    ("kept", "agreements"): ("kept", False),
    ("risk", "score"): ("risk_score", True),
}
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
    # What follows is looked at when a condition asks for it, and at no other time.
    account: Account | None = None
    owed: Sequence[Receivable] = ()  # what is chased towards this creditor
    today: date | None = None
    model: RiskModel | None = None


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


def with_segments(condition: Condition, segments: Mapping[str, Condition]) -> Condition:
    """The condition with each segment's own in the place of its name; LookupError names one that
    there is not."""
    if condition[0] == "segment":
        if condition[1] not in segments:
            raise LookupError(condition[1])
        return segments[condition[1]]
    return [with_segments(part, segments) if isinstance(part, list) else part for part in condition]


def segments_named(condition: Condition) -> Iterator[str]:
    """The segments that a condition tree speaks of."""
    if condition[0] == "segment":
        yield condition[1]
    for part in condition[1:]:
        if isinstance(part, list):
            yield from segments_named(part)


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
    if word in ("at least", "at most"):
        return _compared(word, _MEASURES[condition[1]](facts), int(condition[2]))
    if word == "risk":
        stated = facts.risk or (risk.grade_of(facts.account, facts.model) if facts.account else "")
        return bool(stated == condition[1])
    if word == "overdue":
        return _overdue(condition, facts)
    if word == "known":
        known_on = _known_on(facts)
        on = date.fromisoformat(condition[2])
        return known_on is not None and (known_on >= on) == (condition[1] == "from")
    if word in ("nobody", "segment"):  # a segment stands whole where it is used
        return False
    return bool(getattr(facts, word) == condition[1])


# A count as a numerator and a denominator, so that a mean is compared exactly; None: nobody knows.
type _Count = tuple[int, int] | None


def _compared(how: str, count: _Count, limit: int) -> bool:
    if count is None:
        return False
    numerator, denominator = count
    if how == "at least":
        return numerator >= limit * denominator
    return numerator <= limit * denominator


def _of_account(measure: Callable[[Account], _Count]) -> Callable[[ConditionFacts], _Count]:
    return lambda facts: measure(facts.account) if facts.account is not None else None


def _days_past_due(facts: ConditionFacts) -> _Count:
    due = [receivable.due_on for receivable in facts.owed if receivable.due_on is not None]
    if not due or facts.today is None:
        return None
    return (facts.today - min(due)).days, 1


def _exposure(account: Account) -> _Count:
    found = risk.exposure(account)
    return None if found is None else (found[0] * risk.WHOLE, found[1])


def _share_late(account: Account) -> _Count:
    paid = account.behaviour
    return (paid.late * risk.WHOLE, paid.settled) if paid.settled else None


def _mean_days_late(account: Account) -> _Count:
    paid = account.behaviour
    return (paid.late_days, paid.settled) if paid.settled else None


def _risk_score(facts: ConditionFacts) -> _Count:
    if facts.account is None or facts.model is None:
        return None
    return risk.assess(facts.account, facts.model).score, 1


_MEASURES: dict[str, Callable[[ConditionFacts], _Count]] = {
    "receivables": lambda facts: (facts.receivables, 1),
    "days_past_due": _days_past_due,
    "exposure": _of_account(_exposure),
    "share_late": _of_account(_share_late),
    "mean_days_late": _of_account(_mean_days_late),
    "settled": _of_account(lambda account: (account.behaviour.settled, 1)),
    "broken": _of_account(lambda account: (agreements_ended(account)[1], 1)),
    "kept": _of_account(lambda account: (agreements_ended(account)[0], 1)),
    "risk_score": _risk_score,
}


def _overdue(condition: Condition, facts: ConditionFacts) -> bool:
    """Whether so much is past due in any one of the currencies."""
    past: dict[str, int] = {}
    for receivable in facts.owed:
        if facts.today and receivable.due_on and receivable.due_on < facts.today:
            past[receivable.currency] = past.get(receivable.currency, 0) + receivable.open_minor
    least = 0 if condition[1] == "from" else 1
    return any(past.get(c, 0) >= minor + least for c, minor in condition[2].items())


def _known_on(facts: ConditionFacts) -> date | None:
    if facts.account is None:
        return None
    first = (receivable.known_on for receivable in facts.account.receivables)
    return facts.account.known_on or min(first, default=None)


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
        if word in ("anyone", "nobody"):
            return [word]
        if word == "risk" and self._peek() == "score":
            return self._count(word)
        if word == "segment" or word in _WORD_FIELDS:
            self._take("is")
            value = self._take()
            if value in _MARKS:
                raise ConditionError(f"expected what the {word} is, found {value!r}")
            if word == "country" and not re.fullmatch("[A-Z]{2}", value):
                raise ConditionError(f"a country is two capitals such as CO, not {value!r}")
            if word == "debtor" and value not in ("person", "company"):
                raise ConditionError(f"a debtor is 'person' or 'company', not {value!r}")
            return [word, value]
        if word in ("open", "overdue"):
            how = self._take()
            if how not in ("above", "from"):
                raise ConditionError(
                    f"expected '{word} above' or '{word} from', found '{word} {how}'"
                )
            return [word, how, self._amounts()]
        if word == "known":
            how = self._take()
            if how not in ("from", "before"):
                raise ConditionError(
                    f"expected 'known from' or 'known before', found 'known {how}'"
                )
            return [word, how, self._date()]
        if word in {words[0] for words in _COUNTS}:
            return self._count(word)
        counts = (" ".join(words) for words in _COUNTS)
        plain = ("anyone", "nobody", "not", "open", "overdue", "known", "segment")
        known = ", ".join((*plain, *counts, *_WORD_FIELDS))
        raise ConditionError(f"unknown word {word!r}; a condition begins with one of: {known}")

    def _count(self, first: str) -> list[Any]:
        """`days past due at least 30`: the rest of the words, how it is compared, and with what."""
        words, (name, is_share) = next(
            (words, of) for words, of in _COUNTS.items() if words[0] == first
        )
        for word in words[1:]:
            self._take(word)
        self._take("at")
        how = self._take()
        if how not in ("least", "most"):
            raise ConditionError(f"expected 'at least' or 'at most', found 'at {how}'")
        limit = self._share() if is_share else self._whole()
        if name == "receivables" and how == "least":
            return ["receivables", limit]
        return [f"at {how}", name, limit]

    def _whole(self) -> int:
        number = self._take()
        if not re.fullmatch("[0-9]{1,6}", number):
            raise ConditionError(f"expected a whole number, found {number!r}")
        return int(number)

    def _share(self) -> int:
        """A share in hundredths of a percent: `80 %`."""
        number = self._take()
        if not number.endswith("%"):
            self._take("%")
        written = re.fullmatch(r"([0-9]{1,4})(?:\.([0-9]{1,2}))?", number.removesuffix("%"))
        if written is None:
            raise ConditionError(f"expected a share such as 80 %, found {number!r}")
        return int(written[1]) * 100 + int((written[2] or "").ljust(2, "0"))

    def _date(self) -> str:
        written = self._take()
        try:
            return date.fromisoformat(written).isoformat()
        except ValueError:
            raise ConditionError(f"expected a day such as 2026-09-01, found {written!r}") from None

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
