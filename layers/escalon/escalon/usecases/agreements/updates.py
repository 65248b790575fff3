"""Agreement updates: what an outside system (an ERP, a call centre) says of an agreement of its
own.

An update is the whole state of one agreement, under the system's own key and a version that it
counts. A higher version takes the place of a lower one in whatever order they come; a lower one
that comes late is outdated, the same one again does nothing (invariant 5). What is refused is kept
with its reasons and shown until a higher version is applied.

An update is written down before it is carried out, so that two that come at once are carried out
one after the other, and one that died on the way is finished by whoever comes next.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain.agreements.offers import Problem, Terms
from escalon.domain.ports import Clock
from escalon.domain.storage import ConflictError, instant
from escalon.usecases.agreements.manage_agreements import (
    Actor,
    AgreementRefusedError,
    Debt,
    Evidence,
    ManageAgreements,
)

if TYPE_CHECKING:
    from escalon.adapters.table import Table

TRIES = 6
ALIVE = timedelta(seconds=60)  # longer than a function may run that carries an update out
REFUSED = "refused_updates"  # the list on which they stand

type Became = Literal["applied", "refused", "outdated"]


class Update(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the system says: the account by its id or by what its source calls it."""

    system: str
    key: str
    version: int
    state: Literal["agreed", "cancelled"]
    account_id: str = ""
    source_ref: str = ""
    creditor: str = ""
    currency: str = ""
    receivables: tuple[str, ...] = ()
    terms: Terms | None = None
    why: str = ""
    note: str = ""


class KeptUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """The latest update of one agreement of a system. `became` is empty while it is carried out, by
    whoever took it at `at`."""

    update: Update
    at: datetime
    who: str
    role: str
    became: Literal["", "applied", "refused"] = ""
    agreement_id: str = ""  # ours, by the latest update that was applied
    terms: Terms | None = None  # by which that one was made
    problems: tuple[Problem, ...] = ()
    written: int = 0  # how often it was


class Taken(msgspec.Struct, frozen=True):
    """What became of an update, and what is kept of its agreement now."""

    became: Became
    kept: KeptUpdate


class TakeUpdate:
    """Take one update. Raises AgreementRefusedError with the fault `conflict` if another one of the
    same agreement is being carried out."""

    def __init__(
        self,
        table: "Table",
        agreements: ManageAgreements,
        clock: Clock,
        name_of: Callable[[str], str],
    ) -> None:
        self._table = table
        self._agreements = agreements
        self._clock = clock
        self._name_of = name_of

    def __call__(self, update: Update, actor: Actor) -> Taken:
        """Carry it out, unless it was before or a higher one has come."""
        account_id = update.account_id or self._name_of(update.source_ref)
        update = replace(update, account_id=account_id, source_ref="")
        for _ in range(TRIES):
            kept = self._load(update)
            if kept is not None and kept.role != actor.role:
                # A name of another system: its agreements are not this caller's to move.
                raise AgreementRefusedError("conflict", Problem("key", "other_act"))
            now = self._clock.now()
            try:
                if kept is not None and not kept.became:
                    same = kept.update.version == update.version
                    if not same and now - kept.at < ALIVE:
                        break
                    # Whoever took it is gone, or its sender has sent it again.
                    kept = self._carry_out(kept)
                if kept is not None and kept.update.version == update.version:
                    if kept.update != update:
                        raise AgreementRefusedError("conflict", Problem("key", "other_act"))
                    return Taken(kept.became or "refused", kept)
                if kept is not None and kept.update.version > update.version:
                    return Taken("outdated", kept)
                before = kept or KeptUpdate(update, now, actor.who, actor.role)
                claimed = replace(
                    before,
                    update=update,
                    at=now,
                    who=actor.who,
                    role=actor.role,
                    became="",
                    problems=(),
                )
                done = self._carry_out(self._write(claimed))
            except ConflictError:
                continue
            return Taken(done.became or "refused", done)
        raise AgreementRefusedError("conflict", Problem("account", "busy"))

    def refused(self, most: int) -> tuple[tuple[KeptUpdate, ...], bool]:
        """Those that nobody has put right yet, the oldest first; whether there are more."""
        found: list[KeptUpdate] = []
        for document in self._table.listed(REFUSED):
            if len(found) == most:
                return tuple(found), True
            found.append(msgspec.convert(document, KeptUpdate))
        return tuple(found), False

    # ---------------------------------------------------------------- inside

    def _carry_out(self, kept: KeptUpdate) -> KeptUpdate:
        """Do what the update says, once: its acts have keys of their own."""
        try:
            agreement_id = self._do(kept)
        except AgreementRefusedError as error:
            return self._write(replace(kept, became="refused", problems=error.problems))
        terms = kept.update.terms if kept.update.state == "agreed" else None
        return self._write(replace(kept, became="applied", agreement_id=agreement_id, terms=terms))

    def _do(self, kept: KeptUpdate) -> str:
        """Make the agreement, replace it by one with other terms, or cancel it; its id."""
        update = kept.update
        actor = Actor("operator", kept.who, kept.role)
        key = _act_key(update)
        if update.state == "cancelled":
            if kept.agreement_id and kept.terms is not None:
                self._agreements.cancel(
                    key, update.account_id, kept.agreement_id, actor, why=update.why
                )
            return kept.agreement_id
        if update.terms is None:
            raise AgreementRefusedError("wrong", Problem("offer", "not_offered"))
        if kept.terms == update.terms:
            return kept.agreement_id
        debt = Debt(update.account_id, update.creditor, update.currency, update.receivables)
        done = self._agreements.promise(
            key,
            debt,
            update.terms,
            Evidence("system", note=update.note or update.why),
            actor,
            replaces=kept.agreement_id if kept.terms is not None else "",
        )
        return done.agreement.agreement_id

    def _load(self, update: Update) -> KeptUpdate | None:
        found = self._table.load(*_place(update))
        return None if found is None else msgspec.convert(found, KeptUpdate)

    def _write(self, kept: KeptUpdate) -> KeptUpdate:
        """Its next version; ConflictError if somebody else was quicker. What was refused stands on
        the list."""
        after = replace(kept, written=kept.written + 1)
        listed: dict[str, Any] = {}
        if after.became == "refused":
            listed = {"due_shard": REFUSED, "look_at": instant(after.at)}
        put = self._table.put_document(*_place(kept.update), after, **listed)
        self._table.replace(put, kept.written)
        return after


def _place(update: Update) -> tuple[str, str]:
    """Its key in the table: opaque, since a system's key may be anything."""
    text = f"{update.system}\x1f{update.key}"
    return f"UPDATE#{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}", "UPDATE"


def _act_key(update: Update) -> str:
    return f"update:{update.system}:{update.key}:{update.version}"
