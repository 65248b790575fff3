"""Debts, ladders and days for the tests of the domain, made with as few words as they need."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from escalon.domain.account import Account, Channel, Consent, ContactPoint, Receivable
from escalon.domain.contact.policy import Layer, Policy, Provenance, Recipients
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.transitions import (
    claim,
    find_intent,
    plan,
    settle_failed,
    settle_opened,
    settle_sent,
    with_step_state,
)
from escalon.domain.rules.rulebook import Chase, LadderEnd, Rulebook, Step, Strategy

BOGOTA = "America/Bogota"
PROVENANCE = Provenance("test")
# Allows everything at any time, so that only the ladder decides.
ANY_TIME = Policy((Layer("test", "house", Recipients(PROVENANCE, allow=("debtor",))),))


def at(text: str, zone: str = BOGOTA) -> datetime:
    """An instant as a clock of the zone shows it."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def step(name: str, day: int, **more: Any) -> Step:
    """A rung: an e-mail, or an SMS if that fails; `task` makes it work for a person."""
    stage = "pre_due" if day <= 0 else "reminder"
    if "task" not in more:
        more = {"channels": ("email", "sms"), "message": "words", **more}
    return Step(**{"step": name, "stage": stage, "day": day, **more})


def ladder(*steps: Step, **more: Any) -> Strategy:
    """A strategy for anyone."""
    made = {"strategy": "plain", "condition": ["anyone"], "end": LadderEnd("review", 30)}
    return Strategy(steps=steps, **{**made, "old_debt_enters": "step for its age", **more})


def rulebook(*steps: Step, **more: Any) -> Rulebook:
    """A rulebook of one ladder that chases COP from 20,000 and USD from 10."""
    strategy = {
        name: more.pop(name) for name in ("end", "old_debt_enters", "condition") if name in more
    }
    made: dict[str, Any] = {
        "rulebook": "test",
        "language": "es-CO",
        "chase": Chase({"COP": 2_000_000, "USD": 1_000}),
        "contact_policies": {"*": ANY_TIME},
        "strategies": (ladder(*steps, **strategy),) if steps else (),
        "holds": {},
        "creditors": {},
        "messages": {},
        "default_zone": BOGOTA,
        "version": "v1",
    }
    return Rulebook(**{**made, **more})


def receivable(due: str | None = "2026-09-01", **more: Any) -> Receivable:
    """COP 100,000 owed to andina, invoiced on 1 August 2026."""
    made = {
        "receivable_id": "r1",
        "creditor": "andina",
        "document": "FV-1",
        "issued_on": date(2026, 8, 1),
        "currency": "COP",
        "amount_minor": 10_000_000,
        "open_minor": 10_000_000,
        "known_on": date(2026, 8, 1),
        **more,
    }
    return Receivable(due_on=None if due is None else date.fromisoformat(due), **made)


def point(channel: Channel = "email", **more: Any) -> ContactPoint:
    """A contact point with a consent that stands."""
    address = "ana@example.com" if channel == "email" else "+573000000000"
    consent = Consent(date(2020, 1, 1), "form 7")
    made = {"point_id": f"p-{channel}", "address": address, "consent": consent}
    return ContactPoint(channel=channel, **{**made, **more})


def account(*receivables: Receivable, **more: Any) -> Account:
    """A person in Bogotá with an e-mail address and a telephone."""
    made: dict[str, Any] = {
        "account_id": "a1",
        "source_ref": "1000",
        "name": "Ana",
        "country": "CO",
        "zones": (BOGOTA,),
        "points": (point("email"), point("sms")),
        "receivables": receivables,
    }
    return Account(**{**made, **more})


def carried_out(before: Account, decision: Decision, became: str = "sent", **more: Any) -> Account:
    """The account after a decision to act was planned, claimed and settled at that same instant. Of
    an e-mail that was sent its carrier tells at once that it arrived."""
    now = decision.as_of
    after = plan(before, decision, "run")
    intent = find_intent(after, decision.intent_id)
    assert intent is not None, decision
    if intent.task:
        return settle_opened(after, intent, now)
    after = claim(after, intent, now)
    intent = find_intent(after, decision.intent_id)
    assert intent is not None
    if became == "sent":
        after = settle_sent(after, intent, now)
        arrived = intent.channel == "email"
        return with_step_state(after, intent.intent_id, "delivered") if arrived else after
    if became == "failed":
        return settle_failed(after, intent, now, address_bad=more.get("address_bad", ""))
    assert became == "lost", became
    return after


def codes(decision: Decision) -> list[str]:
    """The codes of a decision's reasons."""
    return [reason.code for reason in decision.reasons]


def params(decision: Decision, code: str) -> Mapping[str, Any]:
    """What a reason of that code says."""
    return next(reason.params for reason in decision.reasons if reason.code == code)
