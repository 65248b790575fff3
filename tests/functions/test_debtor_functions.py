"""Receipts and the portal through their handlers: what is sent and shown, and what is logged."""

import base64
import email
import json
import re
import time
from collections.abc import Iterator
from datetime import date, timedelta
from email.policy import default
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import urllib3
from msgspec.structs import replace

from escalon.adapters.bus import Bus
from escalon.authoring.rulebook import sealed
from escalon.domain.account import Account, Consent, ContactPoint, Receivable
from escalon.domain.identity import account_id_of
from escalon.domain.payments.payment import BookedPayment, Part, PaymentState, Said
from escalon.domain.rules.rulebook import PaymentProvider
from escalon.domain.storage import Change, Stored
from escalon.usecases.payments.payment_link import Link, Links
from escalon.usecases.portal.session import Sessions
from tests.doubles.publishing import put_in_force
from tests.functions.conftest import IDENTITY_KEY, LINK_KEY, NOW, PORTAL_KEY, Aws, Invocation
from tests.functions.test_functions import EVENTS, event

PAYER, PAYMENT = "aevents0receipt", "wompi:01-7000001"
PERSONAL = ("Diana", "Echeverri", "diana", "72000001", "FA-RECEIPT")
LINKS = Links(lambda: LINK_KEY, "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/v1")
MESSAGE = "m-portal"
CODE = LINKS.code(MESSAGE)
PAYU = PaymentProvider(
    "payu",
    "payu",
    "sandbox",
    "andina",
    merchant={"merchant_id": "508029", "account_id": "512321"},
    currencies=("COP",),
)


def names_nobody(done: Invocation) -> bool:
    return [word for word in PERSONAL if word in done.log] == []


@pytest.fixture
def paid(aws: Aws) -> Aws:
    """Somebody owed 200,000 pesos and has paid 150,000 of it."""
    owed = Receivable(
        "FA-RECEIPT-1", "andina", "FA-RECEIPT-1", date(2026, 9, 1), date(2026, 10, 2), "COP",
        20_000_000, 5_000_000, date(2026, 9, 1),
    )  # fmt: skip
    account = Account(
        PAYER,
        "72000001",
        "Diana Echeverri",
        country="CO",
        language="es-CO",
        points=(
            ContactPoint("p1", "email", "diana@example.com", Consent(date(2026, 1, 5), "contract")),
        ),
        receivables=(owed,),
    )
    at = NOW - timedelta(minutes=2)
    booked = BookedPayment(
        PAYMENT, "wompi", "andina", "COP", at, PaymentState(approved=Said(15_000_000, at)),
        parts=(Part("FA-RECEIPT-1", "principal", 15_000_000),), turns=1,
    )  # fmt: skip
    table = aws.deployed.table
    table.update(
        Change(Stored(account, 0), account, NOW, ()),
        table.put_receivable(PAYER, owed),
        table.put_payment(PAYER, booked),
    )
    return aws


# ------------------------------------------------------------------------------- receipts


def test_send_receipt_confirms_a_payment_once(paid: Aws) -> None:
    done = paid.invoke("SendReceipt", event("send_receipt/paid.json"))
    assert done.answer == {"batchItemFailures": []}
    assert done.counted("Receipt_sent") == 1
    assert names_nobody(done)
    again = paid.invoke("SendReceipt", event("send_receipt/paid.json"))
    assert again.counted("Receipt_again") == 1
    (message,) = paid.deployed.table.all_documents("M#")
    body = paid.deployed.documents.get(message["kept_at"])
    part = email.message_from_bytes(body, policy=default).get_body(("plain",))
    assert part is not None
    assert "- FA-RECEIPT-1 · $ 150.000" in part.get_content()
    assert [sent["To"] for sent in paid.sent("ses/messages")] == [["diana@example.com"]]


def test_send_receipt_gives_back_what_it_cannot_read(paid: Aws) -> None:
    unreadable = event("send_receipt/unreadable.json")
    done = paid.invoke("SendReceipt", unreadable)
    (record,) = unreadable["Records"]
    assert done.answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert paid.sent("ses/messages") == []


