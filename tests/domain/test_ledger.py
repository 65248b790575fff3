"""The ledger: entries, balances, allocation, what the document has no room for (invariant 4)."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Beyond, Receivable
from escalon.domain.money import Component, MoneyError, minor_digits, to_major, to_minor
from escalon.domain.payments import ledger
from escalon.domain.payments.ledger import Booking, LedgerEntry, Payment
from escalon.domain.payments.payment import BookedPayment, Part, PaymentState, Said
from escalon.domain.rules.rulebook import Allocation
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


# --- components ----------------------------------------------------------------------------------

DUES = ("2026-07-01", "2026-08-01", "2026-09-01")


def bearing() -> Account:
    """Three invoices of 1,000 that bear interest; two with a fee, the oldest with a tax."""
    extras: list[dict[str, int]] = [
        {"interest": 30, "tax": 7},
        {"interest": 20, "fee": 50},
        {"interest": 10, "fee": 40},
    ]
    return account(
        *(
            receivable(
                due,
                receivable_id=f"r{number}",
                amount_minor=1_000,
                open_minor=1_000 + sum(extra.values()),
                extras=extra,
            )
            for number, (due, extra) in enumerate(zip(DUES, extras, strict=True), 1)
        )
    )


def moved(booking: Booking) -> list[tuple[str, str, int]]:
    return [(e.receivable_id, e.component, e.amount_minor) for e in booking.entries]


FEES_FIRST = [
    ("r2", "fee", -50),
    ("r3", "fee", -40),
    ("r1", "tax", -7),
    ("r1", "interest", -30),
    ("r2", "interest", -20),
    ("r3", "interest", -10),
    ("r1", "principal", -1_000),
    ("r2", "principal", -1_000),
    ("r3", "principal", -1_000),
]


@pytest.mark.parametrize(
    ("amount", "whole", "last"),
    [
        (49, 0, ("r2", "fee", -49)),
        (50, 1, None),
        (51, 1, ("r3", "fee", -1)),
        (157, 6, None),
        (158, 6, ("r1", "principal", -1)),
        (3_157, 9, None),
        (3_158, 9, ("", "principal", -1)),
    ],
)
def test_l16_money_settles_component_after_component_each_from_the_oldest_on(
    amount: int, whole: int, last: tuple[str, str, int] | None
) -> None:
    """Fees, taxes and interest of all before any principal (Colombia: Civil Code 1653)."""
    booking = ledger.pay(bearing(), bearing().receivables, paid(amount))
    assert moved(booking) == [*FEES_FIRST[:whole], *([last] if last else [])]
    parts = [(p.receivable_id, p.component, -p.amount_minor) for p in booking.parts]
    assert parts == moved(booking)


def test_what_the_payer_names_goes_before_all_others_with_all_its_components() -> None:
    """Civil Code 1654; what is left follows the order of the components."""
    debt = bearing()
    booking = ledger.pay(debt, debt.receivables, paid(1_200, receivable_id="r3"))
    assert moved(booking) == [
        ("r3", "fee", -40),
        ("r3", "interest", -10),
        ("r3", "principal", -1_000),
        ("r2", "fee", -50),
        ("r1", "tax", -7),
        ("r1", "interest", -30),
        ("r2", "interest", -20),
        ("r1", "principal", -43),
    ]


def test_the_rule_may_put_principal_first_and_heed_no_name() -> None:
    rule = Allocation(("principal", "interest", "fee", "tax"), named_first=False)
    debt = bearing()
    booking = ledger.pay(debt, debt.receivables, paid(1_050, receivable_id="r3"), rule)
    assert moved(booking) == [("r1", "principal", -1_000), ("r2", "principal", -50)]


def test_open_is_the_sum_of_its_components() -> None:
    debt = bearing()
    booking = ledger.pay(debt, debt.receivables, paid(60))
    r2, r3 = (r for r in booking.account.receivables if r.receivable_id != "r1")
    assert (r2.open_minor, r2.extras, r2.principal_minor) == (1_020, {"interest": 20}, 1_000)
    assert (r3.open_minor, r3.extras) == (1_040, {"interest": 10, "fee": 30})
    assert [ledger.open_of(r3, c) for c in ("principal", "interest", "fee", "tax")] == [
        1_000,
        10,
        30,
        0,
    ]


def test_what_is_charged_on_top_stands_apart_from_the_principal() -> None:
    fresh = receivable(open_minor=1_000, amount_minor=1_000)
    more: dict[str, Any] = {"booked_at": NOON, "cause": "interest of 2026-09"}
    booking = ledger.charge_extra(account(fresh), fresh, "interest", 25, **more)
    (entry,) = booking.entries
    assert (entry.kind, entry.component, entry.amount_minor) == ("interest", "interest", 25)
    (changed,) = booking.account.receivables
    assert (changed.open_minor, changed.principal_minor, changed.amount_minor) == (
        1_025,
        1_000,
        1_000,
    )
    taxed = ledger.charge_extra(booking.account, changed, "tax", 4, **more)
    assert [(e.kind, e.component) for e in taxed.entries] == [("fee", "tax")]
    back = ledger.charge_extra(taxed.account, taxed.changed[0], "interest", -25, **more)
    assert back.changed[0].extras == {"tax": 4}


@pytest.mark.parametrize(
    ("component", "amount"), [("interest", -26), ("interest", 0), ("fee", -1), ("principal", 5)]
)
def test_nothing_is_charged_that_is_nothing_or_gives_back_too_much(
    component: Component, amount: int
) -> None:
    owed = receivable(open_minor=1_025, extras={"interest": 25})
    with pytest.raises(MoneyError):
        ledger.charge_extra(
            account(owed), owed, component, amount, booked_at=NOON, cause="c"
        )  # fmt: skip


def test_l1_a_fee_has_the_name_of_its_cause_whatever_it_comes_to() -> None:
    """A step that runs twice charges once, even if its rule was edited in between."""
    owed = receivable()

    def fee(amount: int, cause: str = "r1/firm/late_fee") -> str:
        booking = ledger.charge_extra(
            account(owed), owed, "fee", amount, booked_at=NOON, cause=cause
        )  # fmt: skip
        return booking.entries[0].entry_id

    assert fee(500) == fee(600)
    assert fee(500) != fee(500, "r1/last_notice/late_fee")


def test_an_adjustment_is_of_the_principal_alone() -> None:
    owed = receivable(open_minor=1_025, amount_minor=1_000, extras={"interest": 25})
    booking = ledger.adjust(
        account(owed), owed, amount_minor=1_000, open_minor=400, booked_at=NOON, cause="i"
    )
    assert [(e.component, e.amount_minor) for e in booking.entries] == [("principal", -600)]
    assert (booking.changed[0].open_minor, booking.changed[0].extras) == (425, {"interest": 25})


# --- given up ------------------------------------------------------------------------------------


def test_l16_what_is_given_up_is_an_entry_for_each_component() -> None:
    debt = bearing()
    first = debt.receivables[0]
    booking = ledger.give_up(
        debt, first, "waiver", {"interest": 30, "principal": 1}, booked_at=NOON, cause="act-1"
    )
    assert [(e.kind, e.component, e.amount_minor) for e in booking.entries] == [
        ("waiver", "interest", -30),
        ("waiver", "principal", -1),
    ]
    assert (booking.changed[0].open_minor, booking.changed[0].extras) == (1_006, {"tax": 7})
    gone = ledger.give_up(
        booking.account, booking.changed[0], "write_off", {"principal": 999, "tax": 7},
        booked_at=NOON, cause="act-2",
    )  # fmt: skip
    assert left(gone) == {"r2": 1_070, "r3": 1_050}


@pytest.mark.parametrize(
    "amounts", [{"interest": 31}, {"principal": 1_001}, {"fee": 1}, {"tax": 0}, {"tax": -1}, {}]
)
def test_no_more_is_given_up_than_is_open_and_no_less_than_something(
    amounts: dict[Component, int],
) -> None:
    debt = bearing()
    with pytest.raises(MoneyError):
        ledger.give_up(
            debt, debt.receivables[0], "waiver", amounts, booked_at=NOON, cause="act"
        )  # fmt: skip


# --- credit, and money that goes -----------------------------------------------------------------


def as_booked(booking: Booking, payment: Payment) -> BookedPayment:
    """What the account keeps of a payment that was just allocated."""
    return BookedPayment(
        payment.payment_id,
        "bank",
        payment.creditor,
        payment.currency,
        NOON,
        PaymentState(approved=Said(payment.amount_minor, NOON)),
        parts=booking.parts,
        turns=1,
    )


def with_credit(amount: int = 100) -> tuple[Account, BookedPayment]:
    booking = ledger.pay(account(), (), paid(amount))
    return booking.account, as_booked(booking, paid(amount))


def test_credit_settles_what_is_owed_as_a_payment_would() -> None:
    credit, booked = with_credit(5_000)
    owed = [receivable(due, receivable_id=due, open_minor=3_000) for due in DUES[:2]]
    booking = ledger.apply_credit(ledger.whole(credit, owed), owed, booked)
    assert moved(booking) == [
        ("", "principal", 5_000),
        ("2026-07-01", "principal", -3_000),
        ("2026-08-01", "principal", -2_000),
    ]
    assert booking.account.credits == {}
    assert left(booking) == {"2026-08-01": 1_000}
    assert booking.parts == (
        Part("2026-07-01", "principal", 3_000),
        Part("2026-08-01", "principal", 2_000),
    )


@pytest.mark.parametrize(
    ("most", "named", "expected", "credit"),
    [
        (None, "", {"2026-08-01": 900}, 0),
        (None, "2026-08-01", {"2026-07-01": 60, "2026-08-01": 840}, 0),
        (40, "", {"2026-07-01": 20, "2026-08-01": 940}, 60),
        (40, "2026-08-01", {"2026-07-01": 60, "2026-08-01": 900}, 60),
        (999, "2026-07-01", {"2026-08-01": 940}, 40),
        (0, "", {"2026-07-01": 60, "2026-08-01": 940}, 100),
        (-1, "", {"2026-07-01": 60, "2026-08-01": 940}, 100),
        (None, "nobody", {"2026-07-01": 60, "2026-08-01": 940}, 100),
    ],
)
def test_so_much_of_a_credit_is_applied_and_to_whom_it_is_meant_for(
    most: int | None, named: str, expected: dict[str, int], credit: int
) -> None:
    given, booked = with_credit(100)
    owed = [
        receivable(due, receivable_id=due, open_minor=minor)
        for due, minor in zip(DUES, (60, 940), strict=False)
    ]
    booking = ledger.apply_credit(ledger.whole(given, owed), owed, booked, most, named)
    assert left(booking) == expected
    assert booking.account.credits == ({"andina|COP": credit} if credit else {})
    assert sum(part.amount_minor for part in booking.parts) == 100
    assert sum(entry.amount_minor for entry in booking.entries) == 0


def test_the_credit_of_one_payment_is_not_that_of_another() -> None:
    given, booked = with_credit(100)
    both = replace(given, credits={"andina|COP": 250})
    owed = [receivable(open_minor=200)]
    booking = ledger.apply_credit(ledger.whole(both, owed), owed, booked)
    assert (left(booking), booking.account.credits) == ({"r1": 100}, {"andina|COP": 150})


@given(
    st.lists(
        st.tuples(st.integers(1, 50), st.integers(0, 20), st.integers(0, 20)),
        min_size=1,
        max_size=9,
    ),
    st.integers(1, 700),
    st.integers(1, 6),
    st.sampled_from(["", "r0", "r3"]),
)
def test_credit_that_is_applied_bit_by_bit_ends_where_a_payment_does(
    debts: list[tuple[int, int, int]], amount: int, most_parts: int, named: str
) -> None:
    """However little a transaction holds, the law's order is kept (Civil Code 1653, 1654)."""
    owed: Sequence[Receivable] = [
        receivable(
            date.fromordinal(740_000 + number % 3).isoformat(),
            receivable_id=f"r{number}",
            open_minor=principal + interest + fee,
            extras={k: v for k, v in (("interest", interest), ("fee", fee)) if v},
        )
        for number, (principal, interest, fee) in enumerate(debts)
    ]
    money = paid(amount, receivable_id=named)
    at_once = ledger.pay(account(*owed), owed, money)
    first = ledger.pay(account(*owed), (), money)
    debt, booked = first.account, replace(as_booked(first, money), receivable_id=named)
    while True:
        booking = ledger.apply_credit(debt, owed, booked, most_parts=most_parts)
        if not booking.entries:
            break
        assert len(booking.entries) <= 1 + most_parts
        now = {r.receivable_id: r for r in booking.changed}
        owed = [now.get(r.receivable_id, r) for r in owed]
        owed = [r for r in owed if r.open_minor]
        debt, booked = ledger.whole(booking.account, owed), booked.turned(booking.parts)
    assert left(Booking(debt, (), ())) == left(at_once)
    assert debt.credits == at_once.account.credits
    assert sorted(map(_plain, booked.parts)) == sorted(map(_plain, at_once.parts))


