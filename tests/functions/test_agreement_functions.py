"""Agreements, their documents and their verification through the handlers; the logs name nobody."""

import base64
import hashlib
import json
from datetime import date
from typing import Any

import pytest

from escalon.domain.account import Account, Consent, ContactPoint, Receivable
from escalon.domain.identity import account_id_of
from escalon.domain.storage import Change, Stored
from tests.functions.conftest import IDENTITY_KEY, NOW, Aws, Invocation
from tests.functions.test_functions import event

DEBTOR = "aevents0agreements"
AGREED = Consent(date(2026, 1, 5), "contract")
PERSONAL = ("Gloria", "Vallejo", "gloria@", "71000001", "FA-AGREE", "agent-1", DEBTOR, "reclamos")


def answer(done: Invocation) -> tuple[int, Any]:
    assert [word for word in PERSONAL if word in done.log] == []
    assert done.answer["multiValueHeaders"]["Cache-Control"] == ["no-store"]
    return done.answer["statusCode"], json.loads(done.answer["body"])


def owe(aws: Aws, account_id: str, name: str) -> None:
    owed = Receivable(
        name, "andina", name, date(2026, 8, 1), date(2026, 9, 1), "COP",
        40_000_000, 40_000_000, date(2026, 8, 1),
    )  # fmt: skip
    account = Account(
        account_id, "71000001", "Gloria Vallejo", country="CO", language="es-CO",
        receivables=(owed,), points=(ContactPoint("p1", "email", "gloria@example.com", AGREED),),
    )  # fmt: skip
    table = aws.deployed.table
    table.update(
        Change(Stored(account, 0), account, NOW, ()), table.put_receivable(account_id, owed)
    )


@pytest.fixture
def owing(aws: Aws) -> Aws:
    """Somebody owes 400,000 pesos that were due a month ago."""
    owe(aws, DEBTOR, "FA-AGREE-1")
    return aws


def about(path: str, agreement_id: str) -> dict[str, Any]:
    text = json.dumps(event(path)).replace("AGREEMENT", agreement_id)
    return dict(json.loads(text))


def agreed(aws: Aws) -> str:
    status, made = answer(aws.invoke("Agreements", event("agreements/agree_and_accept.json")))
    assert (status, made["state"]) == (200, "active"), made
    return str(made["agreement_id"])


def test_an_agent_sees_offers_and_agrees_on_one(owing: Aws) -> None:
    done = owing.invoke("Agreements", event("agreements/offers.json"))
    status, found = answer(done)
    assert (status, found["debts"]) == (200, {"FA-AGREE-1": {"principal": 40_000_000}})
    assert "plan" in found["offers"]
    assert done.counted("Operators_200") == 1
    status, made = answer(owing.invoke("Agreements", event("agreements/agree.json")))
    assert (status, made["state"]) == (200, "offered")
    accept = about("agreements/accept.json", made["agreement_id"])
    accept["headers"]["If-Match"] = f'"{made["version"]}"'
    status, found = answer(owing.invoke("Agreements", accept))
    assert (status, found["state"]) == (200, "active")


def test_a_form_with_faults_is_refused_field_by_field(owing: Aws) -> None:
    status, found = answer(owing.invoke("Agreements", event("agreements/wrong.json")))
    assert status == 422
    assert {one["field"] for one in found["problems"]} == {
        *("terms.first_on", "terms.instalments", "hurry"),
    }
    status, found = answer(owing.invoke("Agreements", event("agreements/unsigned.json")))
    assert (status, found["problems"][0]["code"]) == (403, "not_signed")


def test_holds_are_placed_and_ended(owing: Aws) -> None:
    status, placed = answer(owing.invoke("Agreements", event("agreements/place_hold.json")))
    assert (status, placed["rests"], placed["ends_on"]) == (200, True, "2026-12-04")
    status, ended = answer(owing.invoke("Agreements", event("agreements/end_hold.json")))
    assert (status, ended["rests"], ended["ended_why"]) == (200, False, "el pago no llegó")


def test_an_outside_system_tells_of_its_agreements(owing: Aws) -> None:
    owe(owing, account_id_of(IDENTITY_KEY, "71000001"), "FA-AGREE-2")
    status, taken = answer(owing.invoke("Agreements", event("agreements/update.json")))
    assert (status, taken["became"]) == (200, "applied")
    status, taken = answer(owing.invoke("Agreements", event("agreements/update_refused.json")))
    assert (status, taken["became"]) == (422, "refused")


def test_the_description_is_served(owing: Aws) -> None:
    status, found = answer(owing.invoke("Agreements", event("agreements/description.json")))
    assert (status, found["openapi"], len(found["paths"])) == (200, "3.1.0", 13)


def test_a_document_is_kept_brought_to_the_debtor_handed_out_and_verified(owing: Aws) -> None:
    agreement_id = agreed(owing)
    kept = owing.invoke("KeepDocument", about("keep_document/active.json", agreement_id))
    assert kept.answer == {"batchItemFailures": []}
    assert [one["agreement_id"] for one in kept.said("document_kept")] == [agreement_id]
    assert (kept.counted("Document_kept"), kept.counted("Document_sent")) == (1, 1)
    assert [word for word in PERSONAL[:5] if word in kept.log] == []
    again = owing.invoke("KeepDocument", about("keep_document/active.json", agreement_id))
    assert again.counted("Document_again") == 1
    assert [sent["To"] for sent in owing.sent("ses/messages")] == [["gloria@example.com"]]
    pdf = (
        owing.client("s3")
        .get_object(Bucket="papers", Key=f"agreements/{DEBTOR}/{agreement_id}.pdf")["Body"]
        .read()
    )
    handed = owing.invoke("Agreements", about("agreements/document.json", agreement_id))
    assert handed.answer["isBase64Encoded"] is True
    assert base64.b64decode(handed.answer["body"]) == pdf
    asked = event("verify_document/page.json")
    asked["pathParameters"]["code"] = hashlib.sha256(pdf).hexdigest()
    shown = owing.invoke("VerifyDocument", asked)
    assert shown.answer["statusCode"] == 200
    assert "El documento es auténtico" in shown.answer["body"]
    assert "El archivo es idéntico" in shown.answer["body"]
    assert [word for word in PERSONAL if word in shown.answer["body"] + shown.log] == []
    asked = {**event("verify_document/program.json"), "pathParameters": asked["pathParameters"]}
    told = json.loads(owing.invoke("VerifyDocument", asked).answer["body"])
    assert (told["issued"], told["creditor"], told["stands"]) == (
        *(True, "Almacenes Andina S.A.S.", True),
    )


def test_what_cannot_be_kept_comes_back_alone(owing: Aws) -> None:
    for path in ("keep_document/unreadable.json", "keep_document/active.json"):
        done = owing.invoke("KeepDocument", event(path))
        assert len(done.answer["batchItemFailures"]) == 1
    assert done.counted("Document_not_kept") == 1


def test_a_code_that_was_never_issued(owing: Aws) -> None:
    done = owing.invoke("VerifyDocument", event("verify_document/unknown.json"))
    assert done.answer["statusCode"] == 404
    assert done.counted("Verify_404") == 1
    assert "0000-0000" not in done.log
