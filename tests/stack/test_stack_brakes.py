"""Stop and resume on a real deployment, by somebody who has the operators' policy and no other."""

import time
from collections.abc import Iterator

import pytest
from botocore.credentials import Credentials
from typer.testing import CliRunner

from escalon_cli.local.stack import REGION, StackInfo
from escalon_cli.main import app
from escalon_cli.operator_api import ApiError, OperatorApi
from escalon_cli.replay.play import verify_senders
from escalon_cli.waiting import run_ended, until
from tests.stack.driving import Driver
from tests.stack.test_stack_collects import BOOK_MAPPING

DEBTORS = 60
FIRST = "2026-11-09T14:00:00Z"  # 09:00 in Bogotá, a Monday
SECOND = "2026-11-09T15:15:00Z"
THIRD = "2026-11-09T16:30:00Z"
WHY = "the wrong telephone number in the text"


@pytest.fixture(scope="module")
def driver(stack: StackInfo) -> Driver:
    driver = Driver(stack)
    verify_senders(driver.deployed, driver.shipped_in_force())
    driver.at(FIRST)
    rows = "".join(
        f"7900{n:04d},Ana Prueba,consumer,+57310000{n:04d},FB-{n},2026-10-01,2026-11-06,90000\n"
        for n in range(DEBTORS)
    )
    header = "document,name,segment,mobile,invoice,issued,due,amount\n"
    report = driver.imported("stop.csv", "stop", BOOK_MAPPING, (header + rows).encode())
    assert (report["state"], report["refused"]) == ("done", 0)
    return driver


@pytest.fixture(scope="module")
def operator(driver: Driver) -> Iterator[OperatorApi]:
    """A person who may do what the operators' policy says."""
    iam = driver.deployed.client("iam")
    iam.create_user(UserName="operator")
    arn = driver.deployed.outputs["OperatorPolicyArn"]
    iam.attach_user_policy(UserName="operator", PolicyArn=arn)
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    yield OperatorApi(driver.deployed.outputs["ApiUrl"], REGION, credentials)
    iam.delete_access_key(UserName="operator", AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName="operator", PolicyArn=arn)
    iam.delete_user(UserName="operator")


def sent(driver: Driver) -> int:
    return sum(1 for text in driver.texts() if str(text).count("+57310000"))


def test_a_stop_while_a_run_is_under_way_and_all_that_follows_it(
    driver: Driver, operator: OperatorApi, stack: StackInfo
) -> None:
    as_of = driver.at(FIRST)
    run = driver.scheduled(FIRST)["run_id"]
    until("the first SMS", lambda: sent(driver) or None)
    stopped = operator(
        "POST", "/brakes", {"key": "s1", "why": WHY, "kind": "channel", "name": "sms"}
    )
    assert stopped == {"done": "stopped", "again": False, "brakes": ["channel:sms"]}
    time.sleep(4)  # what was past its last look
    before = sent(driver)
    run_ended(driver.deployed, run, as_of)
    driver.swept(SECOND)
    assert sent(driver) == before  # counted: not one more

    told = CliRunner().invoke(app, ["brakes", "--stack", stack.name])
    assert told.exit_code == 0, told.output
    assert "channel:sms" in told.output
    found = operator("GET", "/brakes/outlook?brake=channel%3Asms")
    assert sum(one["count"] for one in found["would_go"]) == DEBTORS - before

    operator("POST", "/brakes/releases", {"key": "r1", "why": "mended", "brake": "channel:sms"})
    driver.swept(THIRD)
    assert sent(driver) == DEBTORS  # nobody was forgotten, and nobody got it twice


def test_the_audit_log_says_who_it_was_and_why(driver: Driver, operator: OperatorApi) -> None:
    found = operator("GET", "/acts?from=2026-11-09&to=2026-11-09")
    acts = {act["did"]: act for act in found["acts"]}
    assert acts["stopped"]["why"] == WHY
    assert acts["stopped"]["who"].endswith(":user/operator")
    assert acts["resumed"]["about"] == {"brake": "channel:sms"}


def test_the_operators_policy_publishes_no_rules(operator: OperatorApi) -> None:
    with pytest.raises(ApiError, match="403"):
        operator("POST", "/rules/publications", {"key": "k", "why": "none", "rulebook": "none"})


def test_no_log_tells_why_or_who(driver: Driver) -> None:
    logged = driver.logs()
    assert WHY not in logged
    assert "user/operator" not in logged
