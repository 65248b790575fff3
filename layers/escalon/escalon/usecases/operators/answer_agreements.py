"""Answer agreements: what operators and outside systems ask over HTTP about agreements and holds.

Requests are checked by their models before they come here; what the rules refuse is said field by
field in Spanish and English, as a form would show it. docs/agreements-api.md has the routes.
"""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import Standing, standing
from escalon.domain.agreements.offers import (
    Problem,
    Proposal,
    Terms,
    problem_sentence,
    proposal_sentences,
)
from escalon.domain.holds import HoldProblem, hold_sentence
from escalon.domain.rules.rulebook import Rulebook
from escalon.messages.context import Amount
from escalon.messages.locales import Reader
from escalon.usecases.agreements.keep_document import KeepDocument, NoDocumentYetError
from escalon.usecases.agreements.manage_agreements import (
    Actor,
    AgreementRefusedError,
    Debt,
    Done,
    Evidence,
    ManageAgreements,
    Seen,
)
from escalon.usecases.agreements.updates import KeptUpdate, TakeUpdate, Update
from escalon.usecases.manage_holds import (
    EndHold,
    HoldRefusedError,
    KeptHold,
    ManageHolds,
    PlaceHold,
)
from escalon.usecases.operators import agreement_requests as io
from escalon.usecases.operators.acts import ActRefusedError, Person
from escalon.usecases.operators.forms import person_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from escalon.adapters.table import Table

UPDATES_AT_MOST = 200
_STATUS = {"wrong": 422, "not_allowed": 403, "not_found": 404, "conflict": 409, "stale": 412}

# Of the request itself: code -> (Spanish, English)
_REQUEST = {
    "missing": ("falta", "is missing"),
    "no_such_field": ("este campo no existe", "there is no such field"),
    "not_whole": (
        "tiene que ser un número entero, sin comillas ni decimales",
        "has to be a whole number, without quotes or decimals",
    ),
    "not_a_date": (
        "no es una fecha; escríbala como 2026-09-30",
        "is no date; write it like 2026-09-30",
    ),
    "not_one_of": ("tiene que ser uno de: {limit}", "has to be one of: {limit}"),
    "too_long": (
        "puede tener como máximo {limit} caracteres",
        "can have {limit} characters at most",
    ),
    "too_small": ("tiene que ser al menos {limit}", "has to be {limit} at least"),
    "too_much": ("puede ser como máximo {limit}", "can be {limit} at most"),
    "no_route": ("no existe esta dirección", "there is no such route"),
    "not_json": ("la solicitud no es un objeto JSON", "the request is no JSON object"),
    "not_valid": ("el valor no es válido", "the value is not valid"),
    "not_signed": ("nadie firmó la solicitud", "nobody has signed the request"),
    "not_in_force": (
        "el acuerdo todavía no está vigente, así que no tiene documento",
        "the agreement is not in force yet, so it has no document",
    ),
    "document_changed": (
        "el documento ya no dice lo mismo; léalo de nuevo",
        "the document does not say the same any more; read it again",
    ),
    "version_needed": (
        "diga qué versión vio, con If-Match o en este campo",
        "say which version you have seen, by If-Match or in this field",
    ),
}
# pydantic's names of what is wrong, as far as a form has its own sentence
_CODES = {
    "missing": "missing",
    "extra_forbidden": "no_such_field",
    "int_type": "not_whole",
    "int_parsing": "not_whole",
    "date_from_datetime_parsing": "not_a_date",
    "date_parsing": "not_a_date",
    "date_type": "not_a_date",
    "literal_error": "not_one_of",
    "string_too_long": "too_long",
    "string_too_short": "missing",
    "greater_than_equal": "too_small",
    "less_than_equal": "too_much",
    "less_than": "too_much",
    "json_invalid": "not_json",
    "model_attributes_type": "not_json",
}


class RefusedError(Exception):
    """Nothing was done: an HTTP status and every problem."""

    def __init__(self, status: int, problems: list[io.ProblemOut]) -> None:
        super().__init__(", ".join(f"{one.field} {one.code}" for one in problems))
        self.status = status
        self.problems = problems


