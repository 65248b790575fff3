"""`escalon holds …`: rest an account or one of its receivables for a while, and end that.

Everything goes over the HTTP API, signed with IAM, so who did it is known by name and role.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Column, Table

from escalon.domain.account import Account as Debtor
from escalon.domain.holds import end_of
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import operator_api
from escalon_cli.payments import Account, AsJson, Key, Stack, Why, account_id_of

type Found = Mapping[str, Any]

out = Console()

_DAY = "YYYY-MM-DD"


def commands(
    deployed: Callable[[str], Deployed], errors_in_words: Callable[[], AbstractContextManager[None]]
) -> typer.Typer:
    """`escalon holds …`; `deployed` finds a stack by its name."""
    app = typer.Typer(no_args_is_help=True, help="Holds: rest an account or a receivable.")

    def ask(
        method: str, stack: str, account: str, tail: str = "", fields: Found | None = None
    ) -> dict[str, Any]:
        there = deployed(stack)
        path = f"/accounts/{quote(account_id_of(there, account), safe='')}/holds{tail}"
        return operator_api(there)(method, path, fields)

    @app.command("list")
    def list_of(account: Account, as_json: AsJson = False, stack: Stack = "local") -> None:
        """All holds of an account, ended ones too, and the kinds that may be placed."""
        with errors_in_words():
            found = ask("GET", stack, account)
        if as_json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
            return
        if found["holds"]:
            out.print(_table(found["holds"]))
        else:
            out.print("nothing of this account rests, or ever has")
        kinds = (
            f"{kind} ({days} days at most)" if days else f"{kind} (no limit)"
            for kind, days in sorted(found["kinds"].items())
        )
        out.print(f"[dim]kinds: {', '.join(kinds)}[/]", highlight=False)

    @app.command()
    def add(
        account: Account,
        kind: Annotated[str, typer.Argument(help="Such as dispute; `list` names them.")],
        why: Why,
        receivable: Annotated[
            str, typer.Option(help="What rests; left out, the whole account.")
        ] = "",
        starts: Annotated[
            str, typer.Option("--from", metavar=_DAY, help="First day; today if left out.")
        ] = "",
        until: Annotated[
            str, typer.Option(metavar=_DAY, help="First day on which it does not rest any more.")
        ] = "",
        owner: Annotated[str, typer.Option(help="Who looks after it.")] = "",
        note: Annotated[str, typer.Option(help="For whoever looks at the account.")] = "",
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Rest an account or a receivable: nobody asks for it meanwhile."""
        asked = {
            "key": key or uuid.uuid4().hex,
            "why": why,
            "kind": kind,
            "receivable_id": receivable,
            "starts_on": starts,
            "ends_on": until,
            "owner": owner,
            "note": note,
        }
        with errors_in_words():
            done = ask("POST", stack, account, fields={k: v for k, v in asked.items() if v})
        _shown(done, as_json=as_json)

    @app.command()
    def end(
        account: Account,
        hold: Annotated[str, typer.Argument(help="The hold's id, as `list` shows it.")],
        why: Why,
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """End a hold before its time: the account is looked at at once."""
        asked = {"key": key or uuid.uuid4().hex, "why": why}
        with errors_in_words():
            done = ask("POST", stack, account, f"/{quote(hold, safe='')}/end", asked)
        _shown(done, as_json=as_json)

    return app


def held(account: Debtor, rulebook: Rulebook, today: date, locale: str) -> Iterable[str]:
    """The holds that rest an account or its receivables today, a line each, for `explain`."""
    spanish = locale.startswith("es")
    for hold in account.holds:
        ends_on = end_of(hold, rulebook.holds)
        if hold.starts_on <= today and (ends_on is None or today < ends_on):
            if spanish:
                what = hold.receivable_id or "toda la cuenta"
                until = f"hasta el {ends_on}" if ends_on else "sin fecha de fin"
                owner = f"; a cargo de {hold.owner}" if hold.owner else ""
            else:
                what = hold.receivable_id or "the whole account"
                until = f"until {ends_on}" if ends_on else "without an end"
                owner = f"; {hold.owner} looks after it" if hold.owner else ""
            yield f"{hold.kind}: {what}, {until}{owner} ({hold.hold_id})"


def _table(holds: Iterable[Found]) -> Table:
    # An id is copied into the next command, so it is never cut.
    name = Column("hold", overflow="fold")
    table = Table(name, "kind", "what rests", "from", "until", "owner", "placed by", "why", "")
    for one in holds:
        stands = "[yellow]rests[/]" if one["rests"] else "[dim]not today[/]"
        ended = f"ended by {_name(one['ended_by'])}: {one['ended_why']}" if one["ended_by"] else ""
        table.add_row(
            one["hold_id"],
            one["kind"],
            one["receivable_id"] or "the whole account",
            one["starts_on"],
            one["ends_on"] or "no end",
            one["owner"],
            _name(one["placed_by"]) or one["source"],
            one["placed_why"],
            " · ".join(part for part in (stands, ended) if part),
        )
    return table


def _name(arn: str) -> str:
    """The last part of an ARN: who it is."""
    return arn.rpartition("/")[2]


def _shown(hold: Found, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(hold, indent=2, ensure_ascii=False))
        return
    again = " [dim](done before)[/]" if hold["again"] else ""
    out.print(f"[green]✓[/] {hold['hold_id']}{again}")
    out.print(_table([hold]))
