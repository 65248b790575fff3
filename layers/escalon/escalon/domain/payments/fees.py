"""How much of a step's fee the debtor's law lets us charge, and when: pure, in integers.

A fee that the law caps is charged up to the cap, and one that it does not allow yet, or whose cap
nobody can tell, is not charged at all; the message goes all the same.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from escalon.domain.account import Account, Receivable
from escalon.domain.contact.facts import Debt
from escalon.domain.contact.policy import Allow, Policy, evaluate_action
from escalon.domain.contact.rules import FeeCap
from escalon.domain.contact.told import debt_of, facts_of, zones_for
from escalon.domain.local_time import local_date
from escalon.domain.rules.rulebook import Rulebook, Step

# Values and bounds in hundredths of a unit, a unit in hundredths of the currency's minor unit.
_FINE = 10_000
_SHARES = 10_000  # a share is in hundredths of a percent

NOTHING: Mapping[str, int] = {}


def lawful_fee(
    account: Account, rulebook: Rulebook, receivable_id: str, step: Step, at: datetime
) -> Mapping[str, int]:
    """What of the step's fee may be charged on the receivable that carried it, in minor units by
    currency; nothing if it may not, or if the receivable is not open."""
    owed = next((r for r in account.receivables if r.receivable_id == receivable_id), None)
    asked = step.fee_minor.get(owed.currency, 0) if owed is not None else 0
    if owed is None or asked <= 0:
        return NOTHING
    policy = rulebook.policy_for(account.country)
    if not _gate_open(account, rulebook, policy, owed, step, at):
        return NOTHING
    zones = zones_for(rulebook, account)
    debt = debt_of(owed, rulebook, at)
    before = _charged_before(owed, rulebook)
    for layer in policy.layers:
        for cap in layer.fees:
            if cap.about.valid_from is None or cap.about.valid_from <= local_date(zones, at):
                asked = min(asked, max(0, most(cap, owed, debt, zones, at) - before))
    return {owed.currency: asked} if asked else NOTHING


def most(cap: FeeCap, owed: Receivable, debt: Debt, zones: Sequence[str], at: datetime) -> int:
    """The most that all fees on the receivable together may come to, in minor units; nothing where
    the unit's value is not known or the debt is in another currency, which nobody converts (E1)."""
    unit = cap.unit_values.get(f"{local_date(zones, at):%Y-%m}")
    if unit is None or owed.currency != cap.currency:
        return 0
    overdue = max(0, owed.principal_minor) * _FINE
    total = reached = 0
    for up_to, share in cap.tranches:
        bound = overdue if up_to is None else min(overdue, up_to * unit)
        total += max(0, bound - reached) * share
        reached = max(reached, bound)
    if cap.less_units and not _told_in_time(cap, debt, zones):
        total -= cap.less_units * unit * _SHARES
    return max(0, total) // (_FINE * _SHARES)


def _gate_open(
    account: Account,
    rulebook: Rulebook,
    policy: Policy,
    owed: Receivable,
    step: Step,
    at: datetime,
) -> bool:
    """Whether fees may be charged now, where the country's law says when."""
    if not any(gate.action == "charge_fee" for layer in policy.layers for gate in layer.gates):
        return True
    verdict = evaluate_action(
        policy,
        action="charge_fee",
        facts=facts_of(account, rulebook, stops=(), at=at, receivable=owed, step=step),
        zones=zones_for(rulebook, account),
        at=at,
        region=account.region,
    )
    return isinstance(verdict, Allow)


def _charged_before(owed: Receivable, rulebook: Rulebook) -> int:
    """What earlier steps have charged at most: as their fee is stated, since a cap counts what was
    paid meanwhile too."""
    stated = {
        step.step: step.fee_minor.get(owed.currency, 0)
        for strategy in rulebook.strategies
        for step in strategy.steps
    }
    return max(sum(stated.get(name, 0) for name in owed.charged), owed.extras.get("fee", 0))


def _told_in_time(cap: FeeCap, debt: Debt, zones: Sequence[str]) -> bool:
    """Whether the notice without which the cap is lower was given, with proof and in time."""
    if debt.due_on is None:
        return False
    last = debt.due_on + timedelta(days=cap.within_days)
    return any(
        given.notice == cap.unless
        and given.proof
        and all(local_date((zone,), given.at) <= last for zone in zones)
        for given in debt.notices
    )
