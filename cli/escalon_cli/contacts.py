"""`escalon contact` and `escalon notice`: may we, and if not by which law and until when."""

import getpass
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from escalon.adapters.clock import SystemClock
from escalon.domain.account import Account
from escalon.domain.contact.policy import Allow, Verdict
from escalon.domain.contact.question import Answers, ask
from escalon.domain.contact.text import WORDS
from escalon.domain.contact.text import explain as says
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions.explanation import in_words
from escalon.domain.rules.rulebook import Rulebook
from escalon.usecases.contact.note_notice import NAMES, NoteNotice, NoteNotices
from escalon.usecases.operators.acts import ActRefusedError, Person
from escalon_cli.deployed import Deployed
from escalon_cli.publish import rollout_of

type Errors = Callable[[], AbstractContextManager[None]]
type Stacks = Callable[[str], Deployed]

out = Console()

StackName = Annotated[
    str,
    typer.Option("--stack", help="A CloudFormation stack in your AWS account; 'local': embedded."),
]
Reference = Annotated[
    str, typer.Argument(help="The source's reference (document number), or the opaque account id.")
]
Locale = Annotated[str, typer.Option(help="Language of the answer: es or en.")]
WHEN = "An instant, e.g. 2026-09-14T18:30. Without an offset it is on the debtor's clock."

_HEADS = {
    "es": ("mensaje", "dato", "respuesta", "regla", "próximo instante"),
    "en": ("message", "address", "answer", "rule", "next instant"),
}


def register(app: typer.Typer, deployed: Stacks, errors_in_words: Errors) -> None:
    """Add both commands."""

    @app.command()
    def contact(
        account: Reference,
        channel: Annotated[str, typer.Argument(help="email, sms, whatsapp, voice or letter.")],
        at: Annotated[str, typer.Option(help=WHEN, metavar="INSTANT")] = "",
        role: Annotated[
            str,
            typer.Option("--as", help="debtor, or codebtor or guarantor of somebody else's debt."),
        ] = "debtor",
        as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
        stack_name: StackName = "local",
        locale: Locale = "es",
    ) -> None:
        """May this person be contacted by this channel: for each kind of message, with the rule,
        its source and the next lawful instant. Exit code 1 if they may not be asked for money."""
        with errors_in_words():
            stack = deployed(stack_name)
            found, rulebook = _account(stack, account)
            instant = instant_of(at, zones_for(rulebook, found), stack.now())
            answers = ask(found, rulebook, channel, instant, role)
        if as_json:
            out.print_json(json.dumps(as_document(answers), ensure_ascii=False))
        else:
            show(answers, f"{account} · {channel}", locale)
        if not may_ask(answers):
            raise typer.Exit(1)

    @app.command()
    def notice(
        account: Reference,
        receivable: Annotated[str, typer.Argument(help="The receivable that it is about.")],
        name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.")],
        given: Annotated[str, typer.Option(help=WHEN, metavar="INSTANT")],
        proof: Annotated[str, typer.Option(help="Where its proof is kept.")],
        why: Annotated[str, typer.Option(help="Why you note it; it stands in the audit log.")],
        key: Annotated[
            str, typer.Option(help="What makes it count once, if you repeat the command.")
        ] = "",
        stack_name: StackName = "local",
    ) -> None:
        """Note a statutory notice that was given outside, with its proof."""
        with errors_in_words():
            stack = deployed(stack_name)
            found, rulebook = _account(stack, account)
            given_at = instant_of(given, zones_for(rulebook, found), stack.now())
            order = NoteNotice(
                key or uuid4().hex, why, found.account_id, receivable, name, given_at, proof
            )
            try:
                new = NoteNotices(stack.table, SystemClock())(order, Person(getpass.getuser()))
            except ActRefusedError as error:
                raise LookupError(
                    "; ".join(f"{p.field} {p.problem}: {p.remedy}" for p in error.problems)
                ) from None
        out.print("[green]✓[/] noted" if new else "it was noted before")


