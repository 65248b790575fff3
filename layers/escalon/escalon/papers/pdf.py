"""Draws a paper as PDF. The same paper gives the same bytes, whenever and wherever it is drawn.

ReportLab is a large import; only what draws PDFs imports this module, and only when it does. Its
fonts are our own (Source Sans Pro, SIL Open Font License) and go into each file, so that a PDF
looks the same everywhere and holds names in Latin, Greek and Cyrillic letters.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel
from reportlab.lib import pagesizes
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Table as Grid

from escalon.messages.brand import brand
from escalon.papers.paper import Block, Pairs, Paper, Seal, Section, Table, Text, code_of, grouped
from escalon.papers.words import Words

_PLAIN, _STRONG = "SourceSansPro", "SourceSansPro-Semibold"
_INK, _SOFT = HexColor("#1d2733"), HexColor("#5a6675")
_LINE, _SHADE = HexColor("#d5dbe1"), HexColor("#f3f5f7")
_SIDE, _TOP, _BOTTOM = 22 * mm, 18 * mm, 18 * mm
_HEAD = 17 * mm  # of the first sheet: who writes
_QR = 30 * mm

# Where letters are written on letter paper (ANSI A); elsewhere it is A4.
_LETTER_PAPER = frozenset(("CA", "CL", "CO", "MX", "US"))


def draw(paper: Paper, seal: Seal | None = None) -> bytes:
    """The PDF of a paper; an issued one carries its seal, with a QR code that leads to
    `verify_url`. Raises MessageError if the creditor's colour is none."""
    _load_fonts()
    sheet = pagesizes.LETTER if paper.country in _LETTER_PAPER else pagesizes.A4
    look = _Look(paper, sheet)
    out = BytesIO()
    document = BaseDocTemplate(
        out,
        pagesize=sheet,
        title=f"{paper.title} · {paper.letterhead.name}",
        author=paper.letterhead.name,
        subject=paper.reference,
        creator="Escalón",
        lang=paper.locale,
        invariant=1,  # no time of day and no random id in the file
        pageCompression=1,
    )
    width, height = sheet
    wide, high = width - 2 * _SIDE, height - _TOP - _BOTTOM
    document.addPageTemplates(
        [
            PageTemplate(
                "first",
                [_frame(wide, high - _HEAD)],
                onPage=look.first,
                autoNextPageTemplate="further",
            ),
            PageTemplate("further", [_frame(wide, high)], onPage=look.further),
        ]
    )
    document.build(list(look.story(wide, seal)), canvasmaker=_counted(paper, sheet))
    return out.getvalue()


def _frame(wide: float, high: float) -> Frame:
    return Frame(
        _SIDE,
        _BOTTOM,
        wide,
        high,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )


@cache
def _load_fonts() -> None:
    folder = Path(__file__).parent / "fonts"
    for name, file in ((_PLAIN, "Regular"), (_STRONG, "Semibold")):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"SourceSansPro-{file}.ttf")))


