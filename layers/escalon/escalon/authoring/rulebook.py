"""The rulebook as operators write it: a folder of YAML and templates, checked whole and compiled.

    escalation.yaml           who is chased, ladders, holds
    creditors.yaml            in whose name we write
    contact_policies/*.yaml   the law and the house rules
    calendars/*.yaml          holidays, as generated data
    messages/<locale>/*.j2    the words

A rulebook that is `based_on` another folder takes every file from there that it does not have itself.
`load_rulebook` finds every problem of every file in one go; the compiled value is canonical JSON,
named by the hash of its content.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from escalon.authoring.contact_policies import (
    CalendarFile,
    PolicyFile,
    compile_calendar,
    compile_layer,
    compose,
)
from escalon.authoring.yaml_lines import (
    Document,
    Problem,
    WrongValueError,
    WrongValuesError,
    check,
    did_you_mean,
    read,
)
from escalon.domain.calendar import find_zone
from escalon.domain.conditions import ConditionError, parse_condition
from escalon.domain.contact_policy import Layer, Policy
from escalon.domain.money import MoneyError, to_minor
from escalon.domain.rulebook import (
    STAGES,
    Chase,
    Condition,
    Creditor,
    HoldKind,
    LadderEnd,
    Need,
    Rulebook,
    Stage,
    Step,
    Strategy,
)

_SLUG = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_DUE = re.compile(r"(?:(\d+) days? (before|after) due|(on) the due date)")
_DAYS = re.compile(r"(\d+) days?")
_GAP = re.compile(r"(\d+) days? after the previous step")
_NEED = re.compile(r"(\S+) delivered(?:, or (?:after|within) (\d+) days?)?")
_AGE = re.compile(r"(\d+) (day|month|year)s?")
_THEN = re.compile(r"(?:hand to (\S+)|review by a person(?: every (\d+) days?)?)")

Slug = Annotated[str, Field(pattern=rf"^{_SLUG.pattern}$", max_length=40)]
Channel = Literal["email", "sms", "letter"]


def _words[T](pattern: re.Pattern[str], example: str, make: Callable[[re.Match[str]], T]) -> Any:
    """A value written in words: what it means, or an error that shows how it is written."""

    def parse(value: Any) -> T:
        match = pattern.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise WrongValueError(f"cannot read {value!r}", f"write it like '{example}'")
        return make(match)

    return BeforeValidator(parse)


def _due_day(match: re.Match[str]) -> int:
    if match[3]:
        return 0
    days = int(match[1])
    if days == 0:
        raise WrongValueError("0 days before or after is the due date", "write 'on the due date'")
    return -days if match[2] == "before" else days


def _age_days(match: re.Match[str]) -> int:
    return int(match[1]) * {"day": 1, "month": 30, "year": 365}[match[2]]


def _condition(value: Any) -> Condition:
    if not isinstance(value, str):
        raise WrongValueError(f"cannot read {value!r}", "write a condition such as 'tag is vip'")
    try:
        return parse_condition(value)
    except ConditionError as error:
        raise WrongValueError(str(error), "see the operator's guide, 'Conditions'") from error


Days = Annotated[int, _words(_DAYS, "15 days", lambda m: int(m[1]))]
DueDay = Annotated[int, _words(_DUE, "3 days before due' or '10 days after due", _due_day)]
GapDays = Annotated[int, _words(_GAP, "5 days after the previous step", lambda m: int(m[1]))]
AgeDays = Annotated[int, _words(_AGE, "5 years", _age_days)]
NeedWords = Annotated[
    Need,
    _words(
        _NEED,
        "friendly delivered' or 'friendly delivered, or after 10 days",
        lambda m: Need(m[1], int(m[2])) if m[2] else Need(m[1]),
    ),
]
ConditionWords = Annotated[list[Any], BeforeValidator(_condition)]


def _end(match: re.Match[str]) -> LadderEnd:
    if match[1]:
        return LadderEnd(task="hand_over", queue=match[1])
    return LadderEnd(task="review", every_days=int(match[2] or 0))


EndWords = Annotated[
    LadderEnd, _words(_THEN, "review by a person every 30 days' or 'hand to key-accounts", _end)
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class StepFile(_Part):
    """One rung as it is written."""

    step: Slug
    stage: Stage
    when: DueDay
    at_least: GapDays = 0
    only_if: ConditionWords | None = None
    needs: NeedWords | None = None
    wait: Days = 0
    by: list[Channel] = []
    say: Slug | None = None
    task: Slug | None = None
    script: Slug | None = None
    due_within: Days = 0
    approval: Slug | None = None

    @model_validator(mode="after")
    def _says_or_asks(self) -> "StepFile":
        wrongs = []
        if self.task and (self.by or self.say):
            wrongs.append(
                WrongValueError(
                    "a step is either a message (by, say) or a task", "keep one of the two"
                )
            )
        if not self.task and not (self.by and self.say):
            wrongs.append(
                WrongValueError(
                    "a step needs either `by` and `say`, or `task`",
                    "write `by: [email, sms]` and `say: friendly`, or `task: call`",
                )
            )
        if (self.stage == "pre_due") != (self.when < 0):
            wrongs.append(
                WrongValueError(
                    f"stage {self.stage} does not go with a step "
                    f"{'before' if self.when < 0 else 'on or after'} the due date",
                    "use stage pre_due for steps before the due date, and only for them",
                    at=("stage",),
                )
            )
        if wrongs:
            raise WrongValuesError(wrongs)
        return self


class StrategyFile(_Part):
    """One ladder as it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    applies: Annotated[ConditionWords, Field(alias="for")]
    ladder: Annotated[list[StepFile], Field(min_length=1)]
    then: EndWords = LadderEnd()

    @model_validator(mode="after")
    def _climbs(self) -> "StrategyFile":
        wrongs: list[WrongValueError] = []
        seen: dict[str, StepFile] = {}
        before: StepFile | None = None
        for index, step in enumerate(self.ladder):
            at = ("ladder", index)
            if step.step in seen:
                wrongs.append(
                    WrongValueError(
                        f"there are two steps named {step.step}",
                        "give each step of a ladder its own name",
                        at=(*at, "step"),
                    )
                )
            if before is not None and step.when <= before.when:
                wrongs.append(
                    WrongValueError(
                        f"comes no later than {before.step}, the step above it",
                        "order the ladder by days, one step a day",
                        at=(*at, "when"),
                    )
                )
            if before is not None and STAGES.index(step.stage) < STAGES.index(before.stage):
                wrongs.append(
                    WrongValueError(
                        f"stage {step.stage} is milder than {before.stage} of the step above it",
                        f"the stages in order are {', '.join(STAGES)}",
                        at=(*at, "stage"),
                    )
                )
            if step.needs is not None:
                wrongs.extend(_wrong_need(step.needs, seen, at))
            seen[step.step] = step
            before = step
        if wrongs:
            raise WrongValuesError(wrongs)
        return self


