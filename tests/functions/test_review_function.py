"""The review of the book through its handler: a person is asked, and the log names nobody."""

from datetime import date

from msgspec.structs import replace

from escalon.domain.account import Behaviour, Trial
from escalon.domain.rules.rulebook import Arm, Experiment
from escalon.domain.storage import Change
from tests.doubles.publishing import put_in_force
from tests.functions.conftest import NOW, Aws
from tests.functions.test_functions import EMAIL, add_debtors, event, names_nobody

HURTS = Experiment(
    experiment="sooner",
    condition=["anyone"],
    first_day=date(2026, 10, 1),
    last_day=date(2026, 12, 31),
    arms=(Arm("champion", 5_000, "standard"), Arm("sooner", 5_000, "standard")),
    within_days=30,
    recovered=10_000,
    baseline=6_000,
    detects=500,
    guard_rails={"complaints": 100},
    guarded_from=1,
)


def test_the_book_is_reviewed(aws: Aws) -> None:
    """A debtor who pays late with a limit of COP 200,000, and an experiment that one complained
    about."""
    add_debtors(aws)
    credit = aws.rulebook.credit
    assert credit is not None
    rules = replace(aws.rulebook, credit=replace(credit, every_days=1), experiments=(HURTS,))
    put_in_force(aws.deployed, replace(rules, version="reviewed"))
    stored = aws.deployed.table.get(EMAIL)
    assert stored is not None
    late = Behaviour(settled=20, late=18, late_days=400, recent=(20,) * 8)
    trial = Trial("sooner", NOW, NOW, {"COP": 1}, {}, True)
    account = replace(
        stored.account,
        behaviour=late,
        credit_limits={"COP": 20_000_000},
        trials={"sooner": trial},
    )
    aws.deployed.table.update(Change(stored, account, NOW, ()))
    done = aws.invoke("ReviewBook", event("review_book/scheduled.json"))
    assert done.answer == {"accounts": 3, "asked": 1, "ended": ["sooner"]}
    assert done.counted("CreditReviewsAsked") == 1
    assert done.counted("ExperimentsEnded") == 1
    (task,) = aws.deployed.table.documents(f"A#{EMAIL}", "T#")
    assert (task["kind"], task["proposals"][0]["proposed"]) == ("credit_review", 15_000_000)
    assert names_nobody(done.log)
