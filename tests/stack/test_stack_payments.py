"""A payment on a real deployment: posted with its provider's signature, it moves a balance, the
next message is gone, and the account's story tells it. Forged, it is refused."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3
from typer.testing import CliRunner

from escalon.domain.account import Account
from escalon_cli import payment_secrets
from escalon_cli.local.provider_stand_in import SECRETS, Payment, webhook
from escalon_cli.local.stack import PROJECT, StackInfo
from escalon_cli.main import app
from escalon_cli.replay.play import verify_senders
from escalon_cli.waiting import until
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
    verify_senders(deployed, driver.shipped_in_force())
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
    # A secret that was put in a moment ago is known to the function a moment later.
    until("The new secret", lambda: post(forged)[0] == 401 or None, seconds=90)
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


def test_notices_of_one_account_at_the_same_time_are_all_booked_once(stack: StackInfo) -> None:
    """Twelve payments of one debtor, each told of twice, eight posts at a time."""
    driver = Driver(stack)
    deployed = driver.deployed
    driver.shipped_in_force()
    at = driver.at(RUN)
    secret = SECRETS["standard_webhooks"]
    payment_secrets.add(deployed, "cordillera-gateway", secret)
    mapping = BOOK_MAPPING.replace("always andina", "always cordillera")
    many = "".join(
        f'75000003,Inés Mora,consumer,+573000000753,FM-{n},2026-08-20,2026-09-18,"1,000.00"\n'
        for n in range(12)
    )
    report = driver.imported(
        "many.csv", "many", mapping, (BOOK.splitlines()[0] + "\n" + many).encode()
    )
    assert (report["state"], report["refused"]) == ("done", 0)
    http = urllib3.PoolManager(maxsize=8)
    url = f"{deployed.outputs['ApiUrl']}/webhooks/cordillera-gateway"

    def post(number: int) -> int:
        payment = Payment(f"many-{number}", f"FM-{number}", 1_000_00, "COP", at)
        notice = webhook("standard_webhooks", payment, at, secret)
        return http.request("POST", url, body=notice.body, headers=notice.headers).status

    # A secret that was put in a moment ago is known to the function a moment later.
    until("The new secret", lambda: post(0) == 200 or None, seconds=60)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, [n % 12 for n in range(24)]))
    assert answers == [200] * 24
    account_id = deployed.account_id("75000003")

    def settled() -> bool | None:
        # Whoever met too many others at once was put off to the queue.
        found = deployed.table.get(account_id)
        return (found is not None and not found.account.receivables) or None

    until("The booking of twelve payments", settled, seconds=60)
    entries = deployed.table.entries(account_id)
    paid = [e.amount_minor for e in entries if e.kind == "payment"]
    assert paid == [-1_000_00] * 12
    assert deployed.table.get(account_id).account.credits == {}  # type: ignore[union-attr] # it is there
