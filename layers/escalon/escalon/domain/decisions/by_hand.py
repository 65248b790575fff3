"""What people do for the system, and what it makes of an account: pure.

A call, a letter, a chat by hand are contacts of the person like any message (Ley 2300/2023 art. 3;
12 CFR 1006.14), so each is written on their contact clock: at the attempt, reached or not.
"""

from datetime import datetime

from msgspec.structs import replace

from escalon.domain.account import Account, Channel, ContactPoint, ContactRecord, StepRecord
from escalon.domain.contact.facts import Conversation
from escalon.domain.contact.feedback import Event, Feedback, Message
from escalon.domain.decisions.transitions import CONTACTS_KEPT, communicated, told
from escalon.domain.tasks import SENT_BY_HAND, Outcome, Task

# What a person says of a message that was sent by hand, as a carrier would.
_AS_TOLD: dict[Outcome, Event] = {
    "not_posted": "failed",
    "not_sent": "failed",
    "not_delivered": "failed",
    "came_back": "bounced",
    "delivered": "delivered",
}
_BY_NUMBER = frozenset(("voice", "sms", "whatsapp"))


def spoke(account: Account, spoken: Conversation, name: str, creditor: str = "") -> Account:
    """The person and we spoke. If we began it, it was a contact of the name `name` too. Whoever
    began it, it was a communication about the debts to that creditor, or (empty) about all that the
    person owes: what a law counts from the first one runs from then on (12 CFR 1006.34(b)(2))."""
    conversations = (*_conversations(account, spoken.at), spoken)
    if not spoken.inbound:
        account = _counted(account, ContactRecord(name, spoken.channel, spoken.at, creditor))
    owed_to = {each.creditor for each in account.receivables if each.open_minor > 0}
    for each in (creditor,) if creditor else sorted(owed_to):
        account = communicated(account, each, spoken.at)
    return replace(account, conversations=conversations)


def tried(account: Account, contact: ContactRecord) -> Account:
    """We tried to reach the person and did not speak with them: it counts as the attempt that it
    was, and as no conversation."""
    known = _conversations(account, contact.at)
    return replace(_counted(account, contact), conversations=known)


def closed(
    account: Account, task: Task, outcome: Outcome, at: datetime, *, number: str = ""
) -> Account:
    """The account after a person has said what became of a task, other than one to find out what
    became of a message. `at` is when that was; `number` is the one that was called."""
    if task.kind == "call":
        return _called(account, task, outcome, at, number)
    if task.kind in SENT_BY_HAND:
        if outcome in ("posted", "sent"):
            return _sent(account, task, at)
        return _told(account, task, _AS_TOLD[outcome], at)
    if task.kind == "data_repair":
        others = tuple(mark for mark in account.exceptions if mark != task.about)
        return replace(account, exceptions=others)
    return account


def address_of(account: Account, channel: str, point_id: str) -> ContactPoint | None:
    """Where a message is sent by hand: the point that was chosen when its task was opened, as it is
    now, or the first of its channel."""
    of_channel = [point for point in account.points if point.channel == channel]
    chosen = (point for point in of_channel if point.point_id == point_id)
    return next(chosen, of_channel[0] if of_channel else None)


def _called(account: Account, task: Task, outcome: Outcome, at: datetime, number: str) -> Account:
    if outcome in ("reached", "promised"):
        return spoke(account, Conversation(at, "voice"), task.task_id, task.creditor)
    wrong = outcome == "wrong_number"  # whoever answered is somebody else: it reached nobody
    contact = ContactRecord(task.task_id, "voice", at, task.creditor, reached=not wrong)
    account = tried(account, contact)
    if not wrong:
        return account
    # The number is another person's, so no text goes there either.
    points = tuple(
        replace(point, failed="wrong number")
        if point.channel in _BY_NUMBER and point.address == number and not point.failed
        else point
        for point in account.points
    )
    # What a person was asked to mend before does not cover this number.
    return replace(account, points=points, exceptions=())


def _sent(account: Account, task: Task, at: datetime) -> Account:
    """A person has sent the message: from that instant on it is a contact, and the days of its
    step run."""
    before: StepRecord | None = None

    def moved(records: dict[str, StepRecord]) -> dict[str, StepRecord]:
        nonlocal before
        found = {
            name: record
            for name, record in records.items()
            if record.intent_id == task.task_id and record.state == "opened"
        }
        before = next(iter(found.values()), before)
        return records | {n: replace(r, state="sent", at=at) for n, r in found.items()}

    account = replace(
        account,
        receivables=tuple(replace(r, steps=moved(r.steps)) for r in account.receivables),
        reminded=moved(account.reminded),
    )
    ladder = account.ladders.get(task.creditor)
    if ladder is not None and before is not None:
        if (ladder.last_step, ladder.last_at) == (task.step, before.at):
            ladder = replace(ladder, last_at=at)
        account = replace(account, ladders={**account.ladders, task.creditor: ladder})
    account = _counted(account, ContactRecord(task.task_id, task.kind, at, task.creditor))
    return communicated(account, task.creditor, at)


def _told(account: Account, task: Task, event: Event, at: datetime) -> Account:
    """What a carrier tells of a message moves it; a person tells of one that was sent by hand. Of
    its address only if that is still on file: one that has replaced it was not written to."""
    channel: Channel = "letter" if task.kind == "letter" else "whatsapp"
    point = next((one for one in account.points if one.point_id == task.point_id), None)
    message = Message(
        message_id=task.task_id,
        account_id=task.account_id,
        creditor=task.creditor,
        channel=channel,
        to=point.address if point is not None else "",
        step=task.step,
        stage=task.stage,
        rulebook="",
        claimed_at=task.sent_at or task.opened_at,
        state=event,
    )
    bounced = event == "bounced"
    feedback = Feedback(channel, event, at, "", reason="came back", address_bad=bounced)
    return told(account, message, feedback, at)


def _counted(account: Account, contact: ContactRecord) -> Account:
    kept = tuple(
        c
        for c in account.contacts
        if contact.at - c.at < CONTACTS_KEPT and c.message_id != contact.message_id
    )
    return replace(account, contacts=(*kept, contact))


def _conversations(account: Account, at: datetime) -> tuple[Conversation, ...]:
    """The conversations that are known, from the first that is noted on. Until then every contact
    may have been one: those stay written down as such, so that noting one forgets none."""
    known = account.conversations
    if known is None:
        known = tuple(Conversation(c.at, c.channel) for c in account.contacts if c.reached)
    return tuple(each for each in known if at - each.at < CONTACTS_KEPT)
