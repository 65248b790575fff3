"""Somebody with a browser before the debtor's page: forms, cookies and redirects as a browser has
them, on the doubles of AWS."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.email import Email
from escalon.adapters.sms import Sms
from escalon.adapters.table import Table
from escalon.authoring.rulebook import load_rulebook
from escalon.domain.account import Account, Receivable
from escalon.domain.payments.payment import PaymentNotice
from escalon.domain.rules.rulebook import HoldKind, Rulebook
from escalon.pages.page import Page
from escalon.usecases.agreements.keep_document import KeepDocument
from escalon.usecases.agreements.manage_agreements import ManageAgreements
from escalon.usecases.contact.answers import Answers
from escalon.usecases.payments.payment_link import Link, Links, OpenPaymentLink, Visit
from escalon.usecases.payments.take_notice import TakeNotice
from escalon.usecases.portal.account import AccountPages
from escalon.usecases.portal.acts import PortalActs
from escalon.usecases.portal.agreements import AgreementPages
from escalon.usecases.portal.codes import Codes
from escalon.usecases.portal.disputes import DisputePages
from escalon.usecases.portal.door import Doors
from escalon.usecases.portal.own_agreements import OwnAgreementPages
from escalon.usecases.portal.session import Sessions
from escalon.usecases.portal.visit import VisitPortal
from tests.doubles.crashing import Crashing, Faults
from tests.doubles.world import NOW, TABLE, World, debtor, receivable
from tests.usecases.test_payment_link import (
    KEY,
    MESSAGE,
    PUBLIC,
    WOMPI,
    Api,
    Keys,
    paying_online,
    seen,
)

PORTAL_KEY = b"a key of the pages"
DOCUMENT = "1.098.765.432"  # its last four: 5432
ANSWER = "5432"


@cache
def portal_rulebook() -> Rulebook:
    """The tests' rulebook with what the shipped one offers to agree on."""
    shipped = load_rulebook(Path(__file__).parents[2] / "config", try_messages=False)
    holds = {"dispute": HoldKind(60), "vulnerable": HoldKind(90)}
    return replace(paying_online(), agreements=shipped.agreements, holds=holds)


def owing(*receivables: Receivable, **changes: Any) -> Account:
    """Ana, who owes 600,000 pesos since twenty days, unless told otherwise."""
    found = receivables or (receivable("r1", late=20, open_minor=600_000_00),)
    return replace(debtor("a1", *found), source_ref=DOCUMENT, language="es-CO", **changes)


def portal_of(
    world: World,
    opener: OpenPaymentLink,
    rulebook: Callable[[], Rulebook | None],
    sessions: Sessions | None = None,
    faults: Faults | None = None,
) -> VisitPortal:
    """The pages of one stack."""
    faults = faults or Faults()
    table = Table(Crashing(world.dynamo, faults), TABLE, 1, pause=lambda _: None)
    documents = Documents(Crashing(world.s3, faults), "bucket")
    sessions = sessions or Sessions(lambda: PORTAL_KEY, lambda: "0" * 32)
    doors, acts = Doors(table), PortalActs(table, world.clock)
    email, sms = Email(Crashing(world.ses, faults), "set"), Sms(Crashing(world.sns, faults))
    sending = Answers(table, documents, world.clock, world.report)
    codes = Codes(table, sessions, doors, email, sms, sending)
    agreements = ManageAgreements(table, lambda _: rulebook(), world.clock)
    papers = KeepDocument(table, documents, lambda _: rulebook(), world.clock, PUBLIC)
    return VisitPortal(
        table,
        opener,
        sessions,
        doors,
        codes,
        acts,
        AccountPages(table),
        AgreementPages(agreements, lambda: papers, codes, acts),
        OwnAgreementPages(agreements, lambda: papers, acts),
        DisputePages(acts, documents, sessions),
        world.report,
    )


