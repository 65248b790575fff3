"""The paper of an agreement: what the law of three countries asks it to say; its amounts add up."""

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.agreements.agreed import Acceptance, Agreement
from escalon.domain.agreements.agreement import COMPONENTS
from escalon.domain.agreements.offers import schedule
from escalon.domain.money import Component
from escalon.domain.rules.rulebook import Creditor
from escalon.papers.agreement import DebtDocument, Debtor, agreement_paper, seal_of
from escalon.papers.paper import Pairs, Paper, Table, Text, code_of, grouped, read_code
from escalon.papers.words import PHRASES

TODAY = date(2026, 9, 15)
CREDITOR = Creditor(
    *("andina", "Almacenes Andina", "Almacenes Andina S.A.S.", "NIT 900.000.001-8", "CO"),
    *("cuentas@andina.example.com", "atencion@andina.example.com", "+57 601 000 0001"),
    address="Carrera 7 # 00-01, Bogotá",
    privacy_url="https://andina.example.com/privacidad",
    pay_instructions={"es": "Cuenta 000-1\nPSE", "en": "Account 000-1"},
    complaints={"es": "Unidad de quejas: quejas@andina.example.com"},
)
DEBTOR = Debtor("María Ñáñez", "CC 1020", "CO", "America/Bogota")
DOCUMENTS = {
    "r1": DebtDocument("FV-1", date(2026, 7, 1)),
    "r2": DebtDocument("FV-2", date(2026, 8, 1)),
}


def agreement(**changes: object) -> Agreement:
    """COP 1,015,000 owed on two documents, of which 15,000 interest is given up."""
    debts: dict[str, dict[Component, int]] = {
        "r1": {"principal": 800_000_00, "interest": 15_000_00},
        "r2": {"principal": 200_000_00},
    }
    plan = schedule(1_000_000_00, 3, date(2026, 10, 15), since=TODAY, rate=200_000)
    given: Agreement = Agreement(
        *("g1", "andina", "COP", "plan", "plan", "offered"),
        debts,
        TODAY,
        plan,
        rate=200_000,
        discount={"interest": 15_000_00},
        tolerance_days=5,
        tolerance_minor=1_000_00,
    )
    return replace(given, **changes)


def paper(one: Agreement | None = None, locale: str = "es-CO", country: str = "CO") -> Paper:
    return agreement_paper(
        one or agreement(),
        debtor=replace(DEBTOR, country=country),
        creditor=CREDITOR,
        documents=DOCUMENTS,
        locale=locale,
    )


def section(of: Paper, heading: str) -> list[str]:
    """All words of a section, a block or a row each."""
    (found,) = (one for one in of.sections if one.heading == heading)
    told = []
    for block in found.blocks:
        if isinstance(block, Text):
            told.append(block.text)
        else:
            told += [" | ".join(row) for row in block.rows]
    return [line.replace("\xa0", " ") for line in told]


def words(of: Paper) -> str:
    return "\n".join(line for one in of.sections for line in section(of, one.heading))


def test_the_parties_are_named_as_a_contract_names_them() -> None:
    assert section(paper(), "Las partes") == [
        "Acreedor | Almacenes Andina S.A.S., identificado con NIT 900.000.001-8. "
        "Carrera 7 # 00-01, Bogotá",
        "Deudor | María Ñáñez, identificado con CC 1020",
    ]


def test_the_debt_stands_by_component_with_the_day_of_its_calculation() -> None:
    assert section(paper(), "La deuda") == [
        "Valores en COP, calculados al 15 de septiembre de 2026 según los registros del acreedor. "
        "Si no está de acuerdo con alguno, puede reclamar en cualquier momento.",
        "FV-1 | 1 jul 2026 | $ 800.000 | $ 15.000 | $ 815.000",
        "FV-2 | 1 ago 2026 | $ 200.000 | $ 0 | $ 200.000",
        "Total |  | $ 1.000.000 | $ 15.000 | $ 1.015.000",
    ]


