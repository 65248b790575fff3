"""Mapping files: what they may say, and what a row becomes by them."""

import io
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from escalon.authoring.yaml_lines import Problem
from escalon.importing.mapping import (
    MappingFile,
    RowReader,
    for_sections,
    mapping_schema,
    read_mapping,
    without,
)
from escalon.importing.reading import read_csv
from escalon.importing.records import (
    AccountRecord,
    ConsentRecord,
    ContactPointRecord,
    DisputeRecord,
    LinkRecord,
    PaymentRecord,
    ReceivableRecord,
    Record,
    RefusedRow,
    Row,
    RowProblem,
)

SAMPLES = Path(__file__).parents[2] / "samples"

# The header and three rows of the IBM sample "Late Payment Histories", as they stand in it.
IBM = """\
countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,\
SettledDate,PaperlessBill,DaysToSettle,DaysLate\r
391,0379-NEVHP,4/6/2013,611365,1/2/2013,2/1/2013,55.94,No,1/15/2013,Paper,13,0\r
406,8976-AMJEO,3/3/2012,7900770,1/26/2013,2/25/2013,61.74,Yes,3/3/2013,Electronic,36,6\r
391,2820-XGXSB,1/26/2012,9231909,7/3/2013,8/2/2013,65.88,No,7/8/2013,Electronic,5,0\r
"""

BASE = """\
file: {type: changes}
dates: day/month/year
numbers: "1.234.567,89"
zone: America/Bogota
phone_country: CO
creditor: always andina
currency: Moneda
account: {source_ref: Doc, name: "{Nombre} {Apellido|optional}"}
contacts:
  - {channel: email, address: Correo}
  - {channel: sms, address: Celular}
receivable: {receivable_id: Factura, issued_on: Emitida, due_on: Vence, amount: Valor}
"""
HEADER = [
    "Doc",
    "Nombre",
    "Apellido",
    "Correo",
    "Celular",
    "Factura",
    "Emitida",
    "Vence",
    "Moneda",
    "Valor",
]
GOOD = [
    "1",
    "Ana",
    "Peña",
    "a@example.com",
    "3000000001",
    "F1",
    "01/07/2026",
    "31/07/2026",
    "COP",
    "1.500,50",
]


def good(text: str) -> MappingFile:
    mapping = read_mapping(text, "m.yaml")
    assert isinstance(mapping, MappingFile), "\n".join(map(str, mapping))
    return mapping


def refused(text: str) -> list[str]:
    problems = read_mapping(text, "m.yaml")
    assert isinstance(problems, list)
    return [str(problem) for problem in problems]


def reader(mapping: MappingFile, header: list[str]) -> RowReader:
    fitted = RowReader.of(mapping, header, file="book.csv")
    assert isinstance(fitted, RowReader), "\n".join(map(str, fitted))
    return fitted


def one_row(text: str, cells: dict[str, str]) -> tuple[Record, ...]:
    row = reader(good(text), list(cells)).row(2, cells)
    assert isinstance(row, Row), "\n".join(map(str, row.problems))
    return row.records


def wrong_row(text: str, cells: dict[str, str]) -> tuple[RowProblem, ...]:
    row = reader(good(text), list(cells)).row(2, cells)
    assert isinstance(row, RefusedRow)
    return row.problems


def base_row(**changes: str) -> dict[str, str]:
    return {**dict(zip(HEADER, GOOD, strict=True)), **changes}


