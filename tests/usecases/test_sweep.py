"""Sweep: a schedule fires, once or twice, in time or late."""

from datetime import UTC, datetime, timedelta

import pytest

from escalon.adapters.queue import QueueError
from escalon.usecases.runs.sweep import scheduled_time
from tests.doubles.crashing import Crash, Faults
from tests.doubles.world import NOW, OneRulebook, World, debtor, rulebook

LATE = timedelta(minutes=15)


def test_a_run_is_named_by_its_instant_and_has_a_message_a_shard() -> None:
    world = World(shards=3)
    run = world.sweep()(NOW)
    assert run is not None
    assert run.run_id == "2026-09-07T15:00:00Z"
    shards = list(world.sqs.queues["escalate"])
    assert len(shards) == 3
    assert b'"shard":"due#002"' in shards[2]
    (document,) = world.table.listed("runs")
    assert document["rulebook"] == rulebook().version


@pytest.mark.parametrize(("seconds", "dropped"), [(-1, False), (0, False), (1, True)])
def test_an_event_that_is_more_than_fifteen_minutes_late_is_dropped(
    seconds: int, dropped: bool
) -> None:
    world = World(NOW + LATE + timedelta(seconds=seconds))
    run = world.sweep()(NOW)
    assert (run is None) is dropped
    assert world.waiting() == ([] if dropped else ["escalate"])
    assert len(list(world.table.listed("runs"))) == (0 if dropped else 1)


def test_an_event_of_the_future_is_dropped() -> None:
    """Deciding as of a later instant would put accounts off beyond it."""
    assert World(NOW - LATE - timedelta(seconds=1)).sweep()(NOW) is None


def test_the_same_event_twice_is_one_run() -> None:
    world = World()
    world.put(debtor())
    assert world.sweep()(NOW) == world.sweep()(NOW)
    world.work_off()
    assert len(list(world.table.listed("runs"))) == 1
    assert world.totals(NOW).looked_at == 1
    assert len(world.ses.calls) == 1


def test_a_run_keeps_its_rulebook_when_another_comes_into_force_in_between() -> None:
    world = World()
    first = world.sweep()(NOW)
    world.rulebooks = OneRulebook(rulebook())
    world.rulebooks.in_force = "another"
    assert world.sweep()(NOW) == first


@pytest.mark.parametrize("number", [1, 2])
def test_a_sweep_that_died_is_done_again(number: int) -> None:
    world = World()
    world.put(debtor())
    with pytest.raises(Crash):
        world.sweep(Faults(number, "after"))(NOW)
    world.sweep()(NOW)
    world.work_off()
    assert world.totals(NOW).looked_at == 1
    assert len(world.ses.calls) == 1


def test_a_queue_that_refuses_a_shard_fails_the_sweep() -> None:
    world = World()
    world.sqs.refuse.add("0")
    with pytest.raises(QueueError):
        world.sweep()(NOW)


def test_without_a_scheduled_time_the_arrival_counts_to_the_second() -> None:
    run = World(NOW.replace(microsecond=5)).sweep()(None)
    assert run is not None
    assert run.as_of == NOW


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-09-07T15:00:00Z", datetime(2026, 9, 7, 15, tzinfo=UTC)),
        ("2026-09-07T15:00:00", None),
        ("<aws.scheduler.scheduled-time>", None),
        ("", None),
    ],
)
def test_the_scheduled_time_or_none(text: str, at: datetime | None) -> None:
    assert scheduled_time(text) == at
