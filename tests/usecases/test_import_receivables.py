"""Import: a file becomes accounts, receivables, holds and payments; twice, in parts, or killed."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import permutations
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.table import Table
from escalon.domain.identity import account_id_of
from escalon.usecases import import_receivables
from escalon.usecases.import_receivables import ImportReceivables, Progress
from tests.doubles.crashing import Crash, Crashing, Faults
from tests.doubles.payments import STRIPE, check_books, notice
from tests.doubles.world import NOW, TABLE, World, rulebook

KEY = b"secret"
AMPLE = timedelta(minutes=10)
HEADER = "ref,name,mail,inv,issued,due,amount,open,dispute,payment,paid,paid_on,friend"
MAPPING = """\
file: {type: TYPE, delimiter: ","}
dates: year-month-day
numbers: "1234567.89"
zone: America/Bogota
creditor: always andina
currency: always COP
account:
  source_ref: ref
  name: name
  country: always CO
contacts:
  - channel: email
    address: mail
receivable:
  receivable_id: inv
  issued_on: issued
  due_on: due
  amount: amount
  open: open
disputes:
  - when: {column: dispute, is: "yes"}
    starts_on: issued
links:
  - other_source_ref: friend
    role: always guarantor
payments:
  - payment_id: payment
    amount: paid
    paid_on: paid_on
    at: 12:00
"""


def row(
    ref: str, inv: str, amount: str = "1000", *, open_: str = "", issued: str = "2026-08-01",
    due: str = "2026-09-01", name: str = "Ana", dispute: str = "", payment: str = "",
    paid: str = "", paid_on: str = "2026-09-02", friend: str = "",
) -> str:  # fmt: skip
    return (
        f"{ref},{name},{ref}@example.com,{inv},{issued},{due},{amount},{open_ or amount},{dispute},"
        f"{payment},{paid},{paid_on if payment else ''},{friend}"
    )


class Inbox:
    """A world with an inbox."""

    def __init__(self, type_: str = "snapshot", workers: int = 1) -> None:
        self.world = World()
        self.workers = workers
        self.documents = Documents(self.world.s3, "bucket")
        self.documents.put("mappings/erp.yaml", MAPPING.replace("TYPE", type_).encode())
        self.later: list[dict[str, Any]] = []
        self.uploads = 0

    def importer(self, faults: Faults | None = None) -> ImportReceivables:
        faults = faults or Faults()
        table = Table(Crashing(self.world.dynamo, faults), TABLE, 1, pause=lambda _: None)
        documents = Documents(Crashing(self.world.s3, faults), "bucket")
        return ImportReceivables(
            table, documents, self.world.clock, KEY, "America/Bogota", self.later.append,
            lambda _="": rulebook(), self.workers,
        )  # fmt: skip

    def upload(self, *rows: str, header: str = HEADER, name: str = "book") -> tuple[str, str]:
        self.uploads += 1
        key = f"inbox/erp/{name}.csv"
        self.documents.put(key, "\n".join((header, *rows, "")).encode())
        return key, str(self.uploads)

    def take(self, *rows: str, left: Callable[[], timedelta] = lambda: AMPLE) -> Progress:
        """Upload a file and go on with it until it has come to an end."""
        return self.finish(*self.upload(*rows), left)

    def finish(
        self, key: str, upload: str, left: Callable[[], timedelta] = lambda: AMPLE
    ) -> Progress:
        progress = self.importer()(key, upload, left)
        while self.later:
            event = self.later.pop(0)
            progress = self.importer()(event["key"], event["upload"], left)
        return progress

    def account(self, ref: str) -> Any:
        found = self.world.table.get(account_id_of(KEY, ref))
        assert found is not None
        return found.account

    def open(self) -> dict[str, int]:
        return {
            r.receivable_id: r.open_minor
            for stored in self.world.table.all_accounts()
            for r in stored.account.receivables
        }

    def report(self, name: str = "book") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.documents.get(f"inbox/erp/{name}.csv.report.json"))
        return found

    def dump(self) -> dict[tuple[str, str], Any]:
        """The whole table but for the imports' own progress."""
        return {k: v for k, v in self.world.all_items().items() if not k[0].startswith("IMPORT#")}


