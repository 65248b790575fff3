"""Taking a payment notice: once, in whatever order, to the account that it is about."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.domain.money import MoneyError
from escalon.domain.payments.payment import NoticeKind, PaymentNotice
from escalon.domain.storage import ConflictError
from escalon.importing.records import PaymentRecord
from escalon.usecases.payments.book_payments import UnmatchedMoney
from escalon.usecases.payments.record_payments import Recorded, RecordPayments
from tests.doubles.crashing import Faults
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
from tests.doubles.world import NOW, World, receivable

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COP = "andina|COP"


def owing(*amounts: int, **more: Any) -> World:
    """Somebody who owes so much on r1, r2, …, the first due first."""
    world = World()
    world.owe(
        *(
            receivable(f"r{number}", late=30 - number, open_minor=amount, **more)
            for number, amount in enumerate(amounts, 1)
        )
    )
    return world


def take(world: World, *notices: PaymentNotice) -> list[str]:
    """What became of each; the books are right after every one."""
    became = []
    for one in notices:
        provider = WOMPI if one.provider == "wompi" else STRIPE
        became.append(world.take_notice()(one, provider))
        if world.table.get("a1") is not None:
            check_books(world)
    return became


def unmatched(world: World) -> list[UnmatchedMoney]:
    return [msgspec.convert(found, UnmatchedMoney) for found in world.table.listed("unmatched")]


# --------------------------------------------------------------------------- the usual path


def test_an_approved_payment_settles_what_it_names_in_three_calls() -> None:
    world, faults = owing(1_000, 2_000), Faults()
    became = world.take_notice(faults)(notice("approved", 1_500, reference="r2"), STRIPE)
    assert became == "booked"
    assert faults.calls == ["batch_get_item", "batch_get_item", "transact_write_items"]
    assert owed(world) == {"r1": 1_000, "r2": 500}
    check_books(world)
    (fact,) = world.facts("a1", "paid")
    assert (fact["payment_id"], fact["source"], fact["amount_minor"], fact["currency"]) == (
        "stripe:pi_1",
        "stripe",
        1_500,
        "COP",
    )
    stored = world.table.get("a1")
    assert stored is not None
    assert stored.look_at == "2026-09-07T15:00:00Z"  # it is looked at next


def test_invariant_5_a_notice_that_comes_again_costs_one_call_and_does_nothing() -> None:
    world, faults = owing(1_000), Faults()
    approved = notice("approved", 400)
    take(world, approved)
    before = world.all_items()
    assert world.take_notice(faults)(approved, STRIPE) == "again"
    assert faults.calls == ["batch_get_item"]
    assert world.all_items() == before


def test_the_same_word_in_another_notice_moves_no_money() -> None:
    world = owing(1_000)
    became = take(
        world, notice("approved", 400), notice("approved", 400, at=NOW + HOUR, event="another")
    )
    assert became == ["booked", "nothing"]
    assert owed(world) == {"r1": 600}
    assert len(movements(world)) == 1


@pytest.mark.parametrize("kind", ["other", "approved"])
def test_what_is_about_no_payment_is_nothing(kind: NoticeKind) -> None:
    world, faults = owing(1_000), Faults()
    about_nothing = notice(kind, 400, payment="pi_1" if kind == "other" else "")
    assert world.take_notice(faults)(about_nothing, STRIPE) == "nothing"
    assert faults.calls == []


def test_money_that_does_not_say_how_much_is_an_error_and_not_nothing() -> None:
    world = owing(1_000)
    with pytest.raises(MoneyError):
        take(world, notice("approved"))
    assert movements(world) == []


def test_the_payers_address_is_kept_for_a_receipt() -> None:
    world = owing(1_000)
    take(world, notice("approved", 400, payer_email="ana@example.com"))
    assert booked(world).payer_email == "ana@example.com"


# ------------------------------------------------------------------------------ any order

OPENED, WON, LOST = "chargeback_opened", "chargeback_won", "chargeback_lost"
APPROVED = notice("approved", 1_500, at=NOW + HOUR)  # of it 500 more than is owed
STORIES: dict[str, tuple[Sequence[PaymentNotice], dict[str, int], dict[str, int]]] = {
    "pending": ((APPROVED, notice("pending", 1_500)), {}, {COP: 500}),
    "another attempt failed": (
        (APPROVED, notice("declined", 1_500, at=NOW + 2 * HOUR)),
        {},
        {COP: 500},
    ),
    "voided": ((APPROVED, notice("voided", at=NOW + 2 * HOUR)), {"r1": 1_000}, {}),
    "refunded in two parts": (
        (APPROVED, notice("refunded", 200), notice("refunded", 700, at=NOW + 2 * HOUR)),
        {"r1": 200},
        {},
    ),
    "contested": ((APPROVED, notice(OPENED, 1_500, case_key="d1")), {"r1": 1_000}, {}),
    "contested and won": (
        (
            APPROVED,
            notice(OPENED, 1_500, case_key="d1"),
            notice(WON, 1_500, case_key="d1", at=NOW + DAY),
        ),
        {},
        {COP: 500},
    ),
    "lost, by less than was contested": (
        (
            APPROVED,
            notice(OPENED, 1_500, case_key="d1"),
            notice(LOST, 600, case_key="d1", at=NOW + DAY),
        ),
        {"r1": 100},
        {},
    ),
    "two cases and a refund": (
        (
            APPROVED,
            notice(OPENED, 300, case_key="d1"),
            notice(OPENED, 400, case_key="d2"),
            notice("refunded", 250),
        ),
        {"r1": 450},
        {},
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_l25_notices_come_in_any_order_and_twice(story: str) -> None:
    notices, left, credit = STORIES[story]
    for order in permutations(notices):
        world = owing(1_000)
        take(world, *order)
        take(world, *reversed(order))
        assert (owed(world), world.account().credits) == (left, credit), [n.kind for n in order]
        assert sum(m for _, _, m in movements(world)) == sum(left.values()) - 1_000 - sum(
            credit.values()
        )


@pytest.mark.parametrize(
    ("then", "kind", "fact"),
    [
        (notice("voided"), "reversal", "payment_reversed"),
        (notice("refunded", 1_500), "refund", "refunded"),
        (notice(OPENED, 1_500), "chargeback", "charged_back"),
        (notice("approved", 0, at=NOW + DAY), "reversal", "payment_reversed"),
    ],
)
def test_money_that_goes_opens_again_what_it_settled_and_wakes_the_account(
    then: PaymentNotice, kind: str, fact: str
) -> None:
    world = owing(1_000)
    take(world, APPROVED)
    stored = world.table.get("a1")
    assert stored is not None
    assert stored.look_at == ""  # nothing is open
    world.clock.at = NOW + DAY
    assert take(world, then) == ["booked"]
    assert movements(world) == [
        *sorted([("", kind, 500), ("", "payment", -500)]),
        *sorted([("r1", kind, 1_000), ("r1", "payment", -1_000)]),
    ]
    (told,) = world.facts("a1", fact)
    assert told["amount_minor"] == 1_500
    stored = world.table.get("a1")
    assert stored is not None
    assert stored.look_at == "2026-09-08T15:00:00Z"


def test_a_chargeback_that_is_won_pays_again_what_it_had_paid() -> None:
    world = owing(1_000, 1_000)
    take(world, notice("approved", 700, reference="r2"), notice(OPENED, 700, reference=""))
    world.clock.at = NOW + 2 * DAY
    take(world, notice(WON, 700, reference="", at=NOW + DAY))
    assert owed(world) == {"r1": 1_000, "r2": 300}
    assert movements(world) == [
        ("r2", "chargeback", 700),
        ("r2", "payment", -700),
        ("r2", "payment", -700),
    ]
    when = {e.booked_at for e in world.table.entries("a1") if e.kind == "payment"}
    assert when == {NOW, NOW + 2 * DAY}  # paid again when it was won, not before


def test_a_refund_of_less_than_the_credit_opens_nothing() -> None:
    world = owing(1_000)
    take(world, APPROVED, notice("refunded", 200))
    assert (owed(world), world.account().credits) == ({}, {COP: 300})


def test_a_refund_that_overtakes_its_approval_is_known_when_that_comes() -> None:
    world = owing(1_000)
    assert take(world, notice("refunded", 300)) == ["nothing"]
    assert movements(world) == []
    assert take(world, notice("approved", 900, at=NOW - DAY)) == ["booked"]
    assert movements(world) == [("r1", "payment", -600)]
    assert booked(world).paid_at == NOW - DAY


# ------------------------------------------------------------------- which payment it is


@pytest.mark.parametrize("first", ["approved", "refunded"])
def test_a_payment_is_known_under_every_name_that_its_provider_has_for_it(first: str) -> None:
    world = owing(1_000)
    notices = [
        notice("approved", 1_000, payment="pi_1", aliases=("ch_1",)),
        notice("refunded", 400, payment="ch_1", reference=""),
    ]
    notices.sort(key=lambda one: one.kind != first)
    take(world, *notices)
    assert owed(world) == {"r1": 400}
    assert [p.payment_id for p in world.table.payments("a1")] == ["stripe:pi_1"]


def test_a_payment_that_gets_another_name_later_is_the_same_payment() -> None:
    world = owing(1_000)
    take(world, notice("approved", 600, payment="ch_1"))
    take(world, notice("approved", 600, payment="pi_1", aliases=("ch_1",)))
    take(world, notice("refunded", 200, payment="pi_1", reference=""))
    assert owed(world) == {"r1": 600}
    (payment,) = world.table.payments("a1")
    assert (payment.payment_id, payment.seen_as) == ("stripe:ch_1", ("stripe:pi_1",))


def test_two_payments_of_one_provider_are_two() -> None:
    world = owing(1_000)
    take(world, notice("approved", 300, payment="pi_1"), notice("approved", 300, payment="pi_2"))
    assert owed(world) == {"r1": 400}


def test_the_same_id_at_two_providers_is_two_payments() -> None:
    """Also with one amount: money goes through one provider."""
    world = owing(1_000)
    take(world, notice("approved", 300, payment="1"))
    take(world, notice("approved", 300, payment="1", provider=WOMPI))
    assert owed(world) == {"r1": 400}
    assert [p.source for p in world.table.payments("a1")] == ["stripe", "wompi"]


# -------------------------------------------------------------------- whose money it is


def test_money_for_a_receivable_that_is_settled_settles_the_oldest_then_is_credit() -> None:
    world = owing(1_000, 500)
    take(world, notice("approved", 500, payment="pi_1", reference="r2"))
    take(world, notice("approved", 1_100, payment="pi_2", reference="r2"))
    assert (owed(world), world.account().credits) == ({}, {COP: 100})


def test_money_for_an_account_that_owes_nothing_is_credit() -> None:
    world = owing(1_000)
    take(world, notice("approved", 1_000, payment="pi_1"))
    assert take(world, notice("approved", 300, payment="pi_2")) == ["booked"]
    assert world.account().credits == {COP: 300}


def test_whoever_pays_an_invoice_has_it_although_its_issue_date_is_to_come() -> None:
    world = owing(1_000)
    later = receivable("later", late=-60, open_minor=500)
    world.table.save(world.table.put_receivable("a1", later, NOW + 30 * DAY))
    pointer = {"account_id": "a1", "receivable_id": "later"}
    key = f"REF#{world.name_of('later')}"
    world.table.save(world.table.put_document(key, "REF", pointer))
    assert take(world, notice("approved", 500, reference="later")) == ["booked"]
    assert owed(world) == {"r1": 1_000}
    assert movements(world) == [("later", "payment", -500)]


def test_e1_money_in_a_currency_in_which_nothing_is_owed_waits_for_a_person() -> None:
    world = owing(1_000)
    assert take(world, notice("approved", 300, currency="USD")) == ["unmatched"]
    assert movements(world) == []
    (kept,) = unmatched(world)
    assert (kept.payment_id, kept.why) == ("stripe:pi_1", "other_currency")


def test_a_debt_in_two_currencies_is_paid_in_each() -> None:
    world = owing(1_000)
    world.owe(receivable("usd", open_minor=700, currency="USD"))
    take(world, notice("approved", 300, payment="pi_1", currency="USD", reference="usd"))
    take(world, notice("approved", 300, payment="pi_2"))
    assert owed(world) == {"r1": 700, "usd": 400}


def test_money_with_an_unknown_reference_is_kept_and_shown_with_what_is_said_of_it() -> None:
    world = World()
    assert take(world, notice("approved", 900, reference="r9")) == ["unmatched"]
    assert take(world, notice("refunded", 300, reference="r9")) == ["nothing"]
    (kept,) = unmatched(world)
    assert (kept.why, kept.since, kept.money.reference) == ("unknown_reference", NOW, "r9")
    assert kept.money.state.refunded is not None
    assert take(world, notice("refunded", 900, reference="r9", at=NOW + HOUR)) == ["nothing"]
    assert on_list(world) == []


def test_unmatched_money_that_goes_and_comes_back_is_shown_again() -> None:
    world = World()
    contested = notice(OPENED, 900, reference="r9")
    assert take(world, contested, notice("approved", 900, reference="r9")) == ["nothing"] * 2
    assert on_list(world) == []
    assert take(world, notice(WON, 900, reference="r9", at=NOW + DAY)) == ["unmatched"]
    assert on_list(world) == ["stripe:pi_1"]


@pytest.mark.parametrize("kind", ["pending", "declined"])
def test_nothing_is_kept_of_money_that_never_came_to_anybody_known(kind: NoticeKind) -> None:
    world = World()
    assert take(world, notice(kind, 900, reference="r9")) == ["nothing"]
    assert world.all_items() == {}


def test_money_is_taken_off_the_list_once_its_account_is_there() -> None:
    world = World()
    take(world, notice("approved", 900))
    world.owe(receivable("r1", open_minor=1_000))
    assert take(world, notice("refunded", 200)) == ["booked"]
    assert on_list(world) == []
    assert owed(world) == {"r1": 300}
    (kept,) = world.table.all_documents("UNMATCHED")
    assert (kept["became"], kept["account_id"]) == ("matched", "a1")
    assert take(world, notice("refunded", 300, at=NOW + HOUR)) == ["booked"]
    assert owed(world) == {"r1": 400}
    assert list(world.table.all_documents("UNMATCHED")) == [kept]  # settled once


def test_money_that_a_person_has_sent_back_is_nobodys_any_more() -> None:
    world = World()
    take(world, notice("approved", 900))
    (kept,) = unmatched(world)
    world.book_payments().save_unmatched(replace(kept, became="returned", version=2))
    world.owe(receivable("r1", open_minor=1_000))
    assert take(world, notice("approved", 900, at=NOW + HOUR)) == ["nothing"]
    assert owed(world) == {"r1": 1_000}


def test_a_person_sends_money_back_while_a_notice_of_it_is_booked() -> None:
    """Whoever writes first is right; the other sees it."""
    world = World()
    take(world, notice("approved", 900))
    world.owe(receivable("r1", open_minor=1_000))
    (kept,) = unmatched(world)

    def returned() -> None:
        world.book_payments().save_unmatched(replace(kept, became="returned", version=2))

    faults = Faults(3, "before", instead=returned)
    world.take_notice(faults)(notice("approved", 900, at=NOW + HOUR), STRIPE)
    assert faults.happened
    assert (owed(world), movements(world)) == ({"r1": 1_000}, [])


@pytest.mark.parametrize("became", ["returned", "matched"])
def test_a_word_that_comes_while_a_person_settles_whose_money_it_is(became: Any) -> None:
    """Of what went back it is nothing; what has an account now is told again, and finds it."""
    world = World()
    take(world, notice("approved", 900, reference="r9"))
    (kept,) = unmatched(world)

    def settled() -> None:
        world.book_payments().save_unmatched(replace(kept, became=became, version=2))

    word = notice("refunded", 300, reference="r9")
    faults = Faults(2, "before", instead=settled)
    if became == "returned":
        assert world.take_notice(faults)(word, STRIPE) == "nothing"
    else:
        with pytest.raises(ConflictError):
            world.take_notice(faults)(word, STRIPE)
    assert on_list(world) == []


def test_words_of_money_that_nobody_knows_are_all_kept_though_they_come_at_once() -> None:
    world = World()

    def refunded() -> None:
        take(world, notice("refunded", 300, reference="r9"))

    approved = notice("approved", 900, reference="r9")
    assert world.take_notice(Faults(2, "before", refunded))(approved, STRIPE) == "unmatched"
    (kept,) = unmatched(world)
    assert kept.money.state.approved is not None
    assert kept.money.state.refunded is not None


def test_what_is_said_of_a_payment_in_another_currency_is_for_a_person_to_judge() -> None:
    """Nothing is converted: a dispute in dollars of a payment in pesos moves nothing by itself."""
    world = owing(1_000)
    take(world, notice("approved", 600))
    contested = notice(OPENED, 15, currency="USD", case_key="d1")
    assert take(world, contested) == ["unmatched"]
    assert take(world, contested) == ["nothing"]
    assert owed(world) == {"r1": 400}
    (kept,) = unmatched(world)
    assert (kept.payment_id, kept.why, kept.may_be) == (
        "stripe:pi_1 in USD",
        "other_currency",
        ("stripe:pi_1",),
    )
    take(world, notice("refunded", 600))
    assert owed(world) == {"r1": 1_000}


def test_two_creditors_and_a_provider_of_one_of_them() -> None:
    world = owing(1_000)
    world.owe(receivable("b1", open_minor=1_000, creditor="boreal"))
    boreal = replace(STRIPE, creditor="boreal")
    take(world, notice("approved", 400, reference="r1"))  # to know the account by the payment
    second = notice("approved", 400, payment="pi_2", reference="r1")
    assert world.take_notice()(second, boreal) == "booked"
    assert owed(world) == {"b1": 1_000, "r1": 200}  # what it names counts more than whose it is


# ------------------------------------------------------------------------ three sources


def by_file(world: World, source: str, payment_id: str, **more: Any) -> Recorded:
    """A line of an import about 400 paid on r1."""

    def each(work: Callable[[Any], Recorded], items: list[Any]) -> list[Recorded]:
        return [work(item) for item in items]

    made = {
        "source_ref": None,
        "receivable_id": "r1",
        "payment_id": payment_id,
        "amount_minor": 400,
        "currency": "COP",
        "paid_at": NOW,
        **more,
    }
    record = RecordPayments(world.table, world.book_payments(), world.name_of, each)
    return record([PaymentRecord(**made)], source)


def by_webhook(world: World) -> None:
    take(world, notice("approved", 400, at=NOW + 2 * HOUR))


def by_bank(world: World) -> None:
    by_file(world, "bank", "B-77", paid_at=NOW + 3 * DAY)


def by_erp(world: World) -> None:
    by_file(world, "erp", "RC-1", paid_at=NOW + HOUR)


@pytest.mark.parametrize("order", list(permutations((by_webhook, by_bank, by_erp))))
def test_l25_one_payment_told_by_webhook_bank_and_erp_counts_once(
    order: Sequence[Callable[[World], None]],
) -> None:
    world = owing(1_000)
    for _ in range(2):
        for tell in order:
            tell(world)
            check_books(world)
    assert owed(world) == {"r1": 600}
    assert [(m[1], m[2]) for m in movements(world)] == [("payment", -400)]
    assert on_list(world) == []
    take(world, notice("refunded", 150))
    assert owed(world) == {"r1": 750}


def test_a_second_payment_of_the_same_amount_is_a_second_payment_in_every_source() -> None:
    world = owing(1_000)
    take(world, notice("approved", 400), notice("approved", 400, payment="pi_2", at=NOW + HOUR))
    for number in (1, 2):
        by_file(world, "bank", f"B-{number}", paid_at=NOW + DAY)
        by_file(world, "erp", f"RC-{number}", paid_at=NOW + DAY)
    assert owed(world) == {"r1": 200}
    assert len(movements(world)) == 2


def test_a_second_line_of_the_bank_is_a_second_payment() -> None:
    """The first one was the provider's; the provider has told of one only."""
    world = owing(1_000)
    by_webhook(world)
    for number in (1, 2):
        by_file(world, "bank", f"B-{number}", paid_at=NOW + DAY)
    assert owed(world) == {"r1": 200}


