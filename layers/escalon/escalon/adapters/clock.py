"""The clock: the machine's, or in a replay stack one that is set from outside."""

from datetime import UTC, datetime

from escalon.adapters.table import Table


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)


class TableClock:
    """The time that whoever drives a replay has written into the table. The template lets no
    production stack have it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def now(self) -> datetime:
        """The instant that was set; the real time while none is."""
        found = self._table.load("CLOCK", "CLOCK")
        return datetime.fromisoformat(found["now"]) if found else datetime.now(UTC)

    def was_set(self) -> bool:
        """Whether it shows another time than the real one."""
        return self._table.load("CLOCK", "CLOCK") is not None

    def set(self, now: datetime) -> None:
        """Move the clock."""
        self._table.save(self._table.put_document("CLOCK", "CLOCK", {"now": now.isoformat()}))
