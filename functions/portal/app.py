"""Portal: the pages that a debtor's browser asks for, by the link of a message."""

import base64
import re
from typing import Any
from urllib.parse import parse_qs

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap

logger = Logger()
metrics = Metrics()

MOST_FIELDS = 60  # of a form; the largest of ours has a dozen
IN_PARTS = re.compile(r'(?i)\s*multipart/form-data\s*;.*\bboundary=(?:"([^"]+)"|([^\s";,]+))')
NAME = re.compile(rb'(?i);\s*name="?([^";\r\n]*)')


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
        form=_form(event, headers.get("content-type", "")),
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


def _form(event: dict[str, Any], content_type: str) -> dict[str, list[str]]:
    """The fields of a form; none if it cannot be read. Ours come as addresses are written, a mail
    program's one click in parts as well (RFC 8058, section 3.2)."""
    body = event.get("body") or ""
    try:
        content = base64.b64decode(body) if event.get("isBase64Encoded") else str(body).encode()
        if in_parts := IN_PARTS.match(content_type):
            return _fields(content, in_parts[1] or in_parts[2])
        return parse_qs(content.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}


def _fields(content: bytes, boundary: str) -> dict[str, list[str]]:
    """The fields of a form in parts (RFC 7578). Raises ValueError if one of them is no text."""
    fields: dict[str, list[str]] = {}
    for part in content.split(f"--{boundary}".encode())[1 : MOST_FIELDS + 1]:
        head, _, value = part.partition(b"\r\n\r\n")
        if name := NAME.search(head):
            text = value.removesuffix(b"\r\n").decode()
            fields.setdefault(name[1].decode(), []).append(text)
    return fields
