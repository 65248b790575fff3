"""Intents: what the engine has decided to do and has not done yet, and how long one may stay so."""

import hashlib
from datetime import datetime, timedelta

from escalon.domain.account import Intent
from escalon.domain.contact.pacing import QUEUED_AHEAD
from escalon.domain.decisions.decision import Decision

PLANNED_TIMEOUT = timedelta(minutes=10)  # then a planned intent is put on its queue again
SENDING_TIMEOUT = timedelta(minutes=15)  # longer than any delivery runs: its fate is unknown
LONGEST_PATIENCE = timedelta(days=1)  # between two attempts to queue the same intent
UNKNOWN_FATE_DAYS = 1  # for a person to find out whether a message left


def intent_id(*parts: object) -> str:
    """The name of an intent: the same for the same account, receivable, step and attempt, whatever
    made it twice. Letters and digits only, so that it serves as an SES tag."""
    text = "\x1f".join(str(part) for part in parts)
    return "m" + hashlib.blake2b(text.encode(), digest_size=15).hexdigest()


def as_intent(decision: Decision, run_id: str) -> Intent:
    """The intent that a decision to act plans."""
    return Intent(
        intent_id=decision.intent_id,
        state="planned",
        creditor=decision.creditor,
        receivable_id=decision.receivable_id,
        step=decision.step,
        stage=decision.stage,
        channel=decision.channel,
        point_id=decision.point_id,
        task=decision.task,
        rulebook=decision.rulebook,
        decided_at=decision.as_of,
        run_id=run_id,
        attempt=decision.attempt,
        about=decision.about,
        queue=decision.queue,
        due_days=decision.due_days,
        gives=decision.gives,
        reminder=decision.reminder,
        person=decision.person,
        role=decision.role,
    )


def patience(intent: Intent) -> timedelta:
    """How long an intent may stay as it is. Each time it was queued in vain the wait doubles, so
    that one which can never be delivered does not come round every few minutes (invariant 9)."""
    if intent.state != "planned":
        return SENDING_TIMEOUT
    doubled: timedelta = PLANNED_TIMEOUT * (1 << min(intent.resumed, 10))
    return min(doubled, LONGEST_PATIENCE)


def settle_by(intent: Intent) -> datetime:
    """When a planned or claimed intent is looked at, if nothing settles it before."""
    if intent.send_at is not None and intent.state == "planned" and not intent.resumed:
        if waits_for_its_turn(intent):
            return intent.send_at - QUEUED_AHEAD
        return intent.send_at + PLANNED_TIMEOUT
    return (intent.sending_at or intent.decided_at) + patience(intent)


def waits_for_its_turn(intent: Intent) -> bool:
    """Whether the intent's turn is so far off that it is not on its queue yet."""
    return (
        intent.send_at is not None
        and intent.state == "planned"
        and not intent.resumed
        and intent.send_at - intent.decided_at > QUEUED_AHEAD
    )
