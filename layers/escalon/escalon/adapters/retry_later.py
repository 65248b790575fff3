"""A message that cannot be settled yet stays hidden on its queue, longer each time."""

from typing import Any

_FIRST_SECONDS = 60
_LONGEST_SECONDS = 2 * 3600


class RetryLater:
    """`client` is a boto3 sqs client."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def __call__(self, receipt_handle: str, attempt: int) -> int:
        """Hide the message after its attempt of that number, from 1; says for how many seconds.
        With ten attempts that is a minute at first and some eight hours in all."""
        seconds: int = min(_FIRST_SECONDS << (attempt - 1), _LONGEST_SECONDS)
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )
        return seconds
