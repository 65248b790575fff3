"""What becomes of messages on a real deployment: carriers tell, and the next step follows from it.

SES and SNS are played by the stand-in; all else is deployed. One story, played once: a run writes
to six debtors, and what their carriers tell decides what the next run does.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from escalon.domain.account import Account
from escalon_cli import doctor
from escalon_cli.local.ses_stand_in import steer
from escalon_cli.local.stack import StackInfo
from escalon_cli.replay.play import verify_senders
from escalon_cli.waiting import until
from tests.stack.driving import Driver
from tests.stack.test_stack_collects import BOOK_MAPPING

FIRST = "2026-10-06T14:00:00Z"  # a Tuesday, 09:00 in Bogotá
SECOND = "2026-10-06T14:15:00Z"
THIRD = "2026-10-06T14:30:00Z"

MAPPING = BOOK_MAPPING.replace(
    "contacts:\n",
    "contacts:\n"
    "  - channel: email\n"
    "    address: mail\n"
    "    consent: {granted_on: always 2026-01-15, evidence: always signed order}\n",
)

BOOK = """\
document,name,segment,mail,mobile,invoice,issued,due,amount
73000001,Ana Uno,consumer,ana@example.com,,FB-1,2026-09-01,2026-10-04,"150,000.00"
73000002,Beto Dos,consumer,beto+bounce@example.com,,FB-2,2026-09-01,2026-10-04,"150,000.00"
73000003,Caro Tres,consumer,caro+complaint@example.com,,FB-3,2026-09-01,2026-10-04,"150,000.00"
73000004,Dora Cuatro,consumer,dora+no_answer@example.com,,FB-4,2026-09-01,2026-10-04,"150,000.00"
73000005,Elsa Cinco,consumer,,+573000000805,FB-5,2026-09-01,2026-10-04,"150,000.00"
73000006,Fito Seis,consumer,fito@example.com,+573000000806,FB-6,2026-09-01,2026-10-04,"150,000.00"
"""

PEOPLE = ("ana", "beto", "caro", "dora", "elsa", "fito")


@dataclass
class Told:
    """What was seen on the way."""

    first: dict[str, list[dict[str, Any]]]  # by person
    accounts: dict[str, Account]
    then: dict[str, list[dict[str, Any]]]
    tasks: list[tuple[str, str]]
    findings: dict[str, str]


@pytest.fixture(scope="module")
def driver(stack: StackInfo) -> Driver:
    return Driver(stack)


@pytest.fixture(scope="module")
def told(driver: Driver) -> Told:
    deployed = driver.deployed
    doctor.fix(deployed)
    steer(driver.stack.folder, {"+573000000806": "invalid"})
    driver.at(FIRST)
    verify_senders(deployed, driver.shipped_in_force())
    report = driver.imported("feedback.csv", "feedback", MAPPING, BOOK.encode())
    assert report["state"] == "done"
    ids = {deployed.account_id(f"7300000{n}"): who for n, who in enumerate(PEOPLE, 1)}

    def messages() -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {who: [] for who in PEOPLE}
        for document in deployed.table.all_documents("M#"):
            if document["account_id"] in ids:
                found[ids[document["account_id"]]].append(document)
        for mine in found.values():
            mine.sort(key=lambda document: str(document["claimed_at"]))
        return found

    def all_told() -> dict[str, list[dict[str, Any]]] | None:
        found = messages()
        states = {document["state"] for mine in found.values() for document in mine}
        return None if states & {"sending", "sent"} else found

    driver.swept(FIRST)
    first = until("What carriers tell of the first run", all_told, seconds=60)
    accounts = {
        who: stored.account for id_, who in ids.items() if (stored := deployed.table.get(id_))
    }
    driver.swept(SECOND)
    driver.swept(THIRD)
    then = until("What carriers tell of the second run", all_told, seconds=60)
    tasks = [
        (ids[task["account_id"]], task["kind"])
        for task in deployed.table.listed("tasks")
        if task["account_id"] in ids
    ]
    findings = {finding.what: finding.state for finding in doctor.examine(deployed)}
    return Told(first, accounts, then, sorted(tasks), findings)


def test_every_message_ends_in_a_known_state(told: Told) -> None:
    assert {
        who: [(m["channel"], m["state"]) for m in mine] for who, mine in told.first.items()
    } == {
        "ana": [("email", "delivered")],
        "beto": [("email", "bounced")],
        "caro": [("email", "complained")],
        "dora": [("email", "delivered")],
        "elsa": [("sms", "delivered")],
        "fito": [("sms", "failed")],
    }


def test_l2_a_lost_answer_is_settled_by_the_carrier_and_sent_once(
    told: Told, driver: Driver
) -> None:
    (message,) = told.then["dora"]
    assert message["state"] == "delivered"
    to_dora = [e for e in driver.emails() if e["To"] == ["dora+no_answer@example.com"]]
    assert len(to_dora) == 1
    assert "dora" not in dict(told.tasks)


def test_l10_a_number_that_does_not_work_is_closed_and_the_next_channel_takes_over(
    told: Told,
) -> None:
    closed = {point.channel: point.failed for point in told.accounts["fito"].points}
    assert closed == {"email": "", "sms": "failed Invalid phone number"}
    by_sms, by_email = told.then["fito"]
    assert (by_sms["step"], by_email["step"]) == ("friendly", "friendly")
    assert (by_email["channel"], by_email["state"]) == ("email", "delivered")


def test_l10_an_address_that_bounced_goes_to_a_person_if_there_is_no_other(told: Told) -> None:
    (point,) = told.accounts["beto"].points
    assert point.failed == "bounced Permanent/General"
    assert ("beto", "data_repair") in told.tasks
    assert len(told.then["beto"]) == 1


def test_a_complaint_stops_the_channel(told: Told) -> None:
    (point,) = told.accounts["caro"].points
    assert point.consent is not None
    assert not point.consent.stands
    assert len(told.then["caro"]) == 1


def test_the_status_of_sms_is_switched_on_and_ses_tells_everything(told: Told) -> None:
    assert told.findings["SMS delivery status"] == "ok"
    assert told.findings["SES events"] == "ok"
    assert told.findings["feedback not taken"] == "ok"


def test_the_history_has_what_was_told(told: Told, driver: Driver) -> None:
    beto = driver.deployed.account_id("73000002")

    def facts() -> list[str] | None:
        names = [fact["fact"] for fact in driver.deployed.history.of(beto)]
        return names if "bounced" in names else None

    names = until("The history of a bounce", facts, seconds=30)
    assert names.index("claimed") < names.index("bounced")


def test_nothing_is_dead_and_nobody_is_named(told: Told, driver: Driver) -> None:
    assert driver.waiting_in("DeadLettersUrl") == 0
    assert driver.waiting_in("FeedbackQueueUrl") == 0
    logs = driver.logs()
    assert "feedback_recorded" in logs
    named = ("@example.com", "30000008", "Uno", "7300000")
    assert [word for word in named if word in logs] == []


def test_the_whole_mail_is_there_with_its_tags(told: Told, driver: Driver) -> None:
    (message,) = told.first["ana"]
    kept = driver.stack.folder / "ses" / str(message["provider_message_id"])
    body = driver.deployed.documents.get(message["kept_at"])
    assert kept.with_name(f"{kept.name}.eml").read_bytes() == body
    assert json.loads(kept.with_name(f"{kept.name}.json").read_text())["tags"] == {
        "account_id": message["account_id"],
        "message_id": message["message_id"],
        "creditor": "andina",
    }


def test_a_debtor_who_writes_stop_gets_no_more_sms(told: Told, driver: Driver) -> None:
    """Through the deployed topic, queue and function, each with its own permissions; and whoever
    looks after the system hears that somebody wrote."""
    deployed = driver.deployed
    sns, sqs = driver.stack.client("sns"), driver.stack.client("sqs")
    heard = sqs.create_queue(QueueName="operators-replies")["QueueUrl"]
    named = sqs.get_queue_attributes(QueueUrl=heard, AttributeNames=["QueueArn"])["Attributes"]
    arn, topic = named["QueueArn"], deployed.outputs["RepliesTopic"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=heard, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    (sms,) = told.first["elsa"]
    wrote = {
        "originationNumber": sms["to"],
        "messageBody": "BAJA",
        "inboundMessageId": "stop-1",
    }
    sns.publish(TopicArn=deployed.outputs["ReplyTopicArn"], Message=json.dumps(wrote))

    def stopped() -> Account | None:
        stored = deployed.table.get(sms["account_id"])
        return stored.account if stored and stored.account.refused_channels else None

    account = until("The reply", stopped, seconds=30)
    assert account.refused_channels == ("sms",)
    (point,) = account.points
    assert point.consent is not None
    assert not point.consent.stands
    (kept,) = deployed.table.documents(f"A#{sms['account_id']}", "I#")
    assert (kept["text"], kept["about"]) == ("BAJA", sms["message_id"])

    def told_operators() -> str | None:
        found = sqs.receive_message(QueueUrl=heard).get("Messages", ())
        return json.loads(found[0]["Body"])["Message"] if found else None

    said = until("The operators' topic", told_operators, seconds=30)
    assert f"replied: account {sms['account_id']}" in said
    assert sms["to"] not in said
    assert "BAJA" not in driver.logs()
