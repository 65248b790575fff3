"""May this person be contacted: what `escalon contact` answers, kind by kind and debt by debt."""

from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import ContactRecord, Hold, StepRecord
from escalon.domain.calendar import find_zone
from escalon.domain.contact.facts import Conversation, Notice, PointFacts, Request, Stop
from escalon.domain.contact.policy import Allow, Deny, evaluate
from escalon.domain.contact.question import KINDS, Answers, ask
from escalon.domain.contact.told import (
    _nothing_to_tell,
    contact_verdict,
    facts_of,
    may_contact,
    stops_of,
    zones_for,
)
from escalon.domain.country_zones import COUNTRY_ZONES
from escalon.domain.decisions.engine import decide
from escalon.domain.rules.rulebook import Creditor, HoldKind, Rulebook
from tests.contact_law.table import policy_of
from tests.domain.debts import BOGOTA, account, at, point, receivable, rulebook, step

HOLDS = {
    "dispute": HoldKind(60, "dispute_open"),
    "deceased": HoldKind(stop="deceased"),
    "promise": HoldKind(),
}
RULES: Rulebook = rulebook(
    step("friendly", 2), contact_policies={"*": policy_of("CO")}, holds=HOLDS
)
TUESDAY = at("2026-09-08 10:00")
SUNDAY = at("2026-09-06 10:00")
ANA = account(receivable())


def told(answers: Answers) -> dict[str, str]:
    """By kind: allow, or why not."""
    return {
        answer.kind: "allow" if isinstance(answer.verdict, Allow) else answer.verdict.reason
        for answer in answers.contacts
    }


def test_on_an_ordinary_morning_everything_may_be_said() -> None:
    assert told(ask(ANA, RULES, "email", TUESDAY)) == dict.fromkeys(KINDS, "allow")


def test_on_a_sunday_receipts_and_codes_go_and_asking_waits() -> None:
    answers = ask(ANA, RULES, "email", SUNDAY)
    assert told(answers) == {
        "collection": "window_closed",
        "statutory_notice": "window_closed",
        "agreed_call": "window_closed",
        # Nobody asked anything, so there is nothing to answer on a Sunday.
        "reply_to_inbound": "window_closed",
        "requested_information": "window_closed",
        "transaction_confirmation": "allow",
        "access_code": "allow",
        "fraud_alert": "allow",
    }
    verdict = answers.contacts[0].verdict
    assert isinstance(verdict, Deny)
    assert (verdict.rule, verdict.source) == ("co.windows", "Ley 2300 de 2023, art. 3")
    assert verdict.next_allowed_at == at("2026-09-07 07:00")


def test_who_wrote_to_us_on_a_sunday_is_answered_by_the_same_channel() -> None:
    wrote = replace(ANA, requests=(Request(at("2026-09-06 09:00"), "email"),))
    assert told(ask(wrote, RULES, "email", SUNDAY))["reply_to_inbound"] == "allow"
    assert told(ask(wrote, RULES, "sms", SUNDAY))["reply_to_inbound"] == "window_closed"


def test_a_dispute_stops_asking_for_its_debt_and_a_death_stops_everything() -> None:
    disputed = replace(ANA, holds=(Hold("h", "dispute", date(2026, 9, 1), None, "r1"),))
    found = told(ask(disputed, RULES, "email", TUESDAY))
    assert (found["collection"], found["transaction_confirmation"]) == ("stopped", "allow")
    late = replace(ANA, holds=(Hold("h", "deceased", date(2026, 9, 1)),))
    assert set(told(ask(late, RULES, "email", TUESDAY)).values()) == {"stopped"}


def test_asking_goes_on_about_the_debts_that_are_not_disputed() -> None:
    two = account(receivable(), receivable("2026-08-15", receivable_id="r2"))
    disputed = replace(two, holds=(Hold("h", "dispute", date(2026, 9, 1), None, "r1"),))
    answers = ask(disputed, RULES, "email", TUESDAY)
    assert (answers.about, told(answers)["collection"]) == ("r2", "allow")


