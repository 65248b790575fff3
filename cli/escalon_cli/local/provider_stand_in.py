"""Plays the payment providers on this machine: signs webhooks as they do, answers as their APIs do.

For tests and replays. All of it is made up, and nothing leaves loopback. What each signs, and with
what, is written in its module of `escalon.providers`; here the same is written from the sender's
side, apart from that, so that one can be held against the other.
"""

import base64
import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self, cast
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import msgspec
import urllib3

from escalon.domain.money import to_major
from escalon.domain.rules.rulebook import PaymentProvider, ProviderKind
from escalon.providers.provider import Credential
from escalon_cli.local import pages
from escalon_cli.local.checkout import PATH as CHECKOUT_PATH
from escalon_cli.local.checkout import (
    Checkout,
    Checkouts,
    asked_of_mercado_pago,
    asked_of_stripe,
)

type State = Literal["approved", "pending", "declined", "voided", "refunded"]

# What each provider tells by webhook; of the rest it says only when it is asked, or never.
TOLD: dict[ProviderKind, tuple[State, ...]] = {
    "stripe": ("approved", "pending", "declined", "voided", "refunded"),
    "standard_webhooks": ("approved", "pending", "declined", "voided", "refunded"),
    "mercadopago": ("approved", "pending", "declined", "voided", "refunded"),
    "wompi": ("approved", "pending", "declined", "voided"),
    "payu": ("approved", "declined"),
    "epayco": ("approved", "pending", "declined", "voided"),
}

SECRETS: dict[ProviderKind, Credential] = {
    "stripe": "whsec_made_up_for_the_stand_in",
    "standard_webhooks": "whsec_" + base64.b64encode(b"made up for the stand-in").decode(),
    "mercadopago": "made_up_for_the_stand_in",
    "wompi": "test_events_made_up_for_the_stand_in",
    "payu": {"api_key": "made_up_for_the_stand_in", "merchant_id": "508029", "alg": "md5"},
    "epayco": {"p_cust_id_cliente": "10001", "p_key": "made_up_for_the_stand_in"},
}

# Standard Webhooks has no API, and ePayco is asked without a key.
API_KEYS: dict[ProviderKind, Credential] = {
    "stripe": "sk_test_made_up_for_the_stand_in",
    "mercadopago": "TEST-made-up-for-the-stand-in",
    "wompi": {"private_key": "prv_test_made_up_for_the_stand_in"},
    "payu": {"api_login": "made_up_login", "api_key": "made_up_for_the_stand_in"},
}

# How a rulebook reads what the stand-in sends as a Standard Webhooks sender.
MAPPING: dict[str, Any] = {
    "type": "type",
    "kinds": {f"payment.{state}": state for state in TOLD["standard_webhooks"]},
    "payment": "data.id",
    "reference": "data.reference",
    "amount": "data.amount",
    "amount_in": "minor",
    "currency": "data.currency",
    "occurred_at": "timestamp",
    "payer_email": "data.email",
}

AT_ONCE = 8  # notices on their way at one time
_SECONDS = 180.0  # to be answered in: many functions may start at once on a busy machine
_HTTP = urllib3.PoolManager(maxsize=AT_ONCE, retries=False, timeout=_SECONDS)
_JSON = msgspec.json.Encoder(decimal_format="number")
_COLOMBIA = timezone(timedelta(hours=-5))
_STRIPE = {
    "approved": ("payment_intent.succeeded", "succeeded"),
    "pending": ("payment_intent.processing", "processing"),
    "declined": ("payment_intent.payment_failed", "requires_payment_method"),
    "voided": ("payment_intent.canceled", "canceled"),
    "refunded": ("charge.refunded", "succeeded"),
}
_MERCADO_PAGO = {
    "approved": "approved",
    "pending": "in_process",
    "declined": "rejected",
    "voided": "cancelled",
    "refunded": "approved",
}
_WOMPI = {"approved": "APPROVED", "pending": "PENDING", "declined": "DECLINED", "voided": "VOIDED"}
_PAYU = {"approved": "4", "declined": "6", "pending": "7"}
_EPAYCO = {"approved": "1", "declined": "2", "pending": "3", "voided": "6"}