# ------------------------------------------------------------------------------- taking it


def test_a_file_becomes_accounts_receivables_and_entries() -> None:
    inbox = Inbox()
    progress = inbox.take(
        row("900", "F1", open_="400"), row("900", "F2", "2000", dispute="yes", friend="800")
    )
    assert (progress.state, progress.rows, progress.taken, progress.changed) == ("done", 2, 2, 1)
    account = inbox.account("900")
    assert account.name == "Ana"
    assert [p.address for p in account.points] == ["900@example.com"]
    assert [h.hold_id for h in account.holds] == ["dispute:F2"]
    assert [(link.account_id, link.role) for link in account.links] == [
        (account_id_of(KEY, "800"), "guarantor")
    ]
    assert inbox.open() == {"F1": 40_000, "F2": 200_000}
    entries = inbox.world.table.entries(account.account_id)
    assert sorted((e.receivable_id, e.kind, e.amount_minor) for e in entries) == [
        ("F1", "adjustment", -60_000),
        ("F1", "charge", 100_000),
        ("F2", "charge", 200_000),
    ]
    item = inbox.world.all_items()[f"A#{account.account_id}", "A"]
    assert item["look_at"] == {"S": "2026-09-07T15:00:00Z"}
    report = inbox.report()
    assert (report["state"], report["rows"], report["open_in_book"]) == ("done", 2, 2)


def test_invariant_12_no_key_carries_a_document_number() -> None:
    inbox = Inbox()
    inbox.take(row("900123456", "F1"))
    assert not [key for key in inbox.world.all_items() if "900123456" in "".join(key)]


def test_the_same_file_twice_changes_nothing() -> None:
    inbox = Inbox()
    rows = [
        row("900", "F1", payment="P1", paid="100"),
        row("900", "F2", issued="2026-10-01", due="2026-11-01"),
        row("901", "F3", payment="P2", paid="1500"),
        row("902", "F4", dispute="yes", friend="900"),
    ]
    inbox.take(*rows)
    before = inbox.dump()
    again = inbox.take(*rows)
    assert inbox.dump() == before
    assert (again.state, again.changed, again.payments, again.unmatched) == ("done", 0, 0, 0)


def test_a_changed_row_updates_and_its_difference_is_an_entry() -> None:
    inbox = Inbox()
    inbox.take(row("900", "F1"))
    assert inbox.take(row("900", "F1", open_="750", name="Ana María")).changed == 1
    account = inbox.account("900")
    assert account.name == "Ana María"
    assert inbox.open() == {"F1": 75_000}
    entries = inbox.world.table.entries(account.account_id)
    assert sorted((e.kind, e.amount_minor) for e in entries) == [
        ("adjustment", -25_000),
        ("charge", 100_000),
    ]


def test_one_receivable_many_times_in_a_file_is_taken_in_order() -> None:
    """Back and forth: every difference is an entry of its own, and the last row counts."""
    inbox = Inbox()
    opens = ("1000", "800", "1000", "800", "1000", "800")
    inbox.take(*(row("900", "F1", open_=open_) for open_ in opens))
    assert inbox.open() == {"F1": 80_000}
    entries = inbox.world.table.entries(inbox.account("900").account_id)
    assert sum(e.amount_minor for e in entries) == 80_000
    assert len(entries) == 6


def test_bad_rows_are_reported_and_good_ones_taken() -> None:
    inbox = Inbox()
    progress = inbox.take(row("900", "F1"), row("901", "F2", "12x"), row("902", "F3"), "a,b")
    assert (progress.rows, progress.taken, progress.refused) == (4, 2, 2)
    assert inbox.open() == {"F1": 100_000, "F3": 100_000}
    report = inbox.report()
    assert [p["line"] for p in report["problems"]] == [3, 3, 5]
    assert all(p["file"] == "book.csv" and p["remedy"] for p in report["problems"])


def test_a_receivable_in_another_currency_than_before_is_refused() -> None:
    inbox = Inbox()
    inbox.take(row("900", "F1"))
    mapping = MAPPING.replace("TYPE", "snapshot").replace("always COP", "always USD")
    inbox.documents.put("mappings/erp.yaml", mapping.encode())
    progress = inbox.take(row("900", "F1"))
    assert progress.refused == 1
    (problem,) = inbox.report()["problems"]
    assert (problem["line"], problem["value"]) == (2, "F1")
    assert problem["problem"] == "was imported before with another currency or creditor"


