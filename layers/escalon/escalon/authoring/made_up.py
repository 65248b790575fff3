"""Made-up debts for a rulebook: one for every case that its conditions tell apart, and how each
climbs its ladder while nobody pays. What happens to none of them can happen to nobody."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import product
from typing import get_args

from msgspec.structs import replace

from escalon.domain.account import Account, Channel, Consent, ContactPoint, Receivable
from escalon.domain.contact.policy import zones_of
from escalon.domain.contact.rules import OnFile
from escalon.domain.decisions.forecast import Look, walk
from escalon.domain.local_time import start_of_day
from escalon.domain.rules.conditions import ConditionFacts, holds
from escalon.domain.rules.rulebook import Condition, Rulebook, Strategy

# What a condition may ask for that made-up debts do not have: nothing is said of such conditions.
_NOT_MADE_UP = ("at least", "at most", "overdue", "known")
MOST_CASES = 20_000  # debts that differ in what conditions ask about; more are not tried
MOST_CLIMBS = 8  # ways in which the conditions of one ladder's steps hold together


def cases_of(rules: Rulebook, conditions: Iterable[Condition]) -> list[ConditionFacts] | None:
    """A debt for every combination of values that makes a difference to the conditions, of those
    that are chased at all; None if they are too many, or have what no made-up debt has."""
    named: dict[str, set[str]] = {}
    counts = {1}
    amounts = {currency: {0, max(least, 1)} for currency, least in rules.chase.from_minor.items()}
    for atom in (atom for condition in conditions for atom in atoms_of(condition)):
        if atom[0] == "open":
            for currency, minor in atom[2].items():
                amounts.setdefault(currency, {0}).add(minor + (atom[1] == "above"))
        elif atom[0] == "receivables":
            counts.add(int(atom[1]))
        elif atom[0] not in ("anyone", "nobody"):
            if atom[0] in _NOT_MADE_UP:
                return None
            named.setdefault(atom[0], set()).add(atom[1])
    counts.add(len(amounts))
    tags = sorted(named.get("tag", ()))
    # Of what conditions name, each value and one that is none of them.
    words = [sorted(named.get(word, set()) | {""}) for word in ("country", "creditor", "risk")]
    languages = sorted(named.get("language", set()) | {rules.language})
    debtors = ("person", "company")
    size = len(counts) * len(languages) * 2 ** (len(tags) + 1)
    for values in (*words, *amounts.values()):
        size *= len(values)
    if size > MOST_CASES:
        return None
    owed = [
        (dict(zip(amounts, minors, strict=True)), count)
        for minors in product(*(sorted(values) for values in amounts.values()))
        for count in sorted(counts)
    ]
    chased = [
        (open_minor, count)
        for open_minor, count in owed
        if any(open_minor[c] >= max(least, 1) for c, least in rules.chase.from_minor.items())
        and _owing(open_minor) <= count
    ]
    # Debts in one currency first, and of those the ones in the currency that is named first.
    chased.sort(key=lambda one: (_owing(one[0]), [not minor for minor in one[0].values()]))
    return [
        ConditionFacts(has, country, creditor, language, debtor, risk, open_minor, count)
        for has in _subsets(tags)
        for country, creditor, risk in product(*words)
        for language, debtor in product(languages, debtors)
        for open_minor, count in chased
    ]


def _owing(open_minor: dict[str, int]) -> int:
    """In how many currencies something is owed."""
    return sum(1 for minor in open_minor.values() if minor)


def _subsets(tags: list[str]) -> Iterator[tuple[str, ...]]:
    for there in product((False, True), repeat=len(tags)):
        yield tuple(tag for tag, has in zip(tags, there, strict=True) if has)


def atoms_of(condition: Condition) -> Iterator[Condition]:
    """The parts of a condition that are not put together from others."""
    if condition[0] in ("and", "or", "not"):
        for part in condition[1:]:
            yield from atoms_of(part)
    else:
        yield condition


def climbing(rules: Rulebook, number: int) -> list[ConditionFacts]:
    """Debts that fall on the ladder of that number, one for each way in which the conditions of its
    steps can hold together, those for which most steps come first."""
    rules, number = by_hand(rules, number)
    strategy = rules.strategies[number]
    above = [each.condition for each in rules.strategies[:number]]
    asked = [step.only_if for step in strategy.steps if step.only_if]
    ways: dict[tuple[bool, ...], ConditionFacts] = {}
    for case in cases_of(rules, [*above, strategy.condition, *asked]) or ():
        if holds(strategy.condition, case) and not any(holds(c, case) for c in above):
            ways.setdefault(tuple(holds(condition, case) for condition in asked), case)
    return [ways[way] for way in sorted(ways, key=sum, reverse=True)[:MOST_CLIMBS]]


def by_hand(rules: Rulebook, number: int) -> tuple[Rulebook, int]:
    """The rulebook with the ladder of that number alone, for anyone, if only an experiment hands it
    out; else as it is. With the ladder's number."""
    strategy = rules.strategies[number]
    if strategy.condition != ["nobody"]:
        return rules, number
    return replace(rules, strategies=(replace(strategy, condition=["anyone"]),)), 0


def climb(
    rules: Rulebook, strategy: Strategy, case: ConditionFacts, country: str, due_on: date
) -> list[Look]:
    """All looks at a debt of that country which nobody pays, from before its first step to after
    its last."""
    rules = replace(by_hand(rules, rules.strategies.index(strategy))[0], experiments=())
    zone = next(iter(zones_of(rules.policy_for(country), (), "")), rules.default_zone)
    issued_on = due_on + timedelta(days=min(strategy.steps[0].day, 0) - 2)
    account = made_up(case, country=country, zone=zone, issued_on=issued_on, due_on=due_on)
    last = start_of_day((zone,), due_on + timedelta(days=days_of(strategy)))
    return list(walk(account, rules, start_of_day((zone,), issued_on), last))


def days_of(strategy: Strategy) -> int:
    """Days past due by which the whole ladder is climbed, whatever holds it up."""
    waits = sum(step.gap_days + step.wait_days for step in strategy.steps)
    needs = sum(step.needs.within_days for step in strategy.steps if step.needs)
    return max(strategy.steps[-1].day, 0) + waits + needs + 30


def made_up(
    case: ConditionFacts, *, country: str, zone: str, issued_on: date, due_on: date
) -> Account:
    """A debtor who may be reached by every channel and owes what the case says, all due at once and
    with everything on file that a gate may ask for."""
    currencies = [currency for currency, minor in case.open_minor.items() if minor]
    extra = case.receivables - len(currencies)
    parts = [(c, case.open_minor[c] - (extra if c == currencies[0] else 0)) for c in currencies]
    parts += [(currencies[0], 1)] * extra
    consent = Consent(issued_on - timedelta(days=1), "made up")
    return Account(
        account_id="made-up",
        source_ref="",
        name="",
        kind="company" if case.debtor == "company" else "person",
        country=country,
        zones=(zone,),
        language=case.language,
        tags=case.tags,
        risk=case.risk,
        points=tuple(ContactPoint(name, name, "-", consent) for name in get_args(Channel)),
        receivables=tuple(
            Receivable(
                receivable_id=f"r{number:04}",
                creditor=case.creditor or "-",
                document=f"D{number}",
                issued_on=issued_on,
                due_on=due_on,
                currency=currency,
                amount_minor=minor,
                open_minor=minor,
                known_on=issued_on,
                on_file=get_args(OnFile),
            )
            for number, (currency, minor) in enumerate(parts)
        ),
    )
