"""Standard Webhooks: what is signed is read as the operator's mapping says."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.domain.payments.payment import PaymentNotice
from escalon.providers import standard_webhooks
from escalon.providers.provider import Asked, MalformedError, NotAuthenticError, PaysOnline
from tests.providers import signed
from tests.providers.vectors import MAPPING, SETTINGS

SETTING = SETTINGS["standard_webhooks"]
SIGNED_AT = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
MESSAGE = {
    "type": "payment.approved",
    "timestamp": "2026-09-21T09:00:00.5-05:00",
    "data": {"id": "pay_1", "reference": "FAC-1", "currency": "cop", "amount": 15_000_000},
}


def taken(message: Any, **mapping: Any) -> PaymentNotice:
    setting = replace(SETTING, mapping=MAPPING | mapping)
    request = signed.standard(message)
    found = standard_webhooks.receive(request, setting, [signed.STANDARD], signed.NOW)
    assert not found.ask
    return found.notice


def with_data(**data: Any) -> dict[str, Any]:
    return MESSAGE | {"data": MESSAGE["data"] | data}


def test_a_message_as_the_mapping_reads_it() -> None:
    assert taken(MESSAGE) == PaymentNotice(
        "billing",
        "msg_1",
        "approved",
        "pay_1",
        15_000_000,
        "COP",
        "FAC-1",
        datetime(2026, 9, 21, 14, 0, 0, 500_000, tzinfo=UTC),
        "payment.approved",
    )


def test_everything_that_a_mapping_may_name() -> None:
    message = with_data(
        amount="150000.50", payer={"email": "ana@example.com"}, dispute=7, at=1_789_999_000
    ) | {"type": "dispute.lost"}
    notice = taken(
        message,
        kinds={"dispute.lost": "chargeback_lost"},
        amount_in="major",
        payer_email="data.payer.email",
        case="data.dispute",
        occurred_at="data.at",
    )
    assert (notice.kind, notice.case_key, notice.payer_email) == (
        "chargeback_lost",
        "7",
        "ana@example.com",
    )
    assert notice.amount_minor == 15_000_050
    assert notice.occurred_at == datetime(2026, 9, 21, 13, 56, 40, tzinfo=UTC)


@pytest.mark.parametrize("at", ["yesterday", None, -1, "2026-09-21T09:00:00", 1e9])
def test_a_date_that_cannot_be_read_is_that_of_the_signature(at: Any) -> None:
    assert taken(MESSAGE | {"timestamp": at}).occurred_at == SIGNED_AT


def test_without_a_mapped_date_the_signature_has_it() -> None:
    setting = replace(
        SETTING, mapping={name: path for name, path in MAPPING.items() if name != "occurred_at"}
    )
    request = signed.standard(MESSAGE)
    found = standard_webhooks.receive(request, setting, [signed.STANDARD], signed.NOW)
    assert found.notice.occurred_at == SIGNED_AT


@pytest.mark.parametrize(
    "message", [{"test": 1}, MESSAGE | {"type": "invoice.created"}, MESSAGE | {"type": None}]
)
def test_what_the_mapping_does_not_list_means_nothing(message: Any) -> None:
    notice = taken(message)
    assert (notice.kind, notice.payment_key, notice.amount_minor) == ("other", "", None)


def test_what_did_not_happen_needs_no_amount() -> None:
    message = MESSAGE | {"type": "payment.declined", "data": {"id": 7}}
    notice = taken(message)
    assert (notice.kind, notice.payment_key, notice.amount_minor) == ("declined", "7", None)


@pytest.mark.parametrize(
    "message",
    [
        b"[1]",
        b"not JSON",
        b'{"type": "a", "type": "b"}',
        with_data(amount=None),
        with_data(amount=1.5),
        with_data(amount="15000000"),
        with_data(currency=None),
        with_data(id=None),
        with_data(id={"a": 1}),
        with_data(reference="x" * 256),
        MESSAGE | {"type": 5},
    ],
)
def test_signed_and_of_no_use(message: Any) -> None:
    with pytest.raises(MalformedError):
        taken(message)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("10.50", "COP", 1_050), (10.5, "COP", 1_050), (500, "JPY", 500), ("1.234", "KWD", 1_234)],
)
def test_amounts_in_major_units(amount: Any, currency: str, minor: int) -> None:
    notice = taken(with_data(amount=amount, currency=currency), amount_in="major")
    assert notice.amount_minor == minor


@pytest.mark.parametrize(
    ("amount", "currency"), [("10.505", "COP"), ("0.5", "JPY"), ("1,5", "COP")]
)
def test_amounts_below_the_minor_unit_are_refused(amount: str, currency: str) -> None:
    with pytest.raises(MalformedError):
        taken(with_data(amount=amount, currency=currency), amount_in="major")


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(-301, False), (-300, True), (300, True), (301, False)]
)
def test_the_signature_is_good_for_300_seconds_either_way(seconds: int, *, is_taken: bool) -> None:
    now = datetime.fromtimestamp(signed.AT + seconds, UTC)
    request = signed.standard(MESSAGE)
    if is_taken:
        assert standard_webhooks.receive(request, SETTING, [signed.STANDARD], now)
    else:
        with pytest.raises(NotAuthenticError):
            standard_webhooks.receive(request, SETTING, [signed.STANDARD], now)


@pytest.mark.parametrize(
    "tokens", ["", "garbage", "v1", "v1,", "v1a,AAAA", "v2,{}", "{}", "v1={}", "v1,{},x"]
)
def test_signatures_of_another_form_are_none(tokens: str) -> None:
    request = signed.standard(MESSAGE)
    digest = request.headers["webhook-signature"].removeprefix("v1,")
    headers = request.headers | {"webhook-signature": tokens.format(digest)}
    with pytest.raises(NotAuthenticError):
        standard_webhooks.receive(
            replace(request, headers=headers), SETTING, [signed.STANDARD], signed.NOW
        )


def test_every_secret_is_tried_and_rotation_loses_nothing() -> None:
    request = signed.standard(MESSAGE)
    secrets = ["whsec_not base64!", "", {"not": "one text"}, signed.STANDARD]
    assert standard_webhooks.receive(request, SETTING, secrets, signed.NOW)
    with pytest.raises(NotAuthenticError):
        standard_webhooks.receive(request, SETTING, secrets[:3], signed.NOW)


def test_a_secret_without_its_padding_is_the_same_secret() -> None:
    padded = "whsec_cHJldmlvdXMtc2lnbmluZy1rZXktMDAwMQ=="
    request = signed.standard(MESSAGE, padded)
    assert standard_webhooks.receive(request, SETTING, [padded.rstrip("=")], signed.NOW)
    assert standard_webhooks.check_secret(padded.rstrip("=")) == ""


def test_there_is_nobody_to_ask() -> None:
    assert not isinstance(standard_webhooks, Asked | PaysOnline)


def test_a_mapping_that_can_be_used() -> None:
    assert standard_webhooks.check_mapping(MAPPING) == []
    whole = MAPPING | {"payer_email": "data.payer.email", "case": "data.dispute"}
    assert standard_webhooks.check_mapping(whole) == []


def test_every_problem_of_a_mapping_is_named() -> None:
    mapping = {
        "type": "",
        "kinds": {"payment.approved": "aproved", "payment.pending": "pending"},
        "payment": 7,
        "amount": "data..amount",
        "amount_in": "cents",
        "currency": "data.currency",
        "colour": "data.colour",
    }
    assert standard_webhooks.check_mapping(mapping) == [
        "reference is missing",
        "type is not a path such as data.type",
        "kinds: payment.approved means aproved, which is none of approved, pending, declined, "
        "voided, refunded, chargeback_opened, chargeback_won, chargeback_lost, other",
        "payment is not a path such as data.payment",
        "amount is not a path such as data.amount",
        "amount_in is neither minor nor major",
        "colour is unknown",
    ]
    assert standard_webhooks.check_mapping({}) == [
        "type is missing",
        "kinds is missing",
        "payment is missing",
        "reference is missing",
        "amount is missing",
        "amount_in is missing",
        "currency is missing",
    ]
    assert standard_webhooks.check_mapping(MAPPING | {"kinds": {}}) == [
        "kinds is not a table from the sender's types to kinds"
    ]


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (signed.STANDARD, ""),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "must begin with whsec_"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8I", "must be base64 of 24 to 64 bytes after whsec_"),
        ("whsec_" + "A" * 88, "must be base64 of 24 to 64 bytes after whsec_"),
        ("whsec_*fKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "must be base64 after whsec_"),
        ("v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "must begin with whsec_"),
    ],
)
def test_the_form_of_secrets(secret: str, problem: str) -> None:
    assert standard_webhooks.check_secret(secret) == problem
