"""`escalon runs`: the books of the latest runs, what waits to go, and taking a run back."""

import json
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table

from escalon.domain.contact.pacing import Buckets, done_by, interval
from escalon.usecases.runs.pace import read_quota
from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import operator_api
from escalon_cli.payments import AsJson, Key, Stack, Why
from escalon_cli.publish import live_version
from escalon_cli.waiting import run_totals

out = Console()
err = Console(stderr=True)

CHANNELS = {"email": "EmailQueueUrl", "sms": "SmsQueueUrl", "whatsapp": "WhatsAppQueueUrl"}
_SHOWN = 20  # of what could not be undone


@dataclass(frozen=True)
class Backlog:
    """What waits to go by one channel."""

    channel: str
    queued: int  # ready to be sent, or being sent
    later: int  # on the queue, until its turn within a quarter of an hour
    an_hour: int | None  # at most, by the caps and the carrier; None: nothing limits it
    gone_by: datetime | None


def backlog(there: Deployed, now: datetime) -> list[Backlog]:
    """What waits by each channel, and until when at the rate that caps and carriers allow."""
    version = live_version(there)
    caps = there.documents.rulebook(version).caps if version else ()
    found = []
    for channel, output in CHANNELS.items():
        answer = there.client("sqs").get_queue_attributes(
            QueueUrl=there.outputs[output], AttributeNames=["All"]
        )["Attributes"]
        queued = int(answer["ApproximateNumberOfMessages"]) + int(
            answer["ApproximateNumberOfMessagesNotVisible"]
        )
        later = int(answer.get("ApproximateNumberOfMessagesDelayed", 0))
        kept = there.table.load(f"PACE#{channel}", "PACE")
        buckets = msgspec.convert(kept, Buckets) if kept else None
        span = interval(
            caps,
            read_quota(there.table, channel, now),
            channel=channel,
            creditor="",
            rest=timedelta(hours=12),
        )
        an_hour = int(timedelta(hours=1) / span) if span else None
        found.append(
            Backlog(channel, queued, later, an_hour, done_by(buckets, queued + later, span, now))
        )
    return found


def commands(
    deployed: Callable[[str], Deployed], errors_in_words: Callable[[], AbstractContextManager[None]]
) -> typer.Typer:
    """`escalon runs …`; `deployed` finds a stack by its name."""
    app = typer.Typer(help="The books of the latest runs, what waits to go; undo a run.")

    @app.callback(invoke_without_command=True)
    def runs(
        context: typer.Context,
        newest: Annotated[int, typer.Option(help="How many runs, the newest first.")] = 10,
        stack: Stack = "local",
    ) -> None:
        """The books of the latest runs: looked at = acted + waited + held + skipped + failed."""
        if context.invoked_subcommand is not None:
            return
        with errors_in_words():
            there = deployed(stack)
            books = _books(there, newest)
            waiting = backlog(there, there.now())
        out.print(books)
        _show_backlog(waiting)

    @app.command()
    def undo(
        run: Annotated[str, typer.Argument(help="Its name, as `escalon runs` lists it.")],
        why: Why,
        sure: Annotated[
            bool, typer.Option("--sure", help="Although the next run would do the same again.")
        ] = False,
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Take back what a run did: levels, fees and tasks. What was sent gets a correction draft
        as a task; what cannot be undone is listed."""
        body: dict[str, Any] = {"key": key or uuid.uuid4().hex, "why": why, "run": run}
        if sure:
            body["sure"] = True
        with errors_in_words():
            api = operator_api(deployed(stack))
            with err.status("taking back …") as status:
                found = api("POST", "/runs/undoings", body)
                while not found["finished"]:
                    status.update(f"taking back … {found['accounts']} accounts so far")
                    found = api("POST", "/runs/undoings", body)
        if as_json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            _show_undone(found)

    return app


def _books(there: Deployed, newest: int) -> Table:
    table = Table(
        Column("run", no_wrap=True),
        *("looked at", "acted", "waited", "held", "skipped", "failed"),
        *("adds up", "rulebook"),
    )
    for run in there.table.listed("runs", newest=newest):
        totals = run_totals(there, run["run_id"])
        skipped = ", ".join(f"{count} {reason}" for reason, count in totals.skipped.items())
        name = run["run_id"]
        if there.table.load(f"RUN#{name}", "UNDO") is not None:
            name += " [dim]undone[/]"
        if run.get("kind") == "replan":
            name += " [dim]replan[/]"
        table.add_row(
            name,
            str(totals.looked_at),
            str(totals.acted),
            str(totals.waited),
            str(totals.held),
            skipped or "0",
            str(totals.failed),
            "[green]yes[/]" if totals.add_up else "[red]no[/]",
            run["rulebook"],
        )
    return table


def _show_backlog(waiting: list[Backlog]) -> None:
    table = Table("channel", "queued", "in the next 15 min", "an hour at most", "gone by (UTC)")
    for one in waiting:
        table.add_row(
            one.channel,
            str(one.queued),
            str(one.later),
            str(one.an_hour) if one.an_hour is not None else "—",
            f"{one.gone_by:%Y-%m-%d %H:%M}" if one.gone_by else "—",
        )
    out.print(table)


def _show_undone(found: dict[str, Any]) -> None:
    table = Table(title=f"{found['run_id']} is taken back", show_header=False)
    for name, told in (
        ("accounts", "accounts"),
        ("steps", "steps that may be taken again"),
        ("withdrawn", "planned and not sent"),
        ("tasks", "tasks closed"),
        ("fees", "fees given back"),
        ("corrections", "corrections to approve"),
    ):
        table.add_row(told, str(found[name]))
    out.print(table)
    for line in found["not_undone"][:_SHOWN]:
        err.print(f"[yellow]•[/] {line}", highlight=False)
    if len(found["not_undone"]) > _SHOWN:
        err.print(f"… and {len(found['not_undone']) - _SHOWN} more: --json lists all")
