"""One-time codes: whoever agrees to something shows that they read what is sent to the debtor.

A code is an answer that the debtor asked for, so the contact policy lets it through outside its
windows and caps (the kind `access_code`); a channel that they stopped stays stopped. It is made by
a key from the challenge's name, so nothing of it is stored, and no log or queue ever sees it.

    count the send → write the challenge → send it as an answer (usecases/contact/answers)
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain.account import Account, ContactPoint
from escalon.domain.contact.policy import Allow
from escalon.domain.contact.told import may_contact, zones_for
from escalon.domain.ports import SendResult
from escalon.domain.rules.rulebook import Creditor, Rulebook
from escalon.domain.storage import ConflictError
from escalon.messages.code import code_email, code_sms
from escalon.messages.mime import build_mime, is_address
from escalon.usecases.contact.answers import (
    Answer,
    Answers,
    NotYetError,
    send_email,
    send_sms,
)
from escalon.usecases.portal.door import Doors
from escalon.usecases.portal.session import Sessions

if TYPE_CHECKING:
    from escalon.adapters.email import Email
    from escalon.adapters.sms import Sms
    from escalon.adapters.table import Table

CODE_LASTS = timedelta(minutes=10)
TRIES = 5  # wrong codes before another has to be asked for
MOST_SENT = 8  # codes in a day
BETWEEN = timedelta(seconds=30)  # two of them
KIND = "code"  # the step of the message, and its kind

_DAY = timedelta(days=1)
_WRITES = 5

type Asked = Literal["sent", "too_soon", "too_many", "not_sent"]
type Typed = Literal["right", "wrong", "ended"]


class Challenge(msgspec.Struct, frozen=True, omit_defaults=True):
    """A code that was sent, and what it is for. One per link; the next one takes its place."""

    challenge_id: str
    about: str
    point_id: str
    sent_at: datetime
    tries: int = 0
    used: bool = False
    version: int = 0


class Codes:
    """Sends codes and takes them."""

    def __init__(
        self,
        table: "Table",
        sessions: Sessions,
        doors: Doors,
        email: "Email",
        sms: "Sms",
        sending: Answers,
    ) -> None:
        self._table = table
        self._sessions = sessions
        self._doors = doors
        self._email = email
        self._sms = sms
        self._answers = sending

    def points(self, account: Account, rulebook: Rulebook, now: datetime) -> list[ContactPoint]:
        """Where a code may be sent: what the contact policy allows for a code at this instant."""
        return [
            point
            for point in account.points
            if _can_carry(point)
            and isinstance(
                may_contact(
                    account,
                    rulebook,
                    channel=point.channel,
                    point=point,
                    kind="access_code",
                    at=now,
                ),
                Allow,
            )
        ]

    def send(
        self,
        code: str,
        account: Account,
        creditor: Creditor,
        point: ContactPoint,
        language: str,
        now: datetime,
        *,
        about: str,
        rulebook: Rulebook,
    ) -> Asked:
        """Send a one-time code for the link of `code`; `about` says what it will be good for."""
        counted = self._count(account.account_id, now)
        if counted != "sent":
            return counted
        before = self.open_challenge(code)
        challenge = Challenge(
            self._sessions.fresh(),
            about,
            point.point_id,
            now,
            version=before.version if before else 0,
        )
        try:
            challenge = self._put(code, challenge)
        except ConflictError:
            return "too_soon"  # another press was quicker
        answer, call = self._written(account, challenge, creditor, point, language, rulebook)
        try:
            became = self._answers.send(answer, 0, now, call)
        except NotYetError:
            return "not_sent"
        # A lost answer may still bring the code; a person asks for another if it does not.
        return "not_sent" if became == "failed" else "sent"

    def open_challenge(self, code: str) -> Challenge | None:
        """The link's latest challenge."""
        found = self._table.load(*_key(code))
        return msgspec.convert(found, Challenge) if found else None

    def take(self, code: str, about: str, typed: str, now: datetime) -> tuple[Typed, Challenge]:
        """Whether it is the code that was sent for this, and its challenge. A try counts before it
        is looked at, and a code is good once."""
        for _ in range(_WRITES):
            challenge = self.open_challenge(code)
            if challenge is None or challenge.about != about:
                return "ended", Challenge("", about, "", now)
            if challenge.used or challenge.tries >= TRIES or now >= challenge.sent_at + CODE_LASTS:
                return "ended", challenge
            plain = "".join(char for char in typed if char.isdecimal())
            right = self._sessions.same(plain, self._sessions.one_time_code(challenge.challenge_id))
            tried = replace(challenge, tries=challenge.tries + 1, used=right)
            try:
                tried = self._put(code, tried)
            except ConflictError:
                continue
            if right:
                return "right", tried
            return ("wrong" if tried.tries < TRIES else "ended"), tried
        return "ended", Challenge("", about, "", now)  # nobody types so many at once

    # ---------------------------------------------------------------- inside

    def _count(self, account_id: str, now: datetime) -> Asked:
        """One more send, if that may be."""
        door = self._doors.of(account_id)
        sent = tuple(at for at in door.sent if now - at < _DAY)
        if len(sent) >= MOST_SENT:
            return "too_many"
        if any(now - at < BETWEEN for at in sent):
            return "too_soon"
        try:
            self._doors.put(account_id, replace(door, sent=(*sent, now)))
        except ConflictError:
            return "too_soon"
        return "sent"

    def _put(self, code: str, challenge: Challenge) -> Challenge:
        after = replace(challenge, version=challenge.version + 1)
        expires = challenge.sent_at + _DAY
        put = self._table.put_document(*_key(code), after, expires=expires)
        self._table.replace(put, challenge.version)
        return after

    def _written(
        self,
        account: Account,
        challenge: Challenge,
        creditor: Creditor,
        point: ContactPoint,
        language: str,
        rulebook: Rulebook,
    ) -> tuple[Answer, Callable[[], SendResult]]:
        """The message with the code, of which nothing is kept but that it was sent, where and
        when; and how it is handed to its carrier."""
        secret = self._sessions.one_time_code(challenge.challenge_id)
        minutes = int(CODE_LASTS.total_seconds() // 60)
        ready = Answer(
            f"c{challenge.challenge_id}",
            account.account_id,
            KIND,
            creditor.creditor,
            point.channel,
            point.address,
            b"",
            "",
            rulebook.version,
            zones_for(rulebook, account),
        )
        if point.channel == "sms":
            sms = code_sms(secret, creditor, language, minutes)
            text = replace(ready, body=sms.text.encode(), segments=sms.segments)
            return text, lambda: send_sms(self._sms, text, creditor, rulebook)
        body = build_mime(
            code_email(secret, creditor, language, minutes),
            creditor=creditor,
            to_name="",
            to_address=point.address,
            message_id=ready.message_id,
            date=challenge.sent_at,
        )
        mail = replace(ready, body=body)
        return mail, lambda: send_email(self._email, mail, creditor)


def masked(point: ContactPoint) -> str:
    """An address that its owner knows again and nobody else learns: `••• •• 45`, `d•••@x.co`."""
    if point.channel != "email":
        return f"••• •• {point.address[-2:]}"
    user, _, host = point.address.rpartition("@")
    return f"{user[:1]}•••@{host}"


def _can_carry(point: ContactPoint) -> bool:
    if point.failed:
        return False
    return point.channel == "sms" or (point.channel == "email" and is_address(point.address))


def _key(code: str) -> tuple[str, str]:
    return f"LINK#{code}", "CODE"
