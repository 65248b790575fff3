"""Escalate: look at every account of one shard that is due, decide, and write it once.

Page by page: the due index gives whole accounts, `decide` answers, one conditional write per
account carries the answer (25 to a request). Contacts that were decided go to their delivery queues
after the write: a queue message that is lost is found again by a later run.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from escalon.domain import facts
from escalon.domain.account import Account, Intent, Receivable
from escalon.domain.contact.brakes import NO_BRAKES, Brakes
from escalon.domain.contact.channels import MESSAGE_CHANNELS
from escalon.domain.decisions.by_channel import NO_FEEDS
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.engine import UNHEARD, decide
from escalon.domain.decisions.transitions import plan
from escalon.domain.identity import issue_list
from escalon.domain.ports import Rulebooks
from escalon.domain.rules.experiments import entered
from escalon.domain.rules.rollout import Rollout
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, DueItem, Stored
from escalon.failures import in_short
from escalon.usecases.agreements.writes import pass_time
from escalon.usecases.contact.co_debtors import LinkedAccounts
from escalon.usecases.messages_between import ShardOfRun, ToDeliver
from escalon.usecases.payments.book_payments import settle_with_credit, spread
from escalon.usecases.payments.ledger_writes import issue
from escalon.usecases.runs.books import SILENCED, Page, Totals, run_mark, run_of
from escalon.usecases.runs.feeds import FeedMarks
from escalon.usecases.runs.manage_brakes import read_brakes
from escalon.usecases.runs.pace import Pace, hidden_seconds

if TYPE_CHECKING:
    from escalon.adapters.queue import Queue
    from escalon.adapters.table import Table

PAGE = 250  # accounts that are read and written together
TRIES = 3  # decisions about one account that others keep changing
SET_ASIDE = timedelta(days=1)  # an account that cannot be decided about rests so long
# What an account's data fail with where the table is written; anything else is the world's fault.
_BAD_DATA = (
    msgspec.MsgspecError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    AlreadyDoneError,
)
# How many messages of which the carrier says nothing one look at a shard puts on the list. More at
# once is the carrier's silence and no matter of each, and is told once.
MOST_LISTED = 20
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
        self._feeds = FeedMarks(table)
        self._pace = Pace(table, rulebooks)
        self._brakes = NO_BRAKES
        self._listed = 0
        self._linked = LinkedAccounts(table)

    def __call__(self, shard: ShardOfRun, time_left: Callable[[], timedelta]) -> Totals:
        """Look at the shard until nothing is due or the time is nearly up; then hand over."""
        self._rulebooks.get(shard.rulebook)  # if it cannot be read, nothing is begun
        self._close_open_pages(shard)
        totals = Totals()
        self._listed = 0
        worker = f"{shard.run_id}/{shard.shard}/{self._new_id()}"
        conflicts: set[str] = set()
        number = count()
        # First what is issued today: its accounts are due then, and are looked at in this run.
        for listing in (issue_list(shard.shard), shard.shard):
            after: dict[str, Any] | None = None
            while True:
                due, after = self._table.due(listing, shard.as_of, limit=PAGE, after=after)
                if due:
                    page_id = f"{worker}/{next(number):04d}"
                    totals.add(self._page(shard, due, page_id, conflicts))
                if after is None:
                    break
                if time_left() < timedelta(seconds=20):
                    self._hand_over(shard, made_progress=totals.looked_at + totals.issued > 0)
                    return totals
        if conflicts:
            # Counted at the very end, since until then another try may have gone through.
            left = Totals(looked_at=len(conflicts), skipped={"conflict": len(conflicts)})
            self._save_page(Page(f"{worker}/conflicts", shard.shard, (), left))
            totals.add(left)
        self._finish(shard)
        return totals

    # ---------------------------------------------------------------- one page

    def _page(
        self,
        shard: ShardOfRun,
        due: Sequence[DueItem],
        page_id: str,
        conflicts: set[str],
    ) -> Totals:
        totals = Totals()
        self._brakes = read_brakes(self._table)  # a stop holds from the next page on
        linked = [one.stored.account for one in due if one.stored and one.stored.account.links]
        by = [self._rulebooks.get(shard.in_force.version_for(account)) for account in linked]
        self._linked.read(list(zip(linked, by, strict=True)))
        changes: list[Change] = []
        bad: list[tuple[DueItem, str]] = []
        for item in due:
            if item.receivable is not None:
                try:
                    totals.issued += self._issue(item, item.receivable, shard)
                except _BAD_DATA as error:
                    totals.not_issued += self._set_aside(item, in_short(error), shard, page_id)
            elif item.stored is None:
                bad.append((item, item.broken))
            elif not _counted(item.stored, shard) and item.account_id not in conflicts:
                decided = self._decided(item.stored, shard, page_id)
                if isinstance(decided, Change):
                    changes.append(decided)
                else:
                    bad.append((item, decided))
        if not changes and not bad and not totals.issued and not totals.not_issued:
            return totals
        accounts = (*(c.account.account_id for c in changes), *(i.account_id for i, _ in bad))
        page = Page(page_id, shard.shard, accounts)
        self._save_page(page)
        changes = self._pace(changes, shard.as_of, self._linked)
        written, refused = self._write(changes, shard, page_id, conflicts)
        for change in written:
            _, outcome, reason = run_of(change.run)
            totals.count(outcome, reason)
        for item, why in (*bad, *refused):
            if self._set_aside(item, why, shard, page_id):
                totals.count("failed")
        self._enqueue(written, shard.as_of)
        self._save_page(msgspec.structs.replace(page, totals=totals))
        return totals

    def _decided(self, stored: Stored, shard: ShardOfRun, page_id: str) -> Change | str:
        """The account's next version, or why it could not be decided about. Payments that were
        booked in part, when somebody was cut short, are finished first; credit settles what has
        come to be owed since; and what time has made of agreements is written."""
        in_force = shard.in_force
        rulebook = self._rulebooks.get(in_force.version_for(stored.account))
        account = stored.account
        if account.spreading or account.credits or account.agreements:
            try:
                stored = spread(self._table, stored, rulebook, shard.as_of)
                stored = settle_with_credit(self._table, stored, rulebook, shard.as_of)
                stored = pass_time(self._table, stored, rulebook, shard.as_of)
            except ConflictError:
                pass  # so its own write is a conflict too, and it is read again
            except _BAD_DATA as error:
                return in_short(error)
        feeds = self._feeds(rulebook, shard.as_of)
        try:
            change = change_for(
                stored,
                rulebook,
                shard.as_of,
                shard.run_id,
                page_id,
                feeds,
                self._brakes,
                self._linked.of(stored.account, rulebook),
                listing=self._listed < MOST_LISTED,
            )
        except Exception as error:  # a pure function: whatever it is, it is about this account
            return in_short(error)
        self._count_listed(change, shard)
        return on_its_rulebook(change, in_force)

    def _count_listed(self, change: Change, shard: ShardOfRun) -> None:
        if any(reason["code"] in UNHEARD for reason in change.facts[0]["reasons"]):
            self._listed += 1
            if self._listed == MOST_LISTED:
                self._report("carrier_silent", {"run_id": shard.run_id, "shard": shard.shard})

    def _write(
        self,
        changes: Sequence[Change],
        shard: ShardOfRun,
        page_id: str,
        conflicts: set[str],
    ) -> tuple[list[Change], list[tuple[DueItem, str]]]:
        """Write all; what did not go through is read again and decided again, three times at most.
        What was written, and what never can be; `conflicts` are those that others keep changing."""
        written: list[Change] = []
        refused: list[tuple[DueItem, str]] = []
        for _ in range(TRIES):
            moved: list[str] = []
            results = self._table.update_many(changes)
            for change, became in zip(changes, results, strict=True):
                account_id = change.account.account_id
                if became == "done":
                    written.append(change)
                elif became == "conflict":
                    moved.append(account_id)
                else:
                    refused.append((_due_item(change.stored), "the account cannot be written"))
            changes = []
            for stored in self._table.get_many(moved).values():
                if run_of(stored.run)[0] == page_id:
                    # The client repeated our own write: it had gone through.
                    written.append(Change(stored, stored.account, None, (), stored.run))
                elif not _counted(stored, shard):
                    decided = self._decided(stored, shard, page_id)
                    if isinstance(decided, Change):
                        changes.append(decided)
                    else:
                        refused.append((_due_item(stored), decided))
            if not changes:
                return written, refused
        conflicts.update(change.account.account_id for change in changes)
        return written, refused

    def _enqueue(self, written: Sequence[Change], as_of: datetime) -> None:
        """Put what was decided on the delivery queues, hidden until its turn. Failing here loses
        nothing: the account stays due until its intent is settled."""
        by_queue: dict[str, list[tuple[ToDeliver, int]]] = {}
        for change in written:
            for intent in change.account.intents:
                if intent.state == "planned" and run_of(change.run)[1] == "act":
                    message = ToDeliver(change.account.account_id, intent.intent_id)
                    hidden = hidden_seconds(intent, as_of)
                    if hidden is not None:
                        by_queue.setdefault(queue_of(intent), []).append((message, hidden))
        for name, messages in by_queue.items():
            try:
                self._delivery[name].send(*zip(*messages, strict=True))
            except Exception as error:
                self._report("enqueue_failed", {"queue": name, "error": type(error).__name__})

    def _set_aside(self, item: DueItem, why: str, shard: ShardOfRun, page_id: str) -> bool:
        self._report("account_failed", {"account_id": item.account_id, "error": why})
        mark = run_mark(page_id, "failed")
        return self._table.set_aside(item, shard.as_of + SET_ASIDE, why, mark)

    # ---------------------------------------------------- receivables that begin

    def _issue(self, item: DueItem, receivable: Receivable, shard: ShardOfRun) -> int:
        """A receivable whose issue date has come becomes part of its account."""
        begun = datetime.fromisoformat(item.look_at)
        for _ in range(TRIES):
            stored = self._table.get(item.account_id)
            if stored is None:
                raise LookupError("a receivable without its account")
            try:
                issue(self._table, stored, receivable, booked_at=begun, now=shard.as_of)
            except ConflictError:
                continue
            return 1
        return 0  # it stays due; the next run goes on

    # ---------------------------------------------------------------- books

    def _close_open_pages(self, shard: ShardOfRun) -> None:
        """Count what a crash left uncounted, before anything overwrites the accounts' marks: the
        pages of this run, and of earlier ones whose message has not come back yet."""
        for listed in self._table.listed(_open(shard.shard)):
            page_id = msgspec.convert(listed, Page).page_id
            found = self._table.load(*_page_key(page_id))  # the index may be behind
            page = msgspec.convert(found, Page) if found else None
            if page is None or page.totals is not None:
                continue
            totals = Totals()
            for mark in self._table.run_marks(page.accounts).values():
                marked, outcome, reason = run_of(mark)
                if marked == page.page_id:
                    totals.count(outcome, reason)
            self._save_page(msgspec.structs.replace(page, totals=totals))

    def _save_page(self, page: Page) -> None:
        """Open or close a page; while it is open it stands on its shard's list."""
        keys: dict[str, Any] = {}
        if page.totals is None:
            keys = {"due_shard": _open(page.shard), "look_at": page.page_id}
        self._table.save(self._table.put_document(*_page_key(page.page_id), page, **keys))

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
    stored: Stored,
    rulebook: Rulebook,
    as_of: datetime,
    run_id: str,
    page_id: str,
    feeds: Mapping[str, datetime] = NO_FEEDS,
    brakes: Brakes = NO_BRAKES,
    linked: Mapping[str, Account] | None = None,
    *,
    listing: bool = True,
) -> Change:
    """One account's next version: what is decided about it, and the fact that says so."""
    decision = decide(stored.account, rulebook, as_of, feeds, brakes, linked, listing=listing)
    return Change(
        stored,
        entered(plan(stored.account, decision, run_id), rulebook, decision.trials, decision.as_of),
        decision.next_look_at,
        (facts.decided(decision, run_id),),
        run_mark(page_id, decision.outcome, _counted_reason(decision)),
    )


