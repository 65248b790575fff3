"""How the tables of cases are read: what each of their words means, and how a case is asked."""

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from escalon.authoring.calendars import CalendarFile, compile_calendar
from escalon.authoring.composition import compose
from escalon.authoring.contact_policies import PolicyFile, compile_layer
from escalon.authoring.yaml_lines import check, read
from escalon.domain.account import Consent, ContactPoint, ContactRecord
from escalon.domain.contact.facts import (
    Conversation,
    Debt,
    ExtraHours,
    Message,
    Notice,
    PointFacts,
    Request,
    Stop,
)
from escalon.domain.contact.policy import (
    Allow,
    Facts,
    Policy,
    Verdict,
    evaluate,
    evaluate_action,
)

CONFIG = Path(__file__).parents[2] / "config"
CASES = Path(__file__).parent / "cases"


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One case. Instants are what the clock on the wall shows in `clock`."""

    law: str  # the rule that decides it
    case: str
    at: str
    answer: str  # allow, or why not
    next: str = ""  # when it is allowed, "never" if waiting does not help, "" if not told here
    rule: str = ""  # the rule that refuses
    country: str = ""  # if the table is not of one
    clock: str = ""
    zones: list[str] | None = None  # where the person may be; left out: at `clock`
    region: str = ""
    by: str = "email"
    to: str = "debtor"
    kind: str = "collection"
    consent: str = "2024-01-15 form 7"  # date and proof, "none", "revoked"
    failed: str = ""
    before: list[str] = []  # "2026-08-25 09:00 email", "… bounced" if it reached nobody
    spoke: list[str] | None = None  # "2026-08-25 09:00 voice", "… inbound" if they called
    asked: list[str] = []  # "2026-08-25 09:00 email answer", "call" or "channel"
    refuses: list[str] = []  # channels
    wants: str = ""  # "12:00 to 20:00", every day
    opens: str = ""  # "18:00 to 21:00 signed 2026-03-01 contract 2026-01-10 letter"
    stops: list[str] = []  # "paid", "breathing_space until 2026-10-24 00:00"
    origin: str = ""
    use: str = ""
    purposes: list[str] | None = None
    confirmed: str = ""
    do: str = ""  # an action that is no contact
    due: str = ""
    principal: str = ""  # "4999 EUR", in minor units
    first_contact: str = ""
    notices: list[str] = []  # "2026-08-03 10:00 bureau_notice", "… unproven"
    on_file: list[str] = []
    gives: list[str] = []  # the notices that the message is
    first: bool = True
    shows: list[str] | None = None
    subject: str = ""
    language: str = "es"


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of cases."""

    country: str
    clock: str
    cases: list[Case]


