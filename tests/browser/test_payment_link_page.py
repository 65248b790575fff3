"""Before the identity check, in a real browser: on a phone and a desk, with and without scripts."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from escalon.domain.account import Awaited
from escalon.messages.brand import contrast
from tests.browser.conftest import DESKTOP, PHONE, Open, Portal
from tests.doubles.world import NOW, receivable
from tests.usecases.portal_visitor import Stand, owing

pytestmark = pytest.mark.browser

SPANISH = owing(receivable("r1"), receivable("r2", late=1))


def link_of(portal: Portal, stand: Stand | None = None) -> str:
    """The address of a debtor's link."""
    return portal.serve(stand or Stand(SPANISH))


def fits(page: Any) -> bool:
    """Whether nothing has to be scrolled sideways."""
    found: bool = page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    return found


@pytest.mark.parametrize("size", [(320, 640), PHONE, DESKTOP])
def test_a_debtor_sees_how_to_pay(visit: Open, portal: Portal, size: tuple[int, int]) -> None:
    page = visit(link_of(portal), size)
    assert page.title() == "Su cuenta con Almacenes Andina · Almacenes Andina"
    assert page.locator("h1").inner_text() == "Su cuenta con Almacenes Andina"
    assert page.locator("button").all_inner_texts() == [
        "Ver mi cuenta",
        "Pagar con Wompi",
        "Pagar con PayU",
    ]
    assert page.locator("html").get_attribute("lang") == "es"
    assert fits(page)


def test_a_press_leads_to_the_checkout(visit: Open, portal: Portal) -> None:
    """Browsers hold a form's redirects against the page's policy: it must allow this one."""
    page = visit(link_of(portal))
    page.get_by_role("button", name="Pagar con Wompi").click()
    page.wait_for_url("https://checkout.wompi.co/**")
    query = parse_qs(urlsplit(page.url).query)
    assert query["amount-in-cents"] == ["20000000"]
    assert page.evaluate("document.referrer") == ""  # the link is nobody else's to know


def test_a_form_checkout_moves_on_by_itself(visit: Open, portal: Portal) -> None:
    page = visit(link_of(portal))
    with page.expect_request("https://sandbox.checkout.payulatam.com/**") as posted:
        page.get_by_role("button", name="Pagar con PayU").click()
    assert posted.value.method == "POST"
    fields = parse_qs(posted.value.post_data)
    assert fields["amount"] == ["200000"]
    assert fields["lng"] == ["es"]
    assert "referer" not in posted.value.headers


def test_without_scripts_everything_works_with_one_more_press(visit: Open, portal: Portal) -> None:
    page = visit(link_of(portal), scripts=False)
    page.get_by_role("button", name="Pagar con PayU").click()
    assert page.locator("h1").inner_text() == "Vamos a la página de PayU"
    with page.expect_request("https://sandbox.checkout.payulatam.com/**") as posted:
        page.get_by_role("button", name="Continuar a PayU").click()
    assert posted.value.method == "POST"


def test_whoever_comes_back_finds_the_ways_again(visit: Open, portal: Portal) -> None:
    path = link_of(portal)
    page = visit(f"{path}?back&id=01-1531")
    assert page.locator("h1").inner_text() == "Gracias"
    assert page.locator("button").count() == 0
    page.get_by_role("link", name="volver a las formas de pago").click()
    assert page.locator("button").count() == 3


def test_a_way_that_fails_leads_back_to_the_others(visit: Open, portal: Portal) -> None:
    stand = Stand(SPANISH)
    path = link_of(portal, stand)
    stand.opener._keys.known = {}  # type: ignore[attr-defined]
    page = visit(path)
    page.get_by_role("button", name="Pagar con PayU").click()
    assert page.locator("h1").inner_text() == "No pudimos abrir la página de pago"
    page.get_by_role("link", name="Intentar de nuevo").click()
    assert page.locator("button").count() == 3
    assert urlsplit(page.url).path == path


