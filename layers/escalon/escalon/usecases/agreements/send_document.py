"""Send document: whoever has agreed gets the agreement's document, once.

By e-mail the PDF is attached; where there is no address, an SMS leads to the debtor's page, which
has it. It is an answer (usecases/contact/answers): one at most for each agreement, counted by no
contact policy. Facts may come late: what was agreed long ago is confirmed to nobody any more (L8).
"""

import hashlib
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from escalon.domain.account import Account, ContactPoint
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.contact.told import zones_for
from escalon.domain.local_time import local_date
from escalon.domain.ports import Clock, RulebookInForce, SendResult
from escalon.domain.rules.rulebook import Creditor, Rulebook
from escalon.messages.context import (
    AgreedPayment,
    AgreementContext,
    Amount,
    format_locale,
    pick_locale,
)
from escalon.messages.mime import Attached, build_mime
from escalon.messages.render import AGREEMENT, render_email, render_sms
from escalon.usecases.contact import answers
from escalon.usecases.contact.answers import (
    Answer,
    Answers,
    law_says,
    reachable,
    send_email,
    send_sms,
)
from escalon.usecases.contact.phone_numbers import country_of
from escalon.usecases.payments.payment_link import LINK_LASTS, STOP_PATH, Link, Links

if TYPE_CHECKING:
    from escalon.adapters.email import Email
    from escalon.adapters.sms import Sms
    from escalon.adapters.table import Table
    from escalon.usecases.agreements.keep_document import KeepDocument

# off: the rulebook has no such message · gone: it does not stand (any more)
type Became = answers.Became | Literal["off", "gone", "too_old", "no_address"]

# As of a receipt: what comes a week later puzzles.
WITHIN = timedelta(days=7)
# What the file is called, by language, as on the debtor's page.
_FILE = {"es": "acuerdo", "en": "agreement"}


class SendDocument:
    """Bring the documents of agreements to their debtors. `rulebook` gives the rulebook in force,
    None before there is one."""

    def __init__(
        self,
        table: "Table",
        documents: "KeepDocument",
        rulebook: RulebookInForce,
        clock: Clock,
        links: Links,
        sending: Answers,
        email: "Email",
        sms: "Sms",
    ) -> None:
        self._table = table
        self._documents = documents
        self._rulebook = rulebook
        self._clock = clock
        self._links = links
        self._answers = sending
        self._email = email
        self._sms = sms

    def __call__(self, account_id: str, agreement_id: str) -> Became:
        """Settle one agreement's message. Raises NotYetError or ConflictError if it is to be tried
        again, and whatever is wrong with its template: nothing has been sent then."""
        rulebook = self._rulebook(account_id)
        stored = self._table.get(account_id)
        agreement = _in_force(stored.account, agreement_id) if stored else None
        if stored is None or agreement is None:
            return "gone"
        account = stored.account
        locale = _locale(account, rulebook) if rulebook else ""
        if rulebook is None or AGREEMENT not in rulebook.messages[locale]:
            return "off"
        message_id = answer_id(agreement_id)
        before = self._answers.before(account_id, message_id)
        if not isinstance(before, int):
            return before
        now = self._clock.now()
        if now - _since(agreement) > WITHIN:
            return "too_old"
        point = reachable(account, rulebook, "email", now) or reachable(
            account, rulebook, "sms", now
        )
        if point is None:
            return "no_address"
        creditor = rulebook.creditors[agreement.creditor]
        link = Link(
            account_id, creditor.creditor, message_id, now + LINK_LASTS, channel=point.channel
        )
        answer = self._written(account, agreement, rulebook, point, now)

        def call() -> SendResult:
            if point.channel == "email":
                return send_email(self._email, answer, creditor)
            return send_sms(self._sms, answer, creditor, rulebook)

        put = self._links.put(self._table, link)
        return self._answers.send(answer, before, now, call, also=(put,))

    def _written(
        self,
        account: Account,
        agreement: Agreement,
        rulebook: Rulebook,
        point: ContactPoint,
        now: datetime,
    ) -> Answer:
        """The message with its exact bytes."""
        zones = zones_for(rulebook, account)
        locale = _locale(account, rulebook)
        sources = rulebook.messages[locale]
        creditor = rulebook.creditors[agreement.creditor]
        today = local_date(zones, now)
        context = replace(
            self._context(account, agreement, creditor, locale, today),
            notices=law_says(account, rulebook, point.channel, today, locale),
        )
        ready = Answer(
            context.message_id,
            account.account_id,
            AGREEMENT,
            creditor.creditor,
            point.channel,
            point.address,
            b"",
            "txt",
            rulebook.version,
            zones,
            {"agreement_id": agreement.agreement_id},
        )
        if point.channel == "sms":
            here = rulebook.channels.sms.of(country_of(point.address))
            sms = render_sms(sources, AGREEMENT, replace(context, two_way=here.two_way))
            return replace(ready, body=sms.text.encode(), segments=sms.segments)
        written = render_email(sources, AGREEMENT, context)
        body = build_mime(
            written,
            creditor=creditor,
            to_name=context.debtor_name,
            to_address=point.address,
            message_id=context.message_id,
            date=now,
            unsubscribe_url=context.unsubscribe_url,
            preferences_url=context.account_url,
            attached=(self._attached(account, agreement, locale),),
        )
        return replace(ready, body=body, ending="eml", subject=written.subject)

    def _context(
        self, account: Account, agreement: Agreement, creditor: Creditor, locale: str, today: date
    ) -> AgreementContext:
        message_id = answer_id(agreement.agreement_id)
        currency = agreement.currency
        url = self._links.url(message_id)
        return AgreementContext(
            message_id=message_id,
            locale=format_locale(account.language, locale),
            creditor=creditor,
            agreement=agreement.agreement_id,
            agreed_on=agreement.calculated_on,
            total=Amount(currency, agreement.total_minor),
            payments=tuple(
                AgreedPayment(one.number, one.due_on, Amount(currency, one.amount_minor))
                for one in agreement.instalments
            ),
            today=today,
            debtor_name=account.name,
            debtor_kind=account.kind,
            account_url=url,
            unsubscribe_url=f"{url}{STOP_PATH}",
        )

    def _attached(self, account: Account, agreement: Agreement, locale: str) -> Attached:
        """The document as it is kept; kept now if nobody has yet."""
        name = _FILE.get(locale.partition("-")[0], _FILE["en"])
        content = self._documents.pdf(account.account_id, agreement.agreement_id)
        return Attached(f"{name}-{agreement.calculated_on}.pdf", content)


def answer_id(agreement_id: str) -> str:
    """The name of an agreement's message. Letters and digits only, so that it serves as an SES
    tag."""
    return "a" + hashlib.blake2b(agreement_id.encode(), digest_size=15).hexdigest()


def _in_force(account: Account, agreement_id: str) -> Agreement | None:
    return next(
        (
            one
            for one in account.agreements
            if one.agreement_id == agreement_id and one.state in ("active", "fulfilled")
        ),
        None,
    )


def _since(agreement: Agreement) -> datetime:
    """Since when it is in force."""
    return next(change.at for change in agreement.history if change.state == "active")


def _locale(account: Account, rulebook: Rulebook) -> str:
    wanted = account.language or rulebook.language
    return pick_locale(rulebook.messages.keys(), wanted, rulebook.language)
