"""The rulebook as operators write it: a folder of YAML and templates, checked whole and compiled.

    escalation.yaml           who is chased, ladders, holds
    creditors.yaml            in whose name we write
    payments.yaml             how money is taken; may be left out
    agreements.yaml           what may be agreed with a debtor; may be left out
    risk.yaml                 by what debtors are graded; may be left out
    experiments.yaml          ladders that are compared; may be left out
    channels.yaml             what each channel is set up to do; may be left out
    retention.yaml            what stays of whoever asks to be forgotten; may be left out
    rates/*.yaml              ceilings of interest
    contact_policies/*.yaml   the law and the house rules
    calendars/*.yaml          holidays, as generated data
    messages/<locale>/*.j2    the words

A rulebook that is `based_on` another folder takes every file from there that it does not have;
payments.yaml only together with creditors.yaml, since it names whose money is taken, and never
agreements.yaml and experiments.yaml, which name its own ladders and their steps.
`load_rulebook` finds every problem of every file in one go, and tries every message on made-up
debtors; the compiled value is canonical JSON, named by the hash of its content.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec
from pydantic import BaseModel

from escalon.authoring.agreements import AgreementsFile
from escalon.authoring.calendars import CalendarFile, compile_calendar
from escalon.authoring.caps import compiled as compiled_caps
from escalon.authoring.channels import ChannelsFile, wrong_steps
from escalon.authoring.composition import compose
from escalon.authoring.contact_policies import PolicyFile, compile_layer
from escalon.authoring.escalation import CreditorsFile, EscalationFile, StrategyFile
from escalon.authoring.experiments import ExperimentsFile
from escalon.authoring.payments import PaymentsFile, RateTableFile
from escalon.authoring.retention import RetentionFile
from escalon.authoring.risk import RiskFile
from escalon.authoring.yaml_lines import (
    Document,
    Problem,
    WrongValuesError,
    check,
    did_you_mean,
    read,
)
from escalon.domain.calendar import Calendar, find_zone
from escalon.domain.contact.channels import Channels
from escalon.domain.contact.policy import Layer, Policy, history_needed
from escalon.domain.decisions.transitions import CONTACTS_KEPT
from escalon.domain.retention import Retention
from escalon.domain.rules.conditions import creditors_named, segments_named, with_segments
from escalon.domain.rules.rulebook import (
    END,
    AgreementRules,
    Chase,
    Condition,
    Experiment,
    HoldKind,
    Payments,
    Rulebook,
    Step,
    Strategy,
    version_of,
)

_REVIEW_DAY = date(2026, 9, 14)  # on which messages are tried, so that trying is deterministic


# A file's model, and the document that knows the line of each of its values.
type Read[M: BaseModel] = tuple[Document, M]


class _Money(msgspec.Struct, frozen=True):
    """What the files about money say, before it is known to fit the others."""

    payments: Read[PaymentsFile] | None
    rates: dict[str, Read[RateTableFile]]


class RulebookError(Exception):
    """A rulebook that may not go live, with every problem it has (invariant 10)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def load_rulebook(folder: Path, *, try_messages: bool = True) -> Rulebook:
    """Read, check and compile a rulebook's folder; raises RulebookError with all problems at once.

    Trying the messages takes seconds; whoever goes live does it, tests of other things need not.
    """
    loader = _Loader(folder)
    rulebook = loader.load()
    if rulebook is not None and try_messages:
        loader.try_messages(rulebook)
    if loader.problems or rulebook is None:
        raise RulebookError(loader.problems)
    return sealed(rulebook)


def sealed(rulebook: Rulebook) -> Rulebook:
    """The rulebook with its version: the hash of its canonical JSON."""
    return msgspec.structs.replace(rulebook, version=version_of(rulebook))


