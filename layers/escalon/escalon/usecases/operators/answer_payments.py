"""Answer operators: what they ask over HTTP becomes acts, and what is wrong is said field by field,
as a form would show it. Who calls is what their signature says; docs/payments.md has the routes."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from escalon.domain.payments.payment import net
from escalon.usecases.operators.acts import (
    ActRefusedError,
    ApplyCredit,
    Done,
    GiveUp,
    ManualPayment,
    Match,
    Person,
    Return,
    ReverseAllocation,
    Void,
)
from escalon.usecases.operators.forms import STATUS, Answer, Form, form_of, person_of
from escalon.usecases.payments.suggest_matches import Suggestions, SuggestMatches, best, by_amount

if TYPE_CHECKING:
    from escalon.adapters.table import Table
    from escalon.usecases.payments.manage_payments import ManagePayments

LISTED = 50  # of the list at once, unless asked for another number
LISTED_AT_MOST = 200
# Left of the function's time: when slips of references are looked up no more, and when the pass
# over all that is owed has to end.
TIME_FOR_AMOUNTS = timedelta(seconds=16)
TIME_TO_ANSWER = timedelta(seconds=5)
ASKED_EVERY = 200  # entries of the pass, how much time is left


class AnswerOperators:
    """One route of the API each."""

    def __init__(self, table: "Table", manage: "ManagePayments", suggest: SuggestMatches) -> None:
        self._table = table
        self._manage = manage
        self._suggest = suggest
        self._acts: dict[str, Callable[[Form, Mapping[str, str], Person], Done]] = {
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
                return Answer(200, self._unmatched(Form(dict(query)), time_left))
            if route in self._acts:
                done = self._acts[route](form_of(body), path, person)
                return Answer(200, {"done": done.did, "again": done.again, **done.result})
        except ActRefusedError as error:
            problems = msgspec.to_builtins(error.problems)
            return Answer(STATUS[error.fault], {"problems": problems})
        return Answer(404, {"problems": [_problem("", "there is no such route", "see the docs")]})

    # ---------------------------------------------------------------- the list

    def _unmatched(self, form: Form, time_left: Callable[[], timedelta]) -> dict[str, Any]:
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

    def _match(self, form: Form, path: Mapping[str, str], person: Person) -> Done:
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

    def _return(self, form: Form, path: Mapping[str, str], person: Person) -> Done:
        key, why = form.key_and_why()
        form.check()
        return self._manage.give_back(Return(key, why, path["id"]), person)

    def _pay(self, form: Form, path: Mapping[str, str], person: Person) -> Done:
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

    def _void(self, form: Form, path: Mapping[str, str], person: Person) -> Done:
        key, why = form.key_and_why()
        order = Void(key, why, path["id"], form.text("payment_id", needed=True))
        form.check()
        return self._manage.void(order, person)

    def _waive(self, form: Form, path: Mapping[str, str], person: Person) -> Done:
        return self._give_up("waiver", form, path, person)

    def _write_off(self, form: Form, path: Mapping[str, str], person: Person) -> Done:
        return self._give_up("write_off", form, path, person)

    def _give_up(
        self,
        kind: Literal["waiver", "write_off"],
        form: Form,
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

    def _credit(self, form: Form, path: Mapping[str, str], person: Person) -> Done:
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

    def _reverse(self, form: Form, path: Mapping[str, str], person: Person) -> Done:
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


def _problem(field: str, problem: str, remedy: str) -> dict[str, str]:
    return {"field": field, "problem": problem, "remedy": remedy}
