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
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from escalon.domain.account import (
    Account,
    ContactPoint,
    Intent,
    Receivable,
    Role,
    StepRecord,
    pot,
)
from escalon.domain.agreements.agreed import resting
from escalon.domain.agreements.agreement import Reminding
from escalon.domain.agreements.due import (
    look_days,
    reminder_reason,
    reminders,
    rest_reason,
    resumed,
)
from escalon.domain.contact.brakes import BRAKE_PATIENCE, NO_BRAKES, Brakes
from escalon.domain.contact.co_debtors import follows, reach
from escalon.domain.contact.facts import Stop
from escalon.domain.contact.pacing import QUEUED_AHEAD
from escalon.domain.contact.policy import Allow, Policy, Verdict
from escalon.domain.contact.told import (
    contact_verdict,
    gate_reason,
    missed_notices,
    obstacle,
    stops_of,
    whereabouts_unknown,
    zones_for,
)
from escalon.domain.contact.unheard import Unheard, first_unheard, is_unheard
from escalon.domain.decisions.decision import Action, Decision, Outcome, Reason, Refusal
from escalon.domain.holds import countable_beyond, open_hold
from escalon.domain.local_time import add_days, local_date, start_of_day
from escalon.domain.rules.conditions import ConditionFacts, holds
from escalon.domain.rules.experiments import placed
from escalon.domain.rules.rulebook import STAGES, LadderEnd, Rulebook, Step, Strategy

PLANNED_TIMEOUT = timedelta(minutes=10)  # then a planned intent is put on its queue again
SENDING_TIMEOUT = timedelta(minutes=15)  # longer than any delivery runs: its fate is unknown
LONGEST_PATIENCE = timedelta(days=1)  # between two attempts to queue the same intent
REVIEW_DAYS = 30  # an open account that is not chased is looked at this often (invariant 7)
PERSON_DAYS = 7  # an account that waits for a person is looked at this often
FARTHEST_LOOK_DAYS = 366  # whatever is open is looked at once a year at least
FEED_PATIENCE = timedelta(hours=1)  # between two looks while a payment feed is not fresh

UNKNOWN_FATE_DAYS = 1  # for a person to find out whether a message left
DUE_DATE_DAYS = 3  # for a person to find a receivable's due date

# Channels that our delivery functions can serve. One that the rulebook has not set up, and any
# other, becomes work for a person.
MESSAGE_CHANNELS = frozenset(("email", "sms", "whatsapp"))

# How soon an account is looked at again that no channel serves and nobody is asked about.
_LOOK_AGAIN_DAYS = {"rules_lacking": 1, "gate_closed": PERSON_DAYS, "contact_stopped": REVIEW_DAYS}

# The name that work without a step has where a step is named.
END = "end"

# That no payment feed has told anything; where the rulebook asks for none, it is never looked at.
NO_FEEDS: Mapping[str, datetime] = MappingProxyType({})

# What a reminder of an instalment stands on, in place of a ladder.
_NO_LADDER = Strategy("", ["anyone"], (), LadderEnd(), "first step")

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_STAGE_RANK = {stage: rank for rank, stage in enumerate(STAGES)}


class _View(msgspec.Struct, frozen=True):
    """The account as of one instant: what every rule below looks at."""

    account: Account
    rulebook: Rulebook
    policy: Policy
    as_of: datetime
    zones: tuple[str, ...]
    today: date  # in the debtor's zone; where zones conflict, the earliest of their dates
    feeds: Mapping[str, datetime]
    stops: tuple[Stop, ...]  # of the person, whichever debt it is about
    ended: frozenset[str] = frozenset()  # experiments that were ended early

    def date_of(self, instant: datetime) -> date:
        return local_date(self.zones, instant)

    def start_of(self, day: date) -> datetime:
        """The first instant of `day`, or of the day a year ahead if that is sooner."""
        farthest = add_days(self.today, FARTHEST_LOOK_DAYS)
        return start_of_day(self.zones, min(day, farthest))


