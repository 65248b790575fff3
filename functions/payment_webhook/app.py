"""Payment webhook: API Gateway hands over what somebody posted in a payment provider's name."""

import base64
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap, failures

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Any status but 2xx makes the provider send again; docs/payments.md says what each means."""
    try:
        answer = bootstrap.receive_webhook()(
            event["pathParameters"]["provider"],
            event.get("headers") or {},
            event.get("queryStringParameters") or {},
            _body(event),
        )
        status, reason = answer.status, answer.reason
    except bootstrap.NothingPublishedError:
        status, reason = 503, "no_rulebook"
    except Exception as error:
        logger.error("webhook_failed", extra=failures.described(error))
        status, reason = 500, "failed"
    # Whoever posts to an address that does not exist could write what they like into the log.
    known = {"provider": event["pathParameters"]["provider"]} if status != 404 else {}
    logger.info("webhook_answered", extra={"status": status, "reason": reason, **known})
    metrics.add_metric(f"Webhook_{reason}", MetricUnit.Count, 1)
    if status == 401:
        metrics.add_metric("NotAuthentic", MetricUnit.Count, 1)
    return {"statusCode": status, "headers": {"Content-Type": "text/plain"}, "body": reason}


def _body(event: dict[str, Any]) -> bytes:
    """The exact bytes that were posted."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        return base64.b64decode(body)
    return str(body).encode(errors="surrogatepass")
