"""The contact policy: whom we may contact, how, when and how often, and when we may again.

Law and house rules are layers of data, and a contact has to be allowed by every layer, so adding
one can only tighten. Whatever is unknown is refused: no zone, no consent, a year whose holidays
nobody loaded (docs/contact-law.md). Nothing here reads a clock or a file.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Literal

import msgspec

from escalon.domain.account import ContactPoint, ContactRecord
from escalon.domain.calendar import (
    ALWAYS,
    Calendar,
    Openings,
    Week,
    Zone,
    find_zone,
    intersect,
    is_open,
    unite,
)
from escalon.domain.contact import limits
from escalon.domain.contact.content import (
    ContentReason,
    concerns,
    content_denial,
)
from escalon.domain.contact.facts import Debt, Facts, last_request
from escalon.domain.contact.gates import (
    GateReason,
    Span,
    duty_ends,
    gate_denial,
    gate_span,
)
from escalon.domain.contact.limits import WEEK
from escalon.domain.contact.rules import (
    ANSWER_KINDS,
    CHANNELS,
    LEVELS,
    LIMITS,
    STOP_KINDS,
    Cap,
    ChannelLock,
    Channels,
    Content,
    Cooldown,
    Counts,
    Duty,
    Exemption,
    Gate,
    Holidays,
    Layer,
    Level,
    Limit,
    Places,
    Points,
    Preview,
    Provenance,
    Recipients,
    Stops,
    Windows,
    rules_of,
)

__all__ = [
    "ALLOWED",
    "LEVELS",
    "LIMITS",
    "LOOK_AHEAD",
    "MISFITS",
    "PASSING",
    "Allow",
    "Cap",
    "ChannelLock",
    "Channels",
    "Content",
    "Cooldown",
    "Counts",
    "Deny",
    "Duty",
    "Exemption",
    "Facts",
    "Gate",
    "Holidays",
    "Layer",
    "Level",
    "Limit",
    "OwedNotice",
    "Places",
    "Points",
    "Policy",
    "Preview",
    "Provenance",
    "Reason",
    "Recipients",
    "Stops",
    "Verdict",
    "Windows",
    "evaluate",
    "evaluate_action",
    "history_needed",
    "known_through",
    "notice_missed",
    "notices_owed",
    "open_until",
    "zones_of",
]

Reason = Literal[
    "history_unreadable",
    "instant_out_of_range",
    "stop_unknown",
    "stopped",
    "no_policy",
    "recipient_not_allowed",
    "channel_not_allowed",
    "contact_point_missing",
    "contact_point_of_other_channel",
    "contact_point_failed",
    "channel_refused",
    "origin_not_allowed",
    "use_not_allowed",
    "consent_revoked",
    "consent_missing",
    "consent_unproven",
    "consent_for_other_purpose",
    "consent_not_yet_given",
    "consent_stale",
    "zone_unknown",
    "holiday_year_missing",
    "holiday",
    "window_closed",
    "hours_not_wanted",
    "channel_locked",
    "cooling_down",
    "min_gap",
    "cap_reached",
    "action_not_stated",
    GateReason,
    "notice_owed",
    ContentReason,
]

# Reasons that go away by waiting. A stop does too if it is known when it ends.
PASSING: frozenset[Reason] = frozenset(
    {
        "consent_not_yet_given",
        "holiday",
        "window_closed",
        "hours_not_wanted",
        "channel_locked",
        "cooling_down",
        "min_gap",
        "cap_reached",
        "gate_waits",
    }
)
# Reasons for which everybody whom the policy binds is left alone until somebody mends the rulebook:
# whoever runs the system raises an alarm on the first of them.
MISFITS: frozenset[Reason] = frozenset({"no_policy", "holiday_year_missing"})

# How far ahead the next allowed instant is looked for. Longer than a year, so that a window that
# opens on one day of the year would still be found.
LOOK_AHEAD = timedelta(days=400)
COLLECTION = "collection"  # the purpose that a consent is asked for


class Policy(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """All layers together with the calendars they name; a contact has to be allowed by each.

    Compiled on first use and kept with the value, so use one value per rulebook.
    """

    layers: tuple[Layer, ...] = ()
    calendars: dict[str, Calendar] = {}

    @cached_property
    def compiled(self) -> "_Compiled":
        return _Compiled(self)

    def places(self, zones: tuple[str, ...], region: str) -> tuple[str, ...]:
        """`zones_of` this policy, kept."""
        return self.compiled.places(zones, region)


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


class OwedNotice(msgspec.Struct, frozen=True):
    """A statutory notice that has to be given, `by` being the last day, where the debtor is."""

    rule: str
    source: str
    notice: str
    by: date


def evaluate(
    policy: Policy,
    *,
    channel: str,
    point: ContactPoint | None,
    role: str,
    contacts: Sequence[ContactRecord],
    zones: Sequence[str],
    at: datetime,
    kind: str = COLLECTION,
    region: str = "",
    facts: Facts | None = None,
) -> Verdict:
    """Whether this person may be contacted this way at this instant; if not, why and when next.

    Total: any input gets a verdict, and what cannot be read is refused. Rules are asked in the
    order of docs/contact-law.md: stops, recipients, channel and consent, zone, holidays,
    windows, channel lock, cool-downs, caps, gates, content; the first that refuses is reported, but
    a gate, a duty or a content that keeps it shut for good before an hour that would pass.
    `next_allowed_at` is the earliest instant at which *all* rules allow, None if that is not within
    LOOK_AHEAD or not a matter of time.

    `contacts` are the person's contacts by whichever creditor and debt (Ley 2300/2023 art. 3
    protects the person, lesson L12); the intent that is being asked about must not be among them.
    Every attempt counts, answered or not, unless it is proven that it reached nobody
    (`reached` False: hard bounce, rejected number). Such an attempt was no contact by any reading
    of "contacto directo", so it neither locks the week's channel nor uses up a cap; the dead
    address itself is closed by `ContactPoint.failed`.

    `zones`: the debtor may be in any of them, so each has to allow (12 CFR 1006.6(b)(1)); see
    `zones_of`. `kind` other than an exempt one is bound by all limits; an exempt one by those that
    its layer does not exempt it from. A debtor's revocation of consent, and what `facts` tells of
    the person's own wishes, stands whether or not a layer asks for it.
    """
    compiled = policy.compiled
    first = ""
    try:
        if at.tzinfo is not UTC:
            if at.utcoffset() is None:
                return Deny(*_BUILT_IN, "instant_out_of_range", at)
            at = at.astimezone(UTC)
        told = zones if type(zones) is tuple else tuple(zones)
        variant = None
        if facts is not None or kind in compiled.on_request:
            variant, _ = compiled.variant(channel, kind, facts, at)
        key = (channel, role, kind, region, told, variant)
        terms = (compiled.plans.get(key) or compiled.plan(key))[-1]
        if at < terms.start:
            terms, _ = compiled.terms(key, at)
        denial = _first_denial(terms, channel, point, contacts, facts, at)
        if denial is None:
            return ALLOWED
        rule, source, reason, params = denial
        first = terms.zones[0].key if terms.zones else ""
        following = None
        if reason in PASSING or reason == "stopped":
            following = _next_allowed(compiled, key, point, contacts, facts, at)
            # Waiting does not help: what keeps it shut is told, not the hour that it is.
            if following is None and facts is not None and reason != "stopped":
                lasting = _message_denial(terms, facts, at)
                if lasting is not None and lasting[2] not in PASSING:
                    rule, source, reason, params = lasting
    except TypeError:  # an instant without a zone cannot be compared with one that has it
        (rule, source), reason, params, following = _BUILT_IN, "history_unreadable", {}, None
    except (OverflowError, ValueError):  # the ends of the calendar, years 1 and 9999
        (rule, source), reason, params, following = _BUILT_IN, "instant_out_of_range", {}, None
    return Deny(rule, source, reason, at, params, first, following)


def evaluate_action(
    policy: Policy,
    *,
    action: str,
    facts: Facts,
    zones: Sequence[str],
    at: datetime,
    region: str = "",
) -> Verdict:
    """Whether something else than a contact may be done about a debt now: a report to a bureau, a
    claim, a fee. Stops bind it as they bind asking, then the gates; an action for which no law is
    stated is refused. Total, as `evaluate` is."""
    if at.utcoffset() is None:
        return Deny(*_BUILT_IN, "instant_out_of_range", at)
    first = ""
    try:
        at = at.astimezone(UTC)
        key = ("", "debtor", COLLECTION, region, tuple(zones), None)
        terms, _ = policy.compiled.terms(key, at)
        denial: _Denial | None = _stop_denial(terms, facts, at)
        if denial is None and terms.zone_unknown:
            denial = *_BUILT_IN, "zone_unknown", {}
        if denial is None:
            denial = _gate_denial(terms, action, facts, at)
        if denial is None:
            return ALLOWED
        rule, source, reason, params = denial
        first = terms.zones[0].key if terms.zones else ""
        following = None
        if reason in PASSING or reason == "stopped":
            span = _joint(
                at, [_stops_span(terms, facts, at), _gates_span(terms, action, facts, at)]
            )
            following = _within(span, at + LOOK_AHEAD)
    except TypeError:
        (rule, source), reason, params, following = _BUILT_IN, "history_unreadable", {}, None
    except (OverflowError, ValueError):
        (rule, source), reason, params, following = _BUILT_IN, "instant_out_of_range", {}, None
    return Deny(rule, source, reason, at, params, first, following)


def notices_owed(
    policy: Policy, *, facts: Facts, zones: Sequence[str], at: datetime, region: str = ""
) -> tuple[OwedNotice, ...]:
    """The statutory notices that have to be given about this debt and have not been, those missed
    included. Where the debtor's zone is unknown none can be told. `at` is aware."""
    key = ("", "debtor", COLLECTION, region, tuple(zones), None)
    terms, _ = policy.compiled.terms(key, at.astimezone(UTC))
    found = []
    for (rule, source), duty in () if terms.zone_unknown else terms.duties:
        ends = duty_ends(duty, facts.debt, terms.zones)
        if ends is not None:
            found.append(OwedNotice(rule, source, duty.notice, ends[0]))
    return tuple(found)


