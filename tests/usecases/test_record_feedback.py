"""Record feedback: what carriers tell reaches message, step, address and consent, in any order."""

import base64
import gzip
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.queue import Queue
from escalon.adapters.table import Table
from escalon.domain.account import Account, Consent
from escalon.domain.contact.feedback import Event, Feedback
from escalon.domain.decisions.transitions import unknown_fate_id
from escalon.domain.storage import Change
from escalon.usecases.contact.deliver import TryLaterError
from escalon.usecases.contact.record_feedback import QueueSmsStatus, Recorded, RecordFeedback
from escalon.usecases.messages_between import ToDeliver
from tests.carriers.told import EVENTS, TOPIC, bodies, event, notification
from tests.doubles.crashing import Crash, Crashing, Faults, When
from tests.doubles.world import NOW, TABLE, World, debtor, point, receivable

QUARTER = timedelta(minutes=15)
SOON = NOW + timedelta(seconds=3)
LOST = ReadTimeoutError(endpoint_url="https://email")
BY_EMAIL, BY_SMS = (point("email"),), (point("sms"),)


def recorder(world: World, faults: Faults | None = None) -> RecordFeedback:
    faults = faults or Faults()
    table = Table(Crashing(world.dynamo, faults), TABLE, 1, pause=lambda _: None)
    documents = Documents(Crashing(world.s3, faults), "bucket")
    return RecordFeedback(table, world.rulebooks, documents, world.clock, TOPIC, world.report)


def planned(account: Account | None = None) -> tuple[World, ToDeliver]:
    """A world in which one contact is planned, and its queue message."""
    world = World()
    world.put(account or debtor())
    world.sweep()(NOW)
    world.work_off("escalate")
    (name,) = world.waiting()
    return world, msgspec.json.decode(world.sqs.queues[name].popleft(), type=ToDeliver)


def sent(account: Account | None = None) -> tuple[World, str]:
    """A world in which an e-mail was sent, and its message's id."""
    world, message = planned(account)
    assert world.deliver("email")(message) == "sent"
    world.clock.at = SOON
    return world, message.intent_id


def answer_lost(account: Account | None = None) -> tuple[World, str]:
    """A world in which SES took an e-mail and its answer was lost."""
    world, message = planned(account)
    world.ses.answers.append(LOST)
    assert world.deliver("email")(message) == "unknown"
    world.clock.at = SOON
    return world, message.intent_id


def of(message_id: str, what: Event, at: datetime = SOON, **more: Any) -> Feedback:
    return Feedback("email", what, at, "provider-1", "a1", message_id, "ana@example.com", **more)


BOUNCE: dict[str, Any] = {"address_bad": True, "reason": "Permanent/General"}
COMPLAINT: dict[str, Any] = {"stops_channel": True, "reason": "abuse"}


def told(world: World, message_id: str, what: Event, **more: Any) -> Recorded:
    return recorder(world).record(of(message_id, what, **more), 1)


def steps(world: World) -> dict[str, str]:
    return {name: r.state for name, r in world.account().receivables[0].steps.items()}


def message_of(world: World, message_id: str) -> dict[str, Any]:
    found = world.table.load("A#a1", f"M#{message_id}")
    assert found is not None
    return found


def looked_at(world: World) -> str:
    return str(world.all_items()["A#a1", "A"]["look_at"]["S"])


def open_tasks(world: World) -> list[tuple[str, str]]:
    return [(task["kind"], task["due_at"]) for task in world.table.listed("tasks")]


# ------------------------------------------------------------------------------- what follows