def test_parts_of_one_component_of_one_receivable_are_one() -> None:
    before = (Part("r1", "fee", 5), Part("", "principal", 9))
    more = (Part("r2", "fee", 1), Part("r1", "fee", 2), Part("r1", "principal", 3))
    assert ledger.joined(before, more) == (
        Part("r1", "fee", 7),
        Part("", "principal", 9),
        Part("r2", "fee", 1),
        Part("r1", "principal", 3),
    )


def settled() -> tuple[Account, dict[str, Receivable], BookedPayment]:
    """100 of credit, 30 of the interest and 500 of the principal of r1, 40 of the fee of r3."""
    debt = bearing()
    changed = {r.receivable_id: r for r in debt.receivables}
    parts = (
        Part("r3", "fee", 40),
        Part("", "principal", 100),
        Part("r1", "interest", 30),
        Part("r1", "principal", 500),
    )
    changed["r1"] = replace(changed["r1"], open_minor=507, extras={"tax": 7})
    changed["r3"] = replace(changed["r3"], open_minor=1_010, extras={"interest": 10})
    debt = replace(debt, receivables=tuple(changed.values()), credits={"andina|COP": 100})
    state = PaymentState(approved=Said(670, NOON))
    booked = BookedPayment("p1", "bank", "andina", "COP", NOON, state, parts=parts, turns=2)
    return debt, changed, booked


