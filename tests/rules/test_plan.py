"""The plan: what a draft would do to a book, beside what the rulebook in force does."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.authoring.rulebook import sealed
from escalon.domain.contact.policy import Layer, Policy, Provenance, Recipients
from escalon.domain.decisions.forecast import Event
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.rules.costs import LISTED, Costs
from escalon_cli.rules.figures import Figures, Side, Units, changes, refused, same
from escalon_cli.rules.pages import Words
from escalon_cli.rules.pages.plan_page import plan_page, surprise_text
from escalon_cli.rules.plan import plan_hash, plan_of
from escalon_cli.rules.report import TIERS, Pair, Report, Surprise, report_of
from tests.domain import debts
from tests.domain.debts import at
from tests.rules.books import (
    CONFIG,
    ROOT,
    TAKEN_AT,
    book_of,
    escalon,
    owes,
    shipped,
    with_ladder,
    with_step,
)

BOGOTA = ZoneInfo("America/Bogota")
PAGES = ROOT / "cli" / "escalon_cli" / "rules" / "pages"
OPEN = Policy((Layer("open", "house", Recipients(Provenance(), allow=("debtor",))),))


def planned(tmp_path: Path, draft: Rulebook, *accounts: Any, **more: Any) -> Report:
    costs = more.pop("costs", LISTED)
    file = book_of(tmp_path, *accounts, **more)
    return report_of(plan_of(draft, file, days=60, details=True), costs)


def surprises(report: Report) -> dict[str, int]:
    return {surprise.kind: surprise.count for surprise in report.surprises}


# --- who changes ---------------------------------------------------------------------------------


def test_the_same_rules_change_nothing(tmp_path: Path) -> None:
    report = planned(tmp_path, shipped(), owes("a1"), owes("a2", "2026-08-01"))
    assert (report.accounts, report.changed, report.surprises) == (2, 0, [])
    assert report.messages == Pair(9, 9)
    assert report.contacted == Pair(2, 2)


def test_only_whom_a_rule_touches_changes(tmp_path: Path) -> None:
    """Capability 4: who would get what, and the differences from the rules in force."""
    draft = with_step("vip", "vip-friendly", day=12)
    report = planned(
        tmp_path, draft, owes("a1"), owes("a2", tags=("vip",)), owes("a3", tags=("vip",))
    )
    assert report.changed == 2
    assert surprises(report) == {"other_step_or_time": 2}
    (surprise,) = report.surprises
    story = surprise.stories[0]
    assert [(e["step"], e["at"]) for e in story.in_force if e["kind"] == "message"] == [
        ("vip-friendly", at("2026-09-12 08:00"))
    ]
    assert [(e["step"], e["at"]) for e in story.draft if e["kind"] == "message"] == [
        ("vip-friendly", at("2026-09-14 07:00"))
    ]


def test_a_severe_step_that_comes_sooner_is_the_first_surprise(tmp_path: Path) -> None:
    draft = with_step("standard", "last-notice", day=60)
    report = planned(tmp_path, draft, owes("a1", "2026-07-20"), owes("a2", "2026-09-20"))
    assert next(iter(surprises(report))) == "severe_earlier"
    (story,) = report.surprises[0].stories
    assert story.account_id == "a1"
    assert story.message is not None
    assert story.message["step"] == "last-notice"
    assert "Almacenes Andina" in story.message["text"]
    assert "FV-1" in story.message["html"]


def test_a_group_that_nobody_writes_to_today(tmp_path: Path) -> None:
    def without_vip(tag: str) -> Rulebook:
        return sealed(
            replace(
                shipped(),
                strategies=tuple(
                    replace(s, condition=["tag", tag]) if s.strategy == "vip" else s
                    for s in shipped().strategies
                ),
            )
        )

    calls_only = with_ladder("vip", lambda s: replace(s, steps=tuple(x for x in s.steps if x.task)))
    vips = [owes(f"a{n}", tags=("vip",)) for n in range(3)]
    report = planned(
        tmp_path, without_vip("nobody"), owes("b1"), *vips, rulebook=calls_only
    )  # fmt: skip
    segments = [s for s in report.surprises if s.kind == "segment_contacted"]
    assert [(s.count, s.about) for s in segments] == [
        (3, {"attribute": "tag", "value": "vip", "accounts": 3})
    ]
    silenced = planned(tmp_path, calls_only, owes("b1"), *vips, rulebook=without_vip("nobody"))
    assert "segment_silenced" in surprises(silenced)
    assert surprises(silenced)["no_longer_contacted"] == 3


def test_old_debt_that_is_written_about(tmp_path: Path) -> None:
    """L8: one blank field and all of history is mailed."""
    young = sealed(replace(shipped(), chase=replace(shipped().chase, oldest_debt_days=180)))
    report = planned(tmp_path, shipped(), owes("a1", "2025-01-01"), owes("a2"), rulebook=young)
    assert surprises(report)["old_debt"] == 1
    assert surprises(report)["newly_contacted"] == 1
    assert "more messages about debts of more than 360 days" in _told(report, "old_debt")


@pytest.mark.parametrize(("days", "old"), [(360, 0), (361, 1)])
def test_old_is_more_than_360_days(days: int, old: int) -> None:
    """L25: at the boundary and beyond it."""
    events = [event(days_past_due=days)]
    assert any(kind == "old_debt" for kind, _ in changes([], events)) == bool(old)


def test_what_the_policy_in_force_would_refuse(tmp_path: Path) -> None:
    """A draft that loosens the law is told, although by its own policy nothing is wrong."""
    loose = sealed(replace(shipped(), contact_policies=dict.fromkeys(("*", "CO", ""), OPEN)))
    report = planned(tmp_path, loose, owes("a1"), taken_at=at("2026-09-06 09:00"))  # a Sunday
    assert report.breaches == 0
    assert surprises(report)["refused_now"] == 1
    assert report.surprises[0].kind == "refused_now"


def test_no_forecast_contact_breaks_the_draft_s_own_policy(tmp_path: Path) -> None:
    """Invariant 3: asked again from the start, message by message."""
    accounts = [owes(f"a{n:03}", f"2026-0{1 + n % 8}-1{n % 9}") for n in range(60)]
    report = planned(tmp_path, with_step("standard", "offer", day=45), *accounts)
    assert report.breaches == 0
    assert report.messages.draft > 100


def test_a_message_that_breaks_it_is_a_breach(tmp_path: Path) -> None:
    """What must not be can be seen: the contacts of an account are counted from its history."""
    twice = [event(at_="2026-09-08 07:00"), event(at_="2026-09-08 09:00")]
    (deny,) = refused(shipped(), owes("a1"), twice)
    assert (deny.rule, deny.reason) == ("co.caps[0]", "cap_reached")


# --- volumes, costs, quotas ----------------------------------------------------------------------


def test_costs_and_quotas_by_channel(tmp_path: Path) -> None:
    costs = Costs("USD", {"email": 100, "sms": 20_000}, {"email": 3, "sms": 100}, "costs.yaml")
    accounts = [owes(f"a{n}", "2026-09-06") for n in range(5)]
    draft = with_step("standard", "friendly", channels=("email",))
    report = planned(tmp_path, draft, *accounts, costs=costs)
    rows = {row.channel: row for row in report.costs}
    # Only friendly goes by SMS, in two segments, and only by the rules in force.
    assert (rows["sms"].messages, rows["sms"].units) == (Pair(5, 0), Pair(10, 0))
    assert rows["email"].messages == Pair(20, 25)
    assert rows["sms"].millionths == Pair(200_000, 0)
    assert rows["email"].millionths == Pair(2_000, 2_500)
    assert (rows["email"].busiest, rows["email"].days_over_quota) == (Pair(5, 5), 5)
    assert surprises(report)["over_quota"] == 5


def test_the_days_and_the_steps_add_up_to_the_messages(tmp_path: Path) -> None:
    accounts = [owes(f"a{n}", f"2026-08-{10 + n}") for n in range(12)]
    report = planned(tmp_path, with_step("standard", "firm", day=25), *accounts)
    by_day = sum(pair.draft for day in report.by_day for pair in day.messages.values())
    tasks = sum(day.tasks.draft for day in report.by_day)
    cost = sum(pair.draft for day in report.by_day for pair in day.millionths.values())
    (priced,) = (row.millionths for row in report.costs if row.millionths is not None)
    assert cost == priced.draft > 0
    assert by_day == report.messages.draft
    assert tasks == report.tasks.draft
    assert sum(row.count.draft for row in report.steps) == by_day + tasks
    assert sum(row.count.in_force for row in report.steps) == sum(
        (report.messages.in_force, report.tasks.in_force)
    )
    assert len(report.by_day) == 61
    assert (report.by_day[0].day, report.by_day[-1].day) == (
        TAKEN_AT.date(), (TAKEN_AT + timedelta(days=60)).date(),
    )  # fmt: skip


def test_many_more_messages_than_now_and_all_on_one_day(tmp_path: Path) -> None:
    quiet = with_ladder("standard", lambda s: replace(s, steps=s.steps[-1:]))
    accounts = [owes(f"a{n:02}", "2026-09-01") for n in range(25)]
    report = planned(tmp_path, shipped(), *accounts, rulebook=quiet)
    told = {(s.kind, s.about.get("channel")): s.count for s in report.surprises}
    assert told["volume_up", "sms"] >= 25
    assert told["burst", "sms"] == 25
    assert told["newly_contacted", None] == 25


# --- the hash ------------------------------------------------------------------------------------


def test_the_plan_s_name_is_a_function_of_what_is_approved(tmp_path: Path) -> None:
    """L8: approval bound to the content of what was shown."""
    draft = with_step("standard", "firm", day=25)
    file = book_of(tmp_path, owes("a1"), owes("a2"))
    name = plan_of(draft, file, days=60).plan
    assert plan_of(draft, file, days=60).plan == name
    others = {
        plan_of(shipped(), file, days=60).plan,
        plan_of(draft, file, days=61).plan,
        plan_of(draft, book_of(tmp_path, owes("a1"), owes("a3")), days=60).plan,
        plan_of(draft, book_of(tmp_path, owes("a1"), rulebook=draft), days=60).plan,
    }
    assert len(others - {name}) == 4
    assert plan_hash("draft", "in force", "book", 60) == "ccd20dc3524c65b3"


def test_several_processes_find_what_one_does(tmp_path: Path) -> None:
    draft = with_step("standard", "last-notice", day=60)
    accounts = [owes(f"a{n:04}", f"2026-0{1 + n % 8}-{10 + n % 19}") for n in range(1_100)]
    file = book_of(tmp_path, *accounts)
    told: list[tuple[int, int]] = []
    one = plan_of(draft, file, days=30, processes=1)
    two = plan_of(draft, file, days=30, processes=2, tell=lambda done, of: told.append((done, of)))
    assert report_of(two, LISTED) == report_of(one, LISTED)
    assert told == [(400, 1_100), (800, 1_100), (1_100, 1_100)]


# --- adding up -----------------------------------------------------------------------------------


def event(at_: str = "2026-09-08 07:00", **more: Any) -> Event:
    made = {
        "kind": "message", "creditor": "andina", "strategy": "standard", "step": "firm",
        "stage": "firm", "channel": "email", "point_id": "p-email", "days_past_due": 20,
    }  # fmt: skip
    return Event(at=at(at_), **{**made, **more})


LEGAL = {"step": "legal-notice", "stage": "legal"}


@pytest.mark.parametrize(
    ("now", "then", "found"),
    [
        ([], [event()], [("newly_contacted", 1)]),
        ([event()], [], [("no_longer_contacted", 1)]),
        ([event()], [event(), event("2026-09-20 07:00")], [("more_messages", 1)]),
        ([event(), event("2026-09-20 07:00")], [event()], [("fewer_messages", 1)]),
        ([event()], [event("2026-09-09 07:00")], [("other_step_or_time", 1)]),
        ([event()], [event(channel="sms")], [("other_step_or_time", 1)]),
        ([event()], [event(), event(kind="task", task="call")], [("more_tasks", 1)]),
        ([event(), event(kind="end", task="review")], [event()], [("fewer_tasks", 1)]),
        (
            [event("2026-09-30 07:00", **LEGAL)],
            [event("2026-09-20 07:00", **LEGAL)],
            [("severe_earlier", 10)],
        ),
        (
            [event("2026-09-20 07:00", **LEGAL)],
            [event("2026-09-30 07:00", **LEGAL)],
            [("severe_later", 10)],
        ),
        ([event()], [event(**LEGAL)], [("severe_earlier", 1_000)]),
        ([event(**LEGAL)], [event()], [("severe_later", 1_000)]),
        # Work to mend data stands in a severe step's place, and is none itself.
        (
            [event()],
            [event(), event(kind="task", task="data_repair", **LEGAL)],
            [("more_tasks", 1)],
        ),
        # An hour makes no severe step sooner.
        (
            [event("2026-09-20 09:00", **LEGAL)],
            [event("2026-09-20 08:00", **LEGAL)],
            [("other_step_or_time", 1)],
        ),
    ],
)
def test_what_changes_for_an_account(
    now: list[Event], then: list[Event], found: list[tuple[str, int]]
) -> None:
    assert not same(now, then)
    assert list(changes(now, then)) == found


EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(["2026-09-08 07:00", "2026-09-09 23:30", "2026-10-01 07:00"]),
        kind=st.sampled_from(["message", "task", "end"]),
        channel=st.sampled_from(["email", "sms"]),
        task=st.sampled_from(["call", "review"]),
        stage=st.sampled_from(["firm", "legal"]),
        days_past_due=st.sampled_from([None, 20, 400]),
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(EVENTS, EVENTS), max_size=6), st.integers(0, 6))
def test_sums_are_the_same_however_the_accounts_are_divided(
    accounts: list[tuple[list[Event], list[Event]]], cut: int
) -> None:
    units = Units({"es-CO": {"firm": 2}}, "es-CO")

    def summed(group: list[tuple[int, tuple[list[Event], list[Event]]]]) -> Figures:
        figures = Figures()
        for number, (now, then) in group:
            account = owes(f"a{number}")
            figures.accounts += 1
            figures.in_force.add(now, "es-CO", units, BOGOTA)
            figures.draft.add(then, "es-CO", units, BOGOTA)
            figures.segment(account, bool(now), bool(then))
            for kind, score in changes(now, then):
                figures.count(kind, score, account.account_id, b"")
        return figures

    numbered = list(enumerate(accounts))
    whole = summed(numbered)
    parts = summed(numbered[:cut])
    parts.merge(summed(numbered[cut:]))
    assert parts.in_force == whole.in_force
    assert parts.draft == whole.draft
    assert parts.kinds == whole.kinds
    assert parts.segments == whole.segments
    for kind, samples in whole.samples.items():
        assert sorted(parts.samples[kind])[:3] == sorted(samples)[:3]


def test_an_sms_takes_the_segments_of_its_reader_s_language() -> None:
    units = Units({"en": {"firm": 1}, "es-CO": {"firm": 2}}, "es-CO")
    sms = event(channel="sms")
    assert [units.of(sms, language) for language in ("en", "es-MX", "", "fr")] == [1, 2, 2, 2]
    assert units.of(event(), "es-CO") == 1
    side = Side()
    side.add([sms, sms], "es-CO", units, BOGOTA)
    assert list(side.units.values()) == [4]


# --- what a person and a program read ------------------------------------------------------------


def _told(report: Report, kind: str, locale: str = "en") -> str:
    (surprise,) = (s for s in report.surprises if s.kind == kind)
    return surprise_text(surprise, Words(locale))


@pytest.mark.parametrize("locale", ["es", "en"])
def test_every_kind_of_surprise_has_its_words(locale: str) -> None:
    about = {
        "days": 360, "attribute": "tag", "value": "vip", "accounts": 5, "channel": "sms",
        "quota": 9, "in_force": 3,
    }  # fmt: skip
    for kind in (kind for kinds in TIERS for kind in kinds):
        text = surprise_text(Surprise(kind, 2_000, about), Words(locale))
        assert ("2.000" if locale == "es" else "2,000") in text
        assert "{" not in text


def test_both_languages_have_the_same_words() -> None:
    words = json.loads((PAGES / "words.json").read_text(encoding="utf-8"))
    assert words["es"].keys() == words["en"].keys()


def test_the_files_of_a_plan(tmp_path: Path) -> None:
    file = book_of(tmp_path, owes("a1", "2026-07-20"), owes("a2", "2026-09-20"))
    draft = tmp_path / "draft"
    draft.mkdir()
    text = (CONFIG / "escalation.yaml").read_text(encoding="utf-8")
    text = text.replace("rulebook: escalon-co", f"rulebook: escalon-co\nbased_on: {CONFIG}")
    assert text.count("when: 75 days after due") == 1
    text = text.replace("when: 75 days after due", "when: 60 days after due")
    (draft / "escalation.yaml").write_text(text, encoding="utf-8")
    out = tmp_path / "plan"
    done = escalon("plan", str(draft), "--against", str(file), "--out", str(out), "--locale", "en")
    assert done.exit_code == 0, done.stderr
    told = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert told["accounts"] == 2
    assert told["changed"] == 1
    assert told["plan"] in done.stdout
    assert "1 account comes to the pre-legal or legal stage sooner" in done.stdout.replace(
        "\u00a0", " "
    )
    (line,) = (out / "accounts.jsonl").read_text(encoding="utf-8").splitlines()
    changed = json.loads(line)
    assert changed["account"] == "a1"
    notices = {
        side: next(e["at"] for e in changed[side] if e["step"] == "last-notice")
        for side in ("in_force", "draft")
    }
    assert notices["draft"] < notices["in_force"]
    page = (out / "index.html").read_text(encoding="utf-8")
    assert told["plan"] in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_a_page_of_a_plan_without_surprises(tmp_path: Path) -> None:
    report = planned(tmp_path, shipped(), owes("a1"))
    assert "No hay ninguna" in plan_page(report, "es")
    assert "None of 1\u00a0account gets anything else" in plan_page(report, "en")


def test_what_comes_from_data_is_never_markup(tmp_path: Path) -> None:
    evil = debts.receivable(document="<script>alert(1)</script>", due="2026-07-20")
    draft = with_step("standard", "last-notice", day=60)
    report = planned(tmp_path, draft, owes("a1", receivables=(evil,), tags=("<b>",)))
    page = plan_page(report, "es")
    assert "<script" not in page
    assert "<b>" not in page.split("<main>")[1].split("mail")[0]


def test_a_book_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = escalon("plan", str(CONFIG), "--against", str(tmp_path / "no.jsonl"))
    assert done.exit_code == 1
    assert "is no book of accounts" in done.stderr
