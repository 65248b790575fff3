"""The rulebook: everything an operator edits, checked and compiled into one immutable value.

Operators write YAML and templates (see `authoring`); what is published is this value as canonical
JSON, named by the hash of its content. Nothing here reads files and nothing here can fail on a
rulebook that `authoring` has accepted (invariant 10).
"""

from datetime import date
from typing import Any, Literal

import msgspec

from escalon.domain.contact_policy import Policy

Stage = Literal["pre_due", "reminder", "firm", "negotiation", "pre_legal", "legal"]
STAGES: tuple[Stage, ...] = ("pre_due", "reminder", "firm", "negotiation", "pre_legal", "legal")

# A condition as a tree of plain lists, e.g. ["and", ["tag", "vip"], ["open", {"COP": 100}]].
# `conditions.py` gives its words and its meaning.
Condition = list[Any]


class Need(msgspec.Struct, frozen=True, omit_defaults=True):
    """An earlier step that must have been delivered, and how long it is waited for."""

    step: str
    within_days: int = 10


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rung. `day` is days past due, negative before the due date. A step's name stands for it
    in the whole rulebook: receivables, intents and reports name it without its strategy."""

    step: str
    stage: Stage
    day: int
    gap_days: int = 0  # whole days that must pass after the previous step
    only_if: Condition | None = None
    needs: Need | None = None
    wait_days: int = 0  # notice: nobody goes further before it has passed
    channels: tuple[str, ...] = ()  # contact channels in order; empty for a task
    message: str = ""  # name of the message template
    task: str = ""  # kind of task for a person; empty for a message
    task_due_days: int = 3  # days a person has: for the task, for a letter, or to mend its data
    script: str = ""
    approval: str = ""
    # What the receivable that carries the step is charged once it has gone out, in minor units by
    # currency; of a currency that is not listed: nothing.
    fee_minor: dict[str, int] = {}
    source: str = ""  # file:line, for explanations


class LadderEnd(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happens when the ladder has no further rung: a task for a person, once or repeated."""

    task: str = "review"
    every_days: int = 0  # 0: once
    queue: str = ""  # whom it is handed to
    due_days: int = 5
    source: str = ""


class Strategy(msgspec.Struct, frozen=True, omit_defaults=True):
    """An ordered ladder for the accounts that its condition picks; the first that holds wins."""

    strategy: str
    condition: Condition
    steps: tuple[Step, ...]
    end: LadderEnd
    old_debt_enters: Literal["first step", "step for its age"]
    source: str = ""


