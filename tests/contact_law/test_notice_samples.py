"""The shipped examples of statutory notices, as they are written: day by day under each country's
law, from the debt to what stands behind its gate, and with a dispute between."""

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.authoring.lint import lint
from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import Account, Consent, ContactPoint, Hold
from escalon.domain.contact.rules import OnFile
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.forecast import forecast, walk
from escalon.domain.local_time import local_date
from escalon.domain.payments.statement import asked_about
from escalon.domain.rules.rulebook import Rulebook
from escalon.messages.render import render_email, render_sms
from escalon.messages.samples import sample_contexts
from tests.domain.debts import account, at, params, receivable

SAMPLES = Path(__file__).parents[2] / "samples" / "notices"
CURRENCIES = {"co": "COP", "cl": "CLP", "us": "USD", "es": "EUR"}
TODAY = date(2026, 11, 23)


@cache
def rules(country: str) -> Rulebook:
    """The example, without trying its messages, which takes seconds."""
    return load_rulebook(SAMPLES / country, try_messages=False)


def debtor(country: str, on_file: tuple[OnFile, ...] = (), **more: Any) -> Account:
    """100,000 of the currency (1,000.00 where it has cents), due on Tuesday 1 September 2026."""
    by = rules(country)
    (creditor,) = by.creditors
    owed = receivable(
        creditor=creditor,
        currency=CURRENCIES[country],
        amount_minor=100_000,
        open_minor=100_000,
        on_file=on_file,
    )
    if country == "co":
        owed = replace(owed, amount_minor=10_000_000, open_minor=10_000_000)
    consent = Consent(date(2026, 8, 20), "form 7")
    points = (ContactPoint("p-email", "email", "ana@example.com", consent),)
    made = {"country": country.upper(), "zones": (by.default_zone,), "points": points}
    return account(owed, **{**made, **more})


def happened(who: Account, country: str, until: str = "2027-01-15 00:00") -> list[str]:
    """What is done, each with its day where the debtor is, as long as nobody pays."""
    by = rules(country)
    clock = by.default_zone
    found = forecast(who, by, at("2026-09-01 00:00", clock), at(until, clock))
    return [
        f"{local_date((clock,), event.at)} {event.step} {event.channel}"
        for event in found
        if event.kind != "end"
    ]


def waits_for(who: Account, country: str, when: str) -> tuple[str, str, str, str]:
    """At an instant: the step whose gate is closed, why, by which law, and until which day."""
    by = rules(country)
    clock = by.default_zone
    *_, last = walk(who, by, at("2026-09-01 00:00", clock), at(when, clock))
    decision = decide(last.account, by, at(when, clock))
    assert decision.outcome == "wait"
    told = params(decision, "gate_closed")
    until = told["until"]
    assert isinstance(until, datetime | None)
    day = str(local_date((clock,), until)) if until else ""
    return told["step"], told["why"], told["source"], day


def disputed(who: Account, since: str, until: str) -> Account:
    hold = Hold("d", "dispute", date.fromisoformat(since), date.fromisoformat(until), "r1")
    return replace(who, holds=(hold,))


@pytest.mark.parametrize("country", ["co", "cl", "us", "es"])
def test_an_example_has_no_finding(country: str) -> None:
    """Words, tone, plain language, what the law wants shown, and each notice before its gate."""
    assert lint(SAMPLES / country, rules(country), today=TODAY) == []


def test_a_demand_that_could_name_no_bureau_is_an_error() -> None:
    """LO 3/2018, art. 20.1.c: the systems are named."""
    by = rules("es")
    nameless = {name: replace(one, bureaus=()) for name, one in by.creditors.items()}
    (found,) = lint(SAMPLES / "es", replace(by, creditors=nameless), today=TODAY)
    assert (found.rule, found.severity) == ("bureau-not-named", "error")
    assert found.problem.message == (
        "the policy of ES wants the bureau named, and muestra-es has no `bureaus`"
    )


