"""Receive a webhook: from bytes that a stranger posted to an answer that its sender understands.

Nothing counts before a signature says whose words they are, and nothing happens before the bytes
are kept. What cannot be done at once goes on a queue, since providers give up: Wompi after three
tries. docs/payments.md has the table of answers.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from escalon.domain.ports import Clock, Rulebooks
from escalon.domain.rules.rulebook import PaymentProvider
from escalon.failures import described
from escalon.providers.provider import (
    Credential,
    MalformedError,
    NotAuthenticError,
    Received,
    WebhookRequest,
)
from escalon.providers.registry import module_of

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.queue import Queue
    from escalon.usecases.payments.take_notice import TakeNotice

MOST_BYTES = 64 * 1024  # a provider's notice is a few kilobytes
# Whoever reads the bucket must not be able to act for somebody with what a request carried.
_NOT_KEPT = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
# What the way here has added: other addresses and traces each time.
_OF_THE_WAY = ("cloudfront-", "via", "x-amzn-", "x-amz-cf-", "x-forwarded-")
_ENVELOPES = frozenset({"Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"})


class Answer(msgspec.Struct, frozen=True):
    """What the sender is told: an HTTP status, and why in one word."""

    status: int
    reason: str


class Receipt(msgspec.Struct, frozen=True):
    """A genuine request as it came: what is needed to verify and translate it again."""

    provider: str
    received_at: datetime
    headers: dict[str, str]
    query: dict[str, str]
    body: bytes

    @property
    def request(self) -> WebhookRequest:
        """The request."""
        return WebhookRequest(self.headers, self.query, self.body)


class ToConfirm(msgspec.Struct, frozen=True):
    """On the queue: a receipt that is not settled yet. Names it, and nobody."""

    provider: str
    receipt: str  # the object's key


class WebhookSecrets(Protocol):
    """What the providers' notices are verified with."""

    def of(self, provider: str) -> list[Credential] | None:
        """A provider's secrets, as read a moment or some minutes ago; None if nobody has put any
        in."""
        ...

    def again(self, provider: str) -> list[Credential] | None:
        """The same as they are now; None if they were read a moment ago, or there are none."""
        ...


class ReceiveWebhook:
    """Take what a provider posted."""

    def __init__(
        self,
        rulebooks: Rulebooks,
        secrets: WebhookSecrets,
        documents: "Documents",
        take: "TakeNotice",
        confirm: "Queue",
        clock: Clock,
        report: Callable[[str, dict[str, Any]], None],
        *,
        in_production: bool,
    ) -> None:
        self._in_production = in_production
        self._rulebooks = rulebooks
        self._secrets = secrets
        self._documents = documents
        self._take = take
        self._confirm = confirm
        self._clock = clock
        self._report = report

    def __call__(
        self, provider: str, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> Answer:
        """`body` is the exact bytes. Raises what went wrong if the notice could neither be taken
        nor queued: answer 500, and the provider sends it again."""
        if len(body) > MOST_BYTES:
            return Answer(413, "too_large")
        lowered = {name.lower(): value for name, value in headers.items()}
        if _is_an_sns_envelope(lowered, body):
            return Answer(400, "sns_envelope")
        payments = self._rulebooks.get(self._rulebooks.live()).payments
        setting = payments.providers.get(provider)
        if setting is None:
            return Answer(404, "no_such_provider")
        if self._in_production and setting.environment == "sandbox":
            return Answer(503, "sandbox")  # its money is no money
        now = self._clock.now()
        kept = {
            name: value
            for name, value in lowered.items()
            if name not in _NOT_KEPT and not name.startswith(_OF_THE_WAY)
        }
        receipt = Receipt(provider, now, kept, dict(query), body)
        try:
            received = verified(receipt, setting, self._secrets)
        except NoSecretError:
            return Answer(503, "no_secret")
        except NotAuthenticError:
            return Answer(401, "not_authentic")
        except MalformedError:
            return Answer(400, "malformed")
        if received.notice.kind == "other" and not received.ask:
            return Answer(200, "not_about_money")
        return self._do(received, setting, ToConfirm(provider, self._keep(receipt)))

    def _keep(self, receipt: Receipt) -> str:
        """Keep the bytes under their own hash: the same request twice in a day is one object."""
        content = msgspec.json.encode((receipt.headers, receipt.query, receipt.body))
        digest = hashlib.sha256(content).hexdigest()
        key = f"webhooks/{receipt.provider}/{receipt.received_at:%Y-%m-%d}/{digest}.json"
        self._documents.put(key, msgspec.json.encode(receipt))
        return key

    def _do(self, received: Received, setting: PaymentProvider, later: ToConfirm) -> Answer:
        """Take the notice, or see to it that it is taken."""
        try:
            if not received.ask:
                return Answer(200, self._take(received.notice, setting))
            self._take.await_answer(received.notice, setting)
            reason = "to_be_confirmed"
        except Exception as error:  # whatever it is, the queue has more patience than the provider
            about = {"provider": setting.provider, "receipt": later.receipt, **described(error)}
            self._report("notice_put_off", about)
            reason = "put_off"
        self._confirm.send([later])
        return Answer(200, reason)


class NoSecretError(Exception):
    """Nobody has put in what this provider's notices are verified with."""


def verified(receipt: Receipt, setting: PaymentProvider, secrets: WebhookSecrets) -> Received:
    """What a genuine request says, judged as of its arrival. Raises NotAuthenticError,
    MalformedError or NoSecretError."""
    receive = module_of(setting.kind).receive
    known = secrets.of(setting.provider)
    if known:
        try:
            return receive(receipt.request, setting, known, receipt.received_at)
        except NotAuthenticError:
            # It may be signed with a secret that was put in after ours were read.
            newer = secrets.again(setting.provider)
            if not newer:
                raise
    else:
        newer = secrets.again(setting.provider)
        if not newer:
            raise NoSecretError(setting.provider)
    return receive(receipt.request, setting, newer, receipt.received_at)


def _is_an_sns_envelope(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether SNS sent it. Anybody may subscribe their own topic to our address, and a confirmed
    subscription is a way in, so none is ever confirmed."""
    if "x-amz-sns-message-type" in headers:
        return True
    try:
        kind = msgspec.json.decode(body, type=_Envelope).Type
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return kind in _ENVELOPES


class _Envelope(msgspec.Struct):
    """The field by which an SNS message is known, as SNS writes it."""

    Type: str = ""
