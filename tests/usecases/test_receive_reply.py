"""Receive a reply: words that act, questions that a person answers, in any order and told twice."""

import itertools
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.table import Table
from escalon.domain.account import Account, Consent
from escalon.domain.contact.channels import Channels, ReplyRules
from escalon.domain.contact.facts import Request
from escalon.domain.contact.feedback import Feedback
from escalon.domain.decisions.transitions import channel_refused
from escalon.domain.rules.rulebook import HoldKind, Rulebook
from escalon.usecases.contact.deliver import TryLaterError
from escalon.usecases.contact.receive_reply import PATIENCE, ReceiveReply
from escalon.usecases.messages_between import ToDeliver
from escalon.usecases.payments.payment_link import Links
from tests.carriers.test_inbound import TOPIC, body
from tests.doubles.crashing import Crash, Crashing, Faults, When
from tests.doubles.world import NOW, TABLE, OneRulebook, World, debtor, point, receivable, rulebook

NUMBER = "+573000000701"
LINKS = Links(lambda: b"key of links", "https://pay.example")
GRANTED = Consent(NOW.date(), "form 1")
SOON = NOW + timedelta(minutes=5)


def own(address: str = NUMBER, channel: str = "sms") -> Any:
    return replace(point(channel, address), consent=GRANTED)  # type: ignore[arg-type]


def written_to(account: Account | None = None) -> World:
    """A world in which an SMS has gone to the number."""
    world = World()
    world.links = LINKS
    world.rulebooks = OneRulebook(
        replace(
            rulebook(),
            holds={**rulebook().holds, "reply": HoldKind(10)},
            channels=Channels(replies=ReplyRules(pause_days=4, due_days=2)),
        )
    )
    world.put(account or debtor(points=(own(),)))
    world.run(NOW)
    assert len(world.sns.calls) == 1
    world.clock.at = SOON
    return world


def receiver(world: World, faults: Faults | None = None) -> ReceiveReply:
    faults = faults or Faults()
    table = Table(Crashing(world.dynamo, faults), TABLE, 1, pause=lambda _: None)
    documents = Documents(Crashing(world.s3, faults), "bucket")

    def in_force(account_id: str) -> Rulebook:
        return world.rulebook()

    return ReceiveReply(
        table, in_force, documents, world.clock, TOPIC, LINKS.name_of,
        world.queue("feedback", faults), world.report,
    )  # fmt: skip


