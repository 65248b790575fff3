"""Co-debtors and guarantors: each follows the debtor's step by their own law and clock."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, ContactRecord, Hold, Intent, Link, Role
from escalon.domain.contact.brakes import Brake, Brakes
from escalon.domain.contact.co_debtors import followed_key
from escalon.domain.contact.policy import Layer, Policy, Recipients
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.forecast import forecast
from escalon.domain.decisions.intents import as_intent
from escalon.domain.decisions.transitions import counted_for
from escalon.domain.local_time import local_date
from escalon.domain.rules.rulebook import HoldKind, Rulebook
from tests.contact_law.table import policy_of
from tests.domain.debts import (
    BOGOTA,
    PROVENANCE,
    account,
    at,
    carried_out,
    codes,
    params,
    point,
    receivable,
    rulebook,
    step,
)

ALL: tuple[Role, ...] = ("debtor", "codebtor", "guarantor")
MONDAY = at("2026-09-07 10:00")
BETO, CARLA = Link("b2", "codebtor"), Link("c3", "guarantor")


def rules(*laws: str, **more: Any) -> Rulebook:
    """Friendly on day 2 for all who answer for the debt, firm on day 10 for the debtor."""
    steps = (step("friendly", 2, to=ALL), step("firm", 10))
    policies = {law: policy_of(law) for law in laws[1:]} | {"*": policy_of(laws[0])}
    return rulebook(*steps, contact_policies=policies, **more)


CO = rules("CO")
ANA = account(receivable(), links=(BETO, CARLA))


def person(link: Link, **more: Any) -> Account:
    return account(account_id=link.account_id, name=link.account_id, **more)


def people(*found: Account) -> dict[str, Account]:
    return {one.account_id: one for one in found}


BOTH = people(person(BETO), person(CARLA))


def told(debtor: Account, by: Rulebook = CO) -> Account:
    """The debtor after the friendly step, on Monday morning."""
    return carried_out(debtor, decide(debtor, by, MONDAY, linked=BOTH))


def look(
    debtor: Account,
    linked: dict[str, Account] | None = BOTH,
    by: Rulebook = CO,
    when: str = "2026-09-07 10:15",
) -> Decision:
    return decide(debtor, by, at(when), linked=linked)


def test_the_debtor_goes_first_and_then_each_by_themselves() -> None:
    first = decide(ANA, CO, MONDAY, linked=BOTH)
    assert (first.person, first.role, first.step) == ("", "debtor", "friendly")
    debtor = carried_out(ANA, first)
    seen = []
    for minutes in (15, 30):
        decision = decide(debtor, CO, MONDAY + timedelta(minutes=minutes), linked=BOTH)
        assert decision.outcome == "act"
        seen.append((decision.person, decision.role, decision.step, decision.channel))
        debtor = carried_out(debtor, decision)
    assert seen == [
        ("b2", "codebtor", "friendly", "email"),
        ("c3", "guarantor", "friendly", "email"),
    ]
    assert sorted(debtor.followed) == ["r1/friendly/b2", "r1/friendly/c3"]
    assert decide(debtor, CO, MONDAY + timedelta(hours=1), linked=BOTH).outcome == "wait"


def test_what_goes_to_another_is_not_counted_on_the_debtors_ladder_or_clock() -> None:
    debtor = told(ANA)
    after = carried_out(debtor, look(debtor))
    assert after.contacts == debtor.contacts
    assert after.ladders == debtor.ladders
    assert after.receivables == debtor.receivables


def test_each_has_an_intent_of_their_own_that_is_the_same_whenever_it_is_decided() -> None:
    debtor = told(ANA)
    ids = {
        decide(ANA, CO, MONDAY, linked=BOTH).intent_id,
        look(debtor).intent_id,
        look(carried_out(debtor, look(debtor))).intent_id,
    }
    assert len(ids) == 3
    assert look(debtor, when="2026-09-08 09:00").intent_id == look(debtor).intent_id


def test_only_the_named_roles_are_written_to() -> None:
    steps = (step("friendly", 2, to=("debtor", "guarantor")), step("firm", 10))
    by = rulebook(*steps, contact_policies={"*": policy_of("CO")})
    assert look(told(ANA, by), by=by).person == "c3"


def test_a_step_for_the_debtor_alone_is_followed_by_nobody() -> None:
    by = rulebook(step("friendly", 2), contact_policies={"*": policy_of("CO")})
    assert look(told(ANA, by), by=by).outcome == "wait"


def test_golden_a_codebtor_on_the_same_day_as_the_debtor_has_a_counter_of_their_own() -> None:
    """Ley 2300 de 2023, arts. 3 and 4: one contact a day, for each person."""
    debtor = told(ANA)
    assert len(debtor.contacts) == 1
    assert look(debtor).person == "b2"


def test_golden_an_own_debt_and_somebody_elses_share_one_clock() -> None:
    """Ley 2300 de 2023, art. 3: one contact a day, whichever debt it is about."""
    written_to = ContactRecord("m-own", "email", at("2026-09-07 09:00"), "other")
    beto = person(BETO, contacts=(written_to,))
    decision = look(told(ANA), people(beto, person(CARLA)))
    assert decision.person == "c3"
    waiting = look(carried_out(told(ANA), decision), people(beto, person(CARLA)))
    assert waiting.outcome == "wait"
    (refusal, *_) = waiting.refusals
    assert (refusal.person, refusal.channel, refusal.code) == ("b2", "email", "cap_reached")
    assert refusal.source == "Ley 2300 de 2023, art. 3"
    assert waiting.next_look_at == at("2026-09-08 07:00")


def test_and_the_other_way_round_their_own_debt_waits_for_the_message_about_anothers() -> None:
    decision = look(told(ANA))
    intent = as_planned(decision)
    own = account(receivable(), account_id="b2")
    assert decide(own, CO, at("2026-09-07 11:00")).outcome == "act"
    counted = counted_for(own, intent, at("2026-09-07 10:15"))
    assert decide(counted, CO, at("2026-09-07 11:00")).outcome == "wait"


def as_planned(decision: Decision) -> Intent:
    return as_intent(decision, "run")


def test_by_the_law_of_their_own_country_and_clock() -> None:
    by = rules("CO", "ES")
    madrid = person(BETO, country="ES", region="MD", zones=("Europe/Madrid",))
    debtor = told(replace(ANA, links=(BETO,)), by)
    decision = look(debtor, people(madrid), by, "2026-09-07 14:00")  # 21:00 in Madrid
    assert decision.outcome == "wait"
    assert decision.refusals[0].person == "b2"
    assert decision.refusals[0].code == "window_closed"
    assert decision.next_look_at == at("2026-09-08 09:00", "Europe/Madrid")


@pytest.mark.parametrize("country", ["CL", "PE", "US"])
def test_where_the_law_knows_no_codebtor_they_are_passed_over_with_the_refusal(
    country: str,
) -> None:
    by = rules("CO", country)
    debtor = told(replace(ANA, links=(BETO,)), by)
    abroad = people(person(BETO, country=country))
    decision = look(debtor, abroad, by)
    assert decision.outcome != "act"
    assert {(r.person, r.code) for r in decision.refusals} == {("b2", "recipient_not_allowed")}
    assert params(decision, "follow_passed") == {"step": "friendly", "person": "b2"}


def test_a_person_who_refuses_a_channel_is_written_to_by_the_next() -> None:
    beto = person(BETO, refused_channels=("email",))
    decision = look(told(ANA), people(beto))
    assert (decision.person, decision.channel) == ("b2", "sms")
    assert [(r.person, r.channel) for r in decision.refusals] == [("b2", "email")]


def test_one_channel_after_the_other_as_each_fails_and_then_no_more() -> None:
    debtor = told(replace(ANA, links=(BETO,)))
    for attempt, channel in ((1, "email"), (2, "sms")):
        decision = look(debtor)
        assert (decision.channel, decision.attempt) == (channel, attempt)
        debtor = carried_out(debtor, decision, "failed", address_bad="bounced")
    assert debtor.points == ANA.points  # it was another's address that failed
    assert "follow_passed" in codes(look(debtor))


def test_whoever_is_not_known_or_nowhere_is_passed_over() -> None:
    debtor = told(ANA)
    assert look(debtor, people(person(CARLA))).person == "c3"
    nowhere = people(person(BETO, country="", zones=()))
    by = rules("CO")
    by = replace(by, contact_policies=by.contact_policies | {"": policy_of("CO")})
    assert {"follow_whereabouts_unknown", "follow_unknown"} <= set(codes(look(debtor, nowhere, by)))


def test_without_the_linked_accounts_it_is_looked_at_at_once() -> None:
    decision = look(told(ANA), None)
    assert (decision.outcome, decision.next_look_at) == ("wait", at("2026-09-07 10:15:01"))
    assert "follow_unread" in codes(decision)


def test_an_account_at_rest_is_waited_for() -> None:
    by = replace(CO, holds={"reply": HoldKind()})
    resting = person(BETO, holds=(Hold("h", "reply", date(2026, 9, 7), date(2026, 9, 9)),))
    decision = look(told(replace(ANA, links=(BETO,))), people(resting), by)
    assert decision.outcome == "wait"
    assert params(decision, "follow_rests")["until"] == date(2026, 9, 9)
    assert decision.next_look_at == at("2026-09-09 00:00")


@pytest.mark.parametrize("what", ["hold", "paid", "stop"])
def test_nobody_is_asked_for_a_debt_that_is_not_asked_for(what: str) -> None:
    by = replace(CO, holds={"dispute": HoldKind(), "insolvency": HoldKind(stop="insolvency")})
    debtor = told(ANA, by)
    if what == "hold":
        debtor = replace(debtor, holds=(Hold("h", "dispute", date(2026, 9, 7), None, "r1"),))
    elif what == "stop":
        more = receivable(receivable_id="r2", creditor="other")
        debtor = replace(debtor, receivables=(*debtor.receivables, more))
        debtor = replace(debtor, holds=(Hold("h", "insolvency", date(2026, 9, 7), None, "r2"),))
    else:
        (owed,) = debtor.receivables
        debtor = replace(debtor, receivables=(replace(owed, open_minor=100),))
    decision = look(debtor, by=by)
    assert decision.outcome != "act"
    assert decision.person == ""


def test_the_others_never_hold_the_debtors_ladder_back() -> None:
    """Beto may not be written to for two weeks; the debtor's next step goes on its day."""
    beto = person(BETO, refused_channels=("email", "sms"))
    debtor = told(replace(ANA, links=(BETO,)))
    decision = look(debtor, people(beto), when="2026-09-11 10:00")
    assert (decision.step, decision.person, decision.outcome) == ("firm", "", "act")


