"""The contact policy: golden cases of the Colombian law, thresholds, time zones, and properties
checked against a slow oracle that knows nothing of how `evaluate` works."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalon.authoring.calendars import CalendarFile, compile_calendar
from escalon.authoring.composition import compose
from escalon.authoring.contact_policies import PolicyFile, compile_layer
from escalon.authoring.yaml_lines import check, read
from escalon.domain.account import Consent, ContactPoint, ContactRecord
from escalon.domain.calendar import ALWAYS, Calendar, Week
from escalon.domain.contact.facts import (
    Conversation,
    Debt,
    ExtraHours,
    Message,
    Request,
    Stop,
)
from escalon.domain.contact.policy import (
    LIMITS,
    PASSING,
    Allow,
    Cap,
    ChannelLock,
    Channels,
    Content,
    Cooldown,
    Counts,
    Deny,
    Duty,
    Exemption,
    Facts,
    Gate,
    Holidays,
    Layer,
    Policy,
    Provenance,
    Recipients,
    Stops,
    Verdict,
    Windows,
    evaluate,
    history_needed,
)
from escalon.domain.contact.text import TEXTS, explain

CONFIG = Path(__file__).parents[2] / "config"
BOGOTA = "America/Bogota"
NEW_YORK = "America/New_York"
ART_3 = "Ley 2300 de 2023, art. 3"


def _checked(folder: str, name: str, model: Any) -> Any:
    document = read((CONFIG / folder / f"{name}.yaml").read_text(encoding="utf-8"), name)
    assert not isinstance(document, list), document
    made = check(model, document)
    assert not isinstance(made, list), made
    return made


def shipped(*names: str) -> Policy:
    """A composition of the policies as they are shipped in config/."""
    return compose(
        *(compile_layer(_checked("contact_policies", name, PolicyFile)) for name in names),
        calendars=[compile_calendar(_checked("calendars", name, CalendarFile)) for name in ["CO"]],
    )


CO = shipped("core.never", "co")
HOUSE = shipped("core.never", "house")
ANYBODY = Recipients(Provenance("test"), allow=("debtor",))


def policy(**rules: Any) -> Policy:
    """One layer "test" that lets anybody be contacted, and the rules under test."""
    calendars = rules.pop("calendars", {})
    return Policy((Layer("test", "house", recipients=ANYBODY, **rules),), calendars)


def windows(*days: tuple[tuple[int, int], ...]) -> Windows:
    return Windows(Provenance("test"), days)


def local(text: str, zone: str = BOGOTA, fold: int = 0) -> datetime:
    """The instant at which the clock on the wall of the zone shows that."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def point(channel: str = "email", **fields: Any) -> ContactPoint:
    fields.setdefault("consent", Consent(date(2024, 1, 15), "form 7"))
    return ContactPoint("p1", channel, "made-up", **fields)  # type: ignore[arg-type]


def contact(channel: str, at: datetime, **fields: Any) -> ContactRecord:
    return ContactRecord(f"m-{at:%d%H%M}", channel, at, **fields)


def ask(rules: Policy, at: datetime, channel: str = "email", **more: Any) -> Verdict:
    more.setdefault("zones", (BOGOTA,))
    more.setdefault("point", point(channel))
    more.setdefault("contacts", ())
    more.setdefault("role", "debtor")
    return evaluate(rules, channel=channel, at=at, **more)


def refused(verdict: Verdict) -> Deny:
    assert isinstance(verdict, Deny), verdict
    return verdict


# --- golden cases of Colombia -----------------------------------------------------------------


def test_the_holiday_that_ley_2578_of_2026_created_is_blocked() -> None:
    denial = refused(ask(CO, local("2026-07-13 10:00"), "whatsapp"))

    assert denial.rule == "co.holidays"
    assert denial.reason == "holiday"
    assert denial.params == {"day": "2026-07-13"}
    assert denial.next_allowed_at == datetime(2026, 7, 14, 12, 0, tzinfo=UTC)


def test_the_original_date_of_a_moved_holiday_is_a_working_day() -> None:
    assert ask(CO, local("2026-07-09 10:00")) == Allow()


def test_saturday_is_open_until_the_guard_band_before_three() -> None:
    assert ask(CO, local("2026-07-11 14:54")) == Allow()
    assert refused(ask(CO, local("2026-07-11 15:00"))).reason == "window_closed"


def test_a_fixed_holiday_on_a_saturday_is_blocked() -> None:
    assert refused(ask(CO, local("2027-05-01 10:00"))).reason == "holiday"


def test_what_was_lawful_when_it_was_queued_is_refused_when_it_is_sent_late() -> None:
    assert ask(CO, local("2026-07-10 18:54")) == Allow()
    denial = refused(ask(CO, local("2026-07-10 19:01")))
    assert denial.rule == "co.windows"
    assert denial.source == ART_3
    assert denial.next_allowed_at == local("2026-07-11 08:00")


def test_after_a_whatsapp_on_tuesday_an_email_on_thursday_is_locked_and_a_whatsapp_is_not() -> None:
    tuesday = contact("whatsapp", local("2026-08-25 09:00"))

    denial = refused(ask(CO, local("2026-08-27 09:00"), "email", contacts=(tuesday,)))

    assert denial.rule == "co.channel_lock"
    assert denial.reason == "channel_locked"
    assert denial.next_allowed_at == local("2026-09-01 09:00")
    assert ask(CO, local("2026-08-27 09:00"), "whatsapp", contacts=(tuesday,)) == Allow()


@pytest.mark.parametrize(
    ("per", "expected"),
    [("iso_week", "allowed"), ("rolling_7d", "channel_locked")],
)
def test_a_week_is_any_seven_days_unless_counsel_agrees_to_calendar_weeks(
    per: Any, expected: str
) -> None:
    rules = policy(channel_lock=ChannelLock(Provenance("test"), per))
    friday = contact("whatsapp", local("2026-08-28 09:00"))

    verdict = ask(rules, local("2026-08-31 09:00"), "email", contacts=(friday,))

    assert (verdict.reason if isinstance(verdict, Deny) else "allowed") == expected


def test_a_second_contact_on_the_same_day_is_refused_whatever_debt_it_is_about() -> None:
    morning = contact("email", local("2026-08-25 08:00"), creditor="acme")

    denial = refused(ask(CO, local("2026-08-25 16:00"), contacts=(morning,)))

    assert denial.rule == "co.caps[0]"
    assert denial.reason == "cap_reached"
    assert denial.params == {"channel": "email", "max": "1", "per": "calendar_day"}


def test_a_contact_that_a_clock_ahead_of_ours_has_recorded_counts_for_its_day() -> None:
    later = contact("email", local("2026-08-25 16:00"))
    assert isinstance(ask(CO, local("2026-08-25 15:59"), contacts=(later,)), Deny)
    assert ask(CO, local("2026-08-24 15:59"), contacts=(later,)) == Allow()


def test_l12_the_contact_clock_holds_another_debt_until_tomorrow_and_not_longer() -> None:
    morning = contact("email", local("2026-08-25 08:00"), creditor="acme")

    denial = refused(ask(CO, local("2026-08-25 16:00"), contacts=(morning,)))

    assert denial.next_allowed_at == local("2026-08-26 07:00")
    assert ask(CO, local("2026-08-26 07:00"), contacts=(morning,)) == Allow()


def test_a_codebtor_has_a_clock_of_their_own() -> None:
    at = local("2026-08-25 10:00")
    assert isinstance(ask(CO, at, contacts=(contact("email", at - timedelta(hours=1)),)), Deny)
    assert ask(CO, at, role="codebtor", contacts=()) == Allow()


