"""The debtor's page: what each visitor sees and may do, and what nobody may."""

import hashlib
import re
from datetime import date, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Consent, ContactPoint, Hold
from escalon.domain.audit import Act
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.story import told
from escalon.domain.payments.payment import BookedPayment, Part, PaymentState
from escalon.domain.storage import Change
from escalon.pages.portal_words import WORDS
from escalon.usecases.portal.door import Door, Doors, after_try, answers
from escalon.usecases.portal.forms import hours_of, typed_amount, week_of
from escalon.usecases.portal.session import Sessions
from tests.contact_law.table import policy_of
from tests.doubles.crashing import Faults
from tests.doubles.dynamodb import fail
from tests.doubles.world import NOW, point, receivable
from tests.usecases.portal_visitor import ANSWER, Stand, Visitor, owing
from tests.usecases.test_payment_link import MESSAGE, seen

PERSONAL = ("Gómez", "600.000", "600,000", "doc-r1", "ana@example.com", "3000000001", "765432")


def names_nobody(visitor: Visitor) -> bool:
    return [word for word in PERSONAL if word in str(visitor.page.body)] == []


def inside(stand: Stand | None = None) -> Visitor:
    """Somebody behind the identity check."""
    visitor = Visitor(stand)
    assert visitor.enter().status == 200
    return visitor


# ------------------------------------------------------------------------------- the door


def test_before_the_identity_check_nothing_is_told_of_anybody() -> None:
    visitor = Visitor()
    for page in ("", "offers", "agreement?id=x", "payments", "settings", "stop", "other", "help"):
        visitor.get(page)
        assert visitor.page.status == 200
        assert names_nobody(visitor), page
    assert "Últimos 4 números o letras de su documento" in visitor.get().body


def test_the_right_answer_opens_the_account_and_is_a_fact() -> None:
    visitor = inside()
    assert "Hola, Ana Gómez" in visitor.text
    assert "$ 600.000" in visitor.text
    (fact,) = visitor.stand.world.facts("a1", "portal_verified")
    assert (fact["channel"], fact["intent_id"]) == ("email", "m0123456789abcdef")


def test_who_came_to_see_what_may_be_agreed_sees_it_after_the_identity_check() -> None:
    visitor = Visitor()
    visitor.get("offers")
    assert visitor.post("enter", answer="0000").status == 403
    visitor.post("enter", answer=ANSWER)
    assert urlsplit(visitor.address).path == f"{visitor.base}/offers"
    assert "3 cuotas mensuales" in visitor.text
    other = Visitor()
    other.get("payments")
    other.post("enter", answer=ANSWER, to="//evil.example")
    assert urlsplit(other.address).path == visitor.base


@pytest.mark.parametrize(
    ("source_ref", "right"),
    [
        ("1.098.765.432", ("5432",)),
        ("900.123.456-7", ("3456", "4567")),  # a tax number, with its check digit or without
        ("AB-12 34x", ("234X",)),
        ("123", ()),
        ("", ()),
    ],
)
def test_the_answer_is_the_end_of_the_document(source_ref: str, right: tuple[str, ...]) -> None:
    assert answers(source_ref) == right


def test_a_document_that_is_too_short_opens_nothing() -> None:
    visitor = Visitor(Stand(replace(owing(), source_ref="12")))
    assert "no podemos comprobar su identidad" in visitor.get().body
    assert visitor.post("enter", answer="12").status == 403
    assert visitor.post("enter", answer="").status == 403


def test_spaces_and_small_letters_make_no_difference() -> None:
    visitor = Visitor(Stand(replace(owing(), source_ref="X123456b")))
    assert visitor.enter(" 4 56b ").status == 200


def test_a_wrong_answer_tells_only_that_it_is_wrong() -> None:
    visitor = Visitor()
    visitor.enter("1111")
    assert visitor.page.status == 403
    assert "No coincide con lo que tenemos" in visitor.text
    assert names_nobody(visitor)
    assert visitor.cookie == ""


def test_digits_cannot_be_tried_out() -> None:
    """Five wrong answers, and even the right one opens nothing for a while."""
    visitor = Visitor()
    for number in range(4):
        assert "No coincide" in str(visitor.enter(f"000{number}").body)
    assert "demasiados intentos" in str(visitor.enter("0004").body)
    assert visitor.enter().status == 403
    visitor.stand.world.clock.at += timedelta(minutes=15)
    assert visitor.enter().status == 200


def test_every_link_of_an_account_counts_together() -> None:
    stand = Stand()
    codes = [stand.code, stand.give_link("a1", "m2"), stand.give_link("a1", "m3")]
    for number in range(5):
        Visitor(stand, code=codes[number % 3]).enter(f"000{number}")
    assert Visitor(stand, code=codes[2]).enter().status == 403


def test_the_rests_grow_and_a_right_answer_ends_them() -> None:
    door, now, rests = Door(), NOW, []
    for number in range(1, 26):
        door = after_try(door, now)
        if number % 5 == 0:
            assert door.rests_until is not None
            rests.append(door.rests_until - now)
    assert [rest.total_seconds() / 60 for rest in rests] == [15, 60, 1440, 10080, 10080]
    visitor = Visitor()
    for _ in range(4):
        visitor.enter("0000")
    assert visitor.enter().status == 200
    for _ in range(4):  # counted from nothing again
        assert "No coincide" in str(visitor.enter("0000").body)


def test_tries_that_come_at_once_are_counted_one_by_one() -> None:
    """A try is written down before it is looked at: what others were quicker with is read again."""
    stand = Stand()
    visitor, other = Visitor(stand), Visitor(stand)
    raced = Faults(5, instead=lambda: other.post("enter", answer="0001"))  # before its write
    stand.faults = raced
    stand.portal, stand.opener = stand.build()
    visitor.post("enter", answer="0002")
    assert raced.calls[4] == "transact_write_items"
    table = stand.world.table
    found = table.load("A#a1", "PORTAL")
    assert found is not None
    assert found["failed"] == 2


# ------------------------------------------------------------------------------- sessions


def test_the_cookie_is_short_and_for_this_link_alone() -> None:
    visitor = Visitor()
    visitor.get()
    answer = visitor.post("enter", follow=False, answer="5432")
    name, *rest = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith("escalon=")
    assert rest == ["Path=/p/kQUceAIky1", "Max-Age=1800", "HttpOnly", "SameSite=Strict", "Secure"]
    assert answer.status == 303
    assert answer.headers["Location"] == "/p/kQUceAIky1"


def test_a_session_ends_half_an_hour_after_the_last_page() -> None:
    visitor = inside()
    clock = visitor.stand.world.clock
    clock.at += timedelta(minutes=29)
    assert "Hola, Ana" in str(visitor.get().body)
    clock.at += timedelta(minutes=29)
    assert "Hola, Ana" in str(visitor.get().body)
    clock.at += timedelta(minutes=30)
    assert "Últimos 4" in str(visitor.get().body)