def test_a_fact_on_the_bus_reaches_the_receipts_by_the_rule_of_the_template(paid: Aws) -> None:
    """The pattern is the template's; what does not fit it stays away."""
    rule = paid.template.of_type("AWS::Events::Rule")["PaidRule"]
    bus, queue = paid.physical["Facts"], paid.physical["ReceiptQueue"]
    sqs, events = paid.client("sqs"), paid.client("events")
    asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    pattern = json.dumps(rule["EventPattern"])
    events.put_rule(Name="paid", EventBusName=bus, EventPattern=pattern)
    target = {"Id": "receipts", "Arn": asked["Attributes"]["QueueArn"]}
    events.put_targets(Rule="paid", EventBusName=bus, Targets=[target])
    fact = {"at": "2026-10-05T13:59:59Z", "payment_id": PAYMENT, "amount_minor": 15_000_000}
    told = Bus(events, bus)
    told.tell([(PAYER, {"fact": "refunded", **fact}), (PAYER, {"fact": "paid", **fact})])
    found: list[dict[str, Any]] = []
    give_up_at = time.monotonic() + 10
    while not found and time.monotonic() < give_up_at:
        found = paid.messages_in("ReceiptQueue")
    (message,) = found
    assert message["detail-type"] == "paid"
    assert message["detail"] == {"account_id": PAYER, "fact": "paid", **fact}
    handed_over = event("send_receipt/paid.json")
    handed_over["Records"][0]["body"] = json.dumps(message)
    assert paid.invoke("SendReceipt", handed_over).counted("Receipt_sent") == 1


# --------------------------------------------------------------------------------- portal


@pytest.fixture
def linked(paid: Aws) -> Iterator[Aws]:
    """A message with a link was sent to the same debtor, and PayU takes what they owe."""
    before = paid.rulebook
    payments = replace(before.payments, providers={"payu": PAYU})
    put_in_force(paid.deployed, sealed(replace(before, payments=payments)))
    table = paid.deployed.table
    link = Link(PAYER, "andina", MESSAGE, NOW + timedelta(days=90), "email")
    table.save(LINKS.put(table, link))
    yield paid
    put_in_force(paid.deployed, before)


def asked(path: str) -> dict[str, Any]:
    text = (EVENTS / path).read_text(encoding="utf-8").replace("CODE", CODE)
    found: dict[str, Any] = json.loads(text)
    return found


def test_portal_shows_the_ways_to_pay(linked: Aws) -> None:
    done = linked.invoke("Portal", asked("portal/show.json"))
    assert done.answer["statusCode"] == 200
    assert "Pagar con PayU" in done.answer["body"]
    assert f'action="/v1/p/{CODE}/pay/payu?currency=COP"' in done.answer["body"]
    assert done.answer["headers"]["Cache-Control"] == "no-store"
    assert done.counted("Page_show_200") == 1
    assert names_nobody(done)
    assert CODE not in done.log  # whoever reads the log could open it


def test_portal_thanks_whoever_comes_back(linked: Aws) -> None:
    done = linked.invoke("Portal", asked("portal/back.json"))
    assert done.answer["statusCode"] == 200
    assert "Si completó el pago" in done.answer["body"]


def test_portal_leads_to_the_checkout_under_a_reference_that_finds_the_account(
    linked: Aws,
) -> None:
    done = linked.invoke("Portal", asked("portal/pay.json"))
    assert done.answer["statusCode"] == 200
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', done.answer["body"]))
    reference = fields["referenceCode"]
    assert re.fullmatch(rf"{CODE}[0-9A-Z]{{8}}", reference)
    assert fields["amount"] == "50000"
    own = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/v1"
    assert fields["responseUrl"] == f"{own}/p/{CODE}?back"
    assert fields["confirmationUrl"] == f"{own}/webhooks/payu"
    pointer = linked.deployed.table.load(f"REF#{account_id_of(IDENTITY_KEY, reference)}", "REF")
    assert pointer == {
        "account_id": PAYER, "creditor": "andina", "receivables": ["FA-RECEIPT-1"],
    }  # fmt: skip
    assert CODE not in done.log


def test_portal_counts_what_could_not_be_opened(linked: Aws) -> None:
    secret = linked.physical["ProviderApiKeys"]
    linked.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="{}")
    done = linked.invoke("Portal", asked("portal/pay.json"))
    assert done.answer["statusCode"] == 503
    assert done.counted("CheckoutFailed") == 1
    (line,) = done.said("checkout_failed")
    assert (line["provider"], line["error"]) == ("payu", "NotAnsweredError")


def test_portal_knows_no_such_link(linked: Aws) -> None:
    done = linked.invoke("Portal", event("portal/unknown.json"))
    assert done.answer["statusCode"] == 404
    assert "No encontramos esta página" in done.answer["body"]
    assert "Andina" not in done.answer["body"]


def test_portal_counts_wrong_answers_and_keeps_them_out_of_its_log(linked: Aws) -> None:
    done = linked.invoke("Portal", asked("portal/enter.json"))
    assert done.answer["statusCode"] == 403
    assert "No coincide con lo que tenemos" in done.answer["body"]
    assert "Set-Cookie" not in done.answer["headers"]
    door = linked.deployed.table.load(f"A#{PAYER}", "PORTAL")
    assert door is not None
    assert door["failed"] == 1
    assert names_nobody(done)


