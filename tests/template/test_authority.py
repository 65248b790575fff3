"""Who may do what: the managed policies that people's roles are given, read from the template."""

from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.template.cloudformation import Template, listed, load

# Each closed route, and the policies that open it. A route that is added has to be added here, with
# whoever reviews it looking at it.
AUTHORITY = {
    "GET /rules": {"Planner", "Publisher", "Approver", "Auditor"},
    "POST /rules/publications": {"Publisher"},
    "POST /rules/promotions": {"Publisher"},
    "POST /rules/rollbacks": {"Publisher"},
    "POST /rules/approvals": {"Approver"},
    "GET /brakes": {"Operator", "Auditor"},
    "GET /brakes/outlook": {"Operator", "Auditor"},
    "POST /brakes": {"Operator"},
    "POST /brakes/releases": {"Operator"},
    "POST /runs/undoings": {"Operator"},
    "POST /accounts/{id}/exclusions": {"Operator"},
    "POST /accounts/{id}/inclusions": {"Operator"},
    "GET /acts": {"Operator", "Auditor"},
    "GET /payments/unmatched": {"Operator", "Auditor"},
    "POST /payments/unmatched/{id}/match": {"Operator"},
    "POST /payments/unmatched/{id}/return": {"Operator"},
    "POST /accounts/{id}/payments": {"Operator"},
    "POST /accounts/{id}/voids": {"Operator"},
    "POST /accounts/{id}/waivers": {"Operator"},
    "POST /accounts/{id}/write-offs": {"Operator"},
    "POST /accounts/{id}/credit": {"Operator"},
    "POST /accounts/{id}/reversals": {"Operator"},
    "GET /accounts/{id}/consents": {"Agent", "Privacy", "Auditor"},
    "POST /accounts/{id}/consents": {"Agent", "Privacy"},
    "POST /accounts/{id}/refusals": {"Agent"},
    "POST /accounts/{id}/conversations": {"Agent"},
    "POST /accounts/{id}/attempts": {"Agent"},
    "POST /accounts/{id}/requests": {"Agent"},
    "POST /accounts/{id}/hours": {"Agent"},
    "GET /tasks": {"Agent", "Auditor"},
    "POST /accounts/{id}/tasks/closings": {"Agent"},
    "POST /accounts/{id}/exports": {"Privacy"},
    "POST /accounts/{id}/erasures": {"Privacy"},
    "GET /accounts/{id}/offers": {"Agent", "Auditor"},
    "POST /accounts/{id}/agreement-previews": {"Agent"},
    "GET /accounts/{id}/agreements": {"Agent", "Auditor"},
    "POST /accounts/{id}/agreements": {"Agent"},
    "GET /accounts/{id}/agreements/{agreement}": {"Agent", "Auditor"},
    "GET /accounts/{id}/agreements/{agreement}/history": {"Agent", "Auditor"},
    "GET /accounts/{id}/agreements/{agreement}/document": {"Agent", "Auditor"},
    "POST /accounts/{id}/agreements/{agreement}/acceptance": {"Agent"},
    "POST /accounts/{id}/agreements/{agreement}/approval": {"Agent"},
    "POST /accounts/{id}/agreements/{agreement}/cancellation": {"Agent"},
    "POST /accounts/{id}/agreements/{agreement}/replacement": {"Agent"},
    "GET /accounts/{id}/holds": {"Agent", "Auditor"},
    "POST /accounts/{id}/holds": {"Agent"},
    "POST /accounts/{id}/holds/{hold}/end": {"Agent"},
    "GET /agreement-updates": {"Agent", "OutsideSystem"},
    "POST /agreement-updates": {"OutsideSystem"},
    "GET /agreements/openapi.json": {"Agent", "OutsideSystem"},
}
READS = ("s3:GetObject", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query")


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(load())


def _policies(template: Template) -> dict[str, list[dict[str, Any]]]:
    return {
        name.removesuffix("Policy"): part["PolicyDocument"]["Statement"]
        for name, part in template.of_type("AWS::IAM::ManagedPolicy").items()
    }


def _opened(statements: list[dict[str, Any]]) -> list[str]:
    """The routes that a policy opens, as patterns of `METHOD/path`."""
    return [
        resource["Fn::Sub"].partition("${Api}/v1/")[2]
        for statement in statements
        if statement["Action"] == "execute-api:Invoke"
        for resource in listed(statement["Resource"])
    ]


def _closed_routes(template: Template) -> set[str]:
    return {
        f"{source['Method']} {source['Path']}"
        for function in template.functions
        for kind, source in template.sources(function)
        if kind == "Api" and source.get("Auth") != {"Authorizer": "NONE"}
    }


def _asked(route: str) -> str:
    """A request to the route as IAM sees it."""
    method, _, path = route.partition(" ")
    return method + path.replace("{id}", "a1").replace("{agreement}", "g1").replace("{hold}", "h1")


def test_every_closed_route_is_opened_to_exactly_these(template: Template) -> None:
    opened = {
        route: {
            name
            for name, statements in _policies(template).items()
            if any(fnmatchcase(_asked(route), pattern) for pattern in _opened(statements))
        }
        for route in _closed_routes(template)
    }
    assert opened == AUTHORITY


def test_whoever_plans_publishes_nothing_and_whoever_publishes_approves_nothing(
    template: Template,
) -> None:
    """Two pairs of eyes: the function compares the two persons as well."""
    may = {name: {r for r, who in AUTHORITY.items() if name in who} for name in _policies(template)}
    assert may["Planner"] == {"GET /rules"}
    assert not may["Publisher"] & may["Approver"] - {"GET /rules"}
    assert {route for route in may["Auditor"] if not route.startswith("GET ")} == set()


def test_no_policy_of_a_person_writes_to_a_table_or_puts_a_rulebook_in_force(
    template: Template,
) -> None:
    """All that people change goes through the API, so that it is an act with who and why."""
    for name, statements in _policies(template).items():
        for statement in statements:
            assert statement["Effect"] == "Allow"
            for action in listed(statement["Action"]):
                assert "*" not in action, name
                service, _, verb = action.partition(":")
                if service == "dynamodb":
                    assert verb in ("GetItem", "BatchGetItem", "Query", "Scan"), (name, action)
                assert action != "appconfig:StartDeployment", name
                if action == "s3:PutObject":
                    written = {
                        resource["Fn::Sub"].partition("${Documents}/")[2]
                        for resource in listed(statement["Resource"])
                    }
                    assert written <= {"drafts/*", "plans/*"}, name
            assert "*" not in listed(statement["Resource"]), name


def test_an_auditor_only_reads(template: Template) -> None:
    for statement in _policies(template)["Auditor"]:
        for action in listed(statement["Action"]):
            assert action in (*READS, "execute-api:Invoke") or action.startswith("appconfig:"), (
                action
            )
        if statement["Action"] == "execute-api:Invoke":
            assert all(route.startswith("GET/") for route in _opened([statement]))


def test_every_policy_can_be_found_and_says_what_it_is(template: Template) -> None:
    policies = template.of_type("AWS::IAM::ManagedPolicy")
    for name, part in policies.items():
        assert part["Description"], name
        assert template.body["Outputs"][f"{name}Arn"]["Value"] == {"Ref": name}
    assert set(policies) == {
        *("PlannerPolicy", "PublisherPolicy", "ApproverPolicy", "OperatorPolicy"),
        *("AgentPolicy", "OutsideSystemPolicy", "PrivacyPolicy", "AuditorPolicy"),
    }
