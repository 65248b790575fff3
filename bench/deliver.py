"""What delivering costs: CPU per message, beside plain boto3 handing the same bytes over.

Every call of AWS is answered inside this process, at the place where botocore would open a
connection: so the figure has all that botocore does to a request and its answer, and nothing of a
network or a server. The floor is that one call to SES, SNS or End User Messaging; a delivery also
reads the account, decides again, writes the words, keeps the bytes, claims, and records.
"""

import json
from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from msgspec import json as fast
from msgspec.structs import replace

from bench.book import AS_OF, account, rulebook
from escalon.adapters.documents import Documents
from escalon.adapters.email import Email
from escalon.adapters.sms import Sms
from escalon.adapters.table import Table
from escalon.adapters.whatsapp import Whatsapp
from escalon.authoring.rulebook import sealed
from escalon.domain.account import Account
from escalon.domain.contact.channels import WhatsappTemplate
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.transitions import plan
from escalon.domain.rules.rulebook import Rulebook
from escalon.usecases.contact.couriers import EmailCourier, SmsCourier, WhatsappCourier
from escalon.usecases.contact.deliver import Courier, Deliver
from escalon.usecases.messages_between import ToDeliver
from escalon.usecases.payments.payment_link import Links

MESSAGES, ROUNDS = 100, 4
_NUMBER = "phone-number-id-976c72a700aac43eaf573ae050"
_SNS_ANSWER = (
    b"<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"
)


