"""`escalon risk`: the grade of an account, every factor of it, and how well a model would tell."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import Account
from escalon.domain.money import to_major
from escalon.domain.rules.credit import Proposal, review
from escalon.domain.rules.risk import Assessment, assess, exposure, grade_of
from escalon.domain.rules.rulebook import CreditRules, RiskModel, Rulebook
from escalon_cli.account import Errors, Reference, StackName, Stacks
from escalon_cli.publish import rollout_of
from escalon_cli.risk_backtest import Backtest, backtest, read_invoices

out = Console()

AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]

_FIGURES = {
    "share_late": "{late} of {settled} settled receivables were late",
    "mean_days_late": "{days} days late in all, over {settled} settled receivables",
    "trend": "{late} of the latest {settled} were late",
    "broken_agreements": "{broken} agreements broken, {kept} kept",
    "exposure": "{open_minor} of a limit of {limit_minor} is open",
}
_BECAUSE = {
    "bad_grade": "its grade",
    "good_grade": "its grade",
    "limit_used": "it uses its limit",
    "limit_exceeded": "more is open than the limit",
    "terms_too_long": "longer than its grade should have",
}


class Shown(msgspec.Struct, frozen=True):
    """What `risk show` says of an account. `grade` is the one that conditions see."""

    account_id: str
    grade: str
    stated: str
    assessment: Assessment
    proposals: tuple[Proposal, ...]


def commands(deployed: Stacks, errors_in_words: Errors) -> typer.Typer:
    """The commands of `escalon risk`."""
    app = typer.Typer(no_args_is_help=True, help="How debtors pay: grades, factors, a back-test.")

    @app.command("show")
    def show(account: Reference, as_json: AsJson = False, stack_name: StackName = "local") -> None:
        """An account's grade, each factor of it, and what its credit review would propose."""
        with errors_in_words():
            stack = deployed(stack_name)
            stored = stack.table.get(stack.account_id(account))
            if stored is None:
                raise LookupError(f"there is no account {account}")
            rollout = rollout_of(stack)
            if rollout is None:
                raise LookupError("no rulebook was ever published")
            rulebook = stack.documents.rulebook(rollout.side_of(stored.account.account_id))
            found = shown(stored.account, rulebook)
        if as_json:
            sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
            return
        _print(found, stored.account, account)

    @app.command("backtest")
    def backtest_command(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
        mapping: Annotated[Path, typer.Option(exists=True, dir_okay=False)],
        rules: Annotated[Path, typer.Option(help="The rulebook's folder.")] = Path("config"),
        as_json: AsJson = False,
    ) -> None:
        """How well the risk model would have told who pays late, on an export of settled invoices.

        Nothing leaves this machine, and nothing is fitted to the file.
        """
        with errors_in_words():
            found = backtest(read_invoices(file, mapping), _model(load_rulebook(rules)))
        if as_json:
            sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
            return
        _print_backtest(found)

    return app


def shown(account: Account, rulebook: Rulebook) -> Shown:
    """What there is to say of an account; LookupError if the rulebook has no risk model."""
    model = _model(rulebook)
    found = review(account, model, rulebook.credit or CreditRules(every_days=1))
    return Shown(
        account.account_id,
        grade_of(account, model),
        account.risk,
        assess(account, model),
        found.proposals,
    )


def _model(rulebook: Rulebook) -> RiskModel:
    if rulebook.risk is None:
        raise LookupError("the rulebook has no risk.yaml: nobody is graded by it")
    return rulebook.risk


def _print(found: Shown, account: Account, reference: str) -> None:
    table = Table(title=f"{reference} · {account.name}", show_header=False)
    table.add_row(
        "grade", (found.grade or "—") + (" (stated by its source)" if found.stated else "")
    )
    table.add_row("score", f"{_percent(found.assessment.score)}, model {found.assessment.model}")
    for currency, limit in account.credit_limits.items():
        table.add_row("credit limit", f"{currency} {to_major(limit, currency):,}")
    used = exposure(account)
    if used is not None:
        table.add_row("used", _percent(used[0] * 10_000 // used[1]))
    if account.terms_days is not None:
        table.add_row("terms", f"{account.terms_days} days")
    out.print(table)
    factors = Table("factor", "how bad", "weighs", "why")
    for factor in found.assessment.factors:
        why = _FIGURES[factor.factor].format(**factor.figures)
        factors.add_row(factor.factor, _percent(factor.value), str(factor.weight), why)
    for name in found.assessment.unknown:
        factors.add_row(name, "—", "", "nothing is known of it; the others count alone")
    out.print(factors)
    for proposal in found.proposals:
        because = ", ".join(_BECAUSE[why] for why in proposal.because)
        out.print(f"  • {_said(proposal)}: {because}", highlight=False)


def _said(proposal: Proposal) -> str:
    if proposal.what == "terms":
        return f"terms of {proposal.proposed} days instead of {proposal.now}"
    now, then = (to_major(one, proposal.currency) for one in (proposal.now, proposal.proposed))
    return f"a limit of {proposal.currency} {then:,} instead of {now:,}"


def _percent(share: int) -> str:
    return f"{share // 100}.{share % 100 // 10} %"


def _print_backtest(found: Backtest) -> None:
    table = Table("", "all invoices", "of debtors with a grade")
    table.add_row("invoices", f"{found.invoices:,}", f"{found.with_history:,}")
    table.add_row("AUC of the model", f"{found.auc:.3f}", f"{found.auc_with_history:.3f}")
    naive = (f"{found.auc_naive:.3f}", f"{found.auc_naive_with_history:.3f}")
    table.add_row("AUC of 'late again'", *naive)
    table.add_row("Brier score", f"{found.brier:.3f}", "")
    table.add_row("Brier score of the mean", f"{found.brier_base:.3f}", "")
    out.print(table)
    for title, bands in (("score", found.bands), ("grade", found.grades)):
        listed = Table(title, "invoices", "mean score", "paid late")
        for band in bands:
            listed.add_row(
                band.name, f"{band.count:,}", _percent(band.mean_score), _percent(band.late)
            )
        out.print(listed)
