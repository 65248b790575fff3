"""What holds for every country that is built in, whatever its law says in particular."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Consent, ContactPoint, ContactRecord
from escalon.domain.calendar import Week
from escalon.domain.contact.content import content_of, read_along, said
from escalon.domain.contact.facts import Debt, Request, Stop
from escalon.domain.contact.policy import (
    LIMITS,
    Allow,
    Cap,
    ChannelLock,
    Channels,
    Deny,
    Exemption,
    Facts,
    Layer,
    OwedNotice,
    Policy,
    Provenance,
    Recipients,
    Stops,
    Verdict,
    Windows,
    evaluate,
    known_through,
    notices_owed,
)
from escalon.domain.contact.rules import ANSWER_KINDS
from escalon.domain.rules.rulebook import Creditor
from escalon.messages.code import code_email, code_sms
from tests.contact_law.table import policy_of

COUNTRIES = ["BR", "CL", "CO", "ES", "GB", "MX", "PE", "US"]
GIVEN = Consent(date(2026, 7, 1), "form 7")
MINE = Provenance("mine", "house rule")


def ask(country: str, at: datetime, channel: str = "email", **more: Any) -> Verdict:
    return ask_of(policy_of(country), at, channel, **more)


def ask_of(rules: Policy, at: datetime, channel: str, **more: Any) -> Verdict:
    point = ContactPoint("p", channel, "made-up", more.pop("consent", GIVEN))  # type: ignore[arg-type]
    asked = {"point": point, "role": "debtor", "contacts": (), "zones": ()} | more
    return evaluate(rules, channel=channel, at=at, **asked)


def refusal(verdict: Verdict) -> str:
    return verdict.reason if isinstance(verdict, Deny) else "allow"


# An hour of an ordinary Wednesday at which the country is open whatever the region.
OPEN = {
    "BR": datetime(2026, 8, 26, 19, tzinfo=UTC),
    "CL": datetime(2026, 8, 26, 19, tzinfo=UTC),
    "CO": datetime(2026, 8, 26, 19, tzinfo=UTC),
    "ES": datetime(2026, 8, 26, 10, tzinfo=UTC),
    "GB": datetime(2026, 8, 26, 10, tzinfo=UTC),
    "MX": datetime(2026, 8, 26, 19, tzinfo=UTC),
    "PE": datetime(2026, 8, 26, 19, tzinfo=UTC),
    "US": datetime(2026, 8, 26, 23, tzinfo=UTC),
}
NIGHT = datetime(2026, 8, 23, 3, tzinfo=UTC)  # Saturday or Sunday, and no hour to write


@pytest.mark.parametrize("country", COUNTRIES)
def test_an_ordinary_hour_is_open_and_the_night_of_a_weekend_is_not(country: str) -> None:
    assert ask(country, OPEN[country]) == Allow()
    assert refusal(ask(country, NIGHT)) == "window_closed"


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize(
    "role", ["reference", "family", "employer", "coworker", "neighbour", "minor", "group_chat"]
)
def test_nobody_is_told_who_does_not_owe(country: str, role: str) -> None:
    for kind in ("collection", *ANSWER_KINDS):
        verdict = ask(country, OPEN[country], role=role, kind=kind)
        assert refusal(verdict) == "recipient_not_allowed"


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("kind", ["transaction_confirmation", "access_code", "fraud_alert"])
def test_receipts_codes_and_warnings_pass_limits_and_nothing_else(country: str, kind: str) -> None:
    day = NIGHT + timedelta(minutes=-5)
    history = tuple(ContactRecord("m", channel, day) for channel in ("email", "sms", "voice"))

    def answer(**more: Any) -> str:
        return refusal(ask(country, NIGHT, kind=kind, contacts=history, **more))

    assert answer() == "allow"
    assert answer(facts=Facts(stops=(Stop("paid"), Stop("dispute_open")))) == "allow"
    for stop in ("wrong_person", "deceased", "identity_doubt", "legal_hold"):
        assert answer(facts=Facts(stops=(Stop(stop),))) == "stopped"
    assert answer(consent=replace(GIVEN, revoked_at=NIGHT)) == "consent_revoked"
    assert answer(facts=Facts(refused_channels=("email",))) == "channel_refused"


@pytest.mark.parametrize("country", COUNTRIES)
def test_what_is_paid_or_disputed_is_not_asked_for_and_what_was_asked_is_answered(
    country: str,
) -> None:
    at = OPEN[country]
    for stop in ("paid", "dispute_open"):
        stopped = Facts(stops=(Stop(stop),), requests=(Request(at, "email"),))
        assert refusal(ask(country, at, facts=stopped)) == "stopped"
        assert refusal(ask(country, at, facts=stopped, kind="statutory_notice")) == "stopped"
        assert ask(country, at, facts=stopped, kind="reply_to_inbound") == Allow()
        asked = replace(stopped, requests=(Request(NIGHT, "email"),))
        assert ask(country, NIGHT, facts=asked, kind="requested_information") == Allow()


@pytest.mark.parametrize("country", COUNTRIES)
def test_l12_a_second_contact_of_a_day_waits_whatever_it_is_about(country: str) -> None:
    at = OPEN[country]
    earlier = (ContactRecord("m", "email", at - timedelta(minutes=30), creditor="another"),)
    assert refusal(ask(country, at, contacts=earlier)) in ("cap_reached", "min_gap")
    # A co-debtor or guarantor has contacts of their own.
    roles = policy_of(country).layers[1].recipients
    assert roles is not None
    for role in ("codebtor", "guarantor"):
        if role in (roles.allow or ()):
            assert ask(country, at, role=role) == Allow()


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_holidays_are_known_for_two_years_and_then_nobody_is_contacted(country: str) -> None:
    rules = policy_of(country)
    end = known_through(rules)
    assert end is not None
    assert end >= date(2028, 12, 31)
    after = datetime(end.year + 1, 1, 8, 15, tzinfo=UTC)
    assert refusal(ask(country, after, consent=replace(GIVEN, granted_on=end))) == (
        "holiday_year_missing"
    )


ZONES = [
    (country, zone)
    for country in COUNTRIES
    for layer in policy_of(country).layers
    if layer.zones is not None
    for zone in layer.zones.zones
]


@pytest.mark.parametrize(("country", "zone"), ZONES)
def test_l18_on_every_day_of_2026_it_opens_by_the_clock_on_the_wall(
    country: str, zone: str
) -> None:
    """Midnights, month ends and both changes of the clocks included."""
    windows = policy_of(country).layers[1].windows
    assert windows is not None
    midnight = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone))
    for day in range(365):
        at = (midnight + timedelta(days=day)).astimezone(UTC)
        verdict = ask(country, at, zones=(zone,), consent=Consent(date(2024, 1, 15), "form 7"))
        assert isinstance(verdict, Deny)
        assert verdict.next_allowed_at is not None
        opens = verdict.next_allowed_at.astimezone(ZoneInfo(zone))
        hours = windows.week[opens.weekday()]
        assert [opens.hour * 60 + opens.minute] == [start for start, _ in hours]
        assert opens - at < timedelta(days=8)


@pytest.mark.parametrize("country", ["BR", "CL", "ES"])
def test_regions_with_holidays_of_their_own_are_those_with_zones(country: str) -> None:
    rules = policy_of(country)
    places = rules.layers[1].zones
    assert places is not None
    placed = {region for regions in places.zones.values() for region in regions}
    assert placed == set(rules.calendars[country].regions)


def test_the_zones_of_mexico_and_the_united_states_leave_no_state_out() -> None:
    def placed(country: str) -> set[str]:
        places = policy_of(country).layers[1].zones
        assert places is not None
        return {region for regions in places.zones.values() for region in regions}

    assert len(placed("MX")) == 32
    assert len(placed("US")) == 50 + 1 + 5  # the District of Columbia, and the territories


def test_statutory_notices_are_owed_by_their_day() -> None:
    at = datetime(2026, 8, 10, 12, tzinfo=UTC)
    debt = Debt(due_on=date(2026, 8, 1), first_contact_at=datetime(2026, 8, 7, 15, tzinfo=UTC))

    def owed(country: str) -> tuple[OwedNotice, ...]:
        return notices_owed(policy_of(country), facts=Facts(debt=debt), zones=(), at=at)

    (useful,) = owed("CL")
    assert (useful.rule, useful.notice, useful.by) == (
        "cl.duties[0]", "useful_notice", date(2026, 8, 16),
    )  # fmt: skip
    (validation,) = owed("US")
    assert (validation.rule, validation.notice, validation.by) == (
        "us.duties[0]", "validation_notice", date(2026, 8, 12),
    )  # fmt: skip
    assert owed("CO") == ()


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_message_that_asks_names_the_creditor_and_never_threatens(country: str) -> None:
    wanted = content_of(
        policy_of(country).layers, channel="email", kind="collection", first=True,
        on=date(2026, 8, 26),
    )  # fmt: skip
    assert {"creditor_name", "amount_breakdown"} <= set(wanted.require)
    assert {"threat", "jail", "fake_court_document", "third_party_disclosure"} <= set(wanted.forbid)
    receipt = content_of(
        policy_of(country).layers, channel="email", kind="transaction_confirmation", first=False,
        on=date(2026, 8, 26),
    )  # fmt: skip
    assert "how_to_dispute" not in receipt.require
    assert "threat" in receipt.forbid


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize(
    ("language", "long", "short"),
    [
        ("es", "Este mensaje es automático.", "Mensaje automático."),
        ("en", "This message is automatic.", "Automatic message."),
    ],
)
def test_a_one_time_code_shows_all_that_a_country_wants_of_one(
    country: str, language: str, long: str, short: str
) -> None:
    """Its words are the product's own, so no check of a rulebook looks at them."""
    layers, day = policy_of(country).layers, date(2026, 11, 23)
    for channel in ("email", "sms"):
        wanted = content_of(layers, channel=channel, kind="access_code", first=False, on=day)
        assert set(wanted.require) <= {"automated_agent_notice"}
        said_of_it = said(
            layers, channel=channel, kind="access_code", first=False, on=day, language=language
        )
        assert said_of_it == {}
    creditor = Creditor("andina", "Almacenes Andina", "Andina SA", "1", country, "", "", "")
    mail = code_email("123456", creditor, language, 10)
    assert mail.text.rstrip().endswith(long)
    assert f">{long}</p>" in mail.html
    sms = code_sms("123456", creditor, language, 10)
    assert sms.segments == 1
    assert sms.text.endswith(short.replace("á", "a"))


