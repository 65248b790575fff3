"""What a replay leaves behind: everything that happened, as files that other tools can read.

Accounts are named by the source's own references here; inside the system they are opaque.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from email import policy
from email.parser import BytesParser
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from escalon.domain.account import Account
from escalon.domain.contact.told import zones_for
from escalon.domain.decisions.decision import Refusal
from escalon.domain.decisions.explanation import refusal_sentence, sentences
from escalon.domain.holds import end_of
from escalon.domain.local_time import in_zone
from escalon.messages.render import AGREEMENT, RECEIPT
from escalon.usecases.runs.books import Totals
from escalon_cli.deployed import Deployed
from escalon_cli.replay.play import Plan, Played
from escalon_cli.waiting import run_totals

type Line = dict[str, Any]


class Books:
    """The deployed tables, read once, in the source's words."""

    def __init__(self, deployed: Deployed, played: Played) -> None:
        self._deployed = deployed
        self._rulebook = played.rulebook
        self.accounts: dict[str, Account] = {
            stored.account.account_id: stored.account for stored in deployed.table.all_accounts()
        }

    def ref(self, account_id: str) -> str:
        """The source's reference of an account."""
        return self.accounts[account_id].source_ref

    def zones(self, account_id: str) -> tuple[str, ...]:
        """Where the debtor lives."""
        return zones_for(self._rulebook, self.accounts[account_id])

    def local(self, account_id: str, at: str) -> str:
        """An instant on the debtor's clock, with its offset."""
        return in_zone(self.zones(account_id), datetime.fromisoformat(at)).isoformat()

    def messages(self) -> tuple[list[Line], list[Line]]:
        """Every message that was handed to a provider, or may have been: those that ask, and the
        receipts. Those ask for nothing and go when they go: they are no part of what a ladder
        says."""
        messages: list[Line] = []
        receipts: list[Line] = []
        steps = (step for strategy in self._rulebook.strategies for step in strategy.steps)
        gives = {step.step: step.gives for step in steps if step.gives}
        for document in self._deployed.table.all_documents("M#"):
            if document["state"] == "released":
                continue  # nothing has left: the provider was not reached
            account_id = document["account_id"]
            is_receipt = document.get("kind") in (RECEIPT, AGREEMENT)
            asking = "statutory_notice" if document["step"] in gives else "collection"
            (receipts if is_receipt else messages).append(
                {
                    "message_id": document["message_id"],
                    "account_id": self.ref(account_id),
                    "debtor_id": self.ref(document.get("debtor_id", account_id)),
                    "role": document.get("role", "debtor"),
                    "kind": "transaction_confirmation" if is_receipt else asking,
                    "gives": gives.get(document["step"], ()),
                    "account_name": self.accounts[account_id].name,
                    "creditor": document["creditor"],
                    "channel": document["channel"],
                    "to": document["to"],
                    "step": document["step"],
                    "stage": document["stage"],
                    "sent_at": self.local(
                        account_id, document.get("settled_at") or document["claimed_at"]
                    ),
                    "receivables": document["receivables"],
                    "subject": document["subject"] or None,
                    "segments": document.get("segments") or None,
                    "rulebook_version": document["rulebook"],
                    "provider_message_id": document.get("provider_message_id"),
                    "state": document["state"],
                    "reason": document.get("reason"),
                    "told": {
                        event: self.local(account_id, told["at"])
                        for event, told in document.get("told", {}).items()
                    },
                    "crossed_by": document.get("crossed_by"),
                    "run_id": document["run_id"],
                    "kept_at": document["kept_at"],
                }
            )
        for found in (messages, receipts):
            found.sort(key=lambda line: (line["sent_at"], line["message_id"]))
        return messages, receipts

    def persons(self) -> list[Line]:
        """Every account as it is at the end, as far as the law on contact asks: where the person
        is, by what they may be reached, what rests, and every change of a consent on the way."""
        consents: dict[str, list[Line]] = defaultdict(list)
        for entry in self._deployed.table.all_documents("C#"):
            consents[entry.pop("_account_id")].append(entry)
        placed_at = {
            document["hold"]["hold_id"]: document.get("placed_at")
            for document in self._deployed.table.all_documents("H#")
        }
        kinds = self._rulebook.holds
        found = []
        for account_id, account in self.accounts.items():
            found.append(
                {
                    "account_id": account.source_ref,
                    "country": account.country,
                    "region": account.region,
                    "zones": account.zones,
                    "number_zones": account.number_zones,
                    "points": account.points,
                    "refused_channels": account.refused_channels,
                    "consents": consents[account_id],
                    "holds": [
                        {
                            "kind": hold.kind,
                            "stop": kinds[hold.kind].stop if hold.kind in kinds else "",
                            "receivable_id": hold.receivable_id,
                            "placed_at": placed_at.get(hold.hold_id),
                            "from": hold.starts_on,
                            "until": end_of(hold, kinds),
                        }
                        for hold in account.holds
                    ],
                }
            )
        return sorted(found, key=lambda line: str(line["account_id"]))

    def tasks(self) -> list[Line]:
        """Work that was opened for people."""
        found = [
            {
                "task_id": document["task_id"],
                "account_id": self.ref(document["account_id"]),
                "kind": document["kind"],
                "step": document["step"],
                "stage": document["stage"],
                "receivable_id": document["receivable_id"] or None,
                "opened_at": self.local(document["account_id"], document["opened_at"]),
                "due_at": self.local(document["account_id"], document["due_at"]),
                "script": document["script"] or None,
                "approval": document["approval"] or None,
                "about": document["about"] or None,
            }
            for document in self._deployed.table.all_documents("T#")
        ]
        return sorted(found, key=lambda line: (line["opened_at"], line["task_id"]))

    def ledger(self) -> list[Line]:
        """Every ledger entry."""
        found = [
            {
                "entry_id": document["entry_id"],
                "receivable_id": document["receivable_id"] or None,
                "account_id": self.ref(document["account_id"]),
                "creditor": document["creditor"],
                "kind": document["kind"],
                "component": document.get("component", "principal"),
                "amount_minor": document["amount_minor"],
                "currency": document["currency"],
                "booked_at": self.local(document["account_id"], document["booked_at"]),
                "cause": document["cause"],
            }
            for document in self._deployed.table.all_documents("L#")
        ]
        return sorted(found, key=lambda line: (line["booked_at"], line["entry_id"]))

    def receivables(self, ledger: Iterable[Mapping[str, Any]]) -> list[Line]:
        """Every receivable, with the day on which its last payment settled it."""
        last: dict[tuple[str, str | None], str] = {}
        for entry in ledger:
            if entry["kind"] == "payment":
                last[entry["account_id"], entry["receivable_id"]] = entry["booked_at"][:10]
        found = []
        for document in self._deployed.table.all_documents("R#"):
            account_id = document["_account_id"]
            account = self.accounts[account_id]
            settled = document["open_minor"] == 0
            held = [
                hold for hold in account.holds if hold.receivable_id == document["receivable_id"]
            ]
            found.append(
                {
                    "receivable_id": document["receivable_id"],
                    "account_id": account.source_ref,
                    "account_name": account.name,
                    "creditor": document["creditor"],
                    "document": document["document"],
                    "issued_on": document["issued_on"],
                    "due_on": document["due_on"],
                    "currency": document["currency"],
                    "amount_minor": document["amount_minor"],
                    "open_minor": document["open_minor"],
                    "settled_on": (
                        last.get((account.source_ref, document["receivable_id"]))
                        if settled
                        else None
                    ),
                    "dispute": (
                        {"from": str(held[0].starts_on), "to": str(held[0].ends_on or "")}
                        if held and held[0].kind == "dispute"
                        else None
                    ),
                }
            )
        return sorted(found, key=lambda line: (line["account_id"], line["receivable_id"]))

    def agreements(self) -> list[Line]:
        """What became of agreements and their instalments."""
        currencies = {
            (account_id, one.agreement_id): one.currency
            for account_id, account in self.accounts.items()
            for one in account.agreements
        }
        found = [
            {
                "account_id": self.ref(account_id),
                "at": self.local(account_id, fact["at"]),
                "became": fact["fact"],
                "agreement_id": fact["agreement_id"],
                "kind": fact.get("kind"),
                "instalment": fact.get("instalment"),
                "amount_minor": fact.get("amount_minor") or fact.get("total_minor"),
                "paid_minor": fact.get("paid_minor"),
                "currency": currencies.get((account_id, fact["agreement_id"])),
                "resume_at": fact.get("resume_at") or None,
            }
            for account_id, fact in self._facts
            if fact["fact"].startswith(("agreement_", "instalment_"))
        ]
        return sorted(found, key=lambda line: line["at"])  # of one instant: as they were told

    @cached_property
    def _facts(self) -> list[tuple[str, Line]]:
        return list(self._deployed.history.everything())

    def decisions_and_refusals(self) -> tuple[list[Line], list[Line]]:
        """What the engine answered each time, and every contact it was not allowed."""
        decisions: list[Line] = []
        refusals: list[Line] = []
        for account_id, fact in self._facts:
            if fact["fact"] not in ("decided", "withdrawn"):
                continue
            at = self.local(account_id, fact["at"])
            zones = self.zones(account_id)
            if fact["fact"] == "decided":
                spanish, english = (
                    sentences(fact["reasons"], locale=locale, zones=zones)
                    for locale in ("es", "en")
                )
                decisions.append(
                    {
                        "account_id": self.ref(account_id),
                        "as_of": at,
                        "decision": fact["outcome"],
                        "action": fact.get("action"),
                        "creditor": fact.get("creditor") or None,
                        "step": fact.get("step") or None,
                        "stage": fact.get("stage") or None,
                        "channel": fact.get("channel") or None,
                        "receivable_id": fact.get("receivable_id") or None,
                        "next_look_at": fact.get("next_look_at")
                        and self.local(account_id, fact["next_look_at"]),
                        "reasons": [
                            {**reason, "text": text, "text_en": text_en}
                            for reason, text, text_en in zip(
                                fact["reasons"], spanish, english, strict=True
                            )
                        ],
                        "rulebook_version": fact["rulebook"],
                        "run_id": fact["run_id"],
                    }
                )
            for refusal in fact.get("refusals", ()):
                allowed = refusal.get("next_allowed_at")
                kept = msgspec.convert(refusal, Refusal)
                refusals.append(
                    {
                        "text": refusal_sentence(kept, locale="es", zones=zones),
                        "text_en": refusal_sentence(kept, locale="en", zones=zones),
                        "account_id": self.ref(account_id),
                        "at": at,
                        "by": "last look" if fact["fact"] == "withdrawn" else "decision",
                        "creditor": refusal["creditor"],
                        "step": refusal["step"],
                        "channel": refusal["channel"],
                        "rule": refusal["rule"],
                        "source": refusal["source"],
                        "reason": refusal["code"],
                        "next_allowed_at": allowed and self.local(account_id, allowed),
                    }
                )
        decisions.sort(key=lambda line: (line["as_of"], line["account_id"]))
        refusals.sort(key=lambda line: (line["at"], line["account_id"], line["channel"]))
        return decisions, refusals