def test_a_stop_ends_with_its_hold() -> None:
    """The rulebook lets a dispute rest for sixty days."""
    disputed = replace(ANA, holds=(Hold("h", "dispute", date(2026, 9, 1), None, "r1"),))
    (answer, *_) = ask(disputed, RULES, "email", TUESDAY).contacts
    assert isinstance(answer.verdict, Deny)
    assert answer.verdict.next_allowed_at == at("2026-10-31 08:00")


def test_a_hold_that_is_no_stop_of_the_law_is_told_beside_the_law() -> None:
    resting = replace(ANA, holds=(Hold("h", "promise", date(2026, 9, 1)),))
    answers = ask(resting, RULES, "email", TUESDAY)
    assert (answers.held, told(answers)["collection"]) == ("promise", "allow")


def test_nothing_is_asked_for_what_is_paid_and_its_receipt_goes() -> None:
    found = told(ask(account(), RULES, "email", TUESDAY))
    assert (found["collection"], found["transaction_confirmation"]) == ("stopped", "allow")


def test_a_channel_without_an_address_says_so() -> None:
    answers = ask(ANA, RULES, "letter", TUESDAY)
    assert {answer.point_id for answer in answers.contacts} == {""}
    assert told(answers)["collection"] == "contact_point_missing"


def test_every_address_of_the_channel_is_answered_for() -> None:
    dead = point("email", point_id="old", failed="bounced")
    two = replace(ANA, points=(dead, *ANA.points))
    found = [
        (answer.point_id, isinstance(answer.verdict, Allow))
        for answer in ask(two, RULES, "email", TUESDAY).contacts
        if answer.kind == "collection"
    ]
    assert found == [("old", False), ("p-email", True)]


def test_wishes_hold_whatever_the_law_allows() -> None:
    refusing = replace(ANA, refused_channels=("email",))
    assert told(ask(refusing, RULES, "email", TUESDAY))["collection"] == "channel_refused"
    evening = replace(ANA, hours=(((1020, 1140),),) * 7)
    (answer, *_) = ask(evening, RULES, "email", TUESDAY).contacts
    assert isinstance(answer.verdict, Deny)
    assert answer.verdict.reason == "hours_not_wanted"
    assert answer.verdict.next_allowed_at == at("2026-09-08 17:00")


def test_the_notices_of_a_debt_and_what_they_open_are_told() -> None:
    given_by_us = StepRecord(
        at("2026-08-10 10:00"), "delivered", "email", "m1", gives=("bureau_notice",)
    )
    noted = Notice("bureau_notice", at("2026-08-05 10:00"), "guide 7")
    owed = receivable("2026-07-01", steps={"warn": given_by_us}, notices=(noted,))
    creditor = Creditor(
        *("andina", "Andina", "Andina SA", "1", "CO", "", "", ""),
        on_file=("authorisation", "debt_document"),
    )
    by = replace(RULES, creditors={"andina": creditor})
    (debt,) = ask(account(owed), by, "email", at("2026-09-01 10:00")).debts
    assert [notice.proof for notice in debt.given] == ["guide 7", "m1"]
    assert debt.actions["report_bureau"] == Allow()
    (debt,) = ask(account(owed), by, "email", at("2026-08-30 10:00")).debts
    waiting = debt.actions["report_bureau"]
    assert isinstance(waiting, Deny)
    assert (waiting.reason, waiting.next_allowed_at) == ("gate_waits", at("2026-08-31 00:00"))


def test_a_notice_that_is_owed_is_told_with_its_last_day() -> None:
    """Chile: a useful notice, free, within 15 days of the due date (Ley 21.320)."""
    by = replace(RULES, contact_policies={"*": policy_of("CL")})
    (debt,) = ask(ANA, by, "email", TUESDAY).debts
    (owed,) = debt.owed
    assert (owed.notice, owed.by) == ("useful_notice", date(2026, 9, 16))


# --- nothing is handed over less by one caller than by another -----------------------------------

