"""Stripe: events signed whole, so nothing has to be asked, except about a single refund.

Secret: the endpoint's signing secret as one text, `whsec_…`, used as it is. Key to the API: a
secret or restricted key, `sk_…` or `rk_…`, which may read payment intents and charges (and write
checkout sessions). `tolerance_seconds`: 300, since every retry is signed anew; 0 accepts the same
second only. `api`: https://api.stripe.com. Our reference is the payment intent's
`metadata.reference`, or a checkout session's `client_reference_id`.

A payment is known by its payment intent, or by its charge if it has none. What Stripe counts as
minor units is not always ISO 4217's (docs.stripe.com/currencies): JPY and also MGA have none there.
ISK and UGX, of which its pages say now this and now that, are refused.

Sources: docs.stripe.com/webhooks and /api, and the fields of stripe-python 16.1.0.
"""

import hashlib
import hmac
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from msgspec.structs import replace

from escalon.domain.money import MoneyError, to_major, to_minor
from escalon.domain.payments.payment import NoticeKind, PaymentNotice
from escalon.domain.rules.rulebook import PaymentProvider
from escalon.providers import reading
from escalon.providers.provider import (
    Checkout,
    Credential,
    MalformedError,
    NotAuthenticError,
    PaymentRequest,
    Question,
    Received,
    WebhookRequest,
)

VERSION = "2024-06-20"  # of the API, and so of the answers' form

_WITHOUT_CENTS = (
    *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
    *("PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"),
)
_WITH_THOUSANDTHS = ("BHD", "JOD", "KWD", "OMR", "TND")
_UNSURE = ("ISK", "UGX")

# What an event says, and where its object has the amount.
_EVENTS: dict[str, tuple[NoticeKind, str]] = {
    "payment_intent.succeeded": ("approved", "amount_received"),
    "payment_intent.processing": ("pending", "amount"),
    "payment_intent.requires_action": ("pending", "amount"),
    "payment_intent.payment_failed": ("declined", "amount"),
    "payment_intent.canceled": ("voided", "amount"),
    "charge.pending": ("pending", "amount"),
    "charge.captured": ("approved", "amount_captured"),
    "charge.failed": ("declined", "amount"),
    "charge.expired": ("voided", "amount"),
    "charge.refunded": ("refunded", "amount_refunded"),  # the sum of all refunds
    "checkout.session.async_payment_succeeded": ("approved", "amount_total"),
    "checkout.session.async_payment_failed": ("declined", "amount_total"),
}
_SESSIONS: dict[str, NoticeKind] = {"paid": "approved", "unpaid": "pending"}
# An inquiry (`warning_…`) takes no money, nor does a dispute that was prevented.
_DISPUTES: dict[str, NoticeKind] = {
    "needs_response": "chargeback_opened",
    "under_review": "chargeback_opened",
    "won": "chargeback_won",
    "lost": "chargeback_lost",
    "warning_needs_response": "other",
    "warning_under_review": "other",
    "warning_closed": "other",
    "prevented": "other",
}
_STATES: dict[str, NoticeKind] = {
    "succeeded": "approved",
    "pending": "pending",
    "processing": "pending",
    "requires_action": "pending",
    "requires_capture": "pending",
    "requires_confirmation": "pending",
    "requires_payment_method": "declined",
    "failed": "declined",
    "canceled": "voided",
}


def receive(
    request: WebhookRequest, setting: PaymentProvider, secrets: list[Credential], now: datetime
) -> Received:
    """Verify HMAC-SHA256 over `t.body` against each `v1`, then translate the event. A single refund
    does not say how much was given back in all, so the payment is asked about."""
    signed_at = _verified(request, secrets)
    if not reading.is_fresh(signed_at, now, setting.tolerance_seconds):
        raise NotAuthenticError("was signed at another time")
    event = reading.object_of(request.body)
    thing = event.get("data")
    thing = thing.get("object") if isinstance(thing, dict) else None
    event_key, kind = reading.text_at(event, "id"), reading.text_at(event, "type")
    if event.get("object") != "event" or not event_key or not isinstance(thing, dict):
        raise MalformedError("is not an event")
    _refuse_other_environment(event, setting)
    notice = PaymentNotice(
        setting.provider,
        event_key,
        "other",
        occurred_at=reading.seconds(event.get("created")),
        detail=kind,
    )
    if kind.startswith("refund.") or kind == "charge.refund.updated":
        return Received(_named(notice, thing, "refunded"), ask=True)
    said = _EVENTS.get(kind)
    if kind == "charge.succeeded":
        said = _EVENTS["charge.pending" if _uncaptured(thing) else "charge.captured"]
    elif kind == "checkout.session.completed":
        paid = _SESSIONS.get(reading.text_at(thing, "payment_status"))
        said = (paid, "amount_total") if paid else None
    elif kind.startswith("charge.dispute."):
        said = (_meant(_DISPUTES, thing), "amount")
        notice = replace(notice, case_key=reading.text_at(thing, "id"))
    if said is None or said[0] == "other":
        return Received(notice)
    return Received(_with_amount(_named(notice, thing, said[0]), thing, said[1]))


