"""Replan: after a change of rules, see what it means for every account that is due later.

Shard by shard of the due index, which names every account with anything open: whoever would be
looked at earlier by the rulebook that is now in force on its side is due at once, and the next run
decides. A contact that an earlier rulebook has planned and nobody has claimed yet is withdrawn and
decided again, unless accounts under way may keep that rulebook. Everything else stays where it is
and costs no write. A shard that comes twice changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Intent
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.transitions import set_aside
from escalon.domain.facts import Fact
from escalon.domain.ports import Rulebooks
from escalon.domain.rules.rollout import Rollout
from escalon.domain.storage import Change, DueItem, Stored, instant
from escalon.failures import in_short
from escalon.usecases.messages_between import ReplanShard
from escalon.usecases.runs.books import Page, Totals
from escalon.usecases.runs.feeds import FeedMarks

if TYPE_CHECKING:
    from escalon.adapters.queue import Queue
    from escalon.adapters.table import Table

PAGE = 250  # accounts that are read and written together
TRIES = 3  # looks at an account that others keep changing
TIME_TO_HAND_OVER = timedelta(seconds=20)
MOST_HOPS = 2000  # hand-overs of one shard
_EVER = datetime(9999, 1, 1, tzinfo=UTC)


class Replan:
    """Look at one shard."""

    def __init__(
        self,
        table: "Table",
        rulebooks: Rulebooks,
        own_queue: "Queue",
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._table = table
        self._rulebooks = rulebooks
        self._own_queue = own_queue
        self._report = report
        self._feeds = FeedMarks(table)

    def __call__(self, shard: ReplanShard, time_left: Callable[[], timedelta]) -> Totals:
        """Page by page until the shard is done or the time is nearly up; then hand over. In the
        totals `acted` are the accounts that are due at once, `waited` those that stay."""
        totals = Totals()
        after = cast("dict[str, Any] | None", shard.after)
        while True:
            due, reached = self._table.due(shard.shard, _EVER, limit=PAGE, after=after)
            if due:
                totals.add(self._page(shard, due))
            if reached is None:
                break
            if time_left() < TIME_TO_HAND_OVER:
                self._hand_over(shard, reached, made_progress=reached != after)
                return totals
            after = reached
        done = {"shard": shard.shard, "hops": shard.hop}
        self._table.save(self._table.put_document(f"RUN#{shard.run_id}", f"S#{shard.shard}", done))
        return totals

    def _page(self, shard: ReplanShard, due: Sequence[DueItem]) -> Totals:
        totals = Totals()
        waiting = [item.stored for item in due if item.stored is not None]
        for item in due:
            if item.stored is None:  # its own run sets it aside and tells a person
                totals.count("failed")
        for _ in range(TRIES):
            changes = []
            for stored in waiting:
                try:
                    change = self._change_for(stored, shard)
                except Exception as error:  # whatever it is, it is about this account
                    about = {"account_id": stored.account.account_id, "error": in_short(error)}
                    self._report("account_failed", about)
                    totals.count("failed")
                    continue
                if change is None:
                    totals.count("wait")
                else:
                    changes.append(change)
            moved: list[str] = []
            for change, became in zip(changes, self._table.update_many(changes), strict=True):
                if became == "done":
                    totals.count("act")
                elif became == "conflict":
                    moved.append(change.account.account_id)
                else:
                    totals.count("failed")
            waiting = list(self._table.get_many(moved).values())
            if not waiting:
                break
        for _ in waiting:
            # Whoever keeps changing it sees to its next look.
            totals.count("skip", "conflict")
        first = due[0]
        page_id = f"{shard.shard}/{first.look_at}/{first.account_id}"
        page = Page(f"{shard.run_id}/{page_id}", shard.shard, (), totals)
        self._table.save(self._table.put_document(f"RUN#{shard.run_id}", f"P#{page_id}", page))
        return totals

    def _change_for(self, stored: Stored, shard: ReplanShard) -> Change | None:
        """The account as the rules in force now want it looked at; None if it may stay as it is."""
        if not stored.look_at:
            return None
        account = stored.account
        version = shard.in_force.version_for(account)
        rulebook = self._rulebooks.get(version)
        stale = tuple(_stale(account, shard.in_force, version))
        if account.ruled_by == version and not stale:
            return None
        rest = account
        for intent in stale:
            rest = set_aside(rest, intent)
        as_of = shard.as_of
        decision = decide(rest, rulebook, as_of, self._feeds(rulebook, as_of))
        look_at = as_of if decision.outcome == "act" else decision.next_look_at
        sooner = look_at is not None and instant(look_at) < stored.look_at
        if not stale and not sooner:
            return None
        told: list[Fact] = [facts.withdrawn(intent, as_of, decision) for intent in stale]
        told.append(facts.noted("replanned", as_of, run_id=shard.run_id, rulebook=version))
        # The run decides, on its own clock: here it is only made due.
        return Change(stored, replace(rest, ruled_by=version), as_of, tuple(told))

    def _hand_over(
        self, shard: ReplanShard, reached: dict[str, Any], *, made_progress: bool
    ) -> None:
        """Go on in a new invocation from the place that was reached."""
        if not made_progress or shard.hop >= MOST_HOPS:
            self._report("handover_stopped", {"run_id": shard.run_id, "hop": shard.hop})
            return
        self._own_queue.send([msgspec.structs.replace(shard, hop=shard.hop + 1, after=reached)])


def _stale(account: Account, in_force: Rollout, version: str) -> Iterator[Intent]:
    """Contacts and tasks that a rulebook has planned which decides no longer: what was claimed has
    left, and what was decided by one that accounts may keep stands."""
    canary = in_force.on_canary(account.account_id)
    stands = {version, *(in_force.canary_keep if canary else in_force.keep)}
    for intent in account.intents:
        asks_a_person = intent.task == "unknown_fate"  # of a message that may have left
        if intent.state == "planned" and intent.rulebook not in stands and not asks_a_person:
            yield intent
