"""Agreements on a ledger, in any order of days, payments, reversals, charges, holds and edits.

The machine does what booking does: it follows the agreements before money is booked and after it,
and books the entries that they ask for. As a run does, it settles with credit whenever time passes.
"""

from datetime import date, datetime, timedelta
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from msgspec.structs import replace

from escalon.domain.account import Account, Hold, Receivable
from escalon.domain.agreements.agreed import Acceptance, Agreement, AgreementKind, Asked, resting
from escalon.domain.agreements.agreement import (
    TRANSITIONS,
    AgreementError,
    Followed,
    accept,
    approve,
    beyond,
    cancel,
    follow,
    is_owed,
    looks_on,
    money_moved,
    paid_beyond,
    standing,
    supersede,
)
from escalon.domain.agreements.follow_up import with_pauses, without_default_interest
from escalon.domain.agreements.offers import Case, Terms, agree, debts_of
from escalon.domain.payments import ledger
from escalon.domain.payments.allocation import claims, limits, on_hold
from escalon.domain.payments.ledger import Booking, LedgerEntry, Payment, open_of
from escalon.domain.payments.payment import BookedPayment, PaymentState
from escalon.domain.rules.conditions import ConditionFacts
from escalon.domain.rules.rulebook import (
    AgreementRules,
    Limits,
    OfferRule,
    PlanInterest,
    Rate,
    RateTable,
)
from tests.domain.debts import account, at, receivable, step

COMPONENTS = ("principal", "interest", "fee", "tax")
REMINDERS = (step("soon", -3), step("today", 0), step("late", 2))
KINDS: dict[str, AgreementKind] = {
    "promise": "promise",
    "plan": "plan",
    "dear": "plan",
    "less": "settlement",
    "later": "extension",
}
# Discounts of half the principal and all interest; interest of 30 % a year; approval from 4 on.
RULES = AgreementRules(
    tuple(
        OfferRule(
            name,
            kind,
            ["anyone"],
            Limits(60, 3, {} if kind == "promise" else {"principal": 5_000, "interest": 10_000}),
            every=("week", "month"),
            least_instalment_minor={"COP": 10},
            interest=PlanInterest(300_000, "any", ("COP",)) if name == "dear" else None,
            tolerance_days=2,
            tolerance_minor={"COP": 50},
            resume_at="firm",
            beyond={"supervisor": Limits(60, 12)},
        )
        for name, kind in KINDS.items()
    )
)
RATES = {
    "any": RateTable(
        "any",
        {f"{y}-{m:02}": Rate("", 400_000, "test") for y in (2026, 2027) for m in range(1, 13)},
    )
}
MINORS = st.integers(1, 3_000)
# How a payment names what it is for: not at all, one receivable, or by a link what was agreed on.
NAMES = st.sampled_from(["", "r1", "r2", "link"])


def of_receivable(payment: BookedPayment, receivable_id: str) -> int:
    """What a payment settles of a receivable."""
    return sum(p.amount_minor for p in payment.parts if p.receivable_id == receivable_id)


