"""Holidays as shipped data against the package they were generated from and against the law, and
the days of a time zone."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalon.authoring.calendars import CalendarFile
from escalon.authoring.yaml_lines import check, read
from escalon.domain.calendar import find_zone, intersect, is_within
from escalon_cli.calendars import main

CONFIG = Path(__file__).parents[2] / "config" / "calendars"


def load(path: Path) -> CalendarFile:
    document = read(path.read_text(encoding="utf-8"), path.name)
    assert not isinstance(document, list), document
    made = check(CalendarFile, document)
    assert not isinstance(made, list), made
    return made


def days_of(file: CalendarFile, year: int) -> set[date]:
    return set(file.years[year])


# --- the law of Colombia, written down a second time ---------------------------------------------


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones, Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    ell = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * ell) // 451
    return date(year, (h + ell - 7 * m + 114) // 31, (h + ell - 7 * m + 114) % 31 + 1)


def colombia(year: int) -> set[date]:
    """Ley 51 de 1983, arts. 1 and 2, and from 2026 on Ley 2578 de 2026, art. 6 (9 July)."""

    def monday(day: date) -> date:
        return day + timedelta(days=-day.weekday() % 7)

    fixed = [(1, 1), (5, 1), (7, 20), (8, 7), (12, 8), (12, 25)]
    moved = [(1, 6), (3, 19), (6, 29), (8, 15), (10, 12), (11, 1), (11, 11)]
    if year >= 2026:
        moved.append((7, 9))
    sunday = easter(year)
    return {
        *(date(year, month, day) for month, day in fixed),
        *(monday(date(year, month, day)) for month, day in moved),
        sunday - timedelta(days=3),
        sunday - timedelta(days=2),
        *(monday(sunday + timedelta(days=days)) for days in (39, 60, 68)),
    }


CO = load(CONFIG / "CO.yaml")


@pytest.mark.parametrize("year", range(2024, 2036))
def test_colombias_holidays_are_those_of_the_law(year: int) -> None:
    assert days_of(CO, year) == colombia(year)


@pytest.mark.parametrize(
    ("country", "years"), [("CO", range(2024, 2036)), ("US", range(2012, 2036))]
)
def test_shipped_calendars_are_what_the_package_says(country: str, years: range) -> None:
    file = load(CONFIG / f"{country}.yaml")
    assert list(file.years) == list(years)
    assert file.extra == file.removed == []
    for year in years:
        assert days_of(file, year) == set(holidays.country_holidays(country, years=year))


def test_colombia_has_nineteen_holidays_in_2026() -> None:
    assert sorted(day.isoformat()[5:] for day in days_of(CO, 2026)) == [
        "01-01", "01-12", "03-23", "04-02", "04-03", "05-01", "05-18", "06-08", "06-15", "06-29",
        "07-13", "07-20", "08-07", "08-17", "10-12", "11-02", "11-16", "12-08", "12-25",
    ]  # fmt: skip


def test_the_new_holiday_was_not_one_before_the_law() -> None:
    assert date(2025, 7, 14) not in days_of(CO, 2025)
    assert date(2026, 7, 13) in days_of(CO, 2026)
    assert date(2027, 7, 12) in days_of(CO, 2027)


def test_two_mondays_that_coincide_are_one_holiday() -> None:
    assert len(days_of(CO, 2030)) == 18


def test_holy_saturday_is_a_working_day() -> None:
    assert date(2026, 4, 4) not in days_of(CO, 2026)


# --- the generator -------------------------------------------------------------------------------


def test_generating_again_keeps_what_a_person_corrected(tmp_path: Path) -> None:
    path = tmp_path / "CO.yaml"
    assert main(["CO", "2026", "2026", "--out", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    corrected = text.replace(
        "extra: []",
        "extra:\n  - day: 2026-10-30\n    name: 'Día: de prueba'\n    source: Ley 1 de 2026",
    )
    path.write_text(corrected, encoding="utf-8")

    assert main(["CO", "2026", "2027", "--out", str(path)]) == 0

    again = load(path)
    assert sorted(again.years) == [2026, 2027]
    assert [(own.day, own.name, own.source) for own in again.extra] == [
        (date(2026, 10, 30), "Día: de prueba", "Ley 1 de 2026")
    ]


def test_regions_list_the_days_that_only_they_rest(tmp_path: Path) -> None:
    path = tmp_path / "CL.yaml"
    arguments = ["CL", "2026", "2026", "--region", "AP", "--region", "RM", "--out", str(path)]
    assert main(arguments) == 0
    regions = load(path).regions
    assert list(regions["AP"]) == [date(2026, 6, 7)]
    assert regions["RM"] == {}


def test_a_country_nobody_knows_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "XX.yaml"
    assert main(["XX", "2026", "2026", "--out", str(path)]) == 1
    assert "does not know XX" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_broken_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "CO.yaml"
    path.write_text("calendar: CO\nyears: soon\n", encoding="utf-8")
    assert main(["CO", "2026", "2026", "--out", str(path)]) == 1
    assert "CO.yaml:2:8" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "calendar: CO\nyears: soon\n"


# --- days of a zone ------------------------------------------------------------------------------

SOME_ZONES = [
    "America/Bogota",
    "America/New_York",
    "America/Santiago",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Kathmandu",
]


def days_around_changes(zone: str) -> list[date]:
    """The days on which the zone's clocks change, and their neighbours."""
    noons = [datetime(2000, 1, 1, 12, tzinfo=UTC) + timedelta(days=n) for n in range(38 * 365)]
    offsets = [noon.astimezone(ZoneInfo(zone)).utcoffset() for noon in noons]
    return [
        noons[n + neighbour].date()
        for n in range(2, len(noons) - 2)
        if offsets[n] != offsets[n - 1]
        for neighbour in (-2, -1, 0, 1)
    ] or [date(2026, 3, 8)]


CHANGES = {zone: days_around_changes(zone) for zone in SOME_ZONES}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SOME_ZONES), st.data())
def test_the_runs_of_a_day_are_exactly_the_instants_that_show_it(
    zone: str, data: st.DataObject
) -> None:
    day = data.draw(st.sampled_from(CHANGES[zone]))
    found = find_zone(zone)
    assert found is not None
    runs = found.runs(day.toordinal())
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
    for _ in range(84 * 60):
        shown = instant.astimezone(ZoneInfo(zone)).date() == day
        assert shown == any(start <= instant < end for start, end, _ in runs), instant
        instant += timedelta(minutes=1)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Bogota", date(2026, 3, 8), 24),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
)
def test_how_long_a_day_is(zone: str, day: date, hours: float) -> None:
    found = find_zone(zone)
    assert found is not None
    total = sum((end - start for start, end, _ in found.runs(day.toordinal())), timedelta())
    assert total == timedelta(hours=hours)


@pytest.mark.parametrize(
    "name", ["", "localtime", "Factory", "posix/UTC", "right/UTC", "../UTC", "Bogota", "A\0"]
)
def test_what_is_no_place_is_no_zone(name: str) -> None:
    assert find_zone(name) is None


def test_weeks_intersect_minute_by_minute() -> None:
    one = (((420, 720), (780, 1140)),) + ((),) * 6
    other = (((600, 900),),) * 7
    assert intersect(one, other) == (((600, 720), (780, 900)),) + ((),) * 6
    assert is_within(intersect(one, other), one)
    assert not is_within(other, one)
    # Two windows that touch hold one that spans both.
    assert is_within((((400, 800),),) * 7, (((300, 600), (600, 900)),) * 7)
