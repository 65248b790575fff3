"""Reads template.yaml as CloudFormation does: its tags become the functions they stand for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]

type Resource = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def load(path: Path = PROJECT / "template.yaml") -> dict[str, Any]:
    """The whole template."""
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    return found


class Template:
    """The template's resources by type, and what its policies allow."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.resources: dict[str, Resource] = body["Resources"]
        self.parameters: dict[str, Any] = body["Parameters"]

    def of_type(self, kind: str) -> dict[str, Resource]:
        """Resources of a type, with their properties."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    @property
    def functions(self) -> dict[str, Resource]:
        return self.of_type("AWS::Serverless::Function")

    def timeout(self, function: str) -> int:
        own = self.functions[function].get("Timeout")
        return int(own or self.body["Globals"]["Function"]["Timeout"])

    def sources(self, function: str) -> list[tuple[str, Resource]]:
        """The function's event sources: type and properties."""
        events = self.functions[function].get("Events", {})
        return [(event["Type"], event["Properties"]) for event in events.values()]

    def statements(self, role: str, *, local: bool = False) -> Iterator[Resource]:
        """What a role may do, in the cloud or in the embedded AWS."""
        policies = list(self.resources[role]["Properties"]["Policies"])
        for resource in self.of_type("AWS::IAM::Policy").values():
            if {"Ref": role} in resource["Roles"]:
                policies.append(resource)
        for policy in policies:
            for statement in policy["PolicyDocument"]["Statement"]:
                chosen = decided(statement, local=local)
                if chosen != {"Ref": "AWS::NoValue"}:
                    yield chosen

    def role_of(self, function: str) -> str:
        role: str = self.functions[function]["Role"]["Fn::GetAtt"][0]
        return role


def decided(value: Any, *, local: bool) -> Any:
    """The value with every `!If Local` decided, and a stack that may send WhatsApp messages."""
    if isinstance(value, dict):
        if set(value) == {"Fn::If"} and value["Fn::If"][0] == "HasWhatsApp":
            return decided(value["Fn::If"][1], local=local)
        if set(value) == {"Fn::If"} and value["Fn::If"][0] == "Local":
            return decided(value["Fn::If"][1 if local else 2], local=local)
        return {key: decided(part, local=local) for key, part in value.items()}
    if isinstance(value, list):
        return [decided(part, local=local) for part in value]
    return value


def listed(value: Any) -> list[Any]:
    """IAM takes one or a list."""
    return value if isinstance(value, list) else [value]


def holds(expression: Any, parameters: dict[str, str]) -> bool:
    """A condition of the Rules section, for given parameters."""
    ((name, value),) = expression.items()
    if name == "Fn::Equals":
        left, right = (
            parameters[part["Ref"]] if isinstance(part, dict) else part for part in value
        )
        return str(left) == str(right)
    if name == "Fn::Not":
        return not holds(value[0], parameters)
    raise AssertionError(f"{name} is not read yet")


def refusals(body: dict[str, Any], **given: str) -> list[str]:
    """What the Rules section says against a deployment with these parameters."""
    parameters = {
        name: str(parameter.get("Default", "")) for name, parameter in body["Parameters"].items()
    } | given
    return [
        assertion["AssertDescription"]
        for rule in body["Rules"].values()
        if holds(rule["RuleCondition"], parameters)
        for assertion in rule["Assertions"]
        if not holds(assertion["Assert"], parameters)
    ]