def test_what_is_agreed_adds_up_on_the_page() -> None:
    assert section(paper(), "Lo que se acuerda")[:5] == [
        "El deudor paga $ 1.030.687,73 en 3 cuotas, la primera a más tardar el 15 de octubre de "
        "2026 y la última a más tardar el 15 de diciembre de 2026.",
        "Deuda al 15 de septiembre de 2026 | $ 1.015.000",
        "Descuento de intereses de mora | −$ 15.000",
        "Intereses del acuerdo | $ 30.687,73",
        "Total por pagar | $ 1.030.687,73",
    ]
    assert section(paper(), "Cuotas") == [
        "1 | 15 de octubre de 2026 | $ 328.464,41 | $ 15.098,17 | $ 343.562,58 | $ 687.125,15",
        "2 | 15 de noviembre de 2026 | $ 333.083,03 | $ 10.479,55 | $ 343.562,58 | $ 343.562,57",
        "3 | 15 de diciembre de 2026 | $ 338.452,56 | $ 5.110,01 | $ 343.562,57 | $ 0",
        "Total |  | $ 1.000.000 | $ 30.687,73 | $ 1.030.687,73 | ",
    ]


def test_it_says_what_becomes_of_it_when_it_is_kept_and_when_it_is_not() -> None:
    assert section(paper(), "Cuando se cumpla") == [
        "Pagado lo acordado, la deuda descrita queda pagada en su totalidad y el deudor está a paz "
        "y salvo por ella. Puede pedir la constancia sin costo.",
        "El descuento de $ 15.000 se aplica en ese momento.",
    ]
    broken = section(paper(), "Si no se cumple")
    assert broken[0] == (
        "Un pago se tiene por hecho a tiempo si llega dentro de los 5 días siguientes a su fecha, "
        "y si le faltan como máximo $ 1.000."
    )
    assert broken[2] == "En ese caso el descuento de $ 15.000 no se aplica."


def test_a_promise_of_a_part_says_what_it_leaves_open() -> None:
    plan = schedule(400_000_00, 1, date(2026, 9, 30), since=TODAY)
    one = agreement(kind="promise", instalments=plan, rate=0, discount={}, tolerance_days=1)
    assert section(paper(one, "en"), "When it is kept") == [
        "This agreement is a part payment: once it is kept, COP 615,000 of the debt calculated on "
        "September 15, 2026 remains open."
    ]
    assert "Part of the debt that this promise does not cover | −COP 615,000" in section(
        paper(one, "en"), "What is agreed"
    )
    assert "within one day after its date" in words(paper(one, "en"))


@pytest.mark.parametrize(
    ("country", "said"),
    [
        ("CO", ("Ley 527 de 1999", "Ley 1480 de 2011", "Ley 1581 de 2012")),
        ("MX", ("finiquito", "CONDUSEF", "Particulares", "desglosada y con su fecha de cálculo")),
        ("CL", ("no forma parte de un procedimiento judicial", "37 de la Ley 19.496", "SERNAC")),
        ("PE", ("Puede pedir copia de este documento",)),
    ],
)
def test_each_country_has_the_notices_that_its_law_asks_for(
    country: str, said: tuple[str, ...]
) -> None:
    told = words(paper(country=country))
    assert [one for one in said if one not in told] == []
    of_others = {"CO": "Ley 527", "MX": "CONDUSEF", "CL": "SERNAC"}
    assert [law for of, law in of_others.items() if of != country and law in told] == []


def test_payment_is_to_the_creditor_itself_with_a_reference_and_nobody_is_threatened() -> None:
    assert section(paper(), "Cómo pagar") == [
        "Los pagos se hacen directamente a Almacenes Andina S.A.S., indicando la referencia CC "
        "1020. Ninguna persona está autorizada para recibirlos en su propia cuenta.",
        "Cuenta 000-1",
        "PSE",
    ]
    alone = agreement(debts={"r1": {"principal": 1_000_000_00}}, discount={})
    assert "la referencia FV-1" in section(paper(alone), "Cómo pagar")[0]
    assert "Unidad de quejas" in words(paper())


def test_the_hash_is_of_every_word_and_of_nothing_else() -> None:
    one = paper()
    assert one.hash == paper().hash
    accepted = agreement(
        state="accepted", accepted=Acceptance(datetime(2026, 9, 15, tzinfo=UTC), "debtor", "phone")
    )
    assert paper(accepted).hash == one.hash  # what was shown before is what was agreed to
    for other in (agreement(tolerance_days=6), agreement(agreement_id="g2")):
        assert paper(other).hash != one.hash
    assert paper(locale="en").hash != one.hash