def test_a_mapping_that_is_named_like_a_provider_is_another_source() -> None:
    world = owing(1_000)
    by_webhook(world)
    by_file(world, "stripe", "pi_1")
    assert owed(world) == {"r1": 600}


def test_a_settlement_file_knows_a_payment_by_the_providers_id() -> None:
    world = owing(1_000)
    by_webhook(world)
    by_file(world, "payouts", "pi_1", receivable_id=None, source_ref=None)
    assert owed(world) == {"r1": 600}
    assert on_list(world) == ["pi_1"]  # it does not even say who paid


def test_one_payment_is_two_if_the_dates_lie_far_apart() -> None:
    world = owing(1_000)
    by_webhook(world)
    by_file(world, "bank", "B-77", paid_at=NOW + 4 * DAY)
    assert owed(world) == {"r1": 200}


@pytest.mark.parametrize("first", ["file", "webhook"])
def test_l25_what_may_be_the_same_money_is_for_a_person_to_judge(first: str) -> None:
    """The bank's line names who paid and not for what."""
    world = owing(1_000)
    stored = world.table.get("a1")
    assert stored is not None
    world.put(replace(stored.account, account_id=world.name_of("900")))
    world.owe(receivable("r1", open_minor=1_000), account_id=world.name_of("900"))
    account_id = world.name_of("900")

    def by_payer() -> None:
        by_file(world, "bank", "B-77", receivable_id=None, source_ref="900")

    if first == "file":
        by_payer()
        assert world.take_notice()(notice("approved", 400), STRIPE) == "unmatched"
    else:
        assert world.take_notice()(notice("approved", 400), STRIPE) == "booked"
        by_payer()
    assert owed(world, account_id) == {"r1": 600}
    check_books(world, account_id)
    (kept,) = unmatched(world)
    ids = ("stripe:pi_1", "B-77") if first == "file" else ("B-77", "stripe:pi_1")
    assert (kept.payment_id, kept.why, kept.may_be) == (ids[0], "seen_before", (ids[1],))


