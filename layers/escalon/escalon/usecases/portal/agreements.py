"""Agreements on the debtor's page: what is on offer, the plan before it is accepted, and the code
that accepts it. What was agreed is in `own_agreements`.

The terms travel in the address as the name of an offer and what was chosen of it, never as amounts
that could be altered: the plan is worked out anew from the ledger each time. A debtor agrees to
what the rules let them agree to alone (docs/agreements.md).
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from escalon.domain.account import ContactPoint
from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import InstalmentStanding, Standing, standing
from escalon.domain.agreements.offers import (
    Problem,
    Proposal,
    Terms,
    problem_sentence,
    proposal_sentences,
)
from escalon.domain.contact.told import missed_notices, zones_for
from escalon.domain.holds import open_hold
from escalon.domain.local_time import add_days
from escalon.messages.context import Amount
from escalon.pages import portal as pages
from escalon.pages.page import Page
from escalon.pages.words import language_of
from escalon.usecases.agreements.manage_agreements import (
    DEBTOR,
    AgreementRefusedError,
    Debt,
    Evidence,
    ManageAgreements,
    OnOffer,
)
from escalon.usecases.portal.acts import PortalActs
from escalon.usecases.portal.codes import Codes, masked
from escalon.usecases.portal.forms import example_of, named_number, typed_amount, typed_day
from escalon.usecases.portal.room import Room

if TYPE_CHECKING:
    from escalon.papers.paper import Paper
    from escalon.usecases.agreements.keep_document import KeepDocument

CHANNEL = "portal"  # of the evidence
MOST_OFFERS = 10  # that stand at once; each ends by itself
# Why an agreement did not come about, as far as a page says so in words of its own.
_REFUSALS = frozenset(
    ("gone", "too_many", "expired", "on_hold", "resting", "stopped", "unapplied_credit", "busy")
)


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
        done = room.visit.query.get("done", "")
        notice = notice or (f"refused_{done}" if done in _REFUSALS else "")
        try:
            return self._offers(room, debt, others, notice)
        except AgreementRefusedError as refused:
            view = pages.Offers(groups=(), why=_why(room, refused), other_currencies=others)
            return room.show(view, notice=notice)

    def _offers(self, room: Room, debt: Debt | None, others: list[str], notice: str) -> Page:
        if debt is None:
            resting = bool(room.account.agreements) and any(
                a.rests for a in room.account.agreements
            )
            return room.show(pages.Offers(groups=(), resting=resting), notice=notice)
        typed = room.visit.query.get("capacity", "").strip()
        capacity = typed_amount(typed, debt.currency) if typed else None
        problems: dict[str, str] = {}
        if typed and capacity is None:
            problems["capacity"] = ""
        replaces = room.visit.query.get("replaces", "")
        found = self._agreements.offers(debt, capacity_minor=capacity, replaces=replaces)
        if problems:
            problems["capacity"] = _money_wrong(room, found)
        groups = [
            pages.Offer(
                _title(room, proposal),
                proposal_sentences(proposal, locale=room.reader.language, writer=_writer(room)),
                urlencode(_query_of(proposal, replaces)),
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
            has_promise=_promise_rule(found) != "" and not replaces,
            oldest=len(debt.receivables),
            replaces=replaces,
            problems=problems,
        )
        return room.show(view, notice=notice, status=422 if problems else 200)

    def promise(self, room: Room) -> Page:
        """A day and an amount that somebody promises; on to the plan once they can be agreed on."""
        debt, others = self._debt(room)
        try:
            return self._promise(room, debt, others)
        except AgreementRefusedError as refused:
            view = pages.Promise(form=None, why=_why(room, refused), other_currencies=others)
            return room.show(view)

    def _promise(self, room: Room, debt: Debt | None, others: list[str]) -> Page:
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
            oldest=len(debt.receivables),
        )
        if "first_on" not in query:
            return room.show(pages.Promise(form=form, other_currencies=others))
        first_on, minor = typed_day(form.first_on), typed_amount(form.amount, debt.currency)
        problems: dict[str, str] = {}
        if first_on is None:
            problems["first_on"] = room.say("day_wrong")
        if minor is None:
            problems["amount"] = _money_wrong(room, found)
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
            return self.offers(room, notice="refused_gone")
        debt, _, agreement = found
        view = pages.Plan(
            shown=shown_plan(agreement),
            query=urlencode(dict(room.visit.query)),
            compared=self._compared(room, agreement),
            replaces=agreement.replaces,
            oldest=len(debt.receivables),
        )
        return room.show(view)

    # ---------------------------------------------------------------- accepting

    def accept(self, room: Room, problems: Mapping[str, str] | None = None) -> Page:
        """Where the code goes; then, with the agreement that the query names, the code itself."""
        agreement_id = room.visit.query.get("id", "")
        if not agreement_id:
            found = self._wanted(room)
            if found is None:
                return self.offers(room, notice="refused_gone")
            return self._code_page(room, found[2], problems)
        agreement = self._own(room, agreement_id)
        if agreement is None:
            return self._refused(room, "gone")
        if agreement.state != "offered":
            return room.go("agreement", id=agreement_id)
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
                return self._refused(room, "gone")
            debt, terms, _ = found
            if sum(one.state == "offered" for one in room.account.agreements) >= MOST_OFFERS:
                return self._refused(room, "too_many")
            try:
                replaces = room.visit.query.get("replaces", "")
                done = self._agreements.agree(key, debt, terms, DEBTOR, replaces=replaces)
            except AgreementRefusedError as refused:
                return self._refused(room, _refusal(refused))
            agreement_id = done.agreement.agreement_id
        elif self._own(room, agreement_id) is None:
            return self._refused(room, "gone")
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
        agreement = self._own(room, agreement_id)
        if agreement is None:
            return self._refused(room, "gone")
        if agreement.state != "offered":
            return room.go("agreement", id=agreement_id)
        paper = self._paper(room, agreement_id)
        if room.visit.typed("shown") != paper.hash:
            return room.go("accept", id=agreement_id, done="changed")
        typed, challenge = self._codes.take(
            room.visit.code, about(agreement_id), room.visit.typed("code"), room.opened.now
        )
        if typed != "right":
            return self.accept(room, {"code": room.say(f"code_{typed}").rstrip(".")})
        evidence = Evidence(
            CHANNEL,
            ip=room.visit.ip,
            user_agent=room.visit.user_agent[:300],
            code_point=challenge.point_id,
            document_hash=paper.hash,
            message_id=room.opened.link.message_id,
            challenge_id=challenge.challenge_id,
        )
        try:
            self._agreements.accept(
                f"portal-{challenge.challenge_id}",
                account.account_id,
                agreement_id,
                evidence,
                DEBTOR,
            )
        except AgreementRefusedError as refused:
            return self._refused(room, _refusal(refused))
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
            compared=self._compared(room, agreement),
            document=document,
            problems=problems or {},
        )
        said = done in ("too_soon", "too_many", "not_sent", "changed")
        notice = f"code_{done}" if said else ""
        return room.show(view, notice=notice, status=422 if problems else 200)

    def _refused(self, room: Room, why: str) -> Page:
        """On to what is on offer, which says why nothing was agreed on."""
        kept = {
            name: text
            for name, text in room.visit.query.items()
            if name in ("currency", "replaces")
        }
        return room.go("offers", **kept, done=why)

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

    # ---------------------------------------------------------------- inside

    def _own(self, room: Room, agreement_id: str) -> Agreement | None:
        return own_agreement(self._agreements, room, agreement_id)

    def _compared(self, room: Room, agreement: Agreement) -> pages.Compared | None:
        return compared(self._own(room, agreement.replaces), agreement, room.opened.today)

    def _debt(self, room: Room) -> tuple[Debt | None, list[str]]:
        """What may be agreed on in the currency that the query names, or in the first; and the
        other currencies. With `replaces` the debts of that agreement, if it may be changed. What a
        missed notice bars is not asked for in this way either (12 CFR 1006.34)."""
        if replaces := room.visit.query.get("replaces", ""):
            old = self._own(room, replaces)
            if old is None or not may_change(room, old):
                return None, []
            return Debt(room.account.account_id, old.creditor, old.currency), []
        pots = [
            pot
            for pot in self._agreements.pots(room.account.account_id, _barred(room))
            if pot.creditor == room.opened.link.creditor
        ]
        wanted = room.visit.query.get("currency", "")
        chosen = next((pot for pot in pots if pot.currency == wanted), pots[0] if pots else None)
        return chosen, [pot.currency for pot in pots if pot is not chosen]

    def _wanted(self, room: Room) -> tuple[Debt, Terms, Agreement] | None:
        """The terms that the query names and what they come to; None if they are not on offer."""
        try:
            return self._named(room)
        except AgreementRefusedError:
            return None

    def _named(self, room: Room) -> tuple[Debt, Terms, Agreement] | None:
        debt, _ = self._debt(room)
        query = room.visit.query
        if debt is None or debt.currency != query.get("currency"):
            return None
        monthly, replaces = query.get("monthly", ""), query.get("replaces", "")
        if "day" in query and not replaces:
            first_on, minor = typed_day(query["day"]), named_number(query.get("minor", ""))
            if first_on is None or minor is None:
                return None
            terms = Terms(query.get("offer", ""), first_on, amount_minor=minor)
        else:
            capacity_minor = named_number(monthly)
            found = self._agreements.offers(debt, capacity_minor=capacity_minor, replaces=replaces)
            asked = {name: query.get(name, "") for name in ("offer", "count", "every")}
            matching = (
                p.terms for p in found.proposals if p.kind != "promise" and _choice(p) == asked
            )
            chosen = next(matching, None)
            if chosen is None:
                return None
            terms = chosen
        made = self._agreements.preview(debt, terms, DEBTOR, replaces=replaces)
        return None if made.approval else (debt, terms, made)


def _barred(room: Room) -> Collection[str]:
    """The receivables for which nobody may ask for want of a notice."""
    account, rulebook, opened = room.account, room.rulebook, room.opened
    return missed_notices(
        account,
        rulebook,
        rulebook.policy_for(account.country),
        account.receivables,
        zones=zones_for(rulebook, account),
        at=opened.now,
    )


def own_agreement(agreements: ManageAgreements, room: Room, agreement_id: str) -> Agreement | None:
    """An agreement of this account with the link's creditor; None if it is none of theirs, or an
    offer that a person still has to approve."""
    if not agreement_id:
        return None
    try:
        found = agreements.one(room.account.account_id, agreement_id).agreement
    except AgreementRefusedError:
        return None
    is_theirs = found.creditor == room.opened.link.creditor
    return found if is_theirs and not is_unapproved(found) else None


def is_unapproved(agreement: Agreement) -> bool:
    """Whether nobody has been offered it yet, since a person still has to approve it."""
    return bool(agreement.approval) and agreement.accepted is None


def may_change(room: Room, agreement: Agreement) -> bool:
    """Whether the debtor may ask for other terms alone: of an agreement that is kept and has not
    come of another itself, since who could change again and again would never have to pay; and
    only while none of its debts is on hold, since the new one would leave that debt out."""
    today, kinds = room.opened.today, room.rulebook.holds
    held = any(open_hold(room.account, kinds, name, today) for name in agreement.debts)
    return standing(agreement, today).state == "active" and not agreement.replaces and not held


def compared(old: Agreement | None, new: Agreement, today: date) -> pages.Compared | None:
    """What is left to pay of the agreement that would be replaced, beside the new one; None if
    none that is kept would be."""
    found = standing(old, today) if old else None
    if old is None or found is None or found.state != "active":
        return None
    unpaid = [one for one in found.instalments if one.left_minor]
    now = pages.Side(
        Amount(old.currency, found.left_minor),
        len(unpaid),
        unpaid[0].instalment.due_on,
        unpaid[-1].instalment.due_on,
        Amount(old.currency, sum(old.discount.values())),
    )
    then = pages.Side(
        Amount(new.currency, new.total_minor),
        len(new.instalments),
        new.instalments[0].due_on,
        new.instalments[-1].due_on,
        Amount(new.currency, sum(new.discount.values())),
    )
    return pages.Compared(now, then)


def about(agreement_id: str) -> str:
    """What a code is for that accepts this agreement."""
    return f"accept:{agreement_id}"


def shown_plan(agreement: Agreement, found: Standing | None = None) -> pages.PlanShown:
    """An agreement's terms as a page shows them, with where each instalment stands, if any does."""
    currency = agreement.currency
    stands = {one.instalment.number: one for one in found.instalments} if found else {}
    return pages.PlanShown(
        instalments=[
            pages.PlanRow(
                one.number,
                one.due_on,
                Amount(currency, one.amount_minor),
                Amount(currency, one.interest_minor),
                stands[one.number].state if one.number in stands else "",
                _left_of_part(stands.get(one.number), currency),
            )
            for one in agreement.instalments
        ],
        total=Amount(currency, agreement.total_minor),
        debt=Amount(currency, sum(agreement.debt.values())),
        discount=Amount(currency, sum(agreement.discount.values())),
        settles_in_full=agreement.settles_in_full,
        tolerance_days=agreement.tolerance_days,
    )


