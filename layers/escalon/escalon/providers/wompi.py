"""Wompi (Colombia): a checksum over the transaction's id, status and amount and nothing else.

Secret: the events secret of one environment as one text, `prod_events_…` or `test_events_…`. Key to
the API: named values, `private_key` (`prv_…`) and for the checkout `integrity_secret`
(`prod_integrity_…`). `merchant`: `public_key` for the checkout. `tolerance_seconds`: 90000, since
nobody says whether the last retry, after 24 hours, has a new timestamp; 0 accepts the same second
only. `api`: https://production.wompi.co/v1 or https://sandbox.wompi.co/v1.

The event itself says which values its checksum covers, in which order and without separators:
whoever may choose that list can move any digit anywhere. So the list must be the three known names,
the timestamp must be near, and the transaction is asked about before anything counts. Reference,
currency and environment are not covered at all. A void is told; refunds and chargebacks are not:
they come with the bank's file or by hand.

Sources: docs.wompi.co, events and transaction tracking (the checksum printed there is not the one
of its example, 5a18ec5e… is); the checkout's signature with its published example; second-hand: the
form of GET /transactions/{id}, from public code that reads it.
"""

import hashlib
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from escalon.domain.money import MoneyError
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

_EVENT = "transaction.updated"
_COVERED = {"transaction.id", "transaction.status", "transaction.amount_in_cents"}
_MOST_COVERED = 20
_ENVIRONMENTS = {"production": "prod", "sandbox": "test"}
_STATES: dict[str, NoticeKind] = {
    "APPROVED": "approved",
    "PENDING": "pending",
    "DECLINED": "declined",
    "ERROR": "declined",
    "VOIDED": "voided",
}
_CHECKOUT = "https://checkout.wompi.co/p/"


def receive(
    request: WebhookRequest, setting: PaymentProvider, secrets: list[Credential], now: datetime
) -> Received:
    """Verify SHA-256 over the covered values, the timestamp and the secret, then see which
    transaction it is about."""
    event = reading.object_of(request.body)
    covered = _verify(event, request, secrets)
    signed_at = reading.seconds(event.get("timestamp"))
    if signed_at is None or not reading.is_fresh(signed_at, now, setting.tolerance_seconds):
        raise NotAuthenticError("was signed at another time")
    if event.get("environment") != _ENVIRONMENTS[setting.environment]:
        raise MalformedError("is of another environment")
    kind = reading.text_at(event, "event")
    if kind != _EVENT:
        event_key = f"{kind}:{hashlib.sha256(request.body).hexdigest()}"
        return Received(PaymentNotice(setting.provider, event_key, "other", detail=kind))
    if len(covered) != len(_COVERED) or set(covered) != _COVERED:
        raise MalformedError("is not covered as it should be")
    transaction = reading.value_at(event, "data.transaction")
    return Received(_of(setting.provider, transaction, signed_at), ask=True)


def check_secret(secret: Credential) -> str:
    """What is wrong with the form of an events secret."""
    return reading.text_problem(secret, "prod_events_", "test_events_")


def check_api_key(api_key: Credential) -> str:
    """What is wrong with the form of a key."""
    return reading.parts_problem(api_key, ("private_key",), ("integrity_secret",))


def question(notice: PaymentNotice, setting: PaymentProvider, api_key: Credential) -> Question:
    """GET the transaction."""
    url = reading.address(setting, "transactions", notice.payment_key)
    return Question("GET", url, {"Authorization": f"Bearer {reading.part(api_key, 'private_key')}"})


def answer(
    notice: PaymentNotice,
    setting: PaymentProvider,  # noqa: ARG001 - nothing of the setting is in the answer
    status: int,
    body: bytes,
) -> tuple[PaymentNotice, ...]:
    """What the transaction says."""
    found = reading.answered(status, body)
    if found is None:
        return ()
    transaction = found.get("data")
    at = reading.instant_at(transaction, "finalized_at")
    told = _of(notice.provider, transaction, at or reading.instant_at(transaction, "created_at"))
    if told.payment_key != notice.payment_key:
        raise MalformedError("is about another transaction")
    return (told,)


def checkout(request: PaymentRequest, setting: PaymentProvider, api_key: Credential) -> Checkout:
    """The web checkout's address, signed so that nobody changes what is to be paid. Who pays is
    not in it: an address is kept in many places."""
    if request.currency != "COP":
        raise MoneyError("Wompi takes COP only")
    secret = reading.part(api_key, "integrity_secret")
    signed = f"{request.reference}{request.amount_minor}{request.currency}{secret}"
    query = {
        "public-key": reading.part(setting.merchant, "public_key"),
        "currency": request.currency,
        "amount-in-cents": str(request.amount_minor),
        "reference": request.reference,
        "signature:integrity": hashlib.sha256(signed.encode()).hexdigest(),
        "redirect-url": request.return_url,
    }
    return Checkout(f"{_CHECKOUT}?{urlencode(query, safe=':')}")


def _verify(event: dict[str, Any], request: WebhookRequest, secrets: list[Credential]) -> list[str]:
    """The names that the checksum covers, if it is one of ours. The header and the body have it,
    in either case of letters."""
    checksums = [
        request.headers.get("x-event-checksum"),
        reading.value_at(event, "signature.checksum"),
    ]
    checksums = [each.lower() for each in checksums if isinstance(each, str) and each]
    if not checksums:
        raise NotAuthenticError("has no checksum")
    names = reading.value_at(event, "signature.properties")
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise MalformedError("does not say what its checksum covers")
    if len(names) > _MOST_COVERED:
        raise MalformedError("covers too much")
    values = "".join(_written(reading.value_at(event.get("data"), name)) for name in names)
    content = f"{values}{_written(event.get('timestamp'))}"
    for secret in secrets:
        if isinstance(secret, str) and secret:
            digest = hashlib.sha256(f"{content}{secret}".encode()).hexdigest()
            if reading.is_among(digest, checksums):
                return names
    raise NotAuthenticError("has no checksum of ours")


def _written(value: Any) -> str:
    """A value as Wompi writes it into what it hashes: a text, or a whole number's digits."""
    if type(value) is int:
        return str(value)
    if not isinstance(value, str) or not value.isprintable():
        raise MalformedError("covers something that is neither text nor a whole number")
    return value


def _of(provider: str, transaction: Any, at: datetime | None) -> PaymentNotice:
    payment, state = reading.text_at(transaction, "id"), reading.text_at(transaction, "status")
    kind = _STATES.get(state)
    if not payment or kind is None:
        raise MalformedError("is not a transaction")
    return PaymentNotice(
        provider,
        f"{payment}:{state}",
        kind,
        payment,
        reading.minor_at(transaction, "amount_in_cents"),
        reading.currency_at(transaction, "currency"),
        reading.text_at(transaction, "reference"),
        at,
        state,
        payer_email=reading.email_at(transaction, "customer_email"),
    )
