"""What a payment's notice costs: CPU and requests for each provider.

The use case runs in this process against S3, DynamoDB and SQS of the embedded AWS, so its CPU can
be told from theirs. The floor is plain boto3 making the same requests, with bodies of the same
size and no logic.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from time import perf_counter, process_time
from typing import Any

from msgspec.structs import replace
from rich.console import Console

from bench.book import AS_OF, account, rulebook
from escalon.adapters.documents import Documents
from escalon.adapters.provider_secrets import ProviderSecrets
from escalon.adapters.queue import Queue
from escalon.adapters.table import Table
from escalon.bootstrap import PATIENT
from escalon.domain.identity import account_id_of
from escalon.domain.rules.rulebook import PaymentProvider, ProviderKind, Rulebook
from escalon.domain.storage import Change, Stored
from escalon.providers.provider import Credential, WebhookRequest
from escalon.providers.registry import module_of
from escalon.usecases.payments.receive_webhook import ReceiveWebhook
from escalon.usecases.payments.take_notice import TakeNotice
from escalon_cli.local import stack
from escalon_cli.local.provider_stand_in import SECRETS, TOLD, Payment, Webhook, setting, webhook

NOTICES = 300  # for each provider
VERIFIED = 5_000  # times that one notice is verified and translated
_CONSOLE = Console(stderr=True)
_KEY = b"bench"
type _Call = tuple[str, dict[str, Any]]


class _One:
    """The rulebook in force."""

    def __init__(self, rules: Rulebook) -> None:
        self._rules = rules

    def live(self) -> str:
        return self._rules.version

    def get(self, version: str) -> Rulebook:  # noqa: ARG002 - there is one
        return self._rules


class _Noon:
    """The bench's clock."""

    def now(self) -> Any:
        return AS_OF


