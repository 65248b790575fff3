"""Makes the sample portfolio: python samples/generate.py [DIRECTORY]

Everybody in it is made up, and the same run makes the same bytes. Documents stand in ranges that
Colombia has never issued (cédulas from 2.100.000.000, NITs from 999.000.000 with a true check
digit), telephones are +57 300 000 0xxx, e-mail addresses are of example.com.

The book is that of 31 August 2026; its payments arrive from 1 September to 20 November 2026.
"""

import csv
import io
import random
import sys
import unicodedata
import zipfile
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl

FIRST = date(2026, 8, 31)
PAID_FROM, PAID_TO = date(2026, 9, 1), date(2026, 11, 18)
ACCOUNTS = 300

HEADER = (
    "Documento", "TipoDoc", "Nombre", "Ciudad", "Departamento", "Correo", "Celular", "Autoriza",
    "FechaAutorizacion", "Soporte", "Segmento", "Riesgo", "Codeudor", "Acreedor", "Factura",
    "FechaEmision", "FechaVencimiento", "Moneda", "Valor", "Saldo", "EnDisputa", "DisputaDesde",
    "DisputaHasta", "MotivoDisputa", "PagoId", "FechaPago", "ValorPagado",
)  # fmt: skip
AGREEMENTS_HEADER = (
    "Fecha", "Hora", "Documento", "Factura", "Que", "Oferta", "Cuotas", "PrimerPago", "Valor",
)  # fmt: skip
PAYMENTS_HEADER = ("PagoId", "Fecha", "Hora", "Documento", "Factura", "Moneda", "Valor", "Medio")

WOMEN = (
    "Luz Marina", "María Fernanda", "Ana Lucía", "Carolina", "Diana Patricia", "Paola Andrea",
    "Yolanda", "Sandra Milena", "Gloria Inés", "Natalia", "Valentina", "Adriana", "Camila",
    "Ángela María", "Rosa Elena", "Juliana", "Claudia", "Martha Cecilia", "Daniela", "Laura Sofía",
)  # fmt: skip
MEN = (
    "Juan Carlos", "Luis Alberto", "Andrés Felipe", "Jorge Iván", "Carlos Arturo", "José Manuel",
    "Hernán", "Sebastián", "Diego Alejandro", "Óscar", "Miguel Ángel", "Julián", "Fabio",
    "Santiago", "Mauricio", "Wilson", "Edgar", "Camilo", "Germán Darío", "Álvaro",
)  # fmt: skip
SURNAMES = (
    "Rodríguez", "Gómez", "Martínez", "García", "López", "González", "Hernández", "Sánchez",
    "Ramírez", "Pérez", "Torres", "Díaz", "Vargas", "Moreno", "Muñoz", "Rojas", "Ortiz", "Castro",
    "Jiménez", "Suárez", "Cárdenas", "Ospina", "Zuluaga", "Arango", "Quintero", "Mejía", "Peña",
    "Restrepo", "Londoño", "Salazar", "Bermúdez", "Acosta", "Guerrero", "Pineda", "Castaño",
)  # fmt: skip
TRADES = (
    "Ferretería", "Panadería", "Distribuidora", "Transportes", "Papelería", "Droguería",
    "Confecciones", "Lácteos", "Maderas", "Repuestos", "Restaurante", "Autoservicio", "Viveros",
)  # fmt: skip
FANCIES = (
    "El Roble", "La Esperanza", "Los Andes", "Del Valle", "El Cóndor", "San Jorge", "La Ceiba",
    "Tequendama", "El Trébol", "Nueva Aurora", "Las Palmas", "Río Claro", "El Guadual", "Altamira",
)  # fmt: skip
CITIES = (
    ("Bogotá", "Bogotá D.C.", 9), ("Medellín", "Antioquia", 6), ("Cali", "Valle del Cauca", 5),
    ("Barranquilla", "Atlántico", 4), ("Cartagena", "Bolívar", 3), ("Bucaramanga", "Santander", 3),
    ("Pereira", "Risaralda", 2), ("Manizales", "Caldas", 2), ("Cúcuta", "Norte de Santander", 2),
    ("Ibagué", "Tolima", 2), ("Villavicencio", "Meta", 2), ("Pasto", "Nariño", 2),
    ("Neiva", "Huila", 1), ("Tunja", "Boyacá", 1), ("Leticia", "Amazonas", 1),
)  # fmt: skip
DISPUTES = (
    "La mercancía llegó incompleta", "El valor no corresponde a lo pactado",
    "Servicio no prestado", "Ya se había devuelto el producto",
)  # fmt: skip


