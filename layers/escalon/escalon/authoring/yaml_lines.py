"""Operators' YAML: read without surprises, checked by a model, every problem with its line.

YAML 1.1 turns `no` into false, `07:00` into 420, `0012` into 10 and a repeated key into silence.
Here a plain word is a word: only `true`, `false`, `null`, whole numbers (`20_000`) and decimals
(as exact `Decimal`) mean anything else, and whatever cannot be understood is refused with its
place and a remedy.
"""

import difflib
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

import msgspec
import pydantic
import yaml

# A path into a document: keys and list positions.
Path = tuple[str | int, ...]

# A document is written by people; one with more nodes than this is a mistake or an attack.
MAX_NODES = 200_000

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*(?:_[0-9]+)*)")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*(?:_[0-9]+)*)\.[0-9]+")
_CONSTANTS: dict[str, bool | None] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}


class Problem(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong in a file: where (counting from 1), what, and what to do."""

    file: str
    line: int
    column: int
    path: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        what = f"{self.path}: {self.message}" if self.path else self.message
        return f"{where}: {what}; {self.remedy}" if self.remedy else f"{where}: {what}"


class WrongValueError(ValueError):
    """For validators of models: what is wrong, what to do about it, and (relative to the value
    that the validator was given) where inside it."""

    def __init__(self, message: str, remedy: str = "", at: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.at: Path = tuple(at)


class WrongValuesError(ValueError):
    """Several `WrongValueError`s that one validator found together."""

    def __init__(self, wrongs: Iterable[WrongValueError]) -> None:
        self.wrongs = tuple(wrongs)
        super().__init__("; ".join(wrong.message for wrong in self.wrongs))


class Place(msgspec.Struct, frozen=True):
    """Where a value starts, and where the key (or list entry) that holds it starts; from 1."""

    line: int
    column: int
    key_line: int
    key_column: int


class Document(msgspec.Struct, frozen=True):
    """A file's data as plain values, and the place of each."""

    file: str
    data: Any
    places: dict[Path, Place]

    def real_path(self, loc: Sequence[str | int]) -> Path:
        """The part of a pydantic `loc` that exists in the document: union branches, `[key]` and
        missing keys are left out."""
        here: Any = self.data
        path: list[str | int] = []
        for segment in loc:
            if _has(here, segment):
                here = here[segment]
                path.append(segment)
        return tuple(path)

    def place(self, loc: Sequence[str | int]) -> tuple[int, int]:
        """Line and column of the value at `loc`, or of the innermost part of it that exists."""
        path = self.real_path(loc)
        place = self.places[path]
        # A block starts a line below its key; the key is what a reader looks for.
        if path and isinstance(self._value(path), (dict, list)):
            return place.key_line, place.key_column
        return place.line, place.column

    def place_of_key(self, loc: Sequence[str | int]) -> tuple[int, int]:
        """Line and column of the key that holds the value at `loc`."""
        place = self.places[self.real_path(loc)]
        return place.key_line, place.key_column

    def line(self, *loc: str | int) -> int:
        """Line of the key at `loc`, for a `file:line` in explanations."""
        return self.place_of_key(loc)[0]

    def problem(self, loc: Sequence[str | int], message: str, remedy: str = "") -> Problem:
        """A problem of the value at `loc`, or of the innermost part of it that exists."""
        line, column = self.place(loc)
        return Problem(self.file, line, column, dotted(self.real_path(loc)), message, remedy)

    def _value(self, path: Path) -> Any:
        here: Any = self.data
        for segment in path:
            here = here[segment]
        return here


def _has(data: Any, segment: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(segment, int) and segment < len(data)
    return isinstance(data, dict) and segment in data


def dotted(path: Sequence[str | int]) -> str:
    """`("ladder", 2, "when")` as a person reads it: `ladder[3].when`, counting from 1."""
    text = ""
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment + 1}]"
        else:
            text += f".{segment}" if text else segment
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The known word that `word` was probably meant to be, or nothing."""
    by_folded = {_folded(name): name for name in known}
    close = difflib.get_close_matches(_folded(word), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else ""


def _folded(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")


# --- reading -------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with no opinion about plain words: `_scalar` gives them their meaning."""


