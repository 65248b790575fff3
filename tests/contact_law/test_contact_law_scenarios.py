"""From a receivable to what stands behind a gate, country by country and through the engine: the
notices that a law wants first, the days that it wants to pass, and what is said meanwhile."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Consent, ContactPoint, Hold, Receivable
from escalon.domain.contact.facts import Notice
from escalon.domain.contact.policy import Allow
from escalon.domain.contact.told import may_contact
from escalon.domain.decisions.decision import Decision, Reason
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.explanation import explain, sentence
from escalon.domain.decisions.forecast import forecast, walk
from escalon.domain.local_time import local_date
from escalon.domain.payments.statement import asked_about
from escalon.domain.rules.rulebook import Chase, Creditor, HoldKind, Need, Rulebook, Step
from tests.contact_law.table import policy_of
from tests.domain.debts import account, at, codes, params, receivable, rulebook, step

CLOCKS = {
    "CO": "America/Bogota",
    "CL": "America/Santiago",
    "US": "America/New_York",
    "ES": "Europe/Madrid",
}
CURRENCIES = {"CO": "COP", "CL": "CLP", "US": "USD", "ES": "EUR"}
HOLDS = {
    "dispute": HoldKind(stop="dispute_open"),
    "insolvency": HoldKind(stop="insolvency"),
    "promise": HoldKind(),
}
# Everything is on file for the creditor unless a test says otherwise.
ON_FILE = (
    "authorisation",
    "debt_document",
    "certain_and_due",
    "warned_in_contract_or_demand",
    "bureau_named",
    "documented_settlement_attempt",
)


def rules(country: str, *steps: Step, on_file: tuple[str, ...] = ON_FILE, **more: Any) -> Rulebook:
    """A ladder under the law of a country as it is shipped."""
    clock = CLOCKS[country]
    creditor = Creditor("andina", "Andina", "Andina SA", "1", country, "", "", "", on_file=on_file)
    return rulebook(
        *steps,
        contact_policies={"*": policy_of(country)},
        chase=Chase({CURRENCIES[country]: 1}),
        default_zone=clock,
        creditors={"andina": creditor},
        holds=HOLDS,
        **more,
    )


def debtor(law: str, **more: Any) -> Account:
    """COP 100,000 or the like, due on Tuesday 1 September 2026, where the debtor is."""
    owed = receivable(currency=CURRENCIES[law], **more.pop("debt", {}))
    consent = Consent(date(2026, 8, 20), "form 7")
    points = (ContactPoint("p-email", "email", "ana@example.com", consent),)
    made: dict[str, Any] = {"country": law, "zones": (CLOCKS[law],), "points": points}
    return account(owed, **{**made, **more})


def happened(who: Account, by: Rulebook, until: str, start: str = "2026-09-01 00:00") -> list[str]:
    """What is done, each with its day where the debtor is, as long as nobody pays."""
    clock = by.default_zone
    found = forecast(who, by, at(start, clock), at(until, clock))
    return [
        f"{local_date((clock,), event.at)} {event.step} {event.channel}"
        for event in found
        if event.kind != "end"
    ]


def at_rest(who: Account, by: Rulebook, when: str) -> Decision:
    """The decision at an instant, after the account was carried forward to it."""
    clock = by.default_zone
    *_, last = walk(who, by, at("2026-09-01 00:00", clock), at(when, clock))
    return decide(last.account, by, at(when, clock))


def why(decision: Decision) -> Mapping[str, Any]:
    """Why the gate is closed."""
    assert decision.outcome == "wait"
    return params(decision, "gate_closed")


# --- Colombia ------------------------------------------------------------------------------------

FRIENDLY = step("friendly", 2)
FIRST = step("notice", 20, stage="firm", gives=("bureau_notice",), channels=("email",))
SECOND = step(
    "notice-again",
    30,
    stage="firm",
    needs=Need("notice"),
    gives=("bureau_notice",),
    channels=("email",),
)
REPORT = step(
    "report",
    40,
    stage="pre_legal",
    needs=Need("notice-again"),
    task="bureau_report",
    action="report_bureau",
)
BUREAU = (FRIENDLY, FIRST, SECOND, REPORT)


def test_colombia_two_notices_on_two_days_and_21_days_come_before_a_report() -> None:
    """Ley 1266 de 2008, art. 12; Ley 2157 de 2021. The ladder says day 40; the law says later."""
    assert happened(debtor("CO"), rules("CO", *BUREAU), "2026-11-30 00:00") == [
        "2026-09-03 friendly email",
        "2026-09-21 notice email",
        "2026-10-01 notice-again email",
        "2026-10-22 report task",
    ]


def test_colombia_the_wait_is_shown_with_its_law_and_its_end() -> None:
    by = rules("CO", *BUREAU)
    decision = at_rest(debtor("CO"), by, "2026-10-12 10:00")
    assert why(decision) == {
        "step": "report",
        "rule": "co.gates[0]",
        "source": "Ley 1266 de 2008, art. 12; Ley 2157 de 2021",
        "why": "gate_waits",
        "about": {"action": "report_bureau", "days": "21"},
        "until": at("2026-10-22 00:00"),
    }
    assert decision.next_look_at == at("2026-10-22 00:00")
    said = explain(decision, locale="es-CO", zones=("America/Bogota",))[-1]
    assert said == (
        "el paso report espera hasta jueves 22 de octubre de 2026, 00:00: para reportar a una "
        "central de riesgo no han pasado 21 días (Ley 1266 de 2008, art. 12; Ley 2157 de 2021)"
    )
    assert sentence(Reason("gate_closed", dict(why(decision))), locale="en", zones=("UTC",)) == (
        "step report waits until Thursday 22 October 2026, 05:00: to report it to a credit bureau "
        "21 days have not passed (Ley 1266 de 2008, art. 12; Ley 2157 de 2021)"
    )


@pytest.mark.parametrize(
    ("when", "outcome"),
    [("2026-10-21 23:59", "wait"), ("2026-10-22 00:00", "act"), ("2026-10-22 00:01", "act")],
)
def test_colombia_the_gate_opens_at_midnight_where_the_debtor_is(when: str, outcome: str) -> None:
    assert at_rest(debtor("CO"), rules("CO", *BUREAU), when).outcome == outcome


def test_colombia_nothing_is_reported_while_the_debt_is_disputed() -> None:
    dispute = Hold("d", "dispute", date(2026, 10, 15), date(2026, 11, 9), "r1")
    by = rules("CO", *BUREAU)
    done = happened(debtor("CO", holds=(dispute,)), by, "2026-12-31 00:00")
    assert done[-1] == "2026-11-09 report task"


def test_colombia_a_notice_that_bounced_was_not_given() -> None:
    """Two are wanted, and one has reached nobody: the needed step is tried again first, and where
    it has no channel left a person is asked. Nothing is reported."""
    by = rules("CO", *BUREAU)
    *_, last = walk(debtor("CO"), by, at("2026-09-01 00:00"), at("2026-10-20 00:00"))
    (owed,) = last.account.receivables
    bounced = replace(owed.steps["notice"], state="failed", tried=("email",))
    steps = {**owed.steps, "notice": bounced}
    one_missing = replace(last.account, receivables=(replace(owed, steps=steps),))
    decision = decide(one_missing, by, at("2026-11-03 10:00"))
    assert why(decision)["why"] == "notice_missing"
    assert why(decision)["about"] == {"action": "report_bureau", "given": "1", "needed": "2"}


def test_colombia_a_notice_counts_once_it_is_delivered_and_not_before() -> None:
    by = rules("CO", *BUREAU)
    *_, last = walk(debtor("CO"), by, at("2026-09-01 00:00"), at("2026-10-02 00:00"))
    (owed,) = last.account.receivables
    sent = owed.steps["notice-again"]
    unknown = {**owed.steps, "notice-again": replace(sent, state="unknown")}
    nobody_knows = replace(last.account, receivables=(replace(owed, steps=unknown),))
    # The ladder stops waiting for proof after ten days and tries the next channel; the law never.
    decision = decide(nobody_knows, by, at("2026-11-03 10:00"))
    assert decision.action == "task"
    assert decision.task == "data_repair"


def test_colombia_a_debt_of_more_than_18_months_is_not_reported() -> None:
    old = debtor("CO", debt={"due": "2025-03-20", "known_on": date(2026, 9, 1)})
    by = rules("CO", *BUREAU)
    done = happened(old, by, "2026-12-31 00:00")
    assert done == ["2026-09-01 notice email", "2026-09-02 notice-again email"]
    decision = at_rest(old, by, "2026-12-30 10:00")
    assert why(decision)["why"] == "too_old"


def test_colombia_what_is_not_on_file_keeps_the_gate_shut() -> None:
    by = rules("CO", *BUREAU, on_file=())
    own = debtor("CO", debt={"on_file": ("authorisation",)})
    decision = at_rest(own, by, "2026-11-03 10:00")
    assert why(decision)["about"] == {"action": "report_bureau", "missing": "debt_document"}
    whole = debtor("CO", debt={"on_file": ("authorisation", "debt_document")})
    assert happened(whole, by, "2026-11-30 00:00")[-1] == "2026-10-22 report task"


def test_colombia_a_notice_that_a_person_noted_counts_with_its_proof_alone() -> None:
    by = rules("CO", replace(REPORT, needs=None))
    given = tuple(
        Notice("bureau_notice", at(f"2026-09-{day} 10:00"), f"guía {day}") for day in ("08", "09")
    )
    assert happened(debtor("CO", debt={"notices": given}), by, "2026-11-30 00:00") == [
        "2026-10-11 report task"
    ]
    unproven = tuple(replace(notice, proof="") for notice in given)
    assert happened(debtor("CO", debt={"notices": unproven}), by, "2026-11-30 00:00") == []


def test_colombia_two_notices_on_one_day_are_one() -> None:
    by = rules("CO", replace(REPORT, needs=None))
    given = tuple(
        Notice("bureau_notice", at(f"2026-09-08 {hour}:00"), "guía") for hour in ("09", "15")
    )
    decision = at_rest(debtor("CO", debt={"notices": given}), by, "2026-11-03 10:00")
    assert why(decision)["about"]["given"] == "1"


# --- United States -------------------------------------------------------------------------------

VALIDATION = step("validation", 1, gives=("validation_notice",), channels=("email",))
ASK = step("ask", 10, channels=("email",), needs=Need("validation"))
FIRM = step("firm", 20, channels=("email",), stage="firm")


def test_united_states_the_validation_notice_comes_first_and_then_the_asking() -> None:
    done = happened(debtor("US"), rules("US", VALIDATION, ASK, FIRM), "2026-10-31 00:00")
    assert done == [
        "2026-09-02 validation email",
        "2026-09-11 ask email",
        "2026-09-21 firm email",
    ]


def test_united_states_nothing_more_is_asked_where_the_notice_was_not_given() -> None:
    """12 CFR 1006.34(a): in the first communication or within five days of it."""
    by = rules("US", replace(ASK, needs=None), FIRM)
    assert happened(debtor("US"), by, "2026-12-31 00:00") == ["2026-09-11 ask email"]
    decision = at_rest(debtor("US"), by, "2026-09-25 10:00")
    assert why(decision) == {
        "step": "firm",
        "rule": "us.duties[0]",
        "source": "12 CFR 1006.34(a)",
        "why": "notice_owed",
        "about": {"notice": "validation_notice", "day": "2026-09-16"},
        "until": None,
    }


YOUNGER = receivable("2026-09-01", receivable_id="r2", currency="USD", open_minor=5)
NEW_YORK = "America/New_York"


def owing_two(younger: Receivable) -> Account:
    """The older debt is due on 30 August and carries the ladder."""
    who = debtor("US", debt={"due": "2026-08-30"})
    return replace(who, receivables=(*who.receivables, younger))


def test_united_states_a_debt_that_was_listed_in_a_message_has_been_spoken_of() -> None:
    """The five days run for each debt that the message shows, and for none that it does not."""
    to_come = replace(YOUNGER, receivable_id="r3", due_on=date(2026, 9, 20))
    who = owing_two(YOUNGER)
    who = replace(who, receivables=(*who.receivables, to_come))
    by = rules("US", replace(VALIDATION, day=3), ASK)
    *_, last = walk(who, by, at("2026-09-01 00:00", NEW_YORK), at("2026-09-05 00:00", NEW_YORK))
    first = {r.receivable_id: r.first_contact_at for r in last.account.receivables}
    written = at("2026-09-02 08:00", NEW_YORK)
    assert first == {"r1": written, "r2": written, "r3": None}


def test_united_states_the_notice_is_given_of_every_debt_that_its_message_shows() -> None:
    """12 CFR 1006.34(a): once the older debt is paid, the younger one may be asked for."""
    by = rules("US", replace(VALIDATION, day=3), ASK, FIRM)
    start, later = at("2026-09-01 00:00", NEW_YORK), at("2026-09-11 00:00", NEW_YORK)
    *_, last = walk(owing_two(YOUNGER), by, start, later)
    younger = next(r for r in last.account.receivables if r.receivable_id == "r2")
    assert younger.steps == {}
    (gave,) = younger.noticed
    assert (gave.at, gave.state, gave.gives) == (
        at("2026-09-02 08:00", NEW_YORK), "delivered", ("validation_notice",),
    )  # fmt: skip
    alone = replace(last.account, receivables=(younger,))
    decision = decide(alone, by, at("2026-09-14 10:00", NEW_YORK))
    assert (decision.action, decision.receivable_id) == ("message", "r2")


def test_united_states_a_message_does_not_ask_for_a_debt_on_which_asking_is_barred() -> None:
    """12 CFR 1006.34 and 1006.38: nobody gave its notice in time."""
    written = at("2026-08-10 10:00", NEW_YORK)
    barred = replace(YOUNGER, first_contact_at=written)
    who = owing_two(barred)
    by = rules("US", replace(ASK, day=3, needs=None))
    now = at("2026-09-03 10:00", NEW_YORK)
    decision = decide(who, by, now)
    assert (decision.action, decision.receivable_id) == ("message", "r1")
    assert params(decision, "not_asked_for") == {
        "receivable": "r2",
        "step": ASK.step,
        "rule": "us.duties[0]",
        "source": "12 CFR 1006.34(a)",
        "why": "notice_owed",
        "about": {"notice": "validation_notice", "day": "2026-08-15"},
    }
    overdue, _ = asked_about(who, "andina", by, now)
    assert [each.receivable_id for each in overdue] == ["r1"]
    # The notice itself still goes, late as it is, for both.
    overdue, _ = asked_about(who, "andina", by, now, ("validation_notice",))
    assert [each.receivable_id for each in overdue] == ["r1", "r2"]


def test_united_states_a_report_waits_14_days_after_we_wrote() -> None:
    """12 CFR 1006.30(a)."""
    notice = step("notice", 20, stage="firm", gives=("bureau_notice",), channels=("email",))
    report = replace(REPORT, day=25, needs=Need("notice"))
    done = happened(debtor("US"), rules("US", VALIDATION, notice, report), "2026-12-31 00:00")
    assert done == [
        "2026-09-02 validation email",
        "2026-09-21 notice email",
        "2026-10-05 report task",
    ]


def test_united_states_a_claim_waits_until_the_time_to_dispute_has_passed() -> None:
    """12 CFR 1006.34(b)(5) and 1006.38: thirty days from receipt, which is five days after sending
    without weekends and public holidays: eleven at the most, as over Christmas."""
    claim = step(
        "claim", 25, stage="legal", task="file_claim", action="file_claim", needs=Need("validation")
    )
    done = happened(debtor("US"), rules("US", VALIDATION, claim), "2026-12-31 00:00")
    assert done == ["2026-09-02 validation email", "2026-10-13 claim task"]


@settings(max_examples=30, deadline=None)
@given(
    spoken=st.lists(st.none() | st.integers(0, 12), min_size=1, max_size=4),
    given_of=st.sets(st.integers(0, 3)),
    gives=st.sampled_from([(), ("validation_notice",), ("bureau_notice",)]),
)
def test_united_states_a_message_asks_for_what_could_be_asked_for_alone_and_for_all_of_it(
    spoken: list[int | None], given_of: set[int], gives: tuple[str, ...]
) -> None:
    """`spoken`: how many days ago each debt was first spoken of, if it was."""
    now = at("2026-09-10 10:00", NEW_YORK)
    debts = [
        replace(
            YOUNGER,
            receivable_id=f"r{number}",
            first_contact_at=None if days is None else now - timedelta(days=days),
            notices=(Notice("validation_notice", now, "m"),) if number in given_of else (),
        )
        for number, days in enumerate(spoken)
    ]
    who, say = replace(debtor("US"), receivables=tuple(debts)), replace(ASK, gives=gives)
    by = rules("US", say)
    overdue, _ = asked_about(who, "andina", by, now, gives)
    alone = [
        debt
        for debt in debts
        if may_contact(
            who, by, channel="email", point=who.points[0], kind="collection", at=now,
            receivable=debt, step=say,
        ) == Allow()
    ]  # fmt: skip
    assert overdue == alone


def test_united_states_insolvency_of_one_debt_silences_the_person() -> None:
    """11 USC 362. The stop is about the person, though it was noted on another debt."""
    other = receivable("2026-08-01", receivable_id="r2", currency="USD")
    hold = Hold("h", "insolvency", date(2026, 9, 1), None, "r2")
    by = rules("US", VALIDATION)
    who = debtor("US", holds=(hold,))
    who = replace(who, receivables=(*who.receivables, other))
    decision = decide(who, by, at("2026-09-04 10:00", "America/New_York"))
    assert decision.outcome == "hold"
    assert params(decision, "contact_stopped") == {
        "step": "validation",
        "rule": "us.stops[2]",
        "source": "11 USC 362",
        "why": "stopped",
        "about": {"stop": "insolvency"},
    }
    # Colombia's law says nothing of it: there the hold rests the one debt.
    colombian = debtor("CO", holds=(hold,))
    other = replace(other, currency="COP")
    colombian = replace(colombian, receivables=(*colombian.receivables, other))
    assert decide(colombian, rules("CO", FRIENDLY), at("2026-09-04 10:00")).outcome == "act"


def test_a_dispute_about_one_debt_does_not_stop_the_others() -> None:
    other = receivable("2026-08-01", receivable_id="r2", currency="USD")
    hold = Hold("h", "dispute", date(2026, 9, 1), None, "r2")
    who = debtor("US", holds=(hold,))
    who = replace(who, receivables=(*who.receivables, other))
    decision = decide(who, rules("US", VALIDATION), at("2026-09-04 10:00", "America/New_York"))
    assert (decision.outcome, decision.receivable_id) == ("act", "r1")
    assert "receivable_hold" not in codes(decision)


# --- Spain ---------------------------------------------------------------------------------------

DEMAND = step("demand", 20, stage="firm", gives=("receipted_demand",), channels=("email",))


def test_spain_a_listing_waits_30_days_after_a_demand_with_receipt() -> None:
    """LO 3/2018, art. 20 y disp. adicional 6ª."""
    by = rules("ES", DEMAND, replace(REPORT, needs=Need("demand")))
    assert happened(debtor("ES"), by, "2026-12-31 00:00") == [
        "2026-09-21 demand email",
        "2026-10-21 report task",
    ]


@pytest.mark.parametrize(("cents", "reported"), [(49_99, False), (50_00, True), (50_01, True)])
def test_spain_lists_nothing_below_50_euros(cents: int, reported: bool) -> None:
    by = rules("ES", DEMAND, replace(REPORT, needs=Need("demand")))
    done = happened(debtor("ES", debt={"open_minor": cents}), by, "2026-12-31 00:00")
    assert ("2026-10-21 report task" in done) is reported


def test_spain_a_claim_needs_a_demand_and_a_documented_attempt_to_settle() -> None:
    """LO 1/2025; the demand before it is our own rule."""
    claim = step("claim", 25, stage="legal", task="file_claim", action="file_claim")
    by = rules("ES", DEMAND, claim, on_file=())
    demanded = ["2026-09-21 demand email"]
    assert happened(debtor("ES"), by, "2026-12-31 00:00") == demanded
    decision = at_rest(debtor("ES"), by, "2026-10-01 10:00")
    assert why(decision)["about"]["missing"] == "documented_settlement_attempt"
    tried = debtor("ES", debt={"on_file": ("documented_settlement_attempt",)})
    assert happened(tried, by, "2026-12-31 00:00") == [*demanded, "2026-09-26 claim task"]
    unasked = rules("ES", claim, on_file=())
    assert happened(tried, unasked, "2026-12-31 00:00") == []
    decision = at_rest(tried, unasked, "2026-10-01 10:00")
    assert why(decision)["why"] == "notice_missing"
    assert why(decision)["about"] == {"action": "file_claim", "given": "0", "needed": "1"}


# --- everywhere ----------------------------------------------------------------------------------


def test_an_action_that_no_law_states_is_not_carried_out() -> None:
    """Colombia states nothing of claims: a person reads why, and nothing is done by itself."""
    claim = step("claim", 25, stage="legal", task="file_claim", action="file_claim")
    decision = decide(debtor("CO"), rules("CO", claim), at("2026-10-01 10:00"))
    assert why(decision)["why"] == "action_not_stated"
    assert decision.next_look_at == at("2026-10-08 00:00")


def test_a_gate_that_waits_does_not_hold_back_another_creditor() -> None:
    by = rules("CO", *BUREAU)
    *_, last = walk(debtor("CO"), by, at("2026-09-01 00:00"), at("2026-10-12 00:00"))
    other = receivable("2026-10-10", receivable_id="r2", creditor="cordillera")
    both = replace(last.account, receivables=(*last.account.receivables, other))
    decision = decide(both, by, at("2026-10-13 10:00"))
    assert (decision.outcome, decision.creditor, decision.step) == ("act", "cordillera", "friendly")


def test_a_gate_that_waits_does_not_hold_back_the_next_step() -> None:
    by = rules("CO", *BUREAU, step("last", 45, stage="legal", channels=("email",)))
    done = happened(debtor("CO"), by, "2026-10-31 00:00")
    assert done[-1] == "2026-10-16 last email"


def test_holidays_that_nobody_loaded_silence_everybody_and_ask_nobody() -> None:
    """One person who loads them is enough; a task for each account would be thousands."""
    late = debtor("CO", debt={"due": "2040-09-01"})
    decision = decide(late, rules("CO", FRIENDLY), at("2040-09-04 10:00"))
    assert decision.outcome == "wait"
    assert params(decision, "rules_lacking")["why"] == "holiday_year_missing"
    assert decision.next_look_at == at("2040-09-05 00:00")


def test_whose_whereabouts_nobody_knows_is_work_for_a_person_once() -> None:
    """Every country's law in every zone leaves no minute, so it would be silent for ever."""
    by = rules("CO", FRIENDLY)
    everybody = {"CO": policy_of("CO"), "US": policy_of("US"), "*": policy_of("CO")}
    every = tuple(layer for one in everybody.values() for layer in one.layers)
    nowhere = replace(policy_of("CO"), layers=every)
    by = replace(by, contact_policies={**everybody, "": nowhere})
    lost = debtor("CO", country="", zones=())
    decision = decide(lost, by, at("2026-09-04 10:00"))
    assert (decision.action, decision.task) == ("task", "data_repair")
    assert decision.about == "data_repair:whereabouts"
    asked = replace(lost, exceptions=("data_repair:whereabouts",))
    assert decide(asked, by, at("2026-09-04 10:00")).outcome == "hold"
    found = replace(lost, country="CO")
    assert decide(found, by, at("2026-09-04 10:00")).action == "message"


def test_where_the_country_is_known_and_the_zone_is_not_the_law_knows_the_zones() -> None:
    """08:30 in New York is 05:30 in Los Angeles, where the person may be; 12 CFR 1006.6(b)(1)."""
    by = rules("US", VALIDATION)
    anywhere = debtor("US", zones=())
    decision = decide(anywhere, by, at("2026-09-08 08:30", "America/New_York"))
    assert decision.outcome == "wait"
    californian = debtor("US", zones=(), region="CA")
    opens = at("2026-09-08 08:00", "America/Los_Angeles")
    assert decide(californian, by, opens - timedelta(minutes=1)).outcome == "wait"
    assert decide(californian, by, opens).action == "message"
