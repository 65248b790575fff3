"""Payment links: from a message to a provider's checkout, under a reference that we know again.

A link is `<public address>/p/<code>`. The code is a keyed hash of the message's id: nobody guesses
one, a message that is written twice has one link, and an SMS has room for it. What it stands for is
written together with the claim of its message, and ends by itself.

Whoever opens it may be anybody, so no page before the identity check (usecases/visit_portal) shows
an amount or a name of the debtor. A button leads to the checkout for what a message would ask for
at that moment, as the ledger has it. Every press has a reference of its own, which finds the
account before anybody can pay with it.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, Receivable, pot
from escalon.domain.agreements.agreement import standing
from escalon.domain.contact.told import zones_for
from escalon.domain.holds import full_stop
from escalon.domain.local_time import local_date
from escalon.domain.money import MoneyError
from escalon.domain.payments import ledger
from escalon.domain.payments.interest import charge_through, charges_interest
from escalon.domain.payments.statement import asked_about
from escalon.domain.ports import Clock
from escalon.domain.rules.rulebook import Creditor, PaymentProvider, Payments, Rulebook
from escalon.failures import described
from escalon.pages import payment as pages
from escalon.pages.page import Page, sent_on
from escalon.pages.payment import Reader, Way
from escalon.pages.words import language_of, say
from escalon.providers.provider import (
    Checkout,
    NotAnsweredError,
    OpensCheckouts,
    PaymentRequest,
    PaysOnline,
)
from escalon.providers.registry import module_of
from escalon.usecases.payments.confirm_payment import ApiKeys, ProviderApi
from escalon.usecases.payments.ledger_writes import all_open
from escalon.usecases.portal.door import Doors

if TYPE_CHECKING:
    from escalon.adapters.table import Table

# 62 to the tenth: whoever tries 100 codes a second against ten million links that are open needs 26
# years to hit one, which shows nothing of a debt.
CODE_LENGTH = 10
# A message is looked up again months later by somebody who now has the money; what is paid is what
# is owed then. For longer than that nobody would know what the link was about.
LINK_LASTS = timedelta(days=90)
# Cash vouchers are paid within days. Money that comes later is not lost: it goes to the unmatched.
REFERENCE_LASTS = timedelta(days=90)
# After a message's link: where its channel is stopped with one click (RFC 8058), and where the page
# says what may be agreed.
STOP_PATH = "/stop"
OFFERS_PATH = "/offers"

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CODE = re.compile(rf"[0-9A-Za-z]{{{CODE_LENGTH}}}")


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a code stands for."""

    account_id: str
    creditor: str
    message_id: str
    expires: datetime
    channel: str = ""  # of the message; empty for links of before it was kept
    revoked_at: datetime | None = None  # since when it leads nowhere


class Links:
    """Makes the links of messages. `key` gives the stack's link key; `public_url` is the address
    under which the world reaches the API, without a slash at its end."""

    def __init__(self, key: Callable[[], bytes], public_url: str) -> None:
        self._key = key
        self._public_url = public_url

    def url(self, message_id: str) -> str:
        """The link of a message, always the same."""
        return f"{self._public_url}/p/{self.code(message_id)}"

    def code(self, message_id: str) -> str:
        """Its code: letters and digits."""
        digest = hmac.new(self._key(), message_id.encode(), hashlib.sha256).digest()
        return _written(int.from_bytes(digest), 62, CODE_LENGTH)

    def name_of(self, number: str) -> str:
        """The opaque name of a telephone number: there are too few numbers for a hash without a
        key."""
        digest = hmac.new(self._key(), f"number:{number}".encode(), hashlib.sha256).digest()
        return _written(int.from_bytes(digest), 62, 20)

    def put(self, table: "Table", link: Link) -> dict[str, Any]:
        """A transaction item: what the message's code stands for."""
        pk, sk = link_key(self.code(link.message_id))
        return table.put_document(pk, sk, link, expires=link.expires)


def pays_online(payments: Payments, creditor: str, currencies: Iterable[str]) -> bool:
    """Whether any of these debts to the creditor can be paid at a provider's checkout."""
    return bool(_ways(payments, creditor, currencies))


