"""A headless Chromium before the portal, and the providers' checkouts as pages of ours."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from escalon.pages.page import Page
from escalon.usecases.payment_link import OpenPaymentLink, Visit

CHROMIUM = Path("/usr/bin/chromium")
PHONE, DESKTOP = (360, 740), (1280, 900)
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
    """The portal on loopback; the public address is one of HTTPS, as it is for debtors."""

    opener: OpenPaymentLink | None = None
    url: str = ""
    answered: list[Page] = field(default_factory=list)

    def answer(self, method: str, target: str, languages: str) -> Page:
        """What API Gateway and the function do together."""
        assert self.opener is not None
        parts = urlsplit(target)
        names = parts.path.strip("/").split("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        visit = Visit(names[1], "https://pay.example", languages, query)
        if method == "POST":
            assert (names[0], names[2], len(names)) == ("p", "pay", 4)
            return self.opener.pay(visit, names[3])
        assert (names[0], len(names)) == ("p", 2)
        return self.opener.show(visit)


@pytest.fixture
def portal() -> Iterator[Portal]:
    served = Portal()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/favicon.ico":
                self.send_error(404)
                return
            languages = self.headers.get("Accept-Language", "")
            page = served.answer(self.command, self.path, languages)
            served.answered.append(page)
            body = page.body.encode()
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
