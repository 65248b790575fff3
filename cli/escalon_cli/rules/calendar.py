"""`escalon rules calendar`: what a typical debtor on a ladder receives on which days, as a picture.

The engine itself climbs the ladder with a made-up debt that nobody pays, so what is shown is what
would happen, days without contact included (lesson L17: a rule is seen before it is switched on).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import cast

import msgspec
from markupsafe import Markup
from msgspec.structs import replace
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from escalon.authoring.made_up import climb, climbing
from escalon.domain.account import Channel, Consent, ContactPoint
from escalon.domain.contact.policy import Allow, evaluate, zones_of
from escalon.domain.decisions.forecast import Event, Look, event_of
from escalon.domain.local_time import local_date, start_of_day
from escalon.domain.rules.conditions import ConditionError, ConditionFacts, holds, parse_condition
from escalon.domain.rules.rulebook import Rulebook, Strategy
from escalon_cli.rules.pages import Words, render

_HELD = ("gap", "notice_time", "waits_for_delivery", "policy_closed")
_HALF_HOUR = timedelta(minutes=30)

# What a terminal shows of a stage; pages have their own colours.
_STYLES = {
    "pre_due": "black on pale_green3",
    "reminder": "black on dark_sea_green4",
    "firm": "white on cyan4",
    "negotiation": "white on deep_sky_blue4",
    "pre_legal": "white on royal_blue1",
    "legal": "white on purple4",
    "": "white on grey46",
}


class CalendarError(LookupError):
    """A calendar that cannot be drawn, and why."""


class Entry(msgspec.Struct, frozen=True):
    """One thing that the debtor (or a person) gets, by its number on the picture."""

    number: int
    event: Event
    day: date  # in the debtor's zone
    held_by: tuple[str, ...] = ()  # what held it back after its own day; empty: a closed policy


class Drawn(msgspec.Struct, frozen=True):
    """All that a calendar shows. `days` says of each day whether the policy is `open`, open in
    `part` of it, `closed`, or a `holiday`."""

    strategy: str
    country: str
    zone: str
    due_on: date
    open_minor: dict[str, int]
    entries: tuple[Entry, ...]
    missed: tuple[str, ...]  # steps that this debtor never gets
    days: dict[date, str]


def of_strategy(
    rulebook: Rulebook, strategy: str, *, country: str, due_on: date, owed: str = ""
) -> Drawn:
    """The calendar of a ladder for a debt that is due on that day. Without `owed` it is one for
    which most of the ladder's steps come; `country` empty is the first creditor's. Raises
    CalendarError."""
    number = _number(rulebook, strategy)
    ladder = rulebook.strategies[number]
    code = country or next(iter(rulebook.creditors.values())).country
    case = _case(rulebook, number, code, owed)
    looks = climb(rulebook, ladder, case, code, due_on)
    policy = rulebook.policy_for(code)
    zone = next(iter(zones_of(policy, (), "")), rulebook.default_zone)
    entries = _entries(looks, zone)
    taken = {entry.event.step for entry in entries}
    first = min([due_on, *(entry.day for entry in entries)]).replace(day=1)
    last = max([due_on, *(entry.day for entry in entries)])
    return Drawn(
        strategy=strategy,
        country=code,
        zone=zone,
        due_on=due_on,
        open_minor={currency: minor for currency, minor in case.open_minor.items() if minor},
        entries=entries,
        missed=tuple(step.step for step in ladder.steps if step.step not in taken),
        days=_days(rulebook, code, zone, ladder, first, _month_end(last)),
    )


def _number(rulebook: Rulebook, strategy: str) -> int:
    names = [each.strategy for each in rulebook.strategies]
    if strategy not in names:
        raise CalendarError(f"there is no ladder {strategy}; there are: {', '.join(names)}")
    return names.index(strategy)


def _case(rulebook: Rulebook, number: int, country: str, owed: str) -> ConditionFacts:
    """A debt that falls on the ladder, of that country and amount."""
    ladder = rulebook.strategies[number]
    cases = climbing(rulebook, number)
    if owed:
        cases = [replace(case, open_minor=_amounts(owed), receivables=1) for case in cases]
    for case in cases:
        here = replace(case, country=country)
        above = rulebook.strategies[:number]
        if ladder.condition == ["nobody"]:  # an experiment hands it out
            return here
        if holds(ladder.condition, here) and not any(holds(s.condition, here) for s in above):
            return here
    about = f" {owed}" if owed else ""
    raise CalendarError(f"no debt{about} of {country} falls on the ladder {ladder.strategy}")


def _amounts(owed: str) -> dict[str, int]:
    try:
        amounts: dict[str, int] = parse_condition(f"open from {owed}")[2]
    except ConditionError as error:
        raise CalendarError(f"--open: {error}; write it like 'COP 500_000'") from error
    if len(amounts) > 1:
        raise CalendarError("--open: one amount of one currency is owed here")
    return amounts


def _entries(looks: Sequence[Look], zone: str) -> tuple[Entry, ...]:
    """What happens, up to the first thing that comes after the last step."""
    entries: list[Entry] = []
    held: dict[str, list[str]] = {}
    for look in looks:
        decision = look.decision
        if decision.outcome != "act":
            codes = [reason.code for reason in decision.reasons if reason.code in _HELD]
            held.setdefault(decision.step, []).extend(codes)
            continue
        event = event_of(decision)
        why = tuple(dict.fromkeys(held.get(event.step, ())))
        day = local_date((zone,), event.at)
        entries.append(Entry(len(entries) + 1, event, day, why))
        if event.kind == "end":
            break
    return tuple(entries)


def _days(
    rulebook: Rulebook, country: str, zone: str, ladder: Strategy, first: date, last: date
) -> dict[date, str]:
    """How far each day is open to somebody whom nobody has contacted."""
    channel = cast("Channel", next((s.channels[0] for s in ladder.steps if s.channels), "email"))
    point = ContactPoint("p", channel, "-", Consent(first - timedelta(days=400), "made up"))
    policy = rulebook.policy_for(country)
    open_halves: dict[date, int] = {}
    holidays = set()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        start = start_of_day((zone,), day)
        verdicts = [
            evaluate(
                policy,
                channel=channel,
                point=point,
                role="debtor",
                contacts=(),
                zones=(zone,),
                at=start + half * _HALF_HOUR,
            )
            for half in range(48)
        ]
        open_halves[day] = sum(1 for verdict in verdicts if isinstance(verdict, Allow))
        if any(not isinstance(v, Allow) and v.reason == "holiday" for v in verdicts):
            holidays.add(day)
    most = max(open_halves.values())

    def state(day: date) -> str:
        if not open_halves[day]:
            return "holiday" if day in holidays else "closed"
        return "open" if open_halves[day] == most else "part"

    return {day: state(day) for day in open_halves}


def _month_end(day: date) -> date:
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return following - timedelta(days=1)


# --- words ----------------------------------------------------------------------------------------


def _when(entry: Entry, drawn: Drawn, words: Words) -> str:
    days = (entry.day - drawn.due_on).days
    if not days:
        return words.say("calendar.on")
    return words.say("calendar.after" if days > 0 else "calendar.before", days=abs(days))


def _by(entry: Entry, words: Words) -> str:
    event = entry.event
    return words.named("task", event.task) if event.task else words.named("channel", event.channel)


def _why(entry: Entry, words: Words) -> str:
    """Why it comes later than its own day; empty if it does not."""
    since = entry.event.since
    if since is None or since >= entry.day:
        return ""
    shown = words.day(since, "EEE d MMM")
    if not entry.held_by:
        return words.say("calendar.moved", since=shown)
    why = ", ".join(words.named("held", code) for code in entry.held_by)
    return words.say("calendar.waited", since=shown, why=why)


def _lead(drawn: Drawn, words: Words) -> str:
    return words.say(
        "calendar.lead",
        country=drawn.country,
        open=", ".join(words.money(minor, c) for c, minor in drawn.open_minor.items()),
        due=words.day(drawn.due_on, "long"),
    )


def _months(drawn: Drawn) -> list[list[date]]:
    months: dict[tuple[int, int], list[date]] = {}
    for day in drawn.days:
        months.setdefault((day.year, day.month), []).append(day)
    return list(months.values())


# --- a terminal -----------------------------------------------------------------------------------

_DAY_STYLES = {"open": "", "part": "", "closed": "dim strike", "holiday": "red dim"}


def as_text(drawn: Drawn, locale: str) -> RenderableType:
    """The picture for a terminal: months side by side, and the list below."""
    words = Words(locale)
    by_day: dict[date, list[Entry]] = {}
    for entry in drawn.entries:
        by_day.setdefault(entry.day, []).append(entry)
    months = []
    for days in _months(drawn):
        table = Table(
            title=words.day(days[0], "MMMM y"), box=None, padding=(0, 1), header_style="dim"
        )
        for number in range(7):
            monday = date(2026, 9, 7)
            table.add_column(words.day(monday + timedelta(days=number), "EEEEEE"), justify="right")
        cells = [Text("")] * days[0].weekday()
        cells += [_cell(day, drawn, by_day.get(day, [])) for day in days]
        cells += [Text("")] * (-len(cells) % 7)
        for start in range(0, len(cells), 7):
            table.add_row(*cells[start : start + 7])
        months.append(table)
    listed = Table("", words.say("calendar.when"), "", words.say("calendar.what"))
    listed.add_column(words.say("calendar.how"))
    listed.add_column(words.say("calendar.why"))
    for entry in drawn.entries:
        event = entry.event
        listed.add_row(
            Text(f" {entry.number} ", style=_STYLES.get(event.stage, "")),
            words.moment(event.at, drawn.zone),
            _when(entry, drawn, words),
            event.step,
            _by(entry, words),
            _why(entry, words),
        )
    parts: list[RenderableType] = [
        Text(words.say("calendar.title", strategy=drawn.strategy), style="bold"),
        Text(_lead(drawn, words)),
        Columns(months, padding=(1, 4)),
        listed,
    ]
    if drawn.missed:
        parts.append(Text(words.say("calendar.never", steps=", ".join(drawn.missed))))
    return Group(*parts)


def _cell(day: date, drawn: Drawn, entries: Sequence[Entry]) -> Text:
    if entries:
        return Text(f"{entries[0].number:>2}", style=_STYLES.get(entries[0].event.stage, ""))
    if day == drawn.due_on:
        return Text(f"{day.day:>2}", style="bold black on yellow")
    return Text(f"{day.day:>2}", style=_DAY_STYLES[drawn.days[day]])


# --- a picture and a page -------------------------------------------------------------------------

_CELL, _ROW, _GAP, _HEAD = 40, 34, 28, 46
_MONTHS_A_ROW = 3
_LINE = 24


def as_svg(drawn: Drawn, locale: str) -> str:
    """The picture as one SVG file, list included."""
    return _svg(drawn, Words(locale), listed=True)


def as_page(drawn: Drawn, locale: str) -> str:
    """The page: the picture, and the list as a table."""
    words = Words(locale)
    return render(
        "calendar.html.j2",
        locale,
        drawn=drawn,
        lead=_lead(drawn, words),
        picture=Markup(_svg(drawn, words, listed=False)),  # noqa: S704 - made by a template
        rows=[
            {
                "number": entry.number,
                "stage": entry.event.stage,
                "at": words.moment(entry.event.at, drawn.zone),
                "when": _when(entry, drawn, words),
                "step": entry.event.step,
                "by": _by(entry, words),
                "why": _why(entry, words),
            }
            for entry in drawn.entries
        ],
    )


def _svg(drawn: Drawn, words: Words, *, listed: bool) -> str:
    width = _MONTHS_A_ROW * (7 * _CELL + _GAP) - _GAP
    numbers: dict[date, list[Entry]] = {}
    for entry in drawn.entries:
        numbers.setdefault(entry.day, []).append(entry)
    months = []
    tall = _HEAD + 6 * _ROW + _GAP
    for place, days in enumerate(_months(drawn)):
        left = place % _MONTHS_A_ROW * (7 * _CELL + _GAP)
        top = place // _MONTHS_A_ROW * tall
        first = days[0].weekday()
        months.append(
            {
                "x": left,
                "y": top + 16,
                "title": words.day(days[0], "MMMM y"),
                "weekdays": [
                    {
                        "x": left + number * _CELL + _CELL // 2,
                        "y": top + 36,
                        "text": words.day(date(2026, 9, 7) + timedelta(days=number), "EEEEE"),
                    }
                    for number in range(7)
                ],
                "days": [
                    {
                        "x": left + (first + n) % 7 * _CELL,
                        "y": top + _HEAD + (first + n) // 7 * _ROW,
                        "day": day.day,
                        "state": drawn.days[day],
                        "due": day == drawn.due_on,
                        "entries": numbers.get(day, []),
                        "title": _day_title(day, drawn, numbers.get(day, []), words),
                    }
                    for n, day in enumerate(days)
                ],
            }
        )
    top = -(-len(months) // _MONTHS_A_ROW) * tall
    rows = [
        {
            "y": top + 30 + n * _LINE,
            "number": entry.number,
            "stage": entry.event.stage,
            "at": words.moment(entry.event.at, drawn.zone),
            "text": f"{entry.event.step} · {_by(entry, words)}",
            "why": _why(entry, words),
        }
        for n, entry in enumerate(drawn.entries)
        if listed
    ]
    return render(
        "calendar.svg.j2",
        words.language,
        width=width,
        height=top + 16 + len(rows) * _LINE,
        cell=_CELL,
        row=_ROW,
        months=months,
        rows=rows,
        label=words.say("calendar.title", strategy=drawn.strategy),
        drawn=drawn,
    )


def _day_title(day: date, drawn: Drawn, entries: Sequence[Entry], words: Words) -> str:
    told = [words.day(day, "full")]
    if day == drawn.due_on:
        told.append(words.say("calendar.legend.due"))
    if drawn.days[day] != "open":
        told.append(words.say(f"calendar.legend.{drawn.days[day]}"))
    told += [f"{entry.event.step} · {_by(entry, words)}" for entry in entries]
    return " · ".join(told)
