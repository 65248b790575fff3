"""What becomes of debtors who agree, told day by day through the whole system: the engine, the
deliveries, the ledger and the runs (L13, L14)."""

from datetime import date, timedelta

from msgspec.structs import replace

from escalon.domain.account import Hold
from escalon.domain.agreements.agreed import Pause
from escalon.domain.agreements.agreement import standing
from escalon.domain.agreements.offers import Terms
from escalon.domain.rules.rulebook import Step
from escalon.usecases.contact.manage_tasks import CloseTask
from escalon.usecases.operators.acts import GiveUp, Person
from tests.doubles.payments import check_books, movements
from tests.doubles.world import NOW, OneRulebook, receivable
from tests.usecases.agreeing import AGENT, PESOS, RULES, SUPERVISOR, Agreeing
from tests.usecases.test_manage_tasks import manage as tasks_of

# The stories begin on Monday, 7 September 2026; the debt of 300,000 pesos fell due 15 days before.
DEBT = 300_000 * PESOS


def september(day: int) -> date:
    return date(2026, 9, day)


def october(day: int) -> date:
    return date(2026, 10, day)


def november(day: int) -> date:
    return date(2026, 11, day)


def owing(late: int = 15, *, interest: bool = False) -> Agreeing:
    world = Agreeing(interest=interest)
    world.owe(receivable("r1", late=late, open_minor=DEBT))
    return world


def promise(day: date, pesos: int = 300_000) -> Terms:
    amount = None if pesos == 300_000 else pesos * PESOS
    return Terms("promise", day, amount_minor=amount)


def test_a_promise_that_is_kept_ends_the_matter() -> None:
    world = owing()
    world.run(NOW)
    assert world.said() == [("09-07", "firm")]
    made = world.agrees(promise(september(18)))
    assert made.agreement.state == "active"
    world.until(september(17))
    # While it is kept nothing is asked for but the promise itself, and that once before its day.
    assert world.said() == [("09-07", "firm"), ("09-15", "instalment-soon")]
    world.pays(DEBT, september(17))
    world.until(september(30))
    assert world.said() == [("09-07", "firm"), ("09-15", "instalment-soon")]
    assert world.agreement().state == "fulfilled"
    assert world.told() == [
        "agreement_offered",
        "agreement_accepted",
        "agreement_active",
        "instalment_kept",
        "agreement_fulfilled",
    ]
    assert world.open_minor() == 0
    check_books(world)


def test_a_promise_that_is_kept_in_part_is_broken_after_its_tolerance() -> None:
    world = owing()
    world.agrees(promise(september(18)))
    world.until(september(18))
    world.pays(100_000 * PESOS, september(18))
    world.until(september(20))
    assert (world.agreement().state, world.stands().instalments[0].state) == ("active", "late")
    world.until(september(21))
    assert (world.agreement().state, world.stands().instalments[0].state) == (
        "broken",
        "part_kept",
    )
    assert world.told()[3:] == ["instalment_late", "instalment_part_kept", "agreement_broken"]
    (broken,) = world.facts("a1", "agreement_broken")
    assert broken["owed"] == {"principal": 200_000 * PESOS}
    assert "why" not in broken
    # The ladder goes on at the step for its age: 29 days past due, where a person calls.
    assert [task["kind"] for task in world.tasks()] == ["call"]
    check_books(world)


def test_a_promise_that_is_broken_lets_the_ladder_go_on_and_money_pays_the_debt_all_the_same() -> (
    None
):
    world = owing(late=3)
    world.run(NOW)
    world.agrees(promise(september(10)))
    world.until(september(13))
    assert world.told()[3:] == ["instalment_late", "instalment_missed", "agreement_broken"]
    world.until(september(15))
    assert world.said() == [
        ("09-07", "friendly"),
        ("09-08", "instalment-soon"),  # two days before: the day for it had passed already
        ("09-10", "instalment-today"),
        ("09-14", "firm"),
    ]
    world.pays(DEBT, september(15))
    assert (world.open_minor(), world.agreement().state) == (0, "broken")
    check_books(world)


