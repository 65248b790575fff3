"""What a plan forecasts is what the system then does, if nothing else happens: the whole sample
portfolio, imported and run day by day through the use cases (capability 4)."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from escalon.adapters.documents import Documents
from escalon.domain.decisions.forecast import forecast
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
PAID_DAYS = 24

type Told = list[tuple[str, str, str]]


def nine_in_the_morning(instant: datetime) -> datetime:
    local = in_zone(BOGOTA, instant)
    today = local.replace(hour=9, minute=0, second=0, microsecond=0)
    return (today if today >= local else today + DAY).astimezone(UTC)


def importer_of(world: World) -> ImportReceivables:
    return ImportReceivables(
        world.table,
        Documents(world.s3, "bucket"),
        world.clock,
        b"secret",
        BOGOTA[0],
        lambda _: None,
        lambda _="": shipped(),
    )


def imported() -> World:
    """A stack with the sample portfolio in it, but for its payments."""
    world = World(BEGIN)
    world.rulebooks = OneRulebook(shipped())
    documents = Documents(world.s3, "bucket")
    documents.put("mappings/samples.yaml", (SAMPLES / "mapping.yaml").read_bytes())
    key = "inbox/samples/portfolio.csv"
    sections = {"sections": "account,contacts,receivable,disputes,links"}
    documents.put(key, (SAMPLES / "portfolio.csv").read_bytes(), "text/csv", sections)
    progress = importer_of(world)(key, "1", lambda: timedelta(minutes=10))
    assert progress.state == "done", progress
    return world


def foretold(world: World) -> dict[str, Told]:
    """What the forecast tells of each account."""
    told: dict[str, Told] = {}
    for line in book.live(world.table):
        events = forecast(
            line.account,
            shipped(),
            BEGIN,
            BEGIN + DAYS * DAY,
            to_come=line.to_come,
            next_run=nine_in_the_morning,
        )
        if events:
            told[line.account.account_id] = sorted(
                (_day(e.at), e.step, e.task or e.channel) for e in events
            )
    return told


def happened(world: World) -> dict[str, Told]:
    """What messages and tasks there are."""
    told: dict[str, Told] = defaultdict(list)
    for message in world.messages():
        assert message["state"] == "sent", message
        at = datetime.fromisoformat(message["claimed_at"])
        told[message["account_id"]].append((_day(at), message["step"], message["channel"]))
    for task in world.tasks():
        at = datetime.fromisoformat(task["opened_at"])
        told[task["account_id"]].append((_day(at), task["step"], task["kind"]))
    return {account: sorted(each) for account, each in told.items()}


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, Told], dict[str, Told]]:
    """What the forecast tells of each account, and what happened to it."""
    world = imported()
    told = foretold(world)
    for number in range(DAYS):
        world.run(nine_in_the_morning(BEGIN + number * DAY))
        world.arrived()
    return told, happened(world)


def pay(world: World, day: str, number: int) -> None:
    """The bank's file of a day: the payments of that day, taken in before the run."""
    head, *lines = (SAMPLES / "payments.csv").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if _iso(line.split(";")[1]) == day]
    if not rows:
        return
    documents = Documents(world.s3, "bucket")
    documents.put("mappings/bank.yaml", (SAMPLES / "payments_mapping.yaml").read_bytes())
    key = f"inbox/bank/{number}.csv"
    documents.put(key, "\n".join((head, *rows, "")).encode(), "text/csv")
    progress = importer_of(world)(key, str(number), lambda: timedelta(minutes=10))
    assert progress.state == "done", progress


def _iso(text: str) -> str:
    day, month, year = text.split("/")
    return f"{year}-{month}-{day}"


@pytest.fixture(scope="module")
def with_payments() -> tuple[dict[str, Told], dict[str, Told], dict[str, str]]:
    """The same while people pay; and the day of each account's first payment."""
    world = imported()
    told = foretold(world)
    first: dict[str, str] = {}
    for number in range(PAID_DAYS):
        at = nine_in_the_morning(BEGIN + number * DAY)
        world.clock.at = at - timedelta(hours=1)
        before = {s.account.account_id: s.account for s in world.table.all_accounts()}
        pay(world, _day(at), number + 2)
        for stored in world.table.all_accounts():
            account_id = stored.account.account_id
            was = before.get(account_id)
            if was != stored.account:
                first.setdefault(account_id, _day(at))
        world.run(at)
        world.arrived()
    return told, happened(world), first


def _day(at: datetime) -> str:
    return in_zone(BOGOTA, at).date().isoformat()


def test_the_same_messages_and_tasks_on_the_same_days(
    both: tuple[dict[str, Told], dict[str, Told]],
) -> None:
    foretold, happened = both
    assert foretold.keys() == happened.keys()
    differing = {a: (foretold[a], happened[a]) for a in foretold if foretold[a] != happened[a]}
    assert differing == {}


def test_each_account_agrees_until_its_first_new_fact(
    with_payments: tuple[dict[str, Told], dict[str, Told], dict[str, str]],
) -> None:
    foretold, happened, first = with_payments
    differing = {}
    for account_id in foretold.keys() | happened.keys():
        until = first.get(account_id, _day(BEGIN + PAID_DAYS * DAY))
        told, was = (
            [each for each in of.get(account_id, ()) if each[0] < until]
            for of in (foretold, happened)
        )
        if told != was:
            differing[account_id] = (told, was)
    assert differing == {}
    paid = {a for a in first if foretold.get(a) != happened.get(a)}
    assert len(first) > 5  # there were payments, and they made a difference
    assert paid


def test_there_was_something_to_foretell(both: tuple[dict[str, Told], dict[str, Told]]) -> None:
    foretold, _ = both
    assert len(foretold) > 200
    assert sum(len(told) for told in foretold.values()) > 800
    assert Path(SAMPLES / "portfolio.csv").is_file()