def test_a_debtor_who_writes_on_sunday_may_be_answered() -> None:
    sunday = local("2026-08-30 11:00")
    history = (contact("sms", local("2026-08-29 11:00")), contact("email", sunday))
    wrote = Facts(requests=(Request(local("2026-08-30 10:50"), "email"),))

    assert isinstance(ask(CO, sunday, facts=wrote), Deny)
    assert ask(CO, sunday, kind="reply_to_inbound", contacts=history, facts=wrote) == Allow()
    # Only by the channel that they wrote on, and only if they did.
    by_sms = ask(CO, sunday, "sms", kind="reply_to_inbound", facts=wrote)
    assert refused(by_sms).reason == "window_closed"
    assert refused(ask(CO, sunday, kind="reply_to_inbound")).reason == "window_closed"


@pytest.mark.parametrize(
    ("kind", "hours", "allowed"),
    [
        ("reply_to_inbound", 23, True),
        ("reply_to_inbound", 24, False),
        ("reply_to_inbound", 25, False),
        ("requested_information", 71, True),
        ("requested_information", 72, False),
    ],
)
def test_an_answer_is_exempt_for_so_long_after_the_question(
    kind: str, hours: int, allowed: bool
) -> None:
    sunday = local("2026-08-30 11:00")
    asked = Facts(requests=(Request(sunday - timedelta(hours=hours), "email"),))
    verdict = ask(CO, sunday, kind=kind, facts=asked)
    assert isinstance(verdict, Allow) is allowed
    if not allowed:
        assert refused(verdict).next_allowed_at == local("2026-08-31 07:00")


def test_the_next_instant_of_an_answer_is_not_after_it_has_grown_old() -> None:
    """Consent begins on Monday; the exemption is over by then, so Monday's hours hold."""
    sunday = local("2026-08-30 11:00")
    asked = Facts(requests=(Request(local("2026-08-30 01:00"), "email"),))
    later = point(consent=Consent(date(2026, 8, 31), "form 7"))
    denial = refused(ask(CO, sunday, kind="reply_to_inbound", facts=asked, point=later))
    assert denial.reason == "consent_not_yet_given"
    assert denial.next_allowed_at == local("2026-08-31 00:00")
    asked = Facts(requests=(Request(local("2026-08-30 00:00"), "email"),))
    denial = refused(ask(CO, sunday, kind="reply_to_inbound", facts=asked, point=later))
    assert denial.next_allowed_at == local("2026-08-31 07:00")


@pytest.mark.parametrize("kind", ["transaction_confirmation", "access_code", "fraud_alert"])
def test_receipts_codes_and_warnings_pass_hours_holidays_lock_and_caps(kind: str) -> None:
    earlier = (
        contact("sms", local("2026-08-30 08:00")),
        contact("email", local("2026-08-30 08:00")),
    )
    assert ask(CO, local("2026-08-30 11:00"), kind=kind, contacts=earlier) == Allow()
    assert ask(CO, local("2026-07-13 03:00"), kind=kind) == Allow()


def test_an_exempt_kind_is_bound_by_what_its_layer_does_not_exempt() -> None:
    exempting = policy(
        windows=windows(*((),) * 7),
        caps=(Cap(Provenance("t"), "calendar_day", 1),),
        exempt=(Exemption(Provenance("t"), ("transaction_confirmation",), ("caps",)),),
    )
    earlier = (contact("email", local("2026-08-25 08:00")),)
    weekday = local("2026-08-25 10:00")
    denial = refused(ask(exempting, weekday, kind="transaction_confirmation", contacts=earlier))
    assert denial.reason == "window_closed"
    assert refused(ask(CO, weekday, kind="no_such_kind", contacts=earlier)).rule == "co.caps[0]"


def test_an_exemption_of_one_layer_does_not_lift_anothers_limit() -> None:
    exempting = Layer(
        "law",
        "country",
        recipients=ANYBODY,
        exempt=(Exemption(Provenance("law"), ("fraud_alert",), ("windows",)),),
    )
    closed = Layer("mine", "house", windows=windows(*((),) * 7))

    verdict = ask(Policy((exempting, closed)), local("2026-08-25 10:00"), kind="fraud_alert")

    assert refused(verdict).rule == "mine.windows"


@pytest.mark.parametrize("role", ["reference", "family", "employer", "minor", "somebody"])
def test_nobody_is_contacted_who_does_not_answer_for_the_debt(role: str) -> None:
    denial = refused(ask(CO, local("2026-08-25 10:00"), role=role))
    assert denial.reason == "recipient_not_allowed"
    assert denial.next_allowed_at is None


@pytest.mark.parametrize(
    ("channel", "rule"),
    [
        ("visit", "co.channels"),
        ("social_public", "core.never.channels"),
        ("postcard", "core.never.channels"),
        ("telepathy", "co.channels"),
    ],
)
def test_channels_that_no_layer_allows_are_refused_for_good(channel: str, rule: str) -> None:
    denial = refused(ask(CO, local("2026-08-25 10:00"), channel))
    assert denial.rule == rule
    assert denial.reason == "channel_not_allowed"
    assert denial.next_allowed_at is None


def test_what_one_layer_denies_no_other_can_allow() -> None:
    everything = ("email", "sms", "visit")
    rules = Policy(
        (
            Layer(
                "never",
                "base",
                recipients=Recipients(Provenance("n"), deny=("minor",)),
                channels=Channels(Provenance("n"), deny=("sms", "visit")),
            ),
            Layer(
                "lax",
                "sector",
                recipients=Recipients(Provenance("l"), allow=("debtor", "minor")),
                channels=Channels(Provenance("l"), allow=everything),
            ),
        )
    )
    at = local("2026-08-25 10:00")
    assert ask(rules, at) == Allow()
    assert refused(ask(rules, at, role="minor")).rule == "never.recipients"
    assert refused(ask(rules, at, "sms")).rule == "never.channels"
    assert refused(ask(rules, at, "letter")).rule == "lax.channels"


def test_a_channel_that_the_system_does_not_have_is_refused_without_any_rule() -> None:
    denial = refused(ask(policy(), local("2026-08-25 10:00"), "telepathy"))
    assert (denial.rule, denial.reason) == ("core", "channel_not_allowed")


# --- failed attempts -----------------------------------------------------------------------------


def test_an_attempt_that_provably_reached_nobody_frees_channel_and_day() -> None:
    bounced = contact("email", local("2026-08-25 09:00"), reached=False)
    at = local("2026-08-25 09:30")

    assert ask(CO, at, "sms", contacts=(bounced,)) == Allow()
    assert ask(CO, at, "email", contacts=(bounced,)) == Allow()
    dead = point("email", failed="hard bounce")
    denial = refused(ask(CO, at, "email", contacts=(bounced,), point=dead))
    assert denial.reason == "contact_point_failed"
    assert denial.next_allowed_at is None


def test_a_lock_without_failover_counts_the_failed_attempt_too() -> None:
    rules = policy(channel_lock=ChannelLock(Provenance("t"), "rolling_7d", 1, "never"))
    bounced = contact("email", local("2026-08-25 09:00"), reached=False)

    denial = refused(ask(rules, local("2026-08-26 09:00"), "sms", contacts=(bounced,)))

    assert denial.next_allowed_at == local("2026-09-01 09:00")


def test_a_lock_of_two_channels_refuses_the_third_until_one_has_rested() -> None:
    rules = policy(channel_lock=ChannelLock(Provenance("t"), "rolling_7d", 2))
    history = (
        contact("voice", local("2026-08-10 09:00")),
        contact("email", local("2026-08-24 09:00")),
        contact("sms", local("2026-08-25 10:00")),
        contact("email", local("2026-08-26 11:00")),
    )
    at = local("2026-08-27 09:00")

    assert ask(rules, at, "sms", contacts=history) == Allow()
    denial = refused(ask(rules, at, "whatsapp", contacts=history))
    assert denial.next_allowed_at == local("2026-09-01 10:00")
    assert denial.params == {"channel": "whatsapp", "used": "email, sms"}


# --- consent and contact points ------------------------------------------------------------------


