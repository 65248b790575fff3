"""The forecast: the engine folded forward tells what a stack will do, and no more than that."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import (
    Account,
    Awaited,
    Beyond,
    Channel,
    Consent,
    ContactPoint,
    Hold,
    Intent,
    Receivable,
)
from escalon.domain.contact.policy import Allow, evaluate
from escalon.domain.decisions.by_hand import closed
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.forecast import Alike, Event, forecast, quarter_hours, walk
from escalon.domain.local_time import in_zone, start_of_day
from escalon.domain.rules.conditions import parse_condition
from escalon.domain.rules.rulebook import (
    Chase,
    Creditor,
    Experiment,
    InterestTerms,
    LadderEnd,
    Need,
    Payments,
    Rate,
    RateTable,
    Rulebook,
)
from escalon.domain.tasks import Task
from tests.domain import debts
from tests.domain.debts import BOGOTA, at, carried_out, ladder, receivable, rulebook, step

RULES = load_rulebook(Path(__file__).parents[2] / "config", try_messages=False)
WALKS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DAY = timedelta(days=1)
PROVEN = Consent(date(2020, 1, 1), "form")


def point(channel: Channel = "email", **more: Any) -> ContactPoint:
    return debts.point(channel, **{"consent": PROVEN, **more})


def account(*receivables: Receivable, **more: Any) -> Account:
    points = (point("email"), point("sms"), point("voice"))
    return debts.account(*receivables, **{"points": points, **more})


def nine_in_the_morning(instant: datetime) -> datetime:
    """A run a day, at nine in Bogotá."""
    local = in_zone((BOGOTA,), instant)
    today = local.replace(hour=9, minute=0, second=0, microsecond=0)
    return (today if today >= local else today + DAY).astimezone(UTC)


def told(events: tuple[Event, ...]) -> list[str]:
    return [
        f"{in_zone((BOGOTA,), event.at):%Y-%m-%d %H:%M} {event.step} "
        f"{event.task if event.kind != 'message' else event.channel}"
        for event in events
    ]


def owes(pesos: int, due: str = "2026-09-01", **more: object) -> Account:
    return replace(account(receivable(due, open_minor=pesos * 100)), **more)


def test_a_debt_that_nobody_pays_gets_the_whole_ladder() -> None:
    """Capability 4: what a stack would do over seven months, to the quarter of an hour."""
    events = forecast(owes(1_500_000), RULES, at("2026-08-20 09:00"), at("2027-02-20 00:00"))
    assert told(events) == [
        "2026-08-27 07:00 heads-up email",
        "2026-08-31 07:00 due-tomorrow email",
        "2026-09-03 07:00 friendly email",
        "2026-09-10 07:00 friendly-again email",
        "2026-09-21 07:00 firm email",
        "2026-10-01 07:00 firm-call call",
        "2026-10-09 07:00 firm-again email",
        "2026-10-21 07:00 offer email",
        "2026-11-17 07:00 last-notice email",  # the 15th is a Sunday, the 16th a holiday
        "2026-12-05 08:00 legal-notice email",  # a Saturday
        "2026-12-15 00:00 legal-review legal_review",
        "2027-01-14 00:00 end review",
        "2027-02-13 00:00 end review",
    ]
    assert [event.kind for event in events[-3:]] == ["task", "end", "end"]
    notice = events[8]
    assert (notice.stage, notice.strategy, notice.creditor) == ("pre_legal", "standard", "andina")
    assert (notice.since, notice.days_past_due) == (date(2026, 11, 15), 77)
    assert notice.reasons == ("step_due", "channel_open")


def test_a_letter_is_posted_on_its_day_and_what_needs_it_follows() -> None:
    """What a plan foresees if people do their work; a letter that lies about holds its ladder."""
    rules = rulebook(
        step("notice", 2, channels=("letter",)),
        step("severe", 5, channels=("letter",), needs=Need("notice", 15)),
    )
    debt = replace(owes(100_000), points=(point("letter", address="Carrera 7 # 1-1"),))
    events = forecast(debt, rules, at("2026-08-20 09:00"), at("2026-10-01 00:00"))
    assert told(events) == ["2026-09-03 00:00 notice letter", "2026-09-18 00:00 severe letter"]


def test_it_ends_before_the_last_instant_and_begins_at_the_first() -> None:
    debt = owes(100_000)
    seven = at("2026-09-03 07:00")
    assert told(forecast(debt, RULES, seven, seven)) == []
    assert told(forecast(debt, RULES, seven, seven + timedelta(seconds=1))) == [
        "2026-09-03 07:00 friendly sms"
    ]


def test_whoever_owes_nothing_gets_nothing() -> None:
    assert forecast(account(), RULES, at("2026-08-20 09:00"), at("2027-08-20 09:00")) == ()


def test_what_the_policy_refuses_goes_with_what_is_said_instead() -> None:
    """Invariant 3: the e-mail has bounced for good, so the SMS goes, and the forecast says why."""
    points = (point("email", failed="hard bounce"), point("sms"))
    first, *_ = forecast(
        owes(100_000, points=points), RULES, at("2026-09-10 07:00"), at("2026-09-30 00:00")
    )
    assert (first.step, first.channel) == ("friendly-again", "sms")
    assert [(r.channel, r.code) for r in first.refusals] == [("email", "contact_point_failed")]


def test_work_for_a_person_where_no_channel_is_left_is_told_once() -> None:
    events = forecast(
        owes(100_000, points=()), RULES, at("2026-09-03 07:00"), at("2026-09-21 00:00")
    )
    assert told(events) == ["2026-09-03 07:00 friendly data_repair"]
    assert events[0].kind == "task"


def test_a_receivable_joins_on_the_day_it_is_issued() -> None:
    coming = receivable("2026-10-10", receivable_id="r2", issued_on=date(2026, 10, 1))
    events = forecast(
        account(), RULES, at("2026-09-15 09:00"), at("2026-10-19 00:00"), to_come=(coming,)
    )
    assert told(events) == [
        "2026-10-05 07:00 heads-up email",
        "2026-10-09 07:00 due-tomorrow email",
        "2026-10-13 07:00 friendly email",  # the 12th is a holiday
    ]
    first, *_ = walk(
        account(), RULES, at("2026-09-30 23:50"), at("2026-10-01 00:15"), to_come=(coming,)
    )
    assert first.decision.as_of == at("2026-10-01 00:00")
    assert [r.receivable_id for r in first.account.receivables] == ["r2"]


def test_what_joins_beyond_the_twenty_oldest_is_summed() -> None:
    oldest = [receivable("2026-09-01", receivable_id=f"r{n:02}") for n in range(20)]
    full = replace(account(*oldest), beyond={"andina|COP": Beyond(3, 500)})
    coming = receivable("2026-12-01", receivable_id="r99", issued_on=date(2026, 9, 2))
    *_, last = walk(full, RULES, at("2026-09-01 12:00"), at("2026-09-03 12:00"), to_come=(coming,))
    assert len(last.account.receivables) == 20
    assert last.account.beyond == {"andina|COP": Beyond(4, 10_000_500)}


def intent(**more: object) -> Intent:
    made = {
        "intent_id": "m1", "state": "planned", "creditor": "andina", "receivable_id": "r1",
        "step": "friendly", "stage": "reminder", "channel": "email", "point_id": "p-email",
        "task": "", "rulebook": "v", "decided_at": at("2026-09-03 07:00"),
    }  # fmt: skip
    return Intent(**{**made, **more})  # type: ignore[arg-type]


def test_what_is_planned_is_decided_again() -> None:
    """As the last look does: here by the rulebook that is asked about, which says nothing yet."""
    debt = owes(100_000, intents=(intent(),))
    events = forecast(debt, RULES, at("2026-09-03 07:05"), at("2026-09-04 00:00"))
    assert told(events) == ["2026-09-03 07:15 friendly sms"]
    assert forecast(debt, rulebook(), at("2026-09-03 07:05"), at("2026-09-04 00:00")) == ()


def test_what_is_on_its_way_has_left() -> None:
    """Invariant 1: it is not said a second time, and it counts as a contact."""
    debt = owes(100_000, intents=(intent(state="sending", sending_at=at("2026-09-03 07:01")),))
    events = forecast(debt, RULES, at("2026-09-03 07:05"), at("2026-09-12 00:00"))
    assert told(events) == ["2026-09-10 07:00 friendly-again email"]


def test_money_under_way_holds_until_its_time_is_up() -> None:
    """Lesson L21"""
    money = Awaited("pay1", at("2026-09-03 06:00"), at("2026-09-04 06:00"), "andina")
    events = forecast(
        owes(100_000, awaited=(money,)), RULES, at("2026-09-03 06:00"), at("2026-09-05 00:00")
    )
    assert told(events) == ["2026-09-04 07:00 friendly sms"]


def test_payment_feeds_are_taken_for_fresh() -> None:
    """Lesson L7: what a bank's file will bring nobody knows; that it comes is assumed."""
    andina = Creditor(
        "andina", "Andina", "Andina S.A.S.", "1", "CO", "a@b.co", "a@b.co", "1", feeds=("bank",)
    )
    rules = rulebook(
        step("s", 2), payments=Payments(feeds={"bank": 1}), creditors={"andina": andina}
    )
    debt = owes(100_000)
    assert told(forecast(debt, rules, at("2026-09-03 00:00"), at("2026-09-05 00:00"))) == [
        "2026-09-03 00:00 s email"
    ]
    assert decide(debt, rules, at("2026-09-03 00:00")).outcome == "wait"


