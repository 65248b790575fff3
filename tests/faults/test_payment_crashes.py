"""A crash before and after every AWS call of taking a notice, and others in the middle of it.

However it ends, the provider sends the notice again, since it got no 200. Then every peso is in the
ledger once, as if nothing had happened (invariants 4, 5, lesson L25).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from escalon.domain.payments.payment import PaymentNotice
from escalon.importing.records import PaymentRecord
from escalon.usecases.payments.record_payments import Recorded, RecordPayments
from tests.doubles.crashing import Crash, Faults, When
from tests.doubles.payments import STRIPE, check_books, notice, on_list, owed
from tests.doubles.world import NOW, World, receivable

HOUR = timedelta(hours=1)
WHENS: tuple[When, ...] = ("before", "after")

# Each story is told to somebody who owes on r1 and r2; its last notice is the one cut short.
APPROVED = notice("approved", 1_200)
STORIES: dict[str, tuple[PaymentNotice, ...]] = {
    "approved": (APPROVED,),
    "more than is owed": (notice("approved", 100_000_00 + 500 + 200),),
    "crossed": (notice("approved", 300, at=NOW - HOUR),),
    "pending": (notice("pending", 1_200),),
    "approved after pending": (notice("pending", 1_200), APPROVED),
    "declined after pending": (notice("pending", 1_200), notice("declined", 1_200)),
    "voided": (APPROVED, notice("voided")),
    "refunded": (APPROVED, notice("refunded", 700)),
    "refunded before it is approved": (notice("refunded", 700), APPROVED),
    "won back": (
        APPROVED,
        notice("chargeback_opened", 1_200),
        notice("chargeback_won", 1_200, at=NOW + HOUR),
    ),
    "nobody knows whose": (notice("approved", 900, reference="r9"),),
    "more words of what nobody knows": (
        notice("approved", 900, reference="r9"),
        notice("refunded", 900, reference="r9"),
    ),
    "off the list": (notice("approved", 900, reference="r9"), notice("approved", 900, event="x")),
    "another currency": (APPROVED, notice("chargeback_opened", 15, currency="USD")),
}


def owing() -> World:
    """Somebody who has just been written to."""
    world = World()
    world.owe(receivable("r1", late=3, open_minor=100_000_00))
    world.run(NOW)
    world.owe(receivable("r2", late=2, open_minor=500))
    assert len(world.ses.calls) == 1
    return world


def take(world: World, one: PaymentNotice, faults: Faults | None = None) -> str:
    return world.take_notice(faults)(one, STRIPE)


def ledger_of(world: World, account_id: str = "a1") -> Any:
    """All that money has left: entries, payments, what is waited for, and the list."""
    check_books(world, account_id)
    account = world.account(account_id)
    return (
        sorted(
            (e.receivable_id, e.component, e.kind, e.amount_minor, e.cause)
            for e in world.table.entries(account_id)
        ),
        world.table.payments(account_id),
        account.credits,
        account.awaited,
        account.payments,
        on_list(world),
        [message.get("crossed_by") for message in world.messages()],
    )


def calls_of(story: str) -> int:
    world, faults = told_but_the_last(story), Faults()
    take(world, STORIES[story][-1], faults)
    return len(faults.calls)


def told_but_the_last(story: str) -> World:
    world = owing()
    for one in STORIES[story][:-1]:
        take(world, one)
    return world


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("story", STORIES)
def test_l25_a_notice_that_was_cut_short_and_sent_again_counts_once(story: str, when: When) -> None:
    undisturbed = told_but_the_last(story)
    take(undisturbed, STORIES[story][-1])
    calls = calls_of(story)
    assert calls >= 2
    for number in range(1, calls + 1):
        world = told_but_the_last(story)
        with pytest.raises(Crash):
            take(world, STORIES[story][-1], Faults(number, when))
        take(world, STORIES[story][-1])
        assert ledger_of(world) == ledger_of(undisturbed), (number, when)
        take(world, STORIES[story][-1])
        assert ledger_of(world) == ledger_of(undisturbed), (number, when)


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("story", STORIES)
def test_l25_a_notice_that_comes_twice_at_once_counts_once(story: str, when: When) -> None:
    """The provider has lost patience and sends it again while the first is still being taken."""
    undisturbed = told_but_the_last(story)
    take(undisturbed, STORIES[story][-1])
    last = STORIES[story][-1]
    for number in range(1, calls_of(story) + 1):
        world = told_but_the_last(story)
        faults = Faults(number, when, instead=lambda world=world: take(world, last))  # type: ignore[misc]
        take(world, last, faults)
        assert faults.happened
        assert ledger_of(world) == ledger_of(undisturbed), (number, when)


PAIRS: dict[str, tuple[PaymentNotice, PaymentNotice]] = {
    "two payments": (APPROVED, notice("approved", 90, payment="pi_2", reference="r2")),
    "approved and pending": (APPROVED, notice("pending", 1_200)),
    "approved and refunded": (APPROVED, notice("refunded", 700)),
    "approved and voided": (APPROVED, notice("voided")),
    "refunded twice": (notice("refunded", 100), notice("refunded", 300, at=NOW + HOUR)),
    "contested and won": (
        notice("chargeback_opened", 1_200),
        notice("chargeback_won", 1_200, at=NOW + HOUR),
    ),
    "nobody knows whose": (
        notice("approved", 900, reference="r9"),
        notice("refunded", 300, reference="r9"),
    ),
}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("pair", PAIRS)
def test_l25_two_notices_of_one_account_at_once(pair: str, turned: bool) -> None:
    first, second = reversed(PAIRS[pair]) if turned else PAIRS[pair]
    one_by_one = owing()
    take(one_by_one, first)
    take(one_by_one, second)
    expected = owed(one_by_one), one_by_one.account().credits, on_list(one_by_one)
    faults = Faults()
    take(owing(), first, faults)
    for number in range(1, len(faults.calls) + 1):
        for when in WHENS:
            world = owing()
            during = Faults(number, when, instead=lambda world=world: take(world, second))  # type: ignore[misc]
            take(world, first, during)
            assert during.happened
            check_books(world)
            found = owed(world), world.account().credits, on_list(world)
            assert found == expected, (number, when)
            assert [a for a in world.account().awaited if a.until > NOW] == []


def by_bank(world: World, faults: Faults | None = None) -> None:
    """A line of the bank's file about the same 1,200."""

    def each(work: Callable[[Any], Recorded], items: list[Any]) -> list[Recorded]:
        return [work(item) for item in items]

    table = world.book_payments(faults)._table
    record = RecordPayments(table, world.book_payments(faults), world.name_of, each)
    record([PaymentRecord(None, "r1", "B-1", 1_200, "COP", NOW + HOUR)], "bank")


