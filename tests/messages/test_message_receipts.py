"""Receipts: literal words, whose they are, and that they ask for nothing."""

import re
from collections.abc import Callable
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalon.domain.money import Component
from escalon.domain.rules.rulebook import Creditor
from escalon.messages.context import Amount, ReceiptContext, SettledComponent, SettledLine
from escalon.messages.errors import MessageError
from escalon.messages.render import render_email
from escalon.messages.review import review_messages
from escalon.messages.samples import sample_receipts
from escalon.messages.words import check_words
from tests.messages.conftest import ANDINA, TODAY

type Sources = dict[str, str]
type Make = Callable[..., ReceiptContext]

LOCALES = ("es-CO", "en")
SHAPES = tuple(sample_receipts(ANDINA, locale="en", today=TODAY))


def cop(minor: int) -> Amount:
    return Amount("COP", minor)


def line(document: str, **components: int) -> SettledLine:
    names: dict[str, Component] = {"interest": "interest", "principal": "principal"}
    parts = (SettledComponent(names[name], cop(minor)) for name, minor in components.items())
    return SettledLine(document, tuple(parts))


@pytest.fixture
def receipt(andina: Creditor) -> Make:
    """100,000 pesos for one document and 40,000 for another; 10,000 are left as credit."""

    def make(**changes: object) -> ReceiptContext:
        made = ReceiptContext(
            message_id="r1",
            locale="es-CO",
            creditor=andina,
            payment="andina-wompi:01-1531",
            paid_on=date(2027, 3, 10),
            received=cop(150_000_00),
            today=TODAY,
            debtor_name="María Fernanda Ñáñez",
            settled=(
                line("FV-20301", interest=5_000_50, principal=94_999_50),
                line("FV-20302", principal=40_000_00),
            ),
            credit=10_000_00,
            open=(),
            credits=(cop(10_000_00),),
        )
        return msgspec.structs.replace(made, **changes)

    return make


def test_the_text_of_a_receipt(shipped: dict[str, Sources], receipt: Make) -> None:
    email = render_email(shipped["es-CO"], "receipt", receipt())
    assert email.subject == "Recibo de su pago a Almacenes Andina"
    assert email.preheader == "Gracias por su pago. Este es su recibo, para que lo conserve."
    assert (
        email.text
        == """\
Almacenes Andina

Buen día, María Fernanda Ñáñez:

Gracias por su pago. Lo recibimos y quedó registrado a favor de Almacenes
Andina.

Recibimos: $ 150.000
Pago hecho el 10 de marzo de 2027
Número del pago: andina-wompi:01-1531

A qué se aplicó su pago

- FV-20301 · $ 100.000
  Intereses: $ 5.000,50
  Capital: $ 94.999,50
- FV-20302 · $ 40.000
- Queda como saldo a su favor · $ 10.000

Total recibido: $ 150.000

Después de este pago

Su cuenta con Almacenes Andina no tiene saldos pendientes.
Saldo a su favor sin aplicar: $ 10.000
Saldos al 12 de marzo de 2027

Si algún dato no coincide con lo que usted pagó, escríbanos y con gusto lo
revisamos.

Este mensaje es solo informativo: usted no tiene que hacer nada.

Cordialmente,
Equipo de atención de cuentas
+57 601 000 0001
atencion@andina.example.com

--------------------------------------------------------------------------

¿Tiene una pregunta o un reclamo?
Escríbanos a atencion@andina.example.com o llámenos al +57 601 000 0001: con
gusto le respondemos y recibimos su petición, queja o reclamo.

Usted decide por qué canal le escribimos
Para cambiar de canal o no recibir más mensajes por este, escríbanos a
atencion@andina.example.com.

Este mensaje se generó automáticamente. Si prefiere que le atienda una
persona, responda este correo o llame al +57 601 000 0001.

Almacenes Andina S.A.S., NIT 900.000.001-8, Carrera 7 # 00-01, Bogotá.
Ayuda: https://andina.example.com/ayuda
Tratamiento de datos personales: https://andina.example.com/privacidad
"""
    )


def test_what_is_still_open_is_told_and_not_asked_for(
    shipped: dict[str, Sources], receipt: Make
) -> None:
    still = receipt(open=(cop(23_456_700), Amount("USD", 30_050)))
    text = render_email(shipped["es-CO"], "receipt", still).text
    told = "Saldo de su cuenta con Almacenes Andina: COP 234.567 y USD 300,50"
    assert told in " ".join(text.split()).replace("\N{NO-BREAK SPACE}", " ")
    assert "Este mensaje es solo informativo" in text


