"""L24: nothing can be written into a contact policy that changes nothing. For each field of each
rule there is a question whose answer is another once that field alone is."""

import inspect
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.authoring.composition import unreviewed
from escalon.domain.account import Consent, ContactPoint, ContactRecord, Receivable
from escalon.domain.calendar import ALWAYS, Calendar
from escalon.domain.contact import rules as contact_policy_rules
from escalon.domain.contact.content import said
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
    Cap,
    ChannelLock,
    Channels,
    Content,
    Cooldown,
    Counts,
    Duty,
    Exemption,
    Facts,
    Gate,
    Holidays,
    Layer,
    Places,
    Points,
    Policy,
    Preview,
    Provenance,
    Recipients,
    Stops,
    Windows,
    evaluate,
    evaluate_action,
    notices_owed,
)
from escalon.domain.contact.rules import FeeCap
from escalon.domain.payments.fees import most

LAW = Provenance("law")
ANYBODY = Recipients(LAW, allow=("debtor",))
OVERDUE = date(2026, 8, 1)
NOON = datetime(2026, 8, 25, 12, tzinfo=UTC)  # a Tuesday
YESTERDAY = datetime(2026, 8, 24, 12, tzinfo=UTC)
EARLIER = datetime(2026, 8, 25, 6, tzinfo=UTC)
CALENDARS = {"A": Calendar("A", (2026,), (date(2026, 8, 25),)), "B": Calendar("B", (2026,), ())}
NEVER = ((),) * 7
Answer = tuple[Any, ...]


def ask(rules: Policy, channel: str = "email", **more: Any) -> Answer:
    point = ContactPoint("p", channel, "made-up", more.pop("consent", None))  # type: ignore[arg-type]
    asked = {"role": "debtor", "contacts": (), "zones": ("UTC",), "at": NOON} | more
    verdict = evaluate(rules, channel=channel, point=point, **asked)
    if isinstance(verdict, Allow):
        return ("allow",)
    return verdict.rule, verdict.source, verdict.reason, verdict.next_allowed_at


def told(channel: str = "email", **facts: Any) -> Callable[[Policy], Answer]:
    """Asking to be paid, with these facts."""
    return lambda rules: ask(rules, channel, facts=Facts(**facts))


def by(channel: str = "email", *contacts: ContactRecord, **more: Any) -> Callable[[Policy], Answer]:
    """Asking to be paid, after these contacts."""
    return lambda rules: ask(rules, channel, contacts=contacts, **more)


def answering(channel: str, *requests: Request) -> Callable[[Policy], Answer]:
    return lambda rules: ask(
        rules, channel, kind="reply_to_inbound", facts=Facts(requests=requests)
    )


def doing(action: str = "charge_fee", **debt: Any) -> Callable[[Policy], Answer]:
    def answer(rules: Policy) -> Answer:
        facts = Facts(debt=Debt(**debt))
        verdict = evaluate_action(rules, action=action, facts=facts, zones=("UTC",), at=NOON)
        return ("allow",) if isinstance(verdict, Allow) else (verdict.rule, verdict.reason)

    return answer


def owing(**debt: Any) -> Callable[[Policy], Answer]:
    return lambda rules: notices_owed(
        rules, facts=Facts(debt=Debt(**debt)), zones=("UTC",), at=NOON
    )


def saying(channel: str = "email", **message: Any) -> Callable[[Policy], Answer]:
    return lambda rules: ask(rules, channel, facts=Facts(message=Message(**message)))


def charging(**debt: Any) -> Callable[[Policy], Answer]:
    """How much may be charged on a debt of 1,000 pesos in all."""
    owed = Receivable("r", "c", "d", OVERDUE, OVERDUE, "CLP", 1_000, 1_000, OVERDUE)
    asked = Debt(due_on=OVERDUE, **debt)
    return lambda rules: (most(rules.layers[0].fees[0], owed, asked, ("UTC",), NOON),)


def contact(channel: str = "email", at: datetime = YESTERDAY, **more: Any) -> ContactRecord:
    return ContactRecord("m", channel, at, **more)


