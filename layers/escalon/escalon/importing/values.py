"""One cell of an export into one value, or a `CellError` with what is wrong and what to do.

Nothing is guessed: a date or number that is not written as the mapping says is refused, because a
guess that is right for 11 March is wrong for 3 November.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from escalon.domain.calendar import Week, find_zone
from escalon.domain.money import MoneyError, minor_digits, to_minor


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Two-letter and three-letter codes as ISO publishes them (3166-1 and 4217, without funds, metals
# and test codes).
COUNTRIES = _codes(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """
)
CURRENCIES = _codes(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
    CDF CHF CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS
    GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW
    KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN
    NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK
    SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYI UYU
    UYW UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
    """
)

MAX_TEXT = 500
FIRST_YEAR, LAST_YEAR = 1900, 2200


class CellError(ValueError):
    """A cell that cannot be taken."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class Typed(str):
    """A cell that came with its type (XLSX): its text, and the value it is the text of. A
    `CellError` as the value says that the spreadsheet itself has no value there."""

    __slots__ = ("value",)
    value: date | datetime | Decimal | CellError

    @classmethod
    def of(cls, text: str, value: date | datetime | Decimal | CellError) -> "Typed":
        cell = cls(text)
        cell.value = value
        return cell


# --- text ----------------------------------------------------------------------------------------


def text(cell: str, longest: int = MAX_TEXT) -> str:
    """Text without control characters; blanks of other kinds become plain ones."""
    if type(cell) is Typed:
        if isinstance(cell.value, CellError):
            raise cell.value
        cell = str(cell)
    if len(cell) > longest:
        raise CellError(
            f"is {len(cell)} characters long, at most {longest} are taken",
            "shorten it; often it is the wrong column or a quote that is not closed",
        )
    if cell.isascii() and cell.isprintable():
        return cell
    if not cell.isprintable():
        cell = "".join(" " if unicodedata.category(each) == "Zs" else each for each in cell)
        for each in cell:
            if not each.isprintable():
                name = {"\n": "a line break", "\t": "a tab", "\r": "a line break"}.get(
                    each, f"the invisible character U+{ord(each):04X}"
                )
                raise CellError(f"contains {name}", "remove it at the source")
    if "\ufffd" in cell:
        raise CellError(
            "contains the mark of a character that was lost (U+FFFD)",
            "export the file again as UTF-8",
        )
    return unicodedata.normalize("NFC", cell).strip()


def reference(cell: str) -> str:
    """An identifier of the source: kept as written, at most 100 characters."""
    return text(cell, 100)


_TAG = re.compile(r"[\w][\w.-]{0,39}")
_TAGS_APART = re.compile(r"[,;|]")


def tags(cell: str) -> tuple[str, ...]:
    """Tags in lower case; a cell may list several, separated by `,`, `;` or `|`."""
    found = tuple(
        dict.fromkeys(
            tag for each in _TAGS_APART.split(text(cell)) if (tag := each.strip().lower())
        )
    )
    for tag in found:
        if not _TAG.fullmatch(tag):
            raise CellError(
                f"'{tag}' is not a tag",
                "a tag is one word of letters, digits, '-', '_' and '.'; "
                "translate it with `means:` in the mapping",
            )
    return found


def each_of(words: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """Some of a few words of ours; a cell may list several, as tags."""
    known = tuple(words)

    def parse(cell: str) -> tuple[str, ...]:
        found = tags(cell)
        for word in found:
            if word not in known:
                raise CellError(
                    f"'{word}' is none of {', '.join(known)}",
                    "translate it with `means:` in the mapping",
                )
        return found

    return parse


_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d) ?(?:-|to|a) ?([01]?\d|2[0-4]):([0-5]\d)")


def hours(cell: str) -> Week:
    """Hours of the day, the same on each day of the week: `18:00-20:00`; several with commas."""
    ranges = []
    for part in text(cell).split(","):
        match = _HOURS.fullmatch(part.strip())
        numbers = [int(number) for number in match.groups()] if match else [0, 0, 0, 0]
        start, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
        if not start < end <= 24 * 60:
            raise CellError("is no hours of a day", "write them as 18:00-20:00")
        ranges.append((start, end))
    return (tuple(sorted(ranges)),) * 7


def one_of[T: str](words: tuple[T, ...]) -> Callable[[str], T]:
    """One of a few words of ours."""

    def parse(cell: str) -> T:
        word = text(cell)
        for each in words:
            if word == each:
                return each
        raise CellError(
            f"is none of {', '.join(words)}", "translate it with `means:` in the mapping"
        )

    return parse


_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")


def language(cell: str) -> str:
    tag = text(cell).replace("_", "-")
    if not _LANGUAGE.fullmatch(tag):
        raise CellError("is not a language tag", "write it as es-CO or en")
    return tag


def country(cell: str) -> str:
    code = text(cell).upper()
    if code not in COUNTRIES:
        raise CellError(
            "is not a country code",
            "write two letters of ISO 3166 (CO, US), or translate it with `means:` in the mapping",
        )
    return code


@functools.lru_cache(maxsize=1024)
def zone(cell: str) -> str:
    """A time zone that exists."""
    key = text(cell)
    try:
        ZoneInfo(key)
    except (KeyError, ValueError, OSError):
        raise CellError("is not a time zone", "write its IANA name, e.g. America/Bogota") from None
    return key


# --- addresses -----------------------------------------------------------------------------------

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{}~-]+)*")
_DOMAIN = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+([A-Za-z]{2,63}|xn--[A-Za-z0-9-]{2,59})"
)


