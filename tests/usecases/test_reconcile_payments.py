"""Reconciliation: the provider's files against the ledger; missing, extra, different (L25)."""

import csv
import io
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.table import Table
from escalon.domain.payments.payment import PaymentNotice
from escalon.domain.rules.rulebook import Payments
from escalon.usecases.payments.reconcile_payments import (
    Difference,
    ReconcilePayments,
    Report,
    mapping_key,
    report_key,
)
from escalon.usecases.payments.take_notice import TakeNotice
from tests.doubles.crashing import Crash, Crashing, Faults
from tests.doubles.world import NOW, TABLE, receivable, rulebook
from tests.usecases.test_import_receivables import Inbox, row
from tests.usecases.test_manage_payments import WOMPI, Desk, name_of

DAY = timedelta(days=1)
MAPPING = """\
file: {type: changes, delimiter: ","}
dates: year-month-day
numbers: "1234567.89"
zone: America/Bogota
currency: currency
payments:
  - when: {column: type, is: PAYMENT}
    payment_id: id
    receivable_id: reference
    source_ref: document
    amount: amount
    paid_on: day
    at: time
  - when: {column: type, is: REFUND}
    given_back: true
    payment_id: id
    receivable_id: reference
    source_ref: document
    amount: amount
    paid_on: day
    at: time
"""
HEADER = "type,id,reference,document,currency,amount,day,time"
RULES = replace(rulebook(), payments=Payments(providers={"wompi": WOMPI}))


def line(
    payment: str, amount: str = "400", *, reference: str = "", kind: str = "PAYMENT",
    currency: str = "COP", day: str = "2026-09-07", at: str = "10:00", document: str = "",
) -> str:  # fmt: skip
    return f"{kind},{payment},{reference},{document},{currency},{amount},{day},{at}"


class Books(Desk):
    """A desk whose provider sends settlement files."""

    def __init__(self, mapping: str = MAPPING) -> None:
        super().__init__()
        self.documents = Documents(self.world.s3, "bucket")
        self.documents.put(mapping_key("wompi"), mapping.encode())
        self.files = 0

    def reconciler(
        self, faults: Faults | None = None, *, in_production: bool = False
    ) -> ReconcilePayments:
        faults = faults or Faults()
        table = Table(Crashing(self.world.dynamo, faults), TABLE, 1, pause=lambda _: None)
        documents = Documents(Crashing(self.world.s3, faults), "bucket")
        take = TakeNotice(table, self.world.clock, name_of, lambda _="": RULES)
        return ReconcilePayments(
            table, documents, self.world.clock, name_of, take, lambda _="": RULES, "America/Bogota",
            in_production=in_production,
        )  # fmt: skip

    def told(
        self, payment: str, amount: int = 400_00, reference: str = "r1", *, kind: str = "approved",
        at: datetime = NOW, currency: str = "COP", aliases: tuple[str, ...] = (),
    ) -> str:  # fmt: skip
        """What the provider told when it happened."""
        if reference.startswith("r"):
            self.points(reference)
        table = Table(self.world.dynamo, TABLE, 1)
        take = TakeNotice(table, self.world.clock, name_of, lambda _="": RULES)
        notice = PaymentNotice(
            "wompi", f"{payment}-{kind}-{amount}", kind, payment, amount, currency, reference, at,  # type: ignore[arg-type]
            aliases=aliases,
        )  # fmt: skip
        return take(notice, WOMPI)

    def upload(self, *lines: str, name: str = "") -> str:
        self.files += 1
        key = f"settlements/wompi/{name or f'{self.files:03d}'}.csv"
        self.documents.put(key, "\n".join((HEADER, *lines, "")).encode())
        return key

    def reconcile(self, *lines: str, name: str = "") -> Report:
        return self.reconciler()(self.upload(*lines, name=name))


@pytest.fixture
def books() -> Books:
    books = Books()
    books.owes(receivable("r1", open_minor=10_000_00))
    return books


def found(report: Report) -> list[tuple[str, str, str, Any, Any]]:
    return [(d.what, d.payment_id, d.field, d.theirs, d.ours) for d in report.differences]


