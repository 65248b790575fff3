"""The bytes of an e-mail, the same for the same message: what is kept as proof is what was sent.

Every header that carries imported or operators' text goes through `one_line`, and addresses are
checked, so no name can begin a header of its own. Names are never part of an error.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Any

import msgspec

from escalon.messages.errors import MessageError
from escalon.messages.plain import NBSP, one_line
from escalon.messages.written import Email

if TYPE_CHECKING:
    from escalon.domain.rules.rulebook import Creditor

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})+")
_URL = re.compile(r"https?://[\x21\x23-\x3b\x3d\x3f-\x7e]+")
_LINK_HEADERS = {"list-unsubscribe", "list-help"}
_LONGEST_URL = 900  # a header line may have 998 characters


class Attached(msgspec.Struct, frozen=True):
    """A PDF that goes with an e-mail; its name is read by whoever sees the list of mails."""

    name: str
    content: bytes


class _Policy(EmailPolicy):
    """SMTP's line ends, with link headers written as they are. The standard library folds a long
    link into RFC 2047 encoded words, which no mail program follows: unsubscribing would fail."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in _LINK_HEADERS:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


def build_mime(
    email: Email,
    *,
    creditor: "Creditor",
    to_name: str,
    to_address: str,
    message_id: str,
    date: datetime,
    unsubscribe_url: str = "",
    preferences_url: str = "",
    headers: Mapping[str, str] | None = None,
    attached: Sequence[Attached] = (),
) -> bytes:
    """Put an e-mail into MIME: text and HTML, sent in the creditor's name, with one-click
    unsubscription (RFC 8058) and marked as automatic, so that no responder answers it (RFC 3834).

    `message_id` is our own id; `date` needs a zone; `headers` are further headers, none of which
    may replace one of these; `attached` are files beside the text. Raises MessageError for an
    address or a header that cannot be sent.
    """
    if not _TOKEN.fullmatch(message_id):
        raise MessageError("the message id has characters that a header cannot carry")
    if date.tzinfo is None:
        raise MessageError("the date of an e-mail needs a zone")
    sender = _address(creditor.name, creditor.email_from, "the creditor's email_from")
    reply_to = (
        _address(creditor.name, creditor.reply_to, "the creditor's reply_to")
        if creditor.reply_to
        else None
    )

    message = EmailMessage(policy=_Policy(linesep="\r\n"))
    message["From"] = sender
    message["To"] = _address(to_name, to_address, "the address of the recipient")
    if reply_to:
        message["Reply-To"] = reply_to
    message["Subject"] = _plain(email.subject)
    message["Date"] = format_datetime(date)
    message["Message-ID"] = f"<{message_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    ways_out = [_url(unsubscribe_url)] if unsubscribe_url else []
    if reply_to:
        # The way that works without any page of ours: a person reads it.
        ways_out.append(f"mailto:{reply_to.addr_spec}?subject=unsubscribe%20{message_id}")
    if ways_out:
        message["List-Unsubscribe"] = ", ".join(f"<{way}>" for way in ways_out)
    # RFC 8058 wants HTTPS: a mail program posts to the address without asking anybody.
    if unsubscribe_url.startswith("https://"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if preferences_url:
        message["List-Help"] = f"<{_url(preferences_url)}>"
    for name, value in (headers or {}).items():
        if not _HEADER_NAME.fullmatch(name) or name in message or _belongs_to_mime(name):
            raise MessageError(f"the header {_plain(name)!r} cannot be added")
        message[name] = _plain(value)

    # Quoted-printable whatever the text, so that the bytes pass every server unchanged.
    message.set_content(email.text, charset="utf-8", cte="quoted-printable")
    message.add_alternative(email.html, subtype="html", charset="utf-8", cte="quoted-printable")
    for file in attached:
        message.add_attachment(
            file.content, maintype="application", subtype="pdf", filename=file.name
        )
    # Set last: the library takes headers that begin with Content- for those of the first part.
    message["Content-Language"] = _plain(email.locale)
    name = hashlib.sha256(message_id.encode()).hexdigest()[:40]
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        # None begins with another, which a careless reader would take for it (RFC 2046, 5.1.1).
        part.set_boundary(f"=_{number}_{name}" if number else f"=_{name}")
    return message.as_bytes()


def is_address(address: str) -> bool:
    """Whether an e-mail can be sent to it."""
    user, at, host = address.rpartition("@")
    if host and not host.isascii():
        host = _punycode(host)
    return bool(at and _LOCAL_PART.fullmatch(user) and _HOST.fullmatch(host))


def _belongs_to_mime(name: str) -> bool:
    lowered = name.lower()
    return lowered == "mime-version" or lowered.startswith("content-")


def _plain(text: str) -> str:
    # "=?" would begin an encoded word, which readers turn into anything, a line break included.
    return one_line(text.replace(NBSP, " ")).replace("=?", "= ?")


def _address(name: str, address: str, what: str) -> Address:
    # An operator may write email_from with a name; the name that is shown is the creditor's.
    spec = parseaddr(address)[1] if "<" in address else address.strip()
    if not is_address(spec):
        raise MessageError(f"{what} is no e-mail address that can be sent to")
    user, _, host = spec.rpartition("@")
    if not host.isascii():
        host = _punycode(host)
    return Address(display_name=_plain(name), username=user, domain=host)


def _punycode(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return ""


def _url(url: str) -> str:
    if not _URL.fullmatch(url) or len(url) > _LONGEST_URL:
        raise MessageError("a link is no web address that a header can carry")
    return url
