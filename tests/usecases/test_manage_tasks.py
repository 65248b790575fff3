"""Work for people: its list, what becomes of it, and what that makes of the account (Ley 2300/2023
art. 3: calls and letters are contacts too; lesson L2: what nobody knows a person settles)."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.structs import replace

from escalon.adapters.table import Table
from escalon.authoring import escalation as written
from escalon.authoring.rulebook import sealed
from escalon.domain.account import Account, Consent, ContactPoint, ContactRecord, Hold
from escalon.domain.contact.brakes import Brake, Brakes
from escalon.domain.contact.facts import Conversation
from escalon.domain.contact.feedback import Event
from escalon.domain.decisions.transitions import unknown_fate_id
from escalon.domain.rules.rollout import FULL, Rollout
from escalon.domain.rules.rulebook import LadderEnd, Need, Rulebook
from escalon.domain.tasks import BY_KIND, OUTCOMES, Outcome, Task, outcomes
from escalon.usecases.contact.manage_tasks import CloseTask, ManageTasks
from escalon.usecases.contact.receive_reply import REPLY
from escalon.usecases.operators.acts import ActRefusedError, Person
from escalon.usecases.portal.acts import DAYS_TO_ANSWER
from escalon.usecases.runs import review_book, undo_run
from escalon.usecases.runs.manage_brakes import BRAKES_KEY
from tests.contact_law.table import policy_of
from tests.doubles.crashing import Crash, Crashing, Faults, When
from tests.doubles.world import (
    NOW,
    TABLE,
    OneRulebook,
    World,
    debtor,
    point,
    receivable,
    rulebook,
)
from tests.usecases import test_co_debtor_messages as co_debtors
from tests.usecases.test_record_feedback import LOST, answer_lost, message_of, recorder, steps, told

ANA = Person("arn:aws:sts::1:assumed-role/Agent/ana", "agent")
QUARTER = timedelta(minutes=15)
ADDRESS = ContactPoint("p-letter", "letter", "Calle 1 # 2-3, Bogotá")
PHONE = ContactPoint("p-voice", "voice", "+573000000001")


@cache
def letters() -> Rulebook:
    """A ladder of two steps, whose first is a letter that the second needs and waits for."""
    (ladder,) = rulebook().strategies
    friendly, firm, _ = ladder.steps
    friendly = replace(friendly, channels=("letter",), wait_days=3)
    firm = replace(firm, needs=Need("friendly", 5), gap_days=0)
    return sealed(replace(rulebook(), strategies=(replace(ladder, steps=(friendly, firm)),)))


def manage(world: World, faults: Faults | None = None) -> ManageTasks:
    table = Table(Crashing(world.dynamo, faults or Faults()), TABLE, 1, pause=lambda _: None)

    def rulebook_of(account: Account) -> Rulebook:
        return world.rulebooks.get(world.rulebooks.rollout().version_for(account))

    return ManageTasks(table, recorder(world, faults), rulebook_of, world.clock)


def to_close(world: World, outcome: Outcome, **more: Any) -> CloseTask:
    (task,) = world.tasks()
    return CloseTask("k1", "so it was", "a1", task["task_id"], outcome, **more)


def with_letter(late: int = 3) -> World:
    """A letter stands on somebody's list."""
    world = World()
    world.rulebooks = OneRulebook(letters())
    points = (ADDRESS, point("email"))
    world.put(debtor("a1", receivable(late=late), points=points))
    world.run(NOW)
    return world


def with_call() -> World:
    """A call stands on somebody's list, about a debt whose milder steps are behind it."""
    world = World()
    world.put(debtor("a1", receivable(late=20), points=(PHONE, point("sms"))))
    world.run(NOW)
    assert [task["kind"] for task in world.tasks()] == ["call"]
    return world


def contacts(world: World) -> list[tuple[str, datetime, bool]]:
    return [(c.channel, c.at, c.reached) for c in world.account().contacts]


def problem(error: pytest.ExceptionInfo[ActRefusedError]) -> tuple[str, str, str]:
    (one,) = error.value.problems
    return error.value.fault, one.field, one.problem


# ----------------------------------------------------------------------------- what may become


