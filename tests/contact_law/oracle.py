"""A second, slower judge of contacts, which shares no code with the contact policy.

It reads the law's files as plain data and asks, for one contact that was made, every rule by itself
on the clock of every place where the person may be: no compiled plans, no next instant, no verdict,
only the list of what was broken. Whatever leaves the system is held against it.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from escalon.authoring import yaml_lines

CONFIG = Path(__file__).parents[2] / "config"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_CHANNEL = ("email", "sms", "whatsapp", "voice", "letter")
# Kinds of messages that ask for something.
ASKING = ("collection", "statutory_notice", "agreed_call")


class Made(NamedTuple):
    """A contact that reached the person, or may have."""

    at: datetime
    channel: str


class Given(NamedTuple):
    """A consent: since when, with what proof, until when (None: it stands)."""

    on: date | None
    proof: str
    revoked_at: datetime | None = None


class Question(NamedTuple):
    """One contact as it was made."""

    at: datetime
    channel: str
    zones: tuple[str, ...]  # that we were told; empty: none
    region: str
    consent: Given | None
    before: tuple[Made, ...] = ()
    role: str = "debtor"
    kind: str = "collection"
    stops: tuple[str, ...] = ()
    address_failed: bool = False
    refused: bool = False  # whether the person wants nothing by this channel
    origin: str = ""  # of the address
    use: str = ""


def breaches(country: str, asked: Question) -> list[str]:
    """Every rule of the country's law, and of what is never done, that the contact breaks."""
    found = [
        f"{name}: {wrong}"
        for name in ("core.never", country.lower())
        for wrong in _of_layer(_law(name), country, asked)
    ]
    if asked.refused:
        found.append("the person refuses the channel")
    if asked.address_failed:
        found.append("the address is known not to work")
    return found


def barring_notices(country: str) -> list[tuple[str, int]]:
    """The notices without which nothing more may be asked for about a debt, and within how many
    days of the first communication about it each has to be given."""
    return [
        (duty["notice"], duty["within_days"])
        for duty in _law(country.lower()).get("duties", ())
        if duty["bars_asking"] and duty["after"] == "first_contact"
    ]


def read_along(opening: str) -> list[str]:
    """The words of debt and the amounts in what others can read on a locked screen (a subject, the
    first words of an SMS), in whatever language they are."""
    rule = _law("core.never")["preview"]
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFD", opening.casefold())
        if not unicodedata.combining(letter)
    )
    found = [
        word
        for word in sorted({word for words in rule["forbid_words"].values() for word in words})
        if re.search(
            rf"\b{re.escape(word.removesuffix('*'))}{'' if word[-1] == '*' else r'\b'}", plain
        )
    ]
    return found + re.findall(r"[$€£]\s?\d[\d.,]*", plain)


@cache
def _law(name: str) -> dict[str, Any]:
    return _data(CONFIG / "contact_policies" / f"{name}.yaml")


def _data(path: Path) -> dict[str, Any]:
    document = yaml_lines.read(path.read_text(encoding="utf-8"), path.name)
    assert not isinstance(document, list)
    found: dict[str, Any] = document.data
    return found


@cache
def _zones(country: str) -> dict[str, Any]:
    found: dict[str, Any] = _law(country.lower())["zones"]["zones"]
    return found


@cache
def _days_of_rest(calendar: str, region: str) -> tuple[frozenset[str], frozenset[str]]:
    """The days on which nobody is contacted, and the years that are loaded."""
    data = _data(CONFIG / "calendars" / f"{calendar}.yaml")
    days = {str(day) for of_year in data["years"].values() for day in of_year or {}}
    regions = data.get("regions") or {}
    for name, own in regions.items():
        if name == region or region not in regions:
            days |= {str(day) for day in own or {}}
    days -= {str(each["day"]) for each in data.get("removed") or ()}
    days |= {
        str(each["day"])
        for each in data.get("extra") or ()
        if each.get("region") in (None, region) or region not in regions
    }
    return frozenset(days), frozenset(str(year) for year in data["years"])


def places(country: str, zones: Sequence[str], region: str) -> set[str]:
    """Where the person may be: each zone that we were told, with those of their region if none of
    them was told; every zone of the country if we were told nothing."""
    told = set(zones)
    known = _zones(country)
    here = {zone for zone, own in known.items() if own == "everywhere" or region in own}
    distinguished = any(own != "everywhere" and region in own for own in known.values())
    if distinguished:
        return told if told & here else told | here
    return told or set(known)


