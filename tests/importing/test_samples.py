"""The samples: they are what their generator makes, and their mappings take them."""

import importlib.util
import io
import sys
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from escalon.importing.mapping import MappingFile, RowReader, read_mapping
from escalon.importing.reading import read_csv, read_xlsx
from escalon.importing.records import (
    AccountRecord,
    ContactPointRecord,
    DisputeRecord,
    PaymentRecord,
    ReceivableRecord,
    Record,
    RefusedRow,
    RowProblem,
)
from escalon_cli.replay.agreements import read_acts

SAMPLES = Path(__file__).parents[2] / "samples"


def taken(mapping_name: str, name: str) -> tuple[list[Record], list[RowProblem]]:
    mapping = read_mapping((SAMPLES / mapping_name).read_text(), mapping_name)
    assert isinstance(mapping, MappingFile), "\n".join(map(str, mapping))
    data = io.BytesIO((SAMPLES / name).read_bytes())
    read = read_xlsx if mapping.file.format == "xlsx" else read_csv
    rows = read(data, form=mapping.file, file=name)
    fitted = RowReader.of(mapping, rows.cursor.header, file=name)
    assert isinstance(fitted, RowReader), "\n".join(map(str, fitted))
    records: list[Record] = []
    problems: list[RowProblem] = []
    for _, line, cells in rows:
        assert isinstance(cells, dict)
        row = fitted.row(line, cells)
        if isinstance(row, RefusedRow):
            problems += row.problems
        else:
            records += row.records
    return records, problems


