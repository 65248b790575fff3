"""Messages that their carrier has not told the end of: pure.

A message that a carrier is still trying to deliver, or of which a carrier that tells of every
delivery says nothing, proves nothing, however long it stays so (lesson L10). Past its time a person
is to find out.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

import msgspec

from escalon.domain.account import Account, Link, Receivable, Role, StepRecord
from escalon.domain.contact.feedback import HEARD_WITHIN


class Unheard(msgspec.Struct, frozen=True):
    """A message about one of the account's open debts on which a word is owed: of a step, a
    reminder of an instalment (`reminder`, its key in `Account.reminded`), or one of a step's to a
    co-debtor or guarantor (`person`)."""

    receivable: Receivable
    step: str
    record: StepRecord
    reminder: str = ""
    person: str = ""
    role: Role = "debtor"

    @property
    def until(self) -> datetime:
        """From then on nobody waits for the carrier's word."""
        return self.record.at + HEARD_WITHIN


def is_unheard(record: StepRecord, telling: Collection[str]) -> bool:
    """Whether the carrier's word on the message is still owed. `telling` are the channels
    whose carrier tells of every delivery (`Channels.telling`)."""
    return record.state == "delayed" or (record.state == "sent" and record.channel in telling)


def counts_as_delivered(
    record: StepRecord, telling: Collection[str], delivered_after: timedelta, at: datetime
) -> bool:
    """Whether the step's message has arrived, as far as anybody can tell at that instant: the
    carrier has said so, or it is one that does not, took it, and has not said otherwise for
    `delivered_after`."""
    if record.state == "sent" and not is_unheard(record, telling):
        return at >= record.at + delivered_after
    return record.state == "delivered"


def first_unheard(account: Account, telling: Collection[str]) -> Unheard | None:
    """The message about the account's open debts on which a word is owed for the longest."""
    first: Unheard | None = None
    for one in _messages(account, telling):
        if first is None or one.record.at < first.record.at:
            first = one
    return first


def _messages(account: Account, telling: Collection[str]) -> Iterator[Unheard]:
    for receivable in account.receivables:
        for step, record in receivable.steps.items():
            if is_unheard(record, telling):
                yield Unheard(receivable, step, record)
    for key, record in account.reminded.items():
        if is_unheard(record, telling):
            agreement_id, _, step = key.split("/")[:3]
            debts = _debts(account, agreement_id)
            owed = next((r for r in account.receivables if r.receivable_id in debts), None)
            if owed is not None:
                yield Unheard(owed, step, record, reminder=key)
    for key, record in account.followed.items():
        if is_unheard(record, telling):
            name, step, person = key.rsplit("/", 2)
            owed = next((r for r in account.receivables if r.receivable_id == name), None)
            if owed is not None:
                # Whoever is linked no more was one of those who answer for the debt.
                links = (link for link in account.links if link.account_id == person)
                link = next(links, Link(person, "codebtor"))
                yield Unheard(owed, step, record, person=person, role=link.role)


def _debts(account: Account, agreement_id: str) -> Collection[str]:
    """The receivables of an agreement; none of one that ended long ago."""
    of = (one.debts for one in account.agreements if one.agreement_id == agreement_id)
    return next(of, {})
