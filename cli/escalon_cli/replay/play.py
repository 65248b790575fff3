"""Replay: a portfolio is played day by day through the deployed functions, on a clock set by us.

The functions are triggered as in AWS: files by the inbox, runs by the sweep's schedule event, and
everything after that by queues and streams. Only the clock is ours; a replay stack has one that is
set from outside, and no production stack can have it. The source's payments arrive on their day.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

from escalon.adapters.clock import TableClock
from escalon.authoring.rulebook import load_rulebook
from escalon.authoring.yaml_lines import Problem
from escalon.domain.rules.rulebook import Rulebook
from escalon.importing.mapping import MappingFile, RowReader, for_sections, read_mapping
from escalon.importing.reading import UnreadableFileError, read_csv, read_xlsx
from escalon.importing.records import PaymentRecord, Row, RowProblem
from escalon.usecases.contact.manage_tasks import LIST as TASKS
from escalon_cli.deployed import Deployed
from escalon_cli.local.provider_stand_in import Providers
from escalon_cli.operator_api import operator_api
from escalon_cli.publish import put_in_force
from escalon_cli.replay.agreements import Debtors, WrongActError, read_acts
from escalon_cli.replay.payments import Files, Notices, PaymentsRefusedError, Way, Webhooks
from escalon_cli.waiting import report_of, run_ended

_MAPPING = "replay-book"


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
    payments: tuple[tuple[Path, Path], ...] = ()  # a bank's files with their mappings
    by: Way = "webhook"  # how the payments of the file itself come in
    agreements: Path | None = None  # what debtors agree to and keep (replay_agreements)

    def check(self) -> Rulebook:
        """Everything that can be wrong is found before anything is started."""
        if self.last_day < self.first_day:
            raise ReplayError(f"--to {self.last_day} is before --from {self.first_day}")
        acts = (self.agreements,) if self.agreements else ()
        for path in (self.file, self.mapping, *(p for pair in self.payments for p in pair), *acts):
            if not path.is_file():
                raise ReplayError(f"there is no file {path}")
        return load_rulebook(self.rulebook)


@dataclass(frozen=True)
class _Arriving:
    """A payment, and by which way it comes in."""

    payment: PaymentRecord
    by_webhook: bool


@dataclass
class Played:
    """What came of it."""

    rulebook: Rulebook
    runs: list[str] = field(default_factory=list)
    imports: list[dict[str, object]] = field(default_factory=list)
    notices: Notices | None = None
    payments_after: int = 0
    debtors: Debtors | None = None  # who agreed, and what the rules did not allow
    seconds: float = 0.0


type Tell = Callable[[str, int, int], None]


def play(deployed: Deployed, plan: Plan, tell: Tell) -> Played:
    """Play the plan on a local stack with a table clock. `tell(what, done, of)` hears of
    progress."""
    if deployed.embedded is None:
        raise ReplayError(f"{deployed.name} is in AWS; a replay needs a stack on this machine")
    try:
        return _play(deployed, plan, tell, Providers(deployed.embedded.providers_url))
    except (PaymentsRefusedError, WrongActError) as error:
        raise ReplayError(str(error)) from error


def _play(deployed: Deployed, plan: Plan, tell: Tell, stand_in: Providers) -> Played:
    started = time.monotonic()
    webhooks = Webhooks(deployed, stand_in, chaos=plan.by == "chaos")
    files = Files(deployed)
    rulebook = load_rulebook(plan.rulebook)
    if plan.by != "file":
        rulebook = webhooks.known_to(rulebook)
        webhooks.put_secrets()
    put_in_force(deployed, rulebook, why="a replay")
    verify_senders(deployed, rulebook)
    zone = ZoneInfo(rulebook.default_zone)
    played = Played(rulebook, notices=webhooks.notices if plan.by != "file" else None)
    clock = TableClock(deployed.table)
    begin = datetime.combine(plan.first_day, time_of_day(), zone).astimezone(UTC)
    end = datetime.combine(plan.last_day + timedelta(days=1), time_of_day(), zone)
    clock.set(begin)
    payments = list(_payments(plan))
    tell("book", 0, 1)
    suffix = plan.file.suffix.lower()
    key = f"inbox/{_MAPPING}/{plan.file.stem}{suffix}"
    deployed.documents.put(f"mappings/{_MAPPING}.yaml", plan.mapping.read_bytes())
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
    acts = deque(read_acts(plan.agreements, zone) if plan.agreements else ())
    debtors = Debtors(deployed, webhooks.hand_in)
    played.debtors = debtors if plan.agreements else None
    played.payments_after = sum(1 for p in payments if p.payment.paid_at >= end)
    days = (plan.last_day - plan.first_day).days + 1
    for at, arriving in moments:
        while acts and acts[0].at < at:
            clock.set(acts[0].at)
            debtors.do(acts.popleft())
        clock.set(at)
        tell("day", (at.astimezone(zone).date() - plan.first_day).days, days)
        if not arriving:
            played.runs.append(sweep(deployed, at))
            continue
        told = [a.payment for a in arriving if a.by_webhook]
        if told:
            webhooks.hand_in(told, at)
        if len(told) < len(arriving):
            played.imports.append(files.hand_in([a.payment for a in arriving if not a.by_webhook]))
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


def sweep(deployed: Deployed, at: datetime) -> str:
    """What EventBridge Scheduler does at that instant, and wait until its run is delivered."""
    event = {"scheduled_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    answer = deployed.client("lambda").invoke(
        FunctionName=deployed.outputs["SweepFunction"], Payload=json.dumps(event)
    )
    body = json.loads(answer["Payload"].read())
    if "run_id" not in body:
        raise ReplayError(f"the sweep of {at} did not start a run: {body}")
    run_ended(deployed, body["run_id"], at)
    _post_letters(deployed)
    return str(body["run_id"])


def _post_letters(deployed: Deployed) -> None:
    """Somebody posts every letter on the day on which it is asked for, and says so."""
    for task in deployed.table.listed(TASKS):
        if task["kind"] == "letter":
            closing = {
                "key": f"replay-{task['task_id']}",
                "why": "a replay posts its letters at once",
                "task": task["task_id"],
                "outcome": "posted",
            }
            place = f"/accounts/{task['account_id']}/tasks/closings"
            operator_api(deployed)("POST", place, closing)


def sweeps_of(
    first_day: date, last_day: date, at: Sequence[time_of_day], zone: ZoneInfo
) -> Iterator[datetime]:
    """The instants at which the schedule would begin a run, in order."""
    day = first_day
    while day <= last_day:
        yield from (datetime.combine(day, one, zone).astimezone(UTC) for one in at)
        day += timedelta(days=1)


def _moments(
    plan: Plan,
    zone: ZoneInfo,
    payments: Iterable[_Arriving],
    begin: datetime,
    end: datetime,
) -> Iterator[tuple[datetime, list[_Arriving]]]:
    """Every instant at which something happens, in order: payments first, then the sweep."""
    arriving: dict[datetime, list[_Arriving]] = {}
    for one in payments:
        if one.payment.paid_at < end:
            arriving.setdefault(max(one.payment.paid_at, begin), []).append(one)
    sweeps = set(sweeps_of(plan.first_day, plan.last_day, plan.at, zone))
    for at in sorted(sweeps | set(arriving)):
        if at in arriving:
            yield at, sorted(arriving[at], key=lambda one: one.payment.payment_id)
        if at in sweeps:
            yield at, []


# ------------------------------------------------------------------- the payments of the files


def _payments(plan: Plan) -> Iterator[_Arriving]:
    for payment in _payments_of(plan.file, plan.mapping):
        by_webhook = plan.by != "file" and bool(payment.receivable_id)
        yield _Arriving(payment, by_webhook and payment.amount_minor > 0)
    for file, mapping in plan.payments:
        for payment in _payments_of(file, mapping):
            yield _Arriving(payment, by_webhook=False)


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
