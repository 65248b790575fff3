"""What a person may ask about their data: all of it, that we forget them, how we may reach them.
Colombia: Ley 1581 of 2012, arts. 8, 14 and 15; lesson L24."""

import io
import json
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.history import History
from escalon.adapters.table import Table
from escalon.domain.account import Account, Consent, ContactRecord, Hold
from escalon.domain.agreements.agreed import Acceptance, Agreement
from escalon.domain.calendar import Week
from escalon.domain.contact.consents import ConsentEntry
from escalon.domain.contact.facts import Conversation, ExtraHours, Request
from escalon.domain.retention import Fate, Retention
from escalon.usecases.operators.acts import ActRefusedError, Person
from escalon.usecases.operators.answer_personal_data import AnswerPersonalData
from escalon.usecases.personal_data import (
    Ask,
    NoteAttempt,
    NoteConversation,
    NoteRequest,
    OpenHours,
    PersonalData,
    RecordConsent,
    RefuseChannel,
)
from tests.doubles.crashing import Crash, Crashing, Faults
from tests.doubles.world import NOW, TABLE, World, debtor, point, receivable, rulebook

ANA = Person("arn:aws:sts::1:assumed-role/Agent/ana", "agent")
TEN_YEARS = {"messages": Retention(120, "Código de Comercio, art. 60")}
RULES = replace(rulebook(), retention={"CO": TEN_YEARS, "*": TEN_YEARS})
PAID: tuple[Any, ...] = ()


def data(world: World, faults: Faults | None = None) -> PersonalData:
    faults = faults or Faults()
    table = Table(Crashing(world.dynamo, faults), TABLE, 1, pause=lambda _: None)
    history = History(Crashing(world.dynamo, faults), "history")
    documents = Documents(Crashing(world.s3, faults), "bucket")
    papers = Documents(Crashing(world.s3, faults), "papers")
    return PersonalData(table, history, documents, lambda _="": RULES, world.clock, papers)


def known(world: World, **more: Any) -> Account:
    """Somebody who owes nothing any more, and was written to once."""
    account = replace(debtor(), receivables=PAID, source_ref="52123456", **more)
    world.put(account, None)
    table = world.table
    message = {"message_id": "m1", "claimed_at": NOW.isoformat(), "to": "ana@example.com"}
    table.save(table.put_document("A#a1", "M#m1", message))
    task = {"note": "Ana dijo que paga", "opened_at": NOW.isoformat()}
    table.save(table.put_document("A#a1", "T#t1", task))
    table.save(table.put_document("A#a1", "D#door", {"tries": 1}))
    table.save(table.put_document("A#a1", "R#r1", receivable(open_minor=0)))
    world.s3.objects["messages/a1/m1-abc.eml"] = (b"To: ana@example.com", {})
    world.s3.objects["messages/a2/m9-abc.eml"] = (b"To: eva@example.com", {})
    return account


def problem(error: pytest.ExceptionInfo[ActRefusedError]) -> tuple[str, str, str]:
    (one,) = error.value.problems
    return error.value.fault, one.field, one.problem


# --- consents ------------------------------------------------------------------------------------


def test_every_change_of_a_consent_is_in_the_ledger_whoever_makes_it() -> None:
    world = World()
    given = Consent(date(2026, 1, 5), "contrato 7")
    world.put(replace(debtor(), points=(replace(point(), consent=given), point("sms"))))
    assert world.table.consents("a1") == []  # what an account is first known with is no change
    assert data(world).refuse_channel(RefuseChannel("k1", "llamó", "a1", "email"), ANA) is False
    withdrawn = replace(given, revoked_at=NOW)
    by = ("consent_revoked",)
    assert world.table.consents("a1") == [
        ConsentEntry(
            NOW, "withdrawn", "email", by, "p-email", "ana@example.com", None, withdrawn, given
        ),
        ConsentEntry(NOW, "refused", "email", by),
    ]
    world.clock.at = NOW + timedelta(days=1)
    order = RecordConsent("k2", "escribió", "a1", "email", "ANA@example.com", "carta 8")
    assert data(world).record_consent(order, ANA) is False
    again = Consent(date(2026, 9, 8), "carta 8")
    entries = world.table.consents("a1")[2:]
    assert [(e.became, e.consent, e.before) for e in entries] == [
        ("given", again, withdrawn),
        ("allowed", None, None),
    ]
    shown = data(world).consents("a1")
    assert (shown.refused_channels, shown.points[0].consent) == ((), again)
    assert len(shown.ledger) == 4


