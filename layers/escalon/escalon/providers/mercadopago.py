"""Mercado Pago: the signature covers which payment a notification is about and nothing else.

Secret: the application's secret as one text. Key to the API: the access token, `APP_USR-…` (or
`TEST-…`). `tolerance_seconds`: 0, since nobody says whether a retry is signed anew and the payment
is asked about anyway. `api`: https://api.mercadopago.com. Our reference is `external_reference`.

The id is taken from the query, which is signed; a body that names another is refused. Documents and
libraries disagree whether the id is signed as received or in lower case: both are tried, and both
need the secret. The instant is in seconds or, with more than 11 digits, in milliseconds.

Topics: `payment`, and `topic_chargebacks_wh` for chargebacks. Of a payment that was charged back it
is not concluded who won: the pages contradict each other on `settled` and `reimbursed`. A
chargeback's own `coverage_applied` says it, so subscribe to both topics. A payment has one case at
a time, so payment and chargeback tell of the same case. A mediation that ends for us leaves no
trace in the payment: its case stays open until a person closes it.

Sources: sdk-python 3.6.0 and its tests; the webhooks pages; the reference of GET /v1/payments/{id}
and GET /v1/chargebacks/{id} and the "manage chargebacks" page; second-hand: a preference's
`X-Idempotency-Key`, which the library sends with everything it creates.
"""

import hashlib
import hmac
import re
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from escalon.domain.money import to_major
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

_PAYMENT, _CHARGEBACK = "payment", "topic_chargebacks_wh"
_MILLISECONDS = re.compile(r"\d{12,14}", re.ASCII)
_STATES: dict[str, NoticeKind] = {
    "approved": "approved",
    "pending": "pending",
    "in_process": "pending",
    "authorized": "pending",
    "rejected": "declined",
    "cancelled": "voided",
    "refunded": "refunded",
    "charged_back": "chargeback_opened",
    "in_mediation": "chargeback_opened",
}
_COVERED: dict[str, NoticeKind] = {"TRUE": "chargeback_won", "FALSE": "chargeback_lost"}
_JSON = msgspec.json.Encoder(decimal_format="number")


def receive(
    request: WebhookRequest, setting: PaymentProvider, secrets: list[Credential], now: datetime
) -> Received:
    """Verify HMAC-SHA256 over `id:…;request-id:…;ts:…;`, then see what it is about."""
    signed_at = _verified(request, secrets)
    tolerance = setting.tolerance_seconds
    if tolerance and not reading.is_fresh(signed_at, now, tolerance):
        raise NotAuthenticError("was signed at another time")
    body = reading.object_of(request.body)
    signed_id = reading.short(request.query.get("data.id"), "data.id")
    event_key, body_id = reading.name_at(body, "id"), reading.name_at(body, "data.id")
    if not event_key:
        raise MalformedError("has no id")
    if body_id and signed_id and body_id.lower() != signed_id.lower():
        raise MalformedError("names two payments")
    topic = request.query.get("type") or reading.text_at(body, "type")
    action = reading.text_at(body, "action")
    notice = PaymentNotice(
        setting.provider, event_key, "other", occurred_at=signed_at, detail=action
    )
    if not signed_id:
        return Received(notice)
    if topic == _PAYMENT:
        return Received(replace(notice, payment_key=signed_id), ask=True)
    if topic == _CHARGEBACK:
        payment = reading.name_at(body, "data.payment_id")
        notice = replace(notice, kind="chargeback_opened", payment_key=payment, case_key=signed_id)
        return Received(notice, ask=True)
    return Received(notice)


def check_secret(secret: Credential) -> str:
    """What is wrong with the form of an application's secret."""
    return reading.text_problem(secret)


def check_api_key(api_key: Credential) -> str:
    """What is wrong with the form of an access token."""
    return reading.text_problem(api_key, "APP_USR-", "TEST-")


def question(notice: PaymentNotice, setting: PaymentProvider, api_key: Credential) -> Question:
    """GET the payment, or the chargeback that a notification is about."""
    if notice.case_key:
        url = reading.address(setting, "v1", "chargebacks", notice.case_key)
    else:
        url = reading.address(setting, "v1", "payments", notice.payment_key)
    return Question("GET", url, {"Authorization": reading.bearer(api_key)})


def answer(
    notice: PaymentNotice, setting: PaymentProvider, status: int, body: bytes
) -> tuple[PaymentNotice, ...]:
    """What the payment says: approved once, and besides what was given back or is contested of it.
    Or what the chargeback says of its payment."""
    found = reading.answered(status, body)
    if found is None:
        return ()
    if reading.name_at(found, "id") != (notice.case_key or notice.payment_key):
        raise MalformedError("is about another one")
    if setting.environment == "production" and found.get("live_mode") in (False, "false"):
        raise MalformedError("is play money")
    return (_of_chargeback if notice.case_key else _of_payment)(notice.provider, found)