def test_every_kind_of_work_that_the_system_gives_out_has_its_outcomes() -> None:
    by_hand = set(get_args(written.Channel)) - {"email", "sms"}  # always sent by us
    given_out = {
        *written._OWN_TASKS,
        *by_hand,
        LadderEnd().task,
        "hand_over",
        REPLY,
        review_book.TASK,
        undo_run.CORRECTION,
        *DAYS_TO_ANSWER,
    }
    assert given_out - set(BY_KIND) == set()


def test_a_ladders_own_work_is_done_and_what_is_settled_stays_so() -> None:
    task = Task("t", "a1", "legal_review", NOW, NOW)
    assert outcomes(task) == ("done",)
    assert outcomes(replace(task, closed_at=NOW, outcome="done")) == ()
    letter = replace(task, kind="letter")
    assert outcomes(letter) == ("posted", "not_posted")
    posted = replace(letter, closed_at=NOW, outcome="posted")
    assert outcomes(posted) == ("delivered", "came_back")
    assert {one for of in BY_KIND.values() for one in of} < set(OUTCOMES)


# ------------------------------------------------------------------------------------- letters


def test_a_letter_is_a_contact_and_its_days_run_once_it_is_posted() -> None:
    world = with_letter(late=9)
    account = world.account()
    assert (account.contacts, steps(world)) == ((), {"friendly": "opened"})
    world.clock.at = NOW + timedelta(days=2)
    posted_at = datetime(2026, 9, 8, 17, tzinfo=UTC)  # noon in Bogotá
    order = to_close(world, "posted", on=date(2026, 9, 8), proof="guía 700123")
    assert manage(world).close(order, ANA) is False
    account = world.account()
    assert contacts(world) == [("letter", posted_at, True)]
    (record,) = account.receivables[0].steps.values()
    assert (record.state, record.at) == ("sent", posted_at)
    assert account.ladders["andina"].last_at == posted_at
    assert account.receivables[0].first_contact_at == posted_at
    (task,) = world.tasks()
    assert (task["outcome"], task["proof"], task["closed_by"], task["sent_at"]) == (
        *("posted", "guía 700123", ANA.who, "2026-09-08T17:00:00Z"),
    )
    assert list(world.table.listed("tasks")) == []


def test_a_severe_step_waits_until_a_letter_that_it_needs_is_posted_and_its_days_over() -> None:
    """Posted after a month; five days later it counts as delivered, and no sooner."""
    world = with_letter(late=9)
    for day in range(1, 31):
        world.run(NOW + timedelta(days=day))
    assert world.messages() == []
    decided = world.facts("a1", "decided")[-1]
    assert (decided["outcome"], decided["reasons"][0]["code"]) == ("wait", "to_be_sent")
    world.clock.at = NOW + timedelta(days=30, hours=1)
    manage(world).close(to_close(world, "posted"), ANA)
    for day in range(31, 36):
        world.run(NOW + timedelta(days=day))
    assert world.messages() == []
    world.run(NOW + timedelta(days=35, hours=2))
    assert [message["step"] for message in world.messages()] == ["firm"]


def test_a_receipt_proves_the_letter_before_its_days_are_over() -> None:
    world = with_letter(late=9)
    manage(world).close(to_close(world, "posted"), ANA)
    world.clock.at = NOW + timedelta(days=1)
    receipt = replace(to_close(world, "delivered", proof="acuse 5"), key="k2")
    assert manage(world).close(receipt, ANA) is False
    assert steps(world) == {"friendly": "delivered"}
    world.run(NOW + timedelta(days=3))  # the notice time of three days is over
    assert [message["step"] for message in world.messages()] == ["firm"]
    with pytest.raises(ActRefusedError) as error:
        manage(world).close(replace(receipt, key="k3", outcome="came_back"), ANA)
    assert problem(error) == ("conflict", "task", "the task was closed before (delivered)")


def test_a_letter_that_came_back_reached_nobody_and_its_address_is_closed() -> None:
    world = with_letter()
    manage(world).close(to_close(world, "posted"), ANA)
    world.clock.at = NOW + timedelta(days=4)
    manage(world).close(replace(to_close(world, "came_back"), key="k2"), ANA)
    account = world.account()
    assert steps(world) == {"friendly": "failed"}
    assert contacts(world) == [("letter", NOW, False)]
    assert account.points[0].failed == "bounced came back"
    world.run(NOW + timedelta(days=4, minutes=15))
    assert [task["kind"] for task in world.table.listed("tasks")] == ["data_repair"]


