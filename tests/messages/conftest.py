"""The shipped templates, and a creditor to write for."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest

from escalon.domain.rules.rulebook import Creditor
from escalon.messages.context import MessageContext
from escalon.messages.samples import sample_contexts

CONFIG = Path(__file__).parents[2] / "config" / "messages"
TODAY = date(2027, 3, 12)

ANDINA = Creditor(
    creditor="andina",
    name="Almacenes Andina",
    legal_name="Almacenes Andina S.A.S.",
    tax_id="NIT 900.000.001-8",
    country="CO",
    email_from="cuentas@andina.example.com",
    reply_to="atencion@andina.example.com",
    phone="+57 601 000 0001",
    address="Carrera 7 # 00-01, Bogotá",
    signature="Equipo de atención de cuentas",
    pay_instructions={
        "es-CO": "Por PSE o tarjeta en el enlace.\nEn su banco, convenio 12345.",
        "en": "By card through the link.\nAt your bank, agreement 12345.",
    },
    help_url="https://andina.example.com/ayuda",
    privacy_url="https://andina.example.com/privacidad",
)

type Sources = dict[str, str]


def _sources(locale: str) -> Sources:
    files = [*CONFIG.glob("*.j2"), *CONFIG.joinpath(locale).glob("*.j2")]
    return {file.name.removesuffix(".j2"): file.read_text(encoding="utf-8") for file in files}


_SHIPPED = {locale: _sources(locale) for locale in ("es-CO", "en")}


@pytest.fixture(scope="session")
def shipped() -> dict[str, Sources]:
    """The templates that we ship, by locale."""
    return _SHIPPED


@pytest.fixture(scope="session")
def andina() -> Creditor:
    return ANDINA


@pytest.fixture(scope="session")
def context() -> Callable[..., MessageContext]:
    """One of the sample contexts, with changes: `context("several", stage="firm", today=…)`."""

    def make(
        shape: str = "one", *, stage: str = "reminder", locale: str = "es-CO", **changes: object
    ) -> MessageContext:
        made = sample_contexts(ANDINA, locale=locale, today=TODAY, stage=stage)[shape]
        return msgspec.structs.replace(made, **changes)

    return make
