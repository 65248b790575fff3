"""What a person types and reads around publishing: shares, differences, the history."""

import io
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from escalon.authoring.rulebook import sealed
from escalon_cli.rules.diff import Difference, differences
from escalon_cli.rules.publishing import ShareError, _show_history, share_of
from tests.rules.books import shipped, with_ladder, with_step


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("5%", 500), ("5 %", 500), ("0.25%", 25), ("0.01%", 1), ("12.5%", 1_250), ("100%", 10_000),
    ],
)  # fmt: skip
def test_a_share_is_read_in_hundredths_of_a_percent(text: str, share: int) -> None:
    assert share_of(text) == share


@pytest.mark.parametrize("text", ["", "5", "0%", "0.001%", "101%", "-5%", "five %", "5,5%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ShareError, match=r"write it like 5% or 0\.25%"):
        share_of(text)


def test_the_same_content_is_no_difference() -> None:
    assert differences(shipped(), shipped()) == []
    moved = with_step("standard", "firm", source="elsewhere.yaml:1")
    assert differences(shipped(), moved) == []  # where it stands in a file is no difference


def test_a_changed_day_is_named_by_its_step() -> None:
    (found,) = differences(shipped(), with_step("standard", "firm", day=25))
    assert found == Difference(
        "changed", ("strategies", "standard", "steps", "firm", "day"), "20", "25"
    )
    assert found.place == "strategies › standard › steps › firm › day"


def test_a_step_that_came_or_went_is_one_difference() -> None:
    without = with_ladder(
        "standard",
        lambda s: replace(s, steps=tuple(step for step in s.steps if step.step != "firm-call")),
    )
    (gone,) = differences(shipped(), without)
    assert (gone.kind, gone.path) == (
        "removed", ("strategies", "standard", "steps", "firm-call")
    )  # fmt: skip
    (came,) = differences(without, shipped())
    assert (came.kind, came.path, came.before) == ("added", gone.path, "")


def test_the_order_of_ladders_is_a_difference_since_the_first_that_holds_wins() -> None:
    turned = sealed(replace(shipped(), strategies=shipped().strategies[::-1]))
    (found,) = differences(shipped(), turned)
    assert found == Difference("changed", ("strategies", "order"), "vip, standard", "standard, vip")


def test_of_words_the_lines_are_told() -> None:
    words = {**shipped().messages["en"], "firm": "one\ntwo\n"}
    before = sealed(replace(shipped(), messages={**shipped().messages, "en": words}))
    after = sealed(
        replace(before, messages={**before.messages, "en": {**words, "firm": "one\nthree\n"}})
    )
    (found,) = differences(before, after)
    assert found == Difference("changed", ("messages", "en", "firm"), lines=("-two", "+three"))


def shown(told: dict[str, Any]) -> str:
    out = io.StringIO()
    _show_history(told, Console(file=out, width=200))
    return " ".join(out.getvalue().split())


def change(number: int, did: str, **more: Any) -> dict[str, Any]:
    return {
        "number": number,
        "did": did,
        "at": "2026-10-05T14:05:00Z",
        "who": "arn:aws:sts::1:assumed-role/Operators/ana",
        "why": "because",
        "rulebook": "b" * 16,
        "after": {"live": "a" * 16},
        "state": "in force",
        **more,
    }


def test_the_history_tells_who_what_when_and_why() -> None:
    canary = {"live": "a" * 16, "canary": "b" * 16, "share": 500}
    approvals = [{"who": "arn:aws:iam::1:user/luz"}]
    told = shown(
        {
            "in_force": canary,
            "taken_back": False,
            "changes": [
                change(2, "canary_started", after=canary, plan="c" * 16, approvals=approvals),
                change(1, "published", state="refused", problem="validator: no"),
            ],
        }
    )
    assert f"rulebook {'a' * 16} is in force, and {'b' * 16} for 5 % of the accounts" in told
    for words in (
        *("2026-10-05 14:05 UTC", "canary started 5 %", "Operators/ana", "luz", "because"),
        *("refused", "validator: no"),
    ):
        assert words in told, words
    assert "alarm" not in told


def test_what_an_alarm_took_back_is_said_first() -> None:
    told = shown({"in_force": {"live": "a" * 16}, "taken_back": True, "changes": []})
    assert "an alarm took the newest change back" in told
    assert shown({"in_force": None, "taken_back": False, "changes": []}).startswith(
        "no rulebook is in force"
    )
