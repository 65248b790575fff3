"""The payment providers' HTTP APIs: a question asked, its answer's status and body.

Time-outs and tries together stay well below what a function has. Redirects are not followed: the
request carries a key, and a redirect says where to take it. An answer is read to a bound.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import urllib3

if TYPE_CHECKING:
    from escalon.providers.provider import Question

TIME_OUT = urllib3.Timeout(connect=3, read=8)  # seconds
PAUSES = (0.5, 1.5)  # seconds before the second and the third try
MOST_BYTES = 1024 * 1024


class NotReachedError(Exception):
    """The provider gave no answer that could be read, at each of a few tries."""


class ProviderApi:
    """`pool` keeps connections from one question to the next."""

    def __init__(
        self,
        pool: urllib3.PoolManager,
        pause: Callable[[float], None] = time.sleep,
        time_out: urllib3.Timeout = TIME_OUT,
    ) -> None:
        self._pool = pool
        self._pause = pause
        self._time_out = time_out

    def ask(self, question: "Question") -> tuple[int, bytes]:
        """The answer's status and body, as it is at the last of a few tries if the provider is
        busy (429) or broken (5xx). Raises NotReachedError."""
        for pause in (*PAUSES, 0):
            found = self._once(question)
            if isinstance(found, tuple) and found[0] != 429 and found[0] < 500:
                return found
            if pause:
                self._pause(pause)
        if isinstance(found, tuple):
            return found
        raise NotReachedError(found)

    def _once(self, question: "Question") -> tuple[int, bytes] | str:
        """The answer, or why there is none, in words that name nobody."""
        try:
            answer = self._pool.request(
                question.method,
                question.url,
                headers=question.headers,
                body=question.body or None,
                timeout=self._time_out,
                retries=False,  # nor are redirects followed
                preload_content=False,
            )
            try:
                body = answer.read(MOST_BYTES + 1)
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            return type(error).__name__
        return (answer.status, body) if len(body) <= MOST_BYTES else "too long"
