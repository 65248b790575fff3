"""`escalon letters`: a PDF of each letter that may be posted, and of no other."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from escalon.domain.account import Account, Hold
from escalon.domain.contact.brakes import Brake, Brakes
from escalon.usecases.runs.manage_brakes import BRAKES_KEY
from escalon_cli.letters import written
from tests.doubles.world import NOW, World
from tests.rules.books import shipped
from tests.rules.test_book import stack
from tests.usecases.test_write_letter import TASK, owing


def with_letters(account: Account, folder: Path, *, stopped: bool = False) -> list[str]:
    """What is written of two letter tasks, of which one was posted."""
    there = stack(shipped().version)
    world = World()
    there.table = world.table
    there.documents.put_rulebook(shipped())
    world.put(account)
    posted = replace(TASK, task_id="t0", closed_at=NOW, outcome="posted")
    for task in (posted, TASK):
        world.table.save(world.table.put_document("A#a1", f"T#{task.task_id}", task))
    brake = Brake("channel", NOW, "ana", "a [wrong] price", "letter")
    brakes = Brakes((brake,)) if stopped else Brakes()
    world.table.save(world.table.put_document(*BRAKES_KEY, brakes))
    return [path.name for path in written(there, "a1", folder, NOW)]


def test_what_may_be_posted_is_written_and_what_may_not_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert with_letters(owing(), tmp_path) == ["last-notice-t1.pdf"]
    assert (tmp_path / "last-notice-t1.pdf").read_bytes().startswith(b"%PDF-")
    assert capsys.readouterr().out == ""

    insolvent = owing(holds=(Hold("h", "insolvency", NOW.date()),))
    assert with_letters(insolvent, tmp_path / "none") == []
    said = " ".join(capsys.readouterr().out.split())
    assert "• last-notice: do not post it: the account is on hold (insolvency)" in said
    assert list((tmp_path / "none").iterdir()) == []

    assert with_letters(owing(), tmp_path / "none", stopped=True) == []
    said = " ".join(capsys.readouterr().out.split())
    assert "(channel:letter) since Monday 7 September 2026, 10:00: ana; " in said
    assert "because: a [wrong] price" in said
