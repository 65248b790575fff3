"""The whole system in one process: the use cases on doubles of AWS, a clock that is set, and queues
that hand a message over again when whoever took it failed."""

from collections import deque
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.email import Email
from escalon.adapters.queue import Queue
from escalon.adapters.sms import Sms
from escalon.adapters.table import Table
from escalon.adapters.whatsapp import Whatsapp
from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import Account, Channel, ContactPoint, Receivable
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.transitions import with_step_state
from escalon.domain.identity import account_id_of
from escalon.domain.rules.rollout import Rollout
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import Change, Stored
from escalon.usecases.contact.couriers import EmailCourier, SmsCourier, WhatsappCourier
from escalon.usecases.contact.deliver import Deliver
from escalon.usecases.messages_between import ShardOfRun, ToDeliver
from escalon.usecases.payments.book_payments import BookPayments
from escalon.usecases.payments.ledger_writes import issue
from escalon.usecases.payments.payment_link import Links
from escalon.usecases.payments.take_notice import TakeNotice
from escalon.usecases.runs.books import Page, Totals
from escalon.usecases.runs.escalate import Escalate
from escalon.usecases.runs.sweep import Sweep
from tests.doubles.aws import S3, Provider, Sqs
from tests.doubles.crashing import Crash, Crashing, Faults
from tests.doubles.dynamodb import DynamoDb

# A Monday, 10:00 in Bogotá: the contact window of the house policy is open.
NOW = datetime(2026, 9, 7, 15, 0, tzinfo=UTC)
TABLE = "receivables"
CHANNELS = ("email", "sms", "whatsapp", "task")


@cache
def rulebook() -> Rulebook:
    """The ladder friendly (2), firm (10), call (20) by e-mail, then SMS."""
    return load_rulebook(Path(__file__).parents[1] / "usecases" / "rulebook")


class SetClock:
    """A clock that stands where it is set; `then` are instants that it shows first, one a look."""

    def __init__(self, now: datetime) -> None:
        self.at = now
        self.then: deque[datetime] = deque()
        self.looks = 0

    def now(self) -> datetime:
        self.looks += 1
        return self.then.popleft() if self.then else self.at


class OneRulebook:
    """Rulebooks by version, of which one is in force."""

    def __init__(self, *rulebooks: Rulebook) -> None:
        self.known = {one.version: one for one in rulebooks}
        self.in_force = rulebooks[0].version
        self.rolling: Rollout | None = None  # with a canary, or with versions that accounts keep

    def live(self) -> str:
        return self.in_force

    def rollout(self, *, fresh: bool = False) -> Rollout:  # noqa: ARG002 - the port has it
        return self.rolling or Rollout(self.in_force)

    def get(self, version: str) -> Rulebook:
        return self.known[version]


