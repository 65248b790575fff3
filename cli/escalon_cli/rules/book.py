"""A book: every account with what a forecast needs, in a file of JSON lines, without personal data.

The first line says when it was taken, from which stack, and holds the rulebook that was in force;
each line after it is one account with the receivables that are still to be issued. Names,
addresses, notes and the sources' references are left out: an account is known by its opaque id.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from escalon.adapters.table import Table
from escalon.domain.account import Account, Receivable
from escalon.domain.decisions.past import nameless
from escalon.domain.identity import issue_list
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.deployed import Deployed
from escalon_cli.publish import live_version

FORM = 1  # of the file; a file of another form is refused
_EVER = datetime(9999, 1, 1, tzinfo=UTC)


class BookError(LookupError):
    """A book that cannot be read; says where and why."""


class Header(msgspec.Struct, frozen=True):
    """The first line."""

    escalon_book: int
    taken_at: datetime
    stack: str
    rulebook: Rulebook


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One account, and what is still to be issued to it."""

    account: Account
    to_come: tuple[Receivable, ...] = ()


class Stretch(msgspec.Struct, frozen=True):
    """Some whole lines of a book: from which byte on, and how many bytes."""

    start: int
    size: int
    lines: int


_decode_line = msgspec.json.Decoder(Line).decode
_encode = msgspec.json.Encoder().encode


def take(deployed: Deployed, file: Path, taken_at: datetime) -> Header:
    """Write the live book of a stack: reads the table, writes nothing but the file."""
    version = live_version(deployed)
    if not version:
        raise BookError("no rulebook is in force: escalon rules publish")
    header = Header(FORM, taken_at, deployed.name, deployed.documents.rulebook(version))
    write(file, header, live(deployed.table))
    return header


def write(file: Path, header: Header, lines: Iterable[Line]) -> None:
    """Write a book; what was there before is replaced whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(file.name + ".tmp")
    with beside.open("wb") as out:
        out.write(_encode(header) + b"\n")
        for line in lines:
            out.write(_encode(line) + b"\n")
    beside.replace(file)


def header_of(file: Path) -> Header:
    """The first line; raises BookError."""
    try:
        with file.open("rb") as book:
            header = msgspec.json.decode(book.readline(), type=Header)
    except (OSError, msgspec.MsgspecError) as error:
        raise BookError(f"{file} is no book of accounts: {error}") from None
    if header.escalon_book != FORM:
        raise BookError(f"{file} is of form {header.escalon_book}; export it again")
    return header


def stretches(file: Path, lines: int) -> list[Stretch]:
    """The accounts of a book in stretches of so many lines."""
    found: list[Stretch] = []
    with file.open("rb") as book:
        start = at = len(book.readline())
        count = 0
        for line in book:
            at += len(line)
            count += 1
            if count == lines:
                found.append(Stretch(start, at - start, count))
                start, count = at, 0
        if count:
            found.append(Stretch(start, at - start, count))
    return found


def read(file: Path, stretch: Stretch) -> Iterator[tuple[bytes, Line]]:
    """The lines of a stretch, as bytes and as values; raises BookError."""
    with file.open("rb") as book:
        book.seek(stretch.start)
        for text in book.read(stretch.size).splitlines():
            try:
                yield text, _decode_line(text)
            except msgspec.MsgspecError as error:
                raise BookError(f"{file}: a line after byte {stretch.start}: {error}") from None


def accounts(file: Path) -> Iterator[Account]:
    """Every account of a book."""
    for stretch in stretches(file, 10_000):
        for _, line in read(file, stretch):
            yield line.account


def fingerprint(header: Header, digests: int, count: int) -> str:
    """What names a book's content: the sum of its lines' digests, in whatever order they come."""
    told = f"{header.taken_at.isoformat()}|{header.rulebook.version}|{count}|{digests:x}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def digest(line: bytes) -> int:
    """One line's part in the fingerprint."""
    return int.from_bytes(hashlib.blake2b(line, digest_size=16).digest())


def bare(account: Account) -> Account:
    """The account without what a forecast does not need and nobody else may read (invariant 12)."""
    return nameless(account)


def live(table: Table) -> Iterator[Line]:
    """Every account of a table that has anything open, under way or to come."""
    to_come: dict[str, list[Receivable]] = {}
    for number in range(table.shards):
        listing, after = issue_list(f"due#{number:03d}"), None
        while True:
            page, after = table.due(listing, _EVER, limit=200, after=after)
            for item in page:
                if item.receivable is not None:
                    to_come.setdefault(item.account_id, []).append(item.receivable)
            if after is None:
                break
    for stored in table.all_accounts():
        account = stored.account
        coming = tuple(to_come.get(account.account_id, ()))
        if account.receivables or account.beyond or account.intents or coming:
            yield Line(bare(account), coming)
