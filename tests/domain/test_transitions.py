"""How an account changes when a decision is carried out: what is used up, and what is not."""

from datetime import date, datetime, timedelta

import pytest
from msgspec.structs import replace

from escalon.domain.account import Account, Consent, ContactRecord, Intent, Ladder, StepRecord
from escalon.domain.contact.facts import Conversation
from escalon.domain.contact.feedback import Event, Feedback, Message, MessageState, with_feedback
from escalon.domain.contact.told import notices_of
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.transitions import (
    CONTACTS_KEPT,
    channel_stopped,
    claim,
    communicated,
    find_intent,
    plan,
    release,
    set_aside,
    settle_failed,
    settle_sent,
    told,
    unknown_fate_id,
    with_points,
)
from escalon.domain.decisions.undoing import undo
from escalon.domain.rules.rulebook import Need
from tests.domain.debts import account, at, point, receivable, rulebook, step

RULES = rulebook(step("friendly", 2), step("again", 9))
NEED = Need("friendly", 10)
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


# ----------------------------------------------------------------------------------- feedback

CLAIMED = claim(PLANNED, INTENT, NINE)
SENT = settle_sent(CLAIMED, INTENT, NINE)
LATER = NINE + timedelta(hours=2)


def of_message(state: MessageState = "sending", **more: object) -> Message:
    """The message that was sent for the first step."""
    made = Message(
        INTENT.intent_id, "a1", "andina", "email", "ana@example.com", "friendly", "reminder", "v1",
        NINE, state,
    )  # fmt: skip
    return replace(made, **more)


def after(
    account: Account, event: Event, message: Message | None = None, **more: object
) -> Account:
    """The account after its carrier told of the message."""
    feedback = Feedback("email", event, LATER, "ses-1", "a1", INTENT.intent_id, **more)  # type: ignore[arg-type]
    now = with_feedback(message or of_message("sent"), feedback, LATER)
    return told(account, now, feedback, LATER)


@pytest.mark.parametrize(
    ("event", "state", "reached"),
    [
        ("delayed", "delayed", True),
        ("unconfirmed", "unknown", True),
        ("delivered", "delivered", True),
        ("complained", "delivered", True),
        ("failed", "failed", False),
        ("rejected", "failed", False),
        ("bounced", "failed", False),
    ],
)
def test_the_step_stands_where_its_message_stands(event: Event, state: str, reached: bool) -> None:
    account = after(SENT, event)
    record = account.receivables[0].steps["friendly"]
    assert (record.state, record.at) == (state, NINE)
    assert record.tried == (("email",) if state == "failed" else ())
    assert [contact.reached for contact in account.contacts] == [reached]
    assert account.points == SENT.points  # nothing blames the address, and nobody opted out


def first_contacts(account: Account) -> dict[str, datetime | None]:
    return {r.receivable_id: r.first_contact_at for r in account.receivables}


def test_a_message_that_reached_nobody_was_not_the_first_communication() -> None:
    """12 CFR 1006.34 and the first contact of Mexico's law count from one that arrived."""
    assert first_contacts(SENT) == {"r1": NINE}
    assert first_contacts(after(SENT, "delivered")) == {"r1": NINE}
    assert first_contacts(after(SENT, "bounced")) == {"r1": None}


def test_the_first_communication_is_then_the_next_one_that_may_have_arrived() -> None:
    hour = timedelta(hours=1)
    more = (
        ContactRecord("other", "email", NINE + hour, "cordillera"),
        ContactRecord("dead", "sms", NINE + 2 * hour, "andina", reached=False),
        ContactRecord("unanswered", "voice", NINE + 3 * hour, "andina"),
        ContactRecord("spoken", "voice", NINE + 5 * hour, "andina"),
        ContactRecord("next", "sms", NINE + 6 * hour, "andina"),
    )
    written = replace(SENT, contacts=(*SENT.contacts, *more), conversations=())
    assert first_contacts(after(written, "bounced")) == {"r1": NINE + 6 * hour}
    spoke = replace(written, conversations=(Conversation(NINE + 5 * hour),))
    assert first_contacts(after(spoke, "bounced")) == {"r1": NINE + 5 * hour}
    # With them about all that they owe, or by them.
    of_all = (*SENT.contacts, ContactRecord("all", "voice", NINE + 5 * hour, ""))
    about_all = replace(spoke, contacts=of_all)
    assert first_contacts(after(about_all, "bounced")) == {"r1": NINE + 5 * hour}
    called_us = replace(SENT, conversations=(Conversation(NINE + hour, "voice", inbound=True),))
    assert first_contacts(after(called_us, "bounced")) == {"r1": NINE + hour}
    # An earlier message had told of it, so nothing changes.
    earlier = replace(SENT.receivables[0], first_contact_at=NINE - hour)
    known = replace(written, receivables=(earlier,))
    assert first_contacts(after(known, "bounced")) == {"r1": NINE - hour}