class HoldKind(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reason to rest an account or a receivable, and for how long at most (None: no limit)."""

    at_most_days: int | None = None


type Component = Literal["principal", "interest", "fee", "tax"]


class Allocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a payment settles first. Components in `order` over all receivables of the creditor and
    currency, each from the oldest due date on; with `named_first` the receivable that the payer
    named goes before all others (Colombia: Civil Code 1653, 1654)."""

    order: tuple[Component, ...] = ("fee", "tax", "interest", "principal")
    named_first: bool = True


# Each kind is a module of `escalon.providers`.
type ProviderKind = Literal["stripe", "standard_webhooks", "mercadopago", "payu", "epayco", "wompi"]


class PaymentProvider(msgspec.Struct, frozen=True, omit_defaults=True):
    """One account at a payment provider; its name is the last part of the webhook's address."""

    provider: str
    kind: ProviderKind
    environment: Literal["production", "sandbox"]
    creditor: str = ""  # whose account it is; empty if several creditors share it
    api: str = ""  # base address of the provider's API; empty: it is never asked
    tolerance_seconds: int = 300  # how old a signed timestamp may be; 0 where there is none
    merchant: dict[str, str] = {}  # public values by which the provider knows us
    mapping: dict[str, Any] = {}  # of a Standard Webhooks sender's payload into a notice
    currencies: tuple[str, ...] = ()  # debts that its checkout takes; empty: none is sent there


class Payments(msgspec.Struct, frozen=True, omit_defaults=True):
    """How money is taken."""

    providers: dict[str, PaymentProvider] = {}
    allocation: dict[str, Allocation] = {}  # by the creditor's country, "*" for any other
    # Money under way (pending, or signed and not yet confirmed) holds any asking for so long.
    awaited_hours: int = 24
    # Money of two sources with one reference, amount and currency is one payment if the dates lie
    # no further apart than this.
    same_within_days: int = 3
    feeds: dict[str, int] = {}  # name of a payment feed -> hours after which it is too old to ask
    receipts: bool = False  # whether a payer gets a receipt by e-mail
    # What a role may waive or write off at once, in minor units by currency; "*" for any role.
    authority: dict[str, dict[str, int]] = {}


class Rate(msgspec.Struct, frozen=True):
    """A month's rate: effective annual, in millionths (25.52 % is 255_200)."""

    month: str  # YYYY-MM
    effective_annual: int
    source: str


class RateTable(msgspec.Struct, frozen=True):
    """Rates by month (YYYY-MM), as an authority certifies them; only those that are verified."""

    table: str
    rates: dict[str, Rate]


class InterestTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """Default interest that a creditor charges: the agreed rate, never above the table's."""

    cap_table: str
    agreed: int | None = None  # effective annual in millionths; None: the table's own rate
    from_day: int = 1  # days past due from which it accrues
    since: date | None = None  # no day before it is charged; None: no such limit
    currencies: tuple[str, ...] = ()  # of the debts that bear it; no other does
    source: str = ""


class Creditor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who the money is owed to, and in whose name we write."""

    creditor: str
    name: str
    legal_name: str
    tax_id: str
    country: str
    email_from: str
    reply_to: str
    phone: str
    address: str = ""
    website: str = ""
    signature: str = ""  # the person or team that signs
    pay_url: str = ""  # where to pay; {reference} is replaced by the document
    pay_instructions: dict[str, str] = {}  # by locale: plain text
    help_url: str = ""
    privacy_url: str = ""
    complaints: dict[str, str] = {}  # by locale: where to complain or dispute
    collector_name: str = ""  # if another firm collects in the creditor's name
    sms_sender_id: str = ""
    brand_colour: str = "#1f4e5f"
    feeds: tuple[str, ...] = ()  # payment feeds that tell what was paid to this creditor
    interest: InterestTerms | None = None


class Chase(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is chased at all."""

    from_minor: dict[str, int]  # open balance from which a currency is chased; unlisted: never
    oldest_debt_days: int = 0  # 0: no limit


type AgreementKind = Literal["promise", "plan", "extension", "settlement"]

# twice_monthly: on the 15th and on the last day, as wages are paid in much of Latin America
type Every = Literal["week", "fortnight", "twice_monthly", "month"]


class PlanInterest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agreement bears until it is paid: the rate, never above the table's of the month in
    which it is made; nothing in a month that the table lacks."""

    rate: int  # effective annual in millionths
    cap_table: str
    currencies: tuple[str, ...]  # of the debts that bear it; no other does


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far an offer may go. A share is in hundredths of a percent (2_500 is 25 %)."""

    first_within_days: int = 0  # days from today until the first payment
    most_instalments: int = 1
    most_discount: dict[Component, int] = {}  # share of what is open of the component
    most_broken: int | None = None  # agreements on these debts broken before; None: no limit


class OfferRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """What may be offered to the accounts that its condition picks. Every rule that holds is on
    offer; empty strategies or stages, and an age of None, are any."""

    offer: str
    kind: AgreementKind
    condition: Condition
    limits: Limits  # up to which a debtor agrees alone
    strategies: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    from_days: int | None = None  # days past due of the oldest debt
    to_days: int | None = None
    least_first: int = 0  # share of what is to be paid that the first payment is at least
    least_instalments: int = 1
    show: tuple[int, ...] = ()  # numbers of instalments that are proposed
    every: tuple[Every, ...] = ("month",)
    # Of any instalment but the last, by currency; several are offered in these currencies alone.
    least_instalment_minor: dict[str, int] = {}
    round_minor: dict[str, int] = {}  # instalments are multiples of it, but for the last
    interest: PlanInterest | None = None
    tolerance_days: int = 0
    tolerance_minor: dict[str, int] = {}
    resume_at: str = ""  # step at which the ladder goes on once it is broken; empty: for its age
    stands_days: int = 7  # how long an offer stands
    # What more a role may agree to, the least of them first; "*" is whoever is not the debtor.
    beyond: dict[str, Limits] = {}
    source: str = ""  # file:line, for explanations


class AgreementRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """What may be agreed with a debtor, and how instalments are reminded of: steps whose `day` is
    counted from the instalment's due date."""

    offers: tuple[OfferRule, ...] = ()
    reminders: tuple[Step, ...] = ()


class Rulebook(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that decisions and messages follow, versioned together."""

    rulebook: str
    language: str  # locale used unless the account says otherwise
    chase: Chase
    # By the debtor's country, "*" for any other, "" where nobody knows it; each is composed.
    contact_policies: dict[str, Policy]
    strategies: tuple[Strategy, ...]
    holds: dict[str, HoldKind]
    creditors: dict[str, Creditor]
    messages: dict[str, dict[str, str]]  # locale -> template name (and layouts) -> source
    default_zone: str
    delivered_after_hours: int = 48  # accepted and not failed for so long counts as delivered
    payments: Payments = Payments()
    rates: dict[str, RateTable] = {}
    agreements: AgreementRules = AgreementRules()
    version: str = ""  # content hash; set when it is loaded

    def policy_for(self, country: str) -> Policy:
        """The composed contact policy of the debtor's country, or the one for any other."""
        return self.contact_policies.get(country) or self.contact_policies["*"]

    def allocation_for(self, creditor: str) -> Allocation:
        """What a payment to this creditor settles first, by the law of the creditor's country."""
        rules = self.payments.allocation
        known = self.creditors.get(creditor)
        return rules.get(known.country if known else "*") or rules.get("*") or Allocation()
