"""Payment feeds: who told us when, and what is stale (L7)."""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.adapters.table import Table
from escalon.domain.decisions.engine import decide
from escalon.domain.rules.rulebook import Payments, Rulebook
from escalon.importing.mapping import MappingFile, read_mapping
from escalon.usecases.runs.feeds import FeedMarks, read, stale, told
from tests.doubles.crashing import Crash, Crashing, Faults
from tests.doubles.world import NOW, TABLE, World, debtor, receivable, rulebook
from tests.usecases.test_import_receivables import AMPLE, BANK, Inbox, pay, row

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FED = BANK + "feed: bank\n"


def fed(hours: int = 36, *creditors: str) -> Rulebook:
    """A rulebook whose creditors have the feed `bank`."""
    given = rulebook()
    own = {
        name: replace(c, feeds=("bank",) if name in creditors else ())
        for name, c in given.creditors.items()
    }
    return replace(given, creditors=own, payments=Payments(feeds={"bank": hours}))


def mark(world: World) -> tuple[datetime, datetime | None]:
    found = world.table.load("FEED#bank", "FEED")
    assert found is not None
    through = found.get("through")
    return (
        datetime.fromisoformat(found["told_at"]),
        datetime.fromisoformat(through) if through else None,
    )


# ------------------------------------------------------------------------- marks


def test_a_feed_that_never_told_is_left_out() -> None:
    world = World()
    told(world.table, "bank", NOW, NOW - HOUR)
    assert read(world.table, ["bank", "wompi", "bank"]) == {"bank": NOW}


def test_a_newer_file_moves_the_mark_and_one_without_money_too() -> None:
    world = World()
    told(world.table, "bank", NOW, NOW - 5 * HOUR)
    told(world.table, "bank", NOW + DAY, NOW + 20 * HOUR)
    assert mark(world) == (NOW + DAY, NOW + 20 * HOUR)
    told(world.table, "bank", NOW + 2 * DAY, None)
    assert mark(world) == (NOW + 2 * DAY, NOW + 20 * HOUR)


@pytest.mark.parametrize(("behind", "moves"), [(-1, True), (0, True), (1, False)])
def test_an_older_file_says_nothing_about_today(behind: int, moves: bool) -> None:
    """L25 at N−1, N, N+1 seconds: yesterday's file taken again by mistake opens no gate."""
    world = World()
    told(world.table, "bank", NOW, NOW - HOUR)
    told(world.table, "bank", NOW + DAY, NOW - HOUR - timedelta(seconds=behind))
    assert read(world.table, ["bank"]) == {"bank": NOW + DAY if moves else NOW}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_files_that_are_told_twice_and_in_any_order_end_at_the_newest(
    order: tuple[int, ...],
) -> None:
    files = [(NOW, NOW - HOUR), (NOW + DAY, NOW + 23 * HOUR), (NOW + 2 * DAY, NOW + 47 * HOUR)]
    world = World()
    for number in (*order, *order):
        told(world.table, "bank", *files[number])
    assert mark(world) == files[2]


def test_an_import_that_ends_late_takes_no_mark_back() -> None:
    """It came before the other, and its latest payment is the same."""
    world = World()
    told(world.table, "bank", NOW + DAY, NOW)
    told(world.table, "bank", NOW, NOW)
    assert mark(world) == (NOW + DAY, NOW)
    told(world.table, "bank", NOW, None)
    assert mark(world) == (NOW + DAY, NOW)


def test_two_files_at_once_leave_the_newer_mark() -> None:
    for number in (1, 2):
        world = World()
        faults = Faults(number, "before", lambda w=world: told(w.table, "bank", NOW + DAY, NOW))
        told(Table(Crashing(world.dynamo, faults), TABLE, 1), "bank", NOW, NOW - HOUR)
        assert faults.happened
        assert mark(world) == (NOW + DAY, NOW)


def test_a_mark_that_was_told_again_is_not_written_again() -> None:
    world = World()
    told(world.table, "bank", NOW, NOW - HOUR)
    before = world.all_items()
    told(world.table, "bank", NOW, NOW - HOUR)
    assert world.all_items() == before


