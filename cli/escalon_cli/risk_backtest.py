"""How well a risk model would have told who pays late: an export of settled invoices, gone through
in the order of time.

Before each invoice is issued its debtor is assessed by what had been settled until then, by the
very code that a stack runs; then it is looked at whether that invoice was paid late. Nothing of the
future is known, and nothing is fitted to the file.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

import msgspec
from msgspec.structs import replace

from escalon.authoring.yaml_lines import Problem
from escalon.domain.account import Account, Receivable
from escalon.domain.payments.ledger import LedgerEntry
from escalon.domain.rules.behaviour import followed
from escalon.domain.rules.risk import assess
from escalon.domain.rules.rulebook import RiskModel
from escalon.importing.mapping import RowReader, read_mapping
from escalon.importing.reading import read_csv
from escalon.importing.records import PaymentRecord, ReceivableRecord, RefusedRow, RowProblem

BANDS = 10  # of scores, in the calibration


class BacktestError(LookupError):
    """A file that cannot be gone through; says why."""


class Invoice(msgspec.Struct, frozen=True):
    """One settled invoice of the file; amounts are minor units."""

    debtor: str
    receivable_id: str
    issued_on: date
    due_on: date
    settled_on: date
    amount_minor: int
    currency: str

    @property
    def late(self) -> bool:
        """Whether it was settled after its due date."""
        return self.settled_on > self.due_on


class Told(msgspec.Struct, frozen=True):
    """What was said of one invoice when it was issued, and what came of it. Scores are in
    hundredths of a percent; `naive` says late if the debtor's latest settled invoice was."""

    score: int
    grade: str
    settled_before: int
    naive: bool
    late: bool


class Band(msgspec.Struct, frozen=True):
    """Invoices whose score fell between two bounds: the mean score and the share that was late, in
    hundredths of a percent."""

    name: str
    count: int
    mean_score: int
    late: int


class Backtest(msgspec.Struct, frozen=True):
    """The figures. AUC is the probability that of two invoices, one late and one not, the late one
    had the higher score."""

    invoices: int
    late: int
    with_history: int  # whose debtor had settled enough to be graded
    auc: float
    auc_naive: float
    auc_with_history: float
    auc_naive_with_history: float
    brier: float
    brier_base: float  # of whoever always says the mean share
    bands: tuple[Band, ...]
    grades: tuple[Band, ...]


def read_invoices(file: Path, mapping_file: Path) -> list[Invoice]:
    """The settled invoices of an export (CSV), by its mapping; rows that cannot be read are left
    out, and so is what was not settled in full."""
    mapping = read_mapping(mapping_file.read_text(encoding="utf-8"), mapping_file.name)
    if isinstance(mapping, list):
        raise BacktestError("\n".join(str(problem) for problem in mapping))
    if mapping.file.format == "xlsx":
        raise BacktestError("only a CSV can be gone through; save the spreadsheet as one")
    owed: dict[str, ReceivableRecord] = {}
    paid: dict[str, list[tuple[date, int]]] = defaultdict(list)
    with file.open("rb") as stream:
        rows = read_csv(stream, form=mapping.file, file=file.name)
        reader = RowReader.of(mapping, rows.cursor.header, file=file.name)
        if isinstance(reader, list):
            raise BacktestError("\n".join(_said(reader)))
        for _, line, cells in rows:
            row = None if isinstance(cells, RowProblem) else reader.row(line, cells)
            if row is None or isinstance(row, RefusedRow):
                continue
            for record in row.records:
                if isinstance(record, ReceivableRecord):
                    owed[record.receivable_id] = record
                elif isinstance(record, PaymentRecord) and record.receivable_id:
                    settled = (record.paid_at.date(), record.amount_minor)
                    paid[record.receivable_id].append(settled)
    invoices = []
    for name, record in owed.items():
        settled_on = _settled_on(record.amount_minor, paid[name])
        if record.due_on is not None and settled_on is not None:
            invoices.append(
                Invoice(
                    record.source_ref,
                    name,
                    record.issued_on,
                    record.due_on,
                    settled_on,
                    record.amount_minor,
                    record.currency,
                )
            )
    return invoices


def _said(problems: Iterable[Problem]) -> list[str]:
    return [str(problem) for problem in problems]


def _settled_on(amount_minor: int, payments: Iterable[tuple[date, int]]) -> date | None:
    """The day on which payments reached the amount."""
    came = 0
    for on, minor in sorted(payments):
        came += minor
        if came >= amount_minor:
            return on
    return None