class _Rung(msgspec.Struct, frozen=True):
    """What one creditor's ladder says."""

    outcome: Outcome
    creditor: str
    reasons: tuple[Reason, ...]
    next_look_at: datetime | None = None
    refusals: tuple[Refusal, ...] = ()
    strategy: str = ""
    step: Step | None = None
    stage: str = ""
    action: Action | None = None
    task: str = ""
    about: str = ""
    queue: str = ""
    due_days: int = 0
    channel: str = ""
    point_id: str = ""
    carrying: Receivable | None = None
    attempt: int = 1
    trial: tuple[str, str] | None = None  # the experiment that put the debtor here, and the arm
    reminder: str = ""  # of an instalment (`Reminding.key`); empty for a step of a ladder
    person: str = ""  # the co-debtor or guarantor to whom it goes; empty: the debtor
    role: Role = "debtor"

    @property
    def severity(self) -> tuple[int, int]:
        """Orders steps over all ladders; work without a step comes last."""
        if self.step is None:
            return (-1, 0)
        return (_STAGE_RANK[self.step.stage], self.step.day)

    @property
    def is_closed(self) -> bool:
        """Whether the step is due and waits for nothing but the contact policy to open."""
        return self.outcome == "wait" and bool(self.refusals)


class _Open(msgspec.Struct, frozen=True):
    """What is open, by whether it may be chased today."""

    by_creditor: dict[str, list[Receivable]]
    undated: list[Receivable]
    reasons: list[Reason]  # why the others rest
    wakes: list[datetime]  # and until when
    held: bool  # whether a hold is among the reasons


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
    view = _view(account, rulebook, as_of, feeds)
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


def _find_out(view: _View, unheard: Unheard) -> Decision:
    """The carrier has had its time: a person is told, once (invariant 1)."""
    record, receivable = unheard.record, unheard.receivable
    about = {"step": unheard.step, "channel": record.channel, "since": record.at}
    steps = (step for strategy in view.rulebook.strategies for step in strategy.steps)
    return replace(
        _decision(view, "act", (Reason("unheard", about),), view.as_of + PLANNED_TIMEOUT),
        action="unknown",
        creditor=receivable.creditor,
        step=unheard.step,
        stage=next((step.stage for step in steps if step.step == unheard.step), ""),
        channel=record.channel,
        receivable_id=receivable.receivable_id,
        attempt=record.attempts,
        intent_id=record.intent_id,
    )


def _look(view: _View, brakes: Brakes, linked: Mapping[str, Account] | None) -> Decision:
    """What the account's ladders say, while nothing is being sent."""
    account, rulebook = view.account, view.rulebook
    if not account.receivables and not account.beyond:
        return _decision(view, "skip", (Reason("nothing_open"),), None)
    held = account.holds and open_hold(account, rulebook.holds, None, view.today)
    if held:
        hold, ends_on = held
        reason = Reason("account_hold", {"kind": hold.kind, "until": ends_on})
        return _decision(view, "hold", (reason,), _wakes(view, ends_on))
    found = _open(view)
    rungs = [
        _assess(view, creditor, group) for creditor, group in sorted(found.by_creditor.items())
    ]
    if found.undated:
        rungs.append(_mend_due_dates(view, found.undated))
    if account.agreements:
        rungs.extend(_remind(view, due) for due in reminders(account, rulebook, view.today))
    if brakes.brakes:
        rungs = [_braked(view, rung, brakes) for rung in rungs]
    chosen = _severest(rungs)
    reasons = list(chosen.reasons) if chosen else found.reasons
    first = chosen or max((r for r in rungs if r.is_closed), key=_severity, default=None)
    for rung in rungs:
        if rung.outcome == "act" and rung is not chosen and first is not None:
            if rung.creditor != first.creditor:
                params = {"creditor": rung.creditor, "first": first.creditor}
                reasons.append(Reason("other_creditor_first", params))
        elif not chosen:
            reasons.extend(rung.reasons)
    if chosen:
        return _entering(_act(view, chosen, tuple(reasons), _refusals(rungs)), view, rungs)
    others: list[_Rung] = []
    if account.links:
        others = [_braked(view, rung, brakes) for rung in _follow(view, found, rungs, linked)]
        following = next((rung for rung in others if rung.outcome == "act"), None)
        if following:
            refusals = _refusals((*rungs, *others))
            return _entering(_act(view, following, following.reasons, refusals), view, rungs)
        reasons.extend(reason for rung in others for reason in rung.reasons)
        found.wakes.extend(rung.next_look_at for rung in others if rung.next_look_at)
    looks = [*found.wakes, *(rung.next_look_at for rung in rungs if rung.next_look_at)]
    decision = _decision(
        view,
        _quiet_outcome((*rungs, *others), found),
        tuple(reasons) or (Reason("nothing_open"),),
        min(looks) if looks else _in_days(view, REVIEW_DAYS),
        rungs=rungs,
    )
    if others:
        decision = replace(decision, refusals=(*decision.refusals, *_refusals(others)))
    return _entering(decision, view, rungs)


