"""What a rulebook says that can be read and is probably not meant (lessons L8, L17, L19, L24).

`load_rulebook` refuses what cannot be carried out; here a rulebook that can is asked what it would
do. Where possible the engine itself answers: made-up debts climb every ladder, so that no finding
is about rules that only this module knows. An *error* can never have the effect that it states, or
stops messages; a *warning* is for a person to look at. The files are read again for their lines.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

import msgspec
from msgspec.structs import replace

from escalon.authoring.made_up import atoms_of, cases_of, climb, climbing
from escalon.authoring.yaml_lines import Document, Problem, read
from escalon.domain.account import Account, Channel, Consent, ContactPoint
from escalon.domain.contact.content import content_of, read_along, said
from escalon.domain.contact.policy import (
    Deny,
    Layer,
    Policy,
    Preview,
    Provenance,
    Recipients,
    evaluate,
    known_through,
    zones_of,
)
from escalon.domain.contact.rules import Action, Gate, Kind
from escalon.domain.decisions.forecast import Look
from escalon.domain.money import to_major
from escalon.domain.payments.interest import missing_months
from escalon.domain.rules.conditions import ConditionFacts, holds
from escalon.domain.rules.rulebook import STAGES, Condition, Payments, Rulebook, Step, Strategy

if TYPE_CHECKING:
    from escalon.authoring.written import Written

type Severity = Literal["error", "warning"]
type Loc = tuple[str | int, ...]

WARN_DAYS = 90  # so long before the last loaded holiday a person is told
WEEK = 7  # due dates on which a ladder is tried under a country's policy

_ESCALATION = "escalation.yaml"
_CREDITORS = "creditors.yaml"
_SEVERE = ("pre_legal", "legal")
_HOLDS_BACK = ("gap", "notice_time", "waits_for_delivery", "policy_closed")
_ELSEWHERE = "ZZ"  # no country's code (ISO 3166-1 leaves it to users)
_OPEN = Policy(
    (
        Layer(
            "open",
            "country",  # a house states no action
            Recipients(Provenance(), allow=("debtor",)),
            gates=tuple(Gate(Provenance(), action) for action in get_args(Action)),
        ),
    )
)


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing to look at: where, what and how to mend; `rule` names the kind of finding."""

    problem: Problem
    severity: Severity
    rule: str


class BookFacts(msgspec.Struct, frozen=True):
    """What is in a book that rules speak of: how many accounts carry each value, and what is open
    by currency in minor units."""

    tags: dict[str, int]
    creditors: dict[str, int]
    languages: dict[str, int]
    currencies: dict[str, int]
    open_minor: dict[str, int]


def book_facts(accounts: Iterable[Account]) -> BookFacts:
    """Count what rules may speak of."""
    tags, creditors, languages = Counter[str](), Counter[str](), Counter[str]()
    currencies, open_minor = Counter[str](), Counter[str]()
    for account in accounts:
        tags.update(set(account.tags))
        languages.update([account.language] if account.language else [])
        creditors.update({receivable.creditor for receivable in account.receivables})
        currencies.update({receivable.currency for receivable in account.receivables})
        for receivable in account.receivables:
            open_minor[receivable.currency] += receivable.open_minor
    return BookFacts(
        dict(tags), dict(creditors), dict(languages), dict(currencies), dict(open_minor)
    )


def lint(
    folder: Path,
    rulebook: Rulebook,
    *,
    today: date,
    most_segments: int = 2,
    book: BookFacts | None = None,
) -> list[Finding]:
    """All findings about a rulebook that `load_rulebook(folder)` has made, in the order of their
    places. `most_segments` is what an SMS may take; `book` is what the rules will meet."""
    draft = _Draft(rulebook, _Files(folder), today, most_segments)
    checks: list[Callable[[_Draft], Iterator[Finding]]] = [
        *(
            _conditions,
            _age,
            _climbs,
            _severe_first,
            _idle_keys,
            _tones,
            _closed_channels,
            _recipients,
            _notices,
        ),
        *(_words, _texts, _holidays, _rates, _currencies),
    ]
    found = {finding for check in checks for finding in check(draft)}
    if book is not None:
        found.update(_met(draft, book))
    return sorted(found)


