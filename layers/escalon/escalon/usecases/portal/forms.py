"""What people type into the debtor's page, understood: amounts, days, hours."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from escalon.domain.calendar import Range, Week
from escalon.domain.money import MoneyError, to_minor

_ADORNED = re.compile(r"[\s$€A-Za-z]")
_AMOUNT = re.compile(r"(\d{1,3}(?:[.,'’]\d{3})+|\d+)(?:[.,](\d{1,2}))?")

_ALL_DAY: Range = (0, 1440)
_PARTS: Mapping[str, Range] = {
    "any": _ALL_DAY,
    "morning": (7 * 60, 12 * 60),
    "afternoon": (12 * 60, 17 * 60),
    "evening": (17 * 60, 20 * 60),
}
HOURS = tuple(_PARTS)


def typed_amount(text: str, currency: str) -> int | None:
    """Minor units of what somebody typed: `200000`, `$ 200.000`, `1,250.50`. One or two digits
    after the last mark are decimals, three are thousands. None if it is no amount above zero."""
    match = _AMOUNT.fullmatch(_ADORNED.sub("", text))
    if match is None:
        return None
    whole = re.sub(r"\D", "", match[1])
    try:
        minor = to_minor(Decimal(f"{whole}.{match[2] or 0}"), currency)
    except MoneyError:
        return None
    return minor or None


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


def hours_of(week: Week | None) -> tuple[str, bool]:
    """Which choice a week is, and whether of weekdays alone; `keep` if it is none of them."""
    for hours in HOURS:
        for weekdays in (False, True):
            if week_of(hours, weekdays=weekdays) == week:
                return hours, weekdays
    return "keep", False
