"""Write letter: what a person who has a letter on their list prints and posts.

The words are those of the step's message and the amounts those of this moment, not of the day on
which the task was opened: who has paid meanwhile gets no letter (L7), and neither does whoever must
not be written to now, for whatever reason the list of tasks gives.
"""

from collections.abc import Mapping
from datetime import datetime

from escalon.domain.account import Account, Intent
from escalon.domain.contact.brakes import Brakes
from escalon.domain.decisions.by_hand import address_of
from escalon.domain.decisions.last_look import last_look, step_of, why_not
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.tasks import Task
from escalon.messages.context import pick_locale
from escalon.messages.errors import MessageError
from escalon.papers.letter import letter_paper
from escalon.papers.paper import Paper
from escalon.usecases.contact.deliver import message_context


class NoLetterError(LookupError):
    """There is nothing to post any more, or nothing to write it from; says why."""


def letter_of(
    account: Account,
    task: Task,
    rulebook: Rulebook,
    now: datetime,
    *,
    feeds: Mapping[str, datetime],
    brakes: Brakes,
) -> Paper:
    """The letter of one task of the kind `letter`, if it may be posted at `now` (aware): `feeds`
    says when each payment feed last told us, `brakes` what people have stopped. Raises
    NoLetterError."""
    look = last_look(account, rulebook, task, now, feeds=feeds, brakes=brakes)
    if told := why_not(look, account, rulebook, brakes, "en", now):
        raise NoLetterError(f"do not post it: {'; '.join(told)}")
    step = step_of(rulebook, task)
    if step is None or not step.message:
        raise NoLetterError(f"the rulebook has no message for the step {task.step}")
    locale = pick_locale(
        rulebook.messages.keys(), account.language or rulebook.language, rulebook.language
    )
    intent = Intent(
        task.task_id,
        "planned",
        task.creditor,
        task.receivable_id,
        step.step,
        step.stage,
        "letter",
        "",
        "letter",
        rulebook.version,
        now,
    )
    context = message_context(account, intent, step, rulebook, now)
    point = address_of(account, "letter", task.point_id)
    address = point.address if point is not None else ""
    lines = tuple(part.strip() for part in address.replace("\n", ",").split(",") if part.strip())
    try:
        return letter_paper(rulebook.messages[locale], step.message, context, lines)
    except MessageError as error:
        raise NoLetterError(f"there is no letter to write: {error}") from error
