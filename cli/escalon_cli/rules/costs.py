"""What messages cost and how many may go out in a day: a small file beside the rulebook.

    currency: USD
    prices: {email: 0.0001, sms: 0.0130}     # one message; of an SMS each segment
    quotas: {email: 50_000, sms: 2_000}      # messages a day

Without a file e-mail costs what SES lists (USD 0.10 for a thousand), and of every other channel
only the number is told: an SMS costs another price in each country.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from escalon.authoring.yaml_lines import validate
from escalon_cli.deployed import Deployed

MILLION = 1_000_000
CHANNELS = ("email", "sms", "whatsapp")


class CostsError(LookupError):
    """A file of costs that cannot be read, with every problem."""


class Costs(msgspec.Struct, frozen=True):
    """Prices in millionths of the currency's major unit, and messages a day."""

    currency: str
    prices: dict[str, int]
    quotas: dict[str, int]
    source: str


LISTED = Costs("USD", {"email": 100}, {}, "SES list price; no price is stated for SMS")


class _CostsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    prices: dict[str, Annotated[Decimal, Field(ge=0, decimal_places=6)]] = {}
    quotas: dict[str, Annotated[int, Field(ge=1)]] = {}


def read_costs(file: Path) -> Costs:
    """The costs of a file; raises CostsError."""
    made = validate(_CostsFile, file.read_text(encoding="utf-8"), str(file))
    if isinstance(made, list):
        raise CostsError("\n".join(str(problem) for problem in made))
    unknown = sorted({*made.prices, *made.quotas} - set(CHANNELS))
    if unknown:
        raise CostsError(f"{file}: there is no channel {unknown[0]}; known: {', '.join(CHANNELS)}")
    prices = {channel: int(price * MILLION) for channel, price in made.prices.items()}
    return Costs(made.currency, prices, made.quotas, file.name)


def with_quota_of(deployed: Deployed, costs: Costs) -> Costs:
    """The costs with SES's own daily quota, unless the file states one."""
    if "email" in costs.quotas:
        return costs
    quota = deployed.client("sesv2").get_account().get("SendQuota", {}).get("Max24HourSend", 0)
    # -1 means that there is none.
    quotas = {**costs.quotas, "email": int(quota)} if quota > 0 else costs.quotas
    return msgspec.structs.replace(costs, quotas=quotas)