def test_a_session_opens_no_other_link() -> None:
    """Neither another account's nor another link of the same one."""
    stand = Stand()
    stand.world.put(replace(owing(), account_id="a2", name="Luis Peña", receivables=()), None)
    ana = inside(stand)
    for code in (stand.give_link("a2", "m2"), stand.give_link("a1", "m3")):
        thief = Visitor(stand, code=code)
        thief.cookie = ana.cookie
        assert "Últimos 4" in str(thief.get().body)
        assert thief.post("ask", text="hola").status == 403


@given(st.text(max_size=80))
@settings(max_examples=60)
def test_no_cookie_that_was_made_up_is_good(cookie: str) -> None:
    sessions = Sessions(lambda: b"key", lambda: "0" * 32)
    assert sessions.read(f"escalon={cookie}", "kQUceAIky1", NOW) is None


def test_no_part_of_a_cookie_may_change() -> None:
    sessions = Sessions(lambda: b"key", lambda: "0" * 32)
    value = sessions.written(sessions.open("kQUceAIky1", "es", NOW))
    assert sessions.read(f"escalon={value}", "kQUceAIky1", NOW) is not None
    assert Sessions(lambda: b"other", str).read(f"escalon={value}", "kQUceAIky1", NOW) is None
    for at in range(len(value)):
        changed = value[:at] + ("1" if value[at] != "1" else "2") + value[at + 1 :]
        assert sessions.read(f"escalon={changed}", "kQUceAIky1", NOW) is None, at


def test_a_form_without_its_token_does_nothing() -> None:
    """CSRF: another site can make a browser post, and knows no token."""
    visitor = inside()
    for token in ("", "0" * 64, "é"):
        answer = visitor.stand.portal.post(
            visitor.visit(form={"token": token, "text": "hola", "key": "0" * 32}), "ask"
        )
        assert answer.status == 403
    assert visitor.stand.world.tasks() == []


def test_a_token_is_of_one_session() -> None:
    stand = Stand()
    ana, other = inside(stand), inside(stand)
    assert ana.hidden()["token"] != other.hidden()["token"]
    token = other.hidden()["token"]
    assert ana.post("ask", text="hola", token=token).status == 403


def test_signing_out_takes_the_cookie_away() -> None:
    visitor = inside()
    answer = visitor.post("out", follow=False)
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert "Cerró su cuenta" in str(visitor.get(answer.headers["Location"]).body)


# ------------------------------------------------------------------------------- links


def test_a_link_that_was_switched_off_leads_nowhere() -> None:
    stand = Stand()
    visitor = inside(stand)
    stand.give_link("a1", "m0123456789abcdef", revoked_at=NOW)
    assert visitor.get().status == 410
    assert "Este enlace ya no está activo" in visitor.text
    assert names_nobody(visitor)
    assert visitor.post("ask", text="hola").status == 410


def test_all_links_of_an_account_can_be_switched_off_at_once() -> None:
    stand = Stand()
    at = NOW + timedelta(seconds=1)
    act = Act("k1", at, "arn:op", "links_revoked", "lost her phone", {"account_id": "a1"})
    Doors(stand.world.table).revoke("a1", at, act)
    assert Visitor(stand).get().status == 410
    assert list(stand.world.table.acts(NOW.date(), NOW.date())) == [act]
    stand.world.clock.at = NOW + timedelta(minutes=1)
    assert Visitor(stand, code=stand.give_link("a1", "m2")).get().status == 200


def test_whoever_is_not_the_debtor_says_so_and_is_left_alone() -> None:
    stand = Stand()
    visitor = Visitor(stand)
    visitor.get("other")
    assert stand.world.account().points[0].failed == ""  # reading changes nothing
    visitor.post("other")
    assert "No volveremos a escribirle aquí" in visitor.text
    assert names_nobody(visitor)
    email, sms, *_ = stand.world.account().points
    assert (email.failed, sms.failed) == ("wrong person", "")
    assert visitor.get().status == 410
    (task,) = stand.world.tasks()
    assert (task["kind"], task["channel"]) == ("wrong_person", "email")


# ------------------------------------------------------------------------------- stopping


def test_a_mail_programs_one_click_stops_the_channel() -> None:
    """RFC 8058: a POST without cookie or token; no page is read, and none is led to."""
    stand = Stand(owing(points=(consenting("email"), consenting("sms"))))
    visitor = Visitor(stand)
    answer = visitor.post("stop", follow=False, **{"List-Unsubscribe": "One-Click"})
    assert answer.status == 200
    assert "Location" not in answer.headers
    email, sms = stand.world.account().points
    assert email.consent is not None
    assert email.consent.revoked_at == NOW
    assert sms.consent is not None
    assert sms.consent.stands
    assert stand.world.account().refused_channels == ("email",)
    (fact,) = stand.world.facts("a1", "consent_revoked")
    assert (fact["channel"], fact["reason"]) == ("email", "one_click")
    visitor.post("stop", **{"List-Unsubscribe": "One-Click"})  # mail programs repeat themselves
    assert len(stand.world.facts("a1", "consent_revoked")) == 1


@pytest.mark.parametrize("how", ["expired", "revoked", "all revoked"])
def test_a_link_that_is_over_still_stops_its_channel(how: str) -> None:
    """Who unsubscribes from an old message is heard; nothing else of the link works."""
    stand = Stand(owing(points=(consenting("email"),)))
    if how == "expired":
        stand.world.clock.at += timedelta(days=90)
    elif how == "revoked":
        stand.give_link("a1", MESSAGE, revoked_at=NOW)
    else:
        stand.world.clock.at = at = NOW + timedelta(minutes=1)
        act = Act("k1", at, "arn:op", "links_revoked", "lost her phone", {"account_id": "a1"})
        Doors(stand.world.table).revoke("a1", at, act)
    visitor = Visitor(stand)
    assert visitor.get().status == 410
    assert visitor.get("stop").status == 200
    assert stand.world.account().refused_channels == ()
    assert visitor.post("stop", **{"List-Unsubscribe": "One-Click"}).status == 200
    assert stand.world.account().refused_channels == ("email",)
    visitor.post("stop")
    assert "No recibirá más mensajes por correo electrónico" in visitor.text
    assert names_nobody(visitor)
    for page in ("enter", "other", "ask"):
        assert visitor.post(page, answer="5432").status == 410, page


def test_a_stop_that_fails_is_said_so_that_the_mail_program_tries_again() -> None:
    stand = Stand(owing(points=(consenting("email"),)), faults=Faults(4, instead=crash))
    answer = Visitor(stand).post("stop", **{"List-Unsubscribe": "One-Click"})
    assert answer.status == 503
    assert "no se guardó nada" in str(answer.body)
    assert stand.world.account().refused_channels == ()


def consenting(channel: Any) -> ContactPoint:
    return replace(point(channel), consent=Consent(date(2026, 1, 1), "contract"))


