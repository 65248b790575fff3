"""PayU Latam: signed forms, the order that is asked about, and the web checkout's form."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.domain.payments.payment import PaymentNotice
from escalon.providers import payu
from escalon.providers.provider import (
    MalformedError,
    NotAnsweredError,
    NotAuthenticError,
    PaymentRequest,
    WebhookRequest,
)
from tests.providers import signed
from tests.providers.vectors import SETTINGS

SETTING = SETTINGS["payu"]
KEY = {"api_login": "pRRXKOl8ikMmt9u", "api_key": "4Vj8eK4rloUd272L48hsrarnUA"}
ASKED = PaymentNotice("payu", "tx-1:4", "approved", "tx-1", reference="FAC-1")
FIELDS = {
    "merchant_id": "508029",
    "reference_sale": "FAC-1",
    "value": "150000.00",
    "signed_value": "150000.0",
    "currency": "COP",
    "state_pol": "4",
    "transaction_id": "tx-1",
    "test": "0",
    "email_buyer": "ana@example.com",
}


def taken(secret: dict[str, str] = signed.PAYU, **changed: str) -> PaymentNotice:
    request = signed.payu(FIELDS | changed, secret)
    found = payu.receive(request, SETTING, [secret], signed.NOW)
    assert found.ask
    return found.notice


@pytest.mark.parametrize(
    ("state", "kind", "detail"),
    [
        ("4", "approved", "approved"),
        ("5", "declined", "expired"),
        ("6", "declined", "declined"),
        ("7", "pending", "pending"),
        ("104", "declined", "error"),
    ],
)
def test_what_confirmations_claim(state: str, kind: str, detail: str) -> None:
    assert taken(state_pol=state) == PaymentNotice(
        "payu",
        f"tx-1:{state}",
        kind,
        "tx-1",
        15_000_000,
        "COP",
        "FAC-1",
        detail=detail,
        payer_email="ana@example.com",
    )


@pytest.mark.parametrize(
    ("value", "signed_value", "minor"),
    [
        ("150.00", "150.0", 15_000),
        ("150.25", "150.25", 15_025),
        ("150", "150.0", 15_000),
        ("150.5", "150.5", 15_050),
        ("150.50", "150.5", 15_050),
        ("150.05", "150.05", 15_005),
        ("0.10", "0.1", 10),
        ("90071992547409.93", "90071992547409.93", 9_007_199_254_740_993),
    ],
)
def test_the_value_is_signed_as_text_and_read_exactly(
    value: str, signed_value: str, minor: int
) -> None:
    assert taken(value=value, signed_value=signed_value).amount_minor == minor


@pytest.mark.parametrize("value", ["", "1,5", "1.234", "-1", "1e3", "٣", "1 ", "NaN"])
def test_what_is_no_value(value: str) -> None:
    with pytest.raises(MalformedError):
        taken(value=value, signed_value=value)


@pytest.mark.parametrize(
    "changed",
    [
        {"state_pol": "99"},
        {"state_pol": ""},
        {"transaction_id": ""},
        {"transaction_id": "a\tb"},
        {"currency": "pesos"},
        {"currency": "CLP", "value": "150.50", "signed_value": "150.5"},
        {"test": "1"},
    ],
)
def test_signed_and_of_no_use(changed: dict[str, str]) -> None:
    with pytest.raises(MalformedError):
        taken(**changed)


def test_a_test_is_fine_in_the_sandbox() -> None:
    sandbox = replace(SETTING, environment="sandbox")
    request = signed.payu(FIELDS | {"test": "1"})
    assert payu.receive(request, sandbox, [signed.PAYU], signed.NOW).ask


@pytest.mark.parametrize(
    "body", [b"value=%ff", b"\xff=1", b"a=1&a=2", b"&".join([b"a%d=1" % n for n in range(201)])]
)
def test_what_is_no_form(body: bytes) -> None:
    with pytest.raises(MalformedError):
        payu.receive(WebhookRequest({}, {}, body), SETTING, [signed.PAYU], signed.NOW)


def test_a_field_twice_with_one_value_is_one_field() -> None:
    request = signed.payu(FIELDS)
    twice = WebhookRequest({}, {}, request.body + b"&test=0")
    assert payu.receive(twice, SETTING, [signed.PAYU], signed.NOW).ask


def test_the_api_may_confirm_in_json() -> None:
    fields = {name: value for name, value in FIELDS.items() if name != "signed_value"}
    sign = "656f1134e2eb9f16ec4c696b208de134"  # of FAC-2026-000123, from the vectors
    body = json.dumps(fields | {"reference_sale": "FAC-2026-000123", "sign": sign})
    body = body.replace('"150000.00"', "150000.00").replace('"508029"', "508029")
    request = WebhookRequest({}, {}, body.encode())
    notice = payu.receive(request, SETTING, [signed.PAYU], signed.NOW).notice
    assert (notice.amount_minor, notice.reference) == (15_000_000, "FAC-2026-000123")


SHA = signed.PAYU | {"alg": "sha256"}
HMAC = signed.PAYU | {"alg": "hmac-sha256", "hmac_secret": "test123"}


@pytest.mark.parametrize("secret", [signed.PAYU, SHA, HMAC])
def test_every_way_to_sign(secret: dict[str, str]) -> None:
    assert taken(secret).kind == "approved"


def test_every_secret_is_tried_and_rotation_loses_nothing() -> None:
    request = signed.payu(FIELDS, HMAC)
    secrets = [signed.PAYU, "not named values", {"alg": "hmac-sha256"}, SHA, HMAC]
    assert payu.receive(request, SETTING, secrets, signed.NOW).ask
    with pytest.raises(NotAuthenticError):
        payu.receive(request, SETTING, secrets[:4], signed.NOW)


# ---------------------------------------------------------------- asking


def a_transaction(**changed: Any) -> dict[str, Any]:
    return {
        "id": "tx-1",
        "type": "AUTHORIZATION_AND_CAPTURE",
        "parentTransactionId": None,
        "transactionResponse": {"state": "APPROVED", "operationDate": 1_790_000_000_953},
        "additionalValues": {"TX_VALUE": {"value": 150000.00, "currency": "COP"}},
        "payer": {"emailAddress": "payer@example.com"},
    } | changed


def later(
    kind: str, value: str, at: int, state: str = "APPROVED", **changed: Any
) -> dict[str, Any]:
    return (
        a_transaction(
            id=f"{kind}-{at}",
            type=kind,
            parentTransactionId="tx-1",
            transactionResponse={"state": state, "operationDate": at * 1000},
            additionalValues={"TX_VALUE": {"value": value, "currency": "COP"}},
        )
        | changed
    )


def answered(*transactions: Any, order: Any = None, status: int = 200) -> tuple[PaymentNotice, ...]:
    made = {
        "id": 857695047,
        "referenceCode": "FAC-1",
        "isTest": False,
        "buyer": {"emailAddress": "ana@example.com"},
        "transactions": list(transactions),
        "additionalValues": {"TX_VALUE": {"value": 150000.00, "currency": "COP"}},
    } | (order or {})
    return whole({"code": "SUCCESS", "error": None, "result": {"payload": [made]}}, status)


def whole(found: Any, status: int = 200) -> tuple[PaymentNotice, ...]:
    body = found if isinstance(found, bytes) else json.dumps(found).encode()
    return payu.answer(ASKED, SETTING, status, body)


def test_the_question_is_about_the_reference_which_is_signed() -> None:
    question = payu.question(ASKED, SETTING, KEY)
    assert (question.method, question.url) == (
        "POST",
        "https://api.payulatam.com/reports-api/4.0/service.cgi",
    )
    assert json.loads(question.body) == {
        "test": False,
        "language": "en",
        "command": "ORDER_DETAIL_BY_REFERENCE_CODE",
        "merchant": {"apiLogin": "pRRXKOl8ikMmt9u", "apiKey": "4Vj8eK4rloUd272L48hsrarnUA"},
        "details": {"referenceCode": "FAC-1"},
    }
    assert question.headers["Content-Type"] == "application/json"
    assert "4Vj8" not in repr(question)
    with pytest.raises(NotAnsweredError):
        payu.question(ASKED, SETTING, {"api_key": "1"})


@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        ("APPROVED", "approved", "4"),
        ("DECLINED", "declined", "6"),
        ("EXPIRED", "declined", "5"),
        ("ERROR", "declined", "104"),
        ("PENDING", "pending", "7"),
        ("SUBMITTED", "pending", "7"),
    ],
)
def test_what_a_transaction_says(state: str, kind: str, code: str) -> None:
    response = {"state": state, "operationDate": 1_790_000_000_953}
    (notice,) = answered(a_transaction(transactionResponse=response))
    assert (notice.kind, notice.event_key) == (kind, f"tx-1:{code}")
    assert (notice.amount_minor, notice.currency, notice.reference) == (15_000_000, "COP", "FAC-1")
    assert notice.occurred_at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    assert notice.payer_email == "ana@example.com"


def test_a_value_that_only_the_order_has() -> None:
    (notice,) = answered(a_transaction(additionalValues=None))
    assert notice.amount_minor == 15_000_000


def test_what_was_given_back_is_the_sum_of_what_was_approved() -> None:
    approved, refunded = answered(
        later("REFUND", "1.00", 1_790_000_300, state="DECLINED"),
        later("PARTIAL_REFUND", "10000.00", 1_790_000_100),
        a_transaction(),
        later("PARTIAL_REFUND", "30000.50", 1_790_000_200),
        later("PARTIAL_REFUND", "5.00", 1_790_000_400, parentTransactionId="tx-2"),
    )
    assert (approved.kind, approved.amount_minor) == ("approved", 15_000_000)
    assert (refunded.kind, refunded.amount_minor) == ("refunded", 4_000_050)
    assert refunded.event_key == "tx-1:refunded:4000050"
    assert refunded.occurred_at == datetime(2026, 9, 21, 14, 16, 40, tzinfo=UTC)


def test_a_void_is_told_instead() -> None:
    (notice,) = answered(a_transaction(), later("VOID", "150000.00", 1_790_000_100))
    assert (notice.kind, notice.event_key) == ("voided", "tx-1:voided")


@pytest.mark.parametrize("kind", ["REFUND", "VOID", "AUTHORIZATION", ""])
def test_only_a_charge_can_be_a_payment(kind: str) -> None:
    """Whoever names a refund's own id in a confirmation gains nothing: that id is not signed."""
    with pytest.raises(MalformedError):
        answered(a_transaction(type=kind))