def test_a_refund_that_overtakes_an_approval_of_which_the_bank_has_told() -> None:
    world = owing(1_000)
    by_bank(world)
    take(world, notice("refunded", 150))
    by_webhook(world)
    assert owed(world) == {"r1": 750}
    take(world, notice("refunded", 250, at=NOW + DAY))
    assert owed(world) == {"r1": 850}
    assert movements(world, cause="stripe:pi_1") == []  # it is the bank's payment


# ------------------------------------------------------------------------ money under way


def messages_sent(world: World, at: datetime) -> int:
    world.run(at)
    return len(world.ses.calls)


def chased() -> World:
    """Somebody who would be written to at once."""
    world = World()
    world.owe(receivable("r1", late=3))
    return world


def test_l21_nobody_asks_for_money_that_is_under_way_and_for_24_hours_at_most() -> None:
    world = chased()
    take(world, notice("pending", 100_000_00))
    assert world.facts("a1", "awaited")[0]["hours"] == 24
    assert messages_sent(world, NOW) == 0
    for hours in (5, 23):  # it is said again, and means nothing new
        world.clock.at = NOW + hours * HOUR
        take(world, notice("pending", 100_000_00, at=world.clock.at, event=f"again {hours}"))
    assert messages_sent(world, NOW + DAY - HOUR / 4) == 0
    assert messages_sent(world, NOW + DAY) == 1
    world.clock.at = NOW + 2 * DAY
    take(world, notice("pending", 100_000_00, event="much later"))
    (awaited,) = world.account().awaited
    assert awaited.until == NOW + DAY