def test_a_hold_ends_by_itself() -> None:
    """Lesson L13"""
    hold = Hold("h", "dispute", date(2026, 8, 1), date(2026, 9, 8))
    events = forecast(
        owes(100_000, holds=(hold,)), RULES, at("2026-08-01 09:00"), at("2026-09-09 00:00")
    )
    assert told(events) == ["2026-09-08 07:00 friendly sms"]


RICH = parse_condition("open above COP 100_000")


def test_a_step_s_fee_is_owed_once_its_message_has_gone() -> None:
    """L1: once, whatever comes after; here it brings the debt over a step's amount."""
    fee = {"COP": 500_000}
    fee_rules = rulebook(
        step("first", 2, fee_minor=fee), step("rich", 5, only_if=RICH), step("last", 9)
    )
    *_, last = walk(owes(100_000), fee_rules, at("2026-09-01 09:00"), at("2026-10-01 00:00"))
    (owed,) = last.account.receivables
    assert (owed.open_minor, owed.extras, owed.charged) == (
        10_500_000,
        {"fee": 500_000},
        ("first",),
    )
    until = at("2026-09-11 00:00")
    taken = [e.step for e in forecast(owes(100_000), fee_rules, at("2026-09-01 09:00"), until)]
    assert taken == ["first", "rich", "last"]
    free = rulebook(step("first", 2), step("rich", 5, only_if=RICH), step("last", 9))
    taken = [e.step for e in forecast(owes(100_000), free, at("2026-09-01 09:00"), until)]
    assert taken == ["first", "last"]


