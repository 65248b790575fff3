"""What operators keep about payment providers in Secrets Manager: one JSON object by provider."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

_KEPT_SECONDS = 300
# So often at most is it read again for somebody whose signature does not fit: a forger must not be
# able to make us ask Secrets Manager without end.
_AGAIN_SECONDS = 10


class ProviderSecrets[T]:
    """One such secret, read when it is first asked for and kept for a while.

    `client` is a boto3 secretsmanager client, `entry` the type of what it holds for each provider;
    `now` counts seconds.
    """

    def __init__(
        self, client: Any, arn: str, entry: Any, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._arn = arn
        self._decode: Callable[[str], dict[str, T]] = msgspec.json.Decoder(dict[str, entry]).decode
        self._now = now
        self._read_at = 0.0
        self._entries: dict[str, T] | None = None

    def of(self, provider: str) -> T | None:
        """What it holds for a provider; None for nothing."""
        if self._entries is None or self._now() - self._read_at >= _KEPT_SECONDS:
            self._entries = self._read()
        return self._entries.get(provider)

    def again(self, provider: str) -> T | None:
        """The same as it is now; None if it was read a moment ago, or is nothing."""
        if self._now() - self._read_at < _AGAIN_SECONDS:
            return None
        self._entries = self._read()
        return self._entries.get(provider)

    def _read(self) -> dict[str, T]:
        found = self._client.get_secret_value(SecretId=self._arn)["SecretString"]
        self._read_at = self._now()
        return self._decode(found)
