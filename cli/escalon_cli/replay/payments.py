"""How the payments of a replay come in: as webhooks with real signatures, or as a bank's file.

By webhook each payment goes through one of the providers, as far as it names the receivable that
it pays (a provider tells only our reference); the others are handed in as a file of their own. With
chaos, notices also come twice and out of order, and others forge some, in the ways that pass a
textbook check too. The ledger ends the same.
"""

import csv
import hashlib
import io
import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl, urlencode

import msgspec

from escalon.authoring.rulebook import sealed
from escalon.domain.money import to_major
from escalon.domain.rules.rulebook import ProviderKind, Rulebook
from escalon.importing.records import PaymentRecord
from escalon.providers.provider import OpensCheckouts
from escalon.providers.registry import module_of
from escalon.usecases.payments.book_payments import payment_key as pointer_key
from escalon_cli.deployed import Deployed
from escalon_cli.local.provider_stand_in import (
    API_KEYS,
    AT_ONCE,
    SECRETS,
    TOLD,
    Payment,
    Providers,
    Webhook,
    payment_key,
    post,
    setting,
    webhook,
)
from escalon_cli.waiting import report_of, until

type Way = Literal["file", "webhook", "chaos"]

KINDS: tuple[ProviderKind, ...] = tuple(TOLD)
_PAYMENTS = "replay-payments"

# Payments are handed in one file an instant, in a layout of our own, whatever theirs was.
_PAYMENTS_MAPPING = """\
file: {type: changes, delimiter: ","}
numbers: "1234567.89"
zone: UTC
creditor: always any
account:
  source_ref: account
  name: always payer
receivable:
  receivable_id: receivable
  issued_on: always 2000-01-01
  due_on: always 2000-01-01
  currency: currency
  amount: amount
payments:
  - payment_id: payment
    receivable_id: receivable
    amount: amount
    currency: currency
    paid_at: paid_at
"""


class PaymentsRefusedError(Exception):
    """The deployed functions did not take a payment as they should have; says which and what."""


@dataclass
class Notices:
    """What was posted, and how it was answered."""

    genuine: int = 0
    again: int = 0  # the same notice once more
    out_of_order: int = 0  # pending, told before or after what became of it
    forged: int = 0
    answers: dict[str, int] = field(default_factory=dict)  # "genuine 200" -> how many


class Webhooks:
    """The providers, as far as a replay needs them: the stand-in of the stack."""

    def __init__(self, deployed: Deployed, stand_in: Providers, *, chaos: bool) -> None:
        self._deployed = deployed
        self._stand_in = stand_in
        self._chaos = chaos
        self.notices = Notices()

    def known_to(self, rulebook: Rulebook) -> Rulebook:
        """The rulebook with the stand-in's providers instead of its own. Their checkouts take what
        those of the same kind take in the rulebook, as far as they are opened at an API: the others
        are pages of the real provider."""
        own = rulebook.payments.providers.values()
        providers = {}
        for kind in KINDS:
            taken = {currency for one in own if one.kind == kind for currency in one.currencies}
            currencies = sorted(taken) if isinstance(module_of(kind), OpensCheckouts) else ()
            here = setting(kind, kind, api=self._stand_in.api(kind))
            providers[kind] = msgspec.structs.replace(here, currencies=tuple(currencies))
        payments = msgspec.structs.replace(rulebook.payments, providers=providers)
        return sealed(msgspec.structs.replace(rulebook, payments=payments))

    def put_secrets(self) -> None:
        """What the providers sign with and are asked with, put where operators put it."""
        secrets = self._deployed.client("secretsmanager")
        for output, value in (
            ("WebhookSecretsArn", {kind: [secret] for kind, secret in SECRETS.items()}),
            ("ProviderApiKeysArn", dict(API_KEYS)),
        ):
            secrets.put_secret_value(
                SecretId=self._deployed.outputs[output], SecretString=json.dumps(value)
            )

    def hand_in(self, payments: Sequence[PaymentRecord], at: datetime) -> None:
        """Post what the providers have to say, and wait until all of it is booked."""
        posts: list[tuple[str, ProviderKind, Webhook]] = []
        expected = []
        for record in payments:
            kind = KINDS[_number(record.payment_id) % len(KINDS)]
            payment = _made(record)
            self._stand_in.put(kind, payment)
            expected.append(pointer_key(f"{kind}:{payment_key(kind, payment)}"))
            posts.extend(self._posts(kind, payment, at))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for became in pool.map(lambda post: self._post(*post), posts):
                self.notices.answers[became] = self.notices.answers.get(became, 0) + 1

        def booked() -> bool | None:
            return len(self._deployed.table.load_many(expected)) == len(expected) or None

        until(f"The booking of {len(expected)} payments told at {at}", booked)

    def _posts(
        self, kind: ProviderKind, payment: Payment, at: datetime
    ) -> list[tuple[str, ProviderKind, Webhook]]:
        """Everything that is posted about one payment at this instant, in the order of posting."""
        genuine = webhook(kind, payment, at)
        self.notices.genuine += 1
        if not self._chaos:
            return [("genuine", kind, genuine)]
        dice = random.Random(_number(payment.payment))  # noqa: S311 - a replay is repeatable
        posts = [("genuine", kind, genuine)]
        for _ in range(dice.choice((0, 0, 1, 2))):
            self.notices.again += 1
            posts.append(("again", kind, webhook(kind, payment, at + timedelta(seconds=30))))
        if "pending" in TOLD[kind] and dice.random() < 0.4:
            self.notices.out_of_order += 1
            pending = replace(payment, state="pending")
            posts.append(("out of order", kind, webhook(kind, pending, at)))
        if dice.random() < 0.3:
            self.notices.forged += 1
            posts.append(("forged", kind, forged(kind, payment, genuine, dice)))
        dice.shuffle(posts)
        return posts

    def _post(self, what: str, kind: ProviderKind, notice: Webhook) -> str:
        status, said = post(f"{self._deployed.outputs['ApiUrl']}/webhooks/{kind}", notice)
        if what != "forged" and status != 200:
            raise PaymentsRefusedError(
                f"{kind} was answered {status} to a genuine notice ({what}): {said}"
            )
        return f"{what} {status}"


