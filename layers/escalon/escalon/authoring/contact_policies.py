"""Contact policies as operators write them.

`contact_policies/*.yaml` hold one layer each. The models know only what `domain.contact.policy`
carries out: a rule that nothing executes is an unknown key and refused (lesson L24).
"""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from escalon.authoring.words import Amounts
from escalon.authoring.yaml_lines import WrongValueError, WrongValuesError
from escalon.domain.account import Channel
from escalon.domain.calendar import Range, find_zone
from escalon.domain.contact import rules as domain
from escalon.domain.contact.content import folded
from escalon.domain.contact.rules import (
    Action,
    Block,
    ExemptKind,
    Kind,
    Layer,
    Level,
    Limit,
    NoticeName,
    OnFile,
    Origin,
    Place,
    Provenance,
    StopKind,
    Use,
    Wrong,
)
from escalon.domain.money import minor_digits

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
    "elderly_non_debtor",
    "beneficiary",
    "occupier",
    "group_chat",
    "third_party",
    "representative",
    "spouse",
    "guardian",
    "executor",
    "attorney",
]
# How sure we are of a rule: its text was read at an official source; read as quoted elsewhere;
# reported by a press or law firm's page; known in general and not looked up; our own rule.
Confidence = Literal[
    "official text", "quoted text", "secondary source", "general knowledge", "house rule"
]

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAYS = re.compile(rf"({'|'.join(_WEEKDAYS)})(?:-({'|'.join(_WEEKDAYS)}))?")
_PREVIEW_WORD = re.compile(r"\w[\w -]*\*?")
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


