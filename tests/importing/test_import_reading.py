"""Exports read row by row: in one go or in parts, whatever their encoding and line ends."""

import csv
import io
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalon.importing.mapping_file import FileForm
from escalon.importing.reading import (
    MAX_ROW_BYTES,
    Cursor,
    ReadRow,
    UnreadableFileError,
    read_csv,
    read_xlsx,
    unique_names,
)
from escalon.importing.records import RowProblem
from escalon.importing.values import CellError, Typed


def form(**changes: Any) -> FileForm:
    return FileForm(type="changes", **changes)


def rows_of(data: bytes, start: Cursor | None = None, **changes: Any) -> list[ReadRow]:
    stream = io.BytesIO(data[start.offset if start else 0 :])
    return list(read_csv(stream, form=form(**changes), file="f.csv", start=start))


def cells_of(data: bytes, **changes: Any) -> list[tuple[int, Any]]:
    return [(line, cells) for _, line, cells in rows_of(data, **changes)]


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        ("a;b\nPeña;2\n".encode(), {}),
        ("\ufeffa;b\r\nPeña;2\r\n".encode(), {}),
        ("a;b\r\nPeña;2".encode("latin-1"), {"encoding": "ISO-8859-1"}),
        ("a;b\nPeña;2\n".encode("cp1252"), {"encoding": "windows-1252"}),
        ("a,b\nPeña,2\n".encode(), {}),
        ("a\tb\nPeña\t2\n".encode(), {}),
        ("a|b\n Peña |2\n".encode(), {"delimiter": "|"}),
        ("a\tb\nPeña\t2\n".encode(), {"delimiter": "tab"}),
        ('"a";"b"\n"Peña";"2"\n'.encode(), {}),
        ("a;b\nPeña;2\n\n;\n  ;  \n".encode(), {}),
    ],
)
def test_the_same_row_however_it_is_written(data: bytes, changes: dict[str, str]) -> None:
    assert cells_of(data, **changes) == [(2, {"a": "Peña", "b": "2"})]


def test_a_header_below_a_title() -> None:
    data = b"Cartera a la fecha\n\na;b\n1;2\n"
    assert cells_of(data, header=3) == [(4, {"a": "1", "b": "2"})]


def test_quoted_line_breaks_belong_to_the_row_and_count_as_lines() -> None:
    data = b'a;b\r\n"one\r\ntwo";x\r\nplain;y\r\n'
    assert cells_of(data) == [
        (2, {"a": "one\r\ntwo", "b": "x"}),
        (4, {"a": "plain", "b": "y"}),
    ]


def test_names_of_columns_are_made_unique() -> None:
    assert unique_names(["Name", " Name ", "", "Name", "Due  date"]) == (
        "Name",
        "Name (2)",
        "#3",
        "Name (3)",
        "Due date",
    )


def problem_lines(data: bytes, **changes: Any) -> list[tuple[int, str]]:
    return [
        (cells.line, f"{cells.value} | {cells.problem} | {cells.remedy}")
        for _, _, cells in rows_of(data, **changes)
        if isinstance(cells, RowProblem)
    ]


def good_lines(data: bytes, **changes: Any) -> list[int]:
    return [line for _, line, cells in rows_of(data, **changes) if isinstance(cells, dict)]


def test_a_row_with_too_many_or_too_few_cells() -> None:
    data = b"a;b;c\n1;2\n1;2;3\n1;2;3;4\n"
    quotes = "put cells that contain the delimiter or a line break in quotes"
    assert problem_lines(data) == [
        (2, f"1;2 | has 2 cells, the header has 3 | {quotes}"),
        (4, f"1;2;3;4 | has 4 cells, the header has 3 | {quotes}"),
    ]
    assert good_lines(data) == [3]


def test_a_character_of_another_encoding() -> None:
    data = b"a;b\nOK;1\n" + "Peña;2\n".encode("latin-1") + b"OK;3\n"
    assert problem_lines(data) == [
        (
            3,
            "Pe\ufffda;2 | has a character that is not utf-8 | "
            "set `encoding: latin-1 or cp1252` in the mapping, or export the file as UTF-8",
        )
    ]
    assert good_lines(data) == [2, 4]