def email(cell: str) -> str:
    """One e-mail address that a provider would take; its domain in lower case."""
    address = text(cell).removeprefix("mailto:")
    if "," in address or ";" in address or " " in address or address.count("@") > 1:
        raise CellError(
            "is not one e-mail address",
            "write one address in the cell; map further ones as further contacts",
        )
    local, _, domain = address.partition("@")
    if len(local) > 64 or not _LOCAL.fullmatch(local):
        raise CellError("is not an e-mail address", "write it as name@example.com")
    if len(address) > 254 or not _DOMAIN.fullmatch(domain):
        raise CellError(
            f"is not an e-mail address: '{domain}' is no domain", "write it as name@example.com"
        )
    return f"{local}@{domain.lower()}"


def phone(region: str | None, *, mobile: bool) -> Callable[[str], str]:
    """A phone number in E.164. `region` is the country of numbers written without one; a text
    message needs a mobile number."""

    # A debtor's number comes again in each of its rows, and taking one apart costs 35 µs.
    @functools.lru_cache(maxsize=4096)
    def parse(cell: str) -> str:
        import phonenumbers  # here: 30 ms that only files with phone numbers have to pay

        if not any(each.isdigit() for each in text(cell)):
            raise CellError("is not a phone number", "write it as +573001234567")
        try:
            number = phonenumbers.parse(cell, region)
        except phonenumbers.NumberParseException:
            raise CellError(
                "is not a phone number",
                "write it with its country code, as +573001234567"
                + ("" if region else ", or set `phone_country:` in the mapping"),
            ) from None
        kind = phonenumbers.number_type(number)
        if kind == phonenumbers.PhoneNumberType.UNKNOWN:
            raise CellError(
                f"is not a phone number that country code +{number.country_code} has",
                "check its digits and its country code",
            )
        if mobile and kind not in (
            phonenumbers.PhoneNumberType.MOBILE,
            phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        ):
            raise CellError(
                "is not a mobile number", "give a mobile number, or map it as a voice contact"
            )
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))

    return parse


@functools.lru_cache(maxsize=4096)
def phone_zones(number: str) -> tuple[str, ...]:
    """The time zone that the area code of a number (E.164) is of; none if it may be of several, as
    most mobile numbers are outside America, or if nobody knows."""
    from phonenumbers import NumberParseException, parse
    from phonenumbers.timezone import time_zones_for_number

    try:
        zones: tuple[str, ...] = time_zones_for_number(parse(number))
    except NumberParseException:
        return ()
    return zones if len(zones) == 1 and find_zone(zones[0]) is not None else ()


