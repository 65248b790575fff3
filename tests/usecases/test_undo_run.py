"""Undo a run: what it made is taken back by entries, once, however often and wherever it was cut
short; what went out gets the draft of a correction (lesson L8)."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.authoring.rulebook import sealed
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.story import timeline
from escalon.usecases.operators.acts import ActRefusedError
from escalon.usecases.runs.manage_brakes import Stop
from escalon.usecases.runs.undo_run import Became, UndoRun, UndoRuns
from tests.doubles.crashing import Crash, Faults
from tests.doubles.world import NOW, OneRulebook, World, debtor, point, receivable, rulebook
from tests.usecases.test_co_debtor_messages import (
    SECOND_RUN,
    first_told,
    followed,
    sent_to,
    to_beto,
)
from tests.usecases.test_manage_brakes import ANA, manage

RUN = "2026-09-07T15:00:00Z"
LATER = NOW + timedelta(hours=2)
ORDER = UndoRun("u1", "the wrong ladder", RUN)
TO_BETO = UndoRun("u2", "nobody signed for it", "2026-09-07T15:15:00Z", sure=True)


def undo(world: World, faults: Faults | None = None, order: UndoRun = ORDER) -> Became:
    table = world._table(faults or Faults())
    return UndoRuns(table, world.rulebooks, world.clock)(order, ANA)


def with_fee(minor: int) -> OneRulebook:
    (strategy,) = rulebook().strategies
    steps = tuple(
        replace(step, fee_minor={"COP": minor}) if step.step == "friendly" else step
        for step in strategy.steps
    )
    return OneRulebook(sealed(replace(rulebook(), strategies=(replace(strategy, steps=steps),))))


def stopped_after(world: World) -> World:
    """The run is over, and somebody has stopped everything."""
    world.run(NOW)
    world.clock.at = LATER
    manage(world).stop(Stop("s1", "the wrong ladder", "all", tasks=True), ANA)
    return world


def one_of_each() -> World:
    world = World()
    world.rulebooks = with_fee(5_000_00)
    world.owe(receivable("r1"), account_id="mail")
    world.owe(receivable("r2", late=21), account_id="call")
    world.owe(receivable("r3", late=1), account_id="early")
    return stopped_after(world)


# ---------------------------------------------------------------------------------- what is undone


def test_steps_fees_and_tasks_go_back_and_nothing_is_deleted() -> None:
    world = one_of_each()
    assert world.account("mail").receivables[0].extras == {"fee": 5_000_00}
    before = len(world.table.entries("mail"))
    became = undo(world)
    assert (became.steps, became.tasks, became.fees, became.corrections) == (2, 1, 1, 1)
    assert (became.accounts, became.finished, became.not_undone) == (2, True, ())
    owed = world.account("mail").receivables[0]
    assert (owed.open_minor, owed.extras) == (100_000_00, {})
    assert owed.steps["friendly"].state == "undone"
    entries = world.table.entries("mail")
    assert len(entries) == before + 1
    assert sorted(e.amount_minor for e in entries if e.component == "fee") == [-5_000_00, 5_000_00]
    (call,) = [task for task in world.tasks() if task["kind"] == "call"]
    assert (call["outcome"], call["closed_by"]) == ("undone", ANA.who)
    assert "call" not in {task["kind"] for task in world.table.listed("tasks")}
    assert world.account("early").receivables[0].steps == {}
    (fact,) = world.facts("mail", "undone")
    assert (fact["run_id"], fact["by"], fact["act"]) == (RUN, ANA.who, "u1")
    assert "wrong ladder" not in repr(fact)
    (line,) = timeline([fact], locale="es-CO", zones=("America/Bogota",))
    assert line.kind == "act"
    assert line.said == (
        f"{ANA.who} revirtió lo que hizo el barrido del lunes 7 de septiembre de 2026, 10:00"
    )


def test_the_debtor_keeps_having_been_contacted() -> None:
    """What was said is said: the contact policy goes on from there (Ley 2300 counts it)."""
    world = one_of_each()
    undo(world)
    assert len(world.account("mail").contacts) == 1
    (message,) = world.messages()
    assert message["state"] == "sent"


def test_a_message_that_went_out_gets_a_draft_that_a_person_approves() -> None:
    world = one_of_each()
    undo(world)
    (task,) = [t for t in world.table.listed("tasks") if t["kind"] == "correction"]
    (message,) = world.messages()
    assert task["about"] == message["message_id"]
    assert task["draft"] == {
        "language": "en",
        "subject": "Correction of our message of 7 September 2026",
        "text": "Dear Ana Gómez,\n\n"
        "On 7 September 2026 we sent you a message by e-mail on behalf of Almacenes Andina that "
        "should not have been sent. Please disregard it: you do not have to do anything because "
        "of it.\n\n"
        "If you have any questions, write to us at atencion@andina.example.com or call us at "
        "+57 601 000 0001. We apologise.\n\n"
        "Almacenes Andina",
    }
    assert len(world.ses.calls) == 1  # nobody but a person sends it


def test_a_message_that_reached_nobody_needs_no_correction() -> None:
    world = World()
    world.put(debtor("a1", points=(point("email"),)))
    world.run(NOW)
    (message,) = world.messages()
    document = {**message, "state": "bounced"}
    world.table.save(world.table.put_document("A#a1", f"M#{message['message_id']}", document))
    world.clock.at = LATER
    became = undo(world, order=replace(ORDER, sure=True))
    assert became.corrections == 0
    assert world.tasks() == []


def test_after_a_complaint_nothing_may_follow_and_that_is_listed() -> None:
    world = World()
    world.put(debtor("a1", points=(point("email"),)))
    world.run(NOW)
    (message,) = world.messages()
    document = {**message, "state": "complained"}
    world.table.save(world.table.put_document("A#a1", f"M#{message['message_id']}", document))
    world.clock.at = LATER
    became = undo(world, order=replace(ORDER, sure=True))
    assert became.corrections == 0
    assert became.not_undone == (f"a1: complained, nothing may follow it: {message['message_id']}",)


def test_what_was_planned_and_has_not_left_does_not_leave() -> None:
    world = World()
    world.put(debtor("a1", points=(point("email"),)))
    world.sweep()(NOW)
    world.work_off("escalate")
    world.clock.at = LATER
    became = undo(world, order=replace(ORDER, sure=True))
    assert (became.withdrawn, became.steps) == (1, 0)
    world.work_off()
    assert world.ses.calls == []


def test_a_fee_that_was_paid_is_listed_since_only_a_person_can_refund_it() -> None:
    world = one_of_each()
    stored = world.table.get("mail")
    assert stored is not None
    owed = stored.account.receivables[0]
    half = replace(owed, extras={"fee": 2_000_00}, open_minor=owed.open_minor - 3_000_00)
    world.put(replace(stored.account, receivables=(half,)))
    became = undo(world)
    (listed,) = became.not_undone
    assert listed.startswith("mail: a fee that was paid: e")
    assert world.account("mail").receivables[0].extras == {}


def test_a_later_run_is_not_touched() -> None:
    world = World()
    world.put(debtor("a1", receivable(late=9), points=(point("email"),)))
    world.run(NOW)
    world.arrived()
    second = NOW + timedelta(days=4)
    world.run(second)
    states = {n: r.state for n, r in world.account("a1").receivables[0].steps.items()}
    assert set(states) == {"friendly", "firm"}
    world.clock.at = second + timedelta(hours=2)
    undo(world, order=replace(ORDER, sure=True))
    after = world.account("a1").receivables[0].steps
    assert (after["friendly"].state, after["firm"].state) == ("undone", "sent")
    assert world.account("a1").ladders["andina"].last_step == "firm"


def test_feedback_that_comes_after_does_not_bring_the_step_back() -> None:
    from tests.usecases.test_record_feedback import told

    world = one_of_each()
    (message,) = world.messages()
    undo(world)
    told(world, message["message_id"], "delivered")
    assert world.account("mail").receivables[0].steps["friendly"].state == "undone"


# ---------------------------------------------------------------- co-debtors and guarantors


def both_told() -> World:
    """The first run has written to Ana, the second to Beto about Ana's debt."""
    world = first_told()
    world.run(SECOND_RUN)
    world.clock.at = LATER
    return world


