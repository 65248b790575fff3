"""The shipped messages: literal words, and every template in every language on every shape."""

import html
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.rules.rulebook import Creditor
from escalon.messages.context import Amount, BeyondLine, MessageContext, StatementLine
from escalon.messages.errors import MessageError
from escalon.messages.plain import paragraphs
from escalon.messages.render import message_names, render_email, render_sms
from escalon.messages.samples import (
    sample_agreements,
    sample_contexts,
    sample_instalments,
    sample_line,
)
from escalon.messages.words import check_words

type Sources = dict[str, str]
type Make = Callable[..., MessageContext]

TODAY = date(2027, 3, 12)
CONFIG = Path(__file__).parents[2] / "config" / "messages"
STAGES = {
    "heads_up": "pre_due",
    "due_tomorrow": "pre_due",
    "friendly": "reminder",
    "friendly_again": "reminder",
    "firm": "firm",
    "firm_again": "firm",
    "offer": "negotiation",
    "last_notice": "pre_legal",
    "legal_notice": "legal",
}
INSTALMENTS = {
    "instalment_soon": "pre_due",
    "instalment_today": "pre_due",
    "instalment_late": "reminder",
}
NOTICES = {
    "bureau_notice": "firm",
    "useful_notice": "reminder",
    "validation_notice": "reminder",
    "receipted_demand": "firm",
}
LOCALES = ("es-CO", "en")
every_message = pytest.mark.parametrize("template", STAGES)
every_locale = pytest.mark.parametrize("locale", LOCALES)


