"""Brakes: what a person has stopped waits, uses up no step, and goes around nothing."""

from datetime import timedelta

import pytest

from escalon.domain.contact.brakes import NO_BRAKES, Brake, Brakes, because
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.explanation import explain
from escalon.domain.decisions.intents import as_intent
from escalon.domain.decisions.transitions import set_aside
from tests.domain.debts import BOGOTA, account, at, point, receivable, rulebook, step

RULES = rulebook(step("friendly", 2), step("call", 20, task="call"))
OWED = account(receivable(), points=(point("email"), point("voice")))
NOW = at("2026-09-05 09:00")
SINCE = at("2026-09-05 08:59")


def brake(kind: str = "all", name: str = "", *, tasks: bool = False) -> Brake:
    return Brake(kind, SINCE, "arn:aws:sts::1:assumed-role/Operator/ana", "wrong text", name, tasks)  # type: ignore[arg-type]


def decided(*brakes: Brake, day: str = "2026-09-05 09:00") -> Decision:
    return decide(OWED, RULES, at(day), brakes=Brakes(brakes))


@pytest.mark.parametrize(
    ("stopped", "goes"),
    [
        (("all", ""), False),
        (("channel", "email"), False),
        (("channel", "sms"), True),
        (("strategy", "plain"), False),
        (("strategy", "vip"), True),
        (("creditor", "andina"), False),
        (("creditor", "other"), True),
    ],
)
def test_a_brake_stops_what_bears_its_name(stopped: tuple[str, str], goes: bool) -> None:
    assert decided().outcome == "act"
    assert decided(brake(*stopped)).outcome == ("act" if goes else "wait")


def test_what_is_stopped_says_so_and_is_looked_at_again_in_an_hour() -> None:
    found = decided(brake())
    assert [reason.code for reason in found.reasons][-1] == "stopped"
    assert found.reasons[-1].params["brake"] == "all"
    assert found.next_look_at == NOW + timedelta(hours=1)
    assert found.intent_id == ""
    assert found.action is None
    assert explain(found, locale="en", zones=(BOGOTA,))[-1] == (
        "a person has stopped it (all) since Saturday 5 September 2026, 08:59: "
        "arn:aws:sts::1:assumed-role/Operator/ana"
    )


def test_why_it_was_stopped_is_in_no_decision_since_it_may_name_people() -> None:
    assert "wrong text" not in repr(decided(brake()))


def test_whoever_explains_it_adds_why_from_the_brake() -> None:
    brakes = Brakes((brake(),))
    found = decide(account(receivable()), RULES, NOW, brakes=brakes)
    assert because(found.reasons, brakes, locale="en") == ["because: wrong text"]
    assert because(found.reasons, brakes, locale="es-CO") == ["porque: wrong text"]
    assert because(found.reasons, NO_BRAKES, locale="en") == []
    assert because(decided().reasons, brakes, locale="en") == []


def test_a_stopped_channel_is_not_gone_around() -> None:
    """A stop must never make a message leave that would not have left without it."""
    both = rulebook(step("friendly", 2, channels=("email", "sms")))
    found = decide(account(receivable()), both, NOW, brakes=Brakes((brake("channel", "email"),)))
    assert (found.outcome, found.channel) == ("wait", "")


def test_work_for_people_goes_on_unless_it_is_stopped_too() -> None:
    late = "2026-09-22 09:00"
    assert decided(day=late).task == "call"
    assert decided(brake(), day=late).outcome == "act"
    assert decided(brake(tasks=True), day=late).outcome == "wait"
    assert decided(brake("channel", "email"), day=late).task == "call"
    assert decided(brake("channel", "voice", tasks=True), day=late).outcome == "wait"


def test_the_last_look_finds_that_it_is_stopped_and_nothing_is_used_up() -> None:
    owed = account(receivable())
    decision = decide(owed, RULES, NOW)
    intent = as_intent(decision, "run")
    planned = set_aside(owed, intent)
    assert decide(planned, RULES, NOW, brakes=Brakes((brake(),))).outcome == "wait"
    again = decide(planned, RULES, NOW, brakes=NO_BRAKES)
    assert again.intent_id == intent.intent_id  # once it is resumed, the same


def test_the_widest_brake_is_named_and_stopping_twice_keeps_since_when() -> None:
    brakes = Brakes().with_brake(brake("channel", "email")).with_brake(brake())
    assert [one.brake_id for one in brakes.brakes] == ["all", "channel:email"]
    later = Brake("all", NOW, "bob", "still wrong")
    again = brakes.with_brake(later)
    found = again.find("all")
    assert found is not None
    assert (found.since, found.by) == (SINCE, "bob")
    assert len(again.brakes) == 2
    assert again.without("all").brakes == (brake("channel", "email"),)