def test_opening_the_address_stops_nothing() -> None:
    """Mail programs and scanners open links by themselves."""
    visitor = Visitor()
    visitor.get("stop")
    assert "No quiero más mensajes por correo electrónico" in visitor.text
    assert visitor.stand.world.account().refused_channels == ()
    visitor.post("stop")
    assert "No recibirá más mensajes por correo electrónico" in visitor.text
    (fact,) = visitor.stand.world.facts("a1", "consent_revoked")
    assert fact["reason"] == "page"


def test_a_link_from_before_channels_were_kept_asks_its_message() -> None:
    stand = Stand()
    code = stand.give_link("a1", "m9", channel="")
    assert "por correo electrónico" in str(Visitor(stand, code=code).get("stop").body)


# ------------------------------------------------------------------------------- the account


def test_what_is_owed_is_told_line_by_line_with_its_components() -> None:
    owed = replace(
        receivable("r1", late=20, open_minor=620_000_00),
        extras={"interest": 15_000_00, "fee": 5_000_00},
    )
    visitor = inside(Stand(owing(owed, receivable("r2", late=-2, open_minor=80_000_00))))
    text = visitor.text
    assert "Lo que debe hoy $ 700.000" in text
    assert "De eso está vencido: $ 620.000" in text
    assert "Documento doc-r1$ 620.000 Venció el 18 de agosto de 2026 · 20 días de vencido" in text
    assert "Documento doc-r2$ 80.000 Vence el 9 de septiembre de 2026" in text
    assert "Pagar $ 620.000 con Wompi" in text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("es", "Lo que la ley nos pide decirle Ayuda gratuita e independiente: MoneyHelper"),
        (
            "en",
            "What the law asks us to tell you Free and independent help with money: MoneyHelper",
        ),
    ],
)
def test_the_page_says_what_the_law_wants_said(language: str, words: str) -> None:
    """An SMS holds none of it and leads here (FCA, CONC 7.3.7A)."""
    visitor = inside(in_britain(owing(country="GB")))
    visitor.get(f"?lang={language}")
    assert words in visitor.text


def test_who_owes_nothing_is_told_no_law() -> None:
    assert "la ley" not in inside(in_britain(owing(country="GB", receivables=()))).text


def test_nothing_is_offered_on_a_debt_that_nobody_may_ask_for() -> None:
    """12 CFR 1006.34: its notice is owed since days, so a plan must not ask for it either."""
    barred = replace(
        receivable("r2", late=30, open_minor=70_000_00),
        first_contact_at=NOW - timedelta(days=21),
    )
    owed = owing(receivable("r1", late=20, open_minor=600_000_00), barred, country="US")
    stand = Stand(replace(owed, zones=("America/Chicago",)))
    stand.rulebook = replace(stand.rulebook, contact_policies={"US": policy_of("US")})
    visitor = inside(stand)
    visitor.get("offers")
    assert "$ 300.000" in visitor.text  # two instalments of 600,000
    assert "70.000" not in visitor.text
    visitor.get("promise")
    assert "$ 600.000" in visitor.text
    stand.world.put(replace(stand.world.account(), receivables=(barred,)), None)
    visitor.get("offers")
    assert "70.000" not in visitor.text


def in_britain(account: Account) -> Stand:
    stand = Stand(account)
    stand.rulebook = replace(stand.rulebook, contact_policies={"GB": policy_of("GB")})
    return stand


def test_debts_to_others_are_not_shown() -> None:
    boreal = receivable("r2", creditor="boreal", open_minor=50_000_00)
    visitor = inside(Stand(owing(receivable("r1", open_minor=40_000_00), boreal)))
    assert "$ 40.000" in visitor.text
    assert "doc-r2" not in visitor.text


def test_names_and_questions_are_never_markup() -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    owed = replace(receivable("r1", late=20, open_minor=600_000_00), document=evil)
    visitor = inside(Stand(replace(owing(owed), name=evil)))
    visitor.get("dispute")
    pages = [visitor.get(), visitor.get("dispute?line=%3Cscript%3E"), visitor.get("payments")]
    visitor.get("feedback")
    pages.append(visitor.post("feedback", text=evil, follow=False))
    for page in pages:
        assert "<script" not in str(page.body)
        assert "<img" not in str(page.body)


def test_every_page_is_light_and_strict() -> None:
    visitor = inside()
    for path in (
        *("", "offers", "promise", "payments", "ask", "help", "settings", "feedback", "confirm"),
        *("stop", "other", "plan?offer=plan&count=3&every=month&currency=COP", "nothing-here"),
    ):
        page = visitor.get(path)
        assert len(str(page.body).encode()) < 50_000, path
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_twenty_documents_are_still_a_light_page() -> None:
    owed = [
        replace(
            receivable(f"FV-2026-{number:05}", late=number, open_minor=1_234_567_00 + number),
            extras={"interest": 15_000_00, "fee": 5_000_00, "tax": 950_00},
        )
        for number in range(25)
    ]
    visitor = inside(Stand(owing(*owed)))
    assert "Otros 5 documentos por" in visitor.text
    assert len(str(visitor.page.body).encode()) < 50_000


def test_payments_are_listed_a_hundred_a_page_however_many_and_long_named_they_are() -> None:
    stand = Stand()
    for number in range(250):
        name = f"{number:03}" + "x" * 197
        at = NOW - timedelta(days=number)
        paid = BookedPayment(
            name,
            "import bank",
            "andina",
            "COP",
            at,
            PaymentState(),
            parts=(Part("r1", "principal", 1_234_567_00 + number),),
        )
        stand.world.table.save(stand.world.table.put_payment("a1", paid))
    visitor = inside(stand)
    visitor.get("payments")
    found = []
    for onward in ("Ver pagos anteriores", "Ver pagos anteriores", ""):
        body = str(visitor.page.body)
        assert len(body.encode()) < 50_000
        found.append(re.findall(r"receipt\?id=(\d{3})x{197}", body))
        assert ("Ver pagos anteriores" in visitor.links()) is bool(onward)
        visitor.get(visitor.links()[onward] if onward else "payments?after=250")
    assert [len(names) for names in found] == [100, 100, 50]
    assert [name for names in found for name in names] == [f"{number:03}" for number in range(250)]
    assert "000" + "x" * 197 in str(visitor.page.body)  # after the last there is the first page
    assert visitor.get(f"receipt?id=249{'x' * 197}").status == 200


