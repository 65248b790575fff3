"""An embedded AWS without a deployment: the handlers run here, on resources made for one test."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from msgspec.structs import replace

from escalon.adapters.clock import TableClock
from escalon.authoring.rulebook import load_rulebook, sealed
from escalon.domain.rules.rulebook import PaymentProvider, Rulebook
from escalon_cli.deployed import Deployed
from escalon_cli.local.provider_stand_in import API_KEYS, SECRETS, TOLD, StandIn, setting
from escalon_cli.replay.play import verify_senders
from tests.doubles.publishing import put_in_force
from tests.template.cloudformation import PROJECT, Template, load

NOW = datetime(2026, 10, 5, 14, tzinfo=UTC)  # Monday, 09:00 in Bogotá
IDENTITY_KEY = b"a key for tests"
LINK_KEY = b"another key for tests"
PORTAL_KEY = b"a third key for tests"
HERE = Path(__file__).parent
PROVIDERS = ("ses/messages", "sns/sms-messages")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MiniStack, on loopback, for as long as these tests run."""
    folder = tmp_path_factory.mktemp("ministack")
    port = _free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    program = [
        str(PROJECT / ".local/ministack/bin/python"),
        *("-P", str(PROJECT / "cli/escalon_cli/local/embedded_aws.py")),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            program, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        give_up_at = time.monotonic() + 30
        while True:
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{url}/_ministack/health", timeout=2).close()
                break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < give_up_at, "MiniStack did not answer"
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@dataclass
class Invocation:
    """What a handler returned, and all that it logged."""

    answer: dict[str, Any]
    log: str

    def said(self, message: str) -> list[dict[str, Any]]:
        """The log lines of that message."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("message") == message]

    def counted(self, metric: str) -> float:
        """The sum of one embedded metric."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith('{"_aws"')]
        return sum(sum(line.get(metric, [0])) for line in lines)


@dataclass
class Aws:
    """The resources that the handlers work on, and the handlers."""

    endpoint: str
    scratch: Path = Path()
    template: Template = field(default_factory=lambda: Template(load()))
    physical: dict[str, str] = field(default_factory=dict)
    published: Rulebook | None = None
    clients: dict[str, Any] = field(default_factory=dict)
    sent_before: dict[str, int] = field(default_factory=dict)
    more_variables: dict[str, str] = field(default_factory=dict)  # of the process itself

    def client(self, service: str) -> Any:
        if service not in self.clients:
            session = boto3.Session("test", "test", region_name="us-east-1")
            self.clients[service] = session.client(
                service, endpoint_url=self.endpoint, config=Config(proxies={})
            )
        return self.clients[service]

    @property
    def rulebook(self) -> Rulebook:
        """The rulebook in force."""
        assert self.published is not None
        return self.published

    @property
    def deployed(self) -> Deployed:
        names = self.physical
        outputs = {
            "Table": names["ReceivablesTable"],
            "History": names["HistoryTable"],
            "Bucket": names["Documents"],
            "IdentityKeyArn": names["IdentityKey"],
            "WebhookSecretsArn": names["WebhookSecrets"],
            "ProviderApiKeysArn": names["ProviderApiKeys"],
            "ShardCount": "1",
            **{
                f"{part}Id": names[part]
                for part in (
                    *("RulebookApplication", "RulebookEnvironment"),
                    *("RulebookProfile", "RulebookStrategy"),
                )
            },
        }
        return Deployed("test", outputs, self.client)

    def make_lasting(self, providers: dict[str, PaymentProvider]) -> None:
        """What no test changes: the bucket, the key, the sender, and a rulebook in force, with
        these payment providers."""
        self.physical["Documents"] = "documents"
        self.client("s3").create_bucket(Bucket="documents")
        self.physical["AgreementPapers"] = "papers"
        self.client("s3").create_bucket(Bucket="papers")
        self.physical["IdentityKey"] = self.make_secret("identity", IDENTITY_KEY.decode())
        self.physical["LinkKey"] = self.make_secret("links", LINK_KEY.decode())
        self.physical["PortalKey"] = self.make_secret("portal", PORTAL_KEY.decode())
        self.physical["EmailConfiguration"] = "email"
        self.client("sesv2").create_configuration_set(ConfigurationSetName="email")
        self.make_application("published")
        rulebook = load_rulebook(PROJECT / "config", try_messages=False)
        payments = replace(rulebook.payments, providers=providers)
        self.published = put_in_force(self.deployed, sealed(replace(rulebook, payments=payments)))
        verify_senders(self.deployed, self.published)

    def make_secret(self, name: str, value: str) -> str:
        """A secret; says its ARN."""
        made = self.client("secretsmanager").create_secret(Name=name, SecretString=value)
        return str(made["ARN"])

    def make_application(self, name: str) -> None:
        """An AppConfig application in which nothing is deployed yet."""
        appconfig = self.client("appconfig")
        application = appconfig.create_application(Name=name)["Id"]
        self.physical["RulebookApplication"] = application
        self.physical["RulebookEnvironment"] = appconfig.create_environment(
            ApplicationId=application, Name="local"
        )["Id"]
        self.physical["RulebookProfile"] = appconfig.create_configuration_profile(
            ApplicationId=application, Name="live-rulebook", LocationUri="hosted"
        )["Id"]
        self.physical["RulebookStrategy"] = appconfig.create_deployment_strategy(
            Name=name,
            DeploymentDurationInMinutes=0,
            GrowthFactor=100,
            FinalBakeTimeInMinutes=0,
            ReplicateTo="NONE",
        )["Id"]

    def make_fresh(self) -> None:
        """Tables, queues and a bus that no other test has used, as the template describes them."""
        suffix = uuid.uuid4().hex[:8]
        wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        for name, table in self.template.of_type("AWS::DynamoDB::Table").items():
            self.physical[name] = f"{name}-{suffix}"
            self.client("dynamodb").create_table(
                TableName=self.physical[name], **{k: table[k] for k in wanted if k in table}
            )
        for name in self.template.of_type("AWS::SQS::Queue"):
            made = self.client("sqs").create_queue(QueueName=f"{name}-{suffix}")
            self.physical[name] = made["QueueUrl"]
        for name, held in (
            ("WebhookSecrets", {kind: [secret] for kind, secret in SECRETS.items()}),
            ("ProviderApiKeys", dict(API_KEYS)),
        ):
            self.physical[name] = self.make_secret(f"{name}-{suffix}", json.dumps(held))
        self.physical["Facts"] = f"facts-{suffix}"
        self.client("events").create_event_bus(Name=self.physical["Facts"])
        TableClock(self.deployed.table).set(NOW)
        for key in self.receipts():
            self.client("s3").delete_object(Bucket="documents", Key=key)
        self.sent_before = {path: len(self._all_sent(path)) for path in PROVIDERS}

    def environment(self, function: str) -> dict[str, str]:
        """What the template gives the function, with the names of this test's resources."""
        shared = self.template.body["Globals"]["Function"]["Environment"]["Variables"]
        own = self.template.functions[function].get("Environment", {}).get("Variables", {})
        parameters = {"Stage": "local", "Shards": "1", "Clock": "table", "Zone": "America/Bogota"}
        topic = "arn:aws:sns:us-east-1:123456789012:escalon-feedback"  # as events/ have it
        replies = "arn:aws:sns:us-east-1:123456789012:escalon-replies"
        topics = {"FeedbackTopic": topic, "ReplyTopic": replies}
        parameters["WhatsAppNumberId"] = "phone-number-id-976c72a700aac43eaf573ae050"
        names = {**self.physical, **parameters, "Api": "a1b2c3d4e5", **topics}

        def value(of: Any) -> str:
            if not isinstance(of, dict):
                return str(of)
            if "Fn::If" in of:
                return value(of["Fn::If"][2])  # no condition holds for these parameters
            if "Ref" in of:
                return names[of["Ref"]]
            if "Fn::GetAtt" in of:
                return names[of["Fn::GetAtt"][0]]
            text = of["Fn::Sub"].replace("${AWS::Region}", "us-east-1")
            text = text.replace("${AWS::URLSuffix}", "amazonaws.com")
            return names["Documents"] if text.startswith("escalon-") else text

        return {name: value(of) for name, of in {**shared, **own}.items()}

    def invoke(self, function: str, event: dict[str, Any]) -> Invocation:
        """One cold start of a function with this event."""
        name = uuid.uuid4().hex
        asked, answer = self.scratch / f"{name}.json", self.scratch / f"{name}.answer.json"
        asked.write_text(json.dumps(event), encoding="utf-8")
        folder = PROJECT / self.template.functions[function]["CodeUri"]
        done = subprocess.run(
            [sys.executable, str(HERE / "one_invocation.py"), str(folder), str(asked), str(answer)],
            env={
                "PATH": os.environ["PATH"],
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                **self.environment(function),
                **self.more_variables,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return Invocation(json.loads(answer.read_text(encoding="utf-8")), done.stdout + done.stderr)

    def messages_in(self, queue: str) -> list[dict[str, Any]]:
        """The bodies in a queue, which they leave."""
        bodies: list[dict[str, Any]] = []
        while True:
            answer = self.client("sqs").receive_message(
                QueueUrl=self.physical[queue], MaxNumberOfMessages=10
            )
            found = answer.get("Messages", [])
            if not found:
                return bodies
            for message in found:
                bodies.append(json.loads(message["Body"]))
                self.client("sqs").delete_message(
                    QueueUrl=self.physical[queue], ReceiptHandle=message["ReceiptHandle"]
                )

    def receipts(self) -> list[str]:
        """The keys of the webhooks that were kept in this test."""
        return sorted(self.deployed.documents.keys("webhooks/"))

    def sent(self, path: str) -> list[dict[str, Any]]:
        """What a provider took in this test."""
        return self._all_sent(path)[self.sent_before[path] :]

    def _all_sent(self, path: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.endpoint}/_ministack/{path}", timeout=10) as answer:
            body = json.load(answer)
        by_account = body.get("messages") or body.get("sms_messages") or {}
        return [message for messages in by_account.values() for message in messages]


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    """The payment providers' APIs."""
    with StandIn() as started:
        yield started


@pytest.fixture(scope="session")
def lasting(endpoint: str, stand_in: StandIn) -> Aws:
    """One embedded AWS with a rulebook in force, whose payment providers are the stand-in's."""
    made = Aws(endpoint)
    not_yet = ("ReceivablesTable", "HistoryTable", "WebhookSecrets", "ProviderApiKeys")
    made.physical = dict.fromkeys(not_yet, "none")
    made.make_lasting({kind: setting(kind, kind, "andina", stand_in.api(kind)) for kind in TOLD})
    return made


@pytest.fixture
def aws(lasting: Aws, tmp_path: Path) -> Aws:
    """Tables and queues of this test alone."""
    made = Aws(
        lasting.endpoint,
        tmp_path,
        lasting.template,
        dict(lasting.physical),
        lasting.published,
        lasting.clients,
    )
    made.make_fresh()
    return made
