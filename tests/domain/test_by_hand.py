"""Calls, letters and conversations are contacts of the person like any message: caps, gaps and
locks see them (Ley 2300/2023 art. 3; Ley 21.320; 12 CFR 1006.14(b))."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Channel, ContactPoint, ContactRecord
from escalon.domain.contact.facts import Conversation
from escalon.domain.contact.policy import Deny
from escalon.domain.contact.told import may_contact
from escalon.domain.decisions.by_hand import spoke, tried
from tests.domain.debts import account, receivable
from tests.rules.books import PROVEN, shipped


def utc(month: int, day: int, hour: int) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def somebody(country: str, zone: str, **more: object) -> Account:
    points = tuple(
        ContactPoint(channel, channel, "x", PROVEN)
        for channel in ("email", "sms", "voice", "letter")
    )
    who = account(receivable(), country=country, zones=(zone,), region="RM", points=points)
    return replace(who, **more)  # type: ignore[arg-type]


def refused(who: Account, channel: Channel, at: datetime) -> str:
    """By which rule; empty if it may be made."""
    point = next(point for point in who.points if point.channel == channel)
    verdict = may_contact(who, shipped(), channel=channel, point=point, kind="collection", at=at)
    return verdict.rule if isinstance(verdict, Deny) else ""


def test_after_a_call_in_colombia_nothing_goes_that_day_and_nothing_else_that_week() -> None:
    """Answered or not: the call itself is the contact."""
    plain = somebody("CO", "America/Bogota")
    called_at = utc(8, 25, 14)
    for who in (
        spoke(plain, Conversation(called_at), "t1"),
        tried(plain, ContactRecord("t1", "voice", called_at)),
    ):
        assert refused(plain, "email", utc(8, 25, 20)) == ""
        assert refused(who, "voice", utc(8, 25, 20)).startswith("co.caps")
        assert refused(who, "email", utc(8, 25, 20)) == "co.channel_lock"
        assert refused(who, "sms", utc(8, 27, 20)) == "co.channel_lock"
        assert refused(who, "voice", utc(8, 26, 20)) == ""
        assert refused(who, "sms", utc(9, 1, 20)) == ""


def test_a_call_of_theirs_is_no_contact_of_ours() -> None:
    who = spoke(somebody("CO", "America/Bogota"), Conversation(utc(8, 25, 14), inbound=True), "t1")
    assert who.contacts == ()
    assert refused(who, "email", utc(8, 25, 20)) == ""


def test_chile_has_one_call_a_week() -> None:
    who = somebody("CL", "America/Santiago")
    assert refused(who, "voice", utc(8, 26, 15)) == ""
    who = tried(who, ContactRecord("t1", "voice", utc(8, 24, 14)))
    assert refused(who, "voice", utc(8, 26, 15)).startswith("cl.caps")


def test_seven_calls_in_seven_days_are_all_that_the_united_states_let() -> None:
    """12 CFR 1006.14(b)(2)(i)(A): placed, answered or not; and none for seven days after one that
    was a conversation."""
    who = somebody("US", "America/New_York")
    for number in range(7):
        assert refused(who, "voice", utc(8, 20, 15)) == ""
        at = utc(8, 17, 14) + timedelta(hours=number)
        who = tried(who, ContactRecord(f"t{number}", "voice", at))
    assert refused(who, "voice", utc(8, 20, 15)) == "us.caps[0]"
    assert refused(who, "voice", utc(8, 24, 21)) == ""
    who = spoke(who, Conversation(utc(8, 24, 21)), "t9")
    assert refused(who, "voice", utc(8, 28, 21)) == "us.cooldowns[0]"


def test_a_conversation_that_is_noted_wipes_out_no_call_that_may_have_been_one() -> None:
    """Until conversations are kept, any call may have been one."""
    before = somebody(
        "US", "America/New_York", contacts=(ContactRecord("m", "voice", utc(8, 24, 15)),)
    )
    assert refused(before, "voice", utc(8, 27, 15)).startswith("us.cooldowns")
    after = spoke(before, Conversation(utc(8, 26, 15), "whatsapp", inbound=True), "t1")
    assert refused(after, "voice", utc(8, 27, 15)).startswith("us.cooldowns")
    assert after.conversations == (
        Conversation(utc(8, 24, 15)),
        Conversation(utc(8, 26, 15), "whatsapp", inbound=True),
    )


def test_a_call_that_is_known_to_be_unanswered_was_no_conversation() -> None:
    who = somebody("US", "America/New_York")
    who = tried(who, ContactRecord("t1", "voice", utc(8, 24, 15)))
    assert who.conversations == ()
    assert refused(who, "voice", utc(8, 25, 15)) == ""


contacts = st.builds(
    ContactRecord,
    st.sampled_from(["m1", "m2", "m3"]),
    st.sampled_from(["email", "sms", "voice"]),
    st.integers(0, 6 * 24).map(lambda hours: utc(8, 20, 0) + timedelta(hours=hours)),
)


@given(
    st.lists(contacts, max_size=4),
    st.booleans(),
    st.integers(0, 23).map(lambda hour: utc(8, 26, hour)),
    st.sampled_from(["CO", "CL", "US", "MX", "GB"]),
    st.sampled_from(["email", "sms", "voice", "letter"]),
    st.integers(0, 9 * 24),
)
def test_noting_something_never_opens_what_was_closed(
    made: list[ContactRecord],
    inbound: bool,
    at: datetime,
    country: str,
    channel: Channel,
    later: int,
) -> None:
    who = somebody(country, "UTC", contacts=tuple(made))
    after = spoke(who, Conversation(at, "voice", inbound), "noted")
    asked_at = at + timedelta(hours=later)
    if refused(who, channel, asked_at):
        assert refused(after, channel, asked_at) != ""