def _wrong_need(
    need: Need, seen: Mapping[str, StepFile], at: tuple[str | int, ...]
) -> Iterable[WrongValueError]:
    needed = seen.get(need.step)
    where = (*at, "needs")
    if needed is None:
        guess = did_you_mean(need.step, seen)
        yield WrongValueError(
            f"no step named {need.step} stands before this one",
            f"did you mean {guess}?" if guess else "name a step further up on this ladder",
            at=where,
        )
    elif needed.only_if is not None:
        yield WrongValueError(
            f"{need.step} is taken only under a condition, so it may never be delivered",
            "need a step without `only_if`",
            at=where,
        )
    elif needed.when < 0:
        yield WrongValueError(
            f"{need.step} is only said before the due date, so it may never be delivered",
            "need a step after the due date",
            at=where,
        )


class ChaseFile(_Part):
    """Who is chased at all."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    least: Annotated[dict[str, int | Decimal], Field(alias="from", min_length=1)]
    oldest_debt: AgeDays = 0
    old_debt_enters: Literal["at the first step", "at the step for its age"]

    @model_validator(mode="after")
    def _amounts(self) -> "ChaseFile":
        wrongs = []
        for currency, amount in self.least.items():
            try:
                if not re.fullmatch("[A-Z]{3}", currency):
                    raise MoneyError(f"{currency} is not a currency")
                if to_minor(Decimal(amount), currency) <= 0:
                    raise MoneyError(f"{amount} is not more than nothing")
            except MoneyError as error:
                wrongs.append(
                    WrongValueError(str(error), "write it like `COP: 20_000`", ("from", currency))
                )
        if wrongs:
            raise WrongValuesError(wrongs)
        return self

    def minor(self) -> dict[str, int]:
        """The thresholds in minor units."""
        return {c: to_minor(Decimal(amount), c) for c, amount in self.least.items()}


class HoldFile(_Part):
    """A reason to rest."""

    at_most: Days | None = None
    scope: Literal["account", "receivable", "any"] = "any"
    full_stop: bool = False
    needs_note: bool = False


class EscalationFile(_Part):
    """`escalation.yaml`."""

    rulebook: Slug
    language: str
    zone: str
    contact_policy: dict[str, Annotated[list[str], Field(min_length=1)]]
    based_on: str = ""
    chase: ChaseFile
    delivered_after: Annotated[
        int, _words(re.compile(r"(\d+) hours?"), "48 hours", lambda m: int(m[1]))
    ] = 48
    keep_messages: AgeDays = 1826
    strategies: Annotated[dict[Slug, StrategyFile], Field(min_length=1)]
    holds: dict[Slug, HoldFile] = {}


class CreditorFile(_Part):
    """One creditor of `creditors.yaml`."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    legal_name: Annotated[str, Field(min_length=1)]
    tax_id: Annotated[str, Field(min_length=1)]
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    email_from: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+$")]
    reply_to: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+$")]
    phone: str
    address: str = ""
    website: str = ""
    signature: str = ""
    pay_url: str = ""
    pay_instructions: dict[str, str] = {}
    help_url: str = ""
    privacy_url: str = ""
    complaints: dict[str, str] = {}
    collector_name: str = ""
    sms_sender_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9]{1,11})?$")] = ""
    brand_colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#1f4e5f"


