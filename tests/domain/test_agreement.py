"""Agreements: what becomes of promises, plans and settlements as money and time move."""

import re
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Receivable, StepRecord
from escalon.domain.agreements.agreed import (
    Acceptance,
    Agreement,
    Asked,
    Change,
    Instalment,
    Moved,
    Party,
    Pause,
    State,
    resting,
)
from escalon.domain.agreements.agreement import (
    TRANSITIONS,
    AgreementError,
    Followed,
    Resumption,
    accept,
    approve,
    beyond,
    cancel,
    follow,
    fulfilled_by,
    given_up_by_people,
    looks_on,
    money_moved,
    reminder,
    resumption,
    settled,
    standing,
    supersede,
)
from escalon.domain.money import Component
from escalon.domain.payments.payment import BookedPayment, Part, PaymentState
from tests.domain.debts import at, receivable, step

SAYS = settings(max_examples=300, deadline=None)
MADE = date(2026, 9, 15)
EVIDENCE = Acceptance(at("2026-09-15T10:00"), "debtor", "portal", code_point="p-sms")
# Minor units of COP 100,000 and COP 1,000.
HUNDRED = 10_000_000
ONE = 100_000


def days(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


def noon(day: date) -> datetime:
    return at(f"{day.isoformat()}T12:00")


def plan(*amounts: int, **more: Any) -> Agreement:
    """An active plan: COP 100,000 on the 1st of October, November and December 2026, with a
    tolerance of 3 days and COP 1,000, on a debt of COP 300,000 of two receivables."""
    amounts = amounts or (HUNDRED, HUNDRED, HUNDRED)
    made: dict[str, Any] = {
        "agreement_id": "g1",
        "creditor": "andina",
        "currency": "COP",
        "kind": "plan",
        "offer": "plan",
        "state": "active",
        "debts": {
            "r1": {"principal": 2 * HUNDRED},
            "r2": {"principal": 80 * ONE, "interest": 20 * ONE},
        },
        "calculated_on": MADE,
        "instalments": tuple(
            Instalment(number, days(f"{number + 9}-01"), amount)
            for number, amount in enumerate(amounts, start=1)
        ),
        "tolerance_days": 3,
        "tolerance_minor": ONE,
        "expires_on": days("09-22"),
        **more,
    }
    return Agreement(**made)


def promise(amount: int = HUNDRED, **more: Any) -> Agreement:
    """An active promise to pay COP 100,000 of COP 300,000 on 1 October."""
    return plan(amount, **{"kind": "promise", "offer": "promise", **more})


def settlement(**more: Any) -> Agreement:
    """An active settlement: COP 260,000 by 1 October for a debt of COP 300,000; no tolerance."""
    discount = {"interest": 20 * ONE, "principal": 20 * ONE}
    made = {"kind": "settlement", "tolerance_days": 0, "tolerance_minor": 0, "discount": discount}
    return plan(260 * ONE, **{**made, **more})


def debts(
    r1: int = 2 * HUNDRED, r2: int = 80 * ONE, interest: int = 20 * ONE
) -> dict[str, Receivable]:
    """The two receivables with so much open."""
    extras = {"interest": interest} if interest else {}
    second = receivable(receivable_id="r2", open_minor=r2 + interest, extras=extras)
    return {"r1": receivable(receivable_id="r1", open_minor=r1), "r2": second}


def told(agreement: Agreement, cause: str, on: str, today: str, was: int, now: int) -> Agreement:
    """What a payment made `on` a day settles of the first receivable is told `today`."""
    return settled(
        agreement, cause, "r1", on=days(on), before_minor=was, after_minor=now, today=days(today)
    )


def paid(agreement: Agreement, on: str, minor: int, cause: str = "") -> Agreement:
    """With a payment, told on the day it was made."""
    return told(agreement, cause or f"p{on}", on, on, 0, minor)


def gone(
    agreement: Agreement, cause: str, on: str, today: str, was: int, left: int = 0
) -> Agreement:
    """With a payment made `on` a day of which only so much is left `today`."""
    return told(agreement, cause, on, today, was, left)


def states(agreement: Agreement, today: str) -> list[str]:
    return [one.state for one in standing(agreement, days(today)).instalments]


def state(agreement: Agreement, today: str) -> State:
    return standing(agreement, days(today)).state


def followed(
    agreement: Agreement, today: str, open_now: dict[str, Receivable] | None = None
) -> Followed:
    day = days(today)
    return follow(agreement, debts() if open_now is None else open_now, noon(day), day)


def fact_names(after: Followed) -> list[str]:
    return [fact["fact"] for fact in after.facts]


# --- kept in time, or not ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("09-20", "fulfilled"),
        ("10-01", "fulfilled"),
        ("10-03", "fulfilled"),
        ("10-04", "fulfilled"),  # the last day of the tolerance
        ("10-05", "broken"),
        ("10-06", "broken"),
    ],
)
def test_a_promise_is_kept_up_to_the_last_day_of_its_tolerance(on: str, expected: str) -> None:
    """L14, L25: N−1, N, N+1."""
    assert state(paid(promise(), on, HUNDRED), "12-31") == expected


@pytest.mark.parametrize(
    ("today", "expected", "instalment"),
    [
        ("10-01", "active", "open"),
        ("10-02", "active", "late"),
        ("10-04", "active", "late"),
        ("10-05", "broken", "missed"),
    ],
)
def test_without_money_time_alone_breaks_it(today: str, expected: str, instalment: str) -> None:
    """L14, L25"""
    assert state(promise(), today) == expected
    assert states(promise(), today) == [instalment]


@pytest.mark.parametrize(
    ("short", "expected"),
    [(0, "fulfilled"), (ONE - 1, "fulfilled"), (ONE, "fulfilled"), (ONE + 1, "broken")],
)
def test_so_much_too_little_is_tolerated_and_not_a_minor_unit_more(
    short: int, expected: str
) -> None:
    """L25: N−1, N, N+1."""
    assert state(paid(promise(), "10-01", HUNDRED - short), "12-31") == expected


def test_a_settlement_is_forfeited_by_a_cent() -> None:
    kept = paid(settlement(), "10-01", 260 * ONE)
    lost = paid(settlement(), "10-01", 260 * ONE - 1)
    assert state(kept, "10-02") == "fulfilled"
    assert state(lost, "10-01") == "active"
    assert state(lost, "10-02") == "broken"


def test_a_part_that_came_in_time_is_a_part_kept() -> None:
    """L14"""
    before = paid(promise(), "10-01", 40 * ONE)
    after = paid(before, "10-09", 60 * ONE)
    assert states(before, "10-04") == ["late"]
    for agreement in (before, after):
        assert states(agreement, "10-10") == ["part_kept"]
        assert state(agreement, "10-10") == "broken"
        (one,) = standing(agreement, days("10-10")).instalments
        assert one.in_time_minor == 40 * ONE
    assert standing(after, days("10-10")).paid_minor == HUNDRED


def test_nothing_in_time_is_missed_even_if_all_comes_later() -> None:
    """Broken is broken: what comes too late pays the debt, and mends nothing."""
    agreement = paid(promise(), "10-05", HUNDRED)
    assert states(agreement, "10-05") == ["missed"]
    assert state(agreement, "10-05") == "broken"
    assert standing(agreement, days("10-05")).broken_on == days("10-05")


