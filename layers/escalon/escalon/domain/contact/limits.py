"""Limits over the history of a person's contacts: channel lock, cool-down, gap and cap.

Each says from when it allows a contact, never before the instant that is asked about. Where zones
conflict, the day or week of each of them counts.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from escalon.domain.account import ContactRecord
from escalon.domain.calendar import Zone
from escalon.domain.contact.facts import Facts, last_request
from escalon.domain.contact.rules import Cap, ChannelLock, Cooldown

WEEK = timedelta(days=7)
TWO_DAYS = timedelta(days=2)  # no two instants of one local day are further apart


def counted(contacts: Sequence[ContactRecord], facts: Facts | None) -> Sequence[ContactRecord]:
    """What a layer counts that counts conversations: every attempt unless we are told them."""
    if facts is None or facts.conversations is None:
        return contacts
    return [ContactRecord("", each.channel, each.at) for each in facts.conversations]


def locking(
    lock: ChannelLock,
    channel: str,
    contacts: Sequence[ContactRecord],
    facts: Facts | None,
    at: datetime,
) -> list[ContactRecord]:
    """The contacts by other channels that the lock counts against this one."""
    others = [
        c for c in contacts if c.channel != channel and (c.reached or lock.failover_on == "never")
    ]
    if lock.release_on_request and (asked := last_request(facts, "channel", channel, at)):
        return [c for c in others if c.at > asked]
    return others


def lock_until(
    lock: ChannelLock, others: Sequence[ContactRecord], zones: Sequence[Zone], at: datetime
) -> datetime:
    """From when the lock lets a further channel through, given the contacts by others."""
    if not others:
        return at
    if lock.per == "rolling_7d":
        latest: dict[str, datetime] = {}
        for contact in others:
            seen = latest.get(contact.channel)
            if seen is None or contact.at > seen:
                latest[contact.channel] = contact.at
        if len(latest) < lock.max_distinct:
            return at
        # Free again once all but max_distinct - 1 of the other channels have rested for a week.
        return max(at, sorted(latest.values(), reverse=True)[lock.max_distinct - 1] + WEEK)
    for zone in zones:
        used = {(_monday(zone, c.at), c.channel) for c in others}
        mondays = [monday for monday, _ in used]
        while mondays.count(_monday(zone, at)) >= lock.max_distinct:
            at = zone.day_end(at)
    return at


def _monday(zone: Zone, at: datetime) -> int:
    """The ordinal of the Monday on which the local ISO week of the instant begins."""
    local = at.astimezone(zone.info)
    return local.toordinal() - local.weekday()


def cooled_until(
    cooldown: Cooldown,
    contacts: Sequence[ContactRecord],
    facts: Facts | None,
    zones: Sequence[Zone],
    at: datetime,
) -> datetime:
    """From when the last conversation is long enough ago; its own day is the first of the days."""
    if facts is None or facts.conversations is None:
        # Nobody tells conversations from calls that were not answered, so each may have been one.
        talks = [c.at for c in contacts if c.reached and c.channel in cooldown.after]
    else:
        talks = [
            each.at
            for each in facts.conversations
            if each.channel in cooldown.after and (cooldown.include_inbound or not each.inbound)
        ]
    if talks:
        latest = max(talks)
        for zone in zones:
            free = latest.astimezone(zone.info).toordinal() + cooldown.days
            at = max(at, zone.first_instant(free))
    return at


def gap_until(cap: Cap, made: Sequence[datetime], zones: Sequence[Zone], at: datetime) -> datetime:
    """From when the latest of the contacts `made` is far enough away."""
    latest = max(made)
    if cap.min_gap_h:
        at = max(at, latest + timedelta(hours=cap.min_gap_h))
    if cap.min_gap_days:
        for zone in zones:
            free = latest.astimezone(zone.info).toordinal() + cap.min_gap_days
            at = max(at, zone.first_instant(free))
    return at


def count_until(
    cap: Cap, made: Sequence[datetime], zones: Sequence[Zone], at: datetime
) -> datetime:
    """From when fewer than `cap.max` of the contacts `made` count."""
    if cap.per == "rolling_7d":
        if len(made) < cap.max:
            return at
        return max(at, sorted(made, reverse=True)[cap.max - 1] + WEEK)
    since, until = at - TWO_DAYS, at + TWO_DAYS
    if len([c for c in made if since < c < until]) < cap.max:
        return at
    for zone in zones:
        days = [c.astimezone(zone.info).toordinal() for c in made]
        while days.count(at.astimezone(zone.info).toordinal()) >= cap.max:
            at = zone.day_end(at)
    return at
