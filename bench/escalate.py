"""What escalating costs: CPU, requests and capacity per due and per idle account, and its growth.

The use case runs in this process against DynamoDB and SQS of the embedded AWS, so its CPU can be
told from the database's. The floor is plain boto3 doing the same reads and writes with documents of
the same size and no logic.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import batched
from time import perf_counter, process_time
from typing import Any

import msgspec
from rich.console import Console

from bench.book import AS_OF, account, rulebook
from escalon.adapters.queue import Queue
from escalon.adapters.table import Table, instant
from escalon.bootstrap import PATIENT
from escalon.domain.identity import shard_of
from escalon.domain.ports import Rulebooks
from escalon.domain.rules.rulebook import Rulebook
from escalon.usecases.messages_between import ShardOfRun
from escalon.usecases.runs.books import Totals
from escalon.usecases.runs.escalate import PAGE, Escalate
from escalon_cli.local import stack

SIZES = (1_000, 10_000, 100_000)
SHARDS = 8
_EVERY = 10  # one account in so many is due
_CONSOLE = Console(stderr=True)


class _One:
    """The rulebook of the run."""

    def __init__(self, rules: Rulebook) -> None:
        self._rules = rules

    def live(self) -> str:
        return self._rules.version

    def get(self, version: str) -> Rulebook:  # noqa: ARG002 - there is one
        return self._rules


class _Timed(Queue):
    """A queue that knows what CPU its sending took."""

    cpu = 0.0

    def send(self, bodies: Sequence[msgspec.Struct]) -> None:
        started = process_time()
        super().send(bodies)
        self.cpu += process_time() - started


class _Meter:
    """Counts the requests of a client."""

    def __init__(self, client: Any) -> None:
        self.requests: Counter[str] = Counter()
        client.meta.events.register("before-call", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        self.requests[model.name] += 1


@contextmanager
def _embedded() -> Iterator[stack.StackInfo]:
    info = stack.up(
        "bench",
        parameters={"Shards": str(SHARDS), "LocalStatements": "true", "SweepState": "DISABLED"},
        fresh=True,
        console=_CONSOLE,
    )
    try:
        yield info
    finally:
        stack.down("bench")


def _put(client: Any, name: str, numbers: Iterable[int]) -> None:
    """Accounts of which one in ten is due; the others come due in a month."""
    soon, later = instant(AS_OF - timedelta(minutes=5)), instant(AS_OF + timedelta(days=30))
    for batch in batched(numbers, 25, strict=False):
        requests = []
        for number in batch:
            who = account(number)
            item = {
                "pk": {"S": f"A#{who.account_id}"},
                "sk": {"S": "A"},
                "doc": {"S": msgspec.json.encode(who).decode()},
                "v": {"N": "1"},
                "due_shard": {"S": shard_of(who.account_id, SHARDS)},
                "look_at": {"S": later if number % _EVERY else soon},
            }
            requests.append({"PutRequest": {"Item": item}})
        client.batch_write_item(RequestItems={name: requests})


def _floor(client: Any, sqs: Any, queue_url: str, name: str) -> tuple[int, float]:
    """Plain boto3: query the due index page by page, write each account back with as many bytes,
    25 statements to a request, and send as many queue messages. Returns how many accounts were
    written, and the CPU it took."""
    started = process_time()
    done = 0
    padding = "x" * 900  # what a decision adds: an intent and its fact
    statement = (
        f'UPDATE "{name}" SET "doc"=? SET "v"=? SET "facts"=? SET "run"=? '
        'SET "due_shard"=? SET "look_at"=? WHERE "pk"=? AND "sk"=? AND "v"=?'
    )
    later = {"S": instant(AS_OF + timedelta(minutes=10))}
    for shard in range(SHARDS):
        after: dict[str, Any] = {}
        while True:
            page = client.query(
                TableName=name,
                IndexName="due",
                KeyConditionExpression="due_shard = :s AND look_at <= :u",
                ExpressionAttributeValues={
                    ":s": {"S": f"due#{shard:03d}"},
                    ":u": {"S": instant(AS_OF)},
                },
                Limit=PAGE,
                **after,
            )
            for items in batched(page["Items"], 25, strict=False):
                statements = []
                for item in items:
                    version = {"N": str(int(item["v"]["N"]) + 1)}
                    doc = {"S": item["doc"]["S"] + padding[:300]}
                    statements.append(
                        {
                            "Statement": statement,
                            "Parameters": [
                                *(doc, version, {"S": padding}, {"S": "floor"}),
                                *(item["due_shard"], later, item["pk"], item["sk"], item["v"]),
                            ],
                        }
                    )
                client.batch_execute_statement(Statements=statements)
            for items in batched(page["Items"], 10, strict=False):
                entries = [
                    {"Id": str(index), "MessageBody": item["pk"]["S"] + padding[:80]}
                    for index, item in enumerate(items)
                ]
                sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
            done += len(page["Items"])
            if "LastEvaluatedKey" not in page:
                break
            after = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    return done, process_time() - started


def main() -> None:
    """Print cost per account and growth."""
    rules = rulebook()
    books: Rulebooks = _One(rules)
    with _embedded() as info:
        name = info.outputs["Table"]
        plain, plain_sqs = info.client("dynamodb"), info.client("sqs")
        client, sqs = (
            info.session().client(service, endpoint_url=info.endpoint_url, config=PATIENT)
            for service in ("dynamodb", "sqs")
        )
        seeded = 0
        print(
            f"{'accounts':>9} {'due':>7} {'wall s':>7} {'CPU ms/due':>11} "
            f"{'floor':>7} {'ratio':>6} {'requests/due':>13} "
            f"{'of it queue':>12}"
        )
        # The deployed delivery functions must not work beside the measurement.
        hold = sqs.create_queue(QueueName="bench-hold")["QueueUrl"]
        queue = _Timed(sqs, hold)
        table = Table(client, name, SHARDS)
        escalate = Escalate(
            table,
            books,
            {"email": queue, "sms": queue, "task": queue},
            queue,
            lambda: uuid.uuid4().hex[:8],
            lambda code, about: print(code, about),
        )
        for run, size in enumerate(SIZES):
            with _CONSOLE.status(f"seeding {size:,} accounts"):
                _put(plain, name, range(seeded, size))
                _put(plain, name, range(0, seeded, _EVERY))
            seeded = size
            meter, told = _Meter(client), _Meter(sqs)
            at = AS_OF.replace(second=run)
            totals = Totals()
            queue.cpu = 0.0
            wall, cpu = perf_counter(), process_time()
            for number in range(SHARDS):
                shard = ShardOfRun(instant(at), at, rules.version, f"due#{number:03d}")
                totals.add(escalate(shard, lambda: timedelta(hours=1)))
            cpu, wall = process_time() - cpu, perf_counter() - wall
            due = size // _EVERY
            if totals.looked_at != due or totals.acted != due:
                raise SystemExit(f"expected {due} to act, got {totals}")
            requests = sum(meter.requests.values()) + sum(told.requests.values())
            _put(plain, name, range(0, size, _EVERY))
            written, bare = _floor(plain, plain_sqs, hold, name)
            if written != due:
                raise SystemExit(f"the floor wrote {written} of {due}")
            print(
                f"{size:>9,} {due:>7,} {wall:>7.2f} {cpu / due * 1e3:>11.3f} "
                f"{bare / due * 1e3:>7.3f} {cpu / bare:>6.2f} {requests / due:>13.3f} "
                f"{queue.cpu / due * 1e3:>12.3f}",
                flush=True,
            )
        sample = msgspec.json.encode(account(0))
        print(
            f"an account's document: {len(sample):,} bytes; a due account costs one write of it "
            f"({-(-(len(sample) + 1200) // 1024)} units) and twice that in the due index, since "
            "its place moves; an idle account costs nothing: no request names it"
        )
