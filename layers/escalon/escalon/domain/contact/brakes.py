"""Brakes: what a person has stopped, for how much of the sending, since when.

A brake is a value that `decide` is given, like the marks of the payment feeds, so a stop holds at
every look and every last look, and uses up no step (lesson L8). What it holds back waits; a stopped
channel is not gone around by the step's next channel, since a stop must never make a message leave.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from escalon.domain.account import Hold
from escalon.domain.decisions.decision import Reason

# all: everything · channel, strategy, creditor: what bears that name · experiment: nothing is held
# back, its debtors are on the champion's ladder again
type BrakeKind = Literal["all", "channel", "strategy", "creditor", "experiment"]

BRAKE_PATIENCE = timedelta(hours=1)  # between two looks at what a brake holds back

EXCLUDED = "excluded"  # the kind of hold that keeps an account out of everything, without an end


class Brake(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stop. `by` is the ARN of whoever stopped; `why` may name people and is told in no fact.
    Work for people goes on, unless `tasks` says that it rests too."""

    kind: BrakeKind
    since: datetime
    by: str
    why: str
    name: str = ""
    tasks: bool = False

    @property
    def brake_id(self) -> str:
        """What it stops, as people write it: `all`, `channel:sms`, `creditor:andina`."""
        return f"{self.kind}:{self.name}" if self.name else self.kind


class Brakes(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is stopped. `version` counts the changes."""

    brakes: tuple[Brake, ...] = ()
    version: int = 0

    def holding(self, *, channel: str, strategy: str, creditor: str, is_task: bool) -> Brake | None:
        """The brake that holds such a contact or task back: the widest, then the oldest. A channel
        that people serve (a letter, a call) is stopped by its own name, whatever `tasks` says."""
        for brake in self.brakes:
            if brake.kind == "experiment":
                continue
            named = {"all": "", "channel": channel, "strategy": strategy, "creditor": creditor}
            if named[brake.kind] != brake.name:
                continue
            if not is_task or brake.tasks or brake.kind == "channel":
                return brake
        return None

    @property
    def experiments(self) -> frozenset[str]:
        """The experiments that were ended early."""
        return frozenset(brake.name for brake in self.brakes if brake.kind == "experiment")

    def with_brake(self, brake: Brake) -> "Brakes":
        """These and one more; of two with one id the later stays, since the earlier one."""
        before = self.find(brake.brake_id)
        if before is not None:
            brake = msgspec.structs.replace(brake, since=before.since)
        others = self.without(brake.brake_id).brakes
        return Brakes(tuple(sorted((*others, brake), key=_width)), self.version)

    def without(self, *brake_ids: str) -> "Brakes":
        """These without some."""
        left = tuple(brake for brake in self.brakes if brake.brake_id not in brake_ids)
        return Brakes(left, self.version)

    def find(self, brake_id: str) -> Brake | None:
        """The brake of that id."""
        return next((brake for brake in self.brakes if brake.brake_id == brake_id), None)


NO_BRAKES = Brakes()


def because(reasons: Iterable[Reason], brakes: Brakes, *, locale: str) -> list[str]:
    """Why a person stopped what a decision says is stopped, in their own words. They are kept with
    the brake alone, so a decision does not have them."""
    found = (brakes.find(str(r.params.get("brake"))) for r in reasons if r.code == "stopped")
    words = "porque" if locale.startswith("es") else "because"
    return [f"{words}: {brake.why}" for brake in found if brake is not None]


_WIDTH: dict[BrakeKind, int] = {
    "all": 0,
    "creditor": 1,
    "channel": 2,
    "strategy": 3,
    "experiment": 4,
}


def _width(brake: Brake) -> tuple[int, datetime, str]:
    return (_WIDTH[brake.kind], brake.since, brake.name)


def exclusion(holds: Iterable[Hold]) -> Hold | None:
    """The hold that excludes the account, if one does."""
    return next(
        (h for h in holds if h.kind == EXCLUDED and h.receivable_id is None and h.ends_on is None),
        None,
    )
