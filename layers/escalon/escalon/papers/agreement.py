"""The paper of an agreement: what was agreed, in words that both sides can hold on to.

Duties it carries out: Mexico (CONDUSEF, DOF 2014-10-07): in writing, the amount by component with
the date of its calculation, whether it settles in full (*finiquito*) or in part, to the creditor
and with a reference. Chile (Ley 19.496, art. 37): interest and fees apart, that the creditor may be
paid directly, that it is no court proceeding. Colombia (Ley 527 of 1999, Ley 1480 of 2011, Ley 1581
of 2012): integrity by a hash, true amounts, the data notice. Which notices are added is the law of
the debtor's country, else of the creditor's.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import COMPONENTS
from escalon.domain.money import Component
from escalon.domain.rules.rulebook import Creditor
from escalon.messages.context import Amount
from escalon.messages.locales import Reader
from escalon.messages.plain import one_line
from escalon.papers.letterhead import letterhead_of, payment_lines, questions, ways_to_ask
from escalon.papers.paper import Block, Column, Pairs, Paper, Seal, Section, Table, Text
from escalon.papers.words import Words

_CHANNELS = ("portal", "phone", "reply", "office", "system")


class Debtor(msgspec.Struct, frozen=True):
    """Who agrees: name, what the source identifies them by, country (ISO 3166), time zone."""

    name: str
    reference: str
    country: str
    zone: str


class DebtDocument(msgspec.Struct, frozen=True):
    """What the debtor knows a receivable by."""

    document: str
    due_on: date | None


def agreement_paper(
    agreement: Agreement,
    *,
    debtor: Debtor,
    creditor: Creditor,
    documents: Mapping[str, DebtDocument],
    locale: str,
) -> Paper:
    """The paper of an agreement, offered or accepted: the same words before and after, so its hash
    is what was agreed to. `documents` are by receivable id; one that is missing goes by its id."""
    say = Words(locale)
    country = debtor.country or creditor.country
    written = _Written(agreement, Reader(locale, codes=False), say)
    sections = (
        _parties(debtor, creditor, say),
        written.debt(documents),
        written.agreed(),
        written.instalments(),
        _how_to_pay(agreement, debtor, creditor, documents, locale, say),
        written.kept(country),
        written.broken(),
        _rights(country, say),
        _privacy(creditor, country, say),
        questions(creditor, locale, say),
    )
    return Paper(
        kind="agreement",
        locale=locale,
        country=country,
        letterhead=letterhead_of(creditor),
        title=say(f"title_{agreement.kind}"),
        reference=say("agreement_no", id=agreement.agreement_id),
        sections=sections,
    )


def seal_of(agreement: Agreement, paper: Paper, verify_url: str, zone: str) -> Seal:
    """How the agreement was accepted, on the debtor's own clock, and where it is verified."""
    say = Words(paper.locale)
    accepted = agreement.accepted
    if accepted is None:
        return Seal(paper.hash, verify_url)
    at = accepted.at.astimezone(ZoneInfo(zone))
    channel = accepted.channel if accepted.channel in _CHANNELS else "other"
    lines = [
        say(
            "accepted_debtor" if accepted.by == "debtor" else "accepted_operator",
            day=Reader(paper.locale, codes=False).long_date(at.date()),
            time=at.strftime("%H:%M"),
            zone=zone,
            channel=say(f"channel_{channel}"),
        )
    ]
    if accepted.code_point:
        lines.append(say("confirmed"))
    if accepted.message_id:
        lines.append(
            say("followed_link", message=accepted.message_id, challenge=accepted.challenge_id)
        )
    return Seal(paper.hash, verify_url, tuple(lines))