def test_a_delivery_is_written_to_the_message_and_its_step() -> None:
    world, message_id = sent()
    assert told(world, message_id, "delivered") == "delivered"
    assert steps(world) == {"friendly": "delivered"}
    document = message_of(world, message_id)
    assert (document["state"], document["provider_message_id"]) == ("delivered", "provider-1")
    assert document["told"] == {"delivered": {"at": "2026-09-07T15:00:03Z"}}
    assert document["settled_at"] == "2026-09-07T15:00:00Z"  # when it was sent
    (fact,) = world.facts("a1", "delivered")
    assert fact == {
        "fact": "delivered",
        "at": "2026-09-07T15:00:03Z",
        "intent_id": message_id,
        "creditor": "andina",
        "step": "friendly",
        "stage": "reminder",
        "channel": "email",
        "rulebook": world.rulebook().version,
        "state": "delivered",
    }


def test_l10_a_permanent_bounce_goes_on_by_the_next_channel_in_the_same_step() -> None:
    """The failed attempt reached nobody, so it locks no channel and uses up no contact."""
    world, message_id = sent()
    assert told(world, message_id, "bounced", **BOUNCE) == "bounced"
    assert steps(world) == {"friendly": "failed"}
    assert [p.failed for p in world.account().points] == ["bounced Permanent/General", "", ""]
    assert [c.reached for c in world.account().contacts] == [False]
    assert looked_at(world) == "2026-09-07T15:00:03Z"
    world.run(NOW + QUARTER)
    assert len(world.sns.calls) == 1
    assert steps(world) == {"friendly": "sent"}
    assert world.tasks() == []


def test_l10_when_the_last_channel_has_failed_a_person_mends_the_data() -> None:
    world, message_id = sent()
    told(world, message_id, "bounced", **BOUNCE)
    world.run(NOW + QUARTER)
    (record,) = world.account().receivables[0].steps.values()
    by_sms = Feedback("sms", "failed", SOON, "provider-1", reason="Phone has blocked SMS")
    world.clock.at = NOW + QUARTER
    assert recorder(world).record(by_sms, 1) == "failed"
    assert message_of(world, record.intent_id)["state"] == "failed"
    world.run(NOW + 2 * QUARTER)
    assert [kind for kind, _ in open_tasks(world)] == ["data_repair"]
    assert (len(world.ses.calls), len(world.sns.calls)) == (1, 1)


@pytest.mark.parametrize("what", ["rejected", "failed"])
def test_what_reached_nobody_blames_no_address(what: Event) -> None:
    world, message_id = sent()
    told(world, message_id, what)
    assert [p.failed for p in world.account().points] == ["", "", ""]
    world.run(NOW + QUARTER)
    assert len(world.sns.calls) == 1


def test_what_came_back_for_now_blames_nobody_and_leaves_the_step_taken() -> None:
    world, message_id = sent()
    told(world, message_id, "unconfirmed", reason="Transient/MailboxFull")
    assert steps(world) == {"friendly": "unknown"}
    assert [p.failed for p in world.account().points] == ["", "", ""]
    assert [c.reached for c in world.account().contacts] == [True]
    for number in range(1, 4):
        world.run(NOW + QUARTER * number)
    assert (len(world.ses.calls), len(world.sns.calls)) == (1, 0)


def test_l10_what_stays_unknown_past_its_time_stands_on_somebodys_list() -> None:
    """Three days is what a carrier may take; the task is due then, and gone if it says better."""
    world, message_id = sent()
    told(world, message_id, "unconfirmed")
    assert open_tasks(world) == [("unknown_fate", "2026-09-10T15:00:00Z")]
    (task,) = world.tasks()
    assert (task["about"], task["step"]) == (message_id, "friendly")
    told(world, message_id, "delivered")
    assert open_tasks(world) == []
    (task,) = world.tasks()
    assert (task["outcome"], task["closed_at"]) == ("delivered", "2026-09-07T15:00:03Z")
    assert steps(world) == {"friendly": "delivered"}
    (fact,) = world.facts("a1", "task_closed")
    assert (fact["task"], fact["about"], fact["outcome"]) == (
        *("unknown_fate", message_id, "delivered"),
    )


