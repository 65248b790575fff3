"""Wompi: events about transactions, the transaction that is asked about, the signed checkout."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from escalon.domain.money import MoneyError
from escalon.domain.payments.payment import PaymentNotice
from escalon.providers import wompi
from escalon.providers.provider import (
    MalformedError,
    NotAnsweredError,
    NotAuthenticError,
    PaymentRequest,
    Received,
    WebhookRequest,
)
from tests.providers import signed
from tests.providers.vectors import SETTINGS

SETTING = SETTINGS["wompi"]
KEY = {
    "private_key": "prv_prod_1",
    "integrity_secret": "prod_integrity_Z5mMke9x0k8gpErbDqwrJXMqsI6SFli6",
}
ASKED = PaymentNotice("wompi", "1-2-3:APPROVED", "approved", "1-2-3")


def an_event(transaction: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "event": "transaction.updated",
        "data": {"transaction": A_TRANSACTION | transaction},
        "environment": "prod",
        "signature": {
            "properties": ["transaction.id", "transaction.status", "transaction.amount_in_cents"]
        },
        "timestamp": signed.AT,
    } | changed


A_TRANSACTION: dict[str, Any] = {
    "id": "1-2-3",
    "status": "APPROVED",
    "amount_in_cents": 4_490_000,
    "currency": "COP",
    "reference": "FAC-1",
    "customer_email": "ana@example.com",
    "created_at": "2026-09-21T14:00:00.000Z",
    "finalized_at": "2026-09-21T14:13:20.000Z",
}


def taken(event: dict[str, Any]) -> Received:
    return wompi.receive(signed.wompi(event), SETTING, [signed.WOMPI], signed.NOW)


def answered(found: Any, status: int = 200) -> tuple[PaymentNotice, ...]:
    body = found if isinstance(found, bytes) else json.dumps(found).encode()
    return wompi.answer(ASKED, SETTING, status, body)


STATES = [
    ("APPROVED", "approved"),
    ("PENDING", "pending"),
    ("DECLINED", "declined"),
    ("ERROR", "declined"),
    ("VOIDED", "voided"),
]


@pytest.mark.parametrize(("state", "kind"), STATES)
def test_what_events_claim(state: str, kind: str) -> None:
    found = taken(an_event({"status": state}))
    assert found.ask
    assert found.notice == PaymentNotice(
        "wompi",
        f"1-2-3:{state}",
        kind,
        "1-2-3",
        4_490_000,
        "COP",
        "FAC-1",
        datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC),
        state,
        payer_email="ana@example.com",
    )


@pytest.mark.parametrize(("state", "kind"), STATES)
def test_what_transactions_say(state: str, kind: str) -> None:
    (notice,) = answered({"data": A_TRANSACTION | {"status": state}})
    assert (notice.kind, notice.event_key) == (kind, f"1-2-3:{state}")
    assert (notice.amount_minor, notice.currency, notice.reference) == (4_490_000, "COP", "FAC-1")
    assert notice.occurred_at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


def test_a_transaction_that_is_not_final_is_of_when_it_began() -> None:
    (notice,) = answered({"data": A_TRANSACTION | {"status": "PENDING", "finalized_at": None}})
    assert notice.occurred_at == datetime(2026, 9, 21, 14, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["nequi_token.updated", "bancolombia_transfer_token.updated"])
def test_events_about_something_else(kind: str) -> None:
    event = an_event({}, event=kind, data={"nequi_token": {"id": "nequi_1", "status": "APPROVED"}})
    event["signature"]["properties"] = ["nequi_token.id", "nequi_token.status"]
    found = taken(event)
    assert (found.notice.kind, found.notice.detail, found.ask) == ("other", kind, False)


@pytest.mark.parametrize(
    "transaction",
    [
        {"amount_in_cents": 4_490_000.0},  # a float is never what was hashed
        {"amount_in_cents": True},
        {"amount_in_cents": None},
        {"amount_in_cents": [1]},
        {"id": "1\n2"},
        {"status": "DREAMING"},
        {"id": ""},
        {"currency": "pesos"},
        {"reference": 7},
    ],
)
def test_signed_and_of_no_use(transaction: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        taken(an_event(transaction))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"a": 1, "a": 2}'])
def test_what_cannot_be_read_before_anybody_knows_who_signed_it(body: bytes) -> None:
    with pytest.raises(MalformedError):
        wompi.receive(WebhookRequest({}, {}, body), SETTING, [signed.WOMPI], signed.NOW)


@pytest.mark.parametrize("properties", [None, "transaction.id", [1], ["x"] * 21])
def test_a_list_that_is_no_list_of_names(properties: Any) -> None:
    body = an_event({}, signature={"properties": properties, "checksum": "0" * 64})
    request = WebhookRequest({}, {}, json.dumps(body).encode())
    with pytest.raises(MalformedError):
        wompi.receive(request, SETTING, [signed.WOMPI], signed.NOW)


def test_the_question_about_a_transaction() -> None:
    question = wompi.question(ASKED, SETTING, KEY)
    assert (question.method, question.url) == (
        "GET",
        "https://production.wompi.co/v1/transactions/1-2-3",
    )
    assert question.headers == {"Authorization": "Bearer prv_prod_1"}
    with pytest.raises(NotAnsweredError):
        wompi.question(ASKED, SETTING, "prv_prod_1")


def test_no_such_transaction_and_no_answer() -> None:
    assert answered({"error": {"type": "NOT_FOUND_ERROR"}}, 404) == ()
    for status in (401, 422, 429, 500):
        with pytest.raises(NotAnsweredError):
            answered({"data": A_TRANSACTION}, status)


@pytest.mark.parametrize(
    "found",
    [
        b"<html>",
        {"data": A_TRANSACTION | {"id": "1-2-4"}},
        {"data": A_TRANSACTION | {"amount_in_cents": "4490000"}},
        {"data": None},
        {},
    ],
)
def test_an_answer_that_makes_no_sense(found: Any) -> None:
    with pytest.raises(MalformedError):
        answered(found)


REQUEST = PaymentRequest(
    amount_minor=2_490_000,
    currency="COP",
    reference="sk8-438k4-xmxm392-sn2m",
    attempt="a-1",
    description="Factura 1",
    language="es",
    return_url="https://pay.example/back?a=1&b=ñ",
    notify_url="https://api.example/webhooks/wompi",
    payer_name="Ana",
    payer_email="ana@example.com",
)


def test_the_checkout_has_the_published_signature_and_nobodys_name() -> None:
    """docs.wompi.co, "Paso 3: Genera una firma de integridad"."""
    made = wompi.checkout(REQUEST, SETTING, KEY)
    address = urlsplit(made.url)
    assert (address.scheme, address.netloc, address.path) == ("https", "checkout.wompi.co", "/p/")
    assert parse_qs(address.query) == {
        "public-key": ["pub_prod_Kw4aC0rZVgLZQn209NbEKPuXLzBD28Zx"],
        "currency": ["COP"],
        "amount-in-cents": ["2490000"],
        "reference": ["sk8-438k4-xmxm392-sn2m"],
        "signature:integrity": ["37c8407747e595535433ef8f6a811d853cd943046624a0ec04662b17bbf33bf5"],
        "redirect-url": ["https://pay.example/back?a=1&b=ñ"],
    }
    assert "signature:integrity=" in made.url
    assert made.fields == {}


def test_the_checkout_takes_pesos_only_and_needs_its_keys() -> None:
    with pytest.raises(MoneyError):
        wompi.checkout(replace(REQUEST, currency="USD"), SETTING, KEY)
    with pytest.raises(NotAnsweredError):
        wompi.checkout(REQUEST, SETTING, {"private_key": "prv_prod_1"})
    with pytest.raises(NotAnsweredError):
        wompi.checkout(REQUEST, replace(SETTING, merchant={}), KEY)


def test_every_secret_is_tried_and_rotation_loses_nothing() -> None:
    secrets = ["prod_events_OLD", {"not": "one text"}, signed.WOMPI]
    request = signed.wompi(an_event({}))
    assert wompi.receive(request, SETTING, secrets, signed.NOW).ask
    with pytest.raises(NotAuthenticError):
        wompi.receive(request, SETTING, secrets[:2], signed.NOW)


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (signed.WOMPI, ""),
        ("test_events_OcHnIzeBl5socpwByQ4hA52Em3USQ93Z", ""),
        ("prv_prod_OcHnIzeBl5socpwB", "must begin with prod_events_ or test_events_"),
        ("prod_integrity_Z5mMke9x0k", "must begin with prod_events_ or test_events_"),
    ],
)
def test_the_form_of_secrets(secret: str, problem: str) -> None:
    assert wompi.check_secret(secret) == problem


def test_the_form_of_keys() -> None:
    assert wompi.check_api_key(KEY) == ""
    assert wompi.check_api_key({"private_key": "prv_prod_1"}) == ""
    assert wompi.check_api_key("prv_prod_1") == "must be named values: private_key"
    assert wompi.check_api_key({"private_key": "a b"}) == (
        "has blanks or other strange characters in private_key"
    )
    assert wompi.check_api_key({"private_key": "a", "public_key": "b"}) == (
        "has public_key, which is unknown"
    )
