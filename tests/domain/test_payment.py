"""A payment's state out of notices in any order; the same money told of twice (L25)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalon.domain.account import Awaited, SeenPayment
from escalon.domain.money import MoneyError
from escalon.domain.payments.payment import (
    Chargeback,
    Incoming,
    NoticeKind,
    PaymentNotice,
    PaymentState,
    Said,
    SeenTwice,
    awaiting,
    merge,
    net,
    no_longer_awaited,
    seen_before,
    state_of,
    why_less,
)
from tests.domain.debts import BOGOTA, at

T1, T2, T3, T4 = (datetime(2026, 9, day, 15, tzinfo=UTC) for day in (1, 2, 3, 4))

INSTANTS = st.sampled_from([T1, T2, T3])
SAYINGS = st.builds(Said, st.integers(0, 300), INSTANTS)
CONTESTED = st.builds(
    Chargeback, st.sampled_from(["opened", "won", "lost"]), st.integers(0, 300), INSTANTS
)
STATES = st.builds(
    PaymentState,
    approved=st.none() | SAYINGS,
    refunded=st.none() | SAYINGS,
    pending_since=st.none() | INSTANTS,
    declined=st.booleans(),
    voided=st.booleans(),
    chargebacks=st.dictionaries(st.sampled_from(["", "d1", "d2"]), CONTESTED, max_size=3),
)


def said(
    kind: NoticeKind, amount_minor: int | None = None, when: datetime | None = T1, case: str = ""
) -> PaymentState:
    notice = PaymentNotice(
        "stripe", "e", kind, "pi_1", amount_minor, "COP", occurred_at=when, case_key=case
    )
    return state_of(notice, T4)


def together(*states: PaymentState) -> PaymentState:
    merged = PaymentState()
    for state in states:
        merged = merge(merged, state)
    return merged


# ------------------------------------------------------------------------------- merging


@given(STATES, STATES)
def test_merging_does_not_depend_on_the_order(one: PaymentState, other: PaymentState) -> None:
    assert merge(one, other) == merge(other, one)


@given(STATES, STATES, STATES)
def test_merging_does_not_depend_on_what_is_merged_first(
    one: PaymentState, other: PaymentState, third: PaymentState
) -> None:
    assert merge(merge(one, other), third) == merge(one, merge(other, third))


@given(STATES, STATES)
def test_merging_again_changes_nothing(one: PaymentState, other: PaymentState) -> None:
    merged = merge(one, other)
    assert merge(merged, one) == merge(merged, other) == merged
    assert merge(one, PaymentState()) == one


@given(STATES)
def test_nothing_of_a_payment_is_less_than_nothing_or_more_than_was_approved(
    state: PaymentState,
) -> None:
    assert 0 <= net(state) <= (state.approved.amount_minor if state.approved else 0)


# --------------------------------------------------------------------------- what is ours


@pytest.mark.parametrize(
    ("states", "ours"),
    [
        ([], 0),
        ([said("pending", 100)], 0),
        ([said("declined", 100)], 0),
        ([said("approved", 100)], 100),
        ([said("approved", 100), said("pending", 100, T3)], 100),
        ([said("declined"), said("approved", 100, T2)], 100),
        ([said("approved", 100), said("declined", when=T3)], 100),
        ([said("approved", 100, T1), said("approved", 80, T2)], 80),  # less was captured
        ([said("approved", 100), said("voided")], 0),
        ([said("voided"), said("approved", 100, T3)], 0),
        ([said("refunded", 30)], 0),
        ([said("refunded", 30), said("approved", 100, T2)], 70),
        ([said("approved", 100), said("refunded", 30), said("refunded", 50, T2)], 50),
        ([said("approved", 100), said("refunded", 50, T2), said("refunded", 30)], 50),
        ([said("approved", 100), said("refunded", 50), said("refunded", 0, T2)], 100),  # it failed
        ([said("approved", 100), said("refunded", 100)], 0),
        ([said("approved", 100), said("refunded", 101)], 0),
    ],
)
def test_what_is_ours_of_a_payment(states: list[PaymentState], ours: int) -> None:
    assert net(together(*states)) == ours
    assert net(together(*reversed(states))) == ours


OPENED, WON, LOST = "chargeback_opened", "chargeback_won", "chargeback_lost"


@pytest.mark.parametrize(
    ("contested", "ours"),
    [
        ([(OPENED, 100, T1)], 0),
        ([(OPENED, 60, T1)], 40),
        ([(OPENED, 150, T1)], 0),  # fees on top are no money of the debtor's
        ([(OPENED, 60, T1), (WON, 60, T2)], 100),
        ([(OPENED, 60, T3), (WON, 60, T2)], 100),  # an outcome stands against a late "opened"
        ([(OPENED, 60, T1), (LOST, 40, T2)], 60),  # less was lost than was contested
        ([(LOST, 60, T1), (WON, 60, T2)], 100),  # an appeal
        ([(WON, 60, T1), (LOST, 60, T2)], 40),
    ],
)
def test_what_is_ours_of_a_contested_payment(
    contested: list[tuple[NoticeKind, int, datetime]], ours: int
) -> None:
    states = [said("approved", 100), *(said(kind, minor, when) for kind, minor, when in contested)]
    assert net(together(*states)) == ours
    assert net(together(*reversed(states))) == ours


def test_chargebacks_of_one_payment_are_told_apart() -> None:
    first, second = said(OPENED, 30, case="d1"), said(OPENED, 20, case="d2")
    state = together(said("approved", 100), said("refunded", 10), first, second)
    assert net(state) == 40
    assert net(merge(state, said(WON, 30, T2, case="d1"))) == 70


def test_what_names_no_instant_is_said_when_we_hear_it() -> None:
    assert said("approved", 100, None) == PaymentState(approved=Said(100, T4))
    assert said("pending", when=None) == PaymentState(pending_since=T4)
    assert said("other", 100) == PaymentState()


@pytest.mark.parametrize("kind", ["approved", "refunded", OPENED, WON, LOST])
@pytest.mark.parametrize("amount", [None, -1])
def test_money_that_moves_says_how_much(kind: NoticeKind, amount: int | None) -> None:
    """Taken for nothing, it would undo what is known."""
    with pytest.raises(MoneyError):
        said(kind, amount)
    assert said("voided") == PaymentState(voided=True)


@pytest.mark.parametrize(
    ("kind", "amount", "why"),
    [
        ("voided", None, "reversal"),
        ("refunded", 10, "refund"),
        (OPENED, 10, "chargeback"),
        ("approved", 90, "reversal"),
        ("approved", 110, None),
        ("declined", None, None),
        ("pending", None, None),
    ],
)
def test_why_money_went(kind: NoticeKind, amount: int | None, why: str | None) -> None:
    before = said("approved", 100)
    assert why_less(before, merge(before, said(kind, amount, T2))) == why


@pytest.mark.parametrize(
    ("kind", "settled"),
    [("approved", True), ("declined", True), ("voided", True), ("pending", False), (OPENED, False)],
)
def test_an_answer_settles_what_was_waited_for(kind: NoticeKind, settled: bool) -> None:
    assert said(kind, 100).is_settled is settled


# --------------------------------------------------------------------------- seen before

NOON = at("2026-09-10 12:00")


def seen(**more: Any) -> SeenPayment:
    made = {
        "payment_id": "stripe:pi_1",
        "source": "stripe",
        "amount_minor": 5_000,
        "currency": "COP",
        "paid_at": NOON,
        "receivable_id": "r1",
        **more,
    }
    return SeenPayment(**made)


def told(**more: Any) -> Incoming:
    """A line of a bank's file about the same money."""
    amount = more.pop("amount_minor", 5_000)
    paid_at = more.pop("paid_at", NOON)
    made: dict[str, Any] = {
        "payment_id": "B-77",
        "source": "import bank",
        "currency": "COP",
        "paid_at": paid_at,
        "state": PaymentState(approved=Said(amount, paid_at)),
        "receivable_id": "r1",
        **more,
    }
    return Incoming(**made)