@pytest.mark.parametrize(
    ("data", "bad", "good"),
    [
        # The open quote would run to the end of the file.
        (b'a;b\n1;2\n"x;2\n3;4\n5;6\n', [3], [2, 4, 5]),
        # The open quote is closed by that of a later row.
        (b'a;b\n1;2\n3;"x\n5;6\n7;8"\n9;0\n', [3], [2, 4, 5, 6]),
        # Text after a closing quote.
        (b'a;b\n"x"y;2\n3;4\n', [2], [3]),
        (b'a;b\n1;"El "Toro" Perez"\n3;4\n', [2], [3]),
    ],
)
def test_a_quote_that_is_not_closed_costs_its_own_row_only(
    data: bytes, bad: list[int], good: list[int]
) -> None:
    assert [line for line, _ in problem_lines(data)] == bad
    assert good_lines(data) == good


def test_a_row_without_an_end_is_refused_in_bounded_memory() -> None:
    data = b'a;b\n1;"' + b"x\n" * (MAX_ROW_BYTES // 2) + b"3;4\n"
    lines = problem_lines(data)
    assert lines[0][0] == 2
    assert "has a quote that is not closed" in lines[0][1]
    assert good_lines(data) == [len(data.splitlines())]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "has no header; the header is expected in line 1"),
        ("a;b\n".encode("utf-16"), "is in UTF-16 or is no text; export it as CSV in UTF-8"),
        (b"PK\x03\x04rest", "is a spreadsheet, not CSV; set `format: xlsx` in the mapping"),
        (
            b" ; \n1;2\n",
            "has an empty header; set `header:` in the mapping to the line of the names",
        ),
        (
            "Número;b\n".encode("latin-1"),
            "'N\ufffdmero;b' has a character that is not utf-8; "
            "set `encoding: latin-1 or cp1252` in the mapping, or export the file as UTF-8",
        ),
    ],
)
def test_a_file_of_which_nothing_can_be_read(data: bytes, problem: str) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read_csv(io.BytesIO(data), form=form(), file="f.csv")
    assert str(caught.value) in (
        f"f.csv, line 1: {problem}",
        f"f.csv, line 1: {problem}".replace(":  ", ": "),
    )


def test_old_line_ends_are_named() -> None:
    ((line, problem),) = problem_lines(b"a;b\n1;2\r3;4\r")
    assert line == 2
    assert "has line ends of an old kind (CR without LF)" in problem


CELL = st.text(
    alphabet=st.sampled_from('abñ€ ;,"\n\r1'),
    max_size=8,
)


