"""Caps, turns and the oldest age in the whole system: what comes over a cap waits and is not lost,
however many deliver at once (lesson L8)."""

from collections import Counter as Count
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ReadTimeoutError
from msgspec.structs import replace

from escalon.authoring.rulebook import sealed
from escalon.domain.account import Account, Link
from escalon.domain.contact.pacing import ANY, Buckets, Cap, Quota
from escalon.domain.contact.rules import Exemption
from escalon.usecases.contact.deliver import Draft, Prepared, TryLaterError
from escalon.usecases.messages_between import ToDeliver
from escalon.usecases.runs.pace import keep_quotas
from tests.doubles.world import NOW, OneRulebook, World, debtor, point, receivable, rulebook
from tests.usecases import test_co_debtor_messages as co_debtors
from tests.usecases.test_deliver import refused
from tests.usecases.test_manage_brakes import ANA, STOP, manage

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)


def capped(*caps: Cap, **more: Any) -> World:
    world = World()
    world.rulebooks = OneRulebook(sealed(replace(rulebook(), caps=caps, **more)))
    return world


def book(world: World, count: int) -> None:
    for number in range(count):
        world.put(debtor(f"a{number:04d}", points=(point("email", f"a{number}@example.com"),)))


def sent_at(world: World) -> list[datetime]:
    return sorted(datetime.fromisoformat(str(m["claimed_at"])) for m in world.messages())


def all_at_once(world: World, count: int) -> list[ToDeliver]:
    """So many messages on the queue at once, as if nothing had paced them: the cap is alone."""
    book(world, count)
    version = world.rulebooks.in_force
    capped_one = world.rulebooks.known[version]
    world.rulebooks.known[version] = replace(capped_one, caps=())
    world.sweep()(NOW)
    world.work_off("escalate")
    world.rulebooks.known[version] = capped_one
    found = [msgspec.json.decode(body, type=ToDeliver) for body in world.sqs.queues["email"]]
    assert len(found) == count
    return found


def run_for(world: World, hours: int) -> None:
    """Runs every quarter of an hour, as SQS hands messages out after their time."""
    for number in range(hours * 4):
        world.run(NOW + number * QUARTER)


# ----------------------------------------------------------------------------------------- caps


def test_l8_what_comes_over_a_cap_waits_for_the_next_hour_and_is_not_lost() -> None:
    world = capped(Cap("email", per_day=7))
    book(world, 20)
    for day in range(5):
        for hour in range(13):
            world.run(NOW + timedelta(days=day, hours=hour))
    by_day = Count(at.date() for at in sent_at(world))
    assert sum(by_day.values()) == len(world.ses.calls) == 20
    assert max(by_day.values()) <= 7
    assert len(by_day) == 3
    assert {m["state"] for m in world.messages()} == {"sent"}


def test_what_waits_says_by_which_cap_and_until_when() -> None:
    world = capped(Cap("email", per_day=1))
    first, second = all_at_once(world, 2)
    assert world.deliver("email")(first) == "sent"
    assert world.deliver("email")(second) == "capped"
    (told,) = world.facts(second.account_id, "withdrawn")
    assert told["reasons"] == [
        {
            "code": "cap_reached",
            "params": {
                "cap": "email|*",
                "most": 1,
                "step": "friendly",
                "until": "2026-09-08T05:00:00Z",
            },
        }
    ]
    stored = world.table.get(second.account_id)
    assert stored is not None
    assert stored.look_at == "2026-09-08T05:00:00Z"  # midnight in Bogotá
    assert stored.account.receivables[0].steps == {}
    assert ("cap_reached", {"cap": "email|*", "period": "day"}) in world.reports


@pytest.mark.parametrize(
    "cap", [Cap("email", per_hour=10), Cap(per_run=10), Cap("", "andina", per_day=10)]
)
def test_l8_many_deliveries_at_once_never_pass_a_cap(cap: Cap) -> None:
    world = capped(cap)
    queue = all_at_once(world, 40)
    deliveries = [world.deliver("email") for _ in range(8)]

    def work(number: int) -> list[str]:
        return [deliveries[number](message) for message in queue[number::8]]

    with ThreadPoolExecutor(8) as pool:
        became = [one for found in pool.map(work, range(8)) for one in found]
    assert (became.count("sent"), became.count("capped")) == (10, 30)
    assert len(world.ses.calls) == 10