def test_interest_is_charged_with_a_message_and_not_before() -> None:
    """L16: as the ledger says when the message is written."""
    terms = InterestTerms("cap", currencies=("COP",))
    table = RateTable("cap", {"2026-09": Rate("2026-09", 250_000, "made up")})
    andina = Creditor(
        "andina", "Andina", "Andina S.A.S.", "1", "CO", "a@b.co", "a@b.co", "1", interest=terms
    )
    rules = rulebook(
        step("first", 2), step("second", 12), creditors={"andina": andina}, rates={"cap": table}
    )
    looks = list(walk(owes(100_000), rules, at("2026-09-01 09:00"), at("2026-09-14 00:00")))
    owed = [look.account.receivables[0].open_minor for look in looks]
    assert owed[0] == 10_000_000  # nothing before the first message
    # Twelve days of 25 % a year: 100,000 × 12 × (1.25 ^ (1/365) − 1) = 733.84
    assert owed[-1] == 10_073_384


@pytest.mark.parametrize(
    ("instant", "run"),
    [
        ("2026-09-03 07:00:00", "2026-09-03 07:00:00"),
        ("2026-09-03 07:00:01", "2026-09-03 07:15:00"),
        ("2026-09-03 07:14:59", "2026-09-03 07:15:00"),
        ("2026-09-03 23:59:00", "2026-09-04 00:00:00"),
    ],
)
def test_runs_begin_every_quarter_of_an_hour(instant: str, run: str) -> None:
    assert quarter_hours(at(instant)) == at(run)


