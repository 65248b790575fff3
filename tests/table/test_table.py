"""The table gateway keeps its word on every table that we test with."""

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.adapters.table import Table, UnwritableError
from escalon.domain.account import Account, Consent, ContactPoint, ContactRecord, StepRecord
from escalon.domain.decisions.intents import intent_id
from escalon.domain.payments.ledger import LedgerEntry
from escalon.domain.payments.payment import BookedPayment, Part, PaymentState, Said
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, DueItem, Stored
from tests.doubles.world import NOW, debtor, receivable

HOUR = timedelta(hours=1)


def put(table: Table, account: Account, look_at: Any = NOW) -> Stored:
    return table.update(Change(Stored(account, 0), account, look_at, ()))


def due_ids(table: Table, **more: Any) -> list[str]:
    page, _ = table.due("due#000", NOW, limit=100, **more)
    return [item.account_id for item in page]


# -------------------------------------------------------------------------------- accounts


def test_an_account_comes_back_as_it_was_written(table: Table) -> None:
    assert table.get("a1") is None
    written = put(table, debtor())
    found = table.get("a1")
    assert found == written
    assert found is not None
    assert (found.account, found.version, found.look_at) == (debtor(), 1, "2026-09-07T15:00:00Z")


def test_a_write_names_the_version_it_was_made_from(table: Table) -> None:
    first = put(table, debtor())
    second = table.update(Change(first, replace(debtor(), name="B"), NOW, (), "run|act|"))
    assert (second.version, second.run) == (2, "run|act|")
    with pytest.raises(ConflictError):
        table.update(Change(first, replace(debtor(), name="C"), NOW, ()))
    with pytest.raises(ConflictError):
        put(table, debtor())
    third = table.update(Change(second, debtor(), NOW, ()))
    assert third.run == "run|act|"  # kept until a run decides again
    assert third == table.get("a1")


def test_an_account_without_a_next_look_leaves_the_due_index(table: Table) -> None:
    stored = put(table, debtor())
    assert due_ids(table) == ["a1"]
    stored = table.update(Change(stored, debtor(), None, ()))
    assert due_ids(table) == []
    table.update(Change(stored, debtor(), NOW, ()))
    assert due_ids(table) == ["a1"]


def test_many_accounts_are_read_at_once_and_the_unreadable_left_out(table: Table) -> None:
    ids = [f"a{number}" for number in range(120)]
    for account_id in ids[:110]:
        put(table, debtor(account_id))
    table._client.put_item(
        TableName=table.name,
        Item={"pk": {"S": "A#a3"}, "sk": {"S": "A"}, "doc": {"S": "{}"}, "run": {"S": "r|failed|"}},
    )
    found = table.get_many([*ids, "a1", "a1"])
    assert len(found) == 109
    assert table.run_marks([*ids, "a3"])["a3"] == "r|failed|"


# ------------------------------------------------------------------------------- statements


def test_a_batch_writes_each_account_on_its_own_condition(statements: Table) -> None:
    stored = [put(statements, debtor(f"a{number}")) for number in range(60)]
    moved = statements.update(Change(stored[30], debtor("a30"), NOW, ()))
    changes = [
        Change(one, replace(one.account, name="new"), NOW + HOUR, ({"fact": "f"},), "r|act|")
        for one in stored
    ]
    results = statements.update_many(changes)
    assert [number for number, became in enumerate(results) if became != "done"] == [30]
    assert results[30] == "conflict"
    assert statements.get("a30") == moved
    found = statements.get("a31")
    assert found is not None
    assert (found.account.name, found.version, found.run) == ("new", 2, "r|act|")
    assert found.look_at == "2026-09-07T16:00:00Z"
    assert statements.update_many(changes) == ["conflict"] * 60


def test_a_statement_takes_an_account_out_of_the_due_index(statements: Table) -> None:
    stored = put(statements, debtor())
    assert statements.update_many([Change(stored, debtor(), None, ())]) == ["done"]
    assert due_ids(statements) == []


def test_a_statement_about_nobody_is_a_conflict(statements: Table) -> None:
    change = Change(Stored(debtor("nobody"), 3), debtor("nobody"), NOW, ())
    assert statements.update_many([change]) == ["conflict"]
    assert statements.get("nobody") is None


