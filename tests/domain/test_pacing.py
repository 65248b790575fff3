"""Pacing: ten thousand that come due at once leave over the hours in which they may, and caps count
every message."""

from collections import Counter as Count
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalon.domain.contact.pacing import (
    ANY,
    Buckets,
    Cap,
    Quota,
    closes_at,
    counters,
    done_by,
    interval,
    turns,
)

SEVEN = datetime(2026, 9, 7, 12, 0, tzinfo=UTC)  # 07:00 in Bogotá
CLOSES = SEVEN + timedelta(hours=12)
BOGOTA = "America/Bogota"


def quota(per_second: int = 14, per_day: int = 50_000, used: int = 0) -> Quota:
    return Quota("email", per_second * 1000, per_day, used, SEVEN)


# -------------------------------------------------------------------------------- the interval


@pytest.mark.parametrize(
    ("caps", "carrier", "seconds"),
    [
        ((), None, 0.0),
        ((Cap("email", per_hour=3600),), None, 1.0),
        ((Cap("email", per_hour=3600), Cap(per_hour=1800)), None, 2.0),
        ((Cap("sms", per_hour=10),), None, 0.0),
        ((Cap("email", "andina", per_hour=10),), None, 0.0),  # of the creditor's own line
        ((Cap("email", per_day=43_200),), None, 1.0),  # spread over the twelve hours that are left
        ((), quota(per_second=10, per_day=0), 1 / 9),  # nine tenths of the rate are planned for
        ((), quota(per_second=100, per_day=48_000), 1.0),  # and of the quota
        ((), quota(per_second=100, per_day=96_000, used=43_200), 1.0),
        ((), quota(per_second=100, per_day=100, used=5_000), 43_200.0),  # nothing of it is left
    ],
)
def test_the_slowest_of_cap_rate_and_quota_sets_the_pace(
    caps: tuple[Cap, ...], carrier: Quota | None, seconds: float
) -> None:
    found = interval(caps, carrier, channel="email", creditor="", rest=CLOSES - SEVEN)
    assert found.total_seconds() == pytest.approx(seconds, abs=1e-5)


def test_a_creditors_cap_sets_its_own_line_only() -> None:
    caps = (Cap("email", "andina", per_hour=60), Cap("email", per_hour=3600))
    own = interval(caps, quota(), channel="email", creditor="andina", rest=CLOSES - SEVEN)
    assert own == timedelta(minutes=1)
    other = interval(caps, quota(), channel="email", creditor="norte", rest=CLOSES - SEVEN)
    assert other == timedelta()


# ------------------------------------------------------------------------------------ the turns


