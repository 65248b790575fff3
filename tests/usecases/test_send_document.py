"""Send document: whoever agreed gets the PDF once, by the channel that reaches them."""

import email
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.email import Email
from escalon.adapters.sms import Sms
from escalon.adapters.table import Table
from escalon.domain.account import Consent, ContactPoint, Hold
from escalon.domain.contact.policy import Layer, Provenance, Stops
from escalon.domain.rules.rulebook import HoldKind, Rulebook
from escalon.domain.storage import Change
from escalon.usecases.agreements.send_document import SendDocument, answer_id
from escalon.usecases.contact.answers import Answers, NotYetError
from escalon.usecases.payments.payment_link import Links
from tests.doubles.crashing import Crash, Crashing, Faults, When
from tests.doubles.world import NOW, TABLE, OneRulebook, point
from tests.usecases.agreements_http import URL, AgreementsHttp

PLAN = {"offer": "plan", "first_on": "2026-09-20", "instalments": 3}
LINKS = Links(lambda: b"k" * 32, URL)


@pytest.fixture
def http() -> AgreementsHttp:
    return AgreementsHttp()


def agreed(http: AgreementsHttp) -> str:
    asked = {"key": "k1", "terms": PLAN, "accepted": {"channel": "phone"}}
    return str(http.call("POST", "/accounts/a1/agreements", asked)[1]["agreement_id"])


def sender(http: AgreementsHttp, faults: Faults | None = None) -> SendDocument:
    world, faults = http.world, faults or Faults()
    table = Table(Crashing(world.dynamo, faults), TABLE, 1, pause=lambda _: None)
    messages = Documents(Crashing(world.s3, faults), "bucket")
    return SendDocument(
        table,
        http.documents(faults),
        lambda _="": world.rulebook(),
        world.clock,
        LINKS,
        Answers(table, messages, world.clock, world.report),
        Email(Crashing(world.ses, faults), "set"),
        Sms(Crashing(world.sns, faults)),
    )


def reached_by(http: AgreementsHttp, *points: ContactPoint) -> None:
    stored = http.world.table.get("a1")
    assert stored is not None
    http.world.table.update(Change(stored, replace(stored.account, points=points), NOW, ()))


def ruled_by(http: AgreementsHttp, rules: Rulebook) -> None:
    http.world.rulebooks = OneRulebook(replace(rules, version="changed"))


def sent(http: AgreementsHttp) -> EmailMessage:
    """The one e-mail that left."""
    (call,) = http.world.ses.calls
    return email.message_from_bytes(call["Content"]["Raw"]["Data"], policy=default)


def attached(message: EmailMessage) -> dict[str, bytes]:
    return {
        str(part.get_filename()): bytes(part.get_payload(decode=True) or b"")
        for part in message.iter_attachments()
    }


def test_an_email_brings_the_very_document_that_is_kept(http: AgreementsHttp) -> None:
    agreement_id = agreed(http)
    assert sender(http)("a1", agreement_id) == "sent"
    message = sent(http)
    assert message["Subject"] == "Copy of your agreement with Almacenes Andina"
    assert message["To"].addresses[0].addr_spec == "ana@example.com"
    kept = http.world.s3.objects[f"agreements/a1/{agreement_id}.pdf"][0]
    assert attached(message) == {"agreement-2026-09-07.pdf": kept}
    part = message.get_body(("plain",))
    assert part is not None
    text = str(part.get_content()).replace("\r\n", "\n")
    assert "Total agreed: COP 300,000\nAgreed on September 7, 2026\n" in text
    assert f"Agreement no. {agreement_id}\n" in text
    assert "- September 20, 2026 · COP 100,000\n- October 20, 2026 · COP 100,000\n" in text
    link = LINKS.url(answer_id(agreement_id))
    assert f"See your account: {link}\n" in text
    # 12 CFR 1006.6(e): a way out in every electronic message that tells of a debt.
    assert f"Receive no more e-mails: {link}/stop\n" in text
    assert f"<{link}/stop>" in message["List-Unsubscribe"]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_its_link_leads_to_the_account_and_its_message_says_what_it_is(
    http: AgreementsHttp,
) -> None:
    agreement_id = agreed(http)
    sender(http)("a1", agreement_id)
    message_id = answer_id(agreement_id)
    (document,) = http.world.messages()
    assert (document["message_id"], document["kind"]) == (message_id, "agreement")
    assert (document["agreement_id"], document["state"]) == (agreement_id, "sent")
    assert document["receivables"] == []
    link = http.world.table.load(f"LINK#{LINKS.code(message_id)}", "LINK")
    assert link is not None
    assert (link["account_id"], link["message_id"], link["channel"]) == ("a1", message_id, "email")


def test_it_is_no_contact_and_leaves_the_account_as_it_is(http: AgreementsHttp) -> None:
    agreement_id = agreed(http)
    before = http.world.all_items()["A#a1", "A"]
    sender(http)("a1", agreement_id)
    assert http.world.all_items()["A#a1", "A"] == before


def test_where_there_is_no_address_an_sms_leads_to_the_page(http: AgreementsHttp) -> None:
    reached_by(http, point("sms", "+573000000001"))
    agreement_id = agreed(http)
    assert sender(http)("a1", agreement_id) == "sent"
    (call,) = http.world.sns.calls
    assert call["PhoneNumber"] == "+573000000001"
    assert call["Message"] == (
        "Almacenes Andina: your agreement is in force. Replies are not read. See it and download "
        f"your copy, or stop SMS: {LINKS.url(answer_id(agreement_id))}"
    )
    assert http.world.ses.calls == []
    # Its status comes back under the name that SNS gave it.
    pointer = http.world.table.load("SMS#provider-1", "SENT")
    assert pointer == {"account_id": "a1", "message_id": answer_id(agreement_id)}


