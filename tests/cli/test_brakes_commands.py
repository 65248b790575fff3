"""`escalon stop | resume | brakes | exclude | audit | runs | tasks` against an API on loopback."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
import typer
from msgspec.structs import replace
from typer.testing import CliRunner

from escalon.adapters.documents import Documents
from escalon.domain.contact.pacing import ANY, Buckets, Quota
from escalon.usecases.operators.answer_operations import AnswerOperations
from escalon.usecases.runs.manage_brakes import read_brakes
from escalon.usecases.runs.pace import keep_quotas
from escalon.usecases.runs.undo_run import UndoRuns
from escalon_cli import brakes, runs, tasks
from escalon_cli.deployed import Deployed
from escalon_cli.main import _errors_in_words
from tests.doubles.world import NOW, World, debtor, point, receivable, rulebook
from tests.usecases.test_manage_brakes import manage
from tests.usecases.test_manage_tasks import manage as manage_tasks

CALLER = "arn:aws:sts::123456789012:assumed-role/Operator/ana"
RUN = "2026-09-07T15:00:00Z"
ACCOUNT = "a" + "b" * 24


class Others:
    """AppConfig and SQS."""

    def start_configuration_session(self, **_: Any) -> dict[str, str]:
        return {"InitialConfigurationToken": "token"}

    def get_latest_configuration(self, **_: Any) -> dict[str, Any]:
        class Body:
            def read(self) -> bytes:
                return json.dumps({"live": rulebook().version}).encode()

        return {"Configuration": Body()}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        names = ("", "NotVisible", "Delayed")
        counts = dict(zip(names, ("30", "10", "5"), strict=True))
        return {
            "Attributes": {f"ApproximateNumberOfMessages{name}": n for name, n in counts.items()}
        }


class Desk:
    """A stack whose API answers on loopback."""

    def __init__(self) -> None:
        self.world = World()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                desk._answer(self, b"")

            def do_POST(self) -> None:
                desk._answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def _answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        place = urlsplit(handler.path)
        path = place.path.removeprefix("/v1")
        resource = path.replace(ACCOUNT, "{id}")
        world = self.world
        undo = UndoRuns(world.table, world.rulebooks, world.clock)
        answer = AnswerOperations(
            world.table, manage(world), undo, manage_tasks(world), world.clock
        )(
            f"{handler.command} {resource}",
            {"id": ACCOUNT},
            dict(parse_qsl(place.query)),
            body,
            CALLER,
            lambda: timedelta(minutes=1),
        )
        handler.send_response(answer.status)
        handler.end_headers()
        handler.wfile.write(msgspec.json.encode(answer.body))

    def deployed(self, name: str) -> Deployed:
        host, port = self.server.server_address[:2]
        outputs = {
            "ApiUrl": f"http://{host!s}:{port}/v1",
            **dict.fromkeys(runs.CHANNELS.values(), "queue"),
            **{f"Rulebook{part}Id": part for part in ("Application", "Environment", "Profile")},
        }
        stack = Deployed(name, outputs, lambda _: Others())
        documents = Documents(self.world.s3, "bucket")
        documents.put_rulebook(rulebook())
        stack.__dict__ |= {"table": self.world.table, "documents": documents}
        return stack

    def run(self, *words: str, answer: str = "", code: int = 0) -> str:
        app = typer.Typer()
        app.add_typer(runs.commands(self.deployed, _errors_in_words), name="runs")
        brakes.register(app, self.deployed, _errors_in_words)
        app.add_typer(tasks.commands(self.deployed, _errors_in_words), name="tasks")
        environment = {"COLUMNS": "200"}
        done = CliRunner().invoke(app, list(words), input=answer, env=environment)
        assert done.exit_code == code, done.output
        return " ".join(done.output.split())


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Desk()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_stop_shows_what_is_stopped_and_resume_asks_after_showing_what_would_go(
    desk: Desk,
) -> None:
    for number in range(3):
        desk.world.put(debtor(f"a{number}", points=(point("sms"),)))
    assert "stopped: channel:sms" in desk.run("stop", "--channel", "sms", "--why", "wrong number")
    listed = desk.run("brakes")
    assert "channel:sms" in listed
    assert "assumed-role/Operator/ana" in listed
    assert "wrong number" in listed
    desk.world.run(NOW)
    refused = desk.run("resume", "channel:sms", "--why", "mended", answer="n\n", code=1)
    assert "│ andina │ friendly │ sms │ 3 │" in refused
    assert len(read_brakes(desk.world.table).brakes) == 1
    said = desk.run("resume", "channel:sms", "--why", "mended", answer="y\n")
    assert "resumed: channel:sms; still stopped: nothing" in said
    assert desk.run("brakes") == "nothing is stopped"


def test_it_has_to_be_said_what_to_stop(desk: Desk) -> None:
    said = desk.run("stop", "--why", "why", code=1)
    assert "say what to stop" in said
    desk.run("stop", "--all", "--channel", "sms", "--why", "why", code=1)
    assert "they are: andina" in desk.run("stop", "--creditor", "x", "--why", "why", code=1)
    assert read_brakes(desk.world.table).brakes == ()


def test_exclude_include_and_the_audit_log(desk: Desk) -> None:
    desk.world.put(debtor(ACCOUNT))
    desk.run("exclude", ACCOUNT, "--why", "a supplier of ours")
    desk.run("include", ACCOUNT, "--why", "no more")
    log = desk.run("audit", "--from", "2026-09-07", "--to", "2026-09-07", "--account", ACCOUNT)
    assert f"excluded │ account_id={ACCOUNT} │ a supplier of ours" in log
    assert f"included │ account_id={ACCOUNT} │ no more" in log
    only = desk.run("audit", "--from", "2026-09-07", "--to", "2026-09-07", "--act", "included")
    assert "excluded" not in only


def test_runs_shows_the_books_and_what_waits(desk: Desk) -> None:
    world = desk.world
    world.put(debtor("a1"))
    world.run(NOW)
    said = desk.run("runs")
    assert f"{RUN} │ 1 │ 1 │ 0 │ 0 │ 0 │ 0 │ yes" in said
    assert "email │ 40 │ 5 │ —" in said  # nothing limits it


def test_the_backlog_says_when_all_will_have_gone(desk: Desk) -> None:
    table = desk.world.table
    keep_quotas(table, [Quota("email", 1_000, 0, 0, NOW)])
    line = Buckets("email", {ANY: NOW + timedelta(hours=2)}, 1)
    table.save(table.put_document("PACE#email", "PACE", line))
    email, sms, _ = runs.backlog(desk.deployed("x"), NOW)
    assert (email.queued, email.later, email.an_hour) == (40, 5, 3240)
    assert email.gone_by == NOW + timedelta(hours=2)
    assert (sms.an_hour, sms.gone_by) == (None, NOW)


def test_runs_undo_says_what_was_taken_back(desk: Desk) -> None:
    world = desk.world
    world.put(debtor("a1"))
    world.run(NOW)
    world.clock.at = NOW + timedelta(hours=2)
    said = desk.run("runs", "undo", RUN, "--why", "the wrong ladder", code=1)
    assert "the next run would do the same again" in said
    said = desk.run("runs", "undo", RUN, "--why", "the wrong ladder", "--sure")
    assert "steps that may be taken again │ 1" in said
    assert "corrections to approve │ 1" in said
    assert "undone" in desk.run("runs")


def test_tasks_are_listed_and_closed(desk: Desk) -> None:
    assert desk.run("tasks") == "nothing is to be done"
    phone = replace(point("sms"), channel="voice")
    desk.world.put(debtor(ACCOUNT, receivable(late=20), points=(phone,)))
    desk.world.run(NOW)
    (task,) = desk.world.tasks()
    shown = desk.run("tasks", "--kind", "call")
    assert "reached, promised, not_reached, wrong_number" in shown
    assert "call · r1 · firm_call" in shown
    assert desk.run("tasks", "--overdue") == "nothing is to be done"
    (listed,) = json.loads(desk.run("tasks", "--json"))["tasks"]
    assert (listed["task_id"], listed["account_id"]) == (task["task_id"], ACCOUNT)
    close = ("tasks", "close", task["task_id"], "--why", "called", "--key", "k1", "--outcome")
    assert "write reached or promised or not_reached" in desk.run(*close, "posted", code=1)
    done = desk.run(*close, "promised")
    assert done == f"✓ closed: promised now note the promise: escalon promise {ACCOUNT} …"
    assert "give --account if it was closed before" in desk.run(*close, "promised", code=1)
    again = desk.run(*close, "promised", "--account", ACCOUNT)
    assert "(it had been done before)" in again
    assert [contact.channel for contact in desk.world.account(ACCOUNT).contacts] == ["voice"]