def _of_layer(law: dict[str, Any], country: str, asked: Question) -> list[str]:
    found: list[str] = []
    clocks = [asked.at.astimezone(ZoneInfo(zone)) for zone in _places_of(country, asked)]
    skipped = {
        limit
        for each in law.get("exempt", ())
        if asked.kind in each["kinds"] and "after" not in each and _begun(each, clocks)
        for limit in each["skips"]
    }
    asking = asked.kind in ASKING

    def binds(name: str) -> dict[str, Any] | None:
        rule = law.get(name)
        return rule if rule is not None and name not in skipped and _begun(rule, clocks) else None

    for rule in law.get("stops", ()):
        if rule["stops"] == "everything" or asking:
            found += [f"stopped: {s}" for s in asked.stops if s in rule["when"]]
    if rule := binds("recipients"):
        denied = asked.role in rule.get("deny", ())
        if denied or asked.role not in rule.get("allow", (asked.role,)):
            found.append("recipient")
    if rule := binds("points"):
        if asked.origin in rule.get("deny_origins", ()):
            found.append(f"address from {asked.origin}")
        if asked.use in rule.get("deny_uses", ()):
            found.append(f"address for {asked.use}")
    if rule := binds("channels"):
        found += _channel(rule, asked, clocks)
    if rule := binds("holidays"):
        days, years = _days_of_rest(str(rule["calendar"]), asked.region)
        for local in clocks:
            if f"{local:%Y}" not in years:
                found.append(f"holidays of {local:%Y} unknown")
            if f"{local:%Y-%m-%d}" in days:
                found.append(f"holiday {local:%Y-%m-%d}")
    if rule := binds("windows"):
        found += [f"closed at {t:%a %H:%M} ({t.tzname()})" for t in clocks if not _open(rule, t)]
    if rule := binds("channel_lock"):
        found += _lock(rule, asked, clocks)
    if "cooldowns" not in skipped:
        for rule in law.get("cooldowns", ()):
            found += _cooldown(rule, asked, clocks)
    if "caps" not in skipped:
        for rule in law.get("caps", ()):
            if _begun(rule, clocks):
                found += _cap(rule, asked, clocks)
    return found


def _places_of(country: str, asked: Question) -> list[str]:
    return sorted(places(country, asked.zones, asked.region))


def _begun(rule: dict[str, Any], clocks: Sequence[datetime]) -> bool:
    since = rule.get("valid_from")
    return since is None or any(f"{local:%Y-%m-%d}" >= str(since) for local in clocks)


def _open(rule: dict[str, Any], local: datetime) -> bool:
    for span, hours in rule["days"].items():
        first, _, last = span.partition("-")
        days = range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1)
        if local.weekday() in days and hours != "closed":
            for stretch in [hours] if isinstance(hours, str) else hours:
                opens, closes = stretch.split(" to ")
                if opens <= f"{local:%H:%M}" < closes:
                    return True
    return False


def _channel(rule: dict[str, Any], asked: Question, clocks: Sequence[datetime]) -> list[str]:
    found = []
    if asked.channel in rule.get("deny", ()) or asked.channel not in rule.get(
        "allow", EVERY_CHANNEL
    ):
        found.append(f"channel {asked.channel}")
    required = rule.get("require_consent", False)
    if required is True or (isinstance(required, list) and asked.channel in required):
        consent = asked.consent
        if consent is None:
            found.append("no consent")
        elif rule.get("require_evidence") and not consent.proof:
            found.append("consent without proof")
        days = (rule.get("consent_days") or {}).get(asked.channel)
        if consent is not None and consent.on is None and days:
            found.append("consent of unknown age")
        if consent is not None and consent.on is not None:
            if any(local.date() < consent.on for local in clocks):
                found.append("consent of a later day")
            if days and any(local.date() > consent.on + timedelta(days=days) for local in clocks):
                found.append("consent too old")
    if asked.consent is not None and asked.consent.revoked_at is not None:
        found.append("consent withdrawn")
    return found


def _lock(rule: dict[str, Any], asked: Question, clocks: Sequence[datetime]) -> list[str]:
    assert rule["per"] == "rolling_7d"
    week_ago = asked.at - timedelta(days=7)
    used = {made.channel for made in asked.before if week_ago < made.at <= asked.at}
    if len(used - {asked.channel}) >= rule["max_distinct"]:
        return [f"another channel within seven days: {', '.join(sorted(used))}"]
    return []


def _cooldown(rule: dict[str, Any], asked: Question, clocks: Sequence[datetime]) -> list[str]:
    """Nobody keeps conversations here, so every call may have been one; its day is the first."""
    if asked.channel not in rule["block"]:
        return []
    talks = [made.at for made in asked.before if made.channel in rule["after"]]
    return [
        f"spoke on {talk:%Y-%m-%d}"
        for talk in talks
        for local in clocks
        if (local.date() - talk.astimezone(local.tzinfo).date()).days < rule["days"]
    ]


def _cap(rule: dict[str, Any], asked: Question, clocks: Sequence[datetime]) -> list[str]:
    group = EVERY_CHANNEL if rule["channels"] == "all" else rule["channels"]
    if asked.channel not in group:
        return []
    made = [m.at for m in asked.before if m.channel in group and m.at <= asked.at]
    found = []
    if rule["per"] == "rolling_7d":
        week = [at for at in made if at > asked.at - timedelta(days=7)]
        if len(week) >= rule["max"]:
            found.append(f"more than {rule['max']} in seven days")
    else:
        for local in clocks:
            same = [at for at in made if at.astimezone(local.tzinfo).date() == local.date()]
            if len(same) >= rule["max"]:
                found.append(f"more than {rule['max']} on {local.date()}")
    gap_h, gap_days = rule.get("min_gap_h", 0), rule.get("min_gap_days", 0)
    if made and gap_h and asked.at - max(made) < timedelta(hours=gap_h):
        found.append(f"less than {gap_h} hours after the last")
    if made and gap_days:
        for local in clocks:
            last = max(made).astimezone(local.tzinfo).date()
            if (local.date() - last).days < gap_days:
                found.append(f"less than {gap_days} days after the last")
    return found
