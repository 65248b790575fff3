"""Pages that a local stack shows to the person who tries it: a mailbox, and a provider's checkout.

They load nothing, whatever is shown in them is escaped, and nobody but this machine is answered: a
name that leads here from elsewhere is none of ours.
"""

from collections.abc import Callable, Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = ("127.0.0.1", "localhost")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; {more}base-uri 'none'"


class Answer(msgspec.Struct, frozen=True):
    """What is answered to a request: status, headers, and the bytes of the body."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def page(template: str, *, status: int = 200, policy: str = "", **view: object) -> Answer:
    """The page of a template of this folder. `policy` are further directives of its content
    security policy."""
    body = _environment().get_template(template).render(view)
    allowed = _POLICY.format(more=f"{policy}; " if policy else "")
    return Answer(status, [*headers("text/html; charset=utf-8", allowed)], body.encode())


def headers(
    content_type: str, policy: str = "default-src 'none'; sandbox"
) -> list[tuple[str, str]]:
    """The headers of anything that a browser gets from here."""
    return [
        ("Content-Type", content_type),
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    ]


def send_if_here(handler: BaseHTTPRequestHandler, answer: Callable[[], Answer]) -> None:
    """Answer a request that was made to this machine by its own name, and no other."""
    if handler.headers.get("Host", "").rpartition(":")[0] in _HERE:
        send(handler, answer())
    else:
        send(handler, Answer(403, headers("text/plain"), b"This server is for its own machine."))


def send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """Answer a request."""
    handler.send_response(answer.status)
    for name, value in answer.headers:
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(answer.body)


@cache
def _environment() -> "Environment":
    # Imported here: the command line that starts a stack needs no page.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("escalon_cli.local", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
