"""How a debtor pays: a settled receivable counts once, and money that goes again takes it back."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, Behaviour, Receivable, Trial
from escalon.domain.agreements.agreed import Agreement, State
from escalon.domain.payments.ledger import LedgerEntry
from escalon.domain.rules.behaviour import agreements_ended, agreements_left, followed
from tests.domain.debts import account, at, receivable


def moved(
    before: Receivable, amount_minor: int, when: datetime, kind: str = "payment"
) -> tuple[Receivable, LedgerEntry]:
    """The receivable and the entry after a movement of its principal."""
    entry = LedgerEntry(
        f"e{when}{amount_minor}",
        "a1",
        before.creditor,
        before.receivable_id,
        kind,  # type: ignore[arg-type]
        amount_minor,
        before.currency,
        when,
        "p1",
    )
    return replace(before, open_minor=before.open_minor + amount_minor), entry


def after(
    before: Account, owed: Receivable, amount: int, when: str, kind: str = "payment"
) -> Account:
    """The account after one booking; what is open of the receivable stays in it."""
    changed, entry = moved(owed, amount, at(when), kind)
    left = (changed,) if changed.open_minor else ()
    found, (written,) = followed(replace(before, receivables=left), [changed], [entry], at(when))
    return replace(found, receivables=(written,))


DUE = receivable("2026-09-01")
WHOLE = -10_000_000


def test_a_receivable_paid_after_its_due_date_was_late() -> None:
    found = after(account(DUE), DUE, WHOLE, "2026-09-06T23:59")
    assert found.behaviour == Behaviour(settled=1, late=1, late_days=5, recent=(5,))
    assert found.receivables[0].settled_late == 5


def test_one_paid_on_its_due_date_was_not() -> None:
    """The day is the debtor's: at 23:59 in Bogotá it is tomorrow in UTC (L18)."""
    found = after(account(DUE), DUE, WHOLE, "2026-09-01T23:59")
    assert found.behaviour == Behaviour(settled=1, recent=(0,))


def test_of_a_debtor_whose_zone_nobody_knows_nothing_is_late_too_soon() -> None:
    nowhere = account(DUE, zones=())
    assert after(nowhere, DUE, WHOLE, "2026-09-01T23:59").behaviour.late == 0


def test_a_part_payment_settles_nothing() -> None:
    found = after(account(DUE), DUE, -1, "2026-09-06T12:00")
    assert found.behaviour == Behaviour()
    assert found.receivables[0].settled_late is None


def test_money_that_goes_again_takes_it_back() -> None:
    paid = after(account(DUE), DUE, WHOLE, "2026-09-06T12:00")
    (settled,) = paid.receivables
    bounced = after(paid, settled, 10_000_000, "2026-09-08T12:00", "reversal")
    assert bounced.behaviour == Behaviour()
    again = after(bounced, bounced.receivables[0], WHOLE, "2026-09-21T12:00")
    assert again.behaviour == Behaviour(settled=1, late=1, late_days=20, recent=(20,))


def test_what_was_settled_before_we_knew_it_tells_nothing() -> None:
    charged, opening = moved(DUE, WHOLE, at("2026-09-06T12:00"), "adjustment")
    charge = LedgerEntry(
        "c", "a1", "andina", "r1", "charge", 10_000_000, "COP", opening.booked_at, ""
    )
    found, _ = followed(account(), [charged], [charge, opening], opening.booked_at)
    assert found.behaviour == Behaviour()


def test_a_credit_note_and_a_debt_without_a_due_date_tell_nothing() -> None:
    for owed in (receivable(None), receivable(amount_minor=-10_000_000)):
        assert after(account(), owed, WHOLE, "2026-09-06T12:00").behaviour == Behaviour()


def test_the_day_on_which_we_came_to_know_the_debtor_is_kept() -> None:
    found = after(account(DUE), DUE, -1, "2026-09-06T12:00")
    assert f"{found.known_on}" == "2026-08-01"
    assert after(found, DUE, -1, "2027-01-01T12:00").known_on == found.known_on


def test_agreements_that_leave_the_document_stay_counted() -> None:
    ended = [agreement("broken"), agreement("fulfilled"), agreement("cancelled")]
    inside = account(agreements=tuple(ended))
    assert agreements_ended(inside) == (1, 1)
    left = account(behaviour=agreements_left(Behaviour(), ended))
    assert agreements_ended(left) == (1, 1)
    back = replace(inside, behaviour=agreements_left(left.behaviour, ended, -1))
    assert agreements_ended(back) == (1, 1)


def agreement(state: State) -> Agreement:
    return Agreement(
        state, "andina", "COP", "promise", "promise", state, {}, at("2026-09-01T00:00").date(), ()
    )


ENTERED = at("2026-09-03T09:00")


def trial(**more: object) -> Trial:
    made = {
        "arm": "champion",
        "entered_at": ENTERED,
        "until": at("2026-10-03T09:00"),
        "owed_minor": {"COP": 10_000_000},
    }
    return Trial(**{**made, **more})  # type: ignore[arg-type]


def came(owed: Receivable, amount: int, when: str, kind: str = "payment") -> dict[str, int]:
    tried = account(owed, trials={"x": trial()})
    return after(tried, owed, amount, when, kind).trials["x"].came_minor


def test_money_within_an_experiments_time_counts_for_it() -> None:
    assert came(DUE, -4_000_000, "2026-09-10T12:00") == {"COP": 4_000_000}
    assert came(DUE, -4_000_000, "2026-10-03T09:00") == {"COP": 4_000_000}  # the very last instant


def test_what_comes_before_or_after_it_or_is_given_up_does_not() -> None:
    assert came(DUE, -4_000_000, "2026-09-03T09:00") == {}  # the instant at which it entered
    assert came(DUE, -4_000_000, "2026-10-03T09:01") == {}
    assert came(DUE, -4_000_000, "2026-09-10T12:00", "waiver") == {}


def test_money_for_what_was_invoiced_later_does_not() -> None:
    later = receivable("2026-10-01", issued_on=at("2026-09-05T12:00").date())
    assert came(later, -4_000_000, "2026-09-10T12:00") == {}


def test_money_that_goes_again_in_that_time_is_taken_off() -> None:
    tried = account(DUE, trials={"x": trial()})
    paid = after(tried, DUE, WHOLE, "2026-09-10T12:00")
    back = after(paid, paid.receivables[0], 4_000_000, "2026-09-12T12:00", "chargeback")
    assert back.trials["x"].came_minor == {"COP": 6_000_000}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-20, 60)), max_size=30))
def test_the_sums_are_those_of_what_is_settled_now(moves: list[tuple[int, int]]) -> None:
    """Whatever is paid and bounces in whatever order: the sums are what is settled at the end."""
    owed = {n: receivable("2026-09-01", receivable_id=f"r{n}") for n in range(10)}
    who = account()
    for number, days in moves:
        one = owed[number]
        when = datetime(2026, 9, 1, 17, tzinfo=UTC).timestamp() + days * 86_400
        instant = datetime.fromtimestamp(when, UTC)
        amount = -one.open_minor if one.open_minor else one.amount_minor
        changed, entry = moved(one, amount, instant, "payment" if amount < 0 else "reversal")
        who, (owed[number],) = followed(who, [changed], [entry], instant)
    late = [one.settled_late for one in owed.values() if one.settled_late is not None]
    found = who.behaviour
    assert all((one.settled_late is None) == (one.open_minor > 0) for one in owed.values())
    assert (found.settled, found.late_days) == (len(late), sum(late))
    assert found.late == sum(1 for days in late if days)
    assert len(found.recent) <= min(8, len(late))