def wrong_request(errors: Iterable[dict[str, Any]]) -> list[io.ProblemOut]:
    """What is wrong with a request by its model: pydantic's errors as the fields of a form."""
    found = []
    for error in errors:
        place = [str(part) for part in error["loc"] if part not in ("body", "query", "header")]
        code = _CODES.get(error["type"], "not_valid")
        if code == "not_json":
            place = []
        known = error.get("ctx") or {}
        limit = known.get("expected") or known.get("max_length") or known.get("ge")
        limit = limit if limit is not None else known.get("le", known.get("lt"))
        found.append(a_problem(".".join(place), code, str(limit) if limit is not None else None))
    return found


class AnswerAgreements:
    """One method for each route. Each raises RefusedError if it does nothing. `caller` is the ARN
    of whoever signed."""

    def __init__(
        self,
        table: "Table",
        agreements: ManageAgreements,
        holds: ManageHolds,
        documents: KeepDocument,
        updates: TakeUpdate,
        rulebook: "Callable[[str], Rulebook | None]",
    ) -> None:
        self._table = table
        self._agreements = agreements
        self._holds = holds
        self._documents = documents
        self._updates = updates
        self._rulebook = rulebook

    # ---------------------------------------------------------------- what may be agreed

    def offers(
        self, debt: Debt, capacity_minor: int | None = None, replaces: str = ""
    ) -> io.OffersOut:
        """What the debtor may choose from."""
        try:
            found = self._agreements.offers(debt, capacity_minor=capacity_minor, replaces=replaces)
        except AgreementRefusedError as error:
            raise _refused(error, debt.currency) from error
        writer = _Writer(self._locale(debt.account_id))
        return io.OffersOut(
            creditor=found.creditor,
            currency=found.currency,
            calculated_on=found.calculated_on,
            debts=found.debts,
            offers=[rule.offer for rule in found.rules],
            proposals=[_proposal(one, writer) for one in found.proposals],
        )

    def preview(self, account_id: str, asked: io.AgreementIn, caller: str) -> io.PreviewOut:
        """What the terms come to, and what is wrong with them; nothing is written."""
        debt, terms, actor = _debt(account_id, asked), _terms(asked.terms), actor_of(caller)
        try:
            problems = self._agreements.check(debt, terms, actor, replaces=asked.replaces)
            made = self._agreements.preview(debt, terms, actor, replaces=asked.replaces)
        except AgreementRefusedError as error:
            if error.fault != "wrong":
                raise _refused(error, debt.currency) from error
            return io.PreviewOut(agreement=None, problems=_problems(error.problems, debt.currency))
        return io.PreviewOut(
            agreement=_agreement(made, standing(made, made.calculated_on)),
            problems=_problems(problems, made.currency),
        )

    # ---------------------------------------------------------------- agreements

    def list_of(self, account_id: str) -> io.AgreementsOut:
        """All of an account."""
        try:
            found = self._agreements.list_of(account_id)
        except AgreementRefusedError as error:
            raise _refused(error) from error
        return io.AgreementsOut(agreements=[_of(one) for one in found])

    def one(self, account_id: str, agreement_id: str) -> io.AgreementOut:
        """One agreement."""
        try:
            return _of(self._agreements.one(account_id, agreement_id))
        except AgreementRefusedError as error:
            raise _refused(error) from error

    def history(self, account_id: str, agreement_id: str) -> io.AgreementsOut:
        """It and what it came from and what came of it, the oldest first."""
        try:
            chain = self._agreements.history(account_id, agreement_id)
            seen = [self._agreements.one(account_id, one.agreement_id) for one in chain]
        except AgreementRefusedError as error:
            raise _refused(error) from error
        return io.AgreementsOut(agreements=[_of(one) for one in seen])

    def document(self, account_id: str, agreement_id: str) -> bytes:
        """Its PDF."""
        self.one(account_id, agreement_id)
        try:
            return self._documents.pdf(account_id, agreement_id)
        except NoDocumentYetError as error:
            raise RefusedError(409, [a_problem("agreement", "not_in_force")]) from error

    # ---------------------------------------------------------------- acts

    def agree(
        self, account_id: str, asked: io.AgreementIn, caller: str, version: int | None = None
    ) -> io.AgreementOut:
        """Offer the terms, or with evidence offer and accept them in one act; `version` is that of
        the agreement that they replace."""
        debt, actor = _debt(account_id, asked), actor_of(caller)
        terms, key, old = _terms(asked.terms), asked.key, asked.replaces
        try:
            if asked.accepted is None:
                done = self._agreements.agree(
                    key, debt, terms, actor, replaces=old, version=version, why=asked.why
                )
            else:
                evidence = _evidence(asked.accepted)
                done = self._agreements.promise(
                    key, debt, terms, evidence, actor, replaces=old, version=version
                )
        except AgreementRefusedError as error:
            raise _refused(error, debt.currency) from error
        return _done(done)

    def replace(
        self, account_id: str, agreement_id: str, asked: io.ReplacementIn, caller: str
    ) -> io.AgreementOut:
        """Other terms for the same debts: another agreement that replaces this one once it is
        accepted."""
        version = _version(asked.version)
        seen = self.one(account_id, agreement_id)
        again = io.AgreementIn(
            key=asked.key,
            why=asked.why,
            creditor=seen.creditor,
            currency=seen.currency,
            receivables=list(seen.debts),
            terms=asked.terms,
            replaces=agreement_id,
            accepted=asked.accepted,
        )
        return self.agree(account_id, again, caller, version)

    def accept(
        self, account_id: str, agreement_id: str, asked: io.AcceptanceIn, caller: str
    ) -> io.AgreementOut:
        """The debtor accepts, as an operator has heard it. The evidence has the hash of the
        words."""
        actor, evidence = actor_of(caller), _evidence(asked)
        seen = self.one(account_id, agreement_id)
        if seen.accepted is None:
            present = self._documents.paper(account_id, agreement_id).hash
            if asked.document_hash not in ("", present):
                raise RefusedError(409, [a_problem("document_hash", "document_changed")])
            evidence = msgspec.structs.replace(evidence, document_hash=present)
        version = _version(asked.version)
        return self._act(
            lambda: self._agreements.accept(
                asked.key, account_id, agreement_id, evidence, actor, version=version
            )
        )

    def approve(
        self, account_id: str, agreement_id: str, asked: io.OnAgreementIn, caller: str
    ) -> io.AgreementOut:
        """Somebody of a role that may approves the terms."""
        version, actor = _version(asked.version), actor_of(caller)
        return self._act(
            lambda: self._agreements.approve(
                asked.key, account_id, agreement_id, actor, why=asked.why, version=version
            )
        )

    def cancel(
        self, account_id: str, agreement_id: str, asked: io.OnAgreementIn, caller: str
    ) -> io.AgreementOut:
        """Take it back."""
        version, actor = _version(asked.version), actor_of(caller)
        return self._act(
            lambda: self._agreements.cancel(
                asked.key, account_id, agreement_id, actor, why=asked.why, version=version
            )
        )

    def _act(self, act: "Callable[[], Done]") -> io.AgreementOut:
        try:
            return _done(act())
        except AgreementRefusedError as error:
            raise _refused(error) from error

    # ---------------------------------------------------------------- holds

    def holds(self, account_id: str) -> io.HoldsOut:
        """All holds of an account, and the kinds there are."""
        try:
            found = self._holds.list_of(account_id)
            return io.HoldsOut(
                holds=[_hold(one) for one in found], kinds=self._holds.kinds(account_id)
            )
        except HoldRefusedError as error:
            raise _hold_refused(error) from error

    def place_hold(self, account_id: str, asked: io.HoldIn, caller: str) -> io.HoldOut:
        """Rest the account or a receivable."""
        order = PlaceHold(
            asked.key,
            asked.why,
            account_id,
            asked.kind,
            asked.starts_on,
            asked.ends_on,
            asked.receivable_id,
            asked.owner,
            asked.note,
        )
        try:
            done = self._holds.place(order, person(caller))
        except HoldRefusedError as error:
            raise _hold_refused(error) from error
        return _hold(done.kept, again=done.again)

    def end_hold(self, account_id: str, hold_id: str, asked: io.ActIn, caller: str) -> io.HoldOut:
        """Let it go on."""
        try:
            done = self._holds.end(
                EndHold(asked.key, asked.why, account_id, hold_id), person(caller)
            )
        except HoldRefusedError as error:
            raise _hold_refused(error) from error
        return _hold(done.kept, again=done.again)

    # ---------------------------------------------------------------- outside systems

    def update(self, asked: io.UpdateIn, caller: str) -> tuple[int, io.UpdateOut]:
        """Take one update of an outside system; 422 if it was refused, and it is kept."""
        if not (asked.account_id or asked.source_ref):
            raise RefusedError(422, [a_problem("account_id", "missing")])
        if asked.state == "agreed" and asked.terms is None:
            raise RefusedError(422, [a_problem("terms", "missing")])
        fields = asked.model_dump(exclude={"terms"})
        terms = _terms(asked.terms) if asked.terms else None
        update = msgspec.convert({**fields, "receivables": tuple(asked.receivables)}, Update)
        update = msgspec.structs.replace(update, terms=terms)
        try:
            taken = self._updates(update, actor_of(caller))
        except AgreementRefusedError as error:
            raise _refused(error, asked.currency) from error
        told = _update(taken.kept)
        if taken.became == "outdated":
            told = told.model_copy(update={"version": asked.version, "became": "outdated"})
        return (422 if taken.became == "refused" else 200), told

    def refused_updates(self, most: int) -> io.UpdatesOut:
        """Those that nobody has put right yet."""
        found, more = self._updates.refused(most)
        return io.UpdatesOut(updates=[_update(one) for one in found], more=more)

    # ---------------------------------------------------------------- inside

    def _locale(self, account_id: str) -> str:
        """The debtor's, in which offers are read out to them."""
        stored = self._table.get(account_id)
        rulebook = self._rulebook(account_id)
        own = stored.account.language if stored else ""
        return own or (rulebook.language if rulebook else "es")


