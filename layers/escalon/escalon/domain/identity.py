"""Opaque names for people: an account's id is a keyed hash of its document number.

No key, queue message or log line carries the document itself (invariant 12), and whoever holds only
the table's keys cannot try out numbers, since the hash is keyed with a secret.
"""

import base64
import hashlib
import hmac
import zlib


def account_id_of(key: bytes, source_ref: str) -> str:
    """The account's id for the source's reference; case and outer space make no difference."""
    digest = hmac.new(key, source_ref.strip().upper().encode(), hashlib.sha256).digest()
    return "a" + base64.b32encode(digest[:15]).decode().lower()


def shard_of(account_id: str, shards: int) -> str:
    """The partition of the due index in which an account stands."""
    return f"due#{zlib.crc32(account_id.encode()) % shards:03d}"


def issue_list(shard: str) -> str:
    """The partition in which the receivables of a shard stand until their issue date: one of their
    own, so that looking at accounts never reads over them."""
    return f"issue#{shard.removeprefix('due#')}"
