"""Send a receipt: who pays gets one e-mail that says what became of the money, and nothing more.

It is an answer (usecases/contact/answers): one at most for each payment, counted by no contact
policy (Colombia: Ley 2300 of 2023, article 8). Facts may come late: an old payment that an import
brings, or a queue that stood still, is confirmed to nobody any more (lesson L8).
"""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from escalon.domain.account import Account, ContactPoint, pot
from escalon.domain.contact.policy import Deny, Verdict
from escalon.domain.contact.told import may_contact, zones_for
from escalon.domain.local_time import local_date
from escalon.domain.payments.payment import BookedPayment, Part
from escalon.domain.ports import Clock, RulebookInForce
from escalon.domain.rules.rulebook import Rulebook
from escalon.messages.context import (
    Amount,
    ReceiptContext,
    SettledComponent,
    SettledLine,
    format_locale,
    pick_locale,
)
from escalon.messages.mime import build_mime, is_address
from escalon.messages.render import RECEIPT, render_email
from escalon.usecases.contact import answers
from escalon.usecases.contact.answers import (
    Answer,
    Answers,
    NotYetError,
    law_says,
    reachable,
    send_email,
)

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.email import Email
    from escalon.adapters.table import Table

# off: the rulebook sends none · gone: nothing is booked of it (any more)
type Became = answers.Became | Literal["off", "gone", "too_old", "no_address"]

# A receipt that comes a week after the money confirms nothing, it puzzles; and the history that a
# first import brings must not be mailed to everybody (lesson L8).
RECEIPT_WITHIN = timedelta(days=7)
# Why even the address that the payer told gets nothing; and why one of the debtor's own gets none.
_SILENCE = ("stopped", "stop_unknown")
_OWN_SILENCE = (*_SILENCE, "channel_refused", "consent_revoked")


