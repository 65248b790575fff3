"""Confirm payment: receipts whose truth their provider has to be asked for."""

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
    """Each record names a receipt; one that could not be settled comes back, later each time."""

    def one(record: SQSRecord) -> None:
        attempt = int(record.attributes.approximate_receive_count)
        message = record.json_body
        about = {"provider": message["provider"], "receipt": message["receipt"], "attempt": attempt}
        try:
            became = bootstrap.confirm_payment()(message["provider"], message["receipt"], attempt)
        except Exception as error:
            logger.warning("not_confirmed", extra={**about, **failures.described(error)})
            metrics.add_metric("NotConfirmed", MetricUnit.Count, 1)
            bootstrap.retry_confirming_later()(record.receipt_handle, attempt)
            raise
        logger.info("confirmed", extra={**about, "became": became})
        for one_of_them in became:
            metrics.add_metric(f"Confirmed_{one_of_them}", MetricUnit.Count, 1)
        if "no_such_payment" in became:
            metrics.add_metric("NoSuchPayment", MetricUnit.Count, 1)

    return process_partial_response(event, one, processor, context)
