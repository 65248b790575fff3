"""Send receipt: the event bus tells of money that was booked, and whoever paid gets a receipt."""

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
    """Each record is the fact `paid`; one whose receipt could not be settled comes back alone."""

    def one(record: SQSRecord) -> None:
        fact = record.json_body["detail"]
        about = {"account_id": fact["account_id"], "payment_id": fact["payment_id"]}
        try:
            became = bootstrap.send_receipt()(fact["account_id"], fact["payment_id"])
        except Exception as error:
            logger.warning("receipt_not_settled", extra={**about, **failures.described(error)})
            metrics.add_metric("Receipt_not_settled", MetricUnit.Count, 1)
            raise
        logger.info("receipt", extra={**about, "became": became})
        metrics.add_metric(f"Receipt_{became}", MetricUnit.Count, 1)

    return process_partial_response(event, one, processor, context)
