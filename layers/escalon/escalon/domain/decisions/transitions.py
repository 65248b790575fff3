"""How an account changes when a decision is carried out: pure functions from account to account.

Plan, claim, then exactly one of: sent, opened (a task), failed, unknown, withdrawn, released. The
step is recorded on the receivable that carried it when the intent is settled, so an intent that is
withdrawn has used up nothing (invariant 3). What the carrier tells afterwards moves that record on
(`told`).
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta

from msgspec.structs import replace

from escalon.domain.account import (
    Account,
    Channel,
    Consent,
    ContactPoint,
    ContactRecord,
    Intent,
    Ladder,
    Receivable,
    StepRecord,
    StepState,
)
from escalon.domain.contact.channels import MESSAGE_CHANNELS
from escalon.domain.contact.co_debtors import followed_key, still_open
from escalon.domain.contact.feedback import STEP_STATES, Event, Feedback, Message, is_known
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.intents import UNKNOWN_FATE_DAYS, as_intent, intent_id
from escalon.domain.rules.experiments import complained
from escalon.domain.rules.rulebook import END

# Contacts are kept in the account's document for longer than any policy's longest period.
CONTACTS_KEPT = timedelta(days=35)


def plan(account: Account, decision: Decision, run_id: str) -> Account:
    """The account after `decision`: with its new intent, if it is to act."""
    if decision.action == "resume":
        intents = tuple(
            replace(
                intent,
                decided_at=decision.as_of,
                run_id=run_id,
                resumed=intent.resumed + 1,
                planned_at=intent.planned_at or intent.decided_at,
            )
            if intent.intent_id == decision.intent_id
            else intent
            for intent in account.intents
        )
        return replace(account, intents=intents)
    if decision.action == "unknown":
        return _flag_unknown(account, decision, run_id)
    if decision.outcome == "act":
        return replace(account, intents=(*account.intents, as_intent(decision, run_id)))
    return account


def find_intent(account: Account, wanted: str) -> Intent | None:
    """The unsettled intent of that id."""
    return next((intent for intent in account.intents if intent.intent_id == wanted), None)


def set_aside(account: Account, intent: Intent) -> Account:
    """The account as if `intent` had not been planned: what the last look decides again."""
    rest = tuple(other for other in account.intents if other.intent_id != intent.intent_id)
    return replace(account, intents=rest)


def claim(account: Account, intent: Intent, now: datetime) -> Account:
    """From here on the provider may have been called. The attempt counts as a contact at once,
    since nobody knows yet whether it will reach the debtor (contact-law: `counts: attempt`)."""
    sending = replace(intent, state="sending", sending_at=now)
    intents = tuple(
        sending if other.intent_id == intent.intent_id else other for other in account.intents
    )
    return replace(account, intents=intents, contacts=_counted(account, intent, now))


def release(account: Account, intent: Intent) -> Account:
    """The provider certainly took nothing (throttled, not connected): it is planned again."""
    planned = replace(intent, state="planned", sending_at=None)
    intents = tuple(
        planned if other.intent_id == intent.intent_id else other for other in account.intents
    )
    contacts = tuple(c for c in account.contacts if c.message_id != intent.intent_id)
    return replace(account, intents=intents, contacts=contacts)


def settle_sent(account: Account, intent: Intent, now: datetime) -> Account:
    """The provider accepted the message."""
    return _recorded(set_aside(account, intent), intent, "sent", now)


def settle_opened(account: Account, intent: Intent, now: datetime) -> Account:
    """The task stands on somebody's list."""
    account = set_aside(account, intent)
    if intent.task == "data_repair":
        others = tuple(mark for mark in account.exceptions if mark != intent.about)
        return replace(account, exceptions=(*others, intent.about))
    if intent.step == END and intent.task != "unknown_fate":
        ladder = account.ladders.get(intent.creditor) or Ladder()
        ladder = replace(
            ladder,
            ended_for=intent.receivable_id,
            ended_at=now,
            ended_times=intent.attempt,
        )
        return replace(account, ladders={**account.ladders, intent.creditor: ladder})
    if intent.task == "unknown_fate":
        return account
    return _recorded(account, intent, "opened", now)


def settle_failed(account: Account, intent: Intent, now: datetime, *, address_bad: str) -> Account:
    """The provider refused this message for good: it reached nobody, and the step goes on by its
    next channel. `address_bad` says why the address itself is to blame, or is empty."""
    account = _recorded(set_aside(account, intent), intent, "failed", now)
    return account if intent.person else _reached_nobody(account, intent, address_bad)


