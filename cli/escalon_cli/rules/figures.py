"""The figures of a plan: what each account gets by either rulebook, added up and compared.

Pure. Each process adds up its accounts, and the sums are merged; in any order they are the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import msgspec

from escalon.domain.account import Account, ContactRecord
from escalon.domain.contact.policy import Deny, evaluate
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions.forecast import Event
from escalon.domain.rules.rulebook import Rulebook
from escalon.messages.context import pick_locale

SEVERE = frozenset(("pre_legal", "legal"))
REPAIR = "data_repair"  # work that stands in a step's place
OLD_DAYS = 360  # a message about a debt that is more days past due is about old debt
NEVER_DAYS = 1_000  # how much earlier a severe step is that did not come at all
SAMPLES = 3  # accounts that are shown for each kind of surprise

# Messages (or units, or tasks) by the ordinal of the day and the channel (or kind of task).
type ByDay = dict[tuple[int, str], int]


class Units(msgspec.Struct, frozen=True):
    """What one message of a rulebook takes: an e-mail one unit, an SMS the segments of its step in
    the reader's locale."""

    segments: dict[str, dict[str, int]]  # by locale and step
    language: str  # the rulebook's own

    def of(self, event: Event, language: str) -> int:
        """Units of a message to a reader of that language."""
        if event.channel != "sms":
            return 1
        locale = _locale(tuple(self.segments), language or self.language, self.language)
        return self.segments[locale].get(event.step, 1)


@cache
def _locale(locales: tuple[str, ...], wanted: str, default: str) -> str:
    return pick_locale(locales, wanted, default)


class Side(msgspec.Struct):
    """What one rulebook does over the days of the plan."""

    messages: ByDay = {}
    units: ByDay = {}
    tasks: ByDay = {}
    # By strategy, step, stage, and channel or kind of task.
    steps: dict[tuple[str, str, str, str], int] = {}
    contacted: int = 0  # accounts that get a message
    old: int = 0  # messages about old debt

    def add(self, events: Sequence[Event], language: str, units: Units, zone: ZoneInfo) -> None:
        """One account's events."""
        reached = False
        for event in events:
            day = event.at.astimezone(zone).toordinal()
            if event.kind == "message":
                reached = True
                what, group = event.channel, self.messages
                key = (day, what)
                self.units[key] = self.units.get(key, 0) + units.of(event, language)
                if (event.days_past_due or 0) > OLD_DAYS:
                    self.old += 1
            else:
                what, group = event.task, self.tasks
                key = (day, what)
            group[key] = group.get(key, 0) + 1
            step = (event.strategy, event.step, event.stage, what)
            self.steps[step] = self.steps.get(step, 0) + 1
        self.contacted += reached

    def merge(self, other: "Side") -> None:
        """The other's sums too."""
        _add(self.messages, other.messages)
        _add(self.units, other.units)
        _add(self.tasks, other.tasks)
        _add(self.steps, other.steps)
        self.contacted += other.contacted
        self.old += other.old


class Sample(msgspec.Struct, frozen=True, order=True):
    """An account that shows a surprise well; the lowest is the best."""

    rank: int
    account_id: str
    line: bytes  # of the book


class Figures(msgspec.Struct):
    """All sums over some accounts."""

    accounts: int = 0
    changed: int = 0
    digests: int = 0  # of the accounts' lines, for the book's fingerprint
    in_force: Side = msgspec.field(default_factory=Side)
    draft: Side = msgspec.field(default_factory=Side)
    kinds: dict[str, int] = {}  # accounts by what changes for them
    samples: dict[str, list[Sample]] = {}
    # Accounts, and those contacted by either rulebook, by attribute and value.
    segments: dict[tuple[str, str], tuple[int, int, int]] = {}
    details: list[bytes] = []  # of changed accounts: what each gets by either rulebook

    def count(self, kind: str, score: int, account_id: str, line: bytes) -> None:
        """One account for which this changes, by so much."""
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        kept = self.samples.setdefault(kind, [])
        kept.append(Sample(-score, account_id, line))
        if len(kept) > 2 * SAMPLES:
            kept.sort()
            del kept[SAMPLES:]

    def segment(self, account: Account, contacted: bool, will_be: bool) -> None:
        """One account's part in the figures of its segments."""
        for key in _segments(account):
            there, now, then = self.segments.get(key, (0, 0, 0))
            self.segments[key] = (there + 1, now + contacted, then + will_be)

    def merge(self, other: "Figures") -> None:
        """The other's sums too."""
        self.accounts += other.accounts
        self.changed += other.changed
        self.digests += other.digests
        self.in_force.merge(other.in_force)
        self.draft.merge(other.draft)
        _add(self.kinds, other.kinds)
        for kind, samples in other.samples.items():
            self.samples[kind] = sorted([*self.samples.get(kind, ()), *samples])[:SAMPLES]
        for key, (there, now, then) in other.segments.items():
            mine = self.segments.get(key, (0, 0, 0))
            self.segments[key] = (mine[0] + there, mine[1] + now, mine[2] + then)


