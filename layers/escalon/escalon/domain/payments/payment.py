"""A payment: what its provider says became of it, merged in any order, and what should be booked.

Notices come late, twice and in any order (L25). Each is merged into the payment's state; merging is
commutative, associative and idempotent, so the state is a function of the set of notices alone. The
ledger then books the difference between what the state says is ours (`net`) and what is booked, so
an approval is never undone by a late "pending", and a refund that overtakes its approval is right
when the approval comes (invariant 5).
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Awaited, SeenPayment
from escalon.domain.local_time import local_date
from escalon.domain.money import Component, MoneyError

# refunded: `amount_minor` is all that was ever given back · other: nothing about money
NoticeKind = Literal[
    "approved",
    "pending",
    "declined",
    "voided",
    "refunded",
    "chargeback_opened",
    "chargeback_won",
    "chargeback_lost",
    "other",
]
ChargebackState = Literal["opened", "won", "lost"]
Taken = Literal["reversal", "refund", "chargeback"]  # why money that came goes again

AWAITED_AT_MOST = 8  # payments under way that an account keeps in mind

_CHARGEBACKS: dict[str, ChargebackState] = {
    "chargeback_opened": "opened",
    "chargeback_won": "won",
    "chargeback_lost": "lost",
}


class PaymentNotice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One provider's notice about one payment, in our words.

    `payment_key` is the provider's name of the payment (the same in all its notices), `event_key`
    that of this notice; both are unique within the provider. `amount_minor` is in minor units of
    `currency` (ISO 4217); for a refund it is the sum of all refunds, for a chargeback what is
    contested. Those kinds and "approved" always name one. `reference` is what we gave the provider
    to know the debt by.
    """

    provider: str
    event_key: str
    kind: NoticeKind
    payment_key: str = ""
    amount_minor: int | None = None
    currency: str = ""
    reference: str = ""
    occurred_at: datetime | None = None
    detail: str = ""  # the provider's own word for it
    case_key: str = ""  # which chargeback of the payment
    aliases: tuple[str, ...] = ()  # further names that other notices may use for the payment
    payer_email: str = ""  # to send a receipt to, if the provider told


class Said(msgspec.Struct, frozen=True):
    """An amount with the instant at which its source said so."""

    amount_minor: int
    at: datetime


class Chargeback(msgspec.Struct, frozen=True):
    """One contested charge of a payment."""

    state: ChargebackState
    amount_minor: int
    at: datetime


