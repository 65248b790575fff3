"""Calendars of holidays as they are generated, and with what is added to them by hand."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from escalon.authoring.contact_policies import Region
from escalon.authoring.yaml_lines import WrongValueError, WrongValuesError
from escalon.domain.calendar import Calendar


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnDay(_Part):
    """A day that a person added to or took from the generated ones, with the law that says so."""

    day: date
    name: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    region: Region | None = None  # only there


class CalendarFile(_Part):
    """`calendars/<country>.yaml`: generated years, and corrections by hand that outlive them."""

    calendar: Annotated[str, Field(pattern="^[A-Z]{2}(-[A-Z0-9]{1,8})?$")]
    source: Annotated[str, Field(min_length=1)]
    years: Annotated[dict[int, dict[date, str]], Field(min_length=1)]
    regions: dict[Region, dict[date, str]] = {}
    extra: list[OwnDay] = []
    removed: list[OwnDay] = []

    @model_validator(mode="after")
    def _consistent(self) -> "CalendarFile":
        wrongs = [
            WrongValueError(
                f"{day} is not a day of {year}",
                "move it to its year",
                at=("years", str(year), day.isoformat()),
            )
            for year, days in self.years.items()
            for day in days
            if day.year != year
        ]
        wrongs += [
            WrongValueError(
                f"{own.day} lies in a year that is not loaded",
                f"generate {own.day.year} first",
                at=("extra", index, "day"),
            )
            for index, own in enumerate(self.extra)
            if own.day.year not in self.years
        ]
        wrongs += [
            WrongValueError(
                f"there is no region {own.region}",
                "generate the calendar with it, or leave the region out",
                at=(field, index, "region"),
            )
            for field, given in (("extra", self.extra), ("removed", self.removed))
            for index, own in enumerate(given)
            if own.region is not None and own.region not in self.regions
        ]
        wrongs += [
            WrongValueError(
                f"{own.day} is no holiday that could be removed",
                "correct the date, or delete the entry",
                at=("removed", index, "day"),
            )
            for index, own in enumerate(self.removed)
            if own.day not in self._generated(own.region)
        ]
        if wrongs:
            raise WrongValuesError(wrongs)
        return self

    def _generated(self, region: str | None) -> set[date]:
        """The generated days that rest everywhere, or only in one region."""
        if region is not None:
            return set(self.regions.get(region, ()))
        return {day for days in self.years.values() for day in days}

    def days(self, region: str | None) -> tuple[date, ...]:
        """Those days with their corrections; what is removed and added again is a holiday."""
        removed = {own.day for own in self.removed if own.region == region}
        extra = {own.day for own in self.extra if own.region == region}
        return tuple(sorted((self._generated(region) - removed) | extra))


def compile_calendar(file: CalendarFile) -> Calendar:
    """The calendar with its corrections."""
    return Calendar(
        file.calendar,
        tuple(sorted(file.years)),
        file.days(None),
        {region: file.days(region) for region in sorted(file.regions)},
    )
