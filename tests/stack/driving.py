"""Drives a deployed stack as AWS would, by files and schedule events, and looks at what left it."""

import io
import json
import time
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from escalon.adapters.clock import TableClock
from escalon.authoring.rulebook import load_rulebook
from escalon.domain.rules.rulebook import Rulebook
from escalon.usecases.runs.books import Totals
from escalon_cli.deployed import Deployed, of_local
from escalon_cli.local.stack import PROJECT, StackInfo
from escalon_cli.waiting import report_of, run_ended, until
from tests.doubles.publishing import put_in_force


@dataclass
class Driver:
    """One stack with a clock of its own."""

    stack: StackInfo
    deployed: Deployed = field(init=False)

    def __post_init__(self) -> None:
        self.deployed = of_local(self.stack)

    def at(self, text: str) -> datetime:
        """Set the stack's clock."""
        now = datetime.fromisoformat(text).astimezone(UTC)
        TableClock(self.deployed.table).set(now)
        return now

    def shipped_in_force(self) -> Rulebook:
        """The shipped rulebook, put in force whatever another test has left there."""
        shipped = load_rulebook(PROJECT / "config", try_messages=False)
        return put_in_force(self.deployed, shipped)

    def scheduled(self, text: str) -> dict[str, Any]:
        """What Scheduler hands over at that instant, and what the function answers."""
        return self.invoke(self.deployed.outputs["SweepFunction"], {"scheduled_at": text})

    def swept(self, text: str) -> Totals:
        """A run of that instant, waited for to its end."""
        as_of = self.at(text)
        answer = self.scheduled(text)
        return run_ended(self.deployed, answer["run_id"], as_of)

    def imported(self, name: str, mapping: str, mapping_text: str, body: bytes) -> dict[str, Any]:
        """Put a file into the inbox and wait for the report beside it."""
        self.deployed.documents.put(f"mappings/{mapping}.yaml", mapping_text.encode())
        key = f"inbox/{mapping}/{name}"
        self.deployed.documents.put(key, body, "application/octet-stream")
        return report_of(self.deployed, key, seconds=60)

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke a function and wait; an error comes back as `errorType` and `errorMessage`."""
        answer = self.deployed.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps(event)
        )
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        return found

    def emails(self) -> list[dict[str, Any]]:
        """Every e-mail that SES took."""
        return _flat(self._ask("/_ministack/ses/messages")["messages"])

    def texts(self) -> list[dict[str, Any]]:
        """Every SMS that SNS took."""
        return _flat(self._ask("/_ministack/sns/sms-messages")["sms_messages"])

    def waiting_in(self, queue: str) -> int:
        """Messages in a queue, seen or not."""
        attributes = self.deployed.client("sqs").get_queue_attributes(
            QueueUrl=self.deployed.outputs[queue], AttributeNames=["All"]
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]) + int(
            attributes["ApproximateNumberOfMessagesNotVisible"]
        )

    def logs(self) -> str:
        """Everything that all functions have logged."""
        client = self.deployed.client("logs")
        lines: list[str] = []
        for group in client.describe_log_groups()["logGroups"]:
            pages = client.get_paginator("filter_log_events").paginate(
                logGroupName=group["logGroupName"]
            )
            lines += [event["message"] for page in pages for event in page["events"]]
        return "\n".join(lines)

    def resource(self, logical_id: str) -> str:
        """The physical name of a resource of the template."""
        found = self.deployed.client("cloudformation").describe_stack_resource(
            StackName="escalon", LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def facts_of(self, account_id: str, ending_in: str, times: int = 1) -> list[dict[str, Any]]:
        """An account's history, once it ends so: the stream brings it a moment later."""

        def ask() -> list[dict[str, Any]] | None:
            facts = list(self.deployed.history.of(account_id))
            names = [fact["fact"] for fact in facts]
            return facts if names[-1:] == [ending_in] and names.count(ending_in) == times else None

        return until(f"The history of {account_id}", ask, seconds=30)

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.stack.endpoint_url + path, timeout=10) as answer:
            return json.load(answer)


def _flat(by_account: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [message for messages in by_account.values() for message in messages]


def received(driver: Driver, queue_url: str, enough: Callable[[list[Any]], bool]) -> list[Any]:
    """The bodies of a queue's messages, until they are enough."""
    bodies: list[Any] = []
    give_up_at = time.monotonic() + 30
    while not enough(bodies) and time.monotonic() < give_up_at:
        answer = driver.deployed.client("sqs").receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        for message in answer.get("Messages", ()):
            bodies.append(json.loads(message["Body"]))
            driver.deployed.client("sqs").delete_message(
                QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"]
            )
    return bodies


def zipped(source: str) -> bytes:
    """A function's code as Lambda takes it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", source)
    return packed.getvalue()
