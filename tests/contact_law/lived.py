"""A year of the sample portfolio under the law of one country, lived through in one process.

    python -m tests.contact_law.lived MX out/mx      # the whole portfolio; some minutes
    python -m tests.contact_law.judge out/mx

The use cases themselves sweep, decide, look again, send and record, on doubles of AWS. Meanwhile
people pay, dispute and refuse channels, messages bounce, are called abuse, are delayed or never
heard of again, and queues are late, all by a lot that is the same each time. What came of it is
written by the replay's own code.
"""

import json
import sys
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.authoring.rulebook import sealed
from escalon.domain import facts
from escalon.domain.account import Account, Channel, Receivable
from escalon.domain.contact.feedback import Event, Feedback
from escalon.domain.decisions.transitions import channel_refused
from escalon.domain.identity import account_id_of
from escalon.domain.payments.payment import Incoming, PaymentState, Said
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import Change, Stored
from escalon.importing.mapping import MappingFile, RowReader, read_mapping, without
from escalon.importing.reading import read_csv
from escalon.importing.records import Record, Row
from escalon.importing.taking import take
from escalon.usecases.contact.record_feedback import RecordFeedback
from escalon.usecases.manage_holds import ManageHolds, PlaceHold
from escalon.usecases.operators.acts import Person
from escalon.usecases.payments.book_payments import OfAccount
from escalon.usecases.payments.ledger_writes import issue
from escalon_cli.replay import output
from tests.contact_law.table import policy_of
from tests.doubles.world import OneRulebook, World
from tests.rules.books import shipped

SAMPLES = Path(__file__).parents[2] / "samples"
START = datetime(2026, 9, 1, 5, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)

# Places with what is special about them: clocks that change in spring and autumn on either side of
# the equator, half a country in another zone, an island, none told at all.
PLACES: dict[str, list[tuple[tuple[str, ...], str]]] = {
    "BR": [(("America/Sao_Paulo",), "SP"), ((), "AM"), (("America/Noronha",), ""), ((), "")],
    "CL": [(("America/Santiago",), "RM"), ((), "VS"), (("America/Punta_Arenas",), "MA"), ((), "")],
    "CO": [(("America/Bogota",), ""), ((), "")],
    "ES": [(("Europe/Madrid",), "MD"), (("Atlantic/Canary",), "CN"), ((), "CT"), ((), "")],
    "GB": [(("Europe/London",), "ENG"), ((), "SCT"), ((), "")],
    "MX": [(("America/Mexico_City",), "CMX"), ((), "CHH"), (("America/Tijuana",), "BCN"), ((), "")],
    "PE": [(("America/Lima",), ""), ((), "")],
    "US": [
        (("America/New_York",), "NY"),
        (("America/New_York", "America/Los_Angeles"), "NY"),
        (("America/Los_Angeles",), "NY"),
        ((), "AZ"),
        (("Pacific/Honolulu",), "HI"),
        ((), ""),
    ],
}
# What carriers tell of a hundred messages; () is never a word.
FATES: list[tuple[int, tuple[Event, ...]]] = [
    (78, ("delivered",)),
    (5, ("delayed", "delivered")),
    (3, ("delayed",)),
    (4, ("unconfirmed",)),
    (3, ("bounced",)),
    (2, ("delivered", "complained")),
    (2, ("rejected",)),
    (3, ()),
]


