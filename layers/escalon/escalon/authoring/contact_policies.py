"""Contact policies and calendars as operators write them, and their composition into one policy.

`contact_policies/*.yaml` hold one layer each, `calendars/*.yaml` the holidays of one country. The
models know only what `domain.contact_policy` carries out: a rule that nothing executes is an
unknown key and refused (lesson L24).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from escalon.authoring.yaml_lines import WrongValueError, WrongValuesError
from escalon.domain import contact_policy as domain
from escalon.domain.account import Channel
from escalon.domain.calendar import Calendar, Range, Week, is_within
from escalon.domain.contact_policy import LEVELS, Layer, Level, Limit, Policy, Provenance

# What may be forbidden besides the channels that the system can use.
AnyChannel = Channel | Literal["visit", "social_public", "postcard"]
AnyRole = Literal[
    "debtor",
    "codebtor",
    "guarantor",
    "reference",
    "family",
    "employer",
    "coworker",
    "neighbour",
    "minor",
    "third_party",
]
# How sure we are of a rule: its text was read at an official source; read as quoted elsewhere;
# reported by a press or law firm's page; known in general and not looked up; our own rule.
Confidence = Literal[
    "official text", "quoted text", "secondary source", "general knowledge", "house rule"
]
# Messages that are no collection. Nothing in them may ask for money (contact-law C10).
ExemptKind = Literal[
    "reply_to_inbound", "requested_information", "transaction_confirmation", "fraud_alert"
]

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAYS = re.compile(rf"({'|'.join(_WEEKDAYS)})(?:-({'|'.join(_WEEKDAYS)}))?")
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d) to ([01]\d|2[0-4]):([0-5]\d)")


def _hours(value: Any) -> Range:
    match = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise WrongValueError(f"cannot read {value!r} as hours", "write it like '07:00 to 18:55'")
    opens, closes = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if closes > 24 * 60:
        raise WrongValueError(f"{value!r} goes past midnight", "a day ends at 24:00")
    if opens >= closes:
        raise WrongValueError(
            f"{value!r} ends before it starts",
            "write the earlier time first; split a window that crosses midnight over two days",
        )
    return opens, closes


def _several(value: Any) -> Any:
    """`closed`, one stretch of hours, or a list of them."""
    if value == "closed":
        return []
    return [value] if isinstance(value, str) else value


def _every_channel(value: Any) -> Any:
    return list(get_args(Channel)) if value == "all" else value


Hours = Annotated[tuple[int, int], BeforeValidator(_hours)]
DayHours = Annotated[list[Hours], BeforeValidator(_several)]


ChannelGroup = Annotated[list[Channel], BeforeValidator(_every_channel), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Rule(_Part):
    """What every rule says about itself."""

    source: Annotated[str, Field(min_length=1)]
    confidence: Confidence
    valid_from: date | None = None
    reviewed_by: str | None = None

    def provenance(self) -> Provenance:
        return Provenance(self.source, self.confidence, self.valid_from, self.reviewed_by)


def _not_both(allow: Sequence[str] | None, deny: Sequence[str]) -> None:
    both = [word for word in deny if word in (allow or ())]
    if both:
        raise WrongValueError(
            f"{', '.join(both)} stands under allow and under deny", "leave it in one of the two"
        )


class RecipientsRule(_Rule):
    """Who may be contacted about a debt."""

    allow: Annotated[list[AnyRole], Field(min_length=1)] | None = None
    deny: list[AnyRole] = []

    @model_validator(mode="after")
    def _consistent(self) -> "RecipientsRule":
        _not_both(self.allow, self.deny)
        return self

    def compiled(self) -> domain.Recipients:
        return domain.Recipients(self.provenance(), _tuple(self.allow), tuple(self.deny))


class ChannelsRule(_Rule):
    """By which means."""

    allow: Annotated[list[Channel], Field(min_length=1)] | None = None
    deny: list[AnyChannel] = []
    require_consent: bool | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "ChannelsRule":
        _not_both(self.allow, self.deny)
        return self

    def compiled(self) -> domain.Channels:
        return domain.Channels(
            self.provenance(), _tuple(self.allow), tuple(self.deny), self.require_consent
        )


def _tuple(words: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)


def _weekdays(days: str) -> range:
    match = _DAYS.fullmatch(days)
    if match is None:
        raise WrongValueError(
            f"'{days}' is not a day of the week",
            f"write one of {', '.join(_WEEKDAYS)}, or a span such as mon-fri",
            at=(days,),
        )
    first = _WEEKDAYS.index(match[1])
    last = _WEEKDAYS.index(match[2]) if match[2] else first
    if last < first:
        raise WrongValueError(
            f"'{days}' runs over the end of the week", "write two lines instead", at=(days,)
        )
    return range(first, last + 1)


def _whole_week(days: dict[str, Any]) -> dict[str, Any]:
    """Every day of the week is stated, and once: a day that is not is a mistake, not a closure."""
    wrongs: list[WrongValueError] = []
    said: dict[int, str] = {}
    for span, hours in days.items():
        try:
            weekdays = _weekdays(span)
        except WrongValueError as wrong:
            wrongs.append(wrong)
            continue
        for weekday in weekdays:
            if weekday in said:
                wrongs.append(
                    WrongValueError(
                        f"{_DAY_NAMES[weekday]} stands under '{said[weekday]}' and '{span}'",
                        "leave it in one of the two",
                        at=(span,),
                    )
                )
            said[weekday] = span
        for earlier, later in pairwise(sorted(hours)):
            if later[0] < earlier[1]:
                wrongs.append(
                    WrongValueError("these hours overlap", "join them into one", at=(span,))
                )
    if not wrongs:
        missing = [_DAY_NAMES[day] for day in range(7) if day not in said]
        if missing:
            wrongs.append(
                WrongValueError(
                    f"nothing is said about {', '.join(missing)}",
                    "add a line for each day; a day without contact is 'closed'",
                )
            )
    if wrongs:
        raise WrongValuesError(wrongs)
    return days


class WindowsRule(_Rule):
    """The hours in which the debtor may be contacted, on the debtor's own clock."""

    days: dict[str, DayHours]

    @model_validator(mode="after")
    def _complete(self) -> "WindowsRule":
        try:
            _whole_week(self.days)
        except WrongValuesError as error:
            raise WrongValuesError(
                WrongValueError(wrong.message, wrong.remedy, ("days", *wrong.at))
                for wrong in error.wrongs
            ) from error
        return self

    def compiled(self) -> domain.Windows:
        week: list[tuple[Range, ...]] = [()] * 7
        for span, hours in self.days.items():
            for weekday in _weekdays(span):
                week[weekday] = tuple(sorted(hours))
        return domain.Windows(self.provenance(), tuple(week))


