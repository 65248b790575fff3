"""What the functions tell each other over queues: ids only, no personal data (invariant 12)."""

from datetime import datetime

import msgspec

from escalon.domain.rules.rollout import Rollout


class ShardOfRun(msgspec.Struct, frozen=True):
    """Escalate what is due in one shard."""

    run_id: str
    as_of: datetime
    rulebook: str
    shard: str
    hop: int = 0  # how often the function has handed this over to itself
    rollout: Rollout | None = None  # with its canary; None: there is none

    @property
    def in_force(self) -> Rollout:
        """What the run was pinned to."""
        return self.rollout or Rollout(self.rulebook)


class ToDeliver(msgspec.Struct, frozen=True):
    """Deliver one planned intent."""

    account_id: str
    intent_id: str


class ReplanShard(msgspec.Struct, frozen=True, omit_defaults=True):
    """See what a change of rules means for what stands in one shard."""

    run_id: str
    as_of: datetime
    shard: str
    in_force: Rollout
    hop: int = 0  # how often the function has handed this over to itself
    after: dict[str, dict[str, str]] | None = None  # the place in the due index that was reached