@pytest.mark.parametrize(
    ("amount", "entries", "kept"),
    [
        (
            99,
            [("", "principal", 99)],
            [
                ("r3", "fee", 40),
                ("r1", "interest", 30),
                ("r1", "principal", 500),
                ("", "principal", 1),
            ],
        ),
        (
            101,
            [("", "principal", 100), ("r1", "principal", 1)],
            [("r3", "fee", 40), ("r1", "interest", 30), ("r1", "principal", 499)],
        ),
        (
            631,
            [
                ("", "principal", 100),
                ("r1", "principal", 500),
                ("r1", "interest", 30),
                ("r3", "fee", 1),
            ],
            [("r3", "fee", 39)],
        ),
        (
            670,
            [
                ("", "principal", 100),
                ("r1", "principal", 500),
                ("r1", "interest", 30),
                ("r3", "fee", 40),
            ],
            [],
        ),
    ],
)
def test_money_that_goes_was_credit_first_then_what_was_settled_last(
    amount: int, entries: list[tuple[str, str, int]], kept: list[tuple[str, str, int]]
) -> None:
    debt, receivables, booked = settled()
    booking = ledger.take_back(debt, receivables, booked, amount, "refund", NOON)
    assert moved(booking) == entries
    assert {e.kind for e in booking.entries} == {"refund"}
    assert [_plain(part) for part in booking.parts] == kept
    assert sum(r.open_minor for r in booking.account.receivables) == 2_587 + max(0, amount - 100)
    assert booking.account.credits.get("andina|COP", 0) == max(0, 100 - amount)