_Loader.yaml_implicit_resolvers = {}


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self.seen: set[int] = set()

    def problem(self, mark: yaml.Mark, path: Path, message: str, remedy: str) -> None:
        self.problems.append(
            Problem(self.file, mark.line + 1, mark.column + 1, dotted(path), message, remedy)
        )

    def read(self, node: yaml.Node, path: Path, key: yaml.Mark) -> Any:
        start = node.start_mark
        self.places[path] = Place(start.line + 1, start.column + 1, key.line + 1, key.column + 1)
        if id(node) in self.seen:
            self.problem(
                key,  # the node's own place is that of what it repeats
                path,
                "an alias (*name) repeats another part of the file",
                "write the part out here; what stands in one place can be pointed at",
            )
            return None
        self.seen.add(id(node))
        if len(self.seen) > MAX_NODES:
            raise _TooLarge
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            if node.tag != "tag:yaml.org,2002:seq":
                self._tag(node, path)
            return [
                self.read(child, (*path, index), child.start_mark)
                for index, child in enumerate(node.value)
            ]
        return self._scalar(cast("yaml.ScalarNode", node), path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        if node.tag != "tag:yaml.org,2002:map":
            self._tag(node, path)
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = key_node.start_mark
            if not isinstance(key_node, yaml.ScalarNode):
                self.problem(
                    mark, path, "a key has to be one word", "write `key: value` on one line"
                )
                continue
            # A key is always text: `12: x` and `no: x` are the keys "12" and "no".
            key = str(key_node.value)
            if key == "<<" and key_node.style is None:
                self.problem(mark, path, "merging (<<) is not supported", "write the keys out here")
                continue
            if key in data:
                first = self.places[(*path, key)].key_line
                self.problem(
                    mark,
                    (*path, key),
                    f"key '{key}' stands here twice (first in line {first})",
                    "keep one of the two",
                )
                continue
            data[key] = self.read(value_node, (*path, key), mark)
        return data

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        if node.tag != "tag:yaml.org,2002:str":
            self._tag(node, path)
        if node.style is not None:  # quoted or a block: always text
            return text
        if text.lower() in _CONSTANTS and text in (text.lower(), text.upper(), text.title()):
            return _CONSTANTS[text.lower()]
        if len(text) <= 40:
            if _INT.fullmatch(text):
                return int(text)
            if _DECIMAL.fullmatch(text):
                return Decimal(text.replace("_", ""))
        return text

    def _tag(self, node: yaml.Node, path: Path) -> None:
        if node.tag != "!":
            self.problem(
                node.start_mark,
                path,
                f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')} is not supported",
                "leave it out; quote a value that has to stay text",
            )


class _TooLarge(Exception):  # noqa: N818 - a signal inside this module, not an error
    pass


def read(text: str, file: str) -> Document | list[Problem]:
    """Read one YAML document; what cannot be read is a list of problems."""
    loader = None
    try:
        loader = _Loader(text.removeprefix("\ufeff"))
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        return [_unreadable(error, text, file)]
    except RecursionError:
        return [Problem(file, 1, 1, "", "the file is nested too deeply", "write it flatter")]
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        return [Problem(file, 1, 1, "", "the file is empty", "write it, or leave it out")]
    reader = _Reader(file)
    try:
        data = reader.read(node, (), node.start_mark)
    except _TooLarge:
        return [Problem(file, 1, 1, "", "the file is too large", "split it")]
    except RecursionError:
        return [Problem(file, 1, 1, "", "the file is nested too deeply", "write it flatter")]
    return sorted(reader.problems) or Document(file, data, reader.places)


def _unreadable(error: yaml.YAMLError, text: str, file: str) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        return Problem(
            file,
            1,
            1,
            "",
            f"character {error.position + 1} of the file cannot stand in YAML",
            "remove it; save the file as plain text in UTF-8",
        )
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(file, 1, 1, "", f"not YAML: {error}", "")
    what = error.problem or "not YAML"
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    remedy = "check the indentation and the quotes here and in the line above"
    if "'\\t'" in what or "'\t'" in what:
        what, remedy = "a tab cannot indent", "indent with spaces"
    elif "mapping values are not allowed" in what:
        what = "a colon followed by a space inside a value"
        remedy = "put the value in quotes, or check the indentation"
    elif "found unexpected end of stream" in what:
        what, remedy = "a quote is not closed", "close the quote that was opened before"
    elif "cannot start any token" in what:
        remedy = "put the value in quotes"
    elif "expected a single document" in (error.context or "") or "another document" in what:
        what, remedy = "a second document starts here", "remove the line '---'"
    elif "undefined alias" in what:
        what = "a value that starts with * is an alias in YAML"
        remedy = "put the value in quotes"
    around = text.splitlines()[max(0, line - 2) : line]
    if any(re.search(r"(:|-) +\{[^}]*\}\S", each) for each in around):
        remedy = "put a value that starts with { in quotes"
    return Problem(file, line, column, "", what, remedy)


# --- checking ------------------------------------------------------------------------------------


def validate[M: pydantic.BaseModel](model: type[M], text: str, file: str) -> M | list[Problem]:
    """Read a YAML text and make the model of it, or list every problem by its line."""
    document = read(text, file)
    return document if isinstance(document, list) else check(model, document)


def check[M: pydantic.BaseModel](model: type[M], document: Document) -> M | list[Problem]:
    """Make the model of a document that was read, or list every problem by its line."""
    try:
        return model.model_validate(document.data)
    except pydantic.ValidationError as error:
        return problems_of(error, model, document)


def problems_of(
    error: pydantic.ValidationError, model: type[pydantic.BaseModel], document: Document
) -> list[Problem]:
    """What pydantic found, in an operator's words and with the places of the document."""
    problems = {
        problem
        for detail in _best_branches(cast("list[dict[str, Any]]", error.errors()), document)
        for problem in _in_words(detail, model, document)
    }
    return sorted(problems)


# Errors that say "this is not the kind of thing this branch of the union takes".
_SHAPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a block of `key: value` lines",
    "mapping_type": "a block of `key: value` lines",
    "model_type": "a block of `key: value` lines",
    "model_attributes_type": "a block of `key: value` lines",
    "dataclass_type": "a block of `key: value` lines",
    "none_required": "nothing",
}