class _Written:
    """The parts of one agreement, in words and tables."""

    def __init__(self, agreement: Agreement, reader: Reader, say: Words) -> None:
        self._agreement = agreement
        self._reader = reader
        self._say = say

    def _money(self, minor: int) -> str:
        return self._reader.amount(Amount(self._agreement.currency, minor))

    def _day(self, day: date) -> str:
        return self._reader.long_date(day)

    @property
    def _discount(self) -> int:
        return sum(self._agreement.discount.values())

    @property
    def _rest(self) -> int:
        """What of the debt is neither paid nor given up by it: a promise may be about a part."""
        agreement = self._agreement
        paid = agreement.total_minor - agreement.interest_minor
        return sum(agreement.debt.values()) - paid - self._discount

    def debt(self, documents: Mapping[str, DebtDocument]) -> Section:
        """Each debt by component, and the sum (Mexico: with the date of the calculation)."""
        say, agreement = self._say, self._agreement
        shown: list[Component] = [name for name in COMPONENTS if agreement.debt.get(name)]
        several = len(shown) > 1
        columns = [Column(say("document")), Column(say("due"))]
        columns += [Column(say(name), "right") for name in shown]
        columns += [Column(say("total"), "right")] if several else []
        rows: list[tuple[str, ...]] = []
        for name, debt in agreement.debts.items():
            known = documents.get(name) or DebtDocument(name, None)
            due = self._reader.short_date(known.due_on) if known.due_on else say("no_due")
            amounts = [self._money(debt.get(component, 0)) for component in shown]
            amounts += [self._money(sum(debt.values()))] if several else []
            rows.append((one_line(known.document), due, *amounts))
        if len(rows) > 1:
            sums = [self._money(agreement.debt[component]) for component in shown]
            sums += [self._money(sum(agreement.debt.values()))] if several else []
            rows.append((say("total"), "", *sums))
        table = Table(tuple(columns), tuple(rows), totals=1 if len(rows) > 1 else 0)
        text = say("debt_text", currency=agreement.currency, day=self._day(agreement.calculated_on))
        return Section(say("debt"), (Text(text), table))

    def agreed(self) -> Section:
        """The sentence of what is to be paid, and the sum that leads to it."""
        say, agreement = self._say, self._agreement
        plan = agreement.instalments
        phrase = "agreed_promise" if agreement.kind == "promise" else "agreed_once"
        sentence = say(
            phrase if len(plan) == 1 else "agreed_several",
            total=self._money(agreement.total_minor),
            count=len(plan),
            first=self._day(plan[0].due_on),
            last=self._day(plan[-1].due_on),
        )
        owed = sum(agreement.debt.values())
        rows = [(say("sum_debt", day=self._day(agreement.calculated_on)), self._money(owed))]
        for component, minor in agreement.discount.items():
            label = say("sum_discount", component=say(component).lower())
            rows.append((label, f"−{self._money(minor)}"))
        if self._rest > 0:
            rows.append((say("sum_rest"), f"−{self._money(self._rest)}"))
        if agreement.interest_minor:
            rows.append((say("sum_interest"), self._money(agreement.interest_minor)))
        rows.append((say("sum_total"), self._money(agreement.total_minor)))
        columns = (Column(""), Column("", "right"))
        blocks: list[Block] = [Text(sentence, strong=True), Table(columns, tuple(rows), totals=1)]
        blocks.append(Text(self._interest()))
        blocks.append(Text(say("resting")))
        if agreement.replaces:
            blocks.append(Text(say("replaces", id=agreement.replaces)))
        return Section(say("agreed"), tuple(blocks))

    def _interest(self) -> str:
        from babel.numbers import format_decimal

        if not self._agreement.interest_minor:
            return self._say("no_interest")
        percent = Decimal(self._agreement.rate).scaleb(-4)
        number = format_decimal(percent, format="#,##0.####", locale=self._reader.locale)
        return self._say("rate", rate=f"{number} %")

    def instalments(self) -> Section:
        """Each payment, what of it is interest, and what is left after it."""
        say, agreement = self._say, self._agreement
        bears = agreement.interest_minor > 0
        columns = [Column(say("number")), Column(say("pay_by"))]
        if bears:
            columns += [Column(say("instalment_principal"), "right")]
            columns += [Column(say("instalment_interest"), "right")]
        columns += [Column(say("amount"), "right"), Column(say("left"), "right")]
        left = agreement.total_minor
        rows: list[tuple[str, ...]] = []
        for one in agreement.instalments:
            left -= one.amount_minor
            parts = (one.amount_minor - one.interest_minor, one.interest_minor) if bears else ()
            amounts = (*parts, one.amount_minor, left)
            rows.append(
                (str(one.number), self._day(one.due_on), *(self._money(minor) for minor in amounts))
            )
        sums: tuple[str, ...] = ()
        if bears:
            sums = (
                self._money(agreement.total_minor - agreement.interest_minor),
                self._money(agreement.interest_minor),
            )
        if len(rows) > 1:
            rows.append((say("total"), "", *sums, self._money(agreement.total_minor), ""))
        table = Table(tuple(columns), tuple(rows), totals=1 if len(rows) > 1 else 0)
        return Section(say("instalments"), (table,))

    def kept(self, country: str) -> Section:
        """Whether it settles in full or in part, and what is given up then."""
        say = self._say
        if self._rest > 0:
            day = self._day(self._agreement.calculated_on)
            text = say("kept_in_part", rest=self._money(self._rest), day=day)
        else:
            text = say.of_country("kept_in_full", country, "kept_in_full")
        blocks = [Text(text, strong=True)]
        if self._discount:
            blocks.append(Text(say("kept_discount", discount=self._money(self._discount))))
        return Section(say("kept"), tuple(blocks))

    def broken(self) -> Section:
        """When a payment counts as made, and what becomes of the debt if one is not."""
        say, agreement = self._say, self._agreement
        missing = ""
        if agreement.tolerance_minor:
            missing = say("tolerance_amount", amount=self._money(agreement.tolerance_minor))
        if agreement.tolerance_days:
            several = agreement.tolerance_days > 1
            days = say("days", count=agreement.tolerance_days) if several else say("day_one")
            tolerance = say("tolerance", days=days, and_amount=missing)
        else:
            tolerance = say("tolerance_none", and_amount=missing)
        texts = [tolerance, say("broken_text")]
        if self._discount:
            texts.append(say("broken_discount", discount=self._money(self._discount)))
        texts.append(say("broken_again"))
        return Section(say("broken"), tuple(Text(text) for text in texts))