def test_l21_what_was_said_before_the_failure_holds_nobody_after_it() -> None:
    world = chased()
    pending = notice("pending", 100_000_00)
    take(world, pending, notice("declined", 100_000_00, at=NOW + HOUR))
    take(world, pending, notice("pending", 100_000_00, event="late", at=NOW - HOUR))
    assert messages_sent(world, NOW + HOUR) == 1


def test_a_failed_attempt_and_then_another_that_is_approved() -> None:
    world = owing(1_000)
    take(world, notice("pending", 1_000), notice("declined", 1_000))
    assert take(world, notice("approved", 1_000, at=NOW + HOUR)) == ["booked"]
    assert owed(world) == {}


def test_nothing_is_kept_of_an_attempt_that_failed() -> None:
    world = owing(1_000)
    before = world.all_items()
    assert take(world, notice("declined", 1_000)) == ["nothing"]
    assert world.all_items() == before


def test_a_late_pending_after_the_approval_waits_for_nothing() -> None:
    world = owing(1_000)
    take(world, notice("approved", 400), notice("pending", 400, at=NOW + HOUR))
    assert world.account().awaited == ()


def test_an_approval_ends_the_waiting() -> None:
    world = chased()
    take(world, notice("pending", 300), notice("approved", 300))
    assert messages_sent(world, NOW) == 1  # for what is left


