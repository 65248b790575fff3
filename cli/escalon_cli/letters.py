"""`escalon letters`: the letters on the list of an account, as PDF, ready to be posted."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from escalon.usecases.contact.write_letter import NoLetterError, letter_of
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
    rulebook = there.documents.rulebook(rollout.side_of(account_id))
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for task in there.table.documents(f"A#{account_id}", "T#"):
        if task["kind"] != "letter" or task.get("closed_at"):
            continue
        try:
            paper = letter_of(stored.account, task, rulebook, now)
        except NoLetterError as error:
            out.print(f"[yellow]•[/] {task['step']}: {error}", highlight=False)
            continue
        path = folder / f"{task['step']}-{task['task_id']}.pdf"
        path.write_bytes(draw(paper))
        paths.append(path)
    return paths
