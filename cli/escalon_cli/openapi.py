"""`escalon openapi`: write down what the HTTP API of agreements takes and answers."""

import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from escalon.routes.agreements import agreements_api, description_of

out = Console()

PLACE = Path("docs/openapi/agreements.json")


def description() -> str:
    """The OpenAPI description as it is kept: sorted, so that a change shows as a change."""

    def nobody(_: str) -> NoReturn:
        raise LookupError("nothing stands behind a description")

    described = json.loads(description_of(agreements_api(nobody)))
    return json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def openapi(
        to: Annotated[Path, typer.Option("--out", help="Where it is kept.")] = PLACE,
    ) -> None:
        """Write the OpenAPI description of the HTTP API of agreements and holds."""
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(description(), encoding="utf-8")
        out.print(f"written to {to}")
