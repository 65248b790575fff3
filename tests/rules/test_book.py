"""A book: what a forecast needs of every account, and nothing that others may not read."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.table import Table
from escalon.domain.account import Hold
from escalon_cli.rules import book
from escalon_cli.rules.book import BookError
from tests.doubles.aws import S3
from tests.doubles.dynamodb import DynamoDb
from tests.doubles.world import NOW, World, debtor, receivable
from tests.rules.books import TAKEN_AT, book_of, owes, shipped


def test_accounts_come_back_as_they_went_in(tmp_path: Path) -> None:
    coming = replace(owes("a2").receivables[0], receivable_id="r9", issued_on=date(2026, 10, 1))
    file = book_of(tmp_path, owes("a1"), owes("a2"), to_come=(coming,))
    header = book.header_of(file)
    assert (header.taken_at, header.stack, header.rulebook) == (TAKEN_AT, "test", shipped())
    (stretch,) = book.stretches(file, 10)
    lines = [line for _, line in book.read(file, stretch)]
    assert [line.account.account_id for line in lines] == ["a1", "a2"]
    assert lines[0].to_come == (coming,)
    assert lines[0].account.receivables == owes("a1").receivables


@pytest.mark.parametrize(
    ("lines", "sizes"), [(1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (5, [5]), (6, [5])]
)
def test_a_book_is_read_in_stretches(tmp_path: Path, lines: int, sizes: list[int]) -> None:
    file = book_of(tmp_path, *(owes(f"a{n}") for n in range(5)))
    found = book.stretches(file, lines)
    assert [stretch.lines for stretch in found] == sizes
    read = [line.account.account_id for s in found for _, line in book.read(file, s)]
    assert read == ["a0", "a1", "a2", "a3", "a4"]


def test_no_personal_data_is_in_it(tmp_path: Path) -> None:
    """Invariant 12"""
    hold = Hold("h", "dispute", date(2026, 9, 1), note="dice que pagó a Ana")
    ana = owes("a1", name="Ana Gómez", source_ref="CC 1000", holds=(hold,))
    text = book_of(tmp_path, ana).read_text(encoding="utf-8")
    for private in ("Ana", "Gómez", "CC 1000", "ana@example.com", "+57300", "form"):
        assert private not in text.split("\n", 1)[1]
    (account,) = book.accounts(tmp_path / "book.jsonl")
    assert [point.consent and point.consent.evidence for point in account.points] == ["on file"] * 3


def test_a_consent_without_proof_stays_one(tmp_path: Path) -> None:
    bare = owes("a1")
    points = tuple(
        replace(p, consent=p.consent and replace(p.consent, evidence="")) for p in bare.points
    )
    (account,) = book.accounts(book_of(tmp_path, replace(bare, points=points)))
    assert [point.consent and point.consent.evidence for point in account.points] == ["", "", ""]


def test_what_is_no_book_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    with pytest.raises(BookError, match="is no book of accounts"):
        book.header_of(file)
    file.write_text('{"account": {}}\n')
    with pytest.raises(BookError, match="is no book of accounts"):
        book.header_of(file)
    book.write(file, book.Header(book.FORM + 1, TAKEN_AT, "test", shipped()), [])
    with pytest.raises(BookError, match="is of form 2; export it again"):
        book.header_of(file)


def test_a_line_that_cannot_be_read_says_where(tmp_path: Path) -> None:
    file = book_of(tmp_path, owes("a1"))
    with file.open("ab") as out:
        out.write(b'{"account": 7}\n')
    with pytest.raises(BookError, match="a line after byte"):
        list(book.accounts(file))


def test_the_fingerprint_is_of_the_accounts_in_any_order_and_of_when() -> None:
    one, other = book.digest(b"one"), book.digest(b"other")
    header = book.Header(book.FORM, TAKEN_AT, "test", shipped())
    name = book.fingerprint(header, one + other, 2)
    assert name == book.fingerprint(header, other + one, 2)
    assert name != book.fingerprint(header, one + one, 2)
    later = replace(header, taken_at=TAKEN_AT + timedelta(seconds=1))
    assert name != book.fingerprint(later, one + other, 2)


def test_the_live_book_has_all_that_is_open_or_to_come(tmp_path: Path) -> None:
    world = World(shards=3)
    world.put(debtor("a1"))
    world.put(replace(debtor("a2"), receivables=()), look_at=None)  # owes nothing
    world.put(replace(debtor("a3"), receivables=()), look_at=None)
    coming = receivable("r3", late=-40, today=NOW.date())
    table = world.table
    put = table.put_receivable("a3", coming, NOW + timedelta(days=10))
    table.save({"Put": put["Put"]})
    lines = {line.account.account_id: line for line in book.live(table)}
    assert set(lines) == {"a1", "a3"}
    assert lines["a1"].account == book.bare(debtor("a1"))
    assert lines["a3"].to_come == (coming,)


@dataclass
class Stack:
    """A stack as far as a book asks about it."""

    table: Table
    documents: Documents
    live: str
    name: str = "escalon"
    outputs: Any = None

    def client(self, service: str) -> Any:
        assert service == "appconfigdata", service
        return self

    def start_configuration_session(self, **_: str) -> dict[str, str]:
        return {"InitialConfigurationToken": "t"}

    def get_latest_configuration(self, **_: str) -> dict[str, Any]:
        body = msgspec.json.encode({"live": self.live}) if self.live else b""
        return {"Configuration": type("Body", (), {"read": lambda _: body})()}


def stack(live: str) -> Any:
    outputs = dict.fromkeys(
        ("RulebookApplicationId", "RulebookEnvironmentId", "RulebookProfileId"), "x"
    )
    table = Table(DynamoDb(), "t", 1)
    return Stack(table, Documents(S3(), "bucket"), live, outputs=outputs)


def test_a_book_names_the_rulebook_in_force(tmp_path: Path) -> None:
    deployed = stack(shipped().version)
    deployed.documents.put_rulebook(shipped())
    at = datetime(2026, 9, 7, 14, tzinfo=UTC)
    header = book.take(deployed, tmp_path / "b.jsonl", at)
    assert (header.stack, header.taken_at, header.rulebook.version) == (
        "escalon", at, shipped().version,
    )  # fmt: skip
    assert book.header_of(tmp_path / "b.jsonl") == header


def test_without_a_rulebook_in_force_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="escalon rules publish"):
        book.take(stack(""), tmp_path / "b.jsonl", NOW)
