"""Reconcile: a provider's settlement file against the ledger, so that no payment is missed (L25).

What the file has and we do not is booked like any notice of the provider: the file is as much the
provider's word, and it came by a door that only our own people have. What we have and the file does
not, and what both have with another amount, is for a person. What was found is kept before anything
is booked, so that whoever is cut short goes on with the same findings.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from escalon.domain.money import to_major
from escalon.domain.payments.payment import BookedPayment, PaymentNotice, PaymentState, net
from escalon.domain.ports import Clock, RulebookInForce
from escalon.domain.rules.rulebook import PaymentProvider
from escalon.importing.mapping import MappingFile, RowReader, for_sections, read_mapping
from escalon.importing.reading import UnreadableFileError, read_csv, read_xlsx
from escalon.importing.records import PaymentRecord, RefusedRow, RowProblem
from escalon.usecases.payments.book_payments import UnmatchedMoney, paid_list, payment_key
from escalon.usecases.runs import feeds

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.table import Table
    from escalon.usecases.payments.take_notice import TakeNotice

FILES = "settlements/"
REPORTS = "reports/reconciliation/"
WORK = "reconciliations/"  # what one run leaves for another, and nobody needs for long
MOST_LINES = 200_000
REPORTED_PROBLEMS = 1_000
# A payment of ours is missed in the files once it is so old: the file of its day may come late, or
# name it a day later than we do. It is missed for a week, or a month's file would hide it.
PATIENCE_DAYS = 2
LOOK_BACK_DAYS = 9
_MARK = 8

type What = Literal["missing", "extra", "different"]
type Field = Literal["", "amount", "currency", "given_back"]
type _Document = dict[str, Any]


class Line(msgspec.Struct, frozen=True):
    """What a file says of one payment: all its lines, added up."""

    payment_id: str
    currency: str
    amount_minor: int
    given_back_minor: int
    paid_at: datetime
    reference: str


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One payment of which the file and the ledger say different things: in minor units, of the
    currency that is theirs if they have it."""

    what: What
    payment_id: str
    currency: str
    paid_at: datetime
    field: Field = ""
    theirs: int | str | None = None
    ours: int | str | None = None
    given_back_minor: int = 0
    reference: str = ""
    account_id: str = ""
    became: str = ""  # of what was missing: booked, unmatched, nothing, again


class Report(msgspec.Struct, frozen=True):
    """What came of one file."""

    reconciliation_id: str  # of its key and its bytes
    provider: str
    file: str
    at: datetime
    state: Literal["done", "refused"] = "done"
    from_day: date | None = None  # of its payments, on the clock of the mapping's zone
    to_day: date | None = None
    through: datetime | None = None  # its latest payment
    lines: int = 0
    refused_lines: int = 0
    payments: int = 0
    agreed: int = 0
    unmatched: int = 0  # of those agreed, on the list of unmatched money
    extra_from: date | None = None  # the days on which payments of ours were looked for in files
    extra_to: date | None = None
    differences: tuple[Difference, ...] = ()
    why: tuple[str, ...] = ()
    problems: tuple[RowProblem, ...] = ()

    def count(self, what: What) -> int:
        """How many differences there are of one kind."""
        return sum(1 for one in self.differences if one.what == what)


class UnusableFileError(Exception):
    """Nothing of the file can be used; says why, and what to do."""

    def __init__(self, *why: str) -> None:
        super().__init__("; ".join(why))
        self.why = why


