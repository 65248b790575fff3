"""Deliver: one planned intent becomes at most one contact, or one task (invariants 1, 2, 3).

    read → decide again as of now (the last look) → render → keep the exact bytes →
    claim → call the provider once → record

The claim is a conditional write on the version that the last look read, so it succeeds only if
nothing has changed since: money, disputes, holds and agreements all move the version. From the
claim on the provider may have been called, and nobody sends this intent again: what is not recorded
within `SENDING_TIMEOUT` is flagged to a person by the next run. Only who claimed may give back.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from escalon.domain import facts
from escalon.domain.account import Account, ContactPoint, Intent
from escalon.domain.contact.channels import Channels
from escalon.domain.contact.content import said
from escalon.domain.contact.feedback import MessageState, weightier
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions.decision import Decision, Reason
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.intents import PLANNED_TIMEOUT, SENDING_TIMEOUT
from escalon.domain.decisions.transitions import (
    claim,
    counted_for,
    find_intent,
    refused_for,
    release,
    set_aside,
    settle_failed,
    settle_opened,
    settle_sent,
    uncounted_for,
)
from escalon.domain.local_time import in_zone, local_date
from escalon.domain.payments import ledger
from escalon.domain.payments.fees import lawful_fee
from escalon.domain.payments.interest import charge_through, charges_interest
from escalon.domain.payments.ledger import Booking
from escalon.domain.payments.statement import asked_about, shown
from escalon.domain.ports import Clock, NotTaken, Refused, Rulebooks, SendResult, Sent
from escalon.domain.rules.rulebook import Creditor, Rulebook, Step
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, Stored, instant
from escalon.messages.errors import MessageError
from escalon.usecases.contact.co_debtors import addressed, with_person
from escalon.usecases.contact.count_sending import count, count_down, counters_of
from escalon.usecases.contact.statements import statement_context
from escalon.usecases.contact.written_to import ANSWERED, WrittenTo, put_written_to
from escalon.usecases.messages_between import ToDeliver
from escalon.usecases.payments.ledger_writes import all_open, booked_fact, booked_items, write
from escalon.usecases.payments.payment_link import (
    LINK_LASTS,
    OFFERS_PATH,
    STOP_PATH,
    Link,
    Links,
    pays_online,
)
from escalon.usecases.runs.feeds import FeedMarks
from escalon.usecases.runs.manage_brakes import read_brakes

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.table import Table
    from escalon.messages.context import MessageContext

Delivered = Literal[
    "sent", "opened", "failed", "unknown", "withdrawn", "capped", "gone", "under_way", "misrouted"
]

TRIES = 4
RECORD_TRIES = 10  # what the provider said is worth more patience than a decision
# What is wrong with a template or with data will be wrong next time too. Anything else (a package
# that is missing, no memory) is ours to mend, and the queue hands the message over again.
_WRONG_BY_ITSELF = (ValueError, LookupError, StopIteration, ArithmeticError)
# Channels whose provider carries our own ids and tells them with what became of the message.
NAMED_BY_US = frozenset(("email", "whatsapp"))
# Receivables whose interest is charged in the claim, two items each; more go before it, so many in
# a transaction.
INTEREST_AT_ONCE = 8
INTEREST_FIRST = 48
# Between the claim and the call to the provider; a function that was frozen in between looks again.
FRESH = timedelta(seconds=2)


class TryLaterError(Exception):
    """The provider took nothing: the queue hands the message over again after a while."""


class Prepared(msgspec.Struct, frozen=True):
    """A message ready to go: the exact bytes, and what is told about it."""

    body: bytes
    kind: str  # eml | txt | json
    subject: str
    segments: int = 0
    sender_id: str = ""  # of an SMS
    most_price: str = ""  # of an SMS: USD, above which it is not sent


class Draft(msgspec.Struct, frozen=True):
    """What a message is written from."""

    sources: dict[str, str]  # the templates of its language
    template: str
    context: "MessageContext"
    point: ContactPoint
    now: datetime
    account_id: str
    channels: Channels
    attach: str = ""  # what goes with an e-mail: "statement", as PDF


class Courier(Protocol):
    """One channel: how its messages are written and handed to the provider."""

    @property
    def channel(self) -> str:
        """The channel it serves."""
        ...

    def prepare(self, draft: Draft) -> Prepared:
        """Write the message; pure."""
        ...

    def send(
        self,
        prepared: Prepared,
        point: ContactPoint,
        creditor: Creditor,
        message_id: str,
        account_id: str,
    ) -> SendResult:
        """Call the provider, once. What it tells later has to name the message, so the ids go with
        it where the provider takes any."""
        ...


class _Claimed(msgspec.Struct, frozen=True):
    """A message that is claimed and not yet handed over."""

    stored: Stored
    document: dict[str, Any]
    prepared: Prepared
    point: ContactPoint
    creditor: Creditor


class Deliver:
    """Carry out planned intents of one channel, or open tasks (`courier` None). With `links` a
    message leads to a page of ours where its debt can be paid online."""

    def __init__(
        self,
        table: "Table",
        documents: "Documents",
        rulebooks: Rulebooks,
        clock: Clock,
        courier: Courier | None,
        report: Callable[[str, dict[str, Any]], None],
        links: Links | None = None,
    ) -> None:
        self._table = table
        self._documents = documents
        self._rulebooks = rulebooks
        self._clock = clock
        self._courier = courier
        self._report = report
        self._links = links
        self._feeds = FeedMarks(table)

    def __call__(self, message: ToDeliver) -> Delivered:
        """Settle one intent; raises TryLaterError if the provider was not reached."""
        for _ in range(TRIES):
            stored = self._table.get(message.account_id)
            intent = find_intent(stored.account, message.intent_id) if stored else None
            if stored is None or intent is None:
                return "gone"  # settled before, or withdrawn: the queue message came twice
            if intent.state != "planned":
                return "under_way"  # somebody has claimed it; only they, or a run, settle it
            try:
                return self._carry_out(stored, intent)
            except ConflictError:
                continue  # the account moved between the look and the claim: look again
        raise TryLaterError("the account keeps changing")

    def _carry_out(self, stored: Stored, intent: Intent) -> Delivered:
        now = self._clock.now()
        rulebook = self._rulebooks.get(intent.rulebook)
        if intent.task != "unknown_fate":
            feeds = self._feeds(rulebook, now)
            brakes = read_brakes(self._table)
            linked = self._linked(stored, intent)
            others = {one: of.account for one, of in linked.items()}
            again = decide(set_aside(stored.account, intent), rulebook, now, feeds, brakes, others)
            if _same(again, intent) and _too_late(intent, rulebook, now):
                about = {"step": intent.step, "since": intent.planned_at or intent.decided_at}
                again = _waits(again, Reason("too_late_to_send", about), now)
            if not _same(again, intent):
                return self._withdraw(stored, intent, again, now)
        if intent.task:
            return self._open_task(stored, intent, rulebook, now)
        if self._courier is None or self._courier.channel != intent.channel:
            # Dead letters moved to the wrong queue, say; a later run queues it where it belongs.
            self._report("misrouted", {"intent_id": intent.intent_id, "channel": intent.channel})
            return "misrouted"
        passing = counters_of(intent, rulebook, now)
        full = count(self._table, passing, now)
        if full is not None:
            about = {"cap": full.cap, "most": full.most, "step": intent.step, "until": full.until}
            self._report("cap_reached", {"cap": full.cap, "period": full.period})
            again = _waits(again, Reason("cap_reached", about), full.until)
            self._withdraw(stored, intent, again, now)
            return "capped"
        try:
            person = linked[intent.person] if intent.person else None
            claimed = self._claim(stored, intent, rulebook, now, self._courier, person)
        except Exception:
            count_down(self._table, passing, now)  # not handed over: it has certainly not left
            raise
        if claimed is None:
            count_down(self._table, passing, now)
            return "failed"
        try:
            return self._send(claimed, intent, rulebook, now, self._courier)
        except (ConflictError, TryLaterError):
            count_down(self._table, passing, now)  # given back: it has certainly not left
            raise

    def _linked(self, stored: Stored, intent: Intent) -> dict[str, Stored]:
        """The accounts linked with the debtor's, for an intent that goes to one of them: as they
        are now, so that the claim is refused if that one changes meanwhile."""
        if not intent.person:
            return {}
        return self._table.get_many([link.account_id for link in stored.account.links])

    def _next_look(self, account: Account, rulebook: Rulebook, now: datetime) -> datetime | None:
        if account.ruled_by and account.ruled_by != rulebook.version:
            rulebook = self._rulebooks.get(account.ruled_by)  # another one has taken over since
        again = decide(account, rulebook, now, self._feeds(rulebook, now))
        return now if again.outcome == "act" else again.next_look_at

    def _withdraw(
        self, stored: Stored, intent: Intent, again: Decision, now: datetime
    ) -> Delivered:
        """What was planned is no longer right: paid, disputed, held, or the window has closed. The
        step is not used up."""
        account = set_aside(stored.account, intent)
        look_at = now if again.outcome == "act" else again.next_look_at
        fact = facts.withdrawn(intent, now, again)
        self._table.update(Change(stored, account, look_at, (fact,)))
        return "withdrawn"

    # ---------------------------------------------------------------- messages

    def _claim(
        self,
        stored: Stored,
        intent: Intent,
        rulebook: Rulebook,
        now: datetime,
        courier: Courier,
        person: Stored | None,
    ) -> _Claimed | None:
        """Write the message, keep it and claim it; None if it cannot be written."""
        reader = (person or stored).account
        account, accrued = self._accrued(stored, rulebook, now)
        try:
            point, context, prepared = self._written(
                account, intent, rulebook, now, courier, person.account if person else account
            )
        except _WRONG_BY_ITSELF as error:
            self._cannot_be_written(stored, intent, rulebook, now, error)
            return None
        kept_at = self._documents.keep_message(
            reader.account_id, intent.intent_id, prepared.body, prepared.kind
        )
        zones = zones_for(rulebook, reader)
        document = _message_document(account, intent, context, prepared, point, kept_at, now)
        document["local_at"] = in_zone(zones, now).isoformat()
        claiming = msgspec.structs.replace(intent, shows=shown(account, intent, rulebook, now))
        claimed = self._update(
            Change(
                stored,
                claim(account, claiming, now),
                now + SENDING_TIMEOUT,
                (facts.contact(intent, "claimed", now), *booked_fact(accrued, now)),
            ),
            self._put_message(document),
            *self._put_links(reader, intent, context, point, now),
            *booked_items(self._table, account.account_id, accrued),
            person=self._counted(person, intent, account, now),
        )
        return _Claimed(claimed, document, prepared, point, context.creditor)

    def _send(
        self,
        claimed: _Claimed,
        intent: Intent,
        rulebook: Rulebook,
        now: datetime,
        courier: Courier,
    ) -> Delivered:
        """Call the provider once with what was claimed at `now`, and record what it says."""
        stored, document = claimed.stored, claimed.document
        before = self._clock.now()
        if before - now > FRESH:
            # Frozen or slow since the last look: nothing has left, so give it back and look again.
            self._release(stored, intent, document, "slow", before)
            raise ConflictError
        result = courier.send(
            claimed.prepared,
            claimed.point,
            claimed.creditor,
            intent.intent_id,
            document["account_id"],
        )
        return self._record(stored, intent, rulebook, document, result)

    def _update(
        self, change: Change, *more: dict[str, Any], person: Sequence[dict[str, Any]]
    ) -> Stored:
        """Write the debtor's account, in one transaction with that of the `person` it concerns;
        ConflictError if either has moved on."""
        try:
            return self._table.update(change, *more, *person)
        except AlreadyDoneError:
            if person:
                raise ConflictError from None
            raise

    def _counted(
        self, person: Stored | None, intent: Intent, debtor: Account, now: datetime
    ) -> list[dict[str, Any]]:
        if person is None:
            return []
        account = counted_for(person.account, intent, now)
        return with_person(self._table, person, account, intent, "counted", debtor.account_id, now)

    def _taken_back(
        self, debtor_id: str, intent: Intent, result: Refused | None, now: datetime
    ) -> list[dict[str, Any]]:
        """The person's account after a message to them was refused for good, or (None) certainly
        not taken."""
        person = self._table.get(intent.person) if intent.person else None
        if person is None:
            return []
        if result is None:
            account, became = uncounted_for(person.account, intent), "released"
        else:
            bad = result.reason if result.address_bad else ""
            account, became = refused_for(person.account, intent, address_bad=bad), "failed"
        return with_person(self._table, person, account, intent, became, debtor_id, now)

    def _accrued(
        self, stored: Stored, rulebook: Rulebook, now: datetime
    ) -> tuple[Account, Booking]:
        """The account with default interest charged through today, so that what a message says is
        what the ledger says at that instant. Raises ConflictError once it has been charged because
        the claim has no room for it."""
        account = stored.account
        if not charges_interest(rulebook):
            return account, Booking(account, (), ())
        whole = ledger.whole(account, all_open(self._table, account))
        today = local_date(zones_for(rulebook, account), now)
        booking, missing = charge_through(whole, rulebook, today, now)
        if len(booking.changed) > INTEREST_AT_ONCE:
            self._charge_first(stored, rulebook, today, now)
            raise ConflictError
        for month in missing:
            self._report("rate_missing", {"month": month})
        return ledger.embed(booking.account, booking.account.receivables), booking

    def _charge_first(self, stored: Stored, rulebook: Rulebook, today: date, now: datetime) -> None:
        """Charge the interest in as many transactions of its own as it takes."""
        while True:
            before = all_open(self._table, stored.account)
            whole = ledger.whole(stored.account, before)
            booking, _ = charge_through(whole, rulebook, today, now, INTEREST_FIRST)
            if not booking.changed:
                return
            account = ledger.embed(booking.account, booking.account.receivables)
            changed, entries = booking.changed, booking.entries
            stored = write(self._table, stored, account, before, changed, entries, now=now)

    def _fee(
        self, account: Account, intent: Intent, rulebook: Rulebook, now: datetime, *, sent: bool
    ) -> Booking:
        """What the step costs, charged in the very write that says that it went out: a message that
        reached nobody costs nothing, and a step that goes out twice costs once (L1), to the debtor
        and not once more to whoever else hears of it."""
        step = rulebook.find_step(intent.step, reminder=bool(intent.reminder))
        if not sent or step is None or not step.fee_minor or intent.person:
            return Booking(account, (), ())
        whole = ledger.whole(account, all_open(self._table, account))
        fee = lawful_fee(whole, rulebook, intent.receivable_id, step, now)
        booking = ledger.charge_fee(whole, intent.receivable_id, step.step, fee, now)
        return booking if booking.entries else Booking(account, (), ())

    def _written(
        self,
        account: Account,
        intent: Intent,
        rulebook: Rulebook,
        now: datetime,
        courier: Courier,
        reader: Account,
    ) -> "tuple[ContactPoint, MessageContext, Prepared]":
        """The message about the account's debt to the reader, who is the debtor or answers for it,
        ready to go; raises whatever is wrong with its template or its data."""
        point = next(point for point in reader.points if point.point_id == intent.point_id)
        step = _step(rulebook, intent)
        context = message_context(account, intent, step, rulebook, now)
        if intent.person:
            locale = _locale(rulebook, reader)
            context = addressed(context, reader, intent, account, rulebook, locale)
        currencies = [amount.currency for amount in context.to_pay]
        if self._links:
            url = self._links.url(intent.intent_id)
            context = msgspec.structs.replace(context, unsubscribe_url=f"{url}{STOP_PATH}")
            # The page behind the link is the reader's own, and shows no debt of somebody else.
            if not intent.person:
                context = msgspec.structs.replace(
                    context,
                    account_url=url,
                    offers_url=f"{url}{OFFERS_PATH}",
                    preferences_url=url,
                    pay_url=url
                    if pays_online(rulebook.payments, intent.creditor, currencies)
                    else context.pay_url,
                )
        draft = Draft(
            rulebook.messages[_locale(rulebook, reader)],
            step.message,
            context,
            point,
            now,
            reader.account_id,
            rulebook.channels,
            attach=step.attach,
        )
        return point, context, courier.prepare(draft)

    def _put_links(
        self,
        reader: Account,
        intent: Intent,
        context: "MessageContext",
        point: ContactPoint,
        now: datetime,
    ) -> list[dict[str, Any]]:
        """What the message's own link stands for, and whose the number is that may write back: in
        the transaction of the claim, so that nobody can follow a link that leads nowhere or answer
        what nobody knows."""
        if not self._links:
            return []
        link = Link(
            reader.account_id,
            context.creditor.creditor,
            context.message_id,
            now + LINK_LASTS,
            point.channel,
        )
        puts = [self._links.put(self._table, link)]
        if point.channel in ANSWERED:
            written = WrittenTo(reader.account_id, intent.creditor, intent.intent_id, now)
            name = self._links.name_of(point.address)
            puts.append(put_written_to(self._table, name, point.channel, written))
        return puts

    def _cannot_be_written(
        self, stored: Stored, intent: Intent, rulebook: Rulebook, now: datetime, error: Exception
    ) -> None:
        """A template that fails on this account: it counts as refused, so the step goes on by its
        next channel and at last to a person, instead of failing again for ever."""
        reason = str(error) if isinstance(error, MessageError) else type(error).__name__
        self._report("cannot_be_written", {"intent_id": intent.intent_id, "error": reason})
        account = settle_failed(stored.account, intent, now, address_bad="")
        fact = facts.contact(intent, "failed", now, reason=f"cannot be written: {reason}")
        self._table.update(
            Change(stored, account, self._next_look(account, rulebook, now), (fact,))
        )

    def _record(
        self,
        claimed: Stored,
        intent: Intent,
        rulebook: Rulebook,
        document: dict[str, Any],
        result: SendResult,
    ) -> Delivered:
        """Write down what the provider said, whatever else has moved meanwhile."""
        now = self._clock.now()
        if isinstance(result, NotTaken):
            self._release(claimed, intent, document, result.reason, now)
            raise TryLaterError(result.reason)
        if not isinstance(result, (Sent, Refused)):
            # The account stays due; a later run flags it to a person.
            self._report("fate_unknown", {"intent_id": intent.intent_id, "reason": result.reason})
            return "unknown"
        became: Literal["sent", "failed"] = "sent" if isinstance(result, Sent) else "failed"
        more = (
            {"provider_message_id": result.provider_message_id}
            if isinstance(result, Sent)
            else {"reason": result.reason}
        )
        settled = {"state": became, "settled_at": now, **more}
        pointer = self._sent_pointer(claimed, intent, result)
        stored: Stored | None = claimed
        for _ in range(RECORD_TRIES):
            if stored is None:
                break
            # If not: the provider's own word of it was quicker than its answer, or this took so
            # long that a run has flagged it to a person.
            ours = find_intent(stored.account, intent.intent_id)
            is_ours = ours is not None
            account = _settled(stored.account, ours, result, now) if ours else stored.account
            fact = (facts.contact(intent, became, now, **more),) if is_ours else ()
            charged = self._fee(account, intent, rulebook, now, sent=is_ours and became == "sent")
            put = self._put_message({**document, **settled, "state": _outweighed(document, became)})
            person = []
            if is_ours and isinstance(result, Refused):
                person = self._taken_back(account.account_id, intent, result, now)
            try:
                self._update(
                    Change(
                        stored,
                        charged.account,
                        self._next_look(charged.account, rulebook, now),
                        (*fact, *booked_fact(charged, now)),
                    ),
                    put,
                    *pointer,
                    *booked_items(self._table, account.account_id, charged),
                    person=person,
                )
            except ConflictError:
                stored, document = self._read_again(claimed, document)
                continue
            if is_ours or document["state"] not in ("sending", "unknown"):
                return became
            self._report("recorded_late", {"intent_id": intent.intent_id, "became": became})
            return "unknown"
        # The account cannot say it (any more), but what is known is kept for whoever looks.
        _, document = self._read_again(claimed, document)
        late = {**document, **settled, "state": _outweighed(document, became)}
        for put in (self._put_message(late), *pointer):
            self._table.save(put)
        self._report("recorded_late", {"intent_id": intent.intent_id, "became": became})
        return "unknown"

    # ---------------------------------------------------------------- feedback

    def _sent_pointer(
        self, claimed: Stored, intent: Intent, result: Sent | Refused
    ) -> list[dict[str, Any]]:
        """Where a provider that takes no ids of ours gave the message one of its own: by that one
        its status is matched later (usecases/record_feedback)."""
        if not isinstance(result, Sent) or intent.channel in NAMED_BY_US:
            return []
        key = sent_key(intent.channel, result.provider_message_id)
        account_id = intent.person or claimed.account.account_id
        names = {"account_id": account_id, "message_id": intent.intent_id}
        return [self._table.put_document(key, "SENT", names)]

    def _release(
        self,
        claimed: Stored,
        intent: Intent,
        document: dict[str, Any],
        reason: str,
        now: datetime,
    ) -> None:
        """Nothing has left: the intent is planned again. Written as a transaction, whose repetition
        by the client is harmless; a second release could undo somebody else's claim."""
        stored: Stored | None = claimed
        for _ in range(RECORD_TRIES):
            found = find_intent(stored.account, intent.intent_id) if stored else None
            if stored is None or found is None or found.state != "sending":
                return
            change = Change(
                stored,
                release(stored.account, found),
                now + PLANNED_TIMEOUT,
                (facts.contact(intent, "released", now, reason=reason),),
            )
            person = self._taken_back(stored.account.account_id, intent, None, now)
            try:
                self._update(
                    change, self._put_message({**document, "state": "released"}), person=person
                )
            except ConflictError:
                stored, document = self._read_again(claimed, document)
                continue
            return

    def _read_again(
        self, claimed: Stored, document: dict[str, Any]
    ) -> tuple[Stored | None, dict[str, Any]]:
        """The account as it is now, and the message with what was noted on it meanwhile."""
        # The account first: whoever notes something meanwhile changes its version too.
        stored = self._table.get(claimed.account.account_id)
        noted = self._table.load(f"A#{document['account_id']}", f"M#{document['message_id']}")
        return stored, noted or document

    def _put_message(self, document: dict[str, Any]) -> dict[str, Any]:
        pk = f"A#{document['account_id']}"
        return self._table.put_document(pk, f"M#{document['message_id']}", document)

    # ---------------------------------------------------------------- tasks

    def _open_task(
        self, stored: Stored, intent: Intent, rulebook: Rulebook, now: datetime
    ) -> Delivered:
        account = stored.account
        step = rulebook.find_step(intent.step, reminder=bool(intent.reminder))
        due_at = now + timedelta(days=intent.due_days)
        task = {
            "task_id": intent.intent_id,
            "account_id": account.account_id,
            "kind": intent.task,
            "creditor": intent.creditor,
            "receivable_id": intent.receivable_id,
            "step": intent.step,
            "stage": intent.stage,
            "script": step.script if step else "",
            "approval": step.approval if step else "",
            "channel": intent.channel,
            "about": intent.about,
            **({"person": intent.person} if intent.person else {}),
            **({"point_id": intent.point_id} if intent.point_id else {}),
            "queue": intent.queue,
            "opened_at": now,
            "due_at": due_at,
            "run_id": intent.run_id,
        }
        more = [
            self._table.put_document(
                f"A#{account.account_id}",
                f"T#{intent.intent_id}",
                task,
                due_shard="tasks",
                look_at=instant(due_at),
            )
        ]
        if intent.task == "unknown_fate":
            told_to = intent.person or account.account_id
            message = self._table.load(f"A#{told_to}", f"M#{intent.about}")
            if message is not None:
                state = _outweighed(message, "unknown")
                more.append(self._put_message({**message, "state": state}))
        settled = settle_opened(account, intent, now)
        self._table.update(
            Change(
                stored,
                settled,
                self._next_look(settled, rulebook, now),
                (facts.contact(intent, "opened", now, task=intent.task),),
            ),
            *more,
        )
        return "opened"


