"""Every figure of the replay's page, computed from its records: pure, in whole minor units, one
currency at a time. The browser draws these figures and computes none."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Literal

from escalon.domain.rules.rulebook import STAGES
from escalon_cli.replay.page.records import Entry, Message, Receivable, Refusal, Replay, Run, Task

# The field's ageing buckets by days past due, both ends inclusive; None is open-ended.
BUCKETS: tuple[tuple[str, int | None, int | None], ...] = (
    ("not_due", None, 0),
    ("d1_30", 1, 30),
    ("d31_60", 31, 60),
    ("d61_90", 61, 90),
    ("d91_120", 91, 120),
    ("d121_180", 121, 180),
    ("d181_360", 181, 360),
    ("d361", 361, None),
)
# What has no due date cannot be late; it gets a line of its own instead of a guess.
UNDATED = "undated"

# A payment counts for a step when it comes within this many days, and before the next contact.
RECOVERY_WINDOW_DAYS = 30

# Work that the system asks for itself, about its data or its deliveries: no rung of the ladder.
REPAIRS = frozenset({"data_repair", "unknown_fate"})

Granularity = Literal["day", "week", "month"]


def bucket_of(days_past_due: int) -> str:
    """The ageing bucket of `days_past_due` = as-of date − due date: not due when d ≤ 0, then
    1–30, 31–60, 61–90, 91–120, 121–180, 181–360, 361 and more."""
    for name, first, last in BUCKETS:
        if (first is None or days_past_due >= first) and (last is None or days_past_due <= last):
            return name
    raise AssertionError("the buckets cover every whole number")


def ratio_permille(part: int, whole: int) -> int | None:
    """part ÷ whole in thousandths, rounded half up, or None where there is no whole to speak of.
    Whole numbers throughout: no float touches money."""
    if whole <= 0:
        return None
    return (2_000 * part + whole) // (2 * whole)


def belongs_at(entry: Entry, receivables: Mapping[str, Receivable], replay: Replay) -> datetime:
    """When an entry counts in the books: a charge on the day its document was issued (a receivable
    shows from its issue date, whenever it was imported); everything else when it was booked."""
    receivable = receivables.get(entry.receivable_id or "")
    if entry.kind == "charge" and receivable is not None and receivable.issued_on is not None:
        return replay.start_of(receivable.issued_on)
    return entry.booked_at


def is_collected(entry: Entry) -> bool:
    """Money that came in, or went back: every payment, and a reversal that raises what is owed
    (a payment undone). A reversal that lowers it undoes a charge and is no money."""
    return entry.kind == "payment" or (entry.kind == "reversal" and entry.amount_minor > 0)


# ── Ageing ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeingLine:
    bucket: str
    open_minor: int
    receivables: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """One currency's open receivables by age. Unapplied credit is a line of its own (≤ 0), not
    netted into any bucket; `total_minor` = Σ lines + unapplied = the signed sum of all entries."""

    currency: str
    lines: tuple[AgeingLine, ...]
    unapplied_minor: int
    total_minor: int

    @property
    def open_minor(self) -> int:
        """Open before credit: Σ lines."""
        return sum(line.open_minor for line in self.lines)

    @property
    def overdue_minor(self) -> int:
        """Open and past its due date: Σ lines − not due − undated."""
        late = {name for name, first, _ in BUCKETS if first is not None}
        return sum(line.open_minor for line in self.lines if line.bucket in late)


def ageing(
    entries: Iterable[tuple[datetime, Entry]],
    receivables: Mapping[str, Receivable],
    *,
    before: datetime,
    as_of_on: date,
) -> dict[str, Ageing]:
    """The open balance by bucket, per currency, as the books stood at the instant `before`.

    open(receivable) = signed sum of its entries that belong before that instant. A positive one
    goes into the bucket of d = `as_of_on` − due date. A negative one is money paid too much; it
    joins the entries without a receivable as unapplied credit. Disputed receivables are in.
    """
    open_by_receivable: dict[tuple[str, str], int] = defaultdict(int)
    unapplied: dict[str, int] = defaultdict(int)
    currencies: set[str] = set()
    for at, entry in entries:
        currencies.add(entry.currency)
        if at >= before:
            continue
        if entry.receivable_id is None:
            unapplied[entry.currency] += entry.amount_minor
        else:
            open_by_receivable[entry.receivable_id, entry.currency] += entry.amount_minor

    amounts: dict[str, Counter[str]] = {currency: Counter() for currency in currencies}
    counts: dict[str, Counter[str]] = {currency: Counter() for currency in currencies}
    for (receivable_id, currency), open_minor in open_by_receivable.items():
        if open_minor < 0:
            unapplied[currency] += open_minor
        elif open_minor > 0:
            receivable = receivables.get(receivable_id)
            due_on = receivable.due_on if receivable else None
            bucket = UNDATED if due_on is None else bucket_of((as_of_on - due_on).days)
            amounts[currency][bucket] += open_minor
            counts[currency][bucket] += 1

    result = {}
    for currency in sorted(currencies):
        names = [name for name, _, _ in BUCKETS]
        if counts[currency][UNDATED]:
            names.append(UNDATED)
        lines = tuple(
            AgeingLine(
                bucket=name,
                open_minor=amounts[currency][name],
                receivables=counts[currency][name],
            )
            for name in names
        )
        result[currency] = Ageing(
            currency=currency,
            lines=lines,
            unapplied_minor=unapplied[currency],
            total_minor=sum(line.open_minor for line in lines) + unapplied[currency],
        )
    return result


# ── Money in the period ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What a currency's book did in the period:
    opening + charged − collected + other = closing, always (`adds_up`)."""

    currency: str
    opening_minor: int
    charged_minor: int
    collected_minor: int
    other_minor: int
    closing_minor: int

    @property
    def adds_up(self) -> bool:
        return (
            self.opening_minor + self.charged_minor - self.collected_minor + self.other_minor
            == self.closing_minor
        )


