"""The operators' API: what is asked becomes an act, and what is wrong is said field by field."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalon.usecases.operators.acts import ActRefusedError, Person
from escalon.usecases.operators.answer_payments import AnswerOperators
from escalon.usecases.operators.forms import Answer, person_of
from escalon.usecases.payments.suggest_matches import SuggestMatches
from tests.doubles.crashing import Crashing, Faults
from tests.doubles.world import TABLE, receivable
from tests.usecases.test_manage_payments import WHY, Desk, Table, name_of

ANA = "arn:aws:sts::123456789012:assumed-role/Collector/ana"
EVA = "arn:aws:sts::123456789012:assumed-role/Supervisor/eva"


class Api:
    """A desk behind its API."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.left = [timedelta(seconds=28)]

    def __call__(
        self, route: str, id_: str = "", /, *, caller: str = ANA, query: Any = None, **fields: Any
    ) -> Answer:
        body = json.dumps(fields).encode()
        return self.raw(route, id_, body, caller, query or {})

    def raw(self, route: str, id_: str, body: bytes, caller: str, query: Any) -> Answer:
        table = Table(Crashing(self.desk.world.dynamo, Faults()), TABLE, 1)
        api = AnswerOperators(table, self.desk.manage(), SuggestMatches(table, name_of))

        def time_left() -> timedelta:
            return self.left.pop(0) if len(self.left) > 1 else self.left[0]

        answer = api(route, {"id": id_} if id_ else {}, query, body, caller, time_left)
        return Answer(answer.status, json.loads(msgspec.json.encode(answer.body)))


@pytest.fixture
def api() -> Api:
    return Api()


def fields(answer: Answer) -> list[str]:
    return [problem["field"] for problem in answer.body["problems"]]


PAYMENTS, WAIVERS = "POST /accounts/{id}/payments", "POST /accounts/{id}/waivers"
MATCH, RETURN = "POST /payments/unmatched/{id}/match", "POST /payments/unmatched/{id}/return"
ACT = {"key": "k1", "why": WHY}


# ------------------------------------------------------------------------- acts


def test_a_payment_a_waiver_a_write_off_credit_and_a_reversal(api: Api) -> None:
    api.desk.owes(receivable("r1"))
    api.desk.bears("r1", interest=9_000_00)
    paid = api(
        PAYMENTS, "a1", key="k1", why=WHY, amount_minor=5_000_000, currency="COP",
        paid_at="2026-09-07T09:00:00-05:00", receivable_id="r1",
    )  # fmt: skip
    assert (paid.status, paid.body["done"], paid.body["again"]) == (200, "paid", False)
    assert paid.body["payment_id"] == "manual:k1"
    back = api(
        "POST /accounts/{id}/reversals", "a1", key="k2", why=WHY, payment_id="manual:k1",
        receivable_id="r1",
    )  # fmt: skip
    assert (back.body["done"], back.body["credit_minor"]) == ("allocation_reversed", 5_000_000)
    credited = api(
        "POST /accounts/{id}/credit", "a1", key="k3", why=WHY, receivable_id="r1",
        amount_minor=4_000_000, payment_id="manual:k1",
    )  # fmt: skip
    assert (credited.body["done"], credited.body["credit_minor"]) == ("credit_applied", 1_000_000)
    waived = api(
        WAIVERS, "a1", key="k4", why=WHY, receivable_id="r1", currency="COP",
        amounts_minor={"principal": 100},
    )  # fmt: skip
    assert waived.body == {
        "done": "waived", "again": False, "receivable_id": "r1", "currency": "COP",
        "amounts_minor": {"principal": 100}, "open_minor": 6_899_900,
    }  # fmt: skip
    api(PAYMENTS, "a1", key="k6", why=WHY, amount_minor=7, currency="COP")
    gone = api("POST /accounts/{id}/voids", "a1", key="k7", why=WHY, payment_id="manual:k6")
    assert (gone.body["done"], gone.body["amount_minor"]) == ("payment_reversed", 7)
    off = api(
        "POST /accounts/{id}/write-offs", "a1", caller=EVA, key="k5", why=WHY,
        receivable_id="r1", currency="COP", amounts_minor={"principal": 6_899_900},
    )  # fmt: skip
    assert (off.body["done"], off.body["open_minor"]) == ("written_off", 0)
    assert api.desk.facts("written_off")[0]["by"] == EVA
    api.desk.adds_up()


def test_the_answer_to_a_repeated_act_is_the_first_one(api: Api) -> None:
    api.desk.owes(receivable("r1"))
    first = api(PAYMENTS, "a1", **ACT, amount_minor=100, currency="COP")
    again = api(PAYMENTS, "a1", **ACT, amount_minor=100, currency="COP")
    assert again.body == {**first.body, "again": True}
    other = api(PAYMENTS, "a1", **ACT, amount_minor=101, currency="COP")
    assert (other.status, fields(other)) == (409, ["key"])


