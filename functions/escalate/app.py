"""Escalate: one shard of a run; every account that is due is decided about and written once."""

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
from escalon.usecases.messages_between import ShardOfRun

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
        shard = msgspec.json.decode(record.body, type=ShardOfRun)
        try:
            totals = bootstrap.escalate()(shard, time_left)
        except Exception as error:
            about = {"run_id": shard.run_id, "shard": shard.shard, **failures.described(error)}
            logger.warning("shard_failed", extra=about)
            metrics.add_metric("ShardsFailed", MetricUnit.Count, 1)
            raise
        logger.info(
            "shard_looked_at",
            extra={"run_id": shard.run_id, "shard": shard.shard, **msgspec.to_builtins(totals)},
        )
        for name, count in (
            ("LookedAt", totals.looked_at),
            ("Acted", totals.acted),
            ("Failed", totals.failed),
            ("Silenced", totals.silenced),
        ):
            metrics.add_metric(name, MetricUnit.Count, count)

    return process_partial_response(event, one, processor, context)