# A part of a country as ISO 3166-2 writes it, without the country: "ANT", "11", "ENG".
Region = Annotated[str, Field(pattern="^[A-Z0-9]{1,3}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Fact(_Part):
    """What every rule says about itself."""

    source: Annotated[str, Field(min_length=1)]
    confidence: Confidence
    reviewed_by: str | None = None


class _Rule(_Fact):
    """And since when it binds."""

    valid_from: date | None = None

    def provenance(self) -> Provenance:
        return Provenance(self.source, self.confidence, self.valid_from, self.reviewed_by)


class StopsRule(_Rule):
    """States in which a person is left alone."""

    when: Annotated[list[StopKind], Field(min_length=1)]
    stops: Literal["everything", "asking"]
    except_roles: list[AnyRole] = []

    def compiled(self) -> domain.Stops:
        return domain.Stops(
            self.provenance(),
            tuple(self.when),
            self.stops == "asking",
            tuple(self.except_roles),
        )


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
    """By which means, and with what consent."""

    allow: Annotated[list[Channel], Field(min_length=1)] | None = None
    deny: list[AnyChannel] = []
    require_consent: bool | Annotated[list[Channel], Field(min_length=1)] | None = None
    require_evidence: bool | None = None
    consent_days: dict[Channel, Annotated[int, Field(ge=1)]] = {}

    @model_validator(mode="after")
    def _consistent(self) -> "ChannelsRule":
        _not_both(self.allow, self.deny)
        required = self.require_consent
        for channel in self.consent_days:
            if not (channel in required if isinstance(required, list) else required):
                raise WrongValueError(
                    f"a consent to {channel} is not required, so it cannot grow old",
                    f"write 'require_consent: [{channel}]', or leave the days out",
                    at=("consent_days", channel),
                )
        return self

    def compiled(self) -> domain.Channels:
        required = self.require_consent
        return domain.Channels(
            self.provenance(),
            _tuple(self.allow),
            tuple(self.deny),
            tuple(required) if isinstance(required, list) else required,
            self.require_evidence,
            {str(channel): days for channel, days in self.consent_days.items()},
        )


class PointsRule(_Rule):
    """Which addresses and numbers, whatever their channel."""

    deny_origins: list[Origin] = []
    deny_uses: list[Use] = []
    only_supplied: bool = False

    def compiled(self) -> domain.Points:
        return domain.Points(
            self.provenance(), tuple(self.deny_origins), tuple(self.deny_uses), self.only_supplied
        )


class ZonesRule(_Fact):
    """Which time zones are kept in which regions of the country."""

    zones: Annotated[dict[str, list[Region] | Literal["everywhere"]], Field(min_length=1)]

    @model_validator(mode="after")
    def _known(self) -> "ZonesRule":
        unknown = [zone for zone in self.zones if find_zone(zone) is None]
        if unknown:
            raise WrongValuesError(
                WrongValueError(
                    f"there is no time zone {zone}", "write it like America/Bogota", ("zones", zone)
                )
                for zone in unknown
            )
        return self

    def compiled(self) -> domain.Places:
        return domain.Places(
            Provenance(self.source, self.confidence, None, self.reviewed_by),
            {
                zone: () if regions == "everywhere" else tuple(regions)
                for zone, regions in self.zones.items()
            },
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
                        f"{DAY_NAMES[weekday]} stands under '{said[weekday]}' and '{span}'",
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
        missing = [DAY_NAMES[day] for day in range(7) if day not in said]
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
    extra_on_request: bool = False

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
        return domain.Windows(self.provenance(), tuple(week), self.extra_on_request)


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


class CountsRule(_Rule):
    """What this policy's lock and caps count as a contact."""

    what: Literal["attempt", "two_way"]

    def compiled(self) -> domain.Counts:
        return domain.Counts(self.provenance(), self.what)


class ChannelLockRule(_Rule):
    """How many different channels a person may be contacted by in a week."""

    per: Literal["rolling_7d", "iso_week"]
    max_distinct: Annotated[int, Field(ge=1)]
    failover_on: Literal["hard_failure", "never"]
    release_on_request: bool = False

    def compiled(self) -> domain.ChannelLock:
        return domain.ChannelLock(
            self.provenance(),
            self.per,
            self.max_distinct,
            self.failover_on,
            self.release_on_request,
        )


class CooldownRule(_Rule):
    """How long a conversation rests some channels."""

    after: Annotated[list[Channel], Field(min_length=1)]
    include_inbound: bool
    block: ChannelGroup
    days: Annotated[int, Field(ge=1, le=366)]

    def compiled(self) -> domain.Cooldown:
        return domain.Cooldown(
            self.provenance(),
            tuple(self.block),
            self.days,
            tuple(self.after),
            self.include_inbound,
        )


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
    """Kinds of message that some limits of this policy do not bind."""

    kinds: Annotated[list[ExemptKind], Field(min_length=1)]
    skips: Annotated[list[Limit], Field(min_length=1)]
    after: Literal["answer", "call"] | None = None
    within_h: Annotated[int, Field(ge=1, le=24 * 366)] | None = None
    same_channel: bool = False

    @model_validator(mode="after")
    def _asked(self) -> "ExemptRule":
        if self.after is None and (self.within_h or self.same_channel):
            raise WrongValueError(
                "it is not said what the person has to have asked for",
                "add 'after: answer' or 'after: call'",
            )
        return self

    def compiled(self) -> domain.Exemption:
        return domain.Exemption(
            self.provenance(),
            tuple(self.kinds),
            tuple(self.skips),
            self.after or "",
            self.within_h or 0,
            self.same_channel,
        )


class GateRule(_Rule):
    """What has to have happened before something is done about a debt."""

    action: Action
    require: list[OnFile] = []
    notice: NoticeName | None = None
    notices: Annotated[int, Field(ge=1)] | None = None
    distinct_days: bool = False
    wait_days: Annotated[int, Field(ge=1)] | None = None
    wait_after: Literal["notice", "due_date"] = "notice"
    max_months: Annotated[int, Field(ge=1)] | None = None
    least_principal: Amounts | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "GateRule":
        wrongs: list[WrongValueError] = []
        if self.notice is None and (self.notices or self.distinct_days):
            wrongs.append(
                WrongValueError("it is not said which notice", "add 'notice: bureau_notice', say")
            )
        if self.notice is None and self.wait_days and self.wait_after == "notice":
            wrongs.append(
                WrongValueError(
                    "there is no notice to wait after",
                    "name the notice, or write 'wait_after: due_date'",
                    at=("wait_days",),
                )
            )
        if self.distinct_days and (self.notices or 1) < 2:
            wrongs.append(
                WrongValueError(
                    "one notice has no two days", "write 'notices: 2'", at=("distinct_days",)
                )
            )
        if wrongs:
            raise WrongValuesError(wrongs)
        return self

    def compiled(self) -> domain.Gate:
        return domain.Gate(
            self.provenance(),
            self.action,
            tuple(self.require),
            self.notice or "",
            (self.notices or 1) if self.notice else 0,
            self.distinct_days,
            self.wait_days or 0,
            self.wait_after,
            self.max_months or 0,
            self.least_principal or {},
        )


class DutyRule(_Rule):
    """A notice that has to be given by a day."""

    notice: NoticeName
    within_days: Annotated[int, Field(ge=1)]
    after: Literal["first_contact", "due_date"]
    bars_asking: bool

    def compiled(self) -> domain.Duty:
        return domain.Duty(
            self.provenance(), self.notice, self.within_days, self.after, self.bars_asking
        )


def _hundredths(value: Any) -> int:
    """An amount with at most two decimals, in hundredths."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
        raise WrongValueError(f"{value!r} is no amount", "write it like 39_485.65")
    hundredths = Decimal(value) * 100
    if hundredths != int(hundredths):
        raise WrongValueError(f"{value} has more than two decimals", "write it like 39_485.65")
    return int(hundredths)


_Hundredths = Annotated[int, BeforeValidator(_hundredths)]


class TrancheRule(_Part):
    """A share of what is overdue, up to so many units."""

    up_to: _Hundredths | None = None
    percent: _Hundredths


class FeesRule(_Rule):
    """How much fees may come to."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    unit_values: dict[Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")], _Hundredths]
    tranches: Annotated[list[TrancheRule], Field(min_length=1)]
    less_units: _Hundredths | None = None
    unless: NoticeName | None = None
    within_days: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "FeesRule":
        *bounds, end = [tranche.up_to for tranche in self.tranches]
        known = [bound for bound in bounds if bound is not None]
        if end is not None or known != bounds or known != sorted(set(known)):
            raise WrongValueError(
                "the tranches do not climb to an open end",
                "give each a higher `up_to`, and the last none",
                at=("tranches",),
            )
        if len({self.less_units is None, self.unless is None, self.within_days is None}) > 1:
            raise WrongValueError(
                "it is not said by how much the cap falls without which notice in which time",
                "give less_units, unless and within_days together",
            )
        return self

    def compiled(self) -> domain.FeeCap:
        minor = 10 ** minor_digits(self.currency)
        return domain.FeeCap(
            self.provenance(),
            self.currency,
            {month: value * minor for month, value in self.unit_values.items()},
            tuple((tranche.up_to, tranche.percent) for tranche in self.tranches),
            self.less_units or 0,
            self.unless or "",
            self.within_days or 0,
        )


