"""The last look of whoever carries out a task: may it still be done now that it is read?"""

from datetime import date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.domain.account import Account, Awaited, Beyond, ContactRecord, Hold
from escalon.domain.agreements.agreed import Agreement, Instalment
from escalon.domain.contact.brakes import NO_BRAKES, Brake, BrakeKind, Brakes
from escalon.domain.contact.facts import Notice
from escalon.domain.decisions.by_channel import NO_FEEDS
from escalon.domain.decisions.last_look import LastLook, last_look, why_not
from escalon.domain.rules.rulebook import Creditor, HoldKind, Payments, Rulebook
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
    holds={"dispute": HoldKind(60, "dispute_open"), "deceased": HoldKind(stop="deceased")},
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


def look_at(who: Account, work: Task, at: datetime, brakes: Brakes = NO_BRAKES) -> LastLook:
    return last_look(who, RULES, work, at, feeds=NO_FEEDS, brakes=brakes)


def against(look: LastLook) -> list[str]:
    return [*(r.code for r in look.reasons), *(r.code for r in look.refusals)]


REPORT = task("bureau_report", "report")


def test_what_was_lawful_when_it_was_opened_and_still_is_may_be_done() -> None:
    assert look_at(ANA, REPORT, NOW) == LastLook()
    assert look_at(ANA, task("call"), NOW) == LastLook(until=at("2026-10-06 18:55"))


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
        ({"credits": {"andina|COP": 10_000_000}}, ["covered_by_credit"]),
        ({"credits": {"andina|COP": 9_999_000}}, ["below_threshold"]),
    ],
    ids=[
        *("disputed", "held", "agreed", "paid", "settled", "money under way", "notice taken back"),
        *("covered by credit", "nearly"),
    ],
)
def test_what_has_changed_since_is_said(changed: dict[str, Any], codes: list[str]) -> None:
    found = look_at(replace(ANA, **changed), REPORT, NOW)
    assert (against(found), found.until) == (codes, None)


def test_of_more_debts_than_the_account_holds_nobody_can_say_that_one_is_settled() -> None:
    """Nor that it is open: nobody is reported, called or written to about it meanwhile."""
    many = replace(ANA, receivables=(), beyond={"andina|COP": Beyond(1, 5)})
    for work in (REPORT, task("call"), task("letter")):
        assert against(look_at(many, work, NOW)) == ["not_in_sight"]


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
    found = look_at(replace(ANA, **changed), task(kind), NOW)
    if kind == "letter" and codes == ["cap_reached"]:
        codes = ["channel_locked"]
    assert against(found) == codes
    assert [refusal.channel for refusal in found.refusals] == [
        "voice" if kind == "call" else "letter"
    ]


def test_of_work_that_asks_the_debtor_for_nothing_nothing_is_said() -> None:
    held = replace(ANA, holds=(Hold("h", "rest", date(2026, 10, 5)),))
    for kind, name in (("data_repair", "report"), ("review", "end"), ("unknown_fate", "letter")):
        assert look_at(held, task(kind, name), NOW) == LastLook()
    assert look_at(held, replace(task("call"), step=""), NOW) == LastLook()


def test_nobody_in_an_unknown_place_is_called() -> None:
    nowhere: Account = replace(ANA, zones=(), country="XX")
    found = look_at(nowhere, task("call"), NOW)
    assert (against(found), found.until) == (["zone_unknown"], None)


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({}, []),
        ({"holds": (Hold("h", "deceased", date(2026, 10, 5)),)}, ["account_hold", "stopped"]),
        ({"agreements": (PLAN,)}, ["in_agreement"]),
        ({"receivables": ()}, ["settled"]),
        ({"awaited": (Awaited("p", NOW, at("2026-10-07 10:00")),)}, ["payment_awaited"]),
        ({"contacts": (ContactRecord("m", "email", at("2026-10-05 08:00")),)}, ["channel_locked"]),
    ],
    ids=["nothing else", "deceased", "agreed", "paid", "money under way", "written to this week"],
)
@pytest.mark.parametrize("kind", ["call", "letter", "whatsapp"])
def test_a_step_that_the_rules_have_no_more_is_carried_out_by_nobody(
    kind: str, changed: dict[str, Any], codes: list[str]
) -> None:
    """Invariant 3: what nobody can judge any more does not happen."""
    points = (*ANA.points, point("whatsapp"))
    found = look_at(replace(ANA, points=points, **changed), task(kind, "old"), NOW)
    assert (against(found), found.until) == (["step_gone", *codes], None)


def test_work_that_a_ladder_named_and_names_no_more_is_not_done_either() -> None:
    held = replace(ANA, holds=(Hold("h", "rest", date(2026, 10, 5)),))
    for kind, name in (("bureau_report", "gone"), ("bureau_report", "call"), ("visit", "report")):
        assert against(look_at(held, task(kind, name), NOW)) == ["step_gone", "account_hold"]


@pytest.mark.parametrize(
    ("kind", "name", "tasks", "stopped"),
    [
        ("channel", "letter", False, ["letter"]),
        ("channel", "voice", False, ["call"]),
        ("all", "", False, []),
        ("all", "", True, ["call", "letter", "bureau_report"]),
        ("creditor", "andina", True, ["call", "letter", "bureau_report"]),
        ("creditor", "boreal", True, []),
        ("strategy", "ladder", True, ["call", "letter", "bureau_report"]),
        ("experiment", "", True, []),
    ],
)
def test_what_people_have_stopped_is_not_done_by_hand(
    kind: BrakeKind, name: str, tasks: bool, stopped: list[str]
) -> None:
    """As the engine asks before it opens a task: a letter and a call by the channel's own name."""
    (ladder,) = RULES.strategies
    if kind == "strategy":
        name = ladder.strategy
    brakes = Brakes((Brake(kind, at("2026-10-06 09:00"), "ana", "a wrong price", name, tasks),))
    works = (task("call"), task("letter"), REPORT)
    looks = {work.kind: look_at(ANA, work, NOW, brakes) for work in works}
    assert [kind for kind, look in looks.items() if against(look) == ["stopped"]] == stopped
    assert [kind for kind, look in looks.items() if not against(look)] == [
        work.kind for work in works if work.kind not in stopped
    ]


def test_a_stop_is_told_with_the_words_of_whoever_stopped() -> None:
    brakes = Brakes((Brake("channel", at("2026-10-06 09:00"), "ana", "a wrong price", "letter"),))
    look = look_at(ANA, task("letter"), NOW, brakes)
    assert why_not(look, ANA, RULES, brakes, "en", NOW) == [
        "a person has stopped it (channel:letter) since Tuesday 6 October 2026, 09:00: ana",
        "because: a wrong price",
    ]


def test_l7_nobody_calls_or_writes_while_nobody_knows_what_was_paid() -> None:
    andina = replace(RULES.creditors["andina"], feeds=("bank",))
    rules = replace(RULES, creditors={"andina": andina}, payments=Payments(feeds={"bank": 12}))
    for told_at, codes in (
        ({"bank": at("2026-10-05 22:00")}, []),
        ({"bank": at("2026-10-05 21:59")}, ["payments_not_fresh"]),
        ({}, ["payments_not_fresh"]),
    ):
        for kind in ("call", "letter"):
            look = last_look(ANA, rules, task(kind), NOW, feeds=told_at, brakes=NO_BRAKES)
            assert against(look) == codes
        report = last_look(ANA, rules, REPORT, NOW, feeds=told_at, brakes=NO_BRAKES)
        assert against(report) == []  # the engine opens work that contacts nobody as well
