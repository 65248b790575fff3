"""`escalon payments …`: unmatched money, acts on the ledger, reconciliation and feeds.

Acts go over the HTTP API, signed with IAM, so that whoever runs them needs no access to the tables
and is known by name and role. Each has a key; if an answer is lost, the command says which, and the
same command with that key does nothing twice.
"""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import quote

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from escalon.adapters.documents import NoDocumentError
from escalon.domain.money import MoneyError, to_major, to_minor
from escalon.domain.payments.payment import Incoming, PaymentState, Said
from escalon.usecases.payments.reconcile_payments import Report, mapping_key, report_key
from escalon.usecases.payments.suggest_matches import Suggestion, best, by_amount
from escalon.usecases.runs import feeds
from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import ApiError, operator_api
from escalon_cli.publish import live_version
from escalon_cli.waiting import until

_ACCOUNT_ID = re.compile(r"a[a-z2-7]{24}")
_SHOWN = 40  # differences that a terminal shows; the table in the bucket has all

out = Console()
err = Console(stderr=True)


# ----------------------------------------------------------------------------------- command line

Stack = Annotated[str, typer.Option("--stack", help="A CloudFormation stack; 'local': embedded.")]
Why = Annotated[str, typer.Option(help="The reason, kept with the act.")]
Key = Annotated[str, typer.Option(help="Of an act whose answer was lost: it is not done again.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Account = Annotated[str, typer.Argument(help="The account's id, or its document number.")]
Money = Annotated[str, typer.Argument(help="In major units, such as 57850 or 57850.50.")]
Currency = Annotated[str, typer.Argument(help="Such as COP.")]


def commands(
    deployed: Callable[[str], Deployed], errors_in_words: Callable[[], AbstractContextManager[None]]
) -> typer.Typer:
    """`escalon payments …`; `deployed` finds a stack by its name."""
    app = typer.Typer(no_args_is_help=True, help="Payments: unmatched money, acts, reconciliation.")

    def act(stack: str, route: str, account: str, key: str, as_json: bool, **fields: Any) -> None:
        """Do one act, and show what became of it."""
        with errors_in_words():
            there = deployed(stack)
            path = route.replace("{account}", quote(account_id_of(there, account), safe=""))
            asked = {"key": key or uuid.uuid4().hex, **fields}
            done = operator_api(there)("POST", path, {k: v for k, v in asked.items() if v})
        if as_json:
            print(json.dumps(done, indent=2, ensure_ascii=False))
        else:
            _show_act(done)

    @app.command()
    def unmatched(
        most: Annotated[int, typer.Option(help="How many, the oldest first.")] = 50,
        everywhere: Annotated[
            bool, typer.Option(help="Look through all that is owed, however long it takes.")
        ] = False,
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Money of which nobody can tell whose it is, and whose it may be."""
        with errors_in_words():
            there = deployed(stack)
            found = operator_api(there)("GET", f"/payments/unmatched?most={most}")
            if everywhere and not found["looked_at_all"] and found["unmatched"]:
                _look_everywhere(there, found)
        if as_json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            _show_unmatched(found)

    @app.command()
    def match(
        unmatched_id: Annotated[str, typer.Argument(help="As `unmatched` lists it.")],
        account: Account,
        why: Why,
        receivable: Annotated[str, typer.Option(help="What it is for; else the oldest.")] = "",
        creditor: Annotated[str, typer.Option(help="Whom it is for, if there are several.")] = "",
        same_as: Annotated[str, typer.Option(help="The booked payment that it is.")] = "",
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Unmatched money is this account's."""
        with errors_in_words():
            account = account_id_of(deployed(stack), account)
        act(
            stack, f"/payments/unmatched/{quote(unmatched_id, safe='')}/match", "", key,
            as_json, why=why, account_id=account, receivable_id=receivable, creditor=creditor,
            same_as=same_as,
        )  # fmt: skip

    @app.command("return")
    def give_back(
        unmatched_id: Annotated[str, typer.Argument(help="As `unmatched` lists it.")],
        why: Why,
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Unmatched money goes back to its payer. Send it back where it came from, too."""
        path = f"/payments/unmatched/{quote(unmatched_id, safe='')}/return"
        act(stack, path, "", key, as_json, why=why)

    @app.command()
    def add(
        account: Account,
        amount: Money,
        currency: Currency,
        why: Why,
        receivable: Annotated[str, typer.Option(help="What it is for; else the oldest.")] = "",
        creditor: Annotated[str, typer.Option(help="Whom it is for, if there are several.")] = "",
        paid_at: Annotated[
            str, typer.Option(help="When it came, such as 2026-09-30T14:05:00-05:00; else now.")
        ] = "",
        sure: Annotated[
            bool, typer.Option("--sure", help="It is other money than what looks the same.")
        ] = False,
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Book money that came by a way that tells us nothing."""
        act(
            stack, "/accounts/{account}/payments", account, key, as_json, why=why,
            amount_minor=_minor(amount, currency), currency=currency, receivable_id=receivable,
            creditor=creditor, paid_at=paid_at, sure=sure,
        )  # fmt: skip

    @app.command()
    def void(
        account: Account,
        payment: str,
        why: Why,
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Take back a payment that was added by mistake."""
        act(stack, "/accounts/{account}/voids", account, key, as_json, why=why, payment_id=payment)

    @app.command()
    def waive(
        account: Account,
        receivable: str,
        currency: Currency,
        why: Why,
        principal: str = "",
        interest: str = "",
        fee: str = "",
        tax: str = "",
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Waive so much of a receivable, by component, within what your role may."""
        amounts = _components(currency, principal=principal, interest=interest, fee=fee, tax=tax)
        act(
            stack, "/accounts/{account}/waivers", account, key, as_json, why=why,
            receivable_id=receivable, currency=currency, amounts_minor=amounts,
        )  # fmt: skip

    @app.command("write-off")
    def write_off(
        account: Account,
        receivable: str,
        currency: Currency,
        why: Why,
        principal: str = "",
        interest: str = "",
        fee: str = "",
        tax: str = "",
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Write off so much of a receivable, by component, within what your role may."""
        amounts = _components(currency, principal=principal, interest=interest, fee=fee, tax=tax)
        act(
            stack, "/accounts/{account}/write-offs", account, key, as_json, why=why,
            receivable_id=receivable, currency=currency, amounts_minor=amounts,
        )  # fmt: skip

    @app.command()
    def credit(
        account: Account,
        receivable: str,
        why: Why,
        amount: Annotated[str, typer.Option(help="At most so much; else all that fits.")] = "",
        currency: Annotated[str, typer.Option(help="Of the amount.")] = "",
        payment: Annotated[str, typer.Option(help="Credit of this payment alone.")] = "",
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Settle a receivable with unapplied credit."""
        if amount and not currency:
            _bad("say of which --currency the amount is")
        act(
            stack, "/accounts/{account}/credit", account, key, as_json, why=why,
            receivable_id=receivable, payment_id=payment,
            amount_minor=_minor(amount, currency) if amount else None,
        )  # fmt: skip

    @app.command()
    def reverse(
        account: Account,
        payment: str,
        receivable: str,
        why: Why,
        key: Key = "",
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """What a payment settled of a receivable is credit again."""
        act(
            stack, "/accounts/{account}/reversals", account, key, as_json, why=why,
            payment_id=payment, receivable_id=receivable,
        )  # fmt: skip

    @app.command()
    def reconcile(
        provider: str,
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
        mapping: Annotated[
            Path | None,
            typer.Option(exists=True, dir_okay=False, help="Else the one of the last time."),
        ] = None,
        as_json: AsJson = False,
        stack: Stack = "local",
    ) -> None:
        """Compare a provider's settlement file with the ledger, and book what was missing."""
        with errors_in_words():
            there = deployed(stack)
            if mapping is not None:
                there.documents.put(mapping_key(provider), mapping.read_bytes())
            key = f"settlements/{provider}/{datetime.now(UTC):%Y%m%dT%H%M%S}-{file.name}"
            there.documents.put(key, file.read_bytes(), "application/octet-stream")
            there.client("lambda").invoke(
                FunctionName=there.outputs["ReconcileFunction"],
                InvocationType="Event",
                Payload=json.dumps({"key": key}),
            )
            with err.status("the file is compared …"):
                report = _report(there, key)
        if as_json:
            print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        else:
            _show_report(report, f"s3://{there.outputs['Bucket']}/{report_key(key)[:-5]}.csv")
        if report.state == "refused":
            raise typer.Exit(1)
        if report.differences:
            raise typer.Exit(2)

    @app.command("feeds")
    def show_feeds(stack: Stack = "local") -> None:
        """When each payment feed last told us."""
        with errors_in_words():
            there = deployed(stack)
            rulebook = there.documents.rulebook(live_version(there))
            told = feeds.read(there.table, rulebook.payments.feeds)
            stale = feeds.stale(rulebook, told, there.now())
        table = Table("feed", "told us", "longest silence", "")
        for feed, hours in rulebook.payments.feeds.items():
            state = "[red]stale: messages wait[/]" if feed in stale else "[green]fresh[/]"
            table.add_row(feed, str(told.get(feed, "never")), f"{hours} hours", state)
        out.print(table)

    return app


def show_ledger(deployed: Deployed, account: str, *, as_json: bool) -> None:
    """What an account owes, what was paid on it, and every entry in between."""
    account_id = account_id_of(deployed, account)
    stored = deployed.table.get(account_id)
    if stored is None:
        raise ApiError(f"there is no account {account}; give the reference as the export has it")
    entries = sorted(deployed.table.entries(account_id), key=lambda e: (e.booked_at, e.entry_id))
    payments = sorted(deployed.table.payments(account_id), key=lambda p: p.paid_at)
    if as_json:
        found = {
            "account_id": account_id,
            "credits_minor": stored.account.credits,
            "entries": entries,
            "payments": payments,
        }
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    table = Table(title=f"ledger of {account}")
    for name in ("booked", "receivable", "what", "component", "amount", "cause"):
        table.add_column(name, justify="right" if name == "amount" else "left")
    for entry in entries:
        table.add_row(
            f"{entry.booked_at:%Y-%m-%d %H:%M}",
            entry.receivable_id or "credit",
            entry.kind,
            entry.component,
            _major(entry.amount_minor, entry.currency),
            entry.cause,
        )
    out.print(table)
    table = Table("payment", "paid", "settles", "amount", title="payments")
    for payment in payments:
        for part in payment.parts:
            settles = f"{part.receivable_id} {part.component}" if part.receivable_id else "credit"
            table.add_row(
                payment.payment_id,
                f"{payment.paid_at:%Y-%m-%d %H:%M}",
                settles,
                _major(part.amount_minor, payment.currency),
            )
    out.print(table)


# ----------------------------------------------------------------------------------- inside


def account_id_of(deployed: Deployed, account: str) -> str:
    """An id as it is, since whoever may use the API need not be able to read the tables."""
    if not account or _ACCOUNT_ID.fullmatch(account):
        return account
    return deployed.account_id(account)


def _minor(amount: str, currency: str) -> int:
    try:
        return to_minor(Decimal(amount), currency)
    except InvalidOperation:
        _bad(f"'{amount}' is no amount; write it like 57850.50")
    except MoneyError as error:
        _bad(str(error))


def _components(currency: str, **amounts: str) -> dict[str, int]:
    given = {name: _minor(text, currency) for name, text in amounts.items() if text}
    if not given:
        _bad(f"say how much of what: {', '.join(f'--{name}' for name in amounts)}")
    return given


def _bad(message: str) -> NoReturn:
    raise typer.BadParameter(message)


def _report(deployed: Deployed, key: str) -> Report:
    def ask() -> Report | None:
        try:
            return msgspec.json.decode(deployed.documents.get(report_key(key)), type=Report)
        except NoDocumentError:
            return None

    return until(f"The reconciliation of {key}", ask, seconds=900)


def _look_everywhere(deployed: Deployed, found: dict[str, Any]) -> None:
    """What the API had no time for: one pass over all that is owed, for all the money at once."""
    listed = found["unmatched"]
    money = [
        Incoming(
            one["payment_id"],
            one["source"],
            one["currency"],
            at := datetime.fromisoformat(one["paid_at"]),
            PaymentState(approved=Said(one["amount_minor"], at)),
            creditor=one["creditor"],
        )
        for one in listed
    ]
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=err
    ) as progress:
        bar = progress.add_task("looking through what is owed", total=None)

        def seen(count: int) -> bool:
            if count % 500 == 0:
                progress.update(bar, description=f"{count} accounts looked at")
            return False

        owing, found["looked_at_all"] = by_amount(money, deployed.table.standing(), seen)
    for one, incoming in zip(listed, money, strict=True):
        named = msgspec.convert(one["suggestions"], list[Suggestion])
        suggestions = best((*named, *owing.get(incoming.payment_id, ())), incoming)
        one["suggestions"] = msgspec.to_builtins(suggestions)


def _show_unmatched(found: Mapping[str, Any]) -> None:
    table = Table(title="unmatched money")
    for name in ("id", "payment", "paid", "amount", "names", "why", "may be"):
        table.add_column(name, justify="right" if name == "amount" else "left", overflow="fold")
    for one in found["unmatched"]:
        suggestions = "\n".join(_suggested(each) for each in one["suggestions"])
        before = "\n".join(f"booked: {each}" for each in one["may_be"])
        table.add_row(
            one["id"],
            one["payment_id"],
            one["paid_at"][:10],
            _major(one["amount_minor"], one["currency"]),
            " ".join(filter(None, (one["reference"], one["source_ref"]))),
            one["why"].replace("_", " "),
            "\n".join(filter(None, (before, suggestions))) or "—",
        )
    out.print(table)
    if found["more"]:
        err.print("there is more: --most shows it")
    if found["unmatched"] and not found["looked_at_all"]:
        err.print("there was no time to look at all that is owed: --everywhere does")


def _suggested(one: Mapping[str, Any]) -> str:
    because = ", ".join(reason.replace("_", " ") for reason in one["because"])
    which = f" {one['receivable_id']}" if one.get("receivable_id") else ""
    return f"{one['account_id']}{which} {one.get('name', '')} ({because})"


def _show_act(done: Mapping[str, Any]) -> None:
    title = str(done["done"]).replace("_", " ") + (" before" if done["again"] else "")
    table = Table(title=title, show_header=False)
    currency = str(done.get("currency", ""))
    for name, value in done.items():
        if name in ("done", "again", "settles", "amounts_minor"):
            continue
        is_money = name.endswith("_minor") and currency
        shown = _major(value, currency) if is_money else str(value)
        table.add_row(name.removesuffix("_minor").replace("_", " "), shown)
    for component, minor in done.get("amounts_minor", {}).items():
        table.add_row(component, _major(minor, currency))
    for part in done.get("settles", ()):
        what = f"settles {part['receivable_id']} {part['component']}"
        table.add_row(what, _major(part["amount_minor"], currency))
    out.print(table)


def _show_report(report: Report, where: str) -> None:
    table = Table(title=f"{report.provider} {report.file}: {report.state}", show_header=False)
    if report.from_day and report.to_day:
        table.add_row("days", f"{report.from_day} – {report.to_day}")
    for name in ("lines", "refused_lines", "payments", "agreed", "unmatched"):
        table.add_row(name.replace("_", " "), str(getattr(report, name)))
    for what in ("missing", "extra", "different"):
        table.add_row(what, str(report.count(what)))
    looked = f"{report.extra_from} – {report.extra_to}" if report.extra_from else "not yet"
    table.add_row("extra looked for", looked)
    out.print(table)
    for line in (*report.why, *map(str, report.problems[:_SHOWN])):
        err.print(f"[yellow]•[/] {line}", highlight=False)
    if report.differences:
        found = Table("what", "payment", "paid", "field", "theirs", "ours", "account", "became")
        for one in report.differences[:_SHOWN]:
            found.add_row(
                one.what,
                one.payment_id,
                f"{one.paid_at:%Y-%m-%d}",
                one.field,
                _either(one.theirs, one.currency),
                _either(one.ours, one.currency),
                one.account_id,
                one.became,
            )
        out.print(found)
        err.print(f"all of it: {where}")


def _either(value: int | str | None, currency: str) -> str:
    return _major(value, currency) if isinstance(value, int) else value or ""


def _major(minor: int, currency: str) -> str:
    return f"{to_major(minor, currency):,f} {currency}"
