"""Keep document: the event bus tells of an agreement that is in force; its PDF is kept, and the
debtor gets it."""

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
    """Each record is the fact `agreement_active`; one whose document could not be kept, or whose
    message could not be settled, comes back alone."""

    def one(record: SQSRecord) -> None:
        fact = record.json_body["detail"]
        about = {"account_id": fact["account_id"], "agreement_id": fact["agreement_id"]}
        try:
            kept = bootstrap.keep_document().keep(fact["account_id"], fact["agreement_id"])
        except Exception as error:
            logger.warning("document_not_kept", extra={**about, **failures.described(error)})
            metrics.add_metric("Document_not_kept", MetricUnit.Count, 1)
            raise
        logger.info("document_kept", extra={**about, "as_shown": kept.as_shown})
        metrics.add_metric("Document_kept", MetricUnit.Count, 1)
        if kept.as_shown is False:
            metrics.add_metric("DocumentNotAsShown", MetricUnit.Count, 1)
        try:
            became = bootstrap.send_document()(fact["account_id"], fact["agreement_id"])
        except Exception as error:
            logger.warning("document_not_settled", extra={**about, **failures.described(error)})
            metrics.add_metric("Document_not_settled", MetricUnit.Count, 1)
            raise
        logger.info("document_message", extra={**about, "became": became})
        metrics.add_metric(f"Document_{became}", MetricUnit.Count, 1)

    return process_partial_response(event, one, processor, context)