def movements(
    entries: Sequence[tuple[datetime, Entry]], *, starts_at: datetime, ends_before: datetime
) -> dict[str, Movement]:
    """Per currency, over the half-open period [starts_at, ends_before):

    opening = Σ entries before it; charged = Σ charges in it; collected = −Σ payments and payment
    reversals in it; other = Σ everything else in it (credits, adjustments, interest, fees,
    waivers, write-offs); closing = Σ entries before its end.
    """
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for at, entry in entries:
        book = sums[entry.currency]
        if at < ends_before:
            book["closing"] += entry.amount_minor
        if at < starts_at:
            book["opening"] += entry.amount_minor
        elif at < ends_before:
            if is_collected(entry):
                book["collected"] -= entry.amount_minor
            elif entry.kind == "charge":
                book["charged"] += entry.amount_minor
            else:
                book["other"] += entry.amount_minor
    return {
        currency: Movement(
            currency=currency,
            opening_minor=book["opening"],
            charged_minor=book["charged"],
            collected_minor=book["collected"],
            other_minor=book["other"],
            closing_minor=book["closing"],
        )
        for currency, book in sorted(sums.items())
    }


def recovery_permille(movement: Movement) -> int | None:
    """Recovery rate = collected ÷ (opening + charged) × 1000."""
    return ratio_permille(movement.collected_minor, movement.opening_minor + movement.charged_minor)