# -------------------------------------------------------------------------------- due index


@pytest.mark.parametrize(("seconds", "due"), [(-1, ["a1"]), (0, ["a1"]), (1, [])])
def test_an_account_is_due_from_its_instant_on(table: Table, seconds: int, due: list[str]) -> None:
    put(table, debtor(), NOW + timedelta(seconds=seconds))
    assert due_ids(table) == due


def test_the_due_index_is_read_page_by_page_oldest_first(table: Table) -> None:
    for number in range(25):
        put(table, debtor(f"a{number:02d}"), NOW - timedelta(minutes=number))
    found: list[DueItem] = []
    after: Any = None
    pages = 0
    while True:
        page, after = table.due("due#000", NOW, limit=10, after=after)
        found.extend(page)
        pages += 1
        if after is None:
            break
    assert [item.account_id for item in found] == [f"a{n:02d}" for n in reversed(range(25))]
    assert pages == 3
    assert [item.account_id for item in table.standing()] == [i.account_id for i in found]


def test_what_stands_in_the_due_index_may_be_a_receivable_or_broken(table: Table) -> None:
    table.save(table.put_receivable("a1", receivable(), NOW))
    item = {
        "pk": {"S": "A#bad"},
        "sk": {"S": "A"},
        "v": {"N": "1"},
        "doc": {"S": '{"account_id": "bad", "source_ref": "900123456", "name": 7}'},
        "due_shard": {"S": "due#000"},
        "look_at": {"S": "2026-09-07T14:00:00Z"},
    }
    table._client.put_item(TableName=table.name, Item=item)
    (scheduled,) = table.due("issue#000", NOW, limit=10)[0]
    assert scheduled.receivable == receivable()
    (bad,) = table.due("due#000", NOW, limit=10)[0]
    assert (bad.account_id, bad.stored, bad.broken) == ("bad", None, "ValidationError at `$.name`")


def test_setting_aside_moves_an_item_once(table: Table) -> None:
    put(table, debtor())
    (item,) = table.due("due#000", NOW, limit=10)[0]
    assert table.set_aside(item, NOW + HOUR, "because", "r|failed|") is True
    assert due_ids(table) == []
    assert table.set_aside(item, NOW, "again", "r|failed|") is False
    found = table.get("a1")
    assert found is not None
    assert (found.version, found.run, found.look_at) == (1, "r|failed|", "2026-09-07T16:00:00Z")


def test_setting_aside_somebody_who_moved_does_nothing(table: Table) -> None:
    stored = put(table, debtor())
    (item,) = table.due("due#000", NOW, limit=10)[0]
    table.update(Change(stored, debtor(), None, ()))
    assert table.set_aside(item, NOW + HOUR, "because", "r|failed|") is False


# ------------------------------------------------------------------------------ transactions


def entry(entry_id: str = "e1") -> LedgerEntry:
    return LedgerEntry(entry_id, "a1", "andina", "r1", "payment", -5, "COP", NOW, "p1")


def test_a_cause_succeeds_once_in_all(table: Table) -> None:
    stored = put(table, debtor())
    once = table.once("payment:p1", {"amount_minor": 5})
    stored = table.update(Change(stored, debtor(), NOW, ()), table.put_entry(entry()), once)
    assert table.entries("a1") == [entry()]
    assert table.load("CAUSE#payment:p1", "CAUSE") == {"amount_minor": 5}
    with pytest.raises(AlreadyDoneError):
        table.update(Change(stored, debtor(), NOW, ()), once)
    with pytest.raises(AlreadyDoneError):
        table.update(Change(stored, debtor(), NOW, ()), table.put_entry(entry()))
    assert table.get("a1") == stored


def test_a_moved_account_is_a_conflict_even_if_the_cause_stands_too(table: Table) -> None:
    first = put(table, debtor())
    once = table.once("payment:p1", {})
    table.update(Change(first, debtor(), NOW, ()), once)
    with pytest.raises(ConflictError):
        table.update(Change(first, debtor(), NOW, ()), once)
    with pytest.raises(ConflictError):
        table.update(Change(first, debtor(), NOW, ()), table.once("another", {}))
    assert table.load("CAUSE#another", "CAUSE") is None


