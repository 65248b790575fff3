"""What a debtor sees of agreements on their page and does with them: find all of them, answer an
offer, ask for other terms, pay all at once; and the statement to keep."""

import re
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from escalon.domain.account import Hold, StepRecord
from escalon.domain.agreements.offers import Terms
from escalon.domain.payments.payment import PaymentNotice
from escalon.domain.rules.rulebook import PlanInterest, Rate, RateTable
from escalon.domain.storage import Change
from escalon.usecases.agreements.manage_agreements import (
    Actor,
    Debt,
    Evidence,
    ManageAgreements,
)
from escalon.usecases.payments.take_notice import TakeNotice
from tests.doubles.crashing import Faults
from tests.doubles.world import NOW, receivable
from tests.usecases.portal_visitor import Stand, Visitor, owing
from tests.usecases.test_payment_link import WOMPI
from tests.usecases.test_visit_portal import accept, code_for, crash, inside

AGENT = Actor("operator", "ana@andina.co", "agent")
PLAN = "offer=plan&count=3&every=month&currency=COP"


def managed(stand: Stand) -> ManageAgreements:
    return ManageAgreements(stand.world.table, lambda _: stand.rulebook, stand.world.clock)


def offered(stand: Stand, key: str = "k1", instalments: int = 10) -> str:
    """What an operator offers beyond what the debtor may agree to alone; its name."""
    terms = Terms("plan", date(2026, 9, 20), instalments)
    return managed(stand).agree(key, Debt("a1"), terms, AGENT).agreement.agreement_id


def paid(stand: Stand, visitor: Visitor, query: str) -> int:
    """Press a button of the page and pay what the checkout asks: minor units."""
    location = stand.opener.pay(visitor.visit(query), "andina-wompi").headers["Location"]
    reference = re.search(r"reference=(\w+)", location)
    asked = re.search(r"amount-in-cents=(\d+)", location)
    assert reference
    assert asked
    minor, at = int(asked[1]), stand.world.clock.at
    stand.world.clock.at = at + timedelta(minutes=5)
    notice = PaymentNotice(
        "andina-wompi", reference[1], "approved", reference[1], minor, "COP", reference[1], at
    )
    take = TakeNotice(stand.world.table, stand.world.clock, str, lambda _="": stand.rulebook)
    assert take(notice, WOMPI) == "booked"
    return minor


def states(stand: Stand) -> list[str]:
    return [one.state for one in stand.world.account().agreements]


# ------------------------------------------------------------------------- all agreements


def test_what_is_over_is_found_from_the_first_page_with_its_document() -> None:
    visitor = inside()
    agreement_id = accept(visitor)
    assert paid(visitor.stand, visitor, f"currency=COP&agreement={agreement_id}&whole=1") > 0
    visitor.get()
    assert visitor.get(visitor.links()["Mis acuerdos de pago Los de hoy y los de antes, con su "
                                       "documento."]).status == 200  # fmt: skip
    assert "Plan de 3 cuotas$ 600.000" in visitor.text
    assert "Cumplido. ¡Gracias!Del 7 de septiembre de 2026" in visitor.text
    page = visitor.get(visitor.links()["Descargar el acuerdo (PDF)"])
    assert page.headers["Content-Type"] == "application/pdf"
    visitor.get(f"agreement?id={agreement_id}")
    assert "Con este acuerdo la deuda quedó saldada por completo" in visitor.text


def test_the_newest_stands_first_and_those_of_long_ago_are_there_too() -> None:
    stand = Stand()
    visitor = inside(stand)
    first = accept(visitor)
    paid(stand, visitor, f"currency=COP&agreement={first}&whole=1")
    stand.world.clock.at = NOW + timedelta(days=85)
    stand.world.owe(receivable("r2", open_minor=300_000_00))
    later = inside(stand)
    second = accept(later, "offer=plan&count=2&every=month&currency=COP")
    stand.world.clock.at = NOW + timedelta(days=89)
    third = inside(stand)
    paid(stand, third, f"currency=COP&agreement={second}")
    stand.code = stand.give_link("a1", "m2")  # the first link ends after 90 days
    stand.world.clock.at = NOW + timedelta(days=95)
    paid(stand, Visitor(stand), f"currency=COP&agreement={second}")
    assert [one.agreement_id for one in stand.world.account().agreements] == [second]
    last = inside(stand)
    last.get("agreements")
    found = re.findall(r"agreement\?id=(\w+)", str(last.page.body))
    assert found == [second, first]
    assert last.get(f"paper?id={first}").status == 200