# ------------------------------------------------------------------------- missing


def test_a_file_that_says_what_we_know_agrees(books: Books) -> None:
    books.told("p1")
    books.told("p2", 70_00, "nobody")
    before = books.world.all_items()
    report = books.reconcile(line("p1"), line("p2", "70"))
    assert (report.state, report.lines, report.payments, report.agreed) == ("done", 2, 2, 2)
    assert (report.unmatched, report.differences) == (1, ())
    assert (report.from_day, report.to_day) == (date(2026, 9, 7), date(2026, 9, 7))
    feed = {
        key: books.world.all_items()[key] for key in books.world.all_items() if "FEED" in key[0]
    }
    assert books.world.all_items() == {**before, **feed}


def test_l25_a_payment_that_was_never_told_is_booked_from_the_file(books: Books) -> None:
    books.points("r1")
    report = books.reconcile(line("p1", "400.50", reference="r1"))
    assert report.differences == (
        Difference(
            "missing", "p1", "COP", datetime.fromisoformat("2026-09-07T10:00:00-05:00"),
            theirs=400_50, reference="r1", became="booked",
        ),
    )  # fmt: skip
    assert books.open() == {"r1": 10_000_00 - 400_50}
    (paid,) = books.facts("paid")
    assert (paid["payment_id"], paid["source"]) == ("wompi:p1", "wompi")
    # The notice comes late after all, and says nothing new.
    books.told("p1", 400_50)
    assert books.open() == {"r1": 10_000_00 - 400_50}
    books.adds_up()


def test_a_payment_of_nobody_that_was_never_told_goes_to_the_list(books: Books) -> None:
    report = books.reconcile(line("p1", document="900123456"))
    assert [d.became for d in report.differences] == ["unmatched"]
    (kept,) = books.manage().unmatched(10)[0].values()
    assert (kept.payment_id, kept.money.amount_minor) == ("wompi:p1", 400_00)
    assert kept.money.reference == "900123456"  # by which it may be suggested


def test_what_came_and_went_in_one_file_is_booked_as_it_stands(books: Books) -> None:
    books.points("r1")
    refund = line("p1", "-150", kind="REFUND", day="2026-09-08", reference="r1")
    report = books.reconcile(line("p1", reference="r1"), refund)
    (one,) = report.differences
    assert (one.theirs, one.given_back_minor, one.became) == (400_00, 150_00, "booked")
    assert books.open() == {"r1": 10_000_00 - 250_00}
    books.adds_up()


def test_a_refund_of_a_payment_that_nobody_knows_is_shown_and_moves_nothing(books: Books) -> None:
    report = books.reconcile(line("p1", "150", kind="REFUND"))
    assert found(report) == [("missing", "p1", "", 0, None)]
    assert report.differences[0].became == ""
    assert books.unmatched() == {}


def test_reconciled_twice_books_once_and_the_second_time_agrees(books: Books) -> None:
    books.points("r1")
    lines = (line("p1", reference="r1"), line("p2", "70"))
    first = books.reconcile(*lines)
    assert [d.became for d in first.differences] == ["booked", "unmatched"]
    again = books.reconcile(*lines)
    assert (again.agreed, again.differences) == (2, ())
    same = books.reconciler()("settlements/wompi/001.csv")
    assert (same.agreed, same.differences) == (2, ())
    assert books.open() == {"r1": 10_000_00 - 400_00}
    assert len(books.unmatched()) == 1


# ------------------------------------------------------------------------- different


