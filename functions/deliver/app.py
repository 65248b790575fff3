"""Deliver: planned contacts of one channel, or tasks; the template says which."""

from typing import Any

import msgspec
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
from escalon.usecases.messages_between import ToDeliver

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Each record is one intent; one that could not be settled yet comes back alone."""

    def one(record: SQSRecord) -> None:
        message = msgspec.json.decode(record.body, type=ToDeliver)
        try:
            became = bootstrap.deliver()(message)
        except Exception as error:
            about = {"intent_id": message.intent_id, **failures.described(error)}
            logger.warning("not_settled", extra=about)
            metrics.add_metric("Delivery_not_settled", MetricUnit.Count, 1)
            raise
        logger.info("delivered", extra={"intent_id": message.intent_id, "became": became})
        metrics.add_metric(f"Delivery_{became}", MetricUnit.Count, 1)
        if became == "capped":
            metrics.add_metric("SendingCapped", MetricUnit.Count, 1)

    return process_partial_response(event, one, processor, context)