class _Recorded:
    """Keeps the requests of some clients while it is on."""

    def __init__(self, *clients: Any) -> None:
        self.calls: list[_Call] = []
        self.on = False
        for client in clients:
            client.meta.events.register("provide-client-params.*.*", self._keep)

    def _keep(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self.on:
            self.calls.append((model.name, dict(params)))


class _Asking:
    """Posts one provider's notices by number."""

    def __init__(self, receive: ReceiveWebhook, kind: ProviderKind, posted: list[Webhook]) -> None:
        self._receive, self._kind, self._posted = receive, kind, posted
        self.answers: set[str] = set()

    def __call__(self, number: int) -> None:
        notice = self._posted[number]
        answer = self._receive(self._kind, notice.headers, notice.query, notice.body)
        if answer.status != 200:
            raise SystemExit(f"{self._kind}: {answer}")
        self.answers.add(answer.reason)


def _made(kind: ProviderKind, number: int) -> Payment:
    """Part of what an account owes on its oldest receivable."""
    name = f"{list(TOLD).index(kind) + 1}{number:07d}"
    return Payment(name, f"R{number}-0", 100_000_00, "COP", AS_OF - timedelta(minutes=1))


def _seed(table: Table) -> None:
    """Accounts with five open receivables, which their references find."""
    for number in range(NOTICES):
        who = account(number)
        table.update(Change(Stored(who, 0), who, AS_OF, ()))
        for owed in who.receivables:
            table.save(table.put_receivable(who.account_id, owed))
        key = f"REF#{account_id_of(_KEY, f'R{number}-0')}"
        table.save(table.put_document(key, "REF", {"account_id": who.account_id}))


def _floor(
    calls: list[_Call], s3: Any, dynamodb: Any, sqs: Any, name: str
) -> Callable[[str], None]:
    """Plain boto3 making the same requests: as many keys, items and bytes."""
    plain: list[Callable[[str], Any]] = []
    for operation, params in calls:
        if operation == "PutObject":
            bucket, body = params["Bucket"], b"x" * len(params["Body"])
            plain.append(
                lambda tag, bucket=bucket, body=body: s3.put_object(
                    Bucket=bucket, Key=f"floor/{tag}", Body=body, ContentType="application/json"
                )
            )
        elif operation == "BatchGetItem":
            asked = params["RequestItems"]
            plain.append(lambda _, asked=asked: dynamodb.batch_get_item(RequestItems=asked))
        elif operation in ("TransactWriteItems", "UpdateItem", "PutItem"):
            sizes = [len(json.dumps(item)) for item in params.get("TransactItems", [params])]
            plain.append(lambda tag, sizes=sizes: _put(dynamodb, name, tag, sizes))
        elif operation == "SendMessageBatch":
            url, entries = params["QueueUrl"], params["Entries"]
            plain.append(
                lambda _, url=url, entries=entries: sqs.send_message_batch(
                    QueueUrl=url, Entries=entries
                )
            )
        else:
            raise SystemExit(f"the floor knows no {operation}")

    def run(tag: str) -> None:
        for call in plain:
            call(tag)

    return run


def _put(dynamodb: Any, name: str, tag: str, sizes: list[int]) -> None:
    puts = [
        {
            "Put": {
                "TableName": name,
                "Item": {
                    "pk": {"S": f"FLOOR#{tag}"},
                    "sk": {"S": str(index)},
                    "doc": {"S": "x" * size},
                },
            }
        }
        for index, size in enumerate(sizes)
    ]
    if len(puts) == 1:
        dynamodb.put_item(**puts[0]["Put"])
    else:
        dynamodb.transact_write_items(TransactItems=puts)


def _timed(work: Callable[[int], object], times: int) -> tuple[float, float]:
    """CPU and wall time of doing something so often, in seconds for each."""
    cpu, wall = process_time(), perf_counter()
    for number in range(times):
        work(number)
    return (process_time() - cpu) / times, (perf_counter() - wall) / times


def _verifying(own: PaymentProvider, posted: Webhook) -> float:
    """Seconds of CPU to verify and translate one notice."""
    receive = module_of(own.kind).receive
    headers = {name.lower(): value for name, value in posted.headers.items()}
    request = WebhookRequest(headers, posted.query, posted.body)
    secrets = [SECRETS[own.kind]]
    return _timed(lambda _: receive(request, own, secrets, AS_OF), VERIFIED)[0]


def _notices(info: stack.StackInfo) -> None:
    settings = {kind: setting(kind, kind, api="https://api.example.com") for kind in TOLD}
    rules = rulebook()
    rules = replace(rules, payments=replace(rules.payments, providers=dict(settings)))
    secrets = info.client("secretsmanager")
    arn = info.outputs["WebhookSecretsArn"]
    held = {kind: [secret] for kind, secret in SECRETS.items()}
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(held))
    s3, dynamodb, sqs = (
        info.session().client(service, endpoint_url=info.endpoint_url, config=PATIENT)
        for service in ("s3", "dynamodb", "sqs")
    )
    # The deployed function must not work beside the measurement.
    url = sqs.create_queue(QueueName="bench-hold")["QueueUrl"]
    table = Table(dynamodb, info.outputs["Table"], 1)
    books, clock = _One(rules), _Noon()
    take = TakeNotice(table, clock, lambda ref: account_id_of(_KEY, ref), lambda: rules)
    receive = ReceiveWebhook(
        books,
        ProviderSecrets[list[Credential]](secrets, arn, list[Credential]),
        Documents(s3, info.outputs["Bucket"]),
        take,
        Queue(sqs, url),
        clock,
        lambda code, about: print(code, about),
        in_production=False,
    )
    with _CONSOLE.status("seeding"):
        _seed(table)
    recorded = _Recorded(s3, dynamodb, sqs)
    print(
        f"{'provider':<18} {'verify µs':>9} {'notices/s':>10} {'CPU ms':>7} {'floor':>6} "
        f"{'ratio':>6} {'requests':>9}  answer"
    )
    for own in settings.values():
        posted = [webhook(own.kind, _made(own.kind, number), AS_OF) for number in range(NOTICES)]
        asked = _Asking(receive, own.kind, posted)
        recorded.on, recorded.calls = True, []
        asked(0)
        recorded.on = False
        cpu, wall = _timed(lambda number, asked=asked: asked(number + 1), NOTICES - 1)
        floor = _floor(recorded.calls, s3, dynamodb, sqs, info.outputs["Table"])
        bare, _ = _timed(lambda n, own=own, floor=floor: floor(f"{own.kind}-{n}"), NOTICES - 1)
        print(
            f"{own.kind:<18} {_verifying(own, posted[0]) * 1e6:>9.0f} {1 / wall:>10.0f} "
            f"{cpu * 1e3:>7.2f} {bare * 1e3:>6.2f} {cpu / bare:>6.2f} {len(recorded.calls):>9}  "
            f"{', '.join(sorted(asked.answers))}",
            flush=True,
        )


def main() -> None:
    """Print cost per notice beside plain boto3."""
    info = stack.up(
        "bench",
        parameters={"Shards": "1", "LocalStatements": "true", "SweepState": "DISABLED"},
        fresh=True,
        console=_CONSOLE,
    )
    try:
        _notices(info)
    finally:
        stack.down("bench")
