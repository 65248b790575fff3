"""What was agreed, as data: an agreement with its instalments, its money and its history.

The account's document carries these values; `agreement.py` says what becomes of them as money and
time move, `offers.py` how they are made.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

from escalon.domain.money import Component

type AgreementKind = Literal["promise", "plan", "extension", "settlement"]

# twice_monthly: on the 15th and on the last day, as wages are paid in much of Latin America
type Every = Literal["week", "fortnight", "twice_monthly", "month"]

State = Literal[
    "offered", "accepted", "active", "fulfilled", "broken", "cancelled", "replaced", "expired"
]
Party = Literal["debtor", "operator", "engine"]
# open: its day has not passed · late: it has, the tolerance has not · kept · reversed: kept once,
# and the money went again · part_kept, missed: its time is over, with some of it or nothing
InstalmentState = Literal["open", "late", "kept", "reversed", "part_kept", "missed"]

_RESTING = ("accepted", "active")  # while it is in one of these its debts rest


class Instalment(msgspec.Struct, frozen=True, omit_defaults=True):
    """One payment that was agreed: minor units of the agreement's currency, due on a day of the
    debtor's calendar; `interest_minor` of it is what the agreement itself bears."""

    number: int
    due_on: date
    amount_minor: int
    interest_minor: int = 0


class Moved(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money that settled a debt of an agreement: paid `on` a day, and gone again `went_on` one."""

    cause: str  # the payment's id
    receivable_id: str
    on: date
    amount_minor: int
    went_on: date | None = None


class Pause(msgspec.Struct, frozen=True, omit_defaults=True):
    """Days on which a debt of an agreement was on hold: nobody asks for what is disputed, so nobody
    breaks their word about it meanwhile. `ends_on` is out; None while the hold lasts."""

    starts_on: date
    ends_on: date | None = None


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One transition, or an approval: who took it where, when, and why."""

    at: datetime
    state: State
    by: Party
    who: str = ""  # which operator
    why: str = ""


class Acceptance(msgspec.Struct, frozen=True, omit_defaults=True):
    """The evidence that the debtor agreed (Colombia: Ley 527 of 1999, arts. 6 to 8): who, when, how
    and to which text."""

    at: datetime
    by: Party  # the debtor, or an operator who heard it
    channel: str  # portal, phone, reply, office, system
    who: str = ""  # which operator
    ip: str = ""
    user_agent: str = ""
    code_point: str = ""  # contact point that the one-time code was sent to
    document_hash: str = ""  # of what was agreed to
    note: str = ""
    message_id: str = ""  # whose signed link led to the page; the link's code is made from it
    challenge_id: str = ""  # of the one-time code that was given back; the code is made from it


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ledger entry that an agreement asks for: minor units with the sign of the entry. Interest
    above 0 is charged and below 0 given back; a waiver below 0 gives up, above 0 takes that back.
    """

    kind: Literal["interest", "waiver"]
    receivable_id: str
    component: Component
    amount_minor: int


class Agreement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One agreement. Amounts are minor units of `currency`, dates of the debtor's calendar.

    Its terms never change: other terms are another agreement that replaces it. `version` counts
    writes; whoever writes it raises it by one, so that two editors do not overwrite each other.
    """

    agreement_id: str
    creditor: str
    currency: str
    kind: AgreementKind
    offer: str  # the rule that it was made by
    state: State
    debts: dict[str, dict[Component, int]]  # what was open by receivable, the oldest first
    calculated_on: date
    instalments: tuple[Instalment, ...]
    every: Every = "month"
    rate: int = 0  # effective annual in millionths that its interest was computed with
    discount: dict[Component, int] = {}  # given up once it is fulfilled
    given_up: dict[Component, int] = {}  # of it, what people have given up before
    tolerance_days: int = 0
    tolerance_minor: int = 0
    resume_at: str = ""  # step at which the ladder goes on once it is broken; empty: for its age
    expires_on: date | None = None  # first day on which nobody can accept it any more
    approval: tuple[str, ...] = ()  # roles of which one still has to approve it
    accepted: Acceptance | None = None
    moved: tuple[Moved, ...] = ()
    # What payments had settled before, by cause and receivable: it does not count here.
    settled_before: dict[str, dict[str, int]] = {}
    booked: tuple[Asked, ...] = ()  # entries that it has asked for
    # Default interest and fees that were charged on its debts between the sum and the acceptance,
    # or while it wrongly counted as broken, and could not be given back, less what people have
    # given up of interest and fees since: they are given up too.
    beside_minor: int = 0
    pauses: tuple[Pause, ...] = ()
    seen: tuple[InstalmentState, ...] = ()  # of each instalment, when it was followed last
    history: tuple[Change, ...] = ()
    replaces: str = ""
    replaced_by: str = ""
    version: int = 0

    @property
    def cause(self) -> str:
        """The cause of the ledger entries that this version asks for."""
        return f"agreement:{self.agreement_id}:{self.version}"

    @property
    def debt(self) -> dict[Component, int]:
        """What it is about, by component."""
        return components(self.debts)

    @property
    def total_minor(self) -> int:
        """What is to be paid in all, interest included."""
        return sum(instalment.amount_minor for instalment in self.instalments)

    @property
    def interest_minor(self) -> int:
        """What of it is interest of the agreement itself."""
        return sum(instalment.interest_minor for instalment in self.instalments)

    @property
    def settles_in_full(self) -> bool:
        """Whether nothing is left of its debts once it is fulfilled (Mexico: a *finiquito*). A
        promise settles what it pays, and no more."""
        return self.kind != "promise" and self.is_about_all

    @property
    def is_about_all(self) -> bool:
        """Whether what is to be paid and what is given up come to all of its debts."""
        settled = self.total_minor - self.interest_minor + sum(self.discount.values())
        return settled >= sum(self.debt.values())

    @property
    def waits_for_approval(self) -> bool:
        """Whether somebody of a role that may has to approve it, and still can."""
        return bool(self.approval) and self.state in ("offered", "accepted")

    @property
    def rests(self) -> bool:
        """Whether its receivables are not escalated, and bear no default interest meanwhile."""
        return self.state in _RESTING


def components(debts: Mapping[str, Mapping[Component, int]]) -> dict[Component, int]:
    """Debts by receivable, added up by component."""
    total: dict[Component, int] = {}
    for debt in debts.values():
        for component, minor in debt.items():
            total[component] = total.get(component, 0) + minor
    return total


def resting(agreements: Iterable[Agreement]) -> dict[str, Agreement]:
    """The receivables that rest, by id, and the agreement under which they do."""
    return {name: one for one in agreements if one.rests for name in one.debts}
