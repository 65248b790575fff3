"""The main job on a real deployment: a file comes in, the schedule fires, debtors hear of it once.

One story, played once; each test looks at one thing that has to be true of it. Monday 5 October
2026 is a working day in Colombia, and so is Tuesday the 13th (Monday the 12th is a holiday).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from escalon.usecases.runs.books import Totals
from escalon_cli.local.stack import PROJECT, StackInfo
from escalon_cli.publish import publish
from escalon_cli.replay.play import verify_senders
from tests.stack.driving import Driver, received

FIRST = "2026-10-05T14:00:00Z"  # 09:00 in Bogotá
PAID = "2026-10-09T20:00:00Z"
SECOND = "2026-10-13T14:00:00Z"

BOOK_MAPPING = """\
file: {type: changes, delimiter: ","}
dates: year-month-day
numbers: "1,234,567.89"
zone: America/Bogota
phone_country: CO
creditor: always andina
currency: always COP
account:
  source_ref: document
  name: name
  kind: always person
  country: always CO
  zone: always America/Bogota
  language: always es-CO
  tags: [segment]
contacts:
  - channel: sms
    address: mobile
    consent: {granted_on: always 2026-01-15, evidence: always signed order}
receivable:
  receivable_id: invoice
  issued_on: issued
  due_on: due
  amount: amount
"""

# The same people may be called too.
WITH_CALLS = BOOK_MAPPING.replace(
    "receivable:\n",
    """\
  - channel: voice
    address: mobile
    consent: {granted_on: always 2026-01-15, evidence: always signed order}
receivable:
""",
)

BOOK = """\
document,name,segment,mobile,invoice,issued,due,amount
71000001,Ana Beltrán Ospina,consumer,+573000000701,FA-1,2026-09-01,2026-10-03,"150,000.00"
71000002,Beto Cárdenas Ruiz,consumer,+573000000702,FA-2,2026-09-01,2026-10-03,"80,000.00"
71000003,Carla Duarte Peña,vip,+573000000703,FA-3,2026-09-01,2026-10-02,"990,000.00"
"""

PAYMENTS_MAPPING = """\
file: {type: changes, delimiter: ","}
dates: year-month-day
numbers: "1,234,567.89"
zone: America/Bogota
payments:
  - payment_id: payment
    source_ref: document
    receivable_id: invoice
    amount: amount
    currency: always COP
    paid_on: day
    at: always 12:00