class _Look:
    """One paper in the creditor's colour."""

    def __init__(self, paper: Paper, sheet: tuple[float, float]) -> None:
        self._paper = paper
        self._sheet = sheet
        self._say = Words(paper.locale)
        self._colour = HexColor(brand(paper.letterhead.colour).text)
        self._body = _style("body", _PLAIN, 9.5, 12.8, _INK, after=1.3 * mm)
        self._strong = _style("strong", _STRONG, 9.5, 12.8, _INK, after=1.3 * mm)
        self._soft = _style("soft", _PLAIN, 8.6, 12, _SOFT)
        self._heading = _style(
            "heading", _STRONG, 11, 14, self._colour, before=3 * mm, after=1 * mm
        )
        self._title = _style("title", _STRONG, 19, 23, _INK, after=1 * mm)
        self._cell = _style("cell", _PLAIN, 9, 12, _INK)
        self._sum = _style("sum", _STRONG, 9, 12, _INK)
        self._label = _style("label", _STRONG, 8.4, 11, _SOFT)

    # ------------------------------------------------------------ what stands on each sheet

    def first(self, canvas: Canvas, _: object) -> None:
        """The letterhead."""
        canvas.saveState()
        width, height = self._sheet
        head = self._paper.letterhead
        canvas.setFillColor(self._colour)
        canvas.rect(0, height - 5 * mm, width, 5 * mm, stroke=0, fill=1)
        canvas.setFont(_STRONG, 14)
        canvas.drawString(_SIDE, height - _TOP - 1 * mm, head.name)
        canvas.setFont(_PLAIN, 8.4)
        canvas.setFillColor(_SOFT)
        for number, line in enumerate(head.lines):
            canvas.drawRightString(width - _SIDE, height - _TOP + 1 * mm - number * 11, line)
        canvas.setStrokeColor(_LINE)
        canvas.setLineWidth(0.6)
        canvas.line(_SIDE, height - _TOP - 12 * mm, width - _SIDE, height - _TOP - 12 * mm)
        canvas.restoreState()

    def further(self, canvas: Canvas, _: object) -> None:
        """A thin band of the creditor's colour."""
        canvas.saveState()
        width, height = self._sheet
        canvas.setFillColor(self._colour)
        canvas.rect(0, height - 2 * mm, width, 2 * mm, stroke=0, fill=1)
        canvas.restoreState()

    # ------------------------------------------------------------ what is told

    def story(self, wide: float, seal: Seal | None) -> Iterator[Flowable]:
        """All of it, from the addressee to the seal."""
        paper = self._paper
        if paper.dated:
            yield _paragraph(paper.dated, self._soft)
            yield Spacer(1, 4 * mm)
        for line in paper.addressee:
            yield _paragraph(line, self._sum if line is paper.addressee[0] else self._cell)
        if paper.addressee:
            yield Spacer(1, 4 * mm)
        yield _paragraph(paper.title, self._title)
        if paper.kind != "letter":
            yield _paragraph(paper.reference, self._soft)
        yield Spacer(1, 1 * mm)
        for section in paper.sections:
            yield from self._section(section, wide)
        if seal is not None:
            yield self._seal(seal, wide)

    def _section(self, section: Section, wide: float) -> Iterator[Flowable]:
        """A heading is never left alone at the end of a sheet; a short section stays together."""
        drawn = [self._block(block, wide) for block in section.blocks]
        if not drawn:
            return
        if section.heading:
            drawn.insert(0, _paragraph(section.heading, self._heading))
        if all(not isinstance(block, Table) or len(block.rows) <= 8 for block in section.blocks):
            yield KeepTogether(drawn)
        else:
            yield CondPageBreak(45 * mm)
            yield from drawn

    def _block(self, block: Block, wide: float) -> Flowable:
        if isinstance(block, Text):
            return _paragraph(block.text, self._strong if block.strong else self._body)
        if isinstance(block, Pairs):
            return self._pairs(block, wide)
        return self._table(block, wide)

    def _pairs(self, pairs: Pairs, wide: float) -> Flowable:
        rows = [
            [_paragraph(label, self._label), _paragraph(text, self._cell)]
            for label, text in pairs.rows
        ]
        grid = Grid(rows, colWidths=[38 * mm, wide - 38 * mm], hAlign="LEFT")
        grid.setStyle(TableStyle([*_TIGHT, ("LEFTPADDING", (0, 0), (0, -1), 0)]))
        return grid

    def _table(self, table: Table, wide: float) -> Flowable:
        """Amounts stand under each other; the heading is repeated on each sheet."""
        headed = any(column.heading for column in table.columns)
        sums = len(table.rows) - table.totals
        rows: list[list[Flowable]] = []
        if headed:
            rows.append([_paragraph(one.heading, self._label, one.align) for one in table.columns])
        for number, row in enumerate(table.rows):
            style = self._sum if number >= sums else self._cell
            cells = zip(row, table.columns, strict=True)
            rows.append([_paragraph(text, style, column.align) for text, column in cells])
        grid = Grid(
            rows,
            colWidths=self._widths(table, wide),
            repeatRows=1 if headed else 0,
            hAlign="LEFT",
            spaceAfter=3 * mm,
        )
        drawn: list[Any] = [*_TIGHT, ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE)]
        if headed:
            drawn += [
                ("BACKGROUND", (0, 0), (-1, 0), _SHADE),
                ("LINEBELOW", (0, 0), (-1, 0), 0.9, self._colour),
            ]
        if table.totals:
            drawn.append(("LINEABOVE", (0, -table.totals), (-1, -table.totals), 0.9, self._colour))
        grid.setStyle(TableStyle(drawn))
        return grid

    def _widths(self, table: Table, wide: float) -> list[float]:
        """Each column as wide as its longest text; what is left over goes to the first ones that
        stand to the left, and what is too much is taken from them."""
        needed = [
            max(
                pdfmetrics.stringWidth(column.heading, _STRONG, 8.4),
                *(pdfmetrics.stringWidth(row[at], _STRONG, 9) for row in table.rows),
                0,
            )
            + 5 * mm
            for at, column in enumerate(table.columns)
        ]
        texts = [at for at, column in enumerate(table.columns) if column.align == "left"]
        spare = (wide - sum(needed)) / len(texts)
        for at in texts:
            needed[at] = max(needed[at] + spare, 14 * mm)
        return needed

    def _seal(self, seal: Seal, wide: float) -> Flowable:
        """How it was accepted, the hash of its content, and where it is verified."""
        say = self._say
        left: list[Flowable] = []
        if seal.accepted:
            left.append(_paragraph(say("acceptance"), self._heading))
            left += [_paragraph(line, self._body) for line in seal.accepted]
        left.append(_paragraph(say("verification"), self._heading))
        left.append(_paragraph(say("verify_text"), self._body))
        left.append(_paragraph(seal.verify_url, self._strong))
        left.append(_paragraph(say("verify_code", code=grouped(code_of(seal.hash))), self._strong))
        left.append(_paragraph(f"{say('verify_hash')}: {seal.hash}", self._soft))
        grid = Grid([[left, _Qr(seal.verify_url)]], colWidths=[wide - _QR - 4 * mm, _QR + 4 * mm])
        grid.setStyle(
            TableStyle(
                [
                    ("BACKGROUND", (0, 0), (-1, -1), _SHADE),
                    ("LINEABOVE", (0, 0), (-1, 0), 1.2, self._colour),
                    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                    ("LEFTPADDING", (0, 0), (0, 0), 5 * mm),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 4 * mm),
                    ("TOPPADDING", (0, 0), (-1, -1), 1 * mm),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 3 * mm),
                ]
            )
        )
        return KeepTogether([Spacer(1, 5 * mm), grid])


