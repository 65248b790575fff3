"""Import: a file in the inbox becomes accounts, receivables, holds and payments.

Rows stream through in parts: after each batch the place reached is saved, so a function that runs
out of time hands over to itself, and one that is killed goes on where it was. Applying a row twice
changes nothing, and of two invocations that work on one import the slower stops. Good rows are
taken; a bad row is in the report beside the file, with its place, what is wrong and what to do.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from escalon.authoring.yaml_lines import Problem
from escalon.domain import facts
from escalon.domain.account import Account, Receivable
from escalon.domain.contact.told import zones_for
from escalon.domain.identity import account_id_of
from escalon.domain.local_time import local_date
from escalon.domain.ports import Clock, RulebookInForce
from escalon.domain.storage import (
    AlreadyDoneError,
    Change,
    ConflictError,
    DueItem,
    Stored,
    instant,
)
from escalon.importing.mapping import MappingFile, RowReader, for_sections, read_mapping
from escalon.importing.reading import Cursor, ReadRow, UnreadableFileError, read_csv, read_xlsx
from escalon.importing.records import (
    AccountRecord,
    PaymentRecord,
    ReceivableRecord,
    Record,
    RefusedRow,
    Row,
    RowProblem,
)
from escalon.importing.taking import ABSENT, Taken, absent, take
from escalon.usecases.agreements.writes import after_statements
from escalon.usecases.payments.book_payments import BookPayments
from escalon.usecases.payments.ledger_writes import all_open, write
from escalon.usecases.payments.record_payments import RecordPayments
from escalon.usecases.runs import feeds

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.table import Named, Table

BATCH_ROWS = 500
# Of one account in one transaction: each is itself, two entries, its pointer, and perhaps another
# that it drives out of the account's document.
RECEIVABLES_AT_ONCE = 19
REPORTED_PROBLEMS = 5_000  # the report lists so many; the rest are counted
TRIES = 6
ENOUGH_TIME = timedelta(seconds=45)
WORKERS = 8  # accounts that are written side by side
MOST_HOPS = 500
ABSENT_LIMIT_PERCENT = 20

type State = Literal["reading", "comparing", "asks", "done", "refused"]


class Progress(msgspec.Struct, frozen=True):
    """How far one import has come."""

    import_id: str
    key: str
    upload: str
    mapping: str
    state: State
    started_at: datetime
    cursor: Cursor = Cursor()
    sections: str = ""
    hops: int = 0
    parts: int = 0
    rows: int = 0
    taken: int = 0
    changed: int = 0
    refused: int = 0
    problems: int = 0
    nameless: int = 0  # bad rows that do not even tell which receivable they are about
    payments: int = 0
    unmatched: int = 0
    open_in_book: int = 0
    absent: int = 0
    approved: bool = False
    why: tuple[str, ...] = ()
    told_through: datetime | None = None  # the latest payment of its rows
    version: int = 0  # of this document


class OvertakenError(Exception):
    """Another invocation has taken this import further."""


class ImportReceivables:
    """Take one file of the inbox in."""

    def __init__(
        self,
        table: "Table",
        documents: "Documents",
        clock: Clock,
        identity_key: bytes,
        zone: str,
        continue_later: Callable[[dict[str, Any]], None],
        rulebook: RulebookInForce,
        workers: int = WORKERS,
    ) -> None:
        self._table = table
        self._documents = documents
        self._clock = clock
        self._identity_key = identity_key
        self._zone = zone
        self._continue_later = continue_later
        self._workers = workers
        self._rulebook = rulebook
        self._record_payments = RecordPayments(
            table,
            BookPayments(table, clock, self._account_id, rulebook),
            self._account_id,
            self._each,
        )

    def __call__(self, key: str, upload: str, time_left: Callable[[], timedelta]) -> Progress:
        """Go on with the import of `key`. `upload` names this very upload of it, so that an event
        that comes twice is one import, and the same file uploaded again is another."""
        import_id = hashlib.blake2b(f"{key}|{upload}".encode(), digest_size=8).hexdigest()
        progress = self._load(import_id) or self._begin(import_id, key, upload)
        return self._go_on(progress, time_left)

    def approve(
        self, import_id: str, time_left: Callable[[], timedelta] = lambda: ENOUGH_TIME
    ) -> Progress:
        """A person has seen that many receivables are absent, and wants them held."""
        progress = self._load(import_id)
        if progress is None or progress.state != "asks":
            raise LookupError(f"no import {import_id} waits for an answer")
        approved = msgspec.structs.replace(progress, state="comparing", approved=True, why=())
        return self._go_on(self._save(approved), time_left)

    def _go_on(self, progress: Progress, time_left: Callable[[], timedelta]) -> Progress:
        before = progress
        try:
            if progress.state in ("reading", "comparing"):
                mapping = self._mapping(progress)
                if isinstance(mapping, list):
                    progress = self._refused(progress, mapping)
                elif progress.state == "reading":
                    progress = self._read(progress, mapping, time_left)
            if progress.state == "comparing" and time_left() >= ENOUGH_TIME:
                progress = self._compare(progress, time_left)
            if progress.state in ("reading", "comparing"):
                progress = self._hand_over(progress, came_further=progress.rows > before.rows)
        except OvertakenError:
            return self._load(progress.import_id) or progress
        if progress.state in ("done", "asks", "refused"):
            # Again, if it was cut short the last time.
            self._tell_feed(progress)
            self._report(progress)
        return progress

    def _tell_feed(self, progress: Progress) -> None:
        """The payment feed that such files are of has told us, unless nothing of it could be read:
        then nobody knows what it would have told."""
        if progress.state != "done" or (progress.rows and not progress.taken):
            return
        mapping = self._mapping(progress)
        if isinstance(mapping, list) or "payments" not in mapping.sections:
            return
        if mapping.mapping.feed is not None:
            feeds.told(
                self._table, mapping.mapping.feed, progress.started_at, progress.told_through
            )

    # ---------------------------------------------------------------- progress

    def _load(self, import_id: str) -> Progress | None:
        found = self._table.load(f"IMPORT#{import_id}", "IMPORT")
        return msgspec.convert(found, Progress) if found else None

    def _begin(self, import_id: str, key: str, upload: str) -> Progress:
        name = key.split("/")[1] if key.count("/") >= 2 else ""
        sections = self._documents.metadata(key).get("sections", "")
        now = self._clock.now()
        return Progress(import_id, key, upload, name, "reading", now, sections=sections)

    def _save(self, progress: Progress) -> Progress:
        """The next version of the progress; OvertakenError if it is not ours to write."""
        saved = msgspec.structs.replace(progress, version=progress.version + 1)
        put = self._table.put_document(
            f"IMPORT#{progress.import_id}",
            "IMPORT",
            saved,
            due_shard="imports",
            look_at=instant(progress.started_at),
        )
        try:
            self._table.replace(put, progress.version)
        except ConflictError as error:
            raise OvertakenError(progress.import_id) from error
        return saved

    def _mapping(self, progress: Progress) -> "MappingFile | list[Problem] | list[str]":
        file = f"{progress.mapping}.yaml"
        body = self._documents.find(f"mappings/{file}")
        if body is None:
            return [
                f"there is no mapping mappings/{file}: put it into the bucket, and the export "
                "under inbox/<name of the mapping>/"
            ]
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return [f"{file} is not UTF-8 text: save it as UTF-8"]
        mapping = read_mapping(text, file)
        if isinstance(mapping, list):
            return mapping
        if any(payment.given_back for payment in mapping.mapping.payments):
            return [
                f"{file} has payments that were given back: that is for settlement files, "
                "put the file under settlements/<provider>/"
            ]
        if not progress.sections:
            return mapping
        try:
            return for_sections(mapping, progress.sections.split(","))
        except ValueError as error:
            return [f"the upload's metadata `sections`: {error}"]

    def _hand_over(self, progress: Progress, *, came_further: bool) -> Progress:
        """Go on in a new invocation: bounded, and only if this one has come further."""
        if progress.hops >= MOST_HOPS or not (came_further or progress.state == "comparing"):
            return self._refused(progress, ["the import makes no progress"])
        progress = self._save(msgspec.structs.replace(progress, hops=progress.hops + 1))
        self._continue_later({"key": progress.key, "upload": progress.upload})
        return progress

    def _refused(
        self, progress: Progress, problems: Sequence[Problem | RowProblem | str]
    ) -> Progress:
        why = tuple(str(problem) for problem in problems)
        return self._save(msgspec.structs.replace(progress, state="refused", why=why))

    def _each[T, R](self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Accounts side by side: most of the time is spent waiting for the table."""
        if self._workers == 1 or len(items) < 2:
            return [work(item) for item in items]
        with ThreadPoolExecutor(self._workers) as pool:
            return list(pool.map(work, items))

    # ---------------------------------------------------------------- reading

    def _read(
        self, progress: Progress, mapping: MappingFile, time_left: Callable[[], timedelta]
    ) -> Progress:
        file = progress.key.rpartition("/")[2]
        try:
            with TemporaryDirectory() as scratch:
                source, cells = self._source(progress, mapping, Path(scratch))
                reader = RowReader.of(mapping, source, file=file)
                if isinstance(reader, list):
                    return self._refused(progress, reader)
                for cursor, batch in _in_batches(reader, cells):
                    progress = self._save(self._apply(progress, mapping, cursor, batch))
                    if time_left() < ENOUGH_TIME:
                        return progress
        except UnreadableFileError as error:
            return self._refused(progress, [error.problem])
        snapshot = mapping.file.type == "snapshot" and progress.sections != "payments"
        state: State = "comparing" if snapshot else "done"
        return self._save(msgspec.structs.replace(progress, state=state))

    def _source(
        self, progress: Progress, mapping: MappingFile, scratch: Path
    ) -> tuple[Sequence[str], Iterable[ReadRow]]:
        file = progress.key.rpartition("/")[2]
        if mapping.file.format == "xlsx":
            path = scratch / "file.xlsx"
            self._documents.download(progress.key, str(path))
            rows = read_xlsx(path, form=mapping.file, file=file, start=progress.cursor)
            return rows.cursor.header, rows
        body = self._documents.stream(progress.key, progress.cursor.offset)
        chunks: Iterable[bytes] = iter(lambda: body.read(1 << 18), b"")
        lines = read_csv(chunks, form=mapping.file, file=file, start=progress.cursor)
        return lines.cursor.header, lines

    def _apply(
        self,
        progress: Progress,
        mapping: MappingFile,
        cursor: Cursor,
        batch: Sequence[Row | RefusedRow],
    ) -> Progress:
        """Take one batch of rows: the place reached."""
        problems: list[RowProblem] = []
        seen: list[bytes] = []
        nameless = 0
        records: list[tuple[int, Record]] = []
        for row in batch:
            if isinstance(row, RefusedRow):
                problems.extend(row.problems)
                seen.extend(_mark("", receivable_id) for receivable_id in row.receivable_ids)
                nameless += not row.receivable_ids
            else:
                records.extend((row.line, record) for record in row.records)
        payments = {r.payment_id: n for n, r in records if isinstance(r, PaymentRecord)}
        accounts = self._by_account(records)
        for own in accounts:
            seen.extend(_mark(own.account_id, receivable_id) for receivable_id in own.lines)
        changed = 0
        file = progress.key.rpartition("/")[2]
        cause = f"import {progress.import_id}/{progress.parts}"
        for moved, refused in self._each(lambda own: self._take(progress, cause, own), accounts):
            changed += moved
            problems.extend(_problem(file, line, value, what) for line, value, what in refused)
        recorded = self._record_payments(
            [r for _, r in records if isinstance(r, PaymentRecord)], progress.mapping
        )
        problems.extend(
            _problem(file, payments[payment_id], payment_id, "other_money")
            for payment_id in recorded.refused
        )
        part = progress.parts
        room = max(0, REPORTED_PROBLEMS - progress.problems)
        if problems and room:
            self._documents.put(
                f"imports/{progress.import_id}/problems/{part:06d}.json",
                msgspec.json.encode(problems[:room]),
            )
        if mapping.file.type == "snapshot":
            self._documents.put(f"imports/{progress.import_id}/seen/{part:06d}", b"".join(seen))
        bad_rows = len({problem.line for problem in problems})
        told = [r.paid_at for _, r in records if isinstance(r, PaymentRecord)]
        if progress.told_through is not None:
            told.append(progress.told_through)
        return msgspec.structs.replace(
            progress,
            cursor=cursor,
            parts=part + 1,
            rows=progress.rows + len(batch),
            taken=progress.taken + len(batch) - bad_rows,
            changed=progress.changed + changed,
            refused=progress.refused + bad_rows,
            problems=progress.problems + len(problems),
            nameless=progress.nameless + nameless,
            payments=progress.payments + recorded.booked,
            unmatched=progress.unmatched + recorded.unmatched,
            told_through=max(told, default=None),
        )

    # ---------------------------------------------------------------- accounts

    def _by_account(self, records: Sequence[tuple[int, Record]]) -> "list[_OfAccount]":
        """Everything but payments, by account, with what the table has of it."""
        found: dict[str, _OfAccount] = {}
        for line, record in records:
            if isinstance(record, PaymentRecord):
                continue
            account_id = self._account_id(record.source_ref)
            own = found.get(account_id)
            if own is None:
                own = found[account_id] = _OfAccount(account_id, record.source_ref, line)
            own.records.append(record)
            if isinstance(record, ReceivableRecord):
                own.lines[record.receivable_id] = line
        known = self._table.named_receivables(
            [(own.account_id, name) for own in found.values() for name in own.lines]
        )
        for (account_id, receivable_id), named in known.items():
            found[account_id].known[receivable_id] = named
        for account_id, stored in self._table.get_many(list(found)).items():
            found[account_id].stored = stored
        return list(found.values())

    def _take(
        self, progress: Progress, cause: str, own: "_OfAccount"
    ) -> "tuple[bool, list[_Refusal]]":
        """Take what the batch says of one account: whether it changed, and what could not be."""
        changed = False
        refused: list[_Refusal] = []
        for number, records in enumerate(_in_parts(own.records)):
            try:
                moved, others = self._take_part(progress, f"{cause}.{number}", own, records)
            except (ConflictError, *_BAD_DATA):
                # One bad account stops nobody (invariant 9); its rows are taken the next time.
                return changed, [*refused, (own.line, "", "not_taken")]
            changed = changed or moved
            refused.extend((own.lines[name], name, "another_currency") for name in others)
        return changed, refused

    def _take_part(
        self, progress: Progress, cause: str, own: "_OfAccount", records: Sequence[Record]
    ) -> tuple[bool, Sequence[str]]:
        now = self._clock.now()
        told = next((r.zone for r in records if isinstance(r, AccountRecord)), "")
        for attempt in range(TRIES):
            if attempt:
                own.stored = self._table.get(own.account_id)
                again = self._table.named_receivables(
                    [(own.account_id, name) for name in own.lines]
                )
                own.known = {name: named for (_, name), named in again.items()}
            start = own.stored or Stored(Account(own.account_id, own.source_ref, ""), 0)
            zones = start.account.zones or (told or self._zone,)
            known = {name: named.receivable for name, named in own.known.items()}
            open_before = all_open(self._table, start.account)
            taken = take(
                start.account,
                known,
                open_before,
                records,
                waiting={name for name, named in own.known.items() if named.scheduled},
                source=progress.mapping,
                cause=f"{cause} v{start.version}",
                today=local_date(zones, now),
                zone=self._zone,
                now=now,
                name_of=self._account_id,
            )
            scheduled = [
                (receivable, at)
                for receivable, at in taken.scheduled
                if known.get(receivable.receivable_id) != receivable
            ]
            same = own.stored is not None and taken.account == start.account
            if same and not taken.changed and not scheduled:
                return False, taken.refused
            pointers = [
                self._table.put_document(
                    f"REF#{self._account_id(receivable.receivable_id)}",
                    "REF",
                    {"account_id": own.account_id, "receivable_id": receivable.receivable_id},
                )
                for receivable in (*taken.changed, *(r for r, _ in scheduled))
                if receivable.receivable_id not in known
            ]
            names = [r.receivable_id for r in (*taken.changed, *(r for r, _ in scheduled))]
            after, course_facts, leaving = self._agreements(taken, open_before, now)
            fact = facts.noted("imported", now, import_id=progress.import_id, receivables=names)
            try:
                own.stored = write(
                    self._table,
                    start,
                    after.account,
                    open_before,
                    after.changed,
                    after.entries,
                    now=now,
                    more_facts=[fact, *course_facts],
                    more=[
                        *leaving,
                        *(self._table.put_receivable(own.account_id, r, at) for r, at in scheduled),
                        *pointers,
                    ],
                )
            except (ConflictError, AlreadyDoneError):
                continue
            return True, taken.refused
        raise ConflictError(own.account_id)

    def _agreements(
        self, taken: Taken, open_before: Sequence[Receivable], now: datetime
    ) -> tuple[Taken, Sequence[facts.Fact], list[dict[str, Any]]]:
        """What was taken, with what it makes of the account's agreements: its facts, and the items
        of agreements that leave the account's document."""
        if not taken.entries or not (taken.account.agreements or taken.account.ended):
            return taken, (), []
        opened = {one.receivable_id: one for one in (*open_before, *taken.changed)}
        course, leaving = after_statements(
            self._table,
            taken.account,
            [one for one in opened.values() if one.open_minor],
            taken.entries,
            self._rulebook(taken.account.account_id),
            now,
        )
        changed = {one.receivable_id: one for one in (*taken.changed, *course.changed)}
        after = msgspec.structs.replace(
            taken,
            account=course.account,
            changed=tuple(changed.values()),
            entries=(*taken.entries, *course.entries),
        )
        return after, course.facts, leaving

    # ------------------------------------------------- what a snapshot no longer has

    def _compare(self, progress: Progress, time_left: Callable[[], timedelta]) -> Progress:
        """Hold what the whole list no longer has; ask first if that is much of the book."""
        seen: set[bytes] = set()
        for key in self._documents.keys(f"imports/{progress.import_id}/seen/"):
            marks = self._documents.get(key)
            seen.update(marks[at : at + _MARK] for at in range(0, len(marks), _MARK))
        if not seen:
            why = (
                "the list of what this file named is gone (it is kept for 30 days) or empty; "
                "nothing was held: upload the file again"
            )
            return self._save(msgspec.structs.replace(progress, state="refused", why=(why,)))
        book = absent_ones = fresh = 0
        missing: dict[str, list[str]] = {}
        for item in self._table.standing():
            for receivable in self._standing(item):
                if receivable.source != progress.mapping:
                    continue
                book += 1
                marks_of_it = (
                    _mark(item.account_id, receivable.receivable_id),
                    _mark("", receivable.receivable_id),
                )
                if seen.isdisjoint(marks_of_it):
                    absent_ones += 1
                    if item.stored is None or not _is_absent(item.stored.account, receivable):
                        fresh += 1
                        missing.setdefault(item.account_id, []).append(receivable.receivable_id)
        progress = msgspec.structs.replace(progress, open_in_book=book, absent=absent_ones)
        if fresh * 100 > ABSENT_LIMIT_PERCENT * book and not progress.approved:
            why = (
                f"{fresh} of {book} open receivables are not in this snapshot "
                f"(more than {ABSENT_LIMIT_PERCENT} %); nothing was held"
            )
            return self._save(msgspec.structs.replace(progress, state="asks", why=(why,)))
        waiting = sorted(missing.items())
        for start in range(0, len(waiting), BATCH_ROWS):
            if start and time_left() < ENOUGH_TIME:
                return progress
            self._each(self._hold_absent, waiting[start : start + BATCH_ROWS])
        note: tuple[str, ...] = ()
        if absent_ones and progress.nameless:
            note = (
                f"{progress.nameless} bad rows do not tell their receivable, so theirs are held as "
                "if they were absent: correct them and upload the file again",
            )
        return self._save(msgspec.structs.replace(progress, state="done", why=note))

    def _standing(self, item: DueItem) -> Sequence[Receivable]:
        """What is open, or will be from its issue date."""
        if item.receivable is not None:
            return (item.receivable,)
        return all_open(self._table, item.stored.account) if item.stored is not None else ()

    def _hold_absent(self, missing: tuple[str, Sequence[str]]) -> None:
        account_id, receivable_ids = missing
        for _ in range(TRIES):
            stored = self._table.get(account_id)
            if stored is None:
                return
            now = self._clock.now()
            rulebook = self._rulebook(account_id)
            known = stored.account.zones or (self._zone,)
            today = local_date(zones_for(rulebook, stored.account) if rulebook else known, now)
            account = absent(stored.account, receivable_ids, today)
            if account == stored.account:
                return
            fact = facts.noted("held", now, kind=ABSENT, receivables=list(receivable_ids))
            look_at = now if stored.look_at else None
            try:
                self._table.update(Change(stored, account, look_at, (fact,)))
            except ConflictError:
                continue
            return
        raise ConflictError(account_id)

    # ---------------------------------------------------------------- report

    def _report(self, progress: Progress) -> None:
        """The report beside the file: totals, and every problem with its place and remedy."""
        problems: list[Any] = []
        for key in self._documents.keys(f"imports/{progress.import_id}/problems/"):
            problems.extend(msgspec.json.decode(self._documents.get(key)))
        report = {
            "import_id": progress.import_id,
            "state": progress.state,
            "rows": progress.rows,
            "taken": progress.taken,
            "refused": progress.refused,
            "problems_in_all": progress.problems,
            "accounts_changed": progress.changed,
            "payments": progress.payments,
            "unmatched": progress.unmatched,
            "open_in_book": progress.open_in_book,
            "absent": progress.absent,
            "why": progress.why,
            "problems": problems,
        }
        body = msgspec.json.format(msgspec.json.encode(report), indent=2)
        self._documents.put(report_key(progress.key), body)

    def _account_id(self, reference: str) -> str:
        return account_id_of(self._identity_key, reference)


