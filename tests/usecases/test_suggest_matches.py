"""Suggestions for unmatched money: by document, by reference and its slips, by amount."""

from typing import Any

import pytest
from msgspec.structs import replace

from escalon.adapters.table import Table
from escalon.domain.account import Account, Receivable
from escalon.domain.identity import account_id_of
from escalon.domain.payments.ledger import embed
from escalon.domain.payments.payment import Incoming, PaymentState, Said
from escalon.usecases.payments.suggest_matches import (
    MOST_SPELLINGS,
    Suggestion,
    SuggestMatches,
    best,
    by_amount,
    spellings,
)
from tests.doubles.crashing import Crashing, Faults
from tests.doubles.world import NOW, TABLE, World, debtor, receivable

KEY = b"secret"


def name_of(reference: str) -> str:
    return account_id_of(KEY, reference)


def money(payment_id: str = "p1", amount: int = 40_000_00, **more: Any) -> Incoming:
    state = PaymentState(approved=Said(amount, NOW))
    return replace(Incoming(payment_id, "wompi", "COP", NOW, state), **more)


def knows(world: World, document: str, *receivables: Receivable) -> Account:
    """An account whose id is that of its document, with receivables that can be found by name."""
    account = replace(debtor(name_of(document)), receivables=receivables)
    world.put(account)
    for one in receivables:
        about = {"account_id": account.account_id, "receivable_id": one.receivable_id}
        table = world.table
        table.save(table.put_document(f"REF#{name_of(one.receivable_id)}", "REF", about))
        table._client.put_item(**table.put_receivable(account.account_id, one)["Put"])
    return account


def ends_never(_: int) -> bool:
    return False


def named(world: World, *given: Incoming) -> dict[str, list[tuple[str, str, tuple[str, ...]]]]:
    """Account, receivable and reasons of each suggestion."""
    found, whole = SuggestMatches(world.table, name_of).by_name(given, ends_never)
    assert whole
    return {
        payment_id: [(s.account_id, s.receivable_id, s.because) for s in own]
        for payment_id, own in found.items()
    }


ANA = name_of("900123456")


@pytest.fixture
def world() -> World:
    world = World()
    knows(world, "900123456", receivable("FV-10004"), receivable("FV-10005"))
    return world


# ------------------------------------------------------------------------- by name


@pytest.mark.parametrize("field", ["source_ref", "reference"])
def test_the_same_document_number(world: World, field: str) -> None:
    given = replace(money(), **{field: " 900123456 "})
    assert named(world, given) == {"p1": [(ANA, "", ("same_document",))]}


@pytest.mark.parametrize("text", ["FV-10004", "fv-10004", "PAGO FV-10004 ANA"])
def test_the_same_reference_also_inside_a_sentence(world: World, text: str) -> None:
    assert named(world, money(reference=text)) == {"p1": [(ANA, "FV-10004", ("same_reference",))]}


@pytest.mark.parametrize(
    "text",
    [
        "FV10004",
        "fv 10004",
        "F.V. 10004",
        "FV_10004",
        "FV-010004",
        "FV-I0004",
        "FV-1OOO4",
        "FVIOOO4",
        "pago fv 10004",
        "FV-10040",  # two turned round
        "FV-1004",  # one left out
        "FV-100044",  # one too many
        "FV-10094",  # one wrong
        "VF-10004",
    ],
)
def test_a_similar_reference(world: World, text: str) -> None:
    found = named(world, money(reference=text))
    assert (ANA, "FV-10004", ("similar_reference",)) in found["p1"]


def test_leading_zeros_that_the_payer_left_out() -> None:
    world = World()
    knows(world, "900123456", receivable("0001234"))
    assert named(world, money(reference="1234")) == {
        "p1": [(ANA, "0001234", ("similar_reference",))]
    }


@pytest.mark.parametrize("text", ["900.123.456", "900123456-7", "900.123.456-7", "90012346"])
def test_a_similar_document_number(world: World, text: str) -> None:
    assert named(world, money(source_ref=text)) == {"p1": [(ANA, "", ("similar_document",))]}


@pytest.mark.parametrize("text", ["FV-20004", "FV-1", "900654321", "", "a b c", "Ñandú 77"])
def test_what_is_nothing_like_it_is_not_suggested(world: World, text: str) -> None:
    # FV-20004 is one digit away from FV-10004, and that is what a slip looks like.
    expected = {"p1"} if text == "FV-20004" else set()
    assert set(named(world, money(reference=text))) == expected


def test_slips_are_only_looked_up_if_the_name_itself_is_nobodys(world: World) -> None:
    faults = Faults()
    table = Table(Crashing(world.dynamo, faults), TABLE, 1)
    suggest = SuggestMatches(table, name_of)
    suggest.by_name([money(reference="FV-10004")], ends_never)
    exact = len(faults.calls)
    suggest.by_name([money(reference="FV-10044")], ends_never)
    # The reference, its account, the receivable; then about a hundred spellings to a request.
    assert exact == 4
    assert len(faults.calls) - exact <= 10
    assert set(faults.calls) == {"batch_get_item"}


