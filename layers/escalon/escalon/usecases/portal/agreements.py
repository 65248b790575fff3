"""Agreements on the debtor's page: what is on offer, the plan before it is accepted, the code that
accepts it, and the agreement afterwards.

The terms travel in the address as the name of an offer and what was chosen of it, never as amounts
that could be altered: the plan is worked out anew from the ledger each time. A debtor agrees to
what the rules let them agree to alone (docs/agreements.md).
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from escalon.domain.account import ContactPoint
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import standing
from escalon.domain.agreements.offers import (
    Problem,
    Proposal,
    Terms,
    problem_sentence,
    proposal_sentences,
)
from escalon.domain.local_time import add_days
from escalon.messages.context import Amount
from escalon.pages import portal as pages
from escalon.pages.page import Page, file
from escalon.pages.words import language_of
from escalon.usecases.agreements.manage_agreements import (
    DEBTOR,
    AgreementRefusedError,
    Debt,
    Evidence,
    ManageAgreements,
    OnOffer,
)
from escalon.usecases.payments.payment_link import next_instalment
from escalon.usecases.portal.acts import PortalActs
from escalon.usecases.portal.codes import Codes, masked
from escalon.usecases.portal.forms import typed_amount, typed_day
from escalon.usecases.portal.room import Room

if TYPE_CHECKING:
    from escalon.papers.paper import Paper
    from escalon.usecases.agreements.keep_document import KeepDocument

CHANNEL = "portal"  # of the evidence
MOST_OFFERS = 10  # that stand at once; each ends by itself


class AgreementPages:
    """Shows what may be agreed, and takes acceptances. `papers` gives whoever makes the agreements'
    documents: few visits need it, and it is slow to load."""

    def __init__(
        self,
        agreements: ManageAgreements,
        papers: "Callable[[], KeepDocument]",
        codes: Codes,
        acts: PortalActs,
    ) -> None:
        self._agreements = agreements
        self._papers = papers
        self._codes = codes
        self._acts = acts

    # ---------------------------------------------------------------- before it is accepted

    def offers(self, room: Room, *, notice: str = "") -> Page:
        """What is on offer in one currency, and what fits if somebody says what they can pay."""
        debt, others = self._debt(room)
        if debt is None:
            resting = bool(room.account.agreements) and any(
                a.rests for a in room.account.agreements
            )
            return room.show(pages.Offers(groups=(), resting=resting), notice=notice)
        typed = room.visit.query.get("capacity", "").strip()
        capacity = typed_amount(typed, debt.currency) if typed else None
        problems: dict[str, str] = {}
        if typed and capacity is None:
            problems["capacity"] = room.say("money_wrong", currency=debt.currency)
        found = self._agreements.offers(debt, capacity_minor=capacity)
        groups = [
            pages.Offer(
                _title(room, proposal),
                proposal_sentences(proposal, locale=room.reader.language, writer=_writer(room)),
                urlencode(_query_of(proposal)),
            )
            for proposal in found.proposals
            if proposal.kind != "promise"
        ]
        view = pages.Offers(
            groups=groups,
            currency=debt.currency,
            other_currencies=others,
            capacity=typed,
            asked_capacity=capacity is not None,
            has_promise=_promise_rule(found) != "",
            problems=problems,
        )
        return room.show(view, notice=notice, status=422 if problems else 200)

    def promise(self, room: Room) -> Page:
        """A day and an amount that somebody promises; on to the plan once they can be agreed on."""
        debt, others = self._debt(room)
        found = self._agreements.offers(debt) if debt else None
        rule = next((r for r in found.rules if r.kind == "promise"), None) if found else None
        if debt is None or found is None or rule is None:
            return room.show(pages.Promise(form=None, other_currencies=others))
        most = sum(sum(parts.values()) for parts in found.debts.values())
        query = room.visit.query
        form = pages.PromiseForm(
            currency=debt.currency,
            first_day=found.calculated_on,
            last_day=add_days(found.calculated_on, rule.limits.first_within_days),
            most=Amount(debt.currency, most),
            first_on=query.get("first_on", ""),
            amount=query.get("amount", ""),
        )
        if "first_on" not in query:
            return room.show(pages.Promise(form=form, other_currencies=others))
        first_on, minor = typed_day(form.first_on), typed_amount(form.amount, debt.currency)
        problems: dict[str, str] = {}
        if first_on is None:
            problems["first_on"] = room.say("day_wrong")
        if minor is None:
            problems["amount"] = room.say("money_wrong", currency=debt.currency)
        if first_on is not None and minor is not None:
            terms = Terms(rule.offer, first_on, amount_minor=minor)
            wrong = self._agreements.check(debt, terms)
            problems = {_field(one): _sentence(room, one, debt.currency) for one in wrong}
            if not problems:
                return room.go("plan", **_query_of_promise(terms, debt.currency))
        view = pages.Promise(form=form, other_currencies=others, problems=problems)
        return room.show(view, status=422)

    def plan(self, room: Room) -> Page:
        """The terms that the query names, as they would be agreed on now."""
        found = self._wanted(room)
        if found is None:
            return self.offers(room, notice="plan_gone")
        _, _, agreement = found
        query = urlencode(dict(room.visit.query))
        return room.show(pages.Plan(shown=shown_plan(agreement), query=query))

    # ---------------------------------------------------------------- accepting

    def accept(self, room: Room, problems: Mapping[str, str] | None = None) -> Page:
        """Where the code goes; then, with the agreement that the query names, the code itself."""
        agreement_id = room.visit.query.get("id", "")
        if not agreement_id:
            found = self._wanted(room)
            if found is None:
                return self.offers(room, notice="plan_gone")
            return self._code_page(room, found[2], problems)
        agreement = self._own(room, agreement_id)
        if agreement is None or agreement.state != "offered":
            return room.go("agreement", id=agreement_id) if agreement else room.go("offers")
        sent_to = self._sent_to(room, agreement_id)
        paper = self._paper(room, agreement_id)
        return self._code_page(room, agreement, problems, sent_to=sent_to, document=paper)

    def take(self, room: Room, key: str) -> Page:
        """Send a code for the terms, or take it and accept them."""
        agreement_id = room.visit.query.get("id", "")
        if agreement_id and room.visit.typed("code"):
            return self._take_code(room, agreement_id)
        point = self._point(room)
        if point is None:
            return self.accept(room, {"point": room.say("code_where")})
        if not agreement_id:
            found = self._wanted(room)
            if found is None:
                return room.go("offers", done="gone")
            debt, terms, _ = found
            if sum(one.state == "offered" for one in room.account.agreements) >= MOST_OFFERS:
                return room.go("offers", done="gone")
            try:
                done = self._agreements.agree(key, debt, terms, DEBTOR)
            except AgreementRefusedError:
                return room.go("offers", done="gone")
            agreement_id = done.agreement.agreement_id
        sent = self._codes.send(
            room.visit.code,
            room.account,
            room.opened.creditor,
            point,
            room.reader.language,
            room.opened.now,
            about=about(agreement_id),
            rulebook=room.rulebook,
        )
        if sent == "sent":
            return room.go("accept", id=agreement_id)
        return room.go("accept", id=agreement_id, done=sent)

    def _take_code(self, room: Room, agreement_id: str) -> Page:
        account = room.account
        if self._own(room, agreement_id) is None:
            return room.go("offers")
        typed, challenge = self._codes.take(
            room.visit.code, about(agreement_id), room.visit.typed("code"), room.opened.now
        )
        if typed != "right":
            return self.accept(room, {"code": room.say(f"code_{typed}").rstrip(".")})
        paper = self._paper(room, agreement_id)
        evidence = Evidence(
            CHANNEL,
            ip=room.visit.ip,
            user_agent=room.visit.user_agent[:300],
            code_point=challenge.point_id,
            document_hash=paper.hash,
        )
        try:
            self._agreements.accept(
                f"portal-{challenge.challenge_id}",
                account.account_id,
                agreement_id,
                evidence,
                DEBTOR,
            )
        except AgreementRefusedError:
            return room.go("offers", done="gone")
        link = room.opened.link
        self._acts.confirmed(
            account.account_id, link.message_id, challenge.point_id, f"accept:{agreement_id}"
        )
        return room.go("agreement", id=agreement_id, done="accepted")

    def _code_page(
        self,
        room: Room,
        agreement: Agreement,
        problems: Mapping[str, str] | None,
        *,
        sent_to: str = "",
        document: "Paper | None" = None,
    ) -> Page:
        done = room.visit.query.get("done", "")
        found = self._codes.points(room.account, room.rulebook, room.opened.now)
        query = {name: text for name, text in room.visit.query.items() if name != "done"}
        view = pages.Code(
            page="accept",
            query=urlencode(query),
            points=[pages.Point(p.point_id, room.named(p)) for p in found],
            sent_to=sent_to,
            shown=shown_plan(agreement),
            document=document,
            problems=problems or {},
        )
        notice = f"code_{done}" if done in ("too_soon", "too_many", "not_sent") else ""
        return room.show(view, notice=notice, status=422 if problems else 200)

    def _paper(self, room: Room, agreement_id: str) -> "Paper":
        """The agreement's document, in the language in which the reader reads it."""
        own = language_of(room.opened.reader.locale)
        locale = "" if own == room.reader.language else room.reader.language
        return self._papers().paper(room.account.account_id, agreement_id, locale)

    def _sent_to(self, room: Room, agreement_id: str) -> str:
        """Where the code for this agreement went, masked; empty if there is none to be given."""
        challenge = self._codes.open_challenge(room.visit.code)
        if challenge is None or challenge.about != about(agreement_id) or challenge.used:
            return ""
        return next(
            (masked(p) for p in room.account.points if p.point_id == challenge.point_id), ""
        )

    def _point(self, room: Room) -> ContactPoint | None:
        wanted = room.visit.typed("point")
        found = self._codes.points(room.account, room.rulebook, room.opened.now)
        return next((point for point in found if point.point_id == wanted), None)

    # ---------------------------------------------------------------- afterwards

    def agreement(self, room: Room) -> Page | None:
        """One agreement of the account's; None if it is none of theirs."""
        agreement = self._own(room, room.visit.query.get("id", ""))
        if agreement is None:
            return None
        found = standing(agreement, room.opened.today)
        states = {one.instalment.number: one.state for one in found.instalments}
        due = next_instalment(room.opened, agreement.agreement_id)
        view = pages.AgreementPage(
            agreement_id=agreement.agreement_id,
            state=agreement.state if agreement.state != "accepted" else found.state,
            waits=bool(agreement.approval),
            shown=shown_plan(agreement, states if agreement.accepted else {}),
            next_amount=Amount(agreement.currency, due.owed[agreement.currency]) if due else None,
            next_on=due.due_on if due else None,
            ways=room.pay_buttons(due.owed, agreement=agreement.agreement_id) if due else (),
            has_paper=_was_in_force(agreement),
        )
        notice = "agreement_accepted" if room.visit.query.get("done") == "accepted" else ""
        return room.show(view, notice=notice, forms=room.checkout_forms)

    def paper(self, room: Room) -> Page | None:
        """Its document, to be kept."""
        agreement = self._own(room, room.visit.query.get("id", ""))
        if agreement is None or not _was_in_force(agreement):
            return None
        content = self._papers().pdf(room.account.account_id, agreement.agreement_id)
        name = "acuerdo" if room.reader.language == "es" else "agreement"
        return file(content, "application/pdf", f"{name}-{agreement.calculated_on}.pdf")

    # ---------------------------------------------------------------- inside

    def _own(self, room: Room, agreement_id: str) -> Agreement | None:
        """An agreement of this account with the link's creditor."""
        if not agreement_id:
            return None
        try:
            found = self._agreements.one(room.account.account_id, agreement_id).agreement
        except AgreementRefusedError:
            return None
        return found if found.creditor == room.opened.link.creditor else None

    def _debt(self, room: Room) -> tuple[Debt | None, list[str]]:
        """What may be agreed on in the currency that the query names, or in the first; and the
        other currencies."""
        pots = [
            pot
            for pot in self._agreements.pots(room.account.account_id)
            if pot.creditor == room.opened.link.creditor
        ]
        wanted = room.visit.query.get("currency", "")
        chosen = next((pot for pot in pots if pot.currency == wanted), pots[0] if pots else None)
        return chosen, [pot.currency for pot in pots if pot is not chosen]

    def _wanted(self, room: Room) -> tuple[Debt, Terms, Agreement] | None:
        """The terms that the query names and what they come to; None if they are not on offer."""
        debt, _ = self._debt(room)
        query = room.visit.query
        if debt is None or debt.currency != query.get("currency"):
            return None
        monthly = query.get("monthly", "")
        if "day" in query:
            first_on, minor = typed_day(query["day"]), query.get("minor", "")
            if first_on is None or not minor.isdecimal():
                return None
            terms = Terms(query.get("offer", ""), first_on, amount_minor=int(minor))
        else:
            capacity_minor = int(monthly) if monthly.isdecimal() else None
            found = self._agreements.offers(debt, capacity_minor=capacity_minor)
            asked = {name: query.get(name, "") for name in ("offer", "count", "every")}
            matching = (p.terms for p in found.proposals if _choice(p) == asked)
            chosen = next(matching, None)
            if chosen is None:
                return None
            terms = chosen
        try:
            return debt, terms, self._agreements.preview(debt, terms, DEBTOR)
        except AgreementRefusedError:
            return None


