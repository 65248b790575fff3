"""The history table: what happened to each account, in order, never changed and never deleted."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import msgspec


class History:
    """`client` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, name: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._pause = pause
        self._name = name

    def keep(self, facts: Sequence[tuple[str, int, int, dict[str, Any]]]) -> None:
        """Keep facts (account, version, position in it, fact). The key is where the fact comes
        from, so keeping it twice keeps it once."""
        puts = [
            {
                "PutRequest": {
                    "Item": {
                        "pk": {"S": account_id},
                        "sk": {"S": f"{version:010d}#{position:02d}"},
                        "at": {"S": str(fact["at"])},
                        "fact": {"S": str(fact["fact"])},
                        "doc": {"S": msgspec.json.encode(fact).decode()},
                    }
                }
            }
            for account_id, version, position, fact in facts
        ]
        for start in range(0, len(puts), 25):
            waiting = puts[start : start + 25]
            for attempt in count():
                if not waiting:
                    break
                if attempt:
                    self._pause(0.05 * 2 ** min(attempt, 5))
                answer = self._client.batch_write_item(RequestItems={self._name: waiting})
                waiting = answer.get("UnprocessedItems", {}).get(self._name, [])

    def of(self, account_id: str) -> Iterator[dict[str, Any]]:
        """The account's facts, oldest first."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": account_id}},
        )
        for page in pages:
            for item in page["Items"]:
                yield msgspec.json.decode(item["doc"]["S"])

    def everything(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All facts of all accounts, by a scan: for exports."""
        for page in self._client.get_paginator("scan").paginate(TableName=self._name):
            for item in page["Items"]:
                yield item["pk"]["S"], msgspec.json.decode(item["doc"]["S"])
