"""Waiting for what the deployed functions do: imports to be reported, runs to be delivered."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from escalon.adapters.documents import NoDocumentError
from escalon.domain.decisions.intents import PLANNED_TIMEOUT, SENDING_TIMEOUT
from escalon.usecases.import_receivables import report_key
from escalon.usecases.runs.books import Page, Totals
from escalon_cli.deployed import Deployed


class StuckError(Exception):
    """The deployed functions did not come to an end in time; says where to look."""


def until[T](what: str, ask: Callable[[], T | None], *, seconds: float = 300) -> T:
    """Ask until there is an answer; raises StuckError."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while True:
        answer = ask()
        if answer is not None:
            return answer
        if time.monotonic() > deadline:
            raise StuckError(
                f"{what} did not end in {seconds:.0f} s. Look at the dead letters and at the "
                "functions' log (docs/runbook.md)."
            )
        time.sleep(pause)  # what happens in the stack can only be asked for
        pause = min(pause * 1.5, 0.1)


def report_of(deployed: Deployed, key: str, *, seconds: float = 900) -> dict[str, Any]:
    """The report of an uploaded file, once it is there."""

    def ask() -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = msgspec.json.decode(deployed.documents.get(report_key(key)))
        except NoDocumentError:
            return None
        return found

    return until(f"The import of {key}", ask, seconds=seconds)


def run_totals(deployed: Deployed, run_id: str) -> Totals:
    """What a run has counted so far."""
    totals = Totals()
    for document in deployed.table.documents(f"RUN#{run_id}", "P#"):
        page = msgspec.convert(document, Page)
        if page.totals is not None:
            totals.add(page.totals)
    return totals


def run_ended(deployed: Deployed, run_id: str, as_of: datetime) -> Totals:
    """The totals of a run, once all its shards are done and all it decided is delivered."""
    table = deployed.table

    def shards_done() -> bool | None:
        names = (f"S#due#{number:03d}" for number in range(table.shards))
        return True if all(table.load(f"RUN#{run_id}", name) for name in names) else None

    def delivered() -> bool | None:
        return True if _queues_are_empty(deployed) and not _unsettled(deployed, as_of) else None

    until(f"Run {run_id}", shards_done)
    totals = run_totals(deployed, run_id)
    if totals.acted:
        until(f"The deliveries of run {run_id}", delivered)
        _feedback_recorded(deployed)
    return totals


def _feedback_recorded(deployed: Deployed) -> None:
    """Wait until what carriers have told so far is recorded. What cannot be recorded yet comes back
    by itself, later each time, and nobody waits for that."""
    quiet = 0

    def recorded() -> bool | None:
        nonlocal quiet
        quiet = 0 if _waiting_in(deployed, "FeedbackQueueUrl") else quiet + 1
        return True if quiet == _QUIET_LOOKS else None

    with suppress(StuckError):
        until("What carriers have told", recorded, seconds=_FEEDBACK_SECONDS)


def _queues_are_empty(deployed: Deployed) -> bool:
    """Whether nothing waits for delivery or is being delivered: cheaper to ask than the table."""
    queues = ("EmailQueueUrl", "SmsQueueUrl", "WhatsAppQueueUrl", "TaskQueueUrl")
    return not any(_waiting_in(deployed, name) for name in queues)


def _waiting_in(deployed: Deployed, queue: str) -> bool:
    counts = deployed.client("sqs").get_queue_attributes(
        QueueUrl=deployed.outputs[queue], AttributeNames=list(_COUNTS)
    )["Attributes"]
    return any(int(counts[count]) for count in _COUNTS)


_FEEDBACK_SECONDS = 20
_QUIET_LOOKS = 6  # in some 0.2 s, since the status of an SMS comes by a log, a moment later
_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def _unsettled(deployed: Deployed, as_of: datetime) -> bool:
    """Whether an account still has an intent: until it is settled, it stays due soon."""
    soon = as_of + PLANNED_TIMEOUT + SENDING_TIMEOUT
    for shard in range(deployed.table.shards):
        after = None
        while True:
            page, after = deployed.table.due(f"due#{shard:03d}", soon, limit=500, after=after)
            if any(item.stored is not None and item.stored.account.intents for item in page):
                return True
            if after is None:
                break
    return False
