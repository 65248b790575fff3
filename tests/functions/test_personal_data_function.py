"""What a person asks about their data, through the handler: what is answered, done and logged."""

import io
import json
import urllib.request
from datetime import date
from typing import Any
from zipfile import ZipFile

import pytest

from escalon.domain.account import Account, ContactPoint
from escalon.domain.storage import Change, Stored
from tests.functions.conftest import NOW, Aws, Invocation
from tests.functions.test_functions import event

PERSON = "aevents0personal"
PRIVATE = ("Fabiola", "73000009", "ana@example.com", "+573000000001", PERSON, "Nos escribió")


def answer(done: Invocation) -> tuple[int, Any]:
    assert [word for word in PRIVATE if word in done.log] == []
    return done.answer["statusCode"], json.loads(done.answer["body"])


@pytest.fixture
def known(aws: Aws) -> Aws:
    """Somebody who owes nothing."""
    points = (
        ContactPoint("p1", "email", "ana@example.com"),
        ContactPoint("p2", "sms", "+573000000001"),
    )
    account = Account(PERSON, "73000009", "Fabiola Guzmán", country="CO", points=points)
    aws.deployed.table.update(Change(Stored(account, 0), account, None, ()))
    return aws


def test_a_channel_is_refused_and_allowed_again(known: Aws) -> None:
    status, body = answer(known.invoke("PersonalData", event("personal_data/refusal.json")))
    assert (status, body) == (200, {"done": "consent_revoked", "again": False})
    status, body = answer(known.invoke("PersonalData", event("personal_data/consent.json")))
    assert (status, body["done"]) == (200, "consent_recorded")
    status, body = answer(known.invoke("PersonalData", event("personal_data/consents.json")))
    assert (status, body["refused_channels"]) == (200, ["sms"])
    assert [(e["became"], e["channel"]) for e in body["ledger"]] == [
        ("withdrawn", "sms"), ("refused", "sms"), ("given", "email"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "done"),
    [
        ("personal_data/conversation.json", "conversation_noted"),
        ("personal_data/attempt.json", "attempt_noted"),
        ("personal_data/request.json", "request_noted"),
        ("personal_data/hours.json", "hours_opened"),
    ],
)
def test_how_we_spoke_and_may_speak_is_noted(known: Aws, path: str, done: str) -> None:
    status, body = answer(known.invoke("PersonalData", event(path)))
    assert (status, body["done"]) == (200, done)
    if done == "hours_opened":
        stored = known.deployed.table.get(PERSON)
        assert stored is not None
        assert stored.account.extra_hours is not None
        evening, afternoon = ((1140, 1260),), ((900, 1080),)
        assert stored.account.extra_hours.week == (*(evening,) * 5, afternoon, ())


def test_a_copy_can_be_fetched_by_its_address(known: Aws) -> None:
    status, body = answer(known.invoke("PersonalData", event("personal_data/export.json")))
    assert status == 200
    with urllib.request.urlopen(body["address"], timeout=10) as copy:
        archive = ZipFile(io.BytesIO(copy.read()))
    assert json.loads(archive.read("account.json"))[0]["name"] == "Fabiola Guzmán"


def test_the_person_is_forgotten_and_the_schedule_goes_on_with_it(known: Aws) -> None:
    status, body = answer(known.invoke("PersonalData", event("personal_data/erasure.json")))
    assert status == 200
    assert [(r["kind"], r["gone"]) for r in body["records"]] == [
        ("profile", True), ("consents", False),
    ]  # fmt: skip
    stored = known.deployed.table.get(PERSON)
    assert stored is not None
    assert (stored.account.name, stored.account.points) == ("", ())
    (act,) = known.deployed.table.acts(NOW.date(), NOW.date())
    assert (act.did, act.who) == (
        "data_erased", "arn:aws:sts::123456789012:assumed-role/Agent/operator-1",
    )  # fmt: skip
    daily = known.invoke("PersonalData", event("personal_data/daily.json"))
    assert daily.answer == {"erasures": 0}  # nothing is due before its day
    assert date(2036, 10, 5).isoformat() in str(body)  # consents: ten years, by the shipped rules


def test_all_that_is_wrong_with_a_form_is_said(known: Aws) -> None:
    done = known.invoke("PersonalData", event("personal_data/wrong.json"))
    status, body = answer(done)
    assert (status, done.counted("PersonalData_400")) == (400, 1)
    assert [p["field"] for p in body["problems"]] == ["key", "why", "channel", "color"]
