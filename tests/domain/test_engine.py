"""The engine, rule by rule: every threshold a day (or a minute, or a peso) below, at and above."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.domain.account import (
    Account,
    Awaited,
    Beyond,
    Consent,
    ContactRecord,
    Hold,
    Intent,
    Ladder,
    Receivable,
    StepRecord,
)
from escalon.domain.calendar import Calendar, Week
from escalon.domain.contact.policy import (
    Cap,
    ChannelLock,
    Channels,
    Holidays,
    Layer,
    Policy,
    Recipients,
    Windows,
)
from escalon.domain.decisions.by_channel import NO_FEEDS
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.transitions import (
    find_intent,
    plan,
    set_aside,
    settle_opened,
    with_points,
)
from escalon.domain.rules.rulebook import (
    Chase,
    Creditor,
    HoldKind,
    LadderEnd,
    Need,
    Payments,
    Rulebook,
)
from tests.domain.debts import (
    ANY_TIME,
    PROVENANCE,
    account,
    at,
    carried_out,
    codes,
    ladder,
    params,
    point,
    receivable,
    rulebook,
    step,
)

FRIENDLY = step("friendly", 2)
AGAIN = step("again", 9, gap_days=5)
FIRM = step("firm", 20, stage="firm", gap_days=7, needs=Need("again", 10))
LAST = step("last", 75, stage="pre_legal", needs=Need("firm", 15), wait_days=15)
LEGAL = step("legal", 95, stage="legal", needs=Need("last", 15), task="legal_review")
RULES = rulebook(FRIENDLY, AGAIN, FIRM, LAST, LEGAL)

OFFICE_HOURS: Week = (((480, 1080),),) * 5 + ((), ())


def policy(**rules: Any) -> dict[str, Policy]:
    """One layer that allows anybody, and the rules under test."""
    calendars = rules.pop("calendars", {})
    anybody = Recipients(PROVENANCE, allow=("debtor",))
    return {"*": Policy((Layer("test", "house", anybody, **rules),), calendars)}


def sent(text: str, state: str = "sent", channel: str = "email", **more: Any) -> StepRecord:
    """That a step was taken then."""
    return StepRecord(at(text), state, channel, "m1", **more)  # type: ignore[arg-type]


def carrying(due: str = "2026-09-01", **records: StepRecord) -> Receivable:
    """A receivable that has carried these steps."""
    return receivable(due, steps=records)


# --- when a step is due --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "outcome", "step_name"),
    [
        ("2026-09-02", "wait", ""),
        ("2026-09-03", "act", "friendly"),
        ("2026-09-04", "act", "friendly"),
    ],
)
def test_a_step_is_due_from_its_day_on(today: str, outcome: str, step_name: str) -> None:
    decision = decide(account(receivable()), RULES, at(f"{today} 09:00"))
    assert (decision.outcome, decision.step) == (outcome, step_name)


@pytest.mark.parametrize(
    ("clock", "outcome"),
    [
        ("2026-09-02 23:59:59", "wait"),
        ("2026-09-03 00:00:00", "act"),
        ("2026-09-03 00:00:01", "act"),
    ],
)
def test_the_day_begins_at_midnight_where_the_debtor_is(clock: str, outcome: str) -> None:
    """L18: the due date is a date of the debtor's calendar, whatever the server's clock says."""
    assert decide(account(receivable()), RULES, at(clock)).outcome == outcome


@pytest.mark.parametrize(
    ("zone", "first_utc"),
    [
        ("America/Bogota", "2026-09-03T05:00:00+00:00"),
        ("America/New_York", "2026-09-03T04:00:00+00:00"),
        ("Asia/Tokyo", "2026-09-02T15:00:00+00:00"),
        ("Pacific/Kiritimati", "2026-09-02T10:00:00+00:00"),
        ("Pacific/Pago_Pago", "2026-09-03T11:00:00+00:00"),
        ("Asia/Kathmandu", "2026-09-02T18:15:00+00:00"),
    ],
)
def test_the_same_debt_falls_due_at_another_instant_in_each_zone(zone: str, first_utc: str) -> None:
    """L18"""
    debt = account(receivable(), zones=(zone,))
    first = datetime.fromisoformat(first_utc)
    assert decide(debt, RULES, first - timedelta(seconds=1)).outcome == "wait"
    assert decide(debt, RULES, first).outcome == "act"


def test_where_zones_conflict_nobody_is_late_before_it_is_late_in_all_of_them() -> None:
    debt = account(receivable(), zones=("Asia/Tokyo", "America/Bogota"))
    assert decide(debt, RULES, at("2026-09-02 23:59")).outcome == "wait"
    assert decide(debt, RULES, at("2026-09-03 00:00")).outcome == "act"


@pytest.mark.parametrize(
    ("due", "before", "on"),
    [
        ("2026-08-30", "2026-08-31 09:00", "2026-09-01 09:00"),  # over a month end
        ("2028-02-27", "2028-02-28 09:00", "2028-02-29 09:00"),  # onto a leap day
        ("2027-02-27", "2027-02-28 09:00", "2027-03-01 09:00"),  # there is none this year
        ("2028-02-29", "2028-03-01 09:00", "2028-03-02 09:00"),  # due on a leap day
        ("2026-12-31", "2027-01-01 09:00", "2027-01-02 09:00"),  # over a year's end
    ],
)
def test_days_past_due_are_counted_over_month_ends_and_leap_days(
    due: str, before: str, on: str
) -> None:
    """L18"""
    debt = account(receivable(due))
    assert decide(debt, RULES, at(before)).outcome == "wait"
    decision = decide(debt, RULES, at(on))
    assert (decision.step, decision.days_past_due) == ("friendly", 2)


def test_a_day_that_is_23_hours_long_is_a_day() -> None:
    """L18: clocks in New York go forward on 8 March 2026."""
    debt = account(
        receivable("2026-03-07", issued_on=date(2026, 2, 1)), zones=("America/New_York",)
    )
    assert decide(debt, RULES, at("2026-03-08 23:59", "America/New_York")).outcome == "wait"
    assert decide(debt, RULES, at("2026-03-09 00:00", "America/New_York")).outcome == "act"


def test_words_have_no_sign_to_turn_round() -> None:
    """L17: a step after the due date is never taken before it, nor the other way round."""
    rules = rulebook(step("soon", -5), step("late", 60))
    debt = account(receivable("2026-11-01"))
    assert decide(debt, rules, at("2026-09-02 09:00")).step == ""  # 60 days before
    assert decide(debt, rules, at("2026-10-27 09:00")).step == "soon"
    assert decide(debt, rules, at("2026-12-31 09:00")).step == "late"  # 60 days after


@pytest.mark.parametrize(
    ("today", "step_name"),
    [
        ("2026-08-26", ""),
        ("2026-08-27", "soon"),
        ("2026-08-31", "soon"),
        ("2026-09-01", ""),
        ("2026-09-02", ""),
    ],
)
def test_a_reminder_before_the_due_date_never_goes_on_it_or_after(
    today: str, step_name: str
) -> None:
    """L18: nobody is told that something comes due once it is due."""
    rules = rulebook(step("soon", -5), step("late", 60))
    assert decide(account(receivable()), rules, at(f"{today} 09:00")).step == step_name


@pytest.mark.parametrize(
    ("today", "step_name"), [("2026-08-31", ""), ("2026-09-01", "today"), ("2026-09-02", "")]
)
def test_a_reminder_for_the_due_date_goes_on_that_day_only(today: str, step_name: str) -> None:
    rules = rulebook(step("today", 0), step("late", 60))
    assert decide(account(receivable()), rules, at(f"{today} 09:00")).step == step_name


def test_a_receivable_that_is_not_issued_yet_waits_for_its_day() -> None:
    debt = account(receivable("2026-09-30", issued_on=date(2026, 9, 10)))
    rules = rulebook(step("soon", -25), FRIENDLY)
    decision = decide(debt, rules, at("2026-09-09 23:59"))
    assert (decision.outcome, codes(decision)) == ("wait", ["not_issued"])
    assert decision.next_look_at == at("2026-09-10 00:00")
    assert decide(debt, rules, at("2026-09-10 00:00")).step == "soon"


# --- who carries ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("open_minor", "outcome"), [(1_999_999, "skip"), (2_000_000, "act"), (2_000_001, "act")]
)
def test_a_debt_is_chased_from_its_currencys_threshold_on(open_minor: int, outcome: str) -> None:
    debt = account(receivable(open_minor=open_minor))
    assert decide(debt, RULES, at("2026-09-03 09:00")).outcome == outcome


@pytest.mark.parametrize(("open_minor", "outcome"), [(999, "skip"), (1_000, "act"), (1_001, "act")])
def test_each_currency_has_a_threshold_of_its_own(open_minor: int, outcome: str) -> None:
    """E1: 10 dollars are chased, though 10 pesos would not be."""
    debt = account(receivable(open_minor=open_minor, currency="USD"))
    assert decide(debt, RULES, at("2026-09-03 09:00")).outcome == outcome


def test_currencies_are_never_added_up() -> None:
    """E1: 19,999.99 pesos and 9.99 dollars are both below, together as well."""
    debt = account(
        receivable(open_minor=1_999_999),
        receivable(receivable_id="r2", open_minor=999, currency="USD"),
    )
    decision = decide(debt, RULES, at("2026-09-30 09:00"))
    assert (decision.outcome, codes(decision)) == ("skip", ["below_threshold", "below_threshold"])
    assert decision.next_look_at == at("2026-10-30 00:00")


def test_a_currency_without_threshold_is_not_chased() -> None:
    """E1"""
    decision = decide(account(receivable(currency="EUR")), RULES, at("2026-09-30 09:00"))
    assert (decision.outcome, codes(decision)) == ("skip", ["currency_not_chased"])


def test_many_small_debts_together_are_chased_and_the_one_that_reaches_the_threshold_carries() -> (
    None
):
    debt = account(
        receivable("2026-08-10", receivable_id="old", open_minor=1_000_000),
        receivable("2026-08-20", receivable_id="middle", open_minor=999_999),
        receivable("2026-08-28", receivable_id="young", open_minor=1),
        receivable("2026-08-29", receivable_id="youngest", open_minor=1),
    )
    assert decide(debt, RULES, at("2026-09-01 09:00")).receivable_id == "young"


def test_a_forgotten_peso_does_not_carry_a_ladder() -> None:
    debt = account(
        receivable("2026-01-01", receivable_id="peso", open_minor=100),
        receivable("2026-09-01", receivable_id="invoice"),
    )
    decision = decide(debt, RULES, at("2026-09-03 09:00"))
    assert (decision.step, decision.receivable_id) == ("friendly", "invoice")


def test_the_oldest_carries_whatever_its_currency() -> None:
    debt = account(
        receivable("2026-09-01", receivable_id="pesos"),
        receivable("2026-08-25", receivable_id="dollars", currency="USD", open_minor=5_000),
    )
    decision = decide(debt, RULES, at("2026-09-04 09:00"))
    assert (decision.step, decision.receivable_id) == ("again", "dollars")


def test_a_partly_paid_receivable_goes_on() -> None:
    """L6: the open balance decides, and what it has carried stays with it."""
    half = receivable(open_minor=5_000_000, steps={"friendly": sent("2026-09-03 09:00")})
    decision = decide(account(half), RULES, at("2026-09-10 09:00"))
    assert (decision.outcome, decision.step) == ("act", "again")


def test_a_part_payment_moves_to_the_next_debt_without_skipping_its_milder_steps() -> None:
    """L4: the old debt had reached the last notice; the younger one, 30 days late, begins at the
    step that a firm one needs, and not before the distance from the last contact has passed."""
    old = carrying("2026-06-01", last=sent("2026-09-30 09:00", "delivered"))
    younger = receivable("2026-09-01", receivable_id="r2")
    ladders = {"andina": Ladder("last", at("2026-09-30 09:00"))}
    both = account(old, younger, ladders=ladders)
    assert decide(both, RULES, at("2026-10-01 09:00")).receivable_id == "r1"
    paid = account(younger, ladders=ladders)
    decision = decide(paid, RULES, at("2026-10-01 09:00"))
    assert (decision.outcome, decision.step, codes(decision)) == (
        "wait",
        "again",
        ["step_due", "gap"],
    )
    assert decision.next_look_at == at("2026-10-05 00:00")
    decision = decide(paid, RULES, at("2026-10-05 09:00"))
    assert (decision.outcome, decision.step, decision.receivable_id) == ("act", "again", "r2")


def test_one_message_with_the_highest_step_for_all_receivables_of_a_creditor() -> None:
    """L11"""
    debt = account(
        receivable("2026-08-20", receivable_id="twelve days"),
        receivable("2026-08-29", receivable_id="three days"),
        receivable("2026-08-29", receivable_id="three days too"),
    )
    decision = decide(debt, RULES, at("2026-09-01 09:00"))
    assert (decision.step, decision.receivable_id) == ("again", "twelve days")
    told = carried_out(debt, decision)
    assert decide(told, RULES, at("2026-09-01 09:30")).outcome == "wait"
    assert decide(told, RULES, at("2026-09-02 09:00")).outcome == "wait"


@pytest.mark.parametrize(
    ("credit", "outcome", "reason"),
    [
        (8_000_001, "skip", "below_threshold"),
        (8_000_000, "act", "step_due"),
        (7_999_999, "act", "step_due"),
        (10_000_000, "skip", "covered_by_credit"),
        (99_000_000, "skip", "covered_by_credit"),
    ],
)
def test_unapplied_credit_counts_against_the_debt(credit: int, outcome: str, reason: str) -> None:
    """L15: the net position decides."""
    debt = account(receivable(), credits={"andina|COP": credit})
    decision = decide(debt, RULES, at("2026-09-03 09:00"))
    assert (decision.outcome, decision.reasons[0].code) == (outcome, reason)


def test_credit_of_another_creditor_or_currency_does_not_count() -> None:
    """L15, E1"""
    credits = {"cordillera|COP": 99_000_000, "andina|USD": 99_000_000}
    debt = account(receivable(), credits=credits)
    assert decide(debt, RULES, at("2026-09-03 09:00")).outcome == "act"


def test_credit_uses_up_the_oldest_debt_first() -> None:
    """L15"""
    debt = account(
        receivable("2026-08-01", receivable_id="old"),
        receivable("2026-09-01", receivable_id="young"),
        credits={"andina|COP": 9_000_000},
    )
    assert decide(debt, RULES, at("2026-09-03 09:00")).receivable_id == "young"


def test_a_credit_note_among_the_receivables_is_credit() -> None:
    """L15"""
    debt = account(receivable(), receivable(receivable_id="note", open_minor=-9_000_000))
    decision = decide(debt, RULES, at("2026-09-03 09:00"))
    assert (decision.outcome, codes(decision)) == ("skip", ["below_threshold"])


def test_receivables_that_the_document_cannot_hold_count() -> None:
    beyond = {"andina|COP": Beyond(3, 1_500_000)}
    debt = account(receivable(open_minor=500_000), beyond=beyond)
    assert decide(debt, RULES, at("2026-09-03 09:00")).outcome == "act"
    many = rulebook(FRIENDLY, condition=["receivables", 4])
    assert decide(debt, many, at("2026-09-03 09:00")).outcome == "act"
    disputed = Hold("h", "dispute", date(2026, 9, 1), receivable_id="elsewhere")
    held = replace(debt, holds=(disputed,))
    assert decide(held, RULES, at("2026-09-03 09:00")).outcome == "skip"
    more = rulebook(FRIENDLY, condition=["receivables", 5])
    assert codes(decide(debt, more, at("2026-09-03 09:00"))) == ["no_strategy"]


@pytest.mark.parametrize(
    ("today", "outcome"), [("2026-10-01", "act"), ("2026-10-02", "skip"), ("2026-09-30", "act")]
)
def test_debt_older_than_the_limit_is_not_chased(today: str, outcome: str) -> None:
    rules = rulebook(FRIENDLY, chase=Chase({"COP": 2_000_000}, oldest_debt_days=30))
    decision = decide(account(receivable()), rules, at(f"{today} 09:00"))
    assert decision.outcome == outcome
    assert ("too_old" in codes(decision)) == (outcome == "skip")


# --- catching up ---------------------------------------------------------------------------------


def test_after_an_outage_the_current_step_is_taken_once_and_the_missed_ones_never() -> None:
    """L3: nothing ran from 3 to 14 September; `friendly` was missed and stays so."""
    debt = account(receivable())
    taken = []
    for day in range(11, 29):
        decision = decide(debt, RULES, at(f"2026-09-{day} 09:00"))
        if decision.outcome == "act":
            taken.append((day, decision.step))
            debt = carried_out(debt, decision)
    assert taken == [(11, "again"), (21, "firm")]


def test_the_same_question_has_the_same_answer_a_year_later() -> None:
    """L5: only `as_of` counts; a run that is late, early or repeated changes nothing."""
    debt = account(receivable())
    asked = [decide(debt, RULES, at("2026-09-03 09:00")) for _ in range(3)]
    assert asked[0] == asked[1] == asked[2]
    assert decide(debt, RULES, at("2026-09-02 09:00")).outcome == "wait"


def test_an_intent_has_one_name_however_often_it_is_decided() -> None:
    debt = account(receivable())
    morning = decide(debt, RULES, at("2026-09-03 09:00"))
    evening = decide(debt, replace(RULES, version="v2"), at("2026-09-04 17:00"))
    assert morning.intent_id == evening.intent_id
    assert morning.intent_id.isalnum()


# --- old debt ------------------------------------------------------------------------------------


def test_old_debt_enters_at_the_step_for_its_age() -> None:
    known = receivable("2026-07-01", issued_on=date(2026, 6, 1), known_on=date(2026, 9, 1))
    rules = rulebook(FRIENDLY, step("firm", 20, stage="firm"), step("offer", 50, stage="firm"))
    decision = decide(account(known), rules, at("2026-09-01 09:00"))  # 62 days late
    assert decision.step == "offer"


@pytest.mark.parametrize(
    ("today", "taken"),
    [("2026-09-01", "friendly"), ("2026-09-18", "friendly"), ("2026-09-19", "firm")],
)
def test_old_debt_enters_at_the_first_step_and_climbs_at_the_ladders_pace(
    today: str, taken: str
) -> None:
    """62 days late when we came to know it: `firm` comes 18 days after `friendly`, as always."""
    known = receivable("2026-07-01", issued_on=date(2026, 6, 1), known_on=date(2026, 9, 1))
    rules = rulebook(FRIENDLY, step("firm", 20, stage="firm"), old_debt_enters="first step")
    assert decide(account(known), rules, at(f"{today} 09:00")).step == taken


def test_a_debt_known_from_the_beginning_is_not_old() -> None:
    rules = rulebook(FRIENDLY, step("firm", 20, stage="firm"), old_debt_enters="first step")
    known = receivable(known_on=date(2026, 9, 3))  # two days late: its first step is due anyway
    assert decide(account(known), rules, at("2026-09-20 09:00")).step == "friendly"
    assert decide(account(known), rules, at("2026-09-21 09:00")).step == "firm"


# --- what a step needs, notice and gap -----------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "outcome", "reason"),
    [
        ("2026-09-23 08:59:59", "wait", "waits_for_delivery"),
        ("2026-09-23 09:00:00", "act", "step_due"),
        ("2026-09-23 09:00:01", "act", "step_due"),
    ],
)
def test_accepted_and_not_failed_for_48_hours_counts_as_delivered(
    clock: str, outcome: str, reason: str
) -> None:
    """Of an SMS, whose carrier need not tell."""
    debt = account(carrying(again=sent("2026-09-21 09:00", channel="sms")))
    decision = decide(debt, RULES, at(clock))
    assert (decision.outcome, decision.reasons[0].code) == (outcome, reason)
    if outcome == "wait":
        assert decision.next_look_at == at("2026-09-23 09:00")


@pytest.mark.parametrize("late", ["2026-09-21 09:05", "2026-09-23 09:00", "2026-09-30 08:59"])
@pytest.mark.parametrize(
    "record",
    [
        sent("2026-09-21 09:00", "delayed"),
        sent("2026-09-21 09:00", "delayed", "sms"),
        sent("2026-09-21 09:00"),  # an e-mail of which SES has said nothing
    ],
)
def test_l10_no_severe_step_rests_on_what_its_carrier_has_not_told(
    record: StepRecord, late: str
) -> None:
    """However long it stays so; then the step that it needs goes by its next channel."""
    decision = decide(account(carrying(again=record)), RULES, at(late))
    assert (decision.outcome, decision.step) == ("wait", "firm")
    other = {"email": "sms", "sms": "email"}[record.channel]
    decision = decide(account(carrying(again=record)), RULES, at("2026-10-01 09:00"))
    assert (decision.action, decision.step, decision.channel) == ("message", "again", other)


@pytest.mark.parametrize(
    ("record", "clock", "asks"),
    [
        (sent("2026-09-21 09:00", "delayed"), "2026-09-24 08:59:59", False),
        (sent("2026-09-21 09:00", "delayed"), "2026-09-24 09:00:00", True),
        (sent("2026-09-21 09:00", "delayed", "sms"), "2026-09-24 09:00:00", True),
        (sent("2026-09-21 09:00"), "2026-09-24 08:59:59", False),
        (sent("2026-09-21 09:00"), "2026-09-24 09:00:01", True),
        (sent("2026-09-21 09:00", channel="sms"), "2026-12-24 09:00:00", False),  # no log, maybe
        (sent("2026-09-21 09:00", channel="letter"), "2026-12-24 09:00:00", False),
        (sent("2026-09-21 09:00", channel="whatsapp"), "2026-12-24 09:00:00", False),  # by hand
        (sent("2026-09-21 09:00", "unknown"), "2026-12-24 09:00:00", False),  # it was asked
        (sent("2026-09-21 09:00", "delivered"), "2026-12-24 09:00:00", False),
    ],
)
def test_l10_what_a_carrier_does_not_tell_in_three_days_a_person_finds_out(
    record: StepRecord, clock: str, asks: bool
) -> None:
    debt = account(carrying(again=record))
    decision = decide(debt, RULES, at(clock), listing=True)
    assert (decision.action == "unknown") is asks
    if asks:
        assert (decision.intent_id, decision.step) == (record.intent_id, "again")
        assert codes(decision) == ["unheard"]
    # Whoever only looks lists nothing, and a run comes for it within a day.
    looked = decide(debt, RULES, at(clock))
    assert looked.action != "unknown"
    if asks:
        assert looked.next_look_at is not None
        assert looked.next_look_at <= at(clock) + timedelta(days=1)


def test_a_run_comes_when_the_carriers_time_is_over() -> None:
    debt = account(carrying(friendly=sent("2026-09-03 10:30", "delayed")))
    decision = decide(debt, RULES, at("2026-09-04 09:00"))
    assert decision.next_look_at == at("2026-09-06 10:30")


def test_what_is_known_to_be_delivered_is_not_waited_for() -> None:
    debt = account(carrying(again=sent("2026-09-21 09:00", "delivered")))
    decision = decide(debt, RULES, at("2026-09-21 09:01"))
    assert (decision.outcome, decision.step) == ("act", "firm")


@pytest.mark.parametrize(
    ("clock", "outcome", "step_name", "channel"),
    [
        ("2026-10-01 08:59:59", "wait", "firm", ""),
        ("2026-10-01 09:00:00", "act", "again", "sms"),
        ("2026-10-01 09:00:01", "act", "again", "sms"),
    ],
)
def test_a_need_whose_fate_is_unknown_is_waited_for_so_long_and_then_goes_by_its_next_channel(
    clock: str, outcome: str, step_name: str, channel: str
) -> None:
    debt = account(carrying(again=sent("2026-09-21 09:00", "unknown")))
    decision = decide(debt, RULES, at(clock))
    assert (decision.outcome, decision.step, decision.channel) == (outcome, step_name, channel)


def test_a_need_that_no_channel_is_left_for_goes_to_a_person() -> None:
    record = sent("2026-09-21 09:00", "unknown", "sms", tried=("email",))
    decision = decide(account(carrying(again=record)), RULES, at("2026-10-01 09:00"))
    assert (decision.action, decision.task, decision.step) == ("task", "data_repair", "again")


def test_a_failed_need_goes_by_its_next_channel_at_once() -> None:
    debt = account(carrying(again=sent("2026-09-21 09:00", "failed", tried=("email",))))
    decision = decide(debt, RULES, at("2026-09-21 09:05"))
    assert (decision.step, decision.channel, decision.attempt) == ("again", "sms", 2)


def test_a_need_that_stands_on_a_list_is_waited_for_until_it_is_sent() -> None:
    """Nobody knows yet when a person posts it; its days run from then on."""
    listed = account(carrying(last=sent("2026-12-01 09:00", "opened", "letter")))
    decision = decide(listed, RULES, at("2027-03-01 09:00"))
    assert (decision.outcome, codes(decision)) == ("wait", ["to_be_sent"])
    assert decision.next_look_at == at("2027-03-08 00:00")
    posted = account(carrying(last=sent("2026-12-04 12:00", "sent", "letter")))
    assert codes(decide(posted, RULES, at("2026-12-19 11:59"))) == ["waits_for_delivery"]
    assert decide(posted, RULES, at("2026-12-19 12:00")).step == "legal"
    arrived = account(carrying(last=sent("2026-12-04 12:00", "delivered", "letter")))
    assert decide(arrived, RULES, at("2026-12-09 09:00")).step == "legal"


@pytest.mark.parametrize("step_name", ["letter", "end"])
def test_notice_time_has_not_begun_while_a_letter_stands_on_a_list(step_name: str) -> None:
    steps = [step("notice", 2, channels=("letter",), wait_days=5)]
    steps += [step("letter", 3, channels=("letter",))] if step_name == "letter" else []
    rules = rulebook(*steps)
    points = (point("letter", address="Carrera 7 # 1-1"),)
    listed = {"notice": sent("2026-09-03 09:00", "opened", "letter")}
    debt = account(receivable(steps=listed), points=points)
    assert codes(decide(debt, rules, at("2026-10-20 09:00")))[-1] == "to_be_sent"
    posted = {"notice": sent("2026-09-03 09:00", "sent", "letter")}
    debt = account(receivable(steps=posted), points=points)
    assert decide(debt, rules, at("2026-10-20 09:00")).step == step_name


def test_a_chain_of_needs_is_climbed_from_its_beginning() -> None:
    """Invariant 8: a debt that is 100 days late when it comes begins with what everything needs."""
    debt = account(receivable(amount_minor=500_000_000, open_minor=500_000_000))
    taken = []
    as_of = at("2026-12-10 09:00")
    for _ in range(60):
        decision = decide(debt, RULES, as_of)
        if decision.outcome == "act":
            taken.append((decision.step, (as_of - at("2026-12-10 09:00")).days))
            debt = carried_out(debt, decision)
        as_of += timedelta(days=1)
    # firm: 7 days after again; last: once firm has arrived; legal: 15 days of notice have passed.
    assert taken == [("again", 0), ("firm", 7), ("last", 8), ("legal", 23), ("end", 53)]


@pytest.mark.parametrize(
    ("today", "outcome"), [("2026-12-15", "wait"), ("2026-12-16", "act"), ("2026-12-17", "act")]
)
def test_nobody_goes_further_before_the_notice_has_passed(today: str, outcome: str) -> None:
    debt = account(carrying(last=sent("2026-12-01 09:00", "delivered")))
    decision = decide(debt, RULES, at(f"{today} 00:00"))
    assert decision.outcome == outcome
    if outcome == "wait":
        assert codes(decision) == ["step_due", "notice_time"]
        assert decision.next_look_at == at("2026-12-16 00:00")


def test_the_end_of_the_ladder_waits_for_the_notice_too() -> None:
    rules = rulebook(FRIENDLY, replace(LAST, needs=None), end=LadderEnd("hand_over", queue="law"))
    debt = account(carrying(last=sent("2026-12-01 09:00", "delivered")))
    decision = decide(debt, rules, at("2026-12-15 23:59"))
    assert (decision.outcome, codes(decision)) == ("wait", ["notice_time"])
    assert decide(debt, rules, at("2026-12-16 00:00")).task == "hand_over"


@pytest.mark.parametrize(
    ("today", "outcome"), [("2026-09-13", "wait"), ("2026-09-14", "act"), ("2026-09-15", "act")]
)
def test_the_gap_after_the_previous_step_is_kept(today: str, outcome: str) -> None:
    debt = account(
        carrying(friendly=sent("2026-09-09 17:00")),
        ladders={"andina": Ladder("friendly", at("2026-09-09 17:00"))},
    )
    decision = decide(debt, RULES, at(f"{today} 00:00"))
    assert decision.outcome == outcome
    if outcome == "wait":
        assert params(decision, "gap")["after"] == "friendly"
        assert decision.next_look_at == at("2026-09-14 00:00")


def test_whatever_holds_a_step_back_the_next_one_is_looked_at_on_its_day() -> None:
    """Invariant 7: a gap longer than the way to the next step does not make that one late too."""
    rules = rulebook(step("a", 2), step("b", 5, gap_days=30), step("c", 10))
    debt = account(
        carrying(a=sent("2026-09-03 09:00", "delivered")),
        ladders={"andina": Ladder("a", at("2026-09-03 09:00"))},
    )
    waiting = decide(debt, rules, at("2026-09-06 09:00"))
    assert params(waiting, "gap")["until"] == date(2026, 10, 3)
    assert waiting.next_look_at == at("2026-09-11 00:00")
    assert decide(debt, rules, at("2026-09-11 09:00")).step == "c"


def test_the_gap_counts_from_a_step_that_another_receivable_carried() -> None:
    """The debtor reads one ladder, whichever invoice carries it."""
    ladders = {"andina": Ladder("again", at("2026-09-09 17:00"))}
    debt = account(receivable(), ladders=ladders)
    assert decide(debt, RULES, at("2026-09-13 09:00")).outcome == "wait"
    assert decide(debt, RULES, at("2026-09-14 09:00")).outcome == "act"


def test_another_channel_for_the_same_step_keeps_no_gap_from_itself() -> None:
    debt = account(
        carrying(again=sent("2026-09-21 09:00", "failed", tried=("email",))),
        ladders={"andina": Ladder("again", at("2026-09-21 09:00"))},
    )
    assert decide(debt, RULES, at("2026-09-21 09:05")).channel == "sms"


def test_gaps_towards_one_creditor_do_not_hold_back_another() -> None:
    """L12: the escalation clock belongs to the debt, the contact clock to the person."""
    debt = account(
        receivable(creditor="cordillera"),
        ladders={"andina": Ladder("friendly", at("2026-09-09 17:00"))},
    )
    assert decide(debt, RULES, at("2026-09-10 09:00")).step == "again"


# --- conditions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("open_minor", "step_name"),
    [(19_999_999, "friendly"), (20_000_000, "friendly"), (20_000_001, "visit")],
)
def test_a_step_whose_condition_does_not_hold_is_passed_over(
    open_minor: int, step_name: str
) -> None:
    condition = ["open", "above", {"COP": 20_000_000}]
    rules = rulebook(FRIENDLY, step("visit", 9, task="visit", only_if=condition))
    debt = account(receivable(open_minor=open_minor))
    assert decide(debt, rules, at("2026-09-12 09:00")).step == step_name


def test_the_first_strategy_that_applies_wins() -> None:
    vip = ladder(step("courtesy", 2), strategy="vip", condition=["tag", "vip"])
    rules = replace(RULES, strategies=(vip, *RULES.strategies))
    for tags, strategy in ((("vip",), "vip"), ((), "plain")):
        decision = decide(account(receivable(), tags=tags), rules, at("2026-09-03 09:00"))
        assert decision.strategy == strategy


def test_nobody_is_forgotten_where_no_strategy_applies() -> None:
    decision = decide(
        account(receivable()), rulebook(FRIENDLY, condition=["tag", "vip"]), at("2026-09-03 09:00")
    )
    assert (decision.outcome, codes(decision)) == ("skip", ["no_strategy"])
    assert decision.next_look_at == at("2026-10-03 00:00")


# --- channels ------------------------------------------------------------------------------------


def test_the_first_channel_that_is_allowed_is_used() -> None:
    decision = decide(account(receivable()), RULES, at("2026-09-03 09:00"))
    assert (decision.action, decision.channel, decision.point_id) == ("message", "email", "p-email")


@pytest.mark.parametrize(
    "email",
    [
        None,
        point(failed="hard bounce"),
        point(consent=None),
        point(consent=Consent(date(2020, 1, 1), revoked_at=datetime(2026, 1, 1, tzinfo=UTC))),
    ],
    ids=["missing", "known not to work", "without consent", "consent revoked"],
)
def test_the_next_channel_is_used_where_the_first_cannot_be(email: Any) -> None:
    consent = policy(channels=Channels(PROVENANCE, require_consent=True))
    points = (point("sms"),) if email is None else (email, point("sms"))
    rules = replace(RULES, contact_policies=consent)
    decision = decide(account(receivable(), points=points), rules, at("2026-09-03 09:00"))
    assert decision.channel == "sms"
    assert [refusal.channel for refusal in decision.refusals] == ["email"]


def test_a_person_is_asked_only_where_no_channel_can_ever_serve() -> None:
    """One consent is enough; and a channel that opens later is waited for."""
    rules = replace(
        RULES,
        contact_policies=policy(
            channels=Channels(PROVENANCE, require_consent=True),
            windows=Windows(PROVENANCE, OFFICE_HOURS),
        ),
    )
    one = account(receivable(), points=(point(consent=None), point("sms")))
    assert decide(one, rules, at("2026-09-03 09:00")).channel == "sms"
    night = decide(one, rules, at("2026-09-03 22:00"))
    assert (night.outcome, night.next_look_at) == ("wait", at("2026-09-04 08:00"))
    none = account(receivable(), points=(point(consent=None), point("sms", consent=None)))
    for clock in ("2026-09-03 09:00", "2026-09-03 22:00"):
        asked = decide(none, rules, at(clock))
        assert (asked.action, asked.task, asked.stage) == ("task", "data_repair", "reminder")
        assert asked.due_days == 3
        assert [refusal.code for refusal in asked.refusals] == ["consent_missing"] * 2


def test_a_person_is_asked_once_for_all_steps_that_lack_the_same() -> None:
    debt = account(receivable(), points=())
    taken = []
    for days in range(2, 40):
        decision = decide(debt, RULES, at("2026-09-01 09:00") + timedelta(days=days))
        assert decision.next_look_at is not None
        assert decision.next_look_at > decision.as_of
        if decision.outcome == "act":
            taken.append((days, decision.task))
            debt = carried_out(debt, decision)
    assert taken == [(2, "data_repair")]
    held = decide(debt, RULES, at("2026-09-04 09:00"))
    assert (held.outcome, held.reasons[-1].code) == ("hold", "waits_for_person")
    assert held.next_look_at == at("2026-09-10 00:00")  # `again` comes before the week is over


def test_what_a_person_has_mended_is_used_at_once() -> None:
    debt = account(receivable(), points=())
    debt = carried_out(debt, decide(debt, RULES, at("2026-09-03 09:00")))
    mended = with_points(debt, (point(),))
    assert decide(mended, RULES, at("2026-09-03 15:00")).channel == "email"


def test_a_new_address_is_tried_though_every_channel_of_the_step_had_failed() -> None:
    debt = account(receivable())
    for channel in ("email", "sms"):
        decision = decide(debt, RULES, at("2026-09-03 09:00"))
        assert decision.channel == channel
        debt = carried_out(debt, decision, "failed", address_bad="gone")
    asked = decide(debt, RULES, at("2026-09-03 09:00"))
    assert asked.task == "data_repair"
    debt = carried_out(debt, asked)
    mended = with_points(debt, (point(point_id="new"), *debt.points[1:]))
    decision = decide(mended, RULES, at("2026-09-04 09:00"))
    assert (decision.step, decision.point_id, decision.attempt) == ("friendly", "new", 3)


def test_a_channel_that_is_no_message_becomes_work_for_a_person() -> None:
    rules = rulebook(step("notice", 2, channels=("email", "letter")))
    debt = account(receivable(), points=(point("letter"),))
    decision = decide(debt, rules, at("2026-09-03 09:00"))
    assert (decision.action, decision.task, decision.channel) == ("task", "letter", "letter")


def test_a_zone_that_does_not_exist_goes_to_a_person_and_never_to_the_debtor() -> None:
    debt = account(receivable(), zones=("America/Bogotá",))
    decision = decide(debt, RULES, at("2026-09-03 09:00"))
    assert decision.task == "data_repair"
    assert {refusal.code for refusal in decision.refusals} == {"zone_unknown"}


def test_where_nobody_knows_the_country_the_policy_for_that_is_asked() -> None:
    policies = {"*": ANY_TIME, "": policy(windows=Windows(PROVENANCE, OFFICE_HOURS))["*"]}
    rules = replace(RULES, contact_policies=policies)
    unknown = account(receivable(), country="")
    assert decide(unknown, rules, at("2026-09-03 22:00")).outcome == "wait"
    assert decide(account(receivable()), rules, at("2026-09-03 22:00")).outcome == "act"


# --- the contact policy --------------------------------------------------------------------------


def test_weekends_and_holidays_move_a_step_and_do_not_use_it_up() -> None:
    """L19: due on Friday 11 September 2026, which is a holiday here; sent on Monday."""
    holidays = Calendar("test", (2026,), (date(2026, 9, 11),))
    rules = rulebook(
        FRIENDLY,
        contact_policies=policy(
            windows=Windows(PROVENANCE, OFFICE_HOURS),
            holidays=Holidays(PROVENANCE, "test"),
            calendars={"test": holidays},
        ),
    )
    debt = account(receivable("2026-09-09"))
    for clock, rule in (
        ("2026-09-11 09:00", "holiday"),
        ("2026-09-12 09:00", "window_closed"),
        ("2026-09-13 09:00", "window_closed"),
        ("2026-09-14 07:59", "window_closed"),
    ):
        decision = decide(debt, rules, at(clock))
        assert (decision.outcome, decision.step) == ("wait", "friendly")
        assert decision.refusals[0].code == rule
        assert decision.next_look_at == at("2026-09-14 08:00")
        assert plan(debt, decision, "run") == debt
    assert decide(debt, rules, at("2026-09-14 08:00")).step == "friendly"


def test_the_look_at_a_coming_step_is_when_the_policy_opens_on_its_day() -> None:
    """Due on Saturday 5 September 2026, so nobody has to look before Monday at eight."""
    rules = replace(RULES, contact_policies=policy(windows=Windows(PROVENANCE, OFFICE_HOURS)))
    decision = decide(account(receivable("2026-09-03")), rules, at("2026-09-03 09:00"))
    assert codes(decision) == ["step_not_due"]
    assert decision.next_look_at == at("2026-09-07 08:00")


def test_the_contact_clock_belongs_to_the_person() -> None:
    """L12: one contact a day over all creditors; the severest step goes first, the other waits."""
    rules = replace(RULES, contact_policies=policy(caps=(Cap(PROVENANCE, "calendar_day", 1),)))
    debt = account(
        receivable("2026-09-01", receivable_id="mild", creditor="andina"),
        receivable("2026-08-22", receivable_id="severe", creditor="cordillera"),
    )
    first = decide(debt, rules, at("2026-09-03 09:00"))
    assert (first.creditor, first.step) == ("cordillera", "again")
    assert params(first, "other_creditor_first") == {"creditor": "andina", "first": "cordillera"}
    debt = carried_out(debt, first)
    second = decide(debt, rules, at("2026-09-03 10:00"))
    assert (second.outcome, second.next_look_at) == ("wait", at("2026-09-04 00:00"))
    third = decide(debt, rules, at("2026-09-04 00:00"))
    assert (third.creditor, third.step) == ("andina", "friendly")


def test_a_milder_creditor_does_not_use_up_the_contact_that_a_severer_one_waits_for() -> None:
    """An SMS for one creditor would lock out the other's e-mail for a further week."""
    lock = ChannelLock(PROVENANCE, "rolling_7d")
    rules = rulebook(
        step("mild", 2, channels=("sms",)),
        step("severe", 9, channels=("email",)),
        contact_policies=policy(channel_lock=lock),
    )
    debt = account(
        receivable("2026-09-01", receivable_id="young", creditor="andina"),
        receivable("2026-08-01", receivable_id="old", creditor="cordillera"),
        contacts=(ContactRecord("m0", "sms", at("2026-08-30 09:00"), "andina"),),
    )
    decision = decide(debt, rules, at("2026-09-04 09:00"))
    assert (decision.outcome, decision.creditor, decision.step) == ("wait", "cordillera", "severe")
    assert params(decision, "other_creditor_first")["creditor"] == "andina"
    assert decision.next_look_at == at("2026-09-06 09:00")
    assert decide(debt, rules, at("2026-09-06 09:00")).step == "severe"