def test_the_seal_says_how_it_was_accepted_on_the_debtors_own_clock() -> None:
    at = datetime(2026, 9, 16, 2, 32, tzinfo=UTC)
    one = agreement(accepted=Acceptance(at, "debtor", "portal", code_point="p1"))
    seal = seal_of(one, paper(one), "https://x/verify/C", "America/Bogota")
    assert [line.replace("\xa0", " ") for line in seal.accepted] == [
        "Aceptado por el deudor el 15 de septiembre de 2026 a las 21:32 (America/Bogota), en la "
        "página de su cuenta.",
        "Se identificó con un código de un solo uso enviado a un contacto registrado.",
    ]
    accepted = Acceptance(
        at, "debtor", "portal", code_point="p1", message_id="m7", challenge_id="c9"
    )
    one = agreement(accepted=accepted)
    assert seal_of(one, paper(one), "https://x", "UTC").accepted[-1] == (
        "Enlace del mensaje m7; código n.º c9."
    )
    heard = agreement(accepted=Acceptance(at, "operator", "fax", "arn:ana"))
    (line,) = seal_of(heard, paper(heard, "en"), "https://x", "UTC").accepted
    assert line.endswith("by other means, recorded by whoever attended to them.")
    assert "arn" not in line


def test_a_name_from_an_export_is_one_line_of_text() -> None:
    one = agreement_paper(
        agreement(),
        debtor=replace(DEBTOR, name="Ana\n\u202e<b>Gómez</b>"),
        creditor=CREDITOR,
        documents={},
        locale="es",
    )
    (pairs,) = one.sections[0].blocks
    assert isinstance(pairs, Pairs)
    assert pairs.rows[1] == ("Deudor", "Ana <b>Gómez</b>, identificado con CC 1020")
    assert "r1" in words(one)  # a receivable nobody knows any more goes by its id


def test_every_phrase_is_there_in_both_languages_and_fills_the_same_names() -> None:
    spanish, english = PHRASES["es"], PHRASES["en"]
    assert spanish.keys() == english.keys()
    for name, text in spanish.items():
        assert set(re.findall(r"\{(\w+)\}", text)) == set(
            re.findall(r"\{(\w+)\}", english[name])
        ), name


# ------------------------------------------------------------------------------------ codes


@given(st.binary(min_size=32, max_size=32))
def test_a_code_is_read_however_it_is_written(digest: bytes) -> None:
    code = code_of(digest.hex())
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{16}", code)
    assert read_code(grouped(code)) == code
    assert read_code(grouped(code).lower().replace("0", "o").replace("1", "l")) == code


# ------------------------------------------------------------------------------ money adds up

MINOR = st.integers(0, 10**9)


@settings(max_examples=60, deadline=None)
@given(
    owed=st.dictionaries(st.sampled_from(COMPONENTS), st.integers(1, 10**9), min_size=1),
    share=st.integers(0, 99),
    count=st.integers(1, 12),
    rate=st.sampled_from([0, 180_000]),
)
def test_the_amounts_on_the_page_always_add_up(
    owed: dict[Component, int], share: int, count: int, rate: int
) -> None:
    """Read back from the text, as whoever holds the paper would."""
    discount: dict[Component, int] = {
        name: minor * share // 100 for name, minor in owed.items() if minor * share // 100
    }
    to_pay = sum(owed.values()) - sum(discount.values())
    try:
        plan = schedule(to_pay, count, date(2026, 10, 1), since=TODAY, rate=rate)
    except ValueError:
        return
    one = agreement(debts={"r1": owed}, discount=discount, instalments=plan, rate=rate)
    written = paper(one, "en")
    (sums,) = (
        block
        for found in written.sections
        if found.heading == "What is agreed"
        for block in found.blocks
        if isinstance(block, Table)
    )
    amounts = [_minor(row[-1]) for row in sums.rows]
    assert sum(amounts[:-1]) == amounts[-1] == one.total_minor


def _minor(written: str) -> int:
    """Minor units of an amount as it is printed: −COP 15,000 or COP 30,687.73."""
    sign = -1 if written.startswith("−") else 1
    whole, _, cents = re.sub(r"[^\d.]", "", written).partition(".")
    return sign * (int(whole) * 100 + int(cents or 0))