class Files:
    """A bank's file for each instant."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed
        self._number = 0
        deployed.documents.put(f"mappings/{_PAYMENTS}.yaml", _PAYMENTS_MAPPING.encode())

    def hand_in(self, payments: Sequence[PaymentRecord]) -> dict[str, object]:
        """Upload the payments of one instant as a file of their own, and wait for its report."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(("payment", "account", "receivable", "amount", "currency", "paid_at"))
        for payment in payments:
            writer.writerow(
                (
                    payment.payment_id,
                    payment.source_ref or "",
                    payment.receivable_id or "",
                    to_major(payment.amount_minor, payment.currency),
                    payment.currency,
                    payment.paid_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                )
            )
        key = f"inbox/{_PAYMENTS}/{self._number:06d}.csv"
        self._number += 1
        self._deployed.documents.put(
            key, out.getvalue().encode(), "text/csv", {"sections": "payments"}
        )
        report = report_of(self._deployed, key)
        if report["refused"] or report["state"] != "done":
            why = report["why"] or report["problems"]
            raise PaymentsRefusedError(f"payments were refused: {why}")
        return report


# ------------------------------------------------------------------------------------ forgeries


def forged(kind: ProviderKind, payment: Payment, genuine: Webhook, dice: random.Random) -> Webhook:
    """A notice that somebody without the secret could make of a genuine one: ten times the amount,
    another's reference, or in the way that is peculiar to the provider."""
    ways = (_ten_times, *_PECULIAR.get(kind, ()))
    return dice.choice(ways)(payment, genuine)


def _ten_times(payment: Payment, genuine: Webhook) -> Webhook:
    amount = str(payment.amount_minor).encode()
    major = str(to_major(payment.amount_minor, payment.currency)).encode()
    body = genuine.body.replace(amount, amount + b"0").replace(major, b"1" + major)
    if body == genuine.body:  # Mercado Pago's says no amount
        body = body.replace(payment.payment.encode(), payment.payment[::-1].encode() + b"7")
        return Webhook(genuine.headers, body, {**genuine.query, "data.id": payment.payment + "7"})
    return Webhook(genuine.headers, body, genuine.query)


def _another_reference(payment: Payment, genuine: Webhook) -> Webhook:
    """Wompi signs no reference: the money of one invoice is shown for another."""
    told = json.loads(genuine.body)
    told["data"]["transaction"]["reference"] = payment.reference + "-X"
    return Webhook(genuine.headers, json.dumps(told).encode())


def _properties_replaced(payment: Payment, genuine: Webhook) -> Webhook:
    """Wompi signs what its own list of names says: a list of one free text frees all others."""
    told = json.loads(genuine.body)
    transaction = told["data"]["transaction"]
    names = [name.removeprefix("transaction.") for name in told["signature"]["properties"]]
    told["data"]["free"] = "".join(str(transaction[name]) for name in names)
    told["signature"]["properties"] = ["free"]
    transaction["amount_in_cents"] = payment.amount_minor * 10
    return Webhook(genuine.headers, json.dumps(told).encode())


def _digit_shifted(payment: Payment, genuine: Webhook) -> Webhook:
    """Wompi puts nothing between amount and timestamp: a digit goes from one to the other."""
    told = json.loads(genuine.body)
    digits = str(told["timestamp"])
    told["data"]["transaction"]["amount_in_cents"] = int(f"{payment.amount_minor}{digits[0]}")
    told["timestamp"] = int(digits[1:])
    return Webhook(genuine.headers, json.dumps(told).encode())


def _another_transaction(payment: Payment, genuine: Webhook) -> Webhook:
    """PayU signs no transaction: the same money again under another name."""
    return _with_fields(genuine, transaction_id=f"{payment.payment}-again")


def _another_state(payment: Payment, genuine: Webhook) -> Webhook:
    """ePayco signs no state and no invoice: what was declined is shown as accepted, for another."""
    return _with_fields(genuine, x_cod_transaction_state="1", x_id_invoice=payment.reference + "-X")


_PECULIAR: dict[ProviderKind, tuple[Callable[[Payment, Webhook], Webhook], ...]] = {
    "wompi": (_another_reference, _properties_replaced, _digit_shifted),
    "payu": (_another_transaction,),
    "epayco": (_another_state,),
}


def _with_fields(genuine: Webhook, **changed: str) -> Webhook:
    fields = dict(parse_qsl(genuine.body.decode(), keep_blank_values=True))
    return Webhook(genuine.headers, urlencode({**fields, **changed}).encode())


def _made(record: PaymentRecord) -> Payment:
    """The payment as a provider would know it; some name payments by numbers alone."""
    return Payment(
        str(_number(record.payment_id)),
        record.receivable_id or "",
        record.amount_minor,
        record.currency,
        record.paid_at,
    )


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest())
