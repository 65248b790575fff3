"""Offers: what a debtor may be offered by the rules, and whether terms that somebody asks for are
within them.

Pure. The rules are the rulebook's (`Rulebook.agreements`); a `Case` is what they look at. Terms
that go further than a debtor may alone need a role that may (`Problem.role`, `approvers`). Problems
name the field of a form that is to be changed; they and proposals are said in Spanish and English.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Protocol

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Receivable, pot
from escalon.domain.agreements.agreed import (
    Agreement,
    AgreementKind,
    Change,
    Every,
    Instalment,
    Party,
    components,
)
from escalon.domain.agreements.agreement import ANY_ROLE, COMPONENTS, AgreementError
from escalon.domain.agreements.bearing import DIGITS, bears
from escalon.domain.local_time import add_days
from escalon.domain.money import Component
from escalon.domain.payments.ledger import open_of
from escalon.domain.rules.conditions import ConditionFacts, holds
from escalon.domain.rules.rulebook import AgreementRules, Limits, OfferRule, RateTable, Stage

_WHOLE = 10_000  # all of something, in hundredths of a percent
_TOLERATED = 10  # the tolerance in amount is at most this part of the first instalment


class Case(msgspec.Struct, frozen=True):
    """What is owed to one creditor in one currency and what the rules look at, as of a day of the
    debtor's calendar. `debts` are minor units by receivable, the oldest first (`debts_of`)."""

    creditor: str
    currency: str
    debts: dict[str, dict[Component, int]]
    facts: ConditionFacts
    today: date
    strategy: str = ""
    stage: Stage | None = None  # of the step that was taken last; None: of none
    days_past_due: int = 0  # of the oldest debt; negative before
    broken: int = 0  # agreements on these debts that were broken before

    @property
    def debt(self) -> dict[Component, int]:
        """What is owed, by component."""
        return components(self.debts)


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody asks for, or is offered: amounts in minor units of the case's currency."""

    offer: str  # name of the rule
    first_on: date  # when the first payment, or the only one, is due
    instalments: int = 1
    every: Every = "month"
    amount_minor: int | None = None  # of a promise to pay a part; None: all that is owed
    first_minor: int | None = None  # of the first of several instalments; None: like the others
    discount: dict[Component, int] = {}
    capacity_minor: int | None = None  # what the debtor can pay a month, by their own word


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why terms cannot be agreed: the field of the form (`discount.<component>` for a discount), a
    code, the limit (minor units, a number or a day, by field and code), and the least role that may
    agree all the same; empty if nobody may."""

    field: str
    code: str
    limit: int | date | None = None
    role: str = ""


class Proposal(msgspec.Struct, frozen=True):
    """Terms that a debtor may accept alone, and what they come to, in minor units."""

    terms: Terms
    kind: AgreementKind
    currency: str
    instalments: tuple[Instalment, ...]
    expires_on: date  # first day on which nobody can accept it any more

    @property
    def total_minor(self) -> int:
        """What is to be paid in all, interest included."""
        return sum(instalment.amount_minor for instalment in self.instalments)

    @property
    def interest_minor(self) -> int:
        """What of it is interest of the agreement itself."""
        return sum(instalment.interest_minor for instalment in self.instalments)

    @property
    def discount_minor(self) -> int:
        """What is given up once all is paid."""
        return sum(self.terms.discount.values())


def debts_of(receivables: Iterable[Receivable]) -> dict[str, dict[Component, int]]:
    """What is open of receivables by id and component, the oldest first. Raises ValueError if they
    are of several creditors or currencies (lesson E1), or if nothing of them is open."""
    owed = sorted(
        (receivable for receivable in receivables if receivable.open_minor > 0),
        key=lambda receivable: (receivable.due_on or date.max, receivable.receivable_id),
    )
    if len({pot(receivable.creditor, receivable.currency) for receivable in owed}) != 1:
        raise ValueError("an agreement is about open debts to one creditor in one currency")
    return {
        receivable.receivable_id: {
            component: minor
            for component in COMPONENTS
            if (minor := open_of(receivable, component)) > 0
        }
        for receivable in owed
    }


# ---------------------------------------------------------------------------------- schedules


def schedule(
    principal_minor: int,
    instalments: int,
    first_on: date,
    every: Every = "month",
    *,
    since: date,
    rate: int = 0,
    first_minor: int | None = None,
    round_minor: int = 1,
) -> tuple[Instalment, ...]:
    """Instalments that pay `principal_minor` exactly: equal ones, rounded up to a multiple of
    `round_minor`, and a last one that takes what is left and is never more than they are.

    The balance bears `rate` (effective annual, in millionths) from `since` on. An instalment's
    interest is that of the days since the one before on what was left then, rounded down to the
    minor unit: (1 + rate)^(days/365) − 1. Rounding to `round_minor` is left out where it would
    leave nothing for the last instalment. Raises ValueError if each cannot pay a minor unit of
    principal at least.
    """
    days = due_days(first_on, every, instalments)
    bearing = [
        bears(rate, (day - before).days) for before, day in zip([since, *days], days, strict=False)
    ]
    first = first_minor if instalments > 1 else None

    def split(each: int) -> list[tuple[int, int]]:
        """Principal and interest of the instalments at `each`, up to where nothing is left."""
        found: list[tuple[int, int]] = []
        left = principal_minor
        for number, share in enumerate(bearing, start=1):
            interest = left * share // 10**DIGITS
            pays = first if number == 1 and first is not None else each
            principal = left if number == instalments else min(left, pays - interest)
            found.append((principal, interest))
            left -= principal
            if not left:
                break
        return found

    def suffices(each: int) -> bool:
        last = split(each)[-1]
        return sum(last) <= each

    most = principal_minor + principal_minor * max(bearing) // 10**DIGITS
    least = bisect_left(range(most), True, key=suffices)
    rounded = -(-least // round_minor) * round_minor
    for each in (rounded, least):
        parts = split(each)
        if len(parts) == instalments and min(principal for principal, _ in parts) > 0:
            return tuple(
                Instalment(number, day, principal + interest, interest)
                for number, (day, (principal, interest)) in enumerate(
                    zip(days, parts, strict=True), start=1
                )
            )
    raise ValueError(f"{principal_minor} minor units cannot be paid in {instalments} instalments")


def due_days(first_on: date, every: Every, count: int) -> list[date]:
    """The due dates: from the first on every week, fortnight or month (on the month's last day if
    it has no such day), or on each 15th and last day of a month."""
    if every == "month":
        return [_months_on(first_on, number) for number in range(count)]
    if every == "twice_monthly":
        days = [first_on]
        while len(days) < count:
            days.append(payday(add_days(days[-1], 1)))
        return days
    step = 7 if every == "week" else 14
    return [add_days(first_on, step * number) for number in range(count)]


def payday(day: date) -> date:
    """The first 15th or last day of a month that is `day` or later."""
    last = monthrange(day.year, day.month)[1]
    return day.replace(day=15 if day.day <= 15 else last)


def a_month(instalments: Iterable[Instalment]) -> int:
    """The most that falls due in one month of the calendar, in minor units."""
    months: dict[tuple[int, int], int] = {}
    for one in instalments:
        month = (one.due_on.year, one.due_on.month)
        months[month] = months.get(month, 0) + one.amount_minor
    return max(months.values())


def _months_on(day: date, months: int) -> date:
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


# ----------------------------------------------------------------------- what may be agreed


def on_offer(rules: AgreementRules, case: Case) -> tuple[OfferRule, ...]:
    """The rules that hold for the case."""
    return tuple(rule for rule in rules.offers if _holds(rule, case))


def _holds(rule: OfferRule, case: Case) -> bool:
    return (
        (not rule.strategies or case.strategy in rule.strategies)
        and (not rule.stages or case.stage in rule.stages)
        and (rule.from_days is None or case.days_past_due >= rule.from_days)
        and (rule.to_days is None or case.days_past_due <= rule.to_days)
        and (not rule.least_instalment_minor or case.currency in rule.least_instalment_minor)
        and holds(rule.condition, case.facts)
    )


def check(
    terms: Terms,
    rules: AgreementRules,
    case: Case,
    rates: Mapping[str, RateTable],
    role: str = "",
) -> tuple[Problem, ...]:
    """Everything that keeps somebody of `role` (empty: the debtor, alone) from agreeing to the
    terms, in the order of a form's fields; empty if they may."""
    rule = next((rule for rule in on_offer(rules, case) if rule.offer == terms.offer), None)
    if rule is None:
        return (Problem("offer", "not_offered"),)
    own = _problems(terms, rule, case, rates, role)
    if not own:
        return ()
    left = {
        other: {(one.field, one.code) for one in _problems(terms, rule, case, rates, other)}
        for other in rule.beyond
    }
    return tuple(
        replace(
            one,
            role=next((name for name in left if (one.field, one.code) not in left[name]), ""),
        )
        for one in own
    )