GIVEN = Consent(date(2026, 8, 1), "form 7")
UNPROVEN = Consent(date(2026, 8, 1))
LETTER = ExtraHours(ALWAYS, date(2026, 8, 2), date(2026, 8, 1), "letter")
MORNINGS = (((0, 600),),) * 7
STOP = Stops(LAW, ("paid",))
PAID = (Stop("paid"),)
SPOKE = (Conversation(YESTERDAY, "voice", inbound=True),)
LOCK = ChannelLock(LAW, "rolling_7d")
SUNDAY = contact("sms", datetime(2026, 8, 23, 12, tzinfo=UTC))
CAP = Cap(LAW, "rolling_7d", 1)
GAP = Cap(LAW, "rolling_7d", 9)
REST = Cooldown(LAW, ("voice",), 3)
EXEMPT = Exemption(LAW, ("reply_to_inbound",), ("windows",), after="answer", within_h=8)
ASKED = Request(EARLIER, "email")
GATE = Gate(LAW, "charge_fee")
TOLD = Gate(LAW, "charge_fee", notice="useful_notice", notices=1)
ONCE = (Notice("useful_notice", YESTERDAY, "proof"),)
TWICE = (*ONCE, Notice("useful_notice", YESTERDAY.replace(hour=18), "proof"))
FEES = FeeCap(LAW, "CLP", {"2026-08": 100_00}, ((2_00, 9_00), (None, 3_00)), within_days=5)
DUTY = Duty(LAW, "validation_notice", 5, "first_contact", bars_asking=True)
LONG_AGO = datetime(2026, 8, 1, tzinfo=UTC)
CONTENT = Content(LAW, require=("how_to_pay",))
PREVIEW = Preview(
    LAW, ("subject", "sms_start"), forbid_words={"en": ("debt",)}, sms_chars=10
)  # fmt: skip

# rule, field, another value of it, and a question that tells the two apart
CASES: list[tuple[Any, str, Any, Callable[[Policy], Answer]]] = [
    (STOP, "when", ("deceased",), told(stops=PAID)),
    (STOP, "only_asking", True, lambda rules: ask(rules, kind="access_code", facts=Facts(PAID))),
    (STOP, "except_roles", ("debtor",), told(stops=PAID)),
    (ANYBODY, "allow", ("codebtor",), by()),
    (ANYBODY, "deny", ("debtor",), by()),
    (Channels(LAW), "allow", ("sms",), by()),
    (Channels(LAW), "deny", ("email",), by()),
    (Channels(LAW), "require_consent", True, by()),
    (Channels(LAW), "require_consent", ("email",), by()),
    (Channels(LAW, require_consent=True), "require_evidence", True, by(consent=UNPROVEN)),
    (Channels(LAW, require_consent=True), "consent_days", {"email": 9}, by(consent=GIVEN)),
    (Points(LAW), "deny_origins", ("employer",), told(point=PointFacts(origin="employer"))),
    (Points(LAW), "deny_uses", ("work",), told(point=PointFacts(use="work"))),
    (Points(LAW), "only_supplied", True, by()),
    (Places(LAW, {}), "zones", {"UTC": ()}, by(zones=())),
    (Windows(LAW, ALWAYS), "week", NEVER, by()),
    (Windows(LAW, MORNINGS), "extra_on_request", True, told(extra_hours=LETTER)),
    (Holidays(LAW, "B"), "calendar", "A", by()),
    (Holidays(LAW, "B"), "extra", (date(2026, 8, 25),), by()),
    (Counts(LAW, "attempt"), "what", "two_way",
     lambda rules: ask(rules, contacts=(contact(),), facts=Facts(conversations=()))),
    (LOCK, "per", "iso_week", by("email", SUNDAY)),
    (LOCK, "max_distinct", 2, by("email", contact("sms"))),
    (LOCK, "failover_on", "never", by("email", contact("sms", reached=False))),
    (LOCK, "release_on_request", True,
     lambda rules: ask(rules, contacts=(SUNDAY,),
                       facts=Facts(requests=(Request(YESTERDAY, "email", "channel"),)))),
    (REST, "block", ("email",), told("voice", conversations=SPOKE)),
    (REST, "days", 1, told("voice", conversations=SPOKE)),
    (REST, "after", ("email",), told("voice", conversations=SPOKE)),
    (REST, "include_inbound", False, told("voice", conversations=SPOKE)),
    (CAP, "per", "calendar_day", by("email", contact())),
    (CAP, "max", 2, by("email", contact())),
    (CAP, "channels", ("sms",), by("email", contact())),
    (GAP, "min_gap_h", 48, by("email", contact())),
    (GAP, "min_gap_days", 2, by("email", contact())),
    (EXEMPT, "kinds", ("fraud_alert",), answering("email", ASKED)),
    (EXEMPT, "skips", ("caps",), answering("email", ASKED)),
    (EXEMPT, "after", "", answering("email")),
    (EXEMPT, "within_h", 6, answering("email", ASKED)),
    (EXEMPT, "same_channel", True, answering("sms", ASKED)),
    (GATE, "action", "file_claim", doing()),
    (GATE, "require", ("terms",), doing()),
    (replace(GATE, wait_days=30), "wait_after", "due_date", doing(due_on=OVERDUE)),
    (GATE, "max_months", 1, doing(due_on=date(2026, 7, 1))),
    (GATE, "least_principal", {"EUR": 5}, doing(currency="EUR", principal_minor=4)),
    (TOLD, "notice", "bureau_notice", doing(notices=ONCE)),
    (TOLD, "notices", 2, doing(notices=ONCE)),
    (replace(TOLD, notices=2), "distinct_days", True, doing(notices=TWICE)),
    (replace(TOLD, wait_days=1), "wait_days", 2, doing(notices=ONCE)),
    (DUTY, "notice", "useful_notice", owing(first_contact_at=LONG_AGO)),
    (DUTY, "within_days", 50, owing(first_contact_at=LONG_AGO)),
    (DUTY, "after", "due_date", owing(first_contact_at=LONG_AGO)),
    (DUTY, "bars_asking", False, told(debt=Debt(first_contact_at=LONG_AGO))),
    (CONTENT, "kinds", ("access_code",), saying(content=())),
    (CONTENT, "channels", ("sms",), saying(content=())),
    (CONTENT, "first_only", True, saying(content=(), first=False)),
    (CONTENT, "require", ("due_date",), saying(content=("how_to_pay",))),
    (CONTENT, "forbid", ("threat",), saying(content=("how_to_pay", "threat"))),
    (CONTENT, "say", {"how_to_pay": {"en": "Pay at the counter."}},
     lambda rules: said(rules.layers, channel="email", kind="collection", first=True,
                        on=NOON.date(), language="en")),
    (PREVIEW, "places", ("sender",), saying(previews={"subject": "debt"}, language="en")),
    (PREVIEW, "forbid_amounts", True, saying(previews={"subject": "USD 5"}, language="en")),
    (PREVIEW, "forbid_words", {"en": ("mora",)},
     saying(previews={"subject": "debt"}, language="en")),
    (PREVIEW, "sms_chars", 40, saying("sms", previews={"sms_start": " " * 20 + "debt"},
                                      language="en")),
    (Windows(LAW, NEVER), "about", Provenance("another"), by()),
    (FEES, "currency", "USD", charging()),
    (FEES, "unit_values", {"2026-08": 50_00}, charging()),
    (FEES, "tranches", ((None, 5_00),), charging()),
    (FEES, "less_units", 1_00, charging()),
    (replace(FEES, less_units=50, within_days=30), "unless", "useful_notice",
     charging(notices=ONCE)),
    (replace(FEES, less_units=50, unless="useful_notice"), "within_days", 30,
     charging(notices=ONCE)),
]  # fmt: skip

