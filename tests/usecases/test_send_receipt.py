"""Send a receipt: once at most, from the ledger's parts, to whoever may see it, never counted."""

import email
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.email import Email
from escalon.adapters.table import Table
from escalon.domain.account import Account, Consent, ContactPoint, Hold
from escalon.domain.contact.feedback import Event, Feedback
from escalon.domain.contact.policy import Layer, Provenance, Stops
from escalon.domain.contact.rules import Content
from escalon.domain.decisions.transitions import unknown_fate_id
from escalon.domain.payments import ledger
from escalon.domain.payments.payment import Incoming, PaymentState, Said
from escalon.domain.ports import Unknown
from escalon.domain.rules.rulebook import HoldKind, Payments, Rulebook
from escalon.domain.storage import Change, ConflictError
from escalon.domain.tasks import Outcome
from escalon.messages.errors import MessageError
from escalon.usecases.contact.answers import Answer, Answers, NotYetError
from escalon.usecases.contact.manage_tasks import CloseTask, ManageTasks
from escalon.usecases.contact.record_feedback import RecordFeedback
from escalon.usecases.operators.acts import Person
from escalon.usecases.payments.book_payments import BookPayments, OfAccount
from escalon.usecases.payments.send_receipt import SendReceipt, receipt_id
from tests.doubles.crashing import Crash, Crashing, Faults, When
from tests.doubles.world import NOW, TABLE, World, debtor, point, receivable, rulebook

PAYMENT = "andina-wompi:01-1531"
ANA = "ana@example.com"
FIRST, SECOND = receivable("r1"), receivable("r2", late=1, open_minor=50_000_00)


def with_receipts(**changes: Any) -> Rulebook:
    return replace(rulebook(), payments=Payments(receipts=True), **changes)


def paid(
    account: Account | None = None,
    amount_minor: int = 130_000_00,
    payer_email: str = "",
    **changes: Any,
) -> World:
    """A debtor of 100,000 and 50,000 pesos has paid 130,000 an hour ago."""
    world = World()
    world.put(account or debtor("a1", FIRST, SECOND))
    at = changes.pop("paid_at", NOW - timedelta(hours=1))
    state = PaymentState(approved=Said(amount_minor, at), **changes)
    book(world, Incoming(PAYMENT, "andina-wompi", "COP", at, state, payer_email=payer_email))
    return world


def book(world: World, *money: Incoming) -> None:
    stored = world.table.get("a1")
    booked = world.table.around("a1", (), [one.payment_id for one in money]).booked
    own = OfAccount("a1", stored, list(money), booked=booked)
    BookPayments(world.table, world.clock, lambda ref: ref, lambda _="": with_receipts())(own)


def sender(world: World, faults: Faults | None = None, of: Rulebook | None = None) -> SendReceipt:
    faults = faults or Faults()
    return SendReceipt(
        Table(Crashing(world.dynamo, faults), TABLE, 1, pause=lambda _: None),
        Documents(Crashing(world.s3, faults), "bucket"),
        lambda _="": of or with_receipts(),
        world.clock,
        Email(Crashing(world.ses, faults), "set"),
        world.report,
    )


def sent(world: World) -> EmailMessage:
    """The one e-mail that left."""
    (call,) = world.ses.calls
    return email.message_from_bytes(call["Content"]["Raw"]["Data"], policy=default)


def text(world: World) -> str:
    part = sent(world).get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


# ------------------------------------------------------------------------------ what it says


def test_a_receipt_says_what_the_payment_settled_and_what_is_open_after_it() -> None:
    world = paid()
    assert sender(world)("a1", PAYMENT) == "sent"
    told = text(world)
    assert "We have received: COP 130,000\nPaid on September 7, 2026\n" in told
    assert "Payment number: 01-1531\n" in told
    assert "- doc-r1 · COP 100,000\n- doc-r2 · COP 30,000\n" in told
    assert "Balance of your account with Almacenes Andina: COP 20,000\n" in told
    assert "credit" not in told
    # 12 CFR 1006.6(e), without a link: it may have gone to somebody else's address.
    way_out = "To change the channel, or to receive no more messages through this one, write to "
    assert way_out in " ".join(told.split())
    assert "mailto:" in sent(world)["List-Unsubscribe"]
    assert "/p/" not in told


