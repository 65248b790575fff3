"""Messages that their carrier has not told the end of: pure.

A message that a carrier is still trying to deliver, or of which a carrier that tells of every
delivery says nothing, proves nothing, however long it stays so (lesson L10). Past its time a person
is to find out.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec

from escalon.domain.account import Account, Receivable, StepRecord
from escalon.domain.contact.feedback import HEARD_WITHIN


class Unheard(msgspec.Struct, frozen=True):
    """A step's message, and the instant from which on nobody waits for its carrier's word."""

    receivable: Receivable
    step: str
    record: StepRecord
    until: datetime


def is_unheard(record: StepRecord, telling: Collection[str]) -> bool:
    """Whether the carrier's word on the step's message is still owed. `telling` are the channels
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
    """The step of the account's open debts on whose message a word is owed for the longest."""
    first: Unheard | None = None
    for receivable in account.receivables:
        for step, record in receivable.steps.items():
            if is_unheard(record, telling):
                until = record.at + HEARD_WITHIN
                if first is None or until < first.until:
                    first = Unheard(receivable, step, record, until)
    return first
