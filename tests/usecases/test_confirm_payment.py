"""Confirm a payment: what the provider says counts, and nothing of what the notice claimed."""

import json
from collections.abc import Iterator
from dataclasses import replace as changed
from datetime import timedelta
from typing import Any

import pytest

from escalon.adapters.provider_api import NotReachedError
from escalon.domain.rules.rulebook import ProviderKind
from escalon.providers.provider import MalformedError, NotAnsweredError, NotAuthenticError
from escalon.usecases.payments.confirm_payment import BELIEVED_AT, NotConfirmedError
from escalon_cli.local.provider_stand_in import Payment, StandIn, Webhook, setting, webhook
from tests.doubles.crashing import Faults
from tests.doubles.dynamodb import fail
from tests.doubles.world import NOW
from tests.providers.vectors import case_of, request_of, setting_of
from tests.usecases.entrance import DEBT_MINOR, Entrance, Says

ASKED: list[ProviderKind] = ["mercadopago", "wompi", "payu", "epayco"]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as started:
        yield started


def entrance(kind: ProviderKind, stand_in: StandIn) -> Entrance:
    world = Entrance(setting("pay", kind, "andina", stand_in.api(kind)))
    world.owes()
    return world


def paid(reference: str = "FA-1") -> Payment:
    return Payment("7000001", reference, DEBT_MINOR, "COP", NOW - timedelta(minutes=1))


@pytest.mark.parametrize("kind", ASKED)
def test_what_the_provider_confirms_is_booked_once(kind: ProviderKind, stand_in: StandIn) -> None:
    """L25: re-read from the provider; told twice, it counts once."""
    world = entrance(kind, stand_in)
    stand_in.put(kind, paid())
    for became in ("booked", "again"):
        world.posts("pay", webhook(kind, paid(), world.clock.at))
        assert world.confirms() == (became,)
        assert world.open_minor() == 0
        world.clock.at += timedelta(minutes=1)
    assert not world.awaited()
    assert len(stand_in.asked) == 2


def test_a_refund_that_is_told_of_only_when_asked_is_taken_too(stand_in: StandIn) -> None:
    world = entrance("mercadopago", stand_in)
    refunded = changed(paid(), state="refunded", refunded_minor=40_000_00)
    stand_in.put("mercadopago", refunded)
    world.posts("pay", webhook("mercadopago", refunded, NOW))
    assert world.confirms() == ("booked", "booked")
    assert world.open_minor() == 40_000_00


def test_an_accepted_state_that_nobody_signed_does_not_count(stand_in: StandIn) -> None:
    """The signature of one's own rejected payment is that of an accepted one."""
    world = entrance("epayco", stand_in)
    stand_in.put("epayco", changed(paid(), state="declined"))
    world.posts("pay", webhook("epayco", paid(), NOW))
    assert world.awaited()
    assert world.confirms() == ("nothing",)
    assert world.open_minor() == DEBT_MINOR
    assert not world.awaited()


def test_a_reference_that_nobody_signed_pays_nobody_elses_debt(stand_in: StandIn) -> None:
    """Pay a small invoice, present the event for another of the same amount: the money is booked
    where the provider says, and who was named is asked again."""
    world = entrance("wompi", stand_in)
    world.owes("a2", "FA-2")
    stand_in.put("wompi", paid("FA-2"))
    world.posts("pay", webhook("wompi", paid("FA-1"), NOW))
    assert world.awaited("a1")
    assert world.confirms() == ("booked",)
    assert (world.open_minor("a1"), world.open_minor("a2")) == (DEBT_MINOR, 0)
    assert not world.awaited("a1")


def test_a_pending_answer_holds_on(stand_in: StandIn) -> None:
    """L7: a pending payment counts as a hold."""
    world = entrance("wompi", stand_in)
    pending = changed(paid(), state="pending")
    stand_in.put("wompi", pending)
    world.posts("pay", webhook("wompi", pending, NOW))
    assert world.confirms() == ("nothing",)
    assert world.awaited()


# ------------------------------------------------------------------------- no such payment


@pytest.mark.parametrize("kind", ["wompi", "payu", "epayco"])
def test_a_payment_that_its_provider_does_not_know_is_not_waited_for(
    kind: ProviderKind, stand_in: StandIn
) -> None:
    """L25: believed at the third asking, not before; an API may lag behind its own notice."""
    world = entrance(kind, stand_in)
    world.posts("pay", webhook(kind, paid(), NOW))
    for attempt in range(1, BELIEVED_AT):
        with pytest.raises(NotConfirmedError):
            world.confirms(attempt)
        assert world.awaited()
    assert world.confirms(BELIEVED_AT) == ("no_such_payment",)
    assert not world.awaited()
    assert world.open_minor() == DEBT_MINOR


def test_a_payment_that_is_found_at_the_second_asking_is_booked(stand_in: StandIn) -> None:
    world = entrance("mercadopago", stand_in)
    world.posts("pay", webhook("mercadopago", paid(), NOW))
    with pytest.raises(NotConfirmedError):
        world.confirms(1)
    stand_in.put("mercadopago", paid())
    assert world.confirms(2) == ("booked",)


# ------------------------------------------------------------------------- what is tried again


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_provider_that_is_down_for_a_moment_is_asked_again_at_once(
    status: int, stand_in: StandIn
) -> None:
    world = entrance("wompi", stand_in)
    stand_in.put("wompi", paid())
    stand_in.fails_with.extend([status, status])
    world.posts("pay", webhook("wompi", paid(), NOW))
    assert world.confirms() == ("booked",)
    assert stand_in.asked == ["GET /wompi/transactions/7000001"] * 3