def test_without_consent_nothing_is_sent_where_the_law_asks_for_it() -> None:
    at = local("2026-08-25 10:00")
    denial = refused(ask(CO, at, point=point(consent=None)))
    assert (denial.rule, denial.reason) == ("co.channels", "consent_missing")
    assert denial.source == "Ley 2300 de 2023, arts. 2 y 6"
    assert denial.next_allowed_at is None
    assert ask(HOUSE, at, point=point(consent=None)) == Allow()


@pytest.mark.parametrize("rules", [CO, HOUSE], ids=["co", "house"])
def test_a_withdrawn_consent_counts_whether_or_not_a_layer_asks_for_consent(rules: Policy) -> None:
    gone = point(consent=Consent(revoked_at=datetime(2026, 8, 1, tzinfo=UTC)))
    denial = refused(ask(rules, local("2026-08-25 10:00"), point=gone))
    assert denial.reason == "consent_revoked"
    assert denial.next_allowed_at is None


def test_consent_starts_on_its_day_in_the_debtors_zone() -> None:
    rules = policy(channels=Channels(Provenance("law"), require_consent=True))
    given_later = point(consent=Consent(date(2026, 8, 26)))
    midnight = local("2026-08-26 00:00")

    denial = refused(ask(rules, midnight - timedelta(minutes=1), point=given_later))

    assert denial.reason == "consent_not_yet_given"
    assert denial.next_allowed_at == midnight
    assert ask(rules, midnight, point=given_later) == Allow()
    assert isinstance(ask(rules, local("2026-08-20 10:00"), point=given_later), Deny)


def test_a_missing_or_foreign_contact_point_is_refused() -> None:
    at = local("2026-08-25 10:00")
    assert refused(ask(CO, at, point=None)).reason == "contact_point_missing"
    assert refused(ask(CO, at, point=point("sms"))).reason == "contact_point_of_other_channel"


# --- what is unknown is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    "zones",
    [
        (),
        ("",),
        ("America/Bogotá",),
        ("America",),
        ("../../etc/passwd",),
        ("localtime",),
        (BOGOTA, "Nowhere"),
    ],
)
def test_l18_a_debtor_whose_zone_is_unknown_is_not_contacted(zones: tuple[str, ...]) -> None:
    denial = refused(ask(HOUSE, local("2026-08-25 10:00"), zones=zones))
    assert denial.reason == "zone_unknown"
    assert denial.next_allowed_at is None


def test_a_year_whose_holidays_are_not_loaded_is_refused() -> None:
    denial = refused(ask(CO, local("2036-08-25 10:00")))
    assert denial.rule == "co.holidays"
    assert denial.reason == "holiday_year_missing"
    assert denial.params == {"year": "2036"}
    assert denial.next_allowed_at is None


def test_the_search_for_the_next_instant_does_not_cross_into_a_year_not_loaded() -> None:
    denial = refused(ask(CO, local("2035-12-31 19:30")))
    assert denial.reason == "window_closed"
    assert denial.next_allowed_at is None


@pytest.mark.parametrize(
    ("days_closed", "opens"),
    [(399, "2027-09-28 00:00"), (400, "2027-09-29 00:00"), (401, None)],
)
def test_the_next_instant_is_looked_for_over_400_days(days_closed: int, opens: str | None) -> None:
    first = date(2026, 8, 25)
    closed = tuple(first + timedelta(days=n) for n in range(days_closed))
    rules = policy(holidays=Holidays(Provenance("house"), extra=closed))
    denial = refused(ask(rules, local("2026-08-25 00:00")))
    assert denial.next_allowed_at == (local(opens) if opens else None)


def test_a_calendar_that_is_not_there_closes_every_year() -> None:
    rules = policy(holidays=Holidays(Provenance("law"), "XX"))
    assert refused(ask(rules, local("2026-08-25 10:00"))).reason == "holiday_year_missing"


def test_without_a_policy_nobody_is_contacted() -> None:
    assert refused(ask(Policy(), local("2026-08-25 10:00"))).reason == "no_policy"


def test_an_instant_or_a_contact_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 8, 25, 15, 0)  # noqa: DTZ001 - what the test is about
    assert refused(ask(CO, naive)).reason == "instant_out_of_range"
    history = (contact("email", naive),)
    denial = refused(ask(CO, local("2026-08-25 10:00"), contacts=history))
    assert denial.reason == "history_unreadable"


@pytest.mark.parametrize("offset", [-9, 0, 9])
@pytest.mark.parametrize("edge", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_the_ends_of_the_calendar_get_a_verdict(edge: str, offset: int) -> None:
    at = datetime.fromisoformat(edge).replace(tzinfo=timezone(timedelta(hours=offset)))
    assert isinstance(ask(HOUSE, at), Allow | Deny)


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    at = local("2026-07-10 19:01")
    elsewhere = at.astimezone(timezone(timedelta(hours=9)))
    assert ask(CO, elsewhere) == ask(CO, at)


# --- the order of the rules ----------------------------------------------------------------------


def test_the_first_rule_in_the_order_of_the_law_is_reported() -> None:
    sunday = local("2026-08-30 11:00")
    history = (contact("sms", sunday - timedelta(hours=1)),)
    worst: dict[str, Any] = {"contacts": history, "zones": ("Nowhere",), "role": "family"}
    no_consent = point(consent=None)

    assert refused(ask(CO, sunday, "visit", **worst)).reason == "recipient_not_allowed"
    worst["role"] = "debtor"
    assert refused(ask(CO, sunday, "visit", **worst)).reason == "channel_not_allowed"
    assert refused(ask(CO, sunday, point=no_consent, **worst)).reason == "consent_missing"
    assert refused(ask(CO, sunday, **worst)).reason == "zone_unknown"
    worst["zones"] = (BOGOTA,)
    assert refused(ask(CO, sunday, **worst)).reason == "window_closed"
    monday = local("2026-08-31 11:00")
    history = (contact("sms", monday - timedelta(hours=1)),)
    assert refused(ask(CO, monday, contacts=history)).reason == "channel_locked"
    assert refused(ask(CO, monday, "sms", contacts=history)).reason == "cap_reached"


def test_stops_come_first_then_limits_then_gates_and_content_last() -> None:
    about = Provenance("law")
    rules = policy(
        stops=(Stops(about, ("legal_hold",)),),
        windows=windows((), *(((0, 1440),),) * 6),
        channel_lock=ChannelLock(about, "rolling_7d"),
        cooldowns=(Cooldown(about, ("voice",), 2),),
        caps=(Cap(about, "rolling_7d", 1),),
        gates=(Gate(about, "charge_fee", wait_days=30, wait_after="due_date"),),
        duties=(Duty(about, "validation_notice", 5, "first_contact", bars_asking=True),),
        content=(Content(about, require=("how_to_pay",)),),
    )
    rules = Policy((msgspec.structs.replace(rules.layers[0], level="country"),))
    monday, tuesday = local("2026-08-24 10:00"), local("2026-08-25 10:00")
    call, sms = contact("voice", monday - timedelta(days=1)), contact("sms", monday)
    debt = Debt(due_on=date(2026, 8, 1), first_contact_at=local("2026-08-01 10:00"))
    fee = Message(action="charge_fee", content=())
    stopped = (Stop("legal_hold"),)

    def first(at: datetime, *history: ContactRecord, role: str = "debtor", **facts: Any) -> str:
        facts = {"debt": debt, "message": fee} | facts
        more: dict[str, Any] = {"contacts": history, "role": role, "facts": Facts(**facts)}
        return refused(ask(rules, at, "voice", **more)).reason

    assert first(monday, sms, call, role="family", stops=stopped) == "stopped"
    assert first(monday, sms, call, role="family") == "recipient_not_allowed"
    assert first(monday, sms, call, refused_channels=("voice",)) == "channel_refused"
    assert first(monday, sms, call) == "window_closed"
    assert first(tuesday, sms, contact("voice", monday)) == "channel_locked"
    assert first(tuesday, contact("voice", monday)) == "cooling_down"
    assert first(tuesday, call) == "cap_reached"
    assert first(tuesday) == "gate_waits"
    late = msgspec.structs.replace(debt, due_on=date(2026, 7, 1))
    assert first(tuesday, debt=late) == "notice_owed"
    told = msgspec.structs.replace(late, first_contact_at=None)
    assert first(tuesday, debt=told) == "content_missing"


def test_the_law_is_named_before_the_house_when_both_are_closed() -> None:
    both = shipped("core.never", "house", "co")
    assert [layer.policy for layer in both.layers] == ["core.never", "co", "house"]
    assert refused(ask(both, local("2026-08-30 11:00"))).rule == "co.windows"
    assert refused(ask(both, local("2026-08-29 11:00"))).rule == "house.windows"


# --- thresholds ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-08-25 06:59", "closed"),
        ("2026-08-25 07:00", "open"),
        ("2026-08-25 07:01", "open"),
        ("2026-08-25 18:54", "open"),
        ("2026-08-25 18:54:59", "open"),
        ("2026-08-25 18:55", "closed"),
        ("2026-08-25 18:56", "closed"),
        ("2026-08-29 07:59", "closed"),
        ("2026-08-29 08:00", "open"),
        ("2026-08-29 08:01", "open"),
        ("2026-08-29 14:54", "open"),
        ("2026-08-29 14:55", "closed"),
        ("2026-08-29 14:56", "closed"),
        ("2026-08-30 00:00", "closed"),
        ("2026-08-30 11:00", "closed"),
        ("2026-08-30 23:59", "closed"),
    ],
)
def test_windows_are_in_at_their_first_minute_and_out_at_their_last(at: str, expected: str) -> None:
    verdict = ask(CO, local(at))
    assert ("open" if isinstance(verdict, Allow) else "closed") == expected


