"""Rows of an export a second, on one core: python -m bench.importing [ROWS]

The floor is Python's own csv module making the same dictionaries. The sample portfolio is repeated
under new documents, so that no cache helps more than it would in a real book.
"""

import csv
import io
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time

from escalon.importing.mapping import MappingFile, RowReader, read_mapping
from escalon.importing.reading import read_csv
from escalon.importing.records import Row

SAMPLES = Path(__file__).parents[1] / "samples"


def portfolio(rows: int) -> Iterator[bytes]:
    """The sample's rows again and again, each round with documents, e-mails and phones of its
    own."""
    header, *lines = (SAMPLES / "portfolio.csv").read_text().splitlines()
    yield header.encode() + b"\n"
    for index in range(rows):
        cells = lines[index % len(lines)].split(";")
        turn = index // len(lines)
        cells[0] = f"{turn}-{cells[0]}"
        if cells[5]:
            cells[5] = f"{turn}.{cells[5]}"
        if cells[6]:
            cells[6] = f"+57300{turn:03d}{cells[6][-4:]}"
        cells[14] = f"{cells[14]}-{turn}"
        yield ";".join(cells).encode() + b"\n"


def seconds(run: Callable[[], int]) -> float:
    started = process_time()
    run()
    return process_time() - started


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    mapping = read_mapping((SAMPLES / "mapping.yaml").read_text(), "mapping.yaml")
    if not isinstance(mapping, MappingFile):
        raise SystemExit("\n".join(map(str, mapping)))
    form = mapping.file
    text = b"".join(portfolio(rows))

    def floor() -> int:
        lines = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline="")
        return sum(1 for _ in csv.DictReader(lines, delimiter=";"))

    def reading() -> int:
        return sum(1 for _ in read_csv(io.BytesIO(text), form=form, file="portfolio.csv"))

    def whole(stream: io.BytesIO | Iterator[bytes], wanted: int = rows) -> int:
        read = read_csv(stream, form=form, file="portfolio.csv")
        fitted = RowReader.of(mapping, read.cursor.header, file="portfolio.csv")
        if not isinstance(fitted, RowReader):
            raise SystemExit("\n".join(map(str, fitted)))
        good = 0
        for _, line, cells in read:
            if isinstance(cells, dict):
                good += isinstance(fitted.row(line, cells), Row)
        if good != wanted:
            raise SystemExit(f"{wanted - good} rows were refused")
        return good

    for name, run in (
        ("csv.DictReader (floor)", floor),
        ("read_csv", reading),
        ("read_csv and records", lambda: whole(io.BytesIO(text))),
    ):
        took = min(seconds(run) for _ in range(2))
        print(f"{name:24} {rows / took:10,.0f} rows/s  {took:6.2f} s for {rows:,} rows")
    tracemalloc.start()
    whole(portfolio(20_000), 20_000)
    print(f"peak memory {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
