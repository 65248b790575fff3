"""A process that dies at its N-th call to AWS, before or after the service has done its part; or
is held up there while something else happens."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

type When = Literal["before", "after"]


class Crash(BaseException):
    """The process is gone; nothing of ours may catch this."""


class Faults:
    """Counts the calls of all its clients and strikes at one of them, once."""

    def __init__(
        self, number: int = 0, when: When = "before", instead: Callable[[], object] | None = None
    ) -> None:
        self._number, self._when = number, when
        self._instead = instead  # what happens there instead of dying
        self.calls: list[str] = []

    def call(self, name: str, work: Any, request: Any, arguments: tuple[Any, ...] = ()) -> Any:
        self.calls.append(name)
        mine = len(self.calls) == self._number
        if mine and self._when == "before":
            self._strike(name)
        answer = work(*arguments, **request)
        if mine and self._when == "after":
            self._strike(name)
        return answer

    def _strike(self, name: str) -> None:
        if self._instead is None:
            raise Crash(f"{self._when} {name}")
        self._instead()

    @property
    def happened(self) -> bool:
        return 0 < self._number <= len(self.calls)


class Crashing:
    """A client whose calls `faults` counts."""

    def __init__(self, client: Any, faults: Faults) -> None:
        self._client, self._faults = client, faults

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._client, name)
        if name == "get_paginator":
            return lambda operation: _Pages(self, operation)

        def called(*arguments: Any, **request: Any) -> Any:
            return self._faults.call(name, work, request, arguments)

        return called


class _Pages:
    def __init__(self, client: Crashing, operation: str) -> None:
        self._call = getattr(client, operation)

    def paginate(self, **request: Any) -> Iterator[Any]:
        while True:
            answer = self._call(**request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
