"""Take a payment notice: from what a provider said to the account it is about.

Three calls to the table on the usual path: what the notice's names point to, the account with what
is booked of the payment, and one transaction. A notice that was taken before costs the first alone.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Awaited
from escalon.domain.payments.payment import (
    BookedPayment,
    Incoming,
    PaymentNotice,
    PaymentState,
    awaiting,
    no_longer_awaited,
    state_of,
)
from escalon.domain.ports import Clock, RulebookInForce
from escalon.domain.rules.rulebook import PaymentProvider, Payments
from escalon.domain.storage import Change, ConflictError
from escalon.usecases.payments.book_payments import (
    TRIES,
    BookPayments,
    NowhereError,
    OfAccount,
    UnmatchedMoney,
    event_key,
    payment_key,
)

if TYPE_CHECKING:
    from escalon.adapters.table import Table

# again: taken before · nothing: it moves no money · unmatched: kept for a person
type TakenNotice = Literal["booked", "nothing", "again", "unmatched"]
type _Booked = Mapping[str, BookedPayment]


class TakeNotice:
    """Book what a notice says. `rulebook` gives the rulebook in force, None before there is one."""

    def __init__(
        self,
        table: "Table",
        clock: Clock,
        name_of: Callable[[str], str],
        rulebook: RulebookInForce,
    ) -> None:
        self._table = table
        self._clock = clock
        self._rulebook = rulebook
        self._book = BookPayments(table, clock, name_of, rulebook)

    def __call__(self, notice: PaymentNotice, setting: PaymentProvider) -> TakenNotice:
        """Merge it into its payment and book the difference. Raises ConflictError if the account
        keeps moving: whoever sent it sends it again; MoneyError if it lacks its amount."""
        if notice.kind == "other" or not notice.payment_key:
            return "nothing"
        now = self._clock.now()
        money = _incoming(notice, setting, state_of(notice, now), now)
        found = self._find(money)
        if found.told:
            return "again"
        if found.unmatched is not None and found.unmatched.became == "returned":
            return "nothing"
        if not found.account_id:
            # Nothing else can be found out about money that never came.
            if not found.unmatched and notice.kind in ("pending", "declined"):
                return "nothing"
            nowhere = NowhereError("unknown_reference")
            became = self._book.keep_unmatched(money, nowhere, found.unmatched)
            return "unmatched" if became == "unmatched" else "nothing"
        own = self._own(found, money)
        if notice.kind == "pending":
            self._await(own, money, notice.amount_minor, now)
            return "nothing"
        if notice.kind == "declined" and not own.booked:
            self._stop_waiting(own, money, now)
            return "nothing"
        return self._book(own).get(money.payment_id, "again")

    def await_answer(self, notice: PaymentNotice, setting: PaymentProvider) -> None:
        """A signature says that money is under way, and leaves out what matters: whoever it may be
        about is not asked until the provider has been, and for no longer than the rulebook says."""
        if notice.kind not in ("approved", "pending") or not notice.payment_key:
            return
        now = self._clock.now()
        money = _incoming(notice, setting, PaymentState(), now)
        found = self._find(money)
        if found.account_id:
            self._await(self._own(found, money), money, notice.amount_minor, now)

    def give_up_waiting(self, notice: PaymentNotice, setting: PaymentProvider) -> None:
        """The provider knows no such payment: nobody waits for it any longer."""
        now = self._clock.now()
        money = _incoming(notice, setting, PaymentState(), now)
        found = self._find(money)
        if found.account_id:
            self._stop_waiting(self._own(found, money), money, now)

    # ---------------------------------------------------------------- whose it is

    def _find(self, money: Incoming) -> "_Found":
        """What its names point to, in one request."""
        pointers = [payment_key(name) for name in money.names]
        unmatched = [self._book.unmatched_key(name) for name in money.names]
        reference = [self._book.pointer_key(money.reference)] if money.reference else []
        found = self._table.load_many([event_key(money), *pointers, *unmatched, *reference])
        by_reference = next((found[key] for key in reference if key in found), None)
        pointer = next((found[key] for key in pointers if key in found), None)
        kept = next((found[key] for key in unmatched if key in found), None)
        return _Found(
            str((pointer or by_reference or {}).get("account_id", "")),
            str(pointer["payment_id"]) if pointer else "",
            event_key(money) in found,
            msgspec.convert(kept, UnmatchedMoney) if kept else None,
            by_reference is not None,
            str((by_reference or {}).get("creditor", "")),
            tuple((by_reference or {}).get("receivables", ())),
        )

    def _own(self, found: "_Found", money: Incoming) -> OfAccount:
        """The account with what is booked of the payment, in one request."""
        named = (money.reference,) if found.by_reference else ()
        payments = tuple(dict.fromkeys(n for n in (money.payment_id, found.payment_id) if n))
        around = self._table.around(found.account_id, named, payments)
        listed = found.unmatched if found.unmatched and not found.unmatched.became else None
        on_list = {money.payment_id: listed} if listed else {}
        money = replace(
            money,
            receivable_id=money.reference if around.named else "",
            meant_for=found.receivables,
            creditor=money.creditor or found.creditor,
        )
        return OfAccount(
            found.account_id, around.stored, [money], around.named, around.booked, on_list
        )

    # ---------------------------------------------------------------- money under way

    def _await(self, own: OfAccount, money: Incoming, amount: int | None, now: datetime) -> None:
        """Nobody asks while it is under way, but for what has come or failed already."""
        hours = self._payments().awaited_hours
        named = next(iter(own.named.values()), None)
        under_way = Awaited(
            money.payment_id,
            now,
            now + timedelta(hours=hours),
            named.receivable.creditor if named else money.creditor,
            amount,
            money.currency,
        )

        def waiting(account: Account, booked: _Booked) -> Account:
            if any(one.state.is_settled for one in booked.values()):
                return account
            awaited = awaiting(account.awaited, under_way, money.paid_at)
            return replace(account, awaited=awaited)

        told = {"amount_minor": amount, "currency": money.currency, "hours": hours}
        fact = facts.noted("awaited", now, payment_id=money.payment_id, **told)
        self._change(own, money, waiting, fact)

    def _stop_waiting(self, own: OfAccount, money: Incoming, now: datetime) -> None:
        def without(account: Account, _: _Booked) -> Account:
            awaited = no_longer_awaited(account.awaited, money.names, now)
            return replace(account, awaited=awaited)

        fact = facts.noted("no_longer_awaited", now, payment_id=money.payment_id)
        self._change(own, money, without, fact)

    def _change(
        self,
        own: OfAccount,
        money: Incoming,
        change: Callable[[Account, _Booked], Account],
        fact: facts.Fact,
    ) -> None:
        """Write what becomes of the account, if anything does, and look at it next."""
        for _ in range(TRIES):
            if own.stored is None:
                return
            account = change(own.stored.account, own.booked)
            if account == own.stored.account:
                return
            look_at = self._clock.now() if account.receivables or account.intents else None
            try:
                self._table.update(Change(own.stored, account, look_at, (fact,)))
            except ConflictError:
                own = self._own(self._find(money), money)
                continue
            return
        raise ConflictError(own.account_id)

    def _payments(self) -> Payments:
        rulebook = self._rulebook()
        return rulebook.payments if rulebook else Payments()


class _Found(msgspec.Struct, frozen=True):
    """What a notice's names point to."""

    account_id: str
    payment_id: str  # under which it is booked; empty if it is not
    told: bool  # whether this very notice was taken before
    unmatched: UnmatchedMoney | None
    by_reference: bool
    creditor: str  # whom the reference was made out for, if for one
    receivables: tuple[str, ...]  # and for which receivables, if it is a pay link's


def _incoming(
    notice: PaymentNotice, setting: PaymentProvider, state: PaymentState, now: datetime
) -> Incoming:
    name = setting.provider
    return Incoming(
        f"{name}:{notice.payment_key}",
        name,
        notice.currency,
        notice.occurred_at or now,
        state,
        reference=notice.reference,
        creditor=setting.creditor,
        aliases=tuple(f"{name}:{alias}" for alias in notice.aliases),
        event=f"event:{name}:{notice.event_key}",
        payer_email=notice.payer_email,
        by_provider=True,
    )
