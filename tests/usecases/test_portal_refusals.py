"""What the debtor's page says when something cannot be: never that something failed on our side
when it did not, and never nothing."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Hold
from escalon.domain.agreements.offers import Terms
from escalon.domain.payments.payment import Incoming, PaymentState, Said
from escalon.domain.rules.rulebook import HoldKind
from escalon.domain.storage import Change
from escalon.messages.context import Amount
from escalon.messages.locales import Reader as Spelling
from escalon.usecases.agreements.manage_agreements import ManageAgreements
from escalon.usecases.payments.book_payments import OfAccount
from escalon.usecases.portal.forms import example_of, is_wider, named_number, typed_amount, week_of
from tests.doubles.world import NOW, receivable
from tests.usecases.agreeing import AGENT, DEBT, PHONE, rules
from tests.usecases.portal_visitor import Stand, Visitor, owing
from tests.usecases.test_payment_link import seen
from tests.usecases.test_visit_portal import PLAN, accept, code_for, confirmed, inside

CREDIT = "Tiene dinero a su favor que primero se descuenta de lo que debe"
STOPPED = "En este momento no podemos hacer acuerdos por esta página"
INSOLVENT = Hold("h1", "insolvency", NOW.date())


def stopped_stand(account: Account) -> Stand:
    stand = Stand(account)
    holds = {**stand.rulebook.holds, "insolvency": HoldKind(None, "insolvency")}
    stand.rulebook = replace(stand.rulebook, holds=holds)
    return stand


# ------------------------------------------------------------------------- nothing is on offer


@pytest.mark.parametrize("page", ["offers", "promise", f"plan?{PLAN}", f"accept?{PLAN}"])
@pytest.mark.parametrize(
    ("account", "words"),
    [(owing(credits={"andina|COP": 500_00}), CREDIT), (owing(holds=(INSOLVENT,)), STOPPED)],
    ids=["unapplied credit", "a full stop"],
)
def test_what_the_rules_refuse_is_said_kindly(page: str, account: Account, words: str) -> None:
    visitor = inside(stopped_stand(account))
    assert visitor.get(page).status == 200
    assert words in visitor.text
    assert visitor.stand.world.reports == []


def test_the_first_page_offers_nothing_that_a_full_stop_keeps_from_being() -> None:
    visitor = inside(stopped_stand(owing(holds=(INSOLVENT,))))
    for tile in ("Pagar por cuotas o con otro plazo", "Decir qué día voy a pagar"):
        assert tile not in visitor.text
    assert "No puedo pagar en este momento" in visitor.text
    over = replace(INSOLVENT, starts_on=date(2026, 8, 1), ends_on=NOW.date())
    assert "Decir qué día voy a pagar" in inside(stopped_stand(owing(holds=(over,)))).text


def test_nobody_is_asked_for_money_whom_a_full_stop_protects() -> None:
    stand = stopped_stand(owing(holds=(INSOLVENT,)))
    visitor = Visitor(stand)
    visitor.get()
    assert "Almacenes Andina no le pide ningún pago" in visitor.text
    page = stand.opener.pay(visitor.visit("currency=COP"), "andina-wompi")
    assert "Por ahora no le pedimos ningún pago" in seen(page)
    visitor.enter()
    assert "Lo que debe hoy Hoy no le pedimos ningún pago." in visitor.text
    assert "doc-r1$ 600.000" in visitor.text
    assert "Pagar ahora" not in visitor.text
    assert visitor.get("statement").status == 404


def test_who_owes_more_documents_than_fit_agrees_on_the_oldest_and_then_on_the_rest() -> None:
    owed = [receivable(f"r{n:02}", late=20 + n, open_minor=20_000_00) for n in range(31)]
    visitor = inside(Stand(owing(*owed)))
    for page in ("offers", "promise", f"plan?{PLAN}"):
        assert visitor.get(page).status == 200
        assert "sobre sus 30 documentos más antiguos" in visitor.text, page
    accept(visitor)
    (agreement,) = visitor.stand.world.account().agreements
    assert (agreement.state, agreement.total_minor) == ("active", 600_000_00)
    assert sorted(agreement.debts) == [f"r{n:02}" for n in range(1, 31)]
    visitor.get()
    assert "Pagar por cuotas o con otro plazo" in visitor.text
    visitor.get("promise")
    assert "Hasta $ 20.000" in visitor.text
    assert "documentos más antiguos" not in visitor.text


# --------------------------------------------------------------------- refused at the last step


def held(stand: Stand, *holds: Hold) -> None:
    """Somebody places holds while the debtor is on the page."""
    stored = stand.world.table.get("a1")
    assert stored is not None
    stand.world.table.update(Change(stored, replace(stored.account, holds=holds), NOW, ()))


@pytest.mark.parametrize(
    ("hold", "words"),
    [
        (
            Hold("h", "dispute", NOW.date(), receivable_id="r1"),
            "Entre tanto alguno de los documentos quedó en revisión, y no se acordó nada",
        ),
        (INSOLVENT, "no podemos hacer acuerdos por esta página, y no se acordó nada"),
    ],
    ids=["disputed", "stopped"],
)
def test_a_right_code_that_comes_too_late_is_answered(hold: Hold, words: str) -> None:
    visitor = inside(stopped_stand(owing()))
    agreement_id = code_for(visitor)
    held(visitor.stand, hold)
    visitor.post(f"accept?id={agreement_id}", code=visitor.stand.sent_code())
    assert words in visitor.text
    assert visitor.stand.world.account().agreements[0].state == "offered"


def test_an_offer_that_says_more_than_is_owed_by_now_is_not_agreed_on() -> None:
    """Another agreement has given some of the debt up meanwhile."""
    visitor = inside()
    agreement_id = code_for(visitor)
    world = visitor.stand.world
    manage = ManageAgreements(world.table, lambda _: rules(), world.clock)
    less = Terms("settlement", NOW.date(), discount={"principal": 30_000_00})
    manage.promise("k1", DEBT, less, PHONE, AGENT)
    at = world.clock.at
    paid = PaymentState(approved=Said(570_000_00, at))
    money = Incoming("P1", "import bank", "COP", at, paid, creditor="andina")
    world.book_payments()(OfAccount("a1", world.table.get("a1"), [money]))
    visitor.post(f"accept?id={agreement_id}", code=visitor.stand.sent_code())
    assert "Esta opción ya no está disponible así, y no se acordó nada" in visitor.text
    assert world.account().agreements[0].state == "offered"


def test_an_offer_that_has_expired_is_said_to_have() -> None:
    visitor = inside()
    agreement_id = code_for(visitor)
    visitor.stand.world.clock.at += timedelta(days=20)
    visitor.enter()
    visitor.get(f"accept?id={agreement_id}")
    visitor.post(f"accept?id={agreement_id}", point="p-email")
    visitor.post(f"accept?id={agreement_id}", code=visitor.stand.sent_code())
    assert "La oferta venció antes de que la aceptara, y no se acordó nada" in visitor.text


def test_offers_that_nobody_accepts_come_to_an_end_that_is_said() -> None:
    visitor = inside()
    for _ in range(11):
        visitor.get(f"plan?{PLAN}")
        visitor.post(f"accept?{PLAN}", point="p-email")
        visitor.stand.world.clock.at += timedelta(minutes=1)
    assert "Ya pidió varias opciones y no ha aceptado ninguna" in visitor.text


def test_no_code_is_sent_for_an_agreement_that_is_not_theirs() -> None:
    visitor = inside()
    visitor.get("ask")
    visitor.post("accept?id=g000000000000", point="p-email")
    assert "Esta opción ya no está disponible así, y no se acordó nada" in visitor.text
    assert visitor.stand.world.ses.calls == []


def test_what_was_not_shown_is_not_accepted() -> None:
    """The words change between the page and the code: they are shown again, and the code is still
    good for them."""
    visitor = inside()
    agreement_id = code_for(visitor)
    code = visitor.stand.sent_code()
    stale = visitor.hidden()["shown"]
    rulebook = visitor.stand.rulebook
    moved = replace(rulebook.creditors["andina"], address="Calle 10 # 5-51, Cali")
    visitor.stand.rulebook = replace(rulebook, creditors={**rulebook.creditors, "andina": moved})
    visitor.post(f"accept?id={agreement_id}", code=code)
    assert "Las condiciones cambiaron desde que las vio" in visitor.text
    assert "Calle 10 # 5-51, Cali" in visitor.text
    assert visitor.stand.world.account().agreements[0].state == "offered"
    visitor.post(f"accept?id={agreement_id}", code=code, shown="")
    assert visitor.stand.world.account().agreements[0].state == "offered"
    visitor.post(f"accept?id={agreement_id}", code=code)
    (agreement,) = visitor.stand.world.account().agreements
    assert agreement.accepted is not None
    assert agreement.accepted.document_hash not in ("", stale)


def test_the_language_of_another_tab_changes_nothing_of_what_was_shown() -> None:
    visitor = inside()
    agreement_id = code_for(visitor)
    form = visitor.hidden()
    visitor.get("?lang=en")
    visitor.post(f"accept?id={agreement_id}", code=visitor.stand.sent_code(), **form)
    (agreement,) = visitor.stand.world.account().agreements
    assert agreement.accepted is not None
    assert agreement.accepted.document_hash == form["shown"]


# ----------------------------------------------------------------------------- what is typed


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("200 mil", "COP", 200_000_00),
        ("200k", "COP", 200_000_00),
        ("$200 mil pesos", "COP", 200_000_00),
        ("1,5 millones", "COP", 1_500_000_00),
        ("2 millones de pesos", "COP", 2_000_000_00),
        ("1 Millón", "COP", 1_000_000_00),
        ("1.5 million", "USD", 1_500_000_00),
        ("200 000", "COP", 200_000_00),
        ("1'234.567", "COP", 1_234_567_00),
        ("COP 200.000", "COP", 200_000_00),
        ("US$ 20", "USD", 20_00),
        ("1,5 mil", "CLP", 1_500),
        ("2 00 000", "COP", None),  # nobody can tell
        ("1,255 millones", "COP", None),
        ("1.500 mil", "COP", None),
        ("medio millón", "COP", None),
        ("200 dólares", "COP", None),  # of another currency
        ("200 pesos", "USD", None),
        ("200 USD", "COP", None),
        ("2e5", "COP", None),
        ("200 m", "COP", None),
        ("٢٠٠", "COP", None),
    ],
)
def test_an_amount_is_read_in_one_way_or_not_at_all(
    text: str, currency: str, minor: int | None
) -> None:
    assert typed_amount(text, currency) == minor


@given(
    st.integers(1, 10**15),
    st.sampled_from(["COP", "USD", "MXN", "CLP", "EUR", "PEN", "BRL"]),
    st.sampled_from(["es-CO", "en", "es-MX", "pt-BR"]),
)
@settings(max_examples=100, deadline=None)
def test_every_amount_is_understood_as_the_page_itself_writes_it(
    minor: int, currency: str, locale: str
) -> None:
    written = Spelling(locale, codes=False).amount(Amount(currency, minor))
    assert typed_amount(written, currency) == minor, written


@pytest.mark.parametrize(
    ("owed", "example"),
    [(600_000_00, 200_000_00), (1_234_567_00, 400_000_00), (20_00, 6_00), (2, 1), (1, 1)],
)
def test_an_example_is_a_round_part_of_what_is_owed(owed: int, example: int) -> None:
    assert example_of(owed) == example


def test_an_amount_that_is_not_understood_is_shown_how_to_be_written() -> None:
    visitor = inside()
    assert visitor.get("offers?currency=COP&capacity=medio+millón").status == 422
    assert "Escríbalo así, por ejemplo: $ 200.000" in visitor.text
    visitor.get("promise?currency=COP&first_on=2026-09-20&amount=todo&lang=en")
    assert "Write it like this, for example: COP 200,000" in visitor.text


@pytest.mark.parametrize(
    ("text", "number"),
    [("60000000", 60_000_000), ("9" * 5000, None), ("", None), ("-1", None), ("²", None)],
)
def test_an_address_names_a_number_or_nothing(text: str, number: int | None) -> None:
    assert named_number(text) == number


ODD = st.text(max_size=40) | st.sampled_from(
    ["9" * 5000, "9999-12-31", "0001-01-01", "٣", "²", "-1", "0", "\x00", "x" * 3000, "1e400"]
)
GOOD = st.sampled_from(
    ["plan", "promise", "3", "month", "COP", "60000000", "2026-09-20", "r1", "p-email", "es", "en",
     "other", "badly", "evening", "email", "sms", "settings", "pdf", "200 mil", "1"]
)  # fmt: skip
FIELDS = (
    *("offer", "count", "every", "currency", "monthly", "day", "minor", "capacity", "first_on"),
    *("amount", "id", "key", "whole", "kind", "line", "reason", "text", "how", "channel"),
    *("channels", "agreement", "hours", "weekdays", "language", "point", "code", "shown", "lang"),
    *("to", "done", "replaces"),
)
PAGES = (
    *("", "offers", "promise", "plan", "accept", "agreement", "paper", "payments", "receipt"),
    *("dispute", "upload", "ask", "help", "settings", "feedback", "confirm", "stop", "enter"),
    *("agreements", "decline", "statement"),
)
TYPED = st.dictionaries(st.sampled_from(FIELDS), ODD | GOOD, max_size=6)
STANDING: list[Visitor] = []


@given(st.sampled_from(PAGES), TYPED, TYPED)
@settings(max_examples=150, deadline=None)
def test_nothing_that_anybody_types_makes_a_page_fail(
    page: str, query: dict[str, str], form: dict[str, str]
) -> None:
    if not STANDING:
        STANDING.append(confirmed())
    visitor = STANDING[0]
    stand, visit = visitor.stand, visitor.visit()
    asked = replace(visit, query=query)
    assert stand.portal.get(asked, page).status < 500
    token = {"token": [visitor.hidden()["token"]], "key": [stand.nonce()]}
    posted = replace(asked, form={**{name: [text] for name, text in form.items()}, **token})
    assert stand.portal.post(posted, page).status < 500
    assert stand.opener.pay(asked, "andina-wompi").status < 500
    assert stand.world.reports == []


# ------------------------------------------------------------------- disputes and preferences


def test_what_is_agreed_on_can_be_disputed_too() -> None:
    stand = Stand(owing(receivable("r1", late=20), receivable("r2", late=5)))
    visitor = inside(stand)
    accept(visitor)
    stand.world.clock.at += timedelta(minutes=1)
    visitor = confirmed(stand)
    assert visitor.get("dispute").status == 200
    assert re.findall(r'name="line" value="(\w+)"', str(visitor.page.body)) == ["r1", "r2"]
    visitor.post("dispute", line="r1", reason="amount")
    (hold,) = stand.world.account().holds
    assert hold.receivable_id == "r1"
    visitor.get()
    assert "En revisión: nadie se lo cobra" in visitor.text
    visitor.get("dispute")
    assert re.findall(r'name="line" value="(\w+)"', str(visitor.page.body)) == ["r2"]


def test_a_channel_is_opened_again_only_by_who_has_a_code() -> None:
    """Refusing is free, and is done at once even beside what needs the code."""
    stand = Stand()
    Visitor(stand).post("stop")
    assert stand.world.account().refused_channels == ("email",)
    visitor = inside(stand)
    visitor.get("settings")
    visitor.post("settings", channel=["email"], hours="evening", language="en")
    assert "Before we write again by a channel" in visitor.text
    account = stand.world.account()
    assert account.refused_channels == ("email", "sms")
    assert account.points[0].consent is None or not account.points[0].consent.stands
    assert (account.hours, account.language) == (week_of("evening", weekdays=False), "en")
    assert visitor.address.endswith(
        "/confirm?to=settings&channels=email&hours=evening&weekdays=&language=en&done=why"
    )


def test_with_the_code_what_was_chosen_is_there_to_be_saved() -> None:
    stand = Stand()
    Visitor(stand).post("stop")
    visitor = inside(stand)
    visitor.get("settings")
    visitor.post("settings", channel=["email", "sms"], hours="any", language="es")
    where = visitor.address
    visitor.post(where, point="p-sms")
    assert "Le enviamos un código" in visitor.text
    visitor.post(visitor.address, code=stand.sent_code())
    assert "Revise lo que eligió y guárdelo" in visitor.text
    assert stand.world.account().refused_channels == ("email",)
    assert re.findall(r'name="channel" value="(\w+)" checked', str(visitor.page.body)) == [
        "email",
        "sms",
    ]
    visitor.post("settings", channel=["email", "sms"], hours="any", language="es")
    assert "Guardamos sus preferencias" in visitor.text
    account = stand.world.account()
    assert account.refused_channels == ()
    consent = account.points[0].consent
    assert consent is not None
    assert consent.stands
    assert consent.evidence.startswith("portal:")


def test_hours_that_were_closed_are_opened_again_only_with_a_code() -> None:
    visitor = inside()
    both: dict[str, Any] = {"channel": ["email", "sms"], "language": "es"}
    for hours, kept in (("evening", "evening"), ("any", "evening"), ("morning", "evening")):
        visitor.get("settings")
        visitor.post("settings", hours=hours, **both)
        assert visitor.stand.world.account().hours == week_of(kept, weekdays=False), hours
    visitor.get("settings")
    visitor.post("settings", hours="evening", weekdays="1", **both)  # less than before
    assert visitor.stand.world.account().hours == week_of("evening", weekdays=True)


@pytest.mark.parametrize(
    ("hours", "than", "wider"),
    [
        ("any", "any", False),
        ("evening", "any", False),
        ("any", "evening", True),
        ("morning", "evening", True),
        ("evening", "evening", False),
    ],
)
def test_hours_are_wider_if_any_of_them_was_closed(hours: str, than: str, wider: bool) -> None:
    one, other = (week_of(name, weekdays=False) for name in (hours, than))
    assert is_wider(one, other) is wider
    assert is_wider(week_of("evening", weekdays=False), week_of("evening", weekdays=True))
