"""Payment links: nobody guesses one, nobody learns from one, and its money finds its account."""

import hashlib
import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.adapters.table import Table
from escalon.domain.account import Account, Awaited, Hold
from escalon.domain.payments.payment import PaymentNotice
from escalon.domain.rules.rulebook import PaymentProvider, Payments, Rulebook
from escalon.domain.storage import Change
from escalon.pages.page import Page
from escalon.providers.provider import Credential, Question
from escalon.usecases.payments.payment_link import (
    Link,
    Links,
    OpenPaymentLink,
    Visit,
    pays_online,
    to_pay,
)
from escalon.usecases.payments.take_notice import TakeNotice
from tests.contact_law.table import policy_of
from tests.doubles.crashing import Crashing, Faults
from tests.doubles.world import NOW, TABLE, World, debtor, receivable, rulebook

PUBLIC = "https://pay.example"
MESSAGE = "m0123456789abcdef"
KEY = b"a key of this stack"

WOMPI = PaymentProvider(
    "andina-wompi", "wompi", "sandbox", "andina", merchant={"public_key": "pub_test_1"},
    currencies=("COP",),
)  # fmt: skip
PAYU = PaymentProvider(
    "andina-payu", "payu", "sandbox", "andina",
    merchant={"merchant_id": "508029", "account_id": "512321"}, currencies=("COP", "USD"),
)  # fmt: skip
STRIPE = PaymentProvider(
    "shared-stripe", "stripe", "sandbox", "", api="https://api.stripe.com", currencies=("USD",)
)
BOREAL = PaymentProvider("boreal-wompi", "wompi", "sandbox", "boreal", currencies=("COP",))
UNASKED = PaymentProvider("andina-epayco", "epayco", "sandbox", "andina")

PROVIDERS = {one.provider: one for one in (WOMPI, PAYU, STRIPE, BOREAL, UNASKED)}
KEYS: dict[str, Credential] = {
    "andina-wompi": {"private_key": "prv_test_1", "integrity_secret": "test_integrity_1"},
    "andina-payu": {"api_login": "login", "api_key": "4Vj8eK4rloUd272L48hsrarnUA"},
    "shared-stripe": "sk_test_1",
}


def paying_online(*providers: PaymentProvider, **changes: Any) -> Rulebook:
    chosen = {one.provider: one for one in providers} or PROVIDERS
    return replace(rulebook(), payments=Payments(providers=chosen), **changes)


class Api:
    """A provider's API: what it was asked, and what it answers."""

    def __init__(self, status: int = 200, **document: Any) -> None:
        self.asked: list[Question] = []
        self.answer = status, json.dumps(document).encode()

    def ask(self, question: Question) -> tuple[int, bytes]:
        self.asked.append(question)
        return self.answer


class Keys:
    """What operators have put in."""

    def __init__(self, **known: Credential) -> None:
        self.known = known or KEYS

    def of(self, provider: str) -> Credential | None:
        return self.known.get(provider)


class Debtor:
    """Somebody with a link in their hand."""

    def __init__(self, account: Account | None = None, **how: Any) -> None:
        self.world = World()
        self.world.put(account or debtor("a1", receivable("r1"), receivable("r2", late=1)))
        self.links = Links(lambda: KEY, PUBLIC)
        self.code = self.links.code(MESSAGE)
        self.expires = NOW + timedelta(days=90)
        self.world.table.save(self.links.put(self.world.table, self.link))
        self.rulebook: Rulebook | None = how.get("rulebook", paying_online())
        self.api: Any = how.get("api", Api(url="https://checkout.stripe.com/c/1"))
        self.keys = how.get("keys", Keys())

    @property
    def link(self) -> Link:
        return Link("a1", "andina", MESSAGE, self.expires)

    def opener(self, faults: Faults | None = None) -> OpenPaymentLink:
        table = Table(Crashing(self.world.dynamo, faults or Faults()), TABLE, 1)
        return OpenPaymentLink(
            table, lambda _: self.rulebook, self.world.clock, str, self.keys, self.api,
            self.world.report,
        )  # fmt: skip

    def visit(self, code: str = "", **more: Any) -> Visit:
        return Visit(code or self.code, PUBLIC, **more)

    def show(self, code: str = "", faults: Faults | None = None, **more: Any) -> Page:
        from tests.usecases.portal_visitor import portal_of  # whose visitors begin with a link

        portal = portal_of(self.world, self.opener(faults), lambda: self.rulebook)
        return portal.get(self.visit(code, **more), "")

    def pay(self, provider: str, currency: str = "COP", faults: Faults | None = None) -> Page:
        visit = self.visit(query={"currency": currency})
        return self.opener(faults).pay(visit, provider)

    def references(self) -> dict[str, dict[str, Any]]:
        return {
            pk.removeprefix("REF#"): json.loads(item["doc"]["S"])
            for (pk, _), item in self.world.all_items().items()
            if pk.startswith("REF#")
        }


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = 0
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the library's
        self.hidden += tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.found.append(data)


