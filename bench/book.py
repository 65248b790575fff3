"""A made-up book for benchmarks: accounts with five open receivables under the shipped rulebook."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook, sealed
from escalon.domain.account import Account, Consent, ContactPoint, Receivable
from escalon.domain.rules.rulebook import Rulebook

CONFIG = Path(__file__).parents[1] / "config"
AS_OF = datetime(2026, 9, 1, 15, 0, tzinfo=UTC)  # Tuesday, 10:00 in Bogotá
TODAY = date(2026, 9, 1)
_CONSENT = Consent(date(2024, 1, 15), "made up")


def rulebook() -> Rulebook:
    """The shipped rulebook with a ladder of ten steps, which is what the figures are for."""
    shipped = load_rulebook(CONFIG)
    standard = shipped.strategies[-1]
    ten = replace(standard, steps=standard.steps[:10])
    return sealed(replace(shipped, strategies=(*shipped.strategies[:-1], ten)))


def account(number: int, oldest_days: int = 2) -> Account:
    """An account whose oldest of five receivables is so many days past due."""
    receivables = tuple(
        Receivable(
            f"R{number}-{index}",
            "andina",
            f"FV-{number}-{index}",
            TODAY - timedelta(days=oldest_days + 30 - 7 * index),
            TODAY - timedelta(days=oldest_days - 7 * index),
            "COP",
            500_000_00,
            500_000_00,
            TODAY - timedelta(days=oldest_days + 30 - 7 * index),
            "bench",
        )
        for index in range(5)
    )
    return Account(
        f"abench{number:08d}",
        f"ref-{number}",
        f"Deudor {number}",
        country="CO",
        zones=("America/Bogota",),
        language="es-CO",
        points=(
            ContactPoint("p1", "email", f"d{number}@example.com", _CONSENT),
            ContactPoint("p2", "sms", "+573000000000", _CONSENT),
        ),
        receivables=receivables,
    )
