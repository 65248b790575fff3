"""A headless Chromium before the debtor's page, and what lies behind it as pages of ours: the
providers' checkouts and the bucket that takes files."""

import email
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import pytest

from escalon.pages.page import Page, sent_on
from escalon.usecases.payments.payment_link import Visit
from tests.usecases.portal_visitor import Stand

CHROMIUM = Path("/usr/bin/chromium")
PHONE, DESKTOP = (360, 740), (1280, 800)
# What stands at the end of a way to pay.
CHECKOUTS = ("https://checkout.wompi.co/**", "https://sandbox.checkout.payulatam.com/**")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; a machine without one skips these."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@dataclass
class Portal:
    """The portal on loopback."""

    stand: Stand | None = None
    url: str = ""
    answered: list[Page] = field(default_factory=list)

    def serve(self, stand: Stand) -> str:
        """Stand before this stack; the path of its link."""
        stand.world.s3.forms = f"{self.url}/bucket"
        self.stand = stand
        return f"/p/{stand.code}"

    def take_file(self, content_type: str, body: bytes) -> Page:
        """What S3 does with a form: keeps the file and sends the browser back."""
        assert self.stand is not None
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        parts = email.message_from_bytes(head + body, policy=default).iter_parts()
        fields = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in parts
        }
        key = fields["key"].decode()
        self.stand.world.s3.objects[key] = (fields["file"], {})
        to = fields["success_action_redirect"].decode()
        return sent_on(f"{to}?bucket=bucket&key={quote(key)}&etag=1")

    def answer(self, method: str, target: str, headers: Any, body: str) -> Page:
        """What API Gateway and the function do together."""
        assert self.stand is not None
        parts = urlsplit(target)
        names = parts.path.strip("/").split("/")
        visit = Visit(
            names[1],
            self.url,
            headers.get("Accept-Language", ""),
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            parse_qs(body, keep_blank_values=True),
            headers.get("Cookie", ""),
            "203.0.113.9",
            headers.get("User-Agent", ""),
        )
        if method == "POST" and len(names) == 4:
            assert (names[0], names[2]) == ("p", "pay")
            return self.stand.opener.pay(visit, names[3])
        page = names[2] if len(names) == 3 else ""
        answer = self.stand.portal.post if method == "POST" else self.stand.portal.get
        return answer(visit, page)


@pytest.fixture
def portal() -> Iterator[Portal]:
    served = Portal()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/favicon.ico":
                self.send_error(404)
                return
            if self.path == "/bucket":
                page = served.take_file(self.headers["Content-Type"], body)
            else:
                page = served.answer(self.command, self.path, self.headers, body.decode())
            served.answered.append(page)
            content = page.body if isinstance(page.body, bytes) else page.body.encode()
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    yield served
    server.shutdown()
    server.server_close()


type Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, portal: Portal) -> Iterator[Open]:
    """Opens a page of the portal; at the end nothing may have gone wrong in it, and nothing may
    have been loaded but the pages themselves."""
    wrong: list[str] = []
    asked: list[str] = []
    contexts = []

    def open_at(
        path: str, size: tuple[int, int] = PHONE, *, scripts: bool = True, language: str = "es-CO"
    ) -> Any:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height},
            java_script_enabled=scripts,
            locale=language,
            device_scale_factor=2,
        )
        contexts.append(context)
        for checkout in CHECKOUTS:
            context.route(
                checkout,
                lambda route: route.fulfill(
                    body="<title>checkout</title>", content_type="text/html"
                ),
            )
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(portal.url + path)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert [text for text in wrong if "status of 4" not in text and "status of 5" not in text] == []
    own = (portal.url, *(checkout.removesuffix("**") for checkout in CHECKOUTS))
    assert [url for url in asked if not url.startswith(own)] == []
