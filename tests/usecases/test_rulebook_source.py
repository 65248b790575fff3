"""What is in force, while AppConfig answers and while it does not (a bad one never serves)."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from escalon.adapters.documents import Documents
from escalon.adapters.rulebook_source import LAST_GOOD, NothingPublishedError, PublishedRulebooks
from escalon.domain.rules.rollout import Rollout
from tests.doubles.aws import S3

ONE, TWO = Rollout("1" * 16), Rollout("2" * 16, "3" * 16, 500)


class Source:
    """AppConfig as a function sees it through its cache, and processes that start."""

    def __init__(self) -> None:
        self.documents = Documents(S3(), "bucket")
        self.answer: Rollout | bytes | Exception = ONE
        self.asked = 0
        self.fresh = False
        self.seconds = 0.0
        self.reports: list[str] = []

    def fetch(self, fresh: bool) -> bytes:
        self.asked += 1
        self.fresh = fresh
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, bytes) else msgspec.json.encode(self.answer)

    def report(self, code: str, _: dict[str, Any]) -> None:
        self.reports.append(code)

    def process(self) -> PublishedRulebooks:
        return PublishedRulebooks(self.documents, self.fetch, self.report, lambda: self.seconds)


@pytest.fixture
def source() -> Source:
    return Source()


AWAY: list[Callable[[], Any]] = [
    lambda: ConnectionError("away"),
    lambda: b"{",
    lambda: b'{"live": 5}',
]


@pytest.mark.parametrize("away", AWAY)
def test_what_was_said_last_serves_while_appconfig_is_away(source: Source, away: Any) -> None:
    process = source.process()
    assert process.rollout() == ONE
    source.answer = away()
    assert process.rollout() == ONE
    assert source.reports == ["last_good_rulebook_serves"]
    source.answer, source.seconds = TWO, 11.0
    assert process.rollout() == TWO


@pytest.mark.parametrize("away", AWAY)
def test_a_process_that_starts_meanwhile_has_what_the_last_run_kept(
    source: Source, away: Any
) -> None:
    run = source.process()
    source.answer = TWO
    run.rollout()
    run.keep_last_good()
    source.answer = away()
    assert source.process().rollout() == TWO


def test_nothing_is_kept_that_appconfig_has_not_said(source: Source) -> None:
    source.process().keep_last_good()
    assert source.documents.find(LAST_GOOD) is None
    source.answer = ConnectionError("away")
    with pytest.raises(ConnectionError):
        source.process().rollout()


def test_what_an_alarm_took_back_is_kept_until_the_next_run_only(source: Source) -> None:
    run = source.process()
    source.answer = TWO
    run.rollout()
    run.keep_last_good()
    source.answer = ONE  # AppConfig has rolled back
    run.rollout()
    run.keep_last_good()
    source.answer = ConnectionError("away")
    assert source.process().rollout() == ONE


def test_while_it_is_away_it_is_asked_every_ten_seconds_only(source: Source) -> None:
    process = source.process()
    process.rollout()
    source.answer = ConnectionError("away")
    for _ in range(5):
        process.rollout()
    assert source.asked == 2
    source.seconds = 10.0
    process.rollout()
    assert source.asked == 3


def test_whoever_must_not_miss_anything_asks_afresh(source: Source) -> None:
    source.process().rollout()
    assert source.fresh is False
    source.process().rollout(fresh=True)
    assert source.fresh is True


def test_that_nothing_was_ever_published_is_no_fault_of_appconfig(source: Source) -> None:
    source.answer = NothingPublishedError()
    with pytest.raises(NothingPublishedError):
        source.process().rollout()
    assert source.reports == []


def test_a_run_that_cannot_keep_it_goes_on(source: Source) -> None:
    process = source.process()
    process.rollout()

    class Full(S3):
        def put_object(self, **_: Any) -> None:  # type: ignore[override] # whatever is put
            from tests.doubles.dynamodb import fail

            fail("PutObject", "SlowDown")

    process._documents._client = Full()
    process.keep_last_good()
    assert source.reports == ["last_good_rulebook_not_kept"]