def test_the_ibm_mapping_on_three_rows_of_the_file() -> None:
    mapping = good((SAMPLES / "ibm" / "mapping.yaml").read_text())
    rows = read_csv(io.BytesIO(IBM.encode()), form=mapping.file, file="ibm.csv")
    fitted = reader(mapping, list(rows.cursor.header))
    consent = ConsentRecord(date(2012, 1, 1), "made up for the replay")

    def book(ref: str, number: str, issued: date, due: date, cents: int) -> tuple[Record, ...]:
        return (
            AccountRecord(
                ref,
                f"Customer {ref}",
                kind="company",
                country="US",
                zone="America/New_York",
                language="en",
            ),
            ContactPointRecord(ref, "email", f"{ref.lower()}@example.com", consent),
            ContactPointRecord(ref, "voice", "+12125550100", consent),
            ReceivableRecord(ref, number, "ibm-sample", number, issued, due, "USD", cents),
        )

    def paid(ref: str, number: str, cents: int, at: datetime) -> PaymentRecord:
        return PaymentRecord(ref, number, f"{number}-settled", cents, "USD", at)

    got = [fitted.row(line, cells) for _, line, cells in rows if isinstance(cells, dict)]
    assert got == [
        Row(
            2,
            (
                *book("0379-NEVHP", "611365", date(2013, 1, 2), date(2013, 2, 1), 5594),
                paid("0379-NEVHP", "611365", 5594, datetime(2013, 1, 15, 17, tzinfo=UTC)),
            ),
        ),
        Row(
            3,
            (
                *book("8976-AMJEO", "7900770", date(2013, 1, 26), date(2013, 2, 25), 6174),
                # In dispute up to and including the day on which it was settled at noon.
                DisputeRecord("8976-AMJEO", "7900770", date(2013, 2, 25), date(2013, 3, 4)),
                paid("8976-AMJEO", "7900770", 6174, datetime(2013, 3, 3, 17, tzinfo=UTC)),
            ),
        ),
        Row(
            4,
            (
                *book("2820-XGXSB", "9231909", date(2013, 7, 3), date(2013, 8, 2), 6588),
                # Noon is an hour earlier in UTC when New York is on summer time.
                paid("2820-XGXSB", "9231909", 6588, datetime(2013, 7, 8, 16, tzinfo=UTC)),
            ),
        ),
    ]


def test_a_file_is_fed_in_two_goes_the_book_and_its_payments() -> None:
    mapping = good((SAMPLES / "ibm" / "mapping.yaml").read_text())
    header, cells = (line.split(",") for line in IBM.replace("\r", "").splitlines()[:2])
    row = dict(zip(header, cells, strict=True))
    book = reader(without(mapping, {"payments"}), header).row(2, row)
    money = reader(for_sections(mapping, {"payments"}), header).row(2, row)
    assert isinstance(book, Row)
    assert isinstance(money, Row)
    assert [type(each) for each in book.records] == [
        AccountRecord,
        ContactPointRecord,
        ContactPointRecord,
        ReceivableRecord,
    ]
    # The payment still names the row's account and receivable.
    assert money.records == (
        PaymentRecord(
            "0379-NEVHP",
            "611365",
            "611365-settled",
            5594,
            "USD",
            datetime(2013, 1, 15, 17, tzinfo=UTC),
        ),
    )
    with pytest.raises(ValueError, match="no sections of a mapping: payment"):
        for_sections(mapping, {"payment"})


def test_a_colombian_row() -> None:
    assert one_row(BASE, base_row()) == (
        AccountRecord("1", "Ana Peña"),
        ContactPointRecord("1", "email", "a@example.com"),
        ContactPointRecord("1", "sms", "+573000000001"),
        ReceivableRecord(
            "1", "F1", "andina", "F1", date(2026, 7, 1), date(2026, 7, 31), "COP", 150050
        ),
    )


def test_what_a_row_may_leave_out() -> None:
    row = base_row(Apellido="", Correo="", Celular="", Vence="")
    assert one_row(BASE, row) == (
        AccountRecord("1", "Ana"),
        ReceivableRecord("1", "F1", "andina", "F1", date(2026, 7, 1), None, "COP", 150050),
    )


def test_all_problems_of_a_row_at_once_and_the_receivable_it_names() -> None:
    row = base_row(Doc="", Correo="x", Celular="12", Emitida="2026", Vence="31/06/2026", Valor="-1")
    refusal = reader(good(BASE), HEADER).row(7, row)
    assert isinstance(refusal, RefusedRow)
    assert refusal.receivable_ids == ("F1",)
    assert [(each.file, each.line, each.column, each.value, each.problem) for each in
            refusal.problems] == [
        ("book.csv", 7, "Doc", "", "is empty"),
        ("book.csv", 7, "Correo", "x", "is not an e-mail address: '' is no domain"),
        ("book.csv", 7, "Celular", "12", "is not a phone number that country code +57 has"),
        ("book.csv", 7, "Valor", "-1", "is negative"),
        ("book.csv", 7, "Emitida", "2026", "is not a date written as day/month/year"),
        ("book.csv", 7, "Vence", "31/06/2026", "is a day that does not exist"),
    ]  # fmt: skip
    assert all(each.remedy for each in refusal.problems)
    assert str(refusal.problems[3]) == (
        "book.csv, line 7, column Valor: '-1' is negative; amounts are written without a sign; "
        "leave credit notes out with `when:` or import them as payments"
    )