@pytest.mark.parametrize(("minutes", "allowed"), [(-1, False), (0, True), (1, True)])
def test_a_channel_is_free_again_after_exactly_seven_days(minutes: int, allowed: bool) -> None:
    rules = policy(channel_lock=ChannelLock(Provenance("t"), "rolling_7d"))
    at = local("2026-08-25 09:00")
    later = at + timedelta(days=7, minutes=minutes)
    verdict = ask(rules, later, "sms", contacts=(contact("email", at),))
    assert isinstance(verdict, Allow) is allowed
    if isinstance(verdict, Deny):
        assert verdict.next_allowed_at == at + timedelta(days=7)


@pytest.mark.parametrize(("minutes", "allowed"), [(-1, False), (0, True), (1, True)])
def test_l18_a_day_ends_at_the_debtors_midnight(minutes: int, allowed: bool) -> None:
    rules = policy(caps=(Cap(Provenance("t"), "calendar_day", 1),))
    midnight = local("2026-08-26 00:00")
    last_minute = (contact("email", local("2026-08-25 00:00")),)
    verdict = ask(rules, midnight + timedelta(minutes=minutes), contacts=last_minute)
    assert isinstance(verdict, Allow) is allowed
    if isinstance(verdict, Deny):
        assert verdict.next_allowed_at == midnight


def test_l18_two_minutes_around_midnight_are_two_days() -> None:
    rules = policy(caps=(Cap(Provenance("t"), "calendar_day", 1),))
    history = (contact("email", local("2026-08-25 23:59")),)
    assert ask(rules, local("2026-08-26 00:00"), contacts=history) == Allow()
    # In UTC both are the 26th; the day is the debtor's.
    assert isinstance(ask(rules, local("2026-08-26 00:00"), contacts=history, zones=("UTC",)), Deny)


