"""Published forgeries and published values: what passes a signature check, and what must not pass.

Each forgery was made from one genuine notice, without the secret.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from msgspec.structs import replace

from escalon.providers import epayco, mercadopago, payu, standard_webhooks, wompi
from escalon.providers.provider import MalformedError, NotAuthenticError, WebhookRequest
from tests.providers import signed
from tests.providers.vectors import MAPPING, SETTINGS, case_of, received, request_of

NOW = signed.NOW


def form(case: dict[str, Any], **changed: str) -> WebhookRequest:
    fields = dict(parse_qsl(case["body"], keep_blank_values=True)) | changed
    return WebhookRequest({}, {}, urlencode(fields).encode())


# ---------------------------------------------------------------- ePayco


def test_epayco_a_pending_payment_turned_accepted_is_a_question_and_no_money() -> None:
    """`attack_pending_turned_accepted`: no state is signed, and the payer sees the signature."""
    genuine = case_of("epayco", "pending")
    forged = form(genuine, x_cod_transaction_state="1", x_cod_response="1", x_response="Aceptada")
    found = epayco.receive(forged, SETTINGS["epayco"], genuine["secrets"], NOW)
    assert (found.ask, found.notice.kind) == (True, "approved")
    truth = {
        "x_ref_payco": 101000001,
        "x_cod_transaction_state": 3,
        "x_amount": 150000,
        "x_currency_code": "COP",
        "x_id_invoice": "FAC-2026-000123",
    }
    body = json.dumps({"success": True, "data": truth}).encode()
    (answer,) = epayco.answer(found.notice, SETTINGS["epayco"], 200, body)
    assert (answer.kind, answer.event_key) == ("pending", "101000001:3")


def test_epayco_a_test_payment_never_settles_a_production_debt() -> None:
    genuine = case_of("epayco", "accepted")
    forged = form(genuine, x_test_request="TRUE")
    with pytest.raises(MalformedError):
        epayco.receive(forged, SETTINGS["epayco"], genuine["secrets"], NOW)
    sandbox = replace(SETTINGS["epayco"], environment="sandbox")
    assert epayco.receive(forged, sandbox, genuine["secrets"], NOW).ask


def test_epayco_of_another_client_is_refused() -> None:
    genuine = case_of("epayco", "accepted")
    with pytest.raises(MalformedError):
        epayco.receive(
            form(genuine, x_cust_id_cliente="666"), SETTINGS["epayco"], genuine["secrets"], NOW
        )


# ---------------------------------------------------------------- Wompi

GENUINE = case_of("wompi", "property_order_differs")  # signed, at the vectors' time


def event(**changed: Any) -> dict[str, Any]:
    return json.loads(GENUINE["body"]) | changed


def wompi_receive(body: dict[str, Any], tolerance_seconds: int = 90_000) -> Any:
    request = WebhookRequest({}, {}, json.dumps(body).encode())
    setting = replace(SETTINGS["wompi"], tolerance_seconds=tolerance_seconds)
    return wompi.receive(request, setting, GENUINE["secrets"], NOW)


def test_wompi_a_list_that_covers_one_free_text_is_refused() -> None:
    """`attack_properties_list_replaced`: every real field is free then."""
    forged = event()
    transaction = forged["data"]["transaction"]
    covered = "".join(str(transaction[name]) for name in ("status", "amount_in_cents", "id"))
    forged["data"]["free"] = covered
    forged["signature"]["properties"] = ["free"]
    transaction |= {"amount_in_cents": 900_000_000, "status": "APPROVED", "reference": "FAC-MINE"}
    with pytest.raises(MalformedError):
        wompi_receive(forged)


@pytest.mark.parametrize(
    "listed",
    [
        ["transaction.status", "transaction.amount_in_cents"],
        ["transaction.status", "transaction.amount_in_cents", "transaction.id", "transaction.id"],
        ["transaction.status", "transaction.amount_in_cents", "transaction.id", "environment_"],
    ],
)
def test_wompi_a_list_that_covers_more_or_less_is_refused_even_signed(listed: list[str]) -> None:
    made = event(data={**event()["data"], "environment_": "prod"})
    made["signature"]["properties"] = listed
    request = signed.wompi(made)
    with pytest.raises(MalformedError):
        wompi.receive(request, SETTINGS["wompi"], [signed.WOMPI], NOW)


def test_wompi_a_digit_moved_from_the_timestamp_makes_ten_times_the_amount() -> None:
    """`attack_digit_shift_amount_x10`: the checksum is right; the timestamp is of 1995."""
    case = case_of("wompi", "attack_digit_shift_amount_x10")
    with pytest.raises(NotAuthenticError):
        received(case)
    # Even if nobody looked at the clock it would be a question only, and the answer has the truth.
    for_ever = replace(SETTINGS["wompi"], tolerance_seconds=10**9 * 2)
    found = wompi.receive(request_of(case), for_ever, case["secrets"], NOW)
    assert (found.ask, found.notice.amount_minor) == (True, 44_900_001)
    genuine = event()["data"]["transaction"]
    body = json.dumps({"data": genuine}).encode()
    (answer,) = wompi.answer(found.notice, for_ever, 200, body)
    assert answer.amount_minor == 4_490_000


@pytest.mark.parametrize(("seconds", "is_taken"), [(90_000, True), (90_001, False)])
def test_wompi_the_window_closes_after_25_hours(seconds: int, *, is_taken: bool) -> None:
    now = datetime.fromtimestamp(1_790_000_000 + seconds, UTC)
    request = request_of(GENUINE)
    if is_taken:
        assert wompi.receive(request, SETTINGS["wompi"], GENUINE["secrets"], now).ask
    else:
        with pytest.raises(NotAuthenticError):
            wompi.receive(request, SETTINGS["wompi"], GENUINE["secrets"], now)


@pytest.mark.parametrize("environment", ["test", "", None, "production"])
def test_wompi_of_another_environment_is_refused(environment: str | None) -> None:
    with pytest.raises(MalformedError):
        wompi_receive(event(environment=environment))


def test_wompi_the_published_example_and_its_misprint() -> None:
    """docs.wompi.co prints a checksum that is not that of its own string."""
    published = (
        "1234-1610641025-49201APPROVED44900001530291411prod_events_OcHnIzeBl5socpwByQ4hA52Em3USQ93Z"
    )
    right = "5a18ec5e8fdb7df463e9f94774cba8f583ba21bd04a09ceff2ea68a4bc0aefbe"
    assert hashlib.sha256(published.encode()).hexdigest() == right
    case = case_of("wompi", "docs_example_recomputed")
    assert case["headers"]["X-Event-Checksum"] == right
    assert received(case).notice.amount_minor == 4_490_000
    with pytest.raises(NotAuthenticError):
        received(case_of("wompi", "docs_printed_checksum_is_wrong"))


def test_wompi_header_and_body_may_each_have_the_checksum_alone() -> None:
    body = event()
    checksum = body["signature"].pop("checksum")
    request = WebhookRequest({"x-event-checksum": checksum}, {}, json.dumps(body).encode())
    assert wompi.receive(request, SETTINGS["wompi"], GENUINE["secrets"], NOW).ask
    body["signature"]["checksum"] = checksum
    request = WebhookRequest({"x-event-checksum": "0" * 64}, {}, json.dumps(body).encode())
    assert wompi.receive(request, SETTINGS["wompi"], GENUINE["secrets"], NOW).ask


# ---------------------------------------------------------------- PayU


def test_payu_another_transaction_of_the_order_is_asked_about() -> None:
    """The transaction's id is not signed: whichever is named, its own state counts."""
    genuine = case_of("payu", "approved_md5_cop")
    forged = form(genuine, transaction_id="declined-before")
    found = payu.receive(forged, SETTINGS["payu"], genuine["secrets"], NOW)
    assert (found.ask, found.notice.kind) == (True, "approved")
    order = {
        "referenceCode": "FAC-2026-000123",
        "isTest": False,
        "transactions": [
            {
                "id": "declined-before",
                "type": "AUTHORIZATION_AND_CAPTURE",
                "transactionResponse": {"state": "DECLINED"},
                "additionalValues": {"TX_VALUE": {"value": 150000.00, "currency": "COP"}},
            }
        ],
    }
    body = json.dumps({"code": "SUCCESS", "result": {"payload": [order]}}).encode()
    (answer,) = payu.answer(found.notice, SETTINGS["payu"], 200, body)
    assert answer.kind == "declined"
    invented = form(genuine, transaction_id="invented")
    found = payu.receive(invented, SETTINGS["payu"], genuine["secrets"], NOW)
    assert payu.answer(found.notice, SETTINGS["payu"], 200, body) == ()


