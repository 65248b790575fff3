"""The stand-in for SES and SNS says what they would: each fate, in words that we understand."""

import json
from datetime import UTC, datetime

import pytest

from escalon.carriers import ses, sms
from escalon_cli.local.ses_stand_in import FATES, Mail, events_of, fate_of, sms_line

AT = "2026-10-05T14:00:03.133Z"


def mail(*to: str) -> Mail:
    tags = {"account_id": "a1", "message_id": "m1", "creditor": "andina"}
    mime = b"From: Andina <c@andina.example.com>\r\nSubject: Su cuenta\r\n\r\nHola"
    return Mail(
        "ses-1", "2026-10-05T14:00:01.012Z", "c@andina.example.com", to, "set", tags, mime,
        "000000000000", "us-east-1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("address", "fate"),
    [
        ("ana@example.com", "delivered"),
        ("success@simulator.amazonses.com", "delivered"),
        ("bounce@simulator.amazonses.com", "bounce"),
        ("complaint@simulator.amazonses.com", "complaint"),
        ("ooto@simulator.amazonses.com", "auto_reply"),
        ("suppressionlist@simulator.amazonses.com", "suppressed"),
        ("Ana+Bounce@Example.com", "bounce"),
        ("ana+delay@example.org", "delay"),
        ("ana+tag@example.com", "delivered"),
        ("bounce@example.com", "delivered"),
        ("+573000000001", "delivered"),
    ],
)
def test_what_becomes_of_an_address(address: str, fate: str) -> None:
    assert fate_of(address, FATES) == fate


def test_what_a_stack_is_told_goes_first() -> None:
    own = {"*@example.com": "silence", "+57300*1": "invalid"}
    assert fate_of("ana+bounce@example.com", own | FATES) == "silence"
    assert fate_of("+573000000001", own | FATES) == "invalid"


@pytest.mark.parametrize(
    ("to", "kinds", "events"),
    [
        ("ana@example.com", "SEND DELIVERY", ["sent", "delivered"]),
        ("a+bounce@example.com", "SEND BOUNCE", ["sent", "bounced"]),
        ("a+suppressed@example.com", "SEND BOUNCE", ["sent", "bounced"]),
        ("a+soft_bounce@example.com", "SEND BOUNCE", ["sent", "unconfirmed"]),
        (
            "a+auto_reply@example.com",
            "SEND DELIVERY BOUNCE",
            ["sent", "delivered", "unconfirmed"],
        ),
        (
            "a+complaint@example.com",
            "SEND DELIVERY COMPLAINT",
            ["sent", "delivered", "complained"],
        ),
        ("a+delay@example.com", "SEND DELIVERY_DELAY DELIVERY", ["sent", "delayed", "delivered"]),
        ("a+reject@example.com", "SEND REJECT", ["sent", "rejected"]),
        ("a+silence@example.com", "SEND", ["sent"]),
        ("a+no_answer@example.com", "SEND DELIVERY", ["sent", "delivered"]),
    ],
)
def test_ses_tells_of_each_fate_in_its_own_words(to: str, kinds: str, events: list[str]) -> None:
    told = events_of(mail(to), FATES, AT)
    assert [kind for kind, _ in told] == kinds.split()
    understood = [ses.feedback_of(json.dumps(event)) for _, event in told]
    assert [one.event for found in understood for one in found or ()] == events
    for found in understood:
        for one in found or ():
            assert (one.account_id, one.message_id, one.recipient) == ("a1", "m1", to)


def test_each_of_several_has_a_fate_of_its_own() -> None:
    told = events_of(mail("ana@example.com", "b+bounce@example.com"), FATES, AT)
    about = [
        (one.recipient, one.event)
        for _, event in told
        for one in ses.feedback_of(json.dumps(event)) or ()
    ]
    assert about == [
        ("ana@example.com", "sent"),
        ("b+bounce@example.com", "sent"),
        ("ana@example.com", "delivered"),
        ("b+bounce@example.com", "bounced"),
    ]


def test_an_event_tells_of_the_mail_what_ses_tells() -> None:
    ((_, sent), *_) = events_of(mail("ana@example.com"), FATES, AT)
    said = sent["mail"]
    assert said["tags"]["ses:configuration-set"] == ["set"]
    assert said["tags"]["message_id"] == ["m1"]
    assert said["commonHeaders"]["subject"] == "Su cuenta"


@pytest.mark.parametrize(
    ("fate", "event", "address_bad", "stops"),
    [
        ("delivered", "delivered", False, False),
        ("unreachable", "failed", False, False),
        ("blocked", "failed", False, False),
        ("invalid", "failed", True, False),
        ("opted_out", "failed", False, True),
    ],
)
def test_sns_logs_each_fate_in_its_own_words(
    fate: str, event: str, address_bad: bool, stops: bool
) -> None:
    failed, line = sms_line("sns-1", "+573000000001", fate, datetime(2026, 10, 5, 14, tzinfo=UTC))
    found = sms.feedback_of_line(line)
    assert failed is (event == "failed")
    assert (found.event, found.provider_message_id) == (event, "sns-1")
    assert (found.address_bad, found.stops_channel) == (address_bad, stops)
    assert found.reason != "other"
