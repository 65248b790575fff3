"""Books, rulebooks and a command line for the tests of `escalon rules`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from escalon.authoring.rulebook import load_rulebook, sealed
from escalon.domain.account import Account, Channel, Consent, Receivable
from escalon.domain.rules.rulebook import Rulebook, Strategy
from escalon_cli import rules
from escalon_cli.deployed import Deployed
from escalon_cli.rules import book
from tests.domain import debts

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
TAKEN_AT = debts.at("2026-09-07 09:00")  # a Monday
PROVEN = Consent(date(2020, 1, 1), "form")


@cache
def shipped() -> Rulebook:
    """The rulebook of config/."""
    return load_rulebook(CONFIG, try_messages=False)


def with_ladder(name: str, edit: Callable[[Strategy], Strategy]) -> Rulebook:
    """The shipped rulebook with one ladder edited, under a version of its own."""
    base = shipped()
    ladders = (edit(s) if s.strategy == name else s for s in base.strategies)
    return sealed(replace(base, strategies=tuple(ladders)))


def with_step(name: str, step: str, **more: Any) -> Rulebook:
    """The shipped rulebook with one step edited."""
    return with_ladder(
        name,
        lambda ladder: replace(
            ladder,
            steps=tuple(replace(s, **more) if s.step == step else s for s in ladder.steps),
        ),
    )


def owes(account_id: str, due: str = "2026-09-01", pesos: int = 100_000, **more: Any) -> Account:
    """Somebody in Bogotá with a proven e-mail address and telephone who owes one document."""
    owed = debts.receivable(
        due, receivable_id=f"r-{account_id}", open_minor=pesos * 100, issued_on=date(2026, 1, 1),
        known_on=date(2026, 1, 1),
    )  # fmt: skip
    channels: tuple[Channel, ...] = ("email", "sms", "voice")
    points = tuple(debts.point(channel, consent=PROVEN) for channel in channels)
    made = debts.account(owed, account_id=account_id, points=points, language="es-CO")
    return replace(made, **more)


def book_of(
    folder: Path,
    *accounts: Account,
    to_come: tuple[Receivable, ...] = (),
    rulebook: Rulebook | None = None,
    taken_at: datetime = TAKEN_AT,
) -> Path:
    """A book in a file; `to_come` is the first account's."""
    file = folder / "book.jsonl"
    lines = [book.Line(book.bare(account)) for account in accounts]
    if to_come:
        lines[0] = replace(lines[0], to_come=to_come)
    book.write(file, book.Header(book.FORM, taken_at, "test", rulebook or shipped()), lines)
    return file


def escalon(*arguments: str, deployed: Deployed | None = None) -> Result:
    """`escalon rules …` as somebody types it; a wide terminal, so that nothing is cut off."""

    @contextmanager
    def errors_in_words() -> Iterator[None]:
        try:
            yield
        except LookupError as error:
            typer.echo(f"✗ {error}", err=True)
            raise typer.Exit(1) from error

    def find(name: str) -> Deployed:
        if deployed is None:
            raise LookupError(f"there is no stack {name}")
        return deployed

    app = typer.Typer(pretty_exceptions_enable=False)
    with pytest.MonkeyPatch.context() as environment:
        # The consoles look at it when they are made.
        environment.setenv("COLUMNS", "200")
        environment.setenv("NO_COLOR", "1")
        rules.register(app, find, errors_in_words)
        return CliRunner().invoke(app, arguments)
