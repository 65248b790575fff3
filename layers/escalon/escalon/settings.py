"""The only reader of environment variables: what the template tells the functions."""

from collections.abc import Mapping

import msgspec


class SettingsError(Exception):
    """A variable that the template should have set is missing or makes no sense."""


class Settings(msgspec.Struct, frozen=True):
    """One stack's names and numbers."""

    stage: str
    table: str = ""
    history_table: str = ""
    bucket: str = ""
    papers: str = ""  # the bucket of the agreements' documents
    shards: int = 1
    escalate_queue: str = ""
    email_queue: str = ""
    sms_queue: str = ""
    whatsapp_queue: str = ""
    whatsapp_number: str = ""  # the id of the number that we write from; empty: none
    task_queue: str = ""
    confirm_queue: str = ""
    bus: str = ""
    identity_secret: str = ""
    webhook_secrets: str = ""
    provider_api_keys: str = ""
    configuration_set: str = ""
    feedback_queue: str = ""
    feedback_topic: str = ""
    reply_queue: str = ""
    reply_topic: str = ""
    link_key: str = ""
    portal_key: str = ""
    public_url: str = ""  # where the world reaches the API; {api} stands for the API's id
    api: str = ""
    rulebook_application: str = ""
    rulebook_environment: str = ""
    rulebook_profile: str = ""
    rulebook_strategy: str = ""
    replan_queue: str = ""
    channel: str = ""
    zone: str = "America/Bogota"
    clock: str = "system"
    somebody_waits: bool = False  # for the function's answer, with a time-out of their own

    def __post_init__(self) -> None:
        if self.clock not in ("system", "table"):
            raise SettingsError(f"ESCALON_CLOCK is {self.clock!r}; it may be 'system' or 'table'")
        if self.shards < 1:
            raise SettingsError(f"ESCALON_SHARDS is {self.shards}; there is at least one shard")
        if self.clock == "table" and self.stage == "prod":
            raise SettingsError("a production stack has no clock but the real one")


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read the `ESCALON_…` variables; raises SettingsError naming the one that is wrong."""
    values = {
        name.removeprefix("ESCALON_").lower(): value
        for name, value in environment.items()
        if name.startswith("ESCALON_")
    }
    if "stage" not in values:
        raise SettingsError("ESCALON_STAGE is not set; the template sets it for every function")
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"environment: {error}") from error
