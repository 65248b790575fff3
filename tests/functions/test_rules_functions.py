"""Publishing, validating and replanning through their handlers: what is answered and logged."""

import base64
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.adapters.rulebook_source import LAST_GOOD
from escalon.authoring.rulebook import sealed
from escalon.domain.rules.rollout import Rollout, plan_hash
from escalon.domain.rules.rulebook import Publishing, Rulebook
from escalon.domain.storage import instant
from escalon_cli.publish import rollout_of, upload_draft
from tests.doubles.publishing import put_in_force
from tests.functions.conftest import NOW, Aws, Invocation
from tests.functions.test_functions import EVENTS, SMS, add_debtors, names_nobody


def asked(path: str, **stands_for: str) -> dict[str, Any]:
    text = (EVENTS / path).read_text(encoding="utf-8")
    for name, value in stands_for.items():
        text = text.replace(name, value)
    found: dict[str, Any] = json.loads(text)
    return found


def answer(done: Invocation) -> tuple[int, dict[str, Any]]:
    for word in ("operator-1", "operator-2", "enough seen", "fifth day"):
        assert word not in done.log
    return done.answer["statusCode"], json.loads(done.answer["body"])


@pytest.fixture
def own(aws: Aws) -> Aws:
    """An AppConfig of this test's own, with a rulebook in force that asks for approval."""
    aws.make_application("rules")
    aws.physical["RulebookStrategy"] = aws.client("appconfig").create_deployment_strategy(
        Name="rules", DeploymentDurationInMinutes=0, GrowthFactor=100, FinalBakeTimeInMinutes=0,
        ReplicateTo="NONE",
    )["Id"]  # fmt: skip
    assert aws.published is not None
    aws.published = put_in_force(
        aws.deployed,
        sealed(replace(aws.published, publishing=Publishing(plan=True, approval=True))),
    )
    return aws


def planned(aws: Aws, draft: Rulebook) -> str:
    """The plan of a draft, kept as `rules plan` keeps it."""
    upload_draft(aws.deployed, draft)
    name = plan_hash(draft.version, aws.rulebook.version, "book", 60)
    told = {
        "plan": name,
        "draft": {"version": draft.version},
        "in_force": {"version": aws.rulebook.version},
        "book": {"fingerprint": "book", "taken_at": NOW.isoformat()},
        "days": 60,
        "breaches": 0,
    }
    aws.deployed.documents.put_new(f"plans/{name}.json", msgspec.json.encode(told))
    return name


def test_a_draft_is_approved_published_promoted_and_taken_back(own: Aws) -> None:
    draft = sealed(replace(own.rulebook, rulebook="draft"))
    plan = planned(own, draft)
    event = asked("publish_rules/publish.json", RULEBOOK=draft.version)
    event["body"] = event["body"].replace('"share"', f'"plan": "{plan}", "share"')
    status, body = answer(own.invoke("PublishRules", event))
    assert (status, body["problems"][0]["problem"]) == (403, "nobody has approved it")
    approve = asked("publish_rules/approve.json", PLAN=plan)
    assert answer(own.invoke("PublishRules", approve))[0] == 200

    done = own.invoke("PublishRules", event)
    status, body = answer(done)
    assert (status, body["done"], body["again"]) == (200, "canary_started", False)
    assert done.counted("Rules_200") == 1
    assert rollout_of(own.deployed) == Rollout(own.rulebook.version, draft.version, 500)
    (shard,) = own.messages_in("ReplanQueue")
    assert shard["in_force"]["canary"] == draft.version
    assert answer(own.invoke("PublishRules", event))[1]["again"] is True

    assert answer(own.invoke("PublishRules", asked("publish_rules/promote.json")))[0] == 200
    assert rollout_of(own.deployed) == Rollout(draft.version)
    assert answer(own.invoke("PublishRules", asked("publish_rules/roll_back.json")))[0] == 200
    _, told = answer_of_history(own)
    assert told["in_force"] == {"live": own.rulebook.version}
    assert [c["did"] for c in told["changes"]] == ["rolled_back", "promoted", "canary_started"]
    acts = [act.did for act in own.deployed.table.acts(NOW.date(), NOW.date())]
    assert sorted(acts) == ["canary_started", "plan_approved", "promoted", "rolled_back"]


def answer_of_history(aws: Aws) -> tuple[int, dict[str, Any]]:
    done = aws.invoke("PublishRules", asked("publish_rules/history.json"))
    return done.answer["statusCode"], json.loads(done.answer["body"])


def test_whoever_has_not_signed_takes_nothing_back(own: Aws) -> None:
    status, _ = answer(own.invoke("PublishRules", asked("publish_rules/unsigned.json")))
    assert status == 403
    assert rollout_of(own.deployed) == Rollout(own.rulebook.version)


def test_appconfig_is_told_what_may_go_live(own: Aws) -> None:
    content = base64.b64encode(msgspec.json.encode(Rollout(own.rulebook.version))).decode()
    done = own.invoke(
        "ValidateRulebook", asked("validate_rulebook/deployment.json", CONTENT=content)
    )
    assert done.answer == {"versions": [own.rulebook.version]}


def test_appconfig_is_told_no_by_an_error(own: Aws) -> None:
    content = base64.b64encode(b'{"live": "0123456789abcdef"}').decode()
    event = asked("validate_rulebook/deployment.json", CONTENT=content)
    done = own.invoke("ValidateRulebook", event)
    assert done.answer == {
        "errorType": "NotSoundError",
        "errorMessage": "there is no rulebook 0123456789abcdef",
    }


def test_a_shard_is_replanned(own: Aws) -> None:
    add_debtors(own)
    table = own.deployed.table
    stored = table.get(SMS)
    assert stored is not None
    later = NOW + timedelta(days=3)
    table._client.update_item(
        TableName=table.name,
        Key={"pk": {"S": f"A#{SMS}"}, "sk": {"S": "A"}},
        UpdateExpression="SET look_at = :later",
        ExpressionAttributeValues={":later": {"S": instant(later)}},
    )
    event = asked("replan/shard.json", RULEBOOK=own.rulebook.version)
    done = own.invoke("Replan", event)
    assert done.answer == {"batchItemFailures": []}
    (line,) = done.said("shard_replanned")
    assert (line["looked_at"], line["acted"], line["failed"]) == (3, 1, 0)
    assert done.counted("Replanned") == 1
    moved = table.get(SMS)
    assert moved is not None
    assert moved.look_at == "2026-10-05T14:00:00Z"
    assert names_nobody(done.log)


def test_a_message_of_nobodys_making_comes_back_alone(own: Aws) -> None:
    done = own.invoke("Replan", asked("replan/unreadable.json"))
    assert done.answer == {
        "batchItemFailures": [{"itemIdentifier": "19dd0b57-b21e-4ac1-bd88-01bbb068cc02"}]
    }


def test_a_run_keeps_what_is_in_force_for_when_appconfig_is_away(own: Aws) -> None:
    own.invoke("Sweep", asked("sweep/scheduled.json"))
    kept = msgspec.json.decode(own.deployed.documents.get(LAST_GOOD), type=Rollout)
    assert kept == Rollout(own.rulebook.version)