def test_a_letter_that_comes_back_from_an_old_address_leaves_the_new_one_alone() -> None:
    new = ContactPoint("p-new", "letter", "Carrera 9 # 8-7, Cali")
    world = with_letter()
    manage(world).close(to_close(world, "posted"), ANA)
    world.put(replace(world.account(), points=(new, point("email"))))
    manage(world).close(replace(to_close(world, "came_back"), key="k2"), ANA)
    assert [p.failed for p in world.account().points] == ["", ""]
    assert steps(world) == {"friendly": "failed"}


def test_a_letter_that_was_posted_to_a_new_address_comes_back_from_that_one() -> None:
    new = ContactPoint("p-new", "letter", "Carrera 9 # 8-7, Cali")
    world = with_letter()
    world.put(replace(world.account(), points=(new, point("email"))))
    manage(world).close(to_close(world, "posted"), ANA)
    world.put(replace(world.account(), points=(ADDRESS, new, point("email"))))
    manage(world).close(replace(to_close(world, "came_back"), key="k2"), ANA)
    assert [p.failed for p in world.account().points] == ["", "bounced came back", ""]


def test_a_letter_that_nobody_posts_is_no_contact_and_blames_no_address() -> None:
    world = with_letter()
    manage(world).close(to_close(world, "not_posted"), ANA)
    assert (steps(world), contacts(world)) == ({"friendly": "failed"}, [])
    assert world.account().points[0].failed == ""


@pytest.mark.parametrize("on", [date(2026, 9, 6), date(2026, 9, 8)])
def test_a_letter_is_posted_after_it_was_asked_for_and_not_in_the_future(on: date) -> None:
    world = with_letter()
    with pytest.raises(ActRefusedError) as error:
        manage(world).close(to_close(world, "posted", on=on), ANA)
    assert problem(error)[:2] == ("wrong", "on")
    assert steps(world) == {"friendly": "opened"}


# --------------------------------------------------------------------------------------- calls


@pytest.mark.parametrize(
    ("outcome", "reached", "spoken"),
    [
        ("reached", True, (Conversation(NOW, "voice"),)),
        ("promised", True, (Conversation(NOW, "voice"),)),
        ("not_reached", True, ()),  # the attempt counts, answered or not
        ("wrong_number", False, ()),
    ],
)
def test_a_call_is_a_contact_whatever_became_of_it(
    outcome: Outcome, reached: bool, spoken: tuple[Conversation, ...]
) -> None:
    world = with_call()
    manage(world).close(to_close(world, outcome), ANA)
    account = world.account()
    assert contacts(world) == [("voice", NOW, reached)]
    assert account.conversations == spoken
    wrong = "wrong number" if outcome == "wrong_number" else ""
    assert [p.failed for p in account.points] == [wrong, wrong]  # no text goes there either
    assert (account.receivables[0].first_contact_at is not None) == bool(spoken)


def test_of_several_numbers_the_wrong_one_has_to_be_named() -> None:
    world = with_call()
    one = replace(PHONE, point_id="p1")
    other = replace(PHONE, point_id="p2", address="+573000000002")
    world.put(replace(world.account(), points=(one, other)))
    order = to_close(world, "wrong_number")
    with pytest.raises(ActRefusedError) as error:
        manage(world).close(order, ANA)
    assert problem(error) == ("wrong", "number", "several numbers are on file, or none")
    manage(world).close(replace(order, number="+573000000002"), ANA)
    assert [p.failed for p in world.account().points] == ["", "wrong number"]


def test_the_number_that_the_task_names_was_the_wrong_one() -> None:
    world = with_call()
    other = replace(PHONE, point_id="p2", address="+573000000002")
    world.put(replace(world.account(), points=(other, PHONE)))
    (task,) = world.tasks()
    put = world.table.put_document("A#a1", f"T#{task['task_id']}", {**task, "point_id": "p-voice"})
    world.table.save(put)
    manage(world).close(to_close(world, "wrong_number"), ANA)
    assert [p.failed for p in world.account().points] == ["", "wrong number"]