class Stand:
    """One stack with a debtor and the link of a message."""

    def __init__(self, account: Account | None = None, *, faults: Faults | None = None) -> None:
        self.world = World()
        given = account or owing()
        self.world.put(replace(given, receivables=()), None)
        self.world.owe(*given.receivables, account_id=given.account_id)
        self.rulebook = portal_rulebook()
        self.links = Links(lambda: KEY, PUBLIC)
        self.code = self.give_link(given.account_id, MESSAGE)
        self.names = count(1)
        self.faults = faults or Faults()
        self.sessions = Sessions(lambda: PORTAL_KEY, self.nonce)
        self.portal, self.opener = self.build()

    def nonce(self) -> str:
        return f"{next(self.names):032x}"

    def give_link(self, account_id: str, message_id: str, **changes: Any) -> str:
        """A message with a link has gone to somebody; its code."""
        table = self.world.table
        at = self.world.clock.at
        made = Link(account_id, "andina", message_id, at + timedelta(days=90), "email")
        table.save(self.links.put(table, replace(made, **changes)))
        sent = {"message_id": message_id, "account_id": account_id, "to": "ana@example.com"}
        document = {**sent, "channel": "email", "state": "sent"}
        table.save(table.put_document(f"A#{account_id}", f"M#{message_id}", document))
        return self.links.code(message_id)

    def build(self) -> tuple[VisitPortal, OpenPaymentLink]:
        world, faults = self.world, self.faults
        table = Table(Crashing(world.dynamo, faults), TABLE, 1, pause=lambda _: None)
        opener = OpenPaymentLink(
            table, lambda _: self.rulebook, world.clock, str, Keys(), Api(), world.report
        )
        return portal_of(world, opener, lambda: self.rulebook, self.sessions, faults), opener

    def sent_code(self) -> str:
        """The code in the latest e-mail or SMS."""
        if self.world.ses.calls:
            body = self.world.ses.calls[-1]["Content"]["Raw"]["Data"].decode()
            return re.findall(r"(?m)^ +(\d{6})\r?$", body)[-1]
        return re.findall(r"\d{6}", self.world.sns.calls[-1]["Message"])[-1]


class Visitor:
    """One browser."""

    def __init__(self, stand: Stand | None = None, *, code: str = "", language: str = "") -> None:
        self.stand = stand or Stand()
        self.code = code or self.stand.code
        self.language = language
        self.cookie = ""
        self.page = Page(0, "", {})
        self.address = ""

    @property
    def base(self) -> str:
        return f"/p/{self.code}"

    @property
    def text(self) -> str:
        return seen(self.page)

    def visit(self, query: str = "", form: dict[str, Any] | None = None) -> Visit:
        fields = parse_qs(urlencode(form or {}, doseq=True), keep_blank_values=True)
        return Visit(
            self.code, PUBLIC, self.language, dict(parse_qsl(query, keep_blank_values=True)),
            fields, f"escalon={self.cookie}" if self.cookie else "", "203.0.113.9", "a phone",
        )  # fmt: skip

    def get(self, path: str = "") -> Page:
        parts = urlsplit(path)
        self.address = path
        page = parts.path.strip("/").removeprefix(f"p/{self.code}").strip("/")
        return self._took(self.stand.portal.get(self.visit(parts.query), page))

    def post(self, path: str, *, follow: bool = True, **form: Any) -> Page:
        """Send a form with what its page hides in it."""
        parts = urlsplit(path)
        hidden = {**self.hidden(), **{name.rstrip("_"): text for name, text in form.items()}}
        page = parts.path.strip("/").removeprefix(f"p/{self.code}").strip("/")
        answer = self._took(self.stand.portal.post(self.visit(parts.query, hidden), page))
        if follow and answer.status == 303 and answer.headers["Location"].startswith(self.base):
            return self.get(answer.headers["Location"])
        return answer

    def pays(self, agreement_id: str, minor: int) -> str:
        """By a button of the page, as the provider tells it; where the button led."""
        visit = self.visit(f"currency=COP&agreement={agreement_id}")
        to = self.stand.opener.pay(visit, "andina-wompi").headers["Location"]
        (reference,) = re.findall(r"reference=(\w+)", to)
        world, at = self.stand.world, self.stand.world.clock.at
        take = TakeNotice(world.table, world.clock, str, lambda _="": self.stand.rulebook)
        notice = PaymentNotice("andina-wompi", "e1", "approved", "w1", minor, "COP", reference, at)
        assert take(notice, WOMPI) == "booked"
        return to

    def hidden(self) -> dict[str, str]:
        """The token and the key of the page's forms."""
        if not isinstance(self.page.body, str):
            return {}
        found = re.findall(
            r'<input type="hidden" name="(token|key|shown|lang|to)" value="(\w*)">', self.page.body
        )
        return dict(found)

    def enter(self, answer: str = ANSWER) -> Page:
        """Through the identity check."""
        self.get()
        return self.post("enter", answer=answer)

    def links(self) -> dict[str, str]:
        """Where the page's links lead, by what they say."""
        body = str(self.page.body)
        found = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', body, re.DOTALL)
        return {
            " ".join(re.sub(r"<[^>]+>", " ", words).split()): unescape(to) for to, words in found
        }

    def _took(self, page: Page) -> Page:
        cookie = page.headers.get("Set-Cookie", "")
        if cookie:
            self.cookie = cookie.partition(";")[0].removeprefix("escalon=")
        self.page = page
        return page


__all__ = ["ANSWER", "NOW", "Stand", "Visitor", "owing", "portal_rulebook"]
