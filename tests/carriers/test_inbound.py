"""What debtors write, and what WhatsApp tells of our messages, in our words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalon.carriers.inbound import Inbound, inbound_of
from escalon.carriers.notification import NotUnderstood
from escalon.carriers.whatsapp import callback_data
from escalon.domain.contact.feedback import Feedback
from escalon.domain.contact.replies import Reply
from tests.template.cloudformation import PROJECT

TOPIC = "arn:aws:sns:us-east-1:123456789012:escalon-replies"
EVENTS = PROJECT / "events" / "receive_reply"
AT = datetime(2026, 10, 5, 14, 0, 3, tzinfo=UTC)


def body(name: str) -> str:
    """The message of the reply queue in the event of that name."""
    (record,) = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))["Records"]
    return str(record["body"])


def said(name: str) -> Inbound:
    found = inbound_of(body(name), TOPIC)
    assert isinstance(found, Inbound), found
    return found


def changed(name: str, change: Any) -> str:
    """The event with Meta's own part changed."""
    notification = json.loads(body(name))
    message = json.loads(notification["Message"])
    entry = json.loads(message["whatsAppWebhookEntry"])
    change(entry["changes"][0])
    message["whatsAppWebhookEntry"] = json.dumps(entry)
    return json.dumps({**notification, "Message": json.dumps(message)})


def test_an_sms_names_no_instant_so_that_of_the_notification_stands() -> None:
    reply_id = "cae173d2-66b9-564c-8309-21f858e9fb81"
    assert said("sms_stop") == Inbound((Reply("sms", reply_id, AT, "+573000000702", "Baja"),))


def test_a_text_by_whatsapp() -> None:
    reply = Reply("whatsapp", "wamid.EXAMPLE2", AT, "+573000000702", "Ya pagué")
    assert said("whatsapp_text") == Inbound((reply,))


def test_a_picture_has_no_text_and_is_a_reply_all_the_same() -> None:
    reply = Reply("whatsapp", "wamid.EXAMPLE3", AT, "+573000000702", "", "image")
    assert said("whatsapp_image") == Inbound((reply,))


def test_what_became_of_our_own_message_carries_our_ids_and_no_number() -> None:
    feedback = Feedback("whatsapp", "delivered", AT, "wamid.EXAMPLE1", "a1", "m1")
    assert said("whatsapp_delivered") == Inbound(feedback=(feedback,))
    assert callback_data("a1", "m1") == "a1:m1"


def test_a_number_that_is_not_on_whatsapp_is_to_blame() -> None:
    (feedback,) = said("whatsapp_failed").feedback
    assert (feedback.event, feedback.reason) == ("failed", "Meta/131026")
    assert (feedback.address_bad, feedback.stops_channel) == (True, False)


@pytest.mark.parametrize(
    ("code", "address_bad", "stops"),
    [
        (131026, True, False),
        (131050, False, True),
        (131049, False, False),
        (132001, False, False),
        (0, False, False),
    ],
)
def test_why_it_failed(code: int, address_bad: bool, stops: bool) -> None:
    def fail(change: dict[str, Any]) -> None:
        change["value"]["statuses"][0]["errors"] = [{"code": code}] if code else []

    found = inbound_of(changed("whatsapp_failed", fail), TOPIC)
    assert isinstance(found, Inbound)
    (feedback,) = found.feedback
    assert feedback.reason == (f"Meta/{code}" if code else "")
    assert (feedback.address_bad, feedback.stops_channel) == (address_bad, stops)


@pytest.mark.parametrize(
    ("status", "event"),
    [("sent", "sent"), ("delivered", "delivered"), ("read", "delivered"), ("failed", "failed")],
)
def test_that_somebody_has_read_it_says_no_more_than_that_it_arrived(
    status: str, event: str
) -> None:
    def become(change: dict[str, Any]) -> None:
        change["value"]["statuses"][0]["status"] = status

    found = inbound_of(changed("whatsapp_delivered", become), TOPIC)
    assert isinstance(found, Inbound)
    assert [feedback.event for feedback in found.feedback] == [event]


@pytest.mark.parametrize(
    "change",
    [
        lambda change: change["value"]["statuses"][0].update(status="deleted"),
        lambda change: change.update(field="account_update", value={"event": "X", "statuses": 3}),
    ],
)
def test_what_is_about_no_message_of_ours_is_nothing(change: Any) -> None:
    assert inbound_of(changed("whatsapp_delivered", change), TOPIC) == Inbound()


def test_a_message_of_another_system_names_none_of_ours() -> None:
    def foreign(change: dict[str, Any]) -> None:
        change["value"]["statuses"][0]["biz_opaque_callback_data"] = "campaign-7"

    found = inbound_of(changed("whatsapp_delivered", foreign), TOPIC)
    assert isinstance(found, Inbound)
    assert (found.feedback[0].account_id, found.feedback[0].message_id) == ("", "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not_a_notification"),
        ("[]", "not_a_notification"),
        (body("not_an_event"), "not_an_event"),
        (body("sms_stop").replace("escalon-replies", "another"), "foreign_topic"),
        (body("sms_stop").replace('"Notification"', '"SubscriptionConfirmation"'),
         "not_a_notification"),
        (body("sms_stop").replace("2026-10-05T14:00:03.000Z", "yesterday"), "not_a_notification"),
        (body("sms_stop").replace("+573000000702", ""), "not_an_event"),
        (body("whatsapp_text").replace("1791208803", "soon"), "not_an_event"),
        (body("whatsapp_text").replace("1791208803", "9" * 30), "not_an_event"),
    ],
)  # fmt: skip
def test_what_says_nothing_to_us(text: str, why: str) -> None:
    assert inbound_of(text, TOPIC) == NotUnderstood(why)  # type: ignore[arg-type]


@settings(max_examples=60)
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=8,
))  # fmt: skip
def test_nothing_that_anybody_could_send_makes_it_fail(entry: Any) -> None:
    notification = json.loads(body("whatsapp_text"))
    for message in (entry, {"whatsAppWebhookEntry": json.dumps(entry)},
                    {"whatsAppWebhookEntry": json.dumps({"changes": [
                        {"field": "messages", "value": {"messages": [entry]}}]})}):  # fmt: skip
        found = inbound_of(json.dumps({**notification, "Message": json.dumps(message)}), TOPIC)
        assert isinstance(found, NotUnderstood | Inbound)
