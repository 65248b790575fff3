# ruff: noqa: N803 - the arguments are boto3's
"""AppConfig in memory: both of its clients in one, with one application and one profile."""

import io
from collections.abc import Callable
from typing import Any

from tests.doubles.dynamodb import fail


class AppConfig:
    """What is deployed is the newest deployment that stands. `validator` is called before one is
    started, as AWS does; `away` makes every call fail; `bakes` leaves a deployment in BAKING."""

    def __init__(self, validator: Callable[[bytes], object] | None = None) -> None:
        self.contents: list[bytes] = []
        self.states: list[tuple[bytes, str]] = []
        self.validator = validator
        self.away = False
        self.bakes = False

    # ------------------------------------------------------------------ appconfig

    def create_hosted_configuration_version(self, *, Content: bytes, **_: Any) -> dict[str, Any]:
        self._reach()
        self.contents.append(Content)
        return {"VersionNumber": len(self.contents)}

    def start_deployment(self, *, ConfigurationVersion: str, **_: Any) -> dict[str, Any]:
        self._reach()
        if any(state == "BAKING" for _, state in self.states):
            fail("StartDeployment", "ConflictException", "a deployment is under way")
        content = self.contents[int(ConfigurationVersion) - 1]
        if self.validator is not None:
            try:
                self.validator(content)
            except Exception as error:
                fail("StartDeployment", "BadRequestException", f"validator: {error}")
        self.states.append((content, "BAKING" if self.bakes else "COMPLETE"))
        return {"DeploymentNumber": len(self.states)}

    def get_deployment(self, *, DeploymentNumber: int, **_: Any) -> dict[str, Any]:
        self._reach()
        return {"State": self.states[DeploymentNumber - 1][1]}

    def stop_deployment(self, *, DeploymentNumber: int, AllowRevert: bool, **_: Any) -> None:
        self._reach()
        assert AllowRevert
        self.alarm(DeploymentNumber)

    def alarm(self, number: int = 0) -> None:
        """Take a deployment back; the newest one if none is named."""
        content, _ = self.states[number - 1]
        self.states[number - 1] = (content, "ROLLED_BACK")

    # ------------------------------------------------------------------ appconfigdata

    def start_configuration_session(self, **_: Any) -> dict[str, str]:
        self._reach()
        return {"InitialConfigurationToken": "token"}

    def get_latest_configuration(self, **_: Any) -> dict[str, Any]:
        self._reach()
        standing = [content for content, state in self.states if state in ("COMPLETE", "BAKING")]
        return {"Configuration": io.BytesIO(standing[-1] if standing else b"")}

    def _reach(self) -> None:
        if self.away:
            fail("AppConfig", "InternalServerException")