def test_what_the_law_lets_nobody_ask_for_is_told_and_not_asked_for() -> None:
    """12 CFR 1006.34: its notice did not come in time. A hold that is no dispute is told alike."""
    account = owing(
        receivable("r1", late=20, open_minor=600_000_00),
        replace(
            receivable("r2", late=30, open_minor=70_000_00),
            first_contact_at=NOW - timedelta(days=21),
        ),
        receivable("r3", late=40, open_minor=8_000_00),
        country="US",
        zones=("America/Chicago",),
        holds=(Hold("h1", "vulnerable", NOW.date(), None, "r3"),),
    )
    stand = Stand(account)
    stand.rulebook = replace(stand.rulebook, contact_policies={"US": policy_of("US")})
    visitor = inside(stand)
    text = visitor.text
    assert "Lo que debe hoy $ 600.000 Calculado el" in text
    assert "Pagar $ 600.000 con Wompi" in text
    for line in ("doc-r2$ 70.000", "doc-r3$ 8.000"):
        assert line in text
        _, _, after = text.partition(line)
        assert after.index("Por ahora no le pedimos este pago") < after.index("De dónde sale")


def test_where_nothing_may_be_asked_for_no_sum_is_shown() -> None:
    holds = (Hold("h1", "vulnerable", NOW.date(), None, "r1"),)
    visitor = inside(Stand(owing(holds=holds)))
    assert "Lo que debe hoy Hoy no le pedimos ningún pago." in visitor.text
    assert "Pagar ahora" not in visitor.text


def test_both_languages_can_be_read_and_stay() -> None:
    visitor = inside()
    assert "What you owe today" in str(visitor.get("?lang=en").body)
    assert "COP 600,000" in visitor.text
    assert "Options to pay" in str(visitor.get("offers").body)
    assert "Opciones para pagar" in str(visitor.get("offers?lang=es").body)


@pytest.mark.parametrize("language", ["es", "en"])
def test_no_page_asks_why_or_threatens(language: str) -> None:
    """Colombia: Ley 2300 of 2023, article 7."""
    visitor = inside()
    said = " ".join(
        str(visitor.get(f"{path}?lang={language}").body).lower()
        for path in ("", "offers", "promise", "help", "ask", "settings", "dispute")
    )
    for word in (
        *("jurídic", "demanda", "embargo", "centrales de riesgo", "por qué no ha pagado"),
        *("legal action", "lawsuit", "credit bureau", "why you have not paid", "immediately"),
    ):
        assert word not in said, word


# ------------------------------------------------------------------------------- agreements

PLAN = "offer=plan&count=3&every=month&currency=COP"


def code_for(visitor: Visitor, terms: str = PLAN, point_id: str = "p-email") -> str:
    """Ask for the code that accepts the terms; the agreement's name."""
    visitor.get(f"accept?{terms}")
    visitor.post(f"accept?{terms}", point=point_id)
    found = re.search(r"accept\?id=(\w+)", visitor.address)
    assert found, visitor.text
    return found[1]


def accept(visitor: Visitor, terms: str = PLAN) -> str:
    agreement_id = code_for(visitor, terms)
    visitor.post(f"accept?id={agreement_id}", code=visitor.stand.sent_code())
    return agreement_id


def test_a_plan_is_seen_before_it_is_accepted_and_binds_nobody() -> None:
    visitor = inside()
    visitor.get("offers")
    assert "3 cuotas mensuales: 3 de $ 200.000" in visitor.text
    visitor.get(f"plan?{PLAN}")
    assert "22 sept 2026$ 200.000" in visitor.text
    assert "Si se atrasa, tiene 5 días más" in visitor.text
    assert visitor.stand.world.account().agreements == ()


def test_a_code_accepts_and_the_evidence_is_kept() -> None:
    visitor = inside()
    agreement_id = accept(visitor)
    assert "Gracias. Su acuerdo quedó aceptado" in visitor.text
    (agreement,) = visitor.stand.world.account().agreements
    assert agreement.agreement_id == agreement_id
    assert agreement.state == "active"
    evidence = agreement.accepted
    assert evidence is not None
    assert (evidence.channel, evidence.ip, evidence.user_agent) == (
        "portal",
        "203.0.113.9",
        "a phone",
    )
    assert evidence.code_point == "p-email"
    assert re.fullmatch(r"[0-9a-f]{64}", evidence.document_hash)
    assert evidence.message_id == "m0123456789abcdef"
    sent = visitor.stand.world.table.load("A#a1", f"M#c{evidence.challenge_id}")
    assert sent is not None
    assert (sent["kind"], sent["to"]) == ("code", "ana@example.com")
    (fact,) = visitor.stand.world.facts("a1", "portal_confirmed")
    assert fact["point_id"] == "p-email"


def test_the_document_is_there_at_once_and_is_what_was_shown() -> None:
    visitor = inside()
    agreement_id = accept(visitor)
    page = visitor.get(f"paper?id={agreement_id}")
    assert page.status == 200
    assert page.headers["Content-Type"] == "application/pdf"
    assert 'filename="acuerdo-2026-09-07.pdf"' in page.headers["Content-Disposition"]
    assert isinstance(page.body, bytes)
    assert page.body.startswith(b"%PDF-")
    kept = visitor.stand.world.table.load("A#a1", f"F#{agreement_id}")
    assert kept is not None
    assert kept["as_shown"] is True
    assert kept["file_hash"] == hashlib.sha256(page.body).hexdigest()


def test_while_it_is_kept_nobody_asks_and_the_next_instalment_can_be_paid() -> None:
    visitor = inside()
    agreement_id = accept(visitor)
    visitor.get()
    assert "Próximo pago$ 200.000" in visitor.text
    assert "En su acuerdo de pago" in visitor.text
    stand = visitor.stand
    assert decide(stand.world.account(), stand.rulebook, NOW).outcome != "act"
    visit = visitor.visit(f"currency=COP&agreement={agreement_id}")
    answer = stand.opener.pay(visit, "andina-wompi")
    assert "amount-in-cents=20000000" in answer.headers["Location"]
    reference = re.search(r"reference=(\w+)", answer.headers["Location"])
    assert reference
    pointer = stand.world.table.load(f"REF#{reference[1]}", "REF")
    assert pointer == {"account_id": "a1", "creditor": "andina", "receivables": ["r1"]}


@pytest.mark.parametrize(
    ("language", "words", "nothing"),
    [
        ("es-CO", "Usted tiene un acuerdo de pago con Almacenes Andina", "no le pide ningún pago"),
        ("en", "You have a payment agreement with Almacenes Andina", "asks you for no payment"),
    ],
)
def test_whoever_has_an_agreement_reads_of_it_at_the_door_and_on_the_way_to_pay(
    language: str, words: str, nothing: str
) -> None:
    stand = Stand(replace(owing(), language=language))
    accept(inside(stand))
    stand.world.clock.at += timedelta(days=15)  # an instalment is due
    visitor = Visitor(stand)
    visitor.get()
    assert words in visitor.text
    assert nothing not in visitor.text
    assert names_nobody(visitor)
    page = stand.opener.pay(visitor.visit("currency=COP"), "andina-wompi")
    assert page.status == 200
    assert words in seen(page)
    assert nothing not in seen(page)
    assert 'href="../../kQUceAIky1"' in str(page.body)


