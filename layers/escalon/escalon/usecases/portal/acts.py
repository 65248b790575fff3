"""What debtors do on their page that is no money: dispute, ask, ask for help, choose how we reach
them, stop a channel, say how they were treated.

Each is one transaction on the account's version: its effect, its fact, and work for a person where
one has to answer. A form carries a name of its own (`key`); sent twice it does one thing. What
people write stays in the task; facts name codes and ids.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain import facts
from escalon.domain.account import Account, Channel, Hold
from escalon.domain.calendar import Week
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions.transitions import channel_allowed, channel_refused
from escalon.domain.facts import Fact
from escalon.domain.holds import end_of, placed
from escalon.domain.local_time import add_days, local_date
from escalon.domain.ports import Clock
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError, Stored, instant

if TYPE_CHECKING:
    from escalon.adapters.table import Table

# Colombia gives 10 working days for a question and 15 for a dispute (Ley 1266 of 2008, art. 16);
# nobody who asked should wait for the last of them.
DAYS_TO_ANSWER = {
    "question": 2,
    "dispute": 5,
    "hardship": 1,
    "complaint": 2,
    "declined": 2,
    "wrong_person": 2,
}
DISPUTE_RESTS = 45  # days; a person ends it sooner, or gives it more time
HELP_RESTS = 30
# Whoever has had a pause from this page gets the next one from a person.
HELP_AGAIN = 120  # days from the beginning of one to that of the next
LONGEST_TEXT = 2000  # characters of what somebody writes

type Treated = Literal["well", "fair", "badly"]
type DisputeReason = Literal[
    "paid", "amount", "not_mine", "not_received", "agreed_otherwise", "identity_theft", "other"
]
DISPUTE_REASONS: tuple[DisputeReason, ...] = (
    "paid",
    "amount",
    "not_mine",
    "not_received",
    "agreed_otherwise",
    "identity_theft",
    "other",
)

SOURCE = "portal"

_TRIES = 5


class Wish(msgspec.Struct, frozen=True):
    """How somebody wants to be reached: channels that they want nothing by, those that they allow
    again, the only hours that suit (None: any), their language."""

    refused: tuple[str, ...]
    allowed: tuple[str, ...]
    hours: Week | None
    language: str


class Did(msgspec.Struct, frozen=True):
    """That an act stands: the name of its task, if it opened one."""

    task_id: str = ""


class PortalActs:
    """Does them. `rulebook` is the one in force."""

    def __init__(self, table: "Table", clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def dispute(
        self,
        account_id: str,
        receivable_id: str,
        reason: DisputeReason,
        text: str,
        *,
        key: str,
        rulebook: Rulebook,
    ) -> Did:
        """A person looks at it. The receivable rests meanwhile, once for each reason: whoever could
        say the same again and again would never be asked for it."""
        task_id = f"d{key}"

        def apply(account: Account, now: datetime) -> "_Effect":
            today = _today(account, rulebook, now)
            creditor = next(
                (r.creditor for r in account.receivables if r.receivable_id == receivable_id), ""
            )
            about = {"receivable_id": receivable_id, "reason": reason}
            files = upload_folder(account_id, task_id)
            task = _task(
                "dispute", task_id, account, now, text, creditor=creditor, files=files, **about
            )
            told = facts.noted("disputed", now, **about, task_id=task_id)
            if self._was_disputed(account_id, about):
                return _Effect(account, (told,), (task,))
            hold = Hold(
                f"portal-{key}",
                "dispute",
                today,
                add_days(today, DISPUTE_RESTS),
                receivable_id,
                SOURCE,
            )
            return _rests(account, hold, rulebook, today, told, task)

        self._write(account_id, key, apply)
        return Did(task_id)

    def ask(self, account_id: str, creditor: str, text: str, *, key: str) -> Did:
        """A question, for a person to answer."""
        return self._task_alone(account_id, "question", "asked", creditor, text, key)

    def ask_for_help(
        self, account_id: str, creditor: str, text: str, *, key: str, rulebook: Rulebook
    ) -> Did:
        """Somebody cannot pay at all: everything rests for a while and a person gets in touch."""
        task_id = f"h{key}"

        def apply(account: Account, now: datetime) -> "_Effect":
            today = _today(account, rulebook, now)
            task = _task("hardship", task_id, account, now, text, creditor=creditor)
            told = facts.noted("help_asked", now, task_id=task_id)
            until = pause_until(account, rulebook, today)
            if until is None:
                return _Effect(account, (told,), (task,))
            hold = Hold(f"portal-{key}", "vulnerable", today, until, source=SOURCE)
            return _rests(account, hold, rulebook, today, told, task)

        self._write(account_id, key, apply)
        return Did(task_id)

    def prefer(self, account_id: str, wish: Wish, *, key: str, rulebook: Rulebook) -> Did:
        """Channels, hours and language as they are wanted. A channel that is refused is one whose
        consent ends; one that is allowed again has this form for its evidence."""

        def apply(account: Account, now: datetime) -> "_Effect":
            today = _today(account, rulebook, now)
            changed = replace(account, hours=wish.hours, language=wish.language)
            for channel in wish.refused:
                changed = channel_refused(changed, _channel(channel), now)
            for channel in wish.allowed:
                for point in account.points:
                    if point.channel == channel and not point.failed:
                        changed = channel_allowed(
                            changed, point.channel, point.address, today, f"portal:{key}"
                        )
            fact = facts.noted(
                "preferences_changed",
                now,
                refused=sorted(changed.refused_channels),
                hours=wish.hours is not None,
                language=wish.language,
            )
            return _Effect(changed, (fact,))

        self._write(account_id, key, apply)
        return Did()

    def stop(self, account_id: str, channel: str, message_id: str, how: str) -> Did:
        """Nothing more comes by this channel. Said again it changes nothing."""

        def apply(account: Account, now: datetime) -> "_Effect":
            changed = channel_refused(account, _channel(channel), now)
            if changed == account:
                raise AlreadyDoneError
            fact = facts.noted(
                "consent_revoked", now, channel=channel, reason=how, intent_id=message_id
            )
            return _Effect(changed, (fact,))

        self._write(account_id, "", apply)
        return Did()

    def wrong_person(self, account_id: str, channel: str, address: str, message_id: str) -> Did:
        """Whoever reads the message is somebody else: that address is never written to again, and
        a person looks at it."""
        task_id = f"w{message_id}"

        def apply(account: Account, now: datetime) -> "_Effect":
            points = tuple(
                replace(point, failed="wrong person")
                if point.channel == channel
                and point.address.casefold() == address.casefold()
                and not point.failed
                else point
                for point in account.points
            )
            changed = replace(account, points=points, exceptions=())
            task = _task(
                "wrong_person", task_id, account, now, "", about=message_id, channel=channel
            )
            fact = facts.noted(
                "wrong_person", now, channel=channel, intent_id=message_id, task_id=task_id
            )
            return _Effect(changed, (fact,), (task,))

        self._write(account_id, f"wrong:{message_id}", apply)
        return Did(task_id)

    def feedback(
        self, account_id: str, creditor: str, treated: Treated, text: str, *, key: str
    ) -> Did:
        """How somebody was treated. Whoever was treated badly is heard by a person."""
        task_id = f"f{key}" if treated == "badly" or text else ""

        def apply(account: Account, now: datetime) -> "_Effect":
            fact = facts.noted("treated", now, how=treated, creditor=creditor, task_id=task_id)
            tasks = (
                (
                    _task(
                        "complaint", task_id, account, now, text, creditor=creditor, reason=treated
                    ),
                )
                if task_id
                else ()
            )
            return _Effect(account, (fact,), tasks)

        self._write(account_id, key, apply)
        return Did(task_id)

    def declined(self, account_id: str, creditor: str, agreement_id: str, text: str) -> Did:
        """Why somebody declines an offer, in their own words, for a person to read."""
        task_id = f"n{agreement_id}"

        def apply(account: Account, now: datetime) -> "_Effect":
            task = _task(
                "declined", task_id, account, now, text, creditor=creditor, about=agreement_id
            )
            fact = facts.noted("declined", now, task_id=task_id, agreement_id=agreement_id)
            return _Effect(account, (fact,), (task,))

        self._write(account_id, f"declined:{account_id}:{agreement_id}", apply)
        return Did(task_id)

    def verified(self, account_id: str, message_id: str, channel: str) -> None:
        """Somebody has shown that they know the debtor's document."""

        def apply(account: Account, now: datetime) -> "_Effect":
            fact = facts.noted("portal_verified", now, intent_id=message_id, channel=channel)
            return _Effect(account, (fact,))

        self._write(account_id, "", apply, moves=False)

    def confirmed(self, account_id: str, message_id: str, point_id: str, about: str) -> None:
        """Somebody has given a one-time code back."""

        def apply(account: Account, now: datetime) -> "_Effect":
            fact = facts.noted(
                "portal_confirmed", now, intent_id=message_id, point_id=point_id, about=about
            )
            return _Effect(account, (fact,))

        self._write(account_id, "", apply, moves=False)

    # ---------------------------------------------------------------- inside

    def _task_alone(
        self, account_id: str, kind: str, told: str, creditor: str, text: str, key: str
    ) -> Did:
        task_id = f"q{key}"

        def apply(account: Account, now: datetime) -> "_Effect":
            task = _task(kind, task_id, account, now, text, creditor=creditor)
            fact = facts.noted(told, now, task_id=task_id, creditor=creditor)
            return _Effect(account, (fact,), (task,))

        self._write(account_id, key, apply)
        return Did(task_id)

    def _write(
        self,
        account_id: str,
        key: str,
        apply: Callable[[Account, datetime], "_Effect"],
        *,
        moves: bool = True,
    ) -> None:
        """Apply a change once. Raises ConflictError if others keep changing the account, and
        LookupError if there is none."""
        for attempt in range(_TRIES):
            stored = self._table.get(account_id)
            if stored is None:
                raise LookupError("there is no such account")
            now = self._clock.now()
            try:
                effect = apply(stored.account, now)
                items = [self._put_task(task) for task in effect.tasks]
                if key:
                    about = {"account_id": account_id, "at": now}
                    items.append(self._table.once(f"portal:{key}", about))
                change = Change(
                    stored, effect.account, _look_at(stored, now, moves=moves), effect.told
                )
                self._table.update(change, *items)
            except AlreadyDoneError:
                return
            except ConflictError:
                if attempt + 1 == _TRIES:
                    raise
                continue
            return

    def disputed(self, account_id: str, task_id: str) -> str:
        """The receivable that such a dispute of the account's is about, to which files may be
        added; empty if it has none."""
        task = self._table.load(f"A#{account_id}", f"T#{task_id}")
        return str(task["receivable_id"]) if task and task["kind"] == "dispute" else ""

    def _was_disputed(self, account_id: str, about: Mapping[str, str]) -> bool:
        """Whether the page has taken a dispute of this receivable for this reason before. Asked of
        the tasks, which stay: the account forgets a hold 90 days after its end."""
        return any(
            task["kind"] == "dispute"
            and task.get("source") == SOURCE
            and all(task[name] == value for name, value in about.items())
            for task in self._table.documents(f"A#{account_id}", "T#")
        )

    def _put_task(self, task: dict[str, Any]) -> dict[str, Any]:
        return self._table.put_document(
            f"A#{task['account_id']}",
            f"T#{task['task_id']}",
            task,
            due_shard="tasks",
            look_at=instant(task["due_at"]),
        )