@given(
    table=st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=8),
    raw=st.lists(st.sampled_from(['x;"y', "1;2;3", '"', ";", '1;2"', ""]), max_size=4),
    ends=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    piece=st.integers(min_value=1, max_value=9),
    data=st.data(),
)
def test_reading_in_parts_is_reading_at_once(
    table: list[list[str]],
    raw: list[str],
    ends: str,
    mark: bool,
    piece: int,
    data: st.DataObject,
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator=ends)
    writer.writerow(["first", "second"])
    for index, row in enumerate(table):
        writer.writerow(row)
        if index < len(raw):
            text.write(raw[index] + ends)
    content = ("\ufeff" if mark else "").encode() + text.getvalue().encode()
    whole = rows_of(content)
    # In pieces of any size.
    pieces = [content[at : at + piece] for at in range(0, len(content), piece)]
    assert list(read_csv(pieces, form=form(), file="f.csv")) == whole
    # From any row on, as the part of another run that is given only the rest of the file.
    if whole:
        stop = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
        cursor = whole[stop][0]
        assert rows_of(content, start=cursor) == whole[stop + 1 :]
        first = read_csv(io.BytesIO(content), form=form(), file="f.csv").cursor
        assert rows_of(content, start=first) == whole


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=8))
def test_what_a_program_writes_is_what_is_read(table: list[list[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *table])
    expected = [
        [cell.strip() for cell in row] for row in table if any(cell.strip() for cell in row)
    ]
    # A cell that looks like two rows is refused on purpose; every other cell comes as it was.
    if any(line.count(",") >= 2 for row in table for cell in row for line in cell.split("\n")[1:]):
        return
    got = rows_of(text.getvalue().encode(), delimiter=",")
    assert [list(cells.values()) for _, _, cells in got if isinstance(cells, dict)] == expected


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        rows = rows_of(b"a;b\n" + data)
    except UnreadableFileError:
        return
    assert [cursor.line for cursor, _, _ in rows] == sorted({c.line for c, _, _ in rows})


# --- spreadsheets --------------------------------------------------------------------------------


def workbook(rows: list[list[Any]], title: str = "Hoja") -> io.BytesIO:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    made = io.BytesIO()
    book.save(made)
    made.seek(0)
    return made


def sheet_rows(made: io.BytesIO, start: Cursor | None = None, **changes: Any) -> list[ReadRow]:
    return list(read_xlsx(made, form=form(format="xlsx", **changes), file="f.xlsx", start=start))


def test_cells_of_a_spreadsheet_know_their_type() -> None:
    made = workbook(
        [
            ["text", "whole", "noise", "day", "moment", "hour", "flag", "none", "error", "long"],
            [
                " Peña ", 611365.0, 0.1 + 0.2, date(2026, 9, 30),
                datetime(2026, 9, 30, 14, 5),  # noqa: DTZ001 - spreadsheets have no zones
                time(7, 30), True, None, "#N/A", 1.2345678901234568e18,
            ],
        ]
    )  # fmt: skip
    ((_, line, cells),) = sheet_rows(made)
    assert isinstance(cells, dict)
    assert (line, cells) == (
        2,
        {
            "text": "Peña",
            "whole": "611365",
            "noise": "0.3",
            "day": "2026-09-30",
            "moment": "2026-09-30 14:05:00",
            "hour": "07:30:00",
            "flag": "true",
            "none": "",
            "error": "#N/A",
            "long": "1.234567890123457e+18",
        },
    )
    typed = {name: cell.value for name, cell in cells.items() if isinstance(cell, Typed)}
    assert typed["whole"] == Decimal(611365)
    assert typed["noise"] == Decimal("0.3")
    assert isinstance(typed["error"], CellError)
    assert str(typed["long"]) == (
        "is a number of more than 15 digits, which spreadsheets do not keep"
    )


def test_a_spreadsheet_is_read_on_from_any_row() -> None:
    made = workbook([["title"], [], ["a", "b"], [1, 2], [None, None], [3, None], [5, 6]])
    whole = sheet_rows(made, header=3)
    assert [(line, cells) for _, line, cells in whole] == [
        (4, {"a": "1", "b": "2"}),
        (6, {"a": "3", "b": ""}),
        (7, {"a": "5", "b": "6"}),
    ]
    for at, (cursor, _, _) in enumerate(whole):
        assert sheet_rows(made, start=cursor, header=3) == whole[at + 1 :]


def test_cells_outside_of_the_header() -> None:
    ((_, _, problem), (_, line, cells)) = sheet_rows(workbook([["a"], [1, 2], [3, None]]))
    assert problem == RowProblem(
        "f.xlsx",
        2,
        "",
        "2",
        "has cells to the right of the header's 1 columns",
        "name these columns in the header, or empty them",
    )
    assert (line, cells) == (3, {"a": "3"})


@pytest.mark.parametrize(
    ("made", "changes", "problem"),
    [
        (io.BytesIO(b"a;b\n1;2\n"), {}, "is not an XLSX file"),
        (io.BytesIO(b"PK\x03\x04 broken"), {}, "is not an XLSX file"),
        (workbook([["a"]], "Uno"), {"sheet": "Dos"}, "has no sheet 'Dos'"),
        (workbook([]), {}, "has no header"),
    ],
)
def test_spreadsheets_of_which_nothing_can_be_read(
    made: io.BytesIO, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read_xlsx(made, form=form(format="xlsx", **changes), file="f.xlsx")
    assert caught.value.problem.problem == problem
    assert caught.value.problem.remedy


def test_a_spreadsheet_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    path.write_bytes(workbook([["a"], [1]]).getvalue())
    rows = list(read_xlsx(path, form=form(format="xlsx"), file="f.xlsx"))
    assert [(line, cells) for _, line, cells in rows] == [(2, {"a": "1"})]
