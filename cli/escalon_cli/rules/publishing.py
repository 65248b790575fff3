"""`escalon rules publish | approve | promote | rollback | history | diff`: who puts which rulebook
in force for whom, and how it is taken back."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from escalon.adapters.documents import NoDocumentError
from escalon.authoring.rulebook import load_rulebook
from escalon.domain.rules.rollout import FULL
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import OperatorApi, as_another, operator_api
from escalon_cli.publish import put_in_force, rollout_of
from escalon_cli.rules.diff import Difference, differences

Stack = Annotated[str, typer.Option("--stack", help="A CloudFormation stack; 'local': embedded.")]
Why = Annotated[str, typer.Option(help="The reason, kept in the audit log.")]
Key = Annotated[str, typer.Option(help="Of a command whose answer was lost: not done again.")]
As = Annotated[
    str,
    typer.Option("--as", help="Act as somebody else, in an embedded stack only.", metavar="WHO"),
]

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,2})?) ?%")


class ShareError(LookupError):
    """A share that cannot be read."""


class NoRulebookError(LookupError):
    """A rulebook that neither stands in a folder nor was ever published."""


def share_of(text: str) -> int:
    """A share as people write it, such as '5 %' or '0.25%', in hundredths of a percent; raises
    ShareError."""
    match = _SHARE.fullmatch(text.strip())
    whole, _, part = match[1].partition(".") if match else ("", "", "")
    share = int(whole or 0) * 100 + int(part.ljust(2, "0") if part else 0)
    if not 0 < share <= FULL:
        raise ShareError(f"{text!r} is no share of the accounts; write it like 5% or 0.25%")
    return share


def register(
    app: typer.Typer,
    deployed: Callable[[str], Deployed],
    errors_in_words: Callable[[], AbstractContextManager[None]],
) -> None:
    """Add the commands to the group `rules`; `deployed` finds a stack by its name."""
    out = Console()

    def ask(stack: str, who: str, path: str, fields: Mapping[str, Any]) -> None:
        with errors_in_words(), _api(deployed(stack), who) as api:
            done = api("POST", path, fields)
        _show(done, out)

    @app.command("publish")
    def _publish(
        folder: Annotated[Path, typer.Argument(help="The rulebook's folder.")] = Path("config"),
        plan: Annotated[str, typer.Option(help="The plan's hash, as `rules plan` tells it.")] = "",
        canary: Annotated[
            str, typer.Option(help="First for a share of the accounts, such as 5%.")
        ] = "",
        why: Why = "published from the command line",
        key: Key = "",
        who: As = "",
        stack_name: Stack = "local",
    ) -> None:
        """Check a rulebook and put it in force, for all accounts or as a canary.

        The rulebook that is in force says whether it takes a plan, and approval by somebody else.
        """
        with errors_in_words():
            share = share_of(canary) if canary else FULL
            there = deployed(stack_name)
            rulebook = load_rulebook(folder)
            with _api(there, who) as api:
                done = put_in_force(
                    there, rulebook, why=why, plan=plan, share=share, key=key, api=api
                )
        _show(done, out)

    @app.command("approve")
    def _approve(
        plan: Annotated[str, typer.Argument(help="The plan's hash.")],
        why: Why,
        key: Key = "",
        who: As = "",
        stack_name: Stack = "local",
    ) -> None:
        """Approve a plan that somebody else has made, so that they may publish it."""
        fields = {"key": key or uuid.uuid4().hex, "why": why, "plan": plan}
        ask(stack_name, who, "/rules/approvals", fields)

    @app.command("promote")
    def _promote(
        why: Why,
        to: Annotated[str, typer.Option(help="A wider share, such as 25%; all if left out.")] = "",
        key: Key = "",
        who: As = "",
        stack_name: Stack = "local",
    ) -> None:
        """Put the canary in force for more accounts, or for all."""
        with errors_in_words():
            share = share_of(to) if to else FULL
        fields = {"key": key or uuid.uuid4().hex, "why": why, "share": share}
        ask(stack_name, who, "/rules/promotions", fields)

    @app.command("rollback")
    def _rollback(
        why: Why,
        to: Annotated[str, typer.Option(help="A version that was in force.")] = "",
        key: Key = "",
        who: As = "",
        stack_name: Stack = "local",
    ) -> None:
        """Drop the canary; without one, put back the rulebook that was in force before."""
        fields = {"key": key or uuid.uuid4().hex, "why": why, "to": to}
        ask(stack_name, who, "/rules/rollbacks", fields)

    @app.command("history")
    def _history(
        as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
        stack_name: Stack = "local",
    ) -> None:
        """Tell what is in force, and who put what in force when and why."""
        with errors_in_words():
            told = operator_api(deployed(stack_name))("GET", "/rules")
        if as_json:
            out.print_json(data=told)
        else:
            _show_history(told, out)

    @app.command("diff")
    def _diff(
        one: Annotated[str, typer.Argument(help="A version, a folder, 'live' or 'canary'.")],
        other: Annotated[str, typer.Argument(help="The one to compare it with.")] = "config",
        words: Annotated[bool, typer.Option("--words", help="Show the changed lines.")] = False,
        stack_name: Stack = "local",
    ) -> None:
        """Tell what is different between two rulebooks: ladders, steps, words, policies."""
        with errors_in_words():
            found = differences(
                _rulebook(one, lambda: deployed(stack_name)),
                _rulebook(other, lambda: deployed(stack_name)),
            )
        for difference in found:
            _show_difference(difference, out, words=words)
        if not found:
            out.print("nothing is different")


@contextmanager
def _api(deployed: Deployed, who: str) -> Iterator[OperatorApi]:
    if not who:
        yield operator_api(deployed)
        return
    with as_another(deployed, who) as api:
        yield api


def _rulebook(named: str, deployed: Callable[[], Deployed]) -> Rulebook:
    """A rulebook by its version, by its folder, or as what is in force."""
    if Path(named).is_dir():
        return load_rulebook(Path(named), try_messages=False)
    there = deployed()
    version = named
    if named in ("live", "canary"):
        rollout = rollout_of(there)
        version = (rollout.live if named == "live" else rollout.canary) if rollout else ""
        if not version:
            raise NoRulebookError(f"there is no {named} rulebook; escalon rules history")
    try:
        return there.documents.rulebook(version)
    except NoDocumentError:
        raise NoRulebookError(
            f"there is no folder {named}, and no rulebook of that version; escalon rules history"
        ) from None


def _show(done: Mapping[str, Any], out: Console) -> None:
    again = " (it was so already)" if done.get("again") else ""
    if done["done"] == "plan_approved":
        out.print(f"[green]✓[/] plan {done['plan']} is approved{again}", highlight=False)
        return
    out.print(f"[green]✓[/] {_in_force(done['in_force'])}{again}", highlight=False)
    if done.get("run_id") and not again:
        out.print(
            f"  accounts that this concerns are looked at again: run {done['run_id']}, "
            "see `escalon runs`",
            highlight=False,
            style="dim",
        )


def _in_force(rollout: Mapping[str, Any] | None) -> str:
    if rollout is None:
        return "no rulebook is in force"
    told = f"rulebook {rollout['live']} is in force"
    if rollout.get("canary"):
        told += f", and {rollout['canary']} for {rollout['share'] / 100:g} % of the accounts"
    if rollout.get("keep") or rollout.get("canary_keep"):
        told += "; accounts under way keep theirs until their next step"
    return told


def _show_history(told: Mapping[str, Any], out: Console) -> None:
    out.print(_in_force(told["in_force"]), highlight=False)
    if told["taken_back"]:
        out.print("[bold red]an alarm took the newest change back; see docs/runbook.md[/]")
    table = Table(
        "",
        Column("when", no_wrap=True),
        "what",
        Column("rulebook", no_wrap=True),
        "who",
        "plan",
        "approved by",
        "why",
    )
    for change in told["changes"]:
        share = change["after"].get("share")
        what = change["did"].replace("_", " ") + (f" {share / 100:g} %" if share else "")
        if change["state"] != "in force":
            what += f" · {change['state']}: {change.get('problem', '')}".rstrip(": ")
        approvals = change.get("approvals", ())
        table.add_row(
            str(change["number"]),
            f"{datetime.fromisoformat(change['at']).astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            what,
            change["rulebook"],
            _person(change["who"]),
            change.get("plan", ""),
            ", ".join(_person(approval["who"]) for approval in approvals),
            change["why"],
        )
    out.print(table)


def _person(arn: str) -> str:
    """The name in an ARN, with the role if it was taken on."""
    return arn.partition("/")[2] or arn.rpartition(":")[2]


def _show_difference(difference: Difference, out: Console, *, words: bool) -> None:
    colour = {"added": "green", "removed": "red", "changed": "yellow"}[difference.kind]
    mark = {"added": "+", "removed": "-", "changed": "~"}[difference.kind]
    told = difference.after or difference.before
    if difference.kind == "changed" and not difference.lines:
        told = f"{difference.before} → {difference.after}"
    elif difference.lines:
        told = f"{len(difference.lines)} lines"
    out.print(f"[{colour}]{mark}[/] {difference.place}: ", end="", highlight=False)
    out.print(told, highlight=False, markup=False)
    for line in difference.lines if words else ():
        out.print(f"    {line}", highlight=False, markup=False)
