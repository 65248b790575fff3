"""What a person may ask about their data: a copy of all of it, that we forget them, and how we may
reach them (Colombia: Ley 1581 of 2012, arts. 8, 14 and 15; contact-law D1, L24).

To forget somebody is one write: the account loses its person, an order of erasure stands on a list,
and the act is in the audit log. What the law lets go is then deleted, and what it keeps is deleted
on the day on which it may. The order stays on its list until nothing is left, so that a crash
between any two of its steps is made good by the next run.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Channel, Consent, ContactPoint, ContactRecord
from escalon.domain.audit import Act, Done
from escalon.domain.calendar import Week
from escalon.domain.contact.consents import ConsentEntry
from escalon.domain.contact.facts import Asks, Conversation, ExtraHours, Request
from escalon.domain.decisions.by_hand import spoke, tried
from escalon.domain.decisions.transitions import channel_refused
from escalon.domain.local_time import local_date
from escalon.domain.ports import Clock, RulebookInForce
from escalon.domain.retention import Bar, Fate, Kind, bars, fates, forgotten, is_forgotten
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, Stored, instant
from escalon.usecases.agreements.writes import zones_of
from escalon.usecases.operators.acts import Person, refused

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.history import History
    from escalon.adapters.table import Table

TRIES = 6
ORDER = "ERASURE"  # sort key of an order of erasure
ERASURES = "erasures"  # the list on which it stands

type _Document = dict[str, Any]

# Records of an account that hold personal data, by the beginning of their sort key. All others but
# those that stay go with the profile.
_KINDS: Mapping[str, Kind] = {
    "M#": "messages",
    "I#": "replies",
    "T#": "tasks",
    "G#": "agreements",
    "C#": "consents",
}
# The same in the bucket: folders that have one for each account.
_FOLDERS: Mapping[Kind, tuple[str, ...]] = {
    "messages": ("messages",),
    "profile": ("quarantine", "exports"),
}
# The ledger names nobody; the account's own item, without its person, is what it hangs on.
_STAYS = ("R#", "L#", "P#")
_BEFORE_NOW = date.min

_WHY_NOT: Mapping[Bar, tuple[str, str]] = {
    "open_debt": ("a debt is open", "it can be erased once nothing is owed"),
    "unapplied_credit": ("there is unapplied credit", "pay it back or settle a debt with it first"),
    "agreement": ("an agreement is under way", "wait until it has ended, or cancel it"),
    "under_way": ("a message is under way", "try again in a few minutes"),
}

_READ_ME = """\
Copia de los datos personales de la cuenta {account} a {now}, en formato JSON. Los montos están en
unidades menores de su moneda (centavos). Los mensajes que se le enviaron y los documentos de sus
acuerdos están en la carpeta documents.

A copy of the personal data of account {account} as of {now}, in JSON. Amounts are in minor units
of their currency (cents). The messages that were sent and the documents of agreements are in the
folder documents.
"""


class Erasure(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order of erasure: what still has to go, and when. `fates` names every kind of record that
    there was: gone, or kept until a day by a law."""

    account_id: str
    asked_at: datetime
    fates: tuple[Fate, ...]
    done: tuple[Kind, ...] = ()

    @property
    def left(self) -> tuple[Fate, ...]:
        """What is still there."""
        return tuple(fate for fate in self.fates if fate.kind not in self.done)


class Consents(msgspec.Struct, frozen=True):
    """How each contact point stands, what the person does not want, and how it came to that."""

    points: tuple[ContactPoint, ...]
    refused_channels: tuple[str, ...]
    ledger: tuple[ConsentEntry, ...]


class RecordConsent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The person allows a channel again for an address on file; `evidence` is where their word is
    kept. `granted_on` of None is today."""

    key: str
    why: str
    account_id: str
    channel: Channel
    address: str
    evidence: str
    granted_on: date | None = None


class RefuseChannel(msgspec.Struct, frozen=True, omit_defaults=True):
    """The person wants nothing more by a channel."""

    key: str
    why: str
    account_id: str
    channel: Channel


class NoteConversation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The person and we spoke; `inbound`: they began it. `creditor` is whose debts it was about;
    empty: all that the person owes."""

    key: str
    why: str
    account_id: str
    channel: Channel
    at: datetime
    inbound: bool = False
    creditor: str = ""


class NoteAttempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """We tried to reach the person outside the system and did not speak with them: a call that
    nobody answered, a letter that was posted."""

    key: str
    why: str
    account_id: str
    channel: Channel
    at: datetime


class NoteRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the person asked for: an answer by that channel, a call, or that we use the channel from
    now on. `evidence` is where their word is kept."""

    key: str
    why: str
    account_id: str
    channel: Channel
    asks: Asks
    at: datetime
    evidence: str


class OpenHours(msgspec.Struct, frozen=True, omit_defaults=True):
    """The person opened further hours in writing, after their contract (Ley 2300/2023 art. 3 par.);
    `evidence` is where that document is kept. They take the place of those opened before."""

    key: str
    why: str
    account_id: str
    hours: Week
    signed_on: date
    contract_on: date
    evidence: str


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """An export or an erasure."""

    key: str
    why: str
    account_id: str


type _Order = (
    RecordConsent | RefuseChannel | NoteConversation | NoteAttempt | NoteRequest | OpenHours
)


class PersonalData:
    """Every act raises ActRefusedError if it does nothing; repeated with its key it says what was
    done."""

    def __init__(
        self,
        table: "Table",
        history: "History",
        documents: "Documents",
        rulebook: RulebookInForce,
        clock: Clock,
        papers: "Documents",
    ) -> None:
        self._table = table
        self._history = history
        self._documents = documents
        self._papers = papers  # the agreements' documents, which stay as long as they are locked
        self._rulebook = rulebook
        self._clock = clock

    # ---------------------------------------------------------------- consents

    def consents(self, account_id: str) -> Consents:
        """The person's consents and their ledger."""
        account = self._stored(account_id).account
        ledger = tuple(self._table.consents(account_id))
        return Consents(account.points, account.refused_channels, ledger)

    def record_consent(self, order: RecordConsent, person: Person) -> bool:
        """Whether it had been done before."""

        def change(account: Account, now: datetime) -> Account:
            zones = zones_of(account, self._rulebook(account.account_id))
            granted_on = order.granted_on or local_date(zones, now)
            given = Consent(granted_on, order.evidence)
            address = order.address.casefold()
            points = tuple(
                replace(point, consent=given)
                if (point.channel, point.address.casefold()) == (order.channel, address)
                else point
                for point in account.points
            )
            if points == account.points:
                told = "no contact point on file has this address"
                raise refused("not_found", "address", told, "import it first, then record this")
            withdrawn = self._withdrawn_at(account, order)
            day = _withdrawn_on(withdrawn, zones) if withdrawn is not None else None
            if day is not None and granted_on < day:
                told = f"is before they withdrew it ({day})"
                raise refused("wrong", "granted_on", told, "give what they have said since then")
            others = tuple(c for c in account.refused_channels if c != order.channel)
            return replace(account, points=points, refused_channels=others)

        return self._act("consent_recorded", order, person, change, channel=order.channel)

    def _withdrawn_at(self, account: Account, order: RecordConsent) -> datetime | None:
        """When the person last withdrew their consent to the address, or refused its channel; None
        if neither stands, or nobody told the day. Older evidence gives nothing back."""
        address = order.address.casefold()
        at = [
            point.consent.revoked_at
            for point in account.points
            if (point.channel, point.address.casefold()) == (order.channel, address)
            and point.consent is not None
        ]
        if order.channel in account.refused_channels:
            at += [
                entry.at
                for entry in self._table.consents(account.account_id)
                if (entry.became, entry.channel) == ("refused", order.channel)
            ]
        told = (each for each in at if each is not None and each.date() > date.min)
        return max(told, default=None)

    def refuse_channel(self, order: RefuseChannel, person: Person) -> bool:
        """Whether it had been done before."""
        return self._act(
            "consent_revoked",
            order,
            person,
            lambda account, now: channel_refused(account, order.channel, now),
            channel=order.channel,
        )

    def note_conversation(self, order: NoteConversation, person: Person) -> bool:
        """Whether it had been done before."""

        def change(account: Account, now: datetime) -> Account:
            _has_been(order.at, now)
            owed_to = {each.creditor for each in account.receivables}
            beyond = {key.rpartition("|")[0] for key in account.beyond}
            if order.creditor and order.creditor not in owed_to | beyond:
                told = "the person owes nothing to this creditor"
                raise refused("wrong", "creditor", told, "write another, or leave it out for all")
            spoken = Conversation(order.at, order.channel, order.inbound)
            return spoke(account, spoken, f"noted-{order.key}", order.creditor)

        return self._act("conversation_noted", order, person, change, channel=order.channel)

    def note_attempt(self, order: NoteAttempt, person: Person) -> bool:
        """Whether it had been done before."""

        def change(account: Account, now: datetime) -> Account:
            _has_been(order.at, now)
            return tried(account, ContactRecord(f"noted-{order.key}", order.channel, order.at))

        return self._act("attempt_noted", order, person, change, channel=order.channel)

    def note_request(self, order: NoteRequest, person: Person) -> bool:
        """Whether it had been done before."""

        def change(account: Account, now: datetime) -> Account:
            _has_been(order.at, now)
            asked = Request(order.at, order.channel, order.asks, order.evidence)
            return replace(account, requests=(*account.requests, asked))

        told = {"channel": order.channel, "asks": order.asks}
        return self._act("request_noted", order, person, change, **told)

    def open_hours(self, order: OpenHours, person: Person) -> bool:
        """Whether it had been done before."""
        if order.signed_on <= order.contract_on:
            told = "is not later than the contract"
            raise refused("wrong", "signed_on", told, "what is signed with the contract opens none")

        def change(account: Account, now: datetime) -> Account:
            _has_been(datetime.combine(order.signed_on, time(), UTC), now, "signed_on")
            opened = ExtraHours(order.hours, order.signed_on, order.contract_on, order.evidence)
            return replace(account, extra_hours=opened)

        return self._act("hours_opened", order, person, change)

    # ---------------------------------------------------------------- a copy

    def export(self, order: Ask, person: Person) -> str:
        """The key in the bucket of an archive of all that is kept of the person. It is there for a
        few days."""
        account_id = order.account_id
        self._stored(account_id)
        now = self._clock.now()
        key = f"exports/{account_id}/{order.key}.zip"
        asked = {**_asked("data_exported", order), "who": person.who}
        if self._table.load(f"CAUSE#person:{order.key}", "CAUSE") is None:
            act = _act_of("data_exported", order, person, now)
            # The act first: nobody gets a copy of which the audit log does not know.
            with suppress(ConflictError, AlreadyDoneError):
                self._table.transact(
                    self._table.once(f"person:{order.key}", asked), self._table.put_act(act)
                )
        if self._table.load(f"CAUSE#person:{order.key}", "CAUSE") != asked:
            told = "something else was done under this key, or by somebody else"
            raise refused("conflict", "key", told, "use a key of its own for each act")
        if self._documents.find(key) is None:
            self._documents.put(key, self._archive(account_id, now), "application/zip")
        return key

    def _archive(self, account_id: str, now: datetime) -> bytes:
        files: dict[str, list[_Document]] = {}
        for sort, document in self._table.whole(account_id):
            files.setdefault(_file_of(sort), []).append(document)
        files["history"] = list(self._history.of(account_id))
        packed = BytesIO()
        with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
            read_me = _READ_ME.format(account=account_id, now=instant(now))
            _put(archive, "README.txt", read_me.encode(), now)
            for name, documents in sorted(files.items()):
                body = json.dumps(documents, ensure_ascii=False, indent=1, default=str)
                _put(archive, f"{name}.json", body.encode(), now)
            for key in self._kept_of(account_id, "messages"):
                body_of = self._documents.get(key)
                _put(archive, f"documents/{key.rpartition('/')[2]}", body_of, now)
            for key in self._papers.keys(f"agreements/{account_id}/"):
                _put(archive, f"documents/{key.rpartition('/')[2]}", self._papers.get(key), now)
        return packed.getvalue()

    # ---------------------------------------------------------------- to be forgotten

    def erase(self, order: Ask, person: Person) -> Erasure:
        """Forget the person, as far as the law lets us; refused while there is a duty between them
        and a creditor."""
        account_id = order.account_id
        for _ in range(TRIES):
            before = self._table.load(f"A#{account_id}", ORDER)
            stored = self._stored(account_id)
            if before is not None and is_forgotten(stored.account):
                self._same_as_before("data_erased", order)
                return self._go_on(msgspec.convert(before, Erasure))
            # Or an import has told of them again: then what is kept now is another order's.
            if self._table.load(f"CAUSE#person:{order.key}", "CAUSE") is not None:
                told = "something was done under this key, and the person is known again"
                raise refused("conflict", "key", told, "use a key of its own for each act")
            if found := bars(stored.account):
                told, remedy = _WHY_NOT[found[0]]
                raise refused("conflict", "account_id", told, remedy)
            now = self._clock.now()
            erasure = Erasure(account_id, now, self._fates(stored.account, now))
            kept = sum(1 for fate in erasure.fates if fate.until)
            fact = facts.noted("person_erased", now, kinds_kept=kept)
            try:
                self._table.update(
                    Change(stored, forgotten(stored.account), None, (fact,)),
                    self._order(erasure, now),
                    self._table.once(f"person:{order.key}", _asked("data_erased", order)),
                    self._table.put_act(_act_of("data_erased", order, person, now)),
                )
            except (ConflictError, AlreadyDoneError):
                self._same_as_before("data_erased", order, if_any=True)
                continue
            return self._go_on(erasure)
        raise refused("conflict", "account_id", "the account keeps changing", "try again")

    def due(self) -> int:
        """Delete what may go by now, of all that were forgotten: how many orders were gone on
        with."""
        now = self._clock.now()
        count = 0
        for document in self._table.listed(ERASURES):
            if document["look_at"] > instant(now):
                break  # the list is in the order of its instants
            self._go_on(msgspec.convert(document, Erasure))
            count += 1
        return count

    def _fates(self, account: Account, now: datetime) -> tuple[Fate, ...]:
        rulebook = self._rulebook()
        creditors = {r.creditor for r in self._table.receivables(account.account_id)}
        rules = rulebook.retention_for(creditors) if rulebook else {}
        today = now.astimezone(UTC).date()
        return fates(self._newest(account, now), rules, today)

    def _newest(self, account: Account, now: datetime) -> dict[Kind, tuple[int, date]]:
        """How many records there are of each kind, and the day of the newest."""
        found: dict[Kind, tuple[int, date]] = {"profile": (1, _BEFORE_NOW)}
        for sort, document in self._table.whole(account.account_id):
            kind = _KINDS.get(sort[:2])
            if kind is not None:
                count, last = found.get(kind, (0, _BEFORE_NOW))
                found[kind] = (count + 1, max(last, _day_of(document, now)))
        # What the account's own item holds of them: its agreements, and consents that the write
        # which removes its addresses puts into their ledger.
        inside: dict[Kind, int] = {
            "agreements": len(account.agreements),
            "consents": len(account.points),
        }
        for kind, number in inside.items():
            if number:
                count, _ = found.get(kind, (0, _BEFORE_NOW))
                found[kind] = (count + number, now.astimezone(UTC).date())
        return found

    def _go_on(self, erasure: Erasure) -> Erasure:
        """Delete what may go by today, then note it. Whoever dies in between repeats it."""
        now = self._clock.now()
        today = now.astimezone(UTC).date()
        going = [fate.kind for fate in erasure.left if fate.until is None or fate.until <= today]
        for kind in going:
            self._delete(erasure, kind)
        after = replace(erasure, done=(*erasure.done, *going))
        self._table.save(self._order(after, now))
        return after

    def _delete(self, erasure: Erasure, kind: Kind) -> None:
        """Delete the records of a kind that there were when it was asked for."""
        account_id = erasure.account_id
        sorts = [
            sort
            for sort, document in self._table.whole(account_id)
            if sort not in ("A", ORDER)
            and not sort.startswith(_STAYS)
            and _KINDS.get(sort[:2], "profile") == kind
            and _began(document, erasure.asked_at) <= erasure.asked_at
        ]
        # The files first: a record is what their deletion is repeated by.
        names = {sort[2:] for sort in sorts}
        for key in list(self._kept_of(account_id, *_FOLDERS.get(kind, ()))):
            name = key.rpartition("/")[2].rpartition("-")[0]
            if kind != "messages" or name in names:
                self._documents.discard(key)
        self._table.forget(account_id, sorts)
        if kind == "agreements":
            self._drop_agreements(account_id)

    def _drop_agreements(self, account_id: str) -> None:
        """Those that are over, with the evidence in them, from the account's own item."""
        for _ in range(TRIES):
            stored = self._stored(account_id)
            left = tuple(one for one in stored.account.agreements if one.rests)
            if left == stored.account.agreements:
                return
            now = self._clock.now()
            after = replace(stored.account, agreements=left)
            look_at = now if stored.look_at else None
            fact = facts.noted("agreements_erased", now)
            try:
                self._table.update(Change(stored, after, look_at, (fact,)))
            except ConflictError:
                continue
            return
        raise refused("conflict", "account_id", "the account keeps changing", "try again")

    def _kept_of(self, account_id: str, *folders: str) -> Iterator[str]:
        for folder in folders:
            yield from self._documents.keys(f"{folder}/{account_id}/")

    def _order(self, erasure: Erasure, now: datetime) -> Any:
        """The order, on its list until nothing is left."""
        key = (f"A#{erasure.account_id}", ORDER)
        document = {**msgspec.to_builtins(erasure), "look_at": ""}
        left = erasure.left
        if not left:
            return self._table.put_document(*key, document)
        days = [fate.until for fate in left]
        soonest = min((day for day in days if day), default=None)
        at = now if soonest is None or None in days else _midnight(soonest)
        document["look_at"] = instant(at)
        return self._table.put_document(
            *key, document, due_shard=ERASURES, look_at=document["look_at"]
        )

    # ---------------------------------------------------------------- inside

    def _act(
        self,
        did: Done,
        order: _Order,
        person: Person,
        change: Callable[[Account, datetime], Account],
        **told: str,
    ) -> bool:
        """One transaction: the account's next version, its ledger of consents, the audit log. The
        account is looked at again at once, since what may be done has changed."""
        cause = f"person:{order.key}"
        for _ in range(TRIES):
            if self._table.load(f"CAUSE#{cause}", "CAUSE") is not None:
                self._same_as_before(did, order)
                return True
            stored = self._stored(order.account_id)
            now = self._clock.now()
            account = change(stored.account, now)
            fact = facts.noted(did, now, **told)
            try:
                self._table.update(
                    Change(stored, account, now if stored.look_at else None, (fact,)),
                    self._table.once(cause, _asked(did, order)),
                    self._table.put_act(_act_of(did, order, person, now)),
                )
            except (ConflictError, AlreadyDoneError):
                continue
            return False
        raise refused("conflict", "account_id", "the account keeps changing", "try again")

    def _same_as_before(self, did: str, order: msgspec.Struct, *, if_any: bool = False) -> None:
        """Refuse a key under which something else was done."""
        key = getattr(order, "key", "")
        before = self._table.load(f"CAUSE#person:{key}", "CAUSE")
        if (before is None and not if_any) or (before and before != _asked(did, order)):
            told = "something else was done under this key" if before else "it was erased before"
            raise refused("conflict", "key", told, "use a key of its own for each act")

    def _stored(self, account_id: str) -> Stored:
        stored = self._table.get(account_id)
        if stored is None:
            told = "there is no such account"
            raise refused("not_found", "account_id", told, "take it from a list of accounts")
        return stored