"""

PAYMENTS = """\
payment,document,invoice,amount,day
P-1,71000002,FA-2,"80,000.00",2026-10-09
"""

PEOPLE = (
    *("Beltrán", "Cárdenas", "Duarte", "71000001", "71000002", "71000003"),
    *("3000000701", "3000000702", "3000000703", "Distribuidora", "cartera.0@", "999900000"),
)


@dataclass
class Story:
    """What was seen on the way."""

    unpublished: dict[str, Any]
    small: dict[str, Any]
    book: dict[str, Any]
    first: Totals
    emails: list[dict[str, Any]]
    texts: list[dict[str, Any]]
    again: Totals
    emails_again: int
    texts_again: int
    payments: dict[str, Any]
    second: Totals
    texts_at_the_end: list[dict[str, Any]]
    ids: dict[str, str]


@pytest.fixture(scope="module")
def driver(stack: StackInfo) -> Driver:
    return Driver(stack)


@pytest.fixture(scope="module")
def listener(driver: Driver) -> str:
    """An ERP's queue: a rule on the bus brings it every fact."""
    sqs, events = driver.deployed.client("sqs"), driver.deployed.client("events")
    url = str(sqs.create_queue(QueueName="erp")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    bus = driver.deployed.outputs["FactsBus"]
    rule = events.put_rule(
        Name="to-erp", EventBusName=bus, EventPattern=json.dumps({"source": ["escalon"]})
    )["RuleArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events.put_targets(Rule="to-erp", EventBusName=bus, Targets=[{"Id": "erp", "Arn": arn}])
    return url


@pytest.fixture(scope="module")
def story(driver: Driver, listener: str) -> Story:
    deployed = driver.deployed
    driver.at(FIRST)
    unpublished = driver.scheduled(FIRST)
    verify_senders(deployed, publish(deployed, PROJECT / "config"))
    samples = PROJECT / "samples"
    small = driver.imported(
        "small.xlsx",
        "small_mapping",
        (samples / "small_mapping.yaml").read_text(),
        Path(samples / "small.xlsx").read_bytes(),
    )
    book = driver.imported("octubre 2026 (ñ).csv", "book", WITH_CALLS, BOOK.encode())
    first = driver.swept(FIRST)
    emails, texts = driver.emails(), driver.texts()
    again = driver.swept(FIRST)
    emails_again, texts_again = len(driver.emails()), len(driver.texts())
    driver.at(PAID)
    payments = driver.imported("payments.CSV", "bank", PAYMENTS_MAPPING, PAYMENTS.encode())
    second = driver.swept(SECOND)
    return Story(
        unpublished=unpublished,
        small=small,
        book=book,
        first=first,
        emails=emails,
        texts=texts,
        again=again,
        emails_again=emails_again,
        texts_again=texts_again,
        payments=payments,
        second=second,
        texts_at_the_end=driver.texts(),
        ids={
            name: deployed.account_id(document)
            for name, document in (("ana", "71000001"), ("beto", "71000002"), ("carla", "71000003"))
        },
    )


def to(messages: list[dict[str, Any]], number: str) -> list[str]:
    return [message["Message"] for message in messages if message["PhoneNumber"] == number]


def test_a_sweep_before_any_rulebook_says_so_and_does_nothing(story: Story) -> None:
    assert story.unpublished == {"no_rulebook": True}


def test_the_spreadsheet_and_the_csv_are_taken_in_whole(story: Story) -> None:
    assert (story.small["state"], story.small["rows"], story.small["refused"]) == ("done", 6, 0)
    assert (story.book["state"], story.book["rows"], story.book["refused"]) == ("done", 3, 0)


def test_every_account_is_looked_at_and_the_books_balance(story: Story) -> None:
    assert story.first.looked_at == 9
    assert story.first.acted == 9
    assert story.first.failed == 0
    assert story.first.add_up


def test_each_company_gets_one_email_from_its_creditor(story: Story) -> None:
    assert sorted(email["To"][0] for email in story.emails) == [
        "cartera.0@example.com",
        "cartera.1@example.com",
        "cartera.2@example.com",
        "cartera.3@example.com",
        "cartera.4@example.com",
    ]
    assert {email["Source"] for email in story.emails} == {"cuentas@andina.example.com"}


def test_amounts_and_days_are_those_of_the_file(story: Story) -> None:
    ((text, subject),) = [
        (email["BodyText"].replace("\N{NO-BREAK SPACE}", " "), email["Subject"])
        for email in story.emails
        if email["To"] == ["cartera.2@example.com"]
    ]
    assert "4502" in text
    assert "$ 2.000.000" in text
    assert "hace 26 días" in text
    assert subject == "Información sobre su cuenta con Almacenes Andina"


def test_who_has_only_a_mobile_gets_one_sms(story: Story) -> None:
    assert len(to(story.texts, "+573000000701")) == 1
    assert len(to(story.texts, "+573000000702")) == 1
    assert len(story.texts) == 2


def test_nothing_automatic_is_said_to_a_key_account_a_person_calls(
    story: Story, driver: Driver
) -> None:
    tasks = [
        (task["kind"], task["step"], task["due_at"])
        for task in driver.deployed.table.listed("tasks")
        if task["account_id"] == story.ids["carla"]
    ]
    assert tasks == [
        ("call", "vip-call", "2026-10-07T14:00:00Z"),
        # Eight days later the ladder wants to write, and nobody knows where to.
        ("data_repair", "vip-friendly", "2026-10-16T14:00:00Z"),
    ]
    assert to(story.texts_at_the_end, "+573000000703") == []


def test_the_same_schedule_event_twice_sends_nothing_more(story: Story) -> None:
    assert story.again == story.first
    assert story.emails_again == 5
    assert story.texts_again == 2


def test_a_payment_file_stops_the_next_message(story: Story) -> None:
    assert (story.payments["state"], story.payments["payments"]) == ("done", 1)
    assert len(to(story.texts_at_the_end, "+573000000701")) == 2  # the next rung
    assert len(to(story.texts_at_the_end, "+573000000702")) == 1  # he paid
    assert story.second.add_up


def test_the_history_tells_the_story_of_who_paid(story: Story, driver: Driver) -> None:
    facts = driver.facts_of(story.ids["beto"], ending_in="paid")
    assert [fact["fact"] for fact in facts] == [
        *("booked", "imported", "decided", "claimed", "sent", "booked", "paid")
    ]
    assert facts[2]["step"] == "friendly"
    assert facts[2]["reasons"]
    (payment,) = [e for e in facts[5]["entries"] if e["kind"] == "payment"]
    assert payment["amount_minor"] == -8_000_000


def test_the_ledger_adds_up_to_what_is_open(story: Story, driver: Driver) -> None:
    table = driver.deployed.table
    assert [e.amount_minor for e in table.entries(story.ids["ana"])] == [15_000_000]
    assert sorted(e.amount_minor for e in table.entries(story.ids["beto"])) == [
        *(-8_000_000, 8_000_000)
    ]
    (receivable,) = table.receivables(story.ids["beto"])
    assert receivable.open_minor == 0


def test_the_exact_bytes_of_every_message_are_kept(story: Story, driver: Driver) -> None:
    documents = driver.deployed.documents
    kept = list(documents.keys(f"messages/{story.ids['ana']}/"))
    assert len(kept) == 2
    assert sorted(documents.get(key).decode() for key in kept) == sorted(
        to(story.texts_at_the_end, "+573000000701")
    )


def test_who_listens_hears_every_fact_of_the_account(
    story: Story, driver: Driver, listener: str
) -> None:
    def heard(bodies: list[Any]) -> bool:
        return any(
            body["detail-type"] == "paid" and body["detail"]["account_id"] == story.ids["beto"]
            for body in bodies
        )

    bodies = received(driver, listener, heard)
    about_beto = [
        body["detail-type"] for body in bodies if body["detail"]["account_id"] == story.ids["beto"]
    ]
    assert sorted(set(about_beto)) == ["booked", "claimed", "decided", "imported", "paid", "sent"]
    assert {body["source"] for body in bodies} == {"escalon"}
    everything = json.dumps(bodies, ensure_ascii=False)
    assert [word for word in PEOPLE if word in everything] == []


def test_nothing_is_dead_and_no_queue_is_left_full(story: Story, driver: Driver) -> None:
    for queue in (
        *("DeadLettersUrl", "EscalateQueueUrl", "EmailQueueUrl", "SmsQueueUrl", "TaskQueueUrl"),
    ):
        assert driver.waiting_in(queue) == 0, queue


def test_no_log_names_a_person(story: Story, driver: Driver) -> None:
    logs = driver.logs()
    assert "run_started" in logs
    assert "no_rulebook_in_force" in logs
    assert story.ids["ana"] not in json.dumps(PEOPLE)
    assert [word for word in PEOPLE if word in logs] == []