_TIGHT: Sequence[Any] = (
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ("LEFTPADDING", (0, 0), (-1, -1), 1.5 * mm),
    ("RIGHTPADDING", (0, 0), (-1, -1), 1.5 * mm),
)


class _Qr(Flowable):
    """A QR code in black on white, with the quiet zone that scanners need (ISO/IEC 18004)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.width = self.height = _QR
        self._code: Any = QRCode(None, QRErrorCorrectLevel.M)
        self._code.addData(text)
        self._code.make()

    def draw(self) -> None:
        """Rows of dark modules as runs, so that no hairlines show between them."""
        canvas = self.canv
        count = self._code.getModuleCount()
        quiet = 4
        side = _QR / (count + 2 * quiet)
        canvas.setFillColor(Color(1, 1, 1))
        canvas.rect(0, 0, _QR, _QR, stroke=0, fill=1)
        canvas.setFillColor(Color(0, 0, 0))
        for row in range(count):
            column = 0
            while column < count:
                run = 0
                while column + run < count and self._code.isDark(row, column + run):
                    run += 1
                if run:
                    left, low = (quiet + column) * side, _QR - (quiet + row + 1) * side
                    canvas.rect(left, low, run * side, side, stroke=0, fill=1)
                column += run or 1


def _counted(paper: Paper, sheet: tuple[float, float]) -> type[Canvas]:
    """A canvas that writes at the foot of each sheet what it belongs to, and of how many it is."""
    say = Words(paper.locale)

    class Counted(Canvas):
        """Keeps its sheets until their number is known."""

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self._sheets: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - ReportLab's name
            self._sheets.append(dict(self.__dict__))
            whole: Any = self
            whole._startPage()

        def save(self) -> None:
            for number, drawn in enumerate(self._sheets, start=1):
                self.__dict__.update(drawn)
                self._foot(say("page", page=number, pages=len(self._sheets)))
                super().showPage()
            super().save()

        def _foot(self, page: str) -> None:
            self.setFont(_PLAIN, 8)
            self.setFillColor(_SOFT)
            left = f"{paper.letterhead.name} · {paper.reference}".strip(" ·")
            self.drawString(_SIDE, 11 * mm, left)
            self.drawRightString(sheet[0] - _SIDE, 11 * mm, page)

    return Counted


def _style(
    name: str,
    font: str,
    size: float,
    leading: float,
    colour: Color,
    *,
    before: float = 0,
    after: float = 0,
) -> ParagraphStyle:
    return ParagraphStyle(
        name,
        fontName=font,
        fontSize=size,
        leading=leading,
        textColor=colour,
        spaceBefore=before,
        spaceAfter=after,
        splitLongWords=1,
    )


def _paragraph(text: str, style: ParagraphStyle, align: str = "left") -> Paragraph:
    """Text as it stands: what is data is never markup."""
    if align == "right":
        style = ParagraphStyle(f"{style.name} right", parent=style, alignment=TA_RIGHT)
    return Paragraph(escape(text), style)
