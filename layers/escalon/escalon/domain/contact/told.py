"""What the contact policy is told: built from the account, its rulebook, the debt and the step.

The engine, the last look, a person's question and the tests all ask through here, so that nobody
hands over less than the others.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

from msgspec.structs import replace

from escalon.domain.account import Account, ContactPoint, Receivable
from escalon.domain.contact.facts import Debt, Facts, Message, Notice, PointFacts, Stop
from escalon.domain.contact.gates import GATE_REASONS
from escalon.domain.contact.policy import (
    MISFITS,
    Deny,
    OwedNotice,
    Policy,
    Verdict,
    evaluate,
    evaluate_action,
    known_through,
    notice_missed,
)
from escalon.domain.contact.unheard import counts_as_delivered
from escalon.domain.country_zones import COUNTRY_ZONES
from escalon.domain.decisions.decision import Outcome, Reason, Refusal
from escalon.domain.holds import end_of
from escalon.domain.local_time import local_date, start_of_day
from escalon.domain.rules.rulebook import HoldKind, Rulebook, Step

# Stops that rest the asking for one debt and say nothing about the person's others.
OF_ONE_DEBT = frozenset(("paid", "dispute_open", "statute_barred_refused"))

# What the document of every agreement says (papers/agreement.py), as gates name it (OnFile).
AGREEMENT_SAYS = ("in_writing", "terms", "breakdown", "says_if_it_settles_all")

# So long before the last day whose holidays are loaded a person is told: time enough to bring the
# next years once the official calendars are out in autumn.
HOLIDAYS_AHEAD = timedelta(days=60)

# Stands among the zones of a debtor of whom nobody knows where they are. There is no such zone, so
# the contact policy refuses every instant.
NOWHERE = "unknown"

_UNKNOWN_POINT = PointFacts()


def zones_for(rulebook: Rulebook, account: Account) -> tuple[str, ...]:
    """The zones that the debtor may be in: those we were told and those of their telephone numbers,
    else those that the law of their country knows of, else all that the country keeps. Where the
    rulebook knows one law only, whoever has no country is where its own zone is. Of anybody else
    nobody knows (`NOWHERE`), so nothing is said at any hour (invariant 3)."""
    policies, country = rulebook.contact_policies, account.country
    policy = rulebook.policy_for(country)
    told = account.zones
    if account.number_zones and account.number_zones != told:
        told = tuple(dict.fromkeys((*told, *account.number_zones)))
    if told:
        return policy.places(told, account.region)
    known: tuple[str, ...] = ()
    if country:
        known = COUNTRY_ZONES.get(country, ())
        # The policy for any other country may be a law of elsewhere.
        if country in policies or not set(known).isdisjoint(policy.places((), "")):
            known = policy.places((), account.region) or known
    elif "" not in policies:
        known = policy.places((), account.region) or (rulebook.default_zone,)
    return known or (rulebook.default_zone, NOWHERE)


def holidays_through(rulebook: Rulebook) -> dict[str, date]:
    """The last day whose holidays are loaded, by country ("*": any other), where a policy rests on
    holidays."""
    found = {
        country: known_through(policy)
        for country, policy in rulebook.contact_policies.items()
        if country
    }
    return {country: day for country, day in found.items() if day is not None}


def whereabouts_unknown(zones: Sequence[str]) -> bool:
    """Whether nobody can tell where a debtor of these zones (`zones_for`) is, and so whose clock
    holds: a person has to find out."""
    return NOWHERE in zones


def kind_of(step: Step) -> str:
    """What a step's message is to the contact policy."""
    return "statutory_notice" if step.gives else "collection"


def stops_of(
    account: Account,
    kinds: Mapping[str, HoldKind],
    receivable_id: str,
    today: date,
    zones: Sequence[str],
) -> tuple[Stop, ...]:
    """The stops that today's holds are, each until its hold ends. Those that rest the asking for
    one debt count for that debt alone; any other is about the person, whatever it was noted on."""
    found = []
    for hold in account.holds:
        kind = kinds.get(hold.kind)
        if kind is None or not kind.stop:
            continue
        if kind.stop in OF_ONE_DEBT and hold.receivable_id not in (None, receivable_id):
            continue
        ends_on = end_of(hold, kinds)
        if hold.starts_on <= today and (ends_on is None or today < ends_on):
            found.append(Stop(kind.stop, start_of_day(zones, ends_on) if ends_on else None))
    return tuple(found)


