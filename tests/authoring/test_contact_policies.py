"""Contact policies and calendars as operators write them: what is taken, what is refused and where,
and that a house policy only tightens."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from escalon.authoring.calendars import CalendarFile, compile_calendar
from escalon.authoring.composition import compose, unreviewed
from escalon.authoring.contact_policies import PolicyFile, compile_layer
from escalon.authoring.yaml_lines import Problem, WrongValuesError, check, read
from escalon.domain.calendar import Calendar
from escalon.domain.contact.policy import (
    Channels,
    Content,
    Cooldown,
    Counts,
    Duty,
    Exemption,
    Gate,
    Layer,
    Points,
    Preview,
    Provenance,
    Stops,
)

CONFIG = Path(__file__).parents[2] / "config"
COUNTRIES = ["br", "cl", "co", "es", "gb", "mx", "pe", "us"]
POLICIES = [*COUNTRIES, "core.never", "house"]


def problems(text: str, model: Any = PolicyFile) -> list[str]:
    document = read(text, "house.yaml")
    assert not isinstance(document, list), document
    found = check(model, document)
    assert isinstance(found, list), found
    assert all(isinstance(problem, Problem) for problem in found)
    return [f"{problem.line}: {problem.message}; {problem.remedy}" for problem in found]


def layer(text: str) -> Layer:
    document = read(text, "test.yaml")
    assert not isinstance(document, list), document
    made = check(PolicyFile, document)
    assert not isinstance(made, list), made
    return compile_layer(made)


def shipped(name: str) -> Layer:
    return layer((CONFIG / "contact_policies" / f"{name}.yaml").read_text(encoding="utf-8"))


CO_CALENDAR = Calendar("CO", (2026,), ())
CALENDARS = [Calendar(name.upper(), (2026,), ()) for name in COUNTRIES]
ABOUT = "source: mine, confidence: house rule"


def house(**sections: str) -> str:
    """A house policy with these sections in place of, or besides, a plain one's."""
    plain = {
        "recipients": f"{{{ABOUT}, allow: [debtor]}}",
        "windows": f"{{{ABOUT}, days: {{mon-fri: '08:00 to 18:00', sat-sun: closed}}}}",
    }
    lines = [f"{key}: {value}" for key, value in (plain | sections).items()]
    return "\n".join(["policy: house", "level: house", *lines]) + "\n"


