"""Payment feeds: when each last told us, so that nobody is asked for money that a file would tell
of (L7). A feed is named in a mapping (`feed: bank`), or is a provider's settlement files."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import ConflictError

if TYPE_CHECKING:
    from escalon.adapters.table import Table

KEPT = timedelta(seconds=60)  # how long what was read of the marks is believed
TRIES = 6


class FeedMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a feed last told us, and of money up to when."""

    feed: str
    told_at: datetime
    through: datetime | None = None  # the latest payment of all its files; None: there was none
    version: int = 0


def told(table: "Table", feed: str, at: datetime, through: datetime | None) -> None:
    """A file of the feed was taken at `at`, and its latest payment is of `through` (None: it told
    of no money at all). An older file than the one before says nothing about today. Told twice,
    or late, it changes nothing."""
    for _ in range(TRIES):
        found = table.load(*_key(feed))
        mark = msgspec.convert(found, FeedMark) if found else None
        after = _moved(mark, feed, at, through)
        if after == mark or after is None:
            return
        put = table.put_document(*_key(feed), replace(after, version=after.version + 1))
        try:
            table.replace(put, after.version)
        except ConflictError:
            continue
        return
    raise ConflictError(feed)


def _moved(
    mark: FeedMark | None, feed: str, at: datetime, through: datetime | None
) -> FeedMark | None:
    if mark is None:
        return FeedMark(feed, at, through)
    if through is not None and mark.through is not None and through < mark.through:
        return mark
    return replace(mark, told_at=max(at, mark.told_at), through=through or mark.through)


def read(table: "Table", feeds: Iterable[str]) -> dict[str, datetime]:
    """When each of these feeds last told us; those that never did are left out."""
    found = {feed: table.load(*_key(feed)) for feed in dict.fromkeys(feeds)}
    return {
        feed: msgspec.convert(document, FeedMark).told_at
        for feed, document in found.items()
        if document is not None
    }


class FeedMarks:
    """The marks of a rulebook's feeds, read at most once in a while: they stand still for hours,
    and are asked for before every message."""

    def __init__(self, table: "Table") -> None:
        self._table = table
        self._read: dict[str, datetime] = {}
        self._of: frozenset[str] = frozenset()
        self._at: datetime | None = None

    def __call__(self, rulebook: Rulebook, now: datetime) -> Mapping[str, datetime]:
        """When each feed of the rulebook last told us, as far as is known at `now`. It costs
        nothing if the rulebook has none."""
        feeds = frozenset(rulebook.payments.feeds)
        if not feeds:
            return {}
        if self._at is None or feeds != self._of or not timedelta() <= now - self._at < KEPT:
            self._read, self._of, self._at = read(self._table, sorted(feeds)), feeds, now
        return self._read


def stale(rulebook: Rulebook, told_at: Mapping[str, datetime], now: datetime) -> tuple[str, ...]:
    """The feeds of creditors that have told nothing for longer than the rulebook allows, or never:
    until they do, messages of those creditors wait."""
    used = {feed for creditor in rulebook.creditors.values() for feed in creditor.feeds}
    return tuple(
        feed
        for feed, hours in sorted(rulebook.payments.feeds.items())
        if feed in used and (feed not in told_at or now - told_at[feed] > timedelta(hours=hours))
    )


def _key(feed: str) -> tuple[str, str]:
    return f"FEED#{feed}", "FEED"
