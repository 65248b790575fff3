"""Money in one transaction: the account's next version, its receivables, its entries, its cause."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from escalon.domain import facts
from escalon.domain.account import Account, Receivable
from escalon.domain.payments import ledger
from escalon.domain.rules.behaviour import followed
from escalon.domain.storage import Change, Stored

if TYPE_CHECKING:
    from escalon.adapters.table import Table

MOST_ITEMS = 100  # that DynamoDB takes in one transaction


def all_open(table: "Table", account: Account) -> list[Receivable]:
    """The account's open receivables, embedded or beyond."""
    embedded = {r.receivable_id: r for r in account.receivables}
    if not account.beyond:
        return list(embedded.values())
    found = table.issued_receivables(account.account_id)
    return [embedded.get(r.receivable_id, r) for r in found if r.open_minor]


def issue(
    table: "Table", stored: Stored, receivable: Receivable, *, booked_at: datetime, now: datetime
) -> Stored:
    """A receivable whose issue date has come becomes part of its account. Raises AlreadyDoneError
    if it is already, ConflictError if the account has moved on."""
    before = all_open(table, stored.account)
    booking = ledger.charge(ledger.whole(stored.account, before), receivable, booked_at)
    return write(table, stored, booking.account, before, [receivable], booking.entries, now=now)


def write(
    table: "Table",
    stored: Stored,
    account: Account,
    open_before: Sequence[Receivable],
    changed: Sequence[Receivable],
    entries: Sequence[ledger.LedgerEntry],
    *,
    now: datetime,
    more_facts: Sequence[facts.Fact] = (),
    more: Sequence[dict[str, Any]] = (),
) -> Stored:
    """Write what moved, and look at the account next.

    Receivables that no longer fit into the account's document are written out with the steps they
    have carried.
    """
    account, changed = followed(account, changed, entries, now)
    embedded = {r.receivable_id for r in account.receivables}
    writing = {r.receivable_id: r for r in changed}
    was_embedded = {r.receivable_id for r in stored.account.receivables}
    for receivable in open_before:
        displaced = receivable.receivable_id in was_embedded - embedded
        if displaced and receivable.receivable_id not in writing:
            writing[receivable.receivable_id] = receivable
    booking = ledger.Booking(account, tuple(writing.values()), tuple(entries))
    look_at = now if account.receivables or account.intents else None
    told = (*booked_fact(booking, now), *more_facts)
    items = booked_items(table, account.account_id, booking)
    return table.update(Change(stored, account, look_at, told), *items, *more)


def booked_items(table: "Table", account_id: str, booking: ledger.Booking) -> list[dict[str, Any]]:
    """Transaction items: what a booking has changed and its entries."""
    items = [table.put_receivable(account_id, receivable) for receivable in booking.changed]
    return [*items, *(table.put_entry(entry) for entry in booking.entries)]


def booked_fact(booking: ledger.Booking, now: datetime) -> tuple[facts.Fact, ...]:
    """The fact that goes with them, if anything moved."""
    return (facts.booked(booking.entries, now),) if booking.entries else ()
