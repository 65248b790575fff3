"""The command line of operators and developers: `escalon …`."""

import json
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from escalon.adapters.clock import TableClock
from escalon.authoring.rulebook import RulebookError, load_rulebook
from escalon_cli import account as account_commands
from escalon_cli import agreements as agreement_commands
from escalon_cli import brakes as brake_commands
from escalon_cli import contacts as contact_commands
from escalon_cli import doctor as doctor_module
from escalon_cli import experiments as experiment_commands
from escalon_cli import holds as hold_commands
from escalon_cli import letters, openapi, payment_secrets, payments, person, tasks
from escalon_cli import links as link_commands
from escalon_cli import risk as risk_commands
from escalon_cli import rules as rules_commands
from escalon_cli import runs as run_commands
from escalon_cli.deployed import Deployed, of_cloud, of_local
from escalon_cli.local import simulate, stack
from escalon_cli.publish import live_version, put_in_force
from escalon_cli.replay import clock as clock_commands
from escalon_cli.replay import example as replay_example
from escalon_cli.replay import output as replay_output
from escalon_cli.replay import page as replay_page
from escalon_cli.replay import play as replay_module
from escalon_cli.waiting import StuckError, report_of

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Escalón: who owes what since when, the lawful next rung, and silence when money arrives.",
)
rules = typer.Typer(no_args_is_help=True, help="The rulebook: check, plan, publish, take back.")
imports = typer.Typer(no_args_is_help=True, help="Exports: take in, approve.")
app.add_typer(rules, name="rules")
app.add_typer(imports, name="import")

out = Console()
err = Console(stderr=True)
LOCAL = {"Shards": "1", "LocalStatements": "true"}
REPLAY = {**LOCAL, "Clock": "table", "SweepState": "DISABLED"}

StackName = Annotated[
    str,
    typer.Option("--stack", help="A CloudFormation stack in your AWS account; 'local': embedded."),
]
Locale = Annotated[str, typer.Option(help="Language of explanations: es or en.")]


def _fail(message: str) -> NoReturn:
    err.print(f"[bold red]✗[/] {message}", highlight=False)
    raise typer.Exit(1)


@contextmanager
def _errors_in_words() -> Iterator[None]:
    """Whatever can go wrong for a reason is said in a sentence, not as a traceback."""
    try:
        yield
    except RulebookError as error:
        for problem in error.problems:
            err.print("[red]•[/] ", end="")
            err.print(str(problem), highlight=False, markup=False, emoji=False, soft_wrap=True)
        _fail(f"the rulebook has {len(error.problems)} problem(s); nothing was changed")
    except (
        replay_module.ReplayError,
        replay_page.ReplayFileError,
        stack.StackError,
        StuckError,
        LookupError,
        OSError,
    ) as error:
        _fail(str(error))
    except (ClientError, BotoCoreError) as error:
        _fail(f"AWS says: {error}")


def _deployed(name: str) -> Deployed:
    """A stack by its name. `local` is also what a replay has left, if nothing else runs here."""
    info = stack.status(name)
    if info is None and name == stack.DEFAULT_NAME:
        info = stack.status(stack.REPLAY_NAME)
    if info is not None:
        return of_local(info)
    if name in (stack.DEFAULT_NAME, stack.REPLAY_NAME):
        _fail("no local stack is running; start one with `escalon up` or `escalon run`")
    return of_cloud(name)


# ------------------------------------------------------------------------------------- payments

money = payments.commands(_deployed, _errors_in_words)
simulate.register(money, _deployed, _errors_in_words)
money.add_typer(payment_secrets.commands(_deployed, _errors_in_words), name="secret")
app.add_typer(money, name="payments")
app.add_typer(person.commands(_deployed, _errors_in_words), name="person")
app.add_typer(tasks.commands(_deployed, _errors_in_words), name="tasks")


# ---------------------------------------------------------------------------------- local stack


