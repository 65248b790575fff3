"""Agreements: operators and outside systems agree, hold and ask over HTTP, signed with IAM."""

from typing import Any

import msgspec
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap, failures
from escalon.routes.agreements import agreements_api

logger = Logger()
metrics = Metrics()
api = agreements_api(bootstrap.answer_agreements)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """API Gateway has checked the signature, and that the caller may use the route."""
    route = f"{event['httpMethod']} {event['resource']}"
    try:
        answer = api.resolve(event, context)
    except Exception as error:
        logger.error("operator_not_answered", extra=failures.described(error))
        words = {"es": "algo falló; envíelo de nuevo con la misma clave"}
        words["en"] = "something failed; send it again with the same key"
        problem = {"field": "", "code": "failed", "message": words}
        body = msgspec.json.encode({"problems": [problem]}).decode()
        answer = {"statusCode": 500, "multiValueHeaders": {}, "body": body}
        answer["multiValueHeaders"]["Content-Type"] = ["application/json"]
    # Who asked and for whom stands in the history, not here.
    status = answer["statusCode"]
    logger.info("operator_answered", extra={"route": route, "status": status})
    metrics.add_metric(f"Operators_{status}", MetricUnit.Count, 1)
    answer["multiValueHeaders"]["Cache-Control"] = ["no-store"]
    return answer
