"""An account: one debtor with everything that a decision needs, as one immutable value.

The account's item in the table carries this value as one JSON document (see adapters/table), so
deciding needs one read and its result is one conditional write. What does not fit stands in items
of its own: receivables beyond the twenty oldest, ledger entries, whole messages, tasks.
"""

from datetime import date, datetime
from typing import Literal

import msgspec

from escalon.domain.agreements.agreed import Agreement
from escalon.domain.calendar import Week
from escalon.domain.contact.facts import (
    Conversation,
    ExtraHours,
    Notice,
    PointFacts,
    Request,
)

Channel = Literal["email", "sms", "whatsapp", "voice", "letter"]
Role = Literal["debtor", "codebtor", "guarantor"]
# opened: a task stands on somebody's list · unknown: nobody knows whether the message left
# undone: a person has taken back what it was (usecases/undo_run)
# delayed: the carrier is still trying
StepState = Literal["sent", "delayed", "delivered", "failed", "unknown", "opened", "undone"]
IntentState = Literal["planned", "sending"]

EMBEDDED_RECEIVABLES = 20


class Consent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A debtor's permission for one contact point, with what proves it (contact-law C2)."""

    granted_on: date | None = None
    evidence: str = ""
    revoked_at: datetime | None = None

    @property
    def stands(self) -> bool:
        return self.revoked_at is None


class ContactPoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """One address of a debtor on one channel."""

    point_id: str
    channel: Channel
    address: str
    consent: Consent | None = None
    failed: str = ""  # why it is known not to work; empty while it may
    known: PointFacts = PointFacts()


class Hold(msgspec.Struct, frozen=True, omit_defaults=True):
    """A dated reason not to contact; `starts_on` is in, `ends_on` is out, in the debtor's zone."""

    hold_id: str
    kind: str
    starts_on: date
    ends_on: date | None = None
    receivable_id: str | None = None
    source: str = ""
    note: str = ""
    owner: str = ""  # who looks after it: a person or a team


class StepRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """That a receivable carried a step: when, by what, and what became of it."""

    at: datetime
    state: StepState
    channel: str
    intent_id: str
    attempts: int = 1
    tried: tuple[str, ...] = ()  # channels whose attempt for this step is known to have failed
    unsure: bool = False  # one of those attempts may have arrived all the same
    gives: tuple[str, ...] = ()  # the statutory notices that its message is, once it is delivered

    @property
    def is_behind(self) -> bool:
        """Whether the step is taken: it was not refused, and nobody has taken it back."""
        return self.state not in ("failed", "undone")


class Receivable(msgspec.Struct, frozen=True, omit_defaults=True):
    """One open obligation. Amounts are minor units of `currency`."""

    receivable_id: str
    creditor: str
    document: str
    issued_on: date
    due_on: date | None
    currency: str
    amount_minor: int
    open_minor: int
    known_on: date
    source: str = ""  # the mapping of the import that told us
    stated_open_minor: int | None = None  # what the source said last, which is not always what is
    given_up_minor: int = 0  # principal that was given up here, which its source does not know yet
    steps: dict[str, StepRecord] = {}
    # What of `open_minor` is not principal, by component (interest, fee, tax); zeros are left out.
    extras: dict[str, int] = {}
    charged: tuple[str, ...] = ()  # steps whose fee was charged
    # Default interest: the day through which it is charged; what rounding left, in millionths of a
    # minor unit (below 0: interest paid in advance); and how often that day was set back, so that
    # the same days can be charged again.
    accrued_through: date | None = None
    accrued_rest: int = 0
    accrued_again: int = 0
    first_contact_at: datetime | None = None  # the first communication about it
    # Statutory notices that were given of it other than by its steps, which say so themselves.
    notices: tuple[Notice, ...] = ()
    noticed: tuple[StepRecord, ...] = ()  # messages that gave some, carried by another receivable
    on_file: tuple[str, ...] = ()  # what gates ask for (OnFile) and we have
    settled_late: int | None = None  # days late on which it was settled, as `Behaviour` counts it

    @property
    def principal_minor(self) -> int:
        """What of the open balance is principal."""
        return self.open_minor - sum(self.extras.values()) if self.extras else self.open_minor


class Beyond(msgspec.Struct, frozen=True, omit_defaults=True):
    """Open receivables that the account's document has no room for, summed."""

    count: int
    open_minor: int


class Ladder(msgspec.Struct, frozen=True, omit_defaults=True):
    """The escalation clock towards one creditor."""

    last_step: str = ""
    last_at: datetime | None = None
    # The receivable for which the ladder has ended, when a person was last asked, and how often.
    ended_for: str = ""
    ended_at: datetime | None = None
    ended_times: int = 0


class ContactRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One contact as the contact clock of the person counts it."""

    message_id: str
    channel: str
    at: datetime
    creditor: str = ""
    reached: bool = True  # False: it is proven that it reached nobody (hard bounce, reject)


class Intent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A contact or task that was decided, and is not settled yet. Its id is a function of what was
    decided, so whatever runs twice makes the same intent (invariant 1)."""

    intent_id: str
    state: IntentState
    creditor: str
    receivable_id: str  # the carrying receivable
    step: str
    stage: str
    channel: str  # a contact channel, or "task"
    point_id: str
    task: str  # kind of work for a person; empty for a message
    rulebook: str  # content hash of the rulebook that decided it, which also renders it
    decided_at: datetime
    run_id: str = ""
    sending_at: datetime | None = None
    attempt: int = 1
    about: str = ""  # a task's object: the message id of a contact, or the mark of what to mend
    queue: str = ""  # whom the ladder hands to at its end
    due_days: int = 0  # days a person has for a task
    gives: tuple[str, ...] = ()  # the statutory notices that its message is
    shows: tuple[str, ...] = ()  # once it is claimed: the receivables that its message is about
    resumed: int = 0  # how often it was put on its queue again
    planned_at: datetime | None = None  # when it was first decided, if it was queued again since
    send_at: datetime | None = None  # its turn, if it may not go at once (domain/contact/pacing.py)
    reminder: str = ""  # of an instalment, in place of a ladder's step (`Account.reminded`)
    # Who is written to in the debtor's place: the account of a co-debtor or guarantor, and as what.
    person: str = ""
    role: Role = "debtor"


class Awaited(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money that is under way: pending at its provider, or told by a signature that leaves out what
    matters and not yet confirmed. Until then nobody asks for it; it never holds longer (L21)."""

    payment_id: str
    since: datetime
    until: datetime
    creditor: str = ""  # empty: nobody can tell yet, so it holds for all
    amount_minor: int | None = None
    currency: str = ""


class SeenPayment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payment booked lately, kept in sight so that another source's word of the same money is
    known again (invariant 5)."""

    payment_id: str
    source: str
    amount_minor: int
    currency: str
    paid_at: datetime
    receivable_id: str = ""
    by_provider: bool = False  # told by the provider that took it, who tells of each once
    seen_in: tuple[str, ...] = ()  # further sources that have told of it


class Behaviour(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the debtor has paid so far, summed as money moves (domain/rules/behaviour.py)."""

    settled: int = 0  # receivables that were settled
    late: int = 0  # those of them after their due date
    late_days: int = 0  # days late of all of them together
    recent: tuple[int, ...] = ()  # days late of the latest ones, the newest last
    kept: int = 0  # agreements that were fulfilled
    broken: int = 0


class Trial(msgspec.Struct, frozen=True, omit_defaults=True):
    """The account's part in an experiment: its arm, what was open when it entered, and what of that
    has come within the time that the experiment measures. Minor units by currency."""

    arm: str
    entered_at: datetime
    until: datetime  # what comes up to this instant counts
    owed_minor: dict[str, int]
    came_minor: dict[str, int] = {}
    complained: bool = False  # about one of our messages


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """Another person who answers for this account's debt."""

    account_id: str
    role: Role


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """One debtor, a person or a company."""

    account_id: str
    source_ref: str
    name: str
    kind: Literal["person", "company"] = "person"
    country: str = ""
    region: str = ""
    zones: tuple[str, ...] = ()
    language: str = ""
    tags: tuple[str, ...] = ()
    risk: str = ""  # as the source states it; empty: what its own behaviour says
    known_on: date | None = None  # the day on which we came to know it
    credit_limits: dict[str, int] = {}  # what it may owe at most, in minor units by currency
    terms_days: int | None = None  # days that it has to pay an invoice
    behaviour: Behaviour = Behaviour()
    trials: dict[str, Trial] = {}  # by experiment
    points: tuple[ContactPoint, ...] = ()
    holds: tuple[Hold, ...] = ()
    receivables: tuple[Receivable, ...] = ()
    beyond: dict[str, Beyond] = {}  # by "creditor|currency"
    credits: dict[str, int] = {}  # unapplied credit in minor units, by "creditor|currency"
    ladders: dict[str, Ladder] = {}  # by creditor
    contacts: tuple[ContactRecord, ...] = ()
    intents: tuple[Intent, ...] = ()
    links: tuple[Link, ...] = ()
    awaited: tuple[Awaited, ...] = ()
    payments: tuple[SeenPayment, ...] = ()
    spreading: tuple[str, ...] = ()  # payments whose booking goes on in further transactions
    # The version of the rulebook that it is on: the one that decided about it last, or, once that
    # one has had its next step, the one that took its place.
    ruled_by: str = ""
    exceptions: tuple[str, ...] = ()  # bad data that a person was asked to mend, by its mark
    agreements: tuple[Agreement, ...] = ()  # in the order in which they were made
    ended: tuple[str, ...] = ()  # agreements that ended long ago, each an item of its own
    # Reminders of instalments by "<agreement>/<instalment>/<step>": what became of each.
    reminded: dict[str, StepRecord] = {}
    # What became of a step's message to co-debtors and guarantors: "<receivable>/<step>/<account>".
    followed: dict[str, StepRecord] = {}
    # How the person wants to be contacted, and when we spoke. None: nobody keeps conversations.
    number_zones: tuple[str, ...] = ()  # where the telephone numbers are from
    refused_channels: tuple[str, ...] = ()
    hours: Week | None = None
    extra_hours: ExtraHours | None = None
    requests: tuple[Request, ...] = ()
    conversations: tuple[Conversation, ...] | None = None


def pot(creditor: str, currency: str) -> str:
    """The key under which balances of one creditor and currency are kept apart."""
    return f"{creditor}|{currency}"