def test_a_receivable_that_is_settled_whole_is_named_by_its_document() -> None:
    """It is not part of the account any more, and its item is asked for its number."""
    world = paid()
    assert [r.receivable_id for r in world.account().receivables] == ["r2"]
    sender(world)("a1", PAYMENT)
    assert "doc-r1" in text(world)


def test_components_are_told_apart() -> None:
    world = World()
    world.put(debtor("a1", FIRST))
    stored = world.table.get("a1")
    assert stored is not None
    charged = ledger.charge_extra(
        stored.account, FIRST, "interest", 2_500_00, booked_at=NOW, cause="september"
    )
    world.table.update(Change(stored, charged.account, NOW, ()))
    state = PaymentState(approved=Said(50_000_00, NOW))
    book(world, Incoming(PAYMENT, "andina-wompi", "COP", NOW, state))
    sender(world)("a1", PAYMENT)
    assert "- doc-r1 · COP 50,000\n  Interest: COP 2,500\n  Principal: COP 47,500\n" in text(world)
    assert "COP 52,500" in text(world)


def test_money_beyond_what_was_open_is_told_as_credit() -> None:
    world = paid(amount_minor=180_000_00)
    sender(world)("a1", PAYMENT)
    told = text(world)
    assert "- Stays as credit in your favour · COP 30,000\n" in told
    assert "Your account with Almacenes Andina has no open balance.\n" in told
    assert "Unapplied credit in your favour: COP 30,000\n" in told


def test_other_creditors_and_what_is_beyond_the_twenty_oldest_are_kept_apart() -> None:
    many = [receivable(f"r{n:02}", late=30 - n, open_minor=1_000_00) for n in range(24)]
    world = World()
    world.put(debtor("a1", receivable("b1", creditor="boreal")))
    stored = world.table.get("a1")
    assert stored is not None
    account = ledger.embed(stored.account, [*many, *stored.account.receivables])
    puts = [world.table.put_receivable("a1", r) for r in many]
    world.table.update(Change(stored, account, NOW, ()), *puts)
    state = PaymentState(approved=Said(1_500_00, NOW))
    book(world, Incoming(PAYMENT, "andina-wompi", "COP", NOW, state, creditor="andina"))
    sender(world)("a1", PAYMENT)
    assert "Almacenes Andina: COP 22,500\n" in text(world)


def test_a_receipt_is_in_the_language_of_the_account() -> None:
    world = paid(replace(debtor("a1", FIRST), language="es-CO"), 40_000_00)
    sender(world)("a1", PAYMENT)
    assert sent(world)["Subject"] == "Recibo de su pago a Almacenes Andina"
    assert "Recibimos: $ 40.000\n" in text(world)


def test_a_payment_that_was_partly_refunded_before_is_confirmed_for_the_rest() -> None:
    at = NOW - timedelta(minutes=5)
    world = paid(refunded=Said(30_000_00, at))
    sender(world)("a1", PAYMENT)
    assert "We have received: COP 100,000\n" in text(world)


# ------------------------------------------------------------------------------- to whom


def test_the_exact_bytes_are_kept_before_they_are_sent_and_the_message_says_where() -> None:
    world, order = paid(), Faults()
    sender(world, order)("a1", PAYMENT)
    assert order.calls == [
        *("get_item", "batch_get_item", "batch_get_item", "put_object"),
        *("transact_write_items", "send_email", "transact_write_items"),
    ]
    (document,) = world.messages()
    (call,) = world.ses.calls
    assert world.s3.objects[document["kept_at"]][0] == call["Content"]["Raw"]["Data"]
    assert document["state"] == "sent"
    assert document["provider_message_id"] == "provider-1"
    assert (document["kind"], document["payment_id"]) == ("receipt", PAYMENT)
    assert document["to"] == ANA
    assert call["FromEmailAddress"] == "cuentas@andina.example.com"
    assert call["Destination"] == {"ToAddresses": [ANA]}
    assert {"Name": "message_id", "Value": receipt_id(PAYMENT)} in call["EmailTags"]


