"""Pages about rules: a plan, a ladder's calendar, a step's messages; each whole in one file.

A page runs no script and loads nothing: what a browser shows is what was written. Its words stand
in words.json, in Spanish and English.
"""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from escalon.domain.local_time import in_zone
from escalon.domain.money import minor_digits, to_major

_FILLED = re.compile(r"\{(\w+)(?::([^|}]*)\|([^}]*))?\}")
_LOCALES = {"es": "es_CO", "en": "en_GB"}


class Words:
    """The words of one language; whatever is not Spanish is answered in English."""

    def __init__(self, locale: str) -> None:
        self.language = "es" if locale.startswith("es") else "en"
        self._babel = _LOCALES[self.language]
        self._words: dict[str, str] = _all_words()[self.language]

    def say(self, key: str, **values: Any) -> str:
        """A sentence, filled in: {name} takes a value, {name:one|other} a number and its noun."""

        def fill(match: re.Match[str]) -> str:
            value = values[match[1]]
            shown = self.number(value) if isinstance(value, int) else str(value)
            if match[2] is None:
                return shown
            return f"{shown}\u00a0{match[2] if value == 1 else match[3]}"

        return _FILLED.sub(fill, self._words[key])

    def named(self, family: str, code: str) -> str:
        """A code of the data in words, or the code itself made readable."""
        return self._words.get(f"{family}.{code}", code.replace("_", " "))

    def number(self, value: int) -> str:
        return str(format_decimal(value, locale=self._babel))

    def money(self, minor: int, currency: str) -> str:
        """An amount with its currency's code; whole amounts without decimals."""
        amount = to_major(minor, currency)
        whole = amount == amount.to_integral_value()
        form = "#,##0" if whole else f"#,##0.{'0' * minor_digits(currency)}"
        return f"{currency}\u00a0{format_decimal(amount, form, locale=self._babel)}"

    def signed(self, value: int) -> str:
        """A difference; nothing for none."""
        if not value:
            return "="
        return ("+" if value > 0 else "−") + self.number(abs(value))

    def day(self, value: date, form: str = "medium") -> str:
        return str(format_date(value, form, locale=self._babel))

    def moment(self, value: datetime, zone: str) -> str:
        """An instant as the clock of a zone shows it."""
        local = in_zone((zone,), value)
        return f"{self.day(local.date(), 'EEE d MMM')}, {local:%H:%M}"


def render(template: str, locale: str, **values: Any) -> str:
    """One page, in one language."""
    environment = Environment(
        loader=PackageLoader("escalon_cli.rules.pages", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = Words(locale)
    return environment.get_template(template).render(
        words=words,
        say=words.say,
        style=Markup(_package_text("page.css")),  # noqa: S704 - our own file, not data
        **values,
    )


@cache
def _all_words() -> Mapping[str, dict[str, str]]:
    made: dict[str, dict[str, str]] = json.loads(_package_text("words.json"))
    return made


def _package_text(name: str) -> str:
    return resources.files("escalon_cli.rules.pages").joinpath(name).read_text(encoding="utf-8")
