"""The state of an account is kept without personal data, and a decision about it is the same."""

from datetime import UTC, date, datetime

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, Consent, Hold
from escalon.domain.agreements.agreed import Agreement, Change
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.past import decided_by, nameless, written_at
from tests.domain.debts import account, at, point, receivable, rulebook, step

ANA = account(
    receivable("2026-09-01"),
    source_ref="52.123.456",
    name="Ana Gómez",
    points=(
        point("email", address="ana@example.com", consent=Consent(date(2020, 1, 1), "form 7")),
    ),
    holds=(Hold("h1", "dispute", date(2020, 1, 1), date(2020, 2, 1), note="Ana says no"),),
)


def test_no_personal_data_is_kept() -> None:
    kept = msgspec.json.encode(nameless(ANA)).decode()
    for personal in ("52.123.456", "Gómez", "ana@example.com", "Ana says no", "form 7"):
        assert personal not in kept


def test_the_reasons_of_an_agreement_are_not_kept() -> None:
    cancelled = Agreement(
        "g1", "andina", "COP", "promise", "promise", "cancelled", {}, date(2026, 1, 5), (),
        history=(Change(datetime(2026, 1, 5, tzinfo=UTC), "cancelled", "operator", "arn", "Ana"),),
    )  # fmt: skip
    (change,) = nameless(replace(ANA, agreements=(cancelled,))).agreements[0].history
    assert (change.who, change.why) == ("arn", "")


def test_a_decision_about_what_is_kept_is_the_same() -> None:
    rules = rulebook(step("friendly", 2), step("firm", 10))
    for day in ("2026-09-02", "2026-09-03", "2026-09-11"):
        now = at(f"{day}T10:00")
        kept = msgspec.json.decode(msgspec.json.encode(nameless(ANA)), type=Account)
        assert decide(kept, rules, now) == decide(ANA, rules, now)


def test_a_consent_without_evidence_stays_one() -> None:
    bare = nameless(replace(ANA, points=(point("email", consent=Consent(date(2020, 1, 1))),)))
    assert bare.points[0].consent == Consent(date(2020, 1, 1))


def test_a_version_is_as_old_as_the_latest_of_its_facts() -> None:
    facts = [
        {"fact": "a", "at": "2026-09-07T15:00:00Z"},
        {"fact": "b", "at": "2026-09-07T15:00:01Z"},
    ]
    assert written_at(facts) == datetime(2026, 9, 7, 15, 0, 1, tzinfo=UTC)
    assert written_at([]) is None


def test_the_rulebook_of_an_instant_is_that_of_the_decision_before_it() -> None:
    facts = [
        {"fact": "decided", "at": "2026-09-01T00:00:00Z", "rulebook": "v1"},
        {"fact": "decided", "at": "2026-09-05T00:00:00Z", "rulebook": "v2"},
    ]
    assert decided_by(facts, at("2026-09-03T00:00")) == "v1"
    assert decided_by(facts, datetime(2026, 9, 5, tzinfo=UTC)) == "v2"
    assert decided_by(facts, at("2026-08-01T00:00")) == ""
