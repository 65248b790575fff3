"""What each channel can do: SMS by the country of its number, WhatsApp, e-mail by its creditor."""

import json
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.table import Table
from escalon.authoring.rulebook import load_rulebook, sealed
from escalon.carriers.inbound import Inbound, inbound_of
from escalon.domain.account import Account, Consent
from escalon.domain.contact.channels import Channels, SmsCountry, SmsRules, WhatsappTemplate
from escalon.domain.contact.feedback import Feedback
from escalon.domain.rules.rulebook import Rulebook
from escalon.usecases.contact.deliver import TryLaterError
from escalon.usecases.contact.phone_numbers import country_of
from escalon.usecases.contact.record_feedback import RecordFeedback
from escalon.usecases.messages_between import ToDeliver
from escalon.usecases.payments.payment_link import Links
from tests.carriers.test_inbound import TOPIC
from tests.doubles.world import NOW, TABLE, OneRulebook, World, debtor, point, receivable, rulebook

QUARTER = timedelta(minutes=15)
LINKS = Links(lambda: b"key of links", "https://pay.example")
FRIENDLY = WhatsappTemplate("recordatorio", {"en": "en"}, ("creditor", "to_pay"), link_button=True)


def by(channels: tuple[str, ...], rules: Channels, **creditor: Any) -> Rulebook:
    """The ladder of the tests by these channels; andina is changed as said."""
    base = rulebook()
    (strategy,) = base.strategies
    steps = tuple(
        replace(step, channels=channels) if step.channels else step for step in strategy.steps
    )
    andina = replace(base.creditors["andina"], **creditor)
    return sealed(
        replace(
            base,
            strategies=(replace(strategy, steps=steps),),
            creditors={**base.creditors, "andina": andina},
            channels=rules,
        )
    )


def planned(rules: Rulebook, account: Account) -> tuple[World, str, ToDeliver]:
    """A world in which one contact is planned, its queue, and its message there."""
    world = World()
    world.links = LINKS
    world.rulebooks = OneRulebook(rules)
    world.put(account)
    world.sweep()(NOW)
    world.work_off("escalate")
    (name,) = world.waiting()
    return world, name, msgspec.json.decode(world.sqs.queues[name].popleft(), type=ToDeliver)


def sent_sms(rules: SmsRules, number: str = "+573000000001", **creditor: Any) -> dict[str, Any]:
    """The one call to SNS."""
    book = by(("sms",), Channels(sms=rules), **creditor)
    world, name, message = planned(book, debtor(points=(point("sms", number),)))
    assert world.deliver(name)(message) == "sent"
    (call,) = world.sns.calls
    return call


def attributes(call: dict[str, Any]) -> dict[str, str]:
    return {
        name.removeprefix("AWS.SNS.SMS."): value["StringValue"]
        for name, value in call["MessageAttributes"].items()
    }


# ------------------------------------------------------------------------------------------ SMS


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+573000000001", "CO"),
        ("+34600000001", "ES"),
        ("+12125550101", "US"),
        ("+14165550101", "CA"),  # the same code as the United States
        ("+447700900123", "GB"),
        ("no number", ""),
        ("+99999999", ""),
    ],
)
def test_where_a_number_is(number: str, country: str) -> None:
    assert country_of(number) == country


def test_in_colombia_an_sms_has_no_sender_id_and_invites_no_reply() -> None:
    rules = SmsRules(countries={"CO": SmsCountry(), "*": SmsCountry(True, True)})
    call = sent_sms(rules, sms_sender_id="Andina")
    assert attributes(call) == {"SMSType": "Transactional"}
    assert "Replies are not read." in call["Message"]
    assert "Reply STOP" not in call["Message"]
    # The link to the account is the way to stop too.
    assert call["Message"].endswith(
        "See your account or stop SMS: https://pay.example/p/rFpPiBwgKs"
    )


def test_where_a_reply_reaches_us_the_sms_says_so_instead_of_a_link() -> None:
    rules = SmsRules(countries={"*": SmsCountry(two_way=True)})
    call = sent_sms(rules)
    assert call["Message"].endswith("Reply STOP for no more SMS.")
    assert "/stop" not in call["Message"]


def test_sender_ids_and_the_highest_price_are_the_countrys() -> None:
    rules = SmsRules(countries={"GB": SmsCountry(False, True, "0.08")})
    call = sent_sms(rules, "+447700900123", sms_sender_id="Andina")
    assert attributes(call) == {
        "SMSType": "Transactional",
        "SenderID": "Andina",
        "MaxPrice": "0.08",
    }
    assert call["MessageAttributes"]["AWS.SNS.SMS.MaxPrice"]["DataType"] == "Number"


