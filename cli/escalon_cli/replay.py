"""Replay: a portfolio is played day by day through the deployed functions, on a clock set by us.

The functions are triggered as in AWS: files by the inbox, runs by the sweep's schedule event, and
everything after that by queues and streams. Only the clock is ours; a replay stack has one that is
set from outside, and no production stack can have it. The source's payments arrive on their day.
"""

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

from escalon.adapters.clock import TableClock
from escalon.authoring.rulebook import load_rulebook
from escalon.authoring.yaml_lines import Problem
from escalon.domain.money import to_major
from escalon.domain.rulebook import Rulebook
from escalon.importing.mapping import MappingFile, RowReader, for_sections, read_mapping
from escalon.importing.reading import UnreadableFileError, read_csv, read_xlsx
from escalon.importing.records import PaymentRecord, Row, RowProblem
from escalon_cli.deployed import Deployed
from escalon_cli.publish import publish
from escalon_cli.waiting import report_of, run_ended

_MAPPING = "replay-book"
_PAYMENTS = "replay-payments"

# Payments are handed in one file an instant, in a layout of our own, whatever theirs was.
_PAYMENTS_MAPPING = """\
file: {type: changes, delimiter: ","}
numbers: "1234567.89"
zone: UTC
creditor: always any
account:
  source_ref: account
  name: always payer
receivable:
  receivable_id: receivable
  issued_on: always 2000-01-01
  due_on: always 2000-01-01
  currency: currency
  amount: amount
payments:
  - payment_id: payment
    receivable_id: receivable
    amount: amount
    currency: currency
    paid_at: paid_at
"""


class ReplayError(Exception):
    """The replay cannot be played; says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """What is replayed: a file with its mapping, a rulebook, and from when to when."""

    file: Path
    mapping: Path
    rulebook: Path
    first_day: date
    last_day: date
    at: tuple[time_of_day, ...]
    payments: tuple[tuple[Path, Path], ...] = ()  # further payment files with their mappings

    def check(self) -> Rulebook:
        """Everything that can be wrong is found before anything is started."""
        if self.last_day < self.first_day:
            raise ReplayError(f"--to {self.last_day} is before --from {self.first_day}")
        for path in (self.file, self.mapping, *(p for pair in self.payments for p in pair)):
            if not path.is_file():
                raise ReplayError(f"there is no file {path}")
        return load_rulebook(self.rulebook)


@dataclass
class Played:
    """What came of it."""

    rulebook: Rulebook
    runs: list[str] = field(default_factory=list)
    imports: list[dict[str, object]] = field(default_factory=list)
    payments_after: int = 0
    seconds: float = 0.0


type Tell = Callable[[str, int, int], None]


def play(deployed: Deployed, plan: Plan, tell: Tell) -> Played:
    """Play the plan on a stack with a table clock. `tell(what, done, of)` hears of progress."""
    started = time.monotonic()
    rulebook = publish(deployed, plan.rulebook)
    verify_senders(deployed, rulebook)
    zone = ZoneInfo(rulebook.default_zone)
    played = Played(rulebook)
    clock = TableClock(deployed.table)
    begin = datetime.combine(plan.first_day, time_of_day(), zone).astimezone(UTC)
    end = datetime.combine(plan.last_day + timedelta(days=1), time_of_day(), zone)
    clock.set(begin)
    payments = list(_payments(plan))
    tell("book", 0, 1)
    suffix = plan.file.suffix.lower()
    key = f"inbox/{_MAPPING}/{plan.file.stem}{suffix}"
    deployed.documents.put(f"mappings/{_MAPPING}.yaml", plan.mapping.read_bytes())
    deployed.documents.put(f"mappings/{_PAYMENTS}.yaml", _PAYMENTS_MAPPING.encode())
    deployed.documents.put(
        key,
        plan.file.read_bytes(),
        "text/csv",
        {"sections": "account,contacts,receivable,disputes,links"},
    )
    report = report_of(deployed, key)
    played.imports.append(report)
    if report["state"] == "refused":
        raise ReplayError("\n".join(["the file was refused:", *map(str, report["why"])]))
    tell("book", 1, 1)
    moments = _moments(plan, zone, payments, begin, end.astimezone(UTC))
    played.payments_after = sum(1 for p in payments if p.paid_at >= end)
    days = (plan.last_day - plan.first_day).days + 1
    for number, (at, arriving) in enumerate(moments):
        clock.set(at)
        tell("day", (at.astimezone(zone).date() - plan.first_day).days, days)
        if arriving:
            report = _hand_in(deployed, arriving, number)
            played.imports.append(report)
        else:
            played.runs.append(_sweep(deployed, at))
    tell("day", days, days)
    played.seconds = time.monotonic() - started
    return played


def verify_senders(deployed: Deployed, rulebook: Rulebook) -> None:
    """Let the embedded SES accept the creditors' senders, as it is done once by hand in AWS."""
    ses = deployed.client("sesv2")
    known = {i["IdentityName"] for i in ses.list_email_identities().get("EmailIdentities", ())}
    for sender in sorted({creditor.email_from for creditor in rulebook.creditors.values()}):
        if sender not in known:
            ses.create_email_identity(EmailIdentity=sender)


