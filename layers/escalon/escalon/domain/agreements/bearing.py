"""What an agreement bears: (1 + rate)^(days/365) − 1 of what is left, rounded down. Pure."""

from decimal import Context, Decimal
from functools import lru_cache

DIGITS = 24  # a share is a whole number of 10^-24
_DAYS_A_YEAR = 365
_MILLION = 10**6
_PRECISE = Context(prec=60)


@lru_cache(maxsize=512)
def bears(rate: int, days: int) -> int:
    """(1 + rate)^(days/365) − 1 in units of 10^-24, rounded down, of an annual rate in
    millionths."""
    factor = _PRECISE.scaleb(Decimal(_MILLION + rate), -6)
    years = _PRECISE.divide(Decimal(days), Decimal(_DAYS_A_YEAR))
    borne = _PRECISE.subtract(_PRECISE.power(factor, years), Decimal(1))
    return int(_PRECISE.scaleb(borne, DIGITS))