def test_what_was_only_looked_at_is_no_agreement() -> None:
    """Somebody asked for a code and left it at that: it is on the list while it can be accepted."""
    stand = Stand()
    visitor = inside(stand)
    agreement_id = code_for(visitor)
    visitor.get()
    assert "Le ofrecimos un acuerdo" not in visitor.text
    visitor.get("agreements")
    assert "Por aceptar" in visitor.text
    stand.world.clock.at += timedelta(days=20)
    visitor = inside(stand)
    visitor.get("agreements")
    assert agreement_id not in str(visitor.page.body)
    assert "Todavía no ha hecho acuerdos de pago" in visitor.text


def test_a_broken_agreement_leads_to_another() -> None:
    stand = Stand()
    agreement_id = accept(inside(stand))
    stand.world.run(NOW + timedelta(days=40))
    visitor = inside(stand)
    visitor.get(f"agreement?id={agreement_id}")
    assert "Terminado sin completarse" in visitor.text
    visitor.get(visitor.links()["Volver a acordar"])
    assert "Pagar en 3 cuotas mensuales" in visitor.text
    second = accept(visitor)
    visitor.get(f"agreement?id={second}")
    visitor.get(visitor.links()["Ver el acuerdo anterior"])
    assert "Reemplazado por otro" in visitor.text
    assert visitor.links()["Ver el acuerdo que lo reemplazó"].endswith(second)


def test_a_debt_that_makes_room_for_one_of_an_agreement_keeps_the_steps_it_carried() -> None:
    stand = Stand(owing(*(receivable(f"r{n:02}", late=60 - n) for n in range(25))))
    stored = stand.world.table.get("a1")
    assert stored is not None
    sent = StepRecord(NOW - timedelta(days=9), "sent", "email", "m9")
    known = tuple(replace(one, steps={"friendly": sent}) for one in stored.account.receivables)
    stand.world.table.update(Change(stored, replace(stored.account, receivables=known), NOW, ()))
    terms = Terms("plan", date(2026, 9, 20), 2)
    managed(stand).promise(
        "k1", Debt("a1", receivables=("r23", "r24")), terms, Evidence("phone"), AGENT
    )
    names = [one.receivable_id for one in stand.world.account().receivables]
    assert names == [*(f"r{n:02}" for n in range(19)), "r23"]
    kept = {one.receivable_id: one for one in stand.world.table.issued_receivables("a1")}
    assert kept["r19"].steps == {"friendly": sent}


# ------------------------------------------------------------------------- what was offered


def test_an_operators_offer_stands_on_the_first_page_until_its_last_day() -> None:
    stand = Stand()
    agreement_id = offered(stand)
    visitor = inside(stand)
    assert "Le ofrecimos un acuerdo" in visitor.text
    assert "Plan de 10 cuotas$ 600.000" in visitor.text
    assert "Lo puede aceptar hasta el 13 de septiembre de 2026" in visitor.text
    visitor.get(visitor.links()["Verlo completo"])
    assert "20 sept 2026$ 60.000" in visitor.text
    stand.world.clock.at = NOW + timedelta(days=7)
    visitor = inside(stand)
    assert "Le ofrecimos" not in visitor.text
    visitor.get(f"agreement?id={agreement_id}")
    assert "Vencido sin aceptarse" in visitor.text
    assert "Continuar para aceptar" not in visitor.text


