"""Holds that people place and end: the account rests and goes on, and nothing is done twice."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from escalon.adapters.table import Table
from escalon.domain.account import Hold
from escalon.domain.decisions.engine import decide
from escalon.domain.holds import HoldProblem
from escalon.domain.rules.rulebook import HoldKind, Rulebook
from escalon.usecases.manage_holds import (
    EndHold,
    HoldRefusedError,
    ManageHolds,
    PlaceHold,
)
from escalon.usecases.operators.acts import Person
from tests.doubles.crashing import Crash, Crashing, Faults, When
from tests.doubles.world import NOW, TABLE, World, debtor, receivable, rulebook

ANA = Person("arn:aws:iam::1:user/ana", "collector")
TODAY = date(2026, 9, 7)
RULES = replace(
    rulebook(),
    holds={"dispute": HoldKind(60, "dispute_open"), "vulnerable": HoldKind(90, "vulnerable")},
)
DISPUTE = PlaceHold("k1", "calls the invoice wrong", "a1", "dispute", owner="claims", note="asks")


def rules(_: str = "") -> Rulebook:
    return RULES


def manage(world: World, faults: Faults | None = None) -> ManageHolds:
    table = world.table
    if faults:
        table = Table(Crashing(world.dynamo, faults), TABLE, 1, pause=lambda _: None)
    return ManageHolds(table, world.clock, rules)


def owing() -> World:
    world = World()
    world.put(debtor("a1", receivable("r1"), receivable("r2")), NOW + timedelta(days=3))
    return world


def test_a_hold_rests_the_account_and_wakes_it_on_the_day_on_which_it_ends() -> None:
    world = owing()
    done = manage(world).place(replace(DISPUTE, ends_on=date(2026, 9, 20)), ANA)
    assert done.kept.hold == Hold(
        "hold-k1", "dispute", TODAY, date(2026, 9, 20), None, "operator", "asks", "claims"
    )
    stored = world.table.get("a1")
    assert stored is not None
    assert stored.look_at == "2026-09-07T15:00:00Z"  # at once: what was planned has to be stopped
    decision = decide(stored.account, RULES, NOW)
    assert decision.outcome == "hold"
    assert decision.reasons[0].code == "account_hold"
    assert decision.next_look_at is not None
    assert decision.next_look_at.date() == date(2026, 9, 20)
    assert decide(stored.account, RULES, decision.next_look_at).outcome != "hold"


def test_who_places_a_hold_when_and_why_is_kept_and_the_ledger_is_not_touched() -> None:
    world = owing()
    before = [r.open_minor for r in world.account().receivables]
    manage(world).place(DISPUTE, ANA)
    (act,) = world.table.acts(TODAY, TODAY)
    assert (act.did, act.who, act.role, act.why) == (
        *("hold_placed", "arn:aws:iam::1:user/ana", "collector"),
        "calls the invoice wrong",
    )
    assert act.about == {"account_id": "a1", "hold_id": "hold-k1"}
    (fact,) = world.facts("a1", "hold_placed")
    assert (fact["kind"], fact["ends_on"], fact["by"]) == ("dispute", "2026-11-06", ANA.who)
    assert "invoice" not in str(fact)
    assert "asks" not in str(fact)
    assert world.table.entries("a1") == []
    assert [r.open_minor for r in world.account().receivables] == before


def test_one_receivable_rests_and_the_others_do_not() -> None:
    world = owing()
    manage(world).place(replace(DISPUTE, receivable_id="r1"), ANA)
    decision = decide(world.account(), RULES, NOW)
    assert decision.outcome == "act"
    assert decision.receivable_id == "r2"


def test_a_receivable_that_the_account_does_not_have_cannot_rest() -> None:
    world = owing()
    with pytest.raises(HoldRefusedError) as refusal:
        manage(world).place(replace(DISPUTE, receivable_id="r9"), ANA)
    assert refusal.value.fault == "not_found"
    assert refusal.value.problems == (HoldProblem("receivable_id", "not_found"),)
    assert world.account().holds == ()


def test_a_person_ends_a_hold_and_the_account_goes_on_at_once() -> None:
    world = owing()
    holds = manage(world)
    holds.place(DISPUTE, ANA)
    world.clock.at = NOW + timedelta(days=2)
    done = holds.end(EndHold("k2", "the invoice is right", "a1", "hold-k1"), ANA)
    assert done.kept.hold.ends_on == date(2026, 9, 9)
    assert (done.kept.placed_why, done.kept.ended_why, done.kept.ended_by) == (
        *("calls the invoice wrong", "the invoice is right"),
        ANA.who,
    )
    assert decide(world.account(), RULES, world.clock.at).outcome == "act"
    assert holds.list_of("a1") == (done.kept,)
    with pytest.raises(HoldRefusedError) as refusal:
        holds.end(EndHold("k3", "again", "a1", "hold-k1"), ANA)
    assert refusal.value.problems == (HoldProblem("hold_id", "ended", date(2026, 9, 9)),)


def test_a_hold_that_a_file_brought_is_listed_and_can_be_ended() -> None:
    world = World()
    brought = Hold("erp-7", "dispute", date(2026, 9, 1), source="erp")
    world.put(replace(debtor("a1"), holds=(brought,)))
    (listed,) = manage(world).list_of("a1")
    assert (listed.hold.ends_on, listed.rests, listed.placed_by) == (date(2026, 10, 31), True, "")
    manage(world).end(EndHold("k2", "settled with the shop", "a1", "erp-7"), ANA)
    (listed,) = manage(world).list_of("a1")
    assert (listed.hold.ends_on, listed.rests) == (date(2026, 9, 7), False)


def test_an_exclusion_is_not_ended_as_a_hold() -> None:
    world = World()
    world.put(replace(debtor("a1"), holds=(Hold("excluded", "excluded", TODAY),)))
    with pytest.raises(HoldRefusedError) as refusal:
        manage(world).end(EndHold("k2", "why not", "a1", "excluded"), ANA)
    assert refusal.value.problems == (HoldProblem("hold_id", "excluded"),)


def test_repeated_with_its_key_an_act_does_nothing_and_says_what_was_done() -> None:
    world = owing()
    holds = manage(world)
    first = holds.place(DISPUTE, ANA)
    again = holds.place(replace(DISPUTE, why="in other words"), ANA)
    assert (again.kept, again.again) == (first.kept, True)
    assert len(world.account().holds) == 1
    with pytest.raises(HoldRefusedError) as refusal:
        holds.place(replace(DISPUTE, kind="vulnerable"), ANA)
    assert refusal.value.problems == (HoldProblem("key", "other_act"),)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 8))
def test_a_crash_at_any_call_leaves_one_hold_or_none(number: int, when: When) -> None:
    world = owing()
    faults = Faults(number, when)
    try:
        manage(world, faults).place(DISPUTE, ANA)
    except Crash:
        assert len(world.account().holds) in (0, 1)
    manage(world).place(DISPUTE, ANA)
    assert len(world.account().holds) == 1
    assert len(list(world.table.acts(TODAY, TODAY))) == 1
    assert len(world.facts("a1", "hold_placed")) == 1


def test_somebody_else_who_changes_the_account_is_not_overwritten() -> None:
    world = owing()

    def meanwhile() -> None:
        stored = world.table.get("a1")
        assert stored is not None
        world.put(replace(stored.account, name="Ana María Gómez"))

    manage(world, Faults(2, "after", meanwhile)).place(DISPUTE, ANA)
    assert world.account().name == "Ana María Gómez"
    assert len(world.account().holds) == 1


def test_who_owes_nothing_is_not_looked_at_for_a_hold() -> None:
    world = World()
    world.put(replace(debtor("a1"), receivables=()), None)
    manage(world).place(DISPUTE, ANA)
    stored = world.table.get("a1")
    assert stored is not None
    assert stored.look_at == ""


def test_there_is_no_such_account() -> None:
    with pytest.raises(HoldRefusedError) as refusal:
        manage(World()).place(DISPUTE, ANA)
    assert refusal.value.fault == "not_found"
