"""Validate rulebook: AppConfig asks before it deploys; an error is a no."""

import base64
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from escalon import bootstrap

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`event["content"]` is the configuration, as base64 (AppConfig, "Lambda validators")."""
    rollout = bootstrap.validate_rulebook()(base64.b64decode(event["content"]))
    logger.info("rulebook_is_sound", extra={"versions": rollout.versions})
    metrics.add_metric("RulebooksValidated", MetricUnit.Count, 1)
    return {"versions": list(rollout.versions)}