def open_until(
    policy: Policy,
    *,
    channel: str,
    zones: Sequence[str],
    at: datetime,
    region: str = "",
    facts: Facts | None = None,
) -> datetime | None:
    """Until when the hours for asking by that channel last which are open at `at` (aware), on that
    day and in each zone; None if they are closed then. Nothing but the hours is asked here."""
    at = at.astimezone(UTC)
    variant, _ = policy.compiled.variant(channel, COLLECTION, facts, at)
    key = (channel, "debtor", COLLECTION, region, tuple(zones), variant)
    terms, _ = policy.compiled.terms(key, at)
    if terms.zone_unknown:
        return None
    ends = [openings.closing(at) for openings in terms.openings]
    return None if None in ends else min(end for end in ends if end is not None)


def notice_missed(
    policy: Policy,
    *,
    debt: Debt,
    gives: Sequence[str],
    zones: Sequence[str],
    at: datetime,
    region: str = "",
) -> OwedNotice | None:
    """The notice for want of which nothing may be asked about this debt any more, or None: none is
    missed, or the message is that notice (`gives`). `at` is aware."""
    key = ("", "debtor", COLLECTION, region, tuple(zones), None)
    terms, _ = policy.compiled.terms(key, at.astimezone(UTC))
    return None if terms.zone_unknown else _missed(terms, debt, gives, at)


