"""An account as it was: every version's state is kept with its facts, without personal data.

So a decision of the past can be explained, or asked of another rulebook, from data alone. What no
decision looks at and tells who somebody is is left out, since the history is kept for ever: names,
the source's reference, addresses, notes, reasons, and how an agreement was accepted.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account
from escalon.domain.agreements.agreed import Acceptance
from escalon.domain.facts import Fact


class State(msgspec.Struct, frozen=True):
    """One version of an account, and since when it was that."""

    account: Account
    version: int
    at: datetime


def nameless(account: Account) -> Account:
    """The account without personal data (invariant 12): a decision about it is the same."""
    return replace(
        account,
        name="",
        source_ref="",
        points=tuple(
            replace(
                point,
                address="-",
                consent=point.consent
                and replace(point.consent, evidence=_on_file(point.consent.evidence)),
            )
            for point in account.points
        ),
        holds=tuple(replace(hold, note="") for hold in account.holds),
        extra_hours=account.extra_hours
        and replace(account.extra_hours, evidence=_on_file(account.extra_hours.evidence)),
        requests=tuple(replace(r, evidence=_on_file(r.evidence)) for r in account.requests),
        receivables=tuple(
            replace(
                owed,
                notices=tuple(replace(n, proof=_on_file(n.proof)) for n in owed.notices),
            )
            if owed.notices
            else owed
            for owed in account.receivables
        ),
        agreements=tuple(
            replace(
                agreement,
                accepted=agreement.accepted and _bare(agreement.accepted),
                history=tuple(replace(change, why="") for change in agreement.history),
            )
            for agreement in account.agreements
        ),
    )


def _on_file(proof: str) -> str:
    """That something proves it, without what."""
    return "on file" if proof else ""


def _bare(acceptance: Acceptance) -> Acceptance:
    return Acceptance(acceptance.at, acceptance.by, acceptance.channel)


def written_at(facts: Sequence[Fact]) -> datetime | None:
    """When a version was written, as its facts tell; None if they tell nothing."""
    told: list[Any] = [fact["at"] for fact in facts if fact.get("at")]
    return max((_instant(at) for at in told), default=None)


def decided_by(facts: Sequence[Fact], at: datetime) -> str:
    """The rulebook by which the account was decided about last, up to an instant; empty if it never
    was."""
    last = (f for f in reversed(facts) if f["fact"] == "decided" and _instant(f["at"]) <= at)
    return str(next(last, {}).get("rulebook", ""))


def _instant(at: Any) -> datetime:
    found = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