# --- dates and times -----------------------------------------------------------------------------

_PARTS = {
    "day": r"(?P<d>\d{1,2})",
    "month": r"(?P<m>\d{1,2})",
    "year": r"(?P<y>\d{4})",
    "two-digit year": r"(?P<yy>\d{2})",
}
_FORM = re.compile(
    r"(?P<a>day|month|year|two-digit year)(?P<s>[-/. ]?)"
    r"(?P<b>day|month|year|two-digit year)(?P=s)"
    r"(?P<c>day|month|year|two-digit year)"
)
_DIRECTIVES = {"%d": "day", "%m": "month", "%Y": "year", "%y": "two-digit year"}
_TIME = (
    r"(?:[ T]+(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,]\d{1,9})?)?"
    r"(?: ?(?P<half>[AaPp])\.? ?[Mm]\.?)? ?(?P<offset>[Zz]|UTC|[+-]\d{2}:?\d{2})?)?"
)


class DateForm(msgspec.Struct, frozen=True):
    """How a file writes dates. `words` is the form as a message names it."""

    words: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, form: str) -> "DateForm":
        """From words (`day/month/year`), `ISO`, or the same in strptime's letters (`%d/%m/%Y`).
        `ValueError` says what is wrong with the form."""
        words = form.strip()
        for directive, word in _DIRECTIVES.items():
            words = words.replace(directive, word)
        if words.upper() in ("ISO", "ISO 8601"):
            words = "year-month-day"
        match = _FORM.fullmatch(words)
        if match is None:
            raise ValueError("is not a form of dates")
        parts = [match["a"], match["b"], match["c"]]
        if len({part.removeprefix("two-digit ") for part in parts}) != 3:
            raise ValueError("needs day, month and year, each once")
        separator = match["s"]
        if separator:
            pattern = re.escape(separator).join(_PARTS[part] for part in parts)
        else:
            pattern = "".join(_PARTS[part].replace("{1,2}", "{2}") for part in parts)
        return cls(words, re.compile(pattern + _TIME, re.ASCII))


ISO = DateForm.of("ISO")


def _matched(cell: str, form: DateForm) -> re.Match[str]:
    match = form.pattern.fullmatch(cell)
    if match is None:
        if form.words.count("two-digit") == 0 and re.fullmatch(r"\d{1,2}\D\d{1,2}\D\d{2}", cell):
            raise CellError(
                "has a year of two digits",
                "write the year with four digits, or say `two-digit year` in `dates:` of the "
                "mapping",
            )
        raise CellError(
            f"is not a date written as {form.words}",
            "correct it, or correct `dates:` in the mapping",
        )
    return match


def _day(match: re.Match[str], form: DateForm) -> date:
    parts = match.groupdict()
    if parts.get("y") is not None:
        year = int(parts["y"])
    else:
        # As POSIX has it: 69 to 99 are of the last century.
        year = int(parts["yy"]) + (1900 if int(parts["yy"]) >= 69 else 2000)
    month, day = int(parts["m"]), int(parts["d"])
    if not 1 <= month <= 12:
        swapped = "; this file may write day and month the other way round" * (day <= 12)
        raise CellError(
            f"has month {month}, read as {form.words}{swapped}",
            "correct it, or correct `dates:` in the mapping",
        )
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise CellError(f"has year {year}", f"years from {FIRST_YEAR} to {LAST_YEAR} are taken")
    try:
        return date(year, month, day)
    except ValueError:
        raise CellError("is a day that does not exist", "correct it at the source") from None


