"""Whatever comes in, a module answers with a value or with one of the errors that it declares."""

import json
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from escalon.domain.payments.payment import PaymentNotice
from escalon.providers.provider import (
    Asked,
    MalformedError,
    NotAnsweredError,
    NotAuthenticError,
    WebhookRequest,
)
from escalon.providers.registry import KINDS, module_of
from tests.providers import signed
from tests.providers.vectors import CASES, MAPPING, SETTINGS, request_of

SECRETS: dict[str, list[Any]] = {
    "stripe": [signed.STRIPE],
    "standard_webhooks": [signed.STANDARD],
    "mercadopago": [signed.MERCADOPAGO],
    "wompi": [signed.WOMPI],
    "payu": [signed.PAYU],
    "epayco": [signed.EPAYCO],
}
GENUINE = {
    kind: [case for case in CASES if (case["provider"], case["expect"]) == (kind, "accept")]
    for kind in KINDS
}
# What the six write into headers, queries and bodies, so that chance meets their words.
NAMES = st.sampled_from(
    [
        *("stripe-signature", "x-signature", "x-request-id", "x-event-checksum", "content-type"),
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
    ]
)
WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["t=1,v1=a", "ts=1,v1=a", "v1,AAAA", "1790000000", "٣", "t=,v1=", "\ud800"]),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["approved", "COP", "succeeded", "1e400", "-1", "2026-01-01T00:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(string.ascii_lowercase, max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def receive(kind: str, request: WebhookRequest, now: datetime = signed.NOW) -> Any:
    """A value, or the error's type; anything else is raised."""
    try:
        return module_of(kind).receive(request, SETTINGS[kind], SECRETS[kind], now)
    except (NotAuthenticError, MalformedError) as error:
        return type(error)


@pytest.mark.parametrize("kind", KINDS)
@given(
    headers=st.dictionaries(NAMES, WORDS, max_size=4),
    query=st.dictionaries(st.sampled_from(["data.id", "type"]), WORDS, max_size=2),
    body=st.binary(max_size=200) | st.builds(json.dumps, VALUES).map(str.encode),
)
@example(headers={}, query={}, body=b"[" * 60_000)
@example(headers={}, query={}, body=b'{"timestamp": 1' + b"0" * 5_000 + b"}")
@example(headers={}, query={}, body=b'{"a": 1e99999999999999999999}')
@example(headers={}, query={}, body=b"&" * 60_000)
@MANY
def test_no_bytes_of_strangers_get_in_or_break_anything(
    kind: str, headers: dict[str, str], query: dict[str, str], body: bytes
) -> None:
    found = receive(kind, WebhookRequest(headers, query, body))
    assert found in (NotAuthenticError, MalformedError)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@MANY
def test_genuine_requests_with_a_byte_changed_mean_the_same_or_nothing(
    kind: str, data: st.DataObject
) -> None:
    """Nothing that is signed can be changed. What is not signed is a question's, never money's."""
    case = data.draw(st.sampled_from(GENUINE[kind]))
    request = request_of(case)
    at = data.draw(st.integers(0, len(request.body) - 1))
    byte = data.draw(st.binary(max_size=2))
    mutated = replace(request, body=request.body[:at] + byte + request.body[at + 1 :])
    now = datetime.fromtimestamp(case["now"], UTC)
    before, after = receive(kind, request, now), receive(kind, mutated, now)
    if after not in (NotAuthenticError, MalformedError):
        assert after == before or after.ask or after.notice.kind == "other"


@pytest.mark.parametrize("kind", ["stripe", "standard_webhooks"])
@given(message=VALUES | st.fixed_dictionaries({"data": VALUES, "type": VALUES, "id": VALUES}))
@MANY
def test_what_is_signed_may_still_be_anything(kind: str, message: Any) -> None:
    sign = signed.stripe if kind == "stripe" else signed.standard
    found = receive(kind, sign(json.dumps(message).encode()))
    assert found is MalformedError or found.notice.kind == "other"


STRIPE_OBJECT = {
    "id": VALUES,
    "object": st.sampled_from(["payment_intent", "charge", "dispute", "refund"]) | VALUES,
    "amount": VALUES,
    "currency": st.sampled_from(["cop", "jpy", "isk"]) | VALUES,
    "status": st.sampled_from(["won", "succeeded"]) | VALUES,
    "metadata": VALUES,
    "payment_intent": VALUES,
    "charge": VALUES,
    "payment_status": VALUES,
}


@given(
    kind=st.sampled_from(["charge.dispute.closed", "refund.failed", "payment_intent.processing"]),
    thing=st.fixed_dictionaries(STRIPE_OBJECT),
    created=VALUES,
)
@MANY
def test_a_signed_stripe_event_may_hold_anything(kind: str, thing: Any, created: Any) -> None:
    event = {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "created": created,
        "livemode": False,
        "data": {"object": thing},
    }
    found = receive("stripe", signed.stripe(event))
    assert found is MalformedError or found.notice.event_key == "evt_1"


@given(data=st.fixed_dictionaries(dict.fromkeys(("id", "reference", "currency", "amount"), VALUES)))
@MANY
def test_a_signed_standard_message_may_hold_anything(data: Any) -> None:
    found = receive(
        "standard_webhooks", signed.standard({"type": "payment.approved", "data": data})
    )
    assert found is MalformedError or isinstance(found.notice.amount_minor, int)


ANSWERS = {
    "stripe": st.fixed_dictionaries(
        STRIPE_OBJECT | {"latest_charge": VALUES, "amount_received": VALUES, "created": VALUES}
    ),
    "mercadopago": st.fixed_dictionaries(
        {
            "id": st.just("p") | VALUES,
            "status": st.sampled_from(["approved", "refunded", "charged_back"]) | VALUES,
            "currency_id": st.just("COP") | VALUES,
            "transaction_amount": VALUES,
            "transaction_amount_refunded": VALUES,
            "external_reference": VALUES,
            "date_last_updated": VALUES,
            "payments": VALUES,
            "payer": VALUES,
        }
    ),
    "wompi": st.fixed_dictionaries(
        {
            "data": VALUES
            | st.fixed_dictionaries(
                {
                    "id": st.just("p") | VALUES,
                    "status": st.just("APPROVED") | VALUES,
                    "amount_in_cents": VALUES,
                    "currency": st.just("COP") | VALUES,
                    "finalized_at": VALUES,
                }
            )
        }
    ),
    "payu": st.fixed_dictionaries(
        {
            "code": st.just("SUCCESS") | VALUES,
            "result": VALUES
            | st.fixed_dictionaries(
                {
                    "payload": VALUES
                    | st.lists(
                        st.fixed_dictionaries(
                            {
                                "referenceCode": st.just("r") | VALUES,
                                "transactions": VALUES
                                | st.lists(
                                    st.fixed_dictionaries(
                                        {
                                            "id": st.just("p") | VALUES,
                                            "type": st.sampled_from(["CAPTURE", "REFUND"]),
                                            "transactionResponse": VALUES
                                            | st.just({"state": "APPROVED"}),
                                            "additionalValues": VALUES
                                            | st.just(
                                                {"TX_VALUE": {"value": 1, "currency": "COP"}}
                                            ),
                                            "parentTransactionId": VALUES,
                                        }
                                    ),
                                    max_size=3,
                                ),
                            }
                        ),
                        max_size=2,
                    )
                }
            ),
        }
    ),
    "epayco": st.fixed_dictionaries(
        {
            "success": st.just(value=True) | VALUES,
            "text_response": VALUES,
            "data": VALUES
            | st.fixed_dictionaries(
                {
                    "x_ref_payco": st.just("p") | VALUES,
                    "x_cod_transaction_state": st.just(1) | VALUES,
                    "x_amount": VALUES,
                    "x_currency_code": st.just("COP") | VALUES,
                    "x_transaction_date": VALUES,
                }
            ),
        }
    ),
}


@pytest.mark.parametrize("kind", sorted(ANSWERS))
@given(data=st.data())
@MANY
def test_no_answer_breaks_anything(kind: str, data: st.DataObject) -> None:
    module = module_of(kind)
    assert isinstance(module, Asked)
    case = data.draw(st.sampled_from(["", "p"]))
    notice = PaymentNotice(kind, "e", "approved", "p", reference="r", case_key=case)
    likely = ANSWERS[kind].map(json.dumps).map(str.encode)
    body = data.draw(likely | st.binary(max_size=100))
    status = data.draw(st.just(200) | st.integers(100, 599))
    setting = replace(
        SETTINGS[kind], environment=data.draw(st.sampled_from(["production", "sandbox"]))
    )
    try:
        notices = module.answer(notice, setting, status, body)
    except (NotAnsweredError, MalformedError):
        return
    assert {notice.payment_key for notice in notices} <= {"p"} or case
    for told in notices:
        assert told.amount_minor is None or 0 <= told.amount_minor < 10**18
        assert f"{told.reference}{told.event_key}{told.detail}".encode()  # no half characters


@given(
    mapping=VALUES.filter(lambda value: isinstance(value, dict))
    | st.fixed_dictionaries(dict.fromkeys(MAPPING, VALUES))
)
@MANY
def test_no_mapping_breaks_its_check_and_what_passes_it_can_be_used(mapping: Any) -> None:
    from escalon.providers import standard_webhooks

    if standard_webhooks.check_mapping(mapping):
        return
    setting = replace(SETTINGS["standard_webhooks"], mapping=mapping)
    request = signed.standard({"type": "payment.approved"})
    try:
        standard_webhooks.receive(request, setting, [signed.STANDARD], signed.NOW)
    except MalformedError:
        return


@given(seconds=st.integers(-(10**9), 10**9))
@MANY
def test_time_alone_never_makes_a_forgery_good(seconds: int) -> None:
    now = signed.NOW + timedelta(seconds=seconds)
    for kind in KINDS:
        for case in CASES:
            if (case["provider"], case["layer"], case["expect"]) == (kind, "signature", "reject"):
                if case.get("signature_alone") == "accept" or "future" in case["name"]:
                    continue  # these two are about the time
                assert receive(kind, request_of(case), now) in (NotAuthenticError, MalformedError)