def seen(page: Page) -> str:
    """What a reader sees, on one line."""
    parser = _Text()
    parser.feed(page.body)
    return " ".join("".join(parser.found).split())


def buttons(page: Page) -> dict[str, str]:
    """Where the page's buttons lead, by what they say."""
    found = re.findall(r'action="([^"]+)">\s*<button[^>]*>([^<]+)<', page.body)
    return {words: action.replace("&amp;", "&") for action, words in found}


# ------------------------------------------------------------------------------- the link


def test_a_link_is_short_enough_for_an_sms_and_always_the_same() -> None:
    links = Links(lambda: KEY, PUBLIC)
    assert links.url(MESSAGE) == "https://pay.example/p/" + links.code(MESSAGE)
    assert links.code(MESSAGE) == "kQUceAIky1"
    assert links.code(MESSAGE) == Links(lambda: KEY, "https://else.example").code(MESSAGE)


@given(st.text(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_a_code_is_ten_letters_and_digits_whatever_the_message(message: str, key: bytes) -> None:
    assert re.fullmatch(r"[0-9A-Za-z]{10}", Links(lambda: key, PUBLIC).code(message))


def test_codes_depend_on_the_key_and_the_message_alone() -> None:
    codes = {
        Links(lambda key=key: key, PUBLIC).code(f"m{number}")  # type: ignore[misc]
        for key in (b"one", b"another")
        for number in range(2000)
    }
    assert len(codes) == 4000


def test_what_a_code_stands_for_ends_by_itself() -> None:
    debtor = Debtor()
    item = debtor.world.all_items()[f"LINK#{debtor.code}", "LINK"]
    assert item["expires"] == {"N": str(int(debtor.expires.timestamp()))}
    assert json.loads(item["doc"]["S"]) == {
        "account_id": "a1",
        "creditor": "andina",
        "message_id": MESSAGE,
        "expires": "2026-12-06T15:00:00Z",
    }


# ------------------------------------------------------------------------------- the page


def test_the_page_offers_every_way_to_pay_what_is_owed() -> None:
    page = Debtor().show()
    assert page.status == 200
    assert buttons(page) == {
        "Pay with Wompi": "/p/kQUceAIky1/pay/andina-wompi?currency=COP",
        "Pay with PayU": "/p/kQUceAIky1/pay/andina-payu?currency=COP",
    }
    text = seen(page)
    assert "Your account with Almacenes Andina" in text
    assert "+57 601 000 0001" in text
    assert "atencion@andina.example.com" in text
    assert "Almacenes Andina S.A.S., NIT 900.000.001-8" in text


def test_a_page_tells_nobody_whose_debt_it_is_or_how_much() -> None:
    """Whoever holds the link may be somebody else, to whom the debt is not disclosed."""
    debtor = Debtor()
    pages = [
        debtor.show(),
        debtor.show(query={"back": ""}),
        debtor.pay("andina-payu"),
        debtor.pay("nobody"),
        Debtor(debtor_of()).show(),
    ]
    debtor.expires = NOW
    debtor.world.table.save(debtor.links.put(debtor.world.table, debtor.link))
    pages.append(debtor.show())
    for page in pages:
        for kept in ("Ana", "Gómez", "ana@example.com", "doc-r", "a1", "3000000001"):
            assert kept not in page.body, kept
        assert not re.search(r"100[.,]?000|200[.,]?000", seen(page))


def debtor_of(*receivables: Any, **changes: Any) -> Account:
    account = debtor("a1", *receivables)
    if not receivables:
        account = replace(account, receivables=())
    return replace(account, **changes)


def test_the_page_is_in_the_language_of_the_account() -> None:
    page = Debtor(debtor_of(receivable(), language="es-CO")).show(languages="en")
    assert '<html lang="es">' in page.body
    assert "Pagar con Wompi" in buttons(page)
    assert '<html lang="en">' in Debtor(debtor_of(receivable(), language="fr")).show().body


def test_the_creditors_own_ways_to_pay_are_shown_in_that_language() -> None:
    told = {"es-CO": "En su banco,\nconvenio 12345.", "en": "At your bank."}
    andina = replace(rulebook().creditors["andina"], pay_instructions=told)
    changed = paying_online(creditors={"andina": andina})
    page = Debtor(debtor_of(receivable(), language="es-CO"), rulebook=changed).show()
    assert "Otras formas de pagar" in seen(page)
    assert "En su banco,<br>convenio 12345." in page.body


def test_two_currencies_are_told_apart_and_never_added() -> None:
    both = debtor_of(receivable("r1"), receivable("r2", currency="USD", open_minor=50_00))
    assert list(buttons(Debtor(both).show())) == [
        "Pay with Wompi in COP",
        "Pay with PayU in COP",
        "Pay with PayU in USD",
        "Pay with card (Stripe) in USD",
    ]


def test_without_a_provider_for_what_is_owed_the_page_says_how_else() -> None:
    page = Debtor(rulebook=paying_online(BOREAL, STRIPE)).show()
    assert buttons(page) == {}
    assert "it is not possible to pay through this link" in seen(page)
    assert "atencion@andina.example.com" in page.body


def test_whoever_has_just_paid_is_told_that_it_is_on_its_way() -> None:
    """L21: money under way is not asked for; a second payment would be the debtor's loss."""
    awaited = Awaited("p1", NOW - timedelta(hours=1), NOW + timedelta(hours=23), "andina")
    told = "there is nothing more you have to do"
    assert told in seen(Debtor(debtor_of(receivable(), awaited=(awaited,))).show())
    for other in (replace(awaited, creditor="boreal"), replace(awaited, until=NOW)):
        assert told not in seen(Debtor(debtor_of(receivable(), awaited=(other,))).show())


def test_whoever_comes_back_from_the_checkout_is_not_asked_again() -> None:
    page = Debtor().show(query={"back": "", "id": "01-1531", "env": "test"})
    assert page.status == 200
    assert buttons(page) == {}
    assert "Thank you" in seen(page)
    assert '<a href="kQUceAIky1">' in page.body


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [
        (-1, 200, "Your account with Almacenes Andina"),
        (0, 410, "This link is no longer active"),
        (1, 410, "This link is no longer active"),
    ],
)
def test_a_link_ends_at_its_instant(days: int, status: int, words: str) -> None:
    debtor = Debtor()
    debtor.world.clock.at = debtor.expires + timedelta(seconds=days)
    page = debtor.show()
    assert page.status == status
    assert words in seen(page)
    assert "atencion@andina.example.com" in page.body


@pytest.mark.parametrize("code", ["kQUceAIkyu", "kQUceAIky", "kQUceAIky1x", "../A#a1", "é" * 10])
def test_a_link_that_is_not_there_says_nothing_about_anybody(code: str) -> None:
    for act in ("show", "pay"):
        debtor = Debtor()
        visit = debtor.visit(code, languages="en-GB,en;q=0.8")
        shown = debtor.show(code, languages="en-GB,en;q=0.8")
        page = shown if act == "show" else debtor.opener().pay(visit, "andina-wompi")
        assert page.status == 404
        assert "We did not find this page" in seen(page)
        assert "Andina" not in page.body
        assert debtor.references() == {}


@pytest.mark.parametrize(
    ("languages", "lang"),
    [("", "es"), ("fr-CA,en;q=0.5", "en"), ("de", "es"), ("EN-us", "en"), ("es-419,en", "es")],
)
def test_a_page_about_nobody_speaks_as_the_browser_does(languages: str, lang: str) -> None:
    assert f'<html lang="{lang}">' in Debtor().show("0000000000", languages=languages).body


def test_a_strange_code_asks_the_table_for_nothing() -> None:
    calls = Faults()
    debtor = Debtor()
    debtor.show("x" * 5000, faults=calls)
    assert calls.calls == []


def test_a_creditor_that_is_not_there_any_more_has_no_page() -> None:
    creditors = {"boreal": rulebook().creditors["boreal"]}
    assert Debtor(rulebook=paying_online(creditors=creditors)).show().status == 404


def test_whatever_fails_the_debtor_sees_a_page() -> None:
    def fail() -> None:
        raise RuntimeError("Ana Gómez, 900123")

    debtor = Debtor()
    for number in (1, 2):
        page = debtor.show(faults=Faults(number, instead=fail), languages="en")
        assert page.status == 503
        assert "Something failed on our side, and nothing was taken from you." in seen(page)
    assert {code for code, _ in debtor.world.reports} == {"page_failed"}
    assert "Ana" not in str(debtor.world.reports)
    debtor.rulebook = None  # nothing was ever published
    assert debtor.show().status == 404


# ----------------------------------------------------------------------------- what is paid


def reminding_before() -> Rulebook:
    """A rulebook that reminds three days before the due date, so it looks so far ahead."""
    (ladder, *_) = rulebook().strategies
    before = replace(ladder.steps[0], day=-3, stage="pre_due")
    return replace(rulebook(), strategies=(replace(ladder, steps=(before,)),))


def test_it_is_what_a_message_would_ask_for_now() -> None:
    """What comes due soon is not asked for while anything is past due."""
    account = debtor_of(receivable("r1"), receivable("r2", late=1), receivable("r3", late=-2))
    assert to_pay(account, "andina", reminding_before(), NOW) == {"COP": 200_000_00}


def test_unapplied_credit_is_taken_off_per_creditor_and_currency() -> None:
    """L15: net, and nothing of another pot."""
    usd = receivable("r2", currency="USD", open_minor=50_00)
    account = debtor_of(receivable("r1"), usd)
    account = replace(account, credits={"andina|COP": 30_000_00, "boreal|USD": 10_00})
    assert to_pay(account, "andina", rulebook(), NOW) == {"COP": 70_000_00, "USD": 50_00}
    account = replace(account, credits={"andina|COP": 100_000_00})
    assert to_pay(account, "andina", rulebook(), NOW) == {"USD": 50_00}


def test_what_is_disputed_or_held_is_not_asked_for_here_either() -> None:
    account = debtor_of(receivable("r1"), receivable("r2", open_minor=70_000_00))
    account = replace(account, holds=(Hold("h", "dispute", NOW.date(), None, "r1"),))
    assert to_pay(account, "andina", rulebook(), NOW) == {"COP": 70_000_00}


def test_what_the_law_lets_nobody_ask_for_is_not_asked_for_here_either() -> None:
    """12 CFR 1006.34: its notice did not come in time."""
    spoken = replace(receivable("r2"), first_contact_at=NOW - timedelta(days=21))
    account = debtor_of(receivable("r1", open_minor=70_000_00), spoken, country="US")
    account = replace(account, zones=("America/New_York",))
    law = replace(rulebook(), contact_policies={"US": policy_of("US")})
    assert to_pay(account, "andina", law, NOW) == {"COP": 70_000_00}
    assert to_pay(account, "andina", rulebook(), NOW) == {"COP": 170_000_00}


def test_before_anything_is_past_due_it_is_what_comes_due_soon() -> None:
    soon, later = receivable("r1", late=-2), receivable("r2", late=-30)
    assert to_pay(debtor_of(soon, later), "andina", reminding_before(), NOW) == {"COP": 100_000_00}
    assert to_pay(debtor_of(later), "andina", reminding_before(), NOW) == {}


@pytest.mark.parametrize("act", ["show", "pay"])
def test_where_nothing_is_open_nothing_is_asked_for(act: str) -> None:
    debtor = Debtor(debtor_of())
    page = debtor.show() if act == "show" else debtor.pay("andina-wompi")
    assert page.status == 200
    assert "At the moment Almacenes Andina asks you for no payment" in seen(page)
    assert buttons(page) == {}
    assert debtor.references() == {}


def test_the_amount_is_read_at_the_press_and_not_from_the_message() -> None:
    debtor = Debtor()
    stored = debtor.world.table.get("a1")
    assert stored is not None
    (first, _) = stored.account.receivables
    paid = replace(stored.account, receivables=(replace(first, open_minor=40_000_00),))
    debtor.world.table.update(Change(stored, paid, NOW, ()))
    query = parse_qs(urlsplit(debtor.pay("andina-wompi").headers["Location"]).query)
    assert query["amount-in-cents"] == ["4000000"]


# ---------------------------------------------------------------------------- the checkout

REFERENCE = "kQUceAIky1MTRDAAO0"


def test_a_press_leads_to_the_checkout_under_a_reference_of_its_own() -> None:
    debtor = Debtor()
    page = debtor.pay("andina-wompi")
    assert page.status == 303
    assert page.body == ""
    location = urlsplit(page.headers["Location"])
    assert (location.scheme, location.netloc) == ("https", "checkout.wompi.co")
    signed = f"{REFERENCE}20000000COPtest_integrity_1"
    assert parse_qs(location.query) == {
        "public-key": ["pub_test_1"],
        "currency": ["COP"],
        "amount-in-cents": ["20000000"],
        "reference": [REFERENCE],
        "signature:integrity": [hashlib.sha256(signed.encode()).hexdigest()],
        "redirect-url": ["https://pay.example/p/kQUceAIky1?back"],
    }
    assert debtor.references() == {
        REFERENCE: {"account_id": "a1", "creditor": "andina", "receivables": ["r1", "r2"]}
    }
    item = debtor.world.all_items()[f"REF#{REFERENCE}", "REF"]
    assert item["expires"] == {"N": str(int((NOW + timedelta(days=90)).timestamp()))}


def test_the_reference_is_known_before_anybody_can_pay_with_it() -> None:
    """A webhook may be quicker than our own answer."""
    debtor = Debtor()
    known: list[int] = []

    class Watching(Api):
        def ask(self, question: Question) -> tuple[int, bytes]:
            known.append(len(debtor.references()))
            return super().ask(question)

    debtor.api = Watching(url="https://checkout.stripe.com/c/1")
    debtor.world.put(debtor_of(receivable("r1", currency="USD", open_minor=50_00)))
    assert (
        debtor.pay("shared-stripe", "USD").headers["Location"] == "https://checkout.stripe.com/c/1"
    )
    assert known == [1]


def test_every_press_has_another_reference() -> None:
    debtor = Debtor()
    for milliseconds in range(3):
        debtor.world.clock.at = NOW + timedelta(milliseconds=milliseconds)
        debtor.pay("andina-wompi")
    assert list(debtor.references()) == [
        "kQUceAIky1MTRDAAO0",
        "kQUceAIky1MTRDAAO1",
        "kQUceAIky1MTRDAAO2",
    ]


def test_a_providers_api_is_asked_for_its_checkout() -> None:
    debtor = Debtor(debtor_of(receivable("r1", currency="USD", open_minor=50_25)))
    page = debtor.pay("shared-stripe", "USD")
    assert (page.status, page.headers["Location"]) == (303, "https://checkout.stripe.com/c/1")
    (question,) = debtor.api.asked
    form = parse_qs(question.body.decode())
    assert form["client_reference_id"] == [REFERENCE]
    assert form["line_items[0][price_data][unit_amount]"] == ["5025"]
    assert form["line_items[0][price_data][product_data][name]"] == ["Payment to Almacenes Andina"]
    assert form["success_url"] == ["https://pay.example/p/kQUceAIky1?back"]
    assert question.headers["Idempotency-Key"] == REFERENCE
    assert b"ana" not in question.body.lower()


def test_a_form_checkout_moves_on_by_itself_and_by_a_button() -> None:
    page = Debtor().pay("andina-payu")
    assert page.status == 200
    assert "Continue to PayU" in seen(page)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.body))
    assert fields["referenceCode"] == REFERENCE
    assert (fields["amount"], fields["currency"]) == ("200000", "COP")
    assert fields["confirmationUrl"] == "https://pay.example/webhooks/andina-payu"
    assert fields["responseUrl"] == "https://pay.example/p/kQUceAIky1?back"
    assert fields["buyerFullName"] == ""
    (script,) = re.findall(r"<script>(.*?)</script>", page.body)
    assert script == "document.forms[0].submit()"


