"""The files of a replay's folder as typed records: what is optional is filled in here, once, so
that the figures and the stories work on values they can trust."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class ReplayFileError(ValueError):
    """A line of a replay's folder that cannot be read: names file, line, field and remedy."""


_CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """One receivable as a message showed it."""

    receivable_id: str
    open_minor: int
    currency: str
    due_on: date | None = None
    days_past_due: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One e-mail or SMS; `sent_at` carries the debtor's own offset."""

    message_id: str
    account_id: str
    channel: str
    sent_at: datetime
    account_name: str = ""
    creditor: str = ""
    to: str = ""
    step: str = ""
    stage: str = ""
    receivables: tuple[OpenItem, ...] = ()
    subject: str | None = None
    text: str = ""
    rulebook_version: str = ""
    provider_message_id: str = ""
    state: str = "sent"
    eml: str | None = None
    html: str | None = None

    @property
    def went_out(self) -> bool:
        """Whether a provider took it. A claimed or unknown message may or may not have gone."""
        return self.state in {"sent", "delayed", "delivered", "complained", "opened"}

    @property
    def failed(self) -> bool:
        """Whether it is known to have reached nobody."""
        return self.state in {"failed", "rejected", "bounced"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why; `text` in the replay's language (Spanish), `text_en` where there is an English one."""

    code: str
    text: str
    text_en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    account_id: str
    as_of: datetime
    decision: str
    step: str = ""
    stage: str = ""
    next_look_at: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    rulebook_version: str = ""
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    task_id: str
    account_id: str
    kind: str
    opened_at: datetime
    step: str = ""
    stage: str = ""
    due_at: datetime | None = None
    script: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One ledger entry; positive `amount_minor` raises what is owed, negative lowers it. Without
    a receivable it is unapplied credit."""

    entry_id: str
    account_id: str
    kind: str
    amount_minor: int
    currency: str
    booked_at: datetime
    receivable_id: str | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A contact that did not happen, the rule that refused it, and where that rule comes from."""

    account_id: str
    at: datetime
    rule: str
    # What exactly the rule objected to; one rule (a consent, say) can object in several ways.
    code: str = ""
    channel: str = ""
    step: str = ""
    source: str = ""
    reason: str = ""
    next_allowed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What became of an agreement, or of one of its instalments."""

    account_id: str
    at: datetime
    became: str
    agreement_id: str
    kind: str = ""
    instalment: int | None = None
    amount_minor: int | None = None
    paid_minor: int | None = None
    currency: str = ""
    resume_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivable:
    receivable_id: str
    account_id: str
    currency: str
    amount_minor: int
    account_name: str = ""
    creditor: str = ""
    issued_on: date | None = None
    due_on: date | None = None
    settled_on: date | None = None
    dispute: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One sweep; `skipped` is by reason."""

    run_id: str
    at: datetime | None
    looked_at: int
    acted: int
    waited: int
    held: int
    skipped: Mapping[str, int]
    failed: int
    conflict: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Everything that a replay left in its folder."""

    from_on: date
    to_on: date
    zone: str
    rulebook_version: str = ""
    elapsed_seconds: float | None = None
    stack: Mapping[str, str] = field(default_factory=dict)
    # The strategy's own order of its steps, bottom rung first, where the replay knows it.
    ladder: tuple[tuple[str, str], ...] = ()
    messages: tuple[Message, ...] = ()
    decisions: tuple[Decision, ...] = ()
    tasks: tuple[Task, ...] = ()
    entries: tuple[Entry, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    receivables: tuple[Receivable, ...] = ()
    agreements: tuple[Agreed, ...] = ()
    runs: tuple[Run, ...] = ()

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def start_of(self, day: date) -> datetime:
        """The first instant of a day in the replay's zone."""
        return datetime.combine(day, time.min, tzinfo=self.tz)

    @property
    def starts_at(self) -> datetime:
        """00:00 of the first day: the books before the replay."""
        return self.start_of(self.from_on)

    @property
    def ends_before(self) -> datetime:
        """24:00 of the last day (half-open): the books after the replay."""
        return self.start_of(self.to_on + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a file, with its place for the error message."""

    place: str
    values: Mapping[str, Any]
    tz: ZoneInfo

    def _wrong(self, name: str, wanted: str) -> ReplayFileError:
        value = self.values.get(name)
        said = "is missing" if value is None else f"is {value!r}"
        return ReplayFileError(
            f"{self.place}: {name} {said}, wanted {wanted}; run the replay again to rewrite it"
        )

    def need(self, name: str) -> str:
        value = self.values.get(name)
        if value is None or isinstance(value, dict | list) or not str(value):
            raise self._wrong(name, "a text")
        return str(value)

    def text(self, name: str, otherwise: str = "") -> str:
        """A text; anything that is not a text is shown as compact JSON, nothing is lost."""
        value = self.values.get(name)
        if value is None:
            return otherwise
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def maybe(self, name: str) -> str | None:
        return self.text(name) or None

    def whole(self, name: str, otherwise: int | None = None) -> int:
        value = self.values.get(name)
        if value is None and otherwise is not None:
            return otherwise
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "a whole number")
        return value

    def maybe_whole(self, name: str) -> int | None:
        return None if self.values.get(name) is None else self.whole(name)

    def instant(self, name: str) -> datetime:
        value = self.values.get(name)
        try:
            return instant(str(value), self.tz)
        except ValueError as error:
            raise self._wrong(name, "an ISO 8601 instant") from error

    def maybe_instant(self, name: str) -> datetime | None:
        return self.instant(name) if self.values.get(name) else None

    def maybe_day(self, name: str) -> date | None:
        value = self.values.get(name)
        if not value:
            return None
        try:
            return date.fromisoformat(str(value)[:10])
        except ValueError as error:
            raise self._wrong(name, "an ISO 8601 date") from error

    def rows(self, name: str) -> Iterator["_Row"]:
        value = self.values.get(name)
        for number, item in enumerate(value if isinstance(value, list) else [], start=1):
            if isinstance(item, dict):
                yield _Row(f"{self.place}, {name}[{number}]", item, self.tz)


def instant(text: str, tz: ZoneInfo) -> datetime:
    """An ISO 8601 instant; one without an offset, or a mere date, is in the replay's zone."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo is not None else read.replace(tzinfo=tz)


def read_replay(out: Path) -> Replay:
    """Read a replay's folder. A missing file is an empty one; a missing period is taken from what
    the files hold. Raises ReplayFileError with the place of the first line that is wrong."""
    summary = _summary(out / "summary.json")
    tz = _zone(summary)
    row = _Row("summary.json", summary, tz)

    messages = tuple(_message(r) for r in _lines(out / "messages.jsonl", tz))
    decisions = tuple(_decision(r) for r in _lines(out / "decisions.jsonl", tz))
    tasks = tuple(_task(r) for r in _lines(out / "tasks.jsonl", tz))
    receivables = tuple(_receivable(r) for r in _lines(out / "receivables.jsonl", tz))
    owners = {receivable.receivable_id: receivable.account_id for receivable in receivables}
    entries = tuple(_entry(r, owners) for r in _lines(out / "ledger.jsonl", tz))
    refusals = tuple(_refusal(r) for r in _lines(out / "refusals.jsonl", tz))

    days = sorted(
        moment.astimezone(tz).date()
        for moment in (
            *(message.sent_at for message in messages),
            *(decision.as_of for decision in decisions),
            *(entry.booked_at for entry in entries),
        )
    )
    from_on = row.maybe_day("from") or (days[0] if days else None)
    to_on = row.maybe_day("to") or (days[-1] if days else None)
    if from_on is None or to_on is None:
        raise ReplayFileError(
            f"{out}: neither summary.json says from when to when, nor is there anything to take it "
            "from; is this the folder of a replay?"
        )

    elapsed = summary.get("elapsed_seconds", summary.get("elapsed"))
    stack = summary.get("stack") or summary.get("stack_facts") or {}
    return Replay(
        from_on=from_on,
        to_on=to_on,
        zone=tz.key,
        rulebook_version=row.text("rulebook_version"),
        elapsed_seconds=float(elapsed) if isinstance(elapsed, int | float) else None,
        stack=(
            {str(name): _plain(value) for name, value in stack.items()}
            if isinstance(stack, dict)
            else {}
        ),
        ladder=tuple((rung.need("step"), rung.text("stage")) for rung in row.rows("ladder")),
        messages=messages,
        decisions=decisions,
        tasks=tasks,
        entries=entries,
        refusals=refusals,
        receivables=receivables,
        agreements=tuple(_agreed(r) for r in _lines(out / "agreements.jsonl", tz)),
        runs=tuple(_run(run) for run in row.rows("runs")),
    )


def _summary(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReplayFileError(f"summary.json is not JSON: {error}; run the replay again") from error
    if not isinstance(summary, dict):
        raise ReplayFileError("summary.json is not an object; run the replay again")
    return summary


def _zone(summary: Mapping[str, Any]) -> ZoneInfo:
    name = str(summary.get("zone") or "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ReplayFileError(
            f"summary.json: zone is {name!r}, wanted a name such as America/Bogota"
        ) from error


def _lines(path: Path, tz: ZoneInfo) -> Iterator[_Row]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            place = f"{path.name} line {number}"
            try:
                values = json.loads(line)
            except ValueError as error:
                raise ReplayFileError(
                    f"{place} is not JSON: {error}; run the replay again"
                ) from error
            if not isinstance(values, dict):
                raise ReplayFileError(f"{place} is not an object; run the replay again")
            yield _Row(place, values, tz)


def _message(row: _Row) -> Message:
    return Message(
        message_id=row.need("message_id"),
        account_id=row.need("account_id"),
        channel=row.text("channel", "email"),
        sent_at=row.instant("sent_at"),
        account_name=row.text("account_name"),
        creditor=row.text("creditor"),
        to=row.text("to"),
        step=row.text("step"),
        stage=row.text("stage"),
        receivables=tuple(
            OpenItem(
                receivable_id=item.need("receivable_id"),
                open_minor=item.whole("open_minor"),
                currency=item.need("currency"),
                due_on=item.maybe_day("due_on"),
                days_past_due=(
                    item.whole("days_past_due")
                    if item.values.get("days_past_due") is not None
                    else None
                ),
            )
            for item in row.rows("receivables")
        ),
        subject=row.maybe("subject"),
        text=row.text("text"),
        rulebook_version=row.text("rulebook_version"),
        provider_message_id=row.text("provider_message_id"),
        state=row.text("state", "sent"),
        eml=row.maybe("eml"),
        html=row.maybe("html"),
    )


def _decision(row: _Row) -> Decision:
    return Decision(
        account_id=row.need("account_id"),
        as_of=row.instant("as_of"),
        decision=row.need("decision"),
        step=row.text("step"),
        stage=row.text("stage"),
        next_look_at=row.maybe_instant("next_look_at"),
        reasons=tuple(
            Reason(
                code=reason.text("code"),
                text=reason.text("text"),
                text_en=reason.text("text_en"),
            )
            for reason in row.rows("reasons")
        ),
        rulebook_version=row.text("rulebook_version"),
        run_id=row.text("run_id"),
    )


def _task(row: _Row) -> Task:
    return Task(
        task_id=row.need("task_id"),
        account_id=row.need("account_id"),
        kind=row.text("kind", "review"),
        opened_at=row.instant("opened_at"),
        step=row.text("step"),
        stage=row.text("stage"),
        due_at=row.maybe_instant("due_at"),
        script=row.text("script"),
        reason=row.text("reason") or row.text("about"),
    )


def _entry(row: _Row, owners: Mapping[str, str]) -> Entry:
    receivable_id = row.maybe("receivable_id")
    account_id = row.text("account_id") or owners.get(receivable_id or "", "")
    return Entry(
        entry_id=row.text("entry_id"),
        account_id=account_id or row.need("account_id"),
        kind=row.need("kind"),
        amount_minor=row.whole("amount_minor"),
        currency=row.need("currency"),
        booked_at=row.instant("booked_at"),
        receivable_id=receivable_id,
        cause=row.text("cause"),
    )


def _refusal(row: _Row) -> Refusal:
    reason = row.text("reason")
    # A replay gives the code itself as the reason; the page has the words for it.
    code = row.text("code") or (reason if _CODE.fullmatch(reason) else "")
    return Refusal(
        account_id=row.need("account_id"),
        at=row.instant("at"),
        rule=row.text("rule", "unknown"),
        code=code,
        channel=row.text("channel"),
        step=row.text("step"),
        source=row.text("source"),
        reason="" if reason == code else reason,
        next_allowed_at=row.maybe_instant("next_allowed_at"),
    )


def _agreed(row: _Row) -> Agreed:
    return Agreed(
        account_id=row.need("account_id"),
        at=row.instant("at"),
        became=row.need("became"),
        agreement_id=row.need("agreement_id"),
        kind=row.text("kind"),
        instalment=row.maybe_whole("instalment"),
        amount_minor=row.maybe_whole("amount_minor"),
        paid_minor=row.maybe_whole("paid_minor"),
        currency=row.text("currency"),
        resume_at=row.text("resume_at"),
    )


def _receivable(row: _Row) -> Receivable:
    return Receivable(
        receivable_id=row.need("receivable_id"),
        account_id=row.need("account_id"),
        currency=row.need("currency"),
        amount_minor=row.whole("amount_minor", 0),
        account_name=row.text("account_name"),
        creditor=row.text("creditor"),
        issued_on=row.maybe_day("issued_on"),
        due_on=row.maybe_day("due_on"),
        settled_on=row.maybe_day("settled_on"),
        dispute=_dispute(row),
    )


def _dispute(row: _Row) -> str | None:
    """From when to when, or whatever is said of it; "No", false and nothing mean none."""
    dispute = row.values.get("dispute")
    if isinstance(dispute, dict) and dispute.keys() <= {"from", "to"}:
        ends = [str(dispute[name]) for name in ("from", "to") if dispute.get(name)]
        return " – ".join(ends) or None
    return row.text("dispute") if dispute and dispute not in ("No", "no") else None


def _run(row: _Row) -> Run:
    skipped = row.values.get("skipped") or {}
    try:
        at = row.maybe_instant("at")
    except ReplayFileError:
        at = None  # a run that is named by something else than its instant is still a run
    return Run(
        run_id=row.text("run_id"),
        at=at,
        looked_at=row.whole("looked_at", 0),
        acted=row.whole("acted", 0),
        waited=row.whole("waited", 0),
        held=row.whole("held", 0),
        skipped=(
            {str(reason): int(count) for reason, count in skipped.items()}
            if isinstance(skipped, dict)
            else {"": int(skipped)}
        ),
        failed=row.whole("failed", 0),
        conflict=row.whole("conflict", 0),
    )


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