def test_what_a_person_still_has_to_approve_is_not_offered_yet() -> None:
    stand = Stand(owing(receivable("r1", late=20, open_minor=2_000_000_00)))
    agreement_id = offered(stand, instalments=20)  # only a supervisor may
    visitor = inside(stand)
    assert "Le ofrecimos un acuerdo" not in visitor.text
    visitor.get("agreements")
    assert "Todavía no ha hecho acuerdos de pago" in visitor.text
    for page in ("agreement", "decline", "paper"):
        assert visitor.get(f"{page}?id={agreement_id}").status == 404
    visitor.get("ask")
    visitor.post(f"accept?id={agreement_id}", point="p-email")
    assert stand.world.ses.calls == []
    boss = Actor("operator", "luz@andina.co", "supervisor")
    managed(stand).approve("k2", "a1", agreement_id, boss)
    assert "Le ofrecimos un acuerdo" in inside(stand).text


def test_an_operators_offer_is_accepted_with_a_code() -> None:
    stand = Stand()
    agreement_id = offered(stand)
    visitor = inside(stand)
    visitor.get(f"agreement?id={agreement_id}")
    visitor.get(visitor.links()["Continuar para aceptar"])
    assert "Leer el documento completo" in visitor.text
    visitor.post(f"accept?id={agreement_id}", point="p-email")
    visitor.post(f"accept?id={agreement_id}", code=stand.sent_code())
    assert states(stand) == ["active"]
    assert "Gracias. Su acuerdo quedó aceptado" in visitor.text
    visitor.get()
    assert "Le ofrecimos" not in visitor.text


def test_declining_an_offer_ends_it_and_a_word_about_it_reaches_a_person() -> None:
    stand = Stand()
    agreement_id = offered(stand)
    visitor = inside(stand)
    visitor.get(f"agreement?id={agreement_id}")
    visitor.get(visitor.links()["No quiero este acuerdo"])
    visitor.post(f"decline?id={agreement_id}", text="  Me pagan el 30 ")
    assert "Listo: no aceptó ese acuerdo" in visitor.text
    (agreement,) = stand.world.account().agreements
    assert (agreement.state, agreement.history[-1].by, agreement.history[-1].why) == (
        "cancelled",
        "debtor",
        "",
    )
    (task,) = stand.world.tasks()
    assert (task["kind"], task["text"], task["about"], task["creditor"]) == (
        "declined",
        "Me pagan el 30",
        agreement_id,
        "andina",
    )
    (fact,) = stand.world.facts("a1", "declined")
    assert fact == {**fact, "task_id": f"n{agreement_id}", "agreement_id": agreement_id}
    assert "Me pagan" not in str(stand.world.facts("a1"))
    visitor.post(f"decline?id={agreement_id}", text="otra vez")  # as if going back
    assert len(stand.world.tasks()) == 1


def test_nobody_has_to_say_why_they_decline() -> None:
    stand = Stand()
    agreement_id = offered(stand)
    visitor = inside(stand)
    visitor.get(f"decline?id={agreement_id}")
    visitor.post(f"decline?id={agreement_id}", text="")
    assert states(stand) == ["cancelled"]
    assert stand.world.tasks() == []


def test_a_word_that_is_too_long_declines_nothing_yet() -> None:
    stand = Stand()
    agreement_id = offered(stand)
    visitor = inside(stand)
    visitor.get(f"decline?id={agreement_id}")
    assert visitor.post(f"decline?id={agreement_id}", text="a" * 2001).status == 422
    assert "El texto es muy largo" in visitor.text
    assert states(stand) == ["offered"]


def test_what_is_under_way_cannot_be_declined() -> None:
    stand = Stand()
    visitor = inside(stand)
    agreement_id = accept(visitor)
    visitor.get(f"agreement?id={agreement_id}")
    assert "No quiero este acuerdo" not in visitor.links()
    visitor.get(f"decline?id={agreement_id}")
    assert visitor.page.status == 303
    visitor.get("ask")
    visitor.post(f"decline?id={agreement_id}", text="ya no")
    assert states(stand) == ["active"]
    assert stand.world.tasks() == []