def open_checkout(
    request: PaymentRequest, setting: PaymentProvider, api_key: Credential
) -> Question:
    """POST a preference; `opened_checkout` reads the answer. `source_news=webhooks` keeps Mercado
    Pago from sending its older, unsigned notifications too."""
    price = to_major(request.amount_minor, request.currency)
    item = {
        "id": request.reference,
        "title": request.description,
        "quantity": 1,
        "currency_id": request.currency,
        "unit_price": int(price) if price == int(price) else price,
    }
    notify = request.notify_url
    preference = {
        "items": [item],
        "external_reference": request.reference,
        "notification_url": f"{notify}{'&' if '?' in notify else '?'}source_news=webhooks",
        "back_urls": dict.fromkeys(("success", "pending", "failure"), request.return_url),
        "auto_return": "approved",
    }
    if request.payer_email:
        preference["payer"] = {"name": request.payer_name, "email": request.payer_email}
    headers = {
        "Authorization": reading.bearer(api_key),
        "Content-Type": "application/json",
        "X-Idempotency-Key": request.attempt,
    }
    url = reading.address(setting, "checkout", "preferences")
    return Question("POST", url, headers, _JSON.encode(preference))


def opened_checkout(status: int, body: bytes, setting: PaymentProvider) -> Checkout:
    """The preference's page."""
    return Checkout(reading.opened(status, body, "init_point", setting))


def _verified(request: WebhookRequest, secrets: list[Credential]) -> datetime:
    """When the notification was signed, if one of the secrets signed it. What the request lacks is
    left out of what is signed."""
    pairs = [pair.partition("=") for pair in request.headers.get("x-signature", "").split(",")]
    signature = {name.strip(): value.strip() for name, _, value in pairs}
    timestamp, digest = signature.get("ts", ""), signature.get("v1", "")
    in_milliseconds = _MILLISECONDS.fullmatch(timestamp)
    signed_at = reading.seconds(timestamp[:-3] if in_milliseconds else timestamp)
    if signed_at is None or not digest:
        raise NotAuthenticError("has no signature")
    payment, request_id = request.query.get("data.id", ""), request.headers.get("x-request-id", "")
    rest = f"request-id:{request_id};" * bool(request_id) + f"ts:{timestamp};"
    manifests = {f"id:{name};" * bool(name) + rest for name in (payment, payment.lower())}
    for secret in secrets:
        if isinstance(secret, str) and secret:
            digests = [
                hmac.new(
                    secret.encode(), manifest.encode(errors="replace"), hashlib.sha256
                ).hexdigest()
                for manifest in manifests
            ]
            if reading.is_among(digest, digests):
                return signed_at
    raise NotAuthenticError("has no signature of ours")


def _of_payment(provider: str, found: dict[str, Any]) -> tuple[PaymentNotice, ...]:
    state = reading.text_at(found, "status")
    kind = _STATES.get(state)
    if kind is None:
        raise MalformedError("has an unknown status")
    currency = reading.currency_at(found, "currency_id")
    amount = reading.major_at(found, "transaction_amount", currency)
    updated_at = reading.instant_at(found, "date_last_updated")
    payment = reading.name_at(found, "id")
    told = PaymentNotice(
        provider,
        "",
        kind,
        payment,
        amount,
        currency,
        reading.name_at(found, "external_reference"),
        updated_at,
        f"{state}/{reading.text_at(found, 'status_detail')}",
        payer_email=reading.email_at(found, "payer.email"),
    )
    if kind not in ("approved", "refunded", "chargeback_opened"):
        return (_keyed(told),)
    approved_at = reading.instant_at(found, "date_approved")
    notices = [replace(told, kind="approved", occurred_at=approved_at)]
    refunded = amount if kind == "refunded" else 0
    if not refunded and found.get("transaction_amount_refunded") is not None:
        refunded = reading.major_at(found, "transaction_amount_refunded", currency)
    if refunded:
        notices.append(replace(told, kind="refunded", amount_minor=refunded))
    if kind == "chargeback_opened":
        notices.append(replace(told, case_key=payment))
    return tuple(map(_keyed, notices))


def _of_chargeback(provider: str, found: dict[str, Any]) -> tuple[PaymentNotice, ...]:
    payments = found.get("payments")
    if not isinstance(payments, list) or len(payments) != 1:
        raise MalformedError("is not about one payment")
    payment = reading.name_at({"payment": payments[0]}, "payment")
    if not payment:
        raise MalformedError("names no payment")
    covered = reading.name_at(found, "coverage_applied").upper()
    currency = reading.currency_at(found, "currency")
    told = PaymentNotice(
        provider,
        "",
        _COVERED.get(covered, "chargeback_opened"),
        payment,
        reading.major_at(found, "amount", currency),
        currency,
        occurred_at=reading.instant_at(found, "date_last_updated"),
        detail=f"chargeback {reading.name_at(found, 'id')}",
        case_key=payment,
    )
    return (_keyed(told),)


def _keyed(told: PaymentNotice) -> PaymentNotice:
    """With a key that names what it says: the same truth read again is the same event."""
    at = f"{told.occurred_at:%Y%m%dT%H%M%S.%f}" if told.occurred_at else ""
    return replace(told, event_key=f"{told.payment_key}:{told.kind}:{told.amount_minor}:{at}")
