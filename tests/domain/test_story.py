"""The story: facts as sentences, in Spanish and English."""

import re
from typing import Any

import pytest

from escalon.domain.decisions import story
from escalon.domain.decisions.story import timeline, told

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


WAITS = {
    "fact": "decided",
    "at": AT,
    "outcome": "wait",
    "step": "firm",
    "rulebook": "v1",
    "reasons": [
        {"code": "policy_closed", "params": {"step": "firm", "until": "2026-09-08T12:00:00Z"}}
    ],
    "refusals": [],
}


def test_a_decision_to_wait_is_told_once_until_another_comes() -> None:
    """The instants in it may move; what is said is the same."""
    again = {**WAITS, "at": "2026-09-08T15:00:00Z", "reasons": [
        {"code": "policy_closed", "params": {"step": "firm", "until": "2026-09-09T12:00:00Z"}}
    ]}  # fmt: skip
    other = {**WAITS, "at": "2026-09-09T15:00:00Z", "reasons": [{"code": "nothing_open"}]}
    moments = timeline([WAITS, again, other], locale="en", zones=BOGOTA)
    assert [moment.said for moment in moments] == [
        "waits: the contact policy allows step firm from Tuesday 8 September 2026, 07:00 on",
        "waits: nothing is open",
    ]
    assert moments[0].rulebook == "v1"


def test_a_decision_to_act_is_told_by_what_came_of_it() -> None:
    acts = {**WAITS, "outcome": "act"}
    sent = {"fact": "sent", "at": AT, "channel": "sms", "step": "firm"}
    (moment,) = timeline([acts, sent], locale="es", zones=BOGOTA)
    assert (moment.kind, moment.said) == ("message", "sms: se envió el paso firm")


def test_entries_are_told_but_for_what_payments_settle() -> None:
    def entry(kind: str, minor: int) -> dict[str, Any]:
        return {"kind": kind, "amount_minor": minor, "currency": "COP", "receivable_id": "r1"}

    booked = {
        "fact": "booked",
        "at": AT,
        "entries": [entry("charge", 10_000), entry("payment", -10_000), entry("fee", 500)],
    }
    moments = timeline([booked], locale="en", zones=BOGOTA)
    assert [moment.said for moment in moments] == [
        "COP 100.00 was charged: r1",
        "a fee of COP 5.00 on r1",
    ]


@pytest.mark.parametrize(
    ("fact", "kind"),
    [
        ("paid", "money"),
        ("charged_back", "money"),
        ("task_closed", "task"),
        ("agreement_broken", "agreement"),
        ("instalment_missed", "agreement"),
        ("held", "hold"),
        ("consent_revoked", "data"),
        ("something_new", "act"),
    ],
)
def test_each_line_says_what_it_is_about(fact: str, kind: str) -> None:
    """A fact that this version has no words for is told by its name, never left out."""
    (moment,) = timeline([{"fact": fact, "at": AT}], locale="en", zones=BOGOTA)
    assert moment.kind == kind
    if fact == "something_new":
        assert moment.said == "something new"


def test_every_sentence_says_the_same_in_both_languages() -> None:
    for name, (spanish, english) in story._SENTENCES.items():
        assert set(re.findall(r"{(\w+)}", spanish)) == set(re.findall(r"{(\w+)}", english)), name
        assert spanish != english, name
