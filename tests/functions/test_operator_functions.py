"""Acts of operators and reconciliation through their handlers: what is answered and logged."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.authoring.rulebook import sealed
from escalon.domain.account import Account, Receivable
from escalon.domain.calendar import Calendar
from escalon.domain.contact.policy import Holidays, Layer, Policy, Provenance, Recipients
from escalon.domain.identity import account_id_of
from escalon.domain.payments.payment import Incoming, PaymentState, Said
from escalon.domain.rules.rulebook import InterestTerms, RateTable
from escalon.domain.storage import Change, Stored
from escalon.usecases.payments.book_payments import BookPayments, NowhereError
from escalon.usecases.payments.reconcile_payments import mapping_key
from escalon.usecases.runs import feeds
from tests.doubles.publishing import put_in_force
from tests.functions.conftest import IDENTITY_KEY, NOW, Aws, Invocation
from tests.functions.test_functions import event

DEBTOR, PAYMENT = "aevents0operators", "wompi:01-7000001"
UNMATCHED = account_id_of(IDENTITY_KEY, PAYMENT)
PERSONAL = ("Fabiola", "Guzmán", "73000001", "FA-OPERATORS", "operator-1", DEBTOR, "soporte")
SETTLEMENTS = """\
file: {type: changes, delimiter: ","}
zone: America/Bogota
currency: always COP
payments: {payment_id: id, receivable_id: reference, amount: amount, paid_at: at}
"""


def answer(done: Invocation) -> tuple[int, Any]:
    assert [word for word in PERSONAL if word in done.log] == []
    assert done.answer["headers"] == {
        "Content-Type": "application/json", "Cache-Control": "no-store",
    }  # fmt: skip
    return done.answer["statusCode"], json.loads(done.answer["body"])


@pytest.fixture
def owing(aws: Aws) -> Aws:
    """Somebody owes 150,000 pesos; 90,000 came from nobody knows whom."""
    owed = Receivable(
        "FA-OPERATORS-1", "andina", "FA-OPERATORS-1", date(2026, 9, 1), date(2026, 10, 2), "COP",
        15_000_000, 15_000_000, date(2026, 9, 1),
    )  # fmt: skip
    account = Account(DEBTOR, "73000001", "Fabiola Guzmán", country="CO", receivables=(owed,))
    table = aws.deployed.table
    table.update(Change(Stored(account, 0), account, NOW, ()), table.put_receivable(DEBTOR, owed))
    pointer = {"account_id": DEBTOR, "receivable_id": "FA-OPERATORS-1"}
    name = account_id_of(IDENTITY_KEY, "FA-OPERATORS-1")
    table.save(table.put_document(f"REF#{name}", "REF", pointer))
    at = NOW - timedelta(hours=1)
    money = Incoming(PAYMENT, "wompi", "COP", at, PaymentState(approved=Said(9_000_000, at)))

    def name_of(reference: str) -> str:
        return account_id_of(IDENTITY_KEY, reference)

    class Fixed:
        def now(self) -> Any:
            return NOW

    book = BookPayments(table, Fixed(), name_of, lambda _="": None)
    book.keep_unmatched(money, NowhereError("unknown_reference"))
    return aws


def owed(aws: Aws) -> int:
    stored = aws.deployed.table.get(DEBTOR)
    assert stored is not None
    return sum(receivable.open_minor for receivable in stored.account.receivables)


# ------------------------------------------------------------------------------- payments


def test_payments_lists_unmatched_money_with_what_speaks_for_whom(owing: Aws) -> None:
    status, found = answer(owing.invoke("Payments", event("payments/unmatched.json")))
    assert (status, found["more"], found["looked_at_all"]) == (200, False, True)
    (one,) = found["unmatched"]
    assert (one["id"], one["payment_id"], one["amount_minor"]) == (UNMATCHED, PAYMENT, 9_000_000)


def test_payments_matches_money_once(owing: Aws) -> None:
    asked = event("payments/match.json")
    asked["pathParameters"]["id"] = UNMATCHED
    for again in (False, True):
        status, found = answer(owing.invoke("Payments", asked))
        assert (status, found["done"], found["again"]) == (200, "matched", again)
    assert owed(owing) == 6_000_000
    assert list(owing.deployed.table.listed("unmatched")) == []


def test_payments_waives_what_the_role_may_and_no_more(owing: Aws) -> None:
    done = owing.invoke("Payments", event("payments/waive.json"))
    status, found = answer(done)
    assert (status, found["done"], found["open_minor"]) == (200, "waived", 11_000_000)
    assert done.counted("Operators_200") == 1
    done = owing.invoke("Payments", event("payments/waive_too_much.json"))
    status, found = answer(done)
    assert (status, found["problems"][0]["field"]) == (403, "amounts_minor")
    assert found["problems"][0]["remedy"] == "ask supervisor"
    assert done.counted("Operators_403") == 1
    assert owed(owing) == 11_000_000


def test_payments_says_all_that_is_wrong_with_a_form(owing: Aws) -> None:
    status, found = answer(owing.invoke("Payments", event("payments/wrong.json")))
    assert status == 400
    assert [p["field"] for p in found["problems"]] == ["why", "amount_minor", "currency"]


def test_payments_does_nothing_for_whoever_has_not_signed(owing: Aws) -> None:
    status, _ = answer(owing.invoke("Payments", event("payments/unsigned.json")))
    assert status == 403
    assert owed(owing) == 15_000_000


def test_payments_that_fails_says_so_and_names_nobody(owing: Aws) -> None:
    owing.physical["ReceivablesTable"] = "there-is-no-such-table"
    done = owing.invoke("Payments", event("payments/waive.json"))
    status, found = answer(done)
    assert (status, found["problems"][0]["problem"]) == (500, "something failed")
    (line,) = done.said("operator_not_answered")
    assert line["error"] == "ResourceNotFoundException"


# ------------------------------------------------------------------------------- reconciliation


def settle(aws: Aws, text: str, key: str) -> None:
    aws.deployed.documents.put(mapping_key("wompi"), SETTLEMENTS.encode())
    aws.deployed.documents.put(key, text.encode())


@pytest.mark.parametrize(
    "path", ["reconcile_payments/daily.json", "reconcile_payments/by_hand.json"]
)
def test_reconcile_payments_books_what_was_missing_and_reports(owing: Aws, path: str) -> None:
    key = "settlements/wompi/20261005T090000-octubre.csv"
    for stale in list(owing.deployed.documents.keys("reports/reconciliation/")):
        owing.client("s3").delete_object(Bucket="documents", Key=stale)
    settle(owing, (
        "id,reference,amount,at\n"
        "01-7000001,,90000,2026-10-05T08:00:00-05:00\n"
        "01-7000002,FA-OPERATORS-1,50000,2026-10-05T08:30:00-05:00\n"
    ), key)  # fmt: skip
    done = owing.invoke("ReconcilePayments", event(path))
    assert done.answer == {"files": 1}
    (line,) = done.said("reconciled")
    assert (line["provider"], line["payments"], line["missing"], line["extra"]) == (
        "wompi", 2, 1, 0,
    )  # fmt: skip
    assert (done.counted("ReconciliationDifferences"), done.counted("SettlementsNotRead")) == (1, 0)
    assert owed(owing) == 10_000_000
    report = json.loads(
        owing.deployed.documents.get(f"reports/reconciliation/{key.partition('/')[2]}.json")
    )
    (one,) = report["differences"]
    assert (one["payment_id"], one["became"]) == ("01-7000002", "booked")
    assert [word for word in PERSONAL if word in done.log] == []
    assert owing.invoke("ReconcilePayments", event("reconcile_payments/daily.json")).answer == {
        "files": 0
    }


def test_reconcile_payments_counts_a_file_that_it_cannot_read(owing: Aws) -> None:
    key = "settlements/wompi/20261005T090000-octubre.csv"
    settle(owing, "id,amount\n1,5\n", key)
    done = owing.invoke("ReconcilePayments", event("reconcile_payments/by_hand.json"))
    assert done.counted("SettlementsNotRead") == 1
    assert done.said("reconciled")[0]["state"] == "refused"


def test_reconcile_payments_of_a_file_that_is_not_there_fails_without_its_words(
    owing: Aws,
) -> None:
    owing.client("s3").delete_object(
        Bucket="documents", Key="settlements/wompi/20261005T090000-octubre.csv"
    )
    done = owing.invoke("ReconcilePayments", event("reconcile_payments/by_hand.json"))
    assert done.answer["errorType"] == "ReconciliationFailedError"
    assert done.answer["errorMessage"].startswith("NoDocumentError at documents.py:")


# ------------------------------------------------------------------------------- feeds


def test_sweep_counts_no_stale_feed_where_no_creditor_has_one(aws: Aws) -> None:
    done = aws.invoke("Sweep", event("sweep/scheduled.json"))
    assert done.counted("HolidaysEnding") == 0
    assert done.counted("StaleFeeds") == 0
    assert done.said("feeds_stale") == []


def test_l7_sweep_counts_the_feeds_that_are_silent(aws: Aws) -> None:
    before = aws.rulebook
    andina = replace(before.creditors["andina"], feeds=("bank",))
    payments = replace(before.payments, feeds={"bank": 36})
    creditors = {**before.creditors, "andina": andina}
    put_in_force(aws.deployed, sealed(replace(before, creditors=creditors, payments=payments)))
    try:
        done = aws.invoke("Sweep", event("sweep/scheduled.json"))
        assert done.counted("StaleFeeds") == 1
        assert done.counted("RatesMissing") == 0
        assert done.said("feeds_stale")[0]["feeds"] == ["bank"]
        feeds.told(aws.deployed.table, "bank", NOW - timedelta(hours=36), None)
        assert aws.invoke("Sweep", event("sweep/scheduled.json")).counted("StaleFeeds") == 0
    finally:
        put_in_force(aws.deployed, before)


def test_sweep_counts_the_countries_whose_holidays_are_ending(aws: Aws) -> None:
    before = aws.rulebook
    about = Provenance("test")
    everybody = Recipients(about, allow=("debtor",))
    layer = Layer("law", "country", everybody, holidays=Holidays(about, "CO"))
    this_year = Policy((layer,), {"CO": Calendar("CO", (NOW.year - 1,), ())})
    policies = {**before.contact_policies, "CO": this_year}
    put_in_force(aws.deployed, sealed(replace(before, contact_policies=policies)))
    try:
        done = aws.invoke("Sweep", event("sweep/scheduled.json"))
        assert done.counted("HolidaysEnding") == 1
        assert done.said("holidays_ending")[0]["countries"] == ["CO"]
    finally:
        put_in_force(aws.deployed, before)


def test_sweep_counts_the_months_without_a_rate(aws: Aws) -> None:
    before = aws.rulebook
    terms = InterestTerms("usura", since=NOW.date(), currencies=("COP",))
    andina = replace(before.creditors["andina"], interest=terms)
    creditors = {**before.creditors, "andina": andina}
    rates = {"usura": RateTable("usura", {})}
    put_in_force(aws.deployed, sealed(replace(before, creditors=creditors, rates=rates)))
    try:
        done = aws.invoke("Sweep", event("sweep/scheduled.json"))
        assert done.counted("RatesMissing") == 1
        assert done.said("rates_missing")[0]["months"] == [f"usura {NOW:%Y-%m}"]
    finally:
        put_in_force(aws.deployed, before)
