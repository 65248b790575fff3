"""Verify document: whoever holds a paper sees whether it was issued and still stands."""

from typing import Any

import msgspec
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`GET /verify/{code}`: a page, or JSON for whoever accepts it and no HTML."""
    code = event["pathParameters"]["code"]
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    accepts = headers.get("accept", "")
    body: str | bytes
    if "application/json" in accepts and "text/html" not in accepts:
        status, fields = bootstrap.verify_document().fields(code)
        body = msgspec.json.encode(fields).decode()
        answer = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    else:
        page = bootstrap.verify_document().page(code, headers.get("accept-language", ""))
        status, body, answer = page.status, page.body, page.headers
    logger.info("verified", extra={"status": status})
    metrics.add_metric(f"Verify_{status}", MetricUnit.Count, 1)
    return {"statusCode": status, "headers": answer, "body": body}
