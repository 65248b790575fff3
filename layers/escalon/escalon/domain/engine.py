"""The engine: `decide(account, rulebook, as_of)` is pure, total and deterministic (invariant 6).

How a rung is found, per creditor:

1. What is chased. Receivables that are issued, have a due date and rest under no hold count, net of
   unapplied credit, per currency. Below the currency's threshold nothing is said.
2. Who carries. The oldest receivable at which the debt, summed from the oldest on, reaches the
   threshold; so a forgotten peso does not carry a ladder, and many small debts together do.
3. Where on the ladder. Steps that this receivable has carried are behind it. Of the steps that its
   age has reached and whose condition holds, the highest is current: a run that was missed is
   caught up with, never repeated as a burst (invariant 8, lessons L3, L4).
4. May it be taken. The needed step is delivered, notice time and gap have passed, a channel is
   lawful at this instant (invariant 3).

Across creditors the severest due step goes first, since the contact clock belongs to the person.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import msgspec

from escalon.domain.account import Account, ContactPoint, Intent, Receivable, StepRecord, pot
from escalon.domain.holds import open_hold
from escalon.domain.local_time import local_date, start_of_day
from escalon.domain.conditions import ConditionFacts, holds
from escalon.domain.contact_policy import Allow, Policy, Verdict, evaluate
from escalon.domain.decision import Action, Decision, Outcome, Reason, Refusal
from escalon.domain.rulebook import STAGES, Rulebook, Step, Strategy

PLANNED_TIMEOUT = timedelta(minutes=10)  # then a planned intent is put on its queue again
SENDING_TIMEOUT = timedelta(minutes=15)  # longer than any delivery runs: its fate is unknown
REVIEW_DAYS = 30  # an open account that is not chased is looked at this often (invariant 7)
PERSON_DAYS = 7  # an account that waits for a person is looked at this often

# Channels that our delivery functions serve; a step by any other becomes work for a person.
MESSAGE_CHANNELS = frozenset(("email", "sms"))

_STAGE_RANK = {stage: rank for rank, stage in enumerate(STAGES)}


class _View(msgspec.Struct, frozen=True):
    """The account as of one instant: what every rule below looks at."""

    account: Account
    rulebook: Rulebook
    policy: Policy
    as_of: datetime
    zones: tuple[str, ...]
    today: date  # in the debtor's zone; where zones conflict, the earliest of their dates

    def date_of(self, instant: datetime) -> date:
        return local_date(self.zones, instant)

    def start_of(self, day: date) -> datetime:
        return start_of_day(self.zones, day)


class _Rung(msgspec.Struct, frozen=True):
    """What one creditor's ladder says."""

    outcome: Outcome
    creditor: str
    reasons: tuple[Reason, ...]
    next_look_at: datetime | None = None
    refusals: tuple[Refusal, ...] = ()
    strategy: str = ""
    step: Step | None = None
    action: Action | None = None
    task: str = ""
    channel: str = ""
    point_id: str = ""
    carrying: Receivable | None = None
    attempt: int = 1

    @property
    def severity(self) -> tuple[int, int]:
        if self.step is None:
            return (-1, 0)
        return (_STAGE_RANK[self.step.stage], self.step.day)