@dataclass
class Person:
    """A made-up debtor, as the columns that say who it is."""

    document: str
    columns: dict[str, str]
    vip: bool
    company: bool


@dataclass
class Book:
    """The rows of both files."""

    rows: list[dict[str, str]] = field(default_factory=list)
    payments: list[dict[str, str]] = field(default_factory=list)


def nit(number: int) -> str:
    """A NIT with its check digit (DIAN's weights, modulo 11)."""
    weights = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)
    total = sum(int(digit) * weight for digit, weight in zip(str(number)[::-1], weights))  # noqa: B905 - fewer digits than weights
    rest = total % 11
    return f"{number}-{rest if rest < 2 else 11 - rest}"


def money(cents: int) -> str:
    """1234567 as 12.345,67."""
    whole, rest = divmod(cents, 100)
    return f"{whole:,}".replace(",", ".") + f",{rest:02d}"


def day(value: date | None) -> str:
    return "" if value is None else value.strftime("%d/%m/%Y")


def plain(text: str) -> str:
    bare = unicodedata.normalize("NFD", text.lower())
    kept = "".join(each for each in bare if each.isascii() and (each.isalnum() or each == " "))
    return ".".join(kept.split())


def people(dice: random.Random) -> list[Person]:
    cities = [city for city in CITIES for _ in range(city[2])]
    found = []
    for index in range(ACCOUNTS):
        company = dice.random() < 0.22
        if company:
            name = (
                f"{dice.choice(TRADES)} {dice.choice(FANCIES)} {dice.choice(('S.A.S.', 'Ltda.'))}"
            )
            document = nit(999_000_000 + 137 * index + dice.randrange(100))
            kind = "NIT"
        else:
            first = dice.choice(WOMEN if dice.random() < 0.5 else MEN)
            name = f"{first} {dice.choice(SURNAMES)} {dice.choice(SURNAMES)}"
            document = str(2_100_000_000 + 7_919 * index + dice.randrange(5_000))
            kind = "CE" if dice.random() < 0.03 else "CC"
        city, department, _ = dice.choice(cities)
        vip = dice.random() < 0.05
        reach = dice.random()
        consent = dice.random()
        allowed = "Revocada" if consent < 0.02 else "No" if consent < 0.07 else "Sí"
        granted = FIRST - timedelta(days=dice.randint(60, 1500))
        columns = {
            "Documento": document,
            "TipoDoc": kind,
            "Nombre": name,
            "Ciudad": city,
            "Departamento": department,
            # Some can be reached in one way only, and a few not at all.
            "Correo": "" if reach < 0.09 else f"{plain(name)}.{index}@example.com",
            "Celular": "" if reach > 0.88 or reach < 0.015 else f"+57300000{index:04d}",
            "Autoriza": allowed,
            "FechaAutorizacion": "" if allowed == "No" else day(granted),
            "Soporte": "" if allowed == "No" else f"AUT-{granted.year}-{index:05d}",
            "Segmento": "VIP" if vip else "Pyme" if company else "Consumo",
            "Riesgo": dice.choice(("Alto", "Medio", "Medio", "Bajo", "Bajo", "")),
            "Codeudor": "",
        }
        found.append(Person(document, columns, vip, company))
    for debtor in dice.sample(range(ACCOUNTS), 12):
        other = found[(debtor + 17) % ACCOUNTS]
        found[debtor].columns["Codeudor"] = other.document
    return found


def age(dice: random.Random) -> int:
    """Days past due on the first day: most of a living book is young, some of it is not."""
    low, high = dice.choices(
        ((-30, -1), (0, 0), (1, 30), (31, 60), (61, 90), (91, 180), (181, 400)),
        weights=(24, 2, 28, 16, 10, 12, 8),
    )[0]
    return dice.randint(low, high)


