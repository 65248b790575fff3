"""ePayco: signed forms, and the transaction that is asked about."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.domain.payments.payment import PaymentNotice
from escalon.providers import epayco
from escalon.providers.provider import (
    MalformedError,
    NotAnsweredError,
    NotAuthenticError,
    PaysOnline,
    WebhookRequest,
)
from tests.providers import signed
from tests.providers.vectors import SETTINGS

SETTING = SETTINGS["epayco"]
ASKED = PaymentNotice("epayco", "101000001:1", "approved", "101000001")
FIELDS = {
    "x_cust_id_cliente": "10001",
    "x_ref_payco": "101000001",
    "x_transaction_id": "101000001",
    "x_id_invoice": "FAC-1",
    "x_amount": "150000.50",
    "x_currency_code": "COP",
    "x_cod_transaction_state": "1",
    "x_cod_response": "1",
    "x_test_request": "FALSE",
    "x_customer_email": "ana@example.com",
}
DATA = {
    "x_cust_id_cliente": 10001,
    "x_ref_payco": 101000001,
    "x_id_factura": "FAC-1",
    "x_id_invoice": "FAC-1",
    "x_amount": 150000.5,
    "x_currency_code": "COP",
    "x_transaction_id": "101000001",
    "x_transaction_date": "2026-09-21 09:13:20",
    "x_cod_response": 1,
    "x_cod_transaction_state": 1,
    "x_test_request": "FALSE",
    "x_customer_email": "a**@example.com",
}
STATES = [
    ("1", "approved", "accepted"),
    ("2", "declined", "rejected"),
    ("3", "pending", "pending"),
    ("4", "declined", "failed"),
    ("6", "voided", "reversed"),
    ("7", "pending", "held"),
    ("8", "pending", "started"),
    ("9", "declined", "expired"),
    ("10", "declined", "abandoned"),
    ("11", "declined", "cancelled"),
    ("12", "declined", "antifraud"),
]


def taken(**changed: str) -> PaymentNotice:
    request = signed.epayco(FIELDS | changed)
    found = epayco.receive(request, SETTING, [signed.EPAYCO], signed.NOW)
    assert found.ask
    return found.notice


def answered(found: Any, status: int = 200) -> tuple[PaymentNotice, ...]:
    body = found if isinstance(found, bytes) else json.dumps(found).encode()
    return epayco.answer(ASKED, SETTING, status, body)


def of(**changed: Any) -> dict[str, Any]:
    return {
        "success": True,
        "title_response": "Correcto",
        "text_response": "Transacción consultada existosamente",
        "last_action": "Consultar Transaccion",
        "data": DATA | changed,
    }


@pytest.mark.parametrize(("state", "kind", "detail"), STATES)
def test_what_confirmations_claim(state: str, kind: str, detail: str) -> None:
    assert taken(x_cod_transaction_state=state) == PaymentNotice(
        "epayco",
        f"101000001:{state}",
        kind,
        "101000001",
        15_000_050,
        "COP",
        "FAC-1",
        detail=detail,
        payer_email="ana@example.com",
    )


@pytest.mark.parametrize(("state", "kind", "detail"), STATES)
def test_what_transactions_say(state: str, kind: str, detail: str) -> None:
    (notice,) = answered(of(x_cod_transaction_state=int(state)))
    assert (notice.kind, notice.detail, notice.event_key) == (kind, detail, f"101000001:{state}")
    assert (notice.amount_minor, notice.currency, notice.reference) == (15_000_050, "COP", "FAC-1")
    assert notice.occurred_at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


def test_a_state_or_an_invoice_under_its_other_name() -> None:
    notice = taken(
        x_cod_transaction_state="", x_cod_response="3", x_id_invoice="", x_id_factura="F"
    )
    assert (notice.kind, notice.reference) == ("pending", "F")


@pytest.mark.parametrize("written", ["yesterday", "", None, 5, "2026-13-01 00:00:00"])
def test_a_date_that_cannot_be_read_stops_no_money(written: Any) -> None:
    (notice,) = answered(of(x_transaction_date=written))
    assert notice.occurred_at is None


@pytest.mark.parametrize(
    "changed",
    [
        {"x_cod_transaction_state": "99"},
        {"x_ref_payco": ""},
        {"x_amount": "150.000,50"},
        {"x_amount": "0.001"},
        {"x_amount": ""},
        {"x_currency_code": ""},
        {"x_id_invoice": "F" * 256},
        {"x_test_request": "TRUE"},
        {"x_test_request": "true"},
        {"x_cust_id_cliente": "10002"},
    ],
)
def test_signed_and_of_no_use(changed: dict[str, str]) -> None:
    with pytest.raises(MalformedError):
        taken(**changed)


def test_a_confirmation_may_be_json() -> None:
    fields = dict(
        FIELDS, x_signature="f9ae53155e938afc8f7753022704aece0a3c7eb08cf585b3d94341bb491ddde0"
    )
    body = json.dumps(fields | {"x_amount": 150000, "x_test_request": False}).encode()
    request = WebhookRequest({}, {}, body)
    notice = epayco.receive(request, SETTING, [signed.EPAYCO], signed.NOW).notice
    assert (notice.kind, notice.amount_minor) == ("approved", 15_000_000)


@pytest.mark.parametrize("body", [b"\xff", b"a=1&a=2", b"a=%fe", b'{"a": {"b": 1}}', b'{"a": 1'])
def test_what_is_no_form(body: bytes) -> None:
    with pytest.raises(MalformedError):
        epayco.receive(WebhookRequest({}, {}, body), SETTING, [signed.EPAYCO], signed.NOW)


def test_the_question_takes_the_reference_that_a_confirmation_has() -> None:
    question = epayco.question(ASKED, SETTING, "")
    assert (question.method, question.url, question.headers) == (
        "GET",
        "https://secure.payco.co/restpagos/transaction/response.json"
        "?ref_payco=101000001&public_key=870fd53ee9274a76a62c34f434b09569",
        {},
    )
    with pytest.raises(NotAnsweredError):
        epayco.question(ASKED, replace(SETTING, merchant={}), "")


def test_no_such_transaction() -> None:
    unknown = {
        "success": False,
        "title_response": "Error",
        "text_response": "Transacción no existe",
        "last_action": "Consultar Transaccion",
        "data": [],
    }
    assert answered(unknown) == ()
    assert answered(b"", 404) == ()


def test_no_answer() -> None:
    with pytest.raises(NotAnsweredError):
        answered({"success": False, "text_response": "Error de datos o conexión.", "data": []})
    with pytest.raises(NotAnsweredError):
        answered(of(), 500)


@pytest.mark.parametrize(
    "found",
    [
        b"<html>",
        of(x_ref_payco=101000002),
        of(x_test_request="TRUE"),
        of(x_cod_transaction_state=99),
        of(x_amount="?"),
        {"success": True, "data": []},
    ],
)
def test_an_answer_that_makes_no_sense(found: Any) -> None:
    with pytest.raises(MalformedError):
        answered(found)


def test_there_is_no_checkout() -> None:
    assert not isinstance(epayco, PaysOnline)


def test_every_secret_is_tried_and_rotation_loses_nothing() -> None:
    request = signed.epayco(FIELDS)
    secrets = [signed.EPAYCO | {"p_key": "old"}, "not named values", {}, signed.EPAYCO]
    assert epayco.receive(request, SETTING, secrets, signed.NOW).ask
    with pytest.raises(NotAuthenticError):
        epayco.receive(request, SETTING, secrets[:3], signed.NOW)


def test_the_form_of_secrets() -> None:
    assert epayco.check_secret(signed.EPAYCO) == ""
    assert epayco.check_secret("p_key") == "must be named values: p_cust_id_cliente, p_key"
    assert epayco.check_secret({"p_key": "k"}) == "lacks p_cust_id_cliente"
    assert epayco.check_api_key("") != ""
