"""Answer for personal data over HTTP: consents, how we spoke and may speak, a copy, an erasure. Who
calls is what their signature says; docs/personal-data.md has the routes."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, cast, get_args

import msgspec

from escalon.domain.account import Channel
from escalon.domain.contact.facts import Asks
from escalon.usecases.operators.acts import ActRefusedError, Person
from escalon.usecases.operators.forms import STATUS, Answer, Form, form_of, person_of
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

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents

CHANNELS = get_args(Channel)
ASKS = get_args(Asks.__value__)
_NEVER = datetime.max.replace(tzinfo=UTC)  # of a form that is refused
ADDRESS_LASTS = 15 * 60  # seconds for which an export can be fetched

type _Done = dict[str, Any]


class AnswerPersonalData:
    """One route of the API each."""

    def __init__(self, data: PersonalData, documents: "Documents") -> None:
        self._data = data
        self._documents = documents
        self._acts: dict[str, Callable[[str, Form, Person], _Done]] = {
            "POST /accounts/{id}/consents": self._consent,
            "POST /accounts/{id}/refusals": self._refuse,
            "POST /accounts/{id}/conversations": self._spoke,
            "POST /accounts/{id}/attempts": self._tried,
            "POST /accounts/{id}/requests": self._asked,
            "POST /accounts/{id}/hours": self._hours,
            "POST /accounts/{id}/exports": self._export,
            "POST /accounts/{id}/erasures": self._erase,
        }

    def __call__(self, route: str, path: Mapping[str, str], body: bytes, caller: str) -> Answer:
        """`route` is method and resource; `caller` the ARN of whoever signed."""
        try:
            person = person_of(caller)
            if route == "GET /accounts/{id}/consents":
                consents = self._data.consents(path["id"])
                return Answer(200, msgspec.to_builtins(consents))
            if route in self._acts:
                return Answer(200, self._acts[route](path["id"], form_of(body), person))
        except ActRefusedError as error:
            return Answer(STATUS[error.fault], {"problems": msgspec.to_builtins(error.problems)})
        remedy = {"field": "", "problem": "there is no such route", "remedy": "see the docs"}
        return Answer(404, {"problems": [remedy]})

    def _consent(self, account_id: str, form: Form, person: Person) -> _Done:
        key, why = form.key_and_why()
        order = RecordConsent(
            key,
            why,
            account_id,
            _channel(form),
            form.text("address", needed=True),
            form.text("evidence", needed=True),
            form.day("granted_on"),
        )
        form.check()
        return {"done": "consent_recorded", "again": self._data.record_consent(order, person)}

    def _refuse(self, account_id: str, form: Form, person: Person) -> _Done:
        key, why = form.key_and_why()
        order = RefuseChannel(key, why, account_id, _channel(form))
        form.check()
        return {"done": "consent_revoked", "again": self._data.refuse_channel(order, person)}

    def _spoke(self, account_id: str, form: Form, person: Person) -> _Done:
        key, why = form.key_and_why()
        channel, at = _channel(form), form.instant("at", needed=True)
        order = NoteConversation(
            key,
            why,
            account_id,
            channel,
            at or _NEVER,
            form.yes("inbound"),
            form.text("creditor"),
        )
        form.check()
        return {"done": "conversation_noted", "again": self._data.note_conversation(order, person)}

    def _tried(self, account_id: str, form: Form, person: Person) -> _Done:
        key, why = form.key_and_why()
        channel, at = _channel(form), form.instant("at", needed=True)
        order = NoteAttempt(key, why, account_id, channel, at or _NEVER)
        form.check()
        return {"done": "attempt_noted", "again": self._data.note_attempt(order, person)}

    def _asked(self, account_id: str, form: Form, person: Person) -> _Done:
        key, why = form.key_and_why()
        order = NoteRequest(
            key,
            why,
            account_id,
            _channel(form),
            cast("Asks", form.choice("asks", ASKS, otherwise="")),
            form.instant("at", needed=True) or _NEVER,
            form.text("evidence", needed=True),
        )
        form.check()
        return {"done": "request_noted", "again": self._data.note_request(order, person)}

    def _hours(self, account_id: str, form: Form, person: Person) -> _Done:
        key, why = form.key_and_why()
        order = OpenHours(
            key,
            why,
            account_id,
            form.week("hours"),
            form.day("signed_on", needed=True) or date.max,
            form.day("contract_on", needed=True) or date.max,
            form.text("evidence", needed=True),
        )
        form.check()
        return {"done": "hours_opened", "again": self._data.open_hours(order, person)}

    def _export(self, account_id: str, form: Form, person: Person) -> _Done:
        key, why = form.key_and_why()
        form.check()
        kept_at = self._data.export(Ask(key, why, account_id), person)
        address = self._documents.address(kept_at, ADDRESS_LASTS)
        return {"done": "data_exported", "address": address, "seconds": ADDRESS_LASTS}

    def _erase(self, account_id: str, form: Form, person: Person) -> _Done:
        key, why = form.key_and_why()
        form.check()
        erasure = self._data.erase(Ask(key, why, account_id), person)
        records = [
            {**msgspec.to_builtins(fate), "gone": fate.kind in erasure.done}
            for fate in erasure.fates
        ]
        return {"done": "data_erased", "records": records}


def _channel(form: Form) -> Channel:
    return cast("Channel", form.choice("channel", CHANNELS, otherwise=""))
