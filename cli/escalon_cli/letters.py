"""`escalon letters`: the letters on the list of an account, as PDF, ready to be posted."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from escalon.domain.tasks import Task
from escalon.usecases.contact.write_letter import NoLetterError, letter_of
from escalon.usecases.runs.feeds import FeedMarks
from escalon.usecases.runs.manage_brakes import read_brakes
from escalon_cli.deployed import Deployed
from escalon_cli.payments import Account, Stack, account_id_of
from escalon_cli.publish import rollout_of

out = Console()


def register(
    app: typer.Typer,
    deployed: Callable[[str], Deployed],
    errors_in_words: Callable[[], AbstractContextManager[None]],
) -> None:
    """Add the command."""

    @app.command()
    def letters(
        account: Account,
        folder: Annotated[Path, typer.Option("--out", help="Where the PDFs go.")] = Path(),
        stack: Stack = "local",
    ) -> None:
        """Write the letters that somebody has to post, with the amounts of this moment."""
        with errors_in_words():
            there = deployed(stack)
            found = written(there, account_id_of(there, account), folder, there.now())
        for path in found:
            out.print(f"[green]✓[/] {path}")
        if found:
            out.print(
                "once posted: escalon tasks close TASK --outcome posted --proof …", style="dim"
            )
        if not found:
            out.print("no letter of this account is to be posted")


def written(there: Deployed, account_id: str, folder: Path, now: datetime) -> list[Path]:
    """A PDF for each open letter task; one that is not to be posted any more is said and left
    out."""
    from escalon.papers.pdf import draw

    stored, rollout = there.table.get(account_id), rollout_of(there)
    if stored is None or rollout is None:
        raise LookupError("there is no such account, or no rulebook was ever published")
    rulebook = there.documents.rulebook(rollout.version_for(stored.account))
    feeds, brakes = FeedMarks(there.table)(rulebook, now), read_brakes(there.table)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for document in there.table.documents(f"A#{account_id}", "T#"):
        task = msgspec.convert(document, Task)
        if task.kind != "letter" or task.closed_at is not None:
            continue
        try:
            paper = letter_of(stored.account, task, rulebook, now, feeds=feeds, brakes=brakes)
        except NoLetterError as error:
            out.print(f"[yellow]•[/] {task.step}: {escape(str(error))}", highlight=False)
            continue
        path = folder / f"{task.step}-{task.task_id}.pdf"
        path.write_bytes(draw(paper))
        paths.append(path)
    return paths
