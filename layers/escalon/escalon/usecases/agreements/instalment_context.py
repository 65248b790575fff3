"""What a reminder of an instalment says: that instalment alone, and not the debts that rest."""

from datetime import date
from typing import TYPE_CHECKING

from msgspec.structs import replace

from escalon.domain.account import Account, Intent
from escalon.domain.agreements.agreement import standing

if TYPE_CHECKING:
    from escalon.messages.context import MessageContext


def of_instalment(
    context: "MessageContext", account: Account, intent: Intent, today: date
) -> "MessageContext":
    """The message's context with the instalment of `intent.reminder` in place of the statement.
    Raises LookupError if the account has no such instalment any more."""
    from escalon.messages.context import Amount, Instalment, StatementLine

    agreement_id, number, _ = intent.reminder.split("/", 2)
    agreement = next((a for a in account.agreements if a.agreement_id == agreement_id), None)
    if agreement is None:
        raise LookupError("the agreement of a reminder")
    found = standing(agreement, today)
    due = next((o for o in found.instalments if o.instalment.number == int(number)), None)
    if due is None:
        raise LookupError("the instalment of a reminder")
    one, count = due.instalment, len(agreement.instalments)
    days_past_due = (today - one.due_on).days
    line = StatementLine(
        receivable_id=agreement_id,
        document=f"{agreement_id} · {number}/{count}",
        issued_on=agreement.calculated_on,
        due_on=one.due_on,
        days_past_due=days_past_due,
        currency=agreement.currency,
        amount_minor=one.amount_minor,
        open_minor=due.left_minor,
    )
    coming = context.asks_for == "upcoming"
    return replace(
        context,
        overdue=() if coming else (line,),
        upcoming=(line,) if coming else (),
        credits={},
        beyond=(),
        instalment=Instalment(
            one.number,
            count,
            one.due_on,
            Amount(agreement.currency, due.left_minor),
            days_past_due,
            due.until,
        ),
    )
