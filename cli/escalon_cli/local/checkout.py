"""The checkouts of the payment providers' stand-in: a page on which somebody pays, or does not."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import msgspec

from escalon.domain.money import to_minor
from escalon.domain.rules.rulebook import ProviderKind
from escalon.messages.context import Amount
from escalon.messages.locales import Reader
from escalon.pages.words import way_of
from escalon_cli.local.pages import Answer, headers, page

PATH = "/checkout"


class Checkout(msgspec.Struct, frozen=True):
    """What somebody was sent to pay: minor units, under our reference."""

    name: str
    kind: ProviderKind
    reference: str
    amount_minor: int
    currency: str
    description: str
    return_url: str


class Checkouts:
    """Those that were opened, at a page each under `url`. `pay` pays one: "" or what went wrong."""

    def __init__(self, url: Callable[[], str], pay: Callable[[Checkout], str]) -> None:
        self._url = url
        self._pay = pay
        self._opened: dict[str, Checkout] = {}
        self._paid: set[str] = set()

    def open(self, kind: ProviderKind, **fields: Any) -> str:
        """The address of a checkout; the same for what is asked for twice under one reference."""
        name = f"{kind}-{fields['reference']}"
        self._opened.setdefault(name, Checkout(name, kind, **fields))
        return f"{self._url()}{PATH}/{name}"

    def waiting(self) -> list[Checkout]:
        """What nobody has paid yet, in the order of opening."""
        return [one for name, one in self._opened.items() if name not in self._paid]

    def settled(self, reference: str) -> None:
        """What was asked for under this reference is paid."""
        self._paid |= {name for name, one in self._opened.items() if one.reference == reference}

    def show(self, path: str) -> Answer:
        """The page of a checkout."""
        found = self._opened.get(path.removeprefix(f"{PATH}/"))
        return _page(found, paid=found.name in self._paid) if found else _unknown()

    def take(self, path: str, body: bytes) -> Answer:
        """What the payer answers; back to where they came from, unless it went wrong."""
        found = self._opened.get(path.removeprefix(f"{PATH}/"))
        if found is None:
            return _unknown()
        problem = ""
        if b"answer=pay" in body and found.name not in self._paid:
            problem = self._pay(found)
        if problem:
            return _page(found, problem=problem)
        return Answer(303, [*headers("text/plain"), ("Location", found.return_url)], b"")


def asked_of_stripe(body: bytes) -> dict[str, Any]:
    """The fields of a checkout session that is asked for."""
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    item = "line_items[0][price_data]"
    return {
        "reference": form["client_reference_id"],
        "amount_minor": int(form[f"{item}[unit_amount]"]),
        "currency": form[f"{item}[currency]"].upper(),
        "description": form[f"{item}[product_data][name]"],
        "return_url": form["success_url"],
    }


def asked_of_mercado_pago(preference: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a preference."""
    (item,) = preference["items"]
    currency = str(item["currency_id"])
    return {
        "reference": preference["external_reference"],
        "amount_minor": to_minor(Decimal(str(item["unit_price"])), currency),
        "currency": currency,
        "description": item["title"],
        "return_url": preference["back_urls"]["success"],
    }


def _page(checkout: Checkout, *, paid: bool = False, problem: str = "") -> Answer:
    amount = Amount(checkout.currency, checkout.amount_minor)
    return page(
        "checkout.html.j2",
        # The browser holds the page that the answer leads to against this too.
        policy="form-action 'self' http: https:",
        provider=way_of("es", checkout.kind),
        description=checkout.description,
        amount=Reader("es-CO", codes=True).amount(amount),
        reference=checkout.reference,
        back=checkout.return_url,
        paid=paid,
        problem=problem,
    )


def _unknown() -> Answer:
    return Answer(404, headers("text/plain; charset=utf-8"), b"No hay tal pago.")