def test_work_for_a_person_does_not_wait_for_another_creditors_contact() -> None:
    rules = rulebook(
        step("look-up", 2, task="look_up"),
        step("severe", 9, channels=("email",)),
        contact_policies=policy(windows=Windows(PROVENANCE, OFFICE_HOURS)),
    )
    debt = account(
        receivable("2026-09-01", receivable_id="young", creditor="andina"),
        receivable("2026-08-01", receivable_id="old", creditor="cordillera"),
    )
    decision = decide(debt, rules, at("2026-09-04 22:00"))
    assert (decision.creditor, decision.task) == ("andina", "look_up")


def test_a_call_waits_for_the_severer_contact_of_another_creditor() -> None:
    """A person has one contact clock, and a call is a contact of it."""
    daily = Cap(PROVENANCE, channels=("email",), max=1, per="calendar_day")
    rules = rulebook(
        step("call", 2, task="call"),
        step("severe", 9, channels=("email",)),
        contact_policies=policy(caps=(daily,)),
    )
    severe = receivable("2026-08-01", receivable_id="old", creditor="cordillera")
    written = (ContactRecord("m0", "email", at("2026-09-04 08:00"), "cordillera"),)
    debt = account(receivable(creditor="andina"), severe, points=CALLED, contacts=written)
    decision = decide(debt, rules, at("2026-09-04 09:00"))
    assert (decision.outcome, decision.creditor) == ("wait", "cordillera")
    assert decide(replace(debt, contacts=()), rules, at("2026-09-04 09:00")).step == "severe"


