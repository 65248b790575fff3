"""JSON Schemas of the operators' YAML files, so that editors complete keys and underline mistakes.

They are made from the very models that check the files, and say how a value is *written*: `15
days`, not a number. What only the check can know (names that have to exist, the order of a ladder)
is not in them. Committed under `schemas/`; a file names its schema in its first line:

    # yaml-language-server: $schema=../schemas/escalation.schema.json
"""

import inspect
import json
import re
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from escalon.authoring.agreements import AgreementsFile
from escalon.authoring.calendars import CalendarFile
from escalon.authoring.channels import ChannelsFile
from escalon.authoring.contact_policies import PolicyFile
from escalon.authoring.escalation import CreditorsFile, EscalationFile
from escalon.authoring.experiments import ExperimentsFile
from escalon.authoring.payments import PaymentsFile, RateTableFile
from escalon.authoring.retention import RetentionFile
from escalon.authoring.risk import RiskFile

type Schema = dict[str, Any]

# Name of the schema -> the model of the file.
FILES: dict[str, type[BaseModel]] = {
    "escalation": EscalationFile,
    "creditors": CreditorsFile,
    "payments": PaymentsFile,
    "agreements": AgreementsFile,
    "risk": RiskFile,
    "experiments": ExperimentsFile,
    "channels": ChannelsFile,
    "retention": RetentionFile,
    "rates": RateTableFile,
    "contact_policy": PolicyFile,
    "calendar": CalendarFile,
}

_HOURS = r"^([01]\d|2[0-4]):[0-5]\d to ([01]\d|2[0-4]):[0-5]\d$"
# Editors read YAML 1.2, in which 20_000 is text.
_AMOUNT = {"type": ["number", "string"], "pattern": r"^\d+(_\d+)*(\.\d+)?$"}


def _written(pattern: str, *examples: str) -> Schema:
    return {
        "type": "string",
        "pattern": pattern,
        "examples": list(examples),
        "patternErrorMessage": f"write it like '{"' or '".join(examples)}'",
    }


# How a value is written that a function reads: by the function's name, from the schema of what it
# reads it as.
_FORMS: dict[str, Callable[[Schema], Schema]] = {
    "_condition": lambda _: {
        "type": "string",
        "minLength": 1,
        "examples": ["anyone", "tag is vip", "open above COP 200_000, USD 50"],
    },
    "_in_minor": lambda _: {
        "type": "object",
        "propertyNames": {"pattern": "^[A-Z]{3}$"},
        "additionalProperties": _AMOUNT,
        "minProperties": 1,
        "examples": [{"COP": 20_000, "USD": 10}],
    },
    "_hundredths": lambda _: _AMOUNT,
    "_yes_or_no": lambda _: {"enum": ["yes", "no"]},
    "_hours": lambda _: _written(_HOURS, "07:00 to 18:55"),
    "_several": lambda read: {"anyOf": [{"const": "closed"}, read["items"], read]},
    "_every_channel": lambda read: {"anyOf": [{"const": "all"}, read]},
}

