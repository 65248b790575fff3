"""The bytes of an e-mail: literal, the same each time, and with no way to smuggle in a header."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalon.domain.rules.rulebook import Creditor
from escalon.messages.context import MessageContext
from escalon.messages.errors import MessageError
from escalon.messages.mime import build_mime
from escalon.messages.render import render_email
from escalon.messages.written import Email

EMAIL = Email(
    subject="Información sobre su cuenta con Almacenes Andina",
    preheader="Hola",
    text="Buen día:\n\nSaldo: $ 1.234.567\n",
    html="<!DOCTYPE html>\n<p>Buen día: $\N{NO-BREAK SPACE}1.234.567</p>",
    locale="es-CO",
)
DATE = datetime(2027, 3, 12, 9, 30, tzinfo=timezone(timedelta(hours=-5)))

GOLDEN = b"""\
From: Almacenes Andina <cuentas@andina.example.com>\r
To: =?utf-8?b?TWFyw61hIMORw6HDsWV6?= <maria@example.com>\r
Reply-To: Almacenes Andina <atencion@andina.example.com>\r
Subject: =?utf-8?q?Informaci=C3=B3n?= sobre su cuenta con Almacenes Andina\r
Date: Fri, 12 Mar 2027 09:30:00 -0500\r
Message-ID: <m-0001@andina.example.com>\r
Auto-Submitted: auto-generated\r
List-Unsubscribe: <https://pagos.example.com/u/7Kq2xZ>, \
<mailto:atencion@andina.example.com?subject=unsubscribe%20m-0001>\r
List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
List-Help: <https://pagos.example.com/p/7Kq2xZ>\r
X-Run: r-1\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative;\r
 boundary="=_d730a9bfb3009445a3ac941bed8821e1b2cc379d"\r
Content-Language: es-CO\r
\r
--=_d730a9bfb3009445a3ac941bed8821e1b2cc379d\r
Content-Type: text/plain; charset="utf-8"\r
Content-Transfer-Encoding: quoted-printable\r
\r
Buen d=C3=ADa:\r
\r
Saldo: $ 1.234.567\r
\r
--=_d730a9bfb3009445a3ac941bed8821e1b2cc379d\r
Content-Type: text/html; charset="utf-8"\r
Content-Transfer-Encoding: quoted-printable\r
MIME-Version: 1.0\r
\r
<!DOCTYPE html>\r
<p>Buen d=C3=ADa: $=C2=A01.234.567</p>\r
\r
--=_d730a9bfb3009445a3ac941bed8821e1b2cc379d--\r
"""


def build(creditor: Creditor, **changes: object) -> bytes:
    arguments = {
        "to_name": "María Ñáñez",
        "to_address": "maria@example.com",
        "message_id": "m-0001",
        "date": DATE,
        **changes,
    }
    email = arguments.pop("email", EMAIL)
    return build_mime(email, creditor=creditor, **arguments)  # type: ignore[arg-type]


def parsed(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def display_name(data: bytes, header: str) -> str:
    """As RFC 2047 has it read: the library's newer parser puts blanks between encoded words."""
    raw = str(message_from_bytes(data)[header]).replace("\r\n", "")
    return str(make_header(decode_header(parseaddr(raw)[0])))


def test_the_bytes_are_these(andina: Creditor) -> None:
    data = build(
        andina,
        unsubscribe_url="https://pagos.example.com/u/7Kq2xZ",
        preferences_url="https://pagos.example.com/p/7Kq2xZ",
        headers={"X-Run": "r-1"},
    )
    assert data == GOLDEN


def test_the_same_message_gives_the_same_bytes_and_another_does_not(andina: Creditor) -> None:
    assert build(andina) == build(andina)
    assert build(andina) != build(andina, message_id="m-0002")


