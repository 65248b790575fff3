"""Every case of the shared vectors: what is genuine is understood, what is forged has no effect."""

import base64
import json
from typing import Any

import pytest

from escalon.domain.payments.payment import PaymentNotice
from escalon.providers.provider import Asked, MalformedError, NotAuthenticError, Received
from escalon.providers.registry import KINDS, module_of
from tests.providers.vectors import ALL, CASES, case_of, received, setting_of

# SNS envelopes and the log of text messages tell of deliveries, not of payments: these cases belong
# to the feedback on deliveries.
OF_DELIVERY_FEEDBACK = [
    ("aws_sns", "ses_delivery_v2"),
    ("aws_sns", "ses_bounce_permanent"),
    ("aws_sns", "ses_complaint"),
    ("aws_sns", "sms_end_user_messaging_success"),
    ("aws_sns", "newline_and_unicode_in_message"),
    ("aws_sns", "reject_tampered_message"),
    ("aws_sns", "reject_cert_url_s3_bucket"),
    ("aws_sns", "reject_cert_url_http"),
    ("aws_sns", "reject_other_topic"),
    ("aws_sns", "reject_stale_2h"),
    ("aws_sns_sms_log", "sms_log_success"),
]

# In the vectors' words a partial refund is a kind of its own; for us the amount says it.
KIND = {"refunded_partial": "refunded"}
ASKED = {"mercadopago", "wompi", "payu", "epayco"}


def named(case: dict[str, Any]) -> str:
    return f"{case['provider']}:{case['name']}"


def of(layer: str, expect: str) -> list[Any]:
    return [
        pytest.param(case, id=named(case))
        for case in CASES
        if (case["layer"], case["expect"]) == (layer, expect)
    ]


def said(notice: PaymentNotice) -> dict[str, Any]:
    """What the notice says, in the vectors' form."""
    return {
        "kind": notice.kind,
        "amount_minor": notice.amount_minor,
        "currency": notice.currency or None,
        "reference": notice.reference or None,
    }


def wanted(case: dict[str, Any]) -> dict[str, Any]:
    found = case["normalised"]
    kind = KIND.get(found["kind"], found["kind"])
    return {"kind": kind} | {
        name: found[name] for name in ("amount_minor", "currency", "reference")
    }


def answered(case: dict[str, Any], found: Received) -> tuple[PaymentNotice, ...]:
    """What the provider's API says when it is asked about the case's payment."""
    module = module_of(case["provider"])
    assert isinstance(module, Asked)
    body = json.dumps(case["resource"]).encode()
    return module.answer(found.notice, setting_of(case), 200, body)


def test_no_case_is_left_out() -> None:
    ours = [(case["provider"], case["name"]) for case in CASES]
    everything = [(case["provider"], case["name"]) for case in ALL]
    assert sorted(ours + OF_DELIVERY_FEEDBACK) == sorted(everything)
    assert (len(ours), len(OF_DELIVERY_FEEDBACK), len(everything)) == (71, 11, 82)
    run = [
        of("signature", "accept"),
        of("signature", "reject"),
        of("policy", "reject"),
        of("dedup", "reject"),
    ]
    assert [len(cases) for cases in run] == [41, 22, 4, 4]
    assert {case["provider"] for case in CASES} == set(KINDS)


@pytest.mark.parametrize("case", of("signature", "accept"))
def test_what_is_genuine_is_understood(case: dict[str, Any]) -> None:
    found = received(case)
    assert found.notice.event_key == case["normalised"]["event_id"]
    assert found.notice.provider == setting_of(case).provider
    if case.get("resource"):  # the notification has neither amount nor state; the answer does
        assert found.ask
        notices = answered(case, found)
        assert said(notices[-1]) == wanted(case)
        assert {notice.payment_key for notice in notices} == {found.notice.payment_key}
    else:
        assert said(found.notice) == wanted(case)
        assert found.ask == (case["provider"] in ASKED and found.notice.kind != "other")


@pytest.mark.parametrize("case", of("signature", "reject"))
def test_what_nobody_signed_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticError):
        received(case)


