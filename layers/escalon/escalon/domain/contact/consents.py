"""The ledger of consents: what changed of a person's permission to be contacted, and what proves it
(Colombia: Ley 1581 of 2012, arts. 8 and 9; contact-law C2).

An account knows how each consent stands; the ledger knows how it came to that. An entry is written
by the very write that changes the account, whoever makes it, so no change is without its entry. It
holds both sides of the change: what stood before is proven too.
"""

from datetime import datetime
from typing import Literal

import msgspec

from escalon.domain.account import Account, Channel, Consent, ContactPoint

# given, withdrawn: for one contact point · refused, allowed: the channel, whatever the address
# removed: the contact point went, and its consent with it
Became = Literal["given", "withdrawn", "refused", "allowed", "removed"]


class ConsentEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change, at the instant of the facts that were told with it (None: with none), such as
    `imported` or `complained`, which `by` names. `purposes` of None: nobody tells purposes apart.
    """

    at: datetime | None
    became: Became
    channel: Channel
    by: tuple[str, ...] = ()
    point_id: str = ""
    address: str = ""
    purposes: tuple[str, ...] | None = None
    consent: Consent | None = None  # as it stands from now on
    before: Consent | None = None


def consent_changes(
    before: Account, after: Account, at: datetime | None, by: tuple[str, ...]
) -> tuple[ConsentEntry, ...]:
    """What changed between two versions of an account. The addresses that an account is first known
    with are no change: they are in its document, and in the file that it came in."""
    if before.points is after.points and before.refused_channels is after.refused_channels:
        return ()
    entries: list[ConsentEntry] = []
    known = {point.point_id: point for point in before.points}
    for point in after.points:
        was = known.pop(point.point_id, None)
        became = _became(was, point) if was or before.points else None
        if became:
            entries.append(_entry(at, became, by, point, was, point.consent))
    entries += [_entry(at, "removed", by, gone, gone, None) for gone in known.values()]
    for channel in after.refused_channels:
        if channel not in before.refused_channels:
            entries.append(ConsentEntry(at, "refused", _channel(channel), by))
    for channel in before.refused_channels:
        if channel not in after.refused_channels:
            entries.append(ConsentEntry(at, "allowed", _channel(channel), by))
    return tuple(entries)


def _became(was: ContactPoint | None, point: ContactPoint) -> Became | None:
    if was is not None and (was.consent, was.known.purposes) == (
        point.consent,
        point.known.purposes,
    ):
        return None
    if point.consent is None:
        return "removed" if was is not None and was.consent is not None else None
    return "given" if point.consent.stands else "withdrawn"


def _entry(
    at: datetime | None,
    became: Became,
    by: tuple[str, ...],
    point: ContactPoint,
    was: ContactPoint | None,
    consent: Consent | None,
) -> ConsentEntry:
    return ConsentEntry(
        at,
        became,
        point.channel,
        by,
        point.point_id,
        point.address,
        point.known.purposes,
        consent,
        was.consent if was else None,
    )


def _channel(name: str) -> Channel:
    channel: Channel = msgspec.convert(name, Channel)
    return channel