_MARK = 8


def _mark(account_id: str, receivable_id: str) -> bytes:
    """Eight bytes that stand for a receivable in the list of those seen: of its account, or of no
    account if the row does not tell."""
    text = f"{account_id}|{receivable_id}"
    return hashlib.blake2b(text.encode(), digest_size=_MARK).digest()


# What data fails with. Anything else is the world's fault, and the import goes on after it.
_BAD_DATA = (msgspec.MsgspecError, ValueError, LookupError, TypeError, ArithmeticError)

type _Refusal = tuple[int, str, str]  # line, value, which problem

_PROBLEMS = {
    "another_currency": (
        "was imported before with another currency or creditor",
        "correct the row, or give the receivable another id",
    ),
    "other_money": (
        "a payment of this id was imported before with another amount, currency or date",
        "give the payment an id of its own",
    ),
    "not_taken": (
        "the account is being changed all the time, or what is stored of it cannot be read",
        "import the file again; if that does not help, see `escalon explain` for the account",
    ),
}


class _OfAccount(msgspec.Struct):
    """What a batch says of one account, and what the table has of it."""

    account_id: str
    source_ref: str
    line: int  # where it is first named
    stored: Stored | None = None
    records: list[Record] = []
    lines: dict[str, int] = {}  # of the receivables
    known: "dict[str, Named]" = {}