def test_a_payment_that_bounces_after_the_promise_was_kept_takes_that_back() -> None:
    world = owing()
    world.agrees(promise(september(18)))
    world.pays(DEBT, september(17))
    assert world.agreement().state == "fulfilled"
    world.until(september(19))
    world.bounces()
    # The money has the tolerance once more, from the day on which it went (L14).
    assert (world.agreement().state, world.open_minor()) == ("active", DEBT)
    world.until(september(21))
    assert world.agreement().state == "active"
    world.until(september(22))
    assert world.agreement().state == "broken"
    assert world.told()[3:] == [
        "instalment_kept",
        "agreement_fulfilled",
        "instalment_reversed",
        "agreement_active",
        "agreement_broken",
    ]
    check_books(world)


def test_a_plan_with_one_late_instalment_inside_the_tolerance_is_kept() -> None:
    world = owing()
    world.agrees(Terms("plan", september(15), 3))
    assert [i.amount_minor for i in world.agreement().instalments] == [100_000 * PESOS] * 3
    world.until(september(15))
    world.pays(100_000 * PESOS, september(15), payment="P1")
    world.until(october(20))
    assert world.stands().instalments[1].state == "late"
    world.pays(100_000 * PESOS, october(20), payment="P2")  # five days after 15 October
    world.until(november(14))
    world.pays(100_000 * PESOS, november(14), payment="P3")
    assert world.agreement().state == "fulfilled"
    assert world.said() == [
        ("09-14", "instalment-soon"),  # the 12th is a Saturday
        ("09-15", "instalment-today"),
        ("10-12", "instalment-soon"),
        ("10-15", "instalment-today"),
        ("11-12", "instalment-soon"),
    ]
    assert world.open_minor() == 0
    check_books(world)


def test_a_plan_that_is_broken_resumes_at_the_step_that_the_rules_name() -> None:
    world = owing(late=40)
    world.run(NOW)  # the call: the highest step for its age
    assert [task["kind"] for task in world.tasks()] == ["call"]
    world.agrees(Terms("plan", september(15), 3))
    world.pays(100_000 * PESOS, september(15))
    world.until(october(20))
    assert world.agreement().state == "active"
    world.until(october(21))
    assert world.agreement().state == "broken"
    assert world.facts("a1", "agreement_broken")[0]["resume_at"] == "firm"
    world.until(october(23))
    # `firm` again, though the debt is 80 days old, and the call ten days after it.
    firm = [step for _, step in world.said() if step == "firm"]
    assert firm == ["firm"]
    assert len(world.tasks()) == 1
    world.until(november(3))  # a call waits for the hours of its channel: the 31st is a Saturday
    assert [task["kind"] for task in world.tasks()] == ["call", "call"]
    assert len({message["message_id"] for message in world.messages()}) == len(world.messages())


def test_a_settlement_is_forfeited_by_a_cent() -> None:
    world = owing()
    terms = Terms("settlement", september(15), discount={"principal": 60_000 * PESOS})
    world.agrees(terms)
    world.pays(240_000 * PESOS - 1, september(15))
    world.until(september(18))
    assert world.agreement().state == "broken"
    (broken,) = world.facts("a1", "agreement_broken")
    assert broken["forfeited"] == {"principal": 60_000 * PESOS}
    assert world.open_minor() == 60_000 * PESOS + 1
    assert movements(world, cause="") == [("r1", "payment", -(240_000 * PESOS - 1))]
    check_books(world)


def test_a_settlement_that_is_kept_gives_up_the_rest_and_a_bounce_takes_that_back() -> None:
    world = owing()
    terms = Terms("settlement", september(15), discount={"principal": 60_000 * PESOS})
    world.agrees(terms)
    world.pays(240_000 * PESOS, september(15))
    assert (world.agreement().state, world.open_minor()) == ("fulfilled", 0)
    assert ("r1", "waiver", -60_000 * PESOS) in movements(world)
    check_books(world)
    world.until(september(16))
    world.bounces()
    assert (world.agreement().state, world.open_minor()) == ("active", DEBT)
    assert ("r1", "waiver", 60_000 * PESOS) in movements(world)
    check_books(world)
    world.pays(240_000 * PESOS, september(17), payment="P2")
    assert (world.agreement().state, world.open_minor()) == ("fulfilled", 0)
    check_books(world)


