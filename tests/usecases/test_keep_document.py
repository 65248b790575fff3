"""The document of an agreement: kept once, with its evidence, and known again by anybody."""

import contextlib
import hashlib
import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.domain.agreements.agreed import Acceptance
from escalon.pages.verification import _WORDS
from escalon.usecases.agreements.keep_document import KeptDocument, NoDocumentYetError
from escalon.usecases.agreements.verify_document import VerifyDocument
from tests.doubles.crashing import Crash, Faults, When
from tests.doubles.world import OneRulebook
from tests.usecases.agreements_http import AgreementsHttp

PLAN = {"offer": "plan", "first_on": "2026-09-20", "instalments": 3}
PHONE = {"channel": "phone"}


@pytest.fixture
def http() -> AgreementsHttp:
    return AgreementsHttp()


def agreed(http: AgreementsHttp) -> str:
    asked = {"key": "k1", "terms": PLAN, "accepted": PHONE}
    return str(http.call("POST", "/accounts/a1/agreements", asked)[1]["agreement_id"])


def kept(http: AgreementsHttp) -> KeptDocument:
    return http.documents().keep("a1", agreed(http))


def moved(http: AgreementsHttp) -> None:
    """The creditor has another telephone number: the words of its papers change."""
    rules = http.world.rulebook()
    andina = replace(rules.creditors["andina"], phone="+57 601 999 9999")
    other = replace(rules, creditors={**rules.creditors, "andina": andina}, version="moved")
    http.world.rulebooks = OneRulebook(other)


def test_the_pdf_and_its_evidence_lie_side_by_side(http: AgreementsHttp) -> None:
    one = kept(http)
    folder = f"agreements/a1/{one.agreement_id}"
    assert sorted(http.world.s3.objects) == [f"{folder}.json", f"{folder}.pdf"]
    pdf, metadata = http.world.s3.objects[f"{folder}.pdf"]
    assert (pdf[:5], metadata) == (b"%PDF-", {"content-hash": one.content_hash})
    assert one.file_hash == hashlib.sha256(pdf).hexdigest()
    evidence = json.loads(http.world.s3.objects[f"{folder}.json"][0])
    assert evidence["acceptance"]["channel"] == "phone"
    assert evidence["file_hash"] == one.file_hash
    assert evidence["agreement"]["agreement_id"] == one.agreement_id


def test_evidence_that_was_kept_before_links_and_codes_were_named_is_still_read() -> None:
    kept = (
        b'{"at":"2026-09-15T15:00:00Z","by":"debtor","channel":"portal","ip":"203.0.113.9",'
        b'"code_point":"p-sms","document_hash":"ab"}'
    )
    found = msgspec.json.decode(kept, type=Acceptance)
    assert (found.code_point, found.message_id, found.challenge_id) == ("p-sms", "", "")
    assert msgspec.json.encode(found) == kept


def test_what_was_kept_first_is_the_document_whatever_changes(http: AgreementsHttp) -> None:
    one = kept(http)
    before = dict(http.world.s3.objects)
    moved(http)
    assert http.documents().keep("a1", one.agreement_id) == one
    assert http.world.s3.objects == before
    assert http.documents().pdf("a1", one.agreement_id) == before[one.key][0]


def test_it_says_what_was_shown_in_the_language_in_which_it_was(http: AgreementsHttp) -> None:
    made = http.call("POST", "/accounts/a1/agreements", {"key": "k1", "terms": PLAN})[1]
    documents = http.documents()
    spanish = documents.paper("a1", made["agreement_id"], "es-CO")
    english = documents.paper("a1", made["agreement_id"])
    assert (spanish.title, english.title) == (
        "Acuerdo de pago en cuotas",
        "Agreement to pay in instalments",
    )
    assert spanish.hash != english.hash
    from tests.usecases.agreeing import AGENT, Evidence

    evidence = Evidence("portal", document_hash=spanish.hash)
    http.world.manage().accept("k2", "a1", made["agreement_id"], evidence, AGENT)
    one = documents.keep("a1", made["agreement_id"])
    assert (one.content_hash, one.as_shown) == (spanish.hash, True)


def test_words_that_nobody_was_shown_are_said_to_be_others(http: AgreementsHttp) -> None:
    from tests.usecases.agreeing import AGENT, Evidence

    made = http.call("POST", "/accounts/a1/agreements", {"key": "k1", "terms": PLAN})[1]
    evidence = Evidence("portal", document_hash="0" * 64)
    http.world.manage().accept("k2", "a1", made["agreement_id"], evidence, AGENT)
    assert http.documents().keep("a1", made["agreement_id"]).as_shown is False