def test_a_plan_with_one_instalment_late_inside_the_tolerance_is_fulfilled() -> None:
    agreement = paid(paid(paid(plan(), "10-01", HUNDRED), "11-03", HUNDRED), "12-01", HUNDRED)
    found = standing(agreement, days("12-01"))
    assert found.state == "fulfilled"
    assert [one.state for one in found.instalments] == ["kept", "kept", "kept"]
    settled = [one.settled_on for one in found.instalments]
    assert settled == [days("10-01"), days("11-03"), days("12-01")]


def test_money_fills_the_instalments_in_their_order() -> None:
    """E2: all of them have to be kept, not the last."""
    agreement = paid(plan(), "12-01", HUNDRED)
    assert states(agreement, "12-01") == ["missed", "missed", "open"]
    assert state(agreement, "12-01") == "broken"
    early = paid(plan(), "09-20", 150 * ONE)
    assert states(early, "10-10") == ["kept", "open", "open"]
    assert [one.paid_minor for one in standing(early, days("10-10")).instalments] == [
        HUNDRED,
        50 * ONE,
        0,
    ]


def test_what_is_left_due_and_overdue() -> None:
    agreement = paid(plan(), "10-01", 130 * ONE)
    found = standing(agreement, days("11-02"))
    assert (found.paid_minor, found.left_minor, found.overdue_minor) == (
        130 * ONE,
        170 * ONE,
        70 * ONE,
    )
    assert found.payoff_minor == 170 * ONE
    assert found.next_due is not None
    assert (found.next_due.instalment.number, found.next_due.left_minor) == (2, 70 * ONE)
    assert found.next_due.until == days("11-04")
    assert standing(agreement, days("11-01")).overdue_minor == 0
    assert standing(agreement, days("11-05")).next_due is None


def test_a_fulfilled_agreement_leaves_nothing_to_pay_though_a_little_is_missing() -> None:
    found = standing(paid(plan(), "10-01", 3 * HUNDRED - ONE), days("10-01"))
    assert (found.state, found.left_minor, found.payoff_minor) == ("fulfilled", 0, 0)
    assert [one.left_minor for one in found.instalments] == [0, 0, 0]


# --- money that goes again -----------------------------------------------------------------------


def test_a_payment_that_bounces_after_it_kept_a_promise_is_reversed() -> None:
    """L14: "their promise has no value" if a bounced payment keeps it."""
    kept = followed(paid(promise(), "10-01", HUNDRED, "p1"), "10-01").agreement
    assert kept.state == "fulfilled"
    bounced = gone(kept, "p1", "10-01", "10-20", HUNDRED)
    assert states(bounced, "10-20") == ["reversed"]
    after = followed(bounced, "10-20")
    assert after.agreement.state == "active"
    assert fact_names(after) == ["instalment_reversed", "agreement_active"]


@pytest.mark.parametrize(
    ("today", "expected"), [("10-22", "active"), ("10-23", "active"), ("10-24", "broken")]
)
def test_whose_payment_bounces_has_the_tolerance_once_more(today: str, expected: str) -> None:
    """L25: three days from the day on which it went."""
    agreement = gone(paid(promise(), "10-01", HUNDRED, "p1"), "p1", "10-01", "10-20", HUNDRED)
    assert state(agreement, today) == expected
    assert states(agreement, today) == ["reversed"]
    assert state(paid(agreement, today, HUNDRED, "p2"), "12-31") == (
        "fulfilled" if expected == "active" else "broken"
    )


def test_money_that_came_too_late_gains_no_time_when_it_goes() -> None:
    late = paid(promise(), "10-09", HUNDRED, "p1")
    bounced = gone(late, "p1", "10-09", "10-20", HUNDRED)
    assert state(paid(bounced, "10-21", HUNDRED, "p2"), "10-21") == "broken"


def test_a_part_refund_takes_back_what_was_settled_last() -> None:
    agreement = gone(
        paid(plan(), "09-30", 2 * HUNDRED, "p1"), "p1", "09-30", "10-10", 2 * HUNDRED, HUNDRED
    )
    assert states(agreement, "10-10") == ["kept", "reversed", "open"]
    assert states(agreement, "11-01") == ["kept", "reversed", "open"]
    assert state(agreement, "11-04") == "active"
    assert state(agreement, "11-05") == "broken"


def test_a_chargeback_that_is_won_counts_from_the_day_the_money_was_paid() -> None:
    paid_in = paid(promise(), "10-01", HUNDRED, "p1")
    opened = gone(paid_in, "p1", "10-01", "10-20", HUNDRED)
    assert state(opened, "11-15") == "broken"
    won = told(opened, "p1", "10-01", "11-15", 0, HUNDRED)
    assert won == paid_in
    assert state(won, "11-15") == "fulfilled"


def test_what_an_old_payment_had_settled_is_not_the_agreements_when_it_goes() -> None:
    """Its reversal opens debt that was never part of what was agreed."""
    agreement = gone(paid(plan(), "10-01", HUNDRED), "old", "09-01", "10-10", HUNDRED)
    assert standing(agreement, days("10-10")).paid_minor == HUNDRED
    assert states(agreement, "10-10") == ["kept", "open", "open"]
    back = told(agreement, "old", "09-01", "10-12", 0, HUNDRED)
    assert standing(back, days("10-12")).paid_minor == HUNDRED


def test_more_of_an_old_payment_counts_by_what_it_settles_more() -> None:
    agreement = told(plan(), "old", "09-10", "09-20", 30 * ONE, HUNDRED)
    assert agreement.moved == (Moved("old", "r1", days("09-10"), 70 * ONE),)
    again = told(agreement, "old", "09-10", "09-25", HUNDRED, 30 * ONE)
    assert again.moved == (Moved("old", "r1", days("09-10"), 70 * ONE, days("09-25")),)


def payment(payment_id: str = "p1", **parts: int) -> BookedPayment:
    """A payment of 20 September that settles so much principal of each receivable."""
    return BookedPayment(
        payment_id,
        "wompi",
        "andina",
        "COP",
        noon(days("09-20")),
        PaymentState(),
        parts=tuple(Part(name, "principal", minor) for name, minor in parts.items() if minor),
    )


def counted(
    agreement: Agreement, was: BookedPayment | None, now: BookedPayment, *others: Agreement
) -> Agreement:
    """With that payment, told on 25 September."""
    told_on = days("09-25")
    return money_moved(
        agreement, was, now, on=days("09-20"), today=told_on, others=(agreement, *others)
    )


def test_what_a_payment_settles_elsewhere_is_not_the_agreements() -> None:
    parts = (
        Part("r1", "fee", 2),
        Part("r1", "principal", 5),
        Part("r2", "interest", 3),
        Part("r9", "principal", 7),
        Part("", "principal", 11),
    )
    agreement = counted(plan(), None, replace(payment(), parts=parts))
    assert agreement.moved == (
        Moved("p1", "r1", days("09-20"), 7),
        Moved("p1", "r2", days("09-20"), 3),
    )


def test_money_that_moves_from_one_debt_to_the_other_is_the_same_money() -> None:
    before = counted(plan(), None, payment(r1=70, r2=30))
    after = counted(before, payment(r1=70, r2=30), payment(r1=20, r2=80))
    assert standing(after, days("10-01")).paid_minor == 100