def seen(markup: str) -> str:
    """What a reader sees of an HTML part, on one line."""
    body = re.sub(r"<head>.*?</head>|<!--.*?-->", " ", markup, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def flat(text: str) -> str:
    return " ".join(text.split())


def page_at(link: str) -> dict[str, str]:
    """The addresses of a message whose link is this one, of a debtor who can pay there."""
    more = {"offers_url": f"{link}/offers", "unsubscribe_url": f"{link}/stop"}
    return {"account_url": link, "pay_url": link, "preferences_url": link, **more}


# --------------------------------------------------------------------------- literal messages


def test_the_text_of_a_friendly_reminder(shipped: dict[str, Sources], context: Make) -> None:
    email = render_email(shipped["es-CO"], "friendly", context())
    assert email.subject == "Información sobre su cuenta con Almacenes Andina"
    assert email.preheader == (
        "Le compartimos el detalle de su cuenta y cómo comunicarse con nosotros."
    )
    assert (
        email.text
        == """\
Almacenes Andina

Buen día, María Fernanda Ñáñez Gutiérrez:

Queremos recordarle que su documento FV-20301 venció el 28 de febrero de
2027 y tiene un saldo de $ 1.234.567.

Le agradecemos hacer el pago en los próximos días por el medio que le
resulte más cómodo.

Saldo por pagar: $ 1.234.567
Saldos al 12 de marzo de 2027

Documento vencido

- FV-20301 · $ 1.234.567
  Venció el 28 feb 2027 (hace 12 días)

Total vencido: $ 1.234.567

Cómo pagar

https://pg.example/p/7Kq2xZr9Tb
Por PSE o tarjeta en el enlace.
En su banco, convenio 12345.

Si tiene alguna pregunta sobre su cuenta, con gusto le atendemos.

Si ya pagó, por favor ignore este mensaje: su pago puede tardar en verse
reflejado.

Cordialmente,
Equipo de atención de cuentas
+57 601 000 0001
atencion@andina.example.com

--------------------------------------------------------------------------

¿Tiene una pregunta o no está de acuerdo con un saldo?
Escríbanos a atencion@andina.example.com o llámenos al +57 601 000 0001: con
gusto le respondemos y recibimos su petición, queja o reclamo.

Usted decide por qué canal le escribimos
Cambiar de canal: https://pg.example/p/7Kq2xZr9Tb
No recibir más correos: https://pg.example/p/7Kq2xZr9Tb/stop

Este mensaje se generó automáticamente. Si prefiere que le atienda una
persona, responda este correo o llame al +57 601 000 0001.

Almacenes Andina S.A.S., NIT 900.000.001-8, Carrera 7 # 00-01, Bogotá.
Ayuda: https://andina.example.com/ayuda
Tratamiento de datos personales: https://andina.example.com/privacidad
"""
    )


@pytest.mark.parametrize(
    ("locale", "template", "text"),
    [
        (
            "es-CO",
            "heads_up",
            "Almacenes Andina: informacion sobre su cuenta. Responder no es posible. Vence el "
            "24 mar 2027: $ 1.234.567. Si ya pago, ignorelo. Pagar o no "
            "recibir SMS: https://pg.example/p/7Kq2xZr9Tb",
        ),
        (
            "es-CO",
            "friendly",
            "Almacenes Andina: informacion sobre su cuenta. Responder no es posible. Saldo "
            "vencido: $ 1.234.567. Si ya pago, ignorelo. Pagar o no "
            "recibir SMS: https://pg.example/p/7Kq2xZr9Tb",
        ),
        (
            "es-CO",
            "last_notice",
            "Almacenes Andina: informacion sobre su cuenta. Responder no es posible. Saldo "
            "vencido: $ 1.234.567. Pague o hable con nosotros hasta el 27 mar 2027. Si ya pago, "
            "ignorelo. Pagar o no recibir SMS: https://pg.example/p/7Kq2xZr9Tb",
        ),
        (
            "en",
            "friendly",
            "Almacenes Andina: information about your account. Replies are not read. Past due: "
            "COP 1,234,567. If paid, please ignore. Pay or stop SMS: https://pg.example/p/7Kq2xZr9Tb",
        ),
    ],
)
def test_the_text_of_an_sms(
    shipped: dict[str, Sources], context: Make, locale: str, template: str, text: str
) -> None:
    sms = render_sms(shipped[locale], template, context(stage=STAGES[template], locale=locale))
    assert sms.text == text
    assert sms.encoding == "GSM-7"
    assert sms.segments == 2


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        (
            "one",
            "Le recordamos que su documento FV-20301, con un saldo de $ 1.234.567, vence el "
            "24 de marzo de 2027.",
        ),
        (
            "due tomorrow",
            "Le recordamos que su documento FV-20301, con un saldo de $ 1.234.567, vence mañana, "
            "13 de marzo de 2027.",
        ),
        (
            "due today",
            "Le recordamos que su documento FV-20301, con un saldo de $ 1.234.567, vence hoy, "
            "12 de marzo de 2027.",
        ),
        (
            "several",
            "Le recordamos que el primero de sus documentos por vencer, FV-20302, con un saldo "
            "de $ 250.000, vence el 17 de marzo de 2027.",
        ),
    ],
)
def test_the_day_before_is_not_called_tomorrow_when_a_holiday_moved_the_message(
    shipped: dict[str, Sources], context: Make, shape: str, sentence: str
) -> None:
    email = render_email(shipped["es-CO"], "due_tomorrow", context(shape, stage="pre_due"))
    assert sentence in flat(email.text)


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        (
            "one",
            "Le recordamos que su documento FV-20301, con un saldo de $ 1.234.567, vence el "
            "24 de marzo de 2027.",
        ),
        (
            "several",
            "Le recordamos que tiene 4 documentos por vencer, por un total de $ 1.764.467,50. El "
            "primero es FV-20302, por $ 250.000, y vence el 17 de marzo de 2027.",
        ),
    ],
)
def test_one_document_is_spoken_of_otherwise_than_several(
    shipped: dict[str, Sources], context: Make, shape: str, sentence: str
) -> None:
    email = render_email(shipped["es-CO"], "heads_up", context(shape, stage="pre_due"))
    assert sentence in flat(email.text)


@pytest.mark.parametrize(
    ("days", "words"),
    [(1, "hace un día"), (2, "hace 2 días"), (1000, "hace 1.000 días")],
)
def test_days_in_singular_and_plural(
    shipped: dict[str, Sources], context: Make, days: int, words: str
) -> None:
    late = context(overdue=(sample_line(1, days, 100, today=TODAY),), stage="firm")
    assert f"({words})" in render_email(shipped["es-CO"], "firm", late).text