def test_with_the_debtors_next_step_the_last_one_is_left_out() -> None:
    debtor = told(ANA)
    debtor = carried_out(debtor, look(debtor, people(), when="2026-09-14 10:00"))
    assert debtor.ladders["andina"].last_step == "firm"
    assert look(debtor, when="2026-09-14 11:00").person == ""


@pytest.mark.parametrize(("when", "goes"), [("09-21 09:59", True), ("09-21 10:00", False)])
def test_l8_two_weeks_later_it_is_left_out(when: str, goes: bool) -> None:
    by = rulebook(step("friendly", 2, to=ALL), contact_policies={"*": policy_of("CO")})
    debtor = told(ANA, by)
    assert (look(debtor, by=by, when=f"2026-{when}").person == "b2") is goes


def test_a_brake_stops_it_too() -> None:
    brakes = Brakes((Brake("all", at("2026-09-07 10:05"), "ana", "why"),))
    decision = decide(told(ANA), CO, at("2026-09-07 10:15"), brakes=brakes, linked=BOTH)
    assert decision.outcome == "wait"


def test_it_gives_no_notice_and_takes_no_whatsapp() -> None:
    steps = (step("friendly", 2, to=ALL, gives=("bureau_notice",)), step("firm", 10))
    by = rulebook(*steps, contact_policies={"*": policy_of("CO")})
    assert look(told(ANA, by), by=by).gives == ()
    both = (point("whatsapp"), point("email"))
    steps = (step("friendly", 2, to=ALL, channels=("whatsapp", "email")),)
    by = rulebook(*steps, contact_policies={"*": policy_of("CO")})
    by = replace(by, channels=replace(by.channels, served=("whatsapp", "email")))
    assert look(told(ANA, by), people(person(BETO, points=both)), by).channel == "email"


