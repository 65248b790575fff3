"""Experiments as operators write them: `experiments.yaml`. Everything that decides on the outcome
is stated before the first debtor enters.

It names ladders, so it belongs to the `escalation.yaml` that stands beside it and is never taken
from the folder that a rulebook is based on.
"""

import re
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from escalon.authoring.risk import Share
from escalon.authoring.words import ConditionWords, Days, Slug, words
from escalon.authoring.yaml_lines import WrongValueError, WrongValuesError
from escalon.domain.rules.rulebook import Arm, Experiment

LONGEST_DAYS = 365  # that a debtor's time may last


def _period(match: re.Match[str]) -> tuple[date, date]:
    try:
        first, last = date.fromisoformat(match[1]), date.fromisoformat(match[2])
    except ValueError as error:
        raise WrongValueError(
            f"{match[0]} names a day that there is not", "write two days of the calendar"
        ) from error
    if last < first:
        raise WrongValueError(f"{last} comes before {first}", "write the earlier day first")
    return first, last


def _measure(match: re.Match[str]) -> tuple[int, int]:
    share, days = int(match[1] or 100) * 100, int(match[2])
    if not 0 < share <= 10_000 or not 0 < days <= LONGEST_DAYS:
        raise WrongValueError(
            f"cannot measure {match[0]}",
            f"write a share up to 100 % and at most {LONGEST_DAYS} days",
        )
    return share, days


Period = Annotated[
    tuple[date, date],
    words(r"(\d{4}-\d{2}-\d{2}) to (\d{4}-\d{2}-\d{2})", "2026-11-01 to 2027-01-31", _period),
]
Measure = Annotated[
    tuple[int, int],
    words(
        r"(?:(\d+) ?% )?recovered within (\d+) days",
        "recovered within 30 days' or '80 % recovered within 30 days",
        _measure,
    ),
]
Debtors = Annotated[int, words(r"(\d+) debtors?", "50 debtors", lambda m: int(m[1]))]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArmFile(_Part):
    """One arm."""

    share: Annotated[Share, Field(ge=1)]
    ladder: Slug | None = None
    rests: Days | None = None


class ExperimentFile(_Part):
    """One experiment of `experiments.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    applies: Annotated[ConditionWords, Field(alias="for")]
    enter: Period
    arms: Annotated[dict[Slug, ArmFile], Field(min_length=2)]
    measure: Measure
    baseline: Share
    detects: Annotated[Share, Field(ge=1)]
    confidence: Annotated[Share, Field(ge=5_000, lt=10_000)] = 9_500
    power: Annotated[Share, Field(ge=5_000, lt=10_000)] = 8_000
    guard_rails: dict[Literal["complaints", "opt_outs", "disputes"], Share] = {}
    guarded_from: Debtors = 50

    @property
    def champion(self) -> str:
        """The ladder that is climbed without the experiment."""
        return next(iter(self.arms.values())).ladder or ""

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> "ExperimentFile":
        wrongs = []
        shares = sum(arm.share for arm in self.arms.values())
        if shares != 10_000:
            wrongs.append(
                WrongValueError(
                    f"the shares add up to {shares // 100}.{shares % 100:02} %",
                    "let them add up to 100 %",
                    ("arms",),
                )
            )
        for number, (name, arm) in enumerate(self.arms.items()):
            where = ("arms", name)
            if (arm.ladder is None) == (arm.rests is None):
                wrongs.append(
                    WrongValueError(
                        "an arm climbs a ladder, or rests",
                        "write `ladder: standard`, or `rests: 30 days`",
                        where,
                    )
                )
            elif number == 0 and arm.ladder is None:
                wrongs.append(
                    WrongValueError(
                        "the first arm is the champion's, whose ladder is compared with",
                        "put the arm with the ladder of today first",
                        where,
                    )
                )
            elif arm.rests is not None and arm.rests < self.measure[1]:
                wrongs.append(
                    WrongValueError(
                        f"it rests for {arm.rests} days and is measured after {self.measure[1]}",
                        f"write `rests: {self.measure[1]} days` or more",
                        (*where, "rests"),
                    )
                )
        if not self.detects < min(self.baseline, 10_000 - self.baseline):
            wrongs.append(
                WrongValueError(
                    "such a difference from the baseline is more than there can be",
                    "state a smaller one, or another baseline",
                    ("detects",),
                )
            )
        if wrongs:
            raise WrongValuesError(wrongs)
        return self

    def compiled(self, name: str, source: str) -> Experiment:
        """The value that travels."""
        share, days = self.measure
        return Experiment(
            experiment=name,
            condition=self.applies,
            first_day=self.enter[0],
            last_day=self.enter[1],
            arms=tuple(
                Arm(arm, stated.share, stated.ladder or self.champion, stated.rests or 0)
                for arm, stated in self.arms.items()
            ),
            within_days=days,
            recovered=share,
            baseline=self.baseline,
            detects=self.detects,
            confidence=self.confidence,
            power=self.power,
            guard_rails=self.guard_rails,
            guarded_from=self.guarded_from,
            source=source,
        )


class ExperimentsFile(_Part):
    """`experiments.yaml`."""

    experiments: Annotated[dict[Slug, ExperimentFile], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> "ExperimentsFile":
        """Two experiments on one ladder at one time would each bend the other."""
        wrongs = []
        stated = list(self.experiments.items())
        for number, (name, experiment) in enumerate(stated):
            for other_name, other in stated[:number]:
                if other.champion != experiment.champion:
                    continue
                (first, last), (other_first, other_last) = experiment.enter, other.enter
                last += timedelta(days=experiment.measure[1])
                other_last += timedelta(days=other.measure[1])
                if first <= other_last and other_first <= last:
                    wrongs.append(
                        WrongValueError(
                            f"runs on ladder {other.champion} while {other_name} does",
                            f"let it begin after {other_last}, or end before {other_first}",
                            ("experiments", name, "enter"),
                        )
                    )
        if wrongs:
            raise WrongValuesError(wrongs)
        return self
