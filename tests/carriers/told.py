"""What carriers say, as they say it: events/delivery_feedback, and variations of it."""

import json
from typing import Any

from tests.template.cloudformation import PROJECT

TOPIC = "arn:aws:sns:us-east-1:123456789012:escalon-feedback"
EVENTS = PROJECT / "events" / "delivery_feedback"


def bodies(name: str) -> list[str]:
    """The messages of the feedback queue in an event of that name."""
    records = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))["Records"]
    return [record["body"] for record in records]


def event(name: str) -> dict[str, Any]:
    """What the carrier says in the first of them."""
    found: dict[str, Any] = json.loads(json.loads(bodies(name)[0])["Message"])
    return found


def notification(said: object, topic: str = TOPIC) -> str:
    """It, as it stands on the queue."""
    message = said if isinstance(said, str) else json.dumps(said)
    return json.dumps({"Type": "Notification", "TopicArn": topic, "Message": message})
