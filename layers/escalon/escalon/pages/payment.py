"""The pages of a payment link: which one says what.

None shows an amount, a document or a name of the debtor: whoever holds the link may be somebody
else, to whom the debt is not disclosed.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from escalon.domain.rules.rulebook import Creditor
from escalon.messages.brand import Brand, brand
from escalon.pages.page import Page, rendered
from escalon.pages.words import say, way_of

if TYPE_CHECKING:
    from escalon.providers.provider import Checkout

_PAGE = "page.html.j2"
_NOBODY = Brand("#3a4652", "#ffffff", "#3a4652")
_NOT_DIALLED = re.compile(r"[^+\d]")


class Reader(msgspec.Struct, frozen=True):
    """Whom a page is for: the language of its words, the locale of the creditor's own texts, and
    the creditor in whose name it speaks, if anybody's."""

    language: str
    locale: str
    creditor: Creditor | None = None


class Way(msgspec.Struct, frozen=True):
    """One way to pay: the provider's name in the rulebook, its kind, and of what currency."""

    provider: str
    kind: str
    currency: str


class Button(msgspec.Struct, frozen=True):
    """Something to press or to follow: where it leads, what it says, what it carries."""

    action: str
    words: str
    fields: dict[str, str] = {}


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What the template shows."""

    language: str
    title: str
    paragraphs: Sequence[str]
    name: str = ""
    brand: Brand = _NOBODY
    buttons: Sequence[Button] = ()
    link: Button | None = None
    ask_title: str = ""
    ask: str = ""
    phone: str = ""
    dialled: str = ""
    reply_to: str = ""
    legal: str = ""
    privacy: str = ""
    privacy_url: str = ""
    moves_on: bool = False


def nothing_open(reader: Reader) -> Page:
    """Nothing is asked for."""
    creditor = _creditor(reader).name
    words = say(reader.language, "nothing", creditor=creditor)
    return rendered(200, _PAGE, _view(reader, say(reader.language, "nothing_title"), words))


def agreed(reader: Reader, code: str) -> Page:
    """What is to be paid is an agreement's, and stands in the account."""
    creditor = _creditor(reader).name
    title, words = say(reader.language, "agreed_title"), say(reader.language, "agreed")
    link = Button(f"../../{quote(code)}", say(reader.language, "agreed_open"))
    told = say(reader.language, "door_agreement", creditor=creditor)
    return rendered(200, _PAGE, _view(reader, title, told, words, link=link))


def back(reader: Reader, code: str) -> Page:
    """Whoever comes back from a checkout. What became of it, the provider tells us elsewhere."""
    again = Button(quote(code), say(reader.language, "back_again"))
    title, words = say(reader.language, "back_title"), say(reader.language, "back")
    return rendered(200, _PAGE, _view(reader, title, words, link=again))


def expired(reader: Reader) -> Page:
    """The link was good once."""
    title, words = say(reader.language, "expired_title"), say(reader.language, "expired")
    return rendered(410, _PAGE, _view(reader, title, words))


def revoked(reader: Reader) -> Page:
    """The link was good, and somebody has switched it off."""
    title, words = say(reader.language, "revoked_title"), say(reader.language, "revoked")
    return rendered(410, _PAGE, _view(reader, title, words))


def unknown(reader: Reader) -> Page:
    """There is no such link."""
    title, words = say(reader.language, "unknown_title"), say(reader.language, "unknown")
    return rendered(404, _PAGE, _view(reader, title, words))


def other_way(reader: Reader, code: str) -> Page:
    """The way to pay that was chosen is not there, or not for this amount."""
    again = Button(f"../../{quote(code)}", say(reader.language, "choose_again"))
    title, words = say(reader.language, "other_way_title"), say(reader.language, "other_way")
    return rendered(404, _PAGE, _view(reader, title, words, link=again))


def trouble(reader: Reader, code: str = "") -> Page:
    """Something failed, and nobody has paid. `code` if it was a way to pay that was chosen."""
    again = Button(f"../../{quote(code)}", say(reader.language, "try_again")) if code else None
    title, words = say(reader.language, "trouble_title"), say(reader.language, "trouble")
    return rendered(503, _PAGE, _view(reader, title, words, link=again))


def forward(reader: Reader, kind: str, checkout: "Checkout", *, secure: bool) -> Page:
    """A form that goes on to the provider by itself, and by a button where scripts are off."""
    way = way_of(reader.language, kind)
    button = Button(
        checkout.url, say(reader.language, "forward_button", way=way), dict(checkout.fields)
    )
    view = _view(
        reader,
        say(reader.language, "forward_title", way=way),
        say(reader.language, "forward"),
        buttons=[button],
        moves_on=True,
    )
    return rendered(200, _PAGE, view, forms_lead(secure))


def _creditor(reader: Reader) -> Creditor:
    if reader.creditor is None:
        raise ValueError("this page speaks in a creditor's name")
    return reader.creditor


def forms_lead(secure: bool) -> str:
    """Where forms may lead: to us, and from there to a provider, who may send on to a bank.
    Browsers hold every step of that against the page, so it names no more than the scheme."""
    return "'self' https:" if secure else "'self' https: http:"


def _view(reader: Reader, title: str, *paragraphs: str, **more: object) -> View:
    view = View(language=reader.language, title=title, paragraphs=paragraphs)
    creditor, language = reader.creditor, reader.language
    if creditor is not None:
        identity = (creditor.legal_name, creditor.tax_id, creditor.address)
        view = msgspec.structs.replace(
            view,
            name=creditor.name,
            brand=brand(creditor.brand_colour),
            ask_title=say(language, "ask_title"),
            ask=say(language, "ask"),
            phone=creditor.phone,
            dialled=_NOT_DIALLED.sub("", creditor.phone),
            reply_to=creditor.reply_to,
            legal=f"{', '.join(filter(None, identity))}.",
            privacy=say(language, "privacy"),
            privacy_url=creditor.privacy_url,
        )
    return msgspec.structs.replace(view, **more)