@pytest.mark.parametrize(
    ("told", "lines", "differs"),
    [
        ([], [line("p1", "400.01")], [("different", "p1", "amount", 400_01, 400_00)]),
        ([], [line("p1", "399.99")], [("different", "p1", "amount", 399_99, 400_00)]),
        ([], [line("p1", currency="USD")], [("different", "p1", "currency", "USD", "COP")]),
        ([], [line("p1", "250"), line("p1", "150")], []),
        ([], [line("p1"), line("p1", "0.01", kind="REFUND")],
         [("different", "p1", "given_back", 1, 0)]),
        ([("refunded", 150_00)], [line("p1"), line("p1", "-150", kind="REFUND")], []),
        ([("refunded", 150_00)], [line("p1"), line("p1", "-150.01", kind="REFUND")],
         [("different", "p1", "given_back", 150_01, 150_00)]),
        # The refund is of a later day, and stands in a later file.
        ([("refunded", 150_00)], [line("p1")], []),
        ([("refunded", 150_00)], [line("p1", "-50", kind="REFUND")], []),
        ([("chargeback_opened", 400_00)], [line("p1"), line("p1", "-400", kind="REFUND")], []),
        ([("voided", 0)], [line("p1")], [("different", "p1", "given_back", 0, 400_00)]),
        ([("voided", 0)], [line("p1"), line("p1", "-400", kind="REFUND")], []),
    ],
)  # fmt: skip
def test_what_both_have_and_say_differently_is_shown(
    books: Books, told: list[tuple[str, int]], lines: list[str], differs: list[Any]
) -> None:
    books.told("p1")
    for kind, amount in told:
        books.told("p1", amount, kind=kind)
    before = books.open(), books.credits()
    report = books.reconcile(*lines)
    assert found(report) == differs
    assert all(d.account_id == "a1" for d in report.differences)
    assert (books.open(), books.credits()) == before
    assert report.agreed == (0 if differs else 1)


def test_money_on_the_list_is_compared_too(books: Books) -> None:
    books.told("p1", 400_00, "nobody")
    report = books.reconcile(line("p1", "401"))
    assert found(report) == [("different", "p1", "amount", 401_00, 400_00)]
    assert report.unmatched == 1


def test_a_payment_is_known_under_any_of_its_names(books: Books) -> None:
    """A settlement file may name the charge, where the notices name the payment."""
    books.told("pi_1", aliases=("ch_1",))
    assert books.reconcile(line("ch_1")).differences == ()


# ------------------------------------------------------------------------- extra


def on(day: int, hour: int = 15) -> datetime:
    return datetime(2026, 9, day, hour, tzinfo=NOW.tzinfo)


def daily(books: Books, *days: int, without: tuple[str, ...] = ()) -> dict[int, list[str]]:
    """A file each day with that day's payment `p<day>`, unless it is left out; what is extra."""
    extra = {}
    for day in days:
        lines = [line(p, day=f"2026-09-{day:02d}") for p in (f"p{day}", f"q{day}")]
        kept = [each for each in lines if each.split(",")[1] not in without]
        report = books.reconcile(*kept, name=f"2026-09-{day:02d}")
        extra[day] = [d.payment_id for d in report.differences if d.what == "extra"]
    return extra


def test_a_payment_that_no_file_has_is_extra_from_its_second_day_on_for_a_week(
    books: Books,
) -> None:
    """L25 at N−1, N, N+1: not the day before, since the file of its day may be late."""
    for day in range(1, 21):
        books.told(f"p{day}", at=on(day))
        books.told(f"q{day}", at=on(day, 16))
    extra = daily(books, *range(1, 21), without=("p5",))
    assert {day: own for day, own in extra.items() if own} == {n: ["p5"] for n in range(7, 15)}
    report = msgspec.json.decode(
        books.documents.get(report_key("settlements/wompi/2026-09-07.csv")), type=Report
    )
    (one,) = report.differences
    assert (one.ours, one.currency, one.account_id, one.paid_at) == (400_00, "COP", "a1", on(5))
    assert (report.extra_from, report.extra_to) == (date(2026, 9, 1), date(2026, 9, 5))


def test_a_payment_that_the_next_days_file_has_is_not_extra(books: Books) -> None:
    """A provider may settle what was paid late in the evening the day after."""
    for day in range(1, 7):
        books.told(f"p{day}", at=on(day))
        books.told(f"q{day}", at=on(day))
    daily(books, 1, 2, without=("q2",))
    books.reconcile(
        line("p3", day="2026-09-03"),
        line("q2", day="2026-09-03"),
        line("q3", day="2026-09-03"),
        name="3",
    )
    assert daily(books, 4, 5, 6) == {4: [], 5: [], 6: []}


