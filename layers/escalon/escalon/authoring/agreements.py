"""What may be agreed with a debtor, as operators write it: `agreements.yaml`.

It names steps of the ladders, so it belongs to the `escalation.yaml` that stands beside it and is
never taken from the folder that a rulebook is based on.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from escalon.authoring.words import (
    SLUG,
    Amounts,
    AnnualRate,
    ConditionWords,
    Currency,
    Days,
    Slug,
    words,
)
from escalon.authoring.yaml_lines import WrongValueError, WrongValuesError
from escalon.domain.agreements.agreed import AgreementKind, Every
from escalon.domain.money import Component
from escalon.domain.rules.rulebook import Limits, OfferRule, PlanInterest, Stage, Step

MOST_INSTALMENTS = 120
LONGEST_WAIT_DAYS = 366  # until a first payment: whatever is open is looked at once a year
LONGEST_TOLERANCE_DAYS = 30
LONGEST_OFFER_DAYS = 90

_EVERY: dict[str, Every] = {
    "week": "week",
    "fortnight": "fortnight",
    "15th and last day": "twice_monthly",
    "month": "month",
}


def _share(match: re.Match[str]) -> int:
    share = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if not 0 < share <= 10_000:
        raise WrongValueError(f"{match[0]} is no share", "write more than 0 and at most 100 %")
    return share


def _ages(match: re.Match[str]) -> tuple[int, int | None]:
    if match[1]:
        return int(match[1]), None
    first, last = int(match[2]), int(match[3])
    if first > last:
        raise WrongValueError(f"{first} days come after {last}", "write the lower number first")
    return first, last


def _counts(match: re.Match[str]) -> tuple[int, int]:
    least, most = int(match[1]), int(match[2])
    if not 1 <= least <= most <= MOST_INSTALMENTS:
        raise WrongValueError(
            f"cannot offer {match[0]} instalments",
            f"write the lower number first, from 1 to {MOST_INSTALMENTS}",
        )
    return least, most


def _reminder_day(match: re.Match[str]) -> int:
    if match[3]:
        return 0
    days = int(match[1])
    if days == 0:
        raise WrongValueError("0 days before or after is the day itself", "write 'on the day'")
    return -days if match[2] == "before" else days


# In hundredths of a percent.
Share = Annotated[int, words(r"(\d+)(?:\.(\d{1,2}))? ?%", "25 %", _share)]
PastDue = Annotated[
    tuple[int, int | None],
    words(r"from (\d+) days?|(\d+) to (\d+) days?", "30 to 180 days' or 'from 30 days", _ages),
]
Counts = Annotated[tuple[int, int], words(r"(\d+) to (\d+)", "2 to 6", _counts)]
UpTo = Annotated[
    int, words(r"up to (\d+)", "up to 12", lambda m: int(m[1])), Field(ge=1, le=MOST_INSTALMENTS)
]
Within = Annotated[
    int,
    words(r"within (\d+) days?", "within 15 days", lambda m: int(m[1])),
    Field(le=LONGEST_WAIT_DAYS),
]
BrokenBefore = Annotated[
    int, words(r"at most (\d+)", "at most 1", lambda m: int(m[1])), Field(le=1_000)
]
ResumeAt = Annotated[
    str,
    words(
        r"resume at (?:(the step for its age)|(\S+))",
        "resume at firm' or 'resume at the step for its age",
        lambda m: m[2] or "",
    ),
]
ReminderDay = Annotated[
    int,
    words(
        r"(?:(\d+) days? (before|after)|(on) the day)",
        "3 days before' or 'on the day",
        _reminder_day,
    ),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PlanInterestFile(_Part):
    """What an agreement bears until it is paid."""

    rate: AnnualRate
    cap: Slug
    currencies: Annotated[list[Currency], Field(min_length=1)]


class ToleranceFile(_Part):
    """How late, and how much too little, still counts as kept."""

    days: Annotated[Days, Field(le=LONGEST_TOLERANCE_DAYS)] = 0
    amount: Amounts | None = None


class BeyondFile(_Part):
    """What more a role may agree to."""

    first_payment: Within = 0
    instalments: UpTo = 1
    discount: dict[Component, Share] = {}
    broken_before: BrokenBefore | None = None

    def compiled(self) -> Limits:
        """The value that travels."""
        return Limits(self.first_payment, self.instalments, self.discount, self.broken_before)


class OfferFile(_Part):
    """One thing that may be offered."""

    kind: AgreementKind
    applies: Annotated[ConditionWords, Field(alias="for")]
    strategies: list[Slug] = []
    stages: list[Stage] = []
    past_due: PastDue | None = None
    first_payment: Within
    at_least: Share | None = None
    instalments: Counts | None = None
    show: list[int] = []
    every: list[Literal["week", "fortnight", "15th and last day", "month"]] = []
    least_instalment: Amounts | None = None
    round_to: Amounts | None = None
    discount: dict[Component, Share] = {}
    interest: PlanInterestFile | None = None
    tolerance: ToleranceFile = ToleranceFile()
    broken: ResumeAt = ""
    broken_before: BrokenBefore | None = None
    stands: Annotated[Days, Field(ge=1, le=LONGEST_OFFER_DAYS)] = 7
    beyond: dict[Annotated[str, Field(pattern=rf"^({SLUG.pattern}|\*)$")], BeyondFile] = {}

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "OfferFile":
        wrongs = [*self._wrong_kind(), *self._wrong_instalments(), *self._wrong_beyond()]
        if wrongs:
            raise WrongValuesError(wrongs)
        return self

    def _wrong_kind(self) -> Iterator[WrongValueError]:
        least, most = self.instalments or (1, 1)
        if self.kind == "plan" and least < 2:
            yield WrongValueError(
                "a plan has two instalments or more", "write `instalments: 2 to 6`", ("kind",)
            )
        if self.kind in ("promise", "extension") and most > 1:
            yield WrongValueError(
                f"what is paid in several instalments is no {self.kind}",
                "write kind plan, or leave `instalments` out",
                ("instalments",),
            )
        if self.kind == "settlement" and not self.discount:
            yield WrongValueError(
                "a settlement gives something up", "write `discount: {interest: 50 %}`", ("kind",)
            )
        if self.kind == "promise" and self.discount:
            yield WrongValueError(
                "a promise gives nothing up",
                "write kind settlement, or leave `discount` out",
                ("discount",),
            )
        if self.kind in ("promise", "settlement") and self.interest:
            yield WrongValueError(
                f"a {self.kind} bears no interest", "leave `interest` out", ("interest",)
            )

    def _wrong_instalments(self) -> Iterator[WrongValueError]:
        if self.instalments is None or self.instalments[1] == 1:
            for name in ("instalments", "show", "every", "least_instalment", "round_to"):
                if getattr(self, name):
                    yield WrongValueError(
                        "there is one payment only", f"leave `{name}` out", (name,)
                    )
            return
        least, most = self.instalments
        if not self.every:
            yield WrongValueError(
                "nobody knows how often instalments are due",
                "write `every: [month]`",
                ("instalments",),
            )
        if not self.show:
            yield WrongValueError(
                "nobody knows what to propose", "write `show: [3, 6]`", ("instalments",)
            )
        for index, count in enumerate(self.show):
            if not least <= count <= most or count in self.show[:index]:
                yield WrongValueError(
                    f"cannot propose {count} instalments",
                    f"write numbers from {least} to {most}, each once",
                    ("show", index),
                )
        if self.least_instalment is None:
            yield WrongValueError(
                "nobody knows how small an instalment may be",
                "write `least_instalment: {COP: 50_000}`; instalments are offered in the "
                "currencies that stand there",
                ("instalments",),
            )
            return
        longest = max(most, *(beyond.instalments for beyond in self.beyond.values()), 1)
        for currency, minor in self.least_instalment.items():
            # Rounded up, the others take less than this from the last one, which must not vanish.
            if minor < longest * (self.round_to or {}).get(currency, 1):
                yield WrongValueError(
                    f"{longest} instalments that are rounded so could leave nothing for the last",
                    "raise `least_instalment`, or round less",
                    ("least_instalment", currency),
                )

    def _wrong_beyond(self) -> Iterator[WrongValueError]:
        for role, beyond in self.beyond.items():
            at = ("beyond", role)
            if beyond.instalments > 1 and self.instalments is None:
                yield WrongValueError(
                    "there is one payment only", "leave `instalments` out", (*at, "instalments")
                )
            if beyond.discount and self.kind == "promise":
                yield WrongValueError(
                    "a promise gives nothing up", "leave `discount` out", (*at, "discount")
                )
            if beyond.broken_before is not None and self.broken_before is None:
                yield WrongValueError(
                    "there is no limit to go beyond",
                    "write the offer's own `broken_before`, or leave it out here",
                    (*at, "broken_before"),
                )

    def compiled(self, name: str, source: str) -> OfferRule:
        """The value that travels, under its name; `source` is the file and line it stands on."""
        least, most = self.instalments or (1, 1)
        from_days, to_days = self.past_due or (None, None)
        interest = self.interest
        return OfferRule(
            offer=name,
            kind=self.kind,
            condition=self.applies,
            limits=Limits(self.first_payment, most, self.discount, self.broken_before),
            strategies=tuple(self.strategies),
            stages=tuple(self.stages),
            from_days=from_days,
            to_days=to_days,
            least_first=self.at_least or 0,
            least_instalments=least,
            show=tuple(sorted(self.show)),
            every=tuple(_EVERY[every] for every in self.every) or ("month",),
            least_instalment_minor=self.least_instalment or {},
            round_minor=self.round_to or {},
            interest=(
                PlanInterest(interest.rate, interest.cap, tuple(interest.currencies))
                if interest
                else None
            ),
            tolerance_days=self.tolerance.days,
            tolerance_minor=self.tolerance.amount or {},
            resume_at=self.broken,
            stands_days=self.stands,
            beyond={role: beyond.compiled() for role, beyond in self.beyond.items()},
            source=source,
        )


class ReminderFile(_Part):
    """One reminder of an instalment, by the day it is due."""

    reminder: Slug
    when: ReminderDay
    by: Annotated[list[Literal["email", "sms"]], Field(min_length=1)]
    say: Slug

    def compiled(self, source: str) -> Step:
        """The step that it is; `source` is the file and line it stands on."""
        return Step(
            step=self.reminder,
            stage="pre_due" if self.when <= 0 else "reminder",
            day=self.when,
            channels=tuple(self.by),
            message=self.say,
            source=source,
        )


class AgreementsFile(_Part):
    """`agreements.yaml`."""

    offers: Annotated[dict[Slug, OfferFile], Field(min_length=1)]
    reminders: list[ReminderFile] = []

    @model_validator(mode="after")
    def _each_once(self) -> "AgreementsFile":
        wrongs = []
        for key in ("reminder", "when"):
            seen: set[object] = set()
            for index, one in enumerate(self.reminders):
                value = getattr(one, key)
                if value in seen:
                    wrongs.append(
                        WrongValueError(
                            f"there are two reminders with the same `{key}`",
                            "give each its own name and its own day",
                            ("reminders", index, key),
                        )
                    )
                seen.add(value)
        if wrongs:
            raise WrongValuesError(wrongs)
        return self
