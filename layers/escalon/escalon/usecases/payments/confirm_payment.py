"""Confirm a payment: ask the provider what is true of it, and book that.

Some signatures leave out the amount, the state or the reference, so their notice is no more than a
hint which payment to ask about. Also what the entrance had to put off is taken here.
"""

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from escalon.domain.payments.payment import PaymentNotice
from escalon.domain.ports import Rulebooks
from escalon.domain.rules.rulebook import PaymentProvider
from escalon.providers.provider import Asked, Credential, Question
from escalon.providers.registry import module_of
from escalon.usecases.payments.receive_webhook import Receipt, WebhookSecrets, verified

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.usecases.payments.take_notice import TakenNotice, TakeNotice

type Confirmed = TakenNotice | Literal["no_such_payment"]

# A provider may tell of a payment a moment before its own API finds it: not found counts from this
# attempt on.
BELIEVED_AT = 3


class NotConfirmedError(Exception):
    """Nobody could be asked, or the provider does not know yet: to be tried again later."""


class ProviderApi(Protocol):
    """The providers' HTTP APIs."""

    def ask(self, question: Question) -> tuple[int, bytes]:
        """Status and body of the answer; raises if there is none."""
        ...


class ApiKeys(Protocol):
    """What providers are asked with."""

    def of(self, provider: str) -> Credential | None:
        """A provider's key; None if nobody has put one in."""
        ...


class ConfirmPayment:
    """Settle a receipt that the entrance could not settle at once."""

    def __init__(
        self,
        rulebooks: Rulebooks,
        secrets: WebhookSecrets,
        keys: ApiKeys,
        documents: "Documents",
        take: "TakeNotice",
        api: ProviderApi,
    ) -> None:
        self._rulebooks = rulebooks
        self._secrets = secrets
        self._keys = keys
        self._documents = documents
        self._take = take
        self._api = api

    def __call__(
        self, provider: str, receipt_key: str, attempt: int = 1
    ) -> "tuple[Confirmed, ...]":
        """What became of each thing that is true of the payment; `attempt` counts from 1. Raises
        whatever keeps it from being settled: it is to be tried again later."""
        receipt = msgspec.json.decode(self._documents.get(receipt_key), type=Receipt)
        setting = self._rulebooks.get(self._rulebooks.live()).payments.providers.get(provider)
        if setting is None:
            raise NotConfirmedError("the rulebook in force has no such provider")
        received = verified(receipt, setting, self._secrets)
        if not received.ask:
            return (self._take(received.notice, setting),)
        truths = self._asked(received.notice, setting)
        if not truths and attempt < BELIEVED_AT:
            raise NotConfirmedError("the provider knows no such payment so far")
        named = received.notice.reference
        if not truths or (named and any(truth.reference != named for truth in truths)):
            # No such payment, or not for whom it claimed to be: that was not signed.
            self._take.give_up_waiting(received.notice, setting)
        return tuple(self._take(truth, setting) for truth in truths) or ("no_such_payment",)

    def _asked(self, notice: PaymentNotice, setting: PaymentProvider) -> tuple[PaymentNotice, ...]:
        """What the provider says of the payment; empty if it knows none."""
        module = module_of(setting.kind)
        if not isinstance(module, Asked) or not setting.api:
            raise NotConfirmedError("there is no API address")
        key = self._keys.of(setting.provider) or ""  # not every provider wants one
        status, body = self._api.ask(module.question(notice, setting, key))
        return module.answer(notice, setting, status, body)
