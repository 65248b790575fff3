"""Decisions a second on one core: five open receivables, a ladder of ten steps, Colombia's policy.

The floor is what no engine can do without: going over the five receivables once, and converting the
instant into the debtor's zone once.
"""

import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from bench.book import AS_OF, account, rulebook
from escalon.domain.account import ContactRecord
from escalon.domain.decisions.engine import decide

TIMES, ROUNDS = 5_000, 5
_ZONE = ZoneInfo("America/Bogota")


def _rate(work: Callable[[], object]) -> float:
    return TIMES / min(timeit.repeat(work, number=TIMES, repeat=ROUNDS))


def main() -> None:
    """Print decisions a second for what a sweep meets, and the ratio to the floor."""
    rules = rulebook()
    due = account(1)
    contacted = replace(
        due, contacts=(ContactRecord("m1", "email", datetime(2026, 8, 28, 15, tzinfo=UTC)),)
    )
    evening = datetime(2026, 9, 2, 0, 30, tzinfo=UTC)

    def floor() -> object:
        AS_OF.astimezone(_ZONE)
        oldest = min(r.due_on for r in due.receivables if r.due_on)
        return sum(r.open_minor for r in due.receivables), oldest

    bare = _rate(floor)
    print(f"floor (sum, oldest, zone)            {bare:>10,.0f} /s")
    for name, who, at in (
        ("a step is due and may be sent", due, AS_OF),
        ("… with a contact this week", contacted, AS_OF),
        ("no step is due yet", account(2, oldest_days=1), AS_OF),
        ("due, but the policy is closed", due, evening),
    ):
        decision = decide(who, rules, at)
        rate = _rate(partial(decide, who, rules, at))
        print(f"{name:<36} {rate:>10,.0f} /s   {bare / rate:5.1f} × floor   ({decision.outcome})")