def test_a_link_that_has_ended_tells_whom_to_ask(visit: Open, portal: Portal) -> None:
    stand = Stand(SPANISH)
    stand.world.clock.at = NOW + timedelta(days=91)
    page = visit(link_of(portal, stand))
    assert page.locator("h1").inner_text() == "Este enlace ya no está activo"
    assert page.get_by_role("link", name="+57 601 000 0001").get_attribute("href") == (
        "tel:+576010000001"
    )


def test_an_unknown_link_speaks_the_readers_language(visit: Open, portal: Portal) -> None:
    link_of(portal)
    page = visit("/p/0000000000", language="en-GB")
    assert page.locator("h1").inner_text() == "We did not find this page"
    assert fits(page)


# ---------------------------------------------------------------------------- for everybody

_COLOURS = """element => {
  const style = getComputedStyle(element);
  let under = element;
  while (getComputedStyle(under).backgroundColor === 'rgba(0, 0, 0, 0)' && under.parentElement)
    under = under.parentElement;
  return [style.color, getComputedStyle(under).backgroundColor];
}"""


def _hex(colour: str) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", colour)[:3])


@pytest.mark.parametrize("colour", ["#1f4e5f", "#ffd400", "#767676", "#7a7a7a", "#ffffff"])
def test_all_words_can_be_read_whatever_the_brand(visit: Open, portal: Portal, colour: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1."""
    stand = Stand(SPANISH)
    creditors = stand.rulebook.creditors
    branded = replace(creditors["andina"], brand_colour=colour)
    stand.rulebook = replace(stand.rulebook, creditors={**creditors, "andina": branded})
    page = visit(link_of(portal, stand))
    words = page.locator("header b, header a, h1, h2, label, p, button, main a, footer")
    assert words.count() >= 9
    for element in words.all():
        ink, under = element.evaluate(_COLOURS)
        if element.inner_text().strip():
            assert contrast(_hex(ink), _hex(under)) >= 4.5, element.inner_text()


def test_a_keyboard_reaches_everything_and_shows_where_it_is(visit: Open, portal: Portal) -> None:
    page = visit(link_of(portal), DESKTOP)
    reached = []
    for _ in range(11):
        page.keyboard.press("Tab")
        focused = "document.activeElement.innerText || document.activeElement.id"
        reached.append(page.evaluate(focused))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
    assert reached == [
        "Ir al contenido",
        "English",
        "answer",
        "Ver mi cuenta",
        "Pagar con Wompi",
        "Pagar con PayU",
        "Este mensaje no es para mí",
        "No quiero más mensajes por este medio",
        "+57 601 000 0001",
        "atencion@andina.example.com",
        "Tratamiento de datos personales",
    ]


def test_fingers_find_the_buttons(visit: Open, portal: Portal) -> None:
    """WCAG 2.2, 2.5.8 asks for 24 pixels; a thumb wants 44."""
    page = visit(link_of(portal))
    for element in page.locator("button, .foot a[href^='tel'], .quiet a").all():
        assert element.bounding_box()["height"] >= 44, element.inner_text()


def test_letters_twice_as_large_still_fit(visit: Open, portal: Portal) -> None:
    page = visit(link_of(portal))
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert fits(page)


def test_a_page_has_one_heading_landmarks_and_names(visit: Open, portal: Portal) -> None:
    awaited = Awaited("p1", NOW - timedelta(hours=1), NOW + timedelta(hours=9), "andina")
    page = visit(link_of(portal, Stand(replace(SPANISH, awaited=(awaited,)))))
    assert page.locator("h1").count() == 1
    for landmark in ("banner", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1
    assert page.get_by_role("status").inner_text().startswith("Tenemos aviso de un pago suyo")
    levels = page.locator("h1, h2, h3").evaluate_all("found => found.map(one => one.tagName)")
    assert levels == ["H1", "H2", "H2"]
