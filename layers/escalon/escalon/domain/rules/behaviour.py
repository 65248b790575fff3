"""How a debtor pays, summed as money moves, and what came of money in an experiment's time.

Whoever writes a movement of money hands the account over on the way (`followed`), so the sums are
in the same write as the money. A receivable counts once, when nothing of it is open any more,
whatever closed it; money that goes again takes that back.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from msgspec.structs import replace

from escalon.domain.account import Account, Behaviour, Receivable, Trial
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.local_time import local_date
from escalon.domain.payments.ledger import LedgerEntry

# Where it is today the longest: of a debtor whose zone nobody knows nothing is late too soon.
_ANYWHERE = ("Etc/GMT+12",)

RECENT = 8  # settled receivables whose days late are kept one by one
LATEST_DAYS = 3_650  # days late that a receivable counts at most

# Entries that tell of money, or of the source's word that money came elsewhere. What is given up,
# or charged on top, is no recovery.
_MONEY = frozenset(("payment", "reversal", "refund", "chargeback", "adjustment"))


def followed(
    account: Account,
    changed: Sequence[Receivable],
    entries: Sequence[LedgerEntry],
    now: datetime,
) -> tuple[Account, list[Receivable]]:
    """The account and its changed receivables with what this booking tells of how the debtor pays.

    A receivable is settled on the day of the latest of these entries that lowered it, on the
    debtor's calendar. One that was settled before we knew it tells nothing.
    """
    zones = account.zones or _ANYWHERE
    fresh = {entry.receivable_id for entry in entries if entry.kind == "charge"}
    lowered: dict[str, date] = {}
    for entry in entries:
        if entry.amount_minor < 0 and entry.receivable_id not in fresh:
            on = local_date(zones, entry.booked_at)
            lowered[entry.receivable_id] = max(on, lowered.get(entry.receivable_id, on))
    behaviour = account.behaviour
    after: dict[str, Receivable] = {}
    for receivable in changed:
        name, was = receivable.receivable_id, receivable.settled_late
        if receivable.open_minor > 0 and was is not None:
            behaviour = _opened_again(behaviour, was)
            after[name] = replace(receivable, settled_late=None)
        elif not receivable.open_minor and was is None and name in lowered:
            if receivable.due_on is None or receivable.amount_minor <= 0:
                continue  # nobody can tell whether it was late; a credit note is never owed
            late = min(max(0, (lowered[name] - receivable.due_on).days), LATEST_DAYS)
            behaviour = _settled(behaviour, late)
            after[name] = replace(receivable, settled_late=late)
    trials = _trials(account, changed, entries, zones)
    known_on = account.known_on or min(
        (r.known_on for r in account.receivables), default=local_date(zones, now)
    )
    account = replace(account, behaviour=behaviour, trials=trials, known_on=known_on)
    if after:
        receivables = tuple(after.get(r.receivable_id, r) for r in account.receivables)
        account = replace(account, receivables=receivables)
    return account, [after.get(r.receivable_id, r) for r in changed]


def agreements_ended(account: Account) -> tuple[int, int]:
    """How many agreements were fulfilled and how many broken: those that left the account's
    document, and those that stand in it."""
    states = [agreement.state for agreement in account.agreements]
    behaviour = account.behaviour
    return behaviour.kept + states.count("fulfilled"), behaviour.broken + states.count("broken")


def agreements_left(behaviour: Behaviour, ended: Iterable[Agreement], times: int = 1) -> Behaviour:
    """These ended agreements leave the account's document; with `times` -1 they come back."""
    states = [agreement.state for agreement in ended]
    return replace(
        behaviour,
        kept=behaviour.kept + times * states.count("fulfilled"),
        broken=behaviour.broken + times * states.count("broken"),
    )


def _settled(behaviour: Behaviour, late: int) -> Behaviour:
    return replace(
        behaviour,
        settled=behaviour.settled + 1,
        late=behaviour.late + (late > 0),
        late_days=behaviour.late_days + late,
        recent=(*behaviour.recent, late)[-RECENT:],
    )


def _opened_again(behaviour: Behaviour, late: int) -> Behaviour:
    """As if it had not been settled; of several that were as late the latest is forgotten."""
    recent = list(behaviour.recent)
    if late in recent:
        del recent[len(recent) - 1 - recent[::-1].index(late)]
    return replace(
        behaviour,
        settled=behaviour.settled - 1,
        late=behaviour.late - (late > 0),
        late_days=behaviour.late_days - late,
        recent=tuple(recent),
    )


def _trials(
    account: Account,
    changed: Sequence[Receivable],
    entries: Sequence[LedgerEntry],
    zones: Sequence[str],
) -> dict[str, Trial]:
    """The account's parts in experiments with the money of these entries that falls into their
    time, on what was issued when the account entered."""
    if not account.trials or not any(entry.kind in _MONEY for entry in entries):
        return account.trials
    issued = {r.receivable_id: r.issued_on for r in (*account.receivables, *changed)}
    trials = dict(account.trials)
    for name, trial in account.trials.items():
        came = dict(trial.came_minor)
        entered_on = local_date(zones, trial.entered_at)
        for entry in entries:
            on = issued.get(entry.receivable_id)
            if (
                entry.kind in _MONEY
                and trial.entered_at < entry.booked_at <= trial.until
                and on is not None
                and on <= entered_on
                and entry.currency in trial.owed_minor
            ):
                came[entry.currency] = came.get(entry.currency, 0) - entry.amount_minor
        trials[name] = replace(trial, came_minor={c: minor for c, minor in came.items() if minor})
    return trials
