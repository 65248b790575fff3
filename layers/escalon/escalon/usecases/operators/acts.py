"""What a person may ask for on money, what is kept of it, and how it is refused: values."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from escalon.domain.money import Component
from escalon.usecases.payments.book_payments import UnmatchedMoney

type _Document = dict[str, Any]
type Did = Literal[
    "matched",
    "returned",
    "paid",
    "payment_reversed",
    "waived",
    "written_off",
    "credit_applied",
    "allocation_reversed",
]
# wrong: correct the request · not_allowed: somebody else may · not_found: what it is about is not
# there · conflict: things are not as the caller thinks
type Fault = Literal["wrong", "not_allowed", "not_found", "conflict"]


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with one field of a request (of no field if it is empty), and what to do."""

    field: str
    problem: str
    remedy: str


class ActRefusedError(Exception):
    """Nothing was done, and why."""

    def __init__(self, fault: Fault, *problems: Problem) -> None:
        super().__init__("; ".join(f"{p.field}: {p.problem}" for p in problems))
        self.fault: Fault = fault
        self.problems = problems


def refused(fault: Fault, field: str, problem: str, remedy: str) -> ActRefusedError:
    """A refusal for one reason."""
    return ActRefusedError(fault, Problem(field, problem, remedy))


class Person(msgspec.Struct, frozen=True):
    """Who acts, and in which role; authority goes by role. Somebody without one has what any role
    has."""

    who: str
    role: str = ""


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """Unmatched money is an account's; or it is money that was booked there before (`same_as`)."""

    key: str
    why: str
    unmatched_id: str
    account_id: str
    receivable_id: str = ""
    creditor: str = ""
    same_as: str = ""


class Return(msgspec.Struct, frozen=True, omit_defaults=True):
    """Unmatched money goes back to whoever paid it. Sending it back is done elsewhere."""

    key: str
    why: str
    unmatched_id: str


class ManualPayment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money that came by a way that tells us nothing. With `sure` it is none of those before."""

    key: str
    why: str
    account_id: str
    amount_minor: int
    currency: str
    paid_at: datetime | None = None  # now
    receivable_id: str = ""
    creditor: str = ""
    sure: bool = False


class Void(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money that a person entered by mistake was never there."""

    key: str
    why: str
    account_id: str
    payment_id: str


class GiveUp(msgspec.Struct, frozen=True, omit_defaults=True):
    """Waive or write off so much of each component of a receivable, in minor units."""

    key: str
    why: str
    kind: Literal["waiver", "write_off"]
    account_id: str
    receivable_id: str
    currency: str
    amounts_minor: dict[Component, int]


class ApplyCredit(msgspec.Struct, frozen=True, omit_defaults=True):
    """Settle a receivable with unapplied credit: with all that fits, or so much of it at most; of
    all payments, the oldest first, or of one."""

    key: str
    why: str
    account_id: str
    receivable_id: str
    amount_minor: int | None = None
    payment_id: str = ""


class ReverseAllocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a payment settled of a receivable is credit again."""

    key: str
    why: str
    account_id: str
    payment_id: str
    receivable_id: str


type Order = ManualPayment | Void | GiveUp | ApplyCredit | ReverseAllocation


class Act(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person did to an account, as it is kept under the act's key."""

    key: str
    did: Did
    account_id: str
    by: str
    role: str
    at: datetime
    why: str
    asked: _Document
    result: _Document = {}


class Settled(UnmatchedMoney, frozen=True, omit_defaults=True):
    """Unmatched money with the act that settled where it belongs."""

    act: str = ""
    settled_at: datetime | None = None


class Done(msgspec.Struct, frozen=True):
    """What was done; `again` if it had been before."""

    did: Did
    again: bool
    result: _Document


def asked(order: Order) -> _Document:
    """The request, by which a repeated act is known. Why it is done may be put in other words."""
    found: _Document = msgspec.to_builtins(order)
    return {name: value for name, value in found.items() if name not in ("key", "why")}