def test_money_is_awaited_for_the_creditor_that_it_names() -> None:
    world = chased()
    world.owe(receivable("b1", open_minor=100_000_00, creditor="boreal"))
    take(world, notice("pending", 100_000_00, reference="r1"))
    (awaited,) = world.account().awaited
    assert (awaited.payment_id, awaited.creditor, awaited.amount_minor) == (
        "stripe:pi_1",
        "andina",
        100_000_00,
    )
    assert messages_sent(world, NOW) == 1
    assert world.messages()[0]["creditor"] == "boreal"


def test_an_answer_is_awaited_until_it_comes() -> None:
    """Signed but unconfirmed money holds any asking, and moves nothing."""
    world = chased()
    hint = notice("approved", 100_000_00)
    world.take_notice().await_answer(hint, STRIPE)
    assert messages_sent(world, NOW) == 0
    assert owed(world) == {"r1": 100_000_00}
    world.take_notice().give_up_waiting(hint, STRIPE)
    assert messages_sent(world, NOW + HOUR / 4) == 1
    world.clock.at = NOW + HOUR
    world.take_notice().await_answer(hint, STRIPE)
    assert world.account().awaited[0].until == NOW  # the hint sent again begins nothing anew


def test_an_answer_is_never_awaited_for_longer_than_24_hours() -> None:
    world = chased()
    hint = notice("approved", 100_000_00)
    for hours in (0, 10, 20, 30, 90):
        world.clock.at = NOW + hours * HOUR
        world.take_notice().await_answer(hint, STRIPE)
    (awaited,) = world.account().awaited
    assert (awaited.since, awaited.until) == (NOW, NOW + DAY)


