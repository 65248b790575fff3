"""The engine: `decide(account, rulebook, as_of, feeds, brakes)` is pure, total and deterministic
(invariant 6).

How a rung is found, per creditor:

1. What is chased. Receivables that are issued, have a due date and rest under no hold count, net of
   unapplied credit, per currency. Below the currency's threshold nothing is said.
2. Who carries. The oldest receivable at which the debt, summed from the oldest on, reaches the
   threshold; so a forgotten peso does not carry a ladder, and many small debts together do.
3. Where on the ladder. Steps that this receivable has carried are behind it. Of the steps that its
   age has reached and whose condition holds, the highest is current: a run that was missed is
   caught up with, never repeated as a burst (invariant 8, lessons L3, L4).
4. May it be taken. The needed step is delivered, notice time and gap have passed, a channel is
   lawful at this instant (invariant 3), and what was paid is known up to now (lesson L7).

While money is under way to a creditor nothing is asked for in its name (lesson L21). Across
creditors the severest due step goes first, since the contact clock belongs to the person.

1 and 2 are in `owed.py`, 3 in `ladder.py`, 4 there and in `by_channel.py`; here is what comes
before, between and after them.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from msgspec.structs import replace

from escalon.domain.account import Account, Receivable, pot
from escalon.domain.agreements.agreement import Reminding
from escalon.domain.agreements.due import reminder_reason, reminders
from escalon.domain.contact.brakes import NO_BRAKES, Brakes
from escalon.domain.contact.co_debtors import follows, reach
from escalon.domain.contact.told import missed_notices
from escalon.domain.contact.unheard import Unheard, first_unheard
from escalon.domain.decisions.by_channel import NO_FEEDS, braked_rung, by_channel, if_fresh
from escalon.domain.decisions.decision import Decision, Outcome, Reason, Refusal
from escalon.domain.decisions.intents import (
    PLANNED_TIMEOUT,
    intent_id,
    patience,
    settle_by,
    waits_for_its_turn,
)
from escalon.domain.decisions.ladder import climb
from escalon.domain.decisions.owed import Owed, carrying_of, mend_due_dates, owed_of, wakes
from escalon.domain.decisions.rung import Rung, refusals_of, severest, severity_of
from escalon.domain.decisions.view import FARTHEST_LOOK_DAYS, REVIEW_DAYS, View, view_of
from escalon.domain.holds import countable_beyond, open_hold
from escalon.domain.rules.conditions import ConditionFacts, holds
from escalon.domain.rules.experiments import placed
from escalon.domain.rules.rulebook import END, LadderEnd, Rulebook, Strategy

# Why a person is to find out what became of a message whose carrier has said nothing.
UNHEARD = frozenset(("unheard", "follow_unheard"))

# What a reminder of an instalment stands on, in place of a ladder.
_NO_LADDER = Strategy("", ["anyone"], (), LadderEnd(), "first step")

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def decide(
    account: Account,
    rulebook: Rulebook,
    as_of: datetime,
    feeds: Mapping[str, datetime] = NO_FEEDS,
    brakes: Brakes = NO_BRAKES,
    linked: Mapping[str, Account] | None = None,
    *,
    listing: bool = False,
) -> Decision:
    """What to do about `account` at `as_of` (aware), and when to look again. `feeds` says when each
    payment feed last told us, for creditors that have some; `brakes` what a person has stopped;
    `linked` are the accounts of its co-debtors and guarantors by id: without them (None) it is to
    be looked at at once if a message to one of them is left. With `listing` a person may be asked
    to find out what became of a message whose carrier has said nothing for too long.

    Total: bad data becomes a reason and work for a person, never an exception. The answer's
    `next_look_at` is later than `as_of` and is None only when nothing is open.
    """
    view = view_of(account, rulebook, as_of, feeds)
    if brakes.brakes and rulebook.experiments:
        view = replace(view, ended=brakes.experiments)
    if account.intents:
        return _settle_first(view)
    unheard = first_unheard(account, rulebook.channels.telling)
    if unheard is None:
        return _look(view, brakes, linked)
    if listing and as_of >= unheard.until:
        return _find_out(view, unheard)
    decision = _look(view, brakes, linked)
    look_at = max(unheard.until, as_of + _DAY) if as_of >= unheard.until else unheard.until
    later = decision.next_look_at is not None and decision.next_look_at > look_at
    return replace(decision, next_look_at=look_at) if later else decision


def _find_out(view: View, unheard: Unheard) -> Decision:
    """The carrier has had its time: a person is told, once (invariant 1)."""
    record, receivable = unheard.record, unheard.receivable
    about = {"step": unheard.step, "channel": record.channel, "since": record.at}
    reason = Reason("unheard", about)
    if unheard.person:
        reason = Reason("follow_unheard", {**about, "person": unheard.person})
    step = view.rulebook.find_step(unheard.step, reminder=bool(unheard.reminder))
    return replace(
        _decision(view, "act", (reason,), view.as_of + PLANNED_TIMEOUT),
        action="unknown",
        creditor=receivable.creditor,
        step=unheard.step,
        stage=step.stage if step is not None else "",
        channel=record.channel,
        receivable_id=receivable.receivable_id,
        attempt=record.attempts,
        reminder=unheard.reminder,
        person=unheard.person,
        role=unheard.role,
        intent_id=record.intent_id,
    )


def _settle_first(view: View) -> Decision:
    """An intent that is not settled comes before anything new: the account is due until it is."""
    intent = min(view.account.intents, key=settle_by)
    since = intent.sending_at or intent.decided_at
    about = {"step": intent.step, "channel": intent.channel, "since": since}
    paced = waits_for_its_turn(intent)
    if view.as_of < settle_by(intent):
        reason = Reason("delivery_under_way", about)
        # An intent from the future (somebody's clock was wrong) is not waited for as long as that.
        at = min(settle_by(intent), view.as_of + patience(intent))
        if paced:
            reason, at = Reason("paced", {**about, "until": intent.send_at}), settle_by(intent)
        return _decision(view, "wait", (reason,), at)
    planned = intent.state == "planned"
    reason = Reason("delivery_lost" if planned else "fate_unknown", about)
    if paced:
        reason = Reason("turn_has_come", about)
    again = replace(intent, resumed=intent.resumed + 1)
    wait = patience(again) if planned else PLANNED_TIMEOUT
    return replace(
        _decision(view, "act", (reason,), view.as_of + wait),
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


def _look(view: View, brakes: Brakes, linked: Mapping[str, Account] | None) -> Decision:
    """What the account's ladders say, while nothing is being sent."""
    account, rulebook = view.account, view.rulebook
    if not account.receivables and not account.beyond:
        return _decision(view, "skip", (Reason("nothing_open"),), None)
    held = account.holds and open_hold(account, rulebook.holds, None, view.today)
    if held:
        hold, ends_on = held
        reason = Reason("account_hold", {"kind": hold.kind, "until": ends_on})
        return _decision(view, "hold", (reason,), wakes(view, ends_on))
    found = owed_of(view)
    rungs = [
        _assess(view, creditor, group) for creditor, group in sorted(found.by_creditor.items())
    ]
    if found.undated:
        rungs.append(mend_due_dates(view, found.undated))
    if account.agreements:
        rungs.extend(_remind(view, due) for due in reminders(account, rulebook, view.today))
    if brakes.brakes:
        rungs = [braked_rung(view, rung, brakes) for rung in rungs]
    chosen = severest(rungs)
    reasons = list(chosen.reasons) if chosen else found.reasons
    first = chosen or max((r for r in rungs if r.is_closed), key=severity_of, default=None)
    for rung in rungs:
        if rung.outcome == "act" and rung is not chosen and first is not None:
            if rung.creditor != first.creditor:
                params = {"creditor": rung.creditor, "first": first.creditor}
                reasons.append(Reason("other_creditor_first", params))
        elif not chosen:
            reasons.extend(rung.reasons)
    if chosen:
        return _entering(_act(view, chosen, tuple(reasons), refusals_of(rungs)), view, rungs)
    others: list[Rung] = []
    if account.links:
        others = [braked_rung(view, rung, brakes) for rung in _follow(view, found, rungs, linked)]
        following = next((rung for rung in others if rung.outcome == "act"), None)
        if following:
            refusals = refusals_of((*rungs, *others))
            return _entering(_act(view, following, following.reasons, refusals), view, rungs)
        reasons.extend(reason for rung in others for reason in rung.reasons)
        found.wakes.extend(rung.next_look_at for rung in others if rung.next_look_at)
    looks = [*found.wakes, *(rung.next_look_at for rung in rungs if rung.next_look_at)]
    decision = _decision(
        view,
        _quiet_outcome((*rungs, *others), found),
        tuple(reasons) or (Reason("nothing_open"),),
        min(looks) if looks else view.in_days(REVIEW_DAYS),
        rungs=rungs,
    )
    if others:
        decision = replace(decision, refusals=(*decision.refusals, *refusals_of(others)))
    return _entering(decision, view, rungs)


