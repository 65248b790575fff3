"""Credit limits and payment terms: what a person is asked to look at, and why. Nothing changes by
itself."""

from typing import Literal

import msgspec

from escalon.domain.account import Account
from escalon.domain.money import minor_digits
from escalon.domain.rules.risk import WHOLE, Assessment, assess, grade_of, open_in
from escalon.domain.rules.rulebook import CreditRules, RiskModel

type Why = Literal["bad_grade", "good_grade", "limit_used", "limit_exceeded", "terms_too_long"]


class Proposal(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change that is proposed. Limits are minor units of `currency`; terms are days."""

    what: Literal["limit", "terms"]
    now: int
    proposed: int
    because: tuple[Why, ...]
    currency: str = ""


class Review(msgspec.Struct, frozen=True):
    """What a review of one account has found."""

    grade: str
    assessment: Assessment
    proposals: tuple[Proposal, ...]


def review(account: Account, model: RiskModel, rules: CreditRules) -> Review:
    """What a person should look at: a bad grade asks for a lower limit and shorter terms, a good
    one that uses its limit for a higher one. Of whom no grade is known nothing is proposed."""
    grade = grade_of(account, model)
    proposals = [
        change
        for currency, limit in account.credit_limits.items()
        if (change := _limit(account, currency, limit, grade, rules)) is not None
    ]
    most = rules.terms_days.get(grade)
    if most is not None and account.terms_days is not None and account.terms_days > most:
        proposals.append(Proposal("terms", account.terms_days, most, ("terms_too_long",)))
    return Review(grade, assess(account, model), tuple(proposals))


def _limit(
    account: Account, currency: str, limit: int, grade: str, rules: CreditRules
) -> Proposal | None:
    used = open_in(account, currency) * WHOLE
    if grade in rules.lower:
        because: tuple[Why, ...] = ("bad_grade",)
        if used > limit * WHOLE:
            because = ("bad_grade", "limit_exceeded")
        proposed = _in_whole(limit * (WHOLE - rules.by) // WHOLE, currency)
    elif grade in rules.higher and used >= limit * rules.used:
        because = ("good_grade", "limit_used")
        proposed = _in_whole(limit * (WHOLE + rules.by) // WHOLE, currency)
    else:
        return None
    return Proposal("limit", limit, proposed, because, currency) if proposed != limit else None


def _in_whole(amount_minor: int, currency: str) -> int:
    """Rounded down to whole units of the currency."""
    unit = 10 ** minor_digits(currency)
    return int(amount_minor // unit * unit)
