"""Review the book: once a day over all accounts, for what no single account's look can see.

Experiments whose guard rails are broken are ended: their debtors are back on the champion's ladder
at the next look, and a person is told. And when an account's turn has come, a person is asked to
look at its credit limit and terms, with the reasons; nothing of that changes by itself.
"""

import zlib
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from escalon.domain import facts
from escalon.domain.account import Account
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions.intents import intent_id
from escalon.domain.local_time import local_date
from escalon.domain.ports import Clock
from escalon.domain.rules.credit import Review, review
from escalon.domain.rules.experiments import Outcome, outcome_of, result
from escalon.domain.rules.rulebook import CreditRules, Experiment, Rulebook
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, Stored, instant
from escalon.usecases.runs.manage_brakes import read_brakes

if TYPE_CHECKING:
    from escalon.adapters.table import Table

TRIES = 3
TASK = "credit_review"
LATE_DAYS = 2  # after its day on which a review that was missed is made up for


class Reviewed(msgspec.Struct):
    """What one review of the book did."""

    accounts: int = 0
    asked: int = 0  # accounts about whose credit a person was asked
    missed: int = 0  # accounts that others kept changing; the next review takes them
    ended: tuple[str, ...] = ()  # experiments


class ReviewBook:
    """Go over the whole book. `rulebook` gives the one in force; `end` ends an experiment, by its
    name and for a reason."""

    def __init__(
        self,
        table: "Table",
        rulebook: Callable[[], Rulebook | None],
        clock: Clock,
        end: Callable[[str, str], None],
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._table = table
        self._rulebook = rulebook
        self._clock = clock
        self._end = end
        self._report = report

    def __call__(self) -> Reviewed:
        """One review. Done twice on a day it asks nobody twice."""
        done = Reviewed()
        rulebook = self._rulebook()
        if rulebook is None:
            return done
        now = self._clock.now()
        running = self._running(rulebook, now)
        credit = rulebook.credit if rulebook.risk is not None else None
        if not running and credit is None:
            return done
        outcomes: dict[str, list[Outcome]] = {e.experiment: [] for e in running}
        for stored in self._table.all_accounts():
            done.accounts += 1
            account = stored.account
            zones = zones_for(rulebook, account)
            for experiment in running:
                found = outcome_of(account, experiment, now, zones)
                if found is not None:
                    outcomes[experiment.experiment].append(found)
            if credit is not None and is_due(account, credit, local_date(zones, now)):
                self._ask(stored, rulebook, now, done)
        for experiment in running:
            self._guard(experiment, outcomes[experiment.experiment], done)
        return done

    # ---------------------------------------------------------------- experiments

    def _running(self, rulebook: Rulebook, now: datetime) -> list[Experiment]:
        """Experiments that have begun, are not ended, and in which somebody's time may run."""
        if not rulebook.experiments:
            return []
        ended = read_brakes(self._table).experiments
        today = local_date((rulebook.default_zone,), now)
        return [
            experiment
            for experiment in rulebook.experiments
            if experiment.experiment not in ended
            and experiment.first_day <= today
            and today <= experiment.last_day + timedelta(days=experiment.within_days + 1)
        ]

    def _guard(self, experiment: Experiment, outcomes: Iterable[Outcome], done: Reviewed) -> None:
        """End the experiment if an arm has broken a guard rail."""
        breaches = result(experiment, outcomes).breaches
        if not breaches:
            return
        name = experiment.experiment
        why = "guard rails broken: " + ", ".join(f"{rail} of {arm}" for arm, rail in breaches)
        self._end(name, why)
        done.ended = (*done.ended, name)
        self._report("experiment_ended", {"experiment": name, "breaches": why})

    # ---------------------------------------------------------------- credit

    def _ask(self, stored: Stored, rulebook: Rulebook, now: datetime, done: Reviewed) -> None:
        """Put the review of an account on the list of work, with its fact, in one transaction."""
        model, rules = rulebook.risk, rulebook.credit
        if model is None or rules is None:
            return
        for _ in range(TRIES):
            found = review(stored.account, model, rules)
            if not found.proposals:
                return
            task = task_of(stored.account, rulebook, rules, found, now)
            put = self._table.put_document(
                f"A#{stored.account.account_id}",
                f"T#{task['task_id']}",
                task,
                due_shard="tasks",
                look_at=instant(task["due_at"]),
            )
            once = self._table.once(f"credit:{task['task_id']}", {"task_id": task["task_id"]})
            fact = facts.noted("opened", now, task=TASK, task_id=task["task_id"], step=TASK)
            look_at = datetime.fromisoformat(stored.look_at) if stored.look_at else None
            try:
                self._table.update(Change(stored, stored.account, look_at, (fact,)), put, once)
            except AlreadyDoneError:
                return
            except ConflictError:
                again = self._table.get(stored.account.account_id)
                if again is None:
                    return
                stored = again
                continue
            done.asked += 1
            return
        done.missed += 1


def turn_of(account_id: str, every_days: int, today: date) -> tuple[int, int]:
    """Which of its reviews it is for the account, and how many days ago that one's day was. The
    accounts take turns, so that the work is spread over the days."""
    every = max(1, every_days)
    day = today.toordinal() + zlib.crc32(account_id.encode()) % every
    return day // every, day % every


def is_due(account: Account, rules: CreditRules, today: date) -> bool:
    """Whether somebody should look at the account's credit now: it has some, and its day has come,
    or was missed a moment ago."""
    if not account.credit_limits and account.terms_days is None:
        return False
    return turn_of(account.account_id, rules.every_days, today)[1] <= LATE_DAYS


def task_of(
    account: Account, rulebook: Rulebook, rules: CreditRules, found: Review, now: datetime
) -> dict[str, Any]:
    """The work for a person. Its name is the account's and the turn's, so it is given out once."""
    zones = zones_for(rulebook, account)
    number, _ = turn_of(account.account_id, rules.every_days, local_date(zones, now))
    return {
        "task_id": intent_id(account.account_id, TASK, number),
        "account_id": account.account_id,
        "kind": TASK,
        "grade": found.grade,
        "score": found.assessment.score,
        "model": found.assessment.model,
        "factors": msgspec.to_builtins(found.assessment.factors),
        "proposals": msgspec.to_builtins(found.proposals),
        "rulebook": rulebook.version,
        "opened_at": now,
        "due_at": now + timedelta(days=rules.due_days),
    }
