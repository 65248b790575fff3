"""Properties of the engine and the ledger over accounts that nobody would think of."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import (
    EMBEDDED_RECEIVABLES,
    Account,
    Beyond,
    Consent,
    ContactPoint,
    ContactRecord,
    Hold,
    Intent,
    Ladder,
    Receivable,
    StepRecord,
    pot,
)
from escalon.domain.contact.channels import MESSAGE_CHANNELS
from escalon.domain.contact.policy import Allow, evaluate
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.transitions import plan
from escalon.domain.local_time import local_date
from escalon.domain.payments import ledger
from escalon.domain.payments.ledger import LedgerEntry, Payment
from tests.domain.debts import BOGOTA, account, at, carried_out, point, receivable

SHIPPED = load_rulebook(Path(__file__).parents[2] / "config", try_messages=False)
(STANDARD,) = (s for s in SHIPPED.strategies if s.strategy == "standard")
STEPS = [step.step for strategy in SHIPPED.strategies for step in strategy.steps]
SAYS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WALKS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

MINORS = st.integers(-(10**12), 10**15)
CREDITORS = st.sampled_from(["andina", "cordillera", "nobody"])
CURRENCIES = st.sampled_from(["COP", "USD", "EUR", "CLP"])
INSTANTS = st.integers(0, 14 * 365 * 86_400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
NEAR = st.dates(date(2025, 6, 1), date(2027, 6, 1))
ANY_DAY = st.one_of(NEAR, st.dates())
ZONES = st.sampled_from([BOGOTA, "America/New_York", "Asia/Tokyo", "Pacific/Apia", "No/Where"])
CHANNELS = st.sampled_from(["email", "sms", "whatsapp", "voice", "letter"])

RECORDS = st.builds(
    StepRecord,
    at=INSTANTS,
    state=st.sampled_from(["sent", "delivered", "failed", "unknown", "opened"]),
    channel=CHANNELS,
    intent_id=st.just("m0"),
    attempts=st.integers(1, 3),
    tried=st.lists(CHANNELS, max_size=2, unique=True).map(tuple),
)
RECEIVABLES = st.builds(
    Receivable,
    receivable_id=st.sampled_from([f"r{n}" for n in range(6)]),
    creditor=CREDITORS,
    document=st.just("FV-1"),
    issued_on=ANY_DAY,
    due_on=st.none() | ANY_DAY,
    currency=CURRENCIES,
    amount_minor=MINORS,
    open_minor=MINORS,
    known_on=ANY_DAY,
    steps=st.dictionaries(st.sampled_from(STEPS), RECORDS, max_size=4),
)
CONSENTS = st.none() | st.builds(
    Consent, granted_on=st.none() | ANY_DAY, revoked_at=st.none() | INSTANTS
)
POINTS = st.builds(
    ContactPoint,
    point_id=st.sampled_from(["p1", "p2", "p3"]),
    channel=CHANNELS,
    address=st.just("x"),
    consent=CONSENTS,
    failed=st.sampled_from(["", "", "hard bounce"]),
)
HOLDS = st.builds(
    Hold,
    hold_id=st.just("h"),
    kind=st.sampled_from(["dispute", "promise", "insolvency", "unheard-of"]),
    starts_on=ANY_DAY,
    ends_on=st.none() | ANY_DAY,
    receivable_id=st.sampled_from([None, "r0", "r1"]),
)
LADDERS = st.builds(
    Ladder,
    last_step=st.sampled_from(STEPS),
    last_at=st.none() | INSTANTS,
    ended_for=st.sampled_from(["", "r0", "r1"]),
    ended_at=st.none() | INSTANTS,
    ended_times=st.integers(0, 3),
)
INTENTS = st.builds(
    Intent,
    intent_id=st.sampled_from(["m1", "m2"]),
    state=st.sampled_from(["planned", "sending"]),
    creditor=CREDITORS,
    receivable_id=st.just("r0"),
    step=st.sampled_from(STEPS),
    stage=st.just("firm"),
    channel=st.sampled_from(["email", "sms", "task"]),
    point_id=st.just("p1"),
    task=st.just(""),
    rulebook=st.just("v"),
    decided_at=INSTANTS,
    sending_at=st.none() | INSTANTS,
    resumed=st.integers(0, 10_000),
)
POTS = st.builds(pot, CREDITORS, CURRENCIES)
ACCOUNTS = st.builds(
    Account,
    account_id=st.just("a1"),
    source_ref=st.just("1"),
    name=st.just("Ana"),
    kind=st.sampled_from(["person", "company"]),
    country=st.sampled_from(["", "CO", "PE", "XX"]),
    region=st.sampled_from(["", "Bogotá"]),
    zones=st.lists(ZONES, max_size=2).map(tuple),
    language=st.sampled_from(["", "es-CO", "en", "qu"]),
    tags=st.lists(st.sampled_from(["vip", "sme"]), max_size=2).map(tuple),
    points=st.lists(POINTS, max_size=4).map(tuple),
    holds=st.lists(HOLDS, max_size=2).map(tuple),
    receivables=st.lists(RECEIVABLES, max_size=6).map(tuple),
    beyond=st.dictionaries(POTS, st.builds(Beyond, st.integers(0, 99), MINORS), max_size=2),
    credits=st.dictionaries(POTS, st.integers(0, 10**12), max_size=2),
    ladders=st.dictionaries(CREDITORS, LADDERS, max_size=2),
    contacts=st.lists(
        st.builds(ContactRecord, st.just("m0"), CHANNELS, INSTANTS, CREDITORS, st.booleans()),
        max_size=3,
    ).map(tuple),
    intents=st.lists(INTENTS, max_size=2).map(tuple),
    exceptions=st.lists(
        st.sampled_from(["data_repair:andina:email+sms", "data_repair:andina:due date of r0"])
    ).map(tuple),
)
NOTHING_UNDER_WAY = ACCOUNTS.map(lambda debt: replace(debt, intents=()))


@SAYS
@given(ACCOUNTS, INSTANTS)
def test_every_account_gets_a_decision_and_the_same_one_again(
    debt: Account, as_of: datetime
) -> None:
    """Invariant 6: total and deterministic, whatever went through the table in between."""
    decision = decide(debt, SHIPPED, as_of)
    stored = msgspec.json.decode(msgspec.json.encode(debt), type=Account)
    assert decide(stored, SHIPPED, as_of) == decision
    assert decision.reasons
    assert (decision.outcome == "act") == bool(decision.intent_id) == bool(decision.action)


@SAYS
@given(ACCOUNTS, INSTANTS)
def test_the_next_look_is_in_the_future_and_there_is_one_while_anything_is_open(
    debt: Account, as_of: datetime
) -> None:
    """Invariant 7"""
    decision = decide(debt, SHIPPED, as_of)
    if debt.receivables or debt.beyond or debt.intents:
        assert decision.next_look_at is not None
    if decision.next_look_at is not None:
        assert decision.next_look_at > as_of
        assert decision.next_look_at <= as_of + timedelta(days=366)


@SAYS
@given(NOTHING_UNDER_WAY, INSTANTS)
def test_an_account_that_owes_nothing_never_gets_a_step(debt: Account, as_of: datetime) -> None:
    paid = replace(debt, receivables=(), beyond={})
    decision = decide(paid, SHIPPED, as_of)
    assert (decision.outcome, decision.next_look_at) == ("skip", None)
    zero = tuple(replace(r, open_minor=min(r.open_minor, 0)) for r in debt.receivables if r.due_on)
    assert decide(replace(debt, receivables=zero, beyond={}), SHIPPED, as_of).outcome != "act"


@SAYS
@given(NOTHING_UNDER_WAY, INSTANTS)
def test_nothing_is_decided_that_the_contact_policy_refuses(debt: Account, as_of: datetime) -> None:
    """Invariant 3"""
    decision = decide(debt, SHIPPED, as_of)
    if decision.channel not in (*MESSAGE_CHANNELS, "letter"):
        return
    points = [p for p in debt.points if p.point_id == decision.point_id]
    verdicts = [
        evaluate(
            SHIPPED.policy_for(debt.country),
            channel=decision.channel,
            point=point_used,
            role="debtor",
            contacts=debt.contacts,
            zones=debt.zones or (SHIPPED.default_zone,),
            at=as_of,
            region=debt.region,
        )
        for point_used in points
    ]
    assert Allow() in verdicts


@SAYS
@given(NOTHING_UNDER_WAY, INSTANTS)
def test_a_step_is_only_taken_for_a_receivable_that_is_due_for_it(
    debt: Account, as_of: datetime
) -> None:
    """L3, L17, L18: at or after its day in the debtor's zone, and never while it rests."""
    decision = decide(debt, SHIPPED, as_of)
    if decision.outcome != "act" or decision.step == "end":
        return
    today = local_date(debt.zones or (SHIPPED.default_zone,), as_of)
    (taken,) = {
        step.day for strategy in SHIPPED.strategies for step in strategy.steps
        if step.step == decision.step
    }  # fmt: skip
    assert decision.days_past_due is not None
    assert decision.days_past_due >= taken
    assert (taken < 0) == (decision.days_past_due < 0) or taken >= 0
    carrying = [r for r in debt.receivables if r.receivable_id == decision.receivable_id]
    assert any(r.issued_on <= today and r.open_minor > 0 for r in carrying)