def test_a_transaction_of_a_hundred_items_is_taken_and_one_more_refused(table: Table) -> None:
    stored = put(table, debtor())
    items = [table.put_document("A#a1", f"X#{number}", {}) for number in range(100)]
    stored = table.update(Change(stored, debtor(), NOW, ()), *items[:99])
    with pytest.raises(UnwritableError):
        table.update(Change(stored, debtor(), NOW, ()), *items)


def test_an_item_twice_in_a_transaction_can_never_be_written(statements: Table) -> None:
    stored = put(statements, debtor())
    item = statements.put_document("A#a1", "X#1", {})
    with pytest.raises(UnwritableError):
        statements.update(Change(stored, debtor(), NOW, ()), item, item)


def test_a_document_has_versions_of_its_own(table: Table) -> None:
    put_it = table.put_document("IMPORT#1", "IMPORT", {"rows": 1})
    table.replace(put_it, 0)
    with pytest.raises(ConflictError):
        table.replace(put_it, 0)
    table.replace(table.put_document("IMPORT#1", "IMPORT", {"rows": 2}), 1)
    with pytest.raises(ConflictError):
        table.replace(put_it, 1)
    assert table.load("IMPORT#1", "IMPORT") == {"rows": 2}


def test_a_document_of_a_transaction_has_its_version_too(table: Table) -> None:
    """Whoever settles what a person may settle at the same time is the only one who does."""
    stored = put(table, debtor())
    kept = table.put_document("UNMATCHED#1", "UNMATCHED", {"became": ""})
    settled = table.put_document("UNMATCHED#1", "UNMATCHED", {"became": "matched"})
    table.replace(kept, 0)
    stored = table.update(Change(stored, debtor(), NOW, ()), table.versioned(settled, 1))
    with pytest.raises(AlreadyDoneError):
        table.update(Change(stored, debtor(), NOW, ()), table.versioned(kept, 1))
    with pytest.raises(AlreadyDoneError):
        table.update(Change(stored, debtor(), NOW, ()), table.versioned(kept, 0))
    assert table.get("a1") == stored
    table.replace(settled, 2)
    assert table.load("UNMATCHED#1", "UNMATCHED") == {"became": "matched"}


# -------------------------------------------------------------------------------- payments


def payment(payment_id: str, *parts: Part) -> BookedPayment:
    state = PaymentState(approved=Said(900, NOW), declined=True)
    return BookedPayment(
        payment_id, "stripe", "andina", "COP", NOW, state, "r1", ("r1",), "r1", parts, 2
    )


def test_a_payment_comes_back_as_it_was_written(table: Table) -> None:
    stored = put(table, debtor())
    settles = payment("stripe:pi_1", Part("r1", "interest", 30), Part("", "principal", 870))
    many = payment("P 2", *(Part(f"r{number:04d}", "principal", 7) for number in range(1_000)))
    table.update(
        Change(stored, debtor(), NOW, ()),
        table.put_payment("a1", settles),
        table.put_payment("a1", many),
    )
    assert table.payments("a1") == [many, settles]
    assert table.payments("a2") == []


def test_an_account_is_read_with_what_is_asked_for_around_it(table: Table) -> None:
    stored = put(table, debtor())
    stored = table.update(
        Change(stored, debtor(), NOW, ()),
        table.put_receivable("a1", receivable("r1")),
        table.put_receivable("a1", receivable("r2"), NOW),
        table.put_receivable("a1", receivable("r3")),
        table.put_payment("a1", payment("p1")),
        table.put_payment("a1", payment("p2")),
    )
    found = table.around("a1", ("r1", "r2", "r9", "r1"), ("p1", "p9"))
    assert found.stored == stored
    assert {name: named.scheduled for name, named in found.named.items()} == {
        "r1": False,
        "r2": True,
    }
    assert found.booked == {"p1": payment("p1")}
    nobody = table.around("a2", ("r1",), ("p1",))
    assert (nobody.stored, nobody.named, nobody.booked) == (None, {}, {})


# ----------------------------------------------------------------------- everything else


