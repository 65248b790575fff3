"""The replay's page: its figures to the unit, what it does with hostile data, and how it behaves
in a browser."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from escalon_cli.replay.page import ReplayFileError, build, embed_json, figures
from escalon_cli.replay.page.records import (
    Entry,
    Message,
    OpenItem,
    Receivable,
    Refusal,
    Replay,
    Run,
    Task,
    read_replay,
)
from escalon_cli.replay.page.stories import collapse, tell
from tests.replay.fabricate_out import HOSTILE, fabricate

BOGOTA = ZoneInfo("America/Bogota")
CHROMIUM = Path("/usr/bin/chromium")
AS_OF = date(2026, 9, 30)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BOGOTA)


def entry(kind: str, amount_minor: int, booked: str, receivable: str | None = "F1") -> Entry:
    return Entry(
        entry_id=f"{kind}-{booked}-{receivable}",
        account_id="A",
        kind=kind,
        amount_minor=amount_minor,
        currency="COP",
        booked_at=at(booked),
        receivable_id=receivable,
    )


def message(sent: str, *, step: str = "friendly", open_minor: int = 0, **more: Any) -> Message:
    items = (OpenItem(receivable_id="F1", open_minor=open_minor, currency="COP", days_past_due=2),)
    return Message(
        message_id=f"m-{sent}",
        account_id="A",
        channel=more.pop("channel", "email"),
        sent_at=at(sent),
        step=step,
        stage=more.pop("stage", "reminder"),
        receivables=items if open_minor else (),
        **more,
    )


def dated(*entries: Entry) -> list[tuple[datetime, Entry]]:
    return [(one.booked_at, one) for one in entries]


def write(out: Path, file: str, *rows: dict[str, Any]) -> None:
    out.mkdir(exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (out / file).write_text(text, encoding="utf-8")


# ── Ageing ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("days_past_due", "bucket"),
    [
        (-400, "not_due"),
        (-1, "not_due"),
        (0, "not_due"),
        (1, "d1_30"),
        (29, "d1_30"),
        (30, "d1_30"),
        (31, "d31_60"),
        (59, "d31_60"),
        (60, "d31_60"),
        (61, "d61_90"),
        (89, "d61_90"),
        (90, "d61_90"),
        (91, "d91_120"),
        (119, "d91_120"),
        (120, "d91_120"),
        (121, "d121_180"),
        (179, "d121_180"),
        (180, "d121_180"),
        (181, "d181_360"),
        (359, "d181_360"),
        (360, "d181_360"),
        (361, "d361"),
        (362, "d361"),
        (9999, "d361"),
    ],
)
def test_a_bucket_holds_both_of_its_ends(days_past_due: int, bucket: str) -> None:
    assert figures.bucket_of(days_past_due) == bucket


def test_ageing_puts_each_open_receivable_into_the_bucket_of_its_age() -> None:
    ages = {"F0": 0, "F1": 1, "F30": 30, "F31": 31, "F361": 361}
    receivables = {
        name: Receivable(
            receivable_id=name,
            account_id="A",
            currency="COP",
            amount_minor=1,
            due_on=AS_OF - timedelta(days=age),
        )
        for name, age in ages.items()
    }
    entries = dated(
        entry("charge", 100, "2025-01-01", "F0"),
        entry("charge", 200, "2025-01-01", "F1"),
        entry("charge", 400, "2025-01-01", "F30"),
        entry("charge", 800, "2025-01-01", "F31"),
        entry("payment", -300, "2025-02-01", "F31"),
        entry("charge", 1_600, "2025-01-01", "F361"),
    )

    result = figures.ageing(entries, receivables, before=at("2026-10-01"), as_of_on=AS_OF)["COP"]

    assert {line.bucket: (line.open_minor, line.receivables) for line in result.lines} == {
        "not_due": (100, 1),
        "d1_30": (600, 2),
        "d31_60": (500, 1),
        "d61_90": (0, 0),
        "d91_120": (0, 0),
        "d121_180": (0, 0),
        "d181_360": (0, 0),
        "d361": (1_600, 1),
    }
    assert (result.open_minor, result.overdue_minor) == (2_800, 2_700)
    assert (result.unapplied_minor, result.total_minor) == (0, 2_800)


def test_unapplied_credit_and_what_was_paid_too_much_stand_apart_from_the_buckets() -> None:
    receivables = {
        "F1": Receivable(
            receivable_id="F1", account_id="A", currency="COP", amount_minor=1, due_on=AS_OF
        )
    }
    entries = dated(
        entry("charge", 1_000, "2026-01-01", "F1"),
        entry("payment", -700, "2026-02-01", None),
        entry("charge", 500, "2026-01-01", "F2"),
        entry("payment", -550, "2026-02-01", "F2"),
    )

    result = figures.ageing(entries, receivables, before=at("2026-10-01"), as_of_on=AS_OF)["COP"]

    assert result.open_minor == 1_000
    assert result.unapplied_minor == -750
    assert result.total_minor == 250


def test_a_receivable_without_a_due_date_has_a_line_of_its_own() -> None:
    entries = dated(entry("charge", 1_000, "2026-01-01", "F9"))

    result = figures.ageing(entries, {}, before=at("2026-10-01"), as_of_on=AS_OF)["COP"]

    assert [(line.bucket, line.open_minor) for line in result.lines if line.open_minor] == [
        ("undated", 1_000)
    ]
    assert result.overdue_minor == 0


def test_the_books_close_at_the_stroke_of_midnight() -> None:
    last = entry("charge", 1, "2026-09-30T23:59:59")
    first = entry("charge", 2, "2026-10-01T00:00:00")

    result = figures.ageing(dated(last, first), {}, before=at("2026-10-01"), as_of_on=AS_OF)

    assert result["COP"].total_minor == 1


# ── Money in the period ─────────────────────────────────────────────────────────────────────────


def test_the_period_adds_up_by_kind_of_movement() -> None:
    entries = dated(
        entry("charge", 10_000, "2026-05-31T23:59:59"),
        entry("charge", 4_000, "2026-06-01T00:00:00", "F2"),
        entry("payment", -6_000, "2026-06-10"),
        entry("reversal", 1_000, "2026-06-12"),
        entry("payment", -500, "2026-06-15", None),
        entry("reversal", -300, "2026-06-16", "F2"),
        entry("interest", 120, "2026-06-30T23:59:59"),
        entry("payment", -9_999, "2026-07-01T00:00:00"),
    )

    moved = figures.movements(entries, starts_at=at("2026-06-01"), ends_before=at("2026-07-01"))

    assert moved["COP"] == figures.Movement(
        currency="COP",
        opening_minor=10_000,
        charged_minor=4_000,
        collected_minor=5_500,
        other_minor=-180,
        closing_minor=8_320,
    )
    assert moved["COP"].adds_up
    assert figures.recovery_permille(moved["COP"]) == 393  # 5,500 of 14,000


def test_currencies_are_never_added() -> None:
    dollars = Entry(
        entry_id="e",
        account_id="A",
        kind="charge",
        amount_minor=7,
        currency="USD",
        booked_at=at("2026-06-02"),
    )

    moved = figures.movements(
        dated(entry("charge", 5, "2026-06-02"), dollars),
        starts_at=at("2026-06-01"),
        ends_before=at("2026-07-01"),
    )

    assert {currency: one.closing_minor for currency, one in moved.items()} == {"COP": 5, "USD": 7}


def test_a_charge_counts_from_the_issue_date_even_if_it_was_imported_later() -> None:
    replay = Replay(from_on=date(2026, 6, 1), to_on=date(2026, 6, 30), zone="America/Bogota")
    issued = Receivable(
        receivable_id="F1",
        account_id="A",
        currency="COP",
        amount_minor=1,
        issued_on=date(2026, 3, 5),
    )
    charge = entry("charge", 1, "2026-06-01T08:00:00")
    payment = entry("payment", -1, "2026-06-01T08:00:00")

    assert figures.belongs_at(charge, {"F1": issued}, replay) == at("2026-03-05T00:00:00")
    assert figures.belongs_at(payment, {"F1": issued}, replay) == at("2026-06-01T08:00:00")
    assert figures.belongs_at(charge, {}, replay) == at("2026-06-01T08:00:00")


@pytest.mark.parametrize(
    ("part", "whole", "permille"),
    [
        (1, 3, 333),
        (2, 3, 667),
        (1, 2_000, 1),
        (0, 5, 0),
        (7, 7, 1_000),
        (1, 0, None),
        (1, -4, None),
    ],
)
def test_rates_are_whole_thousandths_or_nothing(
    part: int, whole: int, permille: int | None
) -> None:
    assert figures.ratio_permille(part, whole) == permille


def test_the_effectiveness_index_is_1000_when_nothing_past_due_is_left() -> None:
    def book(not_due: int, late: int) -> figures.Ageing:
        return figures.Ageing(
            currency="COP",
            lines=(
                figures.AgeingLine(bucket="not_due", open_minor=not_due, receivables=1),
                figures.AgeingLine(bucket="d1_30", open_minor=late, receivables=1),
            ),
            unapplied_minor=0,
            total_minor=not_due + late,
        )

    # (1,000 + 500 − 400) ÷ (1,000 + 500 − 300) = 1,100 ÷ 1,200
    assert figures.cei_permille(book(200, 800), book(300, 100), 500) == 917
    assert figures.cei_permille(book(200, 800), book(300, 0), 500) == 1_000
    assert figures.cei_permille(book(0, 0), book(0, 0), 0) is None


@pytest.mark.parametrize(
    ("paid_at", "paid"),
    [("2026-06-10T08:59:59", 0), ("2026-06-10T09:00:00", 0), ("2026-06-10T09:00:01", 1)],
)
def test_paid_after_means_after_the_last_message(paid_at: str, paid: int) -> None:
    result = figures.paid_after_last_message(
        [message("2026-06-10T09:00:00", open_minor=100)],
        dated(entry("charge", 100, "2026-05-01"), entry("payment", -100, paid_at)),
        ends_before=at("2026-07-01"),
    )

    assert (result["COP"].contacted, result["COP"].paid) == (1, paid)


@pytest.mark.parametrize(("amount_minor", "paid"), [(-99, 0), (-100, 1), (-101, 1)])
def test_paid_after_means_paid_in_full(amount_minor: int, paid: int) -> None:
    result = figures.paid_after_last_message(
        [message("2026-06-10T09:00:00", open_minor=100)],
        dated(entry("charge", 100, "2026-05-01"), entry("payment", amount_minor, "2026-06-13")),
        ends_before=at("2026-07-01"),
    )

    assert result["COP"].paid == paid
    assert result["COP"].median_days == (3 if paid else None)


def test_a_message_that_did_not_go_out_is_no_contact() -> None:
    failed = message("2026-06-10T09:00:00", open_minor=100, state="failed")

    assert figures.paid_after_last_message([failed], [], ends_before=at("2026-07-01")) == {}


# ── Activity ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("days", "by"),
    [
        (1, "day"),
        (91, "day"),
        (92, "day"),
        (93, "week"),
        (912, "week"),
        (913, "week"),
        (914, "month"),
    ],
)
def test_bars_stay_few_enough_to_tell_apart(days: int, by: str) -> None:
    first = date(2026, 1, 1)
    assert figures.granularity(first, first + timedelta(days=days - 1)) == by


def test_activity_counts_every_week_from_its_monday_and_keeps_the_empty_ones() -> None:
    replay = Replay(from_on=date(2026, 6, 3), to_on=date(2026, 6, 24), zone="America/Bogota")
    messages = [
        message("2026-06-07T23:59:59"),  # Sunday
        message("2026-06-08T00:00:00", stage="firm"),  # Monday
        message("2026-06-09T09:00:00", state="unknown"),
        message("2026-06-02T09:00:00"),  # before the replay
    ]
    entries = dated(
        entry("payment", -500, "2026-06-08T12:00:00"),
        entry("reversal", 200, "2026-06-09T12:00:00"),
        entry("payment", -70, "2026-06-25T12:00:00"),  # after the replay
    )

    periods = figures.activity(messages, entries, replay=replay, by="week")

    assert [(one.starts_on, one.by_stage, one.collected_minor) for one in periods] == [
        (date(2026, 6, 1), {"reminder": 1}, {}),
        (date(2026, 6, 8), {"firm": 1}, {"COP": 300}),
        (date(2026, 6, 15), {}, {}),
        (date(2026, 6, 22), {}, {}),
    ]


def test_months_follow_one_another_over_a_year_s_end() -> None:
    replay = Replay(from_on=date(2025, 11, 30), to_on=date(2026, 3, 1), zone="UTC")

    periods = figures.activity([], [], replay=replay, by="month")

    assert [one.starts_on.isoformat()[:7] for one in periods] == [
        "2025-11",
        "2025-12",
        "2026-01",
        "2026-02",
        "2026-03",
    ]


# ── The ladder ──────────────────────────────────────────────────────────────────────────────────


def test_the_ladder_stands_in_the_order_of_stages_with_its_counts() -> None:
    rungs = figures.ladder(
        [
            message("2026-06-20T09:00:00", step="firm", stage="firm"),
            message("2026-06-02T09:00:00", channel="sms"),
            message("2026-06-09T09:00:00"),
            message("2026-06-10T09:00:00", state="failed"),
        ],
        [
            Task(
                task_id=kind,
                account_id="B",
                kind=kind,
                opened_at=at("2026-07-01"),
                step="firm",
                stage="firm",
            )
            # Work about data and deliveries is none of the ladder's.
            for kind in ("call", "data_repair", "unknown_fate")
        ],
        [],
    )

    assert [
        (one.step, one.messages, one.by_channel, one.by_task, one.accounts) for one in rungs
    ] == [
        ("friendly", 2, {"email": 1, "sms": 1}, {}, 1),
        ("firm", 1, {"email": 1}, {"call": 1}, 2),
    ]


def test_a_rung_that_nobody_reached_is_still_a_rung() -> None:
    rungs = figures.ladder(
        [message("2026-06-02T09:00:00")],
        [],
        [],
        order=[("heads-up", "pre_due"), ("friendly", "reminder"), ("letter", "legal")],
    )

    assert [(one.step, one.messages) for one in rungs] == [
        ("heads-up", 0),
        ("friendly", 1),
        ("letter", 0),
    ]


@pytest.mark.parametrize(
    ("paid_at", "paid_minor"),
    [
        ("2026-06-02T08:59:59", 0),
        ("2026-06-02T09:00:00", 0),
        ("2026-06-02T09:00:01", 40),
        ("2026-07-02T08:59:59", 40),
        ("2026-07-02T09:00:00", 40),
        ("2026-07-02T09:00:01", 0),
    ],
)
def test_a_step_is_credited_with_what_came_within_thirty_days(
    paid_at: str, paid_minor: int
) -> None:
    (rung,) = figures.ladder(
        [message("2026-06-02T09:00:00", open_minor=100)], [], [entry("payment", -40, paid_at)]
    )

    assert rung.recovery == (
        figures.Recovery(currency="COP", asked_minor=100, paid_minor=paid_minor),
    )


@pytest.mark.parametrize(
    ("paid_at", "first", "second"),
    [("2026-06-09T09:00:00", 40, 0), ("2026-06-09T09:00:01", 0, 40)],
)
def test_a_payment_belongs_to_the_last_message_before_it(
    paid_at: str, first: int, second: int
) -> None:
    rungs = figures.ladder(
        [
            message("2026-06-02T09:00:00", open_minor=100),
            message("2026-06-09T09:00:00", step="firm", stage="firm", open_minor=100),
        ],
        [],
        [entry("payment", -40, paid_at)],
    )

    assert [rung.recovery[0].paid_minor for rung in rungs] == [first, second]


# ── Silences and runs ───────────────────────────────────────────────────────────────────────────


def refusal(when: str, *, account: str = "A", rule: str = "co.windows") -> Refusal:
    return Refusal(account_id=account, at=at(when), rule=rule, step="friendly", source="Ley 2300")


def test_a_silence_ended_if_the_step_went_out_after_the_last_refusal() -> None:
    result = figures.silences(
        [
            refusal("2026-06-07T09:00:00"),
            refusal("2026-06-08T06:00:00"),
            refusal("2026-06-07T09:00:00", account="B"),
            refusal("2026-06-08T06:00:00", account="B", rule="co.holidays"),
        ],
        [message("2026-06-08T07:00:00")],
    )

    assert [
        (one.rule, one.source, one.refusals, one.accounts, one.later, one.never)
        for one in result.rules
    ] == [("co.windows", "Ley 2300", 3, 2, 1, 1), ("co.holidays", "Ley 2300", 1, 1, 0, 1)]
    # B's contact was refused by two rules and is still one contact.
    assert (result.refusals, result.accounts, result.later, result.never) == (4, 2, 1, 1)


@pytest.mark.parametrize(("looked_at", "adds_up"), [(9, False), (10, True), (11, False)])
def test_a_run_adds_up_or_says_that_it_does_not(looked_at: int, adds_up: bool) -> None:
    run = Run(
        run_id="r",
        at=None,
        looked_at=looked_at,
        acted=1,
        waited=2,
        held=3,
        skipped={"paid": 1, "raced": 2},
        failed=1,
        conflict=5,
    )

    assert figures.run_adds_up(run) is adds_up


def test_the_total_of_all_runs_adds_every_column() -> None:
    run = Run(
        run_id="r",
        at=None,
        looked_at=6,
        acted=1,
        waited=1,
        held=1,
        skipped={"paid": 2},
        failed=1,
        conflict=1,
    )

    total = figures.total_run([run, run])

    assert (total.looked_at, total.acted, total.failed, total.conflict) == (12, 2, 2, 2)
    assert total.skipped == {"paid": 4}
    assert figures.run_adds_up(total)


# ── Stories ─────────────────────────────────────────────────────────────────────────────────────


def test_neighbours_that_say_the_same_are_told_once() -> None:
    wait, other = ("wait", "firm"), ("wait", "offer")

    told = collapse(
        [
            {"k": "decision", "t": "1", "same": wait},
            {"k": "decision", "t": "2", "same": wait},
            {"k": "decision", "t": "3", "same": wait},
            {"k": "money", "t": "4"},
            {"k": "decision", "t": "5", "same": wait},
            {"k": "decision", "t": "6", "same": other},
        ]
    )

    assert told == [
        {"k": "decision", "t": "1", "t2": "3", "n": 3},
        {"k": "money", "t": "4"},
        {"k": "decision", "t": "5", "n": 1},
        {"k": "decision", "t": "6", "n": 1},
    ]


def test_a_message_is_told_with_the_decision_that_led_to_it(tmp_path: Path) -> None:
    common = {"account_id": "A", "step": "friendly", "stage": "reminder"}
    write(tmp_path, "summary.json", {"from": "2026-06-01", "to": "2026-06-30", "zone": "UTC"})
    write(
        tmp_path,
        "decisions.jsonl",
        common | {"as_of": "2026-06-02T09:00:00+00:00", "decision": "wait"},
        common
        | {
            "as_of": "2026-06-03T09:00:00+00:00",
            "decision": "act",
            "reasons": [
                {"code": "step_due", "text": "el escalón se cumple", "text_en": "the step is due"}
            ],
        },
        common | {"as_of": "2026-06-09T09:00:00+00:00", "decision": "act"},
    )
    write(
        tmp_path,
        "messages.jsonl",
        common | {"message_id": "m1", "channel": "sms", "sent_at": "2026-06-03T09:00:05+00:00"},
    )

    (account,) = tell(read_replay(tmp_path), [], find_file=lambda _: None)
    events = account.story["events"]

    assert [(one["k"], one["t"][:10]) for one in events] == [
        ("decision", "2026-06-02"),
        ("message", "2026-06-03"),
        ("decision", "2026-06-09"),
    ]
    assert events[1]["why"]["reasons"] == [
        {"code": "step_due", "text": "el escalón se cumple", "text_en": "the step is due"}
    ]


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────


def test_a_broken_line_is_named_with_its_place_and_the_old_page_stays(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("the page of before")
    (tmp_path / "ledger.jsonl").write_text('{"entry_id": "e1"\n')

    with pytest.raises(ReplayFileError, match=r"ledger\.jsonl line 1 is not JSON.*again"):
        build(tmp_path, title="T")

    assert (tmp_path / "index.html").read_text() == "the page of before"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("amount_minor", 10.5, "amount_minor is 10.5, wanted a whole number"),
        ("amount_minor", True, "amount_minor is True, wanted a whole number"),
        ("booked_at", "yesterday", "booked_at is 'yesterday', wanted an ISO 8601 instant"),
        ("currency", None, "currency is missing, wanted a text"),
    ],
)
def test_a_wrong_value_is_named_with_field_and_remedy(
    tmp_path: Path, field: str, value: object, said: str
) -> None:
    good = {
        "entry_id": "e1",
        "account_id": "A",
        "kind": "charge",
        "amount_minor": 1,
        "currency": "COP",
        "booked_at": "2026-06-01",
    }
    write(tmp_path, "ledger.jsonl", good, good | {field: value})

    with pytest.raises(ReplayFileError, match=re.escape(f"ledger.jsonl line 2: {said}")):
        build(tmp_path, title="T")


def test_a_folder_that_is_no_replay_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ReplayFileError, match="is this the folder of a replay"):
        build(tmp_path, title="T")


def test_only_what_is_needed_is_needed(tmp_path: Path) -> None:
    write(
        tmp_path,
        "messages.jsonl",
        {"message_id": "m1", "account_id": "A", "sent_at": "2026-06-03T09:00:00-05:00"},
    )

    page = build(tmp_path, title="T")

    assert page == tmp_path / "index.html"
    assert data_of(page)["counts"]["messages"] == 1
    assert data_of(page)["from"] == "2026-06-03"


def test_a_refusal_s_reason_may_be_a_code_or_a_sentence(tmp_path: Path) -> None:
    common = {"account_id": "A", "at": "2026-06-03T09:00:00-05:00", "rule": "co.caps[0]"}
    write(
        tmp_path,
        "refusals.jsonl",
        common | {"reason": "cap_reached"},
        common | {"reason": "ya hubo un contacto hoy", "code": "cap_reached"},
        common | {"reason": "ya hubo un contacto hoy"},
    )
    write(tmp_path, "summary.json", {"from": "2026-06-01", "to": "2026-06-30"})

    assert [(one.code, one.reason) for one in read_replay(tmp_path).refusals] == [
        ("cap_reached", ""),
        ("cap_reached", "ya hubo un contacto hoy"),
        ("", "ya hubo un contacto hoy"),
    ]


@pytest.mark.parametrize(
    ("dispute", "said"),
    [
        (None, None),
        (False, None),
        ("No", None),
        ({}, None),
        ("Yes", "Yes"),
        ({"from": "2026-06-01", "to": ""}, "2026-06-01"),
        ({"from": "2026-06-01", "to": "2026-06-09"}, "2026-06-01 – 2026-06-09"),
    ],
)
def test_a_dispute_is_said_in_one_line(tmp_path: Path, dispute: object, said: str | None) -> None:
    row = {"receivable_id": "F1", "account_id": "A", "currency": "COP", "dispute": dispute}
    write(tmp_path, "receivables.jsonl", row)
    write(tmp_path, "summary.json", {"from": "2026-06-01", "to": "2026-06-30"})

    assert read_replay(tmp_path).receivables[0].dispute == said


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        ("sent", "messages"),
        ("delivered", "messages"),
        ("sending", "unknown"),
        ("unknown", "unknown"),
        ("failed", "failed"),
        ("delayed", "messages"),
        ("complained", "messages"),
        ("unconfirmed", "unknown"),
        ("bounced", "failed"),
        ("rejected", "failed"),
        ("withdrawn", None),
    ],
)
def test_a_message_counts_by_what_became_of_it(
    tmp_path: Path, state: str, counted: str | None
) -> None:
    write(
        tmp_path,
        "messages.jsonl",
        {
            "message_id": "m1",
            "account_id": "A",
            "sent_at": "2026-06-03T09:00:00-05:00",
            "state": state,
        },
    )

    counts = data_of(build(tmp_path, title="T"))["counts"]

    assert [name for name in ("messages", "unknown", "failed") if counts[name]] == (
        [counted] if counted else []
    )


def test_an_instant_without_an_offset_is_in_the_replay_s_zone(tmp_path: Path) -> None:
    write(tmp_path, "summary.json", {"zone": "America/Bogota"})
    write(
        tmp_path,
        "decisions.jsonl",
        {"account_id": "A", "as_of": "2026-06-03T09:00:00", "decision": "wait"},
    )

    assert read_replay(tmp_path).decisions[0].as_of == datetime(2026, 6, 3, 14, tzinfo=UTC)


# ── The page ────────────────────────────────────────────────────────────────────────────────────


def data_of(page: Path, script: str = "data") -> Any:
    text = page.read_text(encoding="utf-8")
    found = re.search(rf'<script type="application/json" id="{script}">(.*?)</script>', text, re.S)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up replay with its page."""
    out = fabricate(tmp_path_factory.mktemp("replay"))
    build(out, title=f"Cartera {HOSTILE}", generated_from={"file": "samples/portfolio.csv"})
    return out