def actor_of(caller: str) -> Actor:
    """An operator by who signed."""
    signed = person(caller)
    return Actor("operator", signed.who, signed.role)


def person(caller: str) -> Person:
    """Who signed a request."""
    try:
        return person_of(caller)
    except ActRefusedError as error:
        raise RefusedError(403, [a_problem("", "not_signed")]) from error


class _Writer:
    """How a locale writes amounts and days."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self._reader = Reader(locale, codes=False)

    def money(self, amount_minor: int, currency: str) -> str:
        return self._reader.amount(Amount(currency, amount_minor))

    def day(self, on: date) -> str:
        return self._reader.long_date(on)


_WRITERS = (_Writer("es-CO"), _Writer("en"))


def _terms(asked: io.TermsIn) -> Terms:
    return Terms(**asked.model_dump())


def _evidence(asked: io.EvidenceIn) -> Evidence:
    """What an operator may say of it. That a code was sent only the debtor's page may say."""
    return Evidence(asked.channel, document_hash=asked.document_hash, note=asked.note)


def _debt(account_id: str, asked: io.AgreementIn) -> Debt:
    return Debt(account_id, asked.creditor, asked.currency, tuple(asked.receivables))


def _version(seen: int | None) -> int:
    """Two editors do not overwrite each other: whoever acts says which version they have seen (RFC
    6585, 428)."""
    if seen is None:
        raise RefusedError(428, [a_problem("version", "version_needed")])
    return seen


