"""Escalate: look at every account of one shard that is due, decide, and write it once.

Page by page: the due index gives whole accounts, `decide` answers, one conditional write per account
carries the answer (25 to a request). Contacts that were decided go to their delivery queues after
the write, so a lost queue message is found again by a later run, and never the other way round.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from escalon.domain import facts
from escalon.domain.account import Account, Intent
from escalon.domain.decision import Decision
from escalon.domain.engine import MESSAGE_CHANNELS, decide
from escalon.domain.ports import Rulebooks
from escalon.domain.rulebook import Rulebook
from escalon.domain.storage import (
    AlreadyDoneError,
    Change,
    ConflictError,
    DueItem,
    Stored,
)
from escalon.domain.transitions import plan
from escalon.usecases.ledger_writes import issue
from escalon.usecases.messages_between import ShardOfRun, ToDeliver
from escalon.usecases.runs import Page, Totals, run_mark, run_of

if TYPE_CHECKING:
    from escalon.adapters.queue import Queue
    from escalon.adapters.table import Table

PAGE = 100  # accounts that are read and written together
TRIES = 3  # decisions about one account that others keep changing
SET_ASIDE = timedelta(days=1)  # an account that cannot be decided about rests so long
MOST_HOPS = 2000  # hand-overs of one shard: 2,000 × several minutes is far beyond any real run


class Escalate:
    """Decide about everything due in one shard, as of the run's instant."""

    def __init__(
        self,
        table: "Table",
        rulebooks: Rulebooks,
        delivery: "dict[str, Queue]",
        own_queue: "Queue",
        new_id: Callable[[], str],
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._table = table
        self._rulebooks = rulebooks
        self._delivery = delivery
        self._own_queue = own_queue
        self._new_id = new_id
        self._report = report

    def __call__(self, shard: ShardOfRun, time_left: Callable[[], timedelta]) -> Totals:
        """Look at the shard until nothing is due or the time is nearly up; then hand over."""
        rulebook = self._rulebooks.get(shard.rulebook)
        totals = Totals()
        worker = self._new_id()
        for page in self._open_pages(shard):
            self._recount(shard, page)
        after: dict[str, Any] | None = None
        number = issued = 0
        while True:
            due, after = self._table.due(shard.shard, shard.as_of, limit=PAGE, after=after)
            if due:
                page_id = f"{shard.run_id}/{shard.shard}/{worker}/{number:04d}"
                totals.add(self._page(shard, rulebook, due, page_id))
                number += 1
            if after is None:
                if totals.issued == issued:
                    self._finish(shard)
                    return totals
                issued = totals.issued  # accounts that got a receivable are due now: look again
            if time_left() < timedelta(seconds=20):
                self._hand_over(shard, made_progress=number > 0)
                return totals

    # ---------------------------------------------------------------- one page

    def _page(
        self, shard: ShardOfRun, rulebook: Rulebook, due: Sequence[DueItem], page_id: str
    ) -> Totals:
        totals = Totals()
        changes: list[Change] = []
        for item in due:
            if item.receivable is not None:
                totals.issued += self._issue(item, shard.as_of)
            elif item.stored is None:
                self._set_aside(item, item.broken, shard, totals)
            elif not self._counted(item.stored, shard):
                change = self._decided(item, rulebook, shard, page_id, totals)
                if change is not None:
                    changes.append(change)
        if not changes and not totals.looked_at and not totals.issued:
            return totals
        accounts = tuple(change.account.account_id for change in changes)
        page = Page(page_id, shard.shard, accounts)
        self._save_page(shard, page)
        written = self._write(changes, rulebook, shard, page_id)
        for change in written:
            _, outcome, reason = run_of(change.run)
            totals.count(outcome, reason)
        self._enqueue(written)
        self._save_page(shard, msgspec.structs.replace(page, totals=totals))
        return totals

    def _decided(
        self,
        item: DueItem,
        rulebook: Rulebook,
        shard: ShardOfRun,
        page_id: str,
        totals: Totals,
    ) -> Change | None:
        """The account's next version; None if it could not be decided about (invariant 9)."""
        if item.stored is None:
            return None
        try:
            return change_for(item.stored, rulebook, shard.as_of, shard.run_id, page_id)
        except Exception as error:  # noqa: BLE001 - one bad account must stop nobody
            self._set_aside(item, f"{type(error).__name__}: {error}", shard, totals)
            return None

    def _write(
        self, changes: Sequence[Change], rulebook: Rulebook, shard: ShardOfRun, page_id: str
    ) -> list[Change]:
        """Write all; what did not go through is read again and decided again, three times at most."""
        written: list[Change] = []
        for attempt in range(TRIES):
            results = self._table.update_many(changes)
            written.extend(c for c, done in zip(changes, results, strict=True) if done)
            failed = [c for c, done in zip(changes, results, strict=True) if not done]
            if not failed:
                return written
            now = self._table.get_many([change.account.account_id for change in failed])
            again: list[Change] = []
            for change in failed:
                stored = now.get(change.account.account_id)
                if stored is None:
                    continue
                if run_of(stored.run)[0] == page_id:
                    # The client repeated our own write: it had gone through.
                    written.append(msgspec.structs.replace(change, account=stored.account))
                elif not self._counted(stored, shard):
                    again.append(change_for(stored, rulebook, shard.as_of, shard.run_id, page_id))
            changes = again
            if not changes:
                return written
            if attempt == TRIES - 1:
                mark = run_mark(page_id, "skip", "conflict")
                written.extend(
                    msgspec.structs.replace(change, run=mark, account=_without_intents(change))
                    for change in changes
                )
        return written

    def _counted(self, stored: Stored, shard: ShardOfRun) -> bool:
        """Whether this run has decided about the account already: the index may be stale, and the
        message may have come twice."""
        return run_of(stored.run)[0].partition("/")[0] == shard.run_id

    def _enqueue(self, written: Sequence[Change]) -> None:
        """Put what was decided on the delivery queues. Failing here loses nothing: the account stays
        due until its intent is settled."""
        by_queue: dict[str, list[ToDeliver]] = {}
        for change in written:
            for intent in change.account.intents:
                if intent.state == "planned" and run_of(change.run)[1] == "act":
                    message = ToDeliver(change.account.account_id, intent.intent_id)
                    by_queue.setdefault(queue_of(intent), []).append(message)
        for name, messages in by_queue.items():
            try:
                self._delivery[name].send(messages)
            except Exception as error:  # noqa: BLE001 - see above
                self._report("enqueue_failed", {"queue": name, "error": type(error).__name__})

    def _set_aside(self, item: DueItem, why: str, shard: ShardOfRun, totals: Totals) -> None:
        self._report("account_failed", {"account_id": item.account_id, "error": why})
        self._table.set_aside(item, shard.as_of + SET_ASIDE, why)
        totals.count("failed")

    # ---------------------------------------------------- receivables that begin

    def _issue(self, item: DueItem, as_of: datetime) -> int:
        """A receivable whose issue date has come becomes part of its account."""
        if item.receivable is None:
            return 0
        for _ in range(TRIES):
            stored = self._table.get(item.account_id)
            if stored is None:
                return 0
            begun = datetime.fromisoformat(item.look_at)
            try:
                issue(self._table, stored, item.receivable, booked_at=begun, now=as_of)
            except ConflictError:
                continue
            except AlreadyDoneError:
                return 0
            return 1
        return 0

    # ---------------------------------------------------------------- books

    def _open_pages(self, shard: ShardOfRun) -> Iterable[Page]:
        documents = self._table.documents(f"RUN#{shard.run_id}", f"P#{shard.shard}/")
        pages = (msgspec.convert(document, Page) for document in documents)
        return [page for page in pages if page.totals is None]

    def _save_page(self, shard: ShardOfRun, page: Page) -> None:
        name = page.page_id.partition("/")[2]
        document = msgspec.to_builtins(page)
        self._table.save(self._table.put_document(f"RUN#{shard.run_id}", f"P#{name}", document))

    def _recount(self, shard: ShardOfRun, page: Page) -> None:
        """Close a page that a crash left open: count the accounts that it did write."""
        totals = Totals()
        for stored in self._table.get_many(page.accounts).values():
            page_id, outcome, reason = run_of(stored.run)
            if page_id == page.page_id:
                totals.count(outcome, reason)
        self._save_page(shard, msgspec.structs.replace(page, totals=totals))

    def _finish(self, shard: ShardOfRun) -> None:
        done = {"shard": shard.shard, "hops": shard.hop}
        self._table.save(self._table.put_document(f"RUN#{shard.run_id}", f"S#{shard.shard}", done))

    def _hand_over(self, shard: ShardOfRun, *, made_progress: bool) -> None:
        """Go on in a new invocation. What was written has left the due index, so it starts afresh;
        a chain that makes no progress, or is far too long, ends here and the next run goes on."""
        if not made_progress or shard.hop >= MOST_HOPS:
            self._report("handover_stopped", {"run_id": shard.run_id, "hop": shard.hop})
            return
        self._own_queue.send([msgspec.structs.replace(shard, hop=shard.hop + 1)])


def change_for(
    stored: Stored, rulebook: Rulebook, as_of: datetime, run_id: str, page_id: str
) -> Change:
    """One account's next version: what is decided about it, and the fact that says so."""
    decision = decide(stored.account, rulebook, as_of)
    return Change(
        stored,
        plan(stored.account, decision, run_id),
        decision.next_look_at,
        (facts.decided(decision, run_id),),
        run_mark(page_id, decision.outcome, _skip_reason(decision)),
    )


def queue_of(intent: Intent) -> str:
    """The delivery queue of an intent."""
    if intent.task or intent.channel not in MESSAGE_CHANNELS:
        return "task"
    return intent.channel


def _skip_reason(decision: Decision) -> str:
    return decision.reasons[0].code if decision.outcome == "skip" else ""


def _without_intents(change: Change) -> Account:
    return msgspec.structs.replace(change.account, intents=())
