"""`escalon person …`: how somebody may be reached, a copy of their data, and their erasure.

Everything goes over the HTTP API, signed with IAM, so that whoever runs it is known by name and
role and needs no access to the tables.
"""

import json
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from urllib.request import urlopen

import typer
from rich.console import Console
from rich.table import Table

from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import operator_api
from escalon_cli.payments import Account, AsJson, Key, Stack, Why, account_id_of

out = Console()

Channel = Annotated[str, typer.Argument(help="email, sms, whatsapp, voice or letter.")]

_KINDS = {
    "profile": "name, document, contact points, wishes",
    "messages": "messages that were sent",
    "replies": "what they wrote to us",
    "tasks": "notes of people",
    "agreements": "agreements and their evidence",
    "consents": "the ledger of consents",
}


def commands(
    deployed: Callable[[str], Deployed], errors_in_words: Callable[[], AbstractContextManager[None]]
) -> typer.Typer:
    """`escalon person …`; `deployed` finds a stack by its name."""
    app = typer.Typer(
        no_args_is_help=True, help="A person's consents, a copy of their data, an erasure."
    )

    def ask(
        method: str, stack: str, account: str, tail: str, key: str = "", **fields: Any
    ) -> dict[str, Any]:
        there = deployed(stack)
        path = f"/accounts/{quote(account_id_of(there, account), safe='')}/{tail}"
        asked = {"key": key or uuid.uuid4().hex, **fields}
        body = {name: value for name, value in asked.items() if value}
        return operator_api(there)(method, path, body if method == "POST" else None)

    @app.command()
    def consents(account: Account, as_json: AsJson = False, stack: Stack = "local") -> None:
        """How each contact point stands, and how it came to that."""
        with errors_in_words():
            found = ask("GET", stack, account, "consents")
        if as_json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
            return
        _show_points(found)
        _show_ledger(found)

    @app.command()
    def allow(
        account: Account,
        channel: Channel,
        address: Annotated[str, typer.Argument(help="One that is on file.")],
        evidence: Annotated[str, typer.Option(help="Where their word is kept.")],
        why: Why,
        granted_on: Annotated[str, typer.Option("--on", help="A day; today if left out.")] = "",
        key: Key = "",
        stack: Stack = "local",
    ) -> None:
        """The person allows a channel again."""
        fields = {
            "why": why,
            "channel": channel,
            "address": address,
            "evidence": evidence,
            "granted_on": granted_on,
        }
        with errors_in_words():
            _done(ask("POST", stack, account, "consents", key, **fields))

    @app.command()
    def refuse(
        account: Account, channel: Channel, why: Why, key: Key = "", stack: Stack = "local"
    ) -> None:
        """The person wants nothing more by a channel."""
        with errors_in_words():
            _done(ask("POST", stack, account, "refusals", key, why=why, channel=channel))

    @app.command()
    def spoke(
        account: Account,
        at: Annotated[str, typer.Option(help="When: 2026-09-30T14:05:00-05:00.")],
        why: Why,
        channel: Annotated[str, typer.Option(help="How you spoke.")] = "voice",
        inbound: Annotated[bool, typer.Option(help="They began it.")] = False,
        creditor: Annotated[
            str, typer.Option(help="Whose debts it was about; all that they owe if left out.")
        ] = "",
        key: Key = "",
        stack: Stack = "local",
    ) -> None:
        """You and the person spoke: the contact policy counts it."""
        fields = {
            "why": why,
            "channel": channel,
            "at": at,
            "inbound": inbound,
            "creditor": creditor,
        }
        with errors_in_words():
            _done(ask("POST", stack, account, "conversations", key, **fields))

    @app.command()
    def tried(
        account: Account,
        at: Annotated[str, typer.Option(help="When: 2026-09-30T14:05:00-05:00.")],
        why: Why,
        channel: Annotated[str, typer.Option(help="How you tried.")] = "voice",
        key: Key = "",
        stack: Stack = "local",
    ) -> None:
        """You tried and did not speak with the person, or posted a letter: it is a contact too."""
        fields = {"why": why, "channel": channel, "at": at}
        with errors_in_words():
            _done(ask("POST", stack, account, "attempts", key, **fields))

    @app.command()
    def asked(
        account: Account,
        what: Annotated[str, typer.Argument(help="answer, call, or channel: use this one.")],
        channel: Annotated[str, typer.Option(help="By or for which channel.")],
        at: Annotated[str, typer.Option(help="When: 2026-09-30T14:05:00-05:00.")],
        evidence: Annotated[str, typer.Option(help="Where their word is kept.")],
        why: Why,
        key: Key = "",
        stack: Stack = "local",
    ) -> None:
        """The person asked for an answer, a call, or to be contacted by a channel from now on."""
        fields = {"why": why, "asks": what, "channel": channel, "at": at, "evidence": evidence}
        with errors_in_words():
            _done(ask("POST", stack, account, "requests", key, **fields))

    @app.command()
    def hours(
        account: Account,
        opened: Annotated[
            list[str], typer.Argument(help="Such as 'mon-fri 19:00 to 21:00'.", metavar="HOURS…")
        ],
        signed_on: Annotated[str, typer.Option(help="The day on which they signed it.")],
        contract_on: Annotated[str, typer.Option(help="The day of their contract.")],
        evidence: Annotated[str, typer.Option(help="Where the document is kept.")],
        why: Why,
        key: Key = "",
        stack: Stack = "local",
    ) -> None:
        """The person opened further hours in writing, in a document later than the contract."""
        fields = {
            "why": why,
            "hours": opened,
            "signed_on": signed_on,
            "contract_on": contract_on,
            "evidence": evidence,
        }
        with errors_in_words():
            _done(ask("POST", stack, account, "hours", key, **fields))

    @app.command()
    def export(
        account: Account,
        why: Why,
        to: Annotated[Path, typer.Option("--to", help="The file to write.")] = Path("person.zip"),
        key: Key = "",
        stack: Stack = "local",
    ) -> None:
        """A copy of all that is kept of the person: a ZIP of JSON files, messages, documents."""
        with errors_in_words():
            done = ask("POST", stack, account, "exports", key, why=why)
            with urlopen(done["address"], timeout=60) as body:  # noqa: S310 - signed by our own API
                to.write_bytes(body.read())
        out.print(f"[green]✓[/] {to} ({to.stat().st_size:,} bytes)", highlight=False)

    @app.command()
    def erase(
        account: Account,
        why: Why,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
        key: Key = "",
        stack: Stack = "local",
    ) -> None:
        """Forget the person, as far as the law lets us. It cannot be taken back."""
        if not yes:
            typer.confirm(f"Forget the person of {account}? It cannot be taken back", abort=True)
        with errors_in_words():
            done = ask("POST", stack, account, "erasures", key, why=why)
        table = Table(title="Forgotten", title_justify="left")
        for column in ("record", "how many", "what becomes of it"):
            table.add_column(column, justify="right" if column == "how many" else "left")
        for record in done["records"]:
            kept = f"kept until {record.get('until')}: {record.get('source') or 'on its way'}"
            became = "[green]gone[/]" if record["gone"] else kept
            table.add_row(_KINDS[record["kind"]], str(record["records"]), became)
        out.print(table)
        out.print(
            "Erase them where your exports come from too: the next one would bring them back.",
            style="dim",
        )

    return app


