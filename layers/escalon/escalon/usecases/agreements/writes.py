"""Agreements in the transactions that move money, and what time alone makes of them.

Whoever changes an account whole hands it over on the way to the write: the agreements that have
left its document are read back, and settled receivables of theirs with them, since money may go
again months later. What waits for an approval stands on the list of tasks, from the write that
makes it to the one that ends the wait.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Receivable
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import moves
from escalon.domain.agreements.follow_up import (
    Course,
    brought_back,
    follow_all,
    put_away,
    restated,
    with_pauses,
)
from escalon.domain.contact.told import zones_for
from escalon.domain.local_time import local_date, start_of_day
from escalon.domain.payments import ledger
from escalon.domain.payments.ledger import LedgerEntry
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import Stored, instant
from escalon.usecases.payments.ledger_writes import all_open, write

if TYPE_CHECKING:
    from escalon.adapters.table import Table

APPROVE = "approve_agreement"  # the task
_TO_APPROVE = timedelta(days=1)  # and at the latest when the agreement expires

type _Document = dict[str, Any]


class Read(msgspec.Struct, frozen=True):
    """What was read for an account's agreements: their settled receivables, and those agreements
    that had left the account's document."""

    closed: Mapping[str, Receivable] = {}
    ended: Mapping[str, Agreement] = {}


def zones_of(account: Account, rulebook: Rulebook | None) -> Sequence[str]:
    """The zones of the debtor's calendar."""
    return zones_for(rulebook, account) if rulebook else account.zones or ("UTC",)


def today_of(account: Account, rulebook: Rulebook | None, now: datetime) -> date:
    """The date in the debtor's zone."""
    return local_date(zones_of(account, rulebook), now)


def agreement_key(account_id: str, agreement_id: str) -> tuple[str, str]:
    """Where an agreement is kept that has left its account's document."""
    return f"A#{account_id}", f"G#{agreement_id}"


def brought_in(table: "Table", account: Account) -> tuple[Account, Read]:
    """A whole account with all of its agreements in it."""
    if not account.agreements and not account.ended:
        return account, Read()
    keys = [agreement_key(account.account_id, name) for name in account.ended]
    found = table.load_many(keys) if keys else {}
    ended = {
        sort.removeprefix("G#"): msgspec.convert(document, Agreement)
        for (_, sort), document in found.items()
    }
    account = brought_back(
        account, sorted(ended.values(), key=lambda one: (one.history[0].at, one.agreement_id))
    )
    opened = {receivable.receivable_id for receivable in account.receivables}
    settled = {name for one in account.agreements for name in one.debts} - opened
    closed = {}
    if settled:
        wanted = [(account.account_id, name) for name in sorted(settled)]
        closed = {n: one.receivable for (_, n), one in table.named_receivables(wanted).items()}
    return account, Read(closed, ended)


def put_out(
    table: "Table", before: Account, after: Account, read: Read, now: datetime
) -> tuple[Account, list[_Document]]:
    """The account without the agreements that ended long ago, and the items to write: those
    agreements, and the tasks to approve one that has waited in the account as it was `before` and
    waits no longer."""
    closing = _closed(table, before, after, now)
    account, leaving = put_away(after, now, read.ended.keys())
    apart = [
        table.put_document(*agreement_key(account.account_id, one.agreement_id), one)
        for one in leaving
        if read.ended.get(one.agreement_id) != one
    ]
    return account, [*apart, *closing]


def write_course(
    table: "Table",
    stored: Stored,
    course: Course,
    open_before: Sequence[Receivable],
    read: Read,
    *,
    now: datetime,
    zones: Sequence[str],
    more_facts: Iterable[facts.Fact] = (),
    more: Iterable[_Document] = (),
) -> Stored:
    """Write what became of an account's agreements in one transaction; `zones` are those of the
    debtor's calendar. Raises ConflictError if the account has moved on."""
    before = stored.account
    waiting = _waiting(table, before, course.account, zones, now)
    account, leaving = put_out(table, before, course.account, read, now)
    return write(
        table,
        stored,
        ledger.embed(account, account.receivables),
        open_before,
        course.changed,
        course.entries,
        now=now,
        more_facts=(*course.facts, *more_facts),
        more=[*leaving, *waiting, *more],
    )