def test_ten_thousand_due_at_seven_leave_within_the_quota_and_before_the_window_closes() -> None:
    span = interval((), quota(), channel="email", creditor="", rest=CLOSES - SEVEN)
    buckets, given_turns = Buckets("email"), []
    for _ in range(40):  # forty pages of 250, by whichever shard
        found, buckets = turns(buckets, ["andina"] * 250, {ANY: span}, SEVEN, CLOSES)
        given_turns.extend(found)
    assert len(given_turns) == 10_000
    assert given_turns == sorted(given_turns)
    assert given_turns[0] == SEVEN
    assert given_turns[-1] < CLOSES
    per_minute = Count(int((turn - SEVEN).total_seconds()) // 60 for turn in given_turns)
    assert max(per_minute.values()) <= 63  # 45,000 in twelve hours: one every 0.96 s
    assert given_turns[-1] - SEVEN == pytest.approx(
        timedelta(hours=2, minutes=40), abs=timedelta(seconds=1)
    )


def test_who_comes_later_stands_behind_and_an_idle_line_gives_no_burst() -> None:
    second = timedelta(seconds=1)
    first, buckets = turns(Buckets("email"), ["a"] * 10, {ANY: second}, SEVEN, CLOSES)
    assert first == tuple(SEVEN + number * second for number in range(10))
    behind, buckets = turns(buckets, ["b"], {ANY: second}, SEVEN + 3 * second, CLOSES)
    assert behind == (SEVEN + 10 * second,)
    idle = SEVEN + timedelta(hours=1)
    after, _ = turns(buckets, ["c"] * 3, {ANY: second}, idle, CLOSES)
    assert after == (idle, idle + second, idle + 2 * second)


def test_a_slow_creditor_holds_up_nobody() -> None:
    second = timedelta(seconds=1)
    spans = {ANY: second, "slow": timedelta(minutes=1)}
    found, buckets = turns(Buckets("email"), ["slow"] * 100, spans, SEVEN, CLOSES)
    assert found[-1] == SEVEN + timedelta(minutes=99)
    others, _ = turns(buckets, ["quick"] * 3, spans, SEVEN, CLOSES)
    assert others == tuple(SEVEN + number * second for number in (1, 2, 3))


def test_a_turn_after_the_window_has_closed_moves_no_line() -> None:
    spans = {ANY: timedelta(hours=4), "slow": timedelta(hours=5)}
    found, buckets = turns(Buckets("email"), ["slow"] * 9, spans, SEVEN, CLOSES)
    assert found == (SEVEN, SEVEN + timedelta(hours=5), SEVEN + timedelta(hours=10)) + 6 * (
        SEVEN + timedelta(hours=15),
    )
    assert buckets.next_at == {
        ANY: SEVEN + timedelta(hours=4),
        "slow": SEVEN + timedelta(hours=15),
    }
    found, buckets = turns(buckets, ["b"] * 9, spans, SEVEN, CLOSES)
    assert found == (SEVEN + timedelta(hours=4), SEVEN + timedelta(hours=8)) + 7 * (CLOSES,)
    assert buckets.next_at[ANY] == CLOSES


def test_a_line_that_has_run_away_is_taken_back_to_the_end_of_the_window() -> None:
    away = Buckets("email", {ANY: SEVEN + timedelta(days=40), "slow": SEVEN + timedelta(days=9)})
    spans = {ANY: timedelta(hours=1), "slow": timedelta(hours=2)}
    found, healed = turns(away, ["slow", "b"], spans, SEVEN, CLOSES)
    assert found == (CLOSES, CLOSES)
    assert healed.next_at == {ANY: CLOSES, "slow": CLOSES}
    day = timedelta(days=1)
    found, _ = turns(healed, ["slow", "b"], spans, SEVEN + day, CLOSES + day)
    assert found == (SEVEN + day, SEVEN + day + timedelta(hours=1))


def test_a_window_that_closes_early_does_not_shorten_the_line_of_another() -> None:
    spans = {ANY: timedelta(hours=1)}
    _, buckets = turns(Buckets("email"), ["a"] * 11, spans, SEVEN, CLOSES)
    early = SEVEN + timedelta(hours=6)
    found, buckets = turns(buckets, ["a"], spans, SEVEN, early)
    assert found[0] >= early
    found, _ = turns(buckets, ["a"], spans, SEVEN, CLOSES)
    assert found == (SEVEN + timedelta(hours=11),)


@settings(max_examples=60, deadline=None)
@given(
    pages=st.lists(
        st.tuples(
            st.integers(0, 600), st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=30)
        ),
        min_size=1,
        max_size=8,
    ),
    line=st.integers(0, 20),
    own=st.integers(1, 60),
)
def test_no_line_is_ever_quicker_than_its_interval(
    pages: list[tuple[int, list[str]]], line: int, own: int
) -> None:
    spans = {"a": timedelta(seconds=own)}
    if line:
        spans[ANY] = timedelta(seconds=line)
    buckets, now = Buckets("email"), SEVEN
    of_a: list[datetime] = []
    of_others: list[datetime] = []
    for passed, creditors in pages:
        now += timedelta(seconds=passed)
        found, buckets = turns(buckets, creditors, spans, now, CLOSES)
        assert all(turn >= now for turn in found)
        for creditor, turn in zip(creditors, found, strict=True):
            (of_a if creditor == "a" else of_others).append(turn)
    gaps = [b - a for a, b in pairwise(of_a)]
    assert all(gap >= timedelta(seconds=own) for gap in gaps)
    gaps = [b - a for a, b in pairwise(of_others)]
    assert all(gap >= timedelta(seconds=line) for gap in gaps)


def test_when_all_that_waits_will_have_gone() -> None:
    second = timedelta(seconds=1)
    assert done_by(None, 0, second, SEVEN) is None
    assert done_by(None, 60, second, SEVEN) == SEVEN + timedelta(minutes=1)
    line = Buckets("email", {ANY: SEVEN + timedelta(hours=2)})
    assert done_by(line, 60, second, SEVEN) == SEVEN + timedelta(hours=2)
    assert done_by(line, 0, second, SEVEN + timedelta(hours=3)) is None


def test_the_window_closes_when_a_contact_is_not_allowed_any_more() -> None:
    assert closes_at(lambda at: at < CLOSES, SEVEN) == CLOSES
    assert closes_at(lambda _: False, SEVEN) == SEVEN + timedelta(minutes=15)
    assert closes_at(lambda _: True, SEVEN) - SEVEN <= timedelta(hours=24, minutes=15)


# --------------------------------------------------------------------------------- the counters


def test_a_message_passes_the_counters_of_every_cap_that_binds_it() -> None:
    caps = (
        Cap("email", per_hour=100, per_day=1_000),
        Cap("sms", per_hour=5),
        Cap(creditor="andina", per_day=300),
        Cap(per_run=50),
    )
    now = datetime(2026, 9, 8, 3, 30, tzinfo=UTC)  # the evening before in Bogotá
    found = counters(
        caps,
        channel="email",
        creditor="andina",
        run_id="2026-09-08T03:30:00Z",
        now=now,
        zone=BOGOTA,
    )
    assert [(c.cap, c.period, c.begins, c.most) for c in found] == [
        ("email|*", "hour", "2026-09-08T03", 100),
        ("email|*", "day", "2026-09-07", 1_000),
        ("*|andina", "day", "2026-09-07", 300),
        ("*|*", "run", "2026-09-08T03:30:00Z", 50),
    ]
    assert found[0].until == datetime(2026, 9, 8, 4, 0, tzinfo=UTC)
    assert found[1].until == datetime(2026, 9, 8, 5, 0, tzinfo=UTC)  # midnight in Bogotá
