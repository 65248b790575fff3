"""`escalon rules …`: check a rulebook, see what it would say, plan it against the book, publish it
and take it back."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from escalon.adapters.clock import TableClock
from escalon.authoring.rulebook import load_rulebook
from escalon.authoring.schemas import schemas, text_of
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.deployed import Deployed
from escalon_cli.publish import upload_draft
from escalon_cli.rules import book, calendar, preview, publishing
from escalon_cli.rules import check as checking
from escalon_cli.rules.costs import LISTED, read_costs, with_quota_of
from escalon_cli.rules.pages import Words
from escalon_cli.rules.pages.plan_page import plan_page, surprise_text
from escalon_cli.rules.plan import Planned, plan_of
from escalon_cli.rules.plan_files import keep_plan, write_plan
from escalon_cli.rules.report import Pair, Report, major, report_of

Folder = Annotated[Path, typer.Argument(help="The rulebook's folder.")]
StackName = Annotated[
    str, typer.Option("--stack", help="A CloudFormation stack; 'local': embedded.")
]
Language = Annotated[str, typer.Option("--locale", help="Language of pages and tables: es or en.")]

_SHOWN_SURPRISES = 12


def register(
    app: typer.Typer,
    deployed: Callable[[str], Deployed],
    errors_in_words: Callable[[], AbstractContextManager[None]],
) -> None:
    """Add the commands to the group `rules`; `deployed` finds a stack by its name."""
    out, err = Console(), Console(stderr=True)
    publishing.register(app, deployed, errors_in_words)

    @app.command("check")
    def _check(
        folder: Folder = Path("config"),
        json_: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
        github: Annotated[bool, typer.Option("--github", help="As GitHub annotations.")] = False,
        book_file: Annotated[
            Path | None, typer.Option("--book", help="An exported book, for what rules will meet.")
        ] = None,
        segments: Annotated[
            int, typer.Option("--sms-segments", help="Warn of an SMS that takes more.")
        ] = 2,
    ) -> None:
        """Find everything that is wrong with a rulebook or probably not meant, with file and line.

        Errors end with exit code 1; warnings are for a person to look at.
        """
        with errors_in_words():
            today = datetime.now(UTC).date()
            checked = checking.check(
                folder, today=today, most_segments=segments, book_file=book_file
            )
        if json_:
            print(checking.as_json(checked))
        elif github:
            print("\n".join(checking.as_annotations(checked.findings)))
        else:
            _show_checked(checked, out, err)
        if checked.errors:
            raise typer.Exit(1)

    @app.command("schemas")
    def _schemas(
        to_folder: Annotated[Path, typer.Option("--out", help="Where they are kept.")] = Path(
            "schemas"
        ),
    ) -> None:
        """Write the JSON Schemas of the rulebook's files, with which editors complete and check."""
        with errors_in_words():
            to_folder.mkdir(parents=True, exist_ok=True)
            for name, schema in schemas().items():
                (to_folder / name).write_text(text_of(schema), encoding="utf-8")
        out.print(f"{len(schemas())} schemas in {to_folder}/")

    @app.command("calendar")
    def _calendar(
        strategy: Annotated[str, typer.Argument(help="The ladder's name.")],
        folder: Annotated[Path, typer.Option("--rules", help="The rulebook's folder.")] = Path(
            "config"
        ),
        country: Annotated[str, typer.Option(help="The debtor's country.")] = "",
        due: Annotated[
            datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The debt's due date.")
        ] = None,
        owed: Annotated[
            str, typer.Option("--open", help="What is owed, such as 'COP 500_000'.")
        ] = "",
        svg: Annotated[Path | None, typer.Option(help="Write the picture here.")] = None,
        html: Annotated[Path | None, typer.Option(help="Write a page here.")] = None,
        locale: Language = "es",
    ) -> None:
        """Show what a typical debtor on a ladder would receive on which days, if nobody pays."""
        with errors_in_words():
            due_on = due.date() if due else datetime.now(UTC).date()
            drawn = calendar.of_strategy(
                load_rulebook(folder, try_messages=False),
                strategy,
                country=country,
                due_on=due_on,
                owed=owed,
            )
            for path, text in (
                (svg, calendar.as_svg(drawn, locale) if svg else ""),
                (html, calendar.as_page(drawn, locale) if html else ""),
            ):
                if path is not None:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
                    err.print(f"wrote {path}")
        out.print(calendar.as_text(drawn, locale))

    @app.command("preview")
    def _preview(
        step: Annotated[str, typer.Argument(help="The step's name.")],
        folder: Annotated[Path, typer.Option("--rules", help="The rulebook's folder.")] = Path(
            "config"
        ),
        creditor: Annotated[str, typer.Option(help="In whose name; the first one's.")] = "",
        to_file: Annotated[Path | None, typer.Option("--out", help="The page to write.")] = None,
        show: Annotated[bool, typer.Option("--show", help="Open it in a browser.")] = False,
        locale: Language = "es",
    ) -> None:
        """Write a step's messages, to made-up debtors in every language, on a page."""
        with errors_in_words():
            rulebook = load_rulebook(folder, try_messages=False)
            page = preview.page(
                rulebook, step, creditor=creditor, today=datetime.now(UTC).date(), locale=locale
            )
            file = to_file or Path("out/preview") / f"{step}.html"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(page, encoding="utf-8")
        print(file.resolve().as_uri())
        if show:
            typer.launch(file.resolve().as_uri())

    @app.command("plan")
    def _plan(
        folder: Folder = Path("config"),
        against: Annotated[
            str, typer.Option(help="'live': the stack's own book; or an exported book's file.")
        ] = "live",
        days: Annotated[int, typer.Option(min=1, max=366, help="How far to look ahead.")] = 60,
        to_folder: Annotated[Path, typer.Option("--out", help="Where the plan is written.")] = Path(
            "out/plan"
        ),
        export: Annotated[
            Path | None, typer.Option(help="Only write the live book here, and plan nothing.")
        ] = None,
        costs_file: Annotated[
            Path | None, typer.Option("--costs", help="Prices and quotas of the channels.")
        ] = None,
        stack_name: StackName = "local",
        locale: Language = "es",
    ) -> None:
        """Tell what a draft rulebook would do to the book, beside the rulebook in force.

        Nothing is published. The plan is kept in the stack under its hash, for whoever approves
        and publishes it. One in which a message would break the contact policy ends with exit
        code 1.
        """
        with errors_in_words():
            if export is not None:
                with err.status("reading the book …"):
                    header = _taken(deployed(stack_name), export)
                out.print(f"{export}: the book of {header.stack} at {header.taken_at}")
                return
            draft = load_rulebook(folder)
            costs = read_costs(costs_file) if costs_file is not None else LISTED
            file = Path(against)
            if against == "live":
                file = to_folder / "book.jsonl"
                stack = deployed(stack_name)
                with err.status("reading the book …"):
                    _taken(stack, file)
                costs = with_quota_of(stack, costs)
            planned = _planned(draft, file, days, err)
            report = report_of(planned, costs)
            page = write_plan(to_folder, planned, report, plan_page(report, locale))
            if against == "live":
                upload_draft(stack, draft)
                keep_plan(stack, report)
        _show_plan(report, Words(locale), out)
        print(f"\n{page.resolve().as_uri()}")
        if report.breaches:
            raise typer.Exit(1)
        if against == "live" and draft.version != report.in_force["version"]:
            command = f"escalon rules publish {folder} --plan {report.plan}"
            out.print(command, highlight=False, soft_wrap=True)