@SAYS
@given(NOTHING_UNDER_WAY, INSTANTS, st.integers(0, 600))
def test_an_intent_keeps_its_name_while_nothing_happens(
    debt: Account, as_of: datetime, minutes: int
) -> None:
    """Invariant 1: deciding again, later or with another run, names the same contact."""
    first = decide(debt, SHIPPED, as_of)
    again = decide(debt, SHIPPED, as_of + timedelta(minutes=minutes))
    same = (first.step, first.task, first.receivable_id) == (
        again.step, again.task, again.receivable_id,
    )  # fmt: skip
    if first.outcome == again.outcome == "act" and same:
        assert first.intent_id == again.intent_id


@WALKS
@given(
    ages=st.lists(st.integers(-20, 150), min_size=1, max_size=4),
    opens=st.lists(st.integers(1_000_000, 400_000_000), min_size=4, max_size=4),
    fates=st.lists(st.sampled_from(["sent", "sent", "sent", "failed", "lost"]), min_size=1),
    hours=st.lists(st.integers(1, 80), min_size=20, max_size=20),
)
def test_a_walk_up_the_ladder_takes_its_steps_in_order_and_each_once(
    ages: list[int], opens: list[int], fates: list[str], hours: list[int]
) -> None:
    """Invariants 1 and 8, lessons L3 and L4, through plan, claim and settle: runs at odd hours,
    messages that fail and messages whose fate nobody knows."""
    begin = at("2026-09-07 09:00")
    debts = [
        receivable(
            (date(2026, 9, 7) - timedelta(days=age)).isoformat(),
            receivable_id=f"r{number}",
            issued_on=date(2026, 1, 1),
            open_minor=open_minor,
        )
        for number, (age, open_minor) in enumerate(zip(ages, opens, strict=False))
    ]
    debt = account(*debts)
    as_of = begin
    taken: dict[str, list[Decision]] = {}
    reached: dict[tuple[str, str], list[str]] = {}
    contacts: list[datetime] = []
    for number in range(160):
        decision = decide(debt, SHIPPED, as_of)
        assert decision.next_look_at is not None
        assert decision.next_look_at > as_of
        if decision.outcome == "act" and decision.action in ("message", "task"):
            fate = fates[number % len(fates)]
            debt = carried_out(debt, decision, fate)
            if decision.step != "end" and decision.task not in ("data_repair", "unknown_fate"):
                taken.setdefault(decision.receivable_id, []).append(decision)
                if fate != "failed":
                    key = (decision.receivable_id, decision.step)
                    reached.setdefault(key, []).append(decision.channel)
            if decision.action == "message" and fate != "failed":
                contacts.append(as_of)
        elif decision.outcome == "act":
            debt = plan(debt, decision, "run")
            debt = (
                carried_out(debt, replace(decision, intent_id=debt.intents[0].intent_id))
                if debt.intents[0].task
                else debt
            )
        as_of += timedelta(hours=hours[number % len(hours)])
    order = [step.step for step in STANDARD.steps]
    for decisions in taken.values():
        places = [order.index(decision.step) for decision in decisions]
        climbed = [place for n, place in enumerate(places) if n == 0 or place != places[n - 1]]
        assert climbed == sorted(set(climbed)), [d.step for d in decisions]
    for channels in reached.values():
        assert len(set(channels)) == len(channels)  # again only by another channel
    days = [local_date((BOGOTA,), contact) for contact in contacts]
    assert len(set(days)) == len(days)  # at most one contact a day


