"""`escalon payments …` against an API on loopback: what is sent is signed, what comes is shown."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from msgspec.structs import replace
from typer.testing import CliRunner

from escalon.domain.rules.rulebook import Payments, Rulebook
from escalon.usecases.operators.answer_payments import AnswerOperators
from escalon.usecases.payments.suggest_matches import SuggestMatches
from escalon.usecases.runs import feeds
from escalon_cli.deployed import Deployed
from escalon_cli.local.stack import ADMINISTRATOR
from escalon_cli.main import _errors_in_words
from escalon_cli.payments import commands, show_ledger
from tests.doubles.world import NOW, receivable, rulebook
from tests.usecases.test_manage_payments import KEY, name_of
from tests.usecases.test_reconcile_payments import HEADER, MAPPING, Books, line

CALLER = "arn:aws:sts::123456789012:assumed-role/Collector/ana"
SIGNED_WITH = Credentials(*ADMINISTRATOR)
ANA = name_of("900123456")


class Desk:
    """A stack whose API answers on loopback, and whose other services are doubles."""

    def __init__(self) -> None:
        self.books = Books()
        self.minutes = 1  # that the API has for an answer
        self.broken = ""  # what API Gateway says instead
        self.deaf = False  # hangs up after the act
        self.rulebook: Rulebook = rulebook()
        self.asked: list[tuple[str, str, Any]] = []
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
        _assert_signed(handler, body)
        place = urlsplit(handler.path)
        path = place.path.removeprefix("/v1")
        self.asked.append((handler.command, path, json.loads(body) if body else None))
        parts = path.split("/")
        id_ = parts[3] if parts[1] == "payments" and len(parts) > 3 else parts[2]
        resource = path.replace(f"/{id_}", "/{id}", 1) if id_ != "unmatched" else path
        table = self.books.world.table
        api = AnswerOperators(table, self.books.manage(), SuggestMatches(table, name_of))
        answer = api(
            f"{handler.command} {resource}", {"id": id_}, dict(parse_qsl(place.query)), body,
            CALLER, lambda: timedelta(minutes=self.minutes),
        )  # fmt: skip
        if self.deaf:
            handler.connection.close()
            return
        status, told = answer.status, msgspec.json.encode(answer.body)
        if self.broken:
            status, told = 403, json.dumps({"message": self.broken}).encode()
        handler.send_response(status)
        handler.end_headers()
        handler.wfile.write(told)

    def deployed(self, name: str) -> Deployed:
        assert name == "escalon-test"
        host, port = self.server.server_address[:2]
        outputs = {
            "ApiUrl": f"http://{host!s}:{port}/v1",
            "Table": "receivables",
            "ShardCount": "1",
            "Bucket": "bucket",
            "IdentityKeyArn": "identity",
            "ReconcileFunction": "reconcile",
            **{f"Rulebook{part}Id": part for part in ("Application", "Environment", "Profile")},
        }
        world = self.books.world
        services = {"dynamodb": world.dynamo, "s3": world.s3}
        return Deployed(name, outputs, lambda service: services.get(service, _Others(self)))

    def run(self, *words: str) -> Any:
        app = commands(self.deployed, _errors_in_words)
        return CliRunner().invoke(app, [*words, "--stack", "escalon-test"])

    def json(self, *words: str, code: int = 0) -> Any:
        done = self.run(*words, "--json")
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)


class _Others:
    """Secrets Manager, AppConfig and Lambda."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        return {"SecretString": KEY.decode()}

    def start_configuration_session(self, **_: Any) -> dict[str, str]:
        return {"InitialConfigurationToken": "token"}

    def get_latest_configuration(self, **_: Any) -> dict[str, Any]:
        self._desk.books.documents.put_rulebook(self._desk.rulebook)
        live = json.dumps({"live": self._desk.rulebook.version}).encode()

        class Body:
            def read(self) -> bytes:
                return live

        return {"Configuration": Body()}

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: str) -> None:  # noqa: N803
        assert (FunctionName, InvocationType) == ("reconcile", "Event")
        self._desk.books.reconciler()(json.loads(Payload)["key"])


