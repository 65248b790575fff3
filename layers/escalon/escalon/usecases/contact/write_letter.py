"""Write letter: what a person who has a letter on their list prints and posts.

The words are those of the step's message and the amounts those of this moment, not of the day on
which the task was opened: who has paid meanwhile gets no letter (L7).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from escalon.domain.account import Account, Intent
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
    if all(one.receivable_id != about for one in account.receivables):
        raise NoLetterError(f"what the letter was about, {about}, is settled: do not post it")
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
    locale = pick_locale(
        rulebook.messages.keys(), account.language or rulebook.language, rulebook.language
    )
    context = message_context(account, intent, step, rulebook, now)
    address = next((one.address for one in account.points if one.channel == "letter"), "")
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
