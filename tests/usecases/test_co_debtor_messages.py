"""Messages to co-debtors and guarantors: from the run to the carrier's word, whatever crashes."""

from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.table import Table
from escalon.authoring.rulebook import sealed
from escalon.domain.account import Account, Link
from escalon.domain.contact.feedback import Event, Feedback
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import Change
from escalon.usecases.contact.deliver import TryLaterError
from escalon.usecases.contact.record_feedback import Recorded, RecordFeedback
from escalon.usecases.messages_between import ToDeliver
from escalon.usecases.payments.payment_link import Links
from tests.carriers.told import TOPIC
from tests.doubles.crashing import Crash, Crashing, Faults, When
from tests.doubles.world import NOW, TABLE, OneRulebook, World, debtor, point, receivable, rulebook

QUARTER = timedelta(minutes=15)
SECOND_RUN = NOW + QUARTER
BETO_AT = (point("email", "beto@example.com"), point("sms", "+573000000002"))


@cache
def rules() -> Rulebook:
    """The ladder of the tests, whose first step goes to all who answer for the debt."""
    book = rulebook()
    (house,) = book.strategies
    first, *rest = house.steps
    to_all = replace(first, to=("debtor", "codebtor", "guarantor"))
    return sealed(replace(book, strategies=(replace(house, steps=(to_all, *rest)),)))


def ana(*receivables: Any) -> Account:
    return replace(debtor("a1", *receivables), links=(Link("b2", "codebtor"),))


def beto(**more: Any) -> Account:
    """Who owes nothing himself."""
    who = replace(debtor("b2", points=BETO_AT), receivables=(), name="Beto Ruiz")
    return replace(who, **more)


def a_world(*people: Account) -> World:
    world = World()
    world.rulebooks = OneRulebook(rules())
    world.put(ana())
    for one in people or (beto(),):
        world.put(one, NOW - timedelta(hours=1) if one.receivables else None)
    return world


def first_told(*people: Account) -> World:
    """A world in which the debtor has been written to."""
    world = a_world(*people)
    world.run(NOW)
    assert [m["to"] for m in world.messages()] == ["ana@example.com"]
    return world


def planned(*people: Account) -> tuple[World, ToDeliver]:
    """A world in which the message to Beto is planned, and its queue message."""
    world = first_told(*people)
    world.clock.at = SECOND_RUN
    world.sweep()(SECOND_RUN)
    world.work_off("escalate")
    (name,) = world.waiting()
    return world, msgspec.json.decode(world.sqs.queues[name][0], type=ToDeliver)


def change(world: World, account: Account) -> None:
    stored = world.table.get(account.account_id)
    assert stored is not None
    world.table.update(Change(stored, account, None, ()))


def to_beto(world: World) -> list[dict[str, Any]]:
    return [m for m in world.messages() if m["account_id"] == "b2"]


def followed(world: World) -> dict[str, str]:
    return {key: record.state for key, record in world.account().followed.items()}


def sent_to(world: World) -> list[str]:
    return [call["Destination"]["ToAddresses"][0] for call in world.ses.calls]


def rejected(code: str = "MessageRejected", status: int = 400) -> ClientError:
    about = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(about, "SendEmail")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------ it is sent


def test_the_next_run_writes_to_the_codebtor_as_what_they_are() -> None:
    world = first_told()
    world.run(SECOND_RUN)
    assert sent_to(world) == ["ana@example.com", "beto@example.com"]
    (document,) = to_beto(world)
    assert (document["debtor_id"], document["role"], document["state"]) == (
        "a1",
        "codebtor",
        "sent",
    )
    assert document["kept_at"].startswith("messages/b2/") or "/b2/" in document["kept_at"]
    text = world.s3.objects[document["kept_at"]][0].decode()
    assert "you are named as a co-debtor" in " ".join(text.replace("=\r\n", "").split())
    assert "Beto Ruiz" in text
    assert "Ana" not in text
    assert followed(world) == {"r1/friendly/b2": "sent"}
    assert world.account().intents == ()


def test_the_contact_counts_on_their_clock_and_not_on_the_debtors() -> None:
    world = first_told()
    before = world.account().contacts
    world.run(SECOND_RUN)
    assert world.account().contacts == before
    (contact,) = world.account("b2").contacts
    assert (contact.channel, contact.at, contact.creditor) == ("email", SECOND_RUN, "andina")
    assert contact.message_id == to_beto(world)[0]["message_id"]


