"""Sweep: EventBridge Scheduler starts a run over everything that is due."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from escalon import bootstrap
from escalon.usecases.runs.sweep import scheduled_time

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`event["scheduled_at"]` is the run's clock and its name."""
    try:
        run = bootstrap.sweep()(scheduled_time(str(event.get("scheduled_at", ""))))
    except bootstrap.NothingPublishedError:
        # Nothing to retry; the alarm on runs that do not start tells a person.
        logger.warning("no_rulebook_in_force", extra={"remedy": "escalon rules publish"})
        metrics.add_metric("SweepsWithoutRulebook", MetricUnit.Count, 1)
        return {"no_rulebook": True}
    if run is None:
        logger.warning("event_too_late", extra={"scheduled_at": event.get("scheduled_at")})
        metrics.add_metric("SweepsDropped", MetricUnit.Count, 1)
        return {"dropped": True}
    logger.info("run_started", extra={"run_id": run.run_id, "rulebook": run.rulebook})
    metrics.add_metric("Sweeps", MetricUnit.Count, 1)
    bootstrap.keep_last_good_rulebook()
    if not bootstrap.keep_quotas(run.as_of):
        metrics.add_metric("QuotasNotRead", MetricUnit.Count, 1)
    # Only said: each account's own look makes the messages of its creditors wait.
    stale = bootstrap.stale_feeds(run.rulebook, run.as_of)
    if stale:
        logger.warning("feeds_stale", extra={"feeds": stale})
    metrics.add_metric("StaleFeeds", MetricUnit.Count, len(stale))
    # Likewise: interest stops by itself before a month whose rate nobody has put in.
    missing = bootstrap.rates_missing(run.rulebook, run.as_of)
    if missing:
        logger.warning("rates_missing", extra={"months": missing})
    metrics.add_metric("RatesMissing", MetricUnit.Count, len(missing))
    # And nobody is contacted in a year whose holidays nobody has loaded.
    ending = bootstrap.holidays_ending(run.rulebook, run.as_of)
    if ending:
        logger.warning("holidays_ending", extra={"countries": ending})
    metrics.add_metric("HolidaysEnding", MetricUnit.Count, len(ending))
    return {"run_id": run.run_id, "rulebook": run.rulebook, "shards": run.shards}