def test_a_country_that_nobody_listed_has_neither() -> None:
    call = sent_sms(SmsRules(countries={"CO": SmsCountry(True, True)}), "+56900000001",
                    sms_sender_id="Andina")  # fmt: skip
    assert attributes(call) == {"SMSType": "Transactional"}
    assert "Replies are not read." in call["Message"]


def test_an_sms_that_is_too_long_is_not_sent_and_the_step_goes_by_its_next_channel() -> None:
    book = by(("sms", "email"), Channels(sms=SmsRules(most_segments=1)))
    world, name, message = planned(book, debtor())
    assert (name, world.deliver("sms")(message)) == ("sms", "failed")
    assert world.sns.calls == []
    assert [code for code, _ in world.reports] == ["cannot_be_written"]
    world.run(NOW + QUARTER)
    assert len(world.ses.calls) == 1


def test_a_number_that_an_sms_went_to_is_known_by_no_readable_name() -> None:
    book = by(("sms",), Channels())
    world, name, message = planned(book, debtor(points=(point("sms"),)))
    world.deliver(name)(message)
    (key,) = [pk for pk, _ in world.all_items() if pk.startswith("NUMBER#")]
    assert key == f"NUMBER#sms#{LINKS.name_of('+573000000001')}"
    assert "3000000001" not in key


# ------------------------------------------------------------------------------------- WhatsApp


def whatsapp_world(
    channels: tuple[str, ...] = ("whatsapp", "sms"), **templates: WhatsappTemplate
) -> tuple[World, str, ToDeliver]:
    rules = Channels(("email", "sms", "whatsapp"), whatsapp=templates or {"friendly": FRIENDLY})
    points = tuple(point(channel) for channel in ("whatsapp", "sms"))  # type: ignore[arg-type]
    return planned(by(channels, rules), debtor(points=points))


def request_of(world: World) -> dict[str, Any]:
    """Meta's request in the one call."""
    (call,) = world.social.calls
    assert call["originationPhoneNumberId"] == "phone-number-id-1"
    found: dict[str, Any] = json.loads(call["message"])
    return found


def feedback(world: World, status: str, code: int = 0) -> None:
    """Meta tells of the message that was sent, over the topic for replies and the queue."""
    reference = request_of(world)["biz_opaque_callback_data"]
    told: dict[str, Any] = {
        "id": "wamid.1",
        "status": status,
        "timestamp": str(int(NOW.timestamp()) + 5),
        "biz_opaque_callback_data": reference,
        **({"errors": [{"code": code}]} if code else {}),
    }
    entry = {"changes": [{"field": "messages", "value": {"statuses": [told]}}]}
    notification = {
        "Type": "Notification",
        "TopicArn": TOPIC,
        "Message": json.dumps({"whatsAppWebhookEntry": json.dumps(entry)}),
        "Timestamp": "2026-09-07T15:00:05.000Z",
    }
    said = inbound_of(json.dumps(notification), TOPIC)
    assert isinstance(said, Inbound)
    recorder = RecordFeedback(
        Table(world.dynamo, TABLE, 1), world.rulebooks, Documents(world.s3, "bucket"),
        world.clock, TOPIC, world.report,
    )  # fmt: skip
    for one in said.feedback:
        recorder(msgspec.json.encode(one).decode(), 1)


def state(world: World) -> str:
    (message,) = (m for m in world.messages() if m["channel"] == "whatsapp")
    return str(message["state"])


def test_a_step_by_whatsapp_goes_out_as_an_approved_template() -> None:
    world, name, message = whatsapp_world()
    assert name == "whatsapp"
    assert world.deliver("whatsapp")(message) == "sent"
    request = request_of(world)
    assert request["to"] == "+573000000001"
    assert request["template"]["name"] == "recordatorio"
    assert request["biz_opaque_callback_data"] == f"a1:{message.intent_id}"
    code = LINKS.code(message.intent_id)
    assert request["template"]["components"][1]["parameters"][0]["text"] == code
    (document,) = world.messages()
    kept, _ = world.s3.objects[document["kept_at"]]
    assert json.loads(kept) == request  # what is kept as proof is what was sent