def test_invariant_9_an_account_that_cannot_be_read_stops_nobody() -> None:
    inbox = Inbox()
    inbox.take(row("900", "F1"), row("901", "F2"))
    bad = f"A#{account_id_of(KEY, '900')}"
    item = inbox.world.all_items()[bad, "A"]
    inbox.world.dynamo.put_item(TableName=TABLE, Item={**item, "doc": {"S": "{}"}})
    progress = inbox.take(row("900", "F1", open_="5"), row("901", "F2", open_="7"))
    assert (progress.state, progress.taken, progress.refused) == ("done", 1, 1)
    assert inbox.world.all_items()[bad, "A"]["doc"] == {"S": "{}"}
    assert inbox.report()["problems"][0]["line"] == 2


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "there is no mapping mappings/other.yaml"),
        ({"mappings/other.yaml": b"\xff\xfe"}, "other.yaml is not UTF-8 text"),
        ({"mappings/other.yaml": b"file: {type: often}"}, "other.yaml:1"),
    ],
)
def test_a_mapping_that_is_missing_or_wrong_refuses_the_file(
    files: dict[str, bytes], why: str
) -> None:
    inbox = Inbox()
    for name, body in files.items():
        inbox.documents.put(name, body)
    inbox.documents.put("inbox/other/book.csv", b"a\n")
    assert inbox.importer()("inbox/other/book.csv", "1", lambda: AMPLE).state == "refused"
    report = json.loads(inbox.documents.get("inbox/other/book.csv.report.json"))
    assert why in report["why"][0]


def test_a_column_that_is_missing_refuses_the_file_and_says_so() -> None:
    inbox = Inbox()
    key, upload = inbox.upload(row("900", "F1"), header=HEADER.replace("inv", "invoice"))
    assert inbox.finish(key, upload).state == "refused"
    assert "inv" in inbox.report()["why"][0]
    assert "progress" not in str(inbox.report()["why"])
    assert inbox.later == []
    assert inbox.dump() == {}


def test_an_empty_file_is_refused() -> None:
    inbox = Inbox()
    inbox.documents.put("inbox/erp/book.csv", b"")
    assert inbox.finish("inbox/erp/book.csv", "1").state == "refused"


def test_many_receivables_of_one_account_are_taken_in_several_transactions() -> None:
    """Twenty older ones drive twenty out of the account's document: all of it is written."""
    inbox = Inbox("changes")
    inbox.take(*(row("900", f"A{n}", due="2026-09-05") for n in range(25)))
    inbox.take(*(row("900", f"B{n}", open_="999", due="2026-09-01") for n in range(45)))
    account = inbox.account("900")
    assert len(account.receivables) == 20
    assert account.beyond["andina|COP"].count == 50
    assert account.beyond["andina|COP"].open_minor == 25 * 100_000 + 25 * 99_900
    stored = inbox.world.table.issued_receivables(account.account_id)
    assert sum(r.open_minor for r in stored) == 25 * 100_000 + 45 * 99_900
    entries = inbox.world.table.entries(account.account_id)
    assert sum(e.amount_minor for e in entries) == 25 * 100_000 + 45 * 99_900


# ---------------------------------------------------------------- in parts, killed, twice


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_receivables, "BATCH_ROWS", 2)


def book(count: int = 7) -> list[str]:
    return [
        row(f"90{n % 3}", f"F{n}", payment=f"P{n}" if n % 2 else "", paid="100" if n % 2 else "")
        for n in range(count)
    ]


def test_a_file_is_taken_in_parts_when_the_time_is_short(small_batches: None) -> None:
    whole, parts = Inbox(), Inbox()
    whole.take(*book())
    key, upload = parts.upload(*book())
    hops = 0
    progress = parts.importer()(key, upload, lambda: timedelta(seconds=44))
    while parts.later:
        hops += 1
        event = parts.later.pop(0)
        assert event == {"key": key, "upload": upload}
        left = AMPLE if progress.state == "comparing" else timedelta(seconds=44)
        progress = parts.importer()(key, upload, lambda left=left: left)  # type: ignore[misc]
    assert progress.state == "done"
    assert hops >= 4
    assert (progress.rows, progress.payments) == (7, 3)
    assert parts.open() == whole.open()
    assert parts.report()["rows"] == 7