@pytest.mark.parametrize(("earlier", "allowed"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_cap_of_two_refuses_the_third(earlier: int, allowed: bool) -> None:
    rules = policy(caps=(Cap(Provenance("t"), "rolling_7d", 2),))
    at = local("2026-08-25 09:00")
    history = tuple(contact("email", at - timedelta(days=n + 1)) for n in range(earlier))
    verdict = ask(rules, at, contacts=history)
    assert isinstance(verdict, Allow) is allowed
    if isinstance(verdict, Deny):  # the second latest leaves the seven days
        assert verdict.next_allowed_at == at + timedelta(days=5)


@pytest.mark.parametrize(("minutes", "allowed"), [(-1, False), (0, True), (1, True)])
def test_a_rolling_cap_forgets_after_exactly_seven_days(minutes: int, allowed: bool) -> None:
    rules = policy(caps=(Cap(Provenance("t"), "rolling_7d", 1),))
    at = local("2026-08-25 09:00")
    later = at + timedelta(days=7, minutes=minutes)
    assert isinstance(ask(rules, later, contacts=(contact("email", at),)), Allow) is allowed


def test_a_cap_counts_its_group_of_channels_and_binds_only_it() -> None:
    calls = Cap(Provenance("t"), "calendar_day", 1, channels=("voice",))
    rules = policy(caps=(calls,))
    at = local("2026-08-25 09:00")
    call = (contact("voice", at - timedelta(hours=1)),)
    assert ask(rules, at, "sms", contacts=call) == Allow()
    assert isinstance(ask(rules, at, "voice", contacts=call), Deny)
    text = (contact("sms", at - timedelta(hours=1)),)
    assert ask(rules, at, "voice", contacts=text) == Allow()


CHILE = Cap(
    Provenance("Ley 19.496 art. 37"),
    "rolling_7d",
    2,
    channels=("letter", "sms", "email", "whatsapp"),
    min_gap_h=48,
    min_gap_days=2,
)


def test_chile_an_sms_47_hours_after_an_email_comes_too_soon() -> None:
    rules = policy(caps=(CHILE,))
    monday = (contact("email", local("2026-08-24 10:00", "America/Santiago")),)
    wednesday = local("2026-08-26 09:00", "America/Santiago")
    more: dict[str, Any] = {"contacts": monday, "zones": ("America/Santiago",)}

    denial = refused(ask(rules, wednesday, "sms", **more))

    assert denial.reason == "min_gap"
    assert denial.next_allowed_at == wednesday + timedelta(hours=1)
    assert ask(rules, wednesday + timedelta(hours=1), "sms", **more) == Allow()
    assert isinstance(ask(rules, wednesday + timedelta(minutes=59), "sms", **more), Deny)


def test_a_gap_in_days_counts_the_debtors_calendar() -> None:
    rules = policy(caps=(Cap(Provenance("t"), "calendar_day", 5, min_gap_days=2),))
    history = (contact("email", local("2026-08-24 23:00")),)
    midnight = local("2026-08-26 00:00")
    denial = refused(ask(rules, midnight - timedelta(minutes=1), contacts=history))
    assert denial.next_allowed_at == midnight
    assert ask(rules, midnight, contacts=history) == Allow()


def test_a_calendar_week_ends_on_sunday_at_the_debtors_midnight() -> None:
    rules = policy(channel_lock=ChannelLock(Provenance("t"), "iso_week"))
    history = (contact("whatsapp", local("2026-08-24 00:00")),)
    monday = local("2026-08-31 00:00")
    denial = refused(ask(rules, monday - timedelta(minutes=1), contacts=history))
    assert denial.next_allowed_at == monday
    assert ask(rules, monday, contacts=history) == Allow()
    assert ask(rules, local("2026-08-23 23:59"), contacts=history) == Allow()


def test_a_calendar_week_counts_channels_and_not_contacts() -> None:
    rules = policy(channel_lock=ChannelLock(Provenance("t"), "iso_week", 2))
    history = (
        contact("whatsapp", local("2026-08-24 09:00")),
        contact("whatsapp", local("2026-08-25 09:00")),
    )
    at = local("2026-08-26 09:00")
    assert ask(rules, at, "email", contacts=history) == Allow()
    three = (*history, contact("sms", local("2026-08-25 10:00")))
    assert isinstance(ask(rules, at, "email", contacts=three), Deny)
    assert ask(rules, at, "sms", contacts=three) == Allow()


@pytest.mark.parametrize(("minutes", "allowed"), [(-1, True), (0, False), (1, False)])
def test_l18_a_law_binds_from_midnight_of_its_first_day_where_the_debtor_is(
    minutes: int, allowed: bool
) -> None:
    rules = Policy(
        (
            Layer("house", "house", recipients=ANYBODY),
            Layer(
                "law",
                "country",
                windows=Windows(Provenance("law", valid_from=date(2026, 8, 25)), ((),) * 7),
            ),
        )
    )
    first = local("2026-08-25 00:00") + timedelta(minutes=minutes)
    assert isinstance(ask(rules, first), Allow) is allowed


def test_the_next_instant_respects_a_law_that_begins_before_it() -> None:
    office, later = (((540, 1020),),) * 7, (((600, 1020),),) * 7
    rules = Policy(
        (
            Layer("house", "house", recipients=ANYBODY, windows=Windows(Provenance("h"), office)),
            Layer(
                "law",
                "country",
                windows=Windows(Provenance("law", valid_from=date(2026, 8, 26)), later),
            ),
        )
    )
    denial = refused(ask(rules, local("2026-08-24 20:00")))
    assert denial.next_allowed_at == local("2026-08-25 09:00")
    denial = refused(ask(rules, local("2026-08-25 20:00")))
    assert denial.next_allowed_at == local("2026-08-26 10:00")


def test_an_exemption_helps_from_its_first_day_on() -> None:
    begins = Provenance("law", valid_from=date(2026, 8, 26))
    rules = policy(
        windows=windows(*((),) * 7), exempt=(Exemption(begins, ("fraud_alert",), ("windows",)),)
    )
    denial = refused(ask(rules, local("2026-08-25 10:00"), kind="fraud_alert"))
    assert denial.next_allowed_at == local("2026-08-26 00:00")
    assert refused(ask(rules, local("2026-08-25 10:00"))).next_allowed_at is None


# --- months, leap days, holidays on the way ------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "opens"),
    [
        ("2026-01-31 20:00", "2026-02-02 07:00"),  # Saturday evening, month end
        ("2028-02-28 20:00", "2028-02-29 07:00"),  # a leap day is a day like any other
        ("2028-02-29 20:00", "2028-03-01 07:00"),
        ("2027-02-28 12:00", "2027-03-01 07:00"),  # Sunday, no leap day
        ("2026-12-31 20:00", "2027-01-02 08:00"),  # New Year's Day, then Saturday
        ("2026-04-01 20:00", "2026-04-04 08:00"),  # Holy Thursday and Friday
        ("2026-07-11 20:00", "2026-07-14 07:00"),  # Sunday, then a moved holiday
    ],
)
def test_l19_what_the_calendar_holds_moves_to_the_next_open_minute(asked: str, opens: str) -> None:
    denial = refused(ask(CO, local(asked)))
    assert denial.next_allowed_at == local(opens)
    assert ask(CO, local(opens)) == Allow()
    assert isinstance(ask(CO, local(opens) - timedelta(minutes=1)), Deny)


def test_l19_a_step_on_a_weekend_is_held_and_loses_nothing() -> None:
    """Two of three escalations landed on a weekend and the ladder was spent; here each is told
    when its turn comes."""
    days = [local("2026-08-29 16:00"), local("2026-08-30 09:00"), local("2026-08-31 06:30")]
    assert {refused(ask(CO, day)).next_allowed_at for day in days} == {local("2026-08-31 07:00")}


def test_regional_holidays_bind_their_region_and_whoever_we_cannot_place() -> None:
    calendar = Calendar(
        "CL",
        years=(2026,),
        days=(date(2026, 9, 18),),
        regions={"AP": (date(2026, 6, 8),), "RM": ()},
    )
    rules = policy(holidays=Holidays(Provenance("law"), "CL"), calendars={"CL": calendar})
    arica = local("2026-06-08 12:00", "America/Santiago")
    more: dict[str, Any] = {"zones": ("America/Santiago",)}
    assert isinstance(ask(rules, arica, region="AP", **more), Deny)
    assert ask(rules, arica, region="RM", **more) == Allow()
    assert isinstance(ask(rules, arica, region="", **more), Deny)
    assert isinstance(ask(rules, local("2026-09-18 12:00"), region="RM", **more), Deny)


def test_the_houses_own_days_of_rest_need_no_calendar() -> None:
    rules = policy(holidays=Holidays(Provenance("house"), extra=(date(2026, 12, 24),)))
    denial = refused(ask(rules, local("2026-12-24 10:00")))
    assert denial.next_allowed_at == local("2026-12-25 00:00")


def test_the_houses_own_days_of_rest_come_on_top_of_its_calendar() -> None:
    us = Calendar("US", (2026,), (date(2026, 12, 25),))
    rest = Holidays(Provenance("house"), "US", extra=(date(2026, 12, 24),))
    denial = refused(ask(policy(holidays=rest, calendars={"US": us}), local("2026-12-24 10:00")))
    assert denial.next_allowed_at == local("2026-12-26 00:00")


# --- zones and daylight saving -------------------------------------------------------------------

MORNING = windows(*(((480, 1080),),) * 7)  # 08:00 to 18:00 every day


@pytest.mark.parametrize(
    ("asked", "opens"),
    [
        ("2026-03-07T23:30:00+00:00", "2026-03-08T12:00:00+00:00"),  # clocks go forward at 02:00
        ("2026-10-31T23:30:00+00:00", "2026-11-01T13:00:00+00:00"),  # and back
        ("2026-07-01T23:30:00+00:00", "2026-07-02T12:00:00+00:00"),
        ("2026-01-01T23:30:00+00:00", "2026-01-02T13:00:00+00:00"),
    ],
)
def test_l18_new_york_opens_at_eight_on_the_wall_whatever_the_clocks_did(
    asked: str, opens: str
) -> None:
    denial = refused(ask(policy(windows=MORNING), datetime.fromisoformat(asked), zones=(NEW_YORK,)))
    assert denial.next_allowed_at == datetime.fromisoformat(opens)


def test_a_window_inside_the_hour_that_does_not_exist_opens_the_next_day() -> None:
    rules = policy(windows=windows(*(((120, 180),),) * 7))  # 02:00 to 03:00
    denial = refused(ask(rules, local("2026-03-08 01:30", NEW_YORK), zones=(NEW_YORK,)))
    assert denial.next_allowed_at == local("2026-03-09 02:00", NEW_YORK)


def test_a_window_inside_the_hour_that_comes_twice_is_open_both_times() -> None:
    rules = policy(windows=windows(*(((60, 90),),) * 7))  # 01:00 to 01:30
    first, second = (local("2026-11-01 01:00", NEW_YORK, fold=fold) for fold in (0, 1))
    assert second - first == timedelta(hours=1)
    assert ask(rules, first, zones=(NEW_YORK,)) == Allow()
    assert ask(rules, second, zones=(NEW_YORK,)) == Allow()
    between = refused(ask(rules, first + timedelta(minutes=30), zones=(NEW_YORK,)))
    assert between.next_allowed_at == second


def test_a_day_of_25_hours_is_one_day() -> None:
    rules = policy(caps=(Cap(Provenance("t"), "calendar_day", 1),))
    history = (contact("email", local("2026-11-01 00:10", NEW_YORK)),)
    denial = refused(
        ask(rules, local("2026-11-01 23:59", NEW_YORK), contacts=history, zones=(NEW_YORK,))
    )
    assert denial.next_allowed_at == datetime(2026, 11, 2, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "opens"),
    [
        ("Asia/Kolkata", "2026-08-25T02:30:00+00:00"),
        ("Asia/Kathmandu", "2026-08-25T02:15:00+00:00"),
        ("Australia/Lord_Howe", "2026-08-24T21:30:00+00:00"),
        ("America/St_Johns", "2026-08-25T10:30:00+00:00"),
    ],
)
def test_zones_off_the_full_hour(zone: str, opens: str) -> None:
    night = datetime.fromisoformat(opens) - timedelta(hours=3)
    denial = refused(ask(policy(windows=MORNING), night, zones=(zone,)))
    assert denial.next_allowed_at == datetime.fromisoformat(opens)


