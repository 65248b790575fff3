"""What a message must not say, and what it may."""

import pytest

from escalon.messages.sms import to_gsm7
from escalon.messages.words import Problem, check_sender, check_tone, check_words
from escalon.messages.written import Email, Sms


def email(subject: str = "Hola", preheader: str = "Hola", text: str = "", html: str = "") -> Email:
    return Email(subject=subject, preheader=preheader, text=text, html=html, locale="es-CO")


def sms(text: str) -> Sms:
    return Sms(text, 1, "GSM-7", "es-CO")


@pytest.mark.parametrize(
    "words",
    [
        "su deuda", "Deudas", "ADEUDA", "endeudado", "en mora", "MOROSO", "morosidad", "embargo",
        "embargar", "cobro", "Cobranzas", "cobrar", "demanda", "demandado", "jurídico", "JURIDICA",
        "prejurídico", "judicial", "juzgado", "prelegal", "pre-legal", "acción legal", "vencido",
        "vencida", "venció", "vencimiento", "impago", "incumplimiento", "cartera", "atraso",
        "atrasada", "DataCrédito", "centrales de riesgo", "abogado", "reporte",
    ],
)  # fmt: skip
def test_words_of_debt_in_spanish_are_not_seen_on_a_locked_screen(words: str) -> None:
    for found in (
        check_words(email(subject=f"Aviso: {words} hoy"), "es-CO"),
        check_words(email(preheader=f"Aviso: {words} hoy"), "es"),
        check_words(sms(f"Andina: {words} hoy"), "es-CO"),
        check_words(sms(to_gsm7(f"Andina: {words} hoy")), "es-CO"),
        check_sender(f"Andina {words}", "es-CO"),
    ):
        assert "a word of debt" in {problem.reason for problem in found}


@pytest.mark.parametrize(
    "words",
    [
        "debt", "your Debts", "OVERDUE", "past due", "past-due", "collection", "collections",
        "debt collector", "delinquent", "default", "arrears", "lawsuit", "legal action", "attorney",
        "court", "unpaid", "amount owed",
    ],
)  # fmt: skip
def test_words_of_debt_in_english_are_not_seen_on_a_locked_screen(words: str) -> None:
    for found in (
        check_words(email(subject=f"Notice: {words} now"), "en"),
        check_words(sms(f"Andina: {words} now"), "en-US"),
        check_sender(f"Andina {words}", "en"),
    ):
        assert "a word of debt" in {problem.reason for problem in found}


@pytest.mark.parametrize(
    "subject",
    [
        "Información sobre su cuenta con Zamora & Demoras",  # neither "mora" nor "moras"
        "Almacenes Cobre y Recobro",
        "Memoria de moralidad",
        "Comandante Demóstenes",
        "Su cuenta con Café 1900",
        "Su cuenta FV-20301 del 12/03/2027",
        "Su cuenta 12.03.2027",
        "Su cuenta con 3 documentos",
        "Llame al +57 601 555 0101",
        "Calle 72 # 10-34",
        "NIT 900123456",
        "Almacén TOP 10",
    ],
)
def test_what_only_looks_like_debt_or_money_may_stand_there(subject: str) -> None:
    assert check_words(email(subject=subject), "es-CO") == []
    assert check_words(sms(subject), "es-CO") == []


@pytest.mark.parametrize(
    "amount",
    [
        "$ 1.234.567", "$1", "$\N{NO-BREAK SPACE}50.000", "COP 20.000", "COP\N{NO-BREAK SPACE}5",
        "USD 300,00", "300 USD", "1.234.567", "1,234,567", "50.000", "20 mil", "3 millones",
        "1000 pesos", "50 dólares", "€ 20", "20 €", "£5",
    ],
)  # fmt: skip
def test_amounts_are_not_seen_on_a_locked_screen(amount: str) -> None:
    for found in (
        check_words(email(subject=f"Cuenta: {amount}"), "es-CO"),
        check_words(email(preheader=f"Cuenta: {amount}"), "es-CO"),
        check_words(sms(f"Andina: {amount}"), "es-CO"),
        check_sender(f"Andina {amount}", "es-CO"),
    ):
        assert [problem.reason for problem in found] == ["an amount"]