@pytest.mark.parametrize("kind", ["declined", "voided", "refunded", "other"])
def test_only_money_that_may_come_is_awaited(kind: NoticeKind) -> None:
    world, faults = chased(), Faults()
    world.take_notice(faults).await_answer(notice(kind), STRIPE)
    assert faults.calls == []
    assert world.account().awaited == ()


def test_an_answer_about_nobody_known_is_not_awaited() -> None:
    world = World()
    world.take_notice().await_answer(notice("approved", 100, reference="r9"), STRIPE)
    world.take_notice().give_up_waiting(notice("approved", 100, reference="r9"), STRIPE)
    assert world.all_items() == {}


def test_what_was_confirmed_is_not_awaited_again() -> None:
    world = owing(1_000)
    take(world, notice("approved", 400, event="confirmed"))
    world.take_notice().await_answer(notice("approved", 400), STRIPE)
    assert world.account().awaited == ()


def test_waiting_heeds_what_others_write_meanwhile() -> None:
    world = owing(1_000)

    def approved() -> None:
        take(world, notice("approved", 400))

    faults = Faults(3, "before", approved)
    world.take_notice(faults)(notice("pending", 400), STRIPE)
    assert faults.happened
    assert world.account().awaited == ()
    assert owed(world) == {"r1": 600}