def test_a_last_notice_states_the_date_and_nothing_that_is_not_so(
    shipped: dict[str, Sources], context: Make
) -> None:
    text = flat(render_email(shipped["es-CO"], "last_notice", context(stage="pre_legal")).text)
    assert (
        "Le pedimos pagar, o hablar con nosotros para acordar una alternativa, a más tardar el "
        "27 de marzo de 2027. Después de esa fecha, si el saldo sigue abierto y no hay un acuerdo, "
        "una persona de nuestro equipo revisará su caso para definir el paso siguiente. Antes de "
        "esa fecha no lo haremos."
    ) in text
    without = context("without notice date", stage="pre_legal")
    assert "fecha" not in flat(render_email(shipped["es-CO"], "last_notice", without).text)


@pytest.mark.parametrize(
    ("shape", "locale", "salutation"),
    [
        ("one", "es-CO", "Buen día, María Fernanda Ñáñez Gutiérrez:"),
        ("company", "es-CO", "Señores Distribuciones Peña & Hijos S.A.S.:"),
        ("without name", "es-CO", "Buen día:"),
        ("one", "en", "Dear María Fernanda Ñáñez Gutiérrez:"),
        ("without name", "en", "Good day:"),
    ],
)
def test_people_and_companies_are_addressed_as_such(
    shipped: dict[str, Sources], context: Make, shape: str, locale: str, salutation: str
) -> None:
    email = render_email(shipped[locale], "friendly", context(shape, locale=locale))
    assert salutation in email.text.splitlines()
    assert salutation in seen(email.html)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("one", None),
        ("codebtor", "usted figura como codeudor de esta cuenta"),
        ("guarantor", "usted figura como fiador de esta cuenta"),
    ],
)
def test_a_codebtor_learns_why_he_is_written_to(
    shipped: dict[str, Sources], context: Make, shape: str, words: str | None
) -> None:
    text = flat(render_email(shipped["es-CO"], "friendly", context(shape)).text)
    assert ("usted figura como" in text) == (words is not None)
    assert words is None or words in text


# -------------------------------------------------------------------------------- money in words


def test_l15_unapplied_credit_is_shown_and_taken_off(
    shipped: dict[str, Sources], context: Make
) -> None:
    credited = context("unapplied credit")
    email = render_email(shipped["es-CO"], "friendly", credited)
    for part in (flat(email.text), seen(email.html)):
        assert "$ 1.584.467,50" in part  # what is overdue
        assert "Saldo a su favor sin aplicar: $ 50.000" in part
        assert re.search(r"Saldo por pagar:? \$ 1\.534\.467,50", part)
        assert "El saldo por pagar ya tiene descontado su saldo a favor." in part
    assert "Saldo por pagar: $ 1.534.467,50." in (
        render_sms(shipped["es-CO"], "friendly", credited).text
    )


def test_l15_credit_of_one_currency_does_not_pay_another(
    shipped: dict[str, Sources], context: Make
) -> None:
    made = context("credit of another currency")
    assert made.to_pay == (Amount("COP", 123_456_700),)
    text = render_email(shipped["es-CO"], "friendly", made).text
    assert "Saldo a su favor sin aplicar: USD 12,50" in text
    assert "Saldo por pagar: COP 1.234.567\n" in text


@pytest.mark.parametrize(
    ("credit", "to_pay"),
    [
        (-1, (Amount("COP", 123_456_700),)),
        (0, (Amount("COP", 123_456_700),)),
        (1, (Amount("COP", 123_456_699),)),
        (123_456_699, (Amount("COP", 1),)),
        (123_456_700, ()),
        (123_456_701, ()),
    ],
)
def test_l15_what_is_to_be_paid_is_never_below_nothing(
    context: Make, credit: int, to_pay: tuple[Amount, ...]
) -> None:
    assert context(credits={"COP": credit}).to_pay == to_pay