def test_what_the_carrier_did_not_take_is_not_counted() -> None:
    world = capped(Cap("email", per_day=1))
    (message,) = all_at_once(world, 1)
    world.ses.answers.append(refused("ThrottlingException", 429))
    with pytest.raises(TryLaterError):
        world.deliver("email")(message)
    assert world.deliver("email")(message) == "sent"


def counted(world: World) -> list[str]:
    """What the counters stand at."""
    return [i["n"]["N"] for key, i in world.all_items().items() if key[0].startswith("SENT#")]


def test_what_cannot_be_written_is_not_counted() -> None:
    world = capped(Cap("email", per_day=1))
    first, second = all_at_once(world, 2)
    deliver = world.deliver("email")
    whole = deliver._courier.prepare  # type: ignore[union-attr]

    def prepare(draft: Draft) -> Prepared:
        if draft.account_id == first.account_id:
            raise ValueError
        return whole(draft)

    deliver._courier.prepare = prepare  # type: ignore[union-attr, method-assign]
    assert deliver(first) == "failed"
    assert counted(world) == ["0"]
    assert deliver(second) == "sent"
    assert counted(world) == ["1"]


def test_what_fails_before_its_claim_is_not_counted() -> None:
    world = capped(Cap("email", per_day=1))
    (message,) = all_at_once(world, 1)
    deliver = world.deliver("email")

    def keep_message(*_: object) -> str:
        raise OSError

    deliver._documents.keep_message = keep_message  # type: ignore[method-assign]
    with pytest.raises(OSError):  # noqa: PT011 - whatever it is
        deliver(message)
    assert counted(world) == ["0"]
    assert world.deliver("email")(message) == "sent"


def test_what_the_carrier_refused_or_may_have_taken_stays_counted() -> None:
    world = capped(Cap("email", per_day=3))
    first, second, third = all_at_once(world, 3)
    world.ses.answers.append(refused("MessageRejected"))
    assert world.deliver("email")(first) == "failed"
    world.ses.answers.append(ReadTimeoutError(endpoint_url="ses"))
    assert world.deliver("email")(second) == "unknown"
    assert counted(world) == ["2"]
    deliver = world.deliver("email")

    def record(*_: object) -> str:
        raise OSError

    deliver._record = record  # type: ignore[assignment, method-assign]
    with pytest.raises(OSError):  # noqa: PT011 - whatever it is
        deliver(third)
    assert counted(world) == ["3"]


def test_a_cap_costs_nothing_where_there_is_none() -> None:
    world = World()
    book(world, 1)
    world.run(NOW)
    assert not [key for key in world.all_items() if key[0].startswith(("SENT#", "PACE#"))]


# ---------------------------------------------------------------------------------------- turns


def test_messages_take_turns_and_all_of_them_go_in_order() -> None:
    """The hidden time on the queue is not played; what is planned for later is not on it at all."""
    world = capped(Cap("email", per_hour=100))  # one every 36 seconds
    book(world, 90)
    world.run(NOW)
    assert len(world.ses.calls) == 26  # whose turn is within a quarter of an hour
    waiting = [a for n in range(90) for a in world.account(f"a{n:04d}").intents]
    assert len(waiting) == 64
    assert waiting[0].send_at is not None
    told = [f["reasons"][-1]["code"] for f in world.facts("a0089", "decided")]
    assert told == ["paced"]
    for number in range(1, 4):
        world.run(NOW + number * QUARTER)
        counted = world.totals(NOW + number * QUARTER)
        assert counted.add_up
    assert len(world.ses.calls) == 90
    assert all(world.account(f"a{n:04d}").intents == () for n in range(90))
    assert {m["state"] for m in world.messages()} == {"sent"}


