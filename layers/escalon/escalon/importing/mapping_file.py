"""The mapping file as operators write it: which column of an export is what (docs/mapping.md).

A value in a mapping is a column's name (`Factura`), a template (`"{customerID|lower}@example.com"`)
or a constant (`always COP`). A bare word is always a column, so a slip is found by looking at the
file's header; a constant says that it is one. `means:` translates the words of a file into ours.
"""

import re
from typing import Annotated, Any, Literal, Self

import msgspec
import pydantic
from pydantic import AfterValidator, BeforeValidator, Field

from escalon.authoring import yaml_lines
from escalon.authoring.yaml_lines import WrongValueError, did_you_mean
from escalon.domain.account import Channel
from escalon.importing import values

# The sections that say something about money and people, as they are named in a mapping.
SECTIONS = ("account", "contacts", "receivable", "disputes", "links", "payments")

FILTERS = ("lower", "upper", "strip", "digits", "optional")

_FEED = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")


# --- values --------------------------------------------------------------------------------------


class Slot(msgspec.Struct, frozen=True):
    """A column inside a template, with what is done to its text."""

    column: str
    filters: tuple[str, ...] = ()


class Constant(msgspec.Struct, frozen=True):
    """The same in every row."""

    text: str


class Template(msgspec.Struct, frozen=True):
    """Fixed text and columns in turn. A bare column is the template of one slot."""

    parts: tuple[str | Slot, ...]


_SLOT = re.compile(r"\{([^{}]*)\}")


def parse_value(text: str) -> Constant | Template:
    """What a value in a mapping means; `WrongValueError` if it means nothing."""
    if text == "always" or text.startswith("always "):
        constant = text.removeprefix("always").strip()
        if not constant:
            raise WrongValueError("'always' has no value", "write e.g. `always COP`")
        return Constant(constant)
    if text.startswith("="):
        raise WrongValueError(
            f"'{text}' is no value", f"write a constant as `always {text[1:].strip() or 'COP'}`"
        )
    if "{" not in text and "}" not in text:
        if not text.strip():
            raise WrongValueError("the value is empty", "name a column, or leave the key out")
        return Template((Slot(text.strip()),))
    parts: list[str | Slot] = []
    rest = 0
    for match in _SLOT.finditer(text):
        parts.append(text[rest : match.start()])
        column, *filters = (each.strip() for each in match[1].split("|"))
        if not column:
            raise WrongValueError(
                f"'{match[0]}' names no column", "write {Column} or {Column|lower}"
            )
        for name in filters:
            if name not in FILTERS:
                near = did_you_mean(name, FILTERS)
                hint = f", did you mean '{near}'?" if near else ""
                raise WrongValueError(
                    f"unknown filter '{name}'{hint}", f"filters are {', '.join(FILTERS)}"
                )
        parts.append(Slot(column, tuple(filters)))
        rest = match.end()
    parts.append(text[rest:])
    if any(isinstance(part, str) and ("{" in part or "}" in part) for part in parts):
        raise WrongValueError(f"a brace in '{text}' has no partner", "write {Column}")
    return Template(tuple(part for part in parts if part != ""))


def _checked(text: str) -> str:
    parse_value(text)
    return text


def _unquoted(value: Any) -> Any:
    # {Column} without quotes is a block with one key in YAML.
    if isinstance(value, dict) and len(value) == 1 and next(iter(value.values())) is None:
        raise WrongValueError(
            "a template has to stand in quotes", f'write "{{{next(iter(value))}}}" with the quotes'
        )
    return value