def test_json_in_a_page_cannot_end_its_script() -> None:
    text = embed_json({"name": "</script><!-- & \u2028"})

    assert text == '{"name":"\\u003c/script\\u003e\\u003c!-- \\u0026 \\u2028"}'
    assert json.loads(text) == {"name": "</script><!-- & \u2028"}


def test_hostile_text_stands_nowhere_as_markup(replayed: Path) -> None:
    page = (replayed / "index.html").read_text(encoding="utf-8")

    assert "<script>window.hacked" not in page
    assert "<img" not in page
    assert HOSTILE in {line["name"] for line in data_of(replayed / "index.html")["accounts"]}


def test_the_page_reaches_for_nothing_outside_its_folder(replayed: Path) -> None:
    page = (replayed / "index.html").read_text(encoding="utf-8")

    addresses = re.findall(r'(?:src|href)="([^"#][^"]*)"', page)
    assert [one[:18] for one in addresses] == ["data:image/svg+xml"]
    assert "default-src 'none'; script-src 'sha256-" in page


@pytest.mark.parametrize(
    "path",
    [
        "javascript:alert(1)",
        "https://example.com/",
        "//example.com/x.html",
        "../secret.html",
        "emails/../../secret.html",
        "/etc/hostname",
        "emails",
        "emails/missing.html",
        "emails/\0.html",
    ],
)
def test_an_address_from_data_must_be_a_file_of_the_folder(tmp_path: Path, path: str) -> None:
    out = tmp_path / "out"
    (out / "emails").mkdir(parents=True)
    (tmp_path / "secret.html").write_text("not for this page")
    write(
        out,
        "messages.jsonl",
        {
            "message_id": "m1",
            "account_id": "A",
            "sent_at": "2026-06-03T09:00:00-05:00",
            "html": path,
            "eml": path,
        },
    )

    (event,) = data_of(build(out, title="T"), "story-0")["events"]

    assert (event["html"], event["eml"]) == (None, None)