def test_what_would_come_after_the_window_is_not_planned_today() -> None:
    world = capped(Cap("email", per_hour=4))  # from 10:00 until the house's window closes
    book(world, 60)
    world.run(NOW)
    stored = [world.table.get(f"a{n:04d}") for n in range(60)]
    planned = [s for s in stored if s is not None and s.account.intents]
    put_off = [
        s for s in stored if s is not None and not s.account.intents and not s.account.contacts
    ]
    assert len(planned) + len(put_off) + len(world.ses.calls) == 60
    assert put_off
    assert {s.look_at for s in put_off} == {"2026-09-07T23:00:00Z"}  # 18:00 in Bogotá


def days(world: World, count: int) -> None:
    """Runs every quarter of an hour of so many days, from 10:00 until the window has closed."""
    for day in range(count):
        for number in range(33):
            world.run(NOW + timedelta(days=day) + number * QUARTER)


def test_what_was_put_off_goes_on_the_days_after() -> None:
    """What no day has room for does not take the turns of the days that follow."""
    world = capped(Cap("email", per_day=10))
    book(world, 100)
    days(world, 9)  # with a weekend, on which the window is closed
    assert [
        (str(day), many) for day, many in Count(at.date() for at in sent_at(world)).items()
    ] == [
        ("2026-09-07", 10),
        ("2026-09-08", 10),
        ("2026-09-09", 10),
        ("2026-09-10", 10),
        ("2026-09-11", 10),
        ("2026-09-14", 10),
        ("2026-09-15", 10),
    ]


def test_a_line_that_ran_away_before_is_back_the_next_day() -> None:
    world = capped(Cap("email", per_day=10))
    book(world, 15)
    away = Buckets("email", {ANY: NOW + timedelta(days=90)}, 1)
    world.table.replace(world.table.put_document("PACE#email", "PACE", away), 0)
    days(world, 3)
    assert [
        (str(day), many) for day, many in Count(at.date() for at in sent_at(world)).items()
    ] == [
        ("2026-09-08", 10),
        ("2026-09-09", 5),
    ]


def test_a_quota_that_is_nearly_used_up_today_holds_up_nobody_tomorrow() -> None:
    world = World()
    book(world, 30)
    keep_quotas(world.table, [Quota("email", 0, 200, 179, NOW)])  # one is left for the day
    world.run(NOW)
    assert len(world.ses.calls) == 1
    tomorrow = NOW + timedelta(days=1)
    keep_quotas(world.table, [Quota("email", 0, 400, 0, tomorrow)])  # one in 80 seconds
    world.run(tomorrow)
    assert len(world.ses.calls) == 1 + 12
    for number in (1, 2):
        world.run(tomorrow + number * QUARTER)
    assert len(world.ses.calls) == 30


def put_off(world: World) -> Count[str]:
    """Until when those wait who got no turn, and how many."""
    found = [world.table.get(key[0].removeprefix("A#")) for key in world.all_items()]
    return Count(
        str(stored.look_at)
        for stored in found
        if stored is not None and not stored.account.intents and not stored.account.contacts
    )


def test_each_message_waits_for_the_end_of_its_own_window() -> None:
    """On one page: debtors in two zones, and some who chose hours of their own."""
    world = capped(Cap("email", per_hour=1))
    book(world, 12)  # in Bogotá until 18:00, which is 23:00 of UTC
    for number in range(4):
        who = debtor(f"b{number}", points=(point("email", f"b{number}@example.com"),))
        world.put(replace(who, zones=("America/Los_Angeles",)))  # until 01:00 of UTC
        who = debtor(f"c{number}", points=(point("email", f"c{number}@example.com"),))
        world.put(replace(who, hours=(((600, 720),),) * 7))  # from 10:00 to 12:00 in Bogotá
    world.run(NOW)
    assert put_off(world) == {
        "2026-09-07T17:00:00Z": 2,  # two of four
        "2026-09-07T23:00:00Z": 6,  # six of twelve
        "2026-09-08T01:00:00Z": 2,  # two of four
    }


