"""Experiments: champion and challengers on debtors who fall to an arm by lot, measured as stated
before they begin (capability 12).

A debtor's lot is a hash of the experiment's name and their id: nobody chooses it, it never changes,
and two experiments draw apart. They enter when the engine first looks at them on the champion's
ladder within the experiment's days, whatever their arm, and stay in it: everybody who entered is
counted, also who left the ladder since. What counts is what came of the debt that they entered with
by their own day N, so recovery is told by cohort and never by the period in which money came.

Statistics are of whole counts; probabilities are floats, money never is.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import ceil, sqrt
from statistics import NormalDist
from typing import Literal

import msgspec

from escalon.domain.account import Account, Receivable, Trial
from escalon.domain.local_time import local_date
from escalon.domain.rules.conditions import ConditionFacts, holds
from escalon.domain.rules.rulebook import Arm, Experiment, Rulebook, Strategy

WHOLE = 10_000  # a share of 100 %

type Rail = Literal["complaints", "opt_outs", "disputes"]


class Placed(msgspec.Struct, frozen=True):
    """Where an experiment puts a debtor: the ladder to climb, or until when they rest."""

    experiment: str
    arm: str
    strategy: Strategy
    rests_until: datetime | None = None


# ------------------------------------------------------------------------------------- by lot


def lot(experiment: str, account_id: str) -> int:
    """The debtor's lot in an experiment: 0 to 9_999, evenly spread and the same for ever."""
    digest = hashlib.blake2b(account_id.encode(), digest_size=8, key=experiment.encode()[:64])
    return int.from_bytes(digest.digest()) % WHOLE


def arm_of(experiment: Experiment, account_id: str) -> Arm:
    """The arm to which a debtor falls."""
    drawn = lot(experiment.experiment, account_id)
    for arm in experiment.arms:
        drawn -= arm.share
        if drawn < 0:
            return arm
    return experiment.champion


def placed(
    account: Account,
    rulebook: Rulebook,
    strategy: Strategy,
    facts: ConditionFacts,
    carrying: Receivable,
    as_of: datetime,
    stopped: Collection[str] = (),
) -> Placed | None:
    """Where an experiment puts a debtor who falls on `strategy` with the receivable that carries
    the ladder; None if none does.

    A debtor enters when the champion's first step is due and nothing of the ladder is behind them,
    and stays until the time of the last who could enter is over. `stopped` are experiments that
    were ended early: their debtors are back on the champion's ladder.
    """
    today = facts.today
    if today is None or carrying.due_on is None:
        return None
    for experiment in rulebook.experiments:
        name = experiment.experiment
        if experiment.champion.strategy != strategy.strategy or name in stopped:
            continue
        if today > experiment.last_day + timedelta(days=experiment.within_days):
            continue
        trial = account.trials.get(name)
        if trial is None:
            if not experiment.first_day <= today <= experiment.last_day or carrying.steps:
                continue
            if (today - carrying.due_on).days < strategy.steps[0].day:
                continue
            if not holds(experiment.condition, facts):
                continue
            arm, entered_at = arm_of(experiment, account.account_id), as_of
        else:
            arm = next((a for a in experiment.arms if a.arm == trial.arm), experiment.champion)
            entered_at = trial.entered_at
        own = next((s for s in rulebook.strategies if s.strategy == arm.strategy), strategy)
        rests_until = entered_at + timedelta(days=arm.rests_days)
        return Placed(name, arm.arm, own, rests_until if as_of < rests_until else None)
    return None


def entered(
    account: Account, rulebook: Rulebook, trials: Mapping[str, str], at: datetime
) -> Account:
    """The account with its part in the experiments that it enters, by name their arm: with all that
    is open when it does."""
    for experiment in rulebook.experiments:
        name = experiment.experiment
        if name not in trials or name in account.trials:
            continue
        owed: dict[str, int] = {}
        for receivable in account.receivables:
            if receivable.open_minor > 0:
                owed[receivable.currency] = owed.get(receivable.currency, 0) + receivable.open_minor
        for key, beyond in account.beyond.items():
            currency = key.rpartition("|")[2]
            owed[currency] = owed.get(currency, 0) + beyond.open_minor
        trial = Trial(trials[name], at, at + timedelta(days=experiment.within_days), owed)
        account = msgspec.structs.replace(account, trials={**account.trials, name: trial})
    return account


