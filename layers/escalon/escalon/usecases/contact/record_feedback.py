"""Record feedback: what a carrier tells of a message moves the message, its step and its account.

    read → find the message → one conditional write: account with facts, message, task

A carrier tells in any order and more than once, often before the send itself is written down: what
the message says already changes nothing, and what is new is written on the version of the account
that was read. docs/delivery.md has the table of events and what follows from each.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from escalon.carriers import notification, sms
from escalon.carriers.notification import NotUnderstood
from escalon.domain import facts
from escalon.domain.contact.feedback import (
    Event,
    Feedback,
    Message,
    is_news,
    with_feedback,
)
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.transitions import told, unknown_fate_id
from escalon.domain.facts import Fact
from escalon.domain.ports import Clock, Rulebooks
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, Stored
from escalon.failures import described
from escalon.usecases.contact.co_debtors import debtor_told
from escalon.usecases.contact.deliver import NAMED_BY_US, TryLaterError, sent_key
from escalon.usecases.contact.to_find_out import about_message, after_word
from escalon.usecases.runs.feeds import FeedMarks

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.queue import Queue
    from escalon.adapters.table import Table

# What became of one piece of feedback: its event was recorded, or why nothing was.
type Recorded = (
    Event
    | Literal[
        "known",  # the message says so already
        "other_recipient",  # it is about somebody to whom this message was not sent
        "no_such_message",  # ours by its ids, and not in the table
        "unmatched",  # it names no message of ours
        "not_understood",
        "given_up",
    ]
)

TRIES = 6
# Attempts at one message of the queue, which comes back later each time (adapters/retry_later).
PATIENCE = 14  # some four hours: then it is kept for a person
UNMATCHED_AFTER = 8  # four minutes: an SMS whose send is not written down by then is not ours


class RecordFeedback:
    """Take one message of the feedback queue: a notification of the topic, or an SMS's status."""

    def __init__(
        self,
        table: "Table",
        rulebooks: Rulebooks,
        documents: "Documents",
        clock: Clock,
        topic: str,
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._table = table
        self._rulebooks = rulebooks
        self._documents = documents
        self._clock = clock
        self._topic = topic
        self._report = report
        self._feeds = FeedMarks(table)

    def __call__(self, body: str, attempt: int) -> tuple[Recorded, ...]:
        """What became of what it says, for each recipient. Raises what went wrong, for the queue to
        bring it again; at the last attempt it is kept in the bucket instead, since it may name an
        address and the dead letters hold none (invariant 12)."""
        said = _read(body, self._topic)
        if isinstance(said, NotUnderstood):
            about = {"why": said.why, "event_type": said.event_type, "kept_at": self._keep(body)}
            self._report("feedback_not_understood", about)
            return ("not_understood",)
        try:
            return tuple(self.record(feedback, attempt) for feedback in said)
        except Exception as error:
            if attempt < PATIENCE:
                raise
            self._report("feedback_given_up", {"kept_at": self._keep(body), **described(error)})
            return ("given_up",)

    def record(
        self, feedback: Feedback, attempt: int, also: Sequence[dict[str, Any]] = ()
    ) -> Recorded:
        """Write down what one event says of one recipient, in one transaction with `also`: items of
        which one may be written once only. Raises TryLaterError if the message it is about may
        still become known, or if the account keeps changing."""
        found = self._find(feedback)
        if found is None:
            if feedback.channel == "sms" and attempt < UNMATCHED_AFTER:
                raise TryLaterError("no SMS of that id is written down yet")
            about: dict[str, Any] = {"channel": feedback.channel}
            if feedback.channel != "whatsapp":  # whose ids hold the number
                about["provider_id"] = feedback.provider_message_id
            self._report("feedback_unmatched", about)
            return "unmatched"
        account_id, message_id = found
        pk = f"A#{account_id}"
        keys = ((pk, f"M#{message_id}"), (pk, f"T#{unknown_fate_id(account_id, message_id)}"))
        for _ in range(TRIES):
            # The account first: whoever changes the documents meanwhile changes its version too.
            stored = self._table.get(account_id)
            documents = self._table.load_many(keys)
            if stored is None or keys[0] not in documents:
                self._report("feedback_without_message", {"intent_id": message_id})
                return "no_such_message"
            document, task = documents[keys[0]], documents.get(keys[1])
            message = msgspec.convert(document, Message)
            if not _is_about(feedback, message):
                return "other_recipient"
            if not is_news(message, feedback):
                return "known"
            try:
                self._write(stored, message, feedback, document, task, also)
            except (ConflictError, AlreadyDoneError):
                continue  # the account, or a receipt, which has a version of its own
            return feedback.event
        raise TryLaterError("the account keeps changing")

    def _find(self, feedback: Feedback) -> tuple[str, str] | None:
        """Account and message that the feedback is about."""
        if feedback.account_id and feedback.message_id:
            return feedback.account_id, feedback.message_id
        if feedback.channel in NAMED_BY_US:
            return None  # another system's
        pointer = self._table.load(sent_key(feedback.channel, feedback.provider_message_id), "SENT")
        return (pointer["account_id"], pointer["message_id"]) if pointer else None

    def _write(
        self,
        stored: Stored,
        message: Message,
        feedback: Feedback,
        document: dict[str, Any],
        task: dict[str, Any] | None,
        also: Sequence[dict[str, Any]],
    ) -> None:
        now = self._clock.now()
        # Clocks differ, and a replay's stands elsewhere: nothing was told before it was sent, and
        # nothing was told in the future.
        at = min(max(feedback.at, message.claimed_at), now)
        after = with_feedback(message, feedback, at)
        account = told(stored.account, after, feedback, at)
        told_facts = [_fact(after, feedback, at)]
        puts = [self._put_message(message, _noted(document, after, feedback))]
        of_task: list[Fact] = []
        if message.debtor_id:
            of_debtor = debtor_told(self._table, after, feedback.event, told_facts[0], now)
            told_facts = [] if of_debtor else told_facts
            puts += of_debtor
        else:
            tasks, of_task = after_word(self._table, account, after, task, feedback.event, at, now)
            puts += tasks
        if feedback.stops_channel:
            told_facts.append(_stopped(after, feedback, at))
        told_facts += of_task
        rulebook = self._rulebooks.get(account.ruled_by or message.rulebook)
        again = decide(account, rulebook, now, self._feeds(rulebook, now))
        look_at = now if again.outcome == "act" else again.next_look_at
        change = Change(stored, account, look_at, tuple(told_facts))
        self._table.update(change, *puts, *also)

    # ---------------------------------------------------------------- documents

    def _put_message(self, message: Message, document: dict[str, Any]) -> dict[str, Any]:
        """The message; a receipt's sender writes on it without touching the account, so it is
        written as the next version of the one that was read."""
        version = document.get("version")
        key = f"A#{message.account_id}", f"M#{message.message_id}"
        if version is None:
            return self._table.put_document(*key, document)
        put = self._table.put_document(*key, {**document, "version": version + 1})
        return self._table.versioned(put, version)

    def _keep(self, body: str) -> str:
        """Keep what nobody could take, for a person to look at."""
        content = body.encode(errors="replace")
        digest = hashlib.sha256(content).hexdigest()[:24]
        key = f"feedback/{self._clock.now():%Y-%m-%d}/{digest}.json"
        self._documents.put(key, content)
        return key


class QueueSmsStatus:
    """Put what SNS's delivery log says on the feedback queue, without the number that it names."""

    def __init__(self, queue: "Queue", report: Callable[[str, dict[str, Any]], None]) -> None:
        self._queue = queue
        self._report = report

    def __call__(self, data: str) -> tuple[int, int]:
        """`data` is what a subscription filter hands over. Says how many lines were queued, and how
        many say nothing to us; those stay where they were read, in the log."""
        queued: list[Feedback] = []
        strange = 0
        for line in sms.log_lines(data):
            try:
                said = sms.feedback_of_line(line)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                strange += 1
                continue
            queued.append(msgspec.structs.replace(said, recipient=""))
        if strange:
            self._report("sms_status_not_understood", {"lines": strange})
        self._queue.send(queued)
        return len(queued), strange


def _read(body: str, topic: str) -> tuple[Feedback, ...] | NotUnderstood:
    try:
        return (msgspec.json.decode(body, type=Feedback),)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return notification.feedback_of(body, topic)


def _is_about(feedback: Feedback, message: Message) -> bool:
    return feedback.recipient.casefold() in ("", message.to.casefold())


def _noted(document: dict[str, Any], message: Message, feedback: Feedback) -> dict[str, Any]:
    """The message's document after it was told; a person who tells of it knows no provider's id."""
    named = feedback.provider_message_id
    noted = {
        **({"provider_message_id": named} if named else {}),
        **document,
        "state": message.state,
        "told": message.told,
    }
    noted.pop("reason", None)
    why = next((one.reason for event, one in message.told.items() if event == message.state), "")
    return {**noted, "reason": why} if why else noted


def _fact(message: Message, feedback: Feedback, at: datetime) -> Fact:
    more: dict[str, Any] = {"reason": feedback.reason} if feedback.reason else {}
    if feedback.address_bad:
        more["address_bad"] = True
    return facts.noted(feedback.event, at, **about_message(message), state=message.state, **more)


def _stopped(message: Message, feedback: Feedback, at: datetime) -> Fact:
    reason = feedback.reason or feedback.event
    return facts.noted("consent_revoked", at, **about_message(message), reason=reason)