def notices_of(
    receivable: Receivable, telling: Collection[str], delivered_after: timedelta, at: datetime
) -> list[Notice]:
    """The statutory notices that were given of the debt, with what proves them: those that were
    noted, and those of its steps, or of another debt's message that showed it too, if the message
    counts as delivered. The message itself, whose exact bytes and delivery are kept, is the proof;
    one that a person was asked to send proves nothing until somebody notes it."""
    given = list(receivable.notices)
    for record in (*receivable.steps.values(), *receivable.noticed):
        if record.gives and counts_as_delivered(record, telling, delivered_after, at):
            given += [Notice(name, record.at, record.intent_id) for name in record.gives]
    return given


def notices_under_way(
    receivable: Receivable, delivered_after: timedelta, at: datetime
) -> datetime | None:
    """When the next notice that was sent counts as given."""
    return min(
        (
            record.at + delivered_after
            for record in (*receivable.steps.values(), *receivable.noticed)
            if record.gives and record.state == "sent" and at < record.at + delivered_after
        ),
        default=None,
    )


def debt_of(receivable: Receivable, rulebook: Rulebook, at: datetime) -> Debt:
    """What gates and duties ask about a receivable."""
    creditor = rulebook.creditors.get(receivable.creditor)
    on_file = creditor.on_file if creditor is not None else ()
    delivered_after = timedelta(hours=rulebook.delivered_after_hours)
    return Debt(
        receivable.due_on,
        receivable.principal_minor,
        receivable.currency,
        receivable.first_contact_at,
        tuple(notices_of(receivable, rulebook.channels.telling, delivered_after, at)),
        (*receivable.on_file, *on_file),
    )


def missed_notices(
    account: Account,
    rulebook: Rulebook,
    policy: Policy,
    receivables: Sequence[Receivable],
    *,
    zones: tuple[str, ...],
    at: datetime,
    gives: Sequence[str] = (),
) -> dict[str, OwedNotice]:
    """By receivable: the notice for want of which a message that gives `gives` may not ask for it.
    The contact policy judges a message by the debt that carries it; the others it shows are judged
    here (12 CFR 1006.34, 1006.38)."""
    if not policy.compiled.asks_for_notices:
        return {}
    found = {
        receivable.receivable_id: notice_missed(
            policy,
            debt=debt_of(receivable, rulebook, at),
            gives=gives,
            zones=zones,
            at=at,
            region=account.region,
        )
        for receivable in receivables
    }
    return {name: missed for name, missed in found.items() if missed is not None}


def facts_of(
    account: Account,
    rulebook: Rulebook,
    *,
    stops: tuple[Stop, ...],
    at: datetime,
    receivable: Receivable | None = None,
    step: Step | None = None,
    point: ContactPoint | None = None,
) -> Facts:
    """All that is known of a contact with the debtor at that instant, by that step and about that
    receivable, as far as they are given."""
    return Facts(
        stops,
        account.conversations,
        account.requests,
        account.refused_channels,
        account.hours,
        account.extra_hours,
        point.known if point is not None else _UNKNOWN_POINT,
        debt_of(receivable, rulebook, at) if receivable is not None else Debt(),
        Message(
            action=step.action if step is not None else "",
            gives=step.gives if step is not None else (),
            first=receivable is None or receivable.first_contact_at is None,
        ),
    )


def _nothing_to_tell(
    account: Account, policy: Policy, stops: tuple[Stop, ...], step: Step | None, known: PointFacts
) -> bool:
    """Whether the facts would say nothing that the policy does not take for granted: then they are
    left out, which decides the same in half the time."""
    return (
        not stops
        and account.conversations is None
        and not account.requests
        and not account.refused_channels
        and account.hours is None
        and account.extra_hours is None
        and (step is None or not step.action)
        and not policy.compiled.asks_for_notices
        and known == _UNKNOWN_POINT
    )


def contact_verdict(
    account: Account,
    rulebook: Rulebook,
    policy: Policy,
    *,
    channel: str,
    point: ContactPoint | None,
    zones: tuple[str, ...],
    stops: tuple[Stop, ...],
    at: datetime,
    step: Step | None = None,
    receivable: Receivable | None = None,
    kind: str = "",
    role: str = "debtor",
) -> Verdict:
    """Whether the account's person may be contacted this way at that instant. `kind` is the step's
    unless it is given; `zones` and `policy` are those of the account (`zones_for`, `policy_for`).
    """
    return evaluate(
        policy,
        channel=channel,
        point=point,
        role=role,
        contacts=account.contacts,
        zones=zones,
        at=at,
        kind=kind or (kind_of(step) if step is not None else "collection"),
        region=account.region,
        facts=None
        if _nothing_to_tell(account, policy, stops, step, point.known if point else _UNKNOWN_POINT)
        else facts_of(
            account,
            rulebook,
            stops=stops,
            at=at,
            receivable=receivable,
            step=step,
            point=point,
        ),
    )