@pytest.mark.parametrize("write", [render_email, render_sms])
def test_l7_a_message_that_has_nothing_to_ask_for_is_not_written(
    shipped: dict[str, Sources], context: Make, write: Callable[..., object]
) -> None:
    covered = context(credits={"COP": 123_456_700})
    with pytest.raises(MessageError, match="credit covers everything"):
        write(shipped["es-CO"], "friendly", covered)
    with pytest.raises(MessageError, match="nothing is overdue"):
        write(shipped["es-CO"], "friendly", context(overdue=()))
    with pytest.raises(MessageError, match="nothing is coming due"):
        write(shipped["es-CO"], "heads_up", context(stage="pre_due", upcoming=()))
    paid = sample_line(1, 5, 0, today=TODAY)
    with pytest.raises(MessageError, match="nothing open"):
        write(shipped["es-CO"], "friendly", context(overdue=(paid,)))


@every_message
@every_locale
def test_l7_every_message_says_what_to_do_if_it_crossed_a_payment(
    shipped: dict[str, Sources], context: Make, template: str, locale: str
) -> None:
    made = context(stage=STAGES[template], locale=locale)
    email = render_email(shipped[locale], template, made)
    sms = render_sms(shipped[locale], template, made)
    mail_words, sms_words = {
        "es-CO": ("Si ya pagó, por favor ignore este mensaje", "Si ya pago, ignorelo."),
        "en": ("If you have already paid, please disregard", "If paid, please ignore."),
    }[locale]
    assert mail_words in flat(email.text)
    assert mail_words in seen(email.html)
    assert sms_words in sms.text


@every_message
@every_locale
def test_l11_one_message_carries_the_whole_statement(
    shipped: dict[str, Sources], context: Make, template: str, locale: str
) -> None:
    made = context("several", stage=STAGES[template], locale=locale)
    email = render_email(shipped[locale], template, made)
    lines = (*made.overdue, *made.upcoming)
    assert len(lines) == 4
    for part in (flat(email.text), seen(email.html)):
        for line in lines:
            assert line.document in part


@pytest.mark.parametrize(
    ("count", "shown", "rest"),
    [
        (20, 20, None),
        (21, 21, None),
        (22, 20, "Otros 2 documentos · $ 43"),
        (60, 20, "Otros 40 documentos · $ 1.620"),
    ],
)
def test_l11_what_a_long_statement_does_not_list_is_summed(
    shipped: dict[str, Sources], context: Make, count: int, shown: int, rest: str | None
) -> None:
    # Line n is due n days before today, so the oldest come first and the newest are summed:
    # with 60 lines those of 1 to 40 days, n + 20 pesos each: 820 + 800.
    lines = tuple(sample_line(n, n, (n + 20) * 100, today=TODAY) for n in range(1, count + 1))
    email = render_email(shipped["es-CO"], "firm", context(stage="firm", overdue=lines))
    assert len(re.findall(r"^- FV-", email.text, re.MULTILINE)) == shown
    assert email.html.count("Emitido el") == shown
    total = sum(n + 20 for n in range(1, count + 1))
    assert f"Total vencido: $ {total:,}".replace(",", ".") in email.text
    assert ("Otros" in email.text) == (rest is not None)
    assert rest is None or f"- {rest}\n" in email.text


def test_several_currencies_are_named_and_not_added(
    shipped: dict[str, Sources], context: Make
) -> None:
    made = context("several currencies")
    email = render_email(shipped["es-CO"], "friendly", made)
    assert "$" not in email.text
    assert "por un total de COP 1.234.567 y USD 300,50." in flat(email.text)
    assert "Total vencido: COP 1.234.567 y USD 300,50" in email.text
    sms = render_sms(shipped["es-CO"], "friendly", made)
    assert "Saldo vencido: COP 1.234.567 y USD 300,50." in sms.text


def test_interest_and_fees_are_shown_apart_from_what_was_invoiced(
    shipped: dict[str, Sources], context: Make
) -> None:
    said = {
        locale: render_email(
            shipped[locale], "friendly", context("interest and fees", locale=locale)
        ).text
        for locale in ("es-CO", "en")
    }
    assert "Incluye $ 25.500 de intereses de mora y $ 20.000 de gastos\n" in said["es-CO"]
    assert "Includes COP 25,500 of default interest and COP 20,000 of fees\n" in said["en"]
    assert "Valor inicial" not in said["es-CO"]  # nothing of the principal was paid


