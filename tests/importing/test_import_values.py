"""Cells: what is taken, and what is refused with its remedy."""

import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalon.importing import values
from escalon.importing.values import CellError, DateForm, NumberForm, Typed


def refused(parse: Callable[[str], Any], cell: str) -> tuple[str, str]:
    with pytest.raises(CellError) as caught:
        parse(cell)
    return caught.value.problem, caught.value.remedy


@pytest.mark.parametrize(
    ("form", "cell", "day"),
    [
        ("ISO", "2026-09-30", date(2026, 9, 30)),
        ("year-month-day", "2026-9-3", date(2026, 9, 3)),
        ("day/month/year", "03/09/2026", date(2026, 9, 3)),
        ("month/day/year", "4/6/2013", date(2013, 4, 6)),
        ("%m/%d/%Y", "4/6/2013", date(2013, 4, 6)),
        ("%Y%m%d", "20260930", date(2026, 9, 30)),
        ("day.month.year", "30.9.2026", date(2026, 9, 30)),
        ("day/month/two-digit year", "30/09/26", date(2026, 9, 30)),
        ("%d/%m/%y", "30/09/99", date(1999, 9, 30)),
        ("day/month/year", "29/02/2028", date(2028, 2, 29)),
        ("day/month/year", "30/09/2026 00:00:00", date(2026, 9, 30)),
        ("month/day/year", "9/30/2026 3:15:00 PM", date(2026, 9, 30)),
        ("ISO", "2026-09-30T23:59:59.999", date(2026, 9, 30)),
    ],
)
def test_dates(form: str, cell: str, day: date) -> None:
    assert values.day(DateForm.of(form))(cell) == day


@pytest.mark.parametrize(
    ("form", "cell", "problem"),
    [
        ("day/month/year", "30/02/2026", "is a day that does not exist"),
        ("day/month/year", "29/02/2027", "is a day that does not exist"),
        (
            "day/month/year",
            "07/25/2026",
            "has month 25, read as day/month/year; "
            "this file may write day and month the other way round",
        ),
        ("day/month/year", "13/13/2026", "has month 13, read as day/month/year"),
        ("day/month/year", "2026-07-25", "is not a date written as day/month/year"),
        ("day/month/year", "25/07/26", "has a year of two digits"),
        ("day/month/year", "25-07-2026", "is not a date written as day/month/year"),
        ("day/month/year", "25/07/0206", "has year 206"),
        ("day/month/year", "hoy", "is not a date written as day/month/year"),
        ("ISO", "2026-09-30T10:00:00Z", "is an instant with a zone, not a date"),
        ("ISO", "2026-09-30 25:00", "has a time that does not exist"),
    ],
)
def test_dates_that_are_refused(form: str, cell: str, problem: str) -> None:
    assert refused(values.day(DateForm.of(form)), cell)[0] == problem


@pytest.mark.parametrize("form", ["", "day/month", "day/day/year", "%d/%m/%H", "dd/mm/yyyy"])
def test_a_form_of_dates_that_could_be_misread_is_none(form: str) -> None:
    with pytest.raises(ValueError, match=r"form of dates|each once"):
        DateForm.of(form)


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2199, 12, 31)))
def test_every_date_is_read_back_in_every_form(day: date) -> None:
    assert values.day(DateForm.of("day/month/year"))(day.strftime("%d/%m/%Y")) == day
    assert values.day(DateForm.of("%m-%d-%Y"))(day.strftime("%m-%d-%Y")) == day
    assert values.day(DateForm.of("yearmonthday"))(day.strftime("%Y%m%d")) == day


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("30/09/2026 12:00", datetime(2026, 9, 30, 17, 0, tzinfo=UTC)),
        ("30/09/2026 12:00:30 PM", datetime(2026, 9, 30, 17, 0, 30, tzinfo=UTC)),
        ("30/09/2026 12:05 AM", datetime(2026, 9, 30, 5, 5, tzinfo=UTC)),
        ("30/09/2026T12:00:00Z", datetime(2026, 9, 30, 12, 0, tzinfo=UTC)),
        ("30/09/2026 12:00:00+02:00", datetime(2026, 9, 30, 10, 0, tzinfo=UTC)),
    ],
)
def test_instants(cell: str, instant: datetime) -> None:
    parse = values.instant(DateForm.of("day/month/year"), ZoneInfo("America/Bogota"))
    assert parse(cell) == instant
    assert parse(cell).tzinfo is UTC


def test_an_instant_needs_a_time_and_a_zone() -> None:
    form = DateForm.of("ISO")
    bogota = ZoneInfo("America/Bogota")
    assert refused(values.instant(form, bogota), "2026-09-30") == (
        "has no time of day",
        "map it as `paid_on` with `at: 12:00`",
    )
    assert refused(values.instant(form, None), "2026-09-30 10:00") == (
        "has no time zone",
        "set `zone:` in the mapping",
    )


