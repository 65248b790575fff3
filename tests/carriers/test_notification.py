"""A notification of SNS: whose topic, which carrier; and nothing that anybody sends raises."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalon.carriers.notification import NotUnderstood, feedback_of
from tests.carriers.told import TOPIC, bodies, event, notification

NAMES = (
    *("sent", "delivered", "delayed", "bounced", "bounced_for_now", "complained", "rejected"),
    *("rendering_failed", "several_recipients", "end_user_messaging"),
)


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_understood_and_names_our_message(name: str) -> None:
    (body,) = bodies(name)
    found = feedback_of(body, TOPIC)
    assert isinstance(found, tuple)
    assert found
    for one in found:
        assert one.account_id in ("aevents0email", "aevents0sms")
        assert one.message_id.startswith("m")


def test_what_says_nothing_to_us_says_why() -> None:
    greeting, opened, foreign, words, noise = bodies("strange")
    assert feedback_of(greeting, TOPIC) == ()
    assert feedback_of(opened, TOPIC) == NotUnderstood("unknown_event", "Open")
    assert feedback_of(foreign, TOPIC) == NotUnderstood("foreign_topic")
    assert feedback_of(words, TOPIC) == NotUnderstood("not_an_event")
    assert feedback_of(noise, TOPIC) == NotUnderstood("not_a_notification")


def test_a_notification_of_another_topic_is_not_even_read() -> None:
    """Whoever may publish to a topic of their own could bounce anybody's address."""
    body = notification(event("bounced"), TOPIC + "2")
    assert feedback_of(body, TOPIC) == NotUnderstood("foreign_topic")


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation", ""])
def test_only_a_notification_is_one(kind: str) -> None:
    body = json.dumps({**json.loads(notification(event("bounced"))), "Type": kind})
    assert feedback_of(body, TOPIC) == NotUnderstood("not_a_notification")


def test_what_ses_tells_of_an_identity_without_tags_is_kept_and_not_taken() -> None:
    """Older than event publishing, without our tags: nothing says which message it is about."""
    old = event("bounced")
    old["notificationType"] = old.pop("eventType")
    assert feedback_of(notification(old), TOPIC) == NotUnderstood("not_an_event", "Bounce")


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("Brand New", "Brand New"),
        ("TEXT_NEW", "TEXT_NEW"),
        ("ana.beltran@example.com", "other"),
        ("x" * 41, "other"),
    ],
)
def test_a_stranger_cannot_write_into_our_log(name: str, logged: str) -> None:
    """Invariant 12."""
    found = feedback_of(notification({**event("sent"), "eventType": name}), TOPIC)
    assert isinstance(found, NotUnderstood)
    assert found.event_type == logged


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.text() | JSON.map(json.dumps))
def test_no_message_of_the_queue_raises(body: str) -> None:
    assert isinstance(feedback_of(body, TOPIC), NotUnderstood)


@given(st.sampled_from(NAMES), st.data())
def test_no_event_however_damaged_raises(name: str, data: st.DataObject) -> None:
    damaged = event(name)
    place: Any = damaged
    while isinstance(place, dict) and place:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    feedback_of(notification(damaged), TOPIC)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"mail":' * 100_000, "\ud800", "1e999"])
def test_what_would_break_a_reader_breaks_nothing(content: str) -> None:
    found = feedback_of(notification(content), TOPIC)
    assert isinstance(found, NotUnderstood)
    feedback_of(content, TOPIC)
    in_a_known_place = {**event("sent"), "send": content}
    feedback_of(notification(in_a_known_place), TOPIC)