# --- calls ---------------------------------------------------------------------------------------

CALL = step("call", 2, task="call", task_due_days=3)
CALLED = (point("email"), point("voice"))


def test_a_person_calls_the_number_whose_calls_are_allowed() -> None:
    decision = decide(account(receivable(), points=CALLED), rulebook(CALL), at("2026-09-04 09:00"))
    assert (decision.action, decision.task) == ("task", "call")
    assert (decision.channel, decision.point_id, decision.due_days) == ("voice", "p-voice", 3)


def test_a_call_waits_for_the_hours_in_which_it_is_lawful() -> None:
    """Ley 2300/2023 art. 3; Ley 19.496 art. 37; 12 CFR 1006.6(b): calls first of all."""
    rules = rulebook(CALL, contact_policies=policy(windows=Windows(PROVENANCE, OFFICE_HOURS)))
    decision = decide(account(receivable(), points=CALLED), rules, at("2026-09-04 22:00"))
    assert (decision.outcome, codes(decision)) == ("wait", ["step_due", "policy_closed"])
    (refusal,) = decision.refusals
    assert (refusal.channel, refusal.code) == ("voice", "window_closed")
    opens = params(decision, "policy_closed")["until"]
    assert decision.next_look_at == refusal.next_allowed_at == opens == at("2026-09-07 08:00")