def test_payu_signed_with_our_key_for_another_merchant_is_refused() -> None:
    fields = {
        "merchant_id": "666",
        "reference_sale": "R",
        "value": "10.00",
        "signed_value": "10.0",
        "currency": "COP",
        "state_pol": "4",
        "transaction_id": "t",
    }
    with pytest.raises(MalformedError):
        payu.receive(signed.payu(fields), SETTINGS["payu"], [signed.PAYU], NOW)


@pytest.mark.parametrize(
    ("value", "sign"),
    [
        ("150.00", "65fb2b3452572784e23e7d6480359fd2507c54dd285ca3c4dceffb8764cfb66f"),
        ("150.25", "7770a7933b90570a078fcacce1790eb13079cdf8f8a6e900b79f4f5eb96b8024"),
    ],
)
def test_payu_the_published_signs(value: str, sign: str) -> None:
    """PayU's page on the confirmation URL, HMAC-SHA256 with the key test123."""
    case = case_of("payu", "docs_hmac_one_decimal")
    request = form(case, value=value, sign=sign)
    found = payu.receive(request, SETTINGS["payu"], case["secrets"], NOW)
    assert found.notice.reference == "PayUTest01"


# ---------------------------------------------------------------- Standard Webhooks, Mercado Pago


def test_standard_webhooks_the_published_value() -> None:
    """The one that the libraries of six languages test themselves with."""
    request = WebhookRequest(
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        {},
        b'{"test": 2432232314}',
    )
    now = datetime.fromtimestamp(1_614_265_330, UTC)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    setting = replace(SETTINGS["standard_webhooks"], mapping=MAPPING)
    found = standard_webhooks.receive(request, setting, [secret], now)
    assert (found.notice.kind, found.ask) == ("other", False)


def test_mercadopago_another_topic_or_id_in_what_is_not_signed_gains_nothing() -> None:
    """The body and the topic are anybody's: at most they choose which question is asked."""
    body = {"id": 1, "type": "payment", "data": {"id": "999"}}
    with pytest.raises(MalformedError):
        mercadopago.receive(
            signed.mercadopago(body), SETTINGS["mercadopago"], [signed.MERCADOPAGO], NOW
        )
    body = {"id": 1, "type": "topic_chargebacks_wh", "data": {"payment_id": 42}}
    request = signed.mercadopago(body, topic="topic_chargebacks_wh")
    found = mercadopago.receive(request, SETTINGS["mercadopago"], [signed.MERCADOPAGO], NOW)
    question = mercadopago.question(found.notice, SETTINGS["mercadopago"], "APP_USR-1")
    assert question.url == "https://api.mercadopago.com/v1/chargebacks/1234567890"
