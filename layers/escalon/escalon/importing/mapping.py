"""A mapping at work: checked against an export's header, it turns each row into records.

The fields of a mapping are compiled once into functions, because a row is read a hundred thousand
times. `mapping_file` says how a mapping is written; docs/mapping.md tells it to operators.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec

from escalon.authoring import yaml_lines
from escalon.authoring.yaml_lines import Document, Path, Problem, did_you_mean
from escalon.domain.account import Channel, Role
from escalon.domain.contact.facts import PointFacts
from escalon.domain.contact.rules import OnFile, Origin, Use
from escalon.importing import mapping_file as written
from escalon.importing import values
from escalon.importing.records import (
    AccountRecord,
    ConsentRecord,
    ContactPointRecord,
    DisputeRecord,
    Kind,
    LinkRecord,
    PaymentRecord,
    ReceivableRecord,
    Record,
    RefusedRow,
    Row,
    RowProblem,
)
from escalon.importing.values import CellError

SECTIONS = written.SECTIONS

# What a consent may be for. A file's other purposes are translated, or left out by `when:`.
PURPOSES = ("collection", "marketing", "service")

# A row: the header's names with the text of the row's cells, without blanks around it.
Cells = Mapping[str, str]


class MappingFile(msgspec.Struct, frozen=True):
    """A mapping that holds together, and which of its sections are asked for."""

    mapping: written.Mapping
    document: Document
    sections: frozenset[str] = frozenset(SECTIONS)

    @property
    def file(self) -> written.FileForm:
        return self.mapping.file


def read_mapping(text: str, file: str) -> MappingFile | list[Problem]:
    """A mapping from its YAML text, or every problem that it has whatever the export is. Whether
    the export has its columns, `RowReader.of` says."""
    document = yaml_lines.read(text, file)
    if isinstance(document, list):
        return document
    mapping = yaml_lines.check(written.Mapping, document)
    if isinstance(mapping, list):
        return mapping
    whole = MappingFile(mapping, document)
    return sorted(_Compiler(whole).problems) or whole


def for_sections(mapping: MappingFile, sections: Iterable[str]) -> MappingFile:
    """The same mapping, taking only these sections; one that leans on another (a payment on the
    row's receivable) still does. A replay takes the book of a file first and its payments later."""
    return msgspec.structs.replace(mapping, sections=mapping.sections & _known(sections))


def without(mapping: MappingFile, sections: Iterable[str]) -> MappingFile:
    """The same mapping, leaving these sections out."""
    return msgspec.structs.replace(mapping, sections=mapping.sections - _known(sections))


def _known(sections: Iterable[str]) -> frozenset[str]:
    asked = frozenset(sections)
    if unknown := asked - set(SECTIONS):
        raise ValueError(f"no sections of a mapping: {', '.join(sorted(unknown))}")
    return asked


def mapping_schema() -> dict[str, Any]:
    """JSON Schema of mapping files, for editors that complete and check YAML."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **written.Mapping.model_json_schema(by_alias=True),
        "title": "Escalón: mapping of an export",
    }


class RowReader:
    """A mapping fitted to one export's header."""

    def __init__(self, compiled: "_Compiler", file: str) -> None:
        self._compiled = compiled
        self._sections = compiled.sections
        self._file = file

    @classmethod
    def of(
        cls, mapping: MappingFile, header: Sequence[str], *, file: str
    ) -> "RowReader | list[Problem]":
        """Fit the mapping to the header of `file`; a column that the header does not have is a
        problem at its place in the mapping."""
        compiled = _Compiler(mapping)
        problems = set(compiled.problems)
        for column, path in compiled.used:
            if column not in header:
                problems.add(_no_column(column, path, header, file, mapping.document))
        return sorted(problems) or cls(compiled, file)

    def row(self, line: int, cells: Cells) -> Row | RefusedRow:
        """What one row says, or everything that is wrong with it."""
        report = _Report(self._file, line, cells)
        records: list[Record] = []
        for section in self._sections:
            record = section(cells, report)
            if record is not None:
                records.append(record)
        if not report.problems:
            return Row(line, tuple(records))
        return RefusedRow(line, tuple(report.problems), self._named(cells))

    def _named(self, cells: Cells) -> tuple[str, ...]:
        named: dict[str, None] = {}
        for field in self._compiled.receivable_ids:
            try:
                receivable_id = field.read(cells)
            except CellError:
                continue
            if receivable_id is not None:
                named[receivable_id] = None
        return tuple(named)


def _no_column(
    column: str, path: Path, header: Sequence[str], file: str, document: Document
) -> Problem:
    near = did_you_mean(column, header)
    shown = ", ".join(header[:60]) + (", …" if len(header) > 60 else "")
    remedy = f"its columns are: {shown}"
    if "|" in column and column.split("|")[0].strip() in header:
        remedy = f'write a column with filters as a template: "{{{column}}}"'
    elif column.upper() in values.CURRENCIES | values.COUNTRIES and not near:
        remedy = f"for the same in every row write `always {column}`; {remedy}"
    hint = f", did you mean '{near}'?" if near else ""
    return document.problem(path, f"{file} has no column '{column}'{hint}", remedy)


# --- one row -------------------------------------------------------------------------------------


class _Report:
    """The problems of the row that is being read."""

    __slots__ = ("cells", "file", "line", "problems")

    def __init__(self, file: str, line: int, cells: Cells) -> None:
        self.file = file
        self.line = line
        self.cells = cells
        self.problems: list[RowProblem] = []

    def add(self, field: "_Field[Any]", error: CellError) -> None:
        value = " ".join(self.cells[column] for column in field.columns)
        problem = RowProblem(
            self.file,
            self.line,
            ", ".join(field.columns),
            value if len(value) <= 120 else value[:119] + "…",
            error.problem,
            error.remedy,
        )
        # The debtor's reference is read by every section, and wrong once.
        if problem not in self.problems:
            self.problems.append(problem)


class _Field[T]:
    """One field of a section: the columns it is made of, and how to read it."""

    __slots__ = ("columns", "read", "required")

    def __init__(
        self, columns: tuple[str, ...], read: Callable[[Cells], T | None], *, required: bool
    ) -> None:
        self.columns = columns
        self.read = read
        self.required = required

    def take(self, cells: Cells, report: _Report) -> T | None:
        """The value, or None when the row has none; what is wrong goes to the report."""
        try:
            value = self.read(cells)
        except CellError as error:
            report.add(self, error)
            return None
        if value is None and self.required:
            report.add(self, CellError("is empty", "fill it, or leave such rows out with `when:`"))
        return value


type _Section = Callable[[Cells, _Report], Record | None]
type _Test = Callable[[Cells], bool]


class _Compiler:
    """Turns the sections of a mapping into functions of a row."""

    def __init__(self, whole: MappingFile) -> None:
        self.whole = whole
        mapping = self.mapping = whole.mapping
        self.problems: list[Problem] = []
        self.used: list[tuple[str, Path]] = []
        self.sections: list[_Section] = []
        self.receivable_ids: list[_Field[str]] = []
        self.numbers = values.NumberForm.of(mapping.numbers)
        self.dates = values.DateForm.of(mapping.dates)
        self.local = ZoneInfo(mapping.zone) if mapping.zone else None
        self.day = values.day(self.dates)
        self.iso_day = values.day(values.ISO)
        for name, build in (
            ("account", self._account),
            ("contacts", self._contact),
            ("receivable", self._receivable),
            ("disputes", self._dispute),
            ("links", self._link),
            ("payments", self._payment),
        ):
            if name in whole.sections:
                for index, section in enumerate(getattr(mapping, name)):
                    self.sections.append(build(section, (name, index)))

    # Values.

    def _field[T](
        self,
        value: str | written.Choice | None,
        path: Path,
        parse: Callable[[str], T],
        *,
        constant: Callable[[str], T] | None = None,
        required: bool = False,
    ) -> _Field[T]:
        """A field from how it is written. `constant` reads what the mapping itself gives, which is
        always plain (ISO dates), whatever the file's own dates and numbers look like."""
        constant = constant or parse
        if value is None:
            return _Field((), lambda _: None, required=False)
        if isinstance(value, written.Choice):
            return self._choice(value, path, constant, required=required)
        parsed = written.parse_value(value)
        if isinstance(parsed, written.Constant):
            fixed = self._constant(parsed.text, path, constant)
            return _Field((), lambda _: fixed, required=False)
        columns, fill = self._template(parsed, path)
        if len(parsed.parts) == 1 and parsed.parts[0] == written.Slot(columns[0]):
            column = columns[0]

            def read_column(cells: Cells) -> T | None:
                cell = cells[column]
                return parse(cell) if cell else None

            return _Field(columns, read_column, required=required)

        def read_template(cells: Cells) -> T | None:
            cell = fill(cells)
            return parse(cell) if cell else None

        return _Field(columns, read_template, required=required)

    def _choice[T](
        self,
        choice: written.Choice,
        path: Path,
        constant: Callable[[str], T],
        *,
        required: bool,
    ) -> _Field[T]:
        parsed = written.parse_value(choice.column)
        if isinstance(parsed, written.Constant):
            return self._field(choice.column, path, constant)
        columns, fill = self._template(parsed, (*path, "column"))
        meanings = {
            word.strip().casefold(): self._constant(ours, (*path, "means", word), constant)
            for word, ours in choice.means.items()
        }
        known = ", ".join(choice.means)
        other = (
            None
            if choice.otherwise is None
            else self._constant(choice.otherwise, (*path, "otherwise"), constant)
        )

        def read(cells: Cells) -> T | None:
            cell = fill(cells)
            word = cell.casefold()
            if word in meanings:
                return meanings[word]
            if other is not None:
                return other
            if not cell:
                return None
            raise CellError(
                "has no meaning in the mapping",
                f"add it under `means:` (which has {known}), or give `otherwise:`",
            )

        return _Field(columns, read, required=required)

    def _constant[T](self, text: str, path: Path, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(text)
        except CellError as error:
            self.problems.append(
                self.whole.document.problem(path, f"'{text}' {error.problem}", error.remedy)
            )
            return None

    def _template(
        self, template: written.Template, path: Path
    ) -> tuple[tuple[str, ...], Callable[[Cells], str]]:
        """The columns of a template and the function that fills it. If a column in it is empty,
        the whole is: half an address is none."""
        columns = tuple(
            dict.fromkeys(part.column for part in template.parts if not isinstance(part, str))
        )
        self.used += [(column, path) for column in columns]
        steps: list[str | tuple[str, Callable[[str], str], bool]] = [
            part
            if isinstance(part, str)
            else (part.column, _filter(part.filters), "optional" in part.filters)
            for part in template.parts
        ]

        if len(steps) == 1 and template.parts == (written.Slot(columns[0]),):
            column = columns[0]

            def bare(cells: Cells) -> str:
                cell = cells[column]
                if type(cell) is values.Typed and isinstance(cell.value, CellError):
                    raise cell.value
                return cell

            return columns, bare

        def fill(cells: Cells) -> str:
            texts: list[str] = []
            for step in steps:
                if isinstance(step, str):
                    texts.append(step)
                    continue
                column, change, optional = step
                cell = cells[column]
                if type(cell) is values.Typed and isinstance(cell.value, CellError):
                    raise cell.value
                cell = change(cell)
                if not cell and not optional:
                    return ""
                texts.append(cell)
            return " ".join("".join(texts).split())

        return columns, fill

    def _test(self, conditions: list[written.Condition], path: Path) -> _Test | None:
        """Whether all conditions hold for a row; None when there are none."""
        tests = [
            self._condition(condition, (*path, index)) for index, condition in enumerate(conditions)
        ]
        if not tests:
            return None
        if len(tests) == 1:
            return tests[0]
        return lambda cells: all(test(cells) for test in tests)

    def _condition(self, condition: written.Condition, path: Path) -> _Test:
        parsed = written.parse_value(condition.column)
        if isinstance(parsed, written.Constant):
            self.problems.append(
                self.whole.document.problem(
                    (*path, "column"), "a constant decides nothing", "name a column"
                )
            )
            return lambda _: False
        columns, fill = self._template(parsed, (*path, "column"))
        if condition.filled is not None:
            filled = condition.filled
            return lambda cells: any(cells[column] for column in columns) is filled
        wanted = condition.is_ is not None
        words = frozenset(
            word.strip().casefold() for word in (condition.is_ or condition.is_not or [])
        )
        return lambda cells: (fill(cells).casefold() in words) is wanted

    def _source_ref(
        self, section: written.Section | written.AccountSection, path: Path
    ) -> _Field[str]:
        value = section.source_ref
        if value is None and self.mapping.account:
            value, path = self.mapping.account[0].source_ref, ("account", 0)
        return self._field(value, (*path, "source_ref"), values.reference, required=True)

    def _receivable_id(
        self, value: str | written.Choice | None, path: Path, *, required: bool
    ) -> _Field[str]:
        if value is None and self.mapping.receivable:
            value, path = self.mapping.receivable[0].receivable_id, ("receivable", 0)
        return self._field(value, (*path, "receivable_id"), values.reference, required=required)

    def _day(
        self, value: str | written.Choice | None, path: Path, *, required: bool = False
    ) -> _Field[date]:
        return self._field(value, path, self.day, constant=self.iso_day, required=required)

    def _amount(
        self,
        value: str | written.Choice | None,
        path: Path,
        *,
        required: bool = False,
        either_sign: bool = False,
    ) -> _Field[Decimal]:
        return self._field(
            value,
            path,
            values.amount(self.numbers, either_sign=either_sign),
            constant=values.amount(values.PLAIN),
            required=required,
        )

    def _currency(self, section: Any, path: Path) -> _Field[str]:
        value, at = section.currency, (*path, "currency")
        if value is None:
            value, at = self.mapping.currency, ("currency",)
        return self._field(value, at, values.currency, required=True)

    def _minor(
        self, field: _Field[Decimal], value: Decimal | None, currency: str | None, report: _Report
    ) -> int | None:
        if value is None or currency is None:
            return None
        cell = report.cells[field.columns[0]] if len(field.columns) == 1 else ""
        try:
            return values.minor(value, currency, self.numbers, cell)
        except CellError as error:
            report.add(field, error)
            return None

    # Sections. Each returns a function that gives the row's record, None when the row says nothing
    # about it, and anything at all once the report has a problem: the row is refused then.

    def _account(self, section: written.AccountSection, path: Path) -> _Section:
        test = self._test(section.when, (*path, "when"))
        source_ref = self._source_ref(section, path)
        name = self._field(section.name, (*path, "name"), values.text, required=True)
        kinds: tuple[Kind, ...] = get_args(Kind)
        kind = self._field(section.kind, (*path, "kind"), values.one_of(kinds))
        country = self._field(section.country, (*path, "country"), values.country)
        region = self._field(section.region, (*path, "region"), values.reference)
        zone = self._field(section.zone, (*path, "zone"), values.zone)
        language = self._field(section.language, (*path, "language"), values.language)
        risk = self._field(section.risk, (*path, "risk"), values.reference)
        limit = self._amount(section.credit_limit, (*path, "credit_limit"))
        # Only a limit needs a currency.
        currency = self._currency(section, path) if section.credit_limit else None
        terms = self._field(section.terms_days, (*path, "terms_days"), values.days)
        refuses = self._words(section.refuses, (*path, "refuses"), get_args(Channel))
        hours = self._field(section.hours, (*path, "hours"), values.hours)
        tags = [self._tag(tag, (*path, "tags", index)) for index, tag in enumerate(section.tags)]

        def limits(cells: Cells, report: _Report) -> dict[str, int]:
            code = currency.take(cells, report) if currency else None
            minor = self._minor(limit, limit.take(cells, report), code, report)
            return {code: minor} if code and minor else {}

        def read(cells: Cells, report: _Report) -> Record | None:
            if test is not None and not test(cells):
                return None
            found: dict[str, None] = {}
            for tag_test, tag in tags:
                if tag_test is None or tag_test(cells):
                    found.update(dict.fromkeys(tag.take(cells, report) or ()))
            return AccountRecord(
                source_ref.take(cells, report) or "",
                name.take(cells, report) or "",
                kind.take(cells, report) or "person",
                country.take(cells, report) or "",
                region.take(cells, report) or "",
                zone.take(cells, report) or "",
                language.take(cells, report) or "",
                tuple(found),
                risk.take(cells, report) or "",
                refuses(cells, report),
                hours.take(cells, report),
                limits(cells, report),
                terms.take(cells, report),
            )

        return read

    def _words(
        self, section: Sequence[written.Tag], path: Path, words: tuple[str, ...]
    ) -> Callable[[Cells, _Report], tuple[str, ...]]:
        """Some of a few words of ours, each written as a tag is."""
        parse = values.each_of(words)
        each = [self._tag(tag, (*path, index), parse) for index, tag in enumerate(section)]

        def read(cells: Cells, report: _Report) -> tuple[str, ...]:
            found: dict[str, None] = {}
            for test, word in each:
                if test is None or test(cells):
                    found.update(dict.fromkeys(word.take(cells, report) or ()))
            return tuple(found)

        return read

    def _tag(
        self,
        tag: written.Tag,
        path: Path,
        parse: Callable[[str], tuple[str, ...]] = values.tags,
    ) -> tuple[_Test | None, _Field[tuple[str, ...]]]:
        if isinstance(tag, written.TagWhen):
            fixed = self._constant(tag.tag, (*path, "tag"), parse)
            return self._test(tag.when, (*path, "when")), _Field(
                (), lambda _: fixed, required=False
            )
        return None, self._field(tag, path, parse)

    def _contact(self, section: written.ContactSection, path: Path) -> _Section:
        channel = section.channel
        parse: Callable[[str], str]
        if channel == "email":
            parse = values.email
        elif channel == "letter":
            parse = values.text
        else:
            parse = values.phone(self.mapping.phone_country, mobile=channel != "voice")
        test = self._test(section.when, (*path, "when"))
        source_ref = self._source_ref(section, path)
        address = self._field(section.address, (*path, "address"), parse)
        consent = self._consent(section.consent, (*path, "consent"))
        known = self._known(section, path)

        def read(cells: Cells, report: _Report) -> Record | None:
            if test is not None and not test(cells):
                return None
            to = address.take(cells, report)
            if to is None:
                return None
            return ContactPointRecord(
                source_ref.take(cells, report) or "",
                channel,
                to,
                consent(cells, report),
                known(cells, report),
            )

        return read

    def _known(
        self, section: written.ContactSection, path: Path
    ) -> Callable[[Cells, _Report], PointFacts]:
        """What the export knows of an address beside its consent."""
        origin = self._field(section.origin, (*path, "origin"), values.one_of(get_args(Origin)))
        use = self._field(section.use, (*path, "use"), values.one_of(get_args(Use)))
        purposes = self._words(section.purposes, (*path, "purposes"), PURPOSES)
        confirmed_on = self._day(section.confirmed_on, (*path, "confirmed_on"))

        def read(cells: Cells, report: _Report) -> PointFacts:
            return PointFacts(
                origin.take(cells, report) or "",
                use.take(cells, report) or "",
                purposes(cells, report) if section.purposes else None,
                confirmed_on.take(cells, report),
            )

        return read

    def _consent(
        self, section: written.ConsentSection | None, path: Path
    ) -> Callable[[Cells, _Report], ConsentRecord | None]:
        if section is None:
            return lambda _cells, _report: None
        test = self._test(section.when, (*path, "when"))
        granted_on = self._day(section.granted_on, (*path, "granted_on"))
        dated = section.granted_on is not None
        evidence = self._field(section.evidence, (*path, "evidence"), values.text)
        revoked_on = self._day(section.revoked_on, (*path, "revoked_on"))
        revoked_when = self._test(section.revoked_when, (*path, "revoked_when"))

        def read(cells: Cells, report: _Report) -> ConsentRecord | None:
            day = revoked_on.take(cells, report)
            revoked = day is not None or (revoked_when is not None and revoked_when(cells))
            given = granted_on.take(cells, report)
            granted = (test is None or test(cells)) and (given is not None or not dated)
            # A revocation is kept even if the permission is not known: it has to win for ever.
            if not granted and not revoked:
                return None
            return ConsentRecord(given, evidence.take(cells, report) or "", revoked, day)

        return read

    def _receivable(self, section: written.ReceivableSection, path: Path) -> _Section:
        test = self._test(section.when, (*path, "when"))
        source_ref = self._source_ref(section, path)
        receivable_id = self._receivable_id(section.receivable_id, path, required=True)
        self.receivable_ids.append(receivable_id)
        creditor_value, at = section.creditor, (*path, "creditor")
        if creditor_value is None:
            creditor_value, at = self.mapping.creditor, ("creditor",)
        creditor = self._field(creditor_value, at, values.reference, required=True)
        document = self._field(section.document, (*path, "document"), values.reference)
        issued_on = self._day(section.issued_on, (*path, "issued_on"), required=True)
        due_on = self._day(section.due_on, (*path, "due_on"))
        currency = self._currency(section, path)
        amount = self._amount(section.amount, (*path, "amount"), required=True)
        still_open = self._amount(section.open, (*path, "open"))
        on_file = self._words(section.on_file, (*path, "on_file"), get_args(OnFile))

        def read(cells: Cells, report: _Report) -> Record | None:
            if test is not None and not test(cells):
                return None
            code = currency.take(cells, report)
            amount_minor = self._minor(amount, amount.take(cells, report), code, report)
            open_minor = self._minor(still_open, still_open.take(cells, report), code, report)
            if amount_minor == 0:
                report.add(amount, CellError("is zero", "leave such rows out with `when:`"))
            known = receivable_id.take(cells, report) or ""
            issued = issued_on.take(cells, report)
            record = (
                source_ref.take(cells, report) or "",
                known,
                creditor.take(cells, report) or "",
                document.take(cells, report) or known,
            )
            due = due_on.take(cells, report)
            filed = on_file(cells, report)
            if issued is None or code is None or amount_minor is None:
                return None
            return ReceivableRecord(*record, issued, due, code, amount_minor, open_minor, filed)

        return read

    def _dispute(self, section: written.DisputeSection, path: Path) -> _Section:
        test = self._test(section.when, (*path, "when"))
        source_ref = self._source_ref(section, path)
        receivable_id = self._receivable_id(section.receivable_id, path, required=True)
        # With a condition of its own a dispute has to have its day; without one, the day is the
        # condition.
        starts_on = self._day(section.starts_on, (*path, "starts_on"), required=test is not None)
        last_day = self._day(section.last_day, (*path, "last_day"))
        note = self._field(section.note, (*path, "note"), values.text)

        def read(cells: Cells, report: _Report) -> Record | None:
            if test is not None and not test(cells):
                return None
            start = starts_on.take(cells, report)
            last = last_day.take(cells, report)
            # One that was over before it began never stood in the way.
            if start is None or (last is not None and last < start):
                return None
            end = None if last is None else last + timedelta(days=1)
            return DisputeRecord(
                source_ref.take(cells, report) or "",
                receivable_id.take(cells, report) or "",
                start,
                end,
                note.take(cells, report) or "",
            )

        return read

    def _link(self, section: written.LinkSection, path: Path) -> _Section:
        test = self._test(section.when, (*path, "when"))
        source_ref = self._source_ref(section, path)
        other = self._field(section.other_source_ref, (*path, "other_source_ref"), values.reference)
        roles: tuple[Role, ...] = ("codebtor", "guarantor")
        role = self._field(section.role, (*path, "role"), values.one_of(roles), required=True)

        def read(cells: Cells, report: _Report) -> Record | None:
            if test is not None and not test(cells):
                return None
            who = other.take(cells, report)
            if who is None:
                return None
            debtor = source_ref.take(cells, report) or ""
            if who == debtor:
                report.add(other, CellError("is the debtor", "name another person, or nobody"))
            return LinkRecord(debtor, who, role.take(cells, report) or "codebtor")

        return read

    def _payment(self, section: written.PaymentSection, path: Path) -> _Section:
        test = self._test(section.when, (*path, "when"))
        source_ref = self._payer_ref(section, path)
        receivable_id = self._receivable_id(section.receivable_id, path, required=False)
        payment_id = self._field(
            section.payment_id, (*path, "payment_id"), values.reference, required=True
        )
        currency = self._currency(section, path)
        given_back = section.given_back
        amount = self._amount(section.amount, (*path, "amount"), either_sign=given_back)
        payer = self._field(section.payer, (*path, "payer"), values.text)
        day = self._day(section.paid_on, (*path, "paid_on"))
        clock = self._clock(section.at, (*path, "at"))
        instant = self._field(
            section.paid_at,
            (*path, "paid_at"),
            values.instant(self.dates, self.local),
            constant=values.instant(values.ISO, self.local),
        )
        dated = section.paid_on is not None
        moment_field: _Field[Any] = day if dated else instant

        def read(cells: Cells, report: _Report) -> Record | None:
            if test is not None and not test(cells):
                return None
            before = len(report.problems)
            value = amount.take(cells, report)
            moment: datetime | None = None
            if dated:
                paid_on = day.take(cells, report)
                if paid_on is not None:
                    moment = self._moment(paid_on, clock, cells, report)
            else:
                moment = instant.take(cells, report)
            if len(report.problems) == before and (value is None) != (moment is None):
                # Money is never dropped in silence: half a payment is for a person to look at.
                report.add(
                    amount if value is None else moment_field,
                    CellError(
                        "is empty although the row has "
                        + ("the day of a payment" if value is None else "the amount of a payment"),
                        "fill it; if it means that nothing was paid, add `when: {column: …, "
                        "filled: true}` to the payment in the mapping",
                    ),
                )
            if value is None or moment is None:
                return None
            code = currency.take(cells, report)
            amount_minor = self._minor(amount, value, code, report)
            if amount_minor == 0:
                report.add(amount, CellError("is zero", "leave such rows out with `when:`"))
            return PaymentRecord(
                source_ref.take(cells, report),
                receivable_id.take(cells, report),
                payment_id.take(cells, report) or "",
                amount_minor or 0,
                code or "",
                moment,
                payer.take(cells, report) or "",
                given_back,
            )

        return read

    def _payer_ref(self, section: written.PaymentSection, path: Path) -> _Field[str]:
        field = self._source_ref(section, path)
        # A bank's line may not say who paid.
        return _Field(field.columns, field.read, required=False)

    def _clock(self, value: str | None, path: Path) -> _Field[time]:
        if value is not None and ":" in value and value.replace(":", "").isdigit():
            value = f"always {value}"
        return self._field(value, path, values.clock, required=True)

    def _moment(
        self, day: date, clock: _Field[time], cells: Cells, report: _Report
    ) -> datetime | None:
        moment = clock.take(cells, report)
        if moment is None:
            return None
        try:
            return values.at(day, moment, self.local)
        except CellError as error:
            report.add(clock, error)
            return None


def _filter(filters: tuple[str, ...]) -> Callable[[str], str]:
    def change(cell: str) -> str:
        for name in filters:
            if name == "lower":
                cell = cell.lower()
            elif name == "upper":
                cell = cell.upper()
            elif name == "strip":
                cell = cell.strip()
            elif name == "digits":
                cell = "".join(each for each in cell if each in "0123456789")
        return cell

    return change
