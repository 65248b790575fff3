"""The last look of whoever carries out a task: what has changed since it was opened. Pure.

A message is decided again right before it leaves. A task stands on a list for days, so the list
says with each task whether it may be done at the instant at which it is read (invariant 3).
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from escalon.domain.account import Account, Receivable
from escalon.domain.agreements.agreed import resting
from escalon.domain.agreements.due import rest_reason
from escalon.domain.contact.facts import Stop
from escalon.domain.contact.policy import Deny, open_until
from escalon.domain.contact.told import contact_verdict, facts_of, gate_reason, stops_of, zones_for
from escalon.domain.decisions.decision import Reason, Refusal
from escalon.domain.holds import open_hold
from escalon.domain.local_time import local_date
from escalon.domain.rules.rulebook import CALL, Rulebook, Step
from escalon.domain.tasks import Task


class LastLook(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a task may not be done now, both empty if it may; of a call, until when it may today."""

    reasons: tuple[Reason, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    until: datetime | None = None


def last_look(account: Account, rulebook: Rulebook, task: Task, at: datetime) -> LastLook:
    """Whether the task of a ladder's step may be carried out at that instant (aware), by the rules
    in force. Of any other work nothing is said: it asks the debtor for nothing."""
    step = _step(rulebook, task)
    if step is None:
        return LastLook()
    zones = zones_for(rulebook, account)
    today = local_date(zones, at)
    owed = next((r for r in account.receivables if r.receivable_id == task.receivable_id), None)
    if owed is None or owed.open_minor <= 0:
        # Of more than twenty the account's document does not have all.
        gone = owed is not None or not account.beyond
        about = {"receivable": task.receivable_id}
        return LastLook((Reason("settled", about),) if gone else ())
    stops = stops_of(account, rulebook.holds, task.receivable_id, today, zones)
    reasons = list(_rests(account, rulebook, owed, at))
    policy = rulebook.policy_for(account.country)
    shut = gate_reason(account, rulebook, policy, step, owed, zones=zones, stops=stops, at=at)
    if shut is not None:
        reasons.append(shut[0])
    channel = "voice" if task.kind == CALL else task.kind
    if channel not in step.contacts_by:
        return LastLook(tuple(reasons))
    refusal, until = _by_hand(account, rulebook, task, step, owed, channel, stops, zones, at)
    return LastLook(tuple(reasons), (refusal,) if refusal else (), None if reasons else until)


def _step(rulebook: Rulebook, task: Task) -> Step | None:
    steps = (step for strategy in rulebook.strategies for step in strategy.steps)
    return next(
        (s for s in steps if s.step == task.step and task.kind in (s.task, *s.channels)), None
    )


def _rests(
    account: Account, rulebook: Rulebook, owed: Receivable, at: datetime
) -> Iterator[Reason]:
    """Why nobody asks for the receivable now."""
    today = local_date(zones_for(rulebook, account), at)
    held = open_hold(account, rulebook.holds, None, today)
    if held is not None:
        yield Reason("account_hold", {"kind": held[0].kind, "until": held[1]})
    about = {"receivable": owed.receivable_id}
    held = open_hold(account, rulebook.holds, owed.receivable_id, today)
    if held is not None:
        yield Reason("receivable_hold", {**about, "kind": held[0].kind, "until": held[1]})
    agreement = resting(account.agreements).get(owed.receivable_id)
    if agreement is not None:
        yield rest_reason(agreement, owed, today)
    for money in account.awaited:
        if money.creditor in ("", owed.creditor) and money.since <= at < money.until:
            yield Reason("payment_awaited", {"creditor": owed.creditor, "until": money.until})
            return


def _by_hand(
    account: Account,
    rulebook: Rulebook,
    task: Task,
    step: Step,
    owed: Receivable,
    channel: str,
    stops: tuple[Stop, ...],
    zones: tuple[str, ...],
    at: datetime,
) -> tuple[Refusal | None, datetime | None]:
    """Why the person may not be called or written to by hand now, or until when they may."""
    policy = rulebook.policy_for(account.country)
    of_channel = [point for point in account.points if point.channel == channel]
    chosen = next((point for point in of_channel if point.point_id == task.point_id), None)
    point = chosen or next(iter(of_channel), None)
    verdict = contact_verdict(
        account,
        rulebook,
        policy,
        channel=channel,
        point=point,
        zones=zones,
        stops=stops,
        at=at,
        step=step,
        receivable=owed,
    )
    if isinstance(verdict, Deny):
        denied = verdict.rule, verdict.source, verdict.reason
        opens_at = verdict.next_allowed_at
        return Refusal(owed.creditor, step.step, channel, *denied, opens_at, verdict.params), None
    facts = facts_of(account, rulebook, stops=stops, at=at, receivable=owed, step=step, point=point)
    until = open_until(
        policy, channel=channel, zones=zones, region=account.region, facts=facts, at=at
    )
    return None, until