def test_a_part_payment_shows_what_it_was_and_what_is_open(
    shipped: dict[str, Sources], context: Make
) -> None:
    text = render_email(shipped["es-CO"], "friendly", context("partly paid")).text
    assert "- FV-20301 · $ 1.234.567\n" in text
    assert "Saldo por pagar: $ 1.234.567\n" in text
    assert "Total vencido: $ 1.234.567\n" in text
    assert "Venció el 28 feb 2027 (hace 12 días) · Valor inicial: $ 2.000.000\n" in text


def test_what_is_beyond_the_statement_is_told_apart(
    shipped: dict[str, Sources], context: Make
) -> None:
    text = flat(render_email(shipped["es-CO"], "friendly", context("more than listed")).text)
    assert "A su nombre hay además otro documento por COP 7.000, que este mensaje no" in text
    assert "A su nombre hay además otros 4 documentos por USD 99,00, que este" in text
    assert "Total vencido: COP 1.234.567 " in text


def test_the_statement_is_in_order_whatever_order_it_came_in(
    shipped: dict[str, Sources], context: Make
) -> None:
    made = context("several")
    turned = msgspec.structs.replace(made, overdue=made.overdue[::-1])
    assert render_email(shipped["es-CO"], "firm", made) == (
        render_email(shipped["es-CO"], "firm", turned)
    )


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("es-CO", ("Ver su cuenta", "Ver y pagar", "Ver las alternativas")),
        ("en", ("See your account", "View and pay", "See the alternatives")),
    ],
)
def test_an_email_leads_to_the_account_and_to_what_may_be_agreed(
    shipped: dict[str, Sources], context: Make, locale: str, words: tuple[str, str, str]
) -> None:
    def links(template: str, **changes: str) -> list[tuple[str, str]]:
        email = render_email(shipped[locale], template, context(locale=locale, **changes))
        found = re.findall(r'<a href="([^"]+)" style="display:block[^>]+>([^<]+)<', email.html)
        found += re.findall(r'<a href="([^"]+)" class="link"[^>]+>([^<]+)<', email.html)
        assert all(url in email.text for url, name in found if name in words)
        return [(name, url) for url, name in found if name in words]

    def buttons(**changes: str) -> int:
        email = render_email(shipped[locale], "firm", context(locale=locale, **changes))
        return email.html.count('style="display:block')

    see, pay, alternatives = words
    own, elsewhere = "https://pg.example/p/7Kq2xZr9Tb", "https://pagos.example.com/a/7Kq2xZ"
    assert links("firm") == [(pay, own)]
    assert links("firm", pay_url="") == [(see, own)]
    assert links("firm", pay_url=elsewhere) == [(pay, elsewhere), (see, own)]
    assert links("firm", account_url="", offers_url="", pay_url="") == []
    # Paying is a button, and where there is nothing to pay at, seeing is.
    assert (buttons(), buttons(pay_url=""), buttons(pay_url=elsewhere)) == (1, 1, 1)
    assert buttons(account_url="", offers_url="", pay_url="") == 0
    offered = links("offer", stage="negotiation")
    assert offered == [(alternatives, f"{own}/offers"), (pay, own)]
    none = links("offer", stage="negotiation", account_url="", offers_url="", pay_url="")
    assert none == []


def test_a_paragraph_leads_to_our_own_addresses_alone() -> None:
    own = "https://pg.example/p/7Kq2xZr9Tb"
    source = f"Vea: {own}\n\nVea: https://evil.example\n\n{own}\n\n- Vea: {own}"
    found = [(one.label, one.url) for one in paragraphs(source, (own,))]
    assert found == [("Vea", own), ("", ""), ("", ""), ("", "")]