def test_unmatched_money_is_listed_matched_and_returned(api: Api) -> None:
    api.desk.owes(receivable("r1", open_minor=40_000_00))
    api.desk.notice("p1", 40_000_00, "who knows")
    api.desk.notice("p2", 7_00, "who knows")
    listed = api("GET /payments/unmatched")
    assert (listed.status, listed.body["more"], listed.body["looked_at_all"]) == (200, False, True)
    one = next(m for m in listed.body["unmatched"] if m["payment_id"] == "wompi:p1")
    assert {k: v for k, v in one.items() if k not in ("id", "suggestions")} == {
        "payment_id": "wompi:p1", "amount_minor": 4000000, "currency": "COP",
        "paid_at": "2026-09-07T15:00:00Z", "source": "wompi", "reference": "who knows",
        "source_ref": "", "creditor": "", "why": "unknown_reference", "may_be": [],
        "since": "2026-09-07T15:00:00Z",
    }  # fmt: skip
    assert one["suggestions"] == [
        {
            "account_id": "a1", "because": ["same_amount"], "name": "Ana Gómez",
            "receivable_id": "r1", "creditor": "andina", "document": "doc-r1", "currency": "COP",
            "open_minor": 4000000, "due_on": "2026-09-04",
        }
    ]  # fmt: skip
    matched = api(MATCH, one["id"], key="k1", why=WHY, account_id="a1", receivable_id="r1")
    assert (matched.status, matched.body["done"]) == (200, "matched")
    (left,) = api("GET /payments/unmatched").body["unmatched"]
    returned = api(RETURN, left["id"], key="k2", why=WHY)
    assert (returned.status, returned.body["done"]) == (200, "returned")
    assert api("GET /payments/unmatched").body["unmatched"] == []


# ------------------------------------------------------------------------- what is wrong


def test_every_field_that_is_wrong_is_said_at_once(api: Api) -> None:
    answer = api(
        PAYMENTS, "a1", key="", amount_minor=1.5, currency="pesos", paid_at="yesterday",
        sure="yes", receivable_id=7, colour="red",
    )  # fmt: skip
    assert answer.status == 400
    assert fields(answer) == [
        "key", "why", "amount_minor", "currency", "paid_at", "receivable_id", "sure", "colour",
    ]  # fmt: skip
    problems = {p["field"]: p for p in answer.body["problems"]}
    assert problems["amount_minor"] == {
        "field": "amount_minor",
        "problem": "is not a whole number of minor units",
        "remedy": "write 57850 pesos as 5785000; no decimal point, no quotes",
    }
    assert problems["paid_at"]["remedy"] == "write it like 2026-09-30T14:05:00-05:00"
    assert problems["colour"]["remedy"].startswith("the fields are: amount_minor, creditor")


@pytest.mark.parametrize(
    "amount", [1.0, "100", True, None, [], 10**18, -(10**18)], ids=lambda value: repr(value)[:12]
)
def test_money_is_a_whole_number_and_nothing_else(api: Api, amount: Any) -> None:
    answer = api(PAYMENTS, "a1", **ACT, amount_minor=amount, currency="COP")
    assert (answer.status, fields(answer)) == (400, ["amount_minor"])


def test_components_are_those_of_a_debt(api: Api) -> None:
    api.desk.owes(receivable("r1"))
    what = {"receivable_id": "r1", "currency": "COP"}
    wrong = api(WAIVERS, "a1", **ACT, **what, amounts_minor={"intrest": 5, "fee": "x"})
    assert (wrong.status, fields(wrong)) == (400, ["amounts_minor.intrest", "amounts_minor.fee"])
    assert wrong.body["problems"][0]["remedy"] == "they are: principal, interest, fee, tax"
    assert fields(api(WAIVERS, "a1", **ACT, **what, amounts_minor=[])) == ["amounts_minor"]


@pytest.mark.parametrize(
    "instant", ["2026-09-30", "2026-09-30T10:00:00", "30/09/2026", "10:00", "2026-13-01T00:00Z"]
)
def test_an_instant_has_its_zone(api: Api, instant: str) -> None:
    answer = api(PAYMENTS, "a1", **ACT, amount_minor=1, currency="COP", paid_at=instant)
    assert (answer.status, fields(answer)) == (400, ["paid_at"])


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff", b'"k1"', b"1e999"])
def test_a_body_that_is_no_object_is_said_to_be_none(api: Api, body: bytes) -> None:
    answer = api.raw(RETURN, "x", body, ANA, {})
    assert (answer.status, fields(answer)) == (400, [""])


def test_each_fault_has_its_status(api: Api) -> None:
    api.desk.owes(receivable("r1"))
    what = {"receivable_id": "r1", "currency": "COP"}
    statuses = {
        "wrong": api(WAIVERS, "a1", **ACT, **what, amounts_minor={"fee": 1}),
        "not_allowed": api(WAIVERS, "a1", **ACT, **what, amounts_minor={"principal": 20_000_01}),
        "not_found": api(WAIVERS, "a9", **ACT, **what, amounts_minor={"fee": 1}),
        "conflict": api(RETURN, "a9", **ACT),
    }
    assert {fault: answer.status for fault, answer in statuses.items()} == {
        "wrong": 400, "not_allowed": 403, "not_found": 404, "conflict": 404,
    }  # fmt: skip
    refused = statuses["not_allowed"].body["problems"][0]
    assert refused["remedy"] == "ask supervisor"
    assert api("GET /payments/matched").status == 404