def test_a_message_to_a_codebtor_gets_a_draft_in_their_name() -> None:
    world = both_told()
    became = undo(world, order=TO_BETO)
    assert (became.accounts, became.steps, became.corrections) == (1, 0, 1)
    assert became.not_undone == ()
    assert followed(world) == {"r1/friendly/b2": "undone"}
    assert world.account().receivables[0].steps["friendly"].state == "sent"
    (task,) = [t for t in world.table.listed("tasks") if t["kind"] == "correction"]
    (message,) = to_beto(world)
    assert (task["account_id"], task["about"]) == ("b2", message["message_id"])
    assert task["draft"]["text"].startswith(
        "Dear Beto Ruiz,\n\nOn 7 September 2026 we sent you a message by e-mail on behalf of "
        "Almacenes Andina that should not have been sent."
    )
    (fact,) = world.facts("a1", "undone")
    assert (fact["steps"], fact["followed"]) == ([], [message["message_id"]])
    items = world.all_items()
    assert undo(world, order=TO_BETO).corrections == 1
    assert world.all_items() == items


def test_of_a_run_that_wrote_to_the_debtor_alone_nothing_goes_back_of_the_codebtor() -> None:
    world = both_told()
    became = undo(world, order=replace(ORDER, sure=True))
    assert (became.steps, became.corrections) == (1, 1)
    assert followed(world) == {"r1/friendly/b2": "sent"}
    assert [t["account_id"] for t in world.tasks()] == ["a1"]


