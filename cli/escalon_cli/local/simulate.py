"""`escalon payments simulate`: money that a provider tells of, on a stack of this machine.

The notice is signed and goes to the stack's own address, as a provider's would; nothing in the
stack knows the difference.
"""

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from escalon.domain.account import Account
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import standing
from escalon.domain.contact.told import zones_for
from escalon.domain.local_time import local_date
from escalon.domain.money import MoneyError, to_major, to_minor
from escalon.domain.rules.risk import open_in
from escalon.domain.rules.rulebook import PaymentProvider, ProviderKind, Rulebook
from escalon.usecases.payments.payment_link import CODE_LENGTH, link_key
from escalon_cli import payment_secrets
from escalon_cli.deployed import Deployed
from escalon_cli.local.checkout import Checkout
from escalon_cli.local.provider_stand_in import SECRETS, Payment, Providers, post, webhook
from escalon_cli.payments import Account as AccountName
from escalon_cli.payments import Stack
from escalon_cli.publish import live_version

# Whose notices are signed whole, and so are booked before they are answered.
_AT_ONCE: tuple[ProviderKind, ...] = ("standard_webhooks", "stripe")

out = Console()


class NotSimulatedError(LookupError):
    """Nothing can be paid so; says why and what to do."""


class Wanted(msgspec.Struct, frozen=True):
    """What is to be paid: the reference that the payer names, minor units, whose money it is."""

    reference: str
    amount_minor: int
    currency: str
    creditor: str
    what: str  # in words


class Simulated(msgspec.Struct, frozen=True):
    """What was paid, how the stack answered, and the account after it."""

    wanted: Wanted
    provider: str
    status: int
    answer: str
    account: Account


def register(
    app: typer.Typer,
    deployed: Callable[[str], Deployed],
    errors_in_words: Callable[[], AbstractContextManager[None]],
) -> None:
    """Add the command."""

    @app.command()
    def simulate(
        account: AccountName,
        amount: Annotated[
            str, typer.Argument(help="In major units, such as 57850.50; else what is asked for.")
        ] = "",
        receivable: Annotated[str, typer.Option(help="Pay this one.")] = "",
        agreement: Annotated[str, typer.Option(help="Pay its next instalment.")] = "",
        reference: Annotated[str, typer.Option(help="Of a payment begun on the page.")] = "",
        stack: Stack = "local",
    ) -> None:
        """Pay as a debtor would, and tell the stack as a provider does. Only on this machine.

        Left to itself it pays what the debtor last began to pay on the page, else what an agreement
        asks for next, else the oldest receivable.
        """
        with errors_in_words():
            done = pay(
                deployed(stack),
                account,
                amount,
                receivable=receivable,
                agreement=agreement,
                reference=reference,
            )
        _show(done)
        if done.status != 200:
            raise typer.Exit(1)


def let_in(deployed: Deployed) -> None:
    """Give a local stack made-up secrets for the providers in force that have none, so that
    payments can be simulated."""
    rulebook = deployed.documents.rulebook(live_version(deployed))
    for name, setting in rulebook.payments.providers.items():
        if payment_secrets.newest(deployed, name) is None:
            payment_secrets.add(deployed, name, SECRETS[setting.kind])


def pay(
    deployed: Deployed,
    account: str,
    amount: str = "",
    *,
    receivable: str = "",
    agreement: str = "",
    reference: str = "",
) -> Simulated:
    """Pay on a local stack and wait for its answer. Raises NotSimulatedError."""
    if deployed.embedded is None:
        raise NotSimulatedError(
            f"{deployed.name} is in AWS, where only a provider tells of payments; "
            "`escalon payments add` books money by hand"
        )
    account_id = deployed.account_id(account)
    stored = deployed.table.get(account_id)
    if stored is None:
        raise NotSimulatedError(
            f"there is no account {account}; give the reference as the export has it"
        )
    providers = Providers(deployed.embedded.providers_url)
    rulebook = deployed.documents.rulebook(live_version(deployed))
    begun = [one for one in providers.waiting() if _is_of(deployed, one, account_id)]
    today = local_date(zones_for(rulebook, stored.account), deployed.now())
    found = wanted(
        stored.account,
        begun,
        today,
        amount,
        receivable=receivable,
        agreement=agreement,
        reference=reference,
    )
    setting = _provider(rulebook, found.creditor)
    secret = payment_secrets.newest(deployed, setting.provider)
    now = deployed.now()
    payment = Payment(
        f"{uuid.uuid4().int % 10**12:012d}",
        found.reference,
        found.amount_minor,
        found.currency,
        now,
        email="",  # so that the receipt goes to the debtor
    )
    providers.put(setting.kind, payment)
    url = f"{deployed.outputs['ApiUrl']}/webhooks/{setting.provider}"
    status, answer = post(url, webhook(setting.kind, payment, now, secret))
    after = deployed.table.get(account_id)
    return Simulated(
        found, setting.provider, status, answer, after.account if after else stored.account
    )


