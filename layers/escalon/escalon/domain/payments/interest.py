"""Default interest: what a receivable past due bears, day by day and never above the cap.

Simple interest on open principal: interest bears no interest (Colombia: Civil Code 1617). Each day
bears the rate of its own month: what the creditor agreed, or the table's rate where that is lower
(Colombia: Commercial Code 884). An effective annual rate becomes a daily one by
(1 + EA)^(1/365) − 1 in every year, and 29 February bears like any other day: 366 such days without
compounding stay below the annual rate if that is above 0.55 %.

The first day that bears is day `from_day` past due, and the day through which it is accrued bears
as well: what is paid on day 1 past due bears one day. A debt of which its source told late bears
from the day after: what it bore before is the source's to state.

A day's interest is rounded down to a millionth of a minor unit, and what is less than a whole minor
unit is carried as a rest. So it makes no difference how often is accrued, as long as the principal
stays the same: accrue before it changes.

Interest that turns out not to be owed, since money is told of late, cannot be given back if it was
paid already. It was paid in advance then: the rest falls below 0, and later days are taken from it.
So no day is charged twice.
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, Receivable, pot
from escalon.domain.agreements.agreed import resting
from escalon.domain.holds import open_hold
from escalon.domain.local_time import add_days
from escalon.domain.payments import ledger
from escalon.domain.payments.ledger import Booking, LedgerEntry
from escalon.domain.rules.rulebook import InterestTerms, RateTable, Rulebook

# The next month's rate is certified in the last days of a month; then it is time to add it.
SOON_DAYS = 5

MILLIONTHS = 10**6  # of a minor unit: what `Receivable.accrued_rest` is counted in

_DAY = timedelta(days=1)
_DAYS_A_YEAR = 365
_MILLION = 10**6  # an effective annual rate is a whole number of millionths
_DAILY_DIGITS = 24  # a daily rate is a whole number of 10^-24
_PRECISE = Context(prec=60)


class Accrual(msgspec.Struct, frozen=True):
    """Interest to charge, in minor units of the receivable's currency (below 0: to give back), and
    the receivable's `accrued_through` and `accrued_rest` once all of it is booked. `missing` is the
    month (YYYY-MM) that the table lacks and before which it stopped, or empty."""

    amount_minor: int
    through: date | None
    rest: int
    missing: str = ""


class MissingMonth(msgspec.Struct, frozen=True, order=True):
    """A month (YYYY-MM) that a table lacks, and the creditors whose interest stops before it."""

    table: str
    month: str
    creditors: tuple[str, ...]


def accrue(
    receivable: Receivable,
    terms: InterestTerms,
    table: RateTable,
    *,
    through: date,
    covered_minor: int = 0,
) -> Accrual:
    """What a receivable bears through that day and was not charged before; again, it is nothing.
    Below 0 while less is borne than was paid in advance.

    `covered_minor` of the principal bears nothing (see `accruals`). From a month on that the table
    lacks nothing is charged; a later accrual goes on there once the month is added.
    """
    begun = receivable.accrued_through
    first = _first_day(receivable, terms)
    if begun is not None:
        first = max(first, add_days(begun, 1))
    if through < first:
        return Accrual(0, begun, receivable.accrued_rest)
    principal_minor = receivable.principal_minor - covered_minor
    if principal_minor <= 0:
        return Accrual(0, through, receivable.accrued_rest)
    borne, last, missing = _borne(principal_minor, terms, table, first, through)
    amount_minor, rest = divmod(receivable.accrued_rest + borne, MILLIONTHS)
    return Accrual(amount_minor, last or begun, rest, missing)


def give_back(
    receivable: Receivable,
    terms: InterestTerms,
    table: RateTable,
    *,
    through: date,
    covered_minor: int = 0,
) -> Accrual:
    """What a receivable was charged for the days after that one: the opposite of `accrue`.

    For money of which its source tells days after it was paid: give back through its day, allocate
    it, and accrue again on what is left. The principal must not have changed since that day.
    """
    begun = receivable.accrued_through
    first = max(_first_day(receivable, terms), add_days(through, 1))
    principal_minor = receivable.principal_minor - covered_minor
    if begun is None or begun <= through:
        return Accrual(0, begun, receivable.accrued_rest)
    if principal_minor <= 0 or begun < first:
        return Accrual(0, through, receivable.accrued_rest)
    borne, _, missing = _borne(principal_minor, terms, table, first, begun)
    if missing:
        return Accrual(0, begun, receivable.accrued_rest, missing)
    amount_minor, rest = divmod(receivable.accrued_rest - borne, MILLIONTHS)
    return Accrual(amount_minor, through, rest)


def accruals(
    account: Account, receivables: Iterable[Receivable], rulebook: Rulebook, today: date
) -> list[tuple[Receivable, Accrual]]:
    """What each of an account's open `receivables` (embedded or beyond) bears through `today`, a
    date of the debtor's calendar, where anything is to be charged, given back (it was charged
    through a later day already), noted or reported.

    - Principal against which the creditor owes the debtor as much (unapplied credit, a credit note)
      bears nothing, the oldest first: such debts settle each other (Colombia: Civil Code 1715).
    - Nothing is accrued while the account or the receivable is on hold: what is not asked for does
      not grow. The days are not lost: when the hold ends they are charged on the principal that is
      owed then, so what a dispute took away has borne nothing.
    - Nothing is accrued while the receivable rests under an agreement, which may bear interest of
      its own. If it is broken, the days of rest are charged like those of a hold.
    - What is too old to be chased (`chase.oldest_debt_days`) bears nothing more.
    """
    oldest = rulebook.chase.oldest_debt_days
    farthest = add_days(today, -oldest) if oldest else date.min
    groups: dict[str, tuple[InterestTerms, list[Receivable]]] = {}
    for receivable in receivables:
        creditor = rulebook.creditors.get(receivable.creditor)
        terms = creditor.interest if creditor else None
        if terms and receivable.currency in terms.currencies and receivable.issued_on <= today:
            key = pot(receivable.creditor, receivable.currency)
            groups.setdefault(key, (terms, []))[1].append(receivable)
    if not groups or open_hold(account, rulebook.holds, None, today):
        return []
    found = []
    rest = resting(account.agreements)
    for key, (terms, group) in groups.items():
        table = rulebook.rates[terms.cap_table]
        for receivable, covered_minor in _covered(group, account.credits.get(key, 0)):
            if receivable.due_on is None or receivable.due_on < farthest:
                continue
            if receivable.receivable_id in rest:
                continue
            if open_hold(account, rulebook.holds, receivable.receivable_id, today):
                continue
            begun = receivable.accrued_through
            bear = give_back if begun and begun > today else accrue
            accrual = bear(receivable, terms, table, through=today, covered_minor=covered_minor)
            if accrual.missing or accrual.through != receivable.accrued_through:
                found.append((receivable, accrual))
    return found


def charges_interest(rulebook: Rulebook) -> bool:
    """Whether any creditor does."""
    return any(creditor.interest for creditor in rulebook.creditors.values())


def charge_through(
    account: Account, rulebook: Rulebook, day: date, booked_at: datetime, most: int | None = None
) -> tuple[Booking, tuple[str, ...]]:
    """Charge all that a whole account bears through that day, before its principal changes or is
    spoken of; and the months that stopped it. After `most` receivables it stops; called again, it
    goes on. The account that it answers with is whole. No more is given back than is still open:
    what was paid of it was paid in advance."""
    opened = {receivable.receivable_id: receivable for receivable in account.receivables}
    changed: list[Receivable] = []
    entries: list[LedgerEntry] = []
    missing: set[str] = set()
    for receivable, accrual in accruals(account, account.receivables, rulebook, day):
        if accrual.missing:
            missing.add(accrual.missing)
        if len(changed) == most:
            break
        after = receivable
        again = receivable.accrued_again
        begun = receivable.accrued_through
        amount_minor = max(accrual.amount_minor, -receivable.extras.get("interest", 0))
        if amount_minor:
            booking = ledger.charge_extra(
                ledger.whole(account, opened.values()),
                receivable,
                "interest",
                amount_minor,
                booked_at=booked_at,
                cause=f"{begun} to {accrual.through} on {receivable.principal_minor}"
                + (f", again {again}" if again else ""),
            )
            entries.extend(booking.entries)
            (after,) = booking.changed
        if begun and accrual.through and accrual.through < begun:
            again += 1
        ahead_minor = amount_minor - accrual.amount_minor
        after = replace(
            after,
            accrued_through=accrual.through,
            accrued_rest=accrual.rest - ahead_minor * MILLIONTHS,
            accrued_again=again,
        )
        if after != receivable:
            changed.append(after)
            opened[after.receivable_id] = after
    whole = ledger.whole(account, opened.values())
    return Booking(whole, tuple(changed), tuple(entries)), tuple(sorted(missing))


def missing_months(rulebook: Rulebook, today: date) -> list[MissingMonth]:
    """The months whose rate some creditor's interest needs by now, or in `SOON_DAYS`, and lacks:
    what to warn of."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for name, creditor in sorted(rulebook.creditors.items()):
        terms = creditor.interest
        if terms is None:
            continue
        month = terms.since or today
        while month <= add_days(today, SOON_DAYS):
            if _month(month) not in rulebook.rates[terms.cap_table].rates:
                lacking.setdefault((terms.cap_table, _month(month)), []).append(name)
            month = _month_end(month) + _DAY
    return sorted(MissingMonth(*which, tuple(names)) for which, names in lacking.items())


