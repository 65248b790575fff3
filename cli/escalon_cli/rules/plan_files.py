"""The files of a plan: what a person reads, what a program reads, and each account that changes."""

from pathlib import Path

import msgspec

from escalon_cli.deployed import Deployed
from escalon_cli.rules.plan import Planned
from escalon_cli.rules.report import Report


def write_plan(folder: Path, planned: Planned, report: Report, page: str) -> Path:
    """Write `plan.json`, `accounts.jsonl` (every account that changes, with what it gets by either
    rulebook) and `index.html`; answers the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = msgspec.json.format(msgspec.json.encode(report), indent=2)
    (folder / "plan.json").write_bytes(plain + b"\n")
    details = planned.figures.details
    (folder / "accounts.jsonl").write_bytes(b"".join(line + b"\n" for line in details))
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def keep_plan(deployed: Deployed, report: Report) -> None:
    """Keep the plan in the stack, under its hash and for good: what is approved is this file."""
    deployed.documents.put_new(f"plans/{report.plan}.json", msgspec.json.encode(report))