def test_the_debtors_history_tells_to_whom_and_theirs_that_they_were_contacted() -> None:
    world = first_told()
    world.run(SECOND_RUN)
    last = [(f["fact"], f.get("person")) for f in world.facts("a1")][-3:]
    assert last == [("decided", "b2"), ("claimed", "b2"), ("sent", "b2")]
    (fact,) = world.facts("b2")
    assert (fact["fact"], fact["debtor"], fact["role"]) == ("contact_counted", "a1", "codebtor")


def test_a_message_that_comes_again_sends_nothing() -> None:
    world, message = planned()
    assert world.deliver("email")(message) == "sent"
    assert world.deliver("email")(message) == "gone"
    assert sent_to(world) == ["ana@example.com", "beto@example.com"]


def test_runs_read_no_linked_account_where_no_step_writes_to_others() -> None:
    world = World()
    world.put(ana())
    world.put(beto(), None)
    world.sweep()(NOW)
    calls = Faults()
    world.take("escalate", calls)
    assert "batch_get_item" not in calls.calls
    world.work_off()
    world.run(SECOND_RUN)
    assert sent_to(world) == ["ana@example.com"]


def test_their_link_is_their_own_and_asks_for_no_payment_page() -> None:
    world, message = planned()
    world.links = Links(lambda: b"key", "https://pay.example.com")
    assert world.deliver("email")(message) == "sent"
    (link,) = [item for (pk, _), item in world.all_items().items() if pk.startswith("LINK#")]
    assert '"account_id":"b2"' in link["doc"]["S"]
    text = world.s3.objects[to_beto(world)[0]["kept_at"]][0].decode().replace("=\r\n", "")
    url = world.links.url(message.intent_id)
    assert f"{url}/stop" in text
    assert f"{url}\n" not in text.replace("\r", "")


# --------------------------------------------------------------------------- the last look


def paid(world: World) -> None:
    change(world, replace(world.account(), receivables=()))


def refuses_email_and_sms(world: World) -> None:
    change(world, replace(world.account("b2"), refused_channels=("email", "sms")))


def written_to_today(world: World) -> None:
    own = world.account().contacts[0]
    mine = replace(own, message_id="m-own", creditor="other")
    change(world, replace(world.account("b2"), contacts=(mine,)))


def no_longer_linked(world: World) -> None:
    change(world, replace(world.account(), links=()))


@pytest.mark.parametrize("what", [paid, refuses_email_and_sms, written_to_today, no_longer_linked])
def test_l7_what_happens_to_either_of_them_stops_the_message(what: Any) -> None:
    world, message = planned()
    what(world)
    before = world.account("b2").contacts
    assert world.deliver("email")(message) == "withdrawn"
    assert sent_to(world) == ["ana@example.com"]
    assert world.account("b2").contacts == before
    assert followed(world) == {}


def test_two_debts_of_one_day_share_the_persons_clock() -> None:
    """Beto owes and answers for Ana: whichever message is claimed second is denied."""
    own = beto(receivables=(receivable("r2"),))
    world = World()
    world.rulebooks = OneRulebook(rules())
    world.put(ana())
    world.put(own)
    world.run(NOW)  # to each about their own debt
    assert sorted(sent_to(world)) == ["ana@example.com", "beto@example.com"]
    world.run(SECOND_RUN)
    assert len(world.ses.calls) == 2
    assert world.sns.calls == []
    (last, *_) = reversed(world.facts("a1", "decided"))
    assert {(r["person"], r["code"]) for r in last["refusals"]} == {("b2", "cap_reached")}


@pytest.mark.parametrize("number", [4, 5])
@pytest.mark.parametrize("who", ["a1", "b2"])
def test_a_change_of_either_between_look_and_claim_makes_it_look_again(
    who: str, number: int
) -> None:
    world, message = planned()
    stop = {
        "a1": lambda: paid(world),
        "b2": lambda: refuses_email_and_sms(world),
    }[who]
    faults = Faults(number, "before", instead=stop)
    assert world.deliver("email", faults)(message) == "withdrawn"
    assert sent_to(world) == ["ana@example.com"]


# ------------------------------------------------------------------ the provider's answers


