"""By which channel a step is carried out now, and what holds a contact back for everybody: the
contact policy (invariant 3), payment feeds that are not fresh (lesson L7), a person's brake. Pure.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType

from msgspec.structs import replace

from escalon.domain.account import ContactPoint, Receivable, StepRecord
from escalon.domain.contact.brakes import BRAKE_PATIENCE, Brake, Brakes
from escalon.domain.contact.policy import Allow
from escalon.domain.contact.told import obstacle, whereabouts_unknown
from escalon.domain.decisions.decision import Reason, Refusal
from escalon.domain.decisions.rung import Rung, ask_a_person
from escalon.domain.decisions.view import PERSON_DAYS, REVIEW_DAYS, View
from escalon.domain.rules.rulebook import Rulebook, Step, Strategy

FEED_PATIENCE = timedelta(hours=1)  # between two looks while a payment feed is not fresh

# That no payment feed has told anything; where the rulebook asks for none, it is never looked at.
NO_FEEDS: Mapping[str, datetime] = MappingProxyType({})

# How soon an account is looked at again that no channel serves and nobody is asked about.
_LOOK_AGAIN_DAYS = {"rules_lacking": 1, "gate_closed": PERSON_DAYS, "contact_stopped": REVIEW_DAYS}

_DAY = timedelta(days=1)


def by_channel(
    view: View,
    creditor: str,
    strategy: Strategy,
    carrying: Receivable,
    step: Step,
    record: StepRecord | None,
    due_reason: Reason,
) -> Rung:
    """The first of the step's channels that is authorised, known to work and allowed now: for a
    message, or for a person who calls."""
    account = view.account
    if whereabouts_unknown(view.zones):
        return _find_whereabouts(view, creditor, strategy, carrying, step, due_reason)
    tried: tuple[str, ...] = ()
    if record is not None:
        tried = (*record.tried, record.channel) if record.is_behind else record.tried
    refusals: list[Refusal] = []
    opens_at: datetime | None = None
    for channel in step.contacts_by:
        if channel in tried:
            continue
        for point in _points(account.points, channel):
            verdict = view.verdict(channel, point, view.as_of, step, carrying)
            if isinstance(verdict, Allow):
                by_us = channel in view.rulebook.channels.served and not step.task
                return Rung(
                    "act",
                    creditor,
                    (due_reason, Reason("channel_open", {"channel": channel})),
                    strategy=strategy.strategy,
                    step=step,
                    action="message" if by_us else "task",
                    task="" if by_us else step.task or channel,
                    due_days=0 if by_us else step.task_due_days,
                    channel=channel,
                    point_id=point.point_id if point else "",
                    carrying=carrying,
                    refusals=tuple(refusals),
                    attempt=record.attempts + 1 if record else 1,
                )
            refusals.append(
                Refusal(
                    creditor,
                    step.step,
                    channel,
                    verdict.rule,
                    verdict.source,
                    verdict.reason,
                    verdict.next_allowed_at,
                    verdict.params,
                )
            )
            allowed_at = verdict.next_allowed_at
            if allowed_at is not None and (opens_at is None or allowed_at < opens_at):
                opens_at = allowed_at
    if opens_at is not None:
        reason = Reason("policy_closed", {"step": step.step, "until": opens_at})
        return Rung(
            "wait",
            creditor,
            (due_reason, reason),
            opens_at,
            tuple(refusals),
            strategy=strategy.strategy,
            step=step,
            carrying=carrying,
        )
    found = obstacle(step.step, refusals)
    if found is not None:
        outcome, why = found
        return Rung(
            outcome,
            creditor,
            (due_reason, why),
            view.in_days(_LOOK_AGAIN_DAYS[why.code]),
            strategy=strategy.strategy,
            step=step,
            carrying=carrying,
        )
    return ask_a_person(
        view,
        Rung(
            "act",
            creditor,
            (due_reason, Reason("no_lawful_channel", {"step": step.step})),
            refusals=tuple(refusals),
            strategy=strategy.strategy,
            step=step,
            action="task",
            task="data_repair",
            # The same channels fail every step: a person is asked once for all of them.
            about=f"data_repair:{creditor}:{'+'.join(sorted(step.contacts_by))}",
            due_days=step.task_due_days,
            channel="task",
            carrying=carrying,
        ),
    )


def _find_whereabouts(
    view: View,
    creditor: str,
    strategy: Strategy,
    carrying: Receivable,
    step: Step,
    due_reason: Reason,
) -> Rung:
    """Nobody knows the debtor's country nor zone: a person finds out, and nothing is said before,
    since no hour is lawful everywhere."""
    return ask_a_person(
        view,
        Rung(
            "act",
            creditor,
            (due_reason, Reason("whereabouts_unknown", {"step": step.step})),
            strategy=strategy.strategy,
            step=step,
            action="task",
            task="data_repair",
            about="data_repair:whereabouts",
            due_days=step.task_due_days,
            channel="task",
            carrying=carrying,
        ),
    )


def _points(points: Iterable[ContactPoint], channel: str) -> Iterable[ContactPoint | None]:
    """The account's points of a channel; an empty place if there is none, so that it is told."""
    found = [point for point in points if point.channel == channel]
    return found or (None,)