def test_what_settles_a_receivable_of_a_later_agreement_is_the_later_ones() -> None:
    """A promise of a part that was kept, and another for the rest: money counts once."""
    first = promise(accepted=EVIDENCE)
    kept = counted(first, None, payment("p1", r1=HUNDRED))
    evidence = replace(EVIDENCE, at=at("2026-09-21T10:00"))
    second = promise(agreement_id="g2", accepted=evidence, debts={"r1": {"principal": HUNDRED}})
    was, now = payment("p2"), payment("p2", r1=HUNDRED, r2=5)
    assert counted(kept, was, now, second).moved == (
        Moved("p1", "r1", days("09-20"), HUNDRED),
        Moved("p2", "r2", days("09-20"), 5),
    )
    assert counted(second, was, now, kept).moved == (Moved("p2", "r1", days("09-20"), HUNDRED),)
    # What had counted for the first goes on counting for it, and never for the second.
    bounced = (payment("p1", r1=HUNDRED), payment("p1"))
    assert standing(counted(kept, *bounced, second), days("10-01")).paid_minor == 0
    assert standing(counted(second, *bounced, kept), days("10-01")).paid_minor == 0


@pytest.mark.parametrize(
    ("amount", "fulfilled_at", "debts_of_the_later", "stays"),
    [
        (HUNDRED, "2026-09-21T09:00", "r1", HUNDRED),
        (HUNDRED, "2026-09-21T10:00", "r1", HUNDRED),
        (HUNDRED, "2026-09-21T11:00", "r1", 0),  # it rested when the later one was accepted
        (HUNDRED, "2026-09-21T09:00", "r2", 0),  # which is about something else
        (3 * HUNDRED, "2026-09-21T09:00", "r1", 0),  # what settled the debt in full does no longer
    ],
)
def test_what_was_kept_when_a_later_one_was_accepted_does_not_ask_for_its_debts_again(
    amount: int, fulfilled_at: str, debts_of_the_later: str, stays: int
) -> None:
    """Its money goes, and new money would count for the later one alone."""
    made = promise if amount == HUNDRED else plan
    change = Change(at(fulfilled_at), "fulfilled", "engine")
    first = made(amount, accepted=EVIDENCE, state="fulfilled", history=(change,))
    kept = replace(first, moved=(Moved("p1", "r1", days("09-20"), HUNDRED),))
    evidence = replace(EVIDENCE, at=at("2026-09-21T10:00"))
    debts: dict[str, dict[Component, int]] = {debts_of_the_later: {"principal": HUNDRED}}
    second = plan(agreement_id="g2", accepted=evidence, debts=debts)
    after = counted(kept, payment("p1", r1=HUNDRED), payment("p1"), second)
    assert standing(after, days("09-25")).paid_minor == stays
    back = counted(after, payment("p1"), payment("p1", r1=HUNDRED), second)
    assert standing(back, days("09-25")).paid_minor == HUNDRED


def test_an_offer_that_nobody_accepted_takes_no_money_away() -> None:
    first = promise(accepted=EVIDENCE)
    offer = promise(agreement_id="g2", state="offered")
    assert (
        standing(counted(first, None, payment(r1=HUNDRED), offer), days("10-01")).paid_minor
        == HUNDRED
    )


def test_of_what_came_on_several_days_the_last_goes_first() -> None:
    """A source that states balances may say that less was settled than it said before."""
    agreement = told(
        told(plan(), "stated", "10-01", "10-01", 0, 50), "stated", "11-01", "11-01", 50, 100
    )
    assert told(agreement, "stated", "11-10", "11-10", 100, 70).moved == (
        Moved("stated", "r1", days("10-01"), 50),
        Moved("stated", "r1", days("11-01"), 30, days("11-10")),
        Moved("stated", "r1", days("11-01"), 20),
    )


def test_money_that_is_told_twice_counts_once() -> None:
    """L25"""
    once = paid(plan(), "10-01", HUNDRED, "p1")
    assert paid(once, "10-01", HUNDRED, "p1") is once


# --- money that is told of late ------------------------------------------------------------------


def test_money_that_was_there_in_time_mends_what_had_broken() -> None:
    broken = followed(promise(), "10-05").agreement
    assert broken.state == "broken"
    mended = told(broken, "bank", "10-04", "10-08", 0, HUNDRED)
    after = followed(mended, "10-08")
    assert after.agreement.state == "fulfilled"
    assert fact_names(after) == ["instalment_kept", "agreement_fulfilled"]


def test_a_plan_that_had_broken_goes_on() -> None:
    broken = followed(plan(), "10-06").agreement
    mended = told(broken, "bank", "10-02", "10-08", 0, HUNDRED)
    after = followed(mended, "10-08").agreement
    assert [(change.state, change.by) for change in after.history] == [
        ("broken", "engine"),
        ("active", "engine"),
    ]
    assert resumption(after, days("10-08")) is None


# --- properties ----------------------------------------------------------------------------------

DAYS = st.dates(days("09-10"), days("12-31"))
# Of one payment: the day it was paid, how much, and what was left of it as time went on.
PAYMENTS = st.lists(
    st.tuples(
        DAYS,
        st.integers(1, 2 * HUNDRED),
        st.lists(st.tuples(st.integers(0, 10), DAYS), max_size=4),
    ),
    max_size=6,
)


