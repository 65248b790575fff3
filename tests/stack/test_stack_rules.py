"""Rules on a real deployment: a step is added, planned, approved by a second person, published for
half of the accounts, seen to act, promoted and taken back; a bad rulebook is refused, and runs go
on while AppConfig is away."""

import base64
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.rules.rollout import Rollout
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.local.stack import PROJECT, StackInfo
from escalon_cli.main import app
from escalon_cli.operator_api import ApiError, operator_api
from escalon_cli.publish import live_version, put_in_force, rollout_of, upload_draft
from escalon_cli.replay.play import verify_senders
from escalon_cli.waiting import run_totals, until
from tests.stack.driving import Driver
from tests.stack.test_stack_collects import BOOK_MAPPING

FIRST = "2026-10-05T14:00:00Z"  # 09:00 in Bogotá, a Monday; two days after all are due
PLANNED = "2026-10-05T14:05:00Z"
FIFTH = "2026-10-08T14:00:00Z"  # the day of the added step
LATER = "2026-10-09T14:00:00Z"
KEPT = "2026-10-09T14:30:00Z"
PEOPLE = 8

STEP = """\
      - step: check-in
        stage: reminder
        when: 5 days after due
        at_least: 2 days after the previous step
        by: [sms]
        say: friendly

      - step: friendly-again
"""


def book() -> bytes:
    head = "document,name,segment,mobile,invoice,issued,due,amount\n"
    rows = (
        f"7600000{n},Persona {n},consumer,+57300000076{n},FR-{n},2026-09-01,2026-10-03,"
        '"90,000.00"\n'
        for n in range(PEOPLE)
    )
    return (head + "".join(rows)).encode()


def draft(folder: Path, *edits: tuple[str, str]) -> Path:
    """The shipped rulebook with these edits."""
    shutil.copytree(PROJECT / "config", folder)
    file = folder / "escalation.yaml"
    text = file.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    return folder


@dataclass
class Story:
    """What was answered, and who got the added step."""

    said: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    rollouts: list[Rollout | None] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    got: set[str] = field(default_factory=set)
    got_later: set[str] = field(default_factory=set)
    replanned: tuple[int, int] = (0, 0)
    one: str = ""
    other: str = ""
    base: str = ""
    validator: dict[str, Any] = field(default_factory=dict)
    away: dict[str, Any] = field(default_factory=dict)
    logs: str = ""