def test_an_sms_leads_to_the_account_and_says_where_to_pay_if_that_is_elsewhere(
    shipped: dict[str, Sources], context: Make
) -> None:
    def end(**changes: str) -> str:
        return render_sms(shipped["es-CO"], "friendly", context(**changes)).text.split(". ")[-1]

    own = "https://pg.example/p/7Kq2xZr9Tb"
    see = f"Ver su cuenta o no recibir SMS: {own}"
    assert end() == f"Pagar o no recibir SMS: {own}"  # one link serves both
    elsewhere = "https://pagos.example.com/a/7Kq2xZ"
    assert end(pay_url=elsewhere) == f"Pague: {elsewhere} {see}"
    assert end(pay_url="") == see
    longest = "https://pagos.example.com/".ljust(60, "x")
    assert end(pay_url=longest) == f"Pague: {longest} {see}"
    assert end(pay_url=longest + "x") == see
    # Whoever answers for a debt has no page.
    stop = f" No mas SMS: {own}/stop"
    assert end(account_url="", pay_url=elsewhere) == f"Pague: {elsewhere}" + stop
    assert end(account_url="", pay_url="") == "Informes: +57 601 000 0001" + stop
    assert end(account_url="", pay_url="", unsubscribe_url="") == "Informes: +57 601 000 0001"


@every_locale
def test_an_sms_invites_a_reply_only_where_one_reaches_us(
    shipped: dict[str, Sources], context: Make, locale: str
) -> None:
    """Colombia has no two-way SMS on AWS: a STOP that nobody reads would be a broken promise."""
    word = {"es-CO": "Responda BAJA para no recibir mas SMS.", "en": "Reply STOP for no more SMS."}
    deaf = {"es-CO": "Responder no es posible.", "en": "Replies are not read."}
    one_way = render_sms(shipped[locale], "friendly", context(locale=locale)).text
    assert deaf[locale] in one_way
    assert word[locale] not in one_way
    two_way = render_sms(shipped[locale], "friendly", context(locale=locale, two_way=True)).text
    assert two_way.endswith(word[locale])
    assert deaf[locale] not in two_way


@every_message
@every_locale
def test_a_link_under_the_gateways_own_long_name_keeps_every_sms_within_two_segments(
    shipped: dict[str, Sources], context: Make, template: str, locale: str
) -> None:
    link = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/v1/p/7Kq2xZr9Tb"
    made = context(stage=STAGES[template], locale=locale, **page_at(link))
    for pay_url in (link, ""):
        sms = render_sms(shipped[locale], template, replace(made, pay_url=pay_url))
        assert (sms.encoding, sms.segments) == ("GSM-7", 2), pay_url
        assert link in sms.text
    # With an address of the creditor's own beside it: within what config/channels.yaml allows.
    elsewhere = replace(made, pay_url="https://pagos.andina.example.com/FV-20301")
    sms = render_sms(shipped[locale], template, elsewhere)
    assert sms.segments <= 3
    assert link in sms.text


# ------------------------------------------------------------------ every template on every shape


@every_message
@every_locale
def test_every_message_on_every_shape(
    shipped: dict[str, Sources], andina: Creditor, template: str, locale: str
) -> None:
    shapes = sample_contexts(andina, locale=locale, today=TODAY, stage=STAGES[template])
    assert len(shapes) >= 20
    for shape, made in shapes.items():
        email = render_email(shipped[locale], template, made)
        sms = render_sms(shipped[locale], template, made)
        assert check_words(email, locale) == [], shape
        assert check_words(sms, locale) == [], shape
        assert sms.encoding == "GSM-7", shape
        assert sms.segments <= 2, shape
        assert sms.text.startswith("Almacenes Andina: "), shape
        assert_well_made(email.subject, email.text, email.html)
        assert email == render_email(shipped[locale], template, made), "not deterministic"


@pytest.mark.parametrize("template", INSTALMENTS)
@every_locale
def test_every_reminder_of_an_instalment_on_every_shape(
    shipped: dict[str, Sources], andina: Creditor, template: str, locale: str
) -> None:
    stage = INSTALMENTS[template]
    shapes = sample_instalments(andina, locale=locale, today=TODAY, stage=stage)
    link = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/v1/p/7Kq2xZr9Tb"
    for shape, made in shapes.items():
        email = render_email(shipped[locale], template, made)
        sms = render_sms(shipped[locale], template, made)
        assert check_words(email, locale) == [], shape
        assert check_words(sms, locale) == [], shape
        assert_well_made(email.subject, email.text, email.html)
        longest = replace(made, **page_at(link))
        sms = render_sms(shipped[locale], template, longest)
        assert (sms.encoding, sms.segments) == ("GSM-7", 2), shape
    one = seen(render_email(shipped[locale], template, shapes["one"]).html)
    said = {"es-CO": "la cuota 2 de 6 de su acuerdo", "en": "instalment 2 of 6 of your agreement"}
    assert said[locale] in one.lower()
    assert "345.000" in one or "345,000" in one


