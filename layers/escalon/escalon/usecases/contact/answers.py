"""Answers: one message that answers what somebody did, such as a receipt or a one-time code.

    keep the exact bytes → claim → call the carrier once → record

An answer confirms what its reader did or brings what they asked for, so no cap of a contact policy
counts it and the contact clock never sees it; in return it asks for nothing. Its id is a function
of what it answers and its claim is written once: whatever is handed over twice, or dies half-way,
sends one at most (invariant 1). One of which nobody knows whether it left goes to a person.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from escalon.domain.account import Account, ContactPoint
from escalon.domain.contact.content import said
from escalon.domain.contact.feedback import Message, MessageState, weightier
from escalon.domain.contact.policy import Allow
from escalon.domain.contact.told import may_contact
from escalon.domain.decisions.intents import SENDING_TIMEOUT, UNKNOWN_FATE_DAYS
from escalon.domain.local_time import in_zone
from escalon.domain.ports import Clock, NotTaken, Refused, SendResult, Sent
from escalon.domain.rules.rulebook import Creditor, Rulebook
from escalon.domain.storage import AlreadyDoneError, Change, ConflictError
from escalon.messages.mime import is_address
from escalon.usecases.contact.deliver import NAMED_BY_US, sent_key
from escalon.usecases.contact.phone_numbers import country_of
from escalon.usecases.contact.to_find_out import opened

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.email import Email
    from escalon.adapters.sms import Sms
    from escalon.adapters.table import Table

# again: it was settled before
type Became = Literal["sent", "failed", "unknown", "again"]

RECORD_TRIES = 10


class NotYetError(Exception):
    """It cannot be settled just now: whoever handed it over does so again after a while."""


class Answer(msgspec.Struct, frozen=True):
    """An answer that is ready to go. Its bytes are kept as a file of that `ending`; without one
    they are a secret, and nothing of them is kept. `about` names what it answers."""

    message_id: str
    account_id: str
    kind: str  # of the message, and its step
    creditor: str
    channel: str
    to: str
    body: bytes
    ending: str
    rulebook: str
    zones: tuple[str, ...]
    about: dict[str, str] = {}
    subject: str = ""
    segments: int = 0


class Answers:
    """Sends answers. `report` is told of those that failed, by ids alone."""

    def __init__(
        self,
        table: "Table",
        documents: "Documents",
        clock: Clock,
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._table = table
        self._documents = documents
        self._clock = clock
        self._report = report

    def before(self, account_id: str, message_id: str) -> Became | int:
        """What became of the answer when it was handed over before; else the version by which it
        may be sent now. Raises NotYetError while somebody else is sending it, and ConflictError if
        it, or the account, is changed meanwhile."""
        document = self._table.load(f"A#{account_id}", f"M#{message_id}")
        if document is None:
            return 0
        if document["state"] == "released":
            return int(document["version"])
        if document["state"] != "sending":
            return "again"
        now = self._clock.now()
        if now - datetime.fromisoformat(document["claimed_at"]) < SENDING_TIMEOUT:
            raise NotYetError("somebody is sending it")
        self._next(document, *self._to_find_out(document, now), state="unknown", settled_at=now)
        about = {"message_id": message_id, "channel": document["channel"], "reason": "lost"}
        self._report(f"{document['kind']}_unknown", about)
        return "unknown"

    def send(
        self,
        answer: Answer,
        version: int,
        now: datetime,
        call: Callable[[], SendResult],
        also: Iterable[dict[str, Any]] = (),
    ) -> Became:
        """Claim it, in one transaction with `also`, hand it to the carrier by `call`, and write
        down what that says. Raises ConflictError if somebody else has claimed it meanwhile, and
        NotYetError if the carrier has certainly not taken it."""
        document: dict[str, Any] = {
            "message_id": answer.message_id,
            "account_id": answer.account_id,
            "kind": answer.kind,
            **answer.about,
            "creditor": answer.creditor,
            "channel": answer.channel,
            "to": answer.to,
            "step": answer.kind,
            "stage": "",
            "claimed_at": now,
            "local_at": in_zone(answer.zones, now).isoformat(),
            "receivables": [],
            "subject": answer.subject,
            "segments": answer.segments,
            "kept_at": self._kept(answer),
            "rulebook": answer.rulebook,
            "run_id": "",
            "version": version,
        }
        # From here on the carrier may have been called.
        document = self._next(document, *also, state="sending")
        result = call()
        settled_at = self._clock.now()
        about = {"message_id": answer.message_id, "channel": answer.channel}
        if isinstance(result, NotTaken):
            self._next(document, state="released", reason=result.reason)
            self._report(f"{answer.kind}_released", {**about, "reason": result.reason})
            raise NotYetError(result.reason)
        became: Became
        if isinstance(result, Sent):
            became, more = "sent", {"provider_message_id": result.provider_message_id}
        else:
            became = "failed" if isinstance(result, Refused) else "unknown"
            more = {"reason": result.reason}
            self._report(f"{answer.kind}_{became}", {**about, **more})
        self._record(document, became, {"settled_at": settled_at, **more})
        return became

    def _kept(self, answer: Answer) -> str:
        if not answer.ending:
            return ""
        return self._documents.keep_message(
            answer.account_id, answer.message_id, answer.body, answer.ending
        )

    def _next(self, document: dict[str, Any], *also: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Write the document's next version. Raises ConflictError if it, or the account beside it,
        has moved on."""
        version = document["version"]
        after = {**document, **more, "version": version + 1}
        put = self._table.put_document(*_key(document), after)
        try:
            self._table.transact(self._table.versioned(put, version), *also)
        except AlreadyDoneError:
            raise ConflictError from None
        return after

    def _to_find_out(self, document: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
        """Transaction items: nobody knows whether it left, so a person is to find out, and the
        account says so. Of a secret nothing is kept, and whoever misses it asks for another."""
        stored = self._table.get(document["account_id"]) if document["kept_at"] else None
        if stored is None:
            return []
        message = msgspec.convert(document, Message)
        due_at = now + timedelta(days=UNKNOWN_FATE_DAYS)
        task, fact = opened(self._table, message, now, due_at)
        look_at = datetime.fromisoformat(stored.look_at) if stored.look_at else None
        return [task, *self._table.beside(Change(stored, stored.account, look_at, (fact,)))]

    def _record(self, document: dict[str, Any], became: MessageState, more: dict[str, Any]) -> None:
        """Write down what the carrier said. Its own events may have been quicker, and a hand-over
        that took this one for lost: what weighs most stands, on whatever was noted meanwhile."""
        pointer = []
        if became == "sent" and document["channel"] not in NAMED_BY_US:
            names = {key: document[key] for key in ("account_id", "message_id")}
            key = sent_key(document["channel"], more["provider_message_id"])
            pointer = [self._table.put_document(key, "SENT", names)]
        for _ in range(RECORD_TRIES):
            state = weightier(document["state"], became)
            lost = state == "unknown" != document["state"]
            tasks = self._to_find_out(document, self._clock.now()) if lost else []
            try:
                self._next(document, *pointer, *tasks, **more, state=state)
            except ConflictError:
                document = self._table.load(*_key(document)) or document
                continue
            return
        raise NotYetError("its document keeps changing")


def send_email(email: "Email", answer: Answer, creditor: Creditor) -> SendResult:
    """Hand an answer's bytes to SES, in the creditor's name."""
    return email.send(
        answer.body,
        to_address=answer.to,
        from_address=creditor.email_from,
        message_id=answer.message_id,
        account_id=answer.account_id,
        creditor=creditor.creditor,
        own_set=creditor.own_configuration_set,
    )


def send_sms(sms: "Sms", answer: Answer, creditor: Creditor, rulebook: Rulebook) -> SendResult:
    """Hand an answer's text to SNS, as the country of its number allows."""
    here = rulebook.channels.sms.of(country_of(answer.to))
    return sms.send(
        answer.body.decode(),
        to_number=answer.to,
        sender_id=creditor.sms_sender_id if here.sender_ids else "",
        most_price=here.most_price,
    )


def reachable(
    account: Account, rulebook: Rulebook, channel: str, now: datetime
) -> ContactPoint | None:
    """The account's first contact point on a channel that works and to which the contact policy
    lets a confirmation go."""
    return next(
        (
            point
            for point in account.points
            if point.channel == channel
            and not point.failed
            and (channel != "email" or is_address(point.address))
            and isinstance(
                may_contact(
                    account,
                    rulebook,
                    channel=channel,
                    point=point,
                    kind="transaction_confirmation",
                    at=now,
                ),
                Allow,
            )
        ),
        None,
    )


def law_says(
    account: Account, rulebook: Rulebook, channel: str, today: date, locale: str
) -> tuple[str, ...]:
    """The law's own words for a confirmation to this debtor, in the language of `locale`."""
    texts = said(
        rulebook.policy_for(account.country).layers,
        channel=channel,
        kind="transaction_confirmation",
        first=False,
        on=today,
        language=locale.partition("-")[0],
    )
    return tuple(texts.values())


def _key(document: dict[str, Any]) -> tuple[str, str]:
    return f"A#{document['account_id']}", f"M#{document['message_id']}"
