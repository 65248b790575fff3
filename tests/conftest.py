"""What every test stands on."""

import os
from collections import Counter
from pathlib import Path

import pytest

STACK = Path(__file__).parent / "stack"

# The tables of the command line as a wide terminal shows them, whatever the tests run in. It is
# read when the commands are imported.
os.environ["COLUMNS"] = "200"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests on a deployed stack begin first, so that no worker is left with them at the end;
    those files first that have most tests, of which the first wants a stack that nobody has used.
    """
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (0, -sizes[item.path]) if STACK in item.path.parents else (1, 0))