def test_what_whatsapp_tells_settles_the_message_and_its_step() -> None:
    world, _, message = whatsapp_world()
    world.deliver("whatsapp")(message)
    feedback(world, "read")
    feedback(world, "delivered")
    feedback(world, "sent")
    assert state(world) == "delivered"
    (record,) = world.account().receivables[0].steps.values()
    assert record.state == "delivered"


def test_l10_a_number_that_is_not_on_whatsapp_goes_on_by_sms_at_once() -> None:
    """Nobody was reached, so no channel is locked; the point is marked."""
    world, _, message = whatsapp_world()
    world.deliver("whatsapp")(message)
    feedback(world, "failed", 131026)
    assert state(world) == "failed"
    assert [p.failed for p in world.account().points] == ["failed Meta/131026", ""]
    world.run(NOW + QUARTER)
    assert len(world.sns.calls) == 1
    assert len(world.social.calls) == 1


def test_a_lost_answer_is_settled_by_what_whatsapp_tells() -> None:
    world, _, message = whatsapp_world()
    world.social.answers.append(ReadTimeoutError(endpoint_url="https://social"))
    assert world.deliver("whatsapp")(message) == "unknown"
    assert world.deliver("whatsapp")(message) == "under_way"  # never again blindly
    world.social.calls.append(
        {"message": _kept(world), "originationPhoneNumberId": "phone-number-id-1"}
    )
    feedback(world, "delivered")
    assert state(world) == "delivered"
    assert world.account().intents == ()


def _kept(world: World) -> bytes:
    (document,) = world.messages()
    return world.s3.objects[document["kept_at"]][0]


def test_throttled_it_waits_and_goes_once() -> None:
    world, _, message = whatsapp_world()
    error: Any = {
        "Error": {"Code": "ThrottledRequestException", "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": 429},
    }
    world.social.answers.append(ClientError(error, "SendWhatsAppMessage"))
    with pytest.raises(TryLaterError):
        world.deliver("whatsapp")(message)
    assert world.deliver("whatsapp")(message) == "sent"
    assert len(world.social.calls) == 1


def test_a_message_without_a_template_goes_by_the_next_channel() -> None:
    world, _, message = whatsapp_world(other=FRIENDLY)
    assert world.deliver("whatsapp")(message) == "failed"
    world.run(NOW + QUARTER)
    assert (len(world.social.calls), len(world.sns.calls)) == (0, 1)


def test_where_whatsapp_is_not_set_up_a_step_by_it_is_work_for_a_person() -> None:
    """As it was before anybody set it up, and as with a letter."""
    book = by(("whatsapp",), Channels())
    world, name, message = planned(book, debtor(points=(point("whatsapp"),)))
    assert name == "task"
    assert world.deliver("task")(message) == "opened"
    (task,) = world.tasks()
    assert (task["kind"], task["channel"]) == ("whatsapp", "whatsapp")


# --------------------------------------------------------------------------------------- e-mail


def test_an_email_can_be_stopped_with_one_click_and_says_its_language() -> None:
    """RFC 8058: the mail program posts to the address without asking anybody."""
    world, name, message = planned(by(("email",), Channels()), debtor())
    world.deliver(name)(message)
    (call,) = world.ses.calls
    mail = message_from_bytes(call["Content"]["Raw"]["Data"], policy=default)
    url = f"{LINKS.url(message.intent_id)}/stop"
    assert f"<{url}>" in mail["List-Unsubscribe"].replace("\r\n", "")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Content-Language"] == "en"
    assert "andina" in mail["Reply-To"]
    (link,) = [
        msgspec.json.decode(item["doc"]["S"])
        for (pk, _), item in world.all_items().items()
        if pk.startswith("LINK#")
    ]
    assert link["channel"] == "email"


def test_a_step_may_attach_the_whole_statement_as_a_pdf() -> None:
    """What is kept as proof is what was sent, the PDF with it: the same bytes whenever written."""
    book = by(("email",), Channels())
    (strategy,) = book.strategies
    steps = tuple(replace(step, attach="statement") for step in strategy.steps)
    book = sealed(replace(book, strategies=(replace(strategy, steps=steps),)))
    world, name, message = planned(book, debtor())
    assert world.deliver(name)(message) == "sent"
    (call,) = world.ses.calls
    mime = call["Content"]["Raw"]["Data"]
    (document,) = world.messages()
    assert world.s3.objects[document["kept_at"]][0] == mime
    mail = message_from_bytes(mime, policy=default)
    assert mail.get_content_type() == "multipart/mixed"
    (paper,) = mail.iter_attachments()
    assert paper.get_filename() == "statement-2026-09-07.pdf"
    assert paper.get_content().startswith(b"%PDF-")
    text = mail.get_body(("plain",))
    assert text is not None
    assert "COP 100,000" in text.get_content()
    assert mail["Content-Language"] == "en"


