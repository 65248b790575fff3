"""The event bus: facts for the ERP, the CRM and whoever else listens. Ids and amounts only."""

from collections.abc import Sequence
from typing import Any

import msgspec


class BusError(Exception):
    """Some facts were not taken; the stream hands the batch over again."""


class Bus:
    """`client` is a boto3 events client."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def tell(self, facts: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Put facts on the bus, ten to a request; listeners may see one more than once."""
        for start in range(0, len(facts), 10):
            entries = [
                {
                    "EventBusName": self._name,
                    "Source": "escalon",
                    "DetailType": str(fact["fact"]),
                    "Detail": msgspec.json.encode({"account_id": account_id, **fact}).decode(),
                }
                for account_id, fact in facts[start : start + 10]
            ]
            answer = self._client.put_events(Entries=entries)
            if answer.get("FailedEntryCount"):
                raise BusError(f"{answer['FailedEntryCount']} facts were not taken")