def opens(view: View, step: Step | None, on: date) -> datetime:
    """The instant of `on` or later at which looking makes sense: when the contact policy first
    opens for one of the step's channels, as far as that can be known today."""
    start = view.start_of(on)
    earliest: datetime | None = None
    for channel in step.contacts_by if step is not None else ():
        for point in view.account.points:
            if point.channel == channel:
                verdict = view.verdict(channel, point, start, step)
                if isinstance(verdict, Allow):
                    return start
                allowed_at = verdict.next_allowed_at
                if allowed_at is not None and (earliest is None or allowed_at < earliest):
                    if allowed_at - start < _DAY:
                        return allowed_at  # no channel opens on an earlier day
                    earliest = allowed_at
    return earliest or start


def if_fresh(view: View, rung: Rung, due_reason: Reason) -> Rung:
    """The rung as it is, or its wait while nobody knows what was paid."""
    if view.rulebook.payments.feeds and rung.outcome == "act" and rung.channel != "task":
        stale = not_fresh(view.rulebook, rung.creditor, view.feeds, view.as_of)
        if stale is not None:
            # No refusals: another creditor's message need not wait for this one's feed.
            return Rung(
                "wait",
                rung.creditor,
                (due_reason, stale),
                view.as_of + FEED_PATIENCE,
                strategy=rung.strategy,
                step=rung.step,
                carrying=rung.carrying,
            )
    return rung


def not_fresh(
    rulebook: Rulebook, creditor: str, feeds: Mapping[str, datetime], at: datetime
) -> Reason | None:
    """Why nobody can be asked for this creditor's money at that instant: one of its payment feeds
    has told nothing for longer than the rulebook allows, or never, so they may have paid (lesson
    L7). `feeds` says when each last told."""
    known = rulebook.creditors.get(creditor)
    for feed in known.feeds if known else ():
        hours = rulebook.payments.feeds[feed]
        since = feeds.get(feed)
        if since is None or at - since > timedelta(hours=hours):
            about = {"feed": feed, "since": since, "at_most_hours": hours}
            return Reason("payments_not_fresh", about)
    return None


def braked_rung(view: View, rung: Rung, brakes: Brakes) -> Rung:
    """The rung, or its wait while a person has stopped what it would do. No refusals: another
    creditor's message need not wait for it."""
    if rung.outcome != "act":
        return rung
    brake = brakes.holding(
        channel=rung.channel,
        strategy=rung.strategy,
        creditor=rung.creditor,
        is_task=rung.action == "task",
    )
    if brake is None:
        return rung
    return replace(
        rung,
        outcome="wait",
        action=None,
        reasons=(*rung.reasons, braked(brake)),
        refusals=(),
        next_look_at=view.as_of + BRAKE_PATIENCE,
    )


def braked(brake: Brake) -> Reason:
    """The reason of what a person has stopped."""
    return Reason("stopped", {"brake": brake.brake_id, "since": brake.since, "by": brake.by})
