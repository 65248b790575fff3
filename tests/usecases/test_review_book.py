"""The daily review: an experiment that hurts is ended, and people are asked about credit, once."""

from contextlib import suppress
from datetime import date, datetime, timedelta

import pytest
from msgspec.structs import replace

from escalon.domain.account import Account, Behaviour, Trial
from escalon.domain.rules.credit import Proposal, review
from escalon.domain.rules.rulebook import Arm, CreditRules, Experiment, RiskModel
from escalon.usecases.operators.acts import Person
from escalon.usecases.runs.manage_brakes import ManageBrakes, Stop, read_brakes
from escalon.usecases.runs.review_book import ReviewBook, Reviewed, is_due, turn_of
from tests.doubles.crashing import Crash, Faults
from tests.doubles.world import NOW, OneRulebook, World, debtor, receivable, rulebook

MODEL = RiskModel(
    "test-1", {"share_late": 1}, {"low": 2_500, "medium": 5_000, "high": 10_001}, expected=3_000
)
RULES = CreditRules(
    every_days=1, lower=("high",), higher=("low",), terms_days={"high": 15, "medium": 30}
)
GOOD = Behaviour(settled=20, recent=(0,) * 8)
BAD = Behaviour(settled=20, late=18, late_days=400, recent=(20,) * 8)


def graded(**more: object) -> Account:
    """Somebody with COP 100,000 open of a limit of COP 120,000."""
    made: dict[str, object] = {"credit_limits": {"COP": 12_000_000}, "terms_days": 60, **more}
    return replace(debtor("a1", receivable()), **made)


# -------------------------------------------------------------------------------- what is proposed


def test_a_bad_grade_asks_for_a_lower_limit_and_shorter_terms() -> None:
    found = review(graded(behaviour=BAD), MODEL, RULES)
    assert found.grade == "high"
    assert found.proposals == (
        Proposal("limit", 12_000_000, 9_000_000, ("bad_grade",), "COP"),
        Proposal("terms", 60, 15, ("terms_too_long",)),
    )


def test_whoever_owes_more_than_the_limit_is_told_so() -> None:
    (limit, _) = review(
        graded(behaviour=BAD, credit_limits={"COP": 9_999_999}), MODEL, RULES
    ).proposals
    assert limit.because == ("bad_grade", "limit_exceeded")
    assert limit.proposed == 7_499_900  # whole pesos, rounded down


@pytest.mark.parametrize(("limit", "proposed"), [(12_500_000, 15_625_000), (12_500_001, None)])
def test_a_good_grade_that_uses_its_limit_may_have_more(limit: int, proposed: int | None) -> None:
    """From 80 % of the limit on: at and below."""
    found = review(
        graded(behaviour=GOOD, credit_limits={"COP": limit}, terms_days=None), MODEL, RULES
    )
    assert [p.proposed for p in found.proposals] == ([proposed] if proposed else [])


def test_of_whom_nobody_knows_a_grade_nothing_is_proposed() -> None:
    assert review(graded(), MODEL, RULES).proposals == ()


def test_what_the_source_states_counts_as_the_grade() -> None:
    assert review(graded(risk="high"), MODEL, RULES).grade == "high"


# ------------------------------------------------------------------------------------- turns


def test_every_account_has_its_turn_once_in_so_many_days() -> None:
    for number in range(50):
        days = [
            turn_of(f"a{number}", 30, date(2026, 9, 1) + timedelta(days=n))[1] for n in range(30)
        ]
        assert sorted(days) == list(range(30))


def test_turns_are_spread_over_the_days() -> None:
    today = [turn_of(f"a{number}", 30, date(2026, 9, 7))[1] == 0 for number in range(3_000)]
    assert 60 < sum(today) < 140


def test_a_missed_turn_is_made_up_for_within_two_days() -> None:
    rules = replace(RULES, every_days=30)
    who = graded()
    due = [is_due(who, rules, date(2026, 9, 1) + timedelta(days=n)) for n in range(30)]
    assert sum(due) == 3
    assert not is_due(debtor(), rules, date(2026, 9, 7))  # no limit and no terms


# ------------------------------------------------------------------------------------ the book


def world_with(*accounts: Account, experiment: Experiment | None = None) -> World:
    world = World()
    rules = replace(
        rulebook(), risk=MODEL, credit=RULES, experiments=(experiment,) if experiment else ()
    )
    world.rulebooks = OneRulebook(rules)
    for account in accounts:
        world.put(account)
    return world