def _sweep(deployed: Deployed, at: datetime) -> str:
    """What EventBridge Scheduler does at that instant, and wait until its run is delivered."""
    event = {"scheduled_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    answer = deployed.client("lambda").invoke(
        FunctionName=deployed.outputs["SweepFunction"], Payload=json.dumps(event)
    )
    body = json.loads(answer["Payload"].read())
    if "run_id" not in body:
        raise ReplayError(f"the sweep of {at} did not start a run: {body}")
    run_ended(deployed, body["run_id"], at)
    return str(body["run_id"])


def _hand_in(
    deployed: Deployed, payments: Sequence[PaymentRecord], number: int
) -> dict[str, object]:
    """Upload the payments of one instant as a file of their own."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("payment", "account", "receivable", "amount", "currency", "paid_at"))
    for payment in payments:
        writer.writerow(
            (
                payment.payment_id,
                payment.source_ref or "",
                payment.receivable_id or "",
                to_major(payment.amount_minor, payment.currency),
                payment.currency,
                payment.paid_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
        )
    key = f"inbox/{_PAYMENTS}/{number:06d}.csv"
    deployed.documents.put(key, out.getvalue().encode(), "text/csv", {"sections": "payments"})
    report = report_of(deployed, key)
    if report["refused"] or report["state"] != "done":
        raise ReplayError(f"payments were refused: {report['why'] or report['problems']}")
    return report


def _moments(
    plan: Plan,
    zone: ZoneInfo,
    payments: Iterable[PaymentRecord],
    begin: datetime,
    end: datetime,
) -> Iterator[tuple[datetime, list[PaymentRecord]]]:
    """Every instant at which something happens, in order: payments first, then the sweep."""
    arriving: dict[datetime, list[PaymentRecord]] = {}
    for payment in payments:
        if payment.paid_at < end:
            arriving.setdefault(max(payment.paid_at, begin), []).append(payment)
    sweeps: set[datetime] = set()
    day = plan.first_day
    while day <= plan.last_day:
        sweeps.update(datetime.combine(day, at, zone).astimezone(UTC) for at in plan.at)
        day += timedelta(days=1)
    for at in sorted(sweeps | set(arriving)):
        if at in arriving:
            yield at, sorted(arriving[at], key=lambda payment: payment.payment_id)
        if at in sweeps:
            yield at, []


# ------------------------------------------------------------------- the payments of the files


def _payments(plan: Plan) -> Iterator[PaymentRecord]:
    for file, mapping in ((plan.file, plan.mapping), *plan.payments):
        yield from _payments_of(file, mapping)


def _payments_of(file: Path, mapping_file: Path) -> Iterator[PaymentRecord]:
    whole = read_mapping(mapping_file.read_text(encoding="utf-8"), str(mapping_file))
    if isinstance(whole, list):
        raise ReplayError(_listed(whole))
    mapping = for_sections(whole, {"payments"})
    try:
        yield from _read_payments(file, mapping)
    except UnreadableFileError as error:
        raise ReplayError(str(error)) from error


def _read_payments(file: Path, mapping: MappingFile) -> Iterator[PaymentRecord]:
    with file.open("rb") as stream:
        rows = (
            read_xlsx(file, form=mapping.file, file=file.name)
            if mapping.file.format == "xlsx"
            else read_csv(stream, form=mapping.file, file=file.name)
        )
        reader = RowReader.of(mapping, rows.cursor.header, file=file.name)
        if isinstance(reader, list):
            raise ReplayError(_listed(reader))
        for _, line, cells in rows:
            if isinstance(cells, RowProblem):
                continue  # the import of the book reports it
            row = reader.row(line, cells)
            if isinstance(row, Row):
                yield from (r for r in row.records if isinstance(r, PaymentRecord))


def _listed(problems: Sequence[Problem]) -> str:
    return "\n".join(str(problem) for problem in problems)
