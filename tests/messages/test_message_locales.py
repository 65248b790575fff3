"""Amounts and dates as the reader writes them."""

from datetime import date

import msgspec
import pytest

from escalon.domain.rules.rulebook import Creditor
from escalon.messages.context import Amount, format_locale, in_locale, pay_link, pick_locale
from escalon.messages.errors import MessageError
from escalon.messages.locales import Reader


@pytest.mark.parametrize(
    ("locale", "codes", "currency", "minor", "written"),
    [
        ("es-CO", False, "COP", 123_456_700, "$ 1.234.567"),
        ("es-CO", False, "COP", 123_456_789, "$ 1.234.567,89"),
        ("es-CO", False, "COP", 123_456_750, "$ 1.234.567,50"),
        ("es-CO", False, "COP", 100, "$ 1"),
        ("es-CO", False, "COP", 99, "$ 0,99"),
        ("es-CO", False, "COP", 0, "$ 0"),
        ("es-CO", False, "COP", 99_999, "$ 999,99"),
        ("es-CO", False, "COP", 100_000, "$ 1.000"),
        ("es-CO", False, "COP", -5_000_000, "-$ 50.000"),
        ("es-CO", False, "COP", 98_765_432_109_876_543, "$ 987.654.321.098.765,43"),
        ("es-CO", True, "COP", 123_456_700, "COP 1.234.567"),
        ("es-CO", False, "USD", 30_000, "USD 300,00"),
        ("es-CO", False, "USD", 30_050, "USD 300,50"),
        ("es-CO", False, "CLP", 1_500, "CLP 1.500"),
        ("es-CO", False, "KWD", 1_234_567, "KWD 1.234,567"),
        ("es-CL", False, "CLP", 1_500, "$ 1.500"),
        ("es-ES", False, "EUR", 123_456, "1.234,56 €"),
        ("es-ES", True, "EUR", -123_456, "-EUR 1.234,56"),
        ("en", False, "COP", 123_456_700, "COP 1,234,567"),
        ("en", False, "USD", 123_456, "USD 1,234.56"),
        ("en-US", False, "USD", 123_456, "$1,234.56"),
        ("en-US", False, "USD", 100_000, "$1,000.00"),
        ("en-US", False, "COP", 123_456_750, "COP 1,234,567.50"),
        ("pt-BR", False, "BRL", 123_456, "R$1.234,56"),
    ],
)
def test_amounts(locale: str, codes: bool, currency: str, minor: int, written: str) -> None:
    reader = Reader(locale, codes=codes)
    assert reader.amount(Amount(currency, minor)).replace("\N{NO-BREAK SPACE}", " ") == written


def test_an_amount_and_a_short_date_are_not_broken_over_two_lines() -> None:
    assert Reader("en", codes=False).short_date(date(2027, 9, 3)) == (
        "Sep\N{NO-BREAK SPACE}3,\N{NO-BREAK SPACE}2027"
    )
    assert Reader("es-CO", codes=False).amount(Amount("COP", 100)) == "$\N{NO-BREAK SPACE}1"


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        ("es-CO", "COP 1 y USD 2,00"),
        ("en", "COP 1 and USD 2.00"),
    ],
)
def test_currencies_stand_side_by_side_and_are_never_added(locale: str, written: str) -> None:
    amounts = Reader(locale, codes=True).amounts([Amount("COP", 100), Amount("USD", 200)])
    assert amounts.replace("\N{NO-BREAK SPACE}", " ") == written


@pytest.mark.parametrize(
    ("locale", "long", "short"),
    [
        ("es-CO", "3 de septiembre de 2027", "3 sept 2027"),
        ("en", "September 3, 2027", "Sep 3, 2027"),
        ("en-GB", "3 September 2027", "3 Sept 2027"),
    ],
)
def test_dates_have_the_month_in_letters(locale: str, long: str, short: str) -> None:
    reader = Reader(locale, codes=False)
    assert reader.long_date(date(2027, 9, 3)) == long
    assert reader.short_date(date(2027, 9, 3)).replace("\N{NO-BREAK SPACE}", " ") == short


@pytest.mark.parametrize("tag", ["xx-YY", "español", "", "es_CO", "../etc"])
def test_an_unknown_locale_is_named(tag: str) -> None:
    with pytest.raises(MessageError, match="is not known; write it like es-CO or en"):
        Reader(tag, codes=False)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("es-CO", "es-CO"),
        ("en", "en"),
        ("en-US", "en"),
        ("es-MX", "es-CO"),
        ("es", "es-CO"),
        ("pt-BR", "es-CO"),
        ("", "es-CO"),
    ],
)
def test_the_templates_nearest_to_the_reader_are_picked(wanted: str, chosen: str) -> None:
    assert pick_locale({"es-CO": {}, "en": {}}, wanted, "es-CO") == chosen


@pytest.mark.parametrize(
    ("wanted", "chosen", "formats"),
    [
        ("en-US", "en", "en-US"),
        ("es", "es-CO", "es-CO"),
        ("pt-BR", "es-CO", "es-CO"),
        ("", "es-CO", "es-CO"),
    ],
)
def test_amounts_do_not_follow_another_language_than_the_words(
    wanted: str, chosen: str, formats: str
) -> None:
    assert format_locale(wanted, chosen) == formats


def test_a_text_in_another_language_is_not_shown() -> None:
    assert in_locale({"es-CO": "Consigne en el banco"}, "es-MX") == "Consigne en el banco"
    assert in_locale({"es-CO": "Consigne en el banco"}, "en") == ""


def test_a_document_cannot_change_the_address_to_pay_at(andina: Creditor) -> None:
    creditor = msgspec.structs.replace(andina, pay_url="https://pay.example.com/{reference}")
    assert pay_link(creditor, "FV-1") == "https://pay.example.com/FV-1"
    assert pay_link(creditor, "../x?a=b&c#d ñ") == (
        "https://pay.example.com/..%2Fx%3Fa%3Db%26c%23d%20%C3%B1"
    )
