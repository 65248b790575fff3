"""Answer operations: brakes, undoing, exclusions, tasks and the audit log over HTTP. Who calls is
what their signature says; docs/brakes.md has the routes."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import msgspec

from escalon.domain.audit import Act
from escalon.domain.ports import Clock
from escalon.domain.tasks import OUTCOMES, Outcome
from escalon.usecases.contact.manage_tasks import CloseTask, ManageTasks
from escalon.usecases.operators.acts import ActRefusedError, Person, Problem, refused
from escalon.usecases.operators.forms import STATUS, Answer, Form, form_of, person_of
from escalon.usecases.runs.manage_brakes import (
    Acted,
    ManageBrakes,
    OnAccount,
    Resume,
    Stop,
    read_brakes,
)
from escalon.usecases.runs.undo_run import UndoRun, UndoRuns

if TYPE_CHECKING:
    from escalon.adapters.table import Table

LISTED = 200  # acts in one answer, unless asked for another number
LISTED_AT_MOST = 1000
MOST_DAYS = 366  # of the audit log in one answer
# Left of the function's time when an outlook or an undoing ends for now.
TIME_TO_ANSWER = timedelta(seconds=6)

type _Fields = dict[str, Any]


class AnswerOperations:
    """One route of the API each."""

    def __init__(
        self,
        table: "Table",
        manage: ManageBrakes,
        undo: UndoRuns,
        tasks: ManageTasks,
        clock: Clock,
    ) -> None:
        self._table = table
        self._manage = manage
        self._undo = undo
        self._tasks = tasks
        self._clock = clock
        self._acts: dict[str, Callable[[Form, Mapping[str, str], Person], Acted]] = {
            "POST /brakes": self._stop,
            "POST /brakes/releases": self._resume,
            "POST /accounts/{id}/exclusions": self._exclude,
            "POST /accounts/{id}/inclusions": self._include,
        }

    def __call__(
        self,
        route: str,
        path: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
        caller: str,
        time_left: Callable[[], timedelta],
    ) -> Answer:
        """`route` is method and resource, such as `POST /brakes`; `caller` the ARN of whoever
        signed."""

        def enough() -> bool:
            return time_left() < TIME_TO_ANSWER

        try:
            person = person_of(caller)
            if route in self._acts:
                done = self._acts[route](form_of(body), path, person)
                return Answer(200, {"done": done.did, "again": done.again, **done.result})
            if route == "POST /runs/undoings":
                return Answer(200, self._undo_run(form_of(body), person, enough))
            if route == "POST /accounts/{id}/tasks/closings":
                return Answer(200, self._close_task(form_of(body), path["id"], person))
            if route == "GET /tasks":
                return Answer(200, self._list_tasks(Form(dict(query))))
            if route == "GET /brakes":
                Form(dict(query)).check()
                brakes = read_brakes(self._table).brakes
                listed = [{"brake": b.brake_id, **msgspec.to_builtins(b)} for b in brakes]
                return Answer(200, {"brakes": listed})
            if route == "GET /brakes/outlook":
                return Answer(200, self._outlook(Form(dict(query)), enough))
            if route == "GET /acts":
                return Answer(200, self._listed(Form(dict(query))))
        except ActRefusedError as error:
            problems = msgspec.to_builtins(error.problems)
            return Answer(STATUS[error.fault], {"problems": problems})
        problem = Problem("", "there is no such route", "see the docs")
        return Answer(404, {"problems": [msgspec.to_builtins(problem)]})

    # ---------------------------------------------------------------- brakes

    def _stop(self, form: Form, _: Mapping[str, str], person: Person) -> Acted:
        key, why = form.key_and_why()
        kinds = ("all", "channel", "strategy", "creditor", "experiment")
        kind = form.choice("kind", kinds, otherwise="")
        order = Stop(key, why, cast("Any", kind), form.text("name"), form.yes("tasks"))
        form.check()
        return self._manage.stop(order, person)

    def _resume(self, form: Form, _: Mapping[str, str], person: Person) -> Acted:
        key, why = form.key_and_why()
        order = Resume(key, why, form.text("brake", needed=True))
        form.check()
        return self._manage.resume(order, person)

    def _outlook(self, form: Form, enough: Callable[[], bool]) -> _Fields:
        brake = form.text("brake", needed=True)
        form.check()
        if read_brakes(self._table).find(brake) is None:
            raise refused("not_found", "brake", f"no brake '{brake}' is on", "see GET /brakes")
        found = self._manage.outlook(brake, enough)
        return {
            "brake": brake,
            "would_go": [
                {"creditor": creditor, "step": step, "by": by, "count": count}
                for (creditor, step, by), count in sorted(found.would_go.items())
            ],
            "looked_at": found.looked_at,
            "looked_at_all": found.looked_at_all,
        }

    def _exclude(self, form: Form, path: Mapping[str, str], person: Person) -> Acted:
        return self._manage.exclude(_on_account(form, path), person)

    def _include(self, form: Form, path: Mapping[str, str], person: Person) -> Acted:
        return self._manage.include(_on_account(form, path), person)

    # ---------------------------------------------------------------- tasks

    def _list_tasks(self, form: Form) -> _Fields:
        kind, account_id, task_id = form.text("kind"), form.text("account_id"), form.text("task")
        overdue = form.choice("overdue", ("", "true"), otherwise="") == "true"
        most = form.number_in_text("most", LISTED, LISTED_AT_MOST)
        form.check()
        found = self._tasks.listed(
            most, kind=kind, account_id=account_id, task_id=task_id, overdue=overdue
        )
        return {"tasks": list(found.tasks), "more": found.more}

    def _close_task(self, form: Form, account_id: str, person: Person) -> _Fields:
        key, why = form.key_and_why()
        order = CloseTask(
            key,
            why,
            account_id,
            form.text("task", needed=True),
            cast("Outcome", form.choice("outcome", OUTCOMES, otherwise="")),
            form.instant("at"),
            form.day("on"),
            form.text("proof"),
            form.text("number"),
        )
        form.check()
        return {"done": "task_closed", "again": self._tasks.close(order, person)}

    # ---------------------------------------------------------------- runs, the audit log

    def _undo_run(self, form: Form, person: Person, enough: Callable[[], bool]) -> _Fields:
        key, why = form.key_and_why()
        order = UndoRun(key, why, form.text("run", needed=True), form.yes("sure"))
        form.check()
        became: _Fields = msgspec.to_builtins(self._undo(order, person, enough))
        return {"done": "run_undone", **became}

    def _listed(self, form: Form) -> _Fields:
        today = self._clock.now().date()
        last = form.day("to") or today
        first = form.day("from") or last - timedelta(days=30)
        did, account_id = form.text("act"), form.text("account_id")
        most = form.number_in_text("most", LISTED, LISTED_AT_MOST)
        form.check()
        if not 0 <= (last - first).days <= MOST_DAYS:
            raise refused(
                "wrong", "from", f"{first} to {last} is no stretch of the log",
                f"ask for {MOST_DAYS} days at most, the first one first",
            )  # fmt: skip
        found = list(islice(acts(self._table, first, last, did=did, about=account_id), most + 1))
        listed: list[_Fields] = msgspec.to_builtins(found[:most])
        return {"acts": listed, "more": len(found) > most}


def acts(
    table: "Table", first: date, last: date, *, did: str = "", about: str = ""
) -> Iterator[Act]:
    """The audit log of some UTC days, of one kind of act or about one id if they are given."""
    for act in table.acts(first, last):
        if did in ("", act.did) and (not about or about in act.about.values()):
            yield act


def _on_account(form: Form, path: Mapping[str, str]) -> OnAccount:
    key, why = form.key_and_why()
    form.check()
    return OnAccount(key, why, path["id"])
