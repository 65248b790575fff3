"""To find out: the work of a person while nobody knows what became of a message.

The task stands in the account whose message it is; that of a message to a co-debtor or guarantor in
the debtor's, with their account as its `person`. Its name is a function of the message, so there is
one at most, and whoever learns of the message finds it.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from escalon.domain import facts
from escalon.domain.account import Account
from escalon.domain.contact.feedback import HEARD_WITHIN, Event, Message, is_known
from escalon.domain.decisions.transitions import find_intent, unknown_fate_id
from escalon.domain.facts import Fact
from escalon.domain.storage import instant

if TYPE_CHECKING:
    from escalon.adapters.table import Table

type _Document = dict[str, Any]


def task_key(message: Message) -> tuple[str, str]:
    """Where the task about the message stands."""
    account_id = message.debtor_id or message.account_id
    return f"A#{account_id}", f"T#{unknown_fate_id(account_id, message.message_id)}"


def opened(
    table: "Table", message: Message, now: datetime, due_at: datetime
) -> tuple[_Document, Fact]:
    """The task on its list as a transaction item, and the fact that says so."""
    pk, sk = task_key(message)
    task = {
        "task_id": sk.removeprefix("T#"),
        "account_id": pk.removeprefix("A#"),
        "kind": "unknown_fate",
        "creditor": message.creditor,
        "receivable_id": "",
        "step": message.step,
        "stage": message.stage,
        "script": "",
        "approval": "",
        "channel": "task",
        "about": message.message_id,
        **_person(message),
        "queue": "",
        "opened_at": now,
        "due_at": due_at,
        "run_id": message.run_id,
    }
    put = table.put_document(pk, sk, task, due_shard="tasks", look_at=instant(due_at))
    about = {**about_message(message), **_person(message), "task": task["kind"]}
    return put, facts.noted("opened", now, **about)


def after_word(
    table: "Table",
    account: Account,
    message: Message,
    task: _Document | None,
    event: Event,
    at: datetime,
    now: datetime,
) -> tuple[list[_Document], list[Fact]]:
    """What a carrier's word, or a person's, does to the task of `account` about the message, which
    says so already: closed once nobody has to find out any more; opened, and due when the carrier
    has had its time, where the carrier cannot tell either. As transaction items and facts."""
    is_open = task is not None and "closed_at" not in task
    heard_by = message.claimed_at + HEARD_WITHIN
    # That the carrier was still trying, told after its time, tells a person nothing.
    is_answered = is_known(message.state) and (message.state != "delayed" or now < heard_by)
    if task is not None and is_open and is_answered:
        closed = {**task, "closed_at": at, "outcome": event}
        told = {
            "task_id": task["task_id"],
            "task": task["kind"],
            "about": task["about"],
            "outcome": event,
        }
        put = table.put_document(*task_key(message), closed)
        return [put], [facts.noted("task_closed", at, **told)]
    on_its_way = find_intent(account, unknown_fate_id(account.account_id, message.message_id))
    if message.state != "unconfirmed" or is_open or on_its_way is not None:
        return [], []
    put, fact = opened(table, message, now, max(now, heard_by))
    return [put], [fact]


def about_message(message: Message) -> dict[str, str]:
    """What a fact says of the message."""
    return {
        "intent_id": message.message_id,
        "creditor": message.creditor,
        "step": message.step,
        "stage": message.stage,
        "channel": message.channel,
        "rulebook": message.rulebook,
    }


def _person(message: Message) -> dict[str, str]:
    return {"person": message.account_id} if message.debtor_id else {}
