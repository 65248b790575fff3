"""What the use cases ask of the world, and the answers they understand."""

from datetime import datetime
from typing import Protocol

import msgspec

from escalon.domain.rules.rollout import Rollout
from escalon.domain.rules.rulebook import Rulebook


class Clock(Protocol):
    """The real time, asked at the last look only."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


class Rulebooks(Protocol):
    """Published rulebooks."""

    def live(self) -> str:
        """The version that is in force, but for accounts on a canary's side."""
        ...

    def rollout(self, *, fresh: bool = False) -> Rollout:
        """All that is in force, with the canary and its share; `fresh` for whoever must not miss
        what was published just now."""
        ...

    def get(self, version: str) -> Rulebook:
        """A published rulebook; versions never change."""
        ...


class RulebookInForce(Protocol):
    """The rulebook in force for an account; without one, the live one. None before one was ever
    published."""

    def __call__(self, account_id: str = "") -> Rulebook | None:
        """Ask."""
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