def test_looking_up_ends_when_it_is_enough(world: World) -> None:
    given = [money(f"p{number}", reference="FV-10044") for number in range(5)]
    asked: list[int] = []

    def enough(count: int) -> bool:
        asked.append(count)
        return count == 2

    found, whole = SuggestMatches(world.table, name_of).by_name(given, enough)
    assert (set(found), whole, asked) == ({"p0", "p1"}, False, [0, 1, 2])


def test_spellings_are_bounded_and_never_the_word_itself() -> None:
    for word in ("FV-10004", "x" * 20, "1" * 20, "O0I1" * 5):
        found = spellings(word)
        assert len(found) <= MOST_SPELLINGS
        assert len(set(found)) == len(found)
        assert word.upper() not in found
    assert spellings("") == []


# ------------------------------------------------------------------------- by amount


def amounts(world: World, *given: Incoming) -> dict[str, list[tuple[str, str]]]:
    found, whole = by_amount(given, world.table.standing(), ends_never)
    assert whole
    return {key: [(one.account_id, one.receivable_id) for one in own] for key, own in found.items()}


def test_the_same_amount_is_found_in_one_pass_for_all_the_money() -> None:
    world = World()
    world.put(debtor("a1", receivable("r1"), receivable("r2", open_minor=40_000_00)))
    world.put(debtor("a2", receivable("r3", open_minor=40_000_00), receivable("r4", late=9)))
    assert amounts(world, money("p1"), money("p2", 140_000_00), money("p3", 7)) == {
        "p1": [("a1", "r2"), ("a2", "r3")],
        "p2": [("a1", ""), ("a2", "")],  # all that is owed to the creditor
    }


def test_the_same_amount_in_another_currency_or_for_another_creditor_is_not_the_same() -> None:
    world = World()
    world.put(debtor("a1", receivable("r1", open_minor=40_000_00, currency="USD")))
    world.put(debtor("a2", receivable("r2", open_minor=40_000_00, creditor="boreal")))
    assert amounts(world, money("p1", creditor="andina")) == {}
    assert amounts(world, money("p1", creditor="boreal")) == {"p1": [("a2", "r2")]}
    assert amounts(world, money("p1")) == {"p1": [("a2", "r2")]}


def test_only_what_is_left_of_money_is_compared() -> None:
    world = World()
    world.put(debtor("a1", receivable("r1", open_minor=25_000_00)))
    left = PaymentState(approved=Said(40_000_00, NOW), refunded=Said(15_000_00, NOW))
    assert amounts(world, money(state=left)) == {"p1": [("a1", "r1")]}


def test_a_receivable_that_is_still_to_be_issued_counts_too() -> None:
    world = World()
    put = world.table.put_receivable("a1", receivable("r1", open_minor=40_000_00), NOW)
    world.table.save(put)
    assert amounts(world, money()) == {"p1": [("a1", "r1")]}


def test_what_stands_beyond_counts_in_the_whole() -> None:
    world = World()
    owed = [receivable(f"r{n:02d}", late=60 - n, open_minor=1_000_00) for n in range(25)]
    world.put(embed(debtor("a1"), owed))
    assert amounts(world, money(amount=25_000_00)) == {"p1": [("a1", "")]}


def test_a_pass_ends_when_it_is_enough_and_says_so() -> None:
    world = World()
    for number in range(4):
        world.put(debtor(f"a{number}", receivable("r1", open_minor=40_000_00)))
    found, whole = by_amount([money()], world.table.standing(), lambda count: count == 3)
    assert ([one.account_id for one in found["p1"]], whole) == (["a0", "a1", "a2"], False)


# ------------------------------------------------------------------------- which come first


def test_what_most_speaks_for_comes_first_and_five_are_enough() -> None:
    def one(account_id: str, *because: Any, currency: str = "COP") -> Suggestion:
        return Suggestion(account_id, because, receivable_id="r", currency=currency)

    found = best(
        [
            one("a1", "same_amount"),
            one("a2", "similar_reference"),
            one("a3", "same_amount"),
            one("a2", "same_amount"),
            one("a4", "same_reference", currency="USD"),
            one("a5", "same_document"),
            one("a6", "same_amount"),
        ],
        money(),
    )
    assert [(s.account_id, s.because) for s in found] == [
        ("a5", ("same_document",)),
        ("a4", ("same_reference",)),
        ("a2", ("similar_reference", "same_amount")),
        ("a1", ("same_amount",)),
        ("a3", ("same_amount",)),
    ]
