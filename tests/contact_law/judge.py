"""Judges every message of a replay by the law on contact, from the files that the replay wrote.

    python -m tests.contact_law.judge OUT            # each account by the law of its country
    python -m tests.contact_law.judge OUT --law us   # all of them by one

Prints each breach with its account, message and rule; ends with 1 if there is any. It shares no
code with what was judged: who was contacted before, where, by which address, with what consent, and
what was owed is put together again from `accounts`, `messages`, `receipts`, `ledger` and
`agreements.jsonl` alone, and held against the law's own files (tests/contact_law/oracle.py).

Not judged here: what messages have to contain, what has to have come before a report or a claim,
hours and answers that a person asked for, and calls and letters, which people make.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.contact_law.oracle import (
    ASKING,
    CONFIG,
    Given,
    Made,
    Question,
    barring_notices,
    breaches,
    places,
    read_along,
)

type Line = dict[str, Any]

# Stops that are about one debt and leave the person's others alone; any other is about the person.
OF_ONE_DEBT = ("dispute_open", "statute_barred_refused")
# By these the carrier says that a message has reached nobody.
REACHED_NOBODY = ("bounced", "failed", "rejected")
# What a message may be once it was handed to its carrier.
STATES = (
    *("sending", "unknown", "sent", "delayed", "unconfirmed", "delivered", "complained"),
    *REACHED_NOBODY,
)
# After these nothing is asked for under an agreement.
ENDED = {
    f"agreement_{became}" for became in ("fulfilled", "broken", "replaced", "cancelled", "declined")
}


class Breach(NamedTuple):
    """One rule that one message breaks."""

    account: str
    message: str
    at: str  # on the person's clock
    rule: str


class Files:
    """What a replay wrote into its folder."""

    def __init__(self, out: Path) -> None:
        self.persons: dict[str, Line] = {
            line["account_id"]: line for line in _lines(out, "accounts")
        }
        self.messages = [*_lines(out, "messages"), *_lines(out, "receipts")]
        self.messages.sort(key=lambda line: _instant(line["sent_at"]))
        self.booked: dict[tuple[str, str], list[tuple[datetime, int]]] = defaultdict(list)
        for entry in _lines(out, "ledger"):
            about = entry["account_id"], entry["receivable_id"]
            self.booked[about].append((_instant(entry["booked_at"]), entry["amount_minor"]))

        self.agreed: dict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
        for one in _lines(out, "agreements"):
            about = one["account_id"], one["agreement_id"]
            self.agreed[about].append((_instant(one["at"]), one["became"]))

    def owed_by(self, account: str, at: datetime) -> int:
        """What the ledger says was open on all of an account at that instant, in minor units."""
        return sum(
            minor
            for (whose, _), entries in self.booked.items()
            if whose == account
            for booked_at, minor in entries
            if booked_at <= at
        )

    def owed(self, account: str, receivable: str, at: datetime) -> int:
        """What the ledger says was open on a receivable at that instant, in minor units."""
        return sum(
            minor for booked_at, minor in self.booked[account, receivable] if booked_at <= at
        )


def judged(out: Path, law: str = "") -> tuple[int, list[Breach]]:
    """How many messages were judged, and every breach: each person by `law`, or by that of their
    country."""
    files = Files(out)
    before: dict[str, list[Line]] = defaultdict(list)
    found: list[Breach] = []
    count = 0
    for message in files.messages:
        person = files.persons[message["account_id"]]
        if message["kind"] not in ASKING and _point(person, message) is None:
            continue  # a receipt for whoever paid, who need not be the debtor
        count += 1
        earlier = before[message["account_id"]]
        found += [
            Breach(message["account_id"], message["message_id"], message["sent_at"], rule)
            for rule in _wrong(files, person, message, earlier, law or person["country"])
        ]
        earlier.append(message)
    return count, found


def unexplained(out: Path) -> list[str]:
    """What of a whole replay is not accounted for: a message in no state of docs/delivery.md, a
    refusal without its rule, source or words, an account that was looked at without a reason, and
    one that owes and was never looked at."""
    found = [
        f"message {line['message_id']} is {line['state']}"
        for line in _lines(out, "messages")
        if line["state"] not in STATES
    ]
    for line in _lines(out, "refusals"):
        missing = [name for name in ("rule", "source", "text", "text_en") if not line[name]]
        found += [
            f"refusal of {line['account_id']} at {line['at']} has no {one}" for one in missing
        ]
    looked_at = set()
    for line in _lines(out, "decisions"):
        looked_at.add(line["account_id"])
        if not line["reasons"] or not all(
            one["text"] and one["text_en"] for one in line["reasons"]
        ):
            found.append(f"{line['decision']} of {line['account_id']} at {line['as_of']}: why?")
    owe = {line["account_id"] for line in _lines(out, "receivables") if line["open_minor"]}
    return found + [f"nobody looked at {account}" for account in sorted(owe - looked_at)]


def _wrong(
    files: Files, person: Line, message: Line, earlier: Sequence[Line], law: str
) -> list[str]:
    at = _instant(message["sent_at"])
    channel = message["channel"]
    point = _point(person, message)
    known = (point or {}).get("known", {})
    zones = (*person["zones"], *person["number_zones"])
    dates = {
        at.astimezone(ZoneInfo(zone)).date() for zone in places(law, zones, person["region"])
    } or {at.date()}
    debtor = files.persons[message["debtor_id"]]
    debts = {named["receivable_id"] for named in message["receivables"]}
    asked = Question(
        at,
        channel,
        zones,
        person["region"],
        _consent(person, point, at) if point is not None else None,
        tuple(
            Made(_instant(one["sent_at"]), one["channel"])
            for one in earlier
            if one["kind"] in ASKING and not _reached_nobody(one, at)
        ),
        message["role"],
        message["kind"],
        tuple(_stops(debtor, debts, at, dates) | _stops(person, debts, at, dates)),
        address_failed=_has_bounced(earlier, message, at),
        refused=_refused(person, channel, at) or _complained(person, earlier, channel, at),
        origin=known.get("origin", ""),
        use=known.get("use", ""),
    )
    found = breaches(law, asked)
    if point is None:
        found.append("an address that the person never had")
    if message["kind"] in ASKING:
        found += _false_amounts(files, message, at)
        found += _notices_owed(message, earlier, places(law, zones, person["region"]), law)
    opening = message["subject"] or ("" if channel != "sms" else message["text"][:40])
    return found + [f"others read along: {word}" for word in read_along(opening)]


def _false_amounts(files: Files, message: Line, at: datetime) -> Iterator[str]:
    if not message["receivables"]:
        yield "asks for nothing that is owed"
    debtor = message["debtor_id"]
    for named in message["receivables"]:
        name, says = named["receivable_id"], named["open_minor"]
        agreed = files.agreed.get((debtor, name))
        if agreed is not None:  # a reminder of an instalment names its agreement
            became = [what for when, what in agreed if when < at]
            if not became or ENDED & set(became):
                yield f"no such agreement: {name}"
            elif says > files.owed_by(debtor, at):
                yield f"false amount: {name} says {says}, which is more than is open"
            continue
        owed = files.owed(debtor, name, at)
        if owed <= 0:
            yield f"paid: {name}"
        elif owed != says:
            yield f"false amount: {name} says {says}, open are {owed}"


def _notices_owed(
    message: Line, earlier: Sequence[Line], zones: set[str], law: str
) -> Iterator[str]:
    """The debts of which the law's notice was not given in time after they were first spoken of."""
    at = _instant(message["sent_at"])
    clocks = [ZoneInfo(zone) for zone in zones]
    for notice, within_days in barring_notices(law):
        if notice in message["gives"]:
            continue
        for debt in {named["receivable_id"] for named in message["receivables"]}:
            spoken = [
                one
                for one in earlier
                if one["kind"] in ASKING
                and not _reached_nobody(one, at)
                and debt in {named["receivable_id"] for named in one["receivables"]}
            ]
            if not spoken or any(notice in one["gives"] and _arrived(one, at) for one in spoken):
                continue
            first = _instant(spoken[0]["sent_at"])
            begun = min(first.astimezone(clock).date() for clock in clocks)
            if any((at.astimezone(clock).date() - begun).days > within_days for clock in clocks):
                yield f"{notice} owed: {debt}, spoken of since {begun}"


