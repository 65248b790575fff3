"""What will happen to an account if nothing else does: the engine folded forward, pure and bounded.

Nobody pays, nobody answers, nothing fails: every message is sent at the run that decides it and
delivered, or, where no carrier says so, counts as that after the rulebook's
`delivered_after_hours`; work for a person is opened; payment feeds stay fresh; co-debtors and
guarantors are not written to, since their own accounts are not looked at. With a message interest
and its step's fee are charged. Receivables that are still to be issued join on their day. The
account is looked at by the first run at or after its next look, as a stack does it, so a forecast
and a replay without later facts tell the same (capability 4: simulate before you switch on).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, Beyond, Receivable
from escalon.domain.agreements.agreement import follow
from escalon.domain.agreements.follow_up import with_agreement, with_pauses
from escalon.domain.contact.told import zones_for
from escalon.domain.contact.unheard import first_unheard
from escalon.domain.decisions.by_channel import NO_FEEDS
from escalon.domain.decisions.by_hand import closed
from escalon.domain.decisions.decision import Decision, Refusal
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.intents import as_intent
from escalon.domain.decisions.transitions import claim, settle_opened, settle_sent, with_step_state
from escalon.domain.local_time import local_date, start_of_day
from escalon.domain.payments.fees import lawful_fee
from escalon.domain.payments.interest import charge_through, charges_interest
from escalon.domain.payments.ledger import charge_fee, embed, whole
from escalon.domain.payments.statement import shown
from escalon.domain.rules.conditions import ConditionFacts, holds
from escalon.domain.rules.experiments import entered
from escalon.domain.rules.rulebook import END, Condition, Publishing, Rulebook, Strategy
from escalon.domain.tasks import SENT_BY_HAND, Task

# Whose account is linked with the debtor's, as far as a forecast looks.
NOBODY: Mapping[str, Account] = MappingProxyType({})

QUARTER = timedelta(minutes=15)  # how often the schedule begins a run

# The first run at or after an instant.
type NextRun = Callable[[datetime], datetime]

# What conditions ask for that changes while nobody pays, or is not looked at here.
_CHANGING = ("open", "overdue", "receivables", "at least", "at most", "known")

# What conditions look at and time does not change: tags, country, creditor, language, debtor, risk.
type _Lasting = tuple[tuple[str, ...], str, str, str, str, str]


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that will be said or given to a person; `end` is what comes after the last step."""

    at: datetime
    kind: Literal["message", "task", "end"]
    creditor: str
    strategy: str
    step: str
    stage: str
    channel: str  # a contact channel, or "task"
    task: str = ""  # kind of work for a person; empty for a message
    queue: str = ""  # whom the ladder hands to at its end
    receivable_id: str = ""  # the one that carries the ladder
    days_past_due: int | None = None
    since: date | None = None  # the day on which its age reached the step
    point_id: str = ""
    reasons: tuple[str, ...] = ()  # codes, as in `explanation`
    refusals: tuple[Refusal, ...] = ()


class Look(msgspec.Struct, frozen=True):
    """One decision on the way, with the account that it was decided about."""

    account: Account
    decision: Decision


def quarter_hours(instant: datetime) -> datetime:
    """The first quarter of an hour at or after an instant: when a stack's schedule fires."""
    passed = instant.minute % 15
    if not passed and not instant.second and not instant.microsecond:
        return instant
    return instant.replace(minute=instant.minute - passed, second=0, microsecond=0) + QUARTER


def forecast(
    account: Account,
    rulebook: Rulebook,
    start: datetime,
    until: datetime,
    *,
    to_come: Sequence[Receivable] = (),
    next_run: NextRun = quarter_hours,
) -> tuple[Event, ...]:
    """What happens to the account from `start` on and before `until` (aware), in order.

    Total like the engine, and bounded: no run looks at the account twice. `to_come` are receivables
    that are not part of the account yet.
    """
    return tuple(
        event_of(look.decision)
        for look in walk(account, rulebook, start, until, to_come=to_come, next_run=next_run)
        if look.decision.outcome == "act"
    )


