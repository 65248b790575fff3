"""Plays what the embedded AWS lacks of SES and SNS: what becomes of a message once it was taken.

It stands in front of MiniStack, reached by the variables AWS_ENDPOINT_URL_SESV2 and
AWS_ENDPOINT_URL_SNS, and plays WhatsApp besides (`whatsapp_stand_in`). Every other call goes on to
MiniStack, with its identities and permissions; of what was taken it keeps the whole MIME and the
tags, and then tells as AWS would: SES's events to the topics of the configuration set, SNS's
delivery log to whoever has subscribed to it in CloudWatch Logs, once that is switched on. MiniStack
would start a function of its own for each line of a log; here one call carries all that waits, and
the lines themselves are not kept.

What becomes of a message is its address's fate: that of SES's mailbox simulator, `ana+bounce@…` and
the like, or what `fates.json` in its folder says ({"*@example.org": "delay"}), read as it changes.
"""

import base64
import gzip
import http.client
import json
import queue
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import default
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from escalon_cli.local import mailbox, pages, whatsapp_stand_in
from escalon_cli.local.mailbox import Mailbox, Taken
from escalon_cli.local.whatsapp_stand_in import WhatsappStandIn

MAILS = "ses"  # in the stack's folder: every mail as it was taken

SIMULATOR = "simulator.amazonses.com"

# The first pattern that an address (in lower case) or a number matches is its fate.
FATES: dict[str, str] = {
    f"bounce@{SIMULATOR}": "bounce",
    f"complaint@{SIMULATOR}": "complaint",
    f"ooto@{SIMULATOR}": "auto_reply",
    f"suppressionlist@{SIMULATOR}": "suppressed",
    **{
        f"*+{fate}@*": fate
        for fate in (
            *("bounce", "soft_bounce", "complaint", "auto_reply", "suppressed"),
            *("delay", "reject", "silence", "no_answer"),
        )
    },
}
DELIVERED = "delivered"

# Fates of an SMS that failed, as SNS words them.
SMS_FAILURES = {
    "unreachable": "Phone is currently unreachable/unavailable",
    "invalid": "Invalid phone number",
    "opted_out": "Phone number is opted out",
    "blocked": "Phone carrier has blocked this message",
}

_ACCOUNT = "000000000000"  # MiniStack's
_KNOWN_SECONDS = 2.0
_PATIENCE_SECONDS = 5.0  # of a sender, whose own ends later
_LOG_SECONDS = 0.05  # that a line takes, as long as its sender takes to write down what it is about
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_SNS = "http://sns.amazonaws.com/doc/2010-03-31/"

type Event = dict[str, Any]


@dataclass(frozen=True)
class Mail:
    """An e-mail that was taken."""

    message_id: str
    sent_at: str
    source: str
    to: tuple[str, ...]
    configuration_set: str
    tags: Mapping[str, str]
    mime: bytes
    account: str
    region: str

    @property
    def subject(self) -> str:
        """Its subject, as a person reads it."""
        return str(BytesHeaderParser(policy=default).parsebytes(self.mime).get("Subject", ""))

    def described(self) -> dict[str, Any]:
        """What SES says of the mail in each of its events."""
        parsed = BytesHeaderParser().parsebytes(self.mime)
        domain = self.source.rpartition("@")[2].rstrip(">")
        return {
            "timestamp": self.sent_at,
            "source": self.source,
            "sourceArn": f"arn:aws:ses:{self.region}:{self.account}:identity/{domain}",
            "sendingAccountId": self.account,
            "messageId": self.message_id,
            "destination": list(self.to),
            "headersTruncated": False,
            "headers": [{"name": name, "value": str(text)} for name, text in parsed.items()],
            "commonHeaders": {
                "from": [str(parsed.get("From", ""))],
                "to": list(self.to),
                "subject": str(parsed.get("Subject", "")),
            },
            "tags": {
                "ses:operation": ["SendEmail"],
                "ses:configuration-set": [self.configuration_set],
                "ses:source-ip": ["127.0.0.1"],
                "ses:from-domain": [domain],
                "ses:caller-identity": ["local"],
                **{name: [value] for name, value in self.tags.items()},
            },
        }