def test_a_whole_message_survives_the_way(
    shipped: dict[str, dict[str, str]], andina: Creditor, context: Callable[..., MessageContext]
) -> None:
    email = render_email(shipped["es-CO"], "last_notice", context("many", stage="pre_legal"))
    data = build(andina, email=email)
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    assert data.isascii()
    message = parsed(data)
    assert message.get_content_type() == "multipart/alternative"
    text, markup = message.iter_parts()
    assert text.get_content_type() == "text/plain"  # the plainest first, RFC 2046
    assert text.get_content().replace("\r\n", "\n") == email.text
    assert markup.get_content_type() == "text/html"
    assert markup.get_content().replace("\r\n", "\n").rstrip("\n") == email.html
    assert message["Subject"] == email.subject


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("María Ñáñez", "María Ñáñez"),
        ("Pérez, Juan", "Pérez, Juan"),
        ('Juan "El Mono" Díaz', 'Juan "El Mono" Díaz'),
        ("Peña & Hijos S.A.S. <x@y.example>", "Peña & Hijos S.A.S. <x@y.example>"),
        ("Juan\r\nBcc: otro@example.com", "Juan Bcc: otro@example.com"),
        ("Juan\nBcc: otro@example.com\n\nHola", "Juan Bcc: otro@example.com Hola"),
        ("Juan\r\n\r\n<script>", "Juan <script>"),
        ("=?utf-8?q?Juan=0D=0ABcc=3A_x?=", "= ?utf-8?q?Juan=0D=0ABcc=3A_x?="),
        ("Juan\u2028Bcc: x\x00\x1b", "Juan Bcc: x"),
        ("日本 太郎", "日本 太郎"),
        ("ñ" * 200, "ñ" * 200),
        ("Compañía, de " * 20 + "Fin", "Compañía, de " * 20 + "Fin"),
        ("", ""),
    ],
)
def test_no_name_can_begin_a_header(andina: Creditor, name: str, shown: str) -> None:
    creditor = msgspec.structs.replace(andina, name=name)
    email = msgspec.structs.replace(EMAIL, subject=name or "x")
    data = build(creditor, to_name=name, email=email)
    message = parsed(data)
    assert [address.addr_spec for address in message["To"].addresses] == ["maria@example.com"]
    assert [address.addr_spec for address in message["From"].addresses] == [
        "cuentas@andina.example.com"
    ]
    assert set(message.keys()) == {
        "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Content-Language",
        "Auto-Submitted", "List-Unsubscribe", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert display_name(data, "To") == shown
    assert display_name(data, "From") == shown


@settings(max_examples=200, deadline=None)
@given(name=st.text(max_size=120), subject=st.text(max_size=200))
def test_any_name_and_subject_stay_in_their_headers(
    andina: Creditor, name: str, subject: str
) -> None:
    email = msgspec.structs.replace(EMAIL, subject=subject)
    data = build(andina, to_name=name, email=email)
    message = parsed(data)
    assert len(message.keys()) == 11
    assert "Bcc" not in message
    assert [address.addr_spec for address in message["To"].addresses] == ["maria@example.com"]
    head = data.split(b"\r\n\r\n")[0]
    assert head.isascii()
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "maria",
        "@example.com",
        "maria@",
        "maria@example",
        "maria @example.com",
        "maria@example.com, otro@example.com",
        "maria@example.com\r\nBcc: otro@example.com",
        "maría@example.com",
        "maria..x@example.com",
        ".maria@example.com",
        "maria@-example.com",
        "maria@exam_ple.com",
        "maria@example.com;x",
        "<>",
        "a <b@example.com>, c@example.com",
    ],
)
def test_an_address_that_cannot_be_sent_to_is_refused_without_being_quoted(
    andina: Creditor, address: str
) -> None:
    with pytest.raises(MessageError) as raised:
        build(andina, to_address=address)
    assert str(raised.value) == (
        "the address of the recipient is no e-mail address that can be sent to"
    )


def test_blanks_around_an_address_do_not_matter(andina: Creditor) -> None:
    message = parsed(build(andina, to_address=" maria@example.com\r\n"))
    assert message["To"].addresses[0].addr_spec == "maria@example.com"


def test_an_international_domain_is_sent_in_its_ascii_form(andina: Creditor) -> None:
    message = parsed(build(andina, to_address="ana@peña.example"))
    assert message["To"].addresses[0].addr_spec == "ana@xn--pea-8ma.example"