# ------------------------------------------------------------------------------- what is paid


def wanted(
    account: Account,
    begun: Sequence[Checkout],
    today: date,
    amount: str = "",
    *,
    receivable: str = "",
    agreement: str = "",
    reference: str = "",
) -> Wanted:
    """What is to be paid. `begun` are the account's checkouts that wait, in the order of opening;
    `today` is the debtor's. Raises NotSimulatedError."""
    if sum(map(bool, (receivable, agreement, reference))) > 1:
        raise NotSimulatedError("say one of --receivable, --agreement and --reference")
    found: Wanted | None
    if receivable:
        found = _receivable(account, receivable)
    elif agreement:
        found = _instalment(account, today, agreement)
    elif reference:
        found = _begun(account, begun, reference) or _named(account, reference)
    else:
        found = _begun(account, begun) or _instalment(account, today) or _receivable(account)
    if found is None:
        named = f" under {receivable or agreement}" if receivable or agreement else ""
        raise NotSimulatedError(f"{account.source_ref} has nothing to pay{named}")
    if amount:
        found = replace(found, amount_minor=_minor(amount, found.currency))
    if found.amount_minor <= 0:
        raise NotSimulatedError("say how much: escalon payments simulate ACCOUNT AMOUNT …")
    return found


def _is_of(deployed: Deployed, checkout: Checkout, account_id: str) -> bool:
    """Whether a checkout was opened by a link of this account: our reference begins with its
    code."""
    link = deployed.table.load(*link_key(checkout.reference[:CODE_LENGTH]))
    return link is not None and link["account_id"] == account_id


def _begun(account: Account, begun: Sequence[Checkout], reference: str = "") -> Wanted | None:
    """What the debtor began to pay on the page last, or under this reference."""
    for one in reversed(begun):
        if reference in ("", one.reference):
            creditor = _creditor(account)
            words = "what was begun on the page"
            return Wanted(one.reference, one.amount_minor, one.currency, creditor, words)
    return None


def _named(account: Account, reference: str) -> Wanted:
    """Money under a reference of which nothing else is known."""
    currency = next((one.currency for one in account.receivables), "COP")
    return Wanted(reference, 0, currency, _creditor(account), "a reference")


def _instalment(account: Account, today: date, agreement_id: str = "") -> Wanted | None:
    """The next instalment of an agreement that stands: this one, or the first of them."""
    for one in account.agreements:
        if one.state in ("accepted", "active") and agreement_id in ("", one.agreement_id):
            following = standing(one, today).next_due
            if following is not None:
                words = f"the instalment of {following.instalment.due_on}"
                named = _debt_of(one, account)
                return Wanted(named, following.left_minor, one.currency, one.creditor, words)
    return None


def _debt_of(agreement: Agreement, account: Account) -> str:
    """The debt under an agreement that its next money is for."""
    still_open = {one.receivable_id for one in account.receivables if one.open_minor > 0}
    debts = list(agreement.debts)
    return next((name for name in debts if name in still_open), debts[0])


def _receivable(account: Account, receivable_id: str = "") -> Wanted | None:
    """A receivable that is open: this one, or the oldest."""
    for one in sorted(account.receivables, key=lambda r: r.due_on or date.max):
        if one.open_minor > 0 and receivable_id in ("", one.receivable_id):
            words = f"receivable {one.receivable_id}"
            return Wanted(one.receivable_id, one.open_minor, one.currency, one.creditor, words)
    return None


def _creditor(account: Account) -> str:
    return next((one.creditor for one in account.receivables), "")


def _minor(amount: str, currency: str) -> int:
    try:
        return to_minor(Decimal(amount), currency)
    except (InvalidOperation, MoneyError):
        raise NotSimulatedError(f"{amount!r} is no amount; write it like 57850.50") from None


def _provider(rulebook: Rulebook, creditor: str) -> PaymentProvider:
    own = rulebook.payments.providers.values()
    for kind in _AT_ONCE:
        for one in own:
            if one.kind == kind and one.creditor in ("", creditor):
                return one
    raise NotSimulatedError(
        f"the rulebook in force has no provider for {creditor} whose notices are signed whole "
        f"({' or '.join(_AT_ONCE)}): add one to payments.yaml"
    )


# ------------------------------------------------------------------------------------ shown


def _show(done: Simulated) -> None:
    paid = done.wanted
    table = Table(title="simulated payment", show_header=False)
    table.add_row("paid", _major(paid.amount_minor, paid.currency))
    table.add_row("for", paid.what)
    table.add_row("reference", paid.reference)
    table.add_row(f"told by {done.provider}", f"answered {done.status} {done.answer}")
    table.add_row("still open", _major(open_in(done.account, paid.currency), paid.currency))
    out.print(table)


def _major(minor: int, currency: str) -> str:
    return f"{to_major(minor, currency):,f} {currency}"
