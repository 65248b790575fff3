"""History: every fact of every version is kept once, and told to whoever listens."""

import json
from datetime import timedelta
from typing import Any

import pytest

from escalon.adapters.bus import Bus, BusError
from escalon.adapters.history import History
from escalon.usecases.record_history import RecordHistory
from tests.doubles.aws import Events
from tests.doubles.dynamodb import DynamoDb
from tests.doubles.world import NOW, World, debtor


def recorder(dynamo: DynamoDb, events: Events) -> tuple[RecordHistory, History]:
    history = History(dynamo, "history", pause=lambda _: None)
    return RecordHistory(history, Bus(events, "facts")), history


def lived() -> World:
    world = World()
    world.put(debtor())
    world.run(NOW)
    return world


def images(world: World) -> list[dict[str, object]]:
    return [image for image in world.dynamo.stream if "facts" in image]


def test_the_facts_of_an_account_are_kept_in_order() -> None:
    world = lived()
    record, history = recorder(DynamoDb(), Events())
    assert record(images(world)) == 3
    assert [fact["fact"] for fact in history.of("a1")] == ["decided", "claimed", "sent"]


def test_a_batch_that_comes_again_changes_nothing() -> None:
    dynamo = DynamoDb()
    record, history = recorder(dynamo, Events())
    found = images(lived())
    record(found)
    before = {pk: dict(own) for pk, own in dynamo.tables["history"].items()}
    for start in range(len(found)):
        record(found[start:])
    assert dynamo.tables["history"] == before
    assert len(list(history.everything())) == 3


def test_a_write_that_moves_no_version_does_not_stop_the_stream() -> None:
    """An account that is set aside brings the facts of its version again, in the same batch."""
    world = lived()
    (item,) = world.table.standing()
    world.table.set_aside(item, NOW + timedelta(days=1), "because", "r|failed|")
    found = images(world)
    assert found[-1]["v"] == found[-2]["v"]
    record, history = recorder(DynamoDb(), Events())
    assert record(found) == 3
    assert len(list(history.of("a1"))) == 3


def test_the_bus_hears_of_ids_and_amounts_only() -> None:
    events = Events()
    record, _ = recorder(DynamoDb(), events)
    record(images(lived()))
    assert [entry["DetailType"] for entry in events.entries] == ["decided", "claimed", "sent"]
    assert {json.loads(entry["Detail"])["account_id"] for entry in events.entries} == {"a1"}
    assert "ana@example.com" not in str(events.entries)
    assert "Gómez" not in str(events.entries)


def test_facts_that_the_bus_did_not_take_come_again() -> None:
    events = Events()
    events.fail_next = True
    record, history = recorder(DynamoDb(), events)
    found = images(lived())
    with pytest.raises(BusError):
        record(found)
    record(found)
    assert len(events.entries) == 3
    assert len(list(history.of("a1"))) == 3


def test_what_the_table_could_not_take_just_then_is_written_again() -> None:
    dynamo = DynamoDb()
    original = dynamo.batch_write_item
    tries = []

    def throttled(*, RequestItems: dict[str, list[Any]]) -> Any:  # noqa: N803
        tries.append(len(RequestItems["history"]))
        if len(tries) == 1:
            original(RequestItems={"history": RequestItems["history"][:1]})
            return {"UnprocessedItems": {"history": RequestItems["history"][1:]}}
        return original(RequestItems=RequestItems)

    dynamo.batch_write_item = throttled  # type: ignore[method-assign]
    record, history = recorder(dynamo, Events())
    record(images(lived()))
    assert tries == [6, 5]  # three facts and the three versions that they came with
    assert len(list(history.of("a1"))) == 3


def test_each_version_of_an_account_is_kept_without_personal_data() -> None:
    dynamo = DynamoDb()
    record, history = recorder(dynamo, Events())
    record(images(lived()))
    before = history.state_at("a1", NOW - timedelta(seconds=1))
    after = history.state_at("a1", NOW + timedelta(seconds=1))
    assert before is None
    assert after is not None
    assert [*after.account.receivables[0].steps] == ["friendly"]
    assert (after.account.name, after.account.points[0].address) == ("", "-")
    assert after.at == NOW


def test_an_account_that_cannot_be_read_stops_no_fact() -> None:
    found = images(lived())
    broken = {**found[0], "doc": {"S": "{"}}
    record, history = recorder(DynamoDb(), Events())
    assert record([broken, *found[1:]]) == 3
    assert len(list(history.of("a1"))) == 3