_LanguageCode = Annotated[str, Field(pattern="^[a-z]{2}$")]
_Words = Annotated[str, Field(min_length=1)]


class ContentRule(_Rule):
    """What messages have to show and must not be."""

    kinds: Annotated[list[Kind], Field(min_length=1)] | None = None
    channels: ChannelGroup | None = None
    first_only: bool = False
    require: list[Block] = []
    forbid: list[Wrong] = []
    # The words of a block that is required, by language: `es: Este mensaje …`
    say: dict[Block, Annotated[dict[_LanguageCode, _Words], Field(min_length=1)]] = {}

    @model_validator(mode="after")
    def _some(self) -> "ContentRule":
        if not self.require and not self.forbid:
            raise WrongValueError("nothing is required or forbidden", "add require or forbid")
        for block in self.say:
            if block not in self.require:
                raise WrongValueError(
                    f"{block} is said and not required", f"add {block} to require"
                )
        return self

    def compiled(self) -> domain.Content:
        return domain.Content(
            self.provenance(),
            tuple(self.kinds or ()),
            tuple(self.channels or ()),
            self.first_only,
            tuple(self.require),
            tuple(self.forbid),
            {block: dict(words) for block, words in self.say.items()},
        )


class PreviewRule(_Rule):
    """What must not be read where others look along."""

    places: Annotated[list[Place], Field(min_length=1)]
    forbid_amounts: bool = False
    forbid_words: dict[
        Annotated[str, Field(pattern="^[a-z]{2}$")],
        Annotated[list[str], Field(min_length=1)],
    ] = {}
    sms_chars: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _readable(self) -> "PreviewRule":
        wrongs: list[WrongValueError] = []
        if not self.forbid_amounts and not self.forbid_words:
            wrongs.append(
                WrongValueError("nothing is forbidden", "add forbid_amounts or forbid_words")
            )
        if ("sms_start" in self.places) != (self.sms_chars is not None):
            wrongs.append(
                WrongValueError(
                    "sms_start and sms_chars go together",
                    "say how many characters of an SMS are seen, or leave both out",
                    at=("places",),
                )
            )
        for language, words in self.forbid_words.items():
            for index, word in enumerate(words):
                if not _PREVIEW_WORD.fullmatch(word) or folded(word) != word:
                    wrongs.append(
                        WrongValueError(
                            f"'{word}' would never be found",
                            "write it small and without accents; * only at its end",
                            at=("forbid_words", language, index),
                        )
                    )
        if wrongs:
            raise WrongValuesError(wrongs)
        return self

    def compiled(self) -> domain.Preview:
        return domain.Preview(
            self.provenance(),
            tuple(self.places),
            self.forbid_amounts,
            {language: tuple(words) for language, words in self.forbid_words.items()},
            self.sms_chars or 0,
        )


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
    stops: list[StopsRule] = []
    points: PointsRule | None = None
    zones: ZonesRule | None = None
    counts: CountsRule | None = None
    cooldowns: list[CooldownRule] = []
    gates: list[GateRule] = []
    duties: list[DutyRule] = []
    content: list[ContentRule] = []
    preview: PreviewRule | None = None
    fees: list[FeesRule] = []

    @model_validator(mode="after")
    def _consistent(self) -> "PolicyFile":
        if self.zones is not None and self.level == "house":
            raise WrongValueError(
                "a house policy does not say where people live",
                "write the zones of a country into its own policy",
                at=("zones",),
            )
        if self.counts is not None and self.channel_lock is None and not self.caps:
            raise WrongValueError(
                "nothing is counted here", "add caps or a channel_lock", at=("counts",)
            )
        wrongs: list[WrongValueError] = []
        seen: set[str] = set()
        for index, rule in enumerate(self.exempt):
            for place, kind in enumerate(rule.kinds):
                if kind in seen:
                    at: tuple[str | int, ...] = ("exempt", index, "kinds", place)
                    wrongs.append(WrongValueError(f"{kind} is exempted twice", "join the two", at))
                seen.add(kind)
            for place, limit in enumerate(rule.skips):
                if not getattr(self, limit):
                    at = ("exempt", index, "skips", place)
                    wrongs.append(
                        WrongValueError(f"this policy sets no {limit}", "leave it out", at)
                    )
        if wrongs:
            raise WrongValuesError(wrongs)
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
        stops=tuple(rule.compiled() for rule in file.stops),
        points=file.points.compiled() if file.points else None,
        zones=file.zones.compiled() if file.zones else None,
        counts=file.counts.compiled() if file.counts else None,
        cooldowns=tuple(rule.compiled() for rule in file.cooldowns),
        gates=tuple(rule.compiled() for rule in file.gates),
        duties=tuple(rule.compiled() for rule in file.duties),
        content=tuple(rule.compiled() for rule in file.content),
        preview=file.preview.compiled() if file.preview else None,
        fees=tuple(rule.compiled() for rule in file.fees),
    )
