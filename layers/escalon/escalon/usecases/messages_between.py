"""What the functions tell each other over queues: ids only, no personal data (invariant 12)."""

from datetime import datetime

import msgspec


class ShardOfRun(msgspec.Struct, frozen=True):
    """Escalate what is due in one shard."""

    run_id: str
    as_of: datetime
    rulebook: str
    shard: str
    hop: int = 0  # how often the function has handed this over to itself


class ToDeliver(msgspec.Struct, frozen=True):
    """Deliver one planned intent."""

    account_id: str
    intent_id: str