def test_a_codebtor_who_complained_gets_nothing_and_is_listed() -> None:
    world = both_told()
    (message,) = to_beto(world)
    name = message["message_id"]
    document = {**message, "state": "complained"}
    world.table.save(world.table.put_document("A#b2", f"M#{name}", document))
    became = undo(world, order=TO_BETO)
    assert became.corrections == 0
    assert became.not_undone == (f"a1: complained, nothing may follow it: {name}",)
    assert followed(world) == {"r1/friendly/b2": "undone"}


def test_a_codebtor_whose_debtor_has_paid_and_whose_link_is_gone_gets_a_draft_too() -> None:
    for change in ({"receivables": ()}, {"links": ()}):
        world = both_told()
        world.put(replace(world.account(), **change))
        assert undo(world, order=TO_BETO).corrections == 1


def test_a_codebtor_is_written_to_again_by_the_same_channel() -> None:
    world = both_told()
    undo(world, order=TO_BETO)
    world.run(NOW + timedelta(days=1))
    assert sent_to(world) == ["ana@example.com", "beto@example.com", "beto@example.com"]
    assert world.sns.calls == []
    assert len({m["message_id"] for m in to_beto(world)}) == 2


# ------------------------------------------------------------------------- the same as before


@settings(max_examples=12, deadline=None)
@given(
    late=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    fee=st.sampled_from([0, 5_000_00]),
    mail=st.booleans(),
)
def test_undo_then_decide_gives_what_it_gave_before(late: list[int], fee: int, mail: bool) -> None:
    """A step that was taken is due again as a further attempt; what was planned is the same."""
    world = World()
    world.rulebooks = with_fee(fee) if fee else world.rulebooks
    points = (point("email") if mail else point("sms"), point("voice"))
    world.put(debtor("a1", points=points), None)
    world.put(replace(world.account("a1"), receivables=()), None)
    for number, days in enumerate(late):
        world.owe(receivable(f"r{number}", late=days))
    rules = world.rulebook()
    before, money = world.account("a1"), world.account("a1").receivables
    was = decide(before, rules, NOW)
    world.run(NOW)
    world.clock.at = LATER
    undo(world, order=replace(ORDER, sure=True))
    after = replace(world.account("a1"), contacts=())  # what the policy counts stays counted
    now = decide(after, rules, NOW)
    seen = ("outcome", "action", "creditor", "step", "channel", "task", "receivable_id", "reasons")
    assert [getattr(now, name) for name in seen] == [getattr(was, name) for name in seen]
    sent = was.outcome == "act" and was.step != "end"
    assert now.attempt == was.attempt + (1 if sent else 0) or was.step == "end"
    if sent:
        assert now.intent_id != was.intent_id  # a further message, with a name of its own
    assert [r.open_minor for r in after.receivables] == [r.open_minor for r in money]