@every_locale
def test_the_message_that_brings_an_agreements_document_on_every_shape(
    shipped: dict[str, Sources], andina: Creditor, locale: str
) -> None:
    link = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/v1/p/7Kq2xZr9Tb"
    for shape, made in sample_agreements(andina, locale=locale, today=TODAY).items():
        email = render_email(shipped[locale], "agreement", made)
        sms = render_sms(shipped[locale], "agreement", replace(made, account_url=link))
        assert check_words(email, locale) == check_words(sms, locale) == [], shape
        assert_well_made(email.subject, email.text, email.html)
        assert (sms.encoding, sms.segments) == ("GSM-7", 2), shape
        assert sms.text.endswith(link)


def test_an_agreement_whose_payments_do_not_add_up_is_not_written(
    shipped: dict[str, Sources], andina: Creditor
) -> None:
    one = sample_agreements(andina, locale="es-CO", today=TODAY)["one"]
    for wrong in (replace(one, payments=one.payments[:2]), replace(one, payments=())):
        with pytest.raises(MessageError):
            render_email(shipped["es-CO"], "agreement", wrong)


def assert_well_made(subject: str, text: str, markup: str) -> None:
    """What holds for every e-mail, whatever it says."""
    assert "Almacenes Andina" in subject
    assert "\n" not in subject
    everything = subject + text + markup
    for leftover in ("None", "Undefined", "{{", "{%", "Amount(", "\N{NO-BREAK SPACE} "):
        assert leftover not in everything, leftover
    assert "\N{NO-BREAK SPACE}" not in text
    assert not re.search(r"\S {2}|\n{3}|[ ]\n| [.,;]", text), text
    assert all(len(line) <= 76 or "http" in line for line in text.splitlines())
    # The same in both parts: every word and number of the text is in the HTML, where "venció el"
    # is said by the head of its column.
    missing = {*re.findall(r"\w{4,}|\d+", text.lower())} - {*re.findall(r"\w+", markup.lower())}
    assert missing <= {"venció", "vence"}, missing
    # Works without images, scripts, forms and style sheets from elsewhere.
    assert not re.search(r"<(img|script|form|link|iframe|object|video)\b", markup)
    assert not re.search(r"url\(|@import|src=", markup)
    assert markup.startswith("<!DOCTYPE html>")
    for tag in ("table", "tr", "td", "th", "p", "a", "span", "div"):
        opened, closed = len(re.findall(rf"<{tag}[ >]", markup)), markup.count(f"</{tag}>")
        assert opened == closed, tag
    sizes = {int(size) for size in re.findall(r"font-size:(\d+)px", markup)}
    assert sizes - {1} == {12, 13, 15, 16, 19, 32}  # 1 is the preheader, which is not seen
    assert len(markup) < 90_000  # Gmail cuts what is longer than 102 KB


def test_every_locale_has_the_same_messages_and_phrases() -> None:
    files = {locale: {file.name for file in (CONFIG / locale).iterdir()} for locale in LOCALES}
    names = {
        "_words.j2",
        "agreement.j2",
        "receipt.j2",
        *(f"{name}.j2" for name in (*STAGES, *INSTALMENTS, *NOTICES)),
    }
    assert files["es-CO"] == files["en"] == names
    for name in files["en"]:
        blocks = {
            locale: re.findall(r"{% block (\w+) %}", (CONFIG / locale / name).read_text("utf-8"))
            for locale in LOCALES
        }
        assert blocks["es-CO"] == blocks["en"], name


def test_the_shipped_messages_are_those_of_the_ladder_and_the_receipt(
    shipped: dict[str, Sources],
) -> None:
    assert message_names(shipped["es-CO"]) == sorted(
        [*STAGES, *INSTALMENTS, *NOTICES, "agreement", "receipt"]
    )


