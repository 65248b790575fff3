# ruff: noqa: N803, ARG002 - the arguments are boto3's
"""DynamoDB in memory: the dozen operations that the table gateway uses, as boto3's client has them.

It passes the same contract tests as moto and the embedded AWS (tests/table). What it does not know
it refuses, so that a new expression of the gateway is noticed here.
"""

import re
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from threading import RLock
from typing import Any, NoReturn

from botocore.exceptions import ClientError

type Item = dict[str, Any]

_ITEM_BYTES = 400 * 1024
_COMPARISON = re.compile(r"^(#?\w+) (=|<=) (:\w+)$")
_BEGINS = re.compile(r"^begins_with\((#?\w+), (:\w+)\)$")
_ABSENT = re.compile(r"^attribute_not_exists\((\w+)\)$")
_STATEMENT = re.compile(r'^UPDATE "(\w[\w-]*)" (.*) WHERE (.*)$')


def fail(operation: str, code: str, message: str = "", **more: Any) -> NoReturn:
    """Answer as the service does when it refuses."""
    status = 500 if code == "InternalServerError" else 400
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    raise ClientError(answer, operation)


class DynamoDb:
    """A client. Every table has the keys pk and sk and the index `due` by due_shard and look_at."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, dict[str, Item]]] = {}
        self._index: dict[str, dict[str, list[tuple[str, str, str]]]] = {}
        self._tokens: set[str] = set()
        self.stream: list[Item] = []  # new images of everything written, in order
        self._lock = RLock()

    # ------------------------------------------------------------------- single items

    def get_item(self, *, TableName: str, Key: Item, **_: Any) -> Item:
        with self._lock:
            found = self._find(TableName, Key)
            return {"Item": dict(found)} if found is not None else {}

    def put_item(self, *, TableName: str, Item: Item, **condition: Any) -> Item:
        with self._lock:
            put = {"Put": {"TableName": TableName, "Item": Item, **condition}}
            self._check_size("PutItem", Item)
            if not self._holds(put):
                fail("PutItem", "ConditionalCheckFailedException")
            self._apply(put)
            return {}

    def update_item(self, **request: Any) -> Item:
        with self._lock:
            update = {"Update": request}
            if not self._holds(update):
                fail("UpdateItem", "ConditionalCheckFailedException")
            self._check_size("UpdateItem", self._updated(request))
            self._apply(update)
            return {}

    # ------------------------------------------------------------------------- batches

    def batch_get_item(self, *, RequestItems: Item) -> Item:
        with self._lock:
            answer: dict[str, list[Item]] = {}
            for table, wanted in RequestItems.items():
                keys = [(key["pk"]["S"], key["sk"]["S"]) for key in wanted["Keys"]]
                if len(keys) > 100 or len(set(keys)) != len(keys):
                    fail("BatchGetItem", "ValidationException", "too many keys, or duplicates")
                found = [self._find(table, key) for key in wanted["Keys"]]
                answer[table] = [dict(item) for item in found if item is not None]
            return {"Responses": answer, "UnprocessedKeys": {}}

    def batch_write_item(self, *, RequestItems: Item) -> Item:
        with self._lock:
            for table, wanted in RequestItems.items():
                items = [
                    request["PutRequest"]["Item"]
                    if "PutRequest" in request
                    else request["DeleteRequest"]["Key"]
                    for request in wanted
                ]
                keys = {(item["pk"]["S"], item["sk"]["S"]) for item in items}
                if len(items) > 25 or len(keys) != len(items):
                    fail("BatchWriteItem", "ValidationException", "too many, or duplicates")
                for request, item in zip(wanted, items, strict=True):
                    if "PutRequest" in request:
                        self._apply({"Put": {"TableName": table, "Item": item}})
                    else:
                        self._delete(table, item)
            return {"UnprocessedItems": {}}

    def delete_item(self, *, TableName: str, Key: Item) -> Item:
        with self._lock:
            self._delete(TableName, Key)
            return {}

    def transact_write_items(
        self, *, TransactItems: list[Item], ClientRequestToken: str = ""
    ) -> Item:
        with self._lock:
            if ClientRequestToken and ClientRequestToken in self._tokens:
                return {}
            targets = [_target(action) for action in TransactItems]
            if len(targets) > 100 or len(set(targets)) != len(targets):
                fail("TransactWriteItems", "ValidationException", "more than 100, or one twice")
            for action in TransactItems:
                if "Put" in action:
                    self._check_size("TransactWriteItems", action["Put"]["Item"])
            holds = [self._holds(action) for action in TransactItems]
            if not all(holds):
                reasons = [{"Code": "None" if ok else "ConditionalCheckFailed"} for ok in holds]
                fail(
                    "TransactWriteItems",
                    "TransactionCanceledException",
                    CancellationReasons=reasons,
                )
            for action in TransactItems:
                self._apply(action)
            self._tokens.add(ClientRequestToken)
            return {}

    def batch_execute_statement(self, *, Statements: list[Item]) -> Item:
        with self._lock:
            if len(Statements) > 25:
                fail("BatchExecuteStatement", "ValidationException", "more than 25")
            return {"Responses": [self._statement(statement) for statement in Statements]}

    def _statement(self, statement: Item) -> Item:
        parsed = _STATEMENT.match(statement["Statement"])
        assert parsed, statement["Statement"]
        table, changes, where = parsed.groups()
        values = iter(statement["Parameters"])
        sets: Item = {}
        removes: list[str] = []
        for change in re.findall(r'(SET "\w+"=\?|REMOVE "\w+")', changes):
            name = change.split('"')[1]
            if change.startswith("SET"):
                sets[name] = next(values)
            else:
                removes.append(name)
        wanted = {name: next(values) for name in re.findall(r'"(\w+)"=\?', where)}
        found = self._find(table, wanted)
        if found is None or any(found.get(name) != value for name, value in wanted.items()):
            return {"Error": {"Code": "ConditionalCheckFailed", "Message": "it does not hold"}}
        item = {name: value for name, value in {**found, **sets}.items() if name not in removes}
        if _size(item) > _ITEM_BYTES:
            return {"Error": {"Code": "ValidationError", "Message": "the item is too large"}}
        self._apply({"Put": {"TableName": table, "Item": item}})
        return {"TableName": table}

    # ------------------------------------------------------------------------- reading

    def query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Item,
        IndexName: str = "",
        Limit: int = 1000,
        ScanIndexForward: bool = True,
        ExclusiveStartKey: Item | None = None,
        ConsistentRead: bool = False,
    ) -> Item:
        with self._lock:
            assert not (IndexName and ConsistentRead), "an index has no consistent reads"
            first, *more = _conditions(KeyConditionExpression, ExpressionAttributeValues)
            table = self.tables.get(TableName, {})
            names: tuple[str, ...]
            if IndexName:
                assert IndexName == "due"
                shard = self._index.get(TableName, {}).get(first.value, [])
                rows = (table[pk][sk] for _, pk, sk in shard)
                items = [item for item in rows if all(c.holds(item) for c in more)]
                names = ("due_shard", "look_at", "pk", "sk")
            else:
                own = table.get(first.value, {})
                items = [own[sk] for sk in sorted(own) if all(c.holds(own[sk]) for c in more)]
                names = ("pk", "sk")
            if not ScanIndexForward:
                items.reverse()
            return _page(items, names, Limit, ExclusiveStartKey, forward=ScanIndexForward)

    def scan(
        self,
        *,
        TableName: str,
        FilterExpression: str = "",
        ExpressionAttributeValues: Item | None = None,
        ConsistentRead: bool = False,
    ) -> Item:
        with self._lock:
            wanted = _conditions(FilterExpression, ExpressionAttributeValues or {})
            table = self.tables.get(TableName, {})
            items = [i for own in table.values() for i in own.values()]
            return {"Items": [dict(i) for i in items if all(c.holds(i) for c in wanted)]}

    def get_paginator(self, operation: str) -> "Paginator":
        return Paginator(getattr(self, operation))

    # -------------------------------------------------------------------------- inside

    def _find(self, table: str, key: Item) -> Item | None:
        return self.tables.get(table, {}).get(key["pk"]["S"], {}).get(key["sk"]["S"])

    def _holds(self, action: Item) -> bool:
        ((_, request),) = action.items()
        expression = request.get("ConditionExpression", "")
        found = self._find(request["TableName"], request.get("Key") or request["Item"])
        unless, _, other = expression.partition(" OR ")
        if other:
            either = ({**request, "ConditionExpression": each} for each in (unless, other))
            return any(self._holds({"Update": each}) for each in either)
        absent = _ABSENT.match(expression)
        if absent:
            return found is None or absent.group(1) not in found
        conditions = _conditions(
            expression,
            request.get("ExpressionAttributeValues", {}),
            request.get("ExpressionAttributeNames", {}),
        )
        return all(found is not None and c.holds(found) for c in conditions)

    def _updated(self, request: Item) -> Item:
        names = request.get("ExpressionAttributeNames", {})
        values = request["ExpressionAttributeValues"]
        expression, _, removed = request["UpdateExpression"].partition(" REMOVE ")
        expression, _, added = expression.partition(" ADD ")
        item = dict(self._find(request["TableName"], request["Key"]) or request["Key"])
        for assignment in expression.removeprefix("SET ").split(", "):
            name, _, value = assignment.partition(" = ")
            item[names.get(name, name)] = values[value]
        if added:
            name, _, value = added.partition(" ")
            before = int(item.get(name, {"N": "0"})["N"])
            item[name] = {"N": str(before + int(values[value]["N"]))}
        for name in filter(None, removed.split(", ")):
            item.pop(names.get(name, name), None)
        return item

    def _delete(self, table: str, key: Item) -> None:
        own = self.tables.get(table, {}).get(key["pk"]["S"], {})
        before = own.pop(key["sk"]["S"], None)
        if before is not None and "due_shard" in before and "look_at" in before:
            shard = self._index[table][before["due_shard"]["S"]]
            del shard[bisect_left(shard, _place(before))]

    def _apply(self, action: Item) -> None:
        ((kind, request),) = action.items()
        name = request["TableName"]
        item = dict(request["Item"]) if kind == "Put" else self._updated(request)
        table = self.tables.setdefault(name, {})
        own = table.setdefault(item["pk"]["S"], {})
        before = own.get(item["sk"]["S"])
        own[item["sk"]["S"]] = item
        self.stream.append(item)
        index = self._index.setdefault(name, {})
        if before is not None and "due_shard" in before and "look_at" in before:
            shard = index[before["due_shard"]["S"]]
            del shard[bisect_left(shard, _place(before))]
        if "due_shard" in item and "look_at" in item:
            insort(index.setdefault(item["due_shard"]["S"], []), _place(item))

    def _check_size(self, operation: str, item: Item) -> None:
        if _size(item) > _ITEM_BYTES:
            fail(operation, "ValidationException", "Item size has exceeded the maximum allowed")


class Paginator:
    """Page after page of one operation."""

    def __init__(self, operation: Callable[..., Item]) -> None:
        self._operation = operation

    def paginate(self, **request: Any) -> Iterator[Item]:
        while True:
            answer = self._operation(**request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


class _Condition:
    def __init__(self, name: str, relation: str, value: Any) -> None:
        self.name, self.relation, self.value = name, relation, value

    def holds(self, item: Mapping[str, Any]) -> bool:
        if self.name not in item:
            return False
        found = next(iter(item[self.name].values()))
        if self.relation == "=":
            return bool(found == self.value)
        if self.relation == "<=":
            if "N" in item[self.name]:
                return int(found) <= int(self.value)
            return bool(found <= self.value)
        return bool(found.startswith(self.value))


def _conditions(expression: str, values: Item, names: Item | None = None) -> list[_Condition]:
    found = []
    for part in filter(None, expression.split(" AND ")):
        comparison, begins = _COMPARISON.match(part), _BEGINS.match(part)
        if comparison:
            name, relation, value = (str(comparison[number]) for number in (1, 2, 3))
        elif begins:
            name, relation, value = str(begins[1]), "begins", str(begins[2])
        else:
            raise NotImplementedError(expression)
        plain = next(iter(values[value].values()))
        found.append(_Condition((names or {}).get(name, name), relation, plain))
    return found


def _page(
    items: list[Item], names: tuple[str, ...], limit: int, after: Item | None, *, forward: bool
) -> Item:
    if after is not None:
        begin = [after[name]["S"] for name in names]

        def behind(item: Item) -> bool:
            here = [item[name]["S"] for name in names]
            # The index orders by instant, then as it likes; the double orders by key.
            return here > begin if forward else here < begin

        items = [item for item in items if behind(item)]
    page = [dict(item) for item in items[:limit]]
    answer: Item = {"Items": page}
    if len(items) >= limit and page:
        answer["LastEvaluatedKey"] = {name: page[-1][name] for name in names}
    return answer


def _place(item: Item) -> tuple[str, str, str]:
    return (item["look_at"]["S"], item["pk"]["S"], item["sk"]["S"])


def _target(action: Item) -> tuple[str, str, str]:
    ((_, request),) = action.items()
    key = request.get("Key") or request["Item"]
    return (request["TableName"], key["pk"]["S"], key["sk"]["S"])


def _size(item: Item) -> int:
    def of(value: Any) -> int:
        return len(value) if isinstance(value, bytes) else len(str(value).encode())

    return sum(len(name) + of(next(iter(value.values()))) for name, value in item.items())