def _word(value: Any) -> Any:
    """Cells are text, so what is compared with them is: `is: [1, true, Yes]`."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None or isinstance(value, (dict, list)) else str(value)


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Text = Annotated[str, AfterValidator(_checked), Field(max_length=500)]
_Scalar = str | int | bool
Word = Annotated[str, BeforeValidator(_word, json_schema_input_type=_Scalar)]
Words = Annotated[
    list[Word],
    BeforeValidator(_listed, json_schema_input_type=_Scalar | list[_Scalar]),
    Field(min_length=1),
]


class _Block(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Choice(_Block):
    """A column whose words are translated: `{column: Tipo, means: {NIT: company, CC: person}}`."""

    column: Annotated[Text, Field(description="A column or a template.")]
    means: Annotated[
        dict[str, Word],
        Field(min_length=1, description="The file's word (upper or lower case) to ours."),
    ]
    otherwise: Annotated[
        Word | None,
        Field(description="Our word for every other cell; without it, another cell is a problem."),
    ] = None


Value = Annotated[Text | Choice, BeforeValidator(_unquoted)]


class Condition(_Block):
    """When a section holds: `{column: Disputed, is: [Yes]}`. Words are compared without regard
    to upper and lower case."""

    column: Text
    is_: Annotated[Words | None, Field(alias="is")] = None
    is_not: Words | None = None
    filled: bool | None = None

    @pydantic.model_validator(mode="after")
    def _one_test(self) -> Self:
        if sum(test is not None for test in (self.is_, self.is_not, self.filled)) != 1:
            raise WrongValueError(
                "a condition has one test", "give one of `is:`, `is_not:` and `filled:`"
            )
        return self


When = Annotated[
    list[Condition],
    BeforeValidator(_listed, json_schema_input_type=Condition | list[Condition]),
    Field(description="One condition, or several that have to hold together."),
]


# --- the file ------------------------------------------------------------------------------------

_ENCODINGS = ("utf-8", "latin-1", "cp1252")


def _encoding(value: Any) -> Any:
    known = {
        "utf8": "utf-8",
        "utf8sig": "utf-8",
        "latin1": "latin-1",
        "iso88591": "latin-1",
        "cp1252": "cp1252",
        "windows1252": "cp1252",
    }
    return known.get(re.sub(r"[-_ ]", "", str(value).lower()), value)


def _delimiter(value: Any) -> Any:
    return {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}.get(str(value), value)


class FileForm(_Block):
    """How the file itself is made."""

    type: Annotated[
        Literal["snapshot", "changes"],
        Field(
            description="snapshot: every open receivable stands in it, and one that is missing "
            "was settled outside. changes: what is missing did not change."
        ),
    ]
    format: Literal["csv", "xlsx"] = "csv"
    encoding: Annotated[
        Literal["utf-8", "latin-1", "cp1252"],
        BeforeValidator(_encoding),
        Field(description="utf-8 takes files with and without a byte order mark."),
    ] = "utf-8"
    delimiter: Annotated[
        Literal["auto", ",", ";", "\t", "|"],
        BeforeValidator(_delimiter),
        Field(description="auto: the one that stands most often in the header."),
    ] = "auto"
    header: Annotated[
        int, Field(ge=1, le=1000, description="The line (row) with the names of the columns.")
    ] = 1
    sheet: Annotated[str | None, Field(description="Name of the sheet; else the first.")] = None

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Self:
        if self.sheet is not None and self.format != "xlsx":
            raise WrongValueError("a CSV file has no sheets", "remove `sheet:`", at=("sheet",))
        return self


# --- the sections --------------------------------------------------------------------------------


class Section(_Block):
    """A section about a debtor."""

    when: When = []
    source_ref: Annotated[
        Value | None,
        Field(description="How the source knows the debtor; else that of `account:`."),
    ] = None


class AccountSection(_Block):
    """The debtor of the row (a list: several, of whom the first is the row's)."""

    when: When = []
    source_ref: Annotated[Value, Field(description="How the source knows the debtor.")]
    name: Value
    kind: Annotated[Value | None, Field(description="person or company; else person.")] = None
    country: Annotated[Value | None, Field(description="Two letters, ISO 3166.")] = None
    region: Value | None = None
    zone: Annotated[Value | None, Field(description="IANA name of the debtor's zone.")] = None
    language: Annotated[Value | None, Field(description="e.g. es-CO")] = None
    tags: Annotated["list[Tag]", BeforeValidator(_listed)] = []
    risk: Value | None = None
    credit_limit: Annotated[
        Value | None, Field(description="What the debtor may owe at most; else nobody knows.")
    ] = None
    currency: Annotated[
        Value | None, Field(description="Of the limit; else that of the mapping.")
    ] = None
    terms_days: Annotated[
        Value | None, Field(description="Days that the debtor has to pay an invoice.")
    ] = None
    refuses: Annotated[
        "list[Tag]",
        BeforeValidator(_listed),
        Field(description="Channels by which the debtor wants no contact."),
    ] = []
    hours: Annotated[
        Value | None,
        Field(description="The only hours at which the debtor wants contact: 18:00-20:00."),
    ] = None


class TagWhen(_Block):
    """A tag that is given under a condition: `{tag: vip, when: {column: Gold, is: Yes}}`."""

    tag: str
    when: When


Tag = Annotated[Text | Choice | TagWhen, BeforeValidator(_unquoted)]


class ConsentSection(_Block):
    """The debtor's permission for the contact point."""

    when: When = []
    granted_on: Annotated[
        Value | None, Field(description="If it is given, a row without the date has no consent.")
    ] = None
    evidence: Annotated[Value | None, Field(description="What proves it.")] = None
    revoked_on: Value | None = None
    revoked_when: When = []


class ContactSection(Section):
    """A contact point; a row whose address is empty has none."""

    channel: Channel
    address: Value
    consent: ConsentSection | None = None
    origin: Annotated[
        Value | None,
        Field(
            description="Where it is from: debtor, employer, third_party, public_search or "
            "device_contacts."
        ),
    ] = None
    use: Annotated[Value | None, Field(description="personal or work.")] = None
    purposes: Annotated[
        "list[Tag]",
        BeforeValidator(_listed),
        Field(description="What the consent is for; collection has to be among them."),
    ] = []
    confirmed_on: Annotated[
        Value | None, Field(description="When the debtor last confirmed or used it.")
    ] = None


class ReceivableSection(Section):
    """The obligation of the row."""

    receivable_id: Value
    creditor: Annotated[Value | None, Field(description="Else the mapping's `creditor:`.")] = None
    document: Annotated[Value | None, Field(description="Else the receivable_id.")] = None
    issued_on: Value
    due_on: Annotated[
        Value | None,
        Field(description="A row without it is taken; a person has to mend it before the chase."),
    ] = None
    currency: Annotated[Value | None, Field(description="Else the mapping's `currency:`.")] = None
    amount: Value
    open: Annotated[Value | None, Field(description="What of the amount is still open.")] = None
    on_file: Annotated[
        "list[Tag]",
        BeforeValidator(_listed),
        Field(description="What gates of the law ask for and we have: authorisation …"),
    ] = []


class DisputeSection(Section):
    """A dispute about the row's receivable; a row whose `starts_on` is empty has none."""

    receivable_id: Annotated[Value | None, Field(description="Else that of the row.")] = None
    starts_on: Value
    last_day: Annotated[
        Value | None, Field(description="Last day on which it is not chased; empty: still open.")
    ] = None
    note: Value | None = None


class LinkSection(Section):
    """Another person who answers for the debt; a row whose `other_source_ref` is empty has none."""

    other_source_ref: Value
    role: Annotated[Value, Field(description="codebtor or guarantor.")]


class PaymentSection(Section):
    """Money that arrived; a row whose amount and day are empty has none."""

    payment_id: Annotated[Value, Field(description="What makes it count once.")]
    receivable_id: Annotated[Value | None, Field(description="Else that of the row.")] = None
    amount: Value
    currency: Annotated[Value | None, Field(description="Else the mapping's `currency:`.")] = None
    paid_on: Annotated[Value | None, Field(description="A date, together with `at:`.")] = None
    at: Annotated[str | None, Field(description="A time of day, or the column that has it.")] = None
    paid_at: Annotated[Value | None, Field(description="A date and time in one column.")] = None
    payer: Annotated[Value | None, Field(description="The payer's reference.")] = None
    given_back: Annotated[
        bool,
        Field(
            description="In a provider's settlement file: the amount, with a minus or without, "
            "went back to the payer of that payment_id."
        ),
    ] = False

    @pydantic.model_validator(mode="after")
    def _when_paid(self) -> Self:
        if (self.paid_on is None) == (self.paid_at is None):
            raise WrongValueError(
                "a payment needs its day", "give `paid_on:` with `at:`, or `paid_at:`"
            )
        if self.paid_on is not None and self.at is None:
            raise WrongValueError(
                "`paid_on:` needs a time of day", "add e.g. `at: 12:00`", at=("paid_on",)
            )
        if self.paid_at is not None and self.at is not None:
            raise WrongValueError("`paid_at:` has its own time", "remove `at:`", at=("at",))
        return self


def _zone(value: str) -> str:
    try:
        return values.zone(value)
    except values.CellError as error:
        raise WrongValueError(f"'{value}' {error.problem}", error.remedy) from None


def _dates(value: str) -> str:
    try:
        values.DateForm.of(value)
    except ValueError as error:
        raise WrongValueError(
            f"'{value}' {error}",
            "write ISO, day/month/year, month/day/year, or the like with - . or nothing between; "
            "say `two-digit year` if the file has it",
        ) from None
    return value


def _numbers(value: str) -> str:
    try:
        values.NumberForm.of(value)
    except ValueError as error:
        examples = ", ".join(f'"{each}"' for each in values.NUMBER_EXAMPLES)
        raise WrongValueError(
            f"'{value}' {error}", f"write that number as the file would, e.g. {examples}"
        ) from None
    return value


def _country(value: str) -> str:
    try:
        return values.country(value)
    except values.CellError as error:
        raise WrongValueError(f"'{value}' {error.problem}", "write e.g. CO") from None


def _feed(value: str) -> str:
    if not _FEED.fullmatch(value):
        raise WrongValueError(
            f"'{value}' is no name of a payment feed",
            "write it as payments.yaml does, in small letters: bank-payments",
        )
    return value


class Mapping(_Block):
    """Which column of an export is what."""

    file: FileForm
    dates: Annotated[
        str,
        AfterValidator(_dates),
        Field(description="How dates are written, e.g. day/month/year; else ISO (2026-09-30)."),
    ] = "ISO"
    numbers: Annotated[
        str,
        AfterValidator(_numbers),
        Field(description="The number 1234567.89 as the file would write it, e.g. 1.234.567,89."),
    ] = values.PLAIN.example
    zone: Annotated[
        str | None,
        AfterValidator(lambda value: None if value is None else _zone(value)),
        Field(description="Zone of times that are written without one."),
    ] = None
    phone_country: Annotated[
        str | None,
        AfterValidator(lambda value: None if value is None else _country(value)),
        Field(description="Country of phone numbers that are written without its code."),
    ] = None
    feed: Annotated[
        str | None,
        AfterValidator(lambda value: None if value is None else _feed(value)),
        Field(description="The payment feed of the rulebook that such files are of."),
    ] = None
    creditor: Value | None = None
    currency: Value | None = None
    account: Annotated[
        list[AccountSection],
        BeforeValidator(_listed, json_schema_input_type=AccountSection | list[AccountSection]),
    ] = []
    contacts: Annotated[
        list[ContactSection],
        BeforeValidator(_listed, json_schema_input_type=ContactSection | list[ContactSection]),
    ] = []
    receivable: Annotated[
        list[ReceivableSection],
        BeforeValidator(
            _listed, json_schema_input_type=ReceivableSection | list[ReceivableSection]
        ),
    ] = []
    disputes: Annotated[
        list[DisputeSection],
        BeforeValidator(_listed, json_schema_input_type=DisputeSection | list[DisputeSection]),
    ] = []
    links: Annotated[
        list[LinkSection],
        BeforeValidator(_listed, json_schema_input_type=LinkSection | list[LinkSection]),
    ] = []
    payments: Annotated[
        list[PaymentSection],
        BeforeValidator(_listed, json_schema_input_type=PaymentSection | list[PaymentSection]),
    ] = []

    @pydantic.field_validator("numbers", mode="before")
    @classmethod
    def _quoted(cls, value: Any) -> Any:
        # 1234567.89 is a number in YAML, but only an example here.
        return value if isinstance(value, (str, dict, list, type(None))) else str(value)

    @pydantic.model_validator(mode="after")
    def _whole(self) -> Self:
        wrongs: list[WrongValueError] = []

        def wrong(message: str, remedy: str, *at: str | int) -> None:
            wrongs.append(WrongValueError(message, remedy, at))

        if not any(getattr(self, section) for section in SECTIONS):
            wrong("the mapping takes nothing from the file", f"add one of {', '.join(SECTIONS)}")
        for name in ("contacts", "receivable", "disputes", "links"):
            for index, section in enumerate(getattr(self, name)):
                if section.source_ref is None and not self.account:
                    wrong(
                        "'source_ref' is missing: the mapping has no `account:` to take it from",
                        "add 'source_ref: …'",
                        name,
                        index,
                    )
        for index, receivable in enumerate(self.receivable):
            if receivable.creditor is None and self.creditor is None:
                wrong(
                    "the creditor is missing",
                    "add e.g. `creditor: always andina`, here or for the whole mapping",
                    "receivable",
                    index,
                )
        for name in ("receivable", "payments"):
            for index, section in enumerate(getattr(self, name)):
                if section.currency is None and self.currency is None:
                    wrong(
                        "the currency is missing",
                        "add e.g. `currency: always COP`, here or for the whole mapping",
                        name,
                        index,
                    )
        if self.feed is not None and not self.payments:
            wrong(
                "a payment feed tells of payments, and the mapping takes none",
                "add `payments:`, or remove `feed:`",
                "feed",
            )
        for index, dispute in enumerate(self.disputes):
            if dispute.receivable_id is None and not self.receivable:
                wrong(
                    "'receivable_id' is missing: the mapping has no `receivable:` to take it from",
                    "add 'receivable_id: …'",
                    "disputes",
                    index,
                )
        for index, payment in enumerate(self.payments):
            if payment.paid_on is not None and self.zone is None:
                wrong(
                    "the zone of the time is missing",
                    "add e.g. `zone: America/Bogota` to the mapping",
                    "payments",
                    index,
                )
        if wrongs:
            raise yaml_lines.WrongValuesError(wrongs)
        return self