def about(agreement_id: str) -> str:
    """What a code is for that accepts this agreement."""
    return f"accept:{agreement_id}"


def shown_plan(agreement: Agreement, states: Mapping[int, str] | None = None) -> pages.PlanShown:
    """An agreement's terms as a page shows them."""
    currency = agreement.currency
    return pages.PlanShown(
        instalments=[
            pages.PlanRow(
                one.number,
                one.due_on,
                Amount(currency, one.amount_minor),
                Amount(currency, one.interest_minor),
                (states or {}).get(one.number, ""),
            )
            for one in agreement.instalments
        ],
        total=Amount(currency, agreement.total_minor),
        debt=Amount(currency, sum(agreement.debt.values())),
        discount=Amount(currency, sum(agreement.discount.values())),
        settles_in_full=agreement.settles_in_full,
        tolerance_days=agreement.tolerance_days,
    )


def _was_in_force(agreement: Agreement) -> bool:
    """Whether there is a document of it."""
    return any(change.state == "active" for change in agreement.history)


def _choice(proposal: Proposal) -> dict[str, str]:
    terms = proposal.terms
    return {"offer": terms.offer, "count": str(terms.instalments), "every": terms.every}


def _query_of(proposal: Proposal) -> dict[str, str]:
    capacity = proposal.terms.capacity_minor
    more = {"monthly": str(capacity)} if capacity is not None else {}
    return {**_choice(proposal), "currency": proposal.currency, **more}