def _entering(decision: Decision, view: View, rungs: Sequence[Rung]) -> Decision:
    """The decision with the experiments that the account enters by it: whichever ladder goes first,
    since whoever is left out of the count would bend it."""
    if not view.rulebook.experiments:
        return decision
    trials = dict(rung.trial for rung in rungs if rung.trial is not None)
    new = {name: arm for name, arm in trials.items() if name not in view.account.trials}
    return replace(decision, trials=new) if new else decision


def _quiet_outcome(rungs: Sequence[Rung], found: Owed) -> Outcome:
    outcomes = {rung.outcome for rung in rungs}
    if "wait" in outcomes:
        return "wait"
    if "hold" in outcomes or (found.held and not rungs):
        return "hold"
    return "wait" if found.wakes and not rungs else "skip"


def _assess(view: View, creditor: str, receivables: list[Receivable]) -> Rung:
    if view.account.awaited:
        until = _awaited(view, creditor)
        if until is not None:
            reason = Reason("payment_awaited", {"creditor": creditor, "until": until})
            return Rung("hold", creditor, (reason,), until)
    carrying, net, why_not = carrying_of(view, creditor, receivables)
    if carrying is None or carrying.due_on is None:
        return Rung("skip", creditor, tuple(why_not), view.in_days(REVIEW_DAYS))
    account = view.account
    count = len(receivables)
    if account.beyond:
        owned = pot(creditor, "")
        beyond = countable_beyond(account, view.rulebook.holds, view.today)
        count += sum(b.count for key, b in beyond.items() if key.startswith(owned))
    facts = ConditionFacts(
        account.tags,
        account.country,
        creditor,
        account.language or view.rulebook.language,
        account.kind,
        account.risk,
        net,
        count,
        account,
        receivables,
        view.today,
        view.rulebook.risk,
    )
    for strategy in view.rulebook.strategies:
        if holds(strategy.condition, facts):
            found = _tried if view.rulebook.experiments else climb
            rung = found(view, creditor, strategy, carrying, carrying.due_on, facts)
            if view.policy.compiled.asks_for_notices:
                return _sparing(view, rung, receivables)
            return rung
    reason = Reason("no_strategy", {"creditor": creditor})
    return Rung("skip", creditor, (reason,), view.in_days(REVIEW_DAYS))