def test_a_call_waits_for_the_contacts_that_there_were() -> None:
    daily = Cap(PROVENANCE, max=1, per="calendar_day")
    rules = rulebook(CALL, contact_policies=policy(caps=(daily,)))
    this_morning = (ContactRecord("m0", "email", at("2026-09-04 08:00")),)
    debt = account(receivable(), points=CALLED, contacts=this_morning)
    decision = decide(debt, rules, at("2026-09-04 09:00"))
    assert [refusal.code for refusal in decision.refusals] == ["cap_reached"]
    assert decision.next_look_at == at("2026-09-05 00:00")


@pytest.mark.parametrize(
    "nobody",
    [
        {"points": (point("email"),)},
        {"points": (point("voice", failed="wrong number"),)},
        {"points": CALLED, "refused_channels": ("voice",)},
    ],
    ids=["no number", "wrong number", "refused"],
)
def test_without_a_number_that_may_be_called_a_person_mends_the_data(nobody: Any) -> None:
    decision = decide(account(receivable(), **nobody), rulebook(CALL), at("2026-09-04 09:00"))
    assert (decision.task, decision.about) == ("data_repair", "data_repair:andina:voice")


def test_a_call_that_was_taken_back_is_made_again() -> None:
    undone = StepRecord(at("2026-09-03 09:00"), "undone", "voice", "m1")
    debt = account(receivable(steps={"call": undone}), points=CALLED)
    decision = decide(debt, rulebook(CALL), at("2026-09-04 09:00"))
    assert (decision.task, decision.attempt) == ("call", 2)


