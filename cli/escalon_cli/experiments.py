"""`escalon experiments`: what each experiment states, what is known of it so far, and by cohort."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from escalon.domain.account import Account
from escalon.domain.contact.told import zones_for
from escalon.domain.money import to_major
from escalon.domain.rules.experiments import (
    ArmResult,
    Cohort,
    Result,
    cohorts,
    needed_per_arm,
    outcome_of,
    result,
)
from escalon.domain.rules.rulebook import Experiment, Rulebook
from escalon.usecases.runs.manage_brakes import read_brakes
from escalon_cli.account import Errors, StackName, Stacks
from escalon_cli.publish import rollout_of

out = Console()

_VERDICTS = {
    "too_early": "too early: fewer debtors than were stated to be needed",
    "better": "better than the champion",
    "worse": "worse than the champion",
    "no_difference": "no difference that this experiment could find",
}


class Report(msgspec.Struct, frozen=True):
    """One experiment with its results. `ended` says when and why it was ended early."""

    experiment: Experiment
    result: Result
    cohorts: tuple[Cohort, ...]
    ended: str = ""


def register(app: typer.Typer, deployed: Stacks, errors_in_words: Errors) -> None:
    """Add the command."""

    @app.command("experiments")
    def experiments(
        name: Annotated[str, typer.Argument(help="One of them; all if left out.")] = "",
        by_cohort: Annotated[
            bool, typer.Option("--cohorts", help="Also recovery by the month of entry.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
        stack_name: StackName = "local",
    ) -> None:
        """Champion and challengers: who entered, who recovered, and what can be said of it yet."""
        with errors_in_words():
            stack = deployed(stack_name)
            rollout = rollout_of(stack)
            if rollout is None:
                raise LookupError("no rulebook was ever published")
            rulebook = stack.documents.rulebook(rollout.live)
            chosen = _chosen(rulebook, name)
            brakes = read_brakes(stack.table).brakes
            ended = {
                brake.name: f"{brake.since:%F %H:%M} UTC, {brake.by}: {brake.why}"
                for brake in brakes
                if brake.kind == "experiment"
            }
            accounts = [stored.account for stored in stack.table.all_accounts()] if chosen else []
            reports = report(chosen, accounts, rulebook, stack.now(), ended)
        if as_json:
            sys.stdout.write(msgspec.json.encode(reports).decode() + "\n")
            return
        if not reports:
            out.print("the rulebook in force has no experiments.yaml")
        for one in reports:
            _print(one, by_cohort=by_cohort)


def report(
    chosen: Sequence[Experiment],
    accounts: Iterable[Account],
    rulebook: Rulebook,
    as_of: datetime,
    ended: dict[str, str],
) -> list[Report]:
    """What is known of each experiment, from the accounts alone."""
    book = [account for account in accounts if account.trials]
    reports = []
    for experiment in chosen:
        outcomes = []
        for account in book:
            zones = zones_for(rulebook, account)
            found = outcome_of(account, experiment, as_of, zones)
            if found is not None:
                outcomes.append(found)
        reports.append(
            Report(
                experiment,
                result(experiment, outcomes),
                tuple(cohorts(outcomes)),
                ended.get(experiment.experiment, ""),
            )
        )
    return reports


def _chosen(rulebook: Rulebook, name: str) -> list[Experiment]:
    found = [e for e in rulebook.experiments if name in ("", e.experiment)]
    if name and not found:
        known = ", ".join(e.experiment for e in rulebook.experiments) or "there is none"
        raise LookupError(f"there is no experiment {name}; known are: {known}")
    return found


def _print(one: Report, *, by_cohort: bool) -> None:
    stated, found = one.experiment, one.result
    out.print(f"\n[bold]{stated.experiment}[/] ({stated.source})", highlight=False)
    share = f"{stated.recovered // 100} % " if stated.recovered < 10_000 else ""
    out.print(
        f"  stated: {share}recovered within {stated.within_days} days; entering "
        f"{stated.first_day} to {stated.last_day}; to find {_points(stated.detects)} from "
        f"{_points(stated.baseline)} it needs {needed_per_arm(stated):,} debtors in each arm",
        highlight=False,
    )
    if one.ended:
        out.print(f"  [red]ended early[/] {one.ended}", highlight=False)
    table = Table(
        "arm", "entered", "time over", "recovered", "share", "interval", "against champion"
    )
    for arm in found.arms:
        table.add_row(
            arm.arm,
            f"{arm.entered:,}",
            f"{arm.ripe:,}",
            f"{arm.recovered:,}",
            f"{arm.share:.1%}" if arm.ripe else "—",
            _between(arm.interval) if arm.ripe else "—",
            _against(arm, found),
        )
    out.print(table)
    for arm_name, verdict in found.verdicts.items():
        out.print(f"  {arm_name}: {_VERDICTS[verdict]}", highlight=False)
    for arm in found.arms:
        said = ", ".join(
            f"{rail.replace('_', '-')} {count} of {arm.entered} "
            f"(at most {_points(stated.guard_rails[rail])})"
            for rail, count in arm.rails.items()
        )
        if said:
            broken = any(arm.arm == name for name, _ in found.breaches)
            out.print(f"  {'[red]✗[/]' if broken else '[green]✓[/]'} {arm.arm}: {said}")
    if by_cohort:
        _print_cohorts(one.cohorts)


def _print_cohorts(found: Sequence[Cohort]) -> None:
    table = Table("entered in", "arm", "entered", "time over", "recovered", "money that came")
    for cohort in found:
        money = ", ".join(
            f"{currency} {to_major(cohort.came_minor.get(currency, 0), currency):,} of "
            f"{to_major(owed, currency):,}"
            for currency, owed in cohort.owed_minor.items()
        )
        counts = (cohort.entered, cohort.ripe, cohort.recovered)
        table.add_row(cohort.month, cohort.arm, *(f"{n:,}" for n in counts), money or "—")
    out.print(table)


def _against(arm: ArmResult, found: Result) -> str:
    if arm.arm not in found.verdicts or not arm.ripe:
        return "—"
    low, high = arm.difference_interval
    return f"{arm.difference * 100:+.1f} points ({low * 100:+.1f} to {high * 100:+.1f})"


def _between(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _points(share: int) -> str:
    return f"{share // 100}.{share % 100:02} %".replace(".00", "")