def a_problem(field: str, code: str, limit: str | None = None) -> io.ProblemOut:
    """A problem of the request itself."""
    spanish, english = _REQUEST[code]
    return io.ProblemOut(
        field=field,
        code=code,
        limit=limit,
        message=io.Sentence(es=spanish.format(limit=limit), en=english.format(limit=limit)),
    )


def _problems(problems: Iterable[Problem], currency: str = "") -> list[io.ProblemOut]:
    found = []
    for one in problems:
        spanish, english = (
            problem_sentence(one, currency or "COP", locale=writer.locale, writer=writer)
            for writer in _WRITERS
        )
        found.append(
            io.ProblemOut(
                field=one.field,
                code=one.code,
                limit=one.limit,
                role=one.role,
                message=io.Sentence(es=spanish, en=english),
            )
        )
    return found


def _refused(error: AgreementRefusedError, currency: str = "") -> RefusedError:
    return RefusedError(_STATUS[error.fault], _problems(error.problems, currency))


def _hold_refused(error: HoldRefusedError) -> RefusedError:
    problems = [
        io.ProblemOut(field=one.field, code=one.code, limit=one.limit, message=_hold_sentences(one))
        for one in error.problems
    ]
    return RefusedError(_STATUS[error.fault], problems)


def _hold_sentences(problem: HoldProblem) -> io.Sentence:
    return io.Sentence(es=hold_sentence(problem, "es"), en=hold_sentence(problem, "en"))