def approvers(
    terms: Terms, rules: AgreementRules, case: Case, rates: Mapping[str, RateTable]
) -> tuple[str, ...]:
    """The roles that may agree to the terms, the least first."""
    return tuple(
        role
        for rule in on_offer(rules, case)
        if rule.offer == terms.offer
        for role in rule.beyond
        if not _problems(terms, rule, case, rates, role)
    )


def propose(
    rules: AgreementRules,
    case: Case,
    rates: Mapping[str, RateTable],
    capacity_minor: int | None = None,
) -> tuple[Proposal, ...]:
    """What the debtor may choose from: of each rule that holds its numbers of instalments, with the
    whole discount and the latest first day that it allows. If the debtor says what they can pay a
    month, only what fits, and the fewest instalments that do."""
    return tuple(
        proposal
        for rule in on_offer(rules, case)
        for every in (rule.every if rule.limits.most_instalments > 1 else rule.every[:1])
        for proposal in _proposals(rule, case, rates, every, capacity_minor)
    )


def agree(
    agreement_id: str,
    terms: Terms,
    rules: AgreementRules,
    case: Case,
    rates: Mapping[str, RateTable],
    *,
    at: datetime,
    by: Party,
    role: str = "",
    who: str = "",
    replaces: str = "",
) -> Agreement:
    """The terms as an agreement that is offered. If they go further than whoever offers them may,
    it waits for the approval of a role that may. Raises AgreementError if there is none."""
    role = role or (ANY_ROLE if by == "operator" else "")
    problems = check(terms, rules, case, rates, role)
    approval = approvers(terms, rules, case, rates) if problems else ()
    if problems and not approval:
        found = ", ".join(f"{problem.field} {problem.code}" for problem in problems)
        raise AgreementError(f"nobody may agree to this: {found}")
    rule = next(rule for rule in rules.offers if rule.offer == terms.offer)
    plan = _planned(terms, rule, case, rates)
    tolerance = rule.tolerance_minor.get(case.currency, 0)
    return Agreement(
        agreement_id,
        case.creditor,
        case.currency,
        rule.kind,
        rule.offer,
        "offered",
        case.debts,
        case.today,
        plan,
        every=terms.every,
        rate=_rate(rule, case, rates),
        discount={name: minor for name, minor in terms.discount.items() if minor},
        tolerance_days=rule.tolerance_days,
        tolerance_minor=min(tolerance, plan[0].amount_minor // _TOLERATED),
        resume_at=rule.resume_at,
        expires_on=_expires_on(rule, case, terms.first_on),
        approval=approval,
        history=(Change(at, "offered", by, who),),
        replaces=replaces,
    )


# ----------------------------------------------------------------------------------- inside


def _limits(rule: OfferRule, role: str) -> Limits:
    """How far a role may go: as the rule allows anybody, and what more it allows the role."""
    limits = rule.limits
    wider = [rule.beyond.get(name) for name in (ANY_ROLE, role)] if role else []
    for more in wider:
        if more is None:
            continue
        broken, further = limits.most_broken, more.most_broken
        limits = Limits(
            max(limits.first_within_days, more.first_within_days),
            max(limits.most_instalments, more.most_instalments),
            {
                component: max(
                    limits.most_discount.get(component, 0), more.most_discount.get(component, 0)
                )
                for component in COMPONENTS
            },
            None if broken is None else max(broken, further or 0),
        )
    return limits


def _problems(
    terms: Terms, rule: OfferRule, case: Case, rates: Mapping[str, RateTable], role: str
) -> list[Problem]:
    limits = _limits(rule, role)
    return [*_wrong_terms(terms, rule, case, limits)] or [*_wrong_plan(terms, rule, case, rates)]


def _wrong_terms(terms: Terms, rule: OfferRule, case: Case, limits: Limits) -> Iterator[Problem]:
    """What is wrong with the terms by themselves."""
    debt = case.debt
    owed = sum(debt.values())
    several = terms.instalments > 1
    if limits.most_broken is not None and case.broken > limits.most_broken:
        yield Problem("offer", "broken_before", limits.most_broken)
    if terms.amount_minor is not None:
        if rule.kind != "promise":
            yield Problem("amount_minor", "not_asked")
        elif terms.amount_minor > owed:
            yield Problem("amount_minor", "too_much", owed)
        elif terms.amount_minor < _least_first(terms, rule, case):
            yield Problem("amount_minor", "too_small", _least_first(terms, rule, case))
    latest = add_days(case.today, limits.first_within_days)
    if terms.first_on < case.today:
        yield Problem("first_on", "in_the_past", case.today)
    elif terms.first_on > latest:
        yield Problem("first_on", "too_late", latest)
    elif several and terms.every == "twice_monthly" and terms.first_on != payday(terms.first_on):
        yield Problem("first_on", "not_a_payday", payday(terms.first_on))
    if several and terms.every not in rule.every:
        yield Problem("every", "not_offered")
    if terms.instalments < rule.least_instalments:
        yield Problem("instalments", "too_few", rule.least_instalments)
    elif terms.instalments > limits.most_instalments:
        yield Problem("instalments", "too_many", limits.most_instalments)
    if terms.first_minor is not None:
        if not several:
            yield Problem("first_minor", "not_asked")
        elif terms.first_minor >= _to_pay(terms, case):
            yield Problem("first_minor", "too_much", _to_pay(terms, case) - 1)
    for component, given in terms.discount.items():
        most = debt.get(component, 0) * limits.most_discount.get(component, 0) // _WHOLE
        if given < 0:
            yield Problem(f"discount.{component}", "too_small", 0)
        elif given > most:
            yield Problem(f"discount.{component}", "too_much", most)
    if rule.kind == "settlement" and not any(terms.discount.values()):
        yield Problem("discount", "missing")
    if sum(terms.discount.values()) >= owed:
        yield Problem("discount", "nothing_left", owed - 1)


def _wrong_plan(
    terms: Terms, rule: OfferRule, case: Case, rates: Mapping[str, RateTable]
) -> Iterator[Problem]:
    """What is wrong with what the terms come to."""
    least = rule.least_instalment_minor.get(case.currency, 1)
    least_first = max(_least_first(terms, rule, case), least if terms.instalments > 1 else 1)
    try:
        plan = _planned(terms, rule, case, rates)
    except ValueError:
        if terms.first_minor is not None and terms.first_minor < least_first:
            yield Problem("first_minor", "too_small", least_first)
        else:
            yield Problem("instalments", "too_small", least)
        return
    if len(plan) > 1:
        regular = plan[1:-1] if terms.first_minor is not None else plan[:-1]
        if any(one.amount_minor < least for one in regular):
            yield Problem("instalments", "too_small", least)
        elif plan[0].amount_minor < least_first:
            yield Problem("first_minor", "too_small", least_first)
    if terms.capacity_minor is not None:
        # A first payment of its own is not paid out of the income of its month.
        needed = a_month(plan[1:] if terms.first_minor is not None else plan)
        if needed > terms.capacity_minor:
            yield Problem("capacity_minor", "not_realistic", needed)


def _to_pay(terms: Terms, case: Case) -> int:
    """What is to be paid without interest, in minor units."""
    if terms.amount_minor is not None:
        return terms.amount_minor
    return sum(case.debt.values()) - sum(terms.discount.values())


def _least_first(terms: Terms, rule: OfferRule, case: Case) -> int:
    """The least first payment, of what is owed less the discount."""
    owed = sum(case.debt.values()) - sum(terms.discount.values())
    return max(1, -(-owed * rule.least_first // _WHOLE))


def _planned(
    terms: Terms, rule: OfferRule, case: Case, rates: Mapping[str, RateTable]
) -> tuple[Instalment, ...]:
    return schedule(
        _to_pay(terms, case),
        terms.instalments,
        terms.first_on,
        terms.every,
        since=case.today,
        rate=_rate(rule, case, rates),
        first_minor=terms.first_minor,
        round_minor=rule.round_minor.get(case.currency, 1),
    )


def _rate(rule: OfferRule, case: Case, rates: Mapping[str, RateTable]) -> int:
    """What the agreement bears: the rule's rate, and never more than may be charged in the month in
    which it is made (Colombia: Commercial Code 884)."""
    interest = rule.interest
    if interest is None or case.currency not in interest.currencies:
        return 0
    cap = rates[interest.cap_table].rates.get(case.today.isoformat()[:7])
    return min(interest.rate, cap.effective_annual) if cap else 0


def _expires_on(rule: OfferRule, case: Case, first_on: date) -> date:
    return min(add_days(case.today, rule.stands_days), add_days(first_on, 1))


def _proposals(
    rule: OfferRule,
    case: Case,
    rates: Mapping[str, RateTable],
    every: Every,
    capacity_minor: int | None,
) -> Iterator[Proposal]:
    """Those of one rule and frequency."""
    first_on = add_days(case.today, rule.limits.first_within_days)
    if every == "twice_monthly":
        before = (add_days(first_on, -days) for days in range(rule.limits.first_within_days + 1))
        first_on = next((day for day in before if day == payday(day)), first_on)
    given = {
        component: case.debt.get(component, 0) * share // _WHOLE
        for component, share in rule.limits.most_discount.items()
    }
    discount = {component: minor for component, minor in given.items() if minor}

    def terms_of(count: int) -> Terms | None:
        """Those of so many instalments, if a debtor may agree to them: the first like the others,
        or as large as it has to be."""
        if count == 1 and every != rule.every[0]:
            return None
        alike = Terms(
            rule.offer, first_on, count, every, discount=discount, capacity_minor=capacity_minor
        )
        step = rule.round_minor.get(case.currency, 1)
        least = -(-_least_first(alike, rule, case) // step) * step
        choices = (alike, replace(alike, first_minor=least))
        return next((one for one in choices if not _problems(one, rule, case, rates, "")), None)

    counts: Iterable[int] = rule.show or (1,)
    if capacity_minor is not None:
        every_count = range(rule.least_instalments, rule.limits.most_instalments + 1)
        fewest = next((count for count in every_count if terms_of(count)), 1)
        counts = sorted({*counts, fewest})
    for count in counts:
        terms = terms_of(count)
        if terms:
            plan = _planned(terms, rule, case, rates)
            expires_on = _expires_on(rule, case, first_on)
            yield Proposal(terms, rule.kind, case.currency, plan, expires_on)


# ------------------------------------------------------------------------------- in words


class Writer(Protocol):
    """How the reader's locale writes amounts and days."""

    def money(self, amount_minor: int, currency: str) -> str:
        """An amount of a currency, from its minor units."""

    def day(self, on: date) -> str:
        """A date."""


# field and code -> (Spanish, English)
_PROBLEMS: dict[tuple[str, str], tuple[str, str]] = {
    ("offer", "not_offered"): (
        "esta opción no está disponible para esta cuenta",
        "this is not on offer for this account",
    ),
    ("offer", "broken_before"): (
        "ya se incumplieron más acuerdos de los permitidos ({limit})",
        "more agreements were broken before than are allowed ({limit})",
    ),
    ("amount_minor", "not_asked"): (
        "aquí no se elige el valor: se acuerda todo lo pendiente",
        "the amount is not chosen here: all that is owed is agreed on",
    ),
    ("amount_minor", "too_much"): (
        "el valor no puede pasar de lo pendiente: {limit}",
        "the amount cannot be more than what is owed: {limit}",
    ),
    ("amount_minor", "too_small"): (
        "el valor tiene que ser al menos {limit}",
        "the amount has to be {limit} at least",
    ),
    ("first_on", "in_the_past"): (
        "la fecha ya pasó; la primera posible es el {limit}",
        "the date has passed; the first possible one is {limit}",
    ),
    ("first_on", "too_late"): (
        "la fecha puede ser a más tardar el {limit}",
        "the date can be {limit} at the latest",
    ),
    ("first_on", "not_a_payday"): (
        "la fecha tiene que ser un 15 o fin de mes; el próximo es el {limit}",
        "the date has to be a 15th or the end of a month; the next one is {limit}",
    ),
    ("every", "not_offered"): (
        "las cuotas no se pueden pagar con esta frecuencia",
        "instalments cannot be paid this often",
    ),
    ("instalments", "too_few"): (
        "tienen que ser al menos {limit} cuotas",
        "there have to be {limit} instalments at least",
    ),
    ("instalments", "too_many"): (
        "pueden ser como máximo {limit} cuotas",
        "there can be {limit} instalments at most",
    ),
    ("instalments", "too_small"): (
        "las cuotas quedan por debajo del mínimo de {limit}; elija menos cuotas",
        "the instalments fall below the least of {limit}; choose fewer",
    ),
    ("first_minor", "not_asked"): (
        "con un solo pago no hay primera cuota aparte",
        "a single payment has no first instalment of its own",
    ),
    ("first_minor", "too_much"): (
        "la primera cuota puede ser como máximo {limit}",
        "the first instalment can be {limit} at most",
    ),
    ("first_minor", "too_small"): (
        "la primera cuota tiene que ser al menos {limit}",
        "the first instalment has to be {limit} at least",
    ),
    ("discount", "too_much"): (
        "el descuento de {component} puede ser como máximo {limit}",
        "the discount of {component} can be {limit} at most",
    ),
    ("discount", "too_small"): (
        "el descuento de {component} no puede ser menos que nada",
        "the discount of {component} cannot be less than nothing",
    ),
    ("discount", "missing"): (
        "falta el descuento que se acuerda",
        "the discount that is agreed on is missing",
    ),
    ("discount", "nothing_left"): (
        "el descuento no puede cubrir toda la deuda; puede ser como máximo {limit}",
        "the discount cannot cover the whole debt; it can be {limit} at most",
    ),
    ("capacity_minor", "not_realistic"): (
        "en un mes habría que pagar {limit}, más de lo que dijo que puede pagar",
        "{limit} would have to be paid in a month, more than what was said can be paid",
    ),
    # What keeps an act from being done, whatever the terms.
    ("account", "not_found"): ("no existe esta cuenta", "there is no such account"),
    ("account", "stopped"): (
        "con esta cuenta no se pueden hacer acuerdos en este momento",
        "nothing can be agreed with this account at the moment",
    ),
    ("account", "busy"): (
        "la cuenta está cambiando en este momento; inténtelo de nuevo",
        "the account is changing at this moment; try again",
    ),
    ("agreement", "not_found"): ("no existe este acuerdo", "there is no such agreement"),
    ("agreement", "expired"): (
        "esta oferta ya venció; pida una nueva",
        "this offer has expired; ask for a new one",
    ),
    ("agreement", "owed_less"): (
        "hoy se debe menos de lo que dice esta oferta; pida una nueva",
        "less is owed today than this offer says; ask for a new one",
    ),
    ("agreement", "not_possible"): (
        "el acuerdo ya no permite este cambio",
        "the agreement does not allow this any more",
    ),
    ("agreement", "not_on_file"): (
        "antes del acuerdo debe constar lo que exige la ley; escríbanos y le ayudamos",
        "the law asks for something before the agreement that is not there yet; please write to us",
    ),
    ("agreement", "may_not"): (
        "usted no puede hacer este cambio; lo puede hacer una persona autorizada",
        "you may not do this; somebody with the authority can",
    ),
    ("version", "moved_on"): (
        "el acuerdo cambió entre tanto; revíselo e inténtelo de nuevo",
        "the agreement has changed meanwhile; look at it and try again",
    ),
    ("key", "other_act"): (
        "esta clave ya se usó para otra solicitud",
        "this key was used for another request",
    ),
    ("receivables", "none"): (
        "no hay nada pendiente sobre lo que se pueda hacer un acuerdo",
        "nothing is owed that could be agreed on",
    ),
    ("receivables", "unknown"): (
        "alguno de los documentos no está pendiente en esta cuenta",
        "one of the documents is not open on this account",
    ),
    ("receivables", "resting"): (
        "ya hay un acuerdo sobre alguno de estos documentos",
        "one of these documents has an agreement already",
    ),
    ("receivables", "on_hold"): (
        "alguno de estos documentos está en pausa",
        "one of these documents is on hold",
    ),
    ("receivables", "several"): (
        "un acuerdo es con un solo acreedor y en una sola moneda: elija cuál",
        "an agreement is with one creditor in one currency: choose which",
    ),
    ("receivables", "too_many"): (
        "un acuerdo puede incluir como máximo {limit} documentos",
        "an agreement can be about {limit} documents at most",
    ),
    ("receivables", "unapplied_credit"): (
        "hay un saldo a favor; primero se aplica a la deuda",
        "there is unapplied credit; it is applied to the debt first",
    ),
}
_ROLES = ("lo puede aprobar: {role}", "can be approved by: {role}")
_ANYBODY = ("una persona que le atienda", "a person who attends to you")

_COMPONENTS: dict[Component, tuple[str, str]] = {
    "principal": ("capital", "principal"),
    "interest": ("intereses", "interest"),
    "fee": ("gastos", "fees"),
    "tax": ("impuesto", "tax"),
}
_EVERY: dict[Every, tuple[str, str]] = {
    "week": ("semanales", "weekly"),
    "fortnight": ("cada 14 días", "fortnightly"),
    "twice_monthly": ("cada 15 y fin de mes", "twice-monthly"),
    "month": ("mensuales", "monthly"),
}
_ONCE: dict[AgreementKind, tuple[str, str]] = {
    "promise": (
        "Pagar {total} a más tardar el {first_on}.",
        "Pay {total} by {first_on}.",
    ),
    "extension": (
        "Nueva fecha de pago: {total} a más tardar el {first_on}.",
        "A new date to pay: {total} by {first_on}.",
    ),
    "settlement": (
        "Pagar {total} a más tardar el {first_on} y quedar a paz y salvo por esta deuda.",
        "Pay {total} by {first_on} and settle this debt in full.",
    ),
}
_SEVERAL = (
    "{count} cuotas {every}: {amounts}. La primera es el {first_on} y la última el {last_on}; "
    "en total {total}.",
    "{count} {every} instalments: {amounts}. The first is on {first_on} and the last on {last_on}; "
    "{total} in all.",
)
_OF = ("{count} de {amount}", "{count} of {amount}")
_AND = (" y ", " and ")
_DISCOUNT = (
    "Si cumple, se le descuentan {discount}.",
    "If you keep to it, {discount} is taken off.",
)
_INTEREST = ("Incluye {interest} de intereses.", "This includes {interest} of interest.")


def problem_sentence(problem: Problem, currency: str, *, locale: str, writer: Writer) -> str:
    """A problem as a sentence without its full stop, to stand beside the form's field."""
    language = _language(locale)
    field, _, component = problem.field.partition(".")
    limit: object = problem.limit
    if isinstance(problem.limit, date):
        limit = writer.day(problem.limit)
    elif problem.limit is not None and _is_money(field, problem.code):
        limit = writer.money(problem.limit, currency)
    named = next((names[language] for name, names in _COMPONENTS.items() if name == component), "")
    text = _PROBLEMS[field, problem.code][language].format(limit=limit, component=named)
    if not problem.role:
        return text
    role = _ANYBODY[language] if problem.role == ANY_ROLE else problem.role
    return f"{text} ({_ROLES[language].format(role=role)})"


def proposal_sentences(proposal: Proposal, *, locale: str, writer: Writer) -> list[str]:
    """What a debtor is offered, as sentences: what to pay and when, what is taken off, what it
    bears."""
    language = _language(locale)
    plan = proposal.instalments
    runs = [
        _OF[language].format(count=len(list(run)), amount=writer.money(minor, proposal.currency))
        for minor, run in groupby(one.amount_minor for one in plan)
    ]
    filled = {
        "total": writer.money(proposal.total_minor, proposal.currency),
        "first_on": writer.day(plan[0].due_on),
        "last_on": writer.day(plan[-1].due_on),
        "count": str(len(plan)),
        "amounts": _AND[language].join([", ".join(runs[:-1]), runs[-1]] if runs[1:] else runs),
        "every": _EVERY[proposal.terms.every][language],
        "discount": writer.money(proposal.discount_minor, proposal.currency),
        "interest": writer.money(proposal.interest_minor, proposal.currency),
    }
    texts = [_ONCE[proposal.kind] if len(plan) == 1 else _SEVERAL]
    if proposal.discount_minor:
        texts.append(_DISCOUNT)
    if proposal.interest_minor:
        texts.append(_INTEREST)
    return [text[language].format_map(filled) for text in texts]


def _is_money(field: str, code: str) -> bool:
    return field not in ("offer", "instalments", "receivables") or code == "too_small"


def _language(locale: str) -> int:
    return 0 if locale.startswith("es") else 1
