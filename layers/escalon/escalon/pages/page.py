"""A page as it leaves: status, HTML and headers that let a browser do no more than it needs.

No script, image, font or frame of any origin; the style is the page's own and named by its hash.
Nothing is kept by caches, found by search engines or told to where a link leads, since the address
is the key to the page.
"""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from jinja2 import Environment

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Strict-Transport-Security": "max-age=31536000",
}


class Page(msgspec.Struct, frozen=True):
    """An answer to a browser: text, or the bytes of a file."""

    status: int
    body: str | bytes
    headers: dict[str, str]


def rendered(
    status: int, template: str, view: msgspec.Struct, form_action: str = "", **more: object
) -> Page:
    """The page of a template of this folder, which sees the fields of `view` and what `more` names.
    `form_action` are the origins that its forms may lead to; none if it is empty."""
    fields = {name: getattr(view, name) for name in view.__struct_fields__} | more
    body = _environment().get_template(template).render(fields)
    policy = [
        "default-src 'none'",
        *(f"style-src {_hashes(found)}" for found in (_STYLE.findall(body),) if found),
        *(f"script-src {_hashes(found)}" for found in (_SCRIPT.findall(body),) if found),
        f"form-action {form_action or "'none'"}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    return Page(status, body, {**_HEADERS, "Content-Security-Policy": "; ".join(policy)})


def sent_on(url: str) -> Page:
    """The browser goes on to another page, with GET whatever it came with (HTTP 303)."""
    return Page(303, "", {**_HEADERS, "Location": url})


def file(content: bytes, content_type: str, name: str) -> Page:
    """A file to be kept, under a name of letters, digits and hyphens."""
    headers = {
        **_HEADERS,
        "Content-Type": content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Page(200, content, headers)


def _hashes(sources: list[str]) -> str:
    digests = (hashlib.sha256(source.encode()).digest() for source in sources)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


@cache
def _environment() -> "Environment":
    # Imported here: making a link needs no page, and Jinja2 is a large part of a cold start.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