def decide(account: Account, rulebook: Rulebook, as_of: datetime) -> Decision:
    """What to do about `account` at `as_of` (aware), and when to look again.

    Total: bad data becomes a reason and work for a person, never an exception. The answer's
    `next_look_at` is later than `as_of` and is None only when nothing is open.
    """
    view = _view(account, rulebook, as_of)
    if account.intents:
        return _settle_first(view)
    held = account.holds and open_hold(account, rulebook.holds, None, view.today)
    if held:
        hold, ends_on = held
        reason = Reason("account_hold", {"kind": hold.kind, "until": ends_on})
        return _decision(view, "hold", (reason,), _wakes(view, ends_on))
    eligible, reasons, wakes = _eligible(view)
    rungs = [_assess(view, creditor, group) for creditor, group in sorted(eligible.items())]
    missing = _mend_due_date(view)
    if missing is not None:
        rungs.append(missing)
    looks = [*wakes, *(rung.next_look_at for rung in rungs if rung.next_look_at)]
    acting = [rung for rung in rungs if rung.outcome == "act"]
    if acting:
        chosen = max(acting, key=lambda rung: rung.severity)
        others = tuple(
            Reason("other_creditor_first", {"creditor": rung.creditor, "first": chosen.creditor})
            for rung in acting
            if rung is not chosen
        )
        refusals = tuple(refusal for rung in rungs for refusal in rung.refusals)
        return _act(view, chosen, chosen.reasons + others, refusals)
    for rung in rungs:
        reasons.extend(rung.reasons)
    return _decision(
        view,
        _quiet_outcome(rungs, held=bool(wakes)),
        tuple(reasons) or (Reason("nothing_open"),),
        min(looks) if looks else (_in_days(view, REVIEW_DAYS) if account.receivables else None),
        rungs=rungs,
    )


def _view(account: Account, rulebook: Rulebook, as_of: datetime) -> _View:
    policy = rulebook.policy_for(account.country)
    zones = account.zones or (rulebook.default_zone,)
    return _View(account, rulebook, policy, as_of, zones, local_date(zones, as_of))


def _quiet_outcome(rungs: Sequence[_Rung], *, held: bool) -> Outcome:
    for outcome in ("wait", "hold"):
        if any(rung.outcome == outcome for rung in rungs):
            return "wait" if outcome == "wait" else "hold"
    return "hold" if held and not rungs else "skip"


def _settle_first(view: _View) -> Decision:
    """An intent that is not settled comes before anything new: the account stays due until it is."""
    intent = view.account.intents[0]
    since = intent.sending_at or intent.decided_at
    timeout = PLANNED_TIMEOUT if intent.state == "planned" else SENDING_TIMEOUT
    about = {"step": intent.step, "channel": intent.channel, "since": since}
    if view.as_of < since + timeout:
        reason = Reason("delivery_under_way", about)
        return _decision(view, "wait", (reason,), since + timeout)
    planned = intent.state == "planned"
    reason = Reason("delivery_lost" if planned else "fate_unknown", about)
    return msgspec.structs.replace(
        _decision(view, "act", (reason,), view.as_of + PLANNED_TIMEOUT),
        action="resume" if planned else "unknown",
        creditor=intent.creditor,
        step=intent.step,
        stage=intent.stage,
        channel=intent.channel,
        task=intent.task,
        receivable_id=intent.receivable_id,
        attempt=intent.attempt,
        intent_id=intent.intent_id,
    )


def _eligible(
    view: _View,
) -> tuple[dict[str, list[Receivable]], list[Reason], list[datetime]]:
    """Receivables that may be chased, by creditor; why the others rest and when they wake."""
    chosen: dict[str, list[Receivable]] = {}
    reasons: list[Reason] = []
    wakes: list[datetime] = []
    today = view.today
    oldest_days = view.rulebook.chase.oldest_debt_days
    for receivable in view.account.receivables:
        if receivable.issued_on > today:
            wakes.append(view.start_of(receivable.issued_on))
            reasons.append(_about(receivable, "not_issued", on=receivable.issued_on))
        elif receivable.due_on is None:
            reasons.append(_about(receivable, "missing_due_date"))
        elif oldest_days and (today - receivable.due_on).days > oldest_days:
            reasons.append(_about(receivable, "too_old", days=oldest_days))
        else:
            held = view.account.holds and open_hold(
                view.account, view.rulebook.holds, receivable.receivable_id, today
            )
            if held:
                hold, ends_on = held
                wakes.append(_wakes(view, ends_on))
                reasons.append(_about(receivable, "receivable_hold", kind=hold.kind, until=ends_on))
            else:
                chosen.setdefault(receivable.creditor, []).append(receivable)
    return chosen, reasons, wakes


