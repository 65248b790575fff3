# ruff: noqa: N803 - the arguments are boto3's
"""The payment entrance in one process: its use cases on doubles of AWS, and on the stand-in."""

import json
from collections import deque
from datetime import datetime
from typing import Any

import msgspec
import urllib3
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.provider_api import ProviderApi
from escalon.adapters.provider_secrets import ProviderSecrets
from escalon.adapters.queue import Queue
from escalon.adapters.table import Table
from escalon.domain.account import Account
from escalon.domain.identity import account_id_of
from escalon.domain.rules.rulebook import PaymentProvider, Payments
from escalon.domain.storage import Change, Stored
from escalon.providers.provider import Credential, Question
from escalon.usecases.payments.confirm_payment import Confirmed, ConfirmPayment
from escalon.usecases.payments.receive_webhook import Answer, ReceiveWebhook
from escalon.usecases.payments.take_notice import TakeNotice
from escalon_cli.local.provider_stand_in import API_KEYS, SECRETS, Webhook
from tests.doubles.aws import S3, Sqs
from tests.doubles.crashing import Crashing, Faults
from tests.doubles.dynamodb import DynamoDb
from tests.doubles.world import NOW, TABLE, OneRulebook, SetClock, debtor, receivable, rulebook

DEBT_MINOR = 150_000_00  # what FA-1 is for, in centavos


class SecretsManager:
    """Secrets by name; counts how often it is asked."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {"webhook-secrets": "{}", "api-keys": "{}"}
        self.reads = 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        self.reads += 1
        return {"SecretString": self.values[SecretId]}


class Says:
    """A provider's API that answers one thing."""

    def __init__(self, status: int, body: bytes) -> None:
        self._answer = status, body

    def ask(self, question: Question) -> tuple[int, bytes]:  # noqa: ARG002 - whatever it is
        return self._answer


class Entrance:
    """One stack with the given providers, each with the stand-in's secret and key."""

    in_production = False

    def __init__(self, *settings: PaymentProvider, now: datetime = NOW) -> None:
        self.dynamo, self.s3, self.sqs = DynamoDb(), S3(), Sqs()
        self.secrets = SecretsManager()
        self.clock = SetClock(now)
        self.seconds = 1000.0
        self.reports: list[tuple[str, dict[str, Any]]] = []
        providers = {one.provider: one for one in settings}
        self.rulebooks = OneRulebook(replace(rulebook(), payments=Payments(providers=providers)))
        self.table = Table(self.dynamo, TABLE, 1)
        self._keep("webhook-secrets", {one.provider: [SECRETS[one.kind]] for one in settings})
        keyed = [one for one in settings if one.kind in API_KEYS]
        self._keep("api-keys", {one.provider: API_KEYS[one.kind] for one in keyed})
        self._webhook_secrets = ProviderSecrets[list[Credential]](
            self.secrets, "webhook-secrets", list[Credential], lambda: self.seconds
        )

    def _keep(self, name: str, entries: dict[str, Any]) -> None:
        self.secrets.values[name] = json.dumps(entries)

    def has_secrets(self, provider: str, *secrets: Credential) -> None:
        """What an operator has put in for a provider; nothing of any other stays."""
        self._keep("webhook-secrets", {provider: secrets} if secrets else {})

    # ------------------------------------------------------------------ the use cases

    def _take(self, faults: Faults) -> TakeNotice:
        table = Table(Crashing(self.dynamo, faults), TABLE, 1, pause=lambda _: None)
        return TakeNotice(
            table, self.clock, self.name_of, lambda _="": self.rulebooks.get(self.rulebooks.live())
        )

    def name_of(self, reference: str) -> str:
        return account_id_of(b"key", reference)

    def receive(self, faults: Faults | None = None) -> ReceiveWebhook:
        faults = faults or Faults()
        return ReceiveWebhook(
            self.rulebooks,
            self._webhook_secrets,
            Documents(Crashing(self.s3, faults), "bucket"),
            self._take(faults),
            Queue(Crashing(self.sqs, faults), "confirm"),
            self.clock,
            lambda code, about: self.reports.append((code, about)),
            in_production=self.in_production,
        )

    def posts(self, provider: str, webhook: Webhook, faults: Faults | None = None) -> Answer:
        """What a provider is answered."""
        return self.receive(faults)(provider, webhook.headers, webhook.query, webhook.body)

    def confirm(self, api: ProviderApi | Says | None = None) -> ConfirmPayment:
        faults = Faults()
        keys = ProviderSecrets[Credential](
            self.secrets, "api-keys", Credential, lambda: self.seconds
        )
        api = api or ProviderApi(urllib3.PoolManager(), pause=lambda _: None)
        return ConfirmPayment(
            self.rulebooks,
            self._webhook_secrets,
            keys,
            Documents(Crashing(self.s3, faults), "bucket"),
            self._take(faults),
            api,
        )

    def confirms(self, attempt: int = 1, api: Says | None = None) -> tuple[Confirmed, ...]:
        """Take one message off the queue; it goes back if it could not be settled."""
        body = self.queued.popleft()
        asked = msgspec.json.decode(body)
        try:
            return self.confirm(api)(asked["provider"], asked["receipt"], attempt)
        except BaseException:
            self.queued.append(body)
            raise

    # ------------------------------------------------------------------ looking at it

    def owes(self, account_id: str = "a1", reference: str = "FA-1") -> None:
        """Somebody owes the debt of that reference, known as an import makes it known."""
        owed = receivable(reference, open_minor=DEBT_MINOR)
        account = debtor(account_id, owed)
        self.table.update(Change(Stored(account, 0), account, NOW, ()))
        self.table.save(self.table.put_receivable(account_id, owed))
        pointer = self.table.put_document(
            f"REF#{self.name_of(reference)}", "REF", {"account_id": account_id}
        )
        self.table.save(pointer)

    def account(self, account_id: str = "a1") -> Account:
        found = self.table.get(account_id)
        assert found is not None
        return found.account

    def open_minor(self, account_id: str = "a1") -> int:
        """What the account still owes."""
        return sum(owed.open_minor for owed in self.account(account_id).receivables)

    def awaited(self, account_id: str = "a1") -> bool:
        """Whether money of the account is under way, so that nobody asks for any."""
        now = self.clock.at
        return any(one.since <= now < one.until for one in self.account(account_id).awaited)

    def all_items(self) -> dict[tuple[str, str], dict[str, Any]]:
        """A dump of the whole table."""
        table = self.dynamo.tables.get(TABLE, {})
        return {(pk, sk): dict(item) for pk, own in table.items() for sk, item in own.items()}

    def touch(self, account_id: str = "a1") -> None:
        """Somebody else writes the account."""
        stored = self.table.get(account_id)
        assert stored is not None
        self.table.update(Change(stored, stored.account, NOW, ()))

    def receipts(self) -> list[str]:
        """The keys of what was kept."""
        return sorted(self.s3.objects)

    @property
    def queued(self) -> deque[bytes]:
        """The messages that wait for confirmation."""
        return self.sqs.queues.setdefault("confirm", deque())

    def unmatched(self) -> int:
        """How much money waits on the list of what nobody can place."""
        return len(list(self.table.listed("unmatched")))
