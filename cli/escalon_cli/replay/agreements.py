"""What debtors agree to in a replay: a file of acts, done through the stack's own API on their day.

A line is one act of one debtor: `promises` (an offer with one payment), `agrees` (to a proposal),
`pays` (what is due next under the agreement, or the amount that is named), `disputes` a receivable
and `loses` the dispute. Terms are taken from what the API proposes at that moment.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from escalon.domain.money import to_minor
from escalon.importing.records import PaymentRecord
from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import ApiError, operator_api

HEADER = (
    "Fecha", "Hora", "Documento", "Factura", "Que", "Oferta", "Cuotas", "PrimerPago", "Valor",
)  # fmt: skip
_WHAT = {
    "promete": "promises",
    "acuerda": "agrees",
    "paga": "pays",
    "reclama": "disputes",
    "pierde": "loses",
}
_CURRENCY = "COP"


class WrongActError(Exception):
    """A line that cannot be done; says which and why."""


class NotPossibleError(Exception):
    """The stack has nothing to do the act with."""


@dataclass(frozen=True)
class Act:
    """One line: who does what about which receivable, and when. Amounts are minor units."""

    at: datetime
    account: str  # the source's reference
    receivable_id: str
    what: str
    offer: str = ""
    instalments: int = 1
    first_on: str = ""
    amount_minor: int | None = None


def read_acts(file: Path, zone: ZoneInfo) -> list[Act]:
    """The acts of a file in the order of their instants. Raises WrongActError."""
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, delimiter=";")
        if tuple(reader.fieldnames or ()) != HEADER:
            raise WrongActError(f"{file.name}: the first line has to be {';'.join(HEADER)}")
        acts = []
        for number, row in enumerate(reader, start=2):
            try:
                acts.append(_act(row, zone))
            except (ValueError, KeyError, ArithmeticError) as error:
                raise WrongActError(f"{file.name} line {number}: {error}") from error
    return sorted(acts, key=lambda act: (act.at, act.account))


def _act(row: dict[str, str], zone: ZoneInfo) -> Act:
    at = datetime.strptime(f"{row['Fecha']} {row['Hora']}", "%d/%m/%Y %H:%M").replace(tzinfo=zone)
    first_on = row["PrimerPago"]
    if first_on:
        first_on = datetime.strptime(first_on, "%d/%m/%Y").replace(tzinfo=zone).date().isoformat()
    amount = row["Valor"].replace(".", "").replace(",", ".")
    return Act(
        at.astimezone(UTC),
        row["Documento"],
        row["Factura"],
        _WHAT[row["Que"]],
        row["Oferta"],
        int(row["Cuotas"] or 1),
        first_on,
        to_minor(Decimal(amount), _CURRENCY) if amount else None,
    )


class Debtors:
    """Does the acts on a stack. `pay` hands money in, as any payment of the replay comes."""

    def __init__(
        self, deployed: Deployed, pay: Callable[[Sequence[PaymentRecord], datetime], object]
    ) -> None:
        self._deployed = deployed
        self._pay = pay
        self._done = 0
        self.refused: list[str] = []  # acts that the rules do not allow, and why

    @property
    def done(self) -> int:
        """How many the stack has taken."""
        return self._done - len(self.refused)

    def do(self, act: Act) -> None:
        """Do one. What the rules of the day do not allow is noted: others may be in force than
        those that the acts were written for."""
        self._done += 1
        try:
            self._do(act)
        except (ApiError, NotPossibleError) as error:
            self.refused.append(f"{act.at:%Y-%m-%d} {act.account} {act.what}: {error}")

    def _do(self, act: Act) -> None:
        account_id = quote(self._deployed.account_id(act.account), safe="")
        match act.what:
            case "promises" | "agrees":
                self._agree(act, account_id)
            case "pays":
                self._pays(act, account_id)
            case "disputes":
                asked = {"kind": "dispute", "receivable_id": act.receivable_id}
                self._ask("POST", f"/accounts/{account_id}/holds", asked)
            case _:
                found = self._ask("GET", f"/accounts/{account_id}/holds")["holds"]
                own = [one for one in found if one["receivable_id"] == act.receivable_id]
                if not own:
                    raise NotPossibleError("nothing is disputed")
                place = f"/accounts/{account_id}/holds/{quote(own[-1]['hold_id'], safe='')}/end"
                self._ask("POST", place, {})

    def _ask(self, method: str, path: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
        if fields is not None:
            fields = {"key": f"replay-{self._done}", "why": "the sample says so", **fields}
        return operator_api(self._deployed)(method, path, fields)

    def _agree(self, act: Act, account_id: str) -> None:
        place = f"/accounts/{account_id}/offers?receivables={quote(act.receivable_id)}"
        proposed = [
            one["terms"]
            for one in self._ask("GET", place)["proposals"]
            if (one["terms"]["offer"], one["terms"]["instalments"]) == (act.offer, act.instalments)
        ]
        if not proposed:
            raise NotPossibleError(f"{act.offer} in {act.instalments} is not on offer")
        terms = {**proposed[0], "first_on": act.first_on or proposed[0]["first_on"]}
        if act.amount_minor is not None:
            terms["amount_minor"] = act.amount_minor
        asked = {
            "receivables": [act.receivable_id],
            "terms": {name: value for name, value in terms.items() if value is not None},
            "accepted": {"channel": "phone"},
        }
        self._ask("POST", f"/accounts/{account_id}/agreements", asked)

    def _pays(self, act: Act, account_id: str) -> None:
        made = self._ask("GET", f"/accounts/{account_id}/agreements")["agreements"]
        about = [one for one in made if act.receivable_id in one["debts"]]
        if not about:
            raise NotPossibleError("nothing was agreed")
        amount = act.amount_minor
        if amount is None:
            due = [one for one in about[-1]["instalments"] if one["state"] != "kept"]
            amount = due[0]["amount_minor"] - due[0]["paid_minor"]
        payment = PaymentRecord(
            act.account,
            act.receivable_id,
            f"A-{self._done:05d}",
            amount,
            _CURRENCY,
            act.at,
        )
        self._pay([payment], act.at)
