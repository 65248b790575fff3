"""The whole journey of a debtor in a real browser, in both languages, on a phone and at a desk; and
every page of it before axe, which knows WCAG 2.2."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.domain.agreements.offers import Terms
from escalon.usecases.agreements.manage_agreements import Actor, Debt, ManageAgreements
from tests.browser.conftest import DESKTOP, PHONE, Open, Portal
from tests.doubles.world import receivable
from tests.usecases.portal_visitor import Stand, Visitor, owing
from tests.usecases.test_visit_portal import accept

pytestmark = pytest.mark.browser

AXE = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}
# What of it depends on the width of the screen; the rest is the same on a phone.
AXE_LAYOUT = {
    "runOnly": {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]},
    "resultTypes": ["violations"],
}

SMALLEST = (320, 568)  # WCAG 2.2, 1.4.10

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

DISPUTE = {
    "es-CO": {
        "dispute": "No estoy de acuerdo con la deuda",
        "confirm": "Confirmar",
        "paid": "Ya lo pagué",
        "review": "Enviar a revisión",
        "attach": "Adjuntar",
        "received": "Recibimos el archivo",
        "home": "Volver a mi cuenta",
        "rests": "En revisión: nadie se lo cobra",
    },
    "en": {
        "dispute": "I do not agree with the debt",
        "confirm": "Confirm",
        "paid": "I have paid it",
        "review": "Send for review",
        "attach": "Attach",
        "received": "We have received the file",
        "home": "Back to my account",
        "rests": "Under review: nobody asks you for it",
    },
}


def accessible(page: Any, rules: dict[str, Any] = AXE) -> list[str]:
    """What axe has against the page, and whether it has to be scrolled sideways."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.axe_script)
    found = page.evaluate("options => axe.run(options)", rules)["violations"]
    wrong = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]
    return wrong + too_wide(page)


def too_wide(page: Any) -> list[str]:
    """What has to be scrolled to sideways, or hangs out of its card."""
    return list(
        page.evaluate("""() => {
            const root = document.documentElement;
            const wide = root.scrollWidth > root.clientWidth ? ["the page"] : [];
            for (const one of document.querySelectorAll(".card *:not(.wide *)")) {
                const card = one.closest(".card");
                const inside = parseFloat(getComputedStyle(card).paddingRight) - 1;
                const ends = card.getBoundingClientRect().right - inside;
                if (one.getBoundingClientRect().right > ends) wide.push(one.outerHTML);
            }
            return wide;
        }""")
    )


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
    page.get_by_role("link", name=words["offers"]).click()
    page.get_by_role("link", name=words["see"]).first.click()
    page.get_by_role("link", name=words["next"]).click()
    page.get_by_role("button", name=words["send"]).click()
    assert accessible(page) == []
    page.get_by_label(words["code"]).fill(stand.sent_code())
    page.get_by_role("button", name=words["accept"]).click()
    assert page.get_by_role("status").inner_text() == words["accepted"]
    with page.expect_download() as downloading:
        page.get_by_role("link", name=words["download"]).click()
    downloading.value.save_as(tmp_path / "agreement.pdf")
    assert (tmp_path / "agreement.pdf").read_bytes().startswith(b"%PDF-")
    page.get_by_role("button", name=words["pay"]).click()
    page.wait_for_url("https://checkout.wompi.co/**")
    assert "amount-in-cents=20000000" in page.url
    assert stand.world.account().agreements[0].state == "active"


