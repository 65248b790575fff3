"""A statutory notice that was given outside: noted once, with its proof, by a person."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.domain.contact.facts import Notice
from escalon.usecases.contact.note_notice import NoteNotice, NoteNotices
from escalon.usecases.operators.acts import ActRefusedError, Person
from tests.doubles.crashing import Crash, Faults, When
from tests.doubles.world import NOW, World, receivable

ANA = Person("arn:aws:iam::1:user/ana", "collector")
WHEN: tuple[When, ...] = ("before", "after")
GIVEN = NOW - timedelta(days=3)
ORDER = NoteNotice("k1", "letter delivered", "a1", "r1", "bureau_notice", GIVEN, "guide 7")


@dataclass
class Desk:
    world: World

    def note(self, order: NoteNotice = ORDER, faults: Faults | None = None) -> bool:
        return NoteNotices(self.world._table(faults or Faults()), self.world.clock)(order, ANA)

    def notices(self) -> list[Notice]:
        (owed,) = self.world.account().receivables
        return list(owed.notices)


@pytest.fixture
def desk() -> Desk:
    world = World()
    world.owe(receivable())
    return Desk(world)


def test_it_stands_on_the_receivable_with_its_proof_and_in_the_audit_log(desk: Desk) -> None:
    assert desk.note()
    assert desk.notices() == [Notice("bureau_notice", GIVEN, "guide 7")]
    (act,) = desk.world.table.acts(NOW.date(), NOW.date())
    assert (act.did, act.who, act.why) == ("notice_noted", ANA.who, "letter delivered")
    assert act.about == {"account_id": "a1", "receivable_id": "r1"}
    fact = desk.world.facts("a1")[-1]
    assert (fact["fact"], fact["notice"]) == ("notice_noted", "bureau_notice")
    assert "letter" not in str(fact)
    assert "guide" not in str(fact)


def test_repeated_it_is_noted_once(desk: Desk) -> None:
    assert [desk.note(), desk.note()] == [True, False]
    assert len(desk.notices()) == 1


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"proof": " "}, "wrong"),
        ({"notice": "friendly_words"}, "wrong"),
        ({"given_at": NOW + timedelta(hours=1)}, "wrong"),
        ({"given_at": GIVEN.replace(tzinfo=None)}, "wrong"),
        ({"receivable_id": "r9"}, "not_found"),
        ({"account_id": "a9"}, "not_found"),
    ],
)
def test_what_cannot_be_noted_changes_nothing(
    desk: Desk, wrong: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ActRefusedError) as error:
        desk.note(replace(ORDER, **wrong))
    assert error.value.fault == fault
    assert desk.notices() == []


def test_a_key_of_another_act_is_refused(desk: Desk) -> None:
    desk.note()
    with pytest.raises(ActRefusedError):
        desk.note(replace(ORDER, proof="guide 8"))
    assert len(desk.notices()) == 1


def test_killed_at_any_call_and_repeated_it_is_noted_once() -> None:
    order = Faults()
    first = World()
    first.owe(receivable())
    Desk(first).note(faults=order)
    for place in range(1, len(order.calls) + 1):
        for when in WHEN:
            world = World()
            world.owe(receivable())
            desk = Desk(world)
            with pytest.raises(Crash):
                desk.note(faults=Faults(place, when))
            desk.note()
            assert desk.notices() == [Notice("bureau_notice", GIVEN, "guide 7")]
            assert len(list(world.table.acts(NOW.date(), NOW.date()))) == 1