def test_named_receivables_say_whether_they_are_still_to_be_issued(table: Table) -> None:
    table.save(table.put_receivable("a1", receivable("r1")))
    table.save(table.put_receivable("a1", receivable("r2"), NOW))
    found = table.named_receivables([("a1", "r1"), ("a1", "r2"), ("a1", "r1"), ("a2", "r1")])
    assert {key: named.scheduled for key, named in found.items()} == {
        ("a1", "r1"): False,
        ("a1", "r2"): True,
    }
    assert [r.receivable_id for r in table.receivables("a1")] == ["r1", "r2"]
    assert [r.receivable_id for r in table.issued_receivables("a1")] == ["r1"]


def test_documents_are_listed_in_order_or_the_newest_first(table: Table) -> None:
    for number in range(5):
        look_at = f"2026-09-0{number + 1}"
        table.save(
            table.put_document(f"RUN#{number}", "RUN", {"n": number}, due_shard="runs",
                               look_at=look_at)
        )  # fmt: skip
    assert [d["n"] for d in table.listed("runs")] == [0, 1, 2, 3, 4]
    assert [d["n"] for d in table.listed("runs", newest=2)] == [4, 3]
    table.save(table.put_document("RUN#4", "RUN", {"n": 4}))
    assert [d["n"] for d in table.listed("runs")] == [0, 1, 2, 3]


def test_a_new_document_is_not_written_over_another(table: Table) -> None:
    one = table.put_document("X#1", "X", {"n": 1})
    table.save(one, new=True)
    with pytest.raises(AlreadyDoneError):
        table.save(table.put_document("X#1", "X", {"n": 2}), new=True)
    assert table.load("X#1", "X") == {"n": 1}
    assert table.load_many([("X#1", "X"), ("X#2", "X")]) == {("X#1", "X"): {"n": 1}}
    assert table.documents("X#1", "X") == [{"n": 1}]


def test_scans_find_accounts_and_documents(table: Table) -> None:
    put(table, debtor("a1"))
    put(table, debtor("a2"), None)
    table.save(table.put_document("A#a1", "M#m1", {"state": "sent"}))
    assert sorted(stored.account.account_id for stored in table.all_accounts()) == ["a1", "a2"]
    assert list(table.all_documents("M#")) == [{"state": "sent", "_account_id": "a1"}]


# ------------------------------------------------------------------------------------- size


def test_the_largest_account_stays_under_32_kb(table: Table) -> None:
    """Twenty receivables that each carried eleven steps, contacts on 35 days, long names."""
    steps = {
        f"friendly-again-{n}": StepRecord(NOW, "delivered", "email", intent_id("s", n))
        for n in range(11)
    }
    owed = tuple(
        replace(
            receivable(f"FV-2026-{number:06d}", creditor="almacenes-andina"),
            steps={
                name: replace(s, intent_id=intent_id(number, name)) for name, s in steps.items()
            },
        )
        for number in range(20)
    )
    points = tuple(
        ContactPoint(f"p{n:012d}", "email", f"nombre.apellido.{n}@example.com",
                     Consent(date(2025, 1, 1), "formulario 1234 de 2025"))
        for n in range(4)
    )  # fmt: skip
    contacts = tuple(
        ContactRecord(intent_id("c", n), "email", NOW, "almacenes-andina") for n in range(35)
    )
    account = replace(debtor("a" * 25), receivables=owed, points=points, contacts=contacts)
    stored = put(table, account)
    item = table._client.get_item(
        TableName=table.name, Key={"pk": {"S": f"A#{account.account_id}"}, "sk": {"S": "A"}}
    )["Item"]
    doc = next(iter(item["doc"].values()))
    assert len(doc) < 32_000
    assert stored == table.get(account.account_id)
    (found,) = table.due("due#000", NOW, limit=10)[0]
    assert found.stored == stored


def test_a_large_account_is_written_by_a_statement(statements: Table) -> None:
    stored = put(statements, debtor())
    large = replace(debtor(), tags=tuple(f"tag-{number:06d}" for number in range(3000)))
    assert statements.update_many([Change(stored, large, NOW, ())]) == ["done"]
    found = statements.get("a1")
    assert found is not None
    assert found.account == large


def test_an_ordinary_account_can_be_read_in_the_console(table: Table) -> None:
    put(table, debtor())
    key = {"pk": {"S": "A#a1"}, "sk": {"S": "A"}}
    item = table._client.get_item(TableName=table.name, Key=key)["Item"]
    assert '"Ana Gómez"' in item["doc"]["S"]