def test_daylight_saving_of_half_an_hour() -> None:
    # Lord Howe goes from +10:30 to +11:00 on Sunday 4 October 2026 at 02:00.
    denial = refused(
        ask(policy(windows=MORNING), local("2026-10-03 20:00", "Australia/Lord_Howe"),
            zones=("Australia/Lord_Howe",))
    )  # fmt: skip
    assert denial.next_allowed_at == datetime(2026, 10, 3, 21, 0, tzinfo=UTC)


def test_a_midnight_that_does_not_exist_starts_the_day_an_hour_later() -> None:
    # Santiago skips from Saturday 24:00 to Sunday 01:00 on 6 September 2026.
    rules = policy(caps=(Cap(Provenance("t"), "calendar_day", 1),))
    history = (contact("email", local("2026-09-05 20:00", "America/Santiago")),)
    denial = refused(
        ask(rules, local("2026-09-05 23:00", "America/Santiago"), contacts=history,
            zones=("America/Santiago",))
    )  # fmt: skip
    assert denial.next_allowed_at == datetime(2026, 9, 6, 4, 0, tzinfo=UTC)


def test_a_day_that_a_zone_skipped_is_passed_over() -> None:
    # Apia went from Thursday 29 to Saturday 31 December 2011.
    rules = policy(caps=(Cap(Provenance("t"), "calendar_day", 1),), windows=MORNING)
    history = (contact("email", local("2011-12-29 09:00", "Pacific/Apia")),)
    denial = refused(
        ask(rules, local("2011-12-29 10:00", "Pacific/Apia"), contacts=history,
            zones=("Pacific/Apia",))
    )  # fmt: skip
    assert denial.next_allowed_at == datetime(2011, 12, 30, 18, 0, tzinfo=UTC)


def test_a_day_that_ends_comes_back_and_ends_again() -> None:
    # St John's put its clocks back at 00:01 until 2010: Sunday began, and it was Saturday again.
    zone = "America/St_Johns"
    rules = policy(caps=(Cap(Provenance("t"), "calendar_day", 1),))
    history = (contact("email", local("2010-11-06 12:00", zone)),)
    sunday = datetime(2010, 11, 7, 2, 30, tzinfo=UTC)
    more: dict[str, Any] = {"contacts": history, "zones": (zone,)}
    assert refused(ask(rules, sunday - timedelta(minutes=9), **more)).next_allowed_at == sunday
    assert ask(rules, sunday, **more) == Allow()
    again = refused(ask(rules, sunday + timedelta(minutes=1), **more))
    assert again.next_allowed_at == datetime(2010, 11, 7, 3, 30, tzinfo=UTC)


def test_hours_before_midnight_come_again_when_the_clocks_go_back_over_it() -> None:
    rules = policy(windows=windows(*(((1410, 1440),),) * 7))  # 23:30 to 24:00
    sunday = datetime(2010, 11, 7, 2, 30, tzinfo=UTC)
    more: dict[str, Any] = {"zones": ("America/St_Johns",)}
    again = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
    assert refused(ask(rules, sunday, **more)).next_allowed_at == again
    assert ask(rules, again, **more) == Allow()
    assert ask(rules, sunday - timedelta(minutes=30), **more) == Allow()


def test_where_zones_conflict_it_has_to_be_open_in_all_of_them() -> None:
    # An address in New York and a phone number of Los Angeles (12 CFR 1006.6(b)(1)).
    zones = (NEW_YORK, "America/Los_Angeles")
    rules = policy(windows=windows(*(((480, 1260),),) * 7))
    denial = refused(ask(rules, local("2026-08-25 08:30", NEW_YORK), zones=zones))
    assert denial.reason == "window_closed"
    assert denial.next_allowed_at == local("2026-08-25 11:00", NEW_YORK)
    assert denial.zone == NEW_YORK
    assert ask(rules, local("2026-08-25 20:59", NEW_YORK), zones=zones) == Allow()
    assert isinstance(ask(rules, local("2026-08-25 21:00", NEW_YORK), zones=zones), Deny)


def test_where_zones_conflict_a_contact_counts_for_the_day_of_either() -> None:
    zones = (NEW_YORK, "America/Los_Angeles")
    rules = policy(caps=(Cap(Provenance("t"), "calendar_day", 1),))
    history = (contact("email", local("2026-08-25 12:00", NEW_YORK)),)
    denial = refused(ask(rules, local("2026-08-26 00:30", NEW_YORK), contacts=history, zones=zones))
    assert denial.next_allowed_at == local("2026-08-26 00:00", "America/Los_Angeles")


def test_zones_without_a_common_open_minute_are_refused_for_good() -> None:
    zones = ("Asia/Tokyo", NEW_YORK)
    denial = refused(ask(policy(windows=MORNING), local("2026-08-25 10:00"), zones=zones))
    assert denial.next_allowed_at is None


# --- house policy, values, texts -----------------------------------------------------------------


def test_the_house_policy_keeps_office_hours_in_new_york() -> None:
    expected = {
        "2026-08-25 07:59": "closed",
        "2026-08-25 08:00": "open",
        "2026-08-25 17:59": "open",
        "2026-08-25 18:00": "closed",
        "2026-08-29 10:00": "closed",
    }
    no_consent = point(consent=None)
    found = {
        at: "open"
        if isinstance(ask(HOUSE, local(at, NEW_YORK), zones=(NEW_YORK,), point=no_consent), Allow)
        else "closed"
        for at in expected
    }
    assert found == expected


def test_a_policy_is_the_same_after_json() -> None:
    again = msgspec.json.decode(msgspec.json.encode(CO), type=Policy)
    assert again == CO
    assert ask(again, local("2026-07-13 10:00")) == ask(CO, local("2026-07-13 10:00"))


def test_a_verdict_is_the_same_after_json() -> None:
    for at in (local("2026-07-13 10:00"), local("2026-07-14 10:00")):
        verdict = ask(CO, at)
        assert msgspec.json.decode(msgspec.json.encode(verdict), type=Allow | Deny) == verdict


def test_the_history_that_is_needed_covers_the_longest_period() -> None:
    assert history_needed(CO) == timedelta(days=8)
    assert history_needed(HOUSE) == timedelta(days=2)
    weekly = Cap(Provenance("t"), "rolling_7d", 2)
    assert history_needed(policy(caps=(weekly,))) == timedelta(days=8)
    month = Cap(Provenance("t"), "calendar_day", 1, min_gap_days=30)
    assert history_needed(policy(caps=(month,))) == timedelta(days=32)


@pytest.mark.parametrize(
    ("asked", "locale", "text"),
    [
        (
            "2026-08-30 11:00",
            "es-CO",
            "la política de contacto abre el lunes 31 de agosto a las 07:00 "
            "(Ley 2300 de 2023, art. 3)",
        ),
        (
            "2026-08-30 11:00",
            "en_US",
            "the contact policy opens on Monday 31 August at 07:00 (Ley 2300 de 2023, art. 3)",
        ),
        (
            "2026-07-13 11:00",
            "es",
            "el lunes 13 de julio es festivo; la política de contacto abre el martes 14 de julio "
            "a las 07:00 (Ley 2300 de 2023, art. 3; Ley 51 de 1983; Ley 2578 de 2026)",
        ),
        (
            "2027-12-31 20:00",
            "fr",
            "the contact policy opens on Monday 3 January 2028 at 07:00 (Ley 2300 de 2023, art. 3)",
        ),
        (
            "2035-12-31 20:00",
            "en",
            "it is closed at this hour; no allowed instant is known in the next 400 days "
            "(Ley 2300 de 2023, art. 3)",
        ),
        (
            "2036-01-02 10:00",
            "es",
            "no están cargados los festivos de 2036 "
            "(Ley 2300 de 2023, art. 3; Ley 51 de 1983; Ley 2578 de 2026)",
        ),
        ("2026-08-31 11:00", "es", "la política de contacto lo permite"),
    ],
)
def test_verdicts_in_words(asked: str, locale: str, text: str) -> None:
    assert explain(ask(CO, local(asked)), locale) == text