REVOKED = Consent(revoked_at=NOW)


@pytest.mark.parametrize(
    ("points", "became"),
    [
        ((), "no_address"),
        ((replace(point("email"), failed="bounced"),), "no_address"),
        ((replace(point("email"), consent=REVOKED),), "no_address"),
        ((point("email", "nowhere"),), "no_address"),
        ((replace(point("email"), consent=REVOKED), point("sms", "+573000000001")), "sent"),
    ],
)
def test_what_is_closed_or_stopped_gets_nothing(
    http: AgreementsHttp, points: tuple[ContactPoint, ...], became: str
) -> None:
    agreement_id = agreed(http)
    reached_by(http, *points)
    assert sender(http)("a1", agreement_id) == became
    assert http.world.ses.calls == []


def test_nothing_is_brought_to_a_person_about_whom_the_law_says_silence(
    http: AgreementsHttp,
) -> None:
    agreement_id = agreed(http)
    rules = http.world.rulebook()
    before = rules.policy_for("CO")
    never = Layer("core", "base", stops=(Stops(Provenance("law"), ("deceased",)),))
    policies = {"*": replace(before, layers=(never, *before.layers))}
    ruled_by(
        http,
        replace(rules, holds={"deceased": HoldKind(stop="deceased")}, contact_policies=policies),
    )
    account = replace(http.world.account(), holds=(Hold("h", "deceased", NOW.date()),))
    http.world.put(account, NOW)
    assert sender(http)("a1", agreement_id) == "no_address"


def test_a_rulebook_without_the_message_sends_none(http: AgreementsHttp) -> None:
    agreement_id = agreed(http)
    rules = http.world.rulebook()
    without = {
        locale: {name: text for name, text in texts.items() if name != "agreement"}
        for locale, texts in rules.messages.items()
    }
    ruled_by(http, replace(rules, messages=without))
    assert sender(http)("a1", agreement_id) == "off"


def test_what_does_not_stand_is_not_confirmed(http: AgreementsHttp) -> None:
    made = http.call("POST", "/accounts/a1/agreements", {"key": "k1", "terms": PLAN})[1]
    assert sender(http)("a1", made["agreement_id"]) == "gone"  # offered, and no more
    assert sender(http)("a1", "g0") == "gone"
    assert sender(http)("a2", "g0") == "gone"


@pytest.mark.parametrize(("days", "became"), [(7, "sent"), (8, "too_old")])
def test_l8_what_was_agreed_long_ago_is_confirmed_to_nobody(
    http: AgreementsHttp, days: int, became: str
) -> None:
    agreement_id = agreed(http)
    http.world.clock.at += timedelta(days=days)
    assert sender(http)("a1", agreement_id) == became


# What is asked of the table, the buckets and the carrier for a document that is kept already.
CALLS = [
    *("get_item", "get_item", "get_item", "get_object", "put_object"),
    *("transact_write_items", "send_email", "transact_write_items"),
]


def test_the_document_and_the_exact_bytes_are_kept_before_anything_is_sent(
    http: AgreementsHttp,
) -> None:
    agreement_id, order = agreed(http), Faults()
    http.documents().keep("a1", agreement_id)
    sender(http, order)("a1", agreement_id)
    assert order.calls == CALLS
    (document,) = http.world.messages()
    (call,) = http.world.ses.calls
    assert http.world.s3.objects[document["kept_at"]][0] == call["Content"]["Raw"]["Data"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, len(CALLS) + 1))
def test_a_crash_at_any_call_sends_it_once_at_most(
    http: AgreementsHttp, number: int, when: When
) -> None:
    """Invariant 1"""
    agreement_id = agreed(http)
    http.documents().keep("a1", agreement_id)
    with pytest.raises(Crash):
        sender(http, Faults(number, when))("a1", agreement_id)
    claimed = number > 6 or (number, when) == (6, "after")
    http.world.clock.at += timedelta(minutes=20)
    settled = (number, when) == (8, "after")
    became = "again" if settled else "unknown" if claimed else "sent"
    assert sender(http)("a1", agreement_id) == became
    assert sender(http)("a1", agreement_id) == "again"
    assert len(http.world.ses.calls) == (0 if (number, when) in LOST else 1)


# Claimed, and the carrier was not called: nobody can tell, so nobody sends it again.
LOST = {(6, "after"), (7, "before")}


def test_what_the_carrier_did_not_take_is_sent_later_and_a_lost_answer_never_again(
    http: AgreementsHttp,
) -> None:
    agreement_id = agreed(http)
    http.world.ses.answers.append(EndpointConnectionError(endpoint_url="https://ses"))
    with pytest.raises(NotYetError):
        sender(http)("a1", agreement_id)
    http.world.ses.answers.append(ReadTimeoutError(endpoint_url="https://ses"))
    assert sender(http)("a1", agreement_id) == "unknown"
    assert sender(http)("a1", agreement_id) == "again"
    assert [code for code, _ in http.world.reports] == [
        *("agreement_released", "agreement_unknown")
    ]
    (message,), (task,) = http.world.messages(), http.world.table.listed("tasks")
    assert (task["kind"], task["about"]) == ("unknown_fate", message["message_id"])