def check_secret(secret: Credential) -> str:
    """What is wrong with the form of a signing secret."""
    return reading.text_problem(secret, "whsec_")


def check_api_key(api_key: Credential) -> str:
    """What is wrong with the form of a key."""
    return reading.text_problem(api_key, "sk_", "rk_")


def question(notice: PaymentNotice, setting: PaymentProvider, api_key: Credential) -> Question:
    """GET the payment intent with its last charge, or the charge."""
    key = notice.payment_key
    if key.startswith("pi_"):
        url = reading.address(setting, "v1", "payment_intents", key) + "?expand[]=latest_charge"
    else:
        url = reading.address(setting, "v1", "charges", key)
    return Question("GET", url, _headers(api_key))


def answer(
    notice: PaymentNotice, setting: PaymentProvider, status: int, body: bytes
) -> tuple[PaymentNotice, ...]:
    """What the payment intent or the charge says. What was given back is as of the reading, so it
    names no instant. Whether a dispute was won or lost is not in it; the disputes' own events say
    all of it."""
    found = reading.answered(status, body)
    if found is None:
        return ()
    if reading.text_at(found, "id") != notice.payment_key:
        raise MalformedError("is about another payment")
    _refuse_other_environment(found, setting)
    is_intent = found.get("object") == "payment_intent"
    kind = "pending" if _uncaptured(found) else _meant(_STATES, found)
    told = PaymentNotice(
        notice.provider,
        f"{notice.event_key}:{kind}",
        "other",
        detail=reading.text_at(found, "status"),
    )
    told = _named(told, found, kind)
    if kind != "approved":
        return (_with_amount(told, found, "amount"),)
    charge = found.get("latest_charge") if is_intent else found
    if not isinstance(charge, dict):
        raise MalformedError("lacks its charge")
    told = replace(told, occurred_at=reading.seconds(charge.get("created")))
    approved = _with_amount(told, found, "amount_received" if is_intent else "amount_captured")
    refunded = replace(
        _with_amount(told, charge, "amount_refunded"),
        kind="refunded",
        event_key=f"{notice.event_key}:refunded",
        occurred_at=None,
    )
    # Asked about a refund, it matters too that nothing is given back any more: a refund can fail.
    said_refund = refunded.amount_minor or notice.kind == "refunded"
    return (approved, refunded) if said_refund else (approved,)


def open_checkout(
    request: PaymentRequest, setting: PaymentProvider, api_key: Credential
) -> Question:
    """POST a checkout session; `opened_checkout` reads the answer. Asked twice for one attempt,
    Stripe answers with one session."""
    item = "line_items[0]"
    form = {
        "mode": "payment",
        "client_reference_id": request.reference,
        "success_url": request.return_url,
        "cancel_url": request.return_url,
        "locale": request.language,
        f"{item}[quantity]": "1",
        f"{item}[price_data][currency]": request.currency.lower(),
        f"{item}[price_data][unit_amount]": str(_units(request.amount_minor, request.currency)),
        f"{item}[price_data][product_data][name]": request.description,
        "payment_intent_data[metadata][reference]": request.reference,
    }
    if request.payer_email:
        form["customer_email"] = request.payer_email
    headers = {
        **_headers(api_key),
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": request.attempt,
    }
    url = reading.address(setting, "v1", "checkout", "sessions")
    return Question("POST", url, headers, urlencode(form).encode())


def opened_checkout(status: int, body: bytes, setting: PaymentProvider) -> Checkout:
    """The session's page."""
    return Checkout(reading.opened(status, body, "url", setting))


