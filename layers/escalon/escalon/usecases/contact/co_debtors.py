"""Messages to co-debtors and guarantors: their accounts beside the debtor's.

The intent stands in the debtor's account and is settled there. The message itself, its link and
what a carrier tells of it belong to whoever it went to, and so does the contact: it counts on that
person's own clock from the claim on, in the claim's own transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Intent
from escalon.domain.contact.co_debtors import writes_to_others
from escalon.domain.contact.content import said
from escalon.domain.contact.feedback import Event, Message
from escalon.domain.decisions.transitions import told_of_other
from escalon.domain.facts import Fact
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import Change, Stored
from escalon.usecases.contact.to_find_out import after_word, task_key

if TYPE_CHECKING:
    from escalon.adapters.table import Table
    from escalon.messages.context import MessageContext


class LinkedAccounts:
    """The accounts that debtors are linked with, read as few times as possible."""

    def __init__(self, table: "Table") -> None:
        self._table = table
        self._found: dict[str, Account | None] = {}
        self._writes: dict[str, bool] = {}

    def read(self, debtors: Sequence[tuple[Account, Rulebook]]) -> None:
        """Read those of all these debtors afresh, in one batch."""
        self._found = {}
        needed = [one for one, rulebook in debtors if self._needs(one, rulebook)]
        self._fetch([link.account_id for one in needed for link in one.links])

    def of(self, debtor: Account, rulebook: Rulebook) -> Mapping[str, Account]:
        """The debtor's, by id, as far as they exist; none if the rulebook writes to nobody else."""
        if not self._needs(debtor, rulebook):
            return {}
        wanted = [link.account_id for link in debtor.links]
        self._fetch([one for one in wanted if one not in self._found])
        found = {one: self._found[one] for one in wanted}
        return {one: account for one, account in found.items() if account is not None}

    def _needs(self, debtor: Account, rulebook: Rulebook) -> bool:
        if not debtor.links:
            return False
        if rulebook.version not in self._writes:
            self._writes[rulebook.version] = writes_to_others(rulebook)
        return self._writes[rulebook.version]

    def _fetch(self, wanted: Sequence[str]) -> None:
        if wanted:
            found = self._table.get_many(wanted)
            self._found |= {
                one: found[one].account if one in found else None for one in dict.fromkeys(wanted)
            }


def with_person(
    table: "Table",
    stored: Stored,
    account: Account,
    intent: Intent,
    became: str,
    debtor_id: str,
    now: datetime,
) -> list[dict[str, Any]]:
    """Transaction items: the person's account with what their clock says now, and the fact that
    says so. It is looked at when it would have been anyway."""
    fact = facts.noted(
        f"contact_{became}",
        now,
        intent_id=intent.intent_id,
        debtor=debtor_id,
        role=intent.role,
        creditor=intent.creditor,
        step=intent.step,
        channel=intent.channel,
    )
    look_at = datetime.fromisoformat(stored.look_at) if stored.look_at else None
    return table.beside(Change(stored, account, look_at, (fact,)))


def debtor_told(
    table: "Table", message: Message, event: Event, fact: Fact, now: datetime
) -> list[dict[str, Any]]:
    """Transaction items: what a carrier told of a message to the person, in the account of the
    debtor whose step it carried. Nothing if that account is no more."""
    stored = table.get(message.debtor_id)
    if stored is None:
        return []
    at = datetime.fromisoformat(str(fact["at"]))
    account = told_of_other(stored.account, message)
    task = table.load(*task_key(message))
    puts, of_task = after_word(table, account, message, task, event, at, now)
    told = ({**fact, "person": message.account_id}, *of_task)
    return [*table.beside(Change(stored, account, at, told)), *puts]


def addressed(
    context: "MessageContext",
    person: Account,
    intent: Intent,
    debtor: Account,
    rulebook: Rulebook,
    locale: str,
) -> "MessageContext":
    """The debtor's message as it is said to the person, in their own language and as what they
    answer for it, with what the law where they live wants said."""
    from escalon.messages.context import format_locale

    heard = any(
        record.is_behind
        for key, record in debtor.followed.items()
        if key.startswith(f"{intent.receivable_id}/") and key.endswith(f"/{intent.person}")
    )
    return replace(
        context,
        debtor_name=person.name,
        debtor_kind=person.kind,
        locale=format_locale(person.language, locale),
        role=intent.role,
        notices=tuple(
            said(
                rulebook.policy_for(person.country).layers,
                channel=intent.channel,
                kind="collection",
                first=not heard,
                on=context.today,
                language=locale.partition("-")[0],
            ).values()
        ),
    )
