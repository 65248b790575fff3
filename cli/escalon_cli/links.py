"""`escalon links …`: the links of messages, as they lead to the debtor's page."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

import typer
from rich.console import Console

from escalon.domain.audit import Act
from escalon.usecases.portal.door import Doors
from escalon_cli.deployed import Deployed
from escalon_cli.payments import Account, Stack, Why

out = Console()


def commands(
    deployed: Callable[[str], Deployed], errors_in_words: Callable[[], AbstractContextManager[None]]
) -> typer.Typer:
    """`escalon links …`; `deployed` finds a stack by its name."""
    app = typer.Typer(no_args_is_help=True, help="The links of messages.")

    @app.callback()
    def links() -> None:
        """The links of messages."""

    @app.command()
    def revoke(account: Account, why: Why, stack: Stack = "local") -> None:
        """Switch off every link that an account was sent up to now: a phone was lost, say."""
        with errors_in_words():
            there = deployed(stack)
            account_id = there.account_id(account)
            who = str(there.client("sts").get_caller_identity()["Arn"])
            at = there.now()
            about = {"account_id": account_id}
            act = Act(uuid.uuid4().hex, at, who, "links_revoked", why, about)
            Doors(there.table).revoke(account_id, at, act)
            out.print(f"no link that was sent to {account_id} up to now leads anywhere any more")

    return app