def test_a_step_that_attaches_nothing_sends_nothing_but_its_words() -> None:
    world, name, message = planned(by(("email",), Channels()), debtor())
    world.deliver(name)(message)
    mail = message_from_bytes(world.ses.calls[0]["Content"]["Raw"]["Data"], policy=default)
    assert mail.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(("own", "name"), [(False, "set"), (True, "set_andina")])
def test_a_creditor_may_have_a_configuration_set_of_its_own(own: bool, name: str) -> None:
    book = by(("email",), Channels(), own_configuration_set=own)
    world, queue, message = planned(book, debtor())
    world.deliver(queue)(message)
    assert [call["ConfigurationSetName"] for call in world.ses.calls] == [name]


# ------------------------------------------------------------------ a failure, under Colombia's law


def in_colombia() -> World:
    """A debtor in Colombia who has authorised both channels, by the rulebook as it is shipped."""
    world = World()
    world.links = LINKS
    shipped = load_rulebook(Path(__file__).parents[2] / "config", try_messages=False)
    world.rulebooks = OneRulebook(shipped)
    consent = Consent(NOW.date() - timedelta(days=90), "form 7")
    points = tuple(replace(point(channel), consent=consent) for channel in ("sms", "email"))
    owed = receivable(open_minor=900_000_00)
    world.put(replace(debtor("a1", owed, points=points), language="es-CO"))
    world.run(NOW)
    assert (len(world.sns.calls), len(world.ses.calls)) == (1, 0)
    return world


def told_of_sms(world: World, reason: str, **more: Any) -> None:
    told = Feedback("sms", "failed", NOW, "provider-1", reason=reason, **more)
    world.clock.at = NOW + timedelta(seconds=5)
    recorder = RecordFeedback(
        world.table, world.rulebooks, Documents(world.s3, "bucket"), world.clock, TOPIC,
        world.report,
    )  # fmt: skip
    assert recorder.record(told, 1) == "failed"


def test_l10_what_reached_nobody_uses_up_neither_the_day_nor_the_weeks_channel() -> None:
    """Ley 2300 allows one contact a day and one channel a week; this was none. The same step goes
    by its next channel within the hour, and only when that fails too is a person asked."""
    world = in_colombia()
    told_of_sms(world, "Invalid phone number", address_bad=True)
    assert [p.failed for p in world.account().points] == ["failed Invalid phone number", ""]
    world.run(NOW + QUARTER)
    assert len(world.ses.calls) == 1
    (_, email) = sorted(world.messages(), key=lambda one: str(one["claimed_at"]))
    assert (email["channel"], email["step"]) == ("email", "friendly")
    bounce = Feedback(
        "email", "bounced", NOW + QUARTER, "provider-1", "a1", email["message_id"],
        reason="Permanent/General", address_bad=True,
    )  # fmt: skip
    world.clock.at = NOW + QUARTER + timedelta(seconds=5)
    recorder = RecordFeedback(
        world.table, world.rulebooks, Documents(world.s3, "bucket"), world.clock, TOPIC,
        world.report,
    )  # fmt: skip
    assert recorder.record(bounce, 1) == "bounced"
    world.run(NOW + 2 * QUARTER)
    assert [task["kind"] for task in world.tasks()] == ["data_repair"]
    assert (len(world.sns.calls), len(world.ses.calls)) == (1, 1)
    for number in range(3, 8):
        world.run(NOW + number * QUARTER)
    assert (len(world.sns.calls), len(world.ses.calls), len(world.tasks())) == (1, 1, 1)


def test_what_arrived_locks_the_other_channel_for_the_week() -> None:
    world = in_colombia()
    told = Feedback("sms", "delivered", NOW, "provider-1")
    world.clock.at = NOW + timedelta(seconds=5)
    recorder = RecordFeedback(
        world.table, world.rulebooks, Documents(world.s3, "bucket"), world.clock, TOPIC,
        world.report,
    )  # fmt: skip
    assert recorder.record(told, 1) == "delivered"
    for number in range(1, 6):
        world.run(NOW + timedelta(days=number))
    assert (len(world.sns.calls), len(world.ses.calls)) == (1, 0)