class _Loader:
    """Reads the files of one folder and gathers what is wrong with any of them."""

    def __init__(self, folder: Path) -> None:
        self.folders = [folder]
        self.problems: list[Problem] = []

    def load(self) -> Rulebook | None:
        if not (self.folders[0] / "escalation.yaml").is_file():
            self.missing("escalation.yaml", "a rulebook is a folder with an escalation.yaml")
            return None
        document = self.document("escalation.yaml")
        rules = None
        if document is not None:
            if not self.base_on(document):
                return None  # every file that it lacks would be reported as well
            rules = self.made(document, EscalationFile)
        elif not (self.folders[0] / "creditors.yaml").is_file():
            return None  # nobody can tell what it is based on
        creditors = self.made_of("creditors.yaml", CreditorsFile)
        money = self.money()
        agreements = self.agreements()
        risk = self.made_of("risk.yaml", RiskFile) if self.path("risk.yaml").is_file() else None
        experiments = self.own("experiments.yaml", ExperimentsFile)
        channels = self.channels()
        retention = self.retention()
        layers, calendars = self.layers()
        messages = self.messages()
        if document is None or rules is None:
            return None
        self.resolve_segments(document, rules, agreements, experiments)
        policies = self.policies(document, rules, layers, calendars)
        self.check_messages(document, rules, messages)
        self.check_channels(document, rules, channels, messages)
        self.check_zone(document, rules)
        if creditors is None:
            return None
        self.check_creditors(document, rules, creditors[1])
        if money is not None:
            self.check_money(creditors, money)
            if money.payments and money.payments[1].receipts:
                self.check_receipts(messages)
        if agreements is not None:
            rates = money.rates if money else {}
            self.check_agreements(agreements, rules, creditors[1], rates, messages)
            self.check_confirmation(messages)
        if experiments is not None:
            self.check_experiments(experiments, rules, creditors[1])
        if self.problems or money is None:
            return None
        rulebook = self.compiled(document, rules, creditors, money, agreements, policies, messages)
        return msgspec.structs.replace(
            rulebook,
            channels=channels,
            retention=retention,
            segments=rules.segments,
            risk=risk[1].compiled(_source(risk[0], "model")) if risk else None,
            credit=risk[1].credit.compiled() if risk and risk[1].credit else None,
            experiments=_experiments(experiments) if experiments else (),
        )

    def compiled(
        self,
        document: Document,
        rules: EscalationFile,
        creditors: Read[CreditorsFile],
        money: _Money,
        agreements: Read[AgreementsFile] | None,
        policies: dict[str, Policy],
        messages: dict[str, dict[str, str]],
    ) -> Rulebook:
        owed_to, creditors_file = creditors
        return Rulebook(
            rulebook=rules.rulebook,
            language=rules.language,
            chase=Chase(rules.chase.least, rules.chase.oldest_debt),
            contact_policies=policies,
            strategies=tuple(
                self.strategy(document, name, strategy, rules)
                for name, strategy in rules.strategies.items()
            ),
            holds={
                name: HoldKind(hold.at_most, hold.stop or "") for name, hold in rules.holds.items()
            },
            creditors={
                name: creditor.compiled(name, _source(owed_to, "creditors", name, "interest"))
                for name, creditor in creditors_file.creditors.items()
            },
            messages=messages,
            default_zone=rules.zone,
            delivered_after_hours=rules.delivered_after,
            send_within_hours=rules.send_within or 0,
            caps=compiled_caps(rules.caps, lambda number: _source(document, "caps", number)),
            payments=money.payments[1].compiled() if money.payments else Payments(),
            rates={name: table.compiled() for name, (_, table) in money.rates.items()},
            agreements=_agreement_rules(agreements) if agreements else AgreementRules(),
            publishing=rules.publishing.compiled(),
        )

    def base_on(self, document: Document) -> bool:
        """Also look for files in the folder that this rulebook is based on; whether it is there."""
        named = document.data.get("based_on") if isinstance(document.data, dict) else None
        if not isinstance(named, str) or not named:
            return True
        base = (self.folders[0] / named).resolve()
        if base.is_dir():
            self.folders.append(base)
            return True
        self.problems.append(
            document.problem(
                ("based_on",), f"there is no folder {base}", "name a rulebook's folder"
            )
        )
        return False

    def missing(self, file: str, remedy: str) -> None:
        path = self.folders[0] / file
        self.problems.append(Problem(str(path), 1, 1, "", "there is no such file", remedy))

    def path(self, file: str) -> Path:
        """The file in the rulebook's own folder, or else in the one it is based on."""
        found = (folder / file for folder in self.folders)
        return next((path for path in found if path.is_file()), self.folders[0] / file)

    def files(self, pattern: str) -> list[str]:
        """The files that match, of all folders together, by their path inside a folder."""
        return sorted(
            {
                str(path.relative_to(folder))
                for folder in self.folders
                for path in folder.glob(pattern)
            }
        )

    def text(self, file: str) -> str | None:
        path = self.path(file)
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self.missing(file, "write it; the operator's guide shows an example")
        except UnicodeDecodeError:
            self.problems.append(
                Problem(str(path), 1, 1, "", "is not UTF-8 text", "save the file as UTF-8")
            )
        return None

    def document(self, file: str) -> Document | None:
        text = self.text(file)
        if text is None:
            return None
        document = read(text, str(self.path(file)))
        if isinstance(document, list):
            self.problems.extend(document)
            return None
        return document

    def made[M: BaseModel](self, document: Document, model: type[M]) -> M | None:
        made = check(model, document)
        if isinstance(made, list):
            self.problems.extend(made)
            return None
        return made

    def made_of[M: BaseModel](self, file: str, model: type[M]) -> Read[M] | None:
        document = self.document(file)
        made = None if document is None else self.made(document, model)
        return None if document is None or made is None else (document, made)

    def layers(self) -> tuple[dict[str, Layer], list[Calendar]]:
        """The contact policies that can be read, by name, and the calendars."""
        layers: dict[str, Layer] = {}
        for file in self.files("contact_policies/*.yaml"):
            layer = self.made_of(file, PolicyFile)
            if layer is not None:
                layers[Path(file).stem] = compile_layer(layer[1])
        read_calendars = (
            self.made_of(file, CalendarFile) for file in self.files("calendars/*.yaml")
        )
        calendars = [compile_calendar(found[1]) for found in read_calendars if found is not None]
        return layers, calendars

    def money(self) -> _Money | None:
        """How money is taken and the tables of rates; None if any of it cannot be read."""
        stated = self.states_payments()
        payments = self.made_of("payments.yaml", PaymentsFile) if stated else None
        rates: dict[str, Read[RateTableFile]] = {}
        files = self.files("rates/*.yaml")
        for file in files:
            found = self.made_of(file, RateTableFile)
            if found is None:
                continue
            document, table = found
            rates[table.table] = found
            if table.table != Path(file).stem:
                self.problems.append(
                    document.problem(
                        ("table",),
                        f"table {table.table} stands in {Path(file).name}",
                        f"name the file {table.table}.yaml",
                    )
                )
        if len(rates) < len(files) or (stated and payments is None):
            return None
        return _Money(payments, rates)

    def agreements(self) -> Read[AgreementsFile] | None:
        """What may be agreed; None if nothing is stated, or if it cannot be read."""
        return self.own("agreements.yaml", AgreementsFile)

    def own[M: BaseModel](self, file: str, model: type[M]) -> Read[M] | None:
        """A file of the rulebook's own folder; None if there is none, or it cannot be read."""
        if not (self.folders[0] / file).is_file():
            return None
        return self.made_of(file, model)

    def resolve_segments(
        self,
        document: Document,
        rules: EscalationFile,
        agreements: Read[AgreementsFile] | None,
        experiments: Read[ExperimentsFile] | None,
    ) -> None:
        """Put each segment's condition where it is named. One may name those above it."""
        known: dict[str, Condition] = {}
        for name, condition in rules.segments.items():
            self.resolve(document, ("segments", name), condition, known)
            known[name] = condition
        for where, condition in _conditions(rules):
            self.resolve(document, where, condition, known)
        for found, key in ((agreements, "offers"), (experiments, "experiments")):
            if found is not None:
                for name, stated in getattr(found[1], key).items():
                    self.resolve(found[0], (key, name, "for"), stated.applies, known)

    def resolve(
        self,
        document: Document,
        where: tuple[str | int, ...],
        condition: Condition,
        known: Mapping[str, Condition],
    ) -> None:
        """The same for one condition, which is changed in its place."""
        named = list(segments_named(condition))
        for name in named:
            self.check_known(document, where, "segment", name, known)
        if all(name in known for name in named):
            condition[:] = with_segments(condition, known)

    def check_experiments(
        self,
        experiments: Read[ExperimentsFile],
        rules: EscalationFile,
        creditors: CreditorsFile,
    ) -> None:
        """Every ladder and creditor that an experiment names is there (lesson L24)."""
        document, stated = experiments
        for name, experiment in stated.experiments.items():
            at = ("experiments", name)
            for arm, of in experiment.arms.items():
                if of.ladder:
                    where = (*at, "arms", arm, "ladder")
                    self.check_known(document, where, "ladder", of.ladder, rules.strategies)
            for creditor in creditors_named(experiment.applies):
                self.check_known(document, (*at, "for"), "creditor", creditor, creditors.creditors)

    def check_agreements(
        self,
        agreements: Read[AgreementsFile],
        rules: EscalationFile,
        creditors: CreditorsFile,
        rates: Collection[str],
        messages: Mapping[str, Mapping[str, str]],
    ) -> None:
        """What names a strategy, a step, a creditor, a table or a message names one that is there,
        and no reminder is taken for a step (lesson L24)."""
        document, stated = agreements
        steps = {step.step for strategy in rules.strategies.values() for step in strategy.ladder}
        for name, offer in stated.offers.items():
            at = ("offers", name)
            for strategy in offer.strategies:
                where = (*at, "strategies")
                self.check_known(document, where, "strategy", strategy, rules.strategies)
            for creditor in creditors_named(offer.applies):
                where = (*at, "for")
                self.check_known(document, where, "creditor", creditor, creditors.creditors)
            if offer.broken:
                self.check_known(document, (*at, "broken"), "step", offer.broken, steps)
            if offer.interest:
                cap = offer.interest.cap
                self.check_known(document, (*at, "interest", "cap"), "rate table", cap, rates)
        for index, reminder in enumerate(stated.reminders):
            if reminder.reminder in (*steps, END):
                self.problems.append(
                    document.problem(
                        ("reminders", index, "reminder"),
                        f"{reminder.reminder} names a step of a ladder",
                        "choose another name: one would be taken for the other",
                    )
                )
            for texts in messages.values():
                say = ("reminders", index, "say")
                self.check_known(document, say, "message", reminder.say, texts)

    def states_payments(self) -> bool:
        """Whether there is a payments.yaml. It names whose money is taken, so it is looked for no
        further than creditors.yaml."""
        for folder in self.folders:
            if (folder / "payments.yaml").is_file():
                return True
            if (folder / "creditors.yaml").is_file():
                return False
        return False

    def check_money(self, creditors: Read[CreditorsFile], money: _Money) -> None:
        """What names a creditor, a feed or a table names one that is there."""
        document, named = creditors
        feeds = money.payments[1].feeds if money.payments else {}
        for name, creditor in named.creditors.items():
            at = ("creditors", name)
            for index, feed in enumerate(creditor.feeds):
                self.check_known(document, (*at, "feeds", index), "payment feed", feed, feeds)
            if creditor.interest:
                cap = creditor.interest.cap
                self.check_known(document, (*at, "interest", "cap"), "rate table", cap, money.rates)
        if money.payments is None:
            return
        document, payments = money.payments
        for name, provider in payments.providers.items():
            if provider.creditor:
                at = ("providers", name)
                owner = provider.creditor
                self.check_known(document, (*at, "creditor"), "creditor", owner, named.creditors)

    def check_known(
        self,
        document: Document,
        where: tuple[str | int, ...],
        kind: str,
        name: str,
        known: Collection[str],
    ) -> None:
        """Something that is named here exists (lesson L24)."""
        if name not in known:
            guess = did_you_mean(name, known)
            listed = f"known are {_listed(known)}" if known else "there is none"
            remedy = f"did you mean {guess}?" if guess else listed
            self.problems.append(document.problem(where, f"there is no {kind} {name}", remedy))

    def policies(
        self,
        document: Document,
        rules: EscalationFile,
        layers: Mapping[str, Layer],
        calendars: Sequence[Calendar],
    ) -> dict[str, Policy]:
        """The composed contact policy per country, with the calendars its layers name."""
        composed: dict[str, Policy] = {}
        if "*" not in rules.contact_policy:
            self.problems.append(
                document.problem(
                    ("contact_policy",),
                    "says nothing about debtors of other countries",
                    'add a line `"*": [core.never, house]`',
                )
            )
        files = {Path(file).stem for file in self.files("contact_policies/*.yaml")}
        for country, names in rules.contact_policy.items():
            for name in names:
                where = ("contact_policy", country)
                self.check_known(document, where, "contact policy", name, files)
            if all(name in layers for name in names):
                self.compose(document, country, [layers[n] for n in names], calendars, composed)
        # Nobody knows the country, so every country's law has to allow it (invariant 3).
        if len(composed) > 1:
            every = {layer.policy: layer for p in composed.values() for layer in p.layers}
            known = {name: c for p in composed.values() for name, c in p.calendars.items()}
            composed[""] = Policy(tuple(every.values()), known)
        return composed

    def compose(
        self,
        document: Document,
        country: str,
        layers: Sequence[Layer],
        calendars: Sequence[Calendar],
        composed: dict[str, Policy],
    ) -> None:
        """Put a country's layers together, if they can be."""
        where = ("contact_policy", country)
        try:
            policy = compose(*layers, calendars=calendars)
        except WrongValuesError as error:
            self.problems.extend(
                document.problem(where, wrong.message, wrong.remedy) for wrong in error.wrongs
            )
            return
        composed[country] = policy
        needed = history_needed(policy)
        if needed > CONTACTS_KEPT:
            self.problems.append(
                document.problem(
                    where,
                    f"counts contacts over {needed.days} days, and they are kept with the account "
                    f"for {CONTACTS_KEPT.days}",
                    "shorten the longest gap or period of these policies",
                )
            )

    def messages(self) -> dict[str, dict[str, str]]:
        """The templates by locale and name; layouts that a locale lacks come from `messages/`."""
        shared = {Path(file).stem: file for file in self.files("messages/*.j2")}
        own: dict[str, dict[str, str]] = {}
        for file in self.files("messages/*/*.j2"):
            own.setdefault(Path(file).parent.name, {})[Path(file).stem] = file
        found = {
            locale: {name: self.text(file) or "" for name, file in (shared | files).items()}
            for locale, files in own.items()
        }
        if not found:
            self.missing("messages", "a rulebook has a folder messages/<locale> for each language")
        return found

    def check_messages(
        self, document: Document, rules: EscalationFile, messages: Mapping[str, Mapping[str, str]]
    ) -> None:
        if rules.language not in messages:
            self.problems.append(
                document.problem(
                    ("language",),
                    f"there are no messages in {rules.language}",
                    f"there are messages in {', '.join(messages)}",
                )
            )
        for name, strategy in rules.strategies.items():
            for index, step in enumerate(strategy.ladder):
                lacking = [
                    loc for loc, texts in messages.items() if step.say and step.say not in texts
                ]
                if lacking:
                    known = {text for texts in messages.values() for text in texts}
                    guess = did_you_mean(step.say or "", known)
                    self.problems.append(
                        document.problem(
                            ("strategies", name, "ladder", index, "say"),
                            f"there is no message {step.say} in {', '.join(lacking)}",
                            f"did you mean {guess}?"
                            if guess and guess != step.say
                            else f"write messages/{lacking[0]}/{step.say}.j2",
                        )
                    )

    def channels(self) -> Channels:
        """What each channel is set up to do; what nobody has stated is as careful as can be."""
        if not self.path("channels.yaml").is_file():
            return Channels()
        stated = self.made_of("channels.yaml", ChannelsFile)
        return stated[1].compiled() if stated else Channels()

    def retention(self) -> dict[str, dict[str, Retention]]:
        """How long records stay after an erasure; what nobody has stated goes at once."""
        if not self.path("retention.yaml").is_file():
            return {}
        stated = self.made_of("retention.yaml", RetentionFile)
        return stated[1].compiled() if stated else {}

    def check_channels(
        self,
        document: Document,
        rules: EscalationFile,
        channels: Channels,
        messages: Mapping[str, Mapping[str, str]],
    ) -> None:
        """A step goes by channels that are set up for its message (lesson L24)."""
        for name, strategy in rules.strategies.items():
            for index, step in enumerate(strategy.ladder):
                for wrong, remedy in wrong_steps(
                    channels, step.say or "", step.by, messages, has_notice=step.wait > 0
                ):
                    at = ("strategies", name, "ladder", index, "by")
                    self.problems.append(document.problem(at, wrong, remedy))

    def check_receipts(self, messages: Mapping[str, Mapping[str, str]]) -> None:
        """Where receipts are on, there is one in every language (L24)."""
        for locale, texts in messages.items():
            if "receipt" not in texts:
                self.missing(
                    f"messages/{locale}/receipt.j2",
                    "write it, or write `receipts: no` in payments.yaml",
                )

    def check_confirmation(self, messages: Mapping[str, Mapping[str, str]]) -> None:
        """The message that brings an agreement's document is in every language or in none (L24)."""
        if any("agreement" in texts for texts in messages.values()):
            for locale, texts in messages.items():
                if "agreement" not in texts:
                    self.missing(
                        f"messages/{locale}/agreement.j2",
                        "write it, or remove it from the other languages",
                    )

    def check_zone(self, document: Document, rules: EscalationFile) -> None:
        if find_zone(rules.zone) is None:
            self.problems.append(
                document.problem(
                    ("zone",), f"there is no time zone {rules.zone}", "write it like America/Bogota"
                )
            )

    def check_creditors(
        self, document: Document, rules: EscalationFile, creditors: CreditorsFile
    ) -> None:
        """A condition on a creditor that nobody knows would never hold (lesson L24)."""
        for where, condition in _conditions(rules):
            for creditor in creditors_named(condition):
                self.check_known(document, where, "creditor", creditor, creditors.creditors)
        for index, cap in enumerate(rules.caps):
            if cap.creditor is not None:
                where = ("caps", index, "creditor")
                self.check_known(document, where, "creditor", cap.creditor, creditors.creditors)

    def try_messages(self, rulebook: Rulebook) -> None:
        """Write every message to made-up debtors, so that none is the first to read a mistake."""
        # Jinja2 and Babel take long to import, and deciding needs neither.
        from escalon.messages.review import review_messages

        steps = [step for strategy in rulebook.strategies for step in strategy.steps]
        for locale, sources in rulebook.messages.items():
            for finding in review_messages(
                sources,
                locale,
                steps=steps,
                creditors=rulebook.creditors.values(),
                today=_REVIEW_DAY,
                currency=next(iter(rulebook.chase.from_minor)),
                reminders=rulebook.agreements.reminders,
            ):
                file = self.template(locale, finding.template)
                self.problems.append(
                    Problem(file, max(finding.line, 1), 1, "", finding.message, finding.remedy)
                )

    def template(self, locale: str, name: str) -> str:
        """The file that a template of a locale comes from; that of the creditors if it has none."""
        if not name:
            return str(self.path("creditors.yaml"))
        own = self.path(f"messages/{locale}/{name}.j2")
        return str(own if own.is_file() else self.path(f"messages/{name}.j2"))

    def strategy(
        self, document: Document, name: str, strategy: StrategyFile, rules: EscalationFile
    ) -> Strategy:
        return Strategy(
            strategy=name,
            condition=strategy.applies,
            steps=tuple(
                Step(
                    step=step.step,
                    stage=step.stage,
                    day=step.when,
                    gap_days=step.at_least,
                    only_if=step.only_if,
                    needs=step.needs,
                    wait_days=step.wait,
                    channels=tuple(step.by),
                    to=tuple(dict.fromkeys(step.to)),
                    message=step.say or "",
                    attach=step.attach or "",
                    task=step.task or "",
                    task_due_days=step.due_within,
                    script=step.script or "",
                    approval=step.approval or "",
                    fee_minor=step.fee or {},
                    gives=tuple(step.gives),
                    action=step.action or "",
                    source=_source(document, "strategies", name, "ladder", index),
                )
                for index, step in enumerate(strategy.ladder)
            ),
            end=msgspec.structs.replace(
                strategy.then, source=_source(document, "strategies", name)
            ),
            old_debt_enters=(
                "first step"
                if rules.chase.old_debt_enters == "at the first step"
                else "step for its age"
            ),
            source=_source(document, "strategies", name),
        )


def _conditions(rules: EscalationFile) -> Iterable[tuple[tuple[str | int, ...], Condition]]:
    """The conditions of all ladders, and where they stand."""
    for name, strategy in rules.strategies.items():
        yield ("strategies", name, "for"), strategy.applies
        for index, step in enumerate(strategy.ladder):
            if step.only_if is not None:
                yield ("strategies", name, "ladder", index, "only_if"), step.only_if


def _experiments(experiments: Read[ExperimentsFile]) -> tuple[Experiment, ...]:
    document, stated = experiments
    return tuple(
        experiment.compiled(name, _source(document, "experiments", name))
        for name, experiment in stated.experiments.items()
    )


def _agreement_rules(agreements: Read[AgreementsFile]) -> AgreementRules:
    document, stated = agreements
    return AgreementRules(
        tuple(
            offer.compiled(name, _source(document, "offers", name))
            for name, offer in stated.offers.items()
        ),
        tuple(
            reminder.compiled(_source(document, "reminders", index))
            for index, reminder in enumerate(stated.reminders)
        ),
    )


def _source(document: Document, *loc: str | int) -> str:
    """The file and line of a rule, for explanations."""
    return f"{Path(document.file).name}:{document.line(*loc)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