# --- what a stack would do, day by day ------------------------------------------------------------


def played(debt: Account, rules: Rulebook, first: datetime, days: int) -> Iterator[tuple[str, str]]:
    """A stack with a run a day that looks at the account whether it is due or not: one decision a
    run, carried out at once."""
    now = nine_in_the_morning(first)
    for _ in range(days):
        decision = decide(debt, rules, now)
        if decision.outcome == "act":
            debt = carried_out(debt, decision)
            if decision.task == "letter":
                work = Task(
                    decision.intent_id, "a1", "letter", now, now, decision.creditor,
                    step=decision.step,
                )  # fmt: skip
                debt = closed(debt, work, "posted", now)
            yield now.isoformat(), f"{decision.step} {decision.task or decision.channel}"
        now += DAY


PESOS = st.sampled_from([10_000, 15_000, 100_000, 300_000, 2_000_000])
CREDITORS = st.sampled_from(["andina", "cordillera"])


@WALKS
@given(
    owed=st.lists(st.tuples(st.integers(-30, 200), PESOS, CREDITORS), min_size=1, max_size=5),
    channels=st.sets(st.sampled_from(["email", "sms", "letter"])),
    tags=st.sampled_from([(), ("vip",)]),
    begin=st.integers(0, 60),
)
def test_it_tells_what_a_stack_does_without_later_facts(
    owed: list[tuple[int, int, str]], channels: set[Channel], tags: tuple[str, ...], begin: int
) -> None:
    """The forecast only looks when the engine says so; a stack that looks at every run does the
    same things on the same days."""
    first = at("2026-09-07 09:00") + begin * DAY
    today = in_zone((BOGOTA,), first).date()
    debt = replace(
        account(
            *(
                receivable(
                    (today - timedelta(days=age)).isoformat(),
                    receivable_id=f"r{number}",
                    creditor=creditor,
                    issued_on=date(2026, 1, 1),
                    known_on=date(2026, 1, 1),
                    open_minor=pesos * 100,
                )
                for number, (age, pesos, creditor) in enumerate(owed)
            )
        ),
        points=tuple(point(channel) for channel in sorted(channels)),
        tags=tags,
    )
    days = 70
    events = forecast(debt, RULES, first, first + days * DAY, next_run=nine_in_the_morning)
    assert [(e.at.isoformat(), f"{e.step} {e.task or e.channel}") for e in events] == list(
        played(debt, RULES, first, days)
    )


# --- total and bounded ----------------------------------------------------------------------------

