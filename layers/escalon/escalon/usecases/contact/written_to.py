"""Whose a telephone number is: written when a message goes there, so that a reply finds who wrote.

Nothing here shows a number. Its name is a keyed hash, and the accounts that were written to under
it stand below that name, each with the latest message.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from escalon.adapters.table import Table

# Channels by which somebody may write back to the number that we write from.
ANSWERED = frozenset(("sms", "whatsapp"))


class WrittenTo(msgspec.Struct, frozen=True):
    """The latest message to an account at this number."""

    account_id: str
    creditor: str
    message_id: str
    at: datetime


def put_written_to(table: "Table", name: str, channel: str, written: WrittenTo) -> dict[str, Any]:
    """A transaction item: a message goes out to the number of that name."""
    return table.put_document(_key(name, channel), f"A#{written.account_id}", written)


def accounts_at(table: "Table", name: str, channel: str) -> list[WrittenTo]:
    """Whom we have written to at this number by this channel, the latest first."""
    found = table.documents(_key(name, channel), "A#")
    written = [msgspec.convert(document, WrittenTo) for document in found]
    return sorted(written, key=lambda one: one.at, reverse=True)


def _key(name: str, channel: str) -> str:
    return f"NUMBER#{channel}#{name}"