def test_a_notice_is_about_what_is_past_due_alone() -> None:
    """What comes due has no default yet, so no gate may open on its notice (Ley 1266, art. 12)."""
    late, today = receivable("2026-09-01"), receivable("2026-09-08", receivable_id="r2")
    by, now = rules("co"), at("2026-09-08 10:00")
    who = account(late, today)
    assert [len(part) for part in asked_about(who, "andina", by, now)] == [1, 1]
    assert [len(part) for part in asked_about(who, "andina", by, now, ("bureau_notice",))] == [1, 0]


# --- Colombia: Ley 1266 de 2008, art. 12; Ley 2157 de 2021 ----------------------------------------

CO = [
    "2026-09-03 friendly email",
    "2026-10-01 bureau-notice email",
    "2026-10-13 bureau-notice-again email",
    "2026-11-03 bureau-report task",
]


def test_colombia_the_report_waits_21_days_after_the_second_notice() -> None:
    """11 October is a Sunday and 12 October a holiday, so the second notice goes on the 13th."""
    assert happened(debtor("co"), "co") == CO
    assert waits_for(debtor("co"), "co", "2026-11-02 18:00") == (
        "bureau-report",
        "gate_waits",
        "Ley 1266 de 2008, art. 12; Ley 2157 de 2021",
        "2026-11-03",
    )


def test_colombia_a_dispute_shuts_the_gate_until_it_ends() -> None:
    who = disputed(debtor("co"), "2026-10-20", "2026-11-20")
    assert happened(who, "co") == [*CO[:3], "2026-11-20 bureau-report task"]


# --- Chile: Ley 19.496, art. 37; Ley 21.320 -------------------------------------------------------

CL = [
    "2026-09-04 useful-notice email",
    "2026-09-22 firm-with-fee email",
    "2026-10-16 offer email",
]


def test_chile_the_free_notice_comes_in_time_and_a_fee_from_the_21st_day_on() -> None:
    """The notice within 15 days of the due date."""
    assert happened(debtor("cl"), "cl") == CL
    assert waits_for(debtor("cl"), "cl", "2026-09-21 10:00") == (
        "firm-with-fee", "gate_waits", "Ley 19.496, art. 37", "2026-09-22",
    )  # fmt: skip


def test_chile_a_dispute_keeps_the_fee_away() -> None:
    who = disputed(debtor("cl"), "2026-09-10", "2026-10-01")
    assert happened(who, "cl")[:2] == [CL[0], "2026-10-01 firm-with-fee email"]


# --- United States: 12 CFR 1006.30(a), 1006.34, 1006.38 -------------------------------------------

US = [
    "2026-09-02 validation-notice email",
    "2026-10-16 firm email",
    "2026-10-31 bureau-report task",
    "2026-11-30 claim task",
]


def test_united_states_nothing_follows_the_notice_before_the_time_to_dispute_is_over() -> None:
    assert happened(debtor("us"), "us") == US
    # Had the ladder no days of its own, the law's would hold the claim back.
    by = rules("us")
    (ladder, elsewhere) = by.strategies
    notice, _, _, claim = ladder.steps
    hasty = replace(ladder, steps=(replace(notice, wait_days=0), replace(claim, day=20)))
    quick = replace(by, strategies=(hasty, elsewhere))
    clock = by.default_zone
    *_, last = walk(
        debtor("us"), quick, at("2026-09-01 00:00", clock), at("2026-10-09 10:00", clock)
    )
    told = params(decide(last.account, quick, at("2026-10-09 10:00", clock)), "gate_closed")
    assert (told["why"], told["until"]) == ("gate_waits", at("2026-10-13 00:00", clock))


def test_united_states_a_dispute_stops_the_asking_and_what_stands_behind_it() -> None:
    who = disputed(debtor("us"), "2026-09-20", "2026-11-10")
    assert happened(who, "us") == [
        US[0],
        "2026-11-10 bureau-report task",
        "2026-11-30 claim task",
    ]


