"""Undo a run: the levels, fees and tasks that it made are taken back by further entries, account by
account, and nothing is deleted (lesson L8). A message that went out cannot be unsent: a person gets
the draft of a correction.

Each account is one transaction, which finds what is left to undo from what stands there; so whoever
was cut short, or asks twice, goes on. What was undone, and what cannot be, is kept with the run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from escalon.domain import facts
from escalon.domain.account import Account, Receivable, StepRecord
from escalon.domain.audit import Act
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions.intents import intent_id
from escalon.domain.decisions.undoing import Opened, Undone, undo
from escalon.domain.local_time import local_date
from escalon.domain.payments import ledger
from escalon.domain.payments.ledger import Booking, LedgerEntry
from escalon.domain.ports import Clock, Rulebooks
from escalon.domain.rules.rulebook import Creditor
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, Stored, instant
from escalon.messages.correction import draft
from escalon.usecases.operators.acts import Person, refused
from escalon.usecases.payments.ledger_writes import all_open, booked_fact, booked_items
from escalon.usecases.runs.books import Page, Run
from escalon.usecases.runs.manage_brakes import kept, read_brakes

if TYPE_CHECKING:
    from escalon.adapters.table import Table

CORRECTION = "correction"  # the kind of the task that has a draft to approve
CORRECTION_DAYS = 1  # that a person has for it
STILL_RUNNING = timedelta(hours=1)  # a run that has not finished is not undone before
TRIES = 6

# What became of a message that may have reached its debtor, and of one that did not.
_REACHED = ("sent", "delayed", "unconfirmed", "delivered", "unknown")
_NOT_REACHED = ("failed", "rejected", "bounced", "released")

type _Document = dict[str, Any]


class UndoRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """Take back what a run did. With `sure` even if the next run would do the same again."""

    key: str
    why: str
    run_id: str
    sure: bool = False


class Undoing(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run that is taken back: who said so, and how far it is."""

    run_id: str
    key: str
    by: str
    at: datetime
    pages_done: int = 0
    finished: bool = False
    version: int = 0


class OfAccount(msgspec.Struct, omit_defaults=True):
    """What was undone of one account, in all passes, and what could not be, with the reason."""

    account_id: str
    steps: int = 0
    withdrawn: int = 0
    tasks: int = 0
    fees: int = 0
    corrections: int = 0
    not_undone: tuple[str, ...] = ()  # "<what>: <id>"


class Became(msgspec.Struct, frozen=True):
    """How far the undoing is: the sums of all accounts so far."""

    run_id: str
    finished: bool
    again: bool
    accounts: int
    steps: int
    withdrawn: int
    tasks: int
    fees: int
    corrections: int
    not_undone: tuple[str, ...]


