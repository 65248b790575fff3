"""The books of a run: every account it looked at is counted once, whatever crashed (invariant 9).

Totals are kept per page of accounts. A page is opened with the accounts it is about to write, and
closed with what became of them; each account's item names the page that wrote it. Whoever comes to
the shard next, in this run or a later one, and finds a page that a crash left open, reads those
accounts and counts the ones that name the page, before writing any.
"""

from datetime import datetime

import msgspec

from escalon.domain.rules.rollout import Rollout

# The reason for which nobody whom a policy binds is contacted until somebody mends the rulebook.
SILENCED = "rules_lacking"


class Totals(msgspec.Struct):
    """looked_at = acted + waited + held + sum(skipped) + failed."""

    looked_at: int = 0
    acted: int = 0
    waited: int = 0
    held: int = 0
    skipped: dict[str, int] = {}
    failed: int = 0
    issued: int = 0  # receivables that became part of their account
    not_issued: int = 0  # those that could not, and were set aside
    silenced: int = 0  # of those that waited: what binds everybody is missing from the rulebook

    def count(self, outcome: str, reason: str = "") -> None:
        """Count one account."""
        self.looked_at += 1
        if outcome == "act":
            self.acted += 1
        elif outcome == "wait":
            self.waited += 1
            self.silenced += reason == SILENCED
        elif outcome == "hold":
            self.held += 1
        elif outcome == "failed":
            self.failed += 1
        else:
            self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def add(self, other: "Totals") -> None:
        """Add another page's totals."""
        self.looked_at += other.looked_at
        self.acted += other.acted
        self.waited += other.waited
        self.held += other.held
        self.failed += other.failed
        self.issued += other.issued
        self.not_issued += other.not_issued
        self.silenced += other.silenced
        for reason, count in other.skipped.items():
            self.skipped[reason] = self.skipped.get(reason, 0) + count

    @property
    def add_up(self) -> bool:
        """Whether the books balance."""
        parts = self.acted + self.waited + self.held + self.failed + sum(self.skipped.values())
        return self.looked_at == parts


class Run(msgspec.Struct, frozen=True):
    """One run of the sweep."""

    run_id: str
    as_of: datetime
    rulebook: str
    shards: int
    rollout: Rollout | None = None  # what it is pinned to, while that is more than one rulebook
    kind: str = ""  # "replan" for a look at what a new rulebook changes; empty: a sweep


class Page(msgspec.Struct, frozen=True):
    """Some accounts of one shard that a run writes together."""

    page_id: str
    shard: str
    accounts: tuple[str, ...]
    totals: Totals | None = None  # None while it is open


def run_mark(page_id: str, outcome: str, reason: str = "") -> str:
    """What an account's item keeps of the run that decided about it last."""
    return f"{page_id}|{outcome}|{reason}"


def run_of(mark: str) -> tuple[str, str, str]:
    """Page, outcome and reason of a mark; the run's id is the page id up to its '/'."""
    page_id, _, rest = mark.partition("|")
    outcome, _, reason = rest.partition("|")
    return page_id, outcome, reason