def test_an_address_that_goes_takes_its_consent_along() -> None:
    world = World()
    given = Consent(date(2026, 1, 5), "contrato 7")
    world.put(replace(debtor(), points=(replace(point(), consent=given),)))
    world.put(replace(debtor(), points=(replace(point("sms"), consent=given),)))
    assert [(e.became, e.point_id, e.consent, e.before) for e in world.table.consents("a1")] == [
        ("given", "p-sms", given, None),
        ("removed", "p-email", None, given),
    ]


def test_an_act_is_done_once_and_stands_in_the_audit_log() -> None:
    world = World()
    world.put(debtor())
    order = RefuseChannel("k1", "llamó", "a1", "sms")
    assert [data(world).refuse_channel(order, ANA) for _ in range(2)] == [False, True]
    (act,) = world.table.acts(NOW.date(), NOW.date())
    assert (act.did, act.who, act.why, act.about) == (
        "consent_revoked", ANA.who, "llamó", {"account_id": "a1"},
    )  # fmt: skip
    with pytest.raises(ActRefusedError) as error:
        data(world).refuse_channel(replace(order, channel="email"), ANA)
    assert problem(error) == ("conflict", "key", "something else was done under this key")
    assert "llamó" not in str(world.facts("a1"))  # the reason is told to nobody


def test_a_consent_is_for_an_address_on_file() -> None:
    world = World()
    world.put(debtor())
    with pytest.raises(ActRefusedError) as error:
        data(world).record_consent(RecordConsent("k", "w", "a1", "email", "x@y.co", "e"), ANA)
    assert problem(error) == ("not_found", "address", "no contact point on file has this address")


@pytest.mark.parametrize(
    ("granted_on", "told"),
    [
        (date(2024, 1, 5), "is before they withdrew it (2026-09-07)"),
        (date(2026, 9, 6), "is before they withdrew it (2026-09-07)"),
        (date(2026, 9, 7), ""),
        (date(2026, 9, 8), ""),
        (None, ""),
    ],
)
def test_a_word_from_before_a_withdrawal_gives_nothing_back(
    granted_on: date | None, told: str
) -> None:
    """It was withdrawn at 20:00 in Bogotá, which is the next day in UTC."""
    world = World()
    world.put(debtor())
    world.clock.at = datetime(2026, 9, 8, 1, tzinfo=UTC)
    data(world).refuse_channel(RefuseChannel("k1", "llamó", "a1", "email"), ANA)
    world.clock.at = datetime(2026, 9, 9, 15, tzinfo=UTC)
    before = world.account()
    order = RecordConsent("k2", "w", "a1", "email", "ana@example.com", "contrato 7", granted_on)
    if not told:
        data(world).record_consent(order, ANA)
        point = world.account().points[0]
        assert point.consent == Consent(granted_on or date(2026, 9, 9), "contrato 7")
        assert world.account().refused_channels == ()
        return
    with pytest.raises(ActRefusedError) as error:
        data(world).record_consent(order, ANA)
    assert problem(error) == ("wrong", "granted_on", told)
    assert world.account() == before


def test_a_withdrawal_that_was_imported_is_of_its_day_everywhere() -> None:
    """An import tells a day; in Bogotá the instant that is kept for it is in the evening before."""
    world = World()
    withdrawn = Consent(date(2024, 1, 5), "contrato 7", datetime(2026, 9, 5, tzinfo=UTC))
    world.put(debtor(points=(replace(point("email"), consent=withdrawn),)))
    order = RecordConsent("k2", "w", "a1", "email", "ana@example.com", "7", date(2026, 9, 4))
    with pytest.raises(ActRefusedError) as error:
        data(world).record_consent(order, ANA)
    assert problem(error)[1:] == ("granted_on", "is before they withdrew it (2026-09-05)")