def _told(index: int, payment: Any) -> list[tuple[str, date, int, int, date]]:
    """What is told of one payment, in the order in which it is told."""
    on, minor, later = payment
    lefts = [minor, *(minor * tenths // 10 for tenths, _ in later)]
    told_on = [on, *sorted(day for _, day in later)]
    return [
        (f"p{index}", on, before, after, max(on, today))
        for (before, after), today in zip(pairwise([0, *lefts]), told_on, strict=True)
    ]


def _with(agreement: Agreement, told: list[tuple[str, date, int, int, date]]) -> Agreement:
    for cause, on, before, after, today in told:
        receivable_id = f"r{int(cause[1:]) % 2 + 1}"
        agreement = settled(
            agreement,
            cause,
            receivable_id,
            on=on,
            before_minor=before,
            after_minor=after,
            today=today,
        )
    return agreement


@SAYS
@given(PAYMENTS, st.data(), DAYS)
def test_the_order_in_which_money_is_told_of_makes_no_difference(
    payments: Any, data: st.DataObject, today: date
) -> None:
    """L14, L25: only what is told of one payment has an order."""
    told = [_told(index, payment) for index, payment in enumerate(payments)]
    in_order = _with(plan(), [one for payment in told for one in payment])
    queues = [list(payment) for payment in told]
    mixed = []
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        mixed.append(queue.pop(0))
    other = _with(plan(), mixed)
    assert other == in_order
    assert standing(other, today) == standing(in_order, today)


@SAYS
@given(PAYMENTS, DAYS, st.integers(0, 400))
def test_an_instalment_that_is_kept_is_kept_whatever_the_clock(
    payments: Any, today: date, later: int
) -> None:
    agreement = _with(plan(), [one for i, p in enumerate(payments) for one in _told(i, p)])
    now = standing(agreement, today)
    then = standing(agreement, today + timedelta(days=later))
    for one, other in zip(now.instalments, then.instalments, strict=True):
        assert (one.state == "kept") == (other.state == "kept")
        assert (one.paid_minor, one.in_time_minor) == (other.paid_minor, other.in_time_minor)
    if now.state in ("fulfilled", "broken"):
        assert then.state == now.state


@SAYS
@given(st.lists(st.tuples(DAYS, st.integers(1, 2 * HUNDRED)), max_size=6), DAYS)
def test_an_instalment_is_kept_if_what_was_due_by_then_had_come(payments: Any, today: date) -> None:
    agreement = plan()
    for index, (on, minor) in enumerate(payments):
        agreement = _with(agreement, [(f"p{index}", on, 0, minor, on)])
    found = standing(agreement, today)
    for number, one in enumerate(found.instalments, start=1):
        in_time = sum(minor for on, minor in payments if on <= one.until)
        assert (one.state == "kept") == (in_time >= number * HUNDRED - ONE)
        assert one.until == one.instalment.due_on + timedelta(days=3)
    assert found.paid_minor == sum(minor for _, minor in payments)


@SAYS
@given(PAYMENTS, DAYS)
def test_nothing_changes_before_the_next_look(payments: Any, today: date) -> None:
    """Invariant 7: whoever looks on the day that is named misses nothing."""
    agreement = _with(plan(), [one for i, p in enumerate(payments) for one in _told(i, p)])
    found = standing(agreement, today)
    look = looks_on(found, (), today)
    if found.state != "active":
        assert look is None
        return
    assert look is not None
    assert look > today
    day = today + timedelta(days=1)
    while day < look:
        then = standing(agreement, day)
        assert (then.state, then.instalments) == (found.state, found.instalments)
        day += timedelta(days=1)
    then = standing(agreement, look)
    assert (then.state, then.instalments) != (found.state, found.instalments)


# --- what the ledger is asked --------------------------------------------------------------------


def test_a_discount_is_given_up_by_component_once_all_is_paid() -> None:
    agreement = paid(settlement(), "10-01", 260 * ONE)
    after = followed(agreement, "10-01", debts(r1=0, r2=20 * ONE, interest=20 * ONE))
    assert after.asked == (
        Asked("waiver", "r2", "interest", -20 * ONE),
        Asked("waiver", "r2", "principal", -20 * ONE),
    )
    assert after.agreement.booked == after.asked
    assert fact_names(after) == ["instalment_kept", "agreement_fulfilled"]


def test_what_payments_have_left_open_is_given_up_if_they_paid_the_discounted_interest() -> None:
    """Colombia, Civil Code 1653: a payment settles interest first."""
    agreement = paid(settlement(), "10-01", 260 * ONE)
    after = followed(agreement, "10-01", debts(r1=0, r2=40 * ONE, interest=0))
    assert after.asked == (Asked("waiver", "r2", "principal", -40 * ONE),)


def test_what_is_given_up_is_taken_from_the_oldest_first() -> None:
    agreement = paid(settlement(), "10-01", 260 * ONE)
    after = followed(agreement, "10-01", debts(r1=15 * ONE, r2=5 * ONE, interest=20 * ONE))
    assert after.asked == (
        Asked("waiver", "r2", "interest", -20 * ONE),
        Asked("waiver", "r1", "principal", -15 * ONE),
        Asked("waiver", "r2", "principal", -5 * ONE),
    )


def test_no_more_of_a_component_than_its_discount_is_given_up_first() -> None:
    """Of COP 30,000 of interest that is open the discount is COP 20,000."""
    agreement = paid(settlement(), "10-01", 260 * ONE)
    after = followed(agreement, "10-01", debts(r1=0, r2=20 * ONE, interest=30 * ONE))
    assert after.asked == (
        Asked("waiver", "r2", "interest", -20 * ONE),
        Asked("waiver", "r2", "principal", -20 * ONE),
    )


def test_never_more_than_is_open_is_given_up() -> None:
    agreement = paid(settlement(), "10-01", 260 * ONE)
    after = followed(agreement, "10-01", debts(r1=0, r2=7, interest=3))
    assert sum(one.amount_minor for one in after.asked) == -10
    assert followed(agreement, "10-01", {}).asked == ()


def test_what_was_charged_later_is_not_given_up() -> None:
    """A fee of COP 5,000 that came after the agreement is still owed when it is fulfilled."""
    agreement = paid(settlement(), "10-01", 260 * ONE)
    open_now = debts(r1=0, r2=20 * ONE, interest=20 * ONE)
    with_fee = replace(
        open_now["r2"], open_minor=45 * ONE, extras={"interest": 20 * ONE, "fee": 5 * ONE}
    )
    after = followed(agreement, "10-01", {**open_now, "r2": with_fee})
    assert sum(one.amount_minor for one in after.asked) == -40 * ONE
    assert {one.component for one in after.asked} == {"interest", "principal"}


def test_what_the_tolerance_leaves_of_a_debt_that_is_settled_in_full_is_given_up() -> None:
    agreement = paid(plan(), "10-01", 3 * HUNDRED - 40)
    after = followed(agreement, "10-01", debts(r1=0, r2=40, interest=0))
    assert after.asked == (Asked("waiver", "r2", "principal", -40),)


def test_no_more_money_than_fulfils_it_is_worth_anything_under_a_settlement() -> None:
    agreement = paid(settlement(), "09-20", 100 * ONE)
    assert fulfilled_by(agreement, days("09-25"), days("09-25")) == 160 * ONE
    assert fulfilled_by(agreement, days("10-01"), days("10-05")) == 160 * ONE  # told late
    assert fulfilled_by(agreement, days("10-02"), days("10-05")) is None  # it is forfeited
    assert fulfilled_by(paid(agreement, "09-21", 160 * ONE), days("09-22"), days("09-22")) == 0
    # Money that came too late counts for nothing: that of the last day alone has to fulfil it.
    late = paid(agreement, "10-02", 100 * ONE)
    assert fulfilled_by(late, days("10-01"), days("10-05")) == 160 * ONE


def test_what_gives_nothing_up_takes_all_money() -> None:
    for one in (plan(), promise(), bearing()):
        assert fulfilled_by(one, days("09-20"), days("09-20")) is None
    assert fulfilled_by(plan(beside_minor=ONE), days("09-20"), days("09-20")) == 3 * HUNDRED


def test_what_people_give_up_counts_against_the_discount_first_and_then_like_money() -> None:
    waives = {"interest": 15 * ONE, "principal": 30 * ONE}
    after = given_up_by_people(settlement(), "act 1", "r2", waives, today=days("09-20"))  # type: ignore[arg-type] - names of components
    assert after.given_up == {"interest": 15 * ONE, "principal": 20 * ONE}
    assert standing(after, days("09-20")).paid_minor == 10 * ONE
    open_now = debts(r1=0, r2=0, interest=5 * ONE)
    done = followed(paid(after, "10-01", 250 * ONE), "10-01", open_now)
    assert done.agreement.state == "fulfilled"
    assert done.asked == (Asked("waiver", "r2", "interest", -5 * ONE),)
    broken = followed(after, "10-02")
    assert [fact["forfeited"] for fact in broken.facts if "forfeited" in fact] == [
        {"interest": 5 * ONE}
    ]


def test_what_people_give_up_counts_against_what_was_charged_beside_it_first() -> None:
    """L14: interest and fees that the agreement gives up anyway are no money; principal is."""
    beside = settlement(beside_minor=25 * ONE)
    waives: dict[Component, int] = {"fee": 10 * ONE, "interest": 20 * ONE, "principal": 30 * ONE}
    after = given_up_by_people(beside, "act 1", "r2", waives, today=days("09-20"))
    assert after.beside_minor == 0
    assert after.given_up == {"interest": 5 * ONE, "principal": 20 * ONE}
    assert standing(after, days("09-20")).paid_minor == 10 * ONE
    done = followed(paid(after, "10-01", 250 * ONE), "10-01", debts(r1=0, r2=0, interest=15 * ONE))
    assert done.asked == (Asked("waiver", "r2", "interest", -15 * ONE),)


@pytest.mark.parametrize("one", ["promise", "fulfilled"])
def test_what_nothing_beside_it_is_given_up_for_counts_like_money(one: str) -> None:
    """A promise gives nothing up, and what is fulfilled has given it up already."""
    done = settlement(beside_minor=25 * ONE, state="fulfilled")
    agreement = promise(300 * ONE, beside_minor=25 * ONE) if one == "promise" else done
    after = given_up_by_people(agreement, "act 1", "r2", {"fee": 10 * ONE}, today=days("09-20"))
    assert after.beside_minor == 25 * ONE
    assert standing(after, days("09-20")).paid_minor == 10 * ONE


def test_a_promise_gives_nothing_up() -> None:
    agreement = paid(promise(300 * ONE), "10-01", 300 * ONE - 40)
    after = followed(agreement, "10-01", debts(r1=0, r2=40, interest=0))
    assert after.agreement.state == "fulfilled"
    assert after.asked == ()
    assert not promise(300 * ONE).settles_in_full
    assert settlement().settles_in_full
    assert not plan(HUNDRED, HUNDRED).settles_in_full


def test_a_broken_agreement_forfeits_its_discount() -> None:
    after = followed(
        paid(settlement(resume_at="firm"), "10-01", HUNDRED), "10-02", debts(r1=HUNDRED)
    )
    assert after.asked == ()
    (instalment, broken) = after.facts
    assert instalment["fact"] == "instalment_part_kept"
    assert broken == {
        "fact": "agreement_broken",
        "at": "2026-10-02T17:00:00Z",
        "agreement_id": "g1",
        "kind": "settlement",
        "by": "engine",
        "who": "",
        "paid_minor": HUNDRED,
        "forfeited": {"interest": 20 * ONE, "principal": 20 * ONE},
        "owed": {"principal": 180 * ONE, "interest": 20 * ONE},
        "resume_at": "firm",
    }


def test_what_was_given_up_is_owed_again_if_the_money_goes() -> None:
    open_now = debts(r1=0, r2=20 * ONE, interest=20 * ONE)
    done = followed(paid(settlement(), "10-01", 260 * ONE, "p1"), "10-01", open_now).agreement
    assert done.state == "fulfilled"
    settled = debts(r1=0, r2=0, interest=0)
    bounced = gone(done, "p1", "10-01", "10-20", 260 * ONE)
    after = followed(bounced, "10-20", settled)
    assert after.agreement.state == "active"
    assert after.asked == (
        Asked("waiver", "r2", "interest", 20 * ONE),
        Asked("waiver", "r2", "principal", 20 * ONE),
    )
    again = followed(after.agreement, "10-21", debts())
    assert (again.agreement.state, again.asked) == ("broken", ())


def test_given_up_once_however_often_it_is_followed() -> None:
    """L1"""
    agreement = paid(settlement(), "10-01", 260 * ONE)
    once = followed(agreement, "10-01", debts(r1=0, r2=20 * ONE, interest=20 * ONE)).agreement
    again = followed(once, "11-01", debts(r1=0, r2=0, interest=0))
    assert again.agreement is once
    assert (again.asked, again.facts) == ((), ())


# --- interest of the agreement -------------------------------------------------------------------


def bearing(**more: Any) -> Agreement:
    """COP 300,000 in three instalments with COP 6,000, 4,000 and 2,000 of interest."""
    amounts = ((106, 6), (104, 4), (102, 2))
    instalments = tuple(
        Instalment(number, days(f"{number + 9}-01"), amount * ONE, interest * ONE)
        for number, (amount, interest) in enumerate(amounts, start=1)
    )
    return plan(**{"instalments": instalments, "rate": 200_000, "tolerance_minor": 0, **more})


@pytest.mark.parametrize(
    ("today", "charged"),
    [
        ("09-15", 0),
        ("09-16", 6 * ONE),
        ("10-01", 6 * ONE),
        ("10-02", 10 * ONE),
        ("11-01", 10 * ONE),
        ("11-02", 12 * ONE),
        ("12-01", 12 * ONE),
    ],
)
def test_the_interest_of_a_period_is_charged_when_it_begins(today: str, charged: int) -> None:
    agreement = paid(paid(bearing(), "10-01", 106 * ONE), "11-01", 104 * ONE)
    after = followed(agreement, today)
    assert after.asked == ((Asked("interest", "r1", "interest", charged),) if charged else ())
    assert followed(after.agreement, today).asked == ()


def test_each_period_is_charged_once() -> None:
    """L1"""
    agreement = paid(bearing(), "10-01", 106 * ONE)
    first = followed(agreement, "09-16").agreement
    second = followed(first, "10-02")
    assert second.asked == (Asked("interest", "r1", "interest", 4 * ONE),)


def test_who_pays_early_saves_the_interest_of_the_periods_to_come() -> None:
    agreement = followed(bearing(), "09-20").agreement
    assert standing(agreement, days("09-20")).payoff_minor == 306 * ONE
    assert standing(agreement, days("09-20")).left_minor == 312 * ONE
    assert state(paid(agreement, "09-20", 306 * ONE - 1), "09-20") == "active"
    early = paid(agreement, "09-20", 306 * ONE)
    found = standing(early, days("12-31"))
    assert (found.state, found.paid_off_on, found.left_minor) == ("fulfilled", days("09-20"), 0)
    assert followed(early, "12-31", debts(r1=0, r2=0, interest=0)).asked == ()


def test_no_instalment_asks_for_more_than_settles_all_of_it_today() -> None:
    """All but COP 5,000 is prepaid: the interest that the last instalment has is not owed yet."""
    agreement = followed(bearing(), "09-20").agreement
    almost = paid(agreement, "09-20", 301 * ONE)
    found = standing(almost, days("09-20"))
    assert (found.payoff_minor, found.left_minor) == (5 * ONE, 11 * ONE)
    assert found.next_due is not None
    assert (found.next_due.instalment.number, found.next_due.left_minor) == (3, 5 * ONE)
    assert [one.left_minor for one in found.instalments] == [0, 0, 5 * ONE]
    # The third period has begun by then, and the second has: all of both is owed.
    assert [one.left_minor for one in standing(almost, days("11-02")).instalments] == [
        0,
        0,
        11 * ONE,
    ]
    assert state(paid(almost, "09-21", 5 * ONE), "09-21") == "fulfilled"


def test_what_is_paid_after_it_was_paid_off_bears_nothing_more() -> None:
    early = followed(paid(bearing(), "09-20", 306 * ONE), "09-20").agreement
    more = paid(early, "10-10", HUNDRED)
    assert standing(more, days("10-10")).paid_off_on == days("09-20")
    assert followed(more, "10-10").agreement is more


@pytest.mark.parametrize(
    ("on", "given_back"), [("09-30", 6 * ONE - 225_624), ("10-01", 0), ("10-02", 4 * ONE - 9_992)]
)
def test_an_agreement_that_is_cancelled_has_borne_the_days_until_then(
    on: str, given_back: int
) -> None:
    """L25. At 20 % a year: 15 days of COP 300,000, or one day of COP 200,000."""
    charged = followed(paid(bearing(), "09-20", 106 * ONE), on).agreement
    open_now = {"r1": replace(debts()["r1"], extras={"interest": 10 * ONE})}
    after = cancel(charged, open_now, at=noon(days(on)), today=days(on), by="operator")
    expected = (Asked("interest", "r1", "interest", -given_back),) if given_back else ()
    assert after.asked == expected


def test_interest_that_nobody_had_charged_yet_is_given_up_as_far_as_it_is_tolerated() -> None:
    agreement = bearing(tolerance_minor=ONE)
    for on, minor in (("10-01", 106), ("11-01", 104), ("12-01", 101)):
        agreement = paid(agreement, on, minor * ONE)
    assert followed(agreement, "12-01", debts(r1=0, r2=0, interest=0)).asked == (
        Asked("interest", "r1", "interest", 12 * ONE),
        Asked("waiver", "r1", "interest", -ONE),
    )


def test_paying_on_the_day_it_was_made_bears_nothing() -> None:
    assert state(paid(bearing(), "09-15", 300 * ONE), "12-31") == "fulfilled"


def test_what_was_paid_off_early_and_bounced_owes_all_of_it_again() -> None:
    early = paid(bearing(), "09-20", 306 * ONE, "p1")
    bounced = gone(early, "p1", "09-20", "10-10", 306 * ONE)
    found = standing(bounced, days("10-10"))
    assert [one.state for one in found.instalments] == ["reversed", "reversed", "reversed"]
    assert (found.left_minor, found.payoff_minor) == (312 * ONE, 310 * ONE)
    assert [one.until for one in found.instalments] == [days("10-13"), days("11-04"), days("12-04")]


def test_an_agreement_that_breaks_has_borne_the_days_until_then() -> None:
    """On 5 November, after four days of the third period, which bear 200.00 on COP 100,000."""
    agreement = paid(bearing(), "10-01", 106 * ONE)
    charged = followed(agreement, "11-02").agreement
    assert sum(one.amount_minor for one in charged.booked) == 12 * ONE
    open_now = debts()
    with_interest = replace(open_now["r1"], extras={"interest": 6 * ONE})
    after = followed(charged, "11-05", {**open_now, "r1": with_interest})
    assert after.agreement.state == "broken"
    assert after.asked == (Asked("interest", "r1", "interest", 20_000 - 2 * ONE),)
    assert resumption(after.agreement, days("11-05")) == Resumption(
        ("r1", "r2"), days("11-05"), "", days("11-05")
    )
    # In an outage nobody charged the period at all.
    unnoticed = followed(followed(agreement, "11-01").agreement, "11-09", open_now)
    assert unnoticed.asked == (Asked("interest", "r1", "interest", 20_000),)


def test_an_offer_that_replaces_it_speaks_of_its_own_day_though_it_breaks_meanwhile() -> None:
    """Calculated on 3 November, accepted on the 8th: it bore interest through the 5th by then."""
    charged = followed(paid(bearing(agreement_id="g0"), "10-01", 106 * ONE), "11-02").agreement
    open_now = {"r1": replace(debts()["r1"], extras={"interest": 6 * ONE})}
    assert beyond(charged, open_now, days("11-03")) == (2 * ONE - 9_995, 0)
    broken = followed(charged, "11-05", open_now).agreement
    open_now = {"r1": replace(debts()["r1"], extras={"interest": 4 * ONE + 20_000})}
    assert beyond(broken, open_now, days("11-03")) == (20_000 - 9_995, 0)
    assert beyond(broken, open_now, days("11-08")) == (0, 0)
    calculated = offered(replaces="g0", calculated_on=days("11-03"), expires_on=days("11-09"))
    new = accept(calculated, EVIDENCE, days("11-08"), [broken]).agreement
    assert supersede(broken, new, open_now, days("11-08")).asked == (
        Asked("interest", "r1", "interest", 9_995 - 20_000),
    )


def test_no_more_interest_is_given_back_than_is_open() -> None:
    charged = followed(paid(bearing(), "10-01", 106 * ONE), "11-02").agreement
    with_interest = replace(debts()["r1"], extras={"interest": ONE})
    after = followed(charged, "11-05", {"r1": with_interest})
    assert after.asked == (Asked("interest", "r1", "interest", -ONE),)
    assert followed(after.agreement, "11-06", {"r1": with_interest}).asked == ()


def test_interest_that_a_late_word_made_undue_is_given_up() -> None:
    """Paid off on 25 September, told on 10 October: the second period had been charged by then."""
    agreement = followed(bearing(), "10-02").agreement
    assert sum(one.amount_minor for one in agreement.booked) == 10 * ONE
    late = told(agreement, "bank", "09-25", "10-03", 0, 306 * ONE)
    after = followed(late, "10-03", debts(r1=4 * ONE, r2=0, interest=0))
    assert after.agreement.state == "fulfilled"
    assert after.asked == (Asked("waiver", "r1", "principal", -4 * ONE),)


# --- offered, accepted, approved -----------------------------------------------------------------


def offered(**more: Any) -> Agreement:
    return plan(**{"state": "offered", **more})


@pytest.mark.parametrize(
    ("today", "expected"), [("09-20", "offered"), ("09-21", "offered"), ("09-22", "expired")]
)
def test_an_offer_stands_until_the_day_before_it_expires(today: str, expected: str) -> None:
    """L25"""
    after = followed(offered(), today)
    assert after.agreement.state == expected
    assert fact_names(after) == (["agreement_expired"] if expected == "expired" else [])
    if expected == "expired":
        with pytest.raises(AgreementError, match="nobody can accept it since 2026-09-22"):
            accept(offered(), EVIDENCE, days(today))
    else:
        assert accept(offered(), EVIDENCE, days(today)).agreement.state == "accepted"


def test_what_is_accepted_is_active_at_once_unless_somebody_has_to_approve_it() -> None:
    after = accept(offered(), EVIDENCE, MADE)
    assert after.agreement.accepted == EVIDENCE
    assert fact_names(after) == ["agreement_accepted"]
    assert after.facts[0]["by"] == "debtor"
    active = followed(after.agreement, "09-15")
    assert active.agreement.state == "active"
    assert fact_names(active) == ["agreement_active"]
    assert [(one.state, one.by) for one in active.agreement.history] == [
        ("accepted", "debtor"),
        ("active", "engine"),
    ]


def test_what_waits_for_approval_rests_until_it_expires() -> None:
    """L13: nothing rests without an end."""
    agreement = accept(offered(approval=("supervisor",)), EVIDENCE, MADE).agreement
    assert followed(agreement, "09-21").agreement is agreement
    assert agreement.rests
    expired = followed(agreement, "09-22").agreement
    assert (expired.state, expired.rests) == ("expired", False)


def test_only_a_role_that_may_approves() -> None:
    agreement = accept(offered(approval=("supervisor", "manager")), EVIDENCE, MADE).agreement
    with pytest.raises(AgreementError, match="only supervisor or manager can approve it"):
        approve(agreement, "agent", at=noon(MADE), who="luis")
    approved = approve(agreement, "manager", at=noon(MADE), who="marta", why="a good payer")
    change = approved.history[-1]
    assert (change.by, change.who, change.why) == ("operator", "marta", "a good payer")
    assert followed(approved, "09-15").agreement.state == "active"
    with pytest.raises(AgreementError, match="waits for no approval"):
        approve(approved, "manager", at=noon(MADE), who="marta")


def test_any_operator_approves_what_any_operator_may_agree_to() -> None:
    agreement = offered(approval=("*", "supervisor"))
    assert approve(agreement, "agent", at=noon(MADE), who="luis").approval == ()


def test_money_breaks_nothing_before_it_is_accepted() -> None:
    agreement = offered(expires_on=days("12-01"))
    assert followed(agreement, "11-20").agreement is agreement


def test_two_agreements_cannot_be_about_the_same_receivable() -> None:
    other = plan(agreement_id="g0")
    with pytest.raises(AgreementError, match="agreement g0 is about the same receivables"):
        accept(offered(), EVIDENCE, MADE, [other])
    for fine in (
        replace(other, state="broken"),
        replace(other, state="offered"),
        replace(other, debts={"r3": {"principal": 1}}),
    ):
        assert accept(offered(), EVIDENCE, MADE, [fine]).agreement.state == "accepted"


def test_a_renegotiation_replaces_and_keeps_the_chain() -> None:
    broken = followed(plan(agreement_id="g0"), "10-05").agreement
    new = offered(replaces="g0", calculated_on=days("10-06"), expires_on=days("10-20"))
    evidence = replace(EVIDENCE, at=noon(days("10-06")), by="operator", who="luis", channel="phone")
    new = accept(new, evidence, days("10-06"), [broken]).agreement
    old = supersede(broken, new, debts(), days("10-06"))
    assert (old.agreement.state, old.agreement.replaced_by) == ("replaced", "g1")
    assert old.agreement.history[-1].who == "luis"
    assert fact_names(old) == ["agreement_replaced"]
    assert new.replaces == "g0"
    assert resting([old.agreement, new]) == {"r1": new, "r2": new}


def test_an_agreement_that_is_kept_can_be_replaced_by_the_one_that_says_so() -> None:
    active = plan(agreement_id="g0")
    new = accept(offered(replaces="g0"), EVIDENCE, MADE, [active]).agreement
    assert supersede(active, new, debts(), MADE).agreement.state == "replaced"
    with pytest.raises(AgreementError, match="g1 does not replace g9"):
        supersede(plan(agreement_id="g9"), new, debts(), MADE)
    with pytest.raises(AgreementError, match="g1 does not replace g0"):
        supersede(active, offered(replaces="g0"), debts(), MADE)


def test_a_replaced_agreement_gives_back_the_interest_of_the_period_it_is_in() -> None:
    old = followed(bearing(agreement_id="g0"), "09-20").agreement
    new = accept(offered(replaces="g0"), EVIDENCE, days("09-20"), [old]).agreement
    open_now = {"r1": replace(debts()["r1"], extras={"interest": 6 * ONE})}
    assert supersede(old, new, open_now, days("09-20")).asked == (
        Asked("interest", "r1", "interest", -6 * ONE),
    )


@pytest.mark.parametrize(
    ("on", "earned"), [("09-15", 0), ("09-16", 14_989), ("09-30", 225_624), ("10-01", 240_726)]
)
def test_a_replaced_agreement_has_earned_the_interest_of_its_days_alone(
    on: str, earned: int
) -> None:
    """20 % a year on COP 300,000, day by day; all of the period was charged when it began."""
    bears = (Instalment(1, days("10-01"), 300 * ONE + 240_726, 240_726),)
    old = plan(agreement_id="g0", instalments=bears, rate=200_000)
    old = followed(old, "09-16").agreement
    assert sum(one.amount_minor for one in old.booked) == 240_726
    calculated = offered(replaces="g0", calculated_on=days(on))
    new = accept(calculated, EVIDENCE, days("09-20"), [old]).agreement
    open_now = {"r1": replace(debts()["r1"], extras={"interest": 240_726})}
    back = 240_726 - earned
    expected = (Asked("interest", "r1", "interest", -back),) if back else ()
    assert supersede(old, new, open_now, days("09-20")).asked == expected
    assert beyond(old, open_now, days(on)) == (back, 0)
    paid_since = {"r1": replace(debts()["r1"], extras={"interest": 40_726})}
    assert beyond(old, paid_since, days("09-15")) == (40_726, 200_000)


def test_a_cancelled_agreement_no_longer_rests_and_gives_nothing_up() -> None:
    after = cancel(
        settlement(),
        debts(),
        at=noon(MADE),
        today=MADE,
        by="operator",
        who="luis",
        why="by mistake",
    )
    assert (after.agreement.state, after.agreement.rests, after.asked) == ("cancelled", False, ())
    assert after.agreement.history[-1].why == "by mistake"
    assert "why" not in after.facts[0]  # it may name people
    assert followed(paid(after.agreement, "10-01", 260 * ONE), "10-01").asked == ()


# --- the table of transitions --------------------------------------------------------------------

STATES: tuple[State, ...] = (
    "offered", "accepted", "active", "fulfilled", "broken", "cancelled", "replaced", "expired",
)  # fmt: skip
PARTIES: tuple[Party, ...] = ("debtor", "operator", "engine")


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("by", PARTIES)
def test_nobody_cancels_accepts_or_replaces_but_by_the_table(before: State, by: Party) -> None:
    evidence = replace(EVIDENCE, by=by)
    new = offered(agreement_id="g2", state="accepted", replaces="g1", accepted=evidence)
    agreement = plan(state=before)
    acts = {
        "cancelled": lambda: cancel(agreement, {}, at=noon(MADE), today=MADE, by=by),
        "accepted": lambda: accept(agreement, evidence, MADE),
        "replaced": lambda: supersede(agreement, new, {}, MADE),
    }
    for after, act in acts.items():
        if by in TRANSITIONS.get((before, after), ()):  # type: ignore[arg-type]
            assert act().agreement.state == after
        else:
            with pytest.raises(AgreementError, match=r"cannot become|only .* can take"):
                act()


@pytest.mark.parametrize("end", ["cancelled", "replaced", "expired"])
def test_what_has_ended_moves_no_more(end: State) -> None:
    agreement = paid(plan(state=end), "10-01", 3 * HUNDRED)
    assert followed(agreement, "12-31").agreement is agreement
    assert looks_on(standing(agreement, days("09-20")), (), days("09-20")) is None
    assert not [key for key in TRANSITIONS if key[0] == end]


def test_the_documentation_shows_every_transition_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs" / "agreements.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| ([a-z, ]+) \|", text, flags=re.MULTILINE)
    assert {(a, b): frozenset(by.split(", ")) for a, b, by in rows} == dict(TRANSITIONS)


# --- after a break -------------------------------------------------------------------------------


def test_a_broken_agreement_says_where_the_ladder_goes_on() -> None:
    agreement = plan(resume_at="firm")
    assert resumption(agreement, days("10-04")) is None
    expected = Resumption(("r1", "r2"), days("10-05"), "firm", None)
    assert resumption(agreement, days("10-05")) == expected
    # Looked at a month later, as after an outage, it is the same (L5).
    assert resumption(agreement, days("11-05")) == expected


# --- reminders -----------------------------------------------------------------------------------

REMINDERS = (step("soon", -3), step("today", 0), step("late", 2))


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("09-27", None),
        ("09-28", "soon"),
        ("09-30", "soon"),
        ("10-01", "today"),
        ("10-02", None),  # that it is due today is not said a day later
        ("10-03", "late"),
        ("10-04", "late"),
        ("10-05", None),  # broken
    ],
)
def test_an_instalment_is_reminded_of_before_on_and_after_its_day(
    today: str, expected: str | None
) -> None:
    """L18"""
    found = standing(plan(), days(today))
    due = reminder(plan(), found, REMINDERS, days(today), {})
    assert (due.step.step if due else None) == expected
    if due:
        assert (due.instalment.number, due.left_minor) == (1, HUNDRED)


