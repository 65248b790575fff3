"""Suggest whose unmatched money may be: the same document number, a similar reference, the same
amount. Suggestions only; a person decides.

References are found by their keyed hash, so a similar one cannot be searched for. Its likely
spellings and slips are made and looked up, a hundred to a request. Amounts have no index: all that
is owed is read once for all the money on the list.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, Receivable, pot
from escalon.domain.payments.payment import Incoming, net
from escalon.domain.storage import DueItem

if TYPE_CHECKING:
    from escalon.adapters.table import Table

MOST = 5  # suggestions for one payment; more than that are no help
MOST_SPELLINGS = 400  # of one word of a reference
LEAST_DIGITS = 3  # of a word that may be a number of ours
LONGEST = 20  # characters of a word that may be one, mistyped; a provider's own ids are longer

# same_document: the number that it names is the account's · same_reference, similar_reference: of a
# receivable · same_amount: so much is open on the receivable, or to the creditor in all
type Because = Literal[
    "same_document", "same_reference", "similar_document", "similar_reference", "same_amount"
]
_WEIGHT: dict[Because, int] = {
    "same_document": 8,
    "same_reference": 8,
    "similar_document": 4,
    "similar_reference": 4,
    "same_amount": 3,
}
_DIGITS_FOR_LETTERS = str.maketrans("OI", "01")
_LETTERS_FOR_DIGITS = str.maketrans("01", "OI")


class Suggestion(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whose it may be, and why. Amounts are minor units of `currency`."""

    account_id: str
    because: tuple[Because, ...]
    name: str = ""
    receivable_id: str = ""
    creditor: str = ""
    document: str = ""
    currency: str = ""
    open_minor: int = 0
    due_on: date | None = None

    @property
    def weight(self) -> int:
        """How much speaks for it."""
        return sum(_WEIGHT[why] for why in self.because)


type Suggestions = dict[str, list[Suggestion]]  # by payment id


class SuggestMatches:
    """Look for the accounts that unmatched money may be of. `name_of` gives the opaque name of a
    reference."""

    def __init__(self, table: "Table", name_of: Callable[[str], str]) -> None:
        self._table = table
        self._name_of = name_of

    def by_name(
        self, money: Iterable[Incoming], enough: Callable[[int], bool]
    ) -> tuple[Suggestions, bool]:
        """By what the money names: as it stands, and if that is nobody's, as it may be meant; and
        whether all was looked up. `enough` is told how many were, and ends it if it says so."""
        wanted = list(money)
        found = self._named({one.payment_id: _words(one) for one in wanted})
        suggestions = {one.payment_id: best(found[one.payment_id], one) for one in wanted}
        left = [
            (one, short)
            for one in wanted
            if not suggestions[one.payment_id]
            and (short := [word for word in _words(one) if len(word) <= LONGEST])
        ]
        for count, (one, words) in enumerate(left):
            if enough(count):
                return _some(suggestions), False
            meant = {one.payment_id: [s for word in words for s in spellings(word)]}
            suggestions[one.payment_id] = best(
                self._named(meant, similar=True)[one.payment_id], one
            )
        return _some(suggestions), True

    def _named(self, words: Mapping[str, list[str]], *, similar: bool = False) -> Suggestions:
        """Accounts and receivables of these names."""
        names = {word: self._name_of(word) for own in words.values() for word in own}
        pointers = self._table.load_many([(f"REF#{name}", "REF") for name in names.values()])
        pointed = {pk.removeprefix("REF#"): pointer for (pk, _), pointer in pointers.items()}
        # Of slips only whole numbers may be a document's.
        debtors = self._table.get_many(
            [name for word, name in names.items() if not similar or word.isdigit()]
        )
        owners = self._table.get_many([str(p["account_id"]) for p in pointed.values()])
        receivables = self._table.named_receivables(
            [
                (str(p["account_id"]), str(p["receivable_id"]))
                for p in pointed.values()
                if "receivable_id" in p
            ]
        )
        found: Suggestions = {}
        for payment_id, own in words.items():
            suggestions = found[payment_id] = []
            for name in dict.fromkeys(names[word] for word in own):
                if name in debtors:
                    because: Because = "similar_document" if similar else "same_document"
                    suggestions.append(_of(debtors[name].account, because))
                pointer = pointed.get(name)
                if pointer is None or str(pointer["account_id"]) not in owners:
                    continue
                because = "similar_reference" if similar else "same_reference"
                account = owners[str(pointer["account_id"])].account
                named = receivables.get((account.account_id, str(pointer.get("receivable_id", ""))))
                suggestions.append(_of(account, because, named.receivable if named else None))
        return found


def by_amount(
    money: Iterable[Incoming], standing: Iterable[DueItem], enough: Callable[[int], bool]
) -> tuple[Suggestions, bool]:
    """By what is open, in one pass over all that stands in the due index, for all the money at
    once; and whether the pass came to its end. `enough` is told how many entries were looked at,
    and ends it if it says so. Receivables beyond the twenty oldest of an account are left out."""
    wanted: dict[tuple[int, str], list[Incoming]] = {}
    for one in money:
        wanted.setdefault((net(one.state), one.currency), []).append(one)
    found: Suggestions = {}
    for count, item in enumerate(standing):
        if enough(count):
            return found, False
        for amount, currency, suggestion in _owed(item):
            for one in wanted.get((amount, currency), ()):
                if one.creditor in ("", suggestion.creditor):
                    found.setdefault(one.payment_id, []).append(suggestion)
    return found, True