def on_its_rulebook(change: Change, in_force: Rollout) -> Change:
    """The change, with the version that the account is on from now on: the one that decided, or the
    one in force on its side once a further step was decided by one that it had kept."""
    account = change.account
    took = {intent.intent_id for intent in change.stored.account.intents}
    steps = any(i.step and not i.about and i.intent_id not in took for i in account.intents)
    version = in_force.side_of(account.account_id) if steps else in_force.version_for(account)
    if account.ruled_by == version:
        return change
    return msgspec.structs.replace(
        change, account=msgspec.structs.replace(account, ruled_by=version)
    )


def queue_of(intent: Intent) -> str:
    """The delivery queue of an intent."""
    if intent.task or intent.channel not in MESSAGE_CHANNELS:
        return "task"
    return intent.channel


def _counted_reason(decision: Decision) -> str:
    """The reason that a run's books tell beside the outcome: of what was skipped, and of a wait
    that only a person can end."""
    if decision.outcome == "skip":
        return decision.reasons[0].code
    lacking = decision.outcome == "wait" and any(r.code == SILENCED for r in decision.reasons)
    return SILENCED if lacking else ""


def _counted(stored: Stored, shard: ShardOfRun) -> bool:
    """Whether this run has decided about the account already: the index may be stale, and the
    message may have come twice."""
    return run_of(stored.run)[0].partition("/")[0] == shard.run_id


def _due_item(stored: Stored) -> DueItem:
    return DueItem(stored.account.account_id, stored.look_at, stored=stored)


def _open(shard: str) -> str:
    return f"open#{shard}"


def _page_key(page_id: str) -> tuple[str, str]:
    run_id, _, rest = page_id.partition("/")
    return f"RUN#{run_id}", f"P#{rest}"
