"""Replan: after a change of rules, one shard at a time; who is concerned becomes due at once."""

from datetime import timedelta
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
from escalon.usecases.messages_between import ReplanShard

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Each record is one shard; a shard that fails comes back alone."""

    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    def one(record: SQSRecord) -> None:
        shard = msgspec.json.decode(record.body, type=ReplanShard)
        about = {"run_id": shard.run_id, "shard": shard.shard}
        try:
            totals = bootstrap.replan()(shard, time_left)
        except Exception as error:
            logger.warning("replan_failed", extra={**about, **failures.described(error)})
            raise
        logger.info("shard_replanned", extra={**about, **msgspec.to_builtins(totals)})
        metrics.add_metric("Replanned", MetricUnit.Count, totals.acted)

    return process_partial_response(event, one, processor, context)