def test_what_is_owed_beside_an_agreement_can_be_paid_at_the_door() -> None:
    stand = Stand()
    accept(inside(stand))
    stand.world.owe(receivable("r9", late=60, open_minor=90_000_00))
    visitor = Visitor(stand)
    visitor.get()
    assert "Usted tiene un acuerdo de pago" in visitor.text
    assert "¿Quiere pagar lo que no está en el acuerdo?" in visitor.text
    answer = stand.opener.pay(visitor.visit("currency=COP"), "andina-wompi")
    assert "amount-in-cents=9000000" in answer.headers["Location"]


def test_an_agreement_with_somebody_else_is_no_word_of_this_door() -> None:
    stand = Stand()
    accept(inside(stand))
    stored = stand.world.table.get("a1")
    assert stored is not None
    (agreement,) = stored.account.agreements
    others = replace(stored.account, agreements=(replace(agreement, creditor="boreal"),))
    stand.world.table.update(Change(stored, others, NOW, ()))
    visitor = Visitor(stand)
    visitor.get()
    assert "Usted tiene un acuerdo" not in visitor.text


def test_an_instalment_that_is_paid_counts_for_its_agreement() -> None:
    """Though an older debt beside the agreement would be settled first."""
    stand = Stand(owing(receivable("r1", late=20, open_minor=600_000_00)))
    visitor = inside(stand)
    agreement_id = accept(visitor)
    stand.world.owe(receivable("r0", late=60, open_minor=90_000_00))
    visitor.pays(agreement_id, 200_000_00)
    (agreement,) = stand.world.account().agreements
    assert [moved.receivable_id for moved in agreement.moved] == ["r1"]
    visitor.get(f"agreement?id={agreement_id}")
    assert "Pagada" in visitor.text
    visitor.get("payments")
    assert "$ 200.000" in visitor.text
    visitor.get("receipt?id=andina-wompi:w1")
    assert "Comprobante de pago" in visitor.text
    assert "doc-r1 · capital$ 200.000" in visitor.text


def test_an_instalment_of_which_a_part_is_paid_says_what_is_left() -> None:
    visitor = inside()
    agreement_id = accept(visitor)
    visitor.pays(agreement_id, 250_000_00)
    visitor.get(f"agreement?id={agreement_id}")
    assert "22 sept 2026Pagada$ 200.000" in visitor.text
    assert "22 oct 2026Por pagar · faltan $ 150.000$ 200.000" in visitor.text
    assert "22 nov 2026Por pagar$ 200.000" in visitor.text


def test_an_instalment_paid_by_the_pages_own_button_is_kept() -> None:
    """Its money is for the debts of the plan and not for an older one in dispute."""
    stand = Stand(
        owing(
            receivable("r0", late=60, open_minor=400_000_00),
            receivable("r1", late=20, open_minor=150_000_00),
            receivable("r2", late=15, open_minor=450_000_00),
        )
    )
    confirmed(stand).post("dispute", line="r0", reason="not_mine", text="no es mía")
    stand.world.clock.at += timedelta(minutes=2)
    visitor = inside(stand)
    visitor.get("offers")
    agreement_id = accept(visitor)
    assert "amount-in-cents=20000000" in visitor.pays(agreement_id, 200_000_00)
    account = stand.world.account()
    assert {one.receivable_id: one.open_minor for one in account.receivables} == {
        "r0": 400_000_00,
        "r2": 400_000_00,
    }
    (agreement,) = account.agreements
    assert agreement.seen == ("kept", "open", "open")


def test_a_promise_says_what_has_to_be_changed() -> None:
    visitor = inside()
    visitor.get("promise?currency=COP&first_on=2026-12-31&amount=1.000")
    assert visitor.page.status == 422
    assert "La fecha puede ser a más tardar el 22 de septiembre de 2026" in visitor.text
    assert "El valor tiene que ser al menos $ 180.000" in visitor.text
    visitor.get("promise?currency=COP&first_on=mañana&amount=mucho")
    assert "Elija una fecha" in visitor.text
    assert "Escríbalo así, por ejemplo: $ 200.000" in visitor.text


def test_a_promise_is_made_like_any_agreement() -> None:
    visitor = inside()
    answer = visitor.get("promise?currency=COP&first_on=2026-09-20&amount=%24+300.000")
    assert answer.status == 303
    visitor.get(answer.headers["Location"])
    assert "$ 300.000" in visitor.text
    accept(visitor, answer.headers["Location"].partition("?")[2])
    (agreement,) = visitor.stand.world.account().agreements
    assert (agreement.kind, agreement.state, agreement.total_minor) == (
        "promise",
        "active",
        300_000_00,
    )


def test_what_fits_a_purse_is_offered() -> None:
    visitor = inside()
    visitor.get("offers?currency=COP&capacity=110.000")
    assert "6 cuotas mensuales: 6 de $ 100.000" in visitor.text
    assert "Pagar en 2 cuotas" not in visitor.text
    visitor.get("offers?currency=COP&capacity=10.000")
    assert "Con ese valor no encontramos una opción" in visitor.text
    assert visitor.get("offers?currency=COP&capacity=nada").status == 422


@pytest.mark.parametrize(
    "terms",
    [
        "offer=plan&count=48&every=month&currency=COP",
        "offer=old-debt&count=1&every=month&currency=COP",
        "offer=plan&count=3&every=month&currency=USD",
        "offer=promise&day=2026-09-20&minor=1&currency=COP",
        "offer=promise&day=2026-10-02&minor=60000000&currency=COP",  # who attends may, they may not
        "offer=promise&day=2031-09-20&minor=60000000&currency=COP",
        "offer=plan&day=2026-09-20&minor=60000000&currency=COP",
        "",
    ],
)
def test_terms_that_are_not_on_offer_cannot_be_had_by_their_address(terms: str) -> None:
    visitor = inside()
    for page in ("plan", "accept"):
        visitor.get(f"{page}?{terms}")
        assert "Esta opción ya no está disponible así" in visitor.text
    visitor.get("ask")  # a page with a form, for its token
    visitor.post(f"accept?{terms}", point="p-email")
    assert visitor.stand.world.account().agreements == ()
    assert visitor.stand.world.ses.calls == []


def test_an_agreement_of_another_account_is_not_there() -> None:
    stand = Stand()
    agreement_id = accept(inside(stand))
    other = replace(owing(receivable("r9")), account_id="a2", name="Luis Peña")
    stand.world.put(replace(other, receivables=()), None)
    stand.world.owe(*other.receivables, account_id="a2")
    luis = Visitor(stand, code=stand.give_link("a2", "m2"))
    assert luis.enter().status == 200
    assert luis.get(f"agreement?id={agreement_id}").status == 404
    assert luis.get(f"paper?id={agreement_id}").status == 404
    luis.get("ask")
    luis.post(f"accept?id={agreement_id}", code="123456")
    assert "a1" not in luis.text


# ------------------------------------------------------------------------------- codes


