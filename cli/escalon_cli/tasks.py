"""`escalon tasks …`: what people have to do, and what became of it.

Both go over the HTTP API, signed with IAM, so that whoever closes a task is known by name and role.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import OperatorApi, operator_api
from escalon_cli.payments import AsJson, Key, Stack, Why, account_id_of

out = Console()

OfAccount = Annotated[str, typer.Option("--account", help="Its id, or its document number.")]


def commands(
    deployed: Callable[[str], Deployed], errors_in_words: Callable[[], AbstractContextManager[None]]
) -> typer.Typer:
    """`escalon tasks …`; `deployed` finds a stack by its name."""
    app = typer.Typer(help="Work for people: what is to be done, and what became of it.")

    @app.callback(invoke_without_command=True)
    def listed(
        context: typer.Context,
        kind: Annotated[str, typer.Option(help="Such as call, letter, unknown_fate.")] = "",
        account: OfAccount = "",
        overdue: Annotated[bool, typer.Option("--overdue", help="Only what is late.")] = False,
        most: Annotated[int, typer.Option(help="How many, the earliest due first.")] = 200,
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """What is open; of one account also the letters that may still come back."""
        if context.invoked_subcommand is not None:
            return
        with errors_in_words():
            there = deployed(stack)
            asked = {
                "kind": kind,
                "account_id": account_id_of(there, account),
                "overdue": "true" if overdue else "",
                "most": str(most),
            }
            found = _listed(operator_api(there), asked)
        if as_json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
            return
        _show(found)

    @app.command()
    def close(
        task: Annotated[str, typer.Argument(help="As `escalon tasks` names it.")],
        outcome: Annotated[str, typer.Option(help="What became of it: `escalon tasks` says what.")],
        why: Why,
        at: Annotated[str, typer.Option(help="When: 2026-09-30T14:05:00-05:00; now.")] = "",
        on: Annotated[str, typer.Option(help="Or on which day: 2026-09-30.")] = "",
        proof: Annotated[
            str, typer.Option(help="A letter's tracking number; where a receipt is kept.")
        ] = "",
        number: Annotated[
            str, typer.Option(help="The number that was called, as it is on file.")
        ] = "",
        account: OfAccount = "",
        key: Key = "",
        stack: Stack = "local",
    ) -> None:
        """Say what became of a task. What waits for it goes on at once."""
        with errors_in_words():
            there = deployed(stack)
            api = operator_api(there)
            account_id = account_id_of(there, account) or _account_of(api, task)
            fields = {
                "key": key or uuid.uuid4().hex,
                "why": why,
                "task": task,
                "outcome": outcome,
                "at": at,
                "on": on,
                "proof": proof,
                "number": number,
            }
            done = api(
                "POST",
                f"/accounts/{quote(account_id, safe='')}/tasks/closings",
                {name: value for name, value in fields.items() if value},
            )
        again = " (it had been done before)" if done["again"] else ""
        out.print(f"[green]✓[/] closed: {outcome}{again}", highlight=False)
        if outcome == "promised":
            out.print(f"now note the promise: escalon promise {account_id} …", highlight=False)
        elif outcome == "posted":
            out.print("its receipt, or its return, is told by the same command with --account")

    return app


def _listed(api: OperatorApi, asked: Mapping[str, str]) -> dict[str, Any]:
    return api("GET", f"/tasks?{urlencode({name: v for name, v in asked.items() if v})}")


def _account_of(api: OperatorApi, task: str) -> str:
    found = _listed(api, {"task": task})["tasks"]
    if not found:
        raise LookupError(f"no open task is named {task}; give --account if it was closed before")
    return str(found[0]["account_id"])


def _show(found: Mapping[str, Any]) -> None:
    if not found["tasks"]:
        out.print("nothing is to be done")
        return
    table = Table(show_lines=True)
    table.add_column("task, account", no_wrap=True)  # they are copied
    table.add_column("due (UTC)", width=10)
    table.add_column("what is to be done, and what may become of it", overflow="fold")
    for task in found["tasks"]:
        since = f"since {_minute(task['opened_at'])}"
        what = [
            f"[bold]{escape(task['kind'])}[/] [dim]{since}[/]",
            escape(_why(task)),
            _last_look(task),
            f"[dim]→[/] {escape(', '.join(task['outcomes']))}",
        ]
        table.add_row(
            f"{escape(task['task_id'])}\n[dim]{escape(task['account_id'])}[/]",
            _minute(task["due_at"]),
            "\n".join(line for line in what if line),
        )
    out.print(table)
    if found["more"]:
        out.print("there are more: give --kind or --account, or a larger --most")


def _why(task: Mapping[str, Any]) -> str:
    """What the task is about: its step, what it is to mend, what somebody wrote."""
    told = [
        task.get("step", ""),
        task.get("receivable_id", ""),
        task.get("script", ""),
        task.get("queue", ""),
        task.get("about", ""),
        task.get("text", ""),
        task.get("outcome", ""),
    ]
    return " · ".join(str(one) for one in told if one)


def _last_look(task: Mapping[str, Any]) -> str:
    """Why the task may not be done now, or until when the debtor may be called today."""
    if "not_now" in task:
        return "[red]not now[/] " + escape("; ".join(task["not_now"]))
    until = task.get("allowed_until")
    return f"[green]until[/] {datetime.fromisoformat(until):%H:%M} there" if until else ""


def _minute(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(UTC).strftime("%Y-%m-%d %H:%M")
