"""How long records of a person stay after they ask to be forgotten, as operators write it:
`retention.yaml`."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from escalon.authoring.words import COUNTRY_OR_ANY, words
from escalon.domain.retention import Kind, Retention


def _months(match: re.Match[str]) -> int:
    return int(match[1]) * (12 if match[2] == "year" else 1)


Time = Annotated[int, words(r"(\d{1,3}) (year|month)s?", "10 years", _months)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RetentionRule(_Part):
    """How long one kind of record stays after the newest of it, and by which law."""

    keep: Time
    source: Annotated[str, Field(min_length=1)]
    confidence: str = ""

    def compiled(self) -> Retention:
        """The value that travels."""
        return Retention(self.keep, self.source, self.confidence)


class RetentionFile(_Part):
    """`retention.yaml`: by the creditor's country, "*" for any other, then by kind of record."""

    retention: Annotated[
        dict[Annotated[str, Field(pattern=COUNTRY_OR_ANY)], dict[Kind, RetentionRule]],
        Field(min_length=1),
    ]

    def compiled(self) -> dict[str, dict[str, Retention]]:
        """The value that travels."""
        return {
            country: {kind: rule.compiled() for kind, rule in rules.items()}
            for country, rules in self.retention.items()
        }
