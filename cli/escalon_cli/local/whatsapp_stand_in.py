"""Plays AWS End User Messaging Social: takes WhatsApp messages as Meta would, and tells of them.

It speaks the one call that we make (`POST /v1/whatsapp/send`) and refuses what Meta refuses; what
becomes of a message is its number's fate, as with SES and SNS (`ses_stand_in`): `unregistered`,
`stopped`, `silence`, `throttled`, `no_answer`, or any other: delivered, and read.
"""

import base64
import binascii
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/v1/whatsapp/send"

# Fates of a message that failed, by Meta's code.
FAILURES = {"unregistered": 131026, "stopped": 131050, "too_often": 131049}
_BAD_TEXT = re.compile(r"[\n\t]| {5}")
_MOST_REFERENCE = 512  # characters


class NotTakenError(Exception):
    """The service answers with this error."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name = status, name


@dataclass
class WhatsappStandIn:
    """One stand-in. `fate` says what becomes of a number; `tell` gets each event, as the topic of a
    WhatsApp account's event destination does; `show` each message that was taken: its id, its
    number and what it says."""

    fate: Callable[[str], str]
    tell: Callable[[str], None]
    show: Callable[[str, str, str], None] = lambda *_: None
    taken: list[dict[str, Any]] = field(default_factory=list)  # Meta's requests, in order

    def send(self, body: bytes) -> str | None:
        """Take a message and tell of it: the id under which it was taken, None if the answer gets
        lost on its way. Raises NotTakenError."""
        request = _read(body)
        fate = self.fate(request["to"])
        if fate == "throttled":
            raise NotTakenError(429, "ThrottledRequestException", "Rate exceeded")
        self.taken.append(request)
        message_id = str(uuid.uuid4())
        self.show(message_id, request["to"], _said(request))
        for status in _statuses(fate):
            self.tell(event({"statuses": [_told(request, message_id, status, fate)]}))
        return None if fate == "no_answer" else message_id

    def write(self, sender: str, text: str, message_id: str = "") -> None:
        """Somebody writes to us; `sender` without a plus, as Meta has it."""
        message = {
            "from": sender,
            "id": message_id or f"wamid.{uuid.uuid4()}",
            "timestamp": str(int(time.time())),
            "type": "text",
            "text": {"body": text},
        }
        self.tell(event({"messages": [message]}))

    def serve(self, port: int = 0) -> ThreadingHTTPServer:
        """A server on loopback; whoever gets it runs it."""
        return ThreadingHTTPServer(("127.0.0.1", port), _handler(self))


def event(value: Mapping[str, Any]) -> str:
    """What AWS publishes: its header around Meta's notification, which is JSON in a string."""
    about = {"display_phone_number": "573000000700", "phone_number_id": "321010217760100"}
    entry = {
        "id": "365731266123456",
        "changes": [
            {
                "value": {"messaging_product": "whatsapp", "metadata": about, **value},
                "field": "messages",
            }
        ],
    }
    return json.dumps(
        {
            "context": {"MetaWabaIds": [], "MetaPhoneNumberIds": []},
            "whatsAppWebhookEntry": json.dumps(entry),
            "aws_account_id": "000000000000",
            "message_timestamp": "2026-10-05T14:00:03.271279391Z",
            "messageId": str(uuid.uuid4()),
        }
    )


def _said(request: Mapping[str, Any]) -> str:
    """A template's name and what was filled in: its words are with Meta."""
    template = request["template"]
    filled = [
        parameter["text"]
        for component in template.get("components", ())
        for parameter in component.get("parameters", ())
    ]
    return "\n".join((f"[{template['name']}]", *filled))


def _statuses(fate: str) -> Iterator[str]:
    if fate == "silence":
        return
    yield "sent"
    if fate in FAILURES:
        yield "failed"
        return
    yield "delivered"
    yield "read"


def _told(request: Mapping[str, Any], message_id: str, status: str, fate: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": f"wamid.{message_id}",
        "status": status,
        "timestamp": str(int(time.time())),
        "recipient_id": request["to"].removeprefix("+"),
    }
    if "biz_opaque_callback_data" in request:
        told["biz_opaque_callback_data"] = request["biz_opaque_callback_data"]
    if status == "failed":
        told["errors"] = [{"code": FAILURES[fate], "title": "Message undeliverable"}]
    return told


def _read(body: bytes) -> dict[str, Any]:
    """Meta's request out of AWS's; raises NotTakenError for what either refuses."""
    try:
        call = json.loads(body)
        number = call["originationPhoneNumberId"]
        version = call["metaApiVersion"]
        request: dict[str, Any] = json.loads(base64.b64decode(call["message"], validate=True))
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise NotTakenError(400, "ValidationException", f"not readable: {error}") from error
    if not re.fullmatch(r"phone-number-id-[0-9a-f]+", number):
        raise NotTakenError(404, "ResourceNotFoundException", "no such number")
    if not re.fullmatch(r"v\d+\.0", version):
        raise NotTakenError(400, "ValidationException", "no such version of Meta's API")
    wrong = "; ".join(_wrong_with(request))
    if wrong:
        raise NotTakenError(400, "InvalidParametersException", wrong)
    return request


def _wrong_with(request: Mapping[str, Any]) -> Iterator[str]:
    """What Meta says no to."""
    if request.get("messaging_product") != "whatsapp":
        yield "messaging_product"
    if not re.fullmatch(r"\+?\d{7,15}", str(request.get("to"))):
        yield "to"
    if len(request.get("biz_opaque_callback_data", "")) > _MOST_REFERENCE:
        yield "biz_opaque_callback_data"
    template = request.get("template")
    if request.get("type") != "template" or not isinstance(template, dict):
        yield "only templates may begin a conversation"
        return
    if not template.get("name") or not template.get("language", {}).get("code"):
        yield "template"
    for component in template.get("components", ()):
        for parameter in component.get("parameters", ()):
            text = parameter.get("text", "")
            if parameter.get("type") != "text" or not text or _BAD_TEXT.search(text):
                yield f"parameter of {component.get('type')}"


def _handler(stand_in: WhatsappStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer(self, stand_in, body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: what was taken is kept."""

    return Handler


def answer(handler: BaseHTTPRequestHandler, stand_in: WhatsappStandIn, body: bytes) -> None:
    """Answer one call as the service does; a lost answer is a connection that ends."""
    try:
        if handler.path != PATH:
            raise NotTakenError(404, "ResourceNotFoundException", "no such call")
        message_id = stand_in.send(body)
    except NotTakenError as error:
        _say(handler, error.status, {"message": str(error)}, error.name)
        return
    if message_id is None:
        handler.close_connection = True
        return
    _say(handler, 200, {"messageId": message_id})


def _say(
    handler: BaseHTTPRequestHandler, status: int, said: Mapping[str, str], error: str = ""
) -> None:
    content = json.dumps(said).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content)))
    if error:
        handler.send_header("x-amzn-ErrorType", error)
    handler.end_headers()
    handler.wfile.write(content)
