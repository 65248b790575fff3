"""The one gateway to the receivables table: accounts, receivables, ledger, messages, tasks, runs.

One item per account carries all that a decision needs as one JSON document (`doc`), its version
(`v`), the facts of that version (`facts`, taken on by the stream) and, while anything is open, its
place in the due index (`due_shard`, `look_at`). Every write names the version it was made from.
The few documents that are long are deflated, so that an account's item stays small.
"""

import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import msgspec
from botocore.exceptions import ClientError

from escalon.domain.account import Account, Receivable
from escalon.domain.audit import Act, day_of
from escalon.domain.contact.consents import ConsentEntry, consent_changes
from escalon.domain.identity import issue_list, shard_of
from escalon.domain.payments.ledger import LedgerEntry
from escalon.domain.payments.payment import BookedPayment
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
LONG = 12_000  # bytes of a document from which it is deflated
TRIES = 6  # of one batch whose statements the service could not take just then

type Item = dict[str, Any]
# What became of one write of a batch: written; the account has moved on; never to be written.
type Written = Literal["done", "conflict", "refused"]

# Codes of a single statement's failure (the API's BatchStatementErrorCodeEnum).
_CONFLICTS = frozenset(("ConditionalCheckFailed", "TransactionConflict"))
_PASSING = frozenset(
    (
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "InternalServerError",
    )
)
_OF_THE_ITEM = frozenset(("ValidationError", "ItemCollectionSizeLimitExceeded"))

_encode = msgspec.json.Encoder().encode
_decode_account = msgspec.json.Decoder(Account).decode
_decode_receivable = msgspec.json.Decoder(Receivable).decode
_decode_payment = msgspec.json.Decoder(BookedPayment).decode
_decode_entry = msgspec.json.Decoder(LedgerEntry).decode
_decode_consent = msgspec.json.Decoder(ConsentEntry).decode
_decode_act = msgspec.json.Decoder(Act).decode


class UnwritableError(ValueError):
    """This very write can never succeed, whatever is done around it."""


class Named(msgspec.Struct, frozen=True):
    """A receivable that was asked for by name."""

    receivable: Receivable
    scheduled: bool  # known, but not part of its account before its issue date


class Around(msgspec.Struct, frozen=True):
    """An account with the receivables and payments of it that were asked for and exist."""

    stored: Stored | None
    named: dict[str, Named]
    booked: dict[str, BookedPayment]


def account_key(account_id: str) -> Item:
    """The key of an account's item."""
    return {"pk": {"S": f"A#{account_id}"}, "sk": {"S": "A"}}


