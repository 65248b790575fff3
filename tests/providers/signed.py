"""Requests as their provider would have signed them."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from escalon.providers.provider import WebhookRequest

AT = 1_790_000_000
NOW = datetime.fromtimestamp(AT + 2, UTC)

STRIPE = "whsec_test_current_8Qn3fJt2kq"
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MERCADOPAGO = "mp_secret_26f3b1c0"
WOMPI = "prod_events_OcHnIzeBl5socpwByQ4hA52Em3USQ93Z"
PAYU = {"api_key": "4Vj8eK4rloUd272L48hsrarnUA", "merchant_id": "508029", "alg": "md5"}
EPAYCO = {"p_cust_id_cliente": "10001", "p_key": "test_p_key_0123456789abcdef"}


def stripe(event: Any, secret: str = STRIPE, at: int = AT) -> WebhookRequest:
    """An event, or exact bytes."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return WebhookRequest({"stripe-signature": f"t={at},v1={digest}"}, {}, body)


def standard(message: Any, secret: str = STANDARD, key: str = "msg_1") -> WebhookRequest:
    """A message, or exact bytes."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(raw, f"{key}.{AT}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "webhook-id": key,
        "webhook-timestamp": str(AT),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    return WebhookRequest(headers, {}, body)


def mercadopago(
    body: Any, topic: str = "payment", data_id: str = "1234567890", at: int = AT
) -> WebhookRequest:
    """A notification about `data_id`."""
    manifest = f"id:{data_id};request-id:2066ca19;ts:{at};"
    digest = hmac.new(MERCADOPAGO.encode(), manifest.encode(), hashlib.sha256).hexdigest()
    headers = {"x-signature": f"ts={at},v1={digest}", "x-request-id": "2066ca19"}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(headers, {"data.id": data_id, "type": topic}, content)


def wompi(event: dict[str, Any], secret: str = WOMPI) -> WebhookRequest:
    """An event with the checksum of what it says to cover."""
    content = ""
    for path in event["signature"]["properties"]:
        value = event["data"]
        for name in path.split("."):
            value = value[name]
        content += str(value)
    content += f"{event['timestamp']}{secret}"
    event["signature"]["checksum"] = hashlib.sha256(content.encode()).hexdigest()
    return WebhookRequest({}, {}, json.dumps(event).encode())


def payu(fields: dict[str, str], secret: dict[str, str] = PAYU) -> WebhookRequest:
    """A form; `signed_value` is the value as PayU writes it into the sign."""
    fields = dict(fields)
    value = fields.pop("signed_value")
    names = ("reference_sale", "currency", "state_pol")
    reference, currency, state = (fields[name] for name in names)
    signed = f"{secret['api_key']}~{fields['merchant_id']}~{reference}~{value}~{currency}~{state}"
    if secret["alg"] == "md5":
        sign = hashlib.md5(signed.encode()).hexdigest()
    elif secret["alg"] == "sha256":
        sign = hashlib.sha256(signed.encode()).hexdigest()
    else:
        sign = hmac.new(secret["hmac_secret"].encode(), signed.encode(), hashlib.sha256).hexdigest()
    return WebhookRequest({}, {}, urlencode({**fields, "sign": sign}).encode())


def epayco(fields: dict[str, str], secret: dict[str, str] = EPAYCO) -> WebhookRequest:
    """A form."""
    names = ("x_ref_payco", "x_transaction_id", "x_amount", "x_currency_code")
    parts = [secret["p_cust_id_cliente"], secret["p_key"], *(fields[name] for name in names)]
    signature = hashlib.sha256("^".join(parts).encode()).hexdigest()
    return WebhookRequest({}, {}, urlencode({**fields, "x_signature": signature}).encode())
