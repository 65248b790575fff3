"""The audit log and the counters, against the double, moto and the embedded AWS."""

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from escalon.adapters.table import Table
from escalon.domain.audit import Act
from escalon.domain.storage import AlreadyDoneError, ConflictError

AT = datetime(2026, 9, 7, 23, 59, 59, tzinfo=UTC)
ACT = Act("k1", AT, "arn:aws:iam::1:user/ana", "stopped", "why", {"brake": "all"}, "operator")
DAY = date(2026, 9, 7)
EXPIRES = AT + timedelta(days=3)


def test_acts_come_back_by_their_utc_day_in_the_order_of_their_instants(table: Table) -> None:
    bogota = AT.astimezone(datetime.fromisoformat("2026-09-07T00:00:00-05:00").tzinfo)
    acts = [
        replace(ACT, act_id="late", at=bogota),
        replace(ACT, act_id="next day", at=AT + timedelta(seconds=1)),
        replace(ACT, act_id="early", at=AT - timedelta(hours=5)),
    ]
    for act in acts:
        table.save(table.put_act(act), new=True)
    assert [act.act_id for act in table.acts(DAY, DAY)] == ["early", "late"]
    assert [act.act_id for act in table.acts(DAY, DAY + timedelta(days=1))] == [
        *("early", "late", "next day")
    ]
    assert list(table.acts(DAY - timedelta(days=9), DAY - timedelta(days=1))) == []
    (found,) = table.acts(DAY + timedelta(days=1), DAY + timedelta(days=1))
    assert found == acts[1]


def test_an_act_is_written_once_and_never_again(table: Table) -> None:
    table.save(table.put_act(ACT), new=True)
    with pytest.raises(AlreadyDoneError):
        table.save(table.put_act(replace(ACT, why="another reason")), new=True)
    (found,) = table.acts(DAY, DAY)
    assert found.why == "why"


def test_an_act_and_its_effect_are_written_together_or_not_at_all(table: Table) -> None:
    def effect(version: int) -> dict[str, object]:
        return table.versioned(table.put_document("BRAKES", "BRAKES", {"v": version}), version)

    table.transact(effect(0), table.put_act(ACT))
    with pytest.raises(ConflictError):
        table.transact(effect(0), table.put_act(replace(ACT, act_id="k2")))
    with pytest.raises(AlreadyDoneError):
        table.transact(effect(1), table.put_act(ACT))
    assert table.load("BRAKES", "BRAKES") == {"v": 0}
    assert [act.act_id for act in table.acts(DAY, DAY)] == ["k1"]


def test_a_counter_counts_up_to_its_cap_and_down_again(table: Table) -> None:
    counted = [table.count("SENT#x", "hour#1", 1, most=3, expires=EXPIRES) for _ in range(5)]
    assert counted == [True, True, True, False, False]
    assert table.counted("SENT#x", "hour#") == {"hour#1": 3}
    assert table.count("SENT#x", "hour#1", -1, expires=EXPIRES)
    assert table.count("SENT#x", "hour#1", 1, most=3, expires=EXPIRES)
    assert not table.count("SENT#x", "hour#2", 1, most=0, expires=EXPIRES)
    assert table.counted("SENT#x", "hour#") == {"hour#1": 3}
