"""History: the facts of every version of an account, kept for ever and told to whoever listens.

The table's stream hands over each account's item as it was written; its facts go to the history
table under account and version, so a record that comes twice is written once, and to the event bus.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from escalon.adapters.bus import Bus
    from escalon.adapters.history import History


class RecordHistory:
    """Take the facts of one stream batch on."""

    def __init__(self, history: "History", bus: "Bus") -> None:
        self._history = history
        self._bus = bus

    def __call__(self, images: Iterable[dict[str, Any]]) -> int:
        """`images` are new images of accounts' items in DynamoDB's own notation."""
        # A write that does not move an account's version (an account set aside) brings the same
        # facts again, and a request may not name a key twice.
        kept: dict[tuple[str, int, int], dict[str, Any]] = {}
        for image in images:
            account_id = image["pk"]["S"].removeprefix("A#")
            version = int(image["v"]["N"])
            facts = msgspec.json.decode(image["facts"]["S"])
            kept |= {(account_id, version, index): fact for index, fact in enumerate(facts)}
        self._history.keep([(*key, fact) for key, fact in kept.items()])
        self._bus.tell([(account_id, fact) for (account_id, _, _), fact in kept.items()])
        return len(kept)