def _entering(decision: Decision, view: _View, rungs: Sequence[_Rung]) -> Decision:
    """The decision with the experiments that the account enters by it: whichever ladder goes first,
    since whoever is left out of the count would bend it."""
    if not view.rulebook.experiments:
        return decision
    trials = dict(rung.trial for rung in rungs if rung.trial is not None)
    new = {name: arm for name, arm in trials.items() if name not in view.account.trials}
    return replace(decision, trials=new) if new else decision


def _severity(rung: _Rung) -> tuple[int, int]:
    return rung.severity


def _severest(rungs: Sequence[_Rung]) -> _Rung | None:
    """What is done now: the severest step that is due. A milder creditor's message does not go
    while a severer step only waits for the contact policy, since it would use up the person's
    contact, as a call or a letter does; other work for a person uses up nothing."""
    if len(rungs) == 1:
        return rungs[0] if rungs[0].outcome == "act" else None
    closed = max((rung.severity for rung in rungs if rung.is_closed), default=(-2, 0))
    acting = (
        rung
        for rung in rungs
        if rung.outcome == "act" and (rung.channel == "task" or rung.severity >= closed)
    )
    return max(acting, key=_severity, default=None)


def _refusals(rungs: Sequence[_Rung]) -> tuple[Refusal, ...]:
    return tuple(refusal for rung in rungs for refusal in rung.refusals)


def _view(
    account: Account, rulebook: Rulebook, as_of: datetime, feeds: Mapping[str, datetime]
) -> _View:
    policy = rulebook.policy_for(account.country)
    zones = zones_for(rulebook, account)
    today = local_date(zones, as_of)
    stops = stops_of(account, rulebook.holds, "", today, zones) if account.holds else ()
    return _View(account, rulebook, policy, as_of, zones, today, feeds, stops)


def _quiet_outcome(rungs: Sequence[_Rung], found: _Open) -> Outcome:
    outcomes = {rung.outcome for rung in rungs}
    if "wait" in outcomes:
        return "wait"
    if "hold" in outcomes or (found.held and not rungs):
        return "hold"
    return "wait" if found.wakes and not rungs else "skip"


def patience(intent: Intent) -> timedelta:
    """How long an intent may stay as it is. Each time it was queued in vain the wait doubles, so
    that one which can never be delivered does not come round every few minutes (invariant 9)."""
    if intent.state != "planned":
        return SENDING_TIMEOUT
    doubled: timedelta = PLANNED_TIMEOUT * (1 << min(intent.resumed, 10))
    return min(doubled, LONGEST_PATIENCE)


def settle_by(intent: Intent) -> datetime:
    """When a planned or claimed intent is looked at, if nothing settles it before."""
    if intent.send_at is not None and intent.state == "planned" and not intent.resumed:
        if waits_for_its_turn(intent):
            return intent.send_at - QUEUED_AHEAD
        return intent.send_at + PLANNED_TIMEOUT
    return (intent.sending_at or intent.decided_at) + patience(intent)


def waits_for_its_turn(intent: Intent) -> bool:
    """Whether the intent's turn is so far off that it is not on its queue yet."""
    return (
        intent.send_at is not None
        and intent.state == "planned"
        and not intent.resumed
        and intent.send_at - intent.decided_at > QUEUED_AHEAD
    )


def _settle_first(view: _View) -> Decision:
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


