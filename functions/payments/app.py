"""Payments: operators look at unmatched money and act on the ledger, signed with IAM."""

from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap, operators

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One request."""

    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    return operators.answered(
        event,
        lambda asked: bootstrap.answer_operators()(
            asked.route, asked.path, asked.query, asked.body, asked.caller, time_left
        ),
        logger=logger,
        metrics=metrics,
        about="operator",
        counted="Operators",
    )
