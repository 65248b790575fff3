"""What every provider module offers, and the words they share.

A provider is one module with the functions of `Provider` and one entry in config/payments.yaml.
Everything here is pure: requests and answers are handed in as values, nothing is fetched.
"""

from datetime import datetime
from typing import Any, Protocol

import msgspec

from escalon.domain.payment import PaymentNotice
from escalon.domain.rulebook import PaymentProvider

# What a secret's list holds: the plain secret, or a few named values that belong together.
type Credential = str | dict[str, str]


class NotAuthenticError(Exception):
    """Nobody who has the secret has sent these bytes, or not now: answer 401."""


class MalformedError(Exception):
    """The bytes are no notice of this provider, or one that must have no effect: answer 400."""


class WebhookRequest(msgspec.Struct, frozen=True):
    """A request as it came: header names in lower case, the body's exact bytes."""

    headers: dict[str, str]
    query: dict[str, str]
    body: bytes


class Received(msgspec.Struct, frozen=True):
    """What a genuine request says. With `ask`, the signature leaves out what matters: the notice
    says no more than which payment to ask the provider about, and nothing of it counts before."""

    notice: PaymentNotice
    ask: bool = False


class Question(msgspec.Struct, frozen=True):
    """A request to the provider's API."""

    method: str
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""


class PaymentRequest(msgspec.Struct, frozen=True):
    """A debt that somebody is about to pay: minor units, our reference, where to come back to."""

    amount_minor: int
    currency: str
    reference: str
    description: str
    language: str  # es or en
    return_url: str
    notify_url: str
    payer_name: str = ""
    payer_email: str = ""


class Checkout(msgspec.Struct, frozen=True):
    """Where the payer goes: a page to open, or with `fields` a form to post to it."""

    url: str
    fields: dict[str, str] = {}


class Provider(Protocol):
    """The functions of a provider module."""

    def receive(
        self,
        request: WebhookRequest,
        setting: PaymentProvider,
        secrets: "list[Credential]",
        now: datetime,
    ) -> Received:
        """Verify against each of the secrets in constant time, then translate. Raises
        NotAuthenticError or MalformedError, and nothing else whatever the bytes are."""
        ...

    def question(
        self, notice: PaymentNotice, setting: PaymentProvider, api_key: Credential
    ) -> Question:
        """How to ask the provider what is true of the notice's payment."""
        ...

    def answer(
        self, notice: PaymentNotice, setting: PaymentProvider, status: int, body: bytes
    ) -> PaymentNotice | None:
        """What the provider's answer (HTTP status and body) says of the payment: amount, currency,
        reference and kind are the answer's, never the notice's. None if the provider knows no such
        payment. Raises MalformedError if the answer makes no sense (ask again later)."""
        ...


class PaysOnline(Protocol):
    """What a module offers besides if debtors can be sent to its checkout."""

    def checkout(
        self, request: PaymentRequest, setting: PaymentProvider, api_key: Credential
    ) -> "Checkout | Question":
        """Where the payer goes; a Question if the provider has to be asked for it first."""
        ...

    def checkout_of(self, status: int, body: bytes) -> Checkout:
        """The checkout that the provider's answer to that question names."""
        ...


def value_at(document: Any, path: str) -> Any:
    """The value at a dotted path of a decoded JSON document; None where there is none."""
    for name in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document