def test_an_address_that_came_after_a_refusal_brings_no_older_word_along() -> None:
    """The channel was refused while it had no address, so no consent says when."""
    world = World()
    world.put(debtor(points=(point("sms"),)))
    data(world).refuse_channel(RefuseChannel("k1", "llamó", "a1", "email"), ANA)
    world.put(replace(world.account(), points=(point("sms"), point("email"))))
    order = RecordConsent("k2", "w", "a1", "email", "ana@example.com", "7", date(2024, 1, 5))
    with pytest.raises(ActRefusedError) as error:
        data(world).record_consent(order, ANA)
    assert problem(error)[1:] == ("granted_on", "is before they withdrew it (2026-09-07)")
    data(world).record_consent(replace(order, granted_on=date(2026, 9, 7)), ANA)
    assert world.account().refused_channels == ()


def test_a_withdrawal_of_which_nobody_told_the_day_is_outweighed_by_any() -> None:
    world = World()
    never = Consent(revoked_at=datetime(1, 1, 1, tzinfo=UTC))  # as an import writes it
    world.put(debtor(points=(replace(point(), consent=never),)))
    order = RecordConsent("k2", "w", "a1", "email", "ana@example.com", "7", date(2024, 1, 5))
    data(world).record_consent(order, ANA)
    assert world.account().points[0].consent == Consent(date(2024, 1, 5), "7")


def test_the_day_of_a_consent_is_the_debtors_own() -> None:
    """At 20:00 in Bogotá it is the next day in UTC; of this debtor the country alone is known."""
    world = World()
    world.put(replace(debtor(), zones=()))
    world.clock.at = datetime(2026, 9, 8, 1, tzinfo=UTC)
    order = RecordConsent("k1", "w", "a1", "email", "ana@example.com", "carta 8")
    data(world).record_consent(order, ANA)
    assert world.account().points[0].consent == Consent(date(2026, 9, 7), "carta 8")


@pytest.mark.parametrize(
    ("creditor", "inbound", "told"),
    [
        ("", False, ["r1", "r2", "r3"]),
        ("andina", False, ["r1", "r2"]),
        ("boreal", False, ["r3"]),
        ("andina", True, ["r1", "r2"]),
    ],
)
def test_a_conversation_is_the_first_communication_about_the_debts_whoever_began(
    creditor: str, inbound: bool, told: list[str]
) -> None:
    """12 CFR 1006.34(a)(1): the validation notice is due five days after it."""
    world = World()
    owed = (receivable("r1"), receivable("r2"), receivable("r3", creditor="boreal"))
    world.put(debtor("a1", *owed))
    at = NOW - timedelta(hours=2)
    data(world).note_conversation(
        NoteConversation("k", "llamamos", "a1", "voice", at, inbound, creditor), ANA
    )
    account = world.account()
    assert [r.receivable_id for r in account.receivables if r.first_contact_at == at] == told
    assert [c.creditor for c in account.contacts] == ([] if inbound else [creditor])


def test_a_conversation_is_about_a_creditor_to_whom_something_is_owed() -> None:
    world = World()
    world.put(debtor())
    order = NoteConversation("k", "llamamos", "a1", "voice", NOW, creditor="nobody")
    with pytest.raises(ActRefusedError) as error:
        data(world).note_conversation(order, ANA)
    assert problem(error) == ("wrong", "creditor", "the person owes nothing to this creditor")
    assert world.account().contacts == ()


def test_a_conversation_is_kept_for_the_contact_policy() -> None:
    world = World()
    world.put(debtor())
    at = NOW - timedelta(hours=2)
    order = NoteConversation("k", "preguntó por su saldo", "a1", "voice", at, inbound=True)
    data(world).note_conversation(order, ANA)
    (spoken,) = world.account().conversations or ()
    assert (spoken.at, spoken.channel, spoken.inbound) == (at, "voice", True)
    with pytest.raises(ActRefusedError) as error:
        data(world).note_conversation(replace(order, key="k2", at=NOW + timedelta(hours=1)), ANA)
    assert problem(error) == ("wrong", "at", "is still to come")


def test_what_people_do_outside_the_system_is_on_the_persons_clock() -> None:
    """Ley 2300 of 2023, art. 3: a call is a contact, answered or not; one of theirs is none."""
    world = World()
    world.put(debtor())
    at = NOW - timedelta(hours=2)
    spoken = NoteConversation("k1", "llamamos", "a1", "voice", at)
    data(world).note_conversation(spoken, ANA)
    data(world).note_conversation(replace(spoken, key="k2", inbound=True), ANA)
    attempt = NoteAttempt("k3", "no contestó", "a1", "voice", NOW)
    assert [data(world).note_attempt(attempt, ANA) for _ in range(2)] == [False, True]
    account = world.account()
    assert account.contacts == (
        ContactRecord("noted-k1", "voice", at),
        ContactRecord("noted-k3", "voice", NOW),
    )
    assert account.conversations == (
        Conversation(at, "voice"),
        Conversation(at, "voice", inbound=True),
    )
    late = replace(attempt, key="k4", at=NOW + timedelta(hours=1))
    with pytest.raises(ActRefusedError) as error:
        data(world).note_attempt(late, ANA)
    assert problem(error) == ("wrong", "at", "is still to come")