def _open(view: _View) -> _Open:
    """The account's receivables: those that may be chased by creditor, and why the others rest."""
    found = _Open({}, [], [], [], held=False)
    held = False
    today, account = view.today, view.account
    oldest_days = view.rulebook.chase.oldest_debt_days
    rest = resting(account.agreements)
    found.wakes.extend(view.start_of(day) for day in look_days(account, view.rulebook, today))
    for receivable in account.receivables:
        if receivable.issued_on > today:
            found.wakes.append(view.start_of(receivable.issued_on))
            found.reasons.append(_about(receivable, "not_issued", on=receivable.issued_on))
            continue
        rests = account.holds and open_hold(
            account, view.rulebook.holds, receivable.receivable_id, today
        )
        if rests:
            hold, ends_on = rests
            held = True
            found.wakes.append(_wakes(view, ends_on))
            found.reasons.append(
                _about(receivable, "receivable_hold", kind=hold.kind, until=ends_on)
            )
        elif receivable.receivable_id in rest:
            agreement = rest[receivable.receivable_id]
            found.reasons.append(rest_reason(agreement, receivable, today))
        elif receivable.due_on is None:
            found.undated.append(receivable)
        elif oldest_days and (today - receivable.due_on).days > oldest_days:
            found.reasons.append(_about(receivable, "too_old", days=oldest_days))
        else:
            found.by_creditor.setdefault(receivable.creditor, []).append(receivable)
    return replace(found, held=True) if held else found


def _wakes(view: _View, ends_on: date | None) -> datetime:
    return view.start_of(ends_on) if ends_on else _in_days(view, REVIEW_DAYS)


def _about(receivable: Receivable, code: str, **params: object) -> Reason:
    return Reason(code, {"receivable": receivable.receivable_id, **params})


def _assess(view: _View, creditor: str, receivables: list[Receivable]) -> _Rung:
    if view.account.awaited:
        until = _awaited(view, creditor)
        if until is not None:
            reason = Reason("payment_awaited", {"creditor": creditor, "until": until})
            return _Rung("hold", creditor, (reason,), until)
    carrying, net, why_not = _carrying(view, creditor, receivables)
    if carrying is None or carrying.due_on is None:
        return _Rung("skip", creditor, tuple(why_not), _in_days(view, REVIEW_DAYS))
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
            climb = _tried if view.rulebook.experiments else _climb
            rung = climb(view, creditor, strategy, carrying, carrying.due_on, facts)
            if view.policy.compiled.asks_for_notices:
                return _sparing(view, rung, receivables)
            return rung
    reason = Reason("no_strategy", {"creditor": creditor})
    return _Rung("skip", creditor, (reason,), _in_days(view, REVIEW_DAYS))


def _sparing(view: _View, rung: _Rung, receivables: Sequence[Receivable]) -> _Rung:
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
    view: _View,
    creditor: str,
    strategy: Strategy,
    carrying: Receivable,
    due_on: date,
    facts: ConditionFacts,
) -> _Rung:
    """The ladder on which an experiment puts the debtor, or the rest that it gives them; the
    strategy's own where none does."""
    place = placed(
        view.account, view.rulebook, strategy, facts, carrying, view.as_of, stopped=view.ended
    )
    if place is None:
        return _climb(view, creditor, strategy, carrying, due_on, facts)
    about = {"experiment": place.experiment, "arm": place.arm}
    trial = (place.experiment, place.arm)
    if place.rests_until is not None:
        reason = Reason("hold_out", {**about, "until": place.rests_until})
        ladder = strategy.strategy
        return _Rung(
            "wait",
            creditor,
            (reason,),
            place.rests_until,
            strategy=ladder,
            carrying=carrying,
            trial=trial,
        )
    rung = _climb(view, creditor, place.strategy, carrying, due_on, facts)
    return replace(rung, reasons=(*rung.reasons, Reason("experiment", about)), trial=trial)


def _awaited(view: _View, creditor: str) -> datetime | None:
    """Until when money is under way to this creditor, or to one that nobody can tell yet."""
    return max(
        (
            money.until
            for money in view.account.awaited
            if money.creditor in ("", creditor) and money.since <= view.as_of < money.until
        ),
        default=None,
    )