def fate_of(address: str, fates: Mapping[str, str]) -> str:
    """What becomes of what is sent to an address or a number."""
    name = address.lower()
    return next((fate for pattern, fate in fates.items() if fnmatchcase(name, pattern)), DELIVERED)


def events_of(mail: Mail, fates: Mapping[str, str], at: str) -> list[tuple[str, Event]]:
    """SES's events of one mail, with the type that a destination names each by."""
    said = mail.described()
    told: list[tuple[str, Event]] = [("SEND", {"eventType": "Send", "mail": said, "send": {}})]
    by_fate: dict[str, list[str]] = {}
    for address in mail.to:
        by_fate.setdefault(fate_of(address, fates), []).append(address)
    for fate, addresses in by_fate.items():
        told += [(kind, {**event, "mail": said}) for kind, event in _becomes(fate, addresses, at)]
    return told


def _becomes(fate: str, addresses: list[str], at: str) -> list[tuple[str, Event]]:
    named = [{"emailAddress": address} for address in addresses]
    delivery = {
        "timestamp": at,
        "processingTimeMillis": 546,
        "recipients": addresses,
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": "a8-70.smtp-out.amazonses.com",
    }
    delivered = ("DELIVERY", {"eventType": "Delivery", "delivery": delivery})

    def bounce(kind: str, sub_kind: str) -> tuple[str, Event]:
        about = {
            "bounceType": kind,
            "bounceSubType": sub_kind,
            "bouncedRecipients": named,
            "timestamp": at,
            "feedbackId": str(uuid.uuid4()),
            "reportingMTA": "dsn; a8-70.smtp-out.amazonses.com",
        }
        return "BOUNCE", {"eventType": "Bounce", "bounce": about}

    match fate:
        case "bounce":
            return [bounce("Permanent", "General")]
        case "suppressed":
            return [bounce("Permanent", "OnAccountSuppressionList")]
        case "soft_bounce":
            return [bounce("Transient", "MailboxFull")]
        case "auto_reply":
            return [delivered, bounce("Transient", "General")]
        case "complaint":
            about = {
                "complainedRecipients": named,
                "timestamp": at,
                "feedbackId": str(uuid.uuid4()),
                "complaintSubType": None,
                "complaintFeedbackType": "abuse",
            }
            return [delivered, ("COMPLAINT", {"eventType": "Complaint", "complaint": about})]
        case "delay":
            about = {
                "timestamp": at,
                "delayType": "TransientCommunicationFailure",
                "expirationTime": at,
                "delayedRecipients": named,
            }
            return [
                ("DELIVERY_DELAY", {"eventType": "DeliveryDelay", "deliveryDelay": about}),
                delivered,
            ]
        case "reject":
            return [("REJECT", {"eventType": "Reject", "reject": {"reason": "Bad content"}})]
        case "silence":
            return []
    return [delivered]


def sms_line(message_id: str, number: str, fate: str, at: datetime) -> tuple[bool, str]:
    """Whether an SMS failed, and the line of SNS's delivery log that says so."""
    failure = SMS_FAILURES.get(fate)
    line = {
        "notification": {"messageId": message_id, "timestamp": f"{at:%Y-%m-%d %H:%M:%S}.000"},
        "delivery": {
            "mnc": 101,
            "numberOfMessageParts": 1,
            "destination": number,
            "priceInUSD": 0.00645,
            "smsType": "Transactional",
            "mcc": 732,
            "providerResponse": failure or "Message has been accepted by phone carrier",
            "dwellTimeMs": 599,
            "dwellTimeMsUntilDeviceAck": 1344,
        },
        "status": "FAILURE" if failure else "SUCCESS",
    }
    return failure is not None, json.dumps(line)


def steer(folder: Path, fates: Mapping[str, str]) -> None:
    """Set fates of the stand-in of a stack's folder; they go before those that it knows."""
    unfinished = folder / "fates.json.new"
    unfinished.write_text(json.dumps(dict(fates)), encoding="utf-8")
    unfinished.replace(folder / "fates.json")


# ---------------------------------------------------------------------------------- the server


@dataclass
class _Waiting:
    """Something on its way to `where`: a topic or a log."""

    where: str
    text: str
    done: threading.Event = field(default_factory=threading.Event)