def _assert_signed(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """As API Gateway does: the signature is made again from what came."""
    given = handler.headers["Authorization"]
    scheme, _, rest = given.partition(" ")
    fields = dict(part.split("=", 1) for part in rest.split(", "))
    day = handler.headers["X-Amz-Date"][:8]
    assert scheme == "AWS4-HMAC-SHA256"
    assert (
        fields["Credential"] == f"{SIGNED_WITH.access_key}/{day}/us-east-1/execute-api/aws4_request"
    )
    url = f"http://{handler.headers['Host']}{handler.path}"
    names = fields["SignedHeaders"].split(";")
    request = AWSRequest(handler.command, url, {n: handler.headers[n] for n in names}, body)
    request.context["timestamp"] = handler.headers["X-Amz-Date"]
    auth = SigV4Auth(SIGNED_WITH, "execute-api", "us-east-1")
    made = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert fields["Signature"] == made


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SIGNED_WITH.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SIGNED_WITH.secret_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    made = Desk()
    made.books.owes(receivable("r1"), account_id=ANA)
    yield made
    made.server.shutdown()
    made.server.server_close()


def owed(desk: Desk) -> dict[str, int]:
    return desk.books.open(ANA)


# ------------------------------------------------------------------------- acts


def test_a_payment_is_added_by_document_number_or_id(desk: Desk) -> None:
    done = desk.json("add", "900123456", "1500.50", "COP", "--why", "cash")
    assert (done["done"], done["account_id"]) == ("paid", ANA)
    desk.json("add", ANA, "200", "COP", "--why", "cash", "--receivable", "r1")
    assert owed(desk) == {"r1": 100_000_00 - 1_500_50 - 200_00}
    method, path, fields = desk.asked[0]
    assert (method, path) == ("POST", f"/accounts/{ANA}/payments")
    assert len(fields.pop("key")) == 32
    assert fields == {"why": "cash", "amount_minor": 150050, "currency": "COP"}


def test_each_act_has_a_key_of_its_own_unless_it_is_given(desk: Desk) -> None:
    words = ("add", ANA, "200", "COP", "--why", "cash", "--sure")
    desk.json(*words)
    desk.json(*words)
    assert owed(desk) == {"r1": 100_000_00 - 400_00}
    assert desk.json(*words, "--key", "k1")["again"] is False
    assert desk.json(*words, "--key", "k1")["again"] is True
    assert owed(desk) == {"r1": 100_000_00 - 600_00}


def test_waive_write_off_reverse_and_credit(desk: Desk) -> None:
    why = ("--why", "agreed")
    desk.json("waive", ANA, "r1", "COP", "--principal", "100", *why)
    desk.json("write-off", ANA, "r1", "COP", "--principal", "200", *why)
    paid = desk.json("add", ANA, "1000", "COP", *why, "--key", "k9")
    back = desk.json("reverse", ANA, paid["payment_id"], "r1", *why)
    assert back["credit_minor"] == 1_000_00
    used = desk.json("credit", ANA, "r1", *why, "--amount", "400", "--currency", "COP")
    assert (used["amount_minor"], used["credit_minor"]) == (400_00, 600_00)
    assert desk.json("credit", ANA, "r1", *why, "--payment", "manual:k9")["credit_minor"] == 0
    assert owed(desk) == {"r1": 100_000_00 - 1_300_00}
    assert desk.json("void", ANA, "manual:k9", *why)["done"] == "payment_reversed"
    assert owed(desk) == {"r1": 100_000_00 - 300_00}


def test_what_the_api_refuses_is_said_with_its_field_and_its_remedy(desk: Desk) -> None:
    done = desk.run("waive", ANA, "r1", "COP", "--principal", "30000", "--why", "agreed")
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "amounts_minor: 30000.00 COP is more than collector may give up at once" in said
    assert "ask supervisor" in said
    assert owed(desk) == {"r1": 100_000_00}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", ANA, "1.500,50", "COP", "--why", "x"), "is no amount; write it like 57850.50"),
        (("add", ANA, "1.505", "COP", "--why", "x"), "more decimals than COP has"),
        (("waive", ANA, "r1", "COP", "--why", "x"), "say how much of what"),
        (("credit", ANA, "r1", "--why", "x", "--amount", "5"), "say of which --currency"),
    ],
)
def test_what_cannot_be_right_is_not_even_sent(
    desk: Desk, words: tuple[str, ...], said: str
) -> None:
    done = desk.run(*words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())
    assert desk.asked == []


def test_an_answer_that_is_lost_leaves_the_key_to_repeat_it_with(desk: Desk) -> None:
    desk.deaf = True
    done = desk.run("add", ANA, "200", "COP", "--why", "cash")
    assert done.exit_code == 1
    key = desk.asked[0][2]["key"]
    assert f"repeat the command with --key {key}" in " ".join(done.output.split())
    desk.deaf = False
    assert desk.json("add", ANA, "200", "COP", "--why", "cash", "--key", key)["again"] is True
    assert owed(desk) == {"r1": 100_000_00 - 200_00}


