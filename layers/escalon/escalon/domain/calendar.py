"""Local time as a debtor lives it: zones, weekly windows and days of rest, without a clock.

Instants are aware UTC datetimes; days are proleptic ordinals (`date.toordinal`); minutes are
minutes of the local day, 0 to 1440. A window is open at an instant if the wall clock of the zone
shows a minute inside it, whatever daylight saving does to that day.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

Range = tuple[int, int]  # [from, to) in minutes of the local day
Week = tuple[tuple[Range, ...], ...]  # seven days, Monday first
Run = tuple[datetime, datetime, timedelta]  # [from, to) in UTC with one offset throughout

ALWAYS: Week = (((0, 1440),),) * 7
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

# Zone files that mean another thing on every machine, or no place at all.
_NO_PLACE = ("localtime", "posixrules", "Factory")
_KEPT_DAYS = 4096  # days kept per zone; a sweep looks at a handful


class Calendar(msgspec.Struct, frozen=True, omit_defaults=True):
    """The public holidays of one country as data, for the years that are loaded.

    `regions` lists every region the data distinguishes with the days that only it rests. A debtor
    whose region is not among them rests on all of them, since we cannot tell.
    """

    calendar: str
    years: tuple[int, ...]
    days: tuple[date, ...]
    regions: dict[str, tuple[date, ...]] = {}

    def rest_days(self, region: str) -> frozenset[int]:
        """The ordinals on which a debtor of the region must not be contacted."""
        days = set(self.days)
        if region in self.regions:
            days.update(self.regions[region])
        else:
            for own in self.regions.values():
                days.update(own)
        return frozenset(day.toordinal() for day in days)


class Zone:
    """One time zone of the tz database, with the days computed so far."""

    __slots__ = ("_days", "info", "key")

    def __init__(self, key: str, info: ZoneInfo) -> None:
        self.key = key
        self.info = info
        self._days: dict[int, tuple[Run, ...]] = {}

    def runs(self, ordinal: int) -> tuple[Run, ...]:
        """The stretches of UTC during which the zone's calendar shows this day, in order.

        One for an ordinary day, two or more when the clocks change on it, none when the zone
        skipped the day (Apia, 30 December 2011).
        """
        known = self._days.get(ordinal)
        if known is not None:
            return known
        midnight = datetime.fromordinal(ordinal).replace(tzinfo=UTC)
        found = []
        for start, end, offset in self._stretches(midnight - 16 * HOUR, midnight + 40 * HOUR):
            first, last = max(start, midnight - offset), min(end, midnight + DAY - offset)
            if first < last:
                found.append((first, last, offset))
        if len(self._days) >= _KEPT_DAYS:
            self._days.clear()
        return self._days.setdefault(ordinal, tuple(found))

    def first_instant(self, ordinal: int) -> datetime:
        """When the zone's calendar first shows this day, or the next one that it has."""
        while not (runs := self.runs(ordinal)):
            ordinal += 1
        return runs[0][0]

    def day_end(self, at: datetime) -> datetime:
        """The next instant after `at` at which the zone's calendar shows another day."""
        edge = at
        for start, end, _ in self.runs(at.astimezone(self.info).toordinal()):
            if end > edge:
                if start > edge:
                    break
                edge = end
        return edge

    def _stretches(self, start: datetime, end: datetime) -> Iterator[Run]:
        """Cut [start, end) where the offset from UTC changes. Clocks that change twice within
        eight hours would be missed; no zone has ever done that."""
        while start < end:
            offset = self._offset(start)
            probe = min(start + 8 * HOUR, end)
            while probe < end and self._offset(probe) == offset:
                probe = min(probe + 8 * HOUR, end)
            if self._offset(probe) != offset:
                same, other = max(start, probe - 8 * HOUR), probe
                while other - same > SECOND:
                    middle = (same + (other - same) / 2).replace(microsecond=0)
                    if self._offset(middle) == offset:
                        same = middle
                    else:
                        other = middle
                probe = other
            yield start, probe, offset
            start = probe

    def _offset(self, at: datetime) -> timedelta:
        return at.astimezone(self.info).utcoffset() or timedelta()