def instant_of(text: str, zones: tuple[str, ...], now: datetime) -> datetime:
    """The instant that was written: `now` if nothing was, on the debtor's clock if it has no
    offset. Raises LookupError with what to write instead."""
    if not text:
        return now
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        raise LookupError(f"'{text}' is no instant: write it as 2026-09-14T18:30") from None
    if written.utcoffset() is None:
        written = written.replace(tzinfo=ZoneInfo(zones[0]))
    return written.astimezone(UTC)


def may_ask(answers: Answers) -> bool:
    """Whether money may be asked for at one of the addresses."""
    return not answers.held and any(
        answer.kind == "collection" and isinstance(answer.verdict, Allow)
        for answer in answers.contacts
    )


def as_document(answers: Answers) -> dict[str, Any]:
    """The answers for a program."""
    document: dict[str, Any] = msgspec.to_builtins(answers)
    return document


def show(answers: Answers, title: str, locale: str) -> None:
    """The answers for a person."""
    spanish = locale.startswith("es")
    language = "es" if spanish else "en"
    when = in_words(answers.at, spanish=spanish, zones=answers.zones)
    table = Table(*_HEADS[language], title=f"{title} · {when} ({', '.join(answers.zones[:3])})")
    for column in table.columns:
        column.overflow = "fold"  # a rule's name is searched for: no end of it is cut off
    for answer in answers.contacts:
        table.add_row(
            answer.kind,
            answer.point_id or "—",
            _sign(answer.verdict, locale),
            *_rule_and_next(answer.verdict, answers, spanish=spanish),
        )
    out.print(table)
    if answers.held:
        rests = "la cuenta está en pausa" if spanish else "the account is on hold"
        out.print(f"[yellow]![/] {rests}: {answers.held}", highlight=False)
    words = WORDS["es"] if spanish else WORDS["en"]
    for debt in answers.debts:
        lines = [
            (f"se dio {words[n.notice]}" if spanish else f"{words[n.notice]} was given")
            + f" {in_words(n.at, spanish=spanish, zones=answers.zones)} ({n.proof or '—'})"
            for n in debt.given
        ]
        lines += [
            (f"debe darse {words[n.notice]} a más tardar el " if spanish else "")
            + ("" if spanish else f"{words[n.notice]} is owed by ")
            + f"{in_words(n.by, spanish=spanish, zones=answers.zones)} ({n.source})"
            for n in debt.owed
        ]
        lines += [
            f"{words[action]}: {_sign(verdict, locale)}"
            for action, verdict in debt.actions.items()
            if isinstance(verdict, Allow) or verdict.reason != "action_not_stated"
        ]
        if lines:
            out.print(f"\n{debt.document}", style="bold")
        for line in lines:
            out.print(f"  • {line}", highlight=False)


def _sign(verdict: Verdict, locale: str) -> str:
    allowed = isinstance(verdict, Allow)
    return f"[{'green' if allowed else 'red'}]{says(verdict, locale)}[/]"


def _rule_and_next(verdict: Verdict, answers: Answers, *, spanish: bool) -> tuple[str, str]:
    if isinstance(verdict, Allow):
        return "—", "—"
    following = verdict.next_allowed_at
    return verdict.rule, (
        in_words(following, spanish=spanish, zones=answers.zones) if following else "—"
    )


def _account(stack: Deployed, reference: str) -> tuple[Account, Rulebook]:
    stored = stack.table.get(stack.account_id(reference))
    if stored is None:
        raise LookupError(
            f"there is no account {reference}; give the reference as the export has it"
        )
    rollout = rollout_of(stack)
    if rollout is None:
        raise LookupError(
            "no rulebook was ever published; `escalon rules publish` puts one in force"
        )
    account = stored.account
    return account, stack.documents.rulebook(rollout.side_of(account.account_id))