def test_portal_refuses_a_form_of_nobody(linked: Aws) -> None:
    done = linked.invoke("Portal", asked("portal/form_of_nobody.json"))
    assert done.answer["statusCode"] == 403
    assert "hola" not in done.log


@pytest.mark.parametrize("path", ["portal/one_click.json", "portal/one_click_in_parts.json"])
def test_portal_stops_a_channel_with_one_click(linked: Aws, path: str) -> None:
    """As an address is written, and in parts, which RFC 8058 would rather have (section 3.2)."""
    done = linked.invoke("Portal", asked(path))
    assert done.answer["statusCode"] == 200
    stored = linked.deployed.table.get(PAYER)
    assert stored is not None
    assert stored.account.refused_channels == ("email",)
    consent = stored.account.points[0].consent
    assert consent is not None
    assert not consent.stands


def posted(page: str, cookie: str = "", query: str = "", **form: str) -> dict[str, Any]:
    """A form as API Gateway hands it over."""
    found = asked("portal/enter.json")
    found["pathParameters"]["page"] = page
    found["queryStringParameters"] = dict(parse_qsl(query))
    found["body"] = base64.b64encode(urlencode(form).encode()).decode()
    found["headers"]["Cookie"] = cookie
    return found


def shown(page: str, cookie: str, query: str = "") -> dict[str, Any]:
    found = asked("portal/page.json")
    found["pathParameters"]["page"] = page
    found["queryStringParameters"] = dict(parse_qsl(query))
    found["headers"]["Cookie"] = cookie
    return found


def hidden(page: Invocation) -> dict[str, str]:
    """What the page's forms send along."""
    return dict(re.findall(r'name="(token|key|shown|lang)" value="(\w+)"', page.answer["body"]))


def test_portal_leads_from_the_identity_check_to_an_agreement_and_its_document(
    linked: Aws,
) -> None:
    entered = linked.invoke("Portal", posted("enter", answer="0001"))
    assert entered.answer["statusCode"] == 303
    cookie = entered.answer["headers"]["Set-Cookie"].partition(";")[0]
    terms = "offer=promise&day=2026-10-12&minor=5000000&currency=COP"
    page = linked.invoke("Portal", shown("accept", cookie, terms))
    sent = linked.invoke("Portal", posted("accept", cookie, terms, point="p1", **hidden(page)))
    assert names_nobody(sent)
    agreement_id = sent.answer["headers"]["Location"].partition("id=")[2]
    assert [message["To"] for message in linked.sent("ses/messages")] == [["diana@example.com"]]
    challenge = linked.deployed.table.load(f"LINK#{CODE}", "CODE")
    assert challenge is not None
    code = Sessions(lambda: PORTAL_KEY, str).one_time_code(challenge["challenge_id"])
    page = linked.invoke("Portal", shown("accept", cookie, f"id={agreement_id}"))
    taken = linked.invoke(
        "Portal", posted("accept", cookie, f"id={agreement_id}", code=code, **hidden(page))
    )
    assert taken.answer["headers"]["Location"] == (
        f"/v1/p/{CODE}/agreement?id={agreement_id}&done=accepted"
    )
    assert code not in sent.log + taken.log
    paper = linked.invoke("Portal", shown("paper", cookie, f"id={agreement_id}"))
    assert paper.answer["isBase64Encoded"] is True
    assert base64.b64decode(paper.answer["body"]).startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("content", "content_type", "key", "taken"),
    [
        (b"%PDF-1.7", "application/pdf", "quarantine/a/t/one.pdf", True),
        (b"x" * 65, "application/pdf", "quarantine/a/t/one.pdf", False),
        (b"", "application/pdf", "quarantine/a/t/one.pdf", False),
        (b"<script>", "text/html", "quarantine/a/t/one.pdf", False),
        (b"%PDF-1.7", "application/pdf", "agreements/a/g.pdf", False),
    ],
    ids=["as said", "too large", "empty", "another type", "another key"],
)
def test_the_form_for_a_file_is_held_to_its_key_type_and_size_by_s3(
    aws: Aws, content: bytes, content_type: str, key: str, taken: bool
) -> None:
    documents = aws.deployed.documents
    url, fields = documents.upload_form(
        "quarantine/a/t/one.pdf",
        "application/pdf",
        most_bytes=64,
        then="https://pay.example/p/x/upload",
        seconds=60,
    )
    form = {**fields, "key": key, "Content-Type": content_type}
    answer = urllib3.PoolManager().request(
        "POST", url, fields={**form, "file": ("one.pdf", content)}, redirect=False
    )
    assert (answer.status == 303) is taken, answer.data
    assert (documents.find(key) is not None) is taken
    if taken:
        location = urlsplit(answer.headers["Location"])
        assert dict(parse_qsl(location.query))["key"] == key
        documents.discard(key)
