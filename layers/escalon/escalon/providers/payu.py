"""PayU Latam: a form whose `sign` covers merchant, reference, value, currency and state.

Secret: named values `api_key`, `merchant_id`, `alg` (`md5`, `sha256` or `hmac-sha256`) and for the
last `hmac_secret`. Key to the API: `api_login` and `api_key`; for the checkout `alg` and
`hmac_secret` too if the account signs with more than md5. `merchant`: `merchant_id` and
`account_id` for the checkout. `tolerance_seconds`: 0, nothing in it has an instant. `api`:
https://api.payulatam.com or https://sandbox.api.payulatam.com.

The transaction's id and `test` are not covered, and the same bytes are good for ever. So the order
is asked about by its reference, which is covered, and the transaction must be in it. Only final
states are sent. Refunds and voids are not sent, but an answer tells of them. A reference must not
hold `~`.

Sources: "URL de Confirmación" (2026-01-29) with its published values, "Queries API" and "Payment
Form" with its published signature; the state codes 7 and 104 are second-hand.
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
    NotAnsweredError,
    NotAuthenticError,
    PaymentRequest,
    Question,
    Received,
    WebhookRequest,
)

_VALUE = re.compile(r"\d{1,15}(\.\d{1,2})?", re.ASCII)
# The code of a state, its word, and what it says.
_STATES: dict[str, tuple[str, NoticeKind]] = {
    "4": ("approved", "approved"),
    "5": ("expired", "declined"),
    "6": ("declined", "declined"),
    "7": ("pending", "pending"),
    "104": ("error", "declined"),
}
_CODES = {word.upper(): code for code, (word, _) in _STATES.items()} | {"SUBMITTED": "7"}
_CHARGES = ("AUTHORIZATION_AND_CAPTURE", "CAPTURE")
_REFUNDS = ("REFUND", "PARTIAL_REFUND")
_ALGORITHMS = ("md5", "sha256", "hmac-sha256")
_CHECKOUTS = {
    "production": "https://checkout.payulatam.com/ppp-web-checkout-gateway-payu/",
    "sandbox": "https://sandbox.checkout.payulatam.com/ppp-web-checkout-gateway-payu/",
}


def receive(
    request: WebhookRequest,
    setting: PaymentProvider,
    secrets: list[Credential],
    now: datetime,  # noqa: ARG001 - nothing that is signed has an instant
) -> Received:
    """Verify the sign over `api_key~merchant~reference~value~currency~state`, then see which
    transaction it is about."""
    fields = reading.fields_of(request)
    _verify(fields, secrets)
    if setting.environment == "production" and fields.get("test", "0") not in ("", "0"):
        raise MalformedError("is a test")
    code = fields.get("state_pol", "")
    payment = reading.text_at(fields, "transaction_id")
    if code not in _STATES or not payment:
        raise MalformedError("is not about a transaction")
    currency = reading.currency_at(fields, "currency")
    notice = _notice(setting.provider, payment, code, reading.text_at(fields, "reference_sale"))
    notice = replace(
        notice,
        amount_minor=reading.major_at(fields, "value", currency),
        currency=currency,
        payer_email=reading.email_at(fields, "email_buyer"),
    )
    return Received(notice, ask=True)


def check_secret(secret: Credential) -> str:
    """What is wrong with the form of a secret."""
    problem = reading.parts_problem(secret, ("api_key", "merchant_id", "alg"), ("hmac_secret",))
    return problem or _signing_problem(secret)


def check_api_key(api_key: Credential) -> str:
    """What is wrong with the form of a key."""
    problem = reading.parts_problem(api_key, ("api_login", "api_key"), ("alg", "hmac_secret"))
    return problem or _signing_problem(api_key)


def question(notice: PaymentNotice, setting: PaymentProvider, api_key: Credential) -> Question:
    """POST a query for the orders of the reference."""
    query = {
        "test": False,
        "language": "en",
        "command": "ORDER_DETAIL_BY_REFERENCE_CODE",
        "merchant": {
            "apiLogin": reading.part(api_key, "api_login"),
            "apiKey": reading.part(api_key, "api_key"),
        },
        "details": {"referenceCode": notice.reference},
    }
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    url = reading.address(setting, "reports-api", "4.0", "service.cgi")
    return Question("POST", url, headers, msgspec.json.encode(query))


def answer(
    notice: PaymentNotice, setting: PaymentProvider, status: int, body: bytes
) -> tuple[PaymentNotice, ...]:
    """What the order that holds the transaction says: the transaction, and what was given back of
    it since."""
    found = reading.answered(status, body)
    if found is None:
        return ()
    if found.get("code") != "SUCCESS":
        raise NotAnsweredError("the query failed")
    orders = reading.value_at(found, "result.payload") or []
    if not isinstance(orders, list):
        raise MalformedError("has no list of orders")
    for order in orders:
        if reading.text_at(order, "referenceCode") != notice.reference:
            raise MalformedError("is about another reference")
        transactions = reading.value_at(order, "transactions") or []
        if not isinstance(transactions, list):
            raise MalformedError("has no list of transactions")
        for each in transactions:
            if reading.text_at(each, "id") == notice.payment_key:
                if setting.environment == "production" and order.get("isTest") is True:
                    raise MalformedError("is a test")
                return _of(notice, order, each, transactions)
    return ()


def checkout(request: PaymentRequest, setting: PaymentProvider, api_key: Credential) -> Checkout:
    """The web checkout's form. A debt that is paid bears no VAT of its own; left out, PayU would
    take it for one that does."""
    major = to_major(request.amount_minor, request.currency)
    amount = str(int(major)) if major == int(major) else str(major)
    merchant = reading.part(setting.merchant, "merchant_id")
    signed = f"{merchant}~{request.reference}~{amount}~{request.currency}"
    values = {"alg": "md5"} | (api_key if isinstance(api_key, dict) else {})
    signature = _digest({**values, "api_key": reading.part(api_key, "api_key")}, signed)
    fields = {
        "merchantId": merchant,
        "accountId": reading.part(setting.merchant, "account_id"),
        "description": request.description,
        "referenceCode": request.reference,
        "amount": amount,
        "tax": "0",
        "taxReturnBase": "0",
        "currency": request.currency,
        "signature": signature,
        "algorithmSignature": values["alg"].upper(),
        "test": "0" if setting.environment == "production" else "1",
        "lng": request.language,
        "buyerEmail": request.payer_email,
        "buyerFullName": request.payer_name,
        "responseUrl": request.return_url,
        "confirmationUrl": request.notify_url,
    }
    return Checkout(_CHECKOUTS[setting.environment], fields)


def _verify(fields: dict[str, str], secrets: list[Credential]) -> None:
    """Refuse what none of our accounts signed, and what one signed for another merchant."""
    sign, value = fields.get("sign", "").lower(), fields.get("value", "")
    if not sign:
        raise NotAuthenticError("has no sign")
    if not _VALUE.fullmatch(value):
        raise MalformedError("value is not an amount")
    merchant = fields.get("merchant_id", "")
    names = "reference_sale", "currency", "state_pol"
    reference, currency, code = (fields.get(name, "") for name in names)
    signed = f"{merchant}~{reference}~{_signed_value(value)}~{currency}~{code}"
    for secret in secrets:
        if not isinstance(secret, dict) or check_secret(secret):
            continue
        if reading.is_among(_digest(secret, signed), [sign]):
            if merchant != secret["merchant_id"]:
                raise MalformedError("is for another merchant")
            return
    raise NotAuthenticError("has no sign of ours")


def _signed_value(value: str) -> str:
    """A value as PayU signs it: with one decimal if the second is 0, else with two."""
    whole, _, decimals = value.partition(".")
    decimals = f"{decimals}00"[:2]
    return f"{whole}.{decimals[0] if decimals[1] == '0' else decimals}"


def _digest(values: dict[str, str], signed: str) -> str:
    content = f"{values['api_key']}~{signed}".encode()
    if values["alg"] == "hmac-sha256":
        return hmac.new(values["hmac_secret"].encode(), content, hashlib.sha256).hexdigest()
    if values["alg"] == "sha256":
        return hashlib.sha256(content).hexdigest()
    return hashlib.md5(
        content, usedforsecurity=False
    ).hexdigest()  # what PayU signs with by default


def _signing_problem(values: Credential) -> str:
    """What is wrong with what an account signs with."""
    if not isinstance(values, dict) or values.get("alg", "md5") not in _ALGORITHMS:
        return f"alg must be one of {', '.join(_ALGORITHMS)}"
    if values.get("alg") == "hmac-sha256" and not values.get("hmac_secret"):
        return "lacks hmac_secret"
    return ""


def _notice(provider: str, payment: str, code: str, reference: str) -> PaymentNotice:
    word, kind = _STATES[code]
    key = f"{payment}:{code}"
    return PaymentNotice(provider, key, kind, payment, reference=reference, detail=word)


def _of(
    notice: PaymentNotice,
    order: dict[str, Any],
    transaction: dict[str, Any],
    others: list[Any],
) -> tuple[PaymentNotice, ...]:
    payment, reference = notice.payment_key, notice.reference
    code = _CODES.get(reading.text_at(transaction, "transactionResponse.state"))
    if reading.text_at(transaction, "type") not in _CHARGES or code is None:
        raise MalformedError("is not a charge")
    amount, currency = _value_of(transaction, order)
    email = reading.email_at(order, "buyer.emailAddress")
    told = replace(
        _notice(notice.provider, payment, code, reference),
        amount_minor=amount,
        currency=currency,
        occurred_at=_operated_at(transaction),
        payer_email=email or reading.email_at(transaction, "payer.emailAddress"),
    )
    if told.kind != "approved":
        return (told,)
    since = [
        each
        for each in others
        if reading.text_at(each, "parentTransactionId") in ("", payment)
        and reading.text_at(each, "transactionResponse.state") == "APPROVED"
    ]
    void = next((each for each in since if reading.text_at(each, "type") == "VOID"), None)
    if void is not None:
        at = _operated_at(void)
        return (replace(told, kind="voided", event_key=f"{payment}:voided", occurred_at=at),)
    refunds = [each for each in since if reading.text_at(each, "type") in _REFUNDS]
    if not refunds:
        return (told,)
    refunded = sum(_value_of(each, {}, currency)[0] for each in refunds)
    last = replace(
        told,
        kind="refunded",
        event_key=f"{payment}:refunded:{refunded}",
        amount_minor=refunded,
        occurred_at=max(filter(None, map(_operated_at, refunds)), default=None),
    )
    return (told, last)


def _value_of(transaction: dict[str, Any], order: dict[str, Any], of: str = "") -> tuple[int, str]:
    """A transaction's value, or else its order's, in minor units of its currency."""
    path = "additionalValues.TX_VALUE"
    value = reading.value_at(transaction, path) or reading.value_at(order, path)
    currency = reading.currency_at(value, "currency")
    if of and currency != of:
        raise MalformedError("is in another currency")
    return reading.major_at(value, "value", currency), currency


def _operated_at(transaction: dict[str, Any]) -> datetime | None:
    """When it was done, from milliseconds."""
    at = reading.value_at(transaction, "transactionResponse.operationDate")
    return reading.seconds(at // 1000) if type(at) is int else None