class _Files:
    """The rulebook's files, read for the lines of what they say."""

    def __init__(self, folder: Path) -> None:
        self._folders = [folder]
        self._read: dict[str, Document | None] = {}
        document = self._document(_ESCALATION)
        base = document.data.get("based_on") if document else None
        if base:
            self._folders.append((folder / base).resolve())

    def finding(
        self, severity: Severity, rule: str, file: str, loc: Loc, message: str, remedy: str
    ) -> Finding:
        """A finding about the value at `loc`, or the innermost part of it that is written."""
        document = self._document(file)
        if document is None:
            return Finding(Problem(str(self.path(file)), 1, 1, "", message, remedy), severity, rule)
        return Finding(document.problem(loc, message, remedy), severity, rule)

    def in_template(
        self, severity: Severity, rule: str, place: tuple[str, str, str], message: str, remedy: str
    ) -> Finding:
        """A finding about a block of a template; `place` is locale, template, block."""
        locale, template, block = place
        path = self.path(f"messages/{locale}/{template}.j2")
        lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        line = next((number for number, text in lines if f"block {block} " in text), 1)
        return Finding(Problem(str(path), line, 1, "", message, remedy), severity, rule)

    def path(self, file: str) -> Path:
        found = (folder / file for folder in self._folders)
        return next((path for path in found if path.is_file()), self._folders[0] / file)

    def _document(self, file: str) -> Document | None:
        if file not in self._read:
            path = self.path(file)
            found = read(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else None
            self._read[file] = found if isinstance(found, Document) else None
        return self._read[file]


class _Draft(msgspec.Struct, frozen=True):
    """What is looked at."""

    rulebook: Rulebook
    files: _Files
    today: date
    most_segments: int

    def error(self, rule: str, loc: Loc, message: str, remedy: str) -> Finding:
        return self.files.finding("error", rule, _ESCALATION, loc, message, remedy)

    def warning(self, rule: str, loc: Loc, message: str, remedy: str) -> Finding:
        return self.files.finding("warning", rule, _ESCALATION, loc, message, remedy)

    @property
    def steps(self) -> Iterator[tuple[Loc, Strategy, Step]]:
        for strategy in self.rulebook.strategies:
            for index, step in enumerate(strategy.steps):
                yield ("strategies", strategy.strategy, "ladder", index), strategy, step

    @property
    def countries(self) -> dict[str, Policy]:
        """The policies that somebody wrote a line for."""
        return {c: policy for c, policy in self.rulebook.contact_policies.items() if c}

    @property
    def noon(self) -> datetime:
        return datetime(self.today.year, self.today.month, self.today.day, 17, tzinfo=UTC)


# --- conditions ----------------------------------------------------------------------------------


def _conditions(draft: _Draft) -> Iterator[Finding]:
    """Strategies and steps whose condition no debt can meet, and debts that no strategy takes."""
    rules = draft.rulebook
    for number, strategy in enumerate(rules.strategies):
        if strategy.condition == ["nobody"]:  # an experiment hands it out
            continue
        above = [each.condition for each in rules.strategies[:number]]
        asked = [*above, strategy.condition, *(s.only_if for s in strategy.steps if s.only_if)]
        cases = cases_of(rules, asked)
        if cases is None:
            continue
        loc: Loc = ("strategies", strategy.strategy, "for")
        picked = [case for case in cases if holds(strategy.condition, case)]
        reached = [case for case in picked if not any(holds(c, case) for c in above)]
        if not picked:
            yield draft.error(
                "never-holds", loc, "no debt can meet this condition", "correct the condition"
            )
        elif not reached:
            yield draft.error(
                "never-holds",
                loc,
                "the ladders above take every debt that this one could",
                "move it up, or take it out",
            )
        for index, step in enumerate(strategy.steps):
            if step.only_if and reached and not any(holds(step.only_if, c) for c in reached):
                alone = any(holds(step.only_if, case) for case in cases)
                why = "that falls on this ladder " if alone else ""
                yield draft.error(
                    "never-holds",
                    ("strategies", strategy.strategy, "ladder", index, "only_if"),
                    f"no debt {why}can meet this condition, so {step.step} is never taken",
                    "correct the condition, or take the step out",
                )
    cases = cases_of(rules, [strategy.condition for strategy in rules.strategies]) or []
    left = next(
        (c for c in cases if not any(holds(s.condition, c) for s in rules.strategies)), None
    )
    if left is not None:
        yield draft.warning(
            "no-ladder",
            ("strategies",),
            f"no ladder takes a debt such as: {_described(left)}",
            "end with a ladder `for: anyone`",
        )


def _described(facts: ConditionFacts) -> str:
    """What is special about a debt, in the words of conditions."""
    said = [f"tag is {tag}" for tag in facts.tags]
    for word in ("country", "creditor", "risk"):
        value = getattr(facts, word)
        said += [f"{word} is {value}"] if value else []
    said.append(f"debtor is {facts.debtor}")
    said += [f"open {_major(minor, c)}" for c, minor in sorted(facts.open_minor.items()) if minor]
    return ", ".join(said)


def _major(minor: int, currency: str) -> str:
    return f"{currency} {to_major(minor, currency):,f}".removesuffix(".00")


# --- ages, tones, keys ----------------------------------------------------------------------------


def _age(draft: _Draft) -> Iterator[Finding]:
    """Steps for debts that are too old to be chased, and no limit to the age at all (L8)."""
    oldest = draft.rulebook.chase.oldest_debt_days
    if not oldest:
        yield draft.warning(
            "no-age-limit",
            ("chase",),
            "a debt of any age is chased: a forgotten file mails all of history",
            "write `oldest_debt: 5 years`",
        )
        return
    for loc, _, step in draft.steps:
        if step.day > oldest:
            yield draft.error(
                "too-old",
                (*loc, "when"),
                f"{step.step} is never taken: a debt is chased for {oldest} days",
                "let it come earlier, or raise `chase.oldest_debt`",
            )


def _severe_first(draft: _Draft) -> Iterator[Finding]:
    """A severe step that needs nothing: an old debt may get it as the first word of all."""
    for loc, strategy, step in draft.steps:
        first = step == strategy.steps[0]
        if step.stage in _SEVERE and step.needs is None and not step.task:
            why = (
                "is the first thing said" if first else "may be the first thing said to an old debt"
            )
            yield draft.warning(
                "severe-first",
                loc,
                f"{step.step} ({step.stage}) needs no milder step, so it {why}",
                "write `needs: <a milder step> delivered`",
            )


def _idle_keys(draft: _Draft) -> Iterator[Finding]:
    """What is written on a step and nothing carries out (L24)."""
    for loc, _, step in draft.steps:
        if step.task or "letter" in step.channels:
            continue
        for key in ("approval", "script"):
            if getattr(step, key):
                yield draft.warning(
                    "idle-key",
                    (*loc, key),
                    f"`{key}` is written on tasks and letters, and {step.step} is a message",
                    "take it out, or make the step a task",
                )


def _tones(draft: _Draft) -> Iterator[Finding]:
    """The same words at a milder and at a severer stage."""
    severest: dict[str, Step] = {}
    for _, _, step in draft.steps:
        before = severest.get(step.message)
        if step.message and (before is None or _rank(step) > _rank(before)):
            severest[step.message] = step
    for loc, _, step in draft.steps:
        harsh = severest.get(step.message)
        if step.message and harsh is not None and _rank(step) < _rank(harsh):
            yield draft.warning(
                "harsh-words",
                (*loc, "say"),
                f"{step.step} ({step.stage}) says {step.message}, which {harsh.step} says at "
                f"stage {harsh.stage}",
                "write a message of its own for the milder step",
            )


def _rank(step: Step) -> int:
    return STAGES.index(step.stage)


# --- climbing ------------------------------------------------------------------------------------


def _climbs(draft: _Draft) -> Iterator[Finding]:
    """Steps that no debt takes which climbs from the start, because others come before they may be
    taken: by gaps and notice times alone, or by a country's contact policy."""
    rules = replace(draft.rulebook, payments=Payments())  # feeds are taken for fresh
    open_rules = replace(rules, contact_policies={"*": _OPEN})
    for number, strategy in enumerate(rules.strategies):
        cases = climbing(rules, number)
        if not cases:
            continue
        possible = {
            s.step
            for s in strategy.steps
            if not s.only_if or any(holds(s.only_if, c) for c in cases)
        }
        oldest = rules.chase.oldest_debt_days or 10_000
        possible -= {step.step for step in strategy.steps if step.day > oldest}
        looks = [
            look
            for case in cases
            for look in climb(open_rules, strategy, case, case.country, draft.today)
        ]
        taken = _taken(looks)
        yield from _passed_over(draft, strategy, possible - taken, looks, "")
        for country, policy in draft.countries.items():
            fitting = [case for case in cases if _fits(draft, case, country)]
            code = _ELSEWHERE if country == "*" else country
            looks = [
                look
                for case in fitting
                for days in range(WEEK)
                for look in climb(rules, strategy, case, code, _due_on(draft, policy, days))
            ]
            closed = {s.step for s in strategy.steps if _all_closed(draft, policy, s)}
            missed = (possible & taken) - _taken(looks) - closed if looks else set()
            yield from _passed_over(draft, strategy, missed, looks, country)


def _passed_over(
    draft: _Draft, strategy: Strategy, steps: set[str], looks: Sequence[Look], country: str
) -> Iterator[Finding]:
    for index, step in enumerate(strategy.steps):
        if step.step not in steps:
            continue
        where = f" under the policy of {country}" if country else ""
        yield draft.warning(
            "passed-over",
            ("strategies", strategy.strategy, "ladder", index),
            f"{step.step} is never taken by a debt that climbs from the start{where}"
            f"{_why_passed(step, looks)}",
            "leave more days before the step after it, or shorten what it waits for",
        )


def _why_passed(step: Step, looks: Sequence[Look]) -> str:
    """What held the step back when its day had come, and what was done when that was over."""
    for look, following in pairwise(looks):
        decision = look.decision
        held = [r.code for r in decision.reasons if r.code in _HOLDS_BACK]
        if decision.outcome == "wait" and decision.step == step.step and held:
            after = following.decision.step
            then = f", and then {after} has come" if after and after != step.step else ""
            return f": it waits ({held[0].replace('_', ' ')}){then}"
    return ""


def _fits(draft: _Draft, case: ConditionFacts, country: str) -> bool:
    """Whether the debt may be one of that country: of it, or of one that no condition names."""
    atoms = (atom for _, condition in _all_conditions(draft) for atom in atoms_of(condition))
    named = {atom[1] for atom in atoms if atom[0] == "country"}
    return case.country == country or (not case.country and country not in named)


def _takes(draft: _Draft, strategy: Strategy, country: str) -> bool:
    """Whether the ladder may take a debt of that country."""
    cases = climbing(draft.rulebook, draft.rulebook.strategies.index(strategy))
    return any(_fits(draft, case, country) for case in cases)


def _due_on(draft: _Draft, policy: Policy, days: int) -> date:
    """A due date such that the climb ends before the holidays do that are loaded."""
    last = known_through(policy)
    year = timedelta(days=366)
    return (min(draft.today, last - 2 * year) if last else draft.today) + timedelta(days=days)


def _taken(looks: Iterable[Look]) -> set[str]:
    return {
        look.decision.step
        for look in looks
        if look.decision.outcome == "act" and not look.decision.about
    }


# --- contact policies -----------------------------------------------------------------------------


def _closed_channels(draft: _Draft) -> Iterator[Finding]:
    """Steps by whose channels nobody may ever be contacted under a country's policy."""
    for loc, _, step in draft.steps:
        for country, policy in draft.countries.items():
            if _all_closed(draft, policy, step):
                yield draft.error(
                    "nobody-contacted",
                    (*loc, "by"),
                    f"under the policy of {country} nobody may be contacted by "
                    f"{' or '.join(step.channels)} ({_closed_by(draft, policy, step.channels[0])})",
                    "add a channel that the policy allows",
                )


def _recipients(draft: _Draft) -> Iterator[Finding]:
    """Co-debtors and guarantors to whom a country's policy lets nobody write."""
    for loc, _, step in draft.steps:
        for role in (one for one in step.to if one != "debtor"):
            for country, policy in draft.countries.items():
                verdict = evaluate(
                    policy,
                    channel=step.channels[0],
                    point=None,
                    role=role,
                    contacts=(),
                    zones=(draft.rulebook.default_zone,),
                    at=draft.noon,
                )
                if isinstance(verdict, Deny) and verdict.reason == "recipient_not_allowed":
                    yield draft.warning(
                        "role-not-allowed",
                        (*loc, "to"),
                        f"the policy of {country} lets nobody write to a {role} ({verdict.rule}): "
                        "there they are passed over",
                        f"leave {role} out of `to`, or put the debtors of {country} on another "
                        "ladder",
                    )


def _notices(draft: _Draft) -> Iterator[Finding]:
    """Statutory notices that a law wants first and that nothing on the ladder gives, or that would
    not name what they have to."""
    barred: set[tuple[str, str]] = set()
    for loc, strategy, step in draft.steps:
        given = {name for one in strategy.steps for name in one.gives}
        for country, policy in draft.countries.items():
            gates = [gate for layer in policy.layers for gate in layer.gates]
            asked = {gate.notice for gate in gates if gate.action == step.action and gate.notice}
            for notice in sorted(asked - given) if _takes(draft, strategy, country) else ():
                yield draft.warning(
                    "notice-not-given",
                    (*loc, "action"),
                    f"the policy of {country} wants {notice} before {step.action}, and no step of "
                    "this ladder gives it",
                    f"write `gives: [{notice}]` on a message above, or note each with "
                    "`escalon notice`",
                )
            named = {gate.notice for gate in gates if "bureau_named" in gate.require}
            unnamed = [one for one in draft.rulebook.creditors.values() if not one.bureaus]
            if named.intersection(step.gives) and unnamed and _takes(draft, strategy, country):
                yield draft.error(
                    "bureau-not-named",
                    (*loc, "gives"),
                    f"the policy of {country} wants the bureau named, and "
                    f"{', '.join(one.creditor for one in unnamed)} has no `bureaus`",
                    "write in creditors.yaml to which bureaus the creditor reports",
                )
            duties = [duty for layer in policy.layers for duty in layer.duties if duty.bars_asking]
            for duty in duties if step.message else ():
                owed = duty.notice not in given and (strategy.strategy, country) not in barred
                if owed and _takes(draft, strategy, country):
                    barred.add((strategy.strategy, country))
                    yield draft.warning(
                        "notice-owed",
                        loc,
                        f"under the policy of {country} nothing more is asked {duty.within_days} "
                        f"days after the first message unless {duty.notice} was given, and no step "
                        "of this ladder gives it",
                        f"write `gives: [{duty.notice}]` on its first message, whose words have to "
                        "be that notice",
                    )


def _all_closed(draft: _Draft, policy: Policy, step: Step) -> bool:
    return bool(step.channels) and all(_closed_by(draft, policy, c) for c in step.channels)


def _closed_by(draft: _Draft, policy: Policy, channel: str) -> str:
    """The rule that closes a channel for good, to a debtor of whom everything else is well."""
    consent = Consent(draft.today - timedelta(days=30), "made up")
    zone = next(iter(zones_of(policy, (), "")), draft.rulebook.default_zone)
    verdict = evaluate(
        policy,
        channel=channel,
        point=ContactPoint("p", cast("Channel", channel), "-", consent),
        role="debtor",
        contacts=(),
        zones=(zone,),
        at=draft.noon,
    )
    if not isinstance(verdict, Deny) or verdict.next_allowed_at is not None:
        return ""
    # A year that is not loaded is another finding.
    return "" if verdict.reason == "holiday_year_missing" else verdict.rule


def _holidays(draft: _Draft) -> Iterator[Finding]:
    """Calendars that end soon: from the day after nobody is contacted."""
    for country, policy in draft.countries.items():
        last = known_through(policy)
        if last is None or last >= draft.today + timedelta(days=WARN_DAYS):
            continue
        over = last < draft.today
        yield draft.files.finding(
            "error" if over else "warning",
            "holidays-missing",
            _ESCALATION,
            ("contact_policy", country),
            f"the holidays of {country} are loaded up to {last}: "
            f"{'nobody is contacted' if over else 'from then on nobody is contacted'}",
            "generate further years of its calendar (the operator's guide, 'Contact policies')",
        )


# --- words ----------------------------------------------------------------------------------------


_IN_ANY_SMS = frozenset({"creditor_name"})
_BLOCK_OF = {"subject": "subject", "preheader": "preheader", "sms_start": "sms"}


def _words(draft: _Draft) -> Iterator[Finding]:
    """Words that the contact policies forbid where others read along, SMS that are too long, and
    what a country's law wants to be shown and is not."""
    # Jinja2 and Babel take long to import, and only words need them.
    from escalon.authoring.written import ANSWER, all_written

    previews: dict[str, Preview] = {
        layer.policy: layer.preview
        for policy in draft.countries.values()
        for layer in policy.layers
        if layer.preview is not None and _binds(layer.preview, draft.today)
    }
    kinds: tuple[Kind, ...] = ("collection", ANSWER)
    notices = {kind: _said(draft, kind) for kind in kinds}
    every = {
        kind: {
            language: tuple(
                dict.fromkeys(text for said in countries.values() for text in said.values())
            )
            for language, countries in by_language.items()
        }
        for kind, by_language in notices.items()
    }
    for message in all_written(draft.rulebook, draft.today, every):
        for policy, preview in previews.items():
            for place, text in message.previews.items():
                if found := read_along(preview, place, text, message.locale):
                    yield _seen(draft, message, place, found, policy, preview)
        if message.shape == "one" and message.segments > draft.most_segments:
            yield draft.files.in_template(
                "warning",
                "sms-long",
                (message.locale, message.template, "sms"),
                f"the SMS takes {message.segments} segments for one receivable",
                f"shorten it to {draft.most_segments}",
            )
        language = message.locale.partition("-")[0]
        yield from _not_shown(draft, message, notices[message.kind][language])
        if message.shape == "one" and message.prose:
            yield from _tone(draft, message)


def _seen(
    draft: _Draft, message: "Written", place: str, found: str, policy: str, preview: Preview
) -> Finding:
    where = {"sms_start": "beginning of the SMS", "sender": "sender's name"}.get(place, place)
    told = f"{policy} forbids {found!r} in the {where}: {preview.about.source}"
    if place == "sender":
        loc: Loc = ("creditors", message.creditor.creditor, "name")
        remedy = "choose a name without it"
        return draft.files.finding("error", "forbidden-words", _CREDITORS, loc, told, remedy)
    written = (message.locale, message.template, _BLOCK_OF[place])
    remedy = "say it in other words"
    return draft.files.in_template("error", "forbidden-words", written, told, remedy)


def _binds(rule: Preview, today: date) -> bool:
    return rule.about.valid_from is None or rule.about.valid_from <= today


def _said(draft: _Draft, kind: Kind) -> dict[str, dict[str, dict[str, str]]]:
    """The laws' own words for messages of that kind, by language, country and block."""
    languages = {locale.partition("-")[0] for locale in draft.rulebook.messages}
    return {
        language: {
            country: said(
                policy.layers,
                channel="email",
                kind=kind,
                first=True,
                on=draft.today,
                language=language,
            )
            for country, policy in draft.countries.items()
        }
        for language in languages
    }


def _tone(draft: _Draft, message: "Written") -> Iterator[Finding]:
    """Words that are too stern for the stage, and prose that is hard to read (P4, P5)."""
    from escalon.messages.readability import PLAIN, score
    from escalon.messages.words import check_tone

    written = (message.locale, message.template, "opening")
    for problem in check_tone(message.prose, message.stage, message.locale):
        told = f"{problem.found!r} {problem.reason}"
        remedy = "say it more mildly, or at a later stage"
        yield draft.files.in_template("warning", "tone", written, told, remedy)
    language = message.locale.partition("-")[0]
    reached = score(message.prose, language)
    if reached is not None and reached < PLAIN[language]:
        told = f"its readability is {reached}; plain language has {PLAIN[language]} or more"
        remedy = "write shorter sentences and shorter words"
        yield draft.files.in_template("warning", "hard-to-read", written, told, remedy)


def _not_shown(
    draft: _Draft, message: "Written", notices: Mapping[str, Mapping[str, str]]
) -> Iterator[Finding]:
    """An SMS holds little: one that leads to the debtor's page shows on it what the law wants, and
    has to say itself only who writes."""
    from escalon.authoring.written import ANSWER, OF_THE_DEBT, plainly

    answers = message.kind == ANSWER
    for country, policy in draft.countries.items():
        lawful, wanted = (
            content_of(
                layers, channel=message.channel, kind=message.kind, first=True, on=draft.today
            ).require
            for layers in ([x for x in policy.layers if x.level != "house"], policy.layers)
        )
        if message.leads_to_page:
            wanted = {block: source for block, source in wanted.items() if block in _IN_ANY_SMS}
        ways: dict[str, tuple[tuple[str, ...], ...]] = {
            **{block: () for block in wanted if block not in OF_THE_DEBT},
            **message.shown,
            **{block: ((plainly(text),),) for block, text in notices[country].items()},
        }
        for block, texts in ways.items():
            if block in wanted and not any(
                all(part in message.text for part in parts) for parts in texts
            ):
                severity: Severity = "error" if block in lawful else "warning"
                told = f"show {block}, which the policy of {country} wants ({wanted[block]})"
                if message.channel == "sms":
                    yield draft.files.in_template(
                        severity,
                        "not-shown",
                        (message.locale, message.template, "sms"),
                        f"the SMS does not {told}",
                        'end it with `say("sms_end")`, which leads to the debtor\'s page, or show '
                        "it there",
                    )
                else:
                    yield draft.files.finding(
                        severity,
                        "not-shown",
                        _CREDITORS,
                        ("creditors", message.creditor.creditor),
                        f"the {message.template} in {message.locale} does not {told}"
                        if answers
                        else f"messages in {message.locale} do not {told}",
                        "fill in what is missing, show it in the layout, or `say` it in the policy",
                    )


def _texts(draft: _Draft) -> Iterator[Finding]:
    """Texts and conditions for languages that nobody has messages in, and the other way round."""
    locales = draft.rulebook.messages.keys()
    languages = {locale.partition("-")[0] for locale in locales}
    for name, creditor in draft.rulebook.creditors.items():
        for key in ("pay_instructions", "complaints"):
            written: Mapping[str, str] = getattr(creditor, key)
            have = {locale.partition("-")[0] for locale in written}
            lacking = sorted(languages - have) if written else []
            if lacking:
                yield draft.files.finding(
                    "warning",
                    "locale-missing",
                    _CREDITORS,
                    ("creditors", name, key),
                    f"there is no text for readers of {', '.join(lacking)}",
                    "write it in each language that has messages",
                )
    for loc, condition in _all_conditions(draft):
        for atom in atoms_of(condition):
            if atom[0] == "language" and atom[1].partition("-")[0] not in languages:
                yield draft.warning(
                    "locale-missing",
                    loc,
                    f"there are no messages in {atom[1]}: these debtors are written to in "
                    f"{draft.rulebook.language}",
                    f"write messages/{atom[1]}/, or take the condition out",
                )


def _all_conditions(draft: _Draft) -> Iterator[tuple[Loc, Condition]]:
    for strategy in draft.rulebook.strategies:
        yield ("strategies", strategy.strategy, "for"), strategy.condition
    for loc, _, step in draft.steps:
        if step.only_if is not None:
            yield (*loc, "only_if"), step.only_if


# --- money ----------------------------------------------------------------------------------------


def _rates(draft: _Draft) -> Iterator[Finding]:
    """Months whose ceiling of interest is not loaded."""
    for missing in missing_months(draft.rulebook, draft.today):
        yield draft.files.finding(
            "warning",
            "rate-missing",
            f"rates/{missing.table}.yaml",
            ("rates",),
            f"{missing.month} is missing: {', '.join(missing.creditors)} charge no interest for it",
            "add the month as the authority has certified it",
        )


def _currencies(draft: _Draft) -> Iterator[Finding]:
    """Conditions on amounts that leave out a currency which is chased (lesson E1)."""
    chased = draft.rulebook.chase.from_minor.keys()
    for loc, condition in _all_conditions(draft):
        for atom in atoms_of(condition):
            lacking = sorted(chased - atom[2].keys()) if atom[0] == "open" else []
            if lacking:
                yield draft.warning(
                    "currency-unnamed",
                    loc,
                    f"says nothing of {', '.join(lacking)}, which is chased: no amount in it "
                    "is ever enough",
                    "name an amount for each currency that is chased",
                )


def _met(draft: _Draft, book: BookFacts) -> Iterator[Finding]:
    """What the book has and the rules do not know, and the other way round."""
    rules = draft.rulebook
    for currency in sorted(book.currencies.keys() - rules.chase.from_minor.keys()):
        yield draft.warning(
            "book-currency",
            ("chase", "from"),
            f"{_accounts(book.currencies[currency])} in {currency} "
            f"({_major(book.open_minor[currency], currency)} open) and no least amount: "
            "they are never chased",
            f"write `{currency}: …` here, or mean it",
        )
    for creditor in sorted(book.creditors.keys() - rules.creditors.keys()):
        yield draft.files.finding(
            "error",
            "book-creditor",
            _CREDITORS,
            ("creditors",),
            f"{_accounts(book.creditors[creditor])} to {creditor}, who is not listed: no message "
            "can be written for it",
            f"add `{creditor}:`",
        )
    known = {locale.partition("-")[0] for locale in rules.messages}
    for language in sorted(book.languages):
        if language.partition("-")[0] not in known:
            yield draft.warning(
                "book-language",
                ("language",),
                f"{_accounts(book.languages[language])} of readers of {language}, who get "
                f"{rules.language}",
                f"write messages/{language}/",
            )
    for loc, condition in _all_conditions(draft):
        for atom in atoms_of(condition):
            if atom[0] == "tag" and atom[1] not in book.tags:
                yield draft.warning(
                    "book-tag",
                    loc,
                    f"no account of the book has the tag {atom[1]}",
                    f"known are {', '.join(sorted(book.tags)) or 'none'}",
                )


def _accounts(count: int) -> str:
    return "there is 1 account" if count == 1 else f"there are {count:,} accounts"