def _calls() -> list[str]:
    inbox, faults = Inbox(), Faults()
    inbox.importer(faults)(*inbox.upload(*book()), lambda: AMPLE)
    return faults.calls


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_import_killed_at_any_call_goes_on_where_it_was(small_batches: None, when: Any) -> None:
    whole = Inbox()
    whole.take(*book())
    for number, name in enumerate(_calls(), 1):
        inbox = Inbox()
        key, upload = inbox.upload(*book())
        with pytest.raises(Crash):
            inbox.importer(Faults(number, when))(key, upload, lambda: AMPLE)
        progress = inbox.finish(key, upload)
        assert progress.state == "done", (number, name)
        assert progress.rows == 7, (number, name)
        assert inbox.open() == whole.open(), (number, name)
        assert inbox.report()["rows"] == 7, (number, name)
        assert money(inbox) == money(whole), (number, name)


def money(inbox: Inbox) -> list[tuple[str, str, int]]:
    entries = [
        e
        for ref in ("900", "901", "902")
        for e in inbox.world.table.entries(account_id_of(KEY, ref))
    ]
    return sorted((e.receivable_id, e.kind, e.amount_minor) for e in entries)


def test_an_event_that_comes_twice_at_once_is_one_import(small_batches: None) -> None:
    whole = Inbox()
    whole.take(*book())
    for number in range(1, len(_calls()) + 1, 3):
        inbox = Inbox()
        key, upload = inbox.upload(*book())
        take = partial(inbox.importer(), key, upload, lambda: AMPLE)
        other = Faults(number, instead=take)
        progress = inbox.importer(other)(key, upload, lambda: AMPLE)
        assert (progress.state, progress.rows) == ("done", 7)
        assert inbox.later == []
        assert money(inbox) == money(whole)
        saved = [
            msgspec.json.decode(image["doc"]["S"])["rows"]
            for image in inbox.world.dynamo.stream
            if image["sk"]["S"] == "IMPORT"
        ]
        assert saved == sorted(saved)  # the slower one never sets it back
        assert len(saved) == 6


def test_an_import_that_is_done_only_reports_again() -> None:
    inbox = Inbox()
    key, upload = inbox.upload(row("900", "F1"))
    inbox.finish(key, upload)
    before = inbox.world.all_items()
    inbox.world.s3.objects.pop(f"{key}.report.json")
    assert inbox.importer()(key, upload, lambda: AMPLE).state == "done"
    assert inbox.report()["rows"] == 1
    assert inbox.world.all_items() == before


def test_a_chain_of_parts_is_bounded(small_batches: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_receivables, "MOST_HOPS", 1)
    inbox = Inbox()
    progress = inbox.take(*book(), left=lambda: timedelta(0))
    assert progress.state == "refused"
    assert inbox.report()["why"] == ["the import makes no progress"]


def test_accounts_side_by_side_come_to_the_same() -> None:
    one, eight = Inbox(workers=1), Inbox(workers=8)
    rows = [row(f"9{n}", f"F{n}", payment=f"P{n}", paid="5") for n in range(60)]
    one.take(*rows)
    eight.take(*rows)
    assert one.dump() == eight.dump()


# ---------------------------------------------------------------------------- snapshots


def hundred(*missing: int) -> list[str]:
    return [row(f"9{n}", f"F{n}") for n in range(100) if n not in missing]


def test_what_is_absent_rests_from_the_debtors_own_day_on() -> None:
    """Of whom the country alone is known that day may still be the one before."""
    inbox = Inbox()
    inbox.take(*hundred())
    stored = inbox.world.table.get(account_id_of(KEY, "93"))
    assert stored is not None
    inbox.world.put(replace(stored.account, country="US", zones=()))
    inbox.world.clock.at = datetime(2026, 9, 8, 6, tzinfo=UTC)  # in Hawaii it is the 7th
    inbox.take(*hundred(3))
    assert [hold.starts_on for hold in inbox.account("93").holds] == [date(2026, 9, 7)]