class CreditorsFile(_Part):
    """`creditors.yaml`."""

    creditors: Annotated[dict[Slug, CreditorFile], Field(min_length=1)]


class RulebookError(Exception):
    """A rulebook that may not go live, with every problem it has (invariant 10)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def load_rulebook(folder: Path) -> Rulebook:
    """Read, check and compile a rulebook's folder; raises RulebookError with all problems at once."""
    loader = _Loader(folder)
    rulebook = loader.load()
    if loader.problems or rulebook is None:
        raise RulebookError(loader.problems)
    return sealed(rulebook)


def sealed(rulebook: Rulebook) -> Rulebook:
    """The rulebook with its version: the hash of its canonical JSON."""
    plain = msgspec.structs.replace(rulebook, version="")
    digest = hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
    return msgspec.structs.replace(plain, version=digest[:16])


class _Loader:
    """Reads the files of one folder and gathers what is wrong with any of them."""

    def __init__(self, folder: Path) -> None:
        self.folders = [folder]
        self.problems: list[Problem] = []

    def load(self) -> Rulebook | None:
        if not (self.folders[0] / "escalation.yaml").is_file():
            self.missing("escalation.yaml", "a rulebook is a folder with an escalation.yaml")
            return None
        escalation = self.model("escalation.yaml", EscalationFile)
        if escalation is not None and escalation[1].based_on:
            self.base_on(*escalation)
        creditors = self.model("creditors.yaml", CreditorsFile)
        policies = self.policies(escalation)
        messages = self.messages()
        if escalation is None or creditors is None or self.problems:
            return None
        document, rules = escalation
        self.check_messages(document, rules, messages)
        self.check_zone(document, rules)
        if self.problems:
            return None
        return Rulebook(
            rulebook=rules.rulebook,
            language=rules.language,
            chase=Chase(rules.chase.minor(), rules.chase.oldest_debt),
            contact_policies=policies,
            strategies=tuple(
                self.strategy(document, name, strategy, rules)
                for name, strategy in rules.strategies.items()
            ),
            holds={
                name: HoldKind(hold.at_most, hold.scope, hold.full_stop, hold.needs_note)
                for name, hold in rules.holds.items()
            },
            creditors={
                name: Creditor(creditor=name, **creditor.model_dump())
                for name, creditor in creditors[1].creditors.items()
            },
            messages=messages,
            default_zone=rules.zone,
            delivered_after_hours=rules.delivered_after,
            retention_days=rules.keep_messages,
        )

    def base_on(self, document: Document, rules: EscalationFile) -> None:
        base = (self.folders[0] / rules.based_on).resolve()
        if base.is_dir():
            self.folders.append(base)
        else:
            self.problems.append(
                document.problem(
                    ("based_on",), f"there is no folder {base}", "name a rulebook's folder"
                )
            )

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

    def model[M: BaseModel](self, file: str, model: type[M]) -> tuple[Document, M] | None:
        text = self.text(file)
        if text is None:
            return None
        document = read(text, str(self.path(file)))
        if isinstance(document, list):
            self.problems.extend(document)
            return None
        made = check(model, document)
        if isinstance(made, list):
            self.problems.extend(made)
            return None
        return document, made

    def policies(self, escalation: tuple[Document, EscalationFile] | None) -> dict[str, Policy]:
        """The composed contact policy per country, with the calendars its layers name."""
        layers: dict[str, Layer] = {}
        for file in self.files("contact_policies/*.yaml"):
            found = self.model(file, PolicyFile)
            if found is not None:
                layers[Path(file).stem] = compile_layer(found[1])
        calendars = []
        for file in self.files("calendars/*.yaml"):
            calendar = self.model(file, CalendarFile)
            if calendar is not None:
                calendars.append(compile_calendar(calendar[1]))
        composed: dict[str, Policy] = {}
        if escalation is None or self.problems:
            return composed
        document, rules = escalation
        if "*" not in rules.contact_policy:
            self.problems.append(
                document.problem(
                    ("contact_policy",),
                    "says nothing about debtors of other countries",
                    'add a line `"*": [core.never, house]`',
                )
            )
        for country, names in rules.contact_policy.items():
            unknown = [name for name in names if name not in layers]
            for name in unknown:
                guess = did_you_mean(name, layers)
                self.problems.append(
                    document.problem(
                        ("contact_policy", country),
                        f"there is no contact policy {name}",
                        f"did you mean {guess}?" if guess else f"known are {', '.join(layers)}",
                    )
                )
            if not unknown:
                try:
                    composed[country] = compose(
                        *(layers[name] for name in names), calendars=calendars
                    )
                except WrongValuesError as error:
                    self.problems.extend(
                        document.problem(("contact_policy", country), w.message, w.remedy)
                        for w in error.wrongs
                    )
        return composed

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

    def check_zone(self, document: Document, rules: EscalationFile) -> None:
        from escalon.domain.calendar import find_zone

        if find_zone(rules.zone) is None:
            self.problems.append(
                document.problem(
                    ("zone",), f"there is no time zone {rules.zone}", "write it like America/Bogota"
                )
            )

    def strategy(
        self, document: Document, name: str, strategy: StrategyFile, rules: EscalationFile
    ) -> Strategy:
        file = Path(document.file).name
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
                    message=step.say or "",
                    task=step.task or "",
                    task_due_days=step.due_within,
                    script=step.script or "",
                    approval=step.approval or "",
                    source=f"{file}:{document.line('strategies', name, 'ladder', index)}",
                )
                for index, step in enumerate(strategy.ladder)
            ),
            end=msgspec.structs.replace(
                strategy.then, source=f"{file}:{document.line('strategies', name)}"
            ),
            old_debt_enters=(
                "first step"
                if rules.chase.old_debt_enters == "at the first step"
                else "step for its age"
            ),
            source=f"{file}:{document.line('strategies', name)}",
        )