def test_a_delay_is_no_delivery_and_asks_nobody_yet() -> None:
    world, message_id = sent()
    assert told(world, message_id, "delayed", reason="MailboxFull") == "delayed"
    assert steps(world) == {"friendly": "delayed"}
    document = message_of(world, message_id)
    assert (document["state"], document["reason"]) == ("delayed", "MailboxFull")
    assert world.tasks() == []
    told(world, message_id, "delivered")
    assert "reason" not in message_of(world, message_id)  # that of a state it is no longer in


def test_a_complaint_stops_every_address_of_its_channel_at_once() -> None:
    second = replace(point("email", "work@example.com"), point_id="p-work")
    world, message_id = sent(debtor(points=(point("email"), second, point("sms"))))
    told(world, message_id, "complained", **COMPLAINT)
    email, work, sms = world.account().points
    assert email.consent == Consent(revoked_at=SOON)
    assert work.consent == Consent(revoked_at=SOON)
    assert sms.consent is None
    assert steps(world) == {"friendly": "delivered"}  # it has arrived
    facts = [(f["fact"], f["at"], f["reason"]) for f in world.facts("a1")[-2:]]
    assert facts == [
        ("complained", "2026-09-07T15:00:03Z", "abuse"),
        ("consent_revoked", "2026-09-07T15:00:03Z", "abuse"),
    ]


def test_a_complaint_stops_what_is_planned_by_that_channel() -> None:
    """Invariant 3: the last look asks again."""
    world = World()
    world.put(debtor("a1", receivable(late=2)))
    world.run(NOW)
    (first,) = world.messages()
    told(world, first["message_id"], "delivered")
    later = world.clock.at = NOW + timedelta(days=8)
    world.sweep()(later)
    world.work_off("escalate")
    (intent,) = world.account().intents
    assert (intent.step, intent.channel) == ("firm", "email")
    told(world, first["message_id"], "complained", **COMPLAINT)
    world.work_off()
    assert len(world.ses.calls) == 1
    assert [f["intent_id"] for f in world.facts("a1", "withdrawn")] == [intent.intent_id]
    world.run(later + QUARTER)
    assert len(world.sns.calls) == 1  # the step goes by the other channel


def test_a_bounce_after_a_delivery_counts() -> None:
    world, message_id = sent()
    told(world, message_id, "delivered")
    told(world, message_id, "bounced", **BOUNCE)
    assert steps(world) == {"friendly": "failed"}
    assert message_of(world, message_id)["state"] == "bounced"


def test_what_is_told_of_a_settled_account_wakes_nobody() -> None:
    world, message_id = sent()
    world.put(replace(world.account(), receivables=()), None)
    assert told(world, message_id, "delivered") == "delivered"
    assert "look_at" not in world.all_items()["A#a1", "A"]


# --------------------------------------------------- whose end the carrier does not tell (L10)

PAST_ITS_TIME = NOW + timedelta(hours=72)


@pytest.mark.parametrize("first", [(), ("sent",), ("delayed",), ("sent", "delayed")])
def test_l10_what_the_carrier_does_not_tell_the_end_of_is_listed_once(first: list[Event]) -> None:
    world, message_id = sent()
    for what in first:
        told(world, message_id, what)
    world.run(PAST_ITS_TIME - timedelta(seconds=1))
    assert open_tasks(world) == []
    for number in range(4):
        world.run(PAST_ITS_TIME + QUARTER * number)
    assert open_tasks(world) == [("unknown_fate", "2026-09-11T15:00:00Z")]
    (task,) = world.tasks()
    assert (task["about"], task["step"], task["stage"]) == (message_id, "friendly", "reminder")
    assert len(world.facts("a1", "opened")) == 1
    assert steps(world) == {"friendly": "unknown"}
    assert len(world.ses.calls) == 1