def _carrying(
    view: _View, creditor: str, receivables: list[Receivable]
) -> tuple[Receivable | None, dict[str, int], list[Reason]]:
    """The receivable that carries the ladder, the net balance by currency, and why a currency has
    none. Currencies are never added up (lesson E1)."""
    account = view.account
    threshold = view.rulebook.chase.from_minor
    by_currency: dict[str, list[Receivable]] = {}
    for receivable in receivables:
        by_currency.setdefault(receivable.currency, []).append(receivable)
    net: dict[str, int] = {}
    carrying: Receivable | None = None
    why_not: list[Reason] = []
    for currency, group in by_currency.items():
        key = pot(creditor, currency)
        credit = account.credits.get(key, 0) if account.credits else 0
        owed = [receivable for receivable in group if receivable.open_minor > 0]
        if len(owed) < len(group):  # a receivable below zero is a credit note
            credit -= sum(r.open_minor for r in group if r.open_minor < 0)
        total = sum([r.open_minor for r in owed]) - credit
        if account.beyond:
            rest = countable_beyond(account, view.rulebook.holds, view.today).get(key)
            total += rest.open_minor if rest else 0
        net[currency] = total
        about = {"creditor": creditor, "currency": currency}
        least = threshold.get(currency)
        if least is None:
            why_not.append(Reason("currency_not_chased", about))
        elif total < least or not owed:
            code = "covered_by_credit" if credit and total <= 0 else "below_threshold"
            amounts = {"open_minor": total, "from_minor": least}
            why_not.append(Reason(code, {**about, **amounts}))
        else:
            first = _reaching(owed, max(least, 1), credit)
            if carrying is None or _age(first) < _age(carrying):
                carrying = first
    return carrying, net, why_not


def _reaching(owed: list[Receivable], least: int, credit: int) -> Receivable:
    """The receivable at which the debt, summed from the oldest on and less the credit, reaches
    `least`; the youngest one if it takes more than the account's document holds."""
    owed.sort(key=_age)
    reached = -credit
    for receivable in owed:
        reached += receivable.open_minor
        if reached >= least:
            return receivable
    return owed[-1]


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
    rung = _Rung("wait", creditor, (), strategy=strategy.strategy, carrying=carrying)
    if current is None:
        if coming is None:
            return _end_of_ladder(view, creditor, strategy, carrying)
        on = add_days(due_on, coming.day + shift)
        reason = Reason(
            "step_not_due", {"step": coming.step, "on": on, "receivable": carrying.receivable_id}
        )
        return replace(rung, reasons=(reason,), next_look_at=_opens(view, coming, on))
    rung = _take(view, rung, strategy, carrying, current, due_on, shift)
    if coming is None or rung.next_look_at is None:
        return rung
    # Whatever holds this step back need not hold back the next, whose day may come first.
    on = add_days(due_on, coming.day + shift)
    if rung.next_look_at <= view.start_of(on):
        return rung
    return replace(rung, next_look_at=min(rung.next_look_at, _opens(view, coming, on)))


def _take(
    view: _View,
    rung: _Rung,
    strategy: Strategy,
    carrying: Receivable,
    current: Step,
    due_on: date,
    shift: int,
) -> _Rung:
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
            look_at = opens_at or _in_days(view, PERSON_DAYS)
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
    rung = _by_channel(view, creditor, strategy, carrying, step, record, due_reason)
    return _if_fresh(view, rung, due_reason)


def _if_fresh(view: _View, rung: _Rung, due_reason: Reason) -> _Rung:
    """The rung as it is, or its wait while nobody knows what was paid."""
    if view.rulebook.payments.feeds and rung.outcome == "act" and rung.channel != "task":
        stale = _not_fresh(view, rung.creditor)
        if stale is not None:
            # No refusals: another creditor's message need not wait for this one's feed.
            return _Rung(
                "wait",
                rung.creditor,
                (due_reason, stale),
                view.as_of + FEED_PATIENCE,
                strategy=rung.strategy,
                step=rung.step,
                carrying=rung.carrying,
            )
    return rung


def _remind(view: _View, due: Reminding) -> _Rung:
    """A reminder of an instalment, by the first of its channels that may be used now."""
    creditor = due.agreement.creditor
    reason = reminder_reason(due)
    until = _awaited(view, creditor) if view.account.awaited else None
    if until is not None:
        under_way = Reason("payment_awaited", {"creditor": creditor, "until": until})
        return _Rung("hold", creditor, (reason, under_way), until)
    carrying = next(
        (one for one in view.account.receivables if one.receivable_id in due.agreement.debts), None
    )
    if carrying is None:  # nothing of its debts is open, or it is one of more than twenty
        return _Rung("wait", creditor, (reason,))
    rung = _by_channel(view, creditor, _NO_LADDER, carrying, due.step, due.record, reason)
    return replace(_if_fresh(view, rung, reason), reminder=due.key)