@pytest.mark.parametrize("when", WHENS)
def test_l25_a_webhook_in_the_middle_of_a_file_with_the_same_payment(when: When) -> None:
    faults = Faults()
    by_bank(owing(), faults)
    for number in range(1, len(faults.calls) + 1):
        world = owing()
        during = Faults(number, when, instead=lambda world=world: take(world, APPROVED))  # type: ignore[misc]
        by_bank(world, during)
        assert during.happened
        check_books(world)
        assert owed(world) == {"r1": 99_988_00, "r2": 500}, number


@pytest.mark.parametrize("when", WHENS)
def test_l25_a_file_in_the_middle_of_a_webhook_with_the_same_payment(when: When) -> None:
    for number in range(1, calls_of("approved") + 1):
        world = owing()
        during = Faults(number, when, instead=lambda world=world: by_bank(world))  # type: ignore[misc]
        take(world, APPROVED, during)
        assert during.happened
        check_books(world)
        assert owed(world) == {"r1": 99_988_00, "r2": 500}, number


# ---------------------------------------------------------------- more than one transaction


def owing_much() -> World:
    world = World()
    world.owe(*(receivable(f"m{n:02d}", late=200 - n, open_minor=10) for n in range(60)))
    return world


MUCH = notice("approved", 595, reference="m00")
GONE = notice("refunded", 595, reference="m00", at=NOW + HOUR)


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("last", [MUCH, GONE], ids=["spread", "taken back"])
def test_a_payment_of_many_receivables_is_finished_whatever_happens(
    last: PaymentNotice, when: When
) -> None:
    """The process dies; the provider sends again; the run that goes on with it dies too; then all
    is as if nothing had happened."""
    before = () if last is MUCH else (MUCH,)
    undisturbed, faults = owing_much(), Faults()
    for one in before:
        take(undisturbed, one)
    take(undisturbed, last, faults)
    for number in range(1, len(faults.calls) + 1):
        world = owing_much()
        for one in before:
            take(world, one)
        with pytest.raises(Crash):
            take(world, last, Faults(number, when))
        check_books(world)
        take(world, last)
        check_books(world)
        world.sweep()(NOW)
        world.take("escalate", Faults(number, when))
        world.hand_over_again()
        world.work_off("escalate")
        assert world.failed == []
        assert world.account().spreading == ()
        assert owed(world) == owed(undisturbed), number
        entries, payments, *_ = ledger_of(world)
        expected, payments_expected, *_ = ledger_of(undisturbed)
        assert entries == expected
        assert payments == payments_expected


@pytest.mark.parametrize("when", WHENS)
def test_a_refund_in_the_middle_of_spreading(when: When) -> None:
    faults = Faults()
    take(owing_much(), MUCH, faults)
    refund = notice("refunded", 100, reference="m00", at=NOW + HOUR)
    for number in range(1, len(faults.calls) + 1):
        world = owing_much()
        during = Faults(number, when, instead=lambda world=world: take(world, refund))  # type: ignore[misc]
        take(world, MUCH, during)
        check_books(world)
        assert during.happened
        assert sum(owed(world).values()) == 105
        assert (world.account().credits, world.account().spreading) == ({}, ())