@pytest.mark.parametrize(
    ("provider", "name"),
    [("mercadopago", "body_is_not_signed"), ("payu", "reject_test_1_in_production")],
)
def test_what_a_signature_leaves_out_is_looked_at(provider: str, name: str) -> None:
    with pytest.raises(MalformedError):
        received(case_of(provider, name))


@pytest.mark.parametrize(
    ("provider", "name", "claimed", "truth"),
    [
        ("wompi", "attack_reference_swapped", "FAC-OTRA", "MZQ3X2DE2SMX"),
        ("epayco", "attack_invoice_swapped", "FAC-OTRA", "FAC-2026-000123"),
    ],
)
def test_what_a_signature_leaves_out_is_asked(
    provider: str, name: str, claimed: str, truth: str
) -> None:
    case = case_of(provider, name)
    found = received(case)
    assert (found.ask, found.notice.reference) == (True, claimed)
    (answer,) = answered(case, found)
    assert answer.reference == truth


def test_every_policy_case_is_one_of_those() -> None:
    assert {named(param.values[0]) for param in of("policy", "reject")} == {
        "mercadopago:body_is_not_signed",
        "payu:reject_test_1_in_production",
        "wompi:attack_reference_swapped",
        "epayco:attack_invoice_swapped",
    }


@pytest.mark.parametrize(
    ("provider", "name", "event_key", "payment_key"),
    [
        ("standard_webhooks", "replay_same_webhook_id", "msg_approved", "pay_01"),
        (
            *("wompi", "replay_retry_after_30min"),
            *("1234-1610641025-49201:APPROVED", "1234-1610641025-49201"),
        ),
        (
            *("payu", "replay", "01cfdce8-68d5-4a4c-aabf-d89370a0b92f:4"),
            "01cfdce8-68d5-4a4c-aabf-d89370a0b92f",
        ),
        ("epayco", "replay", "101000001:1", "101000001"),
    ],
)
def test_the_same_event_again_has_the_same_keys(
    provider: str, name: str, event_key: str, payment_key: str
) -> None:
    """L25: a replayed webhook counts once, since its key is the one that was counted."""
    again = received(case_of(provider, name)).notice
    assert (again.event_key, again.payment_key) == (event_key, payment_key)
    earlier = {
        "standard_webhooks": [],  # the vectors have the replay only
        "wompi": ["docs_example_recomputed", "property_order_differs", "uppercase_checksum"],
        "payu": ["approved_md5_cop", "retry_same_reference_new_transaction_id"],
        "epayco": ["accepted"],
    }[provider]
    for first in earlier:
        notice = received(case_of(provider, first)).notice
        assert (notice.event_key, notice.payment_key) == (event_key, payment_key)


def test_every_dedup_case_is_one_of_those() -> None:
    assert {named(param.values[0]) for param in of("dedup", "reject")} == {
        "standard_webhooks:replay_same_webhook_id",
        "wompi:replay_retry_after_30min",
        "payu:replay",
        "epayco:replay",
    }


@pytest.mark.parametrize(
    ("provider", "names", "payment_key"),
    [
        (
            "stripe",
            [
                *("approved_cop_150000", "pending_processing", "voided_canceled"),
                *("refunded_partial_cumulative",),
            ],
            "pi_3Q0aTESTcobro01",
        ),
        ("standard_webhooks", ["pending", "voided", "refunded_partial"], "pay_01"),
        ("mercadopago", ["approved", "in_process", "refunded_partial"], "1234567890"),
        ("wompi", ["declined", "error", "uppercase_checksum"], "1234-1610641025-49201"),
        ("epayco", ["accepted", "pending", "reversed", "abandoned"], "101000001"),
    ],
)
def test_all_notices_of_a_payment_name_it_alike(
    provider: str, names: list[str], payment_key: str
) -> None:
    found = [received(case_of(provider, name)).notice for name in names]
    assert {notice.payment_key for notice in found} == {payment_key}


def test_the_detail_of_an_expired_payment_says_so() -> None:
    assert received(case_of("payu", "expired_5")).notice.detail == "expired"


def test_bytes_that_came_as_base64_are_the_same_bytes() -> None:
    case = case_of("stripe", "approved_cop_150000")
    event = case["api_gateway"]
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == case["body"].encode()