@pytest.mark.parametrize(
    ("change", "column", "problem"),
    [
        ({"Nombre": ""}, "Nombre, Apellido", "is empty"),
        ({"Factura": ""}, "Factura", "is empty"),
        ({"Emitida": ""}, "Emitida", "is empty"),
        ({"Valor": ""}, "Valor", "is empty"),
        ({"Valor": "0,00"}, "Valor", "is zero"),
        ({"Valor": "10,500"}, "Valor", "has 3 decimals, COP has 2"),
        ({"Moneda": ""}, "Moneda", "is empty"),
        ({"Moneda": "XXX"}, "Moneda", "is not a currency"),
        ({"Factura": "x" * 101}, "Factura", "is 101 characters long, at most 100 are taken"),
        ({"Apellido": "P\x00"}, "Nombre, Apellido", "contains the invisible character U+0000"),
    ],
)
def test_one_problem_of_a_row(change: dict[str, str], column: str, problem: str) -> None:
    (found,) = wrong_row(BASE, base_row(**change))
    assert (found.file, found.line, found.column, found.problem) == (
        "book.csv",
        2,
        column,
        problem,
    )


def test_a_column_that_the_file_does_not_have() -> None:
    mapping = good(
        "file: {type: changes}\n"
        "account:\n"
        "  source_ref: customerId\n"
        '  name: "{Name} {Surname}"\n'
        "  country: CO\n"
        "  tags: Segment|lower\n"
    )
    problems = RowReader.of(mapping, ["customerID", "Name", "Segment"], file="book.csv")
    assert isinstance(problems, list)
    assert [str(problem) for problem in problems] == [
        "m.yaml:3:15: account.source_ref: book.csv has no column 'customerId', "
        "did you mean 'customerID'?; its columns are: customerID, Name, Segment",
        "m.yaml:4:9: account.name: book.csv has no column 'Surname', did you mean 'Name'?; "
        "its columns are: customerID, Name, Segment",
        "m.yaml:5:12: account.country: book.csv has no column 'CO'; "
        "for the same in every row write `always CO`; "
        "its columns are: customerID, Name, Segment",
        "m.yaml:6:9: account.tags: book.csv has no column 'Segment|lower', "
        "did you mean 'Segment'?; "
        'write a column with filters as a template: "{Segment|lower}"',
    ]


