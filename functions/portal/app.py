"""Portal: the pages that a debtor's browser asks for, by the link of a message."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`GET /p/{code}` shows the page; `POST /p/{code}/pay/{provider}` leads to a checkout. The code
    is the key to the page, so it is never logged."""
    names = event["pathParameters"]
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    visit = bootstrap.visit(
        code=names["code"],
        api=event["requestContext"]["apiId"],
        languages=headers.get("accept-language", ""),
        query=event.get("queryStringParameters") or {},
    )
    provider = names.get("provider")
    if provider is None:
        page = bootstrap.open_payment_link().show(visit)
    else:
        page = bootstrap.open_payment_link().pay(visit, provider)
    act = "show" if provider is None else "pay"
    logger.info("page", extra={"act": act, "status": page.status})
    metrics.add_metric(f"Page_{act}_{page.status}", MetricUnit.Count, 1)
    if provider is not None and page.status == 503:
        metrics.add_metric("CheckoutFailed", MetricUnit.Count, 1)
    return {"statusCode": page.status, "headers": page.headers, "body": page.body}
