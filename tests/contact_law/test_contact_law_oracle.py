"""No message leaves outside what an independent judge of the law allows."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.authoring.rulebook import sealed
from escalon.domain.account import Consent, ContactPoint, ContactRecord
from escalon.domain.contact.policy import Allow, evaluate
from escalon.usecases.messages_between import ToDeliver
from tests.contact_law.lived import PLACES, START
from tests.contact_law.oracle import Given, Made, Question, breaches
from tests.contact_law.table import policy_of
from tests.doubles.world import OneRulebook, World, debtor, rulebook

MINUTE = timedelta(minutes=1)

# Around the days on which some clock of these countries changes, and any day between.
CHANGES = [
    datetime(2026, 9, 6, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2027, 3, 14, tzinfo=UTC),
    datetime(2027, 3, 28, tzinfo=UTC),
    datetime(2027, 4, 4, tzinfo=UTC),
]
instants = st.one_of(
    st.builds(
        lambda day, minutes: day + minutes * MINUTE,
        st.sampled_from(CHANGES),
        st.integers(-36 * 60, 60 * 60),
    ),
    st.builds(lambda minutes: START + minutes * MINUTE, st.integers(0, 400 * 24 * 60)),
)
histories = st.lists(
    st.tuples(st.integers(1, 9 * 24 * 60), st.sampled_from(["email", "sms", "voice"])), max_size=4
)


@settings(max_examples=1000, deadline=None)
@given(
    country=st.sampled_from(sorted(PLACES)),
    place=st.integers(0, 5),
    at=instants,
    history=histories,
    channel=st.sampled_from(["email", "sms", "whatsapp", "voice", "letter"]),
    role=st.sampled_from(["debtor", "debtor", "codebtor", "guarantor", "employer"]),
    kind=st.sampled_from(["collection", "statutory_notice", "transaction_confirmation"]),
    days=st.one_of(st.none(), st.integers(-2, 90)),
    proof=st.sampled_from(["form 7", ""]),
    revoked=st.sampled_from([False, False, False, True]),
)
@example(  # 18:55 in Bogotá: the guard band
    country="CO", place=0, at=datetime(2026, 9, 7, 23, 55, tzinfo=UTC), history=[],
    channel="email", role="debtor", kind="collection", days=9, proof="f", revoked=False,
)  # fmt: skip
@example(  # 08:30 in New York, 05:30 in Los Angeles
    country="US", place=1, at=datetime(2026, 9, 8, 12, 30, tzinfo=UTC), history=[],
    channel="email", role="debtor", kind="collection", days=9, proof="f", revoked=False,
)  # fmt: skip
def test_what_the_policy_allows_the_judge_allows_and_the_other_way_round(
    country: str,
    place: int,
    at: datetime,
    history: list[tuple[int, str]],
    channel: str,
    role: str,
    kind: str,
    days: int | None,
    proof: str,
    *,
    revoked: bool,
) -> None:
    zones, region = PLACES[country][place % len(PLACES[country])]
    made = tuple(Made(at - minutes * MINUTE, by) for minutes, by in sorted(history, reverse=True))
    granted = None if days is None else at.date() - timedelta(days=days)
    revoked_at = at if revoked else None
    consent = Consent(granted, proof, revoked_at)
    verdict = evaluate(
        policy_of(country),
        channel=channel,
        point=ContactPoint("p", channel, "made-up", consent),  # type: ignore[arg-type]
        role=role,
        contacts=tuple(ContactRecord(f"m{n}", one.channel, one.at) for n, one in enumerate(made)),
        zones=zones,
        at=at,
        kind=kind,
        region=region,
    )
    asked = Question(
        at, channel, zones, region, Given(granted, proof, revoked_at), made, role, kind
    )
    wrong = breaches(country, asked)
    assert isinstance(verdict, Allow) == (not wrong), (verdict, wrong)
    if not isinstance(verdict, Allow) and verdict.next_allowed_at is not None:
        later = asked._replace(at=verdict.next_allowed_at)
        assert breaches(country, later) == []


def test_the_judge_is_awake() -> None:
    """On a Sunday, twice a day, by two channels, without consent: each is found."""
    sunday = datetime(2026, 9, 6, 12, tzinfo=ZoneInfo("America/Bogota"))
    tuesday = sunday + timedelta(days=2)
    given_ = Given(date(2024, 1, 15), "form 7")
    ordinary = Question(tuesday, "email", ("America/Bogota",), "", given_)
    earlier = (Made(tuesday - timedelta(hours=2), "email"),)
    assert breaches("CO", ordinary) == []
    assert breaches("CO", ordinary._replace(at=sunday)) == ["co: closed at Sun 12:00 (-05)"]
    assert breaches("CO", ordinary._replace(before=earlier)) == ["co: more than 1 on 2026-09-08"]
    assert breaches("CO", ordinary._replace(channel="sms", before=earlier)) == [
        "co: another channel within seven days: email",
        "co: more than 1 on 2026-09-08",
    ]
    assert breaches("CO", ordinary._replace(consent=None)) == ["co: no consent"]
    assert breaches("CO", ordinary._replace(role="employer")) == [
        "core.never: recipient",
        "co: recipient",
    ]
    holiday = datetime(2026, 10, 12, 12, tzinfo=ZoneInfo("America/Bogota"))
    assert breaches("CO", ordinary._replace(at=holiday)) == ["co: holiday 2026-10-12"]
    assert breaches("CO", ordinary._replace(stops=("dispute_open",))) == [
        "core.never: stopped: dispute_open"
    ]


# --- what waited on its queue --------------------------------------------------------------------

DECIDED = datetime(2026, 9, 18, 23, 45, tzinfo=UTC)  # a Friday, 18:45 in Bogotá


@pytest.mark.parametrize(
    ("minutes", "became"),
    [
        (0, "sent"),
        (9, "sent"),
        (10, "withdrawn"),  # 18:55: the guard band
        (16, "withdrawn"),  # 19:01
        (13 * 60, "withdrawn"),  # 07:45 on Saturday, which opens at eight
        (13 * 60 + 15, "sent"),
        (20 * 60 + 10, "withdrawn"),  # 14:55 on Saturday
        (2 * 24 * 60, "withdrawn"),  # Sunday
        (60 * 60 + 15, "sent"),  # Monday, 07:00
    ],
)
def test_a_message_is_judged_when_it_leaves_and_not_when_it_was_decided(
    minutes: int, became: str
) -> None:
    """Golden case: queued on Friday at 18:59, refused at 19:01."""
    world = World(DECIDED)
    law = sealed(replace(rulebook(), contact_policies={"*": policy_of("CO")}))
    world.rulebooks = OneRulebook(law)
    proven = Consent(date(2024, 1, 15), "form 7")
    who = debtor()
    points = tuple(replace(point, consent=proven) for point in who.points)
    world.put(replace(who, points=points), DECIDED - timedelta(hours=1))
    world.sweep()(DECIDED)
    world.work_off("escalate")
    (name,) = world.waiting()
    message = msgspec.json.decode(world.sqs.queues[name][0], type=ToDeliver)
    world.clock.at = DECIDED + timedelta(minutes=minutes)
    assert world.deliver(name)(message) == became
    consent = Given(proven.granted_on, proven.evidence)
    asked = Question(world.clock.at, name, ("America/Bogota",), "", consent)
    assert (became == "sent") == (breaches("CO", asked) == [])
    steps = world.account().receivables[0].steps
    assert bool(steps) is (became == "sent")
