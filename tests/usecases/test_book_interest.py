"""Default interest and payments: charged up to the day of the money, before it settles anything."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from escalon.authoring.rulebook import sealed
from escalon.domain.payments.payment import Incoming, PaymentState, Said
from escalon.domain.rules.rulebook import InterestTerms, Rate, RateTable
from escalon.usecases.payments.book_payments import OfAccount
from tests.doubles.crashing import Faults
from tests.doubles.payments import STRIPE, check_books, notice
from tests.doubles.world import NOW, OneRulebook, World, receivable, rulebook

DAY = timedelta(days=1)
MILLION = 1_000_000_00  # pesos in centavos; at 25.52 % a year a day bears 62,291.97 of them


def charging(*receivables: Any) -> World:
    """andina charges 25.52 % a year from the first day past due."""
    months = ("2026-08", "2026-09")
    table = RateTable("usura", {month: Rate(month, 255_200, "test") for month in months})
    andina = replace(
        rulebook().creditors["andina"], interest=InterestTerms("usura", currencies=("COP",))
    )
    world = World()
    creditors = {**rulebook().creditors, "andina": andina}
    rules = sealed(replace(rulebook(), creditors=creditors, rates={"usura": table}))
    world.rulebooks = OneRulebook(rules)
    world.owe(*receivables)
    return world


def movements(world: World) -> list[tuple[str, str, int]]:
    entries = [e for e in world.table.entries("a1") if e.kind != "charge"]
    return sorted((e.kind, e.component, e.amount_minor) for e in entries)


def pay(world: World, amount: int, *, days_ago: int = 0, payment: str = "P1") -> None:
    paid_at = NOW - days_ago * DAY
    money = Incoming(
        payment,
        "import bank",
        "COP",
        paid_at,
        PaymentState(approved=Said(amount, paid_at)),
        receivable_id="r1",
    )
    around = world.table.around("a1", ["r1"], ())
    world.book_payments()(OfAccount("a1", around.stored, [money], around.named))


def test_l16_interest_up_to_the_day_is_settled_before_principal() -> None:
    world = charging(receivable(open_minor=MILLION))  # three days past due
    assert world.take_notice()(notice("approved", 500_000_00, reference="r1"), STRIPE) == "booked"
    assert movements(world) == [
        ("interest", "interest", 186_875),
        ("payment", "interest", -186_875),
        ("payment", "principal", -49_813_125),
    ]
    (owed,) = world.account().receivables
    assert (owed.principal_minor, owed.extras) == (50_186_875, {})
    assert owed.accrued_through == NOW.date()
    check_books(world)


def test_l16_principal_alone_does_not_take_the_interest_with_it() -> None:
    world = charging(receivable(open_minor=MILLION))
    pay(world, MILLION)
    (owed,) = world.account().receivables
    assert (owed.open_minor, owed.principal_minor) == (186_875, 186_875)
    check_books(world)


def test_money_of_which_the_bank_tells_late_bears_nothing_for_the_days_between() -> None:
    world = charging(receivable(open_minor=MILLION))
    world.run(NOW)  # a message goes out: three days of interest are charged
    assert movements(world) == [("interest", "interest", 186_875)]
    pay(world, MILLION, days_ago=2)  # paid on the first day past due
    assert movements(world) == [
        ("interest", "interest", -124_584),
        ("interest", "interest", 186_875),
        ("payment", "interest", -62_291),
        ("payment", "principal", -99_937_709),
    ]
    (owed,) = world.account().receivables
    assert owed.open_minor == 62_291
    check_books(world)


def test_the_same_days_are_charged_again_after_they_were_given_back() -> None:
    """L1: money of an earlier day, told of late, settles another debt, so the same days bear the
    same on the same principal."""
    world = charging(
        receivable("r0", late=9, open_minor=MILLION), receivable("r1", open_minor=MILLION)
    )
    world.run(NOW)
    for number in range(3):
        early = Incoming(
            f"E{number}",
            "import bank",
            "COP",
            NOW - 2 * DAY,
            PaymentState(approved=Said(1_000_00, NOW - 2 * DAY)),
            receivable_id="r0",
        )
        around = world.table.around("a1", ["r0"], ())
        world.book_payments()(OfAccount("a1", around.stored, [early], around.named))
        pay(world, 1_00, payment=f"P{number}")
    interest = {r.receivable_id: r.accrued_through for r in world.account().receivables}
    assert interest == {"r0": NOW.date(), "r1": NOW.date()}
    charged = [e for e in world.table.entries("a1") if e.receivable_id == "r1"]
    assert sum(e.amount_minor for e in charged if e.kind == "interest") == 186_875
    check_books(world)


def test_money_that_goes_back_bears_interest_from_that_day_on() -> None:
    world = charging(receivable(open_minor=MILLION))
    take = world.take_notice()
    take(notice("approved", MILLION + 186_875, reference="r1"), STRIPE)
    assert world.account().receivables == ()
    world.clock.at = NOW + 10 * DAY
    refunded = notice("refunded", MILLION + 186_875, at=NOW + 10 * DAY)
    assert world.take_notice()(refunded, STRIPE) == "booked"
    (owed,) = world.account().receivables
    assert (owed.principal_minor, owed.extras) == (MILLION, {"interest": 186_875})
    world.clock.at = NOW + 11 * DAY
    pay(world, 1, payment="P2", days_ago=-11)
    # One day since it was open again, and none of the ten on which it was paid.
    assert ("interest", "interest", 62_292) in movements(world)
    check_books(world)


def test_interest_of_many_receivables_goes_before_in_transactions_of_its_own() -> None:
    many = [receivable(f"r{n}", late=n % 20 + 1, open_minor=MILLION) for n in range(1, 61)]
    world, faults = charging(*many), Faults()
    take = world.take_notice(faults)
    assert take(notice("approved", 60 * MILLION, reference="r1"), STRIPE) == "booked"
    assert all(
        r.accrued_through == NOW.date() for r in world.table.receivables("a1") if r.open_minor
    )
    charged = [m for m in movements(world) if m[0] == "interest"]
    assert len(charged) == 60
    check_books(world)
