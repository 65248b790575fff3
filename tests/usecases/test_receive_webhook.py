"""Receive a webhook: whom it believes, what it answers, what it keeps, and what it does at once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.domain.rules.rulebook import ProviderKind
from escalon.usecases.payments.receive_webhook import MOST_BYTES, Receipt
from escalon_cli.local.provider_stand_in import SECRETS, TOLD, Payment, Webhook, setting, webhook
from tests.doubles.crashing import Crash, Faults
from tests.doubles.dynamodb import fail
from tests.doubles.world import NOW
from tests.providers.vectors import ALL, request_of, setting_of
from tests.usecases.entrance import DEBT_MINOR, Entrance

KINDS: tuple[ProviderKind, ...] = tuple(TOLD)
AT_ONCE: tuple[ProviderKind, ...] = ("stripe", "standard_webhooks")
ASKED: tuple[ProviderKind, ...] = ("mercadopago", "wompi", "payu", "epayco")
MADE_UP_API = "https://api.example.com"


def paid(reference: str = "FA-1", amount_minor: int = DEBT_MINOR) -> Payment:
    return Payment("7000001", reference, amount_minor, "COP", NOW - timedelta(minutes=1))


def entrance(kind: ProviderKind, api: str = MADE_UP_API) -> Entrance:
    """A provider called `pay`, and a debtor a1 who owes 150,000 pesos on FA-1."""
    world = Entrance(setting("pay", kind, "andina", api))
    world.owes()
    return world


# ------------------------------------------------------------------------- what is done at once


@pytest.mark.parametrize("kind", AT_ONCE)
def test_what_is_signed_whole_is_booked_at_once(kind: ProviderKind) -> None:
    world = entrance(kind)
    answer = world.posts("pay", webhook(kind, paid(), NOW))
    assert (answer.status, answer.reason) == (200, "booked")
    assert world.open_minor() == 0
    assert not world.queued


@pytest.mark.parametrize("kind", AT_ONCE)
def test_a_notice_counts_once_however_often_it_is_sent(kind: ProviderKind) -> None:
    """L25: the provider sends it again, signed anew."""
    world = entrance(kind)
    world.posts("pay", webhook(kind, paid(amount_minor=50_000_00), NOW))
    world.clock.at = NOW + timedelta(minutes=4)
    again = world.posts("pay", webhook(kind, paid(amount_minor=50_000_00), world.clock.at))
    assert (again.status, again.reason) == (200, "again")
    assert world.open_minor() == 100_000_00


def test_money_that_names_nobody_is_kept_for_a_person() -> None:
    world = entrance("stripe")
    answer = world.posts("pay", webhook("stripe", paid("FA-404"), NOW))
    assert (answer.status, answer.reason) == (200, "unmatched")
    assert world.unmatched() == 1
    assert world.open_minor() == DEBT_MINOR


@pytest.mark.parametrize("kind", ["wompi", "payu", "epayco"])
def test_what_is_signed_in_part_is_waited_for_and_asked_about(kind: ProviderKind) -> None:
    world = entrance(kind)
    answer = world.posts("pay", webhook(kind, paid(), NOW))
    assert (answer.status, answer.reason) == (200, "to_be_confirmed")
    assert world.open_minor() == DEBT_MINOR
    (awaited,) = world.account().awaited
    assert (awaited.since, awaited.until) == (NOW, NOW + timedelta(hours=24))
    (message,) = world.queued
    (receipt,) = world.receipts()
    assert json.loads(message) == {"provider": "pay", "receipt": receipt}


def test_a_notice_that_names_a_payment_only_is_asked_about() -> None:
    """Mercado Pago says neither whose nor how much."""
    world = entrance("mercadopago")
    answer = world.posts("pay", webhook("mercadopago", paid(), NOW))
    assert (answer.status, answer.reason) == (200, "to_be_confirmed")
    assert world.account().awaited == ()
    assert len(world.queued) == 1


def test_what_is_not_about_money_is_answered_and_not_kept() -> None:
    own = setting("pay", "standard_webhooks", "andina")
    own = replace(own, mapping={**own.mapping, "kinds": {"payment.approved": "other"}})
    world = Entrance(own)
    answer = world.posts("pay", webhook("standard_webhooks", paid(), NOW))
    assert (answer.status, answer.reason) == (200, "not_about_money")
    assert world.receipts() == []
    assert world.all_items() == {}


# ------------------------------------------------------------------------- what is not let in


def test_an_address_of_no_provider_is_none() -> None:
    world = entrance("stripe")
    answer = world.posts("somebody-else", webhook("stripe", paid(), NOW))
    assert (answer.status, answer.reason) == (404, "no_such_provider")
    assert world.secrets.reads == 0


@pytest.mark.parametrize(
    ("size", "status"),
    [(MOST_BYTES - 1, 401), (MOST_BYTES, 401), (MOST_BYTES + 1, 413)],
)
def test_a_body_is_read_to_a_bound(size: int, status: int) -> None:
    world = entrance("stripe")
    headers = {"Stripe-Signature": f"t={int(NOW.timestamp())},v1={'0' * 64}"}
    assert world.posts("pay", Webhook(headers, b" " * size)).status == status
    assert world.s3.objects == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_forger_fills_neither_bucket_nor_queue(kind: ProviderKind) -> None:
    world = entrance(kind)
    genuine = webhook(kind, paid(), NOW)
    world.has_secrets("pay", _other_secret(kind))
    answer = world.posts("pay", genuine)
    assert (answer.status, answer.reason) == (401, "not_authentic")
    assert world.s3.objects == {}
    assert not world.queued
    assert world.open_minor() == DEBT_MINOR
    assert world.account().awaited == ()


def _other_secret(kind: ProviderKind) -> Any:
    ours = SECRETS[kind]
    if isinstance(ours, dict):
        name = "api_key" if "api_key" in ours else "p_key"
        return {**ours, name: "somebody else's".replace(" ", "_")}
    return f"{ours[:-4]}else" if kind != "standard_webhooks" else "whsec_" + "A" * 32


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"X-Amz-Sns-Message-Type": "Notification"}, b"{}"),
        ({}, b'{"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.example"}'),
        ({}, b'{"Type": "Notification", "Message": "{}"}'),
        ({}, b'{"Type": "UnsubscribeConfirmation"}'),
    ],
)
def test_nobody_subscribes_us_to_a_topic(headers: dict[str, str], body: bytes) -> None:
    """Anybody may let their own SNS topic write to our address: a genuine signature of SNS says
    nothing about whose words they are, so none is looked at and no subscription confirmed."""
    world = entrance("stripe")
    answer = world.posts("pay", Webhook(headers, body))
    assert (answer.status, answer.reason) == (400, "sns_envelope")
    assert world.secrets.reads == 0


def test_a_genuine_notice_that_must_have_no_effect_is_refused() -> None:
    """Play money never pays a debt."""
    world = Entrance(replace(setting("pay", "stripe"), environment="production"))
    answer = world.posts("pay", webhook("stripe", paid(), NOW))
    assert (answer.status, answer.reason) == (400, "malformed")
    assert world.s3.objects == {}


def test_a_sandbox_is_never_taken_in_production() -> None:
    """Its money is no money."""
    world = entrance("stripe")
    world.in_production = True
    answer = world.posts("pay", webhook("stripe", paid(), NOW))
    assert (answer.status, answer.reason) == (503, "sandbox")
    assert world.s3.objects == {}


def test_a_provider_without_a_secret_is_our_fault_and_not_a_forgery() -> None:
    world = entrance("stripe")
    world.has_secrets("pay")
    answer = world.posts("pay", webhook("stripe", paid(), NOW))
    assert (answer.status, answer.reason) == (503, "no_secret")


# ------------------------------------------------------------------------- what is kept


def test_the_exact_bytes_are_kept_with_what_is_needed_to_verify_them_again() -> None:
    world = entrance("mercadopago")
    posted = webhook("mercadopago", paid(), NOW)
    world.posts("pay", posted)
    (key,) = world.receipts()
    assert key.startswith("webhooks/pay/2026-09-07/")
    assert len(key.removeprefix("webhooks/pay/2026-09-07/")) == 64 + len(".json")
    receipt = msgspec.json.decode(world.s3.objects[key][0], type=Receipt)
    assert receipt.body == posted.body
    assert receipt.query == {"data.id": "7000001", "type": "payment"}
    assert receipt.headers["x-signature"] == posted.headers["X-Signature"]
    assert receipt.received_at == NOW


def test_what_could_be_used_to_act_for_somebody_is_not_kept() -> None:
    world = entrance("stripe")
    posted = webhook("stripe", paid(), NOW)
    names = ("Authorization", "Cookie", "X-Api-Key", "Proxy-Authorization")
    posted.headers.update(dict.fromkeys(names, "a secret of somebody"))
    assert world.posts("pay", posted).status == 200
    (kept,) = world.s3.objects.values()
    assert b"a secret of somebody" not in kept[0]


def test_the_same_request_again_on_the_same_day_is_one_receipt() -> None:
    """Whatever API Gateway adds to it on its way."""
    world = entrance("stripe")
    posted = webhook("stripe", paid(), NOW)
    for way in ("1-5759e988-bd862e3fe1be46a994272793", "1-67891233-abcdef012345678912345678"):
        posted.headers.update({"X-Amzn-Trace-Id": f"Root={way}", "X-Forwarded-For": way[:9]})
        posted.headers.update({"Via": f"1.1 {way}", "CloudFront-Viewer-Country": way[:2]})
        world.posts("pay", posted)
        world.clock.at += timedelta(minutes=1)
    assert len(world.receipts()) == 1


@pytest.mark.parametrize("kind", ["stripe", "wompi"])
def test_nothing_happens_before_the_receipt_is_kept(kind: ProviderKind) -> None:
    world = entrance(kind)
    before = world.all_items()
    with pytest.raises(Crash):
        world.posts("pay", webhook(kind, paid(), NOW), Faults(1))
    assert world.all_items() == before
    assert not world.queued


# ------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("kind", ["stripe", "wompi"])
def test_what_cannot_be_done_now_goes_on_the_queue(kind: ProviderKind) -> None:
    """The provider gives up after some tries; the queue keeps it."""
    world = entrance(kind)
    faults = Faults(2, instead=lambda: fail("BatchGetItem", "ThrottlingException", "Ana Gómez"))
    answer = world.posts("pay", webhook(kind, paid(), NOW), faults)
    assert (answer.status, answer.reason) == (200, "put_off")
    (receipt,) = world.receipts()
    assert json.loads(world.queued[0]) == {"provider": "pay", "receipt": receipt}
    ((code, about),) = world.reports
    assert code == "notice_put_off"
    assert (about["provider"], about["receipt"], about["error"]) == ("pay", receipt, "ClientError")
    assert "Ana" not in str(about)


def test_an_account_that_keeps_moving_is_tried_again_from_the_queue() -> None:
    world = entrance("stripe")

    class Moving(Faults):
        def call(self, name: str, work: Any, request: Any, arguments: tuple[Any, ...] = ()) -> Any:
            if name == "transact_write_items":
                world.touch()
            return super().call(name, work, request, arguments)

    answer = world.posts("pay", webhook("stripe", paid(), NOW), Moving())
    assert (answer.status, answer.reason) == (200, "put_off")
    assert world.reports[0][1]["error"] == "ConflictError"
    assert world.confirms() == ("booked",)
    assert world.open_minor() == 0


def test_if_the_queue_does_not_take_it_either_the_provider_sends_it_again() -> None:
    world = entrance("wompi")
    world.sqs.refuse = {"0"}
    with pytest.raises(Exception, match="1 of 1 messages were refused"):
        world.posts("pay", webhook("wompi", paid(), NOW))
    world.sqs.refuse = set()
    assert world.posts("pay", webhook("wompi", paid(), NOW)).status == 200


def test_a_secret_that_cannot_be_read_is_nobodys_forgery() -> None:
    world = entrance("stripe")
    world.secrets.values.pop("webhook-secrets")
    with pytest.raises(KeyError):
        world.posts("pay", webhook("stripe", paid(), NOW))


# ------------------------------------------------------------------------- rotation


def test_a_secret_that_was_put_in_just_now_is_known_at_once() -> None:
    world = entrance("stripe")
    world.posts("pay", webhook("stripe", paid(), NOW))
    world.seconds += 10
    world.has_secrets("pay", "whsec_the_next_one_of_them", SECRETS["stripe"])
    renewed = webhook("stripe", paid(), NOW, "whsec_the_next_one_of_them")
    assert world.posts("pay", renewed).status == 200
    assert world.posts("pay", webhook("stripe", paid(), NOW)).status == 200  # the old one too


def test_a_secret_that_was_dropped_is_refused_after_five_minutes() -> None:
    world = entrance("stripe")
    assert world.posts("pay", webhook("stripe", paid(), NOW)).status == 200
    world.has_secrets("pay", "whsec_the_next_one_of_them")
    for seconds, status in ((299, 200), (1, 401)):
        world.seconds += seconds
        assert world.posts("pay", webhook("stripe", paid(), NOW)).status == status, seconds


def test_a_forger_does_not_make_us_read_the_secret_without_end() -> None:
    """L25: at the boundary, one second below and above."""
    world = entrance("stripe")
    forged = Webhook({"Stripe-Signature": f"t={int(NOW.timestamp())},v1={'0' * 64}"}, b"{}")
    reads = []
    for seconds in (0, 9, 1, 0, 9, 1):
        world.seconds += seconds
        assert world.posts("pay", forged).status == 401
        reads.append(world.secrets.reads)
    assert reads == [1, 1, 2, 2, 2, 3]


# ------------------------------------------------------------------------- the vectors

STATUS = {
    ("signature", "accept"): 200,
    ("signature", "reject"): 401,
    ("dedup", "reject"): 200,
}
# What passes its signature and must have no effect: refused at the door, or only asked about.
POLICY = {
    ("mercadopago", "body_is_not_signed"): 400,
    ("payu", "reject_test_1_in_production"): 400,
    ("wompi", "attack_reference_swapped"): 200,
    ("epayco", "attack_invoice_swapped"): 200,
}


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{case['provider']}:{case['name']}")
        for case in ALL
        if case["provider"] != "aws_sns_sms_log"  # a log line, which no HTTP brings
    ]


@pytest.mark.parametrize("case", _cases())
def test_every_vector_is_answered_as_its_provider_should_be(case: dict[str, Any]) -> None:
    if case["provider"] == "aws_sns":
        answer = entrance("stripe").posts("pay", Webhook(case["headers"], case["body"].encode()))
        assert (answer.status, answer.reason) == (400, "sns_envelope")
        return
    own = setting_of(case)
    world = Entrance(own, now=datetime.fromtimestamp(case["now"], UTC))
    world.has_secrets(own.provider, *case["secrets"])
    for reference in ("FAC-2026-000123", "MZQ3X2DE2SMX", "PayUTest01"):
        world.owes(f"a-{reference}", reference)
    request = request_of(case)
    posted = Webhook(request.headers, request.body, request.query)
    layer = case["layer"], case["expect"]
    if case["layer"] == "dedup" and case["provider"] == "standard_webhooks":
        assert world.posts(own.provider, posted).reason == "booked"
    before = {key: item for key, item in world.all_items().items() if key[0].startswith("A#")}
    answer = world.posts(own.provider, posted)
    wanted = POLICY.get((case["provider"], case["name"])) or STATUS[layer]
    assert answer.status == wanted
    assert bool(world.receipts()) == (wanted == 200 and answer.reason != "not_about_money")
    if case["expect"] == "reject":
        # Whatever is answered: no money moved.
        after = {k: i for k, i in world.all_items().items() if k[0].startswith("A#")}
        assert [k for k in after if k[1].startswith(("L#", "P#")) and k not in before] == []
        assert world.unmatched() == 0
    if case["layer"] == "dedup":
        assert answer.reason in ("again", "to_be_confirmed")


def test_all_vectors_are_asked() -> None:
    assert len(_cases()) == 81
    assert len([case for case in ALL if case["provider"] in KINDS]) == 71


# ------------------------------------------------------------------------- what it costs


def test_the_usual_notice_is_three_calls_to_the_table_and_one_object() -> None:
    world = entrance("stripe")
    faults = Faults()
    world.posts("pay", webhook("stripe", paid(), NOW), faults)
    assert faults.calls == [
        *("put_object", "batch_get_item", "batch_get_item", "transact_write_items")
    ]