def test_a_code_is_sent_where_it_was_asked_for_and_names_no_debt() -> None:
    visitor = inside()
    code_for(visitor, point_id="p-sms")
    (call,) = visitor.stand.world.sns.calls
    assert call["PhoneNumber"] == "+573000000001"
    code = visitor.stand.sent_code()
    assert call["Message"] == (
        f"Almacenes Andina: su codigo es {code}. Funciona 10 minutos. No se lo dé a nadie; si no "
        "lo pidio, ignorelo. Mensaje automatico."
    )
    (message,) = (m for m in visitor.stand.world.messages() if m.get("kind") == "code")
    assert (message["state"], message["to"]) == ("sent", "+573000000001")
    assert code not in str(visitor.stand.world.all_items())


def test_a_code_cannot_be_tried_out() -> None:
    visitor = inside()
    agreement_id = code_for(visitor)
    right = visitor.stand.sent_code()
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(4):
        assert "El código no coincide" in str(
            visitor.post(f"accept?id={agreement_id}", code=wrong).body
        )
    assert "ya no funciona" in str(visitor.post(f"accept?id={agreement_id}", code=wrong).body)
    assert "ya no funciona" in str(visitor.post(f"accept?id={agreement_id}", code=right).body)
    assert visitor.stand.world.account().agreements[0].state == "offered"


def test_a_code_is_good_once_and_for_ten_minutes() -> None:
    visitor = inside()
    agreement_id = code_for(visitor)
    code = visitor.stand.sent_code()
    visitor.stand.world.clock.at += timedelta(minutes=10)
    assert "ya no funciona" in str(visitor.post(f"accept?id={agreement_id}", code=code).body)
    visitor.post(f"accept?id={agreement_id}", point="p-email")
    again = visitor.stand.sent_code()
    visitor.post(f"accept?id={agreement_id}", code=again)
    assert visitor.stand.world.account().agreements[0].state == "active"
    # Going back and sending it again.
    visitor.post(f"accept?id={agreement_id}", code=again)
    assert "Su acuerdo de pago En curso" in visitor.text
    assert len(visitor.stand.world.facts("a1", "agreement_accepted")) == 1


def test_a_code_for_one_thing_confirms_nothing_else() -> None:
    visitor = inside()
    code_for(visitor)
    code = visitor.stand.sent_code()
    visitor.get("confirm")
    assert "ya no funciona" in str(visitor.post("confirm", code=code).body)
    assert visitor.get("dispute").status == 303


def test_codes_are_sent_sparingly() -> None:
    visitor = inside()
    agreement_id = code_for(visitor)
    visitor.post(f"accept?id={agreement_id}", point="p-email")
    assert "Espere medio minuto" in visitor.text
    assert len(visitor.stand.world.ses.calls) == 1
    for _ in range(9):
        visitor.stand.world.clock.at += timedelta(minutes=1)
        visitor.post(f"accept?id={agreement_id}", point="p-email")
    assert "Por hoy ya le enviamos muchos códigos" in visitor.text
    assert len(visitor.stand.world.ses.calls) == 8


def test_a_channel_that_was_stopped_carries_no_code() -> None:
    visitor = inside(Stand(owing(refused_channels=("email",))))
    visitor.get(f"accept?{PLAN}")
    assert "mensaje de texto: ••• •• 01" in visitor.text
    assert "@example.com" not in str(visitor.page.body).replace("atencion@andina.example.com", "")
    visitor.post(f"accept?{PLAN}", point="p-email")
    assert visitor.page.status == 422
    assert visitor.stand.world.ses.calls == []


def test_a_code_goes_at_any_hour() -> None:
    """It was asked for: no window, no cap and no lock of a channel binds it."""
    stand = Stand()
    stand.world.clock.at = NOW + timedelta(days=6, hours=10)  # a Sunday, 20:00 in Bogotá
    stand.code = stand.give_link("a1", "m7")
    visitor = inside(stand)
    visitor.get(f"accept?{PLAN}")
    assert "correo electrónico: a•••@example.com" in visitor.text


def test_a_carrier_that_takes_nothing_is_said_and_another_way_is_open() -> None:
    visitor = inside()
    visitor.stand.world.ses.answers.append(throttled())
    code_for(visitor)
    assert "No pudimos enviar el código" in visitor.text
    (message,) = (m for m in visitor.stand.world.messages() if m.get("kind") == "code")
    assert message["state"] == "released"
    assert [code for code, _ in visitor.stand.world.reports] == ["code_released"]
    assert "ana@" not in str(visitor.stand.world.reports)


def throttled() -> Exception:
    try:
        fail("SendEmail", "TooManyRequestsException")
    except Exception as error:  # the double raises what boto3 would
        return error


def test_without_a_contact_point_a_person_is_asked() -> None:
    visitor = inside(Stand(owing(points=())))
    visitor.get(f"accept?{PLAN}")
    assert "No tenemos un correo o celular suyo" in visitor.text


