"""Queues: one message per shard of a run, one per contact to deliver. They carry ids only."""

from collections.abc import Sequence
from typing import Any

import msgspec


class QueueError(Exception):
    """Some messages were not taken; whoever planned them finds them again at the next sweep."""


class Queue:
    """`client` is a boto3 sqs client."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, bodies: Sequence[msgspec.Struct], hidden: Sequence[int] = ()) -> None:
        """Send messages, ten to a request; raises QueueError if any was refused. `hidden` says for
        how many seconds each is not handed out, up to 900."""
        refused = 0
        for start in range(0, len(bodies), 10):
            entries: list[dict[str, Any]] = [
                {"Id": str(index), "MessageBody": msgspec.json.encode(body).decode()}
                for index, body in enumerate(bodies[start : start + 10])
            ]
            for entry, seconds in zip(entries, hidden[start : start + 10], strict=False):
                if seconds:
                    entry["DelaySeconds"] = seconds
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            refused += len(answer.get("Failed", ()))
        if refused:
            raise QueueError(f"{refused} of {len(bodies)} messages were refused")