def test_the_payers_own_address_comes_first() -> None:
    world = paid(payer_email=" Ana@Example.com")
    sender(world)("a1", PAYMENT)
    assert world.ses.calls[0]["Destination"] == {"ToAddresses": ["Ana@Example.com"]}
    assert "doc-r1" in text(world)  # it is hers, however it is written


def test_a_payer_who_is_somebody_else_learns_of_the_money_alone() -> None:
    world = paid(payer_email="brother@example.org")
    sender(world)("a1", PAYMENT)
    assert world.ses.calls[0]["Destination"] == {"ToAddresses": ["brother@example.org"]}
    told = text(world)
    assert "COP 130,000" in told
    for kept in ("Ana", "Gómez", "doc-", "20,000", "alance"):
        assert kept not in told
    assert "Ana" not in str(sent(world)["To"])


REVOKED = Consent(revoked_at=NOW)


@pytest.mark.parametrize(
    ("payer_email", "points", "to"),
    [
        ("XXXXXXXXXXX", (point("email"),), ANA),  # a provider that hides it
        ("a@b", (point("email"),), ANA),
        ("", (point("sms"), point("email")), ANA),
        ("", (replace(point("email", "old@example.com"), failed="bounced"), point("email")), ANA),
        ("old@example.com", (ContactPoint("p", "email", "OLD@example.com", failed="bounced"),), ""),
        ("", (replace(point("email", "no@example.com"), consent=REVOKED), point("email")), ANA),
        ("", (replace(point("email"), consent=Consent()),), ANA),
        ("", (replace(point("email"), consent=REVOKED),), ""),
        (ANA, (replace(point("email"), consent=REVOKED),), ""),
        ("Ana@Example.com", (replace(point("email"), consent=REVOKED),), ""),
        ("brother@example.org", (replace(point("email"), consent=REVOKED),), "brother@example.org"),
        ("", (point("email", "nowhere"),), ""),
        ("", (point("sms"),), ""),
        ("", (), ""),
    ],
)
def test_the_address_works_and_nobody_has_revoked_it(
    payer_email: str, points: tuple[ContactPoint, ...], to: str
) -> None:
    world = paid(debtor("a1", FIRST, SECOND, points=points), payer_email=payer_email)
    became = sender(world)("a1", PAYMENT)
    assert became == ("sent" if to else "no_address")
    assert [c["Destination"]["ToAddresses"] for c in world.ses.calls] == ([[to]] if to else [])
    assert len(world.messages()) == len(world.ses.calls)


@pytest.mark.parametrize(("payer_email", "shown"), [(ANA, True), ("brother@example.org", False)])
def test_what_a_law_says_of_every_kind_of_message_stands_in_the_debtors_receipt(
    payer_email: str, shown: bool
) -> None:
    """Whoever else paid learns nothing of the account, not even by whose law it is."""
    world = paid(payer_email=payer_email)
    rule = Content(
        Provenance("law"),
        require=("rights_notice",),
        say={"rights_notice": {"en": "You may complain to the authority."}},
    )
    before = with_receipts().policy_for("CO")
    law = Layer("law", "country", content=(rule,))
    by = with_receipts(contact_policies={"*": replace(before, layers=(law, *before.layers))})
    assert sender(world, of=by)("a1", PAYMENT) == "sent"
    assert ("You may complain to the authority." in text(world)) is shown