# --- the ledger ----------------------------------------------------------------------------------


def opened(debts: list[tuple[int, str, str]]) -> tuple[Account, list[LedgerEntry]]:
    """An account with these debts (amount, creditor, currency), and the entries that made them."""
    entries: list[LedgerEntry] = []
    known: dict[str, Receivable] = {}
    empty = account()
    for number, (amount, creditor, currency) in enumerate(debts):
        due = (date(2026, 1, 1) + timedelta(days=number % 7)).isoformat()
        fresh = receivable(
            due, receivable_id=f"r{number}", creditor=creditor, currency=currency,
            amount_minor=amount, open_minor=amount,
        )  # fmt: skip
        whole = replace(empty, receivables=tuple(known.values()), beyond={})
        booking = ledger.charge(whole, fresh, at("2026-01-01 00:00"))
        known[fresh.receivable_id] = fresh
        entries.extend(booking.entries)
        empty = booking.account
    return empty, entries


DEBTS = st.lists(
    st.tuples(st.integers(1, 10**9), st.sampled_from(["andina", "cordillera"]), CURRENCIES),
    max_size=30,
)
PAYMENTS = st.lists(
    st.builds(
        Payment,
        payment_id=st.sampled_from([f"pay{n}" for n in range(8)]),
        creditor=st.sampled_from(["andina", "cordillera"]),
        amount_minor=st.integers(1, 10**10),
        currency=CURRENCIES,
        paid_at=st.just(at("2026-02-01 12:00")),
        receivable_id=st.sampled_from(["", "r0", "r3", "r25", "r99"]),
    ),
    max_size=8,
    unique_by=lambda payment: payment.payment_id,
)


