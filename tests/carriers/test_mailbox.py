"""What a local stack has sent, as a person reads it: whole, in order, and harmless."""

import base64
import http.client
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from escalon_cli.local.mailbox import Mailbox, Taken
from escalon_cli.local.ses_stand_in import StandIn

AT = datetime(2026, 11, 20, 14, tzinfo=UTC)
LINK = "http://127.0.0.1:1/v1/p/dD7mHJ6eF0"
EVIL = "<script>alert(1)</script>"


def mail(subject: str = "Su cuenta", html: str = f'<a href="{LINK}">Ver y pagar</a>') -> bytes:
    message = EmailMessage()
    message["From"] = "Andina <c@andina.example.com>"
    message["To"] = "Ana <ana@example.com>"
    message["Subject"] = subject
    message["X-Note"] = EVIL
    message.set_content(f"Su código es:\n\n    715453\n\n{LINK}\n{EVIL}")
    message.add_alternative(html, subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="año.pdf")
    return message.as_bytes()


@pytest.fixture
def box(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path, lambda: ZoneInfo("America/Bogota"))


def took(box: Mailbox, name: str, content: bytes = b"", **known: str) -> None:
    """A carrier took a message; with bytes, an e-mail."""
    if content:
        (box._folder / f"{name}.eml").write_bytes(content)
    channel = "email" if content else "whatsapp" if known.get("whatsapp") else "sms"
    to = (known.get("to", "ana@example.com"),)
    at = AT + timedelta(minutes=int(known.get("minute", "0")))
    box.keep(Taken(name, at, channel, to, known.get("said", "Su cuenta")))


def read(box: Mailbox, target: str) -> str:
    found = box.answer(target)
    assert found.status == 200
    return found.body.decode()


def test_the_newest_is_on_top_with_its_instant_on_the_rulebooks_clock(box: Mailbox) -> None:
    took(box, "m1", mail(), said="Primero")
    took(box, "m2", said="Segundo", to="+573000000001", minute="5")
    page = read(box, "/mailbox")
    assert page.index("Segundo") < page.index("Primero")
    assert "2026-11-20 09:05" in page
    assert "America/Bogota" in page
    assert 'href="/mailbox/m1"' in page


def test_an_address_a_number_or_words_are_searched_for(box: Mailbox) -> None:
    took(box, "m1", mail(), said="Recibo de su pago")
    took(box, "m2", said="Andina: su cuenta", to="+573000000001")
    assert "Andina" not in read(box, "/mailbox?q=ANA%40example.com")
    assert "Recibo" not in read(box, "/mailbox?q=%2B5730000")
    assert "Recibo" in read(box, "/mailbox?q=recibo")
    assert "No message has these words" in read(box, "/mailbox?q=nobody")


@pytest.mark.parametrize(
    ("number", "first", "last", "older", "newer"),
    [
        ("1", "n119", "n070", True, False),
        ("2", "n069", "n020", True, True),
        ("3", "n019", "n000", False, True),
        ("9", "n019", "n000", False, True),
        ("x", "n119", "n070", True, False),
        ("0", "n119", "n070", True, False),
    ],
)
def test_a_list_has_pages(
    box: Mailbox, number: str, first: str, last: str, older: bool, newer: bool
) -> None:
    for one in range(120):
        took(box, f"m{one}", said=f"n{one:03d}")
    page = read(box, f"/mailbox?page={number}")
    shown = [f"n{one:03d}" for one in range(119, -1, -1) if f">n{one:03d}<" in page]
    assert (shown[0], shown[-1]) == (first, last)
    assert ("older →" in page, "← newer" in page) == (older, newer)


def test_thousands_of_messages_stay_quick(box: Mailbox) -> None:
    for one in range(5000):
        took(box, f"m{one}", said=f"n{one}")
    began = datetime.now(UTC)
    assert "5,000 messages" in read(box, "/mailbox?q=n4")
    assert datetime.now(UTC) - began < timedelta(seconds=1)


