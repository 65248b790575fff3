"""`escalon explain` and `escalon account`: why this, why now, why not yet, and the whole story."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape as plain
from rich.table import Table

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import Account
from escalon.domain.contact.brakes import NO_BRAKES, because
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions import past, story
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.explanation import explain as explained
from escalon.domain.decisions.explanation import in_words, needed, rule_of
from escalon.domain.decisions.forecast import Event, event_of, walk
from escalon.domain.decisions.past import State
from escalon.domain.local_time import local_date
from escalon.domain.money import to_major
from escalon.domain.rules.risk import open_in
from escalon.domain.rules.rulebook import Rulebook
from escalon.usecases.contact.co_debtors import LinkedAccounts
from escalon.usecases.runs.feeds import FeedMarks
from escalon.usecases.runs.manage_brakes import read_brakes
from escalon_cli.deployed import Deployed
from escalon_cli.holds import held
from escalon_cli.publish import rollout_of

STORY_LINES = 12  # of what happened lately
AHEAD = timedelta(days=400)  # so far the next step is looked for

type Errors = Callable[[], AbstractContextManager[None]]
type Stacks = Callable[[str], Deployed]

out = Console()
err = Console(stderr=True)

StackName = Annotated[
    str,
    typer.Option("--stack", help="A CloudFormation stack in your AWS account; 'local': embedded."),
]
Locale = Annotated[str, typer.Option(help="Language of explanations: es or en.")]
Reference = Annotated[
    str, typer.Argument(help="The source's reference (document number), or the opaque account id.")
]

_KINDS = {
    "money": ("dinero", "money", "green"),
    "message": ("mensaje", "message", "blue"),
    "decision": ("decisión", "decision", "bright_black"),
    "task": ("tarea", "task", "magenta"),
    "agreement": ("acuerdo", "agreement", "cyan"),
    "hold": ("pausa", "hold", "yellow"),
    "data": ("datos", "data", "white"),
    "act": ("acto", "act", "red"),
}


class Explanation(msgspec.Struct, frozen=True):
    """What there is to say of an account as of an instant."""

    name: str
    state: State | None  # as it was; None: as it is now
    since: datetime | None  # the first instant of which states are kept, if it was asked before
    decision: Decision
    rulebook: Rulebook
    rule: str  # file and line of the step that the decision names
    reasons: tuple[str, ...]
    needed: tuple[str, ...]  # what has to happen before it goes on
    held: tuple[str, ...]  # the holds that rest something of it
    next: Event | None  # what comes if nothing else does
    next_rule: str
    zones: tuple[str, ...]
    decided: str  # what was decided last up to then, as it was said
    lately: tuple[str, ...]


def register(app: typer.Typer, deployed: Stacks, errors_in_words: Errors) -> None:
    """Add both commands."""

    @app.command()
    def explain(
        account: Reference,
        at: Annotated[
            datetime | None,
            typer.Option(help="As of this instant instead of now.", metavar="INSTANT"),
        ] = None,
        rules: Annotated[
            str, typer.Option(help="By this rulebook: a folder, or a version that was published.")
        ] = "",
        stack_name: StackName = "local",
        locale: Locale = "es",
    ) -> None:
        """Why this, why now, why not yet; which rule; what would have to happen for the next step.

        For an instant of the past it is about the account as it was then, by the rules of then.
        """
        with errors_in_words():
            as_of = at.astimezone(UTC) if at else None
            stack = deployed(stack_name)
            found = explanation(stack, account, as_of, rules, stack.now(), locale)
        show(found, account, locale)

    @app.command("account")
    def account_story(
        account: Reference,
        html: Annotated[
            Path | None, typer.Option(help="Write it as a page into this file.")
        ] = None,
        stack_name: StackName = "local",
        locale: Locale = "es",
    ) -> None:
        """An account's whole story: money, messages, decisions to wait with the law, tasks,
        agreements, holds."""
        with errors_in_words():
            stack = deployed(stack_name)
            account_id = stack.account_id(account)
            stored = stack.table.get(account_id)
            if stored is None:
                raise LookupError(_nobody(account))
            zones = stored.account.zones or ("UTC",)
            moments = story.timeline(stack.history.of(account_id), locale=locale, zones=zones)
            if html is not None:
                title = f"{account} · {stored.account.name}"
                html.write_text(page(moments, title, locale, zones), encoding="utf-8")
        if html is not None:
            out.print(f"[green]✓[/] {html}")
            return
        out.print(f"[bold]{plain(account)} · {plain(stored.account.name)}[/]")
        for currency, minor in _open(stored.account).items():
            out.print(f"{_word('open', locale)}: {currency} {to_major(minor, currency):,}")
        out.print(told(moments, locale, zones))


# ------------------------------------------------------------------------------------ explain


def explanation(
    stack: Deployed,
    reference: str,
    as_of: datetime | None,
    rules: str,
    now: datetime,
    locale: str,
) -> Explanation:
    """Why, as of an instant: of the past from the state that was kept and by the rulebook of then,
    of the present and the future from the account as it is. LookupError if there is no such account
    or rulebook."""
    account_id = stack.account_id(reference)
    stored = stack.table.get(account_id)
    if stored is None:
        raise LookupError(_nobody(reference))
    happened = list(stack.history.of(account_id))
    account, state, since = stored.account, None, None
    is_past = as_of is not None and as_of < now
    as_of = as_of or now
    if is_past:
        state = stack.history.state_at(account_id, as_of)
        if state is None:
            since = past.written_at(happened[:1])
        else:
            account = state.account
    before = [fact for fact in happened if datetime.fromisoformat(str(fact["at"])) <= as_of]
    then = past.decided_by(happened, as_of) if is_past else ""
    rulebook = _rulebook(stack, account_id, rules or then)
    if is_past:
        # When each feed had told is not kept: what was decided then says whether one was late.
        marks, brakes = dict.fromkeys(rulebook.payments.feeds, as_of), NO_BRAKES
    else:
        marks = dict(FeedMarks(stack.table)(rulebook, as_of))
        brakes = read_brakes(stack.table)
    zones = zones_for(rulebook, account)
    linked = LinkedAccounts(stack.table).of(account, rulebook)
    decision = decide(account, rulebook, as_of, marks, brakes, linked)
    following = None
    if decision.outcome != "act":
        # A pause between two actions of ours is no step: what is under way is taken as done.
        looks = walk(replace(account, intents=()), rulebook, as_of, as_of + AHEAD)
        following = next((look.decision for look in looks if look.decision.outcome == "act"), None)
    decided = [fact for fact in before if fact["fact"] == "decided"][-1:]
    return Explanation(
        name=stored.account.name,
        state=state,
        since=since,
        decision=decision,
        rulebook=rulebook,
        rule=rule_of(rulebook, decision.strategy, decision.step),
        reasons=(
            *explained(decision, locale=locale, zones=zones),
            *because(decision.reasons, brakes, locale=locale),
        ),
        needed=tuple(needed(decision, locale=locale, zones=zones)),
        held=tuple(held(account, rulebook, local_date(zones, as_of), locale)),
        next=event_of(following) if following else None,
        next_rule=rule_of(rulebook, following.strategy, following.step) if following else "",
        zones=zones,
        decided="; ".join(_said(decided, locale, zones)),
        lately=tuple(story.told(before, locale=locale, zones=zones)[-STORY_LINES:]),
    )


def _rulebook(stack: Deployed, account_id: str, named: str) -> Rulebook:
    """The rulebook in a folder, of a version, or (empty) in force for the account."""
    if named and Path(named).exists():
        folder = Path(named)
        return load_rulebook(folder if folder.is_dir() else folder.parent, try_messages=False)
    if named:
        return stack.documents.rulebook(named)
    rollout = rollout_of(stack)
    if rollout is None:
        raise LookupError(
            "no rulebook was ever published; `escalon rules publish` puts one in force"
        )
    return stack.documents.rulebook(rollout.side_of(account_id))


def _nobody(reference: str) -> str:
    return f"there is no account {reference}; give the reference as the export has it"


def _said(decided: list[dict[str, object]], locale: str, zones: tuple[str, ...]) -> list[str]:
    """What a decision of the past said."""
    lines = []
    for fact in decided:
        when = in_words(str(fact["at"]), spanish=locale.startswith("es"), zones=zones)
        moments = story.timeline([fact], locale=locale, zones=zones)
        said = moments[0].said if moments else f"{fact['outcome']} {fact.get('step', '')}".strip()
        lines.append(f"{when}: {said}")
    return lines


def show(found: Explanation, reference: str, locale: str) -> None:
    """Print it."""
    spanish = locale.startswith("es")
    decision = found.decision
    table = Table(title=f"{reference} · {found.name}", show_header=False)
    action = f" · {decision.action}" if decision.action else ""
    table.add_row(_word("as of", locale), decision.as_of.isoformat(timespec="seconds"))
    if found.state is not None:
        table.add_row(_word("state", locale), f"v{found.state.version}, {found.state.at:%F %T} UTC")
    table.add_row(_word("decision", locale), decision.outcome + action)
    table.add_row(_word("step", locale), f"{decision.step or '—'} {decision.stage}")
    table.add_row(_word("channel", locale), decision.channel or "—")
    table.add_row(_word("next look", locale), str(decision.next_look_at or "—"))
    table.add_row(_word("rulebook", locale), f"{found.rulebook.rulebook} {found.rulebook.version}")
    table.add_row(_word("rule", locale), found.rule or "—")
    out.print(table)
    if found.since is not None:
        err.print(f"[yellow]![/] {_word('no state', locale)}", highlight=False)
    _lines(_word("why", locale), found.reasons)
    coming = found.next
    if coming is not None:
        by = coming.task or coming.channel
        when = in_words(coming.at, spanish=spanish, zones=found.zones)
        said = f"{coming.step} ({by}): {when}, {found.next_rule}"
        _lines(_word("next step", locale), (said,))
    _lines(_word("needed", locale), found.needed)
    _lines(_word("held", locale), found.held)
    if found.decided and found.state is not None:
        _lines(_word("decided then", locale), (found.decided,))
    _lines(_word("lately", locale), found.lately)


def _lines(title: str, lines: tuple[str, ...]) -> None:
    if lines:
        out.print(f"\n{title}", style="dim")
        for line in lines:
            out.print(f"  • {line}", highlight=False, markup=False)


_WORDS = {
    "as of": ("con fecha de", "as of"),
    "state": ("la cuenta como era", "the account as it was"),
    "decision": ("decisión", "decision"),
    "step": ("paso", "step"),
    "channel": ("canal", "channel"),
    "next look": ("próxima revisión", "next look"),
    "rulebook": ("reglamento", "rulebook"),
    "rule": ("regla", "rule"),
    "no state": (
        "de esa fecha no se guarda el estado de la cuenta: se explica la cuenta como está hoy",
        "the account's state of then is not kept: this is about the account as it is today",
    ),
    "why": ("por qué", "why"),
    "next step": (
        "si no ocurre nada más, el próximo paso",
        "if nothing else happens, the next step",
    ),
    "needed": ("qué tiene que ocurrir", "what has to happen"),
    "held": ("pausas", "holds"),
    "decided then": ("lo que se decidió entonces", "what was decided then"),
    "lately": ("últimamente", "lately"),
    "open": ("abierto", "open"),
    "when": ("cuándo", "when"),
    "what": ("qué", "what"),
}


def _word(name: str, locale: str) -> str:
    return _WORDS[name][0 if locale.startswith("es") else 1]


# -------------------------------------------------------------------------------------- story


def told(moments: list[story.Moment], locale: str, zones: tuple[str, ...]) -> Table:
    """The story as a table for the terminal."""
    number = 0 if locale.startswith("es") else 1
    table = Table(_word("when", locale), "", _word("what", locale), show_lines=False)
    for moment in moments:
        names = _KINDS[moment.kind]
        when = in_words(moment.at, spanish=number == 0, zones=zones)
        more = "".join(f"\n  {plain(line)}" for line in moment.more)
        table.add_row(when, f"[{names[2]}]{names[number]}[/]", plain(moment.said) + more)
    return table


def page(moments: list[story.Moment], title: str, locale: str, zones: tuple[str, ...]) -> str:
    """The story as one HTML page that needs nothing else."""
    number = 0 if locale.startswith("es") else 1
    items = []
    for moment in moments:
        when = in_words(moment.at, spanish=number == 0, zones=zones)
        more = "".join(f"<li>{escape(line)}</li>" for line in moment.more)
        items.append(
            f'<li class="{moment.kind}"><time datetime="{moment.at.isoformat()}">{escape(when)}'
            f"</time><b>{escape(_KINDS[moment.kind][number])}</b>"
            f"<p>{escape(moment.said)}</p>{f'<ul>{more}</ul>' if more else ''}</li>"
        )
    language = "es" if number == 0 else "en"
    return _PAGE.format(
        language=language, title=escape(title), style=_STYLE, items="\n".join(items)
    )


def _open(account: Account) -> dict[str, int]:
    """What is open by currency, less unapplied credit."""
    currencies = {receivable.currency for receivable in account.receivables}
    return {currency: open_in(account, currency) for currency in sorted(currencies)}


_PAGE = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<h1>{title}</h1>
<ol>
{items}
</ol>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --line: #c9d3d9; --soft: #5b6b75 }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem }
ol { list-style: none; margin: 0; padding: 0 0 0 1.2rem; border-left: 2px solid var(--line) }
ol > li { position: relative; margin: 0 0 1.1rem }
ol > li::before { content: ""; position: absolute; left: -1.62rem; top: .45rem; width: .7rem;
  height: .7rem; border-radius: 50%; background: var(--dot, var(--soft)) }
time { color: var(--soft); font-size: .85rem; display: block }
b { font-size: .75rem; text-transform: uppercase; letter-spacing: .04em; color: var(--dot) }
p { margin: 0 }
ul { margin: .2rem 0 0; padding-left: 1.1rem; color: var(--soft); font-size: .9rem }
.money { --dot: #2f7d4f } .message { --dot: #2b6cb0 } .decision { --dot: #78848c }
.task { --dot: #8a4fb0 } .agreement { --dot: #14808a } .hold { --dot: #a8720a }
.data { --dot: #5b6b75 } .act { --dot: #b3403a }
"""
