"""What the provider modules share: reading bytes of strangers strictly, and money exactly.

All that is not as it should be is a MalformedError. No number becomes a float: amounts are Decimal
until they are minor units, and ids beyond 2^53 keep every digit.
"""

import hmac
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import parse_qsl, quote

from escalon.domain.money import MoneyError, to_minor
from escalon.domain.rules.rulebook import PaymentProvider
from escalon.providers.provider import (
    Credential,
    MalformedError,
    NotAnsweredError,
    WebhookRequest,
)

LONGEST = 255  # characters of an id or a reference
MOST_FIELDS = 200  # of a form
_MOST_MINOR = 10**18
_DECIMAL = re.compile(r"\d{1,18}(\.\d{1,18})?", re.ASCII)
_SECONDS = re.compile(r"\d{1,11}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_SECRET = re.compile(r"[!-~]{16,}", re.ASCII)


# ---------------------------------------------------------------- bytes


def is_among(digest: str, claimed: Iterable[str]) -> bool:
    """Whether one of the digests that a request claims is ours, in a time that tells nothing of
    where they differ."""
    own = digest.encode()
    return any(hmac.compare_digest(own, each.encode(errors="replace")) for each in claimed)


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object that the bytes are: UTF-8, each name once, no NaN, decimals as Decimal."""
    try:
        document = json.loads(
            body.decode(),
            parse_float=Decimal,
            parse_constant=_refuse,
            object_pairs_hook=_each_once,
        )
    except (ValueError, ArithmeticError, RecursionError):
        raise MalformedError("is not JSON") from None
    if not isinstance(document, dict):
        raise MalformedError("is not a JSON object")
    return document


def _refuse(constant: str) -> NoReturn:
    raise MalformedError(f"{constant} is not JSON")


def _each_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    listed = list(pairs)
    document = dict(listed)
    if len(document) != len(listed):
        raise MalformedError("has a name twice")
    return document


def fields_of(request: WebhookRequest) -> dict[str, str]:
    """The fields of a form (UTF-8, decoded, none with two values), or of a flat JSON object."""
    if request.body.lstrip()[:1] == b"{":
        document = object_of(request.body)
        return {name: name_at(document, name) for name in document if "." not in name}
    try:
        pairs = parse_qsl(
            request.body.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise MalformedError("is not a form") from None
    return _each_once(dict.fromkeys(pairs))


# ---------------------------------------------------------------- values


def value_at(document: Any, path: str) -> Any:
    """The value at a dotted path of a decoded JSON document; None where there is none."""
    for name in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def short(value: Any, name: str) -> str:
    """A short text that can be printed; empty for None."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise MalformedError(f"{name} is not a short text")
    return value


def text_at(document: Any, path: str) -> str:
    """A short text that can be printed; empty where there is none."""
    return short(value_at(document, path), path)


def name_at(document: Any, path: str) -> str:
    """An id or another short value, which may be written as a number: all its digits."""
    value = value_at(document, path)
    if isinstance(value, bool):
        return str(value).upper()
    return short(str(value) if isinstance(value, int | Decimal) else value, path)


def email_at(document: Any, path: str) -> str:
    """The payer's e-mail address; empty if it is none: no payment is refused for it."""
    value = value_at(document, path)
    if not isinstance(value, str) or not 3 <= len(value) <= 254 or not value.isprintable():
        return ""
    return value if value.count("@") == 1 and " " not in value else ""


def currency_at(document: Any, path: str) -> str:
    """An ISO 4217 code, in upper case."""
    code = text_at(document, path).upper()
    if not _CURRENCY.fullmatch(code):
        raise MalformedError(f"{path} is not a currency")
    return code


def minor_at(document: Any, path: str) -> int:
    """A whole number of minor units, not negative."""
    value = value_at(document, path)
    if type(value) is not int or not 0 <= value < _MOST_MINOR:
        raise MalformedError(f"{path} is not an amount in minor units")
    return value


def major_at(document: Any, path: str, currency: str) -> int:
    """The minor units of an amount in major units, a JSON number or plain decimal text. More
    decimals than the currency has are refused, unless they are zeros."""
    value = value_at(document, path)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 0:
        raise MalformedError(f"{path} is not an amount")
    try:
        return to_minor(Decimal(value), currency)
    except MoneyError:
        raise MalformedError(f"{path} is not an amount of {currency}") from None


# ---------------------------------------------------------------- instants


def seconds(value: Any) -> datetime | None:
    """The instant of Unix seconds, a whole number or its digits; None if it is not that."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not _SECONDS.fullmatch(text):
        return None
    return datetime.fromtimestamp(int(text), UTC)


def instant_at(document: Any, path: str) -> datetime | None:
    """An instant in ISO 8601 with its offset, in UTC; None if there is none that is readable: then
    the instant at which we were told stands in."""
    value = value_at(document, path)
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def is_fresh(signed_at: datetime, now: datetime, tolerance_seconds: int) -> bool:
    """Whether a signature's instant is near enough, before or after."""
    return abs(now - signed_at) <= timedelta(seconds=tolerance_seconds)


# ---------------------------------------------------------------- questions and answers


def address(setting: PaymentProvider, *path: str) -> str:
    """An address of the provider's API; what stands in the path cannot leave it."""
    return "/".join((setting.api.rstrip("/"), *(quote(part, safe="") for part in path)))


def answered(status: int, body: bytes) -> dict[str, Any] | None:
    """The object that an API answered with; None if it knows no such thing. Whatever else it says
    is no answer: it is down, has too many questions or refuses our key."""
    if status == 404:
        return None
    if status not in (200, 201):
        raise NotAnsweredError(f"status {status}")
    return object_of(body)


def opened(status: int, body: bytes, path: str, setting: PaymentProvider) -> str:
    """The address at `path` of what an API has just made: HTTPS, unless the API itself is a sandbox
    that is not."""
    document = answered(status, body)
    if document is None:
        raise NotAnsweredError("status 404")
    value = value_at(document, path)
    if not isinstance(value, str) or not value.startswith(
        ("https://", setting.api.partition("://")[0] + "://")
    ):
        raise MalformedError(f"{path} is not an address")
    return value


def bearer(api_key: Credential) -> str:
    """What a key that is one text is presented with."""
    if not isinstance(api_key, str) or not api_key:
        raise NotAnsweredError("the key is not one text")
    return f"Bearer {api_key}"


def part(values: Credential, name: str) -> str:
    """One of the named values of a key or a setting."""
    value = values.get(name, "") if isinstance(values, dict) else ""
    if not value:
        raise NotAnsweredError(f"{name} is missing")
    return value


# ---------------------------------------------------------------- the form of secrets


def text_problem(secret: Credential, *starts: str) -> str:
    """What is wrong with a secret that is one text, beginning in one of a few ways."""
    if not isinstance(secret, str):
        return "must be one text, not named values"
    if not _SECRET.fullmatch(secret):
        return "must have 16 characters or more, without blanks"
    if starts and not secret.startswith(starts):
        return f"must begin with {' or '.join(starts)}"
    return ""


def parts_problem(
    secret: Credential, needed: tuple[str, ...], optional: tuple[str, ...] = ()
) -> str:
    """What is wrong with a secret of named values."""
    if not isinstance(secret, dict):
        return f"must be named values: {', '.join(needed)}"
    for name in needed:
        if not secret.get(name):
            return f"lacks {name}"
    for name, value in secret.items():
        if name not in (*needed, *optional):
            return f"has {name}, which is unknown"
        if not value.isascii() or not value.isprintable() or " " in value:
            return f"has blanks or other strange characters in {name}"
    return ""