# --- what is shipped -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_a_shipped_policy_is_named_like_its_file_and_says_where_its_rules_come_from(
    name: str,
) -> None:
    text = (CONFIG / "contact_policies" / f"{name}.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    assert shipped(name).policy == name
    sections = [value for value in data.values() if not isinstance(value, str)]
    rules = [rule for each in sections for rule in (each if isinstance(each, list) else [each])]
    for rule in rules:
        assert rule["source"]
        assert rule["confidence"]
        assert "reviewed_by" in rule


def test_every_shipped_policy_is_tried_here() -> None:
    files = {path.stem for path in (CONFIG / "contact_policies").glob("*.yaml")}
    assert files == set(POLICIES)


@pytest.mark.parametrize(
    "names",
    [*(["core.never", name] for name in [*COUNTRIES, "house"]), ["core.never", "co", "house"]],
)
def test_the_shipped_policies_compose(names: list[str]) -> None:
    made = compose(*(shipped(name) for name in names), calendars=CALENDARS)
    assert [each.policy for each in made.layers] == names


def test_nobody_has_reviewed_the_shipped_rules_and_that_is_listed() -> None:
    made = compose(shipped("core.never"), shipped("co"), calendars=[CO_CALENDAR])
    listed = unreviewed(made)
    assert "co.windows" in listed
    assert "co.caps[0]" in listed
    assert "core.never.recipients" in listed
    assert "co.gates[0]" in listed
    assert "core.never.preview" in listed
    signed = house(windows=f"{{{ABOUT}, reviewed_by: Ana Ruiz, days: {{mon-sun: closed}}}}")
    assert unreviewed(compose(layer(signed))) == ["house.recipients"]


def test_only_the_calendars_that_are_named_go_into_the_policy() -> None:
    others = [CO_CALENDAR, Calendar("US", (2026,), ())]
    assert list(compose(shipped("co"), calendars=others).calendars) == ["CO"]
    assert compose(shipped("house"), calendars=others).calendars == {}


# --- reading -------------------------------------------------------------------------------------


def test_the_hours_of_a_week_are_read_as_minutes() -> None:
    text = house(
        windows=f"{{{ABOUT}, days: {{mon-thu: '07:00 to 24:00', fri: closed, "
        "sat: ['14:00 to 18:30', '08:00 to 12:00'], sun: []}}"
    )
    windows = layer(text).windows
    assert windows is not None
    monday = ((420, 1440),)
    assert windows.week == (monday, monday, monday, monday, (), ((480, 720), (840, 1110)), ())


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ("{mon-sat: '08:00 to 18:00'}", "nothing is said about Sunday"),
        ("{mon-fri: closed, fri-sun: closed}", "Friday stands under 'mon-fri' and 'fri-sun'"),
        ("{weekdays: closed}", "'weekdays' is not a day of the week"),
        ("{sat-mon: closed}", "'sat-mon' runs over the end of the week"),
        ("{mon-sun: '18:00 to 08:00'}", "'18:00 to 08:00' ends before it starts"),
        ("{mon-sun: '08:00 to 08:00'}", "'08:00 to 08:00' ends before it starts"),
        ("{mon-sun: '08:00 to 24:01'}", "'08:00 to 24:01' goes past midnight"),
        ("{mon-sun: 8 to 18}", "cannot read '8 to 18' as hours"),
        ("{mon-sun: 480}", "'480' is not a list"),
        ("{mon-sun: ['08:00 to 12:00', '11:59 to 13:00']}", "these hours overlap"),
    ],
)
def test_hours_that_cannot_be_meant_are_refused_with_their_line(days: str, message: str) -> None:
    (found,) = problems(house(windows=f"{{{ABOUT}, days: {days}}}"))
    assert found.startswith(f"4: {message}")


