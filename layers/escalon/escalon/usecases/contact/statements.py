"""The statement of one account towards one creditor, as messages, letters and the debtor's page say
it: the ledger's amounts as a message's context, and the PDF of it."""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from escalon.domain.account import Account, Receivable
from escalon.domain.payments.statement import beyond
from escalon.domain.rules.rulebook import Rulebook
from escalon.messages.mime import Attached

if TYPE_CHECKING:
    from escalon.messages.context import MessageContext

# What the file is called, by language: read from outside like a subject, so neutral like one.
_NAMES = {"es": "estado-de-cuenta", "en": "statement", "pt": "extrato"}


def statement_context(
    account: Account,
    creditor: str,
    rulebook: Rulebook,
    listed: tuple[Iterable[Receivable], Iterable[Receivable]],
    today: date,
    locale: str,
) -> "MessageContext":
    """The receivables `listed` as past due and as coming due to the creditor, in a locale, with the
    account's credits and what it can only sum. It is of no message yet, so it names none, and no
    step."""
    from escalon.messages.context import BeyondLine, MessageContext, StatementLine

    def line(receivable: Receivable) -> StatementLine:
        due_on = receivable.due_on
        return StatementLine(
            receivable_id=receivable.receivable_id,
            document=receivable.document,
            issued_on=receivable.issued_on,
            due_on=due_on,
            days_past_due=(today - due_on).days if due_on else 0,
            currency=receivable.currency,
            amount_minor=receivable.amount_minor,
            open_minor=receivable.open_minor,
            interest_minor=receivable.extras.get("interest", 0),
            fees_minor=receivable.extras.get("fee", 0) + receivable.extras.get("tax", 0),
        )

    overdue, upcoming = listed
    owned = f"{creditor}|"
    return MessageContext(
        message_id="",
        debtor_name=account.name,
        debtor_kind=account.kind,
        locale=locale,
        creditor=rulebook.creditors[creditor],
        step="",
        stage="",
        today=today,
        overdue=tuple(line(r) for r in overdue),
        upcoming=tuple(line(r) for r in upcoming),
        credits={
            key.removeprefix(owned): minor
            for key, minor in account.credits.items()
            if key.startswith(owned)
        },
        beyond=tuple(
            BeyondLine(currency, rest.count, rest.open_minor)
            for currency, rest in beyond(account, creditor, rulebook, today)
        ),
    )


def statement_file(context: "MessageContext") -> Attached:
    """The whole statement as a PDF, drawn from what the context says."""
    from escalon.papers.pdf import draw  # here: ReportLab costs 150 ms that few messages need
    from escalon.papers.statement import statement_paper

    name = _NAMES.get(context.locale.partition("-")[0], "statement")
    return Attached(f"{name}-{context.today}.pdf", draw(statement_paper(context)))
