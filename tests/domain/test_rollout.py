"""Which rulebook decides about which account: sides that stay, grow one way, and are even."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.account import Account, StepRecord
from escalon.domain.rules.rollout import FULL, Rollout, kept_beside, place_of, plan_hash, under_way
from tests.domain import debts

ids = st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=25)
shares = st.integers(min_value=1, max_value=FULL - 1)


@given(account_id=ids, one=shares, other=shares)
def test_as_the_share_grows_no_account_goes_back(account_id: str, one: int, other: int) -> None:
    less, more = sorted((one, other))
    if Rollout("live", "canary", less).on_canary(account_id):
        assert Rollout("live", "canary", more).on_canary(account_id)


@given(account_id=ids)
def test_a_share_of_all_is_all_and_of_none_is_none(account_id: str) -> None:
    assert Rollout("live", "canary", FULL).side_of(account_id) == "canary"
    assert Rollout("live", "canary", 0).side_of(account_id) == "live"
    assert Rollout("live").side_of(account_id) == "live"


@settings(max_examples=20)
@given(canary=st.text(alphabet="0123456789abcdef", min_size=16, max_size=16), share=shares)
def test_a_share_is_that_share_of_the_accounts(canary: str, share: int) -> None:
    rollout = Rollout("live", canary, share)
    count = sum(1 for number in range(2_000) if rollout.on_canary(f"account-{number}"))
    # Five standard deviations of a fair draw, and one account.
    deviation = (2_000 * share / FULL * (1 - share / FULL)) ** 0.5
    assert abs(count - 2_000 * share / FULL) <= 5 * deviation + 1


def test_each_canary_falls_on_accounts_of_its_own() -> None:
    """Or the same few would be the first every time."""
    names = [f"account-{number}" for number in range(2_000)]
    one = {name for name in names if Rollout("live", "c1", 1_000).on_canary(name)}
    other = {name for name in names if Rollout("live", "c2", 1_000).on_canary(name)}
    assert len(one & other) < 60  # a hundredth of them, give or take


def test_places_never_change() -> None:
    """Another hash would move accounts between rulebooks in the middle of a roll-out."""
    assert [place_of("0123456789abcdef", f"a{n}") for n in range(4)] == [7354, 7415, 1212, 6991]
    assert plan_hash("draft", "in force", "book", 60) == "ccd20dc3524c65b3"


def account(ruled_by: str, *steps: str) -> Account:
    taken = {
        step: StepRecord(datetime(2026, 9, 1, tzinfo=UTC), "sent", "email", step) for step in steps
    }
    owed = debts.receivable("2026-09-01", steps=taken)
    return replace(debts.account(owed), ruled_by=ruled_by)


@pytest.mark.parametrize(
    ("ruled_by", "steps", "decides"),
    [
        ("old", ("friendly",), "old"),  # under way: it keeps its own
        ("old", (), "live"),  # nothing was said yet
        ("older", ("friendly",), "live"),  # not one of those that are kept
        ("live", ("friendly",), "live"),
        ("", ("friendly",), "live"),  # nobody knows which it was
    ],
)
def test_an_account_under_way_keeps_the_rulebook_it_is_on(
    ruled_by: str, steps: tuple[str, ...], decides: str
) -> None:
    one = account(ruled_by, *steps)
    assert under_way(one) is bool(steps)
    assert Rollout("live", keep=("old",)).version_for(one) == decides


def test_what_is_kept_on_one_side_is_not_kept_on_the_other() -> None:
    one = account("live", "friendly")
    side = Rollout("live", "canary", FULL - 1)
    assert side.on_canary(one.account_id)
    assert side.version_for(one) == "canary"
    assert replace(side, canary_keep=("live",)).version_for(one) == "live"
    assert replace(side, keep=("live",)).version_for(one) == "canary"


def test_the_ten_latest_are_kept() -> None:
    rollout = Rollout("v0")
    for number in range(1, 15):
        name = f"v{number}"
        rollout = Rollout(name, keep=kept_beside(rollout, name, keep=True))
    assert rollout.keep == tuple(f"v{number}" for number in range(4, 14))
    assert kept_beside(rollout, "v20", keep=False) == ()
    # Back to one that was kept: it is not kept beside itself.
    assert "v9" not in kept_beside(rollout, "v9", keep=True)


def test_every_version_that_may_decide_is_named_once() -> None:
    rollout = Rollout("a", "b", 5, keep=("c",), canary_keep=("c", "a"))
    assert rollout.versions == ("a", "b", "c")