def may_contact(
    account: Account,
    rulebook: Rulebook,
    *,
    channel: str,
    point: ContactPoint | None,
    kind: str,
    at: datetime,
    receivable: Receivable | None = None,
    step: Step | None = None,
    role: str = "debtor",
) -> Verdict:
    """Whether this contact may be made, asked by itself: with every stop that the account's holds
    are, and `paid` where the receivable (or, if none is named, everything) is settled. Of somebody
    who answers for another's debt (`role`) the contacts, wishes and zones are their own, and what
    is owed stands elsewhere."""
    zones = zones_for(rulebook, account)
    named = receivable.receivable_id if receivable is not None else ""
    stops = stops_of(account, rulebook.holds, named, local_date(zones, at), zones)
    owed = account.receivables if receivable is None else (receivable,)
    if role == "debtor" and not account.beyond and all(one.open_minor <= 0 for one in owed):
        stops = (*stops, Stop("paid"))
    return contact_verdict(
        account,
        rulebook,
        rulebook.policy_for(account.country),
        channel=channel,
        point=point,
        zones=zones,
        stops=stops,
        at=at,
        step=step,
        receivable=receivable,
        kind=kind,
        role=role,
    )


def gate_reason(
    account: Account,
    rulebook: Rulebook,
    policy: Policy,
    step: Step,
    receivable: Receivable,
    *,
    zones: tuple[str, ...],
    stops: tuple[Stop, ...],
    at: datetime,
) -> tuple[Reason, datetime | None] | None:
    """Why the step's action may not be carried out yet, and when that may change by itself; None if
    its gate is open or it has none."""
    if not step.action:
        return None
    verdict = evaluate_action(
        policy,
        action=step.action,
        facts=facts_of(account, rulebook, stops=stops, at=at, receivable=receivable, step=step),
        zones=zones,
        at=at,
        region=account.region,
    )
    if not isinstance(verdict, Deny):
        return None
    until = verdict.next_allowed_at
    if until is None and verdict.reason == "notice_missing":
        delivered_after = timedelta(hours=rulebook.delivered_after_hours)
        until = notices_under_way(receivable, delivered_after, at)
    return gate_closed(step.step, verdict, until), until


def agreement_barred(
    account: Account,
    rulebook: Rulebook,
    receivable: Receivable,
    *,
    zones: tuple[str, ...],
    at: datetime,
) -> Deny | None:
    """The gate of the debtor's law before an agreement about this debt (Mexico: CONDUSEF, DOF
    2014-10-07), if something is missing: all that the agreement's own document says is there."""
    creditor = rulebook.creditors.get(receivable.creditor)
    pays_into = creditor is not None and (creditor.pay_url or creditor.pay_instructions)
    says = (*AGREEMENT_SAYS, "creditor_account") if pays_into else AGREEMENT_SAYS
    known = replace(receivable, on_file=(*receivable.on_file, *says))
    verdict = evaluate_action(
        rulebook.policy_for(account.country),
        action="make_agreement",
        facts=facts_of(account, rulebook, stops=(), at=at, receivable=known),
        zones=zones,
        at=at,
        region=account.region,
    )
    return verdict if isinstance(verdict, Deny) and verdict.reason in GATE_REASONS else None


def gate_closed(step: str, verdict: Deny, until: datetime | None) -> Reason:
    """The reason of a gate: which step, by which rule of which law, and why."""
    about = {"step": step, "rule": verdict.rule, "source": verdict.source, "why": verdict.reason}
    return Reason("gate_closed", {**about, "about": verdict.params, "until": until})


def obstacle(step: str, refusals: Sequence[Refusal]) -> tuple[Outcome, Reason] | None:
    """What keeps a step from going out by any channel if neither time nor the debtor's data is to
    blame: the rulebook lacks what binds everybody, the person must not be asked, or a notice is
    owed first. None: a contact point, a consent or a lawful channel is missing."""
    for refusal in refusals:
        about = {
            "step": step,
            "rule": refusal.rule,
            "source": refusal.source,
            "why": refusal.code,
            "about": refusal.params,
        }
        if refusal.code in MISFITS:
            return "wait", Reason("rules_lacking", about)
        if refusal.code in ("stopped", "stop_unknown"):
            return "hold", Reason("contact_stopped", about)
        if refusal.code == "notice_owed" or refusal.code in GATE_REASONS:
            return "wait", Reason("gate_closed", {**about, "until": None})
    return None