@pytest.mark.parametrize(
    "section",
    ["money", "retention", "tz", "window_override", "log", "applies_to", "customer_preferences"],
)
def test_l24_a_section_that_nothing_carries_out_is_refused(section: str) -> None:
    found = problems(house(**{section: "{}"}))
    assert len(found) == 1
    assert found[0].startswith(f"5: unknown key '{section}'")


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"caps": f"[{{{ABOUT}, channels: all, per: day, max: 1}}]"}, "'day' is not known here"),
        (
            {"caps": f"[{{{ABOUT}, channels: all, per: calendar_day, max: 0}}]"},
            "'0' has to be at least 1",
        ),
        (
            {"caps": f"[{{{ABOUT}, channels: [emial], per: calendar_day, max: 1}}]"},
            "'emial' is not known here, did you mean 'email'?",
        ),
        (
            {"caps": f"[{{{ABOUT}, channels: all, per: calendar_day, max: 1, counts: two_way}}]"},
            "unknown key 'counts'",
        ),
        (
            {"channels": f"{{{ABOUT}, deny: [emial]}}"},
            "'emial' is not known here, did you mean 'email'?",
        ),
        (
            {"channels": f"{{{ABOUT}, allow: [email], deny: [email]}}"},
            "email stands under allow and under deny",
        ),
        ({"recipients": f"{{{ABOUT}, allow: []}}"}, "this is empty"),
        ({"recipients": "{confidence: house rule, allow: [debtor]}"}, "'source' is missing"),
        (
            {"recipients": "{source: mine, confidence: sure, allow: [debtor]}"},
            "'sure' is not known here",
        ),
        ({"holidays": f"{{{ABOUT}}}"}, "no calendar and no days are named"),
        (
            {"exempt": f"[{{{ABOUT}, kinds: [collection], skips: [windows]}}]"},
            "'collection' is not known here",
        ),
        (
            {"exempt": f"[{{{ABOUT}, kinds: [fraud_alert], skips: [recipients]}}]"},
            "'recipients' is not known here",
        ),
        (
            {"exempt": f"[{{{ABOUT}, kinds: [fraud_alert], skips: [caps]}}]"},
            "this policy sets no caps; leave it out",
        ),
        (
            {"exempt": f"[{{{ABOUT}, kinds: [fraud_alert], skips: [windows], within_h: 3}}]"},
            "it is not said what the person has to have asked for",
        ),
        ({"stops": f"[{{{ABOUT}, when: [pait], stops: asking}}]"}, "did you mean 'paid'?"),
        (
            {"channels": f"{{{ABOUT}, require_consent: [email], consent_days: {{sms: 60}}}}"},
            "a consent to sms is not required, so it cannot grow old",
        ),
        (
            {"zones": f"{{{ABOUT}, zones: {{America/Bogota: everywhere}}}}"},
            "a house policy does not say where people live",
        ),
        ({"counts": f"{{{ABOUT}, what: two_way}}"}, "nothing is counted here"),
        (
            {"gates": f"[{{{ABOUT}, action: report_bureau, notices: 2}}]"},
            "it is not said which notice",
        ),
        (
            {"gates": f"[{{{ABOUT}, action: report_bureau, wait_days: 9}}]"},
            "there is no notice to wait after",
        ),
        (
            {
                "gates": f"[{{{ABOUT}, action: report_bureau, notice: bureau_notice, "
                "distinct_days: true}]"
            },
            "one notice has no two days",
        ),
        (
            {"gates": f"[{{{ABOUT}, action: charge_fee, least_principal: {{EUR: 0.001}}}}]"},
            "EUR",
        ),
        ({"content": f"[{{{ABOUT}, kinds: [collection]}}]"}, "nothing is required or forbidden"),
        ({"preview": f"{{{ABOUT}, places: [subject]}}"}, "nothing is forbidden"),
        (
            {"preview": f"{{{ABOUT}, places: [sms_start], forbid_amounts: true}}"},
            "sms_start and sms_chars go together",
        ),
        (
            {"preview": f"{{{ABOUT}, places: [subject], forbid_words: {{es: [acción]}}}}"},
            "'acción' would never be found",
        ),
        (
            {"preview": f"{{{ABOUT}, places: [subject], forbid_words: {{es: ['*deuda']}}}}"},
            "'*deuda' would never be found",
        ),
    ],
)
def test_what_is_written_wrong_is_refused(sections: dict[str, str], message: str) -> None:
    (found,) = problems(house(**sections))
    assert message in found


def test_a_kind_is_exempted_once() -> None:
    rule = f"{{{ABOUT}, kinds: [fraud_alert], skips: [windows]}}"
    (found,) = problems(house(exempt=f"[{rule}, {rule}]"))
    assert found.startswith("5: fraud_alert is exempted twice")


def test_a_zone_that_does_not_exist_is_refused() -> None:
    text = house(zones=f"{{{ABOUT}, zones: {{America/Bogotá: everywhere, UTC: everywhere}}}}")
    (found,) = problems(text.replace("level: house", "level: country"))
    assert found == "5: there is no time zone America/Bogotá; write it like America/Bogota"


def test_a_gate_of_the_house_opens_nothing_that_no_law_states() -> None:
    """L24: it would have no effect."""
    text = house(gates=f"[{{{ABOUT}, action: file_claim, require: [terms]}}]")
    assert messages_of(layer(text)) == [
        "house.gates[0] is for file_claim, for which no law is stated, so it opens nothing"
    ]


