"""`escalon promise` and `escalon agreements …` against the API of agreements on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import typer
from typer.testing import CliRunner

from escalon_cli.agreements import register
from escalon_cli.deployed import Deployed
from escalon_cli.main import _errors_in_words
from tests.doubles.world import receivable
from tests.usecases.agreements_http import AgreementsHttp

# What `account_id_of` of the command line takes for an id as it is.
ANA = "a" * 25


class Desk:
    """A stack whose API of agreements answers on loopback."""

    def __init__(self) -> None:
        self.http = AgreementsHttp()
        self.asked: list[tuple[str, str]] = []
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                desk._answer(self, None)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                desk._answer(self, self.rfile.read(length).decode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.app = typer.Typer()
        self.app.callback()(lambda: None)
        register(self.app, lambda _: self.deployed, _errors_in_words)

    @property
    def deployed(self) -> Deployed:
        url = f"http://127.0.0.1:{self.server.server_port}"
        return Deployed("local", {"ApiUrl": url}, lambda _: None)

    def _answer(self, request: BaseHTTPRequestHandler, body: str | None) -> None:
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query)) or None
        self.asked.append((request.command, request.path))
        path = parts.path.replace(ANA, "a1")
        status, _, answer = self.http.raw(request.command, path, body, query=query)
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def runs(self, *words: str, role: str = "agent") -> tuple[int, str]:
        """Exit code and what is shown, on a wide terminal."""
        self.http.role = role
        result = CliRunner().invoke(self.app, list(words), env={"COLUMNS": "160"})
        return result.exit_code, result.output

    def json(self, *words: str, role: str = "agent") -> Any:
        code, shown = self.runs(*words, "--json", role=role)
        assert code == 0, shown
        return json.loads(shown)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.server.shutdown()


def test_a_promise_made_by_phone_is_one_command(desk: Desk) -> None:
    code, shown = desk.runs("promise", ANA, "300000", "2026-09-18", "--who", "Ana herself")
    assert code == 0, shown
    assert "active" in shown
    assert "300,000.00 COP" in shown
    made = desk.http.world.agreement()
    assert made.accepted is not None
    assert (made.kind, made.accepted.channel, made.accepted.note) == (
        "promise",
        "phone",
        "promised by Ana herself",
    )


def test_all_of_it_can_be_promised_without_naming_an_amount(desk: Desk) -> None:
    made = desk.json("promise", ANA, "all", "2026-09-18", "--receivable", "r1")
    assert (made["total_minor"], list(made["debts"])) == (300_000_00, ["r1"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["promise", ANA, "5", "2026-09-18"], "amount_minor: the amount has to be"),
        (["promise", ANA, "many", "2026-09-18"], "'many' is no amount of COP"),
        (["promise", ANA, "all", "18/09/2026"], "'18/09/2026' is no date"),
        (["promise", ANA, "all", "2027-09-18"], "first_on: the date can be"),
        (["agreements", "show", ANA, "g9"], "there is no such agreement"),
        (["agreements", "offer", ANA, "--offer", "plan"], "say when the first payment is due"),
        (
            ["agreements", "offer", ANA, "--offer", "x", "--first-on", "2026-09-18"],
            "offer: this is not on offer for this account",
        ),
        (
            [
                *("agreements", "offer", ANA, "--offer", "settlement"),
                *("--first-on", "2026-09-15", "--discount", "interest"),
            ],
            "'interest' is no discount",
        ),
    ],
)
def test_what_is_wrong_is_said_in_words(desk: Desk, words: list[str], said: str) -> None:
    code, shown = desk.runs(*words)
    assert code != 0
    assert said in " ".join(shown.split())


def test_debts_of_several_creditors_have_to_be_told_apart(desk: Desk) -> None:
    desk.http.world.owe(receivable("r2", late=20, creditor="boreal"))
    code, shown = desk.runs("promise", ANA, "all", "2026-09-18")
    assert (code != 0, "one creditor in one currency" in " ".join(shown.split())) == (True, True)
    made = desk.json("promise", ANA, "all", "2026-09-18", "--creditor", "boreal")
    assert made["creditor"] == "boreal"


def test_what_may_be_offered_is_shown_before_anything_is(desk: Desk) -> None:
    code, shown = desk.runs("agreements", "offer", ANA)
    assert code == 0, shown
    assert "owed to andina on 2026-09-07: 300,000.00 COP (r1)" in shown
    rows = [line.split() for line in shown.splitlines() if "2026-10" in line]
    assert ["plan", "3", "month", "2026-10-07", "300,000.00", "COP"] in rows
    assert desk.http.world.account().agreements == ()


def test_a_plan_from_its_offer_to_its_end(desk: Desk) -> None:
    offered = desk.json(
        *("agreements", "offer", ANA, "--offer", "plan", "--first-on", "2026-09-15"),
        *("--instalments", "20", "--why", "the debtor asked for it"),
    )
    assert (offered["state"], offered["approval"]) == ("offered", ["supervisor"])
    name = offered["agreement_id"]
    code, shown = desk.runs("agreements", "accept", ANA, name, "--by", "office", "--note", "signed")
    assert (code, "waits for approval" in shown) == (0, True)
    code, shown = desk.runs("agreements", "approve", ANA, name, "--why", "a good payer")
    assert code != 0
    code, shown = desk.runs(
        "agreements", "approve", ANA, name, "--why", "a good payer", role="supervisor"
    )
    assert (code, "active" in shown) == (0, True)
    code, shown = desk.runs("agreements", "list", ANA)
    assert code == 0
    assert f"{name}" in shown
    assert "plan, 20 instalments" in shown
    code, shown = desk.runs("agreements", "history", ANA, name)
    assert [word in shown for word in ("offered", "accepted", "active", "a good payer")] == [
        True
    ] * 4
    code, shown = desk.runs("agreements", "cancel", ANA, name, "--why", "by mistake")
    assert (code, "cancelled" in shown) == (0, True)


def test_an_act_whose_answer_was_lost_is_repeated_by_its_key(desk: Desk) -> None:
    first = desk.json("promise", ANA, "all", "2026-09-18", "--key", "k1")
    again = desk.json("promise", ANA, "all", "2026-09-18", "--key", "k1")
    assert (again["agreement_id"], first["again"], again["again"]) == (
        first["agreement_id"],
        False,
        True,
    )


def test_who_has_agreed_on_nothing_has_an_empty_list(desk: Desk) -> None:
    assert desk.runs("agreements", "list", ANA) == (0, "nothing was agreed with this account\n")
