"""The audit log: every act of a person, with who, when and why (invariant 11).

An act stands in the log by the very write that has its effect, so neither is without the other. It
is written once and never changed. `about` holds ids and codes only; `why` is the person's own
sentence and may name people, so it stays in the table and is told to no log and no event bus.
"""

from datetime import UTC, date, datetime
from typing import Literal

import msgspec

# What was done, in the past tense. A further one is a line here and a word in explanation of it.
type Done = Literal[
    # brakes
    "stopped",
    "resumed",
    "run_undone",
    "excluded",
    "included",
    # the rulebook
    "plan_approved",
    "published",
    "canary_started",
    "promoted",
    "rolled_back",
    # money
    "matched",
    "returned",
    "paid",
    "payment_reversed",
    "waived",
    "written_off",
    "credit_applied",
    "allocation_reversed",
    # agreements and holds
    "agreed",
    "agreement_approved",
    "agreement_accepted",
    "agreement_cancelled",
    "hold_placed",
    "hold_ended",
    # contact: what the debtor asked for, as a person wrote it down
    "conversation_noted",
    "attempt_noted",
    "request_noted",
    "hours_opened",
    "consent_recorded",
    "consent_revoked",
    "data_exported",
    "data_erased",
    "links_revoked",
    "notice_noted",
    # work of people
    "task_closed",
    # risk and experiments
    "limit_set",
    "review_decided",
    "experiment_started",
    "experiment_stopped",
]


class Act(msgspec.Struct, frozen=True, omit_defaults=True):
    """One act. `act_id` is the key under which its caller does it once; `who` is the ARN of whoever
    signed, `debtor` for the debtor at the portal, or `escalon` for what the system does by a rule
    that a person has put in force; `about` names ids, such as `account_id` or `run_id`."""

    act_id: str
    at: datetime
    who: str
    did: Done
    why: str
    about: dict[str, str] = {}
    role: str = ""


def day_of(at: datetime) -> date:
    """The day of the log on which an act stands: the UTC date of its instant."""
    return at.astimezone(UTC).date()


def is_about(act: Act, account_id: str) -> bool:
    """Whether an act is about this account."""
    return act.about.get("account_id") == account_id