def _left_of_part(one: InstalmentStanding | None, currency: str) -> Amount | None:
    if one is None or not 0 < one.left_minor < one.instalment.amount_minor:
        return None
    return Amount(currency, one.left_minor)


def _choice(proposal: Proposal) -> dict[str, str]:
    terms = proposal.terms
    return {"offer": terms.offer, "count": str(terms.instalments), "every": terms.every}


def _query_of(proposal: Proposal, replaces: str) -> dict[str, str]:
    capacity = proposal.terms.capacity_minor
    more = {"monthly": str(capacity)} if capacity is not None else {}
    more |= {"replaces": replaces} if replaces else {}
    return {**_choice(proposal), "currency": proposal.currency, **more}


def _query_of_promise(terms: Terms, currency: str) -> dict[str, str]:
    return {
        "offer": terms.offer,
        "day": terms.first_on.isoformat(),
        "minor": str(terms.amount_minor),
        "currency": currency,
    }


def _refusal(error: AgreementRefusedError) -> str:
    """Why an agreement did not come about, as a page of ours is told."""
    return next((one.code for one in error.problems if one.code in _REFUSALS), "gone")


def _why(room: Room, error: AgreementRefusedError) -> str:
    """Why nothing at all is on offer."""
    codes = {problem.code for problem in error.problems}
    known = next((code for code in ("stopped", "unapplied_credit") if code in codes), "none")
    return room.say(f"offers_{known}")


def _money_wrong(room: Room, found: OnOffer) -> str:
    """That an amount was not understood, with one as it would be."""
    owed = sum(sum(parts.values()) for parts in found.debts.values())
    example = _writer(room).money(example_of(owed), found.currency)
    return room.say("money_wrong", currency=found.currency, example=example)


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