@pytest.mark.parametrize(
    ("what", "more", "state", "listed"),
    [
        ("delivered", {}, "delivered", []),
        ("bounced", BOUNCE, "failed", []),
        ("unconfirmed", {}, "unknown", ["unknown_fate"]),
    ],
)
def test_l10_the_carriers_late_word_settles_the_task(
    what: Event, more: dict[str, Any], state: str, listed: list[str]
) -> None:
    world, message_id = sent()
    told(world, message_id, "delayed")
    world.run(PAST_ITS_TIME)
    assert [kind for kind, _ in open_tasks(world)] == ["unknown_fate"]
    told(world, message_id, what, at=PAST_ITS_TIME, **more)
    assert [kind for kind, _ in open_tasks(world)] == listed
    assert steps(world) == {"friendly": state}


def test_l10_that_the_carrier_was_still_trying_told_after_its_time_ends_no_question() -> None:
    world, message_id = sent()
    world.run(PAST_ITS_TIME)
    told(world, message_id, "delayed", at=PAST_ITS_TIME)
    assert [kind for kind, _ in open_tasks(world)] == ["unknown_fate"]
    assert world.facts("a1", "task_closed") == []


def test_l10_a_word_on_its_way_to_the_list_is_in_time() -> None:
    world, message_id = sent()
    world.clock.at = PAST_ITS_TIME
    world.sweep()(PAST_ITS_TIME)
    world.work_off("escalate")
    assert world.waiting() == ["task"]
    told(world, message_id, "delivered")
    world.work_off()
    assert (world.tasks(), world.account().intents) == ([], ())


def test_an_sms_whose_log_is_off_counts_by_time_and_asks_nobody() -> None:
    world, message = planned(debtor(points=BY_SMS))
    assert world.deliver("sms")(message) == "sent"
    for number in range(10):
        world.run(NOW + timedelta(days=number))
    assert open_tasks(world) == []


def test_when_a_carrier_falls_silent_the_list_is_not_flooded() -> None:
    """Of thirty messages a run lists twenty and says so; when the carrier speaks again, the others
    have troubled nobody."""
    world = World()
    for number in range(30):
        world.put(debtor(f"a{number}", points=BY_EMAIL))
    world.run(NOW)
    assert len(world.ses.calls) == 30
    world.run(PAST_ITS_TIME)
    assert len(open_tasks(world)) == 20
    assert [code for code, _ in world.reports] == ["carrier_silent"]
    for document in world.messages():
        feedback = of(document["message_id"], "delivered", at=PAST_ITS_TIME)
        recorder(world).record(replace(feedback, account_id=document["account_id"]), 1)
    world.run(PAST_ITS_TIME + timedelta(days=1))
    assert open_tasks(world) == []
    assert len(world.tasks()) == 20


# ------------------------------------------------------------- settled by the carrier (L2)


@pytest.mark.parametrize(
    ("what", "more", "state"),
    [("sent", {}, "sent"), ("delivered", {}, "delivered"), ("bounced", BOUNCE, "failed")],
)
def test_l2_a_lost_answer_is_settled_before_anybody_is_told(
    what: Event, more: dict[str, Any], state: str
) -> None:
    world, message_id = answer_lost(debtor(points=BY_EMAIL))
    assert message_of(world, message_id)["state"] == "sending"
    told(world, message_id, what, **more)
    assert world.account().intents == ()
    assert steps(world) == {"friendly": state}
    for number in range(1, 4):
        world.run(NOW + QUARTER * number)
    assert world.ses.calls == []  # the double counts answered calls: nothing was sent a second time
    assert [kind for kind, _ in open_tasks(world)] == (["data_repair"] if state == "failed" else [])


@pytest.mark.parametrize("what", ["sent", "delivered"])
def test_l2_a_person_who_was_told_is_told_no_more(what: Event) -> None:
    """Invariant 1: a message of unknown fate is settled by its carrier's own events."""
    world, message_id = answer_lost()
    world.run(NOW + QUARTER)
    assert [kind for kind, _ in open_tasks(world)] == ["unknown_fate"]
    assert message_of(world, message_id)["state"] == "unknown"
    assert told(world, message_id, what) == what
    assert open_tasks(world) == []
    assert steps(world) == {"friendly": what}
    assert message_of(world, message_id)["state"] == what
    assert world.sns.calls == []


