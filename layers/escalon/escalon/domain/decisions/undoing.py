"""Undoing: the account as it stands once a person has taken back what a run made of it.

Nothing is deleted: a step that was taken stays on record as undone, so that it may be taken again
as a further attempt, with a name of its own (invariant 1). What cannot be unsaid stays counted: the
debtor was contacted, and the contact policy goes on from there.
"""

from collections.abc import Collection, Iterable

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, Intent, Ladder, Receivable, StepRecord
from escalon.domain.rules.rulebook import END


class Opened(msgspec.Struct, frozen=True):
    """A task as the account has it: what it was opened for."""

    task_id: str
    kind: str
    creditor: str
    step: str
    about: str


class Undone(msgspec.Struct, frozen=True):
    """The account afterwards, the steps that went back (receivable, step, how it was recorded), and
    what was planned and will not be done. A reminder of an instalment names no receivable. What
    went to co-debtors and guarantors stands by itself: it cost nothing and is on no ladder."""

    account: Account
    steps: tuple[tuple[str, str, StepRecord], ...]
    withdrawn: tuple[Intent, ...]
    followed: tuple[StepRecord, ...] = ()


def undo(
    account: Account, run_id: str, settled: Collection[str], tasks: Iterable[Opened]
) -> Undone:
    """Take back what a run made: `settled` are the ids of its messages and tasks, `tasks` those of
    them that it opened. Idempotent: of what is undone already nothing is found."""
    withdrawn = tuple(
        intent
        for intent in account.intents
        if intent.run_id == run_id and intent.state == "planned" and intent.task != "unknown_fate"
    )
    gone = {intent.intent_id for intent in withdrawn}
    steps: list[tuple[str, str, StepRecord]] = []

    def back(records: dict[str, StepRecord], receivable_id: str) -> dict[str, StepRecord]:
        after = dict(records)
        for name, record in records.items():
            if record.intent_id in settled and record.is_behind:
                steps.append((receivable_id, name, record))
                after[name] = replace(record, state="undone")
        return after

    def of(receivable: Receivable) -> Receivable:
        noticed = tuple(
            replace(record, state="undone") if record.intent_id in settled else record
            for record in receivable.noticed
        )
        steps_after = back(receivable.steps, receivable.receivable_id)
        return replace(receivable, steps=steps_after, noticed=noticed)

    followed = {
        key: replace(record, state="undone")
        for key, record in account.followed.items()
        if record.intent_id in settled and record.is_behind
    }
    ended = tuple(tasks)
    marks = {task.about for task in ended if task.kind == "data_repair"}
    account = replace(
        account,
        intents=tuple(i for i in account.intents if i.intent_id not in gone),
        receivables=tuple(of(receivable) for receivable in account.receivables),
        reminded=back(account.reminded, ""),
        followed={**account.followed, **followed},
        exceptions=tuple(mark for mark in account.exceptions if mark not in marks),
    )
    ladders = dict(account.ladders)
    for _, name, record in steps:
        for creditor, ladder in account.ladders.items():
            if (ladder.last_step, ladder.last_at) == (name, record.at):
                ladders[creditor] = _before(account, creditor, ladders[creditor])
    for task in ended:
        asked = ladders.get(task.creditor)
        if task.step == END and task.kind != "data_repair" and asked is not None:
            # How often it was asked stays counted, so that the next has a name of its own.
            ladders[task.creditor] = replace(asked, ended_at=None)
    account = replace(account, ladders=ladders)
    return Undone(account, tuple(steps), withdrawn, tuple(followed.values()))


def _before(account: Account, creditor: str, ladder: Ladder) -> Ladder:
    """The ladder as the latest step towards the creditor left it that still stands."""
    standing = [
        (record.at, name)
        for receivable in account.receivables
        if receivable.creditor == creditor
        for name, record in receivable.steps.items()
        if record.is_behind
    ]
    at, step = max(standing, default=(None, ""))
    return replace(ladder, last_step=step, last_at=at)
