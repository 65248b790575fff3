"""What may be agreed, as operators write it: what the shipped file becomes, and what is refused."""

import shutil
from datetime import date
from pathlib import Path

import msgspec
import pytest

from escalon.authoring.rulebook import RulebookError, load_rulebook
from escalon.authoring.yaml_lines import Problem
from escalon.domain.agreements.offers import Case, propose
from escalon.domain.rules.conditions import ConditionFacts
from escalon.domain.rules.rulebook import (
    AgreementRules,
    Limits,
    OfferRule,
    PlanInterest,
    Rulebook,
    Stage,
    Step,
)

ROOT = Path(__file__).parents[2]
AGREEMENTS = "agreements.yaml"


@pytest.fixture(scope="module")
def shipped() -> Rulebook:
    return load_rulebook(ROOT / "config", try_messages=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped rulebook, to be changed; it reminds of nothing yet."""
    copy = Path(shutil.copytree(ROOT / "config", tmp_path / "config"))
    offers, _, _ = (copy / AGREEMENTS).read_text(encoding="utf-8").partition("\nreminders:\n")
    (copy / AGREEMENTS).write_text(offers + "\n", encoding="utf-8")
    return copy


def changed(config: Path, old: str, new: str) -> Rulebook:
    """The rulebook with one place of its agreements changed."""
    path = config / AGREEMENTS
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return load_rulebook(config, try_messages=False)


def refused(config: Path, old: str, new: str) -> list[Problem]:
    with pytest.raises(RulebookError) as error:
        changed(config, old, new)
    return list(error.value.problems)


def offer(rulebook: Rulebook, name: str) -> OfferRule:
    return next(rule for rule in rulebook.agreements.offers if rule.offer == name)


def line_of(config: Path, text: str) -> int:
    """The line of the file, from 1, in which that text begins."""
    before, found, _ = (config / AGREEMENTS).read_text(encoding="utf-8").partition(text)
    assert found, text
    return before.count("\n") + 1


# --- what is shipped -----------------------------------------------------------------------------


def test_an_offer_becomes_what_it_says(shipped: Rulebook) -> None:
    plan = offer(shipped, "plan")
    assert msgspec.structs.replace(plan, source="") == OfferRule(
        offer="plan",
        kind="plan",
        condition=["open", "from", {"COP": 20_000_000, "USD": 5_000}],
        limits=Limits(first_within_days=15, most_instalments=6, most_broken=1),
        from_days=5,
        least_instalments=2,
        show=(2, 3, 6),
        every=("month", "twice_monthly"),
        least_instalment_minor={"COP": 5_000_000, "USD": 2_500},
        round_minor={"COP": 100_000, "USD": 100},
        tolerance_days=5,
        tolerance_minor={"COP": 100_000, "USD": 100},
        resume_at="firm",
        beyond={
            "*": Limits(30, 12, most_broken=2),
            "supervisor": Limits(45, 24, most_broken=5),
        },
    )
    file, _, line = plan.source.partition(":")
    text = (ROOT / "config" / file).read_text(encoding="utf-8").splitlines()
    assert text[int(line) - 1] == "  plan:"


def test_shares_are_hundredths_of_a_percent(shipped: Rulebook) -> None:
    settlement = offer(shipped, "old-debt")
    assert settlement.least_first == 4_000
    assert settlement.limits.most_discount == {
        "interest": 10_000,
        "fee": 10_000,
        "principal": 1_500,
    }
    assert settlement.beyond["manager"] == Limits(45, 6, {"principal": 5_000})
    assert list(settlement.beyond) == ["supervisor", "manager"]  # the least first


def test_what_is_left_out_is_no_limit_or_nothing(shipped: Rulebook) -> None:
    promise = offer(shipped, "promise")
    assert (promise.from_days, promise.to_days, promise.stages) == (None, None, ())
    assert (promise.every, promise.show, promise.least_instalment_minor) == (("month",), (), {})
    assert promise.resume_at == ""
    extension = offer(shipped, "extension")
    assert (extension.from_days, extension.to_days) == (1, 45)
    assert extension.limits.most_broken == 0
    assert extension.stands_days == 7


@pytest.mark.parametrize(
    ("days", "stage", "expected"),
    [
        (3, "reminder", {"promise", "extension"}),
        (20, "firm", {"promise", "extension", "plan"}),
        (60, "negotiation", {"promise", "plan", "without-interest"}),
        (200, "legal", {"promise", "plan", "without-interest", "old-debt"}),
    ],
)
def test_what_is_shipped_offers_more_the_later_it_is(
    shipped: Rulebook, days: int, stage: Stage, expected: set[str]
) -> None:
    facts = ConditionFacts((), "CO", "andina", "es-CO", "person", "", {"COP": 100_000_000}, 1)
    debts = {"r1": {"principal": 90_000_000, "interest": 10_000_000}}
    case = Case("andina", "COP", debts, facts, date(2026, 9, 15), "standard", stage, days)
    found = propose(shipped.agreements, case, shipped.rates)
    assert {one.terms.offer for one in found} == expected
    assert all(one.amount_minor % 100 == 0 for each in found for one in each.instalments)


# --- every word ----------------------------------------------------------------------------------


def test_interest_reminders_and_frequencies_become_what_they_say(config: Path) -> None:
    loaded = changed(
        config,
        "    every: [month, 15th and last day]          # or: week, fortnight\n",
        "    every: [week, fortnight, 15th and last day, month]\n"
        "    interest: {rate: 18.25 %, cap: co_usura_consumo, currencies: [COP]}\n"
        "    strategies: [standard]\n",
    )
    plan = offer(loaded, "plan")
    assert plan.every == ("week", "fortnight", "twice_monthly", "month")
    assert plan.interest == PlanInterest(182_500, "co_usura_consumo", ("COP",))
    assert plan.strategies == ("standard",)


def test_reminders_are_steps_by_the_day_of_the_instalment(config: Path) -> None:
    old = "# Reminders of instalments, by the day on which they are due."
    loaded = changed(
        config,
        old,
        "reminders:\n"
        "  - {reminder: soon, when: 3 days before, by: [email, sms], say: heads_up}\n"
        "  - {reminder: today, when: on the day, by: [sms], say: due_tomorrow}\n"
        "  - {reminder: late, when: 1 day after, by: [email], say: friendly}\n" + old,
    )
    line = line_of(config, "  - {reminder: soon")
    assert loaded.agreements.reminders == (
        Step("soon", "pre_due", -3, channels=("email", "sms"), message="heads_up",
             source=f"agreements.yaml:{line}"),
        Step("today", "pre_due", 0, channels=("sms",), message="due_tomorrow",
             source=f"agreements.yaml:{line + 1}"),
        Step("late", "reminder", 1, channels=("email",), message="friendly",
             source=f"agreements.yaml:{line + 2}"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "share"), [("1 %", 100), ("12.5 %", 1_250), ("0.25%", 25), ("100 %", 10_000)]
)
def test_a_share_may_have_two_decimals(config: Path, words: str, share: int) -> None:
    loaded = changed(config, "at_least: 30 % ", f"at_least: {words} ")
    assert offer(loaded, "promise").least_first == share


# --- what is refused, where, in which words ------------------------------------------------------

PLAN_SHOW = "    show: [2, 3, 6] "
PLAN_LEAST = "    least_instalment: {COP: 50_000, USD: 25} "
LAST = "# Reminders of instalments, by the day on which they are due."

BROKEN = [
    ("for: not risk is high", "for: not risky", "unknown word 'risky'", "see the operator's guide"),
    (
        "for: not risk is high",
        "for: 5",
        "cannot read '5'",
        "write a condition such as 'tag is vip'",
    ),
    (
        "for: not risk is high",
        "for: creditor is andinas",
        "there is no creditor andinas",
        "did you mean andina?",
    ),
    (
        "    stages: [reminder, firm]\n",
        "    stages: [reminder, frim]\n",
        "'frim' is not known here, did you mean 'firm'?",
        "",
    ),
    (
        "    stages: [reminder, firm]\n",
        "    strategies: [standrad]\n",
        "there is no strategy standrad",
        "did you mean standard?",
    ),
    (
        "past_due: 1 to 45 days",
        "past_due: 45 days",
        "cannot read '45 days'",
        "write it like '30 to 180 days' or 'from 30 days'",
    ),
    (
        "past_due: 1 to 45 days",
        "past_due: 45 to 1 days",
        "45 days come after 1",
        "write the lower number first",
    ),
    (
        "at_least: 30 % ",
        "at_least: 0 % ",
        "0 % is no share",
        "write more than 0 and at most 100 %",
    ),
    (
        "at_least: 30 % ",
        "at_least: 100.01 % ",
        "100.01 % is no share",
        "write more than 0 and at most 100 %",
    ),
    ("at_least: 30 % ", "at_least: 0.3 ", "cannot read '0.3'", "write it like '25 %'"),
    (
        "instalments: 2 to 6\n",
        "instalments: 6 to 2\n",
        "cannot offer 6 to 2 instalments",
        "write the lower number first, from 1 to 120",
    ),
    (
        "instalments: 2 to 6\n",
        "instalments: 2 to 121\n",
        "cannot offer 2 to 121 instalments",
        "write the lower number first, from 1 to 120",
    ),
    (
        "instalments: 2 to 6\n",
        "instalments: 1 to 6\n",
        "a plan has two instalments or more",
        "write `instalments: 2 to 6`",
    ),
    (
        PLAN_SHOW,
        "    show: [2, 7] ",
        "cannot propose 7 instalments",
        "write numbers from 2 to 6, each once",
    ),
    (
        PLAN_SHOW,
        "    show: [2, 2] ",
        "cannot propose 2 instalments",
        "write numbers from 2 to 6, each once",
    ),
    (PLAN_SHOW, "    # show: ", "nobody knows what to propose", "write `show: [3, 6]`"),
    (
        "    every: [month, 15th and last day] ",
        "    # every: ",
        "nobody knows how often instalments are due",
        "write `every: [month]`",
    ),
    (
        "    every: [month, 15th and last day] ",
        "    every: [monthly] ",
        "'monthly' is not known here, did you mean 'month'?",
        "",
    ),
    (
        PLAN_LEAST,
        "    # least_instalment: ",
        "nobody knows how small an instalment may be",
        "instalments are offered in the currencies that stand there",
    ),
    (
        PLAN_LEAST,
        "    least_instalment: {COP: 23_999} ",
        "24 instalments that are rounded so could leave nothing for the last",
        "raise `least_instalment`, or round less",
    ),
    (
        "    discount: {interest: 100 %, fee: 100 %}\n",
        "",
        "a settlement gives something up",
        "write `discount: {interest: 50 %}`",
    ),
    (
        "    discount: {interest: 100 %, fee: 100 %}\n",
        "    discount: {intrest: 100 %}\n",
        "'intrest' is not known here, did you mean 'interest'?",
        "",
    ),
    (
        "    tolerance: {days: 2 days}\n",
        "    tolerance: {days: 2 days}\n"
        "    interest: {rate: 1 %, cap: co_usura_consumo, currencies: [COP]}\n",
        "a settlement bears no interest",
        "leave `interest` out",
    ),
    (
        "    tolerance: {days: 2 days}\n",
        "    tolerance: {days: 31 days}\n",
        "'31 days' has to be at most 30",
        "",
    ),
    (
        "    stands: 3 days ",
        "    discount: {fee: 1 %}\n    stands: 3 days ",
        "a promise gives nothing up",
        "write kind settlement, or leave `discount` out",
    ),
    (
        "    stands: 3 days ",
        "    instalments: 1 to 3\n    stands: 3 days ",
        "what is paid in several instalments is no promise",
        "write kind plan, or leave `instalments` out",
    ),
    (
        "    stands: 3 days ",
        "    show: [1]\n    stands: 3 days ",
        "there is one payment only",
        "leave `show` out",
    ),
    (
        "first_payment: within 30 days\n    tolerance",
        "first_payment: 30 days\n    tolerance",
        "cannot read '30 days'",
        "write it like 'within 15 days'",
    ),
    (
        "broken: resume at last-notice",
        "broken: resume at last_notice",
        "there is no step last_notice",
        "did you mean last-notice?",
    ),
    (
        "broken: resume at last-notice",
        "broken: last-notice",
        "cannot read 'last-notice'",
        "write it like 'resume at firm' or 'resume at the step for its age'",
    ),
    (
        "broken_before: at most 0",
        "broken_before: 0",
        "cannot read '0'",
        "write it like 'at most 1'",
    ),
    (
        "    broken_before: at most 0\n",
        "",
        "there is no limit to go beyond",
        "write the offer's own `broken_before`, or leave it out here",
    ),
    (
        "supervisor: {first_payment: within 60 days, broken_before: at most 1}",
        "supervisor: {instalments: up to 3}",
        "there is one payment only",
        "leave `instalments` out",
    ),
    (
        '"*": {first_payment: within 30 days, broken_before: at most 5}',
        '"*": {discount: {fee: 1 %}}',
        "a promise gives nothing up",
        "leave `discount` out",
    ),
    (
        "manager: {discount: {principal: 50 %}",
        "Manager: {discount: {principal: 50 %}",
        "is not written as expected",
        "",
    ),
    (
        PLAN_SHOW,
        "    interest: {rate: 18 %, cap: co_usura, currencies: [COP]}\n" + PLAN_SHOW,
        "there is no rate table co_usura",
        "did you mean co_usura_consumo?",
    ),
    (
        LAST,
        "reminders: [{reminder: soon, when: 0 days before, by: [email], say: firm}]\n" + LAST,
        "0 days before or after is the day itself",
        "write 'on the day'",
    ),
    (
        LAST,
        "reminders: [{reminder: soon, when: on the day, by: [letter], say: firm}]\n" + LAST,
        "'letter' is not known here",
        "",
    ),
    (
        LAST,
        "reminders: [{reminder: soon, when: on the day, by: [email], say: frim}]\n" + LAST,
        "there is no message frim",
        "did you mean firm?",
    ),
    (
        LAST,
        "reminders: [{reminder: firm, when: on the day, by: [email], say: firm}]\n" + LAST,
        "firm names a step of a ladder",
        "choose another name: one would be taken for the other",
    ),
    (
        LAST,
        "reminders:\n"
        "  - {reminder: soon, when: on the day, by: [email], say: firm}\n"
        "  - {reminder: soon, when: 1 day after, by: [email], say: firm}\n" + LAST,
        "there are two reminders with the same `reminder`",
        "give each its own name and its own day",
    ),
    (
        LAST,
        "reminders:\n"
        "  - {reminder: soon, when: on the day, by: [email], say: firm}\n"
        "  - {reminder: later, when: on the day, by: [email], say: firm}\n" + LAST,
        "there are two reminders with the same `when`",
        "give each its own name and its own day",
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "message", "remedy"), BROKEN, ids=[message for _, _, message, _ in BROKEN]
)
def test_a_rule_that_cannot_be_carried_out_is_refused_with_its_remedy(
    config: Path, old: str, new: str, message: str, remedy: str
) -> None:
    """L24, invariant 10"""
    problems = refused(config, old, new)
    found = [one for one in problems if message in one.message and remedy in one.remedy]
    assert found, "\n".join(str(problem) for problem in problems)
    assert {Path(problem.file).name for problem in problems} == {AGREEMENTS}


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ("at_least: 30 % ", "at_least: 0 % ", "at_least: 0 %"),
        ("broken: resume at last-notice", "broken: resume at x", "broken: resume at x"),
        (PLAN_LEAST, "    least_instalment: {COP: 23_999} ", "least_instalment: {COP: 23_999}"),
        (
            "manager: {discount: {principal: 50 %}, instalments: up to 6, ",
            "manager: {discount: {principal: 50 %}, instalments: 6, ",
            "manager: {discount",
        ),
    ],
)
def test_the_line_of_a_problem_is_named(config: Path, old: str, new: str, at: str) -> None:
    (problem,) = refused(config, old, new)
    assert problem.line == line_of(config, at)


# --- the file as a whole -------------------------------------------------------------------------


def test_a_rulebook_may_say_nothing_about_agreements(config: Path) -> None:
    (config / AGREEMENTS).unlink()
    assert load_rulebook(config, try_messages=False).agreements == AgreementRules()


def test_agreements_belong_to_the_ladders_they_name(config: Path) -> None:
    """A rulebook that is based on another has ladders of its own, and offers nothing of the
    other's."""
    other = config.parent / "other"
    other.mkdir()
    text = (config / "escalation.yaml").read_text(encoding="utf-8")
    (other / "escalation.yaml").write_text(f"based_on: ../config\n{text}", encoding="utf-8")
    assert load_rulebook(other, try_messages=False).agreements.offers == ()
    shutil.copy(config / AGREEMENTS, other / AGREEMENTS)
    assert len(load_rulebook(other, try_messages=False).agreements.offers) == 5


def test_a_file_that_offers_nothing_is_a_mistake(config: Path) -> None:
    (config / AGREEMENTS).write_text("offers: {}\n", encoding="utf-8")
    with pytest.raises(RulebookError):
        load_rulebook(config, try_messages=False)


def test_the_message_with_the_document_is_in_every_language_or_in_none(config: Path) -> None:
    """L24"""
    (config / "messages/en/agreement.j2").unlink()
    with pytest.raises(RulebookError) as refused:
        load_rulebook(config, try_messages=False)
    (problem,) = refused.value.problems
    assert problem.file.endswith("messages/en/agreement.j2")
    (config / "messages/es-CO/agreement.j2").unlink()
    loaded = load_rulebook(config, try_messages=False)
    assert "agreement" not in loaded.messages["en"]


def test_what_is_published_says_the_same_when_it_is_read_again(shipped: Rulebook) -> None:
    assert msgspec.json.decode(msgspec.json.encode(shipped), type=Rulebook) == shipped


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("at_least: 30 % ", "at_least: 31 % "),
        ("    stands: 3 days ", "    stands: 4 days "),
        ("broken: resume at last-notice", "broken: resume at firm-again"),
        ("manager: {discount: {principal: 50 %}", "manager: {discount: {principal: 51 %}"),
    ],
)
def test_any_change_about_agreements_is_another_version(
    config: Path, shipped: Rulebook, old: str, new: str
) -> None:
    assert changed(config, old, new).version != shipped.version
