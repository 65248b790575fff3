# ruff: noqa: N803, ARG002 - the arguments are boto3's
"""The other services in memory, as boto3's clients have them: S3, SQS, SES, SNS, EventBridge."""

import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.doubles.dynamodb import fail


class S3:
    """Objects of one bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.forms = "https://{Bucket}.s3.amazonaws.com/"  # where a browser's form is sent

    def put_object(
        self,
        *,
        Key: str,
        Body: bytes,
        Metadata: dict[str, str],
        IfNoneMatch: str = "",
        **_: Any,
    ) -> None:
        if IfNoneMatch and Key in self.objects:
            fail("PutObject", "PreconditionFailed")
        self.objects[Key] = (bytes(Body), Metadata)

    def get_object(self, *, Key: str, Range: str = "", **_: Any) -> dict[str, Any]:
        if Key not in self.objects:
            fail("GetObject", "NoSuchKey")
        body, metadata = self.objects[Key]
        start = int(Range.removeprefix("bytes=").rstrip("-") or 0)
        return {
            "Body": io.BytesIO(body[start:]),
            "Metadata": metadata,
            "ContentLength": len(body[start:]),
        }

    def delete_object(self, *, Key: str, **_: Any) -> None:
        self.objects.pop(Key, None)

    def generate_presigned_post(
        self, *, Bucket: str, Key: str, Fields: dict[str, str], Conditions: list[Any], **_: Any
    ) -> dict[str, Any]:
        fields = {**Fields, "key": Key, "policy": repr(Conditions)}
        return {"url": self.forms.format(Bucket=Bucket), "fields": fields}

    def download_file(self, Bucket: str, Key: str, Filename: str) -> None:
        Path(Filename).write_bytes(self.objects[Key][0])

    def list_objects_v2(self, *, Prefix: str, **_: Any) -> dict[str, Any]:
        return {
            "Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]
        }

    def generate_presigned_url(
        self, operation: str, *, Params: dict[str, str], ExpiresIn: int
    ) -> str:
        return f"https://s3.example.com/{Params['Key']}?operation={operation}&seconds={ExpiresIn}"

    def get_paginator(self, operation: str) -> "_OnePage":
        return _OnePage(getattr(self, operation))


class _OnePage:
    def __init__(self, operation: Any) -> None:
        self._operation = operation

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        yield self._operation(**request)


class Sqs:
    """Queues by URL; what was sent waits in order."""

    def __init__(self) -> None:
        self.queues: dict[str, deque[bytes]] = {}
        self.refuse: set[str] = set()  # ids of a batch that the service does not take

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        failed = []
        for entry in Entries:
            if entry["Id"] in self.refuse:
                failed.append({"Id": entry["Id"]})
            else:
                self.queues.setdefault(QueueUrl, deque()).append(entry["MessageBody"].encode())
        return {"Failed": failed}


class Provider:
    """SES and SNS: keeps what was handed over, and answers as it is told to."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.answers: deque[Exception] = deque()  # raised by the next calls, one each

    def send_email(self, **request: Any) -> dict[str, str]:
        return self._take(request)

    def publish(self, **request: Any) -> dict[str, str]:
        return self._take(request)

    def send_whatsapp_message(self, **request: Any) -> dict[str, str]:
        return {"messageId": self._take(request)["MessageId"]}

    def _take(self, request: dict[str, Any]) -> dict[str, str]:
        if self.answers:
            raise self.answers.popleft()
        self.calls.append(request)
        return {"MessageId": f"provider-{len(self.calls)}"}


class Events:
    """The event bus."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.fail_next = False

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        if self.fail_next:
            self.fail_next = False
            return {"FailedEntryCount": 1}
        self.entries.extend(Entries)
        return {"FailedEntryCount": 0}