def test_what_is_written_is_what_is_carried_out() -> None:
    made = layer(
        house(
            stops=f"[{{{ABOUT}, when: [paid], stops: asking, except_roles: [attorney]}}]",
            channels=f"{{{ABOUT}, require_consent: [sms], consent_days: {{sms: 60}}}}",
            points=f"{{{ABOUT}, deny_origins: [employer], deny_uses: [work]}}",
            caps=f"[{{{ABOUT}, channels: all, per: calendar_day, max: 1}}]",
            counts=f"{{{ABOUT}, what: two_way}}",
            cooldowns=f"[{{{ABOUT}, after: [voice], include_inbound: false, block: all, days: 7}}]",
            gates=f"[{{{ABOUT}, action: report_bureau, notice: bureau_notice, wait_days: 21, "
            "max_months: 18, least_principal: {EUR: 50}}]",
            duties=f"[{{{ABOUT}, notice: useful_notice, within_days: 15, after: due_date, "
            "bars_asking: false}]",
            content=f"[{{{ABOUT}, kinds: [collection], channels: [sms], require: [how_to_pay]}}]",
            preview=f"{{{ABOUT}, places: [sms_start], sms_chars: 40, "
            "forbid_words: {es: [mora]}}",
            exempt=f"[{{{ABOUT}, kinds: [agreed_call], skips: [cooldowns], after: call, "
            "within_h: 168, same_channel: true}]",
        )
    )
    about = Provenance("mine", "house rule")
    every = ("email", "sms", "whatsapp", "voice", "letter")
    assert made.stops == (Stops(about, ("paid",), True, ("attorney",)),)
    assert made.channels == Channels(about, None, (), ("sms",), None, {"sms": 60})
    assert made.points == Points(about, ("employer",), ("work",))
    assert made.counts == Counts(about, "two_way")
    assert made.cooldowns == (Cooldown(about, every, 7, ("voice",), False),)
    assert made.gates == (
        Gate(
            about, "report_bureau", (), "bureau_notice", 1, False, 21, "notice", 18, {"EUR": 5000}
        ),
    )
    assert made.duties == (Duty(about, "useful_notice", 15, "due_date", False),)
    assert made.content == (Content(about, ("collection",), ("sms",), False, ("how_to_pay",)),)
    assert made.preview == Preview(about, ("sms_start",), False, {"es": ("mora",)}, 40)
    assert made.exempt == (Exemption(about, ("agreed_call",), ("cooldowns",), "call", 168, True),)


def test_all_problems_are_found_at_once() -> None:
    found = problems(
        house(money="{}", windows=f"{{{ABOUT}, days: {{mon-fri: '8 to 9'}}}}", holidays="{}")
    )
    assert len(found) == 4


def test_the_place_of_a_problem_is_a_path_of_the_yaml() -> None:
    data = yaml.safe_load(house(caps=f"[{{{ABOUT}, channels: all, per: calendar_day, max: 0}}]"))
    with pytest.raises(ValidationError) as caught:
        PolicyFile.model_validate(data)
    assert [error["loc"] for error in caught.value.errors()] == [("caps", 0, "max")]


# --- a house policy can only tighten -------------------------------------------------------------