@dataclass(frozen=True)
class Payment:
    """A made-up payment as its provider knows it; `refunded_minor` of it was given back in all."""

    payment: str
    reference: str
    amount_minor: int
    currency: str
    at: datetime
    state: State = "approved"
    refunded_minor: int = 0
    email: str = "pagador@example.com"


@dataclass(frozen=True)
class Webhook:
    """What the provider posts."""

    headers: dict[str, str]
    body: bytes
    query: dict[str, str] = field(default_factory=dict)


def payment_key(kind: ProviderKind, payment: Payment) -> str:
    """What the provider calls the payment in its notices."""
    return f"pi_{payment.payment}" if kind == "stripe" else payment.payment


def setting(
    name: str, kind: ProviderKind, creditor: str = "", api: str = "", tolerance_seconds: int = 300
) -> PaymentProvider:
    """A provider in a rulebook that knows the stand-in; `api` is `StandIn.api`."""
    return PaymentProvider(
        name,
        kind,
        "sandbox",
        creditor,
        api if kind != "standard_webhooks" else "",
        0 if kind in ("payu", "epayco") else tolerance_seconds,
        {"merchant_id": "508029", "public_key": "pub_made_up", "p_cust_id_cliente": "10001"},
        MAPPING if kind == "standard_webhooks" else {},
    )


def webhook(
    kind: ProviderKind, payment: Payment, at: datetime, secret: Credential | None = None
) -> Webhook:
    """The notice of a payment's state, sent and signed at an instant. Sent again, it is the same
    notice, signed anew where the provider does so."""
    if payment.state not in TOLD[kind]:
        raise ValueError(f"{kind} sends nothing when a payment is {payment.state}")
    return _SIGNED[kind](payment, at, secret or SECRETS[kind])


