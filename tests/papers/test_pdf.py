"""Papers as PDF: the same bytes each time, whatever stands in them, and the QR code's address."""

import base64
import re
import subprocess
import sys
import zlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel

from escalon.domain.agreements.offers import schedule
from escalon.messages.samples import sample_contexts
from escalon.papers.letter import letter_paper
from escalon.papers.paper import Column, Letterhead, Paper, Seal, Section, Table, Text
from escalon.papers.pdf import draw
from escalon.papers.statement import statement_paper
from tests.papers.test_agreement_paper import CREDITOR, agreement, paper

TODAY = date(2026, 9, 15)
URL = "https://pay.example.com/verify/0123456789ABCDEF"
SEAL = Seal("ab" * 32, URL, ("Aceptado por el deudor.",))
CONFIG = Path(__file__).parents[2] / "config" / "messages"


def pages(pdf: bytes) -> int:
    return pdf.count(b"/Type /Page\n") or pdf.count(b"/Type /Page ")


def streams(pdf: bytes) -> bytes:
    """What is drawn on the sheets, unpacked."""
    packed = re.findall(
        rb"/ASCII85Decode /FlateDecode \].*?>>\nstream\n(.*?)endstream", pdf, re.DOTALL
    )
    return b"".join(zlib.decompress(base64.a85decode(one.removesuffix(b"~>"))) for one in packed)


def test_the_same_paper_gives_the_same_bytes_in_any_process() -> None:
    code = (
        "import hashlib; from tests.papers.test_pdf import *; "
        "print(hashlib.sha256(draw(paper(), SEAL)).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "TZ": zone},
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "America/Bogota"))
    }
    assert len(hashes) == 1


def test_it_says_who_wrote_it_in_which_language_and_embeds_its_letters() -> None:
    pdf = draw(paper(), SEAL)
    assert pdf.startswith(b"%PDF-1.")
    assert b"/Lang (es-CO)" in pdf
    assert pdf.count(b"/FontFile2") == 2
    assert len(pdf) < 60_000


def test_the_sheet_is_the_one_that_is_used_in_the_country() -> None:
    assert b"[ 0 0 612 792 ]" in draw(paper(country="CO"))
    assert b"[ 0 0 595.2756 841.8898 ]" in draw(paper(country="PE"))


def test_a_seal_draws_every_dark_module_of_its_address() -> None:
    code: Any = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(URL)
    code.make()
    count = code.getModuleCount()
    runs = sum(
        code.isDark(row, column) and not (column and code.isDark(row, column - 1))
        for row in range(count)
        for column in range(count)
    )
    bare, sealed = streams(draw(paper())), streams(draw(paper(), SEAL))
    # Besides the runs: the quiet zone's white, the seal's ground.
    assert sealed.count(b" re f") - bare.count(b" re f") == runs + 2


@pytest.mark.parametrize("name", ["Ана Гомес", "Αννα", "李娜", "‮Ana", "", "x" * 400, "<b>&amp;"])
def test_whatever_a_debtor_is_called_it_can_be_drawn(name: str) -> None:
    assert draw(replace(paper(), addressee=(name,), title=name or "-", reference=name))


def test_a_long_plan_and_a_long_debt_go_over_several_sheets() -> None:
    plan = schedule(1_000_000_00, 60, date(2026, 10, 15), since=TODAY)
    debts = {f"r{number}": {"principal": 25_000_00} for number in range(40)}
    long = paper(agreement(instalments=plan, rate=0, debts=debts, discount={}))
    assert pages(draw(long, SEAL)) >= 4


def test_a_word_that_is_wider_than_its_column_breaks_nothing() -> None:
    table = Table((Column("A"), Column("B", "right")), (("y" * 300, "1"), ("", "2" * 120)))
    section = Section("", (Text("z" * 5000), table))
    letterhead = Letterhead("Andina", (), "#ffff00")
    assert draw(Paper("letter", "es", "CO", letterhead, "T", "", (section,)))


@pytest.mark.parametrize("stage", ["firm", "pre_due"])
def test_a_statement_is_drawn_for_every_shape_that_a_message_takes(stage: str) -> None:
    for name, context in sample_contexts(
        CREDITOR, locale="es-CO", today=TODAY, stage=stage
    ).items():
        assert draw(statement_paper(context)).startswith(b"%PDF-"), name


def _told(of: Paper) -> list[str]:
    return [
        " | ".join(row).replace("\xa0", " ")
        for section in of.sections
        for block in section.blocks
        if isinstance(block, Table)
        for row in block.rows
    ]


def test_a_statement_lists_every_line_and_sums_what_it_asks_for() -> None:
    contexts = sample_contexts(CREDITOR, locale="es-CO", today=TODAY, stage="firm")
    many = statement_paper(contexts["many"])
    assert len([line for line in _told(many) if line.startswith("FV-")]) == 60
    credit = replace(contexts["several"], credits={"COP": 5_000_000})
    assert _told(statement_paper(credit)) == [
        "FV-20303 | 4 jul 2026 | 3 ago 2026 | 43 | $ 99.900,50",
        "FV-20301 | 4 ago 2026 | 3 sept 2026 | 12 | $ 1.234.567",
        "FV-20302 | 11 ago 2026 | 10 sept 2026 | 5 | $ 250.000",
        "Total |  |  |  | $ 1.584.467,50",
        "FV-20307 | 25 ago 2026 | 24 sept 2026 | $ 180.000",
        "Total |  |  | $ 180.000",
        "Documentos vencidos | $ 1.584.467,50",
        "Saldo a favor | −$ 50.000",
        "Por pagar | $ 1.534.467,50",
    ]


def test_a_letter_says_what_the_message_says() -> None:
    folders = (CONFIG, CONFIG / "es-CO")
    sources = {
        path.name.removesuffix(".j2"): path.read_text("utf-8")
        for folder in folders
        for path in folder.glob("*.j2")
    }
    contexts = sample_contexts(CREDITOR, locale="es-CO", today=TODAY, stage="firm")
    letter = letter_paper(sources, "last_notice", contexts["several"], ("Calle 1", "Bogotá"))
    assert letter.addressee == ("María Fernanda Ñáñez Gutiérrez", "Calle 1", "Bogotá")
    assert letter.title == "Información importante sobre su cuenta con Almacenes Andina"
    texts = [
        block.text.replace("\xa0", " ")
        for section in letter.sections
        for block in section.blocks
        if isinstance(block, Text)
    ]
    assert any("3 documentos" in text for text in texts)
    assert any("no es un documento de una autoridad" in text for text in texts)
    assert pages(draw(letter)) == 1
