"""Holds: dated reasons to rest an account or a receivable, which end by themselves (lesson L13)."""

from collections.abc import Mapping
from datetime import date

from escalon.domain.account import Account, Beyond, Hold
from escalon.domain.local_time import add_days
from escalon.domain.rulebook import HoldKind


def open_hold(
    account: Account, kinds: Mapping[str, HoldKind], receivable_id: str | None, today: date
) -> tuple[Hold, date | None] | None:
    """The hold that rests the account (None) or one receivable today, and the day it ends.

    The rulebook may say how long a kind lasts at most, whatever end the hold itself states. Of
    several holds the one that ends last is given; one without an end comes last of all.
    """
    latest: tuple[Hold, date | None] | None = None
    for hold in account.holds:
        if hold.receivable_id != receivable_id:
            continue
        ends_on = end_of(hold, kinds)
        if hold.starts_on <= today and (ends_on is None or today < ends_on):
            if ends_on is None:
                return hold, None
            if latest is None or (latest[1] is not None and ends_on > latest[1]):
                latest = hold, ends_on
    return latest


def end_of(hold: Hold, kinds: Mapping[str, HoldKind]) -> date | None:
    """The first day on which the hold no longer counts: what it says, or what its kind allows."""
    kind = kinds.get(hold.kind)
    if kind is None or kind.at_most_days is None:
        return hold.ends_on
    at_most = add_days(hold.starts_on, kind.at_most_days)
    return at_most if hold.ends_on is None else min(hold.ends_on, at_most)


def countable_beyond(
    account: Account, kinds: Mapping[str, HoldKind], today: date
) -> Mapping[str, Beyond]:
    """What the account's document has no room for, summed, as far as it may count.

    A sum cannot be told apart: if a hold rests a receivable that is in none of the embedded ones,
    nothing of the sums is chased or mentioned, rather than money that is in dispute.
    """
    if not account.beyond:
        return account.beyond
    embedded = {receivable.receivable_id for receivable in account.receivables}
    for hold in account.holds:
        if hold.receivable_id is not None and hold.receivable_id not in embedded:
            ends_on = end_of(hold, kinds)
            if hold.starts_on <= today and (ends_on is None or today < ends_on):
                return {}
    return account.beyond