def _verified(request: WebhookRequest, secrets: list[Credential]) -> datetime:
    """When the body was signed, if one of the secrets signed it. Every scheme but v1 is ignored:
    v0 is a fake one of test events."""
    pairs = [pair.partition("=") for pair in request.headers.get("stripe-signature", "").split(",")]
    times = [value for name, _, value in pairs if name.strip() == "t"]
    digests = [value for name, _, value in pairs if name.strip() == "v1"]
    signed_at = reading.seconds(times[0]) if len(times) == 1 else None
    if signed_at is None or not digests:
        raise NotAuthenticError("has no signature")
    content = times[0].encode() + b"." + request.body
    for secret in secrets:
        if isinstance(secret, str) and secret:
            digest = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
            if reading.is_among(digest, digests):
                return signed_at
    raise NotAuthenticError("has no signature of ours")


def _refuse_other_environment(document: dict[str, Any], setting: PaymentProvider) -> None:
    """Play money never pays a debt, and real money is nothing to play with."""
    if (document.get("livemode") is True) != (setting.environment == "production"):
        raise MalformedError("is of another environment")


def _uncaptured(thing: dict[str, Any]) -> bool:
    """Whether it is a charge that was authorised only."""
    return (
        thing.get("object") == "charge"
        and thing.get("status") == "succeeded"
        and thing.get("captured") is False
    )


def _meant(states: dict[str, NoticeKind], thing: dict[str, Any]) -> NoticeKind:
    kind = states.get(reading.text_at(thing, "status"))
    if kind is None:
        raise MalformedError("has an unknown status")
    return kind


def _named(notice: PaymentNotice, thing: dict[str, Any], kind: NoticeKind) -> PaymentNotice:
    """The notice with the names of its payment: of the payment intent wherever it is named."""
    own = reading.text_at(thing, "id")
    intent, charge = _id_at(thing, "payment_intent"), _id_at(thing, "charge")
    if thing.get("object") == "payment_intent":
        intent, charge = own, _id_at(thing, "latest_charge")
    elif thing.get("object") == "charge":
        charge = own
    names = tuple(name for name in (intent, charge) if name)
    if not names:
        if thing.get("object") == "checkout.session":  # nothing to pay, or a subscription
            return notice
        raise MalformedError("names no payment")
    reference = reading.text_at(thing, "client_reference_id")
    email = "customer_details.email", "receipt_email", "billing_details.email"
    return replace(
        notice,
        kind=kind,
        payment_key=names[0],
        aliases=names[1:],
        reference=reference or reading.text_at(thing, "metadata.reference"),
        payer_email=next(filter(None, (reading.email_at(thing, path) for path in email)), ""),
    )


def _id_at(thing: dict[str, Any], name: str) -> str:
    """An id, also where the object itself stands in its place."""
    value = thing.get(name)
    return reading.text_at(value, "id") if isinstance(value, dict) else reading.text_at(thing, name)


def _with_amount(notice: PaymentNotice, thing: dict[str, Any], name: str) -> PaymentNotice:
    """The notice with an amount from Stripe's smallest units."""
    if notice.kind == "other":
        return notice
    currency = reading.currency_at(thing, "currency")
    try:
        major = Decimal(reading.minor_at(thing, name)).scaleb(-_digits(currency))
        return replace(notice, amount_minor=to_minor(major, currency), currency=currency)
    except MoneyError:
        raise MalformedError(f"{name} is not an amount of {currency}") from None


def _units(amount_minor: int, currency: str) -> int:
    """An amount in Stripe's smallest units. MoneyError if it is none there."""
    units = to_major(amount_minor, currency).scaleb(_digits(currency))
    if units != int(units) or (currency in _WITH_THOUSANDTHS and units % 10):
        raise MoneyError(f"Stripe has no such amount of {currency}")
    return int(units)


def _digits(currency: str) -> int:
    if currency in _UNSURE:
        raise MoneyError(f"nobody is sure how Stripe counts {currency}")
    if currency in _WITHOUT_CENTS:
        return 0
    return 3 if currency in _WITH_THOUSANDTHS else 2


def _headers(api_key: Credential) -> dict[str, str]:
    return {"Authorization": reading.bearer(api_key), "Stripe-Version": VERSION}
