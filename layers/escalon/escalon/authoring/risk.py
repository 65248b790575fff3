"""By what debtors are graded, and when their credit is looked at, as operators write it:
`risk.yaml`."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from escalon.authoring.words import Days, Slug, words
from escalon.authoring.yaml_lines import WrongValueError, WrongValuesError
from escalon.domain.rules.rulebook import CreditRules, FactorName, RiskModel

REST = 10_001  # more than any score


def share_of(match: re.Match[str]) -> int:
    """A share in hundredths of a percent."""
    share = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if share > 10_000:
        raise WrongValueError(f"{match[0]} is no share", "write at most 100 %")
    return share


def _below(match: re.Match[str]) -> int:
    return int(match[1]) * 100 if match[1] else REST


Share = Annotated[int, words(r"(\d+)(?:\.(\d{1,2}))? ?%", "25 %", share_of)]
Below = Annotated[int, words(r"below (\d+) ?%|the rest", "below 25 %' or 'the rest", _below)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CreditFile(_Part):
    """When a person is asked about a limit or about terms."""

    every: Days = 30
    lower: list[Slug] = []
    higher: list[Slug] = []
    used: Share = 8_000
    by: Share = 2_500
    terms: dict[Slug, Days] = {}
    due_within: Days = 10

    def compiled(self) -> CreditRules:
        """The value that travels."""
        return CreditRules(
            every_days=self.every,
            lower=tuple(self.lower),
            higher=tuple(self.higher),
            used=self.used,
            by=self.by,
            terms_days=self.terms,
            due_days=self.due_within,
        )


class RiskFile(_Part):
    """`risk.yaml`."""

    model: Slug
    expected: Share
    weighs_as: Annotated[int, Field(ge=1, le=100)] = 2
    worst_mean: Annotated[Days, Field(ge=1)] = 30
    graded_from: Annotated[int, Field(ge=1, le=100)] = 3
    weights: Annotated[dict[FactorName, Annotated[int, Field(ge=1, le=1_000)]], Field(min_length=1)]
    grades: Annotated[dict[Slug, Below], Field(min_length=1)]
    credit: CreditFile | None = None

    @model_validator(mode="after")
    def _hangs_together(self) -> "RiskFile":
        wrongs = []
        before = 0
        for name, below in self.grades.items():
            if below <= before:
                wrongs.append(
                    WrongValueError(
                        f"no score falls to {name}: the grade above it takes them all",
                        "order the grades from the lowest scores to the highest",
                        ("grades", name),
                    )
                )
            before = max(before, below)
        if before != REST:
            wrongs.append(
                WrongValueError(
                    "the highest scores have no grade", "end with `high: the rest`", ("grades",)
                )
            )
        certain: tuple[FactorName, ...] = ("share_late", "mean_days_late", "trend")
        if not any(name in self.weights for name in certain):
            wrongs.append(
                WrongValueError(
                    "nothing would be known of most debtors",
                    f"give a weight to one of {', '.join(certain)}",
                    ("weights",),
                )
            )
        if self.credit:
            for key in ("lower", "higher", "terms"):
                wrongs += [
                    WrongValueError(
                        f"there is no grade {name}",
                        f"the grades are {', '.join(self.grades)}",
                        ("credit", key),
                    )
                    for name in getattr(self.credit, key)
                    if name not in self.grades
                ]
        if wrongs:
            raise WrongValuesError(wrongs)
        return self

    def compiled(self, source: str) -> RiskModel:
        """The value that travels."""
        return RiskModel(
            model=self.model,
            weights=self.weights,
            grades=self.grades,
            expected=self.expected,
            weighs_as=self.weighs_as,
            worst_days=self.worst_mean,
            least_settled=self.graded_from,
            source=source,
        )
