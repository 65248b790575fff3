"""Pace: the messages that a page of a run has decided take their turns, so that many which come due
at once leave over the hours in which they may (domain/contact/pacing.py).

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
from escalon.domain.contact.channels import MESSAGE_CHANNELS
from escalon.domain.contact.co_debtors import follows, reach
from escalon.domain.contact.pacing import (
    ANY,
    QUEUED_AHEAD,
    Buckets,
    Quota,
    closes_at,
    interval,
    turns,
)
from escalon.domain.contact.policy import Allow
from escalon.domain.contact.told import contact_verdict, kind_of, stops_of, zones_for
from escalon.domain.decisions.intents import settle_by
from escalon.domain.decisions.transitions import set_aside
from escalon.domain.local_time import add_days, local_date, start_of_day
from escalon.domain.ports import Rulebooks
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import Change, ConflictError
from escalon.usecases.contact.co_debtors import LinkedAccounts
from escalon.usecases.runs.books import run_mark, run_of

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

    def __call__(
        self, changes: Sequence[Change], as_of: datetime, linked: LinkedAccounts
    ) -> list[Change]:
        """The changes, those with a new message at its turn. `linked` has the accounts of
        co-debtors and guarantors."""
        paced = list(changes)
        by_channel: dict[str, list[tuple[int, Intent]]] = {}
        for number, change in enumerate(paced):
            intent = _new_message(change)
            if intent is not None:
                by_channel.setdefault(intent.channel, []).append((number, intent))
        for channel, found in by_channel.items():
            quota = self._quota(channel, as_of)
            for rulebook, closes, alike in self._by_window(paced, found, quota, as_of, linked):
                creditors = [intent.creditor for _, intent in alike]
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
                taken = self._turns(channel, creditors, intervals, as_of, closes)
                for (number, intent), turn in zip(alike, taken, strict=True):
                    paced[number] = _at_its_turn(paced[number], intent, turn, closes, as_of)
        return paced

    def _by_window(
        self,
        changes: Sequence[Change],
        found: Sequence[tuple[int, Intent]],
        quota: Quota | None,
        as_of: datetime,
        linked: LinkedAccounts,
    ) -> list[tuple[Rulebook, datetime, list[tuple[int, Intent]]]]:
        """The messages that have to take turns, those together whose contact window is the same:
        with their rulebook and when that window closes, the first to close first."""
        groups: dict[tuple[object, ...], list[tuple[int, Intent]]] = {}
        for number, intent in found:
            rulebook = self._rulebooks.get(intent.rulebook)
            if not rulebook.caps and quota is None:
                continue
            step = rulebook.find_step(intent.step, reminder=bool(intent.reminder))
            debtor = changes[number].account
            others = linked.of(debtor, rulebook) if intent.person else {}
            reader = others.get(intent.person, debtor)
            key = (
                intent.rulebook,
                reader.country,
                reader.region,
                zones_for(rulebook, reader),
                kind_of(step) if step is not None else "",
                reader.hours,  # whoever chose hours of their own has their own window
                reader.extra_hours,
                (intent.role, zones_for(rulebook, debtor)) if intent.person else None,
            )
            groups.setdefault(key, []).append((number, intent))
        windows = []
        for alike in groups.values():
            number, intent = alike[0]
            rulebook = self._rulebooks.get(intent.rulebook)
            account = changes[number].account
            if intent.person:
                others = linked.of(account, rulebook)
                closes = _others_window_closes(account, intent, rulebook, others, as_of)
            else:
                closes = _window_closes(account, intent, rulebook, as_of)
            windows.append((rulebook, closes, alike))
        return sorted(windows, key=lambda window: window[1])

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
        closes: datetime,
    ) -> tuple[datetime, ...]:
        key = (f"PACE#{channel}", "PACE")
        taken: tuple[datetime, ...] = ()
        for _ in range(TRIES):
            found = self._table.load(*key)
            before = msgspec.convert(found, Buckets) if found else Buckets(channel)
            taken, after = turns(before, creditors, intervals, as_of, closes)
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
        by_us = intent.channel in MESSAGE_CHANNELS and not intent.task
        if by_us and intent.intent_id not in before:
            return intent
    return None


def _window_closes(
    account: Account, intent: Intent, rulebook: Rulebook, as_of: datetime
) -> datetime:
    """When the window closes in which this first message may go; it stands for those that are
    alike, since whoever may not be written to later is refused at the last look."""
    policy = rulebook.policy_for(account.country)
    zones = zones_for(rulebook, account)
    point = next((p for p in account.points if p.point_id == intent.point_id), None)
    about = next((r for r in account.receivables if r.receivable_id == intent.receivable_id), None)
    step = rulebook.find_step(intent.step, reminder=bool(intent.reminder))

    def allowed(at: datetime) -> bool:
        today = local_date(zones, at)
        verdict = contact_verdict(
            account,
            rulebook,
            policy,
            channel=intent.channel,
            point=point,
            zones=zones,
            stops=stops_of(account, rulebook.holds, intent.receivable_id, today, zones),
            at=at,
            step=step,
            receivable=about,
        )
        return isinstance(verdict, Allow)

    return closes_at(allowed, as_of)


def _others_window_closes(
    account: Account,
    intent: Intent,
    rulebook: Rulebook,
    others: Mapping[str, Account],
    as_of: datetime,
) -> datetime:
    """The same of a message to a co-debtor or guarantor: their own window, and no longer than the
    debtor's day, since on the next one a step of the debtor's may be due, which it must not hold
    back."""
    zones = zones_for(rulebook, account)
    tomorrow = start_of_day(zones, add_days(local_date(zones, as_of), 1))
    found = (
        one
        for one in follows(account, intent.creditor, account.receivables, rulebook, as_of)
        if one.link.account_id == intent.person
        and one.receivable.receivable_id == intent.receivable_id
    )
    follow = next(found, None)
    if follow is None:
        return tomorrow

    def allowed(at: datetime) -> bool:
        how = reach(follow, intent.creditor, others, rulebook, at)
        return (how.channel, how.point_id) == (intent.channel, intent.point_id)

    return min(closes_at(allowed, as_of), tomorrow)


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