def _best_branches(
    errors: list[dict[str, Any]], document: Document, depth: int = 0
) -> list[dict[str, Any]]:
    """A value that fits no branch of a union is reported by pydantic once for each branch; keep
    the branch it was probably meant for, or say once which kinds of value are possible. `depth`
    counts the unions inside unions that are settled already."""
    unions: dict[Path, dict[str, list[dict[str, Any]]]] = {}
    kept: list[dict[str, Any]] = []
    for error in errors:
        forks = _forks(error, document)
        if len(forks) <= depth:
            kept.append(error)
        else:
            path, branch = forks[depth]
            unions.setdefault(path, {}).setdefault(branch, []).append(error)
    for path, branches in unions.items():
        fitting: list[list[dict[str, Any]]] = [
            found
            for found in branches.values()
            if not any(
                error["type"] in _SHAPES and document.real_path(error["loc"]) == path
                for error in found
            )
        ]
        if fitting:
            best = min(fitting, key=len)
            kept += _best_branches(best, document, depth + 1)
            continue
        first = next(iter(branches.values()))[0]
        kinds = list(
            dict.fromkeys(
                _SHAPES[error["type"]]
                for found in branches.values()
                for error in found
                if error["type"] in _SHAPES
            )
        )
        kept.append({**first, "loc": path, "type": "escalon_kinds", "ctx": {"kinds": kinds}})
    return kept


def _forks(error: dict[str, Any], document: Document) -> list[tuple[Path, str]]:
    """Where the `loc` of an error names the branch of a union instead of a key, and which."""
    here: Any = document.data
    path: list[str | int] = []
    forks: list[tuple[Path, str]] = []
    loc = error["loc"]
    for index, segment in enumerate(loc):
        if _has(here, segment):
            here = here[segment]
            path.append(segment)
        elif isinstance(segment, int) or segment == "[key]":
            continue  # a model that takes one value for a list of one counts it
        elif error["type"] != "missing" or index < len(loc) - 1:
            forks.append((tuple(path), segment))
    return forks


def _in_words(
    error: dict[str, Any], model: type[pydantic.BaseModel], document: Document
) -> list[Problem]:
    kind: str = error["type"]
    loc: Path = error["loc"]
    context: dict[str, Any] = error.get("ctx", {})
    path = document.real_path(loc)
    cause = context.get("error")
    if isinstance(cause, WrongValuesError):
        return [_wrong(wrong, path, document) for wrong in cause.wrongs]
    if isinstance(cause, WrongValueError):
        return [_wrong(cause, path, document)]
    if kind == "missing":
        line, column = document.place_of_key(path)
        name = str(loc[-1])
        given = document._value(path)
        near = did_you_mean(name, given) if isinstance(given, dict) else ""
        # A key that is close but unknown is reported on its own; a known one was not meant.
        near = "" if near in _keys_at(model, loc[:-1]) else near
        return [
            Problem(
                document.file,
                line,
                column,
                dotted(path),
                f"'{name}' is missing",
                f"rename '{near}' to '{name}'" if near else f"add '{name}: …'",
            )
        ]
    if kind == "extra_forbidden":
        line, column = document.place_of_key(path)
        known = _keys_at(model, loc[:-1])
        word = str(loc[-1])
        near = did_you_mean(word, known)
        message = f"unknown key '{word}'" + (f", did you mean '{near}'?" if near else "")
        remedy = f"known here: {', '.join(sorted(known))}" if known else "remove it"
        return [Problem(document.file, line, column, dotted(path), message, remedy)]
    message, remedy = _worded(kind, context, error)
    return [document.problem(path, message, remedy)]


def _wrong(wrong: WrongValueError, path: Path, document: Document) -> Problem:
    return document.problem((*path, *wrong.at), wrong.message, wrong.remedy)


