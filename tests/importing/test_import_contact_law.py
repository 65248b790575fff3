"""What an export tells the contact policy: wishes, addresses, what is on file, and that no file
brings back what a person has withdrawn."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.domain.account import Account, Consent, ContactPoint
from escalon.domain.contact.facts import PointFacts
from escalon.domain.decisions.transitions import channel_stopped
from escalon.domain.identity import account_id_of
from escalon.importing.records import (
    AccountRecord,
    ConsentRecord,
    ContactPointRecord,
    ReceivableRecord,
    Record,
)
from escalon.importing.taking import take
from escalon.importing.values import CellError, hours, phone_zones
from tests.importing.test_import_mapping import BASE, base_row, one_row, wrong_row

NOW = datetime(2026, 9, 7, 15, tzinfo=UTC)
STOPPED = datetime(2026, 9, 5, 15, 30, tzinfo=UTC)


def row_of(text: str, **cells: str) -> Mapping[type[Any], Any]:
    """What a row says, by the kind of record; the last of its kind."""
    return {type(record): record for record in one_row(text, {**base_row(), **cells})}


WISHES = BASE.replace(
    'account: {source_ref: Doc, name: "{Nombre} {Apellido|optional}"}',
    """account:
  source_ref: Doc
  name: Nombre
  refuses: [{column: NoPor, means: {Teléfono: voice, Mensajes: sms, Nada: voice}}]
  hours: Horas""",
)


def test_an_export_tells_how_a_debtor_wants_to_be_contacted() -> None:
    found = row_of(WISHES, NoPor="Mensajes", Horas="18:00-20:00, 07:00 a 08:30")
    account = found[AccountRecord]
    assert account.refused_channels == ("sms",)
    assert account.hours == (((420, 510), (1080, 1200)),) * 7


@pytest.mark.parametrize("cell", ["afternoons", "20:00-18:00", "18:00", "18:00-24:30", "7-9"])
def test_hours_that_cannot_be_read_are_not_guessed(cell: str) -> None:
    with pytest.raises(CellError, match="no hours"):
        hours(cell)


KNOWN = BASE.replace(
    "  - {channel: email, address: Correo}",
    """  - channel: email
    address: Correo
    consent: {granted_on: Autoriza}
    origin: {column: Fuente, means: {Cliente: debtor, Agenda: device_contacts}}
    use: {column: Uso, means: {Casa: personal, Oficina: work}}
    purposes: [{tag: collection, when: {column: Cobro, is: Sí}}]
    confirmed_on: Confirmado""",
)
CELLS = {
    "Autoriza": "02/01/2026",
    "Fuente": "Cliente",
    "Uso": "Oficina",
    "Cobro": "No",
    "Confirmado": "15/06/2026",
}


def test_an_export_tells_what_is_known_of_an_address() -> None:
    (email,) = [
        record
        for record in one_row(KNOWN, {**base_row(), **CELLS})
        if isinstance(record, ContactPointRecord) and record.channel == "email"
    ]
    assert email.known == PointFacts("debtor", "work", (), date(2026, 6, 15))
    (problem,) = wrong_row(KNOWN, {**base_row(), **CELLS, "Fuente": "Vecino"})
    assert problem.column == "Fuente"


def test_an_export_tells_what_is_on_file() -> None:
    text = BASE.replace(
        "amount: Valor}",
        "amount: Valor, on_file: [always debt_document, "
        "{tag: authorisation, when: {column: Reporta, is: Sí}}]}",
    )
    assert row_of(text, Reporta="Sí")[ReceivableRecord].on_file == (
        "debt_document",
        "authorisation",
    )
    assert row_of(text, Reporta="No")[ReceivableRecord].on_file == ("debt_document",)


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+13105551234", ("America/Los_Angeles",)),
        ("+573000000000", ("America/Bogota",)),
        ("+18005551234", ()),  # a free number is of no place
        ("+34600000000", ()),  # a mobile number of either Spanish zone says nothing
        ("+56912345678", ()),
        ("nonsense", ()),
    ],
)
def test_an_area_code_names_a_zone_or_none(number: str, zones: tuple[str, ...]) -> None:
    assert phone_zones(number) == zones


# --- taken into the account ----------------------------------------------------------------------


def taken(account: Account, *records: Record) -> Account:
    """The account after an export said this of it."""
    return take(
        account,
        {},
        (),
        records,
        waiting=(),
        source="erp",
        cause="c",
        today=date(2026, 9, 7),
        zone="America/Bogota",
        now=NOW,
        name_of=lambda reference: account_id_of(b"secret", reference),
    ).account


def email(address: str = "ana@example.com", given: str = "2024-01-15", **more: Any) -> Record:
    consent = ConsentRecord(date.fromisoformat(given), "form 7", **more.pop("consent", {}))
    return ContactPointRecord("1", "email", address, consent, **more)


def sms(address: str = "+573000000001") -> Record:
    return ContactPointRecord("1", "sms", address, ConsentRecord(date(2024, 1, 15), "form 7"))


NOBODY = Account("a1", "1", "")
ANA = taken(NOBODY, AccountRecord("1", "Ana", country="CO"), email(), sms())


def stands(account: Account, channel: str) -> list[bool]:
    """Whether the consent of each address of a channel stands."""
    return [
        point.consent is not None and point.consent.stands
        for point in account.points
        if point.channel == channel
    ]


def test_the_same_file_again_does_not_bring_back_a_consent_that_was_withdrawn() -> None:
    """A complaint stops the channel; the ERP does not know of it and says what it always said."""
    stopped = channel_stopped(ANA, "email", STOPPED)
    again = taken(stopped, AccountRecord("1", "Ana", country="CO"), email(), sms())
    assert (stands(again, "email"), stands(again, "sms")) == ([False], [True])
    assert again.points[0].consent == Consent(date(2024, 1, 15), "form 7", STOPPED)


@pytest.mark.parametrize(
    ("given", "counts"), [("2026-09-04", False), ("2026-09-05", False), ("2026-09-06", True)]
)
def test_a_consent_of_a_later_day_counts_again(given: str, counts: bool) -> None:
    stopped = channel_stopped(ANA, "email", STOPPED)
    assert stands(taken(stopped, email(given=given)), "email") == [counts]


def test_another_address_by_a_channel_that_was_stopped_is_stopped_too() -> None:
    stopped = channel_stopped(ANA, "email", STOPPED)
    moved = taken(stopped, email("ana@other.example"))
    assert [point.address for point in moved.points if point.channel == "email"] == [
        "ana@other.example"
    ]
    assert stands(moved, "email") == [False]


def test_an_address_that_was_revoked_beside_one_that_was_not_says_nothing_of_a_third() -> None:
    two = taken(ANA, email(), email("ana@work.example", consent={"revoked": True}))
    assert stands(taken(two, email(), email("ana@other.example")), "email") == [True, True]


def test_an_export_that_revokes_is_believed_at_once() -> None:
    revoked = email(consent={"revoked": True, "revoked_on": date(2026, 9, 1)})
    assert stands(taken(ANA, revoked), "email") == [False]


def test_what_is_known_of_an_address_stays_where_a_file_says_nothing() -> None:
    known = PointFacts("debtor", "personal", None, date(2026, 9, 1))
    (point, _) = ANA.points
    confirmed = replace(ANA, points=(replace(point, known=known), ANA.points[1]))
    assert taken(confirmed, email()).points[0].known == known
    told = PointFacts("third_party", confirmed_on=date(2026, 8, 1))
    assert taken(confirmed, email(known=told)).points[0].known == PointFacts(
        "third_party", "personal", None, date(2026, 9, 1)
    )


def test_a_refusal_is_not_taken_back_by_a_file_that_does_not_name_it() -> None:
    refusing = taken(ANA, AccountRecord("1", "Ana", refused_channels=("sms",)))
    again = taken(refusing, AccountRecord("1", "Ana", refused_channels=("voice",)))
    assert again.refused_channels == ("sms", "voice")


def test_hours_stay_until_a_file_says_others() -> None:
    evening = (((1080, 1200),),) * 7
    wishing = taken(ANA, AccountRecord("1", "Ana", hours=evening))
    assert taken(wishing, AccountRecord("1", "Ana")).hours == evening


def test_the_zone_of_a_number_follows_the_number() -> None:
    assert ANA.number_zones == ("America/Bogota",)
    moved = taken(ANA, sms("+13105551234"))
    assert moved.number_zones == ("America/Los_Angeles",)
    dead = replace(moved, points=tuple(replace(p, failed="bounced") for p in moved.points))
    assert taken(dead, email()).number_zones == ()


def test_what_is_on_file_is_not_lost_with_a_later_file() -> None:
    def owed(*on_file: str, amount: int = 10_000) -> ReceivableRecord:
        days = date(2026, 8, 1), date(2026, 9, 1)
        return ReceivableRecord("1", "F1", "andina", "F1", *days, "COP", amount, on_file=on_file)

    first = taken(ANA, owed("authorisation"))
    (before,) = first.receivables
    again = take(
        first,
        {"F1": before},
        first.receivables,
        [owed("debt_document", amount=9_000)],
        waiting=(),
        source="erp",
        cause="c",
        today=date(2026, 9, 7),
        zone="America/Bogota",
        now=NOW,
        name_of=lambda reference: account_id_of(b"secret", reference),
    )
    assert again.account.receivables[0].on_file == ("authorisation", "debt_document")


def test_a_point_without_an_address_known_stays_as_it_was() -> None:
    point = ContactPoint("p", "letter", "Calle 1")
    assert taken(replace(ANA, points=(*ANA.points, point)), email()).points[-1] == point