class HolidaysRule(_Rule):
    """The days of the year on which nobody is contacted."""

    calendar: Annotated[str, Field(min_length=1)] | None = None
    extra: list[date] = []

    @model_validator(mode="after")
    def _some(self) -> "HolidaysRule":
        if self.calendar is None and not self.extra:
            raise WrongValueError(
                "no calendar and no days are named",
                "name a calendar (calendar: CO), list days under extra, or leave holidays out",
            )
        return self

    def compiled(self) -> domain.Holidays:
        return domain.Holidays(
            self.provenance(), self.calendar or "", tuple(sorted(set(self.extra)))
        )


class ChannelLockRule(_Rule):
    """How many different channels a person may be contacted by in a week."""

    per: Literal["rolling_7d", "iso_week"]
    max_distinct: Annotated[int, Field(ge=1)]
    failover_on: Literal["hard_failure", "never"]

    def compiled(self) -> domain.ChannelLock:
        return domain.ChannelLock(self.provenance(), self.per, self.max_distinct, self.failover_on)


class CapRule(_Rule):
    """How often a person may be contacted, over a group of channels."""

    channels: ChannelGroup
    per: Literal["calendar_day", "rolling_7d"]
    max: Annotated[int, Field(ge=1)]
    min_gap_h: Annotated[int, Field(ge=0, le=24 * 366)] = 0
    min_gap_days: Annotated[int, Field(ge=0, le=366)] = 0

    def compiled(self) -> domain.Cap:
        return domain.Cap(
            self.provenance(),
            self.per,
            self.max,
            () if set(self.channels) == set(get_args(Channel)) else tuple(self.channels),
            self.min_gap_h,
            self.min_gap_days,
        )


class ExemptRule(_Rule):
    """A kind of message that some limits of this policy do not bind."""

    kind: ExemptKind
    skips: Annotated[list[Limit], Field(min_length=1)]

    def compiled(self) -> domain.Exemption:
        return domain.Exemption(self.provenance(), self.kind, tuple(self.skips))