def absent(inbox: Inbox) -> list[str]:
    return sorted(
        str(h.receivable_id)
        for stored in inbox.world.table.all_accounts()
        for h in stored.account.holds
        if h.kind == "absent_from_export"
    )


def test_what_a_snapshot_no_longer_has_is_held_and_comes_back() -> None:
    inbox = Inbox()
    inbox.take(*hundred())
    progress = inbox.take(*hundred(3, 7))
    assert (progress.state, progress.absent, progress.open_in_book) == ("done", 2, 100)
    assert absent(inbox) == ["F3", "F7"]
    before = inbox.dump()
    assert inbox.take(*hundred(3, 7)).absent == 2
    assert inbox.dump() == before
    inbox.take(*hundred(7))
    assert absent(inbox) == ["F7"]


@pytest.mark.parametrize(("missing", "state"), [(19, "done"), (20, "done"), (21, "asks")])
def test_a_snapshot_that_would_hold_much_of_the_book_asks(missing: int, state: str) -> None:
    inbox = Inbox()
    inbox.take(*hundred())
    progress = inbox.take(*hundred(*range(missing)))
    assert progress.state == state
    assert len(absent(inbox)) == (missing if state == "done" else 0)
    if state == "asks":
        assert inbox.report()["why"][0].startswith("21 of 100 open receivables are not in this")
        assert inbox.importer().approve(progress.import_id).state == "done"
        assert len(absent(inbox)) == 21
        assert inbox.report()["state"] == "done"
        with pytest.raises(LookupError):
            inbox.importer().approve(progress.import_id)


def test_a_snapshot_whose_list_is_gone_holds_nothing() -> None:
    """Approved after the list of what was seen has expired: everything would look absent."""
    inbox = Inbox()
    inbox.take(*hundred())
    progress = inbox.take(*hundred(*range(30)))
    for key in [key for key in inbox.world.s3.objects if "/seen/" in key]:
        del inbox.world.s3.objects[key]
    assert inbox.importer().approve(progress.import_id).state == "refused"
    assert absent(inbox) == []


def test_a_file_of_changes_holds_nothing() -> None:
    inbox = Inbox("changes")
    inbox.take(*hundred())
    assert inbox.take(row("90", "F0")).state == "done"
    assert absent(inbox) == []


def test_a_bad_row_that_names_its_receivable_is_not_absent() -> None:
    inbox = Inbox()
    inbox.take(*hundred())
    inbox.take(*hundred(3), row("93", "F3", "12x"))
    assert absent(inbox) == []


def test_a_bad_row_without_a_name_is_said_to_be_behind_a_hold() -> None:
    """Silence is the safe side, and a person is told what to do about it."""
    inbox = Inbox()
    inbox.take(*hundred())
    progress = inbox.take(*hundred(3), "a,b")
    assert absent(inbox) == ["F3"]
    assert progress.nameless == 1
    assert "1 bad rows do not tell their receivable" in inbox.report()["why"][0]


def test_a_receivable_that_moved_to_another_debtor_is_held_at_the_first() -> None:
    inbox = Inbox()
    inbox.take(*hundred())
    inbox.take(*hundred(3), row("950", "F3"))
    assert [h.receivable_id for h in inbox.account("93").holds] == ["F3"]
    assert inbox.account("950").holds == ()


def test_a_receivable_that_vanished_before_its_issue_date_is_held_too() -> None:
    inbox = Inbox()
    later = row("900", "L1", issued="2026-10-01", due="2026-11-01")
    inbox.take(*hundred(), later)
    inbox.take(*hundred())
    assert absent(inbox) == ["L1"]
    inbox.take(*hundred(), later)
    assert absent(inbox) == []


# --------------------------------------------------------------- issued later, and payments


