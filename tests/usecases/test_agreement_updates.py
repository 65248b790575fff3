"""Agreements of outside systems: whatever the order, however often, and whoever dies on the way."""

import contextlib
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.doubles.crashing import Crash, Faults, When
from tests.doubles.world import receivable
from tests.usecases.agreements_http import AgreementsHttp, another

PLAN = {"offer": "plan", "first_on": "2026-09-20", "instalments": 3}
UPDATES = "/agreement-updates"


def says(version: int, state: str = "agreed", **more: Any) -> dict[str, Any]:
    """What the call centre says of its agreement CC-1."""
    terms = {"terms": {**PLAN, "instalments": more.pop("instalments", 3)}}
    told = {"system": "callcentre", "key": "CC-1", "version": version, "account_id": "a1"}
    return {**told, "state": state, **(terms if state == "agreed" else {}), **more}


@pytest.fixture
def http() -> AgreementsHttp:
    return AgreementsHttp()


def test_an_update_makes_an_agreement_and_the_same_again_does_nothing(
    http: AgreementsHttp,
) -> None:
    status, body = http.call("POST", UPDATES, says(1))
    assert (status, body["became"]) == (200, "applied")
    agreement = http.world.agreement()
    assert (agreement.state, agreement.agreement_id) == ("active", body["agreement_id"])
    assert agreement.accepted is not None
    assert agreement.accepted.channel == "system"
    before = http.world.all_items()
    assert http.call("POST", UPDATES, says(1)) == (status, body)
    assert http.world.all_items() == before


def test_one_system_does_not_move_what_another_has_made(http: AgreementsHttp) -> None:
    http.call("POST", UPDATES, says(1))
    http.role = "erp"
    status, body = http.call("POST", UPDATES, says(10**6, "cancelled"))
    assert (status, body["problems"][0]["code"]) == (409, "other_act")
    assert http.world.agreement().state == "active"


def test_other_terms_replace_it_and_the_same_terms_do_not(http: AgreementsHttp) -> None:
    http.call("POST", UPDATES, says(1))
    http.call("POST", UPDATES, says(2, instalments=2))
    http.call("POST", UPDATES, says(3, instalments=2, note="a word changed"))
    assert [one.state for one in http.world.account().agreements] == ["replaced", "active"]
    http.call("POST", UPDATES, says(4, "cancelled", why="the debtor asked for it"))
    assert [one.state for one in http.world.account().agreements] == ["replaced", "cancelled"]


def test_the_same_documents_are_named_though_one_of_them_is_paid_off(http: AgreementsHttp) -> None:
    http.world.owe(receivable("r2", late=10, open_minor=200_000_00))
    names = {"receivables": ["r1", "r2"]}
    http.call("POST", UPDATES, says(1, **names))
    http.world.pays(350_000_00)
    status, body = http.call("POST", UPDATES, says(2, instalments=2, **names))
    assert (status, body["became"]) == (200, "applied")
    assert http.world.agreement().debts == {"r2": {"principal": 150_000_00}}
    http.world.pays(150_000_00, payment="P2")
    status, body = http.call("POST", UPDATES, says(3, instalments=4, **names))
    assert (status, body["became"]) == (422, "refused")  # nothing is left to agree on


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_in_whatever_order_they_come_the_highest_version_stands(
    http: AgreementsHttp, order: tuple[int, ...]
) -> None:
    told = {1: says(1), 2: says(2, instalments=2), 3: says(3, instalments=4)}
    for version in order:
        http.call("POST", UPDATES, told[version])
    active = [one for one in http.world.account().agreements if one.state == "active"]
    assert [len(one.instalments) for one in active] == [4]


def test_a_cancellation_that_comes_first_keeps_the_agreement_from_being_made(
    http: AgreementsHttp,
) -> None:
    assert http.call("POST", UPDATES, says(2, "cancelled"))[1]["became"] == "applied"
    status, body = http.call("POST", UPDATES, says(1))
    assert (status, body["became"], body["version"]) == (200, "outdated", 1)
    assert http.world.account().agreements == ()


def test_what_is_refused_is_kept_and_shown_until_it_is_put_right(http: AgreementsHttp) -> None:
    status, body = http.call("POST", UPDATES, says(1, instalments=30))
    assert (status, body["became"]) == (422, "refused")
    assert [(one["field"], one["code"]) for one in body["problems"]] == [
        ("instalments", "too_many")
    ]
    _, listed = http.call("GET", UPDATES)
    assert [(one["key"], one["version"]) for one in listed["updates"]] == [("CC-1", 1)]
    assert http.call("POST", UPDATES, says(1, instalments=30)) == (status, body)
    http.call("POST", UPDATES, says(2))
    assert http.call("GET", UPDATES) == (200, {"updates": [], "more": False})
    assert http.world.agreement().state == "active"


def test_the_list_ends_where_it_is_asked_to(http: AgreementsHttp) -> None:
    for number in range(3):
        http.call("POST", UPDATES, says(1, instalments=30, key=f"CC-{number}"))
    _, listed = http.call("GET", UPDATES, query={"most": "2"})
    assert (len(listed["updates"]), listed["more"]) == (2, True)


def test_a_version_that_says_something_else_is_refused(http: AgreementsHttp) -> None:
    http.call("POST", UPDATES, says(1))
    status, body = http.call("POST", UPDATES, says(1, instalments=2))
    assert (status, body["problems"][0]["code"]) == (409, "other_act")


def test_a_debtor_is_found_by_what_the_source_calls_them(http: AgreementsHttp) -> None:
    another(http, http.world.name_of("CC 1020"))
    told = {**says(1), "source_ref": "CC 1020"}
    del told["account_id"]
    status, body = http.call("POST", UPDATES, told)
    assert (status, body["account_id"]) == (200, http.world.name_of("CC 1020"))
    assert "1020" not in str(http.world.all_items().get(("UPDATE", "UPDATE")))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 12))
def test_a_crash_at_any_call_is_made_good_by_sending_it_again(
    http: AgreementsHttp, number: int, when: When
) -> None:
    faults = Faults(number, when)
    with contextlib.suppress(Crash):
        http.call("POST", UPDATES, says(1), faults=faults)
    status, body = http.call("POST", UPDATES, says(1))
    assert (status, body["became"]) == (200, "applied")
    assert [one.state for one in http.world.account().agreements] == ["active"]


@pytest.mark.parametrize("number", [4, 6, 8, 10])
def test_a_higher_version_finishes_what_was_left_half_done(
    http: AgreementsHttp, number: int
) -> None:
    faults = Faults(number, "after")
    with contextlib.suppress(Crash):
        http.call("POST", UPDATES, says(1), faults=faults)
    status, _ = http.call("POST", UPDATES, says(2, instalments=2))
    if status == 409:  # somebody may still be at it
        http.world.clock.at += timedelta(seconds=61)
        status, _ = http.call("POST", UPDATES, says(2, instalments=2))
    assert status == 200
    active = [one for one in http.world.account().agreements if one.state == "active"]
    assert [len(one.instalments) for one in active] == [2]
