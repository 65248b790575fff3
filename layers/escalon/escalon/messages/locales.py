"""Amounts and dates as the reader writes them (Babel, imported when first used).

Babel costs more to import than everything else here, and only the functions that write messages
need it, so nothing of it is imported at the top.
"""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from escalon.domain.money import minor_digits, to_major
from escalon.messages.context import Amount
from escalon.messages.errors import MessageError
from escalon.messages.plain import NBSP

if TYPE_CHECKING:
    from babel.core import Locale


@cache
def _locale(tag: str) -> "Locale":
    from babel.core import Locale, UnknownLocaleError

    try:
        return Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        raise MessageError(f"the locale {tag!r} is not known; write it like es-CO or en") from None


@cache
def _local_currency(tag: str) -> str:
    """The currency that needs no code in this locale; empty if the locale names no country."""
    from babel.numbers import get_territory_currencies

    territory = _locale(tag).territory
    current = get_territory_currencies(territory) if territory else []
    return str(current[0]) if len(current) == 1 else ""


@cache
def _cash_has_cents(currency: str) -> bool:
    """Whether people use the minor unit at all (CLDR's cash digits): nobody writes COP ",00"."""
    from babel.core import get_global

    fractions = get_global("currency_fractions")
    digits: int = fractions.get(currency, fractions["DEFAULT"])[2]
    return digits > 0


class Reader:
    """One reader's way of writing. `codes` shows the ISO code at every amount: a message that
    knows several currencies must not leave anyone guessing what "$" means."""

    def __init__(self, tag: str, *, codes: bool) -> None:
        self.tag = tag
        self.codes = codes
        self.locale = _locale(tag)

    def number(self, value: int) -> str:
        from babel.numbers import format_decimal

        return format_decimal(value, format="#,##0", locale=self.locale)

    def amount(self, amount: Amount) -> str:
        """`$ 1.234.567` in es-CO for COP; `COP 1.234.567` among others; never a rounded amount."""
        from babel.numbers import format_decimal, get_currency_symbol

        currency = amount.currency
        digits = minor_digits(currency)
        major = to_major(abs(amount.minor), currency)
        if amount.minor % 10**digits == 0 and not _cash_has_cents(currency):
            digits = 0
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        number = format_decimal(major, format=pattern, locale=self.locale)
        sign = "-" if amount.minor < 0 else ""
        if self.codes or currency != _local_currency(self.tag):
            return f"{sign}{currency}{NBSP}{number}"
        symbol = get_currency_symbol(currency, locale=self.locale)
        if not self.locale.currency_formats["standard"].pattern.startswith("¤"):
            return f"{sign}{number}{NBSP}{symbol}"
        # CLDR sets "$1.234" in American Spanish; the academies, and every invoice, set a space.
        gap = NBSP if self.locale.language == "es" else ""
        return f"{sign}{symbol}{gap}{number}"

    def amounts(self, amounts: Sequence[Amount]) -> str:
        """Amounts of several currencies side by side, never added: `COP 1.000 y USD 20,00`."""
        from babel.lists import format_list

        return format_list([self.amount(amount) for amount in amounts], locale=self.locale)

    def long_date(self, day: date) -> str:
        """12 de marzo de 2027."""
        from babel.dates import format_date

        return format_date(day, format="long", locale=self.locale)

    def short_date(self, day: date) -> str:
        """12 mar 2027: the month in letters, since 03/12 is two dates to two readers."""
        from babel.dates import format_date

        medium = self.locale.date_formats["medium"].pattern
        pattern = medium if "MMM" in medium else "d MMM y"
        return format_date(day, format=pattern, locale=self.locale).replace(" ", NBSP)