def test_what_is_not_in_force_has_no_document(http: AgreementsHttp) -> None:
    made = http.call("POST", "/accounts/a1/agreements", {"key": "k1", "terms": PLAN})[1]
    with pytest.raises(NoDocumentYetError):
        http.documents().keep("a1", made["agreement_id"])
    with pytest.raises(NoDocumentYetError):
        http.documents().keep("a1", "g0")
    assert http.world.s3.objects == {}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 8))
def test_a_crash_at_any_call_leaves_one_document(
    http: AgreementsHttp, number: int, when: When
) -> None:
    agreement_id = agreed(http)
    with contextlib.suppress(Crash):
        http.documents(Faults(number, when)).keep("a1", agreement_id)
    before = {key: body for key, (body, _) in http.world.s3.objects.items() if key.endswith("pdf")}
    moved(http)
    one = http.documents().keep("a1", agreement_id)
    pdf = http.world.s3.objects[one.key][0]
    assert before in ({}, {one.key: pdf})  # what was put first is the document
    assert one.file_hash == hashlib.sha256(pdf).hexdigest()
    found = http.documents().verify(one.file_hash)
    assert found is not None
    assert found.stands


def test_what_was_forgotten_was_issued_all_the_same(http: AgreementsHttp) -> None:
    one = kept(http)
    http.world.put(replace(http.world.account(), agreements=()))
    found = http.documents().verify(one.code)
    assert found is not None
    assert (found.state, found.stands) == ("ended", False)
    assert "sus datos ya no se conservan" in shown(http, one.code, "es")[1]


# ------------------------------------------------------------------------------- verification


def test_a_document_is_known_by_its_code_and_by_both_of_its_hashes(http: AgreementsHttp) -> None:
    one = kept(http)
    documents = http.documents()
    spoken = f"{one.code[:4]}-{one.code[4:8]} {one.code[8:]}".lower().replace("0", "o")
    for written in (one.code, spoken, one.content_hash, one.file_hash.upper()):
        found = documents.verify(written)
        assert found is not None
        assert (found.creditor, found.state, found.stands) == ("andina", "active", True)
    by_file = documents.verify(one.file_hash)
    assert by_file is not None
    assert by_file.by == "file"


@pytest.mark.parametrize("written", ["", "x", "0" * 16, "0" * 64, "A#a1", "../../etc", "é" * 16])
def test_what_was_never_issued_is_not_known(http: AgreementsHttp, written: str) -> None:
    kept(http)
    assert http.documents().verify(written) is None


def test_it_does_not_stand_once_the_agreement_is_cancelled(http: AgreementsHttp) -> None:
    one = kept(http)
    place = f"/accounts/a1/agreements/{one.agreement_id}"
    version = http.world.agreement().version
    act = {"key": "k2", "why": "asked to", "version": version}
    assert http.call("POST", f"{place}/cancellation", act)[0] == 200
    found = http.documents().verify(one.code)
    assert found is not None
    assert (found.state, found.stands) == ("cancelled", False)


def shown(http: AgreementsHttp, written: str, languages: str) -> tuple[int, str]:
    page = VerifyDocument(http.documents()).page(written, languages)
    return page.status, str(page.body)


@pytest.mark.parametrize(
    ("languages", "words"),
    [
        ("es-CO,es;q=0.9", "El documento es auténtico"),
        ("en-GB,en;q=0.8", "The document is genuine"),
        ("de", "El documento es auténtico"),
    ],
)
def test_the_page_says_that_it_is_genuine_and_nothing_of_anybody(
    http: AgreementsHttp, languages: str, words: str
) -> None:
    one = kept(http)
    status, body = shown(http, one.code, languages)
    assert (status, words in body, "Almacenes Andina S.A.S." in body) == (200, True, True)
    for private in ("Ana", "Gómez", "ref-a1", "300,000", "300.000", "doc-r1", one.agreement_id):
        assert private not in body
    fields: dict[str, Any] = VerifyDocument(http.documents()).fields(one.code)[1]
    assert set(fields) == {"issued", "creditor", "kept_at", "state", "stands", "by"}


def test_a_code_that_was_never_issued_is_shown_no_markup(http: AgreementsHttp) -> None:
    status, body = shown(http, "<script>alert(1)</script>", "en")
    assert (status, "We did not find this document" in body) == (404, True)
    assert "<script>" not in body
    assert VerifyDocument(http.documents()).fields("x") == (404, {"issued": False})


def test_both_languages_have_the_same_sentences() -> None:
    assert _WORDS["es"].keys() == _WORDS["en"].keys()
