"""The ledger: entries, balances, allocation, what the document has no room for (invariant 4)."""

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from escalon.domain import ledger
from escalon.domain.account import Account, Beyond, Receivable
from escalon.domain.ledger import Payment
from escalon.domain.money import MoneyError, minor_digits, to_major, to_minor
from tests.domain.debts import account, at, receivable

NOON = at("2026-09-01 12:00")


def paid(amount_minor: int, **more: str) -> Payment:
    made = {"payment_id": "p1", "creditor": "andina", "currency": "COP", **more}
    return Payment(amount_minor=amount_minor, paid_at=NOON, **made)


def debts() -> Account:
    """Two invoices of andina in pesos, one in dollars, one of cordillera."""
    return account(
        receivable("2026-08-01", receivable_id="old", open_minor=3_000, amount_minor=3_000),
        receivable("2026-09-01", receivable_id="young", open_minor=5_000, amount_minor=5_000),
        receivable("2026-07-01", receivable_id="usd", open_minor=700, currency="USD"),
        receivable("2026-07-01", receivable_id="other", open_minor=900, creditor="cordillera"),
    )


def left(booking: ledger.Booking) -> dict[str, int]:
    return {r.receivable_id: r.open_minor for r in booking.account.receivables}


def test_a_new_receivable_is_a_charge() -> None:
    fresh = receivable()
    booking = ledger.charge(account(), fresh, NOON)
    (entry,) = booking.entries
    assert (entry.kind, entry.amount_minor, entry.cause) == ("charge", 10_000_000, "issued")
    assert booking.account.receivables == (fresh,)


def test_what_was_paid_before_we_knew_it_is_an_entry_of_its_own() -> None:
    booking = ledger.charge(account(), receivable(open_minor=4_000_000), NOON)
    assert [(e.kind, e.amount_minor) for e in booking.entries] == [
        ("charge", 10_000_000),
        ("adjustment", -6_000_000),
    ]


def test_what_comes_with_nothing_open_is_not_chased() -> None:
    booking = ledger.charge(account(), receivable(open_minor=0), NOON)
    assert sum(e.amount_minor for e in booking.entries) == 0
    assert booking.account.receivables == ()


@pytest.mark.parametrize(
    ("amount", "of", "expected", "credit"),
    [
        (1, "", {"old": 2_999, "young": 5_000}, 0),
        (3_000, "", {"young": 5_000}, 0),
        (3_001, "", {"young": 4_999}, 0),
        (3_000, "young", {"old": 3_000, "young": 2_000}, 0),
        (6_000, "young", {"old": 2_000}, 0),  # the rest goes to the oldest
        (8_000, "", {}, 0),
        (8_001, "", {}, 1),
        (8_001, "nobody", {}, 1),
    ],
)
def test_money_goes_to_what_it_names_then_to_the_oldest_and_the_rest_is_credit(
    amount: int, of: str, expected: dict[str, int], credit: int
) -> None:
    debt = debts()
    booking = ledger.pay(debt, debt.receivables, paid(amount, receivable_id=of))
    assert left(booking) == {**expected, "usd": 700, "other": 900}
    assert booking.account.credits == ({"andina|COP": credit} if credit else {})
    assert sum(entry.amount_minor for entry in booking.entries) == -amount


def test_money_of_another_currency_or_creditor_pays_nothing_and_is_kept() -> None:
    """E1, invariant 5"""
    debt = debts()
    euros = ledger.pay(debt, debt.receivables, paid(500, currency="EUR", receivable_id="old"))
    assert left(euros) == left(ledger.Booking(debt, (), ()))
    assert euros.account.credits == {"andina|EUR": 500}
    (entry,) = euros.entries
    assert (entry.receivable_id, entry.amount_minor, entry.kind) == ("", -500, "payment")


def test_credit_grows_with_every_payment_too_many() -> None:
    debt = replace(account(), credits={"andina|COP": 7})
    booking = ledger.pay(debt, (), paid(5))
    assert booking.account.credits == {"andina|COP": 12}


def test_no_money_is_no_entry_and_money_that_goes_back_is_no_payment() -> None:
    debt = debts()
    assert ledger.pay(debt, debt.receivables, paid(0)).entries == ()
    with pytest.raises(MoneyError):
        ledger.pay(debt, debt.receivables, paid(-1))