def _has_been(at: datetime, now: datetime, field: str = "at") -> None:
    if at > now:
        raise refused("wrong", field, "is still to come", "say when it was")


def _act_of(did: Any, order: Any, person: Person, now: datetime) -> Act:
    about = {"account_id": order.account_id}
    return Act(f"person:{order.key}", now, person.who, did, order.why, about, person.role)


def _asked(did: str, order: msgspec.Struct) -> _Document:
    """What is kept under the key of an act: what it was, without its words about the person."""
    asked: _Document = msgspec.to_builtins(order)
    said = "\n".join(str(asked.pop(private, "")) for private in ("address", "evidence", "why"))
    # Two bytes of it tell another request from this one, and nobody's address to anybody.
    return {"did": did, **asked, "said": blake2b(said.encode(), digest_size=2).hexdigest()}


def _file_of(sort: str) -> str:
    kind = _KINDS.get(sort[:2])
    if kind is not None:
        return kind
    stays = {"R#": "receivables", "L#": "ledger", "P#": "payments", "H#": "holds"}
    return "account" if sort == "A" else stays.get(sort[:2], "other")


def _began(document: Mapping[str, Any], otherwise: datetime) -> datetime:
    """The earliest instant that a record names at its top."""
    return min((at for v in document.values() if (at := _instant_in(v))), default=otherwise)


def _day_of(document: Mapping[str, Any], now: datetime) -> date:
    """The day of a record: the latest instant that it names at its top, or today's if it names
    none, so that nothing goes too early."""
    days = [day for value in document.values() if (day := _instant_in(value))]
    past = [day for day in days if day <= now]
    return max(past, default=now).astimezone(UTC).date()


def _instant_in(value: object) -> datetime | None:
    if not isinstance(value, str) or not 19 <= len(value) <= 40:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _put(archive: ZipFile, name: str, body: bytes, now: datetime) -> None:
    # The archive's own clock would make other bytes of the same data each time.
    info = ZipInfo(name, now.astimezone(UTC).timetuple()[:6])
    info.compress_type = ZIP_DEFLATED
    archive.writestr(info, body)


def _withdrawn_on(withdrawn: datetime, zones: Sequence[str]) -> date:
    """The day of a withdrawal on the person's calendar. An import tells a day, not an instant, and
    keeps it as the midnight of UTC that begins it."""
    if withdrawn.astimezone(UTC).time() == time():
        return withdrawn.astimezone(UTC).date()
    return local_date(zones, withdrawn)
