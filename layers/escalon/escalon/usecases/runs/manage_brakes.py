"""Manage brakes: a person stops sending, lets it go again, and keeps accounts out of it.

All that is stopped is one small item of the table, which every last look and every page of a run
reads consistently: from the write on nothing new is decided, and what is queued is withdrawn with
its step not used up. A message that was past its last look may still leave, within seconds.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Hold
from escalon.domain.audit import Act, Done
from escalon.domain.contact.brakes import (
    EXCLUDED,
    NO_BRAKES,
    Brake,
    BrakeKind,
    Brakes,
    exclusion,
)
from escalon.domain.contact.channels import MESSAGE_CHANNELS
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.transitions import set_aside
from escalon.domain.holds import ended
from escalon.domain.local_time import local_date
from escalon.domain.ports import Clock, Rulebooks
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, DueItem
from escalon.usecases.operators.acts import Person, refused
from escalon.usecases.runs.feeds import FeedMarks

if TYPE_CHECKING:
    from escalon.adapters.table import Table

BRAKES_KEY = ("BRAKES", "BRAKES")
TRIES = 6
AHEAD = timedelta(minutes=75)  # what a brake holds back is looked at again within that time
ASKED_EVERY = 50  # accounts of an outlook, whether there is time left
STOPPABLE = ("email", "sms", "whatsapp", "voice", "letter")

type _Document = dict[str, Any]


class Stop(msgspec.Struct, frozen=True, omit_defaults=True):
    """Stop what bears the name. With `tasks` no work is given to people either."""

    key: str
    why: str
    kind: BrakeKind
    name: str = ""
    tasks: bool = False


class Resume(msgspec.Struct, frozen=True, omit_defaults=True):
    """Take a brake off."""

    key: str
    why: str
    brake_id: str


class OnAccount(msgspec.Struct, frozen=True, omit_defaults=True):
    """Exclude an account from everything, or include it again."""

    key: str
    why: str
    account_id: str


class Acted(msgspec.Struct, frozen=True):
    """What was done; `again` if it had been before, by the same key."""

    did: Done
    again: bool
    result: _Document


class Outlook(msgspec.Struct, frozen=True):
    """What a brake holds back, how often by creditor, step and channel (or kind of task)."""

    would_go: dict[tuple[str, str, str], int]
    looked_at: int
    looked_at_all: bool


def read_brakes(table: "Table") -> Brakes:
    """What is stopped now, read consistently: one item of less than a kilobyte."""
    found = table.load(*BRAKES_KEY)
    return msgspec.convert(found, Brakes) if found else NO_BRAKES


class ManageBrakes:
    """Do what a person asks for. Every method raises ActRefusedError if it does nothing."""

    def __init__(self, table: "Table", rulebooks: Rulebooks, clock: Clock) -> None:
        self._table = table
        self._rulebooks = rulebooks
        self._clock = clock

    # ---------------------------------------------------------------- brakes

    def stop(self, order: Stop, person: Person) -> Acted:
        """Stop sending. Nothing that has no last look behind it goes out from now on."""
        self._known(order)
        now = self._clock.now()
        brake = Brake(order.kind, now, person.who, order.why, order.name, order.tasks)

        def change(brakes: Brakes) -> Brakes:
            return brakes.with_brake(brake)

        return self._turn("stopped", order.key, order.why, brake.brake_id, person, change)

    def resume(self, order: Resume, person: Person) -> Acted:
        """Let it go again: what was held back is looked at within an hour, and paced."""

        def change(brakes: Brakes) -> Brakes:
            if brakes.find(order.brake_id) is None:
                on = ", ".join(brake.brake_id for brake in brakes.brakes) or "nothing is stopped"
                raise refused("not_found", "brake", f"no brake '{order.brake_id}' is on", on)
            return brakes.without(order.brake_id)

        return self._turn("resumed", order.key, order.why, order.brake_id, person, change)

    def _turn(
        self,
        did: Done,
        key: str,
        why: str,
        brake_id: str,
        person: Person,
        change: Callable[[Brakes], Brakes],
    ) -> Acted:
        about = {"brake": brake_id}
        for _ in range(TRIES):
            if again := self._again(did, key, about):
                return again
            brakes = read_brakes(self._table)
            after = replace(change(brakes), version=brakes.version + 1)
            put = self._table.put_document(*BRAKES_KEY, after)
            act = Act(key, self._clock.now(), person.who, did, why, about, person.role)
            result = {"brakes": [brake.brake_id for brake in after.brakes]}
            try:
                self._table.transact(
                    self._table.versioned(put, brakes.version),
                    *self._kept(act, result),
                )
            except (ConflictError, AlreadyDoneError):
                continue
            return Acted(did, False, result)
        raise _moving(key)

    def _known(self, order: Stop) -> None:
        """Whether there is such a thing; a brake on a name nobody bears would stop nothing."""
        if order.kind == "all":
            known: Iterable[str] = ("",)
        elif order.kind == "channel":
            known = STOPPABLE
        else:
            rulebook = self._rulebooks.get(self._rulebooks.live())
            of_kind: dict[BrakeKind, Iterable[str]] = {
                "strategy": [strategy.strategy for strategy in rulebook.strategies],
                "creditor": sorted(rulebook.creditors),
                "experiment": [each.experiment for each in rulebook.experiments],
            }
            known = of_kind[order.kind]
        if order.name not in known:
            raise refused(
                "wrong",
                "name",
                f"there is no {order.kind} '{order.name}'",
                f"they are: {', '.join(known)}",
            )

    def outlook(self, brake_id: str, enough: Callable[[], bool] = lambda: False) -> Outlook:
        """What this brake alone holds back now. `enough` says when to end early."""
        brakes = read_brakes(self._table)
        return outlook(self._table, self._rulebooks, self._clock.now(), brakes, brake_id, enough)

    # ---------------------------------------------------------------- accounts

    def exclude(self, order: OnAccount, person: Person) -> Acted:
        """Keep an account out of everything, until somebody includes it again (lesson L21)."""

        def change(account: Account, today: date) -> Account:
            if exclusion(account.holds) is not None:
                raise refused("conflict", "account_id", "it is excluded already", "nothing to do")
            hold = Hold(f"{EXCLUDED}:{order.key}", EXCLUDED, today, source="operator")
            return replace(account, holds=(*account.holds, hold))

        return self._on_account("excluded", order, person, change)

    def include(self, order: OnAccount, person: Person) -> Acted:
        """Let an excluded account in again: it goes on from where its ladder stands."""

        def change(account: Account, today: date) -> Account:
            found = exclusion(account.holds)
            if found is None:
                raise refused("conflict", "account_id", "it is not excluded", "nothing to do")
            return ended(account, found, today)

        return self._on_account("included", order, person, change)

    def _on_account(
        self,
        did: Done,
        order: OnAccount,
        person: Person,
        change: Callable[[Account, date], Account],
    ) -> Acted:
        about = {"account_id": order.account_id}
        for _ in range(TRIES):
            if again := self._again(did, order.key, about):
                return again
            stored = self._table.get(order.account_id)
            if stored is None:
                raise refused("not_found", "account_id", "there is no such account", "give its id")
            now = self._clock.now()
            account = stored.account
            rulebook = self._rulebooks.get(self._rulebooks.live())
            today = local_date(zones_for(rulebook, account), now)
            after = change(account, today)
            act = Act(order.key, now, person.who, did, order.why, about, person.role)
            fact = facts.noted(did, now, by=person.who, act=order.key)
            look_at = now if stored.look_at else None
            try:
                self._table.update(Change(stored, after, look_at, (fact,)), *self._kept(act, about))
            except (ConflictError, AlreadyDoneError):
                continue
            return Acted(did, False, about)
        raise _moving(order.key)

    # ---------------------------------------------------------------- once

    def _kept(self, act: Act, result: Mapping[str, Any]) -> list[_Document]:
        return kept(self._table, act, result)

    def _again(self, did: Done, key: str, about: Mapping[str, str]) -> Acted | None:
        return done_before(self._table, did, key, about)


def kept(table: "Table", act: Act, result: Mapping[str, Any]) -> list[_Document]:
    """Transaction items: an act in the audit log, and under its key, so that it is done once."""
    document = {"did": act.did, "about": act.about, "result": dict(result)}
    return [table.once(_cause(act.act_id), document), table.put_act(act)]


def done_before(table: "Table", did: Done, key: str, about: Mapping[str, str]) -> Acted | None:
    """What the act of this key did when it was done before; ActRefusedError if it was another."""
    found = table.load(f"CAUSE#{_cause(key)}", "CAUSE")
    if found is None:
        return None
    if (found["did"], found["about"]) != (did, dict(about)):
        raise refused(
            "conflict",
            "key",
            "another act has this key",
            "give every act a key of its own, and repeat one as it was",
        )
    return Acted(did, True, cast("_Document", found["result"]))


def outlook(
    table: "Table",
    rulebooks: Rulebooks,
    now: datetime,
    brakes: Brakes,
    brake_id: str,
    enough: Callable[[], bool] = lambda: False,
) -> Outlook:
    """What would go at `now` if this one of the brakes were off, of all that is looked at soon.
    What is still planned is decided again, as the last look does."""
    others = brakes.without(brake_id)
    counted: dict[tuple[str, str, str], int] = {}
    rollout = rulebooks.rollout()
    feeds = FeedMarks(table)
    looked_at = 0
    for item in _soon(table, now + AHEAD):
        if item.stored is None:
            continue
        if looked_at % ASKED_EVERY == 0 and enough():
            return Outlook(counted, looked_at, looked_at_all=False)
        looked_at += 1
        account = item.stored.account
        rulebook: Rulebook = rulebooks.get(rollout.version_for(account))
        for intent in account.intents:
            if intent.state == "planned":
                account = set_aside(account, intent)
        decision = decide(account, rulebook, now, feeds(rulebook, now), others)
        held = brakes.holding(
            channel=decision.channel,
            strategy=decision.strategy,
            creditor=decision.creditor,
            is_task=decision.action == "task",
        )
        if decision.outcome == "act" and held is not None:
            sent = decision.channel in MESSAGE_CHANNELS and decision.action == "message"
            where = decision.channel if sent else f"task: {decision.task}"
            key = (decision.creditor, decision.step, where)
            counted[key] = counted.get(key, 0) + 1
    return Outlook(counted, looked_at, looked_at_all=True)


def _soon(table: "Table", until: datetime) -> Iterable[DueItem]:
    for number in range(table.shards):
        after: _Document | None = None
        while True:
            page, after = table.due(f"due#{number:03d}", until, limit=200, after=after)
            yield from page
            if after is None:
                break


def _cause(key: str) -> str:
    return f"operator:{key}"


def _moving(key: str) -> Exception:
    return refused(
        "conflict", "", "others keep changing the same", f"send it again with the same key, {key}"
    )
