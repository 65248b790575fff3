"""The contact policy: whom we may contact, how, when and how often, and when we may again.

Law and house rules are layers of data, and a contact has to be allowed by every layer, so adding
one can only tighten. Whatever is unknown is refused: no zone, no consent, a year whose holidays
nobody loaded (contact-law, section 0). Nothing here reads a clock or a file.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Literal, get_args

import msgspec

from escalon.domain.account import Channel, ContactPoint, ContactRecord
from escalon.domain.calendar import (
    ALWAYS,
    Calendar,
    Openings,
    Week,
    Zone,
    find_zone,
    intersect,
    is_open,
)

Level = Literal["base", "country", "sector", "house"]
LEVELS: tuple[Level, ...] = get_args(Level)
Limit = Literal["windows", "holidays", "channel_lock", "caps"]
LIMITS: tuple[Limit, ...] = get_args(Limit)
Reason = Literal[
    "history_unreadable",
    "instant_out_of_range",
    "no_policy",
    "recipient_not_allowed",
    "channel_not_allowed",
    "contact_point_missing",
    "contact_point_of_other_channel",
    "contact_point_failed",
    "consent_revoked",
    "consent_missing",
    "consent_not_yet_given",
    "zone_unknown",
    "holiday_year_missing",
    "holiday",
    "window_closed",
    "channel_locked",
    "min_gap",
    "cap_reached",
]

# How far ahead the next allowed instant is looked for. Longer than a year, so that a window that
# opens on one day of the year would still be found.
LOOK_AHEAD = timedelta(days=400)
WEEK = timedelta(days=7)
TWO_DAYS = timedelta(days=2)  # no two instants of one local day are further apart
_CHANNELS = frozenset(get_args(Channel))


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a rule comes from, how sure we are of it, since when it binds and who signed it off."""

    source: str = ""
    confidence: str = ""
    valid_from: date | None = None  # None: always
    reviewed_by: str | None = None


