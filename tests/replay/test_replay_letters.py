"""A replay posts its letters: nothing that needs one would go on otherwise."""

import pytest
from msgspec.structs import replace

from escalon_cli.replay.play import _post_letters
from tests.cli.test_brakes_commands import ACCOUNT, Desk
from tests.doubles.world import NOW, OneRulebook, debtor
from tests.usecases.test_manage_tasks import ADDRESS, letters


def test_a_letter_is_posted_on_the_day_on_which_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    desk = Desk()
    world = desk.world
    world.rulebooks = OneRulebook(letters())
    world.put(debtor(ACCOUNT, points=(ADDRESS,)))
    world.put(replace(debtor("other"), points=()))
    world.run(NOW)
    for _ in range(2):  # what was posted is off the list
        _post_letters(desk.deployed("replay"))
    desk.server.shutdown()
    assert [(c.channel, c.at) for c in world.account(ACCOUNT).contacts] == [("letter", NOW)]
    assert [task["kind"] for task in world.table.listed("tasks")] == ["data_repair"]
    (act,) = world.table.acts(NOW.date(), NOW.date())
    assert act.about["outcome"] == "posted"