def test_an_entry_has_the_same_name_whenever_it_is_booked() -> None:
    """Invariant 5: booking twice books once, since the second write finds the first."""
    debt = debts()
    once = ledger.pay(debt, debt.receivables, paid(4_000)).entries
    again = ledger.pay(debt, debt.receivables, paid(4_000)).entries
    other = ledger.pay(debt, debt.receivables, paid(4_000, payment_id="p2")).entries
    assert [e.entry_id for e in once] == [e.entry_id for e in again]
    assert {e.entry_id for e in once}.isdisjoint(e.entry_id for e in other)


@pytest.mark.parametrize(
    ("open_minor", "entries"),
    [(9_000_000, [-1_000_000]), (12_000_000, [2_000_000]), (10_000_000, [])],
)
def test_another_statement_of_the_source_is_an_adjustment(
    open_minor: int, entries: list[int]
) -> None:
    fresh = receivable()
    booking = ledger.adjust(
        account(fresh), fresh, amount_minor=12_000_000, open_minor=open_minor,
        booked_at=NOON, cause="import-2",
    )  # fmt: skip
    assert [e.amount_minor for e in booking.entries] == entries
    (changed,) = booking.changed
    assert (changed.open_minor, changed.amount_minor) == (open_minor, 12_000_000)
    assert booking.account.receivables == (changed,)


def test_what_is_settled_leaves_the_account_and_what_opens_again_comes_back() -> None:
    fresh = receivable()
    more = {"amount_minor": 10_000_000, "booked_at": NOON, "cause": "import-2"}
    settled = ledger.adjust(account(fresh), fresh, open_minor=0, **more)
    assert settled.account.receivables == ()
    reopened = ledger.adjust(settled.account, settled.changed[0], open_minor=500, **more)
    assert left(reopened) == {"r1": 500}


def many(count: int) -> list[Receivable]:
    return [
        receivable(date.fromordinal(740_000 + n).isoformat(), receivable_id=f"r{n}", open_minor=100)
        for n in range(count)
    ]


@pytest.mark.parametrize(("count", "beyond"), [(19, 0), (20, 0), (21, 1), (45, 25)])
def test_the_twenty_oldest_are_embedded_and_the_others_summed(count: int, beyond: int) -> None:
    debt = ledger.embed(account(), reversed(many(count)))
    assert [r.receivable_id for r in debt.receivables] == [f"r{n}" for n in range(count - beyond)]
    assert debt.beyond == ({"andina|COP": Beyond(beyond, 100 * beyond)} if beyond else {})


def test_what_has_no_due_date_is_embedded_so_that_somebody_sees_it() -> None:
    debt = ledger.embed(account(), [*many(20), receivable(None, receivable_id="undated")])
    assert debt.receivables[0].receivable_id == "undated"


def test_an_account_with_nothing_open_has_nothing_to_mend() -> None:
    asked = replace(account(receivable()), exceptions=("data_repair:andina:email+sms",))
    booking = ledger.pay(asked, asked.receivables, paid(10_000_000))
    assert booking.account.exceptions == ()
    still_open = ledger.pay(asked, asked.receivables, paid(9_999_999))
    assert still_open.account.exceptions == asked.exceptions


# --- amounts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1234567.89", "COP", 123_456_789),
        ("1234567", "CLP", 1_234_567),
        ("1.234", "KWD", 1_234),
        ("-0.01", "USD", -1),
        ("10.50", "USD", 1_050),
        ("10.5000", "USD", 1_050),
        ("1e3", "USD", 100_000),
        ("9999999999999999.99", "COP", 999_999_999_999_999_999),
    ],
)
def test_an_amount_becomes_minor_units_of_its_currency(
    amount: str, currency: str, minor: int
) -> None:
    assert to_minor(Decimal(amount), currency) == minor
    assert to_major(minor, currency) == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.001", "COP"),
        ("10.5", "CLP"),
        ("NaN", "COP"),
        ("Infinity", "COP"),
        ("10000000000000000", "COP"),
        ("1.00000000000000000000000000000000000000000001", "COP"),  # would round to 1.00
        ("123456789012345678901234567890.91", "COP"),
    ],
)
def test_what_is_no_amount_of_its_currency_is_refused_and_never_rounded(
    amount: str, currency: str
) -> None:
    with pytest.raises(MoneyError):
        to_minor(Decimal(amount), currency)


def test_currencies_have_the_digits_that_iso_4217_gives_them() -> None:
    codes = ("COP", "USD", "CLP", "PYG", "KWD", "CLF", "JPY")
    assert [minor_digits(code) for code in codes] == [2, 2, 0, 0, 3, 4, 0]