def test_l2_a_person_who_was_about_to_be_told_is_not() -> None:
    world, message_id = answer_lost()
    later = world.clock.at = NOW + QUARTER
    world.sweep()(later)
    world.work_off("escalate")
    assert world.waiting() == ["task"]
    told(world, message_id, "delivered")
    world.work_off()
    assert world.tasks() == []
    assert world.account().intents == ()


def test_l2_what_comes_back_after_all_is_put_on_the_list_again() -> None:
    world, message_id = answer_lost()
    world.run(NOW + QUARTER)
    told(world, message_id, "sent")
    assert open_tasks(world) == []
    told(world, message_id, "unconfirmed")
    assert open_tasks(world) == [("unknown_fate", "2026-09-10T15:00:00Z")]


def test_l2_a_carrier_that_does_not_know_either_leaves_it_to_the_person() -> None:
    world, message_id = answer_lost()
    world.run(NOW + QUARTER)
    told(world, message_id, "unconfirmed")
    assert [kind for kind, _ in open_tasks(world)] == ["unknown_fate"]
    assert len(world.tasks()) == 1


@pytest.mark.parametrize(
    ("what", "more", "state"),
    [("sent", {}, "sent"), ("delivered", {}, "delivered"), ("bounced", BOUNCE, "failed")],
)
def test_feedback_may_come_before_the_send_is_written_down(
    what: Event, more: dict[str, Any], state: str
) -> None:
    world, message = planned()

    def meanwhile() -> None:
        told(world, message.intent_id, what, at=NOW, **more)

    assert world.deliver("email", Faults(5, "after", instead=meanwhile))(message) == "sent"
    document = message_of(world, message.intent_id)
    assert (document["state"], document["provider_message_id"]) == (what, "provider-1")
    assert document["settled_at"] == "2026-09-07T15:00:00Z"
    assert steps(world) == {"friendly": state}
    assert len(world.ses.calls) == 1
    assert world.account().intents == ()
    assert (
        "recorded_late",
        {"intent_id": message.intent_id, "became": "sent"},
    ) not in world.reports


def test_feedback_between_two_reads_of_who_records_is_not_lost() -> None:
    """The record finds that the account has moved and reads again; meanwhile the carrier tells."""
    world, message = planned()
    faults = Faults(7, "after", instead=lambda: told(world, message.intent_id, "bounced", **BOUNCE))

    def money() -> None:
        (owed,) = world.account().receivables
        less = replace(world.account(), receivables=(replace(owed, open_minor=60_000_00),))
        world.put(less, NOW)

    first = Faults(5, "after", instead=money)
    both = _Both(first, faults)
    assert world.deliver("email", both)(message) == "sent"  # type: ignore[arg-type]
    assert faults.calls[6] == "get_item"  # the account, before its message
    assert message_of(world, message.intent_id)["state"] == "bounced"
    assert steps(world) == {"friendly": "failed"}


class _Both:
    """Two faults at once."""

    def __init__(self, *faults: Faults) -> None:
        self._faults = faults

    def call(self, name: str, work: Any, request: Any, arguments: tuple[Any, ...] = ()) -> Any:
        first, second = self._faults

        def inner(*given: Any, **asked: Any) -> Any:
            return second.call(name, work, asked, given)

        return first.call(name, inner, request, arguments)


# ------------------------------------------------------------------------------------- SMS


def test_an_sms_is_matched_by_the_id_that_sns_gave_it() -> None:
    world, message = planned(debtor(points=BY_SMS))
    assert world.deliver("sms")(message) == "sent"
    assert world.table.load("SMS#provider-1", "SENT") == {
        "account_id": "a1",
        "message_id": message.intent_id,
    }
    status = Feedback("sms", "delivered", SOON, "provider-1")
    world.clock.at = SOON
    assert recorder(world)(msgspec.json.encode(status).decode(), 1) == ("delivered",)
    assert steps(world) == {"friendly": "delivered"}