def _taken(stack: Deployed, file: Path) -> book.Header:
    """The live book, as of the stack's own clock: a replay's stands elsewhere."""
    return book.take(stack, file, TableClock(stack.table).now().replace(microsecond=0))


def _planned(draft: Rulebook, file: Path, days: int, err: Console) -> Planned:
    with Progress(
        TextColumn("Looking ahead"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} accounts"),
        TimeElapsedColumn(),
        console=err,
    ) as progress:
        bar = progress.add_task("", total=None)
        return plan_of(
            draft,
            file,
            days=days,
            details=True,
            tell=lambda done, of: progress.update(bar, completed=done, total=of),
        )


def _show_checked(checked: checking.Checked, out: Console, err: Console) -> None:
    for finding in checked.findings:
        colour = "red" if finding.severity == "error" else "yellow"
        err.print(f"[{colour}]•[/] ", end="")
        err.print(str(finding.problem), highlight=False, markup=False, emoji=False, soft_wrap=True)
    rulebook = checked.rulebook
    if rulebook is None:
        err.print(f"[bold red]✗[/] the rulebook has {checked.errors} problem(s)", highlight=False)
        return
    steps = sum(len(strategy.steps) for strategy in rulebook.strategies)
    mark = "[bold red]✗[/]" if checked.errors else "[green]✓[/]"
    out.print(
        f"{mark} {rulebook.rulebook} {rulebook.version}: {len(rulebook.strategies)} ladders, "
        f"{steps} steps, languages {', '.join(sorted(rulebook.messages))}; "
        f"{checked.errors} errors, {checked.warnings} warnings",
        highlight=False,
        soft_wrap=True,
    )


def _show_plan(report: Report, words: Words, out: Console) -> None:
    table = Table(
        "",
        words.say("plan.now"),
        words.say("plan.then"),
        words.say("plan.difference"),
        title=f"{words.say('plan.title')} {report.plan}",
    )

    def row(name: str, pair: Pair) -> None:
        difference = words.signed(pair.draft - pair.in_force)
        table.add_row(name, words.number(pair.in_force), words.number(pair.draft), difference)

    row(words.say("plan.contacted"), report.contacted)
    for cost in report.costs:
        channel = words.named("channel", cost.channel)
        row(f"{words.say('plan.messages')}: {channel}", cost.messages)
        if cost.millionths is not None:
            table.add_row(
                f"{words.say('plan.cost')}: {channel}, {report.currency}",
                major(cost.millionths.in_force),
                major(cost.millionths.draft),
                "",
            )
    row(words.say("plan.tasks"), report.tasks)
    row(words.say("plan.breaches"), Pair(0, report.breaches))
    out.print(table)
    if report.changed:
        verb = words.say("plan.headline.one" if report.changed == 1 else "plan.headline.other")
        counts = {"accounts": report.accounts, "changed": report.changed, "verb": verb}
        out.print(words.say("plan.headline", **counts), highlight=False)
    else:
        out.print(words.say("plan.headline.none", accounts=report.accounts), highlight=False)
    for surprise in report.surprises[:_SHOWN_SURPRISES]:
        out.print(f"  • {surprise_text(surprise, words)}", highlight=False, markup=False)
    if len(report.surprises) > _SHOWN_SURPRISES:
        out.print(f"  … {len(report.surprises) - _SHOWN_SURPRISES}", highlight=False)
