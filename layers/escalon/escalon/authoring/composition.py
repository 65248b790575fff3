"""Layers of a country become its policy: by intersection, so that a house may only tighten."""

from collections.abc import Iterable, Iterator
from typing import get_args

from escalon.authoring.contact_policies import DAY_NAMES
from escalon.authoring.yaml_lines import WrongValueError, WrongValuesError
from escalon.domain.account import Channel
from escalon.domain.calendar import Calendar, Week, is_within
from escalon.domain.contact import rules as domain
from escalon.domain.contact.policy import Policy
from escalon.domain.contact.rules import (
    LEVELS,
    Layer,
    rules_of,
)


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
    stated = {gate.action for layer in layers if layer.level != "house" for gate in layer.gates}
    for house in layers:
        if house.level != "house":
            continue
        wrongs += [
            WrongValueError(
                f"{house.policy}.gates[{index}] is for {gate.action}, for which no law is stated, "
                "so it opens nothing",
                "write the law into a policy of the country or the sector",
            )
            for index, gate in enumerate(house.gates)
            if gate.action not in stated
        ]
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
    return [
        name
        for layer in policy.layers
        for name, rule in rules_of(layer)
        if not rule.about.reviewed_by
    ]


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
        if house.channels.require_evidence is False and law.channels.require_evidence:
            yield looser("channels", "does without evidence of consent")
        for channel, days in house.channels.consent_days.items():
            if days > law.channels.consent_days.get(channel, days):
                yield looser("channels", f"takes consents to {channel} for {days} days")
    if house.windows and law.windows:
        for weekday, name in enumerate(DAY_NAMES):
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
        if ours_lock.release_on_request and not laws.release_on_request:
            yield looser("channel_lock", "is released when the person asks")
    if _counts(house) == "two_way" and _counts(law) == "attempt":
        yield looser("counts", "counts only conversations")
    for index, ours_rest in enumerate(house.cooldowns):
        for rest in law.cooldowns:
            if set(ours_rest.block) <= set(rest.block) and ours_rest.days < rest.days:
                yield looser(f"cooldowns[{index}]", f"rests for {ours_rest.days} days")
    for index, ours_gate in enumerate(house.gates):
        for gate in law.gates:
            if ours_gate.action == gate.action:
                for what in _wider(ours_gate, gate):
                    yield looser(f"gates[{index}]", what)
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


def _counts(layer: Layer) -> str:
    """What the layer counts, or nothing if it counts nothing."""
    if layer.channel_lock is None and not layer.caps:
        return ""
    return layer.counts.what if layer.counts is not None else "attempt"


def _wider(ours: domain.Gate, law: domain.Gate) -> Iterator[str]:
    """In what the one gate is wider than the other."""
    if ours.notice == law.notice and 0 < ours.notices < law.notices:
        yield f"does with {ours.notices} notices"
    if ours.wait_after == law.wait_after and 0 < ours.wait_days < law.wait_days:
        yield f"waits for {ours.wait_days} days"
    if 0 < law.max_months < ours.max_months:
        yield f"stays open for {ours.max_months} months"
    for currency, least in ours.least_principal.items():
        if least < law.least_principal.get(currency, least):
            yield f"opens for less principal in {currency}"


def _only(week: Week, weekday: int) -> Week:
    return tuple(hours if day == weekday else () for day, hours in enumerate(week))