def sms(text: str, *, reply_id: str = "r1", at: datetime = SOON, sender: str = NUMBER) -> str:
    message = {"originationNumber": sender, "messageBody": text, "inboundMessageId": reply_id}
    return json.dumps(
        {
            "Type": "Notification",
            "TopicArn": TOPIC,
            "Message": json.dumps(message),
            "Timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        }
    )


def consents(world: World) -> list[bool]:
    return [point.consent is not None and point.consent.stands for point in world.account().points]


# ---------------------------------------------------------------------------- words that act


def test_stop_closes_the_channel_at_once_and_keeps_what_proves_it() -> None:
    world = written_to()
    assert receiver(world)(sms("BAJA"), 1) == ("stopped",)
    account = world.account()
    assert consents(world) == [False]
    assert account.points[0].consent == replace(GRANTED, revoked_at=SOON)
    assert account.refused_channels == ("sms",)
    (kept,) = world.table.documents("A#a1", "I#")
    assert (kept["text"], kept["reply_id"], kept["wish"]) == ("BAJA", "r1", "stop")
    (message,) = world.messages()
    assert kept["about"] == message["message_id"]
    (fact,) = world.facts("a1", "consent_revoked")
    assert (fact["channel"], fact["reason"], fact["at"]) == ("sms", "reply", "2026-09-07T15:05:00Z")
    assert world.tasks() == []


def test_start_opens_it_for_the_number_it_came_from_with_the_reply_as_evidence() -> None:
    other = replace(own("+573000000702"), point_id="p-other")
    world = written_to(debtor(points=(own(), other)))
    receiver(world)(sms("STOP"), 1)
    assert consents(world) == [False, False]
    world.clock.at = later = SOON + timedelta(days=1)
    assert receiver(world)(sms("start", reply_id="r2", at=later), 1) == ("started",)
    assert consents(world) == [True, False]
    consent = world.account().points[0].consent
    assert consent is not None
    assert consent.granted_on == later.date()
    assert consent.evidence.startswith("reply ")
    assert world.account().refused_channels == ()
    assert [f["reason"] for f in world.facts("a1", "consent_granted")] == ["reply"]


def test_a_planned_sms_is_withdrawn_once_somebody_has_said_stop() -> None:
    world = written_to()
    receiver(world)(sms("STOP"), 1)
    world.run(NOW + timedelta(days=9))
    assert len(world.sns.calls) == 1
    assert [task["kind"] for task in world.tasks()] == ["data_repair"]


def test_stop_holds_for_every_account_at_the_number() -> None:
    world = World()
    world.links = LINKS
    for name in ("a1", "a2"):
        world.put(debtor(name, receivable(f"r-{name}"), points=(own(),)))
    world.run(NOW)
    assert len(world.sns.calls) == 2
    assert receiver(world)(sms("STOP"), 1) == ("stopped",)
    for name in ("a1", "a2"):
        assert world.account(name).refused_channels == ("sms",)


def test_a_sentence_that_asks_to_stop_stops_and_one_person_reads_it() -> None:
    """Honoured in whatever words (12 CFR 1006.6(e)); it may say more than that."""
    world = World()
    world.links = LINKS
    for name in ("a1", "a2"):
        world.put(debtor(name, receivable(f"r-{name}"), points=(own(),)))
    world.run(NOW)
    assert receiver(world)(sms("Ya pagué, no me escriban más"), 1) == ("stopped",)
    for name in ("a1", "a2"):
        assert world.account(name).refused_channels == ("sms",)
        assert [f["reason"] for f in world.facts(name, "consent_revoked")] == ["reply"]
    (task,) = world.tasks()
    assert (task["kind"], task["text"]) == ("reply", "Ya pagué, no me escriban más")
    held = [name for name in ("a1", "a2") if world.account(name).holds]
    assert held == [task["account_id"]]


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
def test_whatever_order_wishes_come_in_the_one_written_last_stands(order: tuple[int, ...]) -> None:
    """SMS come in no order (AWS: best effort). Each is told twice."""
    wishes = [
        sms("STOP", reply_id="r1", at=SOON),
        sms("START", reply_id="r2", at=SOON + timedelta(minutes=1)),
        sms("BAJA", reply_id="r3", at=SOON + timedelta(minutes=2)),
    ]
    world = written_to()
    world.clock.at = SOON + timedelta(hours=1)
    for number in (*order, *order):
        receiver(world)(wishes[number], 1)
    assert consents(world) == [False]
    assert world.account().refused_channels == ("sms",)
    assert len(world.table.documents("A#a1", "I#")) == 3


def test_of_two_wishes_of_one_instant_stop_stands() -> None:
    for first, second in (("STOP", "START"), ("START", "STOP")):
        world = written_to()
        receiver(world)(sms(first, reply_id="r1"), 1)
        receiver(world)(sms(second, reply_id="r2"), 1)
        assert world.account().refused_channels == ("sms",), first


def test_a_start_that_comes_late_does_not_undo_what_was_stopped_on_the_page_since() -> None:
    world = written_to()
    world.clock.at = SOON + timedelta(hours=1)
    world.put(channel_refused(world.account(), "sms", world.clock.at))
    assert receiver(world)(sms("START", at=SOON), 1) == ("overtaken",)
    assert world.account().refused_channels == ("sms",)
    later = SOON + timedelta(hours=2)
    world.clock.at = later
    assert receiver(world)(sms("START", reply_id="r2", at=later), 1) == ("started",)
    assert world.account().refused_channels == ()


# --------------------------------------------------------------------------- questions


def test_anything_else_is_read_by_a_person_and_nothing_is_said_meanwhile() -> None:
    world = written_to()
    assert receiver(world)(sms("¿Me dan hasta el viernes?"), 1) == ("asked",)
    (task,) = world.table.listed("tasks")
    (message,) = world.messages()
    assert (task["kind"], task["due_at"]) == ("reply", "2026-09-09T15:05:00Z")
    assert (task["text"], task["about"]) == ("¿Me dan hasta el viernes?", message["message_id"])
    assert (task["creditor"], task["step"], task["by"]) == ("andina", "friendly", "sms")
    (hold,) = world.account().holds
    assert (hold.kind, hold.starts_on, hold.ends_on) == (
        *("reply", datetime(2026, 9, 7).date(), datetime(2026, 9, 11).date()),  # noqa: DTZ001
    )
    assert world.account().requests == (Request(SOON, "sms"),)
    world.run(NOW + timedelta(days=2))
    assert world.account().intents == ()


def test_the_rulebook_says_how_long_a_reply_pauses_at_most() -> None:
    world = written_to()
    world.rulebooks = OneRulebook(
        replace(
            world.rulebook(),
            holds={"reply": HoldKind(1)},
            channels=Channels(replies=ReplyRules(pause_days=4)),
        )
    )
    receiver(world)(sms("hola"), 1)
    (hold,) = world.account().holds
    assert (hold.ends_on - hold.starts_on).days == 1  # type: ignore[operator]


def test_the_ladder_goes_on_by_itself_when_nobody_has_answered() -> None:
    """A hold ends by itself (lesson L13)."""
    world = written_to()
    receiver(world)(sms("hola"), 1)
    world.run(NOW + timedelta(days=9))
    assert len(world.sns.calls) == 2


def test_the_same_reply_told_twice_is_one_task_and_one_hold() -> None:
    world = written_to()
    assert receiver(world)(sms("hola"), 1) == ("asked",)
    before = world.all_items()
    assert receiver(world)(sms("hola"), 2) == ("known",)
    assert world.all_items() == before


def test_what_people_write_stands_in_the_table_alone() -> None:
    """Invariant 12: no fact, no log line, no queue message."""
    world = written_to()
    receiver(world)(sms("soy Ana, me llamo Gómez"), 1)
    told = msgspec.json.encode(world.facts("a1")).decode() + json.dumps(world.reports)
    assert "Gómez" not in told
    assert NUMBER not in told
    assert NUMBER not in "".join(pk for pk, _ in world.all_items())


# ------------------------------------------------------------------------------ who it was


def test_a_number_that_nobody_was_written_to_is_kept_for_a_person() -> None:
    world = written_to()
    assert receiver(world)(sms("STOP", sender="+573000000799"), 1) == ("unmatched",)
    assert world.account().refused_channels == ()
    ((code, about),) = world.reports
    assert code == "reply_unmatched"
    assert about["kept_at"].startswith("feedback/2026-09-07/")
    assert b"+573000000799" in world.s3.objects[about["kept_at"]][0]


def test_what_says_nothing_is_kept_for_a_person() -> None:
    world = written_to()
    assert receiver(world)("{}", 1) == ("not_understood",)
    assert world.reports[0][0] == "reply_not_understood"


def test_it_comes_back_until_a_rulebook_is_in_force_and_is_kept_in_the_end() -> None:
    world = written_to()
    receive = receiver(world)
    receive._rulebook = lambda _: None
    with pytest.raises(TryLaterError):
        receive(sms("STOP"), 1)
    assert receive(sms("STOP"), PATIENCE) == ("given_up",)
    assert world.reports[-1][0] == "reply_given_up"


# --------------------------------------------------------------------------- WhatsApp


def test_what_became_of_our_own_messages_goes_to_the_feedback_queue() -> None:
    world = written_to()
    assert receiver(world)(body("whatsapp_delivered"), 1) == ("feedback",)
    (queued,) = world.sqs.queues["feedback"]
    said = msgspec.json.decode(queued, type=Feedback)
    assert (said.channel, said.event, said.account_id, said.message_id) == (
        *("whatsapp", "delivered", "a1", "m1"),
    )
    assert said.recipient == ""


# --------------------------------------------------------------------------- faults


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 8))
@pytest.mark.parametrize(("text", "holds"), [("STOP", 0), ("¿cuánto debo?", 1)])
def test_a_crash_anywhere_loses_nothing_and_does_nothing_twice(
    when: When, call: int, text: str, holds: int
) -> None:
    world = written_to()
    with suppress(Crash):
        receiver(world, Faults(call, when))(sms(text), 1)
    receiver(world)(sms(text), 2)
    assert len(world.account().holds) == holds
    assert len(world.tasks()) == holds
    assert (world.account().refused_channels == ("sms",)) is (not holds)
    assert len(world.table.documents("A#a1", "I#")) == 1
    assert len(world.facts("a1", "replied")) == 1


def test_a_reply_that_races_a_delivery_is_written_on_what_that_left() -> None:
    """The account moves between the look and the write: it is looked at again."""
    world = written_to()
    faults = Faults()
    receive = receiver(world, faults)
    real = world.table.get("a1")
    assert real is not None
    moved = {"done": False}
    load_many = receive._table.load_many

    def meanwhile(keys: Any) -> Any:
        found = load_many(keys)
        if not moved["done"]:
            moved["done"] = True
            world.put(replace(world.account(), tags=("moved",)))
        return found

    receive._table.load_many = meanwhile  # type: ignore[method-assign]
    assert receive(sms("STOP"), 1) == ("stopped",)
    assert world.account().tags == ("moved",)
    assert world.account().refused_channels == ("sms",)


def test_an_intent_that_was_queued_before_the_question_does_not_go_out() -> None:
    world = written_to()
    later = NOW + timedelta(days=8)
    world.clock.at = later
    world.sweep()(later)
    world.work_off("escalate")
    (queued,) = world.sqs.queues["sms"]
    receiver(world)(sms("una pregunta", at=later), 1)
    assert world.deliver("sms")(msgspec.json.decode(queued, type=ToDeliver)) == "withdrawn"
    assert len(world.sns.calls) == 1
