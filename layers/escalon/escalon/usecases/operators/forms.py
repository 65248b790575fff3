"""What every request of an operator has in common: who signed it, its fields, and what is wrong
with them, said as a form would show it."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, cast, get_args

import msgspec

from escalon.domain.calendar import Range, Week
from escalon.domain.money import Component
from escalon.usecases.operators.acts import ActRefusedError, Fault, Person, Problem

LONGEST_TEXT = 500  # characters of a reason
LONGEST_ID = 200
STATUS: dict[Fault, int] = {"wrong": 400, "not_allowed": 403, "not_found": 404, "conflict": 409}

_COMPONENTS = get_args(Component.__value__)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY, _TIME = "|".join(_WEEKDAYS), r"[0-2][0-9]:[0-5][0-9]"
_HOURS = re.compile(
    rf"(?P<first>{_DAY})(?:-(?P<last>{_DAY}))? (?P<opens>{_TIME}) to (?P<closes>{_TIME})"
)

type Fields = dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """An HTTP status and what JSON goes with it."""

    status: int
    body: dict[str, Any]


def person_of(arn: str) -> Person:
    """Who signed a request. The role is that of an assumed role, in small letters, since IAM tells
    no two names apart by their case; a user has none. Raises ActRefusedError if nobody signed."""
    if not arn:
        raise ActRefusedError(
            "not_allowed", Problem("", "nobody has signed the request", "sign it with IAM (SigV4)")
        )
    resource = arn.split(":", 5)[-1]
    kind, _, rest = resource.partition("/")
    return Person(arn, rest.split("/")[0].lower() if kind == "assumed-role" else "")


class Form:
    """The fields of a request, and everything that is wrong with them."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._asked: set[str] = set()
        self._problems: list[Problem] = []

    def check(self) -> None:
        """Raise ActRefusedError if anything is wrong, a field included that nobody knows."""
        known = ", ".join(sorted(self._asked))
        for name in self._fields:
            if name not in self._asked:
                self._wrong(name, "there is no such field", f"the fields are: {known}")
        if self._problems:
            raise ActRefusedError("wrong", *self._problems)

    def key_and_why(self) -> tuple[str, str]:
        """What every act has: the caller's key, and a reason."""
        key = self.text("key", needed=True, most=64)
        return key, self.text("why", needed=True, most=LONGEST_TEXT)

    def text(self, name: str, *, needed: bool = False, most: int = LONGEST_ID) -> str:
        """A text without blanks around it; empty if it is left out."""
        value = self._take(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if needed:
                self._wrong(name, "is missing", "fill it")
            return ""
        if not isinstance(value, str) or not value.isprintable():
            self._wrong(name, "is not a text of one line", "write it in quotes")
            return ""
        if len(value) > most:
            self._wrong(name, f"is longer than {most} characters", "shorten it")
            return ""
        return value.strip()

    def choice(self, name: str, allowed: Iterable[str], *, otherwise: str) -> str:
        """One of a few words."""
        value = self.text(name) or otherwise
        if value not in allowed:
            self._wrong(name, f"'{value}' is not one of them", f"write {' or '.join(allowed)}")
        return value

    def number_in_text(self, name: str, otherwise: int, most: int) -> int:
        """A count, as an address carries it."""
        text = self.text(name) or str(otherwise)
        if not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
            self._wrong(name, "is not a count that can be listed", f"write a number up to {most}")
            return otherwise
        return int(text)

    def amount(self, name: str, *, needed: bool = False) -> int | None:
        """An amount in minor units."""
        value = self._take(name)
        if value is None:
            if needed:
                self._wrong(name, "is missing", "give it in minor units, as a whole number")
            return None
        return self._minor(name, value)

    def amounts(self, name: str) -> dict[Component, int]:
        """Amounts in minor units by component."""
        value = self._take(name)
        if not isinstance(value, dict):
            self._wrong(
                name, "is no table of components", 'write it like {"interest": 120000, "fee": 5000}'
            )
            return {}
        for component in value:
            if component not in _COMPONENTS:
                self._wrong(
                    f"{name}.{component}",
                    "is no component of a debt",
                    f"they are: {', '.join(_COMPONENTS)}",
                )
        return {
            cast("Component", component): self._minor(f"{name}.{component}", minor)
            for component, minor in value.items()
        }

    def currency(self) -> str:
        """An ISO 4217 code; an amount never goes without one."""
        code = self.text("currency", needed=True)
        if code and not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
            self._wrong("currency", f"'{code}' is no currency", "write its code, such as COP")
        return code

    def instant(self, name: str, *, needed: bool = False) -> datetime | None:
        """An instant with its zone."""
        text = self.text(name, needed=needed)
        if not text:
            return None
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self._wrong(name, f"'{text}' is no instant", "write it like 2026-09-30T14:05:00-05:00")
            return None
        return instant

    def day(self, name: str, *, needed: bool = False) -> date | None:
        """A day of the calendar."""
        text = self.text(name, needed=needed)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self._wrong(name, f"'{text}' is no day", "write it like 2026-09-30")
            return None

    def week(self, name: str) -> Week:
        """Hours of the week, like `["mon-fri 19:00 to 21:00", "sat 15:00 to 18:00"]`; a day of
        which nothing is said has none."""
        value = self._take(name)
        week: list[tuple[Range, ...]] = [()] * 7
        for line in value if isinstance(value, list) and value else [""]:
            match = _HOURS.fullmatch(line) if isinstance(line, str) else None
            first = _WEEKDAYS.index(match["first"]) if match else 0
            last = _WEEKDAYS.index(match["last"] or match["first"]) if match else -1
            opens, closes = _minutes(match, "opens"), _minutes(match, "closes")
            if last < first or not opens < closes <= 24 * 60:
                self._wrong(
                    name, f"'{line}' is no stretch of hours", 'write ["mon-fri 19:00 to 21:00"]'
                )
                continue
            for weekday in range(first, last + 1):
                week[weekday] = tuple(sorted((*week[weekday], (opens, closes))))
        return tuple(week)

    def yes(self, name: str) -> bool:
        """True or false; false if it is left out."""
        value = self._take(name)
        if value is not None and not isinstance(value, bool):
            self._wrong(name, "is neither true nor false", "write true, or leave it out")
        return value is True

    def _take(self, name: str) -> Any:
        self._asked.add(name)
        return self._fields.get(name)

    def _minor(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 10**18:
            self._wrong(
                name,
                "is not a whole number of minor units",
                "write 57850 pesos as 5785000; no decimal point, no quotes",
            )
            return 0
        return value

    def _wrong(self, field: str, problem: str, remedy: str) -> None:
        self._problems.append(Problem(field, problem, remedy))


def _minutes(match: re.Match[str] | None, name: str) -> int:
    """Minutes of the day at which a stretch opens or closes."""
    return int(match[name][:2]) * 60 + int(match[name][3:]) if match else 0


def form_of(body: bytes) -> Form:
    """The fields of a JSON object; raises ActRefusedError."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        fields = None
    if not isinstance(fields, dict):
        raise ActRefusedError(
            "wrong", Problem("", "the body is no JSON object", 'send one like {"key": "…"}')
        )
    return Form(fields)