def test_who_asks_for_another_channel_is_let_out_of_the_weeks_channel() -> None:
    """MinCIT 1-2023-033145: the lock is the person's to open; a request has its evidence."""
    world = World()
    world.put(debtor())
    order = NoteRequest("k1", "lo pidió", "a1", "sms", "channel", NOW, "grabación 88")
    data(world).note_request(order, ANA)
    assert world.account().requests == (Request(NOW, "sms", "channel", "grabación 88"),)
    (act,) = world.table.acts(NOW.date(), NOW.date())
    assert (act.did, act.about) == ("request_noted", {"account_id": "a1"})
    assert "grabación" not in str(world.facts("a1"))


def test_further_hours_count_from_a_document_later_than_the_contract() -> None:
    """Ley 2300 of 2023, art. 3 par."""
    world = World()
    world.put(debtor())
    week: Week = (*(((1140, 1260),),) * 5, (), ())
    order = OpenHours("k1", "carta", "a1", week, date(2026, 9, 1), date(2026, 1, 10), "carta 12")
    for wrong, told in (
        (replace(order, signed_on=date(2026, 1, 10)), "is not later than the contract"),
        (replace(order, signed_on=date(2026, 9, 8)), "is still to come"),
    ):
        with pytest.raises(ActRefusedError) as error:
            data(world).open_hours(wrong, ANA)
        assert problem(error) == ("wrong", "signed_on", told)
    data(world).open_hours(order, ANA)
    opened = ExtraHours(week, date(2026, 9, 1), date(2026, 1, 10), "carta 12")
    assert world.account().extra_hours == opened


# --- a copy --------------------------------------------------------------------------------------


def test_a_copy_has_all_that_is_kept_of_the_person_and_of_nobody_else() -> None:
    world = World()
    known(world)
    world.put(debtor("a2"))
    key = data(world).export(Ask("x1", "petición 88", "a1"), ANA)
    assert key == "exports/a1/x1.zip"
    with ZipFile(io.BytesIO(world.s3.objects[key][0])) as archive:
        names = archive.namelist()
        account = json.loads(archive.read("account.json"))
        letter = archive.read("documents/m1-abc.eml")
    assert names == [
        "README.txt", "account.json", "history.json", "messages.json", "other.json",
        "receivables.json", "tasks.json", "documents/m1-abc.eml",
    ]  # fmt: skip
    assert (account[0]["source_ref"], letter) == ("52123456", b"To: ana@example.com")
    (act,) = world.table.acts(NOW.date(), NOW.date())
    assert (act.did, act.why) == ("data_exported", "petición 88")


# --- to be forgotten -----------------------------------------------------------------------------


def test_whoever_owes_cannot_be_forgotten() -> None:
    """Decreto 1377 of 2013, art. 9: not while there is a duty to stay."""
    for more, told in (
        ({"receivables": (receivable(),)}, "a debt is open"),
        ({"receivables": PAID, "credits": {"andina|COP": 5}}, "there is unapplied credit"),
    ):
        world = World()
        world.put(replace(debtor(), **more))  # type: ignore[arg-type]
        before = world.all_items()
        with pytest.raises(ActRefusedError) as error:
            data(world).erase(Ask("e1", "solicitud", "a1"), ANA)
        assert problem(error) == ("conflict", "account_id", told)
        assert world.all_items() == before