class _Remembered[Known]:
    """What was asked a moment ago, by name."""

    def __init__(self, ask: Callable[[str], Known]) -> None:
        self._ask = ask
        self._known: dict[str, tuple[float, Known]] = {}

    def of(self, name: str) -> Known:
        """The answer, at most some seconds old."""
        if name not in self._known or time.monotonic() - self._known[name][0] > _KNOWN_SECONDS:
            self._known[name] = (time.monotonic(), self._ask(name))
        return self._known[name][1]


class _Together:
    """Hands on what several senders bring, in one call for all that waits."""

    def __init__(
        self, hand_on: Callable[[str, list[str]], None], most: int, most_bytes: int
    ) -> None:
        self._hand_on = hand_on
        self._most, self._most_bytes = most, most_bytes
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        threading.Thread(target=self._for_ever, daemon=True).start()

    def bring(self, wheres_and_texts: Iterable[tuple[str, str]]) -> list[_Waiting]:
        """Hand these on, with whatever else waits, as soon as may be."""
        mine = [_Waiting(where, text) for where, text in wheres_and_texts]
        for one in mine:
            self._waiting.put(one)
        return mine

    def _for_ever(self) -> None:
        held: _Waiting | None = None
        while True:
            batch = [held or self._waiting.get()]
            held = None
            size = len(batch[0].text)
            while len(batch) < self._most:
                try:
                    following = self._waiting.get_nowait()
                except queue.Empty:
                    break
                size += len(following.text)
                if following.where != batch[0].where or size > self._most_bytes:
                    held = following
                    break
                batch.append(following)
            try:
                self._hand_on(batch[0].where, [one.text for one in batch])
            except Exception as error:  # the thread outlives whatever is wrong with one batch
                print(f"not told: {error}", file=sys.stderr, flush=True)
            for one in batch:
                one.done.set()


