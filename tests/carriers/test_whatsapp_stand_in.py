"""WhatsApp over the wire: our adapter, boto3's own client, and a server that speaks the API."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from escalon.adapters.whatsapp import Whatsapp
from escalon.carriers import whatsapp
from escalon.domain.contact.channels import WhatsappTemplate
from escalon.domain.ports import NotTaken, Refused, Sent, Unknown
from escalon.messages.context import MessageContext
from escalon.messages.samples import sample_contexts
from escalon.messages.whatsapp import template_message
from escalon_cli.local.whatsapp_stand_in import WhatsappStandIn
from tests.messages.conftest import ANDINA, TODAY

NUMBER = "phone-number-id-976c72a700aac43eaf573ae050"
TEMPLATE = WhatsappTemplate(
    "recordatorio_cuenta",
    {"es-CO": "es_CO", "en": "en"},
    ("debtor_name", "creditor", "to_pay", "due_on"),
    link_button=True,
)


class Wire:
    """A running stand-in, and the adapter that talks to it."""

    def __init__(self) -> None:
        self.fates: dict[str, str] = {}
        self.told: list[str] = []
        self.stand_in = WhatsappStandIn(lambda to: self.fates.get(to, ""), self.told.append)
        self.server = self.stand_in.serve()
        host, port = self.server.server_address[:2]
        self.client = boto3.client(
            "socialmessaging",
            region_name="us-east-1",
            endpoint_url=f"http://{host!s}:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=5, proxies={}),
        )

    def adapter(self, number: str = NUMBER) -> Whatsapp:
        return Whatsapp(self.client, number)


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def context(**changes: Any) -> MessageContext:
    made = sample_contexts(ANDINA, locale="es-CO", today=TODAY, stage="reminder")["one"]
    return made if not changes else type(made)(**{**_fields(made), **changes})


def _fields(made: MessageContext) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__struct_fields__}


def message(to: str = "+573000000701", **changes: Any) -> bytes:
    return template_message(
        TEMPLATE, context(**changes), to_number=to, code="7Kq2xZr9Tb", reference="a1:m-0001"
    )


def test_a_template_goes_out_with_our_values_in_its_places(wire: Wire) -> None:
    assert isinstance(wire.adapter().send(message()), Sent)
    (taken,) = wire.stand_in.taken
    assert taken["template"]["name"] == "recordatorio_cuenta"
    assert taken["template"]["language"] == {"code": "es_CO"}
    body, button = taken["template"]["components"]
    assert [one["text"] for one in body["parameters"]] == [
        *("María Fernanda Ñáñez Gutiérrez", "Almacenes Andina", "$ 1.234.567"),
        "28 de febrero de 2027",
    ]
    assert (button["sub_type"], button["parameters"][0]["text"]) == ("url", "7Kq2xZr9Tb")
    assert taken["biz_opaque_callback_data"] == "a1:m-0001"


def test_what_becomes_of_it_is_told_with_our_ids(wire: Wire) -> None:
    wire.fates["+573000000799"] = "unregistered"
    wire.adapter().send(message())
    wire.adapter().send(message("+573000000799"))
    told = [feedback for text in wire.told for feedback in whatsapp.said(text)[0]]
    assert [(one.event, one.account_id, one.message_id) for one in told] == [
        *(("sent", "a1", "m-0001"), ("delivered", "a1", "m-0001"), ("delivered", "a1", "m-0001")),
        *(("sent", "a1", "m-0001"), ("failed", "a1", "m-0001")),
    ]
    assert told[-1].address_bad


def test_throttled_is_not_taken_and_a_lost_answer_is_unknown(wire: Wire) -> None:
    wire.fates = {"+573000000711": "throttled", "+573000000712": "no_answer"}
    throttled = wire.adapter().send(message("+573000000711"))
    assert throttled == NotTaken("ThrottledRequestException")
    assert isinstance(wire.adapter().send(message("+573000000712")), Unknown)
    assert len(wire.stand_in.taken) == 1  # it may have left, and we do not know


def test_a_number_of_ours_that_is_not_there_blames_no_message(wire: Wire) -> None:
    assert wire.adapter("gone").send(message()) == NotTaken("ResourceNotFoundException")
    assert wire.adapter("").send(message()) == NotTaken("NoPhoneNumber")
    assert wire.stand_in.taken == []


@pytest.mark.parametrize(
    "spoilt",
    [
        {"type": "text", "text": {"body": "hola"}},  # nobody has written to us: templates only
        {"to": "Ana"},
        {"messaging_product": "sms"},
        {"biz_opaque_callback_data": "x" * 513},
    ],
)
def test_what_meta_refuses_reached_nobody(wire: Wire, spoilt: dict[str, Any]) -> None:
    body = json.dumps({**json.loads(message()), **spoilt}).encode()
    assert wire.adapter().send(body) == Refused("InvalidParametersException")


def test_what_a_debtor_is_called_never_breaks_a_template(wire: Wire) -> None:
    """Meta refuses line breaks, tabs and runs of spaces, and an export holds all of them."""
    sent = wire.adapter().send(message(debtor_name="Ana\nMaría\t      Gómez"))
    assert isinstance(sent, Sent)
    (body, _) = wire.stand_in.taken[0]["template"]["components"]
    assert body["parameters"][0]["text"] == "Ana María Gómez"
