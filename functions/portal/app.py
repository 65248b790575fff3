"""Portal: the pages that a debtor's browser asks for, by the link of a message."""

import base64
from typing import Any
from urllib.parse import parse_qs

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap

logger = Logger()
metrics = Metrics()

MOST_FIELDS = 60  # of a form; the largest of ours has a dozen


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`GET /p/{code}` and `GET /p/{code}/{page}` show a page, `POST /p/{code}/{page}` takes a form,
    `POST /p/{code}/pay/{provider}` leads to a checkout. The code is the key to the page, and a form
    is a person's own words, so neither is ever logged."""
    names = event["pathParameters"]
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    api = event["requestContext"]["apiId"]
    visit = bootstrap.visit(
        code=names["code"],
        api=api,
        languages=headers.get("accept-language", ""),
        query=event.get("queryStringParameters") or {},
        form=_form(event),
        cookies=headers.get("cookie", ""),
        ip=(event["requestContext"].get("identity") or {}).get("sourceIp", ""),
        user_agent=headers.get("user-agent", ""),
    )
    provider, name = names.get("provider"), names.get("page", "")
    if provider is not None:
        act, page = "pay", bootstrap.open_payment_link().pay(visit, provider)
    elif event["httpMethod"] == "POST":
        act, page = "take", bootstrap.visit_portal(api).post(visit, name)
    else:
        act, page = "show", bootstrap.visit_portal(api).get(visit, name)
    logger.info("page", extra={"act": act, "status": page.status})
    metrics.add_metric(f"Page_{act}_{page.status}", MetricUnit.Count, 1)
    if page.status == 503:
        metrics.add_metric("CheckoutFailed" if act == "pay" else "PageFailed", MetricUnit.Count, 1)
    answer = {"statusCode": page.status, "headers": page.headers}
    if isinstance(page.body, bytes):
        body = base64.b64encode(page.body).decode()
        return {**answer, "body": body, "isBase64Encoded": True}
    return {**answer, "body": page.body}


def _form(event: dict[str, Any]) -> dict[str, list[str]]:
    """The fields of a form; none if it cannot be read."""
    body = event.get("body") or ""
    try:
        text = base64.b64decode(body).decode() if event.get("isBase64Encoded") else str(body)
        return parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