@cache
def portfolio() -> list[tuple[Account, tuple[Receivable, ...]]]:
    """The accounts of samples/portfolio.csv, without what they owe, and all that is or will be
    issued to them."""
    text = (SAMPLES / "mapping.yaml").read_text(encoding="utf-8")
    mapping = read_mapping(text, "mapping.yaml")
    assert isinstance(mapping, MappingFile)
    mapping = without(mapping, ["payments", "disputes", "links"])
    by_debtor: dict[str, list[Record]] = {}
    with (SAMPLES / "portfolio.csv").open("rb") as file:
        rows = read_csv(iter(lambda: file.read(1 << 16), b""), form=mapping.file, file="p.csv")
        reader = RowReader.of(mapping, rows.cursor.header, file="p.csv")
        assert isinstance(reader, RowReader)
        for _, line, cells in rows:
            row = reader.row(line, cells)  # type: ignore[arg-type]
            if isinstance(row, Row):
                by_debtor.setdefault(row.records[0].source_ref or "", []).extend(row.records)
    return [_taken(ref, records) for ref, records in by_debtor.items()]


def _taken(ref: str, records: list[Record]) -> tuple[Account, tuple[Receivable, ...]]:
    taken = take(
        Account(f"a{ref}", ref, ""),
        {},
        (),
        records,
        waiting=(),
        source="erp",
        cause="c",
        today=START.date(),
        zone="America/Bogota",
        now=START,
        name_of=lambda reference: account_id_of(b"secret", reference),
    )
    owed = (*taken.account.receivables, *(receivable for receivable, _ in taken.scheduled))
    return replace(taken.account, receivables=()), owed


def under(country: str) -> Rulebook:
    """The shipped ladders with one country's law for everybody. The first message of each gives the
    notice that a law wants before anybody asks again; of a debt that enters later it is missing."""
    base = shipped()
    ladders = tuple(
        replace(
            ladder,
            steps=tuple(
                replace(step, gives=("validation_notice",)) if step is first else step
                for step in ladder.steps
            ),
        )
        for ladder in base.strategies
        for first in [next(step for step in ladder.steps if step.message)]
    )
    return sealed(
        replace(
            base,
            strategies=ladders,
            contact_policies={country: policy_of(country), "*": policy_of(country)},
            default_zone=next(iter(PLACES[country][0][0])),
        )
    )


def moved(account: Account, country: str, number: int) -> Account:
    """The same debtor in that country: in one of its places, some with a fresh consent (the United
    States want one that was confirmed within sixty days)."""
    zones, region = PLACES[country][number % len(PLACES[country])]
    points = account.points
    if number % 2:
        points = tuple(
            replace(point, consent=replace(point.consent, granted_on=date(2026, 8, 20)))
            if point.consent is not None
            else point
            for point in points
        )
    return replace(
        account, country=country, zones=zones, region=region, number_zones=(), points=points
    )


