"""The statement: which receivables a message to an account about one creditor shows.

One message per debtor, with the whole statement (lesson L11): all that is past due, and what comes
due as soon as the ladder's earliest reminder looks ahead. What is disputed, held, agreed on, not
yet issued or too old is not mentioned, nor in a message what the law lets nobody ask for.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from escalon.domain.account import Account, Beyond, Intent, Receivable
from escalon.domain.agreements.agreed import resting
from escalon.domain.contact.told import missed_notices, zones_for
from escalon.domain.holds import countable_beyond, open_hold
from escalon.domain.local_time import local_date
from escalon.domain.rules.rulebook import Rulebook


def statement(
    account: Account, creditor: str, rulebook: Rulebook, today: date
) -> tuple[list[Receivable], list[Receivable]]:
    """Receivables past due (at least one day), and those that come due within the look-ahead."""
    ahead = _look_ahead(rulebook)
    oldest = rulebook.chase.oldest_debt_days
    overdue: list[Receivable] = []
    upcoming: list[Receivable] = []
    rest = resting(account.agreements)
    for receivable in account.receivables:
        due_on = receivable.due_on
        if receivable.creditor != creditor or due_on is None or receivable.issued_on > today:
            continue
        late = (today - due_on).days
        if oldest and late > oldest:
            continue
        if receivable.receivable_id in rest:
            continue
        if open_hold(account, rulebook.holds, receivable.receivable_id, today):
            continue
        if late > 0:
            overdue.append(receivable)
        elif -late <= ahead:
            upcoming.append(receivable)
    return overdue, upcoming


def asked_about(
    account: Account, creditor: str, rulebook: Rulebook, at: datetime, gives: Sequence[str] = ()
) -> tuple[list[Receivable], list[Receivable]]:
    """What a message of that instant, which gives the notices `gives`, asks for: the statement
    without what a missed notice bars (12 CFR 1006.34, 1006.38). A statutory notice is about what is
    past due alone: it counts as given of each debt that it shows, and before the default there is
    nothing to give notice of (Ley 1266 of 2008, art. 12)."""
    zones = zones_for(rulebook, account)
    overdue, upcoming = statement(account, creditor, rulebook, local_date(zones, at))
    if gives:
        upcoming = []
    policy = rulebook.policy_for(account.country)
    missed = missed_notices(
        account, rulebook, policy, (*overdue, *upcoming), zones=zones, at=at, gives=gives
    )
    if not missed:
        return overdue, upcoming
    return (
        [one for one in overdue if one.receivable_id not in missed],
        [one for one in upcoming if one.receivable_id not in missed],
    )


def shown(account: Account, intent: Intent, rulebook: Rulebook, at: datetime) -> tuple[str, ...]:
    """The receivables that the intent's message is about at that instant: those that it asks for,
    or those of the agreement of whose instalment it reminds."""
    if intent.reminder:
        agreement = resting(account.agreements).get(intent.receivable_id)
        return tuple(agreement.debts) if agreement is not None else ()
    overdue, upcoming = asked_about(account, intent.creditor, rulebook, at, intent.gives)
    return tuple(one.receivable_id for one in (*overdue, *upcoming))


def beyond(
    account: Account, creditor: str, rulebook: Rulebook, today: date
) -> Iterable[tuple[str, Beyond]]:
    """What the statement can only sum, by currency."""
    for key, rest in countable_beyond(account, rulebook.holds, today).items():
        owner, _, currency = key.partition("|")
        if owner == creditor:
            yield currency, rest


def _look_ahead(rulebook: Rulebook) -> int:
    return max(
        (-step.day for strategy in rulebook.strategies for step in strategy.steps if step.day < 0),
        default=0,
    )