def test_a_statutory_notice_waits_for_the_end_of_the_window_of_its_kind() -> None:
    rules = rulebook()
    (strategy,) = rules.strategies
    friendly, *others = strategy.steps
    noticed = replace(friendly, gives=("validation_notice",))
    policies = {}
    for country, policy in rules.contact_policies.items():
        layers = []
        for layer in policy.layers:
            if layer.windows is not None:
                free = Exemption(layer.windows.about, ("statutory_notice",), ("windows",))
                layer = replace(layer, exempt=(free,))
            layers.append(layer)
        policies[country] = replace(policy, layers=tuple(layers))
    world = capped(
        Cap("email", per_hour=1),
        strategies=(replace(strategy, steps=(noticed, *others)),),
        contact_policies=policies,
    )
    for number in range(10):
        points = (point("email", f"d{number}@example.com"),)
        world.put(debtor(f"d{number}", receivable(late=12), points=points))
    book(world, 20)
    world.run(NOW)
    assert put_off(world) == {
        "2026-09-07T23:00:00Z": 2,  # of ten firm ones, which have the office hours
        "2026-09-08T15:15:00Z": 3,  # of twenty notices, which may go at any hour
    }


# ------------------------------------------------------------------- turns of co-debtors' messages


def with_codebtors(*others: Account, capped_by: Cap) -> World:
    """Each debtor has been written to, and a co-debtor of each is next. The cap is new."""
    world = World()
    world.rulebooks = OneRulebook(co_debtors.rules())
    for number, other in enumerate(others):
        name = f"a{number:04d}"
        who = debtor(name, points=(point("email", f"{name}@example.com"),))
        world.put(replace(who, links=(Link(other.account_id, "codebtor"),)))
        world.put(replace(other, receivables=()), None)
    world.run(NOW)
    assert len(world.ses.calls) == len(others)
    version = world.rulebooks.in_force
    world.rulebooks.known[version] = replace(world.rulebooks.known[version], caps=(capped_by,))
    return world


def codebtor(number: int, **more: Any) -> Account:
    who = debtor(f"b{number:04d}", points=(point("email", f"b{number}@example.com"),))
    return replace(who, **more)


def test_messages_to_codebtors_take_turns_in_the_channels_line() -> None:
    world = with_codebtors(*map(codebtor, range(4)), capped_by=Cap("email", per_hour=4))
    world.run(NOW + QUARTER)
    assert len(world.ses.calls) == 4 + 2  # whose turn is within a quarter of an hour
    waiting = [i for n in range(4) for i in world.account(f"a{n:04d}").intents]
    assert [(i.person[:1], i.send_at) for i in waiting] == [
        ("b", NOW + 3 * QUARTER),
        ("b", NOW + 4 * QUARTER),
    ]
    told = [f["reasons"][-1]["code"] for f in world.facts("a0003", "decided")]
    assert told[-1] == "paced"
    world.run(NOW + 2 * QUARTER)
    world.run(NOW + 3 * QUARTER)
    assert len(world.ses.calls) == 4 + 4
    assert [c.at for c in world.account("b0003").contacts] == [NOW + 3 * QUARTER]


def test_debtors_and_codebtors_wait_in_one_line() -> None:
    world = with_codebtors(*map(codebtor, range(2)), capped_by=Cap("email", per_hour=4))
    for number in range(2):
        world.put(debtor(f"c{number}", points=(point("email", f"c{number}@example.com"),)))
    world.run(NOW + QUARTER)
    assert len(world.ses.calls) == 2 + 2
    buckets = msgspec.convert(world.table.load("PACE#email", "PACE"), Buckets)
    assert buckets.next_at == {ANY: NOW + 5 * QUARTER}  # four turns


def test_each_codebtor_waits_for_the_end_of_their_own_window() -> None:
    """A cap of one an hour, from 10:15 in Bogotá on."""
    noon = (((600, 720),),) * 7  # from 10:00 to 12:00, of their own choice
    away = ("America/Los_Angeles",)  # until 18:00 there, 20:00 in Bogotá
    world = with_codebtors(
        *(codebtor(n, hours=noon) for n in range(4)),
        *(codebtor(n, country="US", zones=away) for n in range(4, 16)),
        capped_by=Cap("email", per_hour=1),
    )
    world.run(NOW + QUARTER)
    looks = Count(
        str(stored.look_at)
        for n in range(16)
        if (stored := world.table.get(f"a{n:04d}")) and not stored.account.intents
        if len(stored.account.followed) == 0
    )
    assert looks == {
        "2026-09-07T17:00:00Z": 2,  # two of four
        "2026-09-08T01:00:00Z": 4,  # eight of twelve
    }


