"""The stand-in's checkouts: our question opens one, a person pays, and a genuine notice says so."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3
from msgspec.structs import replace

from escalon.domain.rules.rulebook import ProviderKind
from escalon.providers.provider import OpensCheckouts, PaymentRequest, WebhookRequest
from escalon.providers.registry import module_of
from escalon_cli.local.provider_stand_in import API_KEYS, SECRETS, Providers, StandIn, setting

AT = datetime(2026, 11, 20, 14, tzinfo=UTC)
REQUEST = PaymentRequest(
    amount_minor=300_000_00,
    currency="COP",
    reference="dD7mHJ6eF0MWP1",
    attempt="dD7mHJ6eF0MWP1",
    description="Pago a Andina",
    language="es",
    return_url="http://127.0.0.1:1/p/dD7mHJ6eF0?back",
    notify_url="http://127.0.0.1:1/webhooks/x",
)
HTTP = urllib3.PoolManager(retries=False)


class Hooks:
    """Where notices are posted."""

    def __init__(self) -> None:
        self.status = 200
        self.heard: list[tuple[str, WebhookRequest]] = []
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                path, _, query = self.path.partition("?")
                named = dict(pair.split("=") for pair in query.split("&") if pair)
                headers = {name.lower(): value for name, value in self.headers.items()}
                hooks.heard.append((path, WebhookRequest(headers, named, body)))
                self.send_response(hooks.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    made = Hooks()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def stand_in(hooks: Hooks) -> Iterator[StandIn]:
    with StandIn(now=lambda: AT, webhooks=hooks.url) as made:
        yield made


def opened(stand_in: StandIn, kind: ProviderKind, request: PaymentRequest = REQUEST) -> str:
    """The address to which the product sends the payer."""
    module = module_of(kind)
    assert isinstance(module, OpensCheckouts)
    known = setting(kind, kind, api=stand_in.api(kind))
    question = module.open_checkout(request, known, API_KEYS[kind])
    answer = HTTP.request(
        question.method, question.url, headers=question.headers, body=question.body
    )
    return module.opened_checkout(answer.status, answer.data, known).url


@pytest.mark.parametrize("kind", ["mercadopago", "stripe"])
def test_a_payer_pays_and_a_genuine_notice_tells_of_it(
    kind: ProviderKind, stand_in: StandIn, hooks: Hooks
) -> None:
    url = opened(stand_in, kind)
    page = HTTP.request("GET", url).data.decode()
    assert "Pasarela simulada" in page
    assert "COP\u00a0300.000" in page
    answer = HTTP.request("POST", url, body="answer=pay", redirect=False)
    assert (answer.status, answer.headers["Location"]) == (303, REQUEST.return_url)
    ((path, notice),) = hooks.heard
    assert path == f"/{kind}"
    known = setting(kind, kind, api=stand_in.api(kind))
    received = module_of(kind).receive(notice, known, [SECRETS[kind]], AT)
    assert received.notice.payment_key
    if not received.ask:
        assert (received.notice.reference, received.notice.amount_minor) == (
            "dD7mHJ6eF0MWP1",
            300_000_00,
        )


def test_it_is_paid_once(stand_in: StandIn, hooks: Hooks) -> None:
    url = opened(stand_in, "mercadopago")
    for _ in range(2):
        HTTP.request("POST", url, body="answer=pay", redirect=False)
    assert len(hooks.heard) == 1
    assert "Este pago ya se hizo" in HTTP.request("GET", url).data.decode()


def test_whoever_cancels_goes_back_and_nobody_is_told(stand_in: StandIn, hooks: Hooks) -> None:
    url = opened(stand_in, "mercadopago")
    answer = HTTP.request("POST", url, body="answer=cancel", redirect=False)
    assert (answer.status, answer.headers["Location"]) == (303, REQUEST.return_url)
    assert hooks.heard == []
    assert [one.reference for one in Providers(stand_in.url).waiting()] == ["dD7mHJ6eF0MWP1"]


def test_a_notice_that_is_refused_is_said_on_the_page(stand_in: StandIn, hooks: Hooks) -> None:
    hooks.status = 401
    answer = HTTP.request("POST", opened(stand_in, "stripe"), body="answer=pay", redirect=False)
    assert "Escalón contestó 401" in answer.data.decode()


def test_what_is_asked_for_twice_is_one_checkout(stand_in: StandIn) -> None:
    assert opened(stand_in, "stripe") == opened(stand_in, "stripe")
    other = replace(REQUEST, reference="dD7mHJ6eF0MWP2", attempt="dD7mHJ6eF0MWP2")
    assert opened(stand_in, "stripe", other) != opened(stand_in, "stripe")


def test_nobody_without_the_key_opens_one(stand_in: StandIn) -> None:
    for path in ("/stripe/v1/checkout/sessions", "/mercadopago/checkout/preferences"):
        assert HTTP.request("POST", stand_in.url + path, body="{}").status == 401


def test_what_is_shown_is_escaped_and_only_this_machine_is_answered(stand_in: StandIn) -> None:
    url = opened(stand_in, "stripe", replace(REQUEST, description="<script>alert(1)</script>"))
    assert "<script" not in HTTP.request("GET", url).data.decode()
    assert HTTP.request("GET", url, headers={"Host": "evil.example"}).status == 403
    assert HTTP.request("GET", f"{stand_in.url}/checkout/unknown").status == 404


def test_a_stack_that_does_not_answer_is_said_on_the_page(stand_in: StandIn, hooks: Hooks) -> None:
    url = opened(stand_in, "stripe")
    hooks.server.shutdown()
    hooks.server.server_close()
    answer = HTTP.request("POST", url, body="answer=pay", redirect=False)
    assert "Escalón contestó 0 al aviso del pago: nothing" in answer.data.decode()