def test_a_broken_plan_is_renegotiated_and_the_chain_is_kept() -> None:
    world = owing()
    first = world.agrees(Terms("plan", september(15), 3)).agreement
    world.pays(100_000 * PESOS, september(15))
    world.until(october(25))
    assert world.agreement().state == "broken"
    second = world.agrees(
        Terms("plan", october(30), 2), SUPERVISOR, replaces=first.agreement_id
    ).agreement
    assert second.state == "active"
    assert second.total_minor == 200_000 * PESOS
    old, new = world.account().agreements
    assert (old.state, old.replaced_by, new.replaces) == (
        "replaced",
        second.agreement_id,
        first.agreement_id,
    )
    chain = world.manage().history("a1", first.agreement_id)
    assert [one.agreement_id for one in chain] == [first.agreement_id, second.agreement_id]
    world.pays(100_000 * PESOS, october(30), payment="P2")
    world.pays(100_000 * PESOS, october(31), payment="P3")
    assert [one.state for one in world.account().agreements] == ["replaced", "fulfilled"]
    check_books(world)


def test_money_that_is_told_of_before_anybody_noticed_the_break_leaves_no_trace_of_it() -> None:
    world = owing()
    world.agrees(promise(september(18)))
    world.clock.at += timedelta(days=16)
    world.pays(DEBT, september(18))
    assert (world.today, world.agreement().state) == (september(23), "fulfilled")
    assert "agreement_broken" not in world.told()


def test_money_that_was_there_in_time_and_is_told_of_late_mends_what_was_broken() -> None:
    world = owing()
    world.agrees(promise(september(18)))
    world.until(september(25))
    assert world.agreement().state == "broken"
    world.pays(DEBT, september(18))
    assert (world.agreement().state, world.open_minor()) == ("fulfilled", 0)
    check_books(world)


def test_default_interest_that_a_break_has_brought_goes_when_the_break_has_never_been() -> None:
    world = owing(interest=True)
    world.agrees(promise(september(18)))
    owed = world.agreement().total_minor
    assert owed > DEBT  # with interest through the day of the promise
    assert world.open_minor() == owed
    world.until(september(19))
    assert ("09-15", "instalment-soon") in world.said()
    assert world.open_minor() == owed  # it bears nothing while it rests, whoever is written to
    world.until(september(25))
    assert world.agreement().state == "broken"
    # A letter that says what is owed charges the days of rest, like those of a hold.
    world.pays(2_000 * PESOS, september(25), payment="P0")
    assert world.open_minor() > owed - 2_000 * PESOS
    check_books(world)
    world.pays(owed - 2_000 * PESOS, september(18), payment="P1")
    assert world.agreement().state == "broken"  # two thousand pesos of it came too late
    world.pays(2_000 * PESOS, september(18), payment="P2")
    assert world.agreement().state == "fulfilled"
    # What was charged after the break and is not paid is given back. What was paid of it stays so:
    # two thousand pesos by the first payment, eighteen by the second.
    charged = sum(minor for _, kind, minor in movements(world) if kind == "interest")
    assert charged - (owed - DEBT) == 2_018_08
    assert world.open_minor() == 18_08
    check_books(world)


def test_several_agreements_of_one_debtor_wait_for_their_own_days() -> None:
    world = owing()
    world.owe(receivable("r2", late=5, open_minor=50_000 * PESOS))
    world.agrees(promise(september(18)))
    assert set(world.agreement().debts) == {"r1", "r2"}
    assert standing(world.agreement(), september(18)).left_minor == 350_000 * PESOS
    world.until(september(10) + timedelta(days=1))
    assert world.said() == []
    assert AGENT.authority == "agent"


def test_a_dispute_that_is_opened_and_lost_stops_the_clock_of_the_promise() -> None:
    world = owing()
    world.agrees(promise(september(18)))
    world.until(september(16))
    account = world.account()
    dispute = Hold("h1", "dispute", september(16), receivable_id="r1")
    world.put(replace(account, holds=(dispute,)), world.clock.at)
    world.until(september(25))
    # Nobody asks for what is disputed, and nobody breaks their word about it.
    assert world.said() == [("09-15", "instalment-soon")]
    assert world.agreement().state == "active"
    assert world.told()[3:] == ["agreement_paused"]
    world.put(replace(world.account(), holds=()), world.clock.at)
    world.until(september(28))
    assert world.told()[3:] == ["agreement_paused", "agreement_goes_on", "instalment_late"]
    assert world.agreement().pauses == (Pause(september(16), september(26)),)
    assert world.stands().instalments[0].until == september(28)
    world.until(september(29))
    assert world.agreement().state == "broken"
    check_books(world)