def _follow(
    view: _View, found: _Open, rungs: Sequence[_Rung], linked: Mapping[str, Account] | None
) -> list[_Rung]:
    """The messages to co-debtors and guarantors that follow what the debtor was told last. While
    the debtor's own person is stopped nobody else is asked."""
    rest: list[_Rung] = []
    for rung in rungs:
        if not rung.strategy or rung.carrying is None or view.stops:
            continue
        receivables = found.by_creditor[rung.creditor]
        for one in follows(view.account, rung.creditor, receivables, view.rulebook, view.as_of):
            how = reach(one, rung.creditor, linked, view.rulebook, view.as_of)
            waits: Outcome = "wait" if how.next_look_at else "skip"
            follow = _Rung(
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
            rest.append(_if_fresh(view, follow, how.reasons[0]))
    return rest


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
        if record is None or not record.is_behind:
            step = next(candidate for candidate in steps if candidate.step == need.step)
            if record is not None:
                return step, record
            continue
        if record.state == "delivered":
            break
        if _to_be_sent(record):
            return _Until(_in_days(view, PERSON_DAYS), _unsent(need.step, record))
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
    view: _View, steps: Sequence[Step], step: Step | None, records: dict[str, StepRecord]
) -> _Until | None:
    """Until when notice that an earlier step gave holds back `step`, or (None) the ladder's end."""
    latest: _Until | None = None
    for earlier in steps:
        if step is not None and earlier.step == step.step:
            break
        record = records.get(earlier.step) if earlier.wait_days else None
        if record is not None and record.is_behind:
            if _to_be_sent(record):  # its days have not begun
                return _Until(_in_days(view, PERSON_DAYS), _unsent(earlier.step, record))
            on = view.date_of(record.at) + timedelta(days=earlier.wait_days)
            if view.today < on:
                at = _opens(view, step, on)
                if latest is None or at > latest.at:
                    latest = _Until(at, Reason("notice_time", {"step": earlier.step, "until": on}))
    return latest


def _gap(view: _View, creditor: str, step: Step, record: StepRecord | None) -> _Until | None:
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
    return _Until(_opens(view, step, on), reason)


def _by_channel(
    view: _View,
    creditor: str,
    strategy: Strategy,
    carrying: Receivable,
    step: Step,
    record: StepRecord | None,
    due_reason: Reason,
) -> _Rung:
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
            verdict = _verdict(view, channel, point, view.as_of, step, carrying)
            if isinstance(verdict, Allow):
                by_us = channel in view.rulebook.channels.served and not step.task
                return _Rung(
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
    found = obstacle(step.step, refusals)
    if found is not None:
        outcome, why = found
        return _Rung(
            outcome,
            creditor,
            (due_reason, why),
            _in_days(view, _LOOK_AGAIN_DAYS[why.code]),
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
            # The same channels fail every step: a person is asked once for all of them.
            about=f"data_repair:{creditor}:{'+'.join(sorted(step.contacts_by))}",
            due_days=step.task_due_days,
            channel="task",
            carrying=carrying,
        ),
    )


