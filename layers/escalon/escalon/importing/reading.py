"""Exports row by row in bounded memory, from the start or from where an earlier part stopped.

A `Cursor` stands between two rows. It carries all that a later part needs (the byte to go on from,
the header, the delimiter), so that part asks S3 for the file from `offset` on and reads no header.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from escalon.importing.mapping_file import FileForm
from escalon.importing.records import RowProblem
from escalon.importing.values import CellError, Typed

# One row of an export is a few hundred bytes; one that is longer has a quote that is not closed.
MAX_ROW_BYTES = 256 * 1024
MAX_COLUMNS = 1000
# A spreadsheet is unpacked before it is read; this much of it a function's memory and time take.
MAX_XLSX_BYTES = 1024 * 1024 * 1024

_DELIMITERS = (",", ";", "\t", "|")


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place between two rows. In a CSV file `offset` is the byte where the next row starts; in a
    spreadsheet only `line`, the next row's number, counts."""

    offset: int = 0
    line: int = 1
    header: tuple[str, ...] = ()
    delimiter: str = ""


class UnreadableFileError(Exception):
    """A file of which not even the header can be read; nothing of it is taken."""

    def __init__(self, problem: RowProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


# A row as it was read: where the next one starts, its own line, and its cells by the header's
# names, or what is wrong with it as a whole.
type ReadRow = tuple[Cursor, int, dict[str, str] | RowProblem]


def read_csv(
    stream: BinaryIO | Iterable[bytes], *, form: FileForm, file: str, start: Cursor | None = None
) -> "CsvRows":
    """The rows of a CSV file. `stream` gives bytes from `start.offset` of the file on, in pieces
    of any size."""
    return CsvRows(stream, form=form, file=file, start=start or Cursor())


class CsvRows:
    """An iterator of rows; `cursor.header` is known as soon as it is made."""

    def __init__(
        self, stream: BinaryIO | Iterable[bytes], *, form: FileForm, file: str, start: Cursor
    ) -> None:
        self.cursor = start
        self._file = file
        self._encoding: str = form.encoding
        self._raw = _lines(stream)
        # Lines that a broken row had swallowed and that are read again, and those of the row that
        # is being read.
        self._again: list[bytes] = []
        self._taken: list[bytes] = []
        self._size = 0
        if not start.header:
            self._read_header(form)
        self._rows = self._reader(self.cursor.delimiter)

    def __iter__(self) -> Iterator[ReadRow]:
        header = self.cursor.header
        width = len(header)
        delimiter = self.cursor.delimiter
        offset, line = self.cursor.offset, self.cursor.line
        while True:
            taken = self._taken = []
            self._size = 0
            problem: RowProblem | None = None
            cells: list[str] = []
            try:
                cells = next(self._rows)
            except StopIteration:
                return
            except UnicodeDecodeError as error:
                problem = self._undecodable(line, error)
            except (csv.Error, _TooLongError) as error:
                problem = self._broken(line, error)
            if problem is None and len(cells) != width and cells:
                problem = self._wrong_width(line, cells, width)
            if len(taken) > 1 and (problem is not None or self._swallowed(cells)):
                # The quote that joined these lines is not to be trusted: only the first is lost.
                self._again = taken[1:] + self._again
                del taken[1:]
                problem = problem or self._broken(line, None)
            begin = line
            offset += sum(map(len, taken)) if len(taken) != 1 else len(taken[0])
            line += len(taken)
            stripped = [cell.strip() for cell in cells]
            if problem is None and not any(stripped):
                continue  # an empty row, as spreadsheets leave them at the end
            self.cursor = Cursor(offset, line, header, delimiter)
            if problem is not None:
                yield self.cursor, begin, problem
            else:
                yield self.cursor, begin, dict(zip(header, stripped, strict=True))

    def _reader(self, delimiter: str) -> Iterator[list[str]]:
        return csv.reader(self._decoded(), delimiter=delimiter, strict=True)

    def _decoded(self) -> Iterator[str]:
        """Lines as the CSV reader asks for them, and no line before it asks: what `_taken` holds
        is exactly the row."""
        return _Decoded(self)

    def _next_line(self) -> str:
        raw = self._again.pop(0) if self._again else next(self._raw)
        self._taken.append(raw)
        self._size += len(raw)
        if self._size > MAX_ROW_BYTES:
            raise _TooLongError
        return raw.decode(self._encoding)

    def _read_header(self, form: FileForm) -> None:
        offset, line = self.cursor.offset, self.cursor.line
        try:
            while line < form.header:
                raw = next(self._raw)
                offset, line = offset + len(raw), line + 1
            first = next(self._raw)
        except StopIteration:
            raise self._unreadable(
                line, "has no header", f"the header is expected in line {form.header}"
            ) from None
        mark = b"\xef\xbb\xbf"
        if first.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in first[:200]:
            raise self._unreadable(line, "is in UTF-16 or is no text", "export it as CSV in UTF-8")
        if first.startswith(b"PK\x03\x04"):
            raise self._unreadable(
                line, "is a spreadsheet, not CSV", "set `format: xlsx` in the mapping"
            )
        # A byte order mark counts as part of the row for the offset, and not for the name.
        skipped = len(mark) if first.startswith(mark) else 0
        self._again = [first[skipped:]]
        try:
            text = self._again[0].decode(self._encoding)
        except UnicodeDecodeError as error:
            problem = self._undecodable(line, error)
            raise UnreadableFileError(problem) from None
        delimiter = form.delimiter if form.delimiter != "auto" else _likely_delimiter(text)
        self._taken = []
        self._size = 0
        try:
            names = next(self._reader(delimiter))
        except (csv.Error, UnicodeDecodeError, StopIteration, _TooLongError) as error:
            raise self._unreadable(
                line, f"has a header that cannot be read ({error})", "check its quotes"
            ) from None
        if not any(name.strip() for name in names):
            raise self._unreadable(
                line, "has an empty header", "set `header:` in the mapping to the line of the names"
            )
        if len(names) > MAX_COLUMNS:
            raise self._unreadable(line, f"has {len(names)} columns", "check `delimiter:`")
        self.cursor = Cursor(
            offset + skipped + sum(map(len, self._taken)),
            line + len(self._taken),
            unique_names(names),
            delimiter,
        )

    def _swallowed(self, cells: list[str]) -> bool:
        """Whether a quoted cell runs over lines that look like rows of their own: a quote that
        opens and is closed by a later row's, which would lose the rows between in silence."""
        inner = len(self.cursor.header) - 1
        delimiter = self.cursor.delimiter
        return inner > 0 and any(
            line.count(delimiter) >= inner
            for cell in cells
            if "\n" in cell
            for line in cell.split("\n")[1:]
        )

    def _problem(self, line: int, value: str, problem: str, remedy: str) -> RowProblem:
        return RowProblem(self._file, line, "", value[:120], problem, remedy)

    def _unreadable(self, line: int, problem: str, remedy: str) -> UnreadableFileError:
        return UnreadableFileError(self._problem(line, "", problem, remedy))

    def _undecodable(self, line: int, error: UnicodeDecodeError) -> RowProblem:
        around = error.object[max(0, error.start - 20) : error.start + 20]
        others = " or ".join(
            each for each in ("utf-8", "latin-1", "cp1252") if each != self._encoding
        )
        return self._problem(
            line,
            around.decode(self._encoding, "replace").strip(),
            f"has a character that is not {self._encoding}",
            f"set `encoding: {others}` in the mapping, or export the file as UTF-8",
        )

    def _broken(self, line: int, error: Exception | None) -> RowProblem:
        text = self._taken[0].decode(self._encoding, "replace").strip() if self._taken else ""
        if error is not None and "new-line character" in str(error):
            return self._problem(
                line,
                text,
                "has line ends of an old kind (CR without LF)",
                "save the file with Windows or Unix line ends",
            )
        return self._problem(
            line,
            text,
            "has a quote that is not closed, or text after a closing quote",
            'write a quote inside a quoted cell twice ("")',
        )

    def _wrong_width(self, line: int, cells: Sequence[str], width: int) -> RowProblem:
        shown = " ".join((self.cursor.delimiter.join(cells)).split())
        return self._problem(
            line,
            shown,
            f"has {len(cells)} cells, the header has {width}",
            "put cells that contain the delimiter or a line break in quotes",
        )


class _TooLongError(Exception):
    pass


class _Decoded:
    """The lines of `CsvRows` as an iterator that goes on after an exception (a generator would
    end)."""

    def __init__(self, rows: CsvRows) -> None:
        self._next = rows._next_line

    def __iter__(self) -> "_Decoded":
        return self

    def __next__(self) -> str:
        return self._next()


def _lines(stream: BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    """Bytes in pieces of any size as lines with their ends. A line without an end, longer than any
    row, is given in pieces, so that memory stays bounded."""
    pieces = _pieces(stream) if isinstance(stream, io.IOBase) or hasattr(stream, "read") else stream
    rest = b""
    for piece in pieces:
        if b"\n" not in piece:
            rest += piece
            if len(rest) > 2 * MAX_ROW_BYTES:
                yield rest
                rest = b""
            continue
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest


def _pieces(stream: Any) -> Iterator[bytes]:
    while piece := stream.read(64 * 1024):
        yield piece


def _likely_delimiter(header: str) -> str:
    """The delimiter that stands most often in the header, outside of quotes."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=bare.count)


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """A header's names without blanks around them; the second `Name` is `Name (2)`, and one that
    is empty is named by its place, `#5`."""
    unique: dict[str, None] = {}
    for index, name in enumerate(names):
        plain = " ".join(name.replace("\ufeff", "").split()) or f"#{index + 1}"
        candidate, count = plain, 1
        while candidate in unique:
            count += 1
            candidate = f"{plain} ({count})"
        unique[candidate] = None
    return tuple(unique)


# --- spreadsheets --------------------------------------------------------------------------------


def read_xlsx(
    path: Path | BinaryIO, *, form: FileForm, file: str, start: Cursor | None = None
) -> "XlsxRows":
    """The rows of a sheet. A cell with a type comes as `Typed`, so that its date or number needs
    no form. A later part starts at `start.line`."""
    return XlsxRows(path, form=form, file=file, start=start or Cursor())


class XlsxRows:
    """An iterator of rows; `cursor.header` is known as soon as it is made."""

    def __init__(self, path: Path | BinaryIO, *, form: FileForm, file: str, start: Cursor) -> None:
        self.cursor = start
        self._file = file
        self._sheet = self._open(path, form)
        if not start.header:
            self._read_header(form)

    def _open(self, path: Path | BinaryIO, form: FileForm) -> Any:
        import openpyxl  # here: 150 ms that only spreadsheets have to pay
        from openpyxl.utils.exceptions import InvalidFileException

        try:
            with zipfile.ZipFile(path) as packed:
                size = sum(part.file_size for part in packed.infolist())
            if size > MAX_XLSX_BYTES:
                raise self._unreadable(
                    1, "is too large when it is unpacked", "split it, or export it as CSV"
                )
            if not isinstance(path, Path):
                path.seek(0)
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except (
            zipfile.BadZipFile,
            InvalidFileException,
            KeyError,
            ValueError,
            SyntaxError,  # what the XML parser's ParseError is
        ):
            raise self._unreadable(
                1, "is not an XLSX file", "save it as XLSX (not XLS), or set `format: csv`"
            ) from None
        if form.sheet is not None and form.sheet not in book.sheetnames:
            raise self._unreadable(
                1,
                f"has no sheet '{form.sheet}'",
                f"its sheets are: {', '.join(book.sheetnames)}",
            )
        sheet = book[form.sheet] if form.sheet is not None else book.worksheets[0]
        # Some programs write a wrong size of the sheet, and rows beyond it would be lost.
        sheet.reset_dimensions()
        return sheet

    def _read_header(self, form: FileForm) -> None:
        for row in self._sheet.iter_rows(min_row=form.header, max_row=form.header):
            names = [_text(cell.value) for cell in row]
            while names and not names[-1].strip():
                names.pop()
            if names:
                self.cursor = Cursor(0, form.header + 1, unique_names(names))
                return
        raise self._unreadable(
            form.header, "has no header", f"the header is expected in row {form.header}"
        )

    def _unreadable(self, line: int, problem: str, remedy: str) -> UnreadableFileError:
        return UnreadableFileError(RowProblem(self._file, line, "", "", problem, remedy))

    def __iter__(self) -> Iterator[ReadRow]:
        header = self.cursor.header
        width = len(header)
        first = self.cursor.line
        for line, row in enumerate(self._sheet.iter_rows(min_row=first), start=first):
            cells = [_cell(cell.value, cell.data_type) for cell in row]
            if not any(cells):
                continue
            self.cursor = Cursor(0, line + 1, header)
            if any(cells[width:]):
                yield (
                    self.cursor,
                    line,
                    RowProblem(
                        self._file,
                        line,
                        "",
                        " ".join(cells[width:])[:120],
                        f"has cells to the right of the header's {width} columns",
                        "name these columns in the header, or empty them",
                    ),
                )
                continue
            cells += [""] * (width - len(cells))
            yield self.cursor, line, dict(zip(header, cells, strict=False))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _cell(value: Any, kind: str) -> str:
    """A spreadsheet's cell as text that knows its value."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value.strip()
        if kind == "e":
            return Typed.of(
                text, CellError("is an error of the spreadsheet", "mend its formula or its value")
            )
        return text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return Typed.of(str(value), Decimal(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        # A date's cell is its midnight.
        midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return Typed.of(value.date().isoformat() if midnight else value.isoformat(" "), value)
    if isinstance(value, date):
        return Typed.of(value.isoformat(), value)
    if isinstance(value, time):
        return value.strftime("%H:%M:%S")
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def _number(value: float) -> str:
    """A number as the spreadsheet shows it: 15 digits are what such programs keep, so the noise
    of 0.1 + 0.2 goes, and an identifier that is longer has lost its last digits."""
    if abs(value) >= 1e15 or value != value:
        return Typed.of(
            repr(value),
            CellError(
                "is a number of more than 15 digits, which spreadsheets do not keep",
                "format the column as text at the source and export it again",
            ),
        )
    exact = Decimal(format(value, ".15g"))
    text = format(exact, "f")
    return Typed.of(text, exact)
