"""Receive a reply: what a debtor writes back to an SMS or to WhatsApp.

    read → find whose number it is → one conditional write: account with facts, reply, task

STOP and its like close the channel and START opens it again, each with the reply as its evidence.
Anything else is read by a person: it opens a task, and nothing is said for some days meanwhile, so
that no reminder answers a question. Carriers tell twice and in any order: a reply is written down
once, and of several wishes the one that was written last stands (lessons L10, L13).

What people write stands in the table alone; no fact, log line or dead letter holds it, or a number.
"""

import hashlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from escalon.carriers.inbound import inbound_of
from escalon.carriers.notification import NotUnderstood
from escalon.domain import facts
from escalon.domain.account import Account, Hold
from escalon.domain.contact.facts import Conversation, Request
from escalon.domain.contact.replies import Reply, Wanted, Wish, wanted
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.intents import intent_id
from escalon.domain.decisions.transitions import CONTACTS_KEPT, channel_allowed, channel_refused
from escalon.domain.facts import Fact
from escalon.domain.holds import end_of
from escalon.domain.local_time import add_days, local_date
from escalon.domain.ports import Clock
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import Change, ConflictError, Stored, instant
from escalon.failures import described
from escalon.usecases.contact.deliver import TryLaterError
from escalon.usecases.contact.written_to import WrittenTo, accounts_at
from escalon.usecases.runs.feeds import FeedMarks

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.queue import Queue
    from escalon.adapters.table import Table

# What became of one reply.
type Received = Literal[
    "stopped",  # the channel is closed
    "started",  # the channel is open again
    "overtaken",  # a later wish had come before it
    "asked",  # a person answers it
    "known",  # it was received before
    "unmatched",  # we have written to nobody at this number
    "feedback",  # what became of a message of ours: handed to the feedback queue
    "not_understood",
    "given_up",
]

TRIES = 6
PATIENCE = 14  # attempts at one message of the queue: some four hours, then it is kept for a person
LONGEST_TEXT = 4096  # characters; WhatsApp's own limit
REPLY = "reply"  # kind of the hold and of the task
_ACTS: dict[Wish, Received] = {"stop": "stopped", "start": "started"}


class _Said(msgspec.Struct, frozen=True):
    """The latest wish of an account about a channel."""

    at: datetime
    wish: Wish
    reply: str


