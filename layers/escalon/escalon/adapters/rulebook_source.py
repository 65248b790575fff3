"""Which rulebook is in force: AppConfig says the version, the bucket holds the content."""

from collections.abc import Callable

import msgspec

from escalon.adapters.documents import Documents
from escalon.domain.rulebook import Rulebook


class LivePointer(msgspec.Struct, frozen=True):
    """The configuration that AppConfig deploys."""

    live: str


class PublishedRulebooks:
    """`fetch` returns the deployed configuration; Powertools caches it."""

    def __init__(self, documents: Documents, fetch: Callable[[], str | bytes]) -> None:
        self._documents = documents
        self._fetch = fetch
        self._kept: dict[str, Rulebook] = {}

    def live(self) -> str:
        """The version in force."""
        return msgspec.json.decode(self._fetch(), type=LivePointer).live

    def get(self, version: str) -> Rulebook:
        """A rulebook by version; read once, since versions never change."""
        if version not in self._kept:
            self._kept[version] = self._documents.rulebook(version)
        return self._kept[version]