def test_a_section_that_is_not_asked_for_needs_no_columns() -> None:
    mapping = good(BASE + "payments: {payment_id: P, amount: A, paid_on: D, at: 12:00}\n")
    assert isinstance(RowReader.of(mapping, HEADER, file="b"), list)
    assert isinstance(RowReader.of(without(mapping, {"payments"}), HEADER, file="b"), RowReader)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "file: {type: changes}\n",
            [
                "m.yaml:1:1: the mapping takes nothing from the file; add one of account, "
                "contacts, receivable, disputes, links, payments"
            ],
        ),
        (
            "account: {source_ref: A, name: B}\n",
            ["m.yaml:1:1: 'file' is missing; add 'file: …'"],
        ),
        (
            "file: {type: all, delimeter: ';', encoding: utf-16}\n"
            "account: {source_ref: A, name: B}\n",
            [
                "m.yaml:1:14: file.type: 'all' is not known here; write one of: snapshot, changes",
                "m.yaml:1:19: file.delimeter: unknown key 'delimeter', did you mean 'delimiter'?; "
                "known here: delimiter, encoding, format, header, sheet, type",
                "m.yaml:1:45: file.encoding: 'utf-16' is not known here, did you mean 'utf-8'?; "
                "write one of: utf-8, latin-1, cp1252",
            ],
        ),
        (
            "file: {type: changes}\ndates: dd/mm/yyyy\nnumbers: 1.234\nzone: Bogota\n"
            "account: {source_ref: A, name: B}\n",
            [
                "m.yaml:2:8: dates: 'dd/mm/yyyy' is not a form of dates; write ISO, "
                "day/month/year, month/day/year, or the like with - . or nothing between; "
                "say `two-digit year` if the file has it",
                "m.yaml:3:10: numbers: '1.234' is not the number 1234567.89 written in some way; "
                'write that number as the file would, e.g. "1234567.89", "1234567,89", '
                '"1.234.567,89", "1,234,567.89", "1 234 567,89", "1\'234\'567.89"',
                "m.yaml:4:7: zone: 'Bogota' is not a time zone; "
                "write its IANA name, e.g. America/Bogota",
            ],
        ),
        (
            "file: {type: changes}\naccount:\n  name: '{A|lowr}'\n  kind: always firm\n",
            [
                "m.yaml:2:1: account: 'source_ref' is missing; add 'source_ref: …'",
                "m.yaml:3:9: account.name: unknown filter 'lowr', did you mean 'lower'?; "
                "filters are lower, upper, strip, digits, optional",
            ],
        ),
        (
            "file: {type: changes}\naccount:\n  name: A\n",
            ["m.yaml:2:1: account: 'source_ref' is missing; add 'source_ref: …'"],
        ),
        (
            "file: {type: changes}\naccount:\n  source_ref: A\n  name: = Ana\n"
            "  region: {B}\n  zone: always\n",
            [
                "m.yaml:4:9: account.name: '= Ana' is no value; write a constant as `always Ana`",
                "m.yaml:5:3: account.region: a template has to stand in quotes; "
                'write "{B}" with the quotes',
                "m.yaml:6:9: account.zone: 'always' has no value; write e.g. `always COP`",
            ],
        ),
        (
            "file: {type: changes}\n"
            "account:\n  source_ref: A\n  name: B\n  kind: always firm\n"
            "  country: {column: C, means: {Col: XX}, otherwise: YY}\n"
            "currency: always PESOS\n"
            "receivable: {receivable_id: R, creditor: always x, issued_on: always 30/09/2026, "
            "amount: V}\n",
            [
                "m.yaml:5:9: account.kind: 'firm' is none of person, company; "
                "translate it with `means:` in the mapping",
                "m.yaml:6:37: account.country.means.Col: 'XX' is not a country code; "
                "write two letters of ISO 3166 (CO, US), or translate it with `means:` "
                "in the mapping",
                "m.yaml:6:53: account.country.otherwise: 'YY' is not a country code; "
                "write two letters of ISO 3166 (CO, US), or translate it with `means:` "
                "in the mapping",
                "m.yaml:7:11: currency: 'PESOS' is not a currency; "
                "write three letters of ISO 4217 (COP, USD), or translate it with `means:`",
                "m.yaml:8:63: receivable.issued_on: '30/09/2026' is not a date written as "
                "year-month-day; correct it, or correct `dates:` in the mapping",
            ],
        ),
        (
            "file: {type: changes}\n"
            "receivable: {receivable_id: R, issued_on: D, amount: V}\n"
            "payments:\n  - {payment_id: P, amount: V, paid_on: D}\n"
            "disputes:\n  - {starts_on: D, when: {column: X}}\n",
            [
                "m.yaml:4:41: payments[1].paid_on: `paid_on:` needs a time of day; "
                "add e.g. `at: 12:00`",
                "m.yaml:6:20: disputes[1].when: a condition has one test; "
                "give one of `is:`, `is_not:` and `filled:`",
            ],
        ),
        (
            "file: {type: changes}\n"
            "receivable: {receivable_id: R, issued_on: D, amount: V}\n"
            "payments:\n  - {payment_id: P, amount: V, paid_on: D, at: 12:00}\n",
            [
                "m.yaml:2:1: receivable: 'source_ref' is missing: the mapping has no `account:` "
                "to take it from; add 'source_ref: …'",
                "m.yaml:2:1: receivable: the creditor is missing; add e.g. "
                "`creditor: always andina`, here or for the whole mapping",
                "m.yaml:2:1: receivable: the currency is missing; add e.g. "
                "`currency: always COP`, here or for the whole mapping",
                "m.yaml:4:5: payments[1]: the currency is missing; add e.g. "
                "`currency: always COP`, here or for the whole mapping",
                "m.yaml:4:5: payments[1]: the zone of the time is missing; "
                "add e.g. `zone: America/Bogota` to the mapping",
            ],
        ),
    ],
)
def test_a_mapping_that_is_refused(text: str, problems: list[str]) -> None:
    assert refused(text) == problems


def test_a_constant_of_the_mapping_is_plain_whatever_the_file_writes() -> None:
    text = BASE.replace("due_on: Vence", "due_on: always 2026-07-31").replace(
        "amount: Valor", "amount: always 12.50"
    )
    receivable = one_row(text, base_row())[-1]
    assert isinstance(receivable, ReceivableRecord)
    assert (receivable.due_on, receivable.amount_minor) == (date(2026, 7, 31), 1250)