def _done(done: dict[str, Any]) -> None:
    again = " (it had been done before)" if done.get("again") else ""
    out.print(f"[green]✓[/] {done['done'].replace('_', ' ')}{again}", highlight=False)


def _show_points(found: dict[str, Any]) -> None:
    table = Table(title="Contact points", title_justify="left")
    for column in ("channel", "address", "consent", "evidence"):
        table.add_column(column)
    for point in found["points"]:
        stands, evidence = _consent(point.get("consent"))
        if point["channel"] in found["refused_channels"]:
            stands = "[red]refused[/]"
        table.add_row(point["channel"], point["address"], stands, evidence)
    out.print(table)


def _consent(consent: dict[str, Any] | None) -> tuple[str, str]:
    if consent is None:
        return "nobody told", ""
    if consent.get("revoked_at"):
        return f"[red]withdrawn {_day(consent['revoked_at'])}[/]", consent.get("evidence", "")
    return f"[green]since {consent.get('granted_on', '?')}[/]", consent.get("evidence", "")


def _show_ledger(found: dict[str, Any]) -> None:
    if not found["ledger"]:
        out.print("No consent has changed since the account is known.", style="dim")
        return
    table = Table(title="What changed", title_justify="left")
    for column in ("when", "what", "channel", "address", "because of"):
        table.add_column(column)
    for entry in found["ledger"]:
        because = ", ".join(entry.get("by", ()))
        when = _day(entry["at"]) if entry["at"] else "?"
        address = entry.get("address", "")
        table.add_row(when, entry["became"], entry["channel"], address, because)
    out.print(table)


def _day(instant: str) -> str:
    return datetime.fromisoformat(instant).strftime("%Y-%m-%d %H:%M")
