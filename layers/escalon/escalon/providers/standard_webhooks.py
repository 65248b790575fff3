"""Standard Webhooks (standardwebhooks.com): the whole body is signed, and its meaning is mapped.

Secret: `whsec_` and base64 of 24 to 64 bytes. `tolerance_seconds`: 300, since every retry is signed
anew; 0 accepts the same second only. There is no API to ask: what is signed is all that is known.

The specification says how a message is signed, not what a payment looks like, so the setting's
`mapping` does. Paths are dotted names from the top of the body:

    mapping:
      type: type                  # what happened, and what the sender's words for it mean:
      kinds:
        payment.approved: approved
        payment.refunded: refunded
      payment: data.id            # the sender's id of the payment, the same in all its messages
      reference: data.reference   # ours
      amount: data.amount
      amount_in: minor            # minor (1050 is 10.50 COP) or major (10.50 is)
      currency: data.currency
      occurred_at: timestamp      # these three may be left out
      payer_email: data.payer.email
      case: data.dispute_id       # which chargeback, for senders that tell of chargebacks

The kinds are approved, pending, declined, voided, refunded, chargeback_opened, chargeback_won,
chargeback_lost and other. The amount of a refund must be all that was ever given back; a sender
that tells of each refund by itself cannot be mapped. A type that is not listed means nothing to us.

Sources: the specification at b2fa7b8, and the library 1.1.0 with its tests.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Any, get_args

from msgspec.structs import replace

from escalon.domain.payments.payment import NoticeKind, PaymentNotice
from escalon.domain.rules.rulebook import PaymentProvider
from escalon.providers import reading
from escalon.providers.provider import (
    Credential,
    MalformedError,
    NotAuthenticError,
    Received,
    WebhookRequest,
)

_NEEDED = ("type", "kinds", "payment", "reference", "amount", "amount_in", "currency")
_OPTIONAL = ("occurred_at", "payer_email", "case")
_KINDS = get_args(NoticeKind)
_WITH_AMOUNT = (
    "approved",
    "refunded",
    "chargeback_opened",
    "chargeback_won",
    "chargeback_lost",
)


def receive(
    request: WebhookRequest, setting: PaymentProvider, secrets: list[Credential], now: datetime
) -> Received:
    """Verify HMAC-SHA256 over `id.timestamp.body`, then read the body as the mapping says."""
    signed_at = _verified(request, secrets)
    if not reading.is_fresh(signed_at, now, setting.tolerance_seconds):
        raise NotAuthenticError("was signed at another time")
    body, mapping = reading.object_of(request.body), setting.mapping
    word = reading.text_at(body, mapping["type"])
    kind: NoticeKind = mapping["kinds"].get(word, "other")
    event_key = reading.short(request.headers.get("webhook-id"), "webhook-id")
    notice = PaymentNotice(setting.provider, event_key, kind, occurred_at=signed_at, detail=word)
    if kind == "other":
        return Received(notice)
    notice = replace(
        notice,
        payment_key=reading.name_at(body, mapping["payment"]),
        reference=reading.name_at(body, mapping["reference"]),
    )
    if "occurred_at" in mapping:
        notice = replace(notice, occurred_at=_instant(body, mapping["occurred_at"]) or signed_at)
    if "payer_email" in mapping:
        notice = replace(notice, payer_email=reading.email_at(body, mapping["payer_email"]))
    if "case" in mapping:
        notice = replace(notice, case_key=reading.name_at(body, mapping["case"]))
    if not notice.payment_key:
        raise MalformedError("names no payment")
    if kind not in _WITH_AMOUNT and reading.value_at(body, mapping["amount"]) is None:
        return Received(notice)
    currency = reading.currency_at(body, mapping["currency"])
    return Received(
        replace(notice, amount_minor=_amount(body, mapping, currency), currency=currency)
    )


def check_secret(secret: Credential) -> str:
    """What is wrong with the form of a signing secret."""
    if problem := reading.text_problem(secret, "whsec_"):
        return problem
    key = _key(secret)
    if key is None:
        return "must be base64 after whsec_"
    return "" if 24 <= len(key) <= 64 else "must be base64 of 24 to 64 bytes after whsec_"


def check_mapping(mapping: dict[str, Any]) -> list[str]:
    """What is wrong with a mapping, each problem in one sentence; none if it can be used."""
    problems = [f"{name} is missing" for name in _NEEDED if name not in mapping]
    for name, value in mapping.items():
        if name not in (*_NEEDED, *_OPTIONAL):
            problems.append(f"{name} is unknown")
        elif name == "kinds":
            problems += _kinds_problems(value)
        elif name == "amount_in":
            if value not in ("minor", "major"):
                problems.append("amount_in is neither minor nor major")
        elif not isinstance(value, str) or not all(value.split(".")):
            problems.append(f"{name} is not a path such as data.{name}")
    return problems


def _kinds_problems(kinds: Any) -> list[str]:
    if not isinstance(kinds, dict) or not kinds:
        return ["kinds is not a table from the sender's types to kinds"]
    return [
        f"kinds: {word} means {kind}, which is none of {', '.join(_KINDS)}"
        for word, kind in kinds.items()
        if kind not in _KINDS
    ]


def _verified(request: WebhookRequest, secrets: list[Credential]) -> datetime:
    """When the message was signed, if one of the secrets signed it. Of the signatures, those of
    another version are ignored."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    event, timestamp, tokens = (request.headers.get(name, "") for name in names)
    signed_at = reading.seconds(timestamp)
    if not event or signed_at is None:
        raise NotAuthenticError("has no signature")
    parts = [token.partition(",") for token in tokens.split(" ")]
    signatures = [digest for version, _, digest in parts if version == "v1"]
    content = f"{event}.{timestamp}.".encode(errors="replace") + request.body
    for secret in secrets:
        key = _key(secret)
        if key:
            digest = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
            if reading.is_among(digest, signatures):
                return signed_at
    raise NotAuthenticError("has no signature of ours")


def _key(secret: Credential) -> bytes | None:
    if not isinstance(secret, str):
        return None
    try:
        text = secret.removeprefix("whsec_")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _instant(body: dict[str, Any], path: str) -> datetime | None:
    return reading.instant_at(body, path) or reading.seconds(reading.value_at(body, path))


def _amount(body: dict[str, Any], mapping: dict[str, Any], currency: str) -> int:
    if mapping["amount_in"] == "minor":
        return reading.minor_at(body, mapping["amount"])
    return reading.major_at(body, mapping["amount"], currency)
