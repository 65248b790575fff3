"""What a debtor has agreed on, on the debtor's page: all agreements in whatever state, one of them
with its document, what was offered to them, and declining it."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from escalon.domain.agreements.agreed import Agreement
from escalon.domain.agreements.agreement import Standing, standing
from escalon.domain.local_time import add_days
from escalon.messages.context import Amount
from escalon.pages import portal as pages
from escalon.pages.page import Page, file
from escalon.usecases.agreements.manage_agreements import (
    AgreementRefusedError,
    ManageAgreements,
)
from escalon.usecases.payments.payment_link import next_instalment, payoff
from escalon.usecases.portal.acts import LONGEST_TEXT, PortalActs
from escalon.usecases.portal.agreements import (
    compared,
    is_unapproved,
    may_change,
    own_agreement,
    shown_plan,
)
from escalon.usecases.portal.room import Room

if TYPE_CHECKING:
    from escalon.usecases.agreements.keep_document import KeepDocument


class OwnAgreementPages:
    """Shows them, and takes what is declined. `papers` gives whoever makes the agreements'
    documents: few visits need it, and it is slow to load."""

    def __init__(
        self,
        agreements: ManageAgreements,
        papers: "Callable[[], KeepDocument]",
        acts: PortalActs,
    ) -> None:
        self._agreements = agreements
        self._papers = papers
        self._acts = acts

    def all(self, room: Room) -> Page:
        """Every agreement with the link's creditor, the newest first; those that ended long ago
        too. What the debtor only looked at, and nobody can accept any more, is left out, and so is
        what nobody has approved for offering."""
        found = self._agreements.list_of(room.account.account_id)
        rows = [
            pages.AgreementRow(
                one.agreement.agreement_id,
                named(room, one.agreement),
                one.standing.state,
                one.agreement.calculated_on,
                Amount(one.agreement.currency, one.agreement.total_minor),
                _has_paper(one.agreement),
            )
            for one in reversed(found)
            if one.agreement.creditor == room.opened.link.creditor
            and not is_unapproved(one.agreement)
            and (
                one.agreement.accepted is not None
                or one.standing.state == "offered"
                or _is_from_operator(one.agreement)
            )
        ]
        return room.show(pages.Agreements(agreements=rows))

    def one(self, room: Room) -> Page | None:
        """One agreement of the account's; None if it is none of theirs."""
        agreement = self._own(room)
        if agreement is None:
            return None
        found = standing(agreement, room.opened.today)
        is_offer = found.state == "offered"
        agreement_id, currency = agreement.agreement_id, agreement.currency
        due = next_instalment(room.opened, agreement_id)
        whole = payoff(room.opened, agreement_id)
        old = own_agreement(self._agreements, room, agreement.replaces)
        view = pages.AgreementPage(
            agreement_id=agreement_id,
            currency=currency,
            state=found.state,
            waits=bool(agreement.approval),
            may_decline=_may_decline(found, agreement),
            until=_last_day(agreement) if is_offer else None,
            compared=compared(old, agreement, room.opened.today) if is_offer else None,
            shown=shown_plan(agreement, found if agreement.accepted else None),
            next_amount=Amount(currency, due.owed[currency]) if due else None,
            next_on=due.due_on if due else None,
            ways=room.pay_buttons(due.owed, agreement=agreement_id) if due else (),
            whole=Amount(currency, whole.owed[currency]) if whole else None,
            whole_ways=(
                room.pay_buttons(whole.owed, agreement=agreement_id, whole=True) if whole else ()
            ),
            may_change=may_change(room, agreement),
            has_paper=_has_paper(agreement),
            replaces=agreement.replaces,
            replaced_by=agreement.replaced_by,
        )
        notice = ""
        if room.visit.query.get("done") == "accepted" and found.state in ("accepted", "active"):
            notice = "agreement_accepted_waits" if agreement.approval else "agreement_accepted"
        return room.show(view, notice=notice, forms=room.checkout_forms)

    def paper(self, room: Room) -> Page | None:
        """Its document, to be kept."""
        agreement = self._own(room)
        if agreement is None or not _has_paper(agreement):
            return None
        content = self._papers().pdf(room.account.account_id, agreement.agreement_id)
        name = "acuerdo" if room.reader.language == "es" else "agreement"
        return file(content, "application/pdf", f"{name}-{agreement.calculated_on}.pdf")

    # ---------------------------------------------------------------- declining

    def ask_decline(self, room: Room, problems: Mapping[str, str] | None = None) -> Page | None:
        """Whether to decline an offer, or to take back what waits for an approval."""
        agreement = self._own(room)
        if agreement is None:
            return None
        found = standing(agreement, room.opened.today)
        if not _may_decline(found, agreement):
            return room.go("agreement", id=agreement.agreement_id)
        view = pages.Decline(
            agreement_id=agreement.agreement_id,
            name=named(room, agreement),
            was_accepted=agreement.accepted is not None,
            text=room.visit.typed("text"),
            problems=problems or {},
        )
        return room.show(view, status=422 if problems else 200)

    def decline(self, room: Room, key: str) -> Page:  # noqa: ARG002 - it is declined once
        """Decline it. What somebody writes goes to a person; said again nothing happens again."""
        agreement = self._own(room)
        if agreement is None:
            return room.go("agreements")
        text, agreement_id = room.visit.typed("text"), agreement.agreement_id
        if len(text) > LONGEST_TEXT:
            shown = self.ask_decline(room, {"text": room.say("too_long")})
            return shown or room.go("agreements")
        if not _may_decline(standing(agreement, room.opened.today), agreement):
            return room.go("agreement", id=agreement_id)
        account_id = room.account.account_id
        if text:  # first, so that a crash in between loses no word: it is asked for again
            self._acts.declined(account_id, agreement.creditor, agreement_id, text)
        try:
            self._agreements.cancel(f"portal-{account_id}-{agreement_id}", account_id, agreement_id)
        except AgreementRefusedError:  # it has become something else in this very moment
            return room.go("agreement", id=agreement_id)
        return room.go(done="decline")

    # ---------------------------------------------------------------- inside

    def _own(self, room: Room) -> Agreement | None:
        return own_agreement(self._agreements, room, room.visit.query.get("id", ""))


def offered_to(room: Room) -> list[pages.OfferCard]:
    """What an operator has offered and the debtor can still accept, the newest first."""
    today = room.opened.today
    return [
        pages.OfferCard(
            agreement_id=one.agreement_id,
            name=named(room, one),
            total=Amount(one.currency, one.total_minor),
            until=_last_day(one),
        )
        for one in reversed(room.account.agreements)
        if one.creditor == room.opened.link.creditor
        and _is_from_operator(one)
        and not is_unapproved(one)
        and standing(one, today).state == "offered"
    ]


def named(room: Room, agreement: Agreement) -> str:
    """What an agreement is called on a list."""
    count = str(len(agreement.instalments))
    return room.say(f"kind_{agreement.kind}", count=count)


def _is_from_operator(agreement: Agreement) -> bool:
    return agreement.history[0].by == "operator"


def _last_day(agreement: Agreement) -> date | None:
    """The last day on which an offer can be accepted."""
    return add_days(agreement.expires_on, -1) if agreement.expires_on else None


def _may_decline(found: Standing, agreement: Agreement) -> bool:
    """Whether the debtor may take it back alone: an offer, or what still waits for an approval."""
    return found.state == "offered" or (found.state == "accepted" and bool(agreement.approval))


def _has_paper(agreement: Agreement) -> bool:
    """Whether there is a document of it: it is or was in force."""
    return any(change.state == "active" for change in agreement.history)