def test_a_reminder_is_said_once_and_the_ones_that_were_missed_are_not() -> None:
    """L2, L3"""
    today = days("10-01")
    found = standing(plan(), today)
    due = reminder(plan(), found, REMINDERS, today, {})
    assert due is not None
    assert (due.key, due.record) == ("g1/1/today", None)
    said = StepRecord(noon(today), "sent", "email", "m1")
    assert reminder(plan(), found, REMINDERS, today, {due.key: said}) is None
    # One that is known to have reached nobody is tried again, by what channels are left.
    failed = replace(said, state="failed", tried=("email",))
    again = reminder(plan(), found, REMINDERS, today, {due.key: failed})
    assert again is not None
    assert again.record == failed


def test_what_is_paid_is_not_reminded_of() -> None:
    """L7"""
    agreement = paid(plan(), "09-29", HUNDRED)
    for today in ("09-30", "10-01", "10-03"):
        found = standing(agreement, days(today))
        assert reminder(agreement, found, REMINDERS, days(today), {}) is None
    part = paid(plan(), "09-29", 40 * ONE)
    due = reminder(part, standing(part, days("09-30")), REMINDERS, days("09-30"), {})
    assert due is not None
    assert due.left_minor == 60 * ONE


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("10-01", None),  # on hold
        ("10-19", None),  # on hold
        ("10-20", None),  # "today" is not said of a day that is long over
        ("10-21", None),
        ("10-22", "g1/1/late/2026-10-20"),  # two days after the hold ended
        ("10-23", "g1/1/late/2026-10-20"),
        ("10-24", None),  # broken
    ],
)
def test_what_is_late_after_a_hold_is_said_so_by_the_day_on_which_the_hold_ended(
    today: str, expected: str | None
) -> None:
    """L13"""
    ends_on = days("10-20") if days(today) >= days("10-20") else None
    agreement = replace(plan(), pauses=(Pause(days("09-29"), ends_on),))
    due = reminder(agreement, standing(agreement, days(today)), REMINDERS, days(today), {})
    assert (due.key if due else None) == expected


