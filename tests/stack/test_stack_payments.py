"""A payment on a real deployment: posted with its provider's signature, it moves a balance, the
next message is gone, and the account's story tells it. Forged, it is refused."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3
from typer.testing import CliRunner

from escalon.domain.account import Account
from escalon_cli import payment_secrets
from escalon_cli.main import app
from escalon_cli.publish import publish
from escalon_cli.replay import verify_senders
from escalon_cli.stack import PROJECT, StackInfo
from tests.stack.driving import Driver
from tests.stack.test_stack_collects import BOOK_MAPPING

VECTORS = PROJECT / "tests" / "providers" / "webhook_vectors.json"
SIGNED_AT = "2026-09-21T14:13:22Z"  # two seconds after the vector's signature
RUN = "2026-09-21T14:15:00Z"  # 09:15 in Bogotá, a Monday

BOOK = """\
document,name,segment,mobile,invoice,issued,due,amount
75000001,Gloria Díaz,consumer,+573000000751,FAC-2026-000123,2026-08-20,2026-09-18,"150,000.00"
75000002,Hugo Soto,consumer,+573000000752,FAC-2026-000124,2026-08-20,2026-09-18,"150,000.00"
"""


@dataclass
class Paid:
    """What was answered, and what became of it."""

    answers: list[tuple[int, str]]
    payer: Account
    other: Account
    entries: list[tuple[str, int]]
    said: str


def vector() -> dict[str, Any]:
    cases = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
    wanted = ("stripe", "approved_cop_150000")
    return next(case for case in cases if (case["provider"], case["name"]) == wanted)


@pytest.fixture(scope="module")
def paid(stack: StackInfo) -> Paid:
    driver = Driver(stack)
    deployed = driver.deployed
    verify_senders(deployed, publish(deployed, PROJECT / "config"))
    case = vector()
    payment_secrets.add(deployed, "andina-stripe", case["secrets"][0])
    driver.at(SIGNED_AT)
    mapping = BOOK_MAPPING
    report = driver.imported("payers.csv", "payers", mapping, BOOK.encode())
    assert (report["state"], report["refused"]) == ("done", 0)
    body = base64.b64decode(case["api_gateway"]["body"])
    http, url = urllib3.PoolManager(), f"{deployed.outputs['ApiUrl']}/webhooks/andina-stripe"

    def post(content: bytes) -> tuple[int, str]:
        answer = http.request("POST", url, body=content, headers=case["headers"])
        return answer.status, answer.data.decode()

    forged = body.replace(b"15000000", b"25000000")
    answers = [post(forged), post(body), post(body)]
    driver.swept(RUN)
    payer, other = (deployed.account_id(document) for document in ("75000001", "75000002"))
    driver.facts_of(payer, "paid")
    told = CliRunner().invoke(app, ["explain", "75000001", "--stack", stack.name, "--locale", "en"])
    assert told.exit_code == 0, told.output
    accounts = deployed.table.get_many([payer, other])
    return Paid(
        answers,
        accounts[payer].account,
        accounts[other].account,
        [(e.kind, e.amount_minor) for e in deployed.table.entries(payer)],
        " ".join(told.output.split()),
    )


def test_l25_a_forged_notice_is_refused_and_a_repeated_one_counts_once(paid: Paid) -> None:
    assert paid.answers == [(401, "not_authentic"), (200, "booked"), (200, "again")]


def test_the_notice_moves_the_balance(paid: Paid) -> None:
    assert sorted(paid.entries) == [("charge", 15_000_000), ("payment", -15_000_000)]
    assert paid.payer.receivables == ()


def test_l7_who_has_paid_hears_nothing_more(paid: Paid) -> None:
    assert [contact.channel for contact in paid.other.contacts] == ["sms"]
    assert paid.payer.contacts == ()


def test_the_story_tells_it(paid: Paid) -> None:
    assert "nothing is open" in paid.said
    assert "payment andina-stripe:pi_3Q0aTESTcobro01 of COP 150,000.00" in paid.said
