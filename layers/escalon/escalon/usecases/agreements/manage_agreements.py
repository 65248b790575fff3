"""Manage agreements: what a debtor may agree to, and every act on an agreement, by whomever.

An act has a key of its caller's. Repeated with it, an act does nothing and says what became of the
agreement, so whoever lost the answer asks again. The agreement's next version, the account's, the
ledger entries and the act in the audit log are one transaction. `version` is the one that the
caller has seen: if somebody else was quicker, nothing is done (two editors).
"""

import hashlib
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain import audit, facts
from escalon.domain.account import Account, Receivable, pot
from escalon.domain.agreements.agreed import Acceptance, Agreement, Party, resting
from escalon.domain.agreements.agreement import (
    ANY_ROLE,
    AgreementError,
    Followed,
    Standing,
    accept,
    approve,
    beyond,
    cancel,
    follow,
    is_owed,
    paid_beyond,
    standing,
    supersede,
)
from escalon.domain.agreements.follow_up import (
    Course,
    follow_all,
    own_receivables,
    taken,
    without_default_interest,
)
from escalon.domain.agreements.offers import (
    Case,
    Problem,
    Proposal,
    Terms,
    agree,
    check,
    debts_of,
    on_offer,
    propose,
)
from escalon.domain.contact.told import agreement_barred
from escalon.domain.facts import Fact
from escalon.domain.holds import full_stop, open_hold
from escalon.domain.local_time import local_date
from escalon.domain.money import Component
from escalon.domain.payments import ledger
from escalon.domain.payments.interest import charge_through
from escalon.domain.ports import Clock
from escalon.domain.rules.conditions import ConditionFacts, holds
from escalon.domain.rules.rulebook import OfferRule, Rulebook, Stage, Strategy
from escalon.domain.storage import AlreadyDoneError, ConflictError, Stored
from escalon.usecases.agreements.writes import brought_in, write_course, zones_of
from escalon.usecases.payments.book_payments import settle_with_credit
from escalon.usecases.payments.ledger_writes import all_open

if TYPE_CHECKING:
    from escalon.adapters.table import Table

TRIES = 8
# Receivables of one agreement: what fulfilling it waives of each has to fit into one transaction.
MOST_DEBTS = 30
PREVIEW = "preview"  # the id of an agreement that nobody has made yet

type _Document = dict[str, Any]
# wrong: other terms may do · not_allowed: somebody else may · not_found · conflict: things are not
# as the caller thinks · stale: somebody else has changed the agreement since
Fault = Literal["wrong", "not_allowed", "not_found", "conflict", "stale"]


class Actor(msgspec.Struct, frozen=True):
    """Who acts: the debtor, or an operator (`who` names them) in a role."""

    party: Party
    who: str = ""
    role: str = ""

    @property
    def authority(self) -> str:
        """The role by which the rules say how far they may go; empty: as far as a debtor alone."""
        return (self.role or ANY_ROLE) if self.party == "operator" else ""


DEBTOR = Actor("debtor")


class Debt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be agreed on: open receivables of one account towards one creditor in one
    currency. Without names: all that is past due (or, if nothing is, all that is open), as far as
    it is not on hold and does not rest under another agreement."""

    account_id: str
    creditor: str = ""
    currency: str = ""
    receivables: tuple[str, ...] = ()


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the debtor agreed (Colombia: Ley 527 of 1999, arts. 6 to 8)."""

    channel: str  # portal, phone, reply, office, system
    ip: str = ""
    user_agent: str = ""
    code_point: str = ""  # contact point that the one-time code was sent to
    document_hash: str = ""  # of what was agreed to
    note: str = ""
    message_id: str = ""  # whose signed link led to the page
    challenge_id: str = ""  # of the one-time code that was given back


class OnOffer(msgspec.Struct, frozen=True):
    """What may be agreed on a debt today. Amounts are minor units of `currency`, with default
    interest through `calculated_on`."""

    creditor: str
    currency: str
    debts: dict[str, dict[Component, int]]
    calculated_on: date
    proposals: tuple[Proposal, ...]  # what a debtor may accept alone
    rules: tuple[OfferRule, ...]  # what holds for the debt


class Seen(msgspec.Struct, frozen=True):
    """An agreement, and where it stands today."""

    agreement: Agreement
    standing: Standing


class Done(msgspec.Struct, frozen=True):
    """An agreement after an act; `again` if the act had been done before."""

    agreement: Agreement
    standing: Standing
    again: bool = False


