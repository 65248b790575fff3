"""What a plan says: the figures as rows, and the surprises, largest first, each with accounts that
show it and a message that one of them would get."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from escalon.domain.account import Account
from escalon.domain.decisions.forecast import Event, walk
from escalon.domain.decisions.intents import as_intent
from escalon.domain.rules.rulebook import STAGES, Rulebook, Step
from escalon.messages.context import pick_locale
from escalon.messages.errors import MessageError
from escalon.messages.render import render_email, render_sms
from escalon.usecases.contact.deliver import message_context
from escalon_cli.rules.costs import MILLION, Costs
from escalon_cli.rules.figures import OLD_DAYS, ByDay, Figures, Sample, Side
from escalon_cli.rules.plan import Planned, account_events, sample_line, told

# What is worth a word: a tenth more (or fewer) messages than now, and at least so many.
NOTABLE_SHARE = 10
NOTABLE_COUNT = 20
# The kinds of surprise, the worst first. What stands in one line is ordered by accounts.
TIERS: tuple[tuple[str, ...], ...] = (
    ("breach",),
    ("refused_now",),
    ("severe_earlier", "segment_contacted", "old_debt"),
    ("over_quota", "volume_up", "burst", "newly_contacted", "more_tasks_total"),
    ("segment_silenced", "volume_down", "no_longer_contacted"),
    ("severe_later", "more_messages", "fewer_messages"),
    ("more_tasks", "fewer_tasks", "other_step_or_time"),
)
_TIER = {kind: tier for tier, kinds in enumerate(TIERS) for kind in kinds}

ASSUMPTIONS = (
    "nobody pays, promises, disputes or answers",
    "every message is delivered; addresses that are known not to work stay so",
    "payment feeds are fresh; interest and fees are charged with the messages",
    "receivables that are known to come are issued on their day; no others come",
)


class Pair(msgspec.Struct, frozen=True):
    """A figure by the rulebook in force and by the draft."""

    in_force: int
    draft: int


class Day(msgspec.Struct, frozen=True):
    """One day: messages by channel and what they cost, in millionths of the currency where a price
    is stated; and tasks."""

    day: date
    messages: dict[str, Pair]
    millionths: dict[str, Pair]
    tasks: Pair


class StepRow(msgspec.Struct, frozen=True):
    """One step over the whole time, by one channel or as one kind of task."""

    strategy: str
    step: str
    stage: str
    by: str
    count: Pair


class Cost(msgspec.Struct, frozen=True):
    """One channel: messages, what they take and cost, and the busiest day against the quota."""

    channel: str
    messages: Pair
    units: Pair
    millionths: Pair | None  # of the currency; None: no price is stated
    busiest: Pair
    quota: int | None
    days_over_quota: int


class Story(msgspec.Struct, frozen=True):
    """An account that shows a surprise: what it gets by either rulebook, and the first message of
    the draft that it would not have got."""

    account_id: str
    in_force: list[dict[str, Any]]
    draft: list[dict[str, Any]]
    message: dict[str, Any] | None = None


class Surprise(msgspec.Struct, frozen=True):
    """Something that a person should see before they approve."""

    kind: str
    count: int  # accounts, messages or days: see the kind
    about: dict[str, Any] = {}
    stories: list[Story] = []


class Report(msgspec.Struct, frozen=True):
    """All of it, as JSON has it."""

    plan: str
    draft: dict[str, str]
    in_force: dict[str, str]
    book: dict[str, Any]
    days: int
    first_day: date
    until: datetime
    zone: str
    accounts: int
    changed: int
    contacted: Pair
    messages: Pair
    tasks: Pair
    breaches: int
    surprises: list[Surprise]
    by_day: list[Day]
    steps: list[StepRow]
    costs: list[Cost]
    currency: str
    costs_source: str
    changes: dict[str, int]
    assumptions: tuple[str, ...] = ASSUMPTIONS


def report_of(planned: Planned, costs: Costs) -> Report:
    """The plan in rows."""
    figures = planned.figures
    now, then = figures.in_force, figures.draft
    rows = _costs(now, then, costs)
    return Report(
        plan=planned.plan,
        draft={"rulebook": planned.draft.rulebook, "version": planned.draft.version},
        in_force={"rulebook": planned.in_force.rulebook, "version": planned.in_force.version},
        book={
            "fingerprint": planned.book,
            "stack": planned.header.stack,
            "taken_at": planned.header.taken_at,
        },
        days=planned.days,
        first_day=planned.first_day,
        until=planned.until,
        zone=planned.draft.default_zone,
        accounts=figures.accounts,
        changed=figures.changed,
        contacted=Pair(now.contacted, then.contacted),
        messages=Pair(sum(now.messages.values()), sum(then.messages.values())),
        tasks=Pair(sum(now.tasks.values()), sum(then.tasks.values())),
        breaches=figures.kinds.get("breach", 0),
        surprises=_surprises(planned, rows),
        by_day=list(_days(planned, costs)),
        steps=list(_steps(planned)),
        costs=rows,
        currency=costs.currency,
        costs_source=costs.source,
        changes=dict(sorted(figures.kinds.items())),
    )


def _days(planned: Planned, costs: Costs) -> Iterator[Day]:
    now, then = planned.figures.in_force, planned.figures.draft
    channels = sorted({channel for _, channel in (*now.messages, *then.messages)})
    first = planned.first_day.toordinal()
    for day in range(first, first + planned.days + 1):
        yield Day(
            date.fromordinal(day),
            {c: _pair(now.messages, then.messages, (day, c)) for c in channels},
            {
                c: _pair(now.units, then.units, (day, c), costs.prices[c])
                for c in channels
                if c in costs.prices
            },
            Pair(_on(now.tasks, day), _on(then.tasks, day)),
        )


def _pair(now: ByDay, then: ByDay, key: tuple[int, str], price: int = 1) -> Pair:
    return Pair(now.get(key, 0) * price, then.get(key, 0) * price)


def _on(group: ByDay, ordinal: int) -> int:
    return sum(count for (day, _), count in group.items() if day == ordinal)


def _steps(planned: Planned) -> Iterator[StepRow]:
    now, then = planned.figures.in_force, planned.figures.draft
    order = {
        (strategy.strategy, step.step): (place, number)
        for place, strategy in enumerate(planned.draft.strategies)
        for number, step in enumerate(strategy.steps)
    }
    last = (len(planned.draft.strategies), 0)

    def place(key: tuple[str, str, str, str]) -> tuple[object, ...]:
        strategy, step, stage, by = key
        rank = STAGES.index(stage) if stage in STAGES else len(STAGES)
        return (*order.get((strategy, step), last), strategy, rank, step, by)

    for key in sorted({*now.steps, *then.steps}, key=place):
        yield StepRow(*key, Pair(now.steps.get(key, 0), then.steps.get(key, 0)))


def _costs(now: Side, then: Side, costs: Costs) -> list[Cost]:
    rows = []
    for channel in sorted({channel for _, channel in (*now.messages, *then.messages)}):
        units = Pair(_of(now.units, channel), _of(then.units, channel))
        price = costs.prices.get(channel)
        quota = costs.quotas.get(channel)
        rows.append(
            Cost(
                channel,
                Pair(_of(now.messages, channel), _of(then.messages, channel)),
                units,
                None if price is None else Pair(units.in_force * price, units.draft * price),
                Pair(_busiest(now.messages, channel), _busiest(then.messages, channel)),
                quota,
                _over(then.messages, channel, quota),
            )
        )
    return rows


def _of(group: ByDay, channel: str) -> int:
    return sum(count for (_, each), count in group.items() if each == channel)


def _busiest(group: ByDay, channel: str) -> int:
    return max((count for (_, each), count in group.items() if each == channel), default=0)


def _over(group: ByDay, channel: str, quota: int | None) -> int:
    counts = (count for (_, each), count in group.items() if each == channel)
    return sum(1 for count in counts if quota is not None and count > quota)


def major(millionths: int) -> str:
    """An amount of millionths as people write it: two decimals, rounded up."""
    cents = -(-millionths * 100 // MILLION)
    return f"{cents // 100:,}.{cents % 100:02}"


# --- surprises ------------------------------------------------------------------------------------


def _surprises(planned: Planned, rows: Sequence[Cost]) -> list[Surprise]:
    figures = planned.figures
    found = [
        Surprise(kind, count, _about(kind), list(_stories(planned, figures.samples[kind])))
        for kind, count in figures.kinds.items()
    ]
    found += [*_volume(figures, rows), *_whole_segments(figures)]
    return sorted(found, key=lambda s: (_TIER[s.kind], -s.count, s.kind, str(s.about)))


def _about(kind: str) -> dict[str, Any]:
    return {"days": OLD_DAYS} if kind == "old_debt" else {}


def _volume(figures: Figures, rows: Sequence[Cost]) -> Iterator[Surprise]:
    """Much more or less than now, altogether or on one day, and more than the quotas allow."""
    for row in rows:
        about = {"channel": row.channel}
        if row.days_over_quota:
            yield Surprise("over_quota", row.days_over_quota, {**about, "quota": row.quota})
        if _notable(row.messages):
            kind = "volume_up" if row.messages.draft > row.messages.in_force else "volume_down"
            yield Surprise(kind, abs(row.messages.draft - row.messages.in_force), about)
        if row.busiest.draft > 2 * row.busiest.in_force and row.busiest.draft >= NOTABLE_COUNT:
            yield Surprise("burst", row.busiest.draft, {**about, "in_force": row.busiest.in_force})
    tasks = Pair(sum(figures.in_force.tasks.values()), sum(figures.draft.tasks.values()))
    if _notable(tasks) and tasks.draft > tasks.in_force:
        yield Surprise("more_tasks_total", tasks.draft - tasks.in_force)


def _notable(pair: Pair) -> bool:
    difference = abs(pair.draft - pair.in_force)
    return difference >= NOTABLE_COUNT and difference * NOTABLE_SHARE > pair.in_force


def _whole_segments(figures: Figures) -> Iterator[Surprise]:
    """Groups of which nobody is contacted by one of the rulebooks and somebody by the other."""
    for (attribute, value), (there, now, then) in sorted(figures.segments.items()):
        about = {"attribute": attribute, "value": value, "accounts": there}
        if then and not now:
            yield Surprise("segment_contacted", then, about)
        elif now and not then:
            yield Surprise("segment_silenced", now, about)


def _stories(planned: Planned, samples: Sequence[Sample]) -> Iterator[Story]:
    for sample in samples[:3]:
        line = sample_line(sample)
        start, until = planned.header.taken_at, planned.until
        now = account_events(line, planned.in_force, start, until)
        then = account_events(line, planned.draft, start, until)
        had = {(event.at, event.step, event.channel) for event in now}
        new = next(
            (e for e in then if e.kind == "message" and (e.at, e.step, e.channel) not in had), None
        )
        yield Story(
            sample.account_id,
            [told(event) for event in now],
            [told(event) for event in then],
            _message(planned, sample, new) if new is not None else None,
        )


def _message(planned: Planned, sample: Sample, event: Event) -> dict[str, Any] | None:
    """The message as the account would get it, but for its name; None if it cannot be written."""
    line, rules = sample_line(sample), planned.draft
    looks = walk(line.account, rules, planned.header.taken_at, planned.until, to_come=line.to_come)
    look = next(look for look in looks if look.decision.as_of == event.at)
    step = steps_of(rules)[event.step]
    if event.creditor not in rules.creditors:
        return None
    context = message_context(look.account, as_intent(look.decision, ""), step, rules, event.at)
    sources = rules.messages[_locale(rules, look.account)]
    made = {"channel": event.channel, "step": event.step, "at": event.at}
    try:
        if event.channel == "sms":
            sms = render_sms(sources, step.message, context)
            return {**made, "text": sms.text, "segments": sms.segments}
        email = render_email(sources, step.message, context)
    except MessageError:
        return None
    return {**made, "subject": email.subject, "text": email.text, "html": email.html}


def steps_of(rules: Rulebook) -> Mapping[str, Step]:
    """The rulebook's steps by name."""
    return {step.step: step for strategy in rules.strategies for step in strategy.steps}


def _locale(rules: Rulebook, account: Account) -> str:
    return pick_locale(rules.messages.keys(), account.language or rules.language, rules.language)
