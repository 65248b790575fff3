"""Every events/delivery_feedback/*.json through its handler: what it does; it names nobody."""

from typing import Any

import pytest

from escalon.domain.account import Account
from tests.functions.conftest import Aws
from tests.functions.test_functions import EMAIL, SMS, event, names_nobody
from tests.functions.test_functions import escalated as escalated  # the fixture

SENT_EMAIL = "m7b96643347437cd216fde77ae3ae9b"
SENT_SMS = "m3d1e9a30468ee5826438ee3bfd082d"


@pytest.fixture
def sent(escalated: Aws) -> Aws:
    """An e-mail and an SMS have left."""
    escalated.invoke("DeliverEmail", event("deliver/email.json"))
    escalated.invoke("DeliverSms", event("deliver/sms.json"))
    return escalated


def message(aws: Aws, account_id: str, message_id: str) -> dict[str, Any]:
    found = aws.deployed.table.load(f"A#{account_id}", f"M#{message_id}")
    assert found is not None
    return found


def account(aws: Aws, account_id: str) -> Account:
    stored = aws.deployed.table.get(account_id)
    assert stored is not None
    return stored.account


@pytest.mark.parametrize(
    ("path", "became", "state"),
    [
        ("delivery_feedback/sent.json", "known", "sent"),
        ("delivery_feedback/delivered.json", "delivered", "delivered"),
        ("delivery_feedback/delayed.json", "delayed", "delayed"),
        ("delivery_feedback/bounced.json", "bounced", "bounced"),
        ("delivery_feedback/bounced_for_now.json", "unconfirmed", "unconfirmed"),
        ("delivery_feedback/complained.json", "complained", "complained"),
        ("delivery_feedback/rejected.json", "rejected", "rejected"),
        ("delivery_feedback/rendering_failed.json", "failed", "failed"),
    ],
)
def test_each_event_of_ses_moves_the_message(sent: Aws, path: str, became: str, state: str) -> None:
    done = sent.invoke("DeliveryFeedback", event(path))
    assert done.answer == {"batchItemFailures": []}
    assert [line["became"] for line in done.said("feedback_recorded")] == [[became]]
    assert done.counted(f"Feedback_{became}") == 1
    assert message(sent, EMAIL, SENT_EMAIL)["state"] == state
    assert names_nobody(done.log)
    again = sent.invoke("DeliveryFeedback", event(path))
    assert [line["became"] for line in again.said("feedback_recorded")] == [["known"]]


def test_a_bounce_closes_the_address_and_a_complaint_the_channel(sent: Aws) -> None:
    sent.invoke("DeliveryFeedback", event("delivery_feedback/bounced.json"))
    (point,) = account(sent, EMAIL).points
    assert point.failed == "bounced Permanent/General"
    sent.invoke("DeliveryFeedback", event("delivery_feedback/complained.json"))
    (point,) = account(sent, EMAIL).points
    assert point.consent is not None
    assert not point.consent.stands


def test_of_several_recipients_only_ours_counts(sent: Aws) -> None:
    done = sent.invoke("DeliveryFeedback", event("delivery_feedback/several_recipients.json"))
    (line,) = done.said("feedback_recorded")
    assert line["became"] == ["other_recipient", "bounced"]
    assert names_nobody(done.log)


def test_what_nobody_understands_is_kept_and_comes_back_to_nobody(sent: Aws) -> None:
    before = set(sent.deployed.documents.keys("feedback/"))
    done = sent.invoke("DeliveryFeedback", event("delivery_feedback/strange.json"))
    assert done.answer == {"batchItemFailures": []}
    assert [line["why"] for line in done.said("feedback_not_understood")] == [
        *("unknown_event", "foreign_topic", "not_an_event", "not_a_notification")
    ]
    assert done.counted("FeedbackNotUnderstood") == 4
    kept = set(sent.deployed.documents.keys("feedback/")) - before
    assert len(kept) <= 4  # under their own hash: what came before is there already
    for line in done.said("feedback_not_understood"):
        assert sent.deployed.documents.get(line["kept_at"])
    assert message(sent, EMAIL, SENT_EMAIL)["state"] == "sent"
    assert account(sent, EMAIL).points[0].failed == ""
    assert names_nobody(done.log)


def test_an_event_of_end_user_messaging_is_matched_by_its_context(sent: Aws) -> None:
    done = sent.invoke("DeliveryFeedback", event("delivery_feedback/end_user_messaging.json"))
    assert [line["became"] for line in done.said("feedback_recorded")] == [["delivered"]]
    assert message(sent, SMS, SENT_SMS)["state"] == "delivered"
    assert names_nobody(done.log)


def test_the_log_of_sns_is_queued_without_numbers_and_matched_by_its_ids(sent: Aws) -> None:
    done = sent.invoke("DeliveryFeedback", event("delivery_feedback/sms_log.json"))
    assert done.answer == {"queued": 2}
    assert done.counted("FeedbackNotUnderstood") == 1
    assert names_nobody(done.log)
    queued = sent.messages_in("FeedbackQueue")
    assert queued[0] == {
        "channel": "sms",
        "event": "delivered",
        "at": "2026-10-05T14:00:03.558000Z",
        "provider_message_id": "34d9b400-c6dd-5444-820d-fbeb0f1f54cf",
    }
    assert names_nobody(str(queued))

    ours = message(sent, SMS, SENT_SMS)["provider_message_id"]
    status = event("delivery_feedback/sms_status.json")
    (record,) = status["Records"]
    record["body"] = record["body"].replace("34d9b400-c6dd-5444-820d-fbeb0f1f54cf", ours)
    done = sent.invoke("DeliveryFeedback", status)
    assert [line["became"] for line in done.said("feedback_recorded")] == [["delivered"]]
    assert message(sent, SMS, SENT_SMS)["state"] == "delivered"


def test_an_sms_that_nobody_knows_yet_comes_back_later(sent: Aws) -> None:
    queue = {"QueueUrl": sent.physical["FeedbackQueue"]}
    status = event("delivery_feedback/sms_status.json")
    (record,) = status["Records"]
    sent.client("sqs").send_message(**queue, MessageBody=record["body"])
    (received,) = sent.client("sqs").receive_message(**queue)["Messages"]
    record["receiptHandle"] = received["ReceiptHandle"]
    done = sent.invoke("DeliveryFeedback", status)
    assert done.answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    (line,) = done.said("feedback_not_recorded")
    assert (line["error"], line["attempt"]) == ("TryLaterError", 1)
    assert done.counted("NotRecorded") == 1
    record["attributes"]["ApproximateReceiveCount"] = "8"
    done = sent.invoke("DeliveryFeedback", status)
    assert [line["became"] for line in done.said("feedback_recorded")] == [["unmatched"]]