def test_a_minute_that_has_not_come_is_never_told() -> None:
    history = (contact("sms", local("2026-08-25 09:00") + timedelta(seconds=30)),)
    verdict = ask(CO, local("2026-08-26 09:00"), "email", contacts=history)
    assert explain(verdict, "en") == (
        "another channel has been used in the same week (sms); "
        "the contact policy opens on Tuesday 1 September at 09:01 (Ley 2300 de 2023, art. 3)"
    )


def test_every_reason_has_a_text_in_every_language() -> None:
    reasons = set(Deny.__annotations__["reason"].__args__)
    for language, texts in TEXTS.items():
        assert reasons <= set(texts), language
    assert set(TEXTS["es"]) == set(TEXTS["en"])


# --- properties, with an oracle ------------------------------------------------------------------
#
# The oracle asks one instant at a time, with nothing but zoneinfo and the words of the rules. All
# instants, windows and offsets are multiples of five minutes, so a scan by five minutes sees every
# change there is.

FIVE = timedelta(minutes=5)
ZONES = (BOGOTA, NEW_YORK, "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago", "UTC")
CHANNELS = ("email", "sms", "voice")
SPRING = datetime(2026, 2, 20, tzinfo=UTC)


ANSWERS = ("reply_to_inbound", "transaction_confirmation")


def exempted(layer: Layer, kind: str, channel: str, facts: Facts, at: datetime) -> set[str]:
    skips: set[str] = set()
    for exemption in layer.exempt:
        asked = [
            at - request.at
            for request in facts.requests
            if request.asks == exemption.after
            and (request.channel == channel or not exemption.same_channel)
        ]
        hours = timedelta(hours=exemption.within_h or 10**6)
        held = not exemption.after or [age for age in asked if age < hours]
        if kind in exemption.kinds and held:
            skips |= set(exemption.skips)
    return skips


def inside(week: Week, now: datetime) -> bool:
    minute = now.hour * 60 + now.minute
    return any(start <= minute < end for start, end in week[now.weekday()])