def _reached_nobody(account: Account, intent: Intent, address_bad: str) -> Account:
    contacts = tuple(
        replace(contact, reached=False) if contact.message_id == intent.intent_id else contact
        for contact in account.contacts
    )
    account = replace(account, contacts=contacts)
    if not address_bad:
        return account
    points = tuple(
        replace(point, failed=address_bad) if point.point_id == intent.point_id else point
        for point in account.points
    )
    # What a person was asked to mend before does not cover this address.
    return replace(account, points=points, exceptions=())


# ------------------------------------------------------------- co-debtors and guarantors


def counted_for(person: Account, intent: Intent, now: datetime) -> Account:
    """The account of whoever is written to in the debtor's place: the contact counts on their own
    clock as soon as it is claimed."""
    return replace(person, contacts=_counted(person, replace(intent, person=""), now))


def uncounted_for(person: Account, intent: Intent) -> Account:
    """The provider certainly took nothing: it was no contact."""
    contacts = tuple(c for c in person.contacts if c.message_id != intent.intent_id)
    return replace(person, contacts=contacts)


def refused_for(person: Account, intent: Intent, *, address_bad: str) -> Account:
    """The provider refused the message for good: it reached nobody, and `address_bad` says why
    their address is to blame, or is empty."""
    return _reached_nobody(person, intent, address_bad)


# ---------------------------------------------------------------------------------- feedback


def told(account: Account, message: Message, feedback: Feedback, at: datetime) -> Account:
    """The account after a carrier told something that `message` now says too.

    Everything here follows from the message's state or happens once, so the order in which a
    carrier tells makes no difference. `at` is when it was.
    """
    account = _settled_by_carrier(account, message)
    if message.state in STEP_STATES:
        account = _step_moved(account, message, message.state)
    if is_known(message.state):
        account = _no_longer_unknown(account, message)
    if feedback.address_bad:
        account = _address_failed(account, message, feedback)
    if feedback.event == "complained":
        account = complained(account, at)
    if feedback.stops_channel:
        account = channel_stopped(account, message.channel, at)
    return account


def told_of_other(account: Account, message: Message) -> Account:
    """The debtor's account after a carrier told something of a message about their debt to a
    co-debtor or guarantor, whose own account `told` gives."""
    account = _settled_by_carrier(account, message)
    if message.state in STEP_STATES:
        account = _step_moved(account, message, message.state)
    return _no_longer_unknown(account, message) if is_known(message.state) else account


def unknown_fate_id(account_id: str, message_id: str) -> str:
    """The name of the task to find out what became of a message."""
    return intent_id(account_id, message_id, "unknown_fate")


def channel_stopped(account: Account, channel: Channel, at: datetime) -> Account:
    """The debtor wants nothing more by this channel: no address of theirs on it may be used from
    that instant on, whatever was consented to before."""
    points = tuple(
        replace(point, consent=replace(point.consent or Consent(), revoked_at=at))
        if point.channel == channel and (point.consent is None or point.consent.stands)
        else point
        for point in account.points
    )
    return replace(account, points=points)


def channel_refused(account: Account, channel: Channel, at: datetime) -> Account:
    """The debtor has said so themselves: the channel stays closed whatever address is imported."""
    account = channel_stopped(account, channel, at)
    if channel in account.refused_channels:
        return account
    return replace(account, refused_channels=(*account.refused_channels, channel))


def channel_allowed(
    account: Account, channel: Channel, address: str, granted_on: date, evidence: str
) -> Account:
    """The debtor allows the channel again, for the address from which they say so; `evidence` is
    where their word is kept."""
    consent = Consent(granted_on, evidence)
    points = tuple(
        replace(point, consent=consent)
        if point.channel == channel
        and point.address.casefold() == address.casefold()
        and point.consent is not None
        and not point.consent.stands
        else point
        for point in account.points
    )
    refused = tuple(other for other in account.refused_channels if other != channel)
    return replace(account, points=points, refused_channels=refused)


def _settled_by_carrier(account: Account, message: Message) -> Account:
    """A carrier that tells of a message has taken it: the intent is settled as of its claim, even
    if we thought that nothing had left (invariant 1)."""
    intent = find_intent(account, message.message_id)
    if intent is None:
        return account
    if intent.state == "planned":
        account = claim(account, intent, message.claimed_at)
    return settle_sent(account, intent, message.claimed_at)


def _step_moved(account: Account, message: Message, state: Event) -> Account:
    """The step stands where its latest attempt stands; an earlier attempt tells nothing of it."""
    after = STEP_STATES[state]

    def moved_on(record: StepRecord) -> StepRecord:
        if record.state == "undone":
            return record  # a person has taken it back, whatever the carrier says later
        moved = replace(record, state=after)
        if after == "failed":
            # Where an earlier attempt may have arrived, nothing is proven and nothing repeated.
            tried = (
                record.tried if record.channel in record.tried else (*record.tried, record.channel)
            )
            moved = replace(record, state="unknown" if record.unsure else "failed", tried=tried)
        return moved

    account = _moved(account, message.message_id, moved_on)
    if after != "failed":
        return account
    contacts = tuple(
        replace(contact, reached=False) if contact.message_id == message.message_id else contact
        for contact in account.contacts
    )
    return _not_communicated(replace(account, contacts=contacts), message.message_id)