def test_words_of_the_file_are_translated() -> None:
    text = """\
file: {type: changes}
account:
  source_ref: "{Doc|digits}"
  name: "{Name|strip|upper}"
  kind: {column: Tipo, means: {NIT: company, CC: person}}
  risk: {column: "{Riesgo|lower}", means: {alto: high}, otherwise: low}
  tags:
    - Etiquetas
    - always erp
    - {tag: gold, when: {column: Oro, is: [Sí, x, 1]}}
"""
    row = {"Doc": "900.1-2", "Name": "Ana", "Tipo": "nit", "Riesgo": "ALTO",
           "Etiquetas": "VIP; Mora", "Oro": "1"}  # fmt: skip
    assert one_row(text, row) == (
        AccountRecord(
            "90012",
            "ANA",
            kind="company",
            tags=("vip", "mora", "erp", "gold"),
            risk="high",
        ),
    )
    other = one_row(text, {**row, "Tipo": "", "Riesgo": "", "Etiquetas": "", "Oro": ""})
    assert other == (AccountRecord("90012", "ANA", tags=("erp",), risk="low"),)
    (problem,) = wrong_row(text, {**row, "Tipo": "PP"})
    assert (problem.column, problem.value, problem.problem, problem.remedy) == (
        "Tipo",
        "PP",
        "has no meaning in the mapping",
        "add it under `means:` (which has NIT, CC), or give `otherwise:`",
    )


@pytest.mark.parametrize(
    ("cells", "consent"),
    [
        (("Sí", "01/02/2025", ""), ConsentRecord(date(2025, 2, 1), "AUT-9")),
        (("sí", "", ""), None),
        (("No", "01/02/2025", ""), None),
        (("Revocada", "01/02/2025", ""), ConsentRecord(date(2025, 2, 1), "AUT-9", revoked=True)),
        (("Revocada", "", ""), ConsentRecord(None, "AUT-9", revoked=True)),
        (
            ("Sí", "01/02/2025", "05/06/2026"),
            ConsentRecord(date(2025, 2, 1), "AUT-9", revoked=True, revoked_on=date(2026, 6, 5)),
        ),
    ],
)
def test_consents(cells: tuple[str, str, str], consent: ConsentRecord | None) -> None:
    text = """\
file: {type: changes}
dates: day/month/year
contacts:
  source_ref: Doc
  channel: email
  address: Correo
  consent:
    when: {column: Autoriza, is: Sí}
    granted_on: Fecha
    evidence: "AUT-{Doc}"
    revoked_when: {column: Autoriza, is: Revocada}
    revoked_on: Retiro
"""
    row = {"Doc": "9", "Correo": "a@example.com"} | dict(
        zip(("Autoriza", "Fecha", "Retiro"), cells, strict=True)
    )
    assert one_row(text, row) == (ContactPointRecord("9", "email", "a@example.com", consent),)


PAYMENTS = """\
file: {type: changes}
zone: America/Bogota
currency: always COP
payments: {payment_id: Id, source_ref: Doc, receivable_id: Inv, amount: Sum, paid_on: Day, at: Hour}
"""


@pytest.mark.parametrize(
    ("cells", "records"),
    [
        (
            ("p1", "9", "F1", "10.50", "2026-09-01", "14:30"),
            (
                PaymentRecord(
                    "9", "F1", "p1", 1050, "COP", datetime(2026, 9, 1, 19, 30, tzinfo=UTC)
                ),
            ),
        ),
        (
            ("p1", "", "", "10.50", "2026-09-01", "14:30"),
            (
                PaymentRecord(
                    None, None, "p1", 1050, "COP", datetime(2026, 9, 1, 19, 30, tzinfo=UTC)
                ),
            ),
        ),
        (("", "9", "F1", "", "", ""), ()),
    ],
)
def test_payments(cells: tuple[str, ...], records: tuple[Record, ...]) -> None:
    row = dict(zip(("Id", "Doc", "Inv", "Sum", "Day", "Hour"), cells, strict=True))
    assert one_row(PAYMENTS, row) == records


@pytest.mark.parametrize(
    ("change", "column", "problem"),
    [
        ({"Id": ""}, "Id", "is empty"),
        ({"Sum": ""}, "Sum", "is empty although the row has the day of a payment"),
        ({"Day": ""}, "Day", "is empty although the row has the amount of a payment"),
        ({"Hour": ""}, "Hour", "is empty"),
        ({"Sum": "0.00"}, "Sum", "is zero"),
        ({"Hour": "99:00"}, "Hour", "has a time that does not exist"),
    ],
)
def test_half_a_payment_is_never_dropped_in_silence(
    change: dict[str, str], column: str, problem: str
) -> None:
    row = {"Id": "p", "Doc": "", "Inv": "", "Sum": "1.00", "Day": "2026-09-01", "Hour": "10:00"}
    (found,) = wrong_row(PAYMENTS, row | change)
    assert (found.column, found.problem) == (column, problem)


