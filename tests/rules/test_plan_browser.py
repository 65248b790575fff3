"""The pages about rules as a browser shows them: nothing wrong in the console, nothing cut off."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from escalon_cli.rules import calendar, preview
from escalon_cli.rules.costs import Costs
from escalon_cli.rules.pages.plan_page import plan_page
from escalon_cli.rules.plan import plan_of
from escalon_cli.rules.report import report_of
from tests.rules.books import book_of, owes, shipped, with_step

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.browser


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


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The three pages."""
    folder = tmp_path_factory.mktemp("pages")
    accounts = [owes(f"a{n:02}", f"2026-0{6 + n % 4}-{10 + n}") for n in range(18)]
    draft = with_step("standard", "last-notice", day=60)
    planned = plan_of(draft, book_of(folder, *accounts), days=60)
    report = report_of(planned, Costs("USD", {"email": 100}, {"email": 4, "sms": 900}, "costs"))
    written = {
        "plan": plan_page(report, "es"),
        "calendar": calendar.as_page(
            calendar.of_strategy(shipped(), "standard", country="CO", due_on=date(2026, 9, 1)), "es"
        ),
        "preview": preview.page(shipped(), "firm", today=date(2026, 9, 14)),
    }
    for name, text in written.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in written}


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["plan", "calendar", "preview"])
def test_nothing_is_wrong_and_nothing_is_cut_off(
    browser: Any, pages: dict[str, Path], name: str, width: int
) -> None:
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text))
    page.goto(pages[name].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert wrong == []


def test_an_account_that_shows_a_surprise_can_be_opened(
    browser: Any, pages: dict[str, Path]
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    page.goto(pages["plan"].as_uri())
    assert (
        "antes a la etapa prejurídica o jurídica"
        in page.locator(".surprises li").first.inner_text()
    )
    story = page.locator(".surprises details").first
    story.locator("summary").click()
    assert "last-notice" in story.locator(".new").first.inner_text()
    mail = story.frame_locator("iframe")
    assert "Almacenes Andina" in mail.locator("body").inner_text()
    # What is over the quota stands out.
    assert page.locator("rect.over").count() > 0
    context.close()
