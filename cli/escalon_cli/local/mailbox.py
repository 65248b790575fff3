"""A debtor's mailbox and telephone, for the person who tries a local stack.

The carriers' stand-in hands over each message that it took; a browser sees all of them, the newest
first, and each as a telephone shows it. An e-mail is read again from the folder in which its bytes
are kept. Its HTML stands in a frame that may run nothing and load nothing; links open a new tab.
"""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import default
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import msgspec
from markupsafe import Markup, escape

from escalon_cli.local.pages import Answer, headers, page

PATH = "/mailbox"
A_PAGE = 50  # messages of a list

_SAID = 120  # characters of an SMS that a list shows
_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:)]")
# What a message may do in its frame: show itself, and open what somebody clicks on in a new tab.
_FRAME = "allow-popups allow-popups-to-escape-sandbox"
_FRAME_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox {_FRAME}"

type Channel = Literal["email", "sms", "whatsapp"]


class Taken(msgspec.Struct, frozen=True):
    """A message that a carrier took. `name` is the carrier's id; `said` an e-mail's subject, or all
    that an SMS or a WhatsApp message says."""

    name: str
    at: datetime
    channel: Channel
    to: tuple[str, ...]
    said: str


class Mailbox:
    """What was taken since the stack was started. `folder` holds the e-mails as `<name>.eml`;
    `zone` says on whose clock instants are shown."""

    def __init__(self, folder: Path, zone: Callable[[], tzinfo] = lambda: UTC) -> None:
        self._folder = folder
        self._zone = zone
        self._taken: dict[str, Taken] = {}  # in the order of their coming
        self._lock = threading.Lock()

    def keep(self, taken: Taken) -> None:
        """A further message."""
        with self._lock:
            self._taken[taken.name] = taken

    def answer(self, target: str) -> Answer:
        """The page at a path with its query."""
        split = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        match [unquote(part) for part in split.path.removeprefix(PATH).strip("/").split("/")]:
            case [""]:
                return self._list(query.get("q", ""), query.get("page", ""))
            case [name] if name in self._taken:
                return self._message(self._taken[name])
            case [name, "html"] if self._is_email(name):
                return self._html(name)
            case [name, "source"] if self._is_email(name):
                kept = headers("message/rfc822")
                kept.append(("Content-Disposition", f'attachment; filename="{quote(name)}.eml"'))
                return Answer(200, kept, self._bytes(name))
            case [name, "attachment", number] if self._is_email(name) and number.isdecimal():
                return self._attachment(name, int(number))
        return _nothing_here()

    # ------------------------------------------------------------------------------------- list

    def _list(self, asked: str, asked_page: str) -> Answer:
        with self._lock:
            everything = list(self._taken.values())
        wanted = asked.strip().casefold()
        found = [
            one
            for one in reversed(everything)
            if not wanted or any(wanted in text.casefold() for text in (*one.to, one.said))
        ]
        last = max(1, -(-len(found) // A_PAGE))
        number = min(max(int(asked_page) if asked_page.isdecimal() else 1, 1), last)
        shown = found[(number - 1) * A_PAGE : number * A_PAGE]
        zone = self._zone()

        def at(other: int) -> str:
            fields = {"q": asked, "page": other} if asked else {"page": other}
            return f"{PATH}?{urlencode(fields)}"

        return page(
            "mailbox.html.j2",
            policy="form-action 'self'",
            path=PATH,
            asked=asked,
            total=len(everything),
            found=len(found),
            first=(number - 1) * A_PAGE + 1,
            lines=[
                {
                    "url": f"{PATH}/{quote(one.name, safe='')}",
                    "at": _written(one.at, zone),
                    "channel": one.channel,
                    "to": ", ".join(one.to),
                    "said": one.said if len(one.said) <= _SAID else one.said[:_SAID] + "…",
                }
                for one in shown
            ],
            zone=str(zone),
            newer=at(number - 1) if number > 1 else "",
            older=at(number + 1) if number < last else "",
        )

    # ---------------------------------------------------------------------------------- message

    def _message(self, taken: Taken) -> Answer:
        url = f"{PATH}/{quote(taken.name, safe='')}"
        view: dict[str, Any] = {
            "path": PATH,
            "url": url,
            "channel": taken.channel,
            "at": _written(taken.at, self._zone()),
            "to": ", ".join(taken.to),
            "only": f"{PATH}?{urlencode({'q': taken.to[0] if taken.to else ''})}",
            "said": taken.said,
        }
        if taken.channel != "email":
            return page("telephone.html.j2", **view, bubble=_linked(taken.said))
        mail = self._mail(taken.name)
        text = mail.get_body(("plain",))
        return page(
            "mail.html.j2",
            policy="frame-src 'self'",
            **view,
            sender=str(mail.get("From", "")),
            has_html=mail.get_body(("html",)) is not None,
            text=_linked(_content(text)) if text is not None else "",
            headers=[(name, str(value)) for name, value in mail.items()],
            frame=_FRAME,
            attachments=[
                {
                    "url": f"{url}/attachment/{number}",
                    "name": part.get_filename() or f"{number + 1}",
                    "size": f"{len(_decoded(part)) / 1024:,.0f} kB",
                }
                for number, part in enumerate(mail.iter_attachments())
            ],
        )

    def _html(self, name: str) -> Answer:
        part = self._mail(name).get_body(("html",))
        if part is None:
            return _nothing_here()
        shown = '<base target="_blank">' + _content(part)
        return Answer(200, headers("text/html; charset=utf-8", _FRAME_POLICY), shown.encode())

    def _attachment(self, name: str, number: int) -> Answer:
        parts = list(self._mail(name).iter_attachments())
        if number >= len(parts):
            return _nothing_here()
        part = parts[number]
        kept = headers("application/octet-stream")
        filename = quote(part.get_filename() or str(number + 1))
        kept.append(("Content-Disposition", f"attachment; filename*=UTF-8''{filename}"))
        return Answer(200, kept, _decoded(part))

    def _is_email(self, name: str) -> bool:
        return name in self._taken and self._taken[name].channel == "email"

    def _bytes(self, name: str) -> bytes:
        return (self._folder / f"{name}.eml").read_bytes()

    def _mail(self, name: str) -> EmailMessage:
        return message_from_bytes(self._bytes(name), policy=default)


def _nothing_here() -> Answer:
    return page("nothing.html.j2", status=404, path=PATH)


def _written(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _content(part: MIMEPart) -> str:
    return str(part.get_content())


def _decoded(part: MIMEPart) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else part.as_bytes()


def _linked(text: str) -> Markup:
    """A text with its addresses as links that open a new tab."""
    shown, end = Markup(), 0
    for found in _LINK.finditer(text):
        shown += escape(text[end : found.start()])
        shown += Markup('<a href="{0}" target="_blank" rel="noopener">{0}</a>').format(found[0])
        end = found.end()
    return shown + escape(text[end:])