def day(form: DateForm) -> Callable[[str], date]:
    """A date. A time of day that an export adds to it is dropped; a zone is refused, because the
    date then depends on it."""

    @functools.lru_cache(maxsize=8192)
    def parse_text(cell: str) -> date:
        match = _matched(cell, form)
        if match["offset"]:
            raise CellError("is an instant with a zone, not a date", "export it as a plain date")
        found = _day(match, form)
        if match["H"]:
            _time(match)
        return found

    def parse(cell: str) -> date:
        if type(cell) is Typed:
            value = cell.value
            if isinstance(value, CellError):
                raise value
            if isinstance(value, datetime):
                return value.date()
            if isinstance(value, date):
                return value
            # Only a written-out form like 20260930 can be a number; anything else is a date that
            # lost its format.
            if form.words.count("-") + form.words.count("/") + form.words.count(".") == 0:
                return parse_text(str(cell))
            raise CellError("is a number, not a date", "format the column as a date")
        return parse_text(cell)

    return parse


def _time(match: re.Match[str]) -> time:
    hour, minute, second = int(match["H"]), int(match["M"]), int(match["S"] or 0)
    half = (match["half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise CellError("has a time that does not exist", "correct it at the source")
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        raise CellError("has a time that does not exist", "correct it at the source") from None


_CLOCK = re.compile(
    r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,]\d{1,9})?)?"
    r"(?: ?(?P<half>[AaPp])\.? ?[Mm]\.?)?",
    re.ASCII,
)


def clock(cell: str) -> time:
    """A time of day."""
    if type(cell) is Typed and isinstance(cell.value, CellError):
        raise cell.value
    match = _CLOCK.fullmatch(cell)
    if match is None:
        raise CellError("is not a time of day", "write it as 14:30")
    return _time(match)


def instant(form: DateForm, local: ZoneInfo | None) -> Callable[[str], datetime]:
    """A date with a time as an instant in UTC; `local` is the zone of times written without one."""

    def parse(cell: str) -> datetime:
        if type(cell) is Typed:
            value = cell.value
            if isinstance(value, CellError):
                raise value
            if isinstance(value, datetime):
                return at(value.date(), value.time(), local)
            raise CellError("has no time of day", "map it as `paid_on` with `at: 12:00`")
        match = _matched(cell, form)
        found = _day(match, form)
        if not match["H"]:
            raise CellError("has no time of day", "map it as `paid_on` with `at: 12:00`")
        moment = _time(match)
        offset = match["offset"]
        if not offset:
            return at(found, moment, local)
        if offset.upper() in ("Z", "UTC"):
            return datetime.combine(found, moment, UTC)
        minutes = int(offset[1:3]) * 60 + int(offset[-2:])
        if minutes > 14 * 60:
            raise CellError("has an offset that no zone has", "correct it at the source")
        shift = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
        return datetime.combine(found, moment, shift).astimezone(UTC)

    return parse


def at(day: date, moment: time, local: ZoneInfo | None) -> datetime:
    """The instant in UTC. An hour that comes twice is its first; one that is skipped when clocks
    go forward is as if they had not."""
    if local is None:
        raise CellError("has no time zone", "set `zone:` in the mapping")
    return datetime.combine(day, moment, local).astimezone(UTC)


# --- money ---------------------------------------------------------------------------------------

NUMBER_EXAMPLES = (
    "1234567.89",
    "1234567,89",
    "1.234.567,89",
    "1,234,567.89",
    "1 234 567,89",
    "1'234'567.89",
)
_BLANKS = "[ \u00a0\u202f]*"
_EXAMPLE = re.compile(
    r"(?P<before>[^0-9.,']{0,5}?)1(?P<group>[.,' \u00a0\u202f]?)234(?P=group)567"
    r"(?:(?P<decimal>[.,])(?P<digits>890*))?(?P<after>[^0-9.,']{0,5})"
)


