"""Manage holds: a person rests an account or one of its receivables for a while, and ends that.

The ledger is not touched. A hold is on the account's item, so that every decision sees it; who
placed it, who ended it, when and why are kept beside it. It ends by itself: the engine looks at the
account again on the day on which it does (lesson L13).
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Hold
from escalon.domain.audit import Act
from escalon.domain.contact.brakes import EXCLUDED
from escalon.domain.contact.told import zones_for
from escalon.domain.holds import HoldProblem, end_of, ended, placed, wrong_with
from escalon.domain.local_time import local_date
from escalon.domain.ports import Clock
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, Stored
from escalon.usecases.operators.acts import Person

if TYPE_CHECKING:
    from escalon.adapters.table import Table

TRIES = 6
OPERATOR = "operator"  # the source of a hold that a person has placed

type _Document = dict[str, Any]


class PlaceHold(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rest an account, or one receivable of it, from a day (in) until another (out); None: from
    today, and for as long as the kind may last."""

    key: str
    why: str
    account_id: str
    kind: str
    starts_on: date | None = None
    ends_on: date | None = None
    receivable_id: str | None = None
    owner: str = ""
    note: str = ""


class EndHold(msgspec.Struct, frozen=True, omit_defaults=True):
    """Let it go on from today."""

    key: str
    why: str
    account_id: str
    hold_id: str


class KeptHold(msgspec.Struct, frozen=True, omit_defaults=True):
    """A hold and its history. Of one that a file or the debtor brought, nobody placed it."""

    hold: Hold
    placed_at: datetime | None = None
    placed_by: str = ""
    placed_why: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_why: str = ""
    rests: bool = False  # whether it counts today


class HoldDone(msgspec.Struct, frozen=True):
    """The hold as it stands after the act; `again` if the act had been done before."""

    kept: KeptHold
    again: bool


class HoldRefusedError(Exception):
    """Nothing was done, and why. wrong: correct the form · not_found · conflict: things are not as
    the caller thinks."""

    def __init__(
        self, fault: Literal["wrong", "not_found", "conflict"], *problems: HoldProblem
    ) -> None:
        super().__init__("; ".join(f"{one.field} {one.code}" for one in problems))
        self.fault: Literal["wrong", "not_found", "conflict"] = fault
        self.problems = problems


