"""One contract, three tables: our double in memory, moto, and the embedded AWS.

moto does not know our PartiQL statements, so the tests that need them ask for `statements`.
"""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from escalon.adapters.table import Table
from tests.doubles.dynamodb import DynamoDb

PROJECT = Path(__file__).parents[2]
MINISTACK = PROJECT / ".local" / "ministack" / "bin" / "python"
KEYS: dict[str, Any] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}
EMBEDDED = pytest.param("embedded", marks=pytest.mark.stack)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded AWS, with nothing deployed in it."""
    if not MINISTACK.exists():
        pytest.skip("make tools")
    folder = tmp_path_factory.mktemp("ministack")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "STATE_DIR": str(folder),
        "S3_DATA_DIR": str(folder),
    }
    program = [str(MINISTACK), "-P", str(PROJECT / "cli/escalon_cli/local/embedded_aws.py")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            program, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait(f"http://127.0.0.1:{port}/_ministack/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait(health: str, process: "subprocess.Popen[bytes]") -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            opener.open(health, timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the embedded AWS does not answer")


def _client(kind: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    if kind == "double":
        yield DynamoDb()
    elif kind == "moto":
        with mock_aws():
            yield boto3.client("dynamodb", **KEYS)
    else:
        config = Config(proxies={}, retries={"mode": "standard"})
        url = request.getfixturevalue("endpoint")
        yield boto3.client("dynamodb", endpoint_url=url, config=config, **KEYS)


def _created(client: Any, name: str) -> None:
    if isinstance(client, DynamoDb):
        return
    attributes = ("pk", "sk", "due_shard", "look_at")
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in attributes],
        KeySchema=_keys("pk", "sk"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": _keys("due_shard", "look_at"),
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def _keys(first: str, second: str) -> list[dict[str, str]]:
    kinds = ((first, "HASH"), (second, "RANGE"))
    return [{"AttributeName": name, "KeyType": kind} for name, kind in kinds]


def _table(request: pytest.FixtureRequest) -> Iterator[Table]:
    for client in _client(request.param, request):
        name = f"t{abs(hash(request.node.name))}"
        _created(client, name)
        yield Table(client, name, 1, pause=lambda _: None)


@pytest.fixture(params=["double", "moto", EMBEDDED])
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """A fresh table."""
    yield from _table(request)


@pytest.fixture(params=["double", EMBEDDED])
def statements(request: pytest.FixtureRequest) -> Iterator[Table]:
    """A fresh table that knows PartiQL."""
    yield from _table(request)
