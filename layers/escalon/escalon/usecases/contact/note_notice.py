"""Note a statutory notice that was given other than by a message of ours: a registered letter, an
officer's service, a notice from before the debt came to us. With what proves it, or not at all."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, get_args

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account
from escalon.domain.audit import Act
from escalon.domain.contact.facts import Notice
from escalon.domain.contact.rules import NoticeName
from escalon.domain.ports import Clock
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError
from escalon.usecases.operators.acts import Person, refused

if TYPE_CHECKING:
    from escalon.adapters.table import Table

TRIES = 6
NAMES: tuple[str, ...] = get_args(NoticeName)
_CLOCKS_DIFFER = timedelta(minutes=5)


class NoteNotice(msgspec.Struct, frozen=True, omit_defaults=True):
    """That a notice was given about a receivable at an instant (aware); `proof` is where its proof
    is kept: the number of a certified letter, the place of a scan."""

    key: str
    why: str
    account_id: str
    receivable_id: str
    notice: str
    given_at: datetime
    proof: str


class NoteNotices:
    """Write such notices down, each once by its key, with the act in the audit log."""

    def __init__(self, table: "Table", clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def __call__(self, order: NoteNotice, person: Person) -> bool:
        """Whether it is new; False if this very act was done before. Raises ActRefusedError if it
        cannot be noted, and ConflictError if the account keeps changing."""
        now = self._clock.now()
        _check(order, now)
        cause = f"notice:{order.key}"
        asked = msgspec.to_builtins(replace(order, why=""))
        for _ in range(TRIES):
            before = self._table.load(f"CAUSE#{cause}", "CAUSE")
            if before is not None:
                if before["asked"] != asked:
                    raise refused("conflict", "key", "was used for another act", "take a new one")
                return False
            stored = self._table.get(order.account_id)
            if stored is None:
                raise refused("not_found", "account_id", "there is no such account", "check it")
            account = _noted(stored.account, order)
            about = {"account_id": order.account_id, "receivable_id": order.receivable_id}
            act = Act(cause, now, person.who, "notice_noted", order.why, about, person.role)
            told = {"receivable_id": order.receivable_id, "notice": order.notice}
            fact = facts.noted("notice_noted", now, **told, by=person.who, act=order.key)
            look_at = now if stored.look_at else None
            try:
                self._table.update(
                    Change(stored, account, look_at, (fact,)),
                    self._table.once(cause, {"asked": asked}),
                    self._table.put_act(act),
                )
            except (ConflictError, AlreadyDoneError):
                continue
            return True
        raise ConflictError(order.account_id)


def _check(order: NoteNotice, now: datetime) -> None:
    if order.notice not in NAMES:
        raise refused("wrong", "notice", "is no statutory notice", f"one of {', '.join(NAMES)}")
    if not order.proof.strip():
        raise refused(
            "wrong", "proof", "is missing", "say where the proof is kept: without it nothing counts"
        )
    if order.given_at.utcoffset() is None:
        raise refused("wrong", "given_at", "has no zone", "write it with its offset")
    if order.given_at > now + _CLOCKS_DIFFER:
        raise refused("wrong", "given_at", "has not come yet", "note it once it was given")


def _noted(account: Account, order: NoteNotice) -> Account:
    given = Notice(order.notice, order.given_at, order.proof.strip())
    if all(owed.receivable_id != order.receivable_id for owed in account.receivables):
        raise refused(
            "not_found",
            "receivable_id",
            "is not open on this account",
            "`escalon ledger` lists what is open",
        )
    receivables = tuple(
        replace(owed, notices=(*owed.notices, given))
        if owed.receivable_id == order.receivable_id and given not in owed.notices
        else owed
        for owed in account.receivables
    )
    return replace(account, receivables=receivables)
