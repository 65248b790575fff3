"""One-time codes: what the message says that carries one.

The words are ours alone, the same for every creditor: a message that people learn to trust must not
look different each time, and it asks for nothing. It names no debt: whoever stands nearby may read
it (universal prohibition: no disclosure to third parties). It says that it is automatic, as the
countries' policies want of every message.
"""

from typing import TYPE_CHECKING

from escalon.messages.plain import one_line, tidy, wrap
from escalon.messages.sms import count_segments, to_gsm7
from escalon.messages.written import Email, Sms

if TYPE_CHECKING:
    from escalon.domain.rules.rulebook import Creditor

_WORDS = {
    "es": {
        "subject": "Su código de seguridad",
        "opening": "Usted pidió un código para confirmar que es usted. Su código es:",
        "lasts": "Funciona durante {minutes} minutos y una sola vez.",
        "warning": (
            "No se lo dé a nadie: nosotros nunca se lo pedimos por teléfono ni por mensaje. Si "
            "usted no lo pidió, no tiene que hacer nada."
        ),
        "automatic": "Este mensaje es automático.",
        "sms": (
            "{creditor}: su código es {code}. Funciona {minutes} minutos. No se lo dé a nadie; si "
            "no lo pidió, ignórelo. Mensaje automático."
        ),
    },
    "en": {
        "subject": "Your security code",
        "opening": "You asked for a code to confirm that it is you. Your code is:",
        "lasts": "It works for {minutes} minutes, and once.",
        "warning": (
            "Do not give it to anybody: we never ask for it by phone or message. If you did not "
            "ask for it, there is nothing you have to do."
        ),
        "automatic": "This message is automatic.",
        "sms": (
            "{creditor}: your code is {code}. It works for {minutes} minutes. Do not give it to "
            "anybody; if you did not ask for it, ignore it. Automatic message."
        ),
    },
}

_HTML = (
    '<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{subject}</title>'
    '</head><body style="margin:0;background:#ffffff;color:#2b3642;'
    "font-family:-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif;font-size:16px;"
    'line-height:25px"><div style="max-width:480px;margin:0 auto;padding:32px 24px">'
    '<p style="margin:0 0 8px">{opening}</p>'
    '<p style="margin:0 0 16px;font-size:34px;line-height:44px;font-weight:600;'
    'letter-spacing:6px;color:#1d2733">{code}</p>'
    '<p style="margin:0 0 16px">{lasts}</p><p style="margin:0 0 24px;color:#5d6975">{warning}</p>'
    '<p style="margin:0 0 16px;color:#5d6975">{creditor}</p>'
    '<p style="margin:0;color:#5d6975;font-size:13px;line-height:20px">{automatic}</p>'
    "</div></body></html>"
)


def code_email(code: str, creditor: "Creditor", language: str, minutes: int) -> Email:
    """The e-mail with a code."""
    from html import escape

    words = {name: text.format(minutes=minutes) for name, text in _mail_words(language).items()}
    name = one_line(creditor.name)
    text = "\n\n".join(
        (
            *(wrap(words["opening"]), f"    {code}", wrap(words["lasts"])),
            *(wrap(words["warning"]), name, words["automatic"]),
        )
    )
    filled = {key: escape(text) for key, text in {**words, "creditor": name}.items()}
    html = _HTML.format(language=language, code=code, **filled)
    return Email(words["subject"], words["lasts"], tidy(text), html, language)


def code_sms(code: str, creditor: "Creditor", language: str, minutes: int) -> Sms:
    """The SMS with a code: one segment for names of usual length."""
    said = _WORDS[language]["sms"].format(
        creditor=one_line(creditor.name), code=code, minutes=minutes
    )
    text = to_gsm7(said)
    counted = count_segments(text)
    return Sms(text, counted.segments, counted.encoding, language)


def _mail_words(language: str) -> dict[str, str]:
    return {name: text for name, text in _WORDS[language].items() if name != "sms"}