def _problem(file: str, line: int, value: str, what: str) -> RowProblem:
    problem, remedy = _PROBLEMS[what]
    return RowProblem(file, line, "", value, problem, remedy)


def report_key(key: str) -> str:
    """Where the report of a file stands: beside it."""
    return f"{key}.report.json"


def _is_absent(account: Account, receivable: Receivable) -> bool:
    return any(hold.hold_id == f"{ABSENT}:{receivable.receivable_id}" for hold in account.holds)


def _in_batches(
    reader: RowReader, cells: Iterable[ReadRow]
) -> Iterator[tuple[Cursor, list[Row | RefusedRow]]]:
    """The rows some hundreds at a time, with the place that they reach."""
    batch: list[Row | RefusedRow] = []
    cursor: Cursor | None = None
    for cursor, line, read in cells:
        batch.append(
            RefusedRow(line, (read,)) if isinstance(read, RowProblem) else reader.row(line, read)
        )
        if len(batch) >= BATCH_ROWS:
            yield cursor, batch
            batch = []
    if batch and cursor is not None:
        yield cursor, batch


def _in_parts(records: Sequence[Record]) -> Iterator[list[Record]]:
    """The records of one account, in parts that a transaction can hold; the account comes first."""
    part: list[Record] = []
    count = 0
    ordered = sorted(records, key=lambda record: not isinstance(record, AccountRecord))
    for record in ordered:
        if isinstance(record, ReceivableRecord):
            if count == RECEIVABLES_AT_ONCE:
                yield part
                part, count = [], 0
            count += 1
        part.append(record)
    if part:
        yield part
