"""Allocation: which debts money settles first, by what it names, what is agreed, what is on hold.

1. What it names: the receivable, then those that its pay link asked for. Whoever pays chooses
   (Colombia: Civil Code 1654).
2. The instalments that an agreement asks for by the day of the payment: due, or so near that
   reminders have begun. The debtor was told to pay just that, and loses most by missing it.
3. Debts past due on that day and not agreed on: what is due comes before what is not (Colombia:
   Civil Code 1655).
4. All others: what is left under agreements, and what comes due later.
5. What is on hold, last or never, as the creditor's country has it. Nobody asks for it, so money
   that does not name it is not meant for it.

What rests under an agreement that settles in full for less than all is settled by so much as
fulfils it, in all of these together: with more the debtor would pay what is given up (`limits`).

Of each of these the oldest first. Where the payer names nothing the creditor may say what the money
is for (Civil Code 1654): this order is that choice, and the receipt tells it. Pure.
"""

from collections.abc import Collection, Iterable
from datetime import date

from escalon.domain.account import Account, pot
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import (
    Standing,
    counts_here,
    fulfilled_by,
    standing,
)
from escalon.domain.holds import open_hold
from escalon.domain.local_time import add_days
from escalon.domain.payments.ledger import Claim, Limit, settleable
from escalon.domain.payments.payment import BookedPayment
from escalon.domain.rules.rulebook import Allocation, Rulebook


def allocation_of(rulebook: Rulebook | None, creditor: str) -> Allocation:
    """The rule for money of this creditor; the common one before a rulebook is published."""
    return rulebook.allocation_for(creditor) if rulebook else Allocation()


def claims(
    account: Account,
    payment: BookedPayment,
    rulebook: Rulebook | None,
    *,
    on: date,
    today: date,
    idle: bool = False,
) -> tuple[Claim, ...]:
    """What of a whole account a payment, paid `on` a day, settles one after the other, but for the
    receivable that it names, which `ledger.pay` takes first. What is on hold `today` counts as
    that, and is settled by no `idle` credit, which can wait. Dates are of the debtor's
    calendar."""
    opened = settleable(account.receivables, payment.creditor, payment.currency)
    held = on_hold(account, [r.receivable_id for r in opened], rulebook, today)
    free = tuple(r.receivable_id for r in opened if r.receivable_id not in held)
    rule = allocation_of(rulebook, payment.creditor)
    last = held if rule.held == "last" and not idle else ()
    named = payment.meant_for if rule.named_first else ()
    agreed = _in_force(account, payment, on)
    rests = {name for one, _ in agreed for name in one.debts}
    past_due = (r for r in opened if r.due_on is not None and r.due_on <= on)
    horizon = add_days(on, _reminded_ahead(rulebook))
    every = (
        Claim(_those(named, free)),
        Claim(_those(named, last)),
        *(Claim(_those(one.debts, free), _asked_by(found, horizon)) for one, found in agreed),
        Claim(_those((r.receivable_id for r in past_due if r.receivable_id not in rests), free)),
        Claim(free),
        Claim(last),
    )
    return tuple(one for one in every if one.receivables and one.most_minor != 0)


def limits(account: Account, payment: BookedPayment, *, on: date, today: date) -> tuple[Limit, ...]:
    """What of the agreements of a whole account, in which its parts count already, a payment, paid
    `on` a day, settles at most. Dates are of the debtor's calendar."""
    return tuple(
        Limit(frozenset(own), most)
        for one, _ in _in_force(account, payment, on)
        if (own := counts_here(one, payment, account.agreements))
        and (most := fulfilled_by(one, on, today)) is not None
    )


def on_hold(
    account: Account, receivables: Collection[str], rulebook: Rulebook | None, today: date
) -> tuple[str, ...]:
    """Those of the receivables that are on hold themselves."""
    kinds = rulebook.holds if rulebook else {}
    return tuple(name for name in receivables if open_hold(account, kinds, name, today))


def _those(names: Iterable[str], among: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in among)


def _in_force(
    account: Account, payment: BookedPayment, on: date
) -> list[tuple[Agreement, Standing]]:
    """The agreements with the payment's creditor in its currency under which debts rest on that
    day, by what they ask for next."""
    found = [
        (one, standing(one, on))
        for one in account.agreements
        if pot(one.creditor, one.currency) == pot(payment.creditor, payment.currency)
    ]
    rests = [(one, stands) for one, stands in found if stands.state in ("accepted", "active")]
    return sorted(rests, key=lambda both: _next_on(both[1]))


def _next_on(found: Standing) -> date:
    return found.next_due.instalment.due_on if found.next_due else date.max


def _asked_by(found: Standing, horizon: date) -> int:
    """What is still to be paid of the instalments that are due through that day, in minor units."""
    return sum(one.left_minor for one in found.instalments if one.instalment.due_on <= horizon)


def _reminded_ahead(rulebook: Rulebook | None) -> int:
    """How many days before an instalment is due the first reminder asks for it."""
    steps = rulebook.agreements.reminders if rulebook else ()
    return max((0, *(-step.day for step in steps)))