def tables() -> list[Table]:
    """All files, the cases of each completed by what its head says."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        document = read(path.read_text(encoding="utf-8"), path.name)
        assert not isinstance(document, list), document
        table = msgspec.convert(document.data, Table, strict=False)
        cases = [
            msgspec.structs.replace(
                case, country=case.country or table.country, clock=case.clock or table.clock
            )
            for case in table.cases
        ]
        found.append(Table(table.country, table.clock, cases))
    return found


@cache
def policy_of(country: str) -> Policy:
    """What binds debtors of that country, as it is shipped: what is never done, and its law."""
    calendars = [
        compile_calendar(_checked(path, CalendarFile))
        for path in sorted((CONFIG / "calendars").glob("*.yaml"))
    ]
    files = (
        CONFIG / "contact_policies" / f"{name}.yaml" for name in ("core.never", country.lower())
    )
    return compose(
        *(compile_layer(_checked(path, PolicyFile)) for path in files), calendars=calendars
    )


def _checked(path: Path, model: Any) -> Any:
    document = read(path.read_text(encoding="utf-8"), path.name)
    assert not isinstance(document, list), document
    made = check(model, document)
    assert not isinstance(made, list), made
    return made


def instant(text: str, clock: str) -> datetime:
    """The instant at which the clock on the wall of that zone shows that."""
    wall = datetime.fromisoformat(text)
    return wall.replace(tzinfo=ZoneInfo(clock)).astimezone(UTC)


def verdict_of(case: Case) -> Verdict:
    """Ask the shipped policy."""
    rules, facts = policy_of(case.country), _facts(case)
    zones = tuple([case.clock] if case.zones is None else case.zones)
    at = instant(case.at, case.clock)
    if case.do:
        return evaluate_action(
            rules, action=case.do, facts=facts, zones=zones, at=at, region=case.region
        )
    point = ContactPoint("p", case.by, "made-up", _consent(case.consent), case.failed)  # type: ignore[arg-type]
    return evaluate(
        rules,
        channel=case.by,
        point=point,
        role=case.to,
        contacts=tuple(_contact(text, case.clock) for text in case.before),
        zones=zones,
        at=at,
        kind=case.kind,
        region=case.region,
        facts=facts,
    )


def answer_of(verdict: Verdict) -> str:
    """allow, or why not."""
    return "allow" if isinstance(verdict, Allow) else verdict.reason


def _consent(text: str) -> Consent | None:
    if text == "none":
        return None
    if text == "revoked":
        return Consent(date(2024, 1, 15), "form 7", datetime(2026, 1, 1, tzinfo=UTC))
    day, _, evidence = text.partition(" ")
    return Consent(date.fromisoformat(day), evidence)


def _split(text: str, clock: str) -> tuple[datetime, list[str]]:
    """An instant and the words that follow it."""
    day, time, *words = text.split()
    return instant(f"{day} {time}", clock), words


def _contact(text: str, clock: str) -> ContactRecord:
    at, (channel, *became) = _split(text, clock)
    return ContactRecord(f"m{at}", channel, at, reached=became != ["bounced"])


def _hours(text: str) -> Any:
    opens, closes = (
        int(hour) * 60 + int(minute)
        for hour, minute in (each.split(":") for each in text.split(" to "))
    )
    return (((opens, closes),),) * 7


def _facts(case: Case) -> Facts:
    clock = case.clock

    def stop(text: str) -> Stop:
        kind, _, until = text.partition(" until ")
        return Stop(kind, instant(until, clock) if until else None)

    def conversation(text: str) -> Conversation:
        at, (channel, *began) = _split(text, clock)
        return Conversation(at, channel, began == ["inbound"])

    def request(text: str) -> Request:
        at, (channel, asks) = _split(text, clock)
        return Request(at, channel, asks)  # type: ignore[arg-type]

    def notice(text: str) -> Notice:
        at, (name, *proof) = _split(text, clock)
        return Notice(name, at, "" if proof == ["unproven"] else "kept")

    extra = None
    if case.opens:
        hours, _, rest = case.opens.partition(" signed ")
        signed, _, contract, *evidence = rest.split()
        extra = ExtraHours(
            _hours(hours),
            date.fromisoformat(signed),
            date.fromisoformat(contract),
            " ".join(evidence),
        )
    amount, _, currency = case.principal.partition(" ")
    return Facts(
        stops=tuple(stop(text) for text in case.stops),
        conversations=None if case.spoke is None else tuple(map(conversation, case.spoke)),
        requests=tuple(request(text) for text in case.asked),
        refused_channels=tuple(case.refuses),
        hours=_hours(case.wants) if case.wants else None,
        extra_hours=extra,
        point=PointFacts(
            case.origin,
            case.use,
            None if case.purposes is None else tuple(case.purposes),
            date.fromisoformat(case.confirmed) if case.confirmed else None,
        ),
        debt=Debt(
            due_on=date.fromisoformat(case.due) if case.due else None,
            principal_minor=int(amount or 0),
            currency=currency,
            first_contact_at=instant(case.first_contact, clock) if case.first_contact else None,
            notices=tuple(notice(text) for text in case.notices),
            on_file=tuple(case.on_file),
        ),
        message=Message(
            gives=tuple(case.gives),
            first=case.first,
            content=None if case.shows is None else tuple(case.shows),
            previews={"subject": case.subject} if case.subject else {},
            language=case.language,
        ),
    )
