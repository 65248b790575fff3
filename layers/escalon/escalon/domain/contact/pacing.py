"""Pacing: how many messages may go at all, and when each of many takes its turn.

Two things that do not trust each other. *Pacing* gives each message of a run its turn, so that ten
thousand which come due at 07:00 leave over the hours in which they may, no faster than the carrier
allows. A *cap* is counted right before a message leaves, by counters that many deliveries share: it
holds whatever pacing, a queue or a person has done before (lesson L8). What waits is never lost.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from escalon.domain.local_time import add_days, local_date, start_of_day

# The schedule's own rhythm, and the longest that SQS hides a new message.
QUEUED_AHEAD = timedelta(minutes=15)
PROBE = timedelta(minutes=15)  # between two looks at whether a contact would still be allowed
LONGEST_WINDOW = timedelta(hours=24)
# Of a carrier's rate and of its quota, so much is planned for: receipts, codes and answers go too.
PLANNED_PERCENT = 90

ANY = "*"

type Period = Literal["run", "hour", "day"]


class Cap(msgspec.Struct, frozen=True, omit_defaults=True):
    """The most messages by a channel and to a creditor's debtors (empty: any) in a run, a clock
    hour and a day of the rulebook's zone; 0 is no limit."""

    channel: str = ""
    creditor: str = ""
    per_run: int = 0
    per_hour: int = 0
    per_day: int = 0
    source: str = ""  # file:line, for explanations

    @property
    def name(self) -> str:
        """How it is called in explanations and counters: `email|andina`, `*|*`."""
        return f"{self.channel or ANY}|{self.creditor or ANY}"

    def binds(self, channel: str, creditor: str) -> bool:
        """Whether it counts such a message."""
        return self.channel in ("", channel) and self.creditor in ("", creditor)


class Counter(msgspec.Struct, frozen=True):
    """One counter that a message has to pass: so many at most, and when the next one begins."""

    cap: str
    period: Period
    begins: str  # what names the period: a run's id, an hour, a day
    most: int
    until: datetime


def counters(
    caps: Iterable[Cap], *, channel: str, creditor: str, run_id: str, now: datetime, zone: str
) -> tuple[Counter, ...]:
    """The counters that a message passes at `now`, the narrowest periods first."""
    found: list[Counter] = []
    for cap in caps:
        if not cap.binds(channel, creditor):
            continue
        if cap.per_run and run_id:
            found.append(Counter(cap.name, "run", run_id, cap.per_run, now + QUEUED_AHEAD))
        if cap.per_hour:
            hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            begins = f"{hour:%Y-%m-%dT%H}"
            found.append(Counter(cap.name, "hour", begins, cap.per_hour, hour + timedelta(hours=1)))
        if cap.per_day:
            day = local_date((zone,), now)
            ends = start_of_day((zone,), add_days(day, 1))
            found.append(Counter(cap.name, "day", day.isoformat(), cap.per_day, ends))
    return tuple(found)


class Quota(msgspec.Struct, frozen=True):
    """What a carrier takes from this AWS account, as it says itself: messages a second, in
    thousandths; in any 24 hours, and how many of those are used. 0 is no limit."""

    channel: str
    per_second_milli: int
    per_day: int
    used: int
    read_at: datetime


def interval(
    caps: Iterable[Cap], quota: Quota | None, *, channel: str, creditor: str, rest: timedelta
) -> timedelta:
    """The time between two messages by this channel: the longest that a cap, the carrier's rate or
    what is left of its quota asks for. What a day may take is spread over `rest`, the time until
    the contact window closes. With a creditor, what its own caps ask for; zero is no limit."""
    spans = [timedelta()]
    for cap in caps:
        if cap.channel not in ("", channel) or cap.creditor != creditor:
            continue
        if cap.per_hour:
            spans.append(timedelta(hours=1) / cap.per_hour)
        if cap.per_day:
            spans.append(rest / cap.per_day)
    if quota is not None and not creditor:
        if quota.per_second_milli:
            rate = quota.per_second_milli * PLANNED_PERCENT
            spans.append(timedelta(seconds=100_000 / rate))
        if quota.per_day:
            left = max(1, quota.per_day * PLANNED_PERCENT // 100 - quota.used)
            spans.append(rest / left)
    return max(spans)


class Buckets(msgspec.Struct, frozen=True, omit_defaults=True):
    """When the next message of a channel may go: of all (`*`), and of each creditor with a cap of
    its own. A token bucket of one token, kept as the instant at which it is full again."""

    channel: str
    next_at: dict[str, datetime] = {}
    version: int = 0


def turns(
    buckets: Buckets,
    creditors: Sequence[str],
    intervals: Mapping[str, timedelta],
    now: datetime,
    closes: datetime,
) -> tuple[tuple[datetime, ...], Buckets]:
    """The turn of each of some messages, by their creditors in order, and the buckets after them.
    `intervals` are those of the channel (`*`) and of creditors with caps of their own.

    Whose turn would come when the contact window has closed (`closes`) gets none and moves no line:
    the next day's begins anew. A line behind the end of any window has run away, and is taken back.

    Turns of one creditor are never nearer than its interval, nor those of the channel's line. Who
    waits in a creditor's own line, which is slower, takes turns between those of the channel's and
    holds up nobody.
    """
    farthest = now + LONGEST_WINDOW + PROBE
    next_at = {name: at if at <= farthest else closes for name, at in buckets.next_at.items()}
    found: list[datetime] = []
    for creditor in creditors:
        own = max(now, next_at.get(creditor, now)) if creditor in intervals else now
        line = max(now, next_at.get(ANY, now))
        turn = max(own, line)
        if turn < closes:
            if own <= line:
                next_at[ANY] = turn + intervals.get(ANY, timedelta())
            if creditor in intervals:
                next_at[creditor] = turn + intervals[creditor]
        found.append(turn)
    return tuple(found), msgspec.structs.replace(buckets, next_at=next_at)


def closes_at(allowed: Callable[[datetime], bool], now: datetime) -> datetime:
    """When the contact window that is open at `now` closes, to a quarter of an hour, a day ahead at
    most; `allowed` tells whether a contact would be lawful at an instant."""
    at = now
    while at - now < LONGEST_WINDOW and allowed(at + PROBE):
        at += PROBE
    return at + PROBE


def done_by(
    buckets: Buckets | None, queued: int, span: timedelta, now: datetime
) -> datetime | None:
    """When all that waits for a channel will have gone, if nothing more comes: what has its turn
    later, and what is on the queue now, one every `span`. None if nothing waits."""
    last = buckets.next_at.get(ANY) if buckets is not None else None
    ends = [now + queued * span] if queued else []
    if last is not None and last > now:
        ends.append(last)
    return max(ends, default=None)