def _worded(kind: str, context: Mapping[str, Any], error: Mapping[str, Any]) -> tuple[str, str]:
    given = shown(error.get("input"))
    if kind == "escalon_kinds":
        return f"{given} does not fit here", f"write {' or '.join(context['kinds'])}"
    if kind == "string_type":
        scalar = isinstance(error.get("input"), (int, Decimal, bool))
        return f"{given} is not text", "put it in quotes" if scalar else "write one text"
    if kind in _SHAPES:
        return f"{given} is not {_SHAPES[kind]}", f"write {_SHAPES[kind]}"
    if kind in ("literal_error", "enum"):
        expected = str(context.get("expected", ""))
        words = re.findall(r"'([^']*)'", expected)
        value = error.get("input")
        near = did_you_mean(value, words) if isinstance(value, str) else ""
        hint = f", did you mean '{near}'?" if near else ""
        return f"{given} is not known here{hint}", f"write one of: {', '.join(words) or expected}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        key = str(context.get("discriminator", "")).strip("'")
        tags = re.findall(r"'([^']*)'", str(context.get("expected_tags", "")))
        if kind == "union_tag_not_found":
            return f"'{key}' is missing", f"add '{key}: …'"
        tag = str(context.get("tag", ""))
        near = did_you_mean(tag, tags)
        hint = f", did you mean '{near}'?" if near else ""
        return f"{key} '{tag}' is not known{hint}", f"write one of: {', '.join(tags)}"
    limits = {
        "greater_than": ("has to be more than", "gt"),
        "greater_than_equal": ("has to be at least", "ge"),
        "less_than": ("has to be less than", "lt"),
        "less_than_equal": ("has to be at most", "le"),
    }
    if kind in limits:
        words_of, key = limits[kind]
        return f"{given} {words_of} {context[key]}", "correct the number"
    if kind in ("string_too_short", "too_short"):
        least = context["min_length"]
        if least == 1:
            return "this is empty", "write at least one" if kind == "too_short" else "write it"
        return f"{given} is too short", f"write at least {least}"
    if kind in ("string_too_long", "too_long"):
        return f"{given} is too long", f"write at most {context['max_length']}"
    if kind == "string_pattern_mismatch":
        return f"{given} is not written as expected", f"it has to match {context['pattern']}"
    if kind.startswith(("date", "time_")):
        if kind.startswith("datetime"):
            return f"{given} is not a date and time", "write it as 2026-09-30T07:00:00-05:00"
        if kind.startswith("date"):
            return f"{given} is not a date", "write it as 2026-09-30"
        return f"{given} is not a time of day", "write it as 07:00"
    message = str(error.get("msg", "this is wrong")).removeprefix("Value error, ")
    return message[:1].lower() + message[1:], str(context.get("remedy", ""))


def shown(value: Any) -> str:
    """A value as a message quotes it: short, on one line."""
    if value is None:
        return "an empty value"
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = " ".join(str(value).split())
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


def _keys_at(model: type[pydantic.BaseModel], loc: Sequence[str | int]) -> set[str]:
    """The keys that the model knows at `loc`, over all branches of a union on the way."""
    return {
        key
        for annotation in _annotations_at([model], loc)
        if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)
        for key in _fields(annotation)
    }


def _annotations_at(annotations: Iterable[Any], loc: Sequence[str | int]) -> list[Any]:
    here = _flat(annotations)
    for segment in loc:
        below: list[Any] = []
        for annotation in here:
            if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
                field = _fields(annotation).get(str(segment))
                below += [] if field is None else [field.annotation]
            else:
                arguments = typing.get_args(annotation)
                origin = typing.get_origin(annotation)
                if origin is dict and arguments:
                    below.append(arguments[1])
                elif isinstance(segment, int) and origin in (list, tuple, set, frozenset):
                    below += [argument for argument in arguments if argument is not Ellipsis]
        # A segment that leads nowhere is the name of a branch: narrow to it, or stay.
        named = [each for each in here if getattr(each, "__name__", None) == segment]
        here = _flat(below) or named or here
    return here


def _fields(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    return {
        (field.alias if isinstance(field.alias, str) else name): field
        for name, field in model.model_fields.items()
    }


def _flat(annotations: Iterable[Any]) -> list[Any]:
    """Annotations with `Annotated`, type aliases and unions opened."""
    flat: list[Any] = []
    for annotation in annotations:
        origin = typing.get_origin(annotation)
        if isinstance(annotation, typing.TypeAliasType):
            flat += _flat([annotation.__value__])
        elif origin is typing.Annotated:
            flat += _flat([typing.get_args(annotation)[0]])
        elif origin in (typing.Union, types.UnionType):
            flat += _flat(typing.get_args(annotation))
        else:
            flat.append(annotation)
    return flat
