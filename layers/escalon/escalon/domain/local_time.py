"""A debtor's calendar day: due dates are dates in the debtor's zone (lesson L18)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from escalon.domain.calendar import Zone, find_zone


def local_date(zones: Sequence[str], instant: datetime) -> date:
    """The date in the debtor's zone; where zones conflict the earliest: nobody is late too soon.

    Zones that do not exist count as UTC here; the contact policy refuses them at any hour.
    """
    first = instant.astimezone(_zone(zones[0]).info).date()
    if len(zones) == 1:
        return first
    return min(instant.astimezone(_zone(zone).info).date() for zone in zones)


def start_of_day(zones: Sequence[str], day: date) -> datetime:
    """The first instant (UTC) at which it is `day` in every one of the zones."""
    ordinal = day.toordinal()
    first = _zone(zones[0]).first_instant(ordinal)
    if len(zones) == 1:
        return first
    return max(_zone(zone).first_instant(ordinal) for zone in zones)


def add_days(day: date, days: int) -> date:
    """`days` after `day`. The ends of the calendar stand for what lies beyond them: some sources
    write "never" as 9999-12-31."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


def in_zone(zones: Sequence[str], instant: datetime) -> datetime:
    """The instant as the clock on the debtor's wall shows it, with its offset."""
    return instant.astimezone(_zone(zones[0]).info)


@lru_cache(maxsize=1024)
def _zone(name: str) -> Zone:
    found = find_zone(name) or find_zone("UTC")
    if found is None:
        raise RuntimeError("the tz database is missing: install tzdata")
    return found
