"""Publish rules: operators put rulebooks in force and take them back, signed with IAM."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics

from escalon import bootstrap, operators

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One request."""
    return operators.answered(
        event,
        lambda asked: bootstrap.publish_rules()(asked.route, asked.body, asked.caller),
        logger=logger,
        metrics=metrics,
        about="rules",
        counted="Rules",
    )
