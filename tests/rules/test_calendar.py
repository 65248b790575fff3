"""`escalon rules calendar`: what a typical debtor would receive, before a rule is switched on."""

import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.rules.calendar import CalendarError, Drawn, as_page, as_svg, of_strategy
from tests.rules.books import escalon, shipped

DUE = date(2026, 9, 1)


def drawn(strategy: str = "standard", rulebook: Rulebook | None = None, **more: str) -> Drawn:
    made = {"country": "CO", **more}
    return of_strategy(rulebook or shipped(), strategy, due_on=DUE, **made)


def told(calendar: Drawn) -> list[str]:
    return [f"{e.day} {e.event.step} {e.event.task or e.event.channel}" for e in calendar.entries]


def test_a_ladder_is_shown_to_its_end() -> None:
    """L17: a sign that is wrong is seen as a day that is wrong."""
    assert told(drawn()) == [
        "2026-08-27 heads-up email",
        "2026-08-31 due-tomorrow email",
        "2026-09-03 friendly email",
        "2026-09-10 friendly-again email",
        "2026-09-21 firm email",
        "2026-10-01 firm-call call",
        "2026-10-09 firm-again email",
        "2026-10-21 offer email",
        "2026-11-17 last-notice email",
        "2026-12-05 legal-notice email",
        "2026-12-15 legal-review legal_review",
        "2027-01-14 end review",
    ]
    assert drawn().missed == ()


def test_an_amount_decides_which_steps_come() -> None:
    small = drawn(owed="COP 500_000")
    assert small.missed == ("legal-notice", "legal-review")
    assert small.open_minor == {"COP": 50_000_000}
    assert drawn(owed="COP 150_000").missed == ("firm-call", "legal-notice", "legal-review")


def test_another_ladder_is_for_those_whom_its_condition_picks() -> None:
    assert told(drawn("vip")) == [
        "2026-08-27 vip-heads-up email",
        "2026-09-04 vip-call call",
        "2026-09-11 vip-friendly email",
        "2026-09-21 end hand_over",
    ]


def test_weekends_holidays_and_half_days_are_shown() -> None:
    """L19: what the policy closes moves to the next open day."""
    days = drawn().days
    assert days[date(2026, 11, 15)] == "closed"  # a Sunday
    assert days[date(2026, 11, 16)] == "holiday"
    assert days[date(2026, 11, 17)] == "open"
    assert days[date(2026, 11, 21)] == "part"  # a Saturday
    assert min(days) == date(2026, 8, 1)
    assert max(days) == date(2027, 1, 31)


def test_another_country_has_other_days() -> None:
    elsewhere = drawn(country="ZZ")
    assert elsewhere.days[date(2026, 11, 16)] == "open"
    assert elsewhere.days[date(2026, 11, 21)] == "closed"  # house rules: no Saturdays


def test_why_a_step_comes_late_is_told() -> None:
    page = as_page(drawn(), "en")
    assert "its day is Sun 15 Nov, when the policy is closed" in page
    ladder = next(s for s in shipped().strategies if s.strategy == "standard")
    waits = replace(
        ladder, steps=tuple(replace(s, wait_days=15) if s.step == "offer" else s
                            for s in ladder.steps if s.step not in ("last-notice",)
                            and (s.needs is None or s.needs.step != "last-notice")),
    )  # fmt: skip
    late = replace(waits, steps=(*waits.steps, replace(waits.steps[2], step="after", day=55,
                                                       stage="legal", gap_days=0)))  # fmt: skip
    changed = replace(shipped(), strategies=(late,))
    assert "it waits for the notice time of the step before" in as_page(
        drawn(rulebook=changed), "en"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"strategy": "nope"}, "there is no ladder nope; there are: vip, standard"),
        ({"owed": "COP"}, "write it like 'COP 500_000'"),
        ({"owed": "COP 1, USD 2"}, "one amount of one currency"),
    ],
)
def test_what_cannot_be_drawn_says_why(arguments: dict[str, str], says: str) -> None:
    with pytest.raises(CalendarError, match=says.replace("(", "\\(")):
        drawn(**arguments)


def test_a_debt_that_does_not_fall_on_the_ladder_is_not_shown_on_it() -> None:
    rich = next(s for s in shipped().strategies if s.strategy == "standard")
    only = replace(rich, condition=["open", "above", {"COP": 100_000_00}])
    with pytest.raises(CalendarError, match="no debt COP 5_000 of CO falls on the ladder standard"):
        drawn(rulebook=replace(shipped(), strategies=(only,)), owed="COP 5_000")


def test_the_picture_is_whole_in_one_file() -> None:
    root = ET.fromstring(as_svg(drawn(), "es"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "septiembre 2026" in texts
    assert "last-notice · correo" in texts
    assert "le corresponde el dom 15 nov, cuando la política está cerrada" in texts
    titles = {element.text for element in root.iter("{http://www.w3.org/2000/svg}title")}
    assert "lunes, 16 de noviembre de 2026 · festivo" in titles
    assert len(titles) == 184  # the days of August to January


def test_the_terminal_shows_it_and_files_are_written(tmp_path: Path) -> None:
    svg, html = tmp_path / "a" / "ladder.svg", tmp_path / "ladder.html"
    done = escalon(
        "calendar", "standard", "--due", "2026-09-01", "--locale", "en",
        "--svg", str(svg), "--html", str(html),
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "Thu 3 Sept, 07:00" in done.stdout
    assert "September 2026" in done.stdout
    assert svg.read_text(encoding="utf-8").startswith("<svg")
    assert "http://www.w3.org/2000/svg" in html.read_text(encoding="utf-8")


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    page = as_page(drawn(), "es")
    assert "<script" not in page
    assert "default-src 'none'" in page