class World:
    """One stack."""

    def __init__(self, now: datetime = NOW, shards: int = 1) -> None:
        self.dynamo, self.s3, self.sqs = DynamoDb(), S3(), Sqs()
        self.ses, self.sns, self.social = Provider(), Provider(), Provider()
        self.clock = SetClock(now)
        self.rulebooks = OneRulebook(rulebook())
        self.shards = shards
        self.links: Links | None = None  # of messages, if they have any
        self.table = Table(self.dynamo, TABLE, shards)
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.failed: list[tuple[str, bytes]] = []  # messages whose taker failed
        self.ids = count(1)

    # ------------------------------------------------------------------ the use cases

    def _table(self, faults: Faults) -> Table:
        return Table(Crashing(self.dynamo, faults), TABLE, self.shards, pause=lambda _: None)

    def queue(self, name: str, faults: Faults | None = None) -> Queue:
        return Queue(Crashing(self.sqs, faults or Faults()), name)

    def report(self, code: str, about: dict[str, Any]) -> None:
        self.reports.append((code, about))

    def sweep(self, faults: Faults | None = None) -> Sweep:
        faults = faults or Faults()
        own = self.queue("escalate", faults)
        return Sweep(self._table(faults), own, self.rulebooks, self.clock)

    def escalate(self, faults: Faults | None = None) -> Escalate:
        faults = faults or Faults()
        return Escalate(
            self._table(faults),
            self.rulebooks,
            {name: self.queue(name, faults) for name in CHANNELS},
            self.queue("escalate", faults),
            lambda: f"w{next(self.ids)}",
            self.report,
        )

    def deliver(self, channel: str, faults: Faults | None = None) -> Deliver:
        faults = faults or Faults()
        courier: EmailCourier | SmsCourier | WhatsappCourier | None = None
        if channel == "email":
            courier = EmailCourier(Email(Crashing(self.ses, faults), "set"))
        elif channel == "sms":
            courier = SmsCourier(Sms(Crashing(self.sns, faults)))
        elif channel == "whatsapp":
            courier = WhatsappCourier(Whatsapp(Crashing(self.social, faults), "phone-number-id-1"))
        documents = Documents(Crashing(self.s3, faults), "bucket")
        table = self._table(faults)
        return Deliver(
            table, documents, self.rulebooks, self.clock, courier, self.report, self.links
        )

    def rulebook(self, account_id: str = "") -> Rulebook:
        """The one in force, for an account that of its side."""
        return self.rulebooks.get(self.rulebooks.rollout().side_of(account_id))

    def take_notice(self, faults: Faults | None = None) -> TakeNotice:
        return TakeNotice(self._table(faults or Faults()), self.clock, self.name_of, self.rulebook)

    def book_payments(self, faults: Faults | None = None) -> BookPayments:
        return BookPayments(
            self._table(faults or Faults()), self.clock, self.name_of, self.rulebook
        )

    @staticmethod
    def name_of(reference: str) -> str:
        """The opaque name of a reference."""
        return account_id_of(b"secret", reference)

    # ------------------------------------------------------------------ running them

    def take(self, name: str, faults: Faults | None = None) -> None:
        """Take one message from a queue, as the function behind it does."""
        body = self.sqs.queues[name].popleft()
        try:
            if name == "escalate":
                shard = msgspec.json.decode(body, type=ShardOfRun)
                self.escalate(faults)(shard, lambda: timedelta(minutes=5))
            else:
                self.deliver(name, faults)(msgspec.json.decode(body, type=ToDeliver))
        except (Exception, Crash):
            self.failed.append((name, body))

    def waiting(self, *names: str) -> list[str]:
        """The queues among `names` (all of them if none is named) that hold a message."""
        return [n for n in (names or ("escalate", *CHANNELS)) if self.sqs.queues.get(n)]

    def work_off(self, *names: str) -> None:
        """Take messages until the queues are empty."""
        while found := self.waiting(*names):
            self.take(found[0])

    def hand_over_again(self) -> None:
        """What SQS does after the visibility time-out."""
        failed, self.failed = self.failed, []
        for name, body in failed:
            self.sqs.queues.setdefault(name, deque()).append(body)

    def run(self, at: datetime) -> None:
        """A whole run of the schedule at `at`, deliveries included."""
        self.clock.at = at
        self.sweep()(at)
        self.work_off()

    def arrived(self) -> None:
        """The carriers tell that all messages have arrived."""
        for stored in self.table.all_accounts():
            account = stored.account
            of_steps = [r for owed in account.receivables for r in owed.steps.values()]
            for record in (*of_steps, *account.reminded.values(), *account.followed.values()):
                if record.state == "sent":
                    account = with_step_state(account, record.intent_id, "delivered")
            if account != stored.account:
                again = decide(account, self.rulebook(account.account_id), self.clock.at)
                self.table.update(Change(stored, account, again.next_look_at, ()))

    # ------------------------------------------------------------------ looking at it

    def put(self, account: Account, look_at: datetime | None = NOW - timedelta(hours=1)) -> Stored:
        """Write an account as if it had been there before."""
        stored = self.table.get(account.account_id) or Stored(account, 0)
        return self.table.update(Change(stored, account, look_at, ()))

    def owe(self, *receivables: Receivable, account_id: str = "a1") -> None:
        """Somebody owes these, charged with their entries, and is found by their ids."""
        stored = self.table.get(account_id)
        if stored is None:
            stored = self.put(replace(debtor(account_id), receivables=()), None)
        for owed in receivables:
            now = self.clock.at
            stored = issue(self.table, stored, owed, booked_at=now, now=now)
            pointer = {"account_id": account_id, "receivable_id": owed.receivable_id}
            key = f"REF#{self.name_of(owed.receivable_id)}"
            self.table.save(self.table.put_document(key, "REF", pointer))

    def account(self, account_id: str = "a1") -> Account:
        found = self.table.get(account_id)
        assert found is not None
        return found.account

    def messages(self) -> list[dict[str, Any]]:
        return list(self.table.all_documents("M#"))

    def tasks(self) -> list[dict[str, Any]]:
        return list(self.table.all_documents("T#"))

    def facts(self, account_id: str, name: str = "") -> list[dict[str, Any]]:
        """What happened to an account, in order, as its history would have it."""
        told: dict[str, list[dict[str, Any]]] = {}
        for image in self.dynamo.stream:
            if image["pk"]["S"] == f"A#{account_id}" and "facts" in image:
                told[image["v"]["N"]] = msgspec.json.decode(image["facts"]["S"])
        return [f for facts in told.values() for f in facts if not name or f["fact"] == name]

    def totals(self, at: datetime) -> Totals:
        """The books of the run of that instant; every page is closed."""
        run_id = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        totals = Totals()
        for document in self.table.documents(f"RUN#{run_id}", "P#"):
            page = msgspec.convert(document, Page)
            assert page.totals is not None, page
            totals.add(page.totals)
        assert totals.add_up, totals
        return totals

    def all_items(self) -> dict[tuple[str, str], dict[str, Any]]:
        """A dump of the whole table."""
        table = self.dynamo.tables.get(TABLE, {})
        return {(pk, sk): dict(item) for pk, own in table.items() for sk, item in own.items()}


def point(channel: Channel = "email", address: str = "") -> ContactPoint:
    """A contact point that works."""
    given = {"email": "ana@example.com"}
    given |= dict.fromkeys(("sms", "whatsapp", "voice"), "+573000000001")
    return ContactPoint(f"p-{channel}", channel, address or given.get(channel, "x"))


def receivable(
    receivable_id: str = "r1",
    *,
    late: int = 3,
    open_minor: int = 100_000_00,
    creditor: str = "andina",
    currency: str = "COP",
    today: date | None = None,
) -> Receivable:
    """An obligation that was due `late` days ago, issued a month before, known ever since."""
    due_on = (today or NOW.date()) - timedelta(days=late)
    issued_on = due_on - timedelta(days=30)
    return Receivable(
        receivable_id, creditor, f"doc-{receivable_id}", issued_on, due_on, currency, open_minor,
        open_minor, issued_on, "book",
    )  # fmt: skip


def debtor(
    account_id: str = "a1",
    *receivables: Receivable,
    points: tuple[ContactPoint, ...] = (point("email"), point("sms"), point("voice")),
) -> Account:
    """Somebody who owes 100,000 pesos since three days, unless told otherwise."""
    account = Account(account_id, f"ref-{account_id}", "Ana Gómez", country="CO", language="en")
    return replace(account, points=points, receivables=receivables or (receivable(),))