WISHES: list[dict[str, Any]] = [
    {},
    {"refused_channels": ("sms",)},
    {"hours": (((540, 1020),),) * 7},
    {"conversations": ()},
    {"conversations": (Conversation(at("2026-09-05 10:00"), "email"),)},
    {"requests": (Request(at("2026-09-06 09:00"), "email", "channel"),)},
]


@settings(max_examples=60, deadline=None)
@given(
    country=st.sampled_from(["CO", "US", "GB", "CL"]),
    wish=st.sampled_from(WISHES),
    channel=st.sampled_from(["email", "sms"]),
    known=st.sampled_from([PointFacts(), PointFacts(use="work"), PointFacts("device_contacts")]),
    hours=st.integers(0, 24 * 10),
    before=st.lists(st.integers(1, 24 * 8), max_size=3),
)
def test_facts_that_say_nothing_may_be_left_out(
    country: str,
    wish: dict[str, Any],
    channel: str,
    known: PointFacts,
    hours: int,
    before: list[int],
) -> None:
    hour = timedelta(hours=1)
    now = at("2026-09-01 00:00") + hours * hour
    contacts = tuple(ContactRecord(f"m{n}", "email", now - n * hour) for n in before)
    place = point(channel, known=known)  # type: ignore[arg-type]
    who = replace(ANA, points=(place,), contacts=contacts, **wish)
    by = replace(RULES, contact_policies={"*": policy_of(country)})
    policy, zones = by.policy_for(""), zones_for(by, who)
    (owed,) = who.receivables
    facts = facts_of(who, by, stops=(), at=now, receivable=owed, point=place)
    everything = evaluate(
        policy, channel=channel, point=place, role="debtor", contacts=contacts, zones=zones,
        at=now, facts=facts,
    )  # fmt: skip
    asked = contact_verdict(
        who, by, policy, channel=channel, point=place, zones=zones, stops=(), at=now,
        receivable=owed, kind="collection",
    )  # fmt: skip
    assert asked == everything
    if not wish and known == PointFacts() and country != "US":
        assert _nothing_to_tell(who, policy, (), None, known)


def test_stops_of_one_debt_are_not_those_of_another() -> None:
    holds = (
        Hold("1", "dispute", date(2026, 9, 1), None, "r1"),
        Hold("2", "deceased", date(2026, 9, 1), None, "r1"),
        Hold("3", "dispute", date(2026, 9, 20), None, "r2"),
        Hold("4", "promise", date(2026, 9, 1)),
    )
    who = replace(ANA, holds=holds)
    today = date(2026, 9, 8)

    def kinds(receivable_id: str) -> list[str]:
        return [stop.kind for stop in stops_of(who, HOLDS, receivable_id, today, (BOGOTA,))]

    assert kinds("r1") == ["dispute_open", "deceased"]
    assert kinds("r2") == ["deceased"]
    assert kinds("") == ["deceased"]


def test_a_receipt_passes_what_binds_asking() -> None:
    paid = replace(ANA, receivables=())
    more: dict[str, Any] = {"channel": "email", "point": ANA.points[0], "at": SUNDAY}
    assert may_contact(paid, RULES, kind="transaction_confirmation", **more) == Allow()
    assert isinstance(may_contact(paid, RULES, kind="collection", **more), Deny)


def test_the_zones_that_are_told_come_first_then_the_laws_then_the_countrys() -> None:
    by = replace(RULES, contact_policies={"CO": policy_of("CO"), "*": rulebook().policy_for("")})
    assert zones_for(by, replace(ANA, zones=("Europe/Madrid",))) == ("Europe/Madrid",)
    both = replace(ANA, zones=("America/New_York",), number_zones=("America/Los_Angeles",))
    assert zones_for(by, both) == ("America/New_York", "America/Los_Angeles")
    unplaced = replace(ANA, zones=())
    assert zones_for(by, unplaced) == ("America/Bogota",)
    assert zones_for(by, replace(unplaced, country="JP")) == ("Asia/Tokyo",)
    portugal = ("Europe/Lisbon", "Atlantic/Madeira", "Atlantic/Azores")
    assert zones_for(by, replace(unplaced, country="PT")) == portugal
    # "*" is the law for a country that has none here, and not where that country is.
    bogota = replace(RULES, contact_policies={"*": policy_of("CO")})
    assert zones_for(bogota, replace(unplaced, country="JP")) == ("Asia/Tokyo",)