class StandIn:
    """One stand-in, before the MiniStack of `endpoint_url`; keeps what was sent in `folder`, and
    shows it in `mailbox` with the instant that `now` gives."""

    def __init__(
        self,
        endpoint_url: str,
        folder: Path,
        region: str = "us-east-1",
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        mailbox: Mailbox | None = None,
    ) -> None:
        self.endpoint = endpoint_url.removeprefix("http://")
        self.folder = folder
        self.region = region
        self._mail_folder = folder / MAILS
        self._mail_folder.mkdir(parents=True, exist_ok=True)
        self._clock = now
        self.mailbox = mailbox or Mailbox(self._mail_folder)
        session = boto3.Session("test", "test", region_name=region)
        config = Config(proxies={}, retries={"mode": "standard"}, max_pool_connections=20)
        self._sns, self._ses, self._logs, self._lambda = (
            session.client(service, endpoint_url=endpoint_url, config=config)
            for service in ("sns", "sesv2", "logs", "lambda")
        )
        self._topics = _Remembered(self._read_topics)
        self._readers = _Remembered(self._read_readers)
        self._fates: tuple[float, dict[str, str]] = (0.0, FATES)
        self.sms_attributes: dict[str, str] = {}
        self._events = _Together(self._publish, 10, 256 * 1024)  # PublishBatch takes no more
        self._reply_topics = _Remembered(self._read_reply_topics)
        self.whatsapp = WhatsappStandIn(
            lambda number: fate_of(number, self._current_fates()),
            self._tell_of_whatsapp,
            lambda name, to, text: self._shown(name, "whatsapp", (to,), text),
        )
        self._lines = _Together(self._hand_over_lines, 100, 1024 * 1024)

    def serve(self, port: int) -> ThreadingHTTPServer:
        """The server; whoever gets it runs it."""
        return ThreadingHTTPServer(("127.0.0.1", port), _handler(self))

    # ------------------------------------------------------------------ e-mail

    def mail_taken(self, request: Mapping[str, Any], message_id: str) -> bool:
        """Keep a mail that MiniStack took, and tell of it; whether its sender gets an answer."""
        content = request["Content"]
        destination = request.get("Destination", {})
        mail = Mail(
            message_id,
            _now(),
            str(request.get("FromEmailAddress", "")),
            tuple(
                address
                for name in ("ToAddresses", "CcAddresses", "BccAddresses")
                for address in destination.get(name, ())
            ),
            str(request.get("ConfigurationSetName", "")),
            {tag["Name"]: tag["Value"] for tag in request.get("EmailTags", ())},
            _mime(content),
            _ACCOUNT,
            self.region,
        )
        (self._mail_folder / f"{message_id}.eml").write_bytes(mail.mime)
        kept = {"to": mail.to, "tags": dict(mail.tags), "configuration_set": mail.configuration_set}
        (self._mail_folder / f"{message_id}.json").write_text(json.dumps(kept), encoding="utf-8")
        self._shown(message_id, "email", mail.to, mail.subject)
        fates = self._current_fates()
        topics = self._topics.of(mail.configuration_set) if mail.configuration_set else []
        events = events_of(mail, fates, _now())
        told = self._events.bring(
            (topic, json.dumps(event))
            for topic, kinds in topics
            for kind, event in events
            if kind in kinds
        )
        # When its sender hears that the mail was taken, what became of it is on its way already:
        # nobody has to guess when it will be.
        for one in told:
            one.done.wait(_PATIENCE_SECONDS)
        return all(fate_of(address, fates) != "no_answer" for address in mail.to)

    def _read_topics(self, configuration_set: str) -> list[tuple[str, frozenset[str]]]:
        """The topics of a configuration set, each with the kinds of event it is told."""
        try:
            found = self._ses.get_configuration_set_event_destinations(
                ConfigurationSetName=configuration_set
            )
        except ClientError:
            return []
        return [
            (one["SnsDestination"]["TopicArn"], frozenset(one["MatchingEventTypes"]))
            for one in found.get("EventDestinations", ())
            if one.get("Enabled") and "SnsDestination" in one
        ]

    def _publish(self, topic: str, messages: list[str]) -> None:
        entries = [{"Id": str(number), "Message": text} for number, text in enumerate(messages)]
        self._sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)

    # --------------------------------------------------------------------- SMS

    def sms_taken(self, number: str, message_id: str, text: str) -> None:
        """Show an SMS, and log it as SNS does once it has a role to do so with."""
        self._shown(message_id, "sms", (number,), text)
        fate = fate_of(number, self._current_fates())
        if not self.sms_attributes.get("DeliveryStatusIAMRole") or fate == "silence":
            return
        failed, line = sms_line(message_id, number, fate, datetime.now(UTC))
        if not failed and self.sms_attributes.get("DeliveryStatusSuccessSamplingRate") != "100":
            return
        group = f"sns/{self.region}/{_ACCOUNT}/DirectPublishToPhoneNumber"
        self._lines.bring([(f"{group}/Failure" if failed else group, line)])

    def _read_readers(self, group: str) -> list[str]:
        """The functions that have subscribed to a log."""
        try:
            found = self._logs.describe_subscription_filters(logGroupName=group)
        except ClientError:
            return []  # there is no such log
        return [one["destinationArn"] for one in found["subscriptionFilters"]]

    def _hand_over_lines(self, group: str, lines: list[str]) -> None:
        time.sleep(_LOG_SECONDS)  # SNS writes its log a moment after the call
        at = int(time.time() * 1000)
        batch = {
            "messageType": "DATA_MESSAGE",
            "owner": _ACCOUNT,
            "logGroup": group,
            "logStream": "stand-in",
            "subscriptionFilters": [],
            "logEvents": [
                {"id": str(number), "timestamp": at, "message": line}
                for number, line in enumerate(lines)
            ],
        }
        packed = base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()
        for function in self._readers.of(group):
            payload = json.dumps({"awslogs": {"data": packed}})
            self._lambda.invoke(FunctionName=function, Payload=payload)

    # ---------------------------------------------------------------- WhatsApp

    def _tell_of_whatsapp(self, event: str) -> None:
        """To the topic that an operator would name as the event destination of the account."""
        self._events.bring((topic, event) for topic in self._reply_topics.of(""))

    def _read_reply_topics(self, _: str) -> list[str]:
        arns = (topic["TopicArn"] for topic in self._sns.list_topics()["Topics"])
        return [arn for arn in arns if "ReplyTopic" in arn]

    def _shown(self, name: str, channel: mailbox.Channel, to: tuple[str, ...], said: str) -> None:
        self.mailbox.keep(Taken(name, self._clock(), channel, to, said))

    # ------------------------------------------------------------------- fates

    def _current_fates(self) -> dict[str, str]:
        path = self.folder / "fates.json"
        try:
            changed_at = path.stat().st_mtime
        except FileNotFoundError:
            return FATES
        if changed_at != self._fates[0]:
            own: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
            lowered = {pattern.lower(): fate for pattern, fate in own.items()}
            self._fates = (changed_at, lowered | FATES | lowered)
        return self._fates[1]


