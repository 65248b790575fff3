"""`escalon agreements …` and `escalon promise`: what may be agreed with a debtor, and what was.

Everything goes over the HTTP API, signed with IAM, so the rules, the limits of roles and the audit
log are the same as for any other system. An act names the version of the agreement that was shown,
so it does not overwrite what somebody else has done meanwhile.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer
from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Column, Table

from escalon.domain.money import MoneyError, to_major, to_minor
from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import ApiError, OperatorApi, operator_api
from escalon_cli.payments import account_id_of

type Stacks = Callable[[str], Deployed]
type Errors = Callable[[], AbstractContextManager[None]]
type Found = Mapping[str, Any]

out = Console()

Stack = Annotated[str, typer.Option("--stack", help="A CloudFormation stack; 'local': embedded.")]
Account = Annotated[str, typer.Argument(help="The account's id, or its document number.")]
Agreement = Annotated[str, typer.Argument(help="The agreement's id, as `list` shows it.")]
Receivables = Annotated[
    list[str] | None,
    typer.Option("--receivable", help="What it is about; repeat it. Else all that is past due."),
]
Creditor = Annotated[str, typer.Option(help="Whom it is owed to, if there are several.")]
Currency = Annotated[str, typer.Option(help="Such as COP, if something is owed in several.")]
Channel = Annotated[str, typer.Option("--by", help="phone, reply, office or system.")]
Note = Annotated[str, typer.Option(help="What was said; kept with the acceptance.")]
Why = Annotated[str, typer.Option(help="The reason, kept in the audit log.")]
Key = Annotated[str, typer.Option(help="Of an act whose answer was lost: it is not done again.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_COLOURS = {
    "active": "green",
    "fulfilled": "bold green",
    "kept": "green",
    "offered": "cyan",
    "accepted": "cyan",
    "open": "default",
    "late": "yellow",
    "reversed": "yellow",
    "part_kept": "red",
    "missed": "red",
    "broken": "bold red",
}


def register(app: typer.Typer, deployed: Stacks, errors_in_words: Errors) -> None:
    """Add both."""

    @app.command()
    def promise(
        account: Account,
        amount: Annotated[str, typer.Argument(help="In major units, such as 57850; or 'all'.")],
        on: Annotated[str, typer.Argument(metavar="DATE", help="Until when, such as 2026-09-30.")],
        by: Channel = "phone",
        who: Annotated[str, typer.Option(help="Who gave their word, as they said it.")] = "",
        receivable: Receivables = None,
        creditor: Creditor = "",
        currency: Currency = "",
        offer: Annotated[str, typer.Option(help="The offer of the rulebook, if several are.")] = "",
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Write down a debtor's word to pay: until that day nobody chases what it is about."""
        with errors_in_words():
            api, account_id = _there(deployed, stack, account)
            debt = _debt(creditor, currency, receivable)
            name, owed_in = _to_promise(api, account_id, debt, again=bool(key))
            terms: dict[str, Any] = {"offer": offer or name, "first_on": _day(on)}
            if not terms["offer"]:
                raise ApiError("the rules offer no promise for this debt; name one with --offer")
            if amount != "all":
                terms["amount_minor"] = _minor(amount, owed_in)
            evidence = {"channel": by, "note": f"promised by {who}" if who else ""}
            asked = {"key": key or _key(), "terms": terms, "accepted": evidence, **debt}
            done = api("POST", f"/accounts/{account_id}/agreements", asked)
        _shown(done, as_json=as_json)

    app.add_typer(commands(deployed, errors_in_words), name="agreements")


