"""Payments for the tests: notices as providers send them, and the books that they must leave."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from escalon.domain.account import pot
from escalon.domain.payments import ledger
from escalon.domain.payments.payment import BookedPayment, NoticeKind, PaymentNotice, net
from escalon.domain.rules.rulebook import PaymentProvider
from tests.doubles.world import NOW, World

STRIPE = PaymentProvider("stripe", "stripe", "production")
WOMPI = PaymentProvider("wompi", "wompi", "production")


def notice(
    kind: NoticeKind,
    amount_minor: int | None = None,
    *,
    payment: str = "pi_1",
    at: datetime | None = NOW,
    event: str = "",
    reference: str = "r1",
    currency: str = "COP",
    provider: PaymentProvider = STRIPE,
    **more: Any,
) -> PaymentNotice:
    """One notice; the same words are the same event unless another is named."""
    said = f"{payment}:{kind}:{amount_minor}:{currency}:{at}:{more.get('case_key', '')}"
    return PaymentNotice(
        provider.provider,
        event or said,
        kind,
        payment,
        amount_minor,
        currency,
        reference,
        at,
        **more,
    )


def booked(world: World, payment_id: str = "stripe:pi_1", account_id: str = "a1") -> BookedPayment:
    """A payment as its account keeps it."""
    return world.table.around(account_id, (), (payment_id,)).booked[payment_id]


def owed(world: World, account_id: str = "a1") -> dict[str, int]:
    """What is open on each receivable, embedded or beyond."""
    found = world.table.issued_receivables(account_id)
    return {r.receivable_id: r.open_minor for r in found if r.open_minor}


def movements(world: World, account_id: str = "a1", cause: str = "") -> list[tuple[str, str, int]]:
    """The ledger but for the charges: receivable (empty: credit), kind, amount."""
    return sorted(
        (e.receivable_id, e.kind, e.amount_minor)
        for e in world.table.entries(account_id)
        if e.kind != "charge" and (not cause or e.cause == cause)
    )


def on_list(world: World) -> list[str]:
    """The ids of the money that a person has to look at."""
    return sorted(document["money"]["payment_id"] for document in world.table.listed("unmatched"))


def check_books(world: World, account_id: str = "a1") -> None:
    """Money adds up (invariant 4): receivables, credit and payments are the sums of their entries,
    and the account's document says the same as its receivables."""
    account = world.account(account_id)
    receivables = world.table.issued_receivables(account_id)
    payments = world.table.payments(account_id)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    credit: dict[str, int] = defaultdict(int)
    of_payment: dict[tuple[str, str, str], int] = defaultdict(int)
    for entry in world.table.entries(account_id):
        if entry.receivable_id:
            sums[entry.receivable_id, entry.component] += entry.amount_minor
        else:
            credit[pot(entry.creditor, entry.currency)] -= entry.amount_minor
        of_payment[entry.cause, entry.receivable_id, entry.component] -= entry.amount_minor
    for receivable in receivables:
        for component in ("principal", "interest", "fee", "tax"):
            open_minor = ledger.open_of(receivable, component)  # type: ignore[arg-type]
            assert open_minor == sums[receivable.receivable_id, component], receivable
    assert {key: minor for key, minor in credit.items() if minor} == account.credits
    parts: dict[str, int] = defaultdict(int)
    for payment in payments:
        for part in payment.parts:
            key = (payment.payment_id, part.receivable_id, part.component)
            assert part.amount_minor == of_payment[key], (payment, part)
            if not part.receivable_id:
                parts[pot(payment.creditor, payment.currency)] += part.amount_minor
        booked_in_all = sum(
            minor for (cause, _, _), minor in of_payment.items() if cause == payment.payment_id
        )
        assert payment.booked_minor == booked_in_all, payment
        if payment.payment_id not in account.spreading:
            assert payment.booked_minor == net(payment.state), payment
    assert {key: minor for key, minor in parts.items() if minor} == account.credits
    still_open = [r for r in receivables if r.open_minor]
    fresh = ledger.embed(account, still_open)
    assert account.beyond == fresh.beyond
    embedded = [(r.receivable_id, r.open_minor, r.extras) for r in account.receivables]
    assert embedded == [(r.receivable_id, r.open_minor, r.extras) for r in fresh.receivables]
