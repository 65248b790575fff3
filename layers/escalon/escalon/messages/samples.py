"""Made-up contexts that stand for all the shapes a message can take: what a rulebook's templates
are tried on before they are published, and what an operator sees in a preview."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec

from escalon.messages.context import (
    AgreedPayment,
    AgreementContext,
    Amount,
    BeyondLine,
    Instalment,
    MessageContext,
    ReceiptContext,
    SettledComponent,
    SettledLine,
    StatementLine,
)

if TYPE_CHECKING:
    from escalon.domain.money import Component
    from escalon.domain.rules.rulebook import Creditor


def sample_line(
    number: int, days_past_due: int, open_minor: int, *, today: date, currency: str = "COP"
) -> StatementLine:
    """One receivable, due that many days before `today` and issued a month earlier."""
    due_on = today - timedelta(days=days_past_due)
    return StatementLine(
        receivable_id=f"r-{number}",
        document=f"FV-{20300 + number}",
        issued_on=due_on - timedelta(days=30),
        due_on=due_on,
        days_past_due=days_past_due,
        currency=currency,
        amount_minor=open_minor,
        open_minor=open_minor,
    )


def sample_instalments(
    creditor: "Creditor", *, locale: str, today: date, stage: str, currency: str = "COP"
) -> dict[str, MessageContext]:
    """The same for messages that remind of an instalment: its line stands for the statement."""
    plain = sample_contexts(creditor, locale=locale, today=today, stage=stage, currency=currency)
    one = plain["one"]

    def reminding(number: int, count: int, days: int, **more: int) -> MessageContext:
        line = msgspec.structs.replace(
            sample_line(number, days, 34_500_000, today=today, currency=currency),
            document=f"g0a1b2c3d4e5f · {number}/{count}",
            **more,
        )
        due_on = line.due_on or today
        instalment = Instalment(
            number,
            count,
            due_on,
            Amount(currency, line.open_minor),
            days,
            due_on + timedelta(days=5),
        )
        lines = {"upcoming": (line,)} if stage == "pre_due" else {"overdue": (line,)}
        return msgspec.structs.replace(one, instalment=instalment, **lines)

    if stage != "pre_due":
        return {
            "one": reminding(2, 6, 1),
            "only one": reminding(1, 1, 1),
            "partly paid": reminding(12, 24, 2, open_minor=10_000_050),
        }
    return {
        "one": reminding(2, 6, -3),
        "only one": reminding(1, 1, -3),
        "partly paid": reminding(12, 24, -1, open_minor=10_000_050),
        "due today": reminding(6, 6, 0),
        "the only one, due today": reminding(1, 1, 0),
    }


def sample_contexts(
    creditor: "Creditor", *, locale: str, today: date, stage: str, currency: str = "COP"
) -> dict[str, MessageContext]:
    """Contexts by what is special about them. Those of the stage `pre_due` have nothing overdue,
    and the others always have."""

    def line(number: int, days: int, minor: int, code: str = currency) -> StatementLine:
        return sample_line(number, days, minor, today=today, currency=code)

    other = "USD" if currency != "USD" else "COP"
    pre_due = stage == "pre_due"
    sign = -1 if pre_due else 1
    one = (line(1, 12 * sign, 123_456_700),)
    several = (*one, line(2, 5 * sign, 25_000_000), line(3, 43 * sign, 9_990_050))
    many = tuple(line(n, (n + 1) * sign, 10_000_000 + n) for n in range(60))
    partly = (msgspec.structs.replace(one[0], amount_minor=200_000_000),)
    grown = (
        msgspec.structs.replace(
            line(4, 40 * sign, 104_550_000),
            amount_minor=100_000_000,
            interest_minor=2_550_000,
            fees_minor=2_000_000,
        ),
    )
    undated = msgspec.structs.replace(line(9, 0, 4_500_000), due_on=None)

    page = "https://pg.example/p/7Kq2xZr9Tb"
    plain = MessageContext(
        message_id="m-0001",
        debtor_name="María Fernanda Ñáñez Gutiérrez",
        debtor_kind="person",
        locale=locale,
        creditor=creditor,
        step="sample",
        stage=stage,
        today=today,
        overdue=() if pre_due else one,
        upcoming=one if pre_due else (),
        account_url=page,
        offers_url=f"{page}/offers",
        pay_url=page,
        preferences_url=page,
        unsubscribe_url=f"{page}/stop",
        respond_by=today + timedelta(days=15),
    )

    def owing(
        lines: tuple[StatementLine, ...], rest: tuple[StatementLine, ...] = ()
    ) -> MessageContext:
        if pre_due:
            return msgspec.structs.replace(plain, upcoming=lines + rest)
        return msgspec.structs.replace(plain, overdue=lines, upcoming=rest)

    change = msgspec.structs.replace
    # Whoever answers for a debt has no page that shows it.
    linked = change(plain, account_url="", offers_url="", pay_url="", preferences_url="")
    return {
        "one": plain,
        "several": owing(several, (line(7, -9, 18_000_000),)),
        "many": owing(many),
        "partly paid": owing(partly),
        "interest and fees": owing(grown),
        "several currencies": owing((*one, line(5, 3 * sign, 30_050, other))),
        "other currency": owing((line(5, 3 * sign, 30_000, other),)),
        "unapplied credit": change(owing(several), credits={currency: 5_000_000}),
        "credit of another currency": change(plain, credits={other: 1_250}),
        "without due date": owing(one, (undated,)),
        "more than listed": change(
            plain, beyond=(BeyondLine(currency, 1, 700_000), BeyondLine(other, 4, 9_900))
        ),
        "due today": owing((line(1, 0, 123_456_700),)) if pre_due else plain,
        "due tomorrow": owing((line(1, -1, 123_456_700),)) if pre_due else plain,
        "a day late": plain if pre_due else owing((line(1, 1, 123_456_700),)),
        "company": change(
            plain, debtor_kind="company", debtor_name="Distribuciones Peña & Hijos S.A.S."
        ),
        "codebtor": change(linked, role="codebtor"),
        "guarantor": change(linked, role="guarantor"),
        "without name": change(plain, debtor_name=""),
        "pays elsewhere": change(plain, pay_url="https://pagos.example.com/a/7Kq2xZ"),
        "pays nowhere online": change(plain, pay_url=""),
        "without links": change(linked, unsubscribe_url=""),
        "without notice date": change(plain, respond_by=None),
        "a great amount": owing((line(1, 12 * sign, 98_765_432_100_050),)),
    }


def sample_receipts(
    creditor: "Creditor", *, locale: str, today: date, currency: str = "COP"
) -> dict[str, ReceiptContext]:
    """Receipts by what is special about them."""

    def line(number: int, components: "dict[Component, int]") -> SettledLine:
        parts = (SettledComponent(n, Amount(currency, minor)) for n, minor in components.items())
        return SettledLine(f"FV-{20300 + number}", tuple(parts))

    other = "USD" if currency != "USD" else "COP"
    part = ReceiptContext(
        message_id="r-0001",
        locale=locale,
        creditor=creditor,
        payment="andina-wompi:01-1531231271-19365",
        paid_on=today - timedelta(days=1),
        received=Amount(currency, 100_000_000),
        today=today,
        debtor_name="María Fernanda Ñáñez Gutiérrez",
        settled=(line(1, {"principal": 100_000_000}),),
        open=(Amount(currency, 23_456_700),),
    )
    change = msgspec.structs.replace
    of_components = line(
        1, {"fee": 1_000_000, "tax": 190_000, "interest": 2_300_050, "principal": 96_509_950}
    )
    many = tuple(line(number, {"principal": 2_000_000}) for number in range(50))
    return {
        "part": part,
        "all": change(part, open=()),
        "components": change(part, settled=(of_components,)),
        "many": change(part, settled=many),
        "overpaid": change(
            part,
            settled=(line(1, {"principal": 90_000_000}),),
            credit=10_000_000,
            open=(),
            credits=(Amount(currency, 10_000_000),),
        ),
        "nothing to settle": change(
            part, settled=(), credit=100_000_000, open=(), credits=(part.received,)
        ),
        "several currencies": change(
            part, open=(Amount(currency, 23_456_700), Amount(other, 30_050))
        ),
        "company": change(
            part, debtor_kind="company", debtor_name="Distribuciones Peña & Hijos S.A.S."
        ),
        "somebody else's address": change(part, details=False, debtor_name="", settled=(), open=()),
    }


def sample_agreements(
    creditor: "Creditor", *, locale: str, today: date, currency: str = "COP"
) -> dict[str, AgreementContext]:
    """Messages that bring an agreement's document, by what is special about them."""

    def payments(count: int) -> tuple[AgreedPayment, ...]:
        amount = Amount(currency, 34_500_000)
        return tuple(
            AgreedPayment(number, today + timedelta(days=30 * number), amount)
            for number in range(1, count + 1)
        )

    one = AgreementContext(
        message_id="a-0001",
        locale=locale,
        creditor=creditor,
        agreement="g0a1b2c3d4e5f",
        agreed_on=today,
        total=Amount(currency, 3 * 34_500_000),
        payments=payments(3),
        today=today,
        debtor_name="María Fernanda Ñáñez Gutiérrez",
        account_url="https://pg.example/p/7Kq2xZr9Tb",
        unsubscribe_url="https://pg.example/p/7Kq2xZr9Tb/stop",
    )
    change = msgspec.structs.replace
    return {
        "one": one,
        "one payment": change(one, payments=payments(1), total=Amount(currency, 34_500_000)),
        "many": change(one, payments=payments(60), total=Amount(currency, 60 * 34_500_000)),
        "company": change(
            one, debtor_kind="company", debtor_name="Distribuciones Peña & Hijos S.A.S."
        ),
        "without name": change(one, debtor_name=""),
    }
