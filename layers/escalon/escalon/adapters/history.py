"""The history table: what happened to each account, in order, never changed and never deleted; and
what each version of it was, without personal data."""

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec

from escalon.domain.account import Account
from escalon.domain.decisions.past import State

# States stand behind the facts of their account: no version's key begins so.
_STATES = "@"


class History:
    """`client` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, name: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._pause = pause
        self._name = name

    def keep(
        self, facts: Sequence[tuple[str, int, int, dict[str, Any]]], states: Sequence[State] = ()
    ) -> None:
        """Keep facts (account, version, position in it, fact) and versions of accounts. The key is
        where each comes from, so keeping it twice keeps it once."""
        puts: list[dict[str, Any]] = [
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
        puts.extend(
            {
                "PutRequest": {
                    "Item": {
                        "pk": {"S": state.account.account_id},
                        "sk": {"S": f"{_STATES}{state.version:010d}"},
                        "at": {"S": _sortable(state.at)},
                        "doc": {"B": zlib.compress(msgspec.json.encode(state.account), 9)},
                    }
                }
            }
            for state in states
        )
        for start in range(0, len(puts), 25):
            waiting = list(puts[start : start + 25])
            for attempt in count():
                if not waiting:
                    break
                if attempt:
                    self._pause(0.05 * 2 ** min(attempt, 5))
                answer = self._client.batch_write_item(RequestItems={self._name: waiting})
                waiting = answer.get("UnprocessedItems", {}).get(self._name, [])

    def state_at(self, account_id: str, at: datetime) -> State | None:
        """The account as it was at an instant; None before its first version that was kept."""
        latest = _sortable(at)
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :states)",
            ExpressionAttributeValues={":pk": {"S": account_id}, ":states": {"S": _STATES}},
            ScanIndexForward=False,
        )
        for page in pages:
            for item in page["Items"]:
                if item["at"]["S"] <= latest:
                    account = msgspec.json.decode(zlib.decompress(_bytes(item)), type=Account)
                    version = int(item["sk"]["S"].removeprefix(_STATES))
                    return State(account, version, datetime.fromisoformat(item["at"]["S"]))
        return None

    def of(self, account_id: str) -> Iterator[dict[str, Any]]:
        """The account's facts, oldest first."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk AND sk <= :states",
            ExpressionAttributeValues={":pk": {"S": account_id}, ":states": {"S": _STATES}},
        )
        for page in pages:
            for item in page["Items"]:
                yield msgspec.json.decode(item["doc"]["S"])

    def everything(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All facts of all accounts, by a scan: for exports."""
        for page in self._client.get_paginator("scan").paginate(TableName=self._name):
            for item in page["Items"]:
                if item["sk"]["S"].startswith(_STATES):
                    continue
                yield item["pk"]["S"], msgspec.json.decode(item["doc"]["S"])


def _sortable(at: datetime) -> str:
    """An instant as text that sorts, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def _bytes(item: dict[str, Any]) -> bytes:
    found = item["doc"]["B"]
    return found if isinstance(found, bytes) else bytes(found)