def test_what_was_not_taken_is_no_contact_and_is_sent_once_later() -> None:
    world, message = planned()
    world.ses.answers.append(rejected("TooManyRequestsException", 429))
    with pytest.raises(TryLaterError):
        world.deliver("email")(message)
    assert world.account("b2").contacts == ()
    assert [f["fact"] for f in world.facts("b2")] == ["contact_counted", "contact_released"]
    assert world.deliver("email")(message) == "sent"
    assert len(world.account("b2").contacts) == 1
    assert sent_to(world) == ["ana@example.com", "beto@example.com"]


def test_l10_what_is_refused_goes_by_their_next_channel_and_uses_no_contact_up() -> None:
    world, message = planned()
    world.ses.answers.append(rejected())
    assert world.deliver("email")(message) == "failed"
    assert [c.reached for c in world.account("b2").contacts] == [False]
    assert [p.failed for p in world.account().points] == ["", "", ""]
    world.run(SECOND_RUN + QUARTER)
    (call,) = world.sns.calls
    assert call["PhoneNumber"] == "+573000000002"
    assert "co-debtor" in call["Message"]
    assert followed(world) == {"r1/friendly/b2": "sent"}


@pytest.mark.parametrize("who", ["a1", "b2"])
def test_what_the_provider_said_is_written_down_whoever_moves_meanwhile(who: str) -> None:
    world, message = planned()
    world.ses.answers.append(rejected())

    def moves() -> None:
        change(world, replace(world.account(who), tags=("vip",)))

    assert world.deliver("email", Faults(8, "before", instead=moves))(message) == "failed"
    assert [c.reached for c in world.account("b2").contacts] == [False]
    assert followed(world) == {"r1/friendly/b2": "failed"}
    assert world.account(who).tags == ("vip",)


def test_l2_what_nobody_knows_goes_to_a_person_and_never_again() -> None:
    world, message = planned()
    world.ses.answers.append(ReadTimeoutError(endpoint_url="https://email"))
    assert world.deliver("email")(message) == "unknown"
    for number in range(2, 6):
        world.run(NOW + QUARTER * number)
    assert sent_to(world) == ["ana@example.com"]
    assert world.sns.calls == []
    (task,) = world.tasks()
    assert (task["account_id"], task["kind"], task["about"]) == (
        "a1",
        "unknown_fate",
        message.intent_id,
    )
    assert to_beto(world)[0]["state"] == "unknown"
    assert followed(world) == {"r1/friendly/b2": "unknown"}
    assert len(world.account("b2").contacts) == 1  # it may have arrived
    assert told(world, message.intent_id, "delivered") == "delivered"
    assert followed(world) == {"r1/friendly/b2": "delivered"}
    (closed,) = world.tasks()
    assert closed["outcome"] == "delivered"


# ------------------------------------------------------------------------------- feedback


def recorder(world: World) -> RecordFeedback:
    documents = Documents(world.s3, "bucket")
    table = Table(world.dynamo, TABLE, 1, pause=lambda _: None)
    return RecordFeedback(table, world.rulebooks, documents, world.clock, TOPIC, world.report)


def told(world: World, message_id: str, what: Event, **more: Any) -> Recorded:
    at = world.clock.at
    about = Feedback("email", what, at, "p-2", "b2", message_id, "beto@example.com", **more)
    return recorder(world).record(about, 1)


def sent() -> tuple[World, str]:
    world, message = planned()
    assert world.deliver("email")(message) == "sent"
    world.clock.at = SECOND_RUN + timedelta(seconds=3)
    return world, message.intent_id


def test_a_delivery_is_known_in_the_debtors_account() -> None:
    world, message_id = sent()
    assert told(world, message_id, "delivered") == "delivered"
    assert followed(world) == {"r1/friendly/b2": "delivered"}
    assert world.account().receivables[0].steps["friendly"].state == "sent"  # the debtor's own
    (fact,) = world.facts("a1", "delivered")
    assert (fact["person"], fact["intent_id"]) == ("b2", message_id)
    assert told(world, message_id, "delivered") == "known"
    assert len(world.facts("a1", "delivered")) == 1