class UndoRuns:
    """Undo. Raises ActRefusedError if nothing is done."""

    def __init__(self, table: "Table", rulebooks: Rulebooks, clock: Clock) -> None:
        self._table = table
        self._rulebooks = rulebooks
        self._clock = clock

    def __call__(
        self, order: UndoRun, person: Person, enough: Callable[[], bool] = lambda: False
    ) -> Became:
        """Go on until all is undone, or there has been enough; then ask again with the same key."""
        run = self._run(order.run_id)
        undoing, again = self._begun(order, run, person)
        pages = [
            msgspec.convert(document, Page)
            for document in self._table.documents(f"RUN#{run.run_id}", "P#")
        ]
        while undoing.pages_done < len(pages):
            for account_id in pages[undoing.pages_done].accounts:
                if enough():
                    return self._became(undoing, again=again)
                self._undo_account(account_id, run, undoing)
            done = undoing.pages_done + 1
            undoing = self._moved(undoing, done, finished=done == len(pages))
        if not undoing.finished:
            undoing = self._moved(undoing, len(pages), finished=True)
        return self._became(undoing, again=again)

    # ---------------------------------------------------------------- the run

    def _run(self, run_id: str) -> Run:
        found = self._table.load(f"RUN#{run_id}", "RUN")
        if found is None:
            raise refused("not_found", "run", "there is no such run", "take it from `escalon runs`")
        run = msgspec.convert(found, Run)
        finished = len(self._table.documents(f"RUN#{run_id}", "S#")) >= run.shards
        if not finished and self._clock.now() - run.as_of < STILL_RUNNING:
            raise refused(
                "conflict", "run", "the run is still under way", "stop it first: `escalon stop`"
            )
        return run

    def _begun(self, order: UndoRun, run: Run, person: Person) -> tuple[Undoing, bool]:
        """How far it is, begun if nobody has; the act stands in the audit log once."""
        key = (f"RUN#{run.run_id}", "UNDO")
        for _ in range(TRIES):
            found = self._table.load(*key)
            if found is not None:
                return msgspec.convert(found, Undoing), True
            same_rules = self._rulebooks.rollout().live == run.rulebook
            if same_rules and not read_brakes(self._table).brakes and not order.sure:
                raise refused(
                    "conflict",
                    "sure",
                    "the same rules are in force and nothing is stopped: the next run would do the "
                    "same again",
                    "stop first (`escalon stop`), roll the rules back, or send it with `sure`",
                )
            now = self._clock.now()
            undoing = Undoing(run.run_id, order.key, person.who, now, version=1)
            about = {"run_id": run.run_id}
            act = Act(order.key, now, person.who, "run_undone", order.why, about, person.role)
            put = self._table.put_document(*key, undoing)
            try:
                self._table.transact(self._table.versioned(put, 0), *kept(self._table, act, about))
            except (ConflictError, AlreadyDoneError):
                continue
            return undoing, False
        raise refused("conflict", "key", "another act has this key", "give every act its own key")

    def _moved(self, undoing: Undoing, pages_done: int, *, finished: bool) -> Undoing:
        after = msgspec.structs.replace(
            undoing, pages_done=pages_done, finished=finished, version=undoing.version + 1
        )
        put = self._table.put_document(f"RUN#{undoing.run_id}", "UNDO", after)
        self._table.replace(put, undoing.version)
        return after

    def _became(self, undoing: Undoing, *, again: bool) -> Became:
        parts = [
            msgspec.convert(document, OfAccount)
            for document in self._table.documents(f"RUN#{undoing.run_id}", "U#")
        ]
        return Became(
            undoing.run_id,
            undoing.finished,
            again,
            sum(1 for p in parts if p.steps or p.withdrawn or p.tasks or p.fees or p.corrections),
            sum(part.steps for part in parts),
            sum(part.withdrawn for part in parts),
            sum(part.tasks for part in parts),
            sum(part.fees for part in parts),
            sum(part.corrections for part in parts),
            tuple(f"{part.account_id}: {what}" for part in parts for what in part.not_undone),
        )

    # ---------------------------------------------------------------- one account

    def _undo_account(self, account_id: str, run: Run, undoing: Undoing) -> None:
        for _ in range(TRIES):
            stored = self._table.get(account_id)
            if stored is None or not _may_have(stored.account, run):
                return
            try:
                self._try(stored, run, undoing)
            except ConflictError:
                continue
            return
        raise refused(
            "conflict", "", "others keep changing an account", "send it again with the same key"
        )

    def _try(self, stored: Stored, run: Run, undoing: Undoing) -> None:
        account = stored.account
        pk = f"A#{account.account_id}"
        messages = _of_run(self._table.documents(pk, "M#"), run.run_id)
        tasks = [t for t in _of_run(self._table.documents(pk, "T#"), run.run_id) if _is_open(t)]
        told_others = self._told_others(account, run)
        settled = {m["message_id"] for m in messages} | {t["task_id"] for t in tasks}
        settled |= {m["message_id"] for _, sent in told_others for m in sent}
        found = undo(account, run.run_id, settled, [msgspec.convert(t, Opened) for t in tasks])
        now = self._clock.now()
        fees, account, not_undone = self._fees(found, run, now)
        corrections, impossible = self._corrections(account, messages, now)
        for person, sent in told_others:
            more, listed = self._corrections(person, sent, now)
            corrections += more
            impossible += listed
        for intent in account.intents:
            if intent.run_id == run.run_id and intent.state == "sending":
                not_undone.append(f"under way at the carrier: {intent.intent_id}")
        not_undone.extend(impossible)
        part = self._part(account.account_id, run.run_id)
        part.steps += len(found.steps)
        part.withdrawn += len(found.withdrawn)
        part.tasks += len(tasks)
        part.fees += len(fees.entries)
        part.corrections += len(corrections)
        before = part.not_undone
        part.not_undone = tuple(dict.fromkeys((*before, *not_undone)))
        undone = found.steps or found.followed or found.withdrawn or tasks
        if not (undone or fees.entries or corrections):
            if part.not_undone != before:
                self._table.save(self._put_part(run.run_id, part))
            return
        fact = facts.noted(
            "undone",
            now,
            run_id=run.run_id,
            by=undoing.by,
            act=undoing.key,
            steps=[
                {"receivable_id": r, "step": s, "intent_id": i.intent_id} for r, s, i in found.steps
            ],
            **({"followed": [i.intent_id for i in found.followed]} if found.followed else {}),
            withdrawn=[intent.intent_id for intent in found.withdrawn],
            tasks=[task["task_id"] for task in tasks],
        )
        look_at = now if account.receivables or account.intents else None
        self._table.update(
            Change(stored, account, look_at, (fact, *booked_fact(fees, now))),
            *booked_items(self._table, account.account_id, fees),
            *(
                self._table.put_document(
                    pk,
                    f"T#{task['task_id']}",
                    {**task, "closed_at": now, "outcome": "undone", "closed_by": undoing.by},
                )
                for task in tasks
            ),
            *corrections,
            self._put_part(run.run_id, part),
        )

    def _told_others(self, account: Account, run: Run) -> list[tuple[Account, list[_Document]]]:
        """The run's messages about the account's debts to co-debtors and guarantors, which stand
        with those; also with those who are linked no more."""
        others = dict.fromkeys(link.account_id for link in account.links)
        others |= dict.fromkeys(key.rsplit("/", 1)[1] for key in account.followed)
        told: list[tuple[Account, list[_Document]]] = []
        for other in others:
            stored = self._table.get(other)
            if stored is None:
                continue
            sent = _of_run(self._table.documents(f"A#{other}", "M#"), run.run_id)
            sent = [m for m in sent if m.get("debtor_id") == account.account_id]
            if sent:
                told.append((stored.account, sent))
        return told

    def _fees(self, found: Undone, run: Run, now: datetime) -> tuple[Booking, Account, list[str]]:
        """The fees of the steps given back, as far as they are still open; the rest was paid, and
        is a person's to refund."""
        account = found.account
        charged = [
            (receivable_id, step)
            for receivable_id, step, _ in found.steps
            if any(
                r.receivable_id == receivable_id and step in r.charged for r in account.receivables
            )
        ]
        if not charged:
            return Booking(account, (), ()), account, []
        whole = ledger.whole(account, all_open(self._table, account))
        entries: list[LedgerEntry] = []
        changed: dict[str, Receivable] = {}
        not_undone: list[str] = []
        booked = self._table.entries(account.account_id)
        for receivable_id, step in charged:
            cost = _fee_of(booked, receivable_id, step, run.as_of)
            receivable = next(r for r in whole.receivables if r.receivable_id == receivable_id)
            if cost is None:
                continue
            back = ledger.give_back_fee(
                whole, receivable, step, cost.amount_minor, now, f"undo of {cost.entry_id}"
            )
            whole = back.account
            changed.update({r.receivable_id: r for r in back.changed})
            entries.extend(back.entries)
            if -sum(entry.amount_minor for entry in back.entries) < cost.amount_minor:
                not_undone.append(f"a fee that was paid: {cost.entry_id}")
        after = ledger.embed(whole, whole.receivables)
        return Booking(after, tuple(changed.values()), tuple(entries)), after, not_undone

    def _corrections(
        self, account: Account, messages: Sequence[_Document], now: datetime
    ) -> tuple[list[_Document], list[str]]:
        """The tasks with a draft for what went out; and what nothing can be said about."""
        puts: list[_Document] = []
        impossible: list[str] = []
        live = self._rulebooks.get(self._rulebooks.live())
        for message in messages:
            message_id, state = str(message["message_id"]), str(message["state"])
            task_id = intent_id(account.account_id, message_id, CORRECTION)
            if state in _NOT_REACHED or state == "sending":
                continue
            if state not in _REACHED:
                impossible.append(f"{state}, nothing may follow it: {message_id}")
                continue
            if self._table.load(f"A#{account.account_id}", f"T#{task_id}") is not None:
                continue
            rulebook = self._rulebooks.get(str(message["rulebook"]))
            creditor: Creditor = rulebook.creditors[str(message["creditor"])]
            claimed_at = datetime.fromisoformat(str(message["claimed_at"]))
            zones = zones_for(live, account)
            words = draft(
                name=account.name,
                language=account.language or live.language,
                channel=str(message["channel"]),
                sent_on=local_date(zones, claimed_at),
                creditor=creditor.name,
                email=creditor.reply_to,
                phone=creditor.phone,
            )
            due_at = now + timedelta(days=CORRECTION_DAYS)
            task = {
                "task_id": task_id,
                "account_id": account.account_id,
                "kind": CORRECTION,
                "creditor": creditor.creditor,
                "receivable_id": "",
                "step": str(message["step"]),
                "stage": str(message["stage"]),
                "channel": str(message["channel"]),
                "about": message_id,
                "draft": msgspec.to_builtins(words),
                "opened_at": now,
                "due_at": due_at,
                "run_id": "",
            }
            puts.append(
                self._table.put_document(
                    f"A#{account.account_id}",
                    f"T#{task_id}",
                    task,
                    due_shard="tasks",
                    look_at=instant(due_at),
                )
            )
        return puts, impossible

    def _part(self, account_id: str, run_id: str) -> OfAccount:
        found = self._table.load(f"RUN#{run_id}", f"U#{account_id}")
        return msgspec.convert(found, OfAccount) if found else OfAccount(account_id)

    def _put_part(self, run_id: str, part: OfAccount) -> _Document:
        return self._table.put_document(f"RUN#{run_id}", f"U#{part.account_id}", part)


