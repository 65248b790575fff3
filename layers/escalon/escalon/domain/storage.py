"""What the table gives and takes: an account with its version, its next version, the due index."""

from datetime import UTC, datetime

import msgspec

from escalon.domain.account import Account, Receivable
from escalon.domain.facts import Fact


class ConflictError(Exception):
    """Somebody else changed the account since it was read; read again and decide again."""


class AlreadyDoneError(Exception):
    """What this write was to do once has been done before."""


class Stored(msgspec.Struct, frozen=True):
    """An account as read, with the version that its next write names."""

    account: Account
    version: int
    look_at: str = ""
    run: str = ""  # "<run id>|<outcome>" of the run that decided about it last


class Change(msgspec.Struct, frozen=True):
    """One account's next version."""

    stored: Stored
    account: Account
    look_at: datetime | None
    facts: tuple[Fact, ...]
    run: str = ""


class DueItem(msgspec.Struct, frozen=True):
    """One entry of the due index: an account to decide about, or a receivable to be issued."""

    account_id: str
    look_at: str
    stored: Stored | None = None
    receivable: Receivable | None = None
    broken: str = ""  # why its document could not be read


def instant(at: datetime) -> str:
    """An instant as keys carry it: UTC, sortable, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
