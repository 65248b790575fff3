"""The page that a person opens first after a replay: OUT/index.html, whole in one file."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from escalon.domain.money import minor_digits
from escalon.domain.rules.rulebook import STAGES
from escalon_cli.replay.page import figures
from escalon_cli.replay.page.records import Entry, Replay, ReplayFileError, Run, read_replay
from escalon_cli.replay.page.stories import Account, tell

__all__ = ["ReplayFileError", "build"]


def build(out: Path, *, title: str, generated_from: Mapping[str, str] | None = None) -> Path:
    """Read the files of a replay in `out` and write `out/index.html`; return its path.

    `title` names the portfolio in the reader's words. `generated_from` says what was played, in
    the order to be shown: file, mapping, rulebook, command. Raises ReplayFileError with file, line
    and remedy when a file cannot be read; the page that was there before then stays.
    """
    replay = read_replay(out)
    receivables = {receivable.receivable_id: receivable for receivable in replay.receivables}
    dated = sorted(
        ((figures.belongs_at(entry, receivables, replay), entry) for entry in replay.entries),
        key=lambda one: one[0],
    )
    accounts = tell(replay, dated, find_file=_finder(out))
    overview = _overview(replay, dated, accounts, title=title, sources=generated_from or {})

    page = out / "index.html"
    page.write_text(_render(title, overview, accounts), encoding="utf-8")
    return page


def _overview(
    replay: Replay,
    dated: Sequence[tuple[datetime, Entry]],
    accounts: Sequence[Account],
    *,
    title: str,
    sources: Mapping[str, str],
) -> dict[str, Any]:
    """All figures of the page's first view, as the browser needs them."""
    receivables = {receivable.receivable_id: receivable for receivable in replay.receivables}
    opening = figures.ageing(dated, receivables, before=replay.starts_at, as_of_on=replay.from_on)
    closing = figures.ageing(dated, receivables, before=replay.ends_before, as_of_on=replay.to_on)
    moved = figures.movements(dated, starts_at=replay.starts_at, ends_before=replay.ends_before)
    paid_after = figures.paid_after_last_message(
        replay.messages, dated, ends_before=replay.ends_before
    )
    by = figures.granularity(replay.from_on, replay.to_on)
    sent = [message for message in replay.messages if message.went_out]
    failed = sum(1 for message in replay.messages if message.failed)
    silence = figures.silences(replay.refusals, replay.messages)

    return {
        "title": title,
        "from": replay.from_on.isoformat(),
        "to": replay.to_on.isoformat(),
        "days": (replay.to_on - replay.from_on).days + 1,
        "zone": replay.zone,
        "rulebook": replay.rulebook_version,
        "elapsed": replay.elapsed_seconds,
        "sources": [[name, text] for name, text in sources.items()],
        "stack": [[name, text] for name, text in replay.stack.items()],
        "stages": list(STAGES),
        "digits": {currency: minor_digits(currency) for currency in moved},
        "counts": {
            "accounts": len(accounts),
            "receivables": len(receivables) or len({e.receivable_id for e in replay.entries}),
            "messages": len(sent),
            "emails": sum(1 for message in sent if message.channel == "email"),
            "sms": sum(1 for message in sent if message.channel == "sms"),
            "contacted": len({message.account_id for message in sent}),
            "unknown": sum(
                1
                for message in replay.messages
                if not (message.went_out or message.failed or message.state == "withdrawn")
            ),
            "failed": failed,
            "tasks": len(replay.tasks),
            "decisions": len(replay.decisions),
            "payments": sum(
                1
                for at, entry in dated
                if entry.kind == "payment"
                and entry.amount_minor < 0
                and replay.starts_at <= at < replay.ends_before
            ),
        },
        "money": [
            _currency(moved[currency], opening[currency], closing[currency], paid_after)
            for currency in moved
        ],
        "activity": {
            "by": by,
            "periods": [
                {
                    "on": period.starts_on.isoformat(),
                    "stages": period.by_stage,
                    "money": period.collected_minor,
                }
                for period in figures.activity(replay.messages, dated, replay=replay, by=by)
            ],
        },
        "ladder": [
            {
                "step": rung.step,
                "stage": rung.stage,
                "messages": rung.messages,
                "channels": rung.by_channel,
                "tasks": rung.tasks,
                "kinds": rung.by_task,
                "accounts": rung.accounts,
                "late": rung.median_days_past_due,
                "recovery": [
                    {
                        "currency": recovery.currency,
                        "asked": recovery.asked_minor,
                        "paid": recovery.paid_minor,
                        "permille": figures.ratio_permille(
                            recovery.paid_minor, recovery.asked_minor
                        ),
                    }
                    for recovery in rung.recovery
                ],
            }
            for rung in figures.ladder(
                replay.messages, replay.tasks, replay.entries, order=replay.ladder
            )
        ],
        "window_days": figures.RECOVERY_WINDOW_DAYS,
        "silences": {
            "refusals": silence.refusals,
            "accounts": silence.accounts,
            "later": silence.later,
            "never": silence.never,
            "rules": [
                {
                    "rule": rule.rule,
                    "code": rule.code,
                    "source": rule.source,
                    "example": rule.example,
                    "refusals": rule.refusals,
                    "accounts": rule.accounts,
                    "later": rule.later,
                    "never": rule.never,
                }
                for rule in silence.rules
            ],
        },
        "runs": _runs(replay),
        "accounts": [account.line for account in accounts],
    }