def twice(*before: SeenPayment, money: Incoming, within_days: int = 3) -> SeenTwice | None:
    return seen_before(before, money, within_days, (BOGOTA,))


SURE = SeenTwice(("stripe:pi_1",), sure=True)
DOUBTFUL = SeenTwice(("stripe:pi_1",), sure=False)


def test_the_same_money_of_two_sources_is_one_payment() -> None:
    assert twice(seen(), money=told()) == SURE


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("r1", "r1", SURE),
        ("r1", "r2", None),
        ("r1", "", DOUBTFUL),
        ("", "r1", DOUBTFUL),
        ("", "", DOUBTFUL),
    ],
)
def test_l25_who_names_no_obligation_leaves_a_doubt(
    before: str, now: str, expected: SeenTwice | None
) -> None:
    assert twice(seen(receivable_id=before), money=told(receivable_id=now)) == expected


@pytest.mark.parametrize(
    "other",
    [
        {"amount_minor": 4_999},
        {"amount_minor": 5_001},
        {"currency": "USD"},
        {"source": "import bank"},  # one source tells of two payments
        {"seen_in": ("import bank",)},  # and has told of this one already
    ],
)
def test_other_money_is_another_payment(other: dict[str, Any]) -> None:
    assert twice(seen(**other), money=told()) is None