def _arrived(message: Line, at: datetime) -> bool:
    """Whether the carrier had said by then that the message arrived; of an SMS, or that it took it
    two days before."""
    told = message["told"].get("delivered")
    if told is not None:
        return _instant(told) <= at
    return message["channel"] == "sms" and at - _instant(message["sent_at"]) >= timedelta(days=2)


def _point(person: Line, message: Line) -> Line | None:
    """The address of the person's that it went to, also one that they have no more."""
    gone = (entry for entry in person["consents"] if entry["became"] == "removed")
    for point in (*person["points"], *gone):
        if (point["channel"], point["address"].casefold()) == (
            message["channel"],
            message["to"].casefold(),
        ):
            found: Line = point
            return found
    return None


def _consent(person: Line, point: Line, at: datetime) -> Given | None:
    """The consent as it stood then: what it was before the first change from that instant on (on
    a replay's clock a message may be called abuse at the very instant at which it was sent)."""
    stood = point.get("consent")
    for entry in person["consents"]:
        if entry.get("point_id") == point["point_id"] and _instant(entry["at"]) >= at:
            stood = entry.get("before")
            break
    if stood is None:
        return None
    on, revoked_at = stood.get("granted_on"), stood.get("revoked_at")
    return Given(
        date.fromisoformat(on) if on else None,
        stood.get("evidence", ""),
        _instant(revoked_at) if revoked_at and _instant(revoked_at) < at else None,
    )