@pytest.mark.parametrize("payer_email", ["", ANA, "brother@example.org"])
def test_nobody_confirms_anything_to_a_person_about_whom_the_law_says_silence(
    payer_email: str,
) -> None:
    """A receipt is exempt from hours and caps, never from a stop of everything."""
    gone = Hold("h", "deceased", NOW.date())
    world = paid(replace(debtor("a1", FIRST, SECOND), holds=(gone,)), payer_email=payer_email)
    never = Layer("core", "base", stops=(Stops(Provenance("law"), ("deceased",)),))
    before = with_receipts().policy_for("CO")
    by = with_receipts(
        holds={"deceased": HoldKind(stop="deceased")},
        contact_policies={"*": replace(before, layers=(never, *before.layers))},
    )
    assert sender(world, of=by)("a1", PAYMENT) == "no_address"
    assert world.ses.calls == []


@pytest.mark.parametrize(("payer_email", "became"), [(ANA, "no_address"), ("b@c.org", "sent")])
def test_whoever_refused_email_gets_none_and_others_who_pay_do(
    payer_email: str, became: str
) -> None:
    refusing = replace(debtor("a1", FIRST, SECOND), refused_channels=("email",))
    world = paid(refusing, payer_email=payer_email)
    assert sender(world)("a1", PAYMENT) == became
    assert len(world.ses.calls) == (became == "sent")


# ------------------------------------------------------------------------------- whether


def test_nothing_is_sent_where_the_rulebook_sends_no_receipts() -> None:
    world = paid()
    assert sender(world, of=rulebook())("a1", PAYMENT) == "off"
    unpublished = SendReceipt(
        world.table,
        Documents(world.s3, "bucket"),
        lambda _="": None,
        world.clock,
        Email(world.ses, "set"),
        world.report,
    )
    assert unpublished("a1", PAYMENT) == "off"
    assert world.ses.calls == []


@pytest.mark.parametrize(
    ("age", "became"),
    [
        (timedelta(days=7) - timedelta(seconds=1), "sent"),
        (timedelta(days=7), "sent"),
        (timedelta(days=7, seconds=1), "too_old"),
        (timedelta(days=400), "too_old"),
    ],
)
def test_l8_the_history_that_an_import_brings_mails_nobody(age: timedelta, became: str) -> None:
    world = paid(paid_at=NOW - age)
    assert sender(world)("a1", PAYMENT) == became
    assert len(world.ses.calls) == (became == "sent")


def test_money_that_went_again_is_not_confirmed_and_neither_is_its_going() -> None:
    world = paid(voided=True)
    assert sender(world)("a1", PAYMENT) == "gone"
    world = paid()
    book(world, Incoming(PAYMENT, "andina-wompi", "COP", NOW, PaymentState(voided=True)))
    assert sender(world)("a1", PAYMENT) == "gone"
    assert sender(world)("a1", "nobody-knows-it") == "gone"
    assert sender(world)("a2", PAYMENT) == "gone"
    assert world.ses.calls == []


def test_money_that_came_back_after_a_chargeback_is_not_confirmed_twice() -> None:
    """Its fact is `paid` a second time."""
    world = paid()
    sender(world)("a1", PAYMENT)
    book(world, Incoming(PAYMENT, "andina-wompi", "COP", NOW, PaymentState(voided=True)))
    assert sender(world)("a1", PAYMENT) == "again"
    assert len(world.ses.calls) == 1


def test_a_payment_that_is_still_being_spread_waits() -> None:
    world = paid()
    stored = world.table.get("a1")
    assert stored is not None
    spreading = replace(stored.account, spreading=(PAYMENT,))
    stored = world.table.update(Change(stored, spreading, NOW, ()))
    with pytest.raises(NotYetError):
        sender(world)("a1", PAYMENT)
    world.table.update(Change(stored, replace(spreading, spreading=()), NOW, ()))
    assert sender(world)("a1", PAYMENT) == "sent"


