"""The whole journey of a debtor in a real browser, in both languages, on a phone and at a desk; and
every page of it before axe, which knows WCAG 2.2."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.browser.conftest import DESKTOP, PHONE, Open, Portal
from tests.doubles.world import receivable
from tests.usecases.portal_visitor import Stand, owing

pytestmark = pytest.mark.browser

AXE = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}

WORDS = {
    "es-CO": {
        "enter": "Ver mi cuenta",
        "hello": "Hola, Ana Gómez",
        "offers": "Pagar por cuotas o con otro plazo",
        "see": "Ver este plan: Pagar en 3 cuotas mensuales",
        "next": "Continuar para aceptar",
        "send": "Enviarme el código",
        "code": "Código de 6 números",
        "accept": "Acepto este acuerdo",
        "accepted": "Gracias. Su acuerdo quedó aceptado; puede descargarlo aquí.",
        "download": "Descargar el acuerdo (PDF)",
        "pay": "Pagar $ 200.000 con Wompi",
    },
    "en": {
        "enter": "See my account",
        "hello": "Hello, Ana Gómez",
        "offers": "Pay in instalments or later",
        "see": "See this plan: Pay in 3 monthly instalments",
        "next": "Go on to accept",
        "send": "Send me the code",
        "code": "6-digit code",
        "accept": "I accept this agreement",
        "accepted": "Thank you. Your agreement is accepted; you can download it here.",
        "download": "Download the agreement (PDF)",
        "pay": "Pay COP 200,000 with Wompi",
    },
}


def accessible(page: Any) -> list[str]:
    """What axe has against the page, and whether it has to be scrolled sideways."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, options=AXE).response["violations"]
    wrong = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]
    if not page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    ):
        wrong.append("it is wider than the screen")
    return wrong


def entered(visit: Open, portal: Portal, size: tuple[int, int], language: str, **how: Any) -> Any:
    """Somebody behind the identity check."""
    path = portal.serve(Stand(replace(owing(), language=language)))
    page = visit(path, size, language=language, **how)
    page.locator("#answer").fill("5432")
    page.get_by_role("button", name=WORDS[language]["enter"]).click()
    return page