class Table:
    """DynamoDB behind the words of this project. `client` is a boto3 DynamoDB client."""

    def __init__(
        self,
        client: Any,
        name: str,
        shards: int,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._pause = pause
        self.name = name
        self.shards = shards
        # The table's name is the stack's own; everything else is a parameter.
        head = f'UPDATE "{name}" SET "doc"=? SET "v"=? SET "facts"=? SET "run"=?'  # noqa: S608 - see above
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
        """The accounts that exist and can be read, read consistently, by id."""
        found: dict[str, Stored] = {}
        for item in self._batch_get([account_key(a) for a in dict.fromkeys(account_ids)]):
            try:
                stored = _stored(item)
            except (msgspec.MsgspecError, KeyError, ValueError, zlib.error):
                continue  # one account that cannot be read must not hide the others
            found[stored.account.account_id] = stored
        return found

    def run_marks(self, account_ids: Sequence[str]) -> dict[str, str]:
        """What the accounts' items keep of the run that looked at them last, readable or not."""
        keys = [account_key(account_id) for account_id in dict.fromkeys(account_ids)]
        return {
            item["pk"]["S"].removeprefix("A#"): item["run"]["S"]
            for item in self._batch_get(keys)
            if "run" in item
        }

    def due(
        self, shard: str, until: datetime, *, limit: int, after: Item | None = None
    ) -> tuple[list[DueItem], Item | None]:
        """One page of what is to be looked at by `until`, oldest first, and where it ends."""
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

    def update_many(self, changes: Sequence[Change]) -> list[Written]:
        """Write many accounts, each on its own condition, and say what became of each.

        25 to a request, which costs a tenth of the CPU of single updates. "conflict" may also be
        our own write, repeated by the client after a lost answer: whoever gets it reads again.
        """
        written: list[Written] = []
        for start in range(0, len(changes), BATCH):
            statements = [self._statement(change) for change in changes[start : start + BATCH]]
            written.extend(self._execute(statements))
        return written

    def _execute(self, statements: Sequence[Item]) -> list[Written]:
        became: dict[int, Written] = {}
        waiting = list(range(len(statements)))
        for attempt in range(TRIES):
            if attempt:
                self._pause(0.05 * 2**attempt)
            answer = self._client.batch_execute_statement(
                Statements=[statements[index] for index in waiting]
            )
            passing: dict[int, Item] = {}
            for index, result in zip(waiting, answer["Responses"], strict=True):
                error = result.get("Error")
                code = error["Code"] if error else ""
                if not code:
                    became[index] = "done"
                elif code in _CONFLICTS:
                    became[index] = "conflict"
                elif code in _OF_THE_ITEM:
                    became[index] = "refused"
                elif code in _PASSING:
                    passing[index] = error
                else:
                    raise _statement_failed(error)
            if not passing:
                return [became[index] for index in range(len(statements))]
            waiting = list(passing)
        raise _statement_failed(passing[waiting[0]])

    def update(self, change: Change, *more: Item) -> Stored:
        """Write one account, together with other items in one transaction if there are any.

        Raises ConflictError if the account has moved on, AlreadyDoneError if a `once` item exists,
        UnwritableError if it can never be written. A transaction carries the client's token, so
        a repetition of our own write by the client is no conflict; a single update's may be.
        """
        mine = self._update_item(change)
        more = (*more, *self._consents(change))
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
            change.run or change.stored.run,
        )

    def beside(self, change: Change) -> list[Item]:
        """Transaction items: another account's next version. If that one has moved on, the write
        that they are part of raises AlreadyDoneError."""
        return [self._update_item(change), *self._consents(change)]

    def _consents(self, change: Change) -> Iterable[Item]:
        """What this write changes of the person's consents, for their ledger."""
        by = tuple(str(fact["fact"]) for fact in change.facts)
        at = datetime.fromisoformat(str(change.facts[0]["at"])) if change.facts else None
        entries = consent_changes(change.stored.account, change.account, at, by)
        version = change.stored.version + 1
        for number, entry in enumerate(entries):
            sort = f"C#{version:010d}#{number:02d}"
            yield self.put_document(f"A#{change.account.account_id}", sort, entry)

    def consents(self, account_id: str) -> list[ConsentEntry]:
        """The ledger of an account's consents, oldest first."""
        return [_decode_consent(_text(item)) for item in self._query(f"A#{account_id}", "C#")]

    def set_aside(self, item: DueItem, until: datetime, why: str, run: str) -> bool:
        """Let an item that could not be decided about rest, untouched but for its place in the due
        index, the reason and the run that says so. False if it has moved meanwhile."""
        sort = f"R#{item.receivable.receivable_id}" if item.receivable is not None else "A"
        try:
            self._client.update_item(
                TableName=self.name,
                Key={"pk": {"S": f"A#{item.account_id}"}, "sk": {"S": sort}},
                UpdateExpression="SET look_at = :until, set_aside = :why, #run = :run",
                ConditionExpression="look_at = :was",
                ExpressionAttributeNames={"#run": "run"},
                ExpressionAttributeValues={
                    ":until": {"S": instant(until)},
                    ":why": {"S": why[:500]},
                    ":run": {"S": run},
                    ":was": {"S": item.look_at},
                },
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                return False
            if code != "ValidationException":  # too large even for that: it stays where it is
                raise
        return True

    def once(self, cause: str, about: Mapping[str, Any], **keys: Any) -> Item:
        """A transaction item that lets its transaction succeed once in all; `about` is kept, on a
        list if `keys` name one."""
        return _new(self.put_document(f"CAUSE#{cause}", "CAUSE", about, **keys))

    # ------------------------------------------------- receivables and ledger

    def receivables(self, account_id: str) -> list[Receivable]:
        """All receivables of an account that the table knows, open, settled and not yet issued."""
        return [_decode_receivable(_text(i)) for i in self._query(f"A#{account_id}", "R#")]

    def issued_receivables(self, account_id: str) -> list[Receivable]:
        """Those that are part of the account: issued, open or settled."""
        items = self._query(f"A#{account_id}", "R#")
        return [_decode_receivable(_text(i)) for i in items if "due_shard" not in i]

    def named_receivables(self, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Named]:
        """Those of the receivables (account, receivable) that the table has."""
        keys: list[Item] = [
            {"pk": {"S": f"A#{account_id}"}, "sk": {"S": f"R#{receivable_id}"}}
            for account_id, receivable_id in dict.fromkeys(wanted)
        ]
        found: dict[tuple[str, str], Named] = {}
        for item in self._batch_get(keys):
            try:
                receivable = _decode_receivable(_text(item))
            except (msgspec.MsgspecError, zlib.error):
                continue  # its first entry keeps it from being charged again
            account_id = item["pk"]["S"].removeprefix("A#")
            found[account_id, receivable.receivable_id] = Named(receivable, "due_shard" in item)
        return found

    def around(
        self, account_id: str, receivable_ids: Sequence[str], payment_ids: Sequence[str]
    ) -> Around:
        """An account, some of its receivables and some of its payments, read consistently in one
        request."""
        keys = [account_key(account_id)]
        wanted = (*(f"R#{name}" for name in receivable_ids), *(f"P#{one}" for one in payment_ids))
        keys.extend(
            {"pk": {"S": f"A#{account_id}"}, "sk": {"S": sort}} for sort in dict.fromkeys(wanted)
        )
        stored: Stored | None = None
        named: dict[str, Named] = {}
        booked: dict[str, BookedPayment] = {}
        for item in self._batch_get(keys):
            sort = item["sk"]["S"]
            if sort == "A":
                stored = _stored(item)
            elif sort.startswith("P#"):
                payment = _decode_payment(_text(item))
                booked[payment.payment_id] = payment
            else:
                receivable = _decode_receivable(_text(item))
                named[receivable.receivable_id] = Named(receivable, "due_shard" in item)
        return Around(stored, named, booked)

    def payments(self, account_id: str) -> list[BookedPayment]:
        """All payments that were ever booked on an account."""
        return [_decode_payment(_text(item)) for item in self._query(f"A#{account_id}", "P#")]

    def put_payment(self, account_id: str, payment: BookedPayment) -> Item:
        """A transaction item: what is known of one payment and what it settles. The account's
        version, in the same transaction, protects it."""
        return self.put_document(f"A#{account_id}", f"P#{payment.payment_id}", payment)

    def entries(self, account_id: str) -> list[LedgerEntry]:
        """The account's ledger."""
        return [_decode_entry(_text(i)) for i in self._query(f"A#{account_id}", "L#")]

    def put_receivable(
        self, account_id: str, receivable: Receivable, issue_at: datetime | None = None
    ) -> Item:
        """A transaction item: this version of a receivable. With `issue_at` it is not part of the
        account yet and stands in the due index until that instant."""
        item: Item = {
            "pk": {"S": f"A#{account_id}"},
            "sk": {"S": f"R#{receivable.receivable_id}"},
            "doc": _doc(receivable),
        }
        if issue_at is not None:
            item["due_shard"] = {"S": issue_list(shard_of(account_id, self.shards))}
            item["look_at"] = {"S": instant(issue_at)}
        return {"Put": {"TableName": self.name, "Item": item}}

    def put_entry(self, entry: LedgerEntry) -> Item:
        """A transaction item: one ledger entry, written once and never again."""
        return _new(self.put_document(f"A#{entry.account_id}", f"L#{entry.entry_id}", entry))

    # ---------------------------------------------------------------- the audit log

    def put_act(self, act: Act) -> Item:
        """A transaction item: one act of the audit log, written once and never again."""
        sort = f"{instant(act.at)}#{act.act_id}"
        return _new(self.put_document(f"ACTS#{day_of(act.at)}", sort, act))

    def acts(self, first: date, last: date) -> Iterable[Act]:
        """The audit log from one UTC day through another, in the order of its instants."""
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            for item in self._query(f"ACTS#{day}", f"{day}T"):
                yield _decode_act(_text(item))

    # ------------------------------------------------ messages, tasks, and the rest

    def put_document(
        self,
        pk: str,
        sk: str,
        doc: Mapping[str, Any] | msgspec.Struct,
        *,
        expires: datetime | None = None,
        **keys: str,
    ) -> Item:
        """A transaction item: any other document, with more top-level string attributes. Some days
        after `expires` the service itself removes it; whoever reads it looks at the time."""
        item: Item = {
            "pk": {"S": pk},
            "sk": {"S": sk},
            "doc": _doc(doc),
            **{name: {"S": value} for name, value in keys.items()},
        }
        if expires is not None:
            item["expires"] = {"N": str(int(expires.timestamp()))}
        return {"Put": {"TableName": self.name, "Item": item}}

    def save(self, put: Item, *, new: bool = False) -> None:
        """Write one document on its own; with `new`, AlreadyDoneError if it exists."""
        try:
            self._client.put_item(**(_new(put) if new else put)["Put"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise AlreadyDoneError from error
            raise

    def replace(self, put: Item, version: int) -> None:
        """Write one document as the version after `version` (0: it is new); ConflictError if
        somebody else has. A transaction of one, so that the client's own repetition is none."""
        try:
            self._client.transact_write_items(TransactItems=[self.versioned(put, version)])
        except ClientError as error:
            _raise_meaning(error)

    def transact(self, *items: Item) -> None:
        """Write documents together or not at all. ConflictError if the first has moved on,
        AlreadyDoneError if what is to be new is there."""
        try:
            self._client.transact_write_items(TransactItems=list(items))
        except ClientError as error:
            _raise_meaning(error)

    def count(
        self, pk: str, sk: str, by: int, *, most: int | None = None, expires: datetime
    ) -> bool:
        """Add to a counter, atomically; False, with nothing added, if it would pass `most`.
        Repeated by the client after a lost answer it may count twice."""
        request: Item = {
            "TableName": self.name,
            "Key": {"pk": {"S": pk}, "sk": {"S": sk}},
            "UpdateExpression": "SET expires = :expires ADD n :by",
            "ExpressionAttributeValues": {
                ":by": {"N": str(by)},
                ":expires": {"N": str(int(expires.timestamp()))},
            },
        }
        if most is not None:
            if most < by:
                return False
            request["ConditionExpression"] = "attribute_not_exists(n) OR n <= :room"
            request["ExpressionAttributeValues"][":room"] = {"N": str(most - by)}
        try:
            self._client.update_item(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def counted(self, pk: str, prefix: str) -> dict[str, int]:
        """Counters under one key by their sort keys."""
        return {item["sk"]["S"]: int(item["n"]["N"]) for item in self._query(pk, prefix)}

    def versioned(self, put: Item, version: int) -> Item:
        """A transaction item: one document as the version after `version` (0: it is new)."""
        condition: Item = {"ConditionExpression": "attribute_not_exists(pk)"}
        if version:
            condition = {
                "ConditionExpression": "v = :was",
                "ExpressionAttributeValues": {":was": {"N": str(version)}},
            }
        item = {**put["Put"]["Item"], "v": {"N": str(version + 1)}}
        return {"Put": {**put["Put"], "Item": item, **condition}}

    def load(self, pk: str, sk: str) -> dict[str, Any] | None:
        """One document, read consistently."""
        found = self._client.get_item(
            TableName=self.name, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        return msgspec.json.decode(_text(found["Item"])) if "Item" in found else None

    def load_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        """Those of the documents (pk, sk) that exist, read consistently."""
        wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in dict.fromkeys(keys)]
        return {
            (item["pk"]["S"], item["sk"]["S"]): msgspec.json.decode(_text(item))
            for item in self._batch_get(wanted)
        }

    def documents(self, pk: str, prefix: str) -> list[dict[str, Any]]:
        """All documents under one key whose sort key begins so."""
        return [msgspec.json.decode(_text(item)) for item in self._query(pk, prefix)]

    def whole(self, account_id: str) -> Iterable[tuple[str, dict[str, Any]]]:
        """Everything that is kept of one account, by sort key."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"A#{account_id}"}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                if "doc" in item:
                    yield item["sk"]["S"], msgspec.json.decode(_text(item))

    def forget(self, account_id: str, sorts: Sequence[str]) -> None:
        """Delete documents of an account, by their sort keys."""
        for start in range(0, len(sorts), BATCH):
            waiting = [
                {"DeleteRequest": {"Key": {"pk": {"S": f"A#{account_id}"}, "sk": {"S": sort}}}}
                for sort in sorts[start : start + BATCH]
            ]
            attempt = 0
            while waiting:
                if attempt:
                    self._pause(0.05 * 2 ** min(attempt, 6))
                answer = self._client.batch_write_item(RequestItems={self.name: waiting})
                waiting = answer.get("UnprocessedItems", {}).get(self.name, [])
                attempt += 1

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
                yield {**msgspec.json.decode(_text(item)), "_pk": item["pk"]["S"]}
                if newest is not None and count >= newest:
                    return
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def standing(self) -> Iterable[DueItem]:
        """All that stands in the due index, whatever its instant: every account with anything open,
        every receivable that is still to be issued."""
        ever = datetime(9999, 1, 1, tzinfo=UTC)
        for number in range(self.shards):
            shard = f"due#{number:03d}"
            for listing in (issue_list(shard), shard):
                after: Item | None = None
                while True:
                    page, after = self.due(listing, ever, limit=200, after=after)
                    yield from page
                    if after is None:
                        break

    def all_accounts(self) -> Iterable[Stored]:
        """Every account, by a scan of the whole table: for checks and exports."""
        for item in self._scan("A"):
            if item["sk"]["S"] == "A":
                yield _stored(item)

    def all_documents(self, prefix: str) -> Iterable[dict[str, Any]]:
        """Every document whose sort key begins so, with its account in `_account_id`, by a scan."""
        for item in self._scan(prefix):
            account_id = item["pk"]["S"].removeprefix("A#")
            yield {**msgspec.json.decode(_text(item)), "_account_id": account_id}

    # ---------------------------------------------------------------- inside

    def _batch_get(self, keys: Sequence[Item]) -> Iterable[Item]:
        for start in range(0, len(keys), 100):
            waiting = list(keys[start : start + 100])
            attempt = 0
            while waiting:
                if attempt:
                    self._pause(0.02 * 2 ** min(attempt, 6))
                answer = self._client.batch_get_item(
                    RequestItems={self.name: {"Keys": waiting, "ConsistentRead": True}}
                )
                yield from answer["Responses"].get(self.name, ())
                waiting = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                attempt += 1

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
            _doc(change.account),
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
            ":doc": _doc(change.account),
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


def _doc(value: Any) -> Item:
    encoded = _encode(value)
    return {"S": encoded.decode()} if len(encoded) <= LONG else {"B": zlib.compress(encoded)}


def _text(item: Item) -> str | bytes:
    doc = item["doc"]
    return doc["S"] if "S" in doc else zlib.decompress(doc["B"])


def _new(put: Item) -> Item:
    return {"Put": {**put["Put"], "ConditionExpression": "attribute_not_exists(pk)"}}


def _stored(item: Item) -> Stored:
    return Stored(
        _decode_account(_text(item)),
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
        return DueItem(account_id, look_at, receivable=_decode_receivable(_text(item)))
    except (msgspec.MsgspecError, KeyError, ValueError, zlib.error) as error:
        return DueItem(account_id, look_at, broken=_where(error))


def _where(error: Exception) -> str:
    """What is wrong with a document, by its place; never by its content (invariant 12)."""
    _, _, place = str(error).rpartition(" - at ")
    known = isinstance(error, msgspec.ValidationError) and place.startswith("`$")
    return f"{type(error).__name__} at {place}" if known else type(error).__name__


def _statement_failed(error: Item) -> ClientError:
    about: Any = {"Error": {"Code": error["Code"], "Message": str(error.get("Message", ""))}}
    return ClientError(about, "BatchExecuteStatement")


def _raise_meaning(error: ClientError) -> None:
    """Turn the service's words into ours; anything else goes on as it is."""
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        raise ConflictError from error
    if code == "TransactionCanceledException":
        codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", ())]
        if "ConditionalCheckFailed" in codes[1:] and codes[0] != "ConditionalCheckFailed":
            raise AlreadyDoneError from error
        if "ConditionalCheckFailed" in codes or "TransactionConflict" in codes:
            raise ConflictError from error
        if "ValidationError" in codes:
            raise UnwritableError("the transaction holds an item that cannot be written") from error
    if code == "TransactionConflictException":
        raise ConflictError from error
    if code == "ValidationException":
        raise UnwritableError("the write is not one that DynamoDB takes") from error
    raise error
