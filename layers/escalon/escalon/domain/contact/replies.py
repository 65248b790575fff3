"""What a debtor writes back to a message, and the few words that act by themselves: pure.

Sources of the words: CTIA Messaging Principles and Best Practices 5.1.3 and 47 CFR 64.1200(a)(10)
for the English ones; Spanish and Portuguese ones as carriers of those countries have them.
"""

import unicodedata
from datetime import datetime
from typing import Literal

import msgspec

from escalon.domain.account import Channel

type Wish = Literal["stop", "start", ""]

_STOP = frozenset(
    {
        *("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke"),
        *("opt out", "optout", "baja", "salir", "cancelar", "parar", "sair"),
    }
)
_START = frozenset({"start", "unstop", "alta"})


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message from a debtor. `sender` is a number in E.164."""

    channel: Channel
    reply_id: str  # the carrier's; the same if the same message is told twice
    at: datetime
    sender: str
    text: str = ""  # empty if it is a picture, a voice message or the like
    kind: str = "text"


def wish_of(text: str) -> Wish:
    """What the whole message asks for: "Stop.", " BAJA ", "stop!!" are the word, a sentence that
    holds it is not, since it may say anything. A person reads that."""
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text).casefold()
        if char.isalpha() or char.isspace() or char == "-"
    )
    word = " ".join(plain.replace("-", " ").split())
    if word in _STOP:
        return "stop"
    return "start" if word in _START else ""