def receivables(book: Book, dice: random.Random, debtor: Person, first_number: int) -> int:
    number = first_number
    # How a debtor pays: on the day, when reminded, in part, too much, or not at all.
    habit = dice.choices(
        ("on time", "reminded", "late", "in part", "too much", "never"), (12, 20, 20, 14, 2, 32)
    )[0]
    creditor = "andina" if dice.random() < 0.7 else "cordillera"
    for _ in range(dice.choices((1, 2, 3, 4, 5), weights=(55, 22, 12, 7, 4))[0]):
        number += 1
        past = age(dice)
        due = FIRST - timedelta(days=past)
        issued = due - timedelta(days=dice.choice((30, 30, 30, 45, 60)))
        dollars = debtor.company and dice.random() < 0.12
        low, high = (5_000, 600_000) if dollars else (4_000_000, 900_000_000)
        if debtor.company and not dollars:
            low, high = 60_000_000, 6_000_000_000
        amount = int(low * (high / low) ** dice.random())
        amount -= amount % (1 if dollars else 5_000)
        still_open = amount
        if past > 20 and dice.random() < 0.12:  # paid in part before the book was drawn up
            still_open = amount - amount * dice.randint(2, 7) // 10
        row = {
            **debtor.columns,
            "Acreedor": creditor if dice.random() < 0.93 else "andina",
            "Factura": f"FV-{number:05d}",
            "FechaEmision": day(issued),
            "FechaVencimiento": day(due),
            "Moneda": "USD" if dollars else "COP",
            "Valor": money(amount),
            "Saldo": money(still_open),
            "EnDisputa": "No",
        }
        if past > -5 and dice.random() < 0.045:
            start = FIRST - timedelta(days=dice.randint(0, max(0, min(past, 20))))
            end = None if dice.random() < 0.4 else start + timedelta(days=dice.randint(25, 60))
            row |= {
                "EnDisputa": "Sí",
                "DisputaDesde": day(start),
                "DisputaHasta": day(end),
                "MotivoDisputa": dice.choice(DISPUTES),
            }
        pay(book, dice, row, habit, due, still_open)
        book.rows.append(row)
    return number


def pay(
    book: Book, dice: random.Random, row: dict[str, str], habit: str, due: date, still_open: int
) -> None:
    """The payments of one receivable: the first in its row, further ones in the payments file."""
    start = max(PAID_FROM, due)
    if habit == "on time" and due >= PAID_FROM:
        paid_on = due - timedelta(days=dice.randint(0, 3))
    elif habit in ("on time", "reminded"):
        paid_on = start + timedelta(days=dice.randint(3, 16))
    elif habit in ("late", "in part", "too much"):
        paid_on = start + timedelta(days=dice.randint(14, 60))
    else:
        return
    paid_on = max(PAID_FROM, paid_on)
    if paid_on > PAID_TO:
        return
    paid = still_open
    if habit == "in part":
        paid = still_open * dice.randint(3, 8) // 10
        paid -= paid % 100
    elif habit == "too much":
        paid = still_open + (2_500 if row["Moneda"] == "USD" else 5_000_000)
    payment_id = f"P-{row['Factura'].removeprefix('FV-')}-1"
    row |= {"PagoId": payment_id, "FechaPago": day(paid_on), "ValorPagado": money(paid)}
    if habit == "in part" and dice.random() < 0.6:
        second = paid_on + timedelta(days=dice.randint(10, 30))
        if second <= PAID_TO:
            entry(book, dice, row, f"{payment_id[:-1]}2", second, still_open - paid)
    # A bank sends a payment again that the book already has; it has to count once.
    if dice.random() < 0.04:
        entry(book, dice, row, payment_id, paid_on, paid, at="12:00")


def entry(
    book: Book,
    dice: random.Random,
    row: dict[str, str],
    payment_id: str,
    paid_on: date,
    cents: int,
    at: str = "",
) -> None:
    book.payments.append(
        {
            "PagoId": payment_id,
            "Fecha": day(paid_on),
            "Hora": at or f"{dice.randint(8, 19):02d}:{dice.randrange(60):02d}",
            "Documento": row["Documento"],
            "Factura": row["Factura"],
            "Moneda": row["Moneda"],
            "Valor": money(cents),
            "Medio": dice.choice(("PSE", "Transferencia", "Corresponsal")),
        }
    )