def test_days_before_the_first_file_are_nobodys_to_miss(books: Books) -> None:
    for day in range(1, 12):
        books.told(f"p{day}", at=on(day))
        books.told(f"q{day}", at=on(day))
    extra = daily(books, 6, 7, 8, 9)
    assert extra == {6: [], 7: [], 8: [], 9: []}
    assert daily(books, 11) == {11: []}
    report = books.reconcile(line("p11", day="2026-09-11"), line("q11", day="2026-09-11"))
    assert (report.extra_from, report.extra_to) == (date(2026, 9, 6), date(2026, 9, 9))


def test_a_day_without_a_file_shows_what_is_ours_of_it(books: Books) -> None:
    for day in range(1, 8):
        books.told(f"p{day}", at=on(day))
        books.told(f"q{day}", at=on(day))
    extra = daily(books, 1, 2, 4, 5, 6)
    assert extra[5] == ["p3", "q3"]


def test_a_file_of_a_whole_month_is_looked_through_at_once(books: Books) -> None:
    for day in range(1, 29):
        books.told(f"p{day}", at=on(day))
    lines = [line(f"p{day}", day=f"2026-09-{day:02d}") for day in range(1, 29)]
    report = books.reconcile(
        *(each for each in lines if ",p3," not in each and ",p27," not in each)
    )
    assert [d.payment_id for d in report.differences] == ["p3"]
    assert (report.extra_from, report.extra_to) == (date(2026, 9, 1), date(2026, 9, 26))


@pytest.mark.parametrize("order", list(permutations((1, 2, 3, 5))))
def test_files_in_any_order_end_with_the_same_payment_extra(
    books: Books, order: tuple[int, ...]
) -> None:
    for day in range(1, 6):
        books.told(f"p{day}", at=on(day))
        books.told(f"q{day}", at=on(day))
    daily(books, *order, without=("q2",))
    # Each file again, now that all are there.
    extra = daily(books, 1, 2, 3, 5, without=("q2",))
    assert extra == {1: [], 2: [], 3: [], 5: ["q2"]}


def test_the_day_is_that_of_the_mappings_zone(books: Books) -> None:
    """20:00 in Bogotá is the next day in UTC, and is settled with its own."""
    for day in (1, 2, 3, 4):
        books.told(f"p{day}", at=datetime.fromisoformat(f"2026-09-0{day}T20:00:00-05:00"))
    for day in (1, 2, 3, 4):
        report = books.reconcile(line(f"p{day}" if day != 2 else "x", day=f"2026-09-0{day}"))
    extra = [d for d in report.differences if d.what == "extra"]
    assert [(d.payment_id, report.extra_to) for d in extra] == [("p2", date(2026, 9, 2))]


def test_money_that_went_again_and_money_of_others_is_not_extra(books: Books) -> None:
    books.told("p1", at=on(1))
    books.told("p1", kind="voided", at=on(1))
    books.told("p2", at=on(1), aliases=("ch_2",))
    books.manage()
    report = books.reconcile(
        line("ch_2", day="2026-09-01"), line("z", day="2026-09-04"), name="month"
    )
    assert [d.payment_id for d in report.differences if d.what == "extra"] == []


def test_money_on_the_list_that_no_file_has_is_extra_too(books: Books) -> None:
    """It may never have come; nobody should match it before that is known."""
    books.told("p1", 400_00, "nobody", at=on(1))
    books.told("p2", 400_00, "nobody", at=on(1))
    report = books.reconcile(line("p2", day="2026-09-01"), line("z", day="2026-09-04"))
    extra = [d for d in report.differences if d.what == "extra"]
    assert [(d.payment_id, d.became, d.ours) for d in extra] == [("p1", "unmatched", 400_00)]


# ------------------------------------------------------------------------- files that are not good