@lru_cache(maxsize=1024)
def find_zone(key: str) -> Zone | None:
    """The zone of that name in the tz database, or None if there is none."""
    if key in _NO_PLACE or key.startswith(("posix/", "right/")):
        return None
    try:
        return Zone(key, ZoneInfo(key))
    except (KeyError, ValueError, OSError):  # unknown; malformed or a path; a folder
        return None


def intersect(one: Week, other: Week) -> Week:
    """The minutes of the week that are open in both."""
    return tuple(
        tuple((max(a, c), min(b, d)) for a, b in mine for c, d in theirs if max(a, c) < min(b, d))
        for mine, theirs in zip(one, other, strict=True)
    )


def unite(one: Week, other: Week) -> Week:
    """The minutes of the week that are open in either."""
    return tuple(_joined((*mine, *theirs)) for mine, theirs in zip(one, other, strict=True))


def _joined(ranges: Sequence[Range]) -> tuple[Range, ...]:
    joined: list[Range] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def is_within(inner: Week, outer: Week) -> bool:
    """Whether every minute that is open in `inner` is open in `outer`."""
    return _minutes(intersect(inner, outer)) == _minutes(inner)


def _minutes(week: Week) -> tuple[frozenset[int], ...]:
    return tuple(frozenset(m for a, b in day for m in range(a, b)) for day in week)


def is_open(week: Week, weekday: int, minute: int) -> bool:
    """Whether a window holds that minute of that weekday (Monday is 0)."""
    return any(start <= minute < end for start, end in week[weekday])


class Openings:
    """When a weekly window is open in one zone, days of rest and years not loaded excepted."""

    __slots__ = ("_days", "_rest", "_week", "_years", "_zone")

    def __init__(
        self, zone: Zone, week: Week, rest: frozenset[int], years: frozenset[int] | None
    ) -> None:
        self._zone = zone
        self._week = week
        self._rest = rest
        self._years = years
        self._days: dict[int, tuple[tuple[datetime, datetime], ...]] = {}

    def following(self, at: datetime, until: datetime) -> datetime | None:
        """The earliest open instant that is not before `at`; None if there is none up to
        `until`."""
        zone = self._zone
        ordinal = at.astimezone(zone.info).toordinal()
        best: datetime | None = None
        last = ordinal + (until - at).days + 2
        # Clocks put back over midnight show a day twice, so the day before may come once more.
        day = ordinal if len(zone.runs(ordinal)) == 1 else ordinal - 1
        while day <= last:
            for start, end in self._day(day):
                if end > at and (best is None or start < best):
                    best = max(start, at)
            day += 1
            if best is not None:
                if len(zone.runs(day - 1)) > 1:
                    last = min(last, day)
                    continue
                break
        return best if best is not None and best <= until else None

    def closing(self, at: datetime) -> datetime | None:
        """The end of the stretch that is open at `at`, midnight at the latest; None if it is closed
        then."""
        ordinal = at.astimezone(self._zone.info).toordinal()
        return next((end for start, end in self._day(ordinal) if start <= at < end), None)

    def _day(self, ordinal: int) -> tuple[tuple[datetime, datetime], ...]:
        known = self._days.get(ordinal)
        if known is None:
            if len(self._days) >= _KEPT_DAYS:
                self._days.clear()
            known = self._days[ordinal] = tuple(self._compute(ordinal))
        return known

    def _compute(self, ordinal: int) -> Iterator[tuple[datetime, datetime]]:
        day = date.fromordinal(ordinal)
        if ordinal in self._rest or (self._years is not None and day.year not in self._years):
            return
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for start, end, offset in self._zone.runs(ordinal):
            for opens, closes in self._week[day.weekday()]:
                first = max(start, midnight + timedelta(minutes=opens) - offset)
                last = min(end, midnight + timedelta(minutes=closes) - offset)
                if first < last:
                    yield first, last