@pytest.mark.parametrize(
    ("event", "given"), [("delivered", True), ("sent", False), ("bounced", False)]
)
def test_a_notice_is_given_of_each_debt_that_its_message_shows_if_it_arrives(
    event: Event, given: bool
) -> None:
    """12 CFR 1006.34: not of those that it leaves out."""
    others = (receivable(receivable_id=name) for name in ("r2", "r3"))
    before = replace(PLANNED, receivables=(*PLANNED.receivables, *others))
    notice = replace(INTENT, gives=("validation_notice",), shows=("r1", "r2"))
    claimed = claim(before, notice, NINE)
    account = after(settle_sent(claimed, claimed.intents[0], NINE), event)
    shortly = NINE + timedelta(hours=1)
    found = {
        r.receivable_id: [n.notice for n in notices_of(r, {"email"}, timedelta(hours=48), shortly)]
        for r in account.receivables
    }
    expected = ["validation_notice"] if given else []
    assert found == {"r1": expected, "r2": expected, "r3": []}
    assert [list(r.steps) for r in account.receivables] == [["friendly"], [], []]
    assert first_contacts(account)["r3"] is None


def test_a_step_that_is_taken_back_has_given_no_notice_of_any_debt() -> None:
    gave = StepRecord(NINE, "delivered", "email", INTENT.intent_id, gives=("bureau_notice",))
    other = replace(gave, intent_id="other")
    shown = receivable(receivable_id="r2", noticed=(gave, other))
    after = undo(account(receivable(), shown), "run-1", {INTENT.intent_id}, ()).account
    assert [record.state for record in after.receivables[1].noticed] == ["undone", "delivered"]


def test_a_delivery_is_written_down_for_the_step_that_needs_it() -> None:
    """Nothing is waited for any more: the engine lets the severe step follow."""
    rules = rulebook(step("friendly", 2), step("firm", 9, needs=NEED))
    late = at("2026-09-11 09:00")
    fresh = replace(SENT.receivables[0].steps["friendly"], at=late - timedelta(hours=1))
    waiting = replace(SENT, receivables=(replace(SENT.receivables[0], steps={"friendly": fresh}),))
    assert decide(waiting, rules, late).reasons[-1].code == "waits_for_delivery"
    delivered = after(waiting, "delivered")
    assert decide(delivered, rules, late).step == "firm"


def test_l10_a_dead_address_is_closed_and_the_next_channel_takes_the_step_over() -> None:
    account = after(SENT, "bounced", address_bad=True, reason="Permanent/General")
    assert [p.failed for p in account.points] == ["bounced Permanent/General", ""]
    decision = decide(account, RULES, LATER)
    assert (decision.outcome, decision.step, decision.channel) == ("act", "friendly", "sms")
    assert decision.attempt == 2


def test_l10_where_no_channel_is_left_a_person_mends_the_data() -> None:
    only_email = replace(SENT, points=SENT.points[:1])
    account = after(only_email, "bounced", address_bad=True)
    decision = decide(account, RULES, LATER)
    assert (decision.action, decision.task) == ("task", "data_repair")


def test_an_address_that_was_replaced_meanwhile_is_not_blamed() -> None:
    moved = replace(SENT, points=(point(address="new@example.com"), *SENT.points[1:]))
    assert after(moved, "bounced", address_bad=True).points == moved.points


def test_an_address_is_the_same_in_capitals_and_keeps_its_first_reason() -> None:
    loud = replace(SENT, points=(point(address="ANA@Example.com"), *SENT.points[1:]))
    assert after(loud, "bounced", address_bad=True).points[0].failed == "bounced"
    blamed = replace(SENT, points=(point(failed="hard bounce"), *SENT.points[1:]))
    assert after(blamed, "bounced", address_bad=True).points == blamed.points


def test_a_person_is_asked_again_about_an_address_that_bounced() -> None:
    asked = replace(SENT, exceptions=("data_repair:andina:email+sms",))
    assert after(asked, "bounced").exceptions == asked.exceptions
    assert after(asked, "bounced", address_bad=True).exceptions == ()