def test_l10_a_bounce_closes_their_address_and_goes_on_by_the_next_channel() -> None:
    world, message_id = sent()
    assert told(world, message_id, "bounced", address_bad=True, reason="Permanent") == "bounced"
    assert [p.failed for p in world.account("b2").points] == ["bounced Permanent", ""]
    assert [p.failed for p in world.account().points] == ["", "", ""]
    assert [c.reached for c in world.account("b2").contacts] == [False]
    assert followed(world) == {"r1/friendly/b2": "failed"}
    world.run(SECOND_RUN + QUARTER)
    assert [call["PhoneNumber"] for call in world.sns.calls] == ["+573000000002"]


def test_an_sms_is_known_again_by_the_name_that_sns_gave_it() -> None:
    world = first_told(beto(refused_channels=("email",)))
    world.run(SECOND_RUN)
    (document,) = to_beto(world)
    pointer = world.table.load(f"SMS#{document['provider_message_id']}", "SENT")
    assert pointer == {"account_id": "b2", "message_id": document["message_id"]}


def test_a_complaint_stops_their_channel_and_not_the_debtors() -> None:
    world, message_id = sent()
    assert told(world, message_id, "complained", stops_channel=True) == "complained"
    (email, _) = world.account("b2").points
    assert email.consent is not None
    assert not email.consent.stands
    assert all(p.consent is None for p in world.account().points)
    assert [f["fact"] for f in world.facts("b2")][-1] == "consent_revoked"


# --------------------------------------------------- whose end the carrier does not tell (L10)

PAST_ITS_TIME = SECOND_RUN + timedelta(hours=72)


def open_tasks(world: World) -> list[tuple[str, str, str]]:
    return [(t["account_id"], t["kind"], t.get("person", "")) for t in world.table.listed("tasks")]


def arrived() -> tuple[World, str]:
    """A world in which an e-mail was sent to Beto, and the debtor's own is known to be there."""
    world, message_id = sent()
    (own,) = [m for m in world.messages() if m["account_id"] == "a1"]
    about = Feedback("email", "delivered", world.clock.at, "p-1", "a1", own["message_id"])
    recorder(world).record(about, 1)
    return world, message_id


@pytest.mark.parametrize("first", [(), ("sent",), ("delayed",)])
def test_l10_what_nobody_tells_of_their_message_a_person_finds_out_once(first: list[Event]) -> None:
    world, message_id = arrived()
    for what in first:
        told(world, message_id, what)
    world.run(PAST_ITS_TIME - timedelta(seconds=1))
    assert open_tasks(world) == []
    for number in range(4):
        world.run(PAST_ITS_TIME + QUARTER * number)
    assert open_tasks(world) == [("a1", "unknown_fate", "b2")]
    (task,) = world.tasks()
    assert (task["about"], task["step"], task["stage"]) == (message_id, "friendly", "reminder")
    assert len(world.facts("a1", "opened")) == 1
    assert followed(world) == {"r1/friendly/b2": "unknown"}
    assert [m["state"] for m in to_beto(world)] == ["delayed" if "delayed" in first else "sent"]
    assert told(world, message_id, "delivered") == "delivered"
    assert open_tasks(world) == []
    assert followed(world) == {"r1/friendly/b2": "delivered"}


@pytest.mark.parametrize("what", ["sent", "delayed"])
def test_l10_a_late_word_that_it_left_begins_the_carriers_time_and_ends_no_question(
    what: Event,
) -> None:
    """Its answer was lost: the word closes the task, and the three days still count."""
    world, message = planned()
    world.ses.answers.append(ReadTimeoutError(endpoint_url="https://email"))
    assert world.deliver("email")(message) == "unknown"
    world.run(SECOND_RUN + QUARTER)
    assert ("a1", "unknown_fate", "b2") in open_tasks(world)
    told(world, message.intent_id, what)
    assert ("a1", "unknown_fate", "b2") not in open_tasks(world)
    assert followed(world) == {"r1/friendly/b2": what}
    (own,) = [m for m in world.messages() if m["account_id"] == "a1"]
    about = Feedback("email", "delivered", world.clock.at, "p-1", "a1", own["message_id"])
    recorder(world).record(about, 1)
    for number in range(3):
        world.run(PAST_ITS_TIME + QUARTER * number)
    assert open_tasks(world) == [("a1", "unknown_fate", "b2")]
    assert followed(world) == {"r1/friendly/b2": "unknown"}


