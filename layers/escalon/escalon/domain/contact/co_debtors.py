"""Co-debtors and guarantors: who else is written to once the debtor's step is taken, and whether
they may be now.

A step that names them (`Step.to`) goes to the debtor first. Then each of them follows with a
message of their own, under their own law, wishes and contact clock, and waits for the window in
which it may go. None of them holds the debtor's ladder back: with the debtor's next step, or once
`FOLLOWED_FOR` has passed, what was not sent is left out.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, Link, Receivable, StepRecord
from escalon.domain.contact.policy import Allow
from escalon.domain.contact.told import (
    contact_verdict,
    stops_of,
    whereabouts_unknown,
    zones_for,
)
from escalon.domain.decisions.decision import Reason, Refusal
from escalon.domain.holds import open_hold
from escalon.domain.local_time import local_date, start_of_day
from escalon.domain.rules.rulebook import Rulebook, Step

# Channels whose messages say as what somebody is written to. A template of WhatsApp has no place
# for it; a letter or a call is work for a person, who has the debtor's task.
SAYS_ROLE = frozenset(("email", "sms"))

# For so long after the debtor's message the others may follow: longer than any built-in law keeps a
# channel locked, and not so long that it would be news no more.
FOLLOWED_FOR = timedelta(days=14)


class Follow(msgspec.Struct, frozen=True):
    """One co-debtor or guarantor to whom a step of the debtor's still goes."""

    link: Link
    receivable: Receivable  # the one that carried the step, as far as this person has heard of it
    step: Step
    record: StepRecord | None  # of an attempt that failed
    until: datetime  # from then on it is left out


class Reach(msgspec.Struct, frozen=True):
    """Whether and how the person may be written to now: by a channel and a point of theirs, or
    (no channel) why not, and when to look again if time alone may change it."""

    reasons: tuple[Reason, ...]
    channel: str = ""
    point_id: str = ""
    refusals: tuple[Refusal, ...] = ()
    next_look_at: datetime | None = None


def followed_key(receivable_id: str, step: str, person: str) -> str:
    """Where the debtor's account keeps what became of a step's message to the person."""
    return f"{receivable_id}/{step}/{person}"


def still_open(account: Account) -> dict[str, StepRecord]:
    """What became of messages to others, but for those about receivables that are settled."""
    opened = {receivable.receivable_id for receivable in account.receivables}
    return {key: r for key, r in account.followed.items() if key.rsplit("/", 2)[0] in opened}


def writes_to_others(rulebook: Rulebook) -> bool:
    """Whether any step goes to anybody but the debtor."""
    return any(len(step.to) > 1 for strategy in rulebook.strategies for step in strategy.steps)


def follows(
    account: Account,
    creditor: str,
    receivables: Sequence[Receivable],
    rulebook: Rulebook,
    as_of: datetime,
) -> list[Follow]:
    """To whom the creditor's last step still goes, in the order of the account's links.
    `receivables` are those that may be chased."""
    ladder = account.ladders.get(creditor)
    step = rulebook.find_step(ladder.last_step) if ladder is not None else None
    if step is None or ladder is None or len(step.to) < 2:
        return []
    found: list[Follow] = []
    for receivable in receivables:
        taken = receivable.steps.get(step.step)
        if (
            taken is None
            or taken.at != ladder.last_at
            or taken.state not in ("sent", "delivered")  # the debtor is told first, for certain
            or receivable.open_minor <= 0
            or as_of >= taken.at + FOLLOWED_FOR
        ):
            continue
        asked: set[str] = {account.account_id}
        for link in account.links:
            if link.role not in step.to or link.account_id in asked:
                continue
            asked.add(link.account_id)
            key = followed_key(receivable.receivable_id, step.step, link.account_id)
            record = account.followed.get(key)
            if record is None or not record.is_behind:
                told = replace(receivable, first_contact_at=_first_told(account, receivable, link))
                found.append(Follow(link, told, step, record, taken.at + FOLLOWED_FOR))
    return found


def reach(
    follow: Follow,
    creditor: str,
    linked: Mapping[str, Account] | None,
    rulebook: Rulebook,
    as_of: datetime,
) -> Reach:
    """Whether the person may be written to at that instant. `linked` are the accounts that the
    debtor's is linked with; None if they were not read."""
    about = {"step": follow.step.step, "person": follow.link.account_id}
    if linked is None:
        return Reach((Reason("follow_unread", about),), next_look_at=as_of)
    person = linked.get(follow.link.account_id)
    if person is None:
        return Reach((Reason("follow_unknown", about),))
    zones = zones_for(rulebook, person)
    if whereabouts_unknown(zones):
        return Reach((Reason("follow_whereabouts_unknown", about),))
    today = local_date(zones, as_of)
    rests = open_hold(person, rulebook.holds, None, today)
    if rests is not None:
        hold, ends_on = rests
        reason = Reason("follow_rests", {**about, "kind": hold.kind, "until": ends_on})
        ends_at = start_of_day(zones, ends_on) if ends_on else None
        return Reach((reason,), next_look_at=_before(follow.until, ends_at))
    return _by_channel(follow, person, creditor, rulebook, zones, as_of, about)


def _by_channel(
    follow: Follow,
    person: Account,
    creditor: str,
    rulebook: Rulebook,
    zones: tuple[str, ...],
    as_of: datetime,
    about: dict[str, str],
) -> Reach:
    """By the first of the step's channels that says the role, that we serve, and that the person's
    law and wishes allow."""
    stops = stops_of(person, rulebook.holds, "", local_date(zones, as_of), zones)
    policy = rulebook.policy_for(person.country)
    record = follow.record
    # One that a person took back has not failed; one that failed is among those that were tried.
    tried = record.tried if record is not None else ()
    refusals: list[Refusal] = []
    opens: list[datetime] = []
    for channel in follow.step.channels:
        if channel in tried or channel not in SAYS_ROLE or channel not in rulebook.channels.served:
            continue
        points = [point for point in person.points if point.channel == channel]
        for point in points or (None,):
            verdict = contact_verdict(
                person,
                rulebook,
                policy,
                channel=channel,
                point=point,
                zones=zones,
                stops=stops,
                at=as_of,
                step=follow.step,
                receivable=follow.receivable,
                role=follow.link.role,
            )
            if isinstance(verdict, Allow):
                reasons = (Reason("follows", about), Reason("channel_open", {"channel": channel}))
                point_id = point.point_id if point is not None else ""
                return Reach(reasons, channel, point_id, tuple(refusals))
            refusals.append(
                Refusal(
                    creditor,
                    follow.step.step,
                    channel,
                    verdict.rule,
                    verdict.source,
                    verdict.reason,
                    verdict.next_allowed_at,
                    verdict.params,
                    person.account_id,
                )
            )
            if verdict.next_allowed_at is not None:
                opens.append(verdict.next_allowed_at)
    at = _before(follow.until, min(opens, default=None))
    if at is None:
        return Reach((Reason("follow_passed", about),), refusals=tuple(refusals))
    reason = Reason("follow_closed", {**about, "until": at})
    return Reach((reason,), refusals=tuple(refusals), next_look_at=at)


def _before(until: datetime, at: datetime | None) -> datetime | None:
    return at if at is not None and at < until else None


def _first_told(account: Account, receivable: Receivable, link: Link) -> datetime | None:
    """When the person first heard of the receivable from us."""
    return min(
        (
            record.at
            for key, record in account.followed.items()
            if record.is_behind
            and key.startswith(f"{receivable.receivable_id}/")
            and key.endswith(f"/{link.account_id}")
        ),
        default=None,
    )