def _stops(person: Line, debts: set[str], at: datetime, dates: set[date]) -> set[str]:
    """The states that the person's holds were, on any of those days, of what the message asks."""
    return {
        hold["stop"]
        for hold in person["holds"]
        if hold["stop"]
        and (hold["placed_at"] is None or _instant(hold["placed_at"]) < at)
        and any(
            hold["from"] <= str(day) and (hold["until"] is None or str(day) < hold["until"])
            for day in dates
        )
        and (
            hold["stop"] not in OF_ONE_DEBT
            or hold["receivable_id"] is None
            or hold["receivable_id"] in debts
        )
    }


def _reached_nobody(message: Line, at: datetime) -> bool:
    """Whether it was known by that instant that an earlier message had reached nobody."""
    if any(_instant(message["told"][e]) <= at for e in REACHED_NOBODY if e in message["told"]):
        return True
    return message["state"] == "failed" and not message["told"]  # refused on the spot


def _has_bounced(earlier: Sequence[Line], message: Line, at: datetime) -> bool:
    same = [
        one for one in earlier if (one["channel"], one["to"]) == (message["channel"], message["to"])
    ]
    return any("bounced" in one["told"] and _instant(one["told"]["bounced"]) < at for one in same)


def _refused(person: Line, channel: str, at: datetime) -> bool:
    """Whether the person had refused the whole channel by then."""
    changes = [
        entry
        for entry in person["consents"]
        if entry["channel"] == channel and entry["became"] in ("refused", "allowed")
    ]
    refused: bool = channel in person["refused_channels"]
    if changes:
        refused = changes[0]["became"] == "allowed"  # as it stood before the first change
    for entry in changes:
        if _instant(entry["at"]) < at:
            refused = entry["became"] == "refused"
    return refused


def _complained(person: Line, earlier: Sequence[Line], channel: str, at: datetime) -> bool:
    """Whether the person had called a message by that channel abuse, and not allowed it since."""
    last = max(
        (
            _instant(one["told"]["complained"])
            for one in earlier
            if one["channel"] == channel and "complained" in one["told"]
        ),
        default=None,
    )
    if last is None or last >= at:
        return False
    return not any(
        entry["channel"] == channel
        and entry["became"] in ("given", "allowed")
        and last < _instant(entry["at"]) < at
        for entry in person["consents"]
    )


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    assert at.tzinfo is not None, text
    return at.astimezone(UTC)


def _lines(out: Path, name: str) -> Iterator[Line]:
    with (out / f"{name}.jsonl").open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def main(arguments: Sequence[str]) -> int:
    """Judge the folder that was named."""
    if len(arguments) not in (1, 3) or arguments[1:2] not in ([], ["--law"]):
        print(__doc__)
        return 2
    law = arguments[2] if len(arguments) == 3 else ""
    if law and not (CONFIG / "contact_policies" / f"{law}.yaml").is_file():
        print(f"there is no law {law}")
        return 2
    messages, found = judged(Path(arguments[0]), law)
    for breach in found:
        print(*breach)
    rules = Counter(breach.rule.partition(":")[0] for breach in found)
    print(f"{messages} messages, {len(found)} breaches", dict(rules) or "")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