def _not_communicated(account: Account, message_id: str) -> Account:
    """The message reached nobody, so it was not the first communication about any debt: the next
    one towards that creditor was, or the one to come is."""
    contacts = account.contacts
    failed = next((contact for contact in contacts if contact.message_id == message_id), None)
    if failed is None:
        return account
    conversations = account.conversations or ()
    spoken = {each.at for each in conversations}
    later = (
        contact.at
        for contact in contacts
        if contact.creditor in ("", failed.creditor)  # empty: about all that is owed
        and contact.reached
        and (contact.channel != "voice" or contact.at in spoken)
    )
    they_began = (each.at for each in conversations if each.inbound)
    first = min((at for at in (*later, *they_began) if at > failed.at), default=None)
    receivables = tuple(
        replace(receivable, first_contact_at=first)
        if receivable.creditor == failed.creditor and receivable.first_contact_at == failed.at
        else receivable
        for receivable in account.receivables
    )
    return replace(account, receivables=receivables)


def _no_longer_unknown(account: Account, message: Message) -> Account:
    """Nobody has to find out what became of the message: the carrier has said it."""
    task = find_intent(account, unknown_fate_id(account.account_id, message.message_id))
    return set_aside(account, task) if task is not None else account


def _address_failed(account: Account, message: Message, feedback: Feedback) -> Account:
    """The address does not work, under whatever name it stands; if it was replaced meanwhile, the
    new one is untouched."""
    address = message.to.casefold()
    points = tuple(
        replace(point, failed=f"{feedback.event} {feedback.reason}".strip())
        if point.channel == message.channel
        and point.address.casefold() == address
        and not point.failed
        else point
        for point in account.points
    )
    if points == account.points:
        return account
    # What a person was asked to mend before does not cover this address.
    return replace(account, points=points, exceptions=())


# ------------------------------------------------------------------------------------ inside


def _flag_unknown(account: Account, decision: Decision, run_id: str) -> Account:
    """Nobody knows whether the message left: it is never sent again blindly, a person is told
    (invariant 1)."""
    intent = find_intent(account, decision.intent_id)
    if intent is None:
        return _flag_unheard(account, decision, run_id)
    account = set_aside(account, intent)
    if not intent.task:
        account = _recorded(account, intent, "unknown", intent.sending_at or decision.as_of)
        intent = replace(
            intent,
            intent_id=unknown_fate_id(account.account_id, intent.intent_id),
            channel="task",
            task="unknown_fate",
            about=intent.intent_id,
            due_days=UNKNOWN_FATE_DAYS,
            resumed=0,
        )
    # Opening a task twice is harmless (its id is the intent's), so a task is simply planned again.
    again = replace(
        intent, state="planned", sending_at=None, decided_at=decision.as_of, run_id=run_id
    )
    return replace(account, intents=(*account.intents, again))


def _flag_unheard(account: Account, decision: Decision, run_id: str) -> Account:
    """Its carrier has not told the end of a message in time: nothing rests on it, and a person is
    told."""
    task_id = unknown_fate_id(account.account_id, decision.intent_id)
    to_find_out = Intent(
        task_id,
        "planned",
        decision.creditor,
        decision.receivable_id,
        decision.step,
        decision.stage,
        "task",
        "",
        "unknown_fate",
        decision.rulebook,
        decision.as_of,
        run_id,
        attempt=decision.attempt,
        about=decision.intent_id,
        due_days=UNKNOWN_FATE_DAYS,
        reminder=decision.reminder,
        person=decision.person,
        role=decision.role,
    )
    account = with_step_state(account, decision.intent_id, "unknown")
    return replace(account, intents=(*account.intents, to_find_out))


def with_step_state(account: Account, message_id: str, state: StepState) -> Account:
    """The account with what the message was sent for in that state."""
    return _moved(account, message_id, lambda record: replace(record, state=state))


def _moved(account: Account, message_id: str, moved: Callable[[StepRecord], StepRecord]) -> Account:
    """The account with all that it keeps of a message moved: the step that carried it and the
    notices that it gave of other debts, the reminder of an instalment, or a step's message to a
    co-debtor or guarantor."""

    def after(record: StepRecord) -> StepRecord:
        return moved(record) if record.intent_id == message_id else record

    def each(records: Mapping[str, StepRecord]) -> dict[str, StepRecord]:
        return {name: after(record) for name, record in records.items()}

    return replace(
        account,
        receivables=tuple(
            replace(r, steps=each(r.steps), noticed=tuple(after(record) for record in r.noticed))
            for r in account.receivables
        ),
        reminded=each(account.reminded),
        followed=each(account.followed),
    )


