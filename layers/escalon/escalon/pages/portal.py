"""The pages of the debtor's account: what each of them shows.

The values come from the ledger, amounts in minor units; words and spelling follow the reader. What
anybody may see before the identity check is in `Door` and `Confirm` alone: no amount, no name.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Literal

import msgspec

from escalon.domain.rules.rulebook import Creditor
from escalon.messages.brand import LEAST_CONTRAST, Brand, brand, contrast
from escalon.messages.context import Amount
from escalon.pages.page import Page, rendered
from escalon.pages.payment import Button, Reader
from escalon.pages.words import LANGUAGES, say

if TYPE_CHECKING:
    from escalon.papers.paper import Paper

_PAPER, _INK = "#f6f7f6", "#1d2733"
_NOT_DIALLED = re.compile(r"[^+\d]")

# unasked: on hold for another reason, or the law lets nobody ask for it
type Rests = Literal["", "disputed", "agreed", "unasked"]


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around every page: whose it is, in which language, and what its forms carry."""

    language: str
    base: str  # the path of the account's page, without a slash at its end
    here: str  # the path and query of this one
    name: str
    legal: str
    brand: Brand
    phone: str = ""
    dialled: str = ""
    reply_to: str = ""
    privacy_url: str = ""
    other_language: str = ""
    token: str = ""  # proves that a form is ours; empty before the identity check
    key: str = ""  # names a form, so that sent twice it does one thing
    notice: str = ""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """The identity check, and paying without it."""

    can_answer: bool
    numeric: bool
    ways: Sequence[Button] = ()
    has_agreement: bool = False
    nothing_open: bool = False
    other_ways: Sequence[str] = ()
    to: str = ""  # the page that was asked for; empty: the account
    problems: Mapping[str, str] = {}


class Confirm(msgspec.Struct, frozen=True, kw_only=True):
    """Something to confirm by a button, or to read."""

    title: str
    paragraphs: Sequence[str]
    button: Button | None = None
    link: Button | None = None
    problems: Mapping[str, str] = {}


class Part(msgspec.Struct, frozen=True):
    """One component of what is open."""

    component: str
    amount: Amount


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One receivable and where its amount comes from."""

    receivable_id: str
    document: str
    issued_on: date
    due_on: date | None
    days_late: int
    amount: Amount
    open: Amount
    parts: Sequence[Part]
    rests: Rests = ""


class Rest(msgspec.Struct, frozen=True):
    """Receivables that are not listed one by one."""

    count: int
    open: Amount


class AgreementCard(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement on the first page."""

    agreement_id: str
    total: Amount
    paid: Amount
    next_amount: Amount | None = None
    next_on: date | None = None