def test_after_an_undo_the_step_goes_again_and_costs_again_once() -> None:
    """Lesson L1: its fee stands in the ledger three times: charged, given back, charged."""
    world = World()
    world.rulebooks = with_fee(5_000_00)
    world.owe(receivable("r1"), account_id="mail")
    world.run(NOW)
    world.clock.at = LATER
    undo(world, order=replace(ORDER, sure=True))
    world.run(NOW + timedelta(days=4))
    assert len(world.ses.calls) + len(world.sns.calls) == 2
    fees = [e.amount_minor for e in world.table.entries("mail") if e.component == "fee"]
    assert sorted(fees) == [-5_000_00, 5_000_00, 5_000_00]
    assert len({m["message_id"] for m in world.messages()}) == 2


# ------------------------------------------------------------------------ once, and cut short


def test_undoing_twice_undoes_once() -> None:
    world = one_of_each()
    first = undo(world)
    items = world.all_items()
    again = undo(world)
    assert again == msgspec.structs.replace(first, again=True)
    assert world.all_items() == items
    day = LATER.date()
    assert [a.did for a in world.table.acts(day, day)] == ["stopped", "run_undone"]


def _calls() -> int:
    faults = Faults()
    undo(one_of_each(), faults)
    return len(faults.calls)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, _calls() + 1))
def test_wherever_it_is_cut_short_it_goes_on(number: int, when: Any) -> None:
    whole = one_of_each()
    undo(whole)
    world = one_of_each()
    with pytest.raises(Crash):
        undo(world, Faults(number, when))
    became = undo(world)
    assert (became.steps, became.tasks, became.fees, became.corrections) == (2, 1, 1, 1)
    assert _sense(world) == _sense(whole)


def _sense(world: World) -> dict[tuple[str, str], str]:
    """What accounts, tasks and entries say, without their versions."""
    return {
        key: str(item["doc"]) for key, item in world.all_items().items() if key[0].startswith("A#")
    }


def test_money_that_comes_in_between_is_not_lost() -> None:
    world = one_of_each()

    def pays() -> None:
        stored = world.table.get("mail")
        assert stored is not None
        owed = stored.account.receivables[0]
        less = replace(owed, open_minor=owed.open_minor - 10_000_00)
        world.put(replace(stored.account, receivables=(less,)))

    for number in range(1, _calls() + 1):
        world = one_of_each()
        undo(world, Faults(number, "before", instead=pays))
        assert world.account("mail").receivables[0].open_minor == 90_000_00


def test_it_goes_on_where_there_was_no_time_left() -> None:
    world = one_of_each()
    asked: list[datetime] = []

    def enough() -> bool:
        asked.append(NOW)
        return len(asked) > 1

    runs = UndoRuns(world.table, world.rulebooks, world.clock)
    first = runs(ORDER, ANA, enough)
    assert (first.finished, first.accounts <= 1) == (False, True)
    assert runs(ORDER, ANA).finished is True


# ---------------------------------------------------------------------------------- refusals


def test_where_the_next_run_would_do_the_same_again_it_is_refused() -> None:
    world = World()
    world.put(debtor("a1"))
    world.run(NOW)
    world.clock.at = LATER
    with pytest.raises(ActRefusedError) as refused:
        undo(world)
    assert refused.value.problems[0].field == "sure"
    assert world.account("a1").receivables[0].steps["friendly"].state == "sent"
    world.rulebooks = OneRulebook(with_fee(1).get(with_fee(1).live()), world.rulebook())
    assert undo(world).steps == 1  # other rules are in force by now


def test_no_run_and_a_run_that_is_under_way_are_refused() -> None:
    world = World()
    world.put(debtor("a1"))
    with pytest.raises(ActRefusedError) as refused:
        undo(world)
    assert refused.value.fault == "not_found"
    world.sweep()(NOW)
    with pytest.raises(ActRefusedError) as refused:
        undo(world)
    assert refused.value.fault == "conflict"