def test_an_email_is_found_by_its_id_and_its_address_is_quoted(tmp_path: Path) -> None:
    write(
        tmp_path,
        "messages.jsonl",
        {"message_id": "m 1#?", "account_id": "A", "sent_at": "2026-06-03T09:00:00-05:00"},
    )
    (tmp_path / "emails").mkdir()
    (tmp_path / "emails" / "m 1#?.html").write_text("<p>hello</p>")

    (event,) = data_of(build(tmp_path, title="T"), "story-0")["events"]

    assert event["html"] == "emails/m%201%23%3F.html"


def test_the_page_s_figures_agree_with_the_ledger(replayed: Path) -> None:
    rows = [json.loads(line) for line in (replayed / "ledger.jsonl").open(encoding="utf-8")]
    page = data_of(replayed / "index.html")

    assert {one["currency"]: one["closing"] for one in page["money"]} == {
        currency: sum(row["amount_minor"] for row in rows if row["currency"] == currency)
        for currency in ("COP", "USD")
    }
    assert all(one["adds_up"] for one in page["money"])
    assert page["runs"]["all_add_up"]
    for one in page["money"]:
        for place, when in enumerate(("before", "after")):
            aged = sum(line[when][0] for line in one["ageing"])
            assert aged + one["unapplied"][place] == one["total"][place]


