"""The plan of a draft rulebook: what it would do to a book, beside what the rulebook in force does.

Nothing is written but files here. The accounts of the book are folded forward by both rulebooks, in
as many processes as there are cores; whom both decide alike about is folded once. The plan's hash
names the draft, the rulebook in force, the book and the days, so that who approves it approves
exactly that (lesson L8, capabilities 4 and 5).
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from escalon.domain.decisions.forecast import Alike, Event, forecast
from escalon.domain.rules.rollout import plan_hash
from escalon.domain.rules.rulebook import Rulebook
from escalon.messages.errors import MessageError
from escalon.messages.render import render_sms
from escalon.messages.samples import sample_contexts
from escalon_cli.rules import book
from escalon_cli.rules.figures import Figures, Sample, Units, changes, refused, same

STRETCH = 400  # accounts that a process takes at a time
ALONE = 1_000  # a smaller book is not worth starting processes for
_DAY = date(2026, 9, 14)  # on which an SMS is written to count its segments

type Tell = Callable[[int, int], None]


class Planned(msgspec.Struct, frozen=True):
    """All that a plan has found out."""

    plan: str  # its hash
    draft: Rulebook
    in_force: Rulebook
    header: book.Header
    book: str  # the book's fingerprint
    days: int
    figures: Figures

    @property
    def first_day(self) -> date:
        return self.header.taken_at.astimezone(ZoneInfo(self.draft.default_zone)).date()

    @property
    def until(self) -> datetime:
        return self.header.taken_at + timedelta(days=self.days)


class _Job(msgspec.Struct, frozen=True):
    """What every process has to know."""

    file: str
    in_force: Rulebook
    draft: Rulebook
    units: tuple[Units, Units]
    start: datetime
    until: datetime
    details: bool


def plan_of(
    draft: Rulebook,
    file: Path,
    *,
    days: int,
    details: bool = False,
    processes: int | None = None,
    tell: Tell | None = None,
) -> Planned:
    """Fold the book in `file` forward over so many days, by the draft and by the rulebook that was
    in force when it was taken. `tell` hears how many accounts are done, of how many; with `details`
    the figures hold what each changed account gets. Raises BookError."""
    header = book.header_of(file)
    in_force = header.rulebook
    start = header.taken_at
    job = _Job(
        str(file),
        in_force,
        draft,
        (_units(in_force), _units(draft)),
        start,
        start + timedelta(days=days),
        details,
    )
    stretches = book.stretches(file, STRETCH)
    total = sum(stretch.lines for stretch in stretches)
    figures = Figures()
    for part in _worked(job, stretches, total, processes or os.cpu_count() or 1):
        figures.details.extend(part.details)
        figures.merge(part)
        if tell is not None:
            tell(figures.accounts, total)
    content = book.fingerprint(header, figures.digests, figures.accounts)
    return Planned(
        plan_hash(draft.version, in_force.version, content, days),
        draft,
        in_force,
        header,
        content,
        days,
        figures,
    )


def account_events(
    line: book.Line, rulebook: Rulebook, start: datetime, until: datetime
) -> tuple[Event, ...]:
    """What one account of a book gets by a rulebook."""
    return forecast(line.account, rulebook, start, until, to_come=line.to_come)


def _worked(
    job: _Job, stretches: Sequence[book.Stretch], total: int, processes: int
) -> Iterator[Figures]:
    """The figures of each stretch, in order."""
    if total < ALONE or processes == 1:
        worker = _Worker(job)
        yield from map(worker.work, stretches)
        return
    # A new interpreter for each, since a progress bar has threads that a fork would tear apart.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        processes, context, initializer=_begin, initargs=(msgspec.msgpack.encode(job),)
    ) as pool:
        yield from pool.map(_work, stretches)


_workers: list["_Worker"] = []


def _begin(job: bytes) -> None:
    _workers.append(_Worker(msgspec.msgpack.decode(job, type=_Job)))


def _work(stretch: book.Stretch) -> Figures:
    return _workers[0].work(stretch)


class _Worker:
    """One process: both rulebooks, compiled once."""

    def __init__(self, job: _Job) -> None:
        self._job = job
        self._alike = Alike(job.in_force, job.draft)
        self._zone = ZoneInfo(job.draft.default_zone)
        self._other_law = job.in_force.contact_policies != job.draft.contact_policies

    def work(self, stretch: book.Stretch) -> Figures:
        """Add up the accounts of one stretch of the book."""
        figures = Figures()
        for text, line in book.read(Path(self._job.file), stretch):
            self._add(figures, text, line)
        return figures

    def _add(self, figures: Figures, text: bytes, line: book.Line) -> None:
        job, account = self._job, line.account
        now = account_events(line, job.in_force, job.start, job.until)
        then = now
        if not self._alike(account, line.to_come):
            then = account_events(line, job.draft, job.start, job.until)
        figures.accounts += 1
        figures.digests += book.digest(text)
        figures.in_force.add(now, account.language, job.units[0], self._zone)
        figures.draft.add(then, account.language, job.units[1], self._zone)
        figures.segment(account, _contacted(now), _contacted(then))
        name = account.account_id
        for _ in refused(job.draft, account, then):
            figures.count("breach", 1, name, text)
            break
        if same(now, then):
            return
        figures.changed += 1
        if self._other_law:
            loosened = sum(1 for _ in refused(job.in_force, account, then))
            if loosened:
                figures.count("refused_now", loosened, name, text)
        for kind, score in changes(now, then):
            figures.count(kind, score, name, text)
        if job.details:
            figures.details.append(_detail(name, now, then))


def _contacted(events: Sequence[Event]) -> bool:
    return any(event.kind == "message" for event in events)


def _detail(account_id: str, now: Sequence[Event], then: Sequence[Event]) -> bytes:
    return msgspec.json.encode(
        {
            "account": account_id,
            "in_force": [told(event) for event in now],
            "draft": [told(event) for event in then],
        }
    )


def told(event: Event) -> dict[str, Any]:
    """An event as the plan's files tell it."""
    return {
        "at": event.at,
        "kind": event.kind,
        "step": event.step,
        "stage": event.stage,
        "channel": event.channel,
        "task": event.task,
        "creditor": event.creditor,
        "days_past_due": event.days_past_due,
    }


def sample_line(sample: Sample) -> book.Line:
    """The account of a sample."""
    return msgspec.json.decode(sample.line, type=book.Line)


def _units(rulebook: Rulebook) -> Units:
    """What an SMS of each step takes in each locale, to a debtor with one receivable."""
    creditor = next(iter(rulebook.creditors.values()))
    currency = next(iter(rulebook.chase.from_minor))
    steps = [step for strategy in rulebook.strategies for step in strategy.steps]
    segments: dict[str, dict[str, int]] = {locale: {} for locale in rulebook.messages}
    for locale, sources in rulebook.messages.items():
        for step in steps:
            if "sms" not in step.channels:
                continue
            context = sample_contexts(
                creditor, locale=locale, today=_DAY, stage=step.stage, currency=currency
            )["one"]
            try:
                sms = render_sms(sources, step.message, context)
            except MessageError:
                continue  # the check of the templates tells it
            segments[locale][step.step] = sms.segments
    return Units(segments, rulebook.language)