def test_a_receivable_shows_from_its_issue_date() -> None:
    inbox = Inbox()
    inbox.take(row("900", "F1", issued="2026-09-08", due="2026-10-08"))
    assert inbox.open() == {}
    inbox.take(row("900", "F1", "1200", issued="2026-09-08", due="2026-10-08"))
    inbox.world.run(NOW)
    assert inbox.open() == {}
    inbox.world.run(NOW + timedelta(days=1))
    assert inbox.open() == {"F1": 120_000}
    inbox.take(row("900", "F1", "1200", issued="2026-09-08", due="2026-10-08"))
    assert len(inbox.world.table.entries(inbox.account("900").account_id)) == 1


def pay(payment: str, amount: str, ref: str = "", inv: str = "", on: str = "2026-09-02") -> str:
    return f"{payment},{amount},{ref},{inv},{on}"


BANK = """\
file: {type: changes, delimiter: ","}
dates: year-month-day
numbers: "1234567.89"
zone: America/Bogota
currency: always COP
payments:
  - payment_id: payment
    source_ref: ref
    receivable_id: inv
    amount: amount
    paid_on: paid_on
    at: 12:00
"""


def bank(inbox: Inbox, *rows: str) -> Progress:
    """Take a bank's file."""
    inbox.documents.put("mappings/bank.yaml", BANK.encode())
    inbox.uploads += 1
    key = "inbox/bank/bank.csv"
    inbox.documents.put(key, "\n".join(("payment,amount,ref,inv,paid_on", *rows, "")).encode())
    return inbox.finish(key, str(inbox.uploads))


def unmatched(inbox: Inbox) -> list[str]:
    return sorted(p["money"]["payment_id"] for p in inbox.world.table.listed("unmatched"))


def test_invariant_5_a_payment_counts_once() -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1"))
    first = bank(inbox, pay("P1", "300", "900"), pay("P1", "300", "900"))
    assert (first.payments, first.taken) == (1, 2)
    assert bank(inbox, pay("P1", "300", "900")).payments == 0
    assert inbox.open() == {"F1": 70_000}


def test_a_payment_id_used_for_other_money_is_reported_and_not_dropped_silently() -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1"))
    bank(inbox, pay("P1", "300", "900"))
    progress = bank(inbox, pay("P1", "400", "900"))
    assert (progress.payments, progress.refused) == (0, 1)
    report = json.loads(inbox.documents.get("inbox/bank/bank.csv.report.json"))
    assert report["problems"][0]["value"] == "P1"
    assert inbox.open() == {"F1": 70_000}


def test_a_payment_goes_to_what_it_names_then_to_the_oldest_and_the_rest_is_credit() -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1", due="2026-08-20"), row("900", "F2", due="2026-08-25"))
    bank(inbox, pay("P1", "1300", "900", "F2"))
    assert inbox.open() == {"F1": 70_000}
    bank(inbox, pay("P2", "900", "900", "F1"))
    assert inbox.open() == {}
    account = inbox.account("900")
    assert account.credits == {"andina|COP": 20_000}
    assert "due_shard" not in inbox.world.all_items()[f"A#{account.account_id}", "A"]
    assert sum(e.amount_minor for e in inbox.world.table.entries(account.account_id)) == -20_000


def test_several_payments_of_one_account_in_a_file_are_one_transaction() -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1"))
    version = inbox.world.all_items()[f"A#{inbox.account('900').account_id}", "A"]["v"]
    progress = bank(inbox, *(pay(f"P{n}", "10", "900", "F1") for n in range(8)))
    assert progress.payments == 8
    assert inbox.open() == {"F1": 92_000}
    after = inbox.world.all_items()[f"A#{inbox.account('900').account_id}", "A"]["v"]
    assert int(after["N"]) == int(version["N"]) + 1


def test_more_payments_than_one_transaction_holds_are_all_booked() -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1"))
    progress = bank(inbox, *(pay(f"P{n}", "10", "900", "F1") for n in range(90)))
    assert progress.payments == 90
    assert inbox.open() == {"F1": 10_000}


def test_one_payment_for_more_receivables_than_one_transaction_holds() -> None:
    inbox = Inbox("changes")
    inbox.take(*(row("900", f"F{n:03d}", "10") for n in range(130)))
    bank(inbox, pay("P1", "1290.50", "900"))
    account = inbox.account("900")
    assert inbox.open() == {"F129": 950}
    assert account.credits == {}
    entries = inbox.world.table.entries(account.account_id)
    assert sum(e.amount_minor for e in entries if e.kind == "payment") == -129_050
    assert sum(e.amount_minor for e in entries) == 950
    stored = inbox.world.table.issued_receivables(account.account_id)
    assert sum(r.open_minor for r in stored) == 950