# --- holds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "outcome"),
    [
        ("2026-09-09 23:59", "act"),
        ("2026-09-10 00:00", "hold"),
        ("2026-09-19 23:59", "hold"),
        ("2026-09-20 00:00", "act"),
    ],
)
@pytest.mark.parametrize("receivable_id", [None, "r1"])
def test_a_hold_rests_from_its_first_day_to_before_its_last(
    clock: str, outcome: str, receivable_id: str | None
) -> None:
    hold = Hold("h", "dispute", date(2026, 9, 10), date(2026, 9, 20), receivable_id)
    decision = decide(account(receivable(), holds=(hold,)), RULES, at(clock))
    assert decision.outcome == outcome
    if outcome == "hold":
        assert decision.next_look_at == at("2026-09-20 00:00")


@pytest.mark.parametrize(
    ("clock", "outcome"), [("2026-10-09 23:59", "hold"), ("2026-10-10 00:00", "act")]
)
@pytest.mark.parametrize("ends_on", [None, date(9999, 12, 31)])
def test_a_hold_ends_by_itself_when_its_kind_allows_no_more(
    clock: str, outcome: str, ends_on: date | None
) -> None:
    hold = Hold("h", "dispute", date(2026, 9, 10), ends_on)
    rules = replace(RULES, holds={"dispute": HoldKind(30)})
    assert decide(account(receivable(), holds=(hold,)), rules, at(clock)).outcome == outcome


