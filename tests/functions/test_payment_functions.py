"""Payments' events through their handlers: what is answered, kept, booked and logged."""

import base64
import json
from datetime import date, timedelta
from typing import Any

import pytest

from escalon.domain.account import Account, Receivable
from escalon.domain.identity import account_id_of
from escalon.domain.rules.rulebook import ProviderKind
from escalon.domain.storage import Change, Stored
from escalon_cli.local.provider_stand_in import Payment, StandIn, Webhook, webhook
from tests.functions.conftest import IDENTITY_KEY, NOW, Aws, Invocation
from tests.functions.test_functions import event

PAYER = "aevents0payer"
PAYMENT = Payment(
    "7000001",
    "FA-EVENTS-1",
    15_000_000,
    "COP",
    NOW - timedelta(minutes=1),
    email="pagador.muñoz@example.com",
)
PERSONAL = ("pagador", "muñoz", "mu\\u00f1oz", "Muñoz", "Ana", "Beltrán", "71000001")

# What stands in the files of events/payment_webhook, and as whose notice.
POSTED: dict[str, ProviderKind] = {
    "payment_webhook/signed_whole.json": "stripe",
    "payment_webhook/form.json": "payu",
    "payment_webhook/with_query.json": "mercadopago",
    "payment_webhook/text.json": "standard_webhooks",
}


def api_event(kind: str, posted: Webhook, *, as_text: bool = False) -> dict[str, Any]:
    """What API Gateway hands over: payload format 1.0 of a REST API."""
    body = posted.body.decode() if as_text else base64.b64encode(posted.body).decode()
    return {
        "version": "1.0",
        "resource": "/webhooks/{provider}",
        "path": f"/webhooks/{kind}",
        "httpMethod": "POST",
        "headers": {"Host": "api.example.com", "User-Agent": "Provider/1.0", **posted.headers},
        "queryStringParameters": posted.query or None,
        "pathParameters": {"provider": kind},
        "requestContext": {
            "stage": "v1",
            "requestId": "0b2e9f5e-95f8-4a4b-9a5f-0f6a2f5c7f10",
            "httpMethod": "POST",
            "resourcePath": "/webhooks/{provider}",
        },
        "body": body,
        "isBase64Encoded": not as_text,
    }


def to_confirm(receipt: str, provider: str = "mercadopago") -> dict[str, Any]:
    """A message of the queue for a receipt."""
    found = event("confirm_payment/unconfirmed.json")
    body = {"provider": provider, "receipt": receipt}
    found["Records"][0]["body"] = json.dumps(body)
    return found


def names_nobody(done: Invocation) -> bool:
    return [word for word in PERSONAL if word in done.log] == []


@pytest.fixture
def owing(aws: Aws) -> Aws:
    """Somebody owes 150,000 pesos on FA-EVENTS-1."""
    owed = Receivable(
        PAYMENT.reference,
        "andina",
        PAYMENT.reference,
        date(2026, 9, 1),
        date(2026, 10, 2),
        "COP",
        15_000_000,
        15_000_000,
        date(2026, 9, 1),
    )
    account = Account(PAYER, "71000001", "Ana Beltrán", country="CO", receivables=(owed,))
    table = aws.deployed.table
    table.update(Change(Stored(account, 0), account, NOW, ()))
    table.save(table.put_receivable(PAYER, owed))
    key = f"REF#{account_id_of(IDENTITY_KEY, PAYMENT.reference)}"
    table.save(table.put_document(key, "REF", {"account_id": PAYER}))
    return aws


def open_minor(aws: Aws) -> int:
    stored = aws.deployed.table.get(PAYER)
    assert stored is not None
    return sum(owed.open_minor for owed in stored.account.receivables)


# -------------------------------------------------------------------------------- payment_webhook


@pytest.mark.parametrize("path", POSTED)
def test_the_events_are_what_the_providers_send(path: str) -> None:
    kind = POSTED[path]
    genuine = webhook(kind, PAYMENT, NOW)
    assert event(path) == api_event(kind, genuine, as_text=path == "payment_webhook/text.json")


@pytest.mark.parametrize("path", ["payment_webhook/signed_whole.json", "payment_webhook/text.json"])
def test_payment_webhook_books_what_is_signed_whole_once(owing: Aws, path: str) -> None:
    done = owing.invoke("PaymentWebhook", event(path))
    assert (done.answer["statusCode"], done.answer["body"]) == (200, "booked")
    assert open_minor(owing) == 0
    assert done.counted("Webhook_booked") == 1
    assert names_nobody(done)

    again = owing.invoke("PaymentWebhook", event(path))
    assert (again.answer["statusCode"], again.answer["body"]) == (200, "again")


def test_payment_webhook_keeps_the_exact_bytes(owing: Aws) -> None:
    owing.invoke("PaymentWebhook", event("payment_webhook/form.json"))
    (key,) = owing.receipts()
    assert key.startswith("webhooks/payu/2026-10-05/")
    receipt = json.loads(owing.deployed.documents.get(key))
    body = base64.b64decode(receipt["body"])
    assert body == webhook("payu", PAYMENT, NOW).body
    assert b"se%C3%B1ora+Mu%C3%B1oz" in body


