"""How an account changes when a decision is carried out: what is used up, and what is not."""

from datetime import timedelta

import pytest

from escalon.domain.account import ContactRecord, Intent, Ladder, StepRecord
from escalon.domain.engine import decide
from escalon.domain.transitions import (
    CONTACTS_KEPT,
    claim,
    find_intent,
    plan,
    release,
    set_aside,
    settle_failed,
    settle_sent,
    with_points,
)
from tests.domain.debts import account, at, point, receivable, rulebook, step

RULES = rulebook(step("friendly", 2), step("again", 9))
NINE = at("2026-09-03 09:00")
DEBT = account(receivable())
PLANNED = plan(DEBT, decide(DEBT, RULES, NINE), "run-1")
INTENT = PLANNED.intents[0]


def test_planning_uses_up_nothing() -> None:
    assert (INTENT.state, INTENT.run_id, INTENT.decided_at) == ("planned", "run-1", NINE)
    assert set_aside(PLANNED, INTENT) == DEBT


def test_a_claim_counts_as_a_contact_at_once() -> None:
    """Nobody knows yet whether it will arrive, so the law's caps count it."""
    claimed = claim(PLANNED, INTENT, NINE)
    assert claimed.contacts == (ContactRecord(INTENT.intent_id, "email", NINE, "andina"),)
    assert claimed.intents[0].state == "sending"
    assert claimed.receivables[0].steps == {}


def test_what_was_certainly_not_taken_is_as_if_nothing_had_happened() -> None:
    claimed = claim(PLANNED, INTENT, NINE)
    assert release(claimed, claimed.intents[0]) == PLANNED


def test_what_was_sent_is_behind_the_receivable_that_carried_it() -> None:
    sent = settle_sent(claim(PLANNED, INTENT, NINE), INTENT, NINE)
    assert sent.intents == ()
    assert sent.receivables[0].steps == {
        "friendly": StepRecord(NINE, "sent", "email", INTENT.intent_id)
    }
    assert sent.ladders == {"andina": Ladder("friendly", NINE)}


@pytest.mark.parametrize(("address_bad", "failed"), [("", ""), ("hard bounce", "hard bounce")])
def test_what_reached_nobody_counts_neither_as_contact_nor_as_step(
    address_bad: str, failed: str
) -> None:
    claimed = claim(PLANNED, INTENT, NINE)
    after = settle_failed(claimed, INTENT, NINE, address_bad=address_bad)
    assert [contact.reached for contact in after.contacts] == [False]
    assert after.ladders == {}
    record = after.receivables[0].steps["friendly"]
    assert (record.state, record.tried) == ("failed", ("email",))
    assert [p.failed for p in after.points] == [failed, ""]


def test_a_person_is_asked_again_about_an_address_that_fails_later() -> None:
    asked = account(receivable(), exceptions=("data_repair:andina:email+sms",))
    planned = plan(asked, decide(asked, RULES, NINE), "run")
    claimed = claim(planned, planned.intents[0], NINE)
    assert settle_failed(claimed, planned.intents[0], NINE, address_bad="").exceptions
    bounced = settle_failed(claimed, planned.intents[0], NINE, address_bad="bounce")
    assert bounced.exceptions == ()


def test_new_contact_points_open_again_what_is_known_to_have_failed_and_nothing_else() -> None:
    """Invariant 1: what may have arrived is not sent again because an address was corrected."""
    steps = {
        "friendly": StepRecord(NINE, "unknown", "sms", "m1", 2, ("email",)),
        "again": StepRecord(NINE, "failed", "sms", "m2", 2, ("email", "sms")),
    }
    mark = "data_repair:andina:email+sms"
    before = account(receivable(steps=steps), exceptions=(mark,))
    assert with_points(before, before.points) is before
    after = with_points(before, (point(point_id="new"),))
    records = after.receivables[0].steps
    assert records["friendly"] == steps["friendly"]
    assert (records["again"].tried, records["again"].attempts) == ((), 2)
    assert after.exceptions == ()


def test_old_contacts_are_dropped_when_no_rule_can_count_them() -> None:
    old, young = NINE - CONTACTS_KEPT, NINE - CONTACTS_KEPT + timedelta(seconds=1)
    contacts = (ContactRecord("old", "sms", old), ContactRecord("young", "sms", young))
    planned = plan(account(receivable(), contacts=contacts), decide(DEBT, RULES, NINE), "run")
    claimed = claim(planned, planned.intents[0], NINE)
    assert [c.message_id for c in claimed.contacts] == ["young", INTENT.intent_id]


def test_a_lost_delivery_is_queued_again_under_its_own_name() -> None:
    later = NINE + timedelta(minutes=10)
    resumed = plan(PLANNED, decide(PLANNED, RULES, later), "run-2")
    again = find_intent(resumed, INTENT.intent_id)
    assert isinstance(again, Intent)
    assert (again.run_id, again.decided_at, again.resumed) == ("run-2", later, 1)
    assert len(resumed.intents) == 1


def test_a_decision_to_do_nothing_changes_nothing() -> None:
    early = decide(DEBT, RULES, at("2026-09-02 09:00"))
    assert plan(DEBT, early, "run") is DEBT