@app.command()
def up() -> None:
    """Start the embedded AWS and deploy template.yaml into it, with the rulebook of config/."""
    with _errors_in_words():
        info = stack.up(auth=True, parameters=LOCAL, console=err)
        deployed = of_local(info)
        rulebook = load_rulebook(Path("config"))
        in_force = live_version(deployed)
        if not in_force:
            put_in_force(deployed, rulebook)
        replay_module.verify_senders(deployed, rulebook)
        simulate.let_in(deployed)
        doctor_module.fix(deployed)
    table = Table(title="Escalón runs here", show_header=False)
    table.add_row("endpoint", info.endpoint_url)
    table.add_row("inbox", f"s3://{info.outputs['Bucket']}/inbox/<mapping>/<file>")
    table.add_row("api", info.outputs["ApiUrl"])
    table.add_row("mailbox", info.mailbox_url)
    table.add_row("rulebook", in_force or rulebook.version)
    if in_force not in ("", rulebook.version):
        table.add_row("", "config/ says otherwise: escalon rules plan, then publish")
    take_in = "escalon import file samples/portfolio.csv --mapping samples/mapping.yaml"
    table.add_row("next", take_in)
    out.print(table)


@app.command()
def down(
    everything: Annotated[bool, typer.Option("--all", help="Every local stack.")] = False,
) -> None:
    """Stop the embedded AWS and throw its data away: `local`, or what a replay has left."""
    with _errors_in_words():
        if everything:
            ended = bool(stack.down_all())
        else:
            ended = stack.down() or stack.down(stack.REPLAY_NAME)
    out.print("stopped" if ended else "nothing was running")


@app.command()
def status() -> None:
    """Tell which local stacks run."""
    table = Table("stack", "endpoint", "IAM enforced", "clock (UTC)", "pid")
    for info in stack.running():
        clock = TableClock(of_local(info).table)
        at = f"{clock.now():%Y-%m-%d %H:%M}" if clock.was_set() else "real"
        table.add_row(info.name, info.endpoint_url, "yes" if info.auth else "no", at, str(info.pid))
    out.print(table)


@app.command()
def mailbox(
    show: Annotated[bool, typer.Option("--open", help="In the browser.")] = False,
    stack_name: StackName = "local",
) -> None:
    """Where to read what a local stack has sent: every e-mail and SMS, one-time codes too."""
    with _errors_in_words():
        info = _deployed(stack_name).embedded
        if info is None:
            raise LookupError(f"{stack_name} is in AWS: what it sends arrives at the debtors")
    out.print(info.mailbox_url, soft_wrap=True)
    if show:
        webbrowser.open(info.mailbox_url)


app.add_typer(clock_commands.commands(_deployed, _errors_in_words), name="clock")


# ------------------------------------------------------------------------------------- exports


@imports.command("file")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    mapping: Annotated[Path, typer.Option(exists=True, dir_okay=False)],
    stack_name: StackName = "local",
) -> None:
    """Put an export into the inbox and show its report."""
    with _errors_in_words():
        deployed = _deployed(stack_name)
        key = f"inbox/{mapping.stem}/{datetime.now(UTC):%Y%m%dT%H%M%S}-{file.name}"
        deployed.documents.put(f"mappings/{mapping.stem}.yaml", mapping.read_bytes())
        deployed.documents.put(key, file.read_bytes(), "application/octet-stream")
        with err.status("the import is running …"):
            report = report_of(deployed, key)
    _show_report(report)


@imports.command("approve")
def import_approve(import_id: str, stack_name: StackName = "local") -> None:
    """Hold what a snapshot no longer has, although it is much of the book."""
    with _errors_in_words():
        deployed = _deployed(stack_name)
        answer = deployed.client("lambda").invoke(
            FunctionName=deployed.outputs["ImportFunction"],
            Payload=json.dumps({"approve": import_id}),
        )
        body = json.loads(answer["Payload"].read())
    if "errorMessage" in body:
        _fail(body["errorMessage"])
    out.print(f"import {import_id}: {body['state']}")


