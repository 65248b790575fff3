"""The provider modules by the kind that a setting names; each is imported when it is needed."""

from escalon.providers.provider import Provider

KINDS = ("epayco", "mercadopago", "payu", "standard_webhooks", "stripe", "wompi")


def module_of(kind: str) -> Provider:
    """The module that speaks a provider's language. KeyError for a kind that does not exist."""
    match kind:
        case "epayco":
            from escalon.providers import epayco

            return epayco
        case "mercadopago":
            from escalon.providers import mercadopago

            return mercadopago
        case "payu":
            from escalon.providers import payu

            return payu
        case "standard_webhooks":
            from escalon.providers import standard_webhooks

            return standard_webhooks
        case "stripe":
            from escalon.providers import stripe

            return stripe
        case "wompi":
            from escalon.providers import wompi

            return wompi
    raise KeyError(kind)