def test_what_was_said_before_a_hold_is_said_once_more_after_it_and_not_again() -> None:
    agreement = replace(plan(), pauses=(Pause(days("10-04"), days("10-20")),))
    said = StepRecord(noon(days("10-03")), "delivered", "email", "m1")
    before = {"g1/1/late": said}
    found = standing(agreement, days("10-22"))
    due = reminder(agreement, found, REMINDERS, days("10-22"), before)
    assert due is not None
    assert (due.key, due.instalment.number, due.record) == ("g1/1/late/2026-10-20", 1, None)
    both = {**before, due.key: replace(said, intent_id="m2")}
    assert reminder(agreement, found, REMINDERS, days("10-22"), both) is None
    assert looks_on(found, REMINDERS, days("10-20")) == days("10-22")


def test_what_bounced_is_said_to_be_late_from_the_day_on_which_it_went() -> None:
    moved = (Moved("p", "r1", days("09-30"), HUNDRED, days("10-10")),)
    agreement = replace(plan(), moved=moved)
    for today, expected in (("10-11", None), ("10-12", "g1/1/late/2026-10-10")):
        due = reminder(agreement, standing(agreement, days(today)), REMINDERS, days(today), {})
        assert (due.key if due else None) == expected


def test_an_offer_is_not_reminded_of() -> None:
    agreement = offered(expires_on=days("12-01"))
    today = days("09-30")
    assert reminder(agreement, standing(agreement, today), REMINDERS, today, {}) is None


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("09-20", "09-28"),  # the first reminder
        ("09-28", "10-01"),  # the day itself
        ("10-01", "10-02"),  # late from now on
        ("10-02", "10-03"),  # the reminder of what is late
        ("10-03", "10-05"),  # the tolerance is over
        ("10-05", None),
    ],
)
def test_the_next_look_is_the_next_day_on_which_anything_changes(
    today: str, expected: str | None
) -> None:
    """Invariant 7"""
    found = standing(plan(), days(today))
    assert looks_on(found, REMINDERS, days(today)) == (days(expected) if expected else None)


