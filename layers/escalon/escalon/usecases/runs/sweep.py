"""Sweep: a schedule fires, and every shard of the due index is looked at.

The scheduled time is the run's clock and its name, so a schedule that fires twice makes one run.
The run is pinned to what is in force when it begins, the canary and its share included: nothing
that is published meanwhile makes two of its accounts fall to other sides.
An event that comes late is dropped: the next one covers it, since what is due stays due. A shard
that is looked at twice in a run changes nothing.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from escalon.domain.ports import Clock, Rulebooks
from escalon.domain.storage import AlreadyDoneError, instant
from escalon.usecases.messages_between import ShardOfRun
from escalon.usecases.runs.books import Run

if TYPE_CHECKING:
    from escalon.adapters.queue import Queue
    from escalon.adapters.table import Table

TOO_LATE = timedelta(minutes=15)  # or too early: a decision of the future would forget accounts


class Sweep:
    """Start a run."""

    def __init__(self, table: "Table", queue: "Queue", rulebooks: Rulebooks, clock: Clock) -> None:
        self._table = table
        self._queue = queue
        self._rulebooks = rulebooks
        self._clock = clock

    def __call__(self, scheduled_at: datetime | None) -> Run | None:
        """Start the run of this scheduled time; None if it came too late to be of use."""
        now = self._clock.now()
        as_of = (scheduled_at or now).replace(microsecond=0)
        if abs(now - as_of) > TOO_LATE:
            return None
        # What a replan has made due after a change must not be decided by the rules before it.
        rollout = self._rulebooks.rollout(fresh=True)
        pinned = rollout if len(rollout.versions) > 1 else None
        run = Run(instant(as_of), as_of, rollout.live, self._table.shards, pinned)
        put = self._table.put_document(
            f"RUN#{run.run_id}", "RUN", run, due_shard="runs", look_at=run.run_id
        )
        try:
            self._table.save(put, new=True)
        except AlreadyDoneError:
            # The event came twice, or the first time was cut short: the same run, as it was begun.
            begun = self._table.load(f"RUN#{run.run_id}", "RUN")
            run = msgspec.convert(begun, Run)
        self._queue.send(
            [
                ShardOfRun(
                    run.run_id, run.as_of, run.rulebook, f"due#{shard:03d}", rollout=run.rollout
                )
                for shard in range(run.shards)
            ]
        )
        return run


def scheduled_time(text: str) -> datetime | None:
    """The scheduled time as EventBridge Scheduler writes it; None for anything else, since some
    stand-ins for AWS hand over the placeholder itself."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