def zones_of(policy: Policy, zones: Sequence[str], region: str) -> tuple[str, ...]:
    """The zones that the debtor may be in: those we were told, together with those of the region if
    none of them is told; all zones of the country if nothing is known. Empty if no layer says."""
    found = list(dict.fromkeys(zones))
    for layer in policy.layers:
        if layer.zones is None:
            continue
        kept = layer.zones.zones
        here = [zone for zone, regions in kept.items() if not regions or region in regions]
        placed = any(region in regions for regions in kept.values())
        if placed and not any(zone in here for zone in zones):
            found += here
        elif not zones:
            found += kept
    return tuple(dict.fromkeys(found))


def known_through(policy: Policy) -> date | None:
    """The last day whose holidays are loaded in every calendar that the policy names; from the next
    one on nobody is contacted. None if it names none. The doctor warns in time (see MISFITS)."""
    ends = []
    for layer in policy.layers:
        if layer.holidays is not None and layer.holidays.calendar:
            calendar = policy.calendars.get(layer.holidays.calendar)
            ends.append(max(calendar.years) if calendar and calendar.years else 0)
    return date(max(min(ends), 1), 12, 31) if ends else None


def history_needed(policy: Policy) -> timedelta:
    """How far back `contacts` has to reach for `evaluate` to see all that its rules count."""
    days = 2
    for layer in policy.layers:
        if layer.channel_lock is not None:
            days = max(days, 8)
        for cap in layer.caps:
            weekly = 8 if cap.per == "rolling_7d" else 2
            days = max(days, weekly, cap.min_gap_days + 2, cap.min_gap_h // 24 + 2)
        for cooldown in layer.cooldowns:
            days = max(days, cooldown.days + 2)
    return timedelta(days=days)


# --- compiled form -------------------------------------------------------------------------------

_Denial = tuple[str, str, Reason, dict[str, str]]
_Named = tuple[str, str]  # rule and source
# What facts change about the limits: the layers that exempt this message because the debtor asked,
# the hours that the debtor opened, and the only ones that they want.
_Variant = tuple[frozenset[int], Week | None, Week | None]
_Key = tuple[str, str, str, str, tuple[str, ...], _Variant | None]

_EVER = datetime.min.replace(tzinfo=UTC)
_KEPT_PLANS = 4096  # combinations of channel, role, kind, region and zones; a book has dozens
# What holds whatever the layers say; its source is this system itself (docs/contact-law.md).
_BUILT_IN: _Named = ("core", "Escalón")


class _Terms:
    """What binds one combination of channel, role, kind, region and zones from `start` on."""

    __slots__ = (
        "asking",
        "barred",
        "caps",
        "consent",
        "consent_days",
        "content",
        "cooldowns",
        "duties",
        "evidence",
        "gates",
        "holidays",
        "locks",
        "only_supplied",
        "openings",
        "points",
        "previews",
        "rest",
        "start",
        "stated_actions",
        "stops",
        "week",
        "windows",
        "years",
        "zone_unknown",
        "zones",
    )

    def __init__(
        self, policy: Policy, since: int, key: _Key, zones: tuple[Zone | None, ...]
    ) -> None:
        channel, role, kind, region, _, variant = key
        held, opened, wanted = variant or (frozenset[int](), None, None)
        self.zones = tuple(zone for zone in zones if zone is not None)
        self.zone_unknown = not zones or len(self.zones) < len(zones)
        # A law begins at midnight where the debtor is; of several zones, in the first to have it.
        self.start = min((zone.first_instant(since) for zone in self.zones if since), default=_EVER)
        self.asking = kind not in ANSWER_KINDS
        self.consent: _Named | None = None
        self.evidence: _Named | None = None
        self.consent_days: tuple[_Named, int] | None = None
        self.points: list[tuple[_Named, Points]] = []
        self.holidays: list[tuple[_Named, frozenset[int], frozenset[int] | None]] = []
        self.windows: list[tuple[_Named, Week, Reason]] = []
        self.locks: list[tuple[_Named, ChannelLock, bool]] = []
        self.cooldowns: list[tuple[_Named, Cooldown]] = []
        self.caps: list[tuple[_Named, Cap, frozenset[str], bool]] = []
        bars: list[_Denial] = []
        recipients_stated = False
        for index, layer in enumerate(policy.layers):
            skipped = {
                limit
                for exemption in layer.exempt
                if kind in exemption.kinds
                and _binds(exemption.about, since)
                and (not exemption.after or index in held)
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
            if (points := layer.points) is not None and _binds(points.about, since):
                self.points.append((_named(layer, "points", points.about), points))
            windows, holidays = layer.windows, layer.holidays
            if windows is not None and "windows" not in skipped and _binds(windows.about, since):
                week = windows.week
                if opened is not None and windows.extra_on_request:
                    further = tuple(
                        more if own else () for own, more in zip(week, opened, strict=True)
                    )
                    week = unite(week, further)
                named = _named(layer, "windows", windows.about)
                self.windows.append((named, week, "window_closed"))
            if holidays is not None and "holidays" not in skipped and _binds(holidays.about, since):
                named = _named(layer, "holidays", holidays.about)
                self.holidays.append((named, *_days_of_rest(policy, holidays, region)))
            self._limit(layer, channel, since, skipped)
        if wanted is not None and self.asking:
            self.windows.append((_BUILT_IN, wanted, "hours_not_wanted"))
        if not recipients_stated and not bars:
            bars.append((*_BUILT_IN, "no_policy", {}))
        bars.extend(self._bar_channel(policy, channel, since))
        self.barred = bars[0] if bars else None
        self.week = ALWAYS
        for _, week, _ in self.windows:
            self.week = intersect(self.week, week)
        self.rest = frozenset[int]().union(*(days for _, days, _ in self.holidays))
        loaded = [years for _, _, years in self.holidays if years is not None]
        self.years = frozenset.intersection(*loaded) if loaded else None
        self.openings = [Openings(zone, self.week, self.rest, self.years) for zone in self.zones]
        self.only_supplied = any(rule.only_supplied for _, rule in self.points)
        self._around_limits(policy, channel, role, kind, since)

    def _limit(self, layer: Layer, channel: str, since: int, skipped: set[Limit]) -> None:
        """The limits over the history that the layer sets."""
        counts, lock = layer.counts, layer.channel_lock
        two_way = counts is not None and counts.what == "two_way" and _binds(counts.about, since)
        if lock is not None and "channel_lock" not in skipped and _binds(lock.about, since):
            self.locks.append((_named(layer, "channel_lock", lock.about), lock, two_way))
        for place, cooldown in enumerate(() if "cooldowns" in skipped else layer.cooldowns):
            if channel in cooldown.block and _binds(cooldown.about, since):
                named = _named(layer, f"cooldowns[{place}]", cooldown.about)
                self.cooldowns.append((named, cooldown))
        for place, cap in enumerate(() if "caps" in skipped else layer.caps):
            group = frozenset(cap.channels) or CHANNELS
            if channel in group and _binds(cap.about, since):
                named = _named(layer, f"caps[{place}]", cap.about)
                self.caps.append((named, cap, group, two_way))

    def _bar_channel(self, policy: Policy, channel: str, since: int) -> Iterator[_Denial]:
        for layer in policy.layers:
            rule = layer.channels
            if rule is None or not _binds(rule.about, since):
                continue
            named = _named(layer, "channels", rule.about)
            if channel in rule.deny or (rule.allow is not None and channel not in rule.allow):
                yield (*named, "channel_not_allowed", {"channel": channel})
            required = rule.require_consent
            if self.consent is None and (
                channel in required if isinstance(required, tuple) else required
            ):
                self.consent = named
            if self.evidence is None and rule.require_evidence:
                self.evidence = named
            days = rule.consent_days.get(channel)
            if days is not None and (self.consent_days is None or days < self.consent_days[1]):
                self.consent_days = named, days
        if channel not in CHANNELS:
            yield *_BUILT_IN, "channel_not_allowed", {"channel": channel}

    def _around_limits(
        self, policy: Policy, channel: str, role: str, kind: str, since: int
    ) -> None:
        """What stands before and after the limits: stops, gates, duties, content."""
        self.stops: list[tuple[_Named, frozenset[str]]] = []
        self.gates: list[tuple[_Named, Gate]] = []
        self.duties: list[tuple[_Named, Duty]] = []
        self.content: list[tuple[_Named, Content]] = []
        self.previews: list[tuple[_Named, Preview]] = []
        # A house may add to what the law demands, and cannot open what no law is stated for.
        self.stated_actions: set[str] = set()
        for layer in policy.layers:
            for field, rule in rules_of(layer):
                if not _binds(rule.about, since):
                    continue
                named = field, rule.about.source
                if isinstance(rule, Stops):
                    binding = self.asking or not rule.only_asking
                    if binding and role not in rule.except_roles:
                        self.stops.append((named, frozenset(rule.when)))
                elif isinstance(rule, Gate):
                    self.gates.append((named, rule))
                    if layer.level != "house":
                        self.stated_actions.add(rule.action)
                elif isinstance(rule, Duty):
                    self.duties.append((named, rule))
                elif isinstance(rule, Content):
                    if concerns(rule, channel, kind):
                        self.content.append((named, rule))
                elif isinstance(rule, Preview):
                    self.previews.append((named, rule))


class _Compiled:
    """A policy prepared for speed: for each combination asked about, its terms by date."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.plans: dict[_Key, tuple[_Terms, ...]] = {}
        self._places: dict[tuple[tuple[str, ...], str], tuple[str, ...]] = {}
        # The days on which a law begins, as ordinals; 0 is before all of them.
        begun = (rule.about.valid_from for layer in policy.layers for _, rule in rules_of(layer))
        self._beginnings = sorted({0, *(day.toordinal() for day in begun if day is not None)})
        # Whether a notice that is owed can bar asking, so that the debt has to be told.
        self.asks_for_notices = any(
            duty.bars_asking for layer in policy.layers for duty in layer.duties
        )
        # By kind: the exemptions that need the debtor to have asked, with their layer's place.
        self.on_request: dict[str, list[tuple[int, Exemption]]] = {}
        for index, layer in enumerate(policy.layers):
            for exemption in layer.exempt:
                for kind in exemption.kinds if exemption.after else ():
                    self.on_request.setdefault(kind, []).append((index, exemption))

    def places(self, zones: tuple[str, ...], region: str) -> tuple[str, ...]:
        """The zones that a debtor may be in; see `zones_of`."""
        key = zones, region
        found = self._places.get(key)
        if found is None:
            if len(self._places) >= _KEPT_PLANS:
                self._places.clear()
            found = self._places.setdefault(key, zones_of(self._policy, zones, region))
        return found

    def plan(self, key: _Key) -> tuple[_Terms, ...]:
        """The terms of a combination by the date they begin on, the first for ever before."""
        zones = tuple(find_zone(name) for name in zones_of(self._policy, key[4], key[3]))
        plan = tuple(_Terms(self._policy, since, key, zones) for since in self._beginnings)
        if len(self.plans) >= _KEPT_PLANS:
            self.plans.clear()
        return self.plans.setdefault(key, plan)

    def terms(self, key: _Key, at: datetime) -> tuple[_Terms, datetime | None]:
        """The terms of a combination at that instant, and when the law changes next, if it does."""
        following = None
        for terms in reversed(self.plans.get(key) or self.plan(key)):
            if terms.start <= at:
                return terms, following
            following = terms.start
        raise AssertionError("the first terms hold for ever before")

    def variant(
        self, channel: str, kind: str, facts: Facts | None, at: datetime
    ) -> tuple[_Variant | None, datetime | None]:
        """What the facts change about the limits at that instant, and until when it stays so."""
        changes: list[datetime] = []
        held = set()
        for index, exemption in self.on_request.get(kind, ()):
            asked = last_request(
                facts, exemption.after, channel if exemption.same_channel else "", at
            )
            if asked is None:
                continue
            ends = asked + timedelta(hours=exemption.within_h) if exemption.within_h else None
            if ends is None or at < ends:
                held.add(index)
                changes += [ends] if ends else []
        opened = wanted = None
        if facts is not None:
            wanted = facts.hours
            extra = facts.extra_hours
            if extra is not None and extra.evidence and extra.signed_on > extra.contract_on:
                # The day after is past its signing in every zone of the world.
                counts_from = datetime.combine(
                    extra.signed_on + timedelta(days=1), datetime.min.time(), UTC
                )
                if at >= counts_from:
                    opened = extra.week
                else:
                    changes.append(counts_from)
        if not held and opened is None and wanted is None:
            return None, min(changes, default=None)
        return (frozenset(held), opened, wanted), min(changes, default=None)


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
    facts: Facts | None,
    at: datetime,
) -> _Denial | None:
    if facts is not None and facts.stops and (stopped := _stop_denial(terms, facts, at)):
        return stopped
    if terms.barred is not None:
        return terms.barred
    consent = point.consent if point is not None else None
    # The ordinary point at once; whatever is not, rule by rule.
    if (
        facts is not None
        or point is None
        or consent is None
        or point.channel != channel
        or point.failed
        or consent.revoked_at is not None
        or not consent.evidence
        or terms.only_supplied
    ) and (denial := _point_denial(terms, channel, point, facts)):
        return denial
    if terms.zone_unknown:
        return *_BUILT_IN, "zone_unknown", {}
    if terms.consent is not None and point is not None and consent is not None:
        granted = consent.granted_on
        # Only a date near or after the day of UTC needs the zone to be sure.
        near = granted is not None and granted.toordinal() >= at.toordinal() - 1
        if near or terms.consent_days is not None:
            opens, closes = _consent_span(terms, point, facts, at)
            if at < opens:
                return *terms.consent, "consent_not_yet_given", {"channel": channel}
            if closes is not None and at >= closes and terms.consent_days is not None:
                named, days = terms.consent_days
                return *named, "consent_stale", {"channel": channel, "days": str(days)}
    week, rest, years = terms.week, terms.rest, terms.years
    for zone in terms.zones:
        local = at.astimezone(zone.info)
        if (years is not None and local.year not in years) or local.toordinal() in rest:
            return _holiday_denial(terms, at)
        minute = local.hour * 60 + local.minute
        for opens_at, closes_at in week[local.weekday()]:
            if opens_at <= minute < closes_at:
                break
        else:
            return _closed_denial(terms, at)
    if contacts or facts is not None:
        if denial := _history_denial(terms, channel, contacts, facts, at):
            return denial
        if facts is not None:
            return _message_denial(terms, facts, at)
    return None


def _stop_denial(terms: _Terms, facts: Facts, at: datetime) -> _Denial | None:
    for stop in facts.stops:
        if stop.kind not in STOP_KINDS:
            return *_BUILT_IN, "stop_unknown", {"stop": stop.kind}
    for named, kinds in terms.stops:
        for stop in facts.stops:
            if stop.kind in kinds and (stop.until is None or at < stop.until):
                return *named, "stopped", {"stop": stop.kind}
    return None


def _point_denial(
    terms: _Terms, channel: str, point: ContactPoint | None, facts: Facts | None
) -> _Denial | None:
    """What stands against this contact point at any time."""
    if point is None:
        return *_BUILT_IN, "contact_point_missing", {"channel": channel}
    if point.channel != channel:
        return *_BUILT_IN, "contact_point_of_other_channel", {"channel": channel}
    if point.failed:
        about = {"channel": channel, "failed": point.failed}
        return *_BUILT_IN, "contact_point_failed", about
    consent = point.consent
    if facts is not None and channel in facts.refused_channels:
        return *_BUILT_IN, "channel_refused", {"channel": channel}
    if consent is not None and not consent.stands:
        return *_BUILT_IN, "consent_revoked", {"channel": channel}
    if terms.points and (denial := _origin_denial(terms, point, facts)):
        return denial
    if terms.consent is None:
        return None
    if consent is None:
        return *terms.consent, "consent_missing", {"channel": channel}
    if terms.evidence is not None and not consent.evidence:
        return *terms.evidence, "consent_unproven", {"channel": channel}
    if facts is not None and terms.asking:
        purposes = facts.point.purposes
        if purposes is not None and COLLECTION not in purposes:
            return *terms.consent, "consent_for_other_purpose", {"channel": channel}
    return None


def _origin_denial(terms: _Terms, point: ContactPoint, facts: Facts | None) -> _Denial | None:
    origin, use = (facts.point.origin, facts.point.use) if facts is not None else ("", "")
    for named, rule in terms.points:
        about: dict[str, str] = {"channel": point.channel}
        if origin in rule.deny_origins:
            return *named, "origin_not_allowed", about
        # A consent is the person's own word for the address; one that was revoked came before.
        if rule.only_supplied and origin != "debtor" and point.consent is None:
            return *named, "origin_not_allowed", about
        if use in rule.deny_uses:
            return *named, "use_not_allowed", about
    return None


def _consent_span(terms: _Terms, point: ContactPoint, facts: Facts | None, at: datetime) -> Span:
    """From when (never before `at`) to when the consent counts."""
    granted = point.consent.granted_on if point.consent is not None else None
    opens, closes = at, None
    if granted is not None:
        opens = max(at, _reached_everywhere(terms, granted.toordinal()))
    if terms.consent_days is not None:
        confirmed = facts.point.confirmed_on if facts is not None else None
        last = max((day for day in (granted, confirmed) if day is not None), default=date.min)
        over = last.toordinal() + terms.consent_days[1] + 1
        closes = min(zone.first_instant(over) for zone in terms.zones)
    return opens, closes


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
    for named, week, reason in terms.windows:
        for zone in terms.zones:
            local = at.astimezone(zone.info)
            if not is_open(week, local.weekday(), local.hour * 60 + local.minute):
                return *named, reason, {}
    raise AssertionError("no window refuses")


def _history_denial(
    terms: _Terms,
    channel: str,
    contacts: Sequence[ContactRecord],
    facts: Facts | None,
    at: datetime,
) -> _Denial | None:
    zones = terms.zones
    for named, lock, two_way in terms.locks:
        counted = limits.counted(contacts, facts) if two_way else contacts
        others = limits.locking(lock, channel, counted, facts, at)
        if others and limits.lock_until(lock, others, zones, at) > at:
            used = sorted({c.channel for c in others if c.at > at - WEEK})
            return *named, "channel_locked", {"channel": channel, "used": ", ".join(used)}
    for named, cooldown in terms.cooldowns:
        if limits.cooled_until(cooldown, contacts, facts, zones, at) > at:
            return *named, "cooling_down", {"channel": channel, "days": str(cooldown.days)}
    for named, cap, group, two_way in terms.caps:
        counted = limits.counted(contacts, facts) if two_way else contacts
        made = [c.at for c in counted if c.reached and c.channel in group]
        if made:
            about = {"channel": channel, "max": str(cap.max), "per": cap.per}
            gap = cap.min_gap_h or cap.min_gap_days
            if gap and limits.gap_until(cap, made, zones, at) > at:
                return *named, "min_gap", about
            if limits.count_until(cap, made, zones, at) > at:
                return *named, "cap_reached", about
    return None


def _message_denial(terms: _Terms, facts: Facts, at: datetime) -> _Denial | None:
    """Gates, duties and content: what is about to be said and what has to come before it."""
    if facts.message.action:
        denial = _gate_denial(terms, facts.message.action, facts, at)
        if denial is not None:
            return denial
    missed = _missed(terms, facts.debt, facts.message.gives, at) if terms.asking else None
    if missed is not None:
        about = {"notice": missed.notice, "day": missed.by.isoformat()}
        return missed.rule, missed.source, "notice_owed", about
    return content_denial(terms.content, terms.previews, facts.message)


def _barring(terms: _Terms, gives: Sequence[str]) -> Iterator[tuple[_Named, Duty]]:
    """The duties for which nothing is asked once they are missed; the notice itself still goes."""
    for named, duty in terms.duties:
        if duty.bars_asking and duty.notice not in gives:
            yield named, duty


def _missed(terms: _Terms, debt: Debt, gives: Sequence[str], at: datetime) -> OwedNotice | None:
    for (rule, source), duty in _barring(terms, gives):
        ends = duty_ends(duty, debt, terms.zones)
        if ends is not None and at >= ends[1]:
            return OwedNotice(rule, source, duty.notice, ends[0])
    return None


def _gate_denial(terms: _Terms, action: str, facts: Facts, at: datetime) -> _Denial | None:
    if action not in terms.stated_actions:
        return *_BUILT_IN, "action_not_stated", {"action": action}
    for named, gate in terms.gates:
        if gate.action == action and (found := gate_denial(gate, facts.debt, terms.zones, at)):
            return *named, *found
    return None


def _reached_everywhere(terms: _Terms, ordinal: int) -> datetime:
    return max(zone.first_instant(ordinal) for zone in terms.zones)


# --- the next allowed instant --------------------------------------------------------------------


def _next_allowed(
    compiled: _Compiled,
    key: _Key,
    point: ContactPoint | None,
    contacts: Sequence[ContactRecord],
    facts: Facts | None,
    at: datetime,
) -> datetime | None:
    """The earliest instant from `at` on that every rule allows.

    Laws that begin and requests that grow old cut the time ahead into stretches with terms of their
    own. Within one each rule moves the candidate to the earliest instant that it allows itself; no
    instant that is skipped is allowed by that rule, so when nobody moves it any more it is the
    answer.
    """
    channel, kind = key[0], key[2]
    moving = facts is not None or kind in compiled.on_request
    until = at + LOOK_AHEAD
    while at <= until:
        changes = None
        if moving:
            variant, changes = compiled.variant(channel, kind, facts, at)
            key = (*key[:5], variant)
        terms, ends = compiled.terms(key, at)
        if changes is not None and (ends is None or changes < ends):
            ends = changes
        if terms.barred is not None:
            return None  # laws are added, not repealed: what is barred stays barred
        found = _next_within(terms, channel, point, contacts, facts, at, until)
        if found is not None and (ends is None or found < ends):
            return found
        if ends is None:
            return None
        at = ends
    return None


def _next_within(
    terms: _Terms,
    channel: str,
    point: ContactPoint | None,
    contacts: Sequence[ContactRecord],
    facts: Facts | None,
    at: datetime,
    until: datetime,
) -> datetime | None:
    span = _beside_limits(terms, channel, point, facts, at)
    if span is None:
        return None
    at, closes = span
    has_history = contacts or facts is not None
    while (opens := _open_everywhere(terms, at, until)) is not None:
        at = _limits_until(terms, channel, contacts, facts, opens) if has_history else opens
        if at == opens:
            return at if closes is None or at < closes else None
    return None


def _beside_limits(
    terms: _Terms, channel: str, point: ContactPoint | None, facts: Facts | None, at: datetime
) -> Span | None:
    """From when to when all rules allow that do not ask about hours or the history."""
    consent = point.consent if point is not None else None
    # Asked again, since a law that begins meanwhile may want more of the point.
    if point is None or terms.zone_unknown:
        return None
    if (
        facts is not None or consent is None or not consent.evidence or terms.only_supplied
    ) and _point_denial(terms, channel, point, facts):
        return None
    spans: list[Span | None] = []
    if terms.consent is not None and consent is not None:
        granted = consent.granted_on
        if terms.consent_days or (granted and granted.toordinal() >= at.toordinal() - 1):
            spans.append(_consent_span(terms, point, facts, at))
    if facts is not None:
        spans.append(_stops_span(terms, facts, at))
        if facts.message.action:
            spans.append(_gates_span(terms, facts.message.action, facts, at))
        for _, duty in _barring(terms, facts.message.gives) if terms.asking else ():
            ends = duty_ends(duty, facts.debt, terms.zones)
            spans.append((at, ends[1] if ends is not None else None))
        if content_denial(terms.content, terms.previews, facts.message):
            return None
    return _joint(at, spans) if spans else (at, None)


def _stops_span(terms: _Terms, facts: Facts, at: datetime) -> Span | None:
    opens = at
    for _, kinds in terms.stops:
        for stop in facts.stops:
            if stop.kind in kinds:
                if stop.until is None:
                    return None
                opens = max(opens, stop.until)
    return opens, None


def _gates_span(terms: _Terms, action: str, facts: Facts, at: datetime) -> Span | None:
    if action not in terms.stated_actions:
        return None
    gates = (gate for _, gate in terms.gates if gate.action == action)
    return _joint(at, [gate_span(gate, facts.debt, terms.zones, at) for gate in gates])


def _joint(at: datetime, spans: Sequence[Span | None]) -> Span | None:
    """The stretch from `at` on in which all of them are open."""
    opens, closes = at, None
    for span in spans:
        if span is None:
            return None
        opens = max(opens, span[0])
        if span[1] is not None and (closes is None or span[1] < closes):
            closes = span[1]
    return (opens, closes) if closes is None or opens < closes else None


def _within(span: Span | None, until: datetime) -> datetime | None:
    return span[0] if span is not None and span[0] <= until else None


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
    terms: _Terms,
    channel: str,
    contacts: Sequence[ContactRecord],
    facts: Facts | None,
    at: datetime,
) -> datetime:
    """An instant from `at` on before which some limit refuses; `at` itself if none does."""
    zones = terms.zones
    for _, lock, two_way in terms.locks:
        counted = limits.counted(contacts, facts) if two_way else contacts
        others = limits.locking(lock, channel, counted, facts, at)
        at = limits.lock_until(lock, others, zones, at)
    for _, cooldown in terms.cooldowns:
        at = limits.cooled_until(cooldown, contacts, facts, zones, at)
    for _, cap, group, two_way in terms.caps:
        counted = limits.counted(contacts, facts) if two_way else contacts
        made = [c.at for c in counted if c.reached and c.channel in group]
        if made:
            at = limits.gap_until(cap, made, zones, at)
            at = limits.count_until(cap, made, zones, at)
    return at
