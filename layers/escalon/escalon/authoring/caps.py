"""Sending caps as operators write them, in escalation.yaml: how many messages may go at most."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from escalon.authoring.words import Slug
from escalon.authoring.yaml_lines import WrongValueError, WrongValuesError
from escalon.domain.contact.pacing import Cap

Most = Annotated[int, Field(ge=1, le=10_000_000)]


class CapFile(BaseModel):
    """One cap: of all messages, or of those by a channel, for a creditor, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Annotated[
        Literal["email", "sms", "whatsapp"] | None, Field(description="Of this channel alone.")
    ] = None
    creditor: Annotated[Slug | None, Field(description="Of this creditor's messages alone.")] = None
    per_run: Annotated[Most | None, Field(description="Of messages that one run planned.")] = None
    per_hour: Annotated[Most | None, Field(description="In a clock hour.")] = None
    per_day: Annotated[Most | None, Field(description="In a day of the rulebook's zone.")] = None

    @model_validator(mode="after")
    def _caps_something(self) -> "CapFile":
        if self.per_run is None and self.per_hour is None and self.per_day is None:
            raise WrongValuesError(
                [
                    WrongValueError(
                        "a cap without a number caps nothing",
                        "write `per_hour`, `per_day` or `per_run`, such as `per_hour: 2_000`",
                    )
                ]
            )
        return self


def compiled(caps: list[CapFile], source: Callable[[int], str]) -> tuple[Cap, ...]:
    """The values that travel; `source` tells where the cap of that number is written."""
    return tuple(
        Cap(
            cap.by or "",
            cap.creditor or "",
            cap.per_run or 0,
            cap.per_hour or 0,
            cap.per_day or 0,
            source(number),
        )
        for number, cap in enumerate(caps)
    )