class OfferCard(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator has offered, on the first page."""

    agreement_id: str
    name: str
    total: Amount
    until: date | None  # the last day on which it can be accepted


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The account: what is owed and why, and what can be done."""

    name: str
    is_person: bool
    today: date
    totals: Sequence[Amount]
    late: Sequence[Amount]
    credits: Sequence[Amount]
    lines: Sequence[Line]
    rest: Sequence[Rest]
    offers: Sequence[OfferCard]
    agreements: Sequence[AgreementCard]
    has_statement: bool
    ways: Sequence[Button]
    other_ways: Sequence[str]
    tiles: Sequence[str]
    laws: Sequence[str]  # what the law wants said, in its own words
    problems: Mapping[str, str] = {}


class Offer(msgspec.Struct, frozen=True):
    """One proposal; `query` names its terms."""

    title: str
    sentences: Sequence[str]
    query: str


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """What may be agreed on one currency's debt."""

    groups: Sequence[Offer]
    currency: str = ""
    other_currencies: Sequence[str] = ()
    capacity: str = ""  # as it was typed
    asked_capacity: bool = False
    has_promise: bool = False
    replaces: str = ""  # the agreement that would be replaced
    resting: bool = False
    why: str = ""  # nothing is on offer, if that can be said
    oldest: int = 0  # documents that it is about, if there are more
    problems: Mapping[str, str] = {}


class PlanRow(msgspec.Struct, frozen=True):
    """One instalment; its state only where an agreement is followed, and what is left of it if a
    part is paid."""

    number: int
    due_on: date
    amount: Amount
    interest: Amount
    state: str = ""
    left: Amount | None = None


class PlanShown(msgspec.Struct, frozen=True, kw_only=True):
    """What is paid when, and what follows if it is not: the terms as a debtor accepts them."""

    instalments: Sequence[PlanRow]
    total: Amount
    debt: Amount
    discount: Amount
    settles_in_full: bool
    tolerance_days: int


class Side(msgspec.Struct, frozen=True):
    """One of two agreements as they are compared: what is left to pay, in how many payments, from
    when to when, and what is given up."""

    left: Amount
    count: int
    next_on: date
    last_on: date
    discount: Amount


class Compared(msgspec.Struct, frozen=True):
    """The agreement of today beside the one that would replace it."""

    now: Side
    then: Side


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan before it is accepted; `query` names its terms."""

    shown: PlanShown
    query: str
    compared: Compared | None = None
    replaces: str = ""
    oldest: int = 0
    problems: Mapping[str, str] = {}


class PromiseForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form of a promise, with what was typed."""

    currency: str
    first_day: date
    last_day: date
    most: Amount
    first_on: str
    amount: str
    oldest: int


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """A day and an amount that somebody promises."""

    form: PromiseForm | None
    why: str = ""
    other_currencies: Sequence[str] = ()
    problems: Mapping[str, str] = {}


class Point(msgspec.Struct, frozen=True):
    """Where a code may be sent, as its owner knows it again."""

    point_id: str
    words: str


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Asking for a one-time code and giving it back; with what it accepts, if anything."""

    page: str
    query: str
    points: Sequence[Point]
    sent_to: str = ""
    shown: PlanShown | None = None
    compared: Compared | None = None
    document: "Paper | None" = None
    problems: Mapping[str, str] = {}


class AgreementPage(msgspec.Struct, frozen=True, kw_only=True):
    """One agreement. `until` is the last day on which an offer can be accepted, `whole` what would
    settle it today, if that is more than the next instalment."""

    agreement_id: str
    currency: str
    state: str
    waits: bool
    may_decline: bool
    until: date | None
    compared: Compared | None
    shown: PlanShown
    next_amount: Amount | None
    next_on: date | None
    ways: Sequence[Button]
    whole: Amount | None
    whole_ways: Sequence[Button]
    may_change: bool
    has_paper: bool
    replaces: str
    replaced_by: str
    problems: Mapping[str, str] = {}


class AgreementRow(msgspec.Struct, frozen=True):
    """One agreement on the list of all."""

    agreement_id: str
    name: str
    state: str
    made_on: date
    total: Amount
    has_paper: bool


class Agreements(msgspec.Struct, frozen=True, kw_only=True):
    """All agreements, the newest first."""

    agreements: Sequence[AgreementRow]
    problems: Mapping[str, str] = {}


class Decline(msgspec.Struct, frozen=True, kw_only=True):
    """Declining an offer, or taking back what waits for an approval."""

    agreement_id: str
    name: str
    was_accepted: bool
    text: str = ""
    problems: Mapping[str, str] = {}


class PaymentLine(msgspec.Struct, frozen=True):
    """One payment."""

    payment_id: str
    paid_on: date
    amount: Amount


class Payments(msgspec.Struct, frozen=True, kw_only=True):
    """What was paid, the newest first; `older` is after how many of all the next page begins, 0
    if this is the last."""

    payments: Sequence[PaymentLine]
    newest: bool
    older: int
    problems: Mapping[str, str] = {}


class SettledPart(msgspec.Struct, frozen=True):
    """What of a payment settled one component of one document."""

    document: str
    component: str
    amount: Amount


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of one payment."""

    name: str
    paid_on: date
    amount: Amount
    reference: str
    parts: Sequence[SettledPart]
    credit: Amount
    problems: Mapping[str, str] = {}


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A receivable that somebody does not agree with."""

    lines: Sequence[Line]
    reasons: Sequence[str]
    chosen_line: str = ""
    chosen_reason: str = ""
    text: str = ""
    problems: Mapping[str, str] = {}


class Form(msgspec.Struct, frozen=True):
    """A form that a browser sends to the bucket itself."""

    url: str
    fields: Mapping[str, str]


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file for a dispute."""

    task_id: str
    kinds: Sequence[str]
    form: Form | None = None
    kind: str = ""
    accept: str = ""
    problems: Mapping[str, str] = {}


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question."""

    text: str = ""
    problems: Mapping[str, str] = {}


class Help(msgspec.Struct, frozen=True, kw_only=True):
    """For those who cannot pay at all; `until` when everything would rest, if it would."""

    until: date | None
    text: str = ""
    problems: Mapping[str, str] = {}


class ChannelChoice(msgspec.Struct, frozen=True):
    """A channel and the addresses on it, masked."""

    channel: str
    addresses: str
    wanted: bool


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Channels, hours and language."""

    channels: Sequence[ChannelChoice]
    hours: Sequence[str]
    chosen_hours: str
    weekdays: bool
    languages: Sequence[str]
    chosen_language: str
    problems: Mapping[str, str] = {}


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody was treated."""

    answers: Sequence[str]
    chosen: str = ""
    text: str = ""
    problems: Mapping[str, str] = {}


_TEMPLATES: Mapping[type[msgspec.Struct], str] = {
    Door: "door",
    Confirm: "confirm",
    Overview: "overview",
    Offers: "offers",
    Plan: "plan",
    Promise: "promise",
    Code: "code",
    AgreementPage: "agreement",
    Agreements: "agreements",
    Decline: "decline",
    Payments: "payments",
    Receipt: "receipt",
    Dispute: "dispute",
    Upload: "upload",
    Ask: "ask",
    Help: "help",
    Settings: "settings",
    Feedback: "feedback",
}


def frame(reader: Reader, base: str, here: str) -> Frame:
    """What stands around the pages of a creditor's debtor."""
    creditor = reader.creditor
    if creditor is None:
        raise ValueError("this page speaks in a creditor's name")
    return Frame(
        language=reader.language,
        base=base,
        here=here,
        name=creditor.name,
        legal=legal_line(creditor),
        brand=_on_paper(brand(creditor.brand_colour)),
        phone=creditor.phone,
        dialled=_NOT_DIALLED.sub("", creditor.phone),
        reply_to=creditor.reply_to,
        privacy_url=creditor.privacy_url,
        other_language=next((one for one in LANGUAGES if one != reader.language), ""),
    )


def _on_paper(found: Brand) -> Brand:
    """The colours on the pages' ground, which is a little darker than the white that the creditor's
    colour was chosen for."""
    readable = contrast(found.text, _PAPER) >= LEAST_CONTRAST
    return found if readable else msgspec.structs.replace(found, text=_INK)


def legal_line(creditor: Creditor) -> str:
    """Who the creditor is, in law."""
    identity = (creditor.legal_name, creditor.tax_id, creditor.address)
    return f"{', '.join(filter(None, identity))}."


def page(
    shown: Frame, view: msgspec.Struct, locale: str, *, status: int = 200, forms: str = "'self'"
) -> Page:
    """A page. `locale` is how its reader writes amounts and days; `forms` are the origins that its
    forms may lead to."""
    spelled = _Spelling(locale, _currencies(view))

    def said(phrase: str, **named: object) -> str:
        return say(shown.language, phrase, **{key: str(text) for key, text in named.items()})

    template = f"portal/{_TEMPLATES[type(view)]}.html.j2"
    return rendered(
        status,
        template,
        view,
        forms,
        frame=shown,
        say=said,
        money=spelled.money,
        day=spelled.day,
        short=spelled.short,
    )


class _Spelling:
    """Amounts and days as the reader writes them; loaded when the first one is met."""

    def __init__(self, locale: str, currencies: set[str]) -> None:
        self._locale = locale
        self._several = len(currencies) > 1

    def money(self, amount: Amount) -> str:
        from escalon.messages.locales import Reader as Spelling

        return Spelling(self._locale, codes=self._several).amount(amount)

    def short(self, on: date) -> str:
        from escalon.messages.locales import Reader as Spelling

        return Spelling(self._locale, codes=False).short_date(on)

    def day(self, on: date) -> str:
        from escalon.messages.locales import Reader as Spelling

        return Spelling(self._locale, codes=False).long_date(on)


def _currencies(value: object) -> set[str]:
    """Of every amount that a page shows."""
    if isinstance(value, Amount):
        return {value.currency}
    if isinstance(value, msgspec.Struct):
        return _currencies([getattr(value, name) for name in value.__struct_fields__])
    if isinstance(value, (list, tuple)):
        return {currency for one in value for currency in _currencies(one)}
    return set()
