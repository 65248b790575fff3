"""The bucket: the exact bytes of every message, rulebooks, files to import and their reports."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from escalon.domain.rules.rulebook import Rulebook


class NoDocumentError(Exception):
    """There is no such object."""


class Documents:
    """`client` is a boto3 s3 client; the bucket encrypts what is put."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep_message(self, account_id: str, message_id: str, body: bytes, kind: str) -> str:
        """Keep the bytes of a message before it is sent; the key names their content, so a second
        attempt with other bytes never overwrites the first."""
        digest = hashlib.sha256(body).hexdigest()[:16]
        key = f"messages/{account_id}/{message_id}-{digest}.{kind}"
        content_type = "message/rfc822" if kind == "eml" else "text/plain; charset=utf-8"
        self.put(key, body, content_type)
        return key

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Write one object."""
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
            Metadata=dict(metadata or {}),
        )

    def put_new(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        """Write one object that never changes; False if it is there already."""
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                Metadata=dict(metadata or {}),
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
        return True

    def get(self, key: str) -> bytes:
        """Read one object; raises NoDocumentError."""
        return bytes(self.stream(key, 0).read())

    def find(self, key: str) -> bytes | None:
        """Read one object; None if there is none."""
        try:
            return self.get(key)
        except NoDocumentError:
            return None

    def stream(self, key: str, start: int) -> Any:
        """One object's body from a byte on, to be read in chunks; raises NoDocumentError."""
        request: dict[str, Any] = {"Bucket": self._bucket, "Key": key}
        if start:
            request["Range"] = f"bytes={start}-"
        return self._get(**request)["Body"]

    def _get(self, **request: Any) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._client.get_object(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                raise NoDocumentError(request["Key"]) from error
            raise
        return found

    def metadata(self, key: str) -> dict[str, str]:
        """What the uploader wrote beside the object; raises NoDocumentError."""
        found = self._get(Bucket=self._bucket, Key=key)
        found["Body"].close()
        return dict(found["Metadata"])

    def download(self, key: str, path: str) -> None:
        """Copy one object to a local file."""
        self._client.download_file(self._bucket, key, path)

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin so."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        for page in pages:
            for found in page.get("Contents", ()):
                yield found["Key"]

    def upload_form(
        self, key: str, content_type: str, *, most_bytes: int, then: str, seconds: int
    ) -> tuple[str, dict[str, str]]:
        """A form by which a browser puts one object itself: its address and its fields. S3 refuses
        another key or type, and what is empty or larger (POST policy)."""
        fields = {"Content-Type": content_type, "success_action_redirect": then}
        conditions: list[Any] = [
            {"Content-Type": content_type},
            {"success_action_redirect": then},
            ["content-length-range", 1, most_bytes],
        ]
        made = self._client.generate_presigned_post(
            Bucket=self._bucket, Key=key, Fields=fields, Conditions=conditions, ExpiresIn=seconds
        )
        return str(made["url"]), dict(made["fields"])

    def glance(self, key: str, most: int) -> tuple[int, bytes] | None:
        """An object's size in bytes, and the first few of them; None if there is none."""
        try:
            found = self._get(Bucket=self._bucket, Key=key)
        except NoDocumentError:
            return None
        with found["Body"] as body:
            return int(found["ContentLength"]), bytes(body.read(most))

    def discard(self, key: str) -> None:
        """Delete one object."""
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def address(self, key: str, seconds: int) -> str:
        """Where one object can be fetched by whoever has the address, for so long."""
        request = {"Bucket": self._bucket, "Key": key}
        url: str = self._client.generate_presigned_url(
            "get_object", Params=request, ExpiresIn=seconds
        )
        return url

    def put_rulebook(self, rulebook: Rulebook) -> str:
        """Publish a rulebook's content under its version; it never changes afterwards."""
        key = f"rulebooks/{rulebook.version}.json"
        self.put_new(key, msgspec.json.encode(rulebook, order="sorted"))
        return key

    def rulebook(self, version: str) -> Rulebook:
        """A published rulebook."""
        return msgspec.json.decode(self.get(f"rulebooks/{version}.json"), type=Rulebook)