def test_an_e_mail_stands_in_a_frame_that_may_only_open_links(box: Mailbox) -> None:
    took(box, "m1", mail())
    page = read(box, "/mailbox/m1")
    frame = '<iframe src="/mailbox/m1/html" sandbox="allow-popups allow-popups-to-escape-sandbox"'
    assert frame in page
    found = box.answer("/mailbox/m1/html")
    assert found.body.decode().startswith(f'<base target="_blank"><a href="{LINK}">')
    policy = dict(found.headers)["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert "sandbox allow-popups" in policy
    assert "script" not in policy


def test_a_code_is_there_to_be_read_and_a_link_to_be_followed(box: Mailbox) -> None:
    took(box, "m1", mail())
    page = read(box, "/mailbox/m1")
    assert "715453" in page
    assert f'<a href="{LINK}" target="_blank" rel="noopener">{LINK}</a>' in page


def test_an_sms_is_a_bubble_whose_link_leaves_out_the_full_stop(box: Mailbox) -> None:
    took(box, "s1", said=f"Andina: su cuenta {LINK}. Gracias", to="+573000000001")
    page = read(box, "/mailbox/s1")
    assert f'<a href="{LINK}" target="_blank" rel="noopener">{LINK}</a>. Gracias' in page
    assert 'class="bubble sms"' in page


@pytest.mark.parametrize("target", ["/mailbox", "/mailbox/m1", "/mailbox/s1", f"/mailbox?q={EVIL}"])
def test_whatever_is_shown_is_escaped(box: Mailbox, target: str) -> None:
    took(box, "m1", mail(f"{EVIL}"), said=EVIL, to=f"{EVIL}@example.com")
    took(box, "s1", said=EVIL + ' http://x/"onmouseover="alert(1)', to=EVIL)
    page = read(box, target)
    assert "<script" not in page
    assert '"onmouseover="' not in page


def test_an_attachment_is_a_file_and_is_never_shown(box: Mailbox) -> None:
    took(box, "m1", mail())
    assert "año.pdf" in read(box, "/mailbox/m1")
    found = box.answer("/mailbox/m1/attachment/0")
    assert found.body == b"%PDF-1.7"
    assert dict(found.headers)["Content-Disposition"] == "attachment; filename*=UTF-8''a%C3%B1o.pdf"
    assert dict(found.headers)["Content-Type"] == "application/octet-stream"


def test_the_whole_message_is_there_as_it_was_taken(box: Mailbox) -> None:
    content = mail()
    took(box, "m1", content)
    assert box.answer("/mailbox/m1/source").body == content


@pytest.mark.parametrize(
    "target",
    [
        "/mailbox/unknown",
        "/mailbox/unknown/html",
        "/mailbox/m1/attachment/1",
        "/mailbox/m1/attachment/..",
        "/mailbox/s1/html",
        "/mailbox/..%2F..%2Fetc%2Fpasswd/source",
    ],
)
def test_nothing_else_is_there(box: Mailbox, target: str) -> None:
    took(box, "m1", mail())
    took(box, "s1")
    assert box.answer(target).status == 404


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[StandIn, int]]:
    stand_in = StandIn("http://127.0.0.1:9", tmp_path, now=lambda: AT)
    server = stand_in.serve(0)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield stand_in, server.server_port
    server.shutdown()
    server.server_close()


def asked(port: int, target: str, host: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", target, headers={"Host": host})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def test_what_the_carriers_take_is_in_the_mailbox_at_the_stacks_time(
    served: tuple[StandIn, int],
) -> None:
    stand_in, port = served
    content = {"Raw": {"Data": base64.b64encode(mail("Su código")).decode()}}
    to = {"ToAddresses": ["ana@example.com"]}
    stand_in.mail_taken({"Content": content, "Destination": to}, "m1")
    stand_in.sms_taken("+573000000001", "s1", "Andina: su cuenta")
    status, page = asked(port, "/mailbox", f"127.0.0.1:{port}")
    assert status == 200
    assert "Su código" in page
    assert "Andina: su cuenta" in page
    assert "2026-11-20 14:00" in page


def test_another_name_for_this_machine_is_not_answered(served: tuple[StandIn, int]) -> None:
    """A site that lets its name lead to loopback reads nobody's codes."""
    _, port = served
    assert asked(port, "/mailbox", f"evil.example:{port}")[0] == 403
    assert asked(port, "/mailbox", f"localhost:{port}")[0] == 200