@pytest.mark.parametrize("ends_on", [None, date(9999, 12, 31)])
def test_a_hold_without_end_is_still_looked_at(ends_on: date | None) -> None:
    hold = Hold("h", "insolvency", date(2026, 9, 10), ends_on)
    decision = decide(account(receivable(), holds=(hold,)), RULES, at("2026-09-10 09:00"))
    assert decision.outcome == "hold"
    assert decision.next_look_at == at(
        "2026-10-10 00:00" if ends_on is None else "2027-09-11 00:00"
    )


def test_a_held_receivable_leaves_the_others_as_they_are() -> None:
    hold = Hold("h", "dispute", date(2026, 9, 1), date(2026, 9, 30), "old")
    debt = account(
        receivable("2026-08-01", receivable_id="old"),
        receivable("2026-09-01", receivable_id="young"),
        holds=(hold,),
    )
    assert decide(debt, RULES, at("2026-09-03 09:00")).receivable_id == "young"


# --- money under way -----------------------------------------------------------------------------


def awaited(since: str, until: str, creditor: str = "andina", payment_id: str = "p1") -> Awaited:
    """Money that a provider calls pending."""
    return Awaited(payment_id, at(since), at(until), creditor)


@pytest.mark.parametrize(
    ("clock", "outcome"),
    [
        ("2026-09-10 08:59:59", "act"),
        ("2026-09-10 09:00:00", "hold"),
        ("2026-09-10 09:00:01", "hold"),
        ("2026-09-11 08:59:59", "hold"),
        ("2026-09-11 09:00:00", "act"),
        ("2026-09-11 09:00:01", "act"),
    ],
)
def test_while_money_is_under_way_nobody_asks_for_it_and_not_a_second_longer(
    clock: str, outcome: str
) -> None:
    """L21: a pending debit is a hold. L25: the instants before, at and after."""
    debt = account(receivable(), awaited=(awaited("2026-09-10 09:00", "2026-09-11 09:00"),))
    assert decide(debt, RULES, at(clock)).outcome == outcome


def test_a_hold_for_money_under_way_says_until_when_and_looks_again_then() -> None:
    debt = account(receivable(), awaited=(awaited("2026-09-10 09:00", "2026-09-11 09:00"),))
    decision = decide(debt, RULES, at("2026-09-10 12:00"))
    assert (decision.outcome, decision.action, decision.creditor) == ("hold", None, "andina")
    assert codes(decision) == ["payment_awaited"]
    assert params(decision, "payment_awaited") == {
        "creditor": "andina",
        "until": at("2026-09-11 09:00"),
    }
    assert decision.next_look_at == at("2026-09-11 09:00")
    assert decide(debt, RULES, at("2026-09-11 09:00")).step == "again"


def test_of_several_payments_under_way_the_last_one_to_end_is_waited_for() -> None:
    debt = account(
        receivable(),
        awaited=(
            awaited("2026-09-10 09:00", "2026-09-11 09:00", payment_id="p1"),
            awaited("2026-09-10 10:00", "2026-09-11 10:00", payment_id="p2"),
            awaited("2026-09-08 10:00", "2026-09-09 10:00", payment_id="ended"),
            awaited("2026-09-12 10:00", "2026-09-13 10:00", payment_id="to come"),
        ),
    )
    assert decide(debt, RULES, at("2026-09-10 12:00")).next_look_at == at("2026-09-11 10:00")


@pytest.mark.parametrize(
    "rules",
    [
        rulebook(step("call", 2, task="call")),
        rulebook(step("letter", 2, channels=("letter",))),
        rulebook(step("soon", -30), end=LadderEnd("hand_over", queue="agency")),
        rulebook(step("soon", -30), end=LadderEnd("review", 30)),
    ],
    ids=["call", "letter", "hand over", "review"],
)
def test_work_that_asks_for_the_money_rests_as_well(rules: Rulebook) -> None:
    """L21"""
    debt = account(
        receivable(), points=(point("letter", address="Carrera 7 # 1-1"), point("voice"))
    )
    now = at("2026-09-10 12:00")
    assert decide(debt, rules, now).task in ("call", "letter", "hand_over", "review")
    waiting = replace(debt, awaited=(awaited("2026-09-10 09:00", "2026-09-11 09:00"),))
    assert (decide(waiting, rules, now).outcome, codes(decide(waiting, rules, now))) == (
        "hold",
        ["payment_awaited"],
    )


def test_a_missing_due_date_is_mended_meanwhile() -> None:
    """L20: that asks nobody for money."""
    debt = account(
        receivable(None, receivable_id="r2"),
        receivable(),
        awaited=(awaited("2026-09-10 09:00", "2026-09-11 09:00"),),
    )
    assert decide(debt, RULES, at("2026-09-10 12:00")).task == "data_repair"


@pytest.mark.parametrize(
    ("paid_to", "outcome", "creditor"),
    [
        ("cordillera", "act", "andina"),
        ("andina", "act", "cordillera"),
        ("nobody", "act", "cordillera"),  # the older of the two
        ("", "hold", "cordillera"),  # nobody can tell yet whose it is: it may be anybody's
    ],
)
def test_money_under_way_to_one_creditor_leaves_the_others_as_they_are(
    paid_to: str, outcome: str, creditor: str
) -> None:
    debt = account(
        receivable("2026-08-14"),
        receivable("2026-08-13", receivable_id="r2", creditor="cordillera"),
        awaited=(awaited("2026-09-03 09:00", "2026-09-04 09:00", paid_to),),
    )
    rules = rulebook(FRIENDLY, step("firm", 21, stage="firm"))
    decision = decide(debt, rules, at("2026-09-03 12:00"))
    assert decision.outcome == outcome
    if outcome == "act":
        assert decision.creditor == creditor
    else:
        assert codes(decision) == ["payment_awaited", "payment_awaited"]


def test_money_that_comes_under_way_between_the_decision_and_the_last_look_stops_the_message() -> (
    None
):
    """Invariant 2: deliver decides again with the intent set aside."""
    debt = account(receivable())
    decided = decide(debt, RULES, at("2026-09-10 12:00"))
    waiting = plan(debt, decided, "run")
    intent = find_intent(waiting, decided.intent_id)
    assert intent is not None
    looked_at = at("2026-09-10 12:01")
    assert decide(set_aside(waiting, intent), RULES, looked_at).intent_id == decided.intent_id
    waiting = replace(waiting, awaited=(awaited("2026-09-10 12:00:30", "2026-09-11 12:00:30"),))
    again = decide(set_aside(waiting, intent), RULES, looked_at)
    assert (again.outcome, again.intent_id, codes(again)) == ("hold", "", ["payment_awaited"])
    assert again.next_look_at == at("2026-09-11 12:00:30")