def to_pay(account: Account, creditor: str, rulebook: Rulebook, now: datetime) -> dict[str, int]:
    """What a message to the account about this creditor would ask for now, in minor units by
    currency: what is past due, else what comes due soon, net of unapplied credit. What is disputed
    or held, or what the law lets nobody ask for, is not asked for here either."""
    overdue, upcoming = asked_for(account, creditor, rulebook, now)
    owed: dict[str, int] = {}
    for receivable in overdue or upcoming:
        owed[receivable.currency] = owed.get(receivable.currency, 0) + receivable.open_minor
    net = {
        currency: minor - max(0, account.credits.get(pot(creditor, currency), 0))
        for currency, minor in sorted(owed.items())
    }
    return {currency: minor for currency, minor in net.items() if minor > 0}


def asked_for(
    account: Account, creditor: str, rulebook: Rulebook, now: datetime
) -> tuple[list[Receivable], list[Receivable]]:
    """What is past due to the creditor and what comes due soon, as far as it may be asked for on
    our pages: what a message shows, and nothing of somebody whom no message goes to."""
    today = local_date(zones_for(rulebook, account), now)
    if full_stop(account, rulebook.holds, today):
        return [], []
    return asked_about(account, creditor, rulebook, now)


def _named(opened: "Opened", currency: str) -> tuple[str, ...]:
    """The receivables that the link asks for in a currency."""
    overdue, upcoming = asked_for(opened.account, opened.link.creditor, opened.rulebook, opened.now)
    return tuple(one.receivable_id for one in overdue or upcoming if one.currency == currency)


class Visit(msgspec.Struct, frozen=True):
    """A browser's request: the link's code, our public address, what the browser says it reads, the
    query, the form with all values of each field, cookies, and where it came from."""

    code: str
    public_url: str
    languages: str = ""
    query: Mapping[str, str] = {}
    form: Mapping[str, Sequence[str]] = {}
    cookies: str = ""
    ip: str = ""
    user_agent: str = ""

    def typed(self, field: str) -> str:
        """What stands in a field of the form, without space around it."""
        values = self.form.get(field) or ("",)
        return values[0].strip()

    @property
    def path(self) -> str:
        """The path of the link's page, without a slash at its end."""
        return f"{urlsplit(self.public_url).path}/p/{quote(self.code)}"

    @property
    def secure(self) -> bool:
        """Whether it came over HTTPS, as it always does but on a developer's own machine."""
        return self.public_url.startswith("https://")


class Opened(msgspec.Struct, frozen=True):
    """A link that is good, with what it is about as of now: interest through today counts, though
    nothing of it is written before money or a message moves it."""

    link: Link
    account: Account
    rulebook: Rulebook
    reader: Reader
    owed: dict[str, int]
    now: datetime
    today: date  # where the debtor is

    @property
    def creditor(self) -> Creditor:
        return self.rulebook.creditors[self.link.creditor]

    @property
    def is_awaited(self) -> bool:
        """Whether money to this creditor is under way."""
        return any(
            one.creditor in ("", self.link.creditor) and one.since <= self.now < one.until
            for one in self.account.awaited
        )

    @property
    def has_agreement(self) -> bool:
        """Whether debts to this creditor rest under an agreement, whose instalments `owed` leaves
        out."""
        creditor = self.link.creditor
        return any(one.rests and one.creditor == creditor for one in self.account.agreements)

    def ways(self, owed: Mapping[str, int]) -> list[Way]:
        """The ways to pay amounts of these currencies."""
        return _ways(self.rulebook.payments, self.link.creditor, owed)


