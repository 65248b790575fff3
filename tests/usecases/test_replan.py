"""After a change of rules: who is due at once, what is withdrawn, and what stays as it is."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.domain.rules.rollout import Rollout
from escalon.domain.rules.rulebook import Publishing, Rulebook, version_of
from escalon.usecases.messages_between import ReplanShard
from escalon.usecases.runs.books import Page, Totals
from escalon.usecases.runs.replan import Replan
from tests.doubles.crashing import Crash, Faults
from tests.doubles.world import NOW, OneRulebook, World, debtor, receivable, rulebook

SOON = NOW + timedelta(hours=1)
PLENTY = timedelta(minutes=5)


def edited(*, day: int, step: str = "firm") -> Rulebook:
    """The rulebook with one step on another day."""
    base = rulebook()
    ladders = tuple(
        replace(
            ladder,
            steps=tuple(replace(s, day=day) if s.step == step else s for s in ladder.steps),
        )
        for ladder in base.strategies
    )
    made = replace(base, strategies=ladders, publishing=Publishing())
    return replace(made, version=version_of(made))


EARLIER = edited(day=5)  # firm on day 5 instead of 10
LATER = edited(day=15)


class Stack:
    """A world in which another rulebook takes over."""

    def __init__(self) -> None:
        self.world = World()
        self.world.rulebooks = OneRulebook(rulebook(), EARLIER, LATER)

    def replan(
        self, after: Rollout, *, faults: Faults | None = None, left: timedelta = PLENTY
    ) -> Totals:
        self.world.rulebooks.rolling = after
        world = self.world
        queue = world.queue("replan", faults)
        use = Replan(world._table(faults or Faults()), world.rulebooks, queue, world.report)
        shard = ReplanShard("2026-09-07T15:00:00Z-rules-2", world.clock.at, "due#000", after)
        return use(shard, lambda: left)

    def look_at(self, account_id: str = "a1") -> str:
        stored = self.world.table.get(account_id)
        assert stored is not None
        return stored.look_at


@pytest.fixture
def stack() -> Stack:
    """Somebody three days late got the friendly letter in the run of NOW."""
    made = Stack()
    made.world.put(debtor())
    made.world.run(NOW)
    made.world.arrived()
    assert [m["step"] for m in made.world.messages()] == ["friendly"]
    assert made.world.account().ruled_by == rulebook().version
    return made


def test_whom_the_new_rules_want_earlier_is_due_at_once(stack: Stack) -> None:
    before = stack.look_at()
    stack.world.clock.at = SOON
    totals = stack.replan(Rollout(EARLIER.version))
    assert (totals.looked_at, totals.acted, totals.waited) == (1, 1, 0)
    assert stack.look_at() == "2026-09-07T16:00:00Z" < before
    told = stack.world.facts("a1", "replanned")
    assert [fact["rulebook"] for fact in told] == [EARLIER.version]
    stack.world.run(SOON)
    assert stack.world.account().ruled_by == EARLIER.version
    stack.world.run(NOW + timedelta(days=4))  # the seventh day
    assert [m["step"] for m in stack.world.messages()] == ["friendly", "firm"]


def test_without_the_replan_it_would_be_looked_at_too_late(stack: Stack) -> None:
    """What the whole run is for."""
    stack.world.rulebooks.rolling = Rollout(EARLIER.version)
    stack.world.run(NOW + timedelta(days=4))
    assert [m["step"] for m in stack.world.messages()] == ["friendly"]


def test_whom_they_want_later_stays_and_costs_no_write(stack: Stack) -> None:
    before = stack.world.table.get("a1")
    totals = stack.replan(Rollout(LATER.version))
    assert (totals.acted, totals.waited) == (0, 1)
    assert stack.world.table.get("a1") == before


def test_what_was_planned_and_not_claimed_is_withdrawn_and_decided_again(stack: Stack) -> None:
    at = NOW + timedelta(days=7)
    stack.world.clock.at = at
    stack.world.sweep()(at)
    stack.world.take("escalate")  # planned by the old rulebook, and still on its queue
    (intent,) = stack.world.account().intents
    assert (intent.step, intent.rulebook) == ("firm", rulebook().version)
    assert stack.replan(Rollout(LATER.version)).acted == 1
    assert stack.world.account().intents == ()
    stack.world.work_off()
    stack.world.run(at + timedelta(hours=1))
    assert [m["step"] for m in stack.world.messages()] == ["friendly"]
    assert len(stack.world.facts("a1", "withdrawn")) == 1


def test_what_accounts_may_keep_stands_until_their_next_step(stack: Stack) -> None:
    after = Rollout(EARLIER.version, keep=(rulebook().version,))
    stack.world.clock.at = SOON
    assert stack.replan(after).acted == 0
    stack.world.run(NOW + timedelta(days=4))  # the new rules' day of firm
    assert [m["step"] for m in stack.world.messages()] == ["friendly"]
    stack.world.run(NOW + timedelta(days=7))  # their own: decided and written by the old ones
    assert [(m["step"], m["rulebook"]) for m in stack.world.messages()] == [
        ("friendly", rulebook().version),
        ("firm", rulebook().version),
    ]
    assert stack.world.account().ruled_by == EARLIER.version  # from here on the new ones


def test_who_waits_for_their_first_step_moves_at_once() -> None:
    stack = Stack()
    stack.world.put(debtor("a1", receivable(late=1)))
    stack.world.run(NOW)
    assert stack.world.messages() == []
    early = edited(day=1, step="friendly")
    stack.world.rulebooks.known[early.version] = early
    after = Rollout(early.version, keep=(rulebook().version,))
    assert stack.replan(after).acted == 1


def test_only_the_canarys_side_is_looked_at_by_its_rules() -> None:
    stack = Stack()
    names = [f"a{number:02}" for number in range(40)]
    for name in names:
        stack.world.put(debtor(name))
    stack.world.run(NOW)
    stack.world.arrived()
    after = Rollout(rulebook().version, EARLIER.version, 3_000)
    stack.world.clock.at = SOON
    totals = stack.replan(after)
    canary = {name for name in names if after.on_canary(name)}
    assert 4 < len(canary) < 25
    assert (totals.acted, totals.waited) == (len(canary), 40 - len(canary))
    stack.world.run(SOON)
    stack.world.run(NOW + timedelta(days=4))
    firm = {m["account_id"] for m in stack.world.messages() if m["step"] == "firm"}
    assert firm == canary
    assert {stack.world.account(n).ruled_by for n in canary} == {EARLIER.version}
    assert {stack.world.account(n).ruled_by for n in set(names) - canary} == {rulebook().version}


def test_a_run_that_has_begun_goes_on_with_what_it_was_pinned_to() -> None:
    stack = Stack()
    stack.world.put(debtor())
    stack.world.sweep()(NOW)
    stack.world.rulebooks.rolling = Rollout(EARLIER.version)
    stack.world.work_off()
    (message,) = stack.world.messages()
    assert message["rulebook"] == rulebook().version


def test_the_same_shard_twice_changes_nothing_more(stack: Stack) -> None:
    stack.world.clock.at = SOON
    stack.replan(Rollout(EARLIER.version))
    once = stack.world.table.get("a1")
    totals = stack.replan(Rollout(EARLIER.version))
    assert (totals.acted, totals.waited) == (0, 1)
    assert stack.world.table.get("a1") == once


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 6))
def test_whatever_dies_the_next_try_ends_it(stack: Stack, call: int, when: Any) -> None:
    stack.world.clock.at = SOON
    try:
        stack.replan(Rollout(EARLIER.version), faults=Faults(call, when))
    except Crash:
        stack.replan(Rollout(EARLIER.version))
    assert stack.look_at() == "2026-09-07T16:00:00Z"
    assert len(stack.world.facts("a1", "replanned")) == 1
    documents = stack.world.table.documents("RUN#2026-09-07T15:00:00Z-rules-2", "P#")
    assert sum(msgspec.convert(d, Page).totals.looked_at for d in documents) >= 1  # type: ignore[union-attr] # it is closed


def test_money_that_comes_meanwhile_is_not_overwritten(stack: Stack) -> None:
    def paid() -> None:
        world = stack.world
        stored = world.table.get("a1")
        assert stored is not None
        world.put(replace(stored.account, receivables=()), None)

    stack.world.clock.at = SOON
    trial = Faults()
    probe = Stack()
    probe.world.put(debtor())
    probe.world.run(NOW)
    probe.world.clock.at = SOON
    probe.replan(Rollout(EARLIER.version), faults=trial)
    write = trial.calls.index("batch_execute_statement") + 1
    totals = stack.replan(Rollout(EARLIER.version), faults=Faults(write, "before", paid))
    assert stack.world.account().receivables == ()
    assert stack.look_at() == ""
    assert (totals.acted, totals.waited) == (0, 1)


def test_a_long_shard_is_handed_over_and_ends() -> None:
    stack = Stack()
    for number in range(300):
        stack.world.put(debtor(f"a{number:03}"), NOW + timedelta(days=30, minutes=number))
    after = Rollout(EARLIER.version)
    first = stack.replan(after, left=timedelta(seconds=5))
    assert first.looked_at == 250
    (body,) = stack.world.sqs.queues["replan"]
    message = msgspec.json.decode(body, type=ReplanShard)
    assert message.hop == 1
    use = Replan(
        stack.world.table, stack.world.rulebooks, stack.world.queue("replan"), stack.world.report
    )
    assert use(message, lambda: PLENTY).looked_at == 50
    assert stack.world.table.load(f"RUN#{message.run_id}", "S#due#000") is not None
