"""A message that cannot be settled yet stays hidden on its queue, longer each time."""

from typing import Any

_LONGEST_SECONDS = 2 * 3600


class RetryLater:
    """`client` is a boto3 sqs client. The first time lasts `first_seconds`, and each of the others
    twice as long as the one before."""

    def __init__(self, client: Any, url: str, first_seconds: int = 60) -> None:
        self._client = client
        self._url = url
        self._first_seconds = first_seconds

    def __call__(self, receipt_handle: str, attempt: int) -> int:
        """Hide the message after its attempt of that number, from 1; says for how many seconds.
        With ten attempts, from a minute on, that is some eight hours in all."""
        seconds: int = min(self._first_seconds << (attempt - 1), _LONGEST_SECONDS)
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )
        return seconds
