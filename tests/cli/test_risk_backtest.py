"""The back-test: nothing of the future is known, and its figures are those of the textbook."""

import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from escalon.domain.rules.rulebook import RiskModel
from escalon_cli.risk_backtest import (
    BacktestError,
    Invoice,
    auc,
    backtest,
    go_through,
    read_invoices,
)

MODEL = RiskModel(
    "test-1", {"share_late": 1}, {"low": 3_000, "high": 10_001}, expected=5_000, least_settled=1
)

MAPPING = """\
file: {type: changes, delimiter: ","}
dates: year-month-day
numbers: "1234567.89"
zone: America/Bogota
creditor: always andina
currency: always COP
account: {source_ref: who, name: who}
receivable: {receivable_id: id, issued_on: issued, due_on: due, amount: amount}
payments:
  - when: {column: paid, filled: true}
    payment_id: "{id}-p"
    amount: paid_amount
    paid_on: paid
    at: 12:00
"""

EXPORT = """\
who,id,issued,due,amount,paid,paid_amount
A,1,2026-01-01,2026-01-31,100,2026-02-05,100
A,2,2026-02-04,2026-03-05,100,2026-03-01,100
A,3,2026-02-06,2026-03-08,100,2026-03-20,100
A,4,2026-03-01,2026-03-31,100,2026-04-02,60
B,5,2026-01-01,2026-01-31,100,2026-01-31,100
"""


def files(tmp_path: Path) -> tuple[Path, Path]:
    export, mapping = tmp_path / "invoices.csv", tmp_path / "invoices.yaml"
    export.write_text(EXPORT, encoding="utf-8")
    mapping.write_text(MAPPING, encoding="utf-8")
    return export, mapping


def test_what_was_not_settled_in_full_is_left_out(tmp_path: Path) -> None:
    found = read_invoices(*files(tmp_path))
    assert [(i.receivable_id, i.late) for i in found] == [
        ("1", True),
        ("2", False),
        ("3", True),
        ("5", False),
    ]


def test_each_invoice_is_told_from_what_was_settled_before_it_was_issued(tmp_path: Path) -> None:
    """Of A's second invoice nothing was known yet: the first was paid on the day after."""
    told = go_through(read_invoices(*files(tmp_path)), MODEL)
    assert [(one.settled_before, one.score, one.naive) for one in told] == [
        (0, 5_000, False),
        (0, 5_000, False),
        (1, (10_000 + 2 * 5_000) // 3, True),
        (0, 5_000, False),
    ]


def test_a_file_that_tells_nothing_is_refused(tmp_path: Path) -> None:
    found = [one for one in read_invoices(*files(tmp_path)) if not one.late]
    with pytest.raises(BacktestError, match="some that were not"):
        backtest(found, MODEL)


def test_auc_is_the_probability_of_the_right_order() -> None:
    assert auc([(1, True), (0, False)]) == 1.0
    assert auc([(0, True), (1, False)]) == 0.0
    assert auc([(1, True), (1, False)]) == 0.5
    # Of six pairs four are in order and one is equal.
    assert auc([(3, True), (1, True), (2, False), (1, False), (0, False)]) == pytest.approx(4.5 / 6)
    assert auc([(1, True)]) == 0.5


def test_auc_is_that_of_going_over_every_pair() -> None:
    chance = random.Random(3)
    scored = [(chance.randrange(5), chance.random() < 0.4) for _ in range(200)]
    pairs = [(a, b) for a, late in scored if late for b, other in scored if not other]
    right = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs)
    assert auc(scored) == pytest.approx(right / len(pairs))


def test_a_debtor_who_is_always_late_is_told_from_one_who_never_is() -> None:
    """And scores mean what they say: whoever is late half of the time has about one half."""
    chance = random.Random(5)
    invoices = []
    for number in range(60):
        habit = (0.05, 0.5, 0.95)[number % 3]
        for month in range(24):
            issued = date(2024, 1, 1) + timedelta(days=30 * month)
            late = chance.random() < habit
            settled = issued + timedelta(days=20 if late else 5)
            due = issued + timedelta(days=10)
            name = f"{number}-{month}"
            invoices.append(Invoice(f"d{number}", name, issued, due, settled, 100, "COP"))
    found = backtest(invoices, MODEL)
    assert found.auc > 0.85 > found.auc_naive
    assert found.brier < 0.7 * found.brier_base
    middle = next(band for band in found.bands if band.name == "50 to 60 %")
    assert abs(middle.late - middle.mean_score) < 900