DAYS = st.dates(date(2026, 1, 1), date(2027, 6, 1))
ODD_RECEIVABLES = st.builds(
    Receivable,
    receivable_id=st.sampled_from([f"r{n}" for n in range(4)]),
    creditor=st.sampled_from(["andina", "cordillera", "nobody"]),
    document=st.just("FV-1"),
    issued_on=DAYS,
    due_on=st.none() | DAYS | st.just(date.max),
    currency=st.sampled_from(["COP", "USD", "XXX"]),
    amount_minor=st.integers(-(10**9), 10**12),
    open_minor=st.integers(-(10**9), 10**12),
    known_on=DAYS,
)
ODD_ACCOUNTS = st.builds(
    Account,
    account_id=st.just("a1"),
    source_ref=st.just("1"),
    name=st.just("Ana"),
    country=st.sampled_from(["", "CO", "XX"]),
    zones=st.lists(st.sampled_from([BOGOTA, "Asia/Tokyo", "No/Where"]), max_size=2).map(tuple),
    tags=st.sampled_from([(), ("vip",)]),
    points=st.lists(
        st.sampled_from([point("email"), point("sms", consent=None), point("letter")]),
        max_size=3,
        unique_by=lambda p: p.point_id,
    ).map(tuple),
    holds=st.lists(
        st.builds(Hold, st.just("h"), st.just("dispute"), DAYS, st.none() | DAYS, st.just("r0")),
        max_size=1,
    ).map(tuple),
    receivables=st.lists(ODD_RECEIVABLES, max_size=4, unique_by=lambda r: r.receivable_id).map(
        tuple
    ),
    intents=st.lists(
        st.builds(
            intent,
            state=st.just("sending"),
            sending_at=st.just(at("2026-08-31 08:00")),
            step=st.sampled_from(["friendly", "unheard-of"]),
        ),
        max_size=1,
    ).map(tuple),
)


@WALKS
@given(ODD_ACCOUNTS, st.lists(ODD_RECEIVABLES, max_size=2))
def test_any_account_has_a_forecast_and_no_run_looks_twice(
    debt: Account, to_come: list[Receivable]
) -> None:
    start, until = at("2026-09-01 09:07"), at("2026-11-01 00:00")
    looks = list(walk(debt, RULES, start, until, to_come=to_come))
    instants = [look.decision.as_of for look in looks]
    assert instants == sorted(set(instants))
    assert all(start <= instant < until for instant in instants)
    assert all(instant == quarter_hours(instant) for instant in instants)


@WALKS
@given(ODD_ACCOUNTS)
def test_no_forecast_contact_breaks_the_contact_policy(debt: Account) -> None:
    """Invariant 3, over the whole fold: each message is counted before the next is asked about."""
    for look in walk(debt, RULES, at("2026-09-01 09:00"), at("2026-12-01 00:00")):
        decision = look.decision
        if decision.action == "message":
            (used,) = (p for p in debt.points if p.point_id == decision.point_id)
            verdict = evaluate(
                RULES.policy_for(debt.country),
                channel=decision.channel,
                point=used,
                role="debtor",
                contacts=look.account.contacts,
                zones=debt.zones or (BOGOTA,),
                at=decision.as_of,
            )
            assert verdict == Allow()


# --- two rulebooks that decide alike --------------------------------------------------------------

VIP = ladder(step("v", 5), strategy="vip", condition=parse_condition("tag is vip"))
PLAIN = ladder(step("p", 5), strategy="standard")
BOTH = replace(rulebook(), strategies=(VIP, PLAIN))


def changed(**more: object) -> Rulebook:
    return replace(BOTH, version="v2", **more)


def test_other_lines_names_and_words_decide_alike() -> None:
    moved = replace(
        PLAIN,
        source="escalation.yaml:99",
        steps=(replace(PLAIN.steps[0], source="escalation.yaml:101"),),
        end=replace(PLAIN.end, source="escalation.yaml:98"),
    )
    other = changed(strategies=(VIP, moved), messages={"en": {"words": "…"}}, rulebook="draft")
    assert Alike(BOTH, other)(owes(100_000))


def test_a_ladder_touches_those_who_fall_on_it_and_nobody_else() -> None:
    other = changed(strategies=(replace(VIP, steps=(step("v", 6),)), PLAIN))
    alike = Alike(BOTH, other)
    assert alike(owes(100_000))
    assert not alike(owes(100_000, tags=("vip",)))


def test_a_ladder_that_depends_on_what_is_open_may_touch_anybody() -> None:
    rich = ladder(
        step("r", 5), strategy="rich", condition=parse_condition("not open above COP 1_000_000")
    )
    alike = Alike(BOTH, changed(strategies=(VIP, rich, PLAIN)))
    assert not alike(owes(100_000))
    assert alike(owes(100_000, tags=("vip",)))  # taken by the one above it


