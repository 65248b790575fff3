"""Stripe: every event that is about money, what is asked about it, and its checkout."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from msgspec.structs import replace

from escalon.domain.money import MoneyError
from escalon.domain.payments.payment import PaymentNotice
from escalon.providers import stripe
from escalon.providers.provider import (
    MalformedError,
    NotAnsweredError,
    NotAuthenticError,
    PaymentRequest,
    Received,
)
from tests.providers import signed
from tests.providers.vectors import SETTINGS

SETTING = SETTINGS["stripe"]
KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"

INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 15_000_000,
    "amount_received": 15_000_000,
    "currency": "cop",
    "latest_charge": "ch_1",
    "metadata": {"reference": "FAC-1"},
    "receipt_email": "ana@example.com",
}
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "amount": 15_000_000,
    "amount_captured": 14_000_000,
    "amount_refunded": 0,
    "captured": True,
    "created": 1_789_999_000,
    "currency": "cop",
    "payment_intent": "pi_1",
    "metadata": {"reference": "FAC-1"},
    "status": "succeeded",
    "billing_details": {"email": "ana@example.com"},
}
DISPUTE = {
    "id": "du_1",
    "object": "dispute",
    "amount": 9_000_000,
    "currency": "cop",
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "status": "needs_response",
    "metadata": {},
}
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "amount_total": 15_000_000,
    "currency": "cop",
    "payment_intent": "pi_1",
    "payment_status": "paid",
    "client_reference_id": "FAC-1",
    "customer_details": {"email": "ana@example.com"},
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 4_000_000,
    "currency": "cop",
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "status": "failed",
}


def an_event(kind: str, thing: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "created": 1_789_999_995,
        "livemode": False,
        "type": kind,
        "data": {"object": thing},
    } | changed


def taken(event: Any) -> Received:
    return stripe.receive(signed.stripe(event), SETTING, [signed.STRIPE], signed.NOW)


@pytest.mark.parametrize(
    ("kind", "thing", "says", "amount"),
    [
        ("payment_intent.succeeded", INTENT, "approved", 15_000_000),
        ("payment_intent.processing", INTENT, "pending", 15_000_000),
        ("payment_intent.requires_action", INTENT, "pending", 15_000_000),
        ("payment_intent.payment_failed", INTENT, "declined", 15_000_000),
        ("payment_intent.canceled", INTENT, "voided", 15_000_000),
        ("charge.pending", CHARGE, "pending", 15_000_000),
        ("charge.succeeded", CHARGE, "approved", 14_000_000),
        ("charge.succeeded", CHARGE | {"captured": False}, "pending", 15_000_000),
        ("charge.captured", CHARGE, "approved", 14_000_000),
        ("charge.failed", CHARGE, "declined", 15_000_000),
        ("charge.expired", CHARGE, "voided", 15_000_000),
        ("charge.refunded", CHARGE | {"amount_refunded": 4_000_000}, "refunded", 4_000_000),
        ("charge.dispute.created", DISPUTE, "chargeback_opened", 9_000_000),
        ("charge.dispute.funds_withdrawn", DISPUTE, "chargeback_opened", 9_000_000),
        (
            *("charge.dispute.funds_reinstated", DISPUTE | {"status": "won"}),
            *("chargeback_won", 9_000_000),
        ),
        ("charge.dispute.closed", DISPUTE | {"status": "won"}, "chargeback_won", 9_000_000),
        ("charge.dispute.closed", DISPUTE | {"status": "lost"}, "chargeback_lost", 9_000_000),
        ("checkout.session.completed", SESSION, "approved", 15_000_000),
        (
            *("checkout.session.completed", SESSION | {"payment_status": "unpaid"}),
            *("pending", 15_000_000),
        ),
        ("checkout.session.async_payment_succeeded", SESSION, "approved", 15_000_000),
        (
            *("checkout.session.async_payment_failed", SESSION | {"payment_status": "unpaid"}),
            *("declined", 15_000_000),
        ),
    ],
)
def test_what_events_say(kind: str, thing: dict[str, Any], says: str, amount: int) -> None:
    found = taken(an_event(kind, thing))
    notice = found.notice
    assert not found.ask
    assert (notice.kind, notice.amount_minor, notice.currency) == (says, amount, "COP")
    assert (notice.payment_key, notice.provider, notice.event_key) == ("pi_1", "cards", "evt_1")
    assert notice.occurred_at == datetime(2026, 9, 21, 14, 13, 15, tzinfo=UTC)
    assert notice.detail == kind
    assert notice.reference == ("" if thing["object"] == "dispute" else "FAC-1")
    assert notice.aliases == (() if thing["object"] == "checkout.session" else ("ch_1",))
    assert notice.case_key == ("du_1" if thing["object"] == "dispute" else "")
    assert notice.payer_email == ("" if thing["object"] == "dispute" else "ana@example.com")


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("customer.created", {"id": "cus_1", "object": "customer"}),
        ("payment_intent.created", INTENT),
        ("checkout.session.expired", SESSION | {"payment_status": "unpaid"}),
        ("checkout.session.completed", SESSION | {"payment_status": "no_payment_required"}),
        ("checkout.session.completed", SESSION | {"payment_intent": None}),  # a subscription
        ("charge.dispute.created", DISPUTE | {"status": "warning_needs_response"}),
        ("charge.dispute.closed", DISPUTE | {"status": "warning_closed"}),
    ],
)
def test_what_is_about_no_money_of_ours(kind: str, thing: dict[str, Any]) -> None:
    found = taken(an_event(kind, thing))
    assert (found.notice.kind, found.ask) == ("other", False)


def test_a_charge_without_a_payment_intent_names_itself() -> None:
    alone = CHARGE | {"payment_intent": None}
    notice = taken(an_event("charge.captured", alone)).notice
    assert (notice.payment_key, notice.aliases) == ("ch_1", ())
    dispute = DISPUTE | {"payment_intent": None}
    assert taken(an_event("charge.dispute.created", dispute)).notice.payment_key == "ch_1"


@pytest.mark.parametrize(
    "kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
def test_a_single_refund_does_not_say_the_sum_so_it_is_asked(kind: str) -> None:
    found = taken(an_event(kind, REFUND))
    assert found.ask
    assert (found.notice.kind, found.notice.amount_minor) == ("refunded", None)
    assert (found.notice.payment_key, found.notice.aliases) == ("pi_1", ("ch_1",))


@pytest.mark.parametrize(
    "event",
    [
        b"[]",
        b"{",
        b'{"object": "event"}',
        b'{"id": "evt_1", "id": "evt_2", "object": "event"}',
        {"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter", "data": {}},
        an_event("payment_intent.succeeded", {}),
        an_event("payment_intent.succeeded", INTENT | {"amount_received": 1.5}),
        an_event("payment_intent.succeeded", INTENT | {"amount_received": -1}),
        an_event("payment_intent.succeeded", INTENT | {"amount_received": True}),
        an_event("payment_intent.succeeded", INTENT | {"currency": "pesos"}),
        an_event("payment_intent.succeeded", INTENT, id=None),
        an_event("payment_intent.succeeded", INTENT, livemode=True),
        an_event("charge.dispute.closed", DISPUTE | {"status": "forgotten"}),
        an_event("payment_intent.succeeded", INTENT, x=float("nan")),
        an_event("payment_intent.succeeded", INTENT, x=float("-inf")),
        b'{"id": "\\ud800", "object": "event", "type": "a", "data": {"object": {}}}',
    ],
)
def test_signed_and_of_no_use(event: Any) -> None:
    with pytest.raises(MalformedError):
        taken(event)


def test_play_money_pays_nothing_in_production_and_real_money_is_not_played_with() -> None:
    production = replace(SETTING, environment="production")
    play, real = (
        signed.stripe(an_event("payment_intent.succeeded", INTENT, livemode=mode))
        for mode in (False, True)
    )
    assert stripe.receive(real, production, [signed.STRIPE], signed.NOW).notice.kind == "approved"
    with pytest.raises(MalformedError):
        stripe.receive(play, production, [signed.STRIPE], signed.NOW)


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_the_signature_is_good_for_300_seconds_either_way(seconds: int, *, is_taken: bool) -> None:
    request = signed.stripe(an_event("payment_intent.succeeded", INTENT))
    now = datetime.fromtimestamp(signed.AT + seconds, UTC)
    if is_taken:
        assert stripe.receive(request, SETTING, [signed.STRIPE], now)
    else:
        with pytest.raises(NotAuthenticError):
            stripe.receive(request, SETTING, [signed.STRIPE], now)


def test_a_signature_of_two_instants_is_of_none() -> None:
    request = signed.stripe(an_event("payment_intent.succeeded", INTENT))
    header = f"{request.headers['stripe-signature']},t={signed.AT + 1}"
    with pytest.raises(NotAuthenticError):
        stripe.receive(
            replace(request, headers={"stripe-signature": header}),
            SETTING,
            [signed.STRIPE],
            signed.NOW,
        )


def test_a_tolerance_of_zero_is_not_for_ever() -> None:
    request = signed.stripe(an_event("payment_intent.succeeded", INTENT))
    with pytest.raises(NotAuthenticError):
        stripe.receive(request, replace(SETTING, tolerance_seconds=0), [signed.STRIPE], signed.NOW)


@pytest.mark.parametrize(
    ("currency", "units", "minor"),
    [
        ("cop", 15_000_000, 15_000_000),  # 150 000.00
        ("jpy", 5_000, 5_000),  # 5 000
        ("clp", 5_000, 5_000),
        ("kwd", 1_230, 1_230),  # 1.230
        ("mga", 500, 50_000),  # none in Stripe's units, two in ISO 4217's
        ("usd", 2**53 + 1, 9_007_199_254_740_993),
    ],
)
def test_amounts_in_stripes_units(currency: str, units: int, minor: int) -> None:
    thing = INTENT | {"currency": currency, "amount_received": units}
    notice = taken(an_event("payment_intent.succeeded", thing)).notice
    assert (notice.amount_minor, notice.currency) == (minor, currency.upper())


@pytest.mark.parametrize("currency", ["isk", "ugx"])
def test_currencies_of_which_nobody_is_sure_are_refused(currency: str) -> None:
    with pytest.raises(MalformedError):
        taken(an_event("payment_intent.succeeded", INTENT | {"currency": currency}))


# ---------------------------------------------------------------- asking

ASKED = PaymentNotice("cards", "evt_1", "refunded", "pi_1")


def answered(found: Any, notice: PaymentNotice = ASKED, status: int = 200) -> tuple[Any, ...]:
    body = found if isinstance(found, bytes) else json.dumps(found).encode()
    return stripe.answer(notice, SETTING, status, body)


def intent(status: str = "succeeded", **charge: Any) -> dict[str, Any]:
    return INTENT | {
        "livemode": False,
        "status": status,
        "latest_charge": CHARGE | charge,
    }


def test_the_question_about_a_payment() -> None:
    question = stripe.question(ASKED, SETTING, KEY)
    assert (question.method, question.body) == ("GET", b"")
    address = "https://api.stripe.com/v1/payment_intents/pi_1?expand[]=latest_charge"
    assert question.url == address
    assert question.headers == {"Authorization": f"Bearer {KEY}", "Stripe-Version": "2024-06-20"}
    assert KEY not in repr(question)
    of_charge = stripe.question(replace(ASKED, payment_key="ch_1/../x"), SETTING, KEY)
    assert of_charge.url == "https://api.stripe.com/v1/charges/ch_1%2F..%2Fx"
    with pytest.raises(NotAnsweredError):
        stripe.question(ASKED, SETTING, {"key": KEY})


def test_the_answer_says_that_it_was_paid_and_what_was_given_back() -> None:
    approved, refunded = answered(intent(amount_refunded=4_000_000))
    assert (approved.kind, approved.amount_minor) == ("approved", 15_000_000)
    assert {approved.currency, refunded.currency} == {"COP"}
    assert approved.occurred_at == datetime(2026, 9, 21, 13, 56, 40, tzinfo=UTC)
    assert (refunded.kind, refunded.amount_minor) == ("refunded", 4_000_000)
    assert refunded.occurred_at is None  # as of the reading
    assert {approved.event_key, refunded.event_key} == {"evt_1:approved", "evt_1:refunded"}
    assert {approved.reference, refunded.reference} == {"FAC-1"}
    assert approved.aliases == ("ch_1",)


def test_a_refund_that_failed_gives_the_money_back_to_us() -> None:
    _, refunded = answered(intent(amount_refunded=0))
    assert (refunded.kind, refunded.amount_minor) == ("refunded", 0)
    asked_otherwise = replace(ASKED, kind="approved")
    (approved,) = answered(intent(amount_refunded=0), asked_otherwise)
    assert approved.kind == "approved"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("processing", "pending"),
        ("requires_action", "pending"),
        ("requires_capture", "pending"),
        ("requires_confirmation", "pending"),
        ("requires_payment_method", "declined"),
        ("canceled", "voided"),
    ],
)
def test_the_answer_about_what_is_not_paid(status: str, kind: str) -> None:
    (notice,) = answered(intent(status))
    assert (notice.kind, notice.amount_minor, notice.occurred_at) == (kind, 15_000_000, None)


@pytest.mark.parametrize(
    ("changed", "kind", "amount"),
    [
        ({}, "approved", 14_000_000),
        ({"captured": False}, "pending", 15_000_000),
        ({"status": "pending"}, "pending", 15_000_000),
        ({"status": "failed"}, "declined", 15_000_000),
    ],
)
def test_the_answer_about_a_charge(changed: dict[str, Any], kind: str, amount: int) -> None:
    charge = CHARGE | {"payment_intent": None, "livemode": False} | changed
    asked = PaymentNotice("cards", "evt_1", "approved", "ch_1")
    (notice,) = answered(charge, asked)
    assert (notice.kind, notice.amount_minor, notice.payment_key) == (kind, amount, "ch_1")


def test_no_such_payment() -> None:
    assert answered({"error": {"code": "resource_missing"}}, status=404) == ()


@pytest.mark.parametrize("status", [301, 400, 401, 403, 429, 500, 503])
def test_no_answer(status: int) -> None:
    with pytest.raises(NotAnsweredError):
        answered(b"", status=status)


@pytest.mark.parametrize(
    "found",
    [
        b"<html>",
        intent() | {"id": "pi_2"},
        intent() | {"livemode": True},
        intent() | {"latest_charge": "ch_1"},
        intent("dreaming"),
    ],
)
def test_an_answer_that_makes_no_sense(found: Any) -> None:
    with pytest.raises(MalformedError):
        answered(found)


# ---------------------------------------------------------------- checkout

REQUEST = PaymentRequest(
    amount_minor=15_000_000,
    currency="COP",
    reference="FAC-1",
    attempt="a-1",
    description="Factura 1",
    language="es",
    return_url="https://pay.example/back",
    notify_url="https://api.example/webhooks/cards",
    payer_email="ana@example.com",
)


def test_the_checkout_is_opened_once_for_an_attempt() -> None:
    question = stripe.open_checkout(REQUEST, SETTING, KEY)
    assert question.method == "POST"
    assert question.url == "https://api.stripe.com/v1/checkout/sessions"
    assert question.headers["Idempotency-Key"] == "a-1"
    assert parse_qs(question.body.decode()) == {
        "mode": ["payment"],
        "client_reference_id": ["FAC-1"],
        "success_url": ["https://pay.example/back"],
        "cancel_url": ["https://pay.example/back"],
        "locale": ["es"],
        "line_items[0][quantity]": ["1"],
        "line_items[0][price_data][currency]": ["cop"],
        "line_items[0][price_data][unit_amount]": ["15000000"],
        "line_items[0][price_data][product_data][name]": ["Factura 1"],
        "payment_intent_data[metadata][reference]": ["FAC-1"],
        "customer_email": ["ana@example.com"],
    }
    body = b'{"url": "https://checkout.stripe.com/c/pay/cs_1"}'
    opened = stripe.opened_checkout(200, body, SETTING)
    assert (opened.url, opened.fields) == ("https://checkout.stripe.com/c/pay/cs_1", {})


@pytest.mark.parametrize(
    ("currency", "minor", "units"), [("JPY", 5_000, "5000"), ("MGA", 50_000, "500")]
)
def test_the_checkout_counts_as_stripe_does(currency: str, minor: int, units: str) -> None:
    request = replace(REQUEST, currency=currency, amount_minor=minor)
    form = parse_qs(stripe.open_checkout(request, SETTING, KEY).body.decode())
    assert form["line_items[0][price_data][unit_amount]"] == [units]


@pytest.mark.parametrize(("currency", "minor"), [("MGA", 50_001), ("KWD", 1_234), ("ISK", 100)])
def test_amounts_that_the_checkout_cannot_take(currency: str, minor: int) -> None:
    with pytest.raises(MoneyError):
        stripe.open_checkout(replace(REQUEST, currency=currency, amount_minor=minor), SETTING, KEY)


@pytest.mark.parametrize("body", [b'{"url": null}', b'{"url": "http://x"}', b"{}"])
def test_a_checkout_without_an_address(body: bytes) -> None:
    with pytest.raises(MalformedError):
        stripe.opened_checkout(200, body, SETTING)


def test_a_sandbox_that_is_reached_without_encryption_opens_its_checkout_so_too() -> None:
    here = replace(SETTING, api="http://127.0.0.1:9")
    opened = stripe.opened_checkout(200, b'{"url": "http://127.0.0.1:9/pay"}', here)
    assert opened.url == "http://127.0.0.1:9/pay"


def test_the_checkout_could_not_be_opened() -> None:
    for status in (404, 402, 500):
        with pytest.raises(NotAnsweredError):
            stripe.opened_checkout(status, b"{}", SETTING)


# ---------------------------------------------------------------- secrets


def test_every_secret_is_tried_and_rotation_loses_nothing() -> None:
    request = signed.stripe(an_event("payment_intent.succeeded", INTENT), secret="whsec_new_secret")
    secrets = ["whsec_old_secret", {"not": "one text"}, "", "whsec_new_secret"]
    assert stripe.receive(request, SETTING, secrets, signed.NOW).notice.kind == "approved"
    with pytest.raises(NotAuthenticError):
        stripe.receive(request, SETTING, secrets[:3], signed.NOW)
    with pytest.raises(NotAuthenticError):
        stripe.receive(request, SETTING, [], signed.NOW)


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (signed.STRIPE, ""),
        ("whsec_short", "must have 16 characters or more, without blanks"),
        ("whsec_with a blank in it", "must have 16 characters or more, without blanks"),
        ("sk_test_4eC39HqLyjWDarjt", "must begin with whsec_"),
        ({"secret": signed.STRIPE}, "must be one text, not named values"),
    ],
)
def test_the_form_of_secrets(secret: Any, problem: str) -> None:
    assert stripe.check_secret(secret) == problem


def test_the_form_of_keys() -> None:
    assert stripe.check_api_key(KEY) == ""
    assert stripe.check_api_key("pk_test_4eC39HqLyjWDarjt") == "must begin with sk_ or rk_"