def refused_by_co(text: str) -> list[str]:
    with pytest.raises(WrongValuesError) as caught:
        compose(shipped("core.never"), shipped("co"), layer(text), calendars=[CO_CALENDAR])
    assert all(wrong.remedy for wrong in caught.value.wrongs)
    return [wrong.message.split(";")[0] for wrong in caught.value.wrongs]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"windows": f"{{{ABOUT}, days: {{mon-fri: '07:00 to 18:56', sat-sun: closed}}}}"},
            "house.windows opens at other hours on Monday, which co does not allow",
        ),
        (
            {"windows": f"{{{ABOUT}, days: {{mon-fri: '06:59 to 18:55', sat-sun: closed}}}}"},
            "house.windows opens at other hours on Monday, which co does not allow",
        ),
        (
            {"caps": f"[{{{ABOUT}, channels: all, per: calendar_day, max: 2}}]"},
            "house.caps[0] allows 2 contacts, which co does not allow",
        ),
        (
            {"caps": f"[{{{ABOUT}, channels: [voice], per: calendar_day, max: 3}}]"},
            "house.caps[0] allows 3 contacts, which co does not allow",
        ),
        (
            {"channels": f"{{{ABOUT}, require_consent: false}}"},
            "house.channels does without consent, which co does not allow",
        ),
        (
            {"channel_lock": f"{{{ABOUT}, per: iso_week, max_distinct: 1, failover_on: never}}"},
            "house.channel_lock counts by calendar week instead of any seven days, "
            "which co does not allow",
        ),
        (
            {
                "channel_lock": f"{{{ABOUT}, per: rolling_7d, max_distinct: 2, "
                "failover_on: hard_failure}"
            },
            "house.channel_lock allows 2 channels, which co does not allow",
        ),
        (
            {
                "caps": f"[{{{ABOUT}, channels: all, per: calendar_day, max: 1}}]",
                "counts": f"{{{ABOUT}, what: two_way}}",
            },
            "house.counts counts only conversations, which co does not allow",
        ),
        (
            {"gates": f"[{{{ABOUT}, action: report_bureau, notice: bureau_notice, notices: 1}}]"},
            "house.gates[0] does with 1 notices, which co does not allow",
        ),
        (
            {
                "gates": f"[{{{ABOUT}, action: report_bureau, notice: bureau_notice, "
                "notices: 2, wait_days: 20}]"
            },
            "house.gates[0] waits for 20 days, which co does not allow",
        ),
        (
            {"gates": f"[{{{ABOUT}, action: report_bureau, max_months: 19}}]"},
            "house.gates[0] stays open for 19 months, which co does not allow",
        ),
    ],
)
def test_what_would_loosen_the_law_is_refused(sections: dict[str, str], message: str) -> None:
    assert message in refused_by_co(house(**sections))


def test_every_day_that_is_looser_is_told() -> None:
    text = house(windows=f"{{{ABOUT}, days: {{mon-sun: '08:00 to 14:55'}}}}")
    assert refused_by_co(text) == [
        "house.windows opens at other hours on Sunday, which co does not allow"
    ]


def test_roles_that_the_law_forbids_cannot_be_allowed() -> None:
    text = house(recipients=f"{{{ABOUT}, allow: [debtor, reference]}}")
    assert refused_by_co(text) == [
        "house.recipients allows reference, which core.never does not allow",
        "house.recipients allows reference, which co does not allow",
    ]


@pytest.mark.parametrize(
    "sections",
    [
        {"windows": f"{{{ABOUT}, days: {{mon-fri: '07:00 to 18:55', sat-sun: closed}}}}"},
        {"windows": f"{{{ABOUT}, days: {{mon: ['07:00 to 12:00', '12:00 to 18:55'], "
                    "tue-sun: closed}}"},
        {"caps": f"[{{{ABOUT}, channels: all, per: calendar_day, max: 1}}]"},
        {"caps": f"[{{{ABOUT}, channels: all, per: rolling_7d, max: 3, min_gap_h: 24}}]"},
        {"channels": f"{{{ABOUT}, allow: [email], deny: [voice]}}"},
        {"channel_lock": f"{{{ABOUT}, per: rolling_7d, max_distinct: 1, failover_on: never}}"},
        {"recipients": f"{{{ABOUT}, allow: [debtor], deny: [codebtor]}}"},
        {"gates": f"[{{{ABOUT}, action: report_bureau, notice: bureau_notice, notices: 3, "
                  "wait_days: 30, max_months: 12}]"},
        {"cooldowns": f"[{{{ABOUT}, after: [voice], include_inbound: true, block: all, days: 3}}]"},
    ],
)  # fmt: skip
def test_what_is_as_strict_or_stricter_is_taken(sections: dict[str, str]) -> None:
    made = compose(shipped("co"), layer(house(**sections)), calendars=[CO_CALENDAR])
    assert [each.policy for each in made.layers] == ["co", "house"]


def test_gaps_between_contacts_cannot_shrink() -> None:
    def with_gap(level: str, hours: int, days: int) -> Layer:
        cap = (
            f"[{{{ABOUT}, channels: [sms], per: rolling_7d, max: 2, "
            f"min_gap_h: {hours}, min_gap_days: {days}}}]"
        )
        text = house(caps=cap).replace("level: house", f"level: {level}")
        return layer(text.replace("policy: house", f"policy: {level}"))

    with pytest.raises(WrongValuesError) as caught:
        compose(with_gap("country", 48, 2), with_gap("house", 47, 1))
    assert [wrong.message.split(",")[0] for wrong in caught.value.wrongs] == [
        "house.caps[0] leaves 47 hours between",
        "house.caps[0] leaves 1 days between",
    ]
    compose(with_gap("country", 48, 2), with_gap("house", 48, 2))