def test_a_template_that_fails_sends_nothing_and_claims_nothing() -> None:
    broken = {
        name: {**t, "receipt": "{% block subject %}"} for name, t in rulebook().messages.items()
    }
    world = paid()
    with pytest.raises(MessageError):
        sender(world, of=with_receipts(messages=broken))("a1", PAYMENT)
    assert world.messages() == []
    assert sender(world)("a1", PAYMENT) == "sent"  # mended, and handed over again


# ----------------------------------------------------------------- counted by nobody


def test_a_receipt_is_no_contact_and_leaves_the_account_as_it_is() -> None:
    """Contact law: confirmations are outside the caps, so a receipt must not use one up either."""
    world = paid(amount_minor=30_000_00)
    before = world.all_items()["A#a1", "A"]
    assert sender(world)("a1", PAYMENT) == "sent"
    assert world.all_items()["A#a1", "A"] == before
    assert world.account().contacts == ()
    world.run(NOW)  # one contact a day is allowed, and it is still there
    assert [c.message_id for c in world.account().contacts] == [
        m["message_id"] for m in world.messages() if m["step"] == "friendly"
    ]
    assert len(world.ses.calls) == 2


# --------------------------------------------------------------------------- at most once


def test_a_fact_that_comes_twice_sends_one_receipt() -> None:
    world = paid()
    assert [sender(world)("a1", PAYMENT) for _ in range(3)] == ["sent", "again", "again"]
    assert len(world.ses.calls) == 1


def test_two_at_once_send_one_receipt() -> None:
    world = paid()
    other: list[str] = []
    at_the_claim = Faults(5, "before", instead=lambda: other.append(sender(world)("a1", PAYMENT)))
    with pytest.raises(ConflictError):
        sender(world, at_the_claim)("a1", PAYMENT)
    assert at_the_claim.calls[4] == "transact_write_items"
    assert other == ["sent"]
    assert len(world.ses.calls) == 1


def until_quiet(world: World, faults: Faults) -> str:
    """What SQS does: hand over again six minutes after whoever took it died or gave up."""
    for _ in range(8):
        try:
            return sender(world, faults)("a1", PAYMENT)
        except (NotYetError, ConflictError, Crash):
            world.clock.at += timedelta(minutes=6)
    raise AssertionError("it never came to rest")


CALLS = 7


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, CALLS + 1))
def test_l2_a_crash_at_any_call_sends_one_receipt_at_most(number: int, when: When) -> None:
    world, faults = paid(), Faults(number, when)
    became = until_quiet(world, faults)
    assert faults.happened
    assert len(world.ses.calls) <= 1
    (document,) = world.messages()
    claimed = number > 5 or (number == 5 and when == "after")
    assert document["state"] == (
        "sent" if not claimed or (number, when) == (7, "after") else "unknown"
    )
    assert became == (
        "sent" if not claimed else "again" if number == 7 and when == "after" else "unknown"
    )
    # Whoever tries for ever after sends nothing either.
    assert sender(world)("a1", PAYMENT) == "again"
    assert len(world.ses.calls) <= 1


def test_a_crash_is_tried_at_every_call() -> None:
    faults = Faults()
    sender(paid(), faults)("a1", PAYMENT)
    assert len(faults.calls) == CALLS


def note(world: World, **more: Any) -> None:
    """What the carrier's feedback writes on the message."""
    (document,) = world.messages()
    del document["_account_id"]
    pk, sk, version = "A#a1", f"M#{document['message_id']}", document["version"]
    put = world.table.put_document(pk, sk, {**document, **more, "version": version + 1})
    world.table.replace(put, version)


def test_feedback_that_is_quicker_than_the_answer_stands() -> None:
    world = paid()
    told = {"bounced": {"at": "2026-09-07T15:00:00Z"}}
    quicker = Faults(6, "after", instead=lambda: note(world, state="bounced", told=told))
    assert sender(world, quicker)("a1", PAYMENT) == "sent"
    (document,) = world.messages()
    assert document["state"] == "bounced"
    assert document["told"] == told
    assert document["provider_message_id"] == "provider-1"


