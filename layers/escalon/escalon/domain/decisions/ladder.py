"""Where a creditor's receivable stands on its ladder, and whether the step may be taken: the needed
step is delivered, notice time and gap have passed, its gate is open. Pure."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Receivable, StepRecord
from escalon.domain.agreements.due import resumed
from escalon.domain.contact.channels import MESSAGE_CHANNELS
from escalon.domain.contact.told import gate_reason
from escalon.domain.contact.unheard import is_unheard
from escalon.domain.decisions.by_channel import by_channel, if_fresh, opens
from escalon.domain.decisions.decision import Reason
from escalon.domain.decisions.rung import Rung
from escalon.domain.decisions.view import PERSON_DAYS, REVIEW_DAYS, View
from escalon.domain.local_time import add_days
from escalon.domain.rules.conditions import ConditionFacts, holds
from escalon.domain.rules.rulebook import Step, Strategy


class _Until(msgspec.Struct, frozen=True):
    at: datetime
    reason: Reason


def climb(
    view: View,
    creditor: str,
    strategy: Strategy,
    carrying: Receivable,
    due_on: date,
    facts: ConditionFacts,
) -> Rung:
    """Where the carrying receivable stands on its ladder."""
    steps = strategy.steps
    shift = _entry_shift(strategy, carrying, due_on)
    again = resumed(view.account, carrying, steps, view.today, view.zones)
    if again is not None:
        carrying, shift = again.carrying, again.shift
    records = carrying.steps
    days_past_due = (view.today - due_on).days
    age = days_past_due - shift
    behind = -1
    if records:
        for index, step in enumerate(steps):
            record = records.get(step.step)
            if record is not None and record.is_behind:
                behind = index
    current: Step | None = None
    coming: Step | None = None
    for index in range(len(steps) - 1, behind, -1):
        step = steps[index]
        if step.day > age:
            coming = step
        elif (step.stage != "pre_due" or days_past_due < 0 or days_past_due == step.day) and (
            step.only_if is None or holds(step.only_if, facts)
        ):
            current = step
            break
    rung = Rung("wait", creditor, (), strategy=strategy.strategy, carrying=carrying)
    if current is None:
        if coming is None:
            return _end_of_ladder(view, creditor, strategy, carrying)
        on = add_days(due_on, coming.day + shift)
        reason = Reason(
            "step_not_due", {"step": coming.step, "on": on, "receivable": carrying.receivable_id}
        )
        return replace(rung, reasons=(reason,), next_look_at=opens(view, coming, on))
    rung = _take(view, rung, strategy, carrying, current, due_on, shift)
    if coming is None or rung.next_look_at is None:
        return rung
    # Whatever holds this step back need not hold back the next, whose day may come first.
    on = add_days(due_on, coming.day + shift)
    if rung.next_look_at <= view.start_of(on):
        return rung
    return replace(rung, next_look_at=min(rung.next_look_at, opens(view, coming, on)))


def _take(
    view: View,
    rung: Rung,
    strategy: Strategy,
    carrying: Receivable,
    current: Step,
    due_on: date,
    shift: int,
) -> Rung:
    """The current step, if it may be taken now."""
    creditor, records = rung.creditor, carrying.steps
    candidate = _needed(view, strategy.steps, current, records)
    if isinstance(candidate, _Until):
        return replace(rung, reasons=(candidate.reason,), next_look_at=candidate.at, step=current)
    step, record = candidate
    due_reason = Reason(
        "step_due",
        {
            "step": step.step,
            "since": add_days(due_on, step.day + shift),
            "days_past_due": (view.today - due_on).days,
            "receivable": carrying.receivable_id,
        },
    )
    until = _notice(view, strategy.steps, step, records) or _gap(view, creditor, step, record)
    if until is not None:
        reasons = (due_reason, until.reason)
        return replace(rung, reasons=reasons, next_look_at=until.at, step=step)
    if step.action:
        shut = gate_reason(
            view.account,
            view.rulebook,
            view.policy,
            step,
            carrying,
            zones=view.zones,
            stops=view.stops,
            at=view.as_of,
        )
        if shut is not None:
            why, opens_at = shut
            look_at = opens_at or view.in_days(PERSON_DAYS)
            return replace(rung, reasons=(due_reason, why), next_look_at=look_at, step=step)
    if step.task and not step.contacts_by:
        return replace(
            rung,
            outcome="act",
            reasons=(due_reason,),
            step=step,
            action="task",
            task=step.task,
            due_days=step.task_due_days,
            channel="task",
            attempt=record.attempts + 1 if record else 1,
        )
    rung = by_channel(view, creditor, strategy, carrying, step, record, due_reason)
    return if_fresh(view, rung, due_reason)


def _entry_shift(strategy: Strategy, carrying: Receivable, due_on: date) -> int:
    """Days by which an old debt's age is set back so that it enters at the first step.

    A debt that was already past the first step when we came to know it climbs from there at the
    ladder's own pace, if the strategy says so.
    """
    if strategy.old_debt_enters == "step for its age":
        return 0
    known_days = (carrying.known_on - due_on).days
    if known_days <= 0:
        return 0
    first = next((step.day for step in strategy.steps if step.day >= 0), 0)
    return max(0, known_days - first)


def _needed(
    view: View, steps: Sequence[Step], step: Step, records: dict[str, StepRecord]
) -> "tuple[Step, StepRecord | None] | _Until":
    """The step to take: the wanted one if what it needs was delivered, else the needed one.

    A need is waited for so long only; then the needed step is tried by its next channel, then a
    person is asked (`by_channel` finds no channel left).
    """
    while step.needs is not None:
        need = step.needs
        record = records.get(need.step)
        if record is None or not record.is_behind:
            step = next(candidate for candidate in steps if candidate.step == need.step)
            if record is not None:
                return step, record
            continue
        if record.state == "delivered":
            break
        if _to_be_sent(record):
            return _Until(view.in_days(PERSON_DAYS), _unsent(need.step, record))
        about = {"step": step.step, "needs": need.step}
        within = record.at + timedelta(days=need.within_days)
        proven_at = (
            record.at + timedelta(hours=view.rulebook.delivered_after_hours)
            if record.channel in MESSAGE_CHANNELS
            else within  # a letter, so many days after it was posted
        )
        silent = is_unheard(record, view.rulebook.channels.telling) and view.as_of >= proven_at
        if record.state in ("unknown", "delayed") or silent:
            if view.as_of < within:
                return _Until(within, Reason("delivery_unknown", {**about, "until": within}))
            return next(candidate for candidate in steps if candidate.step == need.step), record
        if view.as_of >= proven_at:
            break
        return _Until(proven_at, Reason("waits_for_delivery", {**about, "until": proven_at}))
    return step, records.get(step.step)


def _to_be_sent(record: StepRecord) -> bool:
    """Whether the step is a message that stands on somebody's list: nobody has sent it yet."""
    return record.state == "opened" and record.channel in (*MESSAGE_CHANNELS, "letter")


