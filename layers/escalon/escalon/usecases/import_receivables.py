"""Import: a file in the inbox becomes accounts, receivables, holds and payments.

Rows stream through in parts: after each batch the place reached is saved, so a function that runs
out of time hands over to itself, and one that is killed goes on where it was. Applying a row twice
changes nothing. Good rows are taken; a bad row is in the report beside the file, with its place,
what is wrong and what to do.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from escalon.authoring.yaml_lines import Problem
from escalon.domain import facts, ledger
from escalon.domain.account import Account, Receivable
from escalon.domain.identity import account_id_of
from escalon.domain.ledger import Payment
from escalon.domain.local_time import local_date
from escalon.domain.ports import Clock
from escalon.domain.storage import (
    AlreadyDoneError,
    Change,
    ConflictError,
    Stored,
    instant,
)
from escalon.importing.mapping import MappingFile, RowReader, for_sections, read_mapping
from escalon.importing.reading import Cursor, UnreadableFileError, read_csv, read_xlsx
from escalon.importing.records import (
    AccountRecord,
    PaymentRecord,
    ReceivableRecord,
    Record,
    RefusedRow,
    Row,
    RowProblem,
)
from escalon.importing.taking import ABSENT, absent, take
from escalon.usecases.ledger_writes import all_open, issue, write

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.table import Table

BATCH_ROWS = 250
RECEIVABLES_AT_ONCE = 20  # of one account; each is up to four items of a transaction's hundred
PARTS_KEPT_PROBLEMS = 500  # problems that one part writes to the report; the rest are counted
TRIES = 6
MOST_HOPS = 500
ABSENT_LIMIT_PERCENT = 20

type State = Literal["reading", "comparing", "asks", "done", "refused"]


class Progress(msgspec.Struct, frozen=True):
    """How far one import has come."""

    import_id: str
    key: str
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
    payments: int = 0
    unmatched: int = 0
    open_in_book: int = 0
    absent: int = 0
    approved: bool = False
    why: tuple[str, ...] = ()


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
    ) -> None:
        self._table = table
        self._documents = documents
        self._clock = clock
        self._identity_key = identity_key
        self._zone = zone
        self._continue_later = continue_later

    def __call__(self, key: str, upload: str, time_left: Callable[[], timedelta]) -> Progress:
        """Go on with the import of `key`. `upload` names this very upload of it, so that an event
        that comes twice is one import, and the same file uploaded again is another."""
        import_id = hashlib.blake2b(f"{key}|{upload}".encode(), digest_size=8).hexdigest()
        progress = self._load(import_id) or self._begin(import_id, key)
        if progress.state in ("done", "refused", "asks"):
            return progress
        mapping = self._mapping(progress)
        if isinstance(mapping, list):
            return self._refuse(progress, mapping)
        if progress.state == "reading":
            try:
                progress = self._read(progress, mapping, time_left)
            except UnreadableFileError as error:
                return self._refuse(progress, [error.problem])
        if progress.state == "comparing":
            progress = self._compare(progress, mapping)
        if progress.state == "done":
            self._report(progress)
        elif progress.state != "asks":
            self._hand_over(progress, upload)
        return progress

    def approve(self, import_id: str) -> Progress:
        """A person has seen that many receivables are absent, and wants them held."""
        progress = self._load(import_id)
        if progress is None or progress.state != "asks":
            raise LookupError(f"no import {import_id} waits for an answer")
        progress = msgspec.structs.replace(progress, state="comparing", approved=True)
        mapping = self._mapping(progress)
        if isinstance(mapping, list):
            return self._refuse(progress, mapping)
        progress = self._compare(progress, mapping)
        self._report(progress)
        return progress

    # ---------------------------------------------------------------- progress

    def _load(self, import_id: str) -> Progress | None:
        found = self._table.load(f"IMPORT#{import_id}", "IMPORT")
        return msgspec.convert(found, Progress) if found else None

    def _begin(self, import_id: str, key: str) -> Progress:
        name = key.split("/")[1] if key.count("/") >= 2 else ""
        sections = self._documents.metadata(key).get("sections", "")
        return Progress(import_id, key, name, "reading", self._clock.now(), sections=sections)

    def _save(self, progress: Progress) -> None:
        self._table.save(
            self._table.put_document(
                f"IMPORT#{progress.import_id}",
                "IMPORT",
                msgspec.to_builtins(progress),
                due_shard="imports",
                look_at=instant(progress.started_at),
            )
        )

    def _mapping(self, progress: Progress) -> "MappingFile | list[Problem]":
        file = f"{progress.mapping}.yaml"
        text = self._documents.get(f"mappings/{file}").decode()
        mapping = read_mapping(text, file)
        if isinstance(mapping, list) or not progress.sections:
            return mapping
        return for_sections(mapping, progress.sections.split(","))

    def _hand_over(self, progress: Progress, upload: str) -> None:
        """Go on in a new invocation: bounded, and only if this one has come further."""
        before = self._load(progress.import_id)
        stuck = before is not None and before.hops == progress.hops and before.rows == progress.rows
        if progress.hops >= MOST_HOPS or (stuck and progress.parts == 0):
            self._refuse(progress, ["the import makes no progress"])
            return
        self._save(msgspec.structs.replace(progress, hops=progress.hops + 1))
        self._continue_later({"key": progress.key, "upload": upload})

    # ---------------------------------------------------------------- reading

    def _read(
        self, progress: Progress, mapping: MappingFile, time_left: Callable[[], timedelta]
    ) -> Progress:
        file = progress.key.rpartition("/")[2]
        with TemporaryDirectory() as scratch:
            source, cells = self._source(progress, mapping, Path(scratch))
            reader = RowReader.of(mapping, source, file=file)
            if isinstance(reader, list):
                return self._refuse(progress, reader)
            batch: list[Row | RefusedRow] = []
            cursor = progress.cursor
            for cursor, line, read in cells:
                if isinstance(read, RowProblem):
                    batch.append(RefusedRow(line, (read,)))
                else:
                    batch.append(reader.row(line, read))
                if len(batch) >= BATCH_ROWS:
                    progress = self._apply(progress, mapping, cursor, batch)
                    batch = []
                    if time_left() < timedelta(seconds=45):
                        return progress
            progress = self._apply(progress, mapping, cursor, batch)
        snapshot = mapping.file.type == "snapshot" and "payments" != progress.sections
        progress = msgspec.structs.replace(progress, state="comparing" if snapshot else "done")
        self._save(progress)
        return progress

    def _source(
        self, progress: Progress, mapping: MappingFile, scratch: Path
    ) -> tuple[Sequence[str], Iterator[Any]]:
        file = progress.key.rpartition("/")[2]
        if mapping.file.format == "xlsx":
            path = scratch / "file.xlsx"
            self._documents.download(progress.key, str(path))
            rows = read_xlsx(path, form=mapping.file, file=file, start=progress.cursor)
            return rows.cursor.header, iter(rows)
        body = self._documents.stream(progress.key, progress.cursor.offset)
        chunks: Iterable[bytes] = iter(lambda: body.read(1 << 18), b"")
        lines = read_csv(chunks, form=mapping.file, file=file, start=progress.cursor)
        return lines.cursor.header, iter(lines)

    def _apply(
        self,
        progress: Progress,
        mapping: MappingFile,
        cursor: Cursor,
        batch: Sequence[Row | RefusedRow],
    ) -> Progress:
        """Take one batch of rows, and save the place reached."""
        problems: list[RowProblem] = []
        seen: list[str] = []
        records: list[tuple[int, Record]] = []
        for row in batch:
            if isinstance(row, RefusedRow):
                problems.extend(row.problems)
                seen.extend(row.receivable_ids)
            else:
                records.extend((row.line, record) for record in row.records)
        changed, contradictions = self._apply_records(progress, records)
        problems.extend(contradictions)
        seen.extend(r.receivable_id for _, r in records if isinstance(r, ReceivableRecord))
        paid, unmatched = self._apply_payments(
            [r for _, r in records if isinstance(r, PaymentRecord)]
        )
        part = progress.parts
        if problems:
            self._documents.put(
                f"imports/{progress.import_id}/problems/{part:06d}.json",
                msgspec.json.encode(problems[:PARTS_KEPT_PROBLEMS]),
            )
        if mapping.file.type == "snapshot":
            self._documents.put(
                f"imports/{progress.import_id}/seen/{part:06d}", b"".join(map(_mark, seen))
            )
        bad_rows = len({problem.line for problem in problems})
        progress = msgspec.structs.replace(
            progress,
            cursor=cursor,
            parts=part + 1,
            rows=progress.rows + len(batch),
            taken=progress.taken + len(batch) - bad_rows,
            changed=progress.changed + changed,
            refused=progress.refused + bad_rows,
            payments=progress.payments + paid,
            unmatched=progress.unmatched + unmatched,
        )
        self._save(progress)
        return progress

    def _apply_records(
        self, progress: Progress, records: Sequence[tuple[int, Record]]
    ) -> tuple[int, list[RowProblem]]:
        """Apply everything but payments, account by account; how many accounts changed."""
        by_account: dict[str, list[Record]] = {}
        references: dict[str, str] = {}
        lines: dict[str, int] = {}
        for line, record in records:
            if isinstance(record, PaymentRecord):
                continue
            account_id = self._account_id(record.source_ref)
            references[account_id] = record.source_ref
            by_account.setdefault(account_id, []).append(record)
            if isinstance(record, ReceivableRecord):
                lines[record.receivable_id] = line
        known = self._table.named_receivables(
            [
                (account_id, record.receivable_id)
                for account_id, own in by_account.items()
                for record in own
                if isinstance(record, ReceivableRecord)
            ]
        )
        stored = self._table.get_many(list(by_account))
        changed = 0
        problems: list[RowProblem] = []
        file = progress.key.rpartition("/")[2]
        for account_id, own in by_account.items():
            found = stored.get(account_id)
            receivables = {rid: r for (owner, rid), r in known.items() if owner == account_id}
            for part in _in_parts(own):
                found, moved, refused = self._take(
                    progress, account_id, references[account_id], found, receivables, part
                )
                changed += moved
                problems.extend(
                    RowProblem(
                        file,
                        lines.get(receivable_id, 0),
                        "",
                        receivable_id,
                        "was imported before with another currency or creditor",
                        "correct the row, or give the receivable another id",
                    )
                    for receivable_id in refused
                )
        return changed, problems

    def _take(
        self,
        progress: Progress,
        account_id: str,
        source_ref: str,
        stored: Stored | None,
        known: dict[str, Receivable],
        records: Sequence[Record],
    ) -> tuple[Stored | None, bool, Sequence[str]]:
        now = self._clock.now()
        for _ in range(TRIES):
            fresh = stored is None
            start = stored or Stored(Account(account_id, source_ref, ""), 0)
            today = local_date(start.account.zones or (self._zone,), now)
            open_before = all_open(self._table, start.account)
            taken = take(
                start.account,
                known,
                open_before,
                records,
                source=progress.mapping,
                today=today,
                zone=self._zone,
                now=now,
                account_of=_LinkIds(self._account_id),
            )
            scheduled = [
                self._table.put_receivable(account_id, receivable, at)
                for receivable, at in taken.scheduled
                if known.get(receivable.receivable_id) != receivable
            ]
            same = not fresh and taken.account == start.account
            if same and not taken.changed and not scheduled:
                return stored, False, taken.refused
            pointers = [
                self._table.put_document(
                    f"REF#{self._account_id(receivable.receivable_id)}",
                    "REF",
                    {"account_id": account_id, "receivable_id": receivable.receivable_id},
                )
                for receivable in (*taken.changed, *(r for r, _ in taken.scheduled))
                if receivable.receivable_id not in known
            ]
            fact = facts.noted(
                "imported",
                now,
                import_id=progress.import_id,
                receivables=[r.receivable_id for r in taken.changed],
            )
            try:
                written = write(
                    self._table,
                    start,
                    taken.account,
                    open_before,
                    taken.changed,
                    taken.entries,
                    now=now,
                    more_facts=[fact],
                    more=[*scheduled, *pointers],
                )
            except (ConflictError, AlreadyDoneError):
                stored = self._table.get(account_id)
                known = {
                    rid: r
                    for (_, rid), r in self._table.named_receivables(
                        [
                            (account_id, record.receivable_id)
                            for record in records
                            if isinstance(record, ReceivableRecord)
                        ]
                    ).items()
                }
                continue
            return written, True, taken.refused
        raise ConflictError(account_id)

    # ---------------------------------------------------------------- payments

    def _apply_payments(self, payments: Sequence[PaymentRecord]) -> tuple[int, int]:
        """Book payments, each once in all; how many were new, and how many matched nothing."""
        booked = unmatched = 0
        for payment in payments:
            account_id = self._payer(payment)
            try:
                if account_id is not None and self._book(account_id, payment):
                    booked += 1
                    continue
                self._keep_unmatched(payment)
                unmatched += 1
            except AlreadyDoneError:
                continue
        return booked, unmatched

    def _payer(self, payment: PaymentRecord) -> str | None:
        if payment.source_ref is not None:
            account_id = self._account_id(payment.source_ref)
            if self._table.get(account_id) is not None:
                return account_id
        if payment.receivable_id is not None:
            found = self._table.load(f"REF#{self._account_id(payment.receivable_id)}", "REF")
            if found is not None:
                return str(found["account_id"])
        return None

    def _book(self, account_id: str, payment: PaymentRecord) -> bool:
        """Book one payment on its account; False if it cannot be told which creditor it is for."""
        now = self._clock.now()
        for _ in range(TRIES):
            stored = self._table.get(account_id)
            if stored is None:
                return False
            named = payment.receivable_id and self._table.named_receivables(
                [(account_id, payment.receivable_id)]
            ).get((account_id, payment.receivable_id))
            today = local_date(stored.account.zones or (self._zone,), now)
            if named and self._is_scheduled(stored, named):
                # Whoever pays an invoice has it: it is part of the account from now on.
                try:
                    stored = issue(self._table, stored, named, booked_at=now, now=now)
                except (ConflictError, AlreadyDoneError):
                    continue
            open_before = all_open(self._table, stored.account)
            creditor = named.creditor if named else _creditor_of(open_before, payment.currency)
            if not creditor:
                return False
            account = msgspec.structs.replace(
                stored.account, receivables=tuple(open_before), beyond={}
            )
            booking = ledger.pay(
                account,
                open_before,
                Payment(
                    payment.payment_id,
                    creditor,
                    payment.amount_minor,
                    payment.currency,
                    payment.paid_at,
                    payment.receivable_id or "",
                ),
            )
            fact = facts.noted(
                "paid",
                now,
                payment_id=payment.payment_id,
                amount_minor=payment.amount_minor,
                currency=payment.currency,
                on=today.isoformat(),
            )
            try:
                write(
                    self._table,
                    stored,
                    booking.account,
                    open_before,
                    booking.changed,
                    booking.entries,
                    now=now,
                    more_facts=[fact],
                    more=[self._table.once(f"payment:{payment.payment_id}", now)],
                )
            except ConflictError:
                continue
            return True
        raise ConflictError(account_id)

    def _is_scheduled(self, stored: Stored, named: Receivable) -> bool:
        return self._table.is_scheduled(stored.account.account_id, named.receivable_id)

    def _keep_unmatched(self, payment: PaymentRecord) -> None:
        """Money that matches nothing is kept and shown, never dropped (invariant 5)."""
        document = msgspec.to_builtins(payment)
        put = self._table.put_document(
            f"UNMATCHED#{self._account_id(payment.payment_id)}",
            "UNMATCHED",
            document,
            due_shard="unmatched",
            look_at=instant(payment.paid_at),
        )
        self._table.save(put, new=True)

    # ------------------------------------------------- what a snapshot no longer has

    def _compare(self, progress: Progress, mapping: MappingFile) -> Progress:
        """Hold what the whole list no longer has; ask first if that is much of the book."""
        seen = set()
        for key in self._documents.keys(f"imports/{progress.import_id}/seen/"):
            marks = self._documents.get(key)
            seen.update(marks[at : at + _MARK] for at in range(0, len(marks), _MARK))
        book = 0
        missing: dict[str, list[str]] = {}
        for stored in self._table.open_accounts():
            for receivable in all_open(self._table, stored.account):
                if receivable.source != progress.mapping:
                    continue
                book += 1
                if _mark(receivable.receivable_id) not in seen and not _is_absent(
                    stored.account, receivable
                ):
                    missing.setdefault(stored.account.account_id, []).append(
                        receivable.receivable_id
                    )
        count = sum(map(len, missing.values()))
        progress = msgspec.structs.replace(progress, open_in_book=book, absent=count)
        if count * 100 > ABSENT_LIMIT_PERCENT * book and not progress.approved:
            progress = msgspec.structs.replace(
                progress,
                state="asks",
                why=(
                    f"{count} of {book} open receivables are not in this snapshot "
                    f"(more than {ABSENT_LIMIT_PERCENT} %); nothing was held",
                ),
            )
            self._save(progress)
            self._report(progress)
            return progress
        for account_id, receivable_ids in missing.items():
            self._hold_absent(account_id, receivable_ids)
        progress = msgspec.structs.replace(progress, state="done")
        self._save(progress)
        return progress

    def _hold_absent(self, account_id: str, receivable_ids: Sequence[str]) -> None:
        for _ in range(TRIES):
            stored = self._table.get(account_id)
            if stored is None:
                return
            now = self._clock.now()
            today = local_date(stored.account.zones or (self._zone,), now)
            account = absent(stored.account, receivable_ids, today)
            fact = facts.noted("held", now, kind=ABSENT, receivables=list(receivable_ids))
            try:
                self._table.update(Change(stored, account, now, (fact,)))
            except ConflictError:
                continue
            return
        raise ConflictError(account_id)

    # ---------------------------------------------------------------- report

    def _refuse(
        self, progress: Progress, problems: Sequence[Problem | RowProblem | str]
    ) -> Progress:
        why = tuple(str(problem) for problem in problems)
        progress = msgspec.structs.replace(progress, state="refused", why=why)
        self._save(progress)
        self._report(progress)
        return progress

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


def _mark(receivable_id: str) -> bytes:
    """Eight bytes that stand for a receivable in the list of those seen."""
    return hashlib.blake2b(receivable_id.encode(), digest_size=_MARK).digest()


def report_key(key: str) -> str:
    """Where the report of a file stands: beside it."""
    return f"{key}.report.json"


def _is_absent(account: Account, receivable: Receivable) -> bool:
    return any(hold.hold_id == f"{ABSENT}:{receivable.receivable_id}" for hold in account.holds)


def _creditor_of(open_receivables: Sequence[Receivable], currency: str) -> str:
    """Whom money without a reference is for: the only creditor, or nobody can tell."""
    creditors = {r.creditor for r in open_receivables if r.currency == currency}
    creditors = creditors or {r.creditor for r in open_receivables}
    return creditors.pop() if len(creditors) == 1 else ""


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


class _LinkIds(dict[str, str]):
    """Account ids by reference, computed when asked."""

    def __init__(self, account_id: Callable[[str], str]) -> None:
        super().__init__()
        self._account_id = account_id

    def __missing__(self, reference: str) -> str:
        return self._account_id(reference)
