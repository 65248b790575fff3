"""escalation.yaml and creditors.yaml as operators write them: what each key may say."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from escalon.authoring.caps import CapFile
from escalon.authoring.payments import InterestFile
from escalon.authoring.words import (
    COUNTRY_OR_ANY,
    Amounts,
    ConditionWords,
    Days,
    Hours,
    Slug,
    YesNo,
    words,
)
from escalon.authoring.yaml_lines import (
    WrongValueError,
    WrongValuesError,
    did_you_mean,
)
from escalon.domain.account import Role
from escalon.domain.contact.co_debtors import SAYS_ROLE
from escalon.domain.contact.rules import Action, NoticeName, OnFile, StopKind
from escalon.domain.rules.rulebook import (
    END,
    STAGES,
    Creditor,
    LadderEnd,
    Need,
    Publishing,
    Stage,
)

# Work that the engine gives out itself; a step of that name would be taken for it.
_OWN_TASKS = ("data_repair", "unknown_fate")

Channel = Literal["email", "sms", "whatsapp", "letter"]


def _due_day(match: re.Match[str]) -> int:
    if match[3]:
        return 0
    days = int(match[1])
    if days == 0:
        raise WrongValueError("0 days before or after is the due date", "write 'on the due date'")
    return -days if match[2] == "before" else days


def _age_days(match: re.Match[str]) -> int:
    return int(match[1]) * {"day": 1, "month": 30, "year": 365}[match[2]]


DueDay = Annotated[
    int,
    words(
        r"(?:(\d+) days? (before|after) due|(on) the due date)",
        "3 days before due' or '10 days after due",
        _due_day,
    ),
]
GapDays = Annotated[
    int,
    words(
        r"(\d+) days? after the previous step",
        "5 days after the previous step",
        lambda m: int(m[1]),
    ),
]
AgeDays = Annotated[int, words(r"(\d+) (day|month|year)s?", "5 years", _age_days)]
NeedWords = Annotated[
    Need,
    words(
        r"(\S+) delivered(?:, or its next channel after (\d+) days?)?",
        "friendly delivered' or 'friendly delivered, or its next channel after 10 days",
        lambda m: Need(m[1], int(m[2])) if m[2] else Need(m[1]),
    ),
]


def _end(match: re.Match[str]) -> LadderEnd:
    if match[1]:
        return LadderEnd(task="hand_over", queue=match[1])
    if match[2] and int(match[2]) == 0:
        raise WrongValueError("every 0 days is at every look", "write 'every 30 days', or leave it")
    return LadderEnd(task="review", every_days=int(match[2] or 0))


EndWords = Annotated[
    LadderEnd,
    words(
        r"(?:hand to (\S+)|review by a person(?: every (\d+) days?)?)",
        "review by a person every 30 days' or 'hand to key-accounts",
        _end,
    ),
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
    to: Annotated[
        list[Role],
        Field(
            min_length=1,
            description="Who is written to: the debtor, and then each co-debtor or guarantor of "
            "a named role, by e-mail or SMS.",
        ),
    ] = ["debtor"]
    say: Slug | None = None
    attach: Literal["statement"] | None = None
    task: Slug | None = None
    script: Slug | None = None
    due_within: Days = 3
    approval: Slug | None = None
    fee: Amounts | None = None
    gives: Annotated[
        list[NoticeName],
        Field(description="The statutory notices that the message is, once it is delivered."),
    ] = []
    action: Annotated[
        Action | None,
        Field(description="What the step does behind a gate of the country's contact policy."),
    ] = None

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
        if "debtor" not in self.to:
            wrongs.append(
                WrongValueError(
                    "nobody is written to before the debtor", "add debtor to `to`", ("to",)
                )
            )
        if len(self.to) > 1 and not SAYS_ROLE.intersection(self.by):
            wrongs.append(
                WrongValueError(
                    "co-debtors and guarantors are written to by e-mail or SMS",
                    "add email or sms to `by`, or leave `to` out",
                    ("to",),
                )
            )
        if self.attach and "email" not in self.by:
            wrongs.append(
                WrongValueError(
                    "only an e-mail has anything attached", "add email to `by`", ("attach",)
                )
            )
        if self.fee and self.task:
            wrongs.append(
                WrongValueError(
                    "nobody knows when a task is done", "charge the fee with a message", ("fee",)
                )
            )
        if self.gives and self.task:
            wrongs.append(
                WrongValueError(
                    "nobody knows when a task is done",
                    "give the notice with a message, or note it with `escalon notice`",
                    ("gives",),
                )
            )
        if self.step == END:
            wrongs.append(
                WrongValueError(
                    f"'{END}' names the end of every ladder", "choose another", ("step",)
                )
            )
        if self.task in _OWN_TASKS:
            wrongs.append(
                WrongValueError(
                    f"'{self.task}' names work that is given out where data is wrong",
                    "choose another",
                    ("task",),
                )
            )
        if (self.stage == "pre_due") != (self.when <= 0):
            wrongs.append(
                WrongValueError(
                    f"stage {self.stage} does not go with a step "
                    f"{'up to' if self.when <= 0 else 'after'} the due date",
                    "use stage pre_due for steps up to the due date, and only for them",
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
                wrongs.extend(_climbed_past(step.needs, self.ladder[:index], step.step))
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
    elif needed.task:
        yield WrongValueError(
            f"{need.step} is work for a person, which is never delivered",
            "need a step that is a message",
            at=where,
        )
    elif needed.only_if is not None:
        yield WrongValueError(
            f"{need.step} is taken only under a condition, so it may never be delivered",
            "need a step without `only_if`",
            at=where,
        )
    elif needed.when <= 0:
        yield WrongValueError(
            f"{need.step} is only said up to the due date, so it may never be delivered",
            "need a step after the due date",
            at=where,
        )


def _climbed_past(need: Need, above: Sequence[StepFile], step: str) -> Iterable[WrongValueError]:
    """Steps between a step and its need that do not need the same: a debt could take them first,
    and would then go back down to the milder one."""
    names = [each.step for each in above]
    if need.step not in names:
        return
    asked = {need.step}
    for index in range(names.index(need.step) + 1, len(above)):
        between = above[index]
        if between.needs is None or between.needs.step not in asked:
            yield WrongValueError(
                f"{between.step} can be taken before {need.step}, which {step} needs later",
                f"write `needs: {need.step} delivered` here too",
                at=("ladder", index),
            )
        asked.add(between.step)


class ChaseFile(_Part):
    """Who is chased at all."""

    least: Annotated[Amounts, Field(alias="from")]
    oldest_debt: AgeDays = 0
    old_debt_enters: Literal["at the first step", "at the step for its age"]


class HoldFile(_Part):
    """A reason to rest."""

    at_most: Days | None = None
    stop: Annotated[
        StopKind | None,
        Field(description="The state of the person or debt that it is to the contact policies."),
    ] = None


class PublishingFile(_Part):
    """What it takes to put another rulebook in the place of this one."""

    plan: Literal["required", "not required"] = "not required"
    plan_within: Annotated[Hours, Field(ge=1)] = 24
    approval: Literal["required", "not required"] = "not required"
    in_flight: Literal["keep until the next step", "move now"] = "move now"

    def compiled(self) -> Publishing:
        """The value that travels."""
        return Publishing(
            approval=self.approval == "required",
            plan=self.plan == "required",
            plan_within_hours=self.plan_within,
            keep=self.in_flight == "keep until the next step",
        )

    @model_validator(mode="after")
    def _approves_a_plan(self) -> "PublishingFile":
        if self.approval == "required" and self.plan != "required":
            raise WrongValuesError(
                [
                    WrongValueError(
                        "what is approved is a plan", "write `plan: required` too", ("approval",)
                    )
                ]
            )
        return self


class EscalationFile(_Part):
    """`escalation.yaml`."""

    rulebook: Slug
    language: str
    zone: str
    contact_policy: dict[
        Annotated[str, Field(pattern=COUNTRY_OR_ANY)],
        Annotated[list[str], Field(min_length=1)],
    ]
    based_on: str = ""
    chase: ChaseFile
    delivered_after: Hours = 48
    strategies: Annotated[dict[Slug, StrategyFile], Field(min_length=1)]
    holds: dict[Slug, HoldFile] = {}
    segments: dict[Slug, ConditionWords] = {}
    caps: list[CapFile] = []
    send_within: Annotated[Hours, Field(ge=1)] | None = None
    publishing: PublishingFile = PublishingFile()

    @model_validator(mode="after")
    def _names_steps_once(self) -> "EscalationFile":
        owners: dict[str, str] = {}
        wrongs = []
        for name, strategy in self.strategies.items():
            for index, step in enumerate(strategy.ladder):
                owner = owners.setdefault(step.step, name)
                if owner != name:
                    wrongs.append(
                        WrongValueError(
                            f"ladder {owner} has a step {step.step} as well",
                            "give each step of the rulebook its own name: an account that changes "
                            "its ladder would take one for the other",
                            ("strategies", name, "ladder", index, "step"),
                        )
                    )
        if wrongs:
            raise WrongValuesError(wrongs)
        return self


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
    collector_address: str = ""
    collector_registration: str = ""
    collector_responsible: str = ""
    sms_sender_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9]{1,11})?$")] = ""
    own_configuration_set: YesNo = False
    brand_colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#1f4e5f"
    feeds: list[Slug] = []
    on_file: Annotated[
        list[OnFile],
        Field(description="What gates of the law ask for, and every debt to this creditor has."),
    ] = []
    bureaus: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=60)]],
        Field(description="Credit bureaus that it reports to, as its statutory notices name them."),
    ] = []
    interest: InterestFile | None = None

    def compiled(self, name: str, interest_source: str) -> Creditor:
        """The value that travels, under its name."""
        plain = self.model_dump(exclude={"feeds", "on_file", "bureaus", "interest"})
        interest = self.interest.compiled(interest_source) if self.interest else None
        return Creditor(
            creditor=name,
            **plain,
            feeds=tuple(self.feeds),
            on_file=tuple(self.on_file),
            bureaus=tuple(self.bureaus),
            interest=interest,
        )


class CreditorsFile(_Part):
    """`creditors.yaml`."""

    creditors: Annotated[dict[Slug, CreditorFile], Field(min_length=1)]