def test_what_waits_for_an_approval_can_be_taken_back() -> None:
    stand = Stand(owing(receivable("r1", late=20, open_minor=2_000_000_00)))
    terms = Terms("plan", date(2026, 9, 20), 20)  # only a supervisor may
    done = managed(stand).promise("k1", Debt("a1"), terms, Evidence("phone"), AGENT)
    assert (done.agreement.state, done.agreement.approval) == ("accepted", ("supervisor",))
    visitor = inside(stand)
    visitor.get(f"agreement?id={done.agreement.agreement_id}")
    assert "Una persona de nuestro equipo debe aprobarlo" in visitor.text
    visitor.get(f"agreement?id={done.agreement.agreement_id}&done=accepted")
    assert "Recibimos su aceptación. Cuando el acuerdo esté aprobado" in visitor.text
    assert "quedó aceptado" not in visitor.text
    # Nothing of it is to be paid while it may come to nothing.
    assert "Pagar" not in visitor.text
    visitor.get()
    assert "Próximo pago" not in visitor.text
    visitor.get(f"agreement?id={done.agreement.agreement_id}")
    visitor.get(visitor.links()["Ya no quiero este acuerdo"])
    visitor.post(f"decline?id={done.agreement.agreement_id}")
    assert states(stand) == ["cancelled"]


def test_an_offer_to_somebody_else_is_not_there() -> None:
    stand = Stand()
    other = owing(receivable("r9", late=20, open_minor=600_000_00))
    stand.world.put(replace(other, receivables=(), account_id="a2", name="Luis Peña"), None)
    stand.world.owe(*other.receivables, account_id="a2")
    agreement_id = offered(stand)
    luis = Visitor(stand, code=stand.give_link("a2", "m2"))
    assert luis.enter().status == 200
    assert "Le ofrecimos" not in luis.text
    for page in ("agreement", "decline", "paper"):
        assert luis.get(f"{page}?id={agreement_id}").status == 404
    luis.get("agreements")
    assert "Todavía no ha hecho acuerdos de pago" in luis.text
    luis.get("ask")
    luis.post(f"decline?id={agreement_id}", text="no")
    luis.get(f"offers?replaces={agreement_id}")
    assert "Ver este plan" not in luis.text
    assert states(stand) == ["offered"]


def test_declining_needs_a_form_of_this_session() -> None:
    stand = Stand()
    agreement_id = offered(stand)
    visitor = inside(stand)
    form = {"token": "0" * 32, "key": "1" * 32}
    answer = stand.portal.post(visitor.visit(f"id={agreement_id}", form), "decline")
    assert answer.status == 403
    assert states(stand) == ["offered"]


def test_a_crash_while_declining_loses_no_word_and_says_nothing_twice() -> None:
    for number in range(1, 30):
        stand = Stand()
        agreement_id = offered(stand)
        visitor = inside(stand)
        visitor.get(f"decline?id={agreement_id}")
        form = {**visitor.hidden(), "text": "muy alto"}
        stand.faults = Faults(number, instead=crash)
        stand.portal, stand.opener = stand.build()
        stand.portal.post(visitor.visit(f"id={agreement_id}", form), "decline")
        struck = stand.faults.happened
        stand.faults = Faults()
        stand.portal, stand.opener = stand.build()
        if states(stand) == ["cancelled"]:
            assert len(stand.world.tasks()) == 1, number
        stand.portal.post(visitor.visit(f"id={agreement_id}", form), "decline")
        assert states(stand) == ["cancelled"]
        assert [task["text"] for task in stand.world.tasks()] == ["muy alto"]
        if not struck:
            break
    assert number > 8


# ------------------------------------------------------------------------- other terms


def test_a_change_is_seen_beside_the_agreement_of_today_and_replaces_it_once_accepted() -> None:
    stand = Stand()
    visitor = inside(stand)
    first = accept(visitor)
    paid(stand, visitor, f"currency=COP&agreement={first}")
    visitor.get(f"agreement?id={first}")
    visitor.get(visitor.links()["Pedir un cambio"])
    assert "Estas opciones reemplazarían su acuerdo de hoy" in visitor.text
    visitor.get(visitor.links()["Ver este plan"])  # the last of them: six instalments
    assert "Por pagar $ 400.000$ 400.000" in visitor.text
    assert "Pagos que faltan 26" in visitor.text
    assert "Próximo pago 22 oct 202615 sept 2026" in visitor.text
    terms = visitor.links()["Continuar para aceptar"].partition("?")[2]
    assert states(stand) == ["active"]
    second = accept(visitor, terms)
    (old, new) = sorted(stand.world.account().agreements, key=lambda one: one.history[0].at)
    assert (old.agreement_id, old.state, old.replaced_by) == (first, "replaced", second)
    assert (new.state, new.replaces, new.total_minor) == ("active", first, 400_000_00)


