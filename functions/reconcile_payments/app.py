"""Reconcile payments: providers' settlement files against the ledger, daily and by hand."""

from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from escalon import bootstrap, failures

logger = Logger()
metrics = Metrics()

ENOUGH_TIME = timedelta(minutes=5)  # for another file; the rest waits for the next day's run


class ReconciliationFailedError(Exception):
    """A reconciliation broke off. It says kind and place only: Lambda keeps its words."""


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes `{"key": "settlements/<provider>/<file>"}`; or the schedule's event, and then every
    file of which there is no report."""
    reconcile = bootstrap.reconcile_payments()
    keys = [str(event["key"])] if "key" in event else reconcile.waiting()
    done = 0
    for key in keys:
        if done and timedelta(milliseconds=context.get_remaining_time_in_millis()) < ENOUGH_TIME:
            logger.warning("files_left", extra={"files": len(keys) - done})
            break
        try:
            report = reconcile(key)
        except Exception as error:
            about = failures.described(error)
            logger.error("reconciliation_failed", extra={"file_number": done, **about})
            raise ReconciliationFailedError(f"{about['error']} at {about['raised_at']}") from None
        counted = {what: report.count(what) for what in ("missing", "extra", "different")}
        logger.info(
            "reconciled",
            extra={
                "reconciliation_id": report.reconciliation_id,
                "provider": report.provider,
                "state": report.state,
                "payments": report.payments,
                **counted,
            },
        )
        refused = int(report.state == "refused") + report.refused_lines
        metrics.add_metric("ReconciliationDifferences", MetricUnit.Count, sum(counted.values()))
        metrics.add_metric("SettlementsNotRead", MetricUnit.Count, refused)
        done += 1
    return {"files": done}