class PaymentState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that was ever said about one payment, as far as it matters."""

    approved: Said | None = None
    refunded: Said | None = None
    pending_since: datetime | None = None
    declined: bool = False
    voided: bool = False
    chargebacks: dict[str, Chargeback] = {}

    @property
    def is_settled(self) -> bool:
        """Whether nobody waits for an answer about it any more."""
        return bool(self.approved or self.declined or self.voided)


def state_of(notice: PaymentNotice, at: datetime) -> PaymentState:
    """What one notice says by itself; `at` stands in where it names no instant. Raises MoneyError
    if it moves money and does not say how much."""
    when = notice.occurred_at or at
    match notice.kind:
        case "approved":
            return PaymentState(approved=Said(_amount(notice), when))
        case "refunded":
            return PaymentState(refunded=Said(_amount(notice), when))
        case "pending":
            return PaymentState(pending_since=when)
        case "declined":
            return PaymentState(declined=True)
        case "voided":
            return PaymentState(voided=True)
        case "other":
            return PaymentState()
    contested = Chargeback(_CHARGEBACKS[notice.kind], _amount(notice), when)
    return PaymentState(chargebacks={notice.case_key: contested})


def _amount(notice: PaymentNotice) -> int:
    if notice.amount_minor is None or notice.amount_minor < 0:
        raise MoneyError(f"{notice.kind} without an amount")
    return notice.amount_minor


def merge(one: PaymentState, other: PaymentState) -> PaymentState:
    """Both together: commutative, associative, idempotent."""
    chargebacks = dict(one.chargebacks)
    for case, contested in other.chargebacks.items():
        chargebacks[case] = max(contested, chargebacks.get(case, contested), key=_how_far)
    return PaymentState(
        approved=_later(one.approved, other.approved),
        refunded=_later(one.refunded, other.refunded),
        pending_since=min(
            (at for at in (one.pending_since, other.pending_since) if at is not None), default=None
        ),
        declined=one.declined or other.declined,
        voided=one.voided or other.voided,
        chargebacks=dict(sorted(chargebacks.items())),
    )


def net(state: PaymentState) -> int:
    """What of the payment is ours now, in minor units: what was approved, less what was given back
    and what is contested or lost. Nothing of a voided payment is."""
    if state.approved is None or state.voided:
        return 0
    refunded = state.refunded.amount_minor if state.refunded else 0
    contested = sum(c.amount_minor for c in state.chargebacks.values() if c.state != "won")
    return max(0, state.approved.amount_minor - refunded - contested)


def why_less(before: PaymentState, after: PaymentState) -> Taken | None:
    """What took money away between two states of a payment; None if nothing did. That less was
    approved than was said at first is a reversal too."""
    if after.voided != before.voided:
        return "reversal"
    if after.chargebacks != before.chargebacks:
        return "chargeback"
    if after.refunded != before.refunded:
        return "refund"
    was, now = (state.approved.amount_minor if state.approved else 0 for state in (before, after))
    return "reversal" if now < was else None


def _later(one: Said | None, other: Said | None) -> Said | None:
    """What was said last; of two sayings of one instant the larger amount."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda said: (said.at, said.amount_minor))


def _how_far(contested: Chargeback) -> tuple[bool, datetime, str, int]:
    """An outcome stands against any later "opened"; of two outcomes the later."""
    return (contested.state != "opened", contested.at, contested.state, contested.amount_minor)