def test_api_gateways_own_refusal_is_said(desk: Desk) -> None:
    desk.broken = "User is not authorized to perform execute-api:Invoke"
    done = desk.run("unmatched")
    assert done.exit_code == 1
    assert "User is not authorized" in " ".join(done.output.split())


# ------------------------------------------------------------------------- unmatched money


def test_unmatched_money_is_shown_with_suggestions_matched_and_returned(desk: Desk) -> None:
    desk.books.notice("p1", 100_000_00, "r 1")
    desk.books.notice("p2", 7_00)
    shown = desk.run("unmatched").output
    assert "wompi:p1" in "".join(shown.split())
    listed = desk.json("unmatched")
    ids = {one["payment_id"]: one["id"] for one in listed["unmatched"]}
    one = next(one for one in listed["unmatched"] if one["payment_id"] == "wompi:p1")
    assert [s["because"] for s in one["suggestions"]] == [["same_amount"]]
    why = ("--why", "they called")
    done = desk.json("match", ids["wompi:p1"], "900123456", *why, "--receivable", "r1")
    assert (done["done"], done["settles"][0]["receivable_id"]) == ("matched", "r1")
    assert desk.json("return", ids["wompi:p2"], *why)["done"] == "returned"
    assert desk.json("unmatched")["unmatched"] == []
    assert owed(desk) == {}


def test_what_the_api_had_no_time_for_is_looked_up_here(desk: Desk) -> None:
    desk.books.notice("p1", 100_000_00)
    desk.minutes = 0
    quick = desk.run("unmatched")
    assert "--everywhere does" in quick.output
    assert desk.json("unmatched")["unmatched"][0]["suggestions"] == []
    found = desk.json("unmatched", "--everywhere")
    assert found["looked_at_all"] is True
    (suggestion,) = found["unmatched"][0]["suggestions"]
    assert (suggestion["account_id"], suggestion["because"]) == (ANA, ["same_amount"])


# ------------------------------------------------------------------------- files, feeds, ledger


def reconcile(desk: Desk, tmp_path: Path, *lines: str, mapping: str = MAPPING) -> Any:
    (tmp_path / "wompi.yaml").write_text(mapping, encoding="utf-8")
    (tmp_path / "day.csv").write_text("\n".join((HEADER, *lines, "")), encoding="utf-8")
    mapped = ("--mapping", str(tmp_path / "wompi.yaml"))
    return desk.run("reconcile", "wompi", str(tmp_path / "day.csv"), *mapped)


def test_a_settlement_file_is_compared_and_its_differences_shown(
    desk: Desk, tmp_path: Path
) -> None:
    desk.books.told("p1", 400_00, "nobody")
    good = reconcile(desk, tmp_path, line("p1"))
    assert (good.exit_code, "agreed" in good.output) == (0, True)
    bad = reconcile(desk, tmp_path, line("p1", "401"), line("p2"))
    assert bad.exit_code == 2
    assert [word in bad.output for word in ("missing", "different", "unmatched")] == [True] * 3
    assert "s3://bucket/reports/reconciliation/wompi/" in "".join(bad.output.split())
    refused = reconcile(desk, tmp_path, line("p1"), mapping="file: {type: x}")
    assert refused.exit_code == 1
    assert "file.type" in refused.output


def test_feeds_are_shown_with_their_age(desk: Desk) -> None:
    own = {
        name: replace(creditor, feeds=("bank", "wompi"))
        for name, creditor in desk.rulebook.creditors.items()
    }
    payments = Payments(feeds={"bank": 36, "wompi": 36})
    desk.rulebook = replace(desk.rulebook, creditors=own, payments=payments)
    feeds.told(desk.books.world.table, "bank", datetime.now(NOW.tzinfo), None)
    shown = desk.run("feeds").output.splitlines()
    assert any("bank" in row and "fresh" in row for row in shown)
    assert any("wompi" in row and "never" in row for row in shown)


def test_the_ledger_is_shown_with_what_each_payment_settles(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.json("add", ANA, "100200", "COP", "--why", "cash", "--key", "k1")
    there = desk.deployed("escalon-test")
    show_ledger(there, "900123456", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["credits_minor"] == {"andina|COP": 200_00}
    assert sorted((e["kind"], e["amount_minor"]) for e in found["entries"]) == [
        ("charge", 100_000_00), ("payment", -100_000_00), ("payment", -200_00),
    ]  # fmt: skip
    show_ledger(there, ANA, as_json=False)
    assert "manual:k1" in capsys.readouterr().out
    with pytest.raises(LookupError):
        show_ledger(there, "nobody", as_json=False)