def write(deployed: Deployed, plan: Plan, played: Played, out: Path) -> dict[str, Any]:
    """Write every file of the replay into `out`; returns the summary."""
    books = Books(deployed, played)
    ledger = books.ledger()
    messages = write_contacts(deployed, books, ledger, out)
    tasks = books.tasks()
    receivables = books.receivables(ledger)
    decisions, refusals = books.decisions_and_refusals()
    for name, lines in (
        ("decisions", decisions),
        ("tasks", tasks),
        ("refusals", refusals),
        ("receivables", receivables),
        ("agreements", books.agreements()),
    ):
        _write_lines(out / f"{name}.jsonl", lines)
    summary = _summary(deployed, plan, played, messages, tasks, ledger, refusals)
    (out / "summary.json").write_text(
        json.dumps(summary, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8"
    )
    return summary


def write_contacts(deployed: Deployed, books: Books, ledger: list[Line], out: Path) -> list[Line]:
    """Write what the law on contact is about: who was written to, when, how, and what they owed.
    Returns the messages that ask."""
    messages, receipts = books.messages()
    _write_bodies(deployed, [*messages, *receipts], out)
    for name, lines in (
        ("accounts", books.persons()),
        ("messages", messages),
        ("receipts", receipts),
        ("ledger", ledger),
    ):
        _write_lines(out / f"{name}.jsonl", lines)
    return messages


def _write_lines(path: Path, lines: Iterable[Line]) -> None:
    with path.open("wb") as stream:
        for line in lines:
            stream.write(msgspec.json.encode(line) + b"\n")


def _write_bodies(deployed: Deployed, messages: list[Line], out: Path) -> None:
    """The exact bytes of every message as they were kept, and the e-mails' HTML beside them."""
    emails = out / "emails"
    emails.mkdir(parents=True, exist_ok=True)

    def one(message: Line) -> None:
        body = deployed.documents.get(message.pop("kept_at"))
        if message["channel"] != "email":
            message["text"] = body.decode()
            return
        path = emails / f"{message['message_id']}.eml"
        path.write_bytes(body)
        message["eml"] = f"emails/{path.name}"
        parsed = BytesParser(policy=policy.default).parsebytes(body)
        text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
        message["text"] = text.get_content() if text is not None else ""
        if html is not None:
            path.with_suffix(".html").write_text(html.get_content(), encoding="utf-8")
            message["html"] = f"emails/{message['message_id']}.html"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, messages))


