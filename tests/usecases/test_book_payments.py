"""Booking payments: what one transaction holds, what takes several, and who finishes it."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.domain.account import ContactRecord, Link, StepRecord
from escalon.domain.payments import ledger
from escalon.domain.payments.payment import Incoming, PaymentState, Said
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError
from escalon.usecases.payments.book_payments import OfAccount, UnmatchedMoney
from escalon.usecases.payments.ledger_writes import all_open, write
from tests.doubles.crashing import Crash, Faults
from tests.doubles.payments import (
    STRIPE,
    WOMPI,
    booked,
    check_books,
    movements,
    notice,
    on_list,
    owed,
)
from tests.doubles.world import NOW, OneRulebook, World, receivable
from tests.usecases.test_co_debtor_messages import SECOND_RUN, beto, rules

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COP = "andina|COP"


def owing(count: int, each: int = 10, **more: Any) -> World:
    """Somebody with so many invoices, the first due first."""
    world = World()
    world.owe(
        *(receivable(f"r{n:03d}", late=400 - n, open_minor=each, **more) for n in range(count))
    )
    return world


def take(world: World, *said: Any, faults: Faults | None = None, **more: Any) -> str:
    return world.take_notice(faults)(notice(*said, **{"reference": "r000", **more}), STRIPE)


def transactions(faults: Faults) -> int:
    return faults.calls.count("transact_write_items")


def incoming(payment_id: str = "P1", amount: int = 10, **more: Any) -> Incoming:
    paid_at = more.pop("paid_at", NOW)
    state = PaymentState(approved=Said(amount, paid_at))
    return Incoming(payment_id, "import bank", "COP", paid_at, state, **more)


def book_again(world: World, *money: Incoming) -> Any:
    """Book more that is said of payments that are booked."""
    around = world.table.around("a1", (), [one.payment_id for one in money])
    own = OfAccount("a1", around.stored, list(money), booked=around.booked)
    return world.book_payments()(own)


def spoken_to(world: World, times: int) -> None:
    """Messages m0, m1, … have just left."""
    account = world.account()
    for number in range(times):
        message = {"message_id": f"m{number}"}
        world.table.save(world.table.put_document("A#a1", f"M#m{number}", message))
    contacts = tuple(ContactRecord(f"m{n}", "email", NOW, "andina") for n in range(times))
    world.put(replace(account, contacts=contacts))


def book(world: World, *money: Incoming, faults: Faults | None = None, **more: Any) -> Any:
    around = world.table.around("a1", [m.receivable_id for m in money if m.receivable_id], ())
    own = OfAccount("a1", around.stored, list(money), around.named, **more)
    return world.book_payments(faults)(own)


# ------------------------------------------------------------------- more than one holds


@pytest.mark.parametrize(
    ("count", "over", "expected"),
    [
        (1, 0, 1),
        (42, 0, 1),
        (42, 1, 3),  # the credit's entry is one too many: as credit, 42 of it, nothing more fits
        (43, 0, 3),
        (84, 0, 3),
        (90, 5, 4),
    ],
)
def test_a_payment_is_as_many_transactions_as_it_needs(
    count: int, over: int, expected: int
) -> None:
    world, faults = owing(count), Faults()
    assert take(world, "approved", 10 * count + over, faults=faults) == "booked"
    assert transactions(faults) == expected
    assert owed(world) == {}
    assert world.account().credits == ({COP: over} if over else {})
    assert world.account().spreading == ()
    check_books(world)


def test_a_payment_that_crossed_messages_and_has_many_names_still_fits() -> None:
    """42 receivables, the account, the payment, what told us, four names, the list, 5 messages."""
    world, faults = owing(42, 100_00), Faults()
    spoken_to(world, 6)
    aliases = ("ch_1", "cs_1", "txn_1")
    assert take(world, "approved", 42 * 100_00, faults=faults, aliases=aliases) == "booked"
    assert transactions(faults) == 1
    marked = [m["message_id"] for m in world.messages() if "crossed_by" in m]
    assert marked == ["m1", "m2", "m3", "m4", "m5"]  # the latest ones
    check_books(world)


def told_both() -> World:
    """Ana owes r1 and was told at NOW; the message to Beto, who answers for it, is planned a
    quarter of an hour later."""
    world = World()
    world.rulebooks = OneRulebook(rules())
    world.owe(receivable("r1"))
    world.put(replace(world.account(), links=(Link("b2", "codebtor"),)))
    world.put(beto(), None)
    world.run(NOW)
    world.clock.at = SECOND_RUN
    world.sweep()(SECOND_RUN)
    world.work_off("escalate")
    return world


def crossed_by(world: World) -> dict[str, list[str]]:
    return {m["account_id"]: m["crossed_by"] for m in world.messages() if "crossed_by" in m}


@pytest.mark.parametrize(("minutes", "crossed"), [(0, {"a1", "b2"}), (5, {"b2"}), (16, set[str]())])
def test_a_message_to_a_codebtor_that_left_after_the_money_says_so(
    minutes: int, crossed: set[str]
) -> None:
    world = told_both()
    world.work_off()
    world.clock.at = NOW + HOUR
    paid_at = NOW + timedelta(minutes=minutes)
    book(world, incoming("P1", 10, paid_at=paid_at, creditor="andina"))
    assert crossed_by(world) == {who: ["P1"] for who in crossed}
    (fact,) = world.facts("a1", "paid")
    assert len(fact.get("crossed", ())) == len(crossed)


def test_a_message_to_a_codebtor_that_is_leaving_right_now_says_so() -> None:
    world = told_both()
    world.take("email", Faults(6, "before"))  # claimed, and not yet with the provider
    book(world, incoming("P1", 10, paid_at=SECOND_RUN + HOUR, creditor="andina"))
    assert crossed_by(world) == {"b2": ["P1"]}


def test_a_message_to_a_codebtor_about_another_creditors_debt_was_not_crossed() -> None:
    world = told_both()
    world.work_off()
    world.owe(receivable("r2", creditor="other"))
    book(world, incoming("P1", 10, paid_at=NOW + HOUR / 12, creditor="other"))
    assert crossed_by(world) == {}


def test_components_of_many_receivables_are_spread_in_the_order_of_the_law() -> None:
    """Civil Code 1653: all fees and interest before any principal, however it is cut up."""
    world = owing(60, 1_000)
    stored = world.table.get("a1")
    assert stored is not None
    opened = all_open(world.table, stored.account)
    for owed_one in opened:
        stored = world.table.get("a1")
        assert stored is not None
        before = all_open(world.table, stored.account)
        booking = ledger.charge_extra(
            ledger.whole(stored.account, before), owed_one, "interest", 7,
            booked_at=NOW, cause="interest",
        )  # fmt: skip
        write(
            world.table, stored, booking.account, before, booking.changed, booking.entries, now=NOW
        )
    take(world, "approved", 60 * 7 + 25 * 1_000, reference="r040")
    check_books(world)
    left = owed(world)
    # r040, which is named, whole; all interest; then the principal of the 24 oldest.
    assert left == {f"r{n:03d}": 1_000 for n in range(24, 60) if n != 40}


def test_an_account_with_many_receivables_is_paid_where_they_stand_beyond() -> None:
    world = owing(30)
    assert world.account().beyond[COP].count == 10
    take(world, "approved", 25, reference="r029")
    check_books(world)
    assert owed(world)["r001"] == 5
    assert "r029" not in owed(world)
    assert [r.receivable_id for r in world.account().receivables][:2] == ["r001", "r002"]


# ----------------------------------------------------------------------- cut short


def spreading_cut_at(number: int, when: Any = "after") -> World:
    """A payment of 90 receivables and 5 more, whose process died at its N-th transaction."""
    world, faults = owing(90), _AtTransaction(number, when)
    with pytest.raises(Crash):
        take(world, "approved", 905, faults=faults)
    check_books(world)
    return world


class _AtTransaction(Faults):
    """Strikes before or after the N-th transaction."""

    def __init__(self, number: int, when: Any, instead: Any = None) -> None:
        super().__init__(0, when, instead)
        self._left = number

    def call(self, name: str, work: Any, request: Any, arguments: tuple[Any, ...] = ()) -> Any:
        if name == "transact_write_items":
            self._left -= 1
            if self._left == 0:
                self._number = len(self.calls) + 1
        return super().call(name, work, request, arguments)


def finished(world: World) -> None:
    check_books(world)
    assert owed(world) == {}
    assert world.account().credits == {COP: 5}
    assert world.account().spreading == ()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_whoever_comes_next_goes_on_with_spreading(number: int) -> None:
    """What is owed is right at every moment: what is not allocated yet is credit."""
    world = spreading_cut_at(number)
    open_minor = sum(owed(world).values())
    assert open_minor - world.account().credits[COP] == -5
    assert open_minor > 0
    assert take(world, "approved", 905) == "again"  # sent again: it was taken
    assert sum(owed(world).values()) == open_minor
    assert take(world, "approved", 1, payment="pi_2") == "booked"
    check_books(world)
    assert owed(world) == {}
    assert world.account().credits == {COP: 6}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_run_finishes_spreading_before_it_decides(number: int) -> None:
    world = spreading_cut_at(number)
    world.run(NOW)
    finished(world)
    assert world.totals(NOW).looked_at == 1
    assert [fact["outcome"] for fact in world.facts("a1", "decided")] == ["skip"]
    assert world.ses.calls == []


def test_a_run_whose_spreading_somebody_else_has_finished_decides_all_the_same() -> None:
    world = spreading_cut_at(1)
    other = _AtTransaction(1, "before", lambda: take(world, "approved", 1, payment="pi_2"))
    world.sweep()(NOW)
    world.take("escalate", other)
    assert other.happened
    assert world.failed == []
    assert world.totals(NOW).looked_at == 1
    check_books(world)
    assert world.account().credits == {COP: 6}


def test_a_run_that_cannot_finish_spreading_sets_the_account_aside() -> None:
    """Invariant 9: its payment cannot be read; the others are looked at."""
    world = spreading_cut_at(1)
    world.owe(receivable("other"), account_id="a2")
    key = ("A#a1", "P#stripe:pi_1")
    item = world.all_items()[key]
    world.dynamo.put_item(TableName="receivables", Item={**item, "doc": {"S": "{}"}})
    world.run(NOW)
    totals = world.totals(NOW)
    assert (totals.looked_at, totals.failed, totals.acted) == (2, 1, 1)
    assert [report for report, _ in world.reports] == ["account_failed"]


# ------------------------------------------------------------------------ money that goes


def test_a_payment_of_many_receivables_goes_back_in_several_transactions() -> None:
    world = owing(90)
    take(world, "approved", 905)
    faults = Faults()
    assert take(world, "refunded", 905, faults=faults) == "booked"
    assert transactions(faults) == 4  # 30 at a time, and one look whether anything is left
    check_books(world)
    assert (len(owed(world)), sum(owed(world).values())) == (90, 900)
    assert world.account().credits == {}
    assert {kind for _, kind, minor in movements(world) if minor > 0} == {"payment", "refund"}
    (fact,) = world.facts("a1", "refunded")
    assert fact["amount_minor"] == 905


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("comes", ["a run", "another word of it", "another payment"])
@pytest.mark.parametrize(
    ("kind", "entry"),
    [("voided", "reversal"), ("refunded", "refund"), ("chargeback_opened", "chargeback")],
)
def test_whoever_comes_next_goes_on_taking_back_for_the_same_reason(
    number: int, comes: str, kind: Any, entry: str
) -> None:
    world = owing(90)
    take(world, "approved", 900)
    amount = None if kind == "voided" else 900
    with pytest.raises(Crash):
        take(world, kind, amount, faults=_AtTransaction(number, "after"))
    check_books(world)
    if comes == "a run":
        world.run(NOW)
    elif comes == "another word of it":
        take(world, "declined", at=NOW + HOUR)
    else:
        world.owe(receivable("r900", open_minor=50))
        take(world, "approved", 50, payment="pi_2", reference="r900")
    check_books(world)
    assert sum(owed(world).values()) == 900
    assert world.account().spreading == ()
    assert [k for name, k, minor in movements(world) if name and minor > 0] == [entry] * 90


def test_a_refund_while_a_payment_is_spread_leaves_the_rest_to_be_spread() -> None:
    world = spreading_cut_at(2)  # 42 of 90 are settled, 485 stand as credit
    assert world.account().credits == {COP: 485}
    assert take(world, "refunded", 100) == "booked"
    check_books(world)
    assert sum(owed(world).values()) == 95
    assert world.account().credits == {}
    assert world.account().spreading == ()


def test_a_part_of_a_payment_of_many_receivables_goes_back() -> None:
    world = owing(90)
    take(world, "approved", 900)
    faults = Faults()
    take(world, "refunded", 15, faults=faults)
    assert transactions(faults) == 1
    check_books(world)
    assert owed(world) == {"r088": 5, "r089": 10}  # what was settled last


def test_receivables_that_open_again_drive_younger_ones_out_of_the_document() -> None:
    """With the steps that they have carried: nothing of what was said is forgotten."""
    world = owing(20)
    take(world, "approved", 200)
    world.owe(*(receivable(f"young{n:02d}", late=30 - n, open_minor=10) for n in range(20)))
    stored = world.table.get("a1")
    assert stored is not None
    said = StepRecord(NOW, "sent", "email", "m1")
    carried = tuple(replace(r, steps={"friendly": said}) for r in stored.account.receivables)
    world.put(replace(stored.account, receivables=carried))
    assert take(world, "chargeback_opened", 200) == "booked"
    check_books(world)
    account = world.account()
    assert [r.receivable_id for r in account.receivables] == [f"r{n:03d}" for n in range(20)]
    displaced = {r.receivable_id: r for r in world.table.issued_receivables("a1")}
    assert displaced["young07"].steps == {"friendly": said}


# ---------------------------------------------------------------------- many payments


def test_payments_that_come_together_are_as_few_transactions_as_hold_them() -> None:
    world, faults = owing(50), Faults()
    money = [incoming(f"P{n}", 20, paid_at=NOW + n * HOUR) for n in range(25)]
    became = book(world, *money, faults=faults)
    assert became == {f"P{n}": "booked" for n in range(25)}
    # Each is itself, its name, two receivables and two entries.
    assert transactions(faults) == 2
    assert owed(world) == {}
    check_books(world)


def test_payments_that_come_together_leave_room_for_the_messages_they_crossed() -> None:
    """Each settles 23: 97 items, and 5 messages more would be two too many."""
    world, faults = owing(46), Faults()
    spoken_to(world, 5)
    money = [incoming(f"P{n}", 230, paid_at=NOW - n * DAY) for n in range(2)]
    assert book(world, *money, faults=faults) == {"P0": "booked", "P1": "booked"}
    assert transactions(faults) == 2
    assert owed(world) == {}


def test_money_that_goes_together_leaves_room_for_what_it_drives_out_of_the_document() -> None:
    """Three times 15 receivables open again: 94 items, and up to 20 younger ones more."""
    world = owing(45)
    for number in range(3):
        book(world, incoming(f"P{number}", 150, paid_at=NOW + number * HOUR))
    world.owe(*(receivable(f"young{n:02d}", late=30 - n, open_minor=10) for n in range(20)))
    back = PaymentState(refunded=Said(150, NOW))
    gone = [replace(incoming(f"P{number}"), state=back) for number in range(3)]
    assert book_again(world, *gone) == {f"P{number}": "booked" for number in range(3)}
    check_books(world)
    assert len(owed(world)) == 65


def test_one_that_belongs_nowhere_holds_up_none_of_the_others() -> None:
    world = owing(3)
    dollars = replace(incoming("P2"), currency="USD")
    became = book(world, incoming("P1"), dollars, incoming("P3", paid_at=NOW + HOUR))
    assert became == {"P1": "booked", "P2": "unmatched", "P3": "booked"}
    (kept,) = world.table.listed("unmatched")
    assert (kept["money"]["payment_id"], kept["why"]) == ("P2", "other_currency")
    assert owed(world) == {"r002": 10}


def test_e1_whose_account_it_came_to_makes_no_dollars_of_pesos() -> None:
    world = owing(1)
    dollars = replace(incoming("P1", creditor="andina"), currency="USD")
    assert book(world, dollars) == {"P1": "unmatched"}
    assert world.account().credits == {}


def test_what_others_have_booked_meanwhile_is_left_out() -> None:
    world = owing(3)

    def other() -> None:
        book(world, incoming("P1"))

    faults = Faults(1, "before", instead=other)
    became = book(world, incoming("P1"), incoming("P2", paid_at=NOW + HOUR), faults=faults)
    assert faults.happened
    assert became == {"P2": "booked"}
    assert owed(world) == {"r002": 10}
    check_books(world)


def test_an_account_that_keeps_moving_is_given_up_after_a_while() -> None:
    world = owing(3)
    moved = 0

    def move() -> None:
        nonlocal moved
        moved += 1
        world.put(replace(world.account(), name=f"Ana {moved}"))

    class Moving(Faults):
        def call(self, name: str, *rest: Any) -> Any:
            if name == "transact_write_items":
                move()
            return super().call(name, *rest)

    with pytest.raises(ConflictError):
        book(world, incoming("P1"), faults=Moving())
    assert moved == 8
    assert movements(world) == []


def test_money_of_an_account_that_is_not_there_is_kept() -> None:
    world = World()
    assert book(world, incoming("P1")) == {"P1": "unmatched"}
    assert book(world, incoming("P1")) == {"P1": "nothing"}
    assert on_list(world) == ["P1"]


def test_money_without_a_name_goes_to_the_only_creditor_there_is() -> None:
    world = owing(1)
    assert book(world, incoming("P1")) == {"P1": "booked"}
    world.owe(receivable("b1", creditor="boreal", open_minor=10))
    world.owe(receivable("a1", open_minor=10))
    assert book(world, incoming("P2", paid_at=NOW + HOUR)) == {"P2": "unmatched"}
    to_boreal = incoming("P3", paid_at=NOW + HOUR, creditor="boreal")
    assert book(world, to_boreal) == {"P3": "booked"}
    assert owed(world) == {"a1": 10}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("andina", "booked"), ("", "unmatched")],
)
def test_money_for_whoever_owes_nothing_needs_somebody_to_be_for(name: str, expected: str) -> None:
    world = owing(0)
    assert book(world, incoming("P1", creditor=name)) == {"P1": expected}
    if name:
        assert world.account().credits == {COP: 10}
        # From then on there is one creditor to whom it can only be.
        assert book(world, incoming("P2", paid_at=NOW + 9 * DAY)) == {"P2": "booked"}
        assert world.account().credits == {COP: 20}


# ------------------------------------------------------------------ matched by a person


def test_a_person_who_is_sure_has_the_last_word_on_what_may_be_the_same() -> None:
    world = owing(5)
    book(world, incoming("P1"))
    doubtful = replace(incoming("RC-1"), source="import erp")
    assert book(world, doubtful) == {"RC-1": "unmatched"}
    document = next(iter(world.table.listed("unmatched")))
    kept = msgspec.convert(document, UnmatchedMoney)
    assert kept.may_be == ("P1",)
    became = book(world, kept.money, on_list={"RC-1": kept}, sure=True)
    assert became == {"RC-1": "booked"}
    assert on_list(world) == []
    assert owed(world) == {"r002": 10, "r003": 10, "r004": 10}


def test_two_persons_match_the_same_money_at_once() -> None:
    """To two accounts: one of them is first, and the other is told."""
    world = World()
    book(world, incoming("P1"))
    kept = msgspec.convert(next(iter(world.table.listed("unmatched"))), UnmatchedMoney)
    world.owe(receivable("r1", open_minor=10))
    world.owe(receivable("r2", open_minor=10), account_id="a2")

    def to_the_other() -> None:
        own = OfAccount("a2", world.table.get("a2"), [kept.money], on_list={"P1": kept}, sure=True)
        assert world.book_payments()(own) == {"P1": "booked"}

    faults = Faults(1, "before", instead=to_the_other)
    assert book(world, kept.money, faults=faults, on_list={"P1": kept}, sure=True) == {}
    assert (owed(world), owed(world, "a2")) == ({"r1": 10}, {})


def test_what_is_kept_of_unmatched_money_has_versions() -> None:
    world = World()
    kept = UnmatchedMoney(incoming("P1"), "unknown_reference", NOW, version=1)
    payments = world.book_payments()
    payments.save_unmatched(kept)
    with pytest.raises(ConflictError):
        payments.save_unmatched(kept)
    matched = payments.put_unmatched(replace(kept, became="matched", version=2))
    stored = world.put(replace(owing(0).account(), account_id="a9"))
    stored = world.table.update(Change(stored, stored.account, None, ()), matched)
    assert on_list(world) == []
    with pytest.raises(AlreadyDoneError):
        world.table.update(Change(stored, stored.account, None, ()), matched)


# ------------------------------------------------------------------------- kept in sight


@pytest.mark.parametrize(("days", "kept"), [(59, 1), (60, 0)])
def test_a_payment_stays_in_sight_of_other_sources_for_60_days(days: int, kept: int) -> None:
    world = owing(3)
    book(world, incoming("P1", paid_at=NOW - days * DAY))
    assert len(world.account().payments) == kept


def test_the_24_latest_payments_are_in_sight() -> None:
    world = owing(1, 10_000)
    for number in range(26):
        book(world, incoming(f"P{number:02d}", number + 1, paid_at=NOW - number * DAY))
    ids = sorted(seen.payment_id for seen in world.account().payments)
    assert ids == [f"P{number:02d}" for number in range(24)]


def test_a_payment_is_seen_as_it_was_approved_last() -> None:
    """Less was captured than authorised: the bank's line says the lesser amount."""
    world = owing(3, 1_000)
    take(world, "approved", 700)
    take(world, "approved", 500, at=NOW + HOUR)
    became = book(world, incoming("B-1", 500, receivable_id="r000"))
    assert became == {"B-1": "nothing"}
    assert booked(world).seen_as == ("B-1",)
    assert owed(world)["r000"] == 500


@pytest.mark.parametrize("first", ["bank", "stripe"])
def test_another_providers_payment_is_another_payment_though_the_banks_line_fits_it_too(
    first: str,
) -> None:
    world = owing(3, 1_000)
    line = incoming("B-1", 400, receivable_id="r000")
    if first == "bank":
        assert book(world, line) == {"B-1": "booked"}
        assert take(world, "approved", 400) == "nothing"
    else:
        assert take(world, "approved", 400) == "booked"
        assert book(world, line) == {"B-1": "nothing"}
    other = notice("approved", 400, payment="w1", provider=WOMPI, reference="r000")
    assert world.take_notice()(other, WOMPI) == "booked"
    assert owed(world)["r000"] == 200
    check_books(world)