# --- Spain: LO 3/2018, art. 20; LO 1/2025 ---------------------------------------------------------

ES = [
    "2026-09-04 friendly email",
    "2026-09-21 demand email",
    "2026-10-21 listing task",
    "2026-11-03 settlement-offer email",  # 1 November is a Sunday; some regions keep the 2nd
]


def test_spain_listing_and_claim_wait_for_the_demand_and_for_what_is_on_file() -> None:
    whole = debtor("es", ("certain_and_due", "documented_settlement_attempt"))
    assert happened(whole, "es") == [*ES, "2026-11-30 claim task"]
    untried = debtor("es", ("certain_and_due",))
    assert happened(untried, "es") == ES
    assert waits_for(untried, "es", "2026-12-01 10:00") == (
        "claim", "not_on_file", "LO 1/2025", "",
    )  # fmt: skip


def test_spain_a_dispute_keeps_the_debt_from_being_listed() -> None:
    who = disputed(debtor("es", ("certain_and_due",)), "2026-10-01", "2026-10-28")
    assert happened(who, "es")[:3] == [*ES[:2], "2026-10-28 listing task"]


# --- words ----------------------------------------------------------------------------------------


def words(country: str, locale: str, template: str, shape: str = "one") -> str:
    """The text of a notice to a made-up debtor of the example."""
    by = rules(country)
    (creditor,) = by.creditors.values()
    contexts = sample_contexts(
        creditor, locale=locale, today=TODAY, stage="firm", currency=CURRENCIES[country]
    )
    email = render_email(by.messages[locale], template, contexts[shape])
    return " ".join(email.text.split())


def test_a_bureau_notice_says_what_when_to_whom_and_how_to_object() -> None:
    told = words("co", "es-CO", "bureau_notice")
    assert "FV-20301 venció el 11 de noviembre de 2026 y hoy tiene un saldo de" in told
    assert "con las que trabajamos: Central de Información de Muestra. No lo haremos antes" in told
    assert "20 días calendario desde el envío de este mensaje" in told
    assert "- Decirnos que no está de acuerdo con el monto o con la fecha en que se" in told


def test_a_validation_notice_itemises_each_debt_and_says_until_when_to_dispute() -> None:
    told = words("us", "en", "validation_notice", "interest and fees")
    assert (
        "- FV-20304: on September 14, 2026 you owed USD 1,000,000.00. Between that day and today: "
        "interest USD 25,500.00, fees USD 20,000.00, payments and credits USD 0.00. Total of this "
        "debt now: USD 1,045,500.00."
    ) in told
    assert "Call or write to us by December 8, 2026 to dispute all or part of the debt." in told
    assert "we must stop collection on any amount you dispute until we send you" in told
    part = words("us", "en", "validation_notice", "partly paid")
    assert "interest USD 0.00, fees USD 0.00, payments and credits USD 765,433.00." in part


def test_a_demand_names_the_systems_and_the_day() -> None:
    told = words("es", "es-CO", "receipted_demand")
    assert "le requerimos el pago de ese saldo a más tardar el 8 de diciembre de 2026." in told
    assert "participamos: Sistema de Información Crediticia de Muestra. Así lo prevé el" in told


def test_a_useful_notice_costs_nothing_by_sms_too() -> None:
    assert "no genera gastos de cobranza" in words("cl", "es-CO", "useful_notice")
    by = rules("cl")
    (creditor,) = by.creditors.values()
    one = sample_contexts(
        creditor, locale="es-CO", today=TODAY, stage="reminder", currency="CLP"
    )["one"]  # fmt: skip
    sms = render_sms(by.messages["es-CO"], "useful_notice", one)
    assert sms.segments == 2
    assert "Este aviso no tiene costo." in sms.text