@pytest.mark.parametrize("language", ["es-CO", "en"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_from_the_message_to_an_agreement_in_hand(
    visit: Open, portal: Portal, size: tuple[int, int], language: str, tmp_path: Path
) -> None:
    words = WORDS[language]
    stand = Stand(replace(owing(), language=language))
    page = visit(portal.serve(stand), size, language=language)
    assert accessible(page) == []
    page.locator("#answer").fill("1111")
    page.get_by_role("button", name=words["enter"]).click()
    assert page.get_by_role("alert").count() == 1
    assert accessible(page) == []
    page.locator("#answer").fill("5432")
    page.get_by_role("button", name=words["enter"]).click()
    assert page.locator("h1").inner_text() == words["hello"]
    assert accessible(page) == []
    page.get_by_role("link", name=words["offers"]).click()
    assert accessible(page) == []
    page.get_by_role("link", name=words["see"]).first.click()
    assert accessible(page) == []
    page.get_by_role("link", name=words["next"]).click()
    page.get_by_role("button", name=words["send"]).click()
    assert accessible(page) == []
    page.get_by_label(words["code"]).fill(stand.sent_code())
    page.get_by_role("button", name=words["accept"]).click()
    assert page.get_by_role("status").inner_text() == words["accepted"]
    assert accessible(page) == []
    with page.expect_download() as downloading:
        page.get_by_role("link", name=words["download"]).click()
    downloading.value.save_as(tmp_path / "agreement.pdf")
    assert (tmp_path / "agreement.pdf").read_bytes().startswith(b"%PDF-")
    page.get_by_role("button", name=words["pay"]).click()
    page.wait_for_url("https://checkout.wompi.co/**")
    assert "amount-in-cents=20000000" in page.url
    assert stand.world.account().agreements[0].state == "active"


@pytest.mark.parametrize("language", ["es-CO", "en"])
def test_every_page_can_be_read_by_everybody(visit: Open, portal: Portal, language: str) -> None:
    page = entered(visit, portal, PHONE, language)
    assert portal.stand is not None
    base = f"{portal.url}/p/{portal.stand.code}"
    for name in (
        *("promise", "payments", "ask", "help", "settings", "feedback", "confirm", "stop", "other"),
        *("promise?currency=COP&first_on=2031-01-01&amount=x", "plan?offer=none", "nowhere"),
    ):
        page.goto(f"{base}/{name}")
        assert accessible(page) == [], name


def test_a_dispute_with_a_file_works_without_scripts(
    visit: Open, portal: Portal, tmp_path: Path
) -> None:
    page = entered(visit, portal, PHONE, "es-CO", scripts=False)
    stand = portal.stand
    assert stand is not None
    page.get_by_role("link", name="No estoy de acuerdo con la deuda").click()
    page.get_by_role("button", name="Enviarme el código").click()
    page.get_by_label("Código de 6 números").fill(stand.sent_code())
    page.get_by_role("button", name="Confirmar").click()
    page.get_by_label("Ya lo pagué").check()
    page.get_by_role("button", name="Enviar a revisión").click()
    page.get_by_role("link", name="PDF").click()
    receipt = tmp_path / "recibo.pdf"
    receipt.write_bytes(b"%PDF-1.4 paid in full")
    page.locator("#file").set_input_files(receipt)
    page.get_by_role("button", name="Adjuntar").click()
    assert page.get_by_role("status").inner_text().startswith("Recibimos el archivo")
    kept = {key: body for key, (body, _) in stand.world.s3.objects.items() if "quarantine" in key}
    assert list(kept.values()) == [b"%PDF-1.4 paid in full"]
    page.get_by_role("link", name="Volver a mi cuenta").click()
    assert "En revisión: nadie se lo cobra" in page.locator("main").inner_text()
    assert [task["kind"] for task in stand.world.tasks()] == ["dispute"]


def test_who_cannot_pay_finds_help_from_the_first_page(visit: Open, portal: Portal) -> None:
    page = entered(visit, portal, PHONE, "es-CO")
    page.get_by_role("link", name="No puedo pagar en este momento").click()
    page.get_by_role("button", name="Pedir la pausa y que me contacten").click()
    assert page.get_by_role("status").inner_text().startswith("Listo: una persona se comunicará")
    assert portal.stand is not None
    assert [task["kind"] for task in portal.stand.world.tasks()] == ["hardship"]


def test_the_cookie_of_one_link_is_not_sent_to_another(visit: Open, portal: Portal) -> None:
    page = entered(visit, portal, PHONE, "es-CO")
    assert portal.stand is not None
    other = portal.stand.give_link("a1", "m2")
    page.goto(f"{portal.url}/p/{other}")
    assert page.locator("#answer").count() == 1
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert cookie["path"] == f"/p/{portal.stand.code}"


def test_a_name_with_markup_runs_nothing(visit: Open, portal: Portal) -> None:
    evil = "<script>window.stolen=1</script><img src=x onerror=window.stolen=1>"
    owed = replace(receivable("r1", late=20, open_minor=600_000_00), document=evil)
    page = visit(portal.serve(Stand(replace(owing(owed), name=evil))))
    page.locator("#answer").fill("5432")
    page.get_by_role("button", name="Ver mi cuenta").click()
    assert evil in page.locator("h1").inner_text()
    assert page.evaluate("window.stolen") is None


def test_letters_twice_as_large_still_fit(visit: Open, portal: Portal) -> None:
    page = entered(visit, portal, PHONE, "es-CO")
    assert portal.stand is not None
    base = f"{portal.url}/p/{portal.stand.code}"
    for name in ("", "/offers", "/ask", "/settings"):
        page.goto(base + name)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), name