class Agreements(RuleBasedStateMachine):
    """One debtor with two debts, who agrees, pays, bounces, breaks and agrees again."""

    today = date(2026, 9, 15)

    @initialize(first=st.integers(100, 2_000), second=MINORS, interest=st.integers(0, 300))
    def owe(self, first: int, second: int, interest: int) -> None:
        extras = {"interest": interest} if interest else {}
        self.account = account(
            receivable(receivable_id="r1", amount_minor=first, open_minor=first),
            receivable(
                receivable_id="r2",
                amount_minor=second,
                open_minor=second + interest,
                extras=extras,
            ),
        )
        self.receivables = {r.receivable_id: r for r in self.account.receivables}
        self.entries: list[LedgerEntry] = []
        self.seconds = 0  # since noon
        self.payments: dict[str, BookedPayment] = {}
        self.agreements: dict[str, Agreement] = {}
        # By agreement, payment and receivable: what had been settled before, and what counts.
        self.before: dict[tuple[str, str, str], int] = {}
        self.counts: dict[tuple[str, str, str], int] = {}
        # Agreements beside which something was charged since they were accepted, or has gone.
        self.stained: set[str] = set()
        # Agreements that were offered before money moved or another was accepted, or about debts
        # that rested.
        self.crossed: set[str] = set()
        # Agreements that were crossed when they were accepted.
        self.late: set[str] = set()
        # Promises that were kept when a later one was accepted, and the debts of that one.
        self.over: set[tuple[str, str]] = set()

    # ---------------------------------------------------------------- what booking does

    @property
    def now(self) -> datetime:
        self.seconds += 1
        return at(f"{self.today.isoformat()}T12:00") + timedelta(seconds=self.seconds)

    @property
    def whole(self) -> Account:
        return replace(self.account, agreements=tuple(self.agreements.values()))

    def take(self, booking: Booking) -> None:
        self.account = replace(booking.account, agreements=())
        self.receivables |= {r.receivable_id: r for r in booking.changed}
        self.entries.extend(booking.entries)

    def held(self) -> set[str]:
        return set(on_hold(self.account, list(self.receivables), None, self.today))

    def open_now(self) -> list[Receivable]:
        return [r for r in self.receivables.values() if r.open_minor]

    def book(self, after: Followed) -> None:
        cause = after.agreement.cause
        for one in after.asked:
            before = self.receivables[one.receivable_id]
            if one.kind == "interest":
                self.take(
                    ledger.charge_extra(
                        self.account, before, "interest", one.amount_minor,
                        booked_at=self.now, cause=cause,
                    )
                )  # fmt: skip
            elif one.amount_minor < 0:
                self.take(
                    ledger.give_up(
                        self.account, before, "waiver", {one.component: -one.amount_minor},
                        booked_at=self.now, cause=cause,
                    )
                )  # fmt: skip
            else:
                self.take_back_waiver(before, one)
        self.save(after.agreement)

    def take_back_waiver(self, before: Receivable, one: Asked) -> None:
        extras = dict(before.extras)
        if one.component != "principal":
            extras[one.component] = extras.get(one.component, 0) + one.amount_minor
        after = replace(before, open_minor=before.open_minor + one.amount_minor, extras=extras)
        self.receivables[one.receivable_id] = after
        self.account = ledger.put(self.account, after)

    def save(self, agreement: Agreement) -> None:
        version = agreement.version + 1
        self.agreements[agreement.agreement_id] = replace(agreement, version=version)

    def follow(self) -> None:
        for name, one in list(self.agreements.items()):
            paused = with_pauses(one, self.account, {}, self.today)
            if paused is not one:
                self.save(paused)
            agreement = self.agreements[name]
            after = follow(agreement, self.receivables, self.now, self.today)
            if after.agreement is not agreement:
                self.book(after)
                again = self.agreements[agreement.agreement_id]
                once_more = follow(again, self.receivables, self.now, self.today)
                assert once_more == Followed(again)

    def money(self, was: BookedPayment | None, payment: BookedPayment) -> None:
        self.payments[payment.payment_id] = payment
        others = list(self.agreements.values())
        self.crossed |= {one.agreement_id for one in others if one.state == "offered"}
        for one in others:
            for name in one.debts:
                key = (one.agreement_id, payment.payment_id, name)
                minor = max(0, of_receivable(payment, name) - self.before.get(key, 0))
                if (one.agreement_id, name) in self.over:
                    continue
                if key in self.counts or (minor and not self.is_taken_over(one, name)):
                    self.counts[key] = minor
        for agreement in others:
            after = money_moved(
                agreement,
                was,
                payment,
                on=payment.paid_at.date(),
                today=self.today,
                others=others,
            )
            if after is not agreement:
                self.save(after)
        self.follow()

    def is_taken_over(self, one: Agreement, receivable_id: str) -> bool:
        since = one.accepted
        return since is not None and any(
            other.accepted and other.accepted.at > since.at and receivable_id in other.debts
            for other in self.agreements.values()
        )

    def pay(self, was: BookedPayment, minor: int) -> None:
        named = was.receivable_id
        payment = Payment(was.payment_id, "andina", minor, "COP", was.paid_at, named, was.turns)
        order = claims(self.whole, was, None, on=was.paid_at.date(), today=self.today)
        on = was.paid_at.date()
        most = limits(self.whole, was, on=on, today=self.today)
        booking = ledger.pay(self.account, self.open_now(), payment, claims=order, limits=most)
        self.take(booking)
        meant = {named, *was.meant_for}
        no_more = {name for limit in most for name in limit.receivables}
        asked_for = {r.receivable_id for r in self.open_now()} - self.held() - no_more
        for part in booking.parts:
            if part.receivable_id in self.held() - meant:
                assert not asked_for, "what is on hold was settled before what is not"
        parts = ledger.joined(was.parts, booking.parts)
        self.money(was if was.turns else None, was.turned(parts))

    def settle_with_credit(self) -> None:
        """As runs do, one after the other, until nothing is left to be settled."""
        while any(self.settles_with_credit_of(was) for was in list(self.payments.values())):
            pass
        if sum(self.account.credits.values()):
            paid = [one for one in self.agreements.values() if one.state == "accepted"]
            waits = {name for one in paid for name in one.debts}  # for its approval
            assert {r.receivable_id for r in self.open_now()} <= self.held() | waits

    def settles_with_credit_of(self, was: BookedPayment) -> bool:
        order = claims(self.whole, was, None, on=self.today, today=self.today, idle=True)
        most = limits(self.whole, was, on=was.paid_at.date(), today=self.today)
        booking = ledger.apply_credit(self.account, self.open_now(), was, claims=order, limits=most)
        if booking.entries:
            self.take(booking)
            self.money(was, was.turned(booking.parts))
        return bool(booking.entries)

    # ---------------------------------------------------------------- time and money

    @rule(days=st.integers(1, 6))
    def days_pass(self, days: int) -> None:
        """As in an outage: nobody has looked meanwhile."""
        self.today += timedelta(days=days)
        self.follow()
        self.settle_with_credit()

    @precondition(lambda self: self.agreements)
    @rule()
    def until_the_next_look(self) -> None:
        looks = [
            look
            for one in self.agreements.values()
            if (look := looks_on(standing(one, self.today), REMINDERS, self.today))
        ]
        self.today = min(looks, default=self.today + timedelta(days=1))
        self.follow()
        self.settle_with_credit()

    @rule(minor=MINORS, days_ago=st.integers(0, 8), named=NAMES)
    def somebody_pays(self, minor: int, days_ago: int, named: str) -> None:
        rest = resting(self.agreements.values())
        if named == "link":
            self.is_paid(minor, days_ago, meant_for=tuple(rest))
        else:
            self.is_paid(minor, days_ago, named)

    def is_paid(
        self, minor: int, days_ago: int, named: str = "", meant_for: tuple[str, ...] = ()
    ) -> None:
        self.follow()
        paid_at = self.now - timedelta(days=days_ago)
        payment_id = f"p{len(self.payments)}"
        money = BookedPayment(
            payment_id, "wompi", "andina", "COP", paid_at, PaymentState(), named, meant_for
        )
        self.pay(money, minor)

    @precondition(lambda self: resting(self.agreements.values()))
    @rule(data=st.data(), whole=st.booleans(), short=st.integers(0, 60))
    def what_is_agreed_is_paid(self, data: st.DataObject, whole: bool, short: int) -> None:
        """The next instalment or all that is left of one that rests, to the last or almost."""
        rests = [one for one in self.agreements.values() if one.rests]
        agreed = data.draw(st.sampled_from(rests))
        found = standing(agreed, self.today)
        due = found.payoff_minor if whole else found.next_due.left_minor if found.next_due else 0
        minor = due - short
        if minor <= 0:
            return
        owed = sum(self.receivables[name].open_minor for name in agreed.debts)
        taken_over = any(self.is_taken_over(agreed, name) for name in agreed.debts)
        self.is_paid(minor, 0, meant_for=tuple(agreed.debts))
        if not taken_over:
            now = standing(self.agreements[agreed.agreement_id], self.today)
            assert now.paid_minor == found.paid_minor + min(minor, owed)

    @precondition(lambda self: any(one.booked_minor for one in self.payments.values()))
    @rule(data=st.data(), share=st.integers(1, 4))
    def money_goes_again(self, data: st.DataObject, share: int) -> None:
        self.follow()
        booked = [one for one in self.payments.values() if one.booked_minor]
        was = data.draw(st.sampled_from(booked))
        minor = max(1, was.booked_minor * share // 4)
        booking = ledger.take_back(
            self.account, self.receivables, was, minor, "chargeback", self.now
        )
        self.take(booking)
        self.stained |= self.agreements.keys()
        self.money(was, was.turned(booking.parts))

    @precondition(lambda self: self.payments)
    @rule(data=st.data(), minor=MINORS)
    def money_comes_back(self, data: st.DataObject, minor: int) -> None:
        self.follow()
        was = data.draw(st.sampled_from(list(self.payments.values())))
        self.pay(was, minor)

    @rule(minor=st.integers(1, 200))
    def a_fee_is_charged(self, minor: int) -> None:
        booking = ledger.charge_extra(
            self.account, self.receivables["r1"], "fee", minor,
            booked_at=self.now, cause=f"fee {self.seconds}",
        )  # fmt: skip
        self.take(booking)
        self.stain()

    @rule(minor=st.integers(1, 200))
    def default_interest_is_charged(self, minor: int) -> None:
        """Of what does not rest. Days are counted elsewhere."""
        bears = [one for one in self.open_now() if one.receivable_id not in self.rests()]
        for before in bears:
            booking = ledger.charge_extra(
                self.account, before, "interest", minor,
                booked_at=self.now, cause=f"interest {self.seconds}",
            )  # fmt: skip
            (after,) = booking.changed
            self.take(booking)
            self.receivables[after.receivable_id] = replace(after, accrued_through=self.today)
            self.account = ledger.put(self.account, self.receivables[after.receivable_id])
        if bears:
            self.stain()

    def rests(self) -> dict[str, Agreement]:
        return resting(self.agreements.values())

    def stain(self) -> None:
        """What is charged from now on is owed beside the agreements that were accepted."""
        self.stained |= {name for name, one in self.agreements.items() if one.accepted}

    @rule(name=st.sampled_from(["r1", "r2", None]), days=st.integers(1, 9))
    def a_debt_is_disputed(self, name: str | None, days: int) -> None:
        """Or all of them are put on hold."""
        ends_on = self.today + timedelta(days=days)
        hold = Hold(f"h{self.seconds}", "dispute", self.today, ends_on, name)
        self.account = replace(self.account, holds=(*self.account.holds, hold))
        self.follow()

    # ---------------------------------------------------------------- people

    @precondition(lambda self: self.open_now())
    @rule(
        name=st.sampled_from(sorted(KINDS)),
        wait=st.integers(0, 30),
        count=st.integers(1, 5),
        every=st.sampled_from(["week", "month"]),
        tenths=st.integers(0, 5),
        again=st.booleans(),
        at_once=st.booleans(),
    )
    def an_agreement_is_offered(
        self, name: str, wait: int, count: int, every: str, tenths: int, again: bool, at_once: bool
    ) -> None:
        self.follow()
        old = [one for one in self.agreements.values() if one.rests or one.state == "broken"]
        replaces = old[-1].agreement_id if again and old else ""
        owed = self.once_replaced(old[-1]) if replaces else self.open_now()
        if not owed:
            return
        debts = debts_of(owed)
        facts = ConditionFacts((), "CO", "andina", "es", "person", "", {}, len(debts))
        case = Case("andina", "COP", debts, facts, self.today)
        discount = {
            component: minor * tenths // 10
            for component, minor in case.debt.items()
            if component in ("principal", "interest") and KINDS[name] != "promise"
        }
        terms = Terms(
            name,
            self.today + timedelta(days=wait),
            count if name in ("plan", "dear") else 1,
            "week" if every == "week" else "month",
            discount=discount,
        )
        agreement_id = f"g{len(self.agreements)}"
        try:
            made = agree(
                agreement_id, terms, RULES, case, RATES,
                at=self.now, by="debtor", replaces=replaces,
            )  # fmt: skip
        except AgreementError:
            return
        for one in self.payments.values():
            for receivable_id in made.debts:
                minor = of_receivable(one, receivable_id)
                if minor:
                    self.before[agreement_id, one.payment_id, receivable_id] = minor
        self.save(made)
        if any(one.rests and one.agreement_id != replaces for one in self.agreements.values()):
            self.crossed.add(agreement_id)
        if at_once:
            self.accept(self.agreements[agreement_id])

    def once_replaced(self, old: Agreement) -> list[Receivable]:
        """What is open without the interest that an agreement has not earned by today."""
        back, _ = beyond(old, self.receivables, self.today)
        oldest = self.receivables[next(iter(old.debts))]
        if back:
            extras = {**oldest.extras, "interest": oldest.extras["interest"] - back}
            less = replace(oldest, open_minor=oldest.open_minor - back, extras=extras)
            found = (self.receivables | {oldest.receivable_id: less}).values()
            return [one for one in found if one.open_minor]
        return self.open_now()

    @precondition(lambda self: any(one.state == "offered" for one in self.agreements.values()))
    @rule(data=st.data())
    def an_offer_is_accepted(self, data: st.DataObject) -> None:
        offered = [one for one in self.agreements.values() if one.state == "offered"]
        self.accept(data.draw(st.sampled_from(offered)))

    def accept(self, made: Agreement) -> None:
        others = list(self.agreements.values())
        booking, beside = without_default_interest(
            self.account,
            made,
            [one for one in self.entries if one.booked_at > made.history[0].at],
            through=made.calculated_on,
            booked_at=self.now,
            why="accepted",
        )
        evidence = Acceptance(self.now, "debtor", "portal")
        old = self.agreements.get(made.replaces)
        if old:
            beside += paid_beyond(made, old, self.receivables, self.today)
        try:
            accepted = accept(replace(made, beside_minor=beside), evidence, self.today, others)
            replaced = old and supersede(old, accepted.agreement, self.receivables, self.today)
        except AgreementError:
            return
        owed = self.receivables | {one.receivable_id: one for one in booking.changed}
        if not is_owed(accepted.agreement, owed, self.today):
            return
        if made.agreement_id in self.crossed:
            self.late.add(made.agreement_id)
        self.crossed |= self.agreements.keys() - {made.agreement_id}
        self.over |= {
            (one.agreement_id, name)
            for one in others
            if one.state == "fulfilled" and not one.settles_in_full
            for name in made.debts
        }
        self.take(booking)
        self.book(accepted)
        if replaced:
            self.book(replaced)
        self.follow()

    @precondition(lambda self: any(one.approval for one in self.agreements.values()))
    @rule(data=st.data())
    def somebody_approves(self, data: st.DataObject) -> None:
        waiting = [one for one in self.agreements.values() if one.approval]
        made = data.draw(st.sampled_from(waiting))
        try:
            self.save(approve(made, "supervisor", at=self.now, who="marta"))
        except AgreementError:
            assert made.state not in ("offered", "accepted")
        self.follow()

    @precondition(lambda self: len(self.agreements) > 1)
    @rule(data=st.data(), by=st.sampled_from(["debtor", "operator"]))
    def somebody_cancels(self, data: st.DataObject, by: str) -> None:
        one = data.draw(st.sampled_from(list(self.agreements.values())))
        party = "debtor" if by == "debtor" else "operator"
        try:
            self.book(cancel(one, self.receivables, at=self.now, today=self.today, by=party))
        except AgreementError:
            assert party not in TRANSITIONS.get((one.state, "cancelled"), ())

    # ---------------------------------------------------------------- what always holds

    @invariant()
    def no_transition_is_outside_the_table(self) -> None:
        for one in self.agreements.values():
            for before, after in pairwise(one.history):
                if before.state != after.state:
                    assert after.by in TRANSITIONS[before.state, after.state]
            assert one.history[-1].state == one.state

    @invariant()
    def each_stands_as_money_and_the_day_say(self) -> None:
        """L14"""
        for one in self.agreements.values():
            found = standing(one, self.today)
            assert one.state == found.state
            if one.state in ("active", "fulfilled", "broken"):
                late = [i for i in found.instalments if i.state != "kept" and self.today > i.until]
                kept = all(i.state == "kept" for i in found.instalments)
                assert one.state == ("broken" if late else "fulfilled" if kept else "active")

    @invariant()
    def what_counts_is_what_payments_settle_of_its_debts(self) -> None:
        for one in self.agreements.values():
            assert standing(one, self.today).paid_minor == sum(
                minor for key, minor in self.counts.items() if key[0] == one.agreement_id
            )

    @invariant()
    def a_discount_is_given_by_what_is_fulfilled_alone(self) -> None:
        for one in self.agreements.values():
            given = -sum(a.amount_minor for a in one.booked if a.kind == "waiver")
            interest = sum(a.amount_minor for a in one.booked if a.kind == "interest")
            found = standing(one, self.today)
            assert 0 <= interest <= one.interest_minor
            if one.state != "fulfilled":
                assert given == 0
            else:
                assert found.paid_off_on is not None
                assert (
                    found.paid_minor + sum(one.discount.values())
                    >= (sum(one.debt.values()) if one.settles_in_full else 0) - one.tolerance_minor
                )
                gives = (
                    sum(one.discount.values()) + one.tolerance_minor + one.interest_minor
                ) + one.beside_minor
                assert given <= (gives if one.settles_in_full else 0)

    def is_alone(self, one: Agreement) -> bool:
        """Whether no other one that money moves is about the same debts."""
        return all(
            other is one
            or other.state not in ("active", "fulfilled", "broken")
            or other.debts.keys().isdisjoint(one.debts)
            for other in self.agreements.values()
        )

    @invariant()
    def nothing_is_left_of_a_debt_that_was_settled_in_full(self) -> None:
        for name, one in self.agreements.items():
            fulfilled = one.state == "fulfilled" and one.settles_in_full
            if fulfilled and name not in self.stained and self.is_alone(one):
                left = sum(self.receivables[name].open_minor for name in one.debts)
                assert left <= sum(self.account.credits.values())

    @invariant()
    def no_money_settles_what_is_given_up(self) -> None:
        """Of what settles in full there is always as much open as is still asked for and given, if
        no other one is about the same debts whose discount an old payment may bring."""
        for name, one in self.agreements.items():
            alone = name not in self.stained | self.crossed and self.is_alone(one)
            if one.state == "active" and one.settles_in_full and alone:
                left = sum(self.receivables[name].open_minor for name in one.debts)
                asked = standing(one, self.today).payoff_minor
                assert left == asked + sum(one.discount.values()) + one.beside_minor

    @invariant()
    def nothing_is_asked_twice(self) -> None:
        """What an agreement still asks for is open, so that who pays what is open owes nothing;
        though another, that was kept and gave nothing up, was about the same debts. But what had
        settled a debt in full, of which a later one is about a fee, has to be kept anew if its
        money goes."""
        for name, one in self.agreements.items():
            again = one.settles_in_full and any(self.is_taken_over(one, r) for r in one.debts)
            beside = any(
                other is not one
                and (other.state in ("active", "broken") or other.discount)
                and not other.debts.keys().isdisjoint(one.debts)
                for other in self.agreements.values()
            )
            crossed = name in self.late | self.crossed
            if one.state == "active" and not crossed and not again and not beside:
                left = sum(self.receivables[name].open_minor for name in one.debts)
                assert standing(one, self.today).payoff_minor <= left + one.tolerance_minor

    @invariant()
    def nothing_is_open_below_nothing(self) -> None:
        for one in self.receivables.values():
            for component in COMPONENTS:
                assert open_of(one, component) >= 0

    @invariant()
    def none_rests_for_ever(self) -> None:
        """L13"""
        rests = [one for one in self.agreements.values() if one.rests]
        assert resting(rests).keys() == {name for one in rests for name in one.debts}
        for one in rests:
            if one.pauses and one.pauses[-1].ends_on is None:
                continue  # the end of the hold wakes the account
            look = looks_on(standing(one, self.today), REMINDERS, self.today)
            assert look is not None
            assert look > self.today


TestAgreements = Agreements.TestCase
TestAgreements.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)
