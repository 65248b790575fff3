"""Risk: how likely a debtor is to pay late, from their own history alone, every factor shown.

A model is data of the rulebook (`risk.yaml`), so a grade can be told again by the version that
made it. Shares and the score are in hundredths of a percent (2_500 is 25 %); everything is whole
numbers. docs/risk.md has the back-test.
"""

import msgspec

from escalon.domain.account import Account
from escalon.domain.rules.behaviour import agreements_ended
from escalon.domain.rules.rulebook import FactorName, RiskModel

WHOLE = 10_000


class Factor(msgspec.Struct, frozen=True):
    """One part of a score: how bad it is (0 to 10_000), what it weighs, and the figures it is made
    of, for whoever asks why."""

    factor: FactorName
    value: int
    weight: int
    figures: dict[str, int]


class Assessment(msgspec.Struct, frozen=True):
    """What a model says of an account. Of whom too little is known `grade` is empty."""

    model: str
    score: int
    grade: str
    factors: tuple[Factor, ...]
    unknown: tuple[FactorName, ...] = ()  # factors of the model of which nothing is known


def assess(account: Account, model: RiskModel) -> Assessment:
    """The account's score and grade by a model, as its document stands."""
    known = {
        "share_late": _share_late(account, model),
        "mean_days_late": _mean_days_late(account, model),
        "trend": _trend(account, model),
        "broken_agreements": _broken(account),
        "exposure": _exposure(account),
    }
    factors = []
    unknown: list[FactorName] = []
    for name, weight in model.weights.items():
        found = known[name]
        if found is None:
            unknown.append(name)
        else:
            factors.append(Factor(name, min(max(found[0], 0), WHOLE), weight, found[1]))
    score = weighted(factors)
    grade = ""
    if account.behaviour.settled >= model.least_settled:
        grade = next(name for name, below in model.grades.items() if score < below)
    return Assessment(model.model, score, grade, tuple(factors), tuple(unknown))


def weighted(factors: list[Factor]) -> int:
    """The score of these factors: their mean by weight, rounded down."""
    weights = sum(factor.weight for factor in factors)
    return sum(f.weight * f.value for f in factors) // weights if weights else 0


def grade_of(account: Account, model: RiskModel | None) -> str:
    """The account's risk as conditions see it: what its source states, or else what its own
    behaviour says; empty if nobody knows."""
    if account.risk or model is None or account.behaviour.settled < model.least_settled:
        return account.risk
    return assess(account, model).grade


def exposure(account: Account) -> tuple[int, int] | None:
    """What is open against the credit limit, in the currency in which that is most: (open, limit)
    in minor units; None if no limit is known. Everything open counts, due or not, less credit."""
    worst: tuple[int, int] | None = None
    for currency, limit in account.credit_limits.items():
        owed = open_in(account, currency)
        if worst is None or owed * worst[1] > worst[0] * limit:
            worst = owed, limit
    return worst


def open_in(account: Account, currency: str) -> int:
    """All that is open in one currency, to whichever creditor, less unapplied credit."""
    owed = sum(r.open_minor for r in account.receivables if r.currency == currency)
    ending = f"|{currency}"
    owed += sum(b.open_minor for key, b in account.beyond.items() if key.endswith(ending))
    return owed - sum(minor for key, minor in account.credits.items() if key.endswith(ending))


type _Found = tuple[int, dict[str, int]]


def _share_late(account: Account, model: RiskModel) -> _Found:
    """The share of settled receivables that were late, with the expected share standing in for what
    is not known yet: one late invoice of one is no certainty."""
    paid = account.behaviour
    value = _share(paid.late, paid.settled, model)
    return value, {"late": paid.late, "settled": paid.settled}


def _trend(account: Account, model: RiskModel) -> _Found:
    """The same of the latest alone: whoever gets worse is worse than all of their years."""
    recent = account.behaviour.recent
    late = sum(1 for days in recent if days)
    return _share(late, len(recent), model), {"late": late, "settled": len(recent)}


def _share(late: int, settled: int, model: RiskModel) -> int:
    return (late * WHOLE + model.expected * model.weighs_as) // (settled + model.weighs_as)


def _mean_days_late(account: Account, model: RiskModel) -> _Found:
    """The mean of days late over all settled receivables, those on time too, against the mean that
    counts as the worst."""
    paid = account.behaviour
    value = paid.late_days * WHOLE // ((paid.settled + model.weighs_as) * model.worst_days)
    return value, {"days": paid.late_days, "settled": paid.settled}


def _broken(account: Account) -> _Found | None:
    """The share of ended agreements that were broken; nothing of whoever never agreed to any."""
    kept, broken = agreements_ended(account)
    if not kept + broken:
        return None
    return broken * WHOLE // (kept + broken), {"broken": broken, "kept": kept}


def _exposure(account: Account) -> _Found | None:
    found = exposure(account)
    if found is None:
        return None
    owed, limit = found
    return owed * WHOLE // limit, {"open_minor": owed, "limit_minor": limit}
