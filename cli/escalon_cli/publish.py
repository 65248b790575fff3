"""Publishing a rulebook: its content into the bucket under its hash, its hash into AppConfig."""

import time
from pathlib import Path

import msgspec

from escalon.adapters.rulebook_source import LivePointer
from escalon.authoring.rulebook import load_rulebook
from escalon.domain.rulebook import Rulebook
from escalon_cli.deployed import Deployed

_DEPLOYED = ("COMPLETE", "BAKING")


class PublishError(Exception):
    """AppConfig did not deploy the rulebook; the one in force stays."""


def publish(deployed: Deployed, folder: Path, *, patience_seconds: float = 120) -> Rulebook:
    """Check the rulebook in `folder` and put it in force; raises RulebookError with every problem
    before anything is touched, PublishError if AppConfig did not deploy it."""
    return put_in_force(deployed, load_rulebook(folder), patience_seconds=patience_seconds)


def put_in_force(
    deployed: Deployed, rulebook: Rulebook, *, patience_seconds: float = 120
) -> Rulebook:
    """Put a rulebook that was checked in force; raises PublishError."""
    deployed.documents.put_rulebook(rulebook)
    appconfig = deployed.client("appconfig")
    outputs = deployed.outputs
    profile = {
        "ApplicationId": outputs["RulebookApplicationId"],
        "ConfigurationProfileId": outputs["RulebookProfileId"],
    }
    version = appconfig.create_hosted_configuration_version(
        **profile,
        Content=msgspec.json.encode(LivePointer(rulebook.version)),
        ContentType="application/json",
        Description=rulebook.rulebook,
    )["VersionNumber"]
    environment = {
        "ApplicationId": outputs["RulebookApplicationId"],
        "EnvironmentId": outputs["RulebookEnvironmentId"],
    }
    number = appconfig.start_deployment(
        **environment,
        ConfigurationProfileId=outputs["RulebookProfileId"],
        ConfigurationVersion=str(version),
        DeploymentStrategyId=outputs["RulebookStrategyId"],
        Description=f"{rulebook.rulebook} {rulebook.version}",
    )["DeploymentNumber"]
    deadline = time.monotonic() + patience_seconds
    while True:
        state = appconfig.get_deployment(**environment, DeploymentNumber=number)["State"]
        if state in _DEPLOYED:
            return rulebook
        if state in ("ROLLED_BACK", "REVERTED") or time.monotonic() > deadline:
            raise PublishError(
                f"AppConfig deployment {number} is {state}; the rulebook in force stays. "
                "Look at the environment's alarms, then publish again."
            )
        time.sleep(0.2)  # a deployment is only polled for


def live_version(deployed: Deployed) -> str:
    """The version in force, as the functions read it; empty if none was ever published."""
    client = deployed.client("appconfigdata")
    token = client.start_configuration_session(
        ApplicationIdentifier=deployed.outputs["RulebookApplicationId"],
        EnvironmentIdentifier=deployed.outputs["RulebookEnvironmentId"],
        ConfigurationProfileIdentifier=deployed.outputs["RulebookProfileId"],
    )["InitialConfigurationToken"]
    body = client.get_latest_configuration(ConfigurationToken=token)["Configuration"].read()
    return msgspec.json.decode(body, type=LivePointer).live if body else ""
