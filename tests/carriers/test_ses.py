"""SES's events in our words: what each means, for whom, and that no address is in its reason."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from escalon.carriers.ses import feedback_of
from escalon.domain.contact.feedback import Feedback
from tests.carriers.told import event

ANA = "ana.beltran@example.com"
ACCOUNT, MESSAGE = "aevents0email", "m7b96643347437cd216fde77ae3ae9b"
BY_SES = "0100019a1b2c3d4e-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9-000000"


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-10-05T{clock}").replace(tzinfo=UTC)


def said(name: str) -> Feedback:
    """The one thing that an event says."""
    return only(event(name))


def only(content: dict[str, Any]) -> Feedback:
    found = feedback_of(json.dumps(content))
    assert found is not None
    (one,) = found
    return one


def of(what: str, when: str, reason: str = "", **more: bool) -> Feedback:
    return Feedback(
        "email", what, at(when), BY_SES, ACCOUNT, MESSAGE, ANA, reason, **more  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "feedback"),
    [
        ("sent", of("sent", "14:00:01.012")),
        ("delivered", of("delivered", "14:00:03.133")),
        ("delayed", of("delayed", "14:20:00.095", "MailboxFull")),
        ("bounced", of("bounced", "14:00:04.669", "Permanent/General", address_bad=True)),
        ("bounced_for_now", of("unconfirmed", "14:00:04.669", "Transient/MailboxFull")),
        ("complained", of("complained", "14:10:02.669", "abuse", stops_channel=True)),
        ("rejected", of("rejected", "14:00:01.012", "Reject")),
        ("rendering_failed", of("failed", "14:00:01.012", "RenderingFailure")),
    ],
)
def test_each_kind_of_event(name: str, feedback: Feedback) -> None:
    assert said(name) == feedback


@pytest.mark.parametrize(
    ("kind", "sub_kind", "what", "address_bad", "stops"),
    [
        ("Permanent", "General", "bounced", True, False),
        ("Permanent", "NoEmail", "bounced", True, False),
        ("Permanent", "Suppressed", "bounced", True, False),
        ("Permanent", "OnAccountSuppressionList", "bounced", True, False),
        ("Permanent", "UnsubscribedRecipient", "bounced", False, True),
        ("Transient", "General", "unconfirmed", False, False),
        ("Transient", "MailboxFull", "unconfirmed", False, False),
        ("Transient", "MessageTooLarge", "unconfirmed", False, False),
        ("Transient", "ContentRejected", "unconfirmed", False, False),
        ("Undetermined", "Undetermined", "unconfirmed", False, False),
        ("Brand-new", "", "unconfirmed", False, False),
    ],
)
def test_only_a_permanent_bounce_blames_the_address(
    kind: str, sub_kind: str, what: str, address_bad: bool, stops: bool
) -> None:
    bounced = event("bounced")
    bounced["bounce"] |= {"bounceType": kind, "bounceSubType": sub_kind}
    found = only(bounced)
    assert (found.event, found.address_bad, found.stops_channel) == (what, address_bad, stops)
    assert found.reason == f"{kind}/{sub_kind}"


@pytest.mark.parametrize(
    ("kind", "sub_kind", "what", "stops"),
    [
        ("abuse", None, "complained", True),
        ("fraud", None, "complained", True),
        ("other", None, "complained", True),
        (None, None, "complained", True),
        # The debtor has taken the message out of the folder for spam.
        ("not-spam", None, "delivered", False),
        # They have complained before, so SES has not sent this one.
        ("abuse", "OnAccountSuppressionList", "failed", True),
    ],
)
def test_what_a_complaint_is(kind: str, sub_kind: str, what: str, stops: bool) -> None:
    complained = event("complained")
    complained["complaint"] |= {"complaintFeedbackType": kind, "complaintSubType": sub_kind}
    found = only(complained)
    assert (found.event, found.stops_channel, found.address_bad) == (what, stops, False)


def test_an_event_about_several_speaks_of_each() -> None:
    found = feedback_of(json.dumps(event("several_recipients")))
    assert found is not None
    assert [(one.recipient, one.event) for one in found] == [
        ("beto@example.com", "bounced"),
        (ANA, "bounced"),
    ]


def test_a_mailbox_that_forwards_bounces_under_another_name() -> None:
    """We wrote to one address only, so it is the one that the event is about."""
    bounced = event("bounced")
    bounced["bounce"]["bouncedRecipients"] = [{"emailAddress": "ana@forwarded.example.org"}]
    assert only(bounced).recipient == ANA


def test_a_mail_without_our_tags_names_no_message_of_ours() -> None:
    delivered = event("delivered")
    del delivered["mail"]["tags"]
    found = only(delivered)
    assert (found.account_id, found.message_id, found.provider_message_id) == ("", "", BY_SES)


def test_an_event_that_names_nobody_still_speaks_of_the_message() -> None:
    sent = event("sent")
    sent["mail"]["destination"] = []
    assert only(sent).recipient == ""


def test_no_text_of_a_mail_server_comes_along() -> None:
    """Invariant 12: it quotes the address."""
    for name in ("bounced", "delayed"):
        assert ANA in json.dumps(event(name)["bounce" if name == "bounced" else "deliveryDelay"])
        assert ANA not in said(name).reason


@pytest.mark.parametrize("kind", ["Open", "Click", "Subscription", "Something new"])
def test_what_we_do_not_know_is_nothing(kind: str) -> None:
    assert feedback_of(json.dumps({**event("sent"), "eventType": kind})) is None


def test_an_event_without_what_it_is_about_is_nothing() -> None:
    bounced = event("bounced")
    del bounced["bounce"]
    assert feedback_of(json.dumps(bounced)) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"mail": None},
        {"mail": {}},
        {"bounce": {"bounceType": 1}},
        {"bounce": {"timestamp": "yesterday", "bounceType": "Permanent"}},
        # Without a zone nobody can tell when it was.
        {"bounce": {"timestamp": "2026-10-05T14:00:04.669", "bounceType": "Permanent"}},
    ],
)
def test_what_is_damaged_says_so(damage: dict[str, Any]) -> None:
    with pytest.raises(msgspec.MsgspecError):
        feedback_of(json.dumps({**event("bounced"), **damage}))