def _find_whereabouts(
    view: _View,
    creditor: str,
    strategy: Strategy,
    carrying: Receivable,
    step: Step,
    due_reason: Reason,
) -> _Rung:
    """Nobody knows the debtor's country nor zone: a person finds out, and nothing is said before,
    since no hour is lawful everywhere."""
    return _ask_a_person(
        view,
        _Rung(
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


def _not_fresh(view: _View, creditor: str) -> Reason | None:
    """Why nobody can be asked for this creditor's money now: one of its payment feeds has told
    nothing for longer than the rulebook allows, or never, so they may have paid (lesson L7)."""
    known = view.rulebook.creditors.get(creditor)
    for feed in known.feeds if known else ():
        hours = view.rulebook.payments.feeds[feed]
        since = view.feeds.get(feed)
        if since is None or view.as_of - since > timedelta(hours=hours):
            about = {"feed": feed, "since": since, "at_most_hours": hours}
            return Reason("payments_not_fresh", about)
    return None


def _braked(view: _View, rung: _Rung, brakes: Brakes) -> _Rung:
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
    about = {"brake": brake.brake_id, "since": brake.since, "by": brake.by}
    return replace(
        rung,
        outcome="wait",
        action=None,
        reasons=(*rung.reasons, Reason("stopped", about)),
        refusals=(),
        next_look_at=view.as_of + BRAKE_PATIENCE,
    )


def _points(points: Iterable[ContactPoint], channel: str) -> Iterable[ContactPoint | None]:
    """The account's points of a channel; an empty place if there is none, so that it is told."""
    found = [point for point in points if point.channel == channel]
    return found or (None,)


def _ask_a_person(view: _View, rung: _Rung) -> _Rung:
    """The rung as it is, or its hold if a person has been asked about the same and is at it."""
    if rung.about not in view.account.exceptions:
        return rung
    waiting = (*rung.reasons, Reason("waits_for_person", {"task": rung.task}))
    return replace(rung, outcome="hold", reasons=waiting, next_look_at=_in_days(view, PERSON_DAYS))


def _mend_due_dates(view: _View, undated: Sequence[Receivable]) -> _Rung:
    """A receivable without a due date goes to a person, not to the debtor (lesson L20)."""
    rungs = [
        _ask_a_person(
            view,
            _Rung(
                "act",
                receivable.creditor,
                (_about(receivable, "missing_due_date"),),
                action="task",
                task="data_repair",
                about=f"data_repair:{receivable.creditor}:due date of {receivable.receivable_id}",
                due_days=DUE_DATE_DAYS,
                channel="task",
                carrying=receivable,
            ),
        )
        for receivable in undated
    ]
    return next((rung for rung in rungs if rung.outcome == "act"), rungs[0])


def _end_of_ladder(view: _View, creditor: str, strategy: Strategy, carrying: Receivable) -> _Rung:
    """Nothing further on the ladder: work for a person, once or every so many days, but not before
    the notice time of what was said last has passed."""
    end = strategy.end
    ladder = view.account.ladders.get(creditor)
    rung = _Rung("wait", creditor, (), strategy=strategy.strategy, carrying=carrying)
    notice = _notice(view, strategy.steps, None, carrying.steps)
    if notice is not None:
        return replace(rung, reasons=(notice.reason,), next_look_at=notice.at)
    asked_at, times = None, 0
    if ladder is not None and ladder.ended_for == carrying.receivable_id:
        asked_at, times = ladder.ended_at, ladder.ended_times
    reason = Reason("ladder_ended", {"strategy": strategy.strategy, "task": end.task})
    if not end.every_days and asked_at is not None:
        return replace(
            rung, outcome="skip", reasons=(reason,), next_look_at=_in_days(view, REVIEW_DAYS)
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


def _opens(view: _View, step: Step | None, on: date) -> datetime:
    """The instant of `on` or later at which looking makes sense: when the contact policy first
    opens for one of the step's channels, as far as that can be known today."""
    start = view.start_of(on)
    earliest: datetime | None = None
    for channel in step.contacts_by if step is not None else ():
        for point in view.account.points:
            if point.channel == channel:
                verdict = _verdict(view, channel, point, start, step)
                if isinstance(verdict, Allow):
                    return start
                allowed_at = verdict.next_allowed_at
                if allowed_at is not None and (earliest is None or allowed_at < earliest):
                    if allowed_at - start < _DAY:
                        return allowed_at  # no channel opens on an earlier day
                    earliest = allowed_at
    return earliest or start


def _verdict(
    view: _View,
    channel: str,
    point: ContactPoint | None,
    at: datetime,
    step: Step | None,
    carrying: Receivable | None = None,
) -> Verdict:
    return contact_verdict(
        view.account,
        view.rulebook,
        view.policy,
        channel=channel,
        point=point,
        zones=view.zones,
        stops=view.stops,
        at=at,
        step=step,
        receivable=carrying,
    )


def _in_days(view: _View, days: int) -> datetime:
    return view.start_of(view.today + timedelta(days=days))


def _act(
    view: _View, rung: _Rung, reasons: tuple[Reason, ...], refusals: tuple[Refusal, ...]
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
        refusals=_refusals(rungs),
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
        about=decision.about,
        queue=decision.queue,
        due_days=decision.due_days,
        gives=decision.gives,
        reminder=decision.reminder,
        person=decision.person,
        role=decision.role,
    )
