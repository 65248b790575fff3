"""A crash before and after every AWS call of `escalate` and of `deliver` (lesson L2).

However it ends, the queue hands the message over again and later runs look at the account, until
nothing moves. Then there was one contact at most, and it is recorded as sent, or its fate is
unknown and a person has it on the list (invariant 1); the books of every run add up (invariant 9),
and every account has a next look (invariant 7).
"""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

from escalon.domain.account import Account
from tests.doubles.crashing import Faults, When
from tests.doubles.world import NOW, World, debtor, point, receivable

STEP = timedelta(minutes=15)
FIRST = NOW
CHANNELS = ("email", "sms", "task")
BY_SMS = (point("sms"),)


def _book(world: World) -> None:
    """One account for each way of being reached."""
    world.put(debtor("email"))
    world.put(debtor("sms", points=BY_SMS))
    world.put(debtor("task", receivable(late=21)))


def _only(channel: str) -> World:
    world = World()
    accounts: dict[str, Account] = {
        "email": debtor("email"),
        "sms": debtor("sms", points=BY_SMS),
        "task": debtor("task", receivable(late=21)),
    }
    world.put(accounts[channel])
    return world


def _later_runs(world: World, *, again: str) -> list[datetime]:
    """What SQS and the schedule do after a crash: the message comes back at once, or only after the
    next run, and runs go on until nothing moves."""
    if again == "at once":
        world.hand_over_again()
        world.work_off()
    instants = [FIRST + STEP * number for number in range(1, 9)]
    for at in instants:
        world.run(at)
        world.hand_over_again()
        world.work_off()
    return instants


def _assert_quiet(world: World, runs: list[datetime]) -> None:
    assert world.failed == []
    assert world.waiting() == []
    for item in world.all_items().values():
        if item["sk"]["S"] == "A":
            assert "look_at" in item  # invariant 7: all of them still owe
    for run in runs:
        totals = world.totals(run)
        assert totals.failed == 0
    for account_id in CHANNELS:
        if world.table.get(account_id) is not None:
            assert world.account(account_id).intents == ()


def _assert_one_contact(world: World, account_id: str, step: str, provider: Any) -> str:
    """One contact at most; the state in which it ended."""
    state = world.account(account_id).receivables[0].steps[step].state
    mine = [m for m in world.messages() if m["account_id"] == account_id]
    flagged = [t for t in world.tasks() if t["account_id"] == account_id]
    assert len(mine) == 1
    assert len(world.account(account_id).contacts) == 1
    if state == "sent":
        assert len(provider.calls) == 1
        assert mine[0]["state"] == "sent"
        assert mine[0]["provider_message_id"] == "provider-1"
        assert flagged == []
    else:
        assert state == "unknown"
        assert len(provider.calls) <= 1
        assert mine[0]["state"] == "unknown"
        assert [(t["kind"], t["about"]) for t in flagged] == [
            ("unknown_fate", mine[0]["message_id"])
        ]
    return state


def _assert_one_task(world: World) -> None:
    tasks = [t for t in world.tasks() if t["account_id"] == "task"]
    assert [t["kind"] for t in tasks] == ["call"]
    assert world.account("task").receivables[0].steps["call"].state == "opened"


@cache
def _calls_of_escalate() -> tuple[str, ...]:
    world, faults = World(), Faults()
    _book(world)
    world.sweep()(FIRST)
    world.take("escalate", faults)
    return tuple(faults.calls)


@cache
def _calls_of_deliver(channel: str) -> tuple[str, ...]:
    world, faults = _only(channel), Faults()
    world.sweep()(FIRST)
    world.work_off("escalate")
    world.take(channel, faults)
    return tuple(faults.calls)


def _every_crash(calls: tuple[str, ...]) -> list[Any]:
    whens: tuple[When, ...] = ("before", "after")
    return [
        pytest.param(number, when, id=f"{when} call {number} ({name})")
        for number, name in enumerate(calls, 1)
        for when in whens
    ]


def test_the_calls_are_those_that_the_crashes_are_tried_at() -> None:
    assert _calls_of_escalate() == (
        "query",  # pages that a crash left open
        "query",  # what is issued today
        "query",  # what is due
        "get_item",  # what is stopped
        "put_item",  # the page is opened
        "get_item",  # what the carrier of e-mail takes
        "get_item",  # what that of SMS takes
        "batch_execute_statement",
        "send_message_batch",
        "send_message_batch",
        "send_message_batch",
        "put_item",  # the page is closed
        "put_item",  # the shard is done
    )
    assert _calls_of_deliver("email") == (
        "get_item",
        "get_item",  # what is stopped
        "put_object",
        "transact_write_items",  # the claim
        "send_email",
        "transact_write_items",  # the record
    )
    assert _calls_of_deliver("sms") == (
        "get_item",
        "get_item",  # what is stopped
        "put_object",
        "transact_write_items",
        "publish",
        "transact_write_items",
    )
    assert _calls_of_deliver("task") == ("get_item", "get_item", "transact_write_items")


@pytest.mark.parametrize("again", ["at once", "after the next run"])
@pytest.mark.parametrize(("number", "when"), _every_crash(_calls_of_escalate()))
def test_l2_escalate_crashes(number: int, when: When, again: str) -> None:
    world, faults = World(), Faults(number, when)
    _book(world)
    world.sweep()(FIRST)
    world.take("escalate", faults)
    assert faults.happened
    assert len(world.failed) == 1
    runs = [FIRST, *_later_runs(world, again=again)]
    _assert_quiet(world, runs)
    # Nobody had claimed anything, so nothing is unknown: everybody was reached, once.
    assert _assert_one_contact(world, "email", "friendly", world.ses) == "sent"
    assert _assert_one_contact(world, "sms", "friendly", world.sns) == "sent"
    _assert_one_task(world)
    counted = [world.totals(run) for run in runs]
    decided = sum(len(world.facts(account_id, "decided")) for account_id in CHANNELS)
    assert sum(totals.looked_at for totals in counted) == decided


