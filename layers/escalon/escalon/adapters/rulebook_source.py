"""Which rulebooks are in force: AppConfig says the versions, the bucket holds their content.

What AppConfig said last is kept: by the process, and in the bucket by each run that begins. When
AppConfig cannot be asked, that serves, and a process that has just started has it too.
"""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from escalon.adapters.documents import Documents, NoDocumentError
from escalon.domain.rules.rollout import Rollout, RolloutRefusedError
from escalon.domain.rules.rulebook import Rulebook

LAST_GOOD = "rulebooks/in-force.json"
_REST_SECONDS = 10.0  # after a failure, in which AppConfig is left alone
_POLL_SECONDS = 0.2
_UNDER_WAY = ("DEPLOYING", "BAKING", "VALIDATING", "ROLLING_BACK")
_TAKEN_BACK = ("ROLLED_BACK", "REVERTED")


class NothingPublishedError(Exception):
    """No rulebook was ever put in force: `escalon rules publish` does."""


class PublishedRulebooks:
    """`fetch` returns the deployed configuration, cached for a while unless it is told to ask
    afresh; it raises NothingPublishedError if there is none, and anything else while it cannot be
    asked. `report` hears when what was said last had to serve."""

    def __init__(
        self,
        documents: Documents,
        fetch: Callable[[bool], str | bytes],
        report: Callable[[str, dict[str, Any]], None],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._documents = documents
        self._fetch = fetch
        self._report = report
        self._seconds = seconds
        self._rest_until = 0.0
        self._kept: dict[str, Rulebook] = {}
        self._last: Rollout | None = None

    def live(self) -> str:
        """The version in force, but for accounts on a canary's side."""
        return self.rollout().live

    def rollout(self, *, fresh: bool = False) -> Rollout:
        """All that is in force; `fresh` for whoever must not miss what was published just now."""
        if self._last is not None and self._seconds() < self._rest_until:
            return self._last
        try:
            found = msgspec.json.decode(self._fetch(fresh), type=Rollout)
        except NothingPublishedError:
            raise
        except Exception as error:
            last = self._last or self._last_good()
            if last is None:
                raise
            self._report("last_good_rulebook_serves", {"error": type(error).__name__})
            self._rest_until = self._seconds() + _REST_SECONDS
            found = last
        self._last = found
        return found

    def get(self, version: str) -> Rulebook:
        """A rulebook by version; read once, since versions never change."""
        if version not in self._kept:
            self._kept[version] = self._documents.rulebook(version)
        return self._kept[version]

    def keep_last_good(self) -> None:
        """Keep in the bucket what is in force, for processes that start while AppConfig is away."""
        if self._last is None or self._last_good() == self._last:
            return
        try:
            self._documents.put(LAST_GOOD, msgspec.json.encode(self._last))
        except ClientError as error:  # the next run tries again
            self._report("last_good_rulebook_not_kept", {"error": type(error).__name__})

    def _last_good(self) -> Rollout | None:
        try:
            return msgspec.json.decode(self._documents.get(LAST_GOOD), type=Rollout)
        except (NoDocumentError, ClientError, msgspec.MsgspecError):
            return None  # forbidden is what S3 says of what is not there to whoever may not list


def in_force(client: Any, *, application: str, environment: str, profile: str) -> Rollout | None:
    """What is deployed at this instant; None before anything ever was. `client` is boto3's
    `appconfigdata`."""
    try:
        token = client.start_configuration_session(
            ApplicationIdentifier=application,
            EnvironmentIdentifier=environment,
            ConfigurationProfileIdentifier=profile,
        )["InitialConfigurationToken"]
        answer = client.get_latest_configuration(ConfigurationToken=token)
    except ClientError as error:
        # AppConfig says so of a profile of which no version was ever deployed.
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    body = answer["Configuration"].read()
    return msgspec.json.decode(body, type=Rollout) if body else None


class Deployments:
    """What AppConfig has in force, read fresh, and how it is changed. The clients are boto3's
    `appconfig` and `appconfigdata`; the names are the stack's application, environment, profile and
    deployment strategy."""

    def __init__(
        self,
        appconfig: Any,
        appconfigdata: Any,
        *,
        application: str,
        environment: str,
        profile: str,
        strategy: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._appconfig = appconfig
        self._data = appconfigdata
        self._environment = {"ApplicationId": application, "EnvironmentId": environment}
        self._profile = {"ApplicationId": application, "ConfigurationProfileId": profile}
        self._strategy = strategy
        self._pause = pause

    def in_force(self) -> Rollout | None:
        """What is deployed at this instant; None before anything ever was."""
        return in_force(
            self._data,
            application=self._environment["ApplicationId"],
            environment=self._environment["EnvironmentId"],
            profile=self._profile["ConfigurationProfileId"],
        )

    def is_under_way(self, number: int) -> bool:
        """Whether a deployment is not at its end yet: AppConfig takes one at a time, and watches
        the alarms until then."""
        return self._state(number) in _UNDER_WAY

    def put(self, rollout: Rollout, description: str, *, patience_seconds: float) -> int:
        """Put it in force for everybody at once; the deployment's number. AppConfig then bakes it:
        an alarm takes it back. Raises RolloutRefusedError."""
        version = self._appconfig.create_hosted_configuration_version(
            **self._profile,
            Content=msgspec.json.encode(rollout),
            ContentType="application/json",
            Description=description,
        )["VersionNumber"]
        try:
            number: int = self._appconfig.start_deployment(
                **self._environment,
                ConfigurationProfileId=self._profile["ConfigurationProfileId"],
                ConfigurationVersion=str(version),
                DeploymentStrategyId=self._strategy,
                Description=description,
            )["DeploymentNumber"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("BadRequestException", "ConflictException"):
                # Its validators refuse it, or another deployment is under way.
                raise RolloutRefusedError(error.response["Error"]["Message"]) from error
            raise
        state = self._wait(number, lambda state: state != "DEPLOYING", patience_seconds)
        if state in _TAKEN_BACK or state in _UNDER_WAY[2:]:
            raise RolloutRefusedError(f"deployment {number} is {state}; look at the alarms")
        return number

    def take_back(self, number: int, *, patience_seconds: float) -> None:
        """End a deployment that is under way; what was in force before it is so again."""
        self._appconfig.stop_deployment(
            **self._environment, DeploymentNumber=number, AllowRevert=True
        )
        self._wait(number, lambda state: state not in _UNDER_WAY, patience_seconds)

    def _state(self, number: int) -> str:
        found = self._appconfig.get_deployment(**self._environment, DeploymentNumber=number)
        return str(found["State"])

    def _wait(self, number: int, over: Callable[[str], bool], patience_seconds: float) -> str:
        waited = 0.0
        while True:
            state = self._state(number)
            if over(state) or waited >= patience_seconds:
                return state
            self._pause(_POLL_SECONDS)
            waited += _POLL_SECONDS
