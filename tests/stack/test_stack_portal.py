"""A newcomer's story on a real deployment: the link of a message, the identity check, a plan that
is accepted with a code, its first instalment paid by a webhook, the second one not; and the account
that goes on where its rule says, with the agreement's document in hand (L14)."""

import email
import re
from dataclasses import dataclass
from datetime import date
from email.policy import default
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest
import urllib3
from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook, sealed
from escalon.domain.agreements.agreed import Agreement
from escalon_cli import payment_secrets
from escalon_cli.local.provider_stand_in import SECRETS, Payment, setting, webhook
from escalon_cli.local.stack import PROJECT, StackInfo
from escalon_cli.replay.play import verify_senders
from escalon_cli.waiting import until
from tests.doubles.publishing import put_in_force
from tests.stack.driving import Driver
from tests.stack.test_stack_collects import BOOK_MAPPING

DOCUMENT = "79000531"
BOOK = f"""\
document,name,segment,mail,mobile,invoice,issued,due,amount
{DOCUMENT},Rosa Ibáñez,consumer,rosa@example.com,+573000000531,FP-1,2026-07-20,2026-08-28,"600,000"
"""
MAPPING = BOOK_MAPPING.replace(
    "contacts:\n",
    "contacts:\n  - channel: email\n    address: mail\n"
    "    consent: {granted_on: always 2026-01-15, evidence: always signed order}\n",
)
MESSAGE_AT = "2026-09-07T15:15:00Z"  # 10 days late, a Monday, 10:15 in Bogotá
LAPSED_AT = "2026-11-03T15:15:00Z"  # the second of 22 October and its five days are over; a Tuesday
GATEWAY = "andina-gateway"


