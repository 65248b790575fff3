"""ePayco (Colombia): a form whose `x_signature` covers ids, amount and currency, and not the state.

Secret: named values `p_cust_id_cliente` and `p_key`. Key to the API: none; it is asked with the
account's public key, `merchant: public_key`. `tolerance_seconds`: 0, nothing in it has an instant.
`api`: https://secure.payco.co. Set the confirmation to POST.

The signature of one's own rejected payment is that of an accepted one, and who paid sees it. So
state and invoice are no more than claims, and the transaction is asked about by its `x_ref_payco`,
which is covered. Of partial refunds and chargebacks nothing is told: they come with the bank's file
or by hand.

The question goes to `/restpagos/transaction/response.json`, which takes the `x_ref_payco` that a
confirmation has. The better known `/validation/v1/reference/…` takes another id, the `ref_payco`
that only the payer's browser is sent back with (docs.epayco.com, "Páginas de Respuesta y
Confirmación"). There is no checkout here: ePayco's needs its script in the page, and its old form
would show `p_key`.

Sources: the official WooCommerce plugin for signature and states; the official PrestaShop plugin
and SDKs (PHP, Node, Python) for the question, its answer and "Transacción no existe"; second-hand:
states 8, 9 and 12, and that times without a zone are Colombia's.
"""

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

from msgspec.structs import replace

from escalon.domain.payments.payment import NoticeKind, PaymentNotice
from escalon.domain.rules.rulebook import PaymentProvider
from escalon.providers import reading
from escalon.providers.provider import (
    Credential,
    MalformedError,
    NotAnsweredError,
    NotAuthenticError,
    Question,
    Received,
    WebhookRequest,
)

# The code of a state, its word, and what it says.
_STATES: dict[str, tuple[str, NoticeKind]] = {
    "1": ("accepted", "approved"),
    "2": ("rejected", "declined"),
    "3": ("pending", "pending"),
    "4": ("failed", "declined"),
    "6": ("reversed", "voided"),
    "7": ("held", "pending"),
    "8": ("started", "pending"),
    "9": ("expired", "declined"),
    "10": ("abandoned", "declined"),
    "11": ("cancelled", "declined"),
    "12": ("antifraud", "declined"),
}
_UNKNOWN = "Transacción no existe"
_COLOMBIA = timezone(timedelta(hours=-5))


def receive(
    request: WebhookRequest,
    setting: PaymentProvider,
    secrets: list[Credential],
    now: datetime,  # noqa: ARG001 - nothing that is signed has an instant
) -> Received:
    """Verify SHA-256 over `client^key^ref^transaction^amount^currency`, as received, then see which
    payment it is about."""
    fields = reading.fields_of(request)
    _verify(fields, secrets)
    return Received(_of(setting, fields), ask=True)


def check_secret(secret: Credential) -> str:
    """What is wrong with the form of a secret."""
    return reading.parts_problem(secret, ("p_cust_id_cliente", "p_key"))


def check_api_key(api_key: Credential) -> str:  # noqa: ARG001
    """No key is right: none is needed."""
    return "ePayco is asked with the public key of the setting's merchant; it has no other key"


def question(
    notice: PaymentNotice,
    setting: PaymentProvider,
    api_key: Credential,  # noqa: ARG001 - there is none
) -> Question:
    """GET the transaction of the reference."""
    query = {
        "ref_payco": notice.payment_key,
        "public_key": reading.part(setting.merchant, "public_key"),
    }
    url = reading.address(setting, "restpagos", "transaction", "response.json")
    return Question("GET", f"{url}?{urlencode(query)}")


def answer(
    notice: PaymentNotice, setting: PaymentProvider, status: int, body: bytes
) -> tuple[PaymentNotice, ...]:
    """What the transaction says."""
    found = reading.answered(status, body)
    if found is None:
        return ()
    if found.get("success") is not True:
        if found.get("text_response") == _UNKNOWN:
            return ()
        raise NotAnsweredError("the question failed")
    data = found.get("data")
    told = _of(setting, data)
    if told.payment_key != notice.payment_key:
        raise MalformedError("is about another payment")
    return (replace(told, occurred_at=_local(reading.value_at(data, "x_transaction_date"))),)


def _verify(fields: dict[str, str], secrets: list[Credential]) -> None:
    """Refuse what none of our accounts signed, and what one signed for another client."""
    names = "x_ref_payco", "x_transaction_id", "x_amount", "x_currency_code"
    signed = "^".join(fields.get(name, "") for name in names)
    digest = fields.get("x_signature", "").lower()
    if not digest:
        raise NotAuthenticError("has no signature")
    for secret in secrets:
        if not isinstance(secret, dict) or check_secret(secret):
            continue
        client = secret["p_cust_id_cliente"]
        content = f"{client}^{secret['p_key']}^{signed}".encode()
        if reading.is_among(hashlib.sha256(content).hexdigest(), [digest]):
            if fields.get("x_cust_id_cliente", client) != client:
                raise MalformedError("is for another client")
            return
    raise NotAuthenticError("has no signature of ours")


def _of(setting: PaymentProvider, data: Any) -> PaymentNotice:
    """What the fields say; a confirmation and an answer have the same."""
    if (
        setting.environment == "production"
        and reading.name_at(data, "x_test_request").upper() == "TRUE"
    ):
        raise MalformedError("is a test")
    payment = reading.name_at(data, "x_ref_payco")
    code = reading.name_at(data, "x_cod_transaction_state") or reading.name_at(
        data, "x_cod_response"
    )
    if code not in _STATES or not payment:
        raise MalformedError("is not a transaction")
    word, kind = _STATES[code]
    currency = reading.currency_at(data, "x_currency_code")
    return PaymentNotice(
        setting.provider,
        f"{payment}:{code}",
        kind,
        payment,
        reading.major_at(data, "x_amount", currency),
        currency,
        reading.name_at(data, "x_id_invoice") or reading.name_at(data, "x_id_factura"),
        detail=word,
        payer_email=reading.email_at(data, "x_customer_email"),
    )


def _local(written: Any) -> datetime | None:
    """An instant from a time of day in Colombia; None if it is written in another way."""
    if not isinstance(written, str):
        return None
    try:
        return datetime.fromisoformat(written).replace(tzinfo=_COLOMBIA)
    except ValueError:
        return None
