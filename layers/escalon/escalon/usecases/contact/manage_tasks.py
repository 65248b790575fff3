"""Manage tasks: what people have to do, and what became of it.

Closing a task is one transaction: the account with what follows for it, the task, the act in the
audit log. The account is looked at again at once, since it may have waited for this. What a person
says of a message whose fate was unknown goes the way of a carrier's feedback.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import msgspec

from escalon.domain import facts
from escalon.domain.account import Account
from escalon.domain.audit import Act
from escalon.domain.contact.brakes import Brakes
from escalon.domain.contact.feedback import Event, Feedback, Message
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions.by_hand import address_of, closed
from escalon.domain.decisions.last_look import LastLook, last_look, why_not
from escalon.domain.local_time import in_zone, local_date
from escalon.domain.ports import Clock
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, Stored
from escalon.domain.tasks import Outcome, Task, outcomes
from escalon.usecases.agreements.writes import zones_of
from escalon.usecases.contact.deliver import TryLaterError
from escalon.usecases.contact.record_feedback import RecordFeedback
from escalon.usecases.operators.acts import Person, refused
from escalon.usecases.runs.feeds import FeedMarks
from escalon.usecases.runs.manage_brakes import read_brakes

if TYPE_CHECKING:
    from escalon.adapters.table import Table

TRIES = 6
LIST = "tasks"  # where those stand that are open
_NUMBERS = ("voice", "sms", "whatsapp")  # channels whose address is a telephone number
_NOON = time(12)
_FATES: dict[Outcome, Event] = {"delivered": "delivered", "not_delivered": "failed"}

type _Document = dict[str, Any]


class CloseTask(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a task. It was so at an instant (`at`, aware), on a day of the person's
    calendar (`on`), or just now. `proof` is the tracking number of a letter or where a receipt is
    kept; `number` the telephone number that was called, if the person has several."""

    key: str
    why: str
    account_id: str
    task_id: str
    outcome: Outcome
    at: datetime | None = None
    on: date | None = None
    proof: str = ""
    number: str = ""


class Listed(msgspec.Struct, frozen=True):
    """Some tasks, each as its document has it with the outcomes that may be told of it."""

    tasks: tuple[_Document, ...]
    more: bool


class ManageTasks:
    """The list of work, and its closing."""

    def __init__(
        self,
        table: "Table",
        feedback: RecordFeedback,
        rulebook: Callable[[Account], Rulebook | None],
        clock: Clock,
    ) -> None:
        self._table = table
        self._feedback = feedback
        self._rulebook = rulebook  # the one that decides about an account now
        self._clock = clock
        self._feeds = FeedMarks(table)

    def listed(
        self,
        most: int,
        *,
        kind: str = "",
        account_id: str = "",
        task_id: str = "",
        overdue: bool = False,
    ) -> Listed:
        """Up to `most` tasks of which something may still be told, the earliest due first: those
        that are open, and of one account the letters that may come back too."""
        now = self._clock.now()
        found: list[_Document] = []
        for document in self._documents(account_id):
            task = msgspec.convert(document, Task)
            left = outcomes(task)
            if (
                not left
                or (kind and task.kind != kind)
                or (task_id and task.task_id != task_id)
                or (overdue and (task.closed_at is not None or task.due_at > now))
            ):
                continue
            if len(found) == most:
                return Listed(self._looked_at(found, now), more=True)
            found.append({**document, "outcomes": left})
            if task_id:
                break
        return Listed(self._looked_at(found, now), more=False)

    def _looked_at(self, documents: Sequence[_Document], now: datetime) -> tuple[_Document, ...]:
        """The tasks, each that is open with why it may not be done now (`not_now`, sentences in the
        rulebook's language), or until when the debtor may be called today (`allowed_until`)."""
        accounts = self._table.get_many([document["account_id"] for document in documents])
        brakes = read_brakes(self._table)
        found = []
        for document in documents:
            task = msgspec.convert(document, Task)
            stored = accounts.get(task.account_id)
            rulebook = self._rulebook(stored.account) if stored is not None else None
            if stored is not None and rulebook is not None and task.closed_at is None:
                feeds = self._feeds(rulebook, now)
                look = last_look(stored.account, rulebook, task, now, feeds=feeds, brakes=brakes)
                document = {**document, **_told(look, stored.account, rulebook, brakes, now)}
            found.append(document)
        return tuple(found)

    def _documents(self, account_id: str) -> Iterator[_Document]:
        if not account_id:
            yield from self._table.listed(LIST)
            return
        found = self._table.documents(f"A#{account_id}", "T#")
        yield from sorted(found, key=lambda document: str(document["due_at"]))

    def close(self, order: CloseTask, person: Person) -> bool:
        """Whether it had been done before. Raises ActRefusedError if it cannot be."""
        cause = f"task:{order.key}"
        for _ in range(TRIES):
            if self._done_before(cause, order):
                return True
            # The account first: whoever changes the task meanwhile changes its version too.
            stored = self._table.get(order.account_id)
            document = self._table.load(f"A#{order.account_id}", f"T#{order.task_id}")
            if stored is None or document is None:
                told = "there is no such task on this account"
                raise refused("not_found", "task", told, "`escalon tasks` lists what is open")
            task = msgspec.convert(document, Task)
            now = self._clock.now()
            zones = zones_of(stored.account, self._rulebook(stored.account))
            at = _happened(order, zones, task, now)
            _check(order, task)
            act = [
                self._table.once(cause, _asked(order)),
                self._table.put_act(_act(cause, order, task, person, now)),
            ]
            if task.kind == "unknown_fate":
                message = self._message_of(task)
                if message is not None:
                    if self._settled(message, order.outcome, at, act):
                        return False
                    continue
            try:
                self._write(stored, task, document, order, person, at, now, act)
            except (ConflictError, AlreadyDoneError):
                continue
            return False
        raise refused("conflict", "task", "the account keeps changing", "try again")

    def _done_before(self, cause: str, order: CloseTask) -> bool:
        before = self._table.load(f"CAUSE#{cause}", "CAUSE")
        if before is not None and before != _asked(order):
            told = "something else was done under this key"
            raise refused("conflict", "key", told, "use a key of its own for each act")
        return before is not None

    def _write(
        self,
        stored: Stored,
        task: Task,
        document: _Document,
        order: CloseTask,
        person: Person,
        at: datetime,
        now: datetime,
        act: list[_Document],
    ) -> None:
        number = _number(stored.account, task, order)
        account = closed(stored.account, task, order.outcome, at, number=number)
        by = {"outcome": order.outcome, "closed_at": now, "closed_by": person.who}
        if order.proof:
            by["proof"] = order.proof
        if order.outcome in ("posted", "sent"):
            by["sent_at"] = at
            point = address_of(stored.account, task.kind, task.point_id)
            if point is not None:
                by["point_id"] = point.point_id
        about = {"task_id": task.task_id, "task": task.kind, "about": task.about}
        fact = facts.noted(
            "task_closed", now, **about, step=task.step, outcome=order.outcome, by=person.who
        )
        key = f"A#{task.account_id}", f"T#{task.task_id}"
        self._table.update(
            Change(stored, account, now if stored.look_at else None, (fact,)),
            self._table.put_document(*key, {**document, **by}),
            *act,
        )

    # ---------------------------------------------------------------- messages of unknown fate

    def _message_of(self, task: Task) -> Message | None:
        """The message that the task is about; None once it was erased."""
        found = self._table.load(f"A#{task.person or task.account_id}", f"M#{task.about}")
        return msgspec.convert(found, Message) if found is not None else None

    def _settled(
        self, message: Message, outcome: Outcome, at: datetime, act: list[_Document]
    ) -> bool:
        """Whether the message says so now, by this very act."""
        feedback = Feedback(
            message.channel,
            _FATES[outcome],
            at,
            "",
            message.account_id,
            message.message_id,
            reason="told by a person",
        )
        try:
            return self._feedback.record(feedback, 1, act) == feedback.event
        except TryLaterError:
            return False


