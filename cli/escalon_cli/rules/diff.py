"""What is different between two rulebooks, for a person: ladders, steps, words, policies, the rest.

Pure. A value is named by its place as an operator knows it, such as `strategies › standard › firm ›
day`; where something stands in a file is no difference.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from escalon.domain.rules.rulebook import Rulebook

# What names an entry of a list, the first that it has; other lists are compared whole.
_NAMES = ("strategy", "step", "offer", "policy", "layer", "name", "rule")
_IDLE = frozenset(("source", "version"))  # where it is written, and what follows from the rest
_LONGEST = 70  # characters of a value that are shown

type Path = tuple[str, ...]


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not the same. `before` and `after` are short; of words, `lines` are those
    that went (-) and came (+)."""

    kind: Literal["added", "removed", "changed"]
    path: Path
    before: str = ""
    after: str = ""
    lines: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it is."""
        return " › ".join(self.path)


def differences(one: Rulebook, other: Rulebook) -> list[Difference]:
    """What `other` has otherwise than `one`, in the order of its places."""
    return list(_compared(_plain(one), _plain(other), ()))


def _plain(rulebook: Rulebook) -> Any:
    return _keyed(msgspec.to_builtins(rulebook))


def _keyed(value: Any) -> Any:
    """The value with lists of named entries as tables, in their order."""
    if isinstance(value, Mapping):
        return {str(k): _keyed(v) for k, v in value.items() if k not in _IDLE}
    if isinstance(value, list | tuple) and value and all(isinstance(e, dict) for e in value):
        for name in _NAMES:
            names = [each.get(name) for each in value]
            if all(isinstance(each, str) for each in names) and len(set(names)) == len(names):
                return {each[name]: _keyed({**each, name: None}) for each in value}
    if isinstance(value, list | tuple):
        return [_keyed(each) for each in value]
    return value


def _compared(one: Any, other: Any, path: Path) -> Iterator[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*other, *one)):
            here = (*path, key)
            if key not in one:
                yield Difference("added", here, after=_short(other[key]))
            elif key not in other:
                yield Difference("removed", here, before=_short(one[key]))
            else:
                yield from _compared(one[key], other[key], here)
        moved = [key for key in one if key in other] != [key for key in other if key in one]
        if moved and path and path[0] == "strategies":
            yield Difference(
                "changed", (*path, "order"), ", ".join(one), ", ".join(other)
            )  # the first ladder that holds wins, and steps climb
    elif one != other:
        if path[:1] == ("messages",) and isinstance(one, str) and isinstance(other, str):
            yield Difference("changed", path, lines=tuple(_lines(one, other)))
        else:
            yield Difference("changed", path, _short(one), _short(other))


def _lines(one: str, other: str) -> Iterator[str]:
    for line in difflib.unified_diff(one.splitlines(), other.splitlines(), n=0, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield line


def _short(value: Any) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, dict):
        told = ((k, v) for k, v in value.items() if v is not None)
        text = ", ".join(f"{k} {_short(v)}" for k, v in told)
    else:
        text = msgspec.json.encode(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