def test_what_their_carrier_cannot_tell_is_on_the_debtors_list_once() -> None:
    world, message_id = arrived()
    assert told(world, message_id, "unconfirmed") == "unconfirmed"
    assert open_tasks(world) == [("a1", "unknown_fate", "b2")]
    assert [f["person"] for f in world.facts("a1", "opened")] == ["b2"]
    for number in range(3):
        world.run(PAST_ITS_TIME + QUARTER * number)
    assert len(world.tasks()) == 1
    told(world, message_id, "delivered")
    assert open_tasks(world) == []


def test_when_a_carrier_falls_silent_their_messages_do_not_flood_the_list() -> None:
    """Of thirty a run lists twenty and says so."""
    world = World()
    world.rulebooks = OneRulebook(rules())
    for number in range(30):
        debtor_id, other = f"a{number:02}", f"b{number:02}"
        owing = replace(ana(), account_id=debtor_id, links=(Link(other, "codebtor"),))
        mail = point("email", f"{other}@example.com")
        world.put(replace(owing, points=(point("email", f"{debtor_id}@example.com"),)))
        world.put(beto(account_id=other, points=(mail,)), None)
    world.run(NOW)
    world.run(SECOND_RUN)
    assert len(world.ses.calls) == 60
    for document in world.messages():
        if "debtor_id" not in document:
            names = (document["account_id"], document["message_id"])
            about = Feedback("email", "delivered", world.clock.at, "p", *names)
            recorder(world).record(about, 1)
    world.run(PAST_ITS_TIME)
    assert len(open_tasks(world)) == 20
    assert [code for code, _ in world.reports] == ["carrier_silent"]
    world.run(PAST_ITS_TIME + timedelta(days=1))
    assert len(open_tasks(world)) == 30


# ------------------------------------------------------------------------------- crashes


@cache
def _calls() -> tuple[str, ...]:
    world, _ = planned()
    faults = Faults()
    world.take("email", faults)
    return tuple(faults.calls)


def test_the_calls_at_which_it_is_crashed() -> None:
    assert _calls() == (
        "get_item",  # the debtor
        "get_item",  # what is stopped
        "batch_get_item",  # the linked accounts
        "put_object",  # the exact bytes
        "transact_write_items",  # the claim: both accounts, the message
        "send_email",
        "transact_write_items",  # the record
    )


_EACH = [
    pytest.param(number, when, id=f"{when} call {number}")
    for number in range(1, 8)
    for when in ("before", "after")
]


@pytest.mark.parametrize(("number", "when"), _EACH)
def test_l2_at_most_one_message_whatever_crashes(number: int, when: When) -> None:
    world, _ = planned()
    faults = Faults(number, when)
    world.take("email", faults)
    assert faults.happened
    world.hand_over_again()
    world.work_off()
    for later in range(2, 8):
        world.run(NOW + QUARTER * later)
        world.hand_over_again()
        world.work_off()
    assert world.account().intents == ()
    mine = [to for to in sent_to(world) if to == "beto@example.com"]
    (document,) = to_beto(world)
    (contact,) = world.account("b2").contacts
    assert contact.message_id == document["message_id"]
    assert world.sns.calls == []
    became = followed(world)["r1/friendly/b2"]
    assert document["state"] == became
    if became == "sent":
        assert len(mine) == 1
        assert world.tasks() == []
    else:
        assert became == "unknown"
        assert len(mine) <= 1
        assert [(t["kind"], t["about"]) for t in world.tasks()] == [
            ("unknown_fate", document["message_id"])
        ]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 6))
def test_l2_feedback_is_told_once_whatever_crashes(number: int, when: When) -> None:
    world, message_id = sent()
    about = Feedback(
        "email",
        "bounced",
        world.clock.at,
        "p-2",
        "b2",
        message_id,
        "beto@example.com",
        address_bad=True,
    )
    table = Table(Crashing(world.dynamo, Faults(number, when)), TABLE, 1, pause=lambda _: None)
    documents = Documents(world.s3, "bucket")
    record = RecordFeedback(table, world.rulebooks, documents, world.clock, TOPIC, world.report)
    with suppress(Crash):
        record.record(about, 1)
    told(world, message_id, "bounced", address_bad=True)
    assert len(world.facts("a1", "bounced")) == 1
    assert [c.reached for c in world.account("b2").contacts] == [False]
    assert followed(world) == {"r1/friendly/b2": "failed"}
