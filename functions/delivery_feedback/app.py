"""Delivery feedback: what SES and the carriers of SMS tell of messages that left."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap, failures

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Each record is one notification or one SMS's status; one that could not be recorded comes
    back, later each time. Lines of SNS's own log come as they are, and are queued first."""
    if "awslogs" in event:
        queued, strange = bootstrap.queue_sms_status()(event["awslogs"]["data"])
        logger.info("sms_status_queued", extra={"queued": queued, "strange": strange})
        metrics.add_metric("FeedbackNotUnderstood", MetricUnit.Count, strange)
        return {"queued": queued}

    def one(record: SQSRecord) -> None:
        attempt = int(record.attributes.approximate_receive_count)
        try:
            became = bootstrap.record_feedback()(record.body, attempt)
        except Exception as error:
            about = {"record": record.message_id, "attempt": attempt, **failures.described(error)}
            logger.warning("feedback_not_recorded", extra=about)
            metrics.add_metric("NotRecorded", MetricUnit.Count, 1)
            bootstrap.retry_feedback_later()(record.receipt_handle, attempt)
            raise
        logger.info("feedback_recorded", extra={"became": became})
        for one_of_them in became:
            metrics.add_metric(f"Feedback_{one_of_them}", MetricUnit.Count, 1)
            if one_of_them in ("not_understood", "given_up"):
                metrics.add_metric("FeedbackNotUnderstood", MetricUnit.Count, 1)

    return dict(process_partial_response(event, one, processor, context))