def _parties(debtor: Debtor, creditor: Creditor, say: Words) -> Section:
    owner = say("identified", name=creditor.legal_name, id=creditor.tax_id)
    address = one_line(creditor.address)
    rows = [(say("creditor"), f"{owner}. {address}" if address else owner)]
    if creditor.collector_name:
        rows.append((say("collector"), creditor.collector_name))
    name = one_line(debtor.name)
    identified = say("identified", name=name, id=debtor.reference) if name else debtor.reference
    rows.append((say("debtor"), identified))
    return Section(say("parties"), (Pairs(tuple(rows)),))


def _how_to_pay(
    agreement: Agreement,
    debtor: Debtor,
    creditor: Creditor,
    documents: Mapping[str, DebtDocument],
    locale: str,
    say: Words,
) -> Section:
    names = [documents[name].document for name in agreement.debts if name in documents]
    reference = names[0] if len(names) == len(agreement.debts) == 1 else debtor.reference
    directly = say("pay_directly", creditor=creditor.legal_name, reference=one_line(reference))
    return Section(say("how_to_pay"), (Text(directly), *payment_lines(creditor, locale)))


def _rights(country: str, say: Words) -> Section:
    texts = [say("rights_any")]
    if country in ("CO", "MX", "CL"):
        texts.append(say(f"rights_{country}"))
    return Section(say("rights"), tuple(Text(text) for text in texts))


def _privacy(creditor: Creditor, country: str, say: Words) -> Section:
    texts = [
        say("privacy_text", creditor=creditor.legal_name),
        say.of_country("privacy", country, "privacy_any"),
        say("privacy_ways", ways=ways_to_ask(creditor)),
    ]
    if creditor.privacy_url:
        texts.append(say("privacy_policy", url=creditor.privacy_url))
    return Section(say("privacy"), tuple(Text(text) for text in texts))
