"""Holds the outcome of a replay of the IBM sample against its source, without any of our own code.

    python samples/ibm/check.py ibm_late_payments.csv OUT

Prints how many messages break each rule, and the sums of the ledger; ends with 1 if any does.
"""

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

_NEW_YORK = ZoneInfo("America/New_York")


def _day(text: str) -> date:
    month, day, year = map(int, text.split("/"))
    return date(year, month, day)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def broken_rules(source: dict[str, dict[str, str]], out: Path) -> tuple[int, Counter[str]]:
    """How many messages there are, and how often each rule is broken."""
    broken: Counter[str] = Counter()
    a_day: Counter[tuple[str, date]] = Counter()
    for message in _lines(out / "messages.jsonl"):
        sent = datetime.fromisoformat(message["sent_at"]).astimezone(_NEW_YORK)
        a_day[message["account_id"], sent.date()] += 1
        broken["outside the window"] += sent.weekday() > 4 or not 8 <= sent.hour < 18
        broken["about nothing"] += not message["receivables"]
        for named in message["receivables"]:
            row = source[named["receivable_id"]]
            due, settled = _day(row["DueDate"]), _day(row["SettledDate"])
            paid = datetime.combine(settled, time(12), _NEW_YORK)
            amount = int(Decimal(row["InvoiceAmount"]) * 100)
            late = (sent.date() - due).days
            disputed = row["Disputed"] == "Yes" and due <= sent.date() <= settled
            broken["another account's"] += row["customerID"] != message["account_id"]
            broken["wrong amount"] += named["open_minor"] != amount
            broken["wrong due date"] += named["due_on"] != due.isoformat()
            broken["wrong days past due"] += named["days_past_due"] != late
            broken["paid"] += sent >= paid
            broken["disputed"] += disputed
            broken["not issued yet"] += sent.date() < _day(row["InvoiceDate"])
    broken["more than one a day"] = sum(count > 1 for count in a_day.values())
    return sum(a_day.values()), broken


def main() -> int:
    """Check the replay in the folder that was named."""
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    with Path(sys.argv[1]).open(encoding="utf-8") as stream:
        source = {row["invoiceNumber"]: row for row in csv.DictReader(stream)}
    out = Path(sys.argv[2])
    messages, broken = broken_rules(source, out)
    sums: Counter[str] = Counter()
    for entry in _lines(out / "ledger.jsonl"):
        sums[f"{entry['kind']} {entry['currency']}"] += entry["amount_minor"]
    said = {
        named["receivable_id"]
        for message in _lines(out / "messages.jsonl")
        for named in message["receivables"]
    }
    unsaid = sum(
        row["Disputed"] == "No"
        and (_day(row["SettledDate"]) - _day(row["DueDate"])).days >= 6
        and number not in said
        for number, row in source.items()
    )
    print(f"{messages} messages")
    print(f"{unsaid} undisputed invoices, settled six or more days late, never written about")
    for rule, count in broken.items():
        print(f"{count:>6} {rule}")
    print({name: f"{Decimal(minor) / 100:,}" for name, minor in sorted(sums.items())})
    return 1 if any(broken.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