def test_texts_are_bounded_and_of_one_line(api: Api) -> None:
    long = api(RETURN, "x", key="k" * 65, why="w" * 501)
    assert fields(long) == ["key", "why"]
    assert fields(api(RETURN, "x", key="k1", why="a\nb")) == ["why"]


@given(
    st.dictionaries(
        st.sampled_from(
            ["key", "why", "account_id", "amount_minor", "currency", "paid_at", "sure",
             "receivable_id", "amounts_minor", "payment_id", "same_as", "creditor", "x"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=4,
        ),
    ),
    st.sampled_from([PAYMENTS, WAIVERS, MATCH, RETURN, "POST /accounts/{id}/credit",
                     "POST /accounts/{id}/reversals", "POST /accounts/{id}/write-offs"]),
)  # fmt: skip
def test_whatever_is_posted_is_answered_and_does_no_harm(body: Any, route: str) -> None:
    api = Api()
    api.desk.owes(receivable("r1"))
    before = api.desk.world.all_items()
    answer = api.raw(route, "nobody", json.dumps(body).encode(), ANA, {})
    assert answer.status in (400, 404)
    assert api.desk.world.all_items() == before
    assert all(set(p) == {"field", "problem", "remedy"} for p in answer.body["problems"])


# ------------------------------------------------------------------------- the list, and time


def test_the_list_is_as_long_as_is_asked_for(api: Api) -> None:
    for number in range(3):
        api.desk.notice(f"p{number}", 1_00 + number)
    two = api("GET /payments/unmatched", query={"most": "2"})
    assert (len(two.body["unmatched"]), two.body["more"]) == (2, True)
    for wrong in ("0", "201", "-1", "x", "1.5", "²"):
        answer = api("GET /payments/unmatched", query={"most": wrong})
        assert (answer.status, fields(answer)) == (400, ["most"])
    assert fields(api("GET /payments/unmatched", query={"pages": "2"})) == ["pages"]
    assert fields(api("GET /payments/unmatched", query={"suggestions": "perhaps"})) == [
        "suggestions"
    ]


def test_a_list_without_suggestions_says_that_it_looked_at_nothing(api: Api) -> None:
    api.desk.owes(receivable("r1", open_minor=40_000_00))
    api.desk.notice("p1", 40_000_00)
    found = api("GET /payments/unmatched", query={"suggestions": "no"}).body
    assert found["looked_at_all"] is False
    assert found["unmatched"][0]["suggestions"] == []


@pytest.mark.parametrize(("seconds", "looked"), [(6, True), (4, False)])
def test_a_pass_that_has_no_time_left_says_so(api: Api, seconds: int, looked: bool) -> None:
    """API Gateway waits for 29 seconds and no longer."""
    api.desk.owes(receivable("r1", open_minor=40_000_00))
    api.desk.notice("p1", 40_000_00)
    api.left = [timedelta(seconds=seconds)]
    found = api("GET /payments/unmatched").body
    # The money names nothing, so no spelling had to be looked up.
    assert found["looked_at_all"] is looked
    assert len(found["unmatched"][0]["suggestions"]) == looked


def test_spellings_leave_time_for_amounts(api: Api) -> None:
    api.desk.owes(receivable("r1", open_minor=40_000_00))
    api.desk.notice("p1", 40_000_00, "FV-1")
    api.left = [timedelta(seconds=15)]
    found = api("GET /payments/unmatched").body
    assert found["looked_at_all"] is False
    assert found["unmatched"][0]["suggestions"][0]["because"] == ["same_amount"]


# ------------------------------------------------------------------------- who calls


@pytest.mark.parametrize(
    ("arn", "role"),
    [
        (ANA, "collector"),
        ("arn:aws-us-gov:sts::1:assumed-role/Cartera_Jefe/a/b", "cartera_jefe"),
        ("arn:aws:sts::1:assumed-role/AWSReservedSSO_Boss_0123456789abcdef/eva@example.com",
         "awsreservedsso_boss_0123456789abcdef"),
        ("arn:aws:iam::1:user/supervisor", ""),
        ("arn:aws:iam::1:root", ""),
        ("arn:aws:sts::1:federated-user/supervisor", ""),
    ],
)  # fmt: skip
def test_a_role_is_that_of_an_assumed_role(arn: str, role: str) -> None:
    assert person_of(arn) == Person(arn, role)


def test_whoever_has_not_signed_does_nothing(api: Api) -> None:
    api.desk.owes(receivable("r1"))
    answer = api(PAYMENTS, "a1", caller="", **ACT, amount_minor=100, currency="COP")
    assert (answer.status, fields(answer)) == (403, [""])
    assert api.desk.open() == {"r1": 100_000_00}
    with pytest.raises(ActRefusedError):
        person_of("")
