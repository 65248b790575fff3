"""Review the book: EventBridge Scheduler has all accounts gone over once a day."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from escalon import bootstrap

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The event says nothing that matters: the review is of the day on which it runs."""
    done = bootstrap.review_book()()
    logger.info(
        "book_reviewed",
        extra={"accounts": done.accounts, "asked": done.asked, "missed": done.missed},
    )
    metrics.add_metric("CreditReviewsAsked", MetricUnit.Count, done.asked)
    metrics.add_metric("ExperimentsEnded", MetricUnit.Count, len(done.ended))
    return {"accounts": done.accounts, "asked": done.asked, "ended": list(done.ended)}