def _add[Key](mine: dict[Key, int], other: Mapping[Key, int]) -> None:
    for key, count in other.items():
        mine[key] = mine.get(key, 0) + count


def _segments(account: Account) -> Iterator[tuple[str, str]]:
    yield "debtor", account.kind
    if account.country:
        yield "country", account.country
    if account.language:
        yield "language", account.language
    if account.risk:
        yield "risk", account.risk
    for tag in account.tags:
        yield "tag", tag
    for creditor in {receivable.creditor for receivable in account.receivables}:
        yield "creditor", creditor
    for currency in {receivable.currency for receivable in account.receivables}:
        yield "currency", currency


def same(one: Sequence[Event], other: Sequence[Event]) -> bool:
    """Whether an account gets the same things at the same time."""
    return one is other or (
        len(one) == len(other)
        and all(
            a.at == b.at
            and a.step == b.step
            and a.channel == b.channel
            and a.task == b.task
            and a.creditor == b.creditor
            and a.stage == b.stage
            for a, b in zip(one, other, strict=True)
        )
    )


def changes(now: Sequence[Event], then: Sequence[Event]) -> Iterator[tuple[str, int]]:
    """What changes for an account between the rulebook in force and the draft, each with how much:
    days for severe steps, messages and tasks for the others."""
    before = sum(1 for event in now if event.kind == "message")
    after = sum(1 for event in then if event.kind == "message")
    sooner = _sooner(_first_severe(now), _first_severe(then))
    if sooner:
        yield ("severe_earlier", sooner) if sooner > 0 else ("severe_later", -sooner)
    old = _old(then) - _old(now)
    if old > 0:
        yield "old_debt", old
    if after > before:
        yield ("newly_contacted", after) if not before else ("more_messages", after - before)
    elif after < before:
        yield ("no_longer_contacted", before) if not after else ("fewer_messages", before - after)
    work = (len(then) - after) - (len(now) - before)
    if work > 0:
        yield "more_tasks", work
    elif work < 0:
        yield "fewer_tasks", -work
    if after == before and not work and not sooner:
        yield "other_step_or_time", 1


def _old(events: Sequence[Event]) -> int:
    return sum(1 for e in events if e.kind == "message" and (e.days_past_due or 0) > OLD_DAYS)


def _first_severe(events: Sequence[Event]) -> datetime | None:
    return next(
        (e.at for e in events if e.stage in SEVERE and e.kind != "end" and e.task != REPAIR), None
    )


def _sooner(now: datetime | None, then: datetime | None) -> int:
    """Days by which the first severe step comes sooner; negative if later."""
    if now == then:
        return 0
    if now is None:
        return NEVER_DAYS
    return (now.date() - then.date()).days if then else -NEVER_DAYS


def refused(rulebook: Rulebook, account: Account, events: Sequence[Event]) -> Iterator[Deny]:
    """The messages among the events that a rulebook's contact policy does not allow, asked again
    from the start: each message that is said counts before the next is asked about."""
    policy = rulebook.policy_for(account.country)
    zones = zones_for(rulebook, account)
    contacts = list(account.contacts)
    points = {point.point_id: point for point in account.points}
    for event in events:
        if event.kind != "message":
            continue
        verdict = evaluate(
            policy,
            channel=event.channel,
            point=points.get(event.point_id),
            role="debtor",
            contacts=contacts,
            zones=zones,
            at=event.at,
            region=account.region,
        )
        if isinstance(verdict, Deny):
            yield verdict
        contacts.append(ContactRecord("", event.channel, event.at, event.creditor))