def _query_of_promise(terms: Terms, currency: str) -> dict[str, str]:
    return {
        "offer": terms.offer,
        "day": terms.first_on.isoformat(),
        "minor": str(terms.amount_minor),
        "currency": currency,
    }


def _promise_rule(found: OnOffer) -> str:
    return next((rule.offer for rule in found.rules if rule.kind == "promise"), "")


def _title(room: Room, proposal: Proposal) -> str:
    count = len(proposal.instalments)
    phrase = f"offer_{proposal.kind}"
    if proposal.kind == "settlement" and count > 1:
        phrase = "offer_settlement_in"
    return room.say(phrase, count=str(count), every=room.say(f"every_{proposal.terms.every}"))


def _field(problem: Problem) -> str:
    return "amount" if problem.field == "amount_minor" else "first_on"


def _sentence(room: Room, problem: Problem, currency: str) -> str:
    said = problem_sentence(problem, currency, locale=room.reader.language, writer=_writer(room))
    return said[:1].upper() + said[1:]


class _Writer:
    """Amounts and days as the reader writes them."""

    def __init__(self, money: Callable[[int, str], str], day: Callable[[date], str]) -> None:
        self.money = money
        self.day = day


def _writer(room: Room) -> _Writer:
    from escalon.messages.locales import Reader as Spelling

    spelling = Spelling(room.locale, codes=False)
    return _Writer(lambda minor, code: spelling.amount(Amount(code, minor)), spelling.long_date)