def walk(
    account: Account,
    rulebook: Rulebook,
    start: datetime,
    until: datetime,
    *,
    to_come: Sequence[Receivable] = (),
    next_run: NextRun = quarter_hours,
) -> Iterator[Look]:
    """The looks of which `forecast` tells the events: those that wait too, so that it can be told
    what holds a step back. `next_run` answers an instant that is not before the one it is given."""
    account = _settled(account, rulebook.channels.telling)
    zones = zones_for(rulebook, account)
    joining = sorted(
        ((start_of_day(zones, r.issued_on), r) for r in to_come),
        key=lambda one: (one[0], one[1].receivable_id),
        reverse=True,
    )
    at = next_run(start)
    feeds = rulebook.payments.feeds
    while at < until:
        while joining and joining[-1][0] <= at:
            account = _joined(account, joining.pop()[1])
        fresh = dict.fromkeys(feeds, at) if feeds else NO_FEEDS
        if account.agreements:
            account = _followed(account, rulebook, at)
        decision = decide(account, rulebook, at, fresh, linked=NOBODY)
        yield Look(account, decision)
        account = entered(account, rulebook, decision.trials, at)
        look_at = decision.next_look_at
        if decision.outcome == "act":
            # It says when to look whether that was done, which is soon: looking early does nothing.
            account = _carried_out(account, decision, rulebook)
        if joining and (look_at is None or joining[-1][0] < look_at):
            look_at = joining[-1][0]
        if look_at is None:
            return
        at = next_run(max(look_at, at + timedelta(seconds=1)))


def event_of(decision: Decision) -> Event:
    """A decision to act as what happens."""
    kind: Literal["message", "task", "end"] = "message"
    if decision.action != "message":
        kind = "end" if decision.step == END and not decision.about else "task"
    since = next((r.params.get("since") for r in decision.reasons if r.code == "step_due"), None)
    return Event(
        at=decision.as_of,
        kind=kind,
        creditor=decision.creditor,
        strategy=decision.strategy,
        step=decision.step,
        stage=decision.stage,
        channel=decision.channel,
        task=decision.task,
        queue=decision.queue,
        receivable_id=decision.receivable_id,
        days_past_due=decision.days_past_due,
        since=since,
        point_id=decision.point_id,
        reasons=tuple([reason.code for reason in decision.reasons]),
        refusals=decision.refusals,
    )


class Alike:
    """Tells of which accounts two rulebooks surely decide alike, whatever is open when: those that
    fall on the same ladders by what does not change while nobody pays."""

    def __init__(self, one: Rulebook, other: Rulebook) -> None:
        self._one = one
        self._other = other
        self._rest_is_same = _without_ladders(one) == _without_ladders(other)
        names: list[Strategy] = []
        self._ladders = tuple(
            tuple((s.condition, _numbered(s, names)) for s in book.strategies)
            for book in (one, other)
        )
        self._known: dict[_Lasting, bool] = {}

    def __call__(self, account: Account, to_come: Sequence[Receivable] = ()) -> bool:
        """Whether no decision about this account can differ. False may be said of one that is
        decided alike all the same."""
        country = account.country
        if (
            not self._rest_is_same
            or self._one.experiments
            or (self._one.policy_for(country) != self._other.policy_for(country))
        ):
            return False
        creditors = {receivable.creditor for receivable in (*account.receivables, *to_come)}
        return all(self._same_ladders(account, creditor) for creditor in creditors)

    def _same_ladders(self, account: Account, creditor: str) -> bool:
        language = account.language or self._one.language
        facts = (account.tags, account.country, creditor, language, account.kind, account.risk)
        known = self._known.get(facts)
        if known is None:
            one, other = (_possible(ladders, facts) for ladders in self._ladders)
            known = self._known[facts] = one == other
        return known


def _without_ladders(rulebook: Rulebook) -> Rulebook:
    """What is left to compare when ladders, policies, words and how to publish are left out."""
    return replace(
        rulebook,
        strategies=(),
        contact_policies={},
        messages={},
        publishing=Publishing(),
        rulebook="",
        version="",
    )


def _numbered(strategy: Strategy, known: list[Strategy]) -> int:
    """The same number for ladders that say the same, wherever they are written."""
    bare = replace(
        strategy,
        source="",
        end=replace(strategy.end, source=""),
        steps=tuple(replace(step, source="") for step in strategy.steps),
    )
    if bare not in known:
        known.append(bare)
    return known.index(bare)


