"""One deployed stack for all tests of this folder: real sam, embedded AWS, IAM enforced."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from escalon_cli.local.stack import StackInfo, down, up
from tests.stack.driving import Driver

HERE = Path(__file__).parent

# Set it while writing tests: the stack then outlives the run and the next one starts at once.
KEEP = "ESCALON_KEEP_TEST_STACK"

PARAMETERS = {"Shards": "1", "LocalStatements": "true", "Clock": "table", "SweepState": "DISABLED"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
def stack() -> Iterator[StackInfo]:
    """The deployed stack; a function that does what its role does not allow fails in it."""
    keep = bool(os.environ.get(KEEP))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    name = f"tests-{worker}" if worker else "tests"
    info = up(name, auth=True, parameters=PARAMETERS, fresh=not keep)
    if keep:  # it may have another rulebook in force, which would ask for a plan
        Driver(info).shipped_in_force()
    yield info
    if not keep:
        down(name)