class Lived(Visitor):
    """Somebody on whose page there is everything: an agreement of which a part is paid, a debt that
    nothing is agreed on, one in dispute, an offer of an operator's, a receipt."""

    def __init__(self, language: str) -> None:
        account = owing(receivable("r1", late=20, open_minor=600_000_00))
        super().__init__(Stand(replace(account, language=language)))
        world = self.stand.world
        self.enter()
        self.agreement = accept(self)
        world.clock.at += timedelta(minutes=1)
        self.pays(self.agreement, 250_000_00)
        world.owe(receivable("r2", late=12, open_minor=14_800_000_00), receivable("r3", late=3))
        self.get("confirm")
        self.post("confirm", point="p-email")
        self.post("confirm", code=self.stand.sent_code())
        self.post("dispute", line="r3", reason="paid")
        self.task = self.address.partition("id=")[2].partition("&")[0]
        manage = ManageAgreements(world.table, lambda _: self.stand.rulebook, world.clock)
        terms = Terms("plan", date(2026, 9, 20), 8)
        agent = Actor("operator", "ana", "agent")
        offered = manage.agree("offer", Debt("a1", receivables=("r2",)), terms, agent)
        self.offer = offered.agreement.agreement_id

    @property
    def pages(self) -> tuple[str, ...]:
        """Every page there is, forms with mistakes and one-time codes among them."""
        agreement, offer, currency = self.agreement, self.offer, "currency=COP"
        promise = f"offer=promise&day=2026-09-20&minor=480000000&{currency}"
        return (
            *("", "offers", f"offers?{currency}&capacity=x", "offers?done=on_hold"),
            *(f"plan?offer=plan&count=3&every=month&{currency}", f"plan?{promise}"),
            *("promise", f"promise?{currency}&first_on=2031-01-01&amount=x", f"accept?{promise}"),
            *("agreements", f"agreement?id={agreement}", f"agreement?id={offer}"),
            *(f"accept?id={offer}", f"decline?id={offer}", f"offers?replaces={agreement}"),
            f"plan?offer=plan&count=2&every=month&{currency}&replaces={agreement}",
            *("payments", "receipt?id=andina-wompi:w1", "dispute?line=r2", "confirm"),
            *(f"upload?id={self.task}&done=dispute", f"upload?id={self.task}&kind=pdf"),
            *("ask", "help", "settings", "feedback", "stop", "other", "nowhere", "stop?done=stop"),
        )


@pytest.mark.parametrize("language", ["es-CO", "en"])
def test_every_page_can_be_read_by_everybody(visit: Open, portal: Portal, language: str) -> None:
    """On a phone and at a desk."""
    debtor = Lived(language)
    page = visit(portal.serve(debtor.stand), language=language)
    base = f"{portal.url}{debtor.base}"
    page.context.add_cookies([{"name": "escalon", "value": debtor.cookie, "url": base}])
    for name in debtor.pages:
        answer = page.goto(f"{base}/{name}")
        assert answer.status < 500, name
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.locator("#answer").count() == 0, name
        assert accessible(page) == [], name
        page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
        assert accessible(page, AXE_LAYOUT) == [], f"{name} at a desk"
        page.set_viewport_size({"width": SMALLEST[0], "height": SMALLEST[1]})
        assert too_wide(page) == [], f"{name} on the smallest phone"
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})


@pytest.mark.parametrize("language", ["es-CO", "en"])
def test_a_dispute_with_a_file_works_without_scripts(
    visit: Open, portal: Portal, tmp_path: Path, language: str
) -> None:
    words = DISPUTE[language]
    size = PHONE if language == "es-CO" else DESKTOP
    page = entered(visit, portal, size, language, scripts=False)
    stand = portal.stand
    assert stand is not None
    page.get_by_role("link", name=words["dispute"]).click()
    page.get_by_role("button", name=WORDS[language]["send"]).click()
    page.get_by_label(WORDS[language]["code"]).fill(stand.sent_code())
    page.get_by_role("button", name=words["confirm"]).click()
    page.get_by_label(words["paid"]).check()
    page.get_by_role("button", name=words["review"]).click()
    page.get_by_role("link", name="PDF").click()
    receipt = tmp_path / "recibo.pdf"
    receipt.write_bytes(b"%PDF-1.4 paid in full")
    page.locator("#file").set_input_files(receipt)
    page.get_by_role("button", name=words["attach"]).click()
    assert page.get_by_role("status").inner_text().startswith(words["received"])
    kept = {key: body for key, (body, _) in stand.world.s3.objects.items() if "quarantine" in key}
    assert list(kept.values()) == [b"%PDF-1.4 paid in full"]
    page.get_by_role("link", name=words["home"]).first.click()
    assert words["rests"] in page.locator("main").inner_text()
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
