"""What people type into the debtor's page, understood: amounts, days, hours."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from escalon.domain.calendar import Range, Week
from escalon.domain.money import MoneyError, to_minor

# Three digits after a mark are thousands, one or two decimals. Before a word such as `mil` nobody
# could tell which, so there it is decimals alone.
_NUMBER = r"(?P<whole>[0-9]{1,3}(?:[.,'’\s][0-9]{3})+|[0-9]{1,15})(?:[.,](?P<cents>[0-9]{1,2}))?"
_TIMES = (
    r"(?P<few>[0-9]{1,6})(?:[.,](?P<part>[0-9]{1,2}))?\s*"
    r"(?:(?P<thousand>mil|k|thousand)|mill[oó]n(?:es)?|millions?)(?:\s+de)?"
)
# What stands beside an amount of a currency; a word of another one makes it no amount of this.
_BESIDE: Mapping[str, str] = {
    "BRL": r"r\$|real|reais|reales",
    "EUR": r"€|euros?",
    "GBP": r"£|pounds?|libras?",
    "PEN": r"s/\.?|sol(?:es)?",
    "USD": r"us\$|u\$s|\$|d[oó]lar(?:es)?|dollars?",
}
_PESOS = r"\$|pesos?"
_IN_ADDRESS = re.compile(r"[0-9]{1,15}")

_ALL_DAY: Range = (0, 1440)
_PARTS: Mapping[str, Range] = {
    "any": _ALL_DAY,
    "morning": (7 * 60, 12 * 60),
    "afternoon": (12 * 60, 17 * 60),
    "evening": (17 * 60, 20 * 60),
}
HOURS = tuple(_PARTS)


def typed_amount(text: str, currency: str) -> int | None:
    """Minor units of what somebody typed: `200000`, `$ 200.000`, `1,250.50`, `200 mil`,
    `1,5 millones`. None if it is no amount above zero that can be read in one way only."""
    beside = rf"(?:{_BESIDE.get(currency, _PESOS)}|{re.escape(currency.lower())})?"
    written = rf"{beside}\s*(?:{_TIMES}|{_NUMBER})\s*{beside}"
    match = re.fullmatch(written, text.strip().lower())
    if match is None:
        return None
    if match["few"]:
        times = 1_000 if match["thousand"] else 1_000_000
        amount = Decimal(f"{match['few']}.{match['part'] or 0}") * times
    else:
        amount = Decimal(f"{re.sub(r'[^0-9]', '', match['whole'])}.{match['cents'] or 0}")
    try:
        return to_minor(amount, currency) or None
    except MoneyError:
        return None


def named_number(text: str) -> int | None:
    """A number, such as minor units, that an address of ours names; None if somebody wrote
    something else into it."""
    return int(text) if _IN_ADDRESS.fullmatch(text) else None


def example_of(minor: int) -> int:
    """A round amount about a third of another, to show how amounts are written."""
    third = max(1, minor // 3)
    step: int = 10 ** (len(str(third)) - 1)
    return third // step * step


def typed_day(text: str) -> date | None:
    """A day as a browser sends it, `2026-10-31`; None if it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def week_of(hours: str, *, weekdays: bool) -> Week | None:
    """The hours that were chosen; None: any."""
    part = _PARTS.get(hours, _ALL_DAY)
    if part == _ALL_DAY and not weekdays:
        return None
    weekend: tuple[Range, ...] = () if weekdays else (part,)
    return (*((part,) for _ in range(5)), weekend, weekend)


def is_wider(week: Week | None, than: Week | None) -> bool:
    """Whether some minute of the first is outside the second (None: any hour)."""
    if than is None:
        return False
    wanted = week or ((_ALL_DAY,),) * len(than)
    return any(
        not any(begins <= start and end <= ends for begins, ends in allowed)
        for day, allowed in zip(wanted, than, strict=True)
        for start, end in day
    )


def hours_of(week: Week | None) -> tuple[str, bool]:
    """Which choice a week is, and whether of weekdays alone; `keep` if it is none of them."""
    for hours in HOURS:
        for weekdays in (False, True):
            if week_of(hours, weekdays=weekdays) == week:
                return hours, weekdays
    return "keep", False
