"""What agreements mean to the engine: what rests, what is reminded of, where a ladder goes on."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from escalon.domain.account import Account, Awaited, Beyond, Hold, StepRecord
from escalon.domain.agreements.agreed import Agreement, Change, Instalment, Moved
from escalon.domain.agreements.due import resumed
from escalon.domain.contact.feedback import Feedback, Message
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.forecast import forecast
from escalon.domain.decisions.intents import as_intent
from escalon.domain.decisions.transitions import (
    claim,
    plan,
    set_aside,
    settle_failed,
    settle_opened,
    settle_sent,
    told,
    with_points,
)
from escalon.domain.holds import countable_beyond
from escalon.domain.payments.ledger import embed
from escalon.domain.payments.statement import statement
from escalon.domain.rules.rulebook import AgreementRules, Rulebook, Step
from tests.domain.debts import BOGOTA, account, at, receivable, rulebook, step

REMINDERS = (
    Step("soon", "pre_due", -3, channels=("email", "sms"), message="instalment_soon"),
    Step("today", "pre_due", 0, channels=("sms",), message="instalment_today"),
)
TENTH, TWENTIETH = date(2026, 9, 10), date(2026, 9, 20)


def rules() -> Rulebook:
    ladder = rulebook(
        step("friendly", 2), step("firm", 10), step("last", 30), step("call", 40, task="call")
    )
    return replace(ladder, agreements=AgreementRules(reminders=REMINDERS))


def agreement(**more: object) -> Agreement:
    """A plan of two instalments over all of r1, made on 1 September."""
    made = Agreement(
        "g1",
        "andina",
        "COP",
        "plan",
        "plan",
        "active",
        {"r1": {"principal": 100_000_00}},
        date(2026, 9, 1),
        (Instalment(1, TENTH, 50_000_00), Instalment(2, TWENTIETH, 50_000_00)),
        tolerance_days=3,
        resume_at="firm",
        history=(Change(at("2026-09-01 10:00"), "active", "engine"),),
    )
    return replace(made, **more)


def owing(one: Agreement | None = None, **more: object) -> Account:
    debtor = account(
        receivable("2026-08-01", issued_on=date(2026, 7, 1), known_on=date(2026, 7, 1))
    )
    return replace(debtor, agreements=(one or agreement(),), **more)


def decided(debtor: Account, when: str) -> Decision:
    return decide(debtor, rules(), at(when))


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


# ------------------------------------------------------------------------------- what rests


def test_what_rests_is_not_escalated_and_is_looked_at_when_a_reminder_comes() -> None:
    """L13"""
    decision = decided(owing(), "2026-09-02 10:00")
    assert (decision.outcome, codes(decision)) == ("wait", ["in_agreement"])
    assert decision.reasons[0].params["on"] == TENTH
    assert decision.next_look_at == at("2026-09-07 00:00")


def test_other_debts_of_the_account_are_chased_and_name_nothing_that_rests() -> None:
    """L14"""
    debtor = owing()
    other = receivable("2026-08-20", receivable_id="r2")
    debtor = replace(debtor, receivables=(*debtor.receivables, other))
    decision = decided(debtor, "2026-09-02 10:00")
    assert (decision.outcome, decision.step, decision.receivable_id) == ("act", "firm", "r2")
    overdue, _ = statement(debtor, "andina", rules(), date(2026, 9, 2))
    assert [one.receivable_id for one in overdue] == ["r2"]


def test_a_sum_that_holds_a_debt_that_rests_is_not_spoken_of() -> None:
    debtor = owing(agreement(debts={"r1": {"principal": 1}, "r99": {"principal": 1}}))
    debtor = replace(debtor, beyond={"andina|COP": Beyond(3, 9), "boreal|COP": Beyond(1, 5)})
    assert countable_beyond(debtor, {}, TENTH) == {"boreal|COP": Beyond(1, 5)}


def test_an_agreement_about_the_youngest_of_many_debts_is_reminded_of() -> None:
    """L13: twenty other debts are older, and the document has room for no more than twenty."""
    days = [date(2026, 6, 1) + timedelta(days=number) for number in range(25)]
    debts = [
        receivable(day.isoformat(), receivable_id=f"r{number:02}", open_minor=100_00)
        for number, day in enumerate(days)
    ]
    about = agreement(debts={name: {"principal": 100_00} for name in ("r23", "r24")})
    debtor = embed(replace(account(), agreements=(about,)), debts)
    names = [one.receivable_id for one in debtor.receivables]
    assert names == [*(f"r{number:02}" for number in range(19)), "r23"]
    assert debtor.beyond == {"andina|COP": Beyond(5, 500_00)}
    quiet = replace(debtor, holds=tuple(
        Hold(f"h{name}", "dispute", date(2026, 9, 1), date(2026, 10, 1), name)
        for name in names[:19]
    ))  # fmt: skip
    decision = decided(quiet, "2026-09-07 10:00")
    assert (decision.step, decision.reminder) == ("soon", "g1/1/soon")
    ended = replace(debtor, agreements=(replace(about, state="broken"),))
    back = embed(ended, debts)
    assert [one.receivable_id for one in back.receivables] == [f"r{n:02}" for n in range(20)]


def test_whom_nobody_has_followed_since_a_day_passed_is_looked_at_at_once() -> None:
    """Invariant 7"""
    decision = decided(owing(), "2026-09-25 10:00")
    assert decision.next_look_at == at("2026-09-25 10:00") + timedelta(seconds=1)


# -------------------------------------------------------------------------------- reminders


def test_a_reminder_goes_by_the_first_channel_that_may_and_is_an_intent_of_its_own() -> None:
    first = decided(owing(), "2026-09-07 10:00")
    assert (first.outcome, first.action, first.channel) == ("act", "message", "email")
    assert (first.step, first.reminder) == ("soon", "g1/1/soon")
    paid = (Moved("p", "r1", date(2026, 9, 8), 50_000_00),)
    second = decided(owing(agreement(moved=paid)), "2026-09-17 10:00")
    assert second.reminder == "g1/2/soon"
    assert second.intent_id != first.intent_id


def test_a_reminder_that_went_out_is_on_no_ladder_and_is_not_said_again() -> None:
    debtor = owing()
    decision = decided(debtor, "2026-09-07 10:00")
    intent = as_intent(decision, "run")
    after = plan(debtor, decision, "run")
    after = settle_sent(claim(after, intent, decision.as_of), intent, decision.as_of)
    assert after.reminded["g1/1/soon"].state == "sent"
    assert (after.ladders, after.receivables[0].steps) == ({}, {})
    assert [contact.channel for contact in after.contacts] == ["email"]
    assert codes(decided(after, "2026-09-07 11:00")) == ["in_agreement"]


def test_a_reminder_that_reached_nobody_goes_by_the_next_channel_and_then_to_a_person() -> None:
    debtor = owing()
    decision = decided(debtor, "2026-09-07 10:00")
    intent = as_intent(decision, "run")
    failed = settle_failed(
        plan(debtor, decision, "run"), intent, decision.as_of, address_bad="bounced"
    )
    again = decided(failed, "2026-09-07 10:05")
    assert (again.channel, again.reminder, again.attempt) == ("sms", "g1/1/soon", 2)
    assert again.intent_id != decision.intent_id
    nowhere = replace(failed, points=failed.points[:1])
    last = decided(nowhere, "2026-09-07 10:05")
    assert (last.task, last.reminder) == ("data_repair", "g1/1/soon")
    opened = settle_opened(plan(nowhere, last, "run"), as_intent(last, "run"), last.as_of)
    assert opened.reminded == failed.reminded
    # New addresses open every channel again.
    mended = with_points(opened, (replace(failed.points[0], failed=""), failed.points[1]))
    assert decided(mended, "2026-09-07 11:00").channel == "email"


def test_what_a_carrier_tells_of_a_reminder_is_kept_with_it() -> None:
    debtor = owing()
    decision = decided(debtor, "2026-09-07 10:00")
    intent = as_intent(decision, "run")
    sent = settle_sent(
        claim(plan(debtor, decision, "run"), intent, decision.as_of), intent, decision.as_of
    )
    message = Message(
        intent.intent_id, "a1", "andina", "email", "ana@example.com", "soon", "pre_due", "v1",
        decision.as_of, "delivered",
    )  # fmt: skip
    feedback = Feedback("email", "delivered", decision.as_of, "ses-1")
    after = told(sent, message, feedback, decision.as_of)
    assert after.reminded["g1/1/soon"].state == "delivered"


@pytest.mark.parametrize(
    ("more", "outcome", "code"),
    [
        (
            {"holds": (Hold("h", "dispute", date(2026, 9, 5), receivable_id="r1"),)},
            "hold",
            "receivable_hold",
        ),
        (
            {"awaited": (Awaited("p", at("2026-09-07 09:00"), at("2026-09-08 09:00")),)},
            "hold",
            "instalment_due",
        ),
    ],
)
def test_nobody_is_reminded_of_what_is_disputed_or_under_way(
    more: dict[str, object], outcome: str, code: str
) -> None:
    decision = decided(owing(**more), "2026-09-07 10:00")
    assert (decision.outcome, code in codes(decision)) == (outcome, True)


# ------------------------------------------------------------------------------- resumption


def carrying(**records: StepRecord) -> Account:
    """The plan of r1 was broken on 14 September: the first instalment and its tolerance passed."""
    broken = agreement(state="broken", seen=("missed", "open"))
    debtor = owing(broken)
    return replace(debtor, receivables=(replace(debtor.receivables[0], steps=records),))


def sent(when: str) -> StepRecord:
    return StepRecord(at(when), "sent", "email", "m1")


def test_the_ladder_goes_on_at_the_step_that_the_rules_name_counted_from_the_break() -> None:
    debtor = carrying(friendly=sent("2026-08-05 10:00"), last=sent("2026-08-31 10:00"))
    decision = decided(debtor, "2026-09-14 10:00")
    # 44 days past due, the call would be due; `firm` is, and `last` twenty days after it.
    assert (decision.step, decision.attempt) == ("firm", 1)
    firm = replace(debtor.receivables[0], steps={**debtor.receivables[0].steps})
    firm = replace(firm, steps={**firm.steps, "firm": sent("2026-09-14 10:00")})
    waiting = decided(replace(debtor, receivables=(firm,)), "2026-09-15 10:00")
    assert (waiting.outcome, waiting.reasons[0].params["step"]) == ("wait", "last")
    assert waiting.reasons[0].params["on"] == date(2026, 10, 4)
    # What went before the break is sent again as another message.
    last = decided(replace(debtor, receivables=(firm,)), "2026-10-05 10:00")
    assert (last.step, last.attempt) == ("last", 2)


def test_a_step_that_is_not_on_the_ladder_resumes_by_age() -> None:
    debtor = owing(agreement(state="broken", resume_at=""))
    assert decided(debtor, "2026-09-14 10:00").step == "call"
    elsewhere = owing(agreement(state="broken", resume_at="gone"))
    assert decided(elsewhere, "2026-09-14 10:00").step == "call"


def test_of_several_that_were_broken_the_latest_counts() -> None:
    early = agreement(state="broken", resume_at="friendly")
    late = agreement(
        agreement_id="g2", state="broken", resume_at="last", instalments=(
            Instalment(1, date(2026, 9, 16), 100_000_00),
        )
    )  # fmt: skip
    debtor = replace(owing(early), agreements=(late, early))
    found = resumed(
        debtor, debtor.receivables[0], rules().strategies[0].steps, date(2026, 9, 21), (BOGOTA,)
    )
    assert found is not None
    assert found.shift == (date(2026, 9, 20) - date(2026, 8, 1)).days - 30
    assert set_aside(debtor, as_intent(decided(debtor, "2026-09-21 10:00"), "r")) == debtor


def test_a_forecast_follows_what_nobody_pays_to_its_break_and_up_the_ladder() -> None:
    events = forecast(owing(), rules(), at("2026-09-02 09:00"), at("2026-10-10 09:00"))
    local = [
        (event.at.astimezone(ZoneInfo(BOGOTA)).date().isoformat(), event.step) for event in events
    ]
    assert local == [
        ("2026-09-07", "soon"),
        ("2026-09-10", "today"),
        ("2026-09-14", "firm"),
        ("2026-10-04", "last"),
    ]