class ReconcilePayments:
    """Reconcile settlement files. `name_of` gives the opaque name of a reference; `zone` is that of
    days in files that name none."""

    def __init__(
        self,
        table: "Table",
        documents: "Documents",
        clock: Clock,
        name_of: Callable[[str], str],
        take: "TakeNotice",
        rulebook: RulebookInForce,
        zone: str,
        *,
        in_production: bool = False,
    ) -> None:
        self._in_production = in_production
        self._table = table
        self._documents = documents
        self._clock = clock
        self._name_of = name_of
        self._take = take
        self._rulebook = rulebook
        self._zone = zone

    def waiting(self) -> list[str]:
        """The settlement files of which there is no report yet, by their keys."""
        reports = set(self._documents.keys(REPORTS))
        keys = self._documents.keys(FILES)
        return [key for key in keys if key.count("/") == 2 and report_key(key) not in reports]

    def __call__(self, key: str) -> Report:
        """Reconcile the file `settlements/<provider>/<file>`, and keep the report."""
        provider, _, file = key.removeprefix(FILES).partition("/")
        body = self._documents.get(key)
        named = hashlib.blake2b(key.encode() + b"|" + body, digest_size=8).hexdigest()
        report = Report(named, provider, file, self._clock.now())
        try:
            setting = self._setting(provider)
            mapping = self._mapping(provider)
            report = self._begun(key, report) or self._compare(key, report, mapping, body)
        except UnusableFileError as error:
            return self._keep(key, replace(report, state="refused", why=error.why))
        done = tuple(self._book(one, setting) for one in report.differences)
        if report.payments or not report.refused_lines:
            feeds.told(self._table, provider, report.at, report.through)
        return self._keep(key, replace(report, differences=done))

    def _setting(self, provider: str) -> PaymentProvider:
        rulebook = self._rulebook()
        known = rulebook.payments.providers if rulebook else {}
        if provider not in known:
            raise UnusableFileError(
                f"there is no provider {provider} in the rulebook in force; it has: "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        if self._in_production and known[provider].environment == "sandbox":
            raise UnusableFileError(f"{provider} is a sandbox: its money is no money")
        return known[provider]

    def _begun(self, key: str, report: Report) -> Report | None:
        """What was found in this very file by somebody who was cut short while booking it."""
        if self._documents.find(report_key(key)) is not None:
            return None
        found = self._documents.find(_begun_key(key))
        begun = msgspec.json.decode(found, type=Report) if found else None
        same = begun is not None and begun.reconciliation_id == report.reconciliation_id
        return begun if same else None

    # ---------------------------------------------------------------- the file

    def _mapping(self, provider: str) -> MappingFile:
        """What the columns of a provider's files mean."""
        key = mapping_key(provider)
        body = self._documents.find(key)
        if body is None:
            raise UnusableFileError(f"there is no mapping {key}: put it into the bucket")
        try:
            mapping = read_mapping(body.decode(), f"{provider}.yaml")
        except UnicodeDecodeError:
            raise UnusableFileError(f"{key} is not UTF-8 text: save it as UTF-8") from None
        if isinstance(mapping, list):
            raise UnusableFileError(*map(str, mapping))
        if not mapping.mapping.payments:
            raise UnusableFileError(f"{key} takes no payments: add `payments:`")
        return for_sections(mapping, ["payments"])

    def _compare(self, key: str, report: Report, mapping: MappingFile, body: bytes) -> Report:
        """Find what the file and the ledger say differently, and keep it before it is acted on."""
        records, problems = _read(report.file, mapping, body)
        lines = _added_up(records)
        known = self._known(report.provider, lines)
        differences: list[Difference] = []
        agreed = unmatched = 0
        for line in lines:
            ours = known.get(line.payment_id)
            found = _missing(line) if ours is None else _differing(line, ours)
            differences.extend(found)
            agreed += not found
            unmatched += ours is not None and ours.listed
        zone = ZoneInfo(mapping.mapping.zone or self._zone)
        days = sorted(record.paid_at.astimezone(zone).date() for record in records)
        report = replace(
            report,
            from_day=days[0] if days else None,
            to_day=days[-1] if days else None,
            through=max((record.paid_at for record in records), default=None),
            lines=len(records) + len({problem.line for problem in problems}),
            refused_lines=len({problem.line for problem in problems}),
            payments=len(lines),
            agreed=agreed,
            unmatched=unmatched,
            problems=tuple(problems[:REPORTED_PROBLEMS]),
        )
        if days:
            self._mark_seen(report, lines, days[0], days[-1])
        if days and not problems:
            start, end, extra = self._extra(report, days[0], days[-1], zone)
            report = replace(report, extra_from=start, extra_to=end)
            differences.extend(extra)
        report = replace(report, differences=tuple(differences))
        self._documents.put(_begun_key(key), msgspec.json.encode(report))
        return report

    # ---------------------------------------------------------------- what we have

    def _known(self, provider: str, lines: Sequence[Line]) -> "dict[str, _Ours]":
        """What is known of the payments of a file, by the provider's id."""
        names = {line.payment_id: f"{provider}:{line.payment_id}" for line in lines}
        lists = {own: f"UNMATCHED#{self._name_of(name)}" for own, name in names.items()}
        pointers = self._table.load_many([payment_key(name) for name in names.values()])
        kept = self._table.load_many([(pk, "UNMATCHED") for pk in lists.values()])
        booked = self._booked(pointers.values())
        found: dict[str, _Ours] = {}
        for own, name in names.items():
            pointer, unmatched = (
                pointers.get(payment_key(name)),
                kept.get((lists[own], "UNMATCHED")),
            )
            payment = booked.get(_place(pointer)) if pointer else None
            if payment is not None:
                account_id = str(pointer["account_id"]) if pointer else ""
                found[own] = _Ours(payment.state, payment.currency, account_id)
            elif unmatched is not None:
                money = msgspec.convert(unmatched, UnmatchedMoney)
                found[own] = _Ours(
                    money.money.state, money.money.currency, money.account_id, money.is_listed
                )
        return found

    def _booked(self, pointers: Iterable[_Document]) -> dict[tuple[str, str], BookedPayment]:
        found = self._table.load_many([_place(pointer) for pointer in pointers])
        return {key: msgspec.convert(document, BookedPayment) for key, document in found.items()}

    def _mark_seen(self, report: Report, lines: Sequence[Line], first: date, last: date) -> None:
        """Keep which payments the file has, for the files that come after it."""
        self._documents.put(
            f"{_seen(report.provider)}{last}_{first}_{report.reconciliation_id}",
            b"".join(_mark(line.payment_id) for line in lines),
            "application/octet-stream",
        )

    def _extra(
        self, report: Report, first: date, last: date, zone: ZoneInfo
    ) -> tuple[date | None, date | None, list[Difference]]:
        """Payments of ours that no file has although one should by now: of the days that this file
        is about, and of the last week, but for the last two days. Days before the first file do not
        count. The days that were looked at are said too."""
        end = last - timedelta(days=PATIENCE_DAYS)
        start = min(first, last - timedelta(days=LOOK_BACK_DAYS))
        seen: set[bytes] = set()
        begun = first
        for key in self._documents.keys(_seen(report.provider)):
            to_day, from_day, _ = key.rpartition("/")[2].split("_")
            if date.fromisoformat(to_day) >= start:
                begun = min(begun, date.fromisoformat(from_day))
                marks = self._documents.get(key)
                seen.update(marks[at : at + _MARK] for at in range(0, len(marks), _MARK))
        start = max(start, begun)
        if start > end:
            return None, None, []
        return start, end, list(self._unseen(report.provider, seen, _bounds(start, end, zone)))

    def _unseen(
        self, provider: str, seen: Collection[bytes], bounds: tuple[datetime, datetime]
    ) -> Iterator[Difference]:
        """Payments of the provider that are ours, paid within the bounds, and in none of the files
        under any of their names."""
        since, until = bounds
        prefix = f"{provider}:"
        pointers: dict[str, _Document] = {}
        day = since.astimezone(UTC).date()
        while day <= until.astimezone(UTC).date():
            for pointer in self._table.listed(paid_list(provider, day)):
                name = pointer["_pk"].removeprefix("CAUSE#payment:")
                if since <= datetime.fromisoformat(pointer["paid_at"]) < until:
                    pointers[name] = pointer
            day += timedelta(days=1)
        candidates = {
            name: pointer
            for name, pointer in pointers.items()
            if _mark(name.removeprefix(prefix)) not in seen
        }
        booked = self._booked(candidates.values())
        for name, pointer in candidates.items():
            payment = booked.get(_place(pointer))
            if payment is None or not net(payment.state):
                continue
            if any(_mark(other.removeprefix(prefix)) in seen for other in payment.names):
                continue
            yield Difference(
                "extra",
                name.removeprefix(prefix),
                payment.currency,
                datetime.fromisoformat(pointer["paid_at"]),
                ours=net(payment.state),
                account_id=str(pointer["account_id"]),
            )
        for document in self._table.listed("unmatched"):
            money = msgspec.convert(document, UnmatchedMoney).money
            if money.source != provider or not since <= money.paid_at < until:
                continue
            if not any(_mark(name.removeprefix(prefix)) in seen for name in money.names):
                yield Difference(
                    "extra",
                    money.payment_id.removeprefix(prefix),
                    money.currency,
                    money.paid_at,
                    ours=net(money.state),
                    became="unmatched",
                )

    # ---------------------------------------------------------------- what is done about it

    def _book(self, one: Difference, setting: PaymentProvider) -> Difference:
        """Book what was missing, as if the provider had just told it."""
        if one.what != "missing" or not one.theirs:
            return one
        notice = PaymentNotice(
            setting.provider,
            f"settlement:{one.payment_id}:approved:{one.theirs}",
            "approved",
            one.payment_id,
            int(one.theirs),
            one.currency,
            one.reference,
            one.paid_at,
            detail="settlement file",
        )
        became = self._take(notice, setting)
        if one.given_back_minor:
            gone = replace(
                notice,
                event_key=f"settlement:{one.payment_id}:refunded:{one.given_back_minor}",
                kind="refunded",
                amount_minor=one.given_back_minor,
            )
            self._take(gone, setting)
        return replace(one, became=became)

    def _keep(self, key: str, report: Report) -> Report:
        """The report, as data and as a table for people."""
        self._documents.put(f"{report_key(key)[:-5]}.csv", _table(report), "text/csv")
        body = msgspec.json.format(msgspec.json.encode(report), indent=2)
        self._documents.put(report_key(key), body)
        return report


class _Ours(msgspec.Struct, frozen=True):
    """What is known of one payment."""

    state: PaymentState
    currency: str
    account_id: str
    listed: bool = False


def report_key(key: str) -> str:
    """Where the report of a settlement file stands; beside it a table of the same name, `.csv`."""
    return f"{REPORTS}{key.removeprefix(FILES)}.json"


def mapping_key(provider: str) -> str:
    """Where the mapping of a provider's settlement files stands."""
    return f"mappings/settlements/{provider}.yaml"


def _read(
    file: str, mapping: MappingFile, body: bytes
) -> tuple[list[PaymentRecord], list[RowProblem]]:
    """The payments of a file, and what is wrong with those that cannot be read."""
    try:
        read = read_xlsx if mapping.file.format == "xlsx" else read_csv
        rows = read(io.BytesIO(body), form=mapping.file, file=file)
        reader = RowReader.of(mapping, rows.cursor.header, file=file)
        if isinstance(reader, list):
            raise UnusableFileError(*map(str, reader))
        records: list[PaymentRecord] = []
        problems: list[RowProblem] = []
        for _, line, cells in rows:
            if isinstance(cells, RowProblem):
                problems.append(cells)
                continue
            row = reader.row(line, cells)
            if isinstance(row, RefusedRow):
                problems.extend(row.problems)
            else:
                records.extend(one for one in row.records if isinstance(one, PaymentRecord))
            if len(records) > MOST_LINES:
                raise UnusableFileError(f"it has more than {MOST_LINES} payments: cut it in two")
    except UnreadableFileError as error:
        raise UnusableFileError(str(error)) from None
    return records, problems


def _added_up(records: Iterable[PaymentRecord]) -> list[Line]:
    """What the lines of each payment come to: what came, and what went back."""
    lines: dict[tuple[str, str], Line] = {}
    for one in records:
        key = (one.payment_id, one.currency)
        reference = one.receivable_id or one.source_ref or ""
        before = lines.get(key) or Line(*key, 0, 0, one.paid_at, reference)
        came, gone = (0, one.amount_minor) if one.given_back else (one.amount_minor, 0)
        lines[key] = replace(
            before,
            amount_minor=before.amount_minor + came,
            given_back_minor=before.given_back_minor + gone,
            paid_at=min(before.paid_at, one.paid_at),
            reference=before.reference or reference,
        )
    return list(lines.values())


def _missing(line: Line) -> list[Difference]:
    return [
        Difference(
            "missing",
            line.payment_id,
            line.currency,
            line.paid_at,
            theirs=line.amount_minor,
            given_back_minor=line.given_back_minor,
            reference=line.reference,
        )
    ]


def _differing(line: Line, ours: _Ours) -> list[Difference]:
    """What of one payment differs. A file has only its own days' refunds, so they differ if more
    went back than we know; or if we think that all of it did, and the file lets it come."""
    approved = ours.state.approved.amount_minor if ours.state.approved else 0
    gone = approved - net(ours.state)
    found: list[tuple[Field, int | str, int | str]] = []
    if line.currency != ours.currency:
        found.append(("currency", line.currency, ours.currency))
    else:
        if line.amount_minor and line.amount_minor != approved:
            found.append(("amount", line.amount_minor, approved))
        stays = ours.state.voided and line.amount_minor > line.given_back_minor
        if line.given_back_minor > gone or stays:
            found.append(("given_back", line.given_back_minor, gone))
    return [
        Difference(
            "different",
            line.payment_id,
            line.currency,
            line.paid_at,
            field,
            theirs,
            own,
            reference=line.reference,
            account_id=ours.account_id,
        )
        for field, theirs, own in found
    ]


def _bounds(start: date, end: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of the first day, and the first after the last."""
    return (
        datetime.combine(start, time(), zone),
        datetime.combine(end + timedelta(days=1), time(), zone),
    )


def _place(pointer: _Document) -> tuple[str, str]:
    """Where the payment of a pointer is booked."""
    return f"A#{pointer['account_id']}", f"P#{pointer['payment_id']}"


def _mark(payment_id: str) -> bytes:
    """Eight bytes that stand for a payment in the list of those that a file has."""
    return hashlib.blake2b(payment_id.encode(), digest_size=_MARK).digest()


def _seen(provider: str) -> str:
    return f"{WORK}seen/{provider}/"


def _begun_key(key: str) -> str:
    return f"{WORK}begun/{key.removeprefix(FILES)}.json"


def _table(report: Report) -> bytes:
    """The differences as a spreadsheet shows them, amounts in major units."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        [
            *("what", "payment", "paid at", "currency", "field", "theirs", "ours"),
            *("given back", "reference", "account", "became"),
        ]
    )
    for one in report.differences:
        writer.writerow(
            [
                *(one.what, _plain(one.payment_id), one.paid_at.isoformat(), one.currency),
                *(one.field, _major(one.theirs, one.currency), _major(one.ours, one.currency)),
                _major(one.given_back_minor, one.currency),
                *(_plain(one.reference), one.account_id, one.became),
            ]
        )
    return out.getvalue().encode("utf-8-sig")


def _major(value: int | str | None, currency: str) -> str:
    if isinstance(value, int):
        return f"{to_major(value, currency):f}"
    return value or ""


def _plain(text: str) -> str:
    """A text of a stranger's, which a spreadsheet would take for a formula if it began like one."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