def go_through(invoices: Sequence[Invoice], model: RiskModel) -> list[Told]:
    """What the model says of each invoice on its issue date."""
    by_debtor: dict[str, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        by_debtor[invoice.debtor].append(invoice)
    told = []
    for debtor, own in by_debtor.items():
        account = Account(debtor, debtor, "", zones=("UTC",))
        waiting = sorted(own, key=lambda i: (i.settled_on, i.receivable_id), reverse=True)
        for invoice in sorted(own, key=lambda i: (i.issued_on, i.receivable_id)):
            while waiting and waiting[-1].settled_on < invoice.issued_on:
                account = _settled(account, waiting.pop())
            found = assess(account, model)
            recent = account.behaviour.recent
            told.append(
                Told(
                    found.score,
                    found.grade,
                    account.behaviour.settled,
                    bool(recent and recent[-1]),
                    invoice.late,
                )
            )
    return told


def _settled(account: Account, invoice: Invoice) -> Account:
    """The account after the invoice was paid, as the ledger's writes follow it."""
    at = datetime.combine(invoice.settled_on, time(12), UTC)
    receivable = Receivable(
        invoice.receivable_id,
        "-",
        "",
        invoice.issued_on,
        invoice.due_on,
        invoice.currency,
        invoice.amount_minor,
        0,
        invoice.issued_on,
    )
    entry = LedgerEntry(
        "e",
        account.account_id,
        "-",
        invoice.receivable_id,
        "payment",
        -invoice.amount_minor,
        invoice.currency,
        at,
        "p",
    )
    after, _ = followed(replace(account, known_on=invoice.issued_on), [receivable], [entry], at)
    return after


def backtest(invoices: Sequence[Invoice], model: RiskModel) -> Backtest:
    """The figures of a model on these invoices."""
    told = go_through(invoices, model)
    if not any(one.late for one in told) or all(one.late for one in told):
        raise BacktestError(
            "there have to be settled invoices that were late, and some that were not"
        )
    known = [one for one in told if one.settled_before >= model.least_settled]
    share = sum(one.late for one in told) / len(told)
    return Backtest(
        invoices=len(told),
        late=sum(one.late for one in told),
        with_history=len(known),
        auc=auc([(one.score, one.late) for one in told]),
        auc_naive=auc([(one.naive, one.late) for one in told]),
        auc_with_history=auc([(one.score, one.late) for one in known]),
        auc_naive_with_history=auc([(one.naive, one.late) for one in known]),
        brier=sum((one.score / 10_000 - one.late) ** 2 for one in told) / len(told),
        brier_base=share * (1 - share),
        bands=_banded(told),
        grades=_graded(told, model),
    )


def auc(scored: Sequence[tuple[float, bool]]) -> float:
    """The area under the curve of hits against false alarms, as Mann and Whitney's U: equal scores
    count one half. One half where there are none of the one kind."""
    ordered = sorted(scored)
    late = sum(is_late for _, is_late in ordered)
    others = len(ordered) - late
    if not late or not others:
        return 0.5
    ranks, start = 0.0, 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][0] == ordered[start][0]:
            end += 1
        mean_rank = (start + 1 + end) / 2
        ranks += mean_rank * sum(is_late for _, is_late in ordered[start:end])
        start = end
    return (ranks - late * (late + 1) / 2) / (late * others)


def _banded(told: Sequence[Told]) -> tuple[Band, ...]:
    width = 10_000 // BANDS
    groups: dict[int, list[Told]] = defaultdict(list)
    for one in told:
        groups[min(one.score // width, BANDS - 1)].append(one)
    names = (f"{n * 100 // BANDS} to {(n + 1) * 100 // BANDS} %" for n in sorted(groups))
    return tuple(
        _band(name, own) for name, (_, own) in zip(names, sorted(groups.items()), strict=True)
    )


def _graded(told: Sequence[Told], model: RiskModel) -> tuple[Band, ...]:
    names = [*model.grades, ""]
    groups = {name: [one for one in told if one.grade == name] for name in names}
    return tuple(_band(name or "no grade", own) for name, own in groups.items() if own)


def _band(name: str, own: Sequence[Told]) -> Band:
    late = sum(one.late for one in own) * 10_000 // len(own)
    return Band(name, len(own), sum(one.score for one in own) // len(own), late)
