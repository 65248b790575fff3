"""What every provider module offers, and the words they share.

A provider is one module with the functions of `Provider` and one entry in config/payments.yaml;
`registry.module_of` finds it by its kind. Most can be asked as well (`Asked`), and some have a
checkout (`PaysOnline`, `OpensCheckouts`): `isinstance(module, Asked)` tells. Everything here is
pure: requests and answers are handed in as values, nothing is fetched.
"""

from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from escalon.domain.payments.payment import PaymentNotice
from escalon.domain.rules.rulebook import PaymentProvider

# What a secret's list holds: the plain secret, or a few named values that belong together.
type Credential = str | dict[str, str]


class NotAuthenticError(Exception):
    """Nobody who has the secret has sent these bytes, or not now: answer 401."""


class MalformedError(Exception):
    """The bytes are no notice of this provider, or one that must have no effect: answer 400."""


class NotAnsweredError(Exception):
    """The provider did not answer the question (down, too many questions, key refused): ask again
    later. Nothing is known about the payment."""


class WebhookRequest(msgspec.Struct, frozen=True):
    """A request as it came: header names in lower case, the body's exact bytes."""

    headers: dict[str, str]
    query: dict[str, str]
    body: bytes


class Received(msgspec.Struct, frozen=True):
    """What a genuine request says. With `ask`, the signature leaves out what matters: the notice
    says which payment to ask the provider about, and nothing of it counts before. What else it
    claims may only be shown, and hold further asking until the answer is there."""

    notice: PaymentNotice
    ask: bool = False


class Question(msgspec.Struct, frozen=True):
    """A request to the provider's API. Its headers and body hold keys."""

    method: str
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        """Without what must not be logged (invariant 12)."""
        return f"Question({self.method} {self.url.partition('?')[0]})"


class PaymentRequest(msgspec.Struct, frozen=True):
    """A debt that somebody is about to pay: minor units, our reference, where to come back to.

    `attempt` (64 characters at most) names this one wish to pay: asked twice, it opens one
    checkout. Another wish to pay the same debt has another name, since the checkout of the first
    may be used up.
    """

    amount_minor: int
    currency: str
    reference: str
    attempt: str
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
        """Verify against each of the secrets in constant time, then translate. A secret of the
        wrong form matches nothing. Raises NotAuthenticError or MalformedError, and nothing else
        whatever the bytes are."""
        ...

    def check_secret(self, secret: Credential) -> str:
        """What is wrong with the form of a webhook secret; "" if nothing is."""
        ...


@runtime_checkable
class Asked(Protocol):
    """What a module offers besides if its provider can be asked what is true of a payment."""

    def question(
        self, notice: PaymentNotice, setting: PaymentProvider, api_key: Credential
    ) -> Question:
        """How to ask the provider what is true of the notice's payment. `setting.api` is where;
        who has none there is not asked. Raises NotAnsweredError if `api_key` lacks a part."""
        ...

    def answer(
        self, notice: PaymentNotice, setting: PaymentProvider, status: int, body: bytes
    ) -> tuple[PaymentNotice, ...]:
        """What the provider's answer (HTTP status and body) says of the payment as it stands now,
        each as a notice: that it was approved, and besides what was given back of it. Amounts,
        currency, reference and kinds are the answer's, never the notice's. Empty if the provider
        knows no such payment. The event keys name what is said: the same truth read twice is one
        event. Raises NotAnsweredError, or MalformedError if the answer makes no sense or is about
        another payment."""
        ...

    def check_api_key(self, api_key: Credential) -> str:
        """What is wrong with the form of a key to the provider's API; "" if nothing is."""
        ...


@runtime_checkable
class PaysOnline(Protocol):
    """What a module offers besides if payers can be sent to its checkout at once."""

    def checkout(
        self, request: PaymentRequest, setting: PaymentProvider, api_key: Credential
    ) -> Checkout:
        """Where the payer goes. Raises MoneyError if the checkout cannot take such an amount,
        NotAnsweredError if `api_key` or `setting.merchant` lacks a part."""
        ...


@runtime_checkable
class OpensCheckouts(Protocol):
    """What a module offers besides if its provider has to be asked for a checkout first."""

    def open_checkout(
        self, request: PaymentRequest, setting: PaymentProvider, api_key: Credential
    ) -> Question:
        """How to ask for a checkout. Raises as `PaysOnline.checkout` does."""
        ...

    def opened_checkout(self, status: int, body: bytes, setting: PaymentProvider) -> Checkout:
        """Where the payer goes, by the provider's answer. Raises NotAnsweredError or
        MalformedError."""
        ...
