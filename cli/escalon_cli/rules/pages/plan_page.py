"""The page of a plan: what a person reads before they approve it."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import groupby
from typing import Any

from escalon_cli.rules.pages import Words, render
from escalon_cli.rules.report import TIERS, Pair, Report, Story, Surprise, major

_WIDTH, _HEIGHT = 1000, 120
_SHOWN_STORIES = 3
_TIER = {kind: tier for tier, kinds in enumerate(TIERS) for kind in kinds}


def plan_page(report: Report, locale: str) -> str:
    """The whole page."""
    words = Words(locale)
    return render(
        "plan.html.j2",
        locale,
        report=report,
        cost=_cost(report),
        surprises=[
            {
                "text": surprise_text(surprise, words),
                "tier": _TIER[surprise.kind],
                "stories": [_story(story) for story in surprise.stories[:_SHOWN_STORIES]],
            }
            for surprise in report.surprises
        ],
        charts=list(_charts(report, words)),
        ladders=[
            (strategy, list(rows))
            for strategy, rows in groupby(report.steps, key=lambda row: row.strategy)
        ],
        major=major,
    )


def surprise_text(surprise: Surprise, words: Words) -> str:
    """One surprise as a sentence."""
    about = dict(surprise.about)
    if "channel" in about:
        about["channel"] = words.named("channel", about["channel"])
    if "attribute" in about:
        about["attribute"] = words.named("attribute", about["attribute"])
    return words.say(f"surprise.{surprise.kind}", count=surprise.count, **about)


def _cost(report: Report) -> Mapping[str, str] | None:
    priced = [row.millionths for row in report.costs if row.millionths is not None]
    if not priced:
        return None
    return {
        "in_force": major(sum(pair.in_force for pair in priced)),
        "draft": major(sum(pair.draft for pair in priced)),
    }


def _story(story: Story) -> dict[str, Any]:
    return {
        "account_id": story.account_id,
        "in_force": story.in_force,
        "draft": story.draft,
        "message": story.message,
        "keys_now": {(e["at"], e["step"], e["channel"]) for e in story.in_force},
        "keys_draft": {(e["at"], e["step"], e["channel"]) for e in story.draft},
    }


def _charts(report: Report, words: Words) -> Iterator[dict[str, Any]]:
    channels = sorted({channel for day in report.by_day for channel in day.messages})
    quotas = {row.channel: row.quota for row in report.costs}
    for channel in channels:
        days = [(day.day, day.messages[channel]) for day in report.by_day]
        chart = _chart(channel, days, quotas.get(channel), words)
        for bar, day in zip(chart["bars"], report.by_day, strict=True):
            if channel in day.millionths:
                bar["title"] += f" · {report.currency} {major(day.millionths[channel].draft)}"
        yield chart
    yield _chart("tasks", [(day.day, day.tasks) for day in report.by_day], None, words)


def _chart(
    name: str, days: list[tuple[date, Pair]], quota: int | None, words: Words
) -> dict[str, Any]:
    """Where each day's bar and point lie; whole numbers of a field of 1000 by 120."""
    most = max((max(pair.in_force, pair.draft) for _, pair in days), default=0)
    # A quota far above everything would flatten the chart; it is drawn where it can be reached.
    top = max(most, quota if quota is not None and quota <= 2 * most else 0, 1)
    step = _WIDTH // max(len(days), 1)

    def height(count: int) -> int:
        return round(count * _HEIGHT / top)

    return {
        "name": name,
        "most": most,
        "label": f"{name}: {words.say('plan.peak', count=most)}",
        "step": step,
        "rest": [n * step for n, (day, _) in enumerate(days) if day.weekday() >= 5],
        "bars": [
            {
                "x": n * step + 1,
                "y": _HEIGHT - height(pair.draft),
                "width": max(step - 2, 1),
                "height": height(pair.draft),
                "over": quota is not None and pair.draft > quota,
                "title": f"{words.day(day)}: {words.number(pair.draft)} "
                f"({words.say('plan.now')} {words.number(pair.in_force)})",
            }
            for n, (day, pair) in enumerate(days)
        ],
        "line": " ".join(
            f"{n * step + step // 2},{_HEIGHT - height(pair.in_force)}"
            for n, (_, pair) in enumerate(days)
        ),
        "quota": _HEIGHT - height(quota) if quota is not None and quota <= top else None,
        "ticks": [
            {"x": n * step, "text": words.day(day, "d MMM")}
            for n, (day, _) in enumerate(days)
            if n % 7 == 0
        ],
    }
