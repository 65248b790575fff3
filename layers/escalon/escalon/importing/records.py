"""What one row of an export may say, as values: the bridge between any file and the table.

A row becomes a `Row` with all its records, or a `RefusedRow` with every problem it has; never a
bit of both, so that an account is never taken without the receivable of the same row.
Amounts are integers of minor units; instants are aware and in UTC; dates are the debtor's dates.
"""

from datetime import date, datetime
from typing import Literal

import msgspec

from escalon.domain.account import Channel, Role
from escalon.domain.calendar import Week
from escalon.domain.contact.facts import PointFacts

Kind = Literal["person", "company"]


class AccountRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="account"):
    """A debtor. `source_ref` is how the source knows it (a document or customer number). A kind
    that the file does not give is `person`, whom the law protects more than a company."""

    source_ref: str
    name: str
    kind: Kind = "person"
    country: str = ""  # ISO 3166 alpha-2
    region: str = ""
    zone: str = ""  # IANA
    language: str = ""  # BCP 47, e.g. es-CO
    tags: tuple[str, ...] = ()
    risk: str = ""
    refused_channels: tuple[str, ...] = ()  # channels by which the debtor wants no contact
    hours: Week | None = None  # the only hours at which the debtor wants to be contacted
    credit_limits: dict[str, int] = {}  # what it may owe at most, in minor units by currency
    terms_days: int | None = None  # days that it has to pay an invoice


class ConsentRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The source's word that the debtor may be contacted at a contact point, or no longer."""

    granted_on: date | None = None
    evidence: str = ""
    revoked: bool = False
    revoked_on: date | None = None  # None although revoked: the source does not know when


class ContactPointRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="contact_point"):
    """One address of a debtor: an e-mail address, an E.164 number or a postal address."""

    source_ref: str
    channel: Channel
    address: str
    consent: ConsentRecord | None = None
    known: PointFacts = PointFacts()


class ReceivableRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="receivable"):
    """One obligation. `due_on` may be missing: the record is taken so that the money is known, and
    the account gets an exception that a person has to mend before it is chased. `open_minor` is
    None when the source gives only the amount."""

    source_ref: str
    receivable_id: str
    creditor: str
    document: str
    issued_on: date
    due_on: date | None
    currency: str
    amount_minor: int
    open_minor: int | None = None
    on_file: tuple[str, ...] = ()  # OnFile


class DisputeRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="dispute"):
    """The debtor contests a receivable; `starts_on` is in, `ends_on` is out (None: still open)."""

    source_ref: str
    receivable_id: str
    starts_on: date
    ends_on: date | None = None
    note: str = ""


class LinkRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="link"):
    """`other_source_ref` answers for the debt of `source_ref` as `role`."""

    source_ref: str
    other_source_ref: str
    role: Role


class PaymentRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="payment"):
    """Money that arrived. `payment_id` is the source's own and makes it count once; who paid and
    for what may be unknown, which is a matter for a person and no reason to drop the money. With
    `given_back` it is money that went back of a payment; only settlement files tell of that."""

    source_ref: str | None
    receivable_id: str | None
    payment_id: str
    amount_minor: int
    currency: str
    paid_at: datetime
    payer: str = ""
    given_back: bool = False


type Record = (
    AccountRecord
    | ContactPointRecord
    | ReceivableRecord
    | DisputeRecord
    | LinkRecord
    | PaymentRecord
)


class Row(msgspec.Struct, frozen=True):
    """A good row: everything it says, in the order account, contact points, receivable, disputes,
    links, payments. `line` is the line (in a spreadsheet the row) where it starts, from 1."""

    line: int
    records: tuple[Record, ...]


class RowProblem(msgspec.Struct, frozen=True):
    """One thing wrong with one row. `value` is what stands in the file, so it may be personal:
    it belongs in the report beside the file and in no log."""

    file: str
    line: int
    column: str  # the header's name; several joined with ", "; empty: the row as a whole
    value: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        value = f" '{self.value}'" if self.value else ""
        return f"{self.file}, line {self.line}{column}:{value} {self.problem}; {self.remedy}"


class RefusedRow(msgspec.Struct, frozen=True):
    """A bad row. `receivable_ids` are those it names as far as they can be read: they do stand in
    the export, so a snapshot must not take them for settled because the rest is wrong."""

    line: int
    problems: tuple[RowProblem, ...]
    receivable_ids: tuple[str, ...] = ()
