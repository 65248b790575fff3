"""Facts: what happened to an account, as data for its history and for whoever listens.

A fact is written in the same write as its effect (the account's item carries the facts of its
latest version, and the table's stream takes them on), so no fact is without its effect and no
effect without its fact. Facts name ids, codes and amounts; never names, addresses or documents.
"""

from datetime import datetime
from typing import Any

import msgspec

from escalon.domain.account import Intent
from escalon.domain.decisions.decision import Decision, Reason
from escalon.domain.payments.ledger import LedgerEntry

type Fact = dict[str, Any]


def decided(decision: Decision, run_id: str) -> Fact:
    """The engine's answer, whole: it explains itself a year later."""
    fact: Fact = msgspec.to_builtins(decision)
    return {"fact": "decided", "at": fact.pop("as_of"), "run_id": run_id, **fact}


def contact(intent: Intent, became: str, at: datetime, **more: Any) -> Fact:
    """What became of one contact or task: claimed, sent, opened, failed, unknown."""
    return {
        "fact": became,
        "at": msgspec.to_builtins(at),
        "intent_id": intent.intent_id,
        "creditor": intent.creditor,
        "receivable_id": intent.receivable_id,
        "step": intent.step,
        "stage": intent.stage,
        "channel": intent.channel,
        "rulebook": intent.rulebook,
        **({"person": intent.person, "role": intent.role} if intent.person else {}),
        **more,
    }


def withdrawn(intent: Intent, at: datetime, decision: Decision) -> Fact:
    """A planned contact that the last look stopped, with what is true now instead."""
    return contact(
        intent,
        "withdrawn",
        at,
        reasons=msgspec.to_builtins(decision.reasons),
        refusals=msgspec.to_builtins(decision.refusals),
    )


def booked(entries: tuple[LedgerEntry, ...], at: datetime) -> Fact:
    """Ledger entries that came with this write."""
    return {
        "fact": "booked",
        "at": msgspec.to_builtins(at),
        "entries": [msgspec.to_builtins(entry) for entry in entries],
    }


def noted(name: str, at: datetime, **more: Any) -> Fact:
    """Anything else that happened: imported, hold placed, receivable issued."""
    return {"fact": name, "at": msgspec.to_builtins(at), **more}


def reason_codes(reasons: tuple[Reason, ...]) -> str:
    """The codes alone, for counting."""
    return ",".join(reason.code for reason in reasons)
