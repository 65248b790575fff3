"""The shared vectors of SNS, SES and SMS: each is judged here as its transport lets us judge it.

Nothing of ours is subscribed over HTTPS, so there is no signature to verify: an event reaches the
queue by its topic, whose policy names the carriers. What the vectors say of signatures comes down
to this: a notification that is posted to us is refused, genuine or not, and one of another topic
says nothing, however it came.
"""

import json
from typing import Any

import pytest

from escalon.carriers.notification import NotUnderstood, feedback_of
from escalon.carriers.sms import feedback_of_line
from escalon.domain.contact.feedback import Feedback
from escalon_cli.local.provider_stand_in import Webhook
from tests.carriers.told import notification
from tests.providers.vectors import ALL
from tests.usecases.entrance import Entrance

TOPIC = "arn:aws:sns:us-east-1:123456789012:ses-events"  # of the vectors

UNDERSTOOD, NO_EVENT, POSTED, FOREIGN, LOGGED = (
    "test_a_genuine_event_says_what_the_vector_wants",
    "test_words_instead_of_an_event_are_kept_and_do_nothing",
    "test_what_is_posted_to_us_is_refused_whatever_its_signature_is_worth",
    "test_an_event_of_a_foreign_topic_says_nothing",
    "test_a_line_of_the_log_says_what_the_vector_wants",
)
WHERE = {
    "ses_delivery_v2": UNDERSTOOD,
    "ses_bounce_permanent": UNDERSTOOD,
    "ses_complaint": UNDERSTOOD,
    "sms_end_user_messaging_success": UNDERSTOOD,
    "newline_and_unicode_in_message": NO_EVENT,
    "reject_tampered_message": POSTED,
    "reject_cert_url_s3_bucket": POSTED,
    "reject_cert_url_http": POSTED,
    "reject_other_topic": FOREIGN,
    "reject_stale_2h": POSTED,
    "sms_log_success": LOGGED,
}
CASES = {case["name"]: case for case in ALL if case["provider"].startswith("aws_sns")}

KINDS = {
    "email_delivered": ("email", "delivered"),
    "email_bounced": ("email", "bounced"),
    "email_complained": ("email", "complained"),
    "sms_delivered": ("sms", "delivered"),
}


def of_place(where: str) -> Any:
    return pytest.mark.parametrize("name", [name for name, at in WHERE.items() if at == where])


def wanted(name: str) -> tuple[object, ...]:
    normalised = CASES[name]["normalised"]
    kind = normalised["kind"]
    return (*KINDS[kind], normalised["message_id"], normalised["recipient"])


def found(feedback: Feedback) -> tuple[object, ...]:
    return (
        feedback.channel,
        feedback.event,
        feedback.provider_message_id,
        feedback.recipient,
    )


def test_every_vector_has_its_place() -> None:
    assert set(WHERE) == set(CASES)
    assert len(CASES) == 11
    assert set(WHERE.values()) <= set(globals())


@of_place(UNDERSTOOD)
def test_a_genuine_event_says_what_the_vector_wants(name: str) -> None:
    said = feedback_of(CASES[name]["body"], TOPIC)
    assert isinstance(said, tuple)
    (one,) = said
    assert found(one) == wanted(name)
    assert one.address_bad is CASES[name]["normalised"].get("permanent", False)
    # Its tag is not ours, so it is matched with no message.
    assert (one.account_id, one.message_id) == ("", "")


@of_place(NO_EVENT)
def test_words_instead_of_an_event_are_kept_and_do_nothing(name: str) -> None:
    assert feedback_of(CASES[name]["body"], TOPIC) == NotUnderstood("not_an_event")


@of_place(LOGGED)
def test_a_line_of_the_log_says_what_the_vector_wants(name: str) -> None:
    assert found(feedback_of_line(CASES[name]["body"])) == wanted(name)


@of_place(FOREIGN)
def test_an_event_of_a_foreign_topic_says_nothing(name: str) -> None:
    body = CASES[name]["body"]
    assert feedback_of(body, TOPIC) == NotUnderstood("foreign_topic")
    # It is a bounce or a delivery like any other; only its topic gives it away.
    assert isinstance(feedback_of(notification(json.loads(body)["Message"], TOPIC), TOPIC), tuple)


@pytest.mark.parametrize("name", [name for name in WHERE if name != "sms_log_success"])
def test_what_is_posted_to_us_is_refused_whatever_its_signature_is_worth(name: str) -> None:
    case = CASES[name]
    answer = Entrance().posts("ses", Webhook(case["headers"], case["body"].encode()))
    assert (answer.status, answer.reason) == (400, "sns_envelope")