def cei_permille(opening: Ageing, closing: Ageing, charged_minor: int) -> int | None:
    """Collection effectiveness index =
    (AR begin + charged − AR end total) ÷ (AR begin + charged − AR end not yet due) × 1000.

    AR is gross of unapplied credit; what has no due date counts as not yet due. 1000 means that
    nothing overdue is left; None where the denominator is not positive.
    """
    base = opening.open_minor + charged_minor
    return ratio_permille(
        base - closing.open_minor, base - (closing.open_minor - closing.overdue_minor)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidAfter:
    """How many accounts that were written to owed nothing at the end, their last payment having
    come after their last message; and the median of the days between the two. It says after, not
    because of: only a hold-out group could say that."""

    currency: str
    contacted: int
    paid: int
    median_days: float | None


def paid_after_last_message(
    messages: Iterable[Message], entries: Iterable[tuple[datetime, Entry]], *, ends_before: datetime
) -> dict[str, PaidAfter]:
    """Per currency c: contacted = accounts with a sent message that shows a receivable in c;
    paid = those whose signed sum of entries in c is ≤ 0 at the end, and whose last payment in c
    was booked after their last such message; days = payment date − message date."""
    last_message: dict[tuple[str, str], datetime] = {}
    for message in messages:
        if not message.went_out:
            continue
        for currency in {item.currency for item in message.receivables}:
            key = (message.account_id, currency)
            last_message[key] = max(message.sent_at, last_message.get(key, message.sent_at))

    balance: Counter[tuple[str, str]] = Counter()
    last_payment: dict[tuple[str, str], datetime] = {}
    for at, entry in entries:
        if at >= ends_before:
            continue
        key = (entry.account_id, entry.currency)
        balance[key] += entry.amount_minor
        # A positive payment entry takes unapplied credit out of its pot: no money came in then.
        if entry.kind == "payment" and entry.amount_minor < 0:
            last_payment[key] = max(at, last_payment.get(key, at))

    contacted: Counter[str] = Counter()
    days: dict[str, list[int]] = defaultdict(list)
    for key, sent_at in last_message.items():
        currency = key[1]
        contacted[currency] += 1
        paid_at = last_payment.get(key)
        if balance[key] <= 0 and paid_at is not None and paid_at > sent_at:
            paid_on = paid_at.astimezone(sent_at.tzinfo).date()
            days[currency].append((paid_on - sent_at.date()).days)
    return {
        currency: PaidAfter(
            currency=currency,
            contacted=count,
            paid=len(days[currency]),
            median_days=median(days[currency]) if days[currency] else None,
        )
        for currency, count in sorted(contacted.items())
    }


# ── Activity by day, week or month ──────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPeriod:
    starts_on: date
    by_stage: Mapping[str, int]
    collected_minor: Mapping[str, int]


def granularity(from_on: date, to_on: date) -> Granularity:
    """Bars that can still be told apart: days up to 92, weeks up to 2½ years, then months."""
    days = (to_on - from_on).days + 1
    if days <= 92:
        return "day"
    return "week" if days <= 913 else "month"


def period_start(day: date, by: Granularity) -> date:
    """The day itself, its Monday (ISO 8601 weeks), or the first of its month."""
    if by == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if by == "month" else day


def activity(
    messages: Iterable[Message],
    entries: Iterable[tuple[datetime, Entry]],
    *,
    replay: Replay,
    by: Granularity,
) -> tuple[ActivityPeriod, ...]:
    """Sent messages by stage, on the debtor's own calendar day, and money collected (payments less
    their reversals) on the replay zone's calendar day; every period from the first to the last is
    there, also the empty ones."""
    stages: dict[date, Counter[str]] = defaultdict(Counter)
    money: dict[date, Counter[str]] = defaultdict(Counter)
    for message in messages:
        day = message.sent_at.date()
        if message.went_out and replay.from_on <= day <= replay.to_on:
            stages[period_start(day, by)][message.stage] += 1
    for at, entry in entries:
        day = at.astimezone(replay.tz).date()
        if is_collected(entry) and replay.from_on <= day <= replay.to_on:
            money[period_start(day, by)][entry.currency] -= entry.amount_minor
    return tuple(
        ActivityPeriod(
            starts_on=start, by_stage=dict(stages[start]), collected_minor=dict(money[start])
        )
        for start in _period_starts(replay.from_on, replay.to_on, by)
    )


def _period_starts(from_on: date, to_on: date, by: Granularity) -> Iterator[date]:
    start = period_start(from_on, by)
    while start <= to_on:
        yield start
        if by == "month":
            start = period_start(start + timedelta(days=31), by)
        else:
            start += timedelta(days=7 if by == "week" else 1)


# ── The ladder ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What came in after a step, in one currency: `asked_minor` is what its messages showed as
    open, `paid_minor` what was paid on those receivables in time."""

    currency: str
    asked_minor: int
    paid_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the ladder and what happened on it."""

    step: str
    stage: str
    messages: int
    by_channel: Mapping[str, int]
    tasks: int
    by_task: Mapping[str, int]
    accounts: int
    median_days_past_due: int | None
    recovery: tuple[Recovery, ...]


def stage_rank(stage: str) -> int:
    """A stage's place on the ladder; a stage that nobody knows stands above the known ones."""
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def ladder(
    messages: Sequence[Message],
    tasks: Sequence[Task],
    entries: Sequence[Entry],
    *,
    order: Sequence[tuple[str, str]] = (),
) -> tuple[Rung, ...]:
    """The steps from the bottom rung up, with sent messages by channel, tasks by kind (without
    repairs of data and deliveries), accounts reached, the median over its messages of the oldest
    receivable's days past due, and recovery.

    Recovery of step s, per currency = Σ over its messages of payments (less reversals) on the
    message's receivables in (t_s, min(t of the account's next message, t_s + 30 days)] ÷ Σ of what
    those messages showed as open. Rungs are in the strategy's `order` where it is given, else by
    stage, then by median days past due; steps of the `order` that nobody reached are kept, empty.
    """
    sent = [message for message in messages if message.went_out and message.step]
    work = [task for task in tasks if task.step and task.kind not in REPAIRS]
    stages = dict(order)
    stages.update({message.step: message.stage for message in sent})
    for task in work:
        stages.setdefault(task.step, task.stage)
    recovered = _recovery(sent, entries)

    rungs = []
    for step, stage in stages.items():
        said = [message for message in sent if message.step == step]
        done = [task for task in work if task.step == step]
        ages = [age for message in said if (age := _oldest(message)) is not None]
        reached = {message.account_id for message in said} | {task.account_id for task in done}
        rungs.append(
            Rung(
                step=step,
                stage=stage,
                messages=len(said),
                by_channel=dict(sorted(Counter(message.channel for message in said).items())),
                tasks=len(done),
                by_task=dict(sorted(Counter(task.kind for task in done).items())),
                accounts=len(reached),
                median_days_past_due=round(median(ages)) if ages else None,
                recovery=tuple(recovered.get(step, ())),
            )
        )
    places = {step: place for place, (step, _) in enumerate(order)}

    def place(rung: Rung) -> tuple[int, int, int, str]:
        age = rung.median_days_past_due
        return (
            places.get(rung.step, len(places)),
            stage_rank(rung.stage),
            # A step of tasks only has no age: it stands last among its stage's steps.
            age if age is not None else 10**6,
            rung.step,
        )

    return tuple(sorted(rungs, key=place))


def _oldest(message: Message) -> int | None:
    """Days past due of the message's oldest receivable."""
    return max(
        (item.days_past_due for item in message.receivables if item.days_past_due is not None),
        default=None,
    )


def _recovery(sent: Sequence[Message], entries: Sequence[Entry]) -> dict[str, list[Recovery]]:
    by_account: dict[str, list[Message]] = defaultdict(list)
    for message in sent:
        by_account[message.account_id].append(message)
    money: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.receivable_id is not None and is_collected(entry):
            money[entry.receivable_id, entry.currency].append(entry)

    asked: Counter[tuple[str, str]] = Counter()
    paid: Counter[tuple[str, str]] = Counter()
    for contacts in by_account.values():
        contacts.sort(key=lambda message: message.sent_at)
        for number, message in enumerate(contacts):
            until = message.sent_at + timedelta(days=RECOVERY_WINDOW_DAYS)
            if number + 1 < len(contacts):
                until = min(until, contacts[number + 1].sent_at)
            for item in message.receivables:
                key = (message.step, item.currency)
                asked[key] += item.open_minor
                paid[key] -= sum(
                    entry.amount_minor
                    for entry in money[item.receivable_id, item.currency]
                    if message.sent_at < entry.booked_at <= until
                )
    result: dict[str, list[Recovery]] = defaultdict(list)
    for (step, currency), asked_minor in sorted(asked.items()):
        result[step].append(
            Recovery(currency=currency, asked_minor=asked_minor, paid_minor=paid[step, currency])
        )
    return result


# ── Silences ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """One rule's refusals. A refused contact is an account's step; it came `later` if the same
    account got a message of that step after the last refusal, and `never` otherwise."""

    rule: str
    code: str
    source: str
    example: str
    refusals: int
    accounts: int
    later: int
    never: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Silences:
    """The refusals by rule and what it objected to, most frequent first. The totals are of
    distinct contacts: one that two rules refused stands on two lines and counts once here."""

    rules: tuple[Silence, ...]
    refusals: int
    accounts: int
    later: int
    never: int


def _most_common(texts: Iterable[str]) -> str:
    return next((text for text, _ in Counter(text for text in texts if text).most_common(1)), "")


def silences(refusals: Sequence[Refusal], messages: Iterable[Message]) -> Silences:
    """What the contact policy refused, by rule, and what became of it."""
    last_sent: dict[tuple[str, str], datetime] = {}
    for message in messages:
        if message.went_out:
            key = (message.account_id, message.step)
            last_sent[key] = max(message.sent_at, last_sent.get(key, message.sent_at))

    def split(group: Sequence[Refusal]) -> tuple[int, int]:
        last_refused: dict[tuple[str, str], datetime] = {}
        for refusal in group:
            key = (refusal.account_id, refusal.step)
            last_refused[key] = max(refusal.at, last_refused.get(key, refusal.at))
        later = sum(
            1 for key, at in last_refused.items() if key in last_sent and last_sent[key] > at
        )
        return later, len(last_refused) - later

    groups: dict[tuple[str, str], list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        groups[refusal.rule, refusal.code].append(refusal)
    rules = []
    for (rule, code), group in groups.items():
        later, never = split(group)
        rules.append(
            Silence(
                rule=rule,
                code=code,
                source=_most_common(refusal.source for refusal in group),
                example=_most_common(refusal.reason for refusal in group),
                refusals=len(group),
                accounts=len({refusal.account_id for refusal in group}),
                later=later,
                never=never,
            )
        )
    later, never = split(refusals)
    return Silences(
        rules=tuple(sorted(rules, key=lambda one: (-one.refusals, one.rule, one.code))),
        refusals=len(refusals),
        accounts=len({refusal.account_id for refusal in refusals}),
        later=later,
        never=never,
    )


# ── Runs ────────────────────────────────────────────────────────────────────────────────────────


def run_adds_up(run: Run) -> bool:
    """looked at = acted + waited + held + Σ skipped + failed; a conflict that was decided again is
    already one of those."""
    return run.looked_at == (
        run.acted + run.waited + run.held + sum(run.skipped.values()) + run.failed
    )


def total_run(runs: Iterable[Run]) -> Run:
    """All runs added up, column by column."""
    runs = tuple(runs)
    skipped: Counter[str] = Counter()
    for run in runs:
        skipped.update(run.skipped)
    return Run(
        run_id="",
        at=None,
        looked_at=sum(run.looked_at for run in runs),
        acted=sum(run.acted for run in runs),
        waited=sum(run.waited for run in runs),
        held=sum(run.held for run in runs),
        skipped=dict(skipped.most_common()),
        failed=sum(run.failed for run in runs),
        conflict=sum(run.conflict for run in runs),
    )