def _possible(ladders: Sequence[tuple[Condition, int]], facts: _Lasting) -> list[int]:
    """The ladders that an account may fall on, in order, up to the first that surely takes it."""
    asked = ConditionFacts(*facts, {}, 0)
    found = []
    for condition, number in ladders:
        answer = _surely(condition, asked)
        if answer is not False:
            found.append(number)
        if answer:
            break
    return found


def _surely(condition: Condition, facts: ConditionFacts) -> bool | None:
    """Whether a condition holds whatever is open; None where that makes the difference."""
    word = condition[0]
    if word in _CHANGING or (word == "risk" and not facts.risk):
        return None
    if word == "not":
        answer = _surely(condition[1], facts)
        return None if answer is None else not answer
    if word in ("and", "or"):
        answers = [_surely(part, facts) for part in condition[1:]]
        decisive: bool = word == "or"
        if decisive in answers:
            return decisive
        return None if None in answers else not decisive
    return holds(condition, facts)


def _settled(account: Account, telling: Collection[str]) -> Account:
    """The account without what is under way: what is on its way to the provider has left and
    arrives, and what is only planned is decided again, as the last look does."""
    for intent in account.intents:
        if intent.sending_at is not None:
            account = settle_sent(account, intent, intent.sending_at)
    while (owed := first_unheard(account, telling)) is not None:
        account = with_step_state(account, owed.record.intent_id, "delivered")
    return replace(account, intents=()) if account.intents else account


def _followed(account: Account, rulebook: Rulebook, at: datetime) -> Account:
    """The account with what time has made of its agreements; what they ask of the ledger while
    nobody pays is interest of their own, which no decision looks at."""
    today = local_date(zones_for(rulebook, account), at)
    owed = {one.receivable_id: one for one in account.receivables}
    for agreement in account.agreements:
        after = with_pauses(agreement, account, rulebook.holds, today)
        own = {name: owed[name] for name in agreement.debts if name in owed}
        account = with_agreement(account, follow(after, own, at, today).agreement)
    return account


def _carried_out(account: Account, decision: Decision, rulebook: Rulebook) -> Account:
    intent, now = as_intent(decision, ""), decision.as_of
    if intent.task:
        account = settle_opened(account, intent, now)
        if intent.task not in SENT_BY_HAND:
            return account
        task = Task(
            intent.intent_id, account.account_id, intent.task, now, now, intent.creditor,
            step=intent.step,
        )  # fmt: skip
        return closed(account, task, "sent", now)  # whoever has it on their list sends it at once
    account = _bearing(account, rulebook, now)
    intent = replace(intent, shows=shown(account, intent, rulebook, now))
    account = settle_sent(claim(account, intent, now), intent, now)
    if intent.channel in rulebook.channels.telling:
        account = with_step_state(account, intent.intent_id, "delivered")
    steps = (step for strategy in rulebook.strategies for step in strategy.steps)
    taken = next((step for step in steps if step.step == intent.step and step.fee_minor), None)
    if taken is None:
        return account
    fee = lawful_fee(account, rulebook, intent.receivable_id, taken, now)
    booking = charge_fee(_whole(account), intent.receivable_id, intent.step, fee, now)
    return replace(booking.account, beyond=account.beyond)


def _bearing(account: Account, rulebook: Rulebook, now: datetime) -> Account:
    """The account with interest through the day of a message, as far as its document has the debts
    that bear it."""
    if not charges_interest(rulebook):
        return account
    today = local_date(zones_for(rulebook, account), now)
    booking, _ = charge_through(_whole(account), rulebook, today, now)
    return replace(booking.account, beyond=account.beyond)


def _whole(account: Account) -> Account:
    """The account as the ledger takes it: what is only summed stands aside."""
    return whole(account, account.receivables)


def _joined(account: Account, receivable: Receivable) -> Account:
    """The account with a receivable that is issued now; what there is no room for is summed."""
    joined = embed(account, (*account.receivables, receivable))
    sums = dict(account.beyond)
    for key, rest in joined.beyond.items():
        before = sums.get(key, Beyond(0, 0))
        sums[key] = Beyond(before.count + rest.count, before.open_minor + rest.open_minor)
    return replace(joined, beyond=sums)