class AgreementRefusedError(Exception):
    """Nothing was done, and why: each problem with the field of a form and its sentence
    (`offers.problem_sentence`)."""

    def __init__(self, fault: Fault, *problems: Problem) -> None:
        super().__init__("; ".join(f"{one.field} {one.code}" for one in problems))
        self.fault: Fault = fault
        self.problems = problems


class ManageAgreements:
    """Read and change agreements. Every method raises AgreementRefusedError if it does nothing."""

    def __init__(
        self, table: "Table", rulebook: Callable[[str], Rulebook | None], clock: Clock
    ) -> None:
        self._table = table
        self._rulebook = rulebook  # in force for an account
        self._clock = clock

    # ---------------------------------------------------------------- what may be agreed

    def pots(self, account_id: str, but_not: Collection[str] = ()) -> tuple[Debt, ...]:
        """The debts that may be agreed on, one for each creditor and currency, without some
        receivables if wanted. Where there are more than one agreement can be about, the oldest of
        them are named."""
        ground = self._ground(account_id)
        owed = {
            (one.creditor, one.currency)
            for one in ground.opened
            if one.open_minor > 0 and one.issued_on <= ground.today
        }
        found = []
        for creditor, currency in sorted(owed):
            debt = Debt(account_id, creditor, currency)
            every = ground.agreeable(debt, None)
            may = [one for one in every if one.receivable_id not in but_not]
            if asked := _asked(may, ground.today):
                most = MOST_DEBTS if len(may) == len(every) else 0
                found.append(replace(debt, receivables=_oldest_if_more(asked, most)))
        return tuple(found)

    def offers(
        self, debt: Debt, *, capacity_minor: int | None = None, replaces: str = ""
    ) -> OnOffer:
        """What the debtor may choose from. Default interest is worked out through today; nothing is
        written. `capacity_minor` is what they can pay a month, by their own word."""
        ground = self._ground(debt.account_id)
        case = ground.case(debt, replaces)
        rules = ground.rulebook.agreements
        return OnOffer(
            case.creditor,
            case.currency,
            case.debts,
            case.today,
            propose(rules, case, ground.rulebook.rates, capacity_minor),
            on_offer(rules, case),
        )

    def check(
        self, debt: Debt, terms: Terms, actor: Actor = DEBTOR, *, replaces: str = ""
    ) -> tuple[Problem, ...]:
        """Everything that keeps whoever acts from agreeing to the terms; empty if they may."""
        ground = self._ground(debt.account_id)
        case = ground.case(debt, replaces)
        return check(
            terms, ground.rulebook.agreements, case, ground.rulebook.rates, actor.authority
        )

    def preview(
        self, debt: Debt, terms: Terms, actor: Actor = DEBTOR, *, replaces: str = ""
    ) -> Agreement:
        """The agreement that these terms would make; nothing is written."""
        return self._ground(debt.account_id).agreed(PREVIEW, debt, terms, actor, replaces)

    # ---------------------------------------------------------------- what was agreed

    def one(self, account_id: str, agreement_id: str) -> Seen:
        """One agreement."""
        ground = self._ground(account_id)
        return ground.seen(ground.find(agreement_id))

    def list_of(self, account_id: str) -> tuple[Seen, ...]:
        """All agreements of an account, the oldest first; those that ended long ago too."""
        ground = self._ground(account_id)
        made = sorted(ground.account.agreements, key=lambda one: one.history[0].at)
        return tuple(ground.seen(one) for one in made)

    def history(self, account_id: str, agreement_id: str) -> tuple[Agreement, ...]:
        """The agreement with those that it came from and that came of it, the oldest first."""
        ground = self._ground(account_id)
        chain = [ground.find(agreement_id)]
        known = {one.agreement_id: one for one in ground.account.agreements}
        while chain[0].replaces in known and known[chain[0].replaces] not in chain:
            chain.insert(0, known[chain[0].replaces])
        while chain[-1].replaced_by in known and known[chain[-1].replaced_by] not in chain:
            chain.append(known[chain[-1].replaced_by])
        return tuple(chain)

    # ---------------------------------------------------------------- acts

    def agree(
        self,
        key: str,
        debt: Debt,
        terms: Terms,
        actor: Actor = DEBTOR,
        *,
        replaces: str = "",
        version: int | None = None,
        why: str = "",
    ) -> Done:
        """Offer the terms; `version` is that of the agreement that they replace. If they go further
        than whoever acts may, the offer waits for the approval of a role that may
        (`Agreement.approval`); if nobody may, nothing is done."""

        def act(ground: "_Ground") -> _Move:
            agreement = ground.agreed(_id_of(debt, key), debt, terms, actor, replaces, version)
            ground.offer(agreement, actor)
            return _Move(agreement.agreement_id, "agreed")

        asked = {"debt": debt, "terms": terms, "replaces": replaces}
        return self._do(key, "agree", debt.account_id, asked, actor, why, act)

    def accept(
        self,
        key: str,
        account_id: str,
        agreement_id: str,
        evidence: Evidence,
        actor: Actor = DEBTOR,
        *,
        version: int | None = None,
    ) -> Done:
        """The debtor agrees, by themselves or as an operator has heard it. What the agreement
        replaces is replaced in the same write."""

        def act(ground: "_Ground") -> _Move:
            ground.accept(ground.find(agreement_id, version), evidence, actor)
            return _Move(agreement_id, "agreement_accepted")

        asked = {"agreement_id": agreement_id}
        return self._do(key, "accept", account_id, asked, actor, evidence.note, act)

    def promise(
        self,
        key: str,
        debt: Debt,
        terms: Terms,
        evidence: Evidence,
        actor: Actor = DEBTOR,
        *,
        replaces: str = "",
        version: int | None = None,
    ) -> Done:
        """Offer and accept in one act, as on the phone; `version` as in `agree`. Terms that go
        further than whoever acts may rest the debt while they wait for approval."""

        def act(ground: "_Ground") -> _Move:
            agreement = ground.agreed(_id_of(debt, key), debt, terms, actor, replaces, version)
            ground.accept(ground.offer(agreement, actor), evidence, actor)
            return _Move(agreement.agreement_id, "agreement_accepted")

        asked = {"debt": debt, "terms": terms, "replaces": replaces}
        return self._do(key, "promise", debt.account_id, asked, actor, evidence.note, act)

    def approve(
        self,
        key: str,
        account_id: str,
        agreement_id: str,
        actor: Actor,
        *,
        why: str = "",
        version: int | None = None,
    ) -> Done:
        """An operator of one of the roles that may approves the terms."""

        def act(ground: "_Ground") -> _Move:
            agreement = ground.find(agreement_id, version)
            may = actor.authority in agreement.approval or ANY_ROLE in agreement.approval
            if actor.party != "operator" or (agreement.approval and not may):
                raise _refused("not_allowed", "agreement", "may_not")
            done = approve(agreement, actor.authority, at=ground.now, who=actor.who, why=why)
            if done.state == "accepted":  # it becomes active at once
                ground.may_begin(done)
            about = {"agreement_id": agreement_id, "who": actor.who, "role": actor.role}
            fact = facts.noted("agreement_approved", ground.now, **about)
            ground.follow(ground.take(Followed(done, (), (fact,))))
            return _Move(agreement_id, "agreement_approved")

        asked = {"agreement_id": agreement_id}
        return self._do(key, "approve", account_id, asked, actor, why, act)

    def cancel(
        self,
        key: str,
        account_id: str,
        agreement_id: str,
        actor: Actor = DEBTOR,
        *,
        why: str = "",
        version: int | None = None,
    ) -> Done:
        """Decline an offer, or take an agreement back; one that is active an operator alone can."""

        def act(ground: "_Ground") -> _Move:
            agreement = ground.find(agreement_id, version)
            if agreement.state == "active" and actor.party != "operator":
                raise _refused("not_allowed", "agreement", "may_not")
            ground.take(
                cancel(
                    agreement,
                    own_receivables(agreement, ground.course, ground.read.closed),
                    at=ground.now,
                    today=ground.today,
                    by=actor.party,
                    who=actor.who,
                    why=why,
                )
            )
            return _Move(agreement_id, "agreement_cancelled")

        asked = {"agreement_id": agreement_id}
        return self._do(key, "cancel", account_id, asked, actor, why, act)

    # ---------------------------------------------------------------- one act

    def _do(
        self,
        key: str,
        did: str,
        account_id: str,
        asked: _Document,
        actor: Actor,
        why: str,
        act: "Callable[[_Ground], _Move]",
    ) -> Done:
        """Change the account and keep the act, in one transaction, once."""
        about = {"did": did, "account_id": account_id, **asked}
        request: _Document = msgspec.json.decode(msgspec.json.encode(about))
        for _ in range(TRIES):
            if again := self._again(key, request):
                return again
            try:
                ground = self._ground(account_id, acts=True)
                # What time has made of them comes first: nobody accepts what has expired.
                ground.course = follow_all(
                    ground.account,
                    ground.read.closed,
                    ground.now,
                    ground.today,
                    kinds=ground.rulebook.holds,
                )
                try:
                    move = act(ground)
                except AgreementError as error:
                    raise _refused("conflict", "agreement", "not_possible") from error
                logged = audit.Act(
                    key,
                    ground.now,
                    actor.who or actor.party,
                    move.did,
                    why,
                    {"account_id": account_id, "agreement_id": move.agreement_id},
                    actor.role,
                )
                write_course(
                    self._table,
                    ground.stored,
                    ground.course,
                    ground.open_before,
                    ground.read,
                    now=ground.now,
                    zones=ground.zones,
                    more=[
                        self._table.once(
                            _cause(key), {"asked": request, "agreement_id": move.agreement_id}
                        ),
                        self._table.put_act(logged),
                    ],
                )
            except (ConflictError, AlreadyDoneError):
                continue
            except AgreementRefusedError:
                # It may be refused for what it has itself done, a moment ago, in another request.
                if again := self._again(key, request):
                    return again
                raise
            agreement = ground.find(move.agreement_id)
            return Done(agreement, standing(agreement, ground.today))
        raise _refused("conflict", "account", "busy")

    def _again(self, key: str, request: _Document) -> Done | None:
        """What became of the agreement, if this act was done before."""
        found = self._table.load(f"CAUSE#{_cause(key)}", "CAUSE")
        if found is None:
            return None
        if found["asked"] != request:
            raise _refused("conflict", "key", "other_act")
        seen = self.one(request["account_id"], found["agreement_id"])
        return Done(seen.agreement, seen.standing, again=True)

    def _ground(self, account_id: str, *, acts: bool = False) -> "_Ground":
        """The account; whoever `acts` on it finds its credit applied, as a run would (raises
        ConflictError if it moves meanwhile)."""
        stored = self._table.get(account_id)
        if stored is None:
            raise _refused("not_found", "account", "not_found")
        rulebook = self._rulebook(account_id)
        if rulebook is None:
            raise _refused("conflict", "offer", "not_offered")
        now = self._clock.now()
        if acts:
            stored = settle_with_credit(self._table, stored, rulebook, now)
        return _Ground(self._table, stored, rulebook, now)


