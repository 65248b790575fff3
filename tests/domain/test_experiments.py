"""Experiments: lots that never change, balanced arms, intervals that cover as they should."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Consent, Hold
from escalon.domain.contact.brakes import Brake, Brakes
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.explanation import explain
from escalon.domain.decisions.forecast import forecast
from escalon.domain.rules.experiments import (
    Outcome,
    arm_of,
    cohorts,
    complained,
    entered,
    lot,
    needed_per_arm,
    newcombe,
    outcome_of,
    result,
    wilson,
)
from escalon.domain.rules.rulebook import Arm, Experiment, Rulebook
from tests.domain.debts import (
    BOGOTA,
    account,
    at,
    carried_out,
    ladder,
    point,
    receivable,
    rulebook,
    step,
)

BOTH = (Arm("champion", 5_000, "plain"), Arm("sooner", 5_000, "soon"))


def experiment(*arms: Arm, **more: Any) -> Experiment:
    made: dict[str, Any] = {
        "experiment": "sooner",
        "condition": ["anyone"],
        "first_day": date(2026, 9, 1),
        "last_day": date(2026, 12, 31),
        "arms": arms or BOTH,
        "within_days": 30,
        "recovered": 10_000,
        "baseline": 6_000,
        "detects": 500,
        **more,
    }
    return Experiment(**made)


def rules(tried: Experiment) -> Rulebook:
    """A ladder from the second day on, and a challenger that only the experiment hands out."""
    plain = ladder(step("friendly", 2), step("firm", 20, gap_days=5))
    soon = ladder(step("early", 1), strategy="soon", condition=["nobody"])
    return replace(rulebook(), strategies=(soon, plain), experiments=(tried,))


def who_falls_to(arm: str, tried: Experiment, **more: Any) -> Account:
    """A debtor of that arm, whose COP 100,000 were due on 1 September 2026."""
    names = (f"a{number}" for number in range(10_000))
    name = next(n for n in names if arm_of(tried, n).arm == arm)
    return account(receivable("2026-09-01"), account_id=name, **more)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


# ------------------------------------------------------------------------------------- by lot


def test_a_lot_is_the_same_for_ever() -> None:
    """Literal values: another hash would move debtors from arm to arm in mid-experiment."""
    assert [lot("sooner", name) for name in ("a1", "a2", "a3")] == [7776, 1952, 3942]
    assert lot("other", "a1") != lot("sooner", "a1")


def test_arms_are_balanced() -> None:
    """A chi-square of four arms over 40,000 debtors: 16.27 is exceeded once in a thousand times."""
    shares = {"one": 4_000, "two": 3_000, "three": 2_000, "rest": 1_000}
    tried = experiment(*(Arm(name, share, "plain") for name, share in shares.items()))
    counts = dict.fromkeys(shares, 0)
    for number in range(40_000):
        counts[arm_of(tried, f"a{number:08}").arm] += 1
    square = sum((counts[n] - 4 * share) ** 2 / (4 * share) for n, share in shares.items())
    assert square < 16.27, counts


def test_two_experiments_draw_apart() -> None:
    """Of those in one half of the first, half are in each half of the second."""
    both = sum(
        lot("first", f"a{number}") < 5_000 and lot("second", f"a{number}") < 5_000
        for number in range(20_000)
    )
    assert 4_800 < both < 5_200


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.text(min_size=1, max_size=40))
def test_whoever_it_is_has_one_arm(name: str, account_id: str) -> None:
    tried = experiment(experiment=name or "x")
    assert arm_of(tried, account_id) is arm_of(tried, account_id)
    assert 0 <= lot(name or "x", account_id) < 10_000


# --------------------------------------------------------------------------------- the engine


def test_a_challengers_debtor_climbs_its_ladder_and_the_decision_says_why() -> None:
    tried = experiment()
    who = who_falls_to("sooner", tried)
    decision = decide(who, rules(tried), at("2026-09-03T09:00"))
    assert (decision.strategy, decision.step) == ("soon", "early")
    assert decision.trials == {"sooner": "sooner"}
    assert "takes part in experiment sooner, arm sooner" in explain(
        decision, locale="en", zones=(BOGOTA,)
    )


def test_a_champions_debtor_climbs_the_ladder_of_today_and_is_counted() -> None:
    tried = experiment()
    decision = decide(who_falls_to("champion", tried), rules(tried), at("2026-09-03T09:00"))
    assert (decision.strategy, decision.step) == ("plain", "friendly")
    assert decision.trials == {"sooner": "champion"}


def test_every_arm_enters_on_the_day_of_the_champions_first_step() -> None:
    """On the day before nobody has entered, whatever their arm's ladder would do."""
    tried = experiment()
    for arm in ("champion", "sooner"):
        who = who_falls_to(arm, tried)
        before = decide(who, rules(tried), at("2026-09-02T23:00"))
        assert (before.trials, before.strategy, before.outcome) == ({}, "plain", "wait")
        assert before.next_look_at == at("2026-09-03T00:00")