def test_feedback_that_comes_while_the_answer_is_weighed_stands_too() -> None:
    """The document is written on the version that was read, however often that moves."""
    world = paid()

    reads: list[str] = []
    real_load = world.table.load
    # The fifth call is to SES: the first, a load, goes past the faults.
    send = sender(world, Faults(5, "after", instead=lambda: note(world, state="delivered")))

    def load(pk: str, sk: str) -> Any:
        found = real_load(pk, sk)
        if found is not None and found["state"] == "delivered" and not reads:
            reads.append(sk)
            note(world, state="bounced")
        return found

    send._table.load = load  # type: ignore[method-assign]
    assert send("a1", PAYMENT) == "sent"
    assert reads
    (document,) = world.messages()
    assert (document["state"], document["provider_message_id"]) == ("bounced", "provider-1")


def test_what_a_carrier_tells_of_a_receipt_is_written_on_what_its_sender_wrote() -> None:
    world = paid()
    sender(world)("a1", PAYMENT)
    (document,) = world.messages()
    recorder = RecordFeedback(
        world.table, world.rulebooks, Documents(world.s3, "bucket"), world.clock, "t", world.report
    )
    told = Feedback("email", "bounced", NOW, "provider-1", "a1", document["message_id"])
    assert recorder.record(told, 1) == "bounced"
    (after,) = world.messages()
    assert (after["state"], after["version"]) == ("bounced", document["version"] + 1)
    # And whoever read it before cannot write it back.
    pk, sk = "A#a1", f"M#{document['message_id']}"
    with pytest.raises(ConflictError):
        world.table.replace(world.table.put_document(pk, sk, document), document["version"])


def test_feedback_keeps_what_the_sender_wrote_between_its_look_and_its_write() -> None:
    """A receipt's sender leaves the account alone, so the account's version protects nothing."""
    world = paid()
    sender(world)("a1", PAYMENT)
    (document,) = world.messages()
    table = Table(world.dynamo, TABLE, 1)
    load_many, wrote = table.load_many, []

    def meanwhile(keys: Any) -> Any:
        found = load_many(keys)
        if not wrote:
            wrote.append(True)
            note(world, provider_message_id="told late")
        return found

    table.load_many = meanwhile  # type: ignore[method-assign]
    recorder = RecordFeedback(
        table, world.rulebooks, Documents(world.s3, "bucket"), world.clock, "t", world.report
    )
    told = Feedback("email", "delivered", NOW, "provider-1", "a1", document["message_id"])
    assert recorder.record(told, 1) == "delivered"
    (after,) = world.messages()
    assert (after["state"], after["provider_message_id"]) == ("delivered", "told late")


def test_feedback_settles_what_a_crash_left_open() -> None:
    world = paid()
    with pytest.raises(Crash):
        sender(world, Faults(6, "after"))("a1", PAYMENT)
    note(world, state="delivered")
    world.clock.at = NOW + timedelta(minutes=20)
    assert sender(world)("a1", PAYMENT) == "again"
    assert [m["state"] for m in world.messages()] == ["delivered"]
    assert len(world.ses.calls) == 1


def refused(code: str, status: int = 400) -> ClientError:
    about: Any = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(about, "SendEmail")


@pytest.mark.parametrize(
    "answer", [refused("ThrottlingException", 429), EndpointConnectionError(endpoint_url="x")]
)
def test_what_certainly_did_not_leave_is_tried_again(answer: Exception) -> None:
    world = paid()
    world.ses.answers.append(answer)
    with pytest.raises(NotYetError):
        sender(world)("a1", PAYMENT)
    assert [m["state"] for m in world.messages()] == ["released"]
    assert sender(world)("a1", PAYMENT) == "sent"
    assert [m["state"] for m in world.messages()] == ["sent"]
    assert len(world.ses.calls) == 1


