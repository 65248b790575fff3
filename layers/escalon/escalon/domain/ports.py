"""What the use cases ask of the world, and the answers they understand."""

from datetime import datetime
from typing import Protocol

import msgspec

from escalon.domain.rulebook import Rulebook


class Clock(Protocol):
    """The real time, asked at the last look only."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


class Rulebooks(Protocol):
    """Published rulebooks."""

    def live(self) -> str:
        """The version that is in force."""
        ...

    def get(self, version: str) -> Rulebook:
        """A published rulebook; versions never change."""
        ...


class Sent(msgspec.Struct, frozen=True):
    """The provider took the message."""

    provider_message_id: str


class Refused(msgspec.Struct, frozen=True):
    """The provider will never take this message: it reached nobody."""

    reason: str
    address_bad: bool = False


class NotTaken(msgspec.Struct, frozen=True):
    """The provider certainly did not take it, and may later (throttled, no connection)."""

    reason: str


class Unknown(msgspec.Struct, frozen=True):
    """The answer was lost: the message may have left. It is never sent again blindly."""

    reason: str


type SendResult = Sent | Refused | NotTaken | Unknown