@pytest.mark.parametrize("state", ["failed", "undone", "unknown", "opened"])
def test_a_step_that_may_not_have_reached_the_debtor_is_followed_by_nobody(state: Any) -> None:
    debtor = told(ANA)
    (owed,) = debtor.receivables
    record = replace(owed.steps["friendly"], state=state, tried=("email", "sms"))
    debtor = replace(debtor, receivables=(replace(owed, steps={"friendly": record}),))
    assert look(debtor).person == ""


def test_a_receivable_may_have_a_slash_in_its_name() -> None:
    debtor = told(replace(ANA, receivables=(receivable(receivable_id="F/1"),)))
    for who in ("b2", "c3"):
        decision = look(debtor)
        assert decision.person == who
        debtor = carried_out(debtor, decision)
    assert sorted(debtor.followed) == ["F/1/friendly/b2", "F/1/friendly/c3"]


def test_what_became_of_it_goes_with_the_receivable() -> None:
    debtor = told(ANA)
    gone = followed_key("other/1", "friendly", "b2")
    debtor = replace(debtor, followed={gone: debtor.receivables[0].steps["friendly"]})
    assert list(carried_out(debtor, look(debtor)).followed) == ["r1/friendly/b2"]


def test_a_forecast_writes_to_nobody_else() -> None:
    events = forecast(ANA, CO, at("2026-09-01 00:00"), at("2026-09-30 00:00"))
    days = [(event.step, event.kind) for event in events]
    assert days[:2] == [("friendly", "message"), ("firm", "message")]