def kinds[T](records: list[Record], kind: type[T]) -> list[T]:
    return [record for record in records if isinstance(record, kind)]


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("samples_generate", SAMPLES / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_committed_samples_are_what_the_generator_makes() -> None:
    made = generator().files()
    assert {name: (SAMPLES / name).read_bytes() == content for name, content in made.items()} == {
        "portfolio.csv": True,
        "payments.csv": True,
        "agreements.csv": True,
        "with_errors.csv": True,
        "small.xlsx": True,
    }


def test_some_debtors_agree_and_keep_it_or_not() -> None:
    acts = read_acts(SAMPLES / "agreements.csv", ZoneInfo("America/Bogota"))
    done = Counter(act.what for act in acts)
    assert done == {"promises": 10, "agrees": 13, "pays": 23, "disputes": 2, "loses": 2}
    assert [act.at for act in acts] == sorted(act.at for act in acts)
    first = acts[0]
    assert (first.at, first.account, first.offer) == (
        datetime(2026, 9, 8, 15, 30, tzinfo=UTC),
        "2100447493",
        "promise",
    )
    # One settlement is paid but for a cent.
    short = [act for act in acts if act.amount_minor is not None and act.amount_minor % 50 == 49]
    assert len(short) == 1


def test_the_check_digit_of_a_nit() -> None:
    # Two that are public: the tax authority's own and the central bank's.
    nit = generator().nit
    assert nit(800197268) == "800197268-4"
    assert nit(860005216) == "860005216-7"


def test_the_portfolio_is_taken_without_a_problem() -> None:
    records, problems = taken("mapping.yaml", "portfolio.csv")
    assert problems == []
    accounts = {account.source_ref: account for account in kinds(records, AccountRecord)}
    assert len(accounts) == 300
    # Every row says the same of an account.
    assert len({msgspec.json.encode(one) for one in kinds(records, AccountRecord)}) == 300
    receivables = kinds(records, ReceivableRecord)
    assert len({each.receivable_id for each in receivables}) == len(receivables)
    per_account = Counter(each.source_ref for each in receivables)
    assert set(per_account.values()) == {1, 2, 3, 4, 5}
    assert {each.currency for each in receivables} == {"COP", "USD"}
    assert {each.creditor for each in receivables} == {"andina", "cordillera"}
    ages = [(date(2026, 8, 31) - each.due_on).days for each in receivables if each.due_on]
    assert min(ages) >= -30
    assert max(ages) <= 400
    assert max(ages) > 360
    assert len(ages) == len(receivables) - 2
    assert {tag for account in accounts.values() for tag in account.tags} == {
        "vip",
        "sme",
        "consumer",
    }
    assert len(kinds(records, DisputeRecord)) >= 10


def test_nobody_real_can_be_reached_or_meant() -> None:
    records, _ = taken("mapping.yaml", "portfolio.csv")
    for point in kinds(records, ContactPointRecord):
        if point.channel in ("sms", "voice"):
            assert point.address.startswith("+573000000")
        else:
            assert point.address.endswith("@example.com")
    for account in kinds(records, AccountRecord):
        assert account.source_ref.startswith("999" if account.kind == "company" else "21")


def test_some_cannot_be_reached_and_some_did_not_agree() -> None:
    records, _ = taken("mapping.yaml", "portfolio.csv")
    points = kinds(records, ContactPointRecord)
    accounts = {account.source_ref for account in kinds(records, AccountRecord)}
    assert accounts - {point.source_ref for point in points}
    for channel in ("email", "sms"):
        mine = [point for point in points if point.channel == channel]
        assert accounts - {point.source_ref for point in mine}
        assert any(point.consent is None for point in mine)
        assert any(point.consent and point.consent.revoked for point in mine)


def test_payments_cover_the_ways_of_paying() -> None:
    records, _ = taken("mapping.yaml", "portfolio.csv")
    further, problems = taken("payments_mapping.yaml", "payments.csv")
    assert problems == []
    open_minor = {each.receivable_id: each.open_minor for each in kinds(records, ReceivableRecord)}
    in_rows = kinds(records, PaymentRecord)
    in_file = kinds(further, PaymentRecord)
    by_id = {each.payment_id: each for each in [*in_rows, *in_file]}
    assert len(by_id) < len(in_rows) + len(in_file), "some payments come twice"
    # The same payment says the same wherever it stands.
    for each in [*in_rows, *in_file]:
        same = by_id[each.payment_id]
        assert (each.amount_minor, each.paid_at, each.receivable_id) == (
            same.amount_minor,
            same.paid_at,
            same.receivable_id,
        )
    paid: Counter[str | None] = Counter()
    for each in by_id.values():
        paid[each.receivable_id] += each.amount_minor
    ways = Counter(
        "never" if not paid[key] else "part" if paid[key] < due else "full" if paid[key] == due
        else "over"
        for key, due in open_minor.items()
        if due is not None
    )  # fmt: skip
    assert set(ways) == {"never", "part", "full", "over"}
    assert paid[None] == 18_000_000, "and money that names nobody"
    assert all(
        datetime(2026, 9, 1, tzinfo=UTC) <= each.paid_at <= datetime(2026, 11, 20, tzinfo=UTC)
        for each in by_id.values()
    )


def test_the_small_spreadsheet() -> None:
    records, problems = taken("small_mapping.yaml", "small.xlsx")
    assert problems == []
    assert kinds(records, ReceivableRecord)[1] == ReceivableRecord(
        "999900001-4",
        "4501",
        "andina",
        "4501",
        date(2026, 6, 15),
        date(2026, 7, 15),
        "COP",
        83050050,
    )
    assert kinds(records, ReceivableRecord)[5].due_on is None


@pytest.mark.parametrize(
    ("line", "column", "value", "problem"),
    [
        (3, "FechaVencimiento", "30/02/2026", "is a day that does not exist"),
        (5, "FechaEmision", "2026-07-15", "is not a date written as day/month/year"),
        (7, "FechaEmision", "15/07/26", "has a year of two digits"),
        (
            9,
            "FechaVencimiento",
            "07/25/2026",
            "has month 25, read as day/month/year; "
            "this file may write day and month the other way round",
        ),
        (11, "Valor", "1,250,000.00", "is not a number written as 1.234.567,89"),
        (13, "Valor", "-50.000,00", "is negative"),
        (15, "Valor", "120.000,505", "has 3 decimals, COP has 2"),
        (17, "Moneda", "PESOS", "is not a currency"),
        (
            19,
            "Correo",
            "sin-arroba.example.com",
            "is not an e-mail address: '' is no domain",
        ),
        (21, "Correo", "uno@example.com; dos@example.com", "is not one e-mail address"),
        (23, "Celular", "300 12", "is not a phone number that country code +57 has"),
        (25, "TipoDoc", "XX", "has no meaning in the mapping"),
        (27, "Documento", "", "is empty"),
        (29, "Factura", "", "is empty"),
        (31, "Nombre", "Ana\tLucía Peña", "contains a tab"),
        (33, "ValorPagado", "", "is empty although the row has the day of a payment"),
        (35, "Correo", "@example.com", "is not an e-mail address"),
        (35, "Valor", "mil", "is not a number written as 1.234.567,89"),
        (35, "FechaVencimiento", "31/06/2026", "is a day that does not exist"),
    ],
)
def test_the_sample_with_errors_names_each(
    line: int, column: str, value: str, problem: str
) -> None:
    records, problems = taken("mapping.yaml", "with_errors.csv")
    assert len(problems) == 19
    assert len(kinds(records, ReceivableRecord)) == 17
    (found,) = (each for each in problems if each.line == line and each.column == column)
    assert (found.file, found.value, found.problem) == ("with_errors.csv", value, problem)
    assert found.remedy
