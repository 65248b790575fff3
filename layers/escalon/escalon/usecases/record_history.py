"""History: the facts of every version of an account, kept for ever and told to whoever listens.

The table's stream hands over each account's item as it was written; its facts go to the history
table under account and version, so a record that comes twice is written once, and to the event bus.
Beside them goes the account as that version left it, without personal data, so that any decision of
the past can be explained.
"""

import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from escalon.domain.account import Account
from escalon.domain.decisions.past import State, nameless, written_at

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
        states: dict[tuple[str, int], State] = {}
        for image in images:
            account_id = image["pk"]["S"].removeprefix("A#")
            version = int(image["v"]["N"])
            facts = msgspec.json.decode(image["facts"]["S"])
            kept |= {(account_id, version, index): fact for index, fact in enumerate(facts)}
            at = written_at(facts)
            account = read_account(image) if at is not None else None
            if at is not None and account is not None:
                states[account_id, version] = State(nameless(account), version, at)
        self._history.keep([(*key, fact) for key, fact in kept.items()], list(states.values()))
        self._bus.tell([(account_id, fact) for (account_id, _, _), fact in kept.items()])
        return len(kept)


def read_account(image: dict[str, Any]) -> Account | None:
    """The account that an item holds; None if it cannot be read, which its run tells."""
    doc = image["doc"]
    try:
        text = doc["S"] if "S" in doc else zlib.decompress(doc["B"])
        return msgspec.json.decode(text, type=Account)
    except (msgspec.MsgspecError, zlib.error):
        return None