@pytest.mark.parametrize(("start", "seen"), [(38, True), (39, True), (40, False), (41, False)])
@pytest.mark.parametrize(("words", "reason"), [("deuda", "a word of debt"), ("$ 5", "an amount")])
def test_the_first_40_characters_of_an_sms(start: int, seen: bool, words: str, reason: str) -> None:
    # What begins in sight is a problem, even if its end is cut off: "deu…" is guessed.
    text = "Andina".ljust(start - 1, ".") + f" {words}"
    assert text.index(words) == start
    assert [p.reason for p in check_words(sms(text), "es-CO")] == ([reason] if seen else [])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("¿Por qué no ha pagado?", "asks why"),
        ("Cuéntenos por qué aún no nos ha pagado", "asks why"),
        ("Indique el motivo de su atraso", "asks why"),
        ("¿cuál es la razón por la que no ha pagado?", "asks why"),
        ("explique la causa del incumplimiento", "asks why"),
        ("podría ir a la cárcel", "jail"),
        ("es un delito", "jail"),
        ("lo denunciaremos a la policía", "jail"),
        ("procederemos al embargo de sus bienes", "threatens"),
        ("será demandado", "threatens"),
        ("perderá su casa", "threatens"),
        ("aténgase a las consecuencias", "threatens"),
        ("esta es su última oportunidad", "threatens"),
        ("de lo contrario, tomaremos medidas", "threatens"),
        ("nos veremos obligados a iniciar acciones legales", "threatens"),
        ("iniciaremos un proceso ejecutivo", "threatens"),
        ("pasará a cobro jurídico", "threatens"),
        ("el Juzgado Tercero", "court paper"),
        ("mandamiento de pago", "court paper"),
        ("lo reportaremos a DataCrédito", "credit bureau"),
        ("reporte negativo ante las centrales de riesgo", "credit bureau"),
        ("usted es un moroso", "insults"),
        ("hablaremos con sus familiares", "insults"),
        ("aproveche nuestra promoción", "advertises"),
    ],
)
def test_no_threat_no_question_why_in_spanish(words: str, reason: str) -> None:
    for found in (
        check_words(email(text=f"Buen día. {words}."), "es-CO"),
        check_words(email(html=f"<p>Buen <b>día</b>. {words}.</p>"), "es-CO"),
        check_words(
            sms(to_gsm7(f"Andina: le damos información sobre su cuenta. {words}")), "es-CO"
        ),
    ):
        assert any(p.where == "body" and reason in p.reason for p in found), words


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Why have you not paid?", "asks why"),
        ("tell us why you haven't paid", "asks why"),
        ("the reason for your late payment", "asks why"),
        ("you may go to jail", "jail"),
        ("the police", "jail"),
        ("your wages will be garnished", "threatens"),
        ("pay or else", "threatens"),
        ("this is your final warning", "threatens"),
        ("without further notice", "threatens"),
        ("court order", "court paper"),
        ("your credit score will suffer", "credit bureau"),
        ("we will tell your employer", "insults"),
        ("a special offer", "advertises"),
    ],
)
def test_no_threat_no_question_why_in_english(words: str, reason: str) -> None:
    found = check_words(email(text=f"Good day. {words}."), "en")
    assert any(p.where == "body" and reason in p.reason for p in found), words


@pytest.mark.parametrize(
    "words",
    [
        "Su documento venció el 3 de marzo y tiene un saldo vencido de $ 5.000.",
        "Este mensaje es informativo: no es un documento de una autoridad.",
        "Una persona de nuestro equipo jurídico revisará su caso.",
        "¿Tiene una pregunta o no está de acuerdo con un saldo?",
        "Podemos revisar juntos un acuerdo de pago según lo que usted pueda pagar.",
        "Díganos por qué canal prefiere que le escribamos.",
    ],
)
def test_what_a_body_may_say(words: str) -> None:
    assert check_words(email(text=words, html=f"<p>{words}</p>"), "es-CO") == []


def test_what_nobody_sees_of_the_html_is_not_checked() -> None:
    hidden = "<head><style>.embargo{}</style></head><!-- delito --><p class='carcel'>Hola</p>"
    assert check_words(email(html=hidden), "es-CO") == []


def test_a_problem_says_where_what_and_why() -> None:
    assert check_words(email(subject="Su DEUDA"), "es-CO") == [
        Problem("subject", "deuda", "a word of debt")
    ]


def test_an_empty_preheader_lets_the_text_be_seen() -> None:
    assert check_words(email(preheader=" "), "es-CO") == [
        Problem("preheader", "", "empty, so mail programs show the text instead")
    ]


@pytest.mark.parametrize("locale", ["fr", "pt-BR", ""])
def test_a_language_without_lists_does_not_pass_unchecked(locale: str) -> None:
    assert check_words(email(), locale)[0].reason == "there are no word lists for this language"
    assert check_words(sms("Hola"), locale)
    assert check_sender("Andina", locale)


@pytest.mark.parametrize(
    ("text", "locale", "last_too_stern"),
    [
        ("Le exigimos el pago.", "es-CO", "reminder"),
        ("Debe pagar de inmediato.", "es-CO", "reminder"),
        ("You must pay immediately.", "en", "reminder"),
        ("Nuestros abogados revisarán su caso.", "es-CO", "negotiation"),
        ("Pasará al área jurídica.", "es", "negotiation"),
        ("Our legal team will look at it.", "en-GB", "negotiation"),
        ("Le pedimos el pago, por favor.", "es-CO", ""),
        ("It is a courteous reminder.", "en", ""),  # no court
    ],
)
def test_each_stage_has_its_tone(text: str, locale: str, last_too_stern: str) -> None:
    """P4, P5: friendly first, firm later, and lawyers at the end alone."""
    stages = ["pre_due", "reminder", "firm", "negotiation", "pre_legal", "legal"]
    too_stern = [stage for stage in stages if check_tone(text, stage, locale)]
    assert too_stern == (stages[: stages.index(last_too_stern) + 1] if last_too_stern else [])