def commands(deployed: Stacks, errors_in_words: Errors) -> typer.Typer:
    """`escalon agreements …`; `deployed` finds a stack by its name."""
    app = typer.Typer(no_args_is_help=True, help="Agreements: offer, accept, approve, follow.")

    @app.command("list")
    def list_of(account: Account, as_json: AsJson = False, stack: Stack = "local") -> None:
        """All agreements of an account, and how far they are paid."""
        with errors_in_words():
            api, account_id = _there(deployed, stack, account)
            found = api("GET", f"/accounts/{account_id}/agreements")
        if as_json:
            _json(found)
        elif not found["agreements"]:
            out.print("nothing was agreed with this account")
        else:
            out.print(_list_table(found["agreements"]))

    @app.command()
    def show(
        account: Account, agreement: Agreement, as_json: AsJson = False, stack: Stack = "local"
    ) -> None:
        """One agreement: what it is about, its instalments, and what became of each."""
        with errors_in_words():
            api, account_id = _there(deployed, stack, account)
            found = api("GET", _place(account_id, agreement))
        _shown(found, as_json=as_json)

    @app.command()
    def history(
        account: Account, agreement: Agreement, as_json: AsJson = False, stack: Stack = "local"
    ) -> None:
        """What it came from and what came of it: who did what, when and why."""
        with errors_in_words():
            api, account_id = _there(deployed, stack, account)
            found = api("GET", f"{_place(account_id, agreement)}/history")
        if as_json:
            _json(found)
            return
        for one in found["agreements"]:
            out.print(_history_table(one))

    @app.command()
    def offer(
        account: Account,
        name: Annotated[
            str, typer.Option("--offer", help="The rulebook's; without it, what may be offered.")
        ] = "",
        first_on: Annotated[
            str, typer.Option(metavar="DATE", help="When the first payment is due.")
        ] = "",
        instalments: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
        every: Annotated[
            str, typer.Option(help="week, fortnight, twice_monthly (15th and last day) or month.")
        ] = "month",
        amount: Annotated[str, typer.Option(help="Of a promise to pay a part.")] = "",
        first: Annotated[str, typer.Option(help="The first instalment, if it is another.")] = "",
        discount: Annotated[
            list[str] | None,
            typer.Option(help="component=amount, such as interest=12000; repeat it."),
        ] = None,
        capacity: Annotated[str, typer.Option(help="What the debtor can pay a month.")] = "",
        receivable: Receivables = None,
        creditor: Creditor = "",
        currency: Currency = "",
        replaces: Annotated[str, typer.Option(help="The agreement that it replaces.")] = "",
        why: Why = "",
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """What may be offered; with --offer and --first-on, offer it."""
        with errors_in_words():
            api, account_id = _there(deployed, stack, account)
            debt = _debt(creditor, currency, receivable)
            query = _asked_for({**debt, "replaces": replaces})
            found = api("GET", f"/accounts/{account_id}/offers?{query}")
            owed_in = found["currency"]
            if capacity:
                limit = _minor(capacity, owed_in)
                query = _asked_for({**debt, "replaces": replaces, "capacity_minor": limit})
                found = api("GET", f"/accounts/{account_id}/offers?{query}")
            if name:
                if not first_on:
                    raise ApiError("say when the first payment is due, with --first-on 2026-09-30")
                terms = {
                    "offer": name,
                    "first_on": _day(first_on),
                    "instalments": instalments,
                    "every": every,
                    "discount": _discount(discount or (), owed_in),
                }
                amounts = {"amount_minor": amount, "first_minor": first, "capacity_minor": capacity}
                terms |= {field: _minor(text, owed_in) for field, text in amounts.items() if text}
                asked = {"key": key or _key(), "why": why, "replaces": replaces, **debt}
                path = f"/accounts/{account_id}/agreements"
                found = api("POST", path, {**asked, "terms": terms})
        if name:
            _shown(found, as_json=as_json)
        elif as_json:
            _json(found)
        else:
            _show_offers(found)

    @app.command()
    def accept(
        account: Account,
        agreement: Agreement,
        by: Channel = "phone",
        note: Note = "",
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """The debtor has accepted an offer, as you have heard."""
        with errors_in_words():
            api, account_id = _there(deployed, stack, account)
            seen = api("GET", _place(account_id, agreement))
            asked = {"key": key or _key(), "channel": by, "note": note}
            asked["version"] = seen["version"]
            done = api("POST", f"{_place(account_id, agreement)}/acceptance", asked)
        _shown(done, as_json=as_json)

    def act(stack: str, account: str, agreement: str, what: str, why: str, key: str) -> Found:
        api, account_id = _there(deployed, stack, account)
        place = _place(account_id, agreement)
        version = api("GET", place)["version"]
        asked = {"key": key or _key(), "why": why, "version": version}
        return api("POST", f"{place}/{what}", asked)

    @app.command()
    def approve(
        account: Account,
        agreement: Agreement,
        why: Why,
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Approve terms that go further than whoever offered them may, if your role allows it."""
        with errors_in_words():
            done = act(stack, account, agreement, "approval", why, key)
        _shown(done, as_json=as_json)

    @app.command()
    def cancel(
        account: Account,
        agreement: Agreement,
        why: Why,
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Take an offer or an agreement back: its debts are chased again."""
        with errors_in_words():
            done = act(stack, account, agreement, "cancellation", why, key)
        _shown(done, as_json=as_json)

    return app


# ------------------------------------------------------------------------------------- requests


def _there(deployed: Stacks, stack: str, account: str) -> tuple[OperatorApi, str]:
    there = deployed(stack)
    return operator_api(there), quote(account_id_of(there, account), safe="")


def _place(account_id: str, agreement: str) -> str:
    return f"/accounts/{account_id}/agreements/{quote(agreement, safe='')}"


def _debt(creditor: str, currency: str, receivables: Sequence[str] | None) -> dict[str, Any]:
    return {"creditor": creditor, "currency": currency, "receivables": list(receivables or ())}


def _asked_for(fields: Mapping[str, Any]) -> str:
    """A query of what is not empty; several names stand in one, with commas between."""
    told = {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in fields.items()
        if value
    }
    return urlencode(told)


def _key() -> str:
    return uuid.uuid4().hex


def _to_promise(
    api: OperatorApi, account_id: str, debt: Mapping[str, Any], *, again: bool
) -> tuple[str, str]:
    """The offer that a promise is made by (the first that is proposed, or the one that has that
    name; empty if there is none) and the currency that is owed. Whoever asks again has perhaps been
    heard, and the debt rests: then they are those of the agreement that was made last."""
    try:
        found = api("GET", f"/accounts/{account_id}/offers?{_asked_for(debt)}")
    except ApiError:
        made = api("GET", f"/accounts/{account_id}/agreements")["agreements"] if again else ()
        if not made:
            raise
        return made[-1]["offer"], made[-1]["currency"]
    proposed = [one["terms"]["offer"] for one in found["proposals"] if one["kind"] == "promise"]
    names = [*proposed, *(name for name in found["offers"] if name == "promise")]
    return (names[0] if names else ""), found["currency"]


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ApiError(f"'{text}' is no date; write it like 2026-09-30") from None


def _minor(text: str, currency: str) -> int:
    try:
        return to_minor(Decimal(text), currency)
    except (InvalidOperation, MoneyError):
        raise ApiError(f"'{text}' is no amount of {currency}; write it like 57850") from None


def _discount(given: Sequence[str], currency: str) -> dict[str, int]:
    found = {}
    for one in given:
        component, sign, amount = one.partition("=")
        if not sign:
            raise ApiError(f"'{one}' is no discount; write it like interest=12000")
        found[component] = _minor(amount, currency)
    return found


# --------------------------------------------------------------------------------------- answers


def _json(found: Found) -> None:
    print(json.dumps(found, indent=2, ensure_ascii=False))


def _money(minor: int, currency: str) -> str:
    return f"{to_major(minor, currency):,f} {currency}"


def _state(state: str) -> str:
    colour = _COLOURS.get(state, "dim")
    return f"[{colour}]{state.replace('_', ' ')}[/]"


def _list_table(agreements: Sequence[Found]) -> Table:
    # An id is copied into the next command, so it is never cut.
    name = Column("agreement", overflow="fold")
    table = Table(name, "what", "state", "paid", "", "to pay", "next", box=None)
    for one in agreements:
        count = len(one["instalments"])
        what = one["kind"] if count == 1 else f"{one['kind']}, {count} instalments"
        table.add_row(
            one["agreement_id"],
            what,
            _state(one["state"]),
            _bar(one),
            _money(one["paid_minor"], one["currency"]),
            _money(one["left_minor"], one["currency"]),
            one["next_due_on"] or "",
        )
    return table


def _bar(one: Found) -> ProgressBar:
    total = max(one["total_minor"], 1)
    return ProgressBar(total=total, completed=min(one["paid_minor"], total), width=20)


def _shown(one: Found, *, as_json: bool) -> None:
    """One agreement, as it is now."""
    if as_json:
        _json(one)
        return
    currency = one["currency"]
    about = Table(title=f"agreement {one['agreement_id']}", show_header=False, box=None)
    before = " [dim](this very act had been done before)[/]" if one["again"] else ""
    about.add_row("state", _state(one["state"]) + before)
    about.add_row("what", f"{one['kind']} (offer {one['offer']}) with {one['creditor']}")
    about.add_row("about", ", ".join(one["debts"]))
    about.add_row("to pay in all", _money(one["total_minor"], currency))
    if one["interest_minor"]:
        about.add_row("of it interest", _money(one["interest_minor"], currency))
    for component, minor in one["discount"].items():
        about.add_row(f"discount of {component}", f"{_money(minor, currency)}, once all is paid")
    about.add_row("paid", _money(one["paid_minor"], currency))
    about.add_row("would settle it today", _money(one["payoff_minor"], currency))
    about.add_row("settles the debt in full", "yes" if one["settles_in_full"] else "no")
    if one["approval"]:
        about.add_row("waits for approval", " or ".join(one["approval"]))
    if one["state"] == "offered" and one["expires_on"]:
        about.add_row("can be accepted before", one["expires_on"])
    if one["state"] == "broken":
        about.add_row("broken on", one["broken_on"])
        about.add_row("the ladder goes on at", one["resume_at"] or "the step for its age")
    for name in ("replaces", "replaced_by"):
        if one[name]:
            about.add_row(name.replace("_", " "), one[name])
    out.print(about)
    plan = Table("", "due", "amount", "paid", "kept until", "state", box=None)
    for each in one["instalments"]:
        plan.add_row(
            str(each["number"]),
            each["due_on"],
            _money(each["amount_minor"], currency),
            _money(each["paid_minor"], currency),
            each["until"] or "",
            _state(each["state"]),
        )
    out.print(plan)


def _history_table(one: Found) -> Table:
    table = Table("when", "became", "by", "why", title=f"agreement {one['agreement_id']}", box=None)
    for change in one["history"]:
        by = f"{change['by']} {change['who']}".strip()
        table.add_row(change["at"], _state(change["state"]), by, change["why"])
    return table


def _show_offers(found: Found) -> None:
    currency = found["currency"]
    owed = sum(minor for debt in found["debts"].values() for minor in debt.values())
    out.print(
        f"owed to {found['creditor']} on {found['calculated_on']}: {_money(owed, currency)} "
        f"({', '.join(found['debts'])})"
    )
    if not found["proposals"]:
        named = ", ".join(found["offers"]) or "none"
        out.print(f"the debtor may agree to nothing alone; offers that hold: {named}")
        return
    table = Table("offer", "instalments", "every", "first on", "in all", "discount", box=None)
    for one in found["proposals"]:
        terms = one["terms"]
        table.add_row(
            terms["offer"],
            str(terms["instalments"]),
            terms["every"].replace("_", " ") if terms["instalments"] > 1 else "",
            terms["first_on"],
            _money(one["total_minor"], currency),
            _money(one["discount_minor"], currency) if one["discount_minor"] else "",
        )
    out.print(table)
