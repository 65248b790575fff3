"""How values are written in the operators' files: names, days, hours, rates, amounts of money."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from escalon.authoring.yaml_lines import WrongValueError, WrongValuesError, shown
from escalon.domain.money import MoneyError, to_minor
from escalon.domain.rules.conditions import ConditionError, parse_condition

SLUG = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
COUNTRY_OR_ANY = r"^([A-Z]{2}|\*)$"

_CURRENCY = re.compile("[A-Z]{3}")


def words[T](pattern: str, example: str, make: Callable[[re.Match[str]], T]) -> Any:
    """A value written in words: what it means, or an error that shows how it is written."""
    written = re.compile(pattern)

    def parse(value: Any) -> T:
        match = written.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise WrongValueError(f"cannot read {shown(value)}", f"write it like '{example}'")
        return make(match)

    return BeforeValidator(parse)


def _condition(value: Any) -> list[Any]:
    if not isinstance(value, str):
        raise WrongValueError(
            f"cannot read {shown(value)}", "write a condition such as 'tag is vip'"
        )
    try:
        return parse_condition(value)
    except ConditionError as error:
        raise WrongValueError(str(error), "see the operator's guide, 'Conditions'") from error


def _yes_or_no(value: Any) -> bool:
    if value not in ("yes", "no"):
        raise WrongValueError(f"cannot read {shown(value)}", "write yes or no")
    return bool(value == "yes")


def _millionths(match: re.Match[str]) -> int:
    share = int(Decimal(match[1]).scaleb(4))
    if not 0 < share <= 1_000_000:
        raise WrongValueError(
            f"{match[0]} is no annual rate", "write more than 0 and at most 100 %"
        )
    return share


def _in_minor(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    amounts: dict[str, int] = {}
    wrongs = []
    for currency, amount in value.items():
        try:
            if not _CURRENCY.fullmatch(currency):
                raise MoneyError(f"{currency} is not a currency")
            if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
                raise MoneyError(f"{shown(amount)} is not an amount")
            amounts[currency] = to_minor(Decimal(amount), currency)
            if amounts[currency] <= 0:
                raise MoneyError(f"{amount} is not more than nothing")
        except MoneyError as error:
            wrongs.append(WrongValueError(str(error), "write it like `COP: 20_000`", (currency,)))
    if wrongs:
        raise WrongValuesError(wrongs)
    return amounts


ConditionWords = Annotated[list[Any], BeforeValidator(_condition)]
Slug = Annotated[str, Field(pattern=rf"^{SLUG.pattern}$", max_length=40)]
Currency = Annotated[str, Field(pattern=f"^{_CURRENCY.pattern}$")]
YesNo = Annotated[bool, BeforeValidator(_yes_or_no)]
Days = Annotated[int, words(r"(\d+) days?", "15 days", lambda m: int(m[1]))]
Hours = Annotated[int, words(r"(\d+) hours?", "48 hours", lambda m: int(m[1]))]
# A share of a year's principal, as the domain has it: in millionths, 25.52 % is 255_200.
AnnualRate = Annotated[int, words(r"(\d+(?:\.\d{1,4})?) ?%", "25.52 %", _millionths)]
# Written in major units by currency, read as minor units.
Amounts = Annotated[dict[str, int], BeforeValidator(_in_minor), Field(min_length=1)]