class PolicyFile(_Part):
    """`contact_policies/<policy>.yaml`."""

    policy: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*([._-][a-z0-9]+)*$", max_length=40)]
    level: Level
    recipients: RecipientsRule | None = None
    channels: ChannelsRule | None = None
    windows: WindowsRule | None = None
    holidays: HolidaysRule | None = None
    channel_lock: ChannelLockRule | None = None
    caps: list[CapRule] = []
    exempt: list[ExemptRule] = []

    @model_validator(mode="after")
    def _each_kind_once(self) -> "PolicyFile":
        kinds = [rule.kind for rule in self.exempt]
        for index, kind in enumerate(kinds):
            if kind in kinds[:index]:
                raise WrongValueError(
                    f"{kind} is exempted twice", "join the two", at=("exempt", index, "kind")
                )
        return self


def compile_layer(file: PolicyFile) -> Layer:
    """The layer that the engine carries out."""
    return Layer(
        policy=file.policy,
        level=file.level,
        recipients=file.recipients.compiled() if file.recipients else None,
        channels=file.channels.compiled() if file.channels else None,
        windows=file.windows.compiled() if file.windows else None,
        holidays=file.holidays.compiled() if file.holidays else None,
        channel_lock=file.channel_lock.compiled() if file.channel_lock else None,
        caps=tuple(rule.compiled() for rule in file.caps),
        exempt=tuple(rule.compiled() for rule in file.exempt),
    )


# --- calendars -----------------------------------------------------------------------------------


class OwnDay(_Part):
    """A day that a person added to or took from the generated ones, with the law that says so."""

    day: date
    name: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]


class CalendarFile(_Part):
    """`calendars/<country>.yaml`: generated years, and corrections by hand that outlive them."""

    calendar: Annotated[str, Field(pattern="^[A-Z]{2}(-[A-Z0-9]{1,8})?$")]
    source: Annotated[str, Field(min_length=1)]
    years: Annotated[dict[int, dict[date, str]], Field(min_length=1)]
    regions: dict[str, dict[date, str]] = {}
    extra: list[OwnDay] = []
    removed: list[OwnDay] = []

    @model_validator(mode="after")
    def _consistent(self) -> "CalendarFile":
        wrongs = [
            WrongValueError(
                f"{day} is not a day of {year}",
                "move it to its year",
                at=("years", str(year), day.isoformat()),
            )
            for year, days in self.years.items()
            for day in days
            if day.year != year
        ]
        wrongs += [
            WrongValueError(
                f"{own.day} lies in a year that is not loaded",
                f"generate {own.day.year} first",
                at=("extra", index, "day"),
            )
            for index, own in enumerate(self.extra)
            if own.day.year not in self.years
        ]
        known = {day for days in self.years.values() for day in days}
        wrongs += [
            WrongValueError(
                f"{own.day} is no holiday that could be removed",
                "correct the date, or delete the entry",
                at=("removed", index, "day"),
            )
            for index, own in enumerate(self.removed)
            if own.day not in known
        ]
        if wrongs:
            raise WrongValuesError(wrongs)
        return self


def compile_calendar(file: CalendarFile) -> Calendar:
    """The calendar with its corrections; what is removed and added again is a holiday."""
    days = {day for days in file.years.values() for day in days}
    days -= {own.day for own in file.removed}
    days |= {own.day for own in file.extra}
    return Calendar(
        file.calendar,
        tuple(sorted(file.years)),
        tuple(sorted(days)),
        {region: tuple(sorted(own)) for region, own in sorted(file.regions.items())},
    )


# --- composition ---------------------------------------------------------------------------------