def balances(entries: list[LedgerEntry]) -> dict[tuple[str, str, str], int]:
    """The signed sum of the entries by creditor, receivable and currency."""
    sums: dict[tuple[str, str, str], int] = {}
    for entry in entries:
        key = (entry.creditor, entry.receivable_id, entry.currency)
        sums[key] = sums.get(key, 0) + entry.amount_minor
    return sums


@SAYS
@given(DEBTS, PAYMENTS)
def test_money_adds_up(debts: list[tuple[int, str, str]], payments: list[Payment]) -> None:
    """Invariant 4: per receivable, open is the sum of its entries; what matches nothing is credit;
    what the document has no room for is in its totals."""
    debt, entries = opened(debts)
    everything = {
        f"r{n}": receivable(
            (date(2026, 1, 1) + timedelta(days=n % 7)).isoformat(), receivable_id=f"r{n}",
            creditor=creditor, currency=currency, amount_minor=amount, open_minor=amount,
        )
        for n, (amount, creditor, currency) in enumerate(debts)
    }  # fmt: skip
    for payment in payments:
        still_open = [r for r in everything.values() if r.open_minor]
        whole = replace(debt, receivables=tuple(still_open), beyond={})
        booking = ledger.pay(whole, still_open, payment)
        assert sum(e.amount_minor for e in booking.entries) == -payment.amount_minor
        assert all(e.cause == payment.payment_id for e in booking.entries)
        everything.update({r.receivable_id: r for r in booking.changed})
        entries.extend(booking.entries)
        debt = booking.account
    sums = balances(entries)
    for r in everything.values():
        assert r.open_minor == sums[(r.creditor, r.receivable_id, r.currency)]
        assert 0 <= r.open_minor <= r.amount_minor
    for key, minor in debt.credits.items():
        creditor, _, currency = key.partition("|")
        assert minor == -sums[(creditor, "", currency)]
    still_open = [r for r in everything.values() if r.open_minor]
    assert len(debt.receivables) == min(len(still_open), EMBEDDED_RECEIVABLES)
    by_pot: dict[str, int] = {}
    for r in still_open:
        by_pot[pot(r.creditor, r.currency)] = (
            by_pot.get(pot(r.creditor, r.currency), 0) + r.open_minor
        )
    told: dict[str, int] = {key: rest.open_minor for key, rest in debt.beyond.items()}
    for r in debt.receivables:
        told[pot(r.creditor, r.currency)] = told.get(pot(r.creditor, r.currency), 0) + r.open_minor
    assert told == by_pot
    assert len(debt.receivables) + sum(b.count for b in debt.beyond.values()) == len(still_open)
    assert len({entry.entry_id for entry in entries}) == len(entries)


