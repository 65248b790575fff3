"""`escalon explain` for any instant, by any rulebook, and `escalon account`: the whole story."""

from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from msgspec.structs import replace
from typer.testing import CliRunner

from escalon.adapters.bus import Bus
from escalon.adapters.documents import Documents
from escalon.adapters.history import History
from escalon.domain.decisions.story import timeline
from escalon.usecases.record_history import RecordHistory
from escalon_cli.account import Explanation, explanation, register
from escalon_cli.deployed import Deployed
from tests.doubles.aws import Events
from tests.doubles.dynamodb import DynamoDb
from tests.doubles.world import NOW, World, debtor, receivable, rulebook

SUNDAY = NOW - timedelta(days=1)
LATER = NOW + timedelta(days=30)


def lived() -> tuple[World, Deployed]:
    """Somebody whose reminder was due on a Sunday and went out on Monday; with their history."""
    world = World(now=SUNDAY - timedelta(hours=1))
    world.put(replace(debtor(), receivables=()), None)
    world.owe(receivable())
    world.run(SUNDAY)
    world.run(NOW)
    return world, recorded(world)


def recorded(world: World) -> Deployed:
    """The stack as the command line sees it, its history recorded."""
    history = History(DynamoDb(), "history")
    images = [i for i in world.dynamo.stream if "facts" in i and i["pk"]["S"].startswith("A#")]
    RecordHistory(history, Bus(Events(), "facts"))(images)
    documents = Documents(world.s3, "bucket")
    documents.put_rulebook(rulebook())
    stack = Deployed("test", {}, lambda _: None)
    stack.__dict__ |= {"table": world.table, "history": history, "documents": documents}
    stack.__dict__["_identity_key"] = b"secret"
    return stack


def asked(
    stack: Deployed, at: datetime | None, rules: str = "", now: datetime = LATER
) -> Explanation:
    return explanation(stack, "a1", at, rules, now, "en")


def test_an_instant_of_the_past_is_about_the_account_as_it_was() -> None:
    """Before the message went out the step was due; a minute later it is behind (L5)."""
    _, stack = lived()
    before = asked(stack, NOW - timedelta(seconds=1))
    assert (before.decision.outcome, before.decision.step) == ("act", "friendly")
    after = asked(stack, NOW + timedelta(minutes=1))
    assert (after.decision.outcome, after.decision.step) == ("wait", "")
    assert after.state is not None
    assert [*after.state.account.receivables[0].steps] == ["friendly"]
    assert after.rulebook == rulebook()  # the one that decided then


def test_the_next_step_is_told_with_its_day_and_its_rule() -> None:
    _, stack = lived()
    found = asked(stack, NOW + timedelta(hours=2))
    assert found.next is not None
    assert (found.next.step, found.next.channel) == ("firm", "email")
    assert found.next.at.date().isoformat() == "2026-09-14"
    assert found.next_rule.startswith("escalation.yaml:")
    assert found.rule == "" or found.rule.startswith("escalation.yaml:")


def test_another_rulebook_is_asked_about_the_same_account() -> None:
    _, stack = lived()
    folder = Path(__file__).parents[1] / "usecases" / "rulebook"
    assert (
        asked(stack, NOW + timedelta(hours=2), str(folder)).rulebook.version == rulebook().version
    )


def test_what_would_have_to_happen_is_said() -> None:
    world, _ = lived()
    account = world.account()
    world.put(replace(account, points=()))
    now = NOW + timedelta(hours=1)
    found = asked(recorded(world), NOW + timedelta(days=8), rulebook().version, now)
    assert any("a contact point with consent is needed" in line for line in found.needed)


def test_before_anything_was_kept_it_says_so() -> None:
    _, stack = lived()
    found = asked(stack, NOW - timedelta(days=60), rulebook().version)
    assert found.state is None
    assert found.since is not None


def test_nobody_is_named_who_is_not_there() -> None:
    _, stack = lived()
    with pytest.raises(LookupError, match="there is no account 4711"):
        explanation(stack, "4711", None, "", LATER, "en")


def command(stack: Deployed, *words: str) -> Any:
    app = typer.Typer()
    register(app, lambda _: stack, nullcontext)
    return CliRunner().invoke(app, list(words))


def test_the_story_is_one_line_for_each_thing_that_happened() -> None:
    _, stack = lived()
    shown = command(stack, "account", "a1", "--locale", "en")
    assert shown.exit_code == 0, shown.output
    moments = timeline(stack.history.of("a1"), locale="en", zones=("America/Bogota",))
    assert [moment.kind for moment in moments] == ["money", "decision", "message", "message"]
    assert moments[1].said == (
        "waits: step friendly has been due since 6 September 2026: receivable r1 is 2 days past due"
    )
    assert "was charged: r1" in shown.output
    assert "step friendly was sent" in shown.output
    # Which rule made it wait on Sunday, and until when.
    assert any(line.startswith("email: ") for line in moments[1].more), moments[1].more
    assert any("Monday 7 September 2026" in line for line in moments[1].more)


def test_the_page_stands_alone_and_escapes_what_it_shows(tmp_path: Path) -> None:
    world, _ = lived()
    stored = world.table.get("a1")
    assert stored is not None
    world.put(replace(world.account(), name="<script>alert(1)</script>"))
    file = tmp_path / "story.html"
    shown = command(recorded(world), "account", "a1", "--html", str(file), "--locale", "es")
    assert shown.exit_code == 0, shown.output
    page = file.read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert '<html lang="es">' in page
    assert "se envió el paso friendly" in page
    assert "http" not in page.replace("https://", "http")[:200]


def test_explain_prints_rule_and_reasons() -> None:
    _, stack = lived()
    at = (NOW + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S")
    shown = command(stack, "explain", "a1", "--at", at, "--locale", "en",
                    "--rules", rulebook().version)  # fmt: skip
    assert shown.exit_code == 0, shown.output
    assert "if nothing else happens, the next step" in shown.output
    assert "firm (email)" in shown.output