def test_the_same_folder_gives_the_same_page(replayed: Path, tmp_path: Path) -> None:
    again = fabricate(tmp_path / "again")
    build(again, title=f"Cartera {HOSTILE}", generated_from={"file": "samples/portfolio.csv"})

    assert (again / "index.html").read_bytes() == (replayed / "index.html").read_bytes()


def test_both_languages_say_everything_with_the_same_blanks(replayed: Path) -> None:
    words = data_of(replayed / "index.html", "words")

    def blanks(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)", text))

    assert words["es"].keys() == words["en"].keys()
    assert {
        key for key, text in words["es"].items() if blanks(text) != blanks(words["en"][key])
    } == (set())


def test_every_word_that_the_page_asks_for_exists(replayed: Path) -> None:
    page = (replayed / "index.html").read_text(encoding="utf-8")
    words = data_of(replayed / "index.html", "words")["es"]

    asked = set(re.findall(r'\b(?:word|plain|rich)\("([\w.]+)"', page))

    assert len(asked) > 60
    assert asked - words.keys() == set()


# ── In a browser ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; a machine without one skips these."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, replayed: Path) -> Iterator[Any]:
    """Opens the page at an address and a width; at the end nothing may have gone wrong in it."""
    wrong: list[str] = []
    contexts = []

    def open_at(fragment: str = "", width: int = 1280, out: Path = replayed) -> Any:
        # A reader far from the debtors: no time on the page may move with the browser's zone.
        context = browser.new_context(
            viewport={"width": width, "height": 900}, timezone_id="Asia/Tokyo", offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.goto((out / "index.html").as_uri() + fragment)
        page.wait_for_selector("#facts dt", state="attached")
        return page

    yield open_at
    for context in contexts:
        for page in context.pages:
            assert page.evaluate("window.hacked") is None
        context.close()
    # That the hostile e-mail's script is blocked in its frame is what we want to hear.
    assert [text for text in wrong if "sandboxed" not in text] == []


@pytest.mark.browser
def test_a_reader_searches_an_account_and_opens_its_story(visit: Any, replayed: Path) -> None:
    page = visit()
    headline = page.locator("h1#headline").inner_text().replace("\xa0", " ")
    assert headline == (
        "En 122 días ingresaron $ 9.676.450 y US$ 1.607,97 de 12 cuentas, con 30 mensajes."
    )
    assert page.locator("#accounts-in tbody tr").count() == 12

    page.get_by_label("Buscar por nombre").fill("CO-1005 andína")
    assert page.locator("#accounts-in tbody tr").count() == 1
    page.locator("#accounts-in a").click()

    page.wait_for_selector("#story h1")
    assert "#account=CO-1005" in page.url
    assert page.evaluate("document.activeElement.tagName") == "H1"
    assert page.locator("#overview").is_hidden()
    assert page.locator("#events .is-message").count() == sum(
        '"account_id": "CO-1005"' in line
        for line in (replayed / "messages.jsonl").open(encoding="utf-8")
    )

    page.go_back()
    page.wait_for_selector("#accounts-in tbody tr")
    assert page.evaluate("document.activeElement.dataset.account") == "CO-1005"


@pytest.mark.browser
def test_the_language_is_in_the_address_and_stays(visit: Any) -> None:
    page = visit("#account=CO-1005")
    assert page.locator("html").get_attribute("lang") == "es"
    assert page.locator("#timeline-title").inner_text() == "Historia"

    page.get_by_role("button", name="EN", exact=True).click()
    page.wait_for_function("document.documentElement.lang === 'en'")
    assert page.url.endswith("#lang=en&account=CO-1005")
    assert page.locator("#timeline-title").inner_text() == "Story"

    page.reload()
    page.wait_for_selector("#timeline-title")
    assert page.locator("#timeline-title").inner_text() == "Story"


@pytest.mark.browser
def test_an_email_is_shown_in_a_frame_that_may_do_nothing(visit: Any) -> None:
    page = visit("#account=CO-1005")
    page.locator("[data-message]", has=page.locator("h4")).first.locator(".meta button").click()

    frame = page.locator("#pane iframe")
    assert frame.get_attribute("sandbox") == ""
    assert "Hola, " in page.frame_locator("#pane iframe").locator("body").inner_text()
    assert frame.evaluate("node => node.offsetWidth") == 375

    page.get_by_role("button", name="Escritorio").click()
    assert page.locator("#pane iframe").evaluate("node => node.offsetWidth") == 820


@pytest.mark.browser
def test_hostile_data_is_read_as_text_in_every_corner(visit: Any, replayed: Path) -> None:
    page = visit()
    page.locator("#accounts-in a", has_text="hacked").first.click()
    page.wait_for_selector("#events .is-message")
    assert page.locator("#story h1").inner_text().startswith("</script><script>")
    for button in page.locator("[data-message] .meta button").all():
        button.click()
        page.wait_for_timeout(50)
    for summary in page.locator("#story summary").all():
        summary.click()


@pytest.mark.browser
def test_rows_sort_and_filter(visit: Any) -> None:
    page = visit()
    page.get_by_role("button", name="Mensajes", exact=True).click()
    counts = [
        int(cell.inner_text().split()[0])
        for cell in page.locator("#accounts-in tbody td:nth-child(6)").all()
    ]
    assert counts == sorted(counts, reverse=True)
    assert page.locator("#accounts-in th[aria-sort]").get_attribute("aria-sort") == "descending"

    page.get_by_label("Moneda").select_option("USD")
    assert page.locator("#accounts-in tbody tr").count() == 1
    page.get_by_role("button", name="Quitar filtros").click()
    assert page.locator("#accounts-in tbody tr").count() == 12


@pytest.mark.browser
def test_the_chart_is_walked_by_keyboard(visit: Any) -> None:
    page = visit()
    page.locator("#activity-chart svg").focus()
    page.keyboard.press("ArrowRight")

    assert page.locator("#tip").is_visible()
    assert page.locator("#live").inner_text().startswith("Semana del 1 jun 2026")


@pytest.mark.browser
@pytest.mark.parametrize("fragment", ["", "#account=CO-1005", "#lang=en"])
def test_nothing_is_wider_than_a_phone(visit: Any, fragment: str) -> None:
    page = visit(fragment, width=360)
    page.wait_for_timeout(200)

    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.browser
@pytest.mark.parametrize("fragment", ["", "#account=A"])
def test_a_replay_in_which_next_to_nothing_happened_is_a_page_too(
    visit: Any, tmp_path: Path, fragment: str
) -> None:
    write(
        tmp_path,
        "messages.jsonl",
        {"message_id": "m1", "account_id": "A", "sent_at": "2026-06-03T09:00:00-05:00"},
    )
    build(tmp_path, title="T")

    page = visit(fragment, out=tmp_path)

    assert page.locator("#headline").text_content().replace("\xa0", " ") == (
        "En 1 día no ingresó dinero de 1 cuenta, con 1 mensaje enviado."
    )


@pytest.mark.browser
def test_an_unknown_account_is_said_to_be_unknown(visit: Any) -> None:
    page = visit("#account=nobody")

    assert page.locator("#story h1").inner_text().endswith("ninguna cuenta «nobody».")
