"""Count sending: the caps that hold right before a message leaves (contact/pacing.py, lesson L8).

Counters are items of the table that are counted up atomically, so any number of deliveries together
never pass a cap. A message is counted before it is claimed: a crash in between counts one too many,
which keeps the cap; what was certainly not taken is counted down again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from escalon.domain.account import Intent
from escalon.domain.contact.pacing import Counter, counters
from escalon.domain.rules.rulebook import Rulebook

if TYPE_CHECKING:
    from escalon.adapters.table import Table

KEPT = timedelta(days=3)  # counters are removed by themselves


def counters_of(intent: Intent, rulebook: Rulebook, now: datetime) -> tuple[Counter, ...]:
    """The counters that a message has to pass."""
    if not rulebook.caps:
        return ()
    return counters(
        rulebook.caps,
        channel=intent.channel,
        creditor=intent.creditor,
        run_id=intent.run_id,
        now=now,
        zone=rulebook.default_zone,
    )


def count(table: "Table", passing: Sequence[Counter], now: datetime) -> Counter | None:
    """Count one message on all of them; or on none, and the one that is full."""
    for number, counter in enumerate(passing):
        pk, sk = _key(counter)
        if not table.count(pk, sk, 1, most=counter.most, expires=now + KEPT):
            count_down(table, passing[:number], now)
            return counter
    return None


def count_down(table: "Table", passed: Sequence[Counter], now: datetime) -> None:
    """A message that was counted has certainly not left."""
    for counter in passed:
        pk, sk = _key(counter)
        table.count(pk, sk, -1, expires=now + KEPT)


def _key(counter: Counter) -> tuple[str, str]:
    return f"SENT#{counter.cap}", f"{counter.period}#{counter.begins}"