def make_book() -> Book:
    dice = random.Random(20260831)  # noqa: S311 - made-up people need no secrets
    book = Book()
    number = 10_000
    for debtor in people(dice):
        number = receivables(book, dice, debtor, number)
    # Two without a due date: taken, shown as an exception, and not chased until somebody mends it.
    for index in (40, 260):
        book.rows[index]["FechaVencimiento"] = ""
    # The bank's file repeats a line of its own, and has money that names nobody.
    book.payments.append(dict(book.payments[3]))
    book.payments.append(
        {
            "PagoId": "P-SIN-REFERENCIA-1",
            "Fecha": day(date(2026, 10, 7)),
            "Hora": "10:15",
            "Moneda": "COP",
            "Valor": money(18_000_000),
            "Medio": "Transferencia",
        }
    )
    book.payments.sort(key=lambda each: (each["Fecha"][6:], each["Fecha"][3:5], each["Fecha"][:2]))
    return book


def agreements(book: Book) -> list[dict[str, str]]:
    """What some of those agree to who never pay by themselves: one row for each act.

    Each of them owes one document in pesos that nobody disputes. They promise and keep it, in part,
    or not; pay a plan, once late, or let it lapse; settle with a discount, one of them a cent
    short; dispute what they promised, and lose.
    """
    owed: dict[str, list[dict[str, str]]] = {}
    for row in book.rows:
        owed.setdefault(row["Documento"], []).append(row)
    paying = {row.get("Documento") for row in book.payments}
    free = [
        rows[0]
        for document, rows in sorted(owed.items())
        if len(rows) == 1
        and document not in paying
        and not rows[0].get("PagoId")
        and (rows[0]["Moneda"], rows[0]["EnDisputa"]) == ("COP", "No")
        and rows[0]["FechaVencimiento"]
        and cents(rows[0]["Saldo"]) >= 50_000_000
    ]
    late = {row["Documento"]: (FIRST - date_of(row["FechaVencimiento"])).days for row in free}
    young = [row for row in free if 6 <= late[row["Documento"]] <= 170]
    old = [row for row in free if late[row["Documento"]] >= 181]
    acts: list[dict[str, str]] = []

    def act(row: dict[str, str], what: str, on: date, **more: str) -> None:
        who = {"Documento": row["Documento"], "Factura": row["Factura"]}
        acts.append({"Fecha": day(on), "Hora": "10:30", **who, "Que": what, **more})

    for index, row in enumerate(young[:20]):
        made = date(2026, 9, 8) + timedelta(days=index)
        first = made + timedelta(days=10)
        half = money(cents(row["Saldo"]) // 2)
        if index % 2 == 0:
            act(row, "promete", made, Oferta="promise", PrimerPago=day(first))
        else:
            act(row, "acuerda", made, Oferta="plan", Cuotas="3", PrimerPago=day(first))
        story = index % 10
        if story in (0, 2):  # kept
            act(row, "paga", first - timedelta(days=story))
        elif story == 4:  # kept in part
            act(row, "paga", first, Valor=half)
        elif story == 8:  # disputed, lost, and then kept
            act(row, "reclama", made + timedelta(days=3))
            act(row, "pierde", made + timedelta(days=21))
            act(row, "paga", made + timedelta(days=22))
        elif story in (1, 3):  # a plan that is kept, its second instalment three days late
            act(row, "paga", first)
            act(row, "paga", months_after(first, 1) + timedelta(days=3))
            if months_after(first, 2) <= PAID_TO:
                act(row, "paga", months_after(first, 2))
        elif story in (5, 7):  # one that lapses after the first
            act(row, "paga", first)
    for index, row in enumerate(old[:4]):
        made = date(2026, 10, 20) + timedelta(days=index)
        first = made + timedelta(days=9)
        act(row, "acuerda", made, Oferta="old-debt", Cuotas="1", PrimerPago=day(first))
        principal = cents(row["Saldo"])
        total = principal - principal * 15 // 100
        if index < 3:  # kept twice, and once a cent short
            paid = total - (1 if index == 2 else 0)
            act(row, "paga", made + timedelta(days=8), Valor=money(paid))
    acts.sort(key=lambda one: (date_of(one["Fecha"]), one["Documento"]))
    return acts


def cents(text: str) -> int:
    """12.345,67 as 1234567."""
    return int(text.replace(".", "").replace(",", ""))


def date_of(text: str) -> date:
    """A date as `day` writes it."""
    return date(int(text[6:]), int(text[3:5]), int(text[:2]))


def months_after(first: date, count: int) -> date:
    """So many months later, on the same day of the month; none here is after the 28th."""
    months = first.month - 1 + count
    return first.replace(year=first.year + months // 12, month=months % 12 + 1)


def with_errors(book: Book) -> list[dict[str, str]]:
    """Good rows and, between them, one for each way in which a row goes wrong."""
    wrong: tuple[dict[str, str], ...] = (
        {"FechaVencimiento": "30/02/2026"},
        {"FechaEmision": "2026-07-15"},
        {"FechaEmision": "15/07/26"},
        {"FechaVencimiento": "07/25/2026"},
        {"Valor": "1,250,000.00"},
        {"Valor": "-50.000,00"},
        {"Valor": "120.000,505"},
        {"Moneda": "PESOS"},
        {"Correo": "sin-arroba.example.com"},
        {"Correo": "uno@example.com; dos@example.com"},
        {"Celular": "300 12"},
        {"TipoDoc": "XX"},
        {"Documento": ""},
        {"Factura": ""},
        {"Nombre": "Ana\tLucía Peña"},
        {"FechaPago": "05/10/2026", "ValorPagado": "", "PagoId": "P-1"},
        {"FechaVencimiento": "31/06/2026", "Valor": "mil", "Correo": "@example.com"},
    )
    rows: list[dict[str, str]] = []
    for index, change in enumerate(wrong):
        rows += [dict(book.rows[2 * index]), {**book.rows[2 * index + 1], **change}]
    return rows


def csv_text(header: tuple[str, ...], rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", delimiter=";", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def spreadsheet() -> bytes:
    """A small book with real dates and numbers, as a spreadsheet program writes it."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None  # noqa: S101 - a new book has one
    sheet.title = "Cartera"
    sheet.append(["Cartera a 31 de agosto de 2026"])
    sheet.append([])
    sheet.append(["NIT", "Cliente", "Correo", "Celular", "Factura", "Emitida", "Vence", "Saldo"])
    rows: list[tuple[Any, ...]] = [
        ("El Roble", 12_450_000, date(2026, 7, 1), date(2026, 7, 31)),
        ("La Ceiba", 830_500.5, date(2026, 6, 15), date(2026, 7, 15)),
        ("Altamira", 2_000_000, date(2026, 8, 10), date(2026, 9, 9)),
        ("Río Claro", 415_000, date(2026, 3, 2), date(2026, 4, 1)),
        ("El Trébol", 99_999.99, date(2025, 12, 1), date(2025, 12, 31)),
        ("San Jorge", 7_310_250, date(2026, 8, 20), None),
    ]
    for index, (name, amount, issued, due) in enumerate(rows):
        sheet.append(
            [
                nit(999_900_000 + index),
                f"Distribuidora {name} S.A.S.",
                f"cartera.{index}@example.com",
                573000000900 + index,
                4500 + index,
                issued,
                due,
                amount,
            ]
        )
        for cell in ("F", "G"):
            sheet[f"{cell}{index + 4}"].number_format = "DD/MM/YYYY"
        sheet[f"H{index + 4}"].number_format = "#,##0.00"
    book.properties.creator = "Escalón"
    book.properties.created = datetime(2026, 8, 31)  # noqa: DTZ001 - the format has no zone
    made = io.BytesIO()
    book.save(made)
    return _undated(made)


def _undated(made: io.BytesIO) -> bytes:
    """The same file without the clock's time in it, and stored, not deflated: the bytes are then
    the same on every machine."""
    stamp = b"2026-08-31T00:00:00Z"
    result = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(result, "w") as new:
        for name in sorted(old.namelist()):
            content = old.read(name)
            if name == "docProps/core.xml":
                start = content.index(b">", content.index(b"<dcterms:modified")) + 1
                content = content[:start] + stamp + content[content.index(b"<", start) :]
            new.writestr(zipfile.ZipInfo(name, (2026, 8, 31, 0, 0, 0)), content)
    return result.getvalue()


def files() -> dict[str, bytes]:
    """Every file that this makes, by its name."""
    book = make_book()
    return {
        "portfolio.csv": csv_text(HEADER, book.rows).encode(),
        "payments.csv": csv_text(PAYMENTS_HEADER, book.payments).encode(),
        "agreements.csv": csv_text(AGREEMENTS_HEADER, agreements(book)).encode(),
        "with_errors.csv": csv_text(HEADER, with_errors(book)).encode(),
        "small.xlsx": spreadsheet(),
    }


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, content in files().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