def _summary(
    deployed: Deployed,
    plan: Plan,
    played: Played,
    messages: list[Line],
    tasks: list[Line],
    ledger: list[Line],
    refusals: list[Line],
) -> dict[str, Any]:
    runs = []
    everything = Totals()
    for run_id in played.runs:
        totals = run_totals(deployed, run_id)
        everything.add(totals)
        runs.append({"run_id": run_id, "at": run_id, **msgspec.to_builtins(totals)})
    money: Counter[tuple[str, str]] = Counter()
    for entry in ledger:
        money[entry["kind"], entry["currency"]] += entry["amount_minor"]
    imports = {
        name: sum(int(str(report[name])) for report in played.imports)
        for name in ("rows", "taken", "refused", "payments", "unmatched")
    }
    return {
        "title": plan.file.name,
        "from": plan.first_day.isoformat(),
        "to": plan.last_day.isoformat(),
        "at": [f"{at:%H:%M}" for at in plan.at],
        "zone": played.rulebook.default_zone,
        "rulebook": played.rulebook.rulebook,
        "rulebook_version": played.rulebook.version,
        "elapsed_seconds": round(played.seconds, 1),
        "messages": len(messages),
        "messages_by": {
            name: dict(Counter(str(message[name]) for message in messages))
            for name in ("step", "stage", "channel", "state", "creditor")
        },
        "tasks": len(tasks),
        "tasks_by_kind": dict(Counter(str(task["kind"]) for task in tasks)),
        "refusals": len(refusals),
        "refusals_by_rule": dict(Counter(str(refusal["rule"]) for refusal in refusals)),
        "money": {
            currency: {kind: minor for (kind, of), minor in sorted(money.items()) if of == currency}
            for currency in sorted({currency for _, currency in money})
        },
        "ledger": {"entries": len(ledger), "digest": ledger_digest(ledger)},
        "imports": imports,
        "notices": asdict(played.notices) if played.notices else None,
        "agreements": (
            {"acts": played.debtors.done, "not_possible": played.debtors.refused}
            if played.debtors
            else None
        ),
        "problems": [p for report in played.imports for p in _listed(report.get("problems"))][:200],
        "payments_after": played.payments_after,
        "run_totals": {**msgspec.to_builtins(everything), "add_up": everything.add_up},
        "runs": runs,
        "ladder": [
            {"strategy": strategy.strategy, "step": step.step, "stage": step.stage}
            for strategy in played.rulebook.strategies
            for step in strategy.steps
        ],
    }


def ledger_digest(ledger: Iterable[Mapping[str, Any]]) -> str:
    """One name for what a ledger says: two replays whose money ends the same have the same, however
    the money arrived. Causes are left out, since every source names a payment in its own way."""
    lines = sorted(
        "|".join(
            str(entry[name])
            for name in (
                *("account_id", "creditor", "receivable_id", "kind", "component"),
                *("amount_minor", "currency", "booked_at"),
            )
        )
        for entry in ledger
    )
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def _listed(value: object) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
