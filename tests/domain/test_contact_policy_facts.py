"""What a contact is beside whom, how and when: states that stop it, the person's own wishes, where
an address comes from, what was asked, what has to come before it and what it shows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from escalon.domain.account import Consent, ContactPoint, ContactRecord
from escalon.domain.calendar import Calendar, Week, unite
from escalon.domain.contact.content import content_of, read_along, said
from escalon.domain.contact.facts import (
    Conversation,
    Debt,
    ExtraHours,
    Message,
    Notice,
    PointFacts,
    Request,
    Stop,
)
from escalon.domain.contact.gates import add_months
from escalon.domain.contact.policy import (
    MISFITS,
    Allow,
    Cap,
    ChannelLock,
    Channels,
    Content,
    Cooldown,
    Counts,
    Deny,
    Duty,
    Facts,
    Gate,
    Holidays,
    Layer,
    OwedNotice,
    Places,
    Points,
    Policy,
    Preview,
    Provenance,
    Recipients,
    Stops,
    Verdict,
    Windows,
    evaluate,
    evaluate_action,
    history_needed,
    known_through,
    notices_owed,
    zones_of,
)
from escalon.domain.contact.text import explain

BOGOTA = "America/Bogota"
LAW = Provenance("Ley 1, art. 2")
ANYBODY = Recipients(LAW, allow=("debtor", "codebtor", "attorney"))
OFFICE: Week = (((480, 1080),),) * 5 + ((), ())  # weekdays from 08:00 to 18:00


def policy(level: Any = "country", **rules: Any) -> Policy:
    """One layer "law" that lets anybody be contacted, and the rules under test."""
    calendars = rules.pop("calendars", {})
    return Policy((Layer("law", level, recipients=ANYBODY, **rules),), calendars)


def local(text: str, zone: str = BOGOTA) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def point(channel: str = "email", consent: Consent | None = None) -> ContactPoint:
    return ContactPoint("p1", channel, "made-up", consent)  # type: ignore[arg-type]


def contact(channel: str, at: str, **fields: Any) -> ContactRecord:
    return ContactRecord("m", channel, local(at), **fields)


def ask(rules: Policy, at: str, channel: str = "email", **more: Any) -> Verdict:
    more = {"point": point(channel), "contacts": (), "role": "debtor", "zones": (BOGOTA,)} | more
    return evaluate(rules, channel=channel, at=local(at), **more)


def refused(verdict: Verdict) -> Deny:
    assert isinstance(verdict, Deny), verdict
    return verdict


def reason(verdict: Verdict) -> str:
    return "allow" if isinstance(verdict, Allow) else verdict.reason


# --- stops ---------------------------------------------------------------------------------------

STOPPED = policy(
    stops=(
        Stops(LAW, ("deceased", "breathing_space")),
        Stops(LAW, ("paid", "dispute_open"), only_asking=True),
        Stops(LAW, ("represented",), except_roles=("attorney",)),
    )
)
TUESDAY = "2026-08-25 10:00"


def test_a_state_stops_every_message_or_only_asking() -> None:
    def answer(stop: str, kind: str) -> str:
        return reason(ask(STOPPED, TUESDAY, kind=kind, facts=Facts(stops=(Stop(stop),))))

    assert answer("deceased", "collection") == "stopped"
    assert answer("deceased", "transaction_confirmation") == "stopped"
    assert answer("paid", "collection") == "stopped"
    assert answer("paid", "statutory_notice") == "stopped"
    assert answer("paid", "transaction_confirmation") == "allow"
    assert answer("dispute_open", "reply_to_inbound") == "allow"
    # A state that no layer of this policy names stops nothing.
    assert answer("cease_request", "collection") == "allow"


def test_a_stop_says_its_rule_and_is_not_over_by_waiting() -> None:
    denial = refused(ask(STOPPED, TUESDAY, facts=Facts(stops=(Stop("paid"),))))
    assert denial.rule == "law.stops[1]"
    assert denial.source == "Ley 1, art. 2"
    assert denial.params == {"stop": "paid"}
    assert denial.next_allowed_at is None
    assert explain(denial, "en") == (
        "the person may not be contacted about this: it is paid (Ley 1, art. 2)"
    )
    assert explain(denial, "es") == (
        "no se puede contactar a la persona por ello: está pagado (Ley 1, art. 2)"
    )


@pytest.mark.parametrize(("minutes", "allowed"), [(-1, False), (0, True), (1, True)])
def test_a_stop_with_an_end_is_over_at_that_instant(minutes: int, allowed: bool) -> None:
    ends = local("2026-10-24 00:00")
    facts = Facts(stops=(Stop("breathing_space", ends),))
    at = ends + timedelta(minutes=minutes)
    verdict = evaluate(
        STOPPED, channel="email", point=point(), role="debtor", contacts=(), zones=(BOGOTA,),
        at=at, facts=facts,
    )  # fmt: skip
    assert isinstance(verdict, Allow) is allowed
    if not allowed:
        assert refused(verdict).next_allowed_at == ends


def test_after_a_stop_the_hours_still_hold() -> None:
    rules = policy(stops=(Stops(LAW, ("breathing_space",)),), windows=Windows(LAW, OFFICE))
    stops = (Stop("breathing_space", local("2026-08-28 23:00")),)
    denial = refused(ask(rules, TUESDAY, facts=Facts(stops=stops)))
    assert denial.next_allowed_at == local("2026-08-31 08:00")
    dead = ContactPoint("p1", "email", "made-up", failed="bounce")
    denial = refused(ask(rules, TUESDAY, facts=Facts(stops=stops), point=dead))
    assert (denial.reason, denial.next_allowed_at) == ("stopped", None)
    denial = refused(ask(rules, TUESDAY, facts=Facts(stops=stops), zones=("Nowhere",)))
    assert (denial.reason, denial.next_allowed_at) == ("stopped", None)


def test_whom_a_stop_leaves_out_may_be_contacted() -> None:
    facts = Facts(stops=(Stop("represented"),))
    assert reason(ask(STOPPED, TUESDAY, facts=facts)) == "stopped"
    assert reason(ask(STOPPED, TUESDAY, role="attorney", facts=facts)) == "allow"


def test_a_state_that_nobody_knows_is_refused() -> None:
    denial = refused(ask(policy(), TUESDAY, facts=Facts(stops=(Stop("pait"),))))
    assert (denial.rule, denial.reason) == ("core", "stop_unknown")


# --- the person's own wishes ---------------------------------------------------------------------


def test_a_channel_that_the_person_refuses_is_refused_whatever_the_kind() -> None:
    facts = Facts(refused_channels=("sms",))
    for kind in ("collection", "transaction_confirmation"):
        denial = refused(ask(policy(), TUESDAY, "sms", kind=kind, facts=facts))
        assert (denial.rule, denial.reason) == ("core", "channel_refused")
    assert reason(ask(policy(), TUESDAY, "email", facts=facts)) == "allow"


def test_the_hours_that_the_person_wants_bind_asking_and_no_answer() -> None:
    night_shift: Week = (((720, 1200),),) * 7  # from 12:00 to 20:00
    facts = Facts(hours=night_shift)
    denial = refused(ask(policy(windows=Windows(LAW, OFFICE)), TUESDAY, facts=facts))
    assert (denial.rule, denial.reason) == ("core", "hours_not_wanted")
    assert denial.next_allowed_at == local("2026-08-25 12:00")
    assert reason(ask(policy(), TUESDAY, kind="access_code", facts=facts)) == "allow"
    # They do not open what the law closes.
    assert reason(ask(policy(windows=Windows(LAW, OFFICE)), "2026-08-25 19:00", facts=facts)) == (
        "window_closed"
    )


EVENING: Week = (((1080, 1260),),) * 7  # from 18:00 to 21:00
LETTER = ExtraHours(EVENING, date(2026, 8, 20), date(2026, 1, 10), "letter 12")


def test_hours_that_the_person_opened_in_writing_are_open() -> None:
    rules = policy(windows=Windows(LAW, OFFICE, extra_on_request=True))
    facts = Facts(extra_hours=LETTER)
    assert reason(ask(rules, "2026-08-25 20:59", facts=facts)) == "allow"
    assert reason(ask(rules, "2026-08-25 09:00", facts=facts)) == "allow"
    assert reason(ask(rules, "2026-08-25 21:00", facts=facts)) == "window_closed"
    # A day of the week that the law closes as a whole stays closed.
    assert reason(ask(rules, "2026-08-29 19:00", facts=facts)) == "window_closed"
    unasked = policy(windows=Windows(LAW, OFFICE))
    assert reason(ask(unasked, "2026-08-25 20:59", facts=facts)) == "window_closed"


@pytest.mark.parametrize(
    "letter",
    [
        ExtraHours(EVENING, date(2026, 8, 20), date(2026, 1, 10), ""),
        ExtraHours(EVENING, date(2026, 1, 10), date(2026, 1, 10), "the contract itself"),
        ExtraHours(EVENING, date(2026, 1, 9), date(2026, 1, 10), "before the contract"),
        ExtraHours(EVENING, date(2026, 8, 26), date(2026, 1, 10), "signed tomorrow"),
    ],
    ids=lambda letter: letter.evidence or "no evidence",
)
def test_hours_opened_without_a_later_document_stay_closed(letter: ExtraHours) -> None:
    rules = policy(windows=Windows(LAW, OFFICE, extra_on_request=True))
    verdict = ask(rules, "2026-08-25 20:00", facts=Facts(extra_hours=letter))
    assert reason(verdict) == "window_closed"


def test_the_next_instant_knows_of_a_document_that_counts_from_tomorrow() -> None:
    rules = policy(windows=Windows(LAW, OFFICE, extra_on_request=True))
    letter = ExtraHours(EVENING, date(2026, 8, 25), date(2026, 1, 10), "letter 12")
    verdict = ask(rules, "2026-08-25 18:30", facts=Facts(extra_hours=letter))
    # The day after in UTC, which is 19:00 here.
    assert refused(verdict).next_allowed_at == local("2026-08-25 19:00")


def test_two_weeks_unite_minute_by_minute() -> None:
    one: Week = (((420, 720), (780, 900)),) + ((),) * 6
    other: Week = (((700, 790),),) + (((60, 120),),) + ((),) * 5
    assert unite(one, other) == (((420, 900),), ((60, 120),), (), (), (), (), ())


# --- contact points and consent ------------------------------------------------------------------

GIVEN = Consent(date(2026, 6, 26), "form 7")


def test_numbers_from_somebodys_telephone_and_addresses_at_work_are_refused() -> None:
    rules = policy(points=Points(LAW, deny_origins=("device_contacts",), deny_uses=("work",)))

    def answer(**known: str) -> str:
        facts = Facts(point=PointFacts(**known))
        return reason(ask(rules, TUESDAY, point=point(consent=GIVEN), facts=facts))

    assert answer(origin="device_contacts") == "origin_not_allowed"
    assert answer(use="work") == "use_not_allowed"
    assert answer(origin="debtor", use="personal") == "allow"
    assert answer() == "allow"


def test_only_what_the_person_supplied_or_consented_to() -> None:
    rules = policy(points=Points(LAW, only_supplied=True))
    supplied = Facts(point=PointFacts(origin="debtor"))
    found = Facts(point=PointFacts(origin="public_search"))
    assert reason(ask(rules, TUESDAY)) == "origin_not_allowed"
    assert reason(ask(rules, TUESDAY, facts=found)) == "origin_not_allowed"
    assert reason(ask(rules, TUESDAY, facts=supplied)) == "allow"
    assert reason(ask(rules, TUESDAY, point=point(consent=GIVEN))) == "allow"


def test_consent_may_be_required_on_some_channels_only() -> None:
    rules = policy(channels=Channels(LAW, require_consent=("sms",)))
    assert reason(ask(rules, TUESDAY, "sms")) == "consent_missing"
    assert reason(ask(rules, TUESDAY, "email")) == "allow"


def test_a_consent_that_nothing_proves_does_not_count_where_proof_is_asked_for() -> None:
    unproven = point(consent=Consent(date(2026, 6, 26)))
    asked = policy(channels=Channels(LAW, require_consent=True, require_evidence=True))
    unasked = policy(channels=Channels(LAW, require_consent=True))
    denial = refused(ask(asked, TUESDAY, point=unproven))
    assert (denial.rule, denial.reason) == ("law.channels", "consent_unproven")
    assert reason(ask(unasked, TUESDAY, point=unproven)) == "allow"
    assert reason(ask(asked, TUESDAY, point=point(consent=GIVEN))) == "allow"


def test_a_consent_for_advertising_is_none_for_collecting() -> None:
    rules = policy(channels=Channels(LAW, require_consent=True))

    def answer(purposes: tuple[str, ...] | None, kind: str = "collection") -> str:
        facts = Facts(point=PointFacts(purposes=purposes))
        return reason(ask(rules, TUESDAY, point=point(consent=GIVEN), facts=facts, kind=kind))

    assert answer(("marketing",)) == "consent_for_other_purpose"
    assert answer(("marketing", "collection")) == "allow"
    assert answer(None) == "allow"
    assert answer(("marketing",), kind="transaction_confirmation") == "allow"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-08-24 23:59", "allow"),
        ("2026-08-25 00:00", "allow"),
        ("2026-08-25 23:59", "allow"),
        ("2026-08-26 00:00", "consent_stale"),
        ("2026-08-27 00:00", "consent_stale"),
    ],
)
def test_a_consent_counts_on_its_sixtieth_day_and_not_on_the_day_after(
    at: str, expected: str
) -> None:
    rules = policy(channels=Channels(LAW, require_consent=True, consent_days={"email": 60}))
    verdict = ask(rules, at, point=point(consent=GIVEN))
    assert reason(verdict) == expected
    confirmed = Facts(point=PointFacts(confirmed_on=date(2026, 8, 20)))
    assert reason(ask(rules, at, point=point(consent=GIVEN), facts=confirmed)) == "allow"


def test_a_consent_that_will_be_too_old_by_then_opens_nothing() -> None:
    rules = policy(
        channels=Channels(LAW, require_consent=True, consent_days={"email": 60}),
        windows=Windows(LAW, OFFICE),
    )
    given = point(consent=Consent(date(2026, 6, 30), "form 7"))  # until Saturday 29 August
    denial = refused(ask(rules, "2026-08-29 10:00", point=given))
    assert (denial.reason, denial.next_allowed_at) == ("window_closed", None)


# --- zones ---------------------------------------------------------------------------------------

PLACES = Places(
    LAW,
    {
        "America/Santiago": ("RM", "VS"),
        "America/Punta_Arenas": ("MA",),
        "Pacific/Easter": ("VS",),
    },
)


@pytest.mark.parametrize(
    ("told", "region", "expected"),
    [
        ((), "RM", ("America/Santiago",)),
        ((), "MA", ("America/Punta_Arenas",)),
        ((), "VS", ("America/Santiago", "Pacific/Easter")),
        ((), "", ("America/Santiago", "America/Punta_Arenas", "Pacific/Easter")),
        ((), "Maule", ("America/Santiago", "America/Punta_Arenas", "Pacific/Easter")),
        (("Pacific/Easter",), "VS", ("Pacific/Easter",)),
        (("Pacific/Easter",), "RM", ("Pacific/Easter", "America/Santiago")),
        (("America/Bogota",), "", ("America/Bogota",)),
        (("America/Bogota",), "RM", ("America/Bogota", "America/Santiago")),
    ],
)
def test_the_zones_that_a_person_may_be_in(
    told: tuple[str, ...], region: str, expected: tuple[str, ...]
) -> None:
    assert zones_of(policy(zones=PLACES), told, region) == expected


def test_a_country_of_one_zone_needs_not_be_told() -> None:
    lima = policy(zones=Places(LAW, {"America/Lima": ()}), windows=Windows(LAW, OFFICE))
    denial = refused(ask(lima, "2026-08-25 18:00", zones=()))
    assert (denial.reason, denial.zone) == ("window_closed", "America/Lima")
    assert reason(ask(lima, "2026-08-25 17:59", zones=())) == "allow"
    assert zones_of(policy(), (), "RM") == ()


def test_where_the_region_is_unknown_every_zone_of_the_country_has_to_be_open() -> None:
    rules = policy(zones=PLACES, windows=Windows(LAW, OFFICE))
    morning = "2026-08-25 09:00"  # 10:00 in Santiago, 11:00 in Punta Arenas, 08:00 on Easter Island
    assert reason(ask(rules, morning, zones=())) == "allow"
    assert reason(ask(rules, "2026-08-25 08:59", zones=())) == "window_closed"
    assert reason(ask(rules, "2026-08-25 08:59", zones=(), region="RM")) == "allow"


# --- what counts, cool-downs, the lock's release -------------------------------------------------

ONE_A_DAY = (Cap(LAW, "calendar_day", 1),)
CALLS = (contact("voice", "2026-08-25 08:00"),)


def test_a_layer_may_count_conversations_instead_of_attempts() -> None:
    counts = Counts(LAW, "two_way")
    rules = policy(caps=ONE_A_DAY, channel_lock=ChannelLock(LAW, "rolling_7d"), counts=counts)
    spoke = (Conversation(local("2026-08-25 08:00")),)

    def answer(channel: str, **facts: Any) -> str:
        return reason(ask(rules, TUESDAY, channel, contacts=CALLS, facts=Facts(**facts)))

    assert answer("voice", conversations=()) == "allow"
    assert answer("email", conversations=()) == "allow"
    assert answer("voice", conversations=spoke) == "cap_reached"
    assert answer("email", conversations=spoke) == "channel_locked"
    # Where nobody keeps conversations, each attempt may have been one.
    assert answer("voice") == "cap_reached"
    attempts = policy(caps=ONE_A_DAY, counts=Counts(LAW, "attempt"))
    silent = Facts(conversations=())
    assert reason(ask(attempts, TUESDAY, "voice", contacts=CALLS, facts=silent)) == "cap_reached"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-08-30 23:59", "cooling_down"),
        ("2026-08-31 00:00", "allow"),
        ("2026-08-31 00:01", "allow"),
    ],
)
def test_the_day_of_a_conversation_is_the_first_of_seven(at: str, expected: str) -> None:
    rules = policy(cooldowns=(Cooldown(LAW, ("voice",), 7),))
    facts = Facts(conversations=(Conversation(local("2026-08-24 15:00"), inbound=True),))
    verdict = ask(rules, at, "voice", facts=facts)
    assert reason(verdict) == expected
    if isinstance(verdict, Deny):
        assert verdict.rule == "law.cooldowns[0]"
        assert verdict.next_allowed_at == local("2026-08-31 00:00")
    assert reason(ask(rules, at, "email", facts=facts)) == "allow"


def test_who_began_a_conversation_may_matter() -> None:
    ours = policy(cooldowns=(Cooldown(LAW, ("voice",), 7, include_inbound=False),))
    theirs = Facts(conversations=(Conversation(local("2026-08-24 15:00"), inbound=True),))
    assert reason(ask(ours, TUESDAY, "voice", facts=theirs)) == "allow"


def test_where_nobody_keeps_conversations_every_call_that_was_made_cools_down() -> None:
    rules = policy(cooldowns=(Cooldown(LAW, ("voice",), 7),))
    assert reason(ask(rules, TUESDAY, "voice", contacts=CALLS)) == "cooling_down"
    busy = (contact("voice", "2026-08-25 08:00", reached=False),)
    assert reason(ask(rules, TUESDAY, "voice", contacts=busy)) == "allow"
    kept = Facts(conversations=())
    assert reason(ask(rules, TUESDAY, "voice", contacts=CALLS, facts=kept)) == "allow"
    assert history_needed(rules) == timedelta(days=9)


def test_a_channel_that_the_person_asked_for_is_free_of_what_was_said_before() -> None:
    released = policy(channel_lock=ChannelLock(LAW, "rolling_7d", release_on_request=True))
    locked = policy(channel_lock=ChannelLock(LAW, "rolling_7d"))
    history = (contact("sms", "2026-08-24 09:00"),)
    asked = Facts(requests=(Request(local("2026-08-24 12:00"), "email", "channel"),))
    more: dict[str, Any] = {"contacts": history, "facts": asked}
    assert reason(ask(released, TUESDAY, "email", **more)) == "allow"
    assert reason(ask(released, TUESDAY, "whatsapp", **more)) == "channel_locked"
    assert reason(ask(locked, TUESDAY, "email", **more)) == "channel_locked"
    # A question is no request for a channel, and what was said by another channel later locks.
    wrote = Facts(requests=(Request(local("2026-08-24 12:00"), "email"),))
    assert reason(ask(released, TUESDAY, "email", contacts=history, facts=wrote)) == (
        "channel_locked"
    )
    # Nor is what nobody has asked for yet.
    to_come = Facts(requests=(Request(local("2026-08-25 10:01"), "email", "channel"),))
    assert reason(ask(released, TUESDAY, "email", contacts=history, facts=to_come)) == (
        "channel_locked"
    )
    later = (*history, contact("sms", "2026-08-24 13:00"))
    assert reason(ask(released, TUESDAY, "email", contacts=later, facts=asked)) == "channel_locked"


# --- gates and duties ----------------------------------------------------------------------------

BUREAU = Gate(
    LAW,
    "report_bureau",
    require=("authorisation",),
    notice="bureau_notice",
    notices=2,
    distinct_days=True,
    wait_days=21,
    max_months=18,
)
FIRST = Notice("bureau_notice", local("2026-08-03 10:00"), "ses-1")
SECOND = Notice("bureau_notice", local("2026-08-04 18:30"), "ses-2")
DUE = date(2026, 6, 30)


def action(at: str, gate: Gate = BUREAU, stops: tuple[Stop, ...] = (), **debt: Any) -> Verdict:
    debt = {"due_on": DUE, "on_file": ("authorisation",), "notices": (FIRST, SECOND)} | debt
    rules = policy(gates=(gate,), stops=(Stops(LAW, ("dispute_open",), only_asking=True),))
    facts = Facts(stops=stops, debt=Debt(**debt))
    return evaluate_action(rules, action=gate.action, facts=facts, zones=(BOGOTA,), at=local(at))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-08-24 23:59", "gate_waits"),
        ("2026-08-25 00:00", "allow"),
        ("2026-08-25 00:01", "allow"),
        ("2027-12-30 23:59", "allow"),
        ("2027-12-31 00:00", "too_old"),
    ],
)
def test_a_report_waits_21_days_after_the_last_notice_and_18_months_at_most(
    at: str, expected: str
) -> None:
    assert reason(action(at)) == expected


def test_a_gate_that_waits_says_until_when() -> None:
    denial = refused(action("2026-08-10 10:00"))
    assert denial.rule == "law.gates[0]"
    assert denial.params == {"action": "report_bureau", "days": "21"}
    assert denial.next_allowed_at == local("2026-08-25 00:00")
    assert explain(denial, "en") == (
        "to report it to a credit bureau 21 days have not passed; "
        "the contact policy opens on Tuesday 25 August at 00:00 (Ley 1, art. 2)"
    )


@pytest.mark.parametrize(
    ("debt", "expected"),
    [
        ({"on_file": ()}, "not_on_file"),
        ({"due_on": None}, "debt_unknown"),
        ({"notices": ()}, "notice_missing"),
        ({"notices": (SECOND,)}, "notice_missing"),
        ({"notices": (FIRST, Notice("bureau_notice", local("2026-08-03 18:00"), "x"))},
         "notice_missing"),
        ({"notices": (FIRST, Notice("bureau_notice", SECOND.at))}, "notice_missing"),
        ({"notices": (FIRST, Notice("useful_notice", SECOND.at, "x"))}, "notice_missing"),
        ({}, "allow"),
    ],
    ids=["nothing on file", "no due date", "no notice", "one notice", "two on one day",
         "one without proof", "one of another kind", "all there"],
)  # fmt: skip
def test_a_gate_stays_shut_until_everything_is_there(debt: Any, expected: str) -> None:
    verdict = action("2026-08-26 10:00", **debt)
    assert reason(verdict) == expected
    if isinstance(verdict, Deny):
        assert verdict.next_allowed_at is None


def test_an_action_is_stopped_like_asking_and_refused_where_no_law_is_stated() -> None:
    assert reason(action("2026-08-26 10:00", stops=(Stop("dispute_open"),))) == "stopped"
    ends = local("2026-09-30 00:00")
    denial = refused(action("2026-08-10 10:00", stops=(Stop("dispute_open", ends),)))
    assert denial.next_allowed_at == ends
    silent = evaluate_action(
        policy(), action="report_bureau", facts=Facts(), zones=(BOGOTA,), at=local(TUESDAY)
    )
    assert (refused(silent).rule, refused(silent).reason) == ("core", "action_not_stated")
    mine = policy("house", gates=(Gate(LAW, "report_bureau"),))
    house = evaluate_action(
        mine, action="report_bureau", facts=Facts(), zones=(BOGOTA,), at=local(TUESDAY)
    )
    assert refused(house).reason == "action_not_stated"
    nowhere = evaluate_action(
        policy(gates=(BUREAU,)), action="report_bureau", facts=Facts(), zones=(), at=local(TUESDAY)
    )
    assert refused(nowhere).reason == "zone_unknown"


@pytest.mark.parametrize(
    ("principal", "currency", "expected"),
    [
        (4_999, "EUR", "too_small"),
        (5_000, "EUR", "allow"),
        (5_001, "EUR", "allow"),
        (1, "USD", "allow"),
        (5_000, "", "debt_unknown"),
    ],
)
def test_a_debt_below_the_least_principal_is_not_reported(
    principal: int, currency: str, expected: str
) -> None:
    gate = Gate(LAW, "report_bureau", least_principal={"EUR": 5_000})
    verdict = action(TUESDAY, gate, principal_minor=principal, currency=currency)
    assert reason(verdict) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-07-20 23:59", "gate_waits"),
        ("2026-07-21 00:00", "allow"),
        ("2026-07-22 00:00", "allow"),
    ],
)
def test_a_gate_may_wait_after_the_due_date(at: str, expected: str) -> None:
    gate = Gate(LAW, "charge_fee", wait_days=21, wait_after="due_date")
    assert reason(action(at, gate)) == expected


def test_a_message_that_is_an_action_stands_behind_its_gate_after_the_limits() -> None:
    rules = policy(gates=(BUREAU,), windows=Windows(LAW, OFFICE))
    debt = Debt(due_on=DUE, on_file=("authorisation",), notices=(FIRST, SECOND))
    facts = Facts(debt=debt, message=Message(action="report_bureau"))
    assert reason(ask(rules, "2026-08-15 10:00", facts=facts)) == "window_closed"
    denial = refused(ask(rules, "2026-08-14 10:00", facts=facts))
    assert denial.reason == "gate_waits"
    assert denial.next_allowed_at == local("2026-08-25 08:00")
    missing = Facts(debt=Debt(due_on=DUE), message=Message(action="report_bureau"))
    assert refused(ask(rules, "2026-08-15 10:00", facts=missing)).next_allowed_at is None
    plain = Facts(debt=Debt(due_on=DUE))
    assert reason(ask(rules, "2026-08-14 10:00", facts=plain)) == "allow"


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 8, 31), 18, date(2028, 2, 29)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 12, 15), 12, date(2027, 12, 15)),
        (date(2026, 11, 30), 1, date(2026, 12, 30)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
    ],
)
def test_months_end_where_the_calendar_ends_them(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


VALIDATION = Duty(LAW, "validation_notice", 5, "first_contact", bars_asking=True)
USEFUL = Duty(LAW, "useful_notice", 15, "due_date")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-08-08 23:59", "allow"),
        ("2026-08-09 00:00", "notice_owed"),
        ("2026-08-10 00:00", "notice_owed"),
    ],
)
def test_nothing_is_asked_for_once_a_notice_is_late(at: str, expected: str) -> None:
    rules = policy(duties=(VALIDATION, USEFUL))
    debt = Debt(due_on=date(2026, 1, 1), first_contact_at=local("2026-08-03 10:00"))
    verdict = ask(rules, at, facts=Facts(debt=debt))
    assert reason(verdict) == expected
    if isinstance(verdict, Deny):
        assert verdict.params == {"notice": "validation_notice", "day": "2026-08-08"}
        assert verdict.next_allowed_at is None
    # The notice itself still goes, and so does an answer; once it is given, asking goes on.
    itself = Facts(debt=debt, message=Message(gives=("validation_notice",)))
    assert reason(ask(rules, at, facts=itself)) == "allow"
    assert reason(ask(rules, at, kind="reply_to_inbound", facts=Facts(debt=debt))) == "allow"
    given = Debt(
        first_contact_at=debt.first_contact_at,
        notices=(Notice("validation_notice", local("2026-08-04 09:00"), "ses-3"),),
    )
    assert reason(ask(rules, at, facts=Facts(debt=given))) == "allow"


def test_what_opens_after_a_notice_is_late_does_not_open() -> None:
    rules = policy(duties=(VALIDATION,), windows=Windows(LAW, OFFICE))
    debt = Debt(first_contact_at=local("2026-08-03 10:00"))  # late from Sunday 9 August on
    denial = refused(ask(rules, "2026-08-08 10:00", facts=Facts(debt=debt)))
    assert (denial.reason, denial.next_allowed_at) == ("window_closed", None)


def test_the_notices_that_are_owed_are_told_with_their_last_day() -> None:
    rules = policy(duties=(VALIDATION, USEFUL))
    at = local("2026-07-05 10:00")

    def owed(**debt: Any) -> tuple[OwedNotice, ...]:
        return notices_owed(rules, facts=Facts(debt=Debt(**debt)), zones=(BOGOTA,), at=at)

    useful = OwedNotice("law.duties[1]", "Ley 1, art. 2", "useful_notice", date(2026, 7, 15))
    assert owed(due_on=DUE) == (useful,)
    assert owed() == ()
    both = owed(due_on=DUE, first_contact_at=local("2026-07-01 10:00"))
    assert [(each.notice, each.by) for each in both] == [
        ("validation_notice", date(2026, 7, 6)),
        ("useful_notice", date(2026, 7, 15)),
    ]
    assert owed(due_on=DUE, notices=(Notice("useful_notice", at, "ses-4"),)) == ()
    assert notices_owed(rules, facts=Facts(debt=Debt(due_on=DUE)), zones=(), at=at) == ()


# --- content and previews ------------------------------------------------------------------------

CONTENT = (
    Content(LAW, require=("automated_agent_notice",), forbid=("threat", "insult")),
    Content(LAW, kinds=("collection",), require=("how_to_pay",)),
    Content(LAW, kinds=("collection",), first_only=True, require=("complaints_contact",)),
    Content(LAW, channels=("email", "sms"), require=("change_channel_or_stop",)),
)


@pytest.mark.parametrize(
    ("channel", "kind", "first", "expected"),
    [
        ("email", "collection", True,
         ["automated_agent_notice", "how_to_pay", "complaints_contact", "change_channel_or_stop"]),
        ("email", "collection", False,
         ["automated_agent_notice", "how_to_pay", "change_channel_or_stop"]),
        ("letter", "collection", False, ["automated_agent_notice", "how_to_pay"]),
        ("letter", "access_code", True, ["automated_agent_notice"]),
    ],
)  # fmt: skip
def test_what_a_message_has_to_show_depends_on_its_kind_and_channel(
    channel: str, kind: str, first: bool, expected: list[str]
) -> None:
    rules = policy(content=CONTENT)
    wanted = content_of(rules.layers, channel=channel, kind=kind, first=first, on=DUE)
    assert list(wanted.require) == expected
    assert wanted.forbid == {"threat": "Ley 1, art. 2", "insult": "Ley 1, art. 2"}

    def answer(*shown: str) -> Verdict:
        facts = Facts(message=Message(first=first, content=shown))
        return ask(rules, TUESDAY, channel, kind=kind, facts=facts)

    assert reason(answer(*expected)) == "allow"
    for left_out in expected:
        denial = refused(answer(*(block for block in expected if block != left_out)))
        assert (denial.reason, denial.params) == ("content_missing", {"missing": left_out})
    denial = refused(answer(*expected, "threat"))
    assert (denial.reason, denial.params) == ("content_forbidden", {"found": "threat"})
    assert denial.next_allowed_at is None


def test_content_that_was_reviewed_before_is_not_asked_about_and_laws_begin_on_their_day() -> None:
    rules = policy(content=CONTENT)
    assert reason(ask(rules, TUESDAY, facts=Facts())) == "allow"
    later = Provenance("law", valid_from=date(2026, 8, 2))
    begun = policy(content=(Content(later, require=("automated_agent_notice",)),)).layers
    for day, expected in ((date(2026, 8, 1), []), (date(2026, 8, 2), ["automated_agent_notice"])):
        wanted = content_of(begun, channel="email", kind="collection", first=True, on=day)
        assert list(wanted.require) == expected


def test_the_laws_own_words_are_said_in_the_readers_language_and_once() -> None:
    rules = policy(
        content=(
            Content(
                LAW,
                kinds=("collection",),
                require=("rights_notice", "not_a_court_proceeding"),
                say={
                    "rights_notice": {"es": "Sus derechos.", "en": "Your rights."},
                    "not_a_court_proceeding": {"es": "No es un juicio."},
                },
            ),
            Content(LAW, first_only=True, require=("x",), say={"x": {"en": "First."}}),
            Content(LAW, require=("rights_notice",), say={"rights_notice": {"en": "Again."}}),
        )
    ).layers

    def texts(language: str, **more: Any) -> list[str]:
        asked = {"channel": "email", "kind": "collection", "first": False, "on": DUE, **more}
        return list(said(rules, language=language, **asked).values())

    assert texts("es") == ["Sus derechos.", "No es un juicio."]
    assert texts("en", first=True) == ["Your rights.", "No es un juicio.", "First."]
    assert texts("en", kind="transaction_confirmation") == ["Again."]


PREVIEW = Preview(
    LAW,
    places=("subject", "sms_start"),
    forbid_amounts=True,
    forbid_words={"es": ("deud*", "mora", "accion legal"), "en": ("debt*",)},
    sms_chars=40,
)


@pytest.mark.parametrize(
    ("place", "text", "language", "found"),
    [
        ("subject", "Información sobre su cuenta con Andina", "es", ""),
        ("subject", "Su DEUDA con Andina", "es", "deuda"),
        ("subject", "Está en mora", "es", "mora"),
        ("subject", "Zamora y la memoria", "es", ""),
        ("subject", "Acción  legal", "es-CO", "accion  legal"),
        ("subject", "Your debts", "en", "debts"),
        ("subject", "Your debts", "es", ""),
        ("subject", "Votre compte", "fr", "fr"),
        ("subject", "Votre compte", "", "?"),
        ("subject", "Saldo: $ 1.250.000", "es", "$ 1.250.000"),
        ("subject", "250 pesos", "es", "250 pesos"),
        ("subject", "COP 5", "es", "cop 5"),
        ("subject", "Documento 1205 del 3 de mayo", "es", ""),
        ("body", "Su deuda", "es", ""),
        ("sms_start", "a" * 38 + " deuda", "es", "deuda"),
        ("sms_start", "a" * 39 + " deuda", "es", ""),
        ("sms_start", "a" * 40 + " deuda", "es", ""),
    ],
)
def test_what_others_could_read_along(place: str, text: str, language: str, found: str) -> None:
    assert read_along(PREVIEW, place, text, language) == found


def test_a_message_whose_subject_tells_of_a_debt_is_refused() -> None:
    rules = policy(preview=PREVIEW)

    def answer(subject: str, language: str = "es-CO") -> Verdict:
        message = Message(previews={"subject": subject}, language=language)
        return ask(rules, TUESDAY, facts=Facts(message=message))

    denial = refused(answer("Su deuda con Andina"))
    assert (denial.rule, denial.reason) == ("law.preview", "seen_by_others")
    assert denial.params == {"place": "subject", "found": "deuda"}
    assert reason(answer("Información sobre su cuenta")) == "allow"
    assert reason(answer("Información sobre su cuenta", "")) == "seen_by_others"


# --- years that are loaded -----------------------------------------------------------------------


def test_how_long_the_holidays_are_known_is_told_and_is_an_alarm_when_it_is_over() -> None:
    two = Policy(
        (
            Layer("a", "country", holidays=Holidays(LAW, "A")),
            Layer("b", "sector", holidays=Holidays(LAW, "B")),
        ),
        {"A": Calendar("A", (2026, 2027), ()), "B": Calendar("B", (2026,), ())},
    )
    assert known_through(two) == date(2026, 12, 31)
    assert known_through(policy()) is None
    assert known_through(policy(holidays=Holidays(LAW, "C"))) == date(1, 12, 31)
    rest = {"A": Calendar("A", (2026,), ())}
    rules = policy(holidays=Holidays(LAW, "A"), calendars=rest)
    assert reason(ask(rules, "2026-12-31 23:59")) == "allow"
    missing = refused(ask(rules, "2027-01-01 00:00"))
    assert missing.reason in MISFITS
    assert refused(ask(Policy(), TUESDAY)).reason in MISFITS
