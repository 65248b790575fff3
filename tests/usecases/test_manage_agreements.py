"""Acts on agreements: once each, by whoever may, on what they have seen, whole or not at all."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal

import pytest
from msgspec.structs import replace

from escalon.domain.account import Hold, Receivable
from escalon.domain.agreements.follow_up import ENDED_FOR
from escalon.domain.agreements.offers import Problem, Terms
from escalon.domain.payments.payment import Incoming, PaymentState, Said
from escalon.domain.rules.rulebook import HoldKind
from escalon.usecases.agreements.manage_agreements import (
    DEBTOR,
    Actor,
    AgreementRefusedError,
    Debt,
    Done,
    Evidence,
    ManageAgreements,
)
from escalon.usecases.agreements.writes import pass_time
from escalon.usecases.operators.acts import GiveUp, Person
from escalon.usecases.payments.book_payments import OfAccount
from tests.contact_law.table import policy_of
from tests.doubles.crashing import Crash, Faults
from tests.doubles.payments import check_books, movements, owed
from tests.doubles.world import NOW, OneRulebook, receivable
from tests.usecases.agreeing import AGENT, DEBT, PESOS, PHONE, SUPERVISOR, Agreeing, rules

PORTAL = Evidence("portal", ip="203.0.113.7", code_point="p-email", document_hash="0" * 64)
IN_A_WEEK = date(2026, 9, 14)
PROMISE = Terms("promise", IN_A_WEEK)
PLAN = Terms("plan", IN_A_WEEK, 3)


def owing(*receivables: Receivable, interest: bool = False) -> Agreeing:
    world = Agreeing(interest=interest)
    world.owe(*(receivables or (receivable("r1", late=15, open_minor=300_000 * PESOS),)))
    return world


def why_not(act: Callable[[], object]) -> tuple[str, list[tuple[str, str]]]:
    with pytest.raises(AgreementRefusedError) as error:
        act()
    return error.value.fault, [(one.field, one.code) for one in error.value.problems]


# ------------------------------------------------------------------------- what may be agreed


def test_the_debtor_is_offered_what_the_rules_hold_for_them_and_nothing_is_written() -> None:
    world = owing(interest=True)
    before = world.all_items()
    found = world.manage().offers(DEBT)
    assert (found.creditor, found.currency, found.calculated_on) == (
        "andina",
        "COP",
        date(2026, 9, 7),
    )
    interest = found.debts["r1"]["interest"]
    assert 0 < interest < 3_000 * PESOS
    assert found.debts["r1"]["principal"] == 300_000 * PESOS
    assert [(one.terms.offer, one.terms.instalments) for one in found.proposals] == [
        ("promise", 1),
        ("plan", 2),
        ("plan", 3),
        ("settlement", 1),
    ]
    assert world.all_items() == before


def test_what_is_past_due_is_agreed_on_and_what_is_on_hold_or_rests_is_not() -> None:
    world = owing(
        receivable("r1", late=15),
        receivable("r2", late=-20),
        receivable("r3", late=4),
        receivable("r4", late=4, creditor="boreal"),
    )
    dispute = Hold("h", "dispute", date(2026, 9, 1), receivable_id="r3")
    world.put(replace(world.account(), holds=(dispute,)))
    manage = world.manage()
    assert manage.pots("a1") == (Debt("a1", "andina", "COP"), Debt("a1", "boreal", "COP"))
    assert why_not(lambda: manage.offers(DEBT)) == ("wrong", [("receivables", "several")])
    assert manage.offers(Debt("a1", "andina")).debts.keys() == {"r1"}
    assert manage.offers(Debt("a1", receivables=("r1", "r2"))).debts.keys() == {"r1", "r2"}
    assert why_not(lambda: manage.offers(Debt("a1", receivables=("r3",)))) == (
        "conflict",
        [("receivables", "on_hold")],
    )
    assert why_not(lambda: manage.offers(Debt("a1", receivables=("r9",)))) == (
        "not_found",
        [("receivables", "unknown")],
    )
    manage.promise("k", Debt("a1", "andina"), PROMISE, PHONE, AGENT)
    assert why_not(lambda: manage.offers(Debt("a1", receivables=("r1",)))) == (
        "conflict",
        [("receivables", "resting")],
    )


def test_nothing_is_agreed_with_whoever_is_dead_or_insolvent() -> None:
    world = owing()
    holds = {**rules().holds, "estate": HoldKind(stop="deceased")}
    world.rulebooks = OneRulebook(replace(rules(), holds=holds))
    world.put(replace(world.account(), holds=(Hold("h", "estate", date(2026, 9, 1)),)))
    assert why_not(lambda: world.manage().offers(DEBT)) == ("conflict", [("account", "stopped")])


@pytest.mark.parametrize("stop", ["insolvency", "deceased", "represented", "identity_doubt"])
@pytest.mark.parametrize("waits", [False, True])
def test_what_was_offered_before_a_full_stop_does_not_begin_after_it(
    stop: Literal["insolvency", "deceased", "represented", "identity_doubt"], *, waits: bool
) -> None:
    world = owing()
    holds = {**rules().holds, "full": HoldKind(stop=stop)}
    world.rulebooks = OneRulebook(replace(rules(), holds=holds))
    begin = offered_or_waiting(world, waits=waits)
    world.put(replace(world.account(), holds=(Hold("h", "full", date(2026, 9, 7)),)))
    before = world.all_items()
    assert why_not(begin) == ("conflict", [("account", "stopped")])
    assert world.all_items() == before


@pytest.mark.parametrize("receivable_id", [None, "r1"])
@pytest.mark.parametrize("waits", [False, True])
def test_what_was_offered_before_a_dispute_does_not_begin_during_it(
    receivable_id: str | None, *, waits: bool
) -> None:
    world = owing()
    begin = offered_or_waiting(world, waits=waits)
    until_tomorrow = Hold("h", "dispute", date(2026, 9, 7), date(2026, 9, 8), receivable_id)
    world.put(replace(world.account(), holds=(until_tomorrow,)))
    before = world.all_items()
    assert why_not(begin) == ("conflict", [("receivables", "on_hold")])
    assert world.all_items() == before
    world.clock.at += timedelta(days=1)  # it was settled
    assert begin().agreement.state == "active"


def test_in_mexico_an_agreement_begins_once_it_can_name_the_creditors_account() -> None:
    """CONDUSEF, DOF 2014-10-07: payments go to the entity's own account. The rest of what the law
    wants said is in the document of every agreement."""
    world = owing()
    law = {"*": policy_of("MX")}
    andina = replace(rules().creditors["andina"], pay_url="", pay_instructions={})
    by = replace(rules(), contact_policies=law, creditors={"andina": andina})
    world.rulebooks = OneRulebook(by)
    begin = offered_or_waiting(world, waits=False)
    before = world.all_items()
    assert why_not(begin) == ("conflict", [("agreement", "not_on_file")])
    assert world.all_items() == before
    pays = replace(andina, pay_instructions={"es": "Cuenta 123, Banco Andino"})
    world.rulebooks = OneRulebook(replace(by, creditors={"andina": pays}))
    assert begin().agreement.state == "active"


def test_a_dispute_about_another_debt_keeps_nobody_from_accepting() -> None:
    world = owing(receivable("r1", late=15), receivable("r2", late=-20))
    begin = offered_or_waiting(world, waits=False)
    dispute = Hold("h", "dispute", date(2026, 9, 7), receivable_id="r2")
    world.put(replace(world.account(), holds=(dispute,)))
    assert begin().agreement.state == "active"


def offered_or_waiting(world: Agreeing, *, waits: bool) -> Callable[[], Done]:
    """The act by which an agreement becomes active: the acceptance of one that is offered, or the
    approval of one that `waits` for it."""
    manage = world.manage()
    if waits:
        made = manage.promise("k1", DEBT, Terms("plan", IN_A_WEEK, 20), PHONE, AGENT).agreement
        return lambda: manage.approve("k2", "a1", made.agreement_id, SUPERVISOR)
    offered = manage.agree("k1", DEBT, PROMISE, DEBTOR).agreement
    return lambda: manage.accept("k2", "a1", offered.agreement_id, PORTAL)


def test_credit_is_applied_before_anything_is_agreed() -> None:
    world = owing()
    world.put(replace(world.account(), credits={"andina|COP": 5}))
    assert why_not(lambda: world.manage().offers(DEBT)) == (
        "conflict",
        [("receivables", "unapplied_credit")],
    )


def test_what_terms_are_wrong_in_is_said_field_by_field() -> None:
    manage = owing().manage()
    too_long = Terms("plan", IN_A_WEEK, 30)
    assert manage.check(DEBT, too_long) == (Problem("instalments", "too_many", 6),)
    assert manage.check(DEBT, Terms("plan", IN_A_WEEK, 12)) == (
        Problem("instalments", "too_many", 6, "*"),
    )
    assert manage.check(DEBT, Terms("plan", IN_A_WEEK, 12), AGENT) == ()
    assert why_not(lambda: manage.agree("k", DEBT, too_long, DEBTOR)) == (
        "wrong",
        [("instalments", "too_many")],
    )


def test_a_preview_is_the_agreement_that_nobody_has_made() -> None:
    world = owing()
    seen = world.manage().preview(DEBT, PLAN)
    assert (seen.agreement_id, seen.state) == ("preview", "offered")
    assert [one.amount_minor for one in seen.instalments] == [100_000 * PESOS] * 3
    assert world.account().agreements == ()


# ------------------------------------------------------------------------------------- acts


def test_the_debtor_accepts_an_offer_with_evidence_and_the_debt_rests() -> None:
    world = owing()
    manage = world.manage()
    offered = manage.agree("k1", DEBT, PLAN, DEBTOR)
    assert (offered.agreement.state, offered.agreement.version) == ("offered", 1)
    done = manage.accept("k2", "a1", offered.agreement.agreement_id, PORTAL, version=1)
    accepted = done.agreement.accepted
    assert accepted is not None
    assert (done.agreement.state, accepted.by, accepted.ip) == ("active", "debtor", "203.0.113.7")
    assert [change.state for change in done.agreement.history] == [
        "offered",
        "accepted",
        "active",
    ]
    world.run(NOW)
    assert world.said() == []  # firm was due
    (decided,) = world.facts("a1", "decided")
    assert decided["reasons"][0]["code"] == "in_agreement"
    assert [(act.did, act.who) for act in world.table.acts(NOW.date(), NOW.date())] == [
        ("agreed", "debtor"),
        ("agreement_accepted", "debtor"),
    ]


def test_an_act_that_is_repeated_says_what_was_done_and_does_nothing() -> None:
    world = owing()
    first = world.manage().promise("k1", DEBT, PROMISE, PHONE, AGENT)
    items = world.all_items()
    again = world.manage().promise("k1", DEBT, PROMISE, PHONE, AGENT)
    assert (again.again, again.agreement) == (True, first.agreement)
    assert world.all_items() == items
    other = Terms("promise", IN_A_WEEK, amount_minor=200_000 * PESOS)
    assert why_not(lambda: world.manage().promise("k1", DEBT, other, PHONE, AGENT)) == (
        "conflict",
        [("key", "other_act")],
    )


def test_two_editors_do_not_overwrite_each_other() -> None:
    world = owing()
    manage = world.manage()
    made = manage.agree("k1", DEBT, PLAN, AGENT).agreement
    manage.cancel("k2", "a1", made.agreement_id, AGENT, why="declined", version=made.version)
    late = lambda: manage.accept(  # noqa: E731 - told apart by what it is refused for
        "k3", "a1", made.agreement_id, PHONE, AGENT, version=made.version
    )
    assert why_not(late) == ("stale", [("version", "moved_on")])
    blind = lambda: manage.accept("k4", "a1", made.agreement_id, PHONE, AGENT)  # noqa: E731
    assert why_not(blind) == ("conflict", [("agreement", "not_possible")])


def test_terms_beyond_a_role_rest_the_debt_and_wait_for_one_that_may() -> None:
    world = owing()
    manage = world.manage()
    long_plan = Terms("plan", IN_A_WEEK, 20)
    made = manage.promise("k1", DEBT, long_plan, PHONE, AGENT).agreement
    assert (made.state, made.approval) == ("accepted", ("supervisor",))
    assert why_not(lambda: manage.approve("k2", "a1", made.agreement_id, AGENT)) == (
        "not_allowed",
        [("agreement", "may_not")],
    )
    assert why_not(lambda: manage.approve("k2", "a1", made.agreement_id, DEBTOR)) == (
        "not_allowed",
        [("agreement", "may_not")],
    )
    done = manage.approve("k3", "a1", made.agreement_id, SUPERVISOR, why="a good payer")
    assert done.agreement.state == "active"
    assert "agreement_approved" in world.told()


LONG_PLAN = Terms("plan", IN_A_WEEK, 20)  # a supervisor's to approve


def approvals(world: Agreeing) -> list[tuple[str, str, list[str], bool]]:
    """The tasks to approve an agreement: which, which day they are due, whose, and whether open."""
    return [
        (t["about"], t["due_at"][:16], t["roles"], "closed_at" not in t)
        for t in world.tasks()
        if t["kind"] == "approve_agreement"
    ]


def listed(world: Agreeing) -> list[str]:
    tasks = world.table.listed("tasks")
    return [task["task_id"] for task in tasks if task["kind"] == "approve_agreement"]


@pytest.mark.parametrize(
    "end",
    ["approved", "cancelled", "expired", "replaced", "expired, a payment tells", "expired, an act"],
)
def test_what_waits_for_an_approval_is_on_the_list_of_tasks_until_it_waits_no_longer(
    end: str,
) -> None:
    world = owing()
    manage = world.manage()
    made = manage.promise("k1", DEBT, LONG_PLAN, PHONE, AGENT).agreement
    about = (made.agreement_id, "2026-09-08T15:00", ["supervisor"])
    assert manage.promise("k1", DEBT, LONG_PLAN, PHONE, AGENT).again
    assert approvals(world) == [(*about, True)]
    assert listed(world) == [f"approve_{made.agreement_id}"]
    match end:
        case "approved":
            manage.approve("k2", "a1", made.agreement_id, SUPERVISOR)
        case "cancelled":
            manage.cancel("k2", "a1", made.agreement_id, DEBTOR)
        case "replaced":
            manage.promise("k2", DEBT, PLAN, PHONE, AGENT, replaces=made.agreement_id)
        case "expired":
            world.until(IN_A_WEEK + timedelta(days=1))
        case "expired, a payment tells":
            world.clock.at += timedelta(days=8)
            world.pays(1_000 * PESOS)
        case _:
            world.clock.at += timedelta(days=8)
            order = GiveUp("k2", "goodwill", "waiver", "a1", "r1", "COP", {"principal": 1_000_00})
            world.manage_payments().give_up(order, Person("arn:ana", "manager"))
    if end.startswith("expired"):
        assert world.agreement().state == "expired"
    assert approvals(world) == [(*about, False)]
    assert listed(world) == []


def test_an_offer_that_waits_is_one_task_though_it_is_accepted_meanwhile() -> None:
    world = owing()
    made = world.manage().agree("k1", DEBT, LONG_PLAN, AGENT).agreement
    first = world.tasks()
    assert len(first) == 1
    world.manage().accept("k2", "a1", made.agreement_id, PHONE)
    assert world.agreement().state == "accepted"
    assert world.tasks() == first


@pytest.mark.parametrize("pesos", [(420_000,), (300_000, 120_000)])
def test_the_tasks_that_money_closes_have_room_in_its_transaction(pesos: tuple[int, ...]) -> None:
    """Invariant 9. What it settles alone would fill it: so it is booked in more than one."""
    many = [receivable(f"r{n:02}", late=15, open_minor=10_000 * PESOS) for n in range(42)]
    world = owing(*many)
    debt = Debt("a1", receivables=tuple(f"r{n:02}" for n in range(30)))
    for number in range(15):
        world.manage().agree(f"k{number}", debt, LONG_PLAN, AGENT)
    assert len(listed(world)) == 15
    world.clock.at += timedelta(days=8)
    at, told = world.clock.at, []
    for number, amount in enumerate(pesos):
        state = PaymentState(approved=Said(amount * PESOS, at))
        told.append(Incoming(f"P{number}", "import bank", "COP", at, state, creditor="andina"))
    world.book_payments()(OfAccount("a1", world.table.get("a1"), told))
    assert listed(world) == []
    assert (owed(world), world.account().credits, world.account().spreading) == ({}, {}, ())
    check_books(world)


def test_what_nobody_has_to_approve_opens_no_task() -> None:
    world = owing()
    world.manage().promise("k1", DEBT, PLAN, PHONE, AGENT)
    assert world.tasks() == []


def test_a_task_to_approve_is_due_before_the_agreement_expires() -> None:
    """It expires on the 8th, at midnight in Bogotá."""
    world = owing()
    made = world.manage().agree("k1", DEBT, Terms("plan", date(2026, 9, 7), 20), AGENT).agreement
    assert made.expires_on == date(2026, 9, 8)
    assert approvals(world) == [(made.agreement_id, "2026-09-08T05:00", ["supervisor"], True)]


def test_an_offer_expires_by_itself() -> None:
    world = owing()
    manage = world.manage()
    made = manage.agree("k1", DEBT, PLAN, DEBTOR).agreement
    assert made.expires_on == date(2026, 9, 14)
    world.until(date(2026, 9, 14))
    assert world.agreement().state == "expired"
    assert why_not(lambda: world.manage().accept("k2", "a1", made.agreement_id, PORTAL)) == (
        "conflict",
        [("agreement", "expired")],
    )


def test_a_debtor_does_not_take_back_what_is_in_force() -> None:
    world = owing()
    made = world.agrees(PROMISE).agreement
    assert why_not(lambda: world.manage().cancel("k", "a1", made.agreement_id, DEBTOR)) == (
        "not_allowed",
        [("agreement", "may_not")],
    )
    done = world.manage().cancel("k", "a1", made.agreement_id, AGENT, why="a mistake")
    assert done.agreement.state == "cancelled"
    world.run(NOW)
    assert world.said() == [("09-07", "firm")]


def test_what_is_accepted_later_is_the_debt_of_the_day_on_which_it_was_worked_out() -> None:
    world = owing(interest=True)
    manage = world.manage()
    made = manage.agree("k1", DEBT, PROMISE, DEBTOR).agreement
    world.clock.at += timedelta(days=1)
    world.pays(1, payment="P0")  # a cent, so that a day more of interest is charged
    assert world.open_minor() + 1 > made.total_minor
    manage.accept("k2", "a1", made.agreement_id, PORTAL)
    assert world.open_minor() + 1 == made.total_minor
    check_books(world)


def test_an_older_offer_is_not_agreed_on_once_it_says_more_than_is_owed() -> None:
    """What another agreement has given up since, nobody could pay under this one."""
    world = owing()
    manage = world.manage()
    old = manage.agree("k1", DEBT, PLAN, AGENT).agreement.agreement_id
    less = Terms("settlement", date(2026, 9, 9), discount={"principal": 60_000 * PESOS})
    manage.promise("k2", DEBT, less, PHONE, AGENT)
    world.pays(240_000 * PESOS)
    assert (world.agreement().state, owed(world)) == ("fulfilled", {})
    before = world.account()
    refused = why_not(lambda: manage.accept("k3", "a1", old, PHONE))
    assert refused == ("conflict", [("agreement", "owed_less")])
    assert world.account() == before
    assert world.agreement(0).state == "offered"


@pytest.mark.parametrize(("discount_minor", "state"), [(6_000_000, "fulfilled"), (5_999_999, "")])
def test_an_older_offer_stands_as_long_as_it_asks_for_no_more_than_is_owed(
    discount_minor: int, state: str
) -> None:
    """Of 500,000 pesos 240,000 are paid, 60,000 given up. It asks for 200,000, or a cent more."""
    world = owing(
        receivable("r1", late=15, open_minor=300_000 * PESOS),
        receivable("r2", late=15, open_minor=200_000 * PESOS),
    )
    manage = world.manage()
    terms = Terms("settlement", date(2026, 9, 9), discount={"principal": discount_minor})
    old = manage.agree("k1", DEBT, terms, AGENT).agreement.agreement_id
    less = replace(terms, discount={"principal": 60_000 * PESOS})
    manage.promise("k2", Debt("a1", receivables=("r1",)), less, PHONE, AGENT)
    world.pays(240_000 * PESOS)
    assert owed(world) == {"r2": 200_000 * PESOS}
    if not state:
        refused = why_not(lambda: manage.accept("k3", "a1", old, PHONE))
        assert refused == ("conflict", [("agreement", "owed_less")])
        return
    manage.accept("k3", "a1", old, PHONE)
    world.pays(200_000 * PESOS, payment="P2")
    assert (world.agreement(0).state, owed(world), world.account().credits) == (state, {}, {})
    check_books(world)


def test_no_second_agreement_rests_the_same_debt() -> None:
    world = owing()
    manage = world.manage()
    one = manage.agree("k1", DEBT, PLAN, DEBTOR).agreement
    two = manage.agree("k2", DEBT, PROMISE, DEBTOR).agreement
    manage.accept("k3", "a1", one.agreement_id, PORTAL)
    assert why_not(lambda: manage.accept("k4", "a1", two.agreement_id, PORTAL)) == (
        "conflict",
        [("receivables", "resting")],
    )


def test_an_account_that_is_not_there_and_an_agreement_that_is_not() -> None:
    world = owing()
    assert why_not(lambda: world.manage().list_of("a9")) == (
        "not_found",
        [("account", "not_found")],
    )
    assert why_not(lambda: world.manage().one("a1", "g9")) == (
        "not_found",
        [("agreement", "not_found")],
    )


def test_somebody_who_is_left_in_peace_may_agree_all_the_same() -> None:
    world = owing()
    offered = world.manage().agree("k1", DEBT, PROMISE, DEBTOR).agreement.agreement_id
    rests = Hold("h", "vulnerable", date(2026, 9, 1), date(2026, 12, 1))
    world.put(replace(world.account(), holds=(rests,)))
    done = world.manage().accept("k2", "a1", offered, PHONE, DEBTOR)
    assert done.agreement.state == "active"


# --------------------------------------------------------- the document, and who leaves it


def test_what_ended_long_ago_leaves_the_document_and_still_follows_its_money() -> None:
    world = owing()
    world.agrees(Terms("settlement", IN_A_WEEK, discount={"principal": 60_000 * PESOS}))
    world.pays(240_000 * PESOS, date(2026, 9, 10))
    world.owe(receivable("r2", late=1, open_minor=80_000 * PESOS))
    world.clock.at += ENDED_FOR
    world.pays(1_000 * PESOS, payment="P2")
    account = world.account()
    assert (account.agreements, len(account.ended)) == ((), 1)
    (seen,) = world.manage().list_of("a1")
    assert seen.agreement.state == "fulfilled"
    # The money of the settlement goes after all: the discount is gone, and the agreement is back.
    world.bounces("P1")
    assert world.agreement().state == "active"
    assert world.account().ended == ()
    assert owed(world) == {"r1": 300_000 * PESOS, "r2": 79_000 * PESOS}
    check_books(world)


def test_however_many_have_ended_a_write_takes_out_no_more_than_a_transaction_holds() -> None:
    """Invariant 9: an account that has had many offers can still be worked."""
    world = owing()
    made = world.agrees(PROMISE).agreement
    many = tuple(replace(made, agreement_id=f"g{number}", state="expired") for number in range(150))
    world.put(replace(world.account(), agreements=(*many, made)))
    world.clock.at += ENDED_FOR
    left = []
    for number in range(3):
        world.pays(1_000 * PESOS, payment=f"P{number}")
        left.append(len(world.account().agreements))
    assert left == [131, 111, 91]


# ------------------------------------------------------------------------------------ faults


def acted(world: Agreeing, faults: Faults | None = None) -> Done:
    return world.manage(faults).promise("k1", DEBT, PROMISE, PHONE, AGENT)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_act_that_dies_anywhere_is_done_once_when_it_is_repeated(
    when: Literal["before", "after"],
) -> None:
    whole = Faults()
    acted(owing(interest=True), whole)
    for number in range(1, len(whole.calls) + 1):
        world = owing(interest=True)
        with pytest.raises(Crash):
            acted(world, Faults(number, when))
        acted(world)
        assert len(world.account().agreements) == 1
        assert world.told() == ["agreement_offered", "agreement_accepted", "agreement_active"]
        assert len(list(world.table.acts(NOW.date(), NOW.date()))) == 1
        check_books(world)


def settling(faults: Faults | None = None, dies: bool = False) -> Agreeing:
    """A settlement that is paid: what is left is given up in the same transaction."""
    world = owing()
    world.agrees(Terms("settlement", IN_A_WEEK, discount={"principal": 60_000 * PESOS}))
    if dies:
        with pytest.raises(Crash):
            world.pays(240_000 * PESOS, faults=faults)
        world.pays(240_000 * PESOS)
    else:
        world.pays(240_000 * PESOS, faults=faults)
    return world


@pytest.mark.parametrize("when", ["before", "after"])
def test_money_that_fulfils_counts_once_whatever_dies(when: Literal["before", "after"]) -> None:
    whole = Faults()
    settling(whole)
    for number in range(1, len(whole.calls) + 1):
        world = settling(Faults(number, when), dies=True)
        assert (world.agreement().state, world.open_minor()) == ("fulfilled", 0)
        assert movements(world) == [
            ("r1", "payment", -240_000 * PESOS),
            ("r1", "waiver", -60_000 * PESOS),
        ]
        check_books(world)


def test_time_that_is_noticed_twice_at_once_is_noticed_once() -> None:
    world = owing()
    world.agrees(PROMISE)
    world.clock.at += timedelta(days=10)
    stored = world.table.get("a1")
    assert stored is not None
    after = pass_time(world.table, stored, world.rulebook(), world.clock.at)
    assert pass_time(world.table, after, world.rulebook(), world.clock.at) == after
    world.run(world.clock.at)
    assert world.told().count("agreement_broken") == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_dies_while_it_breaks_a_promise_is_made_up_for(
    when: Literal["before", "after"],
) -> None:
    def late() -> Agreeing:
        world = owing()
        world.agrees(PROMISE)
        world.clock.at += timedelta(days=10)
        world.sweep()(world.clock.at)
        return world

    whole = Faults()
    late().take("escalate", whole)
    for number in range(1, len(whole.calls) + 1):
        world = late()
        world.take("escalate", Faults(number, when))
        world.hand_over_again()
        world.work_off("escalate")
        world.run(world.clock.at + timedelta(minutes=15))
        assert world.told()[3:] == ["instalment_missed", "agreement_broken"], number
        assert world.agreement().state == "broken"


def test_an_acceptance_between_the_decision_and_the_message_stops_the_message() -> None:
    world = owing()
    world.clock.at = NOW
    world.sweep()(NOW)
    world.work_off("escalate")
    assert world.account().intents != ()
    world.agrees(PROMISE)
    world.work_off()
    assert world.said() == []  # invariant 2
    assert [fact["fact"] for fact in world.facts("a1")].count("withdrawn") == 1


def test_a_payment_and_an_acceptance_at_the_same_time_are_both_there() -> None:
    world = owing()
    made = world.manage().agree("k1", DEBT, PROMISE, DEBTOR).agreement
    meanwhile = Faults(2, "after", lambda: world.pays(100_000 * PESOS))
    done = world.manage(meanwhile).accept("k2", "a1", made.agreement_id, PORTAL)
    assert done.standing.paid_minor == 100_000 * PESOS
    assert world.open_minor() == 200_000 * PESOS
    check_books(world)


def test_before_a_rulebook_is_published_nothing_can_be_agreed() -> None:
    world = owing()
    manage = ManageAgreements(world.table, lambda _: None, world.clock)
    assert why_not(lambda: manage.offers(DEBT)) == ("conflict", [("offer", "not_offered")])
    assert Actor("operator").authority == "*"