@pytest.mark.parametrize("again", ["at once", "after the next run"])
@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize(("number", "when"), _every_crash(_calls_of_deliver("email")))
def test_l2_deliver_crashes(channel: str, number: int, when: When, again: str) -> None:
    world, faults = _only(channel), Faults(number, when)
    world.sweep()(FIRST)
    world.work_off("escalate")
    world.take(channel, faults)
    assert faults.happened
    runs = [FIRST, *_later_runs(world, again=again)]
    _assert_quiet(world, runs)
    provider = world.ses if channel == "email" else world.sns
    state = _assert_one_contact(world, channel, "friendly", provider)
    # From the claim on nobody knows, until it is recorded.
    claimed = number > 4 or (number, when) == (4, "after")
    recorded = (number, when) == (6, "after")
    assert state == ("unknown" if claimed and not recorded else "sent")
    called = (number, when) in {(5, "after"), (6, "before"), (6, "after")}
    assert len(provider.calls) == (1 if called or not claimed else 0)


@pytest.mark.parametrize("again", ["at once", "after the next run"])
@pytest.mark.parametrize(("number", "when"), _every_crash(_calls_of_deliver("task")))
def test_l2_opening_a_task_crashes(number: int, when: When, again: str) -> None:
    world, faults = _only("task"), Faults(number, when)
    world.sweep()(FIRST)
    world.work_off("escalate")
    world.take("task", faults)
    assert faults.happened
    runs = [FIRST, *_later_runs(world, again=again)]
    _assert_quiet(world, runs)
    _assert_one_task(world)


@pytest.mark.parametrize(("number", "when"), _every_crash(_calls_of_escalate()))
def test_l2_the_run_that_flags_a_lost_message_crashes_too(number: int, when: When) -> None:
    """The message was claimed and its sender died; the run that would tell a person dies too."""
    world = _only("email")
    world.sweep()(FIRST)
    world.work_off("escalate")
    world.take("email", Faults(5, "after"))
    second = FIRST + STEP
    world.clock.at = second
    world.sweep()(second)
    world.take("escalate", Faults(number, when))
    runs = [FIRST, second, *_later_runs(world, again="after the next run")]
    _assert_quiet(world, runs)
    assert _assert_one_contact(world, "email", "friendly", world.ses) == "unknown"


@pytest.mark.parametrize(("number", "when"), _every_crash(_calls_of_deliver("email")))
def test_l2_a_second_delivery_in_the_middle_of_the_first(number: int, when: When) -> None:
    world = _only("email")
    world.sweep()(FIRST)
    world.work_off("escalate")
    world.sqs.queues["email"].append(world.sqs.queues["email"][0])  # the message came twice
    faults = Faults(number, when, instead=lambda: world.take("email"))
    world.take("email", faults)
    assert faults.happened
    runs = [FIRST, *_later_runs(world, again="at once")]
    _assert_quiet(world, runs)
    assert _assert_one_contact(world, "email", "friendly", world.ses) == "sent"


@pytest.mark.parametrize(("number", "when"), _every_crash(_calls_of_escalate()))
def test_l2_a_second_escalate_in_the_middle_of_the_first(number: int, when: When) -> None:
    world = World()
    _book(world)
    world.sweep()(FIRST)
    world.sqs.queues["escalate"].append(world.sqs.queues["escalate"][0])
    faults = Faults(number, when, instead=lambda: world.take("escalate"))
    world.take("escalate", faults)
    assert faults.happened
    world.work_off()
    assert world.totals(FIRST).looked_at == 3
    assert world.totals(FIRST).acted == 3
    runs = [FIRST, *_later_runs(world, again="at once")]
    _assert_quiet(world, runs)
    assert _assert_one_contact(world, "email", "friendly", world.ses) == "sent"
    assert _assert_one_contact(world, "sms", "friendly", world.sns) == "sent"
    _assert_one_task(world)


def test_l2_every_message_comes_twice() -> None:
    world = World()
    _book(world)
    world.clock.at = FIRST
    world.sweep()(FIRST)
    world.sweep()(FIRST)
    while found := world.waiting():
        queue = world.sqs.queues[found[0]]
        queue.appendleft(queue[0])
        world.take(found[0])
        world.take(found[0])
    assert world.totals(FIRST).looked_at == 3
    runs = [FIRST, *_later_runs(world, again="at once")]
    _assert_quiet(world, runs)
    assert _assert_one_contact(world, "email", "friendly", world.ses) == "sent"
    assert _assert_one_contact(world, "sms", "friendly", world.sns) == "sent"
    _assert_one_task(world)


def test_every_queue_message_is_lost() -> None:
    """Whatever was planned and never delivered is found again by a later run."""
    world = World()
    _book(world)
    world.sweep()(FIRST)
    world.take("escalate")
    for channel in CHANNELS:
        world.sqs.queues[channel].clear()
    runs = [FIRST, *_later_runs(world, again="at once")]
    _assert_quiet(world, runs)
    assert _assert_one_contact(world, "email", "friendly", world.ses) == "sent"
    assert _assert_one_contact(world, "sms", "friendly", world.sns) == "sent"
    _assert_one_task(world)
