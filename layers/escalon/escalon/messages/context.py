"""What a message knows: one debtor, one creditor, and the statement as the ledger gave it.

The caller reads the ledger at the last look and fills this in; everything else (totals, what is to
be paid) is derived here, per currency, so that no amount in a message is computed elsewhere.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import msgspec

if TYPE_CHECKING:
    from escalon.domain.money import Component
    from escalon.domain.rules.rulebook import Creditor


class Amount(msgspec.Struct, frozen=True, order=True):
    """An amount of money as templates print it; the reader's locale gives it its form."""

    currency: str
    minor: int


class StatementLine(msgspec.Struct, frozen=True):
    """One open receivable as the debtor sees it. Amounts are minor units of `currency`;
    `days_past_due` is negative before the due date, and 0 when there is none."""

    receivable_id: str
    document: str
    issued_on: date
    due_on: date | None
    days_past_due: int
    currency: str
    amount_minor: int
    open_minor: int
    interest_minor: int = 0  # of `open_minor`: default interest
    fees_minor: int = 0  # of `open_minor`: fees and the tax on them

    @property
    def open(self) -> Amount:
        return Amount(self.currency, self.open_minor)

    @property
    def interest(self) -> Amount:
        return Amount(self.currency, self.interest_minor)

    @property
    def fees(self) -> Amount:
        return Amount(self.currency, self.fees_minor)

    @property
    def amount(self) -> Amount:
        return Amount(self.currency, self.amount_minor)

    @property
    def paid(self) -> Amount:
        """What of the initial amount is not open any more."""
        first_open = self.open_minor - self.interest_minor - self.fees_minor
        return Amount(self.currency, self.amount_minor - first_open)

    @property
    def partly_paid(self) -> bool:
        return self.paid.minor > 0


class BeyondLine(msgspec.Struct, frozen=True):
    """Open receivables that the statement does not list one by one, summed in one currency."""

    currency: str
    count: int
    open_minor: int

    @property
    def open(self) -> Amount:
        return Amount(self.currency, self.open_minor)


class Total(msgspec.Struct, frozen=True):
    """The sums of one currency; currencies are never added together."""

    currency: str
    overdue_minor: int
    upcoming_minor: int
    credit_minor: int
    to_pay_minor: int

    @property
    def overdue(self) -> Amount:
        return Amount(self.currency, self.overdue_minor)

    @property
    def upcoming(self) -> Amount:
        return Amount(self.currency, self.upcoming_minor)

    @property
    def credit(self) -> Amount:
        return Amount(self.currency, self.credit_minor)

    @property
    def to_pay(self) -> Amount:
        return Amount(self.currency, self.to_pay_minor)


class Instalment(msgspec.Struct, frozen=True):
    """An instalment of an agreement that a message reminds of: which of how many, and what of it is
    still to be paid; `days_past_due` is negative before its day, `until` the last day on which it
    is kept."""

    number: int
    count: int
    due_on: date
    left: Amount
    days_past_due: int
    until: date


class MessageContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one message to one debtor about one creditor may say.

    `overdue` holds the lines past their due date, `upcoming` the others; both are whole, so one
    message carries the full statement (L11). `credits` is unapplied money in minor units by
    currency (L15). `today` is the date of the balances in the debtor's zone.
    """

    message_id: str
    debtor_name: str
    debtor_kind: Literal["person", "company"]
    locale: str
    creditor: "Creditor"
    step: str
    stage: str
    today: date
    overdue: tuple[StatementLine, ...]
    upcoming: tuple[StatementLine, ...]
    credits: dict[str, int] = {}
    beyond: tuple[BeyondLine, ...] = ()
    role: Literal["debtor", "codebtor", "guarantor"] = "debtor"
    respond_by: date | None = None  # the step's notice time ends: nothing severer before it
    account_url: str = ""  # the debtor's own page, by the message's signed link
    offers_url: str = ""  # what of it says what may be agreed
    pay_url: str = ""  # the debtor's own page if one can pay there, else the creditor's
    preferences_url: str = ""  # where the debtor changes channel or stops messages
    unsubscribe_url: str = ""  # one click, RFC 8058
    two_way: bool = False  # whether a reply to this SMS reaches us
    notices: tuple[str, ...] = ()  # the words of the law where the debtor lives
    instalment: Instalment | None = None  # that the message reminds of; its line is the statement

    @property
    def asks_for(self) -> Literal["overdue", "upcoming"]:
        """What the message asks to be paid: what is overdue, and before that what comes due."""
        return "upcoming" if self.stage == "pre_due" else "overdue"

    @property
    def totals(self) -> tuple[Total, ...]:
        """Per currency, in the order of their codes: sums of the lines listed, unapplied credit,
        and what is to be paid after that credit, never below zero."""
        overdue = _sums(self.overdue)
        upcoming = _sums(self.upcoming)
        credit = {code: minor for code, minor in self.credits.items() if minor > 0}
        asked = overdue if self.asks_for == "overdue" else upcoming
        return tuple(
            Total(
                currency=code,
                overdue_minor=overdue.get(code, 0),
                upcoming_minor=upcoming.get(code, 0),
                credit_minor=credit.get(code, 0),
                to_pay_minor=max(0, asked.get(code, 0) - credit.get(code, 0)),
            )
            for code in sorted({*overdue, *upcoming, *credit})
        )

    @property
    def to_pay(self) -> tuple[Amount, ...]:
        """What the message asks for, per currency, without the currencies that credit covers."""
        return tuple(total.to_pay for total in self.totals if total.to_pay_minor > 0)


class SettledComponent(msgspec.Struct, frozen=True):
    """What of a payment settled one component of one receivable."""

    component: "Component"
    amount: Amount


class SettledLine(msgspec.Struct, frozen=True):
    """What of a payment settled one receivable; its components are of one currency."""

    document: str
    components: tuple[SettledComponent, ...]

    @property
    def amount(self) -> Amount:
        currency = self.components[0].amount.currency
        return Amount(currency, sum(part.amount.minor for part in self.components))

    @property
    def principal_alone(self) -> bool:
        return all(part.component == "principal" for part in self.components)


class ReceiptContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the receipt of one payment may say. It asks for nothing, so it has no link.

    `settled` and `credit` are the payment's parts in the ledger and add up to `received`. `open`
    and `credits` are what is open towards this creditor, and stands as unapplied credit, at
    `today` in the debtor's zone: amounts by currency, never of nothing. What goes to an address
    that is not known to be the debtor's own has no `details`: the money and its day, nothing of
    the debt or of whose it is (universal prohibition: no disclosure to third parties).
    """

    message_id: str
    locale: str
    creditor: "Creditor"
    payment: str  # what the payer's side may know the payment by
    paid_on: date
    received: Amount
    today: date
    details: bool = True
    debtor_name: str = ""
    debtor_kind: Literal["person", "company"] = "person"
    settled: tuple[SettledLine, ...] = ()
    credit: int = 0  # of this payment, in minor units of its currency
    open: tuple[Amount, ...] = ()
    credits: tuple[Amount, ...] = ()
    notices: tuple[str, ...] = ()  # the words of the law where the debtor lives


class AgreedPayment(msgspec.Struct, frozen=True):
    """One payment that was agreed, and its day."""

    number: int
    due_on: date
    amount: Amount


class AgreementContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the message which brings an agreement's document may say. It asks for nothing
    that was not agreed. `account_url` leads to the debtor's page, where the document is too; an
    SMS, which brings no document, needs it."""

    message_id: str
    locale: str
    creditor: "Creditor"
    agreement: str  # its id, as the document says it
    agreed_on: date
    total: Amount
    payments: tuple[AgreedPayment, ...]
    today: date
    debtor_name: str = ""
    debtor_kind: Literal["person", "company"] = "person"
    account_url: str = ""
    unsubscribe_url: str = ""  # one click, RFC 8058
    two_way: bool = False  # whether a reply to this SMS reaches us
    notices: tuple[str, ...] = ()  # the words of the law where the debtor lives


def _sums(lines: Iterable[StatementLine]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.open_minor
    return sums


def pay_link(creditor: "Creditor", reference: str) -> str:
    """Where to pay this document: the creditor's address with `{reference}` filled in."""
    return creditor.pay_url.replace("{reference}", quote(reference, safe=""))


def pick_locale(available: Collection[str], wanted: str, default: str) -> str:
    """The locale whose templates serve this reader: the wanted one, the wanted language, another
    locale of that language, else the rulebook's own."""
    language = wanted.partition("-")[0]
    if wanted in available:
        return wanted
    if language and language in available:
        return language
    for candidate in sorted(available):
        if language and candidate.partition("-")[0] == language:
            return candidate
    return default


def format_locale(wanted: str, chosen: str) -> str:
    """The locale for amounts and dates beside words of `chosen`: the reader's own if it is the
    same language in a country ("en-US" beside "en"), else that of the words, so that one message
    does not mix two ways of writing."""
    language, _, country = wanted.partition("-")
    same_language = language == chosen.partition("-")[0]
    return wanted if country and same_language else chosen


def in_locale(texts: Mapping[str, str], locale: str) -> str:
    """The operator's text for this reader, empty if there is none in the reader's language."""
    chosen = pick_locale(texts.keys(), locale, "")
    return texts.get(chosen, "")