@pytest.mark.parametrize(
    ("condition", "touched"),
    [
        ("tag is vip and open above COP 5", True),
        ("tag is sme and open above COP 5", False),
        ("tag is sme or open above COP 5", True),
        ("tag is sme or not (tag is vip or receivables at least 2)", False),
        ("not (tag is sme and receivables at least 2)", True),
    ],
)
def test_what_is_surely_false_touches_nobody(condition: str, touched: bool) -> None:
    extra = ladder(step("x", 5), strategy="extra", condition=parse_condition(condition))
    alike = Alike(BOTH, changed(strategies=(extra, VIP, PLAIN)))
    assert alike(owes(100_000, tags=("vip",))) is not touched


def test_what_is_still_to_be_issued_counts() -> None:
    andina = ladder(step("a", 5), strategy="a", condition=parse_condition("creditor is andina"))
    alike = Alike(BOTH, changed(strategies=(andina, VIP, PLAIN)))
    assert alike(account())
    assert not alike(account(), [receivable()])


def test_any_other_rule_touches_all() -> None:
    for other in (
        changed(chase=Chase({"COP": 5})),
        changed(delivered_after_hours=1),
        changed(default_zone="Asia/Tokyo"),
        changed(contact_policies=RULES.contact_policies),
        changed(payments=Payments(feeds={"bank": 1})),
        changed(
            strategies=(VIP, replace(PLAIN, end=LadderEnd("review", 7))),
        ),
    ):
        assert not Alike(BOTH, other)(owes(100_000)), other


def test_the_policy_of_another_country_touches_nobody_here() -> None:
    law, any_time = RULES.contact_policies["CO"], BOTH.contact_policies["*"]
    here = changed(contact_policies={"CO": law, "*": law})
    other = changed(contact_policies={"CO": law, "*": any_time})
    assert Alike(here, other)(owes(100_000))
    assert not Alike(here, other)(owes(100_000, country="PE"))


@WALKS
@given(ODD_ACCOUNTS)
def test_whoever_is_decided_alike_has_the_same_forecast(debt: Account) -> None:
    draft = replace(
        RULES,
        strategies=tuple(
            replace(s, steps=s.steps[1:]) if s.strategy == "vip" else s for s in RULES.strategies
        ),
    )
    if Alike(RULES, draft)(debt):
        start, until = at("2026-09-01 09:00"), at("2026-10-15 00:00")
        assert forecast(debt, RULES, start, until) == forecast(debt, draft, start, until)


def test_the_consent_of_tomorrow_is_waited_for() -> None:
    """Lesson L19: what the policy closes moves to the next opening and uses up nothing."""
    later = point("email", consent=Consent(date(2026, 9, 8), "form"))
    events = forecast(
        owes(100_000, points=(later,)), RULES, at("2026-09-03 07:00"), at("2026-09-09 00:00")
    )
    assert told(events) == ["2026-09-08 07:00 friendly email"]
    assert start_of_day((BOGOTA,), date(2026, 9, 8)) == at("2026-09-08 00:00")


def test_debts_are_not_taken_for_alike_where_a_grade_or_an_experiment_may_differ() -> None:
    """What depends on more than what never changes is folded, never guessed."""
    for condition in (
        ["risk", "high"],
        ["at least", "exposure", 1],
        ["known", "from", "2026-01-01"],
    ):
        extra = replace(VIP, strategy="extra", condition=condition)
        alike = Alike(BOTH, changed(strategies=(extra, VIP, PLAIN)))
        assert not alike(owes(100_000)), condition
    stated = Alike(BOTH, changed(strategies=(replace(VIP, condition=["risk", "high"]), PLAIN)))
    assert not stated(owes(100_000, risk="high"))
    days = (date(2026, 1, 1), date(2026, 2, 1))
    tried = changed(experiments=(Experiment("x", ["anyone"], *days, (), 30, 1, 1, 1),))
    assert not Alike(tried, tried)(owes(100_000))
