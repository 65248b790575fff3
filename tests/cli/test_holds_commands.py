"""`escalon holds …` and what `explain` says of holds."""

import json
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from escalon.domain.account import Hold
from escalon_cli.deployed import Deployed
from escalon_cli.holds import commands, held
from escalon_cli.openapi import description
from tests.doubles.world import debtor, rulebook
from tests.usecases.agreements_http import AgreementsHttp

ACCOUNT = "a" + "b" * 24
PROJECT = Path(__file__).parents[2]


class Desk:
    """A stack whose API answers on loopback."""

    def __init__(self) -> None:
        self.http = AgreementsHttp()
        self.http.world.put(debtor(ACCOUNT))
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                desk.answer(self, None)

            def do_POST(self) -> None:
                desk.answer(self, self.rfile.read(int(self.headers["Content-Length"])).decode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        outputs: dict[str, Any] = {"ApiUrl": url}
        self.stack = Deployed("local", outputs, lambda _: None)

    def answer(self, request: BaseHTTPRequestHandler, body: str | None) -> None:
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256")
        status, _, found = self.http.raw(str(request.command), request.path, body)
        request.send_response(status)
        request.end_headers()
        request.wfile.write(found)

    def run(self, *words: str) -> Result:
        app = commands(lambda _: self.stack, nullcontext)
        return CliRunner().invoke(app, [*words], env={"COLUMNS": "200"})


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.server.shutdown()


def test_a_hold_is_added_shown_and_ended(desk: Desk) -> None:
    added = desk.run(
        *("add", ACCOUNT, "dispute", "--why", "says it is paid", "--until", "2026-09-20"),
        *("--owner", "claims", "--key", "k1"),
    )
    assert added.exit_code == 0, added.output
    assert "hold-k1" in added.output
    again = desk.run(
        *("add", ACCOUNT, "dispute", "--why", "says it is paid", "--until", "2026-09-20"),
        *("--owner", "claims", "--key", "k1"),
    )
    assert "done before" in again.output
    shown = desk.run("list", ACCOUNT)
    for word in ("2026-09-20", "claims", "says it is paid", "rests", "dispute (no limit)"):
        assert word in shown.output
    ended = desk.run("end", ACCOUNT, "hold-k1", "--why", "it is not", "--key", "k2", "--json")
    assert json.loads(ended.output)["ended_why"] == "it is not"
    assert "ended by ana: it is not" in desk.run("list", ACCOUNT).output


def test_an_account_without_holds_says_so(desk: Desk) -> None:
    assert "nothing of this account rests" in desk.run("list", ACCOUNT).output


def test_what_is_refused_is_said_in_words(desk: Desk) -> None:
    refused = desk.run("add", ACCOUNT, "holiday", "--why", "x")
    assert refused.exit_code == 1
    assert str(refused.exception) == (
        "kind: the rulebook has no such kind of hold; it has: absent_from_export, dispute"
    )


def test_explain_names_the_holds_of_today_in_both_languages() -> None:
    today = date(2026, 9, 7)
    holds = (
        Hold("h1", "dispute", today, date(2026, 9, 20), "r1", owner="claims"),
        Hold("h2", "absent_from_export", today),
        Hold("h3", "dispute", date(2026, 8, 1), today),
    )
    account = replace(debtor(), holds=holds)
    assert list(held(account, rulebook(), today, "es-CO")) == [
        "dispute: r1, hasta el 2026-09-20; a cargo de claims (h1)",
        "absent_from_export: toda la cuenta, sin fecha de fin (h2)",
    ]
    assert list(held(account, rulebook(), today, "en")) == [
        "dispute: r1, until 2026-09-20; claims looks after it (h1)",
        "absent_from_export: the whole account, without an end (h2)",
    ]


def test_the_description_that_is_kept_is_that_of_the_code() -> None:
    """After a change: `escalon openapi`."""
    assert (PROJECT / "docs/openapi/agreements.json").read_text("utf-8") == description()