class _Move(msgspec.Struct, frozen=True):
    """What an act did, and to which agreement."""

    agreement_id: str
    did: audit.Done


class _Ground:
    """One account whole, with all of its agreements, and what an act has made of it so far."""

    def __init__(self, table: "Table", stored: Stored, rulebook: Rulebook, now: datetime) -> None:
        self._table = table
        self.stored = stored
        self.rulebook = rulebook
        self.now = now
        self.zones = zones_of(stored.account, rulebook)
        self.today = local_date(self.zones, now)
        self.open_before = all_open(table, stored.account)
        account, self.read = brought_in(table, ledger.whole(stored.account, self.open_before))
        self.course = Course(account)

    @property
    def account(self) -> Account:
        """The account as it is by now."""
        return self.course.account

    @property
    def opened(self) -> Sequence[Receivable]:
        """All that is open."""
        return self.account.receivables

    # ---------------------------------------------------------------- agreements

    def find(self, agreement_id: str, version: int | None = None) -> Agreement:
        """The agreement of that id, as the caller has seen it."""
        for one in self.account.agreements:
            if one.agreement_id == agreement_id:
                before = {a.agreement_id: a for a in self.stored.account.agreements}
                was = before.get(agreement_id, one)
                if version not in (None, one.version, was.version):
                    raise _refused("stale", "version", "moved_on")
                return one
        raise _refused("not_found", "agreement", "not_found")

    def seen(self, agreement: Agreement) -> Seen:
        """With where it stands."""
        return Seen(agreement, standing(agreement, self.today))

    def take(self, followed: Followed) -> Agreement:
        """Go on from what became of one agreement, which is answered with."""
        self.course = taken(self.course, followed, self.read.closed, self.now, self.today)
        return self.find(followed.agreement.agreement_id)

    def follow(self, agreement: Agreement) -> Agreement:
        """What money and time make of it now."""
        own = own_receivables(agreement, self.course, self.read.closed)
        return self.take(follow(agreement, own, self.now, self.today))

    def may_begin(self, agreement: Agreement) -> None:
        """Refused if a full stop, a dispute or a hold on one of its debts has come since the offer:
        what was offered before a dispute or an insolvency is not agreed on during it. Other holds
        on the whole account, such as for somebody vulnerable, leave the way to an agreement open.
        Refused too if the law of the debtor's country wants something first that is missing."""
        self._no_full_stop()
        kinds = self.rulebook.holds
        disputes = {"dispute", *(n for n, kind in kinds.items() if kind.stop == "dispute_open")}
        held = replace(
            self.account,
            holds=tuple(
                hold
                for hold in self.account.holds
                if hold.receivable_id is not None or hold.kind in disputes
            ),
        )
        for name in (None, *agreement.debts):
            if open_hold(held, kinds, name, self.today):
                raise _refused("conflict", "receivables", "on_hold")
        for one in self.opened:
            if one.receivable_id in agreement.debts and agreement_barred(
                self.account, self.rulebook, one, zones=tuple(self.zones), at=self.now
            ):
                raise _refused("conflict", "agreement", "not_on_file")

    def accept(self, agreement: Agreement, evidence: Evidence, actor: Actor) -> None:
        """The debtor agrees: the debt is what the agreement says it is. Refused if less is owed by
        now: nobody is asked for what they do not owe."""
        if agreement.state == "expired":
            raise _refused("conflict", "agreement", "expired")
        self.may_begin(agreement)
        rest = resting(self.account.agreements)
        others = {rest[name].agreement_id for name in agreement.debts if name in rest}
        if others - {agreement.agreement_id, agreement.replaces}:
            raise _refused("conflict", "receivables", "resting")
        acceptance = Acceptance(
            self.now,
            actor.party,
            evidence.channel,
            actor.who,
            evidence.ip,
            evidence.user_agent,
            evidence.code_point,
            evidence.document_hash,
            evidence.note,
            evidence.message_id,
            evidence.challenge_id,
        )
        agreement = self._as_calculated(agreement)
        accepted = self.take(accept(agreement, acceptance, self.today, self.account.agreements))
        if accepted.replaces:
            old = self.find(accepted.replaces)
            own = own_receivables(old, self.course, self.read.closed)
            self.take(supersede(old, accepted, own, self.today))
        own = own_receivables(accepted, self.course, self.read.closed)
        if not is_owed(accepted, own, self.today):
            raise _refused("conflict", "agreement", "owed_less")
        self.follow(accepted)

    def offer(self, agreement: Agreement, actor: Actor) -> Agreement:
        """The agreement is offered. The default interest that it speaks of is charged."""
        self._book(self._charged(agreement.debts, agreement.calculated_on))
        return self.take(Followed(agreement, (), (_offered(agreement, actor, self.now),)))

    def _as_calculated(self, agreement: Agreement) -> Agreement:
        """Its debts with default interest through the day of the calculation, and no other: what
        was charged since it was offered is given back. What was paid of that meanwhile stays paid,
        and the agreement settles as much less of the debt; it need not be paid again."""
        offered_at = agreement.history[0].at
        entries = (*self._table.entries(self.account.account_id), *self.course.entries)
        booking, beside = without_default_interest(
            self.account,
            agreement,
            [entry for entry in entries if entry.booked_at > offered_at],
            through=agreement.calculated_on,
            booked_at=self.now,
            why="accepted",
        )
        self._book(booking)
        self._book(self._charged(agreement.debts, agreement.calculated_on))
        if agreement.replaces:
            old = self.find(agreement.replaces)
            own = own_receivables(old, self.course, self.read.closed)
            beside += paid_beyond(agreement, old, own, self.today)
        return replace(agreement, beside_minor=beside)

    def _book(self, booking: ledger.Booking) -> None:
        changed = {one.receivable_id: one for one in (*self.course.changed, *booking.changed)}
        self.course = replace(
            self.course,
            account=booking.account,
            changed=tuple(changed.values()),
            entries=(*self.course.entries, *booking.entries),
        )

    def agreed(
        self,
        agreement_id: str,
        debt: Debt,
        terms: Terms,
        actor: Actor,
        replaces: str,
        version: int | None = None,
    ) -> Agreement:
        """The terms as an agreement that is offered; refused if nobody may agree to them, or if
        what it replaces has changed since the caller saw it. Without a name it replaces a broken
        one whose debts it is about."""
        if replaces:
            self.find(replaces, version)
        case = self.case(debt, replaces)
        rules, rates = self.rulebook.agreements, self.rulebook.rates
        try:
            made = agree(
                agreement_id,
                terms,
                rules,
                case,
                rates,
                at=self.now,
                by=actor.party,
                role=actor.role,
                who=actor.who,
                replaces=replaces,
            )
        except AgreementError as error:
            problems = check(terms, rules, case, rates, actor.authority)
            raise AgreementRefusedError("wrong", *problems) from error
        if replaces or not made.is_about_all:
            return made
        return replace(made, replaces=self._broken_on(made))

    # ---------------------------------------------------------------- debts

    def case(self, debt: Debt, replaces: str) -> Case:
        """What the rules look at: the debts with default interest through today, and the account
        towards their creditor. Of an agreement that is replaced they have the interest that it has
        earned by today; what it has charged for later days goes when it is replaced."""
        self._no_full_stop()
        old = self.follow(self.find(replaces)) if replaces else None
        chosen = {one.receivable_id for one in self._chosen(debt, old)}
        booking = self._charged(chosen, self.today)
        owed = [one for one in booking.account.receivables if one.receivable_id in chosen]
        if old is not None:
            owed = self._earned(owed, old)
        if not owed:
            raise _refused("conflict", "receivables", "none")
        first = owed[0]
        if self.account.credits.get(pot(first.creditor, first.currency)):
            raise _refused("conflict", "receivables", "unapplied_credit")
        debts = debts_of(owed)
        net = {first.currency: sum(one.open_minor for one in owed)}
        about = ConditionFacts(
            self.account.tags,
            self.account.country,
            first.creditor,
            self.account.language or self.rulebook.language,
            self.account.kind,
            self.account.risk,
            net,
            len(owed),
            self.account,
            owed,
            self.today,
            self.rulebook.risk,
        )
        due = min((one.due_on for one in owed if one.due_on), default=self.today)
        return Case(
            first.creditor,
            first.currency,
            debts,
            about,
            self.today,
            strategy=self._strategy(about),
            stage=self._stage(owed),
            days_past_due=(self.today - due).days,
            broken=self._broken(chosen),
        )

    def _earned(self, owed: list[Receivable], old: Agreement) -> list[Receivable]:
        """Debts as they are once an agreement is replaced that is calculated today."""
        own = own_receivables(old, self.course, self.read.closed)
        back, _ = beyond(old, own, self.today)
        oldest = next(iter(old.debts))
        less = [
            replace(
                one,
                open_minor=one.open_minor - back,
                extras={**one.extras, "interest": one.extras["interest"] - back},
            )
            if back and one.receivable_id == oldest
            else one
            for one in owed
        ]
        return [one for one in less if one.open_minor]

    def _charged(self, names: Container[str], day: date) -> ledger.Booking:
        """Default interest of those debts through that day; one that rests bears none."""
        own = [one for one in self.opened if one.receivable_id in names or one.open_minor < 0]
        booking, _ = charge_through(ledger.whole(self.account, own), self.rulebook, day, self.now)
        opened = {one.receivable_id: one for one in (*self.opened, *booking.account.receivables)}
        return replace(booking, account=ledger.whole(self.account, opened.values()))

    def agreeable(self, debt: Debt, old: Agreement | None) -> list[Receivable]:
        """The open receivables of the debt's creditor and currency that may be agreed on."""
        rest = resting(self.account.agreements)
        own = old.debts if old else {}
        return [
            one
            for one in self.opened
            if one.open_minor > 0
            and one.issued_on <= self.today
            and debt.creditor in ("", one.creditor)
            and debt.currency in ("", one.currency)
            and (one.receivable_id not in rest or one.receivable_id in own)
            and not open_hold(self.account, self.rulebook.holds, one.receivable_id, self.today)
        ]

    def _chosen(self, debt: Debt, old: Agreement | None) -> list[Receivable]:
        """The receivables that are to be agreed on: those that are named, those of the agreement
        that is replaced, or all that is past due (all that is open, if nothing is)."""
        may = self.agreeable(debt, old)
        if debt.receivables:
            self._all_may(debt.receivables, {one.receivable_id for one in may}, old)
            chosen = [one for one in may if one.receivable_id in debt.receivables]
        elif old is not None:
            chosen = [one for one in may if one.receivable_id in old.debts]
        else:
            chosen = _asked(may, self.today)
        if not chosen:
            raise _refused("conflict", "receivables", "none")
        if len({(one.creditor, one.currency) for one in chosen}) > 1:
            raise _refused("wrong", "receivables", "several")
        if len(chosen) > MOST_DEBTS:
            raise AgreementRefusedError("wrong", Problem("receivables", "too_many", MOST_DEBTS))
        return chosen

    def _all_may(self, named: Iterable[str], may: set[str], old: Agreement | None) -> None:
        """Refused if one that is named may not be agreed on; but what has been settled under the
        agreement that is replaced is passed over."""
        opened = {one.receivable_id for one in self.opened}
        settled = old.debts.keys() - opened if old else frozenset()
        rest = resting(self.account.agreements)
        for name in named:
            if name in may or name in settled:
                continue
            if name not in opened:
                raise _refused("not_found", "receivables", "unknown")
            held = open_hold(self.account, self.rulebook.holds, name, self.today)
            code = "on_hold" if held else "resting" if name in rest else "several"
            raise _refused("conflict", "receivables", code)

    def _no_full_stop(self) -> None:
        if full_stop(self.account, self.rulebook.holds, self.today):
            raise _refused("conflict", "account", "stopped")

    def _strategy(self, about: ConditionFacts) -> str:
        """The ladder that the debts stand on."""
        strategies: Sequence[Strategy] = self.rulebook.strategies
        return next((one.strategy for one in strategies if holds(one.condition, about)), "")

    def _stage(self, owed: Iterable[Receivable]) -> Stage | None:
        """The stage of the step that was taken last for one of the debts."""
        stages = {
            step.step: step.stage for ladder in self.rulebook.strategies for step in ladder.steps
        }
        records = [
            (record.at, stages[name])
            for one in owed
            for name, record in one.steps.items()
            if record.state != "failed" and name in stages
        ]
        return max(records)[1] if records else None

    def _broken_on(self, made: Agreement) -> str:
        """The latest broken agreement of whose debts another is about all that is open; empty if
        there is none."""
        opened = {one.receivable_id for one in self.opened if one.open_minor > 0}
        for one in reversed(self.account.agreements):
            own = opened & one.debts.keys()
            if one.state == "broken" and own and own <= made.debts.keys():
                return one.agreement_id
        return ""

    def _broken(self, chosen: set[str]) -> int:
        """How many agreements on these debts were broken, those that were replaced since too."""
        return sum(
            any(change.state == "broken" for change in one.history)
            and one.state in ("broken", "replaced")
            and not chosen.isdisjoint(one.debts)
            for one in self.account.agreements
        )


