"""The words of the pages, a phrase each in every language; `{creditor}` and the like are filled in.

Whoever reads them may be in trouble: kind, plain, no threat, and never a question why somebody has
not paid (Ley 2300 of 2023, article 7).
"""

from collections.abc import Mapping

from escalon.messages.context import pick_locale
from escalon.pages.portal_words import WORDS

_DEFAULT = "es"

_ES = {
    "pay_how": (
        "Elija cómo quiere pagar. Verá el valor en la página del medio de pago, antes de confirmar."
    ),
    "pay_with": "Pagar con {way}",
    "pay_with_currency": "Pagar con {way} en {currency}",
    "pay_not_here": "Por ahora no es posible pagar por este enlace.",
    "way_stripe": "tarjeta (Stripe)",
    "other_title": "Otras formas de pagar",
    "ask_title": "¿Necesita ayuda?",
    "ask": "Si tiene una pregunta, comuníquese con nosotros: con gusto le ayudamos.",
    "nothing_title": "Por ahora no le pedimos ningún pago",
    "nothing": (
        "En este momento {creditor} no le pide ningún pago por este enlace. Usted no tiene que "
        "hacer nada."
    ),
    "agreed_title": "Su pago está en su acuerdo",
    "agreed": "Fuera del acuerdo no le pedimos ningún pago por este enlace.",
    "agreed_open": "Ir a mi cuenta",
    "back_title": "Gracias",
    "back": (
        "Si completó el pago, ya no tiene que hacer nada: lo registramos apenas nos lo confirmen, "
        "lo que puede tardar unos minutos."
    ),
    "back_again": "Si no lo completó, puede volver a las formas de pago",
    "expired_title": "Este enlace ya no está activo",
    "expired": (
        "Por seguridad, los enlaces de nuestros mensajes funcionan por un tiempo. Si quiere pagar, "
        "comuníquese con nosotros y con gusto le ayudamos."
    ),
    "unknown_title": "No encontramos esta página",
    "unknown": (
        "Es posible que el enlace no esté completo. Ábralo de nuevo desde el mensaje que recibió o "
        "cópielo entero. Si sigue sin funcionar, escriba a quien le envió el mensaje."
    ),
    "other_way_title": "Elija otra forma de pago",
    "other_way": "Esta forma de pago no está disponible para este valor.",
    "choose_again": "Ver las formas de pago",
    "trouble_title": "No pudimos abrir la página de pago",
    "trouble": (
        "Algo falló de nuestro lado y no se le descontó nada. Por favor intente de nuevo en unos "
        "minutos."
    ),
    "try_again": "Intentar de nuevo",
    "forward_title": "Vamos a la página de {way}",
    "forward": "Si la página no avanza sola, oprima el botón.",
    "forward_button": "Continuar a {way}",
    "privacy": "Tratamiento de datos personales",
    "description": "Pago a {creditor}",
}

_EN = {
    "pay_how": (
        "Choose how you would like to pay. You will see the amount on the payment page, before you "
        "confirm."
    ),
    "pay_with": "Pay with {way}",
    "pay_with_currency": "Pay with {way} in {currency}",
    "pay_not_here": "At the moment it is not possible to pay through this link.",
    "way_stripe": "card (Stripe)",
    "other_title": "Other ways to pay",
    "ask_title": "Do you need help?",
    "ask": "If you have a question, get in touch with us: we will gladly help.",
    "nothing_title": "We ask you for no payment now",
    "nothing": (
        "At the moment {creditor} asks you for no payment through this link. There is nothing you "
        "have to do."
    ),
    "agreed_title": "Your payment is in your agreement",
    "agreed": "Apart from the agreement, we ask you for no payment through this link.",
    "agreed_open": "Go to my account",
    "back_title": "Thank you",
    "back": (
        "If you completed the payment, there is nothing more you have to do: we record it as soon "
        "as it is confirmed to us, which may take a few minutes."
    ),
    "back_again": "If you did not complete it, you can go back to the ways to pay",
    "expired_title": "This link is no longer active",
    "expired": (
        "For your security, the links in our messages work for a limited time. If you would like "
        "to pay, get in touch with us and we will gladly help."
    ),
    "unknown_title": "We did not find this page",
    "unknown": (
        "The link may not be complete. Open it again from the message that you received, or copy "
        "all of it. If it still does not work, write to whoever sent you the message."
    ),
    "other_way_title": "Choose another way to pay",
    "other_way": "This way to pay is not available for this amount.",
    "choose_again": "See the ways to pay",
    "trouble_title": "We could not open the payment page",
    "trouble": (
        "Something failed on our side, and nothing was taken from you. Please try again in a few "
        "minutes."
    ),
    "try_again": "Try again",
    "forward_title": "On to the page of {way}",
    "forward": "If the page does not move on by itself, press the button.",
    "forward_button": "Continue to {way}",
    "privacy": "How we treat personal data",
    "description": "Payment to {creditor}",
}

PHRASES: Mapping[str, Mapping[str, str]] = {
    "es": _ES | {phrase: spanish for phrase, (spanish, _) in WORDS.items()},
    "en": _EN | {phrase: english for phrase, (_, english) in WORDS.items()},
}

LANGUAGES = tuple(PHRASES)

# How people know the providers; one that is not here goes by the name of its kind.
_WAYS = {"wompi": "Wompi", "payu": "PayU", "epayco": "ePayco", "mercadopago": "Mercado Pago"}


def language_of(*wanted: str) -> str:
    """The language of the pages for a reader: that of the first wanted locale that has one."""
    for locale in wanted:
        found = pick_locale(PHRASES.keys(), locale.partition("-")[0].lower(), "")
        if found:
            return found
    return _DEFAULT


def say(language: str, phrase: str, **named: str) -> str:
    """A phrase, with what it names filled in."""
    return PHRASES[language][phrase].format(**named)


def way_of(language: str, kind: str) -> str:
    """What a kind of provider is called on a button."""
    return PHRASES[language].get(f"way_{kind}") or _WAYS.get(kind, kind)
