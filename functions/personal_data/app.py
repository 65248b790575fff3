"""Personal data: consents, conversations, copies and erasures that operators ask for, signed with
IAM; and every day, what may go by now of those who asked to be forgotten."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics

from escalon import bootstrap, operators

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One request; the schedule's event has no route."""
    if "httpMethod" not in event:
        count = bootstrap.personal_data().due()
        logger.info("erasures_gone_on_with", extra={"count": count})
        return {"erasures": count}
    return operators.answered(
        event,
        lambda asked: bootstrap.answer_personal_data()(
            asked.route, asked.path, asked.body, asked.caller
        ),
        logger=logger,
        metrics=metrics,
        about="person",
        counted="PersonalData",
    )