def test_the_person_goes_at_once_and_what_a_law_keeps_on_its_day() -> None:
    world = World()
    known(world, tags=("vip",), holds=(Hold("h", "dispute", NOW.date(), NOW.date(), note="Ana"),))
    erasure = data(world).erase(Ask("e1", "solicitud 89", "a1"), ANA)
    assert erasure.fates == (
        Fate("profile", 1),
        Fate("messages", 1, date(2036, 9, 7), "Código de Comercio, art. 60"),
        Fate("tasks", 1),
        Fate("consents", 3),
    )
    assert erasure.done == ("profile", "tasks", "consents")
    account = world.account()
    assert (account.name, account.source_ref, account.points, account.tags) == ("", "", (), ())
    assert account.holds[0].note == ""
    left = {sk for (pk, sk) in world.all_items() if pk == "A#a1"}
    assert left == {"A", "ERASURE", "M#m1", "R#r1"}
    assert "messages/a1/m1-abc.eml" in world.s3.objects
    (told,) = world.facts("a1", "person_erased")
    assert told["kinds_kept"] == 1


def test_every_day_what_may_go_by_then_goes() -> None:
    world = World()
    known(world)
    data(world).erase(Ask("e1", "solicitud 89", "a1"), ANA)
    assert data(world).due() == 0  # nothing is due today
    world.clock.at = datetime(2036, 9, 6, 23, tzinfo=UTC)
    assert data(world).due() == 0
    world.clock.at = datetime(2036, 9, 7, 0, tzinfo=UTC)
    assert data(world).due() == 1
    assert [sk for pk, sk in world.all_items() if pk == "A#a1"] == ["A", "R#r1", "ERASURE"]
    assert list(world.s3.objects) == ["messages/a2/m9-abc.eml"]
    assert data(world).due() == 0  # nothing is left to do


def test_an_agreement_that_is_over_goes_and_its_locked_document_stays_until_its_time() -> None:
    world = World()
    ended = Agreement(
        "g1", "andina", "COP", "promise", "promise", "fulfilled", {"r1": {"principal": 1}},
        date(2026, 1, 5), (), accepted=Acceptance(NOW, "debtor", "portal", ip="192.0.2.9"),
    )  # fmt: skip
    known(world, agreements=(ended,))
    world.s3.objects["agreements/a1/g1.pdf"] = (b"%PDF Ana", {})
    copy = world.s3.objects[data(world).export(Ask("c1", "solicitud", "a1"), ANA)][0]
    with ZipFile(io.BytesIO(copy)) as archive:
        assert archive.read("documents/g1.pdf") == b"%PDF Ana"
    erasure = data(world).erase(Ask("e1", "solicitud", "a1"), ANA)
    assert "agreements" in erasure.done  # no law was named that keeps it
    assert world.account().agreements == ()
    assert "agreements/a1/g1.pdf" in world.s3.objects


def test_no_name_is_left_anywhere_once_nothing_has_to_stay() -> None:
    world = World()
    known(world)
    data(world).refuse_channel(RefuseChannel("k1", "no", "a1", "email"), ANA)
    data(world).erase(Ask("e1", "solicitud", "a1"), ANA)
    world.clock.at = datetime(2040, 1, 1, tzinfo=UTC)
    data(world).due()
    items = {key: item for key, item in world.all_items().items() if key[0] == "A#a1"}
    for private in ("Ana", "52123456", "ana@example.com", "+5730"):
        assert private not in str(items)


def test_whoever_is_known_again_can_be_forgotten_again_and_what_is_new_stays_its_time() -> None:
    world = World()
    known(world)
    data(world).erase(Ask("e1", "solicitud", "a1"), ANA)
    world.clock.at = NOW + timedelta(days=400)
    again = {"message_id": "m2", "claimed_at": world.clock.at.isoformat(), "to": "ana@example.com"}
    world.table.save(world.table.put_document("A#a1", "M#m2", again))
    world.s3.objects["messages/a1/m2-abc.eml"] = (b"To: ana@example.com", {})
    world.put(replace(debtor(), receivables=PAID, source_ref="52123456"), None)
    with pytest.raises(ActRefusedError) as error:
        data(world).erase(Ask("e1", "solicitud", "a1"), ANA)
    assert problem(error) == (
        "conflict", "key", "something was done under this key, and the person is known again",
    )  # fmt: skip
    # On the day of the first order what has come since stays.
    world.clock.at = datetime(2036, 9, 7, tzinfo=UTC)
    data(world).due()
    assert {key for key in world.s3.objects if "/a1/" in key} == {"messages/a1/m2-abc.eml"}
    second = data(world).erase(Ask("e2", "solicitud", "a1"), ANA)
    assert [(fate.kind, fate.until) for fate in second.left] == [("messages", date(2037, 10, 12))]
    assert world.account().name == ""


