"""The last look of whoever carries out a task: what has changed since it was opened. Pure.

A message is decided again right before it leaves. A task stands on a list for days, so the list
says with each task whether it may be done at the instant at which it is read, and no letter is
written that may not be posted (invariant 3).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from escalon.domain.account import Account, ContactPoint, Receivable
from escalon.domain.agreements.agreed import resting
from escalon.domain.agreements.due import rest_reason
from escalon.domain.contact.brakes import Brakes, because
from escalon.domain.contact.facts import Stop
from escalon.domain.contact.policy import Deny, open_until
from escalon.domain.contact.told import contact_verdict, facts_of, gate_reason, stops_of, zones_for
from escalon.domain.decisions.by_channel import braked, not_fresh
from escalon.domain.decisions.by_hand import address_of
from escalon.domain.decisions.decision import Reason, Refusal
from escalon.domain.decisions.explanation import refusal_sentence, sentence
from escalon.domain.decisions.owed import carrying_of, owed_of
from escalon.domain.decisions.view import view_of
from escalon.domain.holds import open_hold
from escalon.domain.local_time import local_date
from escalon.domain.rules.rulebook import CALL, Rulebook, Step
from escalon.domain.tasks import BY_KIND, SENT_BY_HAND, Task


class LastLook(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a task may not be done now, both empty if it may; of a call, until when it may today."""

    reasons: tuple[Reason, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    until: datetime | None = None


def last_look(
    account: Account,
    rulebook: Rulebook,
    task: Task,
    at: datetime,
    *,
    feeds: Mapping[str, datetime],
    brakes: Brakes,
) -> LastLook:
    """Whether the task of a ladder's step may be carried out at that instant (aware), by the rules
    in force: `feeds` says when each payment feed last told us, `brakes` what people have stopped.
    A step that the rules do not have any more is a reason not to. Of work that is no step's nothing
    is said: it asks the debtor for nothing."""
    step = step_of(rulebook, task)
    if step is None and not _of_a_step(task):
        return LastLook()
    reasons = [] if step is not None else [Reason("step_gone", {"step": task.step})]
    owed = next((r for r in account.receivables if r.receivable_id == task.receivable_id), None)
    if owed is None or owed.open_minor <= 0:
        # Of more than twenty the account's document does not have all.
        code = "not_in_sight" if owed is None and account.beyond else "settled"
        return LastLook((*reasons, Reason(code, {"receivable": task.receivable_id})))
    zones = zones_for(rulebook, account)
    stops = stops_of(account, rulebook.holds, task.receivable_id, local_date(zones, at), zones)
    reasons += _rests(account, rulebook, owed, at)
    reasons += _too_little(account, rulebook, owed, at, feeds)
    if step is not None:
        policy = rulebook.policy_for(account.country)
        shut = gate_reason(account, rulebook, policy, step, owed, zones=zones, stops=stops, at=at)
        reasons += [shut[0]] if shut is not None else []
    channel = _channel_of(task)
    reasons += _stopped(rulebook, task, channel, brakes)
    if not channel:
        return LastLook(tuple(reasons))
    stale = not_fresh(rulebook, owed.creditor, feeds, at)
    reasons += [stale] if stale is not None else []
    point = address_of(account, channel, task.point_id)
    refusal, until = _by_hand(
        account, rulebook, task.step, step, owed, channel, point, stops, zones, at
    )
    return LastLook(tuple(reasons), (refusal,) if refusal else (), None if reasons else until)


def why_not(
    look: LastLook, account: Account, rulebook: Rulebook, brakes: Brakes, locale: str, at: datetime
) -> list[str]:
    """Why the task may not be done now, as sentences without their full stop; none if it may."""
    zones = zones_for(rulebook, account)
    return [
        *(sentence(reason, locale=locale, zones=zones) for reason in look.reasons),
        *because(look.reasons, brakes, locale=locale),
        *(refusal_sentence(one, locale=locale, zones=zones, as_of=at) for one in look.refusals),
    ]


def step_of(rulebook: Rulebook, task: Task) -> Step | None:
    """The step that the task carries out, as the rules have it now."""
    ladders = [s.steps for s in rulebook.strategies]
    steps = (step for ladder in (*ladders, rulebook.agreements.reminders) for step in ladder)
    return next(
        (s for s in steps if s.step == task.step and task.kind in (s.task, *s.channels)), None
    )


def _of_a_step(task: Task) -> bool:
    """Whether a step gave the task out, though the rules may not have it any more: a contact by
    hand, or work that a ladder has named."""
    return bool(task.step) and (bool(_channel_of(task)) or task.kind not in BY_KIND)


def _channel_of(task: Task) -> str:
    """The channel by which whoever carries out the task contacts the debtor; empty: by none."""
    if task.kind == CALL:
        return "voice"
    return task.kind if task.kind in SENT_BY_HAND else ""


def _stopped(rulebook: Rulebook, task: Task, channel: str, brakes: Brakes) -> Iterator[Reason]:
    """What people have stopped of it, as the engine asks before it opens a task."""
    ladders = [
        strategy.strategy
        for strategy in rulebook.strategies
        if any(step.step == task.step for step in strategy.steps)
    ]
    for ladder in ladders or [""]:
        brake = brakes.holding(
            channel=channel or "task", strategy=ladder, creditor=task.creditor, is_task=True
        )
        if brake is not None:
            yield braked(brake)
            return


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


def _too_little(
    account: Account,
    rulebook: Rulebook,
    owed: Receivable,
    at: datetime,
    feeds: Mapping[str, datetime],
) -> Iterator[Reason]:
    """Why what is owed to the creditor, net of credit, is not chased (any more)."""
    view = view_of(account, rulebook, at, feeds)
    chased = owed_of(view).by_creditor.get(owed.creditor, [])
    _, _, why_not = carrying_of(view, owed.creditor, chased)
    yield from (reason for reason in why_not if reason.params["currency"] == owed.currency)


def _by_hand(
    account: Account,
    rulebook: Rulebook,
    name: str,
    step: Step | None,
    owed: Receivable,
    channel: str,
    point: ContactPoint | None,
    stops: tuple[Stop, ...],
    zones: tuple[str, ...],
    at: datetime,
) -> tuple[Refusal | None, datetime | None]:
    """Why the person may not be called or written to by hand now by the step of that name, or until
    when they may."""
    policy = rulebook.policy_for(account.country)
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
        return Refusal(owed.creditor, name, channel, *denied, opens_at, verdict.params), None
    facts = facts_of(account, rulebook, stops=stops, at=at, receivable=owed, step=step, point=point)
    until = open_until(
        policy, channel=channel, zones=zones, region=account.region, facts=facts, at=at
    )
    return None, until
