"""What is kept of a person after they have asked to be forgotten, for how long, and by which law.

Personal data go unless a law says that they stay, and then only as long as it says (Colombia: Ley
1581 of 2012, art. 8 e, and Decreto 1377 of 2013, arts. 9 and 11; contact-law D1, L24). What stands
in the ledger stays: without the profile it is a number under a name that nobody can read.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account
from escalon.domain.contact.gates import add_months

# profile: name, document, contact points, wishes, other persons · messages: what was written to
# them, with its addresses · replies: what they wrote to us · tasks: notes of people · agreements:
# documents, evidence of acceptance · consents: addresses in their ledger
type Kind = Literal["profile", "messages", "replies", "tasks", "agreements", "consents"]
KINDS: tuple[Kind, ...] = get_args(Kind.__value__)

# Why a person cannot be forgotten yet.
type Bar = Literal["open_debt", "unapplied_credit", "agreement", "under_way"]


class Retention(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long a kind of record is kept after the last of it, and why. 0 months: not at all."""

    months: int
    source: str
    confidence: str = ""


class Fate(msgspec.Struct, frozen=True, omit_defaults=True):
    """What becomes of one kind of record: it goes now (`until` None), or stays until a day."""

    kind: Kind
    records: int
    until: date | None = None
    source: str = ""


def bars(account: Account) -> tuple[Bar, ...]:
    """What stands against it: a duty between the person and the creditor that is not over (Decreto
    1377 of 2013, art. 9). A message under way is over in minutes."""
    found: list[Bar] = []
    if any(r.open_minor for r in account.receivables) or account.beyond or account.awaited:
        found.append("open_debt")
    if any(account.credits.values()):
        found.append("unapplied_credit")
    if any(one.rests for one in account.agreements):
        found.append("agreement")
    if account.intents:
        found.append("under_way")
    return tuple(found)


def forgotten(account: Account) -> Account:
    """The account without its person: what is left names nobody."""
    return replace(
        account,
        source_ref="",
        name="",
        region="",
        zones=(),
        language="",
        tags=(),
        points=(),
        number_zones=(),
        refused_channels=(),
        hours=None,
        extra_hours=None,
        requests=(),
        conversations=None,
        links=(),
        holds=tuple(replace(hold, note="") for hold in account.holds),
    )


def is_forgotten(account: Account) -> bool:
    """Whether it names nobody."""
    return not (account.name or account.source_ref or account.points)


def kept_until(rule: Retention | None, last: date) -> date:
    """The first day on which a kind whose newest record is of `last` may go."""
    return add_months(last, rule.months) if rule else last


def fates(
    newest: Mapping[Kind, tuple[int, date]], rules: Mapping[str, Retention], today: date
) -> tuple[Fate, ...]:
    """What becomes of each kind that there are records of; `newest` gives their number and the day
    of the newest."""
    found: list[Fate] = []
    for kind in KINDS:
        if kind not in newest:
            continue
        records, last = newest[kind]
        rule = rules.get(kind)
        until = kept_until(rule, last)
        if rule is not None and until > today:
            found.append(Fate(kind, records, until, rule.source))
        else:
            found.append(Fate(kind, records))
    return tuple(found)
