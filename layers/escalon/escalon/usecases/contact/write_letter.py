"""Write letter: what a person who has a letter on their list prints and posts.

The words are those of the step's message and the amounts those of this moment, not of the day on
which the task was opened: who has paid meanwhile gets no letter (L7), and neither does whoever must
not be written to now.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from escalon.domain.account import Account, Intent
from escalon.domain.contact.policy import Deny
from escalon.domain.contact.text import explain
from escalon.domain.contact.told import kind_of, may_contact
from escalon.domain.decisions.by_hand import address_of
from escalon.domain.rules.rulebook import Rulebook, Step
from escalon.messages.context import pick_locale
from escalon.messages.errors import MessageError
from escalon.papers.letter import letter_paper
from escalon.papers.paper import Paper
from escalon.usecases.contact.deliver import message_context


class NoLetterError(LookupError):
    """There is nothing to post any more, or nothing to write it from; says why."""


def letter_of(
    account: Account, task: Mapping[str, Any], rulebook: Rulebook, now: datetime
) -> Paper:
    """The letter of one task of the kind `letter`, as the table has it. Raises NoLetterError."""
    step = _step_of(str(task["step"]), rulebook)
    about = str(task["receivable_id"])
    owed = next((one for one in account.receivables if one.receivable_id == about), None)
    if owed is None:
        raise NoLetterError(f"what the letter was about, {about}, is settled: do not post it")
    locale = pick_locale(
        rulebook.messages.keys(), account.language or rulebook.language, rulebook.language
    )
    point = address_of(account, "letter", str(task.get("point_id", "")))
    verdict = may_contact(
        account,
        rulebook,
        channel="letter",
        point=point,
        kind=kind_of(step),
        at=now,
        receivable=owed,
        step=step,
    )
    if isinstance(verdict, Deny):
        raise NoLetterError(f"do not post it: {explain(verdict, 'en')}")
    intent = Intent(
        str(task["task_id"]),
        "planned",
        str(task["creditor"]),
        about,
        step.step,
        step.stage,
        "letter",
        "",
        "letter",
        rulebook.version,
        now,
    )
    context = message_context(account, intent, step, rulebook, now)
    address = point.address if point is not None else ""
    lines = tuple(part.strip() for part in address.replace("\n", ",").split(",") if part.strip())
    try:
        return letter_paper(rulebook.messages[locale], step.message, context, lines)
    except MessageError as error:
        raise NoLetterError(f"there is no letter to write: {error}") from error


def _step_of(name: str, rulebook: Rulebook) -> Step:
    for strategy in rulebook.strategies:
        for step in strategy.steps:
            if step.step == name and step.message:
                return step
    raise NoLetterError(f"the rulebook has no message for the step {name} any more")
