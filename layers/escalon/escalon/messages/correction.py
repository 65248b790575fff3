"""The draft of a correction: what is said to a debtor about a message that should not have left.

It names no debt, no amount and no step, asks for nothing, and waits for a person to approve it.
"""

from datetime import date, datetime
from typing import Any

import msgspec

from escalon.domain.decisions.explanation import in_words


class Correction(msgspec.Struct, frozen=True):
    """A draft in one language."""

    language: str
    subject: str
    text: str


# language -> channel -> how it was sent
_BY = {
    "es": {"email": "por correo electrónico", "sms": "por SMS", "whatsapp": "por WhatsApp"},
    "en": {"email": "by e-mail", "sms": "by SMS", "whatsapp": "by WhatsApp"},
}
_SUBJECT = {
    "es": "Corrección de nuestro mensaje del {day}",
    "en": "Correction of our message of {day}",
}
_TEXT = {
    "es": (
        "Buen día, {name}:\n\n"
        "El {day} le enviamos {by} un mensaje en nombre de {creditor} que no correspondía. "
        "Por favor no lo tenga en cuenta: no tiene que hacer nada por causa de él.\n\n"
        "Si tiene alguna pregunta, puede escribirnos a {email} o llamarnos al {phone}. "
        "Le ofrecemos disculpas.\n\n"
        "{creditor}"
    ),
    "en": (
        "Dear {name},\n\n"
        "On {day} we sent you a message {by} on behalf of {creditor} that should not have been "
        "sent. Please disregard it: you do not have to do anything because of it.\n\n"
        "If you have any questions, write to us at {email} or call us at {phone}. "
        "We apologise.\n\n"
        "{creditor}"
    ),
}


def draft(
    *, name: str, language: str, channel: str, sent_on: date | datetime, creditor: str, email: str,
    phone: str
) -> Correction:  # fmt: skip
    """The draft for one message; a language without words of ours gets English."""
    code = language.partition("-")[0]
    code = code if code in _TEXT else "en"
    filled: dict[str, Any] = {
        "name": name,
        "day": in_words(sent_on, spanish=code == "es", zones=()),
        "by": _BY[code].get(channel, ""),
        "creditor": creditor,
        "email": email,
        "phone": phone,
    }
    return Correction(code, _SUBJECT[code].format(**filled), _TEXT[code].format(**filled))
