"""YAML as operators write it: no surprises, and every problem at its line."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import pydantic
import pytest

from escalon.authoring.yaml_lines import (
    Document,
    Problem,
    WrongValueError,
    WrongValuesError,
    did_you_mean,
    read,
    validate,
)


class Rung(pydantic.BaseModel, extra="forbid"):
    step: str
    when: str
    gap_days: Annotated[int, pydantic.Field(ge=0)] = 0


class Call(pydantic.BaseModel, extra="forbid"):
    script: str


class House(pydantic.BaseModel, extra="forbid"):
    ladder: list[Rung] = []
    either: dict[str, Rung | Call | str] = {}
    channel: Literal["email", "sms"] = "email"
    name: str = ""
    rate: Decimal = Decimal(0)
    since: date | None = None

    @pydantic.model_validator(mode="after")
    def _own_rules(self) -> "House":
        wrongs = [
            WrongValueError(
                "steps are named in lower case", "write it small", ("ladder", i, "step")
            )
            for i, rung in enumerate(self.ladder)
            if rung.step.isupper()
        ]
        if wrongs:
            raise WrongValuesError(wrongs)
        return self


def problems(text: str) -> list[str]:
    found = validate(House, text, "house.yaml")
    assert isinstance(found, list)
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("07:00", "07:00"),
        ("12:30:45", "12:30:45"),
        ("2026-09-30", "2026-09-30"),
        ("0012", "0012"),
        ("0x1F", "0x1F"),
        ("1e3", "1e3"),
        (".5", ".5"),
        ("1__0", "1__0"),
        ("=", "="),
        ("20_000", 20000),
        ("-3", -3),
        ("0", 0),
        ("1.10", Decimal("1.10")),
        ("1_000.50", Decimal("1000.50")),
        ("true", True),
        ("False", False),
        ("null", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
    ],
)
def test_a_plain_word_means_what_it_says(text: str, value: object) -> None:
    document = read(f"x: {text}\n", "f.yaml")
    assert isinstance(document, Document)
    assert document.data == {"x": value}
    assert type(document.data["x"]) is type(value)


def test_keys_are_always_text() -> None:
    document = read("12: a\nno: b\ntrue: c\n", "f.yaml")
    assert isinstance(document, Document)
    assert document.data == {"12": "a", "no": "b", "true": "c"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "f.yaml:1:1: the file is empty; write it, or leave it out"),
        ("# only a remark\n", "f.yaml:1:1: the file is empty; write it, or leave it out"),
        (
            "a: 1\nb: 2\na: 3\n",
            "f.yaml:3:1: a: key 'a' stands here twice (first in line 1); keep one of the two",
        ),
        ("a:\n\tb: 1\n", "f.yaml:2:1: a tab cannot indent; indent with spaces"),
        ("a: 'x\n", "f.yaml:2:1: a quote is not closed; close the quote that was opened before"),
        (
            "a: b: c\n",
            "f.yaml:1:5: a colon followed by a space inside a value; "
            "put the value in quotes, or check the indentation",
        ),
        (
            "a: *b\n",
            "f.yaml:1:4: a value that starts with * is an alias in YAML; put the value in quotes",
        ),
        (
            "a: &x 1\nb: *x\n",
            "f.yaml:2:1: b: an alias (*name) repeats another part of the file; "
            "write the part out here; what stands in one place can be pointed at",
        ),
        (
            "a: !!python/object:os.system x\n",
            "f.yaml:1:4: a: the tag !!python/object:os.system is not supported; "
            "leave it out; quote a value that has to stay text",
        ),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document starts here; remove the line '---'"),
        (
            "to: {customerID|lower}@example.com\n",
            "f.yaml:1:23: found character '@' that cannot start any token; "
            "put a value that starts with { in quotes",
        ),
        (
            "a: x\x00\n",
            "f.yaml:1:1: character 5 of the file cannot stand in YAML; "
            "remove it; save the file as plain text in UTF-8",
        ),
        ("[" * 5000, "f.yaml:1:1: the file is nested too deeply; write it flatter"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, problem: str) -> None:
    found = read(text, "f.yaml")
    assert isinstance(found, list)
    assert [str(each) for each in found] == [problem]


def test_all_problems_at_once_in_the_order_of_their_lines() -> None:
    text = """\
ladder:
  - step: call
    wen: 2 days after due
    gap_days: -1
  - step: FIRM
    when: 07:00
channel: emial
name: 12
rate: much
since: 2026-02-30
chanel: sms
"""
    assert problems(text) == [
        "house.yaml:2:5: ladder[1]: 'when' is missing; rename 'wen' to 'when'",
        "house.yaml:3:5: ladder[1].wen: unknown key 'wen', did you mean 'when'?; "
        "known here: gap_days, step, when",
        "house.yaml:4:15: ladder[1].gap_days: '-1' has to be at least 0; correct the number",
        "house.yaml:7:10: channel: 'emial' is not known here, did you mean 'email'?; "
        "write one of: email, sms",
        "house.yaml:8:7: name: '12' is not text; put it in quotes",
        "house.yaml:9:7: rate: 'much' is not a number; write a number",
        "house.yaml:10:8: since: '2026-02-30' is not a date; write it as 2026-09-30",
        "house.yaml:11:1: chanel: unknown key 'chanel', did you mean 'channel'?; "
        "known here: channel, either, ladder, name, rate, since",
    ]


def test_a_models_own_rules_point_inside_the_document() -> None:
    text = """\
ladder:
  - {step: ok, when: now}
  - {step: BAD, when: now}
  - step: UGLY
    when: x
"""
    assert problems(text) == [
        "house.yaml:3:12: ladder[2].step: steps are named in lower case; write it small",
        "house.yaml:4:11: ladder[3].step: steps are named in lower case; write it small",
    ]


def test_of_a_union_the_branch_that_was_probably_meant_is_reported() -> None:
    text = "either:\n  a: {step: x}\n  b: {scrpt: y}\n  c: [1]\n  d: word\n"
    assert problems(text) == [
        "house.yaml:2:3: either.a: 'when' is missing; add 'when: …'",
        "house.yaml:3:3: either.b: 'script' is missing; rename 'scrpt' to 'script'",
        "house.yaml:3:7: either.b.scrpt: unknown key 'scrpt', did you mean 'script'?; "
        "known here: script",
        "house.yaml:4:3: either.c: a list does not fit here; "
        "write a block of `key: value` lines or text",
    ]


def test_a_document_gives_lines_for_explanations() -> None:
    document = read("a:\n  - b: 1\n\n  - b: 2\n", "f.yaml")
    assert isinstance(document, Document)
    assert document.line("a", 1, "b") == 4
    assert document.line("a") == 1
    assert document.problem(("a", 1, "b"), "too small", "make it larger") == Problem(
        "f.yaml", 4, 8, "a[2].b", "too small", "make it larger"
    )


def test_did_you_mean() -> None:
    assert did_you_mean("customerid", ["customerID", "invoice"]) == "customerID"
    assert did_you_mean("gap-days", ["gap_days"]) == "gap_days"
    assert did_you_mean("zzz", ["customerID"]) == ""