def wait_no_longer(before: Account, after: Account) -> list[Agreement]:
    """The agreements that have waited for an approval and wait no longer, whatever became of
    them."""
    waited = {one.agreement_id for one in before.agreements if one.waits_for_approval}
    return [
        one for one in after.agreements if one.agreement_id in waited and not one.waits_for_approval
    ]


def _closed(table: "Table", before: Account, after: Account, now: datetime) -> list[_Document]:
    """The items of the tasks to approve what waits no longer."""
    items = []
    for one in wait_no_longer(before, after):
        key = f"A#{after.account_id}", f"T#{approval_task(one)}"
        opened = table.load(*key)
        if opened is not None and "closed_at" not in opened:
            last = one.history[-1]
            by = {"outcome": "done", "closed_at": now, "closed_by": last.who or last.by}
            items.append(table.put_document(*key, {**opened, **by}))
    return items


def _waiting(
    table: "Table", before: Account, after: Account, zones: Sequence[str], now: datetime
) -> list[_Document]:
    """The items of the tasks to approve an agreement that is made now."""
    known = {one.agreement_id for one in before.agreements}
    items = []
    for one in after.agreements:
        if one.agreement_id not in known and one.waits_for_approval:
            task = _approval(after.account_id, one, zones, now)
            key = f"A#{after.account_id}", f"T#{approval_task(one)}"
            due_at = instant(task["due_at"])
            items.append(table.put_document(*key, task, due_shard="tasks", look_at=due_at))
    return items


def approval_task(agreement: Agreement) -> str:
    """The id of the task to approve an agreement."""
    return f"approve_{agreement.agreement_id}"


def _approval(
    account_id: str, agreement: Agreement, zones: Sequence[str], now: datetime
) -> _Document:
    due_at = now + _TO_APPROVE
    if agreement.expires_on is not None:
        due_at = min(due_at, start_of_day(zones, agreement.expires_on))
    return {
        "task_id": approval_task(agreement),
        "account_id": account_id,
        "kind": APPROVE,
        "creditor": agreement.creditor,
        "about": agreement.agreement_id,
        "roles": list(agreement.approval),
        "opened_at": now,
        "due_at": due_at,
    }


def after_statements(
    table: "Table",
    account: Account,
    opened: Iterable[Receivable],
    entries: Iterable[LedgerEntry],
    rulebook: Rulebook | None,
    now: datetime,
) -> tuple[Course, list[_Document]]:
    """What becomes of an account's agreements after its source has stated other balances: `opened`
    is all that is open then, `entries` what was booked. With the items to write of agreements (see
    `put_out`)."""
    before = account
    account, read = brought_in(table, ledger.whole(account, opened))
    today = today_of(account, rulebook, now)
    for entry in entries:
        if entry.kind == "adjustment" and entry.component == "principal":
            account = restated(account, entry.receivable_id, entry.amount_minor, today)
    kinds = rulebook.holds if rulebook else {}
    closed = read.closed
    course = follow_all(account, closed, now, today, kinds=kinds)
    account, leaving = put_out(table, before, course.account, read, now)
    return replace(course, account=ledger.embed(account, account.receivables)), leaving


def pass_time(table: "Table", stored: Stored, rulebook: Rulebook | None, now: datetime) -> Stored:
    """Follow the agreements of an account on which time has told, in a transaction of their own;
    done twice, it does nothing. Raises ConflictError if the account has moved on."""
    today = today_of(stored.account, rulebook, now)
    kinds = rulebook.holds if rulebook else {}
    if not any(
        moves(one, today) or with_pauses(one, stored.account, kinds, today) is not one
        for one in stored.account.agreements
    ):
        return stored
    open_before = all_open(table, stored.account)
    account, read = brought_in(table, ledger.whole(stored.account, open_before))
    course = follow_all(account, read.closed, now, today, kinds=kinds)
    zones = zones_of(account, rulebook)
    return write_course(table, stored, course, open_before, read, now=now, zones=zones)
