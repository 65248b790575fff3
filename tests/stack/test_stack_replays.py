"""A portfolio in a layout that nobody has seen is replayed with nothing but a mapping for it."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from escalon_cli.deployed import Deployed, of_local
from escalon_cli.local import simulate
from escalon_cli.local.stack import PROJECT, down, up
from escalon_cli.main import REPLAY
from escalon_cli.replay import clock
from escalon_cli.replay import output as replay_output
from escalon_cli.replay import play as replay
from escalon_cli.replay.payments import Way
from tests.contact_law.judge import judged, unexplained

BOOK = """\
Cliente;Posta;Fattura;Emessa;Scadenza;Importo;Pagata;Contestata
AX-1;One@Example.com;R/001;01/02/2025;01/03/2025;1.200,50;;No
AX-2;two@example.com;R/002;01/02/2025;01/03/2025;300,00;05/03/2025;No
AX-3;three@example.com;R/003;10/02/2025;12/03/2025;75,25;;No
AX-4;four@example.com;R/004;10/02/2025;12/03/2025;980,00;06/03/2025;No
AX-5;five@example.com;R/005;01/02/2025;01/03/2025;4.000,00;;Si
"""

MAPPING = """\
file: {type: changes, delimiter: ";"}
dates: day/month/year
numbers: "1.234.567,89"
zone: America/New_York
creditor: always ibm-sample
currency: always USD
account:
  source_ref: Cliente
  name: "Firm {Cliente}"
  kind: always company
  country: always US
  zone: always America/New_York
  language: always en
contacts:
  - channel: email
    address: "{Posta|lower}"
    consent: {granted_on: always 2024-01-01, evidence: always framework contract}
receivable:
  receivable_id: Fattura
  issued_on: Emessa
  due_on: Scadenza
  amount: Importo
disputes:
  - when: {column: Contestata, is: Si}
    starts_on: Scadenza
payments:
  - when: {column: Pagata, filled: true}
    payment_id: "{Fattura}-paid"
    amount: Importo
    paid_on: Pagata
    at: 12:00
"""


@dataclass
class Replayed:
    out: Path
    summary: dict[str, Any]
    afterwards: dict[str, Any] = field(default_factory=dict)

    def lines(self, name: str) -> list[dict[str, Any]]:
        text = (self.out / f"{name}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def play(
    folder: Path, by: Way, then: Callable[[Deployed], dict[str, Any]] = lambda _: {}
) -> Replayed:
    """Ten days of March 2025 in New York, whose clocks go forward on the 9th."""
    (folder / "open_items.csv").write_text(BOOK, encoding="utf-8")
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    plan = replay.Plan(
        folder / "open_items.csv",
        folder / "mapping.yaml",
        PROJECT / "samples/ibm/rulebook",
        date(2025, 3, 3),
        date(2025, 3, 12),
        (time(9),),
        by=by,
    )
    plan.check()
    deployed = of_local(up("tests-replay", auth=True, parameters=REPLAY, fresh=True))
    try:
        played = replay.play(deployed, plan, lambda *_: None)
        summary = replay_output.write(deployed, plan, played, folder)
        return Replayed(folder, summary, then(deployed))
    finally:
        down("tests-replay")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """The payments come as a bank's files."""
    return play(tmp_path_factory.mktemp("replay"), "file")