def _mime(content: Mapping[str, Any]) -> bytes:
    """The mail's bytes: as they were handed over, or what SES would make of a simple one."""
    if "Raw" in content:
        return base64.b64decode(content["Raw"]["Data"])
    simple = content.get("Simple", {})
    subject = simple.get("Subject", {}).get("Data", "")
    body = simple.get("Body", {})
    text = (body.get("Text") or body.get("Html") or {}).get("Data", "")
    return f"Subject: {subject}\r\nMIME-Version: 1.0\r\n\r\n{text}".encode()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


# ------------------------------------------------------------------------------------- requests


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "GET" and self.path.startswith(mailbox.PATH):
                pages.send_if_here(self, lambda: stand_in.mailbox.answer(self.path))
                return
            if self.path == whatsapp_stand_in.PATH:
                whatsapp_stand_in.answer(self, stand_in.whatsapp, body)
                return
            form = self._form(body)
            answer = _of_sms_settings(stand_in, form) or self._forwarded(body)
            if answer.status == 200 and not self._told(body, answer):
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers:
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            self.wfile.flush()
            if answer.status == 200:
                self._log(form, answer)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_any  # noqa: N815 - http.server's names

        def _form(self, body: bytes) -> dict[str, str]:
            if "x-www-form-urlencoded" not in self.headers.get("Content-Type", ""):
                return {}
            found = parse_qs(body.decode(), keep_blank_values=True)
            return {name: values[0] for name, values in found.items()}

        def _forwarded(self, body: bytes) -> _Answer:
            """What MiniStack answers to the very request: its signature covers the headers."""
            upstream = http.client.HTTPConnection(stand_in.endpoint, timeout=60)
            try:
                upstream.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    if name.lower() != "connection":
                        upstream.putheader(name, value)
                upstream.endheaders(body)
                answer = upstream.getresponse()
                return _Answer(answer.status, answer.getheaders(), answer.read())
            finally:
                upstream.close()

        def _told(self, body: bytes, answer: _Answer) -> bool:
            """Tell what becomes of it, if it was a message; whether its sender gets the answer."""
            if self.command == "POST" and self.path == "/v2/email/outbound-emails":
                return stand_in.mail_taken(json.loads(body), json.loads(answer.body)["MessageId"])
            return True

        def _log(self, form: Mapping[str, str], answer: _Answer) -> None:
            """An SMS is logged after its sender has heard: only the answer names it, and a status
            that came before would be nobody's."""
            if form.get("Action") == "Publish" and form.get("PhoneNumber"):
                found = ElementTree.fromstring(answer.body).find(".//{*}MessageId")  # noqa: S314 - MiniStack's
                if found is not None and found.text:
                    text = form.get("Message", "")
                    stand_in.sms_taken(form["PhoneNumber"], found.text, text)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: what was sent is in the folder."""

    return Handler


def _of_sms_settings(stand_in: StandIn, form: Mapping[str, str]) -> _Answer | None:
    """The account's settings for SMS, which MiniStack does not have; None if it asks for others."""
    action = form.get("Action", "")
    if action == "SetSMSAttributes":
        number = 1
        while (name := form.get(f"attributes.entry.{number}.key")) is not None:
            stand_in.sms_attributes[name] = form.get(f"attributes.entry.{number}.value", "")
            number += 1
        return _xml(action, "")
    if action == "GetSMSAttributes":
        entries = "".join(
            f"<entry><key>{escape(name)}</key><value>{escape(value)}</value></entry>"
            for name, value in stand_in.sms_attributes.items()
        )
        return _xml(action, f"<attributes>{entries}</attributes>")
    if action == "GetSMSSandboxAccountStatus":
        return _xml(action, "<IsInSandbox>false</IsInSandbox>")
    return None


def _xml(action: str, result: str) -> _Answer:
    body = (
        f'<{action}Response xmlns="{_SNS}"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
        f"</{action}Response>"
    )
    return _Answer(200, [("Content-Type", "text/xml")], body.encode())