def test_an_email_needs_no_such_pointer() -> None:
    world, _ = sent()
    assert [pk for pk, _ in world.all_items() if pk.startswith("EMAIL#")] == []


def test_what_is_tagged_is_what_the_events_name() -> None:
    """SES tags take letters, digits, _ and -."""
    world, message_id = sent()
    (call,) = world.ses.calls
    tags = {tag["Name"]: tag["Value"] for tag in call["EmailTags"]}
    assert tags == {"account_id": "a1", "message_id": message_id, "creditor": "andina"}
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value) for value in tags.values())


@pytest.mark.parametrize(("attempt", "waits"), [(1, True), (7, True), (8, False), (9, False)])
def test_an_sms_that_nobody_knows_is_waited_for_a_while(attempt: int, waits: bool) -> None:
    """Its send may not be written down yet; or it is another system's of the same account."""
    world = World()
    status = msgspec.json.encode(Feedback("sms", "delivered", SOON, "not-ours")).decode()
    if waits:
        with pytest.raises(TryLaterError):
            recorder(world)(status, attempt)
        assert world.reports == []
    else:
        assert recorder(world)(status, attempt) == ("unmatched",)
        about = {"channel": "sms", "provider_id": "not-ours"}
        assert world.reports == [("feedback_unmatched", about)]
    assert world.s3.objects == {}


def test_l2_an_sms_whose_answer_was_lost_stays_with_a_person() -> None:
    world, message = planned(debtor(points=BY_SMS))
    world.sns.answers.append(LOST)
    assert world.deliver("sms")(message) == "unknown"
    world.run(NOW + QUARTER)
    status = Feedback("sms", "delivered", SOON, "whatever SNS called it")
    assert recorder(world).record(status, 8) == "unmatched"
    assert [kind for kind, _ in open_tasks(world)] == ["unknown_fate"]


def test_the_log_of_sns_is_queued_without_the_numbers_that_it_names() -> None:
    world = World()
    data = json.loads((EVENTS / "sms_log.json").read_text(encoding="utf-8"))["awslogs"]["data"]
    queue = QueueSmsStatus(Queue(world.sqs, "feedback"), world.report)
    assert queue(data) == (2, 1)
    queued = [msgspec.json.decode(body, type=Feedback) for body in world.sqs.queues["feedback"]]
    assert [(one.event, one.provider_message_id, one.reason) for one in queued] == [
        ("delivered", "34d9b400-c6dd-5444-820d-fbeb0f1f54cf", ""),
        ("failed", "1077257a-92f3-5ca3-bc97-6a915b310625", "Invalid phone number"),
    ]
    assert "57300" not in str(world.sqs.queues["feedback"])
    assert world.reports == [("sms_status_not_understood", {"lines": 1})]


def test_a_log_without_lines_queues_nothing() -> None:
    world = World()
    batch = json.dumps({"messageType": "CONTROL_MESSAGE"}).encode()
    data = base64.b64encode(gzip.compress(batch)).decode()
    assert QueueSmsStatus(Queue(world.sqs, "feedback"), world.report)(data) == (0, 0)
    assert world.sqs.queues == {}


# --------------------------------------------------------------------- whose, and what else


def test_an_event_about_several_is_recorded_for_whom_we_wrote_to() -> None:
    world, message_id = sent()
    several = event("several_recipients")
    several["mail"]["tags"] |= {"account_id": ["a1"], "message_id": [message_id]}
    several["mail"]["destination"] = ["beto@example.com", "Ana@Example.com"]
    several["bounce"]["bouncedRecipients"] = [
        {"emailAddress": "beto@example.com"},
        {"emailAddress": "Ana@Example.com"},
    ]
    became = recorder(world)(notification(several), 1)
    assert became == ("other_recipient", "bounced")
    assert [p.failed for p in world.account().points] == ["bounced Permanent/General", "", ""]