class Phone:
    """A browser: it keeps cookies, follows redirects and sends what forms hide."""

    def __init__(self, address: str) -> None:
        self.http = urllib3.PoolManager()
        self.address = address
        self.cookie = ""
        self.status = 0
        self.body = b""
        self.location = ""

    @property
    def text(self) -> str:
        return self.body.decode()

    def get(self, path: str = "") -> "Phone":
        return self._ask("GET", self._at(path))

    def post(self, path: str, **form: str) -> "Phone":
        hidden = dict(re.findall(r'name="(token|key|shown|lang)" value="(\w+)"', self.text))
        return self._ask("POST", self._at(path), urlencode({**hidden, **form}))

    def _at(self, path: str) -> str:
        return f"{self.address}/{path}" if path else self.address

    def _ask(self, method: str, url: str, body: str = "") -> "Phone":
        # API Gateway hands a file over as such to whoever says that they take one.
        headers = {
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "Cookie": self.cookie,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = self.http.request(
            method, url, body=body or None, headers=headers, redirect=False, timeout=30
        )
        if "Set-Cookie" in answer.headers:
            self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        self.status, self.body = answer.status, answer.data
        self.location = answer.headers.get("Location", "")
        if self.status == 303 and "/pay/" not in url:
            return self._ask("GET", urljoin(url, self.location))
        return self


@dataclass
class Story:
    """What there was to see."""

    door: str
    overview: str
    accepted: str
    paper: bytes
    paid: str
    broken: Agreement
    facts: list[str]
    steps: list[str]


def code_in(driver: Driver, account_id: str) -> str:
    """The one-time code of the latest e-mail."""
    mails = sorted(
        (driver.stack.folder / "ses").glob("*.eml"), key=lambda path: path.stat().st_mtime
    )
    for path in reversed(mails):
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        part = message.get_body(("plain",))
        found = re.findall(r"(?m)^ +(\d{6})\s*$", part.get_content() if part else "")
        if found and "rosa@example.com" in str(message["To"]):
            return str(found[0])
    raise AssertionError(f"no code was sent to {account_id}")


@pytest.fixture(scope="module")
def story(stack: StackInfo) -> Story:
    driver = Driver(stack)
    deployed = driver.deployed
    shipped = load_rulebook(PROJECT / "config", try_messages=False)
    gateway = setting(GATEWAY, "standard_webhooks", "andina", "")
    payments = replace(
        shipped.payments, providers={**shipped.payments.providers, GATEWAY: gateway}, feeds={}
    )
    creditors = {name: replace(one, feeds=()) for name, one in shipped.creditors.items()}
    rulebook = sealed(replace(shipped, payments=payments, creditors=creditors))
    verify_senders(deployed, put_in_force(deployed, rulebook))
    payment_secrets.add(deployed, GATEWAY, SECRETS["standard_webhooks"])
    keys = {"private_key": "prv_test_made_up", "integrity_secret": "test_integrity_made_up"}
    payment_secrets.set_api_key(deployed, "andina-wompi", keys)

    driver.at(MESSAGE_AT)
    report = driver.imported("rosa.csv", "rosa", MAPPING, BOOK.encode())
    assert (report["state"], report["refused"]) == ("done", 0)
    driver.swept(MESSAGE_AT)
    account_id = deployed.account_id(DOCUMENT)

    def link() -> str | None:
        for message in deployed.table.documents(f"A#{account_id}", "M#"):
            content = deployed.documents.get(message["kept_at"])
            if message["channel"] == "email":
                part = email.message_from_bytes(content, policy=default).get_body(("plain",))
                content = part.get_content().encode() if part else b""
            found = re.search(rb"https?://\S+/p/[0-9A-Za-z]{10}", content)
            if found:
                return found[0].decode()
        return None

    phone = Phone(until("A message with a link", link, seconds=60))
    door = phone.get().text
    overview = phone.post("enter", answer=DOCUMENT[-4:]).text
    terms = "offer=plan&count=2&every=month&currency=COP"
    point = phone.get(f"accept?{terms}").text
    point_id = re.findall(r'name="point" value="([^"]+)"', point)[0]
    phone.post(f"accept?{terms}", point=point_id)
    agreement_id = re.findall(r"accept\?id=(\w+)", phone.text)[0]
    accepted = phone.post(f"accept?id={agreement_id}", code=code_in(driver, account_id)).text
    paper = phone.get(f"paper?id={agreement_id}").body
    phone.get(f"agreement?id={agreement_id}")
    phone.post(f"pay/andina-wompi?currency=COP&agreement={agreement_id}")
    reference = parse_qs(urlsplit(phone.location).query)["reference"][0]
    pay_day = driver.at("2026-09-21T15:00:00Z")
    first = Payment("rosa-1", reference, 300_000_00, "COP", pay_day)
    notice = webhook("standard_webhooks", first, pay_day, SECRETS["standard_webhooks"])

    def told() -> bool | None:
        url = f"{deployed.outputs['ApiUrl']}/webhooks/{GATEWAY}"
        posted = phone.http.request("POST", url, body=notice.body, headers=notice.headers)
        return posted.status == 200 or None

    until("The gateway's secret", told, seconds=90)
    phone.get("")
    phone.post("enter", answer=DOCUMENT[-4:])
    paid = phone.get(f"agreement?id={agreement_id}").text

    driver.swept(LAPSED_AT)
    stored = deployed.table.get(account_id)
    assert stored is not None
    (broken,) = stored.account.agreements
    facts = [fact["fact"] for fact in deployed.history.of(account_id)]
    steps = [
        str(message["step"])
        for message in deployed.table.documents(f"A#{account_id}", "M#")
        if str(message["claimed_at"]) >= LAPSED_AT[:10]
    ]
    return Story(door, overview, accepted, paper, paid, broken, facts, steps)


def test_the_link_tells_nobody_anything_before_the_identity_check(story: Story) -> None:
    assert "Últimos 4 números o letras de su documento" in story.door
    assert "Rosa" not in story.door
    assert "600.000" not in story.door


def test_behind_it_stands_what_is_owed_and_why(story: Story) -> None:
    assert "Hola, Rosa Ibáñez" in story.overview
    assert "Documento FP-1" in story.overview


def test_a_plan_is_accepted_with_a_code_and_its_document_is_there(story: Story) -> None:
    assert "Gracias. Su acuerdo quedó aceptado" in story.accepted
    assert story.paper.startswith(b"%PDF-")


def test_the_first_instalment_counts(story: Story) -> None:
    assert "Pagada" in story.paid
    assert [moved.amount_minor for moved in story.broken.moved] == [300_000_00]


def test_the_second_lapses_and_the_account_goes_on_where_its_rule_says(story: Story) -> None:
    assert story.broken.state == "broken"
    assert story.broken.resume_at == "firm"
    assert story.broken.instalments[1].due_on == date(2026, 10, 22)
    assert story.steps == ["firm"]


def test_the_history_tells_all_of_it(story: Story) -> None:
    wanted: list[Any] = [
        *("portal_verified", "agreement_accepted", "portal_confirmed"),
        *("paid", "instalment_kept", "agreement_broken"),
    ]
    assert [name for name in wanted if name not in story.facts] == []