def test_a_copy_is_the_same_for_the_same_key_and_for_nobody_else() -> None:
    world = World()
    known(world)
    key = data(world).export(Ask("x1", "petición", "a1"), ANA)
    first = world.s3.objects[key]
    world.clock.at = NOW + timedelta(days=1)
    assert world.s3.objects[data(world).export(Ask("x1", "petición", "a1"), ANA)] == first
    eve = Person("arn:aws:sts::1:assumed-role/Other/eve", "other")
    with pytest.raises(ActRefusedError) as error:
        data(world).export(Ask("x1", "petición", "a1"), eve)
    assert problem(error)[:2] == ("conflict", "key")


def test_a_key_that_was_used_for_another_address_is_refused() -> None:
    world = World()
    world.put(debtor())
    order = RecordConsent("k", "w", "a1", "email", "ana@example.com", "carta 8")
    data(world).record_consent(order, ANA)
    with pytest.raises(ActRefusedError) as error:
        data(world).record_consent(replace(order, evidence="carta 9"), ANA)
    assert problem(error) == ("conflict", "key", "something else was done under this key")


@pytest.mark.parametrize("at_call", range(1, 40))
def test_a_crash_between_any_two_steps_is_made_good(at_call: int) -> None:
    """Nothing lost, nothing twice: the order stands on its list until it is done."""
    world = World()
    known(world)
    with suppress(Crash):
        data(world, Faults(at_call)).erase(Ask("e1", "solicitud", "a1"), ANA)
    data(world).erase(Ask("e1", "solicitud", "a1"), ANA)
    world.clock.at = datetime(2040, 1, 1, tzinfo=UTC)
    data(world).due()
    assert [sk for pk, sk in world.all_items() if pk == "A#a1"] == ["A", "R#r1", "ERASURE"]
    assert [act.did for act in world.table.acts(NOW.date(), NOW.date())] == ["data_erased"]


# --- over HTTP -----------------------------------------------------------------------------------


def answer(world: World, route: str, **fields: Any) -> tuple[int, Any]:
    asked = AnswerPersonalData(data(world), Documents(world.s3, "bucket"))
    given = asked(route, {"id": "a1"}, json.dumps(fields).encode(), ANA.who)
    return given.status, given.body


def test_operators_ask_over_http() -> None:
    world = World()
    known(world)
    do = {"key": "k1", "why": "lo pidió"}
    assert answer(world, "POST /accounts/{id}/refusals", **do, channel="sms") == (
        200, {"done": "consent_revoked", "again": False},
    )  # fmt: skip
    status, shown = answer(world, "GET /accounts/{id}/consents")
    assert (status, shown["refused_channels"]) == (200, ("sms",))
    status, copy = answer(world, "POST /accounts/{id}/exports", key="k2", why="petición")
    assert (status, copy["address"]) == (
        200, "https://s3.example.com/exports/a1/k2.zip?operation=get_object&seconds=900",
    )  # fmt: skip
    status, erased = answer(world, "POST /accounts/{id}/erasures", key="k3", why="solicitud")
    assert status == 200
    assert [(r["kind"], r["gone"]) for r in erased["records"]] == [
        ("profile", True), ("messages", False), ("tasks", True), ("consents", True),
    ]  # fmt: skip


def test_whose_debts_a_conversation_was_about_comes_over_http() -> None:
    world = World()
    world.put(debtor("a1", receivable("r1"), receivable("r2", creditor="boreal")))
    done = answer(
        world, "POST /accounts/{id}/conversations",
        key="k", why="x", channel="voice", at=NOW.isoformat(), creditor="boreal",
    )  # fmt: skip
    assert done == (200, {"done": "conversation_noted", "again": False})
    assert [r.first_contact_at for r in world.account().receivables] == [None, NOW]


def test_what_is_wrong_with_a_form_is_said_field_by_field() -> None:
    world = World()
    known(world)
    status, body = answer(
        world, "POST /accounts/{id}/conversations", why="x", channel="fax", colour=1
    )
    assert status == 400
    assert [(p["field"], p["problem"]) for p in body["problems"]] == [
        ("key", "is missing"),
        ("channel", "'fax' is not one of them"),
        ("at", "is missing"),
        ("colour", "there is no such field"),
    ]
