"""Receive reply: what debtors write back to an SMS or to WhatsApp."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap, failures

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Each record is one notification; one that could not be taken comes back, later each time."""

    def one(record: SQSRecord) -> None:
        attempt = int(record.attributes.approximate_receive_count)
        try:
            became = bootstrap.receive_reply()(record.body, attempt)
        except Exception as error:
            about = {"record": record.message_id, "attempt": attempt, **failures.described(error)}
            logger.warning("reply_not_received", extra=about)
            metrics.add_metric("NotReceived", MetricUnit.Count, 1)
            bootstrap.retry_reply_later()(record.receipt_handle, attempt)
            raise
        logger.info("reply_received", extra={"became": became})
        for one_of_them in became:
            metrics.add_metric(f"Reply_{one_of_them}", MetricUnit.Count, 1)
            if one_of_them in ("not_understood", "unmatched", "given_up"):
                metrics.add_metric("ReplyNotTaken", MetricUnit.Count, 1)

    return process_partial_response(event, one, processor, context)
