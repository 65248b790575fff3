"""Each account's story: its money, messages, decisions, refusals and tasks in one order of time,
as plain data for the page. Pure; nothing here formats a date or an amount."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from escalon_cli.replay.page.figures import bucket_of, stage_rank
from escalon_cli.replay.page.records import (
    Agreed,
    Decision,
    Entry,
    Message,
    Receivable,
    Refusal,
    Replay,
    Task,
)

# A decision to act explains what was sent for it if that happened within this time: a queue, a
# closed window or a retry may stand between the two.
WHY_WITHIN = timedelta(days=3)

# Where two things carry the same instant they are told in this order: what was known, what was
# decided, what was done.
_TELLING_ORDER = {
    "charge": 0, "money": 1, "agreement": 2, "decision": 3, "refusal": 4, "task": 5, "message": 6,
}  # fmt: skip

Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account: its line in the table and its story."""

    line: dict[str, Any]
    story: dict[str, Any]


@dataclass(slots=True)
class _Bundle:
    """Everything of one account, gathered before its story is told."""

    messages: list[Message] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    entries: list[tuple[datetime, Entry]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    agreements: list[Agreed] = field(default_factory=list)
    receivables: list[Receivable] = field(default_factory=list)


def tell(
    replay: Replay,
    dated: Iterable[tuple[datetime, Entry]],
    *,
    find_file: Callable[[str], str | None],
) -> tuple[Account, ...]:
    """The accounts in the order of their ids. `find_file` answers a message's relative path with
    the address to link to, or None where the page must not or cannot point at it."""
    bundles: dict[str, _Bundle] = defaultdict(_Bundle)
    for message in replay.messages:
        bundles[message.account_id].messages.append(message)
    for decision in replay.decisions:
        bundles[decision.account_id].decisions.append(decision)
    for task in replay.tasks:
        bundles[task.account_id].tasks.append(task)
    for at, entry in dated:
        bundles[entry.account_id].entries.append((at, entry))
    for refusal in replay.refusals:
        bundles[refusal.account_id].refusals.append(refusal)
    for agreed in replay.agreements:
        bundles[agreed.account_id].agreements.append(agreed)
    for receivable in replay.receivables:
        bundles[receivable.account_id].receivables.append(receivable)
    return tuple(
        _account(account_id, bundles[account_id], replay, find_file)
        for account_id in sorted(bundles)
    )


def _account(
    account_id: str, bundle: _Bundle, replay: Replay, find_file: Callable[[str], str | None]
) -> Account:
    entries = sorted(bundle.entries, key=lambda dated: (dated[0], _entry_rank(dated[1])))
    sent = [message for message in bundle.messages if message.went_out]
    receivables = _receivables(bundle.receivables, entries, replay)
    stages = [message.stage for message in sent] + [task.stage for task in bundle.tasks]
    names = [message.account_name for message in bundle.messages]
    names += [receivable.account_name for receivable in bundle.receivables]
    creditors = [receivable.creditor for receivable in bundle.receivables]
    creditors += [message.creditor for message in bundle.messages]
    last_sent_at = max((message.sent_at for message in sent), default=None)
    line = {
        "id": account_id,
        "name": next((name for name in names if name), ""),
        "creditor": ", ".join(sorted({creditor for creditor in creditors if creditor})),
        "money": _money(entries, replay),
        "stage": max((stage for stage in stages if stage), key=stage_rank, default=""),
        "messages": len(sent),
        "troubled": len(bundle.messages) - len(sent),
        "refusals": len(bundle.refusals),
        "tasks": len(bundle.tasks),
        "oldest": max((r["late"] for r in receivables if r["open"] > 0 and r["late"]), default=0),
        "last": _local(last_sent_at, None) if last_sent_at else "",
        "find": " ".join(r["id"] for r in receivables),
    }
    story = {
        "receivables": receivables,
        "events": _events(bundle, entries, replay, find_file),
        "stairs": _stairs(entries, replay),
        "marks": [
            {
                "t": _local(message.sent_at, None),
                "stage": message.stage,
                "step": message.step,
                "channel": message.channel,
            }
            for message in sorted(sent, key=lambda message: message.sent_at)
        ],
    }
    return Account(line=line, story=story)


def _entry_rank(entry: Entry) -> int:
    return _TELLING_ORDER["charge" if entry.kind == "charge" else "money"]


def _local(at: datetime, replay: Replay | None) -> str:
    """An instant as text to the second; in the replay's zone, or as it stands (a message's instant
    is in its debtor's zone already)."""
    return (at.astimezone(replay.tz) if replay else at).isoformat(timespec="seconds")


def _money(entries: Iterable[tuple[datetime, Entry]], replay: Replay) -> dict[str, dict[str, int]]:
    """Per currency: the signed sum of entries before the period and at its end, and the payments
    (less their reversals) within it."""
    money: dict[str, dict[str, int]] = {}
    for at, entry in entries:
        book = money.setdefault(entry.currency, {"opening": 0, "open": 0, "paid": 0})
        if at < replay.ends_before:
            book["open"] += entry.amount_minor
        if at < replay.starts_at:
            book["opening"] += entry.amount_minor
        elif at < replay.ends_before and (
            entry.kind == "payment" or (entry.kind == "reversal" and entry.amount_minor > 0)
        ):
            book["paid"] -= entry.amount_minor
    return dict(sorted(money.items()))


def _receivables(
    receivables: Iterable[Receivable], entries: Iterable[tuple[datetime, Entry]], replay: Replay
) -> list[dict[str, Any]]:
    """Each receivable with what is open of it at the end (the sum of its entries) and how late
    that is, oldest due date first."""
    balance: dict[str, int] = defaultdict(int)
    for at, entry in entries:
        if entry.receivable_id is not None and at < replay.ends_before:
            balance[entry.receivable_id] += entry.amount_minor
    rows = []
    for receivable in receivables:
        late = (replay.to_on - receivable.due_on).days if receivable.due_on else None
        rows.append(
            {
                "id": receivable.receivable_id,
                "currency": receivable.currency,
                "amount": receivable.amount_minor,
                "issued": receivable.issued_on.isoformat() if receivable.issued_on else "",
                "due": receivable.due_on.isoformat() if receivable.due_on else "",
                "settled": receivable.settled_on.isoformat() if receivable.settled_on else "",
                "dispute": receivable.dispute or "",
                "open": balance[receivable.receivable_id],
                "late": late,
                "bucket": bucket_of(late) if late is not None else "",
            }
        )
    return sorted(rows, key=lambda row: (str(row["due"] or "9999"), str(row["id"])))


def _stairs(
    entries: Iterable[tuple[datetime, Entry]], replay: Replay
) -> dict[str, list[tuple[str, int]]]:
    """The account's open balance after each entry, per currency, up to the end of the replay."""
    stairs: dict[str, list[tuple[str, int]]] = defaultdict(list)
    running: dict[str, int] = defaultdict(int)
    for at, entry in entries:
        if at < replay.ends_before:
            running[entry.currency] += entry.amount_minor
            stairs[entry.currency].append((_local(at, replay), running[entry.currency]))
    return dict(sorted(stairs.items()))


def _events(
    bundle: _Bundle,
    entries: Iterable[tuple[datetime, Entry]],
    replay: Replay,
    find_file: Callable[[str], str | None],
) -> list[Event]:
    explained: set[int] = set()

    def why(step: str, at: datetime) -> Event | None:
        """The last decision to act on this step before `at`: it is told with what it led to."""
        candidates = [
            (decision.as_of, number)
            for number, decision in enumerate(bundle.decisions)
            if decision.decision == "act"
            and decision.step == step
            and at - WHY_WITHIN <= decision.as_of <= at
        ]
        if not candidates:
            return None
        number = max(candidates)[1]
        explained.add(number)
        event = _decision_event(bundle.decisions[number], replay)
        return {name: event[name] for name in ("t", "reasons", "run")}

    told: list[tuple[datetime, int, Event]] = []
    for message in bundle.messages:
        event = _message_event(message, find_file)
        event["why"] = why(message.step, message.sent_at)
        told.append((message.sent_at, _TELLING_ORDER["message"], event))
    for task in bundle.tasks:
        event = _task_event(task, replay)
        event["why"] = why(task.step, task.opened_at) if task.step else None
        told.append((task.opened_at, _TELLING_ORDER["task"], event))
    for number, decision in enumerate(bundle.decisions):
        if number not in explained:
            told.append(
                (decision.as_of, _TELLING_ORDER["decision"], _decision_event(decision, replay))
            )
    for refusal in bundle.refusals:
        told.append((refusal.at, _TELLING_ORDER["refusal"], _refusal_event(refusal, replay)))
    for agreed in bundle.agreements:
        told.append((agreed.at, _TELLING_ORDER["agreement"], _agreed_event(agreed, replay)))
    running: dict[str, int] = defaultdict(int)
    for at, entry in entries:
        running[entry.currency] += entry.amount_minor
        told.append((at, _entry_rank(entry), _entry_event(at, entry, running, replay)))

    told.sort(key=lambda one: (one[0], one[1]))
    return collapse(event for _, _, event in told)


def collapse(events: Iterable[Event]) -> list[Event]:
    """Neighbouring events that say the same become one with `n` of them, from `t` to `t2`; the
    words kept are the last ones. Only decisions and refusals collapse: contacts and money never."""
    collapsed: list[Event] = []
    for event in events:
        before = collapsed[-1] if collapsed else None
        if before is not None and "same" in event and event["same"] == before.get("same"):
            collapsed[-1] = {**event, "t": before["t"], "t2": event["t"], "n": before["n"] + 1}
        else:
            collapsed.append({**event, "n": 1} if "same" in event else event)
    return [{name: value for name, value in event.items() if name != "same"} for event in collapsed]


def _message_event(message: Message, find_file: Callable[[str], str | None]) -> Event:
    page = find_file(message.html) if message.html else None
    if page is None and message.channel == "email":
        page = find_file(f"emails/{message.message_id}.html")
    return {
        "k": "message",
        "t": _local(message.sent_at, None),
        "id": message.message_id,
        "channel": message.channel,
        "creditor": message.creditor,
        "to": message.to,
        "step": message.step,
        "stage": message.stage,
        "subject": message.subject or "",
        "text": message.text,
        "state": message.state,
        "out": message.went_out,
        "provider_id": message.provider_message_id,
        "rulebook": message.rulebook_version,
        "html": page,
        "eml": find_file(message.eml) if message.eml else None,
        "items": [
            {
                "id": item.receivable_id,
                "open": item.open_minor,
                "currency": item.currency,
                "due": item.due_on.isoformat() if item.due_on else "",
                "late": item.days_past_due,
            }
            for item in message.receivables
        ],
    }


def _decision_event(decision: Decision, replay: Replay) -> Event:
    codes = tuple(reason.code for reason in decision.reasons)
    return {
        "k": "decision",
        "t": _local(decision.as_of, replay),
        "decision": decision.decision,
        "step": decision.step,
        "stage": decision.stage,
        "next": _local(decision.next_look_at, replay) if decision.next_look_at else "",
        "reasons": [
            {"code": reason.code, "text": reason.text, "text_en": reason.text_en}
            for reason in decision.reasons
        ],
        "run": decision.run_id,
        "same": ("decision", decision.decision, decision.step, codes),
    }


def _task_event(task: Task, replay: Replay) -> Event:
    return {
        "k": "task",
        "t": _local(task.opened_at, replay),
        "id": task.task_id,
        "kind": task.kind,
        "step": task.step,
        "stage": task.stage,
        "due": _local(task.due_at, replay) if task.due_at else "",
        "script": task.script,
        "reason": task.reason,
    }


def _refusal_event(refusal: Refusal, replay: Replay) -> Event:
    return {
        "k": "refusal",
        "t": _local(refusal.at, replay),
        "channel": refusal.channel,
        "step": refusal.step,
        "rule": refusal.rule,
        "code": refusal.code,
        "source": refusal.source,
        "reason": refusal.reason,
        "next": _local(refusal.next_allowed_at, replay) if refusal.next_allowed_at else "",
        "same": ("refusal", refusal.channel, refusal.step, refusal.rule, refusal.code),
    }


def _agreed_event(agreed: Agreed, replay: Replay) -> Event:
    return {
        "k": "agreement",
        "t": _local(agreed.at, replay),
        "became": agreed.became,
        "id": agreed.agreement_id,
        "kind": agreed.kind,
        "number": agreed.instalment,
        "amount": agreed.amount_minor,
        "paid": agreed.paid_minor,
        "currency": agreed.currency,
        "resume": agreed.resume_at,
    }


def _entry_event(at: datetime, entry: Entry, running: Mapping[str, int], replay: Replay) -> Event:
    return {
        "k": "money",
        "t": _local(at, replay),
        "kind": entry.kind,
        "amount": entry.amount_minor,
        "currency": entry.currency,
        "receivable": entry.receivable_id or "",
        "cause": entry.cause,
        "id": entry.entry_id,
        "open": running[entry.currency],
    }