def test_of_whom_neither_country_nor_zone_is_known_the_one_law_says_where_if_there_is_but_one() -> (
    None
):
    unplaced = replace(ANA, zones=(), country="")
    assert zones_for(RULES, unplaced) == (BOGOTA,)
    without = replace(RULES, contact_policies={"*": rulebook().policy_for("")})
    assert zones_for(without, unplaced) == (BOGOTA,)
    several = replace(RULES, contact_policies={**RULES.contact_policies, "": policy_of("US")})
    assert zones_for(several, unplaced) == (BOGOTA, "unknown")


def test_in_a_country_of_which_no_zone_is_known_no_hour_is_lawful() -> None:
    """Invariant 3: whatever is unknown is refused."""
    nowhere = replace(ANA, zones=(), country="XX")
    assert told(ask(nowhere, RULES, "email", TUESDAY)) == dict.fromkeys(KINDS, "zone_unknown")
    decision = decide(nowhere, RULES, TUESDAY)
    assert (decision.task, decision.about) == ("data_repair", "data_repair:whereabouts")


def test_nobody_in_tokyo_is_written_to_in_the_middle_of_their_night() -> None:
    """10:30 in Bogotá is half past midnight there."""
    by = replace(RULES, contact_policies={"CO": policy_of("CO"), "*": policy_of("house")})
    tokyo = replace(ANA, zones=(), country="JP")
    decision = decide(tokyo, by, at("2026-09-15 10:30"))
    assert (decision.outcome, decision.next_look_at) == ("wait", at("2026-09-15 18:00"))
    assert [refusal.code for refusal in decision.refusals] == ["window_closed"] * 2
    morning = decide(tokyo, by, at("2026-09-15 18:00"))
    assert (morning.outcome, morning.channel) == ("act", "email")


def test_the_zones_of_every_country_are_those_of_the_tz_database() -> None:
    known: dict[str, tuple[str, ...]] = {}
    table = files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            known[country] = (*known.get(country, ()), zone)
    assert dict(COUNTRY_ZONES) == known
    assert all(find_zone(zone) for zones in known.values() for zone in zones)


def test_who_answers_for_anothers_debt_has_limits_of_their_own() -> None:
    """Ley 2300, art. 4: whoever answers for the debt may be contacted, under the same rules."""
    beto = replace(account(), account_id="a2", points=ANA.points)
    assert told(ask(beto, RULES, "email", TUESDAY, "codebtor"))["collection"] == "allow"
    assert told(ask(beto, RULES, "email", TUESDAY))["collection"] == "stopped"  # owes nothing
    this_morning = (ContactRecord("m", "email", at("2026-09-08 08:00")),)
    contacted = replace(beto, contacts=this_morning)
    assert told(ask(contacted, RULES, "email", TUESDAY, "codebtor"))["collection"] == "cap_reached"
    silent = replace(beto, points=tuple(replace(p, consent=None) for p in beto.points))
    assert told(ask(silent, RULES, "email", TUESDAY, "guarantor"))["collection"] == (
        "consent_missing"
    )
    chile = replace(RULES, contact_policies={"*": policy_of("CL")})
    assert told(ask(beto, chile, "email", TUESDAY, "codebtor"))["collection"] == (
        "recipient_not_allowed"
    )


def test_answers_travel_as_json() -> None:
    answers = ask(ANA, RULES, "email", SUNDAY)
    assert msgspec.json.decode(msgspec.json.encode(answers))["contacts"][0]["kind"] == "collection"
    assert Stop("paid").until is None