def _told(
    look: LastLook, account: Account, rulebook: Rulebook, brakes: Brakes, now: datetime
) -> _Document:
    not_now = why_not(look, account, rulebook, brakes, rulebook.language, now)
    if not_now:
        return {"not_now": not_now}
    zones = zones_for(rulebook, account)
    return {"allowed_until": in_zone(zones, look.until)} if look.until else {}


def _check(order: CloseTask, task: Task) -> None:
    left = outcomes(task)
    if order.outcome in left:
        return
    if task.closed_at is not None and not left:
        told = f"the task was closed before ({task.outcome})"
        raise refused("conflict", "task", told, "nothing has to be done about it")
    told = f"'{order.outcome}' cannot become of a task {task.kind}"
    raise refused("wrong", "outcome", told, f"write {' or '.join(left)}")


def _happened(order: CloseTask, zones: Sequence[str], task: Task, now: datetime) -> datetime:
    """When it was so. A day is told by its noon where the person is, or by the part of it in which
    it can have been."""
    since = task.sent_at or task.opened_at
    if order.on is not None:
        if not local_date(zones, since) <= order.on <= local_date(zones, now):
            told = "is before the task was opened, or still to come"
            raise refused("wrong", "on", told, "say on which day it was")
        zone = in_zone(zones, since).tzinfo
        noon = datetime.combine(order.on, _NOON, zone).astimezone(UTC)
        return min(max(noon, since), now)
    at = (order.at or now).astimezone(UTC)
    if not since <= at <= now:
        told = "is before the task was opened, or still to come"
        raise refused("wrong", "at", told, "say when it was")
    return at


def _number(account: Account, task: Task, order: CloseTask) -> str:
    """The telephone number that turned out to be somebody else's: the one that the caller names, or
    the task, or of a task that names none the only one on file. One that has replaced the task's
    may not be the one that was called."""
    if order.outcome != "wrong_number":
        return ""
    usable = [p for p in account.points if p.channel in _NUMBERS and not p.failed]
    known = sorted({point.address for point in usable})
    if order.number in known:
        return order.number
    asked = next((point.address for point in usable if point.point_id == task.point_id), "")
    only = known[0] if len(known) == 1 and not task.point_id else ""
    if not order.number and (asked or only):
        return asked or only
    if order.number:
        told = "no such number is on file"
    elif len(known) == 1:
        told = "the number of the task is not on file any more"
    else:
        told = "several numbers are on file, or none"
    remedy = "write the one that was called, as it is on file; of one that is gone say not_reached"
    raise refused("wrong", "number", told, remedy)


def _asked(order: CloseTask) -> _Document:
    """The request, by which a repeated act is known; the number is nobody's business there."""
    found: _Document = msgspec.to_builtins(order)
    return {name: value for name, value in found.items() if name not in ("key", "why", "number")}


def _act(cause: str, order: CloseTask, task: Task, person: Person, now: datetime) -> Act:
    about = {
        "account_id": order.account_id,
        "task_id": order.task_id,
        "task": task.kind,
        "outcome": order.outcome,
    }
    return Act(cause, now, person.who, "task_closed", order.why, about, person.role)