def test_a_provider_that_stays_down_is_asked_again_later(stand_in: StandIn) -> None:
    world = entrance("wompi", stand_in)
    stand_in.put("wompi", paid())
    stand_in.fails_with.extend([503] * 3)
    world.posts("pay", webhook("wompi", paid(), NOW))
    with pytest.raises(NotAnsweredError):
        world.confirms()
    assert world.awaited()
    assert world.open_minor() == DEBT_MINOR
    assert world.confirms(2) == ("booked",)


def test_a_provider_that_cannot_be_reached_is_asked_again_later(stand_in: StandIn) -> None:
    world = Entrance(setting("pay", "wompi", api="http://127.0.0.1:9"))  # nobody listens there
    world.posts("pay", webhook("wompi", paid(), NOW))
    with pytest.raises(NotReachedError, match="NewConnectionError"):
        world.confirms()


@pytest.mark.parametrize("answer", [(401, b"{}"), (200, b"<html>"), (302, b"")])
def test_an_answer_that_makes_no_sense_settles_nothing(
    answer: tuple[int, bytes],
) -> None:
    world = Entrance(setting("pay", "wompi", "andina", "https://api.example.com"))
    world.owes()
    world.posts("pay", webhook("wompi", paid(), NOW))
    with pytest.raises((NotAnsweredError, MalformedError)):
        world.confirms(BELIEVED_AT, Says(*answer))
    assert world.awaited()


def test_without_an_address_to_ask_at_nothing_is_settled() -> None:
    world = Entrance(setting("pay", "wompi"))
    world.posts("pay", webhook("wompi", paid(), NOW))
    with pytest.raises(NotConfirmedError):
        world.confirms()


def test_without_a_key_nothing_is_settled_and_with_one_it_goes_on(stand_in: StandIn) -> None:
    world = entrance("wompi", stand_in)
    stand_in.put("wompi", paid())
    keys, world.secrets.values["api-keys"] = world.secrets.values["api-keys"], "{}"
    world.posts("pay", webhook("wompi", paid(), NOW))
    with pytest.raises(NotAnsweredError):
        world.confirms()
    assert stand_in.asked == []
    world.secrets.values["api-keys"] = keys
    assert world.confirms(2) == ("booked",)


def test_a_provider_that_the_rulebook_has_lost_is_not_guessed() -> None:
    world = Entrance(setting("pay", "stripe"))
    world.posts("pay", webhook("stripe", paid(), NOW), Faults(2, instead=_throttled))
    world.rulebooks.known[world.rulebooks.in_force].payments.providers.clear()
    with pytest.raises(NotConfirmedError):
        world.confirms()


def _throttled() -> None:
    fail("BatchGetItem", "ThrottlingException")


# ------------------------------------------------------------------------- what was put off


def test_what_was_put_off_is_verified_again_as_of_its_arrival() -> None:
    """Hours later, beyond the signature's tolerance."""
    world = Entrance(setting("pay", "stripe", "andina"))
    world.owes()
    world.posts("pay", webhook("stripe", paid(), NOW), Faults(2, instead=_throttled))
    world.clock.at = NOW + timedelta(hours=3)
    assert world.confirms(5) == ("booked",)
    assert world.open_minor() == 0


def test_a_receipt_that_somebody_changed_is_not_believed() -> None:
    world = Entrance(setting("pay", "stripe", "andina"))
    world.owes()
    world.posts("pay", webhook("stripe", paid(), NOW), Faults(2, instead=_throttled))
    (key,) = world.receipts()
    body, metadata = world.s3.objects[key]
    told = json.loads(body)
    told["body"] = told["body"][:-8] + "AAAAAAA="
    world.s3.objects[key] = json.dumps(told).encode(), metadata
    with pytest.raises(NotAuthenticError):
        world.confirms()
    assert world.open_minor() == DEBT_MINOR


# ------------------------------------------------------------------------- the vectors


@pytest.mark.parametrize(
    ("provider", "name", "claimed", "truth"),
    [
        ("wompi", "attack_reference_swapped", "FAC-OTRA", "MZQ3X2DE2SMX"),
        ("epayco", "attack_invoice_swapped", "FAC-OTRA", "FAC-2026-000123"),
    ],
)
def test_the_published_forgeries_pay_nothing_but_what_was_paid(
    provider: str, name: str, claimed: str, truth: str
) -> None:
    case: dict[str, Any] = case_of(provider, name)
    own = setting_of(case)
    world = Entrance(own)
    world.clock.at = NOW.fromtimestamp(case["now"], NOW.tzinfo)
    world.has_secrets(own.provider, *case["secrets"])
    if provider == "wompi":
        world.secrets.values["api-keys"] = json.dumps({own.provider: {"private_key": "prv_test"}})
    world.owes("a-claimed", claimed)
    world.owes("a-truth", truth)
    request = request_of(case)
    posted = Webhook(request.headers, request.body, request.query)
    assert world.posts(own.provider, posted).reason == "to_be_confirmed"
    assert world.awaited("a-claimed")
    says = Says(200, json.dumps(case["resource"]).encode())
    assert world.confirms(api=says) == ("booked",)
    assert world.open_minor("a-claimed") == DEBT_MINOR
    assert world.open_minor("a-truth") < DEBT_MINOR
    assert not world.awaited("a-claimed")