# --- payment feeds -------------------------------------------------------------------------------


def gated(*steps: Any, andina: tuple[str, ...] = ("bank",), **more: Any) -> Rulebook:
    """A rulebook whose creditor andina waits for its bank's file, at most 36 hours old."""
    creditors = {
        name: Creditor(name, name, name, "NIT 1", "CO", "a@b.co", "a@b.co", "1", feeds=feeds)
        for name, feeds in (("andina", andina), ("cordillera", ()))
    }
    payments = Payments(feeds={"bank": 36, "cards": 2})
    return rulebook(*(steps or (FRIENDLY,)), creditors=creditors, payments=payments, **more)


NOW = at("2026-09-04 12:00")


def fed(decision_at: datetime = NOW, **hours_ago: float) -> dict[str, datetime]:
    """When each feed last told us."""
    return {name: decision_at - timedelta(hours=hours) for name, hours in hours_ago.items()}


@pytest.mark.parametrize(
    ("last_told", "outcome"),
    [
        ("2026-09-02 23:59:59", "wait"),
        ("2026-09-03 00:00:00", "act"),
        ("2026-09-03 00:00:01", "act"),
        ("2026-09-05 00:00:00", "act"),  # somebody's clock was wrong
    ],
)
def test_nobody_is_asked_while_what_was_paid_is_known_too_long_ago(
    last_told: str, outcome: str
) -> None:
    """L7: a freshness gate. L25: 36 hours and a second, 36 hours, a second less."""
    decision = decide(account(receivable()), gated(), NOW, {"bank": at(last_told)})
    assert decision.outcome == outcome


def test_a_message_that_waits_for_a_feed_says_which_and_looks_again_in_an_hour() -> None:
    """L7, and L3: the step is not used up, and goes once when the feed is fresh again."""
    debt = account(receivable())
    waiting = decide(debt, gated(), NOW, fed(bank=37))
    assert (waiting.step, waiting.receivable_id) == ("friendly", "r1")
    assert codes(waiting) == ["step_due", "payments_not_fresh"]
    assert params(waiting, "payments_not_fresh") == {
        "feed": "bank",
        "since": at("2026-09-02 23:00"),
        "at_most_hours": 36,
    }
    assert waiting.next_look_at == at("2026-09-04 13:00")
    after = decide(debt, gated(), at("2026-09-04 13:00"), {"bank": at("2026-09-04 12:59")})
    assert (after.outcome, after.step) == ("act", "friendly")


@pytest.mark.parametrize("feeds", [NO_FEEDS, {}, {"cards": NOW}])
def test_a_feed_that_never_told_anything_is_not_fresh(feeds: Any) -> None:
    decision = decide(account(receivable()), gated(), NOW, feeds)
    assert (decision.outcome, params(decision, "payments_not_fresh")["since"]) == ("wait", None)


def test_each_feed_of_a_creditor_has_to_be_fresh_by_its_own_limit() -> None:
    rules = gated(andina=("bank", "cards"))
    assert decide(account(receivable()), rules, NOW, fed(bank=36, cards=2)).outcome == "act"
    decision = decide(account(receivable()), rules, NOW, fed(bank=36, cards=3))
    assert params(decision, "payments_not_fresh")["feed"] == "cards"


def test_work_for_a_person_goes_on() -> None:
    rules = gated(step("look-up", 2, task="look_up"))
    assert decide(account(receivable()), rules, NOW).task == "look_up"
    ended = gated(step("soon", -30))
    assert decide(account(receivable()), ended, NOW).task == "review"
    unreachable = account(receivable(), points=())
    assert decide(unreachable, gated(), NOW).task == "data_repair"


def test_a_call_asks_for_money_too() -> None:
    """L7"""
    debt = account(receivable(), points=(point("voice"),))
    assert decide(debt, gated(CALL), NOW, fed(bank=36)).task == "call"
    assert codes(decide(debt, gated(CALL), NOW, fed(bank=37))) == ["step_due", "payments_not_fresh"]


def test_a_letter_asks_for_money_too() -> None:
    rules = gated(step("letter", 2, channels=("letter",)))
    debt = account(receivable(), points=(point("letter", address="Carrera 7 # 1-1"),))
    assert decide(debt, rules, NOW, fed(bank=36)).task == "letter"
    assert codes(decide(debt, rules, NOW, fed(bank=37))) == ["step_due", "payments_not_fresh"]


def test_a_creditor_without_feeds_does_not_wait_for_anothers() -> None:
    """Nor does the person's one contact stay free for the severer step that waits for its feed."""
    debt = account(
        receivable("2026-08-01"),
        receivable("2026-09-01", receivable_id="r2", creditor="cordillera"),
    )
    rules = gated(FRIENDLY, step("firm", 20, stage="firm"))
    decision = decide(debt, rules, NOW, fed(bank=37))
    assert (decision.outcome, decision.creditor, decision.step) == ("act", "cordillera", "friendly")
    assert decide(debt, rules, NOW, fed(bank=36)).creditor == "andina"


def test_what_waits_for_the_contact_policy_waits_for_that_and_not_for_a_feed() -> None:
    rules = gated(contact_policies=policy(windows=Windows(PROVENANCE, OFFICE_HOURS)))
    night = decide(account(receivable()), rules, at("2026-09-04 20:00"), fed(bank=37))
    assert codes(night) == ["step_due", "policy_closed"]
    assert night.next_look_at == at("2026-09-07 08:00")


def test_a_feed_that_stops_between_the_decision_and_the_last_look_stops_the_message() -> None:
    debt = account(receivable())
    decided = decide(debt, gated(), NOW, fed(bank=36))
    waiting = plan(debt, decided, "run")
    intent = find_intent(waiting, decided.intent_id)
    assert intent is not None
    looked_at = NOW + timedelta(seconds=1)
    again = decide(set_aside(waiting, intent), gated(), looked_at, fed(bank=36))
    assert (again.outcome, codes(again)[-1]) == ("wait", "payments_not_fresh")


def test_feeds_change_nothing_where_no_creditor_has_one() -> None:
    """Invariant 6: the same account, the same answer."""
    plain = gated(andina=())
    same = replace(plain, payments=Payments())
    debt = account(receivable(), receivable("2026-09-02", receivable_id="r2"))

    def answers(rules: Rulebook, **feeds: float) -> list[Decision]:
        return [
            decide(debt, rules, NOW + timedelta(hours=hour), fed(**feeds))
            for hour in range(0, 24 * 30, 7)
        ]

    assert answers(plain) == answers(plain, bank=1000) == answers(same) == answers(same, bank=1)


def test_the_answer_is_the_same_whatever_order_things_are_kept_in() -> None:
    """Invariant 6"""
    waits = awaited("2026-09-04 11:00", "2026-09-05 11:00", "cordillera")
    ended = awaited("2026-09-02 11:00", "2026-09-03 11:00", "", "p2")
    debt = account(
        receivable(),
        receivable(receivable_id="r2", creditor="cordillera"),
        awaited=(waits, ended),
    )
    rules = gated(andina=("bank", "cards"))
    first = decide(debt, rules, NOW, fed(bank=37, cards=1))
    assert codes(first) == ["step_due", "payments_not_fresh", "payment_awaited"]
    assert (first.outcome, first.next_look_at) == ("wait", at("2026-09-04 13:00"))
    stored = msgspec.json.decode(msgspec.json.encode(debt), type=Account)
    turned = replace(stored, awaited=stored.awaited[::-1])
    assert decide(turned, rules, NOW, fed(cards=1, bank=37)) == first


def test_the_default_is_that_no_feed_has_told_anything_and_nobody_can_change_it() -> None:
    with pytest.raises(TypeError):
        NO_FEEDS["bank"] = NOW  # type: ignore[index]
    assert dict(NO_FEEDS) == {}


# --- bad data ------------------------------------------------------------------------------------


def test_a_receivable_without_due_date_goes_to_a_person_and_not_to_the_debtor() -> None:
    """L20"""
    debt = account(receivable(None), receivable(None, receivable_id="r2"))
    asked = []
    for _ in range(2):
        decision = decide(debt, RULES, at("2026-09-03 09:00"))
        assert (decision.action, decision.task, decision.step) == ("task", "data_repair", "end")
        asked.append((decision.receivable_id, decision.about, decision.due_days))
        debt = carried_out(debt, decision)
    assert asked == [
        ("r1", "data_repair:andina:due date of r1", 3),
        ("r2", "data_repair:andina:due date of r2", 3),
    ]
    held = decide(debt, RULES, at("2026-09-03 09:00"))
    assert (held.outcome, held.next_look_at) == ("hold", at("2026-09-10 00:00"))
    assert codes(held) == ["missing_due_date", "waits_for_person"]