def test_a_second_change_is_a_persons_matter() -> None:
    """Who could change again and again would never have to pay."""
    stand = Stand()
    visitor = inside(stand)
    first = accept(visitor)
    stand.world.clock.at += timedelta(minutes=1)  # between two codes
    second = accept(visitor, f"{PLAN}&replaces={first}")
    visitor.get(f"agreement?id={second}")
    assert visitor.links()["Pedir un cambio"] == f"{visitor.base}/ask"
    visitor.get(f"offers?replaces={second}")
    assert "Ya tiene un acuerdo de pago sobre esta deuda" in visitor.text
    visitor.get("ask")
    visitor.post(f"accept?{PLAN}&replaces={second}", point="p-email")
    assert sorted(states(stand)) == ["active", "replaced"]


def test_while_a_debt_of_it_is_in_dispute_an_agreement_is_changed_by_a_person() -> None:
    """The new one would leave that debt out."""
    stand = Stand(owing(receivable("r1", late=20), receivable("r2", late=15)))
    visitor = inside(stand)
    first = accept(visitor)
    stored = stand.world.table.get("a1")
    assert stored is not None
    hold = Hold("h1", "dispute", NOW.date(), NOW.date() + timedelta(days=9), "r2")
    stand.world.table.update(Change(stored, replace(stored.account, holds=(hold,)), NOW, ()))
    visitor = inside(stand)
    visitor.get(f"agreement?id={first}")
    assert visitor.links()["Pedir un cambio"] == f"{visitor.base}/ask"
    visitor.get(f"plan?{PLAN}&replaces={first}")
    assert "Esta opción ya no está disponible así" in visitor.text


@pytest.mark.parametrize("replaces", ["g000000000000", "x", "%00"])
def test_only_an_agreement_of_theirs_can_be_changed(replaces: str) -> None:
    visitor = inside()
    accept(visitor)
    for page in ("offers?", f"plan?{PLAN}&", f"accept?{PLAN}&"):
        assert visitor.get(f"{page}replaces={replaces}").status == 200
        assert "Ver este plan" not in visitor.text
    visitor.get("ask")
    visitor.post(f"accept?{PLAN}&replaces={replaces}", point="p-email")
    assert states(visitor.stand) == ["active"]


def test_a_promise_changes_no_plan() -> None:
    visitor = inside()
    first = accept(visitor)
    visitor.get(f"offers?replaces={first}")
    assert "Decir qué día voy a pagar" not in visitor.links()
    promise = f"offer=promise&day=2026-09-20&minor=60000000&currency=COP&replaces={first}"
    for page in ("plan", "accept"):
        visitor.get(f"{page}?{promise}")
        assert "Esta opción ya no está disponible así" in visitor.text


def test_two_changes_that_were_asked_for_replace_once() -> None:
    stand = Stand()
    visitor = inside(stand)
    first = accept(visitor)
    one = code_for(visitor, f"{PLAN}&replaces={first}")
    stand.world.clock.at += timedelta(minutes=1)
    accept(visitor, f"offer=plan&count=2&every=month&currency=COP&replaces={first}")
    stand.world.clock.at += timedelta(minutes=1)
    visitor.get(f"accept?id={one}")
    visitor.post(f"accept?id={one}", point="p-email")
    visitor.post(f"accept?id={one}", code=stand.sent_code())
    assert sorted(states(stand)) == ["active", "offered", "replaced"]


# ------------------------------------------------------------------------- all at once


