"""Publish rules: operators put rulebooks in force and take them back, signed with IAM."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

from escalon import bootstrap, operators

if TYPE_CHECKING:
    from escalon.usecases.forms import Answer

logger = Logger()
metrics = Metrics()


def _answer(asked: operators.Asked) -> "Answer":
    return bootstrap.publish_rules()(asked.route, asked.body, asked.caller)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One request."""
    return operators.answered(
        event, _answer, logger=logger, metrics=metrics, about="rules", counted="Rules"
    )