def best(suggestions: Iterable[Suggestion], money: Incoming) -> list[Suggestion]:
    """One for each receivable, those first for which most speaks; of equals those in the money's
    currency, and those that are due first."""
    together: dict[tuple[str, str], Suggestion] = {}
    for one in suggestions:
        key = (one.account_id, one.receivable_id)
        before = together.get(key)
        because = dict.fromkeys((*(before.because if before else ()), *one.because))
        together[key] = replace(one, because=tuple(because))
    return sorted(
        together.values(),
        key=lambda one: (
            -one.weight,
            one.currency not in ("", money.currency),
            one.due_on or date.max,
            one.account_id,
            one.receivable_id,
        ),
    )[:MOST]


def spellings(word: str) -> list[str]:
    """How somebody may have meant a reference, the likeliest first: with other dashes, spaces and
    leading zeros, with O for 0 and I for 1, and with one slip of the hand."""
    text = word.strip().upper()
    found: dict[str, None] = {}
    plain: dict[str, None] = {}
    for reading in dict.fromkeys(_readings(text)):
        runs = re.findall(r"[A-Z]+|[0-9]+", reading)
        bare = [run.lstrip("0") or "0" if run.isdigit() else run for run in runs]
        for parts in (runs, bare, *_padded(bare)):
            for joint in ("-", "", " "):
                found[joint.join(parts)] = None
        plain["".join(runs)] = plain["-".join(runs)] = None
    for base in (text, *plain):
        found.update(dict.fromkeys(_slips(base)))
    found.pop(text, None)
    found.pop("", None)
    return list(found)[:MOST_SPELLINGS]


def _words(money: Incoming) -> list[str]:
    """What of the money's texts may be a number of ours: each text whole, and each word of it that
    has digits, with the word before (`FV 10004`)."""
    found: dict[str, None] = {}
    for text in (money.receivable_id, money.reference, money.source_ref):
        if not text.strip():
            continue
        found[text] = None
        words = text.split()
        for before, word in zip(("", *words), words, strict=False):
            if sum(character.isdigit() for character in word) >= LEAST_DIGITS:
                found[word] = None
                if before:
                    found[f"{before} {word}"] = None
    return list(found)


def _readings(text: str) -> Iterator[str]:
    """The text with what looks alike read as digits, where there are digits, or as letters."""
    yield text
    runs = re.findall(r"[A-Z0-9]+|[^A-Z0-9]+", text)
    yield "".join(
        run.translate(_DIGITS_FOR_LETTERS) if any(c.isdigit() for c in run) else run for run in runs
    )
    head = re.match(r"[A-Z01]+(?=[^A-Z0-9])", text)
    if head:
        yield head[0].translate(_LETTERS_FOR_DIGITS) + text[head.end() :]


def _padded(runs: list[str]) -> Iterator[list[str]]:
    """With leading zeros before the last number, as document numbers often have."""
    last = max((at for at, run in enumerate(runs) if run.isdigit()), default=None)
    if last is not None:
        for width in range(len(runs[last]) + 1, min(len(runs[last]) + 5, 11)):
            yield [run.zfill(width) if at == last else run for at, run in enumerate(runs)]


def _slips(text: str) -> Iterator[str]:
    """With one character too many, two turned round, one digit wrong, or one digit left out."""
    for at in range(len(text)):
        yield text[:at] + text[at + 1 :]
    for at in range(len(text) - 1):
        yield text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    for at, character in enumerate(text):
        if character.isdigit():
            yield from (text[:at] + digit + text[at + 1 :] for digit in "0123456789")
            yield from (text[:at] + digit + text[at:] for digit in "0123456789")
    if text[-1:].isdigit():
        yield from (text + digit for digit in "0123456789")


def _some(suggestions: Suggestions) -> Suggestions:
    return {payment_id: own for payment_id, own in suggestions.items() if own}


def _owed(item: DueItem) -> Iterator[tuple[int, str, Suggestion]]:
    """What an entry of the due index owes: each receivable, and all of each creditor's."""
    if item.receivable is not None:
        owner = Account(item.account_id, "", "")
        yield _amount(owner, item.receivable)
    if item.stored is None:
        return
    account = item.stored.account
    pots: dict[tuple[str, str], list[Receivable]] = {}
    for receivable in account.receivables:
        yield _amount(account, receivable)
        pots.setdefault((receivable.creditor, receivable.currency), []).append(receivable)
    for (creditor, currency), owed in pots.items():
        beyond = account.beyond.get(pot(creditor, currency))
        total = sum(r.open_minor for r in owed) + (beyond.open_minor if beyond else 0)
        if len(owed) > 1:
            whole = Suggestion(
                account.account_id,
                ("same_amount",),
                account.name,
                creditor=creditor,
                currency=currency,
                open_minor=total,
                due_on=owed[0].due_on,
            )
            yield total, currency, whole


def _amount(account: Account, receivable: Receivable) -> tuple[int, str, Suggestion]:
    suggestion = _of(account, "same_amount", receivable)
    return receivable.open_minor, receivable.currency, suggestion


def _of(account: Account, because: Because, receivable: Receivable | None = None) -> Suggestion:
    if receivable is None:
        return Suggestion(account.account_id, (because,), account.name)
    return Suggestion(
        account.account_id,
        (because,),
        account.name,
        receivable.receivable_id,
        receivable.creditor,
        receivable.document,
        receivable.currency,
        receivable.open_minor,
        receivable.due_on,
    )