@st.composite
def contexts(draw: st.DrawFn, creditor: Creditor, locale: str, stage: str) -> MessageContext:
    """Any context that asks for something."""
    currency = st.sampled_from(["COP", "USD", "CLP", "EUR", "KWD"])
    text = st.text(max_size=40)
    minor = st.integers(1, 10**15)

    def line(days: st.SearchStrategy[int]) -> st.SearchStrategy[StatementLine]:
        return st.builds(
            lambda n, late, code, document, opened, more: StatementLine(
                receivable_id=f"r-{n}",
                document=document,
                issued_on=TODAY - timedelta(days=late + 30),
                due_on=TODAY - timedelta(days=late),
                days_past_due=late,
                currency=code,
                amount_minor=opened + more,
                open_minor=opened,
            ),
            st.integers(0, 10**6), days, currency, text, minor, st.integers(0, 10**6),
        )  # fmt: skip

    pre_due = stage == "pre_due"
    return MessageContext(
        message_id="m-1",
        debtor_name=draw(text),
        debtor_kind=draw(st.sampled_from(["person", "company"])),
        locale=locale,
        creditor=creditor,
        step="step",
        stage=stage,
        today=TODAY,
        overdue=() if pre_due else tuple(
            draw(st.lists(line(st.integers(1, 4000)), min_size=1, max_size=30))
        ),
        upcoming=tuple(
            draw(st.lists(line(st.integers(-400, 0)), min_size=int(pre_due), max_size=30))
        ),
        credits=draw(st.dictionaries(currency, st.integers(-5, 50), max_size=3)),
        beyond=tuple(
            draw(st.lists(st.builds(BeyondLine, currency, st.integers(1, 99), minor), max_size=2))
        ),
        role=draw(st.sampled_from(["debtor", "codebtor", "guarantor"])),
        respond_by=draw(st.none() | st.just(TODAY)),
        pay_url=draw(st.sampled_from(["", "https://pay.example/x", f"https://p.co/{'y' * 90}"])),
        preferences_url=draw(st.sampled_from(["", "https://pay.example/p"])),
        unsubscribe_url=draw(st.sampled_from(["", "https://pay.example/u"])),
    )  # fmt: skip


@every_message
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_context_that_asks_for_something_is_written(
    shipped: dict[str, Sources], andina: Creditor, template: str, data: st.DataObject
) -> None:
    locale = data.draw(st.sampled_from(LOCALES))
    made = data.draw(contexts(andina, locale, STAGES[template]))
    if not made.to_pay:
        with pytest.raises(MessageError, match="credit covers"):
            render_email(shipped[locale], template, made)
        return
    email = render_email(shipped[locale], template, made)
    sms = render_sms(shipped[locale], template, made)
    assert "<img" not in email.html
    assert "\n" not in email.subject + sms.text
    assert sms.text.isprintable()
    # Debtors' data changes neither what a locked screen shows nor the frame of the page.
    assert email.subject == render_email(shipped[locale], template, calm(made)).subject
    assert check_words(msgspec.structs.replace(email, text="", html=""), locale) == []
    assert email.html.count("<html") == email.html.count("</html>") == 1


def calm(made: MessageContext) -> MessageContext:
    return msgspec.structs.replace(made, debtor_name="María")


@given(
    lines=st.lists(
        st.tuples(st.sampled_from(["COP", "USD", "CLP"]), st.integers(1, 10**12)), min_size=1
    ),
    credits=st.dictionaries(st.sampled_from(["COP", "USD", "EUR"]), st.integers(0, 10**12)),
)
def test_totals_are_the_sums_of_the_lines_per_currency(
    context: Make, lines: list[tuple[str, int]], credits: dict[str, int]
) -> None:
    overdue = tuple(
        sample_line(n, 3, minor, today=TODAY, currency=code)
        for n, (code, minor) in enumerate(lines)
    )
    made = context(overdue=overdue, credits=credits)
    for total in made.totals:
        owed = [minor for code, minor in lines if code == total.currency]
        assert total.overdue_minor == sum(owed)
        assert total.credit_minor == credits.get(total.currency, 0)
        assert total.to_pay_minor == max(0, sum(owed) - total.credit_minor)
    assert {total.currency for total in made.totals} == (
        {code for code, _ in lines} | {code for code, minor in credits.items() if minor}
    )
