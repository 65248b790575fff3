"""A replay's debtors who agree: acts of a file, done through the API, and told on the page."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from escalon.importing.records import PaymentRecord
from escalon_cli.deployed import Deployed
from escalon_cli.replay.agreements import HEADER, Act, Debtors, WrongActError, read_acts
from escalon_cli.replay.page.records import read_replay
from escalon_cli.replay.page.stories import tell
from tests.cli.test_agreements_commands import Desk
from tests.doubles.world import NOW, TABLE
from tests.usecases.agreeing import PESOS

BOGOTA = ZoneInfo("America/Bogota")


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.server.shutdown()


def debtors(desk: Desk) -> tuple[Debtors, list[PaymentRecord]]:
    paid: list[PaymentRecord] = []

    def pay(payments: Sequence[PaymentRecord], _: datetime) -> None:
        paid.extend(payments)
        for payment in payments:
            desk.http.world.pays(payment.amount_minor, payment=payment.payment_id)

    outputs = {**desk.deployed.outputs, "Table": TABLE, "ShardCount": "1"}
    there = Deployed("local", outputs, lambda _: desk.http.world.dynamo)
    return Debtors(there, pay), paid


def act(what: str, **more: object) -> Act:
    return Act(NOW, "a1", "r1", what, **more)  # type: ignore[arg-type]


def test_they_agree_pay_what_is_due_next_dispute_and_lose(desk: Desk) -> None:
    doing, paid = debtors(desk)
    doing.do(act("agrees", offer="plan", instalments=3, first_on="2026-09-15"))
    doing.do(act("pays"))
    doing.do(act("pays", amount_minor=40_000 * PESOS))
    doing.do(act("pays"))
    assert [one.amount_minor for one in paid] == [
        100_000 * PESOS,
        40_000 * PESOS,
        60_000 * PESOS,
    ]
    doing.do(act("disputes"))
    (hold,) = desk.http.world.account().holds
    assert (hold.kind, hold.receivable_id, hold.ends_on) == ("dispute", "r1", None)
    doing.do(act("loses"))
    (hold,) = desk.http.world.account().holds
    assert hold.ends_on is not None
    assert (doing.done, doing.refused) == (6, [])


def test_what_the_rules_do_not_allow_is_noted_and_nothing_stops(desk: Desk) -> None:
    doing, paid = debtors(desk)
    doing.do(act("agrees", offer="gift"))
    doing.do(act("pays"))
    doing.do(act("loses"))
    assert doing.refused == [
        "2026-09-07 a1 agrees: gift in 1 is not on offer",
        "2026-09-07 a1 pays: nothing was agreed",
        "2026-09-07 a1 loses: nothing is disputed",
    ]
    assert (doing.done, paid) == (0, [])


def test_a_file_of_acts_is_read_in_the_order_of_its_instants(tmp_path: Path) -> None:
    file = tmp_path / "acts.csv"
    lines = (
        ";".join(HEADER),
        "09/09/2026;10:30;900;F1;paga;;;;1.234,56",
        "08/09/2026;10:30;900;F1;acuerda;plan;3;18/09/2026;",
    )
    file.write_text("\n".join(lines), encoding="utf-8")
    first, second = read_acts(file, BOGOTA)
    assert first == Act(
        datetime(2026, 9, 8, 15, 30, tzinfo=UTC), "900", "F1", "agrees", "plan", 3, "2026-09-18"
    )
    assert (second.what, second.amount_minor) == ("pays", 1_234_56)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a;b\n", "the first line has to be Fecha;Hora"),
        (f"{';'.join(HEADER)}\n31/09/2026;10:30;900;F1;paga;;;;\n", "acts.csv line 2"),
        (f"{';'.join(HEADER)}\n01/09/2026;10:30;900;F1;roba;;;;\n", "acts.csv line 2"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "acts.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(WrongActError, match=said):
        read_acts(file, BOGOTA)


def test_the_page_tells_what_became_of_agreements_after_the_money_of_that_instant(
    tmp_path: Path,
) -> None:
    at = "2026-09-15T10:30:00-05:00"
    told = {"account_id": "900", "at": at, "agreement_id": "g1", "currency": "COP"}
    rows = [
        {**told, "became": "instalment_kept", "instalment": 1, "amount_minor": 100},
        {**told, "became": "agreement_broken", "kind": "plan", "resume_at": "firm"},
    ]
    (tmp_path / "agreements.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    entry = {
        "entry_id": "e1", "account_id": "900", "receivable_id": "F1", "kind": "payment",
        "amount_minor": -100, "currency": "COP", "booked_at": at,
    }  # fmt: skip
    (tmp_path / "ledger.jsonl").write_text(json.dumps(entry), encoding="utf-8")
    replay = read_replay(tmp_path)
    dated = [(one.booked_at, one) for one in replay.entries]
    (account,) = tell(replay, dated, find_file=lambda _: None)
    events = account.story["events"]
    assert [(e["k"], e.get("became")) for e in events] == [
        ("money", None),
        ("agreement", "instalment_kept"),
        ("agreement", "agreement_broken"),
    ]
    assert (events[1]["number"], events[1]["amount"]) == (1, 100)
    assert events[2]["resume"] == "firm"