@pytest.mark.parametrize(
    ("answer", "became"),
    [
        (refused("MessageRejected"), "failed"),
        (refused("InternalServerError", 500), "unknown"),
        (ReadTimeoutError(endpoint_url="x"), "unknown"),
    ],
)
def test_what_may_have_left_or_never_will_is_not_tried_again(
    answer: Exception, became: str
) -> None:
    world = paid()
    world.ses.answers.append(answer)
    assert sender(world)("a1", PAYMENT) == became
    assert [m["state"] for m in world.messages()] == [became]
    assert [code for code, _ in world.reports] == [f"receipt_{became}"]
    assert sender(world)("a1", PAYMENT) == "again"
    assert world.ses.calls == []


@pytest.mark.parametrize(("minutes", "became"), [(14, None), (15, "unknown"), (16, "unknown")])
def test_a_claim_is_given_up_on_after_a_quarter_of_an_hour(
    minutes: int, became: str | None
) -> None:
    world = paid()
    with pytest.raises(Crash):
        sender(world, Faults(6, "before"))("a1", PAYMENT)
    world.clock.at = NOW + timedelta(minutes=minutes)
    if became is None:
        with pytest.raises(NotYetError):
            sender(world)("a1", PAYMENT)
    else:
        assert sender(world)("a1", PAYMENT) == became
        assert world.reports == [
            (
                "receipt_unknown",
                {"message_id": receipt_id(PAYMENT), "channel": "email", "reason": "lost"},
            )
        ]
    assert world.ses.calls == []


# --------------------------------------------------------------- whose fate nobody knows (L2)


def lost() -> World:
    """A receipt that SES may have taken: its answer was lost."""
    world = paid()
    world.ses.answers.append(ReadTimeoutError(endpoint_url="x"))
    assert sender(world)("a1", PAYMENT) == "unknown"
    return world


def died() -> World:
    """Whoever claimed the receipt died before its call, and it was handed over again."""
    world = paid()
    with pytest.raises(Crash):
        sender(world, Faults(6, "before"))("a1", PAYMENT)
    world.clock.at = NOW + timedelta(minutes=15)
    assert sender(world)("a1", PAYMENT) == "unknown"
    return world


@pytest.mark.parametrize("start", [lost, died])
def test_l2_a_lost_answer_goes_to_a_person(start: Callable[[], World]) -> None:
    world = start()
    before = paid().all_items()["A#a1", "A"]
    (task,) = world.table.listed("tasks")
    assert task == {
        "_pk": "A#a1",
        "task_id": unknown_fate_id("a1", receipt_id(PAYMENT)),
        "account_id": "a1",
        "kind": "unknown_fate",
        "creditor": "andina",
        "receivable_id": "",
        "step": "receipt",
        "stage": "",
        "script": "",
        "approval": "",
        "channel": "task",
        "about": receipt_id(PAYMENT),
        "queue": "",
        "opened_at": "2026-09-07T15:00:00Z" if start is lost else "2026-09-07T15:15:00Z",
        "due_at": "2026-09-08T15:00:00Z" if start is lost else "2026-09-08T15:15:00Z",
        "run_id": "",
    }
    (fact,) = world.facts("a1", "opened")
    assert (fact["task"], fact["intent_id"]) == ("unknown_fate", receipt_id(PAYMENT))
    after = world.all_items()["A#a1", "A"]
    assert {name: after[name] for name in ("doc", "look_at")} == {
        name: before[name] for name in ("doc", "look_at")
    }
    assert sender(world)("a1", PAYMENT) == "again"
    assert len(world.tasks()) == len(world.facts("a1", "opened")) == 1


def recorder(world: World) -> RecordFeedback:
    documents = Documents(world.s3, "bucket")
    return RecordFeedback(world.table, world.rulebooks, documents, world.clock, "t", world.report)