def _stripe(payment: Payment, at: datetime, secret: Credential) -> Webhook:
    event, _ = _STRIPE[payment.state]
    thing = _stripe_charge(payment) if payment.state == "refunded" else _stripe_intent(payment)
    body = json.dumps(
        {
            "id": f"evt_{payment.payment}_{payment.state}_{payment.refunded_minor}",
            "object": "event",
            "api_version": "2024-06-20",
            "created": int(payment.at.timestamp()),
            "data": {"object": thing},
            "livemode": False,
            "type": event,
        },
        indent=2,
        ensure_ascii=False,
    ).encode()
    signed_at = str(int(at.timestamp()))
    digest = hmac.new(_text(secret), f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
    return Webhook(
        {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": f"t={signed_at},v1={digest},v0={'0' * 64}",
        },
        body,
    )


def _stripe_intent(payment: Payment) -> dict[str, Any]:
    return {
        "id": f"pi_{payment.payment}",
        "object": "payment_intent",
        "amount": payment.amount_minor,
        "amount_received": payment.amount_minor if payment.state in ("approved", "refunded") else 0,
        "created": int(payment.at.timestamp()),
        "currency": payment.currency.lower(),
        "latest_charge": f"ch_{payment.payment}",
        "livemode": False,
        "metadata": {"reference": payment.reference},
        "receipt_email": payment.email,
        "status": _STRIPE[payment.state][1],
    }


def _stripe_charge(payment: Payment) -> dict[str, Any]:
    return {
        "id": f"ch_{payment.payment}",
        "object": "charge",
        "amount": payment.amount_minor,
        "amount_captured": payment.amount_minor,
        "amount_refunded": payment.refunded_minor,
        "captured": True,
        "created": int(payment.at.timestamp()),
        "currency": payment.currency.lower(),
        "livemode": False,
        "metadata": {"reference": payment.reference},
        "payment_intent": f"pi_{payment.payment}",
        "refunded": payment.refunded_minor == payment.amount_minor,
        "status": "succeeded",
    }


def _standard_webhooks(payment: Payment, at: datetime, secret: Credential) -> Webhook:
    refunded = payment.state == "refunded"
    data = {
        "id": payment.payment,
        "reference": payment.reference,
        "amount": payment.refunded_minor if refunded else payment.amount_minor,
        "currency": payment.currency,
        "email": payment.email,
    }
    told = {"type": f"payment.{payment.state}", "timestamp": _iso(payment.at), "data": data}
    body = json.dumps(told).encode()
    name = f"msg_{payment.payment}_{payment.state}_{payment.refunded_minor}"
    signed_at = str(int(at.timestamp()))
    key = base64.b64decode(_text(secret).removeprefix(b"whsec_"))
    digest = hmac.digest(key, f"{name}.{signed_at}.".encode() + body, hashlib.sha256)
    return Webhook(
        {
            "Content-Type": "application/json",
            "Webhook-Id": name,
            "Webhook-Timestamp": signed_at,
            "Webhook-Signature": f"v1,{base64.b64encode(digest).decode()}",
        },
        body,
    )


def _mercado_pago(payment: Payment, at: datetime, secret: Credential) -> Webhook:
    told = {
        "id": _number(f"{payment.payment}:{payment.state}:{payment.refunded_minor}"),
        "live_mode": False,
        "type": "payment",
        "date_created": _iso(payment.at),
        "user_id": 44444,
        "api_version": "v1",
        "action": "payment.updated",
        "data": {"id": payment.payment},
    }
    request = f"request-{payment.payment}-{int(at.timestamp())}"
    signed_at = str(int(at.timestamp() * 1000))
    manifest = f"id:{payment.payment};request-id:{request};ts:{signed_at};"
    digest = hmac.new(_text(secret), manifest.encode(), hashlib.sha256).hexdigest()
    return Webhook(
        {
            "Content-Type": "application/json",
            "X-Signature": f"ts={signed_at},v1={digest}",
            "X-Request-Id": request,
        },
        json.dumps(told).encode(),
        {"data.id": payment.payment, "type": "payment"},
    )


def _wompi(payment: Payment, at: datetime, secret: Credential) -> Webhook:
    transaction = _wompi_transaction(payment)
    signed_at = int(at.timestamp())
    names = ["transaction.id", "transaction.status", "transaction.amount_in_cents"]
    values = "".join(str(transaction[name.removeprefix("transaction.")]) for name in names)
    checksum = hashlib.sha256(f"{values}{signed_at}".encode() + _text(secret)).hexdigest()
    told = {
        "event": "transaction.updated",
        "data": {"transaction": transaction},
        "environment": "test",
        "signature": {"properties": names, "checksum": checksum},
        "timestamp": signed_at,
        "sent_at": _iso(payment.at),
    }
    headers = {"Content-Type": "application/json", "X-Event-Checksum": checksum.upper()}
    return Webhook(headers, json.dumps(told, ensure_ascii=False).encode())


def _wompi_transaction(payment: Payment) -> dict[str, Any]:
    return {
        "id": payment.payment,
        "amount_in_cents": payment.amount_minor,
        "reference": payment.reference,
        "customer_email": payment.email,
        "currency": payment.currency,
        "payment_method_type": "NEQUI",
        "status": _WOMPI.get(payment.state, "APPROVED"),
        "payment_link_id": None,
        "created_at": _iso(payment.at),
        "finalized_at": None if payment.state == "pending" else _iso(payment.at),
    }


def _payu(payment: Payment, at: datetime, secret: Credential) -> Webhook:
    values = _values(secret)
    value = f"{to_major(payment.amount_minor, payment.currency):.2f}"
    signed_value = value.removesuffix("0")
    code = _PAYU[payment.state]
    signed = "~".join(
        (
            *(values["api_key"], values["merchant_id"], payment.reference),
            *(signed_value, payment.currency, code),
        )
    )
    fields = {
        "merchant_id": values["merchant_id"],
        "state_pol": code,
        "response_message_pol": payment.state.upper(),
        "reference_sale": payment.reference,
        "reference_pol": str(_number(payment.reference)),
        "transaction_id": payment.payment,
        "value": value,
        "currency": payment.currency,
        "description": "Cuota de la señora Muñoz",
        "email_buyer": payment.email,
        "transaction_date": f"{at.astimezone(_COLOMBIA):%Y-%m-%d %H:%M:%S}",
        "test": "0",
        "attempts": "1",
        "sign": _payu_digest(values, signed.encode()),
    }
    return Webhook({"Content-Type": "application/x-www-form-urlencoded"}, _form(fields))


def _payu_digest(values: dict[str, str], signed: bytes) -> str:
    if values["alg"] == "hmac-sha256":
        return hmac.new(values["hmac_secret"].encode(), signed, hashlib.sha256).hexdigest()
    if values["alg"] == "sha256":
        return hashlib.sha256(signed).hexdigest()
    return hashlib.md5(signed, usedforsecurity=False).hexdigest()


def _epayco(payment: Payment, at: datetime, secret: Credential) -> Webhook:
    values = _values(secret)
    fields = {
        "x_cust_id_cliente": values["p_cust_id_cliente"],
        **_epayco_transaction(payment),
        "x_description": "Cuota de la señora Muñoz",
        "x_fecha_transaccion": f"{at.astimezone(_COLOMBIA):%Y-%m-%d %H:%M:%S}",
    }
    signed = "^".join(
        (
            *(values["p_cust_id_cliente"], values["p_key"], fields["x_ref_payco"]),
            *(fields["x_transaction_id"], fields["x_amount"], fields["x_currency_code"]),
        )
    )
    fields["x_signature"] = hashlib.sha256(signed.encode()).hexdigest()
    return Webhook({"Content-Type": "application/x-www-form-urlencoded"}, _form(fields))


def _epayco_transaction(payment: Payment) -> dict[str, str]:
    return {
        "x_ref_payco": payment.payment,
        "x_transaction_id": payment.payment,
        "x_id_invoice": payment.reference,
        "x_amount": str(_major(payment.amount_minor, payment.currency)),
        "x_currency_code": payment.currency,
        "x_cod_transaction_state": _EPAYCO.get(payment.state, "1"),
        "x_transaction_date": f"{payment.at.astimezone(_COLOMBIA):%Y-%m-%d %H:%M:%S}",
        "x_test_request": "TRUE",
        "x_customer_email": payment.email,
    }


_SIGNED: dict[ProviderKind, Callable[[Payment, datetime, Credential], Webhook]] = {
    "stripe": _stripe,
    "standard_webhooks": _standard_webhooks,
    "mercadopago": _mercado_pago,
    "wompi": _wompi,
    "payu": _payu,
    "epayco": _epayco,
}


# ------------------------------------------------------------------------------------------ APIs


class StandIn:
    """The providers' APIs, on a port of their own for as long as the block lasts.

    They know what `put` was told of. The next questions get the statuses of `fails_with` instead of
    an answer, one each. Stripe and Mercado Pago open checkouts; what is paid there is posted to
    `webhooks` and the provider's kind, signed as of `now`. A `port` of 0 is any that is free.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        webhooks: Callable[[], str] = lambda: "",
    ) -> None:
        self.asked: list[str] = []  # the questions, as method and path
        self.fails_with: deque[int] = deque()
        self._payments: dict[tuple[str, str], Payment] = {}
        self._now, self._webhooks = now, webhooks
        self.checkouts = Checkouts(lambda: self.url, self._paid_online)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def api(self, kind: ProviderKind) -> str:
        """The base address of a provider's API, as a rulebook names it."""
        return f"{self.url}/{kind}"

    def put(self, kind: ProviderKind, payment: Payment) -> None:
        """What is true of a payment from now on."""
        self._payments[kind, payment.payment] = payment
        if payment.state == "approved":
            self.checkouts.settled(payment.reference)

    def _paid_online(self, checkout: Checkout) -> str:
        """Pay what a checkout asks for, and tell the stack; what went wrong, if anything did."""
        payment = Payment(
            str(_number(checkout.reference)),
            checkout.reference,
            checkout.amount_minor,
            checkout.currency,
            self._now(),
            email="",  # so that the receipt goes to the debtor
        )
        self.put(checkout.kind, payment)
        notice = webhook(checkout.kind, payment, payment.at)
        status, said = post(f"{self._webhooks()}/{checkout.kind}", notice)
        return "" if status == 200 else f"Escalón contestó {status} al aviso del pago: {said}"

    def answer(
        self, method: str, path: str, authorization: str, body: bytes
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON of the answer to a question."""
        split = urlsplit(path)
        self.asked.append(f"{method} {split.path}")
        if self.fails_with:
            return self.fails_with.popleft(), {}
        parts = [unquote(part) for part in split.path.strip("/").split("/")]
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        match method, *parts:
            case "GET", "stripe", "v1", "payment_intents" | "charges" as what, key:
                return self._of_stripe(what, key, authorization)
            case "GET", "mercadopago", "v1", "payments", key:
                return self._of_mercado_pago(key, authorization)
            case "GET", "wompi", "transactions", key:
                return self._of_wompi(key, authorization)
            case "GET", "epayco", "restpagos", "transaction", "response.json":
                return self._of_epayco(query.get("ref_payco", ""))
            case "POST", "payu", "reports-api", "4.0", "service.cgi":
                return self._of_payu(json.loads(body))
            case "POST", "stripe", "v1", "checkout", "sessions":
                if authorization != f"Bearer {API_KEYS['stripe']}":
                    return 401, {}
                return 200, {"url": self.checkouts.open("stripe", **asked_of_stripe(body))}
            case "POST", "mercadopago", "checkout", "preferences":
                if authorization != f"Bearer {API_KEYS['mercadopago']}":
                    return 401, {}
                asked = asked_of_mercado_pago(json.loads(body, parse_float=Decimal))
                return 201, {"init_point": self.checkouts.open("mercadopago", **asked)}
            case "PUT", "stand-in", "payments", kind:
                self.put(cast("ProviderKind", kind), msgspec.json.decode(body, type=Payment))
                return 200, {}
            case "GET", "stand-in", "checkouts":
                return 200, {"waiting": msgspec.to_builtins(self.checkouts.waiting())}
        return 404, {}

    def _of_stripe(self, what: str, key: str, authorization: str) -> tuple[int, dict[str, Any]]:
        if authorization != f"Bearer {API_KEYS['stripe']}":
            return 401, {}
        found = self._payments.get(("stripe", key[3:]))
        if found is None:
            return 404, {}
        charge = _stripe_charge(found)
        if what == "charges":
            return 200, charge
        return 200, {**_stripe_intent(found), "latest_charge": charge}

    def _of_mercado_pago(self, key: str, authorization: str) -> tuple[int, dict[str, Any]]:
        if authorization != f"Bearer {API_KEYS['mercadopago']}":
            return 401, {}
        found = self._payments.get(("mercadopago", key))
        if found is None:
            return 404, {}
        refunded = found.state == "refunded"
        whole = found.refunded_minor == found.amount_minor
        return 200, {
            "id": found.payment,
            "status": "refunded" if refunded and whole else _MERCADO_PAGO[found.state],
            "status_detail": "partially_refunded" if refunded and not whole else "accredited",
            "currency_id": found.currency,
            "transaction_amount": _major(found.amount_minor, found.currency),
            "transaction_amount_refunded": _major(found.refunded_minor, found.currency),
            "external_reference": found.reference,
            "date_approved": _iso(found.at),
            "date_last_updated": _iso(found.at),
            "live_mode": False,
            "payer": {"email": found.email},
        }

    def _of_wompi(self, key: str, authorization: str) -> tuple[int, dict[str, Any]]:
        if authorization != f"Bearer {_values(API_KEYS['wompi'])['private_key']}":
            return 401, {}
        found = self._payments.get(("wompi", key))
        return (404, {}) if found is None else (200, {"data": _wompi_transaction(found)})

    def _of_epayco(self, key: str) -> tuple[int, dict[str, Any]]:
        found = self._payments.get(("epayco", key))
        if found is None:
            return 200, {"success": False, "text_response": "Transacción no existe", "data": {}}
        return 200, {"success": True, "data": _epayco_transaction(found)}

    def _of_payu(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        keys = _values(API_KEYS["payu"])
        if asked["merchant"] != {"apiLogin": keys["api_login"], "apiKey": keys["api_key"]}:
            return 200, {"code": "ERROR", "error": "Invalid credentials", "result": None}
        reference = asked["details"]["referenceCode"]
        own = [
            payment
            for (kind, _), payment in list(self._payments.items())
            if kind == "payu" and payment.reference == reference
        ]
        orders = [_payu_order(reference, own)] if own else None
        return 200, {"code": "SUCCESS", "error": None, "result": {"payload": orders}}


class Providers:
    """The stand-in of a local stack, which runs in a process of its own; `url` is where."""

    def __init__(self, url: str) -> None:
        self._url = url

    def api(self, kind: ProviderKind) -> str:
        """The base address of a provider's API, as a rulebook names it."""
        return f"{self._url}/{kind}"

    def put(self, kind: ProviderKind, payment: Payment) -> None:
        """What is true of a payment from now on."""
        self._ask("PUT", f"payments/{kind}", msgspec.json.encode(payment))

    def waiting(self) -> list[Checkout]:
        """The checkouts that nobody has paid yet, in the order of opening."""
        return msgspec.convert(self._ask("GET", "checkouts")["waiting"], list[Checkout])

    def _ask(self, method: str, what: str, body: bytes = b"") -> dict[str, Any]:
        answer = _HTTP.request(method, f"{self._url}/stand-in/{what}", body=body)
        found: dict[str, Any] = json.loads(answer.data)
        return found


def post(url: str, notice: Webhook) -> tuple[int, str]:
    """Post a notice: status and text of the answer; status 0 if there was none."""
    query = f"?{urlencode(notice.query)}" if notice.query else ""
    try:
        answer = _HTTP.request("POST", url + query, body=notice.body, headers=notice.headers)
    except urllib3.exceptions.HTTPError as error:
        return 0, f"nothing: {type(error).__name__}"
    return answer.status, answer.data[:200].decode(errors="replace")


def _payu_order(reference: str, payments: list[Payment]) -> dict[str, Any]:
    """All tries to pay one reference are transactions of one order."""
    transactions = []
    for payment in payments:
        state = "APPROVED" if payment.state in ("refunded", "voided") else payment.state.upper()
        transactions.append(
            _payu_transaction(payment, payment.payment, state, payment.amount_minor)
        )
        if payment.state == "refunded":
            refund = _payu_transaction(
                payment, f"{payment.payment}-refund", "APPROVED", payment.refunded_minor
            )
            transactions.append(
                {**refund, "type": "PARTIAL_REFUND", "parentTransactionId": payment.payment}
            )
        if payment.state == "voided":
            void = _payu_transaction(payment, f"{payment.payment}-void", "APPROVED", 0)
            transactions.append({**void, "type": "VOID", "parentTransactionId": payment.payment})
    return {
        "id": _number(reference),
        "referenceCode": reference,
        "isTest": True,
        "buyer": {"emailAddress": payments[0].email},
        "transactions": transactions,
    }


def _payu_transaction(payment: Payment, name: str, state: str, minor: int) -> dict[str, Any]:
    value = {"value": _major(minor, payment.currency), "currency": payment.currency}
    return {
        "id": name,
        "type": "AUTHORIZATION_AND_CAPTURE",
        "parentTransactionId": None,
        "transactionResponse": {
            "state": state,
            "operationDate": int(payment.at.timestamp() * 1000),
        },
        "additionalValues": {"TX_VALUE": value},
    }


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.startswith(f"{CHECKOUT_PATH}/"):
                pages.send_if_here(self, lambda: self._person(asked))
                return
            status, document = stand_in.answer(
                self.command, self.path, self.headers.get("Authorization", ""), asked
            )
            body = _JSON.encode(document)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET  # noqa: N815 - http.server's names

        def _person(self, asked: bytes) -> pages.Answer:
            checkouts = stand_in.checkouts
            if self.command == "POST":
                return checkouts.take(self.path, asked)
            return checkouts.show(self.path)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: `asked` has it."""

    return Handler


def _major(minor: int, currency: str) -> Decimal:
    """In major units, without needless decimals."""
    major = to_major(minor, currency)
    return major.quantize(Decimal(1)) if major == int(major) else major


def _number(text: str) -> int:
    """A number that stands for a text, of the length of a provider's ids."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:5])


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _form(fields: dict[str, str]) -> bytes:
    return urlencode(fields).encode()


def _text(secret: Credential) -> bytes:
    if not isinstance(secret, str):
        raise TypeError("this provider signs with one text")
    return secret.encode()


def _values(secret: Credential) -> dict[str, str]:
    if isinstance(secret, str):
        raise TypeError("this provider signs with named values")
    return secret
