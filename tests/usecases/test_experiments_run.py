"""An experiment through the whole system: who enters, what goes out, what stops it."""

from datetime import date, timedelta

from msgspec.structs import replace

from escalon.domain.rules.experiments import arm_of
from escalon.domain.rules.rulebook import Arm, Experiment, Rulebook
from escalon.usecases.operators.acts import Person
from escalon.usecases.runs.manage_brakes import ManageBrakes, Stop
from tests.doubles.world import NOW, OneRulebook, World, debtor, rulebook

DAY = timedelta(days=1)


def rules(*arms: Arm) -> Rulebook:
    """The tests' ladder as the champion, and the same under another name as the challenger."""
    (plain,) = (s for s in rulebook().strategies if s.condition == ["anyone"])
    steps = tuple(replace(step, step=f"new-{step.step}", needs=None) for step in plain.steps)
    new = replace(plain, strategy="new", condition=["nobody"], steps=steps)
    tried = Experiment(
        experiment="tried",
        condition=["anyone"],
        first_day=date(2026, 9, 1),
        last_day=date(2026, 12, 31),
        arms=(Arm("champion", 5_000, plain.strategy), *arms),
        within_days=30,
        recovered=10_000,
        baseline=6_000,
        detects=500,
    )
    strategies = (*(s for s in rulebook().strategies if s != plain), plain, new)
    return replace(rulebook(), strategies=strategies, experiments=(tried,), version="tried")


CHALLENGER, HOLD_OUT = Arm("new", 5_000, "new"), Arm("hold-out", 5_000, "plain", 30)


def world_of(arm: Arm) -> tuple[World, str]:
    """A world with one debtor who falls to this arm."""
    world = World()
    book = rules(arm)
    world.rulebooks = OneRulebook(book)
    account_id = next(
        name for n in range(100) if arm_of(book.experiments[0], name := f"a{n}").arm == arm.arm
    )
    world.put(debtor(account_id))
    return world, account_id


def test_a_challengers_debtor_enters_with_the_first_run_and_gets_its_message() -> None:
    world, account_id = world_of(CHALLENGER)
    world.run(NOW)
    (message,) = world.messages()
    assert message["step"] == "new-friendly"
    trial = world.account(account_id).trials["tried"]
    assert (trial.arm, trial.entered_at, trial.owed_minor) == ("new", NOW, {"COP": 100_000_00})
    (decided,) = world.facts(account_id, "decided")
    assert decided["trials"] == {"tried": "new"}
    world.run(NOW + 8 * DAY)
    assert world.account(account_id).trials == {"tried": trial}


def test_a_hold_outs_debtor_enters_and_hears_nothing_for_its_days() -> None:
    world, account_id = world_of(HOLD_OUT)
    for day in range(30):
        world.run(NOW + day * DAY)
    assert world.messages() == []
    assert world.tasks() == []
    assert world.account(account_id).trials["tried"].arm == "hold-out"
    world.run(NOW + 30 * DAY)
    assert len(world.messages()) + len(world.tasks()) == 1


def test_what_was_planned_by_an_experiment_that_is_ended_meanwhile_does_not_go_out() -> None:
    """The last look is given the brake, and finds the champion's step instead (invariant 2)."""
    world, account_id = world_of(CHALLENGER)
    world.clock.at = NOW
    world.sweep()(NOW)
    world.work_off("escalate")
    manage = ManageBrakes(world.table, world.rulebooks, world.clock)
    manage.stop(Stop("k1", "complaints", "experiment", "tried"), Person("escalon"))
    world.work_off()
    assert world.messages() == []
    assert len(world.facts(account_id, "withdrawn")) == 1
    world.run(NOW + timedelta(minutes=15))
    assert [message["step"] for message in world.messages()] == ["friendly"]