PLACE = {
    Stops: "stops", Recipients: "recipients", Channels: "channels", Points: "points",
    Places: "zones", Windows: "windows", Holidays: "holidays", Counts: "counts",
    ChannelLock: "channel_lock", Cooldown: "cooldowns", Cap: "caps", Exemption: "exempt",
    Gate: "gates", Duty: "duties", Content: "content", Preview: "preview", FeeCap: "fees",
}  # fmt: skip
SEVERAL = {"stops", "cooldowns", "caps", "exempt", "gates", "duties", "content", "fees"}
# What some rules need beside them to matter.
BESIDE: dict[str, dict[str, Any]] = {
    "counts": {"caps": (CAP,)},
    "exempt": {"windows": Windows(LAW, NEVER)},
}


def with_rule(rule: Any) -> Policy:
    place = PLACE[type(rule)]
    rules = {"recipients": ANYBODY, place: (rule,) if place in SEVERAL else rule}
    return Policy((Layer("law", "country", **rules, **BESIDE.get(place, {})),), CALENDARS)


@pytest.mark.parametrize(
    ("rule", "field", "value", "answer"),
    CASES,
    ids=[f"{type(rule).__name__}.{field}" for rule, field, _, _ in CASES],
)
def test_l24_every_field_changes_an_answer(
    rule: Any, field: str, value: Any, answer: Callable[[Policy], Answer]
) -> None:
    before, after = answer(with_rule(rule)), answer(with_rule(replace(rule, **{field: value})))
    assert before != after


def test_l24_no_field_is_left_out() -> None:
    structs = {
        each
        for _, each in inspect.getmembers(contact_policy_rules, inspect.isclass)
        if issubclass(each, msgspec.Struct)
    } - {Layer, Provenance}
    assert structs == set(PLACE)
    fields = {(each, name) for each in structs for name in each.__struct_fields__}
    tried = {(type(rule), field) for rule, field, _, _ in CASES}
    assert {pair for pair in fields - tried if pair[1] != "about"} == set()
    # A layer's fields: its name, its level (below) and a place for each rule.
    assert set(Layer.__struct_fields__) == {"policy", "level", *PLACE.values()}


def test_l24_what_a_rule_says_about_itself_is_told() -> None:
    closed = Windows(LAW, NEVER)
    assert ask(with_rule(closed))[:2] == ("law.windows", "law")
    tomorrow = replace(LAW, valid_from=date(2026, 8, 26))
    assert ask(with_rule(Windows(tomorrow, NEVER))) == ("allow",)
    signed = replace(LAW, reviewed_by="Ana Ruiz")
    assert "law.windows" in unreviewed(with_rule(closed))
    assert "law.windows" not in unreviewed(with_rule(Windows(signed, NEVER)))


def test_l24_the_level_of_a_layer_decides_what_it_can_open() -> None:
    law = with_rule(GATE)
    assert doing()(law) == ("allow",)
    house = Policy((replace(law.layers[0], level="house"),))
    assert doing()(house) == ("core", "action_not_stated")
