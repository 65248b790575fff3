"""What the contact policy is told about a contact beside whom, how and when.

Every field may be left out. Then the careful reading holds: nobody asked for anything, any call may
have been a conversation, no notice was given, nothing is on file. Instants are aware.
"""

from datetime import date, datetime
from typing import Literal

import msgspec

from escalon.domain.calendar import Week


class Stop(msgspec.Struct, frozen=True, omit_defaults=True):
    """A state (StopKind) that the person, or the debt that the contact is about, is in."""

    kind: str
    until: datetime | None = None  # None: until somebody says that it is over


class Conversation(msgspec.Struct, frozen=True, omit_defaults=True):
    """That the person and we spoke, or wrote to each other, in both directions."""

    at: datetime
    channel: str = "voice"
    inbound: bool = False  # whether the person began it


type Asks = Literal["answer", "call", "channel"]


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the person asked of us: an answer, by the channel they wrote on; a call; or that we use
    this channel from now on. `evidence` is where their word is kept, if not as a reply."""

    at: datetime
    channel: str
    asks: Asks = "answer"
    evidence: str = ""


class ExtraHours(msgspec.Struct, frozen=True, omit_defaults=True):
    """Further hours that the person opened in writing. They count only with the document
    (`evidence`), and only if it was signed after the contract (Ley 2300/2023 art. 3 par.)."""

    week: Week
    signed_on: date
    contract_on: date
    evidence: str


class PointFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of the contact point."""

    origin: str = ""  # Origin; where we have it from
    use: str = ""  # Use
    # What its consent was given for; None: nobody tells purposes apart, so it is for this.
    purposes: tuple[str, ...] | None = None
    confirmed_on: date | None = None  # when the person last confirmed or used it, after consenting


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A statutory notice that was given. One without proof counts for nothing."""

    notice: str  # NoticeName
    at: datetime
    proof: str = ""


class Debt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What gates and duties ask about the debt. Amounts are minor units of `currency`."""

    due_on: date | None = None
    principal_minor: int = 0
    currency: str = ""
    first_contact_at: datetime | None = None  # the first communication about this debt
    notices: tuple[Notice, ...] = ()
    on_file: tuple[str, ...] = ()  # OnFile


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is about to be said."""

    action: str = ""  # the Action that it carries out or announces
    gives: tuple[str, ...] = ()  # the statutory notices that it is
    first: bool = True  # whether it is the first about this debt
    # What it shows (Block) and what it is that no message may be (Wrong); None: its review when the
    # rulebook was loaded has seen to that.
    content: tuple[str, ...] | None = None
    # The texts that others can read along, by Place, in the language of `language` ("es").
    previews: dict[str, str] = {}
    language: str = ""


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of it."""

    stops: tuple[Stop, ...] = ()
    # None: nobody keeps them, so every call that was made may have been one.
    conversations: tuple[Conversation, ...] | None = None
    requests: tuple[Request, ...] = ()
    refused_channels: tuple[str, ...] = ()  # media that the person does not want to be contacted by
    hours: Week | None = None  # the only hours at which the person wants to be contacted
    extra_hours: ExtraHours | None = None
    point: PointFacts = PointFacts()
    debt: Debt = Debt()
    message: Message = Message()


def last_request(facts: Facts | None, asks: str, channel: str, at: datetime) -> datetime | None:
    """When the person last asked for that, up to `at`, by that channel or ("") by any."""
    if facts is None:
        return None
    asked = (
        request.at
        for request in facts.requests
        if request.asks == asks and request.at <= at and channel in ("", request.channel)
    )
    return max(asked, default=None)