@pytest.mark.parametrize(
    ("outcome", "state"), [("delivered", "delivered"), ("not_delivered", "failed")]
)
def test_l2_a_person_settles_what_nobody_knew_of_a_receipt(outcome: Outcome, state: str) -> None:
    world = lost()
    tasks = ManageTasks(world.table, recorder(world), lambda _: with_receipts(), world.clock)
    (task,) = tasks.listed(10).tasks
    assert task["outcomes"] == ("delivered", "not_delivered")
    order = CloseTask("k1", "asked her", "a1", task["task_id"], outcome)
    assert tasks.close(order, Person("arn:ana", "agent")) is False
    assert [m["state"] for m in world.messages()] == [state]
    assert tasks.listed(10).tasks == ()
    assert [p.failed for p in world.account().points] == ["", "", ""]


@pytest.mark.parametrize("what", ["sent", "delivered", "bounced"])
def test_l2_the_carriers_own_word_settles_it_before(what: Event) -> None:
    world = lost()
    told = Feedback("email", what, NOW, "provider-1", "a1", receipt_id(PAYMENT))
    assert recorder(world).record(told, 1) == what
    assert [m["state"] for m in world.messages()] == [what]
    assert list(world.table.listed("tasks")) == []
    assert [f["outcome"] for f in world.facts("a1", "task_closed")] == [what]


def test_a_carrier_that_was_quicker_than_the_lost_answer_leaves_nothing_to_find_out() -> None:
    world = paid()
    world.ses.answers.append(ReadTimeoutError(endpoint_url="x"))
    quicker = Faults(6, "before", instead=lambda: note(world, state="delivered"))
    assert sender(world, quicker)("a1", PAYMENT) == "unknown"
    assert [m["state"] for m in world.messages()] == ["delivered"]
    assert world.tasks() == []


@pytest.mark.parametrize("number", [7, 8])
def test_money_that_comes_while_the_task_is_opened_is_not_lost(number: int) -> None:
    """The account says that a task was opened, on the version that it had just then."""
    world = paid()
    world.ses.answers.append(ReadTimeoutError(endpoint_url="x"))

    def money() -> None:
        world.put(replace(world.account(), credits={"andina|COP": 5}))

    assert sender(world, Faults(number, "after", instead=money))("a1", PAYMENT) == "unknown"
    assert world.account().credits == {"andina|COP": 5}
    assert len(world.tasks()) == len(world.facts("a1", "opened")) == 1
    assert [m["state"] for m in world.messages()] == ["unknown"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 9))
def test_l2_whatever_crashes_a_lost_answer_has_its_task_once(number: int, when: When) -> None:
    """Nothing lost and nothing twice: the state and the task are one write."""
    world, faults = paid(), Faults(number, when)
    world.ses.answers.append(ReadTimeoutError(endpoint_url="x"))
    world.ses.answers.append(ReadTimeoutError(endpoint_url="x"))
    until_quiet(world, faults)
    assert faults.happened
    assert [m["state"] for m in world.messages()] == ["unknown"]
    assert [t["about"] for t in world.table.listed("tasks")] == [receipt_id(PAYMENT)]
    assert len(world.facts("a1", "opened")) == 1


def test_a_secret_of_which_nothing_is_kept_opens_no_task() -> None:
    """Whoever misses a one-time code asks for another; minutes later nobody could use it."""
    world = paid()
    documents = Documents(world.s3, "bucket")
    answers = Answers(world.table, documents, world.clock, world.report)
    code = Answer("c1", "a1", "code", "andina", "email", ANA, b"", "", "v1", ("America/Bogota",))
    assert answers.send(code, 0, NOW, lambda: Unknown("time-out")) == "unknown"
    assert [m["state"] for m in world.messages()] == ["unknown"]
    assert world.tasks() == world.facts("a1", "opened") == []


def test_what_is_told_about_a_receipt_names_nobody() -> None:
    world = paid(payer_email="brother@example.org")
    world.ses.answers.append(refused("MessageRejected"))
    sender(world)("a1", PAYMENT)
    assert "example" not in str(world.reports)
    assert "Ana" not in str(world.reports)