def _wakes(view: _View, ends_on: date | None) -> datetime:
    return view.start_of(ends_on) if ends_on else _in_days(view, REVIEW_DAYS)


def _about(receivable: Receivable, code: str, **params: object) -> Reason:
    return Reason(code, {"receivable": receivable.receivable_id, **params})


def _assess(view: _View, creditor: str, receivables: list[Receivable]) -> _Rung:
    carrying, net, why_not = _carrying(view, creditor, receivables)
    if carrying is None or carrying.due_on is None:
        return _Rung("skip", creditor, (why_not,), _in_days(view, REVIEW_DAYS))
    account = view.account
    facts = ConditionFacts(
        account.tags,
        account.country,
        creditor,
        account.language or view.rulebook.language,
        account.kind,
        account.risk,
        net,
        len(receivables),
    )
    for strategy in view.rulebook.strategies:
        if holds(strategy.condition, facts):
            return _climb(view, creditor, strategy, carrying, carrying.due_on, facts)
    reason = Reason("no_strategy", {"creditor": creditor})
    return _Rung("skip", creditor, (reason,), _in_days(view, REVIEW_DAYS))


def _carrying(
    view: _View, creditor: str, receivables: list[Receivable]
) -> tuple[Receivable | None, dict[str, int], Reason]:
    """The receivable that carries the ladder, the net balance by currency, and why if there is none."""
    account = view.account
    threshold = view.rulebook.chase.from_minor
    by_currency: dict[str, list[Receivable]] = {}
    for receivable in receivables:
        by_currency.setdefault(receivable.currency, []).append(receivable)
    net: dict[str, int] = {}
    carrying: Receivable | None = None
    why_not = Reason("nothing_open", {"creditor": creditor})
    for currency, group in by_currency.items():
        key = pot(creditor, currency)
        credit = account.credits.get(key, 0) if account.credits else 0
        beyond = account.beyond.get(key) if account.beyond else None
        total = sum(r.open_minor for r in group) + (beyond.open_minor if beyond else 0) - credit
        net[currency] = total
        least = threshold.get(currency)
        if least is None:
            why_not = Reason("currency_not_chased", {"creditor": creditor, "currency": currency})
            continue
        if total < least or total <= 0:
            code = "covered_by_credit" if credit and total <= 0 else "below_threshold"
            why_not = Reason(
                code,
                {
                    "creditor": creditor,
                    "currency": currency,
                    "open_minor": total,
                    "from_minor": least,
                },
            )
            continue
        reached = -credit
        first = group[-1]
        group.sort(key=_age)
        for first in group:
            reached += first.open_minor
            if reached >= least and reached > 0:
                break
        if carrying is None or _age(first) < _age(carrying):
            carrying = first
    return carrying, net, why_not


def _age(receivable: Receivable) -> tuple[date, str]:
    return (receivable.due_on or date.max, receivable.receivable_id)


