"""What a plan forecasts is what the system then does, if nothing else happens: the whole sample
portfolio, imported and run day by day through the use cases (capability 4)."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from escalon.adapters.documents import Documents
from escalon.domain.forecast import forecast
from escalon.domain.local_time import in_zone
from escalon.usecases.import_receivables import ImportReceivables
from escalon_cli.rules import book
from tests.doubles.world import OneRulebook, World
from tests.rules.books import ROOT, shipped

SAMPLES = ROOT / "samples"
BOGOTA = ("America/Bogota",)
DAY = timedelta(days=1)
BEGIN = datetime(2026, 9, 1, 5, 0, tzinfo=UTC)  # midnight in Bogotá
DAYS = 60

type Told = list[tuple[str, str, str]]


def nine_in_the_morning(instant: datetime) -> datetime:
    local = in_zone(BOGOTA, instant)
    today = local.replace(hour=9, minute=0, second=0, microsecond=0)
    return (today if today >= local else today + DAY).astimezone(UTC)


def imported() -> World:
    """A stack with the sample portfolio in it, but for its payments."""
    world = World(BEGIN)
    world.rulebooks = OneRulebook(shipped())
    documents = Documents(world.s3, "bucket")
    documents.put("mappings/samples.yaml", (SAMPLES / "mapping.yaml").read_bytes())
    key = "inbox/samples/portfolio.csv"
    sections = {"sections": "account,contacts,receivable,disputes,links"}
    documents.put(key, (SAMPLES / "portfolio.csv").read_bytes(), "text/csv", sections)
    importer = ImportReceivables(
        world.table, documents, world.clock, b"secret", BOGOTA[0], lambda _: None, shipped
    )
    progress = importer(key, "1", lambda: timedelta(minutes=10))
    assert progress.state == "done", progress
    return world


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, Told], dict[str, Told]]:
    """What the forecast tells of each account, and what happened to it."""
    world = imported()
    until = BEGIN + DAYS * DAY
    foretold: dict[str, Told] = {}
    for line in book.live(world.table):
        events = forecast(
            line.account,
            shipped(),
            BEGIN,
            until,
            to_come=line.to_come,
            next_run=nine_in_the_morning,
        )
        if events:
            foretold[line.account.account_id] = sorted(
                (_day(e.at), e.step, e.task or e.channel) for e in events
            )
    for number in range(DAYS):
        world.run(nine_in_the_morning(BEGIN + number * DAY))
    happened: dict[str, Told] = defaultdict(list)
    for message in world.messages():
        assert message["state"] == "sent", message
        at = datetime.fromisoformat(message["claimed_at"])
        happened[message["account_id"]].append((_day(at), message["step"], message["channel"]))
    for task in world.tasks():
        at = datetime.fromisoformat(task["opened_at"])
        happened[task["account_id"]].append((_day(at), task["step"], task["kind"]))
    return foretold, {account: sorted(told) for account, told in happened.items()}


def _day(at: datetime) -> str:
    return in_zone(BOGOTA, at).date().isoformat()


def test_the_same_messages_and_tasks_on_the_same_days(
    both: tuple[dict[str, Told], dict[str, Told]],
) -> None:
    foretold, happened = both
    assert foretold.keys() == happened.keys()
    differing = {a: (foretold[a], happened[a]) for a in foretold if foretold[a] != happened[a]}
    assert differing == {}


def test_there_was_something_to_foretell(both: tuple[dict[str, Told], dict[str, Told]]) -> None:
    foretold, _ = both
    assert len(foretold) > 200
    assert sum(len(told) for told in foretold.values()) > 800
    assert Path(SAMPLES / "portfolio.csv").is_file()