def _first_day(receivable: Receivable, terms: InterestTerms) -> date:
    """The first day that bears."""
    if receivable.due_on is None:
        return date.max
    late = add_days(receivable.due_on, terms.from_day)
    return max(late, add_days(receivable.known_on, 1), terms.since or date.min)


def _covered(group: list[Receivable], credit_minor: int) -> Iterator[tuple[Receivable, int]]:
    """The debts of one pot, the oldest first, each with what of it credit covers."""
    credit_minor -= sum(r.open_minor for r in group if r.open_minor < 0)
    for receivable in sorted(group, key=lambda r: (r.due_on or date.max, r.receivable_id)):
        if receivable.principal_minor > 0:
            covered = min(credit_minor, receivable.principal_minor)
            credit_minor -= covered
            yield receivable, covered


def _borne(
    principal_minor: int, terms: InterestTerms, table: RateTable, first: date, last: date
) -> tuple[int, date | None, str]:
    """What the days from `first` to `last` bear, in millionths of a minor unit; the last of them
    that has a rate (None: not even the first); and the month that has none."""
    borne, done = 0, None
    while True:
        certified = table.rates.get(_month(first))
        if certified is None:
            return borne, done, _month(first)
        rate = certified.effective_annual
        rate = rate if terms.agreed is None else min(terms.agreed, rate)
        done = min(last, _month_end(first))
        a_day = principal_minor * _daily(rate) // 10 ** (_DAILY_DIGITS - 6)
        borne += a_day * ((done - first).days + 1)
        if done == last:
            return borne, done, ""
        first = done + _DAY


@lru_cache(maxsize=512)
def _daily(effective_annual: int) -> int:
    """(1 + EA)^(1/365) − 1 in units of 10^-24, rounded down, of an annual rate in millionths."""
    factor = _PRECISE.scaleb(Decimal(_MILLION + effective_annual), -6)
    root = _PRECISE.divide(Decimal(1), Decimal(_DAYS_A_YEAR))
    daily = _PRECISE.subtract(_PRECISE.power(factor, root), Decimal(1))
    return int(_PRECISE.scaleb(daily, _DAILY_DIGITS))


def _month(day: date) -> str:
    return day.isoformat()[:7]


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])
