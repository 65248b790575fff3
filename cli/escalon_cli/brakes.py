"""`escalon stop | resume | brakes | exclude | include | audit`: what people stop and what they did.

Acts go over the HTTP API, signed with IAM, so that whoever runs them is known by name and role.
"""

import json
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer
from rich.console import Console
from rich.table import Table

from escalon.domain.rules.rollout import Rollout
from escalon.domain.rules.rulebook import Rulebook
from escalon.usecases.runs.manage_brakes import outlook, read_brakes
from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import operator_api
from escalon_cli.payments import Account, AsJson, Key, Stack, Why, account_id_of
from escalon_cli.publish import rollout_of

out = Console()
err = Console(stderr=True)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def register(
    app: typer.Typer,
    deployed: Callable[[str], Deployed],
    errors_in_words: Callable[[], AbstractContextManager[None]],
) -> None:
    """Add the commands; `deployed` finds a stack by its name."""

    def post(stack: str, path: str, key: str, why: str, **fields: Any) -> dict[str, Any]:
        asked = {"key": key or uuid.uuid4().hex, "why": why, **fields}
        body = {name: value for name, value in asked.items() if value}
        return operator_api(deployed(stack))("POST", path, body)

    @app.command()
    def stop(
        why: Why,
        everything: Annotated[bool, typer.Option("--all", help="All sending.")] = False,
        channel: Annotated[str, typer.Option(help="email, sms, whatsapp, voice, letter.")] = "",
        strategy: Annotated[str, typer.Option(help="A ladder, by its name.")] = "",
        creditor: Annotated[str, typer.Option(help="A creditor, by its name.")] = "",
        experiment: Annotated[
            str, typer.Option(help="An experiment: its debtors are on the champion's ladder again.")
        ] = "",
        tasks: Annotated[bool, typer.Option("--tasks", help="Give people no work either.")] = False,
        key: Key = "",
        stack: Stack = "local",
    ) -> None:
        """Stop: nothing more goes out within seconds, including what is queued."""
        named = {"channel": channel, "strategy": strategy, "creditor": creditor}
        named["experiment"] = experiment
        chosen = [(kind, name) for kind, name in named.items() if name]
        if everything:
            chosen.append(("all", ""))
        with errors_in_words():
            if len(chosen) != 1:
                raise LookupError("say what to stop: --channel, --strategy, --creditor or --all")
            ((kind, name),) = chosen
            done = post(stack, "/brakes", key, why, kind=kind, name=name, tasks=tasks)
        out.print(f"[red]■[/] stopped: {', '.join(done['brakes'])}", highlight=False)
        out.print("what waits uses up no step; `escalon resume` shows first what would go")

    @app.command()
    def brakes(as_json: AsJson = False, stack: Stack = "local") -> None:
        """What is stopped, since when, by whom and why."""
        with errors_in_words():
            found = operator_api(deployed(stack))("GET", "/brakes")
        if as_json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
            return
        if not found["brakes"]:
            out.print("nothing is stopped")
            return
        table = Table("brake", "since", "work for people", "who", "why")
        for one in found["brakes"]:
            rests = "rests" if one.get("tasks") else "goes on"
            table.add_row(one["brake"], one["since"], rests, _who(one["by"]), one["why"])
        out.print(table)

    @app.command()
    def resume(
        why: Why,
        brake: Annotated[
            str, typer.Argument(help="As `escalon brakes` names it, such as channel:sms.")
        ] = "all",
        everywhere: Annotated[
            bool, typer.Option(help="Look at all that is due, however long it takes.")
        ] = False,
        yes: Yes = False,
        key: Key = "",
        stack: Stack = "local",
    ) -> None:
        """Let it go again, after showing what would go. It goes at its turn, never all at once."""
        with errors_in_words():
            there = deployed(stack)
            query = urlencode({"brake": brake})
            found = operator_api(there)("GET", f"/brakes/outlook?{query}")
            if everywhere and not found["looked_at_all"]:
                found = _look_everywhere(there, brake)
        _show_outlook(found)
        if not yes and not typer.confirm(f"resume {brake}?"):
            raise typer.Exit(1)
        with errors_in_words():
            done = post(stack, "/brakes/releases", key, why, brake=brake)
        still = ", ".join(done["brakes"]) or "nothing"
        out.print(f"[green]▶[/] resumed: {brake}; still stopped: {still}", highlight=False)

    @app.command()
    def exclude(account: Account, why: Why, key: Key = "", stack: Stack = "local") -> None:
        """Keep an account out of everything until somebody includes it again."""
        with errors_in_words():
            account_id = account_id_of(deployed(stack), account)
            post(stack, f"/accounts/{quote(account_id, safe='')}/exclusions", key, why)
        out.print(f"excluded: {account}")

    @app.command()
    def include(account: Account, why: Why, key: Key = "", stack: Stack = "local") -> None:
        """Let an excluded account in again, from where its ladder stands."""
        with errors_in_words():
            account_id = account_id_of(deployed(stack), account)
            post(stack, f"/accounts/{quote(account_id, safe='')}/inclusions", key, why)
        out.print(f"included: {account}")

    @app.command()
    def audit(
        first: Annotated[str, typer.Option("--from", help="First UTC day, YYYY-MM-DD.")] = "",
        last: Annotated[str, typer.Option("--to", help="Last UTC day.")] = "",
        act: Annotated[str, typer.Option(help="Of this kind, such as stopped.")] = "",
        account: Annotated[str, typer.Option(help="About this account.")] = "",
        most: Annotated[int, typer.Option(help="How many, the oldest first.")] = 200,
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """The audit log: who did what, when and why; the last 31 days unless told otherwise."""
        with errors_in_words():
            there = deployed(stack)
            about = account_id_of(there, account) if account else ""
            asked = {"from": first, "to": last, "act": act, "account_id": about, "most": most}
            query = urlencode({name: value for name, value in asked.items() if value})
            found = operator_api(there)("GET", f"/acts?{query}")
        if as_json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
            return
        table = Table("when (UTC)", "who", "act", "about", "why")
        for one in found["acts"]:
            told = " ".join(f"{name}={value}" for name, value in one.get("about", {}).items())
            table.add_row(one["at"], _who(one["who"]), one["did"], told, one["why"])
        out.print(table)
        if found["more"]:
            out.print("there are more: give --from and --to, or a larger --most")


def _who(arn: str) -> str:
    """The name and role of an ARN: what stands after the account's number."""
    return arn.split(":", 5)[-1]


def _look_everywhere(there: Deployed, brake: str) -> dict[str, Any]:
    """The outlook over all that is due, read from here."""
    brakes = read_brakes(there.table)
    with err.status("looking at all that is due …"):
        found = outlook(there.table, _Rulebooks(there), there.now(), brakes, brake)
    return {
        "would_go": [
            {"creditor": creditor, "step": step, "by": by, "count": count}
            for (creditor, step, by), count in sorted(found.would_go.items())
        ],
        "looked_at": found.looked_at,
        "looked_at_all": True,
    }


class _Rulebooks:
    """The published rulebooks of a stack."""

    def __init__(self, there: Deployed) -> None:
        rollout = rollout_of(there)
        if rollout is None:
            raise LookupError("no rulebook was ever published")
        self._rollout = rollout
        self._there = there
        self._read: dict[str, Rulebook] = {}

    def live(self) -> str:
        """The version that is in force."""
        return self._rollout.live

    def rollout(self, *, fresh: bool = False) -> Rollout:  # noqa: ARG002 - it was just read
        """All that is in force."""
        return self._rollout

    def get(self, version: str) -> Rulebook:
        """One of them."""
        if version not in self._read:
            self._read[version] = self._there.documents.rulebook(version)
        return self._read[version]


def _show_outlook(found: dict[str, Any]) -> None:
    if not found["would_go"]:
        out.print("nothing would go now")
    else:
        table = Table("creditor", "step", "by", "would go", title="held back by this brake alone")
        for one in found["would_go"]:
            table.add_row(one["creditor"], one["step"] or "—", one["by"], str(one["count"]))
        out.print(table)
    if not found["looked_at_all"]:
        out.print(f"that is of the first {found['looked_at']} accounts; --everywhere looks at all")