# What a key means, where an editor shows it.
MEANINGS: dict[str, dict[str, str]] = {
    "EscalationFile": {
        "rulebook": "Its name; the version is added by itself.",
        "language": "A folder of messages/: the words for whoever has no language of their own.",
        "zone": "Of days and caps; of debtors only if one contact policy is for everybody.",
        "contact_policy": 'Layers of rules by the debtor\'s country; "*" is any other.',
        "based_on": "A folder from which every file is taken that this one does not have.",
        "delivered_after": "An SMS accepted and not failed for so long counts as delivered.",
        "strategies": "Ladders; the first whose `for` holds is the account's.",
        "caps": "The most messages in an hour, a day or a run; what comes over it waits.",
        "send_within": "What was decided longer ago is decided again instead of sent late.",
        "holds": "Why an account or a receivable may rest, and for how long at most.",
        "segments": "Conditions by name, for `segment is …`; each may name those above it.",
        "publishing": "What it takes to put another rulebook in the place of this one.",
    },
    "ChaseFile": {
        "from": "The open balance from which a currency is chased; one not listed never is.",
        "oldest_debt": "Debts that are more days past due are left alone.",
        "old_debt_enters": "Where a debt begins that was old when we came to know it.",
    },
    "PublishingFile": {
        "plan": "Whether the next rulebook needs a plan: `escalon rules plan`.",
        "plan_within": "How old the book of that plan may be.",
        "approval": "Whether a second person has to approve that plan: `escalon rules approve`.",
        "in_flight": "When accounts whose ladder is under way come under this rulebook.",
    },
    "StrategyFile": {
        "for": "A condition: which accounts fall on this ladder.",
        "ladder": "Its steps, in the order of their days.",
        "then": "What comes after the last step.",
    },
    "StepFile": {
        "step": "Its name, the only one in the whole rulebook. Never rename a step that was taken.",
        "stage": "From mild to severe; never milder than the step above.",
        "when": "The day by the due date.",
        "at_least": "Whole days that have to lie between the previous step and this one.",
        "only_if": "A condition; where it does not hold the step is passed over.",
        "needs": "An earlier step that has to be delivered first.",
        "wait": "Notice time: nobody goes further up before it has passed.",
        "by": "Channels in order: the first that is authorised, known to work and allowed now.",
        "say": "The message: messages/<locale>/<say>.j2 in every language.",
        "attach": "What goes with the e-mail: the statement, as PDF.",
        "task": "Work for a person instead of a message.",
        "script": "Written on the task for the person.",
        "due_within": "How long the person has.",
        "approval": "Written on the task: who has to agree.",
        "fee": "What the step costs the debtor, charged once when its message has gone out.",
    },
}


def schemas() -> dict[str, Schema]:
    """Every file's schema by the name of the file that it is kept in."""
    return {f"{name}.schema.json": _schema(name, model) for name, model in FILES.items()}


def text_of(schema: Schema) -> str:
    """The schema as it is kept."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(name: str, model: type[BaseModel]) -> Schema:
    made = _bare(model.model_json_schema(schema_generator=_AsWritten))
    for part, meanings in MEANINGS.items():
        where = made if model.__name__ == part else made.get("$defs", {}).get(part)
        for key, meaning in meanings.items() if where else ():
            where["properties"][key] = {**where["properties"][key], "description": meaning}
    step = made.get("$defs", {}).get("StepFile")
    if step:
        step["oneOf"] = [{"required": ["by", "say"]}, {"required": ["task"]}]
    draft = "http://json-schema.org/draft-07/schema#"  # what editors know best
    return {"$schema": draft, "title": f"Escalón: {name}", **made}


class _AsWritten(GenerateJsonSchema):
    """Says of each value how it is written, where a function reads it."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - its own

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        function = schema["function"]["function"]
        read_by = inspect.getclosurevars(function).nonlocals
        if "written" in read_by and "example" in read_by:  # by `words`
            pattern: re.Pattern[str] = read_by["written"]
            return _written(f"^(?:{pattern.pattern})$", *read_by["example"].split("' or '"))
        form = _FORMS.get(function.__name__)
        if form is None:
            raise LookupError(f"nobody said how what {function.__name__} reads is written")
        return form(self.generate_inner(schema["schema"]))

    def is_instance_schema(
        self,
        schema: core_schema.IsInstanceSchema,  # noqa: ARG002 - pydantic hands it over
    ) -> JsonSchemaValue:
        """A value of ours, which a function before it makes of what is written."""
        return {}


def _bare(value: Any) -> Any:
    """Without the titles that repeat the keys, and without defaults that nobody could write."""
    if isinstance(value, dict):
        return {
            key: _bare(below)
            for key, below in value.items()
            if not (key == "title" and isinstance(below, str)) and key != "default"
        }
    return [_bare(each) for each in value] if isinstance(value, list) else value
