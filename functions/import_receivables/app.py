"""Import: a file that arrives in the inbox is taken in, in as many invocations as it needs."""

from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap, failures

logger = Logger()


class ImportFailedError(Exception):
    """An import broke off. It says kind and place only: Lambda keeps its words in dead letters."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes S3's notification, its own hand-over `{key, upload}`, or `{approve: import id}`."""

    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    take = bootstrap.import_receivables()
    if "approve" in event:
        progress = take.approve(str(event["approve"]), time_left)
    else:
        key, upload = _upload(event)
        try:
            progress = take(key, upload, time_left)
        except Exception as error:
            about = failures.described(error)
            logger.error("import_failed", extra=about)
            raise ImportFailedError(f"{about['error']} at {about['raised_at']}") from None
    logger.info(
        "imported",
        extra={
            "import_id": progress.import_id,
            "state": progress.state,
            "rows": progress.rows,
            "refused": progress.refused,
        },
    )
    return {"import_id": progress.import_id, "state": progress.state}


def _upload(event: dict[str, Any]) -> tuple[str, str]:
    if "key" in event:
        return str(event["key"]), str(event["upload"])
    found = event["Records"][0]["s3"]["object"]
    # The sequencer is S3's order of the writes to a key; an event that comes twice keeps it.
    return unquote_plus(found["key"]), str(found.get("sequencer") or found.get("eTag", ""))