def test_united_states_a_way_out_stands_in_all_that_tells_of_a_debt() -> None:
    """12 CFR 1006.6(e) is about communications, which tell of a debt (1006.2(d))."""
    kinds = ("collection", "statutory_notice", "agreed_call", *sorted(ANSWER_KINDS))
    bound = {
        kind
        for kind in kinds
        for channel in ("email", "sms", "whatsapp")
        if "change_channel_or_stop"
        in content_of(
            policy_of("US").layers, channel=channel, kind=kind, first=False, on=date(2026, 11, 23)
        ).require
    }
    assert set(kinds) - bound == {"access_code", "fraud_alert"}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "Cobranza"), ("es", "proceso jurídico"), ("es", "en mora"), ("es", "$1.000"),
        ("en", "Past due notice"), ("en", "debt"), ("en", "you owe"), ("en", "£40"),
        ("pt", "Sua dívida"), ("pt", "SERASA"), ("pt", "R$ 40"), ("fr", "Votre compte"),
    ],
)  # fmt: skip
def test_a_locked_screen_says_nothing_of_a_debt(language: str, text: str) -> None:
    preview = policy_of("CO").layers[0].preview
    assert preview is not None
    for place in ("subject", "preheader", "sender", "sms_start", "push", "whatsapp_header"):
        assert read_along(preview, place, text, language)
    assert read_along(preview, "subject", "Información sobre su cuenta con Andina", "es") == ""
    assert read_along(preview, "subject", "About your account with Andina", "en") == ""
    assert read_along(preview, "subject", "Informações sobre a sua conta", "pt") == ""


