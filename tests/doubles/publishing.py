"""A rulebook in force without the function that puts it there: for tests of what reads it."""

from escalon.adapters.rulebook_source import Deployments
from escalon.domain.rules.rollout import Rollout
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.deployed import Deployed


def put_in_force(
    deployed: Deployed, rulebook: Rulebook, rollout: Rollout | None = None
) -> Rulebook:
    """Put a rulebook into the bucket, and it (or this rollout) in force by AppConfig alone."""
    deployed.documents.put_rulebook(rulebook)
    deployments_of(deployed).put(
        rollout or Rollout(rulebook.version), "a test", patience_seconds=30
    )
    return rulebook


def deployments_of(deployed: Deployed) -> Deployments:
    """The stack's deployments, as the administrator."""
    outputs = deployed.outputs
    return Deployments(
        deployed.client("appconfig"),
        deployed.client("appconfigdata"),
        application=outputs["RulebookApplicationId"],
        environment=outputs["RulebookEnvironmentId"],
        profile=outputs["RulebookProfileId"],
        strategy=outputs["RulebookStrategyId"],
    )