@given(st.binary(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
@settings(max_examples=60)
def test_a_code_has_six_digits_and_depends_on_the_key(key: bytes, challenge: str) -> None:
    code = Sessions(lambda: key, str).one_time_code(challenge)
    assert re.fullmatch(r"[0-9]{6}", code)
    codes = {Sessions(lambda: key, str).one_time_code(f"c{n}") for n in range(200)}
    assert len(codes) > 190


# ------------------------------------------------------------------------------- disputes


def confirmed(stand: Stand | None = None, point_id: str = "p-email") -> Visitor:
    visitor = inside(stand)
    visitor.get("confirm")
    visitor.post("confirm", point=point_id)
    visitor.post("confirm", code=visitor.stand.sent_code())
    assert 'name="line"' in str(visitor.page.body)
    return visitor


def test_a_dispute_needs_a_code_and_rests_what_it_is_about() -> None:
    stand = Stand(owing(receivable("r1", late=20), receivable("r2", late=5)))
    visitor = inside(stand)
    assert visitor.get("dispute").headers["Location"] == "/p/kQUceAIky1/confirm"
    visitor.get("ask")  # a page with a form, for its token
    visitor.post("dispute", line="r1", reason="paid")
    assert "Confirmemos que es usted" in visitor.text
    assert stand.world.account().holds == ()
    visitor = confirmed(stand)
    visitor.post("dispute", line="r1", reason="paid", text="Pagué en <b>Tunja</b>")
    assert "Recibimos su desacuerdo" in visitor.text
    (hold,) = stand.world.account().holds
    assert (hold.kind, hold.receivable_id, hold.source) == ("dispute", "r1", "portal")
    assert hold.ends_on == date(2026, 10, 22)  # 45 days
    (task,) = stand.world.tasks()
    assert (task["kind"], task["reason"], task["text"]) == (
        "dispute",
        "paid",
        "Pagué en <b>Tunja</b>",
    )
    (fact,) = stand.world.facts("a1", "disputed")
    assert (fact["receivable_id"], fact["reason"]) == ("r1", "paid")
    assert "Tunja" not in str(stand.world.facts("a1"))
    visitor.get()
    assert "En revisión: nadie se lo cobra" in visitor.text


def test_a_form_sent_twice_does_one_thing() -> None:
    visitor = confirmed()
    hidden = visitor.hidden()
    for _ in range(2):
        visitor.post("dispute", line="r1", reason="paid", **hidden)
    assert len(visitor.stand.world.tasks()) == 1
    assert len(visitor.stand.world.account().holds) == 1


def later(stand: Stand, *, days: int) -> Stand:
    """So many days later, when another message has come."""
    stand.world.clock.at += timedelta(days=days)
    stand.code = stand.give_link("a1", f"m{next(stand.names)}")
    return stand


def test_a_second_dispute_rests_for_another_reason_and_not_for_the_same() -> None:
    stand = Stand(owing(receivable("r1", late=20), receivable("r2", late=5)))
    confirmed(stand).post("dispute", line="r1", reason="paid")
    for line, reason, words, ends_on in (
        ("r1", "paid", "esta vez no queda en pausa", None),
        ("r1", "not_mine", "Mientras tanto nadie le cobra", date(2027, 1, 30)),
        ("r1", "identity_theft", "Mientras tanto nadie le cobra", date(2027, 3, 21)),
        ("r2", "paid", "Mientras tanto nadie le cobra", date(2027, 5, 10)),
        ("r1", "not_mine", "esta vez no queda en pausa", None),
    ):
        visitor = confirmed(later(stand, days=50))  # the one before has come to its end
        visitor.post("dispute", line=line, reason=reason)
        assert words in visitor.text
        resting = [
            (hold.receivable_id, hold.ends_on)
            for hold in stand.world.account().holds
            if hold.ends_on and hold.ends_on > stand.world.clock.at.date()
        ]
        assert resting == ([(line, ends_on)] if ends_on else [])
    assert len(stand.world.tasks()) == 6  # a person looks at each


def test_a_reason_rests_a_debt_once_though_the_account_has_forgotten_the_hold() -> None:
    stand = Stand()
    for reason, days in (("amount", 0), ("not_mine", 200), ("amount", 200)):
        confirmed(later(stand, days=days)).post("dispute", line="r1", reason=reason)
    assert [hold.starts_on for hold in stand.world.account().holds] == [date(2027, 3, 26)]
    assert len(stand.world.tasks()) == 3


def test_the_same_said_again_while_it_rests_lengthens_nothing() -> None:
    stand = Stand(owing(receivable("r1", late=20), receivable("r2", late=5)))
    confirmed(stand).post("dispute", line="r1", reason="paid")
    visitor = confirmed(later(stand, days=1))
    visitor.post("dispute", line="r1", reason="paid")
    assert "Mientras tanto nadie le cobra ese documento" in visitor.text
    assert [hold.ends_on for hold in stand.world.account().holds] == [date(2026, 10, 22)]


def test_a_dispute_has_to_name_a_line_of_this_account_and_a_reason() -> None:
    visitor = confirmed()
    visitor.post("dispute", line="r777", reason="because")
    assert visitor.page.status == 422
    assert "Elija el documento" in visitor.text
    assert "Elija qué no está bien" in visitor.text
    assert visitor.stand.world.tasks() == []


def uploading(visitor: Visitor, kind: str = "pdf") -> dict[str, str]:
    """The fields of the form for a file."""
    visitor.post("dispute", line="r1", reason="paid")
    task = re.search(r"id=(\w+)", visitor.address)
    assert task
    body = str(visitor.get(f"upload?id={task[1]}&kind={kind}").body)
    assert (
        "form-action 'self' https://bucket.s3.amazonaws.com;"
        in (visitor.page.headers["Content-Security-Policy"])
    )
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', body)
    return {name: unescape(value) for name, value in fields}


def test_a_file_goes_into_quarantine_by_a_form_that_s3_holds_to_size_and_type() -> None:
    visitor = confirmed()
    fields = uploading(visitor)
    (task,) = visitor.stand.world.tasks()
    assert fields["key"].startswith(f"quarantine/a1/{task['task_id']}/")
    assert task["files"] == f"quarantine/a1/{task['task_id']}/"
    assert fields["Content-Type"] == "application/pdf"
    assert "['content-length-range', 1, 5242880]" in fields["policy"]
    assert "{'Content-Type': 'application/pdf'}" in fields["policy"]
    assert fields["success_action_redirect"] == "https://pay.example/p/kQUceAIky1/upload"


@pytest.mark.parametrize(
    ("content", "words", "kept"),
    [
        (b"%PDF-1.7 ...", "Recibimos el archivo", True),
        (b"<html><script>", "no es del tipo elegido", False),
        (b"%PDF-" + b"x" * 5_242_880, "pesa más de 5 MB", False),
    ],
    ids=["a PDF", "wrong type", "oversized"],
)
def test_a_file_that_is_not_what_it_says_goes_at_once(
    content: bytes, words: str, kept: bool
) -> None:
    visitor = confirmed()
    key = uploading(visitor)["key"]
    objects = visitor.stand.world.s3.objects
    objects[key] = (content, {})
    visitor.get(f"upload?bucket=bucket&key={key}&etag=x")
    assert words in visitor.text
    assert (key in objects) is kept


@pytest.mark.parametrize(
    "key",
    [
        "quarantine/a2/d00000000000000000000000000000001/00000000000000000000000000000002.pdf",
        "agreements/a1/x/00000000000000000000000000000002.pdf",
        "quarantine/a1/d00000000000000000000000000000001/../../x.pdf",
    ],
)
def test_no_other_object_can_be_reached_by_coming_back_from_an_upload(key: str) -> None:
    visitor = confirmed()
    objects = visitor.stand.world.s3.objects
    objects[key] = (b"something else", {})
    visitor.get(f"upload?key={key}")
    assert key in objects


# ------------------------------------------------------------- questions, help, preferences


def test_a_question_is_a_task_for_a_person() -> None:
    visitor = inside()
    visitor.get("ask")
    visitor.post("ask", text="¿Puedo pagar en efectivo?")
    assert "Recibimos su pregunta" in visitor.text
    (task,) = visitor.stand.world.tasks()
    assert (task["kind"], task["text"]) == ("question", "¿Puedo pagar en efectivo?")
    assert visitor.stand.world.facts("a1", "asked")[0]["task_id"] == task["task_id"]
    visitor.get("ask")
    assert visitor.post("ask", text="  ").status == 422
    assert visitor.post("ask", text="x" * 2001).status == 422


def test_who_cannot_pay_at_all_gets_a_pause_and_a_person() -> None:
    visitor = inside()
    visitor.get("help")
    assert "Hacemos una pausa hasta el 7 de octubre de 2026" in visitor.text
    visitor.post("help", text="Por la tarde, por favor")
    assert "una persona se comunicará con usted" in visitor.text
    world = visitor.stand.world
    (hold,) = world.account().holds
    assert (hold.kind, hold.receivable_id, hold.ends_on) == (
        "vulnerable",
        None,
        date(2026, 10, 7),
    )
    (task,) = world.tasks()
    assert (task["kind"], task["text"]) == ("hardship", "Por la tarde, por favor")
    assert decide(world.account(), visitor.stand.rulebook, NOW).outcome == "hold"
    visitor.get("help")
    assert "Hacemos una pausa" not in visitor.text  # the next one is a person's to give
    visitor.post("help")
    assert len(world.account().holds) == 1
    assert len(world.tasks()) == 2


def test_channels_hours_and_language_are_kept_to_from_now_on() -> None:
    stand = Stand(owing(points=(consenting("email"), consenting("sms"))))
    visitor = inside(stand)
    visitor.get("settings")
    visitor.post("settings", channel="sms", hours="evening", weekdays="1", language="en")
    assert "We have saved your preferences" in visitor.text
    account = stand.world.account()
    assert account.refused_channels == ("email",)
    assert account.hours == (*((((1020, 1200),),) * 5), (), ())
    assert account.language == "en"
    visitor = confirmed(stand, point_id="p-sms")
    visitor.get("settings")
    visitor.post("settings", channel=["sms", "email"], hours="any", language="es")
    account = stand.world.account()
    assert account.refused_channels == ()
    email, _ = account.points
    assert email.consent is not None
    assert email.consent.stands
    assert email.consent.evidence.startswith("portal:")
    assert (account.hours, account.language) == (None, "es")


def test_a_language_keeps_its_country() -> None:
    visitor = inside()
    visitor.get("settings")
    visitor.post("settings", channel=["email", "sms"], hours="any", language="es")
    assert visitor.stand.world.account().language == "es-CO"


@pytest.mark.parametrize("hours", ["any", "morning", "afternoon", "evening"])
@pytest.mark.parametrize("weekdays", [False, True])
def test_a_choice_of_hours_is_known_again(hours: str, weekdays: bool) -> None:
    assert hours_of(week_of(hours, weekdays=weekdays)) == (hours, weekdays)


def test_whoever_was_treated_badly_is_heard() -> None:
    visitor = inside()
    visitor.get("feedback")
    visitor.post("feedback", how="well")
    assert visitor.stand.world.tasks() == []
    visitor.get("feedback")
    visitor.post("feedback", how="badly", text="Me gritaron")
    (task,) = visitor.stand.world.tasks()
    assert (task["kind"], task["text"]) == ("complaint", "Me gritaron")
    assert [f["how"] for f in visitor.stand.world.facts("a1", "treated")] == ["well", "badly"]
    visitor.get("feedback")
    assert visitor.post("feedback").status == 422


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("200000", "COP", 200_000_00),
        ("$ 200.000", "COP", 200_000_00),
        ("1.234.567,50", "COP", 1_234_567_50),
        ("1,250.5", "USD", 1_250_50),
        ("12,50", "USD", 12_50),
        ("200.000 pesos", "COP", 200_000_00),
        ("1.000", "CLP", 1_000),
        ("1,5", "CLP", None),
        ("0", "COP", None),
        ("-5", "COP", None),
        ("1.23.456", "COP", None),
        ("", "COP", None),
        ("9" * 40, "COP", None),
    ],
)
def test_amounts_are_understood_as_people_write_them(
    text: str, currency: str, minor: int | None
) -> None:
    assert typed_amount(text, currency) == minor