def test_a_number_that_has_replaced_the_tasks_is_not_taken_for_the_one_that_was_called() -> None:
    world = with_call()
    new = ContactPoint("p-new", "voice", "+573000000002")
    world.put(replace(world.account(), points=(new,)))
    with pytest.raises(ActRefusedError) as error:
        manage(world).close(to_close(world, "wrong_number"), ANA)
    assert problem(error) == (
        "wrong", "number", "the number of the task is not on file any more",
    )  # fmt: skip
    assert world.account().points[0].failed == ""
    manage(world).close(to_close(world, "wrong_number", number="+573000000002"), ANA)
    assert world.account().points[0].failed == "wrong number"


# ------------------------------------------------------------------------------- unknown fates


def unknown() -> tuple[World, str]:
    """A message of unknown fate, whose task stands on somebody's list."""
    world, message_id = answer_lost()
    world.run(NOW + 2 * QUARTER)
    assert [task["kind"] for task in world.tasks()] == ["unknown_fate"]
    return world, message_id


@pytest.mark.parametrize(
    ("outcome", "became", "reached"),
    [("delivered", "delivered", True), ("not_delivered", "failed", False)],
)
def test_l2_a_person_settles_what_nobody_knew(outcome: Outcome, became: str, reached: bool) -> None:
    world, message_id = unknown()
    assert manage(world).close(to_close(world, outcome), ANA) is False
    message = message_of(world, message_id)
    assert (message["state"], message["reason"]) == (became, "told by a person")
    assert "provider_message_id" not in message
    assert steps(world) == {"friendly": became}
    assert [c.reached for c in world.account().contacts] == [reached]
    assert list(world.table.listed("tasks")) == []
    (act,) = world.table.acts(NOW.date(), NOW.date())
    assert (act.did, act.who, act.about["outcome"]) == ("task_closed", ANA.who, outcome)
    world.run(NOW + 4 * QUARTER)
    # What reached nobody goes by its next channel; what arrived is not said again.
    assert len(world.sns.calls) == (0 if reached else 1)
    assert manage(world).close(to_close(world, outcome), ANA) is True


def test_what_a_co_debtor_may_have_got_is_settled_with_the_debtor() -> None:
    """The message and its clock are the person's, the task and the step the debtor's."""
    world, message = co_debtors.planned()
    world.ses.answers.append(LOST)
    assert world.deliver("email")(message) == "unknown"
    world.run(co_debtors.SECOND_RUN + 2 * QUARTER)
    assert manage(world).close(to_close(world, "not_delivered"), ANA) is False
    assert [m["state"] for m in co_debtors.to_beto(world)] == ["failed"]
    assert co_debtors.followed(world) == {"r1/friendly/b2": "failed"}
    assert [c.reached for c in world.account("b2").contacts] == [False]
    assert list(world.table.listed("tasks")) == []


def test_a_carrier_that_says_it_first_leaves_nothing_to_settle() -> None:
    world, message_id = unknown()
    (task,) = world.tasks()
    assert task["task_id"] == unknown_fate_id("a1", message_id)
    order = to_close(world, "not_delivered")
    manage(world).close(to_close(world, "delivered"), ANA)
    with pytest.raises(ActRefusedError) as error:
        manage(world).close(replace(order, key="k2"), ANA)
    assert problem(error) == ("conflict", "task", "the task was closed before (delivered)")


@pytest.mark.parametrize("what", ["sent", "delayed"])
def test_l2_what_a_carrier_has_closed_is_not_a_persons_to_say_any_more(what: Event) -> None:
    """Neither is a letter that was sent by hand: their word would weigh more than a delivery."""
    world, message_id = unknown()
    order = to_close(world, "not_delivered")
    told(world, message_id, what)
    (task,) = world.tasks()
    assert (task["outcome"], outcomes(msgspec.convert(task, Task))) == (what, ())
    assert manage(world).listed(10, account_id="a1").tasks == ()
    with pytest.raises(ActRefusedError) as error:
        manage(world).close(order, ANA)
    assert problem(error) == ("conflict", "task", f"the task was closed before ({what})")
    told(world, message_id, "delivered")
    assert steps(world) == {"friendly": "delivered"}