def complained(account: Account, at: datetime) -> Account:
    """The account whose debtor complained about one of our messages."""
    trials = {
        name: msgspec.structs.replace(trial, complained=True) if at <= trial.until else trial
        for name, trial in account.trials.items()
    }
    return msgspec.structs.replace(account, trials=trials) if trials else account


# ---------------------------------------------------------------------------------- outcomes


def recovered(trial: Trial, share: int) -> bool:
    """Whether so much of what was open in each currency has come in time."""
    return all(
        trial.came_minor.get(currency, 0) * WHOLE >= owed * share
        for currency, owed in trial.owed_minor.items()
    )


class Outcome(msgspec.Struct, frozen=True):
    """One debtor of an experiment, as a report counts them."""

    arm: str
    entered_on: date
    ripe: bool  # their time is over
    recovered: bool
    owed_minor: Mapping[str, int]
    came_minor: Mapping[str, int]
    rails: frozenset[Rail]


def outcome_of(
    account: Account, experiment: Experiment, as_of: datetime, zones: Sequence[str]
) -> Outcome | None:
    """What became of an account that entered; None if it did not."""
    trial = account.trials.get(experiment.experiment)
    if trial is None:
        return None
    return Outcome(
        trial.arm,
        local_date(zones, trial.entered_at),
        as_of >= trial.until,
        recovered(trial, experiment.recovered),
        trial.owed_minor,
        trial.came_minor,
        frozenset(_rails(account, trial, zones)),
    )


def _rails(account: Account, trial: Trial, zones: Sequence[str]) -> Iterable[Rail]:
    """What the debtor has said since they entered, within their time."""
    first, last = local_date(zones, trial.entered_at), local_date(zones, trial.until)
    if any(h.kind == "dispute" and first <= h.starts_on <= last for h in account.holds):
        yield "disputes"
    if trial.complained:
        yield "complaints"
        return
    for point in account.points:
        revoked_at = point.consent.revoked_at if point.consent else None
        if revoked_at is not None and trial.entered_at <= revoked_at <= trial.until:
            yield "opt_outs"


class ArmResult(msgspec.Struct, frozen=True):
    """What is known of one arm. Shares are probabilities; intervals (low, high) are Wilson's."""

    arm: str
    entered: int
    ripe: int
    recovered: int
    share: float
    interval: tuple[float, float]
    rails: Mapping[Rail, int]
    # Against the champion: the difference of shares and Newcombe's interval of it.
    difference: float = 0.0
    difference_interval: tuple[float, float] = (0.0, 0.0)


type Verdict = Literal["too_early", "better", "worse", "no_difference"]


class Result(msgspec.Struct, frozen=True):
    """One experiment as a report shows it."""

    experiment: str
    needed: int  # ripe debtors of each arm that were stated to be needed
    arms: tuple[ArmResult, ...]
    verdicts: Mapping[str, Verdict]  # by challenger
    breaches: tuple[tuple[str, Rail], ...]  # arms and guard rails that they broke


def result(experiment: Experiment, outcomes: Iterable[Outcome]) -> Result:
    """The experiment by all debtors who entered. Only those whose time is over count as recovered
    or not; who has entered counts for the guard rails at once."""
    by_arm: dict[str, list[Outcome]] = {arm.arm: [] for arm in experiment.arms}
    for outcome in outcomes:
        by_arm.setdefault(outcome.arm, []).append(outcome)
    confidence = experiment.confidence / WHOLE
    # Several challengers are several chances to be wrong: each gets its part (Bonferroni).
    each = 1 - (1 - confidence) / max(1, len(experiment.arms) - 1)
    counted = {name: _counts(own) for name, own in by_arm.items()}
    champion_ripe, champion_recovered = counted[experiment.champion.arm]
    arms: list[ArmResult] = []
    verdicts: dict[str, Verdict] = {}
    needed = needed_per_arm(experiment)
    for name, own in by_arm.items():
        ripe, came = counted[name]
        low, high = wilson(came, ripe, confidence)
        found = ArmResult(
            name,
            len(own),
            ripe,
            came,
            came / ripe if ripe else 0.0,
            (low, high),
            {rail: sum(1 for o in own if rail in o.rails) for rail in experiment.guard_rails},
        )
        if name != experiment.champion.arm:
            interval = newcombe(came, ripe, champion_recovered, champion_ripe, each)
            champion_share = champion_recovered / champion_ripe if champion_ripe else 0.0
            found = msgspec.structs.replace(
                found, difference=found.share - champion_share, difference_interval=interval
            )
            enough = min(ripe, champion_ripe) >= needed
            verdicts[name] = _verdict(interval) if enough else "too_early"
        arms.append(found)
    breaches = tuple(
        (arm.arm, rail)
        for arm in arms
        for rail, count in arm.rails.items()
        if arm.entered >= experiment.guarded_from
        and count * WHOLE > experiment.guard_rails[rail] * arm.entered
    )
    return Result(experiment.experiment, needed, tuple(arms), verdicts, breaches)