class _Body:
    """What urllib3 would have read."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> list[bytes]:
        return [self._content]

    def read(self, *_: Any, **__: Any) -> bytes:
        content, self._content = self._content, b""
        return content


class _Aws:
    """Answers every request of its clients; the accounts are those it was given."""

    def __init__(self) -> None:
        self.items: dict[str, bytes] = {}  # key of an account -> the answer to its GetItem
        self.calls = 0
        self.session = boto3.Session("test", "test", region_name="us-east-1")

    def client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        made = self.session.client(service, config=config)
        made.meta.events.register("before-send", self._answer)
        return made

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.calls += 1
        content, kind = self._content(request), "application/x-amz-json-1.0"
        headers = {"content-type": kind, "x-amzn-requestid": "r"}
        return AWSResponse(request.url, 200, headers, _Body(content))  # type: ignore[arg-type] # read as one

    def _content(self, request: Any) -> bytes:
        target = request.headers.get("X-Amz-Target", b"")
        name = (target.decode() if isinstance(target, bytes) else str(target)).partition(".")[2]
        if name == "GetItem":
            return self.items.get(json.loads(request.body)["Key"]["pk"]["S"], b"{}")
        if name == "Query":
            return b'{"Items":[],"Count":0}'
        if name == "BatchGetItem":
            return b'{"Responses":{}}'
        if name:
            return b"{}"
        if ".s3." in request.url:
            return b""
        if "sns." in request.url:
            return _SNS_ANSWER
        if "whatsapp" in request.url:
            return b'{"messageId":"m"}'
        return b'{"MessageId":"m"}'


class _Clock:
    def now(self) -> Any:
        return AS_OF


class _One:
    def __init__(self, rules: Rulebook) -> None:
        self._rules = rules

    def live(self) -> str:
        return self._rules.version

    def get(self, version: str) -> Rulebook:  # noqa: ARG002 - there is one
        return self._rules


def _by(channel: str, attach: str) -> Rulebook:
    """The rulebook of the benchmarks, whose steps go by this channel alone."""
    base = rulebook()
    template = WhatsappTemplate(
        "recordatorio", {"es-CO": "es_CO"}, ("debtor_name", "to_pay", "due_on"), link_button=True
    )
    names = {step.message for s in base.strategies for step in s.steps if step.message}
    strategies = tuple(
        replace(
            each,
            steps=tuple(
                replace(step, channels=(channel,), attach=attach) if step.channels else step
                for step in each.steps
            ),
        )
        for each in base.strategies
    )
    channels = replace(
        base.channels,
        served=("email", "sms", "whatsapp"),
        whatsapp=dict.fromkeys(names, template),
    )
    return sealed(replace(base, strategies=strategies, channels=channels))


def _planned(aws: _Aws, rules: Rulebook, numbers: range, channel: str) -> list[ToDeliver]:
    """Accounts in the table, each with a message planned."""
    queued = []
    for number in numbers:
        who = account(number)
        if channel == "whatsapp":
            points = (*who.points, replace(who.points[1], point_id="p3", channel="whatsapp"))
            who = replace(who, points=points)
        decision = decide(who, rules, AS_OF)
        who = plan(who, decision, "run")
        aws.items[f"A#{who.account_id}"] = _item(who)
        queued.append(ToDeliver(who.account_id, decision.intent_id))
    return queued


def _item(who: Account) -> bytes:
    doc = {"S": fast.encode(who).decode()}
    key = {"pk": {"S": f"A#{who.account_id}"}, "sk": {"S": "A"}}
    return json.dumps({"Item": {**key, "doc": doc, "v": {"N": "1"}}}).encode()


def _cpu_ms(work: Callable[[], object]) -> float:
    """The least of several rounds, in milliseconds a message."""
    least = float("inf")
    for _ in range(ROUNDS):
        started = process_time()
        work()
        least = min(least, process_time() - started)
    return 1000 * least / MESSAGES


def _floor(aws: _Aws, channel: str, body: bytes) -> float:
    """Plain boto3 and these bytes."""
    call: Callable[[], object]
    if channel == "email":
        ses = aws.client("sesv2")
        content = {"Raw": {"Data": body}}
        to = {"ToAddresses": ["d@example.com"]}
        tags = [{"Name": name, "Value": "x"} for name in ("account_id", "message_id", "creditor")]

        def call() -> object:
            return ses.send_email(
                FromEmailAddress="c@example.com", Destination=to, Content=content, EmailTags=tags,
                ConfigurationSetName="set",
            )  # fmt: skip
    elif channel == "sms":
        sns = aws.client("sns")
        kind = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}

        def call() -> object:
            return sns.publish(
                PhoneNumber="+573000000000", Message=body.decode(), MessageAttributes=kind
            )
    else:
        social = aws.client("socialmessaging")

        def call() -> object:
            return social.send_whatsapp_message(
                originationPhoneNumberId=_NUMBER, message=body, metaApiVersion="v20.0"
            )

    def round_() -> None:
        for _ in range(MESSAGES):
            call()

    return _cpu_ms(round_)


def _courier(aws: _Aws, channel: str) -> Courier:
    if channel == "email":
        return EmailCourier(Email(aws.client("sesv2"), "set"))
    if channel == "sms":
        return SmsCourier(Sms(aws.client("sns")))
    return WhatsappCourier(Whatsapp(aws.client("socialmessaging"), _NUMBER))


def _ignore(code: str, about: dict[str, Any]) -> None:
    raise AssertionError((code, about))


class _Kept(Documents):
    """Knows what it has kept."""

    def __init__(self, client: Any, bucket: str) -> None:
        super().__init__(client, bucket)
        self.kept: list[bytes] = []

    def keep_message(self, account_id: str, message_id: str, body: bytes, kind: str) -> str:
        self.kept.append(body)
        return super().keep_message(account_id, message_id, body, kind)


def _all_of(deliver: Deliver, queued: list[ToDeliver]) -> None:
    for message in queued:
        deliver(message)


def main() -> None:
    """Print CPU a message for each channel, the floor of its own bytes, and the calls to AWS."""
    print(f"{'':<26}{'ms a message':>14}{'floor':>9}{'ratio':>8}{'calls':>7}")
    for name, channel, attach in (
        ("e-mail", "email", ""),
        ("e-mail with a PDF", "email", "statement"),
        ("SMS", "sms", ""),
        ("WhatsApp", "whatsapp", ""),
    ):
        rules, aws = _by(channel, attach), _Aws()
        documents = _Kept(aws.client("s3"), "bucket")
        deliver = Deliver(
            Table(aws.client("dynamodb"), "receivables", 1),
            documents,
            _One(rules),
            _Clock(),
            _courier(aws, channel),
            _ignore,
            Links(lambda: b"key of links", "https://pay.example"),
        )
        queued = _planned(aws, rules, range(MESSAGES), channel)
        became = {deliver(message) for message in queued}  # templates are compiled, modules loaded
        assert became == {"sent"}, became
        before = aws.calls

        ours = _cpu_ms(partial(_all_of, deliver, queued))
        calls = (aws.calls - before) / MESSAGES / ROUNDS
        floor = _floor(aws, channel, documents.kept[0])
        print(f"{name:<26}{ours:>14.2f}{floor:>9.2f}{ours / floor:>8.1f}{calls:>7.1f}", flush=True)