class NumberForm(msgspec.Struct, frozen=True):
    """How a file writes numbers, learnt from the one number 1234567.89 written its way."""

    example: str
    pattern: re.Pattern[str]
    group: str
    decimal: str
    digits: int  # more decimals than the currency has are taken up to this, if they are zeros

    @classmethod
    def of(cls, example: str) -> "NumberForm":
        """`ValueError` if the example is not that number, or could be read in two ways."""
        match = _EXAMPLE.fullmatch(example)
        if match is None or (match["decimal"] and match["decimal"] == match["group"]):
            raise ValueError("is not the number 1234567.89 written in some way")
        group, decimal = match["group"], match["decimal"] or ""
        before, after = match["before"].strip(), match["after"].strip()
        groups = rf"\d{{1,3}}(?:{re.escape(group)}\d{{3}})+|\d+" if group else r"\d+"
        if group and group in " \u00a0\u202f":
            groups = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+|\d+"
        decimals = rf"(?:{re.escape(decimal)}(?P<fraction>\d+))?" if decimal else ""
        pattern = (
            (rf"(?:{re.escape(before)})?{_BLANKS}" if before else "")
            + rf"(?P<minus>[-\u2212]?)(?P<whole>{groups}){decimals}"
            + (rf"{_BLANKS}(?:{re.escape(after)})?" if after else "")
        )
        digits = len(match["digits"] or "")
        return cls(example, re.compile(pattern, re.ASCII), group, decimal, digits)


PLAIN = NumberForm.of("1234567.89")


def amount(form: NumberForm, *, either_sign: bool = False) -> Callable[[str], Decimal]:
    """A positive or zero amount of major units; with `either_sign` a minus says nothing. What it is
    in minor units, `minor` says."""

    def parse(cell: str) -> Decimal:
        if type(cell) is Typed:
            if isinstance(cell.value, CellError):
                raise cell.value
            if isinstance(cell.value, Decimal):
                if cell.value < 0 and not either_sign:
                    raise _negative()
                return cell.value.copy_abs()
            if isinstance(cell.value, date):
                raise CellError("is a date, not an amount", "format the column as a number")
        match = form.pattern.fullmatch(cell)
        if match is None:
            if re.fullmatch(r"\(.*\)|.*[-\u2212]", cell):
                raise _negative()
            raise CellError(
                f"is not a number written as {form.example}",
                "correct it, or correct `numbers:` in the mapping",
            )
        whole, fraction = match["whole"], match["fraction"] if form.decimal else None
        if form.group and not whole.isdigit():
            whole = whole.replace(form.group, "")
            if not whole.isdigit():  # blanks of several kinds
                whole = re.sub(r"\D", "", whole)
        is_zero = not (whole.strip("0") or (fraction or "").strip("0"))
        if match["minus"] and not is_zero and not either_sign:
            raise _negative()
        if len(whole) > 15:
            raise CellError("is too large for an amount", "check the column")
        return Decimal(f"{whole}.{fraction}" if fraction else whole)

    return parse


def _negative() -> CellError:
    return CellError(
        "is negative",
        "amounts are written without a sign; leave credit notes out with `when:` or import them "
        "as payments",
    )


def minor(value: Decimal, currency: str, form: NumberForm, cell: str) -> int:
    """An amount in minor units of its currency. `10,500` in a file of `1.234.567,89` is refused:
    three decimals are more than an amount has, so it is probably ten thousand five hundred in
    another file's writing."""
    exponent = value.as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) else 0
    if type(cell) is not Typed and digits > max(minor_digits(currency), form.digits):
        raise CellError(
            f"has {digits} decimals, {currency} has {minor_digits(currency)}",
            f"correct it; the mapping says that numbers are written as {form.example}",
        )
    try:
        return to_minor(value, currency)
    except MoneyError as error:
        raise CellError(str(error), "round it at the source, where it is known how") from None


@functools.lru_cache(maxsize=64)
def days(cell: str) -> int:
    """A whole number of days, up to ten years."""
    if not re.fullmatch(r"\d{1,4}", cell) or int(cell) > 3_650:
        raise CellError("is not a number of days", "write a whole number such as 30")
    return int(cell)


def currency(cell: str) -> str:
    code = text(cell).upper()
    if code not in CURRENCIES:
        raise CellError(
            "is not a currency",
            "write three letters of ISO 4217 (COP, USD), or translate it with `means:`",
        )
    return code