def _climb(
    view: _View,
    creditor: str,
    strategy: Strategy,
    carrying: Receivable,
    due_on: date,
    facts: ConditionFacts,
) -> _Rung:
    """Where the carrying receivable stands on its ladder."""
    steps = strategy.steps
    records = carrying.steps
    days_past_due = (view.today - due_on).days
    shift = _entry_shift(strategy, carrying, due_on)
    age = days_past_due - shift
    behind = -1
    if records:
        for index, step in enumerate(steps):
            record = records.get(step.step)
            if record is not None and record.state != "failed":
                behind = index
    current: Step | None = None
    coming: Step | None = None
    for index in range(len(steps) - 1, behind, -1):
        step = steps[index]
        if step.day > age:
            coming = step
        elif (step.day >= 0 or days_past_due < 0) and (
            step.only_if is None or holds(step.only_if, facts)
        ):
            current = step
            break
    common = {"creditor": creditor, "strategy": strategy.strategy, "carrying": carrying}
    if current is None:
        if coming is None:
            return _end_of_ladder(view, creditor, strategy, carrying)
        on = due_on + timedelta(days=coming.day + shift)
        reason = Reason(
            "step_not_due", {"step": coming.step, "on": on, "receivable": carrying.receivable_id}
        )
        return _Rung("wait", reasons=(reason,), next_look_at=_opens(view, coming, on), **common)
    candidate = _needed(view, steps, current, records)
    if isinstance(candidate, _Until):
        return _Rung(
            "wait", reasons=(candidate.reason,), next_look_at=candidate.at, step=current, **common
        )
    step, record = candidate
    due_reason = Reason(
        "step_due",
        {
            "step": step.step,
            "since": due_on + timedelta(days=step.day + shift),
            "days_past_due": days_past_due,
            "receivable": carrying.receivable_id,
        },
    )
    until = _notice_or_gap(view, creditor, steps, step, records)
    if until is not None:
        return _Rung(
            "wait",
            reasons=(due_reason, until.reason),
            next_look_at=until.at,
            step=step,
            **common,
        )
    if step.task:
        return _Rung(
            "act",
            reasons=(due_reason,),
            step=step,
            action="task",
            task=step.task,
            channel="task",
            attempt=record.attempts + 1 if record else 1,
            **common,
        )
    return _by_channel(view, creditor, strategy, carrying, step, record, due_reason)


class _Until(msgspec.Struct, frozen=True):
    at: datetime
    reason: Reason


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
    view: _View, steps: Sequence[Step], step: Step, records: dict[str, StepRecord]
) -> "tuple[Step, StepRecord | None] | _Until":
    """The step to take: the wanted one if what it needs was delivered, else the needed one.

    A need is waited for so long only; then the needed step is tried by its next channel, then a
    person is asked (`_by_channel` finds no channel left).
    """
    while step.needs is not None:
        need = step.needs
        record = records.get(need.step)
        if record is None or record.state == "failed":
            step = next(candidate for candidate in steps if candidate.step == need.step)
            if record is not None:
                return step, record
            continue
        if record.state in ("delivered", "opened"):
            break
        about = {"step": step.step, "needs": need.step}
        if record.state == "sent":
            proven_at = record.at + timedelta(hours=view.rulebook.delivered_after_hours)
            if view.as_of >= proven_at:
                break
            return _Until(proven_at, Reason("waits_for_delivery", {**about, "until": proven_at}))
        gives_up_at = record.at + timedelta(days=need.within_days)
        if view.as_of < gives_up_at:
            return _Until(gives_up_at, Reason("delivery_unknown", {**about, "until": gives_up_at}))
        return next(candidate for candidate in steps if candidate.step == need.step), record
    return step, records.get(step.step)


def _notice_or_gap(
    view: _View,
    creditor: str,
    steps: Sequence[Step],
    step: Step,
    records: dict[str, StepRecord],
) -> _Until | None:
    """Until when a notice period or the gap after the previous step holds `step` back."""
    for earlier in steps:
        if earlier.step == step.step:
            break
        record = records.get(earlier.step) if earlier.wait_days else None
        if record is not None and record.state != "failed":
            on = view.date_of(record.at) + timedelta(days=earlier.wait_days)
            if view.today < on:
                reason = Reason("notice_time", {"step": earlier.step, "until": on})
                return _Until(_opens(view, step, on), reason)
    ladder = view.account.ladders.get(creditor)
    if step.gap_days and ladder is not None and ladder.last_at is not None:
        on = view.date_of(ladder.last_at) + timedelta(days=step.gap_days)
        if view.today < on:
            reason = Reason("gap", {"step": step.step, "after": ladder.last_step, "until": on})
            return _Until(_opens(view, step, on), reason)
    return None