# --- a house policy only tightens the law --------------------------------------------------------

halves = st.integers(0, 48).map(lambda n: n * 30)
days = st.lists(st.tuples(halves, halves).map(lambda pair: (min(pair), max(pair))), max_size=2).map(
    tuple
)
weeks: st.SearchStrategy[Week] = st.lists(days, min_size=7, max_size=7).map(tuple)
every = st.sampled_from(["email", "sms", "voice", "whatsapp", "letter"])
some = st.lists(every, min_size=1, max_size=3, unique=True).map(tuple)
channel_rules = st.builds(
    Channels, st.just(MINE), st.none() | some, require_consent=st.sampled_from([None, False, True])
)
houses = st.builds(
    Layer,
    st.just("mine"),
    st.just("house"),
    recipients=st.just(Recipients(MINE, allow=("debtor", "reference", "minor"))),
    channels=st.none() | channel_rules,
    windows=st.none() | st.builds(Windows, st.just(MINE), weeks, st.booleans()),
    channel_lock=st.none()
    | st.builds(ChannelLock, st.just(MINE), st.just("iso_week"), st.integers(1, 3)),
    caps=st.lists(
        st.builds(Cap, st.just(MINE), st.just("calendar_day"), st.integers(1, 5)), max_size=1
    ).map(tuple),
    exempt=st.just((Exemption(MINE, ("collection", *ANSWER_KINDS), LIMITS),)),
    stops=st.lists(
        st.builds(Stops, st.just(MINE), st.just(("paid",)), st.booleans(), st.just(("debtor",))),
        max_size=1,
    ).map(tuple),
)  # fmt: skip
instants = st.integers(0, 60 * 48).map(
    lambda n: datetime(2026, 8, 1, tzinfo=UTC) + n * timedelta(minutes=30)
)
histories = st.lists(st.builds(ContactRecord, st.just("m"), every, instants), max_size=3).map(tuple)
consents = st.sampled_from([GIVEN, None, replace(GIVEN, revoked_at=NIGHT)])
stops = st.lists(st.sampled_from(["paid", "deceased", "represented"]), max_size=1).map(
    lambda kinds: Facts(stops=tuple(Stop(kind) for kind in kinds))
)
roles = st.sampled_from(["debtor", "codebtor", "reference", "minor"])
kinds = st.sampled_from(["collection", "transaction_confirmation", "reply_to_inbound"])


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(COUNTRIES), houses, every, instants, histories, consents, stops, roles, kinds
)
def test_whatever_a_house_writes_it_allows_nothing_that_the_law_refuses(
    country: str,
    house: Layer,
    channel: str,
    at: datetime,
    history: Any,
    consent: Consent | None,
    facts: Facts,
    role: str,
    kind: str,
) -> None:
    law = policy_of(country)
    both = Policy((*law.layers, house), law.calendars)
    more = {"contacts": history, "consent": consent, "facts": facts, "role": role, "kind": kind}
    alone, together = ask_of(law, at, channel, **more), ask_of(both, at, channel, **more)
    if isinstance(alone, Deny):
        assert isinstance(together, Deny)
        if together.next_allowed_at is not None:
            assert alone.next_allowed_at is not None
            assert together.next_allowed_at >= alone.next_allowed_at
