"""The last look of whoever carries out a task: may it still be done now that it is read?"""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.domain.account import Account, Awaited, Beyond, ContactRecord, Hold
from escalon.domain.agreements.agreed import Agreement, Instalment
from escalon.domain.contact.facts import Notice
from escalon.domain.decisions.last_look import LastLook, last_look
from escalon.domain.rules.rulebook import Creditor, HoldKind, Rulebook
from escalon.domain.tasks import Task
from tests.contact_law.table import policy_of
from tests.domain.debts import account, at, point, receivable, rulebook, step

NOW = at("2026-10-06 10:00")  # a Tuesday
GIVEN = (
    Notice("bureau_notice", at("2026-09-02 10:00"), "m1"),
    Notice("bureau_notice", at("2026-09-08 10:00"), "m2"),
)
RULES: Rulebook = rulebook(
    step("call", 2, task="call"),
    step("letter", 9, channels=("letter",)),
    step("report", 20, stage="pre_legal", task="bureau_report", action="report_bureau"),
    contact_policies={"CO": policy_of("CO"), "*": policy_of("CO")},
    holds={"dispute": HoldKind(60, "dispute_open")},
    creditors={
        "andina": Creditor(
            *("andina", "Andina", "Andina SA", "1", "CO", "", "", ""),
            on_file=("authorisation", "debt_document"),
        )
    },
)
LETTER = point("letter", address="Carrera 7 # 1-1")
ANA = account(receivable(notices=GIVEN), points=(point("voice"), LETTER))


PLAN = Agreement(
    *("g1", "andina", "COP", "plan", "plan", "active"),
    {"r1": {"principal": 10_000_000}},
    date(2026, 10, 1),
    (Instalment(1, date(2026, 10, 20), 10_000_000),),
)


def task(kind: str, name: str = "") -> Task:
    return Task("t1", "a1", kind, NOW, NOW, "andina", "r1", name or kind)


def against(look: LastLook) -> list[str]:
    return [*(r.code for r in look.reasons), *(r.code for r in look.refusals)]


REPORT = task("bureau_report", "report")


def test_what_was_lawful_when_it_was_opened_and_still_is_may_be_done() -> None:
    assert last_look(ANA, RULES, REPORT, NOW) == LastLook()
    assert last_look(ANA, RULES, task("call"), NOW) == LastLook(until=at("2026-10-06 18:55"))


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        (
            {"holds": (Hold("h", "dispute", date(2026, 10, 5), None, "r1"),)},
            ["receivable_hold", "gate_closed"],  # Ley 1266 de 2008: not while it is disputed
        ),
        ({"holds": (Hold("h", "rest", date(2026, 10, 5)),)}, ["account_hold"]),
        ({"agreements": (PLAN,)}, ["in_agreement"]),
        ({"receivables": ()}, ["settled"]),
        ({"receivables": (receivable(open_minor=0),)}, ["settled"]),
        ({"awaited": (Awaited("p", NOW, at("2026-10-07 10:00")),)}, ["payment_awaited"]),
        ({"receivables": (receivable(notices=GIVEN[:1]),)}, ["gate_closed"]),
    ],
    ids=["disputed", "held", "agreed", "paid", "settled", "money under way", "notice taken back"],
)
def test_what_has_changed_since_is_said(changed: dict[str, Any], codes: list[str]) -> None:
    found = last_look(replace(ANA, **changed), RULES, REPORT, NOW)
    assert (against(found), found.until) == (codes, None)


def test_of_more_debts_than_the_account_holds_nobody_can_say_that_one_is_settled() -> None:
    many = replace(ANA, receivables=(), beyond={"andina|COP": Beyond(1, 5)})
    assert last_look(many, RULES, REPORT, NOW) == LastLook()


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"contacts": (ContactRecord("m", "voice", at("2026-10-06 08:00")),)}, ["cap_reached"]),
        ({"contacts": (ContactRecord("m", "email", at("2026-10-05 08:00")),)}, ["channel_locked"]),
        ({"points": ()}, ["contact_point_missing"]),
        ({"refused_channels": ("voice", "letter")}, ["channel_refused"]),
    ],
)
@pytest.mark.parametrize("kind", ["call", "letter"])
def test_a_call_and_a_letter_are_contacts_of_the_law(
    kind: str, changed: dict[str, Any], codes: list[str]
) -> None:
    """Ley 2300/2023, art. 3."""
    found = last_look(replace(ANA, **changed), RULES, task(kind), NOW)
    if kind == "letter" and codes == ["cap_reached"]:
        codes = ["channel_locked"]
    assert against(found) == codes
    assert [refusal.channel for refusal in found.refusals] == [
        "voice" if kind == "call" else "letter"
    ]


def test_of_work_that_asks_the_debtor_for_nothing_nothing_is_said() -> None:
    held = replace(ANA, holds=(Hold("h", "rest", date(2026, 10, 5)),))
    for kind, name in (("data_repair", "report"), ("review", "end"), ("call", "gone")):
        assert last_look(held, RULES, task(kind, name), NOW) == LastLook()


def test_nobody_in_an_unknown_place_is_called() -> None:
    nowhere: Account = replace(ANA, zones=(), country="XX")
    found = last_look(nowhere, RULES, task("call"), NOW)
    assert (against(found), found.until) == (["zone_unknown"], None)
