"""Escalate: everything due in a shard is decided about and written once, and the books add up."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.authoring.rulebook import sealed
from escalon.domain.account import Hold
from escalon.domain.calendar import Calendar
from escalon.domain.contact.policy import Holidays, Layer, Policy, Provenance, Recipients
from escalon.domain.storage import Change, ConflictError
from escalon.failures import in_short
from escalon.usecases.messages_between import ShardOfRun
from escalon.usecases.runs.books import Totals
from escalon.usecases.runs.escalate import PAGE
from tests.doubles.crashing import Crash, Faults
from tests.doubles.world import NOW, TABLE, OneRulebook, World, debtor, receivable, rulebook

AMPLE = timedelta(minutes=5)
SHARD = ShardOfRun("2026-09-07T15:00:00Z", NOW, "", "due#000")


def shard(**changes: Any) -> ShardOfRun:
    return replace(SHARD, rulebook=rulebook().version, **changes)


def escalate(
    world: World, faults: Faults | None = None, left: Callable[[], timedelta] = lambda: AMPLE
) -> Totals:
    return world.escalate(faults)(shard(), left)


def spoil(world: World, account_id: str, doc: str) -> None:
    """Somebody wrote nonsense into an account."""
    item = world.dynamo.get_item(
        TableName=TABLE, Key={"pk": {"S": f"A#{account_id}"}, "sk": {"S": "A"}}
    )["Item"]
    world.dynamo.put_item(TableName=TABLE, Item={**item, "doc": {"S": doc}})


def touch(world: World, account_id: str) -> None:
    """Somebody else changes an account that stays as it is."""
    stored = world.table.get(account_id)
    assert stored is not None
    world.table.update(Change(stored, stored.account, NOW - AMPLE, ()))


# ----------------------------------------------------------------------------- the books


def test_whoever_is_silent_for_want_of_a_rule_is_counted_for_the_alarm() -> None:
    """The holidays of a year that nobody loaded silence a whole country."""
    world = World()
    about = Provenance("test")
    everybody = Recipients(about, allow=("debtor",))
    layer = Layer("law", "country", everybody, holidays=Holidays(about, "CO"))
    lacking = Policy((layer,), {"CO": Calendar("CO", (2025,), ())})
    world.rulebooks = OneRulebook(sealed(replace(rulebook(), contact_policies={"*": lacking})))
    world.put(debtor("silent"))
    world.put(debtor("waits", receivable(late=1)))
    asked = replace(SHARD, rulebook=world.rulebooks.in_force)
    totals = world.escalate()(asked, lambda: AMPLE)
    assert totals == Totals(looked_at=2, waited=2, silenced=1)
    assert totals.add_up


def test_invariant_9_the_totals_say_what_became_of_everybody() -> None:
    world = World()
    world.put(debtor("acts"))
    world.put(debtor("waits", receivable(late=1)))
    world.put(replace(debtor("held"), holds=(Hold("h", "dispute", NOW.date()),)))
    world.put(debtor("small", receivable(open_minor=100)))
    world.put(debtor("broken"))
    spoil(world, "broken", "{}")
    world.put(debtor("later"), NOW + timedelta(seconds=1))
    world.put(debtor("now"), NOW)
    found = escalate(world)
    assert msgspec.to_builtins(found) == {
        "looked_at": 6,
        "acted": 2,
        "waited": 1,
        "held": 1,
        "skipped": {"below_threshold": 1},
        "failed": 1,
        "issued": 0,
        "not_issued": 0,
        "silenced": 0,
    }
    assert world.totals(NOW) == found


def test_many_pages_add_up() -> None:
    world = World()
    for number in range(2 * PAGE + 30):
        world.put(debtor(f"a{number}", receivable(f"r{number}")))
    assert escalate(world).acted == 2 * PAGE + 30
    assert world.totals(NOW).looked_at == 2 * PAGE + 30
    assert len(world.sqs.queues["email"]) == 2 * PAGE + 30
    assert len(world.table.documents("RUN#2026-09-07T15:00:00Z", "P#")) == 3


def test_an_account_counts_once_in_a_run_however_often_its_shard_is_looked_at() -> None:
    world = World()
    world.put(debtor())
    escalate(world)
    world.clock.at = NOW
    world.work_off()  # delivered at the run's own instant, as in a replay
    assert escalate(world).looked_at == 0
    assert world.totals(NOW).looked_at == 1


def test_invariant_7_whoever_is_looked_at_has_a_next_look() -> None:
    world = World()
    world.put(debtor())
    world.put(debtor("small", receivable(open_minor=100)))
    world.put(replace(debtor("paid"), receivables=()))
    escalate(world)
    looks = {pk: item.get("look_at") for (pk, sk), item in world.all_items().items() if sk == "A"}
    assert looks == {
        "A#a1": {"S": "2026-09-07T15:10:00Z"},
        "A#small": {"S": "2026-10-07T05:00:00Z"},
        "A#paid": None,
    }


# ---------------------------------------------------------------- one bad account (L22)


@pytest.mark.parametrize("doc", ["", "{}", '{"account_id": 5}', "not json", "[]"])
def test_l22_a_bad_account_is_set_aside_with_its_reason_and_stops_nobody(doc: str) -> None:
    world = World()
    world.put(debtor("bad"), NOW - timedelta(days=9))
    spoil(world, "bad", doc)
    world.put(debtor())
    totals = escalate(world)
    assert (totals.acted, totals.failed, totals.looked_at) == (1, 1, 2)
    item = world.all_items()["A#bad", "A"]
    assert item["look_at"] == {"S": "2026-09-08T15:00:00Z"}  # it rests for a day
    assert item["set_aside"]["S"]
    assert item["doc"] == {"S": doc}
    assert escalate(world).looked_at == 0


def test_l22_an_account_that_the_engine_cannot_take_is_set_aside() -> None:
    world = World()
    world.put(debtor("bad"))
    world.put(debtor())
    rules = world.rulebooks.known[rulebook().version]
    bad_rules = replace(rules, contact_policies={})
    world.rulebooks.known[rulebook().version] = bad_rules
    totals = escalate(world)
    assert (totals.failed, totals.looked_at) == (2, 2)
    assert {
        item["set_aside"]["S"].split(":")[0]
        for (_, sk), item in world.all_items().items()
        if sk == "A"
    } == {"KeyError at rulebook.py"}
    assert world.waiting() == []


def test_l22_the_reason_is_kept_without_the_data() -> None:
    world = World()
    world.put(debtor("bad"))
    spoil(world, "bad", '{"account_id": "bad", "source_ref": "900123456", "name": 7}')
    escalate(world)
    why = world.all_items()["A#bad", "A"]["set_aside"]["S"]
    assert why == "ValidationError at `$.name`"
    assert world.reports == [("account_failed", {"account_id": "bad", "error": why})]


def test_an_error_is_told_by_its_kind_and_place() -> None:
    try:
        raise ValueError("ana@example.com")
    except ValueError as error:
        told = in_short(error)
    assert told.startswith("ValueError at test_escalate.py:")
    assert "ana" not in told


def test_l22_an_account_too_large_to_write_is_set_aside() -> None:
    world = World()
    world.put(debtor())
    world.put(debtor("huge"))
    item = world.all_items()["A#huge", "A"]
    world.dynamo.put_item(TableName=TABLE, Item={**item, "ballast": {"S": "x" * 408_500}})
    totals = escalate(world)
    assert (totals.acted, totals.failed) == (1, 1)
    assert world.totals(NOW).looked_at == 2


def test_a_bad_account_that_was_set_aside_before_a_crash_is_counted() -> None:
    world = World()
    world.put(debtor("bad"))
    spoil(world, "bad", "{}")
    calls = Faults()
    probe = World()
    probe.put(debtor("bad"))
    spoil(probe, "bad", "{}")
    escalate(probe, calls)
    number = calls.calls.index("update_item") + 1
    with pytest.raises(Crash):
        escalate(world, Faults(number, "after"))
    escalate(world)
    assert world.totals(NOW).failed == 1


# ------------------------------------------------------------------------------ conflicts


def batch_call(world_of: Callable[[], World]) -> int:
    calls = Faults()
    escalate(world_of(), calls)
    return calls.calls.index("batch_execute_statement") + 1


def one() -> World:
    world = World()
    world.put(debtor())
    return world


def test_an_account_that_moved_is_decided_about_again() -> None:
    world = one()

    def pays() -> None:
        stored = world.table.get("a1")
        assert stored is not None
        world.table.update(Change(stored, replace(stored.account, receivables=()), NOW, ()))

    totals = escalate(world, Faults(batch_call(one), "before", instead=pays))
    assert (totals.looked_at, totals.acted) == (1, 0)
    assert totals.skipped == {"nothing_open": 1}
    assert world.waiting() == []


def test_an_account_that_others_keep_changing_counts_as_conflict_and_stays_due() -> None:
    world = one()
    original = world.dynamo.batch_execute_statement
    tries = []

    def contended(**request: Any) -> Any:
        touch(world, "a1")
        tries.append(1)
        return original(**request)

    world.dynamo.batch_execute_statement = contended  # type: ignore[method-assign]
    totals = escalate(world)
    assert len(tries) == 3
    assert totals.skipped == {"conflict": 1}
    assert world.totals(NOW).skipped == {"conflict": 1}
    assert world.waiting() == []
    world.dynamo.batch_execute_statement = original  # type: ignore[method-assign]
    assert world.table.due("due#000", NOW, limit=10)[0][0].account_id == "a1"
    world.run(NOW + timedelta(minutes=15))
    assert len(world.ses.calls) == 1


def test_our_own_write_that_the_client_repeated_is_success() -> None:
    world = one()
    original = world.dynamo.batch_execute_statement

    def repeated(**request: Any) -> Any:
        original(**request)
        return original(**request)

    world.dynamo.batch_execute_statement = repeated  # type: ignore[method-assign]
    assert escalate(world).acted == 1
    assert world.totals(NOW).looked_at == 1
    assert len(world.sqs.queues["email"]) == 1


def test_a_throttled_statement_is_tried_again_and_the_others_are_not() -> None:
    world = one()
    world.put(debtor("a2", receivable("r2")))
    original = world.dynamo.batch_execute_statement
    sizes: list[int] = []

    def throttled(*, Statements: list[Any]) -> Any:  # noqa: N803
        sizes.append(len(Statements))
        if len(sizes) > 1:
            return original(Statements=Statements)
        done = original(Statements=Statements[:1])["Responses"]
        return {"Responses": [*done, {"Error": {"Code": "ThrottlingError", "Message": ""}}]}

    world.dynamo.batch_execute_statement = throttled  # type: ignore[method-assign]
    assert escalate(world).acted == 2
    assert sizes == [2, 1]


# ------------------------------------------------------------------------------ hand-over


def test_a_shard_is_handed_over_before_the_time_is_up() -> None:
    world = World()
    for number in range(PAGE + 50):
        world.put(debtor(f"a{number}", receivable(f"r{number}")))
    totals = escalate(world, left=lambda: timedelta(seconds=19))
    assert totals.looked_at == PAGE
    (body,) = world.sqs.queues["escalate"]
    assert msgspec.json.decode(body, type=ShardOfRun) == shard(hop=1)
    world.work_off("escalate")
    assert world.totals(NOW).looked_at == PAGE + 50


@pytest.mark.parametrize(("hop", "goes_on"), [(1999, True), (2000, False), (2001, False)])
def test_a_chain_of_hand_overs_is_bounded(hop: int, goes_on: bool) -> None:
    world = World()
    for number in range(PAGE + 50):
        world.put(debtor(f"a{number}", receivable(f"r{number}")))
    world.escalate()(shard(hop=hop), lambda: timedelta(0))
    assert world.waiting("escalate") == (["escalate"] if goes_on else [])
    assert [code for code, _ in world.reports] == ([] if goes_on else ["handover_stopped"])


def test_a_hand_over_without_progress_stops() -> None:
    world = World()
    for number in range(PAGE + 50):
        world.put(debtor(f"a{number}", receivable(f"r{number}")))
    escalate(world)
    for number in range(PAGE + 50):
        touch(world, f"a{number}")  # due again, but counted already
    world.escalate()(shard(), lambda: timedelta(0))
    assert [code for code, _ in world.reports] == ["handover_stopped"]


# --------------------------------------------------------------------- a crash and its books


def test_a_page_that_a_crash_left_open_is_counted_before_a_later_run_writes() -> None:
    """The crashed message comes back after half an hour; the next run comes after a quarter."""
    world = World()
    for number in range(3):
        world.put(debtor(f"a{number}", receivable(f"r{number}")))
    with pytest.raises(Crash):
        escalate(world, Faults(batch_call(one), "after"))
    world.run(NOW + timedelta(minutes=15))
    assert world.totals(NOW).acted == 3
    assert list(world.table.listed("open#due#000")) == []


# --------------------------------------------------------------- receivables that begin


def scheduled(world: World, account_id: str = "a1", issue_at: datetime = NOW) -> None:
    world.put(replace(debtor(account_id), receivables=()), None)
    owed = receivable(late=3)
    world.table.save(world.table.put_receivable(account_id, owed, issue_at))


def test_a_receivable_is_issued_on_its_date_and_looked_at_in_the_same_run() -> None:
    world = World()
    scheduled(world)
    totals = escalate(world)
    assert (totals.issued, totals.looked_at, totals.acted) == (1, 1, 1)
    assert [r.receivable_id for r in world.account().receivables] == ["r1"]
    (entry,) = world.table.entries("a1")
    assert (entry.kind, entry.amount_minor) == ("charge", 100_000_00)
    assert world.table.named_receivables([("a1", "r1")])["a1", "r1"].scheduled is False


@pytest.mark.parametrize(("seconds", "issued"), [(-1, 1), (0, 1), (1, 0)])
def test_a_receivable_begins_at_its_instant(seconds: int, issued: int) -> None:
    world = World()
    scheduled(world, issue_at=NOW + timedelta(seconds=seconds))
    assert escalate(world).issued == issued


def test_l22_a_receivable_that_cannot_be_issued_stops_nobody() -> None:
    world = World()
    scheduled(world, "bad", NOW - timedelta(days=1))
    spoil(world, "bad", "{}")
    world.table.save(world.table.put_receivable("nobody", receivable("r9"), NOW))
    world.put(debtor("good", receivable("r2")))
    totals = escalate(world)
    assert (totals.acted, totals.looked_at, totals.not_issued) == (1, 1, 2)
    assert world.all_items()["A#bad", "R#r1"]["look_at"] == {"S": "2026-09-08T15:00:00Z"}
    assert escalate(world).not_issued == 0


def test_a_conflict_while_issuing_is_tried_again() -> None:
    world = World()
    scheduled(world)
    calls = Faults()
    escalate(world, calls)
    number = calls.calls.index("transact_write_items") + 1
    world = World()
    scheduled(world)
    faults = Faults(number, "before", instead=lambda: touch_idle(world))
    assert escalate(world, faults).acted == 1


def touch_idle(world: World) -> None:
    stored = world.table.get("a1")
    assert stored is not None
    world.table.update(Change(stored, stored.account, None, ()))


def test_conflicts_are_conflicts() -> None:
    world = one()
    stored = world.table.get("a1")
    assert stored is not None
    touch(world, "a1")
    with pytest.raises(ConflictError):
        world.table.update(Change(stored, stored.account, NOW, ()))