def test_disputes_and_links() -> None:
    text = BASE + (
        "disputes: {when: {column: Disputa, is: Sí}, starts_on: Desde, last_day: Hasta}\n"
        "links: {other_source_ref: Fiador, role: always guarantor}\n"
    )
    row = base_row(Disputa="Sí", Desde="01/08/2026", Hasta="", Fiador="7")
    assert one_row(text, row)[-2:] == (
        DisputeRecord("1", "F1", date(2026, 8, 1)),
        LinkRecord("1", "7", "guarantor"),
    )
    # The day before, the day and the day after its start.
    for last, records in (("31/07/2026", 4), ("01/08/2026", 5), ("02/08/2026", 5)):
        assert len(one_row(text, row | {"Hasta": last, "Fiador": ""})) == records
    assert len(one_row(text, row | {"Disputa": "No", "Fiador": ""})) == 4
    (problem,) = wrong_row(text, row | {"Desde": ""})
    assert (problem.column, problem.problem) == ("Desde", "is empty")
    (problem,) = wrong_row(text, row | {"Fiador": "1"})
    assert (problem.column, problem.problem) == ("Fiador", "is the debtor")


def test_records_travel_as_json() -> None:
    records = one_row(BASE, base_row())
    packed = msgspec.json.encode(records)
    assert msgspec.json.decode(packed, type=tuple[Record, ...]) == records


def test_the_schema_of_mappings_is_json_and_knows_every_section() -> None:
    schema = json.loads(json.dumps(mapping_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(schema["properties"]) == [
        "file", "dates", "numbers", "zone", "phone_country", "feed", "creditor", "currency",
        "account", "contacts", "receivable", "disputes", "links", "payments",
    ]  # fmt: skip
    # A section may be written as a block or as a list of blocks.
    assert {each.get("type", "block") for each in schema["properties"]["account"]["anyOf"]} == {
        "block",
        "array",
    }
    assert schema["additionalProperties"] is False


def test_problems_sort_by_line() -> None:
    problems = read_mapping("file: {type: x}\nzone: y\nfoo: 1\n", "m.yaml")
    assert isinstance(problems, list)
    assert all(isinstance(problem, Problem) for problem in problems)
    assert [problem.line for problem in problems] == [1, 2, 3]


def test_the_operators_guide_is_true() -> None:
    guide = (SAMPLES.parent / "docs" / "mapping.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", guide, flags=re.DOTALL)
    assert isinstance(read_mapping(example, "docs/mapping.md"), MappingFile)
    for name in mapping_schema()["$defs"].values():
        for key in name.get("properties", {}):
            assert f"`{key}`" in guide or f"{key}:" in guide or f"`file.{key}`" in guide, key


LIMIT = """\
file: {type: changes}
dates: day/month/year
numbers: "1.234.567,89"
zone: America/Bogota
creditor: always andina
currency: always COP
account: {source_ref: Doc, name: Doc, credit_limit: Cupo, terms_days: Plazo}
"""


def test_a_credit_limit_and_terms_are_taken_in_minor_units_and_days() -> None:
    (known,) = one_row(LIMIT, {"Doc": "1", "Cupo": "1.500.000,00", "Plazo": "30"})
    assert known == AccountRecord("1", "1", credit_limits={"COP": 150_000_000}, terms_days=30)
    (other,) = one_row(LIMIT, {"Doc": "1", "Cupo": "", "Plazo": ""})
    assert other == AccountRecord("1", "1")
    dollars = LIMIT.replace("Cupo,", "Cupo, currency: always USD,")
    (abroad,) = one_row(dollars, {"Doc": "1", "Cupo": "900", "Plazo": ""})
    assert isinstance(abroad, AccountRecord)
    assert abroad.credit_limits == {"USD": 90_000}


@pytest.mark.parametrize("terms", ["thirty", "30 days", "-1", "3651", "30,5"])
def test_terms_that_are_no_days_are_refused(terms: str) -> None:
    (problem,) = wrong_row(LIMIT, {"Doc": "1", "Cupo": "", "Plazo": terms})
    assert (problem.column, problem.problem) == ("Plazo", "is not a number of days")
