"""Pace: the messages that a page of a run has decided take their turns, so that many which come due
at once leave over the hours in which they may (domain/pacing.py).

Whose turn is within a quarter of an hour is put on its queue hidden until then. Whose turn is later
stands planned until the run before it; whose turn would come after the contact window has closed is
not planned today. Without caps and without a carrier's quota nothing waits.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Intent
from escalon.domain.contact_facts import zones_for
from escalon.domain.contact_policy import Allow, evaluate
from escalon.domain.engine import MESSAGE_CHANNELS, settle_by
from escalon.domain.pacing import (
    ANY,
    QUEUED_AHEAD,
    Buckets,
    Quota,
    closes_at,
    interval,
    turns,
)
from escalon.domain.ports import Rulebooks
from escalon.domain.rulebook import Rulebook
from escalon.domain.storage import Change, ConflictError
from escalon.domain.transitions import set_aside
from escalon.usecases.runs import run_mark, run_of

if TYPE_CHECKING:
    from escalon.adapters.table import Table

TRIES = 12  # of many shards that take turns at once
QUOTA_BELIEVED = timedelta(hours=2)  # a quota that nobody could read for longer says nothing
_AT_ONCE = timedelta(seconds=1)


class Pace:
    """Give turns."""

    def __init__(self, table: "Table", rulebooks: Rulebooks) -> None:
        self._table = table
        self._rulebooks = rulebooks
        self._read: dict[tuple[str, datetime], Quota | None] = {}

    def __call__(self, changes: Sequence[Change], as_of: datetime) -> list[Change]:
        """The changes, those with a new message at its turn."""
        paced = list(changes)
        by_channel: dict[str, list[tuple[int, Intent]]] = {}
        for number, change in enumerate(paced):
            intent = _new_message(change)
            if intent is not None:
                by_channel.setdefault(intent.channel, []).append((number, intent))
        for channel, found in by_channel.items():
            rulebook = self._rulebooks.get(found[0][1].rulebook)
            quota = self._quota(channel, as_of)
            if not rulebook.caps and quota is None:
                continue
            closes = _window_closes(paced[found[0][0]].account, found[0][1], rulebook, as_of)
            creditors = [intent.creditor for _, intent in found]
            intervals = {
                name: span
                for name in (ANY, *dict.fromkeys(creditors))
                if (
                    span := interval(
                        rulebook.caps,
                        quota,
                        channel=channel,
                        creditor="" if name == ANY else name,
                        rest=closes - as_of,
                    )
                )
            }
            if not intervals:
                continue
            taken = self._turns(channel, creditors, intervals, as_of)
            for (number, intent), turn in zip(found, taken, strict=True):
                paced[number] = _at_its_turn(paced[number], intent, turn, closes, as_of)
        return paced

    def _quota(self, channel: str, as_of: datetime) -> Quota | None:
        """What the carrier of a channel takes, read once for the run of that instant."""
        if (channel, as_of) not in self._read:
            self._read = {key: kept for key, kept in self._read.items() if key[1] == as_of}
            self._read[channel, as_of] = read_quota(self._table, channel, as_of)
        return self._read[channel, as_of]

    def _turns(
        self,
        channel: str,
        creditors: Sequence[str],
        intervals: Mapping[str, timedelta],
        as_of: datetime,
    ) -> tuple[datetime, ...]:
        key = (f"PACE#{channel}", "PACE")
        taken: tuple[datetime, ...] = ()
        for _ in range(TRIES):
            found = self._table.load(*key)
            before = msgspec.convert(found, Buckets) if found else Buckets(channel)
            taken, after = turns(before, creditors, intervals, as_of)
            put = self._table.put_document(*key, replace(after, version=before.version + 1))
            try:
                self._table.replace(put, before.version)
            except ConflictError:
                continue
            return taken
        return taken  # together with another shard's: the caps and the carrier still hold


def read_quota(table: "Table", channel: str, now: datetime) -> Quota | None:
    """What the carrier of a channel takes, if a run has asked it lately."""
    found = table.load(*quota_key(channel))
    quota = msgspec.convert(found, Quota) if found else None
    return quota if quota is not None and now - quota.read_at <= QUOTA_BELIEVED else None


def keep_quotas(table: "Table", quotas: Iterable[Quota]) -> None:
    """Keep what carriers take, for the run that begins."""
    for quota in quotas:
        table.save(table.put_document(*quota_key(quota.channel), quota))


def quota_key(channel: str) -> tuple[str, str]:
    """Where a carrier's quota is kept."""
    return f"QUOTA#{channel}", "QUOTA"


def hidden_seconds(intent: Intent, as_of: datetime) -> int | None:
    """For how long an intent's message is hidden on its queue; None while it waits for its turn
    without one."""
    if intent.send_at is None:
        return 0
    wait = intent.send_at - as_of
    if wait > QUEUED_AHEAD:
        return None
    return max(0, int(wait.total_seconds()))


def _new_message(change: Change) -> Intent | None:
    """The message that this change plans."""
    before = {intent.intent_id for intent in change.stored.account.intents}
    for intent in change.account.intents:
        # One to a co-debtor or guarantor goes at once: the window that counts is another's.
        by_us = intent.channel in MESSAGE_CHANNELS and not intent.task and not intent.person
        if by_us and intent.intent_id not in before:
            return intent
    return None


def _window_closes(
    account: Account, intent: Intent, rulebook: Rulebook, as_of: datetime
) -> datetime:
    """When the window closes in which this first message may go; it stands for those beside it,
    since whoever may not be written to later is refused at the last look."""
    policy = rulebook.policy_for(account.country)
    zones = zones_for(rulebook, account)
    point = next((p for p in account.points if p.point_id == intent.point_id), None)

    def allowed(at: datetime) -> bool:
        verdict = evaluate(
            policy,
            channel=intent.channel,
            point=point,
            role="debtor",
            contacts=(),
            zones=zones,
            at=at,
            region=account.region,
        )
        return isinstance(verdict, Allow)

    return closes_at(allowed, as_of)


def _at_its_turn(
    change: Change, intent: Intent, turn: datetime, closes: datetime, as_of: datetime
) -> Change:
    if turn - as_of < _AT_ONCE:
        return change
    about: dict[str, Any] = {"step": intent.step, "channel": intent.channel, "until": turn}
    if turn >= closes:
        page_id, _, _ = run_of(change.run)
        return replace(
            change,
            account=set_aside(change.account, intent),
            look_at=closes,
            facts=_told(change.facts, {**about, "until": closes}, outcome="wait"),
            run=run_mark(page_id, "wait"),
        )
    waiting = replace(intent, send_at=turn.replace(microsecond=0))
    intents = tuple(
        waiting if other.intent_id == intent.intent_id else other
        for other in change.account.intents
    )
    return replace(
        change,
        account=replace(change.account, intents=intents),
        look_at=settle_by(waiting),
        facts=_told(change.facts, about),
    )


def _told(
    told: Sequence[facts.Fact], about: dict[str, Any], *, outcome: str = ""
) -> tuple[facts.Fact, ...]:
    """The facts, of which the decision says that it waits for its turn."""
    reason = {"code": "paced", "params": msgspec.to_builtins(about)}
    found: list[facts.Fact] = []
    for fact in told:
        if fact["fact"] == "decided":
            fact = {**fact, "reasons": [*fact["reasons"], reason]}
            if outcome:
                fact = {k: v for k, v in fact.items() if k not in ("action", "intent_id")}
                fact["outcome"] = outcome
        found.append(fact)
    return tuple(found)
