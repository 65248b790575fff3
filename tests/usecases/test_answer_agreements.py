"""The HTTP API of agreements and holds: what it takes, what it refuses and in which words."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook
from tests.doubles.world import OneRulebook, receivable
from tests.usecases.agreements_http import AgreementsHttp

PLAN = {"offer": "plan", "first_on": "2026-09-20", "instalments": 3, "every": "month"}
LONG = {**PLAN, "instalments": 24}
PHONE = {"channel": "phone", "note": "called us"}
AGREEMENTS = "/accounts/a1/agreements"


@pytest.fixture
def http() -> AgreementsHttp:
    return AgreementsHttp()


def offered(http: AgreementsHttp, terms: dict[str, Any] = PLAN, key: str = "k1") -> dict[str, Any]:
    status, body = http.call("POST", AGREEMENTS, {"terms": terms}, Idempotency_Key=key)
    assert status == 200, body
    return dict(body)


def codes(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["field"], one["code"]) for one in body["problems"]]


# ------------------------------------------------------------------------------- what is on offer


def test_offers_say_what_to_pay_in_words_and_amounts(http: AgreementsHttp) -> None:
    status, body = http.call("GET", "/accounts/a1/offers")
    assert status == 200
    assert body["debts"] == {"r1": {"principal": 300_000_00}}
    assert body["offers"] == ["promise", "plan", "settlement"]
    three = next(one for one in body["proposals"] if one["terms"]["instalments"] == 3)
    assert [one["amount_minor"] for one in three["instalments"]] == [100_000_00] * 3
    assert three["words"][0].startswith("3 monthly instalments: 3 of COP\xa0100,000.")


def test_offers_fit_what_the_debtor_can_pay_a_month(http: AgreementsHttp) -> None:
    query = {"capacity_minor": "6000000"}
    _, body = http.call("GET", "/accounts/a1/offers", query=query)
    plans = [one["terms"]["instalments"] for one in body["proposals"] if one["kind"] == "plan"]
    assert plans == [5]


def test_a_preview_writes_nothing_and_names_who_may_agree(http: AgreementsHttp) -> None:
    before = http.world.all_items()
    status, body = http.call("POST", "/accounts/a1/agreement-previews", {"terms": LONG})
    assert status == 200
    assert body["agreement"]["total_minor"] == 300_000_00
    (problem,) = body["problems"]
    assert (problem["field"], problem["code"], problem["limit"], problem["role"]) == (
        *("instalments", "too_many", 12),
        "supervisor",
    )
    assert problem["message"] == {
        "es": "pueden ser como máximo 12 cuotas (lo puede aprobar: supervisor)",
        "en": "there can be 12 instalments at most (can be approved by: supervisor)",
    }
    assert http.world.all_items() == before


# ----------------------------------------------------------------------------------- agreeing


def test_terms_are_offered_then_accepted_on_the_version_that_was_seen(
    http: AgreementsHttp,
) -> None:
    made = offered(http)
    assert (made["state"], made["approval"], made["again"]) == ("offered", [], False)
    place = f"{AGREEMENTS}/{made['agreement_id']}"
    status, headers, _ = http.raw("GET", place)
    assert (status, headers["ETag"]) == (200, [f'"{made["version"]}"'])
    status, body = http.call(
        "POST", f"{place}/acceptance", PHONE, Idempotency_Key="k2", If_Match=headers["ETag"][0]
    )
    assert (status, body["state"]) == (200, "active")
    assert body["accepted"]["channel"] == "phone"
    assert body["accepted"]["who"] == "arn:aws:sts::111122223333:assumed-role/agent/ana"
    assert len(body["accepted"]["document_hash"]) == 64
    assert [one["state"] for one in body["history"]] == ["offered", "accepted", "active"]


def test_with_evidence_terms_are_offered_and_accepted_at_once(http: AgreementsHttp) -> None:
    asked = {"key": "k1", "terms": PLAN, "accepted": PHONE}
    status, body = http.call("POST", AGREEMENTS, asked)
    assert (status, body["state"]) == (200, "active")
    _, listed = http.call("GET", AGREEMENTS)
    assert [one["agreement_id"] for one in listed["agreements"]] == [body["agreement_id"]]


def test_nobody_but_the_debtors_page_can_say_that_a_code_was_sent(http: AgreementsHttp) -> None:
    made = offered(http)
    place = f"{AGREEMENTS}/{made['agreement_id']}"
    claimed = {**PHONE, "code_point": "p-email"}
    seen = {"If_Match": f'"{made["version"]}"'}
    before = http.world.all_items()
    for path, asked, field in (
        (AGREEMENTS, {"terms": PLAN, "accepted": claimed}, "accepted.code_point"),
        (f"{place}/replacement", {"terms": PLAN, "accepted": claimed}, "accepted.code_point"),
        (f"{place}/acceptance", claimed, "code_point"),
    ):
        status, body = http.call("POST", path, asked, Idempotency_Key="k2", **seen)
        assert (status, codes(body)) == (422, [(field, "no_such_field")])
    assert http.world.all_items() == before


def test_the_same_key_does_nothing_twice_and_another_request_under_it_is_refused(
    http: AgreementsHttp,
) -> None:
    first, again = offered(http), offered(http)
    assert (again["agreement_id"], again["again"]) == (first["agreement_id"], True)
    status, body = http.call("POST", AGREEMENTS, {"terms": LONG}, Idempotency_Key="k1")
    assert (status, codes(body)) == (409, [("key", "other_act")])
    assert len(http.world.account().agreements) == 1


def test_two_editors_do_not_overwrite_each_other(http: AgreementsHttp) -> None:
    made = offered(http)
    place = f"{AGREEMENTS}/{made['agreement_id']}"
    seen = {"If_Match": f'"{made["version"]}"'}
    status, _ = http.call("POST", f"{place}/acceptance", PHONE, Idempotency_Key="k2", **seen)
    assert status == 200
    why = {"why": "asked to"}
    status, body = http.call("POST", f"{place}/cancellation", why, Idempotency_Key="k3", **seen)
    assert (status, codes(body)) == (412, [("version", "moved_on")])
    status, body = http.call("POST", f"{place}/cancellation", why, Idempotency_Key="k4")
    assert (status, codes(body)) == (428, [("version", "version_needed")])
    assert http.world.agreement().state == "active"


def test_more_than_a_role_may_waits_for_one_that_may(http: AgreementsHttp) -> None:
    made = offered(http, LONG)
    assert made["approval"] == ["supervisor"]
    place = f"{AGREEMENTS}/{made['agreement_id']}"
    act = {"why": "income checked", "version": made["version"]}
    status, body = http.call("POST", f"{place}/approval", {**act, "key": "k2"})
    assert (status, codes(body)) == (403, [("agreement", "may_not")])
    http.role = "Supervisor"
    status, body = http.call("POST", f"{place}/approval", {**act, "key": "k3"})
    assert (status, body["approval"]) == (200, [])


def test_other_terms_replace_an_agreement_and_the_chain_is_kept(http: AgreementsHttp) -> None:
    _, first = http.call("POST", AGREEMENTS, {"key": "k1", "terms": PLAN, "accepted": PHONE})
    place = f"{AGREEMENTS}/{first['agreement_id']}"
    other = {"key": "k2", "terms": {**PLAN, "instalments": 2}, "accepted": PHONE}
    status, body = http.call("POST", f"{place}/replacement", other, If_Match='"0"')
    assert (status, codes(body)) == (412, [("version", "moved_on")])
    seen = {"If_Match": f'"{first["version"]}"'}
    status, second = http.call("POST", f"{place}/replacement", other, **seen)
    assert (status, second["state"], second["replaces"]) == (200, "active", first["agreement_id"])
    status, again = http.call("POST", f"{place}/replacement", other, **seen)
    assert (status, again["again"], again["agreement_id"]) == (200, True, second["agreement_id"])
    _, chain = http.call("GET", f"{place}/history")
    assert [one["state"] for one in chain["agreements"]] == ["replaced", "active"]


def test_a_plan_of_which_a_debt_is_paid_off_is_replaced_on_what_is_left(
    http: AgreementsHttp,
) -> None:
    http.world.owe(receivable("r2", late=10, open_minor=200_000_00))
    _, first = http.call("POST", AGREEMENTS, {"key": "k1", "terms": PLAN, "accepted": PHONE})
    assert list(first["debts"]) == ["r1", "r2"]
    http.world.pays(350_000_00)
    place = f"{AGREEMENTS}/{first['agreement_id']}"
    _, now = http.call("GET", place)
    other = {"key": "k2", "terms": {**PLAN, "instalments": 2}, "accepted": PHONE}
    status, second = http.call(
        "POST", f"{place}/replacement", other, If_Match=f'"{now["version"]}"'
    )
    assert (status, second["state"]) == (200, "active")
    assert second["debts"] == {"r2": {"principal": 150_000_00}}
    assert second["replaces"] == first["agreement_id"]


def test_a_document_that_the_replaced_plan_never_had_is_not_passed_over(
    http: AgreementsHttp,
) -> None:
    _, first = http.call("POST", AGREEMENTS, {"key": "k1", "terms": PLAN, "accepted": PHONE})
    named = {"replaces": first["agreement_id"], "receivables": ["r1", "r9"], "terms": PLAN}
    status, body = http.call("POST", AGREEMENTS, {"key": "k2", **named})
    assert (status, codes(body)) == (404, [("receivables", "unknown")])


def test_an_acceptance_of_words_that_have_changed_is_refused(http: AgreementsHttp) -> None:
    made = offered(http)
    place = f"{AGREEMENTS}/{made['agreement_id']}/acceptance"
    read = {**PHONE, "document_hash": "0" * 64, "version": made["version"], "key": "k2"}
    status, body = http.call("POST", place, read)
    assert (status, codes(body)) == (409, [("document_hash", "document_changed")])
    shown = http.documents().paper("a1", made["agreement_id"]).hash
    status, body = http.call("POST", place, {**read, "document_hash": shown})
    assert (status, body["accepted"]["document_hash"]) == (200, shown)


def test_the_document_of_an_agreement_in_force_is_a_pdf(http: AgreementsHttp) -> None:
    made = offered(http)
    place = f"{AGREEMENTS}/{made['agreement_id']}"
    status, body = http.call("GET", f"{place}/document")
    assert (status, codes(body)) == (409, [("agreement", "not_in_force")])
    http.call("POST", f"{place}/acceptance", {**PHONE, "version": made["version"], "key": "k2"})
    status, headers, pdf = http.raw("GET", f"{place}/document")
    assert (status, headers["Content-Type"]) == (200, ["application/pdf"])
    assert pdf.startswith(b"%PDF-")


# -------------------------------------------------------------------------- what a form is told


def test_everything_that_is_wrong_with_a_request_is_said_at_once(http: AgreementsHttp) -> None:
    terms = {"offer": "plan", "first_on": "tomorrow", "instalments": "3", "discount": {"tip": 1}}
    status, body = http.call("POST", AGREEMENTS, {"terms": terms, "hurry": True, "key": "k"})
    assert status == 422
    assert set(codes(body)) == {
        ("terms.first_on", "not_a_date"),
        ("terms.instalments", "not_whole"),
        ("terms.discount.tip.[key]", "not_one_of"),
        ("hurry", "no_such_field"),
    }
    told = {one["field"]: one["message"] for one in body["problems"]}
    assert told["terms.instalments"] == {
        "es": "tiene que ser un número entero, sin comillas ni decimales",
        "en": "has to be a whole number, without quotes or decimals",
    }


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("{", [("", "not_json")]),
        ([], [("", "not_json")]),
        ({}, [("terms", "missing")]),
        ({"terms": {**PLAN, "amount_minor": 10.5}}, [("terms.amount_minor", "not_whole")]),
        ({"terms": {**PLAN, "amount_minor": -1}}, [("terms.amount_minor", "too_small")]),
        ({"terms": PLAN, "currency": "pesos"}, [("currency", "not_valid")]),
        ({"terms": PLAN}, [("key", "missing")]),
    ],
)
def test_a_wrong_request(http: AgreementsHttp, body: Any, found: list[tuple[str, str]]) -> None:
    status, answer = http.call("POST", AGREEMENTS, body)
    assert (status, codes(answer)) == (422, found)
    assert http.world.account().agreements == ()


def test_what_the_rules_refuse_is_said_field_by_field(http: AgreementsHttp) -> None:
    terms = {**PLAN, "first_on": "2026-09-01", "instalments": 30}
    status, body = http.call("POST", AGREEMENTS, {"terms": terms, "key": "k1"})
    assert status == 422
    assert codes(body) == [("first_on", "in_the_past"), ("instalments", "too_many")]


def test_there_is_no_such_account_agreement_or_route(http: AgreementsHttp) -> None:
    assert http.call("GET", "/accounts/nobody/agreements")[0] == 404
    assert http.call("GET", f"{AGREEMENTS}/g0")[0] == 404
    status, body = http.call("GET", "/agreements")
    assert (status, codes(body)) == (404, [("", "no_route")])


def test_nobody_who_has_not_signed_acts(http: AgreementsHttp) -> None:
    http.role = ""
    status, body = http.call("POST", AGREEMENTS, {"terms": PLAN, "key": "k1"})
    assert (status, codes(body)) == (403, [("", "not_signed")])


# -------------------------------------------------------------------------------------- holds


def test_holds_are_placed_listed_and_ended(http: AgreementsHttp) -> None:
    asked = {"kind": "dispute", "why": "says it is paid", "receivable_id": "r1", "owner": "claims"}
    status, placed = http.call("POST", "/accounts/a1/holds", asked, Idempotency_Key="h1")
    assert (status, placed["hold_id"], placed["rests"]) == (200, "hold-h1", True)
    _, listed = http.call("GET", "/accounts/a1/holds")
    assert listed["kinds"] == {"dispute": None, "absent_from_export": None}
    assert [one["placed_why"] for one in listed["holds"]] == ["says it is paid"]
    act = {"why": "it is not"}
    status, over = http.call("POST", "/accounts/a1/holds/hold-h1/end", act, Idempotency_Key="h2")
    assert (status, over["ends_on"], over["rests"]) == (200, "2026-09-07", False)


def test_a_wrong_hold_is_refused_in_both_languages(http: AgreementsHttp) -> None:
    asked = {"kind": "holiday", "why": "x", "starts_on": "2026-09-01", "key": "h1"}
    status, body = http.call("POST", "/accounts/a1/holds", asked)
    assert (status, codes(body)) == (422, [("kind", "unknown"), ("starts_on", "in_the_past")])
    assert body["problems"][1]["message"]["es"] == (
        "la fecha ya pasó; la primera posible es el 2026-09-07"
    )


@pytest.mark.parametrize("kind", ["insolvency", "deceased", "legal_representation", "fraud"])
def test_nothing_is_agreed_with_whoever_a_full_stop_protects(
    http: AgreementsHttp, kind: str
) -> None:
    """The kinds as they are shipped (config/escalation.yaml)."""
    shipped = load_rulebook(Path(__file__).parents[2] / "config", try_messages=False).holds
    http.world.rulebooks = OneRulebook(replace(http.world.rulebook(), holds=shipped))
    assert http.call("GET", "/accounts/a1/offers")[0] == 200
    asked = {"kind": kind, "why": "a letter came", "key": "h1"}
    assert http.call("POST", "/accounts/a1/holds", asked)[0] == 200
    status, body = http.call("GET", "/accounts/a1/offers")
    assert (status, codes(body)) == (409, [("account", "stopped")])


# -------------------------------------------------------------------------------- the description


def test_the_description_is_served_and_names_every_route(http: AgreementsHttp) -> None:
    status, _, body = http.raw("GET", "/agreements/openapi.json")
    described = json.loads(body)
    assert status == 200
    assert len(described["paths"]) == 13
    headers = described["paths"][f"{AGREEMENTS.replace('a1', '{id}')}/{{agreement}}/approval"]
    names = {one["name"].lower() for one in headers["post"]["parameters"]}
    assert names == {"id", "agreement", "idempotency-key", "if-match"}