def _proposal(proposal: Proposal, writer: _Writer) -> io.ProposalOut:
    return io.ProposalOut(
        terms=io.TermsIn(**msgspec.structs.asdict(proposal.terms)),
        kind=proposal.kind,
        instalments=[
            io.InstalmentOut(**msgspec.structs.asdict(one)) for one in proposal.instalments
        ],
        total_minor=proposal.total_minor,
        interest_minor=proposal.interest_minor,
        discount_minor=proposal.discount_minor,
        expires_on=proposal.expires_on,
        words=proposal_sentences(proposal, locale=writer.locale, writer=writer),
    )


def _of(seen: Seen) -> io.AgreementOut:
    return _agreement(seen.agreement, seen.standing)


def _done(done: Done) -> io.AgreementOut:
    return _agreement(done.agreement, done.standing, again=done.again)


def _agreement(one: Agreement, found: Standing, *, again: bool = False) -> io.AgreementOut:
    accepted = one.accepted
    return io.AgreementOut(
        agreement_id=one.agreement_id,
        version=one.version,
        state=one.state,
        kind=one.kind,
        offer=one.offer,
        creditor=one.creditor,
        currency=one.currency,
        calculated_on=one.calculated_on,
        debts={name: dict(debt) for name, debt in one.debts.items()},
        discount=dict(one.discount),
        total_minor=one.total_minor,
        interest_minor=one.interest_minor,
        settles_in_full=one.settles_in_full,
        instalments=[
            io.InstalmentOut(
                **msgspec.structs.asdict(each.instalment),
                state=each.state,
                paid_minor=each.paid_minor,
                until=each.until,
            )
            for each in found.instalments
        ],
        paid_minor=found.paid_minor,
        left_minor=found.left_minor,
        payoff_minor=found.payoff_minor,
        overdue_minor=found.overdue_minor,
        next_due_on=found.next_due.instalment.due_on if found.next_due else None,
        broken_on=found.broken_on,
        resume_at=one.resume_at,
        tolerance_days=one.tolerance_days,
        tolerance_minor=one.tolerance_minor,
        expires_on=one.expires_on,
        approval=list(one.approval),
        accepted=None
        if accepted is None
        else io.AcceptedOut(
            at=accepted.at,
            by=accepted.by,
            channel=accepted.channel,
            who=accepted.who,
            document_hash=accepted.document_hash,
        ),
        replaces=one.replaces,
        replaced_by=one.replaced_by,
        history=[io.ChangeOut(**msgspec.structs.asdict(change)) for change in one.history],
        again=again,
    )


def _hold(kept: KeptHold, *, again: bool = False) -> io.HoldOut:
    fields = msgspec.structs.asdict(kept)
    hold = msgspec.structs.asdict(fields.pop("hold"))
    return io.HoldOut(**hold, **fields, again=again)


def _update(kept: KeptUpdate) -> io.UpdateOut:
    update = kept.update
    return io.UpdateOut(
        system=update.system,
        key=update.key,
        version=update.version,
        became=kept.became or "refused",
        account_id=update.account_id,
        agreement_id=kept.agreement_id,
        at=kept.at,
        problems=_problems(kept.problems, update.currency),
    )
