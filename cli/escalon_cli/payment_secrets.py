"""What payment providers are known by and asked with, put into a stack's secrets and never shown.

A provider's webhook secrets are a list, the newest first: while the provider moves from one to the
next, both are taken. Keys of its API are apart, since the function that faces the world needs none.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from escalon.domain.rules.rulebook import PaymentProvider
from escalon.providers.provider import Asked, Credential
from escalon.providers.registry import module_of
from escalon_cli.deployed import Deployed
from escalon_cli.publish import live_version


class SecretError(LookupError):
    """A secret that cannot be right; says what to do, and never what it was."""


@dataclass(frozen=True)
class Kept:
    """What a stack holds for one provider."""

    provider: str
    webhook_secrets: int
    has_api_key: bool


def listed(deployed: Deployed) -> list[Kept]:
    """What is there for each provider of the rulebook in force, and for any other that has some."""
    secrets, keys = _webhook_secrets(deployed), _api_keys(deployed)
    names = sorted({*_providers(deployed), *secrets, *keys})
    return [Kept(name, len(secrets.get(name, ())), name in keys) for name in names]


def add(deployed: Deployed, provider: str, secret: Credential) -> int:
    """Take a further webhook secret beside those that are there; says how many there are now."""
    _check(module_of(_setting(deployed, provider).kind).check_secret(secret))
    secrets = _webhook_secrets(deployed)
    own = secrets[provider] = [secret, *(s for s in secrets.get(provider, ()) if s != secret)]
    _put(deployed, "WebhookSecretsArn", secrets)
    return len(own)


def newest(deployed: Deployed, provider: str) -> Credential | None:
    """What a provider's notices are signed with since the last change; None if nothing was put
    in."""
    return next(iter(_webhook_secrets(deployed).get(provider, ())), None)


def retire(deployed: Deployed, provider: str) -> int:
    """Take no webhook secret any more but the newest; says how many were dropped."""
    secrets = _webhook_secrets(deployed)
    if provider not in secrets:
        raise SecretError(f"{provider} has no webhook secret; `add` puts one in")
    dropped = len(secrets[provider]) - 1
    if dropped:
        secrets[provider] = secrets[provider][:1]
        _put(deployed, "WebhookSecretsArn", secrets)
    return dropped


def set_api_key(deployed: Deployed, provider: str, key: Credential) -> None:
    """Ask a provider with this key from now on, and with no other."""
    module = module_of(_setting(deployed, provider).kind)
    if not isinstance(module, Asked):
        raise SecretError(f"{provider} is never asked, so it needs no key")
    _check(module.check_api_key(key))
    _put(deployed, "ProviderApiKeysArn", {**_api_keys(deployed), provider: key})


def forget(deployed: Deployed, provider: str) -> None:
    """Drop everything that is kept for a provider: nothing of it is taken any more."""
    secrets, keys = _webhook_secrets(deployed), _api_keys(deployed)
    if provider not in {*secrets, *keys}:
        raise SecretError(f"nothing is kept for {provider}")
    if secrets.pop(provider, None):
        _put(deployed, "WebhookSecretsArn", secrets)
    if keys.pop(provider, None):
        _put(deployed, "ProviderApiKeysArn", keys)


def credential(text: str) -> Credential:
    """A secret as somebody enters it: itself, or a JSON object of the few values that belong
    together (PayU, ePayco)."""
    text = text.strip()
    if not text.startswith("{"):
        _check("" if text else "it is empty")
        return text
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError:
        raise SecretError('write several values as {"name": "value", "name": "value"}') from None


def _check(problem: str) -> None:
    if problem:
        raise SecretError(f"this secret cannot be right: {problem}; nothing was changed")


def _providers(deployed: Deployed) -> dict[str, PaymentProvider]:
    version = live_version(deployed)
    return deployed.documents.rulebook(version).payments.providers if version else {}


def _setting(deployed: Deployed, provider: str) -> PaymentProvider:
    known = _providers(deployed)
    if provider not in known:
        names = ", ".join(sorted(known)) or "none"
        raise SecretError(f"the rulebook in force has no provider {provider}; there are: {names}")
    return known[provider]


def _webhook_secrets(deployed: Deployed) -> dict[str, list[Credential]]:
    return msgspec.json.decode(
        _value(deployed, "WebhookSecretsArn"), type=dict[str, list[Credential]]
    )


def _api_keys(deployed: Deployed) -> dict[str, Credential]:
    return msgspec.json.decode(_value(deployed, "ProviderApiKeysArn"), type=dict[str, Credential])


def _value(deployed: Deployed, output: str) -> str:
    client = deployed.client("secretsmanager")
    return str(client.get_secret_value(SecretId=deployed.outputs[output])["SecretString"])


def _put(deployed: Deployed, output: str, value: dict[str, Any]) -> None:
    deployed.client("secretsmanager").put_secret_value(
        SecretId=deployed.outputs[output],
        SecretString=msgspec.json.encode(value, order="sorted").decode(),
    )


# ----------------------------------------------------------------------------------- command line


def commands(
    deployed: Callable[[str], Deployed], errors_in_words: Callable[[], AbstractContextManager[None]]
) -> typer.Typer:
    """`escalon payments secret …`; `deployed` finds a stack by its name."""
    app = typer.Typer(
        no_args_is_help=True,
        help="Webhook secrets and API keys of payment providers. They are asked for, or read from "
        "standard input, and never shown.",
    )
    out = Console()
    in_stack = Annotated[
        str, typer.Option("--stack", help="A CloudFormation stack; 'local': embedded.")
    ]

    @app.command("list")
    def _list(stack_name: in_stack = "local") -> None:
        """Which provider has how many."""
        with errors_in_words():
            found = listed(deployed(stack_name))
        table = Table("provider", "webhook secrets", "API key")
        for kept in found:
            table.add_row(
                kept.provider, str(kept.webhook_secrets), "yes" if kept.has_api_key else "no"
            )
        out.print(table)

    @app.command("add")
    def _add(provider: str, stack_name: in_stack = "local") -> None:
        """Take a further webhook secret beside the ones that are there."""
        with errors_in_words():
            there = deployed(stack_name)
            count = add(there, provider, credential(_entered(f"Webhook secret of {provider}")))
        out.print(f"{provider}: {count} webhook secret(s)")
        if count > 1:
            out.print(f"once the provider signs with the new one: secret retire {provider}")

    @app.command("retire")
    def _retire(provider: str, stack_name: in_stack = "local") -> None:
        """Take no webhook secret any more but the newest."""
        with errors_in_words():
            dropped = retire(deployed(stack_name), provider)
        out.print(f"{provider}: {dropped} older webhook secret(s) dropped")

    @app.command("api-key")
    def _api_key(provider: str, stack_name: in_stack = "local") -> None:
        """Ask the provider about payments with this key, and no other."""
        with errors_in_words():
            there = deployed(stack_name)
            set_api_key(there, provider, credential(_entered(f"API key of {provider}")))
        out.print(f"{provider}: the API key is set")

    @app.command("forget")
    def _forget(provider: str, stack_name: in_stack = "local") -> None:
        """Drop everything that is kept for a provider; its notices are refused from then on."""
        with errors_in_words():
            forget(deployed(stack_name), provider)
        out.print(f"{provider}: nothing is kept any more")

    return app


def _entered(what: str) -> str:
    """What somebody types without its being seen, or pipes in."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True))
    return sys.stdin.read()
