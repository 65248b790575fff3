"""What the debtor's page tells of an account: what is owed and why, what was paid, receipts."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from msgspec.structs import replace

from escalon.domain.account import Account, Receivable
from escalon.domain.agreements.agreed import resting
from escalon.domain.agreements.agreement import standing
from escalon.domain.contact.content import said
from escalon.domain.contact.told import missed_notices, zones_for
from escalon.domain.holds import full_stop, open_hold
from escalon.domain.local_time import local_date
from escalon.domain.money import Component
from escalon.domain.payments.ledger import open_of
from escalon.domain.payments.payment import BookedPayment
from escalon.messages.context import Amount, in_locale
from escalon.messages.plain import lines_of, one_line
from escalon.pages import portal as pages
from escalon.pages.page import Page, file
from escalon.pages.portal import Rests
from escalon.usecases.payments.payment_link import asked_for, next_instalment
from escalon.usecases.portal.forms import named_number
from escalon.usecases.portal.own_agreements import offered_to
from escalon.usecases.portal.room import Room

if TYPE_CHECKING:
    from escalon.adapters.table import Table

_COMPONENTS: tuple[Component, ...] = ("principal", "interest", "fee", "tax")
_DONE = ("ask", "decline", "feedback", "help", "settings")
_MOST_LISTED = 100  # payments on one page, so that it stays under 50 kB


class AccountPages:
    """Reads them from the table."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def overview(self, room: Room) -> Page:
        """The first page behind the identity check."""
        account, creditor = room.account, room.opened.creditor
        lines = lines_owed(room)
        owed = [line for line in lines if line.rests != "unasked"]
        late = _sums(line.open for line in lines if line.days_late > 0 and not line.rests)
        owned = f"{creditor.creditor}|"
        rest = [
            pages.Rest(beyond.count, Amount(key.removeprefix(owned), beyond.open_minor))
            for key, beyond in account.beyond.items()
            if key.startswith(owned)
        ]
        cards = [
            self._card(room, agreement.agreement_id)
            for agreement in account.agreements
            if agreement.creditor == creditor.creditor and agreement.state in ("accepted", "active")
        ]
        view = pages.Overview(
            name=one_line(account.name),
            is_person=account.kind == "person",
            today=room.opened.today,
            totals=_sums([*(line.open for line in owed), *(one.open for one in rest)]),
            late=late,
            credits=[
                Amount(key.removeprefix(owned), minor)
                for key, minor in sorted(account.credits.items())
                if key.startswith(owned) and minor > 0
            ],
            lines=lines,
            rest=rest,
            offers=offered_to(room),
            agreements=cards,
            has_statement=any(_stated(room)),
            ways=room.pay_buttons(room.opened.owed),
            other_ways=lines_of(in_locale(creditor.pay_instructions, room.opened.reader.locale)),
            tiles=_tiles(room, lines),
            laws=_laws(room) if lines else [],
        )
        done = room.visit.query.get("done", "")
        notice = f"{done}_done" if done in _DONE else ""
        if not notice and room.opened.is_awaited:
            notice = "awaited_short"
        return room.show(view, notice=notice, forms=room.checkout_forms)

    def _card(self, room: Room, agreement_id: str) -> pages.AgreementCard:
        agreement = next(a for a in room.account.agreements if a.agreement_id == agreement_id)
        found = standing(agreement, room.opened.today)
        due = next_instalment(room.opened, agreement_id)
        currency = agreement.currency
        return pages.AgreementCard(
            agreement_id=agreement_id,
            total=Amount(currency, agreement.total_minor),
            paid=Amount(currency, min(found.paid_minor, agreement.total_minor)),
            next_amount=Amount(currency, due.owed[currency]) if due else None,
            next_on=due.due_on if due else None,
        )

    def payments(self, room: Room) -> Page:
        """The payments to the creditor, the newest first; the query names after how many of them
        the page begins."""
        found = sorted(self._paid(room), key=lambda one: one.paid_at, reverse=True)
        after = named_number(room.visit.query.get("after", "")) or 0
        after = after if after < len(found) else 0
        end = after + _MOST_LISTED
        return room.show(
            pages.Payments(
                payments=[
                    pages.PaymentLine(
                        one.payment_id, _day(room, one), Amount(one.currency, one.booked_minor)
                    )
                    for one in found[after:end]
                ],
                newest=after == 0,
                older=end if end < len(found) else 0,
            )
        )

    def receipt(self, room: Room) -> Page | None:
        """The receipt of the payment that the query names; None if it is none of theirs."""
        wanted = room.visit.query.get("id", "")
        booked = next((one for one in self._paid(room) if one.payment_id == wanted), None)
        if booked is None:
            return None
        named = self._documents(room.account, [part.receivable_id for part in booked.parts])
        parts = [
            pages.SettledPart(
                named.get(part.receivable_id, part.receivable_id),
                part.component,
                Amount(booked.currency, part.amount_minor),
            )
            for part in booked.parts
            if part.receivable_id
        ]
        credit = sum(part.amount_minor for part in booked.parts if not part.receivable_id)
        return room.show(
            pages.Receipt(
                name=one_line(room.account.name),
                paid_on=_day(room, booked),
                amount=Amount(booked.currency, booked.booked_minor),
                reference=booked.payment_id.removeprefix(f"{booked.source}:"),
                parts=parts,
                credit=Amount(booked.currency, credit),
            )
        )

    def statement(self, room: Room) -> Page | None:
        """The statement as a PDF, the one that messages attach, in the language of the page; None
        if there is nothing in it."""
        from escalon.usecases.contact.statements import statement_context, statement_file

        listed = _stated(room)
        if not any(listed):
            return None
        opened, visit = room.opened, room.visit
        context = statement_context(
            opened.account,
            opened.link.creditor,
            opened.rulebook,
            listed,
            opened.today,
            room.locale,
        )
        if opened.ways(opened.owed):
            context = replace(context, pay_url=f"{visit.public_url}/p/{visit.code}")
        drawn = statement_file(context)
        return file(drawn.content, "application/pdf", drawn.name)

    def _paid(self, room: Room) -> list[BookedPayment]:
        booked = self._table.payments(room.account.account_id)
        creditor = room.opened.creditor.creditor
        return [one for one in booked if one.creditor == creditor and one.booked_minor > 0]

    def _documents(self, account: Account, wanted: Sequence[str]) -> dict[str, str]:
        """Document numbers by receivable; what is settled whole is no part of the account."""
        named = {r.receivable_id: r.document for r in account.receivables}
        missing = {one for one in wanted if one} - named.keys()
        keys = [(account.account_id, receivable_id) for receivable_id in sorted(missing)]
        found = self._table.named_receivables(keys)
        return named | {name: one.receivable.document for (_, name), one in found.items()}