def test_the_english_receipt_names_the_currency(shipped: dict[str, Sources], receipt: Make) -> None:
    text = render_email(shipped["en"], "receipt", receipt(locale="en")).text
    assert "We have received: COP 150,000\nPaid on March 10, 2027\n" in text
    assert (
        "- FV-20301 · COP 100,000\n  Interest: COP 5,000.50\n  Principal: COP 94,999.50\n" in text
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("locale", LOCALES)
def test_a_receipt_asks_for_nothing_and_leads_nowhere_to_pay(
    shipped: dict[str, Sources], andina: Creditor, locale: str, shape: str
) -> None:
    """L7 and the exemption of confirmations: no ask, no link to pay, no threat, no advertising."""
    made = sample_receipts(andina, locale=locale, today=TODAY)[shape]
    email = render_email(shipped[locale], "receipt", made)
    assert check_words(email, locale) == []
    text = f"{email.subject} {email.preheader} {email.text} {email.html}".lower()
    for ask in ("pague", "pagar", "cómo pagar", "por pagar", "view and pay", "to pay", "pay now"):
        assert ask not in text, ask
    links = set(re.findall(r"https?://[^\s\"<>]+", email.text))
    assert links == {"https://andina.example.com/ayuda", "https://andina.example.com/privacidad"}


@pytest.mark.parametrize("locale", LOCALES)
def test_somebody_elses_address_learns_of_the_money_alone(
    shipped: dict[str, Sources], andina: Creditor, locale: str
) -> None:
    """Who pays may be a relative: nothing of the debt, or of whose it is, goes to them."""
    made = sample_receipts(andina, locale=locale, today=TODAY)["somebody else's address"]
    email = render_email(shipped[locale], "receipt", made)
    for told in (email.text, email.html):
        assert "1.000.000" in told or "1,000,000" in told
        for kept in ("María", "FV-", "Saldo", "saldo", "alance", "settled"):
            assert kept not in told, kept


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"credit": 9_999_99}, "the parts do not add up to what was received"),
        ({"received": cop(150_000_01)}, "the parts do not add up to what was received"),
        ({"received": cop(0), "settled": (), "credit": 0}, "nothing was received"),
        ({"received": Amount("USD", 150_000_00)}, "a part of the payment is of another currency"),
        ({"details": False}, "it tells of a debt where it should tell of the money alone"),
        (
            {"details": False, "settled": (), "credit": 0, "credits": (), "open": (cop(1),)},
            "it tells of a debt where it should tell of the money alone",
        ),
    ],
)
def test_a_receipt_that_cannot_be_true_is_not_written(
    shipped: dict[str, Sources], receipt: Make, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(MessageError) as raised:
        render_email(shipped["es-CO"], "receipt", receipt(**changes))
    assert str(raised.value) == f"es-CO/receipt: {reason}"


@settings(deadline=None)
@given(amounts=st.lists(st.integers(1, 10**12), min_size=1, max_size=60))
def test_the_lines_shown_and_the_rest_add_up_to_what_was_received(
    shipped: dict[str, Sources], amounts: list[int]
) -> None:
    settled = tuple(line(f"FV-{n}", principal=minor) for n, minor in enumerate(amounts))
    made = ReceiptContext(
        message_id="r1",
        locale="en",
        creditor=ANDINA,
        payment="p",
        paid_on=TODAY,
        received=cop(sum(amounts)),
        today=TODAY,
        settled=settled,
    )
    text = render_email(shipped["en"], "receipt", made).text
    shown = re.findall(r"^- .* · COP ([\d,]+)(?:\.(\d\d))?$", text, re.MULTILINE)
    assert len(shown) == (len(amounts) if len(amounts) <= 21 else 21)
    assert sum(
        int(whole.replace(",", "")) * 100 + int(cents or 0) for whole, cents in shown
    ) == sum(amounts)


def test_a_hostile_document_number_is_never_markup(
    shipped: dict[str, Sources], receipt: Make
) -> None:
    evil = line('<img src=x onerror="alert(1)">\u202e', interest=5_000_50, principal=94_999_50)
    changed = receipt(settled=(evil, line("FV-20302", principal=40_000_00)))
    email = render_email(shipped["es-CO"], "receipt", changed)
    assert "<img" not in email.html
    assert "&lt;img src=x" in email.html
    assert "\u202e" not in email.text + email.html


def test_receipts_are_tried_before_they_are_published(
    shipped: dict[str, Sources], andina: Creditor
) -> None:
    receipt = (
        "{% block subject %}Su deuda{% endblock %}\n"
        "{% block preheader %}Recibo{% endblock %}\n"
        "{% block opening %}{{ pay_url }}{% endblock %}\n"
        "{% block closing %}Aproveche nuestra promoción.{% endblock %}\n"
    )
    sources = {**shipped["es-CO"], "receipt": receipt}
    found = review_messages(sources, "es-CO", steps=(), creditors=[andina], today=TODAY)
    assert [(f.template, f.line, f.message) for f in found] == [
        ("receipt", 1, "the subject has 'deuda': a word of debt"),
        ("receipt", 3, "'pay_url' is not known"),
        ("receipt", 4, "the text has 'aproveche': advertises"),
        ("receipt", 4, "the text has 'promocion': advertises"),
    ]