def test_the_sender_may_be_written_with_a_name_but_the_creditors_is_shown(
    andina: Creditor,
) -> None:
    creditor = msgspec.structs.replace(andina, email_from="Cobros <cuentas@andina.example.com>")
    assert str(parsed(build(creditor))["From"]) == "Almacenes Andina <cuentas@andina.example.com>"


@pytest.mark.parametrize(
    ("unsubscribe", "preferences", "ways", "post", "help_"),
    [
        ("", "", 1, None, None),
        ("https://p.example/u", "", 2, "List-Unsubscribe=One-Click", None),
        # RFC 8058 wants HTTPS: a local stack's link is a link, but nothing posts to it.
        ("http://p.example/u", "", 2, None, None),
        ("", "https://p.example/p", 1, None, "<https://p.example/p>"),
    ],
)
def test_how_a_mail_program_may_unsubscribe(
    andina: Creditor,
    unsubscribe: str,
    preferences: str,
    ways: int,
    post: str | None,
    help_: str | None,
) -> None:
    data = build(andina, unsubscribe_url=unsubscribe, preferences_url=preferences)
    message = parsed(data)
    found = message["List-Unsubscribe"].split(", ")
    assert len(found) == ways
    assert found[-1] == "<mailto:atencion@andina.example.com?subject=unsubscribe%20m-0001>"
    assert not unsubscribe or found[0] == f"<{unsubscribe}>"
    assert message["List-Unsubscribe-Post"] == post
    assert message["List-Help"] == help_


def test_a_long_link_is_not_folded_into_encoded_words(andina: Creditor) -> None:
    url = "https://pagos.example.com/u/" + "a1" * 150
    data = build(andina, unsubscribe_url=url, preferences_url=url)
    assert b"\r\nList-Unsubscribe: <" + url.encode() + b">, <mailto:" in data
    assert b"\r\nList-Help: <" + url.encode() + b">\r\n" in data


@pytest.mark.parametrize(
    "url",
    [
        "javascript:x",
        "https://x.example/>,<https://y.example",
        "https://x.example/\r\nBcc: y@z.example",
        "https://x.example/ñ",
        "https://x.example/a b",
        "https://x.example/" + "a" * 900,
    ],
)
@pytest.mark.parametrize("name", ["unsubscribe_url", "preferences_url"])
def test_a_link_that_a_header_cannot_carry_is_refused(
    andina: Creditor, name: str, url: str
) -> None:
    with pytest.raises(MessageError, match="no web address that a header can carry"):
        build(andina, **{name: url})


@pytest.mark.parametrize(
    "name",
    ["Bcc\r\nX", "X: y", "", "From", "from", "SUBJECT", "Content-Type", "content-x", "Mime-Version",
     "List-Unsubscribe", "1x", "X y"],
)  # fmt: skip
def test_a_further_header_replaces_none_of_ours(andina: Creditor, name: str) -> None:
    with pytest.raises(MessageError, match="cannot be added"):
        build(andina, headers={name: "v"})


def test_a_further_header_is_one_line(andina: Creditor) -> None:
    message = parsed(build(andina, headers={"X-Run": "a\r\nBcc: b@c.example"}))
    assert message["X-Run"] == "a Bcc: b@c.example"
    assert "Bcc" not in message


@pytest.mark.parametrize("message_id", ["", "a b", "a@b", "a>b", "a\r\nb", "-a", "á", "a" * 122])
def test_a_message_id_is_a_token(andina: Creditor, message_id: str) -> None:
    with pytest.raises(MessageError, match="message id"):
        build(andina, message_id=message_id)


def test_a_date_without_a_zone_is_refused(andina: Creditor) -> None:
    with pytest.raises(MessageError, match="needs a zone"):
        build(andina, date=DATE.replace(tzinfo=None))
    assert parsed(build(andina, date=DATE.astimezone(UTC)))["Date"] == (
        "Fri, 12 Mar 2027 14:30:00 +0000"
    )
