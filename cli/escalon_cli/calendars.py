"""Writes `calendars/<country>.yaml` from the `holidays` package.

The package itself is never imported at run time: it costs more than a second of cold start.

    python -m escalon_cli.calendars CO 2024 2035 --out config/calendars/CO.yaml
    python -m escalon_cli.calendars BR 2024 2028 --region all --category optional

Corrections by hand (`extra`, `removed`) in an existing file are kept, so that a law passed in June
is a change of data, and running this again does not undo it.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import holidays

from escalon.authoring.calendars import CalendarFile, OwnDay
from escalon.authoring.yaml_lines import check, read

# Regions as ISO 3166-2 writes them; the package also knows a few cities by their names.
_REGION = re.compile("[A-Z0-9]{1,3}")
_PLAIN = re.compile(r"[^\W\d_][\w .,;()/'’-]*", re.UNICODE)


class CalendarError(Exception):
    """A calendar that cannot be generated, with the reason in words."""


def generate(
    country: str,
    years: Sequence[int],
    regions: Sequence[str] = (),
    extra: Sequence[OwnDay] = (),
    removed: Sequence[OwnDay] = (),
    categories: Sequence[str] = (),
) -> str:
    """The text of a calendar file. `regions` are the package's subdivisions (e.g. "AP" for Arica),
    each listed with the days that only it rests; "all" is each that ISO 3166-2 has. `categories`
    adds kinds of day to the public holidays, e.g. "optional" for Brazil's Carnival."""
    national = _days(country, years, None, categories)
    asked = "".join(f" --region {region}" for region in regions)
    asked += "".join(f" --category {category}" for category in categories)
    if list(regions) == ["all"]:
        regions = _regions(country)
    lines = [
        "# yaml-language-server: $schema=../../schemas/calendar.schema.json",
        f"# Public holidays of {country}, generated; do not edit `years` and `regions` by hand:",
        f"#   python -m escalon_cli.calendars {country} {years[0]} {years[-1]}{asked}",
        "# Corrections go under extra and removed, each with the law that says so; they are kept:",
        "#   extra:",
        "#     - {day: 2026-12-24, name: …, source: …}",
        f"calendar: {country}",
        f"source: holidays {version('holidays')} (PyPI)",
        "years:",
    ]
    for year in years:
        lines.append(f"  {year}:")
        lines += _mapping({d: n for d, n in national.items() if d.year == year}, "    ")
    if regions:
        lines.append("regions:")
        for region in regions:
            found = _days(country, years, region, categories)
            own = {d: n for d, n in found.items() if d not in national}
            lines.append(f"  {_text(region)}:" + ("" if own else " {}"))
            lines += _mapping(own, "    ")
    lines += [*_own("extra", extra), *_own("removed", removed)]
    return "\n".join(lines) + "\n"


def write(
    path: Path,
    country: str,
    years: Sequence[int],
    regions: Sequence[str] = (),
    categories: Sequence[str] = (),
) -> CalendarFile:
    """Generate the file, keeping its corrections, and return what stands in it. A file that would
    not be accepted by the rulebook's check is not written."""
    extra: Sequence[OwnDay] = ()
    removed: Sequence[OwnDay] = ()
    if path.exists():
        kept = _parse(path.read_text(encoding="utf-8"), str(path))
        extra, removed = kept.extra, kept.removed
    text = generate(country, years, regions, extra, removed, categories)
    made = _parse(text, str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)  # noqa: PTH105 - the whole file or the old one
    return made


def _parse(text: str, file: str) -> CalendarFile:
    document = read(text, file)
    made = document if isinstance(document, list) else check(CalendarFile, document)
    if isinstance(made, list):
        raise CalendarError("\n".join(str(problem) for problem in made))
    return made


def _regions(country: str) -> list[str]:
    """The country's subdivisions that ISO 3166-2 has."""
    known = holidays.list_supported_countries(include_aliases=False).get(country, [])
    return sorted(region for region in known if _REGION.fullmatch(region))


def _days(
    country: str, years: Sequence[int], region: str | None, categories: Sequence[str]
) -> dict[date, str]:
    kinds = ("public", *categories)
    try:
        found = holidays.country_holidays(
            country, subdiv=region, years=list(years), categories=kinds
        )
    except NotImplementedError as error:  # how that package says that it lacks a country
        raise CalendarError(
            f"the holidays package does not know {country} {region or ''}"
        ) from error
    except ValueError as error:  # and a category
        raise CalendarError(
            f"the holidays package has no {', '.join(kinds)} days for {country}"
        ) from error
    missing = [year for year in years if not any(day.year == year for day in found)]
    if missing:
        raise CalendarError(f"the holidays package has no days for {country} in {missing}")
    return {day: found[day] for day in sorted(found)}


def _mapping(days: Mapping[date, str], indent: str) -> list[str]:
    return [f"{indent}{day}: {_text(name)}" for day, name in days.items()]


def _own(key: str, days: Sequence[OwnDay]) -> list[str]:
    if not days:
        return [f"{key}: []"]
    lines = [f"{key}:"]
    for own in days:
        lines += [
            f"  - day: {own.day}",
            f"    name: {_text(own.name)}",
            f"    source: {_text(own.source)}",
        ]
        lines += [f"    region: {_text(own.region)}"] if own.region else []
    return lines


def _text(words: str) -> str:
    plain = _PLAIN.fullmatch(words) and words.lower() not in ("true", "false", "null")
    return words if plain and not words.endswith(" ") else json.dumps(words, ensure_ascii=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; answers 0, or 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="escalon_cli.calendars", description=__doc__)
    parser.add_argument("country", help="two letters, e.g. CO")
    parser.add_argument("first", type=int, help="first year")
    parser.add_argument("last", type=int, help="last year, included")
    parser.add_argument(
        "--region", action="append", default=[], help="also this region's own days, or all"
    )
    parser.add_argument(
        "--category", action="append", default=[], help="also days of this kind, e.g. optional"
    )
    parser.add_argument("--out", type=Path, help="default: config/calendars/<country>.yaml")
    given = parser.parse_args(arguments)
    if given.first > given.last:
        parser.error("the first year comes after the last")
    path = given.out or Path("config/calendars") / f"{given.country}.yaml"
    try:
        years = range(given.first, given.last + 1)
        made = write(path, given.country, years, given.region, given.category)
    except CalendarError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path}: {sum(map(len, made.years.values()))} days in {len(made.years)} years")
    return 0


if __name__ == "__main__":
    sys.exit(main())
