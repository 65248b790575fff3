"""What is chased, and which receivable carries the ladder: per creditor, net of credit and per
currency. Pure."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Receivable, pot
from escalon.domain.agreements.agreed import resting
from escalon.domain.agreements.due import look_days, rest_reason
from escalon.domain.decisions.decision import Reason
from escalon.domain.decisions.rung import Rung, ask_a_person, reason_about
from escalon.domain.decisions.view import REVIEW_DAYS, View
from escalon.domain.holds import countable_beyond, open_hold

DUE_DATE_DAYS = 3  # for a person to find a receivable's due date


class Owed(msgspec.Struct, frozen=True):
    """What is open, by whether it may be chased today."""

    by_creditor: dict[str, list[Receivable]]
    undated: list[Receivable]
    reasons: list[Reason]  # why the others rest
    wakes: list[datetime]  # and until when
    held: bool  # whether a hold is among the reasons


def owed_of(view: View) -> Owed:
    """The account's receivables: those that may be chased by creditor, and why the others rest."""
    found = Owed({}, [], [], [], held=False)
    held = False
    today, account = view.today, view.account
    oldest_days = view.rulebook.chase.oldest_debt_days
    rest = resting(account.agreements)
    found.wakes.extend(view.start_of(day) for day in look_days(account, view.rulebook, today))
    for receivable in account.receivables:
        if receivable.issued_on > today:
            found.wakes.append(view.start_of(receivable.issued_on))
            found.reasons.append(reason_about(receivable, "not_issued", on=receivable.issued_on))
            continue
        rests = account.holds and open_hold(
            account, view.rulebook.holds, receivable.receivable_id, today
        )
        if rests:
            hold, ends_on = rests
            held = True
            found.wakes.append(wakes(view, ends_on))
            found.reasons.append(
                reason_about(receivable, "receivable_hold", kind=hold.kind, until=ends_on)
            )
        elif receivable.receivable_id in rest:
            agreement = rest[receivable.receivable_id]
            found.reasons.append(rest_reason(agreement, receivable, today))
        elif receivable.due_on is None:
            found.undated.append(receivable)
        elif oldest_days and (today - receivable.due_on).days > oldest_days:
            found.reasons.append(reason_about(receivable, "too_old", days=oldest_days))
        else:
            found.by_creditor.setdefault(receivable.creditor, []).append(receivable)
    return replace(found, held=True) if held else found


def wakes(view: View, ends_on: date | None) -> datetime:
    """When what a hold rests is looked at again."""
    return view.start_of(ends_on) if ends_on else view.in_days(REVIEW_DAYS)


def carrying_of(
    view: View, creditor: str, receivables: list[Receivable]
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


def mend_due_dates(view: View, undated: Sequence[Receivable]) -> Rung:
    """A receivable without a due date goes to a person, not to the debtor (lesson L20)."""
    rungs = [
        ask_a_person(
            view,
            Rung(
                "act",
                receivable.creditor,
                (reason_about(receivable, "missing_due_date"),),
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
