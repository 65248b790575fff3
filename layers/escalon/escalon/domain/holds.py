"""Holds: dated reasons to rest an account or a receivable, which end by themselves (lesson L13)."""

from collections.abc import Iterator, Mapping
from datetime import date

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, Beyond, Hold, pot
from escalon.domain.local_time import add_days
from escalon.domain.rules.rulebook import HoldKind


def open_hold(
    account: Account, kinds: Mapping[str, HoldKind], receivable_id: str | None, today: date
) -> tuple[Hold, date | None] | None:
    """The hold that rests the account (None) or one receivable today, and the day it ends.

    The rulebook may say how long a kind lasts at most, whatever end the hold itself states. Of
    several holds the one that ends last is given; one without an end comes last of all.
    """
    latest: tuple[Hold, date | None] | None = None
    for hold in account.holds:
        if hold.receivable_id != receivable_id:
            continue
        ends_on = end_of(hold, kinds)
        if hold.starts_on <= today and (ends_on is None or today < ends_on):
            if ends_on is None:
                return hold, None
            if latest is None or (latest[1] is not None and ends_on > latest[1]):
                latest = hold, ends_on
    return latest


def end_of(hold: Hold, kinds: Mapping[str, HoldKind]) -> date | None:
    """The first day on which the hold no longer counts: what it says, or what its kind allows."""
    kind = kinds.get(hold.kind)
    if kind is None or kind.at_most_days is None:
        return hold.ends_on
    at_most = add_days(hold.starts_on, kind.at_most_days)
    return at_most if hold.ends_on is None else min(hold.ends_on, at_most)


# Whoever is in one of these states may not be dealt with directly about the debt any more.
_FULL_STOPS = frozenset(("insolvency", "deceased", "represented", "identity_doubt"))


def full_stop(account: Account, kinds: Mapping[str, HoldKind], today: date) -> bool:
    """Whether nothing may be agreed with the debtor today: somebody who is insolvent, represented
    or dead, or a debt that may be a fraud. A stop on one debt is one on all."""
    for hold in account.holds:
        ends_on = end_of(hold, kinds)
        begun = hold.starts_on <= today and (ends_on is None or today < ends_on)
        if begun and hold.kind in kinds and kinds[hold.kind].stop in _FULL_STOPS:
            return True
    return False


def countable_beyond(
    account: Account, kinds: Mapping[str, HoldKind], today: date
) -> Mapping[str, Beyond]:
    """What the account's document has no room for, summed, as far as it may count.

    A sum cannot be told apart: if a hold rests a receivable that is in none of the embedded ones,
    nothing of the sums is chased or mentioned, rather than money that is in dispute. Nor of a sum
    in which an agreement rests one.
    """
    if not account.beyond:
        return account.beyond
    embedded = {receivable.receivable_id for receivable in account.receivables}
    agreed = {
        pot(one.creditor, one.currency)
        for one in account.agreements
        if one.rests and not one.debts.keys() <= embedded
    }
    for hold in account.holds:
        if hold.receivable_id is not None and hold.receivable_id not in embedded:
            ends_on = end_of(hold, kinds)
            if hold.starts_on <= today and (ends_on is None or today < ends_on):
                return {}
    return {key: rest for key, rest in account.beyond.items() if key not in agreed}


# ------------------------------------------------------------------------- placing and ending one

LONGEST_NOTE = 500  # characters
LONGEST_OWNER = 100
# An ended hold stays on the account for so long, so that whoever looks sees why nothing was said.
SEEN_DAYS = 90


class HoldProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a hold cannot be placed or ended: the field of the form, a code, and the limit (a day, a
    number of characters, the names that there are)."""

    field: str
    code: str
    limit: date | int | str | None = None


def wrong_with(hold: Hold, kinds: Mapping[str, HoldKind], today: date) -> Iterator[HoldProblem]:
    """Everything that keeps a hold from being placed today. A hold that states no end lasts as long
    as its kind may; one that states an end has to lie within that."""
    kind = kinds.get(hold.kind)
    if kind is None:
        yield HoldProblem("kind", "unknown", ", ".join(sorted(kinds)))
    if hold.starts_on < today:
        yield HoldProblem("starts_on", "in_the_past", today)
    if hold.ends_on is not None:
        if hold.ends_on <= hold.starts_on:
            yield HoldProblem("ends_on", "not_after_start", add_days(hold.starts_on, 1))
        elif kind is not None and kind.at_most_days is not None:
            latest = add_days(hold.starts_on, kind.at_most_days)
            if hold.ends_on > latest:
                yield HoldProblem("ends_on", "too_long", latest)
    if len(hold.note) > LONGEST_NOTE:
        yield HoldProblem("note", "too_long", LONGEST_NOTE)
    if len(hold.owner) > LONGEST_OWNER:
        yield HoldProblem("owner", "too_long", LONGEST_OWNER)


def placed(account: Account, hold: Hold, kinds: Mapping[str, HoldKind], today: date) -> Account:
    """The account with one more hold, whose end is stated; what ended long ago is left out."""
    hold = replace(hold, ends_on=end_of(hold, kinds))
    seen_from = add_days(today, -SEEN_DAYS)
    kept = tuple(one for one in account.holds if (end_of(one, kinds) or today) > seen_from)
    return replace(account, holds=(*kept, hold))


def ended(account: Account, hold: Hold, today: date) -> Account:
    """The account once the hold has ended today: from today on it does not count."""
    over = replace(hold, ends_on=max(hold.starts_on, today))
    return replace(account, holds=tuple(over if one is hold else one for one in account.holds))


# field and code -> (Spanish, English)
_PROBLEMS: dict[tuple[str, str], tuple[str, str]] = {
    ("kind", "unknown"): (
        "el reglamento no tiene esta clase de pausa; tiene: {limit}",
        "the rulebook has no such kind of hold; it has: {limit}",
    ),
    ("starts_on", "in_the_past"): (
        "la fecha ya pasó; la primera posible es el {limit}",
        "the date has passed; the first possible one is {limit}",
    ),
    ("ends_on", "not_after_start"): (
        "la pausa tiene que durar al menos un día: hasta el {limit} o después",
        "a hold lasts a day at least: until {limit} or later",
    ),
    ("ends_on", "too_long"): (
        "una pausa de esta clase puede durar como máximo hasta el {limit}",
        "a hold of this kind can last until {limit} at most",
    ),
    ("note", "too_long"): (
        "la nota puede tener como máximo {limit} caracteres",
        "the note can have {limit} characters at most",
    ),
    ("owner", "too_long"): (
        "el responsable puede tener como máximo {limit} caracteres",
        "the owner can have {limit} characters at most",
    ),
    ("account_id", "not_found"): ("no existe esta cuenta", "there is no such account"),
    ("receivable_id", "not_found"): (
        "la cuenta no tiene esta obligación",
        "the account has no such receivable",
    ),
    ("hold_id", "not_found"): (
        "la cuenta no tiene esta pausa",
        "the account has no such hold",
    ),
    ("hold_id", "ended"): (
        "la pausa ya terminó el {limit}",
        "the hold has ended already, on {limit}",
    ),
    ("hold_id", "excluded"): (
        "la cuenta está excluida; la vuelve a incluir quien puede excluir",
        "the account is excluded; whoever may exclude includes it again",
    ),
    ("key", "other_act"): (
        "con esta clave ya se hizo otra cosa; use otra",
        "something else was done under this key; use another one",
    ),
    ("", "moving"): (
        "otros están cambiando la misma cuenta; envíelo de nuevo con la misma clave",
        "others keep changing the same account; send it again with the same key",
    ),
}


def hold_sentence(problem: HoldProblem, locale: str) -> str:
    """A problem as a sentence without its full stop, to stand beside the form's field."""
    words = _PROBLEMS[problem.field, problem.code][0 if locale.startswith("es") else 1]
    limit = problem.limit
    return words.format(limit=limit.isoformat() if isinstance(limit, date) else limit)