def _plain(part: Part) -> tuple[str, str, int]:
    return part.receivable_id, part.component, part.amount_minor


def test_what_was_settled_is_open_again() -> None:
    owed = receivable(open_minor=700, extras={"interest": 100})
    money = paid(700)
    booking = ledger.pay(account(owed), [owed], money)
    assert booking.account.receivables == ()
    known = {r.receivable_id: r for r in booking.changed}
    back = ledger.take_back(
        booking.account, known, as_booked(booking, money), 700, "chargeback", NOON
    )
    assert back.account.receivables == (owed,)
    assert back.parts == ()


@pytest.mark.parametrize("amount", [0, -1, 671])
def test_no_more_goes_than_came_and_no_less_than_something(amount: int) -> None:
    debt, receivables, booked = settled()
    with pytest.raises(MoneyError):
        ledger.take_back(debt, receivables, booked, amount, "refund", NOON)


def test_the_entries_of_every_turn_have_names_of_their_own() -> None:
    """Paid, taken back and paid again: the very same amounts, and six entries."""
    owed = receivable(open_minor=500)
    money = paid(600)
    entries: list[LedgerEntry] = []
    first = ledger.pay(account(owed), [owed], money)
    entries.extend(first.entries)
    booked = as_booked(first, money)
    known = {r.receivable_id: r for r in first.changed}
    back = ledger.take_back(first.account, known, booked, 600, "chargeback", NOON)
    entries.extend(back.entries)
    booked = booked.turned(back.parts)
    again = Payment("p1", "andina", 600, "COP", NOON, turn=booked.turns)
    entries.extend(ledger.pay(back.account, back.account.receivables, again).entries)
    assert [e.amount_minor for e in entries] == [-500, -100, 100, 500, -500, -100]
    assert len({e.entry_id for e in entries}) == 6


# --- the whole account ---------------------------------------------------------------------------


def test_an_account_with_receivables_beyond_is_handed_in_whole() -> None:
    """Else those that it does not embed would be forgotten."""
    owed = many(25)
    debt = ledger.embed(account(), owed)
    with pytest.raises(ValueError, match="whole"):
        ledger.give_up(debt, owed[0], "waiver", {"principal": 1}, booked_at=NOON, cause="a")
    booking = ledger.give_up(
        ledger.whole(debt, owed), owed[0], "waiver", {"principal": 1}, booked_at=NOON, cause="a"
    )
    assert booking.account.beyond == {"andina|COP": Beyond(5, 500)}
    assert booking.account.receivables[0].open_minor == 99


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