class _Effect(msgspec.Struct, frozen=True):
    account: Account
    told: tuple[Fact, ...]
    tasks: Sequence[dict[str, Any]] = ()


def _look_at(stored: Stored, now: datetime, *, moves: bool) -> datetime | None:
    """What changes what may be said is looked at in the next run; the rest keeps its place."""
    if not stored.look_at:
        return None
    return now if moves else datetime.fromisoformat(stored.look_at)


def _today(account: Account, rulebook: Rulebook, now: datetime) -> date:
    return local_date(zones_for(rulebook, account), now)


def pause_until(account: Account, rulebook: Rulebook, today: date) -> date | None:
    """Until when everything would rest if help were asked for today; None if it rests already, or
    has lately."""
    since = add_days(today, -HELP_AGAIN)
    if any(hold.kind == "vulnerable" and hold.starts_on > since for hold in account.holds):
        return None
    hold = Hold("", "vulnerable", today, add_days(today, HELP_RESTS))
    return end_of(hold, rulebook.holds)


def _rests(
    account: Account, hold: Hold, rulebook: Rulebook, today: date, told: Fact, task: dict[str, Any]
) -> _Effect:
    after = placed(account, hold, rulebook.holds, today)
    hold = after.holds[-1]
    until = hold.ends_on.isoformat() if hold.ends_on else ""
    return _Effect(after, ({**told, "hold_id": hold.hold_id, "until": until},), (task,))


def _channel(name: str) -> Channel:
    channel: Channel = msgspec.convert(name, Channel)
    return channel


def upload_folder(account_id: str, task_id: str) -> str:
    """Where what somebody uploads for a task lies, before anybody has looked at it."""
    return f"quarantine/{account_id}/{task_id}/"


def _task(
    kind: str, task_id: str, account: Account, now: datetime, text: str, **about: str
) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "account_id": account.account_id,
        "kind": kind,
        "creditor": "",
        "receivable_id": "",
        "step": "",
        "stage": "",
        "script": "",
        "approval": "",
        "channel": "task",
        "about": "",
        "queue": "",
        "opened_at": now,
        "due_at": now + timedelta(days=DAYS_TO_ANSWER[kind]),
        "run_id": "",
        "text": text[:LONGEST_TEXT],
        "source": SOURCE,
        **about,
    }