def test_where_their_window_never_closes_the_debtors_next_day_ends_the_wait() -> None:
    """What is put off holds no step of that day back."""
    world = with_codebtors(*map(codebtor, range(20)), capped_by=Cap("email", per_hour=1))
    version = world.rulebooks.in_force
    whole = world.rulebooks.known[version]
    policies = {
        country: replace(policy, layers=tuple(replace(one, windows=None) for one in policy.layers))
        for country, policy in whole.contact_policies.items()
    }
    world.rulebooks.known[version] = replace(whole, contact_policies=policies)
    world.run(NOW + QUARTER)
    looks = Count(
        str(stored.look_at)
        for n in range(20)
        if (stored := world.table.get(f"a{n:04d}")) and not stored.account.intents
        if len(stored.account.followed) == 0
    )
    assert looks == {"2026-09-08T05:00:00Z": 6}  # midnight in Bogotá; fourteen have their turns


def test_a_message_whose_turn_has_come_is_decided_again() -> None:
    """Money that came meanwhile withdraws it (invariant 2)."""
    world = capped(Cap("email", per_hour=4))
    book(world, 3)
    world.run(NOW)
    assert len(world.ses.calls) == 2
    (waiting,) = [n for n in range(3) if world.account(f"a{n:04d}").intents]
    account = world.account(f"a{waiting:04d}")
    world.put(replace(account, receivables=()), NOW + QUARTER)
    world.run(NOW + QUARTER)
    world.run(NOW + 2 * QUARTER)
    assert len(world.ses.calls) == 2
    assert world.account(f"a{waiting:04d}").intents == ()


def test_a_stop_withdraws_what_waits_for_its_turn() -> None:
    world = capped(Cap("email", per_hour=20))
    book(world, 30)
    world.run(NOW)
    before = len(world.ses.calls)
    manage(world).stop(STOP, ANA)
    run_for(world, 4)
    assert len(world.ses.calls) == before


def test_the_carriers_quota_paces_a_run_without_any_cap() -> None:
    world = World()
    book(world, 50)
    keep_quotas(world.table, [Quota("email", 0, 200, 100, NOW)])  # 80 are left for the day
    world.run(NOW)
    first = len(world.ses.calls)
    assert 1 <= first <= 4
    run_for(world, 9)
    assert len(world.ses.calls) == 50


def test_an_old_quota_says_nothing() -> None:
    world = World()
    book(world, 5)
    keep_quotas(world.table, [Quota("email", 0, 200, 199, NOW - timedelta(hours=3))])
    world.run(NOW)
    assert len(world.ses.calls) == 5


# ------------------------------------------------------------------------------- the oldest age


def test_l8_a_message_that_is_too_old_is_withdrawn_and_decided_again() -> None:
    world = capped(send_within_hours=6)
    book(world, 1)
    world.sweep()(NOW)
    world.work_off("escalate")
    (body,) = world.sqs.queues["email"]
    message = msgspec.json.decode(body, type=ToDeliver)
    world.clock.at = NOW + 7 * HOUR
    assert world.deliver("email")(message) == "withdrawn"
    (told,) = world.facts("a0000", "withdrawn")
    assert told["reasons"][0]["code"] == "too_late_to_send"
    assert world.ses.calls == []
    world.sqs.queues["email"].clear()
    world.run(NOW + 7 * HOUR + QUARTER)
    assert len(world.ses.calls) == 1


def test_one_that_was_queued_again_is_as_old_as_its_first_decision() -> None:
    world = capped(send_within_hours=1)
    book(world, 1)
    world.sweep()(NOW)
    world.work_off("escalate")
    world.sqs.queues["email"].clear()  # lost, and queued again by the runs that follow
    for number in (1, 4):
        at = NOW + number * QUARTER
        world.clock.at = at
        world.sweep()(at)
        world.work_off("escalate")
    (intent,) = world.account("a0000").intents
    assert intent.planned_at == NOW
    message = ToDeliver("a0000", intent.intent_id)
    world.clock.at = NOW + HOUR + timedelta(seconds=1)
    assert world.deliver("email")(message) == "withdrawn"