def reviewed(world: World, faults: Faults | None = None) -> Reviewed:
    table = world._table(faults or Faults())
    manage = ManageBrakes(table, world.rulebooks, world.clock)

    def end(name: str, why: str) -> None:
        manage.stop(Stop(f"ended-{name}", why, "experiment", name), Person("escalon"))

    return ReviewBook(table, world.rulebook, world.clock, end, world.report)()


def test_a_person_is_asked_and_nothing_is_changed() -> None:
    world = world_with(graded(behaviour=BAD))
    assert reviewed(world).asked == 1
    (task,) = world.tasks()
    assert (task["kind"], task["grade"], task["model"]) == ("credit_review", "high", "test-1")
    assert task["proposals"][0]["proposed"] == 9_000_000
    assert task["factors"][0]["figures"] == {"late": 18, "settled": 20}
    account = world.account()
    assert (account.credit_limits, account.terms_days) == ({"COP": 12_000_000}, 60)
    assert [fact["task"] for fact in world.facts("a1", "opened")] == ["credit_review"]
    stored = world.table.get("a1")
    assert stored is not None
    assert stored.look_at == "2026-09-07T14:00:00Z"  # its place in the due index is what it was


def test_nobody_is_asked_twice_in_one_turn() -> None:
    world = world_with(graded(behaviour=BAD))
    assert [reviewed(world).asked, reviewed(world).asked] == [1, 0]
    world.clock.at += timedelta(days=1)  # every day is a turn by these rules
    assert reviewed(world).asked == 1
    assert len(world.tasks()) == 2


def test_a_crash_at_any_write_asks_everybody_once() -> None:
    for crash in range(1, 12):
        for when in ("before", "after"):
            accounts = [replace(graded(behaviour=BAD), account_id=f"a{n}") for n in range(3)]
            world = world_with(*accounts)
            with suppress(Crash):
                reviewed(world, Faults(crash, when))  # type: ignore[arg-type]
            reviewed(world)
            asked = [task["account_id"] for task in world.tasks()]
            assert sorted(asked) == ["a0", "a1", "a2"], (crash, when)


def test_without_rules_for_it_nothing_is_looked_at() -> None:
    world = world_with(graded(behaviour=BAD))
    world.rulebooks = OneRulebook(replace(rulebook(), risk=None, credit=None))
    assert reviewed(world) == Reviewed()


# --------------------------------------------------------------------------------- experiments


TRIED = Experiment(
    experiment="sooner",
    condition=["anyone"],
    first_day=date(2026, 9, 1),
    last_day=date(2026, 10, 31),
    arms=(Arm("champion", 5_000, "plain"), Arm("sooner", 5_000, "plain")),
    within_days=30,
    recovered=10_000,
    baseline=6_000,
    detects=500,
    guard_rails={"complaints": 1_000},
    guarded_from=5,
)


def tried(number: int, *, complained: bool) -> Account:
    entered: datetime = NOW - timedelta(days=2)
    trial = Trial("sooner", entered, entered + timedelta(days=30), {"COP": 1}, {}, complained)
    return replace(debtor(f"a{number}"), trials={"sooner": trial})


def test_an_experiment_that_breaks_a_guard_rail_is_ended() -> None:
    world = world_with(*(tried(n, complained=n < 2) for n in range(10)), experiment=TRIED)
    assert reviewed(world).ended == ("sooner",)
    (brake,) = read_brakes(world.table).brakes
    assert (brake.kind, brake.name, brake.by) == ("experiment", "sooner", "escalon")
    assert brake.why == "guard rails broken: complaints of sooner"
    (act,) = world.table.acts(NOW.date(), NOW.date())
    assert (act.who, act.did, act.about) == ("escalon", "stopped", {"brake": "experiment:sooner"})
    assert reviewed(world).ended == ()  # it is ended once


def test_one_that_breaks_none_goes_on() -> None:
    world = world_with(*(tried(n, complained=n < 1) for n in range(10)), experiment=TRIED)
    assert reviewed(world).ended == ()
    assert read_brakes(world.table).brakes == ()


def test_before_its_first_day_and_after_its_last_nobody_looks() -> None:
    world = world_with(*(tried(n, complained=True) for n in range(10)), experiment=TRIED)
    for at in (NOW - timedelta(days=30), NOW + timedelta(days=120)):
        world.clock.at = at
        assert reviewed(world).ended == ()