@pytest.fixture(scope="module")
def chaotic(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """They come as webhooks, twice, out of order, and forged."""
    return play(tmp_path_factory.mktemp("chaos"), "chaos", going_on)


def going_on(deployed: Deployed) -> dict[str, Any]:
    """What a newcomer does with the stack that a replay has left."""
    began = deployed.now()
    paid = simulate.pay(deployed, "AX-3")
    zone = ZoneInfo("America/New_York")
    clock.forward(deployed, date(2025, 3, 19), [time(9)], zone, lambda *_: None)
    info = deployed.embedded
    assert info is not None
    with urllib.request.urlopen(info.mailbox_url, timeout=10) as answer:
        mailbox = answer.read().decode()
    return {
        "paid": (paid.wanted.reference, paid.wanted.amount_minor, paid.status, paid.answer),
        "open": [one.open_minor for one in paid.account.receivables],
        "now": (began, deployed.now()),
        "happened": clock.happened(deployed, began, zone),
        "mailbox": mailbox,
    }


def test_each_message_goes_out_on_its_day_once(replayed: Replayed) -> None:
    assert sorted(
        (m["sent_at"], m["account_id"], m["to"], m["step"], m["state"])
        for m in replayed.lines("messages")
    ) == [
        ("2025-03-03T09:00:00-05:00", "AX-1", "one@example.com", "friendly", "delivered"),
        ("2025-03-03T09:00:00-05:00", "AX-2", "two@example.com", "friendly", "delivered"),
        ("2025-03-07T09:00:00-05:00", "AX-3", "three@example.com", "heads-up", "delivered"),
        ("2025-03-10T09:00:00-04:00", "AX-1", "one@example.com", "friendly-again", "delivered"),
    ]


def test_a_message_states_the_debt_as_the_source_has_it(replayed: Replayed) -> None:
    last = replayed.lines("messages")[-1]
    assert last["receivables"] == [
        {
            "receivable_id": "R/001",
            "open_minor": 120050,
            "currency": "USD",
            "due_on": "2025-03-01",
            "days_past_due": 9,
        }
    ]
    assert last["provider_message_id"]
    assert "1,200.50" in last["text"]


def test_charges_and_payments_add_up_to_the_file(replayed: Replayed) -> None:
    ledger = replayed.lines("ledger")
    charged = {e["receivable_id"]: e["amount_minor"] for e in ledger if e["kind"] == "charge"}
    assert charged == {
        "R/001": 120050,
        "R/002": 30000,
        "R/003": 7525,
        "R/004": 98000,
        "R/005": 400000,
    }
    paid = [
        (e["receivable_id"], e["amount_minor"], e["booked_at"], e["account_id"])
        for e in ledger
        if e["kind"] == "payment"
    ]
    assert paid == [
        ("R/002", -30000, "2025-03-05T12:00:00-05:00", "AX-2"),
        ("R/004", -98000, "2025-03-06T12:00:00-05:00", "AX-4"),
    ]


def test_the_summary_counts_what_happened(replayed: Replayed) -> None:
    summary = json.loads((replayed.out / "summary.json").read_text(encoding="utf-8"))
    assert summary["messages"] == 4
    assert summary["messages_by"]["step"] == {"friendly": 2, "heads-up": 1, "friendly-again": 1}
    assert summary["messages_by"]["channel"] == {"email": 4}
    assert summary["money"] == {"USD": {"charge": 655575, "payment": -128000}}
    assert summary["imports"]["refused"] == 0
    assert summary["tasks"] == 0
    assert len(summary["runs"]) == 10
    assert summary["run_totals"]["acted"] == 4
    assert summary["run_totals"]["failed"] == 0
    assert summary["run_totals"]["add_up"] is True


def test_who_disputes_and_who_paid_in_time_hears_nothing(replayed: Replayed) -> None:
    heard = {message["account_id"] for message in replayed.lines("messages")}
    assert heard == {"AX-1", "AX-2", "AX-3"}
    reasons = {
        reason["code"]
        for decision in replayed.lines("decisions")
        if decision["account_id"] == "AX-5"
        for reason in decision["reasons"]
    }
    assert reasons == {"receivable_hold"}


def test_every_email_is_there_as_it_was_sent(replayed: Replayed) -> None:
    for message in replayed.lines("messages"):
        body = (replayed.out / message["eml"]).read_bytes()
        assert f"To: Firm {message['account_id']} <{message['to']}>".encode() in body


@pytest.mark.parametrize("by", ["replayed", "chaotic"])
def test_the_independent_judge_reads_the_files(by: str, request: pytest.FixtureRequest) -> None:
    """By the law of the United States: the house's rulebook knows no validation notice, so the
    second message about a debt is a breach, and nothing else is. Each silence has its reason."""
    out = request.getfixturevalue(by).out
    messages, found = judged(out)
    assert messages == 4
    assert [(breach.account, breach.at, breach.rule) for breach in found] == [
        (
            "AX-1",
            "2025-03-10T09:00:00-04:00",
            "validation_notice owed: R/001, spoken of since 2025-03-03",
        )
    ]
    assert unexplained(out) == []


def test_l25_whatever_providers_and_forgers_do_the_ledger_ends_the_same(
    replayed: Replayed, chaotic: Replayed
) -> None:
    assert chaotic.summary["ledger"] == replayed.summary["ledger"]
    assert chaotic.summary["ledger"]["entries"] == 7
    notices = chaotic.summary["notices"]
    assert (notices["genuine"], notices["answers"]["genuine 200"]) == (2, 2)
    assert notices["again"] + notices["out_of_order"] + notices["forged"] > 0
    heard = [
        sorted((m["sent_at"], m["to"], m["step"]) for m in one.lines("messages"))
        for one in (chaotic, replayed)
    ]
    assert heard[0] == heard[1]


def test_the_clock_goes_on_by_the_days_that_follow(chaotic: Replayed) -> None:
    began, ended = chaotic.afterwards["now"]
    assert began == datetime(2025, 3, 12, 13, tzinfo=UTC)
    assert ended == datetime(2025, 3, 19, 13, tzinfo=UTC)


def test_a_simulated_payment_is_booked_and_who_paid_hears_no_more(chaotic: Replayed) -> None:
    assert chaotic.afterwards["paid"] == ("R/003", 7525, 200, "booked")
    assert chaotic.afterwards["open"] == []
    happened = chaotic.afterwards["happened"]
    assert {on: dict(day.messages) for on, day in happened.items() if day.messages} == {}


def test_whatever_was_sent_is_in_the_mailbox_at_its_instant(chaotic: Replayed) -> None:
    page = chaotic.afterwards["mailbox"]
    assert "2025-03-10 09:00" in page
    assert "one@example.com" in page
