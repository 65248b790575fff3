"""The door of the debtor's page: who opens a link shows that they know the debtor's document.

Before that no page tells an amount or a name, since the link may have reached somebody else. The
answer is the document's last four characters. Tries are counted per account, over all its links,
and a try is counted before it is looked at, so that a thousand at once are not more than one after
the other: with five between two rests there are some eighty in the ninety days that a link lives,
out of ten thousand.
"""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account
from escalon.domain.audit import Act
from escalon.domain.storage import ConflictError
from escalon.usecases.portal.session import Sessions

if TYPE_CHECKING:
    from escalon.adapters.table import Table

TRIES = 5  # wrong answers between two rests
RESTS = (timedelta(minutes=15), timedelta(hours=1), timedelta(days=1), timedelta(days=7))
ASKED = 4  # characters of the document

_WRITES = 5  # attempts at a write that others were quicker with
_NEITHER = re.compile(r"[^0-9A-Z]")
_CHECK_DIGIT = re.compile(r"-[0-9]$")

type Answered = Literal["right", "wrong", "locked"]


class Door(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the page keeps of an account: wrong answers since the last right one, until when it
    rests, when one-time codes were sent, and since when links are good."""

    failed: int = 0
    rests_until: datetime | None = None
    sent: tuple[datetime, ...] = ()
    links_from: datetime | None = None
    version: int = 0

    def is_shut(self, now: datetime) -> bool:
        """Whether nobody is let in for a while."""
        return self.rests_until is not None and now < self.rests_until


class Doors:
    """Reads and writes them."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def of(self, account_id: str) -> Door:
        """The account's door."""
        found = self._table.load(*_key(account_id))
        return msgspec.convert(found, Door) if found else Door()

    def revoke(self, account_id: str, at: datetime, act: Act) -> None:
        """No link that was made up to then leads anywhere; `act` stands in the audit log with it.
        Raises ConflictError if somebody is at the door just now."""
        put, version = self._next(account_id, replace(self.of(account_id), links_from=at))
        self._table.transact(self._table.versioned(put, version), self._table.put_act(act))

    def put(self, account_id: str, door: Door) -> None:
        """Write the door's next version; ConflictError if it has moved on."""
        self._table.replace(*self._next(account_id, door))

    def _next(self, account_id: str, door: Door) -> tuple[dict[str, Any], int]:
        after = replace(door, version=door.version + 1)
        return self._table.put_document(*_key(account_id), after), door.version

    def answer(self, account: Account, typed: str, now: datetime, sessions: Sessions) -> Answered:
        """Whether the answer is right. A wrong one counts, a right one ends the count."""
        for _ in range(_WRITES):
            door = self.of(account.account_id)
            if door.is_shut(now):
                return "locked"
            tried = after_try(door, now)
            try:
                self.put(account.account_id, tried)
            except ConflictError:
                continue
            if not _is_right(account, typed, sessions):
                return "locked" if tried.is_shut(now) else "wrong"
            counted = replace(tried, version=tried.version + 1)
            self._open(account.account_id, counted)
            return "right"
        return "locked"  # whoever asks so often at once is no person

    def _open(self, account_id: str, door: Door) -> None:
        """The count ends. If another try was quicker its own count stands, which does no harm."""
        try:
            self.put(account_id, replace(door, failed=0, rests_until=None))
        except ConflictError:
            return


def _is_right(account: Account, typed: str, sessions: Sessions) -> bool:
    answer = _plain(typed)
    # All are compared, whatever the first says.
    alike = [sessions.same(answer, one) for one in answers(account.source_ref)]
    return any(alike)


def after_try(door: Door, now: datetime) -> Door:
    """The door after one more try, which is taken for a wrong one until it is looked at."""
    failed = door.failed + 1
    if failed % TRIES:
        return replace(door, failed=failed)
    rest = RESTS[min(failed // TRIES, len(RESTS)) - 1]
    return replace(door, failed=failed, rests_until=now + rest)


def answers(source_ref: str) -> tuple[str, ...]:
    """The right answers: the last four characters of the document, and of a tax number those
    before its check digit too, since half of all people leave it out. None of a document that is
    shorter."""
    reference = source_ref.strip().upper()
    whole = _plain(reference)
    bare = _plain(_CHECK_DIGIT.sub("", reference))
    found = {text[-ASKED:] for text in (whole, bare) if len(text) >= ASKED}
    return tuple(sorted(found))


def _plain(text: str) -> str:
    return _NEITHER.sub("", text.upper())


def _key(account_id: str) -> tuple[str, str]:
    return f"A#{account_id}", "PORTAL"