class Recipients(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who may be contacted, by role. `allow` None leaves that to other layers."""

    about: Provenance
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()


class Channels(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which channels may be used. `allow` None leaves that to other layers."""

    about: Provenance
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    require_consent: bool | None = None  # None leaves that to other layers


class Windows(msgspec.Struct, frozen=True, omit_defaults=True):
    """The hours of the week, on the debtor's clock, in which a contact may be made."""

    about: Provenance
    week: Week


class Holidays(msgspec.Struct, frozen=True, omit_defaults=True):
    """The days of rest: a calendar of the policy, none (""), and further days of one's own."""

    about: Provenance
    calendar: str = ""
    extra: tuple[date, ...] = ()


class ChannelLock(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many different channels may be used in a week."""

    about: Provenance
    per: Literal["rolling_7d", "iso_week"]
    max_distinct: int = 1
    # An attempt that provably reached nobody leaves the next channel free ("hard_failure"), or
    # locks like any other ("never").
    failover_on: Literal["hard_failure", "never"] = "hard_failure"


class Cap(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many contacts a person may get on a group of channels, and how far apart."""

    about: Provenance
    per: Literal["calendar_day", "rolling_7d"]
    max: int
    channels: tuple[str, ...] = ()  # empty: all
    min_gap_h: int = 0  # hours since the latest contact of the group
    min_gap_days: int = 0  # local calendar days since the latest contact of the group


class Exemption(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which limits of its own layer do not bind a kind of message, e.g. an answer to a question."""

    about: Provenance
    kind: str
    skips: tuple[Limit, ...]


class Layer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One policy as somebody wrote it: the base, a country's law, a sector's, the house's own."""

    policy: str
    level: Level
    recipients: Recipients | None = None
    channels: Channels | None = None
    windows: Windows | None = None
    holidays: Holidays | None = None
    channel_lock: ChannelLock | None = None
    caps: tuple[Cap, ...] = ()
    exempt: tuple[Exemption, ...] = ()


class Policy(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """All layers together with the calendars they name; a contact has to be allowed by each.

    Compiled on first use and kept with the value, so use one value per rulebook.
    """

    layers: tuple[Layer, ...] = ()
    calendars: dict[str, Calendar] = {}

    @cached_property
    def compiled(self) -> "_Compiled":
        return _Compiled(self)


class Allow(msgspec.Struct, frozen=True, omit_defaults=True, tag="allow"):
    """The contact may be made at the instant that was asked about."""


class Deny(msgspec.Struct, frozen=True, omit_defaults=True, tag="deny"):
    """The contact may not be made, by which rule, and when it may if nothing but time changes."""

    rule: str  # policy and field, e.g. "co.windows" or "co.caps[0]"; "core" if it is built in
    source: str  # the law or house rule, as its layer states it
    reason: Reason
    at: datetime  # the instant that was asked about, UTC
    params: dict[str, str] = {}
    zone: str = ""  # the debtor's first zone, in which the next instant is told to people
    next_allowed_at: datetime | None = None  # None: not by time alone


Verdict = Allow | Deny
ALLOWED = Allow()


def evaluate(
    policy: Policy,
    *,
    channel: str,
    point: ContactPoint | None,
    role: str,
    contacts: Sequence[ContactRecord],
    zones: Sequence[str],
    at: datetime,
    kind: str = "collection",
    region: str = "",
) -> Verdict:
    """Whether this person may be contacted this way at this instant; if not, why and when next.

    Total: any input gets a verdict, and what cannot be read is refused. Rules are asked in the
    order of contact-law section 0: recipients, channel and consent, zone, holidays, windows,
    channel lock, caps; the first that refuses is reported. `next_allowed_at` is the earliest
    instant at which *all* rules allow, None if that is not within LOOK_AHEAD or not a matter of
    time.

    `contacts` are the person's contacts by whichever creditor and debt (Ley 2300/2023 art. 3
    protects the person, lesson L12); the intent that is being asked about must not be among them.
    Every attempt counts, answered or not, unless it is proven that it reached nobody
    (`reached` False: hard bounce, rejected number). Such an attempt was no contact by any reading
    of "contacto directo", so it neither locks the week's channel nor uses up a cap; the dead
    address itself is closed by `ContactPoint.failed`.

    `zones`: the debtor may be in any of them, so each has to allow (12 CFR 1006.6(b)(1)). `kind`
    other than "collection" is bound by all limits that its layer does not exempt it from.
    A debtor's revocation of consent stands whether or not a layer requires consent.
    """
    if at.tzinfo is not UTC and at.utcoffset() is None:
        return Deny("core", "", "instant_out_of_range", at)
    key = (channel, role, kind, region, zones if type(zones) is tuple else tuple(zones))
    compiled = policy.compiled
    try:
        if at.tzinfo is not UTC:
            at = at.astimezone(UTC)
        plan = compiled.plans.get(key) or compiled.plan(key)
        terms = plan[-1]
        if at < terms.start:
            terms = next(t for t in reversed(plan) if t.start <= at)
        denial = _first_denial(terms, channel, point, contacts, at)
        if denial is None:
            return ALLOWED
        rule, source, reason, params = denial
        following = (
            _next_allowed(plan, terms, channel, point, contacts, at) if reason in PASSING else None
        )
    except TypeError:  # a contact without a zone cannot be compared with an instant
        rule, source, reason, params, following = "core", "", "history_unreadable", {}, None
    except (OverflowError, ValueError):  # the ends of the calendar, years 1 and 9999
        rule, source, reason, params, following = "core", "", "instant_out_of_range", {}, None
    return Deny(rule, source, reason, at, params, zones[0] if zones else "", following)


def history_needed(policy: Policy) -> timedelta:
    """How far back `contacts` has to reach for `evaluate` to see all that its rules count."""
    days = 2
    for layer in policy.layers:
        if layer.channel_lock is not None:
            days = max(days, 8)
        for cap in layer.caps:
            weekly = 8 if cap.per == "rolling_7d" else 2
            days = max(days, weekly, cap.min_gap_days + 2, cap.min_gap_h // 24 + 2)
    return timedelta(days=days)


# --- compiled form -------------------------------------------------------------------------------

_Denial = tuple[str, str, Reason, dict[str, str]]
_Named = tuple[str, str]  # rule and source
_Key = tuple[str, str, str, str, tuple[str, ...]]

# Reasons that go away by waiting.
PASSING: frozenset[Reason] = frozenset(
    {
        "consent_not_yet_given",
        "holiday",
        "window_closed",
        "channel_locked",
        "min_gap",
        "cap_reached",
    }
)
_EVER = datetime.min.replace(tzinfo=UTC)
_KEPT_PLANS = 4096  # combinations of channel, role, kind, region and zones; a book has dozens


class _Terms:
    """What binds one combination of channel, role, kind, region and zones from `start` on."""

    __slots__ = (
        "barred",
        "caps",
        "consent",
        "holidays",
        "locks",
        "openings",
        "rest",
        "start",
        "week",
        "windows",
        "years",
        "zone_unknown",
        "zones",
    )

    def __init__(
        self, policy: Policy, since: int, key: _Key, zones: tuple[Zone | None, ...]
    ) -> None:
        channel, role, kind, region, names = key
        self.zones = tuple(zone for zone in zones if zone is not None)
        self.zone_unknown = not names or len(self.zones) < len(names)
        # A law begins at midnight where the debtor is; of several zones, in the first to have it.
        self.start = min((zone.first_instant(since) for zone in self.zones if since), default=_EVER)
        self.barred: _Denial | None = None
        self.consent: _Named | None = None
        self.holidays: list[tuple[_Named, frozenset[int], frozenset[int] | None]] = []
        self.windows: list[tuple[_Named, Week]] = []
        self.locks: list[tuple[_Named, ChannelLock]] = []
        self.caps: list[tuple[_Named, Cap, frozenset[str]]] = []
        bars: list[_Denial] = []
        recipients_stated = False
        for layer in policy.layers:
            skipped = {
                limit
                for exemption in layer.exempt
                if exemption.kind == kind and _binds(exemption.about, since)
                for limit in exemption.skips
            }
            if (recipients := layer.recipients) is not None:
                recipients_stated = recipients_stated or recipients.allow is not None
                if _binds(recipients.about, since) and (
                    role in recipients.deny
                    or (recipients.allow is not None and role not in recipients.allow)
                ):
                    named = _named(layer, "recipients", recipients.about)
                    bars.append((*named, "recipient_not_allowed", {"role": role}))
            windows, holidays, lock = layer.windows, layer.holidays, layer.channel_lock
            if windows is not None and "windows" not in skipped and _binds(windows.about, since):
                self.windows.append((_named(layer, "windows", windows.about), windows.week))
            if holidays is not None and "holidays" not in skipped and _binds(holidays.about, since):
                named = _named(layer, "holidays", holidays.about)
                self.holidays.append((named, *_days_of_rest(policy, holidays, region)))
            if lock is not None and "channel_lock" not in skipped and _binds(lock.about, since):
                self.locks.append((_named(layer, "channel_lock", lock.about), lock))
            for place, cap in enumerate(() if "caps" in skipped else layer.caps):
                group = frozenset(cap.channels) or _CHANNELS
                if channel in group and _binds(cap.about, since):
                    self.caps.append((_named(layer, f"caps[{place}]", cap.about), cap, group))
        if not recipients_stated and not bars:
            bars.append(("core", "", "no_policy", {}))
        bars.extend(self._bar_channel(policy, channel, since))
        self.barred = bars[0] if bars else None
        self.week = ALWAYS
        for _, week in self.windows:
            self.week = intersect(self.week, week)
        self.rest = frozenset[int]().union(*(days for _, days, _ in self.holidays))
        loaded = [years for _, _, years in self.holidays if years is not None]
        self.years = frozenset.intersection(*loaded) if loaded else None
        self.openings = [Openings(zone, self.week, self.rest, self.years) for zone in self.zones]

    def _bar_channel(self, policy: Policy, channel: str, since: int) -> Iterator[_Denial]:
        for layer in policy.layers:
            rule = layer.channels
            if rule is None or not _binds(rule.about, since):
                continue
            named = _named(layer, "channels", rule.about)
            if channel in rule.deny or (rule.allow is not None and channel not in rule.allow):
                yield (*named, "channel_not_allowed", {"channel": channel})
            if rule.require_consent and self.consent is None:
                self.consent = named
        if channel not in _CHANNELS:
            yield "core", "", "channel_not_allowed", {"channel": channel}


class _Compiled:
    """A policy prepared for speed: for each combination asked about, its terms by date."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.plans: dict[_Key, tuple[_Terms, ...]] = {}
        # The days on which a law begins, as ordinals; 0 is before all of them.
        self._beginnings = sorted(
            {0, *(a.valid_from.toordinal() for a in _provenances(policy) if a.valid_from)}
        )

    def plan(self, key: _Key) -> tuple[_Terms, ...]:
        zones = tuple(find_zone(name) for name in key[4])
        plan = tuple(_Terms(self._policy, since, key, zones) for since in self._beginnings)
        if len(self.plans) >= _KEPT_PLANS:
            self.plans.clear()
        return self.plans.setdefault(key, plan)


def _provenances(policy: Policy) -> Iterator[Provenance]:
    for layer in policy.layers:
        for rule in (
            layer.recipients,
            layer.channels,
            layer.windows,
            layer.holidays,
            layer.channel_lock,
            *layer.caps,
            *layer.exempt,
        ):
            if rule is not None:
                yield rule.about


def _binds(about: Provenance, since: int) -> bool:
    return about.valid_from is None or about.valid_from.toordinal() <= since


def _named(layer: Layer, field: str, about: Provenance) -> _Named:
    return f"{layer.policy}.{field}", about.source


def _days_of_rest(
    policy: Policy, rule: Holidays, region: str
) -> tuple[frozenset[int], frozenset[int] | None]:
    """The days of rest, and the years for which they are known (None: no calendar is asked)."""
    extra = frozenset(day.toordinal() for day in rule.extra)
    if not rule.calendar:
        return extra, None
    calendar = policy.calendars.get(rule.calendar)
    if calendar is None:
        return extra, frozenset()
    return extra | calendar.rest_days(region), frozenset(calendar.years)


# --- the first rule that refuses -----------------------------------------------------------------


def _first_denial(
    terms: _Terms,
    channel: str,
    point: ContactPoint | None,
    contacts: Sequence[ContactRecord],
    at: datetime,
) -> _Denial | None:
    if terms.barred is not None:
        return terms.barred
    if point is None:
        return "core", "", "contact_point_missing", {"channel": channel}
    if point.channel != channel:
        return "core", "", "contact_point_of_other_channel", {"channel": channel}
    if point.failed:
        return "core", "", "contact_point_failed", {"channel": channel, "failed": point.failed}
    consent = point.consent
    if consent is not None and not consent.stands:
        return "core", "", "consent_revoked", {"channel": channel}
    if terms.consent is not None:
        if consent is None:
            return *terms.consent, "consent_missing", {"channel": channel}
        if consent.granted_on is not None and not terms.zone_unknown:
            granted = consent.granted_on.toordinal()
            # Only a date near or after the day of UTC needs the zone to be sure.
            if granted >= at.toordinal() - 1 and at < _reached_everywhere(terms, granted):
                return *terms.consent, "consent_not_yet_given", {"channel": channel}
    if terms.zone_unknown:
        return "core", "", "zone_unknown", {}
    week, rest, years = terms.week, terms.rest, terms.years
    for zone in terms.zones:
        local = at.astimezone(zone.info)
        if (years is not None and local.year not in years) or local.toordinal() in rest:
            return _holiday_denial(terms, at)
        minute = local.hour * 60 + local.minute
        for opens, closes in week[local.weekday()]:
            if opens <= minute < closes:
                break
        else:
            return _closed_denial(terms, at)
    if contacts:
        for named, lock in terms.locks:
            if _lock_until(terms, lock, channel, contacts, at) > at:
                others = _others(lock, channel, contacts)
                used = sorted({c.channel for c in others if c.at > at - WEEK})
                return *named, "channel_locked", {"channel": channel, "used": ", ".join(used)}
        for named, cap, group in terms.caps:
            if reason := _cap_reason(terms, cap, group, contacts, at):
                return *named, reason, {"channel": channel, "max": str(cap.max), "per": cap.per}
    return None


def _holiday_denial(terms: _Terms, at: datetime) -> _Denial:
    days = [at.astimezone(zone.info).date() for zone in terms.zones]
    for named, _, years in terms.holidays:
        for day in days:
            if years is not None and day.year not in years:
                return *named, "holiday_year_missing", {"year": str(day.year)}
    for named, rest, _ in terms.holidays:
        for day in days:
            if day.toordinal() in rest:
                return *named, "holiday", {"day": day.isoformat()}
    raise AssertionError("no holiday rule refuses")


def _closed_denial(terms: _Terms, at: datetime) -> _Denial:
    for zone in terms.zones:
        # A holiday in a further zone is reported before a window that is closed in this one.
        day = at.astimezone(zone.info)
        if (terms.years is not None and day.year not in terms.years) or (
            day.toordinal() in terms.rest
        ):
            return _holiday_denial(terms, at)
    for named, week in terms.windows:
        for zone in terms.zones:
            local = at.astimezone(zone.info)
            if not is_open(week, local.weekday(), local.hour * 60 + local.minute):
                return *named, "window_closed", {}
    raise AssertionError("no window refuses")


def _reached_everywhere(terms: _Terms, ordinal: int) -> datetime:
    return max(zone.first_instant(ordinal) for zone in terms.zones)


# --- limits over the history: each says from when it allows, never before `at` -------------------


def _lock_until(
    terms: _Terms,
    lock: ChannelLock,
    channel: str,
    contacts: Sequence[ContactRecord],
    at: datetime,
) -> datetime:
    others = _others(lock, channel, contacts)
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
    for zone in terms.zones:
        used = {(_monday(zone, c.at), c.channel) for c in others}
        mondays = [monday for monday, _ in used]
        while mondays.count(_monday(zone, at)) >= lock.max_distinct:
            at = zone.day_end(at)
    return at


def _others(
    lock: ChannelLock, channel: str, contacts: Sequence[ContactRecord]
) -> list[ContactRecord]:
    """The contacts by other channels that the lock counts."""
    return [
        c for c in contacts if c.channel != channel and (c.reached or lock.failover_on == "never")
    ]


def _monday(zone: Zone, at: datetime) -> int:
    """The ordinal of the Monday on which the local ISO week of the instant begins."""
    local = at.astimezone(zone.info)
    return local.toordinal() - local.weekday()


def _cap_reason(
    terms: _Terms,
    cap: Cap,
    group: frozenset[str],
    contacts: Sequence[ContactRecord],
    at: datetime,
) -> Literal["min_gap", "cap_reached"] | None:
    counted = [c.at for c in contacts if c.reached and c.channel in group]
    if not counted:
        return None
    if (cap.min_gap_h or cap.min_gap_days) and _gap_until(terms, cap, counted, at) > at:
        return "min_gap"
    return "cap_reached" if _count_until(terms, cap, counted, at) > at else None


def _gap_until(terms: _Terms, cap: Cap, counted: list[datetime], at: datetime) -> datetime:
    latest = max(counted)
    if cap.min_gap_h:
        at = max(at, latest + timedelta(hours=cap.min_gap_h))
    if cap.min_gap_days:
        for zone in terms.zones:
            free = latest.astimezone(zone.info).toordinal() + cap.min_gap_days
            at = max(at, zone.first_instant(free))
    return at


def _count_until(terms: _Terms, cap: Cap, counted: list[datetime], at: datetime) -> datetime:
    if cap.per == "rolling_7d":
        if len(counted) < cap.max:
            return at
        return max(at, sorted(counted, reverse=True)[cap.max - 1] + WEEK)
    since, until = at - TWO_DAYS, at + TWO_DAYS
    if sum(since < c < until for c in counted) < cap.max:
        return at
    for zone in terms.zones:
        days = [c.astimezone(zone.info).toordinal() for c in counted]
        while days.count(at.astimezone(zone.info).toordinal()) >= cap.max:
            at = zone.day_end(at)
    return at


# --- the next allowed instant --------------------------------------------------------------------


def _next_allowed(
    plan: tuple[_Terms, ...],
    terms: _Terms,
    channel: str,
    point: ContactPoint | None,
    contacts: Sequence[ContactRecord],
    at: datetime,
) -> datetime | None:
    """The earliest instant from `at` on that every rule allows.

    Each rule moves the candidate to the earliest instant that it allows itself; no instant that is
    skipped is allowed by that rule, so when nobody moves it any more it is the answer.
    """
    until = at + LOOK_AHEAD
    for place in range(plan.index(terms), len(plan)):
        terms = plan[place]
        end = plan[place + 1].start if place + 1 < len(plan) else until
        if terms.barred is not None:
            return None  # laws are added, not repealed: what is barred stays barred
        found = _next_within(terms, channel, point, contacts, max(at, terms.start), until)
        if found is not None and (found < end or place + 1 == len(plan)):
            return found
        if end > until:
            return None
    return None


def _next_within(
    terms: _Terms,
    channel: str,
    point: ContactPoint | None,
    contacts: Sequence[ContactRecord],
    at: datetime,
    until: datetime,
) -> datetime | None:
    if terms.consent is not None:
        consent = point.consent if point is not None else None
        if consent is None:
            return None
        if consent.granted_on is not None:
            at = max(at, _reached_everywhere(terms, consent.granted_on.toordinal()))
    while (opens := _open_everywhere(terms, at, until)) is not None:
        at = _limits_until(terms, channel, contacts, opens) if contacts else opens
        if at == opens:
            return at
    return None


def _open_everywhere(terms: _Terms, at: datetime, until: datetime) -> datetime | None:
    """The earliest instant from `at` to `until` at which it is open in every zone."""
    agreed = 0
    while agreed < len(terms.openings):
        agreed = 0
        for openings in terms.openings:
            found = openings.following(at, until)
            if found is None:
                return None
            agreed = agreed + 1 if found == at else 1
            at = found
    return at


def _limits_until(
    terms: _Terms, channel: str, contacts: Sequence[ContactRecord], at: datetime
) -> datetime:
    """An instant from `at` on before which some limit refuses; `at` itself if none does."""
    for _, lock in terms.locks:
        at = _lock_until(terms, lock, channel, contacts, at)
    for _, cap, group in terms.caps:
        counted = [c.at for c in contacts if c.reached and c.channel in group]
        if counted:
            at = _gap_until(terms, cap, counted, at)
            at = _count_until(terms, cap, counted, at)
    return at
