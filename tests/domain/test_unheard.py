"""What a carrier has not told the end of: of the debtor's own steps, of reminders of instalments
and of messages to co-debtors and guarantors alike (lesson L10)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Link, StepRecord, StepState
from escalon.domain.agreements.agreed import Agreement, Change, Instalment
from escalon.domain.contact.unheard import first_unheard
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.transitions import find_intent, plan, unknown_fate_id, with_step_state
from escalon.domain.rules.rulebook import AgreementRules, Step
from tests.domain.debts import account, at, receivable, rulebook, step

SOON = Step("soon", "pre_due", -3, channels=("email", "sms"), message="instalment_soon")
RULES = replace(rulebook(step("friendly", 2)), agreements=AgreementRules(reminders=(SOON,)))
TELLING = ("email",)
PLAN = Agreement(
    "g1",
    "andina",
    "COP",
    "plan",
    "plan",
    "active",
    {"r0": {"principal": 1}, "r1": {"principal": 100_000_00}},
    date(2026, 9, 1),
    (Instalment(1, date(2026, 9, 10), 100_000_00),),
    history=(Change(at("2026-09-01 10:00"), "active", "engine"),),
)


def sent(
    when: str, message_id: str = "m1", state: StepState = "sent", channel: str = "email"
) -> StepRecord:
    return StepRecord(at(when), state, channel, message_id)


def reminded(record: StepRecord) -> Account:
    """An instalment of r1 was reminded of."""
    return account(receivable(), agreements=(PLAN,), reminded={"g1/1/soon": record})


def followed(record: StepRecord) -> Account:
    """The debtor's step of r1 went to a guarantor too."""
    taken = sent("2026-09-03 09:00", "m0", "delivered")
    return account(
        receivable(steps={"friendly": taken}),
        links=(Link("b2", "guarantor"),),
        followed={"r1/friendly/b2": record},
    )


@pytest.mark.parametrize("of", [reminded, followed])
@pytest.mark.parametrize(
    ("record", "clock", "asks"),
    [
        (sent("2026-09-07 09:00"), "2026-09-10 08:59:59", False),
        (sent("2026-09-07 09:00"), "2026-09-10 09:00:00", True),
        (sent("2026-09-07 09:00"), "2026-09-10 09:00:01", True),
        (sent("2026-09-07 09:00", state="delayed", channel="sms"), "2026-09-10 09:00", True),
        (sent("2026-09-07 09:00", channel="sms"), "2026-12-10 09:00", False),  # no log, maybe
        (sent("2026-09-07 09:00", state="unknown"), "2026-12-10 09:00", False),  # it was asked
        (sent("2026-09-07 09:00", state="delivered"), "2026-12-10 09:00", False),
    ],
)
def test_l10_a_person_finds_out_whosever_message_it_was(
    of: object, record: StepRecord, clock: str, asks: bool
) -> None:
    debtor = of(record)  # type: ignore[operator]
    decision = decide(debtor, RULES, at(clock), linked={}, listing=True)
    assert (decision.action == "unknown") is asks
    # Whoever only looks lists nothing.
    assert decide(debtor, RULES, at(clock), linked={}).action != "unknown"


def test_the_task_of_a_reminder_names_its_step_and_the_debt() -> None:
    debtor = reminded(sent("2026-09-07 09:00"))
    decision = decide(debtor, RULES, at("2026-09-10 09:00"), listing=True)
    assert [reason.code for reason in decision.reasons] == ["unheard"]
    after = plan(debtor, decision, "run")
    task = find_intent(after, unknown_fate_id("a1", "m1"))
    assert task is not None
    assert (task.task, task.about, task.person) == ("unknown_fate", "m1", "")
    assert (task.creditor, task.receivable_id) == ("andina", "r1")
    assert (task.step, task.stage, task.reminder) == ("soon", "pre_due", "g1/1/soon")
    assert after.reminded["g1/1/soon"].state == "unknown"


def test_the_task_of_a_guarantors_message_names_them() -> None:
    debtor = followed(sent("2026-09-07 09:00"))
    decision = decide(debtor, RULES, at("2026-09-10 09:00"), linked={}, listing=True)
    assert [(reason.code, reason.params["person"]) for reason in decision.reasons] == [
        ("follow_unheard", "b2")
    ]
    after = plan(debtor, decision, "run")
    task = find_intent(after, unknown_fate_id("a1", "m1"))
    assert task is not None
    assert (task.about, task.person, task.role) == ("m1", "b2", "guarantor")
    assert (task.step, task.stage) == ("friendly", "reminder")
    assert after.followed["r1/friendly/b2"].state == "unknown"
    assert after.receivables[0].steps["friendly"].state == "delivered"  # the debtor's own


def test_a_run_comes_when_the_time_of_a_reminder_is_over() -> None:
    debtor = reminded(sent("2026-09-07 10:30"))
    decision = decide(debtor, RULES, at("2026-09-08 09:00"))
    assert decision.next_look_at == at("2026-09-10 10:30")


@pytest.mark.parametrize("of", [reminded, followed])
def test_of_a_debt_that_is_settled_nobody_is_asked(of: object) -> None:
    debtor = of(sent("2026-09-07 09:00"))  # type: ignore[operator]
    settled = replace(debtor, receivables=(receivable(receivable_id="r9"),))
    assert first_unheard(settled, TELLING) is None


def test_of_an_agreement_that_ended_long_ago_nobody_is_asked() -> None:
    debtor = replace(reminded(sent("2026-09-07 09:00")), agreements=())
    assert first_unheard(debtor, TELLING) is None


@pytest.mark.parametrize(
    ("days", "first"), [((1, 2, 3), "m1"), ((3, 1, 2), "m2"), ((3, 2, 1), "m3")]
)
def test_the_one_that_is_owed_for_the_longest_comes_first(
    days: tuple[int, int, int], first: str
) -> None:
    own, reminder, other = (
        sent(f"2026-09-0{day} 09:00", f"m{number}") for number, day in enumerate(days, 1)
    )
    debtor = account(
        receivable(steps={"friendly": own}),
        agreements=(PLAN,),
        reminded={"g1/1/soon": reminder},
        followed={"r1/friendly/b2": other},
    )
    found = first_unheard(debtor, TELLING)
    assert found is not None
    assert found.record.intent_id == first


NAMES = st.sampled_from(["m1", "m2", "m3"])


@given(NAMES, NAMES, NAMES, NAMES, NAMES)
def test_a_state_moves_all_that_is_kept_of_its_message_and_nothing_else(
    own: str, notice: str, reminder: str, other: str, moved: str
) -> None:
    record = sent("2026-09-07 09:00")
    debtor = account(
        receivable(
            steps={"friendly": replace(record, intent_id=own)},
            noticed=(replace(record, intent_id=notice),),
        ),
        reminded={"g1/1/soon": replace(record, intent_id=reminder)},
        followed={"r1/friendly/b2": replace(record, intent_id=other)},
    )
    after = with_step_state(debtor, moved, "unknown")
    records = (
        after.receivables[0].steps["friendly"],
        after.receivables[0].noticed[0],
        after.reminded["g1/1/soon"],
        after.followed["r1/friendly/b2"],
    )
    assert [one.state == "unknown" for one in records] == [
        name == moved for name in (own, notice, reminder, other)
    ]