def test_who_is_on_the_ladder_already_does_not_enter() -> None:
    tried = experiment()
    who = who_falls_to("sooner", tried)
    without = decide(who, replace(rules(tried), experiments=()), at("2026-09-03T09:00"))
    climbing = carried_out(who, without)
    found = decide(climbing, rules(tried), at("2026-09-25T09:00"))
    assert (found.strategy, found.trials) == ("plain", {})


@pytest.mark.parametrize(
    ("more", "instant"),
    [
        ({"condition": ["tag", "vip"]}, "2026-09-03T09:00"),
        ({"first_day": date(2026, 9, 4)}, "2026-09-03T23:00"),
        ({"last_day": date(2026, 9, 2)}, "2026-09-03T01:00"),
    ],
)
def test_others_are_no_part_of_it(more: dict[str, Any], instant: str) -> None:
    tried = experiment(**more)
    decision = decide(who_falls_to("sooner", tried), rules(tried), at(instant))
    assert (decision.strategy, decision.trials) == ("plain", {})


def test_who_has_entered_stays_in_the_arm() -> None:
    """Also once the condition does not hold any more, or the days of entry are over."""
    tried = experiment(condition=["tag", "vip"], last_day=date(2026, 9, 10))
    book = rules(tried)
    who = who_falls_to("sooner", tried, tags=("vip",))
    decision = decide(who, book, at("2026-09-03T09:00"))
    in_it = replace(entered(who, book, decision.trials, decision.as_of), tags=())
    later = decide(in_it, book, at("2026-09-15T09:00"))
    assert (later.strategy, later.trials) == ("soon", {})
    assert decide(in_it, book, at("2026-10-10T23:00")).strategy == "soon"
    assert decide(in_it, book, at("2026-10-11T01:00")).strategy == "plain"  # 30 days after the last


RESTING = (Arm("champion", 5_000, "plain"), Arm("hold-out", 5_000, "plain", 30))


def test_a_hold_out_rests_and_then_climbs() -> None:
    tried = experiment(*RESTING)
    book = rules(tried)
    who = who_falls_to("hold-out", tried)
    decision = decide(who, book, at("2026-09-03T09:00"))
    assert (decision.outcome, codes(decision)) == ("wait", ["hold_out"])
    assert decision.next_look_at == at("2026-10-03T09:00")
    assert decision.trials == {"sooner": "hold-out"}
    resting = entered(who, book, decision.trials, decision.as_of)
    assert decide(resting, book, at("2026-10-03T08:59")).outcome == "wait"
    woken = decide(resting, book, at("2026-10-03T09:00"))
    assert (woken.outcome, woken.step) == ("act", "firm")


def test_an_experiment_that_was_ended_puts_everybody_back_on_the_champions_ladder() -> None:
    tried = experiment(*RESTING)
    book = rules(tried)
    who = who_falls_to("hold-out", tried)
    now = at("2026-09-03T09:00")
    resting = entered(who, book, {"sooner": "hold-out"}, now)
    ended = Brakes((Brake("experiment", now, "escalon", "complaints", "sooner"),))
    decision = decide(resting, book, at("2026-09-04T09:00"), brakes=ended)
    assert (decision.outcome, decision.step, decision.trials) == ("act", "friendly", {})


