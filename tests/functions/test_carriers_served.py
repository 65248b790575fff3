"""The stand-in before a real MiniStack: what it takes goes on, is kept whole, and is told of."""

import json
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from escalon_cli import doctor
from escalon_cli.deployed import Deployed
from escalon_cli.local.ses_stand_in import StandIn, steer

LOG = "sns/us-east-1/000000000000/DirectPublishToPhoneNumber"
MIME = (
    b"From: c@stand-in.example.com\r\nTo: ana@example.com\r\nSubject: Hola\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nContent-Type: text/plain\r\n\r\nHola\r\n--x\r\n"
    b"Content-Type: application/pdf\r\nContent-Disposition: attachment\r\n\r\n%PDF\r\n--x--\r\n"
)


class Carriers:
    """The stand-in, and clients that talk to it as functions do."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.folder = folder
        self.server = StandIn(endpoint, folder).serve(0)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._endpoint = endpoint
        self.set = f"set-{uuid.uuid4().hex[:8]}"
        self.ses, self.sns = self.client("sesv2", self.url), self.client("sns", self.url)
        self.sqs = self.client("sqs", endpoint)

    def client(self, service: str, url: str) -> Any:
        session = boto3.Session("test", "test", region_name="us-east-1")
        once = Config(proxies={}, retries={"total_max_attempts": 1}, read_timeout=20)
        return session.client(service, endpoint_url=url, config=once)

    def tells(self, *kinds: str) -> str:
        """A queue that hears these kinds of event of the configuration set."""
        topic = self.sns.create_topic(Name=self.set)["TopicArn"]
        queue = str(self.sqs.create_queue(QueueName=self.set)["QueueUrl"])
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])
        self.ses.create_configuration_set(ConfigurationSetName=self.set)
        self.ses.create_configuration_set_event_destination(
            ConfigurationSetName=self.set,
            EventDestinationName="feedback",
            EventDestination={
                "Enabled": True,
                "MatchingEventTypes": list(kinds),
                "SnsDestination": {"TopicArn": topic},
            },
        )
        return queue

    def send(self, to: str = "ana@example.com", configuration_set: str = "") -> str:
        answer = self.ses.send_email(
            FromEmailAddress="c@stand-in.example.com",
            Destination={"ToAddresses": [to]},
            Content={"Raw": {"Data": MIME}},
            EmailTags=[{"Name": "message_id", "Value": "m1"}],
            ConfigurationSetName=configuration_set or self.set,
        )
        return str(answer["MessageId"])

    def heard(self, queue: str) -> list[str]:
        found = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        bodies = [json.loads(message["Body"]) for message in found.get("Messages", ())]
        return [json.loads(body["Message"])["eventType"] for body in bodies]


@pytest.fixture
def carriers(endpoint: str, tmp_path: Path) -> Iterator[Carriers]:
    made = Carriers(endpoint, tmp_path)
    if "c@stand-in.example.com" not in str(made.ses.list_email_identities()):
        made.ses.create_email_identity(EmailIdentity="c@stand-in.example.com")
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_mail_is_kept_whole_and_is_told_of_before_its_sender_hears(carriers: Carriers) -> None:
    queue = carriers.tells("SEND", "DELIVERY", "BOUNCE")
    message_id = carriers.send()
    assert sorted(carriers.heard(queue)) == ["Delivery", "Send"]
    assert (carriers.folder / "ses" / f"{message_id}.eml").read_bytes() == MIME
    kept = json.loads((carriers.folder / "ses" / f"{message_id}.json").read_text())
    assert kept == {
        "to": ["ana@example.com"],
        "tags": {"message_id": "m1"},
        "configuration_set": carriers.set,
    }


def test_the_embedded_aws_takes_every_mail_itself(carriers: Carriers, endpoint: str) -> None:
    """Its identities and its list of what was sent are the ones that count."""
    carriers.tells("SEND")
    message_id = carriers.send()
    with urllib.request.urlopen(f"{endpoint}/_ministack/ses/messages", timeout=10) as answer:
        assert message_id in answer.read().decode()
    with pytest.raises(ClientError, match="not verified"):
        carriers.ses.send_email(
            FromEmailAddress="stranger@example.net",
            Destination={"ToAddresses": ["ana@example.com"]},
            Content={"Raw": {"Data": MIME}},
        )
    assert len(list((carriers.folder / "ses").glob("*.eml"))) == 1


def test_a_destination_hears_what_it_has_asked_for(carriers: Carriers) -> None:
    queue = carriers.tells("BOUNCE")
    carriers.send()
    carriers.send("ana+bounce@example.com")
    assert carriers.heard(queue) == ["Bounce"]


def test_fates_can_be_set_while_it_runs(carriers: Carriers) -> None:
    queue = carriers.tells("DELIVERY", "COMPLAINT")
    steer(carriers.folder, {"*@Example.com": "complaint"})
    carriers.send()
    assert sorted(carriers.heard(queue)) == ["Complaint", "Delivery"]


def test_an_answer_can_be_lost_after_the_mail_was_taken(carriers: Carriers) -> None:
    queue = carriers.tells("SEND", "DELIVERY")
    with pytest.raises(ConnectionClosedError):
        carriers.send("ana+no_answer@example.com")
    assert sorted(carriers.heard(queue)) == ["Delivery", "Send"]


def test_a_simple_mail_is_kept_too(carriers: Carriers) -> None:
    answer = carriers.ses.send_email(
        FromEmailAddress="c@stand-in.example.com",
        Destination={"ToAddresses": ["ana@example.com"]},
        Content={
            "Simple": {"Subject": {"Data": "Hola"}, "Body": {"Text": {"Data": "¿Cómo está?"}}}
        },
    )
    kept = (carriers.folder / "ses" / f"{answer['MessageId']}.eml").read_bytes().decode()
    assert "Subject: Hola" in kept
    assert "¿Cómo está?" in kept


def test_what_is_no_message_goes_through(carriers: Carriers) -> None:
    carriers.tells("SEND")
    found = carriers.ses.get_configuration_set_event_destinations(ConfigurationSetName=carriers.set)
    assert found["EventDestinations"][0]["Name"] == "feedback"
    assert carriers.ses.get_account()["SendingEnabled"]


def test_the_settings_of_sms_are_kept_here(carriers: Carriers) -> None:
    """MiniStack has none."""
    assert carriers.sns.get_sms_attributes()["attributes"] == {}
    wanted = {"DeliveryStatusIAMRole": "arn:aws:iam::1:role/x", "MonthlySpendLimit": "9"}
    carriers.sns.set_sms_attributes(attributes=wanted)
    assert carriers.sns.get_sms_attributes()["attributes"] == wanted
    assert carriers.sns.get_sms_sandbox_account_status()["IsInSandbox"] is False


def test_an_sms_goes_on_with_or_without_a_log(carriers: Carriers, endpoint: str) -> None:
    message_id = carriers.sns.publish(PhoneNumber="+573000000999", Message="Hola")["MessageId"]
    wanted = {
        "DeliveryStatusIAMRole": "arn:aws:iam::1:role/x",
        "DeliveryStatusSuccessSamplingRate": "100",
    }
    carriers.sns.set_sms_attributes(attributes=wanted)
    second = carriers.sns.publish(PhoneNumber="+573000000999", Message="Hola")["MessageId"]
    with urllib.request.urlopen(f"{endpoint}/_ministack/sns/sms-messages", timeout=10) as answer:
        taken = answer.read().decode()
    assert message_id in taken
    assert second in taken


# --------------------------------------------------------------------------- the doctor's part


def deployed(carriers: Carriers, endpoint: str) -> Deployed:
    """A stack as the doctor sees it."""
    carriers.tells("SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "RENDERING_FAILURE")
    bucket = carriers.set
    carriers.client("s3", endpoint).create_bucket(Bucket=bucket)
    outputs = {
        "FeedbackTopicArn": f"arn:aws:sns:us-east-1:000000000000:{carriers.set}",
        "FeedbackFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:feedback",
        "SmsStatusRoleArn": "arn:aws:iam::000000000000:role/sms-status",
        "EmailConfigurationSet": carriers.set,
        "Bucket": bucket,
    }
    of_carriers = {"sesv2": carriers.ses, "sns": carriers.sns}
    return Deployed(
        carriers.set,
        outputs,
        lambda service: of_carriers.get(service) or carriers.client(service, endpoint),
    )


def found(stack: Deployed, what: str) -> tuple[str, str]:
    """How the doctor finds one thing."""
    findings = (*doctor.sms_status(stack), *doctor.feedback(stack))
    return next((f.state, f.found) for f in findings if f.what == what)


def test_the_doctor_switches_the_status_of_sms_on_for_the_account(
    carriers: Carriers, endpoint: str
) -> None:
    stack = deployed(carriers, endpoint)
    logs = carriers.client("logs", endpoint)
    state, said = found(stack, "SMS delivery status")
    assert state == "warn"
    assert said.startswith("SNS has no role to log with; not every success is logged; ")
    for _ in range(2):  # again is as once
        doctor.fix(stack)
        assert found(stack, "SMS delivery status") == (
            *("ok", "all of it is logged for 7 days, and read"),
        )
    assert carriers.sns.get_sms_attributes()["attributes"] == {
        "DeliveryStatusIAMRole": "arn:aws:iam::000000000000:role/sms-status",
        "DeliveryStatusSuccessSamplingRate": "100",
    }
    for group in (LOG, f"{LOG}/Failure"):
        (made,) = (
            one
            for one in logs.describe_log_groups(logGroupNamePrefix=LOG)["logGroups"]
            if one["logGroupName"] == group
        )
        assert made["retentionInDays"] == 7
        readers = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        mine = [one for one in readers if one["filterName"] == f"escalon-{carriers.set}"]
        assert [(one["destinationArn"], one["filterPattern"]) for one in mine] == [
            ("arn:aws:lambda:us-east-1:000000000000:function:feedback", "")
        ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"DeliveryStatusSuccessSamplingRate": "99"}, "not every success is logged"),
        ({"DeliveryStatusIAMRole": ""}, "SNS has no role to log with"),
    ],
)
def test_the_doctor_sees_what_somebody_has_changed(
    carriers: Carriers, endpoint: str, change: dict[str, str], said: str
) -> None:
    stack = deployed(carriers, endpoint)
    doctor.fix(stack)
    carriers.sns.set_sms_attributes(attributes=change)
    assert found(stack, "SMS delivery status") == ("warn", said)


def test_the_doctor_sees_a_log_that_keeps_numbers_or_that_nobody_reads(
    carriers: Carriers, endpoint: str
) -> None:
    stack = deployed(carriers, endpoint)
    doctor.fix(stack)
    logs = carriers.client("logs", endpoint)
    logs.put_retention_policy(logGroupName=LOG, retentionInDays=30)
    for one in logs.describe_subscription_filters(logGroupName=f"{LOG}/Failure")[
        "subscriptionFilters"
    ]:
        logs.delete_subscription_filter(logGroupName=f"{LOG}/Failure", filterName=one["filterName"])
    assert found(stack, "SMS delivery status") == (
        "warn",
        f"{LOG}: it keeps numbers for too long; {LOG}/Failure: this stack does not read it",
    )


def test_the_doctor_leaves_the_role_of_another_stack(carriers: Carriers, endpoint: str) -> None:
    stack = deployed(carriers, endpoint)
    other = {"DeliveryStatusIAMRole": "arn:aws:iam::000000000000:role/other"}
    carriers.sns.set_sms_attributes(attributes=other)
    doctor.fix(stack)
    attributes = carriers.sns.get_sms_attributes()["attributes"]
    assert attributes == {**other, "DeliveryStatusSuccessSamplingRate": "100"}


def test_the_doctor_sees_what_ses_does_not_tell(carriers: Carriers, endpoint: str) -> None:
    stack = deployed(carriers, endpoint)
    assert found(stack, "SES events") == ("bad", "not told: DELIVERY_DELAY")
    carriers.ses.update_configuration_set_event_destination(
        ConfigurationSetName=carriers.set,
        EventDestinationName="feedback",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": [
                *("SEND", "DELIVERY", "DELIVERY_DELAY", "BOUNCE", "COMPLAINT", "REJECT"),
                *("RENDERING_FAILURE", "CLICK"),
            ],
            "SnsDestination": {"TopicArn": stack.outputs["FeedbackTopicArn"]},
        },
    )
    events = [(f.state, f.found) for f in doctor.feedback(stack) if f.what == "SES events"]
    assert events == [
        ("ok", "all that becomes of a message is told"),
        ("bad", "opens or clicks are followed, which rewrites every link"),
    ]


def test_the_doctor_counts_what_could_not_be_taken(carriers: Carriers, endpoint: str) -> None:
    stack = deployed(carriers, endpoint)
    assert found(stack, "feedback not taken") == ("ok", "none")
    stack.documents.put("feedback/2026-10-05/a.json", b"{}")
    assert found(stack, "feedback not taken") == ("warn", "1 in 90 days")


# ------------------------------------------------------------------------------------- speed


def test_a_hundred_mails_take_seconds(carriers: Carriers) -> None:
    """A replay sends thousands; several send at once, and what waits is told in one request."""
    carriers.tells("SEND", "DELIVERY")
    began = time.monotonic()
    threads = [
        threading.Thread(target=lambda: [carriers.send() for _ in range(20)]) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    assert len(list((carriers.folder / "ses").glob("*.eml"))) == 100
    assert seconds < 20, f"100 mails took {seconds:.1f} s"
