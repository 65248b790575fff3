"""A deployed stack as the command line sees it: its outputs, with our own adapters on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import boto3

from escalon.adapters.clock import TableClock
from escalon.adapters.documents import Documents
from escalon.adapters.history import History
from escalon.adapters.table import Table
from escalon.domain.identity import account_id_of
from escalon_cli.local.stack import StackInfo


class NotDeployedError(Exception):
    """There is no such stack; says what to do."""


@dataclass
class Deployed:
    """One stack. `client` makes a client of a service in its account and region."""

    name: str
    outputs: Mapping[str, str]
    client: Callable[[str], Any]
    embedded: StackInfo | None = None  # where it runs, if that is this machine

    @cached_property
    def table(self) -> Table:
        """The receivables table."""
        return Table(
            self.client("dynamodb"), self.outputs["Table"], int(self.outputs["ShardCount"])
        )

    @cached_property
    def documents(self) -> Documents:
        """The bucket."""
        return Documents(self.client("s3"), self.outputs["Bucket"])

    @cached_property
    def history(self) -> History:
        """The history table."""
        return History(self.client("dynamodb"), self.outputs["History"])

    def now(self) -> datetime:
        """The stack's time: the real one, unless a replay has set its clock."""
        return TableClock(self.table).now()

    @cached_property
    def _identity_key(self) -> bytes:
        found = self.client("secretsmanager").get_secret_value(
            SecretId=self.outputs["IdentityKeyArn"]
        )
        return str(found["SecretString"]).encode()

    def account_id(self, reference: str) -> str:
        """The account's id: of a source reference, or the id itself."""
        if self.table.get(reference) is not None:
            return reference
        return account_id_of(self._identity_key, reference)


def of_local(info: StackInfo) -> Deployed:
    """The embedded stack."""
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = info.client(service)
        return clients[service]

    return Deployed(info.name, info.outputs, client, info)


def of_cloud(stack_name: str) -> Deployed:
    """A stack in the AWS account that the environment's credentials point to."""
    session = boto3.Session()
    described = session.client("cloudformation").describe_stacks(StackName=stack_name)
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in described["Stacks"][0].get("Outputs", [])
    }
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service)
        return clients[service]

    return Deployed(stack_name, outputs, client)
