"""What rendering returns: words, before they become the bytes of a channel."""

import msgspec

from escalon.messages.sms import Encoding


class Email(msgspec.Struct, frozen=True):
    """An e-mail's words; `mime` makes the bytes."""

    subject: str
    preheader: str
    text: str
    html: str
    locale: str


class Sms(msgspec.Struct, frozen=True):
    """An SMS as it is sent, and what it costs."""

    text: str
    segments: int
    encoding: Encoding
    locale: str
