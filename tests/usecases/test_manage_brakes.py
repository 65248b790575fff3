"""Stop and resume in the whole system: nothing goes out after a stop, and nothing is lost by it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from escalon.domain.contact.brakes import exclusion
from escalon.usecases.operators.acts import ActRefusedError, Person
from escalon.usecases.runs.manage_brakes import (
    ManageBrakes,
    OnAccount,
    Resume,
    Stop,
    read_brakes,
)
from tests.doubles.crashing import Faults
from tests.doubles.world import NOW, World, debtor, point, receivable

ANA = Person("arn:aws:sts::1:assumed-role/Operator/ana", "operator")
STOP = Stop("k1", "the wrong text", "all")
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)


def manage(world: World, faults: Faults | None = None) -> ManageBrakes:
    return ManageBrakes(world._table(faults or Faults()), world.rulebooks, world.clock)


def book(world: World, count: int) -> None:
    for number in range(count):
        world.put(debtor(f"a{number}", points=(point("email", f"a{number}@example.com"),)))


def day_of_acts(world: World) -> list[tuple[str, str, str, dict[str, str]]]:
    day = world.clock.at.date()
    return [(act.did, act.who, act.why, act.about) for act in world.table.acts(day, day)]


# ----------------------------------------------------------------------------------------- stop


@pytest.mark.parametrize("sent_before", [0, 1, 13, 30])
def test_a_stop_while_a_run_is_under_way_is_the_last_thing_that_happens(sent_before: int) -> None:
    """Counted: so many had gone when somebody stopped, and not one more goes."""
    world = World()
    book(world, 30)
    world.sweep()(NOW)
    world.work_off("escalate")
    for _ in range(sent_before):
        world.take("email")
    manage(world).stop(STOP, ANA)
    world.work_off()
    assert len(world.ses.calls) == sent_before
    for number in range(1, 9):
        world.run(NOW + number * QUARTER)
    assert len(world.ses.calls) == sent_before
    assert world.tasks() == []
    accounts = [world.account(f"a{number}") for number in range(30)]
    assert all(account.intents == () for account in accounts)
    taken = [account for account in accounts if account.receivables[0].steps]
    assert len(taken) == sent_before  # no step of the others is used up


def test_a_stop_between_the_pages_of_a_run_holds_from_the_next_page_on() -> None:
    world = World()
    book(world, 300)  # two pages of a shard
    world.sweep()(NOW)
    faults = Faults(9, "before", instead=lambda: manage(world).stop(STOP, ANA))
    world.take("escalate", faults)
    planned = [number for number in range(300) if world.account(f"a{number}").intents]
    assert len(planned) == 250
    world.work_off()
    assert world.ses.calls == []  # and what the first page had queued is withdrawn
    assert world.totals(NOW).acted == 250
    assert world.totals(NOW).waited == 50


def test_what_was_stopped_goes_once_after_it_is_resumed() -> None:
    world = World()
    book(world, 3)
    manage(world).stop(STOP, ANA)
    world.run(NOW)
    assert world.ses.calls == []
    assert [f["reasons"][-1]["code"] for f in world.facts("a0", "decided")] == ["stopped"]
    world.clock.at = NOW + QUARTER
    manage(world).resume(Resume("k2", "mended", "all"), ANA)
    world.run(NOW + HOUR)
    world.run(NOW + 2 * HOUR)
    assert len(world.ses.calls) == 3
    assert len({call["Destination"]["ToAddresses"][0] for call in world.ses.calls}) == 3


def test_only_the_stopped_channel_waits() -> None:
    world = World()
    world.put(debtor("mail", points=(point("email"),)))
    world.put(debtor("text", points=(point("sms"),)))
    manage(world).stop(Stop("k1", "why", "channel", "sms"), ANA)
    world.run(NOW)
    assert (len(world.ses.calls), len(world.sns.calls)) == (1, 0)


def test_work_for_people_goes_on_and_can_be_stopped_too() -> None:
    for tasks, opened in ((False, 1), (True, 0)):
        world = World()
        world.put(debtor("task", receivable(late=21)))
        manage(world).stop(replace(STOP, tasks=tasks), ANA)
        world.run(NOW)
        assert len(world.tasks()) == opened


def test_every_stop_and_resume_is_in_the_audit_log_with_who_and_why() -> None:
    world = World()
    manage(world).stop(Stop("k1", "the wrong text", "creditor", "andina"), ANA)
    world.clock.at = NOW + timedelta(minutes=1)
    manage(world).resume(Resume("k2", "mended", "creditor:andina"), ANA)
    assert day_of_acts(world) == [
        ("stopped", ANA.who, "the wrong text", {"brake": "creditor:andina"}),
        ("resumed", ANA.who, "mended", {"brake": "creditor:andina"}),
    ]


def test_the_reason_is_told_in_no_fact() -> None:
    world = World()
    book(world, 1)
    manage(world).stop(Stop("k1", "Pedro complained", "all"), ANA)
    world.run(NOW)
    assert "Pedro" not in repr(world.facts("a0"))


@pytest.mark.parametrize(
    ("order", "remedy"),
    [
        (Stop("k", "w", "channel", "fax"), "email, sms, whatsapp, voice, letter"),
        (Stop("k", "w", "creditor", "nobody"), "andina"),
        (Stop("k", "w", "strategy", "nothing"), "house"),
        (Stop("k", "w", "all", "email"), "they are: "),
    ],
)
def test_a_brake_on_what_is_not_there_is_refused(order: Stop, remedy: str) -> None:
    """It would stop nothing, and whoever stopped would think that it does."""
    world = World()
    with pytest.raises(ActRefusedError) as refused:
        manage(world).stop(order, ANA)
    assert refused.value.fault == "wrong"
    assert remedy in refused.value.problems[0].remedy
    assert read_brakes(world.table).brakes == ()
    assert day_of_acts(world) == []


def test_what_is_not_stopped_cannot_be_resumed() -> None:
    world = World()
    manage(world).stop(STOP, ANA)
    with pytest.raises(ActRefusedError) as refused:
        manage(world).resume(Resume("k2", "why", "channel:sms"), ANA)
    assert refused.value.problems[0].remedy == "all"


def test_a_repeated_act_is_done_once_and_another_with_its_key_is_refused() -> None:
    world = World()
    assert manage(world).stop(STOP, ANA).again is False
    assert manage(world).stop(STOP, ANA).again is True
    assert len(day_of_acts(world)) == 1
    with pytest.raises(ActRefusedError):
        manage(world).stop(Stop("k1", "why", "channel", "sms"), ANA)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_two_people_stop_at_the_same_moment_and_both_brakes_are_on(number: int, when: str) -> None:
    world = World()
    other = Stop("k2", "why", "channel", "sms")
    faults = Faults(number, when, instead=lambda: manage(world).stop(other, ANA))  # type: ignore[arg-type]
    manage(world, faults).stop(STOP, ANA)
    assert faults.happened
    assert [one.brake_id for one in read_brakes(world.table).brakes] == ["all", "channel:sms"]
    assert len(day_of_acts(world)) == 2


# --------------------------------------------------------------------------------------- resume


def test_resume_shows_first_what_would_go() -> None:
    world = World()
    book(world, 3)
    world.put(debtor("text", points=(point("sms"),)))
    world.put(debtor("task", receivable(late=21)))
    manage(world).stop(replace(STOP, tasks=True), ANA)
    world.run(NOW)
    found = manage(world).outlook("all")
    assert found.would_go == {
        ("andina", "friendly", "email"): 3,
        ("andina", "friendly", "sms"): 1,
        ("andina", "call", "task: call"): 1,
    }
    assert (found.looked_at, found.looked_at_all) == (5, True)
    assert world.ses.calls == []  # looking sends nothing


def test_another_brake_still_holds_in_the_outlook() -> None:
    world = World()
    book(world, 2)
    world.put(debtor("text", points=(point("sms"),)))
    manage(world).stop(STOP, ANA)
    manage(world).stop(Stop("k2", "why", "channel", "sms"), ANA)
    assert manage(world).outlook("all").would_go == {("andina", "friendly", "email"): 2}
    assert manage(world).outlook("channel:sms").would_go == {}  # it is held by the other anyway


def test_an_outlook_that_takes_too_long_says_so() -> None:
    world = World()
    book(world, 120)
    asked: list[int] = []

    def enough() -> bool:
        asked.append(1)
        return len(asked) > 2

    found = manage(world).outlook("all", enough)
    assert (found.looked_at, found.looked_at_all) == (100, False)


# ------------------------------------------------------------------------------------ exclusion


def test_an_excluded_account_is_left_alone_until_it_is_included_again() -> None:
    """Lesson L21: it is asked first, with its reason kept."""
    world = World()
    book(world, 1)
    world.sweep()(NOW)
    world.work_off("escalate")
    manage(world).exclude(OnAccount("k1", "a relative of the owner", "a0"), ANA)
    world.work_off()
    world.run(NOW + QUARTER)
    world.run(NOW + timedelta(days=60))
    assert world.ses.calls == []
    assert exclusion(world.account("a0").holds) is not None
    assert "relative" not in repr(world.facts("a0"))
    world.clock.at = NOW + timedelta(days=60)
    manage(world).include(OnAccount("k2", "by mistake", "a0"), ANA)
    assert exclusion(world.account("a0").holds) is None
    world.run(NOW + timedelta(days=60, minutes=15))
    assert len(world.ses.calls) + len(world.sns.calls) + len(world.tasks()) == 1


def test_exclusions_are_acts_that_happen_once() -> None:
    world = World()
    book(world, 1)
    order = OnAccount("k1", "why", "a0")
    assert manage(world).exclude(order, ANA).again is False
    assert manage(world).exclude(order, ANA).again is True
    with pytest.raises(ActRefusedError):
        manage(world).exclude(OnAccount("k2", "why", "a0"), ANA)
    assert [did for did, *_ in day_of_acts(world)] == ["excluded"]
    with pytest.raises(ActRefusedError) as refused:
        manage(world).exclude(OnAccount("k3", "why", "nobody"), ANA)
    assert refused.value.fault == "not_found"