def test_a_stricter_law_than_colombias_is_not_loosened_either() -> None:
    lock = f"{{{ABOUT}, per: rolling_7d, max_distinct: 1, failover_on: "
    law = house(channels=f"{{{ABOUT}, deny: [voice]}}", channel_lock=lock + "never}")
    ours = house(
        channels=f"{{{ABOUT}, allow: [email, voice]}}", channel_lock=lock + "hard_failure}"
    )
    law = law.replace("level: house", "level: country").replace("policy: house", "policy: law")
    with pytest.raises(WrongValuesError) as caught:
        compose(layer(law), layer(ours))
    assert [wrong.message.split(",")[0] for wrong in caught.value.wrongs] == [
        "house.channels allows voice",
        "house.channel_lock lets another channel follow on a failure",
    ]


def test_what_else_a_law_may_ask_is_not_loosened_either() -> None:
    lock = f"{{{ABOUT}, per: rolling_7d, max_distinct: 1, failover_on: never"
    rest = f"[{{{ABOUT}, after: [voice], include_inbound: true, block: all, days: "
    consent = f"{{{ABOUT}, require_consent: [sms], require_evidence: "
    gate = f"[{{{ABOUT}, action: charge_fee, least_principal: {{EUR: "
    law = house(
        channel_lock=lock + "}",
        cooldowns=rest + "7}]",
        channels=consent + "true, consent_days: {sms: 60}}",
        gates=gate + "50}}]",
    )
    ours = house(
        channel_lock=lock + ", release_on_request: true}",
        cooldowns=rest + "6}]",
        channels=consent + "false, consent_days: {sms: 61}}",
        gates=gate + "49.99}}]",
    )
    law = law.replace("level: house", "level: country").replace("policy: house", "policy: law")
    with pytest.raises(WrongValuesError) as caught:
        compose(layer(law), layer(ours))
    assert [wrong.message.split(",")[0] for wrong in caught.value.wrongs] == [
        "house.channels does without evidence of consent",
        "house.channels takes consents to sms for 61 days",
        "house.channel_lock is released when the person asks",
        "house.cooldowns[0] rests for 6 days",
        "house.gates[0] opens for less principal in EUR",
    ]


def test_a_sector_may_differ_from_its_country_because_both_bind() -> None:
    sector = house(windows=f"{{{ABOUT}, days: {{mon-sun: '06:00 to 22:00'}}}}").replace(
        "level: house", "level: sector"
    )
    compose(shipped("co"), layer(sector), calendars=[CO_CALENDAR])


# --- a composition that leaves something open ----------------------------------------------------


def messages_of(*layers: Layer, calendars: list[Calendar] | None = None) -> list[str]:
    with pytest.raises(WrongValuesError) as caught:
        compose(*layers, calendars=calendars or [])
    return [wrong.message for wrong in caught.value.wrongs]


def test_a_composition_says_whom_and_when() -> None:
    assert messages_of(shipped("core.never")) == [
        "no policy says who may be contacted",
        "no policy says at what hours people may be contacted",
    ]
    assert messages_of()[0] == "no policy says who may be contacted"


def test_a_calendar_that_is_named_has_to_be_there_and_once() -> None:
    assert messages_of(shipped("co")) == ["co names the calendar CO, which is not there"]
    assert messages_of(shipped("co"), calendars=[CO_CALENDAR, CO_CALENDAR]) == [
        "there are two calendars CO"
    ]


def test_a_policy_is_named_once() -> None:
    assert messages_of(shipped("house"), shipped("house")) == ["the policy house is named twice"]


# --- calendars -----------------------------------------------------------------------------------