@pytest.mark.parametrize(
    ("provider", "currency"),
    [
        ("nobody", "COP"),
        ("boreal-wompi", "COP"),  # another creditor's
        ("andina-wompi", "USD"),
        ("andina-payu", "USD"),  # nothing is owed in it
        ("andina-wompi", ""),
        ("andina-epayco", "COP"),  # takes notices only
    ],
)
def test_a_way_to_pay_that_is_not_offered_leads_back(provider: str, currency: str) -> None:
    debtor = Debtor()
    page = debtor.pay(provider, currency)
    assert page.status == 404
    assert "Choose another way to pay" in seen(page)
    assert '<a href="../../kQUceAIky1">' in page.body
    assert debtor.references() == {}


@pytest.mark.parametrize(
    "how",
    [
        {"api": Api(500)},
        {"api": Api(200, url="javascript:alert(1)")},
        {"api": Api(200)},
        {"api": None},
        {"keys": Keys(other="x")},
    ],
)
def test_a_checkout_that_does_not_open_says_what_to_do(how: dict[str, Any]) -> None:
    debtor = Debtor(debtor_of(receivable("r1", currency="USD", open_minor=50_00)), **how)
    page = debtor.pay("shared-stripe", "USD")
    assert page.status == 503
    assert "Please try again in a few minutes." in seen(page)
    assert '<a href="../../kQUceAIky1">Try again</a>' in page.body
    ((code, about),) = debtor.world.reports
    assert code == "checkout_failed"
    assert set(about) == {"provider", "error", "raised_at"}