def test_a_payment_that_is_cut_short_while_it_is_spread_stays_as_credit() -> None:
    """What is owed is right at every moment, whatever part was the last."""
    inbox = Inbox("changes")
    inbox.take(*(row("900", f"F{n:03d}", "10") for n in range(130)))
    rows = [pay("P1", "1290.50", "900")]
    calls = Faults()
    probe = Inbox("changes")
    probe.take(*(row("900", f"F{n:03d}", "10") for n in range(130)))
    probe.documents.put("mappings/bank.yaml", BANK.encode())
    probe.documents.put("inbox/bank/b.csv", f"payment,amount,ref,inv,paid_on\n{rows[0]}\n".encode())
    probe.importer(calls)("inbox/bank/b.csv", "1", lambda: AMPLE)
    first = calls.calls.index("transact_write_items") + 1
    inbox.documents.put("mappings/bank.yaml", BANK.encode())
    inbox.documents.put("inbox/bank/b.csv", f"payment,amount,ref,inv,paid_on\n{rows[0]}\n".encode())
    with pytest.raises(Crash):
        inbox.importer(Faults(first, "after"))("inbox/bank/b.csv", "1", lambda: AMPLE)
    inbox.finish("inbox/bank/b.csv", "1")
    account = inbox.account("900")
    stored = inbox.world.table.issued_receivables(account.account_id)
    assert sum(r.open_minor for r in stored) - sum(account.credits.values()) == 950
    entries = inbox.world.table.entries(account.account_id)
    assert sum(e.amount_minor for e in entries) == 950
    inbox.world.run(NOW)
    assert inbox.open() == {"F129": 950}
    assert inbox.account("900").credits == {}


def by_webhook(inbox: Inbox) -> None:
    told = notice("approved", 30_000, reference="F1", at=NOW - timedelta(days=4))
    inbox.world.take_notice()(told, STRIPE)


def by_bank(inbox: Inbox) -> None:
    bank(inbox, pay("B-1", "300", "900", "F1", on="2026-09-04"))


def by_erp(inbox: Inbox) -> None:
    inbox.take(row("900", "F1", payment="RC-1", paid="300", paid_on="2026-09-03"))


@pytest.mark.parametrize("order", list(permutations((by_webhook, by_bank, by_erp))))
def test_l25_money_told_by_the_provider_the_bank_and_the_erp_counts_once(
    order: tuple[Callable[[Inbox], None], ...],
) -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1"))
    for _ in range(2):
        for tell in order:
            tell(inbox)
    assert inbox.open() == {"F1": 70_000}
    assert unmatched(inbox) == []
    check_books(inbox.world, inbox.account("900").account_id)


def test_l25_a_bank_line_that_may_be_the_providers_payment_waits_for_a_person() -> None:
    """It names who paid, and not for what; nothing is dropped, and nothing counts twice."""
    inbox = Inbox("changes")
    inbox.take(row("900", "F1"))
    by_webhook(inbox)
    progress = bank(inbox, pay("B-1", "300", "900", on="2026-09-04"))
    assert (progress.payments, progress.unmatched) == (0, 1)
    assert unmatched(inbox) == ["B-1"]
    assert inbox.open() == {"F1": 70_000}
    (kept,) = inbox.world.table.listed("unmatched")
    assert (kept["why"], kept["may_be"]) == ("seen_before", ["stripe:pi_1"])


def test_money_that_matches_nothing_is_kept_and_matched_when_its_account_comes() -> None:
    inbox = Inbox("changes")
    assert bank(inbox, pay("P1", "300", "900"), pay("P2", "5", "", "F9")).unmatched == 2
    assert unmatched(inbox) == ["P1", "P2"]
    assert bank(inbox, pay("P1", "300", "900")).unmatched == 0
    inbox.take(row("900", "F1"))
    assert bank(inbox, pay("P1", "300", "900")).payments == 1
    assert unmatched(inbox) == ["P2"]
    assert inbox.open() == {"F1": 70_000}