def test_only_what_a_person_has_sent_may_still_come_back() -> None:
    settled = {"closed_at": NOW, "outcome": "sent"}
    task = Task("t", "a1", "whatsapp", NOW, NOW, **settled)
    assert outcomes(task) == ("delivered", "not_delivered")
    assert outcomes(replace(task, kind="unknown_fate")) == ()
    assert outcomes(replace(task, kind="letter", outcome="posted")) == ("delivered", "came_back")


# --------------------------------------------------------------------------- closing in general


def test_data_that_was_mended_makes_the_account_due_at_once() -> None:
    world = World()
    world.put(debtor("a1", points=()))
    world.run(NOW)
    (mark,) = world.account().exceptions
    manage(world).close(to_close(world, "done"), ANA)
    assert world.account().exceptions == ()
    assert world.all_items()["A#a1", "A"]["look_at"]["S"] == "2026-09-07T15:00:00Z"
    # What is still missing is asked for again.
    world.run(NOW + QUARTER)
    assert world.account().exceptions == (mark,)
    assert [task["kind"] for task in world.table.listed("tasks")] == ["data_repair"]


def test_a_key_closes_once_and_stands_for_nothing_else() -> None:
    world = with_call()
    order = to_close(world, "not_reached")
    assert [manage(world).close(order, ANA) for _ in range(2)] == [False, True]
    assert len(world.account().contacts) == 1
    with pytest.raises(ActRefusedError) as error:
        manage(world).close(replace(order, outcome="reached"), ANA)
    assert problem(error) == ("conflict", "key", "something else was done under this key")
    with pytest.raises(ActRefusedError) as error:
        manage(world).close(replace(order, key="k2"), ANA)
    assert problem(error) == ("conflict", "task", "the task was closed before (not_reached)")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"outcome": "posted"}, ("wrong", "outcome", "'posted' cannot become of a task call")),
        ({"task_id": "t9"}, ("not_found", "task", "there is no such task on this account")),
        ({"account_id": "a9"}, ("not_found", "task", "there is no such task on this account")),
        ({"at": NOW + QUARTER}, ("wrong", "at", "is before the task was opened, or still to come")),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    more: dict[str, Any], told: tuple[str, str, str]
) -> None:
    world = with_call()
    before = world.all_items()
    with pytest.raises(ActRefusedError) as error:
        manage(world).close(replace(to_close(world, "reached"), **more), ANA)
    assert (problem(error), world.all_items()) == (told, before)


def test_the_list_is_in_the_order_of_what_is_due_and_can_be_narrowed() -> None:
    world = with_call()
    world.put(debtor("a2", points=()))
    world.run(NOW + QUARTER)
    found = manage(world).listed(10)
    assert [(t["kind"], t["account_id"]) for t in found.tasks] == [
        ("call", "a1"),
        ("data_repair", "a2"),
    ]
    assert found.tasks[0]["outcomes"] == ("reached", "promised", "not_reached", "wrong_number")
    listed = manage(world).listed
    assert [t["kind"] for t in listed(10, kind="data_repair").tasks] == ["data_repair"]
    assert [t["kind"] for t in listed(10, account_id="a1").tasks] == ["call"]
    assert (len(listed(1).tasks), listed(1).more) == (1, True)
    assert listed(10, overdue=True).tasks == ()
    world.clock.at = NOW + timedelta(days=3)
    assert [t["kind"] for t in listed(10, overdue=True).tasks] == ["call"]
    task_id = found.tasks[1]["task_id"]
    assert [t["kind"] for t in listed(10, task_id=task_id).tasks] == ["data_repair"]


def test_a_posted_letter_is_off_the_list_and_still_with_its_account() -> None:
    world = with_letter()
    manage(world).close(to_close(world, "posted"), ANA)
    assert manage(world).listed(10).tasks == ()
    (task,) = manage(world).listed(10, account_id="a1").tasks
    assert task["outcomes"] == ("delivered", "came_back")


def ended(world: World) -> tuple[Account, dict[str, Any], int]:
    (task,) = world.tasks()
    return world.account(), task, len(list(world.table.acts(NOW.date(), NOW.date())))


@pytest.mark.parametrize("start", [with_call, lambda: unknown()[0]], ids=["call", "unknown fate"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 8))
def test_a_crash_at_any_call_ends_like_none(start: Any, when: When, number: int) -> None:
    """Nothing lost, nothing twice: the same order again finishes what was begun."""
    outcome: Outcome = "reached" if start is with_call else "not_delivered"
    whole = start()
    manage(whole).close(to_close(whole, outcome), ANA)
    broken = start()
    order = to_close(broken, outcome)
    try:
        manage(broken, Faults(number, when)).close(order, ANA)
    except Crash:
        manage(broken).close(order, ANA)
    assert ended(broken) == ended(whole)