def test_bad_lines_are_said_good_ones_compared_and_nothing_is_called_extra(books: Books) -> None:
    for day in range(1, 6):
        books.told(f"p{day}", at=on(day))
    report = books.reconcile(
        line("p1", day="2026-09-01"), line("p2", "4x", day="2026-09-02"),
        line("p5", day="2026-09-05"),
    )  # fmt: skip
    assert (report.lines, report.refused_lines, report.agreed) == (3, 1, 2)
    assert [(p.line, p.column, p.value) for p in report.problems] == [(3, "amount", "4x")]
    assert (report.differences, report.extra_from) == ((), None)


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        (None, "there is no mapping mappings/settlements/wompi.yaml: put it into the bucket"),
        ("file: {type: x}", "wompi.yaml:1:"),
        (MAPPING.replace("amount: amount", "amount: sum"), "001.csv has no column 'sum'"),
        (MAPPING.partition("payments:")[0] + "account: {source_ref: id, name: id}\n",
         "mappings/settlements/wompi.yaml takes no payments: add `payments:`"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(
    books: Books, mapping: str | None, why: str
) -> None:
    if mapping is None:
        del books.world.s3.objects[mapping_key("wompi")]
    else:
        books.documents.put(mapping_key("wompi"), mapping.encode())
    report = books.reconcile(line("p1"))
    assert (report.state, report.differences) == ("refused", ())
    assert why in report.why[0]
    assert books.world.table.load("FEED#wompi", "FEED") is None
    kept = msgspec.json.decode(books.documents.get(report_key("settlements/wompi/001.csv")))
    assert kept["state"] == "refused"


def test_a_provider_that_the_rulebook_does_not_have_is_refused(books: Books) -> None:
    books.documents.put("settlements/acme/1.csv", b"x")
    report = books.reconciler()("settlements/acme/1.csv")
    assert report.why == ("there is no provider acme in the rulebook in force; it has: wompi",)


def test_play_money_is_never_booked_in_production(books: Books) -> None:
    books.points("r1")
    report = books.reconciler(in_production=True)(books.upload(line("p1", reference="r1")))
    assert report.why == ("wompi is a sandbox: its money is no money",)
    assert books.open() == {"r1": 10_000_00}


def test_the_sample_is_taken_with_its_refund_and_without_its_fees(books: Books) -> None:
    samples = Path(__file__).parents[2] / "samples"
    books.documents.put(mapping_key("wompi"), (samples / "settlement_mapping.yaml").read_bytes())
    books.documents.put("settlements/wompi/s.csv", (samples / "settlement.csv").read_bytes())
    report = books.reconciler()("settlements/wompi/s.csv")
    assert (report.state, report.lines, report.payments, report.problems) == ("done", 4, 3, ())
    assert [(d.theirs, d.given_back_minor, d.became) for d in report.differences] == [
        (120_000_00, 0, "unmatched"), (65_300_00, 0, "unmatched"),
        (245_350_00, 45_350_00, "unmatched"),
    ]  # fmt: skip


def test_a_spreadsheet_is_taken_as_well(books: Books) -> None:
    books.documents.put(
        mapping_key("wompi"), MAPPING.replace('delimiter: ","', "format: xlsx").encode()
    )
    books.told("p1")
    book = openpyxl.Workbook()
    book.active.append(HEADER.split(","))
    book.active.append(["PAYMENT", "p1", "", "", "COP", 400, date(2026, 9, 7), "10:00"])
    book.active.append(["REFUND", "p1", "", "", "COP", -150, date(2026, 9, 7), "10:00"])
    packed = io.BytesIO()
    book.save(packed)
    books.documents.put("settlements/wompi/1.xlsx", packed.getvalue())
    report = books.reconciler()("settlements/wompi/1.xlsx")
    assert found(report) == [("different", "p1", "given_back", 150_00, 0)]


def test_an_import_refuses_what_only_a_settlement_file_tells() -> None:
    inbox = Inbox("changes")
    inbox.documents.put("mappings/erp.yaml", MAPPING.encode())
    progress = inbox.take(row("900", "F1"))
    assert progress.state == "refused"
    assert "settlements/<provider>/" in progress.why[0]


# ------------------------------------------------------------------------- reports, feeds, crashes


def test_a_reconciliation_tells_the_feed_of_its_provider(books: Books) -> None:
    books.reconcile(line("p1", at="18:30"))
    mark = books.world.table.load("FEED#wompi", "FEED")
    assert mark is not None
    assert (mark["told_at"], mark["through"]) == ("2026-09-07T15:00:00Z", "2026-09-07T23:30:00Z")


def test_a_file_of_which_no_line_could_be_read_tells_no_feed(books: Books) -> None:
    report = books.reconcile(line("p1", "x"))
    assert (report.state, report.payments) == ("done", 0)
    assert books.world.table.load("FEED#wompi", "FEED") is None
    books.reconcile()
    assert books.world.table.load("FEED#wompi", "FEED") is not None


def test_only_files_without_a_report_are_waiting(books: Books) -> None:
    first, second = books.upload(line("p1")), books.upload(line("p2"))
    books.documents.put("settlements/wompi/old/3.csv", b"x")
    books.documents.put("settlements/readme.txt", b"x")
    assert books.reconciler().waiting() == [first, second]
    books.reconciler()(first)
    assert books.reconciler().waiting() == [second]
    books.reconciler()(second)
    assert books.reconciler().waiting() == []


def test_the_report_is_a_table_for_people_too(books: Books) -> None:
    books.told("p1")
    books.reconcile(line("p1", "400.5"), line("=1+1", "70", reference="+x"), name="f")
    text = books.documents.get("reports/reconciliation/wompi/f.csv.csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0] == {
        "what": "different", "payment": "p1", "paid at": "2026-09-07T15:00:00+00:00",
        "currency": "COP", "field": "amount", "theirs": "400.50", "ours": "400.00",
        "given back": "0.00", "reference": "", "account": "a1", "became": "",
    }  # fmt: skip
    # A spreadsheet would calculate what a stranger has written.
    assert (rows[1]["payment"], rows[1]["reference"], rows[1]["became"]) == (
        "'=1+1", "'+x", "unmatched",
    )  # fmt: skip


def files(books: Books) -> dict[str, bytes]:
    return {key: body for key, (body, _) in books.world.s3.objects.items()}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_call_and_the_file_again_comes_to_the_same(when: Any) -> None:
    """What was missing is still said to have been missing, though it is booked by now."""

    def prepared() -> Books:
        books = Books()
        books.owes(receivable("r1", open_minor=10_000_00))
        books.points("r1")
        books.told("p1", at=on(1))
        books.told("p2", at=on(1))
        return books

    lines = (
        line("p1", "401", day="2026-09-01"),
        line("m1", reference="r1", day="2026-09-04"),
        line("m1", "100", reference="r1", day="2026-09-04", kind="REFUND"),
        line("m2", day="2026-09-04"),
    )
    whole, calls = prepared(), Faults()
    expected = whole.reconciler(calls)(whole.upload(*lines))
    assert found(expected) == [
        ("different", "p1", "amount", 401_00, 400_00),
        ("missing", "m1", "", 400_00, None),
        ("missing", "m2", "", 400_00, None),
        ("extra", "p2", "", None, 400_00),
    ]
    for number in range(1, len(calls.calls) + 1):
        books = prepared()
        key = books.upload(*lines)
        faults = Faults(number, when)
        with suppress(Crash):  # there is no "after" in a call that finds nothing
            books.reconciler(faults)(key)
        assert faults.happened
        if books.reconciler().waiting():
            again = books.reconciler()(key)
            assert found(again) == found(expected), (number, calls.calls)
        assert books.open() == whole.open(), (number, calls.calls)
        assert books.unmatched() == whole.unmatched()
        assert len(books.entries("payment")) == len(whole.entries("payment"))
        kept = msgspec.json.decode(books.documents.get(report_key(key)), type=Report)
        assert found(kept) == found(expected)
        assert books.world.table.load("FEED#wompi", "FEED") is not None
        books.adds_up()


def test_two_that_reconcile_one_file_at_once_book_once() -> None:
    for number in range(1, 14):
        books = Books()
        books.owes(receivable("r1", open_minor=10_000_00))
        books.points("r1")
        key = books.upload(line("m1", reference="r1"), line("m2"))
        faults = Faults(number, "before", lambda b=books, k=key: b.reconciler()(k))
        books.reconciler(faults)(key)
        assert faults.happened
        assert books.open() == {"r1": 10_000_00 - 400_00}
        assert len(books.unmatched()) == 1
        books.adds_up()