def test_a_dispute_that_is_won_pays_the_instalments_that_were_about_it() -> None:
    world = owing()
    world.agrees(Terms("plan", september(15), 3))
    world.pays(100_000 * PESOS, september(15))
    manage = world.manage_payments()
    order = GiveUp("act 1", "agreed", "waiver", "a1", "r1", "COP", {"principal": 200_000 * PESOS})
    manage.give_up(order, Person("arn:manager", "manager"))
    assert world.open_minor() == 0
    assert world.agreement().state == "fulfilled"
    check_books(world)


def test_after_a_hold_a_late_instalment_is_spoken_of_before_the_plan_breaks() -> None:
    """L13"""
    world = owing()
    late = Step("instalment-late", "reminder", 1, channels=("email",), message="instalment_late")
    offered = replace(RULES, reminders=(*RULES.reminders, late))
    world.rulebooks = OneRulebook(
        replace(world.rulebook(), agreements=offered, version="reminds of what is late")
    )
    world.agrees(Terms("plan", september(15), 3))
    held = (Hold("h", "vulnerable", world.today, october(7)),)
    world.put(replace(world.account(), holds=held), world.clock.at)
    world.until(october(7))
    assert world.said() == []
    world.until(october(11))
    assert (world.said(), world.agreement().state) == ([("10-08", "instalment-late")], "active")
    (message,) = world.messages()
    body = world.s3.objects[message["kept_at"]][0].decode()
    text = " ".join(body.replace("=\n", "").split())
    assert "Instalment 1 of 3 of your agreement" in text
    assert "was for September 15, 2026" in text
    assert "with your payment by October 12, 2026 your agreement goes on as it is" in text
    world.until(october(13))
    assert world.agreement().state == "broken"
    check_books(world)


def test_a_reminder_speaks_of_its_instalment_and_of_nothing_that_rests() -> None:
    world = owing()
    world.agrees(Terms("plan", september(15), 3))
    world.owe(receivable("r9", late=1, open_minor=25_000 * PESOS))
    world.until(september(14))
    (message,) = [one for one in world.messages() if one["step"] == "instalment-soon"]
    body = world.s3.objects[message["kept_at"]][0].decode()
    text = " ".join(body.replace("=\n", "").split())
    assert "instalment 1 of 3 of your agreement" in text
    assert "100,000" in text
    assert "300,000" not in text
    assert "doc-r9" not in text
    assert [line["open_minor"] for line in message["receivables"]] == [100_000 * PESOS]


def test_l10_a_reminder_whose_end_nobody_tells_is_listed_once_and_settled_by_a_person() -> None:
    """As a ladder's step would be; the agreement goes on."""
    world = owing()
    world.agrees(Terms("plan", september(15), 3))
    world.until(september(13))
    left = NOW + timedelta(days=7)
    world.run(left)
    assert world.said() == [("09-14", "instalment-soon")]
    (sent,) = world.messages()
    world.run(left + timedelta(hours=72) - timedelta(seconds=1))
    assert world.tasks() == []
    for number in range(3):
        world.run(left + timedelta(hours=72, minutes=15 * number))
    (task,) = world.table.listed("tasks")
    assert (task["kind"], task["about"]) == ("unknown_fate", sent["message_id"])
    assert (task["step"], task["stage"]) == ("instalment-soon", "pre_due")
    assert [r.state for r in world.account().reminded.values()] == ["unknown"]
    order = CloseTask("k1", "she said so", "a1", task["task_id"], "delivered")
    assert tasks_of(world).close(order, Person("arn:ana", "agent")) is False
    assert [r.state for r in world.account().reminded.values()] == ["delivered"]
    assert list(world.table.listed("tasks")) == []
    world.run(left + timedelta(hours=73))
    assert len(world.messages()) == 1
