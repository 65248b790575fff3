"""Every events/receive_reply/*.json and the WhatsApp delivery through their handlers."""

import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from escalon.authoring.rulebook import sealed
from escalon.domain.account import Account, Consent, ContactPoint, Receivable
from escalon.domain.contact.channels import WhatsappTemplate
from escalon.domain.contact.feedback import Feedback
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.transitions import plan
from escalon.domain.storage import Change, Stored
from escalon_cli.local.whatsapp_stand_in import WhatsappStandIn
from tests.functions.conftest import NOW, Aws
from tests.functions.test_functions import SMS, event, names_nobody
from tests.functions.test_functions import escalated as escalated  # the fixture

CONSENT = Consent(date(2026, 1, 15), "signed order")


@pytest.fixture
def sent(escalated: Aws) -> Aws:
    """An SMS has left."""
    escalated.invoke("DeliverSms", event("deliver/sms.json"))
    return escalated


def account(aws: Aws, account_id: str = SMS) -> Account:
    stored = aws.deployed.table.get(account_id)
    assert stored is not None
    return stored.account


def test_what_a_debtor_writes_acts_or_goes_to_a_person(sent: Aws) -> None:
    done = sent.invoke("ReceiveReply", event("receive_reply/sms_stop.json"))
    assert done.answer == {"batchItemFailures": []}
    assert [line["became"] for line in done.said("reply_received")] == [["stopped"]]
    assert done.counted("Reply_stopped") == 1
    assert account(sent).refused_channels == ("sms",)
    assert names_nobody(done.log)
    again = sent.invoke("ReceiveReply", event("receive_reply/sms_stop.json"))
    assert [line["became"] for line in again.said("reply_received")] == [["known"]]

    # ALTA, written at the very instant of BAJA: the careful reading stands.
    alta = sent.invoke("ReceiveReply", event("receive_reply/sms_start.json"))
    assert [line["became"] for line in alta.said("reply_received")] == [["overtaken"]]

    asked = sent.invoke("ReceiveReply", event("receive_reply/sms_question.json"))
    assert [line["became"] for line in asked.said("reply_received")] == [["asked"]]
    assert "viernes" not in asked.log
    (task,) = sent.deployed.table.documents(f"A#{SMS}", "T#")
    assert (task["kind"], task["text"]) == ("reply", "¿Me pueden dar hasta el viernes?")


def test_what_cannot_be_taken_is_kept_and_counted(sent: Aws) -> None:
    for path, became in (
        ("receive_reply/not_an_event.json", "not_understood"),
        ("receive_reply/whatsapp_text.json", "unmatched"),
        ("receive_reply/whatsapp_image.json", "unmatched"),
    ):
        done = sent.invoke("ReceiveReply", event(path))
        assert done.answer == {"batchItemFailures": []}
        assert [line["became"] for line in done.said("reply_received")] == [[became]]
        assert done.counted("ReplyNotTaken") == 1
        (line,) = [*done.said("reply_not_understood"), *done.said("reply_unmatched")]
        assert sent.deployed.documents.get(line["kept_at"])
        assert names_nobody(done.log)


def test_what_whatsapp_tells_of_our_messages_goes_to_the_feedback_queue(sent: Aws) -> None:
    sent.messages_in("FeedbackQueue")
    for path in ("receive_reply/whatsapp_delivered.json", "receive_reply/whatsapp_failed.json"):
        done = sent.invoke("ReceiveReply", event(path))
        assert [line["became"] for line in done.said("reply_received")] == [["feedback"]]
    queued = sent.messages_in("FeedbackQueue")
    assert [one["event"] for one in queued] == ["delivered", "failed"]
    assert {one["message_id"] for one in queued} == {"m1"}
    assert names_nobody(json.dumps(queued))


# ------------------------------------------------------------------------------------- WhatsApp


@pytest.fixture
def social(aws: Aws) -> Iterator[WhatsappStandIn]:
    """AWS End User Messaging Social on loopback, and a debtor with a WhatsApp message planned."""
    made = WhatsappStandIn(lambda _: "", lambda _: None)
    server = made.serve()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host, port = server.server_address[:2]
    aws.more_variables["AWS_ENDPOINT_URL_SOCIALMESSAGING"] = f"http://{host!s}:{port}"
    yield made
    server.shutdown()
    server.server_close()


def planned(aws: Aws) -> str:
    """The id of a message that a rulebook with WhatsApp has planned."""
    template = WhatsappTemplate("recordatorio", {"es-CO": "es_CO"}, ("creditor", "to_pay"), True)
    base = aws.rulebook
    names = {s.message for each in base.strategies for s in each.steps if s.message}
    steps = {
        each.strategy: tuple(
            replace(step, channels=("whatsapp",)) if step.channels else step for step in each.steps
        )
        for each in base.strategies
    }
    channels = replace(
        base.channels,
        served=("email", "sms", "whatsapp"),
        whatsapp=dict.fromkeys(names, template),
    )
    strategies = tuple(replace(s, steps=steps[s.strategy]) for s in base.strategies)
    rules = sealed(replace(base, channels=channels, strategies=strategies))
    aws.deployed.documents.put_rulebook(rules)
    today = NOW.date()
    owed = Receivable(
        "rw1", "andina", "FV-1", today - timedelta(days=40), today - timedelta(days=3), "COP",
        900_000_00, 900_000_00, today - timedelta(days=40),
    )  # fmt: skip
    debtor = Account(
        "aevents0whatsapp",
        "71000009",
        "Dora Escobar",
        country="CO",
        points=(ContactPoint("p1", "whatsapp", "+573000000709", CONSENT),),
        receivables=(owed,),
    )
    decision = decide(debtor, rules, NOW)
    assert (decision.outcome, decision.channel) == ("act", "whatsapp")
    debtor = plan(debtor, decision, "r1")
    aws.deployed.table.update(Change(Stored(debtor, 0), debtor, NOW, ()))
    return decision.intent_id


def test_a_planned_whatsapp_message_goes_out_once(aws: Aws, social: WhatsappStandIn) -> None:
    intent_id = planned(aws)
    asked = event("deliver/whatsapp.json")
    (record,) = asked["Records"]
    record["body"] = record["body"].replace("INTENT", intent_id)
    done = aws.invoke("DeliverWhatsApp", asked)
    assert done.answer == {"batchItemFailures": []}
    assert [line["became"] for line in done.said("delivered")] == ["sent"]
    (request,) = social.taken
    assert request["biz_opaque_callback_data"] == f"aevents0whatsapp:{intent_id}"
    assert "+573000000709" not in done.log
    assert "Dora" not in done.log
    again = aws.invoke("DeliverWhatsApp", asked)
    assert [line["became"] for line in again.said("delivered")] == ["gone"]
    assert len(social.taken) == 1

    told = Feedback("whatsapp", "delivered", NOW, "wamid.1", "aevents0whatsapp", intent_id)
    status = event("delivery_feedback/sms_status.json")
    status["Records"][0]["body"] = json.dumps(
        {**{n: getattr(told, n) for n in ("channel", "event", "provider_message_id")},
         "at": NOW.isoformat(), "account_id": told.account_id, "message_id": intent_id}
    )  # fmt: skip
    aws.invoke("DeliveryFeedback", status)
    (record,) = account(aws, "aevents0whatsapp").receivables[0].steps.values()
    assert record.state == "delivered"