def _unsent(step: str, record: StepRecord) -> Reason:
    about = {"step": step, "channel": record.channel, "since": record.at}
    return Reason("to_be_sent", about)


def _notice(
    view: View, steps: Sequence[Step], step: Step | None, records: dict[str, StepRecord]
) -> _Until | None:
    """Until when notice that an earlier step gave holds back `step`, or (None) the ladder's end."""
    latest: _Until | None = None
    for earlier in steps:
        if step is not None and earlier.step == step.step:
            break
        record = records.get(earlier.step) if earlier.wait_days else None
        if record is not None and record.is_behind:
            if _to_be_sent(record):  # its days have not begun
                return _Until(view.in_days(PERSON_DAYS), _unsent(earlier.step, record))
            on = view.date_of(record.at) + timedelta(days=earlier.wait_days)
            if view.today < on:
                at = opens(view, step, on)
                if latest is None or at > latest.at:
                    latest = _Until(at, Reason("notice_time", {"step": earlier.step, "until": on}))
    return latest


def _gap(view: View, creditor: str, step: Step, record: StepRecord | None) -> _Until | None:
    """Until when the gap after the previous step towards this creditor holds `step` back, whichever
    receivable carried that step: the debtor reads one ladder."""
    ladder = view.account.ladders.get(creditor) if step.gap_days else None
    if ladder is None or ladder.last_at is None:
        return None
    if record is not None and ladder.last_step == step.step:
        return None  # another channel for the same step: it is not further up
    on = view.date_of(ladder.last_at) + timedelta(days=step.gap_days)
    if view.today >= on:
        return None
    reason = Reason("gap", {"step": step.step, "after": ladder.last_step, "until": on})
    return _Until(opens(view, step, on), reason)


def _end_of_ladder(view: View, creditor: str, strategy: Strategy, carrying: Receivable) -> Rung:
    """Nothing further on the ladder: work for a person, once or every so many days, but not before
    the notice time of what was said last has passed."""
    end = strategy.end
    ladder = view.account.ladders.get(creditor)
    rung = Rung("wait", creditor, (), strategy=strategy.strategy, carrying=carrying)
    notice = _notice(view, strategy.steps, None, carrying.steps)
    if notice is not None:
        return replace(rung, reasons=(notice.reason,), next_look_at=notice.at)
    asked_at, times = None, 0
    if ladder is not None and ladder.ended_for == carrying.receivable_id:
        asked_at, times = ladder.ended_at, ladder.ended_times
    reason = Reason("ladder_ended", {"strategy": strategy.strategy, "task": end.task})
    if not end.every_days and asked_at is not None:
        return replace(
            rung, outcome="skip", reasons=(reason,), next_look_at=view.in_days(REVIEW_DAYS)
        )
    since = asked_at or (ladder.last_at if ladder is not None else None)
    if end.every_days and since is not None:
        on = view.date_of(since) + timedelta(days=end.every_days)
        if view.today < on:
            reason = Reason("review_not_due", {"task": end.task, "on": on})
            return replace(rung, reasons=(reason,), next_look_at=view.start_of(on))
    return replace(
        rung,
        outcome="act",
        reasons=(reason,),
        stage=strategy.steps[-1].stage,
        action="task",
        task=end.task,
        queue=end.queue,
        due_days=end.due_days,
        channel="task",
        attempt=times + 1,
    )