def test_an_event_that_names_no_message_of_ours_is_counted_and_left() -> None:
    world, _ = sent()
    untagged = event("bounced")
    untagged["mail"]["tags"] = {"ses:configuration-set": ["other"]}
    assert recorder(world)(notification(untagged), 1) == ("unmatched",)
    (report,) = world.reports
    assert report[0] == "feedback_unmatched"


def test_a_message_that_was_erased_is_no_reason_to_try_again() -> None:
    world, _ = sent()
    assert told(world, "m-erased", "delivered") == "no_such_message"
    assert recorder(world).record(replace(of("m1", "sent"), account_id="gone"), 1) == (
        "no_such_message"
    )


@pytest.mark.parametrize(
    ("number", "why", "kind"),
    [(1, "unknown_event", "Open"), (2, "foreign_topic", ""), (3, "not_an_event", ""), (4, "", "")],
)
def test_what_nobody_understands_is_kept_and_counted(number: int, why: str, kind: str) -> None:
    world = World()
    body = bodies("strange")[number]
    assert recorder(world)(body, 1) == ("not_understood",)
    ((code, about),) = world.reports
    assert code == "feedback_not_understood"
    assert about["why"] == (why or "not_a_notification")
    assert about["event_type"] == kind
    assert about["kept_at"].startswith("feedback/2026-09-07/")
    assert world.s3.objects[about["kept_at"]][0] == body.encode()


def test_a_greeting_is_no_event() -> None:
    world = World()
    assert recorder(world)(bodies("strange")[0], 1) == ()
    assert world.reports == []


@pytest.mark.parametrize(("attempt", "given_up"), [(1, False), (13, False), (14, True), (15, True)])
def test_what_cannot_be_recorded_is_kept_in_the_end(attempt: int, given_up: bool) -> None:
    """Not in the dead letters: it names an address (invariant 12)."""
    world, message_id = sent()
    broken = world.all_items()["A#a1", "A"] | {"doc": {"S": "{}"}}
    world.dynamo.put_item(TableName=TABLE, Item=broken)
    bounced = event("bounced")
    bounced["mail"]["tags"] = {"account_id": ["a1"], "message_id": [message_id]}
    body = notification(bounced)
    if given_up:
        assert recorder(world)(body, attempt) == ("given_up",)
        ((code, about),) = world.reports
        assert code == "feedback_given_up"
        assert about["error"] == "ValidationError"
        assert world.s3.objects[about["kept_at"]][0].decode() == body
    else:
        with pytest.raises(msgspec.ValidationError):
            recorder(world)(body, attempt)
        assert world.reports == []


def test_no_fact_names_anybody() -> None:
    """Invariant 12."""
    world, message_id = sent()
    told(world, message_id, "bounced", **BOUNCE)
    told(world, message_id, "complained", **COMPLAINT)
    told(world, message_id, "unconfirmed")
    everything = json.dumps(world.facts("a1"))
    assert [name for name in ("ana@", "Ana", "+57300") if name in everything] == []


# ---------------------------------------------------------------- order, repetition, failure


@pytest.mark.parametrize("what", ["sent", "delivered", "bounced", "complained"])
def test_the_same_again_writes_nothing(what: Event) -> None:
    world, message_id = sent()
    told(world, message_id, what)
    before = world.all_items()
    assert told(world, message_id, what, at=SOON + QUARTER) == "known"
    assert world.all_items() == before


def test_who_has_a_new_address_keeps_it_though_the_bounce_comes_again() -> None:
    world, message_id = sent()
    told(world, message_id, "bounced", **BOUNCE)
    mended = replace(world.account(), points=BY_EMAIL)
    world.put(mended, NOW)
    told(world, message_id, "bounced", **BOUNCE)
    assert world.account().points[0].failed == ""