def test_a_missing_due_date_does_not_stop_the_other_receivables() -> None:
    debt = account(receivable(None), receivable(receivable_id="r2"))
    assert decide(debt, RULES, at("2026-09-03 09:00")).step == "friendly"


def test_nobody_is_asked_to_mend_what_is_held_or_not_issued() -> None:
    held = account(
        receivable(None), holds=(Hold("h", "absent_from_export", date(2026, 9, 1), None, "r1"),)
    )
    assert decide(held, RULES, at("2026-09-03 09:00")).outcome == "hold"
    coming = account(receivable(None, issued_on=date(2026, 10, 1)))
    assert decide(coming, RULES, at("2026-09-03 09:00")).outcome == "wait"


@pytest.mark.parametrize("due", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar_are_dates_too(due: str) -> None:
    decision = decide(account(receivable(due)), RULES, at("2026-09-03 09:00"))
    assert decision.next_look_at is not None


# --- nothing open --------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", [(), (Hold("h", "insolvency", date(2026, 1, 1)),)])
def test_an_account_without_debt_is_left_alone(hold: tuple[Hold, ...]) -> None:
    """An idle account costs nothing: nobody looks at it again."""
    idle = account(holds=hold, credits={"andina|COP": 5_000})
    decision = decide(idle, RULES, at("2026-09-03 09:00"))
    assert (decision.outcome, codes(decision)) == ("skip", ["nothing_open"])
    assert decision.next_look_at is None


# --- intents that are not settled ----------------------------------------------------------------


def planned(debt: Account, rules: Rulebook = RULES) -> Account:
    return plan(debt, decide(debt, rules, at("2026-09-03 09:00")), "run")


@pytest.mark.parametrize(
    ("clock", "action"),
    [
        ("2026-09-03 09:09:59", None),
        ("2026-09-03 09:10:00", "resume"),
        ("2026-09-03 09:10:01", "resume"),
    ],
)
def test_a_planned_intent_is_queued_again_after_ten_minutes(clock: str, action: str | None) -> None:
    debt = planned(account(receivable()))
    decision = decide(debt, RULES, at(clock))
    assert decision.action == action
    if action is None:
        assert (decision.outcome, decision.next_look_at) == ("wait", at("2026-09-03 09:10"))
    else:
        assert decision.intent_id == debt.intents[0].intent_id


def test_an_intent_that_can_never_be_delivered_comes_round_less_and_less_often() -> None:
    """Invariant 9: it must not burn a run every few minutes for ever."""
    debt = planned(account(receivable()))
    looks = []
    as_of = at("2026-09-03 09:10")
    for _ in range(10):
        decision = decide(debt, RULES, as_of)
        assert decision.action == "resume"
        assert decision.next_look_at is not None
        debt = plan(debt, decision, "run")
        looks.append((decision.next_look_at - as_of) // timedelta(minutes=1))
        as_of = decision.next_look_at
    assert looks == [20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440]
    assert len(debt.intents) == 1


@pytest.mark.parametrize(
    ("clock", "action"),
    [
        ("2026-09-03 09:14:59", None),
        ("2026-09-03 09:15:00", "unknown"),
        ("2026-09-03 09:15:01", "unknown"),
    ],
)
def test_a_message_without_answer_is_unknown_after_fifteen_minutes(
    clock: str, action: str | None
) -> None:
    debt = account(receivable())
    lost = carried_out(debt, decide(debt, RULES, at("2026-09-03 09:00")), "lost")
    assert decide(lost, RULES, at(clock)).action == action


def test_a_message_whose_fate_is_unknown_goes_to_a_person_and_is_never_sent_again() -> None:
    """Invariant 1"""
    debt = account(receivable())
    lost = carried_out(debt, decide(debt, RULES, at("2026-09-03 09:00")), "lost")
    flagged = plan(lost, decide(lost, RULES, at("2026-09-03 09:15")), "run")
    task = flagged.intents[0]
    assert (task.task, task.about, task.due_days) == ("unknown_fate", lost.intents[0].intent_id, 1)
    assert flagged.receivables[0].steps["friendly"].state == "unknown"
    opened = settle_opened(flagged, task, at("2026-09-03 09:16"))
    assert opened.intents == ()
    later = decide(opened, RULES, at("2026-09-09 09:00"))
    assert (later.outcome, later.step) == ("wait", "")
    assert decide(opened, RULES, at("2026-09-10 09:00")).step == "again"


def test_a_failure_after_an_unknown_fate_does_not_make_the_first_channel_free_again() -> None:
    """Invariant 1: the e-mail may have arrived, so it is not repeated when the SMS fails."""
    debt = account(carrying(again=sent("2026-09-11 09:00", "unknown")))
    by_sms = decide(debt, RULES, at("2026-09-22 09:00"))
    assert (by_sms.step, by_sms.channel) == ("again", "sms")
    failed = carried_out(debt, by_sms, "failed")
    record = failed.receivables[0].steps["again"]
    assert (record.state, record.channel, record.tried) == ("unknown", "email", ("sms",))
    decision = decide(failed, RULES, at("2026-09-22 09:01"))
    assert (decision.step, decision.task) == ("again", "data_repair")
    elsewhere = with_points(failed, (point("email", point_id="new"), point("sms")))
    assert decide(elsewhere, RULES, at("2026-09-22 09:01")).channel == "task"


def test_of_several_intents_the_one_that_is_overdue_is_settled_first() -> None:
    def intent(name: str, decided: str) -> Intent:
        return Intent(
            name, "planned", "andina", "r1", "friendly", "reminder", "email", "p-email", "", "v1",
            at(decided),
        )  # fmt: skip

    intents = (intent("young", "2026-09-03 09:55"), intent("old", "2026-09-03 09:00"))
    debt = account(receivable(), intents=intents)
    assert decide(debt, RULES, at("2026-09-03 10:00")).intent_id == "old"


# --- the end of the ladder -----------------------------------------------------------------------


def test_at_the_end_a_person_looks_every_so_many_days() -> None:
    rules = rulebook(FRIENDLY, end=LadderEnd("review", 30, due_days=5))
    debt = account(receivable())
    taken = []
    for days in range(70):
        decision = decide(debt, rules, at("2026-09-03 09:00") + timedelta(days=days))
        if decision.outcome == "act":
            taken.append((days, decision.step, decision.task, decision.stage, decision.attempt))
            debt = carried_out(debt, decision)
    assert taken == [
        (0, "friendly", "", "reminder", 1),
        (30, "end", "review", "reminder", 1),
        (60, "end", "review", "reminder", 2),
    ]


def test_at_the_end_it_is_handed_over_once() -> None:
    rules = rulebook(FRIENDLY, end=LadderEnd("hand_over", queue="key-accounts"))
    debt = account(receivable())
    taken = []
    for days in range(200):
        decision = decide(debt, rules, at("2026-09-03 09:00") + timedelta(days=days))
        assert decision.next_look_at is not None
        if decision.outcome == "act":
            taken.append((days, decision.task, decision.queue, decision.due_days))
            debt = carried_out(debt, decision)
    assert taken == [(0, "", "", 0), (1, "hand_over", "key-accounts", 5)]


def test_the_end_has_one_name_until_it_is_reached_again() -> None:
    rules = rulebook(FRIENDLY, end=LadderEnd("hand_over"))
    debt = account(carrying(friendly=sent("2026-09-03 09:00")))
    late = decide(debt, rules, at("2026-09-05 23:59"))
    later = decide(debt, rules, at("2026-09-06 00:01"))
    assert late.intent_id == later.intent_id


def test_the_ladder_ends_again_for_another_receivable() -> None:
    rules = rulebook(FRIENDLY, end=LadderEnd("hand_over"))
    ended = {"andina": Ladder(ended_for="r0", ended_at=at("2026-09-01 09:00"), ended_times=1)}
    debt = account(carrying(friendly=sent("2026-09-03 09:00")), ladders=ended)
    decision = decide(debt, rules, at("2026-09-05 09:00"))
    assert (decision.task, decision.attempt) == ("hand_over", 1)


# --- what is said about it -----------------------------------------------------------------------


def test_a_decision_says_what_it_was_made_from() -> None:
    decision = decide(account(receivable()), RULES, at("2026-09-05 09:00"))
    assert (decision.account_id, decision.rulebook, decision.strategy) == ("a1", "v1", "plain")
    assert params(decision, "step_due") == {
        "step": "friendly",
        "since": date(2026, 9, 3),
        "days_past_due": 4,
        "receivable": "r1",
    }
    assert decision.next_look_at == at("2026-09-05 09:10")
    intent = find_intent(plan(account(receivable()), decision, "run-7"), decision.intent_id)
    assert intent is not None
    assert (intent.run_id, intent.rulebook, intent.step) == ("run-7", "v1", "friendly")