def _of_run(documents: Iterable[_Document], run_id: str) -> list[_Document]:
    return [document for document in documents if document.get("run_id") == run_id]


def _is_open(task: Mapping[str, Any]) -> bool:
    # What became of a message is still to be found out, whoever undoes what.
    return "closed_at" not in task and task["kind"] != "unknown_fate"


def _may_have(account: Account, run: Run) -> bool:
    """Whether the run may have done something to the account, as its document shows."""
    since = run.as_of
    return (
        any(intent.run_id == run.run_id for intent in account.intents)
        or any(contact.at >= since for contact in account.contacts)
        or any(
            at is not None and at >= since
            for ladder in account.ladders.values()
            for at in (ladder.last_at, ladder.ended_at)
        )
        or any(record.at >= since for record in _records(account))
        or bool(account.exceptions)
        or bool(account.links)  # what went to others does not all show
    )


def _records(account: Account) -> Iterable[StepRecord]:
    for receivable in account.receivables:
        yield from receivable.steps.values()
    yield from account.reminded.values()
    yield from account.followed.values()


def _fee_of(
    entries: Iterable[LedgerEntry], receivable_id: str, step: str, since: datetime
) -> LedgerEntry | None:
    """The latest charge of the step's fee, if it was charged by the run or after it."""
    cause = f"fee of {step}"
    charges = [
        entry
        for entry in entries
        if entry.kind == "fee"
        and entry.receivable_id == receivable_id
        and entry.amount_minor > 0
        and (entry.cause == cause or entry.cause.startswith(f"{cause}, again "))
        and entry.booked_at >= since
    ]
    return max(charges, key=lambda entry: entry.booked_at, default=None)
