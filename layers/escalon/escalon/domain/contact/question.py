"""May this person be contacted by this channel at this instant? For each kind of message, with the
law that says no and the next instant at which it may; and what else the law wants of the debts."""

from datetime import datetime
from typing import get_args

import msgspec

from escalon.domain.account import Account, ContactPoint, Receivable
from escalon.domain.contact.facts import Notice
from escalon.domain.contact.policy import (
    OwedNotice,
    Verdict,
    evaluate_action,
    notices_owed,
)
from escalon.domain.contact.rules import Action, AnswerKind
from escalon.domain.contact.told import debt_of, facts_of, may_contact, stops_of, zones_for
from escalon.domain.holds import open_hold
from escalon.domain.local_time import local_date
from escalon.domain.rules.rulebook import Rulebook

# What a message may be for, those that ask for money first.
KINDS: tuple[str, ...] = ("collection", "statutory_notice", "agreed_call", *get_args(AnswerKind))
ACTIONS: tuple[str, ...] = get_args(Action)


class ContactAnswer(msgspec.Struct, frozen=True):
    """What the contact policy says of one kind of message to one address."""

    kind: str
    point_id: str  # empty: the account has no address on that channel
    verdict: Verdict


class DebtAnswer(msgspec.Struct, frozen=True):
    """What the law wants of one debt: the notices that were given and those that are owed, and
    whether each action may be carried out now."""

    receivable_id: str
    document: str
    given: tuple[Notice, ...]
    owed: tuple[OwedNotice, ...]
    actions: dict[str, Verdict]


class Answers(msgspec.Struct, frozen=True):
    """All of it. `held`: the account rests under a hold of that kind, so nothing is asked, whatever
    the law allows; `about` is the debt that asking is about, empty if nothing is open."""

    at: datetime
    zones: tuple[str, ...]
    about: str
    held: str
    contacts: tuple[ContactAnswer, ...]
    debts: tuple[DebtAnswer, ...]


def ask(
    account: Account, rulebook: Rulebook, channel: str, at: datetime, role: str = "debtor"
) -> Answers:
    """Ask about every address of that channel, every kind of message, every debt. `at` is aware;
    `role` is what the person is to the debt that the contact would be about."""
    zones = zones_for(rulebook, account)
    today = local_date(zones, at)
    about = next(
        (
            owed
            for owed in account.receivables
            if owed.open_minor > 0
            and not open_hold(account, rulebook.holds, owed.receivable_id, today)
        ),
        next(iter(account.receivables), None),
    )
    held = open_hold(account, rulebook.holds, None, today)
    points: list[ContactPoint | None] = [p for p in account.points if p.channel == channel]
    contacts = tuple(
        ContactAnswer(
            kind,
            point.point_id if point is not None else "",
            may_contact(
                account,
                rulebook,
                channel=channel,
                point=point,
                kind=kind,
                at=at,
                receivable=about if role == "debtor" else None,
                role=role,
            ),
        )
        for point in points or [None]
        for kind in KINDS
    )
    return Answers(
        at,
        zones,
        about.receivable_id if about is not None else "",
        held[0].kind if held else "",
        contacts,
        tuple(_of_debt(account, rulebook, owed, zones, at) for owed in account.receivables),
    )


def _of_debt(
    account: Account, rulebook: Rulebook, owed: Receivable, zones: tuple[str, ...], at: datetime
) -> DebtAnswer:
    policy = rulebook.policy_for(account.country)
    today = local_date(zones, at)
    stops = stops_of(account, rulebook.holds, owed.receivable_id, today, zones)
    facts = facts_of(account, rulebook, stops=stops, at=at, receivable=owed)
    return DebtAnswer(
        owed.receivable_id,
        owed.document,
        debt_of(owed, rulebook, at).notices,
        notices_owed(policy, facts=facts, zones=zones, at=at, region=account.region),
        {
            action: evaluate_action(
                policy, action=action, facts=facts, zones=zones, at=at, region=account.region
            )
            for action in ACTIONS
        },
    )
