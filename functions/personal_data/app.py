"""Personal data: consents, conversations, copies and erasures that operators ask for, signed with
IAM; and every day, what may go by now of those who asked to be forgotten."""

import base64
from typing import Any

import msgspec
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap, failures

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """API Gateway has checked the signature, and that the caller may use the route. The schedule's
    event has no route."""
    if "httpMethod" not in event:
        count = bootstrap.personal_data().due()
        logger.info("erasures_gone_on_with", extra={"count": count})
        return {"erasures": count}
    route = f"{event['httpMethod']} {event['resource']}"
    body: dict[str, Any] = {}
    try:
        answer = bootstrap.answer_personal_data()(
            route,
            event.get("pathParameters") or {},
            _body(event),
            str(event["requestContext"]["identity"].get("userArn") or ""),
        )
        status, body = answer.status, answer.body
    except Exception as error:
        logger.error("operator_not_answered", extra=failures.described(error))
        status = 500
        remedy = "send it again with the same key; if that does not help, see the log"
        body = {"problems": [{"field": "", "problem": "something failed", "remedy": remedy}]}
    # Who asked and for whom stands in the audit log, not here.
    logger.info("operator_answered", extra={"route": route, "status": status})
    metrics.add_metric(f"PersonalData_{status}", MetricUnit.Count, 1)
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": msgspec.json.encode(body).decode(),
    }


def _body(event: dict[str, Any]) -> bytes:
    body = str(event.get("body") or "")
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