# ------------------------------------------------------------------------------- crossed


def test_invariant_2_a_message_that_left_after_the_money_is_marked_once() -> None:
    world = chased()
    assert messages_sent(world, NOW) == 1
    (message,) = world.messages()
    world.clock.at = NOW + HOUR
    take(world, notice("approved", 40_000_00, at=NOW - HOUR))
    take(world, notice("approved", 500, payment="pi_2", at=NOW + HOUR))
    take(world, notice("approved", 45_000_00, at=NOW - HOUR + HOUR / 60))
    assert world.messages()[0]["crossed_by"] == ["stripe:pi_1"]
    told = [fact.get("crossed") for fact in world.facts("a1", "paid")]
    assert told == [[message["message_id"]], None, [message["message_id"]]]


def test_a_message_of_another_creditor_is_not_crossed() -> None:
    world = chased()
    world.owe(receivable("b1", open_minor=1_000, creditor="boreal"))
    assert messages_sent(world, NOW) == 1
    assert world.messages()[0]["creditor"] == "andina"
    take(world, notice("approved", 400, reference="b1", at=NOW - HOUR))
    assert "crossed_by" not in world.messages()[0]


def test_money_that_was_won_back_has_crossed_nothing_that_was_said_meanwhile() -> None:
    world = chased()
    take(world, notice("approved", 50_000_00, at=NOW - DAY))
    take(world, notice(OPENED, 50_000_00, at=NOW - HOUR))
    assert messages_sent(world, NOW) == 1
    take(world, notice(WON, 50_000_00, at=NOW + HOUR))
    assert "crossed_by" not in world.messages()[0]
