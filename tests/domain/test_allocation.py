"""Which debts money settles first: by what it names, what is agreed and what is on hold."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Hold, Receivable
from escalon.domain.agreements.agreed import Agreement, Instalment
from escalon.domain.payments import ledger
from escalon.domain.payments.allocation import claims, limits
from escalon.domain.payments.ledger import Claim, Limit, Payment
from escalon.domain.payments.payment import BookedPayment, PaymentState
from escalon.domain.rules.rulebook import AgreementRules, Allocation, Payments, Rulebook
from tests.domain.debts import account, at, receivable, rulebook, step

TODAY = date(2026, 9, 15)
DAY = timedelta(days=1)


def owed(name: str, due: str | None, minor: int = 400, **more: object) -> Receivable:
    return receivable(due, receivable_id=name, amount_minor=minor, open_minor=minor, **more)


def plan(*days: date, each: int = 200, **more: object) -> Agreement:
    """Instalments on these days, about r1 and r2."""
    made = Agreement(
        "g1",
        "andina",
        "COP",
        "plan",
        "plan",
        "active",
        {"r1": {"principal": 150}, "r2": {"principal": 450}},
        date(2026, 9, 1),
        tuple(Instalment(number, day, each) for number, day in enumerate(days, start=1)),
        tolerance_days=5,
    )
    return replace(made, **more)


def money(*, named: str = "", meant_for: tuple[str, ...] = ()) -> BookedPayment:
    paid_at = at("2026-09-15T12:00")
    return BookedPayment("p1", "wompi", "andina", "COP", paid_at, PaymentState(), named, meant_for)


def rules(**allocation: object) -> Rulebook:
    """Instalments are reminded of from three days before; whatever is on hold comes last."""
    rule = Allocation(**allocation)  # type: ignore[arg-type] - a test's own words
    return rulebook(
        agreements=AgreementRules(reminders=(step("soon", -3), step("late", 2))),
        payments=Payments(allocation={"*": rule}),
    )


def settles(
    debtor: Account, paid: BookedPayment, minor: int, rule: Rulebook | None = None
) -> dict[str, int]:
    """What so much money settles of each receivable, in the order in which it does; "" is
    credit."""
    rule = rule or rules()
    order = claims(debtor, paid, rule, on=paid.paid_at.date(), today=TODAY)
    most = limits(debtor, paid, on=paid.paid_at.date(), today=TODAY)
    booked = Payment("p1", "andina", minor, "COP", paid.paid_at, paid.receivable_id)
    allocation = rule.allocation_for("andina")
    booking = ledger.pay(debtor, debtor.receivables, booked, allocation, order, most)
    found: dict[str, int] = {}
    for part in booking.parts:
        found[part.receivable_id] = found.get(part.receivable_id, 0) + part.amount_minor
    return found


def debtor(*more: Receivable, agreed: tuple[Agreement, ...] = (), held: str = "") -> Account:
    """An older debt r0 and the debts r1 and r2; `held` is in dispute."""
    holds = (Hold("h1", "dispute", TODAY, TODAY + 30 * DAY, held),) if held else ()
    made = account(
        owed("r0", "2026-07-15"),
        owed("r1", "2026-08-20", 150),
        owed("r2", "2026-08-30", 450),
        *more,
    )
    return replace(made, agreements=agreed, holds=holds)


NEXT = (TODAY, TODAY + 30 * DAY, TODAY + 60 * DAY)


def test_money_that_names_nothing_pays_the_instalment_that_is_due() -> None:
    """L14: whoever transfers what an agreement asks for has kept it, though older debt is open."""
    assert settles(debtor(agreed=(plan(*NEXT),)), money(), 200) == {"r1": 150, "r2": 50}


def test_then_what_is_past_due_and_not_agreed_on_and_then_the_rest_of_the_plan() -> None:
    later = owed("r3", "2026-10-20", 70)
    account_ = debtor(later, agreed=(plan(*NEXT),))
    assert settles(account_, money(), 1_100) == {
        "r1": 150,
        "r2": 450,  # 50 of it first, and what is left once r0 is settled
        "r0": 400,
        "r3": 70,
        "": 30,
    }
    assert settles(account_, money(), 650) == {"r1": 150, "r2": 100, "r0": 400}


@pytest.mark.parametrize(("days", "first"), [(-5, {"r1": 100}), (3, {"r1": 100}), (4, {"r0": 100})])
def test_an_instalment_is_asked_for_from_its_first_reminder_on(
    days: int, first: dict[str, int]
) -> None:
    """Before that day older debt that is past due goes first (Civil Code 1655)."""
    assert settles(debtor(agreed=(plan(TODAY + days * DAY),)), money(), 100) == first


def settlement(**more: object) -> Agreement:
    """250 by today settle r2, of which 450 are open; r1 is not agreed on."""
    return plan(
        TODAY,
        each=250,
        kind="settlement",
        debts={"r2": {"principal": 450}},
        discount={"principal": 200},
        **more,
    )


@pytest.mark.parametrize(
    "paid",
    [money(), money(named="r2"), money(meant_for=("r2",)), money(named="r2", meant_for=("r2",))],
)
def test_what_is_settled_for_less_takes_no_more_than_that(paid: BookedPayment) -> None:
    """Whatever the money names: the rest of r2 is given up once 250 of it are paid."""
    assert settles(debtor(agreed=(settlement(),)), paid, 250) == {"r2": 250}
    assert settles(debtor(agreed=(settlement(),)), paid, 300) == {"r2": 250, "r0": 50}
    assert settles(debtor(agreed=(settlement(),)), paid, 900) == {
        "r2": 250,
        "r0": 400,
        "r1": 150,
        "": 100,
    }
    never_kept = settlement(tolerance_days=0, instalments=(Instalment(1, TODAY - DAY, 250),))
    assert settles(debtor(agreed=(never_kept,)), money(named="r2"), 900)["r2"] == 450


def test_a_dispute_about_what_is_settled_for_less_changes_nothing_about_that() -> None:
    account_ = debtor(agreed=(settlement(),), held="r2")
    assert settles(account_, money(), 900) == {"r0": 400, "r1": 150, "r2": 250, "": 100}


def test_what_a_broken_agreement_was_about_is_no_longer_special() -> None:
    broken = plan(TODAY - 6 * DAY)
    assert settles(debtor(agreed=(broken,)), money(), 100) == {"r0": 100}
    late_told = replace(money(), paid_at=at("2026-09-14T12:00"))
    assert settles(debtor(agreed=(broken,)), late_told, 100) == {"r1": 100}  # it was in time


@pytest.mark.parametrize("state", ["offered", "cancelled", "replaced", "expired"])
def test_only_what_is_in_force_asks_for_an_instalment(state: str) -> None:
    assert settles(debtor(agreed=(plan(*NEXT, state=state),)), money(), 100) == {"r0": 100}


def test_an_agreement_with_another_creditor_asks_for_none_of_this_money() -> None:
    other = plan(*NEXT, creditor="boreal")
    assert settles(debtor(agreed=(other,)), money(), 100) == {"r0": 100}


def test_of_two_agreements_the_one_that_is_due_first_is_paid_first() -> None:
    older = plan(TODAY + 2 * DAY)
    newer = plan(TODAY, agreement_id="g2", debts={"r0": {"principal": 400}})
    assert settles(debtor(agreed=(older, newer)), money(), 250) == {"r0": 200, "r1": 50}


def test_what_is_in_dispute_is_settled_last() -> None:
    assert settles(debtor(held="r0"), money(), 650) == {"r1": 150, "r2": 450, "r0": 50}
    assert settles(debtor(held="r1"), money(), 900) == {"r0": 400, "r2": 450, "r1": 50}
    undue = owed("r3", "2026-10-20", 70)
    assert settles(debtor(undue, held="r2"), money(), 630) == {
        "r0": 400,
        "r1": 150,
        "r3": 70,
        "r2": 10,
    }
    over = replace(debtor(), holds=(Hold("h1", "dispute", TODAY - 9 * DAY, TODAY, "r0"),))
    assert settles(over, money(), 100) == {"r0": 100}


def test_where_the_law_forbids_it_money_that_does_not_name_it_settles_nothing_in_dispute() -> None:
    """United States: 15 U.S.C. 1692h."""
    account_ = debtor(held="r0")
    never = rules(held="never")
    assert settles(account_, money(), 650, never) == {"r1": 150, "r2": 450, "": 50}
    assert settles(account_, money(named="r0"), 450, never) == {"r0": 400, "r1": 50}
    assert settles(account_, money(meant_for=("r0",)), 100, never) == {"r1": 100}


def test_a_link_pays_what_it_asked_for() -> None:
    """Though another debt is older, and an agreement asks for an instalment (Civil Code 1654)."""
    account_ = debtor(owed("r3", "2026-09-01", 70), agreed=(plan(*NEXT),))
    assert settles(account_, money(meant_for=("r3",)), 90) == {"r3": 70, "r1": 20}
    assert settles(account_, money(meant_for=("r1", "r2")), 600) == {"r1": 150, "r2": 450}
    named = money(named="r2", meant_for=("r3",))
    assert settles(account_, named, 500) == {"r2": 450, "r3": 50}


def test_of_what_a_link_asked_for_what_is_in_dispute_meanwhile_comes_last() -> None:
    paid = money(meant_for=("r1", "r2"))
    account_ = debtor(agreed=(plan(*NEXT),), held="r1")
    assert settles(account_, paid, 200) == {"r2": 200}
    assert settles(account_, paid, 500) == {"r2": 450, "r1": 50}


def test_where_no_name_is_heeded_a_link_names_nothing_either() -> None:
    account_ = debtor(owed("r3", "2026-09-01", 70))
    unheeded = rules(named_first=False)
    assert settles(account_, money(named="r2", meant_for=("r3",)), 90, unheeded) == {"r0": 90}


def test_what_is_due_goes_before_what_is_not_whatever_the_component() -> None:
    """Civil Code 1655, and within each of them 1653."""
    made = account(
        owed("due", "2026-09-15", 100),
        receivable(
            "2026-09-16", receivable_id="soon", open_minor=130, extras={"fee": 30}, amount_minor=100
        ),
        owed("undated", None, 50),
    )
    assert settles(made, money(), 120) == {"due": 100, "soon": 20}
    assert settles(made, money(), 240) == {"due": 100, "soon": 130, "undated": 10}


def test_credit_that_lies_idle_settles_nothing_on_hold() -> None:
    made = debtor(held="r0")
    order = claims(made, money(), rules(), on=TODAY, today=TODAY, idle=True)
    assert order == (Claim(("r1", "r2")), Claim(("r1", "r2")))


def test_before_a_rulebook_is_published_the_oldest_goes_first() -> None:
    order = claims(debtor(), money(), None, on=TODAY, today=TODAY)
    assert order == (Claim(("r0", "r1", "r2")), Claim(("r0", "r1", "r2")))


NAMES = ("r0", "r1", "r2", "r3")
CLAIMS = st.lists(
    st.builds(
        Claim,
        st.lists(st.sampled_from((*NAMES, "unknown")), unique=True).map(tuple),
        st.none() | st.integers(1, 90),
    ),
    max_size=4,
)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), min_size=1, max_size=4),
    st.integers(0, 400),
    st.sampled_from(("", *NAMES)),
    CLAIMS,
    st.lists(
        st.builds(Limit, st.frozensets(st.sampled_from(NAMES)), st.integers(0, 90)), max_size=2
    ),
)
def test_whatever_the_claims_each_unit_goes_somewhere_and_nowhere_twice(
    debts: list[tuple[int, int]],
    minor: int,
    named: str,
    order: list[Claim],
    limited: list[Limit],
) -> None:
    """Invariant 4: parts add up to the payment, nothing is settled below nothing, and there is one
    entry for each component of each receivable."""
    owes = [
        receivable(
            receivable_id=f"r{number}",
            open_minor=principal + interest,
            extras={"interest": interest} if interest else {},
        )
        for number, (principal, interest) in enumerate(debts)
        if principal + interest
    ]
    paid = Payment("p1", "andina", minor, "COP", at("2026-09-15T12:00"), named)
    booking = ledger.pay(account(*owes), owes, paid, claims=order, limits=limited)
    for limit in limited:
        settled = [p.amount_minor for p in booking.parts if p.receivable_id in limit.receivables]
        assert sum(settled) <= limit.most_minor
    assert sum(part.amount_minor for part in booking.parts) == minor
    assert all(part.amount_minor > 0 for part in booking.parts)
    counted = Counter((part.receivable_id, part.component) for part in booking.parts)
    assert max(counted.values(), default=1) == 1
    assert len({entry.entry_id for entry in booking.entries}) == len(booking.entries)
    claimed = {named, *(name for claim in order for name in claim.receivables)}
    for changed in booking.changed:
        assert changed.receivable_id in claimed
        assert changed.principal_minor >= 0
        assert changed.extras.get("interest", 0) >= 0
    capped = {name for claim in order if claim.most_minor for name in claim.receivables}
    free = {name for claim in order if claim.most_minor is None for name in claim.receivables}
    most = sum(claim.most_minor or 0 for claim in order)
    alone = capped - free - {named}
    assert sum(p.amount_minor for p in booking.parts if p.receivable_id in alone) <= most