# ------------------------------------------------------------------------- read for deciding


def test_marks_are_read_at_most_once_a_minute() -> None:
    world, faults = World(), Faults()
    told(world.table, "bank", NOW, NOW)
    marks = FeedMarks(Table(Crashing(world.dynamo, faults), TABLE, 1))
    assert marks(fed(36, "andina"), NOW) == {"bank": NOW}
    told(world.table, "bank", NOW + HOUR, NOW + HOUR)
    second = timedelta(seconds=1)
    assert marks(fed(36, "andina"), NOW + 59 * second) == {"bank": NOW}
    assert len(faults.calls) == 1
    assert marks(fed(36, "andina"), NOW + 60 * second) == {"bank": NOW + HOUR}
    assert len(faults.calls) == 2


def test_a_clock_that_is_set_back_and_another_rulebook_read_again() -> None:
    world = World()
    marks = FeedMarks(world.table)
    assert marks(fed(36, "andina"), NOW) == {}
    told(world.table, "bank", NOW, NOW)
    assert marks(fed(36, "andina"), NOW) == {}
    assert marks(fed(36, "andina"), NOW - HOUR) == {"bank": NOW}
    other = replace(fed(), payments=Payments(feeds={"bank": 36, "wompi": 36}))
    told(world.table, "wompi", NOW, NOW)
    assert marks(other, NOW - HOUR) == {"bank": NOW, "wompi": NOW}


def test_a_rulebook_without_feeds_asks_for_nothing() -> None:
    world, faults = World(), Faults()
    assert FeedMarks(Table(Crashing(world.dynamo, faults), TABLE, 1))(rulebook(), NOW) == {}
    assert faults.calls == []


@pytest.mark.parametrize(("seconds", "is_stale"), [(-1, False), (0, False), (1, True)])
def test_l7_a_feed_is_stale_when_the_engine_says_so(seconds: int, is_stale: bool) -> None:
    now = NOW + 48 * HOUR + timedelta(seconds=seconds)  # at the same hour, when messages go
    known = {"bank": NOW}
    assert stale(fed(48, "andina"), known, now) == (("bank",) if is_stale else ())
    account = debtor("a1", receivable(late=3, today=now.date()))
    decision = decide(account, fed(48, "andina"), now, feeds=known)
    codes = {reason.code for reason in decision.reasons}
    assert ("payments_not_fresh" in codes) is is_stale


def test_a_feed_that_never_told_is_stale_if_a_creditor_has_it() -> None:
    assert stale(fed(36, "andina"), {}, NOW) == ("bank",)
    assert stale(fed(36), {}, NOW) == ()
    assert stale(rulebook(), {}, NOW) == ()


# ------------------------------------------------------------------------- imports tell


def bank(inbox: Inbox, *rows: str, mapping: str = FED) -> Any:
    inbox.documents.put("mappings/bank.yaml", mapping.encode())
    inbox.uploads += 1
    key = "inbox/bank/bank.csv"
    inbox.documents.put(key, "\n".join(("payment,amount,ref,inv,paid_on", *rows, "")).encode())
    return inbox.finish(key, str(inbox.uploads))


def test_an_import_of_a_feed_marks_it_with_its_latest_payment() -> None:
    inbox = Inbox("changes")
    inbox.take(row("900", "F1"))
    assert inbox.world.table.load("FEED#bank", "FEED") is None
    bank(inbox, pay("P2", "10", "900", on="2026-09-05"), pay("P1", "10", "900", on="2026-09-03"))
    assert mark(inbox.world) == (NOW, datetime.fromisoformat("2026-09-05T12:00:00-05:00"))
    inbox.world.clock.at = NOW + DAY
    bank(inbox, pay("P3", "10", "900", on="2026-09-04"))
    assert mark(inbox.world)[0] == NOW  # an older file
    bank(inbox, pay("P4", "10", "nobody", on="2026-09-06"))
    assert mark(inbox.world)[0] == NOW + DAY  # money of nobody tells as well


def test_an_import_that_names_no_feed_marks_none() -> None:
    inbox = Inbox("changes")
    bank(inbox, pay("P1", "10"), mapping=BANK)
    assert [pk for pk, _ in inbox.world.all_items() if pk.startswith("FEED#")] == []


