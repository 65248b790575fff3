"""Mercado Pago: a notification is a question; the payment and the chargeback answer it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.domain.payments.payment import PaymentNotice
from escalon.providers import mercadopago
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

SETTING = SETTINGS["mercadopago"]
KEY = "APP_USR-4934588586838432-XXXXXXXX"
ASKED = PaymentNotice("mp", "1", "other", "1234567890")
UPDATED = datetime(2026, 9, 21, 15, tzinfo=UTC)
APPROVED = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)

PAYMENT = {
    "id": 1234567890,
    "status": "approved",
    "status_detail": "accredited",
    "currency_id": "COP",
    "transaction_amount": 150000.5,
    "transaction_amount_refunded": 0,
    "external_reference": "FAC-1",
    "date_approved": "2026-09-21T10:13:20.000-04:00",
    "date_last_updated": "2026-09-21T11:00:00.000-04:00",
    "live_mode": True,
    "payer": {"email": "ana@example.com"},
}
CHARGEBACK = {
    "id": "217000087654321000",
    "payments": [86439942806],
    "currency": "ARS",
    "amount": 1000.50,
    "coverage_applied": None,
    "date_last_updated": "2026-09-21T11:00:00.000-04:00",
    "live_mode": True,
}


def taken(request: WebhookRequest, now: datetime = signed.NOW, tolerance: int = 0) -> Received:
    setting = replace(SETTING, tolerance_seconds=tolerance)
    return mercadopago.receive(request, setting, [signed.MERCADOPAGO], now)


def answered(
    found: Any, notice: PaymentNotice = ASKED, status: int = 200
) -> tuple[PaymentNotice, ...]:
    body = found if isinstance(found, bytes) else json.dumps(found).encode()
    return mercadopago.answer(notice, SETTING, status, body)


def what(notices: tuple[PaymentNotice, ...]) -> list[tuple[str, int | None, datetime | None]]:
    return [(notice.kind, notice.amount_minor, notice.occurred_at) for notice in notices]


# ---------------------------------------------------------------- notifications


def test_an_id_beyond_what_a_float_holds_keeps_its_digits() -> None:
    body = b'{"id": 12345678901234567891, "data": {"id": 9007199254740993}, "type": "payment"}'
    found = taken(signed.mercadopago(body, data_id="9007199254740993"))
    assert found.notice.payment_key == "9007199254740993"
    assert found.notice.event_key == "12345678901234567891"


def test_the_instant_of_the_signature_is_the_notices() -> None:
    body = {"id": 1, "data": {"id": "1234567890"}}
    for at in (signed.AT, signed.AT * 1000):
        notice = taken(signed.mercadopago(body, at=at)).notice
        assert notice.occurred_at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(-301, False), (-300, True), (300, True), (301, False)]
)
def test_a_tolerance_counts_milliseconds_as_such(seconds: int, *, is_taken: bool) -> None:
    request = signed.mercadopago({"id": 1}, at=signed.AT * 1000)
    now = datetime.fromtimestamp(signed.AT + seconds, UTC)
    if is_taken:
        assert taken(request, now, tolerance=300).ask
    else:
        with pytest.raises(NotAuthenticError):
            taken(request, now, tolerance=300)


def test_what_the_request_lacks_is_left_out_of_what_is_signed() -> None:
    request = signed.mercadopago({"id": 1})
    with pytest.raises(NotAuthenticError):
        taken(replace(request, query={"type": "payment"}))
    headers = {"x-signature": request.headers["x-signature"]}
    with pytest.raises(NotAuthenticError):
        taken(replace(request, headers=headers))


@pytest.mark.parametrize(
    ("topic", "kind", "ask"),
    [
        ("payment", "other", True),
        ("topic_chargebacks_wh", "chargeback_opened", True),
        ("order", "other", False),
        ("test", "other", False),
        ("merchant_order", "other", False),
    ],
)
def test_the_topics(topic: str, kind: str, *, ask: bool) -> None:
    found = taken(signed.mercadopago({"id": 1, "type": topic}, topic=topic))
    assert (found.notice.kind, found.ask) == (kind, ask)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 1', b'{"id": {"id": 1}}', b"\xff"])
def test_signed_and_of_no_use(body: bytes) -> None:
    with pytest.raises(MalformedError):
        taken(signed.mercadopago(body))


# ---------------------------------------------------------------- the payment


def test_the_question_about_a_payment() -> None:
    question = mercadopago.question(ASKED, SETTING, KEY)
    assert question.url == "https://api.mercadopago.com/v1/payments/1234567890"
    assert (question.method, question.headers) == ("GET", {"Authorization": f"Bearer {KEY}"})
    with pytest.raises(NotAnsweredError):
        mercadopago.question(ASKED, SETTING, "")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, [("approved", 15_000_050, APPROVED)]),
        ({"status": "pending"}, [("pending", 15_000_050, UPDATED)]),
        ({"status": "in_process"}, [("pending", 15_000_050, UPDATED)]),
        ({"status": "authorized"}, [("pending", 15_000_050, UPDATED)]),
        ({"status": "rejected"}, [("declined", 15_000_050, UPDATED)]),
        ({"status": "cancelled"}, [("voided", 15_000_050, UPDATED)]),
        (
            {"status_detail": "partially_refunded", "transaction_amount_refunded": 40000},
            [("approved", 15_000_050, APPROVED), ("refunded", 4_000_000, UPDATED)],
        ),
        (
            {"status": "refunded", "transaction_amount_refunded": 150000.5},
            [("approved", 15_000_050, APPROVED), ("refunded", 15_000_050, UPDATED)],
        ),
        (
            {"status": "refunded", "transaction_amount_refunded": None},
            [("approved", 15_000_050, APPROVED), ("refunded", 15_000_050, UPDATED)],
        ),
        *(
            (
                {"status": status, "status_detail": detail},
                [("approved", 15_000_050, APPROVED), ("chargeback_opened", 15_000_050, UPDATED)],
            )
            for status, detail in [
                ("in_mediation", "pending"),
                ("charged_back", "in_process"),
                # The pages contradict each other on who won: only the chargeback itself tells.
                ("charged_back", "settled"),
                ("charged_back", "reimbursed"),
            ]
        ),
    ],
)
def test_what_a_payment_says(
    changed: dict[str, Any], says: list[tuple[str, int, datetime]]
) -> None:
    notices = answered(PAYMENT | changed)
    assert what(notices) == says
    assert {(n.currency, n.reference, n.payment_key) for n in notices} == {
        ("COP", "FAC-1", "1234567890")
    }
    assert {notice.payer_email for notice in notices} == {"ana@example.com"}
    assert len({notice.event_key for notice in notices}) == len(notices)


def test_the_same_truth_read_twice_is_one_event_and_a_change_is_another() -> None:
    """L25: the notification's id is neither signed nor the same on retries."""
    (one,) = answered(PAYMENT)
    (again,) = answered(PAYMENT, replace(ASKED, event_key="2"))
    assert one == again
    (_, small) = answered(PAYMENT | {"transaction_amount_refunded": 10})
    (_, large) = answered(PAYMENT | {"transaction_amount_refunded": 20})
    assert small.event_key != large.event_key


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("150000", "COP", 15_000_000),
        ("150000.10", "COP", 15_000_010),
        ("150000.1000", "COP", 15_000_010),
        ("5000", "JPY", 5_000),
        ("5000.0", "CLP", 5_000),
        ("90071992547409.93", "COP", 9_007_199_254_740_993),
        ("0.1", "COP", 10),
    ],
)
def test_amounts_are_exact(amount: str, currency: str, minor: int) -> None:
    body = json.dumps(PAYMENT | {"transaction_amount": "?", "currency_id": currency})
    (notice,) = answered(body.replace('"?"', amount).encode())
    assert notice.amount_minor == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.001", "COP"),
        ("5000.5", "JPY"),
        ("-1", "COP"),
        ("1e999999999", "COP"),
        ("NaN", "COP"),
        ("true", "COP"),
        ("null", "COP"),
        ("1", "X"),
        ("1", "1234"),
        ("99999999999999999999", "COP"),
    ],
)
def test_what_is_no_amount(amount: str, currency: str) -> None:
    body = json.dumps(PAYMENT | {"transaction_amount": "?", "currency_id": currency})
    with pytest.raises(MalformedError):
        answered(body.replace('"?"', amount).encode())