def _counts(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    ripe = [outcome for outcome in outcomes if outcome.ripe]
    return len(ripe), sum(1 for outcome in ripe if outcome.recovered)


def _verdict(interval: tuple[float, float]) -> Verdict:
    low, high = interval
    return "better" if low > 0 else "worse" if high < 0 else "no_difference"


# --------------------------------------------------------------------------------- statistics


def wilson(successes: int, trials: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927, without continuity correction). Of nobody
    nothing is known."""
    if not trials:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(1 - (1 - confidence) / 2)
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    below = 1 + z * z / trials
    low, high = (centre - spread) / below, (centre + spread) / below
    return max(0.0, low if successes else 0.0), min(1.0, high if successes < trials else 1.0)


def newcombe(
    successes: int, trials: int, other_successes: int, other_trials: int, confidence: float
) -> tuple[float, float]:
    """The interval of the difference of two shares, first less other, from the Wilson interval of
    each (Newcombe 1998, method 10)."""
    if not trials or not other_trials:
        return -1.0, 1.0
    one, other = successes / trials, other_successes / other_trials
    one_low, one_high = wilson(successes, trials, confidence)
    other_low, other_high = wilson(other_successes, other_trials, confidence)
    low = one - other - sqrt((one - one_low) ** 2 + (other_high - other) ** 2)
    high = one - other + sqrt((one_high - one) ** 2 + (other - other_low) ** 2)
    return low, high


def needed_per_arm(experiment: Experiment) -> int:
    """Ripe debtors that each arm needs, so that a difference as large as stated is found with the
    stated power at the stated confidence, two-sided. Several challengers share the confidence."""
    challengers = max(1, len(experiment.arms) - 1)
    wrong = (1 - experiment.confidence / WHOLE) / challengers
    z = NormalDist().inv_cdf(1 - wrong / 2)
    power = NormalDist().inv_cdf(experiment.power / WHOLE)
    one = experiment.baseline / WHOLE
    # Up or down, whichever is the harder to find: the one nearer to one half.
    others = (one + experiment.detects / WHOLE, one - experiment.detects / WHOLE)
    sizes = []
    for other in others:
        if 0 < other < 1:
            mean = (one + other) / 2
            spread = z * sqrt(2 * mean * (1 - mean))
            spread += power * sqrt(one * (1 - one) + other * (1 - other))
            sizes.append(ceil((spread / (one - other)) ** 2))
    return max(sizes, default=0)


# ------------------------------------------------------------------------------------ cohorts


class Cohort(msgspec.Struct, frozen=True):
    """The debtors of one arm that entered in one month (YYYY-MM)."""

    month: str
    arm: str
    entered: int
    ripe: int
    recovered: int
    owed_minor: Mapping[str, int]
    came_minor: Mapping[str, int]


def cohorts(outcomes: Iterable[Outcome]) -> list[Cohort]:
    """Recovery by the month in which debtors entered, in order; money of the ripe ones alone."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((f"{outcome.entered_on:%Y-%m}", outcome.arm), []).append(outcome)
    made = []
    for (month, arm), own in sorted(groups.items()):
        ripe = [outcome for outcome in own if outcome.ripe]
        made.append(
            Cohort(
                month,
                arm,
                len(own),
                len(ripe),
                sum(1 for outcome in ripe if outcome.recovered),
                _summed(outcome.owed_minor for outcome in ripe),
                _summed(outcome.came_minor for outcome in ripe),
            )
        )
    return made


def _summed(amounts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in amounts:
        for currency, minor in one.items():
            total[currency] = total.get(currency, 0) + minor
    return dict(sorted(total.items()))