def test_a_complaint_stops_its_channel_at_once_and_no_other() -> None:
    second = point(point_id="second", address="work@example.com", consent=None)
    account = after(replace(SENT, points=(*SENT.points, second)), "complained", stops_channel=True)
    assert [(p.point_id, p.consent) for p in account.points] == [
        ("p-email", Consent(date(2020, 1, 1), "form 7", LATER)),
        ("p-sms", Consent(date(2020, 1, 1), "form 7")),
        ("second", Consent(None, "", LATER)),
    ]


def test_who_has_opted_out_before_keeps_the_day_on_which_they_did() -> None:
    stopped = channel_stopped(SENT, "email", NINE)
    assert channel_stopped(stopped, "email", LATER) == stopped


def test_l2_a_lost_answer_is_settled_by_what_its_carrier_tells() -> None:
    """Invariant 1: settled as of its claim, so nobody flags it and nobody repeats it."""
    account = after(CLAIMED, "sent", of_message("sending"))
    assert account == SENT
    bounced = after(CLAIMED, "bounced", of_message("sending"))
    assert bounced.intents == ()
    assert bounced.receivables[0].steps["friendly"].state == "failed"


def test_l2_what_we_took_for_not_taken_is_not_sent_again_if_its_carrier_has_it() -> None:
    account = after(PLANNED, "delivered", of_message("released"))
    assert account.intents == ()
    assert account.contacts == (ContactRecord(INTENT.intent_id, "email", NINE, "andina"),)
    assert account.receivables[0].steps["friendly"].state == "delivered"


def flagged() -> Account:
    """Its answer was lost, and a run has planned that a person finds out."""
    return plan(CLAIMED, decide(CLAIMED, RULES, NINE + timedelta(minutes=15)), "run-2")


@pytest.mark.parametrize(
    ("event", "state"), [("sent", "sent"), ("delivered", "delivered"), ("bounced", "failed")]
)
def test_l2_nobody_finds_out_what_the_carrier_has_told(event: Event, state: str) -> None:
    before = flagged()
    (task,) = before.intents
    assert task.intent_id == unknown_fate_id("a1", INTENT.intent_id)
    account = after(before, event, of_message("unknown"))
    assert account.intents == ()
    assert account.receivables[0].steps["friendly"].state == state


def test_what_came_back_for_a_passing_reason_leaves_it_to_a_person() -> None:
    before = flagged()
    assert after(before, "unconfirmed", of_message("unknown")).intents == before.intents


def test_a_message_whose_step_was_tried_again_tells_nothing_of_it() -> None:
    newer = StepRecord(LATER, "sent", "sms", "m-newer", 2, ("email",))
    owed = replace(SENT.receivables[0], steps={"friendly": newer})
    again = replace(SENT, receivables=(owed,))
    account = after(again, "bounced")
    assert account.receivables[0].steps == {"friendly": newer}
    assert [contact.reached for contact in account.contacts] == [False]


def test_a_step_of_which_an_earlier_message_may_have_arrived_never_counts_as_failed() -> None:
    """Invariant 1: else it would be said again on every channel once an address is corrected."""
    lost = replace(SENT.receivables[0].steps["friendly"], state="unknown")
    doubtful = replace(SENT, receivables=(replace(SENT.receivables[0], steps={"friendly": lost}),))
    sms = replace(INTENT, intent_id="m-sms", channel="sms", attempt=2)
    account = settle_sent(claim(doubtful, sms, LATER), sms, LATER)
    assert account.receivables[0].steps["friendly"].unsure
    about = of_message("sent", message_id="m-sms", channel="sms", to="+573000000000")
    failed = after(account, "failed", about)
    record = failed.receivables[0].steps["friendly"]
    assert (record.state, record.tried) == ("unknown", ("email", "sms"))


def test_a_message_of_a_receivable_that_is_paid_moves_no_step() -> None:
    paid = replace(SENT, receivables=())
    account = after(paid, "bounced", address_bad=True)
    assert account.receivables == ()
    assert account.points[0].failed == "bounced"


def test_a_communication_that_is_told_of_late_is_of_its_own_day() -> None:
    """It was the first of a debt that a later message told of, and no word of one to come."""
    hour = timedelta(hours=1)
    debts = (
        receivable(receivable_id="r1", first_contact_at=NINE + hour),
        receivable(receivable_id="r2", first_contact_at=NINE - hour),
        receivable(receivable_id="r3", issued_on=NINE.date() + timedelta(days=1)),
        receivable(receivable_id="r4", issued_on=NINE.date()),
    )
    told = communicated(account(*debts), "andina", NINE)
    assert first_contacts(told) == {"r1": NINE, "r2": NINE - hour, "r3": None, "r4": NINE}
