"""Which rulebook decides about which account while one takes another's place.

A rulebook goes live for all accounts at once, or first for a share of them, as the canary. An
account falls to a side by a hash of the canary and its own id, so it stays there however often it
is asked about, and as the share grows none goes back. Accounts whose ladder is under way may keep
the rulebook that they are on until their next step.
"""

import hashlib

import msgspec

from escalon.domain.account import Account

FULL = 10_000  # a share of all accounts, in hundredths of a percent
MOST_KEPT = 10  # versions that accounts may still be on, beside the one in force


class RolloutRefusedError(Exception):
    """It was not put in force, or was taken back at once; what was in force stays."""


class Rollout(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is in force, as AppConfig carries it: versions of rulebooks, and the canary's share in
    hundredths of a percent. `keep` are the versions on which an account that is under way stays
    until its next step, on the live side; `canary_keep` those on the canary's."""

    live: str
    canary: str = ""
    share: int = 0
    keep: tuple[str, ...] = ()
    canary_keep: tuple[str, ...] = ()

    def on_canary(self, account_id: str) -> bool:
        """Whether the account falls to the canary's side."""
        return bool(self.canary) and place_of(self.canary, account_id) < self.share

    def side_of(self, account_id: str) -> str:
        """The version in force for an account; without an account, the live one."""
        return self.canary if account_id and self.on_canary(account_id) else self.live

    def version_for(self, account: Account) -> str:
        """The version that decides about the account now."""
        canary = self.on_canary(account.account_id)
        if account.ruled_by in (self.canary_keep if canary else self.keep) and under_way(account):
            return account.ruled_by
        return self.canary if canary else self.live

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version that may decide about an account."""
        named = (self.live, self.canary, *self.keep, *self.canary_keep)
        return tuple(dict.fromkeys(version for version in named if version))


def place_of(canary: str, account_id: str) -> int:
    """Where the account stands among all of them for this canary: from 0 to 9,999, evenly."""
    digest = hashlib.sha256(f"{canary}|{account_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % FULL


def under_way(account: Account) -> bool:
    """Whether a step of a ladder was taken for a debt that is still open."""
    return any(receivable.steps for receivable in account.receivables)


def kept_beside(rollout: Rollout, version: str, *, keep: bool) -> tuple[str, ...]:
    """The versions that accounts may stay on when `version` takes the place of the live one: the
    live one and those kept beside it, the latest last; none if they are to move at once."""
    if not keep:
        return ()
    kept = [one for one in (*rollout.keep, rollout.live) if one != version]
    return tuple(dict.fromkeys(kept))[-MOST_KEPT:]


def plan_hash(draft: str, in_force: str, book: str, days: int) -> str:
    """A plan's name: of both rulebooks' versions, the fingerprint of the book and the days."""
    return hashlib.sha256(f"{draft}|{in_force}|{book}|{days}".encode()).hexdigest()[:16]