def _currency(
    moved: figures.Movement,
    opening: figures.Ageing,
    closing: figures.Ageing,
    paid_after: Mapping[str, figures.PaidAfter],
) -> dict[str, Any]:
    """One currency's block: the movement, the ageing before and after, the rates."""
    after = paid_after.get(moved.currency)
    before_by = {line.bucket: line for line in opening.lines}
    after_by = {line.bucket: line for line in closing.lines}
    names = [name for name, _, _ in figures.BUCKETS]
    if figures.UNDATED in before_by or figures.UNDATED in after_by:
        names.append(figures.UNDATED)
    return {
        "currency": moved.currency,
        "opening": moved.opening_minor,
        "charged": moved.charged_minor,
        "collected": moved.collected_minor,
        "other": moved.other_minor,
        "closing": moved.closing_minor,
        "adds_up": moved.adds_up
        and moved.opening_minor == opening.total_minor
        and moved.closing_minor == closing.total_minor,
        "recovery": figures.recovery_permille(moved),
        "cei": figures.cei_permille(opening, closing, moved.charged_minor),
        "overdue": {"before": opening.overdue_minor, "after": closing.overdue_minor},
        "contacted": after.contacted if after else 0,
        "paid": after.paid if after else 0,
        "median_days": after.median_days if after else None,
        "ageing": [
            {
                "bucket": name,
                "before": [before_by[name].open_minor, before_by[name].receivables]
                if name in before_by
                else [0, 0],
                "after": [after_by[name].open_minor, after_by[name].receivables]
                if name in after_by
                else [0, 0],
            }
            for name in names
        ],
        "unapplied": [opening.unapplied_minor, closing.unapplied_minor],
        "total": [opening.total_minor, closing.total_minor],
        "open_count": [
            sum(line.receivables for line in opening.lines),
            sum(line.receivables for line in closing.lines),
        ],
    }


def _runs(replay: Replay) -> dict[str, Any]:
    """The runs as rows of numbers, oldest first; a row says itself whether it adds up."""
    runs = sorted(replay.runs, key=lambda run: run.at.timestamp() if run.at else 0.0)

    def row(run: Run) -> dict[str, Any]:
        return {
            "id": run.run_id,
            "at": run.at.astimezone(replay.tz).isoformat(timespec="seconds") if run.at else "",
            "looked": run.looked_at,
            "acted": run.acted,
            "waited": run.waited,
            "held": run.held,
            "skipped": run.skipped,
            "failed": run.failed,
            "conflict": run.conflict,
            "adds_up": figures.run_adds_up(run),
        }

    total = figures.total_run(runs)
    return {
        "rows": [row(run) for run in runs],
        "total": row(total),
        "all_add_up": all(figures.run_adds_up(run) for run in runs),
    }


def _finder(out: Path) -> Callable[[str], str | None]:
    """Answers a relative path with the address to put into a link or frame, or None. Only files
    that exist inside the replay's folder are pointed at: a path is data like any other, and one
    that is absolute, climbs out or carries a scheme (javascript:) must not become an address."""
    root = out.resolve()

    @cache
    def find(path: str) -> str | None:
        try:
            target = (root / path).resolve()
            inside = target.relative_to(root)
            if not target.is_file():
                return None
        except (ValueError, OSError):
            return None
        return quote(inside.as_posix())

    return find


def _render(title: str, overview: Mapping[str, Any], accounts: Sequence[Account]) -> str:
    script = _package_text("page.js")
    words = _package_text("words.json")
    environment = Environment(
        loader=PackageLoader("escalon_cli.replay.page", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("index.html.j2").render(
        title=title,
        style=Markup(_package_text("style.css")),  # noqa: S704 - our own file, not data
        script=Markup(script),  # noqa: S704 - our own file, not data
        # The page may run this one script and load nothing from anywhere but its own folder.
        script_hash=f"sha256-{digest}",
        say=json.loads(words)["es"],
        words=embed_json(json.loads(words)),
        overview=embed_json(overview),
        stories=[embed_json(account.story) for account in accounts],
    )


def embed_json(value: object) -> Markup:
    """JSON that is safe inside a <script> element: no <, > or & is left that could end the element
    or open a comment, and no line separator that older engines refuse."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped just above


def _package_text(name: str) -> str:
    return resources.files("escalon_cli.replay.page").joinpath(name).read_text(encoding="utf-8")