def lines_owed(room: Room) -> list[pages.Line]:
    """What is open towards the creditor, the oldest first, as far as the account lists it."""
    opened = room.opened
    listed = [
        receivable
        for receivable in room.account.receivables
        if receivable.creditor == opened.link.creditor
        and receivable.open_minor > 0
        and receivable.issued_on <= opened.today
    ]
    missed = missed_notices(
        room.account,
        room.rulebook,
        room.rulebook.policy_for(room.account.country),
        listed,
        zones=zones_for(room.rulebook, room.account),
        at=opened.now,
    )
    stopped = full_stop(room.account, room.rulebook.holds, opened.today)
    return [_line(room, one, barred=stopped or one.receivable_id in missed) for one in listed]


def is_in_dispute(room: Room, receivable_id: str) -> bool:
    """Whether the receivable rests today since it is disputed."""
    disputes = tuple(hold for hold in room.account.holds if hold.kind == "dispute")
    disputed = replace(room.account, holds=disputes)
    return bool(open_hold(disputed, room.rulebook.holds, receivable_id, room.opened.today))


def _line(room: Room, receivable: Receivable, *, barred: bool) -> pages.Line:
    """A receivable as the page tells of it; `barred` if nobody may ask for it."""
    currency, due_on, today = receivable.currency, receivable.due_on, room.opened.today
    rests: Rests = ""
    if is_in_dispute(room, receivable.receivable_id):
        rests = "disputed"
    elif receivable.receivable_id in resting(room.account.agreements):
        rests = "agreed"
    elif barred or open_hold(room.account, room.rulebook.holds, receivable.receivable_id, today):
        rests = "unasked"
    return pages.Line(
        receivable_id=receivable.receivable_id,
        document=one_line(receivable.document),
        issued_on=receivable.issued_on,
        due_on=due_on,
        days_late=(today - due_on).days if due_on else 0,
        amount=Amount(currency, receivable.amount_minor),
        open=Amount(currency, receivable.open_minor),
        parts=[
            pages.Part(component, Amount(currency, minor))
            for component in _COMPONENTS
            if (minor := open_of(receivable, component))
        ],
        rests=rests,
    )


def _stated(room: Room) -> tuple[list[Receivable], list[Receivable]]:
    """What the statement lists as past due and as coming due."""
    opened = room.opened
    return asked_for(opened.account, opened.link.creditor, opened.rulebook, opened.now)


def _tiles(room: Room, lines: Sequence[pages.Line]) -> list[str]:
    """What can be done, the kindest way out never last."""
    owned = f"{room.opened.link.creditor}|"
    beyond = any(key.startswith(owned) for key in room.account.beyond)
    agreeable = (
        room.rulebook.agreements.offers
        and (beyond or any(not line.rests for line in lines))
        and not full_stop(room.account, room.rulebook.holds, room.opened.today)
    )
    return [
        *(("offers", "promise") if agreeable else ()),
        *(("help", "dispute") if lines else ()),
        *("ask", "settings", "agreements", "payments", "feedback"),
    ]


def _laws(room: Room) -> list[str]:
    """What the law wants said to the debtor, in its own words. All of it, also what a first message
    alone has to say: an SMS holds none of it and leads here."""
    texts = said(
        room.rulebook.policy_for(room.account.country).layers,
        channel="email",
        kind="collection",
        first=True,
        on=room.opened.today,
        language=room.reader.language,
    )
    return list(texts.values())


def _sums(amounts: Iterable[Amount]) -> list[Amount]:
    sums: dict[str, int] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, 0) + amount.minor
    return [Amount(currency, sums[currency]) for currency in sorted(sums)]


def _day(room: Room, booked: BookedPayment) -> date:
    return local_date(zones_for(room.rulebook, room.account), booked.paid_at)
