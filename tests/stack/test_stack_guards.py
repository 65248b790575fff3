"""What the deployed stack refuses, and what its schedule and its permissions are."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from escalon_cli.local.stack import StackInfo
from escalon_cli.waiting import until
from tests.stack.driving import Driver, zipped

PROBE = """\
import boto3

def handler(event, context):
    client = boto3.client(event["service"])
    try:
        getattr(client, event["call"])(**event["with"])
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""


@pytest.fixture(scope="module")
def driver(stack: StackInfo) -> Driver:
    return Driver(stack)


@pytest.fixture(scope="module")
def may(driver: Driver) -> Iterator[Any]:
    """Asks, from inside a function that has the role, whether AWS lets it make a call."""
    client = driver.deployed.client("lambda")
    made: dict[str, str] = {}

    def ask(role: str, service: str, call: str, **arguments: Any) -> Any:
        if role not in made:
            arn = driver.deployed.client("iam").get_role(RoleName=driver.resource(role))
            made[role] = f"probe-{role}"
            client.create_function(
                FunctionName=made[role],
                Runtime="python3.13",
                Role=arn["Role"]["Arn"],
                Handler="app.handler",
                Code={"ZipFile": zipped(PROBE)},
                Timeout=30,
            )
        return driver.invoke(made[role], {"service": service, "call": call, "with": arguments})

    yield ask
    for name in made.values():
        client.delete_function(FunctionName=name)


def test_only_the_import_may_read_the_key_of_identities(driver: Driver, may: Any) -> None:
    secret = driver.deployed.outputs["IdentityKeyArn"]
    call = ("secretsmanager", "get_secret_value")
    assert may("ImportReceivablesRole", *call, SecretId=secret) == "allowed"
    for role in ("DeliverEmailRole", "EscalateRole", "SweepRole", "RecordHistoryRole"):
        assert may(role, *call, SecretId=secret).startswith("AccessDenied"), role


def test_delivery_may_not_read_other_queues_nor_the_history(driver: Driver, may: Any) -> None:
    outputs = driver.deployed.outputs
    assert may(
        "DeliverSmsRole", "sqs", "receive_message", QueueUrl=outputs["EmailQueueUrl"]
    ).startswith("AccessDenied")
    assert may("DeliverSmsRole", "dynamodb", "scan", TableName=outputs["History"]).startswith(
        "AccessDenied"
    )


def test_sms_may_reach_phones_and_no_topic(driver: Driver, may: Any) -> None:
    topic = driver.deployed.outputs["AlarmsTopic"]
    assert may("DeliverSmsRole", "sns", "publish", TopicArn=topic, Message="x") in (
        "AuthorizationError",
        "AccessDenied",
        "AccessDeniedException",
    )
    assert (
        may("DeliverSmsRole", "sns", "publish", PhoneNumber="+573000000799", Message="x")
        == "allowed"
    )


def test_delivery_may_keep_messages_and_nothing_else(driver: Driver, may: Any) -> None:
    bucket = driver.deployed.outputs["Bucket"]
    put = ("s3", "put_object")
    assert may("DeliverEmailRole", *put, Bucket=bucket, Key="messages/x", Body="x") == "allowed"
    for key in ("rulebooks/x.json", "inbox/x/x.csv", "mappings/x.yaml"):
        assert may("DeliverEmailRole", *put, Bucket=bucket, Key=key, Body="x") == "AccessDenied"


def test_production_is_refused_the_clock_of_a_replay(driver: Driver) -> None:
    with pytest.raises(ClientError, match="no clock but the real one"):
        _create(driver, "escalon-prod", Stage="prod", Clock="table")


def test_the_cloud_is_refused_the_embedded_permissions(driver: Driver) -> None:
    with pytest.raises(ClientError, match="no place in the cloud"):
        _create(driver, "escalon-staging", Stage="staging", LocalStatements="true")


def test_a_second_stack_stands_beside_the_first_and_sweeps_every_quarter_hour(
    driver: Driver,
) -> None:
    _create(driver, "escalon-b", Stage="local", LocalStatements="true")
    client = driver.deployed.client("cloudformation")

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = client.describe_stacks(StackName="escalon-b")["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    assert until("The second stack", ended, seconds=60)["StackStatus"] == "CREATE_COMPLETE"
    scheduler = driver.deployed.client("scheduler")
    theirs = scheduler.get_schedule(Name="escalon-b-sweep")
    ours = scheduler.get_schedule(Name="escalon-sweep")
    assert theirs["State"] == "ENABLED"
    assert ours["State"] == "DISABLED"  # this test stack is swept by its tests
    assert theirs["ScheduleExpression"] == "cron(0/15 * * * ? *)"
    assert json.loads(theirs["Target"]["Input"]) == {
        "scheduled_at": "<aws.scheduler.scheduled-time>"
    }
    client.delete_stack(StackName="escalon-b")


def _create(driver: Driver, name: str, **parameters: str) -> None:
    """Deploy the template of this stack once more under another name."""
    client = driver.deployed.client("cloudformation")
    body = client.get_template(StackName="escalon", TemplateStage="Original")["TemplateBody"]
    text = body if isinstance(body, str) else json.dumps(body)
    # From a bucket, as sam does it: CloudFormation takes no more than 51,200 bytes otherwise.
    bucket, key = driver.deployed.outputs["Bucket"], "templates/whole.yaml"
    driver.deployed.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    client.create_stack(
        StackName=name,
        TemplateURL=f"{driver.stack.endpoint_url}/{bucket}/{key}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    )