class ManageHolds:
    """Every act raises HoldRefusedError if it does nothing."""

    def __init__(
        self, table: "Table", clock: Clock, rulebook: Callable[[str], Rulebook | None]
    ) -> None:
        self._table = table
        self._clock = clock
        self._rulebook = rulebook  # in force for an account

    def kinds(self, account_id: str) -> dict[str, int | None]:
        """The kinds of hold that may be placed, and how many days each lasts at most."""
        rulebook = self._rules(self._stored(account_id).account)
        return {name: kind.at_most_days for name, kind in rulebook.holds.items()}

    def list_of(self, account_id: str) -> tuple[KeptHold, ...]:
        """All holds that are known of the account, the oldest first."""
        account = self._stored(account_id).account
        rulebook = self._rules(account)
        today = self._today(account, rulebook)
        kept = {one.hold.hold_id: one for one in self._kept_of(account_id)}
        for hold in account.holds:
            before = kept.get(hold.hold_id) or KeptHold(hold)
            ends_on = end_of(hold, rulebook.holds)
            rests = hold.starts_on <= today and (ends_on is None or today < ends_on)
            kept[hold.hold_id] = replace(before, hold=replace(hold, ends_on=ends_on), rests=rests)
        return tuple(sorted(kept.values(), key=lambda one: (one.hold.starts_on, one.hold.hold_id)))

    def place(self, order: PlaceHold, person: Person) -> HoldDone:
        """Place it; whatever was planned for the account is looked at again at once."""
        hold_id = f"hold-{order.key}"
        asked = _asked(order)

        def change(account: Account, now: datetime) -> tuple[Account, KeptHold, facts.Fact]:
            rulebook = self._rules(account)
            today = self._today(account, rulebook)
            hold = Hold(
                hold_id,
                order.kind,
                order.starts_on or today,
                order.ends_on,
                order.receivable_id,
                OPERATOR,
                order.note,
                order.owner,
            )
            if problems := tuple(wrong_with(hold, rulebook.holds, today)):
                raise HoldRefusedError("wrong", *problems)
            self._known(account, order.receivable_id)
            after = placed(account, hold, rulebook.holds, today)
            hold = after.holds[-1]
            kept = KeptHold(hold, now, person.who, order.why, rests=hold.starts_on <= today)
            return after, kept, _told("hold_placed", hold, person, order.key, now)

        return self._do("hold_placed", order, asked, hold_id, person, change)

    def end(self, order: EndHold, person: Person) -> HoldDone:
        """End it before its time; the account is looked at at once."""

        def change(account: Account, now: datetime) -> tuple[Account, KeptHold, facts.Fact]:
            rulebook = self._rules(account)
            today = self._today(account, rulebook)
            hold = next((one for one in account.holds if one.hold_id == order.hold_id), None)
            before = next(
                (
                    one
                    for one in self._kept_of(order.account_id)
                    if one.hold.hold_id == order.hold_id
                ),
                None,
            )
            before_end = before.hold.ends_on if before else None
            ends_on = end_of(hold, rulebook.holds) if hold else before_end
            if hold is None and before is None:
                raise HoldRefusedError("not_found", HoldProblem("hold_id", "not_found"))
            if hold is None or (ends_on is not None and ends_on <= today):
                raise HoldRefusedError("conflict", HoldProblem("hold_id", "ended", ends_on))
            if hold.kind == EXCLUDED:  # another authority's (`escalon include`)
                raise HoldRefusedError("conflict", HoldProblem("hold_id", "excluded"))
            after = ended(account, hold, today)
            over = next(one for one in after.holds if one.hold_id == order.hold_id)
            kept = replace(
                before or KeptHold(over),
                hold=over,
                ended_at=now,
                ended_by=person.who,
                ended_why=order.why,
                rests=False,
            )
            return after, kept, _told("hold_ended", over, person, order.key, now)

        return self._do("hold_ended", order, _asked(order), order.hold_id, person, change)

    # ---------------------------------------------------------------- inside

    def _do(
        self,
        did: Literal["hold_placed", "hold_ended"],
        order: PlaceHold | EndHold,
        asked: _Document,
        hold_id: str,
        person: Person,
        change: Callable[[Account, datetime], tuple[Account, KeptHold, facts.Fact]],
    ) -> HoldDone:
        """One transaction: the account's next version, the hold's record, the act in the audit log
        and under its key. Whoever repeats the key gets what was done (invariant 1)."""
        cause = f"hold:{order.key}"
        for _ in range(TRIES):
            before = self._table.load(f"CAUSE#{cause}", "CAUSE")
            if before is not None:
                if (before["did"], before["asked"]) != (did, asked):
                    raise HoldRefusedError("conflict", HoldProblem("key", "other_act"))
                return HoldDone(msgspec.convert(before["kept"], KeptHold), True)
            stored = self._stored(order.account_id)
            now = self._clock.now()
            account, kept, fact = change(stored.account, now)
            about = {"account_id": order.account_id, "hold_id": hold_id}
            act = Act(f"hold:{order.key}", now, person.who, did, order.why, about, person.role)
            document = {"did": did, "asked": asked, "kept": msgspec.to_builtins(kept)}
            look_at = now if stored.look_at else None  # who has nothing open is not looked at
            try:
                self._table.update(
                    Change(stored, account, look_at, (fact,)),
                    self._table.put_document(f"A#{order.account_id}", f"H#{hold_id}", kept),
                    self._table.once(cause, document),
                    self._table.put_act(act),
                )
            except (ConflictError, AlreadyDoneError):
                continue
            return HoldDone(kept, False)
        raise HoldRefusedError("conflict", HoldProblem("", "moving"))

    def _stored(self, account_id: str) -> Stored:
        stored = self._table.get(account_id)
        if stored is None:
            raise HoldRefusedError("not_found", HoldProblem("account_id", "not_found"))
        return stored

    def _known(self, account: Account, receivable_id: str | None) -> None:
        if receivable_id is None:
            return
        if any(one.receivable_id == receivable_id for one in account.receivables):
            return
        if not self._table.named_receivables([(account.account_id, receivable_id)]):
            raise HoldRefusedError("not_found", HoldProblem("receivable_id", "not_found"))

    def _kept_of(self, account_id: str) -> list[KeptHold]:
        found = self._table.documents(f"A#{account_id}", "H#")
        return [msgspec.convert(one, KeptHold) for one in found]

    def _rules(self, account: Account) -> Rulebook:
        rulebook = self._rulebook(account.account_id)
        if rulebook is None:
            raise LookupError("no rulebook is in force: `escalon rules publish` puts one there")
        return rulebook

    def _today(self, account: Account, rulebook: Rulebook) -> date:
        return local_date(zones_for(rulebook, account), self._clock.now())


def _asked(order: PlaceHold | EndHold) -> _Document:
    """The request, by which a repeated act is known. Why it is done may be put in other words."""
    found = cast("_Document", msgspec.to_builtins(order))
    return {name: value for name, value in found.items() if name not in ("key", "why")}


def _told(name: str, hold: Hold, person: Person, key: str, now: datetime) -> facts.Fact:
    return facts.noted(
        name,
        now,
        hold_id=hold.hold_id,
        kind=hold.kind,
        receivable_id=hold.receivable_id,
        starts_on=hold.starts_on.isoformat(),
        ends_on=hold.ends_on.isoformat() if hold.ends_on else None,
        by=person.who,
        act=key,
    )