@pytest.mark.parametrize(
    "found",
    [
        {"code": "SUCCESS", "error": None, "result": None},
        {"code": "SUCCESS", "error": None, "result": {"payload": None}},
        {"code": "SUCCESS", "error": None, "result": {"payload": []}},
    ],
)
def test_no_such_order(found: Any) -> None:
    assert whole(found) == ()


def test_no_such_transaction_in_the_order() -> None:
    assert answered(a_transaction(id="tx-2")) == ()
    assert answered(order={"transactions": None}) == ()
    assert whole(b"", status=404) == ()


def test_no_answer() -> None:
    with pytest.raises(NotAnsweredError):
        whole({"code": "ERROR", "error": "Invalid credentials", "result": None})
    with pytest.raises(NotAnsweredError):
        answered(a_transaction(), status=503)


@pytest.mark.parametrize(
    ("transaction", "order"),
    [
        (a_transaction(), {"referenceCode": "FAC-2"}),
        (a_transaction(), {"isTest": True}),
        (a_transaction(), {"transactions": {"id": "tx-1"}}),
        (a_transaction(transactionResponse={"state": "DREAMING"}), {}),
        (a_transaction(additionalValues={"TX_VALUE": {"value": "x", "currency": "COP"}}), {}),
    ],
)
def test_an_answer_that_makes_no_sense(transaction: Any, order: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        answered(transaction, order=order)


def test_refunds_in_another_currency_are_not_added_up() -> None:
    odd = later("REFUND", "1.00", 1_790_000_100)
    odd["additionalValues"]["TX_VALUE"]["currency"] = "USD"
    with pytest.raises(MalformedError):
        answered(a_transaction(), odd)


# ---------------------------------------------------------------- checkout and secrets

REQUEST = PaymentRequest(
    amount_minor=2_000_000,
    currency="COP",
    reference="TestPayU",
    attempt="a-1",
    description="Factura 1",
    language="es",
    return_url="https://pay.example/back",
    notify_url="https://api.example/webhooks/payu",
    payer_name="Ana",
    payer_email="ana@example.com",
)


def test_the_checkout_is_a_form_with_the_published_signature() -> None:
    """PayU's "Payment Form": 20000 COP of merchant 508029 under the reference TestPayU."""
    made = payu.checkout(REQUEST, SETTING, KEY)
    assert made.url == "https://checkout.payulatam.com/ppp-web-checkout-gateway-payu/"
    assert made.fields == {
        "merchantId": "508029",
        "accountId": "512321",
        "description": "Factura 1",
        "referenceCode": "TestPayU",
        "amount": "20000",
        "tax": "0",
        "taxReturnBase": "0",
        "currency": "COP",
        "signature": "7ee7cf808ce6a39b17481c54f2c57acc",
        "algorithmSignature": "MD5",
        "test": "0",
        "lng": "es",
        "buyerEmail": "ana@example.com",
        "buyerFullName": "Ana",
        "responseUrl": "https://pay.example/back",
        "confirmationUrl": "https://api.example/webhooks/payu",
    }


def test_the_checkout_of_the_sandbox_and_cents() -> None:
    sandbox = replace(SETTING, environment="sandbox")
    made = payu.checkout(replace(REQUEST, amount_minor=2_000_050), sandbox, KEY | {"alg": "sha256"})
    assert made.url == "https://sandbox.checkout.payulatam.com/ppp-web-checkout-gateway-payu/"
    fields = made.fields
    assert (fields["amount"], fields["test"], fields["algorithmSignature"]) == (
        "20000.50",
        "1",
        "SHA256",
    )
    # sha256 of 4Vj8eK4rloUd272L48hsrarnUA~508029~TestPayU~20000.50~COP
    assert fields["signature"] == (
        "49a28363cda510d18677e4d4b529d4a43e08a6549a5a991ca3f49f32d0a8d67c"
    )


def test_the_checkout_needs_its_keys() -> None:
    with pytest.raises(NotAnsweredError):
        payu.checkout(REQUEST, SETTING, {"api_login": "x"})
    with pytest.raises(NotAnsweredError):
        payu.checkout(REQUEST, replace(SETTING, merchant={"merchant_id": "508029"}), KEY)


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (signed.PAYU, ""),
        (HMAC, ""),
        ("4Vj8eK4rloUd272L48hsrarnUA", "must be named values: api_key, merchant_id, alg"),
        ({"api_key": "k", "alg": "md5"}, "lacks merchant_id"),
        (signed.PAYU | {"alg": "sha1"}, "alg must be one of md5, sha256, hmac-sha256"),
        (signed.PAYU | {"alg": "hmac-sha256"}, "lacks hmac_secret"),
        (signed.PAYU | {"account_id": "1"}, "has account_id, which is unknown"),
    ],
)
def test_the_form_of_secrets(secret: Any, problem: str) -> None:
    assert payu.check_secret(secret) == problem


def test_the_form_of_keys() -> None:
    assert payu.check_api_key(KEY) == ""
    assert payu.check_api_key({"api_key": "k"}) == "lacks api_login"
    assert payu.check_api_key(KEY | {"alg": "hmac-sha256"}) == "lacks hmac_secret"
