"""The rulebook: everything an operator edits, checked and compiled into one immutable value.

Operators write YAML and templates (see `authoring`); what is published is this value as canonical
JSON, named by the hash of its content. Nothing here reads files and nothing here can fail on a
rulebook that `authoring` has accepted (invariant 10).
"""

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

import msgspec

from escalon.domain.account import Role
from escalon.domain.agreements.agreed import AgreementKind, Every
from escalon.domain.contact.channels import Channels
from escalon.domain.contact.pacing import Cap
from escalon.domain.contact.policy import Policy
from escalon.domain.money import Component
from escalon.domain.retention import Retention

Stage = Literal["pre_due", "reminder", "firm", "negotiation", "pre_legal", "legal"]
STAGES: tuple[Stage, ...] = ("pre_due", "reminder", "firm", "negotiation", "pre_legal", "legal")

# The name that work without a step has where a step is named.
END = "end"

# A condition as a tree of plain lists, e.g. ["and", ["tag", "vip"], ["open", {"COP": 100}]].
# `conditions.py` gives its words and its meaning.
Condition = list[Any]


CALL = "call"  # the task to telephone the debtor


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
    # Who is written to: the debtor, and then each co-debtor or guarantor of a named role.
    to: tuple[Role, ...] = ("debtor",)
    message: str = ""  # name of the message template
    attach: str = ""  # what goes with an e-mail: "statement", as PDF
    task: str = ""  # kind of task for a person; empty for a message
    task_due_days: int = 3  # days a person has: for the task, for a letter, or to mend its data
    script: str = ""
    approval: str = ""
    # What the receivable that carries the step is charged once it has gone out, in minor units by
    # currency; of a currency that is not listed: nothing.
    fee_minor: dict[str, int] = {}
    gives: tuple[str, ...] = ()  # the statutory notices (NoticeName) that the message is
    action: str = ""  # the Action behind a gate of the contact policy that the step carries out
    source: str = ""  # file:line, for explanations

    @property
    def contacts_by(self) -> tuple[str, ...]:
        """The channels by which the debtor is contacted, in order: those of the message, or that of
        a call; none if the step is other work for a person."""
        return ("voice",) if self.task == CALL else self.channels


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
    stop: str = ""  # the StopKind of the contact policies that it is; empty: none


class Allocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a payment settles first. Components in `order` over the receivables that are settled
    together (domain/payments/allocation.py), each from the oldest due date on; with `named_first`
    the receivable that the payer named goes before all others (Colombia: Civil Code 1653, 1654).
    What is on hold comes last, or is settled by money that names it alone (United States: 15 U.S.C.
    1692h)."""

    order: tuple[Component, ...] = ("fee", "tax", "interest", "principal")
    named_first: bool = True
    held: Literal["last", "never"] = "last"


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
    collector_address: str = ""
    collector_registration: str = ""  # its number in the register that its country keeps
    collector_responsible: str = ""  # the person who answers for it
    sms_sender_id: str = ""
    # Whether its e-mail goes by an SES configuration set of its own (docs/delivery.md).
    own_configuration_set: bool = False
    brand_colour: str = "#1f4e5f"
    feeds: tuple[str, ...] = ()  # payment feeds that tell what was paid to this creditor
    on_file: tuple[str, ...] = ()  # what gates ask for (OnFile) and every debt to it has
    bureaus: tuple[str, ...] = ()  # the credit bureaus that it reports to, as its notices name them
    interest: InterestTerms | None = None


class Chase(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is chased at all."""

    from_minor: dict[str, int]  # open balance from which a currency is chased; unlisted: never
    oldest_debt_days: int = 0  # 0: no limit


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


type FactorName = Literal["share_late", "mean_days_late", "trend", "broken_agreements", "exposure"]


class RiskModel(msgspec.Struct, frozen=True, omit_defaults=True):
    """By what a debtor's own history is graded. Shares are in hundredths of a percent."""

    model: str  # its name, changed with its figures
    weights: dict[FactorName, int]
    grades: dict[str, int]  # in order, each with the score below which it is given
    expected: int  # share paid late of a debtor of whom nothing is known
    weighs_as: int = 2  # settled receivables as which that share counts
    worst_days: int = 30  # mean days late that count as the worst
    least_settled: int = 3  # nobody of whom less is known has a grade
    source: str = ""


class CreditRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a person is asked to look at a credit limit or at payment terms. Shares are in
    hundredths of a percent."""

    every_days: int  # between two reviews of an account
    lower: tuple[str, ...] = ()  # grades whose limit should be lower
    higher: tuple[str, ...] = ()  # grades whose limit may be higher, if they use it
    used: int = 8_000  # share of the limit from which somebody uses it
    by: int = 2_500  # share of the limit by which it is proposed to change
    terms_days: dict[str, int] = {}  # by grade: the most days that it should have to pay
    due_days: int = 10  # days that a person has


class Arm(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the ways that an experiment compares: a share of the debtors, in hundredths of a
    percent, and the ladder that they climb. Those of a hold-out rest for so many days instead."""

    arm: str
    share: int
    strategy: str
    rests_days: int = 0


class Experiment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Champion and challengers: who is compared by what, all stated before it begins. Shares are in
    hundredths of a percent. The first arm is the champion's."""

    experiment: str
    condition: Condition
    first_day: date
    last_day: date  # on which a debtor may enter
    arms: tuple[Arm, ...]
    within_days: int  # a debtor has recovered who paid so much by then
    recovered: int  # share of what was open that counts as recovered
    baseline: int  # share of debtors expected to recover under the champion
    detects: int  # difference between shares that it is to find
    confidence: int = 9_500
    power: int = 8_000
    # The most of an arm's debtors, as a share, that may complain, opt out or dispute.
    guard_rails: dict[Literal["complaints", "opt_outs", "disputes"], int] = {}
    guarded_from: int = 50  # debtors of an arm from which its guard rails are looked at
    source: str = ""

    @property
    def champion(self) -> Arm:
        """What is done without it."""
        return self.arms[0]


class Publishing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What it takes to put another rulebook in the place of this one, and how this one takes over
    from the one before."""

    approval: bool = False  # whether a second person has to approve
    plan: bool = False  # whether there has to be a plan
    plan_within_hours: int = 24  # how old the plan's book may be
    # Accounts whose ladder is under way stay on the rulebook they are on until their next step.
    keep: bool = False


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
    caps: tuple[Cap, ...] = ()  # on messages
    send_within_hours: int = 0  # what was decided longer ago is not sent any more; 0: no limit
    payments: Payments = Payments()
    rates: dict[str, RateTable] = {}
    agreements: AgreementRules = AgreementRules()
    publishing: Publishing = Publishing()
    segments: dict[str, Condition] = {}  # conditions by name; where they are used they stand whole
    risk: RiskModel | None = None
    credit: CreditRules | None = None
    experiments: tuple[Experiment, ...] = ()
    channels: Channels = Channels()
    retention: dict[str, dict[str, Retention]] = {}  # by the creditor's country, then by kind
    version: str = ""  # content hash; set when it is loaded

    def retention_for(self, creditors: Iterable[str]) -> dict[str, Retention]:
        """How long each kind of record stays, by the laws of these creditors' countries: the
        longest of them, since each binds the books of its own."""
        longest: dict[str, Retention] = {}
        countries = {known.country for name in creditors if (known := self.creditors.get(name))}
        for country in sorted(countries) or ["*"]:
            for kind, rule in (self.retention.get(country) or self.retention.get("*", {})).items():
                if kind not in longest or rule.months > longest[kind].months:
                    longest[kind] = rule
        return longest

    def find_step(self, name: str, *, reminder: bool = False) -> Step | None:
        """The step of that name: of a ladder, or a reminder of instalments."""
        ladders = [self.agreements.reminders] if reminder else [s.steps for s in self.strategies]
        return next((step for steps in ladders for step in steps if step.step == name), None)

    def policy_for(self, country: str) -> Policy:
        """The composed contact policy of the debtor's country, or the one for any other."""
        return self.contact_policies.get(country) or self.contact_policies["*"]

    def allocation_for(self, creditor: str) -> Allocation:
        """What a payment to this creditor settles first, by the law of the creditor's country."""
        rules = self.payments.allocation
        known = self.creditors.get(creditor)
        return rules.get(known.country if known else "*") or rules.get("*") or Allocation()


def version_of(rulebook: Rulebook) -> str:
    """The rulebook's name: the hash of its canonical JSON, all but the version itself."""
    plain = msgspec.structs.replace(rulebook, version="")
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:16]