def test_money_for_an_account_with_two_creditors_is_kept_unless_it_names_its_receivable() -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1"))
    mapping = MAPPING.replace("TYPE", "changes").replace("always andina", "always boreal")
    inbox.documents.put("mappings/erp.yaml", mapping.encode())
    inbox.take(row("900", "F2"))
    assert bank(inbox, pay("P1", "300", "900")).unmatched == 1
    assert bank(inbox, pay("P2", "300", "900", "F2")).payments == 1
    assert inbox.open() == {"F1": 100_000, "F2": 70_000}


def test_somebody_else_pays_an_invoice() -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1"), row("901", "F2"))
    bank(inbox, pay("P1", "300", "901", "F1"))
    assert inbox.open() == {"F1": 70_000, "F2": 100_000}


def test_a_payment_of_a_receivable_that_is_still_to_be_issued_issues_it() -> None:
    inbox = Inbox("changes")
    later = row("900", "F1", issued="2026-10-01", due="2026-11-01")
    inbox.take(later)
    assert bank(inbox, pay("P1", "300", "900", "F1")).payments == 1
    assert inbox.open() == {"F1": 70_000}
    before = inbox.dump()
    inbox.take(later)
    assert inbox.dump() == before
    inbox.world.run(NOW + timedelta(days=30))
    entries = inbox.world.table.entries(inbox.account("900").account_id)
    assert sorted((e.kind, e.amount_minor) for e in entries) == [
        ("charge", 100_000),
        ("payment", -30_000),
    ]


def test_invariant_2_a_payment_that_comes_after_the_message_is_marked_as_crossed() -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1", "100000", due="2026-09-04"))
    inbox.world.run(NOW)
    (message,) = inbox.world.messages()
    assert message["state"] == "sent"
    bank(inbox, pay("P1", "300", "900", on="2026-09-07"))  # at noon: two hours after it
    assert "crossed_by" not in inbox.world.messages()[0]
    bank(inbox, pay("P2", "300", "900", on="2026-09-06"), pay("P3", "1", "900", on="2026-09-05"))
    assert inbox.world.messages()[0]["crossed_by"] == ["P2", "P3"]
    paid = inbox.world.facts(inbox.account("900").account_id, "paid")
    assert [fact.get("crossed") for fact in paid] == [
        None,
        [message["message_id"]],
        [message["message_id"]],
    ]


def test_a_payment_that_comes_while_the_message_leaves_is_marked_as_crossed() -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1", "100000", due="2026-09-04"))
    inbox.world.sweep()(NOW)
    inbox.world.work_off("escalate")

    def pays() -> None:
        bank(inbox, pay("P1", "300", "900", on="2026-09-07"))

    inbox.world.take("email", Faults(5, "before", instead=pays))
    (message,) = inbox.world.messages()
    assert (message["state"], message["crossed_by"]) == ("sent", ["P1"])
    assert inbox.open() == {"F1": 9_970_000}


def test_a_conflict_after_our_own_payment_books_nothing_twice() -> None:
    """Somebody else moved the account and the client repeats: the cause is there, so it is done."""
    inbox = Inbox("changes")
    inbox.take(row("900", "F1"))
    original = inbox.world.dynamo.transact_write_items
    inbox.documents.put("mappings/bank.yaml", BANK.encode())

    def repeated(**request: Any) -> Any:
        original(**request)
        return original(**request)  # fails: everything stands already

    inbox.world.dynamo.transact_write_items = repeated  # type: ignore[method-assign]
    key = "inbox/bank/b.csv"
    inbox.documents.put(
        key, f"payment,amount,ref,inv,paid_on\n{pay('P1', '300', '900')}\n".encode()
    )
    inbox.importer()(key, "1", lambda: AMPLE)
    inbox.world.dynamo.transact_write_items = original  # type: ignore[method-assign]
    inbox.finish(key, "1")
    assert inbox.open() == {"F1": 70_000}
    payments = [
        e for e in inbox.world.table.entries(inbox.account("900").account_id) if e.kind == "payment"
    ]
    assert len(payments) == 1
