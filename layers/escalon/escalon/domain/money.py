"""Money is an integer of minor units and an ISO 4217 currency; nothing here is a float."""

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Literal

# What a debt is made of.
type Component = Literal["principal", "interest", "fee", "tax"]

# ISO 4217 minor-unit exponents that are not 2. A currency that is not listed has two digits.
_EXPONENTS = {
    "BIF": 0,
    "CLP": 0,
    "DJF": 0,
    "GNF": 0,
    "ISK": 0,
    "JPY": 0,
    "KMF": 0,
    "KRW": 0,
    "PYG": 0,
    "RWF": 0,
    "UGX": 0,
    "UYI": 0,
    "VND": 0,
    "VUV": 0,
    "XAF": 0,
    "XOF": 0,
    "XPF": 0,
    "BHD": 3,
    "IQD": 3,
    "JOD": 3,
    "KWD": 3,
    "LYD": 3,
    "OMR": 3,
    "TND": 3,
    "CLF": 4,
    "UYW": 4,
}

# Digits that an amount may have; more than that is no amount of money, and is never rounded.
_EXACT = Context(prec=40, traps=[Inexact, InvalidOperation])


class MoneyError(ValueError):
    """An amount that is no amount of its currency."""


def minor_digits(currency: str) -> int:
    """How many decimal digits the currency has (COP 2, CLP 0, KWD 3)."""
    return _EXPONENTS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """Turn a decimal amount of major units into minor units; more digits than the currency has
    are an error, never rounded away."""
    if not amount.is_finite():
        raise MoneyError(f"{amount} is not an amount")
    try:
        scaled = amount.scaleb(minor_digits(currency), context=_EXACT)
    except (Inexact, InvalidOperation):
        raise MoneyError(f"{amount} has more digits than an amount can have") from None
    if scaled.adjusted() > 17:  # what a whole number of 64 bits can hold
        raise MoneyError(f"{amount} is more than an amount can be")
    minor = int(scaled)
    if minor != scaled:
        raise MoneyError(
            f"{amount} has more decimals than {currency} has ({minor_digits(currency)})"
        )
    return minor


def to_major(amount_minor: int, currency: str) -> Decimal:
    """The exact decimal amount of major units."""
    return Decimal(amount_minor).scaleb(-minor_digits(currency))
