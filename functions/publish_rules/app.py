"""Publish rules: operators put rulebooks in force and take them back, signed with IAM."""

import base64
from typing import Any

import msgspec
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from escalon import bootstrap, failures

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """API Gateway has checked the signature, and that the caller may use the route."""
    route = f"{event['httpMethod']} {event['resource']}"
    body: dict[str, Any] = {}
    try:
        caller = str(event["requestContext"]["identity"].get("userArn") or "")
        answer = bootstrap.publish_rules()(route, _body(event), caller)
        status, body = answer.status, answer.body
    except Exception as error:
        logger.error("rules_not_answered", extra=failures.described(error))
        status = 500
        remedy = "send it again with the same key; if that does not help, see the log"
        body = {"problems": [{"field": "", "problem": "something failed", "remedy": remedy}]}
    # Who asked, and why, stands in the audit log, not here.
    logger.info("rules_answered", extra={"route": route, "status": status})
    metrics.add_metric(f"Rules_{status}", MetricUnit.Count, 1)
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": msgspec.json.encode(body).decode(),
    }


def _body(event: dict[str, Any]) -> bytes:
    body = str(event.get("body") or "")
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