@settings(max_examples=60, deadline=None)
@given(
    hours=st.lists(st.integers(0, 20 * 24), min_size=1, max_size=12).map(sorted),
    roles=st.sampled_from([ALL, ("debtor", "codebtor"), ("debtor",)]),
    refuses=st.sets(st.sampled_from(["email", "sms"])),
    fails=st.booleans(),
)
def test_at_most_one_message_a_person_a_step_and_each_lawful_on_their_own_day(
    hours: list[int], roles: tuple[Role, ...], refuses: set[str], fails: bool
) -> None:
    steps = (step("friendly", 2, to=roles), step("firm", 10, to=roles))
    by = rulebook(*steps, contact_policies={"*": policy_of("CO")})
    debtor = ANA
    linked = {**BOTH, "b2": replace(BOTH["b2"], refused_channels=tuple(refuses))}
    reached: list[tuple[str, str]] = []
    days: dict[str, list[date]] = {}
    for hour in hours:
        now = at("2026-09-03 00:00") + timedelta(hours=hour)
        alone = decide(debtor, by, now, linked={})
        decision = decide(debtor, by, now, linked=linked)
        assert decision.next_look_at is None or decision.next_look_at > now
        if alone.outcome == "act":
            assert decision == alone  # nobody else comes before the debtor
        if decision.action != "message":
            if decision.outcome == "act":
                debtor = carried_out(debtor, decision)
            continue
        failed = fails and bool(decision.person)
        if decision.person:
            assert decision.role in roles
            intent = as_planned(decision)
            if not failed:
                linked[decision.person] = counted_for(linked[decision.person], intent, now)
        debtor = carried_out(debtor, decision, "failed" if failed else "sent")
        if not failed:
            reached.append((decision.person, decision.step))
            days.setdefault(decision.person, []).append(local_date((BOGOTA,), now))
    assert len(reached) == len(set(reached))
    for own in days.values():
        assert len(own) == len(set(own))
    if refuses == {"email", "sms"}:
        assert "b2" not in days


def test_a_policy_for_debtors_alone_refuses_with_its_rule() -> None:
    only = Policy((Layer("house", "house", Recipients(PROVENANCE, allow=("debtor",))),))
    by = replace(CO, contact_policies={"*": only})
    decision = look(told(replace(ANA, links=(BETO,)), by), people(person(BETO)), by)
    assert [r.code for r in decision.refusals] == ["recipient_not_allowed"] * 2