def _show_report(report: dict[str, object]) -> None:
    table = Table(title=f"import {report['import_id']}: {report['state']}", show_header=False)
    for name in ("rows", "taken", "refused", "accounts_changed", "payments", "unmatched", "absent"):
        table.add_row(name.replace("_", " "), str(report[name]))
    out.print(table)
    why = report["why"]
    for line in why if isinstance(why, list) else ():
        err.print(f"[yellow]•[/] {line}", highlight=False)
    problems = report["problems"]
    listed = problems if isinstance(problems, list) else []
    if listed:
        found = Table("line", "column", "value", "problem", "what to do")
        for problem in listed[:40]:
            found.add_row(
                str(problem["line"]),
                problem["column"],
                problem["value"],
                problem["problem"],
                problem["remedy"],
            )
        err.print(found)
        if len(listed) > 40:
            err.print(f"… and {len(listed) - 40} more in the report beside the file")
    if report["state"] == "asks":
        err.print(f"if that is right: escalon import approve {report['import_id']}")
        raise typer.Exit(2)
    if report["state"] == "refused":
        raise typer.Exit(1)


# ---------------------------------------------------------------------------------------- rules


rules_commands.register(rules, _deployed, _errors_in_words)


# ---------------------------------------------------------------------------------- look inside


account_commands.register(app, _deployed, _errors_in_words)
experiment_commands.register(app, _deployed, _errors_in_words)
app.add_typer(risk_commands.commands(_deployed, _errors_in_words), name="risk")
contact_commands.register(app, _deployed, _errors_in_words)
agreement_commands.register(app, _deployed, _errors_in_words)
app.add_typer(hold_commands.commands(_deployed, _errors_in_words), name="holds")
app.add_typer(link_commands.commands(_deployed, _errors_in_words), name="links")
openapi.register(app)
letters.register(app, _deployed, _errors_in_words)


@app.command()
def ledger(
    account: payments.Account, as_json: payments.AsJson = False, stack_name: StackName = "local"
) -> None:
    """What an account owes and why: every entry, and what each payment settles."""
    with _errors_in_words():
        payments.show_ledger(_deployed(stack_name), account, as_json=as_json)


app.add_typer(run_commands.commands(_deployed, _errors_in_words), name="runs")
brake_commands.register(app, _deployed, _errors_in_words)


@app.command()
def doctor(
    stack_name: StackName = "local",
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Switch on the SMS log, and make senders that SES lacks."),
    ] = False,
) -> None:
    """What is missing before going live: quotas, sandboxes, identities, logs, dead letters."""
    with _errors_in_words():
        deployed = _deployed(stack_name)
        if fix:
            doctor_module.fix(deployed)
            doctor_module.fix_senders(deployed)
        findings = doctor_module.examine(deployed)
    table = Table("", "what", "found", "what to do")
    for finding in findings:
        mark = {"ok": "[green]✓[/]", "warn": "[yellow]![/]", "bad": "[red]✗[/]"}[finding.state]
        table.add_row(mark, finding.what, finding.found, finding.remedy)
    out.print(table)
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


# --------------------------------------------------------------------------------------- replay


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="The export: CSV or XLSX.")],
    mapping: Annotated[Path, typer.Option(help="Which column is what.")],
    rulebook: Annotated[Path, typer.Option(help="The rulebook's folder.")],
    first_day: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])],
    last_day: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"])],
    at: Annotated[list[str], typer.Option(help="Time of a daily sweep, HH:MM; may be repeated.")],
    to_folder: Annotated[Path, typer.Option("--out", help="Where everything is written.")],
    payments: Annotated[
        list[Path] | None, typer.Option(help="A further file of payments; may be repeated.")
    ] = None,
    payments_mapping: Annotated[
        list[Path] | None, typer.Option(help="Its mapping, in the same order.")
    ] = None,
    by_file: Annotated[
        bool, typer.Option("--by-file", help="Payments come as a bank's file, not as webhooks.")
    ] = False,
    chaos: Annotated[
        bool,
        typer.Option("--chaos", help="Notices also come twice, out of order, and forged."),
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the stack, its clock at the last sweep.")
    ] = False,
) -> None:
    """Play a portfolio day by day through the deployed functions, and show what happened."""
    if by_file and chaos:
        _fail("--chaos is about webhooks; leave --by-file out")
    if len(payments or []) != len(payments_mapping or []):
        _fail("give one --payments-mapping for each --payments")
    with _errors_in_words():
        times = tuple(sorted(clock_commands.time_of(text) for text in at))
    plan = replay_module.Plan(
        file,
        mapping,
        rulebook,
        first_day.date(),
        last_day.date(),
        times,
        tuple(zip(payments or [], payments_mapping or [], strict=True)),
        "file" if by_file else "chaos" if chaos else "webhook",
    )
    _replay(plan, to_folder, keep=keep)


