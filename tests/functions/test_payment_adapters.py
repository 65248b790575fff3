"""The adapters behind payments: an HTTP client that is not led astray, secrets, and patience."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
import urllib3

from escalon.adapters.provider_api import (
    MOST_BYTES,
    PAUSES,
    TIME_OUT,
    NotReachedError,
    ProviderApi,
)
from escalon.adapters.provider_secrets import ProviderSecrets
from escalon.adapters.retry_later import RetryLater
from escalon.providers.provider import Credential, Question
from tests.usecases.entrance import SecretsManager


class Server:
    """Answers what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b'{"ok": true}'
        self.asked: list[tuple[str, str, str, bytes]] = []
        self.connections: set[tuple[str, int]] = set()

    @contextmanager
    def running(self) -> Iterator[str]:
        said = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                key = self.headers.get("Authorization", "")
                said.asked.append((self.command, self.path, key, body))
                said.connections.add(self.client_address)
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)

            do_POST = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


def api(pauses: list[float] | None = None) -> ProviderApi:
    return ProviderApi(urllib3.PoolManager(), pause=(pauses if pauses is not None else []).append)


def test_a_question_is_asked_with_its_key_and_its_body() -> None:
    server = Server()
    with server.running() as url:
        key = {"Authorization": "Bearer key"}
        assert api().ask(Question("GET", f"{url}/v1/payments/7?a=b", key)) == (200, b'{"ok": true}')
        assert api().ask(Question("POST", f"{url}/query", key, b'{"q": 1}'))[0] == 200
    assert server.asked == [
        ("GET", "/v1/payments/7?a=b", "Bearer key", b""),
        ("POST", "/query", "Bearer key", b'{"q": 1}'),
    ]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_does_not_get_the_key(status: int) -> None:
    elsewhere, server = Server(), Server()
    with elsewhere.running() as other, server.running() as url:
        server.status, server.headers = status, {"Location": f"{other}/collect"}
        assert api().ask(Question("GET", url, {"Authorization": "Bearer key"}))[0] == status
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("status", "times"), [(200, 1), (400, 1), (401, 1), (404, 1), (428, 1), (499, 1)]
)
def test_an_answer_is_an_answer_whatever_it_says(status: int, times: int) -> None:
    server, pauses = Server(), list[float]()
    server.status = status
    with server.running() as url:
        assert api(pauses).ask(Question("GET", url))[0] == status
    assert (len(server.asked), pauses) == (times, [])


@pytest.mark.parametrize("status", [429, 500, 503])
def test_who_is_busy_or_broken_is_asked_three_times(status: int) -> None:
    server, pauses = Server(), list[float]()
    server.status = status
    with server.running() as url:
        assert api(pauses).ask(Question("GET", url))[0] == status
    assert (len(server.asked), pauses) == (3, [0.5, 1.5])


@pytest.mark.parametrize(("more", "taken"), [(-1, True), (0, True), (1, False)])
def test_an_answer_is_read_to_a_bound(more: int, taken: bool) -> None:
    server = Server()
    server.body = b"x" * (MOST_BYTES + more)
    with server.running() as url:
        if taken:
            assert len(api().ask(Question("GET", url))[1]) == MOST_BYTES + more
        else:
            with pytest.raises(NotReachedError, match="too long"):
                api().ask(Question("GET", url))


def test_who_does_not_answer_is_not_waited_for() -> None:
    hasty = ProviderApi(
        urllib3.PoolManager(), lambda _: None, urllib3.Timeout(connect=0.05, read=0.05)
    )
    released = threading.Event()

    class Silent(Server):
        @property
        def headers(self) -> dict[str, str]:
            released.wait(5)
            return {}

        @headers.setter
        def headers(self, _: dict[str, str]) -> None:
            pass

    server = Silent()
    with server.running() as url:
        with pytest.raises(NotReachedError, match="ReadTimeoutError"):
            hasty.ask(Question("GET", f"{url}/v1/payments/7000001"))
        released.set()
    assert len(server.asked) == 3


def test_all_tries_together_leave_the_function_time_to_say_so() -> None:
    connect, read = TIME_OUT.connect_timeout, TIME_OUT.read_timeout
    assert isinstance(connect, float | int)
    assert isinstance(read, float | int)
    longest = 3 * (connect + read) + sum(PAUSES)
    assert longest <= 40  # of the 60 s that confirm_payment has


def test_what_an_error_says_names_neither_payment_nor_key() -> None:
    question = Question("GET", "http://127.0.0.1:9/v1/payments/7000001", {"Authorization": "key"})
    with pytest.raises(NotReachedError) as caught:
        api().ask(question)
    assert str(caught.value) == "NewConnectionError"


def test_a_connection_serves_more_than_one_question() -> None:
    server = Server()
    one = api()
    with server.running() as url:
        for _ in range(3):
            one.ask(Question("GET", url))
    assert len(server.connections) == 1


# ------------------------------------------------------------------------------------- secrets


def test_a_secret_of_another_form_says_where_and_not_what() -> None:
    manager = SecretsManager()
    manager.values["webhook-secrets"] = '{"stripe": "whsec_not_in_a_list"}'
    secrets = ProviderSecrets[list[Credential]](manager, "webhook-secrets", list[Credential])
    with pytest.raises(msgspec.ValidationError) as caught:
        secrets.of("stripe")
    assert "whsec" not in str(caught.value)


def test_named_values_that_belong_together_are_one_secret() -> None:
    manager = SecretsManager()
    manager.values["webhook-secrets"] = '{"payu": [{"api_key": "a", "alg": "md5"}, "b"]}'
    secrets = ProviderSecrets[list[Credential]](manager, "webhook-secrets", list[Credential])
    assert secrets.of("payu") == [{"api_key": "a", "alg": "md5"}, "b"]
    assert secrets.of("stripe") is None


# ------------------------------------------------------------------------------------ patience


class Visibility:
    """An SQS client that is told how long to hide a message."""

    def __init__(self) -> None:
        self.seconds: list[int] = []

    def change_message_visibility(self, **request: Any) -> None:
        assert (request["QueueUrl"], request["ReceiptHandle"]) == ("url", "handle")
        self.seconds.append(request["VisibilityTimeout"])


def test_each_failure_waits_longer_than_the_last_up_to_two_hours() -> None:
    sqs = Visibility()
    later = RetryLater(sqs, "url")
    told = [later("handle", attempt) for attempt in range(1, 11)]
    assert told == [60, 120, 240, 480, 960, 1920, 3840, 7200, 7200, 7200]
    assert sqs.seconds == told
    assert max(told) < 12 * 3600  # SQS hides nothing for longer
    assert later("handle", 100) == 7200