CALENDAR = """\
calendar: CO
source: test
years:
  2026:
    2026-01-01: Año Nuevo
    2026-07-20: Independencia
extra:
  - {day: 2026-07-13, name: Chiquinquirá, source: Ley 2578 de 2026}
removed:
  - {day: 2026-01-01, name: Año Nuevo, source: prueba}
"""


def test_corrections_are_applied_to_the_generated_days() -> None:
    document = read(CALENDAR, "CO.yaml")
    assert not isinstance(document, list)
    made = check(CalendarFile, document)
    assert not isinstance(made, list), made
    compiled = compile_calendar(made)
    assert compiled.years == (2026,)
    assert [day.isoformat() for day in compiled.days] == ["2026-07-13", "2026-07-20"]


def test_a_correction_may_be_of_one_region() -> None:
    text = CALENDAR.replace(
        "extra:\n",
        "regions:\n  AN: {2026-02-28: Andalucía}\n  CT: {}\n"
        "extra:\n  - {day: 2026-09-11, name: Diada, source: Ley 1/1980, region: CT}\n",
    ).replace(
        "removed:\n",
        "removed:\n  - {day: 2026-02-28, name: Andalucía, source: prueba, region: AN}\n",
    )
    document = read(text, "ES.yaml")
    assert not isinstance(document, list), document
    made = check(CalendarFile, document)
    assert not isinstance(made, list), made
    compiled = compile_calendar(made)
    assert [day.isoformat() for day in compiled.days] == ["2026-07-13", "2026-07-20"]
    assert compiled.regions == {"AN": (), "CT": (date(2026, 9, 11),)}


def test_a_calendar_read_by_plain_yaml_is_the_same() -> None:
    document = read(CALENDAR, "CO.yaml")
    assert not isinstance(document, list)
    assert CalendarFile.model_validate(yaml.safe_load(CALENDAR)) == check(CalendarFile, document)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("2026-07-20: Ind", "2025-07-20: Ind", "6: 2025-07-20 is not a day of 2026; "),
        ("day: 2026-07-13", "day: 2027-07-12", "8: 2027-07-12 lies in a year that is not loaded; "),
        ("{day: 2026-01-01", "{day: 2026-01-02", "10: 2026-01-02 is no holiday that could be "),
        ("2026-07-20: Ind", "2026-02-29: Ind", "6: '2026-02-29' is not a date; "),
        ("source: Ley 2578 de 2026", "why: because", "8: 'source' is missing; "),
        ("source: prueba", "source: prueba, region: AN", "10: there is no region AN; "),
    ],
)
def test_a_calendar_that_cannot_be_right_is_refused_with_its_line(
    old: str, new: str, expected: str
) -> None:
    assert old in CALENDAR
    found = problems(CALENDAR.replace(old, new), CalendarFile)
    assert any(line.startswith(expected) for line in found), found


FEES = """\
policy: law
level: country
fees:
  - source: law
    confidence: house rule
    currency: CLP
    unit_values: {2026-11: 39_485.65}
    tranches: [{up_to: 10, percent: 9}, {percent: 3.5}]
    less_units: 0.2
    unless: useful_notice
    within_days: 15
"""


def test_fees_are_read_in_hundredths() -> None:
    (cap,) = layer(FEES).fees
    assert cap.unit_values == {"2026-11": 39_485_65}
    assert cap.tranches == ((10_00, 9_00), (None, 3_50))
    assert (cap.less_units, cap.unless, cap.within_days) == (20, "useful_notice", 15)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{percent: 3.5}", "{up_to: 9, percent: 3.5}", "do not climb"),
        ("{up_to: 10, percent: 9}", "{percent: 9}", "do not climb"),
        ("    unless: useful_notice\n", "", "without which notice"),
        ("39_485.65", "39_485.655", "more than two decimals"),
        ("39_485.65", "-1", "no amount"),
    ],
)
def test_fees_that_cannot_be_meant_are_refused(old: str, new: str, said: str) -> None:
    assert said in "\n".join(problems(FEES.replace(old, new)))
