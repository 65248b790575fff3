"""`escalon clock …`: the time of a replay's stack, and how it goes on after the replay."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from escalon.adapters.clock import TableClock
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.deployed import Deployed
from escalon_cli.publish import live_version
from escalon_cli.replay.play import ReplayError, sweep, sweeps_of

AT = "09:00"  # of the daily sweep of `escalon run`

_LONGEST = 400  # days at a time
_CHANGED = ("agreement_", "instalment_")

out = Console()
err = Console(stderr=True)

type Tell = Callable[[int, int], None]

Stack = Annotated[str, typer.Option("--stack", help="A local stack.")]


@dataclass
class Day:
    """What happened on a day: messages by channel, tasks by kind, and what became of agreements."""

    messages: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    agreements: list[str] = field(default_factory=list)


def commands(
    deployed: Callable[[str], Deployed], errors_in_words: Callable[[], AbstractContextManager[None]]
) -> typer.Typer:
    """`escalon clock …`; `deployed` finds a stack by its name."""
    app = typer.Typer(help="A stack's clock; that of a replay can be moved.")

    @app.callback(invoke_without_command=True)
    def clock(context: typer.Context, stack: Stack = "local") -> None:
        """Show a stack's time."""
        if context.invoked_subcommand is not None:
            return
        with errors_in_words():
            there = deployed(stack)
            now, zone = there.now(), ZoneInfo(_rulebook(there).default_zone)
            is_own = TableClock(there.table).was_set()
        out.print(
            f"{there.name}: {now.astimezone(zone):%A %Y-%m-%d %H:%M} in {zone}"
            + ("" if is_own else ", the real time")
        )

    @app.command("forward")
    def go_forward(
        days: Annotated[int | None, typer.Option(min=1, help="So many days on.")] = None,
        to: Annotated[
            datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="To this day.")
        ] = None,
        at: Annotated[
            list[str] | None, typer.Option(help=f"Times of the daily sweep; else {AT}.")
        ] = None,
        stack: Stack = "local",
    ) -> None:
        """Play the days that follow on a replay's stack, with a sweep at each `--at`, and tell what
        happened. Nobody pays in them but by `escalon payments simulate`."""
        with errors_in_words():
            there = deployed(stack)
            if (days is None) == (to is None):
                raise ReplayError("say how far: either --days 7 or --to 2026-12-05")
            started = _set_clock(there).now()
            zone = ZoneInfo(_rulebook(there).default_zone)
            today = started.astimezone(zone).date()
            last = to.date() if to else today + timedelta(days=days or 0)
            with Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total} sweeps"),
                TimeElapsedColumn(),
                console=err,
            ) as progress:
                bar = progress.add_task("Playing", total=None)
                forward(
                    there,
                    last,
                    sorted(time_of(text) for text in at or [AT]),
                    zone,
                    lambda done, of: progress.update(bar, completed=done, total=of),
                )
            found = happened(there, started, zone)
        show(found, there.now().astimezone(zone))

    return app


def time_of(text: str) -> time:
    """A time of day as somebody writes it. Raises ReplayError."""
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ReplayError(f"--at {text!r} is not a time of day; write it like {AT}") from None


def forward(deployed: Deployed, last: date, at: Sequence[time], zone: ZoneInfo, tell: Tell) -> None:
    """Move a replay stack's clock through every sweep up to the end of a day, and wait for each.
    The clock then stands at the last of them. Raises ReplayError."""
    clock = _set_clock(deployed)
    started = clock.now()
    today = started.astimezone(zone).date()
    if (last - today).days > _LONGEST:
        raise ReplayError(f"{last} is more than {_LONGEST} days on; go there in parts")
    moments = [moment for moment in sweeps_of(today, last, at, zone) if moment > started]
    if not moments:
        raise ReplayError(
            f"the clock stands at {started.astimezone(zone):%Y-%m-%d %H:%M} already; "
            "it goes forward only"
        )
    for number, moment in enumerate(moments):
        tell(number, len(moments))
        clock.set(moment)
        sweep(deployed, moment)
    tell(len(moments), len(moments))


def happened(deployed: Deployed, since: datetime, zone: ZoneInfo) -> dict[date, Day]:
    """What happened after an instant, by day."""
    days: dict[date, Day] = {}
    names = {
        stored.account.account_id: f"{stored.account.source_ref} {stored.account.name}"
        for stored in deployed.table.all_accounts()
    }

    def later(documents: Iterable[dict[str, Any]], when: str) -> Iterable[tuple[Day, Any]]:
        for one in documents:
            at = datetime.fromisoformat(str(one[when]))
            if at > since:
                yield days.setdefault(at.astimezone(zone).date(), Day()), one

    for day, message in later(deployed.table.all_documents("M#"), "claimed_at"):
        if message["state"] != "released":
            day.messages[message["channel"]] += 1
    for day, task in later(deployed.table.all_documents("T#"), "opened_at"):
        day.tasks[task["kind"]] += 1
    facts = (
        {**fact, "account_id": account_id}
        for account_id, fact in deployed.history.everything()
        if fact["fact"].startswith(_CHANGED)
    )
    for day, fact in later(facts, "at"):
        day.agreements.append(_became(names.get(fact["account_id"], fact["account_id"]), fact))
    return dict(sorted(days.items()))


def show(days: dict[date, Day], now: datetime) -> None:
    """Print it, a line for each day on which anything happened."""
    table = Table("day", "messages", "tasks", "agreements", title="What happened")
    for on, day in days.items():
        became = "\n".join(escape(line) for line in day.agreements)
        table.add_row(str(on), _counted(day.messages), _counted(day.tasks), became)
    if days:
        out.print(table)
    else:
        out.print("Nothing happened: nobody was written to, and no agreement changed.")
    out.print(f"The clock stands at {now:%A %Y-%m-%d %H:%M}.", highlight=False)


def _became(who: str, fact: dict[str, Any]) -> str:
    what, _, became = fact["fact"].partition("_")
    which = f" {fact['instalment']}" if fact.get("instalment") else ""
    resumes = f", resumes at {fact['resume_at']}" if fact.get("resume_at") else ""
    return f"{who}: {what}{which} {became.replace('_', ' ')}{resumes}"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.most_common())


def _set_clock(deployed: Deployed) -> TableClock:
    clock = TableClock(deployed.table)
    if not clock.was_set():
        raise ReplayError(
            f"{deployed.name} goes by the real time, which nobody can move; "
            "`escalon run` leaves a stack with a clock of its own"
        )
    return clock


def _rulebook(deployed: Deployed) -> Rulebook:
    version = live_version(deployed)
    if not version:
        raise ReplayError(f"{deployed.name} has no rulebook in force")
    return deployed.documents.rulebook(version)
