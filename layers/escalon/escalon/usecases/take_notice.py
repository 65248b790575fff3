"""Take a payment notice: from what a provider said to the account it is about.

Three calls to the table on the usual path: what the notice's names point to, the account with what
is booked of the payment, and one transaction. A notice that was taken before costs the first alone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Awaited
from escalon.domain.payment import Incoming, PaymentNotice, merge, state_of
from escalon.domain.ports import Clock
from escalon.domain.rulebook import PaymentProvider, Payments, Rulebook
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, Stored
from escalon.usecases.book_payments import (
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

AWAITED_AT_MOST = 8  # payments under way that an account waits for at once

type _Document = dict[str, Any]
# again: taken before · nothing: it moves no money · unmatched: kept for a person
type TakenNotice = Literal["booked", "nothing", "again", "unmatched"]


class TakeNotice:
    """Book what a notice says. `rulebook` gives the rulebook in force, None before there is one."""

    def __init__(
        self,
        table: "Table",
        clock: Clock,
        name_of: Callable[[str], str],
        rulebook: Callable[[], Rulebook | None],
    ) -> None:
        self._table = table
        self._clock = clock
        self._rulebook = rulebook
        self._book = BookPayments(table, clock, name_of, rulebook)

    def __call__(self, notice: PaymentNotice, setting: PaymentProvider) -> TakenNotice:
        """Merge it into its payment and book the difference. Raises ConflictError if the account
        keeps moving: whoever sent it sends it again."""
        if notice.kind == "other" or not notice.payment_key:
            return "nothing"
        now = self._clock.now()
        money = _incoming(notice, setting, now)
        found = self._find(money)
        if found.told:
            return "again"
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
            self._stop_waiting(own, money.payment_id, now)
            return "nothing"
        try:
            return self._book(own).get(money.payment_id, "again")
        except AlreadyDoneError:
            return "again"

    def await_answer(self, notice: PaymentNotice, setting: PaymentProvider) -> None:
        """A signature says that money is under way, and leaves out what matters: whoever it may be
        about is not asked until the provider has been, and for no longer than the rulebook says."""
        now = self._clock.now()
        money = _incoming(notice, setting, now)
        found = self._find(money)
        if found.account_id and not found.told and notice.kind in ("approved", "pending"):
            self._await(self._own(found, money), money, notice.amount_minor, now)

    def give_up_waiting(self, notice: PaymentNotice, setting: PaymentProvider) -> None:
        """The provider knows no such payment: nobody waits for it any longer."""
        now = self._clock.now()
        money = _incoming(notice, setting, now)
        found = self._find(money)
        if found.account_id:
            self._stop_waiting(self._own(found, money), money.payment_id, now)

    # ---------------------------------------------------------------- whose it is

    def _find(self, money: Incoming) -> "_Found":
        """What its names point to, in one request."""
        names = (money.payment_id, *money.aliases)
        unmatched_key = self._book.unmatched_key(money.payment_id)
        keys = [event_key(money), *map(payment_key, names), unmatched_key]
        reference = self._book.pointer_key(money.reference) if money.reference else None
        found = self._table.load_many([*keys, reference] if reference else keys)
        pointer = next((found[k] for n in names if (k := payment_key(n)) in found), None)
        by_reference = found.get(reference) if reference else None
        kept = found.get(unmatched_key)
        unmatched = msgspec.convert(kept, UnmatchedMoney) if kept else None
        if pointer is not None:
            account_id, payment_id = str(pointer["account_id"]), str(pointer["payment_id"])
        else:
            account_id, payment_id = str((by_reference or {}).get("account_id", "")), ""
        return _Found(
            account_id, payment_id, event_key(money) in found, unmatched, by_reference is not None
        )

    def _own(self, found: "_Found", money: Incoming) -> OfAccount:
        """The account with what is booked of the payment, in one request."""
        named = (money.reference,) if found.by_reference else ()
        payments = tuple(dict.fromkeys(n for n in (money.payment_id, found.payment_id) if n))
        around = self._table.around(found.account_id, named, payments)
        on_list = {money.payment_id: found.unmatched} if found.unmatched else {}
        money = replace(money, receivable_id=money.reference) if around.named else money
        return OfAccount(
            found.account_id,
            around.stored,
            [_with_said_before(money, found.unmatched)],
            around.named,
            around.booked,
            on_list,
        )

    # ---------------------------------------------------------------- money under way

    def _await(self, own: OfAccount, money: Incoming, amount: int | None, now: datetime) -> None:
        """Nobody asks while it is under way. The first word of it counts: it never holds longer."""
        hours = self._payments().awaited_hours

        def waiting(account: Account) -> Account:
            if any(one.payment_id == money.payment_id for one in account.awaited):
                return account
            if any(one.payment_id == money.payment_id for one in account.payments):
                return account
            named = own.named.get(money.receivable_id)
            one = Awaited(
                money.payment_id,
                now,
                now + timedelta(hours=hours),
                named.receivable.creditor if named else money.creditor,
                amount,
                money.currency,
            )
            kept = [a for a in account.awaited if a.until > now - timedelta(days=1)]
            return replace(account, awaited=(*kept, one)[-AWAITED_AT_MOST:])

        told = {"amount_minor": amount, "currency": money.currency, "hours": hours}
        self._change(own, waiting, facts.noted("awaited", now, payment_id=money.payment_id, **told))

    def _stop_waiting(self, own: OfAccount, payment_id: str, now: datetime) -> None:
        def without(account: Account) -> Account:
            awaited = tuple(a for a in account.awaited if a.payment_id != payment_id)
            return replace(account, awaited=awaited)

        self._change(own, without, facts.noted("no_longer_awaited", now, payment_id=payment_id))

    def _change(
        self, own: OfAccount, change: Callable[[Account], Account], fact: facts.Fact
    ) -> None:
        """Write what becomes of the account, if anything does, and look at it next."""
        stored: Stored | None = own.stored
        for _ in range(TRIES):
            if stored is None or (account := change(stored.account)) == stored.account:
                return
            now = self._clock.now()
            look_at = now if account.receivables or account.intents else None
            try:
                self._table.update(Change(stored, account, look_at, (fact,)))
            except ConflictError:
                stored = self._table.get(own.account_id)
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


def _incoming(notice: PaymentNotice, setting: PaymentProvider, now: datetime) -> Incoming:
    name = setting.provider
    return Incoming(
        f"{name}:{notice.payment_key}",
        name,
        notice.currency,
        notice.occurred_at or now,
        state_of(notice, now),
        reference=notice.reference,
        creditor=setting.creditor,
        aliases=tuple(f"{name}:{alias}" for alias in notice.aliases),
        event=f"event:{name}:{notice.event_key}",
        payer_email=notice.payer_email,
    )


def _with_said_before(money: Incoming, unmatched: UnmatchedMoney | None) -> Incoming:
    """With what was said of it before anybody knew whose it is."""
    if unmatched is None or unmatched.became:
        return money
    return replace(money, state=merge(unmatched.money.state, money.state))