def _counted(account: Account, intent: Intent, now: datetime) -> tuple[ContactRecord, ...]:
    if intent.channel not in MESSAGE_CHANNELS or intent.person:
        return account.contacts
    kept = tuple(c for c in account.contacts if now - c.at < CONTACTS_KEPT)
    return (*kept, ContactRecord(intent.intent_id, intent.channel, now, intent.creditor))


def _recorded(account: Account, intent: Intent, state: StepState, at: datetime) -> Account:
    """The account whose carrying receivable has the step behind it (or its failure). A reminder of
    an instalment is on no ladder: it is recorded by itself."""

    def record_after(before: StepRecord | None) -> StepRecord:
        tried = before.tried if before else ()
        record = StepRecord(
            at, state, intent.channel, intent.intent_id, intent.attempt, tried, gives=intent.gives
        )
        if before is not None and before.state == "unknown":
            # Whether the earlier message arrived is still not known, so its channel stays used up.
            if state == "failed":
                tried = (*tried, intent.channel)
                record = replace(before, attempts=intent.attempt, tried=tried)
            else:
                record = replace(record, tried=(*tried, before.channel), unsure=True)
        elif state == "failed":
            record = replace(record, tried=(*tried, intent.channel))
        return record

    def with_step(receivable: Receivable) -> Receivable:
        if receivable.receivable_id != intent.receivable_id:
            return receivable
        record = record_after(receivable.steps.get(intent.step))
        return replace(receivable, steps={**receivable.steps, intent.step: record})

    if intent.person:
        key = followed_key(intent.receivable_id, intent.step, intent.person)
        record = record_after(account.followed.get(key))
        return replace(account, followed={**still_open(account), key: record})
    if state in ("sent", "unknown") and intent.channel in MESSAGE_CHANNELS:
        about = {intent.receivable_id, *intent.shows}
        account = communicated(account, intent.creditor, intent.sending_at or at, about)
    if intent.reminder:
        record = record_after(account.reminded.get(intent.reminder))
        return replace(account, reminded={**account.reminded, intent.reminder: record})
    receivables = tuple(with_step(receivable) for receivable in account.receivables)
    if intent.gives and state in ("sent", "unknown"):
        gave = StepRecord(at, state, intent.channel, intent.intent_id, gives=intent.gives)
        receivables = tuple(
            replace(receivable, noticed=(*receivable.noticed, gave))
            if receivable.receivable_id in intent.shows
            and receivable.receivable_id != intent.receivable_id
            else receivable
            for receivable in receivables
        )
    ladders = account.ladders
    if state != "failed":
        before = ladders.get(intent.creditor) or Ladder()
        ladder = replace(before, last_step=intent.step, last_at=at)
        ladders = {**ladders, intent.creditor: ladder}
    return replace(account, receivables=receivables, ladders=ladders)


def communicated(
    account: Account, creditor: str, at: datetime, about: Collection[str] | None = None
) -> Account:
    """Of each of these debts to the creditor, or (None) of all that there were, was spoken at that
    instant: what counts from the first communication counts from then on (12 CFR 1006.34). It may
    be told of late, after a later one."""

    def is_new(receivable: Receivable) -> bool:
        first = receivable.first_contact_at
        return (
            receivable.creditor == creditor
            and (first is None or at < first)
            and receivable.issued_on <= at.date()
            and (about is None or receivable.receivable_id in about)
        )

    if not any(is_new(receivable) for receivable in account.receivables):
        return account
    receivables = tuple(
        replace(receivable, first_contact_at=at) if is_new(receivable) else receivable
        for receivable in account.receivables
    )
    return replace(account, receivables=receivables)


def with_points(account: Account, points: tuple[ContactPoint, ...]) -> Account:
    """The account with new contact points: what a person was asked to mend is open again, and a
    step that is known to have reached nobody may use every channel again."""
    if points == account.points:
        return account
    receivables = tuple(
        replace(receivable, steps={n: _afresh(r) for n, r in receivable.steps.items()})
        if any(record.state == "failed" for record in receivable.steps.values())
        else receivable
        for receivable in account.receivables
    )
    return replace(
        account,
        points=points,
        receivables=receivables,
        reminded={key: _afresh(record) for key, record in account.reminded.items()},
        exceptions=(),
    )


def _afresh(record: StepRecord) -> StepRecord:
    return replace(record, tried=()) if record.state == "failed" else record