class Life:
    """What happens to the debtors of one country, day by day."""

    def __init__(self, country: str, accounts: slice) -> None:
        self.world = World(START)
        self.rulebook = under(country)
        self.world.rulebooks = OneRulebook(self.rulebook)
        self._lots = Random(country)
        self._heard: set[str] = set()
        self._payments = 0
        self._accounts: list[str] = []
        documents = Documents(self.world.s3, "bucket")
        world = self.world
        self._feedback = RecordFeedback(
            world.table, world.rulebooks, documents, world.clock, "topic", world.report
        )
        self._holds = ManageHolds(world.table, world.clock, lambda _: self.rulebook)
        for number, (account, owed) in enumerate(portfolio()[accounts]):
            self._begins(moved(account, country, number), owed)

    def _begins(self, account: Account, owed: tuple[Receivable, ...]) -> None:
        self._accounts.append(account.account_id)
        table = self.world.table
        stored = self.world.put(account, None)
        for receivable in owed:
            begins = datetime.combine(receivable.issued_on, START.timetz())
            if begins <= START:
                stored = issue(table, stored, receivable, booked_at=START, now=START)
            else:
                table.save(table.put_receivable(account.account_id, receivable, begins))

    def goes_on(self, days: int) -> None:
        """Live through so many days: two runs on each, one of them in the afternoon of most of
        these countries, and what is queued leaves up to two hours late."""
        for number in range(days):
            midnight = START + number * DAY - timedelta(hours=5)
            usual = midnight + timedelta(hours=14, minutes=self._lots.randrange(300))
            odd = midnight + timedelta(minutes=self._lots.randrange(24 * 60))
            for at in sorted((usual, odd)):
                self._run(at)
            self._something_happens()

    def _run(self, at: datetime) -> None:
        world = self.world
        world.clock.at = max(at, world.clock.at)
        world.sweep()(world.clock.at)
        world.work_off("escalate")
        if self._lots.random() < 0.2:
            world.clock.at += self._lots.randrange(120) * MINUTE
        world.work_off()
        world.hand_over_again()
        world.clock.at += MINUTE
        self._carriers_tell()
        world.dynamo.stream.clear()

    def _carriers_tell(self) -> None:
        written = [
            json.loads(image["doc"]["S"])
            for image in self.world.dynamo.stream
            if image["sk"]["S"].startswith("M#")
        ]
        for document in written:
            if document["message_id"] in self._heard or document["state"] != "sent":
                continue
            self._heard.add(document["message_id"])
            weights, fates = zip(*FATES, strict=True)
            (fate,) = self._lots.choices(fates, weights)
            for event in fate:
                told = Feedback(
                    cast("Channel", document["channel"]),
                    event,
                    self.world.clock.at,
                    document["provider_message_id"],
                    document["account_id"],
                    document["message_id"],
                    address_bad=event == "bounced",
                    stops_channel=event == "complained",
                )
                self._feedback.record(told, 1)

    def _something_happens(self) -> None:
        """Somebody pays, disputes, or wants nothing more by a channel."""
        account = self.world.account(self._lots.choice(self._accounts))
        if not account.receivables:
            return
        owed = self._lots.choice(account.receivables)
        what = self._lots.random()
        if what < 0.5:
            part = owed.open_minor if what < 0.35 else owed.open_minor // 3
            self._pays(account, owed, part)
        elif what < 0.7:
            key = f"d{self.world.clock.at:%Y%m%d}"
            dispute = PlaceHold(
                key, "says so", account.account_id, "dispute", receivable_id=owed.receivable_id
            )
            self._holds.place(dispute, Person("ana"))
        elif what < 0.8:
            channel = cast("Channel", self._lots.choice(["email", "sms"]))
            at = self.world.clock.at
            refused = channel_refused(account, channel, at)
            stored = cast("Stored", self.world.table.get(account.account_id))
            self.world.table.update(Change(stored, refused, at, (facts.noted("refused", at),)))

    def _pays(self, account: Account, owed: Receivable, minor: int) -> None:
        self._payments += 1
        at = self.world.clock.at
        state = PaymentState(approved=Said(minor, at))
        money = Incoming(
            f"P{self._payments}",
            "import bank",
            owed.currency,
            at,
            state,
            receivable_id=owed.receivable_id,
        )
        around = self.world.table.around(account.account_id, [owed.receivable_id], ())
        own = OfAccount(account.account_id, around.stored, [money], around.named)
        self.world.book_payments()(own)

    def written(self, out: Path) -> int:
        """Write what the judge reads, and say how many messages left."""
        out.mkdir(parents=True, exist_ok=True)
        documents = Documents(self.world.s3, "bucket")
        deployed: Any = SimpleNamespace(table=self.world.table, documents=documents)
        played: Any = SimpleNamespace(rulebook=self.rulebook)
        (out / "agreements.jsonl").write_bytes(b"")  # nobody agrees on anything here
        books = output.Books(deployed, played)
        return len(output.write_contacts(deployed, books, books.ledger(), out))


def lived(country: str, out: Path, *, accounts: slice = slice(None), days: int = 365) -> int:
    """Live through it with these accounts, write the files, and say how many messages left."""
    life = Life(country, accounts)
    life.goes_on(days)
    return life.written(out)


if __name__ == "__main__":
    where, to = sys.argv[1:]
    print(lived(where, Path(to)), "messages")
