"""The story: facts as sentences, in Spanish and English."""

from typing import Any

import pytest

from escalon.domain.story import told

BOGOTA = ("America/Bogota",)
AT = "2026-09-07T15:00:00Z"


def line(fact: str, locale: str = "en", **more: Any) -> str:
    (said,) = told([{"fact": fact, "at": AT, **more}], locale=locale, zones=BOGOTA)
    return said


PAID = {
    "payment_id": "wompi:1234",
    "source": "wompi",
    "amount_minor": 150_000_00,
    "currency": "COP",
    "paid_at": "2026-09-07T14:58:00Z",
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            line("paid", **PAID),
            "Monday 7 September 2026, 10:00: payment wompi:1234 of COP 150,000.00, "
            "made on Monday 7 September 2026, 09:58 (wompi)",
        ),
        (
            line("paid", "es-CO", **PAID),
            "lunes 7 de septiembre de 2026, 10:00: pago wompi:1234 por COP 150,000.00, "
            "de fecha lunes 7 de septiembre de 2026, 09:58 (wompi)",
        ),
        (
            line("charged_back", **PAID),
            "Monday 7 September 2026, 10:00: COP 150,000.00 of payment wompi:1234 were charged "
            "back: they are owed again",
        ),
        (
            line("awaited", payment_id="wompi:1234", hours=24),
            "Monday 7 September 2026, 10:00: a payment is under way (wompi:1234): nothing is asked "
            "for until it is here, for 24 hours at most",
        ),
        (
            line("withdrawn", channel="email", step="friendly"),
            "Monday 7 September 2026, 10:00: email: step friendly was no longer right and did not "
            "go out",
        ),
        (
            line("waived", by="ana", currency="COP", amounts_minor={"interest": 500, "fee": 250}),
            "Monday 7 September 2026, 10:00: ana waived COP 7.50",
        ),
        (
            line("bounced", channel="email", step="friendly"),
            "Monday 7 September 2026, 10:00: email: step friendly reached nobody (—)",
        ),
    ],
)
def test_a_fact_is_one_sentence(said: str, expected: str) -> None:
    assert said == expected


def test_decisions_and_entries_are_shown_elsewhere() -> None:
    facts = [{"fact": "decided", "at": AT}, {"fact": "booked", "at": AT}, {"fact": "new", "at": AT}]
    assert told(facts, locale="en", zones=BOGOTA) == []