def test_a_file_of_which_nothing_could_be_read_has_told_nothing() -> None:
    """A column that has changed its form would otherwise open the gate for everybody who paid."""
    inbox = Inbox("changes")
    progress = bank(inbox, pay("P1", "1.0,0"), pay("P2", "x"))
    assert (progress.state, progress.taken, progress.refused) == ("done", 0, 2)
    assert inbox.world.table.load("FEED#bank", "FEED") is None
    bank(inbox, pay("P1", "10"), pay("P2", "x"))
    assert mark(inbox.world)[0] == NOW


def test_a_file_without_payments_says_that_none_came() -> None:
    inbox = Inbox("changes")
    assert bank(inbox).state == "done"
    assert mark(inbox.world) == (NOW, None)


def test_a_file_that_is_refused_has_told_nothing() -> None:
    inbox = Inbox("changes")
    bank(inbox, pay("P1", "10"), mapping=FED.replace("amount: amount", "amount: sum"))
    assert inbox.world.table.load("FEED#bank", "FEED") is None


def test_the_latest_payment_is_kept_through_the_parts_of_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("escalon.usecases.import_receivables.BATCH_ROWS", 2)
    inbox = Inbox("changes")
    days = ("2026-09-02", "2026-09-05", "2026-09-01", "2026-09-03", "2026-09-04")
    bank(inbox, *(pay(f"P{n}", "10", on=day) for n, day in enumerate(days)))
    assert mark(inbox.world)[1] == datetime.fromisoformat("2026-09-05T12:00:00-05:00")


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_import_that_dies_anywhere_still_tells_once_it_is_done(when: Any) -> None:
    def upload() -> Inbox:
        inbox = Inbox("changes")
        inbox.documents.put("mappings/bank.yaml", FED.encode())
        rows = ("payment,amount,ref,inv,paid_on", pay("P1", "10", on="2026-09-05"), "")
        inbox.documents.put("inbox/bank/b.csv", "\n".join(rows).encode())
        return inbox

    calls = Faults()
    upload().importer(calls)("inbox/bank/b.csv", "1", lambda: AMPLE)
    for number in range(1, len(calls.calls) + 1):
        inbox = upload()
        with pytest.raises(Crash):
            inbox.importer(Faults(number, when))("inbox/bank/b.csv", "1", lambda: AMPLE)
        inbox.world.clock.at = NOW + HOUR
        inbox.finish("inbox/bank/b.csv", "1")
        # It told when it came, not when its import was picked up again.
        told_at, through = mark(inbox.world)
        begun = inbox.world.table.load(f"IMPORT#{import_id(inbox)}", "IMPORT")
        assert begun is not None
        assert told_at == datetime.fromisoformat(begun["started_at"])
        assert through == datetime.fromisoformat("2026-09-05T12:00:00-05:00")


def import_id(inbox: Inbox) -> str:
    (found,) = (pk for pk, _ in inbox.world.all_items() if pk.startswith("IMPORT#"))
    return found.removeprefix("IMPORT#")


# ------------------------------------------------------------------------- mapping files


def test_a_mapping_names_its_feed_and_has_to_take_payments() -> None:
    mapping = read_mapping(FED, "bank.yaml")
    assert isinstance(mapping, MappingFile)
    assert mapping.mapping.feed == "bank"
    book = FED.partition("payments:")[0] + "feed: bank\naccount: {source_ref: a, name: b}\n"
    assert [str(p) for p in read_mapping(book, "m.yaml")] == [  # type: ignore[union-attr]
        "m.yaml:6:7: feed: a payment feed tells of payments, and the mapping takes none; "
        "add `payments:`, or remove `feed:`"
    ]


@pytest.mark.parametrize("name", ["Bank", "bank file", "-x", "2x", "b#1"])
def test_a_feed_has_a_name_as_the_rulebook_writes_them(name: str) -> None:
    problems = read_mapping(BANK + f'feed: "{name}"\n', "m.yaml")
    assert isinstance(problems, list)
    assert f"'{name}' is no name of a payment feed" in str(problems[0])