# ------------------------------------------------------------------------------- faults


@pytest.mark.parametrize("page", ["help", "ask", "dispute"])
def test_a_crash_at_any_call_does_a_form_wholly_or_not_at_all(page: str) -> None:
    """And whoever sends it again after that has done it once."""
    forms = {"help": {}, "ask": {"text": "hola"}, "dispute": {"line": "r1", "reason": "paid"}}
    for number in range(1, 12):
        visitor = confirmed()
        stand = visitor.stand
        visitor.get(page)
        form = {**visitor.hidden(), **forms[page]}
        stand.faults = Faults(number, instead=crash)
        stand.portal, stand.opener = stand.build()
        answer = stand.portal.post(visitor.visit(form=form), page)
        stand.faults = Faults()
        stand.portal, stand.opener = stand.build()
        done = (len(stand.world.tasks()), len(stand.world.account().holds))
        assert done in ((0, 0), (1, 0 if page == "ask" else 1)), number
        stand.portal.post(visitor.visit(form=form), page)
        assert len(stand.world.tasks()) == 1
        if answer.status == 303 and number > 8:
            break


def crash() -> None:
    raise RuntimeError("the network is gone")


def test_a_failure_is_said_and_tells_nobody_anything() -> None:
    visitor = inside()
    visitor.get("ask")
    stand, form = visitor.stand, {**visitor.hidden(), "text": "hola"}
    stand.faults = Faults(5, instead=crash)
    stand.portal, stand.opener = stand.build()
    page = stand.portal.post(visitor.visit(form=form), "ask")
    assert page.status == 503
    assert "no se guardó nada" in str(page.body)
    assert "hola" not in str(stand.world.reports)


# ------------------------------------------------------------------------------- words


def test_every_phrase_fills_in_the_same_in_both_languages() -> None:
    for phrase, (spanish, english) in WORDS.items():
        fields = [set(re.findall(r"{(\w+)}", text)) for text in (spanish, english)]
        assert fields[0] == fields[1], phrase


def test_a_debtor_is_addressed_with_respect() -> None:
    said = " ".join(spanish for spanish, _ in WORDS.values()).lower()
    for word in (" tú ", " tus ", " tienes ", " debes ", " puedes ", "moroso", "urgente"):
        assert word not in said, word


def test_what_happens_on_the_page_is_told_in_the_accounts_story() -> None:
    stand = Stand()
    visitor = confirmed(stand)
    visitor.post("dispute", line="r1", reason="amount")
    visitor.get("help")
    visitor.post("help")
    lines = told(stand.world.facts("a1"), locale="en", zones=("America/Bogota",))
    said = " ".join(lines)
    assert "came to their page by the link in email" in said
    assert "does not agree with r1 (amount)" in said
    assert "asked for help on their page: they cannot pay" in said


def test_a_file_needs_a_dispute_of_this_account_and_a_code() -> None:
    """Nobody fills the quarantine by a name that they made up."""
    visitor = confirmed()
    assert visitor.get(f"upload?id=d{'0' * 32}&kind=pdf").status == 404
    unconfirmed = inside()
    assert unconfirmed.get(f"upload?id=d{'0' * 32}&kind=pdf").status == 303


def test_offers_that_stand_are_not_many() -> None:
    """Ten at once: each is kept for good once it has ended."""
    visitor = inside()
    for _ in range(14):
        visitor.get(f"plan?{PLAN}")
        visitor.post(f"accept?{PLAN}", point="p-email")
    standing = [one.state for one in visitor.stand.world.account().agreements]
    assert standing == ["offered"] * 10
