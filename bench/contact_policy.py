"""How many verdicts of the contact policy a core gives in a second, beside their floor.

    python -m bench.contact_policy

The floor is what no check of a window in the debtor's zone can do without: one conversion by
zoneinfo and one comparison of a tuple. Each figure is the best of five rounds.
"""

import timeit
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from escalon.authoring.calendars import CalendarFile, compile_calendar
from escalon.authoring.composition import compose
from escalon.authoring.contact_policies import PolicyFile, compile_layer
from escalon.authoring.yaml_lines import check, read
from escalon.domain.account import Consent, ContactPoint, ContactRecord
from escalon.domain.contact.facts import Conversation, Request, Stop
from escalon.domain.contact.policy import Allow, Facts, Policy, Verdict, evaluate

CONFIG = Path(__file__).parents[1] / "config"
ROUNDS = 5
TIMES = 20_000


def _file[M: (PolicyFile, CalendarFile)](folder: str, name: str, model: type[M]) -> M:
    document = read((CONFIG / folder / f"{name}.yaml").read_text(encoding="utf-8"), name)
    if isinstance(document, list):
        raise SystemExit(document)
    made = check(model, document)
    if isinstance(made, list):
        raise SystemExit(made)
    return made


def shipped(*countries: str) -> Policy:
    """The policy as shipped: core.never and the laws of these countries with their calendars."""
    return compose(
        *(
            compile_layer(_file("contact_policies", name, PolicyFile))
            for name in ("core.never", *countries)
        ),
        calendars=[
            compile_calendar(_file("calendars", name.upper(), CalendarFile)) for name in countries
        ],
    )


def microseconds(work: Callable[[], object]) -> float:
    return min(timeit.repeat(work, number=TIMES, repeat=ROUNDS)) / TIMES * 1e6


def main() -> None:
    policy = shipped("co")
    zones = ("America/Bogota",)
    newyork = ("America/New_York",)
    point = ContactPoint("p", "email", "made-up", Consent(date(2024, 1, 15), "form 7"))
    open_at = datetime(2026, 8, 25, 15, tzinfo=UTC)
    sunday = datetime(2026, 8, 30, 15, tzinfo=UTC)
    three = tuple(ContactRecord(f"m{n}", "email", open_at - timedelta(days=n)) for n in (1, 2, 9))
    today = (ContactRecord("m", "email", open_at - timedelta(hours=1)),)
    other = (ContactRecord("m", "sms", open_at - timedelta(days=2)),)

    def ask(
        at: datetime,
        contacts: tuple[ContactRecord, ...] = (),
        facts: Facts | None = None,
        rules: Policy = policy,
        where: tuple[str, ...] = zones,
    ) -> Callable[[], Verdict]:
        return lambda: evaluate(
            rules,
            channel="email",
            point=point,
            role="debtor",
            contacts=contacts,
            zones=where,
            at=at,
            facts=facts,
        )

    zone, window = ZoneInfo("America/Bogota"), ((7, 0), (18, 55))

    def floor() -> bool:
        local = open_at.astimezone(zone)
        return window[0] <= (local.hour, local.minute) < window[1]

    told = Facts(
        conversations=(Conversation(open_at - timedelta(days=3)),),
        requests=(Request(open_at - timedelta(days=2), "email"),),
    )
    disputed = Facts(stops=(Stop("dispute_open"),))
    everywhere = shipped("br", "cl", "co", "es", "gb", "mx", "pe", "us")
    cases = [
        ("allowed, no history", ask(open_at), True),
        ("allowed, three contacts", ask(open_at, three), True),
        ("closed now (Sunday), next instant told", ask(sunday), False),
        ("cap of the day used up, next instant told", ask(open_at, today), False),
        ("locked by another channel, next instant told", ask(open_at, other), False),
        ("allowed, three contacts, facts told", ask(open_at, three, told), True),
        ("stopped by a dispute", ask(open_at, (), disputed), False),
        (
            "allowed by the United States",
            ask(open_at, three[2:], None, shipped("us"), newyork),
            True,
        ),
        ("allowed by all eight countries", ask(open_at, (), None, everywhere), True),
    ]
    least = microseconds(floor)
    print(f"{'contact policy (Colombia), one core':<48} {'µs':>7} {'a second':>11} {'floors':>7}")
    print(f"{'floor: zoneinfo and a tuple':<48} {least:7.2f} {1e6 / least:11,.0f} {1:7.1f}")
    for name, work, allowed in cases:
        if isinstance(work(), Allow) is not allowed:
            raise SystemExit(f"{name}: the verdict is not the one that is measured")
        taken = microseconds(work)
        print(f"{name:<48} {taken:7.2f} {1e6 / taken:11,.0f} {taken / least:7.1f}")


if __name__ == "__main__":
    main()