class Incoming(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one source says about one payment: a provider's notice, a line of a bank's file, what an
    operator entered. Whose it is, `reference`, `receivable_id` and `source_ref` may tell."""

    payment_id: str
    source: str  # the provider, "import" and the mapping, or "manual"
    currency: str
    paid_at: datetime
    state: PaymentState
    receivable_id: str = ""  # the obligation it names, if any
    meant_for: tuple[str, ...] = ()  # the receivables that its pay link asked for
    reference: str = ""  # what the source knew the debt by
    source_ref: str = ""  # who paid, as the source knows them
    creditor: str = ""  # whose account the money came to, if that is one creditor's
    aliases: tuple[str, ...] = ()  # further ids under which the source may speak of it
    event: str = ""  # the key of what told us, counted once
    payer_email: str = ""
    by_provider: bool = False  # told by the provider that took it

    @property
    def amount_minor(self) -> int:
        """What was approved, in minor units."""
        return self.state.approved.amount_minor if self.state.approved else 0

    @property
    def names(self) -> tuple[str, ...]:
        """All ids under which the source may speak of it, each once, its own first."""
        return tuple(dict.fromkeys((self.payment_id, *self.aliases)))


class SeenTwice(msgspec.Struct, frozen=True):
    """Payments booked before that may be the same money; `sure` if it is the one that is named."""

    payment_ids: tuple[str, ...]
    sure: bool


def seen_before(
    seen: Iterable[SeenPayment], money: Incoming, within_days: int, zones: Sequence[str]
) -> SeenTwice | None:
    """Whether another source has told of the same money: same amount, same currency, dates of the
    debtor's calendar (`zones`) no further apart than that, and the same id or the same obligation
    named. If one of the two names no obligation, nobody can be sure (L25). What two providers tell
    of are two payments: money goes through one of them."""

    def days_apart(one: SeenPayment) -> int:
        return abs((local_date(zones, one.paid_at) - local_date(zones, money.paid_at)).days)

    near = [
        one
        for one in seen
        if one.amount_minor == money.amount_minor
        and one.currency == money.currency
        and money.source not in (one.source, *one.seen_in)
        and not (money.by_provider and one.by_provider)
        and days_apart(one) <= within_days
    ]
    near.sort(key=lambda one: (abs(one.paid_at - money.paid_at), one.payment_id))
    own_id = _own_id(money)
    named = money.receivable_id
    sure = [one for one in near if _own_id(one) == own_id]
    sure = sure or [one for one in near if named and one.receivable_id == named]
    if sure:
        return SeenTwice((sure[0].payment_id,), sure=True)
    may_be = tuple(one.payment_id for one in near if not (named and one.receivable_id))
    return SeenTwice(may_be, sure=False) if may_be else None


def _own_id(payment: SeenPayment | Incoming) -> str:
    """The id as its source writes it: a bank's file may name the provider's."""
    return payment.payment_id.removeprefix(f"{payment.source}:")


class Part(msgspec.Struct, frozen=True, array_like=True):
    """What of a payment settles one component of one receivable, or (receivable "") is credit."""

    receivable_id: str
    component: Component
    amount_minor: int


def credit_of(parts: Iterable[Part]) -> int:
    """What of a payment is unapplied credit, in minor units."""
    return sum(part.amount_minor for part in parts if not part.receivable_id)


class BookedPayment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payment as its account keeps it: what is said of it, and what it settles now. The parts add
    up to what is booked of it, and every entry of it in the ledger carries its id as cause."""

    payment_id: str
    source: str  # the provider, "import" and the mapping, or "manual"
    creditor: str
    currency: str
    paid_at: datetime
    state: PaymentState
    receivable_id: str = ""  # the obligation it names, if any
    meant_for: tuple[str, ...] = ()  # the receivables that its pay link asked for
    reference: str = ""  # what the source knew the debt by
    parts: tuple[Part, ...] = ()
    turns: int = 0  # how often its booking was changed; names the entries of each turn
    seen_as: tuple[str, ...] = ()  # further ids under which sources tell of the same money
    payer_email: str = ""
    taking: Taken | None = None  # why money of it went last: more may have to go for that reason
    set_free: bool = False  # a person has made credit of it, and says what that settles

    @property
    def names(self) -> frozenset[str]:
        """All ids under which sources tell of it."""
        return frozenset((self.payment_id, *self.seen_as))

    @property
    def booked_minor(self) -> int:
        """What of it is booked, in minor units."""
        return sum(part.amount_minor for part in self.parts)

    def turned(self, parts: tuple[Part, ...]) -> "BookedPayment":
        """With other parts, which is one more turn."""
        return replace(self, parts=parts, turns=self.turns + 1)


# ------------------------------------------------------------------------ money under way


def awaiting(
    awaited: tuple[Awaited, ...], money: Awaited, told_at: datetime
) -> tuple[Awaited, ...]:
    """With money that is said to be under way since `told_at`. The first word of a payment counts,
    so that it holds no longer than it may in all (L21): later words change nothing, unless they are
    of another attempt after one that failed."""
    before = next((one for one in awaited if one.payment_id == money.payment_id), None)
    if before is None:
        return (*awaited, money)[-AWAITED_AT_MOST:]
    if told_at <= before.until:
        return awaited
    again = replace(before, until=max(before.until, before.since + (money.until - money.since)))
    return tuple(again if one is before else one for one in awaited)


def no_longer_awaited(
    awaited: tuple[Awaited, ...], names: Collection[str], now: datetime
) -> tuple[Awaited, ...]:
    """Nobody waits any more for the payment of these names. It is kept in mind, since a late word
    of it must not begin anew."""
    return tuple(
        replace(one, until=now) if one.payment_id in names and one.until > now else one
        for one in awaited
    )