class SendReceipt:
    """Confirm payments to whoever made them. `rulebook` gives the rulebook in force, None before
    there is one."""

    def __init__(
        self,
        table: "Table",
        documents: "Documents",
        rulebook: RulebookInForce,
        clock: Clock,
        email: "Email",
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._table = table
        self._rulebook = rulebook
        self._clock = clock
        self._email = email
        self._answers = Answers(table, documents, clock, report)

    def __call__(self, account_id: str, payment_id: str) -> Became:
        """Settle one payment's receipt. Raises NotYetError or ConflictError if it is to be tried
        again, and whatever is wrong with its template: nothing has been sent then."""
        rulebook = self._rulebook(account_id)
        if rulebook is None or not rulebook.payments.receipts:
            return "off"
        message_id = receipt_id(payment_id)
        before = self._answers.before(account_id, message_id)
        if not isinstance(before, int):
            return before
        found = self._table.around(account_id, (), (payment_id,))
        booked = found.booked.get(payment_id)
        if found.stored is None or booked is None or not booked.booked_minor:
            return "gone"
        account = found.stored.account
        now = self._clock.now()
        if now - booked.paid_at > RECEIPT_WITHIN:
            return "too_old"
        if payment_id in account.spreading:
            raise NotYetError("what it settles is still being booked")
        address = _address(account, booked, rulebook, now)
        if not address:
            return "no_address"
        documents = self._named(account, booked)
        context = receipt_context(account, booked, documents, address, rulebook, now)
        body, subject = _written(context, rulebook, account, address, now)
        answer = Answer(
            message_id,
            account_id,
            RECEIPT,
            booked.creditor,
            "email",
            address,
            body,
            "eml",
            rulebook.version,
            _zones(account, rulebook),
            {"payment_id": payment_id},
            subject,
        )
        creditor = context.creditor
        return self._answers.send(
            answer, before, now, lambda: send_email(self._email, answer, creditor)
        )

    # ---------------------------------------------------------------- what it says

    def _named(self, account: Account, booked: BookedPayment) -> dict[str, str]:
        """The document numbers of what it settles, by receivable; those that are settled whole are
        not part of the account any more."""
        named = {r.receivable_id: r.document for r in account.receivables}
        missing = {p.receivable_id for p in booked.parts if p.receivable_id} - named.keys()
        keys = [(account.account_id, receivable_id) for receivable_id in sorted(missing)]
        found = self._table.named_receivables(keys)
        return named | {name: one.receivable.document for (_, name), one in found.items()}


def receipt_id(payment_id: str) -> str:
    """The name of a payment's receipt. Letters and digits only, so that it serves as an SES tag."""
    return "r" + hashlib.blake2b(payment_id.encode(), digest_size=15).hexdigest()


def receipt_context(
    account: Account,
    booked: BookedPayment,
    documents: dict[str, str],
    address: str,
    rulebook: Rulebook,
    now: datetime,
) -> ReceiptContext:
    """What the receipt may say to this address: facts of the ledger. `documents` are the numbers of
    what it settles, by receivable id."""
    zones = _zones(account, rulebook)
    wanted = account.language or rulebook.language
    context = ReceiptContext(
        message_id=receipt_id(booked.payment_id),
        locale=format_locale(wanted, _locale(rulebook, account)),
        creditor=rulebook.creditors[booked.creditor],
        payment=booked.payment_id.removeprefix(f"{booked.source}:"),
        paid_on=local_date(zones, booked.paid_at),
        received=Amount(booked.currency, booked.booked_minor),
        today=local_date(zones, now),
        details=False,
    )
    own = {point.address.casefold() for point in account.points if point.channel == "email"}
    if address.casefold() not in own:
        return context
    return msgspec.structs.replace(
        context,
        details=True,
        debtor_name=account.name,
        debtor_kind=account.kind,
        notices=law_says(account, rulebook, "email", context.today, context.locale),
        settled=_settled(booked, documents),
        credit=sum(part.amount_minor for part in booked.parts if not part.receivable_id),
        open=_open(account, booked.creditor),
        credits=_by_currency(
            (currency, minor)
            for key, minor in account.credits.items()
            if (currency := _currency_of(key, booked.creditor))
        ),
    )


def _address(account: Account, booked: BookedPayment, rulebook: Rulebook, now: datetime) -> str:
    """Where the receipt goes: what the payer told the provider, else the account's first e-mail
    address to which the contact policy lets a confirmation go; empty if there is none. An address
    that was told with the payment needs no consent besides, yet no stop of everything is passed,
    nor, where the address is the debtor's, their refusal of e-mail or their withdrawal of its
    consent: a checkout fills in an address by itself, which is no word of theirs."""

    def verdict(point: ContactPoint) -> Verdict:
        return may_contact(
            account,
            rulebook,
            channel="email",
            point=point,
            kind="transaction_confirmation",
            at=now,
        )

    points = [point for point in account.points if point.channel == "email"]
    told = booked.payer_email.strip()
    own = next((point for point in points if point.address.casefold() == told.casefold()), None)
    if is_address(told) and not (own and own.failed):
        said = verdict(own or ContactPoint("", "email", told))
        silent = isinstance(said, Deny) and said.reason in (_OWN_SILENCE if own else _SILENCE)
        return "" if silent else told
    point = reachable(account, rulebook, "email", now)
    return point.address if point else ""


def _written(
    context: ReceiptContext, rulebook: Rulebook, account: Account, address: str, now: datetime
) -> tuple[bytes, str]:
    """The exact bytes, and the subject."""
    written = render_email(rulebook.messages[_locale(rulebook, account)], RECEIPT, context)
    body = build_mime(
        written,
        creditor=context.creditor,
        to_name=context.debtor_name,
        to_address=address,
        message_id=context.message_id,
        date=now,
    )
    return body, written.subject


def _settled(booked: BookedPayment, documents: dict[str, str]) -> tuple[SettledLine, ...]:
    """The payment's parts by receivable, in the order in which it settled them."""
    by_receivable: dict[str, list[Part]] = {}
    for part in booked.parts:
        if part.receivable_id:
            by_receivable.setdefault(part.receivable_id, []).append(part)
    return tuple(
        SettledLine(
            documents.get(receivable_id) or receivable_id,
            tuple(
                SettledComponent(part.component, Amount(booked.currency, part.amount_minor))
                for part in parts
            ),
        )
        for receivable_id, parts in by_receivable.items()
    )


def _open(account: Account, creditor: str) -> tuple[Amount, ...]:
    """All that is open towards the creditor, by currency."""
    listed = (
        (receivable.currency, receivable.open_minor)
        for receivable in account.receivables
        if receivable.creditor == creditor
    )
    rest = (
        (currency, beyond.open_minor)
        for key, beyond in account.beyond.items()
        if (currency := _currency_of(key, creditor))
    )
    return _by_currency((*listed, *rest))


def _currency_of(key: str, creditor: str) -> str:
    """The currency of a pot, if it is this creditor's."""
    currency = key.rpartition("|")[2]
    return currency if key == pot(creditor, currency) else ""


def _by_currency(amounts: Iterable[tuple[str, int]]) -> tuple[Amount, ...]:
    sums: dict[str, int] = {}
    for currency, minor in amounts:
        sums[currency] = sums.get(currency, 0) + minor
    return tuple(Amount(currency, sums[currency]) for currency in sorted(sums) if sums[currency])


def _zones(account: Account, rulebook: Rulebook) -> tuple[str, ...]:
    return zones_for(rulebook, account)


def _locale(rulebook: Rulebook, account: Account) -> str:
    wanted = account.language or rulebook.language
    return pick_locale(rulebook.messages.keys(), wanted, rulebook.language)
