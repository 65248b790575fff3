"""One debt walked day by day under the shipped rulebook, told as a collections manager would.

Every story looks at the account at nine in the morning in Bogotá, unless it says otherwise, and
does what was decided. September 2026: the 1st is a Tuesday. Holidays that matter: 12 October, 2 and
16 November, 8 and 25 December.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import Account, Consent, Hold
from escalon.domain.decisions.decision import Decision
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.explanation import explain
from escalon.domain.decisions.transitions import plan, set_aside, with_points
from escalon.domain.local_time import in_zone
from escalon.domain.payments import ledger
from escalon.domain.payments.ledger import Payment
from escalon.domain.rules.rulebook import Rulebook
from tests.domain.debts import BOGOTA, account, at, carried_out, point, receivable

RULES = load_rulebook(Path(__file__).parents[2] / "config", try_messages=False)
DAY = timedelta(days=1)


class Story:
    """An account that is looked at day by day, and what came of it."""

    def __init__(self, debt: Account, rules: Rulebook = RULES) -> None:
        self.debt = debt
        self.rules = rules
        self.now = at("2026-08-20 09:00")
        self.fails: dict[str, str] = {}  # channel -> what becomes of its messages
        self.decision: Decision | None = None

    def until(self, day: str) -> list[str]:
        """What happens from the next day on up to this one, at nine each morning."""
        return list(self._days(day))

    def _days(self, day: str) -> Iterator[str]:
        end = _morning(day)
        while self.now < end:
            self.now += DAY
            yield from self.look()

    def look(self) -> Iterator[str]:
        """Look once, do what is decided, and look again until there is nothing to do now."""
        for _ in range(5):
            decision = self.decision = decide(self.debt, self.rules, self.now)
            if decision.outcome != "act":
                return
            became = self.fails.get(decision.channel, "sent")
            self.debt = carried_out(self.debt, decision, became, address_bad="hard bounce")
            day = _said(self.now)
            if decision.task:
                yield f"{day}: a person gets {decision.task} for {decision.step}"
            elif became == "failed":
                yield f"{day}: {decision.step} by {decision.channel} comes back"
            else:
                yield f"{day}: {decision.step} by {decision.channel}"

    def on(self, day: str, clock: str = "09:00") -> list[str]:
        """What happens at this hour of this day; nobody has looked since."""
        self.now = at(f"{_date(day)} {clock}")
        return list(self.look())

    def why(self) -> list[str]:
        """The explanation of the last look."""
        assert self.decision is not None
        return explain(self.decision, locale="en", zones=(BOGOTA,))

    def pays(self, amount: int, of: str = "r1") -> None:
        """Money comes in, in pesos."""
        payment = Payment(f"pay-{self.now}", "andina", amount * 100, "COP", self.now, of)
        self.debt = ledger.pay(self.debt, self.debt.receivables, payment).account

    def holds(self, kind: str, until: str | None = None, of: str | None = None) -> None:
        """From today on, the account (or one receivable) rests."""
        today = in_zone((BOGOTA,), self.now).date()
        hold = Hold(f"h-{kind}", kind, today, _date(until) if until else None, of)
        self.debt = replace(self.debt, holds=(*self.debt.holds, hold))


# fmt: off
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")
# fmt: on


def _date(day: str) -> date:
    number, month, year = day.split()
    return date(int(year), _MONTHS.index(month) + 1, int(number))


def _morning(day: str) -> datetime:
    return at(f"{_date(day)} 09:00")


def _said(instant: datetime) -> str:
    local = in_zone((BOGOTA,), instant)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def owes(pesos: int, due: str = "1 September 2026", **more: object) -> Account:
    """Ana owes andina one invoice; she may be written to by e-mail and SMS, and called."""
    debt = receivable(_date(due).isoformat(), amount_minor=pesos * 100, open_minor=pesos * 100)
    points = (point("email"), point("sms"), point("voice"))
    return replace(account(debt, points=points), **more)


def test_a_large_debt_that_nobody_pays_climbs_the_whole_ladder() -> None:
    ana = Story(owes(1_500_000))
    assert ana.until("31 March 2027") == [
        "27 August 2026: heads-up by email",
        "31 August 2026: due-tomorrow by email",
        "3 September 2026: friendly by email",
        "10 September 2026: friendly-again by email",
        "21 September 2026: firm by email",
        "1 October 2026: a person gets call for firm-call",
        "9 October 2026: firm-again by email",
        "21 October 2026: offer by email",
        "17 November 2026: last-notice by email",  # the 15th is a Sunday, the 16th a holiday
        "5 December 2026: legal-notice by email",
        "15 December 2026: a person gets legal_review for legal-review",
        "14 January 2027: a person gets review for end",
        "13 February 2027: a person gets review for end",
        "15 March 2027: a person gets review for end",
    ]


def test_a_small_debt_never_reaches_the_lawyer() -> None:
    ana = Story(owes(100_000))
    assert ana.until("31 January 2027") == [
        "27 August 2026: heads-up by email",
        "31 August 2026: due-tomorrow by email",
        "3 September 2026: friendly by email",
        "10 September 2026: friendly-again by email",
        "21 September 2026: firm by email",
        "9 October 2026: firm-again by email",
        "21 October 2026: offer by email",
        "17 November 2026: last-notice by email",
        "17 December 2026: a person gets review for end",
        "16 January 2027: a person gets review for end",
    ]


def test_payment_stops_everything_at_once() -> None:
    ana = Story(owes(100_000))
    ana.until("5 September 2026")
    ana.pays(100_000)
    assert ana.until("31 March 2027") == []
    assert ana.why() == ["nothing is open"]


def test_payment_between_the_decision_and_the_sending_stops_the_message() -> None:
    """L7: what the last look sees is another account, so it decides otherwise."""
    debt = owes(100_000)
    planned = plan(debt, decide(debt, RULES, at("2026-09-03 09:00")), "run")
    paid = ledger.pay(
        planned,
        planned.receivables,
        Payment("p1", "andina", 10_000_000, "COP", at("2026-09-03 09:00"), "r1"),
    ).account
    last_look = decide(set_aside(paid, paid.intents[0]), RULES, at("2026-09-03 09:01"))
    assert last_look.outcome == "skip"


def test_a_part_payment_goes_on_from_where_it_stands() -> None:
    """L6"""
    ana = Story(owes(100_000))
    ana.until("11 September 2026")
    ana.pays(60_000)
    assert ana.until("10 October 2026") == [
        "21 September 2026: firm by email",
        "9 October 2026: firm-again by email",
    ]


def test_what_is_left_below_the_minimum_is_let_be() -> None:
    ana = Story(owes(100_000))
    ana.until("11 September 2026")
    ana.pays(80_001)
    assert ana.until("30 November 2026") == []
    assert ana.why() == ["the balance in COP is below the minimum"]


def test_paying_the_oldest_invoice_does_not_throw_the_next_one_at_the_lawyer() -> None:
    """L4: the younger invoice, 47 days late by then, begins at its own milder steps."""
    debts = (
        receivable("2026-07-01", receivable_id="july", amount_minor=150_000_000,
                   open_minor=150_000_000, issued_on=date(2026, 6, 1)),
        receivable("2026-08-25", receivable_id="august", amount_minor=150_000_000,
                   open_minor=150_000_000),
    )  # fmt: skip
    ana = Story(account(*debts))
    ana.on("1 July 2026")
    assert ana.until("10 October 2026")[-3:] == [
        "20 August 2026: offer by email",
        "14 September 2026: last-notice by email",
        "5 October 2026: legal-notice by email",
    ]
    ana.pays(1_500_000, of="july")
    assert ana.until("31 October 2026") == [
        "13 October 2026: friendly-again by email",
        "20 October 2026: offer by email",
    ]


def test_a_dispute_rests_the_invoice_and_ends_by_itself() -> None:
    """L13: the rulebook gives a dispute 60 days at most. By then the debt is old enough for an
    offer, which needs no firm words before it."""
    ana = Story(owes(100_000))
    ana.until("11 September 2026")
    ana.holds("dispute", of="r1")
    assert ana.until("9 November 2026") == []
    assert ana.why() == ["receivable r1 is on hold (dispute) until 10 November 2026"]
    assert ana.until("18 November 2026") == [
        "10 November 2026: offer by email",
    ]


def test_a_promise_rests_the_account_and_a_broken_one_goes_on() -> None:
    ana = Story(owes(100_000))
    ana.until("11 September 2026")
    ana.holds("promise", until="1 October 2026")
    assert ana.until("30 September 2026") == []
    assert ana.until("1 October 2026") == ["1 October 2026: firm by email"]


def test_a_kept_promise_is_the_end_of_it() -> None:
    ana = Story(owes(100_000))
    ana.until("11 September 2026")
    ana.holds("promise", until="1 October 2026")
    ana.until("20 September 2026")
    ana.pays(100_000)
    assert ana.until("30 November 2026") == []


def test_a_weekend_moves_a_message_and_does_not_lose_it() -> None:
    """L19: due on Thursday 10, so `friendly` falls on Saturday 12 September, at nine lawful."""
    ana = Story(owes(100_000, due="10 September 2026"))
    assert ana.on("12 September 2026", "06:59") == []
    assert ana.on("12 September 2026", "07:59") == []
    assert ana.on("12 September 2026", "08:00") == ["12 September 2026: friendly by sms"]
    beto = Story(owes(100_000, due="11 September 2026"))
    assert beto.on("13 September 2026") == []  # Sunday
    assert beto.why() == [
        "step friendly has been due since 13 September 2026: receivable r1 is 2 days past due",
        "the contact policy allows step friendly from Monday 14 September 2026, 07:00 on",
        "sms: the contact policy opens on Monday 14 September at 07:00 (Ley 2300 de 2023, art. 3)",
        "email: the contact policy opens on Monday 14 September at 07:00 "
        "(Ley 2300 de 2023, art. 3)",
    ]
    assert beto.on("14 September 2026", "07:00") == ["14 September 2026: friendly by sms"]


def test_after_three_weeks_without_a_run_one_message_goes_out() -> None:
    """L3"""
    ana = Story(owes(100_000))
    ana.until("4 September 2026")
    assert ana.on("25 September 2026") == ["25 September 2026: friendly-again by email"]
    assert ana.until("3 October 2026") == ["2 October 2026: firm by email"]


def test_an_address_that_does_not_exist_goes_by_the_next_channel_the_same_day() -> None:
    ana = Story(owes(100_000))
    ana.fails["email"] = "failed"
    assert ana.until("11 September 2026") == [
        "27 August 2026: heads-up by email comes back",
        "27 August 2026: heads-up by sms",
        "31 August 2026: due-tomorrow by sms",
        "3 September 2026: friendly by sms",
        "10 September 2026: friendly-again by sms",
    ]


def test_where_nothing_arrives_a_person_is_asked_once_and_what_they_mend_is_used() -> None:
    ana = Story(owes(100_000, points=(point("email"),)))
    ana.fails["email"] = "failed"
    assert ana.until("30 September 2026") == [
        "27 August 2026: heads-up by email comes back",
        "27 August 2026: a person gets data_repair for heads-up",
    ]
    ana.fails.clear()
    ana.debt = with_points(ana.debt, (point("sms"),))
    assert ana.until("1 October 2026") == ["1 October 2026: friendly-again by sms"]


def test_without_any_consent_nobody_is_written_to_and_a_person_is_asked_once() -> None:
    revoked = Consent(date(2020, 1, 1), revoked_at=at("2026-01-01 00:00"))
    points = (point("email", consent=revoked), point("sms", consent=None))
    ana = Story(owes(100_000, points=points))
    assert ana.until("10 November 2026") == [
        "27 August 2026: a person gets data_repair for heads-up"
    ]


def test_a_vip_is_called_and_handed_to_those_who_know_them() -> None:
    ana = Story(owes(100_000, tags=("vip",)))
    assert ana.until("30 September 2026") == [
        "27 August 2026: vip-heads-up by email",
        "4 September 2026: a person gets call for vip-call",
        "11 September 2026: vip-friendly by email",
        "21 September 2026: a person gets hand_over for end",
    ]


def test_two_creditors_share_one_contact_a_day() -> None:
    """L12: the severer one goes first, the other on the next day on which the law allows it."""
    debts = (
        receivable("2026-09-01", receivable_id="r1"),
        receivable("2026-08-25", receivable_id="r2", creditor="cordillera"),
    )
    ana = Story(account(*debts))
    assert ana.on("3 September 2026") == ["3 September 2026: friendly-again by email"]
    assert ana.on("3 September 2026", "15:00") == []
    assert ana.on("4 September 2026") == ["4 September 2026: friendly by email"]


def test_the_law_of_colombia_keeps_to_one_channel_a_week() -> None:
    """`friendly` prefers the SMS, but not where an e-mail went out three days before."""
    reminded = Story(owes(100_000))
    reminded.until("31 August 2026")
    assert reminded.on("3 September 2026") == ["3 September 2026: friendly by email"]
    fresh = Story(owes(100_000))
    assert fresh.on("3 September 2026") == ["3 September 2026: friendly by sms"]


@pytest.mark.parametrize("due", ["31 January 2027", "28 February 2027", "29 February 2028"])
def test_month_ends_and_leap_days_have_days_like_any_other(due: str) -> None:
    """L18: two days after the due date the first reminder is due, whatever the month."""
    ana = Story(owes(100_000, due=due))
    second = _date(due) + timedelta(days=2)
    day = f"{second.day} {_MONTHS[second.month - 1]} {second.year}"
    before = _date(due) + timedelta(days=1)
    assert ana.on(f"{before.day} {_MONTHS[before.month - 1]} {before.year}") == []
    assert ana.on(day) == [f"{day}: friendly by sms"]
