"""Book a payment where a person says that it belongs, with the act of the person in the same write.

A person can be asked: money that nobody can place is refused with the field that would tell, and is
not put on the list of unmatched money.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.payments.payment import Incoming, credit_of
from escalon.domain.ports import Clock, RulebookInForce
from escalon.domain.storage import Change, ConflictError, Stored
from escalon.usecases.operators.acts import ActRefusedError, Settled, refused
from escalon.usecases.payments.book_payments import (
    Became,
    BookPayments,
    NowhereError,
    OfAccount,
    UnmatchedMoney,
    payment_key,
)

if TYPE_CHECKING:
    from escalon.adapters.table import Table

type _Document = dict[str, Any]


class ActInWrite(msgspec.Struct, frozen=True):
    """What an act adds to the write that books a payment: facts and items; who did it, stamped on
    what the booking itself tells of the payment; and on what it takes off the list."""

    payment_id: str
    told: tuple[facts.Fact, ...] = ()
    items: tuple[_Document, ...] = ()
    stamp: _Document = {}
    settled: _Document = {}


class BookByHand:
    """Book for a person."""

    def __init__(
        self,
        table: "Table",
        clock: Clock,
        name_of: Callable[[str], str],
        rulebook: RulebookInForce,
    ) -> None:
        self._table = table
        self._clock = clock
        self._name_of = name_of
        self._rulebook = rulebook

    def own(self, account_id: str, money: Incoming, *, must_have: str) -> OfAccount:
        """The account with the receivable that the money names, which has to be there if it is the
        person who names it."""
        named = (money.receivable_id,) if money.receivable_id else ()
        found = self._table.around(account_id, named, ())
        if found.stored is None:
            raise no_account()
        if must_have and must_have not in found.named:
            raise no_receivable()
        return OfAccount(account_id, found.stored, [money], found.named, sure=True)

    def __call__(self, own: OfAccount, act: ActInWrite) -> None:
        """Book it, or raise ActRefusedError with the field that would tell where it belongs. If
        others were at it, nothing may have been booked: the caller sees from what there is."""
        (money,) = own.money
        open_there = own.stored.account.receivables if own.stored else ()
        table = cast("Table", _WithAct(self._table, act))
        try:
            _Book(table, self._clock, self._name_of, self._rulebook, act.settled)(own)
        except NowhereError as nowhere:
            if nowhere.why == "which_creditor":
                owed_to = ", ".join(sorted({r.creditor for r in open_there}))
                raise refused(
                    "wrong",
                    "creditor",
                    "nobody can tell for which creditor it is",
                    f"name the creditor{f' ({owed_to})' if owed_to else ''} or the receivable",
                ) from None
            owed_in = ", ".join(sorted({r.currency for r in open_there}))
            raise refused(
                "wrong",
                "currency",
                f"the money is in {money.currency}; what is owed there is in {owed_in}",
                "money is never converted: name another account or receivable",
            ) from None
        except ConflictError:
            return

    def placed(self, account_id: str, payment_id: str) -> _Document:
        """What a payment of the account, under any of its names, settles now."""
        pointer = self._table.load(*payment_key(payment_id)) or {}
        known_as = str(pointer.get("payment_id", payment_id))
        booked = self._table.around(account_id, (), (known_as,)).booked.get(known_as)
        parts = booked.parts if booked else ()
        return {
            "payment_id": known_as,
            "account_id": account_id,
            "currency": booked.currency if booked else "",
            "settles": [
                {
                    "receivable_id": part.receivable_id,
                    "component": part.component,
                    "amount_minor": part.amount_minor,
                }
                for part in parts
                if part.receivable_id
            ],
            "credit_minor": credit_of(parts),
        }

    def known_creditor(self, creditor: str) -> None:
        """Whether the rulebook has the creditor, if one is named."""
        rulebook = self._rulebook()
        if creditor and (rulebook is None or creditor not in rulebook.creditors):
            known = ", ".join(sorted(rulebook.creditors)) if rulebook else "no rulebook is in force"
            raise refused(
                "wrong", "creditor", f"there is no creditor '{creditor}'", f"they are: {known}"
            )


class _Book(BookPayments):
    """Booking that puts nothing on the list, and stamps what it takes off it."""

    def __init__(
        self,
        table: "Table",
        clock: Clock,
        name_of: Callable[[str], str],
        rulebook: RulebookInForce,
        settled: _Document,
    ) -> None:
        super().__init__(table, clock, name_of, rulebook)
        self._settled = settled

    def keep_unmatched(
        self,
        money: Incoming,  # noqa: ARG002 - as it is overridden
        nowhere: NowhereError,
        before: UnmatchedMoney | None = None,  # noqa: ARG002
    ) -> Became:
        """Say that nobody can tell."""
        raise nowhere

    def put_unmatched(self, unmatched: UnmatchedMoney) -> _Document:
        """A transaction item: money that has found its account by this act."""
        return super().put_unmatched(Settled(**msgspec.structs.asdict(unmatched) | self._settled))


class _WithAct:
    """The table, with an act in the write that tells of the payment."""

    def __init__(self, table: "Table", act: ActInWrite) -> None:
        self._table = table
        self._act = act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def update(self, change: Change, *more: _Document) -> Stored:
        """Write one account."""
        act = self._act
        told = [
            {**fact, **act.stamp} if fact.get("payment_id") == act.payment_id else fact
            for fact in change.facts
        ]
        if not any(fact.get("payment_id") == act.payment_id for fact in told):
            return self._table.update(change, *more)
        change = replace(change, facts=(*told, *act.told))
        return self._table.update(change, *more, *act.items)


def no_account() -> ActRefusedError:
    """The refusal."""
    return refused("not_found", "account_id", "there is no such account", "give its opaque id")


def no_receivable() -> ActRefusedError:
    """The refusal."""
    return refused(
        "not_found",
        "receivable_id",
        "the account has no such receivable, or nothing of it is open",
        "take its id from the account's open receivables",
    )