class OpenPaymentLink:
    """What a link leads to, and from there to a checkout. `rulebook` gives the rulebook in force
    for an account, None before there is one; `name_of` the opaque name of a reference."""

    def __init__(
        self,
        table: "Table",
        rulebook: Callable[[str], Rulebook | None],
        clock: Clock,
        name_of: Callable[[str], str],
        keys: ApiKeys,
        api: ProviderApi,
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._table = table
        self._rulebook = rulebook
        self._clock = clock
        self._name_of = name_of
        self._keys = keys
        self._api = api
        self._report = report

    def pay(self, visit: Visit, provider: str) -> Page:
        """On to a provider's checkout, for what is owed in the currency that the query names, or
        for the next instalment or the whole of the agreement that it names."""
        return self.answered(visit, lambda opened: self._pay(visit, opened, provider))

    def answered(
        self, visit: Visit, answer: Callable[[Opened], Page], *, over: bool = False
    ) -> Page:
        """A page, whatever happens: nobody who wants to pay is left before a blank one. `over` if
        the page is there for a link that has expired or was switched off too."""
        try:
            opened = self.open(visit, over=over)
            return opened if isinstance(opened, Page) else answer(opened)
        except Exception as error:
            self._report("page_failed", described(error))
            return pages.trouble(anybody(visit))

    def open(self, visit: Visit, *, over: bool = False) -> Opened | Page:
        """What the link is about, or the page that says why it is about nothing; `over` if one that
        has expired or was switched off is about something too."""
        found = self._table.load(*link_key(visit.code)) if _CODE.fullmatch(visit.code) else None
        if found is None:
            return pages.unknown(anybody(visit))
        link = msgspec.convert(found, Link)
        rulebook = self._rulebook(link.account_id)
        if rulebook is None:
            return pages.unknown(anybody(visit))
        stored = self._table.get(link.account_id)
        creditor = rulebook.creditors.get(link.creditor)
        if stored is None or creditor is None:
            return pages.unknown(anybody(visit))
        now = self._clock.now()
        wanted = stored.account.language or rulebook.language
        reader = Reader(language_of(wanted, rulebook.language), wanted, creditor)
        if not over:
            if now >= link.expires:
                return pages.expired(reader)
            if link.revoked_at is not None or self._is_revoked(link):
                return pages.revoked(reader)
        today = local_date(zones_for(rulebook, stored.account), now)
        account = self._accrued(stored.account, rulebook, today, now)
        owed = to_pay(account, link.creditor, rulebook, now)
        return Opened(link, account, rulebook, reader, owed, now, today)

    def _is_revoked(self, link: Link) -> bool:
        """Whether all links of the account that were made so long ago lead nowhere."""
        links_from = Doors(self._table).of(link.account_id).links_from
        return links_from is not None and link.expires - LINK_LASTS < links_from

    def _accrued(self, account: Account, rulebook: Rulebook, today: date, now: datetime) -> Account:
        if not charges_interest(rulebook):
            return account
        whole = ledger.whole(account, all_open(self._table, account))
        booking, _ = charge_through(whole, rulebook, today, now)
        return ledger.embed(booking.account, booking.account.receivables)

    def _pay(self, visit: Visit, opened: Opened, provider: str) -> Page:
        currency = visit.query.get("currency", "")
        owed, named = opened.owed, _named(opened, currency)
        if "agreement" in visit.query:
            agreement_id = visit.query["agreement"]
            due = payoff(opened, agreement_id) if "whole" in visit.query else None
            due = due or next_instalment(opened, agreement_id)
            owed, named = (due.owed, due.receivables) if due else ({}, ())
        if not owed and opened.has_agreement:
            return pages.agreed(opened.reader, visit.code)
        if not owed and not opened.owed:
            return pages.nothing_open(opened.reader)
        if not any(
            way.provider == provider and way.currency == currency for way in opened.ways(owed)
        ):
            return pages.other_way(opened.reader, visit.code)
        setting = opened.rulebook.payments.providers[provider]
        request = self._request(visit, opened, setting, currency, owed[currency], named)
        try:
            checkout = self._checkout(request, setting)
        except MoneyError:
            return pages.other_way(opened.reader, visit.code)
        except Exception as error:  # whatever it is, the debtor is told in the same words
            self._report("checkout_failed", {"provider": provider, **described(error)})
            return pages.trouble(opened.reader, visit.code)
        if checkout.fields:
            return pages.forward(opened.reader, setting.kind, checkout, secure=visit.secure)
        return sent_on(checkout.url)

    # ---------------------------------------------------------------- the checkout

    def _request(
        self,
        visit: Visit,
        opened: Opened,
        setting: PaymentProvider,
        currency: str,
        amount_minor: int,
        receivables: tuple[str, ...],
    ) -> PaymentRequest:
        """What is to be paid, under a reference that already finds the account and its receivables.
        Who pays is left to the checkout to ask: a name or an address there would tell the link's
        holder whose debt it is."""
        milliseconds = int(opened.now.timestamp() * 1000)
        # Letters and digits alone: PayU's documentation wants no other character in a reference.
        reference = visit.code + _written(milliseconds, 36)
        pointer = {
            "account_id": opened.link.account_id,
            "creditor": opened.link.creditor,
            "receivables": receivables,
        }
        pk = f"REF#{self._name_of(reference)}"
        self._table.save(
            self._table.put_document(pk, "REF", pointer, expires=opened.now + REFERENCE_LASTS)
        )
        language = opened.reader.language
        return PaymentRequest(
            amount_minor=amount_minor,
            currency=currency,
            reference=reference,
            attempt=reference,
            description=say(language, "description", creditor=opened.creditor.name),
            language=language,
            return_url=f"{visit.public_url}/p/{visit.code}?back",
            notify_url=f"{visit.public_url}/webhooks/{setting.provider}",
        )

    def _checkout(self, request: PaymentRequest, setting: PaymentProvider) -> Checkout:
        module = module_of(setting.kind)
        key = self._keys.of(setting.provider)
        if key is None:
            raise NotAnsweredError("nobody has put in its key")
        if isinstance(module, OpensCheckouts):
            question = module.open_checkout(request, setting, key)
            return module.opened_checkout(*self._api.ask(question), setting)
        if isinstance(module, PaysOnline):
            return module.checkout(request, setting, key)
        raise NotAnsweredError(f"{setting.kind} has no checkout")


def _ways(payments: Payments, creditor: str, currencies: Iterable[str]) -> list[Way]:
    return [
        Way(name, setting.kind, currency)
        for currency in currencies
        for name, setting in payments.providers.items()
        if setting.creditor in ("", creditor) and currency in setting.currencies
    ]


class Due(msgspec.Struct, frozen=True):
    """What an agreement asks for next: minor units by currency, by a day, and the receivables that
    the money is for."""

    owed: dict[str, int]
    due_on: date
    receivables: tuple[str, ...]


def next_instalment(opened: Opened, agreement_id: str) -> Due | None:
    """The next instalment of one of the account's agreements with the link's creditor; None if
    nothing of it is to be paid (yet: one that waits for an approval may come to nothing)."""
    for agreement in opened.account.agreements:
        if agreement.agreement_id != agreement_id or agreement.creditor != opened.link.creditor:
            continue
        following = standing(agreement, opened.today).next_due
        in_force = agreement.state in ("accepted", "active") and not agreement.waits_for_approval
        if not in_force or following is None:
            return None
        owed = {agreement.currency: following.left_minor}
        return Due(owed, following.instalment.due_on, tuple(agreement.debts))
    return None


def payoff(opened: Opened, agreement_id: str) -> Due | None:
    """The same for all that is left of it: interest of periods to come is not owed by whoever pays
    today. None if that is no more than the next instalment."""
    due = next_instalment(opened, agreement_id)
    if due is None:
        return None
    agreement = next(a for a in opened.account.agreements if a.agreement_id == agreement_id)
    whole = standing(agreement, opened.today).payoff_minor
    if whole <= due.owed[agreement.currency]:
        return None
    return replace(due, owed={agreement.currency: whole}, due_on=opened.today)


def anybody(visit: Visit) -> Reader:
    """Of whom nothing is known but what the browser says."""
    asked = [part.partition(";")[0].strip() for part in visit.languages.split(",")]
    language = language_of(*asked)
    return Reader(language, language)


def link_key(code: str) -> tuple[str, str]:
    return f"LINK#{code}", "LINK"


def _written(number: int, base: int, length: int = 0) -> str:
    """A number's digits in a base; its last `length` ones if that is said."""
    digits = ""
    while number and (not length or len(digits) < length):
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
    return digits.rjust(length, "0")
