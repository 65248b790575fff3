"""Publishing a rulebook from the command line: the draft goes into the bucket under its hash, and
the stack's own function puts it in force."""

import uuid
from pathlib import Path
from typing import Any

import msgspec

from escalon.adapters.rulebook_source import in_force
from escalon.authoring.rulebook import load_rulebook
from escalon.domain.rules.rollout import FULL, Rollout
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import OperatorApi, operator_api

FIRST = "set up by the command line"


def publish(deployed: Deployed, folder: Path, *, why: str = FIRST) -> Rulebook:
    """Check the rulebook in `folder` and put it in force; raises RulebookError with every problem
    before anything is touched, ApiError if the stack does not take it."""
    rulebook = load_rulebook(folder)
    put_in_force(deployed, rulebook, why=why)
    return rulebook


def put_in_force(
    deployed: Deployed,
    rulebook: Rulebook,
    *,
    why: str = FIRST,
    plan: str = "",
    share: int = FULL,
    key: str = "",
    api: OperatorApi | None = None,
) -> dict[str, Any]:
    """Ask the stack to put a rulebook that was checked in force, for a share of the accounts in
    hundredths of a percent; what it answers. Raises ApiError."""
    upload_draft(deployed, rulebook)
    asked: dict[str, Any] = {
        "key": key or uuid.uuid4().hex,
        "why": why,
        "version": rulebook.version,
        "plan": plan,
        "share": share,
    }
    return (api or operator_api(deployed))("POST", "/rules/publications", asked)


def upload_draft(deployed: Deployed, rulebook: Rulebook) -> None:
    """Put a draft where the publishing function reads it."""
    deployed.documents.put(
        f"drafts/{rulebook.version}.json", msgspec.json.encode(rulebook, order="sorted")
    )


def rollout_of(deployed: Deployed) -> Rollout | None:
    """What is in force, as the functions read it; None if nothing was ever published."""
    return in_force(
        deployed.client("appconfigdata"),
        application=deployed.outputs["RulebookApplicationId"],
        environment=deployed.outputs["RulebookEnvironmentId"],
        profile=deployed.outputs["RulebookProfileId"],
    )


def live_version(deployed: Deployed) -> str:
    """The version in force, but for accounts on a canary's side; empty if none was ever
    published."""
    rollout = rollout_of(deployed)
    return rollout.live if rollout else ""