@pytest.mark.parametrize(
    "changed",
    [{"id": 1234567891}, {"id": None}, {"status": "dreaming"}, {"live_mode": False}],
)
def test_an_answer_that_makes_no_sense(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        answered(PAYMENT | changed)


def test_play_money_is_fine_in_the_sandbox() -> None:
    body = json.dumps(PAYMENT | {"live_mode": False}).encode()
    sandbox = replace(SETTING, environment="sandbox")
    assert mercadopago.answer(ASKED, sandbox, 200, body)[0].kind == "approved"


def test_no_such_payment_and_no_answer() -> None:
    assert answered({"status": 404}, status=404) == ()
    for status in (400, 401, 429, 500):
        with pytest.raises(NotAnsweredError):
            answered(PAYMENT, status=status)


# ---------------------------------------------------------------- the chargeback

OF_CASE = PaymentNotice("mp", "1", "chargeback_opened", case_key="217000087654321000")


@pytest.mark.parametrize(
    ("covered", "kind"),
    [
        (None, "chargeback_opened"),
        (True, "chargeback_won"),
        (False, "chargeback_lost"),
        ("true", "chargeback_won"),  # as the reference's example writes it
        ("false", "chargeback_lost"),
    ],
)
def test_what_a_chargeback_says(covered: Any, kind: str) -> None:
    (notice,) = answered(CHARGEBACK | {"coverage_applied": covered}, OF_CASE)
    assert (notice.kind, notice.payment_key, notice.case_key) == (
        kind,
        "86439942806",
        "86439942806",
    )
    assert (notice.amount_minor, notice.currency) == (100_050, "ARS")
    assert notice.occurred_at == UPDATED


def test_payment_and_chargeback_tell_of_one_case() -> None:
    (_, by_payment) = answered(PAYMENT | {"status": "charged_back"})
    (by_case,) = answered(CHARGEBACK | {"payments": [1234567890]}, OF_CASE)
    assert by_payment.case_key == by_case.case_key == "1234567890"
    assert by_payment.payment_key == by_case.payment_key


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "1"},
        {"payments": []},
        {"payments": [1, 2]},
        {"payments": [{}]},
        {"payments": None},
        {"amount": "ten"},
    ],
)
def test_a_chargeback_that_makes_no_sense(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        answered(CHARGEBACK | changed, OF_CASE)


# ---------------------------------------------------------------- checkout and secrets

REQUEST = PaymentRequest(
    amount_minor=15_000_050,
    currency="COP",
    reference="FAC-1",
    attempt="a-1",
    description="Factura 1",
    language="es",
    return_url="https://pay.example/back",
    notify_url="https://api.example/webhooks/mp",
    payer_name="Ana",
    payer_email="ana@example.com",
)


@pytest.mark.parametrize(
    ("minor", "written"),
    [(15_000_050, b'"unit_price":150000.50'), (15_000_000, b'"unit_price":150000}')],
)
def test_the_checkout_is_opened_once_for_an_attempt(minor: int, written: bytes) -> None:
    question = mercadopago.open_checkout(replace(REQUEST, amount_minor=minor), SETTING, KEY)
    assert question.url == "https://api.mercadopago.com/checkout/preferences"
    assert (question.method, question.headers["X-Idempotency-Key"]) == ("POST", "a-1")
    assert written in question.body
    preference = json.loads(question.body)
    assert preference["external_reference"] == "FAC-1"
    assert preference["notification_url"] == (
        "https://api.example/webhooks/mp?source_news=webhooks"
    )
    assert preference["back_urls"]["failure"] == "https://pay.example/back"
    assert preference["items"][0]["currency_id"] == "COP"
    assert preference["payer"] == {"name": "Ana", "email": "ana@example.com"}
    url = "https://www.mercadopago.com.co/checkout/v1/redirect?pref_id=1"
    body = json.dumps({"init_point": url}).encode()
    assert mercadopago.opened_checkout(201, body, SETTING).url == url


def test_a_payer_who_is_not_known_is_not_made_up() -> None:
    question = mercadopago.open_checkout(replace(REQUEST, payer_email=""), SETTING, KEY)
    assert "payer" not in json.loads(question.body)


def test_every_secret_is_tried_and_rotation_loses_nothing() -> None:
    request = signed.mercadopago({"id": 1})
    secrets = ["another_secret_0000", {"not": "one text"}, signed.MERCADOPAGO]
    assert mercadopago.receive(request, SETTING, secrets, signed.NOW).ask
    with pytest.raises(NotAuthenticError):
        mercadopago.receive(request, SETTING, secrets[:2], signed.NOW)


def test_the_form_of_secrets_and_keys() -> None:
    assert mercadopago.check_secret(signed.MERCADOPAGO) == ""
    assert mercadopago.check_secret("short") == "must have 16 characters or more, without blanks"
    assert mercadopago.check_api_key(KEY) == ""
    assert mercadopago.check_api_key("sk_test_4eC39HqLyjWDarjt") == (
        "must begin with APP_USR- or TEST-"
    )
