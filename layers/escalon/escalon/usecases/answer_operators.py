"""Answer operators: what they ask over HTTP becomes acts, and what is wrong is said field by field,
as a form would show it. Who calls is what their signature says; docs/payments.md has the routes."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import msgspec

from escalon.domain.payment import net
from escalon.domain.rulebook import Component
from escalon.usecases.payment_acts import (
    ActRefusedError,
    ApplyCredit,
    Done,
    Fault,
    GiveUp,
    ManualPayment,
    Match,
    Person,
    Problem,
    Return,
    ReverseAllocation,
    Void,
)
from escalon.usecases.suggest_matches import Suggestions, SuggestMatches, best, by_amount

if TYPE_CHECKING:
    from escalon.adapters.table import Table
    from escalon.usecases.manage_payments import ManagePayments

LISTED = 50  # of the list at once, unless asked for another number
LISTED_AT_MOST = 200
LONGEST_TEXT = 500  # characters of a reason
LONGEST_ID = 200
# Left of the function's time: when slips of references are looked up no more, and when the pass
# over all that is owed has to end.
TIME_FOR_AMOUNTS = timedelta(seconds=16)
TIME_TO_ANSWER = timedelta(seconds=5)
ASKED_EVERY = 200  # entries of the pass, how much time is left

_STATUS: dict[Fault, int] = {"wrong": 400, "not_allowed": 403, "not_found": 404, "conflict": 409}
_COMPONENTS = get_args(Component.__value__)

type _Fields = dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """An HTTP status and what JSON goes with it."""

    status: int
    body: dict[str, Any]


class AnswerOperators:
    """One route of the API each."""

    def __init__(self, table: "Table", manage: "ManagePayments", suggest: SuggestMatches) -> None:
        self._table = table
        self._manage = manage
        self._suggest = suggest
        self._acts: dict[str, Callable[[_Form, Mapping[str, str], Person], Done]] = {
            "POST /payments/unmatched/{id}/match": self._match,
            "POST /payments/unmatched/{id}/return": self._return,
            "POST /accounts/{id}/payments": self._pay,
            "POST /accounts/{id}/voids": self._void,
            "POST /accounts/{id}/waivers": self._waive,
            "POST /accounts/{id}/write-offs": self._write_off,
            "POST /accounts/{id}/credit": self._credit,
            "POST /accounts/{id}/reversals": self._reverse,
        }

    def __call__(
        self,
        route: str,
        path: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
        caller: str,
        time_left: Callable[[], timedelta],
    ) -> Answer:
        """`route` is method and resource, such as `POST /accounts/{id}/waivers`; `caller` the ARN
        of whoever signed."""
        try:
            person = person_of(caller)
            if route == "GET /payments/unmatched":
                return Answer(200, self._unmatched(_Form(dict(query)), time_left))
            if route in self._acts:
                done = self._acts[route](_form(body), path, person)
                return Answer(200, {"done": done.did, "again": done.again, **done.result})
        except ActRefusedError as error:
            problems = msgspec.to_builtins(error.problems)
            return Answer(_STATUS[error.fault], {"problems": problems})
        return Answer(404, {"problems": [_problem("", "there is no such route", "see the docs")]})

    # ---------------------------------------------------------------- the list

    def _unmatched(self, form: "_Form", time_left: Callable[[], timedelta]) -> dict[str, Any]:
        most = form.number_in_text("most", LISTED, LISTED_AT_MOST)
        looking = form.choice("suggestions", ("yes", "no"), otherwise="yes") == "yes"
        form.check()
        kept, more = self._manage.unmatched(most)
        money = [one.money for one in kept.values()]
        named: Suggestions = {}
        owing: Suggestions = {}
        looked = looking
        if looking:
            named, all_names = self._suggest.by_name(
                money, lambda _: time_left() < TIME_FOR_AMOUNTS
            )
            owing, all_amounts = by_amount(
                money,
                self._table.standing() if money else (),
                lambda count: count % ASKED_EVERY == 0 and time_left() < TIME_TO_ANSWER,
            )
            looked = all_names and all_amounts
        listed = [
            {
                "id": unmatched_id,
                "payment_id": one.payment_id,
                "amount_minor": net(one.money.state),
                "currency": one.money.currency,
                "paid_at": one.money.paid_at,
                "source": one.money.source,
                "reference": one.money.reference,
                "source_ref": one.money.source_ref,
                "creditor": one.money.creditor,
                "why": one.why,
                "may_be": one.may_be,
                "since": one.since,
                "suggestions": best(
                    (*named.get(one.payment_id, ()), *owing.get(one.payment_id, ())), one.money
                ),
            }
            for unmatched_id, one in kept.items()
        ]
        found: dict[str, Any] = msgspec.to_builtins(
            {"unmatched": listed, "more": more, "looked_at_all": looked}
        )
        return found

    # ---------------------------------------------------------------- acts

    def _match(self, form: "_Form", path: Mapping[str, str], person: Person) -> Done:
        key, why = form.key_and_why()
        order = Match(
            key,
            why,
            path["id"],
            form.text("account_id", needed=True),
            form.text("receivable_id"),
            form.text("creditor"),
            form.text("same_as"),
        )
        form.check()
        return self._manage.match(order, person)

    def _return(self, form: "_Form", path: Mapping[str, str], person: Person) -> Done:
        key, why = form.key_and_why()
        form.check()
        return self._manage.give_back(Return(key, why, path["id"]), person)

    def _pay(self, form: "_Form", path: Mapping[str, str], person: Person) -> Done:
        key, why = form.key_and_why()
        order = ManualPayment(
            key,
            why,
            path["id"],
            form.amount("amount_minor", needed=True) or 0,
            form.currency(),
            form.instant("paid_at"),
            form.text("receivable_id"),
            form.text("creditor"),
            form.yes("sure"),
        )
        form.check()
        return self._manage.pay(order, person)

    def _void(self, form: "_Form", path: Mapping[str, str], person: Person) -> Done:
        key, why = form.key_and_why()
        order = Void(key, why, path["id"], form.text("payment_id", needed=True))
        form.check()
        return self._manage.void(order, person)

    def _waive(self, form: "_Form", path: Mapping[str, str], person: Person) -> Done:
        return self._give_up("waiver", form, path, person)

    def _write_off(self, form: "_Form", path: Mapping[str, str], person: Person) -> Done:
        return self._give_up("write_off", form, path, person)

    def _give_up(
        self,
        kind: Literal["waiver", "write_off"],
        form: "_Form",
        path: Mapping[str, str],
        person: Person,
    ) -> Done:
        key, why = form.key_and_why()
        order = GiveUp(
            key,
            why,
            kind,
            path["id"],
            form.text("receivable_id", needed=True),
            form.currency(),
            form.amounts("amounts_minor"),
        )
        form.check()
        return self._manage.give_up(order, person)

    def _credit(self, form: "_Form", path: Mapping[str, str], person: Person) -> Done:
        key, why = form.key_and_why()
        order = ApplyCredit(
            key,
            why,
            path["id"],
            form.text("receivable_id", needed=True),
            form.amount("amount_minor"),
            form.text("payment_id"),
        )
        form.check()
        return self._manage.apply_credit(order, person)

    def _reverse(self, form: "_Form", path: Mapping[str, str], person: Person) -> Done:
        key, why = form.key_and_why()
        order = ReverseAllocation(
            key,
            why,
            path["id"],
            form.text("payment_id", needed=True),
            form.text("receivable_id", needed=True),
        )
        form.check()
        return self._manage.reverse(order, person)


def person_of(arn: str) -> Person:
    """Who signed a request. The role is that of an assumed role, in small letters, since IAM tells
    no two names apart by their case; a user has none. Raises ActRefusedError if nobody signed."""
    if not arn:
        raise ActRefusedError(
            "not_allowed", Problem("", "nobody has signed the request", "sign it with IAM (SigV4)")
        )
    resource = arn.split(":", 5)[-1]
    kind, _, rest = resource.partition("/")
    return Person(arn, rest.split("/")[0].lower() if kind == "assumed-role" else "")


class _Form:
    """The fields of a request, and everything that is wrong with them."""

    def __init__(self, fields: _Fields) -> None:
        self._fields = fields
        self._asked: set[str] = set()
        self._problems: list[Problem] = []

    def check(self) -> None:
        """Raise ActRefusedError if anything is wrong, a field included that nobody knows."""
        known = ", ".join(sorted(self._asked))
        for name in self._fields:
            if name not in self._asked:
                self._wrong(name, "there is no such field", f"the fields are: {known}")
        if self._problems:
            raise ActRefusedError("wrong", *self._problems)

    def key_and_why(self) -> tuple[str, str]:
        """What every act has: the caller's key, and a reason."""
        key = self.text("key", needed=True, most=64)
        return key, self.text("why", needed=True, most=LONGEST_TEXT)

    def text(self, name: str, *, needed: bool = False, most: int = LONGEST_ID) -> str:
        """A text without blanks around it; empty if it is left out."""
        value = self._take(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if needed:
                self._wrong(name, "is missing", "fill it")
            return ""
        if not isinstance(value, str) or not value.isprintable():
            self._wrong(name, "is not a text of one line", "write it in quotes")
            return ""
        if len(value) > most:
            self._wrong(name, f"is longer than {most} characters", "shorten it")
            return ""
        return value.strip()

    def choice(self, name: str, allowed: Iterable[str], *, otherwise: str) -> str:
        """One of a few words."""
        value = self.text(name) or otherwise
        if value not in allowed:
            self._wrong(name, f"'{value}' is not one of them", f"write {' or '.join(allowed)}")
        return value

    def number_in_text(self, name: str, otherwise: int, most: int) -> int:
        """A count, as an address carries it."""
        text = self.text(name) or str(otherwise)
        if not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
            self._wrong(name, "is not a count that can be listed", f"write a number up to {most}")
            return otherwise
        return int(text)

    def amount(self, name: str, *, needed: bool = False) -> int | None:
        """An amount in minor units."""
        value = self._take(name)
        if value is None:
            if needed:
                self._wrong(name, "is missing", "give it in minor units, as a whole number")
            return None
        return self._minor(name, value)

    def amounts(self, name: str) -> dict[Component, int]:
        """Amounts in minor units by component."""
        value = self._take(name)
        if not isinstance(value, dict):
            self._wrong(
                name, "is no table of components", 'write it like {"interest": 120000, "fee": 5000}'
            )
            return {}
        for component in value:
            if component not in _COMPONENTS:
                self._wrong(
                    f"{name}.{component}",
                    "is no component of a debt",
                    f"they are: {', '.join(_COMPONENTS)}",
                )
        return {
            cast("Component", component): self._minor(f"{name}.{component}", minor)
            for component, minor in value.items()
        }

    def currency(self) -> str:
        """An ISO 4217 code; an amount never goes without one."""
        code = self.text("currency", needed=True)
        if code and not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
            self._wrong("currency", f"'{code}' is no currency", "write its code, such as COP")
        return code

    def instant(self, name: str) -> datetime | None:
        """An instant with its zone."""
        text = self.text(name)
        if not text:
            return None
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self._wrong(name, f"'{text}' is no instant", "write it like 2026-09-30T14:05:00-05:00")
            return None
        return instant

    def yes(self, name: str) -> bool:
        """True or false; false if it is left out."""
        value = self._take(name)
        if value is not None and not isinstance(value, bool):
            self._wrong(name, "is neither true nor false", "write true, or leave it out")
        return value is True

    def _take(self, name: str) -> Any:
        self._asked.add(name)
        return self._fields.get(name)

    def _minor(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 10**18:
            self._wrong(
                name,
                "is not a whole number of minor units",
                "write 57850 pesos as 5785000; no decimal point, no quotes",
            )
            return 0
        return value

    def _wrong(self, field: str, problem: str, remedy: str) -> None:
        self._problems.append(Problem(field, problem, remedy))


def _form(body: bytes) -> _Form:
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        fields = None
    if not isinstance(fields, dict):
        raise ActRefusedError(
            "wrong", Problem("", "the body is no JSON object", 'send one like {"key": "…"}')
        )
    return _Form(fields)


def _problem(field: str, problem: str, remedy: str) -> dict[str, str]:
    return {"field": field, "problem": problem, "remedy": remedy}