def _same(again: Decision, intent: Intent) -> bool:
    """Whether deciding now gives the very contact that was planned."""
    return (
        again.outcome == "act"
        and again.intent_id == intent.intent_id
        and again.channel == intent.channel
        and again.point_id == intent.point_id
    )


def _too_late(intent: Intent, rulebook: Rulebook, now: datetime) -> bool:
    """Whether the message was decided so long ago, or its turn was, that it is not sent any more
    (lesson L8)."""
    if intent.task or not rulebook.send_within_hours:
        return False
    planned_at = intent.planned_at or intent.decided_at
    since = max(planned_at, intent.send_at or planned_at)
    return now - since > timedelta(hours=rulebook.send_within_hours)


def _waits(decision: Decision, why: Reason, until: datetime) -> Decision:
    """The decision to act as one to wait."""
    return msgspec.structs.replace(
        decision, outcome="wait", action=None, reasons=(why,), refusals=(), next_look_at=until
    )


def sent_key(channel: str, provider_message_id: str) -> str:
    """Where it is written which message a provider gave this id."""
    return f"{channel.upper()}#{provider_message_id}"


def _outweighed(document: dict[str, Any], state: MessageState) -> MessageState:
    """The state of a message that its provider may have told more about meanwhile."""
    return weightier(document["state"], state)