class ReceiveReply:
    """Take one message of the reply queue. `rulebook` gives the one in force for an account, None
    before there is one; `name_of` the opaque name of a number."""

    def __init__(
        self,
        table: "Table",
        rulebook: Callable[[str], Rulebook | None],
        documents: "Documents",
        clock: Clock,
        topic: str,
        name_of: Callable[[str], str],
        feedback: "Queue",
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._table = table
        self._rulebook = rulebook
        self._documents = documents
        self._clock = clock
        self._topic = topic
        self._name_of = name_of
        self._feedback = feedback
        self._report = report
        self._feeds = FeedMarks(table)

    def __call__(self, body: str, attempt: int) -> tuple[Received, ...]:
        """What became of what it says. Raises what went wrong, for the queue to bring it again; at
        the last attempt it is kept in the bucket instead, since it names a number and the dead
        letters hold none (invariant 12)."""
        inbound = inbound_of(body, self._topic)
        if isinstance(inbound, NotUnderstood):
            about = {"why": inbound.why, "kept_at": self._keep(body)}
            self._report("reply_not_understood", about)
            return ("not_understood",)
        try:
            self._feedback.send(inbound.feedback)
            received = [self._receive(reply) for reply in inbound.replies]
        except Exception as error:
            if attempt < PATIENCE:
                raise
            self._report("reply_given_up", {"kept_at": self._keep(body), **described(error)})
            return ("given_up",)
        if "unmatched" in received:
            self._report("reply_unmatched", {"kept_at": self._keep(body)})
        return (*(("feedback",) if inbound.feedback else ()), *received)

    def _receive(self, reply: Reply) -> Received:
        """A wish holds for every account that we write to at this number; what a person reads is
        about the latest message."""
        known = accounts_at(self._table, self._name_of(reply.sender), reply.channel)
        asked = wanted(reply.text)
        became = [
            self._write_down(reply, replace(asked, to_read=asked.to_read and number == 0), written)
            for number, written in enumerate(known if asked.wish else known[:1])
        ]
        if not became:
            return "unmatched"
        return next((one for one in became if one != "known"), "known")

    def _write_down(self, reply: Reply, asked: Wanted, written: WrittenTo) -> Received:
        rulebook = self._rulebook(written.account_id)
        if rulebook is None:
            raise TryLaterError("no rulebook is in force")
        pk = f"A#{written.account_id}"
        told = (pk, f"I#{_name(reply)}")
        said = (pk, f"W#{reply.channel}")
        about = (pk, f"M#{written.message_id}")
        for _ in range(TRIES):
            # The account first: whoever changes the documents meanwhile changes its version too.
            stored = self._table.get(written.account_id)
            if stored is None:
                return "unmatched"
            documents = self._table.load_many((told, said, about))
            if told in documents:
                return "known"
            latest = msgspec.convert(documents[said], _Said) if said in documents else None
            now = self._clock.now()
            # Clocks differ, and a replay's stands elsewhere: nobody has written in the future.
            reply = replace(reply, at=min(reply.at, now))
            today = _today(stored.account, rulebook, now)
            effect = _Effect("known", stored.account)
            if asked.wish:
                effect = _wished(stored.account, reply, asked.wish, latest, today)
            if asked.to_read:
                read = _asked(effect.account, reply, written, documents.get(about), rulebook, now)
                effect = replace(
                    read,
                    became=effect.became if asked.wish else read.became,
                    facts=(*effect.facts, *read.facts),
                    said=effect.said,
                )
            try:
                self._write(stored, reply, asked.wish, written, effect, rulebook, now)
            except ConflictError:
                continue
            return effect.became
        raise TryLaterError("the account keeps changing")

    def _write(
        self,
        stored: Stored,
        reply: Reply,
        wish: Wish,
        written: WrittenTo,
        effect: "_Effect",
        rulebook: Rulebook,
        now: datetime,
    ) -> None:
        pk = f"A#{written.account_id}"
        document = {
            "reply_id": reply.reply_id,
            "channel": reply.channel,
            "at": reply.at,
            "received_at": now,
            "kind": reply.kind,
            "wish": wish,
            "about": written.message_id,
            "text": reply.text[:LONGEST_TEXT],
        }
        puts = [self._table.put_document(pk, f"I#{_name(reply)}", document)]
        if effect.said is not None:
            puts.append(self._table.put_document(pk, f"W#{reply.channel}", effect.said))
        if effect.task is not None:
            sort, due_at = f"T#{effect.task['task_id']}", instant(effect.task["due_at"])
            puts.append(
                self._table.put_document(pk, sort, effect.task, due_shard="tasks", look_at=due_at)
            )
        replied = facts.noted(
            "replied",
            reply.at,
            reply=_name(reply),
            channel=reply.channel,
            creditor=written.creditor,
            intent_id=written.message_id,
            wish=wish,
        )
        again = decide(effect.account, rulebook, now, self._feeds(rulebook, now))
        look_at = now if again.outcome == "act" else again.next_look_at
        self._table.update(Change(stored, effect.account, look_at, (replied, *effect.facts)), *puts)

    def _keep(self, body: str) -> str:
        """Keep what nobody could take, for a person to look at."""
        content = body.encode(errors="replace")
        digest = hashlib.sha256(content).hexdigest()[:24]
        key = f"feedback/{self._clock.now():%Y-%m-%d}/{digest}.json"
        self._documents.put(key, content)
        return key


class _Effect(msgspec.Struct, frozen=True):
    """What a reply makes of its account."""

    became: Received
    account: Account
    facts: tuple[Fact, ...] = ()
    said: _Said | None = None
    task: dict[str, Any] | None = None


def _wished(
    account: Account, reply: Reply, wish: Wish, latest: _Said | None, today: date
) -> _Effect:
    """STOP closes the channel, START opens it for the number it came from. Of two wishes of one
    instant STOP stands, and so does a stop of another kind since: on the page, by a complaint."""
    stopped_since = any(
        point.channel == reply.channel
        and point.consent is not None
        and point.consent.revoked_at is not None
        and point.consent.revoked_at > reply.at
        for point in account.points
    )
    if wish == "start" and stopped_since:
        return _Effect("overtaken", account)
    if latest is not None and (latest.at, latest.wish == "stop") >= (reply.at, wish == "stop"):
        return _Effect("overtaken", account)
    said = _Said(reply.at, wish, _name(reply))
    about = {"channel": reply.channel, "reason": REPLY, "reply": _name(reply)}
    if wish == "stop":
        stopped = channel_refused(account, reply.channel, reply.at)
        fact = facts.noted("consent_revoked", reply.at, **about)
        return _Effect("stopped", stopped, (fact,), said)
    evidence = f"{REPLY} {_name(reply)}"
    allowed = channel_allowed(account, reply.channel, reply.sender, today, evidence)
    fact = facts.noted("consent_granted", reply.at, **about)
    return _Effect("started", allowed, (fact,), said)


def _asked(
    account: Account,
    reply: Reply,
    written: WrittenTo,
    message: dict[str, Any] | None,
    rulebook: Rulebook,
    now: datetime,
) -> _Effect:
    """A person answers, and the ladder rests meanwhile. Who writes has asked for an answer, which
    the contact policies let through where another contact would have to wait."""
    rules = rulebook.channels.replies
    today = _today(account, rulebook, now)
    hold = Hold(
        f"{REPLY}-{_name(reply)}",
        REPLY,
        today,
        add_days(today, rules.pause_days),
        source=reply.channel,
    )
    hold = replace(hold, ends_on=end_of(hold, rulebook.holds))
    since = now - CONTACTS_KEPT
    requests = (
        *(one for one in account.requests if one.at > since),
        Request(reply.at, reply.channel),
    )
    conversations = account.conversations
    if conversations is not None:  # None: nobody keeps them, and one would look like all of them
        conversations = (*conversations, Conversation(reply.at, reply.channel, inbound=True))
    changed = replace(
        account,
        holds=(*account.holds, hold),
        requests=requests,
        conversations=conversations,
    )
    task_id = intent_id(account.account_id, written.message_id, REPLY, _name(reply))
    task = {
        "task_id": task_id,
        "account_id": account.account_id,
        "kind": REPLY,
        "creditor": written.creditor,
        "receivable_id": "",
        "step": message["step"] if message else "",
        "stage": message["stage"] if message else "",
        "script": "",
        "approval": "",
        "channel": "task",
        "about": written.message_id,
        "by": reply.channel,
        "reply": _name(reply),
        "text": reply.text[:LONGEST_TEXT],
        "queue": "",
        "opened_at": now,
        "due_at": now + timedelta(days=rules.due_days),
        "run_id": "",
    }
    held = facts.noted("held", now, kind=REPLY, hold_id=hold.hold_id, until=hold.ends_on)
    opened = facts.noted("opened", now, task=REPLY, task_id=task_id, step=task["step"])
    return _Effect("asked", changed, (held, opened), task=task)


def _today(account: Account, rulebook: Rulebook, now: datetime) -> date:
    return local_date(zones_for(rulebook, account), now)


def _name(reply: Reply) -> str:
    """The reply's name wherever it is told: WhatsApp's own ids hold the number of whoever wrote."""
    name = f"{reply.channel}:{reply.reply_id}".encode()
    return hashlib.blake2b(name, digest_size=12).hexdigest()
