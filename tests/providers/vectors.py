"""The cases of webhook_vectors.json, and the settings under which they hold."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from escalon.domain.rules.rulebook import PaymentProvider
from escalon.providers.provider import Credential, Received, WebhookRequest
from escalon.providers.registry import KINDS, module_of

ALL: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "webhook_vectors.json").read_text(encoding="utf-8")
)["cases"]

CASES = [case for case in ALL if case["provider"] in KINDS]

MAPPING = {
    "type": "type",
    "kinds": {
        "payment.approved": "approved",
        "payment.pending": "pending",
        "payment.declined": "declined",
        "payment.voided": "voided",
        "payment.partially_refunded": "refunded",
        "payment.refunded": "refunded",
    },
    "payment": "data.id",
    "reference": "data.reference",
    "amount": "data.amount",
    "amount_in": "minor",
    "currency": "data.currency",
    "occurred_at": "timestamp",
}

SETTINGS = {
    "stripe": PaymentProvider(
        "cards", "stripe", "sandbox", api="https://api.stripe.com", tolerance_seconds=300
    ),
    "standard_webhooks": PaymentProvider(
        "billing", "standard_webhooks", "sandbox", tolerance_seconds=300, mapping=MAPPING
    ),
    "mercadopago": PaymentProvider(
        "mp", "mercadopago", "production", api="https://api.mercadopago.com", tolerance_seconds=0
    ),
    "payu": PaymentProvider(
        "payu",
        "payu",
        "production",
        api="https://api.payulatam.com",
        tolerance_seconds=0,
        merchant={"merchant_id": "508029", "account_id": "512321"},
    ),
    "epayco": PaymentProvider(
        "epayco",
        "epayco",
        "production",
        api="https://secure.payco.co",
        tolerance_seconds=0,
        merchant={"public_key": "870fd53ee9274a76a62c34f434b09569"},
    ),
    "wompi": PaymentProvider(
        "wompi",
        "wompi",
        "production",
        api="https://production.wompi.co/v1",
        tolerance_seconds=90_000,
        merchant={"public_key": "pub_prod_Kw4aC0rZVgLZQn209NbEKPuXLzBD28Zx"},
    ),
}


def case_of(provider: str, name: str) -> dict[str, Any]:
    """One case by its names."""
    return next(case for case in CASES if (case["provider"], case["name"]) == (provider, name))


def request_of(case: dict[str, Any]) -> WebhookRequest:
    """The case's request as the entrance hands it on."""
    headers = {name.lower(): value for name, value in case["headers"].items()}
    return WebhookRequest(headers, case["query"] or {}, case["body"].encode())


def setting_of(case: dict[str, Any]) -> PaymentProvider:
    """The setting under which the case holds."""
    setting = SETTINGS[case["provider"]]
    return replace(setting, tolerance_seconds=case["tolerance_s"] or 0)


def received(case: dict[str, Any], secrets: list[Credential] | None = None) -> Received:
    """What the provider's module makes of the case."""
    receive = module_of(case["provider"]).receive
    now = datetime.fromtimestamp(case["now"], UTC)
    chosen = case["secrets"] if secrets is None else secrets
    return receive(request_of(case), setting_of(case), chosen, now)