def test_an_amount_that_a_checkout_cannot_take_leads_to_another_way() -> None:
    """A tenth of a cent is no amount of PayU's; nothing is rounded away."""
    odd = replace(PAYU, currencies=("KWD",))
    debtor = Debtor(
        debtor_of(receivable("r1", currency="KWD", open_minor=1_234_567)),
        rulebook=paying_online(odd, replace(WOMPI, currencies=("KWD",))),
    )
    assert debtor.pay("andina-wompi", "KWD").status == 404  # Wompi takes pesos only
    assert debtor.world.reports == []


# ------------------------------------------------------------------------- the money comes


def test_a_payment_under_the_reference_finds_its_account() -> None:
    debtor = Debtor()
    debtor.pay("andina-wompi")
    world = debtor.world
    take = TakeNotice(world.table, world.clock, str, lambda _="": debtor.rulebook)
    notice = PaymentNotice(
        "andina-wompi", "e1", "approved", "01-1531", 200_000_00, "COP", REFERENCE, NOW
    )
    assert take(notice, WOMPI) == "booked"
    assert world.account().receivables == ()
    assert "At the moment Almacenes Andina asks you for no payment" in seen(debtor.show())


# ------------------------------------------------------------------------------- headers


def test_a_page_lets_a_browser_do_no_more_than_it_needs() -> None:
    debtor = Debtor()
    for page in (debtor.show(), debtor.pay("andina-payu"), debtor.show("0000000000")):
        headers = page.headers
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
        assert headers["X-Content-Type-Options"] == "nosniff"
        policy = dict(
            rule.partition(" ")[::2] for rule in headers["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert len(str(page.body).encode()) < 10_000
    assert debtor.pay("andina-wompi").headers["Referrer-Policy"] == "no-referrer"
    assert debtor.pay("andina-wompi").headers["Cache-Control"] == "no-store"


def test_only_the_page_that_moves_on_may_run_a_script_and_only_its_own() -> None:
    debtor = Debtor()
    assert "script-src" not in debtor.show().headers["Content-Security-Policy"]
    assert "'sha256-" in debtor.pay("andina-payu").headers["Content-Security-Policy"]
    assert "form-action 'none'" in debtor.show("0000000000").headers["Content-Security-Policy"]
    assert "form-action 'self' https:;" in debtor.show().headers["Content-Security-Policy"]


def test_what_operators_wrote_is_never_markup() -> None:
    evil = replace(
        rulebook().creditors["andina"],
        name='<script>alert(1)</script>"',
        pay_instructions={"en": "<img src=x onerror=alert(1)>"},
    )
    body = Debtor(rulebook=paying_online(creditors={"andina": evil})).show().body
    assert "<script" not in body
    assert "<img" not in body


# -------------------------------------------------------------------------- who pays online


@pytest.mark.parametrize(
    ("creditor", "currencies", "online"),
    [
        ("andina", ["COP"], True),
        ("andina", ["USD"], True),
        ("andina", ["EUR"], False),
        ("andina", ["EUR", "USD"], True),
        ("andina", [], False),
        ("boreal", ["COP"], True),
        ("boreal", ["USD"], True),  # the account that creditors share
        ("boreal", ["EUR"], False),
    ],
)
def test_a_debt_is_paid_online_if_a_provider_takes_its_creditor_and_currency(
    creditor: str, currencies: list[str], online: bool
) -> None:
    assert pays_online(Payments(providers=PROVIDERS), creditor, currencies) is online
    assert not pays_online(Payments(), creditor, currencies)
