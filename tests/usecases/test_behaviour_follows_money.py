"""However money comes and goes, an account's behaviour and experiments move in the same write."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from escalon.domain.account import Behaviour, Trial
from tests.doubles.crashing import Crash, Faults
from tests.doubles.world import NOW, World, receivable
from tests.usecases.test_book_payments import book, book_again, incoming, take

LATE = Behaviour(settled=1, late=1, late_days=3, recent=(3,))


def owing() -> World:
    """Somebody whose COP 100 were due three days ago."""
    world = World()
    world.owe(receivable("r000", late=3, open_minor=100_00))
    return world


def test_a_webhook_that_settles_a_debt_counts_it() -> None:
    world = owing()
    assert take(world, "approved", 100_00) == "booked"
    assert world.account().behaviour == LATE
    settled = world.table.named_receivables([("a1", "r000")])["a1", "r000"].receivable
    assert settled.settled_late == 3


def test_told_twice_it_counts_once_and_voided_it_does_not() -> None:
    world = owing()
    for _ in range(3):
        take(world, "approved", 100_00)
    assert world.account().behaviour == LATE
    take(world, "voided", 100_00)
    assert world.account().behaviour == Behaviour()
    assert world.account().receivables[0].settled_late is None


def test_a_banks_file_counts_by_the_day_on_which_the_money_was_paid() -> None:
    """It tells two days later; the debtor was on time."""
    world = owing()
    paid_at = NOW - timedelta(days=3)
    book(world, incoming(amount=100_00, paid_at=paid_at, receivable_id="r000"))
    assert world.account().behaviour == Behaviour(settled=1, recent=(0,))


def test_money_over_several_transactions_counts_each_debt_once() -> None:
    world = World()
    world.owe(*(receivable(f"r{n:03d}", late=100, open_minor=10) for n in range(90)))
    take(world, "approved", 900)
    found = world.account().behaviour
    assert (found.settled, found.late, found.late_days) == (90, 90, 9_000)
    assert len(found.recent) == 8


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_write_counts_nothing_twice(when: str) -> None:
    for crash in range(1, 8):
        world = owing()
        try:
            take(world, "approved", 100_00, faults=Faults(crash, when))  # type: ignore[arg-type]
        except Crash:
            take(world, "approved", 100_00)
        assert world.account().behaviour == LATE, crash


def test_an_experiments_money_is_that_of_its_time() -> None:
    world = owing()
    trial = Trial("champion", NOW - timedelta(days=1), NOW + timedelta(days=1), {"COP": 100_00})
    world.put(replace(world.account(), trials={"x": trial}), None)
    book(world, incoming("P0", 30_00, paid_at=NOW - timedelta(days=2), receivable_id="r000"))
    assert (
        world.account().trials["x"].came_minor == {}
    )  # it had been paid before the debtor entered
    book(world, incoming("P1", 20_00, receivable_id="r000"))
    book_again(world, incoming("P1", 20_00))
    assert world.account().trials["x"].came_minor == {"COP": 20_00}
