"""The judge reads what a replay wrote, and finds every breach that is put there."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contact_law.abroad import PLACES as ABROAD
from tests.contact_law.abroad import mapping_for
from tests.contact_law.judge import judged, main
from tests.contact_law.lived import PLACES, lived

TUESDAY = "2026-09-08T10:00:00-05:00"
LATER = "2026-09-15T10:00:00-05:00"  # the next Tuesday, when the channel is free again
DEBT = {"receivable_id": "F1", "open_minor": 50_000_00, "currency": "COP"}
CONSENT = {"granted_on": "2024-01-15", "evidence": "form 7"}
EMAIL = {"point_id": "p1", "channel": "email", "address": "ana@example.com", "consent": CONSENT}
SMS = {"point_id": "p2", "channel": "sms", "address": "+573000000001", "consent": CONSENT}


def account(**more: Any) -> dict[str, Any]:
    return {
        "account_id": "ana",
        "country": "CO",
        "region": "",
        "zones": ["America/Bogota"],
        "number_zones": [],
        "points": [EMAIL, SMS],
        "refused_channels": [],
        "consents": [],
        "holds": [],
        **more,
    }


def message(sent_at: str = TUESDAY, **more: Any) -> dict[str, Any]:
    by_sms = more.get("channel") == "sms"
    return {
        "message_id": "m1",
        "account_id": "ana",
        "debtor_id": "ana",
        "role": "debtor",
        "kind": "collection",
        "gives": [],
        "channel": "email",
        "to": SMS["address"] if by_sms else EMAIL["address"],
        "sent_at": sent_at,
        "receivables": [DEBT],
        "subject": None if by_sms else "Su cuenta con Andina",
        "text": "Andina: le escribimos sobre su cuenta.",
        "state": "delivered",
        "told": {"delivered": sent_at},
        **more,
    }


def entry(amount_minor: int, booked_at: str = "2026-08-01T00:00:00-05:00") -> dict[str, Any]:
    return {
        "account_id": "ana",
        "receivable_id": "F1",
        "booked_at": booked_at,
        "amount_minor": amount_minor,
    }


def rules(
    out: Path,
    *messages: dict[str, Any],
    person: dict[str, Any] | None = None,
    ledger: tuple[dict[str, Any], ...] = (),
    agreed: tuple[dict[str, Any], ...] = (),
) -> list[str]:
    """The rules that the last of these messages breaks; those before it break none."""
    _write(out, "accounts", [person or account(), account(account_id="beto")])
    _write(out, "messages", [m for m in messages if m["kind"] == "collection"])
    _write(out, "receipts", [m for m in messages if m["kind"] != "collection"])
    _write(out, "ledger", [entry(50_000_00), *ledger])
    _write(out, "agreements", list(agreed))
    count, found = judged(out)
    assert count == len(messages)
    assert {breach.at for breach in found} <= {messages[-1]["sent_at"]}
    return [breach.rule for breach in found]


def _write(out: Path, name: str, lines: list[dict[str, Any]]) -> None:
    (out / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")


@pytest.mark.parametrize(
    ("sent_at", "found"),
    [
        ("2026-09-08T07:00:00-05:00", []),
        ("2026-09-08T06:59:00-05:00", ["co: closed at Tue 06:59 (-05)"]),
        ("2026-09-08T21:30:00-05:00", ["co: closed at Tue 21:30 (-05)"]),
        ("2026-09-06T10:00:00-05:00", ["co: closed at Sun 10:00 (-05)"]),
        ("2026-10-12T10:00:00-05:00", ["co: holiday 2026-10-12"]),
        # The files tell instants, whatever the offset that they are written with.
        ("2026-09-09T02:30:00+00:00", ["co: closed at Tue 21:30 (-05)"]),
    ],
)
def test_hours_sundays_and_holidays(tmp_path: Path, sent_at: str, found: list[str]) -> None:
    assert rules(tmp_path, message(sent_at)) == found


def test_the_second_of_a_day_and_the_second_channel_of_a_week(tmp_path: Path) -> None:
    again = message("2026-09-08T16:00:00-05:00")
    assert rules(tmp_path, message(), again) == ["co: more than 1 on 2026-09-08"]
    by_sms = message("2026-09-10T10:00:00-05:00", channel="sms")
    assert rules(tmp_path, message(), by_sms) == ["co: another channel within seven days: email"]
    assert rules(tmp_path, message(), message(LATER, channel="sms")) == []


def test_what_reached_nobody_locks_no_channel(tmp_path: Path) -> None:
    bounced = message(state="bounced", told={"bounced": "2026-09-08T10:01:00-05:00"})
    by_sms = message("2026-09-10T10:00:00-05:00", channel="sms")
    assert rules(tmp_path, bounced, by_sms) == []
    known_later = {"bounced": "2026-09-10T10:01:00-05:00"}
    assert rules(tmp_path, message(state="bounced", told=known_later), by_sms) == [
        "co: another channel within seven days: email"
    ]
    assert rules(tmp_path, bounced, message(LATER)) == ["the address is known not to work"]


def test_a_channel_that_the_person_refuses_or_has_complained_about(tmp_path: Path) -> None:
    refused = {"at": "2026-09-07T12:00:00Z", "became": "refused", "channel": "email"}
    person = account(refused_channels=["email"], consents=[refused])
    assert rules(tmp_path, message(), person=person) == ["the person refuses the channel"]
    earlier = message("2026-09-04T10:00:00-05:00")
    assert rules(tmp_path, earlier, person=person) == []  # it was refused three days later
    told = {"delivered": TUESDAY, "complained": "2026-09-08T11:00:00-05:00"}
    complained = message(state="complained", told=told)
    assert rules(tmp_path, complained, message(LATER)) == ["the person refuses the channel"]


def test_consent_as_it_stood_when_the_message_left(tmp_path: Path) -> None:
    nothing = account(points=[{**EMAIL, "consent": None}])
    assert rules(tmp_path, message(), person=nothing) == ["co: no consent"]
    unproven = account(points=[{**EMAIL, "consent": {"granted_on": "2024-01-15"}}])
    assert rules(tmp_path, message(), person=unproven) == ["co: consent without proof"]
    withdrawn = {**CONSENT, "revoked_at": "2026-09-08T12:00:00Z"}
    change = {
        "at": "2026-09-08T12:00:00Z",
        "became": "withdrawn",
        "channel": "email",
        "point_id": "p1",
        "consent": withdrawn,
        "before": CONSENT,
    }
    person = account(points=[{**EMAIL, "consent": withdrawn}], consents=[change])
    assert rules(tmp_path, message("2026-09-08T06:59:59-05:00"), person=person) == [
        "co: closed at Tue 06:59 (-05)"
    ]
    assert rules(tmp_path, message(), person=person) == [
        "core.never: consent withdrawn",
        "co: consent withdrawn",
    ]
    elsewhere = message(to="somebody@example.com")
    assert rules(tmp_path, elsewhere) == ["co: no consent", "an address that the person never had"]


def test_money_that_is_not_owed_or_not_so_much(tmp_path: Path) -> None:
    paid = entry(-50_000_00, "2026-09-07T15:00:00-05:00")
    assert rules(tmp_path, message(), ledger=(paid,)) == ["paid: F1"]
    assert rules(tmp_path, message("2026-09-07T14:59:00-05:00"), ledger=(paid,)) == []
    part = entry(-20_000_00, "2026-09-07T15:00:00-05:00")
    assert rules(tmp_path, message(), ledger=(part,)) == [
        "false amount: F1 says 5000000, open are 3000000"
    ]
    assert rules(tmp_path, message(receivables=[])) == ["asks for nothing that is owed"]


def test_a_notice_that_was_not_given_in_time_ends_the_asking(tmp_path: Path) -> None:
    """12 CFR 1006.34: it has to have arrived within five days of the first communication."""
    fresh = {**EMAIL, "consent": {**CONSENT, "granted_on": "2026-08-20"}}
    person = account(country="US", region="NY", zones=["America/New_York"], points=[fresh])
    first, second = "2026-09-08T10:00:00-04:00", "2026-09-14T10:00:00-04:00"
    owed = ["validation_notice owed: F1, spoken of since 2026-09-08"]
    assert rules(tmp_path, message(first), message(second), person=person) == owed
    soon = message("2026-09-11T10:00:00-04:00")  # the third day; until the thirteenth it may come
    assert rules(tmp_path, message(first), soon, person=person) == []
    given = message(first, gives=["validation_notice"])
    assert rules(tmp_path, given, message(second), person=person) == []
    lost = {**given, "state": "sent", "told": {}}
    assert rules(tmp_path, lost, message(second), person=person) == owed
    again = message(second, gives=["validation_notice"])
    assert rules(tmp_path, message(first), again, person=person) == []


def test_a_reminder_of_an_instalment(tmp_path: Path) -> None:
    def became(what: str, at: str) -> dict[str, Any]:
        return {"account_id": "ana", "agreement_id": "g1", "became": what, "at": at}

    begun = became("agreement_active", "2026-09-07T10:00:00-05:00")
    broken = became("agreement_broken", "2026-09-08T09:00:00-05:00")
    half = {"receivable_id": "g1", "open_minor": 25_000_00, "currency": "COP"}
    reminder = message(receivables=[half])
    assert rules(tmp_path, reminder, agreed=(begun,)) == []
    assert rules(tmp_path, reminder, agreed=(begun, broken)) == ["no such agreement: g1"]
    too_much = message(receivables=[{**half, "open_minor": 50_000_01}])
    assert rules(tmp_path, too_much, agreed=(begun,)) == [
        "false amount: g1 says 5000001, which is more than is open"
    ]


def hold(stop: str, receivable_id: str | None = "F1", **more: Any) -> dict[str, Any]:
    return {
        "stop": stop,
        "receivable_id": receivable_id,
        "placed_at": None,
        "from": "2026-09-08",
        "until": "2026-10-08",
        **more,
    }


@pytest.mark.parametrize(
    ("placed", "found"),
    [
        (hold("dispute_open"), ["core.never: stopped: dispute_open"]),
        (hold("dispute_open", "F2"), []),
        (hold("dispute_open", until="2026-09-08"), []),
        (hold("dispute_open", placed_at="2026-09-08T15:00:01Z"), []),  # a second too late
        (hold("deceased", "F2"), ["core.never: stopped: deceased"]),  # the person, not the debt
    ],
)
def test_what_rests(tmp_path: Path, placed: dict[str, Any], found: list[str]) -> None:
    assert rules(tmp_path, message(), person=account(holds=[placed])) == found


def test_the_one_who_is_written_to_counts_and_the_debtor_is_who_owes(tmp_path: Path) -> None:
    to_beto = message("2026-09-08T16:00:00-05:00", account_id="beto", role="codebtor")
    assert rules(tmp_path, message(), to_beto) == []
    employer = message("2026-09-08T16:00:00-05:00", account_id="beto", role="employer")
    assert rules(tmp_path, message(), employer) == ["core.never: recipient", "co: recipient"]


def test_what_others_read_along(tmp_path: Path) -> None:
    assert rules(tmp_path, message(subject="Su deuda está en mora: $ 50.000")) == [
        "others read along: deud*",
        "others read along: mora",
        "others read along: $ 50.000",
    ]
    early = message(channel="sms", text="Andina: su saldo vencido es de 50.000")
    assert rules(tmp_path, early) == ["others read along: vencid*"]
    late = message(channel="sms", text="Andina: hay novedades de su cuenta con nosotros, vencida")
    assert rules(tmp_path, late) == []


def test_a_receipt_may_go_at_night_and_to_whoever_has_paid(tmp_path: Path) -> None:
    night = {"kind": "transaction_confirmation", "receivables": [], "message_id": "r1"}
    assert rules(tmp_path, message(), message("2026-09-08T23:00:00-05:00", **night)) == []
    revoked = {**CONSENT, "revoked_at": "2026-09-01T12:00:00Z"}
    person = account(points=[{**EMAIL, "consent": revoked}])
    assert rules(tmp_path, message("2026-09-08T23:00:00-05:00", **night), person=person) == [
        "core.never: consent withdrawn",
        "co: consent withdrawn",
    ]


def test_the_command_tells_every_breach(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(tmp_path, message("2026-09-06T10:00:00-05:00"))
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "ana m1 2026-09-06T10:00:00-05:00 co: closed at Sun 10:00 (-05)",
        "1 messages, 1 breaches {'co': 1}",
    ]
    assert main([str(tmp_path), "--law", "br"]) == 1
    assert "br: closed at Sun 12:00 (-03)" not in capsys.readouterr().out
    assert main([str(tmp_path), "--law", "xx"]) == 2


# --- a year of the sample portfolio ---------------------------------------------------------------


@pytest.mark.parametrize("country", sorted(PLACES))
def test_a_year_of_the_sample_portfolio_breaks_no_rule(tmp_path: Path, country: str) -> None:
    """Every thirtieth account, other ones in each country, through the use cases."""
    first = sorted(PLACES).index(country)
    sent = lived(country, tmp_path, accounts=slice(first, None, 30))
    count, found = judged(tmp_path)
    assert found == []
    # The year is no silence: the judge has something to judge.
    assert count >= sent > 9


@pytest.mark.parametrize("country", sorted(ABROAD))
def test_the_samples_can_be_moved_to_each_country(country: str) -> None:
    assert f"country: always {country}" in mapping_for(country)
