"""One request to the debtor's page: whose it is, and how it is answered."""

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, ContactPoint
from escalon.domain.rules.rulebook import Rulebook
from escalon.messages.context import Amount, format_locale
from escalon.pages import portal as pages
from escalon.pages.page import Page, sent_on
from escalon.pages.payment import Button, Reader, Way, forms_lead
from escalon.pages.words import say, way_of
from escalon.usecases.payments.payment_link import Opened, Visit
from escalon.usecases.portal.codes import masked
from escalon.usecases.portal.session import Session


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A request with all that is known of it. Without a session nobody has shown who they are."""

    visit: Visit
    opened: Opened
    reader: Reader
    page: str = ""  # the last part of the path; empty for the first page
    session: Session | None = None
    token: str = ""
    key: str = ""  # for the forms of the answer
    headers: Mapping[str, str] = {}

    @property
    def account(self) -> Account:
        return self.opened.account

    @property
    def rulebook(self) -> Rulebook:
        return self.opened.rulebook

    @property
    def locale(self) -> str:
        """How the reader writes amounts and days."""
        return format_locale(self.opened.reader.locale, self.reader.language)

    def say(self, phrase: str, **named: str) -> str:
        """A phrase in the reader's language."""
        return say(self.reader.language, phrase, **named)

    def show(
        self, view: msgspec.Struct, *, notice: str = "", status: int = 200, forms: str = ""
    ) -> Page:
        """The page of a view. `notice` is a phrase's name."""
        where = self.visit.path + (f"/{self.page}" if self.page else "")
        kept = {name: text for name, text in self.visit.query.items() if name not in _PASSING}
        here = where + (f"?{urlencode(kept)}" if kept else "")
        frame = replace(
            pages.frame(self.reader, self.visit.path, here),
            token=self.token,
            key=self.key,
            notice=self.say(notice) if notice else "",
        )
        page = pages.page(frame, view, self.locale, status=status, forms=forms or "'self'")
        return with_headers(page, self.headers)

    def go(self, page: str = "", **query: str) -> Page:
        """On to another page of this link."""
        where = self.visit.path + (f"/{page}" if page else "")
        asked = f"?{urlencode(query)}" if query else ""
        return with_headers(sent_on(where + asked), self.headers)

    def named(self, point: ContactPoint) -> str:
        """A contact point on a choice: what it is, and the address as its owner knows it again."""
        return f"{self.say(f'by_{point.channel}')}: {masked(point)}"

    def pay_buttons(
        self, owed: Mapping[str, int], *, agreement: str = "", whole: bool = False
    ) -> list[Button]:
        """A button for every way to pay these amounts, which says what is paid: what is owed, the
        next instalment of an agreement, or the `whole` of what is left of it."""
        return [
            Button(
                self._pay_address(way, agreement, whole=whole),
                self._pay_words(way, owed[way.currency], whole=whole),
            )
            for way in self.opened.ways(owed)
        ]

    def quiet_pay_buttons(self) -> list[Button]:
        """The same for whoever has not shown who they are: no amount."""
        several = len(self.opened.owed) > 1
        phrase = "pay_with_currency" if several else "pay_with"
        return [
            Button(
                self._pay_address(way),
                self.say(phrase, way=way_of(self.reader.language, way.kind), currency=way.currency),
            )
            for way in self.opened.ways(self.opened.owed)
        ]

    @property
    def checkout_forms(self) -> str:
        """Where the forms of a page with such buttons may lead."""
        return forms_lead(self.visit.secure)

    def _pay_address(self, way: Way, agreement: str = "", *, whole: bool = False) -> str:
        query = {"currency": way.currency} | ({"agreement": agreement} if agreement else {})
        query |= {"whole": "1"} if whole else {}
        return f"{self.visit.path}/pay/{way.provider}?{urlencode(query)}"

    def _pay_words(self, way: Way, minor: int, *, whole: bool) -> str:
        from escalon.messages.locales import Reader as Spelling

        amount = Spelling(self.locale, codes=False).amount(Amount(way.currency, minor))
        named = {"amount": amount, "way": way_of(self.reader.language, way.kind)}
        return self.say("pay_whole" if whole else "pay_amount", **named)


# Of one answer, not of the page: they must not come along when the language is changed.
_PASSING = ("lang", "done", "bucket", "key", "etag")


def with_headers(page: Page, headers: Mapping[str, str]) -> Page:
    """The page with further headers."""
    return replace(page, headers={**page.headers, **headers}) if headers else page