def test_hours_that_clocks_skip_or_repeat_have_one_meaning() -> None:
    new_york = ZoneInfo("America/New_York")
    parse = values.instant(values.ISO, new_york)
    assert parse("2026-03-08 02:30") == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert parse("2026-11-01 01:30") == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("example", "cell", "amount"),
    [
        ("1.234.567,89", "1.234.567,89", "1234567.89"),
        ("1.234.567,89", "1234567,8", "1234567.8"),
        ("1.234.567,89", "12.000", "12000"),
        ("1.234.567,89", "0,05", "0.05"),
        ("1,234,567.89", "1,234,567.89", "1234567.89"),
        ("1,234,567.89", "55.94", "55.94"),
        ("1234567.89", "55.94", "55.94"),
        ("1234567,89", "55,94", "55.94"),
        ("1'234'567.89", "12'345.60", "12345.60"),
        ("1 234 567,89", "12 345,60", "12345.60"),
        ("1 234 567,89", "12\u00a0345,60", "12345.60"),
        ("$ 1.234.567,89", "$ 50.000,00", "50000.00"),
        ("$ 1.234.567,89", "$50.000", "50000"),
        ("$ 1.234.567,89", "50.000,00", "50000.00"),
        ("1.234.567,89 COP", "50.000,00 COP", "50000.00"),
        ("1.234.567", "50.000", "50000"),
        ("1,234,567.8900", "50,000.1200", "50000.1200"),
        ("1234567.89", "-0.00", "0.00"),
    ],
)
def test_amounts(example: str, cell: str, amount: str) -> None:
    assert values.amount(NumberForm.of(example))(cell) == Decimal(amount)


@pytest.mark.parametrize(
    ("example", "cell", "problem"),
    [
        ("1.234.567,89", "1,234,567.89", "is not a number written as 1.234.567,89"),
        ("1.234.567,89", "55.94", "is not a number written as 1.234.567,89"),
        ("1.234.567,89", "1.23.456", "is not a number written as 1.234.567,89"),
        ("1.234.567,89", "1.234567", "is not a number written as 1.234.567,89"),
        ("1,234,567.89", "1.234.567,89", "is not a number written as 1,234,567.89"),
        ("1234567.89", "1,000", "is not a number written as 1234567.89"),
        ("1234567.89", "1e3", "is not a number written as 1234567.89"),
        ("1234567.89", "NaN", "is not a number written as 1234567.89"),
        ("1234567.89", "٣", "is not a number written as 1234567.89"),
        ("1234567.89", "-5.00", "is negative"),
        ("1234567.89", "(5.00)", "is negative"),
        ("1234567.89", "5.00-", "is negative"),
        ("1234567.89", "1234567890123456", "is too large for an amount"),
    ],
)
def test_amounts_that_are_refused(example: str, cell: str, problem: str) -> None:
    assert refused(values.amount(NumberForm.of(example)), cell)[0] == problem


@pytest.mark.parametrize("example", ["1.234", "1.234.567.89", "12,5", "#.##0,00", "1,234,567,89"])
def test_an_example_of_numbers_that_could_be_misread_is_none(example: str) -> None:
    with pytest.raises(ValueError, match=r"is not the number 1234567\.89"):
        NumberForm.of(example)


@pytest.mark.parametrize(
    ("example", "cell", "currency", "minor"),
    [
        ("1.234.567,89", "1.000,50", "COP", 100050),
        ("1.234.567,89", "1.000,5", "COP", 100050),
        ("1.234.567,89", "1.000", "CLP", 1000),
        ("1.234.567,89", "1.000,00", "CLP", 1000),
        ("1,234,567.89", "1.234", "KWD", 1234),
        ("1,234,567.8900", "1.2300", "USD", 123),
    ],
)
def test_minor_units(example: str, cell: str, currency: str, minor: int) -> None:
    form = NumberForm.of(example)
    assert values.minor(values.amount(form)(cell), currency, form, cell) == minor


@pytest.mark.parametrize(
    ("example", "cell", "currency", "problem"),
    [
        ("1.234.567,89", "10,500", "COP", "has 3 decimals, COP has 2"),
        ("1.234.567,89", "10,50", "CLP", "10.50 has more decimals than CLP has (0)"),
        ("1,234,567.8900", "1.2345", "USD", "1.2345 has more decimals than USD has (2)"),
    ],
)
def test_decimals_that_no_amount_has(example: str, cell: str, currency: str, problem: str) -> None:
    form = NumberForm.of(example)
    amount = values.amount(form)(cell)
    assert refused(lambda _: values.minor(amount, currency, form, cell), cell)[0] == problem


@given(st.integers(min_value=0, max_value=10**14))
def test_every_amount_is_read_back_in_both_writings(cents: int) -> None:
    english = f"{cents // 100:,}.{cents % 100:02d}"
    spanish = english.translate(str.maketrans(",.", ".,"))
    for example, cell in (("1,234,567.89", english), ("1.234.567,89", spanish)):
        form = NumberForm.of(example)
        assert values.minor(values.amount(form)(cell), "COP", form, cell) == cents


