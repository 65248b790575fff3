"""The providers' own libraries judge the same vectors, so that ours is not right by itself only."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

import pytest
import standardwebhooks.webhooks
import stripe
import stripe._webhook
from mercadopago.webhook import InvalidWebhookSignatureError, WebhookSignatureValidator

from tests.providers.vectors import CASES

type Judge = Callable[[dict[str, Any], pytest.MonkeyPatch], bool]


def by_stripe(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(stripe._webhook.time, "time", lambda: case["now"])
    headers = {name.lower(): value for name, value in case["headers"].items()}
    for secret in case["secrets"]:
        try:
            return bool(
                stripe.WebhookSignature.verify_header(
                    case["body"], headers.get("stripe-signature"), secret, case["tolerance_s"]
                )
            )
        except stripe.SignatureVerificationError:
            continue
    return False


def by_standard_webhooks(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> bool:
    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.fromtimestamp(case["now"], tz)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Then)
    for secret in case["secrets"]:
        try:
            standardwebhooks.Webhook(secret).verify(case["body"], case["headers"])
        except (standardwebhooks.WebhookVerificationError, ValueError):
            continue
        return True
    return False


def by_mercadopago(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> bool:
    headers, query = case["headers"], case["query"]
    for secret in case["secrets"]:
        try:
            WebhookSignatureValidator.validate(
                headers.get("x-signature"),
                headers.get("x-request-id"),
                query.get("data.id"),
                secret,
                tolerance_seconds=case["tolerance_s"],
                now=lambda: case["now"] * 1000,
            )
        except InvalidWebhookSignatureError:
            continue
        return True
    return False


JUDGES: dict[str, Judge] = {
    "stripe": by_stripe,
    "standard_webhooks": by_standard_webhooks,
    "mercadopago": by_mercadopago,
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{case['provider']}:{case['name']}")
        for case in CASES
        if case["provider"] in JUDGES
    ],
)
def test_the_library_agrees(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # A signature is good in a policy or dedup case; what is refused there is not the signature.
    signed = case["expect"] == "accept" or case["layer"] != "signature"
    agrees = not case.get("library_disagrees")
    assert JUDGES[case["provider"]](case, monkeypatch) == (signed if agrees else not signed)


def test_the_library_disagrees_twice_and_only_where_it_is_stated() -> None:
    disagreed = [
        (case["provider"], case["name"]) for case in CASES if case.get("library_disagrees")
    ]
    assert disagreed == [
        # Identifiers were signed in lower case before; the library takes them as received only.
        ("mercadopago", "order_id_uppercase_signed_lowercased"),
        # The library takes milliseconds for seconds.
        ("mercadopago", "accept_ms_ts_with_tolerance"),
    ]