def _by_channel(
    view: _View,
    creditor: str,
    strategy: Strategy,
    carrying: Receivable,
    step: Step,
    record: StepRecord | None,
    due_reason: Reason,
) -> _Rung:
    """The first of the step's channels that is authorised, known to work and allowed now."""
    account = view.account
    tried: tuple[str, ...] = ()
    if record is not None:
        tried = record.tried if record.state == "failed" else (*record.tried, record.channel)
    refusals: list[Refusal] = []
    opens_at: datetime | None = None
    for channel in step.channels:
        if channel in tried:
            continue
        for point in _points(account.points, channel):
            verdict = _verdict(view, channel, point, view.as_of)
            if isinstance(verdict, Allow):
                by_us = channel in MESSAGE_CHANNELS
                return _Rung(
                    "act",
                    creditor,
                    (due_reason, Reason("channel_open", {"channel": channel})),
                    strategy=strategy.strategy,
                    step=step,
                    action="message" if by_us else "task",
                    task="" if by_us else channel,
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
        return _Rung(
            "wait",
            creditor,
            (due_reason, reason),
            opens_at,
            tuple(refusals),
            strategy=strategy.strategy,
            step=step,
            carrying=carrying,
        )
    return _ask_a_person(
        view,
        _Rung(
            "act",
            creditor,
            (due_reason, Reason("no_lawful_channel", {"step": step.step})),
            refusals=tuple(refusals),
            strategy=strategy.strategy,
            step=step,
            action="task",
            task="data_repair",
            channel="task",
            carrying=carrying,
        ),
        exception_code("data_repair", creditor, step.step),
    )


def _points(points: Iterable[ContactPoint], channel: str) -> Iterable[ContactPoint | None]:
    """The account's points of a channel; one empty place if there is none, so that it is explained."""
    found = [point for point in points if point.channel == channel]
    return found or (None,)


def exception_code(task: str, creditor: str, about: str) -> str:
    """The mark an account keeps while a person mends its data, so that they are asked once."""
    return f"{task}:{creditor}:{about}"


def _ask_a_person(view: _View, rung: _Rung, code: str) -> _Rung:
    if code not in view.account.exceptions:
        return rung
    waiting = (*rung.reasons, Reason("waits_for_person", {"task": rung.task}))
    return msgspec.structs.replace(
        rung, outcome="hold", reasons=waiting, next_look_at=_in_days(view, PERSON_DAYS)
    )


def _mend_due_date(view: _View) -> _Rung | None:
    """A receivable without a due date goes to a person, not to the debtor (lesson L20)."""
    for receivable in view.account.receivables:
        if receivable.due_on is None:
            return _ask_a_person(
                view,
                _Rung(
                    "act",
                    receivable.creditor,
                    (_about(receivable, "missing_due_date"),),
                    action="task",
                    task="data_repair",
                    channel="task",
                    carrying=receivable,
                ),
                exception_code("data_repair", receivable.creditor, receivable.receivable_id),
            )
    return None


def _end_of_ladder(view: _View, creditor: str, strategy: Strategy, carrying: Receivable) -> _Rung:
    """Nothing further on the ladder: work for a person, once or every so many days."""
    end = strategy.end
    ladder = view.account.ladders.get(creditor)
    asked_at = (
        ladder.ended_at
        if ladder is not None and ladder.ended_for == carrying.receivable_id
        else None
    )
    common = {"creditor": creditor, "strategy": strategy.strategy, "carrying": carrying}
    since = asked_at or (ladder.last_at if ladder is not None and end.every_days else None)
    reason = Reason("ladder_ended", {"strategy": strategy.strategy, "task": end.task})
    if since is not None:
        if not end.every_days:
            return _Rung(
                "skip", reasons=(reason,), next_look_at=_in_days(view, REVIEW_DAYS), **common
            )
        on = view.date_of(since) + timedelta(days=end.every_days)
        if view.today < on:
            reason = Reason("review_not_due", {"task": end.task, "on": on})
            return _Rung("wait", reasons=(reason,), next_look_at=view.start_of(on), **common)
    return _Rung(
        "act",
        reasons=(reason,),
        action="task",
        task=end.task,
        channel="task",
        attempt=(view.today - carrying.issued_on).days,
        **common,
    )


def _opens(view: _View, step: Step, on: date) -> datetime:
    """The instant of `on` or later at which looking makes sense: when the contact policy opens for
    the first of the step's channels, as far as that can be known today."""
    start = view.start_of(on)
    for channel in step.channels:
        for point in view.account.points:
            if point.channel == channel:
                verdict = _verdict(view, channel, point, start)
                if isinstance(verdict, Allow):
                    return start
                if verdict.next_allowed_at is not None:
                    return verdict.next_allowed_at
    return start


def _verdict(view: _View, channel: str, point: ContactPoint | None, at: datetime) -> Verdict:
    account = view.account
    return evaluate(
        view.policy,
        channel=channel,
        point=point,
        role="debtor",
        contacts=account.contacts,
        zones=view.zones,
        at=at,
        region=account.region,
    )


def _in_days(view: _View, days: int) -> datetime:
    return view.start_of(view.today + timedelta(days=days))


def _act(
    view: _View, rung: _Rung, reasons: tuple[Reason, ...], refusals: tuple[Refusal, ...]
) -> Decision:
    carrying, step = rung.carrying, rung.step
    receivable_id = carrying.receivable_id if carrying else ""
    due_on = carrying.due_on if carrying else None
    what = rung.task if rung.task in ("data_repair",) or step is None else ""
    name = step.step if step is not None else "end"
    return Decision(
        account_id=view.account.account_id,
        as_of=view.as_of,
        outcome="act",
        reasons=reasons,
        rulebook=view.rulebook.version,
        next_look_at=view.as_of + PLANNED_TIMEOUT,
        action=rung.action,
        creditor=rung.creditor,
        strategy=rung.strategy,
        step=name,
        stage=step.stage if step is not None else "",
        channel=rung.channel,
        point_id=rung.point_id,
        task=rung.task,
        receivable_id=receivable_id,
        days_past_due=(view.today - due_on).days if due_on else None,
        attempt=rung.attempt,
        intent_id=intent_id(
            view.account.account_id, rung.creditor, receivable_id, name, what, rung.attempt
        ),
        refusals=refusals,
    )


def intent_id(*parts: object) -> str:
    """The name of an intent: the same for the same account, receivable, step and attempt, whatever
    made it twice. Letters and digits only, so that it serves as an SES tag."""
    text = "\x1f".join(str(part) for part in parts)
    return "m" + hashlib.blake2b(text.encode(), digest_size=15).hexdigest()


def _decision(
    view: _View,
    outcome: Outcome,
    reasons: tuple[Reason, ...],
    next_look_at: datetime | None,
    rungs: Sequence[_Rung] = (),
) -> Decision:
    leading = max(rungs, key=lambda rung: rung.severity, default=None)
    carrying = leading.carrying if leading else None
    if next_look_at is not None:
        next_look_at = max(next_look_at, view.as_of + timedelta(minutes=1))
    return Decision(
        account_id=view.account.account_id,
        as_of=view.as_of,
        outcome=outcome,
        reasons=reasons,
        rulebook=view.rulebook.version,
        next_look_at=next_look_at,
        creditor=leading.creditor if leading else "",
        strategy=leading.strategy if leading else "",
        step=leading.step.step if leading and leading.step else "",
        stage=leading.step.stage if leading and leading.step else "",
        receivable_id=carrying.receivable_id if carrying else "",
        days_past_due=(
            (view.today - carrying.due_on).days if carrying and carrying.due_on else None
        ),
        refusals=tuple(refusal for rung in rungs for refusal in rung.refusals),
    )


def as_intent(decision: Decision, run_id: str) -> Intent:
    """The intent that a decision to act plans."""
    return Intent(
        intent_id=decision.intent_id,
        state="planned",
        creditor=decision.creditor,
        receivable_id=decision.receivable_id,
        step=decision.step,
        stage=decision.stage,
        channel=decision.channel,
        point_id=decision.point_id,
        task=decision.task,
        rulebook=decision.rulebook,
        decided_at=decision.as_of,
        run_id=run_id,
        attempt=decision.attempt,
    )