def _sparing(view: View, rung: Rung, receivables: Sequence[Receivable]) -> Rung:
    """The rung, and which of its creditor's debts its message may not ask for."""
    if rung.outcome != "act" or rung.action != "message" or rung.step is None:
        return rung
    missed = missed_notices(
        view.account,
        view.rulebook,
        view.policy,
        receivables,
        zones=view.zones,
        at=view.as_of,
        gives=rung.step.gives,
    )
    spared = tuple(
        Reason(
            "not_asked_for",
            {
                "receivable": receivable_id,
                "step": rung.step.step,
                "rule": owed.rule,
                "source": owed.source,
                "why": "notice_owed",
                "about": {"notice": owed.notice, "day": owed.by.isoformat()},
            },
        )
        for receivable_id, owed in missed.items()
    )
    return replace(rung, reasons=(*rung.reasons, *spared))


def _tried(
    view: View,
    creditor: str,
    strategy: Strategy,
    carrying: Receivable,
    due_on: date,
    facts: ConditionFacts,
) -> Rung:
    """The ladder on which an experiment puts the debtor, or the rest that it gives them; the
    strategy's own where none does."""
    place = placed(
        view.account, view.rulebook, strategy, facts, carrying, view.as_of, stopped=view.ended
    )
    if place is None:
        return climb(view, creditor, strategy, carrying, due_on, facts)
    about = {"experiment": place.experiment, "arm": place.arm}
    trial = (place.experiment, place.arm)
    if place.rests_until is not None:
        reason = Reason("hold_out", {**about, "until": place.rests_until})
        ladder = strategy.strategy
        return Rung(
            "wait",
            creditor,
            (reason,),
            place.rests_until,
            strategy=ladder,
            carrying=carrying,
            trial=trial,
        )
    rung = climb(view, creditor, place.strategy, carrying, due_on, facts)
    return replace(rung, reasons=(*rung.reasons, Reason("experiment", about)), trial=trial)