class Cli:
    """`escalon rules …` on the stack."""

    def __init__(self, stack: StackInfo) -> None:
        self.name = stack.name

    def __call__(self, *arguments: str) -> Result:
        return CliRunner(env={"COLUMNS": "220"}).invoke(
            app, ["rules", *arguments, "--stack", self.name]
        )

    def done(self, *arguments: str) -> str:
        result = self(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def plan(self, folder: Path, out: Path) -> str:
        told = self.done("plan", str(folder), "--days", "14", "--out", str(out))
        found = re.search(r"--plan ([0-9a-f]{16})", told)
        assert found, told
        return found[1]


def refused(driver: Driver, rulebook: Rulebook, plan: str = "") -> str:
    """Why the stack does not publish it."""
    with pytest.raises(ApiError) as error:
        put_in_force(driver.deployed, rulebook, plan=plan)
    return str(error.value)


def ended(driver: Driver, output: str) -> tuple[int, int]:
    """Looked at and acted, of the replan that a command has begun."""
    found = re.search(r"run (\S+-rules-\d+)", output)
    assert found, output
    run_id = found[1]
    table = driver.deployed.table
    until(f"Run {run_id}", lambda: table.load(f"RUN#{run_id}", "S#due#000"), seconds=60)
    totals = run_totals(driver.deployed, run_id)
    assert totals.add_up
    return totals.looked_at, totals.acted


def who_got(driver: Driver, step: str) -> set[str]:
    found = driver.deployed.table.all_documents("M#")
    return {message["account_id"] for message in found if message["step"] == step}


@pytest.fixture(scope="module")
def story(stack: StackInfo, tmp_path_factory: pytest.TempPathFactory) -> Story:
    driver, cli, seen = Driver(stack), Cli(stack), Story()
    deployed, folder = driver.deployed, tmp_path_factory.mktemp("rules")
    driver.at(FIRST)
    shipped = load_rulebook(PROJECT / "config", try_messages=False)
    put_in_force(deployed, shipped)
    verify_senders(deployed, shipped)
    seen.base = shipped.version
    report = driver.imported("rules.csv", "rules", BOOK_MAPPING, book())
    assert (report["state"], report["refused"]) == ("done", 0)
    seen.ids = {deployed.account_id(f"7600000{n}") for n in range(PEOPLE)}
    driver.swept(FIRST)
    driver.at(PLANNED)
    try:
        _publish(driver, cli, seen, folder, shipped)
        _refuse(driver, seen, shipped)
        _away(driver, seen)
    finally:
        if live_version(deployed) != seen.base or (rollout_of(deployed) or Rollout("")).canary:
            cli("rollback", "--to", seen.base, "--why", "the end of the tests")
    seen.logs = driver.logs()
    return seen


def _publish(driver: Driver, cli: Cli, seen: Story, folder: Path, shipped: Rulebook) -> None:
    """A rulebook that asks for approval; then a step, approved, for half of the accounts."""
    asks = ("approval: not required", "approval: required    ")
    one = draft(folder / "one", asks)
    first = load_rulebook(one, try_messages=False)
    seen.one = first.version
    seen.refused["no plan"] = refused(driver, first)
    plan = cli.plan(one, folder / "out")
    ended(driver, cli.done("publish", str(one), "--plan", plan, "--why", "four eyes from now on"))

    other = draft(folder / "other", asks, ("      - step: friendly-again\n", STEP))
    second = load_rulebook(other, try_messages=False)
    seen.other = second.version
    plan = cli.plan(other, folder / "out")
    seen.refused["other content"] = refused(driver, shipped, plan)
    seen.refused["nobody"] = refused(driver, second, plan)
    cli.done("approve", plan, "--why", "by myself")
    seen.refused["myself"] = refused(driver, second, plan)
    seen.said["approved"] = cli.done("approve", plan, "--as", "luz", "--why", "looked at it")
    seen.said["canary"] = cli.done(
        "publish", str(other), "--plan", plan, "--canary", "50%", "--why", "a check-in"
    )
    seen.replanned = ended(driver, seen.said["canary"])
    seen.rollouts.append(rollout_of(driver.deployed))
    driver.swept(FIFTH)
    seen.got = who_got(driver, "check-in")
    ended(driver, cli.done("promote", "--why", "it does what the plan said"))
    seen.rollouts.append(rollout_of(driver.deployed))
    driver.swept(LATER)
    seen.got_later = who_got(driver, "check-in")
    seen.said["diff"] = cli.done("diff", seen.one, "live")
    cli.done("rollback", "--why", "enough seen")
    seen.rollouts.append(rollout_of(driver.deployed))
    seen.said["history"] = cli.done("history")


def _refuse(driver: Driver, seen: Story, shipped: Rulebook) -> None:
    """Content that is not what its name says, and a configuration that names nothing."""
    bad = msgspec.structs.replace(shipped, strategies=(), version="0123456789abcdef")
    upload_draft(driver.deployed, bad)
    asked = {"key": "bad", "why": "to see it refused", "version": bad.version}
    with pytest.raises(ApiError) as refused:
        operator_api(driver.deployed)("POST", "/rules/publications", asked)
    seen.refused["bad"] = str(refused.value)
    content = base64.b64encode(b'{"live": "0123456789abcdef"}').decode()
    function = driver.deployed.outputs["ValidateFunction"]
    seen.validator = driver.invoke(function, {"content": content, "uri": "hosted"})
    seen.rollouts.append(rollout_of(driver.deployed))


def _away(driver: Driver, seen: Story) -> None:
    """AppConfig cannot be reached, and the function starts anew: what the last run kept serves."""
    driver.swept(KEPT)
    client, name = driver.deployed.client("lambda"), driver.deployed.outputs["SweepFunction"]
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    nowhere = {"AWS_ENDPOINT_URL_APPCONFIGDATA": "http://127.0.0.1:9"}
    client.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**before, **nowhere}}
    )
    try:
        at = "2026-10-09T15:00:00Z"
        driver.at(at)
        seen.away = driver.scheduled(at)
    finally:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def test_the_rulebook_in_force_asks_for_a_plan_of_this_very_content(story: Story) -> None:
    assert "asks for a plan" in story.refused["no plan"]
    assert "the draft has changed since" in story.refused["other content"]


def test_a_second_person_has_to_approve(story: Story) -> None:
    assert "nobody has approved it" in story.refused["nobody"]
    assert "nobody but you has approved it" in story.refused["myself"]
    assert "is approved" in story.said["approved"]


def test_the_canary_acts_on_its_side_and_on_no_other(story: Story) -> None:
    rollout = story.rollouts[0]
    assert rollout == Rollout(story.one, story.other, 5_000)
    assert story.got & story.ids == {one for one in story.ids if rollout.on_canary(one)}
    assert f"rulebook {story.one} is in force, and {story.other} for 50 %" in " ".join(
        story.said["canary"].split()
    )


def test_whom_the_new_step_concerns_was_looked_at_again(story: Story) -> None:
    looked_at, acted = story.replanned
    assert looked_at >= PEOPLE
    assert acted >= len(story.got & story.ids) > 0  # other tests' accounts are looked at too


def test_promoted_it_is_everybodys_and_taken_back_nobodys(story: Story) -> None:
    assert story.rollouts[1] == Rollout(story.other)
    assert story.ids <= story.got_later
    assert story.rollouts[2] == Rollout(story.one)


def test_the_history_says_who_and_why(story: Story) -> None:
    told = story.said["history"]
    for words in ("four eyes from now on", "a check-in", "it does what the plan said", "user/luz"):
        assert words in told or words.removeprefix("user/") in told, told
    for did in ("published", "canary started 50 %", "promoted", "rolled back"):
        assert did in told, told


def test_the_difference_is_the_step(story: Story) -> None:
    assert "strategies › standard › steps › check-in" in story.said["diff"]


def test_a_bad_one_never_goes_live(story: Story) -> None:
    assert "the content is not that of rulebook 0123456789abcdef" in story.refused["bad"]
    assert "there is no rulebook 0123456789abcdef" in story.validator["errorMessage"]
    assert story.rollouts[3] == story.rollouts[2]


def test_while_appconfig_is_away_the_last_good_one_serves(story: Story) -> None:
    assert story.away["rulebook"] == story.one
    assert "last_good_rulebook_serves" in story.logs