@SAYS
@given(DEBTS, PAYMENTS, st.randoms(use_true_random=False))
def test_payments_come_to_the_same_whatever_their_order(
    debts: list[tuple[int, str, str]], payments: list[Payment], random: object
) -> None:
    """Invariant 5: what is open less the credit, by creditor and currency, is the same."""

    def net(order: list[Payment]) -> dict[str, int]:
        debt, _ = opened(debts)
        rest = [
            receivable(
                (date(2026, 1, 1) + timedelta(days=n % 7)).isoformat(), receivable_id=f"r{n}",
                creditor=creditor, currency=currency, amount_minor=amount, open_minor=amount,
            )
            for n, (amount, creditor, currency) in enumerate(debts)
        ]  # fmt: skip
        for payment in order:
            booking = ledger.pay(replace(debt, receivables=tuple(rest), beyond={}), rest, payment)
            paid = {r.receivable_id: r for r in booking.changed}
            rest = [paid.get(r.receivable_id, r) for r in rest]
            debt = booking.account
        sums: dict[str, int] = {}
        for r in rest:
            sums[pot(r.creditor, r.currency)] = (
                sums.get(pot(r.creditor, r.currency), 0) + r.open_minor
            )
        for key, minor in debt.credits.items():
            sums[key] = sums.get(key, 0) - minor
        return {key: minor for key, minor in sums.items() if minor}

    shuffled = list(payments)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert net(payments) == net(shuffled)


@SAYS
@given(DEBTS, PAYMENTS)
def test_the_same_cause_makes_the_same_entries(
    debts: list[tuple[int, str, str]], payments: list[Payment]
) -> None:
    """Invariant 5: a payment that comes twice names the very entries that are there already."""
    debt, _ = opened(debts)
    for payment in payments:
        once = ledger.pay(debt, debt.receivables, payment)
        twice = ledger.pay(debt, debt.receivables, payment)
        assert [e.entry_id for e in once.entries] == [e.entry_id for e in twice.entries]


def test_points_of_the_tests_are_lawful() -> None:
    """The walk above would prove nothing if the policy let nobody be contacted."""
    decision = decide(account(receivable()), SHIPPED, at("2026-09-03 09:00"))
    assert (decision.outcome, decision.action) == ("act", "message")
    assert point().consent is not None