def test_the_day_after_a_period_begins_is_looked_at_to_charge_it() -> None:
    agreement = paid(bearing(), "09-20", 106 * ONE)
    assert looks_on(standing(agreement, days("09-15")), (), days("09-15")) == days("09-16")
    assert looks_on(standing(agreement, days("09-20")), (), days("09-20")) == days("10-02")


def test_an_offer_is_looked_at_when_it_expires() -> None:
    assert looks_on(standing(offered(), MADE), (), MADE) == days("09-22")


# --- what travels --------------------------------------------------------------------------------


def test_an_agreement_says_the_same_when_it_is_read_again() -> None:
    agreement = followed(paid(bearing(), "10-01", 106 * ONE), "10-05").agreement
    agreement = gone(agreement, "p10-01", "10-01", "10-06", 106 * ONE)
    pauses = (Pause(days("10-02"), days("10-04")), Pause(days("10-05")))
    agreement = replace(agreement, accepted=EVIDENCE, pauses=pauses)
    assert msgspec.json.decode(msgspec.json.encode(agreement), type=Agreement) == agreement


def test_what_it_comes_to() -> None:
    assert plan().debt == {"principal": 280 * ONE, "interest": 20 * ONE}
    assert (bearing().total_minor, bearing().interest_minor) == (312 * ONE, 12 * ONE)
    assert plan(version=4).cause == "agreement:g1:4"


def test_only_what_is_agreed_rests() -> None:
    """L14"""
    accepted, active = (
        plan(state="accepted"),
        plan(agreement_id="g2", debts={"r3": {"principal": 1}}),
    )
    assert resting([accepted, active, offered(debts={"r4": {"principal": 1}})]) == {
        "r1": accepted,
        "r2": accepted,
        "r3": active,
    }