def _awaited(view: View, creditor: str) -> datetime | None:
    """Until when money is under way to this creditor, or to one that nobody can tell yet."""
    return max(
        (
            money.until
            for money in view.account.awaited
            if money.creditor in ("", creditor) and money.since <= view.as_of < money.until
        ),
        default=None,
    )


def _remind(view: View, due: Reminding) -> Rung:
    """A reminder of an instalment, by the first of its channels that may be used now."""
    creditor = due.agreement.creditor
    reason = reminder_reason(due)
    until = _awaited(view, creditor) if view.account.awaited else None
    if until is not None:
        under_way = Reason("payment_awaited", {"creditor": creditor, "until": until})
        return Rung("hold", creditor, (reason, under_way), until)
    carrying = next(
        (one for one in view.account.receivables if one.receivable_id in due.agreement.debts), None
    )
    if carrying is None:  # nothing of its debts is open, or it is one of more than twenty
        return Rung("wait", creditor, (reason,))
    rung = by_channel(view, creditor, _NO_LADDER, carrying, due.step, due.record, reason)
    return replace(if_fresh(view, rung, reason), reminder=due.key)


def _follow(
    view: View, found: Owed, rungs: Sequence[Rung], linked: Mapping[str, Account] | None
) -> list[Rung]:
    """The messages to co-debtors and guarantors that follow what the debtor was told last. While
    the debtor's own person is stopped nobody else is asked."""
    rest: list[Rung] = []
    for rung in rungs:
        if not rung.strategy or rung.carrying is None or view.stops:
            continue
        receivables = found.by_creditor[rung.creditor]
        for one in follows(view.account, rung.creditor, receivables, view.rulebook, view.as_of):
            how = reach(one, rung.creditor, linked, view.rulebook, view.as_of)
            waits: Outcome = "wait" if how.next_look_at else "skip"
            follow = Rung(
                "act" if how.channel else waits,
                rung.creditor,
                how.reasons,
                how.next_look_at,
                how.refusals,
                strategy=rung.strategy,
                step=one.step,
                action="message" if how.channel else None,
                channel=how.channel,
                point_id=how.point_id,
                carrying=one.receivable,
                attempt=one.record.attempts + 1 if one.record else 1,
                person=one.link.account_id,
                role=one.link.role,
            )
            rest.append(if_fresh(view, follow, how.reasons[0]))
    return rest


def _act(
    view: View, rung: Rung, reasons: tuple[Reason, ...], refusals: tuple[Refusal, ...]
) -> Decision:
    carrying, step = rung.carrying, rung.step
    receivable_id = carrying.receivable_id if carrying else ""
    due_on = carrying.due_on if carrying else None
    name = step.step if step is not None else END
    # What stands in a step's place is another intent than the step itself.
    instead = rung.task if rung.about or step is None else ""
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
        stage=step.stage if step is not None else rung.stage,
        channel=rung.channel,
        point_id=rung.point_id,
        task=rung.task,
        about=rung.about,
        queue=rung.queue,
        due_days=rung.due_days,
        gives=(
            step.gives if step is not None and rung.action == "message" and not rung.person else ()
        ),
        receivable_id=receivable_id,
        days_past_due=(view.today - due_on).days if due_on else None,
        attempt=rung.attempt,
        reminder=rung.reminder,
        person=rung.person,
        role=rung.role,
        intent_id=intent_id(
            view.account.account_id,
            rung.creditor,
            receivable_id,
            name,
            instead,
            rung.attempt,
            *((rung.reminder,) if rung.reminder else ()),
            *((rung.role, rung.person) if rung.person else ()),
        ),
        refusals=refusals,
    )


def _decision(
    view: View,
    outcome: Outcome,
    reasons: tuple[Reason, ...],
    next_look_at: datetime | None,
    rungs: Sequence[Rung] = (),
) -> Decision:
    leading = max(rungs, key=lambda rung: rung.severity, default=None)
    carrying = leading.carrying if leading else None
    if next_look_at is not None:
        farthest = view.as_of + timedelta(days=FARTHEST_LOOK_DAYS)
        next_look_at = min(max(next_look_at, view.as_of + _SECOND), farthest)
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
        refusals=refusals_of(rungs),
    )