def test_every_creditors_ladder_is_counted_whichever_goes_first() -> None:
    tried = experiment(*RESTING)
    who = who_falls_to("hold-out", tried)
    other = receivable("2026-09-01", receivable_id="r2", creditor="boreal")
    who = replace(who, receivables=(*who.receivables, other), tags=("vip",))
    book = rules(tried)
    urgent = ladder(step("urgent", 1), strategy="urgent", condition=["creditor", "boreal"])
    book = replace(book, strategies=(urgent, *book.strategies))
    decision = decide(who, book, at("2026-09-03T09:00"))
    assert (decision.step, decision.trials) == ("urgent", {"sooner": "hold-out"})


def test_the_forecast_follows_the_experiment() -> None:
    tried = experiment(*RESTING)
    who = who_falls_to("hold-out", tried)
    events = forecast(who, rules(tried), at("2026-09-02T00:00"), at("2026-10-10T00:00"))
    assert [(event.step, event.at) for event in events] == [("firm", at("2026-10-03T00:00"))]


# ----------------------------------------------------------------------------------- outcomes


NOW = datetime(2026, 11, 1, tzinfo=UTC)
ENTERED = at("2026-09-03T09:00")


def in_it(**more: Any) -> Account:
    tried = experiment()
    who = account(receivable("2026-09-01"), **more)
    return entered(who, rules(tried), {"sooner": "sooner"}, ENTERED)


def outcome(who: Account, as_of: datetime = NOW) -> Outcome:
    found = outcome_of(who, experiment(), as_of, (BOGOTA,))
    assert found is not None
    return found


def paid(who: Account, minor: int) -> Account:
    trial = replace(who.trials["sooner"], came_minor={"COP": minor})
    return replace(who, trials={"sooner": trial})


def test_what_is_open_at_entry_is_what_has_to_come() -> None:
    who = in_it()
    assert who.trials["sooner"].owed_minor == {"COP": 10_000_000}
    assert outcome(paid(who, 9_999_999)).recovered is False
    assert outcome(paid(who, 10_000_000)).recovered is True


def test_a_debtor_is_ripe_when_their_own_time_is_over() -> None:
    assert outcome(in_it(), at("2026-10-03T08:59")).ripe is False
    assert outcome(in_it(), at("2026-10-03T09:00")).ripe is True


def test_what_debtors_say_since_they_entered_counts_for_the_guard_rails() -> None:
    disputed = Hold("h", "dispute", date(2026, 9, 5))
    earlier = Hold("h", "dispute", date(2026, 9, 2))
    assert outcome(in_it(holds=(disputed,))).rails == {"disputes"}
    assert outcome(in_it(holds=(earlier,))).rails == set()
    for revoked_at, rails in (
        (at("2026-09-04T10:00"), {"opt_outs"}),
        (at("2026-09-01T10:00"), set()),
    ):
        consent = Consent(date(2020, 1, 1), "form", revoked_at)
        who = in_it(points=(point("email", consent=consent),))
        assert outcome(who).rails == rails
    assert outcome(complained(in_it(), at("2026-09-04T10:00"))).rails == {"complaints"}
    assert outcome(complained(in_it(), at("2026-12-04T10:00"))).rails == set()


def outcomes(arm: str, count: int, recovered: int, **more: Any) -> list[Outcome]:
    made = {"entered_on": date(2026, 9, 3), "ripe": True, "owed_minor": {}, "came_minor": {}}
    made |= {"rails": frozenset(), **more}
    return [Outcome(arm=arm, recovered=n < recovered, **made) for n in range(count)]  # type: ignore[arg-type]


def test_a_result_before_the_stated_number_says_nothing() -> None:
    """However clear it looks: who looks early and stops early finds what is not there."""
    told = [*outcomes("champion", 500, 100), *outcomes("sooner", 500, 400)]
    assert result(experiment(), told).verdicts == {"sooner": "too_early"}


@pytest.mark.parametrize(
    ("recovered", "verdict"), [(1_020, "better"), (900, "no_difference"), (780, "worse")]
)
def test_a_result_is_what_its_interval_says(recovered: int, verdict: str) -> None:
    told = [*outcomes("champion", 1_600, 900), *outcomes("sooner", 1_600, recovered)]
    found = result(experiment(), told)
    assert found.needed == 1_534
    assert found.verdicts == {"sooner": verdict}


