"""Taking an export in: what its records make of one account, as a pure function.

A record that says nothing new changes nothing, so a file that is taken twice is taken once. Amounts
only follow the source when the source's own statement has moved, since our ledger may know of money
that an older export does not.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time

import msgspec
from msgspec.structs import replace

from escalon.domain.account import (
    Account,
    Channel,
    Consent,
    ContactPoint,
    Hold,
    Link,
    Receivable,
)
from escalon.domain.contact.facts import PointFacts
from escalon.domain.decisions.transitions import with_points
from escalon.domain.local_time import start_of_day
from escalon.domain.payments import ledger
from escalon.importing.records import (
    AccountRecord,
    ConsentRecord,
    ContactPointRecord,
    DisputeRecord,
    LinkRecord,
    ReceivableRecord,
    Record,
)
from escalon.importing.values import phone_zones

ABSENT = "absent_from_export"


class Taken(msgspec.Struct, frozen=True):
    """What becomes of an account: itself, receivables to write, entries, and what could not be."""

    account: Account
    changed: tuple[Receivable, ...] = ()
    scheduled: tuple[tuple[Receivable, datetime], ...] = ()  # issued later, and when
    entries: tuple[ledger.LedgerEntry, ...] = ()
    refused: tuple[str, ...] = ()  # receivable ids whose record contradicts what is known


def take(
    account: Account,
    known: Mapping[str, Receivable],
    all_open: Sequence[Receivable],
    records: Iterable[Record],
    *,
    waiting: Collection[str],
    source: str,
    cause: str,
    today: date,
    zone: str,
    now: datetime,
    name_of: Callable[[str], str],
) -> Taken:
    """Apply the records of one account. `known` are the receivables the records name that the table
    has, `waiting` the ids of those not issued yet, `all_open` all open ones of the account;
    `name_of` gives the opaque name of a reference; `cause` names this very taking."""
    changed: dict[str, Receivable] = {}
    scheduled: dict[str, tuple[Receivable, datetime]] = {}
    entries: list[ledger.LedgerEntry] = []
    refused: list[str] = []
    points: dict[str, list[ContactPoint]] = {}
    opened = {r.receivable_id: r for r in all_open}
    for record in records:
        if isinstance(record, AccountRecord):
            account = _described(account, record)
        elif isinstance(record, ContactPointRecord):
            points.setdefault(record.channel, []).append(_point(record, name_of))
        elif isinstance(record, ReceivableRecord):
            name = record.receivable_id
            later = scheduled.get(name)
            before = opened.get(name) or (later[0] if later else known.get(name))
            if before is None:
                fresh = _fresh(record, source, today)
                if fresh.issued_on > today:
                    at = start_of_day(account.zones or (zone,), fresh.issued_on)
                    scheduled[name] = (fresh, at)
                    continue
                begun = start_of_day(account.zones or (zone,), fresh.issued_on)
                account = replace(account, receivables=tuple(opened.values()), beyond={})
                booking = ledger.charge(account, fresh, min(begun, now))
            elif before.currency != record.currency or before.creditor != record.creditor:
                refused.append(record.receivable_id)
                continue
            else:
                after = _restated(before, record)
                account = _present(account, record.receivable_id)
                if after == before:
                    continue
                if later or name in waiting:
                    at = start_of_day(account.zones or (zone,), after.issued_on)
                    scheduled[name] = (after, at)
                    continue
                account = replace(account, receivables=tuple(opened.values()), beyond={})
                booking = ledger.adjust(
                    account,
                    replace(after, open_minor=before.open_minor),
                    amount_minor=after.amount_minor,
                    open_minor=after.principal_minor,
                    booked_at=now,
                    cause=f"{cause}#{len(entries)}",  # two in one file are two entries
                )
            account = booking.account
            for receivable in booking.changed:
                changed[receivable.receivable_id] = receivable
                if receivable.open_minor:
                    opened[receivable.receivable_id] = receivable
                else:
                    opened.pop(receivable.receivable_id, None)
            entries.extend(booking.entries)
        elif isinstance(record, DisputeRecord):
            account = _held(account, _dispute(record))
        elif isinstance(record, LinkRecord):
            link = Link(name_of(record.other_source_ref), record.role)
            if link not in account.links:
                account = replace(account, links=(*account.links, link))
    account = with_points(account, _merged(account.points, points))
    if points:
        account = replace(account, number_zones=_number_zones(account.points))
    return Taken(
        account,
        tuple(changed.values()),
        tuple(scheduled.values()),
        tuple(entries),
        tuple(refused),
    )


def _described(account: Account, record: AccountRecord) -> Account:
    return replace(
        account,
        name=record.name,
        kind=record.kind,
        country=record.country or account.country,
        region=record.region or account.region,
        zones=(record.zone,) if record.zone else account.zones,
        language=record.language or account.language,
        tags=record.tags,
        risk=record.risk or account.risk,
        credit_limits={**account.credit_limits, **record.credit_limits},
        terms_days=account.terms_days if record.terms_days is None else record.terms_days,
        # A refusal that a file no longer names was not taken back by that.
        refused_channels=_together(account.refused_channels, record.refused_channels),
        hours=record.hours or account.hours,
    )


def _point(record: ContactPointRecord, name_of: Callable[[str], str]) -> ContactPoint:
    # Facts name it, and there are too few telephone numbers for a hash without a key.
    name = name_of(f"{record.channel}|{record.address}")
    return ContactPoint(
        f"p{name[1:13]}",
        record.channel,
        record.address,
        _consent(record.consent),
        known=record.known,
    )


def _consent(record: ConsentRecord | None) -> Consent | None:
    if record is None:
        return None
    revoked_at = None
    if record.revoked:
        on = record.revoked_on or record.granted_on or date.min
        revoked_at = datetime.combine(on, time(), UTC)
    return Consent(record.granted_on, record.evidence, revoked_at)


def _merged(
    before: Sequence[ContactPoint], given: Mapping[str, Sequence[ContactPoint]]
) -> tuple[ContactPoint, ...]:
    """The account's points after an export named some.

    A channel that the export names is what the export says it is: an address that the source no
    longer has may be somebody else's by now. What we know of an address (that it bounced, that the
    debtor confirmed it) stays, and so does a revocation: neither the same file again nor another
    address by the same channel brings a consent back that was given before it.
    """
    known = {point.point_id: point for point in before}
    merged: dict[str, ContactPoint] = {}
    for point in before:
        if point.channel not in given:
            merged[point.point_id] = point
    named: list[ContactPoint] = [point for points in given.values() for point in points]
    for point in named:
        was = known.get(point.point_id)
        revoked_at = _revoked_at(was, before, point.channel)
        if revoked_at is not None:
            point = replace(point, consent=_still_revoked(point.consent, revoked_at))
        if was is not None:
            point = replace(point, failed=was.failed, known=_known(was.known, point.known))
        merged[point.point_id] = point
    order: dict[Channel, int] = {}
    for point in before:
        order.setdefault(point.channel, len(order))
    return tuple(sorted(merged.values(), key=lambda point: order.get(point.channel, len(order))))


def _revoked_at(
    was: ContactPoint | None, before: Sequence[ContactPoint], channel: str
) -> datetime | None:
    """Since when the debtor wants nothing more at this address, or by this channel: where each of
    its addresses was revoked, the channel was."""
    if was is not None:
        return was.consent.revoked_at if was.consent is not None else None
    revoked = [
        point.consent.revoked_at if point.consent is not None else None
        for point in before
        if point.channel == channel
    ]
    known = [at for at in revoked if at is not None]
    return max(known) if known and len(known) == len(revoked) else None


def _still_revoked(consent: Consent | None, revoked_at: datetime) -> Consent:
    """The consent as the export gives it, unless it is no later than the revocation."""
    given = consent or Consent()
    if given.granted_on is not None and given.granted_on > revoked_at.date():
        return given
    return replace(given, revoked_at=max(revoked_at, given.revoked_at or revoked_at))


def _known(was: PointFacts, told: PointFacts) -> PointFacts:
    """What is known of an address, with what an export does not say any more."""
    confirmed = [day for day in (was.confirmed_on, told.confirmed_on) if day is not None]
    return PointFacts(
        told.origin or was.origin,
        told.use or was.use,
        told.purposes if told.purposes is not None else was.purposes,
        max(confirmed, default=None),
    )


def _number_zones(points: Sequence[ContactPoint]) -> tuple[str, ...]:
    """Where the debtor may be by their telephone numbers (12 CFR 1006.6(b)(1): address and area
    code may disagree)."""
    zones = (
        zone
        for point in points
        if point.channel in ("sms", "whatsapp", "voice") and not point.failed
        for zone in phone_zones(point.address)
    )
    return _together(zones)


def _together(*words: Iterable[str]) -> tuple[str, ...]:
    """All of them, each once, in the order in which they were told."""
    return tuple(dict.fromkeys(word for some in words for word in some))


def _fresh(record: ReceivableRecord, source: str, today: date) -> Receivable:
    stated = record.open_minor
    return Receivable(
        receivable_id=record.receivable_id,
        creditor=record.creditor,
        document=record.document,
        issued_on=record.issued_on,
        due_on=record.due_on,
        currency=record.currency,
        amount_minor=record.amount_minor,
        open_minor=record.amount_minor if stated is None else stated,
        known_on=max(today, record.issued_on),
        source=source,
        stated_open_minor=stated,
        on_file=record.on_file,
    )


def _restated(before: Receivable, record: ReceivableRecord) -> Receivable:
    """The receivable as its source states it now. It states principal: what we have charged on top
    stays as it is. What was given up here stays given up: a source that states more than is open
    does not know of it; one that states no more does, or has come to."""
    extras = before.open_minor - before.principal_minor
    open_minor = before.principal_minor
    given_up = before.given_up_minor
    if record.open_minor is None:
        open_minor += record.amount_minor - before.amount_minor
    elif record.open_minor != before.stated_open_minor:
        if record.open_minor <= open_minor:
            given_up = 0
        open_minor = record.open_minor - given_up
    return replace(
        before,
        document=record.document,
        issued_on=record.issued_on,
        due_on=record.due_on,
        amount_minor=record.amount_minor,
        open_minor=max(0, open_minor) + extras,
        stated_open_minor=record.open_minor,
        given_up_minor=given_up,
        on_file=_together(before.on_file, record.on_file),
    )


def _dispute(record: DisputeRecord) -> Hold:
    return Hold(
        hold_id=f"dispute:{record.receivable_id}",
        kind="dispute",
        starts_on=record.starts_on,
        ends_on=record.ends_on,
        receivable_id=record.receivable_id,
        source="import",
        note=record.note,
    )


def _held(account: Account, hold: Hold) -> Account:
    others = tuple(other for other in account.holds if other.hold_id != hold.hold_id)
    if hold in account.holds:
        return account
    return replace(account, holds=(*others, hold))


def absent(account: Account, receivable_ids: Iterable[str], today: date) -> Account:
    """The account with receivables held that its source's whole list no longer has: they were
    settled somewhere else, and are not chased."""
    for receivable_id in receivable_ids:
        hold_id = f"{ABSENT}:{receivable_id}"
        if not any(hold.hold_id == hold_id for hold in account.holds):
            hold = Hold(hold_id, ABSENT, today, None, receivable_id, "import")
            account = replace(account, holds=(*account.holds, hold))
    return account


def _present(account: Account, receivable_id: str) -> Account:
    hold_id = f"{ABSENT}:{receivable_id}"
    holds = tuple(hold for hold in account.holds if hold.hold_id != hold_id)
    return account if len(holds) == len(account.holds) else replace(account, holds=holds)