def test_money_that_comes_meanwhile_is_not_lost() -> None:
    world = with_call()

    def money() -> None:
        world.put(replace(world.account(), credits={"andina|COP": 5}))

    between = Faults(3, "before", money)  # after the account was read
    assert manage(world, between).close(to_close(world, "reached"), ANA) is False
    account = world.account()
    assert (account.credits, account.contacts) == (
        {"andina|COP": 5},
        (ContactRecord(world.tasks()[0]["task_id"], "voice", NOW, "andina"),),
    )


# --------------------------------------------------------------------------------- the last look


def looked_at(world: World) -> dict[str, Any]:
    """What the list says of the one task beside what it is."""
    (document,) = manage(world).listed(10).tasks
    return {name: document[name] for name in ("not_now", "allowed_until") if name in document}


def test_the_list_says_until_when_the_debtor_may_be_called_today() -> None:
    """Ley 2300/2023, art. 3: Saturday's hours are shorter, and on Sunday there are none."""
    world = with_call()
    law = policy_of("CO")
    phone = replace(PHONE, consent=Consent(date(2026, 1, 2), "form 7"))
    world.put(replace(world.account(), points=(phone,)))
    world.rulebooks = OneRulebook(sealed(replace(world.rulebook(), contact_policies={"*": law})))
    bogota = ZoneInfo("America/Bogota")
    world.clock.at = datetime(2026, 9, 11, 10, tzinfo=bogota)
    assert looked_at(world) == {"allowed_until": datetime(2026, 9, 11, 18, 55, tzinfo=bogota)}
    world.clock.at = datetime(2026, 9, 12, 10, tzinfo=bogota)
    assert looked_at(world) == {"allowed_until": datetime(2026, 9, 12, 14, 55, tzinfo=bogota)}
    world.clock.at = datetime(2026, 9, 13, 10, tzinfo=bogota)
    assert looked_at(world) == {
        "not_now": [
            "voice: the contact policy opens on Monday 14 September at 07:00 "
            "(Ley 2300 de 2023, art. 3)"
        ]
    }


def test_the_list_says_of_a_call_that_the_debt_rests_or_is_settled() -> None:
    world = with_call()
    account = world.account()
    (owed,) = account.receivables
    disputed = Hold("h1", "dispute", date(2026, 9, 1), date(2026, 10, 1), owed.receivable_id)
    world.put(replace(account, holds=(disputed,)))
    assert looked_at(world) == {
        "not_now": ["receivable r1 is on hold (dispute) until 1 October 2026"]
    }
    world.put(replace(account, receivables=()))
    assert looked_at(world) == {"not_now": ["receivable r1 is not open any more"]}


def test_the_list_says_what_people_have_stopped() -> None:
    world = with_letter()
    brake = Brake("channel", NOW, "ana", "a wrong price", "letter")
    world.table.save(world.table.put_document(*BRAKES_KEY, Brakes((brake,))))
    assert looked_at(world) == {
        "not_now": [
            "a person has stopped it (channel:letter) since Monday 7 September 2026, 10:00: ana",
            "because: a wrong price",
        ]
    }


def test_the_list_asks_the_rules_that_decide_about_the_account() -> None:
    """A step that only a canary has, or the rules that an account keeps, is no step that is gone;
    one that is gone is not carried out."""
    world = with_letter()
    asked = world.rulebook()
    world.put(replace(world.account(), ruled_by=asked.version))
    (ladder,) = asked.strategies
    other = replace(asked, strategies=(replace(ladder, steps=ladder.steps[2:]),))
    world.rulebooks = OneRulebook(other := sealed(other), asked)
    assert looked_at(world) == {"not_now": ["step friendly is not in the rules any more"]}
    world.rulebooks.rolling = Rollout(other.version, asked.version, FULL)
    assert "not_now" not in looked_at(world)
    world.rulebooks.rolling = Rollout(other.version, keep=(asked.version,))
    assert "not_now" not in looked_at(world)