def compose(*layers: Layer, calendars: Iterable[Calendar] = ()) -> Policy:
    """One policy of several: a contact has to be allowed by each of them.

    Raises WrongValuesError with everything that is wrong: a house policy that says something
    looser than the law (it would have no effect, and whoever wrote it should know), a calendar
    that is not there, a policy that leaves open whom to contact or when.
    """
    wrongs: list[WrongValueError] = []
    loaded: dict[str, Calendar] = {}
    for calendar in calendars:
        if calendar.calendar in loaded:
            wrongs.append(
                WrongValueError(
                    f"there are two calendars {calendar.calendar}", "keep one of the two files"
                )
            )
        loaded[calendar.calendar] = calendar
    names = [layer.policy for layer in layers]
    wrongs += [
        WrongValueError(f"the policy {name} is named twice", "name it once")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if not any(layer.recipients and layer.recipients.allow for layer in layers):
        wrongs.append(
            WrongValueError(
                "no policy says who may be contacted",
                "add a policy with 'recipients: {allow: [debtor]}', such as house",
            )
        )
    if not any(layer.windows for layer in layers):
        wrongs.append(
            WrongValueError(
                "no policy says at what hours people may be contacted",
                "add a policy with 'windows', such as house",
            )
        )
    wrongs += [
        WrongValueError(
            f"{layer.policy} names the calendar {layer.holidays.calendar}, which is not there",
            f"there are: {', '.join(sorted(loaded)) or 'none'}; generate it with "
            "`python -m escalon_cli.calendars`",
        )
        for layer in layers
        if layer.holidays and layer.holidays.calendar and layer.holidays.calendar not in loaded
    ]
    for house in layers:
        if house.level == "house":
            for law in layers:
                if law.level != "house":
                    wrongs += _loosened(house, law)
    if wrongs:
        raise WrongValuesError(wrongs)
    named = {layer.holidays.calendar for layer in layers if layer.holidays}
    return Policy(
        tuple(sorted(layers, key=lambda layer: LEVELS.index(layer.level))),
        {name: calendar for name, calendar in sorted(loaded.items()) if name in named},
    )


def unreviewed(policy: Policy) -> list[str]:
    """The rules that nobody has signed off, e.g. "co.windows", for the check before going live."""
    found = []
    for layer in policy.layers:
        for field in layer.__struct_fields__:
            value = getattr(layer, field)
            rules = value if isinstance(value, tuple) else (value,)
            for index, rule in enumerate(rules):
                # Every struct of a layer is a rule, and every rule says where it comes from.
                about = getattr(rule, "about", None)
                if isinstance(about, Provenance) and not about.reviewed_by:
                    place = f"[{index}]" if isinstance(value, tuple) else ""
                    found.append(f"{layer.policy}.{field}{place}")
    return found


def _loosened(house: Layer, law: Layer) -> Iterator[WrongValueError]:
    """What the house says that is looser than the law says."""

    def looser(field: str, what: str) -> WrongValueError:
        return WrongValueError(
            f"{house.policy}.{field} {what}, which {law.policy} does not allow; "
            "a house policy can only tighten",
            f"make it as strict as {law.policy}, or leave it out",
        )

    if house.recipients and law.recipients:
        for role in house.recipients.allow or ():
            allowed = law.recipients.allow
            if role in law.recipients.deny or (allowed is not None and role not in allowed):
                yield looser("recipients", f"allows {role}")
    if house.channels and law.channels:
        for channel in house.channels.allow or ():
            allowed = law.channels.allow
            if channel in law.channels.deny or (allowed is not None and channel not in allowed):
                yield looser("channels", f"allows {channel}")
        if house.channels.require_consent is False and law.channels.require_consent:
            yield looser("channels", "does without consent")
    if house.windows and law.windows:
        for weekday, name in enumerate(_DAY_NAMES):
            ours = _only(house.windows.week, weekday)
            if not is_within(ours, law.windows.week):
                yield looser("windows", f"opens at other hours on {name}")
    if house.channel_lock and law.channel_lock:
        ours_lock, laws = house.channel_lock, law.channel_lock
        if ours_lock.max_distinct > laws.max_distinct:
            yield looser("channel_lock", f"allows {ours_lock.max_distinct} channels")
        if ours_lock.per == "iso_week" and laws.per == "rolling_7d":
            yield looser("channel_lock", "counts by calendar week instead of any seven days")
        if ours_lock.failover_on == "hard_failure" and laws.failover_on == "never":
            yield looser("channel_lock", "lets another channel follow on a failure")
    for index, ours_cap in enumerate(house.caps):
        for cap in law.caps:
            group = set(cap.channels or get_args(Channel))
            if ours_cap.per != cap.per or not group >= set(ours_cap.channels or get_args(Channel)):
                continue
            if ours_cap.max > cap.max:
                yield looser(f"caps[{index}]", f"allows {ours_cap.max} contacts")
            if 0 < ours_cap.min_gap_h < cap.min_gap_h:
                yield looser(f"caps[{index}]", f"leaves {ours_cap.min_gap_h} hours between")
            if 0 < ours_cap.min_gap_days < cap.min_gap_days:
                yield looser(f"caps[{index}]", f"leaves {ours_cap.min_gap_days} days between")


def _only(week: Week, weekday: int) -> Week:
    return tuple(hours if day == weekday else () for day, hours in enumerate(week))
