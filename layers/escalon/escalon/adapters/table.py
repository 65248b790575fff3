"""The one gateway to the receivables table: accounts, receivables, ledger, messages, tasks, runs.

One item per account carries all that a decision needs as one JSON document (`doc`), its version
(`v`), the facts of that version (`facts`, taken on by the stream) and, while anything is open, its
place in the due index (`due_shard`, `look_at`). Every write names the version it was made from.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from escalon.domain.account import Account, Receivable
from escalon.domain.identity import shard_of
from escalon.domain.ledger import LedgerEntry
from escalon.domain.storage import (
    AlreadyDoneError,
    Change,
    ConflictError,
    DueItem,
    Stored,
    instant,
)

DUE_INDEX = "due"
BATCH = 25  # statements in one BatchExecuteStatement
TRANSACTION = 100  # items in one TransactWriteItems

type Item = dict[str, Any]

_encode = msgspec.json.Encoder().encode
_decode_account = msgspec.json.Decoder(Account).decode
_decode_receivable = msgspec.json.Decoder(Receivable).decode
_decode_entry = msgspec.json.Decoder(LedgerEntry).decode


def account_key(account_id: str) -> Item:
    return {"pk": {"S": f"A#{account_id}"}, "sk": {"S": "A"}}


class Table:
    """DynamoDB behind the words of this project. `client` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, name: str, shards: int) -> None:
        self._client = client
        self.name = name
        self.shards = shards
        head = f'UPDATE "{name}" SET "doc"=? SET "v"=? SET "facts"=? SET "run"=?'
        tail = ' WHERE "pk"=? AND "sk"=? AND "v"=?'
        self._update_due = head + ' SET "due_shard"=? SET "look_at"=?' + tail
        self._update_idle = head + ' REMOVE "due_shard" REMOVE "look_at"' + tail

    # ---------------------------------------------------------------- accounts

    def get(self, account_id: str) -> Stored | None:
        """The account, read consistently; None if there is none."""
        found = self._client.get_item(
            TableName=self.name, Key=account_key(account_id), ConsistentRead=True
        )
        return _stored(found["Item"]) if "Item" in found else None

    def get_many(self, account_ids: Sequence[str]) -> dict[str, Stored]:
        """The accounts that exist, read consistently, by id."""
        found: dict[str, Stored] = {}
        for start in range(0, len(account_ids), 100):
            keys = [account_key(account_id) for account_id in account_ids[start : start + 100]]
            while keys:
                answer = self._client.batch_get_item(
                    RequestItems={self.name: {"Keys": keys, "ConsistentRead": True}}
                )
                for item in answer["Responses"].get(self.name, ()):
                    stored = _stored(item)
                    found[stored.account.account_id] = stored
                keys = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
        return found

    def due(
        self, shard: str, until: datetime, *, limit: int, after: Item | None = None
    ) -> tuple[list[DueItem], Item | None]:
        """One page of what is to be looked at by `until`, oldest first, and where the next begins."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": DUE_INDEX,
            "KeyConditionExpression": "due_shard = :shard AND look_at <= :until",
            "ExpressionAttributeValues": {
                ":shard": {"S": shard},
                ":until": {"S": instant(until)},
            },
            "Limit": limit,
        }
        if after:
            request["ExclusiveStartKey"] = after
        answer = self._client.query(**request)
        return [_due(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def update_many(self, changes: Sequence[Change]) -> list[bool]:
        """Write many accounts, each on its own condition; False where the condition failed.

        25 to a request, which costs a tenth of the CPU of single updates.
        """
        done: list[bool] = []
        for start in range(0, len(changes), BATCH):
            batch = changes[start : start + BATCH]
            answer = self._client.batch_execute_statement(
                Statements=[self._statement(change) for change in batch]
            )
            for result in answer["Responses"]:
                error = result.get("Error")
                if error and error["Code"] not in ("ConditionalCheckFailed", "DuplicateItem"):
                    raise ClientError({"Error": error}, "BatchExecuteStatement")
                done.append(error is None)
        return done

    def update(self, change: Change, *more: Item) -> Stored:
        """Write one account, together with other items in one transaction if there are any.

        Raises ConflictError if the account has moved on, AlreadyDoneError if a `once` item exists.
        """
        mine = self._update_item(change)
        try:
            if more:
                self._client.transact_write_items(TransactItems=[mine, *more])
            else:
                self._client.update_item(**mine["Update"])
        except ClientError as error:
            _raise_meaning(error)
        return Stored(
            change.account,
            change.stored.version + 1,
            instant(change.look_at) if change.look_at else "",
            change.run,
        )

    def set_aside(self, item: DueItem, until: datetime, why: str) -> None:
        """Let an item that could not be decided about rest, untouched but for its place in the due
        index and the reason."""
        sort = f"R#{item.receivable.receivable_id}" if item.receivable is not None else "A"
        self._client.update_item(
            TableName=self.name,
            Key={"pk": {"S": f"A#{item.account_id}"}, "sk": {"S": sort}},
            UpdateExpression="SET look_at = :until, set_aside = :why",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":until": {"S": instant(until)}, ":why": {"S": why[:500]}},
        )

    def once(self, cause: str, at: datetime) -> Item:
        """A transaction item that lets its transaction succeed once in all."""
        item = {"pk": {"S": f"CAUSE#{cause}"}, "sk": {"S": "CAUSE"}, "at": {"S": instant(at)}}
        return {
            "Put": {
                "TableName": self.name,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    # ------------------------------------------------- receivables and ledger

    def receivables(self, account_id: str) -> list[Receivable]:
        """All receivables of an account that the table knows, open, settled and not yet issued."""
        return [_decode_receivable(i["doc"]["S"]) for i in self._query(f"A#{account_id}", "R#")]

    def issued_receivables(self, account_id: str) -> list[Receivable]:
        """Those that are part of the account: issued, open or settled."""
        items = self._query(f"A#{account_id}", "R#")
        return [_decode_receivable(i["doc"]["S"]) for i in items if "due_shard" not in i]

    def named_receivables(
        self, wanted: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], Receivable]:
        """Those of the receivables (account, receivable) that the table has."""
        found: dict[tuple[str, str], Receivable] = {}
        unique = list(dict.fromkeys(wanted))
        for start in range(0, len(unique), 100):
            keys: list[Item] = [
                {"pk": {"S": f"A#{account_id}"}, "sk": {"S": f"R#{receivable_id}"}}
                for account_id, receivable_id in unique[start : start + 100]
            ]
            while keys:
                answer = self._client.batch_get_item(
                    RequestItems={self.name: {"Keys": keys, "ConsistentRead": True}}
                )
                for item in answer["Responses"].get(self.name, ()):
                    receivable = _decode_receivable(item["doc"]["S"])
                    account_id = item["pk"]["S"].removeprefix("A#")
                    found[account_id, receivable.receivable_id] = receivable
                keys = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
        return found

    def is_scheduled(self, account_id: str, receivable_id: str) -> bool:
        """Whether the receivable is known but not part of the account yet."""
        found = self._client.get_item(
            TableName=self.name,
            Key={"pk": {"S": f"A#{account_id}"}, "sk": {"S": f"R#{receivable_id}"}},
            ConsistentRead=True,
            ProjectionExpression="due_shard",
        )
        return "due_shard" in found.get("Item", {})

    def entries(self, account_id: str) -> list[LedgerEntry]:
        """The account's ledger."""
        return [_decode_entry(i["doc"]["S"]) for i in self._query(f"A#{account_id}", "L#")]

    def put_receivable(
        self, account_id: str, receivable: Receivable, issue_at: datetime | None = None
    ) -> Item:
        """A transaction item: this version of a receivable. With `issue_at` it is not part of the
        account yet and stands in the due index until that instant."""
        item: Item = {
            "pk": {"S": f"A#{account_id}"},
            "sk": {"S": f"R#{receivable.receivable_id}"},
            "doc": {"S": _encode(receivable).decode()},
        }
        if issue_at is not None:
            item["due_shard"] = {"S": shard_of(account_id, self.shards)}
            item["look_at"] = {"S": instant(issue_at)}
        return {"Put": {"TableName": self.name, "Item": item}}

    def put_entry(self, entry: LedgerEntry) -> Item:
        """A transaction item: one ledger entry, written once and never again."""
        item = {
            "pk": {"S": f"A#{entry.account_id}"},
            "sk": {"S": f"L#{entry.entry_id}"},
            "doc": {"S": _encode(entry).decode()},
        }
        return {
            "Put": {
                "TableName": self.name,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    # ------------------------------------------------ messages, tasks, and the rest

    def put_document(self, pk: str, sk: str, doc: Mapping[str, Any], **keys: str) -> Item:
        """A transaction item: any other document, with more top-level string attributes."""
        item: Item = {
            "pk": {"S": pk},
            "sk": {"S": sk},
            "doc": {"S": _encode(doc).decode()},
            **{name: {"S": value} for name, value in keys.items()},
        }
        return {"Put": {"TableName": self.name, "Item": item}}

    def save(self, put: Item, *, new: bool = False) -> None:
        """Write one document on its own; with `new`, AlreadyDoneError if it exists."""
        request = dict(put["Put"])
        if new:
            request["ConditionExpression"] = "attribute_not_exists(pk)"
        try:
            self._client.put_item(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise AlreadyDoneError from error
            raise

    def load(self, pk: str, sk: str) -> dict[str, Any] | None:
        """One document, read consistently."""
        found = self._client.get_item(
            TableName=self.name, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        return msgspec.json.decode(found["Item"]["doc"]["S"]) if "Item" in found else None

    def documents(self, pk: str, prefix: str) -> list[dict[str, Any]]:
        """All documents under one key whose sort key begins so."""
        return [msgspec.json.decode(item["doc"]["S"]) for item in self._query(pk, prefix)]

    def listed(self, listing: str, *, newest: int | None = None) -> Iterable[dict[str, Any]]:
        """Documents that stand on a list of the due index (`runs`, `tasks`, `unmatched`, …), in the
        order of their instants, or the newest few first."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": DUE_INDEX,
            "KeyConditionExpression": "due_shard = :list",
            "ExpressionAttributeValues": {":list": {"S": listing}},
            "ScanIndexForward": newest is None,
        }
        count = 0
        while True:
            answer = self._client.query(**request)
            for item in answer["Items"]:
                count += 1
                yield {**msgspec.json.decode(item["doc"]["S"]), "_pk": item["pk"]["S"]}
                if newest is not None and count >= newest:
                    return
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def open_accounts(self) -> Iterable[Stored]:
        """Every account that has anything open: those of the due index, whatever their instant."""
        for shard in range(self.shards):
            after: Item | None = None
            while True:
                page, after = self.due(
                    f"due#{shard:03d}", datetime(9999, 1, 1, tzinfo=UTC), limit=200, after=after
                )
                yield from (item.stored for item in page if item.stored is not None)
                if after is None:
                    break

    def all_accounts(self) -> Iterable[Stored]:
        """Every account, by a scan of the whole table: for checks and exports, not for daily work."""
        for item in self._scan("A"):
            if item["sk"]["S"] == "A":
                yield _stored(item)

    def all_documents(self, prefix: str) -> Iterable[dict[str, Any]]:
        """Every document whose sort key begins so, with its account in `_account_id`, by a scan."""
        for item in self._scan(prefix):
            account_id = item["pk"]["S"].removeprefix("A#")
            yield {**msgspec.json.decode(item["doc"]["S"]), "_account_id": account_id}

    # ---------------------------------------------------------------- inside

    def _query(self, pk: str, prefix: str) -> Iterable[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": {"S": pk}, ":prefix": {"S": prefix}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _scan(self, prefix: str) -> Iterable[Item]:
        pages = self._client.get_paginator("scan").paginate(
            TableName=self.name,
            FilterExpression="begins_with(sk, :prefix)",
            ExpressionAttributeValues={":prefix": {"S": prefix}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _statement(self, change: Change) -> Item:
        account_id = change.account.account_id
        parameters: list[Item] = [
            {"S": _encode(change.account).decode()},
            {"N": str(change.stored.version + 1)},
            {"S": _encode(change.facts).decode()},
            {"S": change.run or change.stored.run},
        ]
        if change.look_at is not None:
            parameters.append({"S": shard_of(account_id, self.shards)})
            parameters.append({"S": instant(change.look_at)})
        parameters.append({"S": f"A#{account_id}"})
        parameters.append({"S": "A"})
        parameters.append({"N": str(change.stored.version)})
        return {
            "Statement": self._update_due if change.look_at is not None else self._update_idle,
            "Parameters": parameters,
        }

    def _update_item(self, change: Change) -> Item:
        account_id = change.account.account_id
        version = change.stored.version
        values: Item = {
            ":doc": {"S": _encode(change.account).decode()},
            ":v": {"N": str(version + 1)},
            ":facts": {"S": _encode(change.facts).decode()},
            ":run": {"S": change.run or change.stored.run},
        }
        expression = "SET #doc = :doc, v = :v, facts = :facts, #run = :run"
        if change.look_at is not None:
            expression += ", due_shard = :shard, look_at = :look"
            values[":shard"] = {"S": shard_of(account_id, self.shards)}
            values[":look"] = {"S": instant(change.look_at)}
        else:
            expression += " REMOVE due_shard, look_at"
        condition = "attribute_not_exists(pk)"
        if version:
            condition = "v = :was"
            values[":was"] = {"N": str(version)}
        return {
            "Update": {
                "TableName": self.name,
                "Key": account_key(account_id),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#doc": "doc", "#run": "run"},
                "ExpressionAttributeValues": values,
            }
        }


def _stored(item: Item) -> Stored:
    return Stored(
        _decode_account(item["doc"]["S"]),
        int(item["v"]["N"]),
        item["look_at"]["S"] if "look_at" in item else "",
        item["run"]["S"] if "run" in item else "",
    )


def _due(item: Item) -> DueItem:
    account_id = item["pk"]["S"].removeprefix("A#")
    look_at = item["look_at"]["S"]
    try:
        if item["sk"]["S"] == "A":
            return DueItem(account_id, look_at, stored=_stored(item))
        return DueItem(account_id, look_at, receivable=_decode_receivable(item["doc"]["S"]))
    except (msgspec.MsgspecError, KeyError, ValueError) as error:
        return DueItem(account_id, look_at, broken=f"{type(error).__name__}: {error}")


def _raise_meaning(error: ClientError) -> None:
    """Turn the service's words into ours; anything else goes on as it is."""
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        raise ConflictError from error
    if code == "TransactionCanceledException":
        reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])
        codes = [reason.get("Code") for reason in reasons]
        if "ConditionalCheckFailed" in codes[1:] and codes[0] != "ConditionalCheckFailed":
            raise AlreadyDoneError from error
        if "ConditionalCheckFailed" in codes or "TransactionConflict" in codes:
            raise ConflictError from error
    if code == "TransactionConflictException":
        raise ConflictError from error
    raise error