@app.command()
def run(
    to_folder: Annotated[Path, typer.Option("--out")] = Path("out/samples"),
    keep: Annotated[
        bool, typer.Option(help="Leave the stack to look around in; `escalon down --all` ends it.")
    ] = True,
) -> None:
    """Collect the made-up Colombian portfolio of samples/ in an embedded AWS and show the page."""
    samples = Path("samples")
    plan = replay_module.Plan(
        samples / "portfolio.csv",
        samples / "mapping.yaml",
        Path("config"),
        date(2026, 9, 1),
        date(2026, 11, 20),
        (clock_commands.time_of(clock_commands.AT),),
        ((samples / "payments.csv", samples / "payments_mapping.yaml"),),
        agreements=samples / "agreements.csv",
    )
    _replay(plan, to_folder, keep=keep)


def _replay(plan: replay_module.Plan, to_folder: Path, *, keep: bool) -> None:
    example = None
    with _errors_in_words(), stack.ending_is_an_interrupt():
        plan.check()
        to_folder.mkdir(parents=True, exist_ok=True)
        info = stack.up(stack.REPLAY_NAME, parameters=REPLAY, fresh=True, console=err)
        try:
            deployed = of_local(info)
            doctor_module.fix(deployed)
            with Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total} days"),
                TimeElapsedColumn(),
                console=err,
            ) as progress:
                bar = progress.add_task("Taking the book in", total=None)

                def tell(what: str, done: int, of: int) -> None:
                    if what == "day":
                        progress.update(bar, description="Playing", completed=done, total=of)

                played = replay_module.play(deployed, plan, tell)
            with err.status("Writing what happened …"):
                summary = replay_output.write(deployed, plan, played, to_folder)
                page = replay_page.build(
                    to_folder,
                    title=plan.file.stem,
                    generated_from={
                        "file": plan.file.name,
                        "mapping": plan.mapping.name,
                        "rulebook": f"{summary['rulebook']} {summary['rulebook_version']}",
                    },
                )
                if keep:
                    example = replay_example.example(deployed)
        except BaseException:
            stack.down(stack.REPLAY_NAME)
            raise
        if not keep:
            stack.down(stack.REPLAY_NAME)
    _show_summary(summary)
    out.print(f"\nOpen [bold]{page.resolve().as_uri()}[/]", soft_wrap=True)
    if keep:
        _show_kept(info, example)


def _show_kept(info: stack.StackInfo, example: replay_example.Example | None) -> None:
    """What can be done with the stack that a replay has left."""
    out.print("\nThe stack is still there, its clock at the last sweep:\n")
    lines = [("mailbox", info.mailbox_url)]
    if example is not None:
        lines += [
            ("a debtor to try", f"{example.name}, document {example.account}"),
            ("their last e-mail", f"{info.mailbox_url}/{example.message}"),
            ("at the identity check", f"type {example.answer}, the end of the document"),
        ]
    account = example.account if example else "ACCOUNT"
    lines += [
        ("pay", f".venv/bin/escalon payments simulate {account}"),
        ("let time pass", ".venv/bin/escalon clock forward --days 7"),
        ("see what it did", f".venv/bin/escalon account {account}"),
        ("and why", f".venv/bin/escalon explain {account}"),
        ("end it", "make down"),
    ]
    width = max(len(name) for name, _ in lines)
    for name, what in lines:  # unwrapped, so that addresses and commands can be copied
        out.print(f"  [dim]{name:<{width}}[/]  {escape(what)}", soft_wrap=True, highlight=False)
    out.print("\nThe whole story by hand: docs/replay.md", highlight=False)


def _show_summary(summary: dict[str, object]) -> None:
    table = Table(title="What happened", show_header=False)
    for name in ("messages", "tasks", "refusals", "elapsed_seconds"):
        table.add_row(name.replace("_", " "), str(summary[name]))
    for name in ("messages_by", "money", "ledger", "notices", "agreements", "run_totals"):
        block = summary[name]
        for key, value in block.items() if isinstance(block, dict) else ():
            table.add_row(f"{name.replace('_', ' ')} {key}", str(value))
    out.print(table)


if __name__ == "__main__":
    app()
