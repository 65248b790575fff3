"""`escalon contact`: what a person reads, and what a program gets."""

import json
from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from escalon.domain.account import Hold
from escalon.domain.contact.question import ask
from escalon_cli.contacts import as_document, instant_of, may_ask, show
from tests.domain.debts import at
from tests.domain.test_contact_question import ANA, RULES, SUNDAY, TUESDAY


def test_an_instant_without_an_offset_is_on_the_debtors_clock() -> None:
    zones = ("America/New_York", "America/Bogota")
    assert instant_of("2026-09-06T10:00", zones, TUESDAY) == datetime(2026, 9, 6, 14, tzinfo=UTC)
    with_offset = instant_of("2026-09-06T10:00-05:00", zones, TUESDAY)
    assert with_offset == datetime(2026, 9, 6, 15, tzinfo=UTC)
    assert instant_of("", zones, TUESDAY) == TUESDAY
    with pytest.raises(LookupError, match="write it as"):
        instant_of("tomorrow", zones, TUESDAY)


def test_money_may_be_asked_for_where_an_address_allows_it_and_nothing_rests() -> None:
    assert may_ask(ask(ANA, RULES, "email", TUESDAY))
    assert not may_ask(ask(ANA, RULES, "email", SUNDAY))
    resting = replace(ANA, holds=(Hold("h", "promise", date(2026, 9, 1)),))
    assert not may_ask(ask(resting, RULES, "email", TUESDAY))


def test_the_answer_names_the_law_and_the_next_instant(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    owed = replace(ANA.receivables[0], due_on=date(2026, 9, 1))
    show(ask(replace(ANA, receivables=(owed,)), RULES, "email", SUNDAY), "1000 · email", "es")
    said = capsys.readouterr().out
    assert "la política de contacto abre el lunes 7 de septiembre a las 07:00" in said
    assert "co.windows" in said
    assert "Ley 2300 de 2023, art. 3" in said
    assert "reportar a una central de riesgo: para reportar" in said


def test_a_program_gets_all_of_it() -> None:
    document = json.loads(json.dumps(as_document(ask(ANA, RULES, "email", SUNDAY))))
    first = document["contacts"][0]
    assert (first["kind"], first["verdict"]["rule"]) == ("collection", "co.windows")
    assert first["verdict"]["next_allowed_at"] == at("2026-09-07 07:00").isoformat().replace(
        "+00:00", "Z"
    )
    assert document["debts"][0]["receivable_id"] == "r1"
