"""The status of SMS in our words: SNS's delivery log, and AWS End User Messaging."""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from escalon.carriers.sms import feedback_of, feedback_of_line, log_lines
from escalon.domain.contact.feedback import Feedback
from tests.carriers.told import EVENTS, event

DATA = json.loads((EVENTS / "sms_log.json").read_text(encoding="utf-8"))["awslogs"]["data"]
AT = datetime(2026, 10, 5, 14, 0, 3, 558000, UTC)


def packed(batch: object) -> str:
    return base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()


def test_a_line_of_success() -> None:
    success, _, _ = log_lines(DATA)
    assert feedback_of_line(success) == Feedback(
        "sms",
        "delivered",
        AT,
        "34d9b400-c6dd-5444-820d-fbeb0f1f54cf",
        recipient="+573000000702",
    )


def test_a_line_of_failure() -> None:
    _, failure, _ = log_lines(DATA)
    assert feedback_of_line(failure) == Feedback(
        "sms",
        "failed",
        datetime(2026, 10, 5, 14, 0, 3, 559000, UTC),
        "1077257a-92f3-5ca3-bc97-6a915b310625",
        recipient="+573000000703",
        reason="Invalid phone number",
        address_bad=True,
    )


@pytest.mark.parametrize(
    ("response", "reason", "address_bad", "stops"),
    [
        ("Invalid phone number", "Invalid phone number", True, False),
        ("Phone number is opted out", "Phone number is opted out", False, True),
        *(
            (response, response, False, False)
            for response in (
                "Blocked as spam by phone carrier",
                "Destination is on a blocked list",
                "Message body is invalid",
                "Phone carrier has blocked this message",
                "Phone carrier is currently unreachable/unavailable",
                "Phone has blocked SMS",
                "Phone is on a blocked list",
                "Phone is currently unreachable/unavailable",
                "This delivery would exceed max price",
                "Unknown error attempting to reach phone",
            )
        ),
        # A reason that nobody has listed may name anything.
        ("No route to +573000000703", "other", False, False),
    ],
)
def test_why_an_sms_failed(response: str, reason: str, address_bad: bool, stops: bool) -> None:
    line = json.loads(log_lines(DATA)[1])
    line["delivery"]["providerResponse"] = response
    found = feedback_of_line(json.dumps(line))
    assert (found.event, found.reason) == ("failed", reason)
    assert (found.address_bad, found.stops_channel) == (address_bad, stops)


def test_a_line_that_is_none_says_so() -> None:
    _, _, strange = log_lines(DATA)
    for line in (strange, "{}", '{"status": "SUCCESS"}', json.dumps({"status": "MAYBE"})):
        with pytest.raises(msgspec.MsgspecError):
            feedback_of_line(line)
    undated = json.loads(log_lines(DATA)[0])
    undated["notification"]["timestamp"] = "the other day"
    with pytest.raises(ValueError, match="isoformat"):
        feedback_of_line(json.dumps(undated))


def test_a_control_message_has_no_lines() -> None:
    event_of_it = {"message": "CWL CONTROL MESSAGE: Checking health of destination Lambda"}
    batch = {"messageType": "CONTROL_MESSAGE", "logEvents": [event_of_it]}
    assert log_lines(packed(batch)) == ()


@pytest.mark.parametrize(
    "data",
    [
        "no base64 !",
        base64.b64encode(b"no gzip").decode(),
        base64.b64encode(gzip.compress(b"no JSON")).decode(),
        packed([1, 2]),
        # Unpacked it is a hundred megabytes.
        base64.b64encode(gzip.compress(b"[" + b" " * 100_000_000, 1)).decode(),
    ],
    # gzip writes the second into its bytes; the workers of one run have to agree on the names.
    ids=["no base64", "no gzip", "no JSON", "no object", "a bomb"],
)
def test_what_is_no_batch_of_lines_says_so(data: str) -> None:
    with pytest.raises(ValueError, match="no batch of log lines"):
        log_lines(data)


def text(**more: Any) -> Feedback:
    """What an event of End User Messaging says."""
    found = feedback_of(json.dumps({**event("end_user_messaging"), **more}))
    assert found is not None
    (one,) = found
    return one


def test_an_event_of_end_user_messaging_carries_our_ids_in_its_context() -> None:
    assert text() == Feedback(
        "sms",
        "delivered",
        datetime(2026, 10, 5, 14, 0, 4, tzinfo=UTC),
        "862a8790-60c0-4430-9b2b-658bdexample",
        "aevents0sms",
        "m3d1e9a30468ee5826438ee3bfd082d",
        "+573000000702",
    )


@pytest.mark.parametrize(
    ("kind", "final", "what"),
    [
        ("TEXT_QUEUED", False, "sent"),
        ("TEXT_PENDING", False, "sent"),
        ("TEXT_SENT", False, "sent"),
        ("TEXT_SUCCESSFUL", False, "sent"),
        ("TEXT_SUCCESSFUL", True, "delivered"),
        ("TEXT_DELIVERED", True, "delivered"),
        ("TEXT_UNKNOWN", True, "unconfirmed"),
        ("TEXT_UNREACHABLE", False, "delayed"),
        ("TEXT_UNREACHABLE", True, "failed"),
        ("TEXT_CARRIER_UNREACHABLE", True, "failed"),
        ("TEXT_BLOCKED", True, "failed"),
        ("TEXT_CARRIER_BLOCKED", True, "failed"),
        ("TEXT_PROTECT_BLOCKED", True, "failed"),
        ("TEXT_SPAM", True, "failed"),
        ("TEXT_TTL_EXPIRED", True, "failed"),
        ("TEXT_INVALID_MESSAGE", True, "failed"),
        ("TEXT_INVALID", True, "failed"),
    ],
)
def test_each_kind_of_event_of_end_user_messaging(kind: str, final: bool, what: str) -> None:
    found = text(eventType=kind, isFinal=final)
    assert found.event == what
    assert found.address_bad is (kind == "TEXT_INVALID")
    assert found.reason == ("" if what in ("sent", "delivered") else kind)


def test_a_kind_that_we_do_not_know_is_nothing() -> None:
    assert feedback_of(json.dumps({**event("end_user_messaging"), "eventType": "TEXT_NEW"})) is None


def test_without_a_context_it_is_found_by_its_own_id() -> None:
    found = text(context={"account": "bar"})
    assert (found.account_id, found.message_id) == ("", "")
    assert found.provider_message_id == "862a8790-60c0-4430-9b2b-658bdexample"