@pytest.mark.parametrize("path", ["payment_webhook/form.json", "payment_webhook/with_query.json"])
def test_payment_webhook_and_confirm_payment_book_what_the_provider_confirms(
    owing: Aws, stand_in: StandIn, path: str
) -> None:
    kind = POSTED[path]
    stand_in.put(kind, PAYMENT)
    done = owing.invoke("PaymentWebhook", event(path))
    assert (done.answer["statusCode"], done.answer["body"]) == (200, "to_be_confirmed")
    assert open_minor(owing) == 15_000_000
    (message,) = owing.messages_in("ConfirmQueue")
    assert message == {"provider": kind, "receipt": owing.receipts()[0]}

    confirmed = owing.invoke("ConfirmPayment", to_confirm(message["receipt"], kind))
    assert confirmed.answer == {"batchItemFailures": []}
    assert confirmed.said("confirmed")[0]["became"] == ["booked"]
    assert confirmed.counted("Confirmed_booked") == 1
    assert open_minor(owing) == 0
    assert names_nobody(done)
    assert names_nobody(confirmed)


def test_payment_webhook_refuses_a_forgery_and_keeps_nothing_of_it(owing: Aws) -> None:
    done = owing.invoke("PaymentWebhook", event("payment_webhook/forged.json"))
    assert (done.answer["statusCode"], done.answer["body"]) == (401, "not_authentic")
    assert done.counted("NotAuthentic") == 1
    assert owing.receipts() == []
    assert open_minor(owing) == 15_000_000
    assert names_nobody(done)


def test_payment_webhook_confirms_no_subscription(owing: Aws) -> None:
    done = owing.invoke("PaymentWebhook", event("payment_webhook/sns_subscription.json"))
    assert (done.answer["statusCode"], done.answer["body"]) == (400, "sns_envelope")


def test_payment_webhook_of_an_unknown_address_repeats_nothing_of_it(owing: Aws) -> None:
    asked = event("payment_webhook/signed_whole.json")
    asked["pathParameters"]["provider"] = "ana.beltran@example.com"
    done = owing.invoke("PaymentWebhook", asked)
    assert (done.answer["statusCode"], done.answer["body"]) == (404, "no_such_provider")
    assert "beltran" not in done.log
    (line,) = done.said("webhook_answered")
    assert (line["status"], line["reason"]) == (404, "no_such_provider")


def test_payment_webhook_before_any_rulebook_asks_to_come_again(owing: Aws) -> None:
    owing.make_application(f"unpublished-{owing.physical['Facts']}")
    done = owing.invoke("PaymentWebhook", event("payment_webhook/signed_whole.json"))
    assert (done.answer["statusCode"], done.answer["body"]) == (503, "no_rulebook")


def test_payment_webhook_that_fails_says_kind_and_place_and_asks_to_come_again(owing: Aws) -> None:
    owing.client("secretsmanager").put_secret_value(
        SecretId=owing.physical["WebhookSecrets"], SecretString="Ana Beltrán"
    )
    done = owing.invoke("PaymentWebhook", event("payment_webhook/signed_whole.json"))
    assert (done.answer["statusCode"], done.answer["body"]) == (500, "failed")
    (line,) = done.said("webhook_failed")
    assert line["error"] == "DecodeError"
    assert done.counted("Webhook_failed") == 1
    assert names_nobody(done)


def test_payment_webhook_reads_bytes_that_are_no_text(owing: Aws) -> None:
    asked = event("payment_webhook/signed_whole.json")
    for body in ("\udcff", "\x00", "", None):
        done = owing.invoke("PaymentWebhook", {**asked, "body": body, "isBase64Encoded": False})
        assert done.answer["statusCode"] == 401, body


# -------------------------------------------------------------------------------- confirm_payment


def test_confirm_payment_tries_again_later_what_its_provider_does_not_know_yet(
    owing: Aws, stand_in: StandIn
) -> None:
    unknown = Payment("7000404", "FA-EVENTS-1", 15_000_000, "COP", NOW)
    owing.invoke("PaymentWebhook", api_event("wompi", webhook("wompi", unknown, NOW)))
    sqs, url = owing.client("sqs"), owing.physical["ConfirmQueue"]
    for attempt, failures in ((1, 1), (3, 0)):
        (found,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
        asked = to_confirm("")
        asked["Records"][0]["body"] = found["Body"]
        asked["Records"][0]["receiptHandle"] = found["ReceiptHandle"]
        asked["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(attempt)
        done = owing.invoke("ConfirmPayment", asked)
        assert len(done.answer["batchItemFailures"]) == failures
        if failures:
            (line,) = done.said("not_confirmed")
            assert (line["error"], line["attempt"]) == ("NotConfirmedError", 1)
            assert done.counted("NotConfirmed") == 1
            assert "Messages" not in sqs.receive_message(QueueUrl=url)  # hidden for a while
            sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=found["ReceiptHandle"], VisibilityTimeout=0
            )
    assert done.said("confirmed")[0]["became"] == ["no_such_payment"]
    assert done.counted("NoSuchPayment") == 1
    assert names_nobody(done)


def test_confirm_payment_gives_back_a_message_that_it_cannot_read(aws: Aws) -> None:
    done = aws.invoke("ConfirmPayment", event("confirm_payment/unreadable.json"))
    assert len(done.answer["batchItemFailures"]) == 1


def test_confirm_payment_gives_back_a_receipt_that_is_not_there(aws: Aws) -> None:
    sqs, url = aws.client("sqs"), aws.physical["ConfirmQueue"]
    body = json.dumps({"provider": "stripe", "receipt": "webhooks/stripe/2026-10-05/none.json"})
    sqs.send_message(QueueUrl=url, MessageBody=body)
    (found,) = sqs.receive_message(QueueUrl=url)["Messages"]
    asked = event("confirm_payment/unconfirmed.json")
    asked["Records"][0] |= {"body": body, "receiptHandle": found["ReceiptHandle"]}
    done = aws.invoke("ConfirmPayment", asked)
    assert len(done.answer["batchItemFailures"]) == 1
    assert done.said("not_confirmed")[0]["error"] == "NoDocumentError"
