"""The holidays that are shipped against the package that they were generated from, region by
region, and what a person added to them."""

from datetime import date
from pathlib import Path

import holidays
import pytest

from escalon.authoring.calendars import CalendarFile, compile_calendar
from escalon.authoring.yaml_lines import check, read
from escalon_cli.calendars import main

CONFIG = Path(__file__).parents[2] / "config" / "calendars"
YEARS = range(2024, 2029)
CATEGORIES = {"BR": ("public", "optional")}
COUNTRIES = ["BR", "CL", "CO", "ES", "GB", "MX", "PE", "US"]


def load(path: Path) -> CalendarFile:
    document = read(path.read_text(encoding="utf-8"), path.name)
    assert not isinstance(document, list), document
    made = check(CalendarFile, document)
    assert not isinstance(made, list), made
    return made


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_shipped_holidays_are_the_packages(country: str) -> None:
    file = load(CONFIG / f"{country}.yaml")
    kinds = CATEGORIES.get(country, ("public",))
    assert set(YEARS) <= set(file.years)
    for year in file.years:
        known = holidays.country_holidays(country, years=year, categories=kinds)
        assert set(file.years[year]) == set(known)
    for region, own in file.regions.items():
        for year in file.years:
            known = holidays.country_holidays(country, region, years=year, categories=kinds)
            mine = {day for day in own if day.year == year}
            assert mine | set(file.years[year]) == set(known)
            assert not mine & set(file.years[year])


@pytest.mark.parametrize(("country", "regions"), [("BR", 27), ("CL", 16), ("ES", 19), ("GB", 4)])
def test_every_region_with_holidays_of_its_own_is_there(country: str, regions: int) -> None:
    assert len(load(CONFIG / f"{country}.yaml").regions) == regions


def test_the_bank_days_of_mexico_stand_beside_the_generated_ones() -> None:
    file = load(CONFIG / "MX.yaml")
    days = compile_calendar(file).days
    assert [own.day.isoformat() for own in file.extra if own.day.year == 2026] == [
        "2026-04-02", "2026-04-03", "2026-11-02", "2026-12-12",
    ]  # fmt: skip
    assert {own.day.year for own in file.extra} == set(YEARS)
    assert {own.day for own in file.extra} <= set(days)
    easter = {date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5), date(2027, 3, 28),
              date(2028, 4, 16)}  # fmt: skip
    fridays = {own.day.toordinal() + 2 for own in file.extra if own.name == "Viernes Santo"}
    assert fridays == {day.toordinal() for day in easter}


def test_a_law_passed_in_june_is_a_change_of_data_and_survives_the_next_generation(
    tmp_path: Path,
) -> None:
    """Ley 2578 of 1 June 2026 made a holiday of 13 July, six weeks later."""
    path = tmp_path / "CO.yaml"
    assert main(["CO", "2025", "2025", "--out", str(path)]) == 0
    text = path.read_text(encoding="utf-8").replace(
        "extra: []",
        "extra:\n  - day: 2025-07-14\n    name: Chiquinquirá\n    source: Ley 2578 de 2026",
    )
    path.write_text(text, encoding="utf-8")
    assert main(["CO", "2025", "2026", "--out", str(path)]) == 0
    days = compile_calendar(load(path)).days
    assert date(2025, 7, 14) in days
    assert date(2026, 7, 13) in days


def test_all_regions_and_further_kinds_of_day_are_generated(tmp_path: Path) -> None:
    path = tmp_path / "BR.yaml"
    arguments = ["BR", "2027", "2027", "--region", "all", "--category", "optional"]
    assert main([*arguments, "--out", str(path)]) == 0
    file = load(path)
    assert date(2027, 2, 8) in file.years[2027]  # Carnival
    assert date(2027, 7, 9) in file.regions["SP"]
    assert len(file.regions) == 27
    assert "--region all --category optional" in path.read_text(encoding="utf-8")


def test_a_correction_of_one_region_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "ES.yaml"
    arguments = ["ES", "2026", "2026", "--region", "CT", "--out", str(path)]
    assert main(arguments) == 0
    text = path.read_text(encoding="utf-8").replace(
        "extra: []",
        "extra:\n  - day: 2026-06-23\n    name: prueba\n    source: ORDEN 1\n    region: CT",
    )
    path.write_text(text, encoding="utf-8")
    assert main(arguments) == 0
    assert date(2026, 6, 23) in compile_calendar(load(path)).regions["CT"]


def test_a_kind_of_day_that_a_country_does_not_have_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "CO.yaml"
    assert main(["CO", "2026", "2026", "--category", "optional", "--out", str(path)]) == 1
    assert "has no public, optional days for CO" in capsys.readouterr().err
    assert not path.exists()