def test_all_that_is_left_can_be_paid_at_once() -> None:
    stand = Stand()
    visitor = inside(stand)
    agreement_id = accept(visitor)
    assert "Pagar todo, $ 600.000, con Wompi" in visitor.text
    assert "Pagar $ 200.000 con Wompi" in visitor.text
    assert paid(stand, visitor, f"currency=COP&agreement={agreement_id}") == 200_000_00
    visitor.get(f"agreement?id={agreement_id}")
    assert "Con $ 400.000 paga hoy todo lo que falta" in visitor.text
    whole = f"currency=COP&agreement={agreement_id}&whole=1"
    assert paid(stand, visitor, whole) == 400_000_00
    (agreement,) = stand.world.account().agreements
    assert agreement.state == "fulfilled"
    answer = stand.opener.pay(visitor.visit(whole), "andina-wompi")
    assert "Location" not in answer.headers


def test_who_pays_early_saves_the_interest_to_come() -> None:
    """Three instalments that bear 13,673.94 in all; after ten days 4,512.48 of it has begun."""
    stand = Stand()
    rules = stand.rulebook.agreements
    bears = PlanInterest(200_000, "usura", ("COP",))
    offers = tuple(
        replace(one, interest=bears) if one.offer == "plan" else one for one in rules.offers
    )
    table = RateTable("usura", {"2026-09": Rate("2026-09", 300_000, "test")})
    stand.rulebook = replace(
        stand.rulebook, agreements=replace(rules, offers=offers), rates={"usura": table}
    )
    agreement_id = accept(inside(stand))
    stand.world.clock.at = NOW + timedelta(days=10)
    assert (
        paid(stand, inside(stand), f"currency=COP&agreement={agreement_id}&whole=1") == 604_512_48
    )
    assert stand.world.account().receivables == ()
    assert states(stand) == ["fulfilled"]


def test_the_last_instalment_is_all_that_is_left() -> None:
    stand = Stand()
    visitor = inside(stand)
    agreement_id = accept(visitor, "offer=plan&count=2&every=month&currency=COP")
    paid(stand, visitor, f"currency=COP&agreement={agreement_id}")
    visitor.get(f"agreement?id={agreement_id}")
    assert "Pagar $ 300.000 con Wompi" in visitor.text
    assert "Pagar todo" not in visitor.text


# ------------------------------------------------------------------------- the statement


def test_the_statement_is_there_to_keep_in_the_pages_language() -> None:
    visitor = inside()
    page = visitor.get(visitor.links()["Descargar el estado de cuenta (PDF)"])
    assert page.headers["Content-Type"] == "application/pdf"
    assert 'filename="estado-de-cuenta-2026-09-07.pdf"' in page.headers["Content-Disposition"]
    assert isinstance(page.body, bytes)
    assert b"/Lang (es-CO)" in page.body
    english = visitor.get("statement?lang=en")
    assert 'filename="statement-2026-09-07.pdf"' in english.headers["Content-Disposition"]
    assert isinstance(english.body, bytes)
    assert b"/Lang (en)" in english.body


def test_where_nothing_is_to_be_stated_there_is_no_statement() -> None:
    visitor = inside()
    accept(visitor)  # all of it rests
    visitor.get()
    assert "Descargar el estado de cuenta (PDF)" not in visitor.links()
    assert visitor.get("statement").status == 404


# ------------------------------------------------------------------------- every page


@pytest.mark.parametrize("language", ["es", "en"])
def test_these_pages_are_light_strict_and_kind(language: str) -> None:
    stand = Stand()
    first = accept(inside(stand))
    visitor = inside(stand)
    change = f"{PLAN}&replaces={first}"
    code_for(visitor, change)
    said = ""
    for path in ("", "agreements", f"agreement?id={first}", f"offers?replaces={first}",
                 f"plan?{change}", f"accept?{change}"):  # fmt: skip
        page = visitor.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
        assert page.status == 200
        assert len(str(page.body).encode()) < 50_000, path
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        said += visitor.text.lower()
    for word in ("jurídic", "demanda", "embargo", "centrales de riesgo", "incumpli", "lawsuit",
                 "legal action", "credit bureau", "immediately"):  # fmt: skip
        assert word not in said, word
