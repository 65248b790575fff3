"""What operators and outside systems send over HTTP about agreements and holds, and what they get.

Pydantic models: the function checks requests by them and the OpenAPI description is made from them.
Amounts are whole minor units of the currency named beside them, dates the debtor's calendar.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

Channel = Literal["phone", "reply", "office", "system"]
Every = Literal["week", "fortnight", "twice_monthly", "month"]
Component = Literal["principal", "interest", "tax", "fee"]

Id = Annotated[str, Field(min_length=1, max_length=200)]
Reason = Annotated[str, Field(min_length=1, max_length=500, description="Kept in the audit log.")]
OptionalId = Annotated[str, Field(max_length=200)]
Minor = Annotated[StrictInt, Field(ge=0, lt=10**18, description="In minor units.")]
Key = Annotated[
    str,
    Field(
        max_length=64,
        pattern=r"^[A-Za-z0-9._:-]*$",
        description="Of this very act, if the header Idempotency-Key does not have it.",
    ),
]
Version = Annotated[
    StrictInt | None,
    Field(ge=0, description="The version that you have seen, if the header If-Match does not say."),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class TermsIn(_Request):
    """What is asked for: an offer by its name in the rulebook, and how it is to be paid."""

    offer: Id
    first_on: date
    instalments: Annotated[StrictInt, Field(ge=1, le=120)] = 1
    every: Every = "month"
    amount_minor: Annotated[
        Minor | None, Field(description="Of a promise to pay a part; left out: all that is owed.")
    ] = None
    first_minor: Annotated[
        Minor | None, Field(description="Of the first of several instalments.")
    ] = None
    discount: dict[Component, Minor] = {}
    capacity_minor: Annotated[
        Minor | None, Field(description="What the debtor can pay a month, by their own word.")
    ] = None


class EvidenceIn(_Request):
    """How the debtor agreed, as whoever attended to them has heard it."""

    channel: Channel
    note: Annotated[str, Field(max_length=500)] = ""
    document_hash: Annotated[
        str,
        Field(
            pattern=r"^([0-9a-f]{64})?$",
            description="SHA-256 of the document that was read out; left out: of the present one.",
        ),
    ] = ""


class ActIn(_Request):
    """A key and a reason."""

    key: Key = ""
    why: Reason


class AgreementIn(_Request):
    """Terms for debts of one account. With `accepted` they are offered and accepted in one act."""

    key: Key = ""
    why: Annotated[str, Field(max_length=500)] = ""
    creditor: OptionalId = ""
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    receivables: Annotated[
        list[Id], Field(max_length=30, description="Left out: all that may be agreed on.")
    ] = []
    terms: TermsIn
    replaces: Annotated[OptionalId, Field(description="The agreement that this one replaces.")] = ""
    accepted: EvidenceIn | None = None


class ReplacementIn(_Request):
    """Other terms for the debts of an agreement."""

    key: Key = ""
    version: Version = None
    why: Annotated[str, Field(max_length=500)] = ""
    terms: TermsIn
    accepted: EvidenceIn | None = None


class AcceptanceIn(EvidenceIn):
    """The debtor accepts an offer."""

    key: Key = ""
    version: Version = None


class OnAgreementIn(ActIn):
    """An act on an agreement of a version."""

    version: Version = None


class HoldIn(ActIn):
    """Rest the account, or one receivable, from a day (in) until another (out)."""

    kind: Annotated[Id, Field(description="One of the rulebook's, such as dispute.")]
    starts_on: Annotated[date | None, Field(description="Left out: today.")] = None
    ends_on: Annotated[
        date | None, Field(description="Left out: for as long as the kind may last.")
    ] = None
    receivable_id: Annotated[Id | None, Field(description="Left out: the whole account.")] = None
    owner: Annotated[str, Field(max_length=100)] = ""
    note: Annotated[str, Field(max_length=500)] = ""


class UpdateIn(_Request):
    """The state of an agreement as an outside system has it, whole: `key` is its name there, and a
    higher `version` takes the place of a lower one, in whatever order they come."""

    system: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9_-]+$")]
    key: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:/-]+$")]
    version: Annotated[StrictInt, Field(ge=1, lt=10**15)]
    account_id: Annotated[OptionalId, Field(description="Or source_ref.")] = ""
    source_ref: Annotated[
        OptionalId, Field(description="What the source calls the debtor; or account_id.")
    ] = ""
    state: Literal["agreed", "cancelled"]
    why: Annotated[str, Field(max_length=500)] = ""
    creditor: OptionalId = ""
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    receivables: Annotated[list[Id], Field(max_length=30)] = []
    terms: Annotated[TermsIn | None, Field(description="Needed if it is agreed.")] = None
    note: Annotated[str, Field(max_length=500)] = ""


# ---------------------------------------------------------------------------------- answers


class Sentence(BaseModel):
    """The same sentence for readers of both languages."""

    es: str
    en: str


class ProblemOut(BaseModel):
    """What is wrong with one field of a form (of no field if it is empty): a code, the limit in
    minor units, as a number or a day, the least role that may all the same, and a sentence."""

    field: str
    code: str
    limit: int | date | str | None = None
    role: str = ""
    message: Sentence


class ProblemsOut(BaseModel):
    """Nothing was done, and why: everything at once."""

    problems: list[ProblemOut]


class InstalmentOut(BaseModel):
    """One payment, and what became of it."""

    number: int
    due_on: date
    amount_minor: int
    interest_minor: int = 0
    state: str = "open"
    paid_minor: int = 0
    until: Annotated[date | None, Field(description="The last day on which it is kept.")] = None


class ProposalOut(BaseModel):
    """Terms that the debtor may accept alone, and what they come to."""

    terms: TermsIn
    kind: str
    instalments: list[InstalmentOut]
    total_minor: int
    interest_minor: int
    discount_minor: int
    expires_on: date
    words: Annotated[list[str], Field(description="In the debtor's language.")]


class OffersOut(BaseModel):
    """What may be agreed on a debt today."""

    creditor: str
    currency: str
    calculated_on: date
    debts: Annotated[dict[str, dict[str, int]], Field(description="By receivable and component.")]
    offers: Annotated[list[str], Field(description="Names of the rules that hold.")]
    proposals: list[ProposalOut]


class ChangeOut(BaseModel):
    """Who took it where, when and why."""

    at: datetime
    state: str
    by: str
    who: str = ""
    why: str = ""


class AcceptedOut(BaseModel):
    """How the debtor agreed."""

    at: datetime
    by: str
    channel: str
    who: str = ""
    document_hash: str = ""


class AgreementOut(BaseModel):
    """An agreement and where it stands today. `version` is what If-Match names."""

    agreement_id: str
    version: int
    state: str
    kind: str
    offer: str
    creditor: str
    currency: str
    calculated_on: date
    debts: dict[str, dict[str, int]]
    discount: dict[str, int]
    total_minor: int
    interest_minor: int
    settles_in_full: bool
    instalments: list[InstalmentOut]
    paid_minor: int
    left_minor: int
    payoff_minor: int
    overdue_minor: int
    next_due_on: date | None = None
    broken_on: date | None = None
    resume_at: str = ""
    tolerance_days: int
    tolerance_minor: int
    expires_on: date | None = None
    approval: Annotated[list[str], Field(description="Roles of which one still has to approve it.")]
    accepted: AcceptedOut | None = None
    replaces: str = ""
    replaced_by: str = ""
    history: list[ChangeOut]
    again: Annotated[bool, Field(description="Whether this very act had been done before.")] = False


class AgreementsOut(BaseModel):
    """Agreements, the oldest first."""

    agreements: list[AgreementOut]


class PreviewOut(BaseModel):
    """What the terms would come to, and what keeps whoever asks from agreeing to them alone."""

    agreement: AgreementOut | None
    problems: list[ProblemOut]


class HoldOut(BaseModel):
    """A hold, who placed and ended it, and whether it counts today."""

    hold_id: str
    kind: str
    starts_on: date
    ends_on: date | None = None
    receivable_id: str | None = None
    rests: bool
    source: str = ""
    owner: str = ""
    note: str = ""
    placed_at: datetime | None = None
    placed_by: str = ""
    placed_why: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_why: str = ""
    again: bool = False


class HoldsOut(BaseModel):
    """Holds, the oldest first, and the kinds that may be placed with the days they last at most."""

    holds: list[HoldOut]
    kinds: dict[str, int | None]


class UpdateOut(BaseModel):
    """What became of an update. outdated: a higher version had come before."""

    system: str
    key: str
    version: int
    became: Literal["applied", "refused", "outdated"]
    account_id: str = ""
    agreement_id: str = ""
    at: datetime
    problems: list[ProblemOut] = []


class UpdatesOut(BaseModel):
    """Updates that were refused and have not been put right since, the oldest first."""

    updates: list[UpdateOut]
    more: bool
