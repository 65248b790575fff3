"""An operator's request, from API Gateway's event to its answer: the same for every function that
operators call. API Gateway has checked the signature, and that the caller may use the route."""

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from escalon import failures

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics

    from escalon.usecases.operators.forms import Answer

_FAILED = {
    "field": "",
    "problem": "something failed",
    "remedy": "send it again with the same key; if that does not help, see the log",
}


class Asked(msgspec.Struct, frozen=True):
    """What somebody asks: method and resource, such as `POST /accounts/{id}/waivers`, what fills
    them, and the ARN of whoever signed."""

    route: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    caller: str


def answered(
    event: dict[str, Any],
    answer: "Callable[[Asked], Answer]",
    *,
    logger: "Logger",
    metrics: "Metrics",
    about: str,
    counted: str,
) -> dict[str, Any]:
    """The answer to API Gateway. It is logged as `<about>_answered` and counted as
    `<counted>_<status>`; who asked and for whom stands in the history and the audit log, not there.
    """
    route = f"{event['httpMethod']} {event['resource']}"
    body: dict[str, Any]
    try:
        asked = Asked(
            route,
            event.get("pathParameters") or {},
            event.get("queryStringParameters") or {},
            _body(event),
            str(event["requestContext"]["identity"].get("userArn") or ""),
        )
        given = answer(asked)
        status, body = given.status, given.body
    except Exception as error:
        logger.error(f"{about}_not_answered", extra=failures.described(error))
        status, body = 500, {"problems": [_FAILED]}
    logger.info(f"{about}_answered", extra={"route": route, "status": status})
    metrics.add_metric(f"{counted}_{status}", "Count", 1)
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": msgspec.json.encode(body).decode(),
    }


def _body(event: dict[str, Any]) -> bytes:
    body = str(event.get("body") or "")
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
