"""Runs MiniStack with what it lacks and we rely on; started with MiniStack's own interpreter.

AWS writes a stream record for an item that a PartiQL statement changes. MiniStack 1.5.33 writes
none, and the history of decisions would stay empty here. And it reads a query's condition again for
every item that it looks at, which is most of its work in a replay; here it remembers the reading.
Nothing else is changed.
"""

import copy
import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any


def with_stream_record(
    update: Callable[..., Any],
    target: Callable[[Any, Any], tuple[Any, Any, Any, Any]],
    emit: Callable[..., None],
) -> Callable[..., Any]:
    """MiniStack's PartiQL update, telling the stream what it has changed."""

    def updated(table: dict[str, Any], parsed: Any, data: Any = None) -> Any:
        hash_key, range_key, _, problem = target(table, parsed)
        if problem:
            return update(table, parsed, data)
        before = table["items"].get(hash_key, {}).get(range_key)
        old = copy.deepcopy(before)
        answer = update(table, parsed, data)
        after = table["items"].get(hash_key, {}).get(range_key)
        if after is not None and after is not before:
            emit(table["TableName"], "MODIFY", old, after)
        return answer

    return updated


def main() -> int:
    """Start MiniStack as its own command does."""
    # By name: MiniStack lives in an environment of its own, where no type checker of ours looks.
    ministack = importlib.import_module("ministack.app").main
    dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
    dynamodb._partiql_update = with_stream_record(
        dynamodb._partiql_update, dynamodb._partiql_key_target, dynamodb._emit_stream_event
    )
    for reading in ("_tokenize", "_condition_syntax_error"):
        remembering = functools.lru_cache(maxsize=1024)(getattr(dynamodb, reading))
        setattr(dynamodb, reading, remembering)
    return int(ministack() or 0)


if __name__ == "__main__":
    sys.exit(main())
