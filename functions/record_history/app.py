"""History: the table's stream hands over accounts as they were written; their facts are kept."""

from typing import Any

from aws_lambda_powertools import Logger

from escalon import bootstrap

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Keeping is idempotent: a batch that fails half-way comes back, halved until what cannot be
    kept stands alone."""
    images = [
        record["dynamodb"]["NewImage"]
        for record in event["Records"]
        if "facts" in record["dynamodb"].get("NewImage", {})
    ]
    kept = bootstrap.record_history()(images)
    logger.info("facts_kept", extra={"facts": kept})
    return {"facts": kept}