def test_only_those_whose_time_is_over_count() -> None:
    told = [*outcomes("champion", 100, 40), *outcomes("champion", 50, 50, ripe=False)]
    (champion, _) = result(experiment(), told).arms
    assert (champion.entered, champion.ripe, champion.recovered) == (150, 100, 40)


@pytest.mark.parametrize(("complaints", "breached"), [(1, False), (2, True)])
def test_a_guard_rail_is_broken_above_its_share(complaints: int, breached: bool) -> None:
    tried = experiment(guard_rails={"complaints": 200}, guarded_from=50)
    said = outcomes("sooner", complaints, 0, rails=frozenset({"complaints"}))
    told = [*said, *outcomes("sooner", 50 - complaints, 0)]
    assert result(tried, told).breaches == ((("sooner", "complaints"),) if breached else ())
    assert result(tried, told[:49]).breaches == ()  # too few to tell


def test_recovery_is_told_by_the_month_of_entry() -> None:
    """Not by the month in which money came: who entered in September counts for September."""
    first = outcomes("champion", 2, 1, owed_minor={"COP": 100}, came_minor={"COP": 60})
    later = outcomes("champion", 1, 0, entered_on=date(2026, 10, 1), ripe=False)
    found = cohorts([*later, *first])
    assert [(c.month, c.entered, c.ripe, c.recovered) for c in found] == [
        ("2026-09", 2, 2, 1),
        ("2026-10", 1, 0, 0),
    ]
    assert (found[0].owed_minor, found[0].came_minor) == ({"COP": 200}, {"COP": 120})


# --------------------------------------------------------------------------------- statistics


def test_the_sample_size_is_that_of_the_textbook() -> None:
    """Fleiss, Statistical Methods for Rates and Proportions: 0.60 against 0.65, two-sided 5 %,
    power 80 %: 1,471 without correction; against 0.55, which is harder to find, 1,534."""
    assert needed_per_arm(experiment()) == 1_534
    assert needed_per_arm(experiment(detects=1_000)) == 388
    three = experiment(Arm("a", 4_000, "plain"), Arm("b", 3_000, "soon"), Arm("c", 3_000, "soon"))
    assert needed_per_arm(three) > 1_534  # two challengers share the confidence


def test_wilson_and_newcombe_give_the_published_intervals() -> None:
    """Newcombe 1998 (Statistics in Medicine 17): 81 of 263 by method 3, and 56 of 70 against 48 of
    80 by method 10."""
    low, high = wilson(81, 263, 0.95)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    low, high = newcombe(56, 70, 48, 80, 0.95)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    assert wilson(0, 0, 0.95) == (0.0, 1.0)
    assert wilson(0, 10, 0.95)[0] == 0.0
    assert wilson(10, 10, 0.95)[1] == 1.0


@pytest.mark.parametrize(("one", "other"), [(0.6, 0.6), (0.65, 0.55), (0.9, 0.85)])
def test_intervals_cover_as_often_as_they_say(one: float, other: float) -> None:
    """In 2,000 made-up experiments the true difference lies in the interval 95 times in 100."""
    chance = random.Random(7)
    covered = 0
    for _ in range(2_000):
        here = sum(chance.random() < one for _ in range(150))
        there = sum(chance.random() < other for _ in range(150))
        low, high = newcombe(here, 150, there, 150, 0.95)
        covered += low <= one - other <= high
    assert 1_860 <= covered <= 1_945, covered


def test_an_experiment_of_the_stated_size_finds_what_it_states() -> None:
    """Four times in five if the difference is as large as stated; once in twenty if it is none."""
    chance = random.Random(11)
    tried = experiment(detects=1_000)
    size = needed_per_arm(tried)
    found = {0.7: 0, 0.6: 0}
    for truth in found:
        for _ in range(300):
            came = [sum(chance.random() < p for _ in range(size)) for p in (0.6, truth)]
            low, high = newcombe(came[1], size, came[0], size, 0.95)
            found[truth] += not low <= 0 <= high
    assert found[0.7] >= 225
    assert found[0.6] <= 28


def test_the_window_is_the_debtors_own() -> None:
    trial = in_it().trials["sooner"]
    assert trial.until - trial.entered_at == timedelta(days=30)