def oracle(
    rules: Policy,
    channel: str,
    contacts: Any,
    zones: Any,
    at: datetime,
    kind: str,
    facts: Facts,
) -> bool:
    extra = facts.extra_hours
    if extra and not (
        extra.evidence
        and extra.signed_on > extra.contract_on
        and at.date() > extra.signed_on  # a day later in UTC, so everywhere
    ):
        extra = None
    talks = facts.conversations
    for layer in rules.layers:
        for stops in layer.stops:
            open_now = {s.kind for s in facts.stops if s.until is None or at < s.until}
            if open_now & set(stops.when) and not (stops.only_asking and kind in ANSWERS):
                return False
        skips = exempted(layer, kind, channel, facts, at)
        reached = [c for c in contacts if c.reached]
        attempts = list(contacts)
        if layer.counts and layer.counts.what == "two_way" and talks is not None:
            attempts = reached = [ContactRecord("", talk.channel, talk.at) for talk in talks]
        for zone in zones:
            info = ZoneInfo(zone)
            now = at.astimezone(info)
            today = now.date()
            if facts.hours and kind not in ANSWERS and not inside(facts.hours, now):
                return False
            if layer.windows and "windows" not in skips:
                week = layer.windows.week
                opened = inside(week, now)
                if extra and layer.windows.extra_on_request and week[now.weekday()]:
                    opened = opened or inside(extra.week, now)
                if not opened:
                    return False
            if layer.holidays and "holidays" not in skips:
                calendar = rules.calendars[layer.holidays.calendar]
                if today.year not in calendar.years or today in calendar.days:
                    return False
            if layer.channel_lock and "channel_lock" not in skips:
                lock = layer.channel_lock
                used = {channel}
                for c in attempts if lock.failover_on == "never" else reached:
                    if lock.release_on_request and any(
                        r.asks == "channel" and r.channel == channel and c.at <= r.at
                        for r in facts.requests
                    ):
                        continue
                    if lock.per == "rolling_7d":
                        same_week = at - c.at < timedelta(days=7)
                    else:
                        same_week = (
                            c.at.astimezone(info).isocalendar()[:2] == today.isocalendar()[:2]
                        )
                    if same_week:
                        used.add(c.channel)
                if len(used) > lock.max_distinct:
                    return False
            for cooldown in () if "cooldowns" in skips else layer.cooldowns:
                said = [c.at for c in contacts if c.reached and c.channel in cooldown.after]
                if talks is not None:
                    said = [
                        talk.at
                        for talk in talks
                        if talk.channel in cooldown.after
                        and not (talk.inbound and not cooldown.include_inbound)
                    ]
                if channel in cooldown.block and any(
                    (today - each.astimezone(info).date()).days < cooldown.days for each in said
                ):
                    return False
            for cap in () if "caps" in skips else layer.caps:
                if cap.channels and channel not in cap.channels:
                    continue
                group = [c for c in reached if not cap.channels or c.channel in cap.channels]
                if cap.per == "calendar_day":
                    count = len([c for c in group if c.at.astimezone(info).date() == today])
                else:
                    count = len([c for c in group if at - c.at < timedelta(days=7)])
                if count >= cap.max:
                    return False
                for c in group:
                    if cap.min_gap_h and at - c.at < timedelta(hours=cap.min_gap_h):
                        return False
                    if cap.min_gap_days and (
                        (today - c.at.astimezone(info).date()).days < cap.min_gap_days
                    ):
                        return False
            due_on, first = facts.debt.due_on, facts.debt.first_contact_at
            for gate in layer.gates if facts.message.action else ():
                assert due_on is not None
                month = due_on.month - 1 + gate.max_months
                last = due_on.replace(year=due_on.year + month // 12, month=month % 12 + 1)
                if not due_on + timedelta(days=gate.wait_days) <= today <= last:
                    return False
            for duty in layer.duties if kind not in ANSWERS and first else ():
                assert first is not None
                earliest = min(first.astimezone(ZoneInfo(each)).date() for each in zones)
                if duty.bars_asking and (today - earliest).days > duty.within_days:
                    return False
    return True


fives = st.integers(0, 288).map(lambda n: n * 5)
hours = st.tuples(fives, fives).map(lambda pair: (min(pair), max(pair)))
day_hours = st.lists(hours, max_size=2).map(tuple)
weeks: st.SearchStrategy[Week] = st.one_of(
    st.lists(day_hours, min_size=7, max_size=7).map(tuple),
    st.just(((),) * 2 + (((420, 1135),),) * 4 + ((),)),
    st.just(ALWAYS),
)
groups = st.sampled_from([(), ("voice",), ("email", "sms")])
T = Provenance("t")
booleans = st.booleans()
locks = st.builds(
    ChannelLock,
    st.just(T),
    st.sampled_from(["rolling_7d", "iso_week"]),
    st.integers(1, 2),
    st.sampled_from(["hard_failure", "never"]),
    booleans,
)
caps = st.builds(
    Cap,
    st.just(T),
    st.sampled_from(["calendar_day", "rolling_7d"]),
    st.integers(1, 3),
    groups,
    st.sampled_from([0, 0, 20, 48]),
    st.sampled_from([0, 0, 2]),
)
cooldowns = st.builds(
    Cooldown,
    st.just(T),
    st.sampled_from([("voice",), ("email", "voice")]),
    st.integers(1, 8),
    st.sampled_from([("voice",), ("sms", "voice")]),
    booleans,
)
exemptions = st.builds(
    Exemption,
    st.just(T),
    st.just(ANSWERS),
    st.sampled_from([("windows", "caps"), ("holidays", "channel_lock", "cooldowns"), LIMITS]),
    st.sampled_from(["", "answer"]),
    st.sampled_from([0, 12, 48]),
    booleans,
)
stop_rules = st.builds(
    Stops, st.just(T), st.sampled_from([("paid",), ("paid", "breathing_space")]), booleans
)
gates = st.builds(
    Gate,
    st.just(T),
    st.just("charge_fee"),
    wait_days=st.integers(0, 40),
    wait_after=st.just("due_date"),
    max_months=st.integers(1, 2),
)
duties = st.builds(
    Duty, st.just(T), st.just("validation_notice"), st.integers(1, 9), st.just("first_contact"),
    booleans,
)  # fmt: skip
some_layers = st.builds(
    Layer,
    st.just("test"),
    st.just("country"),
    recipients=st.just(ANYBODY),
    windows=st.none() | st.builds(Windows, st.just(T), weeks, booleans),
    holidays=st.none() | st.just(Holidays(T, "T")),
    channel_lock=st.none() | locks,
    caps=st.lists(caps, max_size=2).map(tuple),
    exempt=st.lists(exemptions, max_size=1).map(tuple),
    stops=st.lists(stop_rules, max_size=1).map(tuple),
    counts=st.none() | st.builds(Counts, st.just(T), st.sampled_from(["attempt", "two_way"])),
    cooldowns=st.lists(cooldowns, max_size=1).map(tuple),
    gates=st.lists(gates, min_size=1, max_size=2).map(tuple),
    duties=st.lists(duties, max_size=1).map(tuple),
)
# Twelve days at random of the weeks around two changes of the clocks.
calendars = st.lists(st.integers(0, 60), max_size=12).map(
    lambda days: Calendar(
        "T", (2026,), tuple(sorted({SPRING.date() + timedelta(days=d) for d in days}))
    )
)
policies = st.builds(
    lambda some, calendar: Policy(tuple(some), {"T": calendar}),
    st.lists(some_layers, min_size=1, max_size=2),
    calendars,
)
instants = st.integers(0, 45 * 288).map(lambda n: SPRING + n * FIVE)
histories = st.lists(
    st.builds(
        ContactRecord,
        st.just("m"),
        st.sampled_from(CHANNELS),
        instants,
        reached=st.sampled_from([True, True, False]),
    ),
    max_size=4,
).map(tuple)
zone_sets = st.lists(st.sampled_from(ZONES), min_size=1, max_size=2, unique=True).map(tuple)
days = st.integers(-20, 45).map(lambda n: SPRING.date() + timedelta(days=n))
all_facts = st.builds(
    Facts,
    stops=st.lists(
        st.builds(Stop, st.sampled_from(["paid", "breathing_space"]), st.none() | instants),
        max_size=2,
    ).map(tuple),
    conversations=st.none()
    | st.lists(
        st.builds(Conversation, instants, st.sampled_from(CHANNELS), booleans), max_size=2
    ).map(tuple),
    requests=st.lists(
        st.builds(
            Request, instants, st.sampled_from(CHANNELS), st.sampled_from(["answer", "channel"])
        ),
        max_size=2,
    ).map(tuple),
    hours=st.none() | weeks,
    extra_hours=st.none()
    | st.builds(ExtraHours, weeks, days, days, st.sampled_from(["letter", ""])),
    debt=st.builds(
        Debt,
        due_on=days.filter(lambda day: day.day <= 28),
        first_contact_at=st.none() | instants,
    ),
    message=st.builds(Message, action=st.sampled_from(["", "charge_fee"])),
)
kinds = st.sampled_from(["collection", *ANSWERS])


def known_by(facts: Facts, at: datetime) -> Facts:
    """Nobody can have asked for anything later than now."""
    return msgspec.structs.replace(
        facts, requests=tuple(each for each in facts.requests if each.at <= at)
    )


@settings(max_examples=250, deadline=None)
@given(
    policies,
    st.sampled_from(CHANNELS),
    histories,
    zone_sets,
    instants,
    kinds,
    st.just(Facts()) | all_facts,
)
def test_a_verdict_agrees_with_the_oracle_and_the_next_instant_is_the_first_that_is_allowed(
    rules: Policy, channel: str, history: Any, zones: Any, at: datetime, kind: str, facts: Facts
) -> None:
    facts = known_by(facts, at)
    more: dict[str, Any] = {"contacts": history, "zones": zones, "kind": kind, "facts": facts}
    verdict = ask(rules, at, channel, **more)

    assert isinstance(verdict, Allow) == oracle(rules, channel, history, zones, at, kind, facts)
    if isinstance(verdict, Deny):
        last = verdict.next_allowed_at
        if last is not None:
            assert last > at
            assert oracle(rules, channel, history, zones, last, kind, facts)
            assert ask(rules, last, channel, **more) == Allow()
        elif verdict.reason not in PASSING and verdict.reason != "stopped":
            return  # it is for somebody to mend, and time alone is not told
        # Never later than the first allowed instant; twelve days see all but rare ones.
        until = min(last or at + timedelta(days=12), at + timedelta(days=12))
        moment = at
        while moment < until:
            assert not oracle(rules, channel, history, zones, moment, kind, facts)
            moment += FIVE


@settings(max_examples=300)
@given(
    some_layers, some_layers, calendars, st.sampled_from(CHANNELS), histories, zone_sets, instants,
    kinds, all_facts,
)  # fmt: skip
def test_a_further_layer_never_allows_what_was_refused(
    one: Layer,
    other: Layer,
    calendar: Calendar,
    channel: str,
    history: Any,
    zones: Any,
    at: datetime,
    kind: str,
    facts: Facts,
) -> None:
    """So a house policy, whatever it says, can only tighten the law."""
    more: dict[str, Any] = {"contacts": history, "zones": zones, "kind": kind, "facts": facts}
    house = msgspec.structs.replace(other, policy="mine", level="house")
    alone = ask(Policy((one,), {"T": calendar}), at, channel, **more)
    both = ask(Policy((one, house), {"T": calendar}), at, channel, **more)
    if isinstance(alone, Deny):
        later = refused(both).next_allowed_at
        if later is not None:
            assert alone.next_allowed_at is not None
            assert later >= alone.next_allowed_at


offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    st.sampled_from([CO, HOUSE, Policy()]),
    st.text(max_size=8) | st.sampled_from(CHANNELS),
    st.text(max_size=8) | st.just("debtor"),
    st.lists(st.text(max_size=12) | st.sampled_from(ZONES), max_size=3),
    st.datetimes() | st.datetimes(timezones=st.just(UTC) | offsets),
    st.lists(st.datetimes() | st.datetimes(timezones=offsets), max_size=2),
    st.text(max_size=5),
    st.none() | all_facts,
)
def test_any_input_gets_a_verdict(
    rules: Policy,
    channel: str,
    role: str,
    zones: list[str],
    at: datetime,
    contacts: list[datetime],
    region: str,
    facts: Facts | None,
) -> None:
    history = [ContactRecord("m", channel, each) for each in contacts]
    more: dict[str, Any] = {"contacts": history, "region": region, "facts": facts}
    verdict = ask(rules, at, channel, role=role, zones=zones, **more)
    assert isinstance(verdict, Allow | Deny)
    assert explain(verdict, "es")
    if isinstance(verdict, Deny) and verdict.next_allowed_at is not None:
        assert verdict.next_allowed_at > at


@given(policies, histories, zone_sets, instants)
def test_the_same_question_gets_the_same_answer(
    rules: Policy, history: Any, zones: Any, at: datetime
) -> None:
    fresh = msgspec.json.decode(msgspec.json.encode(rules), type=Policy)
    first = ask(rules, at, contacts=history, zones=zones)
    assert ask(rules, at, contacts=history, zones=zones) == first
    assert ask(fresh, at, contacts=tuple(reversed(history)), zones=zones) == first