@pytest.mark.parametrize(
    ("days", "expected"),
    [(-4, None), (-3, SURE), (-2, SURE), (0, SURE), (2, SURE), (3, SURE), (4, None)],
)
def test_l25_dates_lie_near_up_to_the_very_day(days: int, expected: SeenTwice | None) -> None:
    assert twice(seen(), money=told(paid_at=NOON + timedelta(days=days))) == expected


@pytest.mark.parametrize(
    ("paid_at", "expected"),
    [
        ("2026-09-13 23:59", SURE),  # 4 days less a minute, and three dates further
        ("2026-09-14 00:00", None),
        ("2026-09-07 00:00", SURE),
        ("2026-09-06 23:59", None),
    ],
)
def test_l25_a_bank_books_on_a_date_at_no_hour_of_the_debtors(
    paid_at: str, expected: SeenTwice | None
) -> None:
    """Paid on Thursday at noon, booked late on Sunday: three dates apart, if more than 72 hours."""
    assert twice(seen(), money=told(paid_at=at(paid_at))) == expected


def test_what_two_providers_tell_of_are_two_payments() -> None:
    by_wompi = told(payment_id="wompi:1", source="wompi", by_provider=True)
    assert twice(seen(by_provider=True), money=by_wompi) is None
    assert twice(seen(payment_id="B-1", source="import bank"), money=by_wompi) == SeenTwice(
        ("B-1",), sure=True
    )


def test_a_file_that_names_the_providers_id_leaves_no_doubt() -> None:
    first, second = seen(), seen(payment_id="stripe:pi_2", receivable_id="r2")
    money = told(payment_id="pi_2", receivable_id="")
    assert twice(first, second, money=money) == SeenTwice(("stripe:pi_2",), sure=True)


def test_of_several_the_nearest_is_the_one() -> None:
    before = [
        seen(payment_id="p-far", paid_at=NOON + timedelta(days=2)),
        seen(payment_id="p-near", paid_at=NOON - timedelta(hours=1)),
        seen(payment_id="p-unnamed", receivable_id=""),
    ]
    assert twice(*before, money=told()) == SeenTwice(("p-near",), sure=True)
    assert twice(*before, money=told(receivable_id="")) == SeenTwice(
        ("p-unnamed", "p-near", "p-far"), sure=False
    )


# ------------------------------------------------------------------------ money under way

DAY = timedelta(hours=24)


def under_way(since: datetime = T1, payment_id: str = "stripe:pi_1") -> Awaited:
    return Awaited(payment_id, since, since + DAY, "andina", 100, "COP")


def test_l21_the_first_word_counts_and_is_never_extended() -> None:
    first = awaiting((), under_way(), T1)
    assert first == (under_way(),)
    again = T1 + timedelta(hours=20)
    assert awaiting(first, under_way(again), again) == first
    long_after = T1 + timedelta(days=9)
    assert awaiting(first, under_way(long_after), long_after) == first


def test_l21_nobody_waits_for_what_has_failed_even_if_a_late_word_comes() -> None:
    failed = T1 + timedelta(hours=2)
    ended = no_longer_awaited((under_way(), under_way(T1, "other")), {"stripe:pi_1"}, failed)
    assert [one.until for one in ended] == [failed, T1 + DAY]
    assert no_longer_awaited(ended, {"stripe:pi_1"}, T3) == ended
    late = awaiting(ended, under_way(failed + DAY), T1 + timedelta(hours=1))
    assert late == ended


def test_l21_another_attempt_is_waited_for_within_the_same_hours() -> None:
    failed, again = T1 + timedelta(hours=2), T1 + timedelta(hours=3)
    ended = no_longer_awaited((under_way(),), {"stripe:pi_1"}, failed)
    (one,) = awaiting(ended, under_way(again), again)
    assert (one.since, one.until) == (T1, T1 + DAY)


def test_an_account_keeps_the_last_eight_payments_under_way_in_mind() -> None:
    awaited: tuple[Awaited, ...] = ()
    for number in range(9):
        awaited = awaiting(awaited, under_way(T1, f"p{number}"), T1)
    assert [one.payment_id for one in awaited] == [f"p{number}" for number in range(1, 9)]
