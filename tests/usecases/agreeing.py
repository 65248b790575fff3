"""Debtors who agree, for the tests: the system in one process under rules that offer agreements."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from escalon.adapters.table import Table
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import Standing, standing
from escalon.domain.agreements.offers import Terms
from escalon.domain.payments.payment import Incoming, PaymentState, Said, merge
from escalon.domain.rules.rulebook import (
    AgreementRules,
    InterestTerms,
    Limits,
    OfferRule,
    Rate,
    RateTable,
    Rulebook,
    Step,
)
from escalon.usecases.agreements.manage_agreements import (
    Actor,
    Debt,
    Done,
    Evidence,
    ManageAgreements,
)
from escalon.usecases.payments.book_payments import OfAccount
from escalon.usecases.payments.manage_payments import ManagePayments
from tests.doubles.crashing import Crashing, Faults
from tests.doubles.payments import booked
from tests.doubles.world import NOW, TABLE, OneRulebook, World, rulebook

BOGOTA = ZoneInfo("America/Bogota")
PESOS = 100
AGENT = Actor("operator", "arn:agent", "agent")
SUPERVISOR = Actor("operator", "arn:supervisor", "supervisor")
PHONE = Evidence("phone", note="called us")
DEBT = Debt("a1")

RULES = AgreementRules(
    offers=(
        OfferRule(
            "promise",
            "promise",
            ["anyone"],
            Limits(15, most_broken=2),
            least_first=3_000,
            tolerance_days=2,
            tolerance_minor={"COP": 1_000 * PESOS},
        ),
        OfferRule(
            "plan",
            "plan",
            ["anyone"],
            Limits(30, 6, most_broken=1),
            least_instalments=2,
            show=(2, 3),
            every=("month",),
            least_instalment_minor={"COP": 10_000 * PESOS},
            round_minor={"COP": 1_000 * PESOS},
            tolerance_days=5,
            resume_at="firm",
            beyond={"*": Limits(30, 12, most_broken=3), "supervisor": Limits(45, 24)},
        ),
        OfferRule(
            "settlement",
            "settlement",
            ["anyone"],
            Limits(10, most_discount={"principal": 2_000, "interest": 10_000, "fee": 10_000}),
            tolerance_days=2,
            beyond={"supervisor": Limits(30, 1, {"principal": 5_000})},
        ),
    ),
    reminders=(
        Step(
            "instalment-soon", "pre_due", -3, channels=("email", "sms"), message="instalment_soon"
        ),
        Step(
            "instalment-today", "pre_due", 0, channels=("email", "sms"), message="instalment_today"
        ),
    ),
)
BEARS = RateTable(
    "usura",
    {f"2026-{m:02d}": Rate(f"2026-{m:02d}", 250_000, "a test") for m in range(1, 13)},
)


def rules(*, interest: bool = False) -> Rulebook:
    """The tests' rulebook with offers; with `interest`, the creditor charges 25 % a year."""
    payments = replace(rulebook().payments, authority={"manager": {"COP": 10_000_000 * PESOS}})
    with_offers = replace(rulebook(), agreements=RULES, payments=payments, version="agreeing")
    if not interest:
        return with_offers
    andina = with_offers.creditors["andina"]
    charging = replace(andina, interest=InterestTerms("usura", currencies=("COP",)))
    return replace(
        with_offers,
        version="agreeing, with interest",
        creditors={**with_offers.creditors, "andina": charging},
        rates={"usura": BEARS},
    )


class Agreeing(World):
    """A world in which agreements are offered; days are the debtor's."""

    def __init__(self, *, interest: bool = False) -> None:
        super().__init__(NOW)
        self.rulebooks = OneRulebook(rules(interest=interest))
        self.keys = 0

    def manage(self, faults: Faults | None = None) -> ManageAgreements:
        table = Table(Crashing(self.dynamo, faults or Faults()), TABLE, 1, pause=lambda _: None)
        return ManageAgreements(table, lambda _: self.rulebook(), self.clock)

    def manage_payments(self) -> ManagePayments:
        return ManagePayments(self.table, self.clock, self.name_of, self.rulebook)

    # ------------------------------------------------------------------ what people do

    def agrees(self, terms: Terms, actor: Actor = AGENT, replaces: str = "") -> Done:
        """Agreed on the phone, at once."""
        self.keys += 1
        manage = self.manage()
        return manage.promise(f"key {self.keys}", DEBT, terms, PHONE, actor, replaces=replaces)

    def pays(
        self,
        amount_minor: int,
        on: date | None = None,
        *,
        payment: str = "P1",
        faults: Faults | None = None,
    ) -> None:
        """Money of a day: told of now if it has passed, else on that day."""
        if on and on > self.today:
            self.until(on)
        paid_at = noon(on) if on else self.clock.at
        state = PaymentState(approved=Said(amount_minor, paid_at))
        self._book(payment, state, paid_at, faults)

    def bounces(self, payment: str = "P1", faults: Faults | None = None) -> None:
        """The bank takes the money back."""
        known = booked(self, payment)
        gone = merge(known.state, PaymentState(voided=True))
        self._book(payment, gone, known.paid_at, faults)

    def _book(
        self, payment: str, state: PaymentState, paid_at: datetime, faults: Faults | None
    ) -> None:
        money = Incoming(payment, "import bank", "COP", paid_at, state, creditor="andina")
        around = self.table.around("a1", (), (payment,))
        own = OfAccount("a1", around.stored, [money], booked=around.booked)
        self.book_payments(faults)(own)

    def until(self, day: date, each: Callable[[], None] = lambda: None) -> None:
        """Runs at ten in the morning of every day through this one."""
        while self.today < day:
            self.run(noon(self.today + timedelta(days=1)) - timedelta(hours=2))
            self.arrived()
            each()

    # ------------------------------------------------------------------ looking at it

    @property
    def today(self) -> date:
        return self.clock.at.astimezone(BOGOTA).date()

    def agreement(self, number: int = -1) -> Agreement:
        return self.account().agreements[number]

    def stands(self, number: int = -1) -> Standing:
        return standing(self.agreement(number), self.today)

    def told(self) -> list[str]:
        """The facts of agreements and instalments, in order."""
        return [
            fact["fact"]
            for fact in self.facts("a1")
            if fact["fact"].startswith(("agreement_", "instalment_"))
        ]

    def said(self) -> list[tuple[str, str]]:
        """The messages that went out: day and step."""
        found = sorted(self.messages(), key=lambda message: message["claimed_at"])
        return [
            (
                datetime.fromisoformat(m["claimed_at"])
                .astimezone(BOGOTA)
                .date()
                .isoformat()
                .removeprefix("2026-"),
                m["step"],
            )
            for m in found
            if m["state"] == "sent"
        ]

    def open_minor(self) -> int:
        return sum(r.open_minor for r in self.account().receivables)


def noon(day: date) -> datetime:
    """Noon of a day in Bogotá."""
    return datetime.combine(day, time(12), BOGOTA).astimezone(UTC)