def _asked(may: list[Receivable], today: date) -> list[Receivable]:
    """What somebody who names nothing asks for: all that is past due, or if nothing is, all."""
    return [one for one in may if one.due_on is not None and one.due_on <= today] or may


def _oldest_if_more(owed: list[Receivable], most: int) -> tuple[str, ...]:
    """The names of the oldest that one agreement can be about; none if there are no more than
    `most`."""
    if len(owed) <= most:
        return ()
    oldest = sorted(owed, key=lambda one: (one.due_on or date.max, one.receivable_id))
    return tuple(one.receivable_id for one in oldest[:MOST_DEBTS])


def _id_of(debt: Debt, key: str) -> str:
    """The name of an agreement: a function of the act that made it."""
    text = f"{debt.account_id}\x1f{key}"
    return "g" + hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _offered(agreement: Agreement, actor: Actor, now: datetime) -> Fact:
    return facts.noted(
        "agreement_offered",
        now,
        agreement_id=agreement.agreement_id,
        kind=agreement.kind,
        offer=agreement.offer,
        currency=agreement.currency,
        total_minor=agreement.total_minor,
        instalments=len(agreement.instalments),
        by=actor.party,
        who=actor.who,
        approval=list(agreement.approval),
        **({"replaces": agreement.replaces} if agreement.replaces else {}),
    )


def _cause(key: str) -> str:
    return f"agreement:{key}"


def _refused(fault: Fault, field: str, code: str) -> AgreementRefusedError:
    return AgreementRefusedError(fault, Problem(field, code))