def _settled(account: Account, intent: Intent, result: Sent | Refused, now: datetime) -> Account:
    if isinstance(result, Sent):
        return settle_sent(account, intent, now)
    bad = result.reason if result.address_bad else ""
    return settle_failed(account, intent, now, address_bad=bad)


def _step(rulebook: Rulebook, intent: Intent) -> Step:
    step = rulebook.find_step(intent.step, reminder=bool(intent.reminder))
    if step is None:
        raise LookupError(f"rulebook {rulebook.version} has no step {intent.step}")
    return step


def _locale(rulebook: Rulebook, account: Account) -> str:
    from escalon.messages.context import pick_locale

    return pick_locale(
        rulebook.messages.keys(), account.language or rulebook.language, rulebook.language
    )


def message_context(
    account: Account, intent: Intent, step: Step, rulebook: Rulebook, now: datetime
) -> "MessageContext":
    """What the message may say, from the account as the last look read it."""
    from escalon.messages.context import format_locale, pay_link

    creditor = rulebook.creditors[intent.creditor]
    today = local_date(zones_for(rulebook, account), now)
    carrying = next(r for r in account.receivables if r.receivable_id == intent.receivable_id)
    locale = format_locale(account.language, _locale(rulebook, account))
    listed = asked_about(account, intent.creditor, rulebook, now, intent.gives)
    context = msgspec.structs.replace(
        statement_context(account, intent.creditor, rulebook, listed, today, locale),
        message_id=intent.intent_id,
        step=intent.step,
        stage=intent.stage,
        respond_by=today + timedelta(days=step.wait_days) if step.wait_days else None,
        pay_url=pay_link(creditor, carrying.document) if creditor.pay_url else "",
        preferences_url=creditor.help_url or creditor.website,
        notices=tuple(
            said(
                rulebook.policy_for(account.country).layers,
                channel=intent.channel,
                kind="collection",
                first=carrying.first_contact_at is None,
                on=today,
                language=_locale(rulebook, account).partition("-")[0],
            ).values()
        ),
    )
    if not intent.reminder:
        return context
    from escalon.usecases.agreements.instalment_context import of_instalment

    return of_instalment(context, account, intent, today)


def _message_document(
    account: Account,
    intent: Intent,
    context: "MessageContext",
    prepared: Prepared,
    point: ContactPoint,
    kept_at: str,
    now: datetime,
) -> dict[str, Any]:
    return {
        "message_id": intent.intent_id,
        "account_id": intent.person or account.account_id,
        **({"debtor_id": account.account_id, "role": intent.role} if intent.person else {}),
        "creditor": intent.creditor,
        "channel": intent.channel,
        "to": point.address,
        "step": intent.step,
        "stage": intent.stage,
        "claimed_at": now,
        "receivables": [
            {
                "receivable_id": line.receivable_id,
                "open_minor": line.open_minor,
                "currency": line.currency,
                "due_on": line.due_on,
                "days_past_due": line.days_past_due,
            }
            for line in (*context.overdue, *context.upcoming)
        ],
        "subject": prepared.subject,
        "segments": prepared.segments,
        "kept_at": kept_at,
        "rulebook": intent.rulebook,
        "run_id": intent.run_id,
        "state": "sending",
    }