@given(st.text(max_size=30))
def test_no_cell_does_anything_but_be_taken_or_refused(cell: str) -> None:
    for parse in (
        values.text,
        values.email,
        values.tags,
        values.language,
        values.country,
        values.currency,
        values.zone,
        values.clock,
        values.day(values.ISO),
        values.instant(values.ISO, ZoneInfo("America/Bogota")),
        values.amount(NumberForm.of("1.234.567,89")),
        values.phone("CO", mobile=True),
    ):
        with contextlib.suppress(CellError):
            parse(cell)


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("Ana.Perez@Example.COM", "Ana.Perez@example.com"),
        ("mailto:a@example.com", "a@example.com"),
        ("a+b_c@sub.example.co", "a+b_c@sub.example.co"),
    ],
)
def test_emails(cell: str, address: str) -> None:
    assert values.email(cell) == address


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("sin-arroba.example.com", "is not an e-mail address: '' is no domain"),
        ("@example.com", "is not an e-mail address"),
        ("a..b@example.com", "is not an e-mail address"),
        ("a@localhost", "is not an e-mail address: 'localhost' is no domain"),
        ("a@-x.com", "is not an e-mail address: '-x.com' is no domain"),
        ("a@example.com; b@example.com", "is not one e-mail address"),
        ("a@b@example.com", "is not one e-mail address"),
        ("peña@example.com", "is not an e-mail address"),
        ("a@example.com\n", "contains a line break"),
        ("x" * 65 + "@example.com", "is not an e-mail address"),
    ],
)
def test_emails_that_are_refused(cell: str, problem: str) -> None:
    assert refused(values.email, cell)[0] == problem


@pytest.mark.parametrize(
    ("region", "cell", "number"),
    [
        ("CO", "300 000 0123", "+573000000123"),
        ("CO", "+57 (300) 000-0123", "+573000000123"),
        ("CO", "573000000123", "+573000000123"),
        (None, "+573000000123", "+573000000123"),
        ("CO", "+1 212 555 0123", "+12125550123"),
    ],
)
def test_phones(region: str | None, cell: str, number: str) -> None:
    assert values.phone(region, mobile=True)(cell) == number


@pytest.mark.parametrize(
    ("region", "cell", "problem"),
    [
        ("CO", "300 12", "is not a phone number that country code +57 has"),
        ("CO", "no tiene", "is not a phone number"),
        (None, "300 000 0123", "is not a phone number"),
        ("CO", "601 555 0123", "is not a mobile number"),
    ],
)
def test_phones_that_are_refused(region: str | None, cell: str, problem: str) -> None:
    assert refused(values.phone(region, mobile=True), cell)[0] == problem


def test_a_fixed_line_takes_calls() -> None:
    assert values.phone("CO", mobile=False)("601 755 0123") == "+576017550123"


@pytest.mark.parametrize(
    ("parse", "cell", "problem"),
    [
        (values.text, "a\x07b", "contains the invisible character U+0007"),
        (values.text, "a\u202eb", "contains the invisible character U+202E"),
        (values.text, "a\nb", "contains a line break"),
        (values.text, "Pe\ufffda", "contains the mark of a character that was lost (U+FFFD)"),
        (values.text, "x" * 501, "is 501 characters long, at most 500 are taken"),
        (values.reference, "x" * 101, "is 101 characters long, at most 100 are taken"),
        (values.currency, "PESOS", "is not a currency"),
        (values.country, "Colombia", "is not a country code"),
        (values.zone, "Bogota", "is not a time zone"),
        (values.zone, "../../etc/passwd", "is not a time zone"),
        (values.language, "español", "is not a language tag"),
        (values.tags, "muy importante", "'muy importante' is not a tag"),
        (values.clock, "25:00", "has a time that does not exist"),
        (values.clock, "noon", "is not a time of day"),
    ],
)
def test_text_and_codes_that_are_refused(
    parse: Callable[[str], Any], cell: str, problem: str
) -> None:
    assert refused(parse, cell)[0] == problem


def test_text_is_made_one_way_of_writing() -> None:
    assert values.text("Pen\u0303a\u00a0Ltda") == "Peña Ltda"
    assert values.currency("cop") == "COP"
    assert values.language("es_CO") == "es-CO"
    assert values.tags("VIP, Mora;vip") == ("vip", "mora")


def test_a_spreadsheets_own_values_need_no_form() -> None:
    day = values.day(DateForm.of("day/month/year"))
    assert day(Typed.of("2026-09-30", datetime(2026, 9, 30))) == date(2026, 9, 30)  # noqa: DTZ001
    assert refused(day, Typed.of("46295", Decimal(46295)))[0] == "is a number, not a date"
    compact = values.day(DateForm.of("%Y%m%d"))
    assert compact(Typed.of("20260930", Decimal(20260930))) == date(2026, 9, 30)
    amount = values.amount(NumberForm.of("1.234.567,89"))
    assert amount(Typed.of("1234.5", Decimal("1234.5"))) == Decimal("1234.5")
    assert refused(amount, Typed.of("-1", Decimal(-1)))[0] == "is negative"
    broken = Typed.of("#N/A", CellError("is an error of the spreadsheet", "mend it"))
    for parse in (day, amount, values.text, values.clock):
        assert refused(parse, broken) == ("is an error of the spreadsheet", "mend it")
