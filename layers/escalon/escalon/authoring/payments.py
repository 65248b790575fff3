"""Money as operators write it: how it is taken, what it settles first, and what late money bears.

payments.yaml             providers, allocation, feeds, who may give up how much
rates/<table>.yaml        ceilings of interest by month, as an authority certifies them
creditors.yaml            `interest` and `feeds` of each creditor
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from escalon.authoring.words import (
    COUNTRY_OR_ANY,
    SLUG,
    Amounts,
    AnnualRate,
    Currency,
    Days,
    Hours,
    Slug,
    YesNo,
    words,
)
from escalon.authoring.yaml_lines import WrongValueError, WrongValuesError
from escalon.domain.money import Component
from escalon.domain.payments.payment import NoticeKind
from escalon.domain.rules.rulebook import (
    Allocation,
    InterestTerms,
    PaymentProvider,
    Payments,
    ProviderKind,
    Rate,
    RateTable,
)

COMPONENTS: tuple[Component, ...] = ("fee", "tax", "interest", "principal")
LONGEST_AWAITED_HOURS = 24  # money that does not come must not silence a ladder for longer
LONGEST_SAME_DAYS = 6  # equal instalments of two weeks are two payments

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_API = re.compile(r"(https?)://[^\s/?#@]+(?:/[^\s/?#]+)*")


class _Kind(msgspec.Struct, frozen=True):
    """What may be said about a provider of one kind."""

    tolerance_seconds: int | None  # how old a signature may be; None: it carries no time
    merchant: tuple[str, ...] = ()
    is_asked: bool = True
    has_checkout: bool = True


_KINDS: dict[ProviderKind, _Kind] = {
    "stripe": _Kind(300),
    "standard_webhooks": _Kind(300, is_asked=False, has_checkout=False),
    "mercadopago": _Kind(0),  # it prescribes none, and is asked in any case
    "payu": _Kind(None, merchant=("merchant_id", "account_id")),
    "epayco": _Kind(None, merchant=("public_key",), has_checkout=False),
    # The last retry comes after 24 hours, and nobody says whether under a new time.
    "wompi": _Kind(25 * 3600, merchant=("public_key",)),
}

# How sure we are of a rate: its certificate was read; read as quoted elsewhere; reported by a press
# or law firm's page; known in general and not looked up, which is no ground to charge anybody.
RateConfidence = Literal["official text", "quoted text", "secondary source", "general knowledge"]
UNVERIFIED = "general knowledge"

Duration = Annotated[
    int,
    words(
        r"(\d+) (second|minute|hour)s?",
        "5 minutes",
        lambda m: int(m[1]) * _SECONDS[m[2]],
    ),
    Field(ge=1),
]
FromDay = Annotated[
    int, words(r"(\d+) days? past due", "1 day past due", lambda m: int(m[1])), Field(ge=1)
]
PayloadPath = Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
Month = Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MappingFile(_Part):
    """What the payload of a Standard Webhooks sender means: paths into it, and its words."""

    type: PayloadPath
    kinds: Annotated[dict[str, NoticeKind], Field(min_length=1)]
    payment: PayloadPath
    reference: PayloadPath
    amount: PayloadPath
    amount_in: Literal["minor", "major"]
    currency: PayloadPath
    occurred_at: PayloadPath | None = None
    payer_email: PayloadPath | None = None
    case: PayloadPath | None = None


class ProviderFile(_Part):
    """One account at a payment provider."""

    kind: ProviderKind
    environment: Literal["production", "sandbox"]
    creditor: Slug | None = None
    api: str = ""
    tolerance: Duration | None = None
    merchant: dict[str, str] = {}
    mapping: MappingFile | None = None
    currencies: list[Currency] = []

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "ProviderFile":
        wrongs = [*self._wrong_api(), *self._wrong_merchant()]
        kind = _KINDS[self.kind]
        if self.kind == "standard_webhooks" and self.mapping is None:
            wrongs.append(
                WrongValueError(
                    "nobody knows what such a sender's payload means",
                    "write its `mapping`; the operator's guide shows one",
                    ("kind",),
                )
            )
        if self.kind != "standard_webhooks" and self.mapping is not None:
            wrongs.append(
                WrongValueError(
                    f"what {self.kind} sends is known", "leave `mapping` out", ("mapping",)
                )
            )
        if self.currencies and not kind.has_checkout:
            wrongs.append(
                WrongValueError(
                    f"{self.kind} has no checkout to send a debtor to",
                    "leave `currencies` out",
                    ("currencies",),
                )
            )
        if self.tolerance and kind.tolerance_seconds is None:
            wrongs.append(
                WrongValueError(
                    f"{self.kind} signs no time that could be too old",
                    "leave `tolerance` out",
                    ("tolerance",),
                )
            )
        if wrongs:
            raise WrongValuesError(wrongs)
        return self

    def _wrong_api(self) -> Iterator[WrongValueError]:
        if not _KINDS[self.kind].is_asked:
            if self.api:
                yield WrongValueError("nobody is asked there", "leave `api` out", ("api",))
            return
        address = _API.fullmatch(self.api)
        if not self.api:
            yield WrongValueError(
                f"what {self.kind} tells could not be confirmed",
                "write `api`, the base address of its API",
                ("kind",),
            )
        elif address is None:
            yield WrongValueError(
                f"'{self.api}' is no base address of an API",
                "write it like https://api.example.com/v1",
                ("api",),
            )
        elif address[1] == "http" and self.environment != "sandbox":
            yield WrongValueError(
                "anybody on the way could answer in the provider's place",
                "write https://…; http is for a sandbox",
                ("api",),
            )

    def _wrong_merchant(self) -> Iterator[WrongValueError]:
        """The checkout needs all that stands there, and so does who is asked without a key."""
        kind = _KINDS[self.kind]
        for name in self.merchant:
            if name not in kind.merchant:
                yield WrongValueError(
                    f"{self.kind} does not know us by '{name}'",
                    f"known here: {', '.join(kind.merchant) or 'nothing'}",
                    ("merchant", name),
                )
        if self.currencies or not kind.has_checkout:
            for name in kind.merchant:
                if name not in self.merchant:
                    yield WrongValueError(
                        f"'{name}' is missing by which {self.kind} knows us",
                        f"add '{name}: …' to `merchant`",
                        ("merchant",),
                    )

    def compiled(self, name: str) -> PaymentProvider:
        """The value that travels, under its name."""
        return PaymentProvider(
            provider=name,
            kind=self.kind,
            environment=self.environment,
            creditor=self.creditor or "",
            api=self.api,
            tolerance_seconds=self.tolerance or _KINDS[self.kind].tolerance_seconds or 0,
            merchant=self.merchant,
            mapping=self.mapping.model_dump(exclude_none=True) if self.mapping else {},
            currencies=tuple(self.currencies),
        )


class AllocationFile(_Part):
    """What a payment settles first."""

    order: list[Component]
    named_first: YesNo
    held: Literal["last", "never"] = "last"

    @model_validator(mode="after")
    def _each_once(self) -> "AllocationFile":
        if sorted(self.order) != sorted(COMPONENTS):
            raise WrongValueError(
                "each of what a debt is made of has its one place",
                f"write {', '.join(COMPONENTS)} in the order in which they are settled",
                ("order",),
            )
        return self


class PaymentsFile(_Part):
    """`payments.yaml`."""

    providers: dict[Slug, ProviderFile] = {}
    allocation: dict[Annotated[str, Field(pattern=COUNTRY_OR_ANY)], AllocationFile] = {}
    awaited: Annotated[Hours, Field(ge=1, le=LONGEST_AWAITED_HOURS)] = LONGEST_AWAITED_HOURS
    same_payment_within: Annotated[Days, Field(le=LONGEST_SAME_DAYS)] = 3
    feeds: dict[Slug, Annotated[Hours, Field(ge=1)]] = {}
    receipts: YesNo = False
    authority: dict[Annotated[str, Field(pattern=rf"^({SLUG.pattern}|\*)$")], Amounts] = {}

    def compiled(self) -> Payments:
        """The value that travels."""
        return Payments(
            providers={name: one.compiled(name) for name, one in sorted(self.providers.items())},
            allocation={
                country: Allocation(tuple(one.order), one.named_first, one.held)
                for country, one in sorted(self.allocation.items())
            },
            awaited_hours=self.awaited,
            same_within_days=self.same_payment_within,
            feeds=dict(sorted(self.feeds.items())),
            receipts=self.receipts,
            authority=dict(sorted(self.authority.items())),
        )


class InterestFile(_Part):
    """Default interest of one creditor."""

    cap: Slug
    agreed: AnnualRate | None = None
    starts: Annotated[FromDay, Field(alias="from")] = 1
    since: date
    currencies: Annotated[list[Currency], Field(min_length=1)]

    def compiled(self, source: str) -> InterestTerms:
        """The value that travels; `source` is the file and line it stands on."""
        return InterestTerms(
            cap_table=self.cap,
            agreed=self.agreed,
            from_day=self.starts,
            since=self.since,
            currencies=tuple(self.currencies),
            source=source,
        )


class RateFile(_Part):
    """One month's rate."""

    rate: AnnualRate
    source: Annotated[str, Field(min_length=1)]
    confidence: RateConfidence


class RateTableFile(_Part):
    """`rates/<table>.yaml`."""

    table: Slug
    rates: Annotated[dict[Month, RateFile], Field(min_length=1)]

    def compiled(self) -> RateTable:
        """The table of the months that are verified: no other may be charged by."""
        return RateTable(
            self.table,
            {
                month: Rate(month, one.rate, one.source)
                for month, one in sorted(self.rates.items())
                if one.confidence != UNVERIFIED
            },
        )