def test_an_event_is_never_before_its_message_nor_in_the_future() -> None:
    """A replay's clock stands elsewhere than the carrier's."""
    world, message_id = sent()
    told(world, message_id, "delayed", at=datetime(2020, 1, 1, tzinfo=UTC))
    told(world, message_id, "delivered", at=datetime(2031, 1, 1, tzinfo=UTC))
    assert message_of(world, message_id)["told"] == {
        "delayed": {"at": "2026-09-07T15:00:00Z"},
        "delivered": {"at": "2026-09-07T15:00:03Z"},
    }


def test_money_that_comes_while_it_is_recorded_is_not_lost() -> None:
    world, message_id = sent()

    def part_payment() -> None:
        account = world.account()
        (owed,) = account.receivables
        less = replace(account, receivables=(replace(owed, open_minor=60_000_00),))
        stored = world.table.get("a1")
        assert stored is not None
        world.table.update(Change(stored, less, NOW, ()))

    faults = Faults(2, "after", instead=part_payment)
    assert recorder(world, faults).record(of(message_id, "delivered"), 1) == "delivered"
    assert world.account().receivables[0].open_minor == 60_000_00
    assert steps(world) == {"friendly": "delivered"}
    assert faults.calls.count("transact_write_items") == 2


def test_an_account_that_keeps_changing_is_left_to_the_queue() -> None:
    world, message_id = sent()

    class Restless(Table):
        """Somebody changes the account after every read."""

        def load_many(self, keys: Any) -> Any:
            world.put(world.account(), NOW)
            return super().load_many(keys)

    table = Restless(world.dynamo, TABLE, 1)
    documents = Documents(world.s3, "bucket")
    record = RecordFeedback(table, world.rulebooks, documents, world.clock, TOPIC, world.report)
    with pytest.raises(TryLaterError):
        record.record(of(message_id, "delivered"), 1)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_crash_at_any_call_ends_like_none(number: int, when: When) -> None:
    world, message_id = answer_lost()
    world.run(NOW + QUARTER)  # a person has been told
    faults = Faults(number, when)
    with pytest.raises(Crash):
        recorder(world, faults).record(of(message_id, "bounced", **BOUNCE), 1)
    assert (
        faults.calls[number - 1]
        == ("get_item", "batch_get_item", "transact_write_items")[number - 1]
    )
    assert told(world, message_id, "bounced", **BOUNCE) in ("bounced", "known")
    assert open_tasks(world) == []
    assert steps(world) == {"friendly": "failed"}
    assert len(world.facts("a1", "bounced")) == 1


MORE: dict[str, dict[str, Any]] = {"bounced": BOUNCE, "complained": COMPLAINT}
HISTORIES: dict[str, Callable[[], tuple[World, str]]] = {"sent": sent, "lost": answer_lost}


def end_of(history: str, events: list[Event]) -> tuple[object, ...]:
    """Account, message and open tasks after all was told in that order."""
    world, message_id = HISTORIES[history]()
    if history == "lost":
        world.run(NOW + QUARTER)  # and a person has been told
    for what in events:
        told(world, message_id, what, **MORE.get(what, {}))
    return world.account(), message_of(world, message_id), [kind for kind, _ in open_tasks(world)]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(HISTORIES)),
    st.lists(
        st.sampled_from(
            ["sent", "delayed", "unconfirmed", "delivered", "complained", "rejected", "bounced"]
        ),
        unique=True,
    ),
    st.randoms(),
)
def test_any_order_and_any_number_of_times_end_the_same(
    history: str, events: list[Event], lots: Any
) -> None:
    again = events + [what for what in events if lots.random() < 0.5]
    lots.shuffle(again)
    account, document, tasks = end_of(history, events)
    others, other_document, other_tasks = end_of(history, again)
    assert others == account
    assert other_document == document
    assert other_tasks == tasks


def test_the_task_of_a_lost_message_has_the_name_that_closes_it() -> None:
    world, message_id = answer_lost()
    world.run(NOW + QUARTER)
    assert [task["task_id"] for task in world.tasks()] == [unknown_fate_id("a1", message_id)]
