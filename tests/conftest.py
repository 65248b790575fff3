"""What every test stands on."""

import os
from pathlib import Path

import pytest

STACK = Path(__file__).parent / "stack"

# The tables of the command line as a wide terminal shows them, whatever the tests run in. It is
# read when the commands are imported.
os.environ["COLUMNS"] = "200"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left with it at the end."""
    items.sort(key=lambda item: (STACK not in item.path.parents, "replays" not in item.path.name))
